//! `audit --docker` of a project that runs, beside `audit` of its files.

use std::collections::BTreeSet;
use std::process::Command;

use serde_json::Value;

use crate::bounded::run;
use crate::engine::PATIENCE;
use crate::project::{Project, REDIS_PASSWORD};

/// Rules that ask for nothing but settings: a file's modes and a host's folders are seen from elsewhere in an engine.
const RULES: &[&str] = &["production-rule", "scheme-mismatch", "verification-disabled", "plaintext-listener"];

fn found(command: Command) -> BTreeSet<(String, String, String)> {
    let ended = run(command, PATIENCE);
    let report: Value = serde_json::from_str(&ended.out)
        .unwrap_or_else(|error| panic!("{error}: {} {}", ended.out, ended.err));
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    report["findings"]
        .as_array()
        .unwrap_or_else(|| panic!("{report}"))
        .iter()
        .filter(|one| RULES.iter().any(|rule| one["rule"] == *rule) && one["severity"] != "note")
        .map(|one| (text(one, "rule"), text(one, "workload"), text(one, "message")))
        .collect()
}

/// Puts a scheduler into production that production refuses, with four mistakes, and compares.
pub fn compare(project: &mut Project) {
    let url = format!("redis://:{REDIS_PASSWORD}@redis:6379");
    project.with_variables(
        "scheduler",
        &[
            ("CORDUM_ENV", "production"),
            ("NATS_TLS_INSECURE", "true"),
            ("SAFETY_KERNEL_TLS_CA", ""),
            ("SCHEDULER_METRICS_PUBLIC", ""),
            ("REDIS_URL", &url),
        ],
    );
    let mut running = project.product(&["audit", "--docker", "--format", "json"]);
    running.stdin(std::process::Stdio::null());
    let file = project.path("rendered.yml");
    std::fs::write(&file, project.rendered()).unwrap();
    let mut described = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
    described.args(["audit", "--format", "json", "-f"]).arg(file);
    let (running, described) = (found(running), found(described));
    assert_eq!(running, described);
    let of = |rule: &str, word: &str| running.iter().any(|(is, _, said)| is == rule && said.contains(word));
    assert!(of("production-rule", "NATS_TLS_INSECURE is on"), "{running:?}");
    assert!(of("production-rule", "SAFETY_KERNEL_TLS_CA is not set"), "{running:?}");
    assert!(of("production-rule", "SCHEDULER_METRICS_PUBLIC is not set"), "{running:?}");
    assert!(of("scheme-mismatch", "redis://"), "{running:?}");
}
