//! One service's own side as the origin: its files, its CA, its name for a peer; the kernel's link, the
//! dashboard's, the worker's.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

use crate::project::SERVICES;
use crate::row::{ROW, Row};

/// Directories as `generate-certs` leaves them: for their owner alone.
fn close(folder: &Path) {
    for name in ["ca", "server", "client"] {
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o750)).unwrap();
    }
}

const OTHER: &str = "/etc/cordum/tls/other/ca.crt";
const EXPIRED: (&str, &str) = ("KERNEL_TLS_CERT", "/etc/cordum/tls/other/expired.crt");

pub const ROWS: &[Row] = &[
    Row {
        name: "certificate files that no service may read",
        make: |project| {
            close(&project.path("certs"));
            project.restart(SERVICES);
        },
        says: &[
            ("gateway-https", "fail bad-key-file permission-denied/client"),
            ("gateway-wss", "fail bad-key-file permission-denied/client"),
            ("cli-with-cacert", "fail bad-key-file permission-denied/client"),
            ("cli-without-cacert", "unknown bad-key-file permission-denied/client"),
            ("worker-nats-tls", "fail bad-key-file permission-denied/client"),
            ("redis-logs", "fail bad-key-file permission-denied/client"),
            ("gateway-grpc", "fail bad-key-file permission-denied/client"),
            ("safety-kernel-grpc", "fail bad-key-file permission-denied/server"),
            ("context-engine-grpc", "fail bad-key-file permission-denied/client"),
            ("dashboard-gateway", "fail bad-key-file permission-denied/client"),
            ("service-links", "fail bad-key-file permission-denied/client"),
        ],
        roots: &["certs/ca/ca.crt bad-key-file permission-denied"],
        words: &["chmod a+rX "],
        ..ROW
    },
    Row {
        name: "a key that one service may not read",
        make: |project| {
            let closed = project.path("certs/other/closed.key");
            std::fs::copy(project.path("certs/server/tls.key"), &closed).unwrap();
            std::fs::set_permissions(&closed, std::fs::Permissions::from_mode(0o600)).unwrap();
            project.changed(&[("KERNEL_TLS_KEY", "/etc/cordum/tls/other/closed.key")]);
        },
        says: &[
            ("redis-logs", "good"),
            ("safety-kernel-grpc", "fail bad-key-file permission-denied/server"),
            ("service-links", "fail bad-key-file permission-denied/server"),
        ],
        roots: &["certs/other/closed.key bad-key-file permission-denied"],
        words: &["SAFETY_KERNEL_TLS_KEY", "/certs/other/closed.key"],
        ..ROW
    },
    Row {
        name: "another CA in the gateway's SAFETY_KERNEL_TLS_CA",
        make: |project| project.changed(&[("GATEWAY_KERNEL_TLS_CA", OTHER)]),
        says: &[("redis-logs", "good"), ("safety-kernel-grpc", "fail unknown-authority/client")],
        roots: &["api-gateway unknown-authority"],
        words: &[
            "in api-gateway set SAFETY_KERNEL_TLS_CA from ",
            "/certs/other/ca.crt",
            "up -d --no-deps api-gateway",
        ],
        ..ROW
    },
    Row {
        name: "a safety kernel whose certificate has expired",
        make: |project| {
            project.changed(&[EXPIRED, ("KERNEL_TLS_KEY", "/etc/cordum/tls/other/expired.key")]);
        },
        says: &[("redis-logs", "good"), ("safety-kernel-grpc", "fail expired/server")],
        roots: &["safety-kernel expired"],
        words: &["2021-01-01"],
        ..ROW
    },
    Row {
        name: "the safety kernel stopped",
        make: |project| project.stop(&["safety-kernel"]),
        says: &[
            ("redis-logs", "fail connection-refused container-stopped/server"),
            ("safety-kernel-grpc", "fail connection-refused container-stopped/server"),
            ("service-links", "fail connection-refused container-stopped/server"),
        ],
        roots: &["safety-kernel connection-refused container-stopped"],
        ..ROW
    },
    Row {
        name: "another CA in the safety kernel's REDIS_TLS_CA",
        make: |project| project.changed(&[("KERNEL_REDIS_TLS_CA", OTHER)]),
        says: &[("redis-logs", "fail unknown-authority other-ca/client")],
        roots: &["safety-kernel unknown-authority other-ca"],
        words: &["REDIS_TLS_CA"],
        ..ROW
    },
    Row {
        name: "another CA in the scheduler's NATS_TLS_CA",
        make: |project| project.changed(&[("SCHEDULER_NATS_TLS_CA", OTHER)]),
        says: &[("redis-logs", "good"), ("service-links", "fail unknown-authority other-ca/client")],
        roots: &["scheduler unknown-authority other-ca"],
        words: &[
            "in scheduler set NATS_TLS_CA from /etc/cordum/tls/other/ca.crt to /etc/cordum/tls/ca/ca.crt",
        ],
        diagnosed: &[
            "in scheduler set NATS_TLS_CA from /etc/cordum/tls/other/ca.crt to /etc/cordum/tls/ca/ca.crt",
            "unknown-authority",
        ],
        ..ROW
    },
    Row {
        name: "a workflow engine that crash-loops of something else",
        make: |project| {
            project.changed(&[(
                "WORKFLOW_DIE",
                "[WORKFLOW-ENGINE] ERROR FATAL: production mode requires these environment variables: NATS_URL",
            )]);
        },
        says: &[
            ("redis-logs", "fail connection-refused container-restarting/server"),
            ("service-links", "fail connection-refused container-restarting/server"),
        ],
        roots: &["workflow-engine connection-refused container-restarting"],
        words: &["production mode requires"],
        ..ROW
    },
    Row {
        name: "a worker that crash-loops after its TLS line",
        make: |project| project.changed(&[("WORKER_NATS_NAME", "elsewhere")]),
        says: &[("redis-logs", "good"), ("worker-nats-tls", "fail hostname-mismatch/client")],
        roots: &["mock-bank-worker hostname-mismatch"],
        words: &["NATS_TLS_SERVER_NAME"],
        ..ROW
    },
    Row {
        name: "a worker that runs without NATS",
        make: |project| project.changed(&[("STANDIN_NO_NATS", "1")]),
        says: &[("worker-nats-tls", "fail connection-reset/server")],
        roots: &["mock-bank-worker connection-reset"],
        ..ROW
    },
    Row {
        name: "a worker with another CA",
        make: |project| project.changed(&[("WORKER_NATS_TLS_CA", OTHER)]),
        says: &[("redis-logs", "good"), ("worker-nats-tls", "fail unknown-authority/client")],
        roots: &["mock-bank-worker unknown-authority"],
        words: &["in mock-bank-worker set NATS_TLS_CA from "],
        ..ROW
    },
    Row {
        name: "a worker that is stopped",
        make: |project| project.stop(&["mock-bank-worker"]),
        says: &[("worker-nats-tls", "fail connection-refused container-stopped/server")],
        roots: &["mock-bank-worker connection-refused container-stopped"],
        ..ROW
    },
    Row {
        name: "a worker that is demanded and not there",
        make: |project| project.docker(&["rm", "-f"], &["mock-bank-worker"]),
        arguments: &["--worker", "mock-bank-worker"],
        says: &[
            ("worker-nats-tls", "fail connection-refused container-absent/server"),
            ("redis-logs", "unknown"),
        ],
        roots: &["mock-bank-worker connection-refused container-absent"],
        ..ROW
    },
    Row {
        name: "a dashboard that speaks HTTP to the gateway",
        make: |project| project.changed(&[("CORDUM_API_UPSTREAM_SCHEME", "http")]),
        says: &[("dashboard-gateway", "fail wrong-scheme-plain-to-tls/client")],
        roots: &["dashboard wrong-scheme-plain-to-tls"],
        words: &["CORDUM_API_UPSTREAM_SCHEME"],
        ..ROW
    },
    Row {
        name: "a dashboard with another CA",
        make: |project| {
            let ca = Authority::named("Another CA", Validity::Now).unwrap();
            project.layout("dashboard", &ca, &Leaf::server(), &Leaf::client());
            project.restart(&["dashboard"]);
        },
        says: &[("dashboard-gateway", "fail unknown-authority/client")],
        roots: &["dashboard unknown-authority"],
        ..ROW
    },
    Row {
        name: "a dashboard that knows the gateway by a wrong name",
        make: |project| project.changed(&[("CORDUM_API_UPSTREAM_HOST", "api-gateway")]),
        says: &[("dashboard-gateway", "fail hostname-mismatch/client")],
        roots: &["dashboard hostname-mismatch"],
        words: &["CORDUM_API_UPSTREAM_HOST"],
        ..ROW
    },
    Row {
        name: "the dashboard stopped",
        make: |project| project.stop(&["dashboard"]),
        says: &[("dashboard-gateway", "fail connection-refused container-stopped/server")],
        roots: &["dashboard connection-refused container-stopped"],
        ..ROW
    },
];
