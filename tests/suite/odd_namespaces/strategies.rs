//! Workloads whose pods no rollout makes anew: `updateStrategy` OnDelete, a partition, an ordered set that waits.

use serde_json::{Value, json};
use tls_verify_fixtures::pki::Leaf;

use super::{NONE, command, container};
use crate::namespace::{Namespace, issued, roots, status_of};

const ROUTE: &str = "[1] 2026/11/29 15:00:04.100000 [ERR] 10.244.0.155:6222 - rid:25 - TLS route handshake error: tls: failed to verify certificate: x509: certificate is valid for localhost, nats, not cordum-nats-1.cordum-nats.cordum.svc";

fn strategy(made: &Namespace, name: &str, update: &Value, policy: &str) {
    made.edit("statefulsets", name, |one| {
        one["spec"]["updateStrategy"] = update.clone();
        one["spec"]["podManagementPolicy"] = policy.into();
    });
}

fn on_delete() -> Value {
    json!({"type": "OnDelete"})
}

fn partition(number: u32) -> Value {
    json!({"type": "RollingUpdate", "rollingUpdate": {"partition": number}})
}

fn text(report: &Value) -> String {
    report["root_causes"][0]["fix"][0]["text"].as_str().unwrap_or_default().to_owned()
}

/// What is right in the Secret by the cure is read by pods that are made anew, and by no others.
#[test]
fn a_restart_is_worded_as_the_update_strategy_has_it() {
    let rollout = "kubectl -n cordum rollout restart statefulset/cordum-nats".to_owned();
    let patch = "kubectl -n cordum patch statefulset/cordum-nats -p ";
    let typed =
        format!(r#"{patch}'{{"spec":{{"updateStrategy":{{"type":"RollingUpdate"}}}}}}' && {rollout}"#);
    let whole = format!(
        r#"{patch}'{{"spec":{{"updateStrategy":{{"rollingUpdate":{{"partition":0}}}}}}}}' && {rollout}"#
    );
    let by_hand = "delete cordum-nats-2 by hand";
    for (update, policy, wanted, why) in [
        (on_delete(), "Parallel", &typed, "OnDelete"),
        (on_delete(), "OrderedReady", &typed, by_hand),
        (partition(2), "Parallel", &whole, "rollingUpdate.partition 2"),
        (partition(0), "Parallel", &rollout, ""),
        (partition(0), "OrderedReady", &rollout, by_hand),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        let leaf = Leaf::server().for_names(&["localhost", "nats"]);
        made.fill("cordum-nats-server-tls", &issued(&made.ca, &leaf, false));
        made.unready("cordum-nats-2", "nats", ROUTE).say("cordum-nats-2", "nats", ROUTE, true);
        strategy(&made, "cordum-nats", &update, policy);
        let report = made.run(&[]);
        assert_eq!(roots(&report), ["secret/cordum-nats-server-tls hostname-mismatch"], "{report:#}");
        let command = command(&report);
        assert!(command.ends_with(&format!(" && {wanted}")), "{update} {policy}: {command}");
        assert!(!command.contains(" delete "), "{command}");
        assert!(text(&report).contains(why), "{report:#}");
    }
}

/// A change of the description is had by pods that are made of it: by those below a partition never.
#[test]
fn a_changed_description_reaches_the_pods() {
    let set = "set resources statefulset/cordum-redis -c redis '--limits=memory=2Gi'";
    for (update, policy, parts, end) in [
        (on_delete(), "Parallel", &[r#"{"type":"RollingUpdate"}"#][..], "}}}'"),
        (partition(2), "Parallel", &[r#"{"rollingUpdate":{"partition":0}}"#], "}}}}'"),
        (partition(2), "OrderedReady", &[r#"{"rollingUpdate":{"partition":0}}"#], "}}}}'"),
        (partition(0), "Parallel", &[], "'--limits=memory=2Gi'"),
        (partition(0), "OrderedReady", &[], "'--limits=memory=2Gi'"),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        let limit = |spec: &mut Value| {
            container(spec, "redis")["resources"]["limits"]["memory"] = "1Gi".into();
        };
        made.edit("statefulsets", "cordum-redis", |one| limit(&mut one["spec"]["template"]["spec"]));
        // Not the pod of the Job that joins them.
        for pod in ["cordum-redis-0", "cordum-redis-1", "cordum-redis-2"] {
            made.looping(pod, "redis", "1:M 29 Nov 2026 15:00:04.000 * Ready to accept connections tls");
            made.edit("pods", pod, |pod| {
                limit(&mut pod["spec"]);
                for one in pod["status"]["containerStatuses"].as_array_mut().unwrap() {
                    if one["name"] == "redis" {
                        one["lastState"]["terminated"]["reason"] = "OOMKilled".into();
                        one["lastState"]["terminated"]["exitCode"] = 137.into();
                    }
                }
            });
        }
        strategy(&made, "cordum-redis", &update, policy);
        let report = made.run(&[]);
        assert_eq!(roots(&report)[0], "statefulset/cordum-redis none", "{report:#}");
        let command = command(&report);
        for part in parts.iter().chain([&set]) {
            assert!(command.contains(part), "{update} {policy} {part}: {command}");
        }
        assert!(command.ends_with(end), "{update} {policy}: {command}");
        let is_told =
            text(&report).contains("delete cordum-redis-0 and cordum-redis-1 and cordum-redis-2 by hand");
        assert_eq!(is_told, policy == "OrderedReady", "{update} {policy}: {report:#}");
    }
}

/// The description is right by now, and the pods have it not: where that explains what a client met it is the cause, and
/// where all is well it is nothing.
#[test]
fn a_change_that_no_pod_has_got_is_told_where_it_explains() {
    let line = "[SCHEDULER] ERROR failed to connect to NATS error=connect nats tls://nats:4222: nats: secure connection not available";
    for (update, meets, root) in [
        (on_delete(), true, true),
        (partition(3), true, true),
        // A rollout is on its way to them.
        (partition(0), true, false),
        (on_delete(), false, false),
    ] {
        let Some(made) = Namespace::healthy() else { return };
        strategy(&made, "cordum-nats", &update, "Parallel");
        made.edit("statefulsets", "cordum-nats", |one| {
            one["status"]["updateRevision"] = "cordum-nats-new".into()
        });
        made.edit("pods", "cordum-nats-", |pod| {
            container(&mut pod["spec"], "nats")["args"] = json!(["nats-server -n ${POD_NAME}"]);
        });
        if meets {
            made.looping("cordum-scheduler", "scheduler", line);
        }
        let report = made.run(&[]);
        let found = roots(&report);
        if !meets {
            assert_eq!((found, status_of(&report, "service-links")), (NONE, "pass"), "{report:#}");
            continue;
        }
        let is_told = report["root_causes"][0]["because"].to_string().contains("no rollout brings it that");
        assert_eq!(is_told, root, "{update} {report:#}");
        if root {
            assert_eq!(found, ["statefulset/cordum-nats wrong-scheme-tls-to-plain"], "{report:#}");
            let command = command(&report);
            assert!(command.contains("patch statefulset/cordum-nats -p "), "{command}");
        }
    }
}
