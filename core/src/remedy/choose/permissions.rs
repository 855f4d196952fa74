//! Files that a service names and its user may not read.

use super::context::{CureContext, Owner};
use super::view::WorkloadView;
use super::{Defect, DefectKind};
use crate::cause::{CauseKind as K, Variant};
use crate::remedy::{Change, ChangeKind, shell};

/// The user and group of Cordum's Go images.
const GO: u32 = 65532;

/// Variables that name files.
const NAMES: &[&str] = &["_CA", "_CERT", "_KEY"];

/// What is closed, to whom, and who named it first.
#[derive(Default)]
struct Closed {
    owners: Vec<Owner>,
    readers: Vec<String>,
    /// On the host, those that are named.
    files: Vec<String>,
    /// The first workload, what it names, and whom it runs as.
    first: Option<(String, String, ProcessUser)>,
    production: bool,
}

/// User and group of a container's process.
#[derive(Clone, Copy)]
struct ProcessUser {
    user: u32,
    group: u32,
}

/// One defect for everything that is closed: it was closed by one hand.
#[must_use]
pub(super) fn inspect(facts: &CureContext<'_>) -> Vec<Defect> {
    let mut closed = Closed::default();
    for view in facts.views().filter(WorkloadView::is_core_or_worker) {
        // Root reads everything.
        if view.container.user != Some(0) {
            closed.production |= view.is_production();
            closed_to(facts, &view, &mut closed);
        }
    }
    let Closed { owners, readers, mut files, first, production } = closed;
    let Some((workload, named, reader)) = first else { return Vec::new() };
    files.sort();
    let mut defect = Defect::new(DefectKind::FilesClosed, workload.clone(), None);
    defect.cause = Some((K::BadKeyFile, Some(Variant::PermissionDenied)));
    let owner = &owners[0];
    // A file has one group: it stays that of Cordum's images while anybody reads with it.
    let shared = facts.views().any(|view| {
        view.is_core_or_worker() && view.container.user != Some(0) && view.container.group.unwrap_or(GO) == GO
    });
    let group = if shared { GO } else { reader.group };
    defect.because.push(format!(
        "{} has mode {:04o} and owner {}: {} as user {}",
        facts.shown(&owner.path),
        owner.bits & 0o7777,
        owner.uid,
        if reader.user == GO { "the services run".to_owned() } else { format!("{workload} runs") },
        reader.user
    ));
    defect.because.push(named);
    defect.file = files.into_iter().next();
    defect.restart = readers;
    // Certificates and folders are no secret; a key is opened to the services' group alone in production.
    let mut everybody: Vec<String> = Vec::new();
    let mut grouped: Vec<String> = Vec::new();
    for owner in &owners {
        let key = !owner.folder && owner.path.ends_with(".key");
        let (list, bits) = match (owner.folder, production && key) {
            (_, true) => (&mut grouped, owner.bits | 0o040),
            (true, false) => (&mut everybody, owner.bits | 0o555),
            (false, false) => (&mut everybody, owner.bits | 0o444),
        };
        list.push(facts.typed(&owner.path));
        defect.changes.push(
            Change::new(workload.clone(), ChangeKind::File, facts.shown(&owner.path))
                .values(Some(&mode(owner.bits)), Some(&mode(bits))),
        );
    }
    let what = if production {
        "for the services' group (keys) and everybody (certificates)"
    } else {
        "for everybody on this machine"
    };
    defect.text = format!("make the files that the services name readable {what}; ca.key stays closed");
    defect.command = Some(commands(group, &grouped, &everybody));
    vec![defect]
}

/// What of a service's files and folders its user may not read.
fn closed_to(facts: &CureContext<'_>, view: &WorkloadView<'_>, closed: &mut Closed) {
    let reader =
        ProcessUser { user: view.container.user.unwrap_or(GO), group: view.container.group.unwrap_or(GO) };
    for setting in &view.container.environment {
        let Some(path) = setting.value.known().filter(|path| path.starts_with('/')) else { continue };
        if !setting.name.contains("_TLS_") || !NAMES.iter().any(|end| setting.name.ends_with(end)) {
            continue;
        }
        for owner in facts.shelf.owners(view.container, path) {
            let bit = if owner.folder { 1 } else { 4 };
            let shift = if owner.uid == reader.user {
                6
            } else if owner.gid == reader.group || view.container.groups.contains(&owner.gid) {
                3
            } else {
                0
            };
            if (owner.bits >> shift) & bit != 0 {
                continue;
            }
            let name = view.name();
            closed.first.get_or_insert_with(|| {
                (name.clone(), format!("{name} has {}={}", setting.name, view.located(path)), reader)
            });
            closed.files.extend(view.host(path));
            if !closed.readers.contains(&name) {
                closed.readers.push(name);
            }
            if !closed.owners.iter().any(|known| known.path == owner.path) {
                closed.owners.push(owner);
            }
        }
    }
}

fn commands(group: u32, grouped: &[String], everybody: &[String]) -> String {
    let paths = |list: &[String]| list.iter().map(|path| shell::path(path)).collect::<Vec<_>>().join(" ");
    let mut commands = Vec::new();
    if !grouped.is_empty() {
        commands.push(format!("chgrp {group} {}", paths(grouped)));
        commands.push(format!("chmod g+r {}", paths(grouped)));
    }
    if !everybody.is_empty() {
        commands.push(format!("chmod a+rX {}", paths(everybody)));
    }
    commands.join(" && ")
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
