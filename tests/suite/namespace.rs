//! The healthy recording with certificates of our own, to be broken in ways that nobody has recorded.

use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tempfile::TempDir;
use tls_verify_fixtures::pki::{Authority, Leaf, Pair};

use crate::objects::folders;

/// A namespace as a folder of objects and logs.
pub(crate) struct Namespace {
    folder: TempDir,
    pub(crate) ca: Authority,
}

/// A certificate that is good now and when the recording was made; `ended`: that had ended by then.
pub(crate) fn issued(ca: &Authority, leaf: &Leaf, ended: bool) -> Pair {
    let shaped = ca.issue_shaped(leaf, |params| {
        params.not_before = rcgen::date_time_ymd(2026, 1, 1);
        params.not_after =
            if ended { rcgen::date_time_ymd(2026, 11, 1) } else { rcgen::date_time_ymd(2096, 1, 1) };
    });
    shaped.unwrap()
}

/// NATS' and Redis' names, as the recorded clients dial them.
pub(crate) fn store(name: &str) -> Leaf {
    let pods = format!("*.cordum-{name}.cordum.svc");
    let both = [rcgen::ExtendedKeyUsagePurpose::ServerAuth, rcgen::ExtendedKeyUsagePurpose::ClientAuth];
    Leaf::server().for_names(&["localhost", name, &pods]).using(&both)
}

/// The names of the gateway, the safety kernel and the context engine.
pub(crate) fn server() -> Leaf {
    let names = [
        "localhost",
        "cordum-api-gateway",
        "cordum-api-gateway.cordum.svc.cluster.local",
        "cordum-safety-kernel",
        "cordum-context-engine",
    ];
    Leaf::server().for_names(&names)
}

impl Namespace {
    /// Nothing where there are no recordings.
    pub(crate) fn healthy() -> Option<Self> {
        let recorded = folders().into_iter().find(|folder| folder.ends_with("K1-healthy"))?;
        let folder = tempfile::tempdir().unwrap();
        copy(&recorded, folder.path());
        let ca = Authority::shaped("Cordum CA", |params| {
            params.not_before = rcgen::date_time_ymd(2026, 1, 1);
            params.not_after = rcgen::date_time_ymd(2097, 1, 1);
        });
        let made = Self { folder, ca: ca.unwrap() };
        for (secret, leaf) in [
            ("cordum-server-tls", server()),
            ("cordum-client-tls", Leaf::client()),
            ("cordum-nats-server-tls", store("nats")),
            ("cordum-redis-server-tls", store("redis")),
        ] {
            made.fill(secret, &issued(&made.ca, &leaf, false));
        }
        Some(made)
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    fn file(&self, kind: &str) -> PathBuf {
        self.path().join(format!("{kind}.json"))
    }

    /// Changes every object of a kind whose name begins so.
    pub(crate) fn edit(&self, kind: &str, front: &str, change: impl Fn(&mut Value)) -> &Self {
        let mut list: Value = serde_json::from_slice(&std::fs::read(self.file(kind)).unwrap()).unwrap();
        let mut count = 0;
        for item in list["items"].as_array_mut().unwrap() {
            if item["metadata"]["name"].as_str().unwrap().starts_with(front) {
                change(item);
                count += 1;
            }
        }
        assert!(count > 0, "no {kind} {front}");
        std::fs::write(self.file(kind), list.to_string()).unwrap();
        self
    }

    /// Takes objects away.
    pub(crate) fn without(&self, kind: &str, front: &str) -> &Self {
        let mut list: Value = serde_json::from_slice(&std::fs::read(self.file(kind)).unwrap()).unwrap();
        let items = list["items"].as_array_mut().unwrap();
        let before = items.len();
        items.retain(|item| !item["metadata"]["name"].as_str().unwrap().starts_with(front));
        assert!(items.len() < before, "no {kind} {front}");
        std::fs::write(self.file(kind), list.to_string()).unwrap();
        self
    }

    /// A pair and the CA as what a Secret holds.
    pub(crate) fn fill(&self, secret: &str, pair: &Pair) -> &Self {
        self.edit("secrets", secret, |one| {
            one["data"]["tls.crt"] = STANDARD.encode(pair.chain_pem()).into();
            one["data"]["tls.key"] = STANDARD.encode(pair.key_pem()).into();
            if one["data"]["ca.crt"].is_string() {
                one["data"]["ca.crt"] = STANDARD.encode(self.ca.pem()).into();
            }
        })
    }

    /// The pods of a workload run and are not ready, and their container has said this last.
    pub(crate) fn unready(&self, front: &str, container: &str, said: &str) -> &Self {
        self.edit("pods", front, |pod| {
            status(pod, container)["ready"] = false.into();
            not_ready(pod);
        });
        self.say(front, container, said, false)
    }

    /// The pods of a workload are between restarts, and each start ended with this.
    pub(crate) fn looping(&self, front: &str, container: &str, said: &str) -> &Self {
        self.edit("pods", front, |pod| {
            let one = status(pod, container);
            one["ready"] = false.into();
            one["started"] = false.into();
            one["restartCount"] = 4.into();
            one["state"] = json!({"waiting": {"reason": "CrashLoopBackOff"}});
            one["lastState"] = json!({"terminated": {"exitCode": 1, "reason": "Error",
                "startedAt": "2026-11-29T15:00:00Z", "finishedAt": "2026-11-29T15:00:04Z"}});
            not_ready(pod);
        });
        self.say(front, container, said, true)
    }

    /// The container's log ends with these lines, or has these alone.
    pub(crate) fn say(&self, front: &str, container: &str, said: &str, alone: bool) -> &Self {
        let pods: Value = serde_json::from_slice(&std::fs::read(self.file("pods")).unwrap()).unwrap();
        for pod in pods["items"].as_array().unwrap() {
            let name = pod["metadata"]["name"].as_str().unwrap();
            if !name.starts_with(front) {
                continue;
            }
            let file = self.path().join(format!("logs/{name}_{container}.log"));
            let before =
                if alone { String::new() } else { std::fs::read_to_string(&file).unwrap_or_default() };
            let lines: String =
                said.lines().map(|line| format!("2026-11-29T15:00:04.000000000Z {line}\n")).collect();
            std::fs::write(&file, before + &lines).unwrap();
        }
        self
    }

    /// What `run --objects` makes of it.
    pub(crate) fn run(&self, more: &[&str]) -> Value {
        let mut command = crate::program();
        command.args(["run", "--all", "--format", "json", "--objects"]).arg(self.path()).args(more);
        tls_verify_fixtures::child::start(&mut command).end(std::time::Duration::from_secs(120)).json()
    }
}

/// `PLACE CAUSE` of every root cause of a report, as they are told.
pub(crate) fn roots(report: &Value) -> Vec<String> {
    let all = report["root_causes"].as_array().cloned().unwrap_or_default();
    all.iter()
        .map(|root| {
            let cause = root["cause"].as_str().unwrap_or("none");
            format!("{} {cause}", root["where"].as_str().unwrap_or_default())
        })
        .collect()
}

/// The status of a check.
pub(crate) fn status_of<'a>(report: &'a Value, id: &str) -> &'a str {
    let checks = report["checks"].as_array().map_or(&[][..], Vec::as_slice);
    checks
        .iter()
        .find(|check| check["id"] == id)
        .and_then(|check| check["status"].as_str())
        .unwrap_or("absent")
}

fn status<'a>(pod: &'a mut Value, container: &str) -> &'a mut Value {
    let all = pod["status"]["containerStatuses"].as_array_mut().unwrap();
    all.iter_mut().find(|one| one["name"] == container).unwrap()
}

fn not_ready(pod: &mut Value) {
    for condition in pod["status"]["conditions"].as_array_mut().unwrap() {
        if matches!(condition["type"].as_str(), Some("Ready" | "ContainersReady")) {
            condition["status"] = "False".into();
        }
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            // The recordings may be read-only; what is copied is not.
            std::fs::write(&target, std::fs::read(&path).unwrap()).unwrap();
        }
    }
}
