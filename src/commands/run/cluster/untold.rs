//! Pods that do not serve while their siblings do: what is dialled is well, and a replica of several proves nothing.

use tls_verify_core::cluster::Story;
use tls_verify_core::report::RunReport;
use tls_verify_core::status::Status;

use super::{diagnosis, said};

/// The check that is about a service; services whose links check 15 tells have that one.
const ABOUT: &[(&str, &str)] = &[
    ("context-engine", "context-engine-grpc"),
    ("dashboard", "dashboard-gateway"),
    ("nats", "worker-nats-tls"),
    ("redis", "redis-tls"),
];

/// Fails the check of each service of which a pod is broken by what no check has told.
pub(super) fn tell(
    report: &mut RunReport,
    story: &Story,
    selected: &[&str],
    broken: &mut Vec<(String, Vec<usize>)>,
) {
    for (service, id) in ABOUT.iter().filter(|(_, id)| selected.contains(id)) {
        let Some(health) = story.services.get(*service) else { continue };
        let told = |at: usize| broken.iter().any(|(_, faults)| faults.contains(&at));
        let mut untold: Vec<usize> = Vec::new();
        for at in health.broken.iter().map(|one| one.fault).filter(|at| !told(*at)) {
            if !untold.contains(&at) {
                untold.push(at);
            }
        }
        let Some(check) = report.checks.iter_mut().find(|check| check.id == *id) else { continue };
        if untold.is_empty() || check.status == Status::Skip {
            continue;
        }
        check.status = Status::Fail;
        check.diagnoses = untold.iter().filter_map(|at| diagnosis(&story.faults[*at])).collect();
        let first = untold.first().and_then(|at| said(&story.faults[*at]).into_iter().next());
        check.summary = first.unwrap_or_else(|| std::mem::take(&mut check.summary));
        broken.push(((*id).to_owned(), untold));
    }
}
