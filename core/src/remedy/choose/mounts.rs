//! What a service names and does not mount, while the others mount it at that path.

use super::context::{CureContext, Held};
use super::view::WorkloadView;
use super::{Defect, DefectKind, links};
use crate::cause::{CauseKind as K, Variant};
use crate::remedy::{Change, ChangeKind};
use crate::workload::MountSource;

/// What is not mounted at all; what is mounted and lacks the file is looked at with the setting that names it.
#[must_use]
pub(super) fn inspect(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Option<Defect> {
    let is_there = |view: &WorkloadView<'_>, path: &str| {
        matches!(facts.shelf.read(view.container, path), Held::Bytes(_) | Held::Forbidden)
    };
    let missing: Vec<String> = named(facts, view)
        .into_iter()
        .filter(|path| view.container.mount_of(path).is_none() && !is_there(view, path))
        .collect();
    let first = missing.first()?;
    let mut count: Vec<(String, String, usize)> = Vec::new();
    for other in facts.views().filter(|other| other.workload.name != view.workload.name) {
        let Some(mount) = other.container.mount_of(first) else { continue };
        let MountSource::Host(source) = &mount.source else { continue };
        if !missing.iter().all(|path| mount.holds(path) && is_there(&other, path)) {
            continue;
        }
        match count.iter_mut().find(|(target, known, _)| (target, known) == (&mount.target, source)) {
            Some((.., count)) => *count += 1,
            None => count.push((mount.target.clone(), source.clone(), 1)),
        }
    }
    let (target, source, _) = count.into_iter().max_by_key(|(.., count)| *count)?;
    let shown = facts.shown(&source);
    let mut defect = Defect::new(DefectKind::NotMounted, view.name(), None);
    defect.cause = Some((K::BadKeyFile, Some(Variant::FileMissing)));
    defect.because.push(format!("{} names {first}, and mounts nothing there", view.name()));
    defect.because.push(format!("the others mount {shown} at {target}"));
    defect.text = format!("in {} mount {shown} at {target}, as the others do", view.name());
    let place = facts.written(view.workload).and_then(|written| written.place.clone());
    defect
        .changes
        .push(Change::new(view.name(), ChangeKind::Mount, target).values(None, Some(&shown)).at(place));
    Some(defect)
}

/// The files that its TLS settings name: variables, a broker's arguments and configuration.
fn named(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Vec<String> {
    let mut found: Vec<String> = links::named(view).map(str::to_owned).collect();
    if matches!(view.role(), "nats" | "redis") {
        let is_tls = |word: &&str| {
            word.starts_with('/') && [".crt", ".pem", ".key"].iter().any(|end| word.ends_with(end))
        };
        let words = view.words();
        found.extend(words.iter().map(String::as_str).filter(is_tls).map(str::to_owned));
        for path in words.iter().filter(|word| word.ends_with(".conf")) {
            if let Held::Bytes(bytes) = facts.shelf.read(view.container, path) {
                let text = String::from_utf8_lossy(&bytes);
                let parts = text.split(|sign: char| sign.is_whitespace() || "\"':=,;{}".contains(sign));
                found.extend(parts.filter(is_tls).map(str::to_owned));
            }
        }
    }
    found
}
