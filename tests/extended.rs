//! The matrix of the extended checks: what each says of each fault that concerns them, and that no other
//! check is blamed.

use std::process::Command;

use serde_json::Value;

/// Fault, what is not good, the first root cause.
type Row = (&'static str, &'static [(&'static str, &'static str, &'static str)], &'static str);

const LINKS: (&str, &str, &str) = ("service-links", "fail", "");

const ROWS: &[Row] = &[
    ("", &[], ""),
    (
        "redis-other-ca",
        &[
            ("redis-logs", "fail unknown-authority", "server"),
            ("redis-tls", "fail unknown-authority other-ca", "server"),
            LINKS,
        ],
        "redis unknown-authority",
    ),
    (
        "redis-expired",
        &[("redis-logs", "fail expired", "server"), ("redis-tls", "fail expired", "server"), LINKS],
        "redis expired",
    ),
    (
        "redis-missing-san",
        &[
            ("redis-logs", "fail hostname-mismatch", "server"),
            ("redis-tls", "fail hostname-mismatch", "server"),
            LINKS,
        ],
        "redis hostname-mismatch",
    ),
    ("redis-down", &[("redis-tls", "fail connection-refused", "server")], "redis connection-refused"),
    ("redis-wrong-password", &[("redis-tls", "fail auth-not-tls", "client")], "redis auth-not-tls"),
    (
        "redis-plaintext",
        &[
            ("redis-logs", "fail wrong-scheme-tls-to-plain redis-plaintext", "server"),
            ("redis-tls", "fail wrong-scheme-tls-to-plain redis-plaintext", "server"),
            LINKS,
        ],
        "redis wrong-scheme-tls-to-plain",
    ),
    (
        "grpc-plaintext",
        &[
            ("gateway-grpc", "fail wrong-scheme-tls-to-plain http2-plaintext", "server"),
            ("safety-kernel-grpc", "fail wrong-scheme-tls-to-plain http2-plaintext", "server"),
            ("context-engine-grpc", "fail wrong-scheme-tls-to-plain http2-plaintext", "server"),
        ],
        "safety-kernel wrong-scheme-tls-to-plain",
    ),
    (
        "grpc-expired",
        &[
            ("gateway-grpc", "fail expired", "server"),
            ("safety-kernel-grpc", "fail expired", "server"),
            ("context-engine-grpc", "fail expired", "server"),
        ],
        "safety-kernel expired",
    ),
    (
        "grpc-other-ca",
        &[
            ("gateway-grpc", "fail unknown-authority other-ca", "server"),
            ("safety-kernel-grpc", "fail unknown-authority other-ca", "server"),
            ("context-engine-grpc", "fail unknown-authority other-ca", "server"),
        ],
        "safety-kernel unknown-authority",
    ),
    (
        "grpc-missing-san",
        &[
            ("gateway-grpc", "fail hostname-mismatch", "server"),
            ("safety-kernel-grpc", "fail hostname-mismatch", "server"),
            ("context-engine-grpc", "fail hostname-mismatch", "server"),
        ],
        "safety-kernel hostname-mismatch",
    ),
    (
        "grpc-no-alpn",
        &[
            ("gateway-grpc", "fail other-tls no-alpn", "server"),
            ("safety-kernel-grpc", "fail other-tls no-alpn", "server"),
            ("context-engine-grpc", "fail other-tls no-alpn", "server"),
        ],
        "safety-kernel other-tls",
    ),
    (
        "grpc-down",
        &[
            ("gateway-grpc", "fail connection-refused", "server"),
            ("safety-kernel-grpc", "fail connection-refused", "server"),
            ("context-engine-grpc", "fail connection-refused", "server"),
        ],
        "safety-kernel connection-refused",
    ),
    ("kernel-link", &[("safety-kernel-grpc", "fail bad-gateway", "server")], "safety-kernel bad-gateway"),
    (
        "dashboard-bad-gateway",
        &[("dashboard-gateway", "fail bad-gateway", "server")],
        "dashboard bad-gateway",
    ),
    (
        "dashboard-wrong-scheme",
        &[("dashboard-gateway", "fail wrong-scheme-plain-to-tls", "client")],
        "dashboard wrong-scheme-plain-to-tls",
    ),
    ("dashboard-page", &[("dashboard-gateway", "fail", "")], ""),
    ("dashboard-unavailable", &[("dashboard-gateway", "fail", "")], ""),
    (
        "dashboard-forbidden",
        &[("dashboard-gateway", "fail auth-not-tls", "client")],
        "dashboard auth-not-tls",
    ),
    (
        "dashboard-down",
        &[("dashboard-gateway", "fail connection-refused", "server")],
        "dashboard connection-refused",
    ),
    (
        "below-minimum",
        &[("tls-min-version", "fail protocol-version below-minimum", "server")],
        "api-gateway protocol-version",
    ),
    (
        "nats-plaintext",
        &[
            ("worker-nats-tls", "fail wrong-scheme-tls-to-plain nats-plaintext", "server"),
            ("nats-mtls", "fail mtls-not-enforced", "server"),
            LINKS,
        ],
        "nats wrong-scheme-tls-to-plain",
    ),
];

fn said(check: &Value) -> (String, String) {
    let mut said = check["status"].as_str().unwrap().to_owned();
    for key in ["cause", "variant"] {
        if let Some(name) = check.pointer(&format!("/diagnoses/0/{key}")).and_then(Value::as_str) {
            said.push(' ');
            said.push_str(name);
        }
    }
    let side = check.pointer("/diagnoses/0/side").and_then(Value::as_str).unwrap_or_default().to_owned();
    (said, side)
}

#[test]
fn the_extended_checks_name_each_fault_and_blame_no_other() {
    let mut wrong = Vec::new();
    for (fault, broken, root) in ROWS {
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
        command.args(["demo", "--all", "--format", "json"]);
        if !fault.is_empty() {
            command.args(["--fault", fault]);
        }
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(output.status.code(), Some(i32::from(!broken.is_empty())), "{fault}: {report}");
        for check in report["checks"].as_array().unwrap() {
            let id = check["id"].as_str().unwrap();
            let (said, side) = said(check);
            match broken.iter().find(|(known, ..)| *known == id) {
                Some((_, expected, on)) if said == *expected && (on.is_empty() || side == *on) => {}
                Some((_, expected, on)) => {
                    wrong.push(format!("{fault}: {id} says `{said}` ({side}), not `{expected}` ({on})"));
                }
                None if said == "pass" || said.starts_with("warn") => {}
                None => wrong.push(format!("{fault}: {id} is blamed: `{said}`")),
            }
        }
        let first = report["root_causes"]
            .get(0)
            .map(|root| format!("{} {}", root["where"].as_str().unwrap(), root["cause"].as_str().unwrap()));
        if first.unwrap_or_default() != *root {
            wrong.push(format!("{fault}: root causes {}, not `{root}` first", report["root_causes"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_extended_fault_has_a_row() {
    use tls_verify_fixtures::fault::ALL;
    for fault in ALL.iter().filter(|fault| fault.is_extended()) {
        assert!(ROWS.iter().any(|row| row.0 == fault.name()), "{}", fault.name());
    }
}
