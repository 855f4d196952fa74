//! What stands between a client and its server in a cluster: Services, other namespaces, NetworkPolicies.

use std::time::SystemTime;

use serde_json::{Value, json};
use tls_verify_core::cause::CauseKind;
use tls_verify_core::cluster::{ClusterFault, ContainerLog, ContainerLogs, Kubectl, StartReader, Story};
use tls_verify_core::workload::kubernetes::{Cluster, Kind, Objects};

/// The scheduler and NATS with its Service; the scheduler's URL, the Service's port, its target and what it selects.
fn stack(url: &str, service: &Value, policies: &[Value]) -> Objects {
    stack_with(url, service, policies, None)
}

/// The same with a container beside NATS' own, where one is given that is not NATS': else with NATS' ports.
fn stack_with(url: &str, service: &Value, policies: &[Value], beside: Option<Value>) -> Objects {
    let deployment = |name: &str, app: &str, container: Value| {
        json!({"metadata": {"name": name, "uid": name, "labels": {"app": app}},
               "spec": {"replicas": 1, "template": {"metadata": {"labels": {"app": app}}, "spec": {"containers": [container]}}}})
    };
    let pod = |name: &str, app: &str, container: &str, ready: bool| {
        let state = match ready {
            true => json!({"running": {"startedAt": "2026-11-29T15:00:00Z"}}),
            false => json!({"waiting": {"reason": "CrashLoopBackOff"}}),
        };
        json!({"metadata": {"name": format!("{name}-1"), "uid": format!("{name}-1"), "labels": {"app": app, "pod-template-hash": "1"},
                            "ownerReferences": [{"kind": "StatefulSet", "name": name, "uid": name, "controller": true}]},
               "spec": {"containers": [{"name": container}]},
               "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": if ready { "True" } else { "False" }}],
                          "containerStatuses": [{"name": container, "ready": ready, "restartCount": if ready { 0 } else { 3 }, "state": state}]}})
    };
    let scheduler = json!({"name": "scheduler", "env": [{"name": "NATS_URL", "value": url}]});
    let nats = json!({"name": "nats", "command": ["nats-server", "-c", "/etc/nats/nats.conf"],
                      "volumeMounts": [{"name": "config", "mountPath": "/etc/nats/nats.conf", "subPath": "nats.conf"}]});
    let mut server = deployment("nats", "nats", nats);
    server["spec"]["template"]["spec"]["volumes"] =
        json!([{"name": "config", "configMap": {"name": "config"}}]);
    if let (Some(beside), Some(list)) =
        (beside, server["spec"]["template"]["spec"]["containers"].as_array_mut())
    {
        match beside.get("name") {
            Some(_) => list.push(beside),
            None => list[0]["ports"] = beside["ports"].clone(),
        }
    }
    let mut objects = Objects::default();
    let mut take = |kind: Kind, items: Value| {
        objects.take(kind, json!({"kind": "List", "items": items}).to_string().as_bytes()).unwrap();
    };
    take(Kind::StatefulSets, json!([deployment("cordum-scheduler", "cordum-scheduler", scheduler), server]));
    take(
        Kind::Pods,
        json!([
            pod("cordum-scheduler", "cordum-scheduler", "scheduler", false),
            pod("nats", "nats", "nats", true)
        ]),
    );
    take(
        Kind::ConfigMaps,
        json!([{"metadata": {"name": "config"}, "data": {"nats.conf": "port: 4222\ntls { cert_file: /c, key_file: /k }\n"}}]),
    );
    take(Kind::Services, json!([{"metadata": {"name": "nats"}, "spec": service}]));
    take(Kind::NetworkPolicies, json!(policies));
    objects
}

/// What is told of the scheduler, which said this before it ended.
fn told(objects: Objects, said: &str) -> Vec<ClusterFault> {
    let cluster = Cluster::read(objects, "cordum");
    let mut logs = ContainerLogs::new();
    if !said.is_empty() {
        let mut reader = StartReader::default();
        reader.feed(format!("2026-11-29T15:00:01.000000000Z {said}\n").as_bytes());
        let start = Some(reader.finish());
        logs.insert(
            ("cordum-scheduler-1".to_owned(), "scheduler".to_owned()),
            ContainerLog { present: start, previous: None, unread: None },
        );
    }
    let kubectl = Kubectl { context: None, namespace: "cordum".to_owned() };
    let story = Story::of(&cluster, &logs, SystemTime::now(), &kubectl);
    // What else is wrong with a stack of these two is no part of it.
    let front = ["service/", "networkpolicy/", "statefulset/cordum-scheduler"];
    let is_of_it =
        |one: &ClusterFault| one.cause.is_some() && front.iter().any(|front| one.place.starts_with(front));
    story.faults.into_iter().filter(is_of_it).collect()
}

fn service(selector: &str, port: u16, target: Value) -> Value {
    json!({"selector": {"app": selector}, "ports": [{"port": port, "targetPort": target}]})
}

const URL: &str = "tls://nats:4222";
const NOBODY: &str = "[SCHEDULER] ERROR failed to connect to NATS error=connect nats tls://nats:4222: nats: no servers available for connection";

#[test]
fn a_service_that_leads_nowhere_is_at_fault_itself() {
    let cases = [
        (service("nats", 4222, json!(4223)), "/spec/ports/0/targetPort"),
        (service("nats", 4222, json!("no-such-name")), "/spec/ports/0/targetPort"),
        (service("nats", 4322, json!(4222)), "/spec/ports/0/port"),
        (service("natz", 4222, json!(4222)), r#""selector":{"app":"nats"}"#),
    ];
    for (service, cure) in cases {
        for said in ["", NOBODY] {
            let faults = told(stack(URL, &service, &[]), said);
            let [fault] = faults.as_slice() else { panic!("{service}: {faults:?}") };
            assert_eq!(
                (fault.place.as_str(), fault.cause),
                ("service/nats", Some(CauseKind::ConnectionRefused))
            );
            let command = fault.cures[0].command.as_deref().unwrap();
            assert!(command.contains(cure), "{command}");
        }
    }
}

#[test]
fn a_service_that_leads_to_its_server_is_not() {
    let right = [
        service("nats", 4222, json!(4222)),
        service("nats", 4222, json!(0)),
        json!({"ports": [{"port": 4222}]}),
        json!({"clusterIP": "None", "selector": {"app": "nats"}, "ports": [{"port": 1}]}),
    ];
    for service in right {
        let faults = told(stack(URL, &service, &[]), "");
        assert!(faults.iter().all(|one| !one.place.starts_with("service/")), "{service}: {faults:?}");
    }
}

/// A terminator of TLS beside NATS has a port of its own, and the Service leads to it.
#[test]
fn what_stands_in_front_of_a_server_in_its_pod_has_a_port_of_its_own() {
    let beside = json!({"name": "ghostunnel", "image": "ghostunnel", "ports": [{"containerPort": 4443}]});
    let service = service("nats", 4222, json!(4443));
    let faults = told(stack_with(URL, &service, &[], Some(beside)), "");
    assert!(faults.iter().all(|one| !one.place.starts_with("service/")), "{faults:?}");
    // What the container itself declares is known to whoever described it.
    let ports = json!({"ports": [{"name": "tls", "containerPort": 4443}]});
    let faults = told(stack_with(URL, &service, &[], Some(ports)), "");
    assert!(faults.iter().all(|one| !one.place.starts_with("service/")), "{faults:?}");
}

#[test]
fn a_name_of_another_namespace_is_the_clients_once_it_is_not_found() {
    let url = "tls://nats.messaging.svc.cluster.local:4222";
    let service = service("nats", 4222, json!(4222));
    let said = format!(
        "[SCHEDULER] ERROR failed to connect to NATS error=connect nats {url}: dial tcp: lookup nats.messaging.svc.cluster.local on 10.96.0.10:53: no such host"
    );
    let faults = told(stack(url, &service, &[]), &said);
    let [fault] = faults.as_slice() else { panic!("{faults:?}") };
    assert_eq!((fault.place.as_str(), fault.cause), ("statefulset/cordum-scheduler", Some(CauseKind::Dns)));
    assert!(fault.cures[0].command.as_deref().unwrap().contains("NATS_URL=tls://nats:4222"));
    let elsewhere = |one: &ClusterFault| one.cause == Some(CauseKind::Dns);
    assert!(!told(stack(url, &service, &[]), "").iter().any(elsewhere));
}

#[test]
fn a_network_policy_is_named_where_a_dial_fails_and_nowhere_else() {
    let policy = |app: &str| {
        json!({"metadata": {"name": "nats"}, "spec": {"podSelector": {"matchLabels": {"app": "nats"}}, "policyTypes": ["Ingress"],
               "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": app}}}], "ports": [{"port": 4222}]}]}})
    };
    let service = service("nats", 4222, json!(4222));
    let named = |faults: Vec<ClusterFault>| faults.into_iter().find(|one| one.place == "networkpolicy/nats");
    let fault = named(told(stack(URL, &service, &[policy("cordum-api-gateway")]), NOBODY)).unwrap();
    assert_eq!(fault.cause, Some(CauseKind::Timeout));
    let command = fault.cures[0].command.as_deref().unwrap();
    let words = [
        "printf %s '",
        r#""matchLabels":{"app":"cordum-scheduler"}"#,
        r#""port":4222"#,
        "' | kubectl -n cordum apply -f -",
    ];
    for word in words {
        assert!(command.contains(word), "{word}: {command}");
    }
    assert!(!command.contains("pod-template-hash"), "{command}");
    assert!(named(told(stack(URL, &service, &[policy("cordum-scheduler")]), NOBODY)).is_none());
    let another = "[SCHEDULER] ERROR failed to connect to NATS error=nats: authorization violation";
    assert!(named(told(stack(URL, &service, &[policy("cordum-api-gateway")]), another)).is_none());
    assert!(named(told(stack(URL, &service, &[policy("cordum-api-gateway")]), "")).is_none());
    let out = json!({"metadata": {"name": "nats"}, "spec": {"podSelector": {}, "policyTypes": ["Egress"]}});
    let fault = named(told(stack(URL, &service, &[out]), NOBODY)).unwrap();
    assert!(fault.cures[0].command.as_deref().unwrap().contains(r#""policyTypes":["Egress"]"#));
}
