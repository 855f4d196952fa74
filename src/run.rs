//! Plan, concurrency, deadlines. Knows no check and no format by name.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use futures_util::stream::{FuturesUnordered, StreamExt};
use serde_json::{Map, Value};
use tls_verify_checks::context::{Check, Context};
use tls_verify_checks::fault::{Cause, Failure, Stage};
use tls_verify_checks::observation::{EvidenceLevel, Expects, Observation, Seen};
use tls_verify_checks::stack::Stack;

use crate::config;
use crate::diagnose;
use crate::judge::{Status, judge};
use crate::outcome::{CheckReport, RunReport, exit_code, outcome, tally};
use crate::presented;

/// What is run, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Every check of the report, in order; `false` means that the operator left it out.
    pub checks: Vec<(&'static Check, bool)>,
    pub strict: bool,
    pub deadline: Duration,
}

/// What is told while the run goes on.
#[derive(Clone, Debug)]
pub enum Progress {
    Started(&'static str),
    Finished(&'static str, Status),
}

/// Selects checks by `--only`, `--skip` and `--all`.
///
/// # Errors
/// The name that is no check, with the nearest one.
pub fn select(
    all: &'static [Check],
    only: &[String],
    skip: &[String],
    extended: bool,
) -> Result<Vec<(&'static Check, bool)>, String> {
    let find = |name: &str| {
        all.iter().find(|check| check.id == name || check.number.to_string() == name).ok_or_else(|| {
            let ids: Vec<String> = all.iter().map(|check| format!("{} {}", check.number, check.id)).collect();
            format!("there is no check `{name}`; the checks are: {}", ids.join(", "))
        })
    };
    let only: Vec<&Check> = only.iter().map(|name| find(name.trim())).collect::<Result<_, _>>()?;
    let skip: Vec<&Check> = skip.iter().map(|name| find(name.trim())).collect::<Result<_, _>>()?;
    let plan: Vec<(&'static Check, bool)> = all
        .iter()
        .filter(|check| {
            if only.is_empty() {
                extended || check.documented || skip.iter().any(|one| one.id == check.id)
            } else {
                only.iter().any(|one| one.id == check.id)
            }
        })
        .map(|check| (check, !skip.iter().any(|one| one.id == check.id)))
        .collect();
    if plan.iter().all(|(_, selected)| !selected) {
        return Err("nothing is left to run: every selected check is skipped".to_owned());
    }
    Ok(plan)
}

/// Runs the plan.
pub async fn run(
    stack: Stack,
    plan: Plan,
    mut interrupted: tokio::sync::watch::Receiver<bool>,
    mut progress: impl FnMut(Progress),
) -> RunReport {
    let started_at = SystemTime::now();
    let started = Instant::now();
    let deadline = started + plan.deadline;
    let target = target(&stack);
    let context = Arc::new(Context::new(stack, deadline));
    let mut running = FuturesUnordered::new();
    for (check, selected) in &plan.checks {
        if !selected {
            continue;
        }
        progress(Progress::Started(check.id));
        let context = Arc::clone(&context);
        let check: &'static Check = check;
        running.push(tokio::spawn(async move {
            let begun = Instant::now();
            // A panic in a check must not take the run down; the task's end says that it happened.
            let mut seen = match tokio::time::timeout_at(deadline.into(), (check.observe)(&context)).await {
                Ok(seen) => seen,
                Err(_) => too_late(),
            };
            let behind = tls_verify_checks::behind::look(&context, config::link_of(check.id), &mut seen);
            // What was seen stands, whether or not there is time to look behind it.
            let _ = tokio::time::timeout_at(deadline.into(), behind).await;
            presented::add(&context, check.id, &mut seen);
            (check.id, seen, begun.elapsed())
        }));
    }
    let mut finished: BTreeMap<&'static str, (Observation, Duration)> = BTreeMap::new();
    let mut stopped = false;
    loop {
        tokio::select! {
            ended = running.next() => match ended {
                Some(Ok((id, seen, took))) => {
                    progress(Progress::Finished(id, judge(&seen)));
                    finished.insert(id, (seen, took));
                }
                Some(Err(_)) => {}
                None => break,
            },
            changed = interrupted.changed() => {
                if changed.is_err() {
                    // Nobody can interrupt any more: wait for the checks alone.
                    while let Some(ended) = running.next().await {
                        if let Ok((id, seen, took)) = ended {
                            progress(Progress::Finished(id, judge(&seen)));
                            finished.insert(id, (seen, took));
                        }
                    }
                    break;
                }
                if *interrupted.borrow() {
                    stopped = true;
                    break;
                }
            }
        }
    }
    let checks: Vec<CheckReport> = plan
        .checks
        .iter()
        .map(|(check, selected)| match finished.remove(check.id) {
            Some((seen, took)) => report(&context.stack, check, &seen, took),
            None if !selected => skipped(check),
            None => {
                let why = if stopped {
                    "interrupted before it ended"
                } else {
                    "the check ended without a result (a bug of tls-verify)"
                };
                let mut seen = Observation::new(EvidenceLevel::None);
                seen.untried(
                    "check",
                    Expects::Works,
                    Failure::new(Stage::Configure, Cause::Other).because(why),
                );
                report(&context.stack, check, &seen, started.elapsed())
            }
        })
        .collect();
    let summary = tally(&checks);
    let code = exit_code(&summary, plan.strict, stopped);
    let root_causes = diagnose::root_causes(&checks);
    RunReport {
        schema: "tls-verify/run/v1",
        version: env!("CARGO_PKG_VERSION"),
        started_at: rfc3339(started_at),
        duration_ms: milliseconds(started.elapsed()),
        target,
        outcome: outcome(code),
        exit_code: code,
        summary,
        checks,
        root_causes,
        demo: None,
    }
}

fn target(stack: &Stack) -> Map<String, Value> {
    let mut target = Map::new();
    target.insert("gateway".to_owned(), stack.gateway.url().into());
    target.insert("nats".to_owned(), stack.nats.url().into());
    target.insert("redis".to_owned(), stack.redis.url().into());
    target
}

pub(crate) fn too_late() -> Observation {
    let mut seen = Observation::new(EvidenceLevel::None);
    let failure = Failure::new(Stage::Exchange, Cause::TimedOut).because("the run's deadline passed first");
    seen.failed("check", Expects::Works, failure);
    seen
}

fn skipped(check: &Check) -> CheckReport {
    CheckReport {
        number: check.number,
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        status: Status::Skip,
        duration_ms: 0.0,
        attempts: 0,
        summary: "left out (--skip)".to_owned(),
        evidence: EvidenceLevel::None.slug().to_owned(),
        diagnoses: Vec::new(),
        details: Map::new(),
        remarks: Vec::new(),
    }
}

fn report(stack: &Stack, check: &Check, seen: &Observation, took: Duration) -> CheckReport {
    let status = judge(seen);
    let (diagnoses, remarks) = diagnose::diagnose(stack, config::link_of(check.id), seen);
    let summary = summary(stack, status, seen, &diagnoses, &remarks);
    let evidence = if status == Status::Unknown { EvidenceLevel::None } else { seen.evidence };
    CheckReport {
        number: check.number,
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        status,
        duration_ms: milliseconds(took),
        attempts: 1,
        summary,
        evidence: evidence.slug().to_owned(),
        diagnoses,
        details: seen.details.clone(),
        remarks: remarks.iter().map(|text| (stack.redact)(text)).collect(),
    }
}

pub(crate) fn summary(
    stack: &Stack,
    status: Status,
    seen: &Observation,
    diagnoses: &[crate::outcome::Diagnosis],
    remarks: &[String],
) -> String {
    let text = match status {
        Status::Pass | Status::Warn => {
            let worked: Vec<&str> = seen
                .steps
                .iter()
                .filter_map(|step| match (&step.seen, &step.expects) {
                    (Seen::Worked(what), Expects::Works) => Some(what.as_str()),
                    (Seen::Failed(_), Expects::Refused(_)) => Some(step.name.as_str()),
                    _ => None,
                })
                .collect();
            let refused = seen.steps.iter().any(|step| matches!(step.expects, Expects::Refused(_)));
            match (&seen.summary, refused) {
                (Some(summary), _) => summary.clone(),
                (None, true) => {
                    let names: Vec<&str> = seen
                        .steps
                        .iter()
                        .filter(|step| matches!(step.expects, Expects::Refused(_)))
                        .map(|step| step.name.as_str())
                        .collect();
                    format!("refused: {}", names.join(", "))
                }
                (None, false) => worked.join("; "),
            }
        }
        _ => diagnoses
            .iter()
            .flat_map(|one| one.because.first())
            .chain(remarks.iter())
            .next()
            .cloned()
            .or_else(|| diagnoses.first().map(|one| one.title.clone()))
            .unwrap_or_else(|| "nothing was seen".to_owned()),
    };
    (stack.redact)(&text)
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
