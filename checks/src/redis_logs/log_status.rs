//! One service's log by the run that counts: what trouble it tells, and whether the service got over it.

use std::time::{Duration, SystemTime};

use tls_verify_core::evidence::{Fact, LogFact, Subject};

use crate::cause::{CauseKind, Confidence, Side};
use crate::fault::{Cause, Failure, Stage};
use crate::logs::{RunLog, RunTrouble, ServiceLog};
use crate::observation::{Expects, Observation};
use crate::platform::is_of;
use crate::stack::Link;

/// Trouble older than this is over when Redis is reachable now.
const SETTLED: Duration = Duration::from_secs(5);

/// Every service uses each of its connections to Redis at least this often.
const DROPPED: Duration = Duration::from_secs(30);

/// What is known of a service beside its log.
pub(super) struct Present {
    pub(super) now: SystemTime,
    pub(super) healthy: bool,
    pub(super) up: bool,
    pub(super) restarting: bool,
    /// Redis answers now; `None`: nobody can say from here.
    pub(super) redis_reachable: Option<bool>,
    /// When Redis' own log says that it was ready.
    pub(super) redis_ready: Option<SystemTime>,
    /// When the last of Redis' servers began, where all of them run.
    pub(super) redis_began: Option<SystemTime>,
    /// When the service's youngest connection began that Redis has now, at the earliest.
    pub(super) connected: Option<SystemTime>,
    pub(super) subject: Subject,
}

#[derive(Default)]
pub(super) struct LogTally {
    pub(super) lines: u64,
    pub(super) services: u64,
}

/// Judges one service's log by the run that counts.
pub(super) fn log_status(
    seen: &mut Observation,
    read: &mut LogTally,
    name: &str,
    service: &str,
    log: &ServiceLog,
    present: &Present,
) {
    if log.present.lines == 0 && log.previous.is_none() && log.unread == 0 {
        let failure = Failure::new(Stage::Exchange, Cause::Other)
            .because(LogFact::Empty { who: name.to_owned() })
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
        let of_redis = is_of_redis(service, trouble);
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
        } else if (connection && over)
            || (!connection && present.up && !restarting && !without && was_mended(trouble, present))
        {
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
fn fell_silent(trouble: &RunTrouble, present: &Present) -> bool {
    let Some(last) = trouble.last else { return false };
    let since = |from: SystemTime| present.now.duration_since(from).unwrap_or_default();
    let back = present.redis_ready.is_some_and(|ready| ready >= last && since(ready) > SETTLED);
    back || (trouble.established && since(last) > DROPPED)
}

/// A certificate or a login that was refused, and is no more: the service has a younger connection to the Redis that we
/// reach; or Redis has begun since, and whoever lost its connection with that start would have said so again. Who had
/// not reached Redis before it complained (the safety kernel at its start) may have given up.
fn was_mended(trouble: &RunTrouble, present: &Present) -> bool {
    let (Some(last), Some(true)) = (trouble.last, present.redis_reachable) else { return false };
    if !trouble.established {
        return false;
    }
    let asks = trouble.what.kind != CauseKind::AuthNotTls;
    let connected = asks && present.connected.is_some_and(|began| began > last);
    let again = present.redis_began.is_some_and(|began| {
        began > last && present.now.duration_since(began).is_ok_and(|quiet| quiet > DROPPED)
    });
    connected || again
}

/// Connections that had worked were closed, once each, and dialling anew did not fail: Redis was restarted.
fn was_dropped(trouble: &RunTrouble, run: &RunLog) -> bool {
    let lasted = match (trouble.first, trouble.last) {
        (Some(first), Some(last)) => last.duration_since(first).unwrap_or_default(),
        _ => Duration::ZERO,
    };
    let dialled = |other: &RunTrouble| {
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

pub(super) fn as_failure(name: &str, service: &str, trouble: &RunTrouble) -> Failure {
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
pub(super) fn clock(at: SystemTime) -> String {
    let time = time::OffsetDateTime::from(at);
    let format = time::macros::format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    time.format(&format).unwrap_or_default()
}

/// The line speaks of Redis, or can mean nothing else: whatever a service complains of that dials nobody but
/// Redis.
pub(super) fn is_of_redis(service: &str, trouble: &RunTrouble) -> bool {
    trouble.link.map_or_else(|| is_of(service, "context-engine"), |link| link == Link::Redis)
}
