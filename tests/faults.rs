//! The demo's fault matrix: for every named fault, what each of the seven checks says. Rows assert
//! status and cause, so that a fault also proves which checks it does not touch.

use std::process::Command;

use serde_json::Value;

/// `pass`, or status and main cause, in the order of the checks.
type Row = (&'static str, u8, [&'static str; 7]);

const PASS: &str = "pass";

const ROWS: &[Row] = &[
    ("", 0, [PASS; 7]),
    ("expired", 1, ["fail expired", "fail expired", "fail expired", "unknown expired", PASS, PASS, PASS]),
    (
        "not-yet-valid",
        1,
        [
            "fail not-yet-valid",
            "fail not-yet-valid",
            "fail not-yet-valid",
            "unknown not-yet-valid",
            PASS,
            PASS,
            PASS,
        ],
    ),
    (
        "other-ca",
        1,
        [
            "fail unknown-authority other-ca",
            "fail unknown-authority other-ca",
            "fail unknown-authority other-ca",
            "unknown unknown-authority other-ca",
            PASS,
            PASS,
            PASS,
        ],
    ),
    (
        "regenerated-ca",
        1,
        [
            "fail unknown-authority ca-regenerated",
            "fail unknown-authority ca-regenerated",
            "fail unknown-authority ca-regenerated",
            "unknown unknown-authority ca-regenerated",
            "fail unknown-authority ca-regenerated",
            "unknown unknown-authority ca-regenerated",
            "fail unknown-authority ca-regenerated",
        ],
    ),
    (
        "missing-san",
        1,
        [
            "fail hostname-mismatch",
            "fail hostname-mismatch",
            "fail hostname-mismatch",
            "unknown hostname-mismatch",
            PASS,
            PASS,
            PASS,
        ],
    ),
    (
        "self-signed",
        1,
        [
            "fail unknown-authority self-signed",
            "fail unknown-authority self-signed",
            "fail unknown-authority self-signed",
            "unknown unknown-authority self-signed",
            PASS,
            PASS,
            PASS,
        ],
    ),
    ("no-mtls", 1, [PASS, PASS, PASS, PASS, "fail mtls-not-enforced", "fail mtls-not-enforced", PASS]),
    (
        "nats-plaintext",
        1,
        [
            PASS,
            PASS,
            PASS,
            PASS,
            "fail wrong-scheme-tls-to-plain nats-plaintext",
            "fail mtls-not-enforced",
            "warn wrong-scheme-tls-to-plain nats-plaintext",
        ],
    ),
    (
        "client-eku",
        1,
        [PASS, PASS, PASS, PASS, "fail bad-certificate", "unknown bad-certificate", "warn bad-certificate"],
    ),
    (
        "redis-plaintext",
        1,
        [PASS, PASS, PASS, PASS, PASS, PASS, "fail wrong-scheme-tls-to-plain redis-plaintext"],
    ),
    (
        "gateway-down",
        1,
        [
            "fail connection-refused",
            "fail connection-refused",
            "fail connection-refused",
            "unknown connection-refused",
            PASS,
            PASS,
            PASS,
        ],
    ),
    (
        "gateway-plaintext",
        1,
        [
            "fail wrong-scheme-tls-to-plain http-plaintext",
            "fail wrong-scheme-tls-to-plain http-plaintext",
            "fail wrong-scheme-tls-to-plain http-plaintext",
            "unknown wrong-scheme-tls-to-plain http-plaintext",
            PASS,
            PASS,
            PASS,
        ],
    ),
    (
        "wrong-api-key",
        1,
        ["fail auth-not-tls", "fail auth-not-tls", "fail auth-not-tls", PASS, PASS, PASS, PASS],
    ),
    ("ws-forbidden", 3, [PASS, "unknown auth-not-tls", PASS, PASS, PASS, PASS, PASS]),
    ("ws-bad-accept", 1, [PASS, "fail", PASS, PASS, PASS, PASS, PASS]),
    ("gateway-busy", 1, ["fail timeout", "fail timeout", "fail timeout", PASS, PASS, PASS, PASS]),
    ("nats-down", 1, [PASS, PASS, PASS, PASS, "fail connection-refused", "unknown connection-refused", PASS]),
];

fn program() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
    // Nothing of the caller may change a verdict.
    command.env("CORDUM_TLS_INSECURE", "1").env("HTTPS_PROXY", "http://127.0.0.1:1");
    command.env("SSL_CERT_FILE", "/dev/null").env_remove("CORDUM_API_KEY");
    command
}

fn demo(fault: &str) -> (u8, Value) {
    let mut command = program();
    command.args(["demo", "--format", "json"]);
    if !fault.is_empty() {
        command.args(["--fault", fault]);
    }
    let output = command.output().unwrap();
    let report = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{fault}: {error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    (u8::try_from(output.status.code().unwrap()).unwrap(), report)
}

fn said(check: &Value) -> String {
    let status = check["status"].as_str().unwrap();
    let mut said = status.to_owned();
    for key in ["cause", "variant"] {
        if let Some(name) = check.pointer(&format!("/diagnoses/0/{key}")).and_then(Value::as_str) {
            said.push(' ');
            said.push_str(name);
        }
    }
    said
}

#[test]
fn every_fault_fails_the_right_checks_and_no_other() {
    let mut wrong = Vec::new();
    for (fault, code, expected) in ROWS {
        let (exit, report) = demo(fault);
        let checks = report["checks"].as_array().unwrap();
        let seen: Vec<String> = checks.iter().map(said).collect();
        if seen != expected.to_vec() {
            wrong.push(format!("{fault}: {seen:?}"));
        }
        assert_eq!(exit, *code, "{fault}");
        assert_eq!(report["exit_code"], *code, "{fault}");
        let failed = checks.iter().any(|check| check["status"] == "fail");
        let caused = failed
            && checks
                .iter()
                .any(|check| check["status"] == "fail" && check["diagnoses"] != serde_json::json!([]));
        assert_eq!(report["root_causes"] != serde_json::json!([]), caused, "{fault}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_matrix_and_the_list_name_the_same_faults() {
    let output = program().args(["demo", "--list-faults", "--format", "json"]).output().unwrap();
    let listed: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    // Those that only the extended checks see have a matrix of their own.
    let names: Vec<&str> = listed
        .iter()
        .map(|row| row["name"].as_str().unwrap())
        .filter(|name| !tls_verify_fixtures::fault::Fault::named(name).unwrap().is_extended())
        .collect();
    let rows: Vec<&str> = ROWS.iter().map(|row| row.0).filter(|name| !name.is_empty()).collect();
    let mut sorted = (names.clone(), rows);
    sorted.0.sort_unstable();
    sorted.1.sort_unstable();
    assert_eq!(sorted.0, sorted.1);
    for row in listed {
        assert_ne!(row["exit_code"], 0, "{row}");
    }
}

#[test]
fn each_failed_check_says_why_and_what_to_run() {
    let (_, report) = demo("other-ca");
    for check in report["checks"].as_array().unwrap() {
        if check["status"] == "fail" {
            let diagnosis = &check["diagnoses"][0];
            assert!(!diagnosis["because"].as_array().unwrap().is_empty(), "{check}");
            assert!(!diagnosis["fix"].as_array().unwrap().is_empty(), "{check}");
        }
    }
}

/// The alerts of nats-server 2.12 are others than those of Debian's 2.9; the causes are the same.
#[test]
fn a_newer_nats_server_is_read_the_same_way() {
    let Some(program) = std::env::var_os("NATS_SERVER_212").map(std::path::PathBuf::from) else {
        eprintln!("not run: NATS_SERVER_212 names no nats-server 2.12 (scripts/test builds one where Go is)");
        return;
    };
    let path = format!("{}:{}", program.parent().unwrap().display(), std::env::var("PATH").unwrap());
    for name in ["", "no-mtls", "nats-plaintext", "client-eku", "regenerated-ca", "nats-down"] {
        let (_, _, expected) = ROWS.iter().find(|row| row.0 == name).unwrap();
        let mut command = program_in(&path);
        if !name.is_empty() {
            command.args(["--fault", name]);
        }
        let output = command.output().unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let seen: Vec<String> = report["checks"].as_array().unwrap().iter().map(said).collect();
        assert_eq!(seen, expected.to_vec(), "{name}");
        let about = report["demo"]["about"].as_str().unwrap();
        assert!(about.contains(program.to_str().unwrap()), "{about}");
    }
}

fn program_in(path: &str) -> Command {
    let mut command = program();
    command.args(["demo", "--format", "json"]).env("PATH", path);
    command
}
