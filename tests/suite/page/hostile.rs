//! Words of other people are text on a page, and nothing else.

use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tls_verify_fixtures::pki::{Authority, Leaf};

use super::finish;
use super::pages::rendered;
use super::reader::Page;
use crate::program;

const WORDS: &str = "</title></style></script><script>alert(1)</script><img src=x onerror=alert(1)>\" onload=\"x' \
                     <!-- --> ]]> &lt; {{ 7*7 }} {% x %} javascript:alert(1) \u{202e}txt.exe\u{200b}\u{1b}[31m\u{0}\r`a`\u{fffe}";

/// Every text and every name of an object is hostile, but for the words that steer.
fn poisoned(value: &Value) -> Value {
    match value {
        Value::String(text) if is_word(text) => value.clone(),
        Value::String(text) => Value::String(format!("{text}{WORDS}")),
        Value::Array(all) => Value::Array(all.iter().map(poisoned).collect()),
        Value::Object(all) => {
            let mut poison: Map<String, Value> =
                all.iter().map(|(key, one)| (key.clone(), poisoned(one))).collect();
            poison.insert(WORDS.to_owned(), WORDS.into());
            Value::Object(poison)
        }
        other => other.clone(),
    }
}

fn is_word(text: &str) -> bool {
    text.starts_with("tls-verify/")
        || text.ends_with("00Z")
        || matches!(text, "pass" | "fail" | "warn" | "unknown" | "skip" | "error" | "warning")
}

fn reports() -> Vec<(&'static str, Value)> {
    let diagnosis = json!({"cause": "expired", "variant": "x", "severity": "error", "confidence": "certain",
        "side": "server", "title": "t", "because": ["b"], "explain": "e", "where": "w",
        "fix": [{"text": "f", "command": "c", "changes": [{"workload": "a", "container": "b", "kind": "mount",
            "name": "n", "path": "p", "from": "f", "to": "t", "remove": false, "defined_at": "d"}]}]});
    let certificate = json!({"subject": "s", "issuer": "i", "key": "k", "sans": ["a"], "sha256": "1", "file": "f",
        "not_before": "2026-01-01T00:00:00Z", "not_after": "2027-01-01T00:00:00Z"});
    let check = |id: &str, status: &str| {
        json!({"number": 1, "id": id, "title": "t", "status": status, "duration_ms": 1.0, "attempts": 2,
            "change": "new", "summary": "s", "evidence": "proved", "diagnoses": [diagnosis],
            "details": {"presented": [certificate], "x": {"y": ["z", {"q": "r"}]},
                "services": [{"service": "scheduler", "tls_version": "1.3", "client_certificate": "c"}]}})
    };
    vec![
        (
            "run",
            json!({"schema": "tls-verify/run/v1", "version": "1", "started_at": "2026-01-01T00:00:00Z",
            "duration_ms": 1.0, "target": {"gateway": "g"}, "outcome": "fail", "exit_code": 1,
            "summary": {"pass": 0, "warn": 0, "fail": 2, "skip": 0, "unknown": 0},
            "checks": [check("redis-tls", "fail"), check("service-links", "fail"), check("x", "pass")],
            "services": [{"name": "scheduler", "replicas": 2, "running": 1}, {"name": "worker", "replicas": 1, "running": 1}],
            "root_causes": [{"cause": "expired", "where": "w", "checks": ["redis-tls"], "summary": "s",
                "because": ["b"], "fix": diagnosis["fix"]}],
            "comparison": {"baseline": "b", "new": ["redis-tls"], "still": [], "fixed": [], "absent": []},
            "demo": {"about": "a", "fault": "f"}}),
        ),
        (
            "probe",
            json!({"schema": "tls-verify/probe/v1", "outcome": "fail", "exit_code": 1, "endpoints": [
            {"target": "t", "status": "fail", "summary": "s", "diagnoses": [diagnosis], "details": {"presented": [certificate]}}]}),
        ),
        (
            "certs",
            json!({"schema": "tls-verify/certs/v1", "outcome": "fail", "exit_code": 1, "at": "2026-01-01T00:00:00Z",
            "findings": [{"file": "f", "cause": "expired", "severity": "error", "message": "m", "fix": diagnosis["fix"]}],
            "certificates": [certificate], "verifications": [{"go": true, "reason": "r", "purpose": "p"}]}),
        ),
        (
            "diagnose",
            json!({"schema": "tls-verify/diagnose/v1", "outcome": "fail", "exit_code": 1, "problems": 1,
            "causes": [{"cause": "expired", "count": 1, "title": "t", "sources": ["s"], "emitter": "e",
                "sample": {"source": "s", "line": "l", "line_number": 1}, "fix": diagnosis["fix"], "explain": "e"}]}),
        ),
        (
            "audit",
            json!({"schema": "tls-verify/audit/v1", "outcome": "fail", "exit_code": 1,
            "deployments": [{"source": "s", "kind": "k", "workloads": 1}],
            "connections": [{"from": "a", "to": "b", "client": "tls", "server": "mtls"}],
            "findings": [{"rule": "r", "severity": "error", "file": "f", "line": 1, "workload": "w", "message": "m",
                "because": ["b"], "fix": diagnosis["fix"]}],
            "undecided": [{"file": "f", "line": 1, "what": "w", "how": "h"}]}),
        ),
    ]
}

#[test]
fn hostile_words_in_every_place_are_text() {
    for (command, report) in reports() {
        let clean = Page::read(&rendered(command, &report));
        let html = rendered(command, &poisoned(&report));
        let page = Page::read(&html);
        // The same elements as without them: nothing has come in, nothing was closed early.
        let count = |page: &Page, name: &str| page.elements().iter().filter(|(own, _)| own == name).count();
        for name in ["script", "style", "title", "h1", "form", "input", "button", "meta", "section"] {
            assert_eq!(count(&page, name), count(&clean, name), "{command}: {name}");
        }
        assert_eq!(count(&page, "img"), 0, "{command}");
        let hidden = |one: char| {
            matches!(one, '\u{202a}'..='\u{202e}' | '\u{200b}'..='\u{200f}' | '\u{fffe}')
                || (one.is_control() && !"\n\t".contains(one))
        };
        assert!(!html.chars().any(hidden), "{command}: something that nobody sees is in the page");
        assert!(page.text().contains("<script>alert(1)</script>"), "{command}: the words are not shown");
        assert!(page.text().contains("⟨U+202E⟩txt.exe"), "{command}");
    }
}

#[test]
fn secrets_of_the_process_are_masked_before_anything_else_is_done_with_them() {
    let secret = "hunter-2 & <very>\u{202e}secret";
    tls_verify_checks::secret::remember(secret);
    let mut long = "y".repeat(2040);
    long.push(' ');
    long.push_str(secret);
    for (command, report) in reports() {
        let text = report.to_string().replace("\"s\"", &Value::from(format!("a {secret} b")).to_string());
        let mut report: Value = serde_json::from_str(&text).unwrap();
        // One that is cut in its middle is masked all the same.
        report["target"] = json!({"x": long});
        report["causes"]
            .as_array_mut()
            .into_iter()
            .flatten()
            .for_each(|one| one["title"] = long.clone().into());
        let html = rendered(command, &report);
        for part in ["hunter-2", "very&gt;", "U+202E"] {
            assert!(!html.contains(part), "{command}: {part}");
        }
    }
}

/// What a reader must not be able to do with a page: no element of theirs, nothing that is not seen.
fn is_tame(what: &str, html: &str, shown: &str) {
    let page = Page::read(html);
    let count = |name: &str| page.elements().iter().filter(|(own, _)| own == name).count();
    assert_eq!((count("script"), count("img"), count("style")), (1, 0, 1), "{what}");
    let hidden = |one: char| {
        matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
            || (one.is_control() && !"\n\t".contains(one))
    };
    assert!(!html.chars().any(hidden), "{what}: something that nobody sees is in the page");
    assert!(html.len() < 300_000, "{what}: {} bytes", html.len());
    assert!(page.text().contains(shown), "{what}: no `{shown}` in {}", page.text());
}

/// The same through the program: files, subjects, services, lines and projects that are called so.
#[test]
fn who_gives_hostile_names_to_real_things_is_read_as_text() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let ask = |what: &str, place: &Path, arguments: &[&str]| {
        let output = finish(program().args(arguments).args(["--format", "html"]).current_dir(place));
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 1 | 3)), "{what}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    };
    const EVIL: &str = "<img src=x onerror=alert(1)>\u{202e}gnp";

    let certs = folder.path().join("certs");
    fs::create_dir(&certs).unwrap();
    let leaf = Leaf { common_name: format!("</title><script>alert(1)</script>{EVIL}"), ..Leaf::server() };
    let (ca, other) = (Authority::generate().unwrap(), Authority::generate().unwrap());
    fs::write(certs.join("ca.crt"), ca.pem()).unwrap();
    fs::write(certs.join(format!("{EVIL}\u{1b}[31m\n.crt")), other.issue(&leaf).unwrap().chain_pem())
        .unwrap();
    let html = ask("certs", folder.path(), &["certs", "certs"]);
    is_tame("certs", &html, "</title><script>alert(1)</script><img src=x onerror=alert(1)>⟨U+202E⟩gnp");
    is_tame("certs", &html, "⟨U+202E⟩gnp␛[31m");

    let lines =
        format!("x509: certificate signed by unknown authority {EVIL}{}\n", "<b>&\u{2067}".repeat(200_000));
    fs::write(folder.path().join(format!("{EVIL}.log")), &lines).unwrap();
    let html = ask("diagnose", folder.path(), &["diagnose", &format!("{EVIL}.log")]);
    is_tame("diagnose", &html, "unknown authority <img src=x onerror=alert(1)>⟨U+202E⟩gnp<b>&⟨U+2067⟩");

    let (logs, run) =
        (folder.path().join("logs"), ["run", "--no-docker", "--only", "7", "--logs", "logs", "--services"]);
    fs::create_dir(&logs).unwrap();
    fs::write(logs.join(format!("{EVIL}.log")), format!("connect redis: {lines}")).unwrap();
    let html = ask("run", folder.path(), &[&run[..], &[EVIL]].concat());
    is_tame("run", &html, "<img src=x onerror=alert(1)>⟨U+202E⟩gnp");

    let project = folder.path().join("project");
    fs::create_dir(&project).unwrap();
    let compose = format!(
        "name: shop\nservices:\n  nats:\n    image: nats:2\n    command: [--tls, '--tlscert={EVIL}']\n  scheduler:\n    image: \
         cordum-scheduler\n    environment:\n      NATS_URL: nats://nats:4222\n      NATS_TLS_CA: \"/c/{EVIL}\"\n"
    );
    fs::write(project.join(format!("{EVIL}.yml")), compose).unwrap();
    let html = ask("audit", &project, &["audit", "-f", &format!("{EVIL}.yml")]);
    is_tame("audit", &html, "<img src=x onerror=alert(1)>⟨U+202E⟩gnp");

    let html = ask("probe", folder.path(), &["probe", "https://127.0.0.1:1/<script>", "127.0.0.1:1"]);
    is_tame("probe", &html, "<script>");
}
