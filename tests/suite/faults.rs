//! Faults and odd states that nobody has recorded, made from the healthy recording.

use serde_json::{Value, json};

use crate::namespace::{Namespace, roots, status_of};

/// The same in the descriptions and in the pods.
fn set(made: &Namespace, kind: &str, front: &str, container: &str, variable: &str, value: &str) {
    for kind in [kind, "pods"] {
        made.edit(kind, front, |one| {
            let described = one["spec"]["template"].is_object();
            let spec = if described { &mut one["spec"]["template"]["spec"] } else { &mut one["spec"] };
            let all = spec["containers"].as_array_mut().unwrap();
            let own = all.iter_mut().find(|one| one["name"] == container).unwrap();
            let list = own["env"].as_array_mut().unwrap();
            list.iter_mut().find(|one| one["name"] == variable).unwrap()["value"] = value.into();
        });
    }
}

/// A pod's event.
fn event(made: &Namespace, front: &str, reason: &str, message: &str) {
    let read = |kind: &str| -> Value {
        serde_json::from_slice(&std::fs::read(made.path().join(format!("{kind}.json"))).unwrap()).unwrap()
    };
    let (pods, mut events) = (read("pods"), read("events"));
    for pod in pods["items"].as_array().unwrap() {
        let name = pod["metadata"]["name"].as_str().unwrap();
        if name.starts_with(front) {
            let about =
                json!({"kind": "Pod", "name": name, "namespace": "cordum", "uid": pod["metadata"]["uid"]});
            events["items"].as_array_mut().unwrap().push(json!({"kind": "Event",
                "metadata": {"name": format!("{name}.{reason}"), "namespace": "cordum"}, "involvedObject": about,
                "reason": reason, "message": message, "type": "Warning", "count": 3,
                "firstTimestamp": "2026-11-29T15:00:00Z", "lastTimestamp": "2026-11-29T15:00:04Z"}));
        }
    }
    std::fs::write(made.path().join("events.json"), events.to_string()).unwrap();
}

/// A node that ran out of memory has evicted a scheduler, which stays in the list; another was made long ago.
#[test]
fn a_pod_that_was_evicted_and_replaced_is_none() {
    let Some(made) = Namespace::healthy() else { return };
    let file = made.path().join("pods.json");
    let mut list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let is_it = |pod: &&Value| pod["metadata"]["name"].as_str().unwrap().starts_with("cordum-scheduler");
    let mut gone = list["items"].as_array().unwrap().iter().find(is_it).unwrap().clone();
    gone["metadata"]["name"] = "cordum-scheduler-5f4f5b75d5-gone1".into();
    gone["metadata"]["uid"] = "gone".into();
    gone["status"] =
        json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource: memory."});
    list["items"].as_array_mut().unwrap().push(gone);
    std::fs::write(&file, list.to_string()).unwrap();
    let report = made.run(&[]);
    assert_eq!(roots(&report), Vec::<String>::new(), "{report:#}");
    assert_eq!(status_of(&report, "service-links"), "pass", "{report:#}");
    // Of two that are to be there one is gone, and nothing has replaced it.
    let Some(fewer) = Namespace::healthy() else { return };
    let file = fewer.path().join("pods.json");
    let mut list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    let mut gateways = list["items"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .filter(|pod| pod["metadata"]["name"].as_str().unwrap().starts_with("cordum-api-gateway"));
    gateways.next().unwrap()["status"] = json!({"phase": "Failed", "reason": "Evicted"});
    assert!(gateways.next().is_some());
    std::fs::write(&file, list.to_string()).unwrap();
    let report = fewer.run(&[]);
    assert_ne!(status_of(&report, "service-links"), "pass", "{report:#}");
    // Where nothing has replaced them there is nobody.
    made.edit("pods", "cordum-scheduler", |pod| {
        pod["status"] = json!({"phase": "Failed", "reason": "Evicted"});
    });
    assert_eq!(roots(&made.run(&[])).len(), 1);
}

/// What NATS said while its peers started is no reason for a pod that is not ready now.
#[test]
fn a_route_that_came_up_is_no_reason_for_what_a_probe_finds() {
    let Some(made) = Namespace::healthy() else { return };
    for front in ["cordum-nats-0", "cordum-nats-1", "cordum-nats-2"] {
        made.unready(front, "nats", "");
    }
    event(
        &made,
        "cordum-nats",
        "Unhealthy",
        "Readiness probe failed: dial tcp 10.244.0.154:4223: connect: connection refused",
    );
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["statefulset/cordum-nats connection-refused"], "{report:#}");
    let because = report["root_causes"][0]["because"].to_string();
    assert!(because.contains("4223") && !because.contains("attempt 1"), "{because}");
}

/// A gateway that hangs is ended by its probe: it has nothing to say against itself.
#[test]
fn what_its_liveness_probe_ends_hangs() {
    let Some(made) = Namespace::healthy() else { return };
    made.looping("cordum-api-gateway", "gateway", "[GATEWAY] INFO http listening addr=:8081");
    made.edit("pods", "cordum-api-gateway", |pod| {
        for one in pod["status"]["containerStatuses"].as_array_mut().unwrap() {
            if one["name"] == "gateway" {
                one["lastState"]["terminated"]["exitCode"] = 137.into();
            }
        }
    });
    let probe = "Liveness probe failed: Get \"https://10.244.0.164:8081/livez\": context deadline exceeded";
    event(&made, "cordum-api-gateway", "Unhealthy", probe);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-api-gateway timeout"], "{report:#}");
    assert!(report["root_causes"][0]["because"].to_string().contains("Liveness probe failed"), "{report:#}");
    // Who says what it dies of dies of that.
    made.say(
        "cordum-api-gateway",
        "gateway",
        "[GATEWAY] ERROR api gateway error error=connect redis: EOF",
        false,
    );
    let found = roots(&made.run(&[]));
    assert!(!found.contains(&"deployment/cordum-api-gateway timeout".to_owned()), "{found:?}");
}

/// An address where a name is to be: the Service was made anew since.
#[test]
fn an_address_that_nobody_has_is_the_clients() {
    let Some(made) = Namespace::healthy() else { return };
    let said = "[SCHEDULER] ERROR failed to connect to safety kernel error=dial tcp 10.96.71.99:50051: connect: connection refused";
    set(&made, "deployments", "cordum-scheduler", "scheduler", "SAFETY_KERNEL_ADDR", "10.96.71.99:50051");
    made.looping("cordum-scheduler", "scheduler", said);
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-scheduler connection-refused"], "{report:#}");
    let command = report["root_causes"][0]["fix"][0]["command"].as_str().unwrap();
    assert!(command.contains("SAFETY_KERNEL_ADDR=cordum-safety-kernel:50051"), "{command}");
    // One that a Service has leads there, and nothing is wrong with the setting.
    let Some(made) = Namespace::healthy() else { return };
    set(&made, "deployments", "cordum-scheduler", "scheduler", "SAFETY_KERNEL_ADDR", "10.96.71.250:50051");
    made.looping("cordum-scheduler", "scheduler", &said.replace("71.99", "71.250"));
    assert_eq!(roots(&made.run(&[])), ["deployment/cordum-safety-kernel connection-refused"]);
}

/// NATS' Service was made another name for something outside.
#[test]
fn a_service_that_leads_outside_is_named_where_nobody_is_found_there() {
    let Some(made) = Namespace::healthy() else { return };
    made.edit("services", "nats", |one| {
        one["spec"] =
            json!({"type": "ExternalName", "externalName": "nats.example", "ports": one["spec"]["ports"]});
    });
    assert_eq!(roots(&made.run(&[])), Vec::<String>::new(), "it may be meant");
    made.looping(
        "cordum-scheduler",
        "scheduler",
        "[SCHEDULER] ERROR failed to connect to NATS error=connect nats tls://nats:4222: dial tcp: lookup nats on 10.96.0.10:53: no such host",
    );
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["service/nats dns"], "{report:#}");
    let command = report["root_causes"][0]["fix"][0]["command"].as_str().unwrap();
    assert!(command.contains(r#""externalName":null"#) && command.contains(r#""app":"nats""#), "{command}");
}
