//! What `collect` writes of a namespace: how its ports answered through the API server, and no secret.

use serde_json::Value;

use super::lab::{Lab, namespace, program};

/// Collects the healthy stack, reads it back, and looks into the folder.
pub(super) fn collected(lab: &Lab) -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    let kept = folder.path().join("bundle");
    let shown = kept.display();
    let said = lab.shell(&format!(r#""{}" collect -n {} {shown}"#, program(), namespace()))?;
    for word in ["served.json", "readyz.txt"] {
        if said.contains(word) {
            return Err(format!("{word} was left out: {said}"));
        }
    }
    let read =
        |name: &str| std::fs::read_to_string(kept.join(name)).map_err(|error| format!("{name}: {error}"));
    let served: Value = serde_json::from_str(&read("served.json")?).map_err(|error| error.to_string())?;
    for (pod, port) in
        [("nats-", 4222), ("redis-", 6379), ("cordum-api-gateway-", 8081), ("cordum-safety-kernel-", 50051)]
    {
        let answered = served["ports"].as_array().into_iter().flatten().any(|one| {
            one["instance"].as_str().is_some_and(|name| name.contains(pod.trim_end_matches('-')))
                && one["port"] == port
                && one["answer"] == "tls"
                && one["chain"].as_array().is_some_and(|chain| !chain.is_empty())
        });
        if !answered {
            return Err(format!("no certificate of {pod}{port}: {served}"));
        }
    }
    let ready = read("readyz.txt")?;
    if !ready.lines().any(|line| line.starts_with("cordum-api-gateway") && line.ends_with("HTTP 200")) {
        return Err(format!("the gateway's /readyz: {ready}"));
    }
    let secrets = lab.shell(&format!(
        "grep -rlE 'lab-api-key-0123456789|lab-redis-0123456789|PRIVATE KEY' {shown} || true"
    ))?;
    if !secrets.trim().is_empty() {
        return Err(format!("secrets in {secrets}"));
    }
    let told = lab.shell(&format!(r#""{}" run --all --format json --objects {shown} || true"#, program()))?;
    let report: Value = serde_json::from_str(&told).map_err(|error| format!("{error}: {told}"))?;
    match report["root_causes"].as_array() {
        Some(none) if none.is_empty() => Ok(()),
        _ => Err(format!("a healthy stack, collected: {}", report["root_causes"])),
    }
}
