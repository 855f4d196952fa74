//! A key that the gateway refuses though it is its own Secret's.

use tls_verify_core::cause::{CauseKind, Side};
use tls_verify_core::cluster::{ClusterFault, Fix, Kubectl, by_hand};
use tls_verify_core::evidence::observation::EvidenceLevel;
use tls_verify_core::evidence::{Fact, SecretFact};
use tls_verify_core::report::{CheckReport, RunReport};
use tls_verify_core::status::Status;
use tls_verify_core::workload::kubernetes::Cluster;

/// The gateway refuses the very key that its own Secret holds: it reads that at its start, so the Secret is younger.
pub(super) fn changed_key(
    report: &RunReport,
    cluster: &Cluster,
    kubectl: &Kubectl,
    sent: &str,
) -> Option<ClusterFault> {
    let check = report.checks.iter().find(|check| is_refused(check))?;
    let gateway = cluster.of_service("api-gateway").next()?;
    let main = gateway.main()?;
    // Another workload's key may be another one.
    let is_sent = |name: &&str| main.variable(name).and_then(|one| one.value.known()) == Some(sent);
    let origin = ["CORDUM_API_KEY", "API_KEY"]
        .iter()
        .filter(|name| is_sent(name))
        .find_map(|name| main.origins.get(*name))
        .filter(|origin| origin.is_secret)?;
    let restart = kubectl.restart(&[gateway.to_string()]);
    let mut cure = Fix::new(
        format!(
            "{} of {origin} is another than the one that {gateway} was started with: restarted, it reads the new one",
            origin.key
        ),
        None,
    );
    cure.command = restart;
    let fault = ClusterFault::new(Some(CauseKind::AuthNotTls), origin.to_string())
        .on(Side::Client)
        .because(SecretFact::KeyRefused {
            gateway: gateway.to_string(),
            key: origin.key.clone(),
            origin: origin.to_string(),
        })
        .because(Fact::OfCheck { id: check.id.clone(), summary: check.summary.clone() })
        .seen_in(EvidenceLevel::Proved);
    let mut fault = ClusterFault { cures: vec![cure], ..fault };
    by_hand(cluster, kubectl, &mut fault);
    Some(fault)
}

/// The gateway answered our API key with 401.
pub(super) fn is_refused(check: &CheckReport) -> bool {
    let ours = ["gateway-https", "gateway-wss", "cli-with-cacert"].contains(&check.id.as_str());
    let first = check.diagnoses.first();
    ours && check.status == Status::Fail && first.is_some_and(|one| one.cause == CauseKind::AuthNotTls)
}
