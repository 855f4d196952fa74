//! Files that a service names and its user may not read.

use super::Defect;
use super::facts::{Facts, Owner};
use super::view::WorkloadView;
use crate::cause::{CauseKind as K, Variant};
use crate::remedy::{Change, ChangeKind, shell};

/// The user and group of Cordum's Go images.
const GO: u32 = 65532;

/// Variables that name files.
const NAMES: &[&str] = &["_CA", "_CERT", "_KEY"];

/// One defect for everything that is closed: it was closed by one hand.
#[must_use]
pub(super) fn look(facts: &Facts<'_>) -> Vec<Defect> {
    let mut closed: Vec<(Owner, u32)> = Vec::new();
    let mut readers: Vec<String> = Vec::new();
    let mut first = None;
    let mut workload = None;
    let mut files: Vec<String> = Vec::new();
    let mut production = false;
    for view in facts.views().filter(WorkloadView::is_core_or_worker) {
        let user = view.container.user.unwrap_or(GO);
        let group = view.container.group.unwrap_or(GO);
        if user == 0 {
            continue;
        }
        production |= view.is_production();
        for setting in &view.container.environment {
            let Some(path) = setting.value.known().filter(|path| path.starts_with('/')) else { continue };
            if !setting.name.contains("_TLS_") || !NAMES.iter().any(|end| setting.name.ends_with(end)) {
                continue;
            }
            for owner in facts.shelf.owners(view.container, path) {
                let bit = if owner.folder { 1 } else { 4 };
                let shift = if owner.uid == user {
                    6
                } else if owner.gid == group || view.container.groups.contains(&owner.gid) {
                    3
                } else {
                    0
                };
                if (owner.bits >> shift) & bit != 0 {
                    continue;
                }
                first.get_or_insert_with(|| {
                    format!("{} has {}={}", view.name(), setting.name, view.located(path))
                });
                workload.get_or_insert_with(|| view.name());
                files.extend(view.host(path));
                if !readers.contains(&view.name()) {
                    readers.push(view.name());
                }
                if !closed.iter().any(|(known, _)| known.path == owner.path) {
                    closed.push((owner, group));
                }
            }
        }
    }
    let (Some(workload), Some(named)) = (workload, first) else { return Vec::new() };
    files.sort();
    let mut defect = Defect::new(workload.clone(), None);
    defect.cause = Some((K::BadKeyFile, Some(Variant::PermissionDenied)));
    defect.shows_as = &[
        K::BadKeyFile,
        K::ConnectionRefused,
        K::ConnectionReset,
        K::BadGateway,
        K::Dns,
        K::Timeout,
        K::UnknownAuthority,
        K::KeyMismatch,
    ];
    let owner = &closed[0].0;
    defect.because.push(format!(
        "{} has mode {:04o} and owner {}: the services run as user {GO}",
        facts.shown(&owner.path),
        owner.bits & 0o7777,
        owner.uid
    ));
    defect.because.push(named);
    defect.file = files.into_iter().next();
    defect.restart = readers;
    // Certificates and folders are no secret; a key is opened to the services' group alone in production.
    let mut everybody: Vec<String> = Vec::new();
    let mut grouped: Vec<String> = Vec::new();
    for (owner, group) in &closed {
        let shown = facts.shown(&owner.path);
        let key = !owner.folder && owner.path.ends_with(".key");
        let (list, bits) = match (owner.folder, production && key) {
            (_, true) => (&mut grouped, owner.bits | 0o040),
            (true, false) => (&mut everybody, owner.bits | 0o555),
            (false, false) => (&mut everybody, owner.bits | 0o444),
        };
        list.push(facts.typed(&owner.path));
        defect.changes.push(
            Change::new(workload.clone(), ChangeKind::File, shown)
                .values(Some(&mode(owner.bits)), Some(&mode(bits))),
        );
        let _ = group;
    }
    let chmod = |mode: &str, list: &[String]| {
        let paths = list.iter().map(|path| shell::path(path)).collect::<Vec<_>>().join(" ");
        format!("chmod {mode} {paths}")
    };
    let mut commands = Vec::new();
    if !grouped.is_empty() {
        let paths = grouped.iter().map(|path| shell::path(path)).collect::<Vec<_>>().join(" ");
        commands.push(format!("chgrp {GO} {paths}"));
        commands.push(chmod("g+r", &grouped));
    }
    if !everybody.is_empty() {
        commands.push(chmod("a+rX", &everybody));
    }
    let what = if production {
        "for the services' group (keys) and everybody (certificates)"
    } else {
        "for everybody on this machine"
    };
    defect.text = format!("make the files that the services name readable {what}; ca.key stays closed");
    defect.command = Some(commands.join(" && "));
    vec![defect]
}

fn mode(bits: u32) -> String {
    format!("{:04o}", bits & 0o7777)
}

impl WorkloadView<'_> {
    /// What runs as the user of Cordum's images: its services, and workers with its SDK.
    fn is_core_or_worker(&self) -> bool {
        self.is_core() || self.role().contains("worker")
    }
}
