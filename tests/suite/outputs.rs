//! What becomes of the output: a full disk is said, a reader that has seen enough is none the worse for it,
//! Ctrl-C shows what is known.

#![cfg(unix)]

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use tls_verify_fixtures::pki::{Authority, Layout, Leaf};

use crate::program;
use tls_verify_fixtures::child::{run_to, start};

/// What never ends is killed.
const HARD: Duration = Duration::from_secs(240);

fn certs() -> tempfile::TempDir {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    let server = ca.issue(&Leaf::server()).unwrap();
    Layout::write(folder.path(), &ca, &server, &ca.issue(&Leaf::client()).unwrap()).unwrap();
    folder
}

/// Arguments of every command that prints, and the code that each ends in when it can.
fn commands(folder: &str) -> Vec<(Vec<&str>, i32)> {
    let mut rows = vec![
        (vec!["schema"], 0),
        (vec!["schema", "run"], 0),
        (vec!["explain"], 0),
        (vec!["explain", "expired"], 0),
        (vec!["explain", "--format", "json"], 0),
        (vec!["man"], 0),
        (vec!["completions", "bash"], 0),
        (vec!["demo", "--list-faults"], 0),
        (vec!["demo", "--only", "redis-logs"], 0),
        (vec!["demo", "--fault", "expired", "--only", "gateway-https"], 1),
        (vec!["certs", folder], 0),
        (vec!["certs", "--format", "json", folder], 0),
        (vec!["probe", "127.0.0.1:1"], 1),
        (vec!["diagnose", "a harmless line"], 0),
        (vec!["diagnose", "x509: certificate signed by unknown authority"], 1),
        (vec!["diagnose", "--format", "jsonl", "x509: certificate signed by unknown authority"], 1),
        (vec!["merge", "/dev/null"], 3),
    ];
    for format in ["human", "json", "junit", "tap", "github", "sarif", "prometheus"] {
        rows.push((vec!["run", "--only", "redis-logs", "--no-docker", "--format", format], 3));
    }
    rows
}

fn full() -> fs::File {
    fs::File::options().write(true).open("/dev/full").unwrap()
}

#[test]
fn a_full_disk_is_said_by_every_command() {
    if !std::path::Path::new("/dev/full").exists() {
        return;
    }
    let folder = certs();
    for (arguments, code) in commands(folder.path().to_str().unwrap()) {
        let mut command = program();
        let ended = run_to(command.args(&arguments), full(), HARD);
        let err = &ended.err;
        assert!(err.contains("standard output cannot be written"), "{arguments:?}: {err}");
        let wanted = if code == 0 { 3 } else { code };
        assert_eq!(ended.code, Some(wanted), "{arguments:?}: {err}");
    }
    // An error object that is lost is one all the same.
    let mut command = program();
    command.args(["run", "--gateway", "nonsense", "--format", "json"]);
    let ended = run_to(&mut command, full(), HARD);
    assert_eq!(ended.code, Some(2));
    assert!(ended.err.contains("standard output cannot be written"), "{}", ended.err);
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = certs();
    for (arguments, code) in commands(folder.path().to_str().unwrap()) {
        // The reading end is closed before anything is written.
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let mut command = program();
        let ended = run_to(command.args(&arguments), writer, HARD);
        let err = &ended.err;
        assert_eq!(ended.code, Some(code), "{arguments:?}: {err}");
        assert!(!err.contains("panicked") && !err.contains("error:"), "{arguments:?}: {err}");
    }
}

fn interrupt(id: u32) {
    kill_process(Pid::from_raw(i32::try_from(id).unwrap()).unwrap(), Signal::INT).unwrap();
}

/// A peer that accepts and never speaks.
fn silent() -> (TcpListener, u16) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    (listener, port)
}

/// The first connection, within a bound.
fn dialled(listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let begun = Instant::now();
    loop {
        match listener.accept() {
            Ok((stream, _)) => return stream,
            Err(error) => assert!(begun.elapsed() < HARD, "nobody dials: {error}"),
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn ctrl_c_ends_run_with_what_is_known() {
    let folder = certs();
    let (listener, port) = silent();
    let mut command = program();
    command
        .args(["run", "--only", "redis-logs,gateway-https", "--no-docker", "--format", "json", "--anonymous"])
        .args(["--timeout", "220s", "--deadline", "230s", "--gateway", &format!("https://localhost:{port}")])
        .arg("--certs")
        .arg(folder.path());
    let watched = start(&mut command);
    let _held = dialled(&listener);
    interrupt(watched.id());
    let ended = watched.end(HARD);
    let report = ended.json();
    assert_eq!(
        (ended.code, &report["outcome"], &report["exit_code"]),
        (Some(130), &"interrupted".into(), &130.into())
    );
    let status = |id: &str| {
        let checks = report["checks"].as_array().unwrap();
        checks.iter().find(|check| check["id"] == id).unwrap()["status"].clone()
    };
    assert_eq!((status("gateway-https"), status("redis-logs")), ("unknown".into(), "unknown".into()));
    assert!(report.to_string().contains("interrupted before it ended"), "{report}");
}

#[test]
fn ctrl_c_ends_demo_and_leaves_nothing_behind() {
    let mut command = program();
    command.args(["demo", "--keep", "--format", "json", "--timeout", "60s", "--deadline", "200s"]);
    let mut watched = start(&mut command);
    watched.until(HARD, |_, err| err.contains("stays up until Ctrl-C"));
    let (_, err) = watched.so_far();
    let certs = err.lines().find_map(|line| line.strip_prefix("export CORDUM_CERT_DIR='")).unwrap();
    let certs = certs.trim_end_matches('\'').to_owned();
    assert!(std::path::Path::new(&certs).exists());
    interrupt(watched.id());
    let ended = watched.end(HARD);
    assert_eq!(ended.json()["summary"]["pass"], 7, "{}", ended.out);
    assert!(!std::path::Path::new(&certs).exists(), "the demo's folder is left");
}

#[test]
fn ctrl_c_ends_probe_with_the_endpoints_it_has() {
    let (listener, port) = silent();
    let mut command = program();
    // One after the other: where the second is dialled, the first is done.
    command.args(["probe", "127.0.0.1:1", &format!("https://localhost:{port}"), "--format", "json"]).args([
        "--jobs",
        "1",
        "--timeout",
        "220s",
        "--deadline",
        "230s",
    ]);
    let watched = start(&mut command);
    let _held = dialled(&listener);
    interrupt(watched.id());
    let ended = watched.end(HARD);
    let report = ended.json();
    assert_eq!((ended.code, &report["outcome"]), (Some(130), &"interrupted".into()));
    let targets: Vec<&str> =
        report["endpoints"].as_array().unwrap().iter().map(|one| one["target"].as_str().unwrap()).collect();
    assert_eq!(targets, ["127.0.0.1:1"], "{report}");
}

#[test]
fn ctrl_c_ends_diagnose_and_certs_that_wait_for_more() {
    for format in ["human", "json", "jsonl"] {
        let (reader, mut writer) = std::io::pipe().unwrap();
        let line = b"redis: x509: certificate signed by unknown authority\n";
        let mut command = program();
        let out = tempfile::NamedTempFile::new().unwrap();
        command.args(["diagnose", "--format", format]).stdin(reader).stdout(out.reopen().unwrap());
        let (id, code) = interrupted(&mut command, &mut writer, line);
        let text = fs::read_to_string(out.path()).unwrap();
        assert_eq!(code, Some(130), "{format} ({id}): {text}");
        assert!(text.contains("unknown-authority"), "{format}: {text}");
        if format == "json" {
            let report: Value = serde_json::from_str(&text).unwrap();
            assert_eq!(report["exit_code"], 130, "{report}");
        }
    }
    let (reader, mut writer) = std::io::pipe().unwrap();
    let mut command = program();
    let out = tempfile::NamedTempFile::new().unwrap();
    command.args(["certs", "--format", "json", "-"]).stdin(reader).stdout(out.reopen().unwrap());
    let (_, code) = interrupted(&mut command, &mut writer, b"no PEM yet\n");
    let report: Value = serde_json::from_str(&fs::read_to_string(out.path()).unwrap()).unwrap();
    assert_eq!((code, &report["outcome"]), (Some(130), &"interrupted".into()), "{report}");
}

/// Feeds a process, lets it read, interrupts it.
fn interrupted(command: &mut Command, writer: &mut std::io::PipeWriter, line: &[u8]) -> (u32, Option<i32>) {
    let mut child = command.stderr(Stdio::null()).spawn().unwrap();
    // More than a pipe holds: when this returns the child is reading.
    std::io::Write::write_all(writer, &line.repeat(200_000 / line.len())).unwrap();
    idle(child.id(), writer);
    interrupt(child.id());
    let begun = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return (child.id(), status.code());
        }
        if begun.elapsed() > HARD {
            let _ = child.kill();
            let _ = child.wait();
            panic!("Ctrl-C does not end it");
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits until a process has read all that the pipe held and every thread of it waits for more. Where the system
/// does not tell, four seconds stand in.
fn idle(id: u32, pipe: &std::io::PipeWriter) {
    let begun = Instant::now();
    let mut seen = 0;
    while seen < 5 {
        assert!(begun.elapsed() < HARD, "it does not come to rest");
        std::thread::sleep(Duration::from_millis(40));
        let Some(waits) = waits(id) else { return std::thread::sleep(Duration::from_secs(4)) };
        let left = rustix::io::ioctl_fionread(pipe).unwrap();
        seen = if waits && left == 0 { seen + 1 } else { 0 };
    }
}

/// Whether every thread of a process sleeps (proc(5): the state stands behind the name in brackets).
fn waits(id: u32) -> Option<bool> {
    let threads = fs::read_dir(format!("/proc/{id}/task")).ok()?;
    Some(threads.flatten().all(|thread| {
        let text = fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        text.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with('S'))
    }))
}
