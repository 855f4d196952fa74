//! Arguments, exactly as typed: no files, no network.

mod audit;
mod certs;
mod collect;
mod formats;
mod probe;
mod runner;
mod target;

use std::time::Duration;

use clap::{Args, Parser, Subcommand};

pub use audit::{AuditArgs, AuditFormat};
pub use certs::{CertificateUse, CertsArgs};
pub use collect::CollectArgs;
pub(crate) use formats::ErrorFormat;
pub use formats::{CertsFormat, DiagnoseFormat, Format, PlainFormat, ProbeFormat, names};
pub use probe::{MergeArgs, ProbeArgs};
pub use runner::{ColorChoice, FailOn, OutputArgs, RunnerArgs};
pub use target::{Fallback, TargetArgs};

pub(crate) const EXIT_CODES: &str = "Exit codes:
  0    everything selected passed
  1    a check failed (with --strict also: a warning)
  2    usage or configuration error, nothing was run
  3    nothing failed, but something could not be decided
  130  interrupted";

/// The checks, with the exit codes.
fn checks() -> String {
    use std::fmt::Write;
    let mut text = "Checks (the first seven are run; --all adds the others):\n".to_owned();
    for check in tls_verify_checks::ALL {
        let title = crate::report::text::flow(check.title, 25, 80, &" ".repeat(25));
        let _ = writeln!(text, "  {:>2} {:<19} {title}", check.number, check.id);
    }
    text + "\n" + EXIT_CODES
}

/// Proves TLS end to end on a running service stack, and says what is broken, why, and the command
/// that fixes it.
#[derive(Debug, Parser)]
#[command(name = "tls-verify", version, after_help = checks(), args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the seven documented checks against a running stack (the default)
    #[command(after_help = checks())]
    Run(Box<RunArgs>),
    /// Starts a complete small stack on loopback, checks it, stops it
    #[command(after_help = checks())]
    Demo(Box<DemoArgs>),
    /// Reads error text or log lines and names the cause of each that is a TLS problem
    #[command(after_help = DIAGNOSE_CODES)]
    Diagnose(Box<DiagnoseArgs>),
    /// Checks certificate files, without any network
    #[command(after_help = CERTS_CODES)]
    Certs(CertsArgs),
    /// Finds TLS wiring mistakes in what a deployment is described by, before anything is started
    #[command(after_help = CERTS_CODES)]
    Audit(Box<AuditArgs>),
    /// Writes what runs, without secrets, for `run --logs` or `run --objects` elsewhere
    #[command(after_help = COLLECT_CODES)]
    Collect(CollectArgs),
    /// Diagnoses single endpoints in depth, or many of them quickly
    #[command(after_help = CERTS_CODES)]
    Probe(Box<ProbeArgs>),
    /// Joins the lines of sharded probes into one report with one exit code
    #[command(after_help = CERTS_CODES)]
    Merge(MergeArgs),
    /// Prints the JSON Schema of a report
    Schema {
        /// run, certs, audit, probe, diagnose, explain, faults, plan, transition, error; without it the names are
        /// listed
        name: Option<String>,
    },
    /// Prints completions for a shell
    Completions {
        /// bash, zsh, fish, elvish, powershell
        shell: clap_complete::Shell,
    },
    /// Prints the manual page (troff)
    Man,
    /// Prints what is known of a cause or of a rule of `audit`, or the list of both
    Explain(ExplainArgs),
}

const COLLECT_CODES: &str = "Exit codes:
  0    written
  2    usage error, nothing to collect from
  3    it could not be written";

const CERTS_CODES: &str = "Exit codes:
  0    clean
  1    findings of severity error
  2    usage error
  3    undecided";

const DIAGNOSE_CODES: &str = "Exit codes:
  0    no problem line
  1    problem lines found
  2    usage error";

/// Options of `diagnose`.
#[derive(Args, Clone, Debug)]
pub struct DiagnoseArgs {
    /// Files, directories of SERVICE.log files, `-` for standard input (the default), or the text itself
    #[arg(value_name = "FILE|TEXT")]
    pub inputs: Vec<String>,
    /// Read the logs of the stack's containers
    #[arg(long)]
    pub docker: bool,
    /// How the result is shown
    #[arg(long, value_enum, default_value_t = DiagnoseFormat::Human)]
    pub format: DiagnoseFormat,
    /// A report in a file, beside the one on standard output (json, html)
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<String>,
    #[command(flatten)]
    pub targets: TargetArgs,
}

impl DiagnoseArgs {
    /// The runner's defaults, for configuration that asks for them.
    #[must_use]
    pub fn runner(&self) -> RunnerArgs {
        let days = 86_400;
        RunnerArgs::of_times(Duration::from_secs(5), Duration::from_secs(30), Duration::from_secs(30 * days))
    }
}

/// Options of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// A cause, a variant, a rule of `audit`, or words of an error message
    pub cause: Option<String>,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = PlainFormat::Human)]
    pub format: PlainFormat,
}

/// Options of `run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub targets: TargetArgs,
    /// Repeat, and tell what changes until Ctrl-C or SIGTERM; --report files are kept fresh
    #[arg(long, value_name = "DURATION", value_parser = interval, help_heading = "Runner")]
    pub watch: Option<Duration>,
    /// Print what would be asked of whom, and dial nothing; as JSON with --format json
    #[arg(long, conflicts_with = "watch", help_heading = "Runner")]
    pub list: bool,
    /// With --watch: serve the last round as a page, with /metrics, /report.json and /healthz; a port alone
    /// is one of loopback
    #[arg(long, value_name = "[HOST:]PORT", requires = "watch", help_heading = "Runner")]
    pub listen: Option<String>,
    #[command(flatten)]
    pub runner: RunnerArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Options of `demo`.
#[derive(Args, Clone, Debug)]
pub struct DemoArgs {
    /// Break the stack in one named way
    #[arg(long, value_name = "NAME")]
    pub fault: Option<String>,
    /// List the named faults
    #[arg(long)]
    pub list_faults: bool,
    /// Leave the stack up and print the environment that points `run` at it
    #[arg(long)]
    pub keep: bool,
    #[command(flatten)]
    pub runner: RunnerArgs,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// `250ms`, `5s`, `10m`, `2h`, `30d`; a bare number is seconds.
///
/// # Errors
/// What is wrong with the text.
pub fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let number: f64 = number.parse().map_err(|_| "expected a duration such as 5s, 10m or 30d".to_owned())?;
    let seconds = match unit.trim() {
        "ms" => number / 1000.0,
        "" | "s" => number,
        "m" | "min" => number * 60.0,
        "h" => number * 3600.0,
        "d" => number * 86_400.0,
        other => return Err(format!("unknown unit `{other}`; use ms, s, m, h or d")),
    };
    if !(0.0..=3.2e9).contains(&seconds) {
        return Err("a duration of at most 100 years is expected".to_owned());
    }
    Ok(Duration::from_secs_f64(seconds))
}

/// A duration in which something can happen.
///
/// # Errors
/// What is wrong with the text.
pub fn limit(text: &str) -> Result<Duration, String> {
    match duration(text)? {
        Duration::ZERO => Err("nothing can be seen in no time: give a limit such as 5s".to_owned()),
        length => Ok(length),
    }
}

/// A duration between rounds: a tenth of a second at least.
fn interval(text: &str) -> Result<Duration, String> {
    let length = duration(text)?;
    if length < Duration::from_millis(100) {
        return Err("100ms is the shortest interval".to_owned());
    }
    Ok(length)
}
