//! `run`: from its arguments to its report.

use std::io::{self, Write};

use tls_verify_checks::context::Check;
use tls_verify_checks::deployment::MinimumVersion;
use tls_verify_core::report::RunReport;

use crate::cli::{FailOn, Format, OutputArgs, RunArgs};
use crate::commands::run::baseline::Baseline;
use crate::commands::run::watch::{self, Rounds};
use crate::commands::run::{self, Plan, Progress, archive, plan};
use crate::config::profile::Profile;
use crate::config::{self, ConfigError, Environment};
use crate::output;
use crate::report::files::ReportFiles;
use crate::report::{self, screen::Style};
use crate::runtime::block_on;
use crate::terminal::style;
use crate::usage::usage;

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &RunArgs, environment: &Environment) -> u8 {
    let format = args.output.format;
    let laid_out;
    let args = match archive::opened(args) {
        Ok(None) => args,
        Ok(Some(with)) => {
            laid_out = with;
            &laid_out
        }
        Err(code) => return code,
    };
    if let Some(code) = run::cluster::command_of(args, environment) {
        return code;
    }
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
            output::tell(&format!("note: {note}"));
        }
    }
    if args.list {
        return plan::command(&prepared.stack, &prepared.plan, args.targets.logs.as_deref(), format);
    }
    if let Some(every) = args.watch {
        return watch::command(every, Rounds::of_stack(args, environment, prepared), reports);
    }
    let asks_docker = !args.targets.no_docker;
    let report = block_on(&args.output, |interrupted, mut progress| async move {
        prepared.round(interrupted, &mut progress).await
    });
    if asks_docker {
        crate::own_connections::keep(&report.own, environment);
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
pub(crate) fn prepare(args: &RunArgs, environment: &Environment) -> Result<Prepared, Vec<ConfigError>> {
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
        stack.minimum = MinimumVersion::parse(text).map(|minimum| (minimum, "the profile".to_owned()));
    }
    stack.minimums = profile.minimums();
    match crate::commands::probe::named(&stack, &profile.endpoints, &targets.resolve) {
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

pub(crate) fn needs_baseline() -> ConfigError {
    ConfigError::new("--fail-on new needs --baseline FILE", "name an earlier JSON report")
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
pub fn reports(output: &OutputArgs) -> Result<ReportFiles, Vec<ConfigError>> {
    ReportFiles::open(&output.report, &crate::cli::names::<Format>(&[]))
}

/// The plan that the runner's options ask for.
///
/// # Errors
/// A check that does not exist.
pub fn plan(args: &crate::cli::RunnerArgs) -> Result<Plan, ConfigError> {
    let checks = run::select(tls_verify_checks::ALL, &args.only, &args.skip, args.all)
        .map_err(|message| ConfigError::new(message, "see `tls-verify run --help`"))?;
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
pub fn publish(
    report: &RunReport,
    output: &OutputArgs,
    mut reports: ReportFiles,
    environment: &Environment,
) -> u8 {
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
            output::tell(&format!("error: GITHUB_STEP_SUMMARY cannot be written: {error}"));
        }
    }
    code
}

/// Writes every `--report`; `false` where one could not be.
pub(crate) fn write_files(report: &RunReport, reports: &mut ReportFiles) -> bool {
    reports.write(|format, out| match <Format as clap::ValueEnum>::from_str(format, true) {
        Ok(format) => report::write(report, format, Style::PLAIN, out),
        Err(error) => Err(io::Error::other(error)),
    })
}
