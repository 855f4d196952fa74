//! A namespace is told the same live, from its recording, and from what was collected of it: causes, places, cures.

use std::path::Path;

use serde_json::{Value, json};
use tls_verify_fixtures::child;
use tls_verify_fixtures::pki::{Authority, Leaf};

use super::recorded::{are_of_today, from_folder, namespace};
use super::{LONG, kubeconfig, serve};
use crate::namespace::{Namespace, issued, store};
use crate::objects::folders;

/// The checks that nothing is dialled for: the others live in the cluster's rows. What is collected of the recordings is
/// compared beside `collect`.
const TOLD: &str = "redis-logs,certificates,service-links";

/// What a report says: each check with its cause, each root cause with its place and its cure.
fn said(report: &Value) -> Vec<String> {
    let list = |key: &str| report[key].as_array().cloned().unwrap_or_default();
    let checks = list("checks");
    let checks = checks
        .iter()
        .filter(|one| one["status"] != "skip")
        .map(|one| format!("{} {} {}", one["id"], one["status"], one["diagnoses"][0]["cause"]));
    let roots = list("root_causes");
    let roots = roots.iter().map(|one| {
        format!("{} {} {}: {}", one["where"], one["cause"], one["variant"], one["fix"][0]["command"])
    });
    checks.chain(roots).collect()
}

fn recorded(folder: &Path) -> Vec<String> {
    let mut command = crate::program();
    command.args(["run", "--only", TOLD, "--format", "json", "--objects"]).arg(folder);
    said(&child::start(&mut command).end(LONG).json())
}

/// A kubeconfig of an API server that serves a folder.
fn served(folder: &Path, home: &Path) -> std::path::PathBuf {
    let folder = folder.to_owned();
    let port = serve(move |stream, path| from_folder(stream, path, &folder));
    kubeconfig(home, &format!("http://127.0.0.1:{port}"), &json!({"token": "t"}))
}

fn live(config: &Path, space: &str) -> Vec<String> {
    let mut command = crate::program();
    command.args(["run", "--only", TOLD, "--format", "json", "--timeout", "60s", "--deadline", "240s"]);
    command.args(["-n", space, "--kubeconfig"]).arg(config);
    said(&child::start(&mut command).end(LONG).json())
}

/// What the recording says that is made of it.
fn collected(config: &Path, space: &str, home: &Path) -> Vec<String> {
    let kept = home.join("kept");
    let mut command = crate::program();
    command.args(["collect", "-n", space, "--kubeconfig"]).arg(config).arg(&kept);
    let ended = child::start(&mut command).end(LONG);
    assert_eq!(ended.code, Some(0), "{} {}", ended.out, ended.err);
    recorded(&kept)
}

/// What of a namespace is told in another way live, or from what was collected of it where `collects`.
fn differences(name: &str, folder: &Path, collects: bool) -> Vec<String> {
    let home = tempfile::tempdir().unwrap();
    let (config, space) = (served(folder, home.path()), namespace(folder));
    let wanted = recorded(folder);
    let mut told = vec![("live", live(&config, &space))];
    if collects {
        told.push(("collected", collected(&config, &space, home.path())));
    }
    told.retain(|(_, found)| *found != wanted);
    told.iter().map(|(what, found)| format!("{name}: recorded {wanted:#?}\n{what} {found:#?}")).collect()
}

#[test]
fn every_recording_is_told_the_same_live() {
    if !are_of_today() {
        return;
    }
    let all = folders();
    let wrong: Vec<String> = all
        .iter()
        .flat_map(|folder| {
            differences(&folder.file_name().unwrap_or_default().to_string_lossy(), folder, false)
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(all.is_empty() || all.len() >= 8, "only {} recordings", all.len());
}

#[test]
fn what_nobody_has_recorded_is_told_the_same_live() {
    let rows: &[(&str, fn(&Namespace))] = &[
        ("healthy", |_| {}),
        ("NATS' certificate has ended, and the gateway was reset", |made| {
            made.fill("cordum-nats-server-tls", &issued(&made.ca, &store("nats"), true));
            let said = "[GATEWAY] ERROR subscription lost error=read tcp 10.244.0.164:41522->10.96.255.57:4222: read: connection reset by peer";
            made.unready("cordum-api-gateway", "gateway", said);
        }),
        ("Redis' certificate is of another CA", |made| {
            let stranger = Authority::named("Another CA", tls_verify_fixtures::pki::Validity::Now).unwrap();
            made.fill("cordum-redis-server-tls", &issued(&stranger, &store("redis"), false));
        }),
        ("the client certificate has ended", |made| {
            made.fill("cordum-client-tls", &issued(&made.ca, &Leaf::client(), true));
        }),
        ("the kernel's Service selects nobody", |made| {
            made.edit("services", "cordum-safety-kernel", |one| {
                one["spec"]["selector"] = json!({"app": "kernel"})
            });
        }),
        ("the scheduler is scaled to nothing", |made| {
            made.edit("deployments", "cordum-scheduler", |one| one["spec"]["replicas"] = 0.into());
            made.without("pods", "cordum-scheduler");
        }),
        ("a Secret is gone", |made| {
            made.without("secrets", "cordum-server-tls");
        }),
        ("NATS lets in clients without a certificate", |made| {
            made.edit("configmaps", "cordum-nats-config", |one| {
                let text =
                    one["data"]["nats.conf"].as_str().unwrap().replacen("verify: true", "verify: false", 1);
                one["data"]["nats.conf"] = text.into();
            });
        }),
    ];
    let mut wrong = Vec::new();
    for (name, make) in rows {
        let Some(made) = Namespace::healthy() else { return };
        make(&made);
        wrong.extend(differences(name, made.path(), true));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
