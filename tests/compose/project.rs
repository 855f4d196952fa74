//! The project of `docker-compose.test.yml` on a real Docker Engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use serde_json::Value;
use tls_verify_fixtures::pki::{self, Authority, Layout, Leaf};

pub const API_KEY: &str = "canary-api-key-7f1c";
pub const REDIS_PASSWORD: &str = "canary-redis-password-52ab";

/// A running project; stopped and removed when it is dropped.
pub struct Project {
    pub directory: tempfile::TempDir,
    pub file: &'static str,
    name: &'static str,
    /// Settings of the compose file that differ from the healthy ones.
    pub settings: BTreeMap<String, String>,
}

impl Project {
    /// Certificates in the guide's layout, readable for the containers.
    pub fn new(file: &'static str, name: &'static str) -> Self {
        let directory = tempfile::Builder::new().prefix("tls-verify-compose-").tempdir().unwrap();
        let project = Self { directory, file, name, settings: BTreeMap::new() };
        let ca = Authority::generate().unwrap();
        project.certificates("certs", &ca, &Leaf::server(), &Leaf::client());
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Writes a layout and opens it for the containers' users.
    pub fn certificates(&self, name: &str, ca: &Authority, server: &Leaf, client: &Leaf) -> PathBuf {
        let folder = self.path(name);
        Layout::write(&folder, ca, &ca.issue(server).unwrap(), &ca.issue(client).unwrap()).unwrap();
        open(&folder);
        folder
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    /// All containers read their certificates from `folder`.
    pub fn mount(&mut self, folder: &Path) {
        for name in ["CORDUM_TLS_DIR", "NATS_TLS_DIR", "REDIS_TLS_DIR"] {
            self.set(name, folder.display().to_string());
        }
    }

    fn compose(&self) -> Command {
        let mut command = Command::new("docker-compose");
        command.args(["-p", self.name, "-f", self.file, "--profile", "demo"]);
        command.env("CORDUM_API_KEY", API_KEY).env("REDIS_PASSWORD", REDIS_PASSWORD);
        let certs = self.path("certs").display().to_string();
        for name in ["CORDUM_TLS_DIR", "NATS_TLS_DIR", "REDIS_TLS_DIR"] {
            command.env(name, &certs);
        }
        command.envs(&self.settings);
        command
    }

    /// Creates and starts what has changed.
    pub fn up(&self) {
        let output = self.compose().args(["up", "-d", "--remove-orphans"]).output().unwrap();
        assert!(output.status.success(), "up: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// `docker ACTION` on services' containers.
    pub fn docker(&self, action: &[&str], services: &[&str]) {
        let names: Vec<String> =
            services.iter().map(|service| format!("{}_{service}_1", self.name)).collect();
        let output = Command::new("docker").args(action).args(&names).output().unwrap();
        assert!(output.status.success(), "{action:?}: {}", String::from_utf8_lossy(&output.stderr));
    }

    /// The product's run on the project.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        self.run_in(&[], arguments)
    }

    /// The same with more in the environment.
    pub fn run_in(&self, environment: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
        command.args(["run", "--project", self.name, "--format", "json"]).args(arguments);
        let named = |flag: &str| arguments.contains(&flag);
        if !named("--certs") {
            command.arg("--certs").arg(self.path("certs"));
        }
        command.env("CORDUM_API_KEY", API_KEY).env("REDIS_PASSWORD", REDIS_PASSWORD);
        command.env("XDG_STATE_HOME", self.path("state"));
        command.envs(environment.iter().copied());
        Ran::of(&command.output().unwrap())
    }

    /// What `diagnose --docker` says after runs.
    pub fn diagnose(&self) -> (i32, String) {
        let output = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
            .args(["diagnose", "--docker", "--project", self.name, "--format", "jsonl"])
            .env("XDG_STATE_HOME", self.path("state"))
            .output()
            .unwrap();
        (output.status.code().unwrap(), String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Waits until everything works; the stack may need some seconds.
    pub fn settle(&self, certs: &Path) -> Ran {
        let folder = certs.display().to_string();
        let ran = self.run(&["--certs", &folder, "--wait", "60s", "--timeout", "3s", "-q"]);
        // What is recovered warns until its lines are older than the services' present start.
        for _ in 0..20 {
            let again = self.run(&["--certs", &folder]);
            if again.code == 0 {
                return again;
            }
            std::thread::sleep(Duration::from_millis(500));
        }
        ran
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let _ = self.compose().args(["down", "-v", "-t", "1", "--remove-orphans"]).output();
        // What containers wrote there is root's.
        open(self.directory.path());
    }
}

/// What a run said.
pub struct Ran {
    pub code: i32,
    pub report: Value,
    pub text: String,
}

impl Ran {
    fn of(output: &Output) -> Self {
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let report = serde_json::from_str(&text).unwrap_or_else(|error| {
            panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr));
        });
        for canary in [API_KEY, REDIS_PASSWORD] {
            assert!(!text.contains(canary), "a secret in the report: {text}");
            let err = String::from_utf8_lossy(&output.stderr);
            assert!(!err.contains(canary), "a secret on standard error: {err}");
        }
        Self { code: output.status.code().unwrap(), report, text }
    }

    /// `fail expired`, `pass`, …
    pub fn said(&self, id: &str) -> String {
        let checks = self.report["checks"].as_array().unwrap();
        let check = checks.iter().find(|check| check["id"] == id).unwrap_or_else(|| panic!("no {id}"));
        let mut said = check["status"].as_str().unwrap().to_owned();
        if said != "pass" {
            for key in ["cause", "variant"] {
                if let Some(name) = check.pointer(&format!("/diagnoses/0/{key}")).and_then(Value::as_str) {
                    said.push(' ');
                    said.push_str(name);
                }
            }
        }
        said
    }

    pub fn roots(&self) -> Vec<String> {
        let roots = self.report["root_causes"].as_array().unwrap();
        roots
            .iter()
            .map(|root| format!("{} {}", root["where"].as_str().unwrap(), root["cause"].as_str().unwrap()))
            .collect()
    }
}

/// `chmod -R a+rX`.
pub fn open(folder: &Path) {
    let _ = Command::new("chmod").arg("-R").arg("a+rX").arg(folder).output();
}

/// Whether the project can be run here; in CI it has to be.
pub fn available() -> bool {
    let required = std::env::var("TLS_VERIFY_REQUIRE").is_ok_and(|list| list.contains("docker"));
    let answers = |program: &str, args: &[&str]| {
        Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
    };
    let engine = answers("docker", &["version", "--format", "{{.Server.Version}}"]);
    let images = engine && answers("docker", &["image", "inspect", "cordum-mock-bank-worker:latest"]);
    let ready = images && answers("docker-compose", &["version"]);
    if !ready {
        assert!(!required, "a Docker Engine with the project's images is required and not there");
        eprintln!("not run: no Docker Engine with the project's images (scripts/test starts and fills one)");
    }
    ready
}

/// A layout whose server leaf stands under an intermediate.
pub fn under_intermediate(folder: &Path, ca: &Authority) {
    let middle = ca.intermediate("Cordum Intermediate").unwrap();
    let server = middle.issue(&Leaf::server()).unwrap();
    let client = ca.issue(&Leaf::client()).unwrap();
    Layout::write(folder, ca, &server, &client).unwrap();
    open(folder);
}

/// Puts an expired CA in front of the valid one.
pub fn with_expired_ca(folder: &Path) {
    let old = Authority::named("Old CA", pki::Validity::Expired).unwrap();
    let file = folder.join("ca/ca.crt");
    let now = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("{now}{}", pki::pem("CERTIFICATE", &old.certificate))).unwrap();
}
