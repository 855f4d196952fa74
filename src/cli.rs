//! Arguments, exactly as typed: no files, no network.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

const EXIT_CODES: &str = "Exit codes:
  0    everything selected passed
  1    a check failed (with --strict also: a warning)
  2    usage or configuration error, nothing was run
  3    nothing failed, but something could not be decided
  130  interrupted";

/// Proves TLS end to end on a running service stack, and says what is broken, why, and the command
/// that fixes it.
#[derive(Debug, Parser)]
#[command(name = "tls-verify", version, after_help = EXIT_CODES, args_conflicts_with_subcommands = true)]
pub struct Cli {
    #[command(subcommand)]
    pub command: Option<Command>,
    #[command(flatten)]
    pub run: RunArgs,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Runs the seven documented checks against a running stack (the default)
    #[command(after_help = EXIT_CODES)]
    Run(Box<RunArgs>),
    /// Starts a complete small stack on loopback, checks it, stops it
    #[command(after_help = EXIT_CODES)]
    Demo(Box<DemoArgs>),
    /// Reads error text or log lines and names the cause of each that is a TLS problem
    #[command(after_help = DIAGNOSE_CODES)]
    Diagnose(Box<DiagnoseArgs>),
    /// Prints what is known of a cause, or the list of causes
    Explain(ExplainArgs),
}

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
    #[arg(long, value_enum, default_value_t = LineFormat::Human)]
    pub format: LineFormat,
    #[command(flatten)]
    pub targets: TargetArgs,
}

impl DiagnoseArgs {
    /// The runner's defaults, for configuration that asks for them.
    #[must_use]
    pub fn runner(&self) -> RunnerArgs {
        RunnerArgs {
            only: Vec::new(),
            skip: Vec::new(),
            all: false,
            strict: false,
            timeout: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
            expiry_warn: Duration::from_secs(30 * 86_400),
        }
    }
}

/// Options of `explain`.
#[derive(Args, Clone, Debug)]
pub struct ExplainArgs {
    /// A cause, a variant, or words of an error message
    pub cause: Option<String>,
    /// How it is shown
    #[arg(long, value_enum, default_value_t = PlainFormat::Human)]
    pub format: PlainFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LineFormat {
    Human,
    Json,
    Jsonl,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum PlainFormat {
    Human,
    Json,
}

/// Options of `run`.
#[derive(Args, Clone, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub targets: TargetArgs,
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

/// Where the stack is.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Target")]
pub struct TargetArgs {
    /// Gateway [env: CORDUM_API_BASE, CORDUM_GATEWAY] [default: https://localhost:8081]
    #[arg(long, value_name = "URL")]
    pub gateway: Option<String>,
    /// NATS [env: NATS_URL] [default: tls://localhost:4222]
    #[arg(long, value_name = "URL")]
    pub nats: Option<String>,
    /// Redis [env: REDIS_URL] [default: rediss://localhost:6379]
    #[arg(long, value_name = "URL")]
    pub redis: Option<String>,
    /// Dashboard [env: CORDUM_DASHBOARD_URL] [default: http://localhost:8082]
    #[arg(long, value_name = "URL")]
    pub dashboard: Option<String>,
    /// The gateway's gRPC port [default: as published, else localhost:9080]
    #[arg(long, value_name = "HOST:PORT")]
    pub gateway_grpc: Option<String>,
    /// The safety kernel's gRPC port [default: as published, else localhost:50051]
    #[arg(long, value_name = "HOST:PORT")]
    pub safety_kernel: Option<String>,
    /// The context engine's gRPC port [default: as published, else localhost:50400]
    #[arg(long, value_name = "HOST:PORT")]
    pub context_engine: Option<String>,
    /// Folder with ca/ca.crt, client/tls.crt and client/tls.key [env: CORDUM_CERT_DIR] [default: ./certs]
    #[arg(long, value_name = "DIR")]
    pub certs: Option<PathBuf>,
    /// CA file, the only trust anchor [env: CORDUM_TLS_CA]
    #[arg(long, value_name = "FILE")]
    pub cacert: Option<PathBuf>,
    /// Client certificate for NATS and Redis [env: NATS_TLS_CERT, REDIS_TLS_CERT, CORDUM_TLS_CERT]
    #[arg(long, value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// Its private key [env: NATS_TLS_KEY, REDIS_TLS_KEY, CORDUM_TLS_KEY]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// File with the API key [env: CORDUM_API_KEY holds the key itself]
    #[arg(long, value_name = "FILE")]
    pub api_key_file: Option<PathBuf>,
    /// The stack has no authentication
    #[arg(long)]
    pub anonymous: bool,
    /// Tenant [env: CORDUM_TENANT_ID] [default: default]
    #[arg(long, value_name = "ID")]
    pub tenant: Option<String>,
    /// Name to verify on a link instead of the URL's host (links: gateway, nats, redis, …)
    #[arg(long, value_name = "LINK=NAME")]
    pub server_name: Vec<String>,
    /// Dial ADDR for HOST:PORT
    #[arg(long, value_name = "HOST:PORT:ADDR")]
    pub resolve: Vec<String>,
    /// The cordumctl to run [default: the one on PATH]
    #[arg(long, value_name = "PATH")]
    pub cordumctl: Option<PathBuf>,
    /// Compose project [env: COMPOSE_PROJECT_NAME] [default: cordum]
    #[arg(long, value_name = "NAME")]
    pub project: Option<String>,
    /// Services that must be deployed
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    pub services: Vec<String>,
    /// The worker that must be deployed
    #[arg(long, value_name = "NAME")]
    pub worker: Option<String>,
    /// Docker Engine [env: DOCKER_HOST] [default: current context, the usual sockets]
    #[arg(long, value_name = "URL")]
    pub docker_host: Option<String>,
    /// Do not ask Docker
    #[arg(long)]
    pub no_docker: bool,
    /// Read SERVICE.log files from DIR instead of Docker's logs
    #[arg(long, value_name = "DIR")]
    pub logs: Option<PathBuf>,
    /// Only log lines newer than this count (a duration such as 10m, or RFC 3339)
    #[arg(long, value_name = "TIME")]
    pub since: Option<String>,
}

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
    #[arg(long, value_name = "DURATION", default_value = "5s", value_parser = duration)]
    pub timeout: Duration,
    /// Limit of the whole run
    #[arg(long, value_name = "DURATION", default_value = "30s", value_parser = duration)]
    pub deadline: Duration,
    /// Warn about certificates that end earlier than this
    #[arg(long, value_name = "DURATION", default_value = "30d", value_parser = duration)]
    pub expiry_warn: Duration,
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
pub enum Format {
    Human,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
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
