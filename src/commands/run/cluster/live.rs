//! A run against a namespace of a cluster: what needs a dial is dialled through the API server (or directly, in a
//! pod), the rest is told from objects, events and logs, and what broke is traced to where it began.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tls_verify_checks::context::Dials;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tls_verify_checks::fault::FileFault;
use tls_verify_checks::platform::kubernetes::{AccessOptions, Namespace, Right, in_a_pod};
use tls_verify_checks::platform::{Choice, Platform};
use tls_verify_checks::secret::Secret;
use tls_verify_checks::stack::{Identity, Link, Loaded, LogSource, Stack, TrustAnchors};
use tls_verify_core::cause::{CauseKind, Side, Variant};
use tls_verify_core::cluster::{
    CheckStanding, ClusterFault, Kubectl, Material, RecordedCluster, Story, alike,
};

use super::rights::{self, CredentialSources};
use super::{FOREIGN, checked, diagnosis, roots, said, services};
use super::{far, login, untold};
use crate::cli::{RunArgs, TargetArgs};
use crate::commands::run::command;
use crate::commands::run::{self, Progress, milliseconds, rfc3339, wait};
use crate::config::{self, ConfigError, Environment};
use tls_verify_core::diagnosis::root_cause;
use tls_verify_core::evidence::observation::EvidenceLevel;
use tls_verify_core::report::{CheckReport, RunReport, exit_code, outcome, tally};
use tls_verify_core::status::Status;
use tls_verify_core::workload::kubernetes::Kind;

/// Whether the operator means a cluster.
#[must_use]
pub fn is_meant(args: &TargetArgs, environment: &Environment) -> bool {
    let named = args.kubernetes
        || args.kube_context.is_some()
        || args.kubeconfig.is_some()
        || args.namespace.is_some();
    let otherwise = args.no_docker || args.logs.is_some() || args.docker_host.is_some();
    named || (!otherwise && environment.get("DOCKER_HOST").is_none() && in_a_pod(&variables(environment)))
}

fn variables(environment: &Environment) -> std::collections::BTreeMap<String, String> {
    ["KUBECONFIG", "HOME", "KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), environment.get(name)?.to_owned())))
        .collect()
}

/// How the cluster is reached.
pub(crate) fn options(targets: &TargetArgs, environment: &Environment) -> AccessOptions {
    AccessOptions {
        kubeconfig: targets.kubeconfig.clone(),
        context: targets.kube_context.clone(),
        namespace: targets.namespace.clone(),
        environment: variables(environment),
    }
}

/// Runs the plan against the namespace; with `--wait` until a rollout is through, each round with the objects anew.
///
/// # Errors
/// What of the arguments cannot be used, or why the cluster cannot be asked.
pub async fn report(
    args: &RunArgs,
    environment: &Environment,
    mut interrupted: tokio::sync::watch::Receiver<bool>,
    progress: &mut dyn FnMut(Progress),
) -> Result<RunReport, Vec<ConfigError>> {
    let started_at = SystemTime::now();
    let started = Instant::now();
    let until = args.runner.wait.map(|wait| started + wait);
    loop {
        let ran = round(args, environment, interrupted.clone(), progress).await;
        let left = until.map_or(Duration::ZERO, |until| until.saturating_duration_since(Instant::now()));
        let waits = match &ran {
            Ok((report, is_settled)) => waits(report, *is_settled),
            Err(_) => Vec::new(),
        };
        if waits.is_empty() || left.is_zero() || *interrupted.borrow() {
            return ran.map(|(report, _)| RunReport {
                started_at: rfc3339(started_at),
                duration_ms: milliseconds(started.elapsed()),
                ..report
            });
        }
        progress(Progress::Waiting(waits, Instant::now() + left));
        wait::pause(BETWEEN.min(left), &mut interrupted).await;
    }
}

/// Between two looks at a rollout.
const BETWEEN: Duration = Duration::from_secs(1);

/// What may still come up: everything that is not good while pods come and go, or what failed for want of a peer.
fn waits(report: &RunReport, is_settled: bool) -> Vec<String> {
    let open = report.checks.iter().filter(|check| matches!(check.status, Status::Fail | Status::Unknown));
    let hopes = |check: &CheckReport| {
        let causes = || check.diagnoses.iter().map(|one| one.cause);
        let definite = causes().next().is_some_and(|cause| !cause.is_unreached());
        !definite && (!is_settled || check.status == Status::Fail)
    };
    let open: Vec<&CheckReport> = open.collect();
    // One verdict that no waiting mends ends it.
    let definite = |check: &&CheckReport| {
        check.status == Status::Fail && check.diagnoses.first().is_some_and(|one| !one.cause.is_unreached())
    };
    if open.iter().any(definite) {
        return Vec::new();
    }
    open.into_iter()
        .filter(|check| hopes(check))
        .map(|check| format!("{} ({})", check.id, check.summary))
        .collect()
}

/// One round: the report, and whether all pods that are wanted are there.
async fn round(
    args: &RunArgs,
    environment: &Environment,
    interrupted: tokio::sync::watch::Receiver<bool>,
    progress: &mut dyn FnMut(Progress),
) -> Result<(RunReport, bool), Vec<ConfigError>> {
    let mut plan = command::plan(&args.runner).map_err(|problem| vec![problem])?;
    plan.wait = None;
    let until = Instant::now() + args.runner.deadline;
    let patience = args.runner.timeout.min(args.runner.deadline / 2).max(Duration::from_secs(1));
    let options = options(&args.targets, environment);
    let connecting = Namespace::connect(&options, !args.targets.no_secrets, patience);
    let namespace = match tokio::time::timeout_at(until.into(), connecting).await {
        Ok(Ok(namespace)) => namespace,
        Ok(Err(why)) => return Err(vec![unreachable(why)]),
        Err(_) => {
            return Err(vec![unreachable("the API server did not answer within the deadline".to_owned())]);
        }
    };
    let kubectl = Kubectl { context: namespace.context(), namespace: namespace.cluster.namespace.clone() };
    // Half of what is left: what is dialled wants the rest.
    let left = || until.saturating_duration_since(Instant::now());
    let logs = namespace.listen(Instant::now() + left() / 2).await;
    let mut story = Story::of(&namespace.cluster, &logs, SystemTime::now(), &kubectl);
    let namespace = Arc::new(namespace);
    let mut notes = namespace.notes.clone();
    let stack = stack(args, environment, &namespace, &mut notes)?;
    let strict = plan.strict;
    let selected: Vec<&str> =
        plan.checks.iter().filter(|(_, selected)| *selected).map(|(check, _)| check.id).collect();
    let material = Material::of(&namespace.cluster);
    let sources = CredentialSources::of(&material, &stack, args.targets.no_secrets);
    let key = stack.api_key.clone();
    let denied = namespace.denied();
    let blind = if denied.iter().any(|one| one.right == Right::List(Kind::Pods)) {
        denied.first().map(|one| one.said.clone())
    } else if story.services.is_empty() {
        Some(format!("namespace {} has none of the stack's services", namespace.cluster.namespace))
    } else {
        None
    };
    if blind.is_some() {
        // Nothing is dialled in its place.
        plan.checks.iter_mut().for_each(|(_, selected)| *selected = false);
    }
    for (_, selected) in plan.checks.iter_mut().filter(|(check, _)| check.dials == Dials::Never) {
        *selected = false;
    }
    plan.deadline = left();
    let mut report = run::run(stack, plan, interrupted, progress).await;
    let sent = key.as_ref().map(Secret::expose);
    let changed = sent.and_then(|sent| login::changed_key(&report, &namespace.cluster, &kubectl, sent));
    story.faults.extend(changed);
    untold::kept_out(&mut story, &report);
    let wanted = services(args);
    let ready = std::collections::BTreeMap::new();
    let recorded = RecordedCluster {
        cluster: &namespace.cluster,
        story: &story,
        logs: &logs,
        ready: &ready,
        services: &wanted,
    };
    let denied = namespace.denied();
    match blind {
        Some(why) => rights::blind(&mut report, &selected, &why),
        None => {
            merge(&mut report, &recorded, &selected);
            rights::apply(&mut report, &denied, &sources, &selected);
        }
    }
    notes.extend(denied.into_iter().map(|one| one.said));
    report.summary = tally(&report.checks);
    report.exit_code = exit_code(&report.summary, strict, report.outcome == "interrupted");
    report.outcome = outcome(report.exit_code);
    report.target.insert("platform".to_owned(), "kubernetes".into());
    report.target.insert("namespace".to_owned(), namespace.cluster.namespace.clone().into());
    if !notes.is_empty() {
        report.target.insert("notes".to_owned(), notes.into());
    }
    Ok((report, namespace.cluster.is_settled()))
}

fn unreachable(why: String) -> ConfigError {
    ConfigError::new(
        why,
        "look at `kubectl get pods` with the same --kubeconfig, --kube-context and -n; --explain-permissions prints the \
         Role that is needed",
    )
}

/// The stack as its own clients dial it.
fn stack(
    args: &RunArgs,
    environment: &Environment,
    namespace: &Arc<Namespace>,
    notes: &mut Vec<String>,
) -> Result<Stack, Vec<ConfigError>> {
    let inside = namespace.is_inside();
    let foreign = |name: &str| !inside && FOREIGN.contains(&name) && environment.get(name).is_some();
    for name in FOREIGN.iter().filter(|name| foreign(name)) {
        notes.push(format!("{name} of the environment means another stack and is passed over"));
    }
    let kept = environment.without(FOREIGN);
    let environment = if inside { environment } else { &kept };
    let configured = config::stack(&args.targets, &args.runner, environment, &[])?;
    let mut stack = configured.stack;
    let material = Material::of(&namespace.cluster);
    let files = args.targets.certs.is_some() || args.targets.cacert.is_some();
    if let (false, Some(authority)) = (files, &material.authority) {
        let certificates = CertificateDer::pem_slice_iter(&authority.bytes).filter_map(Result::ok).collect();
        stack.anchors = TrustAnchors { file: PathBuf::from(&authority.place), certificates };
    }
    let own = args.targets.cert.is_some() || args.targets.certs.is_some();
    if !own {
        stack.identity = identity(&material);
    }
    if stack.api_key.is_none() {
        stack.api_key = material.api_key.clone().map(Secret::new);
    }
    if stack.redis_password.is_none() {
        stack.redis_password = material.redis_password.clone().map(Secret::new);
    }
    if stack.nats_login.token.is_none() {
        stack.nats_login.token = material.nats_token.clone().map(Secret::new);
    }
    let named = |link: Link| args.targets.server_name.iter().any(|one| one.starts_with(&format!("{link}=")));
    for link in Link::ALL.iter().copied() {
        let endpoint = stack.endpoints.get_mut(link);
        let of = if link == Link::GatewayGrpc { Link::Gateway } else { link };
        let usual = (link == Link::ContextEngine).then(|| "cordum-context-engine".to_owned());
        let name = material.names.get(&of).cloned().or(usual);
        if let (false, false, Some(name)) = (endpoint.explicit, named(link), name) {
            endpoint.server_name = Some(name);
        }
    }
    let platform: Arc<dyn Platform> = Arc::<Namespace>::clone(namespace);
    stack.platform = Choice::Ready(platform);
    stack.logs = LogSource::Platform;
    stack.cordumctl = None;
    Ok(stack)
}

fn identity(material: &Material) -> Loaded<Identity> {
    let missing = |what: &str| {
        Loaded::Absent(FileFault {
            file: PathBuf::from("the client certificate of the stack's Secrets"),
            variant: Variant::FileMissing,
            message: what.to_owned(),
            mismatch: false,
        })
    };
    let (Some(certificate), Some(key)) = (&material.certificate, &material.key) else {
        return missing("no Secret that a client mounts was read");
    };
    let chain: Vec<CertificateDer<'static>> =
        CertificateDer::pem_slice_iter(&certificate.bytes).filter_map(Result::ok).collect();
    match PrivateKeyDer::from_pem_slice(&key.bytes) {
        Ok(ready) if !chain.is_empty() => Loaded::Usable(Identity {
            cert_file: PathBuf::from(&certificate.place),
            key_file: PathBuf::from(&key.place),
            chain,
            key: ready,
            ready: Arc::default(),
        }),
        _ => missing("the Secret's certificate and key are no PEM"),
    }
}

/// The fault of the Secret whose certificate our own dial showed or was shown, or with whose authority it verified.
fn of_secret(check: &CheckReport, recorded: &RecordedCluster<'_>) -> Option<usize> {
    let story = recorded.story;
    let seen = check.diagnoses.first()?;
    let traced = root_cause::root_causes(std::slice::from_ref(check), tls_verify_checks::verifies);
    let places = seen.place.iter().chain(traced.iter().map(|root| &root.place));
    let places: Vec<&str> = places.map(String::as_str).collect();
    let mut secrets = places.iter().filter_map(|place| place.split(' ').next()?.strip_prefix("secret/"));
    let same = |cause: CauseKind| {
        cause == seen.cause || (cause.is_of_certificate() && seen.cause.is_of_certificate())
    };
    let is_it = |fault: &ClusterFault, secret: &str| fault.place.strip_prefix("secret/") == Some(secret);
    let named = |secret: &str| {
        story.faults.iter().position(|fault| is_it(fault, secret) && fault.cause.is_some_and(same))
    };
    // A service mounts its clients' certificate and CA too: only a server's fault of this very cause is what it shows.
    let shown = |secret: &str| {
        story.faults.iter().position(|fault| {
            is_it(fault, secret)
                && fault.side == Side::Server
                && fault.cause.is_some_and(|cause| alike(cause) == alike(seen.cause))
        })
    };
    let mut served = places.iter().filter(|_| seen.side == Side::Server).flat_map(|place| {
        let workloads = recorded.cluster.of_service(place);
        let mounts = workloads.flat_map(|one| &one.containers).flat_map(|one| &one.mounts);
        mounts.flat_map(|mount| mount.source.secrets())
    });
    secrets.find_map(named).or_else(|| served.find_map(shown))
}

/// What objects, events and logs tell is put to what was dialled.
fn merge(report: &mut RunReport, recorded: &RecordedCluster<'_>, selected: &[&str]) {
    let mut broken: Vec<(String, Vec<usize>)> = Vec::new();
    let mut unexplained = Vec::new();
    for check in &mut report.checks {
        if !selected.contains(&check.id.as_str()) {
            continue;
        }
        let verdict = recorded.verdict(&check.id);
        let told = tls_verify_checks::named(&check.id).filter(|known| known.dials == Dials::Never);
        if let Some(known) = told {
            let told = checked(known, recorded.story, &verdict);
            *check = CheckReport { duration_ms: check.duration_ms, ..told };
            if let CheckStanding::Fails(faults) = verdict.word {
                broken.push((check.id.clone(), faults));
            }
            continue;
        }
        let word = match verdict.word.clone() {
            CheckStanding::Fails(mut faults) => {
                if matches!(check.status, Status::Pass | Status::Warn) {
                    faults.retain(|at| untold::is_dialled_past(&recorded.story.faults[*at]));
                }
                CheckStanding::Fails(faults)
            }
            // Our own dial met what a Secret is at fault for.
            other if check.status == Status::Fail => {
                let of_key = |fault: &ClusterFault| {
                    fault.cause == Some(CauseKind::AuthNotTls) && fault.evidence == EvidenceLevel::Proved
                };
                let key = recorded.story.faults.iter().position(of_key).filter(|_| login::is_refused(check));
                key.or_else(|| of_secret(check, recorded)).map_or(other, |at| CheckStanding::Fails(vec![at]))
            }
            other => other,
        };
        match (check.status, word) {
            // What cannot be dialled from here its own words may tell.
            (Status::Unknown, CheckStanding::Holds(_)) => {
                if let Some(known) = tls_verify_checks::named(&check.id) {
                    let told = checked(known, recorded.story, &verdict);
                    *check = CheckReport { duration_ms: check.duration_ms, ..told };
                }
            }
            (_, CheckStanding::Fails(faults)) if !faults.is_empty() => {
                check.status = Status::Fail;
                let own = std::mem::take(&mut check.diagnoses);
                check.diagnoses =
                    faults.iter().filter_map(|at| diagnosis(&recorded.story.faults[*at])).collect();
                check.diagnoses.extend(own.into_iter().take(1));
                let first = faults.first().map(|at| said(&recorded.story.faults[*at]));
                if let Some(fact) = first.and_then(|facts| facts.into_iter().next()) {
                    check.summary = fact;
                }
                broken.push((check.id.clone(), faults));
            }
            (Status::Fail, _) => unexplained.push(check.clone()),
            _ => {}
        }
    }
    untold::tell(report, recorded.story, selected, &mut broken);
    let mut all = roots(recorded.story, &broken);
    let told = all.len();
    all.extend(root_cause::root_causes(&unexplained, tls_verify_checks::verifies));
    let before = all.len();
    all = far::explained(all, told, &recorded.story.faults, &mut report.checks);
    let told = told - (before - all.len());
    // A service is named as the cluster has it.
    let named = |place: &str| match place.split_once(' ') {
        Some((secret, _)) if secret.starts_with("secret/") => Some(secret.to_owned()),
        _ => recorded.cluster.of_service(place).next().map(ToString::to_string),
    };
    for root in &mut all {
        root.place = named(&root.place).unwrap_or_else(|| std::mem::take(&mut root.place));
    }
    for one in report.checks.iter_mut().flat_map(|check| &mut check.diagnoses) {
        let known = one.place.as_deref().and_then(named);
        one.place = known.or_else(|| one.place.take());
    }
    report.root_causes = untold::once(all, told);
}
