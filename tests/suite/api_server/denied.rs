//! Each right of the least Role taken away in turn, from an API server in this process: what needs it is open and names
//! it, and nothing else changes.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::recorded::{are_of_today, from_folder};
use super::{answer, kubeconfig, run, serve};
use crate::objects::folders;

const TOLD: &str = "redis-logs,certificates,service-links,cluster-links";

/// The kind of object or the Secret that may not be read, and the checks that are open without it.
const RIGHTS: &[(&str, &[&str])] = &[
    ("services", &[]),
    ("events", &[]),
    ("replicasets", &[]),
    ("networkpolicies", &[]),
    ("configmaps", &["certificates", "cluster-links"]),
    ("deployments", &["redis-logs", "service-links"]),
    ("statefulsets", &["redis-logs", "service-links", "cluster-links"]),
    ("daemonsets", &["redis-logs", "service-links"]),
    ("log", &["redis-logs", "service-links", "cluster-links"]),
    ("cordum-server-tls", &["certificates"]),
    ("cordum-nats-server-tls", &["certificates"]),
    ("cordum-client-tls", &["certificates"]),
];

/// Status and summary of every check, and all that is noted.
fn without(right: &'static str) -> (BTreeMap<String, (String, String)>, String) {
    let folder = folders().into_iter().find(|folder| folder.ends_with("K1-healthy")).unwrap_or_default();
    let port = serve(move |stream, path| {
        let front = path.split('?').next().unwrap_or_default();
        if front.rsplit('/').next() == Some(right) {
            return answer(stream, 403, &json!({"message": "forbidden", "code": 403}).to_string());
        }
        from_folder(stream, path, &folder)
    });
    let home = tempfile::tempdir().unwrap();
    let file = kubeconfig(home.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let bounds = ["--timeout", "20s", "--deadline", "60s"];
    let report = run(&file, &[&["-n", "cordum", "--only", TOLD][..], &bounds].concat()).json();
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let checks = report["checks"].as_array().into_iter().flatten().filter(|one| one["status"] != "skip");
    let checks = checks.map(|one| (word(&one["id"]), (word(&one["status"]), word(&one["summary"]))));
    (checks.collect(), report["target"]["notes"].to_string())
}

#[test]
fn each_right_taken_away_opens_what_needs_it_by_its_name_and_nothing_else() {
    if !are_of_today() {
        return;
    }
    let (whole, _) = without("nothing");
    // The members' ports cannot be dialled here, and their logs do not tell of every link.
    let good = |id: &str, status: &str| matches!(status, "pass" | "warn") || id == "cluster-links";
    assert!(whole.iter().all(|(id, (status, _))| good(id, status)), "{whole:?}");
    let mut wrong = Vec::new();
    for (right, open) in RIGHTS {
        let (found, notes) = without(right);
        if !notes.contains(right) {
            wrong.push(format!("without {right}: not noted in {notes}"));
        }
        for (id, (status, summary)) in &found {
            let named = summary.contains(right);
            let fits = if open.contains(&id.as_str()) {
                status == "unknown" && named
            } else {
                *status == whole[id].0
            };
            if !fits {
                wrong.push(format!("without {right}: {id} {status}: {summary}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
