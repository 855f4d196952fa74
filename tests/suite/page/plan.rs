//! `run --list`, `--format nagios`, and which command has which formats.

use std::net::TcpListener;

use serde_json::Value;
use tls_verify_fixtures::pki::{Authority, Layout, Leaf};

use super::finish;
use crate::program;

#[test]
fn the_plan_names_everybody_and_dials_nobody() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    let (server, client) = (ca.issue(&Leaf::server()).unwrap(), ca.issue(&Leaf::client()).unwrap());
    Layout::write(folder.path(), &ca, &server, &client).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let list = |more: &[&str]| {
        let mut command = program();
        command.args(["run", "--list", "--all", "--skip", "gateway-wss", "--certs"]).arg(folder.path());
        command
            .args(["--nats", &format!("tls://127.0.0.1:{port}")])
            .args(["--redis", &format!("rediss://127.0.0.1:{port}")]);
        command.args(["--gateway", &format!("https://127.0.0.1:{port}")]).args(more);
        command
            .env("CORDUM_API_KEY", "key-that-is-not-shown")
            .env("DOCKER_HOST", format!("tcp://127.0.0.1:{port}"));
        let output = finish(&mut command);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    let text = list(&[]);
    let flowed = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for words in
        ["gateway-https", "nats-mtls", "with one of a throw-away CA", "with the API key", "left out (--skip)"]
    {
        assert!(flowed.contains(words), "no `{words}` in {text}");
    }
    let json: Value = serde_json::from_str(&list(&["--format", "json"])).unwrap();
    let schema = finish(program().args(["schema", "plan"]));
    let schema: Value = serde_json::from_slice(&schema.stdout).unwrap();
    assert!(jsonschema::is_valid(&schema, &json), "{json}");
    let checks = json["checks"].as_array().unwrap();
    assert_eq!(checks.len(), tls_verify_checks::ALL.len());
    for check in checks {
        assert!(check["skipped"].is_string() == check["asks"].as_array().unwrap().is_empty(), "{check}");
    }
    assert!(!text.contains("key-that") && !json.to_string().contains("key-that"));
    assert!(listener.accept().is_err(), "somebody was dialled");
}

#[test]
fn nagios_reads_one_line_and_its_own_codes() {
    for (arguments, word, wanted) in [
        (vec!["demo"], "TLS OK - ", 0),
        (vec!["demo", "--only", "certificates"], "TLS WARNING - ", 1),
        (vec!["demo", "--only", "certificates", "--strict"], "TLS WARNING - ", 1),
        (vec!["demo", "--fault", "nats-plaintext"], "TLS CRITICAL - ", 2),
        (vec!["demo", "--only", "nats-mtls", "--fault", "client-eku"], "TLS UNKNOWN - ", 3),
        (vec!["demo", "--fault", "nonsense"], "TLS UNKNOWN - ", 3),
        (vec!["demo", "--nonsense"], "TLS UNKNOWN - ", 3),
    ] {
        let output = finish(program().args(&arguments).args(["--format", "nagios"]));
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.starts_with(word) && text.lines().count() == 1, "{arguments:?}: {text}");
        assert_eq!(output.status.code(), Some(wanted), "{arguments:?}: {text}");
        assert!(text.matches('|').count() <= 1, "{text}");
    }
}

/// What was broken before does not decide, and is not called whole.
#[test]
fn with_fail_on_new_what_is_still_broken_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("before.json");
    let demo = ["demo", "--only", "6", "--fault", "nats-plaintext"];
    let before = finish(program().args(demo).args(["--format", "json"]));
    std::fs::write(&file, before.stdout).unwrap();
    for (format, said) in [
        ("nagios", "TLS OK - nothing new is broken, 0 of 1 checks passed"),
        ("html", "Nothing new is broken"),
        ("human", "nothing new is broken"),
    ] {
        let mut command = program();
        command.args(demo).args(["--fail-on", "new", "--format", format, "--baseline"]).arg(&file);
        let output = finish(&mut command);
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(0), "{format}: {text}");
        assert!(text.contains(said) && !text.contains("TLS holds"), "{format}: {text}");
    }
}

#[test]
fn a_format_that_a_command_does_not_have_is_refused_with_those_it_has() {
    for (arguments, has) in [
        (
            vec!["run", "--format", "xml"],
            "human, json, jsonl, junit, tap, github, sarif, prometheus, html, nagios",
        ),
        (
            vec!["demo", "--format", "xml"],
            "human, json, jsonl, junit, tap, github, sarif, prometheus, html, nagios",
        ),
        (vec!["probe", "x:1", "--format", "tap"], "human, json, jsonl, junit, html, prometheus"),
        (vec!["merge", "x", "--format", "nagios"], "human, json, jsonl, junit, html, prometheus"),
        (vec!["certs", "--format", "jsonl"], "human, json, junit, sarif, github, html"),
        (vec!["diagnose", "--format", "junit"], "human, json, jsonl, html"),
        (vec!["audit", "--format", "tap"], "human, json, jsonl, junit, github, sarif, html"),
        (vec!["explain", "--format", "html"], "human, json"),
    ] {
        let output = finish(program().args(&arguments));
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {said}");
        let said = said + &String::from_utf8_lossy(&output.stdout);
        assert!(said.contains(has), "{arguments:?}: {said}");
    }
    for limit in ["--timeout", "--deadline"] {
        for command in ["run", "demo"] {
            let output = finish(program().args([command, limit, "0s"]));
            assert_eq!(output.status.code(), Some(2), "{command} {limit}");
        }
    }
}
