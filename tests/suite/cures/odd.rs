//! Stacks broken as people break them: values with quotes, pairs the wrong way round, files of another kind.

use super::rows::Row;

const SERVER: &str = "/etc/cordum/tls/server/tls";

pub(super) const ROWS: &[Row] = &[
    (
        "a path in quotes, as a list of variables keeps them",
        |stack| stack.set("scheduler", "NATS_TLS_CA", "'/etc/cordum/tls/ca/ca.crt'"),
        &["scheduler environment NATS_TLS_CA: '/etc/cordum/tls/ca/ca.crt' -> /etc/cordum/tls/ca/ca.crt"],
        "up -d --no-deps scheduler",
    ),
    (
        "a client certificate at a path that nothing is mounted at",
        |stack| {
            stack.set("scheduler", "NATS_TLS_CERT", "/certs/client/tls.crt");
            stack.set("scheduler", "NATS_TLS_KEY", "/certs/client/tls.key");
        },
        &[
            "scheduler environment NATS_TLS_CERT: /certs/client/tls.crt -> /etc/cordum/tls/client/tls.crt",
            "scheduler environment NATS_TLS_KEY: /certs/client/tls.key -> /etc/cordum/tls/client/tls.key",
        ],
        "up -d --no-deps scheduler",
    ),
    (
        "certificate and key have changed places",
        |stack| {
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_CERT", &format!("{SERVER}.key"));
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", &format!("{SERVER}.crt"));
        },
        &[
            "api-gateway environment GATEWAY_HTTP_TLS_CERT: /etc/cordum/tls/server/tls.key -> /etc/cordum/tls/server/tls.crt",
            "api-gateway environment GATEWAY_HTTP_TLS_KEY: /etc/cordum/tls/server/tls.crt -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "a bundle in which another CA is the first",
        |stack| {
            let other = stack.text("/srv/certs/other/ca.crt");
            let own = stack.text("/srv/certs/ca/ca.crt");
            stack.host.put("/srv/certs/ca/ca.crt", &format!("{other}{own}"));
        },
        &["context-engine file ./certs/ca/ca.crt: - -> the same certificates, that of Cordum Dev CA first"],
        "restart ",
    ),
    (
        "a gateway that listens on its own loopback",
        |stack| stack.set("api-gateway", "GATEWAY_HTTP_ADDR", "127.0.0.1:8081"),
        &["api-gateway environment GATEWAY_HTTP_ADDR: 127.0.0.1:8081 -> :8081"],
        "up -d --no-deps api-gateway",
    ),
    (
        "a kernel as it listens where nobody sets its address",
        |stack| stack.set("safety-kernel", "SAFETY_KERNEL_ADDR", "localhost:50051"),
        &["safety-kernel environment SAFETY_KERNEL_ADDR: localhost:50051 -> :50051"],
        "up -d --no-deps safety-kernel",
    ),
    (
        "a CA file in DER",
        |stack| {
            let der = stack.read("/srv/certs/ca/ca.crt").remove(0);
            stack.host.files.insert("/srv/certs/ca/ca.der".to_owned(), (der, 0o644));
            stack.set("scheduler", "REDIS_TLS_CA", "/etc/cordum/tls/ca/ca.der");
        },
        &["scheduler environment REDIS_TLS_CA: /etc/cordum/tls/ca/ca.der -> /etc/cordum/tls/ca/ca.crt"],
        "up -d --no-deps scheduler",
    ),
    (
        "an empty CA file",
        |stack| {
            stack.host.put("/srv/certs/ca/empty.crt", "");
            stack.set("mock-bank-worker", "NATS_TLS_CA", "/etc/cordum/tls/ca/empty.crt");
        },
        &[
            "mock-bank-worker environment NATS_TLS_CA: /etc/cordum/tls/ca/empty.crt -> /etc/cordum/tls/ca/ca.crt",
        ],
        "up -d --no-deps mock-bank-worker",
    ),
    (
        "a leaf where a CA is meant",
        |stack| stack.set("api-gateway", "SAFETY_KERNEL_TLS_CA", "/etc/cordum/tls/client/tls.crt"),
        &[
            "api-gateway environment SAFETY_KERNEL_TLS_CA: /etc/cordum/tls/client/tls.crt -> /etc/cordum/tls/ca/ca.crt",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "a key with a pass phrase",
        |stack| {
            let key = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHsMFcGCSqGSIb3DQEFDTBKMCk=\n-----END ENCRYPTED PRIVATE KEY-----\n";
            stack.host.put("/srv/certs/server/enc.key", key);
            stack.set("context-engine", "CONTEXT_ENGINE_TLS_KEY", "/etc/cordum/tls/server/enc.key");
        },
        &[
            "context-engine environment CONTEXT_ENGINE_TLS_KEY: /etc/cordum/tls/server/enc.key -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps context-engine",
    ),
    (
        "NATS at its monitoring's port",
        |stack| stack.set("scheduler", "NATS_URL", "tls://nats:8222"),
        &["scheduler environment NATS_URL: tls://nats:8222 -> tls://nats:4222"],
        "up -d --no-deps scheduler",
    ),
    (
        "Redis at the container's own loopback",
        |stack| stack.set("scheduler", "REDIS_URL", "rediss://:s3cret@localhost:6379"),
        &["scheduler environment REDIS_URL: rediss://***@localhost:6379 -> rediss://***@redis:6379"],
        "up -d --no-deps scheduler",
    ),
];
