//! The Docker Engine of this machine, the Compose that goes with it, and the ports that a project takes.

use std::process::Command;
use std::time::Duration;

use crate::bounded::run;

/// An engine's answer takes some hundred milliseconds on an idle machine.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The compose file's variables of the ports on the host, and the usual ones. The kernel's and the context
/// engine's usual ones lie where the system takes the ports of outgoing connections from, so that a
/// container that starts again may find its own taken: here they lie below.
pub const PORTS: &[(&str, u16)] = &[
    ("NATS_PORT", 4222),
    ("REDIS_PORT", 6379),
    ("CONTEXT_PORT", 20400),
    ("KERNEL_PORT", 20051),
    ("GATEWAY_PORT", 8081),
    ("GRPC_PORT", 9080),
    ("DASHBOARD_PORT", 8082),
];

/// `docker compose` or `docker-compose`.
pub fn compose() -> Command {
    if !plugin() {
        return Command::new("docker-compose");
    }
    let mut command = Command::new("docker");
    command.arg("compose");
    command
}

/// Docker's compose plugin is there; else docker-compose 1.29 does the same.
pub fn plugin() -> bool {
    static CELL: std::sync::OnceLock<bool> = std::sync::OnceLock::new();
    *CELL.get_or_init(|| answers("docker", &["compose", "version"]))
}

fn answers(program: &str, words: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(words);
    run(command, Duration::from_secs(20)).code == Some(0)
}

/// Whether the project can be run here; in CI it has to be.
pub fn available() -> bool {
    let required = std::env::var("TLS_VERIFY_REQUIRE").is_ok_and(|list| list.contains("docker"));
    let engine = answers("docker", &["version", "--format", "{{.Server.Version}}"]);
    let images = engine && answers("docker", &["image", "inspect", "cordum-mock-bank-worker:latest"]);
    let ready = images && (plugin() || answers("docker-compose", &["version"]));
    if !ready {
        assert!(!required, "a Docker Engine with the project's images is required and not there");
        eprintln!("not run: no Docker Engine with the project's images (scripts/test starts and fills one)");
    }
    ready
}
