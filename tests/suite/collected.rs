//! A Compose project that `collect` wrote: states, settings and logs say what they would say where it ran, and nothing
//! on this machine is dialled or judged in its place.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tls_verify_fixtures::child;

const SERVICES: [&str; 8] = [
    "api-gateway",
    "scheduler",
    "safety-kernel",
    "workflow-engine",
    "context-engine",
    "nats",
    "redis",
    "dashboard",
];

/// A project in which everything runs but one container.
fn written(folder: &Path, odd: &str, phase: &str) {
    let state = |service: &&str| {
        let phase = if *service == odd { phase } else { "running" };
        let runs = phase == "running";
        json!({"name": format!("shop-{service}-1"), "service": service, "log": service, "image": "x", "phase": phase,
            "healthy": runs.then_some(true), "probe": null, "restarts": 0, "started": "2026-01-31T12:00:00Z",
            "last": (phase == "exited").then(|| json!({"exit_code": 3, "reason": null, "message": null,
                "finished": "2026-01-31T12:05:00Z"})),
            "current": true, "host_network": false, "user": null, "group": null, "published": {},
            "settings": {"NATS_URL": "tls://nats:4222", "REDIS_PASSWORD": "(removed)"}, "entrypoint": [], "arguments": [],
            "mounts": [{"target": "/etc/cordum/tls", "source": "/srv/certs", "read_only": true}]})
    };
    let bundle = json!({"schema": "tls-verify/project/v1", "project": "shop", "collected": "2026-01-31T13:00:00Z",
        "containers": SERVICES.iter().map(state).collect::<Vec<_>>()});
    fs::write(folder.join("states.json"), bundle.to_string()).unwrap();
    for service in SERVICES {
        let word = service.to_uppercase();
        let log = format!(
            "2026-01-31T12:00:00.5Z [{word}] INFO cordum {service} starting\n2026-01-31T12:00:01Z [{word}] INFO ready\n"
        );
        fs::write(folder.join(format!("{service}.log")), log).unwrap();
    }
}

fn run(folder: &Path, arguments: &[&str]) -> (Option<i32>, Value) {
    let mut command = crate::program();
    command.arg("run").args(arguments).args(["--format", "json", "--logs"]).arg(folder).current_dir(folder);
    let ended = child::start(&mut command).end(std::time::Duration::from_secs(60));
    (ended.code, ended.json())
}

fn check<'a>(report: &'a Value, id: &str) -> &'a Value {
    report["checks"].as_array().unwrap().iter().find(|check| check["id"] == id).unwrap()
}

#[test]
fn states_are_told_as_where_it_ran() {
    let (paused, stopped) = ("timeout container-paused", "connection-refused container-stopped");
    for (odd, phase, cause, command) in [
        ("nats", "paused", paused, "docker compose -p shop unpause nats"),
        ("redis", "paused", paused, "docker compose -p shop unpause redis"),
        ("scheduler", "exited", stopped, "docker compose -p shop up -d scheduler"),
        ("redis", "exited", "dns container-stopped", "docker compose -p shop up -d redis"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        written(folder.path(), odd, phase);
        let (code, report) = run(folder.path(), &["--all"]);
        let root = &report["root_causes"][0];
        let said = format!("{} {}", root["cause"], root["variant"]).replace('"', "");
        assert_eq!((code, root["where"].as_str()), (Some(1), Some(odd)), "{phase}: {root}");
        assert_eq!((said.as_str(), root["fix"][0]["command"].as_str()), (cause, Some(command)), "{root}");
        assert_eq!(report["root_causes"].as_array().unwrap().len(), 1, "{report}");
    }
}

#[test]
fn what_runs_elsewhere_is_neither_dialled_nor_judged_by_this_machines_files() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "", "");
    // Another stack's certificates, here.
    fs::create_dir_all(folder.path().join("certs/ca")).unwrap();
    fs::write(folder.path().join("certs/ca/ca.crt"), "no certificate").unwrap();
    let (code, report) = run(folder.path(), &["--all"]);
    assert_eq!((code, &report["root_causes"]), (Some(3), &json!([])), "{report}");
    for id in ["gateway-https", "nats-mtls", "redis-tls", "safety-kernel-grpc", "certificates"] {
        assert_eq!(check(&report, id)["status"], "unknown", "{}", check(&report, id));
    }
    let said = check(&report, "gateway-https")["summary"].to_string();
    assert!(said.contains("what was collected cannot be dialled"), "{said}");
}

/// What the operator's variables and flags name is another stack, and what ran a second when it was collected has not run
/// for months since.
#[test]
fn it_is_what_was_collected_and_when_it_was_collected() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let here = format!("localhost:{}", listener.local_addr().unwrap().port());
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "", "");
    let file = folder.path().join("states.json");
    let mut bundle: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    for one in bundle["containers"].as_array_mut().unwrap() {
        one["host_network"] = true.into();
        if one["service"] == "scheduler" {
            one["restarts"] = 9.into();
            one["started"] = "2026-01-31T12:59:59Z".into();
            one["healthy"] = Value::Null;
            one["last"] =
                json!({"exit_code": 1, "reason": null, "message": null, "finished": "2026-01-31T12:59:58Z"});
        }
    }
    fs::write(&file, bundle.to_string()).unwrap();
    let gateway = format!("https://{here}");
    let (code, report) = run(folder.path(), &["--all", "--gateway", &gateway]);
    assert_eq!(code, Some(1), "{report}");
    assert_eq!(report["root_causes"][0]["variant"], "container-restarting", "{}", report["root_causes"]);
    assert_eq!(check(&report, "gateway-https")["status"], "unknown");
    assert!(listener.accept().is_err(), "somebody was dialled");
}

/// A folder of logs whose `states.json` is somebody else's stays a folder of logs.
#[test]
fn another_states_file_is_no_project() {
    let folder = tempfile::tempdir().unwrap();
    written(folder.path(), "scheduler", "exited");
    for text in ["[]", "{\"schema\": \"tls-verify/project/v9\"}", "not JSON", ""] {
        fs::write(folder.path().join("states.json"), text).unwrap();
        let (code, report) = run(folder.path(), &["--only", "7", "--no-docker"]);
        assert!(matches!(code, Some(0 | 3)), "{text}: {code:?} {report}");
    }
}
