//! What machines read: schemas, exit codes, formats, comparing runs, waiting.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tls_verify_fixtures::pki::{Authority, Layout, Leaf};

fn program() -> Command {
    let mut command = crate::bare();
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default());
    command
}

fn demo(arguments: &[&str]) -> Output {
    program().arg("demo").args(arguments).output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn schema(name: &str) -> Value {
    let output = program().args(["schema", name]).output().unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

fn holds(name: &str, object: &Value) {
    let schema = schema(name);
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> =
        validator.iter_errors(object).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}: {errors:#?}");
}

#[test]
fn every_json_output_keeps_its_schema() {
    let ca = Authority::generate().unwrap();
    let folder = tempfile::tempdir().unwrap();
    Layout::write(
        folder.path(),
        &ca,
        &ca.issue(&Leaf::server().for_names(&["nats"])).unwrap(),
        &ca.issue(&Leaf::client()).unwrap(),
    )
    .unwrap();
    let path = folder.path().to_str().unwrap();
    let rows: &[(&str, &[&str])] = &[
        ("run", &["demo", "--all", "--format", "json"]),
        ("run", &["demo", "--fault", "redis-plaintext", "--all", "--format", "json"]),
        ("certs", &["certs", path, "--format", "json"]),
        ("probe", &["probe", "127.0.0.1:1", "http://127.0.0.1:1", "--format", "json"]),
        ("diagnose", &["diagnose", "x509: certificate signed by unknown authority", "--format", "json"]),
        ("explain", &["explain", "--format", "json"]),
        ("explain", &["explain", "expired", "--format", "json"]),
        ("explain", &["explain", "half-pair", "--format", "json"]),
        ("audit", &["audit", "-f", "docker-compose.test.yml", "--format", "json"]),
        ("faults", &["demo", "--list-faults", "--format", "json"]),
        ("error", &["run", "--gateway", "nonsense", "--format", "json"]),
    ];
    for (name, arguments) in rows {
        let output = program().args(*arguments).output().unwrap();
        let object: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{arguments:?}: {error}: {}", text(&output.stdout)));
        holds(name, &object);
        if let Some(code) = object.get("exit_code").filter(|_| *name != "faults") {
            assert_eq!(code.as_i64().map(|code| code as i32), output.status.code(), "{arguments:?}");
        }
    }
}

#[test]
fn the_exit_code_in_every_format_is_the_process() {
    for fault in ["", "expired", "ws-forbidden"] {
        let mut base = Vec::new();
        if !fault.is_empty() {
            base.extend(["--fault", fault]);
        }
        for (format, inside) in [
            ("json", "\"exit_code\":{}"),
            ("junit", "<property name=\"exit_code\" value=\"{}\"/>"),
            ("tap", "exit code {}\n"),
            ("github", "exit code {}\n"),
            ("sarif", "\"exitCode\":{}"),
            ("prometheus", "tls_verify_exit_code {}\n"),
        ] {
            let output = demo(&[&base[..], &["--format", format]].concat());
            let code = output.status.code().unwrap();
            let wanted = inside.replace("{}", &code.to_string());
            let out = text(&output.stdout);
            assert!(out.contains(&wanted), "{fault} {format}: no `{wanted}` in {out}");
        }
    }
}

#[test]
fn junit_tells_failure_from_error_from_skipped() {
    let output = demo(&["--fault", "ws-forbidden", "--skip", "7", "--format", "junit"]);
    let out = text(&output.stdout);
    assert!(out.contains("errors=\"1\"") && out.contains("failures=\"0\""), "{out}");
    assert!(out.contains("<skipped"), "{out}");
    let output = demo(&["--fault", "gateway-down", "--format", "junit"]);
    let out = text(&output.stdout);
    assert!(out.contains("<failure") && out.contains("fix:"), "{out}");
}

#[test]
fn tap_numbers_every_check_and_says_skip() {
    let output = demo(&["--skip", "nats-mtls", "--format", "tap"]);
    let out = text(&output.stdout);
    assert!(out.starts_with("TAP version 14\n1..7\n"), "{out}");
    assert_eq!(out.lines().filter(|line| line.starts_with("ok ")).count(), 7, "{out}");
    assert!(out.contains("# SKIP"), "{out}");
}

#[test]
fn sarif_names_a_rule_for_every_result() {
    let output = demo(&["--fault", "missing-san", "--format", "sarif"]);
    let object: Value = serde_json::from_slice(&output.stdout).unwrap();
    let run = &object["runs"][0];
    let rules: Vec<&str> = run["tool"]["driver"]["rules"]
        .as_array()
        .unwrap()
        .iter()
        .map(|rule| rule["id"].as_str().unwrap())
        .collect();
    let results = run["results"].as_array().unwrap();
    assert!(!results.is_empty());
    for result in results {
        assert!(rules.contains(&result["ruleId"].as_str().unwrap()), "{result}");
        assert!(!result["locations"].as_array().unwrap().is_empty(), "{result}");
    }
}

#[test]
fn reports_go_beside_standard_output_and_github_gets_a_summary() {
    let folder = tempfile::tempdir().unwrap();
    let file = |name: &str| folder.path().join(name);
    let output = program()
        .args(["demo", "--fault", "expired", "--format", "json"])
        .args(["--report", &format!("junit={}", file("a.xml").display())])
        .args(["--report", &format!("github={}", file("b.txt").display())])
        .args(["--report", &format!("prometheus={}", file("c.prom").display())])
        .env("GITHUB_STEP_SUMMARY", file("summary.md"))
        .output()
        .unwrap();
    let _: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(fs::read_to_string(file("a.xml")).unwrap().contains("<testsuites"));
    assert!(fs::read_to_string(file("b.txt")).unwrap().contains("::error title="));
    let metrics = fs::read_to_string(file("c.prom")).unwrap();
    assert!(metrics.contains("tls_verify_check_status{id=\"gateway-https\",status=\"fail\"} 1"), "{metrics}");
    assert!(metrics.contains("tls_verify_certificate_not_after_seconds{"), "{metrics}");
    assert!(fs::read_to_string(file("summary.md")).unwrap().contains("| 1 |"));
    let left: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 4, "no draft is left: {left:?}");
}

#[test]
fn a_report_that_cannot_be_opened_stops_before_the_run() {
    let output = demo(&["--report", "json=/nowhere/report.json"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("/nowhere/report.json"));
}

#[test]
fn a_baseline_tells_new_from_still_from_fixed() {
    let folder = tempfile::tempdir().unwrap();
    let earlier = folder.path().join("earlier.json");
    fs::write(&earlier, demo(&["--fault", "expired", "--format", "json"]).stdout).unwrap();
    let path = earlier.to_str().unwrap();
    let compare = |fault: &[&str]| -> (i32, Value) {
        let output = demo(&[fault, &["--baseline", path, "--fail-on", "new", "--format", "json"]].concat());
        (output.status.code().unwrap(), serde_json::from_slice(&output.stdout).unwrap())
    };
    let (code, report) = compare(&["--fault", "expired"]);
    assert_eq!((code, report["comparison"]["still"].as_array().unwrap().len()), (0, 4), "{report}");
    let (code, report) = compare(&[]);
    assert_eq!((code, report["comparison"]["fixed"].as_array().unwrap().len()), (0, 4), "{report}");
    let (code, report) = compare(&["--fault", "no-mtls"]);
    let new = report["comparison"]["new"].as_array().unwrap();
    assert_eq!((code, new.len()), (1, 1), "{report}");
}

/// The seven checks' answers when a profile names what does not apply.
#[test]
fn a_profile_is_read_and_its_mistakes_are_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("mine.toml");
    let run = |content: &str| {
        fs::write(&file, content).unwrap();
        program()
            .args(["run", "--only", "redis-logs", "--no-docker", "--profile", file.to_str().unwrap()])
            .args(["--format", "json"])
            .output()
            .unwrap()
    };
    let output = run("[checks.not-applicable]\nredis-logs = \"no logs here\"\n");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert_eq!(report["checks"][0]["status"], "skip");
    assert!(report["checks"][0]["summary"].as_str().unwrap().contains("no logs here"));
    for (content, words) in [
        ("[targets]\ngatway = \"https://a\"\n", "did you mean `gateway`"),
        ("[checks.not-applicable]\nredis-log = \"x\"\n", "did you mean `redis-logs`"),
        ("[stack]\nminimum = \"1.5\"\n", "1.5"),
        ("[[endpoint]]\ntarget = \"gopher://x\"\n", "gopher"),
    ] {
        let output = run(content);
        assert_eq!(output.status.code(), Some(2), "{content}");
        assert!(text(&output.stdout).contains(words), "{content}: {}", text(&output.stdout));
    }
}

#[test]
fn what_comes_up_is_waited_for_and_what_is_definite_is_not() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    let certs = folder.path().join("certs");
    let write = |ca: &Authority| {
        let server = ca.issue(&Leaf::server()).unwrap();
        Layout::write(&certs, ca, &server, &ca.issue(&Leaf::client()).unwrap()).unwrap();
    };
    write(&ca);
    let port = tls_verify_fixtures::servers::free_port().unwrap();
    let ask = |wait: &str| {
        program()
            .args([
                "run",
                "--only",
                "redis-tls",
                "--no-docker",
                "--wait",
                wait,
                "--format",
                "json",
                "--certs",
            ])
            .arg(&certs)
            .args(["--redis", &format!("rediss://localhost:{port}")])
            .env("REDIS_PASSWORD", "word")
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    };
    // Nothing comes: it ends when the time has passed.
    let output = ask("1s").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("waiting for redis-tls (connection-refused)"));
    // It comes while it is waited for.
    let mut child = ask("600s");
    let mut said = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(line.contains("waiting for redis-tls (connection-refused)"), "{line}");
    let peer = runtime.block_on(listen(&certs, port));
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report["checks"][0]["attempts"].as_u64().unwrap() > 1, "{report}");
    assert!(report["duration_ms"].as_f64().unwrap() < 200_000.0, "{report}");
    // A certificate of another CA is definite.
    write(&Authority::named("Another", tls_verify_fixtures::pki::Validity::Now).unwrap());
    let begun = Instant::now();
    let output = ask("600s").wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(begun.elapsed() < Duration::from_secs(200), "{:?}", begun.elapsed());
    drop(peer);
}

async fn listen(certs: &Path, port: u16) -> tls_verify_fixtures::peers::redis::EmbeddedRedis {
    tls_verify_fixtures::peers::redis::EmbeddedRedis::start_at(port, Some(certs), "word").await.unwrap()
}

#[test]
fn no_secret_reaches_any_output() {
    const CANARY: &str = "canary7f1c52ab";
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    let certs = folder.path().join("certs");
    let client = ca.issue(&Leaf::client()).unwrap();
    Layout::write(&certs, &ca, &ca.issue(&Leaf::server()).unwrap(), &client).unwrap();
    let logs = folder.path().join("logs");
    fs::create_dir_all(&logs).unwrap();
    let line = format!(
        "[GATEWAY] ERROR api gateway error error=connect nats: connect nats tls://user:{CANARY}@nats:4222: x509: \
         certificate has expired or is not yet valid\n[CONTEXT-ENGINE] INFO context engine listening addr=:50070 \
         redis=rediss://:{CANARY}@redis:6379\nredis: connect redis: WRONGPASS password={CANARY} Authorization: \
         Bearer {CANARY} x-api-key: {CANARY}\n"
    );
    for service in ["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine"] {
        fs::write(logs.join(format!("{service}.log")), &line).unwrap();
    }
    let key = client.key.serialize_pem();
    let inside = key.lines().nth(1).unwrap();
    let command = |arguments: &[&str]| {
        program()
            .args(arguments)
            .env("CORDUM_API_KEY", CANARY)
            .env("REDIS_PASSWORD", CANARY)
            .env("NATS_TOKEN", CANARY)
            .env("NATS_URL", format!("tls://user:{CANARY}@127.0.0.1:1"))
            .env("REDIS_URL", format!("rediss://:{CANARY}@127.0.0.1:1"))
            .output()
            .unwrap()
    };
    let (certs, logs) = (certs.to_str().unwrap(), logs.to_str().unwrap());
    for format in ["human", "json", "junit", "tap", "github", "sarif", "prometheus"] {
        let output = command(&[
            "run",
            "--all",
            "-v",
            "--gateway",
            "https://127.0.0.1:1",
            "--certs",
            certs,
            "--logs",
            logs,
            "--no-docker",
            "--format",
            format,
        ]);
        clean(&output, &[CANARY, inside], format);
    }
    let target = format!("rediss://:{CANARY}@127.0.0.1:1");
    for format in ["human", "json", "jsonl"] {
        clean(
            &command(&["probe", &target, "--certs", certs, "--format", format]),
            &[CANARY, inside],
            "probe",
        );
        clean(&command(&["diagnose", logs, "--format", format]), &[CANARY], "diagnose");
        clean(&command(&["diagnose", &line, "--format", format]), &[CANARY], "diagnose text");
    }
    clean(&command(&["certs", certs, "--format", "json"]), &[inside], "certs");
    clean(&command(&["certs", certs]), &[inside], "certs");
}

fn clean(output: &Output, canaries: &[&str], what: &str) {
    for canary in canaries {
        for text in [text(&output.stdout), text(&output.stderr)] {
            assert!(!text.contains(canary), "{what}: a secret is shown: {text}");
        }
    }
}

#[test]
fn real_servers_are_used_where_they_are_and_none_is_needed() {
    let output =
        program().args(["demo", "--all", "--format", "json"]).env("PATH", "/nowhere").output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{report}");
    assert!(report["demo"]["about"].as_str().unwrap().contains("embedded NATS"));
}
