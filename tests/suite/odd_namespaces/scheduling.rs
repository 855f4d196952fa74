//! Pods that no node takes: which of the scheduler's reasons is theirs, where it is written, and what is left to choose.

use serde_json::{Value, json};

use super::{add_event, container};
use crate::namespace::{Namespace, roots};

const POD: &str = "cordum-scheduler-5f4f5b75d5-p792b";
const OTHER: &str = "cordum-scheduler-5f4f5b75d5-lvjqf";
const TAIL: &str = "preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.";

/// A pod of the scheduler waits for a node with these words.
fn waiting(message: &str, change: impl Fn(&mut Value)) -> Option<Namespace> {
    let made = Namespace::healthy()?;
    made.edit("pods", POD, |pod| {
        pod["spec"].as_object_mut().unwrap().remove("nodeName");
        change(&mut pod["spec"]);
        pod["status"] = json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
            "reason": "Unschedulable", "message": message}]});
    });
    Some(made)
}

/// The other pod is of the revision before.
fn before(made: &Namespace, change: impl Fn(&mut Value)) {
    made.edit("pods", OTHER, |pod| {
        pod["metadata"]["labels"]["pod-template-hash"] = "old1".into();
        pod["metadata"]["ownerReferences"][0]["name"] = "cordum-scheduler-old1".into();
        pod["metadata"]["ownerReferences"][0]["uid"] = "old1".into();
        change(&mut pod["spec"]);
    });
}

fn fix(made: &Namespace) -> Value {
    let report = made.run(&[]);
    assert_eq!(roots(&report), ["deployment/cordum-scheduler none"], "{report:#}");
    report["root_causes"][0]["fix"][0].clone()
}

fn request(spec: &mut Value, resource: &str, amount: &str) {
    container(spec, "scheduler")["resources"]["requests"][resource] = amount.into();
}

fn assert_said(fix: &Value, parts: &[&str]) {
    let text = fix["text"].as_str().unwrap();
    for part in parts {
        assert!(text.contains(part), "{part}: {text}");
    }
}

/// (The node that is kept for the control plane is not the one that is meant.)
#[test]
fn a_request_that_no_node_has_is_told_with_its_figure_and_its_field() {
    let message = format!(
        "0/3 nodes are available: 1 node(s) had untolerated taint {{node-role.kubernetes.io/control-plane: }}, 2 Insufficient cpu. {TAIL}"
    );
    let Some(made) = waiting(&message, |spec| request(spec, "cpu", "64")) else { return };
    let one = fix(&made);
    assert_said(&one, &["64 for scheduler", "add a node", "ask for less cpu", "fewer of its pods"]);
    let change = &one["changes"][0];
    assert_eq!(change["path"], "spec.template.spec.containers[name=scheduler].resources.requests[cpu]");
    assert_eq!((&change["from"], &change["to"], &one["command"]), (&json!("64"), &Value::Null, &Value::Null));
    // What the revision before asked for had its place; what it asked for more of is another matter.
    for (old, patch) in [("100m", true), ("80", false)] {
        let Some(made) = waiting(&message, |spec| request(spec, "cpu", "64")) else { return };
        before(&made, |spec| request(spec, "cpu", old));
        let one = fix(&made);
        let command = one["command"].as_str().unwrap_or_default();
        let wanted = format!(r#""requests":{{"cpu":"{old}"}}"#);
        assert_eq!(command.contains(&wanted), patch, "{one:#}");
        assert_eq!(one["changes"][0]["to"] == old, patch, "{one:#}");
    }
    // Both are lacking at the same nodes.
    let message = "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory.";
    let Some(made) = waiting(message, |spec| {
        request(spec, "cpu", "64");
        request(spec, "memory", "1Ti");
    }) else {
        return;
    };
    before(&made, |spec| {
        request(spec, "cpu", "100m");
        request(spec, "memory", "128Mi");
    });
    let one = fix(&made);
    assert_eq!(one["changes"].as_array().unwrap().len(), 2, "{one:#}");
    assert_eq!(one["command"].as_str().unwrap().matches(" && ").count(), 1, "{one:#}");
}

#[test]
fn a_selector_that_no_node_has_is_named_with_its_label() {
    let message =
        format!("0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector. {TAIL}");
    let select = |spec: &mut Value| spec["nodeSelector"] = json!({"disktype": "ssd"});
    let Some(made) = waiting(&message, select) else { return };
    let one = fix(&made);
    assert_said(&one, &["nodeSelector disktype=ssd", "label the node"]);
    let change = &one["changes"][0];
    assert_eq!(
        (&change["path"], &change["from"], &change["remove"]),
        (&json!("spec.template.spec.nodeSelector[disktype]"), &json!("ssd"), &json!(true))
    );
    assert!(one["command"].as_str().unwrap().contains(r#""nodeSelector":{"disktype":null}"#), "{one:#}");
    before(&made, |spec| spec["nodeSelector"] = json!({"disktype": "hdd"}));
    let one = fix(&made);
    assert!(one["command"].as_str().unwrap().contains(r#""nodeSelector":{"disktype":"hdd"}"#), "{one:#}");
    let required = json!({"nodeSelectorTerms": [{"matchExpressions": [
        {"key": "zone", "operator": "In", "values": ["a", "b"]}, {"key": "gpu", "operator": "Exists"}]}]});
    let Some(made) = waiting(&message, |spec| {
        spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = required.clone();
    }) else {
        return;
    };
    let one = fix(&made);
    assert_said(&one, &["zone In (a, b) and gpu Exists"]);
    // Of the node that has the label the room is the matter.
    let message = "0/3 nodes are available: 1 Insufficient memory, 2 node(s) didn't match Pod's node affinity/selector.";
    let Some(made) = waiting(message, |spec| {
        select(spec);
        request(spec, "memory", "64Gi");
    }) else {
        return;
    };
    let one = fix(&made);
    assert_said(&one, &["64Gi for scheduler"]);
    assert!(!one["text"].as_str().unwrap().contains("disktype"), "{one:#}");
}

#[test]
fn a_taint_is_named_and_whether_it_is_tolerated_is_the_operators_choice() {
    for (message, parts, path) in [
        (
            "0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: gpu}.",
            &["taint dedicated=gpu", "have it tolerated, or take the taint off"][..],
            json!("spec.template.spec.tolerations"),
        ),
        (
            "0/1 nodes are available: 1 node(s) had taint {node-role.kubernetes.io/control-plane: }, that the pod didn't tolerate.",
            &["taint node-role.kubernetes.io/control-plane,"],
            json!("spec.template.spec.tolerations"),
        ),
        (
            "0/1 nodes are available: 1 node(s) had untolerated taint {node.kubernetes.io/disk-pressure: }.",
            &["mend that state of the node"],
            Value::Null,
        ),
        (
            "0/2 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 1 node(s) were unschedulable.",
            &["cordoned"],
            Value::Null,
        ),
        ("0/1 nodes are available: 1 node(s) had untolerated taint(s).", &["have taints"], Value::Null),
    ] {
        let Some(made) = waiting(message, |_| {}) else { return };
        let one = fix(&made);
        assert_said(&one, parts);
        assert_eq!((&one["changes"][0]["path"], &one["command"]), (&path, &Value::Null), "{one:#}");
    }
    let Some(made) =
        waiting("0/2 nodes are available: 2 node(s) had untolerated taint {dedicated: gpu}.", |_| {})
    else {
        return;
    };
    before(&made, |spec| {
        spec["tolerations"] = json!([{"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}]);
    });
    let command = fix(&made)["command"].to_string();
    assert!(command.contains("tolerations") && command.contains("NoSchedule"), "{command}");
}

/// Where all nodes are cordoned, those that pods are on are among them.
#[test]
fn a_cordoned_node_is_uncordoned_where_its_name_is_known() {
    for (message, host, named) in [
        ("0/1 nodes are available: 1 node(s) were unschedulable.", None, true),
        ("0/2 nodes are available: 1 Insufficient cpu, 1 node(s) were unschedulable.", None, false),
        (
            "0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector.",
            None,
            false,
        ),
        (
            "0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector.",
            Some("node-a"),
            true,
        ),
        (
            "0/2 nodes are available: 1 node(s) were unschedulable, 1 node(s) didn't match Pod's node affinity/selector.",
            Some("node-z"),
            false,
        ),
    ] {
        let Some(made) = waiting(message, |spec| {
            if let Some(host) = host {
                spec["nodeSelector"] = json!({"kubernetes.io/hostname": host});
            }
        }) else {
            return;
        };
        made.edit("pods", "", |pod| {
            if pod["spec"]["nodeName"].is_string() {
                pod["spec"]["nodeName"] = "node-a".into();
            }
        });
        let one = fix(&made);
        let command = one["command"].as_str().unwrap_or_default();
        assert_eq!(command.contains("uncordon node-a"), named, "{message} {host:?} {one:#}");
        assert!(named || command.is_empty(), "{one:#}");
        assert_said(&one, &["cordoned"]);
    }
}

#[test]
fn a_claim_without_a_volume_is_told_with_what_is_said_of_it() {
    let volume = |spec: &mut Value| {
        spec["volumes"]
            .as_array_mut()
            .unwrap()
            .push(json!({"name": "state", "persistentVolumeClaim": {"claimName": "scheduler-state"}}));
    };
    let unbound =
        format!("0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims. {TAIL}");
    for (reason, said, parts) in [
        (
            "ProvisioningFailed",
            "storageclass.storage.k8s.io \"fast\" not found",
            &["persistentvolumeclaim/scheduler-state", "storageclass/fast does not exist"][..],
        ),
        (
            "FailedBinding",
            "no persistent volumes available for this claim and no storage class is set",
            &["no class is the default"],
        ),
        (
            "ExternalProvisioning",
            "Waiting for a volume to be created either by the external provisioner 'csi.x.io' or manually by the system administrator.",
            &["provisioner csi.x.io"],
        ),
    ] {
        let Some(made) = waiting(&unbound, volume) else { return };
        add_event(&made, "claim", reason, said);
        made.edit("events", "one", |event| {
            event["involvedObject"] =
                json!({"kind": "PersistentVolumeClaim", "name": "scheduler-state", "uid": "claim"});
        });
        let report = made.run(&[]);
        assert!(report["root_causes"][0]["because"].to_string().contains("scheduler-state: "), "{report:#}");
        let one = fix(&made);
        assert_said(&one, parts);
        assert_eq!(one["command"], Value::Null, "{one:#}");
    }
    let missing =
        format!("0/3 nodes are available: persistentvolumeclaim \"scheduler-state\" not found. {TAIL}");
    let Some(made) = waiting(&missing, volume) else { return };
    let one = fix(&made);
    assert_said(&one, &["persistentvolumeclaim/scheduler-state, which it mounts, does not exist"]);
    assert_eq!(
        one["changes"][0]["path"],
        "spec.template.spec.volumes[name=state].persistentVolumeClaim.claimName"
    );
}
