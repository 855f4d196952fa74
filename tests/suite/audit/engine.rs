//! `audit --docker`: what an engine tells of a project's containers is judged as the project's files are.

use std::collections::BTreeSet;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};

use super::programs::written;
use crate::engine::{object, start_with};
use crate::program;

/// A service: its image, its words and its variables.
type Service = (&'static str, &'static str, &'static [&'static str], &'static [(&'static str, &'static str)]);

/// A stack in production with mistakes of several kinds in one container.
const SERVICES: &[Service] = &[
    ("nats", "nats:2.10", &["-c", "/conf/nats.conf"], &[]),
    (
        "redis",
        "redis:7",
        &[
            "redis-server",
            "--port",
            "0",
            "--tls-port",
            "6379",
            "--tls-cert-file",
            "/tls/tls.crt",
            "--tls-key-file",
            "/tls/tls.key",
            "--tls-ca-cert-file",
            "/tls/ca.crt",
            "--tls-auth-clients",
            "no",
        ],
        &[],
    ),
    (
        "scheduler",
        "ghcr.io/cordum-io/cordum/scheduler:1",
        &[],
        &[
            ("CORDUM_ENV", "production"),
            ("NATS_URL", "tls://nats:4222"),
            ("NATS_TLS_CA", "/tls/ca.crt"),
            ("NATS_TLS_INSECURE", "true"),
            ("REDIS_URL", "redis://redis:6379"),
            ("SAFETY_KERNEL_ADDR", "safety-kernel:50051"),
        ],
    ),
    (
        "safety-kernel",
        "ghcr.io/cordum-io/cordum/safety-kernel:1",
        &[],
        &[
            ("CORDUM_PRODUCTION", "1"),
            ("NATS_URL", "nats://nats:4222"),
            ("REDIS_URL", "rediss://redis:6379"),
            ("REDIS_TLS_CA", "/tls/ca.crt"),
        ],
    ),
];

const CONF: &str = "port: 4222\ntls { cert_file: /tls/tls.crt, key_file: /tls/tls.key, ca_file: /tls/ca.crt, verify: true }\n";

fn project() -> tempfile::TempDir {
    let mut text = String::from("name: shop\nservices:\n");
    for (name, image, words, variables) in SERVICES {
        text.push_str(&format!(
            "  {name}:\n    image: {image}\n    volumes: [\"./tls:/tls:ro\", \"./conf:/conf:ro\"]\n"
        ));
        if !words.is_empty() {
            text.push_str(&format!("    command: {}\n", json!(words)));
        }
        if !variables.is_empty() {
            text.push_str("    environment:\n");
        }
        for (name, value) in *variables {
            text.push_str(&format!("      {name}: \"{value}\"\n"));
        }
    }
    written(&[
        ("compose.yaml", &text),
        ("conf/nats.conf", CONF),
        ("tls/ca.crt", "x"),
        ("tls/tls.crt", "x"),
        ("tls/tls.key", "x"),
    ])
}

/// What an engine tells of it.
fn told(stream: &mut UnixStream, path: &str, folder: &Path) -> std::io::Result<()> {
    if path.ends_with("/version") {
        return object(stream, &json!({ "Version": "27.0.0", "ApiVersion": "1.41" }));
    }
    if path.contains("/containers/json") {
        let row = |(name, ..): &Service| {
            json!({ "Id": name, "Names": [format!("/shop-{name}-1")], "State": "running",
                    "Labels": { "com.docker.compose.project": "shop", "com.docker.compose.service": name } })
        };
        return object(stream, &SERVICES.iter().map(row).collect());
    }
    let id = path.split('/').rev().nth(1).unwrap_or_default();
    let Some((name, image, words, variables)) = SERVICES.iter().find(|(name, ..)| *name == id) else {
        return object(stream, &json!({}));
    };
    let variables: Vec<String> = variables.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let mount = |part: &str| json!({ "Type": "bind", "Source": folder.join(part), "Destination": format!("/{part}"), "RW": false });
    let network = json!({ "shop_default": { "Aliases": [name], "IPAddress": "172.30.0.9" } });
    object(
        stream,
        &json!({ "Id": id, "Name": format!("/shop-{name}-1"), "RestartCount": 0,
                 "Config": { "Image": image, "Env": variables, "Cmd": words,
                             "Labels": { "com.docker.compose.project": "shop", "com.docker.compose.service": name } },
                 "Mounts": [mount("tls"), mount("conf")],
                 "NetworkSettings": { "Networks": network },
                 "State": { "Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:00Z" } }),
    )
}

/// What tells findings apart wherever they stand. The certificates are none: they are another matter.
fn found(report: &Value) -> BTreeSet<(String, String, String)> {
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let all = report["findings"].as_array().unwrap_or_else(|| panic!("{report}"));
    all.iter()
        .filter(|one| one["rule"] != "certificate" && one["severity"] != "note")
        .map(|one| (text(one, "rule"), text(one, "workload"), text(one, "message")))
        .collect()
}

#[test]
fn a_running_project_has_the_findings_of_its_files() {
    let folder = project();
    let run = |arguments: &[&str]| -> Value {
        let output = program()
            .args(["audit", "--format", "json"])
            .args(arguments)
            .current_dir(folder.path())
            .stdin(std::process::Stdio::null())
            .output()
            .unwrap();
        serde_json::from_slice(&output.stdout).unwrap()
    };
    let sockets = tempfile::tempdir().unwrap();
    let from = folder.path().to_path_buf();
    let socket = start_with(sockets.path(), Arc::new(move |stream, path| told(stream, path, &from)));
    let host = format!("unix://{}", socket.display());
    let files = run(&["-f", "compose.yaml"]);
    let live = run(&["--docker", "--project", "shop", "--docker-host", &host]);
    assert_eq!(found(&live), found(&files), "{live}");
    // Each of several mistakes of one container, and no place that cannot be opened.
    let of =
        |rule: &str, word: &str| found(&live).iter().any(|(is, _, said)| is == rule && said.contains(word));
    for word in [
        "NATS_TLS_INSECURE is on",
        "SAFETY_KERNEL_TLS_CA is not set",
        "NATS_URL is nats://",
        "SAFETY_KERNEL_TLS_CERT is not set",
    ] {
        assert!(of("production-rule", word), "{word}: {live}");
    }
    assert!(of("scheme-mismatch", "redis://redis:6379"), "{live}");
    let of_containers =
        |one: &&Value| one["file"].as_str().is_some_and(|file| file.starts_with("container "));
    for finding in live["findings"].as_array().unwrap().iter().filter(of_containers) {
        assert!(finding["line"] == 0 && finding["column"] == 0, "{finding}");
        for change in
            finding["fix"].as_array().into_iter().flatten().flat_map(|fix| fix["changes"].as_array().unwrap())
        {
            assert!(change["defined_at"].is_null(), "{change}");
        }
    }
}
