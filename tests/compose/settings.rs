//! One service that is set up wrongly, in a stack that is fine: its own setting is named.

use crate::project::REDIS_PASSWORD;
use crate::row::{ROW, Row};

pub const ROWS: &[Row] = &[
    Row {
        name: "a scheduler that dials NATS at a wrong port",
        make: |project| project.with_variables("scheduler", &[("NATS_URL", "tls://nats:4223")]),
        says: &[("redis-logs", "good"), ("service-links", "fail connection-refused/server")],
        roots: &["scheduler connection-refused"],
        words: &["in scheduler set NATS_URL from tls://nats:4223 to tls://nats:4222"],
        ..ROW
    },
    Row {
        name: "a workflow engine that dials Redis by a name which nobody has",
        make: |project| {
            let url = format!("rediss://:{REDIS_PASSWORD}@redis-master:6379");
            project.with_variables("workflow-engine", &[("REDIS_URL", &url)]);
        },
        says: &[("redis-logs", "fail dns/network"), ("service-links", "fail dns/network")],
        roots: &["workflow-engine dns"],
        words: &[
            "in workflow-engine set REDIS_URL from rediss://",
            "@redis-master:6379 to rediss://",
            "no such host",
        ],
        ..ROW
    },
    Row {
        name: "a workflow engine that speaks plaintext to Redis",
        make: |project| {
            let url = format!("redis://:{REDIS_PASSWORD}@redis:6379");
            project.with_variables("workflow-engine", &[("REDIS_URL", &url)]);
        },
        says: &[
            ("redis-logs", "fail wrong-scheme-plain-to-tls/client"),
            ("service-links", "fail wrong-scheme-plain-to-tls/client"),
        ],
        roots: &["workflow-engine wrong-scheme-plain-to-tls"],
        words: &["its REDIS_URL is redis://", "in workflow-engine set REDIS_URL from "],
        ..ROW
    },
    Row {
        name: "a workflow engine with a wrong Redis password",
        make: |project| {
            project.with_variables("workflow-engine", &[("REDIS_URL", "rediss://:guessed@redis:6379")]);
        },
        says: &[("redis-logs", "fail auth-not-tls/client"), ("service-links", "fail auth-not-tls/client")],
        roots: &["workflow-engine auth-not-tls"],
        words: &["WRONGPASS", "the login into REDIS_URL"],
        ..ROW
    },
    Row {
        name: "a safety kernel without its certificate",
        make: |project| {
            let none = [("SAFETY_KERNEL_TLS_CERT", ""), ("SAFETY_KERNEL_TLS_KEY", "")];
            project.with_variables("safety-kernel", &none);
        },
        says: &[
            ("redis-logs", "good"),
            ("safety-kernel-grpc", "fail wrong-scheme-tls-to-plain http2-plaintext/server"),
        ],
        roots: &["safety-kernel wrong-scheme-tls-to-plain http2-plaintext"],
        words: &["first record does not look like a TLS handshake"],
        ..ROW
    },
];
