//! The project of `docker-compose.test.yml` on a real Docker Engine.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use tls_verify_fixtures::pki::{self, Authority, Layout, Leaf, Validity};

use crate::bounded::{Ended, run};
use crate::engine::{self, PATIENCE, PORTS};
use crate::ran::Ran;

pub const API_KEY: &str = "canary-api-key-7f1c";
pub const REDIS_PASSWORD: &str = "canary-redis-password-52ab";
pub const NATS_TOKEN: &str = "canary-nats-token-c3d9";

/// What runs as uid 65532.
pub const SERVICES: &[&str] =
    &["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine", "mock-bank-worker"];

/// A running project; stopped and removed when it is dropped.
pub struct Project {
    pub directory: tempfile::TempDir,
    file: &'static str,
    pub name: &'static str,
    /// Added to the usual ports on the host, so that projects run beside each other.
    offset: u16,
    pub ca: Authority,
    /// Settings of the compose file that differ from the healthy ones.
    pub settings: BTreeMap<String, String>,
    /// Environment of the product's runs.
    pub environment: BTreeMap<String, String>,
    pub scale: Vec<String>,
}

/// Folders that are mounted: of the services and ours, of NATS, of Redis, of the dashboard.
const MOUNTS: &[(&str, &str)] = &[
    ("certs", "CORDUM_TLS_DIR"),
    ("nats", "NATS_TLS_DIR"),
    ("redis", "REDIS_TLS_DIR"),
    ("dashboard", "DASHBOARD_TLS_DIR"),
];

/// Settings of single services, where a row has some.
const OVERRIDE: &str = "override.yml";

impl Project {
    /// Certificates in the guide's layout, readable for the containers.
    pub fn new(file: &'static str, name: &'static str, offset: u16) -> Self {
        let directory = tempfile::Builder::new().prefix("tls-verify-compose-").tempdir().unwrap();
        let ca = Authority::generate().unwrap();
        let project = Self {
            directory,
            file,
            name,
            offset,
            ca,
            settings: BTreeMap::new(),
            environment: BTreeMap::new(),
            scale: Vec::new(),
        };
        project.healthy_files();
        project
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Every mounted folder as it should be. Files are written in place: mounts keep showing them.
    fn healthy_files(&self) {
        let server = self.ca.issue(&Leaf::server()).unwrap();
        let client = self.ca.issue(&Leaf::client()).unwrap();
        for (folder, _) in MOUNTS {
            Layout::write(&self.path(folder), &self.ca, &server, &client).unwrap();
        }
        // Beside them, what a service can be pointed at.
        let stranger = Authority::named("Another CA", Validity::Now).unwrap();
        for folder in ["certs", "redis"] {
            let other = self.path(folder).join("other");
            std::fs::create_dir_all(&other).unwrap();
            std::fs::write(other.join("ca.crt"), pki::pem("CERTIFICATE", &stranger.certificate)).unwrap();
        }
        let other = self.path("certs/other");
        let expired = self.ca.issue(&Leaf::server().valid(Validity::Expired)).unwrap();
        std::fs::write(other.join("expired.crt"), expired.chain_pem()).unwrap();
        std::fs::write(other.join("expired.key"), expired.key_pem()).unwrap();
        open(self.directory.path());
    }

    /// Writes a layout into a mounted folder and opens it for the containers' users.
    pub fn layout(&self, folder: &str, ca: &Authority, server: &Leaf, client: &Leaf) {
        let (server, client) = (ca.issue(server).unwrap(), ca.issue(client).unwrap());
        Layout::write(&self.path(folder), ca, &server, &client).unwrap();
        open(&self.path(folder));
    }

    /// The same layout in every mounted folder.
    pub fn layouts(&self, ca: &Authority, server: &pki::Pair, client: &pki::Pair) {
        for (folder, _) in MOUNTS {
            Layout::write(&self.path(folder), ca, server, client).unwrap();
        }
        open(self.directory.path());
    }

    pub fn set(&mut self, name: &str, value: impl Into<String>) {
        self.settings.insert(name.to_owned(), value.into());
    }

    /// Sets and applies.
    pub fn changed(&mut self, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.set(name, *value);
        }
        self.up();
    }

    /// Sets variables of one service as an operator would, and applies.
    pub fn with_variables(&self, service: &str, variables: &[(&str, &str)]) {
        let lines: String =
            variables.iter().map(|(name, value)| format!("      {name}: \"{value}\"\n")).collect();
        let text = format!("services:\n  {service}:\n    environment:\n{lines}");
        std::fs::write(self.path(OVERRIDE), text).unwrap();
        self.up();
    }

    pub fn port(&self, usual: u16) -> u16 {
        usual + self.offset
    }

    fn compose(&self) -> Command {
        let mut command = engine::compose();
        command.args(["-p", self.name, "-f", self.file]);
        if self.path(OVERRIDE).exists() {
            command.arg("-f").arg(self.path(OVERRIDE));
        }
        command.args(["--profile", "demo"]);
        self.environ(&mut command);
        command
    }

    /// A command as an operator types it, where the project's settings are in the environment.
    pub fn by_hand(&self, line: &str) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", line]);
        self.environ(&mut command);
        run(command, Duration::from_secs(120))
    }

    fn environ(&self, command: &mut Command) {
        command.env("CORDUM_API_KEY", API_KEY).env("REDIS_PASSWORD", REDIS_PASSWORD);
        command.env("NATS_TOKEN", NATS_TOKEN);
        for (folder, variable) in MOUNTS {
            command.env(variable, self.path(folder));
        }
        for (variable, usual) in PORTS {
            command.env(variable, self.port(*usual).to_string());
        }
        command.envs(&self.settings);
    }

    /// Creates and starts what has changed.
    pub fn up(&self) {
        self.up_with(&["--remove-orphans"]);
    }

    /// Sets and applies to one service: those that depend on it run on, which version 2 of Compose stops
    /// with it otherwise.
    pub fn changed_alone(&mut self, service: &str, settings: &[(&str, &str)]) {
        for (name, value) in settings {
            self.set(name, *value);
        }
        self.up_with(&["--no-deps", service]);
    }

    fn up_with(&self, arguments: &[&str]) {
        for round in 0.. {
            let mut command = self.compose();
            command.args(["up", "-d", "-t", "1"]).args(arguments);
            for scale in &self.scale {
                command.arg("--scale").arg(scale);
            }
            let ended = run(command, Duration::from_secs(120));
            if ended.code == Some(0) || round == 5 || !ended.err.contains("address already in use") {
                ended.must("up");
                return;
            }
            std::thread::sleep(Duration::from_secs(2));
        }
    }

    /// The containers of a service.
    pub fn containers(&self, service: &str) -> Vec<String> {
        let mut command = Command::new("docker");
        command.args(["ps", "-aq", "--filter"]);
        command.arg(format!("label=com.docker.compose.project={}", self.name));
        command.arg("--filter").arg(format!("label=com.docker.compose.service={service}"));
        run(command, PATIENCE).must("ps").out.lines().map(str::to_owned).collect()
    }

    /// `docker ACTION` on services' containers, all at once.
    pub fn docker(&self, action: &[&str], services: &[&str]) {
        std::thread::scope(|scope| {
            for service in services {
                scope.spawn(move || {
                    for container in self.containers(service) {
                        let mut command = Command::new("docker");
                        command.args(action).arg(&container);
                        run(command, PATIENCE).must(&format!("{action:?} {service}"));
                    }
                });
            }
        });
    }

    pub fn stop(&self, services: &[&str]) {
        self.docker(&["stop", "-t", "1"], services);
    }

    pub fn restart(&self, services: &[&str]) {
        self.docker(&["restart", "-t", "1"], services);
    }

    /// A command in a service's container.
    pub fn inside(&self, service: &str, words: &[&str]) -> Ended {
        let container = self.containers(service).first().cloned().unwrap_or_default();
        let mut command = Command::new("docker");
        command.arg("exec").arg(container).args(words);
        run(command, PATIENCE)
    }

    /// What a service's containers have said since some seconds ago.
    pub fn logs(&self, service: &str, seconds: u64) -> String {
        let mut said = String::new();
        for container in self.containers(service) {
            let mut command = Command::new("docker");
            command.args(["logs", "--since", &format!("{seconds}s"), &container]);
            let ended = run(command, PATIENCE);
            said.push_str(&ended.out);
            said.push_str(&ended.err);
        }
        said
    }

    /// Waits for words in a service's log.
    pub fn await_words(&self, service: &str, words: &str) {
        let begun = Instant::now();
        while !self.logs(service, 30).contains(words) {
            assert!(begun.elapsed() < PATIENCE, "{service} never says `{words}`: {}", self.logs(service, 30));
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Waits until a service's container has been started again by the engine so many times.
    pub fn await_restarts(&self, service: &str, times: u32) {
        let begun = Instant::now();
        loop {
            let container = self.containers(service).first().cloned().unwrap_or_default();
            let mut command = Command::new("docker");
            command.args(["inspect", "--format", "{{.RestartCount}}", &container]);
            let count: u32 = run(command, PATIENCE).must("inspect").out.trim().parse().unwrap_or(0);
            if count >= times {
                return;
            }
            assert!(begun.elapsed() < PATIENCE, "{service} does not restart");
            std::thread::sleep(Duration::from_millis(100));
        }
    }

    /// Where the product is told to look; the first project stands where it looks by itself.
    fn targets(&self, command: &mut Command) {
        if self.offset == 0 {
            return;
        }
        let published = !self.file.contains("release");
        command.arg("--gateway").arg(format!("https://localhost:{}", self.port(8081)));
        command.arg("--dashboard").arg(format!("http://localhost:{}", self.port(8082)));
        command.arg("--gateway-grpc").arg(format!("localhost:{}", self.port(9080)));
        if published {
            command.arg("--nats").arg(format!("tls://localhost:{}", self.port(4222)));
            command.arg("--redis").arg(format!("rediss://localhost:{}", self.port(6379)));
        }
    }

    /// The product, with what an operator has in the environment.
    pub fn product(&self, subcommand: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
        command.args(subcommand).args(["--project", self.name]);
        command.env("CORDUM_API_KEY", API_KEY).env("REDIS_PASSWORD", REDIS_PASSWORD);
        command.env("NATS_TOKEN", NATS_TOKEN).env("XDG_STATE_HOME", self.path("state"));
        command.envs(&self.environment);
        command
    }

    /// Its files as Compose puts them together.
    pub fn rendered(&self) -> String {
        let mut command = self.compose();
        command.arg("config");
        run(command, PATIENCE).must("config").out
    }

    /// All 15 checks on the project.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = self.product(&["run", "--all", "--format", "json"]);
        if !arguments.contains(&"--gateway") {
            self.targets(&mut command);
        }
        if !arguments.contains(&"--certs") {
            command.arg("--certs").arg(self.path("certs"));
        }
        command.args(arguments);
        Ran::of(&run(command, Duration::from_secs(100)))
    }

    /// What a colleague is told who has what `collect` wrote, and no way to the project.
    pub fn collected(&self, arguments: &[&str]) -> Ran {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle");
        let mut command = self.product(&["collect"]);
        command.arg(&bundle);
        run(command, PATIENCE).must("collect");
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
        command.args(["run", "--all", "--format", "json", "--logs"]).arg(&bundle).args(arguments);
        command.env_clear().current_dir(folder.path());
        Ran::of(&run(command, PATIENCE))
    }

    /// What `diagnose --docker` says.
    pub fn diagnose(&self, format: &str) -> String {
        let command = self.product(&["diagnose", "--docker", "--format", format]);
        let ended = run(command, PATIENCE);
        for canary in [API_KEY, REDIS_PASSWORD, NATS_TOKEN] {
            assert!(!ended.out.contains(canary), "a secret in the diagnosis: {}", ended.out);
        }
        ended.out
    }

    /// Everything as it should be again, in containers that may keep the lines of their bad times.
    pub fn mend(&mut self) {
        let mut command = Command::new("docker");
        command.args(["ps", "-q", "--filter", "status=paused"]);
        command.arg("--filter").arg(format!("label=com.docker.compose.project={}", self.name));
        for container in run(command, PATIENCE).must("ps").out.lines() {
            let mut command = Command::new("docker");
            command.args(["unpause", container]);
            run(command, PATIENCE).must("unpause");
        }
        let overridden = std::fs::remove_file(self.path(OVERRIDE)).is_ok();
        let made_anew = overridden || !self.settings.is_empty() || !self.scale.is_empty();
        self.settings.clear();
        self.environment.clear();
        self.scale.clear();
        self.healthy_files();
        if made_anew {
            self.up();
        }
        self.restart(&["nats", "redis"]);
        self.restart(SERVICES);
        self.restart(&["dashboard"]);
    }

    /// Runs until a run is good, or for a minute.
    pub fn settle(&self, arguments: &[&str]) -> Ran {
        let begun = Instant::now();
        loop {
            let ran = self.run(arguments);
            if ran.code == 0 || begun.elapsed() > PATIENCE {
                return ran;
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}

impl Drop for Project {
    fn drop(&mut self) {
        let mut command = self.compose();
        command.args(["down", "-v", "-t", "1", "--remove-orphans"]);
        let _ = run(command, PATIENCE);
        // What containers wrote there is root's.
        open(self.directory.path());
    }
}

/// `chmod -R a+rX`.
pub fn open(folder: &Path) {
    let mut command = Command::new("chmod");
    command.arg("-R").arg("a+rX").arg(folder);
    run(command, PATIENCE);
}
