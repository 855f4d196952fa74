//! Pages of every command, made by the program, and of reports that no stack here has.

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use serde_json::{Value, json};
use tls_verify_fixtures::pki::{Authority, Layout, Leaf};

use super::reader::Page;
use super::{finish, page};
use crate::program;

/// Name and text of each page.
pub(crate) struct Made {
    pub(crate) name: &'static str,
    pub(crate) html: String,
}

fn provider() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}

/// A folder of thirty certificates that end on different days.
fn certificates(folder: &Path) {
    provider();
    let ca = Authority::generate().unwrap();
    Layout::write(folder, &ca, &ca.issue(&Leaf::server()).unwrap(), &ca.issue(&Leaf::client()).unwrap())
        .unwrap();
    let more = folder.join("more");
    fs::create_dir_all(&more).unwrap();
    for index in 0..28 {
        let other = Authority::generate().unwrap();
        let leaf = if index % 7 == 0 { &other } else { &ca }.issue(&Leaf::server()).unwrap();
        fs::write(more.join(format!("{index}.crt")), leaf.chain_pem()).unwrap();
    }
}

/// What a large deployment's run looks like: 16 checks, 40 services, everything that can be said of a link.
fn large() -> Value {
    let demo = finish(program().args(["demo", "--all", "--fault", "client-eku", "--format", "json"]));
    let mut report: Value = serde_json::from_slice(&demo.stdout).unwrap();
    let mut services: Vec<Value> = [
        "api-gateway",
        "nats",
        "redis",
        "safety-kernel",
        "context-engine",
        "scheduler",
        "workflow-engine",
    ]
    .iter()
    .map(|name| json!({"name": name, "replicas": 3, "running": if *name == "scheduler" { 2 } else { 3 }}))
    .collect();
    services.extend(
        (0..33).map(|index| json!({"name": format!("worker-{index:02}"), "replicas": 1, "running": 1})),
    );
    report["services"] = Value::Array(services);
    let mut last = report["checks"][14].clone();
    last["number"] = 16.into();
    last["id"] = "cluster-links".into();
    last["title"] = "Members of clusters reach each other over TLS".into();
    report["checks"].as_array_mut().unwrap().push(last);
    report["comparison"] = json!({"baseline": "yesterday.json", "new": ["service-links"],
        "still": ["worker-nats-tls"], "fixed": ["gateway-https"], "absent": []});
    report["root_causes"][0]["fix"][0]["changes"] = json!([{"workload": "nats", "container": "nats",
        "kind": "mount", "name": "/etc/nats/certs", "path": null, "from": "./certs/client", "to": "./certs/server",
        "remove": false, "defined_at": "docker-compose.yml:41"}]);
    report
}

/// What `audit` promises, with twenty findings.
fn audit() -> Value {
    let finding = |index: usize| {
        json!({"rule": "scheme-mismatch", "cause": "wrong-scheme-plain-to-tls", "variant": null,
            "severity": (["error", "warning", "note"][index % 3]), "file": format!("compose/{}.yml", index % 4),
            "line": 12 + index, "column": 7, "workload": "scheduler",
            "message": "`NATS_URL` is `nats://nats:4222`, and nats is configured for TLS",
            "because": ["nats.conf:3 has a tls block"],
            "fix": [{"text": "use tls://", "command": null, "changes": []}]})
    };
    json!({"schema": "tls-verify/audit/v1", "outcome": "fail", "exit_code": 1,
        "deployments": [{"source": "docker-compose.yml", "kind": "compose", "workloads": 9}],
        "connections": [
            {"from": "scheduler", "to": "nats", "port": 4222, "client": "plaintext", "server": "tls", "name": "nats"},
            {"from": "worker", "to": "nats", "port": 4222, "client": "tls", "server": "mtls", "name": "nats"},
            {"from": "scheduler", "to": "redis", "port": 6379, "client": "tls", "server": "unknown", "name": "redis"}],
        "findings": (0..20).map(finding).collect::<Vec<_>>(),
        "undecided": [{"file": "docker-compose.yml", "line": 3, "what": "${CERTS} is not set", "how": "--env-file"}]})
}

/// A client in clear, and a server that wants TLS.
const COMPOSE: &str = "services:
  nats:
    image: nats:2.10
    command: [--tls, --tlscert, /c/tls.crt, --tlskey, /c/tls.key, --tlscacert, /c/ca.crt, --tlsverify]
    volumes: [./certs:/c:ro]
  scheduler:
    image: cordum-scheduler
    environment:
      NATS_URL: nats://nats:4222
      NATS_TLS_CA: /c/ca.crt
";

/// A report that no command here writes, rendered as the commands do it.
pub(crate) fn rendered(command: &str, report: &Value) -> String {
    let mut html = Vec::new();
    tls_verify::report::page::write(command, report, &mut html).unwrap();
    String::from_utf8(html).unwrap()
}

/// All of them, made once.
pub(crate) fn all() -> &'static [Made] {
    static ALL: OnceLock<Vec<Made>> = OnceLock::new();
    ALL.get_or_init(|| {
        let mut all = Vec::new();
        let mut add = |name, html| all.push(Made { name, html });
        let of = |arguments: &[&str], wanted: i32| {
            let (html, code) = page(arguments);
            assert_eq!(code, wanted, "{arguments:?}");
            html
        };
        add("healthy", of(&["demo", "--all", "--format", "html"], 0));
        add("plain", of(&["demo", "--format", "html"], 0));
        for fault in ["regenerated-ca", "nats-plaintext", "gateway-down"] {
            add(fault, of(&["demo", "--all", "--fault", fault, "--format", "html"], 1));
        }
        add("large", rendered("run", &large()));
        add("audit", rendered("audit", &audit()));
        let folder = tempfile::tempdir().unwrap();
        certificates(folder.path());
        let path = folder.path().to_string_lossy().into_owned();
        add("certs", page(&["certs", &path, "--at", "2030-01-01T00:00:00Z", "--format", "html"]).0);
        add(
            "diagnose",
            of(&["diagnose", "x509: certificate signed by unknown authority", "--format", "html"], 1),
        );
        let compose = folder.path().join("docker-compose.yml");
        fs::write(&compose, COMPOSE).unwrap();
        add("wiring", page(&["audit", &compose.to_string_lossy(), "--format", "html"]).0);
        let targets = ["127.0.0.1:1", "https://127.0.0.1:1", "nats://127.0.0.1:1"];
        let probe = |more: &[&str]| {
            let mut command = vec!["probe"];
            command.extend(targets);
            command.extend(more);
            page(&command).0
        };
        add("probe", probe(&["--format", "html"]));
        let lines = folder.path().join("shard.jsonl");
        fs::write(&lines, probe(&["--format", "jsonl"])).unwrap();
        add("merge", of(&["merge", &lines.to_string_lossy(), "--format", "html"], 1));
        all
    })
}

#[test]
fn a_parser_forgives_nothing_on_any_page() {
    for made in all() {
        println!("{}: {} bytes", made.name, made.html.len());
        let page = Page::read(&made.html);
        assert!(!page.texts("h1")[0].is_empty(), "{}", made.name);
        assert!(made.html.len() < 300_000, "{}: {} bytes", made.name, made.html.len());
    }
}

#[test]
fn a_page_says_the_verdict_the_cause_the_cure_and_what_was_asked() {
    let find = |name: &str| Page::read(&all().iter().find(|made| made.name == name).unwrap().html);
    let page = find("nats-plaintext");
    assert!(page.texts("h1")[0].contains("NATS speaks plaintext"), "{:?}", page.texts("h1"));
    let text = page.text();
    for words in [
        "docker compose",
        "exit code 1",
        "tls-verify demo --all --fault nats-plaintext --format html",
        "GET /api/v1/status with ca.crt",
        "The first ends on",
        "plaintext",
    ] {
        assert!(text.contains(words), "no `{words}`");
    }
    let healthy = find("healthy");
    assert!(healthy.texts("h1")[0].contains("TLS holds"), "{:?}", healthy.texts("h1"));
    assert!(healthy.texts("svg").concat().contains("mTLS"));
    // What no check looked at is not called proved.
    let plain = find("plain");
    assert!(plain.texts("svg").concat().contains("log is clean"));
    let large = find("large");
    for words in
        ["worker-32", "scheduler 2/3 up", "new", "docker-compose.yml:41", "./certs/server", "yesterday.json"]
    {
        assert!(large.text().contains(words), "no `{words}`");
    }
    let audit = find("audit");
    assert!(audit.text().contains("scheme-mismatch") && audit.text().contains("${CERTS} is not set"));
}

#[test]
fn a_file_is_the_same_page_and_one_that_cannot_be_written_is_undecided() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("tls.html");
    let output =
        finish(program().args(["demo", "--only", "1", "--report"]).arg(format!("html={}", file.display())));
    assert_eq!(output.status.code(), Some(0));
    let _ = Page::read(&fs::read_to_string(&file).unwrap());
    // A device that takes nothing.
    if Path::new("/dev/full").exists() {
        let output = finish(program().args(["demo", "--only", "1", "--report", "html=/dev/full"]));
        assert_eq!(output.status.code(), Some(3), "{}", String::from_utf8_lossy(&output.stderr));
    }
}
