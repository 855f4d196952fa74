//! Rollouts half way: a pod that is young and only not ready yet is no fault, and proves nothing either.

use serde_json::{Value, json};

use super::NONE;
use crate::namespace::{Namespace, roots, status_of};

const STARTS: &str = "cordum scheduler starting...";

/// It runs since then, and is not ready.
fn started(pod: &mut Value, since: &str) {
    for one in pod["status"]["containerStatuses"].as_array_mut().unwrap() {
        one["state"] = json!({"running": {"startedAt": since}});
        one["ready"] = false.into();
        one["restartCount"] = 0.into();
    }
    for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
        if matches!(condition["type"].as_str(), Some("Ready" | "ContainersReady")) {
            condition["status"] = "False".into();
        }
    }
}

/// One pod more of a workload beside those that serve.
fn joined(made: &Namespace, workload: &str, since: &str) -> String {
    let file = made.path().join("pods.json");
    let mut list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let items = list["items"].as_array_mut().unwrap();
    let name = |one: &Value| one["metadata"]["name"].as_str().unwrap().to_owned();
    let mut pod = items.iter().find(|one| name(one).starts_with(workload)).unwrap().clone();
    let new = format!("{workload}-new");
    pod["metadata"]["name"] = new.clone().into();
    pod["metadata"]["uid"] = new.clone().into();
    started(&mut pod, since);
    items.push(pod);
    std::fs::write(file, list.to_string()).unwrap();
    new
}

#[test]
fn a_pod_that_is_young_and_only_not_ready_is_no_fault() {
    let trouble = "[SCHEDULER] ERROR failed to connect to NATS error=connect nats tls://nats:4222: tls: failed to verify certificate: x509: certificate signed by unknown authority";
    for (since, said, fails) in [
        ("2026-11-29T15:00:01Z", STARTS, false),
        // Ninety tries of its startup probe a second apart, then seven seconds of its readiness probe.
        ("2026-11-29T14:58:30Z", STARTS, false),
        ("2026-11-29T14:58:25Z", STARTS, true),
        ("2026-11-29T15:00:01Z", trouble, true),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        let pod = joined(&made, "cordum-scheduler", since);
        made.say(&pod, "scheduler", said, true);
        let report = made.run(&[]);
        let links = status_of(&report, "service-links");
        assert_eq!(links, if fails { "fail" } else { "unknown" }, "{since} {said} {report:#}");
        assert_eq!(roots(&report).is_empty(), !fails, "{since} {said} {report:#}");
        if !fails {
            assert_eq!(status_of(&report, "redis-logs"), "unknown", "{report:#}");
            assert!(report["checks"].to_string().contains(&format!("{pod} is not ready")), "{report:#}");
        }
    }
}

/// Nothing has come up yet: who waits for Redis waits for what is on its way itself.
#[test]
fn a_first_deployment_whose_pods_are_all_young_is_open() {
    for (redis, root) in [("2026-11-29T15:00:01Z", false), ("2026-11-29T14:52:00Z", true)] {
        let Some(made) = Namespace::healthy() else { return };
        made.edit("pods", "cordum-", |pod| {
            let is_redis = pod["metadata"]["name"].as_str().unwrap().starts_with("cordum-redis-");
            if pod["status"]["phase"] == "Running" {
                started(pod, if is_redis { redis } else { "2026-11-29T15:00:01Z" });
            }
        });
        for (pod, container, said) in [
            ("cordum-api-gateway", "gateway", "cordum api-gateway starting..."),
            ("cordum-context-engine", "context-engine", STARTS),
            ("cordum-dashboard", "dashboard", ""),
            ("cordum-nats", "nats", ""),
            ("cordum-redis", "redis", ""),
            ("cordum-safety-kernel", "safety", STARTS),
            ("cordum-scheduler", "scheduler", STARTS),
            ("cordum-workflow-engine", "workflow-engine", STARTS),
        ] {
            made.say(pod, container, said, true);
        }
        let report = made.run(&[]);
        let wanted = if root { vec!["statefulset/cordum-redis none".to_owned()] } else { NONE };
        assert_eq!(roots(&report), wanted, "{report:#}");
        for check in ["service-links", "redis-logs", "redis-tls", "cluster-links"] {
            let status = status_of(&report, check);
            assert_eq!(status, if root { "fail" } else { "unknown" }, "{check} {report:#}");
        }
    }
}

/// A probe that fails while others serve is of a start that nobody notices; where nobody serves it counts.
#[test]
fn a_failed_probe_of_a_start_counts_where_nobody_else_serves() {
    let probe = "Startup probe failed: Get \"http://10.244.0.9:9091/readyz\": dial tcp 10.244.0.9:9091: connect: connection refused";
    let since = "2026-11-29T15:00:01Z";
    let Some(made) = Namespace::healthy() else { return };
    let pod = joined(&made, "cordum-scheduler", since);
    made.say(&pod, "scheduler", STARTS, true);
    super::add_event(&made, &pod, "Unhealthy", probe);
    let report = made.run(&[]);
    assert_eq!((roots(&report), status_of(&report, "service-links")), (NONE, "unknown"), "{report:#}");

    let Some(made) = Namespace::healthy() else { return };
    made.edit("pods", "cordum-workflow-engine-", |pod| started(pod, since));
    made.say("cordum-workflow-engine", "workflow-engine", STARTS, true);
    super::add_event(&made, &super::pod_uid(&made, "cordum-workflow-engine-"), "Unhealthy", probe);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-workflow-engine connection-refused"], "{report:#}");
}
