//! The `demo` command: a complete small stack on loopback, checked and stopped. The caller's targets,
//! certificates, environment and Docker play no part in it.

use std::io::Write;

use clap::Parser;
use tls_verify_checks::stack::{LogSource, Stack};
use tls_verify_core::report::exit;
use tls_verify_fixtures::demo::Demo;
use tls_verify_fixtures::fault::{self, Fault};

use crate::cli::{Cli, DemoArgs, FailOn, Format, RunnerArgs, TargetArgs};
use crate::commands::run::baseline::Baseline;
use crate::commands::run::command::{needs_baseline, plan, publish, reports};
use crate::commands::run::{self, Plan};
use crate::config::{self, ConfigError, Environment};
use crate::runtime::block_on;
use crate::usage::usage;

/// Starts the stack, checks it, stops it.
#[must_use]
pub fn command(args: &DemoArgs, environment: &Environment) -> u8 {
    let format = args.output.format;
    if args.list_faults {
        return list(format);
    }
    let fault = match args.fault.as_deref().map(|name| Fault::named(name).ok_or(name)) {
        None => None,
        Some(Ok(fault)) => Some(fault),
        Some(Err(name)) => {
            let names: Vec<&str> = fault::ALL.iter().map(|fault| fault.name()).collect();
            let problem = ConfigError::new(
                format!("--fault: there is no fault `{name}`"),
                format!("one of {}", names.join(", ")),
            );
            return usage(&[problem], format);
        }
    };
    let mut runner = args.runner.clone();
    // What the seven checks do not look at is shown by those that do.
    runner.all |= runner.only.is_empty() && fault.is_some_and(Fault::is_extended);
    let plan = match plan(&runner) {
        Ok(plan) => plan,
        Err(problem) => return usage(&[problem], format),
    };
    if args.runner.fail_on == FailOn::New && args.runner.baseline.is_none() {
        return usage(&[needs_baseline()], format);
    }
    let baseline = match args.runner.baseline.as_deref().map(Baseline::read).transpose() {
        Ok(baseline) => baseline,
        Err(problem) => return usage(&[problem], format),
    };
    let reports = match reports(&args.output) {
        Ok(reports) => reports,
        Err(problems) => return usage(&problems, format),
    };
    let mut failed = None;
    let keep = args.keep;
    let failure = &mut failed;
    let mut report = block_on(&args.output, |interrupted, mut progress| async move {
        let demo = match Demo::start(fault).await {
            Ok(demo) => demo,
            Err(error) => {
                *failure = Some(error.to_string());
                return empty();
            }
        };
        let stack = match stack(&demo, &runner, &plan) {
            Ok(stack) => stack,
            Err(problems) => {
                *failure = problems.first().map(|problem| problem.message.clone());
                return empty();
            }
        };
        let mut report = run::run(stack, plan, interrupted.clone(), &mut progress).await;
        report.demo = Some(serde_json::json!({ "about": demo.about, "fault": fault.map(Fault::name) }));
        if keep {
            stay(&demo, interrupted).await;
        }
        report
    });
    if let Some(message) = failed {
        return usage(
            &[ConfigError::new(
                format!("the demo stack cannot be started: {message}"),
                "install nats-server and redis-server",
            )],
            format,
        );
    }
    if let Some(baseline) = baseline {
        baseline.compare(&mut report, args.runner.fail_on == FailOn::New, args.runner.strict);
    }
    publish(&report, &args.output, reports, environment)
}

fn list(format: Format) -> u8 {
    crate::output::print(exit::PASS, |out| match format {
        Format::Json | Format::Jsonl => {
            let rows: Vec<_> = fault::ALL
                .iter()
                .map(|fault| serde_json::json!({ "name": fault.name(), "about": fault.about(), "exit_code": fault.exit_code() }))
                .collect();
            writeln!(out, "{}", serde_json::Value::Array(rows))
        }
        _ => fault::ALL.iter().try_for_each(|fault| writeln!(out, "{:<22} {}", fault.name(), fault.about())),
    })
}

/// The demo as the checks see it.
///
/// # Errors
/// What makes its files or settings unusable.
pub fn stack(demo: &Demo, runner: &RunnerArgs, plan: &Plan) -> Result<Stack, Vec<ConfigError>> {
    let tool = &demo.tool;
    let mut own = Environment::default();
    own.set("CORDUM_API_KEY", &demo.api_key);
    own.set("REDIS_PASSWORD", &demo.redis_password);
    for (name, value) in &tool.environment {
        own.set(name, value);
    }
    let selected: Vec<_> = plan.checks.iter().map(|(check, _)| *check).collect();
    let mut stack = config::stack(&targets(demo), runner, &own, &selected)?.stack;
    stack.nats_monitoring.clone_from(&demo.monitoring);
    if let LogSource::Directory(folder) = stack.logs {
        stack.logs = LogSource::Running(folder);
    }
    stack.cordumctl = tool.cordumctl.as_ref().map(std::path::PathBuf::from);
    Ok(stack)
}

/// The demo's own targets, as if typed.
fn targets(demo: &Demo) -> TargetArgs {
    let mut args = match Cli::try_parse_from(["tls-verify"]) {
        Ok(cli) => cli.run.targets,
        Err(_) => TargetArgs::default(),
    };
    let host = |link: &str| {
        let own = demo.tool.hosts.iter().find(|(of, _)| *of == link);
        own.map_or(demo.tool.host.as_str(), |(_, host)| host)
    };
    args.gateway = Some(format!("https://{}:{}", host("gateway"), demo.gateway.port()));
    args.nats = Some(format!("tls://{}:{}", host("nats"), demo.nats.port()));
    args.redis = Some(format!("rediss://{}:{}", host("redis"), demo.redis.port()));
    args.dashboard = Some(format!("http://{}:{}", host("dashboard"), demo.dashboard.port()));
    args.gateway_grpc = Some(format!("{}:{}", host("gateway-grpc"), demo.gateway_grpc.port()));
    args.safety_kernel = Some(format!("{}:{}", host("safety-kernel"), demo.safety_kernel.port()));
    args.context_engine = Some(format!("{}:{}", host("context-engine"), demo.context_engine.port()));
    let grpc = [demo.gateway_grpc, demo.safety_kernel, demo.context_engine];
    args.resolve = [demo.gateway, demo.nats, demo.redis, demo.dashboard]
        .iter()
        .chain(&grpc)
        .map(|address| format!("localhost:{}:{}", address.port(), address.ip()))
        .collect();
    args.server_name.clone_from(&demo.tool.names);
    args.certs = Some(demo.certs.clone());
    args.cacert = demo.tool.cacert.map(|name| demo.certs.join(name));
    args.logs = demo.tool.logs.then(|| demo.logs.clone());
    args.anonymous = demo.tool.anonymous;
    args.no_docker = true;
    args
}

/// Leaves the stack up until Ctrl-C.
async fn stay(demo: &Demo, mut interrupted: tokio::sync::watch::Receiver<bool>) {
    let mut err = std::io::stderr();
    let _ = writeln!(err, "the stack stays up until Ctrl-C; point `run` at it with:\n");
    for (name, value) in [
        ("CORDUM_API_BASE", format!("https://localhost:{}", demo.gateway.port())),
        ("NATS_URL", format!("tls://localhost:{}", demo.nats.port())),
        ("REDIS_URL", format!("rediss://localhost:{}", demo.redis.port())),
        ("CORDUM_CERT_DIR", demo.certs.display().to_string()),
        ("CORDUM_API_KEY", demo.api_key.clone()),
        ("REDIS_PASSWORD", demo.redis_password.clone()),
    ] {
        let _ = writeln!(err, "export {name}='{value}'");
    }
    let _ = writeln!(err, "tls-verify run --no-docker --logs '{}'", demo.logs.display());
    while !*interrupted.borrow() {
        if interrupted.changed().await.is_err() {
            break;
        }
    }
}

fn empty() -> tls_verify_core::report::RunReport {
    tls_verify_core::report::RunReport {
        schema: "tls-verify/run/v1",
        version: env!("CARGO_PKG_VERSION"),
        started_at: String::new(),
        duration_ms: 0.0,
        target: serde_json::Map::new(),
        outcome: "inconclusive",
        exit_code: exit::UNDECIDED,
        summary: tls_verify_core::report::Tally::default(),
        checks: Vec::new(),
        root_causes: Vec::new(),
        services: Vec::new(),
        comparison: None,
        own: Vec::new(),
        demo: None,
    }
}
