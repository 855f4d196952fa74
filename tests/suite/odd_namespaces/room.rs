//! Memory, and the room that a namespace has.

use serde_json::{Value, json};

use super::{command, container, specs};
use crate::namespace::{Namespace, roots};

#[test]
fn a_container_that_wants_more_memory_gets_twice_its_limit() {
    for (limit, wanted) in [
        (json!("1Gi"), Some("'--limits=memory=2Gi'")),
        (json!("300M"), Some("600000000")),
        (Value::Null, None),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        specs(&made, "cordum-api-gateway", |spec| {
            container(spec, "gateway")["resources"]["limits"]["memory"] = limit.clone();
        });
        made.looping("cordum-api-gateway", "gateway", "[GATEWAY] INFO cordum api gateway starting...");
        made.edit("pods", "cordum-api-gateway-", |pod| {
            for one in pod["status"]["containerStatuses"].as_array_mut().unwrap() {
                if one["name"] == "gateway" {
                    one["lastState"]["terminated"]["reason"] = "OOMKilled".into();
                    one["lastState"]["terminated"]["exitCode"] = 137.into();
                }
            }
        });
        let report = made.run(&[]);
        assert_eq!(roots(&report), ["deployment/cordum-api-gateway none"], "{report:#}");
        let command = command(&report);
        match wanted {
            Some(wanted) => {
                assert!(command.contains("set resources ") && command.contains(wanted), "{command}")
            }
            None => assert!(command.contains("describe pod"), "{command}"),
        }
    }
}

/// One of the scheduler's pods is not there, and its ReplicaSet says why it is not made.
fn never_made(made: &Namespace, message: &str) {
    made.without("pods", "cordum-scheduler-5f4f5b75d5-p792b");
    let pods: Value = serde_json::from_slice(&std::fs::read(made.path().join("pods.json")).unwrap()).unwrap();
    let of_it = |one: &&Value| one["metadata"]["name"].as_str().unwrap().starts_with("cordum-scheduler-");
    let owner =
        &pods["items"].as_array().unwrap().iter().find(of_it).unwrap()["metadata"]["ownerReferences"][0];
    let file = made.path().join("events.json");
    let mut list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    list["items"].as_array_mut().unwrap().push(json!({
        "metadata": {"name": "one", "namespace": "cordum"}, "type": "Warning", "reason": "FailedCreate",
        "message": message,
        "involvedObject": {"kind": "ReplicaSet", "name": owner["name"], "uid": owner["uid"]},
        "lastTimestamp": "2026-11-29T15:00:05Z"}));
    std::fs::write(file, list.to_string()).unwrap();
}

/// The quota that refuses a pod is raised by what the pod asks for, and by one more of them for the rollout.
#[test]
fn a_quota_without_room_is_told_with_the_room_that_it_takes() {
    let Some(made) = Namespace::healthy() else { return };
    never_made(
        &made,
        "Error creating: pods \"cordum-scheduler-5f4f5b75d5-x\" is forbidden: exceeded quota: all, requested: limits.cpu=500m,limits.memory=768Mi, used: limits.cpu=16,limits.memory=16Gi, limited: limits.cpu=16,limits.memory=16Gi",
    );
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-scheduler none"], "{report:#}");
    let command = command(&report);
    for part in [r#""limits.cpu":"17""#, r#""limits.memory":"17920Mi""#, "patch resourcequota all "] {
        assert!(command.contains(part), "{part}: {command}");
    }
}

/// What the other pods run is put back: the image, and with it how it is had, where that was changed too (an image that
/// only the node holds is not to be had from a registry).
#[test]
fn an_image_that_cannot_be_pulled_is_put_back_as_the_others_have_it() {
    for (policy, wanted) in [
        ("IfNotPresent", &["set image deployment/cordum-scheduler 'scheduler=cordum-scheduler:v0.1.0'"][..]),
        ("Always", &["patch deployment/cordum-scheduler -p ", r#""imagePullPolicy":"IfNotPresent""#]),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        let spec = |spec: &mut Value| {
            container(spec, "scheduler")["image"] = "registry.invalid/cordum/scheduler:2".into();
            container(spec, "scheduler")["imagePullPolicy"] = policy.into();
        };
        made.edit("deployments", "cordum-scheduler", |one| spec(&mut one["spec"]["template"]["spec"]));
        made.looping("cordum-scheduler-5f4f5b75d5-p792b", "scheduler", "");
        made.edit("pods", "cordum-scheduler-5f4f5b75d5-p792b", |pod| {
            spec(&mut pod["spec"]);
            let all = pod["status"]["containerStatuses"].as_array_mut().unwrap();
            let one = all.iter_mut().find(|one| one["name"] == "scheduler").unwrap();
            one["restartCount"] = 0.into();
            one["lastState"] = json!({});
            one["state"] =
                json!({"waiting": {"reason": "ImagePullBackOff", "message": "Back-off pulling image"}});
        });
        let report = made.run(&[]);
        assert_eq!(roots(&report), ["deployment/cordum-scheduler none"], "{report:#}");
        let command = command(&report);
        for part in wanted {
            assert!(command.contains(part), "{part}: {command}");
        }
        assert!(command.contains("cordum-scheduler:v0.1.0"), "{command}");
    }
}

/// The API server asks a webhook about each pod, and does not trust what that serves.
#[test]
fn pods_that_a_webhook_keeps_from_being_made_are_told_with_it() {
    let Some(made) = Namespace::healthy() else { return };
    never_made(
        &made,
        "Error creating: Internal error occurred: failed calling webhook \"mutate.mesh.io\": failed to call webhook: Post \"https://mesh.mesh-system.svc:443/inject?timeout=10s\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
    );
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["webhook/mutate.mesh.io unknown-authority"], "{report:#}");
    assert!(report["root_causes"][0]["fix"][0]["text"].as_str().unwrap().contains("caBundle"), "{report:#}");
    assert!(command(&report).contains("validatingwebhookconfigurations,mutatingwebhookconfigurations"));
}
