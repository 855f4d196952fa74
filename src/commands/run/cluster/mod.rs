//! A run over a recorded cluster (`run --objects DIR`), and over a live one.

#[cfg(feature = "kubernetes")]
mod far;
#[cfg(feature = "kubernetes")]
pub mod live;
#[cfg(feature = "kubernetes")]
mod login;
pub mod permissions;
#[cfg(feature = "kubernetes")]
mod rights;
#[cfg(feature = "kubernetes")]
mod untold;

#[cfg(not(feature = "kubernetes"))]
pub(crate) use crate::commands::without_kubernetes::run as live;

use std::time::{Instant, SystemTime};

use serde_json::{Map, Value};
use tls_verify_checks::context::Check;
use tls_verify_checks::platform::bundle;
use tls_verify_checks::platform::collection::Collection;
use tls_verify_checks::platform::objects::{self, ObjectFolder};
use tls_verify_checks::stack::Stack;
use tls_verify_core::cause::{CauseKind, Severity};
use tls_verify_core::certificates::CertificateSummary;
use tls_verify_core::cluster::{
    CheckStanding, ClusterFault, ClusterVerdict, Kubectl, RecordedCluster, ServiceHealth, Story,
};
use tls_verify_core::redaction::redact;

use crate::cli::{FailOn, RunArgs};
use crate::commands::run::watch::{self, Rounds};
use crate::commands::run::{Item, Plan, milliseconds, rfc3339};
use crate::commands::run::{command, plan};
use crate::config::{ConfigError, Environment};
use crate::runtime::block_on;
use crate::usage::usage;
use tls_verify_core::remedy::catalogue;
use tls_verify_core::report::exit;
use tls_verify_core::report::{
    CheckReport, Deployed, Diagnosis, Fix, RootCause, RunReport, exit_code, outcome, tally,
};
use tls_verify_core::status::Status;

/// Runs the command where it is about a cluster; nothing: it is about something else.
#[must_use]
pub fn command_of(args: &RunArgs, environment: &Environment) -> Option<u8> {
    if args.targets.explain_permissions {
        return Some(match command::plan(&args.runner) {
            Ok(plan) => {
                let selected: Vec<&Check> =
                    plan.checks.iter().filter(|(_, selected)| *selected).map(|(check, _)| *check).collect();
                let role = permissions::role(&selected, args.targets.no_secrets);
                crate::output::print(exit::PASS, |out| out.write_all(role.as_bytes()))
            }
            Err(problem) => usage(&[problem], args.output.format),
        });
    }
    let live = live::is_meant(&args.targets, environment);
    if args.targets.objects.is_none() && !live {
        return None;
    }
    let format = args.output.format;
    if args.targets.docker_host.is_some() {
        let problem =
            ConfigError::new("--docker-host and a cluster are two platforms", "leave one of them out");
        return Some(usage(&[problem], format));
    }
    if args.list {
        return Some(listed(args, environment));
    }
    let reports = match command::reports(&args.output) {
        Ok(reports) => reports,
        Err(problems) => return Some(usage(&problems, format)),
    };
    if let Some(every) = args.watch {
        if args.targets.objects.is_some() {
            let problem =
                ConfigError::new("--watch of a recording", "what is recorded does not change: leave one out");
            return Some(usage(&[problem], format));
        }
        return Some(match named(args, environment) {
            Ok((stack, plan)) => {
                watch::command(every, Rounds::of_cluster(args, environment, stack, plan), reports)
            }
            Err(problems) => usage(&problems, format),
        });
    }
    let ran = match &args.targets.objects {
        Some(folder) => {
            let named = args.targets.collection.clone();
            report(args, &named.unwrap_or_else(|| Collection::folder(folder)))
        }
        None => block_on(&args.output, |interrupted, mut progress| async move {
            live::report(args, environment, interrupted, &mut progress).await
        }),
    };
    Some(match ran {
        Ok(report) => {
            if live {
                // Our own dials stand in the servers' logs: `diagnose --kubernetes` knows them by this.
                crate::own_connections::keep(&report.own, environment);
            }
            let notes = report.target.get("notes").and_then(|notes| notes.as_array());
            for note in notes.into_iter().flatten().filter(|_| !args.output.quiet) {
                crate::output::tell(&format!("note: {}", note.as_str().unwrap_or_default()));
            }
            command::publish(&report, &args.output, reports, environment)
        }
        Err(problems) => usage(&problems, format),
    })
}

/// What the operator has named of a stack in a cluster, before the API server was asked.
fn named(args: &RunArgs, environment: &Environment) -> Result<(Stack, Plan), Vec<ConfigError>> {
    let plan = command::plan(&args.runner).map_err(|problem| vec![problem])?;
    let environment = environment.without(FOREIGN);
    let configured = crate::config::stack(&args.targets, &args.runner, &environment, &[])?;
    Ok((configured.stack, plan))
}

/// `--list`: no API server is asked, so that services stand for their pods.
fn listed(args: &RunArgs, environment: &Environment) -> u8 {
    let format = args.output.format;
    let (mut stack, plan) = match named(args, environment) {
        Ok(known) => known,
        Err(problems) => return usage(&problems, format),
    };
    if !args.targets.no_secrets {
        // They will be read from their Secrets; what they are is told nowhere.
        let later = || Some(tls_verify_checks::secret::Secret::new("read later"));
        stack.api_key = stack.api_key.or_else(later);
        stack.redis_password = stack.redis_password.or_else(later);
    }
    let of = match (&args.targets.objects, &args.targets.namespace) {
        (Some(folder), _) => plan::Of::Folder(folder.display().to_string()),
        (None, namespace) => plan::Of::Namespace(namespace.clone()),
    };
    plan::command_of(&stack, &plan, format, Some(&of))
}

/// Variables that mean another stack where we are not in the cluster.
pub(crate) const FOREIGN: &[&str] = &[
    "CORDUM_API_BASE",
    "CORDUM_GATEWAY",
    "NATS_URL",
    "REDIS_URL",
    "CORDUM_DASHBOARD_URL",
    "CORDUM_CERT_DIR",
    "CORDUM_TLS_CA",
    "NATS_TLS_CA",
    "NATS_TLS_CERT",
    "NATS_TLS_KEY",
    "REDIS_TLS_CA",
    "REDIS_TLS_CERT",
    "REDIS_TLS_KEY",
    "CORDUM_TLS_CERT",
    "CORDUM_TLS_KEY",
];

/// The services that must be deployed where the operator names none.
const SERVICES: &[&str] = &["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine"];

/// Runs the plan over a folder.
///
/// # Errors
/// What of the arguments or of the folder cannot be used.
pub fn report(args: &RunArgs, folder: &Collection) -> Result<RunReport, Vec<ConfigError>> {
    let started_at = SystemTime::now();
    let started = Instant::now();
    let plan = command::plan(&args.runner).map_err(|problem| vec![problem])?;
    let baseline =
        args.runner.baseline.as_deref().map(crate::commands::run::baseline::Baseline::read).transpose();
    let baseline = baseline.map_err(|problem| vec![problem])?;
    if args.runner.fail_on == FailOn::New && baseline.is_none() {
        return Err(vec![command::needs_baseline()]);
    }
    let read = objects::read(folder, args.targets.namespace.as_deref()).map_err(|why| {
        let how = if folder.path().join(bundle::FILE).is_file() {
            "these are a Compose project's states and logs: read them with --logs"
        } else {
            "name a folder with `kubectl get pods -o json > pods.json` and the like; README has the command that \
             collects one"
        };
        vec![ConfigError::new(why, how).in_file(folder.called())]
    })?;
    let kubectl =
        Kubectl { context: args.targets.kube_context.clone(), namespace: read.cluster.namespace.clone() };
    let story = Story::of(&read.cluster, &read.logs, read.now, &kubectl);
    let services = services(args);
    let recorded = RecordedCluster {
        cluster: &read.cluster,
        story: &story,
        logs: &read.logs,
        ready: &read.ready,
        services: &services,
    };
    let mut report = assemble(&plan, &recorded, &read, folder);
    report.started_at = rfc3339(started_at);
    report.duration_ms = milliseconds(started.elapsed());
    if let Some(baseline) = baseline {
        baseline.compare(&mut report, args.runner.fail_on == FailOn::New, plan.strict);
    }
    Ok(report)
}

/// The services that must be deployed.
fn services(args: &RunArgs) -> Vec<String> {
    if args.targets.services.is_empty() {
        SERVICES.iter().map(|service| (*service).to_owned()).collect()
    } else {
        args.targets.services.clone()
    }
}

fn assemble(
    plan: &Plan,
    recorded: &RecordedCluster<'_>,
    read: &ObjectFolder,
    folder: &Collection,
) -> RunReport {
    let mut checks = Vec::new();
    let mut broken: Vec<(String, Vec<usize>)> = Vec::new();
    for (item, left_out) in plan.items() {
        let Item::Check(check) = item else { continue };
        checks.push(match left_out {
            Some(why) => line(check, Status::Skip, why),
            None => {
                let verdict = recorded.verdict(check.id);
                if let CheckStanding::Fails(faults) = &verdict.word {
                    broken.push((check.id.to_owned(), faults.clone()));
                }
                let mut report = checked(check, recorded.story, &verdict);
                if check.id == "certificates" {
                    report.details.insert("files".to_owned(), serde_json::json!(files(recorded)));
                }
                report
            }
        });
    }
    let summary = tally(&checks);
    let code = exit_code(&summary, plan.strict, false);
    let mut target = Map::new();
    target.insert("objects".to_owned(), folder.called().display().to_string().into());
    target.insert("namespace".to_owned(), recorded.cluster.namespace.clone().into());
    target.insert("as_of".to_owned(), rfc3339(read.now).into());
    if !read.notes.is_empty() {
        target.insert("notes".to_owned(), read.notes.clone().into());
    }
    RunReport {
        schema: "tls-verify/run/v1",
        version: env!("CARGO_PKG_VERSION"),
        started_at: String::new(),
        duration_ms: 0.0,
        target,
        outcome: outcome(code),
        exit_code: code,
        summary,
        checks,
        root_causes: roots(recorded.story, &broken),
        services: deployed(recorded.story),
        comparison: None,
        own: Vec::new(),
        demo: None,
    }
}

/// The certificates of Secrets that were read, as many as a live run tells of.
fn files(recorded: &RecordedCluster<'_>) -> Vec<CertificateSummary> {
    let mut all = recorded.summaries();
    all.truncate(tls_verify_checks::certificates::FILES);
    all
}

/// What is deployed.
fn deployed(story: &Story) -> Vec<Deployed> {
    let service = |(name, health): (&String, &ServiceHealth)| Deployed {
        name: name.clone(),
        replicas: health.pods,
        running: health.serving,
    };
    story.services.iter().map(service).collect()
}

/// The faults behind failed checks, most upstream first.
fn roots(story: &Story, broken: &[(String, Vec<usize>)]) -> Vec<RootCause> {
    story
        .ranked()
        .into_iter()
        .filter_map(|at| {
            let checks: Vec<String> =
                broken.iter().filter(|(_, faults)| faults.contains(&at)).map(|(id, _)| id.clone()).collect();
            let fault = &story.faults[at];
            (!checks.is_empty()).then(|| RootCause {
                nameless: fault.cause.is_none(),
                cause: fault.cause.unwrap_or(CauseKind::OtherTls),
                variant: fault.variant,
                place: fault.place.clone(),
                checks,
                summary: title(fault),
                because: said(fault),
                fix: fixes(fault),
            })
        })
        .collect()
}

/// What it is called: the catalogue's title, or what was seen first.
fn title(fault: &ClusterFault) -> String {
    match fault.cause {
        Some(cause) => catalogue::title(cause, fault.variant).to_owned(),
        None => {
            fault.because.first().map_or_else(|| "it is broken".to_owned(), |fact| redact(&fact.to_string()))
        }
    }
}

fn said(fault: &ClusterFault) -> Vec<String> {
    fault.because.iter().map(|fact| redact(&fact.to_string())).collect()
}

fn fixes(fault: &ClusterFault) -> Vec<Fix> {
    let fix = |cure: &Fix| Fix { text: redact(&cure.text), ..cure.clone() };
    fault.cures.iter().take(2).map(fix).collect()
}

fn diagnosis(fault: &ClusterFault) -> Option<Diagnosis> {
    let cause = fault.cause?;
    Some(Diagnosis {
        cause,
        variant: fault.variant,
        severity: Severity::Error,
        confidence: fault.confidence,
        side: fault.side,
        title: title(fault),
        because: said(fault),
        fix: fixes(fault),
        explain: format!("tls-verify explain {cause}"),
        place: Some(fault.place.clone()),
        identity: None,
        chained: false,
    })
}

fn checked(check: &Check, story: &Story, verdict: &ClusterVerdict) -> CheckReport {
    let warns = !verdict.warnings.is_empty();
    let mut report = match &verdict.word {
        CheckStanding::Holds(what) => {
            line(check, if warns { Status::Warn } else { Status::Pass }, what.clone())
        }
        CheckStanding::Open(why) => line(check, Status::Unknown, why.clone()),
        CheckStanding::NotApplicable(why) => line(check, Status::Skip, why.clone()),
        CheckStanding::Fails(faults) => {
            let first = faults.first().and_then(|at| story.faults[*at].because.first());
            let summary = first.map(|fact| redact(&fact.to_string())).unwrap_or_default();
            let mut report = line(check, Status::Fail, summary);
            report.diagnoses = faults.iter().filter_map(|at| diagnosis(&story.faults[*at])).collect();
            let places = faults.iter().map(|at| Value::from(story.faults[*at].place.clone())).collect();
            report.details.insert("where".to_owned(), Value::Array(places));
            report
        }
    };
    report.evidence = verdict.evidence.slug().to_owned();
    if warns {
        report.remarks = verdict.warnings.iter().map(|text| redact(text)).collect();
        report.details.insert("warnings".to_owned(), report.remarks.clone().into());
    }
    report
}

fn line(check: &Check, status: Status, summary: String) -> CheckReport {
    CheckReport {
        number: check.number.into(),
        id: check.id.to_owned(),
        title: check.title.to_owned(),
        status,
        duration_ms: 0.0,
        attempts: u32::from(status != Status::Skip),
        change: None,
        summary: redact(&summary),
        evidence: "none".to_owned(),
        diagnoses: Vec::new(),
        details: Map::new(),
        remarks: Vec::new(),
    }
}
