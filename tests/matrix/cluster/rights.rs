//! The least Role, and what each of its rights is for: taken away, exactly the checks that need it are open.

use serde_json::{Value, json};

use super::lab::Lab;

const DIALLED: &[&str] = &[
    "gateway-https",
    "gateway-wss",
    "cli-with-cacert",
    "cli-without-cacert",
    "worker-nats-tls",
    "nats-mtls",
    "redis-tls",
    "gateway-grpc",
    "safety-kernel-grpc",
    "context-engine-grpc",
    "dashboard-gateway",
    "tls-min-version",
];

/// A resource or a Secret, and the checks that are open without it.
const RIGHTS: &[(&str, &[&str])] = &[
    ("services", &[]),
    ("events", &[]),
    ("replicasets", &[]),
    ("configmaps", &["certificates"]),
    ("deployments", &["worker-nats-tls", "redis-logs", "service-links"]),
    ("statefulsets", &["worker-nats-tls", "redis-logs", "service-links", "cluster-links"]),
    ("daemonsets", &["worker-nats-tls", "redis-logs", "service-links"]),
    ("pods/log", &["redis-logs", "service-links"]),
    ("pods/portforward", DIALLED),
    ("cordum-server-tls", &["certificates"]),
    ("cordum-nats-server-tls", &["certificates"]),
    ("cordum-redis-server-tls", &["certificates"]),
    ("cordum-client-tls", &["worker-nats-tls", "nats-mtls", "redis-tls", "certificates"]),
    ("cordum-api-key", &["gateway-https", "gateway-wss", "cli-with-cacert"]),
];

/// With the whole Role everything is good; without one right its checks are open, the right is named, nothing fails.
pub(super) fn hold(lab: &Lab) -> Result<(), String> {
    lab.shell(r#"k apply -f "$ROOT/packaging/kubernetes-role.yaml""#)?;
    let role: Value = read(&lab.shell("k get role tls-verify -o json")?)?;
    let result = each(lab, &role);
    lab.mend()?;
    result
}

fn read(text: &str) -> Result<Value, String> {
    serde_json::from_str(text).map_err(|error| format!("{error}: {text}"))
}

fn each(lab: &Lab, role: &Value) -> Result<(), String> {
    let mut wrong = Vec::new();
    let whole: (&str, &[&str]) = ("", &[]);
    for (right, open) in std::iter::once(&whole).chain(RIGHTS) {
        let rules: Vec<Value> =
            role["rules"].as_array().into_iter().flatten().map(|rule| without(rule, right)).collect();
        let rules: Vec<Value> = rules.into_iter().filter(|rule| rule["resources"] != json!([])).collect();
        lab.shell(&format!("k patch role tls-verify --type=merge -p '{}'", json!({ "rules": rules })))?;
        let (code, report) = lab.run_as("tls-verify")?;
        let checks = report["checks"].as_array().cloned().unwrap_or_default();
        let of = |status: &str| -> Vec<String> {
            let all = checks.iter().filter(|check| check["status"] == status);
            all.map(|check| check["id"].as_str().unwrap_or_default().to_owned()).collect()
        };
        let wanted = if open.is_empty() { 0 } else { 3 };
        // Whether members talk over TLS stands in their configuration; their logs may tell it without.
        let told_by_logs = |id: &String| *right == "configmaps" && id == "cluster-links";
        let unknown: Vec<String> = of("unknown").into_iter().filter(|id| !told_by_logs(id)).collect();
        let unlike = unknown.iter().any(|id| !open.contains(&id.as_str())) || unknown.len() != open.len();
        if code != wanted || unlike || !of("fail").is_empty() {
            wrong.push(format!(
                "without `{right}`: exit {code}, open {:?}, not {open:?}, failed {:?}",
                of("unknown"),
                of("fail")
            ));
        }
        let notes = report["target"]["notes"].to_string();
        let named = [format!("{right} in namespace"), format!("secret {right}")];
        if !right.is_empty() && !named.iter().any(|words| notes.contains(words)) {
            wrong.push(format!("without `{right}`: it is not named in {notes}"));
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}

/// A rule without a resource, or without a name.
fn without(rule: &Value, right: &str) -> Value {
    let mut rule = rule.clone();
    for key in ["resources", "resourceNames"] {
        if let Some(all) = rule[key].as_array_mut() {
            all.retain(|one| one != right);
        }
    }
    rule
}
