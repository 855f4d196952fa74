//! Which defect explains which root cause.

use super::context::CureContext;
use super::{Defect, DefectEnd, DefectKind, defects};
use crate::cause::{CauseKind, Severity, Variant};
use crate::link::Link;
use crate::remedy::{Action, Change, ChangeKind, Fix, catalogue};
use crate::report::{CheckReport, RootCause};
use crate::status::Status;

/// Gives every root cause that a defect explains that defect's cure, and the place that has to be changed; root
/// causes of one defect become one. `over` tells of a check by its id which links it goes over.
pub fn apply(
    facts: &CureContext<'_>,
    checks: &mut [CheckReport],
    roots: &mut Vec<RootCause>,
    over: impl Fn(&str) -> &'static [Link],
) {
    let mut found = defects(facts);
    found.extend(super::own::inspect(facts));
    let mut taken: Vec<(usize, usize)> = Vec::new();
    for (at, root) in roots.iter().enumerate() {
        let best = found
            .iter()
            .enumerate()
            .filter_map(|(index, defect)| Some((score(defect, root, &over)?, index)))
            .max_by_key(|(score, index)| (*score, std::cmp::Reverse(*index)));
        if let Some((_, index)) = best {
            taken.push((at, index));
        }
    }
    let mut gone: Vec<usize> = Vec::new();
    for (position, (at, index)) in taken.iter().enumerate() {
        let defect = &found[*index];
        let before = (roots[*at].place.clone(), roots[*at].cause);
        cure(facts, defect, &mut roots[*at]);
        follow(defect, &roots[*at], &before, checks);
        // The first of several takes the others in.
        if let Some((first, _)) = taken[..position].iter().find(|(_, other)| other == index) {
            let (checks, because) = (roots[*at].checks.clone(), roots[*at].because.clone());
            let root = &mut roots[*first];
            for check in checks {
                if !root.checks.contains(&check) {
                    root.checks.push(check);
                }
            }
            for fact in because {
                if !root.because.contains(&fact) && root.because.len() < MOST {
                    root.because.push(fact);
                }
            }
            gone.push(*at);
        }
    }
    gone.sort_unstable();
    for at in gone.into_iter().rev() {
        roots.remove(at);
    }
    for root in roots.iter_mut().filter(|root| root.nameless) {
        if facts.views().any(|view| view.name() == root.place) {
            let logs = Action::ShowLogs { service: root.place.clone(), lines: 30 };
            root.fix.iter_mut().for_each(|fix| fix.command = facts.wording.command(&logs));
        }
    }
}

/// The cure for what services say in their logs: a cause, who said it, and the words.
#[must_use]
pub fn of_line(
    facts: &CureContext<'_>,
    found: &[Defect],
    (cause, variant): (CauseKind, Option<Variant>),
    services: &[&str],
    line: &str,
) -> Option<Fix> {
    let said = |service: &&str| RootCause {
        nameless: false,
        cause,
        variant,
        place: (*service).to_owned(),
        checks: Vec::new(),
        summary: String::new(),
        because: vec![line.to_owned()],
        fix: Vec::new(),
    };
    let scored = services.iter().map(said).flat_map(|root| {
        found
            .iter()
            .filter_map(move |defect| Some((score(defect, &root, &|_| &[])?, defect)))
            .collect::<Vec<_>>()
    });
    scored.max_by_key(|(score, _)| *score).map(|(_, defect)| defect.fix(facts))
}

/// Facts of a root cause.
const MOST: usize = 8;

/// The root cause with the defect's cure and place.
fn cure(facts: &CureContext<'_>, defect: &Defect, root: &mut RootCause) {
    let file_alone =
        !defect.changes.is_empty() && defect.changes.iter().all(|change| change.kind == ChangeKind::File);
    root.place = match &defect.file {
        Some(file) if file_alone => file.clone(),
        _ => defect.workload.clone(),
    };
    let closed = root.cause == CauseKind::ConnectionReset;
    if let Some((cause, variant)) = defect.cause.or(defect.behind_a_close.filter(|_| closed))
        && (cause, variant) != (root.cause, root.variant)
    {
        root.nameless = false;
        root.cause = cause;
        root.variant = variant;
        catalogue::title(cause, variant).clone_into(&mut root.summary);
    }
    root.because = joined(&defect.because, std::mem::take(&mut root.because));
    root.fix = vec![defect.fix(facts)];
}

/// What decides, and what was seen before.
fn joined(decides: &[String], seen: Vec<String>) -> Vec<String> {
    let mut because = decides.to_vec();
    for fact in seen {
        if !because.contains(&fact) && because.len() < MOST {
            because.push(fact);
        }
    }
    because
}

/// The checks that it breaks say the same.
fn follow(defect: &Defect, root: &RootCause, before: &(String, CauseKind), checks: &mut [CheckReport]) {
    for check in checks.iter_mut().filter(|check| root.checks.contains(&check.id)) {
        let failed = check.status == Status::Fail;
        for one in check.diagnoses.iter_mut().filter(|one| failed && one.severity == Severity::Error) {
            if one.place.as_deref().unwrap_or_default() == before.0 && one.cause == before.1 {
                one.fix.clone_from(&root.fix);
                one.place = Some(root.place.clone());
                one.because = joined(&defect.because, std::mem::take(&mut one.because));
                if one.cause != root.cause {
                    one.cause = root.cause;
                    one.variant = root.variant;
                    one.title.clone_from(&root.summary);
                    one.explain = format!("tls-verify explain {}", root.cause);
                }
            }
        }
    }
}

/// One defect that several workloads have is one defect.
pub(super) fn grouped(found: Vec<Defect>) -> Vec<Defect> {
    let mut kept: Vec<Defect> = Vec::new();
    for one in found {
        let same = kept.iter_mut().find(|known| {
            // What is gathered already has the same changes once for each workload.
            let times = known.workload.split(", ").count();
            !one.changes.is_empty()
                && known.changes.len() == times * one.changes.len()
                && known.changes.iter().zip(&one.changes).all(|(a, b)| {
                    (a.kind, &a.name, &a.from, &a.to, a.remove) == (b.kind, &b.name, &b.from, &b.to, b.remove)
                })
        });
        let Some(known) = same else {
            kept.push(one);
            continue;
        };
        let of_file = one.changes.iter().all(|change| change.kind == ChangeKind::File);
        let mut because = one.because;
        if !of_file && !known.workload.split(", ").any(|name| name == one.workload) {
            // What is told of the first is not told of each: the place names them all.
            let first = known.workload.split(", ").next().unwrap_or_default();
            let of_first = |fact: &String| fact.replacen(&one.workload, first, 1);
            because.retain(|fact| !known.because.contains(&of_first(fact)));
            known.text =
                known.text.replacen(&known.workload, &format!("{}, {}", known.workload, one.workload), 1);
            known.workload = format!("{}, {}", known.workload, one.workload);
            known.changes.extend(one.changes);
        }
        for name in one.restart {
            if !known.restart.contains(&name) {
                known.restart.push(name);
            }
        }
        for fact in because {
            if !known.because.contains(&fact) && known.because.len() < MOST / 2 {
                known.because.push(fact);
            }
        }
    }
    kept
}

/// How well a defect explains a root cause; `None`: not at all.
fn score(defect: &Defect, root: &RootCause, over: &dyn Fn(&str) -> &'static [Link]) -> Option<u32> {
    const ENOUGH: u32 = 3;
    if !defect.kind.row().shows_as.contains(&root.cause) && !is_down_by(defect, root) {
        return None;
    }
    let mut score = 0;
    if defect.workload.split(", ").any(|name| name == root.place) {
        score += 6;
    }
    if defect.file.as_deref().is_some_and(|file| same_file(file, &root.place)) {
        score += 6;
    }
    let service = defect.link.map(Link::service);
    if defect.kind.row().end == DefectEnd::Client && service == Some(root.place.as_str()) {
        // The server is blamed for what the client has.
        score += 2;
    }
    let named = |fact: &String| {
        let mut words = fact.split(|c: char| !(c.is_ascii_alphanumeric() || c == '-'));
        words.any(|word| defect.workload.split(", ").any(|name| name == word))
    };
    if root.because.iter().any(named) {
        score += 2;
    }
    if defect.link.is_some_and(|link| root.checks.iter().any(|id| over(id).contains(&link))) {
        score += 1;
    }
    // What is closed, or leads nowhere, shows at everybody who reads it, and by its name in the container.
    let at_readers = matches!(
        defect.kind,
        DefectKind::FilesClosed | DefectKind::LinkLeadsOut | DefectKind::AuthorityNotFirst
    );
    if at_readers && defect.changes.iter().any(|change| change.path.as_deref() == Some(root.place.as_str())) {
        score += 6;
    }
    // By its path in the container, where nothing is mounted.
    let is_below =
        |change: &Change| change.from.is_none() && root.place.starts_with(&format!("{}/", change.name));
    if defect.kind == DefectKind::NotMounted && defect.changes.iter().any(is_below) {
        score += 6;
    }
    if at_readers && defect.restart.contains(&root.place) {
        score += 6;
    }
    if defect.cause.is_some_and(|(cause, _)| cause == root.cause) {
        score += 1;
    }
    (score >= ENOUGH).then_some(score)
}

/// A service that ends or hangs at its start, before its log has been read to the reason: what it is set up wrongly
/// for is the reason, since the links to NATS and Redis and its files are the first that it opens.
fn is_down_by(defect: &Defect, root: &RootCause) -> bool {
    const OTHERWISE: &[Option<Variant>] =
        &[Some(Variant::ContainerStopped), Some(Variant::ContainerAbsent), Some(Variant::ContainerPaused)];
    matches!(root.cause, CauseKind::ConnectionRefused | CauseKind::Timeout)
        && !OTHERWISE.contains(&root.variant)
        // A link that is not verified holds.
        && defect.kind != DefectKind::VerificationOff
        && matches!(defect.link, Some(Link::Nats | Link::Redis))
        && defect.workload.split(", ").any(|name| name == root.place)
}

fn same_file(one: &str, other: &str) -> bool {
    let plain = |path: &str| path.trim_start_matches("./").to_owned();
    let (one, other) = (plain(one), plain(other));
    one == other || (other.contains('/') && one.ends_with(&format!("/{other}")))
}
