//! Recorded clusters: every folder gives what its `case.json` wants, as far as a recording can tell.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

pub(crate) fn folders() -> Vec<PathBuf> {
    let root = std::env::var_os("TLS_VERIFY_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
        .join("kube");
    let mut found: Vec<PathBuf> = std::fs::read_dir(&root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.join("case.json").exists())
        .collect();
    found.sort();
    if found.is_empty() {
        assert!(std::env::var_os("CI").is_none(), "the recordings are missing: {}", root.display());
        eprintln!("skipped: no recorded clusters at {}", root.display());
    }
    found
}

fn run(folder: &Path, more: &[&str]) -> (Value, i32, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
        .args(["run", "--all", "--format", "json", "--objects"])
        .arg(folder)
        .args(more)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    (report, output.status.code().unwrap(), text)
}

fn words(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_default()
}

/// What of a case the report does not say.
fn wrong(case: &Value, report: &Value, text: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (id, wanted) in case["checks"].as_object().unwrap() {
        let check = words(&report["checks"]).into_iter().find(|check| check["id"] == id.as_str());
        let Some(check) = check else {
            wrong.push(format!("{id} is not reported"));
            continue;
        };
        let status = check["status"].as_str().unwrap();
        let good = matches!(status, "pass" | "warn");
        // A recording has no network: what needs a dial is open, and these three need none.
        let told = ["redis-logs", "certificates", "service-links"].contains(&id.as_str());
        let fits = match wanted["status"].as_str().unwrap() {
            "pass" => good || (!told && status == "unknown"),
            "fail" => status == "fail",
            _ => true,
        };
        if !fits {
            wrong.push(format!("{id}: {status}, wanted {}: {}", wanted["status"], check["summary"]));
        }
        let causes = words(&wanted["causes"]);
        if wanted["status"] == "fail"
            && !causes.is_empty()
            && !causes.contains(&check["diagnoses"][0]["cause"])
        {
            wrong.push(format!("{id}: {}, wanted one of {causes:?}", check["diagnoses"][0]["cause"]));
        }
    }
    let roots = words(&report["root_causes"]);
    if case["healthy"] == true {
        if !roots.is_empty() {
            wrong.push(format!("healthy, and has root causes: {roots:?}"));
        }
        return wrong;
    }
    let Some(root) = roots.first() else {
        wrong.push("no root cause".to_owned());
        return wrong;
    };
    let (causes, places) = (words(&case["root"]["cause"]), words(&case["root"]["where"]));
    if !causes.is_empty() && !causes.contains(&root["cause"]) {
        wrong.push(format!("root cause {}, wanted one of {causes:?}", root["cause"]));
    }
    if !places.is_empty() && !places.contains(&root["where"]) {
        wrong.push(format!("root at {}, wanted one of {places:?}", root["where"]));
    }
    let fixes = expressions(case["fix"].as_str().unwrap());
    let first = &root["fix"][0];
    let said = [first["text"].as_str().unwrap_or_default(), first["command"].as_str().unwrap_or_default()];
    let changes = first["changes"].to_string();
    let whole = format!("{}\n{}\n{changes}", said[0], said[1]);
    if !fixes.iter().all(|fix| fix.is_match(&whole)) {
        wrong.push(format!("the fix is {first}, wanted {fixes:?}"));
    }
    if let Some(harm) = case["harm"].as_str() {
        let harm = regex::Regex::new(harm).unwrap();
        let commands = tls_verify_fixtures::reports::commands(report);
        wrong.extend(commands.into_iter().filter(|one| harm.is_match(one)).map(|one| format!("harm: {one}")));
    }
    if text.contains("rediss://:") && !text.contains("rediss://:***") {
        wrong.push("a password may stand in the report".to_owned());
    }
    wrong
}

/// What all has to match: an expression, or the looks ahead of one, which this crate's expressions do not have.
fn expressions(text: &str) -> Vec<regex::Regex> {
    let ahead: Vec<&str> = text.split("(?=").skip(1).map(|one| one.trim_end_matches(')')).collect();
    let all = if ahead.is_empty() { vec![text] } else { ahead };
    all.into_iter().map(|one| regex::Regex::new(one).unwrap()).collect()
}

#[test]
fn every_recorded_cluster_is_read_as_its_case_wants() {
    let mut all = Vec::new();
    for folder in folders() {
        let case: Value = serde_json::from_slice(&std::fs::read(folder.join("case.json")).unwrap()).unwrap();
        let (report, code, text) = run(&folder, &[]);
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        all.extend(wrong(&case, &report, &text).into_iter().map(|one| format!("{name}: {one}")));
        assert_eq!(report["exit_code"], code, "{name}");
        assert_eq!(code, if case["healthy"] == true { 3 } else { 1 }, "{name}: {}", report["summary"]);
    }
    assert!(all.is_empty(), "{}", all.join("\n"));
}

#[test]
fn a_folder_without_a_cluster_is_one_clear_error() {
    let folder = tempfile::tempdir().unwrap();
    let (report, code, _) = run(folder.path(), &[]);
    assert_eq!(code, 2);
    assert_eq!(report["schema"], "tls-verify/error/v1");
    std::fs::write(folder.path().join("pods.json"), "{\"items\": [{\"metadata\": 7}]}").unwrap();
    let (report, code, _) = run(folder.path(), &[]);
    assert_eq!(code, 2);
    let message = report["errors"][0]["message"].as_str().unwrap();
    assert!(message.contains("pods.json") && message.contains("kubectl get pods -o json"), "{message}");
}

/// A cluster of two lists, as small as one can be.
fn small(folder: &Path, pods: &Value, secrets: &Value) {
    let list = |items: &Value| serde_json::json!({"kind": "List", "items": items}).to_string();
    std::fs::write(folder.join("pods.json"), list(pods)).unwrap();
    std::fs::write(folder.join("secrets.json"), list(secrets)).unwrap();
}

fn pod(name: &str, app: &str, status: &Value) -> Value {
    serde_json::json!({
        "metadata": {"name": name, "namespace": "shop", "uid": name, "labels": {"app": app, "pod-template-hash": "abc"},
            "creationTimestamp": "2026-01-01T00:00:00Z",
            "ownerReferences": [{"kind": "ReplicaSet", "name": format!("{app}-abc"), "uid": "set", "controller": true}]},
        "spec": {"containers": [{"name": "x", "image": "x",
            "volumeMounts": [{"name": "tls", "mountPath": "/tls"}]}],
            "volumes": [{"name": "tls", "secret": {"secretName": "server-tls"}}]},
        "status": status})
}

#[test]
fn a_secret_that_is_not_there_is_named_before_the_first_event() {
    let folder = tempfile::tempdir().unwrap();
    let status = serde_json::json!({"phase": "Pending", "containerStatuses": [
        {"name": "x", "state": {"waiting": {"reason": "ContainerCreating"}}}]});
    small(
        folder.path(),
        &serde_json::json!([pod("cordum-api-gateway-abc-1", "cordum-api-gateway", &status)]),
        &serde_json::json!([]),
    );
    let (report, code, _) = run(folder.path(), &["--only", "gateway-https"]);
    assert_eq!(code, 1);
    assert_eq!(report["root_causes"][0]["where"], "secret/server-tls");
    let command = report["root_causes"][0]["fix"][0]["command"].as_str().unwrap();
    assert!(command.starts_with("kubectl -n shop create secret tls server-tls "), "{command}");
}

#[test]
fn what_fits_no_node_has_no_cause_and_a_root_cause_all_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let status = serde_json::json!({"phase": "Pending", "conditions": [{"type": "PodScheduled", "status": "False",
        "reason": "Unschedulable", "message": "0/1 nodes are available: 1 Insufficient cpu."}]});
    let secrets = serde_json::json!([{"metadata": {"name": "server-tls"}, "data": {}}]);
    small(
        folder.path(),
        &serde_json::json!([pod("cordum-scheduler-abc-1", "cordum-scheduler", &status)]),
        &secrets,
    );
    let (report, _, _) = run(folder.path(), &["--only", "service-links", "--services", "scheduler"]);
    let root = &report["root_causes"][0];
    assert_eq!((&root["cause"], &root["where"]), (&Value::Null, &Value::from("deployment/cordum-scheduler")));
    assert!(root["because"][0].as_str().unwrap().contains("Insufficient cpu"), "{root}");
}

#[test]
fn the_checks_are_told_apart_by_what_a_recording_can_tell() {
    let Some(folder) = folders().into_iter().find(|path| path.ends_with("K1-healthy")) else { return };
    let (report, _, _) = run(&folder, &[]);
    let of = |status: &str| -> BTreeSet<String> {
        words(&report["checks"])
            .iter()
            .filter(|check| check["status"] == status)
            .map(|check| check["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let passed: BTreeSet<String> =
        ["redis-logs", "certificates", "service-links"].iter().map(|id| (*id).to_owned()).collect();
    assert_eq!(of("pass"), passed);
    assert_eq!(of("fail"), BTreeSet::new());
}
