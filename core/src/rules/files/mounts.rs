//! A setting names a file that nothing brings.

use crate::cause::{CauseKind, Severity, Variant};
use crate::manifest::files::{name as file_name, parent};
use crate::remedy::{Change, ChangeKind};
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{FileRole, FileUse, OpenedPath};
use crate::workload::{Mount, MountSource};

/// A setting names a file that nothing brings.
pub(in crate::rules) fn not_mounted(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for one in &case.wiring.files {
        let found = case.open(one.workload, one.container, &one.file);
        let why = match &*found {
            OpenedPath::NotInside { source, .. } => {
                format!("{source} is mounted there, and has no such file")
            }
            OpenedPath::Unmounted { certain: true } => {
                "nothing is mounted there, only its neighbours are".to_owned()
            }
            _ => continue,
        };
        // The image's own configuration stands in.
        if one.role == FileRole::Config && matches!(&*found, OpenedPath::Unmounted { .. }) {
            continue;
        }
        let name = case.called(one.workload);
        let message =
            format!("{} names {}, which {name} does not have: {why}", one.file.setting, one.file.path);
        let sibling = sibling_mount(case, one);
        let target = sibling.map_or_else(|| parent(&one.file.path), |mount| mount.target.clone());
        let source = sibling.and_then(|mount| match &mount.source {
            MountSource::Host(path) => Some(path.clone()),
            MountSource::Secret { name, .. } | MountSource::ConfigMap { name, .. } => Some(name.clone()),
            _ => None,
        });
        let mut change = Change::new(name.clone(), ChangeKind::Mount, target.clone());
        change.to = source;
        change.defined_at = Some(case.container_place(one.workload, one.container));
        let cause = if one.role == FileRole::Config { None } else { Some(CauseKind::BadKeyFile) };
        let mut finding =
            Finding::new("path-not-mounted", Severity::Error, &one.file.place, message).of(name);
        finding.cause = cause;
        finding.variant = cause.map(|_| Variant::FileMissing);
        let fix = match meant(case, one) {
            // What is meant lies there under another name.
            Some(there) => {
                let file = &one.file;
                let (from, to) = (Some(file.path.as_str()), Some(there.as_str()));
                let change = case.change(one.workload, file.kind, &file.setting, from, to, &file.place);
                case.cure(format!("set {} to {there}, which is there", file.setting), vec![change])
            }
            None => case.cure(format!("mount what brings {}", one.file.path), vec![change]),
        };
        findings.push(finding.fix(fix));
    }
}

/// The one file beside it whose name is nearly the same, or the same but for its ending.
fn meant(case: &RuleContext<'_>, one: &FileUse) -> Option<String> {
    let (workload, container) = (case.workload(one.workload), case.container(one.workload, one.container));
    let wanted = file_name(&one.file.path);
    let stem = |name: &str| name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
    let near = |path: &&String| {
        let name = file_name(path);
        let ends = |end: &str| name.ends_with(end) == wanted.ends_with(end);
        let same = stem(name) == stem(wanted) && ends(".key");
        same || (ends(".key") && strsim::osa_distance(name, wanted) <= 2)
    };
    let beside = case.view.list(workload, container, &parent(&one.file.path))?;
    let found: Vec<&String> = beside.iter().filter(near).collect();
    match found.as_slice() {
        [only] => Some((*only).clone()),
        _ => None,
    }
}

/// The mount by which a sibling has the file.
fn sibling_mount<'a>(case: &'a RuleContext<'_>, one: &FileUse) -> Option<&'a Mount> {
    let own = case.workload(one.workload);
    case.description
        .workloads
        .iter()
        .filter(|other| other.namespace == own.namespace)
        .flat_map(|other| &other.containers)
        .filter(|container| !std::ptr::eq(*container, case.container(one.workload, one.container)))
        .find_map(|container| container.mount_of(&one.file.path))
}
