//! `diagnose`: error text and log lines in, causes out.

mod blocks;
#[cfg(feature = "kubernetes")]
mod cluster;
mod containers;
mod live;
mod render;
mod sources;

#[cfg(not(feature = "kubernetes"))]
use super::without_kubernetes::diagnose as cluster;
use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_checks::platform::Platform;
use tls_verify_checks::stack::Stack;
use tls_verify_core::diagnosis::rules::file_of;
use tls_verify_core::diagnosis::settings;
use tls_verify_core::evidence::LinkSetting;
use tls_verify_core::logs::scan::LogProblem;
use tls_verify_core::remedy::catalogue::Placeholders;
use tls_verify_core::report::{Fix, exit};
use tls_verify_core::workload::Instance;

use crate::cli::{DiagnoseArgs, DiagnoseFormat, ErrorFormat, names};
use crate::commands::run::cures::{self, LoggedCause};
use crate::config::{self, ConfigError as Wrong, Environment};
use crate::output;
use crate::report::files::ReportFiles;
use crate::report::page;
use crate::usage::usage;
use containers::docker;
use sources::DiagnoseSource;

/// All problem lines of one cause.
#[derive(Debug)]
pub struct Group {
    pub cause: CauseKind,
    pub variant: Option<Variant>,
    pub count: u64,
    pub first: Option<SystemTime>,
    pub last: Option<SystemTime>,
    pub sources: BTreeSet<String>,
    /// The last line of it.
    pub sample: LogProblem,
    pub sample_source: String,
    /// Lines of a service's present run; `count` where runs are not told apart.
    pub present: u64,
    /// Settings of the container that logged the last line, where they bear on it.
    pub settings: Vec<LinkSetting>,
    /// What is wrong with what runs, where that explains it.
    pub cure: Option<Fix>,
}

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &DiagnoseArgs, environment: &Environment) -> u8 {
    let format = args.format.told();
    let sources = match sources::sources(args) {
        Ok(sources) => sources,
        Err(problems) => return usage(&problems, format),
    };
    let mut reports = match ReportFiles::open(&args.report, &names::<DiagnoseFormat>(&["human", "jsonl"])) {
        Ok(reports) => reports,
        Err(problems) => return usage(&problems, format),
    };
    let since = match args.targets.since.as_deref().map(config::moment).transpose() {
        Ok(since) => since,
        Err(message) => {
            let fix = "give a duration such as 10m or a time such as 2026-01-31T12:00:00Z";
            return usage(&[Wrong::new(format!("--since: {message}"), fix)], format);
        }
    };
    let collected = Arc::new(Mutex::new(Collected {
        groups: Vec::new(),
        lines: (args.format == DiagnoseFormat::Jsonl).then(Vec::new),
        lost: None,
        since,
    }));
    let named = !sources.is_empty();
    let work = {
        let (args, environment, collected) = (args.clone(), environment.clone(), Arc::clone(&collected));
        move || collect(&args, &environment, &sources, &collected)
    };
    // What was found before an interruption is shown all the same.
    let (blanks, problems, interrupted) = match crate::runtime::interruptible(work) {
        Some((blanks, problems)) => (blanks, problems, false),
        None => (Placeholders::default(), Vec::new(), true),
    };
    let mut collected = lock(&collected);
    collected.flush();
    let groups = std::mem::take(&mut collected.groups);
    if !problems.is_empty() && (groups.is_empty() || named) {
        return usage(&problems, format);
    }
    let code = match (interrupted, groups.is_empty()) {
        (true, _) => exit::INTERRUPTED,
        (false, true) => exit::PASS,
        (false, false) => exit::FAIL,
    };
    if let Some(error) = collected.lost.take() {
        return output::ended(code, Err(error));
    }
    let shown = output::print(code, |out| match args.format {
        DiagnoseFormat::Human => render::human(&groups, &blanks, out),
        DiagnoseFormat::Json => render::json(&groups, code, &blanks, out),
        DiagnoseFormat::Html => page::write("diagnose", &render::object(&groups, code, &blanks), out),
        DiagnoseFormat::Jsonl => Ok(()),
    });
    let whole = reports.write(|format, out| match format {
        "html" => page::write("diagnose", &render::object(&groups, code, &blanks), out),
        _ => render::json(&groups, code, &blanks, out),
    });
    output::filed(shown, whole)
}

/// Reads everything that is to be read.
fn collect(
    args: &DiagnoseArgs,
    environment: &Environment,
    sources: &[DiagnoseSource],
    collected: &Mutex<Collected>,
) -> (Placeholders, Vec<Wrong>) {
    let mut problems = Vec::new();
    let mut blanks = Placeholders::default();
    if args.docker {
        match docker(args, environment, collected) {
            Ok(found) => blanks = found,
            Err(problem) => problems.push(problem),
        }
    }
    if of_cluster(args) {
        match cluster::kubernetes(args, environment, collected) {
            Ok(found) => blanks = found,
            Err(problem) => problems.push(problem),
        }
    }
    for source in sources {
        if let Err(problem) = sources::read(source, collected) {
            problems.push(problem);
        }
    }
    (blanks, problems)
}

/// Whether the logs of a cluster are meant: by a flag, for in a pod text is piped in too.
fn of_cluster(args: &DiagnoseArgs) -> bool {
    let targets = &args.targets;
    targets.kubernetes
        || targets.kube_context.is_some()
        || targets.kubeconfig.is_some()
        || targets.namespace.is_some()
}

fn lock(collected: &Mutex<Collected>) -> MutexGuard<'_, Collected> {
    collected.lock().unwrap_or_else(PoisonError::into_inner)
}

struct Collected {
    groups: Vec<Group>,
    /// Lines of `jsonl` that have not been written yet.
    lines: Option<Vec<u8>>,
    /// Why standard output takes no more lines.
    lost: Option<io::Error>,
    since: Option<SystemTime>,
}

/// Bytes of `jsonl` that are written at once.
const BUFFERED: usize = 64 * 1024;

impl Collected {
    fn flush(&mut self) {
        if let Some(lines) = self.lines.as_mut().filter(|lines| !lines.is_empty()) {
            let lines = std::mem::take(lines);
            self.lost = output::put(|out| out.write_all(&lines)).err().or(self.lost.take());
        }
    }

    /// The container's own settings for the groups whose last line is its.
    fn explain_by(&mut self, container: &Instance) {
        for group in self.groups.iter_mut().filter(|group| group.sample_source == container.name) {
            let file = match group.cause {
                CauseKind::BadKeyFile => file_of(&group.sample.line),
                _ => None,
            };
            group.settings =
                settings::relevant(container, group.sample.found().link, Some(group.cause), file.as_deref());
        }
    }

    /// The cures of what runs, for the groups that they explain.
    fn cure_by(&mut self, platform: &dyn Platform, stack: &Stack) {
        let said: Vec<LoggedCause<'_>> = self
            .groups
            .iter()
            .map(|group| LoggedCause {
                cause: (group.cause, group.variant),
                services: group.sources.iter().map(String::as_str).collect(),
                line: &group.sample.line,
            })
            .collect();
        if said.is_empty() {
            return;
        }
        let cures = cures::of_lines(platform, stack, &said);
        for (group, cure) in self.groups.iter_mut().zip(cures) {
            group.cure = cure;
        }
    }

    fn take(&mut self, source: &str, service: &str, problem: LogProblem) {
        if self.since.is_some_and(|since| problem.at.is_some_and(|at| at < since)) {
            return;
        }
        if let Some(lines) = self.lines.as_mut().filter(|_| self.lost.is_none()) {
            // Writing to memory does not fail.
            let _ = render::jsonl(source, &problem, lines);
            if lines.len() > BUFFERED {
                self.flush();
            }
        }
        let (cause, variant, at) = (problem.found().kind, problem.found().variant, problem.at);
        let known = self.groups.iter_mut().find(|group| group.cause == cause && group.variant == variant);
        if let Some(group) = known {
            group.count += 1;
            // Logs of several services overlap.
            group.first = group.first.into_iter().chain(at).min();
            group.last = group.last.max(at);
            if group.sources.len() < 64 && !group.sources.contains(service) {
                group.sources.insert(service.to_owned());
            }
            group.sample = problem;
            group.sample_source = source.to_owned();
        } else {
            self.groups.push(Group {
                cause,
                variant,
                count: 1,
                first: at,
                last: at,
                sources: BTreeSet::from([service.to_owned()]),
                sample: problem,
                sample_source: source.to_owned(),
                present: 0,
                settings: Vec::new(),
                cure: None,
            });
        }
    }
}
