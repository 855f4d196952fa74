//! What is mounted is not there: a file of the host, a key of a Secret or ConfigMap.

use std::collections::BTreeSet;

use super::folder::walk;
use crate::cause::{CauseKind, Severity, Variant};
use crate::manifest::files::name as file_name;
use crate::manifest::{FileKind, StoredKind};
use crate::remedy::{Change, ChangeKind};
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{FileRef, OpenedPath, Program};
use crate::workload::{Mount, MountSource, Place};

/// What is mounted is not there.
pub(in crate::rules) fn source_missing(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    let mut told: BTreeSet<(usize, String)> = BTreeSet::new();
    for one in &case.wiring.files {
        let found = case.open(one.workload, one.container, &one.file);
        match &*found {
            OpenedPath::SourceMissing { mount, source } => {
                missing_host(case, one.workload, mount.as_ref(), source, &one.file, &mut told, findings);
            }
            OpenedPath::KeyMissing { mount, kind, name, key } => {
                if one.optional && *kind == StoredKind::ConfigMap {
                    continue;
                }
                if told.insert((one.workload, format!("{name}/{key}"))) {
                    missing_key(
                        case,
                        one.workload,
                        mount.as_ref().unwrap_or(&one.file.place),
                        *kind,
                        name,
                        key,
                        findings,
                    );
                }
            }
            _ => {}
        }
    }
    for (at, workload) in case.description.workloads.iter().enumerate() {
        for container in &workload.containers {
            for mount in &container.mounts {
                mounted(case, at, mount, &mut told, findings);
            }
        }
    }
}

fn missing_host(
    case: &RuleContext<'_>,
    workload: usize,
    mount: Option<&Place>,
    source: &str,
    file: &FileRef,
    told: &mut BTreeSet<(usize, String)>,
    findings: &mut Vec<Finding>,
) {
    if !told.insert((workload, source.to_owned())) {
        return;
    }
    let name = case.called(workload);
    let at = mount.unwrap_or(&file.place);
    let place = case.description.defined.get(at).unwrap_or(at);
    let message = format!(
        "{source} is mounted into {name} and is not there: Docker makes an empty folder of that name"
    );
    let mut change = Change::new(name.clone(), ChangeKind::Mount, &*file.path);
    change.from = Some(source.to_owned());
    change.to = instead(case, source);
    change.defined_at = Some(place.clone());
    let text = match &change.to {
        Some(to) => format!("mount {to}, which is there"),
        None => format!("put {source} there, or mount what is meant"),
    };
    findings.push(
        Finding::new("source-missing", Severity::Error, place, message)
            .of(name)
            .cause(CauseKind::BadKeyFile, Some(Variant::FileMissing))
            .fix(case.cure(text, vec![change])),
    );
}

/// A file of the same name that other mounts of the deployment bring.
fn instead(case: &RuleContext<'_>, source: &str) -> Option<String> {
    let wanted = file_name(source);
    let mut found: BTreeSet<String> = BTreeSet::new();
    for mount in case.description.workloads.iter().flat_map(|one| &one.containers).flat_map(|one| &one.mounts)
    {
        let MountSource::Host(path) = &mount.source else { continue };
        match case.files.meta(path).map(|meta| meta.kind) {
            Some(FileKind::File) if file_name(path) == wanted => {
                found.insert(path.clone());
            }
            Some(FileKind::Folder) => {
                walk(case, path, 3, &mut |file| {
                    if file_name(file) == wanted {
                        found.insert(file.to_owned());
                    }
                });
            }
            _ => {}
        }
    }
    // Of several nobody knows which.
    (found.len() == 1).then(|| found.into_iter().next()).flatten()
}

fn missing_key(
    case: &RuleContext<'_>,
    workload: usize,
    place: &Place,
    kind: StoredKind,
    object: &str,
    key: &str,
    findings: &mut Vec<Finding>,
) {
    let name = case.called(workload);
    // Of what is mounted alone the name stands with the mount.
    let place = case.description.volumes.get(place).and_then(|marks| marks.parts.get(key)).unwrap_or(place);
    let message = format!("{name} is to have `{key}` of the {} {object}, which has no such key", kind.name());
    let mut change = Change::new(name.clone(), ChangeKind::Secret, format!("{object}/{key}"));
    change.defined_at = case
        .description
        .stored(kind, case.workload(workload).namespace.as_deref(), object)
        .map(|stored| stored.place.clone());
    findings.push(
        Finding::new("source-missing", Severity::Error, place, message)
            .of(name)
            .cause(CauseKind::BadKeyFile, Some(Variant::FileMissing))
            .fix(case.cure(format!("put `{key}` into the {} {object}", kind.name()), vec![change])),
    );
}

/// What is mounted, whether a setting names it or not.
fn mounted(
    case: &RuleContext<'_>,
    at: usize,
    mount: &Mount,
    told: &mut BTreeSet<(usize, String)>,
    findings: &mut Vec<Finding>,
) {
    let sources: Vec<&MountSource> = match &mount.source {
        MountSource::Projected(all) => all.iter().collect(),
        one => vec![one],
    };
    let workload = case.workload(at);
    for source in sources {
        let (kind, name, items) = match source {
            MountSource::Secret { name, items, optional: false } => (StoredKind::Secret, name, items),
            MountSource::ConfigMap { name, items, optional: false } => (StoredKind::ConfigMap, name, items),
            MountSource::Host(path) => {
                host_mounted(case, at, mount, path, told, findings);
                continue;
            }
            _ => continue,
        };
        if name.is_empty() {
            continue;
        }
        let space = workload.namespace.as_deref();
        let place = mount.place.clone().unwrap_or_else(|| case.container_place(at, 0));
        let Some(stored) = case.description.stored(kind, space, name) else {
            // Every namespace has this one.
            let given = name == "kube-root-ca.crt";
            if !given
                && case.description.makes(kind, space, name).is_none()
                && told.insert((at, name.clone()))
            {
                let severity = if case.options.live { Severity::Error } else { Severity::Warning };
                let whose = workload.to_string();
                let message = format!(
                    "{whose} mounts the {} {name}, which nothing that was read holds or makes",
                    kind.name()
                );
                let mut change = Change::new(whose.clone(), ChangeKind::Secret, name.clone());
                change.defined_at = Some(place.clone());
                findings.push(
                    Finding::new("source-missing", severity, &place, message)
                        .of(whose)
                        .cause(CauseKind::BadKeyFile, Some(Variant::FileMissing))
                        .fix(case.cure(
                            format!("make the {} {name}, before or with the rest", kind.name()),
                            vec![change],
                        )),
                );
            }
            continue;
        };
        let wanted = items.keys().cloned().chain(mount.sub_path.clone().filter(|_| items.is_empty()));
        for key in wanted {
            if !stored.entries.contains_key(&key) && told.insert((at, format!("{name}/{key}"))) {
                missing_key(case, at, &place, kind, name, &key, findings);
            }
        }
    }
}

/// A host's file that looks like a matter of TLS or of a server's configuration.
fn host_mounted(
    case: &RuleContext<'_>,
    at: usize,
    mount: &Mount,
    path: &str,
    told: &mut BTreeSet<(usize, String)>,
    findings: &mut Vec<Finding>,
) {
    let file = FileRef {
        path: mount.target.clone(),
        setting: "volumes".to_owned(),
        place: mount.place.clone().unwrap_or_else(|| case.container_place(at, 0)),
        kind: crate::wiring::SettingKind::Config,
    };
    let lower = format!("{path} {}", mount.target).to_ascii_lowercase();
    let parts: Vec<&str> = lower.split(['/', '.', '-', '_', ' ']).collect();
    let about = [
        "tls",
        "ssl",
        "cert",
        "certs",
        "certificate",
        "certificates",
        "pki",
        "crt",
        "pem",
        "key",
        "ca",
        "mtls",
    ]
    .iter()
    .any(|word| parts.contains(word));
    let program = case.program(at, 0);
    let config = matches!(program, Program::Nats | Program::Redis | Program::Nginx)
        && [".conf", ".template"].iter().any(|end| mount.target.ends_with(end) || path.ends_with(end));
    let secret = mount.target.starts_with("/run/secrets/");
    if !(about || config || secret) {
        return;
    }
    if let OpenedPath::SourceMissing { mount, source } =
        case.view.open(case.workload(at), case.container(at, 0), &file.path)
    {
        missing_host(case, at, mount.as_ref(), &source, &file, told, findings);
    }
}
