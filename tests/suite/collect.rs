//! A recorded cluster behind an API server of our own: what `collect` writes says the same as the recording, and holds
//! no secret; `audit --kubernetes` reads the same objects.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use base64::Engine;
use serde_json::{Value, json};

use crate::api_server::{answer, serve};

const CANARY: &str = "canary-9f31c2";

/// Answers from a recorded folder; keys, passwords and tokens are canaries.
struct Server {
    folder: PathBuf,
    /// A Secret that may not be read.
    withheld: &'static str,
}

impl Server {
    fn start(self) -> u16 {
        serve(move |stream, path| {
            let (status, body) = self.answer(path);
            answer(stream, status, &body)
        })
    }

    fn items(&self, kind: &str) -> Option<Vec<Value>> {
        let text = fs::read_to_string(self.folder.join(format!("{kind}.json"))).ok()?;
        let list: Value = serde_json::from_str(&text).unwrap();
        Some(list["items"].as_array().unwrap().clone())
    }

    fn answer(&self, path: &str) -> (u16, String) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let parts: Vec<&str> = path.trim_start_matches('/').split('/').collect();
        match parts.as_slice() {
            [.., "secrets", name] if *name == self.withheld => (403, "{}".to_owned()),
            [.., "secrets", name] => {
                let found =
                    self.items("secrets").unwrap().into_iter().find(|one| one["metadata"]["name"] == *name);
                let Some(mut found) = found else { return (404, "{}".to_owned()) };
                for value in found["data"].as_object_mut().unwrap().values_mut() {
                    if value == "(removed)" {
                        *value = base64::engine::general_purpose::STANDARD.encode(CANARY).into();
                    }
                }
                (200, found.to_string())
            }
            [.., "pods", pod, "log"] => {
                let word = |name: &str| query.split('&').find_map(|one| one.strip_prefix(name));
                let end = if query.contains("previous=true") { ".previous.log" } else { ".log" };
                let name = format!("logs/{pod}_{}{end}", word("container=").unwrap());
                match fs::read_to_string(self.folder.join(name)) {
                    Ok(text) => (
                        200,
                        format!(
                            "{text}2026-11-29T14:00:00.000000000Z redis=rediss://u:{CANARY}@redis:6379 key {CANARY}\n"
                        ),
                    ),
                    Err(_) => (404, "{}".to_owned()),
                }
            }
            [.., kind] => {
                let mut items = self.items(kind).unwrap_or_default();
                if let Some(first) = items.first_mut().filter(|_| *kind == "deployments") {
                    let env = &mut first["spec"]["template"]["spec"]["containers"][0]["env"];
                    if let Some(env) = env.as_array_mut() {
                        env.push(json!({"name": "SESSION_TOKEN", "value": CANARY}));
                    }
                }
                (200, json!({"kind": "List", "metadata": {}, "items": items}).to_string())
            }
            [] => (404, "{}".to_owned()),
        }
    }
}

fn recordings() -> Vec<PathBuf> {
    let root = std::env::var_os("TLS_VERIFY_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
        .join("kube");
    let mut found: Vec<PathBuf> = fs::read_dir(&root)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.is_dir())
        .collect();
    found.sort();
    if found.is_empty() {
        assert!(std::env::var_os("CI").is_none(), "the recordings are missing: {}", root.display());
        eprintln!("skipped: no recorded clusters at {}", root.display());
    }
    found
}

fn kubeconfig(folder: &Path, port: u16, namespace: &str) -> PathBuf {
    let file = folder.join("config");
    let config = json!({"apiVersion": "v1", "kind": "Config", "current-context": "lab",
        "clusters": [{"name": "lab", "cluster": {"server": format!("http://127.0.0.1:{port}")}}],
        "contexts": [{"name": "lab", "context": {"cluster": "lab", "user": "me", "namespace": namespace}}],
        "users": [{"name": "me", "user": {"token": "canary-of-the-kubeconfig"}}]});
    fs::write(&file, config.to_string()).unwrap();
    file
}

fn run(arguments: &[&str]) -> Output {
    crate::program().args(arguments).env_remove("KUBECONFIG").stdin(Stdio::null()).output().unwrap()
}

fn namespace(folder: &Path) -> String {
    let text = fs::read_to_string(folder.join("deployments.json")).unwrap();
    let list: Value = serde_json::from_str(&text).unwrap();
    list["items"][0]["metadata"]["namespace"].as_str().unwrap().to_owned()
}

/// Status of each check, and causes and places of the root causes.
fn told(folder: &Path) -> (Vec<String>, Vec<String>) {
    let output = run(&["run", "--all", "--format", "json", "--objects", &folder.display().to_string()]);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let checks = report["checks"].as_array().unwrap().iter();
    let checks =
        checks.map(|one| format!("{} {} {}", one["id"], one["status"], one["diagnoses"][0]["cause"]));
    let roots = report["root_causes"].as_array().unwrap().iter();
    let roots = roots.map(|one| format!("{} {}", one["cause"], one["where"]));
    (checks.collect(), roots.collect())
}

fn all_bytes(folder: &Path) -> Vec<u8> {
    let mut all = Vec::new();
    for entry in fs::read_dir(folder).unwrap().flatten() {
        let path = entry.path();
        all.extend(if path.is_dir() { all_bytes(&path) } else { fs::read(&path).unwrap() });
    }
    all
}

#[test]
fn what_is_collected_from_a_cluster_says_the_same_and_holds_no_secret() {
    let mut wrong = Vec::new();
    for recording in recordings() {
        let name = recording.file_name().unwrap().to_string_lossy().into_owned();
        let space = namespace(&recording);
        let port = Server { folder: recording.clone(), withheld: "" }.start();
        let folder = tempfile::tempdir().unwrap();
        let config = kubeconfig(folder.path(), port, &space);
        let (kept, packed) = (folder.path().join("kept"), folder.path().join("kept.tar.gz"));
        for target in [&kept, &packed] {
            let output = run(&[
                "collect",
                "--kubeconfig",
                &config.display().to_string(),
                &target.display().to_string(),
            ]);
            let said = String::from_utf8_lossy(&output.stdout).into_owned();
            assert_eq!(
                output.status.code(),
                Some(0),
                "{name}: {said}{}",
                String::from_utf8_lossy(&output.stderr)
            );
            assert!(said.contains("left out") && !said.contains("canary"), "{said}");
        }
        let bytes = all_bytes(&kept);
        assert!(!String::from_utf8_lossy(&bytes).contains("canary"), "{name}");
        let coded = base64::engine::general_purpose::STANDARD.encode(CANARY);
        assert!(!String::from_utf8_lossy(&bytes).contains(&coded), "{name}");
        // What nobody can ask a collected cluster, the recording may not tell either.
        let bare = folder.path().join("bare");
        fs::create_dir_all(bare.join("logs")).unwrap();
        for from in [recording.clone(), recording.join("logs")] {
            let to = if from.ends_with("logs") { bare.join("logs") } else { bare.clone() };
            for entry in fs::read_dir(&from).unwrap().flatten().filter(|one| one.path().is_file()) {
                if entry.file_name() != "readyz.txt" {
                    fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
                }
            }
        }
        let (before, after) = (told(&bare), told(&kept));
        assert_eq!(after, told(&packed), "{name}: the archive says something else");
        if before != after {
            wrong.push(format!("{name}:\n  recorded {before:?}\n  collected {after:?}"));
        }
        let unpacked = std::process::Command::new("tar")
            .arg("-xzf")
            .arg(&packed)
            .arg("-C")
            .arg(folder.path().join("bare"))
            .status()
            .unwrap();
        assert!(unpacked.success());
        let names = |folder: &Path| -> BTreeSet<String> {
            fs::read_dir(folder)
                .unwrap()
                .flatten()
                .map(|one| one.file_name().to_string_lossy().into_owned())
                .collect()
        };
        assert_eq!(names(&kept), names(&folder.path().join("bare/kept")), "{name}");
        // Nothing that is there is written over.
        let output =
            run(&["collect", "--kubeconfig", &config.display().to_string(), &kept.display().to_string()]);
        assert_eq!(output.status.code(), Some(2));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_running_cluster_is_audited_as_its_manifests_are() {
    for recording in recordings() {
        let name = recording.file_name().unwrap().to_string_lossy().into_owned();
        let space = namespace(&recording);
        let audited = |withheld: &'static str| -> (Value, i32) {
            let port = Server { folder: recording.clone(), withheld }.start();
            let folder = tempfile::tempdir().unwrap();
            let config = kubeconfig(folder.path(), port, &space).display().to_string();
            let output = run(&["audit", "--kubeconfig", &config, "--format", "json"]);
            let text = String::from_utf8(output.stdout).unwrap();
            assert!(!text.contains("canary"), "{name}");
            (
                serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")),
                output.status.code().unwrap(),
            )
        };
        let (report, code) = audited("");
        // The recordings hold no key, and of the ConfigMaps those of NATS and Redis alone.
        let artefact = |one: &Value| {
            let text = one["message"].as_str().unwrap();
            text.contains("no PEM block") || (one["rule"] == "source-missing" && text.contains("ConfigMap"))
        };
        let errors: Vec<String> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["severity"] != "note" && !artefact(one))
            .map(|one| format!("{} {} {} {}", one["severity"], one["rule"], one["file"], one["message"]))
            .collect();
        assert!(report["deployments"][0]["workloads"].as_u64().unwrap() > 5, "{name}: {report}");
        assert!(report["findings"].as_array().unwrap().iter().all(|one| one["line"] == 0), "{name}");
        let has = |rule: &str, word: &str| errors.iter().any(|one| one.contains(rule) && one.contains(word));
        match name.as_str() {
            "F1-server-secret-missing" => assert!(has("source-missing", "gateway"), "{errors:?}"),
            "F24-gateway-http-probes" => assert!(has("probe-scheme", "gateway"), "{errors:?}"),
            "F6-client-other-ca" | "F16-redis-other-ca" | "F14-one-nats-other-cert" => {
                assert_eq!(code, 1, "{name}: {errors:?}");
            }
            "K1-healthy" => {
                assert!(errors.iter().all(|one| !one.starts_with("\"error\"")), "{errors:?}");
                let (report, _) = audited("cordum-nats-server-tls");
                let findings = report["findings"].as_array().unwrap();
                let missing = |one: &&Value| one["rule"] == "source-missing" && !artefact(one);
                assert!(!findings.iter().any(|one| missing(&one)), "{findings:?}");
                assert!(report["undecided"].to_string().contains("cordum-nats-server-tls"), "{report}");
            }
            _ => {}
        }
    }
}
