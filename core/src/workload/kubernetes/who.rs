//! Which service of the stack a workload is: by its labels, else by its name.

use crate::workload::{Workload, WorkloadKind};

/// The stack's services, and what else they are called.
const KNOWN: &[(&str, &[&str])] = &[
    ("api-gateway", &["gateway"]),
    ("scheduler", &[]),
    ("safety-kernel", &["safety"]),
    ("workflow-engine", &["workflow"]),
    ("context-engine", &["context"]),
    ("dashboard", &[]),
    ("nats", &[]),
    ("redis", &[]),
    ("mock-bank-worker", &["mock-bank"]),
    ("demo-quickstart-worker", &[]),
];

/// Labels that name a workload, the most telling first.
const LABELS: &[&str] = &["app.kubernetes.io/component", "app", "k8s-app", "app.kubernetes.io/name"];

/// The service of the stack that a name is (`cordum-api-gateway`, `my-release-nats`), if one.
fn known(name: &str) -> Option<&'static str> {
    let is = |word: &str| name == word || name.strip_suffix(word).is_some_and(|front| front.ends_with('-'));
    KNOWN
        .iter()
        .flat_map(|(service, others)| {
            std::iter::once((*service, *service)).chain(others.iter().map(|one| (*service, *one)))
        })
        .filter(|(_, word)| is(word))
        .max_by_key(|(_, word)| word.len())
        .map(|(service, _)| service)
}

/// The service of the stack that a workload is; its own name where it is none.
#[must_use]
pub fn service_of(workload: &Workload) -> &str {
    if workload.kind == WorkloadKind::Job || workload.kind == WorkloadKind::CronJob {
        return &workload.name;
    }
    let labelled = LABELS.iter().filter_map(|label| workload.labels.get(*label));
    labelled
        .filter_map(|value| known(value))
        .next()
        .or_else(|| known(&workload.name))
        .unwrap_or(&workload.name)
}

/// Whether a container's name is that of its service's own container.
pub(super) fn is_own(container: &str, service: &str) -> bool {
    known(container) == Some(service) || container == service
}

#[cfg(test)]
mod tests {
    use super::*;

    fn workload(name: &str, labels: &[(&str, &str)]) -> Workload {
        let mut one = Workload::named(WorkloadKind::Deployment, name);
        one.labels = labels.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        one
    }

    #[test]
    fn labels_come_before_names() {
        assert_eq!(service_of(&workload("cordum-nats", &[("app", "nats")])), "nats");
        let helm = [("app.kubernetes.io/component", "api-gateway"), ("app.kubernetes.io/name", "cordum")];
        assert_eq!(service_of(&workload("x-api-gateway", &helm)), "api-gateway");
        assert_eq!(service_of(&workload("prod-safety-kernel", &[])), "safety-kernel");
        assert_eq!(service_of(&workload("gateway", &[])), "api-gateway");
    }

    #[test]
    fn what_only_sounds_like_a_service_is_none() {
        assert_eq!(service_of(&workload("redis-exporter", &[("app", "redis-exporter")])), "redis-exporter");
        assert_eq!(service_of(&workload("mynats", &[])), "mynats");
        let mut job = workload("cordum-redis", &[("app", "redis")]);
        job.kind = WorkloadKind::Job;
        assert_eq!(service_of(&job), "cordum-redis");
    }
}
