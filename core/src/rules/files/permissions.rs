//! Modes, owner and user do not let a process read its file.

use crate::cause::{CauseKind, Severity, Variant};
use crate::manifest::{FileKind, FileMeta};
use crate::remedy::{Change, ChangeKind, Fix, shell};
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{Content, OpenedPath};
use crate::workload::{Place, WorkloadKind};

/// Modes, owner and user do not let a process read its file.
pub(in crate::rules) fn unreadable(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    let mut groups: Vec<(usize, Place, u32, u32, Vec<ClosedFile>)> = Vec::new();
    for one in &case.wiring.files {
        let container = case.container(one.workload, one.container);
        let own = case.program(one.workload, one.container).user(container);
        let Some(user) = container.user.or(own.map(|(user, _)| user)) else { continue };
        if user == 0 {
            continue;
        }
        let group = container
            .group
            .or_else(|| own.filter(|_| container.user.is_none()).map(|(_, group)| group))
            .unwrap_or(0);
        let found = case.open(one.workload, one.container, &one.file);
        let OpenedPath::Content(content) = &*found else { continue };
        let closed = closed(content, user, group, &container.groups);
        if closed.is_empty() {
            continue;
        }
        let place = mode_place(case, content).unwrap_or_else(|| one.file.place.clone());
        match groups.iter_mut().find(|(workload, at, ..)| *workload == one.workload && *at == place) {
            Some((.., all)) => {
                for more in closed {
                    if !all.contains(&more) {
                        all.push(more);
                    }
                }
            }
            None => groups.push((one.workload, place, user, group, closed)),
        }
    }
    for (workload, place, user, group, closed) in groups {
        let name = case.called(workload);
        let shown: Vec<String> =
            closed.iter().map(|one| format!("{} ({:04o})", one.path, one.mode)).collect();
        let message = format!("{name} runs as user {user}, who may not read {}", shown.join(", "));
        let strict = case.workload(workload).containers.iter().any(|one| one.in_production());
        let fix = readable(case, workload, &place, user, group, &closed, strict);
        findings.push(
            Finding::new("unreadable-for-user", Severity::Error, &place, message)
                .of(name)
                .cause(CauseKind::BadKeyFile, Some(Variant::PermissionDenied))
                .fix(fix),
        );
    }
}

/// Where the modes of what is mounted are said; else the mount.
fn mode_place(case: &RuleContext<'_>, content: &Content) -> Option<Place> {
    let mount = content.mount.as_ref()?;
    let marks = case.description.volumes.get(mount);
    let own = marks.and_then(|one| {
        let (_, _, key) = content.stored.as_ref()?;
        one.modes.get(key).map(|(_, place)| place).or(one.mode.as_ref())
    });
    Some(own.unwrap_or(mount).clone())
}

/// A file or a folder that is closed.
#[derive(Clone, Debug, PartialEq, Eq)]
struct ClosedFile {
    path: String,
    mode: u32,
    folder: bool,
    stored: bool,
}

fn closed(content: &Content, user: u32, group: u32, groups: &[u32]) -> Vec<ClosedFile> {
    if let Some(mode) = content.mode {
        // Root's, and of the pod's group where there is one: kubelet adds the group's right to read.
        let by_group = groups.iter().any(|one| *one != 0);
        let open =
            mode & 0o004 != 0 || by_group || (mode & 0o040 != 0 && (group == 0 || groups.contains(&0)));
        let stored = !open && content.stored.is_some();
        return stored
            .then(|| ClosedFile { path: content.shown.clone(), mode, folder: false, stored: true })
            .into_iter()
            .collect();
    }
    let may = |meta: &FileMeta, bit: u32| {
        let shift = if meta.user == user {
            6
        } else if meta.group == group || groups.contains(&meta.group) {
            3
        } else {
            0
        };
        (meta.mode >> shift) & bit != 0
    };
    let mut closed = Vec::new();
    for (path, meta) in content.folders.iter().rev() {
        if !may(meta, 1) {
            closed.push(ClosedFile {
                path: path.clone(),
                mode: meta.mode & 0o7777,
                folder: true,
                stored: false,
            });
        }
    }
    if let (Some(meta), Some(path)) = (&content.meta, &content.host)
        && meta.kind == FileKind::File
        && !may(meta, 4)
    {
        closed.push(ClosedFile {
            path: path.clone(),
            mode: meta.mode & 0o7777,
            folder: false,
            stored: false,
        });
    }
    closed
}

fn readable(
    case: &RuleContext<'_>,
    workload: usize,
    place: &Place,
    user: u32,
    group: u32,
    closed: &[ClosedFile],
    strict: bool,
) -> Fix {
    let name = case.called(workload);
    if closed.iter().any(|one| one.stored) {
        let mut change = Change::new(name, ChangeKind::Config, "fsGroup");
        let spec = match case.workload(workload).kind {
            WorkloadKind::Pod => "spec",
            WorkloadKind::CronJob => "spec.jobTemplate.spec.template.spec",
            _ => "spec.template.spec",
        };
        change.path = Some(format!("{spec}.securityContext.fsGroup"));
        change.to = Some(if group == 0 { user } else { group }.to_string());
        change.defined_at = Some(place.clone());
        return case.cure("give the pod a group that its Secrets are readable for (fsGroup)", vec![change]);
    }
    let mut changes = Vec::new();
    let mut commands = Vec::new();
    for one in closed {
        let bits = match (one.folder, strict) {
            (true, false) => 0o055,
            (false, false) => 0o044,
            (true, true) => 0o050,
            (false, true) => 0o040,
        };
        let mut change = Change::new(name.clone(), ChangeKind::File, one.path.clone());
        change.from = Some(format!("{:04o}", one.mode));
        change.to = Some(format!("{:04o}", one.mode | bits));
        change.defined_at = Some(place.clone());
        changes.push(change);
        let path = shell::path(&one.path);
        if strict {
            commands.push(format!(
                "chgrp {group} {path} && chmod g+r{} {path}",
                if one.folder { "x" } else { "" }
            ));
        } else {
            commands.push(format!("chmod go+r{} {path}", if one.folder { "x" } else { "" }));
        }
    }
    Fix { text: format!("let user {user} read them"), command: Some(commands.join(" && ")), changes }
}
