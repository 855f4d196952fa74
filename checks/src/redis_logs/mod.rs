//! Proves that no service of the current runs logged Redis or TLS trouble: all lines, every service,
//! replicas and workers included. It does not prove that Redis works; `redis-tls` does.

mod log_status;

use std::time::SystemTime;

use futures_util::FutureExt;
use tls_verify_core::diagnosis::rules::died_of;
use tls_verify_core::evidence::{Fact, LogFact, Subject};
use tls_verify_core::workload::{Instance, Phase};

use crate::cause::CauseKind;
use crate::context::{Check, Context, Dials, OwnProbe};
use crate::enforcement;
use crate::fault::{Cause, Failure, Stage};
use crate::inspections;
use crate::logs::{self, ServiceLog};
use crate::observation::{EvidenceLevel, Expects, Observation, Outcome};
use crate::platform::{Platform, is_of};
use crate::redis_clients;
use crate::redis_now::{self, Now};
use crate::stack::{Link, LogSource};
use crate::standing;

use log_status::{LogTally, Present, as_failure, is_of_redis, log_status};

pub const CHECK: Check = Check {
    number: 7,
    id: "redis-logs",
    title: "No service logs Redis or TLS trouble",
    about: "every line of the current run of every service that uses Redis, replicas and workers included",
    documented: true,
    link: Link::Redis,
    over: &[Link::Redis],
    dials: Dials::Never,
    needs: &[],
    observe: |context| observe(context).boxed(),
};

fn line_of(instance: &Instance) -> Subject {
    Subject::Line { service: instance.service.clone(), instance: instance.name.clone() }
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
    let mut read = LogTally::default();
    let deployed = deployed(context, platform, &mut seen);
    let recorded = if live { RecordedLog::default() } else { RecordedLog::of(context, platform, &own).await };
    // All at the same time: one log that never ends must not keep the others from being read.
    let reads = deployed.iter().map(|(service, container)| async {
        let required = !is_optional(context, service);
        let (fresh, fault) = match required && live {
            true => standing::of(context, platform, container).await,
            false => ((*container).clone(), None),
        };
        (logs::of_container(context, platform, container, &own).await, fresh, fault)
    });
    let logs = futures_util::future::join_all(reads).await;
    let now = recorded.end.unwrap_or_else(|| platform.now());
    let lasting = |log: &ServiceLog| log.present.troubles.iter().any(|one| !one.what.kind.is_transient());
    let clients = match live && logs.iter().any(|(log, ..)| log.as_ref().is_ok_and(lasting)) {
        true => redis_clients::of(context).await,
        false => Vec::new(),
    };
    let redis_began = live.then(|| began(platform)).flatten();
    let (mut young, mut late) = (Vec::new(), Vec::new());
    for ((service, _), (log, container, fault)) in deployed.into_iter().zip(logs) {
        let name = container.name.clone();
        let log = match log {
            Ok(log) => log,
            Err(error) => {
                unreadable(&mut seen, &name, &service, &error, fault);
                continue;
            }
        };
        let crashed = !live && has_crashed(&log);
        let present = Present {
            now,
            healthy: container.healthy == Some(true) || holds_links(context, &container, &log).await,
            up: if live { container.is_up() } else { !crashed },
            restarting: container.is_restarting() || crashed,
            redis_reachable,
            redis_ready: recorded.redis_ready,
            redis_began,
            connected: redis_clients::since(&clients, &container.addresses, now),
            subject: if live { line_of(&container) } else { Subject::Recorded },
        };
        let before = seen.steps().len();
        let whose = if live { &container.service } else { &service };
        log_status(&mut seen, &mut read, &name, whose, &log, &present);
        note(whose, &container, fault.is_some(), &log);
        if let (Some(fault), true) = (fault, seen.steps().len() == before) {
            down(&mut seen, &container, &log, fault);
        }
        let required = !is_optional(context, &service);
        beside(&mut seen, &container, &log, &service, live && required);
        if required && begins_late(context, live, &container, &log) {
            late.push((name.clone(), log.present.first, present.healthy || !log.present.works.is_empty()));
        }
        if required && still_dials(live, &container, &log, now) {
            young.push(name);
        }
    }
    let there = redis_is_seen(context, &mut seen, redis_reachable, &recorded, young).await;
    for (name, first, well) in late {
        rotated(&mut seen, &name, first, there && well);
    }
    conclude(&mut seen, &read);
    seen
}

/// A recorded start that ended in trouble before anything worked.
fn has_crashed(log: &ServiceLog) -> bool {
    log.runs > 0 && log.present.ends_in_trouble && log.present.works.is_empty()
}

fn note(whose: &str, container: &Instance, down: bool, log: &ServiceLog) {
    let state = if down { "down" } else { container.phase.word() };
    let lines = log.present.lines;
    inspections::note(whose, container.name.clone(), format!("{state}, {lines} lines of its present start"));
}

/// When the last of Redis' servers began, where all of them run.
fn began(platform: &dyn Platform) -> Option<SystemTime> {
    let mut servers = platform.of_service(Link::Redis.service()).filter(|one| one.current || one.is_up());
    let first = servers.next()?;
    let began = |one: &Instance| one.started.filter(|_| one.is_up());
    servers.try_fold(began(first)?, |last, one| Some(last.max(began(one)?)))
}

/// What is told beside the log's own words: that nobody knows whether it runs, that it does not verify Redis, that a
/// part of its log was not read.
fn beside(seen: &mut Observation, container: &Instance, log: &ServiceLog, service: &str, must_run: bool) {
    let name = container.name.clone();
    if must_run && container.phase == Phase::Unknown {
        let runs = seen.expect(format!("{name} runs"), Expects::Works);
        let failure = Failure::new(Stage::Connect, Cause::Other)
            .because(LogFact::NotInspected { who: name.clone() })
            .at(container.service.clone());
        seen.untried(runs, failure);
    }
    if let Some(failure) = enforcement::redis(container) {
        let verifies = seen.expect(format!("{name} verifies Redis"), Expects::Works);
        seen.failed(verifies, failure);
    }
    if log.unread > 0 {
        let says = seen.expect(name.clone(), Expects::Works);
        let failure = Failure::new(Stage::Exchange, Cause::Other)
            .because(LogFact::Unread { who: name, bytes: log.unread })
            .at(service);
        seen.untried(says, failure);
    }
}

/// Whether a start is so young that it may still be at its dial of Redis.
fn still_dials(live: bool, container: &Instance, log: &ServiceLog, now: SystemTime) -> bool {
    let began = if live { container.started } else { log.present.first };
    // A link that works shows that the dial is over, and so where there are no times to tell an age by.
    let over = redis_now::has_outlived_its_dial(began, now)
        || log.present.works.contains(&Some(Link::Redis))
        || (began.is_none() && !log.present.works.is_empty())
        // Redis is what every service dials first: who complains of something else has reached it.
        || log.present.troubles.iter().any(|one| !is_of_redis(&container.service, one));
    !over
}

/// A log that nobody can read decides nothing; that its service does not run is known all the same.
fn unreadable(seen: &mut Observation, name: &str, service: &str, error: &str, fault: Option<Failure>) {
    let says = seen.expect(name, Expects::Works);
    let fact = LogFact::Unreadable { who: name.to_owned(), error: error.to_owned() };
    match fault {
        Some(failure) => seen.failed(says, failure.because(fact)),
        None => {
            let failure = Failure::new(Stage::Exchange, Cause::Other).because(fact).at(service);
            seen.untried(says, failure);
        }
    }
}

/// A service that does not run, or does nothing. Whose last words name another link died of that, and is a
/// matter of the check of that link.
fn down(seen: &mut Observation, container: &Instance, log: &ServiceLog, fault: Failure) {
    // Ended by hand (SIGTERM, SIGKILL) or of its own free will it has died of nothing.
    let died = !container.is_paused() && !matches!(container.exit_code(), 0 | 137 | 143);
    let died = died || container.is_restarting() || container.restarts > 0 && !container.is_down();
    let words = if died { died_of(log, container) } else { None };
    match words.filter(|words| !is_of_redis(&container.service, words)) {
        Some(words) if fault.kind() != Some(CauseKind::Timeout) => {
            let mut failure = as_failure(&container.name, &container.service, words);
            failure.facts.push(Fact::OfAnotherLink(words.link));
            seen.warnings.push(failure);
        }
        Some(_) | None => {
            let runs = seen.expect(container.name.clone(), Expects::Works);
            seen.failed(runs, fault);
        }
    }
}

/// A start that holds its links is healthy, whatever the starts before it died of. Asked for only where the
/// present start has said nothing yet and the one before died.
async fn holds_links(context: &Context, container: &Instance, log: &ServiceLog) -> bool {
    let silent = log.present.troubles.is_empty() && log.present.works.is_empty();
    if !silent || !container.is_up() || !log.previous.as_ref().is_some_and(|run| run.ends_in_trouble) {
        return false;
    }
    let Ok((connections, _)) = crate::monitor::connections(context).await else { return false };
    connections.iter().any(|row| row.address().is_some_and(|one| container.addresses.contains(&one)))
}

/// Clean logs prove something only while Redis is there to be missed.
async fn redis_is_seen(
    context: &Context,
    seen: &mut Observation,
    reachable: Option<bool>,
    recorded: &RecordedLog,
    young: Vec<String>,
) -> bool {
    if seen.steps().iter().any(|step| matches!(step.outcome(), Some(Outcome::Failed(_)))) {
        return false;
    }
    let running = recorded.end.is_none() || matches!(context.stack.logs, LogSource::Running(_));
    let now = match (&recorded.ready, running) {
        (Some(words), _) => Now::Seen(words.clone()),
        (None, true) => {
            let reachable = match reachable {
                None => crate::redis_tls::reachable(context).await,
                known => known,
            };
            redis_now::inspect(context, reachable).await
        }
        (None, false) => Now::Nobody,
    };
    match now {
        Now::Seen(words) => {
            seen.detail("redis_now", words);
            return true;
        }
        Now::Broken(failure) => {
            let redis = seen.expect("Redis is there", Expects::Works);
            seen.failed(redis, *failure);
        }
        Now::Unseen(failure) => {
            let redis = seen.expect("Redis is there", Expects::Works);
            seen.untried(redis, *failure);
        }
        Now::Nobody if young.is_empty() => seen.detail("redis_now", "nobody can look from here"),
        Now::Nobody => {
            let failure =
                Failure::new(Stage::Exchange, Cause::Other).because(LogFact::TooYoung { who: young });
            let redis = seen.expect("Redis is there", Expects::Works);
            seen.untried(redis, failure);
        }
    }
    false
}

/// A log that does not hold the beginning of its start: what was said then has been rotated away, or was not
/// exported. `--since` asks for no more.
fn begins_late(context: &Context, live: bool, container: &Instance, log: &ServiceLog) -> bool {
    if context.stack.since.is_some() || log.previous.is_some() || log.present.begins || log.present.lines == 0
    {
        return false;
    }
    // Every service of the core says at once that it starts.
    match (live, container.started, log.present.first) {
        (true, Some(started), Some(first)) => {
            first.duration_since(started).is_ok_and(|silent| silent > BEGINS)
        }
        (true, ..) => false,
        (false, ..) => true,
    }
}

/// How long a start may take to its first line.
const BEGINS: std::time::Duration = std::time::Duration::from_secs(10);

/// It passes, with a note, where Redis is there and the service is well.
fn rotated(seen: &mut Observation, name: &str, first: Option<SystemTime>, well: bool) {
    let from = first.map_or_else(|| "a later moment".to_owned(), log_status::clock);
    if well {
        seen.detail(&format!("log_of_{name}_begins"), from);
        return;
    }
    let says = seen.expect(name, Expects::Works);
    let failure = Failure::new(Stage::Exchange, Cause::Other)
        .because(LogFact::BeginsLate { who: name.to_owned(), from });
    seen.untried(says, failure);
}

/// What a recording tells beside the logs that are judged.
#[derive(Default)]
struct RecordedLog {
    /// Its last time stamp anywhere: what was now then.
    end: Option<SystemTime>,
    /// When Redis' own log says that it was ready.
    redis_ready: Option<SystemTime>,
    /// That somebody saw Redis then.
    ready: Option<String>,
}

impl RecordedLog {
    async fn of(context: &Context, platform: &dyn Platform, own: &[OwnProbe]) -> Self {
        let mut found = Self::default();
        for one in platform.instances() {
            let log = logs::of_container(context, platform, one, own).await.unwrap_or_default();
            found.end = found.end.max(log.present.last);
            if is_of(&one.service, Link::Redis.service()) {
                found.redis_ready = found.redis_ready.max(log.present.worked);
            }
        }
        let ready = platform.readiness().await;
        let said = ready.iter().any(|body| crate::gateway_https::is_ready(body, "redis"));
        found.ready = said.then(|| "the recorded /readyz says that Redis was ok".to_owned());
        found.end = found.end.or(Some(SystemTime::now()));
        found
    }
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
        let current = |one: &&Instance| one.current || one.is_up();
        let replicas = platform.instances().filter(|one| is_of(&one.service, &service)).filter(current);
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

/// The services whose logs are read: the deployed ones that use Redis, and the workers.
fn names(context: &Context) -> Vec<String> {
    let mut names: Vec<String> = context.stack.services.clone();
    for worker in context.stack.workers.iter().map(String::as_str).chain(["demo-quickstart-worker"]) {
        if !names.iter().any(|name| name == worker) {
            names.push(worker.to_owned());
        }
    }
    names
}

fn is_optional(context: &Context, service: &str) -> bool {
    let demanded = context.stack.worker_required && context.stack.workers.iter().any(|name| name == service);
    !demanded && !context.stack.services.iter().any(|name| name == service)
}

fn conclude(seen: &mut Observation, read: &LogTally) {
    seen.detail("lines", read.lines);
    seen.detail("logs", read.services);
    if seen.steps().is_empty() && read.services > 0 {
        let what =
            format!("{} lines of {} logs read, none is Redis or TLS trouble", read.lines, read.services);
        let logs = seen.expect("logs", Expects::Works);
        seen.worked(logs, what);
    }
}
