//! Recorded clusters served by an API server in this process: what is told live is what is told of the recording.

use std::io;
use std::net::TcpStream;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tls_verify_fixtures::child;

use super::{LONG, answer, kubeconfig, list, serve};
use crate::objects::folders;

/// Answers from a recording's folder: lists, one Secret by its name, logs.
pub(super) fn from_folder(stream: &mut TcpStream, path: &str, folder: &Path) -> io::Result<()> {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let words: Vec<&str> = path.split('/').skip_while(|word| *word != "namespaces").skip(2).collect();
    let value = |name: &str| query.split('&').find_map(|one| one.strip_prefix(name)?.strip_prefix('='));
    match words[..] {
        [kind] => answer(stream, 200, &list(&items(folder, kind))),
        [kind, name] => match items(folder, kind)
            .as_array()
            .and_then(|all| all.iter().find(|one| one["metadata"]["name"] == name))
        {
            Some(object) => answer(stream, 200, &object.to_string()),
            None => answer(stream, 404, "{}"),
        },
        ["pods", pod, "log"] => {
            let previous = if value("previous").is_some() { ".previous" } else { "" };
            let container = value("container").unwrap_or_default();
            match std::fs::read_to_string(folder.join(format!("logs/{pod}_{container}{previous}.log"))) {
                Ok(text) => answer(stream, 200, &text),
                Err(_) => answer(stream, 404, "{}"),
            }
        }
        _ => answer(stream, 404, "{}"),
    }
}

fn items(folder: &Path, kind: &str) -> Value {
    let text = std::fs::read_to_string(folder.join(format!("{kind}.json"))).unwrap_or_default();
    let found: Value = serde_json::from_str(&text).unwrap_or_default();
    if found["items"].is_array() { found["items"].clone() } else { json!([]) }
}

pub(super) fn namespace(folder: &Path) -> String {
    let pods = items(folder, "pods");
    pods[0]["metadata"]["namespace"].as_str().unwrap_or("cordum").to_owned()
}

/// Whether the certificates of the recordings are still valid: a live namespace is judged by today.
pub(super) fn are_of_today() -> bool {
    let Some(healthy) = folders().into_iter().find(|folder| folder.ends_with("K1-healthy")) else {
        return false;
    };
    let mut command = crate::program();
    command.args(["certs", "--format", "json"]).arg(healthy.join("secrets.json"));
    let report = child::start(&mut command).end(LONG).json();
    let ended = report.to_string().contains("\"cause\":\"expired\"");
    if ended {
        eprintln!("skipped: the recordings' certificates have ended");
    }
    !ended
}

/// `diagnose` of the namespace, as JSON.
fn diagnose(folder: &PathBuf) -> Value {
    let served = folder.clone();
    let port = serve(move |stream, path| from_folder(stream, path, &served));
    let home = tempfile::tempdir().unwrap();
    let file = kubeconfig(home.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let mut command = crate::program();
    command
        .args(["diagnose", "--format", "json", "-n", &namespace(folder), "--kubeconfig"])
        .arg(&file)
        .env("HOME", home.path());
    let ended = child::start(&mut command).end(LONG);
    assert!(matches!(ended.code, Some(0 | 1)), "{folder:?}: {:?} {}", ended.code, ended.err);
    ended.json()
}

/// Every command that is printed about a cluster is kubectl's, names what is there and scales nothing down, and no
/// password is told.
#[test]
fn diagnose_of_a_cluster_speaks_kubectls_words() {
    let mut wrong = Vec::new();
    for folder in folders() {
        let found = diagnose(&folder);
        let text = found.to_string();
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        for group in found["causes"].as_array().into_iter().flatten() {
            for fix in group["fix"].as_array().into_iter().flatten() {
                let command = fix["command"].as_str().unwrap_or_default();
                if command.contains("docker")
                    || command.contains("SERVICE")
                    || command.contains("--replicas=1")
                {
                    wrong.push(format!("{name}: {}: {command}", group["cause"]));
                }
            }
        }
        if text.contains("(removed)@") || text.contains("rediss://:c") {
            wrong.push(format!("{name}: a password is told"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The cause that `run --objects` calls the root of it is among what `diagnose` finds in the same logs, with the same
/// cure, wherever a log speaks of it at all.
#[test]
fn diagnose_of_a_cluster_gives_the_cure_of_the_root_cause() {
    if !are_of_today() {
        return;
    }
    let mut wrong = Vec::new();
    let mut agreed = 0;
    for folder in folders() {
        let found = diagnose(&folder);
        let mut command = crate::program();
        command.args(["run", "--all", "--format", "json", "--objects"]).arg(&folder);
        let report = child::start(&mut command).end(LONG).json();
        let Some(root) = report["root_causes"].as_array().and_then(|all| all.first()) else { continue };
        let group =
            found["causes"].as_array().into_iter().flatten().find(|one| one["cause"] == root["cause"]);
        // What no log says (a mount that fails, a scale of nothing) is no matter of `diagnose`.
        let Some(group) = group else { continue };
        agreed += 1;
        if group["fix"][0]["command"] != root["fix"][0]["command"] {
            wrong.push(format!("{folder:?}: {} is not {}", group["fix"][0], root["fix"][0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(folders().is_empty() || agreed >= 3, "only {agreed} recordings could be compared");
}

/// A namespace is watched as a project is: its objects anew each round, changes told, and the end by a signal.
#[test]
fn a_namespace_is_watched_until_a_signal() {
    if !are_of_today() {
        return;
    }
    let Some(folder) = folders().into_iter().find(|folder| folder.ends_with("F13-nats-zero")) else { return };
    let healthy = folder.with_file_name("K1-healthy");
    let rounds = std::sync::atomic::AtomicUsize::new(0);
    // NATS comes back with the third round.
    let port = serve(move |stream, path| {
        let asked_for_pods = path.split('?').next().is_some_and(|front| front.ends_with("/pods"));
        let round = rounds.fetch_add(usize::from(asked_for_pods), std::sync::atomic::Ordering::Relaxed);
        from_folder(stream, path, if round < 2 { &folder } else { &healthy })
    });
    let home = tempfile::tempdir().unwrap();
    let file = kubeconfig(home.path(), &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}));
    let mut command = std::process::Command::new("timeout");
    command
        .args([
            "--preserve-status",
            "-s",
            "INT",
            "20",
            env!("CARGO_BIN_EXE_tls-verify"),
            "run",
            "--only",
            "service-links",
        ])
        .args(["--watch", "1s", "--timeout", "2s", "--format", "jsonl", "-n", "cordum", "--kubeconfig"])
        .arg(&file)
        .env_clear()
        .env("PATH", std::env::var("PATH").unwrap_or_default())
        .env("HOME", home.path());
    let ended = child::start(&mut command).end(LONG);
    assert_eq!(ended.code, Some(130), "{} {}", ended.out, ended.err);
    let told: Vec<Value> = ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let said: Vec<(Value, Value)> = told.iter().map(|one| (one["kind"].clone(), one["to"].clone())).collect();
    assert_eq!(said[0], (json!("state"), json!("fail")), "{}", ended.out);
    assert!(said.iter().any(|(kind, to)| kind == "change" && to != "fail"), "{}", ended.out);
    assert_eq!(told.last().unwrap()["kind"], "end");
}
