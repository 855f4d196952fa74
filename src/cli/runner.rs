//! How checks are run and results shown.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use super::{Format, duration, limit};

/// How the checks are run.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Runner")]
pub struct RunnerArgs {
    /// Run these checks alone (ids or numbers)
    #[arg(long, value_name = "ID|N", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Leave these checks out (ids or numbers)
    #[arg(long, value_name = "ID|N", value_delimiter = ',')]
    pub skip: Vec<String>,
    /// Add the extended checks
    #[arg(long)]
    pub all: bool,
    /// Warnings fail
    #[arg(long)]
    pub strict: bool,
    /// Limit of each attempt
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = limit)]
    pub timeout: Duration,
    /// Limit of the whole run; with --wait and --watch, of each round
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = limit)]
    pub deadline: Duration,
    /// Try again, until this much time has passed, what may still come up; what is broken for good
    /// ends it at once
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub wait: Option<Duration>,
    /// An earlier JSON report: mark what is new, fixed and still broken
    #[arg(long, value_name = "FILE")]
    pub baseline: Option<PathBuf>,
    /// What fails the run: anything, or only what --baseline did not have
    #[arg(long, value_enum, default_value_t = FailOn::Any)]
    pub fail_on: FailOn,
    /// Names of targets, checks and endpoints: a file, or cordum-dev, cordum-release, cordum-k8s
    #[arg(long, value_name = "FILE|NAME")]
    pub profile: Option<PathBuf>,
    /// Warn about certificates that end earlier than this
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub expiry_warn: Duration,
}

impl RunnerArgs {
    /// Times alone, for commands that run no checks.
    #[must_use]
    pub const fn of_times(timeout: Duration, deadline: Duration, expiry_warn: Duration) -> Self {
        Self {
            only: Vec::new(),
            skip: Vec::new(),
            all: false,
            strict: false,
            timeout,
            deadline,
            wait: None,
            baseline: None,
            fail_on: FailOn::Any,
            profile: None,
            expiry_warn,
        }
    }
}

/// What fails a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    Any,
    New,
}

/// How the result is shown.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Report on standard output
    #[arg(long, value_enum, default_value_t = Format::Human)]
    pub format: Format,
    /// A report in a file, beside the one on standard output
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<String>,
    /// Colour
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Only what is not good
    #[arg(short, long)]
    pub quiet: bool,
    /// More of what was seen
    #[arg(short, long)]
    pub verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}
