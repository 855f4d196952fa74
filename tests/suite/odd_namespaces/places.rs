//! Who runs where, and who reaches whom.

use serde_json::{Value, json};

use super::{NONE, command, container, set, specs};
use crate::namespace::{Namespace, roots, status_of};

#[test]
fn pods_of_a_paused_deployment_that_was_mended_are_told_to_go_on() {
    let Some(made) = Namespace::healthy() else { return };
    made.edit("pods", "cordum-workflow-engine-", |one| {
        set(&mut one["spec"], "workflow-engine", "NATS_TLS_SERVER_NAME", Some("nats.internal"));
    });
    made.edit("deployments", "cordum-workflow-engine", |one| one["spec"]["paused"] = true.into());
    made.looping("cordum-workflow-engine", "workflow-engine", "[WORKFLOW-ENGINE] ERROR workflow engine error error=connect nats: connect nats tls://nats:4222: tls: failed to verify certificate: x509: certificate is valid for localhost, nats, *.cordum-nats.cordum.svc, not nats.internal");
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-workflow-engine hostname-mismatch"], "{report:#}");
    let command = command(&report);
    assert!(command.contains("rollout resume deployment/cordum-workflow-engine && "), "{command}");
    assert_eq!(status_of(&report, "certificates"), "pass", "{report:#}");
}

/// A collector that mounts a ConfigMap stands beside every service in production, and in front of none.
#[test]
fn a_target_port_that_nobody_listens_at_is_told_beside_a_collector() {
    let Some(made) = Namespace::healthy() else { return };
    made.edit("services", "cordum-safety-kernel", |one| one["spec"]["ports"][0]["targetPort"] = 50052.into());
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["service/cordum-safety-kernel connection-refused"], "{report:#}");
    assert!(command(&report).contains("/spec/ports/0/targetPort"), "{report:#}");
    // One that says it listens there, or that may: it is another's port.
    for (name, port) in [("otel-collector", 50052), ("tls-terminator", 9)] {
        let Some(made) = Namespace::healthy() else { return };
        made.edit("services", "cordum-safety-kernel", |one| {
            one["spec"]["ports"][0]["targetPort"] = 50052.into()
        });
        specs(&made, "cordum-safety-kernel", |spec| {
            let one = container(spec, "otel-collector");
            one["name"] = name.into();
            one["image"] = name.into();
            one["ports"] = json!([{"containerPort": port}]);
        });
        assert_eq!(roots(&made.run(&[])), NONE, "{name}");
    }
}

#[test]
fn lists_of_several_namespaces_are_of_the_one_that_is_named() {
    let Some(made) = Namespace::healthy() else { return };
    for kind in ["pods", "deployments", "statefulsets", "services", "secrets", "configmaps"] {
        let file = made.path().join(format!("{kind}.json"));
        let mut list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let items = list["items"].as_array_mut().unwrap();
        let mut others = items.clone();
        for one in &mut others {
            one["metadata"]["namespace"] = "staging".into();
            one["metadata"]["uid"] = format!("staging {}", one["metadata"]["uid"]).into();
            if kind == "pods" {
                one["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
                    "reason": "Unschedulable", "message": "0/1 nodes are available"}]});
            }
        }
        // Services and certificates are missing there.
        if !matches!(kind, "services" | "secrets") {
            items.extend(others);
        }
        std::fs::write(file, list.to_string()).unwrap();
    }
    let report = made.run(&["-n", "cordum"]);
    assert_eq!((roots(&report), status_of(&report, "redis-logs")), (NONE, "pass"), "{report:#}");
    assert_ne!(roots(&made.run(&["-n", "staging"])), NONE);
    let report = made.run(&["-n", "prod"]);
    let message = report["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("namespace prod") && message.contains("cordum, staging"), "{message}");
}

/// Redis as a service of a cloud, with or without somebody having read where its URL leads.
#[test]
fn a_redis_that_runs_elsewhere_is_not_missing() {
    let member = "cordum-redis-0.cordum-redis";
    let urls: [Option<Value>; 6] = [
        Some(
            json!({"name": "REDIS_URL", "value": "rediss://:$(REDIS_PASSWORD)@master.cordum.x.cache.amazonaws.com:6379"}),
        ),
        Some(json!({"name": "REDIS_URL", "value": "rediss://redis.data.svc.cluster.local:6379"})),
        Some(
            json!({"name": "REDIS_URL", "valueFrom": {"secretKeyRef": {"name": "cordum-redis-secret", "key": "URL"}}}),
        ),
        // A member of the Service that is here.
        Some(json!({"name": "REDIS_URL", "value": format!("rediss://{member}:6379")})),
        Some(json!({"name": "REDIS_URL", "value": format!("rediss://{member}.cordum.svc:6379")})),
        None,
    ];
    for url in urls {
        let Some(made) = Namespace::healthy() else { return };
        made.without("statefulsets", "cordum-redis").without("pods", "cordum-redis");
        let is_member = url.as_ref().is_some_and(|url| url.to_string().contains(member));
        if !is_member {
            made.without("services", "redis").without("services", "cordum-redis");
        }
        let elsewhere = url.is_some() && !is_member;
        for (workload, main) in [
            ("cordum-api-gateway", "gateway"),
            ("cordum-scheduler", "scheduler"),
            ("cordum-safety-kernel", "safety"),
            ("cordum-workflow-engine", "workflow-engine"),
            ("cordum-context-engine", "context-engine"),
        ] {
            let Some(url) = &url else { break };
            specs(&made, workload, |spec| {
                let all = container(spec, main)["env"].as_array_mut().unwrap();
                all.retain(|one| {
                    !one["name"].as_str().unwrap().starts_with("REDIS_") || one["name"] == "REDIS_PASSWORD"
                });
                all.push(url.clone());
            });
        }
        let report = made.run(&[]);
        let redis = status_of(&report, "redis-tls");
        if elsewhere {
            assert_eq!((roots(&report), redis), (NONE, "unknown"), "{url:?} {report:#}");
        } else {
            assert_eq!(redis, "fail", "{report:#}");
        }
    }
}

#[test]
fn a_worker_at_rest_is_no_fault_and_a_service_of_the_stack_is() {
    let Some(made) = Namespace::healthy() else { return };
    let file = made.path().join("deployments.json");
    let mut list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let items = list["items"].as_array_mut().unwrap();
    let engine = items.iter().find(|one| one["metadata"]["name"] == "cordum-workflow-engine");
    let mut worker: Value = engine.unwrap().clone();
    worker["metadata"] = json!({"name": "mock-bank-worker", "namespace": "cordum", "uid": "worker"});
    worker["spec"]["replicas"] = 0.into();
    worker["spec"]["template"]["metadata"]["labels"] = json!({"app": "mock-bank-worker"});
    items.push(worker);
    std::fs::write(&file, list.to_string()).unwrap();
    let report = made.run(&[]);
    assert_eq!((roots(&report), status_of(&report, "redis-logs")), (NONE, "pass"), "{report:#}");
    // Named as one that has to be there, its silence is not taken for health.
    let report = made.run(&["--services", "scheduler,mock-bank-worker"]);
    assert_eq!(status_of(&report, "redis-logs"), "unknown", "{report:#}");
    made.edit("deployments", "cordum-dashboard", |one| one["spec"]["replicas"] = 0.into());
    made.without("pods", "cordum-dashboard");
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-dashboard connection-refused"], "{report:#}");
}

/// A second pod, on a node from which no name is found.
#[test]
fn what_one_pod_alone_does_not_reach_is_that_pods_workloads() {
    let line = "[SCHEDULER] ERROR failed to connect to NATS error=connect nats tls://nats:4222: dial tcp: lookup nats on 10.96.0.10:53: read udp 10.244.1.7:51120->10.96.0.10:53: i/o timeout";
    let Some(made) = Namespace::healthy() else { return };
    made.looping("cordum-scheduler-5f4f5b75d5-lvjqf", "scheduler", line);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-scheduler timeout"], "{report:#}");
    // Nobody else gets there, or it is not well itself: it is the server's.
    made.edit("pods", "cordum-nats-1", |pod| {
        pod["status"]["conditions"] = json!([{"type": "Ready", "status": "False"}]);
    });
    let found = roots(&made.run(&[]));
    assert!(found.iter().any(|one| one.starts_with("statefulset/cordum-nats ")), "{found:?}");
}

/// Somebody's own pod in the namespace, ready, that says of the stack's servers what has no name.
#[test]
fn what_a_ready_pod_of_somebody_says_of_tls_without_a_name_is_no_fault_of_the_links() {
    for (line, faults) in [
        ("NATS TLS handshake error", NONE),
        ("redis: TLS handshake error", NONE),
        ("nats: Authorization Violation", vec!["pod/debug auth-not-tls".to_owned()]),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        let file = made.path().join("pods.json");
        let mut list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
        let since = "2026-11-29T15:00:05Z";
        list["items"].as_array_mut().unwrap().push(json!({
            "metadata": {"name": "debug", "namespace": "cordum", "uid": "debug", "labels": {"run": "debug"}},
            "spec": {"restartPolicy": "Never", "containers": [
                {"name": "debug", "image": "redis:7", "command": ["sh", "-c", "echo words; sleep 1000"]}]},
            "status": {"phase": "Running", "startTime": since,
                "conditions": [{"type": "Ready", "status": "True"}],
                "containerStatuses": [{"name": "debug", "ready": true, "started": true, "restartCount": 0,
                    "image": "redis:7", "imageID": "", "state": {"running": {"startedAt": since}}}]}}));
        std::fs::write(file, list.to_string()).unwrap();
        std::fs::write(made.path().join("logs/debug_debug.log"), format!("{since} {line}\n")).unwrap();
        let report = made.run(&[]);
        assert_eq!(roots(&report), faults, "{line}: {report:#}");
    }
}

/// The certificate that NATS has now lacks the name too: a restart brings none.
#[test]
fn a_name_that_the_servers_secret_lacks_is_no_matter_of_a_restart() {
    let line = "[WORKFLOW-ENGINE] ERROR workflow engine error error=connect nats: connect nats tls://cordum-nats:4222: tls: failed to verify certificate: x509: certificate is valid for localhost, nats, *.cordum-nats.cordum.svc, not cordum-nats";
    let Some(made) = Namespace::healthy() else { return };
    specs(&made, "cordum-workflow-engine", |spec| {
        set(spec, "workflow-engine", "NATS_URL", Some("tls://cordum-nats:4222"));
        set(spec, "workflow-engine", "NATS_TLS_SERVER_NAME", None);
    });
    made.looping("cordum-workflow-engine", "workflow-engine", line);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["secret/cordum-nats-server-tls hostname-mismatch"], "{report:#}");
    assert!(!command(&report).starts_with("kubectl -n cordum rollout restart"), "{report:#}");
}

/// Three clients do not find one host: the Service that stands for it is one root cause.
#[test]
fn a_service_that_stands_for_a_host_which_is_not_found_is_one_root_cause() {
    let Some(made) = Namespace::healthy() else { return };
    made.without("statefulsets", "cordum-nats").without("pods", "cordum-nats");
    made.without("services", "cordum-nats");
    made.edit("services", "nats", |one| {
        one["spec"] = json!({"type": "ExternalName", "externalName": "nats.messaging.internal",
            "ports": [{"port": 4222, "targetPort": 4222}]});
    });
    for (workload, main) in [
        ("cordum-api-gateway", "gateway"),
        ("cordum-scheduler", "scheduler"),
        ("cordum-workflow-engine", "workflow-engine"),
    ] {
        made.looping(workload, main, "[SCHEDULER] ERROR failed to connect to NATS error=connect nats tls://nats:4222: dial tcp: lookup nats on 10.96.0.10:53: no such host");
    }
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["service/nats dns"], "{report:#}");
    let change = &report["root_causes"][0]["fix"][0]["changes"][0];
    assert_eq!(
        (&change["path"], &change["from"]),
        (&json!("spec.externalName"), &json!("nats.messaging.internal"))
    );
}
