//! Proof by doing: a fault is written into the files of a copy of the project, the report's first cure is applied by
//! somebody who reads nothing else, and the run passes. What was well before is untouched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tls_verify_fixtures::pki::{self, Authority, Layout, Leaf, Validity};

use crate::applied;
use crate::bounded::{Ended, run};
use crate::engine::{self, PATIENCE, PORTS};
use crate::project::{API_KEY, NATS_TOKEN, REDIS_PASSWORD, SERVICES, open};
use crate::ran::Ran;

const NAME: &str = "cordum-cured";
const OFFSET: u16 = 5_000;
const COMPOSE: &str = "docker-compose.yml";
const CONF: &str = "fixtures/compose/nats.dev-tls.conf";

/// A copy of the project: everything that it is made of lies in one folder, nothing comes from the environment.
pub struct Copy {
    pub directory: tempfile::TempDir,
    pub ca: Authority,
    pristine: BTreeMap<PathBuf, Vec<u8>>,
}

/// One fault.
pub struct Fault {
    pub name: &'static str,
    pub make: fn(&Copy),
    /// Services to be started again so that the fault shows, beside those whose settings have changed.
    pub restart: &'static [&'static str],
    /// Where the first root cause has to lie.
    pub place: &'static str,
    /// What the operator puts into a file that the cure describes.
    pub supply: Option<fn(&Copy, &Path)>,
    /// One row of its kind: it is in the default run.
    pub first: bool,
}

pub const FAULT: Fault =
    Fault { name: "", make: |_| {}, restart: &[], place: "", supply: None, first: false };

impl Copy {
    pub fn new() -> Self {
        let directory = tempfile::Builder::new().prefix("tls-verify-cured-").tempdir().unwrap();
        let ca = Authority::generate().unwrap();
        let mut copy = Self { directory, ca, pristine: BTreeMap::new() };
        let (server, client) =
            (copy.ca.issue(&Leaf::server()).unwrap(), copy.ca.issue(&Leaf::client()).unwrap());
        Layout::write(&copy.path("certs"), &copy.ca, &server, &client).unwrap();
        // What a fault can point at.
        let stranger = Authority::named("Another CA", Validity::Now).unwrap();
        let (other_server, other_client) =
            (stranger.issue(&Leaf::server()).unwrap(), stranger.issue(&Leaf::client()).unwrap());
        Layout::write(&copy.path("other"), &stranger, &other_server, &other_client).unwrap();
        copy.write("certs/other/ca.crt", &pki::pem("CERTIFICATE", &stranger.certificate));
        copy.write("certs/other/tls.crt", &other_client.chain_pem());
        copy.write("certs/other/tls.key", &other_client.key_pem());
        for (name, leaf) in [
            ("old-server", Leaf::server().valid(Validity::Expired)),
            ("old-client", Leaf::client().valid(Validity::Expired)),
        ] {
            let pair = copy.ca.issue(&leaf).unwrap();
            copy.write(&format!("certs/{name}/tls.crt"), &pair.chain_pem());
            copy.write(&format!("certs/{name}/tls.key"), &pair.key_pem());
        }
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for (from, to) in [("docker-compose.test.yml", COMPOSE), (CONF, CONF)] {
            copy.write(to, &std::fs::read_to_string(root.join(from)).unwrap());
        }
        let mut env = format!(
            "CORDUM_API_KEY={API_KEY}\nREDIS_PASSWORD={REDIS_PASSWORD}\nNATS_TOKEN={NATS_TOKEN}\nCOMPOSE_PROFILES=demo\n"
        );
        for (variable, usual) in PORTS {
            env.push_str(&format!("{variable}={}\n", usual + OFFSET));
        }
        copy.write(".env", &env);
        open(copy.directory.path());
        copy.pristine = copy.files();
        copy
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub fn write(&self, name: &str, content: &str) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, content).unwrap();
    }

    /// Replaces text in a file that has to hold it.
    pub fn replace(&self, name: &str, from: &str, to: &str) {
        let text = std::fs::read_to_string(self.path(name)).unwrap();
        assert!(text.contains(from), "{name} does not hold {from}");
        std::fs::write(self.path(name), text.replace(from, to)).unwrap();
    }

    /// A variable of one service in the Compose file; empty: it is set to nothing.
    pub fn set(&self, service: &str, name: &str, value: &str) {
        applied::environment(&self.path(COMPOSE), service, name, Some(value));
    }

    /// A variable of `.env`.
    pub fn env(&self, name: &str, value: &str) {
        let text = std::fs::read_to_string(self.path(".env")).unwrap();
        std::fs::write(self.path(".env"), format!("{text}{name}={value}\n")).unwrap();
    }

    fn files(&self) -> BTreeMap<PathBuf, Vec<u8>> {
        let mut found = BTreeMap::new();
        let mut open = vec![self.directory.path().to_owned()];
        while let Some(at) = open.pop() {
            for entry in std::fs::read_dir(&at).unwrap().flatten() {
                let path = entry.path();
                if path.is_dir() {
                    open.push(path);
                } else if !path.starts_with(self.path("state")) {
                    found.insert(path.clone(), std::fs::read(&path).unwrap());
                }
            }
        }
        found
    }

    /// A command in the project's folder, with nothing of the project in the environment.
    pub fn shell(&self, line: &str, limit: Duration) -> Ended {
        let mut command = Command::new("sh");
        command.args(["-c", line]).current_dir(self.directory.path());
        run(command, limit)
    }

    fn compose(&self, words: &[&str]) -> Ended {
        let mut command = engine::compose();
        command.args(["-p", NAME]).args(words).current_dir(self.directory.path());
        run(command, Duration::from_secs(150))
    }

    fn up(&self) {
        self.compose(&["up", "-d", "-t", "1", "--remove-orphans"]).must("up");
    }

    fn restart(&self, services: &[&str]) {
        if !services.is_empty() {
            self.compose(&[&["restart", "-t", "1"], services].concat()).must("restart");
        }
    }

    /// All checks, from the project's folder.
    pub fn run(&self) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
        command.args(["run", "--all", "--format", "json", "--project", NAME, "--certs", "certs"]);
        for (flag, scheme, usual) in [
            ("--gateway", "https://", 8081),
            ("--dashboard", "http://", 8082),
            ("--gateway-grpc", "", 9080),
            ("--nats", "tls://", 4222),
            ("--redis", "rediss://", 6379),
        ] {
            command.arg(flag).arg(format!("{scheme}localhost:{}", usual + OFFSET));
        }
        command.env("CORDUM_API_KEY", API_KEY).env("REDIS_PASSWORD", REDIS_PASSWORD);
        command.env("NATS_TOKEN", NATS_TOKEN).env("XDG_STATE_HOME", self.path("state"));
        command.current_dir(self.directory.path());
        Ran::of(&run(command, Duration::from_secs(100)))
    }

    /// Runs until the exit code is one of these, or for so long.
    fn until(&self, wanted: &dyn Fn(&Ran) -> bool, limit: Duration) -> Ran {
        let begun = Instant::now();
        loop {
            let ran = self.run();
            if wanted(&ran) || begun.elapsed() > limit {
                return ran;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Every file as it was, and the project with it.
    fn mend(&self) {
        for path in self.files().keys().filter(|path| !self.pristine.contains_key(*path)) {
            std::fs::remove_file(path).unwrap();
        }
        for (path, content) in &self.pristine {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        open(self.directory.path());
        self.up();
        self.restart(&["nats", "redis"]);
        self.restart(SERVICES);
        self.restart(&["dashboard"]);
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = self.compose(&["down", "-v", "-t", "1", "--remove-orphans"]);
        open(self.directory.path());
    }
}

/// Faults that are cured each time; `scripts/test --long` cures all of them.
const ALWAYS: &[&str] = &["gateway: an expired HTTP certificate named"];

/// Every fault has its first cure applied; what does not pass afterwards is told.
pub fn go_through(copy: &Copy, faults: &[&[Fault]]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut cured, mut tried) = (0, 0);
    for fault in faults.iter().copied().flatten() {
        if !crate::row::is_chosen(fault.name, ALWAYS) {
            continue;
        }
        assert!(fault.first || !ALWAYS.contains(&fault.name), "{} is the first of no kind", fault.name);
        tried += 1;
        let begun = Instant::now();
        let found = one(copy, fault);
        cured += usize::from(found.is_none());
        eprintln!(
            "{:<64} {} {:.1} s",
            fault.name,
            if found.is_none() { "cured" } else { "NOT CURED" },
            begun.elapsed().as_secs_f64()
        );
        if let Some(found) = found {
            eprintln!("{found}");
            wrong.push(found);
        }
        copy.mend();
        let healed = copy.until(&|ran| ran.code == 0, Duration::from_secs(60));
        assert_eq!(healed.code, 0, "after {}: {}", fault.name, healed.digest());
    }
    eprintln!("{cured} of {tried} faults cured by their first cure");
    wrong
}

fn one(copy: &Copy, fault: &Fault) -> Option<String> {
    (fault.make)(copy);
    copy.up();
    copy.restart(fault.restart);
    let faulty = copy.files();
    let named = |ran: &Ran| {
        let place = ran.report.pointer("/root_causes/0/where").and_then(Value::as_str).unwrap_or_default();
        ran.code == 1 && (fault.place.is_empty() || place.ends_with(fault.place))
    };
    let ran = copy.until(&named, Duration::from_secs(45));
    let root = ran.report.pointer("/root_causes/0").cloned().unwrap_or_default();
    if !named(&ran) {
        return Some(format!("{}: not at {}: {}\n{root:#}", fault.name, fault.place, ran.digest()));
    }
    let fix = root.pointer("/fix/0").cloned().unwrap_or_default();
    let said = format!("{}: {fix:#}", fault.name);
    for change in fix["changes"].as_array().into_iter().flatten() {
        if let Err(why) = applied::change(copy, change, fault.supply) {
            return Some(format!("{said}\n  a change cannot be made: {why}"));
        }
    }
    if let Some(command) = fix["command"].as_str() {
        let ended = copy.shell(command, Duration::from_secs(150));
        if ended.code != Some(0) {
            return Some(format!(
                "{said}\n  the command ends with {:?}: {} {}",
                ended.code, ended.out, ended.err
            ));
        }
    }
    let healed = copy.until(&|ran| ran.code == 0, Duration::from_secs(75));
    if healed.code != 0 {
        return Some(format!("{said}\n  still broken: {}", healed.digest()));
    }
    // Certificates that no change names are the same.
    let named: Vec<PathBuf> = fix["changes"]
        .as_array()
        .into_iter()
        .flatten()
        .filter(|change| change["kind"] == "file")
        .filter_map(|change| change["name"].as_str())
        .map(|name| copy.path(name.trim_start_matches("./")))
        // A new certificate may come with its own key.
        .flat_map(|path| [path.with_extension("key"), path])
        .collect();
    let after = copy.files();
    let touched: Vec<&PathBuf> = faulty
        .iter()
        .filter(|(path, _)| path.starts_with(copy.path("certs")) || path.starts_with(copy.path("other")))
        .filter(|(path, content)| !named.contains(path) && after.get(*path) != Some(content))
        .map(|(path, _)| path)
        .collect();
    (!touched.is_empty()).then(|| format!("{said}\n  it touched {touched:?}"))
}

/// Waits until a new project is well.
pub fn settle(copy: &Copy) -> Ran {
    copy.up();
    copy.until(&|ran| ran.code == 0, PATIENCE)
}
