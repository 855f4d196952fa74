//! From observations to the report of a run.

use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};
use tls_verify_checks::cause::{CauseKind, Severity};
use tls_verify_checks::fault::{Cause, Failure, Stage};
use tls_verify_checks::observation::{EvidenceLevel, Expects, Observation, Outcome, Step};
use tls_verify_checks::stack::Stack;
use tls_verify_core::diagnosis::root_cause;
use tls_verify_core::evidence::RunFact;
use tls_verify_core::redaction::redact;
use tls_verify_core::report::{CheckReport, RunReport, exit_code, outcome, tally};
use tls_verify_core::status::{Status, status_of};

use super::{Done, Item, Plan};
use crate::diagnosis;

/// A run that could not even begin: every check is undecided, for one reason.
pub(crate) fn undecided(stack: &Stack, plan: &Plan, why: &str) -> RunReport {
    let fact = || RunFact::NotBegun { why: why.to_owned() };
    let took = Duration::ZERO;
    let checks = plan
        .items()
        .into_iter()
        .map(|(item, left_out)| match left_out {
            None => report(stack, &item, &Done { seen: untried(fact()), took, attempts: 0 }),
            Some(why) => skipped(&item, &why),
        })
        .collect();
    let timing = Timing { started_at: SystemTime::now(), took: Duration::ZERO, stopped: false };
    assemble(checks, plan, timing, target(stack))
}

pub(super) fn untried(why: RunFact) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::None);
    let runs = seen.expect("check", Expects::Works);
    seen.untried(runs, Failure::new(Stage::Configure, Cause::Other).because(why));
    seen
}

/// When a run began and ended, and whether it was cut short.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub started_at: SystemTime,
    pub took: Duration,
    pub stopped: bool,
}

pub(super) fn assemble(
    mut checks: Vec<CheckReport>,
    plan: &Plan,
    timing: Timing,
    target: Map<String, Value>,
) -> RunReport {
    let summary = tally(&checks);
    let code = exit_code(&summary, plan.strict, timing.stopped);
    root_cause::merge_sides(&mut checks, tls_verify_checks::verifies);
    let root_causes = root_cause::root_causes(&checks, tls_verify_checks::verifies);
    RunReport {
        schema: "tls-verify/run/v1",
        version: env!("CARGO_PKG_VERSION"),
        started_at: rfc3339(timing.started_at),
        duration_ms: milliseconds(timing.took),
        target,
        outcome: outcome(code),
        exit_code: code,
        summary,
        checks,
        root_causes,
        services: Vec::new(),
        comparison: None,
        own: Vec::new(),
        demo: None,
    }
}

pub(super) fn target(stack: &Stack) -> Map<String, Value> {
    let mut target = Map::new();
    target.insert("gateway".to_owned(), stack.endpoints.gateway.url().into());
    target.insert("nats".to_owned(), stack.endpoints.nats.url().into());
    target.insert("redis".to_owned(), stack.endpoints.redis.url().into());
    target
}

pub(crate) fn too_late() -> Observation {
    let mut seen = Observation::new(EvidenceLevel::None);
    let failure = Failure::new(Stage::Exchange, Cause::TimedOut).because(RunFact::DeadlinePassed);
    let ends = seen.expect("check", Expects::Works);
    seen.failed(ends, failure);
    seen
}

pub(super) fn skipped(item: &Item, why: &str) -> CheckReport {
    CheckReport {
        number: item.number(),
        id: item.id().to_owned(),
        title: item.title(),
        status: Status::Skip,
        duration_ms: 0.0,
        attempts: 0,
        change: None,
        summary: why.to_owned(),
        evidence: EvidenceLevel::None.slug().to_owned(),
        diagnoses: Vec::new(),
        details: Map::new(),
        remarks: Vec::new(),
    }
}

pub(super) fn report(stack: &Stack, item: &Item, done: &Done) -> CheckReport {
    let Done { seen, took, attempts } = done;
    let status = status_of(seen);
    let stack = &*item.with_target(stack);
    let (diagnoses, remarks) = diagnosis::diagnose(stack, item.link(), seen);
    let summary = summary(status, seen, &diagnoses, &remarks);
    let evidence = if status == Status::Unknown { EvidenceLevel::None } else { seen.evidence };
    CheckReport {
        number: item.number(),
        id: item.id().to_owned(),
        title: item.title(),
        status,
        duration_ms: milliseconds(*took),
        attempts: *attempts,
        change: None,
        summary,
        evidence: evidence.slug().to_owned(),
        diagnoses,
        details: seen.details.clone(),
        remarks: remarks.iter().map(|text| redact(text)).collect(),
    }
}

/// Who was refused as it has to be, and for which reason.
fn refusal(step: &Step) -> Option<(&str, String)> {
    match (step.outcome(), step.expects()) {
        (Some(Outcome::Failed(failure)), Expects::Refused(_)) => {
            let reason = failure.kind().map_or("no reason", CauseKind::slug).replace('-', " ");
            Some((step.name(), reason))
        }
        _ => None,
    }
}

pub(crate) fn summary(
    status: Status,
    seen: &Observation,
    diagnoses: &[tls_verify_core::report::Diagnosis],
    remarks: &[String],
) -> String {
    let text = match status {
        Status::Skip => seen.not_applicable.clone().unwrap_or_default(),
        Status::Pass | Status::Warn => {
            let worked = seen.steps().iter().filter_map(|step| match (step.outcome(), step.expects()) {
                (Some(Outcome::Worked(what)), Expects::Works) => Some(what.as_str()),
                _ => None,
            });
            let refused: Vec<(&str, String)> = seen.steps().iter().filter_map(refusal).collect();
            match (&seen.summary, refused.as_slice()) {
                (Some(summary), _) => summary.clone(),
                (None, []) => worked.filter(|what| !what.is_empty()).collect::<Vec<_>>().join("; "),
                (None, [(_, reason)]) => format!("refused: {reason}"),
                (None, several) => {
                    let several: Vec<String> =
                        several.iter().map(|(name, reason)| format!("{name} ({reason})")).collect();
                    format!("refused: {}", several.join(", "))
                }
            }
        }
        // What broke first; a certificate that ends soon is not why.
        _ => diagnoses
            .iter()
            .filter(|one| one.severity == Severity::Error)
            .flat_map(|one| one.because.first())
            .chain(remarks.iter())
            .chain(diagnoses.iter().flat_map(|one| one.because.first()))
            .next()
            .cloned()
            .or_else(|| diagnoses.first().map(|one| one.title.clone()))
            .unwrap_or_else(|| "nothing was seen".to_owned()),
    };
    redact(&text)
}

/// Milliseconds with one decimal.
#[must_use]
pub fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}

/// RFC 3339 to the millisecond, in UTC.
#[must_use]
pub fn rfc3339(at: SystemTime) -> String {
    let format = time::macros::format_description!(
        "[year]-[month]-[day]T[hour]:[minute]:[second].[subsecond digits:3]Z"
    );
    time::OffsetDateTime::from(at).format(&format).unwrap_or_default()
}
