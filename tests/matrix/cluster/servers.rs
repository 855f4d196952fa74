//! NATS and Redis: in clear, letting everybody in, talking among themselves without TLS.

use super::row::{FAULT, Row};

pub(super) const ROWS: &[Row] = &[
    Row {
        name: "NATS without TLS for its clients",
        make: "config cordum-nats-config nats.conf '/^tls \\{/,/^\\}/d'; k delete pod -l app=nats --wait=false; again $services",
        fails: &[
            "gateway-https",
            "gateway-wss",
            "cli-with-cacert",
            "worker-nats-tls",
            "nats-mtls",
            "gateway-grpc",
            "dashboard-gateway",
            "service-links",
        ],
        open: &["cli-without-cacert"],
        roots: &["configmap/cordum-nats-config wrong-scheme-tls-to-plain nats-plaintext"],
        always: true,
        ..FAULT
    },
    Row {
        name: "NATS lets clients in without a certificate",
        make: "config cordum-nats-config nats.conf '0,/verify: true/s//verify: false/'; k delete pod -l app=nats --wait=false",
        fails: &["nats-mtls"],
        roots: &["configmap/cordum-nats-config mtls-not-enforced"],
        ..FAULT
    },
    Row {
        name: "NATS servers talk among themselves in clear",
        make: "config cordum-nats-config nats.conf '/^  tls \\{/,/^  \\}/d'; k delete pod -l app=nats --wait=false",
        fails: &["cluster-links"],
        roots: &["configmap/cordum-nats-config wrong-scheme-tls-to-plain"],
        ..FAULT
    },
    Row {
        name: "Redis without TLS",
        make: "config cordum-redis-config redis.conf 's/^port 0/port 6379/; s/^tls-port 6379/tls-port 0/'; k delete pod -l app=redis --wait=false; again $services",
        fails: &[
            "gateway-https",
            "gateway-wss",
            "cli-with-cacert",
            "redis-logs",
            "redis-tls",
            "gateway-grpc",
            "dashboard-gateway",
            "service-links",
        ],
        open: &["cli-without-cacert"],
        roots: &["configmap/cordum-redis-config wrong-scheme-tls-to-plain redis-plaintext"],
        ..FAULT
    },
    Row {
        name: "NATS is told to read a file that its Secret has not",
        make: "config cordum-nats-config nats.conf '0,/tls.crt/s//server.crt/'; k delete pod -l app=nats --wait=false",
        fails: &["worker-nats-tls", "dashboard-gateway", "certificates", "service-links", "cluster-links"],
        open: &["nats-mtls"],
        roots: &["configmap/cordum-nats-config bad-key-file file-missing"],
        ..FAULT
    },
];
