//! Faults and healthy variants of the whole project, in containers on a real Docker Engine.

#[expect(unreachable_pub, reason = "a module of a test program")]
mod project;

use std::time::Duration;

use project::{Project, Ran, available, open, under_intermediate, with_expired_ca};
use tls_verify_fixtures::pki::{Authority, Leaf};

const ALL_GOOD: i32 = 0;

/// Two projects at once would only wait for each other.
static ENGINE: std::sync::Mutex<()> = std::sync::Mutex::new(());

/// One fault: how it is made, what `run` gets, and what it has to say.
struct Fault {
    name: &'static str,
    make: fn(&mut Project),
    arguments: &'static [&'static str],
    code: i32,
    /// What these checks say; every other one is good.
    says: &'static [(&'static str, &'static str)],
    /// The first root cause: where and what.
    root: &'static str,
}

const BASE: Fault = Fault { name: "", make: |_| {}, arguments: &[], code: 1, says: &[], root: "" };

fn check(fault: &Fault, ran: &Ran) -> Vec<String> {
    let mut wrong = Vec::new();
    for check in ran.report["checks"].as_array().unwrap() {
        let id = check["id"].as_str().unwrap();
        let said = ran.said(id);
        match fault.says.iter().find(|(known, _)| *known == id) {
            Some((_, expected)) if said == *expected => {}
            Some((_, expected)) => {
                wrong.push(format!("{}: {id} says `{said}`, not `{expected}`", fault.name))
            }
            None if said == "pass" || said.starts_with("warn") => {}
            None => wrong.push(format!("{}: {id} is blamed: `{said}`", fault.name)),
        }
    }
    if ran.code != fault.code {
        wrong.push(format!("{}: exit {} instead of {}", fault.name, ran.code, fault.code));
    }
    let roots = ran.roots();
    if !fault.root.is_empty() && roots.first().map(String::as_str) != Some(fault.root) {
        wrong.push(format!("{}: root causes {roots:?}, not `{}` first", fault.name, fault.root));
    }
    wrong
}

/// Makes a fault on a healthy project, looks, and mends it.
fn go_through(project: &mut Project, faults: &[Fault]) -> Vec<String> {
    let mut wrong = Vec::new();
    for fault in faults {
        let begun = std::time::Instant::now();
        project.settings.clear();
        (fault.make)(project);
        let mut ran = project.run(fault.arguments);
        let mut found = check(fault, &ran);
        // Containers on a busy machine take their time to get into the faulty state.
        for _ in 0..12 {
            if found.is_empty() {
                break;
            }
            std::thread::sleep(Duration::from_secs(1));
            ran = project.run(fault.arguments);
            found = check(fault, &ran);
        }
        if !found.is_empty() {
            eprintln!("{}: {}", fault.name, ran.text);
        }
        wrong.extend(found);
        project.settings.clear();
        open(&project.path("certs"));
        // TLS trouble in a service's current run stays trouble until it is restarted; a container that
        // waits between two crashes may wait on for half a minute, so all are made anew.
        project.docker(&["rm", "-f"], SERVICES);
        project.up();
        let certs = project.path("certs");
        let healed = project.settle(&certs);
        if healed.code != ALL_GOOD {
            wrong.push(format!("after {}: not healed: {}", fault.name, healed.text));
        }
        eprintln!("{:<40} {:.1} s", fault.name, begun.elapsed().as_secs_f64());
    }
    wrong
}

fn changed(project: &mut Project, name: &str, value: &str, patience: u64) {
    project.set(name, value);
    project.up();
    std::thread::sleep(Duration::from_millis(patience));
}

const CLOSED: &str = "certificate files that the services may not read";

/// What runs as uid 65532.
const SERVICES: &[&str] =
    &["api-gateway", "scheduler", "safety-kernel", "workflow-engine", "context-engine", "mock-bank-worker"];

const FAULTS: &[Fault] = &[
    Fault {
        name: "NATS in plaintext",
        make: |project| changed(project, "NATS_CONF", "./fixtures/compose/nats.plain.conf", 4000),
        says: &[
            ("worker-nats-tls", "fail wrong-scheme-tls-to-plain nats-plaintext"),
            ("nats-mtls", "fail mtls-not-enforced"),
        ],
        root: "nats wrong-scheme-tls-to-plain",
        ..BASE
    },
    Fault {
        name: "NATS asks for no client certificate",
        make: |project| changed(project, "NATS_CONF", "./fixtures/compose/nats.no-verify.conf", 4000),
        says: &[("nats-mtls", "fail mtls-not-enforced")],
        root: "nats mtls-not-enforced",
        ..BASE
    },
    Fault {
        name: "NATS stopped",
        make: |project| project.docker(&["stop", "-t", "1"], &["nats"]),
        says: &[
            ("worker-nats-tls", "fail connection-refused container-stopped"),
            ("nats-mtls", "unknown connection-refused container-stopped"),
        ],
        root: "nats connection-refused",
        ..BASE
    },
    Fault {
        name: "a worker that crash-loops after its TLS line",
        make: |project| changed(project, "WORKER_NATS_NAME", "elsewhere", 5000),
        says: &[("worker-nats-tls", "fail hostname-mismatch")],
        root: "mock-bank-worker hostname-mismatch",
        ..BASE
    },
    Fault {
        name: "a worker that runs without NATS",
        make: |project| changed(project, "STANDIN_NO_NATS", "1", 12_000),
        says: &[("worker-nats-tls", "fail connection-reset")],
        root: "mock-bank-worker connection-reset",
        ..BASE
    },
    Fault {
        name: "the gateway stopped",
        make: |project| project.docker(&["stop", "-t", "1"], &["api-gateway"]),
        says: &[
            ("gateway-https", "fail connection-refused container-stopped"),
            ("gateway-wss", "fail connection-refused container-stopped"),
            ("cli-with-cacert", "fail connection-refused container-stopped"),
            ("cli-without-cacert", "unknown connection-refused container-stopped"),
        ],
        root: "api-gateway connection-refused",
        ..BASE
    },
    Fault {
        name: "a gateway in which nothing listens",
        make: |project| changed(project, "GATEWAY_HTTP_ADDR", ":9999", 2500),
        says: &[
            ("gateway-https", "fail connection-refused nothing-listens"),
            ("gateway-wss", "fail connection-refused nothing-listens"),
            ("cli-with-cacert", "fail connection-refused nothing-listens"),
            ("cli-without-cacert", "unknown connection-refused nothing-listens"),
        ],
        root: "api-gateway connection-refused",
        ..BASE
    },
    Fault {
        name: "Redis with a certificate of another CA, services running",
        make: |project| {
            let other = Authority::generate().unwrap();
            let folder = project.certificates("other", &other, &Leaf::server(), &Leaf::client());
            changed(project, "REDIS_TLS_DIR", &folder.display().to_string(), 4000);
        },
        says: &[
            ("gateway-https", "fail unknown-authority ca-regenerated"),
            ("gateway-wss", "fail unknown-authority ca-regenerated"),
            ("cli-with-cacert", "fail unknown-authority ca-regenerated"),
            ("redis-logs", "fail unknown-authority ca-regenerated"),
        ],
        root: "redis unknown-authority",
        ..BASE
    },
    Fault {
        name: "Redis stopped",
        make: |project| {
            project.docker(&["stop", "-t", "1"], &["redis"]);
            std::thread::sleep(Duration::from_secs(3));
        },
        says: &[
            ("gateway-https", "fail dns container-stopped"),
            ("gateway-wss", "fail dns container-stopped"),
            ("cli-with-cacert", "fail dns container-stopped"),
            ("redis-logs", "fail dns"),
        ],
        root: "redis dns",
        ..BASE
    },
    Fault {
        name: "the key of another certificate in the gateway",
        make: |project| {
            changed(project, "GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/client/tls.key", 4000);
        },
        says: &[
            ("gateway-https", "fail key-mismatch"),
            ("gateway-wss", "fail key-mismatch"),
            ("cli-with-cacert", "fail key-mismatch"),
            ("cli-without-cacert", "unknown key-mismatch"),
        ],
        root: "api-gateway key-mismatch",
        ..BASE
    },
    Fault {
        name: CLOSED,
        make: |project| {
            close(&project.path("certs"));
            project.docker(&["restart", "-t", "1"], SERVICES);
            std::thread::sleep(Duration::from_secs(4));
        },
        says: &[
            ("gateway-https", "fail bad-key-file permission-denied"),
            ("gateway-wss", "fail bad-key-file permission-denied"),
            ("cli-with-cacert", "fail bad-key-file permission-denied"),
            ("cli-without-cacert", "unknown bad-key-file permission-denied"),
            ("worker-nats-tls", "fail bad-key-file permission-denied"),
            ("redis-logs", "fail bad-key-file permission-denied"),
        ],
        root: "/etc/cordum/tls/ca/ca.crt bad-key-file",
        ..BASE
    },
    Fault {
        name: "a WebSocket endpoint that answers 400",
        make: |project| changed(project, "STANDIN_STREAM", "400", 2500),
        says: &[("gateway-wss", "fail")],
        ..BASE
    },
    Fault {
        name: "a WebSocket endpoint that answers 403",
        make: |project| changed(project, "STANDIN_STREAM", "403", 2500),
        says: &[("gateway-wss", "unknown auth-not-tls")],
        code: 3,
        ..BASE
    },
    Fault {
        name: "a WebSocket endpoint that answers 404",
        make: |project| changed(project, "STANDIN_STREAM", "404", 2500),
        says: &[("gateway-wss", "fail")],
        ..BASE
    },
    Fault {
        name: "a WebSocket endpoint with a wrong accept",
        make: |project| changed(project, "STANDIN_STREAM", "bad-accept", 2500),
        says: &[("gateway-wss", "fail")],
        ..BASE
    },
    Fault {
        name: "a Redis error 5,000 lines up",
        make: |project| {
            project.set("SCHEDULER_NOISE", "5000");
            let line = "[SCHEDULER] ERROR failed to connect to Redis for job store error=connect redis: tls: failed to \
                        verify certificate: x509: certificate has expired or is not yet valid: current time \
                        2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z";
            changed(project, "SCHEDULER_SAY", line, 2500);
        },
        says: &[("redis-logs", "fail expired")],
        ..BASE
    },
    Fault {
        name: "a service whose log is empty",
        make: |project| changed(project, "SCHEDULER_QUIET", "1", 2500),
        says: &[("redis-logs", "unknown")],
        code: 3,
        ..BASE
    },
    Fault {
        name: "no engine to ask",
        arguments: &["--docker-host", "unix:///nowhere.sock"],
        says: &[("redis-logs", "unknown")],
        code: 3,
        ..BASE
    },
];

/// Directories and keys as `generate-certs` leaves them: for their owner alone.
fn close(folder: &std::path::Path) {
    use std::os::unix::fs::PermissionsExt;
    for name in ["ca", "server", "client"] {
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o750)).unwrap();
    }
}

#[test]
fn every_fault_of_the_project_is_named_where_it_began_and_nothing_else_is_blamed() {
    if !available() {
        return;
    }
    let _alone = ENGINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut project = Project::new("docker-compose.test.yml", "cordum");
    project.up();
    let certs = project.path("certs");
    let healthy = project.settle(&certs);
    assert_eq!(healthy.code, ALL_GOOD, "{}", healthy.text);
    for check in healthy.report["checks"].as_array().unwrap() {
        assert_eq!(check["status"], "pass", "{check}");
    }
    let worker = &healthy.report["checks"][4];
    assert_eq!(worker["evidence"], "proved", "{worker}");
    assert_eq!(worker["details"]["worker_evidence"], "proved", "{worker}");
    let services = worker["details"]["services"].as_array().unwrap();
    assert_eq!(services.len(), 5, "{worker}");
    assert!(services.iter().all(|row| row["tls_version"] == "1.3"), "{worker}");
    // The refusals that our own probes provoked stand in the servers' logs, and are no trouble.
    let (code, said) = project.diagnose();
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("TLS handshake error")).collect();
    assert!(ours.is_empty(), "{code}: {ours:#?}");
    let mut wrong = Vec::new();
    let only: Option<String> = std::env::var("TLS_VERIFY_ROW").ok();
    for fault in FAULTS {
        if only.as_ref().is_some_and(|only| !fault.name.contains(only.as_str())) {
            continue;
        }
        wrong.extend(go_through(&mut project, std::slice::from_ref(fault)));
    }
    // With another key TLS is fine, and that is said.
    let ran = project.run_in(&[("CORDUM_API_KEY", "another")], &[]);
    let fault = Fault {
        name: "the wrong API key",
        says: &[
            ("gateway-https", "fail auth-not-tls"),
            ("gateway-wss", "fail auth-not-tls"),
            ("cli-with-cacert", "fail auth-not-tls"),
        ],
        ..BASE
    };
    wrong.extend(check(&fault, &ran));
    // What a caller has in the environment changes no verdict.
    let insecure =
        [("CORDUM_TLS_INSECURE", "1"), ("HTTPS_PROXY", "http://127.0.0.1:9"), ("SSL_CERT_FILE", "/dev/null")];
    let ran = project.run_in(&insecure, &[]);
    wrong.extend(check(&Fault { name: "an odd environment", code: 0, ..BASE }, &ran));
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn healthy_variants_stay_healthy() {
    if !available() || std::env::var("TLS_VERIFY_ROW").is_ok() {
        return;
    }
    let _alone = ENGINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut project = Project::new("docker-compose.test.yml", "cordum-variants");
    // Beside the other project: other ports on the host.
    let ports = [
        ("NATS_PORT", 24222),
        ("REDIS_PORT", 26379),
        ("CONTEXT_PORT", 25400),
        ("KERNEL_PORT", 25051),
        ("GATEWAY_PORT", 28081),
        ("GRPC_PORT", 29080),
        ("DASHBOARD_PORT", 28082),
    ];
    let arguments = [
        "--gateway",
        "https://localhost:28081",
        "--nats",
        "tls://localhost:24222",
        "--redis",
        "rediss://localhost:26379",
    ];
    let ca = Authority::generate().unwrap();
    let mut wrong = Vec::new();
    type Variant = (&'static str, fn(&mut Project, &Authority));
    let variants: &[Variant] = &[
        ("as generated", |_, _| {}),
        ("P-521", |project, ca| {
            let leaf = Leaf::server().keyed(&rcgen::PKCS_ECDSA_P521_SHA512);
            let folder = project.certificates("p521", ca, &leaf, &Leaf::client());
            project.mount(&folder);
        }),
        ("Ed25519", |project, ca| {
            let leaf = Leaf::server().keyed(&rcgen::PKCS_ED25519);
            let folder = project.certificates("ed25519", ca, &leaf, &Leaf::client());
            project.mount(&folder);
        }),
        ("RSA", |project, ca| {
            let leaf = Leaf::server().keyed(&rcgen::PKCS_RSA_SHA256);
            let folder = project.certificates("rsa", ca, &leaf, &Leaf::client());
            project.mount(&folder);
        }),
        ("under an intermediate", |project, ca| {
            let folder = project.path("intermediate");
            under_intermediate(&folder, ca);
            project.mount(&folder);
        }),
        ("a bundle with an expired CA", |project, ca| {
            let folder = project.certificates("bundle", ca, &Leaf::server(), &Leaf::client());
            with_expired_ca(&folder);
            project.mount(&folder);
        }),
        ("gateway of TLS 1.3 alone", |project, _| project.set("CORDUM_TLS_MIN_VERSION", "1.3")),
        ("Redis asks for client certificates", |project, _| project.set("REDIS_AUTH_CLIENTS", "yes")),
        ("NATS with a token", |project, _| project.set("NATS_CONF", "./fixtures/compose/nats.token.conf")),
        ("noisy log", |project, _| {
            project.set(
                "SCHEDULER_SAY",
                "[SCHEDULER] ERROR scheduler: NATS reconnected, re-subscribing after 0 errors",
            );
        }),
    ];
    for (name, make) in variants {
        project.settings.clear();
        for (name, port) in ports {
            project.set(name, port.to_string());
        }
        make(&mut project, &ca);
        project.up();
        let folder = project
            .settings
            .get("CORDUM_TLS_DIR")
            .map_or_else(|| project.path("certs"), std::path::PathBuf::from);
        open(&folder);
        let folder = folder.display().to_string();
        let mut all: Vec<&str> = arguments.to_vec();
        all.extend(["--certs", &folder, "--wait", "45s"]);
        let mut ran = project.run_in(TOKEN, &all);
        for _ in 0..10 {
            if ran.code == ALL_GOOD {
                break;
            }
            std::thread::sleep(Duration::from_secs(1));
            ran = project.run_in(TOKEN, &all);
        }
        if ran.code != ALL_GOOD {
            wrong.push(format!("{name}: {}", ran.text));
        }
    }
    // A restart of NATS under the services is got over.
    project.docker(&["restart", "-t", "1"], &["nats"]);
    std::thread::sleep(Duration::from_secs(6));
    let folder = project.path("certs").display().to_string();
    let mut all: Vec<&str> = arguments.to_vec();
    all.extend(["--certs", &folder]);
    project.settings.clear();
    for (name, port) in ports {
        project.set(name, port.to_string());
    }
    project.up();
    let ran = project.run_in(TOKEN, &[&all[..], &["--wait", "30s"]].concat());
    if ran.code != ALL_GOOD {
        wrong.push(format!("NATS restarted: {}", ran.text));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What the services send; a NATS without authorization ignores it.
const TOKEN: &[(&str, &str)] = &[("NATS_TOKEN", "cordum-dev-token")];

#[test]
fn the_release_shape_is_healthy_although_little_is_published() {
    if !available() || std::env::var("TLS_VERIFY_ROW").is_ok() {
        return;
    }
    let _alone = ENGINE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    let mut project = Project::new("docker-compose.test.release.yml", "cordum-release");
    for (name, port) in [("GATEWAY_PORT", 38081), ("GRPC_PORT", 38080), ("DASHBOARD_PORT", 38082)] {
        project.set(name, port.to_string());
    }
    project.up();
    let arguments = [
        "--all",
        "--profile",
        "cordum-release",
        "--gateway",
        "https://localhost:38081",
        "--gateway-grpc",
        "localhost:38080",
        "--dashboard",
        "http://localhost:38082",
        "--wait",
        "60s",
    ];
    let mut ran = project.run(&arguments);
    for _ in 0..10 {
        if ran.code == ALL_GOOD {
            break;
        }
        std::thread::sleep(Duration::from_secs(1));
        ran = project.run(&arguments);
    }
    assert_eq!(ran.code, ALL_GOOD, "{}", ran.text);
    for check in ran.report["checks"].as_array().unwrap() {
        let status = check["status"].as_str().unwrap();
        assert!(status == "pass" || check["id"] == "certificates", "{check}");
    }
    let versions =
        ran.report["checks"].as_array().unwrap().iter().find(|check| check["id"] == "tls-min-version");
    let details = &versions.unwrap()["details"];
    assert_eq!(details["required"], "TLSv1.3", "{details}");
    assert_eq!(details["endpoints"]["redis"]["reached"], true, "{details}");
    assert_eq!(details["endpoints"]["safety-kernel"]["reached"], true, "{details}");
}
