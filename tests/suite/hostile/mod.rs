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
use tls_verify_fixtures::child::{Ended, run};

/// `--timeout` and `--deadline` of every run here.
const TIMEOUT: &str = "1500ms";
const DEADLINE: f64 = 4.0;
/// Starting a process and reading its report, on a machine with other work.
const SLACK: f64 = 4.0;
/// Nothing runs longer; what does is killed.
const HARD: Duration = Duration::from_secs(40);
/// KiB.
const MEMORY: u64 = 64 * 1024;

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
fn held(name: &str, ended: &Ended, wrong: &mut Vec<String>) {
    let seconds = ended.took.as_secs_f64();
    if seconds > DEADLINE * 1.1 + SLACK {
        wrong.push(format!("{name}: {seconds:.1} s"));
    }
    if ended.peak > MEMORY {
        wrong.push(format!("{name}: {} KiB", ended.peak));
    }
    if ended.err.contains("panicked") || ended.code != Some(1) {
        wrong.push(format!("{name}: exit {:?}: {}", ended.code, ended.err));
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

fn checks(lab: &Lab, (port, nats): (u16, u16)) -> Ended {
    let mut command = program();
    command
        .args(["run", "--all", "--skip", "redis-logs,certificates", "--no-docker", "--format", "json"])
        .args(["--timeout", TIMEOUT, "--deadline", "4s", "--certs"])
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

fn probes(lab: &Lab, (port, nats): (u16, u16)) -> Ended {
    let mut command = program();
    command.args(["probe", "--format", "json", "--timeout", TIMEOUT, "--deadline", "4s", "--certs"]);
    command.arg(lab.certs());
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
fn line(name: &str, run: &Ended, probe: &Ended) -> String {
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

#[test]
fn every_port_survives_every_peer() {
    let lab = Lab::new();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let results = std::sync::Mutex::new(BTreeMap::new());
    std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    let Some((name, does)) = rows::ALL.get(index) else { break };
                    let ports = lab.peers(*does);
                    let (run, probe) = (checks(&lab, ports), probes(&lab, ports));
                    let mut wrong = Vec::new();
                    held(&format!("{name}, run"), &run, &mut wrong);
                    held(&format!("{name}, probe"), &probe, &mut wrong);
                    results.lock().unwrap().insert(index, (wrong, line(name, &run, &probe)));
                }
            });
        }
    });
    let results = results.into_inner().unwrap();
    let text: String = results.values().map(|(_, line)| format!("{line}\n")).collect();
    if std::env::var_os("HOSTILE_WRITE").is_some() {
        std::fs::write(SAID, &text).unwrap();
    }
    let expected = std::fs::read_to_string(SAID).unwrap();
    assert_eq!(expected.lines().count(), rows::ALL.len(), "tests/hostile/said.txt has a line for every row");
    let mut wrong: Vec<String> = Vec::new();
    for ((held, actual), expected) in results.values().zip(expected.lines()) {
        wrong.extend(held.iter().cloned());
        let name = actual.split(" | ").next().unwrap();
        assert_eq!(expected.split(" | ").next(), Some(name));
        wrong.extend(differences(expected, actual).iter().map(|text| format!("{name}: {text}")));
    }
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
        let folder = tempfile::tempdir().unwrap();
        let socket = engine::start(folder.path(), *answers);
        let mut command = program();
        command
            .args([
                "run",
                "--only",
                "redis-logs",
                "--format",
                "json",
                "--timeout",
                TIMEOUT,
                "--deadline",
                "4s",
            ])
            .arg("--docker-host")
            .arg(format!("unix://{}", socket.display()))
            .args(["--redis", &format!("rediss://localhost:{redis}")])
            .arg("--certs")
            .arg(lab.certs());
        let ended = run(&mut command, HARD);
        let seconds = ended.took.as_secs_f64();
        if seconds > DEADLINE * 1.1 + SLACK || ended.peak > MEMORY || ended.err.contains("panicked") {
            wrong.push(format!("{name}: {seconds:.1} s, {} KiB, {}", ended.peak, ended.err));
        }
        let report = ended.json();
        let status = report["checks"][0]["status"].as_str().unwrap();
        if (ended.code, status) != (Some(3), "unknown") || !report.to_string().contains(word) {
            wrong.push(format!("{name}: {:?}, no `{word}` in {report}", ended.code));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
