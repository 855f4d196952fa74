//! Namespaces that nobody has recorded: what stands in their objects, events and logs is told at its place with a cure
//! that cures, and what is only unusual is told nothing of.

mod files;
mod members;
mod places;
mod rollouts;
mod room;
mod scheduling;
mod starting;
mod strategies;

use serde_json::{Value, json};

use crate::namespace::Namespace;

const NONE: Vec<String> = Vec::new();

fn command(report: &Value) -> String {
    report["root_causes"][0]["fix"][0]["command"].as_str().unwrap_or_default().to_owned()
}

/// The specifications of a workload and of its pods.
fn specs(made: &Namespace, workload: &str, change: impl Fn(&mut Value)) {
    let kind =
        if workload == "cordum-nats" || workload == "cordum-redis" { "statefulsets" } else { "deployments" };
    made.edit(kind, workload, |one| change(&mut one["spec"]["template"]["spec"]));
    made.edit("pods", &format!("{workload}-"), |one| change(&mut one["spec"]));
}

fn container<'a>(spec: &'a mut Value, name: &str) -> &'a mut Value {
    spec["containers"].as_array_mut().unwrap().iter_mut().find(|one| one["name"] == name).unwrap()
}

/// A variable of a container, set to this, or taken away.
fn set(spec: &mut Value, name: &str, variable: &str, value: Option<&str>) {
    let all = container(spec, name)["env"].as_array_mut().unwrap();
    all.retain(|one| one["name"] != variable);
    all.extend(value.map(|value| json!({"name": variable, "value": value})));
}

fn volume(spec: &mut Value, name: &str, change: impl Fn(&mut Value)) {
    let all = spec["volumes"].as_array_mut().unwrap();
    change(all.iter_mut().find(|one| one["name"] == name).unwrap());
}

fn pod_uid(made: &Namespace, front: &str) -> String {
    let pods: Value = serde_json::from_slice(&std::fs::read(made.path().join("pods.json")).unwrap()).unwrap();
    let of_it = |one: &&Value| one["metadata"]["name"].as_str().unwrap().starts_with(front);
    let pod = pods["items"].as_array().unwrap().iter().find(of_it).unwrap();
    pod["metadata"]["uid"].as_str().unwrap().to_owned()
}

fn add_event(made: &Namespace, uid: &str, reason: &str, message: &str) {
    let file = made.path().join("events.json");
    let mut list: Value = serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    list["items"].as_array_mut().unwrap().push(json!({
        "metadata": {"name": "one", "namespace": "cordum"}, "type": "Warning", "reason": reason, "message": message,
        "involvedObject": {"kind": "Pod", "uid": uid}, "lastTimestamp": "2026-11-29T15:00:05Z"}));
    std::fs::write(file, list.to_string()).unwrap();
}
