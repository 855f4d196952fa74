//! Plan, concurrency, deadlines. Knows no check and no format by name.

mod archive;
pub mod baseline;
pub mod cluster;
pub mod command;
pub(crate) mod cures;
mod item;
mod links;
pub mod plan;
pub mod progress;
mod report;
mod serve;
mod shelf;
mod wait;
pub mod watch;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tls_verify_checks::context::{Check, Context};
use tls_verify_checks::observation::Observation;
use tls_verify_checks::stack::Stack;
use tls_verify_core::evidence::RunFact;
use tls_verify_core::report::{CheckReport, RunReport};
use tls_verify_core::status::{Status, status_of};

use crate::commands::probe::NamedEndpoint;

pub(crate) use archive::problem as archive_problem;
pub use item::Item;
pub use report::{Timing, milliseconds, rfc3339};
pub(crate) use report::{summary, too_late, undecided};

/// What is run, and how.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Every check of the report, in order; `false` means that the operator left it out.
    pub checks: Vec<(&'static Check, bool)>,
    /// Endpoints beside the checks, which follow them in the report.
    pub endpoints: Vec<Arc<NamedEndpoint>>,
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
    Started(String),
    Finished(String, Status),
    /// What is waited for before the next round, each with its reason, and until when.
    Waiting(Vec<String>, Instant),
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

impl Plan {
    /// Everything of the report in its order; with the reason where it is left out.
    #[must_use]
    pub fn items(&self) -> Vec<(Item, Option<String>)> {
        let skipped = |id: &str| self.reasons.get(id).map_or("left out (--skip)", String::as_str).to_owned();
        self.checks
            .iter()
            .map(|(check, selected)| (Item::Check(check), (!selected).then(|| skipped(check.id))))
            .chain(self.endpoints.iter().map(|named| (Item::Endpoint(Arc::clone(named)), None)))
            .collect()
    }

    /// When a round that begins now has to end: with `--wait` no later than one attempt after it.
    fn round_ends(&self, until: Option<Instant>, timeout: Duration) -> Instant {
        let now = Instant::now();
        let whole = now + self.deadline;
        until.map_or(whole, |until| whole.min(until.max(now) + timeout))
    }
}

/// An item's last observation.
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
    let target = report::target(&stack);
    let mut finished: BTreeMap<String, Done> = BTreeMap::new();
    let items = plan.items();
    let all: Vec<Item> =
        items.iter().filter(|(_, left_out)| left_out.is_none()).map(|(item, _)| item.clone()).collect();
    let mut open = all.clone();
    let mut pause = wait::FIRST_PAUSE;
    let mut own = Vec::new();
    let mut services;
    let mut last;
    let mut stopped = false;
    // Some rounds asked a part of the items: what passed early was seen before the rest came up.
    let mut partial = false;
    loop {
        let ends = plan.round_ends(until, stack.timeout);
        let context = Arc::new(Context::new(stack.clone(), ends));
        stopped |= round(&context, &open, &mut interrupted, progress, &mut finished).await;
        own.extend(context.own_probes());
        services = context.deployed();
        last = Arc::clone(&context);
        let Some(until) = until.filter(|_| !stopped) else { break };
        let seen: Vec<(&str, &Observation)> =
            finished.iter().map(|(id, done)| (id.as_str(), &done.seen)).collect();
        let left = until.saturating_duration_since(Instant::now());
        match wait::next_round(&seen, started.elapsed()) {
            wait::NextRound::Definite => break,
            wait::NextRound::Ready if partial => {
                // Everything has come up: what the report says is true of one moment.
                partial = false;
                open.clone_from(&all);
            }
            wait::NextRound::Ready => break,
            wait::NextRound::Waits(_) if left.is_zero() => break,
            wait::NextRound::Waits(waits) => {
                progress(Progress::Waiting(
                    waits.iter().map(|(id, why)| format!("{id} ({why})")).collect(),
                    until,
                ));
                open.retain(|item| waits.iter().any(|(id, _)| *id == item.id()));
                partial = open.len() < all.len();
                if wait::pause(pause.min(left), &mut interrupted).await {
                    stopped = true;
                    break;
                }
                pause = (pause * 3 / 2).min(wait::LONGEST_PAUSE);
            }
        }
    }
    let checks: Vec<CheckReport> = items
        .into_iter()
        .map(|(item, left_out)| match (finished.remove(item.id()), left_out) {
            (Some(done), _) => report::report(&stack, &item, &done),
            (None, Some(why)) => report::skipped(&item, &why),
            (None, None) => {
                let why = if stopped { RunFact::Interrupted } else { RunFact::NoResult };
                let took = started.elapsed();
                report::report(&stack, &item, &Done { seen: report::untried(why), took, attempts: 1 })
            }
        })
        .collect();
    let timing = Timing { started_at, took: started.elapsed(), stopped };
    let mut report = report::assemble(checks, &plan, timing, target);
    report.own = own;
    report.services = services;
    cures::choose(&last, &mut report).await;
    report
}

/// Runs items once, all at the same time; whether it was interrupted. Nothing runs on after it.
async fn round(
    context: &Arc<Context>,
    items: &[Item],
    interrupted: &mut tokio::sync::watch::Receiver<bool>,
    progress: &mut dyn FnMut(Progress),
    finished: &mut BTreeMap<String, Done>,
) -> bool {
    let mut running = tokio::task::JoinSet::new();
    for item in items {
        progress(Progress::Started(item.id().to_owned()));
        let (context, item) = (Arc::clone(context), item.clone());
        // A panic in a check must not take the run down; the task's end says that it happened.
        running.spawn(async move {
            let begun = Instant::now();
            let (seen, whole) = item.observe(&context).await;
            (item, seen, whole, begun.elapsed())
        });
    }
    let mut watched = true;
    loop {
        tokio::select! {
            ended = running.join_next() => match ended {
                Some(Ok((item, seen, whole, took))) => {
                    progress(Progress::Finished(item.id().to_owned(), status_of(&seen)));
                    let before = finished.remove(item.id());
                    let attempts = before.as_ref().map_or(1, |done| done.attempts + 1);
                    // A round that was cut short tells less than the one before it.
                    let seen = match before {
                        Some(before) if !whole => before.seen,
                        _ => seen,
                    };
                    finished.insert(item.id().to_owned(), Done { seen, took, attempts });
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
