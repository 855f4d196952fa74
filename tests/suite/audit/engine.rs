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

/// A container: its service, words, variables, network mode, network and the names that it has there.
struct Told {
    name: &'static str,
    words: &'static [&'static str],
    variables: &'static [&'static str],
    mode: &'static str,
    network: Option<(&'static str, &'static [&'static str])>,
}

/// A Redis that speaks nothing but TLS, under two more names in one of its project's networks.
const REDIS: Told = Told {
    name: "redis",
    words: &["redis-server", "--port", "0", "--tls-port", "6379", "--tls-auth-clients", "no"],
    variables: &[],
    mode: "shop_back",
    network: Some(("shop_back", &["redis", "cache", "5f0c1d2e3a4b"])),
};

/// Identifiers of 64 digits, as engines give them; of Redis the one of its short name above.
fn id_of(name: &str) -> String {
    let digits: String = name.bytes().map(|byte| format!("{byte:02x}")).collect();
    let head = if name == "redis" { "5f0c1d2e3a4b" } else { &digits };
    format!("{head:0<64}")
}

fn live(containers: Vec<Told>) -> Value {
    let folder = tempfile::tempdir().unwrap();
    let containers = Arc::new(containers);
    let socket = start_with(
        folder.path(),
        Arc::new(move |stream, path| {
            if path.ends_with("/version") {
                return object(stream, &json!({ "Version": "27.0.0", "ApiVersion": "1.41" }));
            }
            let labels = |name: &str| json!({ "com.docker.compose.project": "shop", "com.docker.compose.service": name });
            if path.contains("/containers/json") {
                let row = |one: &Told| {
                    json!({ "Id": id_of(one.name), "Names": [format!("/shop-{}-1", one.name)],
                                               "State": "running", "Labels": labels(one.name) })
                };
                return object(stream, &containers.iter().map(row).collect());
            }
            let id = path.split('/').rev().nth(1).unwrap_or_default();
            let Some(one) = containers.iter().find(|one| id_of(one.name) == id) else {
                return object(stream, &json!({}));
            };
            let networks: serde_json::Map<String, Value> = one
                .network
                .iter()
                .map(|(network, names)| {
                    ((*network).to_owned(), json!({ "Aliases": names, "IPAddress": "172.30.0.9" }))
                })
                .collect();
            object(
                stream,
                &json!({ "Id": id, "Name": format!("/shop-{}-1", one.name), "RestartCount": 0,
                         "Config": { "Image": if one.name == "redis" { "redis:7" } else { "registry.test/app:1" },
                                     "Env": one.variables, "Cmd": one.words, "Labels": labels(one.name) },
                         "HostConfig": { "NetworkMode": one.mode },
                         "NetworkSettings": { "Networks": networks },
                         "State": { "Status": "running", "Running": true, "StartedAt": "2026-01-01T00:00:00Z" } }),
            )
        }),
    );
    let host = format!("unix://{}", socket.display());
    let output = program()
        .args(["audit", "--format", "json", "--docker", "--project", "shop", "--docker-host", &host])
        .current_dir(folder.path())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {output:?}"))
}

/// Which of these is told to speak plaintext to a Redis that speaks TLS, and whom the report connects with it.
fn mismatched(report: &Value) -> (Vec<String>, BTreeSet<String>) {
    let of = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let findings = report["findings"].as_array().unwrap().iter();
    let wrong =
        findings.filter(|one| one["rule"] == "scheme-mismatch").map(|one| of(one, "workload")).collect();
    let connections = report["connections"].as_array().unwrap().iter();
    (wrong, connections.filter(|one| one["to"] == "redis").map(|one| of(one, "from")).collect())
}

#[test]
fn a_name_of_a_network_leads_to_its_container_in_that_network_alone() {
    let app = |name, variables, network| Told { name, words: &[], variables, mode: "shop_back", network };
    let back: Option<(&str, &'static [&'static str])> = Some(("shop_back", &[]));
    let (wrong, connected) = mismatched(&live(vec![
        REDIS,
        app("by-alias", &["REDIS_URL=redis://cache:6379"], back),
        app("by-container", &["REDIS_URL=redis://shop-redis-1:6379"], back),
        app("well", &["REDIS_URL=rediss://cache:6379"], back),
        app("elsewhere", &["REDIS_URL=redis://cache:6379"], Some(("shop_front", &[]))),
        app("nobody", &["REDIS_URL=redis://store:6379"], back),
    ]));
    assert_eq!(wrong, ["by-alias", "by-container"]);
    assert_eq!(connected, ["by-alias", "by-container", "well"].map(str::to_owned).into());
}

#[test]
fn who_is_in_anothers_network_has_its_loopback() {
    let joined: &'static str = Box::leak(format!("container:{}", id_of("redis")).into_boxed_str());
    let app = |name, variables, mode| Told { name, words: &[], variables, mode, network: None };
    const LOOPBACK: &[&str] = &["REDIS_URL=redis://localhost:6379"];
    let (wrong, connected) = mismatched(&live(vec![
        REDIS,
        app("beside", LOOPBACK, joined),
        app("well", &["REDIS_URL=rediss://127.0.0.1:6379"], joined),
        app("alone", LOOPBACK, "none"),
        app("foreign", LOOPBACK, "container:0123456789ab"),
    ]));
    assert_eq!(wrong, ["beside"]);
    assert_eq!(connected, ["beside", "well"].map(str::to_owned).into());
}
