//! `--baseline` and `--fail-on new`: new, still broken, fixed, not looked at, and files that are no baseline.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::gate::support::{Stack, finish, holds, text};

/// Exit code and report, compared with `baseline`.
fn against(command: &mut Command, baseline: &Path, more: &[&str]) -> (i32, Value) {
    command.args(["--no-docker", "--format", "json", "--baseline"]).arg(baseline).args(more);
    let output = finish(command);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["exit_code"], output.status.code().unwrap(), "{report}");
    (output.status.code().unwrap(), report)
}

fn ids(report: &Value, list: &str) -> Vec<String> {
    report["comparison"][list].as_array().unwrap().iter().map(|id| id.as_str().unwrap().to_owned()).collect()
}

const NEW: &[&str] = &["--fail-on", "new"];

#[test]
fn new_still_fixed_and_unseen_are_told_apart() {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    let file = stack.file("earlier.json");
    // Then: Redis down.
    runtime.block_on(stack.redis_road.close());
    let report = format!("json={}", file.display());
    let output = finish(stack.run("gateway-https,redis-tls").args(["--no-docker", "--report", &report]));
    assert_eq!(output.status.code(), Some(1));
    // Now the same: nothing is new, and the exit code depends on who asks.
    let (code, report) = against(&mut stack.run("gateway-https,redis-tls"), &file, NEW);
    holds("run", &report);
    assert_eq!((code, ids(&report, "still")), (0, vec!["redis-tls".to_owned()]), "{report}");
    assert_eq!(report["outcome"], "pass");
    // No heading denies what stands below it.
    let summary = stack.file("summary.md");
    let mut command = stack.run("gateway-https,redis-tls");
    command.args(["--no-docker", "--format", "github", "--baseline"]).arg(&file).args(NEW);
    let said = text(&finish(command.env("GITHUB_STEP_SUMMARY", &summary)).stdout);
    assert!(said.contains("::notice title=tls-verify%3A nothing new is broken::"), "{said}");
    let summary = fs::read_to_string(summary).unwrap();
    assert!(summary.starts_with("## Nothing new is broken (exit code 0)\n"), "{summary}");
    assert!(summary.contains("| fail (still) |"), "{summary}");
    let (code, _) = against(&mut stack.run("gateway-https,redis-tls"), &file, &[]);
    assert_eq!(code, 1);
    // Silent instead of refusing is the same trouble.
    let silent = std::net::TcpListener::bind(("127.0.0.1", stack.redis_road.port)).unwrap();
    let (code, report) = against(stack.run("redis-tls").args(["--timeout", "300ms"]), &file, NEW);
    assert_eq!((code, ids(&report, "still")), (0, vec!["redis-tls".to_owned()]), "{report}");
    drop(silent);
    // A check that the earlier report does not have, and one that breaks: both new.
    runtime.block_on(stack.gateway_road.close());
    let (code, report) = against(&mut stack.run("gateway-https,cli-with-cacert,redis-tls"), &file, NEW);
    assert_eq!(code, 1);
    assert_eq!(ids(&report, "new"), ["gateway-https", "cli-with-cacert"], "{report}");
    assert_eq!(ids(&report, "still"), ["redis-tls"], "{report}");
    // What is not looked at is not fixed.
    runtime.block_on(stack.gateway_road.open());
    let (code, report) = against(&mut stack.run("gateway-https"), &file, NEW);
    assert_eq!(
        (code, ids(&report, "absent"), ids(&report, "fixed").len()),
        (0, vec!["redis-tls".to_owned()], 0)
    );
    runtime.block_on(stack.redis_road.open());
    let (code, report) = against(&mut stack.run("gateway-https,redis-tls"), &file, NEW);
    assert_eq!((code, ids(&report, "fixed")), (0, vec!["redis-tls".to_owned()]), "{report}");
    // People are told by name.
    let output = finish(stack.run("gateway-https").args(["--no-docker", "--baseline"]).arg(&file));
    assert!(text(&output.stdout).contains("not looked at: redis-tls"), "{}", text(&output.stdout));
}

#[test]
fn another_reason_another_place_or_a_worse_status_is_new() {
    let runtime = Runtime::new().unwrap();
    let mut stack = runtime.block_on(Stack::opened());
    let expired = runtime.block_on(stack.expired_gateway());
    stack.gateway_road.lead(expired.address);
    runtime.block_on(stack.redis_road.close());
    let file = stack.file("earlier.json");
    let check = |id: &str, status: &str, diagnoses: Value| json!({ "id": id, "status": status, "diagnoses": diagnoses });
    let one = |cause: &str, place: &str| json!([{ "cause": cause, "severity": "error", "where": place }]);
    for (earlier, wanted) in [
        (check("gateway-https", "fail", one("expired", "api-gateway")), "still"),
        // A report of an earlier version names no place.
        (check("gateway-https", "fail", json!([{ "cause": "expired", "severity": "error" }])), "still"),
        (check("gateway-https", "fail", one("hostname-mismatch", "api-gateway")), "new"),
        (check("gateway-https", "fail", one("expired", "redis")), "new"),
        (check("gateway-https", "fail", one("a-later-versions-cause", "api-gateway")), "new"),
        (check("gateway-https", "fail", json!([{ "cause": "expired", "severity": "warning" }])), "new"),
        (check("gateway-https", "fail", json!([])), "new"),
        (check("gateway-https", "unknown", one("expired", "api-gateway")), "new"),
        (check("gateway-https", "warn", one("expired", "api-gateway")), "new"),
        (check("gateway-https", "skip", json!([])), "new"),
        (check("gateway-https-renamed", "fail", one("expired", "api-gateway")), "new"),
    ] {
        let object = json!({ "schema": "tls-verify/run/v1", "checks": [earlier] });
        fs::write(&file, object.to_string()).unwrap();
        let (code, report) = against(&mut stack.run("gateway-https"), &file, NEW);
        assert_eq!(report["checks"][0]["change"], wanted, "{object}: {report}");
        assert_eq!(code, i32::from(wanted == "new"), "{object}");
    }
}

#[test]
fn with_strict_a_new_warning_fails_and_an_old_one_does_not() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::opened());
    let file = stack.file("earlier.json");
    let run = |more: &[&str], days: &str| {
        let mut command = stack.run("gateway-https");
        command.args(["--strict", "--expiry-warn", days]);
        against(&mut command, &file, more)
    };
    fs::write(&file, r#"{"schema":"tls-verify/run/v1","checks":[]}"#).unwrap();
    let (code, report) = run(NEW, "36500d");
    assert_eq!((code, &report["checks"][0]["change"]), (1, &"new".into()), "{report}");
    fs::write(&file, report.to_string()).unwrap();
    let (code, report) = run(NEW, "36500d");
    assert_eq!((code, &report["checks"][0]["change"]), (0, &"still".into()), "{report}");
    let (code, report) = run(NEW, "1d");
    assert_eq!((code, &report["checks"][0]["change"]), (0, &"fixed".into()), "{report}");
}

#[test]
fn a_report_may_be_its_own_successors_baseline() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::start());
    let file = stack.file("rolling.json");
    fs::write(&file, r#"{"schema":"tls-verify/run/v1","checks":[]}"#).unwrap();
    let report = format!("json={}", file.display());
    for wanted in [1, 0] {
        let (code, _) =
            against(&mut stack.run("gateway-https"), &file, &["--fail-on", "new", "--report", &report]);
        assert_eq!(code, wanted);
    }
}

#[test]
fn what_is_no_baseline_is_refused_before_anything_is_run() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::start());
    let file = stack.file("earlier.json");
    for (content, words) in [
        ("", "no JSON report"),
        ("{\"schema\":\"tls-verify/run/v1\",\"che", "no JSON report"),
        ("[]", "no `schema`"),
        ("{\"name\":\"other\"}", "no `schema`"),
        ("{\"schema\":\"tls-verify/run/v0\",\"checks\":[]}", "`tls-verify/run/v0`"),
        ("{\"schema\":\"tls-verify/probe/v1\",\"endpoints\":[]}", "`tls-verify/probe/v1`"),
        ("{\"schema\":\"tls-verify/run/v1\"}", "checks"),
        ("{\"schema\":\"tls-verify/run/v1\",\"checks\":[{\"id\":\"a\",\"status\":\"failed\"}]}", "`failed`"),
        ("\u{0}\u{1}", "no JSON report"),
    ] {
        fs::write(&file, content).unwrap();
        let output = finish(
            stack.run("gateway-https").args(["--no-docker", "--wait", "80s", "--baseline"]).arg(&file),
        );
        assert_eq!(output.status.code(), Some(2), "{content}");
        let err = text(&output.stderr);
        assert!(err.contains(words) && err.contains("earlier.json"), "{content}: {err}");
    }
    for command in ["run", "demo"] {
        let output = finish(crate::gate::support::program().args([command, "--fail-on", "new"]));
        assert_eq!(output.status.code(), Some(2), "{command}");
        assert!(text(&output.stderr).contains("--baseline"), "{}", text(&output.stderr));
    }
}
