//! Every format, read by its own reader, for runs with all statuses, all codes and hostile words.

use std::fs;
use std::process::Command;

use rustix::process::Signal;
use serde_json::Value;
use tokio::runtime::Runtime;

use crate::gate::readers::{Rows, github, junit, prometheus, sarif, table, tap};
use crate::gate::support::{Running, Stack, finish, holds, program, text};

const FORMATS: &[&str] = &["json", "junit", "tap", "github", "sarif", "prometheus"];

/// Words that mean something in one format or another.
const REASON: &str =
    "50% # off ::error:: \"q\" 'a' <b> & | \\ ` ]]> \u{1b}[31mred\u{7}\nsecond, line\r\u{0}é\u{2028}";
const NAME: &str = "a#b::c%d\"e|<x>&\\ ]]> 'q',k=`v`";

/// A run with all five statuses, and words from outside in three places.
fn five(stack: &Stack) -> Command {
    let profile = stack.file("five.toml");
    let mut text = toml::Table::new();
    let mut checks = toml::Table::new();
    checks.insert(
        "not-applicable".to_owned(),
        toml::Table::from_iter([("gateway-wss".to_owned(), REASON.into())]).into(),
    );
    text.insert("checks".to_owned(), checks.into());
    let target = format!("rediss://localhost:{}", stack.redis_road.port);
    let endpoint =
        toml::Table::from_iter([("name".to_owned(), NAME.into()), ("target".to_owned(), target.into())]);
    text.insert("endpoint".to_owned(), toml::Value::Array(vec![endpoint.into()]));
    fs::write(&profile, toml::to_string(&text).unwrap()).unwrap();
    let mut command = stack.run("gateway-https,gateway-wss,cli-with-cacert,nats-mtls,redis-tls");
    command.args(["--no-docker", "--expiry-warn", "36500d", "--profile"]).arg(profile);
    command
}

/// Gateway up, NATS and Redis not.
fn half(runtime: &Runtime) -> Stack {
    let mut stack = runtime.block_on(Stack::start());
    runtime.block_on(stack.gateway_road.open());
    stack
}

const EXPECTED: &[(&str, &str)] = &[
    ("gateway-https", "warn"),
    ("gateway-wss", "skip"),
    ("cli-with-cacert", "pass"),
    ("nats-mtls", "unknown"),
    ("redis-tls", "fail"),
    ("endpoint:", "fail"),
];

fn agree(rows: &Rows, format: &str) {
    assert_eq!(rows.len(), EXPECTED.len(), "{format}: {rows:?}");
    for ((name, status), (id, wanted)) in rows.iter().zip(EXPECTED) {
        let wanted = if matches!(*wanted, "pass" | "warn") { "ok" } else { wanted };
        assert!(name.starts_with(id), "{format}: {name}");
        assert_eq!(status, wanted, "{format}: {name}");
    }
    assert!(rows[5].0.starts_with(&format!("endpoint:{NAME}")), "{format}: {}", rows[5].0);
}

#[test]
fn a_run_with_all_five_statuses_is_read_by_every_reader() {
    let runtime = Runtime::new().unwrap();
    let stack = half(&runtime);
    let summary = stack.file("summary.md");
    let mut command = five(&stack);
    command.args(["--format", "json"]).env("GITHUB_STEP_SUMMARY", &summary);
    for format in FORMATS {
        command
            .args(["--report", &format!("{format}={}", stack.file(&format!("report.{format}")).display())]);
    }
    let output = finish(&mut command);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let read = |format: &str| fs::read_to_string(stack.file(&format!("report.{format}"))).unwrap();
    // JSON: standard output holds one object and nothing else, and so does the file.
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(serde_json::from_str::<Value>(&read("json")).unwrap(), report);
    holds("run", &report);
    assert_eq!((&report["exit_code"], &report["outcome"]), (&1.into(), &"fail".into()));
    let rows: Vec<(&str, &str)> = report["checks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|check| (check["id"].as_str().unwrap(), check["status"].as_str().unwrap()))
        .collect();
    for ((id, status), (wanted, expected)) in rows.iter().zip(EXPECTED) {
        assert!(id.starts_with(wanted) && status == expected, "{id} {status}");
    }
    // JUnit.
    let (rows, code) = junit(&read("junit"));
    agree(&rows, "junit");
    assert_eq!(code, "1");
    assert!(read("junit").contains("fix:"), "the fix stands in the body");
    // TAP.
    let (rows, code) = tap(&read("tap"));
    agree(&rows, "tap");
    assert_eq!(code, "1");
    // Prometheus.
    let samples = prometheus(&read("prometheus"));
    let mut rows = Rows::new();
    for (name, labels, value) in &samples {
        if name == "tls_verify_check_status" && *value == 1.0 {
            let status =
                if matches!(labels["status"].as_str(), "pass" | "warn") { "ok" } else { &labels["status"] };
            rows.push((labels["id"].clone(), status.to_owned()));
        }
    }
    agree(&rows, "prometheus");
    let has = |wanted: &str| samples.iter().any(|(name, ..)| name == wanted);
    for name in
        ["tls_verify_run_duration_seconds", "tls_verify_certificate_not_after_seconds", "tls_verify_cause"]
    {
        assert!(has(name), "{name}");
    }
    let code = samples.iter().find(|(name, ..)| name == "tls_verify_exit_code").unwrap();
    assert_eq!(code.2, 1.0);
    // SARIF.
    let object = sarif(&read("sarif"));
    let results = object["runs"][0]["results"].as_array().unwrap();
    for (check, kind, level) in
        [("gateway-https", "fail", "warning"), ("nats-mtls", "open", "none"), ("redis-tls", "fail", "error")]
    {
        let found = results
            .iter()
            .any(|one| one["properties"]["check"] == check && one["kind"] == kind && one["level"] == level);
        assert!(found, "{check}: {object}");
    }
    assert_eq!(object["runs"][0]["invocations"][0]["exitCode"], 1);
    // GitHub.
    let commands = github(&read("github"));
    let levels: Vec<&str> = commands.iter().map(|(level, ..)| level.as_str()).collect();
    assert_eq!(levels, ["warning", "warning", "error", "error", "notice"]);
    let (_, properties, _) = &commands[3];
    assert_eq!(properties["title"], format!("tls-verify endpoint:{NAME}: fail"));
    assert!(commands[2].2.contains("\n    $ ") || commands[2].2.contains("fix:"), "{:?}", commands[2]);
    assert!(commands[4].2.ends_with("exit code 1"));
    // GitHub's summary.
    let markdown = fs::read_to_string(&summary).unwrap();
    let rows = table(&markdown);
    assert_eq!(rows.len(), EXPECTED.len(), "{markdown}");
    for (row, (_, status)) in rows.iter().zip(EXPECTED) {
        assert_eq!((row.len(), row[2].as_str()), (4, *status), "{markdown}");
    }
    assert!(rows[1][3].contains("50% # off ::error::") && rows[1][3].contains("&lt;b>"), "{:?}", rows[1]);
    assert!(!markdown.contains('\u{1b}') && markdown.contains("(exit code 1)"), "{markdown}");
}

#[test]
fn standard_output_holds_the_machine_format_alone() {
    let runtime = Runtime::new().unwrap();
    let stack = half(&runtime);
    for format in FORMATS {
        let output = finish(five(&stack).args(["--format", format]));
        let out = text(&output.stdout);
        let code = match *format {
            "json" => serde_json::from_str::<Value>(&out).unwrap()["exit_code"].to_string(),
            "junit" => junit(&out).1,
            "tap" => tap(&out).1,
            "github" => github(&out).last().unwrap().2.rsplit(' ').next().unwrap().to_owned(),
            "sarif" => sarif(&out)["runs"][0]["invocations"][0]["exitCode"].to_string(),
            _ => prometheus(&out).last().unwrap().2.to_string(),
        };
        assert_eq!(code, output.status.code().unwrap().to_string(), "{format}");
    }
}

/// The code inside a report of any format.
fn inside(format: &str, out: &str) -> String {
    match format {
        "json" => serde_json::from_str::<Value>(out).unwrap()["exit_code"].to_string(),
        "junit" => junit(out).1,
        "tap" => tap(out).1,
        "github" => github(out).last().unwrap().2.rsplit(' ').next().unwrap().to_owned(),
        "sarif" => sarif(out)["runs"][0]["invocations"][0]["exitCode"].to_string(),
        _ => prometheus(out).iter().find(|(name, ..)| name == "tls_verify_exit_code").unwrap().2.to_string(),
    }
}

#[test]
fn every_format_says_every_code_of_the_process() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::opened());
    let closed = runtime.block_on(Stack::start());
    for format in FORMATS {
        let rows: [(i32, Command); 3] = [
            (0, stack.run("gateway-https,redis-tls")),
            (1, closed.run("gateway-https")),
            (3, stack.run("gateway-https,redis-logs")),
        ];
        for (wanted, mut command) in rows {
            let output = finish(command.args(["--no-docker", "--format", format]));
            assert_eq!(output.status.code(), Some(wanted), "{format}: {}", text(&output.stderr));
            assert_eq!(inside(format, &text(&output.stdout)), wanted.to_string(), "{format}");
        }
        // With --strict a warning fails, and the report says so.
        let mut command = stack.run("gateway-https");
        command.args(["--no-docker", "--strict", "--expiry-warn", "36500d", "--format", format]);
        let output = finish(&mut command);
        assert_eq!(inside(format, &text(&output.stdout)), "1", "{format}");
        assert_eq!(output.status.code(), Some(1), "{format}");
        // Interrupted while it waits.
        let mut command = closed.run("gateway-https");
        let waiting = Running::start(command.args(["--wait", "80s", "--no-docker", "--format", format]));
        waiting.said("waiting for");
        waiting.signal(Signal::INT);
        let output = waiting.output();
        assert_eq!(output.status.code(), Some(130), "{format}");
        assert_eq!(inside(format, &text(&output.stdout)), "130", "{format}");
    }
    // Usage errors: nothing is run; JSON says so in an object.
    for format in FORMATS {
        let output = finish(stack.run("gateway-https").args(["--baseline", "/nowhere", "--format", format]));
        assert_eq!(output.status.code(), Some(2), "{format}");
        if *format == "json" {
            let object: Value = serde_json::from_slice(&output.stdout).unwrap();
            holds("error", &object);
            assert_eq!(object["exit_code"], 2);
        } else {
            assert!(output.stdout.is_empty(), "{format}: {}", text(&output.stdout));
        }
    }
}

#[test]
fn reports_are_opened_before_anything_is_run() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::start());
    let same = stack.file("same.json");
    let twice = format!("json={}", same.display());
    let again = format!("sarif={}", same.display());
    for (reports, words) in [
        (vec!["junit=/nowhere/tls.xml"], "/nowhere/tls.xml"),
        (vec!["junit=/"], "directory"),
        (vec!["junit"], "FORMAT=FILE"),
        (vec!["yaml=/tmp/x"], "prometheus"),
        (vec![twice.as_str(), again.as_str()], "one file"),
    ] {
        let mut command = stack.run("gateway-https");
        command.args(["--no-docker", "--wait", "80s"]);
        for report in &reports {
            command.args(["--report", report]);
        }
        let output = finish(&mut command);
        assert_eq!(output.status.code(), Some(2), "{reports:?}");
        assert!(text(&output.stderr).contains(words), "{reports:?}: {}", text(&output.stderr));
        assert!(output.stdout.is_empty());
    }
    let left: Vec<_> =
        fs::read_dir(stack.folder.path()).unwrap().flatten().map(|entry| entry.file_name()).collect();
    assert!(left.iter().all(|name| !name.to_string_lossy().contains("same")), "{left:?}");
}

#[test]
fn a_reports_file_keeps_its_permissions_and_a_link_stays_a_link() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::opened());
    let (real, link) = (stack.file("real.json"), stack.file("latest.json"));
    fs::write(&real, "old").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    symlink("real.json", &link).unwrap();
    let report = format!("json={}", link.display());
    let output = finish(stack.run("gateway-https").args(["--no-docker", "--report", &report]));
    assert_eq!(output.status.code(), Some(0));
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    let _: Value = serde_json::from_slice(&fs::read(&real).unwrap()).unwrap();
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o640);
}

#[test]
fn words_of_a_peer_that_are_no_text_break_no_format() {
    let runtime = Runtime::new().unwrap();
    let stack = runtime.block_on(Stack::start());
    let port = stack.gateway_road.port;
    // It answers every request with bytes that are no UTF-8, controls and commands for CI servers.
    let listener = runtime.block_on(tokio::net::TcpListener::bind(("127.0.0.1", port))).unwrap();
    let peer = runtime.spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            use tokio::io::AsyncWriteExt;
            let _ =
                stream.write_all(b"\xff\xfe::error::x%0A\r\n# not ok 1\x1b[2J<a b=\"'\"]]>\x00|`\\\n").await;
            let _ = stream.shutdown().await;
        }
    });
    for format in FORMATS {
        let output = finish(stack.run("gateway-https").args(["--no-docker", "--format", format]));
        assert_eq!(output.status.code(), Some(1), "{format}");
        let out = text(&output.stdout);
        assert_eq!(inside(format, &out), "1", "{format}");
        assert!(!out.contains('\u{1b}') && !out.contains('\0'), "{format}: {out:?}");
    }
    peer.abort();
}

#[test]
fn findings_about_files_carry_their_location_in_sarif() {
    let folder = tempfile::tempdir().unwrap();
    let bad = folder.path().join("my certs");
    fs::create_dir_all(bad.join("ca")).unwrap();
    fs::write(bad.join("ca/ca.crt"), "no certificate").unwrap();
    let output = finish(program().arg("certs").arg(&bad).args(["--format", "sarif"]));
    let object = sarif(&text(&output.stdout));
    let results = object["runs"][0]["results"].as_array().unwrap();
    let uri = |one: &Value| {
        one.pointer("/locations/0/physicalLocation/artifactLocation/uri")
            .and_then(Value::as_str)
            .map(str::to_owned)
    };
    assert!(results.iter().filter_map(uri).any(|uri| uri.ends_with("my%20certs/ca/ca.crt")), "{object}");
    assert_eq!(object["runs"][0]["invocations"][0]["exitCode"], output.status.code().unwrap());
}
