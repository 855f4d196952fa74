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

const COMPOSE: &str = "docker-compose.yml";
const CONF: &str = "fixtures/compose/nats.dev-tls.conf";

/// A copy of the project: everything that it is made of lies in one folder, nothing comes from the environment.
pub struct Copy {
    pub directory: tempfile::TempDir,
    pub ca: Authority,
    /// The project's name, its own in each share of the rows.
    name: String,
    /// Added to the usual ports on the host, so that the shares run beside each other.
    offset: u16,
    pristine: BTreeMap<PathBuf, Vec<u8>>,
}

/// One fault.
pub struct Fault {
    pub name: &'static str,
    pub make: fn(&Copy),
    /// Services to be started again so that the fault shows, beside those whose settings have changed.
    pub restart: &'static [&'static str],
    /// What is done to the running project after that.
    pub after: fn(&Copy),
    /// Where the first root cause has to lie: one of these, divided by `|`; empty: anywhere.
    pub place: &'static str,
    /// What the operator puts into a file that the cure describes.
    pub supply: Option<fn(&Copy, &Path)>,
    /// The value that only the operator knows.
    pub value: Option<&'static str>,
    /// Arguments of the run beside the usual ones.
    pub arguments: &'static [&'static str],
    /// How many faults were made: so many cures are applied, one after the other.
    pub cures: usize,
    /// One row of its kind: it is in the default run.
    pub first: bool,
}

pub const FAULT: Fault = Fault {
    name: "",
    make: |_| {},
    restart: &[],
    after: |_| {},
    place: "",
    supply: None,
    value: None,
    arguments: &[],
    cures: 1,
    first: false,
};

/// A part of the rows: `TLS_VERIFY_SHARE=1/4` is the second of four, which can run beside the others.
#[derive(Clone, Copy)]
pub struct Share {
    part: u16,
    of: u16,
}

impl Share {
    /// What the environment says; all rows where it says nothing.
    pub fn chosen() -> Self {
        let Ok(text) = std::env::var("TLS_VERIFY_SHARE") else { return Self { part: 0, of: 1 } };
        let (part, of) = text.split_once('/').expect("TLS_VERIFY_SHARE is PART/OF");
        let share = Self { part: part.parse().unwrap(), of: of.parse().unwrap() };
        assert!(share.part < share.of && share.of <= 4, "TLS_VERIFY_SHARE={text}: 0/4 to 3/4");
        share
    }

    fn has(self, row: usize) -> bool {
        row % usize::from(self.of) == usize::from(self.part)
    }
}

impl Copy {
    /// The copy in which one share of the rows is made.
    pub fn new(share: Share) -> Self {
        let directory = tempfile::Builder::new().prefix("tls-verify-cured-").tempdir().unwrap();
        let ca = Authority::generate().unwrap();
        let (name, offset) = match share.part {
            0 => ("cordum-cured".to_owned(), 5_000),
            part => (format!("cordum-cured{part}"), 6_000 + 1_000 * part),
        };
        let mut copy = Self { directory, ca, name, offset, pristine: BTreeMap::new() };
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
            env.push_str(&format!("{variable}={}\n", usual + offset));
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

    pub fn compose(&self, words: &[&str]) -> Ended {
        let mut command = engine::compose();
        command.args(["-p", &self.name]).args(words).current_dir(self.directory.path());
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
    pub fn run(&self, arguments: &[&str]) -> Ran {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
        command
            .args(["run", "--all", "--format", "json", "--project", &self.name, "--certs", "certs"])
            .args(arguments);
        for (flag, scheme, usual) in [
            ("--gateway", "https://", 8081),
            ("--dashboard", "http://", 8082),
            ("--gateway-grpc", "", 9080),
            ("--nats", "tls://", 4222),
            ("--redis", "rediss://", 6379),
        ] {
            command.arg(flag).arg(format!("{scheme}localhost:{}", usual + self.offset));
        }
        command.env("CORDUM_API_KEY", API_KEY).env("REDIS_PASSWORD", REDIS_PASSWORD);
        command.env("NATS_TOKEN", NATS_TOKEN).env("XDG_STATE_HOME", self.path("state"));
        command.current_dir(self.directory.path());
        Ran::of(&run(command, Duration::from_secs(100)))
    }

    /// Runs until the exit code is one of these, or for so long.
    fn until(&self, arguments: &[&str], wanted: &dyn Fn(&Ran) -> bool, limit: Duration) -> Ran {
        let begun = Instant::now();
        loop {
            let ran = self.run(arguments);
            if wanted(&ran) || begun.elapsed() > limit {
                return ran;
            }
            std::thread::sleep(Duration::from_millis(300));
        }
    }

    /// Every file as it was, and the project with it: what changed settings is made anew, and where certificates or
    /// NATS' configuration differed everybody reads them again.
    fn mend(&self) {
        let found = self.files();
        for path in found.keys().filter(|path| !self.pristine.contains_key(*path)) {
            std::fs::remove_file(path).unwrap();
        }
        let compose = self.path(COMPOSE);
        let settings = |path: &PathBuf| *path == compose || *path == self.path(".env");
        let same = |(path, content): (&PathBuf, &Vec<u8>)| settings(path) || found.get(path) == Some(content);
        let read_again = !self.pristine.iter().all(same) || found.len() != self.pristine.len();
        for (path, content) in &self.pristine {
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, content).unwrap();
        }
        open(self.directory.path());
        self.up();
        if !read_again && self.until(&[], &|ran| ran.code == 0, Duration::from_secs(20)).code == 0 {
            return;
        }
        self.restart(&["nats", "redis"]);
        self.restart(&[SERVICES, &["dashboard"]].concat());
        let healed = self.until(&[], &|ran| ran.code == 0, Duration::from_secs(150));
        assert_eq!(healed.code, 0, "{}", healed.digest());
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = self.compose(&["down", "-v", "-t", "1", "--remove-orphans"]);
        open(self.directory.path());
    }
}

/// Every fault has its first cure applied; what does not pass afterwards is told.
pub fn go_through(copy: &Copy, share: Share, faults: &[&[Fault]]) -> Vec<String> {
    let mut wrong = Vec::new();
    let (mut cured, mut tried) = (0, 0);
    let always: Vec<&str> =
        faults.iter().copied().flatten().filter(|fault| fault.first).map(|fault| fault.name).collect();
    let chosen = faults.iter().copied().flatten().filter(|fault| crate::row::is_chosen(fault.name, &always));
    for (_, fault) in chosen.enumerate().filter(|(row, _)| share.has(*row)) {
        tried += 1;
        let begun = Instant::now();
        let found = one(copy, fault);
        cured += usize::from(found.is_none());
        let verdict = if found.is_none() { "cured" } else { "NOT CURED" };
        let took = begun.elapsed().as_secs_f64();
        if let Some(found) = found {
            eprintln!("{found}");
            wrong.push(found);
            copy.compose(&["unpause"]);
        }
        copy.mend();
        eprintln!(
            "{:<64} {verdict} {took:.1} s, mended in {:.1}",
            fault.name,
            begun.elapsed().as_secs_f64() - took
        );
    }
    eprintln!("{cured} of {tried} faults cured by their first cure");
    wrong
}

/// Makes a fault and applies as many cures as faults were made, each the first of its report.
fn one(copy: &Copy, fault: &Fault) -> Option<String> {
    (fault.make)(copy);
    copy.up();
    copy.restart(fault.restart);
    (fault.after)(copy);
    let faulty = copy.files();
    let mut said = fault.name.to_owned();
    let mut changed = Vec::new();
    let mut applied: Vec<Value> = Vec::new();
    for _ in 0..fault.cures {
        let named = |ran: &Ran| {
            let root = ran.report.pointer("/root_causes/0").cloned().unwrap_or_default();
            let place = root["where"].as_str().unwrap_or_default();
            let there = fault.place.split('|').any(|one| place.ends_with(one));
            ran.code == 1 && there && !applied.contains(&root["fix"][0])
        };
        // Nobody acts on what is said while services are still being made: the report has come to rest.
        let before = std::cell::RefCell::new(Value::Null);
        let at_rest = |ran: &Ran| {
            let fix = ran.report.pointer("/root_causes/0/fix/0").cloned().unwrap_or_default();
            before.replace(fix.clone()) == fix && named(ran)
        };
        let ran = copy.until(fault.arguments, &at_rest, Duration::from_secs(60));
        let root = ran.report.pointer("/root_causes/0").cloned().unwrap_or_default();
        if !named(&ran) {
            return Some(format!("{said}: not at {}: {}\n{root:#}", fault.place, ran.digest()));
        }
        let fix = root["fix"][0].clone();
        said.push_str(&format!("\n  {}: {fix:#}", root["where"]));
        if let Err(why) = apply(copy, fault, &fix, &mut changed) {
            return Some(format!("{said}\n  {why}"));
        }
        applied.push(fix);
    }
    let healed = copy.until(fault.arguments, &|ran| ran.code == 0, Duration::from_secs(75));
    if std::env::var("TLS_VERIFY_SHOW").is_ok() {
        eprintln!("{said}");
    }
    if healed.code != 0 {
        return Some(format!("{said}\n  still broken: {}", healed.digest()));
    }
    // Certificates that no change names are the same.
    let after = copy.files();
    let touched: Vec<&PathBuf> = faulty
        .iter()
        .filter(|(path, _)| path.starts_with(copy.path("certs")) || path.starts_with(copy.path("other")))
        .filter(|(path, content)| !changed.contains(*path) && after.get(*path) != Some(content))
        .map(|(path, _)| path)
        .collect();
    (!touched.is_empty()).then(|| format!("{said}\n  it touched {touched:?}"))
}

/// Makes a cure's changes, then runs its command; files that a change names are noted.
fn apply(copy: &Copy, fault: &Fault, fix: &Value, changed: &mut Vec<PathBuf>) -> Result<(), String> {
    let changes = || fix["changes"].as_array().into_iter().flatten();
    changes().try_for_each(|change| applied::is_at_its_place(copy, change))?;
    for change in changes() {
        applied::change(copy, change, fault).map_err(|why| format!("a change cannot be made: {why}"))?;
        if let Some(name) = change["name"].as_str().filter(|_| change["kind"] == "file") {
            let path = copy.path(name.trim_start_matches("./"));
            // A new certificate may come with its own key.
            changed.extend([path.with_extension("key"), path]);
        }
    }
    let Some(command) = fix["command"].as_str() else { return Ok(()) };
    let ended = copy.shell(command, Duration::from_secs(150));
    match ended.code {
        Some(0) => Ok(()),
        code => Err(format!("the command ends with {code:?}: {} {}", ended.out, ended.err)),
    }
}

/// Waits until a new project is well.
pub fn settle(copy: &Copy) -> Ran {
    copy.up();
    copy.until(&[], &|ran| ran.code == 0, PATIENCE)
}
