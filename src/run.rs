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
use crate::wait;

/// What is run, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Every check of the report, in order; `false` means that the operator left it out.
    pub checks: Vec<(&'static Check, bool)>,
    pub strict: bool,
    /// Limit of a run; with `wait`, of each round.
    pub deadline: Duration,
    /// How long to try again what may still come up.
    pub wait: Option<Duration>,
    /// Why a check is left out, where it is not the operator's `--skip`.
    pub reasons: BTreeMap<String, String>,
}

/// What is told while the run goes on.
#[derive(Clone, Debug)]
pub enum Progress {
    Started(&'static str),
    Finished(&'static str, Status),
    /// What is waited for before the next round, and why.
    Waiting(Vec<String>),
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

/// A check's last observation.
struct Done {
    seen: Observation,
    took: Duration,
    attempts: u32,
}

/// Runs the plan; with `wait`, what may still come up is tried again until it does.
pub async fn run(
    stack: Stack,
    plan: Plan,
    mut interrupted: tokio::sync::watch::Receiver<bool>,
    progress: &mut dyn FnMut(Progress),
) -> RunReport {
    let started_at = SystemTime::now();
    let started = Instant::now();
    let until = plan.wait.map(|wait| started + wait);
    let target = target(&stack);
    let mut finished: BTreeMap<&'static str, Done> = BTreeMap::new();
    let mut open: Vec<&'static Check> =
        plan.checks.iter().filter(|(_, selected)| *selected).map(|(check, _)| *check).collect();
    let mut pause = wait::FIRST_PAUSE;
    let mut own = Vec::new();
    let mut stopped = false;
    loop {
        let deadline = Instant::now() + plan.deadline;
        let context = Arc::new(Context::new(stack.clone(), deadline));
        stopped |= round(&context, &open, &mut interrupted, progress, &mut finished).await;
        own.extend(context.own_probes());
        let Some(until) = until.filter(|_| !stopped) else { break };
        let waits = wait::look(&finished.iter().map(|(id, done)| (*id, &done.seen)).collect::<Vec<_>>());
        let left = until.saturating_duration_since(Instant::now());
        if waits.is_empty() || left.is_zero() {
            break;
        }
        progress(Progress::Waiting(waits.iter().map(|(id, why)| format!("{id} ({why})")).collect()));
        open.retain(|check| waits.iter().any(|(id, _)| *id == check.id));
        if wait::pause(pause.min(left), &mut interrupted).await {
            stopped = true;
            break;
        }
        pause = (pause * 3 / 2).min(wait::LONGEST_PAUSE);
    }
    let checks: Vec<CheckReport> = plan
        .checks
        .iter()
        .map(|(check, selected)| match finished.remove(check.id) {
            Some(done) => report(&stack, check, &done),
            None if !selected => {
                skipped(check, plan.reasons.get(check.id).map_or("left out (--skip)", String::as_str))
            }
            None => {
                let why = if stopped {
                    "interrupted before it ended"
                } else {
                    "the check ended without a result (a bug of tls-verify)"
                };
                report(&stack, check, &Done { seen: untried(why), took: started.elapsed(), attempts: 1 })
            }
        })
        .collect();
    let mut report = assemble(checks, &plan, Timing { started_at, took: started.elapsed(), stopped }, target);
    report.own = own;
    report
}

/// A run that could not even begin: every check is undecided, for one reason.
pub(crate) fn undecided(stack: &Stack, plan: &Plan, why: &str) -> RunReport {
    let checks = plan
        .checks
        .iter()
        .map(|(check, selected)| {
            let took = Duration::ZERO;
            if *selected {
                report(stack, check, &Done { seen: untried(why), took, attempts: 0 })
            } else {
                skipped(check, plan.reasons.get(check.id).map_or("left out (--skip)", String::as_str))
            }
        })
        .collect();
    let timing = Timing { started_at: SystemTime::now(), took: Duration::ZERO, stopped: false };
    assemble(checks, plan, timing, target(stack))
}

fn untried(why: &str) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::None);
    seen.untried("check", Expects::Works, Failure::new(Stage::Configure, Cause::Other).because(why));
    seen
}

/// When a run began and ended, and whether it was cut short.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    pub started_at: SystemTime,
    pub took: Duration,
    pub stopped: bool,
}

fn assemble(checks: Vec<CheckReport>, plan: &Plan, timing: Timing, target: Map<String, Value>) -> RunReport {
    let summary = tally(&checks);
    let code = exit_code(&summary, plan.strict, timing.stopped);
    let root_causes = diagnose::root_causes(&checks);
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
        comparison: None,
        own: Vec::new(),
        demo: None,
    }
}

/// Runs checks once, all at the same time; whether it was interrupted.
async fn round(
    context: &Arc<Context>,
    checks: &[&'static Check],
    interrupted: &mut tokio::sync::watch::Receiver<bool>,
    progress: &mut dyn FnMut(Progress),
    finished: &mut BTreeMap<&'static str, Done>,
) -> bool {
    let deadline = context.deadline;
    let mut running = FuturesUnordered::new();
    for check in checks {
        progress(Progress::Started(check.id));
        let context = Arc::clone(context);
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
    let mut watched = true;
    loop {
        tokio::select! {
            ended = running.next() => match ended {
                Some(Ok((id, seen, took))) => {
                    progress(Progress::Finished(id, judge(&seen)));
                    let attempts = finished.get(id).map_or(1, |done| done.attempts + 1);
                    finished.insert(id, Done { seen, took, attempts });
                }
                Some(Err(_)) => {}
                None => return false,
            },
            changed = interrupted.changed(), if watched => {
                // Without a sender nobody can interrupt any more.
                watched = changed.is_ok();
                if *interrupted.borrow() {
                    return true;
                }
            }
        }
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

fn skipped(check: &Check, why: &str) -> CheckReport {
    CheckReport {
        number: check.number,
        id: check.id.to_owned(),
        title: check.title.to_owned(),
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

fn report(stack: &Stack, check: &Check, done: &Done) -> CheckReport {
    let Done { seen, took, attempts } = done;
    let status = judge(seen);
    let (diagnoses, remarks) = diagnose::diagnose(stack, config::link_of(check.id), seen);
    let summary = summary(stack, status, seen, &diagnoses, &remarks);
    let evidence = if status == Status::Unknown { EvidenceLevel::None } else { seen.evidence };
    CheckReport {
        number: check.number,
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        status,
        duration_ms: milliseconds(*took),
        attempts: *attempts,
        change: None,
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
