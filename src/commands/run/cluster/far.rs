//! What a client met at a server, and our own dial of that server explains.

use tls_verify_core::cause::{CauseKind, Side};
use tls_verify_core::cluster::ClusterFault;
use tls_verify_core::link::Link;
use tls_verify_core::report::{CheckReport, Diagnosis, RootCause};

/// The check that dials a link's server.
const DIALS: &[(Link, &str)] = &[
    (Link::Nats, "worker-nats-tls"),
    (Link::Redis, "redis-tls"),
    (Link::SafetyKernel, "safety-kernel-grpc"),
    (Link::Gateway, "gateway-https"),
    (Link::GatewayGrpc, "gateway-grpc"),
    (Link::ContextEngine, "context-engine-grpc"),
];

/// Root causes of what clients lost at a server (the first `told` of them are the story's) become part of what our own
/// dial found wrong with that server; their checks have its diagnosis first.
pub(super) fn explained(
    mut all: Vec<RootCause>,
    told: usize,
    faults: &[ClusterFault],
    checks: &mut [CheckReport],
) -> Vec<RootCause> {
    let mut at = 0;
    let mut symptoms = told;
    while at < symptoms {
        let one = &all[at];
        let met = faults
            .iter()
            .filter(|fault| fault.place == one.place && fault.cause == Some(one.cause))
            .find_map(|fault| fault.met);
        let dial = met.and_then(|link| DIALS.iter().find(|(of, _)| *of == link)).map(|(_, id)| *id);
        let found = dial.and_then(|id| checks.iter().find(|check| check.id == id)).and_then(main).cloned();
        let behind = dial.and_then(|id| {
            all[symptoms..].iter().position(|root| root.checks.iter().any(|check| check == id))
        });
        let (Some(found), Some(behind)) = (found.filter(is_definite), behind) else {
            at += 1;
            continue;
        };
        let symptom = all.remove(at);
        symptoms -= 1;
        let root = &mut all[symptoms + behind];
        for id in symptom.checks {
            if let Some(check) = checks.iter_mut().find(|check| check.id == id) {
                check.diagnoses.insert(0, found.clone());
            }
            if !root.checks.contains(&id) {
                root.checks.push(id);
            }
        }
        root.because.extend(symptom.because.into_iter().take(1));
    }
    all
}

fn main(check: &CheckReport) -> Option<&Diagnosis> {
    check.diagnoses.first()
}

/// The server's own fault, which all of its clients meet.
fn is_definite(one: &Diagnosis) -> bool {
    let of_server = one.cause.is_verification()
        || matches!(
            one.cause,
            CauseKind::WrongSchemeTlsToPlain | CauseKind::ProtocolVersion | CauseKind::NoSharedCipher
        );
    of_server && one.side != Side::Client
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_verify_core::cause::{Confidence, Severity};
    use tls_verify_core::status::Status;

    fn root(cause: CauseKind, place: &str, check: &str) -> RootCause {
        RootCause {
            nameless: false,
            cause,
            variant: None,
            place: place.to_owned(),
            checks: vec![check.to_owned()],
            summary: String::new(),
            because: vec![format!("{place} said so")],
            fix: Vec::new(),
        }
    }

    fn dialled(cause: CauseKind, side: Side) -> CheckReport {
        let diagnosis = Diagnosis {
            cause,
            variant: None,
            severity: Severity::Error,
            confidence: Confidence::Certain,
            side,
            title: String::new(),
            because: Vec::new(),
            fix: Vec::new(),
            explain: String::new(),
            place: Some("statefulset/cordum-nats".to_owned()),
            identity: None,
            chained: false,
        };
        failed("worker-nats-tls", vec![diagnosis])
    }

    fn failed(id: &str, diagnoses: Vec<Diagnosis>) -> CheckReport {
        CheckReport {
            number: 5,
            id: id.to_owned(),
            title: String::new(),
            status: Status::Fail,
            duration_ms: 0.0,
            attempts: 1,
            change: None,
            summary: String::new(),
            evidence: String::new(),
            diagnoses,
            details: serde_json::Map::new(),
            remarks: Vec::new(),
        }
    }

    /// Roots, and the causes of `service-links`, where NATS was dialled with this outcome and reset a gateway.
    fn told(met: Option<Link>, cause: CauseKind, side: Side) -> (Vec<String>, Vec<CauseKind>) {
        let mut fault = ClusterFault::new(Some(CauseKind::ConnectionReset), "deployment/cordum-api-gateway");
        fault.met = met;
        let roots = vec![
            root(CauseKind::ConnectionReset, "deployment/cordum-api-gateway", "service-links"),
            root(CauseKind::KeyMismatch, "secret/cordum-server-tls", "certificates"),
            root(cause, "statefulset/cordum-nats", "worker-nats-tls"),
        ];
        let mut checks = [dialled(cause, side), failed("service-links", Vec::new())];
        let all = explained(roots, 2, &[fault], &mut checks);
        let shown = all.iter().map(|one| format!("{} {} {:?}", one.place, one.cause, one.checks)).collect();
        (shown, checks[1].diagnoses.iter().map(|one| one.cause).collect())
    }

    #[test]
    fn what_a_client_lost_is_what_our_own_dial_finds_wrong_with_the_server() {
        let (roots, causes) = told(Some(Link::Nats), CauseKind::Expired, Side::Server);
        assert_eq!(
            roots,
            [
                r#"secret/cordum-server-tls key-mismatch ["certificates"]"#,
                r#"statefulset/cordum-nats expired ["worker-nats-tls", "service-links"]"#
            ]
        );
        assert_eq!(causes, [CauseKind::Expired]);
    }

    #[test]
    fn what_our_own_dial_does_not_explain_stays() {
        let rows = [
            (None, CauseKind::Expired, Side::Server),
            (Some(Link::Redis), CauseKind::Expired, Side::Server),
            (Some(Link::Nats), CauseKind::Timeout, Side::Server),
            (Some(Link::Nats), CauseKind::AuthNotTls, Side::Server),
            (Some(Link::Nats), CauseKind::UnknownAuthority, Side::Client),
        ];
        for (met, cause, side) in rows {
            let (roots, causes) = told(met, cause, side);
            assert!(roots.len() == 3 && causes.is_empty(), "{met:?} {cause}: {roots:?}");
        }
    }
}
