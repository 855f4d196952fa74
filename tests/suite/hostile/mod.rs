//! Hostile peers on every port: each run ends in time, in little memory, without a panic, and says what it
//! met.

pub(crate) mod engine;
pub(crate) mod peer;
mod rows;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use serde_json::Value;
use tls_verify_fixtures::pki::{Authority, Layout, Leaf, Pair};

use crate::program;
use peer::{Does, asked};
use tls_verify_fixtures::child::{ExitedChild, run};

/// What a row is given: `--timeout` and `--deadline` in milliseconds, and seconds for starting a process and
/// reading its report. A row that other work on the machine has upset is tried again with more; a fault shows with
/// any of them.
struct Time {
    timeout: u32,
    deadline: u32,
    slack: f64,
}

const TIMES: [Time; 3] = [
    Time { timeout: 1500, deadline: 4000, slack: 6.0 },
    Time { timeout: 4500, deadline: 12_000, slack: 12.0 },
    Time { timeout: 12_000, deadline: 32_000, slack: 24.0 },
];
/// Nothing runs longer; what does is killed.
const HARD: Duration = Duration::from_secs(180);
/// KiB: 64 MiB, and what a development build has touched of its own before it does anything (`--version` alone is 21 MiB
/// there) beyond a release build.
const MEMORY: u64 = (64 + 8) * 1024;

impl Time {
    fn flags(&self) -> [String; 4] {
        let [timeout, deadline] = [self.timeout, self.deadline].map(|time| format!("{time}ms"));
        ["--timeout".into(), timeout, "--deadline".into(), deadline]
    }

    /// Whether it took longer than the deadline allows.
    fn is_over(&self, took: Duration) -> bool {
        took.as_secs_f64() > f64::from(self.deadline) / 1000.0 * 1.1 + self.slack
    }
}

/// What was wrong with a row: what no machine excuses, and what other work on it may have done.
#[derive(Default)]
struct Wrong {
    always: Vec<String>,
    perhaps: Vec<String>,
}

/// Tries a row with more and more time until nothing is wrong that a busy machine excuses.
fn tried(row: impl Fn(&Time, &mut Wrong)) -> Vec<String> {
    let mut said = Vec::new();
    for time in &TIMES {
        let mut wrong = Wrong::default();
        row(time, &mut wrong);
        if !wrong.always.is_empty() {
            return wrong.always;
        }
        if wrong.perhaps.is_empty() {
            return Vec::new();
        }
        eprintln!("with {} ms: {}", time.deadline, wrong.perhaps.join("; "));
        said = wrong.perhaps;
    }
    said
}

struct Lab {
    folder: tempfile::TempDir,
    good: Arc<ServerConfig>,
    huge: Arc<ServerConfig>,
}

fn config(pair: &Pair) -> Arc<ServerConfig> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = builder.with_no_client_auth().with_single_cert(pair.chain.clone(), pair.private_key());
    Arc::new(config.unwrap())
}

impl Lab {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let ca = Authority::generate().unwrap();
        let server = ca.issue(&Leaf::server()).unwrap();
        Layout::write(&folder.path().join("certs"), &ca, &server, &ca.issue(&Leaf::client()).unwrap())
            .unwrap();
        // 1,200 names and a tail of strangers, just below what a handshake message may hold in rustls.
        let mut names: Vec<String> = (0..1200).map(|index| format!("host-{index:05}.example.org")).collect();
        names.push("localhost".to_owned());
        let leaf = Leaf { names, ..Leaf::server() };
        let mut huge = ca.issue(&leaf).unwrap();
        let stranger = Authority::named("Another", tls_verify_fixtures::pki::Validity::Now).unwrap();
        while huge.chain.iter().map(|one| one.len() + 5).sum::<usize>() < 60_000 {
            huge.chain.push(stranger.certificate.clone());
        }
        Self { folder, good: config(&server), huge: config(&huge) }
    }

    fn certs(&self) -> PathBuf {
        self.folder.path().join("certs")
    }

    /// The same peer on an ordinary port, and on one that speaks NATS' INFO first.
    fn peers(&self, does: Does) -> (u16, u16) {
        let config = if matches!(does, Does::Handshake) { &self.huge } else { &self.good };
        (peer::start(does, config, false), peer::start(does, config, true))
    }
}

/// What holds whatever the peer did.
fn held(name: &str, time: &Time, ended: &ExitedChild, wrong: &mut Wrong) {
    if ended.peak > MEMORY {
        wrong.always.push(format!("{name}: {} KiB", ended.peak));
    }
    if ended.err.contains("panicked") {
        wrong.always.push(format!("{name}: {}", ended.err));
    }
    if time.is_over(ended.took) {
        wrong.perhaps.push(format!("{name}: {:?}", ended.took));
    }
}

/// Status and main cause by the name of the check or the target's scheme.
fn said(rows: &Value, name: &str) -> BTreeMap<String, String> {
    let rows = rows.as_array().unwrap();
    rows.iter()
        .map(|row| {
            let key = row[name].as_str().unwrap();
            let key =
                key.split_once("://").map_or(if name == "id" { key } else { "raw" }, |(scheme, _)| scheme);
            let cause = row.pointer("/diagnoses/0/cause").and_then(Value::as_str).unwrap_or("-");
            (key.to_owned(), format!("{} {cause}", row["status"].as_str().unwrap()))
        })
        .collect()
}

fn checks(lab: &Lab, time: &Time, (port, nats): (u16, u16)) -> ExitedChild {
    let mut command = program();
    command
        .args(["run", "--all", "--skip", "redis-logs,certificates", "--no-docker", "--format", "json"])
        .args(time.flags())
        .arg("--certs")
        .arg(lab.certs())
        .args([
            "--gateway",
            &format!("https://localhost:{port}"),
            "--nats",
            &format!("tls://localhost:{nats}"),
        ])
        .args(["--redis", &format!("rediss://localhost:{port}")])
        .args(["--dashboard", &format!("http://localhost:{port}")])
        .env("PATH", "/nowhere")
        .env("CORDUM_API_KEY", "key")
        .env("REDIS_PASSWORD", "word");
    for flag in ["--gateway-grpc", "--safety-kernel", "--context-engine"] {
        command.args([flag, &format!("localhost:{port}")]);
    }
    run(&mut command, HARD)
}

const SCHEMES: &[&str] = &["https", "wss", "grpcs", "tls", "rediss", "raw", "http", "ws", "redis", "grpc"];

fn probes(lab: &Lab, time: &Time, (port, nats): (u16, u16)) -> ExitedChild {
    let mut command = program();
    command.args(["probe", "--format", "json"]).args(time.flags()).arg("--certs").arg(lab.certs());
    for scheme in SCHEMES {
        command.arg(match *scheme {
            "raw" => format!("localhost:{port}"),
            "tls" => format!("tls://localhost:{nats}"),
            scheme => format!("{scheme}://localhost:{port}"),
        });
    }
    run(&mut command, HARD)
}

/// What was said, a line a row: `name | run: STATUS CAUSE: ids; … | probe: …`.
fn line(name: &str, run: &ExitedChild, probe: &ExitedChild) -> String {
    let grouped = |rows: BTreeMap<String, String>| {
        let mut by: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for (key, what) in rows {
            by.entry(what).or_default().push(key);
        }
        let parts: Vec<String> =
            by.iter().map(|(what, keys)| format!("{what}: {}", keys.join(" "))).collect();
        parts.join("; ")
    };
    let mut checks = said(&run.json()["checks"], "id");
    checks.retain(|_, what| !what.starts_with("skip"));
    let targets = said(&probe.json()["endpoints"], "target");
    format!("{name} | run: {} | probe: {}", grouped(checks), grouped(targets))
}

/// The other way round: what each of them said.
fn read(part: &str) -> BTreeMap<String, String> {
    let (_, groups) = part.split_once(": ").unwrap();
    groups
        .split("; ")
        .flat_map(|group| {
            let (what, keys) = group.split_once(": ").unwrap();
            keys.split(' ').map(move |key| (key.to_owned(), what.to_owned()))
        })
        .collect()
}

/// Differences from what is written down. On a machine with other work an attempt may run out of its time
/// before the peer has done its worst, a peer that is closed on in the middle of a flood resets, and Redis' client
/// may give up before it has kept what tells HTTP (`other-tls`): the status must be the same all the same.
fn differences(expected: &str, actual: &str) -> Vec<String> {
    let mut wrong = Vec::new();
    for (wanted, got) in expected.split(" | ").zip(actual.split(" | ")).skip(1) {
        let wanted = read(wanted);
        for (key, what) in read(got) {
            let known = wanted.get(&key).cloned().unwrap_or_default();
            let (status, cause) = what.split_once(' ').unwrap();
            let (known_status, known_cause) = known.split_once(' ').unwrap_or(("nothing", ""));
            let vague: &[&str] = match key.as_str() {
                "redis-tls" | "rediss" => &["-", "connection-reset", "other-tls"],
                _ => &["-", "connection-reset"],
            };
            let loose = [cause, known_cause].contains(&"timeout")
                || (vague.contains(&cause) && vague.contains(&known_cause));
            if status != known_status || (cause != known_cause && !loose) {
                wrong.push(format!("{key}: {what}, not {known}"));
            }
        }
    }
    wrong
}

const SAID: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/suite/hostile/said.txt");

/// What was said, and what was wrong with it.
fn asked_of(lab: &Lab, name: &str, does: Does, expected: Option<&str>) -> (String, Vec<String>) {
    let said = std::cell::RefCell::new(String::new());
    let wrong = tried(|time, wrong| {
        let ports = lab.peers(does);
        let (run, probe) = (checks(lab, time, ports), probes(lab, time, ports));
        for (command, ended) in [("run", &run), ("probe", &probe)] {
            held(&format!("{name}, {command}"), time, ended, wrong);
            if ended.code != Some(1) {
                wrong.perhaps.push(format!("{name}, {command}: exit {:?}: {}", ended.code, ended.err));
            }
        }
        let line = line(name, &run, &probe);
        if let Some(expected) = expected {
            wrong.perhaps.extend(differences(expected, &line).iter().map(|text| format!("{name}: {text}")));
        }
        *said.borrow_mut() = line;
    });
    (said.into_inner(), wrong)
}

/// Rows that may be wrong before no more are tried.
const ENOUGH: usize = 6;

#[test]
fn every_port_survives_every_peer() {
    let lab = Lab::new();
    let is_written = std::env::var_os("HOSTILE_WRITE").is_some();
    let known = std::fs::read_to_string(SAID).unwrap();
    let known: BTreeMap<&str, &str> =
        known.lines().map(|line| (line.split(" | ").next().unwrap(), line)).collect();
    let names: Vec<&str> = rows::ALL.iter().map(|(name, _)| *name).collect();
    assert!(
        is_written || known.len() == names.len() && names.iter().all(|name| known.contains_key(name)),
        "tests/suite/hostile/said.txt has a line for every row"
    );
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((name, does)) = rows::ALL.get(index) else { break };
                    let expected = known.get(name).copied().filter(|_| !is_written);
                    let result = asked_of(&lab, name, *does, expected);
                    let mut results = results.lock().unwrap();
                    results.insert(index, result);
                    if results.values().filter(|(_, wrong)| !wrong.is_empty()).count() >= ENOUGH {
                        break;
                    }
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    if is_written {
        let text: String = results.values().map(|(line, _)| format!("{line}\n")).collect();
        std::fs::write(SAID, text).unwrap();
    }
    let wrong: Vec<String> = results.into_values().flat_map(|(_, wrong)| wrong).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_hostile_engine_leaves_the_logs_undecided() {
    let lab = Lab::new();
    let (redis, _) = lab.peers(Does::InTls("", |stream| {
        loop {
            asked(stream)?;
            stream.write_all(b"+PONG\r\n")?;
        }
    }));
    let mut wrong = Vec::new();
    for (name, answers, word) in engine::ALL {
        wrong.extend(tried(|time, wrong| {
            let folder = tempfile::tempdir().unwrap();
            let socket = engine::start(folder.path(), *answers);
            let mut command = program();
            command
                .args(["run", "--only", "redis-logs", "--format", "json", "--docker-host"])
                .arg(format!("unix://{}", socket.display()))
                .args(time.flags())
                .args(["--redis", &format!("rediss://localhost:{redis}")])
                .arg("--certs")
                .arg(lab.certs());
            let ended = run(&mut command, HARD);
            held(name, time, &ended, wrong);
            let report = ended.json();
            let status = report["checks"][0]["status"].as_str().unwrap();
            if (ended.code, status) != (Some(3), "unknown") || !report.to_string().contains(word) {
                wrong.perhaps.push(format!("{name}: {:?}, no `{word}` in {report}", ended.code));
            }
        }));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
