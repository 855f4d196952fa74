//! Arguments of `probe` and `merge`.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::{ColorChoice, ProbeFormat, RunnerArgs, TargetArgs, duration, limit};

/// Options of `probe`.
#[derive(Args, Clone, Debug)]
pub struct ProbeArgs {
    /// https:// wss:// grpcs:// nats:// tls:// (NATS) rediss://, or HOST:PORT for raw TLS; http:// ws://
    /// grpc:// redis:// are told apart from their TLS twins
    #[arg(value_name = "TARGET", required_unless_present = "list")]
    pub targets: Vec<String>,
    /// Targets from a file, one a line (`-`: standard input); one handshake each, unless --deep
    #[arg(long = "targets", value_name = "FILE")]
    pub list: Option<PathBuf>,
    /// How many targets are probed at once
    #[arg(long, value_name = "N", default_value_t = 32)]
    pub jobs: usize,
    /// Take every N-th target, beginning with the I-th from 0
    /// [env: JOB_COMPLETION_INDEX, JOB_COMPLETIONS]
    #[arg(long, value_name = "I/N")]
    pub shard: Option<String>,
    /// Results in the order of the targets, not as they finish
    #[arg(long)]
    pub ordered: bool,
    /// Versions, replicas and verdicts of other verifiers too, for --targets
    #[arg(long)]
    pub deep: bool,
    /// NATS: TLS before INFO (`handshake_first`)
    #[arg(long)]
    pub tls_first: bool,
    /// How the result is shown
    #[arg(long, value_enum, default_value_t = ProbeFormat::Human)]
    pub format: ProbeFormat,
    /// A report in a file, beside the one on standard output (json, jsonl, junit, html, prometheus)
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<String>,
    /// Colour
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto)]
    pub color: ColorChoice,
    /// Only what is not good
    #[arg(short, long)]
    pub quiet: bool,
    /// Limit of each attempt
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = limit)]
    pub timeout: Duration,
    /// Limit of each target
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = limit)]
    pub deadline: Duration,
    /// Warn about certificates that end earlier than this
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub expiry_warn: Duration,
    /// Warnings fail
    #[arg(long)]
    pub strict: bool,
    #[command(flatten)]
    pub stack: TargetArgs,
}

impl ProbeArgs {
    /// The runner's part, for configuration that asks for it.
    #[must_use]
    pub fn runner(&self) -> RunnerArgs {
        RunnerArgs::of_times(self.timeout, self.deadline, self.expiry_warn)
    }
}

/// Options of `merge`.
#[derive(Args, Clone, Debug)]
pub struct MergeArgs {
    /// JSONL of `probe --format jsonl`, one file a shard (`-`: standard input)
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,
    /// How many endpoints there have to be: fewer leave the result undecided
    #[arg(long, value_name = "N")]
    pub expect: Option<usize>,
    /// Warnings fail
    #[arg(long)]
    pub strict: bool,
    /// A report in a file, beside the one on standard output (json, jsonl, junit, html, prometheus)
    #[arg(long, value_name = "FORMAT=FILE")]
    pub report: Vec<String>,
    /// How the result is shown
    #[arg(long, value_enum, default_value_t = ProbeFormat::Json)]
    pub format: ProbeFormat,
}
