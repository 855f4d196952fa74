//! `run --wait`: what may still come up is waited for, what is definite ends at once, time limits hold.

use std::fs;
use std::net::Ipv4Addr;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::runtime::Runtime;

use crate::gate::support::{Running, Stack, finish, holds, text};

const SEVEN: &str = "1,2,3,4,5,6,8";

/// Exit code, report, how long the program ran.
fn report(command: &mut Command) -> (i32, Value, Duration) {
    let begun = Instant::now();
    let output = finish(command.args(["--no-docker", "--format", "json"]));
    let took = begun.elapsed();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {} {}", text(&output.stdout), text(&output.stderr)));
    holds("run", &report);
    let code = output.status.code().unwrap();
    assert_eq!(report["exit_code"], code, "{report}");
    (code, report, took)
}

fn attempts(report: &Value) -> Vec<u64> {
    report["checks"].as_array().unwrap().iter().map(|check| check["attempts"].as_u64().unwrap()).collect()
}

/// What a machine with other work may miss once: it holds in one try of three.
fn in_one_of_three(tried: impl Fn() -> Result<(), String>) {
    let mut wrong = Vec::new();
    while let Err(why) = tried() {
        wrong.push(why);
        assert!(wrong.len() < 3, "{}", wrong.join("\n"));
    }
}

#[test]
fn a_stack_that_is_ready_after_three_seconds_is_done_within_the_fourth() {
    in_one_of_three(ready_after_three_seconds);
}

fn ready_after_three_seconds() -> Result<(), String> {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    // What a round takes on this machine, now.
    let (code, healthy, round) = report(&mut stack.run(SEVEN));
    assert_eq!(code, 0, "{healthy}");
    for road in [&mut stack.gateway_road, &mut stack.nats_road, &mut stack.redis_road] {
        runtime.block_on(road.close());
    }
    let begun = Instant::now();
    let waiting = Running::start(stack.run(SEVEN).args(["--wait", "60s", "--no-docker", "--format", "json"]));
    let line = waiting.said("waiting for");
    assert!(line.contains("gateway-https (connection-refused)"), "{line}");
    assert!(line.contains(" s at most"), "{line}");
    std::thread::sleep(Duration::from_secs(3).saturating_sub(begun.elapsed()));
    runtime.block_on(stack.open());
    let opened = Instant::now();
    let output = waiting.output();
    let took = opened.elapsed();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    // A pause, the round that was under way, the one that finds it, the last whole one, and some air.
    let allowed = Duration::from_millis(500) + 5 * round;
    let attempts = attempts(&report);
    if took < allowed && attempts.iter().all(|attempts| *attempts > 2) {
        return Ok(());
    }
    Err(format!("{took:?} after it was ready, {allowed:?} allowed; attempts {attempts:?}"))
}

#[test]
fn what_never_comes_up_ends_with_the_wait() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::start());
    in_one_of_three(|| {
        let (code, report, took) = report(stack.run(SEVEN).args(["--wait", "2s", "--timeout", "1s"]));
        assert_eq!(code, 1, "{report}");
        assert!(took >= Duration::from_secs(2), "{took:?}");
        assert_eq!(report["root_causes"][0]["cause"], "connection-refused", "{report}");
        let is_soon = report["duration_ms"].as_f64().unwrap() < 3500.0;
        let is_often = attempts(&report).iter().all(|attempts| *attempts > 2);
        if is_soon && is_often { Ok(()) } else { Err(report.to_string()) }
    });
}

#[test]
fn a_silent_endpoint_does_not_prolong_the_wait_by_more_than_an_attempt() {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    runtime.block_on(stack.redis_road.close());
    // Connections are taken by the system, and nobody answers.
    let silent = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, stack.redis_road.port)).unwrap();
    in_one_of_three(|| {
        let (code, report, _) = report(stack.run("redis-tls").args(["--wait", "1500ms", "--timeout", "1s"]));
        assert_eq!(code, 1, "{report}");
        assert_eq!(report["root_causes"][0]["cause"], "timeout", "{report}");
        if report["duration_ms"].as_f64().unwrap() < 4000.0 { Ok(()) } else { Err(report.to_string()) }
    });
    drop(silent);
}

#[test]
fn each_round_of_a_wait_keeps_the_deadline() {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    runtime.block_on(stack.redis_road.close());
    let silent = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, stack.redis_road.port)).unwrap();
    let arguments = ["--wait", "2s", "--timeout", "60s", "--deadline", "500ms"];
    in_one_of_three(|| {
        let (code, report, _) = report(stack.run("redis-tls").args(arguments));
        assert_eq!(code, 1, "{report}");
        let is_soon = report["duration_ms"].as_f64().unwrap() < 6000.0;
        if is_soon && attempts(&report)[0] >= 2 { Ok(()) } else { Err(report.to_string()) }
    });
    drop(silent);
}

#[test]
fn what_is_broken_for_good_ends_the_wait_at_once() {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    let expired = runtime.block_on(stack.expired_gateway());
    stack.gateway_road.lead(expired.address);
    // Redis may still come up; the gateway's certificate does not get younger.
    runtime.block_on(stack.redis_road.close());
    let (code, report, _) = report(stack.run(SEVEN).args(["--wait", "60s"]));
    assert_eq!(code, 1, "{report}");
    assert!(attempts(&report).iter().all(|attempts| *attempts == 1), "{report}");
    let causes: Vec<&Value> =
        report["root_causes"].as_array().unwrap().iter().map(|root| &root["cause"]).collect();
    assert!(
        causes.contains(&&"expired".into()) && causes.contains(&&"connection-refused".into()),
        "{report}"
    );
}

#[test]
fn an_engine_that_is_not_there_is_not_waited_for() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::opened());
    let output = finish(stack.run("redis-logs,redis-tls").args(["--wait", "80s", "--format", "json"]));
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(3), "{report}");
    assert_eq!(attempts(&report), [1, 1], "{report}");
    assert!(text(&output.stderr).is_empty(), "{}", text(&output.stderr));
}

#[test]
fn what_passed_early_is_looked_at_again_when_the_rest_has_come_up() {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::start());
    runtime.block_on(stack.redis_road.open());
    let waiting = Running::start(stack.run("gateway-https,redis-tls").args([
        "--wait",
        "80s",
        "--no-docker",
        "--format",
        "json",
    ]));
    let line = waiting.said("waiting for");
    assert!(!line.contains("redis-tls"), "{line}");
    runtime.block_on(stack.redis_road.close());
    runtime.block_on(stack.gateway_road.open());
    waiting.said("waiting for redis-tls");
    runtime.block_on(stack.redis_road.open());
    let output = waiting.output();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
}

#[test]
fn a_profiles_endpoint_is_waited_for_too() {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    runtime.block_on(stack.redis_road.close());
    let profile = stack.file("mine.toml");
    let target = format!("rediss://localhost:{}", stack.redis_road.port);
    fs::write(&profile, format!("[[endpoint]]\nname = \"cache\"\ntarget = \"{target}\"\n")).unwrap();
    let waiting = Running::start(
        stack
            .run("gateway-https")
            .args(["--wait", "80s", "--no-docker", "--format", "json", "--profile"])
            .arg(&profile),
    );
    waiting.said("waiting for endpoint:cache (connection-refused)");
    runtime.block_on(stack.redis_road.open());
    let output = waiting.output();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(
        (&report["checks"][1]["id"], &report["checks"][1]["number"]),
        (&"endpoint:cache".into(), &101.into())
    );
    assert!(attempts(&report)[1] > 1, "{report}");
}
