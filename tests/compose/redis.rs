//! Redis as the origin.

use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

use crate::project::{Project, REDIS_PASSWORD, SERVICES};
use crate::row::{ANY, ROW, Row};

fn under(project: &Project, ca: &Authority) {
    project.layout("redis", ca, &Leaf::server(), &Leaf::client());
    project.restart(&["redis"]);
}

const PLAIN: &[(&str, &str)] = &[("REDIS_PLAIN_PORT", "6379"), ("REDIS_TLS_PORT", "0")];

/// Services restarted under a broken Redis: all crash-loop but the safety kernel, which only warns.
macro_rules! redis_down {
    ($cause:literal, $kernel:literal) => {
        &[
            ("gateway-https", concat!("fail ", $cause)),
            ("gateway-wss", concat!("fail ", $cause)),
            ("cli-with-cacert", concat!("fail ", $cause)),
            ("cli-without-cacert", concat!("unknown ", $cause)),
            ("worker-nats-tls", concat!("fail ", $cause)),
            ("redis-logs", concat!("fail ", $cause)),
            ("redis-tls", concat!("fail ", $cause)),
            ("gateway-grpc", concat!("fail ", $cause)),
            ("safety-kernel-grpc", $kernel),
            ("context-engine-grpc", concat!("fail ", $cause)),
            ("dashboard-gateway", concat!("fail ", $cause)),
            ("service-links", concat!("fail ", $cause)),
        ]
    };
}

pub const ROWS: &[Row] = &[
    Row {
        name: "Redis with a CA of the same name and another key, services running",
        make: |project| under(project, &Authority::generate().unwrap()),
        says: &[
            ("gateway-https", "fail unknown-authority ca-regenerated/server"),
            ("gateway-wss", "fail unknown-authority ca-regenerated/server"),
            ("cli-with-cacert", "fail unknown-authority ca-regenerated/server"),
            ("redis-logs", "fail unknown-authority ca-regenerated/server"),
            ("redis-tls", "fail unknown-authority ca-regenerated/server"),
            ("dashboard-gateway", "fail unknown-authority ca-regenerated/server"),
        ],
        roots: &["redis unknown-authority ca-regenerated"],
        words: &["/readyz says of redis"],
        ..ROW
    },
    Row {
        name: "Redis with a CA of the same name and another key, services restarted",
        make: |project| {
            under(project, &Authority::generate().unwrap());
            project.restart(SERVICES);
        },
        says: redis_down!("unknown-authority ca-regenerated/server", "pass"),
        roots: &["redis unknown-authority ca-regenerated"],
        words: &["api-gateway is down because it cannot verify Redis"],
        ..ROW
    },
    Row {
        name: "Redis with a CA of another name, services restarted",
        make: |project| {
            under(project, &Authority::named("Another CA", Validity::Now).unwrap());
            project.restart(SERVICES);
        },
        says: redis_down!("unknown-authority other-ca/server", "pass"),
        roots: &["redis unknown-authority other-ca"],
        words: &["api-gateway is down because it cannot verify Redis"],
        ..ROW
    },
    Row {
        name: "Redis in plaintext, services running",
        make: |project| project.changed_alone("redis", PLAIN),
        says: &[
            ("gateway-https", "fail wrong-scheme-tls-to-plain redis-plaintext/server"),
            ("gateway-wss", "fail wrong-scheme-tls-to-plain redis-plaintext/server"),
            ("cli-with-cacert", "fail wrong-scheme-tls-to-plain redis-plaintext/server"),
            ("redis-logs", "fail wrong-scheme-tls-to-plain redis-plaintext/server"),
            ("redis-tls", "fail wrong-scheme-tls-to-plain redis-plaintext/server"),
            ("dashboard-gateway", "fail wrong-scheme-tls-to-plain redis-plaintext/server"),
        ],
        roots: &["redis wrong-scheme-tls-to-plain redis-plaintext"],
        words: &["answers a plaintext PING"],
        ..ROW
    },
    Row {
        name: "Redis in plaintext, services restarted",
        make: |project| {
            project.changed(PLAIN);
            project.restart(SERVICES);
        },
        says: redis_down!("wrong-scheme-tls-to-plain redis-plaintext/server", "pass"),
        roots: &["redis wrong-scheme-tls-to-plain redis-plaintext"],
        words: &["api-gateway is down because it cannot speak TLS with Redis"],
        ..ROW
    },
    Row {
        name: "Redis expired, services restarted",
        make: |project| {
            let leaf = Leaf::server().valid(Validity::Expired);
            project.layout("redis", &project.ca, &leaf, &Leaf::client());
            project.restart(&["redis"]);
            project.restart(SERVICES);
        },
        says: redis_down!("expired/server", "pass"),
        roots: &["redis expired"],
        words: &["api-gateway is down because it cannot verify Redis", "2021-01-01"],
        ..ROW
    },
    Row {
        name: "Redis stopped, services running",
        make: |project| project.stop(&["redis"]),
        says: &[
            ("gateway-https", "fail dns container-stopped/server"),
            ("gateway-wss", "fail dns container-stopped/server"),
            ("cli-with-cacert", "fail dns container-stopped/server"),
            ("redis-logs", "fail dns container-stopped/server"),
            ("redis-tls", "fail dns container-stopped/server"),
            ("dashboard-gateway", "fail dns container-stopped/server"),
        ],
        roots: &["redis dns container-stopped"],
        words: &["no such host"],
        ..ROW
    },
    Row {
        name: "Redis stopped, services restarted",
        make: |project| {
            project.stop(&["redis"]);
            project.restart(SERVICES);
        },
        says: redis_down!("dns container-stopped/server", "pass"),
        roots: &["redis dns container-stopped"],
        words: &["api-gateway is down because it cannot reach Redis"],
        ..ROW
    },
    Row {
        name: "Redis with another password, services restarted",
        make: |project| {
            let cli = format!(
                "redis-cli --no-auth-warning --tls --cacert /etc/cordum/tls/ca/ca.crt -a {REDIS_PASSWORD} config set requirepass another"
            );
            project.inside("redis", &["sh", "-c", &cli]).must("config set");
            project.restart(SERVICES);
        },
        says: redis_down!("auth-not-tls/client", "pass"),
        roots: &["redis auth-not-tls"],
        words: &["api-gateway is down because it cannot log in to Redis"],
        ..ROW
    },
    Row {
        name: "Redis wants client certificates of another CA, services restarted",
        make: |project| {
            project.changed(&[
                ("REDIS_AUTH_CLIENTS", "yes"),
                ("REDIS_CLIENT_CA", "/etc/cordum/tls/other/ca.crt"),
            ]);
            project.restart(SERVICES);
        },
        says: redis_down!("bad-certificate other-ca/server", "pass"),
        roots: &["redis bad-certificate other-ca"],
        words: &["client check of Redis"],
        elsewhere: Some(ANY),
        ..ROW
    },
];
