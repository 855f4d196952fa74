//! From what was observed to what is wrong: typed causes with evidence. Pure.

use tls_verify_checks::cause::{CauseKind, Confidence, Severity, Side, Variant};
use tls_verify_checks::fault::{Cause, ChainFault, Failure, Reading};
use tls_verify_checks::observation::{Observation, Seen};
use tls_verify_checks::stack::{Link, Stack};

use crate::catalogue::{self, Blanks};
use crate::judge::{Status, judge_step};
use crate::outcome::{CheckReport, Diagnosis, RootCause};

/// The diagnoses of a check, the main one first, and what no promised cause fits.
#[must_use]
pub fn diagnose(stack: &Stack, link: Link, seen: &Observation) -> (Vec<Diagnosis>, Vec<String>) {
    let mut found = Vec::new();
    let mut remarks = Vec::new();
    let mut steps: Vec<_> = seen.steps.iter().map(|step| (judge_step(step), step)).collect();
    // The worst step is the main diagnosis; equals keep their order.
    steps.sort_by_key(|(status, _)| std::cmp::Reverse(*status));
    for (status, step) in steps {
        if status.is_good() {
            continue;
        }
        match &step.seen {
            Seen::Failed(failure) | Seen::Untried(failure) => {
                collect(stack, link, failure, Severity::Error, &mut found, &mut remarks);
            }
            Seen::Worked(what) => remarks.push(format!("{}: {what}", step.name)),
        }
    }
    for failure in &seen.warnings {
        collect(stack, link, failure, Severity::Warning, &mut found, &mut remarks);
    }
    (merged(found), remarks)
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
        let mut text = failure.facts.join("; ");
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
        None => failure.facts.clone(),
    };
    if because.is_empty() {
        because.extend(failure.trail.last().cloned());
    }
    let because: Vec<String> = because.iter().map(|fact| (stack.redact)(fact)).collect();
    let place = failure.place.clone().unwrap_or_else(|| link.service().to_owned());
    let blanks = Blanks::of(stack, link, Some(&place));
    let title = if reading.side == Side::Client && reading.kind == CauseKind::Expired {
        "the client certificate has expired"
    } else {
        catalogue::title(reading.kind, reading.variant)
    };
    Diagnosis {
        cause: reading.kind,
        variant: reading.variant,
        severity,
        confidence: reading.confidence,
        side: reading.side,
        title: title.to_owned(),
        because,
        fix: catalogue::fixes(reading.kind, reading.variant, &place, &blanks),
        explain: format!("tls-verify explain {}", reading.kind),
        place: Some(place),
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

/// Groups failed checks by origin, most upstream first, then most certain.
#[must_use]
pub fn root_causes(checks: &[CheckReport]) -> Vec<RootCause> {
    let mut origins: Vec<(RootCause, Confidence)> = Vec::new();
    for check in checks.iter().filter(|check| check.status == Status::Fail) {
        let Some(main) = check.diagnoses.iter().find(|one| one.severity == Severity::Error) else { continue };
        let place = main.place.clone().unwrap_or_default();
        let same = origins.iter_mut().find(|(root, _)| {
            root.place == place && family(root.cause, root.variant) == family(main.cause, main.variant)
        });
        match same {
            Some((root, confidence)) => {
                root.checks.push(check.id.clone());
                if main.confidence < *confidence {
                    *confidence = main.confidence;
                    root.cause = main.cause;
                    root.variant = main.variant;
                    root.summary.clone_from(&main.title);
                }
                for fact in &main.because {
                    if !root.because.contains(fact) && root.because.len() < 8 {
                        root.because.push(fact.clone());
                    }
                }
            }
            None => origins.push((
                RootCause {
                    cause: main.cause,
                    variant: main.variant,
                    place,
                    checks: vec![check.id.clone()],
                    summary: main.title.clone(),
                    because: main.because.clone(),
                    fix: main.fix.clone(),
                },
                main.confidence,
            )),
        }
    }
    adopt(&mut origins);
    origins.sort_by_key(|(root, confidence)| (upstream(&root.place, root.cause), *confidence));
    origins.into_iter().map(|(root, _)| root).collect()
}

/// What the services' logs say of Redis is Redis' own fault where a look at Redis shows the same.
fn adopt(origins: &mut Vec<(RootCause, Confidence)>) {
    let Some(at) = origins.iter().position(|(root, _)| root.place == "redis") else { return };
    let kind = family(origins[at].0.cause, origins[at].0.variant).1;
    let mut said = Vec::new();
    origins.retain(|(root, _)| {
        let same = root.place != "redis"
            && root.checks == ["redis-logs"]
            && family(root.cause, root.variant).1 == kind;
        if same {
            said.extend(root.because.iter().take(1).cloned());
        }
        !same
    });
    let Some((redis, _)) = origins.iter_mut().find(|(root, _)| root.place == "redis") else { return };
    if !said.is_empty() {
        redis.checks.push("redis-logs".to_owned());
        redis.because.extend(said);
    }
}

/// Causes that are one fault under several names.
pub(crate) fn family(cause: CauseKind, variant: Option<Variant>) -> (u8, CauseKind) {
    match cause {
        CauseKind::UnknownAuthority | CauseKind::BadSignature => (0, CauseKind::UnknownAuthority),
        CauseKind::WrongSchemeTlsToPlain | CauseKind::MtlsNotEnforced
            if variant.is_none() || variant == Some(Variant::NatsPlaintext) =>
        {
            (1, CauseKind::WrongSchemeTlsToPlain)
        }
        CauseKind::ConnectionRefused | CauseKind::ConnectionReset | CauseKind::Timeout | CauseKind::Dns => {
            (2, CauseKind::ConnectionRefused)
        }
        other => (3, other),
    }
}

/// Files first, then what everything depends on, then what depends on it.
fn upstream(place: &str, cause: CauseKind) -> u8 {
    match (place, cause) {
        (_, CauseKind::BadKeyFile | CauseKind::KeyMismatch) => 0,
        ("nats" | "redis", _) => 1,
        ("api-gateway", _) => 3,
        ("dashboard", _) => 4,
        _ => 2,
    }
}
