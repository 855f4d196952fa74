//! The first line of a page says what its table says, and its days are those that were judged.

use serde_json::{Value, json};

use super::finish;
use super::pages::rendered;
use super::reader::Page;
use crate::program;

fn run(outcome: &str, code: u8, cause: &str) -> Value {
    json!({"schema": "tls-verify/run/v1", "started_at": "2026-11-30T12:00:00.000Z", "outcome": outcome,
        "exit_code": code, "target": {}, "summary": {"pass": 1, "warn": 0, "fail": 1, "skip": 0, "unknown": 0},
        "root_causes": [{"cause": cause, "where": "nats", "checks": ["nats-mtls"], "summary": "so it is",
            "because": [], "fix": []}],
        "checks": [
            {"number": 1, "id": "gateway-https", "title": "One", "status": "pass", "summary": "", "diagnoses": [],
                "details": {"presented": [{"subject": "CN=nats", "issuer": "CN=ca", "sha256": "1",
                    "not_before": "2026-01-01T00:00:00Z", "not_after": "2026-03-01T00:00:00Z"}]}},
            {"number": 6, "id": "nats-mtls", "title": "Six", "status": "fail", "summary": "so it is",
                "diagnoses": [{"cause": cause, "severity": "error", "title": "so it is", "because": [], "fix": []}],
                "details": {}}]})
}

#[test]
fn what_was_broken_before_is_not_called_whole() {
    for (outcome, code, cause, first, exit) in [
        ("fail", 1, "expired", "TLS is broken: so it is", "something failed"),
        ("fail", 1, "auth-not-tls", "TLS is fine, a login is not: so it is", "something failed"),
        ("fail", 1, "connection-refused", "Not reachable: so it is", "something failed"),
        // `--fail-on new`.
        ("pass", 0, "expired", "Nothing new is broken", "nothing new failed"),
    ] {
        let page = Page::read(&rendered("run", &run(outcome, code, cause)));
        let said = page.texts("h1")[0].clone();
        assert!(said.ends_with(first), "{cause}: {said}");
        assert!(
            page.text().contains("1 of 2 checks failed") && page.text().contains(exit),
            "{}",
            page.text()
        );
        assert!(!page.text().contains("everything selected passed"), "{cause}");
    }
    // What is undecided is not fine.
    let mut open = run("fail", 1, "auth-not-tls");
    open["summary"]["unknown"] = 2.into();
    let page = Page::read(&rendered("run", &open));
    let said = page.texts("h1")[0].clone();
    assert!(said.ends_with("TLS is fine where it was looked at, a login is not: so it is"), "{said}");
    assert!(page.text().contains("1 of 4 checks failed, 2 undecided"), "{}", page.text());
    let mut good = run("pass", 0, "expired");
    good["summary"] = json!({"pass": 2, "warn": 0, "fail": 0, "skip": 0, "unknown": 0});
    let page = Page::read(&rendered("run", &good));
    assert!(page.texts("h1")[0].ends_with("TLS holds"), "{:?}", page.texts("h1"));
    assert!(page.text().contains("everything selected passed"));
    for (problems, outcome, code, exit) in
        [(0, "pass", 0, "no problem line"), (2, "fail", 1, "a problem line was found")]
    {
        let report = json!({"schema": "tls-verify/diagnose/v1", "outcome": outcome, "exit_code": code,
            "problems": problems, "causes": []});
        let page = Page::read(&rendered("diagnose", &report));
        assert!(page.text().contains(exit), "{}", page.text());
    }
}

#[test]
fn what_was_recorded_is_seen_from_the_day_on_which_it_was_judged() {
    let mut report = run("fail", 1, "timeout");
    let today = Page::read(&rendered("run", &report)).text();
    assert!(today.contains("As of 2026-11-30 (today)") && today.contains("ended 274 days ago"), "{today}");
    report["target"]["as_of"] = "2026-01-31T00:00:00.000Z".into();
    let then = Page::read(&rendered("run", &report)).text();
    assert!(then.contains("As of 2026-01-31 (when it was recorded)"), "{then}");
    assert!(
        then.contains("The first ends on 2026-03-01 (in 29 days)") && then.contains("29 days left"),
        "{then}"
    );
    assert!(then.contains("The dashed line is the day on which this page was made"), "{then}");
}

/// A recording tells of certificates and services what a live cluster does.
#[test]
fn the_page_of_a_recording_has_its_certificates_and_its_services() {
    let Some(space) = crate::namespace::Namespace::healthy() else { return };
    let shown = |format: &str| {
        let mut command = program();
        command.args(["run", "--all", "--format", format, "--objects"]).arg(space.path());
        String::from_utf8(finish(&mut command).stdout).unwrap()
    };
    let report: Value = serde_json::from_str(&shown("json")).unwrap();
    let check = report["checks"].as_array().unwrap().iter().find(|one| one["id"] == "certificates").unwrap();
    let files: Vec<&str> = check["details"]["files"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["file"].as_str().unwrap())
        .collect();
    for file in ["secret/cordum-server-tls tls.crt", "secret/cordum-redis-server-tls tls.crt"] {
        assert_eq!(files.iter().filter(|one| **one == file).count(), 1, "{file}: {files:?}");
    }
    let scheduler = json!({"name": "scheduler", "replicas": 2, "running": 2});
    assert!(report["services"].as_array().unwrap().contains(&scheduler), "{}", report["services"]);
    let page = Page::read(&shown("html"));
    let text = page.text();
    assert!(
        text.contains("The first ends on 2096-01-01") && text.contains("(when it was recorded)"),
        "{text}"
    );
    let rows = page.texts("tr");
    assert!(rows.iter().any(|row| row.contains("cordum-nats-server-tls tls.crt")), "{rows:?}");
    assert!(
        rows.iter().any(|row| row.trim_start().starts_with("schedulernats") && row.contains("TLS")),
        "{rows:?}"
    );
    // What holds no certificate has no time line, and no service is made up.
    for secret in
        ["cordum-server-tls", "cordum-client-tls", "cordum-nats-server-tls", "cordum-redis-server-tls"]
    {
        space.edit("secrets", secret, |secret| secret["data"] = json!({}));
    }
    assert!(!Page::read(&shown("html")).text().contains("The first ends on"));
}

/// What was seen of one service says nothing of another.
#[test]
fn the_picture_claims_of_a_service_what_was_seen_of_it() {
    let good = |number: u16, id: &str, looked_at: &[&str]| {
        let looked_at: Vec<Value> = looked_at.iter().map(|name| json!({"component": name})).collect();
        json!({"number": number, "id": id, "title": id, "status": "pass", "summary": "fine", "evidence": "logged",
            "diagnoses": [], "details": {"looked_at": looked_at}})
    };
    let names = ["scheduler", "workflow-engine", "worker-1", "log-agent", "nats", "redis"];
    let services: Vec<Value> =
        names.iter().map(|name| json!({"name": name, "replicas": 1, "running": 1})).collect();
    let report = json!({"schema": "tls-verify/run/v1", "started_at": "2026-11-30T12:00:00.000Z", "outcome": "pass",
        "exit_code": 0, "target": {}, "services": services, "root_causes": [],
        "summary": {"pass": 4, "warn": 0, "fail": 0, "skip": 0, "unknown": 0},
        "checks": [good(5, "worker-nats-tls", &["nats", "worker-1"]), good(7, "redis-logs", &["scheduler", "redis"]),
            good(8, "redis-tls", &["redis"]), good(15, "service-links", &["nats", "scheduler", "workflow-engine"])]});
    let page = Page::read(&rendered("run", &report));
    let rows = page.texts("tr");
    let state = |from: &str, to: &str| -> Option<bool> {
        let row = rows.iter().find(|row| row.trim_start().starts_with(&format!("{from}{to}")))?;
        Some(row.contains("\u{2713} TLS"))
    };
    for (from, to, seen) in [
        ("scheduler", "nats", Some(true)),
        ("workflow-engine", "nats", Some(true)),
        ("worker-1", "nats", Some(true)),
        ("log-agent", "nats", Some(false)),
        ("scheduler", "redis", Some(true)),
        // Its log was not read.
        ("workflow-engine", "redis", Some(false)),
        ("worker-1", "redis", None),
    ] {
        assert_eq!(state(from, to), seen, "{from} to {to}: {rows:?}");
    }
    // Without an engine our own session is none of a worker's.
    let mut alone = report.clone();
    alone["services"] = json!([]);
    alone["checks"][0]["details"]["looked_at"] = json!([{"component": "nats"}]);
    let of_workers = |report: &Value| {
        let rows = Page::read(&rendered("run", report)).texts("tr");
        rows.iter().find(|row| row.trim_start().starts_with("workersnats")).unwrap().contains("\u{2713} TLS")
    };
    assert!(!of_workers(&alone));
    alone["checks"][0]["details"]["monitoring"] = "http://nats:8222".into();
    assert!(of_workers(&alone));
}

#[test]
fn a_verdict_of_several_files_says_of_which() {
    let certs = &super::pages::all().iter().find(|made| made.name == "certs").unwrap().html;
    let text = Page::read(certs).text();
    for file in ["server/tls.crt as a server", "client/tls.crt as a client"] {
        assert!(text.contains(file), "no `{file}` in {text}");
    }
}

/// Who is at fault is marked, on a connection or by itself.
#[test]
fn the_picture_marks_who_is_at_fault() {
    let mut report = run("fail", 1, "unknown-authority");
    // Members of a cluster: none of the connections that are drawn.
    report["checks"][1]["id"] = "cluster-links".into();
    report["root_causes"][0]["checks"] = json!(["cluster-links"]);
    report["root_causes"][0]["where"] = "secret/nats-tls".into();
    report["root_causes"][0]["fix"] = json!([{"text": "t", "command": null,
        "changes": [{"workload": "statefulset/cordum-nats", "kind": "secret", "name": "nats-tls/tls.crt"}]}]);
    let page = Page::read(&rendered("run", &report));
    assert!(page.texts("svg").concat().contains("\u{2717} fault"), "{:?}", page.texts("svg"));
    let row = page.texts("tr").into_iter().find(|row| row.trim_start().starts_with("natsnats")).unwrap();
    assert!(row.contains("broken (unknown-authority)") && row.contains("so it is"), "{row}");
    // A connection that shows it is enough.
    report["checks"][1]["id"] = "nats-mtls".into();
    report["root_causes"][0]["checks"] = json!(["nats-mtls"]);
    let page = Page::read(&rendered("run", &report));
    assert!(!page.texts("svg").concat().contains("\u{2717} fault"), "{:?}", page.texts("svg"));
    assert!(page.texts("svg").concat().contains("\u{2717} unknown-authority"), "{:?}", page.texts("svg"));
}
