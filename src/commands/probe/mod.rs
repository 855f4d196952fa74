//! The `probe` command: single endpoints in depth, or many of them quickly.

mod list;
pub mod merge;
mod pace;
mod screen;
mod sink;
mod target;

use std::io::{self, Write};
use std::sync::Arc;
use std::time::Instant;

use futures_util::stream::{self, StreamExt};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use tls_verify_checks::context::Context;
use tls_verify_checks::observation::Observation;
use tls_verify_checks::probe::{self, ProbeTarget};
use tls_verify_checks::stack::Stack;
use tls_verify_core::report::{Diagnosis, exit};
use tls_verify_core::status::{Status, status_of};
use tls_verify_core::x509::Purpose;

use crate::cli::{ErrorFormat, ProbeArgs, ProbeFormat, names};
use crate::commands::run::summary;
use crate::config::{self, ConfigError, Environment};
use crate::diagnosis;
use crate::presented_chain;
use crate::usage::usage;
use list::Shard;
use tls_verify_core::certificates::{ChainUnderTest, verify};

/// One endpoint's report.
#[derive(Clone, Debug, Serialize)]
pub struct ProbedEndpoint {
    pub target: String,
    pub status: Status,
    pub summary: String,
    pub diagnoses: Vec<Diagnosis>,
    pub details: Map<String, Value>,
}

/// The whole report.
#[derive(Debug, Serialize)]
pub struct ProbeReport<T> {
    pub schema: &'static str,
    pub outcome: &'static str,
    pub exit_code: u8,
    pub endpoints: Vec<T>,
}

/// How many ended how, for the exit code.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Count {
    pub fail: usize,
    pub warn: usize,
    pub unknown: usize,
    pub good: usize,
}

impl Count {
    /// How many there are.
    #[must_use]
    pub const fn sum(self) -> usize {
        self.fail + self.warn + self.unknown + self.good
    }

    pub fn add(&mut self, status: Status) {
        match status {
            Status::Fail => self.fail += 1,
            Status::Unknown => self.unknown += 1,
            Status::Warn => self.warn += 1,
            Status::Pass | Status::Skip => self.good += 1,
        }
    }

    /// 1 findings, 3 undecided, 0 clean.
    #[must_use]
    pub const fn exit_code(self, strict: bool) -> u8 {
        exit::of(self.fail > 0 || (strict && self.warn > 0), self.unknown > 0)
    }
}

/// A target, or what is wrong with the line that should have been one.
type TargetLine = Result<ProbeTarget, (String, String)>;

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &ProbeArgs, environment: &Environment) -> u8 {
    let format = args.format.told();
    let prepared = prepare(args, environment);
    let (stack, shard) = match prepared {
        Ok(prepared) => prepared,
        Err(problems) => return usage(&problems, format),
    };
    let manner = target::ProbeOptions {
        stack: &stack,
        resolve: &args.stack.resolve,
        tls_first: args.tls_first,
        deep: args.deep || args.list.is_none(),
    };
    let mut named = Vec::new();
    let mut problems = Vec::new();
    for text in &args.targets {
        match target::parse(text, manner) {
            Ok(target) => named.push(target),
            Err(why) => problems.push(ConfigError::new(
                why,
                "give a target such as https://localhost:8081 or tls://localhost:4222",
            )),
        }
    }
    let list: Box<dyn Iterator<Item = Result<String, String>>> = match &args.list {
        None => Box::new(std::iter::empty()),
        Some(path) => match list::lines(path) {
            Ok(lines) => lines,
            Err(problem) => {
                problems.push(problem);
                Box::new(std::iter::empty())
            }
        },
    };
    if !problems.is_empty() {
        return usage(&problems, format);
    }
    let reports =
        match crate::report::files::ReportFiles::open(&args.report, &names::<ProbeFormat>(&["human"])) {
            Ok(reports) => reports,
            Err(problems) => return usage(&problems, format),
        };
    let read = list.map(|line| match line {
        Ok(text) => target::parse(text.trim_start_matches('\u{feff}'), manner).map_err(|why| (text, why)),
        Err(why) => Err(("the list of targets".to_owned(), why)),
    });
    let all: Box<dyn Iterator<Item = TargetLine>> = Box::new(named.into_iter().map(Ok).chain(read));
    let chosen: Box<dyn Iterator<Item = TargetLine>> = match shard {
        Some((index, count)) => Box::new(all.skip(index).step_by(count)),
        None => all,
    };
    let sink = sink::Sink::new(args, environment, reports, shard.is_some());
    dialled(args, &stack, chosen, sink)
}

/// Dials every target, so many at a time, and writes each result when it is there; the exit code.
fn dialled<'a>(
    args: &ProbeArgs,
    stack: &'a Stack,
    chosen: Box<dyn Iterator<Item = TargetLine> + 'a>,
    mut sink: sink::Sink,
) -> u8 {
    let Ok(runtime) = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
    else {
        panic!("no asynchronous runtime can be started");
    };
    let mut lost = None;
    let stack = Arc::new(stack.clone());
    let code = runtime.block_on(async {
        let (jobs, deadline) = (args.jobs.max(1), args.deadline);
        let processors = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let pace = Arc::new(pace::Pace::new(jobs, processors));
        tokio::spawn(Arc::clone(&pace).watch());
        let work = stream::iter(chosen).map(|line| {
            let (stack, pace) = (Arc::clone(&stack), Arc::clone(&pace));
            // A task of its own: handshakes of several targets run on several threads.
            let task = tokio::spawn(async move {
                match line {
                    Ok(target) => paced(&pace, &stack, &target, deadline).await,
                    Err((text, why)) => unread(&text, why),
                }
            });
            async move {
                task.await.unwrap_or_else(|_| unread("?", "the probe ended without a result".to_owned()))
            }
        });
        let mut results = if args.ordered || args.list.is_none() {
            work.buffered(jobs).boxed_local()
        } else {
            work.buffer_unordered(jobs).boxed_local()
        };
        loop {
            tokio::select! {
                endpoint = results.next() => match endpoint {
                    Some(endpoint) => if let Err(error) = sink.take(endpoint) {
                        lost = Some(error);
                        break;
                    },
                    None => break,
                },
                () = crate::runtime::stop_signal() => return Some(exit::INTERRUPTED),
            }
        }
        None
    });
    // getaddrinfo cannot be cancelled.
    runtime.shutdown_background();
    sink.finish(code, lost)
}

fn prepare(args: &ProbeArgs, environment: &Environment) -> Result<(Stack, Option<Shard>), Vec<ConfigError>> {
    let configured = config::stack(&args.stack, &args.runner(), environment, &[])?;
    let mut stack = configured.stack;
    let mut problems = Vec::new();
    // Asked for and unusable is an error; the default that is not there is an empty trust store.
    let file = stack.anchors.file.clone();
    let asked = args.stack.cacert.is_some() || args.stack.certs.is_some() || file.exists();
    match config::pem::certificates(&file) {
        Ok(read) => stack.anchors.certificates = read.certificates.into(),
        Err(fault) if asked => {
            let fix = config::pem::converted(&file).map_or_else(
                || "name the CA file with --cacert".to_owned(),
                |command| format!("write it as PEM and name that file with --cacert: {command}"),
            );
            problems.push(ConfigError::new(fault.message, fix).in_file(&file))
        }
        Err(_) => {
            if !args.quiet {
                let _ = writeln!(
                    io::stderr(),
                    "note: no CA file ({} does not exist): nothing is trusted; name one with --cacert",
                    file.display()
                );
            }
        }
    }
    let shard = list::shard(args, environment).unwrap_or_else(|problem| {
        problems.push(problem);
        None
    });
    if problems.is_empty() { Ok((stack, shard)) } else { Err(problems) }
}

/// Probes one target when its turn comes; again where its time ran out while this machine did not run us. What it came
/// to the last time counts, with how often it was tried.
async fn paced(
    pace: &pace::Pace,
    stack: &Stack,
    target: &ProbeTarget,
    deadline: std::time::Duration,
) -> ProbedEndpoint {
    let (mut tried, mut left) = (1, deadline);
    loop {
        let turn = pace.turn().await;
        let mut endpoint = one(stack, target, left).await;
        let (lasted, lost) = turn.lost();
        drop(turn);
        left = left.saturating_sub(lasted);
        let is_ours = pace::is_ours(&endpoint, (lasted, lost));
        if is_ours && tried < pace::TRIES && !left.is_zero() {
            tried += 1;
            continue;
        }
        if tried > 1 {
            endpoint.details.insert("tries".to_owned(), tried.into());
        }
        if is_ours {
            let milliseconds = u64::try_from(lost.as_millis()).unwrap_or(u64::MAX);
            endpoint.details.insert("not_run_ms".to_owned(), milliseconds.into());
        }
        return endpoint;
    }
}

/// Probes one target on a stack of its own.
async fn one(stack: &Stack, target: &ProbeTarget, deadline: std::time::Duration) -> ProbedEndpoint {
    let (stack, seen, _) = observe(stack, target, deadline).await;
    let status = status_of(&seen);
    let (diagnoses, remarks) = diagnosis::diagnose(&stack, target.endpoint.link, &seen);
    let summary = summary(status, &seen, &diagnoses, &remarks);
    ProbedEndpoint { target: target.text.clone(), status, summary, diagnoses, details: seen.details }
}

/// What is seen of a target within `deadline`, on a stack of its own; `false`: it was cut short there.
pub(crate) async fn observe(
    stack: &Stack,
    target: &ProbeTarget,
    deadline: std::time::Duration,
) -> (Stack, Observation, bool) {
    let ends = Instant::now() + deadline;
    let context = Context::new(with_target(stack, target), ends);
    let link = target.endpoint.link;
    let (mut seen, whole) = match tokio::time::timeout_at(ends.into(), probe::probe(&context, target)).await {
        Ok(seen) => (seen, true),
        Err(_) => (crate::commands::run::too_late(), false),
    };
    presented_chain::warn(&context, link, &mut seen);
    if target.deep
        && let Some(recording) = context.served(link)
    {
        let chain: Vec<Vec<u8>> = recording.chain.iter().map(|one| one.to_vec()).collect();
        let anchors: Vec<Vec<u8>> =
            context.stack.anchors.certificates.iter().map(|one| one.to_vec()).collect();
        let verification = verify(&ChainUnderTest {
            presented: &chain,
            anchors: &anchors,
            candidates: &[],
            names: &[target.endpoint.name().to_owned()],
            purpose: Purpose::Server,
            at: OffsetDateTime::now_utc(),
        });
        seen.detail("verification", serde_json::to_value(verification).unwrap_or_default());
    }
    (context.stack, seen, whole)
}

/// An endpoint that a profile names, as a check of a run.
#[derive(Clone, Debug)]
pub struct NamedEndpoint {
    pub id: String,
    /// They follow on 100.
    pub number: u16,
    pub target: ProbeTarget,
}

/// The endpoints that a profile names, by the id of their check.
///
/// # Errors
/// All that are no targets.
pub fn named(
    stack: &Stack,
    endpoints: &[crate::config::profile::ProfileEndpoint],
    resolve: &[String],
) -> Result<Vec<Arc<NamedEndpoint>>, Vec<ConfigError>> {
    let manner = target::ProbeOptions { stack, resolve, tls_first: false, deep: false };
    let mut found = Vec::new();
    let mut problems = Vec::new();
    for (endpoint, number) in endpoints.iter().zip(101_u16..) {
        match target::parse(&endpoint.target, manner) {
            Ok(target) => {
                let name = endpoint.name.clone().unwrap_or_else(|| target.text.clone());
                if name.is_empty() || name.chars().any(char::is_control) {
                    problems.push(ConfigError::new(
                        format!("--profile: {name:?} is no name for an endpoint"),
                        "give a name in one line",
                    ));
                }
                let id = format!("endpoint:{name}");
                if found.iter().any(|other: &Arc<NamedEndpoint>| other.id == id) {
                    problems.push(ConfigError::new(
                        format!("--profile: two endpoints are called `{name}`"),
                        "give each a `name` of its own",
                    ));
                }
                found.push(Arc::new(NamedEndpoint { id, number, target }));
            }
            Err(why) => {
                problems.push(ConfigError::new(
                    format!("--profile: {why}"),
                    "give a target such as tls://host:4222",
                ));
            }
        }
    }
    if problems.is_empty() { Ok(found) } else { Err(problems) }
}

/// The stack with the target in place of its link's own endpoint.
pub(crate) fn with_target(stack: &Stack, target: &ProbeTarget) -> Stack {
    let mut stack = stack.clone();
    *stack.endpoints.get_mut(target.endpoint.link) = target.endpoint.clone();
    stack
}

fn unread(text: &str, why: String) -> ProbedEndpoint {
    ProbedEndpoint {
        target: tls_verify_core::logs::classify::redact(text),
        status: Status::Unknown,
        summary: why,
        diagnoses: Vec::new(),
        details: Map::new(),
    }
}
