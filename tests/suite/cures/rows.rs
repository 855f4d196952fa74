//! Stacks broken in one place, and the cures that are told of them.

use time::{Duration, OffsetDateTime};
use tls_verify_core::link::Link;
use tls_verify_fixtures::pki::{Authority, Leaf, Pair, Validity};

use super::stack::{CONF, Stack};

/// One fault: its name, how it is made, the changes that cure it, and what the command has to say.
pub(super) type Row = (&'static str, fn(&mut Stack), &'static [&'static str], &'static str);

/// The core services that dial NATS, each with the scheme of TLS.
const ALL_OVER_TLS: &[&str] = &[
    "safety-kernel environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
    "scheduler environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
    "api-gateway environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
    "workflow-engine environment NATS_URL: nats://nats:4222 -> tls://nats:4222",
];

/// A server's pair, valid, with an intermediate behind it that has ended.
fn of_ended_intermediate(stack: &Stack) -> Pair {
    let ended = stack.ca.intermediate_shaped("Ended CA", |params| {
        params.not_before = OffsetDateTime::now_utc() - Duration::days(90);
        params.not_after = OffsetDateTime::now_utc() - Duration::days(1);
    });
    ended.unwrap().issue(&Leaf::server()).unwrap()
}

pub(super) const ROWS: &[Row] = &[
    (
        "the gateway names a certificate that has ended",
        |stack| {
            let expired = stack.ca.issue(&Leaf::server().valid(Validity::Expired)).unwrap();
            stack.host.put("/srv/certs/old/tls.crt", &expired.chain_pem());
            stack.host.put("/srv/certs/old/tls.key", &expired.key_pem());
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_CERT", "/etc/cordum/tls/old/tls.crt");
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/old/tls.key");
        },
        &[
            "api-gateway environment GATEWAY_HTTP_TLS_CERT: /etc/cordum/tls/old/tls.crt -> /etc/cordum/tls/server/tls.crt",
            "api-gateway environment GATEWAY_HTTP_TLS_KEY: /etc/cordum/tls/old/tls.key -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "the gateway sends an intermediate that has ended behind a certificate that has not",
        |stack| {
            let served = of_ended_intermediate(stack);
            stack.host.put("/srv/certs/own/tls.crt", &served.chain_pem());
            stack.host.put("/srv/certs/own/tls.key", &served.key_pem());
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_CERT", "/etc/cordum/tls/own/tls.crt");
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/own/tls.key");
        },
        &[
            "api-gateway environment GATEWAY_HTTP_TLS_CERT: /etc/cordum/tls/own/tls.crt -> /etc/cordum/tls/server/tls.crt",
            "api-gateway environment GATEWAY_HTTP_TLS_KEY: /etc/cordum/tls/own/tls.key -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "everybody is served with an intermediate that has ended: the file is named, and what belongs in it",
        |stack| {
            let served = of_ended_intermediate(stack);
            stack.host.put("/srv/certs/server/tls.crt", &served.chain_pem());
            stack.host.put("/srv/certs/server/tls.key", &served.key_pem());
        },
        &[
            "nats file ./certs/server/tls.crt: - -> its certificate with a valid one of the intermediate CA behind it",
        ],
        "restart nats redis",
    ),
    (
        "a core service with nats://",
        |stack| stack.set("scheduler", "NATS_URL", "nats://nats:4222"),
        &["scheduler environment NATS_URL: nats://nats:4222 -> tls://nats:4222"],
        "up -d --no-deps scheduler",
    ),
    (
        "four services with nats://: one cure for all of them",
        |stack| {
            for service in ["safety-kernel", "scheduler", "api-gateway", "workflow-engine"] {
                stack.set(service, "NATS_URL", "nats://nats:4222");
            }
        },
        ALL_OVER_TLS,
        "up -d --no-deps safety-kernel scheduler api-gateway workflow-engine",
    ),
    (
        "everybody with nats://, where NATS could not be dialled: its configuration says that it speaks TLS",
        |stack| {
            stack.served.remove(&Link::Nats);
            for service in
                ["safety-kernel", "scheduler", "api-gateway", "workflow-engine", "mock-bank-worker"]
            {
                stack.set(service, "NATS_URL", "nats://nats:4222");
            }
        },
        ALL_OVER_TLS,
        "up -d --no-deps safety-kernel scheduler api-gateway workflow-engine",
    ),
    (
        "a core service with redis://, its password in it",
        |stack| stack.set("context-engine", "REDIS_URL", "redis://:s3cret@redis:6379"),
        &["context-engine environment REDIS_URL: redis://***@redis:6379 -> rediss://***@redis:6379"],
        "up -d --no-deps context-engine",
    ),
    (
        "a client certificate of another CA",
        |stack| {
            let other =
                Authority::named("Another CA", Validity::Now).unwrap().issue(&Leaf::client()).unwrap();
            stack.host.put("/srv/certs/x/tls.crt", &other.chain_pem());
            stack.host.put("/srv/certs/x/tls.key", &other.key_pem());
            stack.set("api-gateway", "NATS_TLS_CERT", "/etc/cordum/tls/x/tls.crt");
            stack.set("api-gateway", "NATS_TLS_KEY", "/etc/cordum/tls/x/tls.key");
        },
        &[
            "api-gateway environment NATS_TLS_CERT: /etc/cordum/tls/x/tls.crt -> /etc/cordum/tls/client/tls.crt",
            "api-gateway environment NATS_TLS_KEY: /etc/cordum/tls/x/tls.key -> /etc/cordum/tls/client/tls.key",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "a worker with an empty certificate",
        |stack| {
            stack.set("mock-bank-worker", "NATS_TLS_CERT", "");
            stack.set("mock-bank-worker", "NATS_TLS_KEY", "");
        },
        &[
            "mock-bank-worker environment NATS_TLS_CERT:  -> /etc/cordum/tls/client/tls.crt",
            "mock-bank-worker environment NATS_TLS_KEY:  -> /etc/cordum/tls/client/tls.key",
        ],
        "up -d --no-deps mock-bank-worker",
    ),
    (
        "half a pair",
        |stack| stack.set("workflow-engine", "REDIS_TLS_KEY", ""),
        &["workflow-engine environment REDIS_TLS_KEY:  -> /etc/cordum/tls/client/tls.key"],
        "up -d --no-deps workflow-engine",
    ),
    (
        "the gateway's CA for the safety kernel",
        |stack| stack.set("api-gateway", "SAFETY_KERNEL_TLS_CA", "/etc/cordum/tls/other/ca.crt"),
        &[
            "api-gateway environment SAFETY_KERNEL_TLS_CA: /etc/cordum/tls/other/ca.crt -> /etc/cordum/tls/ca/ca.crt",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "a CA file that is not there",
        |stack| stack.set("safety-kernel", "NATS_TLS_CA", "/etc/cordum/tls/ca/gone.crt"),
        &["safety-kernel environment NATS_TLS_CA: /etc/cordum/tls/ca/gone.crt -> /etc/cordum/tls/ca/ca.crt"],
        "up -d --no-deps safety-kernel",
    ),
    (
        "NATS mounts another folder",
        |stack| {
            stack.mount("nats", "/srv/other");
            let other = stack.read("/srv/other/server/tls.crt");
            stack.served.insert(Link::Nats, other);
        },
        &["nats mount /etc/cordum/tls: ./other -> ./certs"],
        "up -d --no-deps nats && docker compose -p cordum restart",
    ),
    (
        "Redis mounts another folder",
        |stack| {
            stack.mount("redis", "/srv/other");
            let other = stack.read("/srv/other/server/tls.crt");
            stack.served.insert(Link::Redis, other);
        },
        &["redis mount /etc/cordum/tls: ./other -> ./certs"],
        "up -d --no-deps redis && docker compose -p cordum restart",
    ),
    (
        "one service mounts another folder",
        |stack| stack.mount("scheduler", "/srv/other"),
        &["scheduler mount /etc/cordum/tls: ./other -> ./certs"],
        "up -d --no-deps scheduler",
    ),
    (
        "a service mounts nothing where its files are",
        |stack| stack.unmount("scheduler"),
        &["scheduler mount /etc/cordum/tls: - -> ./certs"],
        "up -d --no-deps scheduler",
    ),
    (
        "a service mounts the folder at another path",
        |stack| {
            stack.mount_at("workflow-engine", "/srv/certs", "/etc/cordum/certs");
            stack.unmount("workflow-engine");
        },
        &["workflow-engine mount /etc/cordum/tls: - -> ./certs"],
        "up -d --no-deps workflow-engine",
    ),
    (
        "NATS mounts its configuration alone",
        |stack| stack.unmount("nats"),
        &["nats mount /etc/cordum/tls: - -> ./certs"],
        "up -d --no-deps nats",
    ),
    (
        "the gateway dials the kernel at a port where it does not listen",
        |stack| stack.set("api-gateway", "SAFETY_KERNEL_ADDR", "safety-kernel:50052"),
        &["api-gateway environment SAFETY_KERNEL_ADDR: safety-kernel:50052 -> safety-kernel:50051"],
        "up -d --no-deps api-gateway",
    ),
    (
        "the kernel listens at another port, and one of two still dials the usual one",
        |stack| {
            stack.set("safety-kernel", "SAFETY_KERNEL_ADDR", ":50061");
            stack.set("scheduler", "SAFETY_KERNEL_ADDR", "safety-kernel:50061");
            stack.set("api-gateway", "SAFETY_KERNEL_ADDR", "kernel:50051");
        },
        &["api-gateway environment SAFETY_KERNEL_ADDR: kernel:50051 -> safety-kernel:50061"],
        "up -d --no-deps api-gateway",
    ),
    (
        "the dashboard mounts another folder",
        |stack| stack.mount("dashboard", "/srv/other"),
        &["dashboard mount /etc/cordum/tls: ./other -> ./certs"],
        "up -d --no-deps dashboard",
    ),
    (
        "the dashboard speaks http",
        |stack| stack.set("dashboard", "CORDUM_API_UPSTREAM_SCHEME", "http"),
        &["dashboard environment CORDUM_API_UPSTREAM_SCHEME: http -> https"],
        "up -d --no-deps dashboard",
    ),
    (
        "NATS without TLS",
        |stack| {
            stack.host.put("/srv/nats.conf", "http_port: 8222\n");
            stack.served.remove(&Link::Nats);
        },
        &[
            "nats config tls.cert_file: - -> /etc/cordum/tls/server/tls.crt",
            "nats config tls.key_file: - -> /etc/cordum/tls/server/tls.key",
            "nats config tls.ca_file: - -> /etc/cordum/tls/ca/ca.crt",
            "nats config tls.verify: - -> true",
        ],
        "restart nats ",
    ),
    (
        "NATS without verify",
        |stack| stack.host.put("/srv/nats.conf", &CONF.replace("verify: true", "verify: false")),
        &["nats config tls.verify: false -> true"],
        "restart nats",
    ),
    (
        "Redis without TLS",
        |stack| {
            stack.words("redis", &["redis-server", "--requirepass", "s3cret"]);
            stack.served.remove(&Link::Redis);
        },
        &[
            "redis argument --port: - -> 0",
            "redis argument --tls-port: - -> 6379",
            "redis argument --tls-cert-file: - -> /etc/cordum/tls/server/tls.crt",
            "redis argument --tls-key-file: - -> /etc/cordum/tls/server/tls.key",
            "redis argument --tls-ca-cert-file: - -> /etc/cordum/tls/ca/ca.crt",
            "redis argument --tls-auth-clients: - -> no",
        ],
        "up -d --no-deps redis",
    ),
    (
        "a gateway in clear",
        |stack| {
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_CERT", "");
            stack.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", "");
            stack.served.remove(&Link::Gateway);
        },
        &[
            "api-gateway environment GATEWAY_HTTP_TLS_CERT:  -> /etc/cordum/tls/server/tls.crt",
            "api-gateway environment GATEWAY_HTTP_TLS_KEY:  -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps api-gateway",
    ),
    (
        "another key",
        |stack| {
            let other = stack.ca.issue(&Leaf::server()).unwrap();
            stack.host.put("/srv/certs/server/other.key", &other.key_pem());
            stack.set("safety-kernel", "SAFETY_KERNEL_TLS_KEY", "/etc/cordum/tls/server/other.key");
        },
        &[
            "safety-kernel environment SAFETY_KERNEL_TLS_KEY: /etc/cordum/tls/server/other.key -> /etc/cordum/tls/server/tls.key",
        ],
        "up -d --no-deps safety-kernel",
    ),
    (
        "verification switched off",
        |stack| stack.set("workflow-engine", "NATS_TLS_INSECURE", "true"),
        &["workflow-engine environment NATS_TLS_INSECURE: true -> (removed)"],
        "up -d --no-deps workflow-engine",
    ),
    (
        "a server name that the certificate lacks",
        |stack| stack.set("scheduler", "REDIS_TLS_SERVER_NAME", "cache.internal"),
        &["scheduler environment REDIS_TLS_SERVER_NAME: cache.internal -> (removed)"],
        "up -d --no-deps scheduler",
    ),
    (
        "a host that nobody else dials",
        |stack| stack.set("scheduler", "NATS_URL", "tls://queue:4222"),
        &["scheduler environment NATS_URL: tls://queue:4222 -> tls://nats:4222"],
        "up -d --no-deps scheduler",
    ),
];
