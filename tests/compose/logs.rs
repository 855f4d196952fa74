//! What stands in the logs, or does not; what cannot be asked; two faults at once.

use crate::row::{ROW, Row};

pub const ROWS: &[Row] = &[
    Row {
        name: "a Redis error 5,000 lines up",
        make: |project| {
            let line = "[SCHEDULER] ERROR failed to connect to Redis for job store error=connect redis: tls: failed to \
                        verify certificate: x509: certificate has expired or is not yet valid: current time \
                        2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z";
            project.changed(&[("SCHEDULER_NOISE", "5000"), ("SCHEDULER_SAY", line)]);
        },
        says: &[("redis-logs", "fail expired/server")],
        roots: &["scheduler expired"],
        ..ROW
    },
    Row {
        name: "a service whose log is empty",
        make: |project| project.changed(&[("SCHEDULER_QUIET", "1")]),
        says: &[("redis-logs", "unknown")],
        code: 3,
        ..ROW
    },
    Row {
        name: "a service whose log cannot be read",
        make: |project| project.changed(&[("SCHEDULER_LOG_DRIVER", "none")]),
        says: &[("redis-logs", "unknown")],
        code: 3,
        ..ROW
    },
    Row {
        name: "a wrong scheduler and a wrong dashboard at once",
        make: |project| {
            project.changed(&[
                ("SCHEDULER_NATS_TLS_CA", "/etc/cordum/tls/other/ca.crt"),
                ("CORDUM_API_UPSTREAM_SCHEME", "http"),
            ]);
        },
        says: &[
            ("redis-logs", "good"),
            ("service-links", "fail unknown-authority other-ca/client"),
            ("dashboard-gateway", "fail wrong-scheme-plain-to-tls/client"),
        ],
        roots: &["scheduler unknown-authority other-ca", "dashboard wrong-scheme-plain-to-tls"],
        ..ROW
    },
    Row {
        name: "NATS stopped and the gateway's certificate expired",
        make: |project| {
            project.changed(&[
                ("GATEWAY_HTTP_TLS_CERT", "/etc/cordum/tls/other/expired.crt"),
                ("GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/other/expired.key"),
            ]);
            project.await_words("api-gateway", "http listening");
            project.stop(&["nats"]);
        },
        says: &[
            ("gateway-https", "fail expired/server"),
            ("gateway-wss", "fail expired/server"),
            ("cli-with-cacert", "fail expired/server"),
            ("cli-without-cacert", "unknown expired/server"),
            ("worker-nats-tls", "fail dns container-stopped/server"),
            ("nats-mtls", "unknown dns container-stopped/server"),
            ("redis-logs", "good"),
            ("dashboard-gateway", "fail expired/server"),
            ("service-links", "fail dns container-stopped/server"),
        ],
        roots: &["nats dns container-stopped", "api-gateway expired"],
        ..ROW
    },
];

/// Where the product stands by itself: the usual ports of this machine.
pub const UNASKED: &[Row] = &[Row {
    name: "no engine to ask",
    // Without an engine nobody knows where these two are published.
    arguments: &[
        "--docker-host",
        "unix:///nowhere.sock",
        "--safety-kernel",
        "localhost:20051",
        "--context-engine",
        "localhost:20400",
    ],
    says: &[("redis-logs", "unknown"), ("service-links", "unknown")],
    code: 3,
    ..ROW
}];
