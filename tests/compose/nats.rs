//! NATS as the origin.

use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

use crate::project::{Project, SERVICES};
use crate::row::{ROW, Row};

const PLAIN: &str = "./fixtures/compose/nats.plain.conf";

/// NATS under a CA that nobody else knows.
fn under(project: &Project, ca: &Authority) {
    project.layout("nats", ca, &Leaf::server(), &Leaf::client());
    project.restart(&["nats"]);
}

fn expired(project: &Project) {
    project.layout("nats", &project.ca, &Leaf::server().valid(Validity::Expired), &Leaf::client());
    project.restart(&["nats"]);
}

/// Services restarted under a broken NATS: the gateway and all that uses it is down. Redis and what uses
/// Redis alone are fine, and so is the safety kernel's own port.
macro_rules! nats_down {
    ($cause:literal, $mtls:literal) => {
        &[
            ("gateway-https", concat!("fail ", $cause)),
            ("gateway-wss", concat!("fail ", $cause)),
            ("cli-with-cacert", concat!("fail ", $cause)),
            ("cli-without-cacert", concat!("unknown ", $cause)),
            ("worker-nats-tls", concat!("fail ", $cause)),
            ("nats-mtls", $mtls),
            ("redis-logs", "good"),
            ("gateway-grpc", concat!("fail ", $cause)),
            ("dashboard-gateway", concat!("fail ", $cause)),
            ("service-links", concat!("fail ", $cause)),
        ]
    };
}

pub const ROWS: &[Row] = &[
    Row {
        name: "NATS loses TLS while services run",
        make: |project| project.changed_alone("nats", &[("NATS_CONF", PLAIN)]),
        says: &[
            ("gateway-https", "warn"),
            ("worker-nats-tls", "fail wrong-scheme-tls-to-plain nats-plaintext/server"),
            ("nats-mtls", "fail mtls-not-enforced/server"),
            ("redis-logs", "good"),
            ("service-links", "fail wrong-scheme-tls-to-plain nats-plaintext/server"),
        ],
        roots: &["nats wrong-scheme-tls-to-plain nats-plaintext"],
        words: &["api-gateway is not connected because it cannot speak TLS with NATS"],
        ..ROW
    },
    Row {
        name: "NATS in plaintext, services restarted",
        make: |project| {
            project.changed(&[("NATS_CONF", PLAIN)]);
            project.restart(SERVICES);
        },
        says: nats_down!("wrong-scheme-tls-to-plain nats-plaintext/server", "fail mtls-not-enforced/server"),
        roots: &["nats wrong-scheme-tls-to-plain nats-plaintext"],
        words: &["api-gateway is down because it cannot speak TLS with NATS"],
        ..ROW
    },
    Row {
        name: "NATS asks for no client certificate",
        make: |project| project.changed(&[("NATS_CONF", "./fixtures/compose/nats.no-verify.conf")]),
        says: &[("nats-mtls", "fail mtls-not-enforced/server"), ("redis-logs", "good")],
        roots: &["nats mtls-not-enforced"],
        ..ROW
    },
    Row {
        name: "NATS stopped, services running",
        make: |project| project.stop(&["nats"]),
        says: &[
            ("gateway-https", "warn"),
            ("worker-nats-tls", "fail dns container-stopped/server"),
            ("nats-mtls", "unknown dns container-stopped/server"),
            ("redis-logs", "good"),
            ("service-links", "fail dns container-stopped/server"),
        ],
        roots: &["nats dns container-stopped"],
        words: &["is not connected because it cannot reach NATS"],
        ..ROW
    },
    Row {
        name: "NATS stopped, services restarted",
        make: |project| {
            project.stop(&["nats"]);
            project.restart(SERVICES);
        },
        says: nats_down!("dns container-stopped/server", "unknown dns container-stopped/server"),
        roots: &["nats dns container-stopped"],
        words: &["api-gateway is down because it cannot reach NATS", "no such host"],
        ..ROW
    },
    Row {
        name: "NATS with a CA of the same name and another key, services running",
        make: |project| under(project, &Authority::generate().unwrap()),
        says: &[
            ("gateway-https", "warn"),
            ("worker-nats-tls", "fail unknown-authority ca-regenerated/server"),
            ("nats-mtls", "unknown unknown-authority ca-regenerated/server"),
            ("redis-logs", "good"),
            ("service-links", "fail unknown-authority ca-regenerated/server"),
        ],
        roots: &["nats unknown-authority ca-regenerated"],
        words: &["cannot verify NATS"],
        ..ROW
    },
    Row {
        name: "NATS with a CA of the same name and another key, services restarted",
        make: |project| {
            under(project, &Authority::generate().unwrap());
            project.restart(SERVICES);
        },
        says: nats_down!(
            "unknown-authority ca-regenerated/server",
            "unknown unknown-authority ca-regenerated/server"
        ),
        roots: &["nats unknown-authority ca-regenerated"],
        words: &["api-gateway is down because it cannot verify NATS"],
        ..ROW
    },
    Row {
        name: "NATS with a CA of another name, services restarted",
        make: |project| {
            under(project, &Authority::named("Another CA", Validity::Now).unwrap());
            project.restart(SERVICES);
        },
        says: nats_down!("unknown-authority other-ca/server", "unknown unknown-authority other-ca/server"),
        roots: &["nats unknown-authority other-ca"],
        words: &["api-gateway is down because it cannot verify NATS"],
        ..ROW
    },
    Row {
        name: "NATS expired, services running",
        make: |project| expired(project),
        says: &[
            ("gateway-https", "warn"),
            ("worker-nats-tls", "fail expired/server"),
            ("nats-mtls", "unknown expired/server"),
            ("redis-logs", "good"),
            ("service-links", "fail expired/server"),
        ],
        roots: &["nats expired"],
        words: &["2021-01-01"],
        ..ROW
    },
    Row {
        name: "NATS expired, services restarted",
        make: |project| {
            expired(project);
            project.restart(SERVICES);
        },
        says: nats_down!("expired/server", "unknown expired/server"),
        roots: &["nats expired"],
        words: &["api-gateway is down because it cannot verify NATS", "2021-01-01"],
        ..ROW
    },
];
