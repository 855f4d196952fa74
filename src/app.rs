//! The program between arguments and exit code.

use std::io::{self, IsTerminal, Write};

use tls_verify_checks::context::Check;

use tls_verify_checks::deployment::Minimum;

use crate::baseline::Baseline;
use crate::cli::{Cli, ColorChoice, Command, FailOn, Format, OutputArgs, RunArgs};
use crate::config::{self, Environment, Problem};
use crate::outcome::{RunReport, exit};
use crate::output;
use crate::profile::Profile;
use crate::report::files::Files;
use crate::report::{self, human::Style};
use crate::run::{self, Plan, Progress};

/// Runs a command and returns the exit code.
#[must_use]
pub fn main(cli: Cli, environment: &Environment) -> u8 {
    match cli.command {
        None => run_command(&cli.run, environment),
        Some(Command::Run(args)) => run_command(&args, environment),
        Some(Command::Demo(args)) => crate::demo::command(&args, environment),
        Some(Command::Diagnose(args)) => crate::triage::command(&args, environment),
        Some(Command::Schema { name }) => crate::schema::command(name.as_deref()),
        Some(Command::Completions { shell }) => crate::manual::completions(shell),
        Some(Command::Man) => crate::manual::man(),
        Some(Command::Probe(args)) => crate::probe::command(&args, environment),
        Some(Command::Merge(args)) => crate::probe::merge::command(&args),
        Some(Command::Certs(args)) => crate::certs::command(&args, environment),
        Some(Command::Explain(args)) => crate::explain::command(&args),
    }
}

/// One error object for machines, lines for people, exit 2.
#[must_use]
pub fn usage(problems: &[Problem], format: Format) -> u8 {
    match format {
        Format::Json | Format::Jsonl => {
            let object = serde_json::json!({
                "schema": "tls-verify/error/v1", "exit_code": exit::USAGE, "errors": problems,
            });
            return output::print(exit::USAGE, |out| writeln!(out, "{object}"));
        }
        // In that world nothing decided is 3, and standard output is what is read.
        Format::Nagios => {
            let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            let said = said.join("; ").replace(['|', '\n'], " ");
            return output::print(exit::UNDECIDED, |out| writeln!(out, "TLS UNKNOWN - {said}"));
        }
        _ => {
            for problem in problems {
                let file = problem.file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default();
                let named = problem.file.as_ref().is_some_and(|file| problem.message.contains(file.as_str()));
                let file = if named { String::new() } else { file };
                output::tell(&format!("error: {}{file}", problem.message));
                if let Some(fix) = &problem.fix {
                    output::tell(&format!("       {fix}"));
                }
            }
        }
    }
    exit::USAGE
}

/// What the command line does not allow; with a JSON format it is an object, as any other exit 2. Help and
/// version are no errors.
#[must_use]
pub fn refused(error: &clap::Error, arguments: impl Iterator<Item = std::ffi::OsString>) -> u8 {
    if !error.use_stderr() {
        // A reader that has seen enough is no error.
        let _ = error.print();
        return exit::PASS;
    }
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let asked = |format: &str| {
        words.windows(2).any(|pair| pair[0] == "--format" && pair[1].starts_with(format))
            || words
                .iter()
                .any(|word| word.strip_prefix("--format=").is_some_and(|one| one.starts_with(format)))
    };
    // Only checks of a stack have a word in that world.
    let checks =
        words.get(1).is_none_or(|word| matches!(word.as_str(), "run" | "demo") || word.starts_with('-'));
    let format = match (asked("json"), asked("nagios") && checks) {
        (true, _) => Format::Json,
        (_, true) => Format::Nagios,
        _ => {
            let _ = error.print();
            return exit::USAGE;
        }
    };
    let text = error.render().to_string();
    // What is missing stands on lines of its own.
    let lines: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.starts_with('[')).collect();
    let message = lines.join(" ");
    let message = message.trim_start_matches("error: ");
    let values = text.split_once("[possible values: ").and_then(|(_, rest)| rest.split_once(']'));
    let fix = values.map_or_else(|| "see `tls-verify --help`".to_owned(), |(all, _)| format!("one of {all}"));
    usage(&[Problem::new(crate::recognise::redact(message), fix)], format)
}

fn run_command(args: &RunArgs, environment: &Environment) -> u8 {
    let format = args.output.format;
    let prepared = match prepare(args, environment) {
        Ok(prepared) => prepared,
        Err(problems) => return usage(&problems, format),
    };
    let reports = match reports(&args.output) {
        Ok(reports) => reports,
        Err(problems) => return usage(&problems, format),
    };
    if !args.output.quiet {
        for note in &prepared.notes {
            eprint_line(&format!("note: {note}"));
        }
    }
    if args.list {
        return crate::plan::command(&prepared.stack, &prepared.plan, format);
    }
    if let Some(every) = args.watch {
        return crate::watch::command(args, every, prepared, reports, environment);
    }
    let asks_docker = !args.targets.no_docker;
    let report = block_on(&args.output, |interrupted, mut progress| async move {
        prepared.round(interrupted, &mut progress).await
    });
    if asks_docker {
        crate::trace::keep(&report.own, environment);
    }
    publish(&report, &args.output, reports, environment)
}

/// Everything that a run needs, read and checked.
pub(crate) struct Prepared {
    pub(crate) stack: tls_verify_checks::stack::Stack,
    pub(crate) plan: Plan,
    notes: Vec<String>,
    baseline: Option<(Baseline, FailOn)>,
    /// Name and sentence of the profile.
    profile: Option<(String, String)>,
}

impl Prepared {
    /// Runs it once, compared with the baseline.
    pub(crate) async fn round(
        self,
        interrupted: tokio::sync::watch::Receiver<bool>,
        progress: &mut dyn FnMut(Progress),
    ) -> RunReport {
        let strict = self.plan.strict;
        let mut report = run::run(self.stack, self.plan, interrupted, progress).await;
        if let Some((name, about)) = self.profile {
            report.target.insert("profile".to_owned(), name.into());
            report.target.insert("profile_about".to_owned(), about.into());
        }
        if let Some((baseline, fail_on)) = self.baseline {
            baseline.compare(&mut report, fail_on == FailOn::New, strict);
        }
        report
    }
}

/// All problems are reported, not only the first.
pub(crate) fn prepare(args: &RunArgs, environment: &Environment) -> Result<Prepared, Vec<Problem>> {
    let mut problems = Vec::new();
    let (mut targets, mut runner) = (args.targets.clone(), args.runner.clone());
    let profile = match &args.runner.profile {
        Some(path) => Profile::load(path).unwrap_or_else(|problem| {
            problems.push(problem);
            Profile::default()
        }),
        None => Profile::default(),
    };
    profile.apply(&mut targets, &mut runner, environment);
    let mut plan = match plan(&runner) {
        Ok(plan) => plan,
        Err(problem) => {
            problems.push(problem);
            return Err(problems);
        }
    };
    leave_out(&mut plan, &profile);
    let baseline = match runner.baseline.as_deref().map(Baseline::read).transpose() {
        Ok(baseline) => baseline,
        Err(problem) => {
            problems.push(problem);
            None
        }
    };
    if runner.fail_on == FailOn::New && runner.baseline.is_none() {
        problems.push(needs_baseline());
    }
    let selected: Vec<&Check> =
        plan.checks.iter().filter(|(_, selected)| *selected).map(|(check, _)| *check).collect();
    let configured = match config::stack(&targets, &runner, environment, &selected) {
        Ok(configured) => configured,
        Err(more) => {
            problems.extend(more);
            return Err(problems);
        }
    };
    let mut stack = configured.stack;
    if let (None, Some(text)) = (&stack.minimum, &profile.stack.minimum) {
        stack.minimum = Minimum::parse(text).map(|minimum| (minimum, "the profile".to_owned()));
    }
    stack.minimums = profile.minimums();
    match crate::probe::named(&stack, &profile.endpoints, &targets.resolve) {
        Ok(endpoints) => plan.endpoints = endpoints,
        Err(more) => problems.extend(more),
    }
    let named = args.runner.profile.as_ref().map(|path| {
        let name = profile.name.clone().unwrap_or_else(|| path.display().to_string());
        (name, profile.about.clone().unwrap_or_default())
    });
    let baseline = baseline.map(|baseline| (baseline, runner.fail_on));
    if problems.is_empty() {
        Ok(Prepared { stack, plan, notes: configured.notes, baseline, profile: named })
    } else {
        Err(problems)
    }
}

pub(crate) fn needs_baseline() -> Problem {
    Problem::new("--fail-on new needs --baseline FILE", "name an earlier JSON report")
}

/// What the profile calls not applicable is left out with its reason.
fn leave_out(plan: &mut Plan, profile: &Profile) {
    for (name, reason) in &profile.checks.not_applicable {
        for (check, selected) in &mut plan.checks {
            if (check.id == name || check.number.to_string() == *name) && *selected {
                *selected = false;
                plan.reasons.insert(check.id.to_owned(), format!("not applicable: {reason}"));
            }
        }
    }
}

/// Opens every `--report FORMAT=FILE`.
///
/// # Errors
/// All that cannot be opened.
pub fn reports(output: &OutputArgs) -> Result<Files, Vec<Problem>> {
    Files::open(&output.report, &crate::cli::names::<Format>(&[]))
}

/// The plan that the runner's options ask for.
///
/// # Errors
/// A check that does not exist.
pub fn plan(args: &crate::cli::RunnerArgs) -> Result<Plan, Problem> {
    let checks = run::select(tls_verify_checks::ALL, &args.only, &args.skip, args.all)
        .map_err(|message| Problem::new(message, "see `tls-verify run --help`"))?;
    Ok(Plan {
        checks,
        endpoints: Vec::new(),
        strict: args.strict,
        deadline: args.deadline,
        wait: args.wait,
        reasons: std::collections::BTreeMap::new(),
    })
}

/// Writes the report everywhere it was asked for; a broken pipe is a quiet success.
pub fn publish(report: &RunReport, output: &OutputArgs, mut reports: Files, environment: &Environment) -> u8 {
    let style = style(output, environment);
    let code = if output.format == Format::Nagios { report::nagios::code(report) } else { report.exit_code };
    let code = output::print(code, |out| report::write(report, output.format, style, out));
    let code = output::filed(code, write_files(report, &mut reports));
    let github = output.format == Format::Github || reports.formats().any(|format| format == "github");
    if github && let Some(path) = environment.get("GITHUB_STEP_SUMMARY") {
        let wrote = std::fs::File::options().create(true).append(true).open(path).and_then(|mut file| {
            let mut text = Vec::new();
            report::github::markdown(report, &mut text)?;
            file.write_all(&crate::output::masked(text))
        });
        if let Err(error) = wrote {
            eprint_line(&format!("error: GITHUB_STEP_SUMMARY cannot be written: {error}"));
        }
    }
    code
}

/// Writes every `--report`; `false` where one could not be.
pub(crate) fn write_files(report: &RunReport, reports: &mut Files) -> bool {
    reports.write(|format, out| match <Format as clap::ValueEnum>::from_str(format, true) {
        Ok(format) => report::write(report, format, Style::PLAIN, out),
        Err(error) => Err(io::Error::other(error)),
    })
}

/// How standard output looks: as wide as its terminal, within reason, else 80 columns or what COLUMNS says.
pub(crate) fn style(output: &OutputArgs, environment: &Environment) -> Style {
    let out = io::stdout();
    let columns =
        environment.get("COLUMNS").and_then(|text| text.parse().ok()).filter(|_| !out.is_terminal());
    let width = columns.unwrap_or_else(|| report::text::columns(&out)).clamp(40, 100);
    Style { color: colored(output, environment), quiet: output.quiet, verbose: output.verbose, width }
}

/// Colour on standard output: asked for, or a terminal and not forbidden.
#[must_use]
pub fn colored(output: &OutputArgs, environment: &Environment) -> bool {
    match output.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stdout().is_terminal() && environment.get("NO_COLOR").is_none(),
    }
}

fn eprint_line(text: &str) {
    output::tell(text);
}

/// Runs `work` on a runtime that a hanging name resolution cannot hold up, with Ctrl-C and SIGTERM
/// watched and
/// progress on a terminal.
pub fn block_on<F: Future>(
    output: &OutputArgs,
    work: impl FnOnce(tokio::sync::watch::Receiver<bool>, Box<dyn FnMut(Progress)>) -> F,
) -> F::Output {
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => panic!("no asynchronous runtime can be started: {error}"),
    };
    let (interrupt, interrupted) = tokio::sync::watch::channel(false);
    runtime.spawn(async move {
        stop_signal().await;
        let _ = interrupt.send(true);
        // Kept so that the receiver is not told that nobody can interrupt.
        std::future::pending::<()>().await;
    });
    let progress = crate::progress::on_stderr(output);
    let report = runtime.block_on(work(interrupted, progress));
    // getaddrinfo cannot be cancelled: a runtime that waits for it would miss the deadline.
    runtime.shutdown_background();
    report
}

/// Does blocking `work` beside a watch on Ctrl-C and SIGTERM; `None`: interrupted, the work goes on until the
/// process ends.
pub(crate) fn interruptible<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().enable_all().build() else {
        return Some(work());
    };
    let (done, result) = tokio::sync::oneshot::channel();
    let worker = std::thread::spawn(move || {
        let _ = done.send(work());
    });
    let ended = runtime.block_on(async {
        tokio::select! {
            ended = result => Some(ended.ok()),
            () = stop_signal() => None,
        }
    });
    match ended {
        Some(Some(value)) => Some(value),
        Some(None) => {
            // The sender is gone: the worker panicked, and so do we.
            if let Err(panic) = worker.join() {
                std::panic::resume_unwind(panic);
            }
            None
        }
        None => None,
    }
}

/// Returns on Ctrl-C (SIGINT), or when the process is asked to end (SIGTERM: `docker stop`, Kubernetes).
pub(crate) async fn stop_signal() {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut interrupt), Ok(mut terminate)) =
        (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
    else {
        return std::future::pending().await;
    };
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
}
