//! `run --watch`: rounds until a signal ends them. What changes is told, report files are kept fresh.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde::Serialize;
use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_checks::stack::Stack;
use tls_verify_core::diagnosis::root_cause::family;
use tls_verify_core::report::{CheckReport, Fix, RunReport, exit, outcome};
use tls_verify_core::status::Status;

use super::cluster::live;
use super::command::{Prepared, prepare, write_files};
use super::serve::Site;
use crate::cli::{Format, RunArgs};
use crate::commands::run::wait;
use crate::commands::run::{self, Plan, Progress, rfc3339};
use crate::config::{ConfigError, Environment};
use crate::report::files::ReportFiles;
use crate::report::screen::Style;
use crate::report::transitions;
use crate::runtime::block_on;
use crate::terminal;
use crate::usage::usage;

/// A check's state when the watch begins, a change of it, or the watch's end.
#[derive(Clone, Debug, Serialize)]
pub struct Transition {
    pub schema: &'static str,
    pub kind: TransitionKind,
    /// RFC 3339, UTC: when the round that saw it ended.
    pub at: String,
    /// Counts from 1.
    pub round: u64,
    pub check: Option<String>,
    pub number: Option<u16>,
    pub from: Option<Status>,
    pub to: Option<Status>,
    pub cause: Option<CauseKind>,
    pub variant: Option<Variant>,
    #[serde(rename = "where")]
    pub place: Option<String>,
    pub summary: String,
    pub fix: Vec<Fix>,
    /// What a run of its own would have ended in; at the end, what the process ends in.
    pub exit_code: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum TransitionKind {
    State,
    Change,
    End,
}

/// What makes a change: another status, or another reason for the same one.
type Face = (Status, Option<((u8, CauseKind), Option<String>)>);

/// Where the rounds come from.
pub(crate) struct Rounds<'a> {
    args: RunArgs,
    environment: &'a Environment,
    /// What a round that cannot be run is about.
    stack: Stack,
    plan: Plan,
    /// The first round of what was prepared already; nothing: a namespace of a cluster, found anew each time.
    first: Option<Prepared>,
    of_cluster: bool,
}

impl<'a> Rounds<'a> {
    pub(crate) fn of_stack(args: &RunArgs, environment: &'a Environment, first: Prepared) -> Self {
        let (stack, plan) = (first.stack.clone(), first.plan.clone());
        Self { args: args.clone(), environment, stack, plan, first: Some(first), of_cluster: false }
    }

    /// `stack`: what the operator named of it.
    pub(crate) fn of_cluster(args: &RunArgs, environment: &'a Environment, stack: Stack, plan: Plan) -> Self {
        Self { args: args.clone(), environment, stack, plan, first: None, of_cluster: true }
    }

    async fn next(
        &mut self,
        interrupted: tokio::sync::watch::Receiver<bool>,
        progress: &mut dyn FnMut(Progress),
    ) -> RunReport {
        let ran = if self.of_cluster {
            live::report(&self.args, self.environment, interrupted, progress).await
        } else {
            // Certificates and profiles may be others by now.
            let ready = self.first.take().map_or_else(|| prepare(&self.args, self.environment), Ok);
            match ready {
                Ok(ready) => {
                    (self.stack, self.plan) = (ready.stack.clone(), ready.plan.clone());
                    Ok(ready.round(interrupted, progress).await)
                }
                Err(problems) => Err(problems),
            }
        };
        // What `--wait` waits for is the stack's start.
        self.args.runner.wait = None;
        ran.unwrap_or_else(|problems| run::undecided(&self.stack, &self.plan, &said(&problems)))
    }
}

/// Runs rounds every `every` (from start to start) until SIGINT or SIGTERM.
pub(crate) fn command(every: Duration, mut rounds: Rounds<'_>, files: ReportFiles) -> u8 {
    let (args, environment) = (rounds.args.clone(), rounds.environment);
    let style = terminal::style(&args.output, environment);
    let machine = match args.output.format {
        Format::Human => false,
        Format::Json | Format::Jsonl => true,
        Format::Junit
        | Format::Tap
        | Format::Github
        | Format::Sarif
        | Format::Prometheus
        | Format::Html
        | Format::Nagios => {
            let problem = ConfigError::new(
                "--watch prints changes, as --format human, json or jsonl",
                "put other formats in a file that is kept fresh: --report FORMAT=FILE",
            );
            return usage(&[problem], args.output.format);
        }
    };
    let site =
        match args.listen.as_deref().map(|text| Site::open(text, every, args.runner.deadline)).transpose() {
            Ok(site) => site,
            Err(problem) => return usage(&[problem], args.output.format),
        };
    block_on(&args.output, |mut interrupted, mut progress| async move {
        let mut watch =
            Watch { machine, style, every, files, faces: BTreeMap::new(), round: 0, last: None, site };
        loop {
            let begun = Instant::now();
            let report = rounds.next(interrupted.clone(), &mut progress).await;
            // What a signal cut short says nothing of the stack.
            if *interrupted.borrow() {
                break;
            }
            if !args.targets.no_docker {
                crate::own_connections::keep(&report.own, environment);
            }
            if watch.take(report).is_err() {
                // Nobody reads any more.
                return watch.last.map_or(exit::PASS, |report| report.exit_code);
            }
            if wait::pause(every.saturating_sub(begun.elapsed()), &mut interrupted).await {
                break;
            }
        }
        watch.end();
        exit::INTERRUPTED
    })
}

fn said(problems: &[ConfigError]) -> String {
    let one = |problem: &ConfigError| match &problem.file {
        Some(file) if !problem.message.contains(file.as_str()) => format!("{} ({file})", problem.message),
        _ => problem.message.clone(),
    };
    problems.iter().map(one).collect::<Vec<_>>().join("; ")
}

struct Watch {
    machine: bool,
    style: Style,
    every: Duration,
    files: ReportFiles,
    faces: BTreeMap<String, Face>,
    round: u64,
    last: Option<RunReport>,
    /// The live page.
    site: Option<Site>,
}

impl Watch {
    /// Writes files and what has changed; an error: nobody reads standard output any more.
    fn take(&mut self, report: RunReport) -> io::Result<()> {
        self.round += 1;
        let _ = write_files(&report, &mut self.files);
        let at = rfc3339(std::time::SystemTime::now());
        let changes: Vec<Transition> =
            report.checks.iter().filter_map(|check| self.change(check, &at, report.exit_code)).collect();
        if let Some(site) = &mut self.site {
            site.publish(&report, &changes);
        }
        let wrote = crate::output::put(|out| {
            if self.machine {
                changes.iter().try_for_each(|one| transitions::line(one, out))
            } else {
                transitions::screen(&changes, &report, self.every, self.style, out)
            }
        });
        self.last = Some(report);
        match wrote {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(error),
            Err(error) => {
                // A full disk may be emptied: the files are still worth writing.
                let _ = writeln!(io::stderr(), "error: changes cannot be written: {error}");
                Ok(())
            }
            Ok(()) => Ok(()),
        }
    }

    fn change(&mut self, check: &CheckReport, at: &str, exit_code: u8) -> Option<Transition> {
        let main = check.diagnoses.first();
        let face: Face = (check.status, main.map(|one| (family(one.cause, one.variant), one.place.clone())));
        let before = self.faces.insert(check.id.clone(), face.clone());
        if before.as_ref() == Some(&face) {
            return None;
        }
        Some(Transition {
            schema: "tls-verify/transition/v1",
            kind: if self.round == 1 { TransitionKind::State } else { TransitionKind::Change },
            at: at.to_owned(),
            round: self.round,
            check: Some(check.id.clone()),
            number: Some(check.number),
            from: before.map(|(status, _)| status),
            to: Some(check.status),
            cause: main.map(|one| one.cause),
            variant: main.and_then(|one| one.variant),
            place: main.and_then(|one| one.place.clone()),
            summary: check.summary.clone(),
            fix: main.map(|one| one.fix.clone()).unwrap_or_default(),
            exit_code,
        })
    }

    /// The last whole round stays in the files, with the code that the process ends in.
    fn end(&mut self) {
        if let Some(report) = &mut self.last {
            report.exit_code = exit::INTERRUPTED;
            report.outcome = outcome(exit::INTERRUPTED);
            let _ = write_files(report, &mut self.files);
        }
        let at = rfc3339(std::time::SystemTime::now());
        let mut out = io::stdout().lock();
        let wrote = if self.machine {
            let last = Transition {
                schema: "tls-verify/transition/v1",
                kind: TransitionKind::End,
                at,
                round: self.round,
                check: None,
                number: None,
                from: None,
                to: None,
                cause: None,
                variant: None,
                place: None,
                summary: "interrupted".to_owned(),
                fix: Vec::new(),
                exit_code: exit::INTERRUPTED,
            };
            transitions::line(&last, &mut out)
        } else {
            let at = at.get(..19).unwrap_or(&at);
            writeln!(out, "{at}Z the watch ended after {} rounds (exit {})", self.round, exit::INTERRUPTED)
        };
        // The process ends; there is nobody left to tell.
        let _ = wrote.and_then(|()| out.flush());
    }
}
