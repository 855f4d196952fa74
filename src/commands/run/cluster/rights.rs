//! What we may not see leaves the checks that need it open, and says which right is missing; what failed on other
//! evidence stays as it is.

use tls_verify_checks::context::Dials;
use tls_verify_checks::named;
use tls_verify_checks::platform::kubernetes::{Denial, Right};
use tls_verify_checks::stack::Link;
use tls_verify_checks::stack::{Loaded, Stack};
use tls_verify_core::cause::CauseKind;
use tls_verify_core::cluster::{Material, SecretFile};
use tls_verify_core::report::{CheckReport, RootCause, RunReport};
use tls_verify_core::status::Status;
use tls_verify_core::workload::kubernetes::Kind;

/// Whether a check dials.
fn dials(id: &str) -> bool {
    named(id).is_some_and(|check| check.dials != Dials::Never)
}

/// Whether a check shows a client's certificate.
fn is_identified(id: &str) -> bool {
    let shown = [Link::Nats, Link::Redis];
    named(id).is_some_and(|check| check.dials != Dials::Never && shown.contains(&check.link))
}

/// Checks that rest on every workload being there with all of its pods.
const WHOLE: &[&str] = &["worker-nats-tls", "redis-logs", "service-links"];
/// Checks that log in with the API key.
const KEYED: &[&str] =
    &["gateway-https", "gateway-wss", "cli-with-cacert", "dashboard-gateway", "safety-kernel-grpc"];

/// Which of what we dial with is not there.
pub(super) struct CredentialSources {
    authority: bool,
    identity: bool,
    api_key: bool,
    redis_password: bool,
    /// The operator wants no Secret read.
    no_secrets: bool,
}

impl CredentialSources {
    pub(super) fn of(material: &Material, stack: &Stack, no_secrets: bool) -> Self {
        let from = |piece: &Option<SecretFile>| piece.is_some();
        Self {
            authority: from(&material.authority) || !stack.anchors.certificates.is_empty(),
            identity: from(&material.certificate) || matches!(stack.identity, Loaded::Usable(_)),
            api_key: stack.api_key.is_some(),
            redis_password: stack.redis_password.is_some(),
            no_secrets,
        }
    }
}

/// Opens what needs a right that is missing.
pub(super) fn apply(
    report: &mut RunReport,
    denied: &[Denial],
    sources: &CredentialSources,
    selected: &[&str],
) {
    for check in report.checks.iter_mut().filter(|check| selected.contains(&check.id.as_str())) {
        if let Some(denial) = denied.iter().find(|denial| needs(check, &denial.right, sources)) {
            open(check, &denial.said);
        }
    }
    if !sources.identity {
        let why = "there is no client certificate to show: no Secret that the stack's clients mount has one";
        let lacks = |check: &&mut CheckReport| {
            check.status == Status::Fail
                && is_identified(&check.id)
                && (is(check, CauseKind::BadKeyFile) || is(check, CauseKind::ClientCertRequired))
                && check
                    .diagnoses
                    .first()
                    .is_some_and(|one| !report_says(&report.root_causes, one.place.as_deref()))
        };
        for check in report.checks.iter_mut().filter(lacks) {
            open(check, why);
        }
    }
    if sources.no_secrets && !sources.authority {
        let why = "no Secret was read (--no-secrets) and no --cacert names a CA";
        let failed =
            |check: &&mut CheckReport| check.status == Status::Fail && is(check, CauseKind::UnknownAuthority);
        for check in report.checks.iter_mut().filter(|check| dials(&check.id)).filter(failed) {
            open(check, why);
        }
    }
    let failed: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.status == Status::Fail)
        .map(|check| check.id.as_str())
        .collect();
    for root in &mut report.root_causes {
        root.checks.retain(|id| failed.contains(&id.as_str()));
    }
    report.root_causes.retain(|root| !root.checks.is_empty());
}

/// Nothing can be told of anything.
pub(super) fn blind(report: &mut RunReport, selected: &[&str], why: &str) {
    for check in report.checks.iter_mut().filter(|check| selected.contains(&check.id.as_str())) {
        open(check, why);
        check.attempts = 1;
    }
    report.root_causes.clear();
}

/// A root cause of the cluster's own stands at this place.
fn report_says(roots: &[RootCause], place: Option<&str>) -> bool {
    place.is_some_and(|place| place.contains('/') && roots.iter().any(|root| root.place == place))
}

fn is(check: &CheckReport, cause: CauseKind) -> bool {
    check.diagnoses.first().is_some_and(|one| one.cause == cause)
}

fn open(check: &mut CheckReport, why: &str) {
    check.status = Status::Unknown;
    check.summary = why.to_owned();
    check.diagnoses.clear();
    check.evidence = "none".to_owned();
}

/// Whether a check cannot be told without a right.
fn needs(check: &CheckReport, right: &Right, sources: &CredentialSources) -> bool {
    let one_of = |all: &[&str]| all.contains(&check.id.as_str());
    let good = matches!(check.status, Status::Pass | Status::Warn);
    let told = check.status == Status::Fail;
    match right {
        Right::Forward => dials(&check.id) && !good,
        Right::Log => {
            (!told && one_of(&["redis-logs", "service-links"]))
                || (!told && !good && one_of(&["cluster-links"]))
        }
        Right::List(Kind::Deployments | Kind::DaemonSets) => !told && one_of(WHOLE),
        Right::List(Kind::StatefulSets) => !told && (one_of(WHOLE) || one_of(&["cluster-links"])),
        // Whether members talk over TLS stands in their configuration.
        Right::List(Kind::ConfigMaps) => {
            !told
                && (one_of(&["certificates"])
                    || (check.status == Status::Unknown && one_of(&["cluster-links"])))
        }
        Right::List(_) => false,
        Right::Secret(name) if one_of(&["certificates"]) => !told && !is_login(name),
        Right::Secret(_) => {
            (!sources.authority && !good && dials(&check.id))
                || (!sources.identity && !good && is_identified(&check.id))
                || (!sources.api_key && told && one_of(KEYED) && is(check, CauseKind::AuthNotTls))
                || (!sources.redis_password
                    && told
                    && one_of(&["redis-tls"])
                    && is(check, CauseKind::AuthNotTls))
        }
    }
}

/// A Secret of a login holds no certificate.
fn is_login(name: &str) -> bool {
    matches!(name, "cordum-api-key" | "cordum-redis-secret" | "cordum-admin-creds")
}
