//! `run --watch`: the state, then what changes, whatever goes away meanwhile.

use std::fs;

use rustix::process::Signal;
use serde_json::Value;

use crate::gate::support::{Engine, Running, Stack, finish, holds, program, text, until};

/// Kind, check, from, to, cause. A road that closes under a connection resets it, later ones are refused.
fn row(one: &Value) -> (String, String, String, String, String) {
    let word = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
    let cause = word("cause").replace("connection-reset", "connection-refused");
    (word("kind"), word("check"), word("from"), word("to"), cause)
}

fn rows(running: &Running, expected: &[(&str, &str, &str, &str, &str)]) -> Value {
    let mut last = Value::Null;
    for (kind, check, from, to, cause) in expected {
        last = running.json();
        holds("transition", &last);
        let owned = |text: &&str| (*text).to_owned();
        let wanted = (owned(kind), owned(check), owned(from), owned(to), owned(cause));
        assert_eq!(row(&last), wanted, "{last}");
    }
    last
}

#[test]
fn changes_are_told_and_files_kept_fresh_while_everything_goes_and_comes_back() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    let socket = stack.file("docker.sock");
    let engine = runtime.block_on(Engine::start(&socket));
    let (prom, json) = (stack.file("tls.prom"), stack.file("tls.json"));
    let mut watch = Running::start(
        stack
            .run("gateway-https,redis-logs,redis-tls")
            .args(["--watch", "200ms", "--format", "jsonl", "--timeout", "20s"])
            .args(["--docker-host", &format!("unix://{}", socket.display())])
            .args(["--report", &format!("prometheus={}", prom.display())])
            .args(["--report", &format!("json={}", json.display())]),
    );
    rows(
        &watch,
        &[
            ("state", "gateway-https", "-", "pass", "-"),
            ("state", "redis-logs", "-", "unknown", "-"),
            ("state", "redis-tls", "-", "pass", "-"),
        ],
    );
    // A collector that reads at any time finds a whole file.
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let collected = prom.clone();
    let collector = std::thread::spawn(move || {
        let mut read = 0_u64;
        while stopped.recv_timeout(std::time::Duration::from_millis(1)).is_err() {
            let text = fs::read_to_string(&collected).unwrap();
            let last = text.lines().last().unwrap_or_default();
            assert!(last.starts_with("tls_verify_exit_code ") && text.ends_with('\n'), "{text}");
            read += 1;
        }
        read
    });
    // The road to Redis closes and opens.
    runtime.block_on(stack.redis_road.close());
    let change = rows(&watch, &[("change", "redis-tls", "pass", "fail", "connection-refused")]);
    assert_eq!((&change["where"], &change["exit_code"]), (&"redis".into(), &1.into()), "{change}");
    assert!(!change["fix"].as_array().unwrap().is_empty(), "{change}");
    let text = fs::read_to_string(&prom).unwrap();
    assert!(text.contains("tls_verify_check_status{id=\"redis-tls\",status=\"fail\"} 1"), "{text}");
    runtime.block_on(stack.redis_road.open());
    rows(&watch, &[("change", "redis-tls", "fail", "pass", "-")]);
    let text = fs::read_to_string(&prom).unwrap();
    assert!(text.contains("tls_verify_check_status{id=\"redis-tls\",status=\"pass\"} 1"), "{text}");
    // The gateway gets a certificate that has expired, goes down, comes back whole.
    let expired = runtime.block_on(stack.expired_gateway());
    stack.gateway_road.lead(expired.address);
    rows(&watch, &[("change", "gateway-https", "pass", "fail", "expired")]);
    runtime.block_on(stack.gateway_road.close());
    rows(&watch, &[("change", "gateway-https", "fail", "fail", "connection-refused")]);
    let healthy = stack.gateway.address;
    stack.gateway_road.lead(healthy);
    runtime.block_on(stack.gateway_road.open());
    rows(&watch, &[("change", "gateway-https", "fail", "pass", "-")]);
    // Docker goes away and comes back: still unknown, for another reason.
    let logs = || -> String {
        let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
        let checks = report["checks"].as_array().unwrap();
        let logs = checks.iter().find(|check| check["id"] == "redis-logs").unwrap();
        logs["summary"].as_str().unwrap().to_owned()
    };
    runtime.block_on(engine.stop());
    until("the engine is missed", || logs().contains("Docker is not reachable"));
    let engine = runtime.block_on(Engine::start(&socket));
    until("the engine is back", || !logs().contains("Docker is not reachable"));
    // Certificates are being made anew: what cannot be read decides nothing.
    let (ca, aside) = (stack.certs.join("ca/ca.crt"), stack.file("aside"));
    fs::rename(&ca, &aside).unwrap();
    let change = rows(
        &watch,
        &[
            ("change", "gateway-https", "pass", "unknown", "-"),
            ("change", "redis-tls", "pass", "unknown", "-"),
        ],
    );
    assert!(change["summary"].as_str().unwrap().contains("ca.crt"), "{change}");
    fs::rename(&aside, &ca).unwrap();
    rows(
        &watch,
        &[
            ("change", "gateway-https", "unknown", "pass", "-"),
            ("change", "redis-tls", "unknown", "pass", "-"),
        ],
    );
    stop.send(()).unwrap();
    assert!(collector.join().unwrap() > 10);
    watch.signal(Signal::TERM);
    let end = rows(&watch, &[("end", "-", "-", "-", "-")]);
    assert_eq!(end["exit_code"], 130, "{end}");
    assert_eq!(watch.ended().code(), Some(130));
    let report: Value = serde_json::from_slice(&fs::read(&json).unwrap()).unwrap();
    assert_eq!((&report["outcome"], &report["exit_code"]), (&"interrupted".into(), &130.into()));
    assert_eq!(report["checks"][0]["status"], "pass", "the last whole round stays");
    let drafts = fs::read_dir(stack.folder.path()).unwrap().flatten();
    let drafts: Vec<_> = drafts
        .map(|entry| entry.file_name())
        .filter(|name| name.to_string_lossy().contains(".tmp"))
        .collect();
    assert!(drafts.is_empty(), "{drafts:?}");
    runtime.block_on(engine.stop());
}

#[test]
fn people_see_the_state_then_changes_with_their_fix_and_the_end() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    let mut watch =
        Running::start(stack.run("gateway-https,redis-tls").args(["--watch", "200ms", "--no-docker"]));
    assert!(watch.line().contains("watching 2 checks every 0.2 s"));
    assert!(watch.line().trim_start().starts_with("pass gateway-https: HTTP 200"));
    assert!(watch.line().trim_start().starts_with("pass redis-tls: "));
    runtime.block_on(stack.redis_road.close());
    let mut seen = Vec::new();
    while !seen.iter().any(|line: &String| line.contains("$ ")) {
        seen.push(watch.line());
    }
    let seen = seen.join("\n");
    assert!(seen.contains("1 passed, 1 failed"), "{seen}");
    assert!(seen.contains("pass -> FAIL redis-tls [connection-re"), "{seen}");
    assert!(seen.contains("  fix: "), "{seen}");
    watch.signal(Signal::INT);
    assert_eq!(watch.ended().code(), Some(130));
}

#[test]
fn many_rounds_need_no_more_memory_than_a_few() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::opened());
    let json = stack.file("tls.json");
    let watch = Running::start(
        stack
            .run("gateway-https,worker-nats-tls,redis-tls")
            .args(["--watch", "100ms", "--no-docker", "--format", "json", "--report"])
            .arg(format!("json={}", json.display())),
    );
    rows(
        &watch,
        &[
            ("state", "gateway-https", "-", "pass", "-"),
            ("state", "worker-nats-tls", "-", "pass", "-"),
            ("state", "redis-tls", "-", "pass", "-"),
        ],
    );
    let after = |rounds: u32| {
        let mut last = String::new();
        let mut count = 0;
        until("rounds", || {
            let now = fs::read_to_string(&json).unwrap();
            if now != last {
                last = now;
                count += 1;
            }
            count >= rounds
        });
        let status = fs::read_to_string(format!("/proc/{}/status", watch.id())).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        let files = fs::read_dir(format!("/proc/{}/fd", watch.id())).unwrap().count();
        (line.trim().trim_end_matches(" kB").parse::<u64>().unwrap(), files)
    };
    let (few, many) = (after(20), after(80));
    assert!(many.0 < few.0 + 4096, "{few:?} kB and files, then {many:?}");
    // What a round opened is closed; a few of the running one's may be open at either moment.
    assert!(many.1 < few.1 + 12, "{few:?} kB and files, then {many:?}");
}

#[test]
fn what_cannot_be_watched_is_refused_before_anything_is_run() {
    for (arguments, words) in [
        (&["run", "--watch", "1s", "--format", "tap", "--no-docker", "--only", "redis-logs"][..], "--report"),
        (&["run", "--watch", "1ms"][..], "100ms"),
        (&["run", "--watch", "soon"][..], "duration"),
    ] {
        let output = finish(program().args(arguments));
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains(words), "{}", text(&output.stderr));
    }
}
