//! Proves that no service of the current runs logged Redis or TLS trouble: all lines, every service,
//! replicas and workers included. It does not prove that Redis works; `redis-tls` does.

use std::time::{Duration, SystemTime};

use futures_util::FutureExt;

use tls_verify_core::evidence::{Fact, Subject};
use tls_verify_core::workload::Instance;

use crate::cause::{CauseKind, Confidence, Side};
use crate::context::{Check, Context, OwnProbe};
use crate::fault::{Cause, Failure, Stage};
use crate::logs::{self, RunLog, ServiceLog, Trouble};
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::platform::{Platform, is_of};
use crate::stack::Link;

pub const CHECK: Check = Check {
    number: 7,
    id: "redis-logs",
    title: "No service logs Redis or TLS trouble",
    about: "every line of the current run of every service that uses Redis, replicas and workers included",
    documented: true,
    needs: &[],
    observe: |context| observe(context).boxed(),
};

/// Trouble older than this is over when Redis is reachable now.
const SETTLED: Duration = Duration::from_secs(5);

/// Every service uses each of its connections to Redis at least this often.
const DROPPED: Duration = Duration::from_secs(30);

fn line_of(instance: &Instance) -> Subject {
    Subject::Line { service: instance.service.clone(), instance: instance.name.clone() }
}

/// What is known of a service beside its log.
struct Present {
    now: SystemTime,
    healthy: bool,
    up: bool,
    restarting: bool,
    /// Redis answers now; `None`: nobody can say from here.
    redis_reachable: Option<bool>,
    /// When Redis' own log says that it was ready.
    redis_ready: Option<SystemTime>,
    subject: Subject,
}

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Logged);
    let platform = match context.logs().await {
        Ok(platform) => platform,
        Err(failure) => {
            seen.evidence = EvidenceLevel::None;
            let logs = seen.expect("logs", Expects::Works);
            seen.untried(logs, failure);
            return seen;
        }
    };
    let live = platform.is_live();
    let redis_reachable = if live { crate::redis_tls::reachable(context).await } else { None };
    // Probes of ours that this very run makes may already stand in the logs.
    let own = context.own_probes();
    let mut read = Tally::default();
    let deployed = deployed(context, platform, &mut seen);
    // All at the same time: one log that never ends must not keep the others from being read.
    let reads = deployed.iter().map(|(_, container)| logs::of_container(context, platform, container, &own));
    let logs = futures_util::future::join_all(reads).await;
    // The end of a recording stands for now.
    let recorded_end = logs.iter().flatten().filter_map(|log| log.present.last).max();
    let redis_ready = if live { None } else { redis_ready(context, platform, &own).await };
    for ((service, container), log) in deployed.into_iter().zip(logs) {
        let log = match log {
            Ok(log) => log,
            Err(error) => {
                let failure = Failure::new(Stage::Exchange, Cause::Other)
                    .because(format!("the log of {} cannot be read: {error}", container.name))
                    .at(service);
                let says = seen.expect(container.name.clone(), Expects::Works);
                seen.untried(says, failure);
                continue;
            }
        };
        let crashed = !live && log.runs > 0 && log.present.ends_in_trouble && log.present.works.is_empty();
        let present = Present {
            now: recorded_end.filter(|_| !live).unwrap_or_else(SystemTime::now),
            healthy: container.healthy == Some(true),
            up: if live { container.is_up() } else { !crashed },
            restarting: container.is_restarting() || crashed,
            redis_reachable,
            redis_ready,
            subject: if live { line_of(container) } else { Subject::Recorded },
        };
        let service = if live { &container.service } else { &service };
        weigh(&mut seen, &mut read, &container.name, service, &log, &present);
    }
    conclude(&mut seen, &read);
    seen
}

/// What is to be read, service by service; what should be there and is not is said at once.
fn deployed<'a>(
    context: &Context,
    platform: &'a dyn Platform,
    seen: &mut Observation,
) -> Vec<(String, &'a Instance)> {
    let mut deployed = Vec::new();
    for service in names(context) {
        let before = deployed.len();
        let replicas = platform.instances().filter(|one| is_of(&one.service, &service));
        deployed.extend(replicas.map(|one| (service.clone(), one)));
        if deployed.len() == before && !is_optional(context, &service) {
            let failure = Failure::new(Stage::Configure, Cause::Other)
                .because(platform.lacks(&service))
                .at(service.clone());
            let says = seen.expect(service.clone(), Expects::Works);
            seen.untried(says, failure);
        }
    }
    deployed
}

/// When Redis' own recorded log says that it was ready.
async fn redis_ready(context: &Context, platform: &dyn Platform, own: &[OwnProbe]) -> Option<SystemTime> {
    let mut ready = None;
    for redis in platform.of_service(Link::Redis.service()) {
        let log = logs::of_container(context, platform, redis, own).await.unwrap_or_default();
        ready = ready.max(log.present.worked);
    }
    ready
}

/// The services whose logs are read: the deployed ones that use Redis, and the workers.
fn names(context: &Context) -> Vec<String> {
    let mut names: Vec<String> = context.stack.services.clone();
    for worker in [context.stack.worker.as_str(), "demo-quickstart-worker"] {
        if !names.iter().any(|name| name == worker) {
            names.push(worker.to_owned());
        }
    }
    names
}

fn is_optional(context: &Context, service: &str) -> bool {
    let demanded = context.stack.worker_required && context.stack.worker == service;
    !demanded && !context.stack.services.iter().any(|name| name == service)
}

#[derive(Default)]
struct Tally {
    lines: u64,
    services: u64,
}

/// Judges one service's log by the run that counts.
fn weigh(
    seen: &mut Observation,
    read: &mut Tally,
    name: &str,
    service: &str,
    log: &ServiceLog,
    present: &Present,
) {
    if log.present.lines == 0 && log.previous.is_none() {
        let failure = Failure::new(Stage::Exchange, Cause::Other)
            .because(format!("the log of {name} is empty"))
            .at(service.to_owned());
        let says = seen.expect(name, Expects::Works);
        seen.untried(says, failure);
        return;
    }
    read.lines += log.present.lines;
    read.services += 1;
    // A run that has said nothing yet cannot speak for a service that keeps crashing.
    let young = log.present.troubles.is_empty() && log.present.works.is_empty() && !present.healthy;
    let run: &RunLog = match &log.previous {
        Some(previous) if young && previous.ends_in_trouble => previous,
        _ => &log.present,
    };
    let restarting = present.restarting || !std::ptr::eq(run, &log.present);
    for trouble in &run.troubles {
        let mut failure = as_failure(name, service, trouble);
        let of_redis = trouble.link == Some(Link::Redis);
        let connection = trouble.what.kind.is_transient();
        let settled = trouble
            .last
            .and_then(|last| present.now.duration_since(last).ok())
            .is_some_and(|silent| silent > SETTLED);
        // Without a look at Redis itself, silence counts unless the run ended in this trouble. The
        // engine calls a container healthy for up to 30 s after its Redis has gone.
        // A service that came up without Redis (the safety kernel) does without it until it is restarted.
        let without = !run.works.is_empty() && !run.works.contains(&Some(Link::Redis));
        let silent = settled && present.redis_reachable.unwrap_or(!run.ends_in_trouble && !without);
        let healthy = present.healthy && present.redis_reachable != Some(false);
        let past = present.redis_reachable.is_none()
            && (was_dropped(trouble, run) || (!without && fell_silent(trouble, present)));
        let over = present.up && !restarting && (trouble.recovered || healthy || silent || past);
        if !of_redis && connection && trouble.recovered {
            continue;
        }
        if !of_redis {
            failure.facts.push(Fact::OfAnotherLink(trouble.link));
            seen.warnings.push(failure);
        } else if connection && over {
            failure.facts.push(Fact::GotOver);
            seen.warnings.push(failure);
        } else {
            if !connection && !restarting {
                failure.facts.push(Fact::IfMended { service: service.to_owned() });
            }
            let says = seen.expect(name, Expects::Works);
            seen.about(&says, present.subject.clone());
            seen.failed(says, failure);
        }
    }
}

/// Since Redis came back, or for longer than any service leaves it alone, nothing of the kind was said.
fn fell_silent(trouble: &Trouble, present: &Present) -> bool {
    let Some(last) = trouble.last else { return false };
    let since = |from: SystemTime| present.now.duration_since(from).unwrap_or_default();
    let back = present.redis_ready.is_some_and(|ready| ready >= last && since(ready) > SETTLED);
    back || (trouble.established && since(last) > DROPPED)
}

/// Connections that had worked were closed, once each, and dialling anew did not fail: Redis was restarted.
fn was_dropped(trouble: &Trouble, run: &RunLog) -> bool {
    let lasted = match (trouble.first, trouble.last) {
        (Some(first), Some(last)) => last.duration_since(first).unwrap_or_default(),
        _ => Duration::ZERO,
    };
    let dialled = |other: &Trouble| {
        other.link == trouble.link
            && other.line > trouble.line
            && other.what.kind.is_transient()
            && other.what.kind != CauseKind::ConnectionReset
    };
    trouble.what.kind == CauseKind::ConnectionReset
        && trouble.established
        && lasted < DROPPED
        && !run.troubles.iter().any(dialled)
}

fn as_failure(name: &str, service: &str, trouble: &Trouble) -> Failure {
    let mut what = trouble.what.clone();
    if what.confidence == Confidence::Certain && what.side == Side::Network {
        what.confidence = Confidence::Likely;
    }
    let times = match (trouble.first, trouble.last) {
        (Some(first), Some(last)) if trouble.count > 1 => {
            format!("{} times, {} to {}", trouble.count, clock(first), clock(last))
        }
        (_, Some(last)) => format!("at {}", clock(last)),
        _ if trouble.count > 1 => format!("{} times", trouble.count),
        _ => "once".to_owned(),
    };
    Failure::new(Stage::Exchange, Cause::Line(what))
        .because(Fact::Logged { who: name.to_owned(), when: Some(times), line: trouble.sample.clone() })
        .at(service.to_owned())
}

/// RFC 3339 to the second.
#[must_use]
pub fn clock(at: SystemTime) -> String {
    let time = time::OffsetDateTime::from(at);
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time.format(&format).unwrap_or_default()
}

fn conclude(seen: &mut Observation, read: &Tally) {
    seen.detail("lines", read.lines);
    seen.detail("logs", read.services);
    if seen.steps().is_empty() && read.services > 0 {
        let what =
            format!("{} lines of {} logs read, none is Redis or TLS trouble", read.lines, read.services);
        let logs = seen.expect("logs", Expects::Works);
        seen.worked(logs, what);
    }
}
