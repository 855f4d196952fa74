//! From what was observed to what is wrong: typed causes with evidence. Pure.

use tls_verify_checks::cause::{CauseKind, Severity, Side};
use tls_verify_checks::fault::{Cause, ChainFault, Failure, FaultIdentity, Reading};
use tls_verify_checks::observation::Observation;
use tls_verify_checks::stack::{Link, Stack};
use tls_verify_core::evidence::Fact;
use tls_verify_core::redaction::redact;
use tls_verify_core::remedy::catalogue;
use tls_verify_core::report::Diagnosis;
use tls_verify_core::status::status_of_step;

/// The diagnoses of a check, the main one first, and what no promised cause fits.
#[must_use]
pub fn diagnose(stack: &Stack, link: Link, seen: &Observation) -> (Vec<Diagnosis>, Vec<String>) {
    let mut found = Vec::new();
    let mut remarks = Vec::new();
    let mut steps: Vec<_> = seen.steps().iter().map(|step| (status_of_step(step), step)).collect();
    // The worst step is the main diagnosis; equals keep their order.
    steps.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    for (status, step) in steps {
        if status.is_good() {
            continue;
        }
        if let Some(fault) = step.fault() {
            collect(stack, link, &located(seen, fault), Severity::Error, &mut found, &mut remarks);
        }
    }
    for failure in &seen.warnings {
        collect(stack, link, &located(seen, failure.clone()), Severity::Warning, &mut found, &mut remarks);
    }
    (merged(found), remarks)
}

/// Where a look names nobody, the one that it was made at is at fault.
fn located(seen: &Observation, fault: Failure) -> Failure {
    let place = fault.place.or_else(|| seen.component.clone());
    Failure { place, ..fault }
}

fn collect(
    stack: &Stack,
    link: Link,
    failure: &Failure,
    severity: Severity,
    found: &mut Vec<Diagnosis>,
    remarks: &mut Vec<String>,
) {
    let Some(reading) = failure.cause.reading() else {
        let mut text = failure.words();
        if let (true, Some(raw)) = (text.is_empty(), failure.trail.last()) {
            text.clone_from(raw);
        }
        if !text.is_empty() {
            remarks.push(text);
        }
        return;
    };
    found.push(diagnosis(stack, link, failure, reading, None, severity));
    // All faults of a chain are listed, the main one first.
    if let Cause::Chain(faults) = &failure.cause {
        for fault in faults.iter().skip(1) {
            let single = Failure { cause: Cause::Chain(vec![fault.clone()]), ..failure.clone() };
            if let Some(reading) = single.cause.reading() {
                found.push(diagnosis(stack, link, &single, reading, Some(fault), severity));
            }
        }
    }
}

fn diagnosis(
    stack: &Stack,
    link: Link,
    failure: &Failure,
    reading: Reading,
    only: Option<&ChainFault>,
    severity: Severity,
) -> Diagnosis {
    let mut because: Vec<String> = match only {
        Some(fault) => vec![fault.message.clone()],
        None => failure.facts.iter().map(ToString::to_string).collect(),
    };
    if because.is_empty() {
        because.extend(failure.trail.last().cloned());
    }
    let because: Vec<String> = because.iter().map(|fact| redact(fact)).collect();
    let apart = failure.server.as_ref().filter(|server| server.is_apart);
    let place = failure.place.clone().or_else(|| apart.map(|server| server.authority.clone()));
    let place = place.unwrap_or_else(|| link.service().to_owned());
    let mut blanks = crate::placeholders::of(stack, link, Some(&place));
    if let Some(server) = &failure.server {
        blanks.target.clone_from(&server.authority);
        blanks.name.clone_from(&server.server_name);
    }
    let is_service = Link::ALL.iter().any(|one| one.service() == place);
    if reading.kind == CauseKind::HostnameMismatch && failure.side == Some(Side::Server) && is_service {
        // Its own name is what services dial, whatever we did.
        blanks.name.clone_from(&place);
    }
    let title =
        if reading.side == Side::Client && reading.kind == CauseKind::Expired && reading.variant.is_none() {
            "the client certificate has expired"
        } else {
            catalogue::title(reading.kind, reading.variant)
        };
    let mut fix = tls_verify_core::remedy::settings::steps(reading.kind, &failure.settings, &*blanks.wording);
    if fix.is_empty() || !tls_verify_core::remedy::settings::suffices(reading.kind) {
        // A login is mended with what the server that refuses it takes, whoever was refused.
        let about = match &failure.identity {
            Some(FaultIdentity::Login(link)) => link.service(),
            _ => &place,
        };
        let mut known = catalogue::fixes(reading.kind, reading.variant, about, &blanks);
        if failure.side.unwrap_or(reading.side) == Side::Client {
            catalogue::at_client(reading.kind, &mut known);
        }
        fix.extend(known);
    }
    fix.truncate(catalogue::AT_MOST);
    Diagnosis {
        cause: reading.kind,
        variant: reading.variant,
        severity,
        confidence: reading.confidence,
        side: failure.side.unwrap_or(reading.side),
        title: title.to_owned(),
        because,
        fix,
        explain: format!("tls-verify explain {}", reading.kind),
        place: Some(place),
        identity: failure.identity.clone(),
        chained: only.is_none() && matches!(failure.facts.first(), Some(Fact::Chained { .. })),
    }
}

/// Equal causes at one place become one diagnosis with all their facts.
fn merged(found: Vec<Diagnosis>) -> Vec<Diagnosis> {
    let mut kept: Vec<Diagnosis> = Vec::new();
    for one in found {
        let twin = kept.iter_mut().find(|other| {
            other.cause == one.cause && other.place == one.place && other.severity == one.severity
        });
        match twin {
            Some(twin) => {
                twin.variant = twin.variant.or(one.variant);
                for fact in one.because {
                    if !twin.because.contains(&fact) && twin.because.len() < 8 {
                        twin.because.push(fact);
                    }
                }
            }
            None => kept.push(one),
        }
    }
    kept
}
