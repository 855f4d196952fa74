//! What our own dials do not meet: pods that do not serve while their siblings do (a replica of several proves nothing),
//! and what they go past.

use tls_verify_core::cluster::{BrokenPod, ClusterFault, Story, Waiting};
use tls_verify_core::redaction::redact;
use tls_verify_core::report::{CheckReport, RootCause, RunReport};
use tls_verify_core::status::Status;

use super::{diagnosis, said};

/// NetworkPolicies between clients that serve on and their server are faults where a check has met what they do.
pub(super) fn kept_out(story: &mut Story, report: &RunReport) {
    let met = |fault: &ClusterFault| {
        let lost = |check: &CheckReport| check.diagnoses.first().is_some_and(|one| one.cause.is_unreached());
        let mut broken = report.checks.iter().filter(|check| fault.breaks.contains(check.id.as_str()));
        broken.any(|check| check.status == Status::Fail && lost(check))
    };
    let all = std::mem::take(&mut story.kept_out);
    story.faults.extend(all.into_iter().filter(met));
}

/// The check that is about a service; services whose links check 15 tells have that one.
const ABOUT: &[(&str, &str)] = &[
    ("context-engine", "context-engine-grpc"),
    ("dashboard", "dashboard-gateway"),
    ("nats", "worker-nats-tls"),
    ("redis", "redis-tls"),
];

/// Fails the check of each service of which a pod is broken by what no check has told; where all that is known is that
/// a pod is not ready, it may be on its way, and the check is open.
pub(super) fn tell(
    report: &mut RunReport,
    story: &Story,
    selected: &[&str],
    broken: &mut Vec<(String, Vec<usize>)>,
) {
    for (service, id) in ABOUT.iter().filter(|(_, id)| selected.contains(id)) {
        let Some(health) = story.services.get(*service) else { continue };
        let told = |at: usize| broken.iter().any(|(_, faults)| faults.contains(&at));
        let untold: Vec<&BrokenPod> = health.broken.iter().filter(|one| !told(one.fault)).collect();
        let Some(check) = report.checks.iter_mut().find(|check| check.id == *id) else { continue };
        let Some(first) = untold.first().filter(|_| check.status != Status::Skip) else { continue };
        let is_open = |one: &BrokenPod| one.waits != Waiting::No || story.faults[one.fault].unread;
        if untold.iter().all(|one| is_open(one)) {
            if matches!(check.status, Status::Pass | Status::Warn) {
                check.status = Status::Unknown;
                check.summary = redact(&first.shown.to_string());
            }
            continue;
        }
        let mut faults: Vec<usize> = Vec::new();
        for at in untold.iter().filter(|one| !is_open(one)).map(|one| one.fault) {
            if !faults.contains(&at) {
                faults.push(at);
            }
        }
        check.status = Status::Fail;
        check.diagnoses = faults.iter().filter_map(|at| diagnosis(&story.faults[*at])).collect();
        let fact = faults.first().and_then(|at| said(&story.faults[*at]).into_iter().next());
        check.summary = fact.unwrap_or_else(|| std::mem::take(&mut check.summary));
        broken.push(((*id).to_owned(), faults));
    }
}

/// A fault that our own dials go past: they go to pods, and a Service that leads to none of them still stands between
/// everybody else and its pods, while connections that were made before it was changed go on.
pub(super) fn is_dialled_past(fault: &ClusterFault) -> bool {
    fault.place.starts_with("service/")
}

/// What our own dials met of a Secret that the story has told already, of the same cause, is that root cause.
pub(super) fn once(mut all: Vec<RootCause>, told: usize) -> Vec<RootCause> {
    let met = all.split_off(told);
    for one in met {
        let same = |known: &&mut RootCause| {
            one.place.starts_with("secret/")
                && (known.place.as_str(), known.cause, known.variant)
                    == (one.place.as_str(), one.cause, one.variant)
        };
        match all.iter_mut().find(same) {
            Some(known) => known.checks.extend(one.checks),
            None => all.push(one),
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use tls_verify_core::cause::{CauseKind, Variant};

    use super::*;

    #[test]
    fn a_secret_of_which_two_have_told_the_same_is_one_root_cause() {
        let of = |place: &str, check: &str| RootCause {
            nameless: false,
            cause: CauseKind::UnknownAuthority,
            variant: Some(Variant::CaRegenerated),
            place: place.to_owned(),
            checks: vec![check.to_owned()],
            summary: String::new(),
            because: Vec::new(),
            fix: Vec::new(),
        };
        let all = vec![
            of("secret/cordum-client-tls", "redis-tls"),
            of("secret/cordum-client-tls", "gateway-https"),
            of("deployment/scheduler", "service-links"),
            of("deployment/scheduler", "redis-logs"),
        ];
        let once = once(all, 1);
        assert_eq!(once[0].checks, ["redis-tls", "gateway-https"]);
        // One workload may have two settings that are wrong in the same way.
        assert_eq!(once.len(), 3);
    }
}
