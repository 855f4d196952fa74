//! The faults whose first cure is applied.

use std::path::Path;

use tls_verify_fixtures::pki::{Leaf, Validity};

use crate::cured::{Copy, FAULT, Fault};
use crate::project::SERVICES;

pub const COMPOSE: &str = "docker-compose.yml";
pub const CONF: &str = "fixtures/compose/nats.dev-tls.conf";
const TLS: &str = "/etc/cordum/tls";

pub fn pair(copy: &Copy, service: &str, prefix: &str, folder: &str) {
    copy.set(service, &format!("{prefix}_CERT"), &format!("{TLS}/{folder}/tls.crt"));
    copy.set(service, &format!("{prefix}_KEY"), &format!("{TLS}/{folder}/tls.key"));
}

pub fn mount(copy: &Copy, service: &str, folder: &str) {
    crate::applied::edit(&copy.path(COMPOSE), |root| {
        for volume in root["services"][service]["volumes"].as_sequence_mut().unwrap() {
            if volume.as_str().unwrap().contains(&format!(":{TLS}")) {
                *volume = format!("./{folder}:{TLS}:ro").into();
            }
        }
    });
}

/// What it mounts, all of it.
fn volumes(copy: &Copy, service: &str, all: &[&str]) {
    crate::applied::edit(&copy.path(COMPOSE), |root| {
        let all: Vec<serde_yaml_ng::Value> = all.iter().map(|one| (*one).into()).collect();
        root["services"][service]["volumes"] = all.into();
    });
}

/// A new server certificate for the key that lies beside it.
pub fn renewed_server(copy: &Copy, path: &Path) {
    let pair = copy.ca.issue(&Leaf::server()).unwrap();
    std::fs::write(path, pair.chain_pem()).unwrap();
    std::fs::write(path.with_extension("key"), pair.key_pem()).unwrap();
}

pub fn renewed_client(copy: &Copy, path: &Path) {
    let pair = copy.ca.issue(&Leaf::client()).unwrap();
    std::fs::write(path, pair.chain_pem()).unwrap();
    std::fs::write(path.with_extension("key"), pair.key_pem()).unwrap();
}

/// Faults of a name, a place, whether they are in the default run, and how they are made.
macro_rules! faults {
    ($($name:literal, $place:literal, $first:literal, $make:expr;)*) => {
        &[$(crate::cured::Fault { name: $name, place: $place, first: $first, make: $make, ..crate::cured::FAULT }),*]
    };
}
pub(crate) use faults;

pub const SETTINGS: &[Fault] = faults! {
    "gateway: an expired HTTP certificate named", "api-gateway", true,
        |copy| pair(copy, "api-gateway", "GATEWAY_HTTP_TLS", "old-server");
    "gateway: an expired gRPC certificate named", "api-gateway", false,
        |copy| pair(copy, "api-gateway", "GRPC_TLS", "old-server");
    "safety kernel: an expired certificate named", "safety-kernel", false,
        |copy| pair(copy, "safety-kernel", "SAFETY_KERNEL_TLS", "old-server");
    "context engine: an expired certificate named", "context-engine", false,
        |copy| pair(copy, "context-engine", "CONTEXT_ENGINE_TLS", "old-server");
    "gateway: listens on its own loopback", "api-gateway", false,
        |copy| copy.set("api-gateway", "GATEWAY_HTTP_ADDR", "127.0.0.1:8081");
    "safety kernel: listens on its own loopback", "safety-kernel", false,
        |copy| copy.set("safety-kernel", "SAFETY_KERNEL_ADDR", "localhost:50051");
    "gateway: listens on another port than the published one", "api-gateway", false,
        |copy| copy.set("api-gateway", "GATEWAY_HTTP_ADDR", ":8443");
    "gateway: nats://", "api-gateway", true, |copy| copy.set("api-gateway", "NATS_URL", "nats://nats:4222");
    "scheduler: nats://", "scheduler", false, |copy| copy.set("scheduler", "NATS_URL", "nats://nats:4222");
    "workflow engine: nats://", "workflow-engine", false,
        |copy| copy.set("workflow-engine", "NATS_URL", "nats://nats:4222");
    "gateway: redis://", "api-gateway", true,
        |copy| copy.set("api-gateway", "REDIS_URL", "redis://:${REDIS_PASSWORD}@redis:6379");
    "scheduler: redis://", "scheduler", false,
        |copy| copy.set("scheduler", "REDIS_URL", "redis://:${REDIS_PASSWORD}@redis:6379");
    "context engine: redis://", "context-engine", false,
        |copy| copy.set("context-engine", "REDIS_URL", "redis://:${REDIS_PASSWORD}@redis:6379");
    "gateway: a NATS client certificate of another CA", "api-gateway", false,
        |copy| pair(copy, "api-gateway", "NATS_TLS", "other");
    "scheduler: a NATS client certificate of another CA", "scheduler", false,
        |copy| pair(copy, "scheduler", "NATS_TLS", "other");
    "gateway: an expired NATS client certificate", "api-gateway", false,
        |copy| pair(copy, "api-gateway", "NATS_TLS", "old-client");
    "workflow engine: an expired NATS client certificate", "workflow-engine", false,
        |copy| pair(copy, "workflow-engine", "NATS_TLS", "old-client");
    "scheduler: an expired Redis client certificate", "scheduler", false,
        |copy| pair(copy, "scheduler", "REDIS_TLS", "old-client");
    "worker: an empty NATS certificate", "mock-bank-worker", true, |copy| {
        copy.set("mock-bank-worker", "NATS_TLS_CERT", "");
        copy.set("mock-bank-worker", "NATS_TLS_KEY", "");
    };
    "worker: half a pair", "mock-bank-worker", false, |copy| copy.set("mock-bank-worker", "NATS_TLS_KEY", "");
    "gateway: half a NATS pair", "api-gateway", false, |copy| copy.set("api-gateway", "NATS_TLS_CERT", "");
    "gateway: half an HTTP pair", "api-gateway", false,
        |copy| copy.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", "");
    "gateway: another CA for NATS", "api-gateway", false,
        |copy| copy.set("api-gateway", "NATS_TLS_CA", "/etc/cordum/tls/other/ca.crt");
    "scheduler: another CA for NATS", "scheduler", false,
        |copy| copy.set("scheduler", "NATS_TLS_CA", "/etc/cordum/tls/other/ca.crt");
    "worker: another CA for NATS", "mock-bank-worker", false,
        |copy| copy.set("mock-bank-worker", "NATS_TLS_CA", "/etc/cordum/tls/other/ca.crt");
    "safety kernel: another CA for Redis", "safety-kernel", false,
        |copy| copy.set("safety-kernel", "REDIS_TLS_CA", "/etc/cordum/tls/other/ca.crt");
    "context engine: another CA for Redis", "context-engine", false,
        |copy| copy.set("context-engine", "REDIS_TLS_CA", "/etc/cordum/tls/other/ca.crt");
    "gateway: another CA for the safety kernel", "api-gateway", false,
        |copy| copy.set("api-gateway", "SAFETY_KERNEL_TLS_CA", "/etc/cordum/tls/other/ca.crt");
    "gateway: a NATS CA that is not there", "api-gateway", false,
        |copy| copy.set("api-gateway", "NATS_TLS_CA", "/etc/cordum/tls/ca/gone.crt");
    "scheduler: a Redis CA that is not there", "scheduler", false,
        |copy| copy.set("scheduler", "REDIS_TLS_CA", "/etc/cordum/tls/ca/gone.crt");
    "gateway: a key of another certificate", "api-gateway", false,
        |copy| copy.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/old-server/tls.key");
    "gateway: a client certificate served", "api-gateway", false,
        |copy| pair(copy, "api-gateway", "GATEWAY_HTTP_TLS", "client");
    "gateway: plain HTTP", "api-gateway", false, |copy| {
        copy.set("api-gateway", "GATEWAY_HTTP_TLS_CERT", "");
        copy.set("api-gateway", "GATEWAY_HTTP_TLS_KEY", "");
    };
    "gateway: gRPC in clear", "api-gateway", false, |copy| {
        copy.set("api-gateway", "GRPC_TLS_CERT", "");
        copy.set("api-gateway", "GRPC_TLS_KEY", "");
    };
    "safety kernel: in clear", "safety-kernel", false, |copy| {
        copy.set("safety-kernel", "SAFETY_KERNEL_TLS_CERT", "");
        copy.set("safety-kernel", "SAFETY_KERNEL_TLS_KEY", "");
    };
    "dashboard: http", "dashboard", true, |copy| copy.set("dashboard", "CORDUM_API_UPSTREAM_SCHEME", "http");
    "dashboard: http, by .env", "dashboard", false, |copy| copy.env("CORDUM_API_UPSTREAM_SCHEME", "http");
    "everybody: nats://, by .env", "scheduler|api-gateway|workflow-engine|safety-kernel", false, |copy| copy.env("NATS_URL_INSIDE", "nats://nats:4222");
    "gateway: an expired certificate, by .env", "api-gateway", false, |copy| {
        copy.env("GATEWAY_HTTP_TLS_CERT", "/etc/cordum/tls/old-server/tls.crt");
        copy.env("GATEWAY_HTTP_TLS_KEY", "/etc/cordum/tls/old-server/tls.key");
    };
    "worker: a server name that is not in the certificate", "mock-bank-worker", false,
        |copy| copy.set("mock-bank-worker", "NATS_TLS_SERVER_NAME", "queue.internal");
    "scheduler: a NATS host that is not there", "scheduler", false,
        |copy| copy.set("scheduler", "NATS_URL", "tls://queue:4222");
    "gateway: a port of the safety kernel that is not there", "api-gateway", false,
        |copy| copy.set("api-gateway", "SAFETY_KERNEL_ADDR", "safety-kernel:50052");
    "scheduler: a Redis port that is not there", "scheduler", false,
        |copy| copy.set("scheduler", "REDIS_URL", "rediss://:${REDIS_PASSWORD}@redis:6380");
};

pub const MOUNTS: &[Fault] = faults! {
    "NATS mounts another folder", "nats", false, |copy| mount(copy, "nats", "other");
    "Redis mounts another folder", "redis", true, |copy| mount(copy, "redis", "other");
    "dashboard mounts another folder", "dashboard", false, |copy| mount(copy, "dashboard", "other");
    "gateway mounts another folder", "api-gateway", false, |copy| mount(copy, "api-gateway", "other");
    "scheduler mounts another folder", "scheduler", false, |copy| mount(copy, "scheduler", "other");
    "worker mounts another folder", "mock-bank-worker", false, |copy| mount(copy, "mock-bank-worker", "other");
    "scheduler mounts nothing", "scheduler", false, |copy| volumes(copy, "scheduler", &[]);
    "workflow engine mounts its folder elsewhere", "workflow-engine", false,
        |copy| volumes(copy, "workflow-engine", &["./certs:/etc/cordum/certs:ro"]);
};

pub const SERVERS: &[Fault] = &[
    Fault {
        name: "NATS without TLS",
        place: "nats",
        make: |copy| {
            copy.write(CONF, "port: 4222\nhttp_port: 8222\njetstream { store_dir: \"/data\" }\n");
        },
        restart: &["nats"],
        ..FAULT
    },
    Fault {
        name: "NATS without verify",
        place: "nats",
        first: true,
        make: |copy| copy.replace(CONF, "verify: true", "verify: false"),
        restart: &["nats"],
        ..FAULT
    },
    Fault {
        name: "NATS with a certificate that is not there",
        place: "nats",
        make: |copy| copy.replace(CONF, "server/tls.crt", "server/gone.crt"),
        restart: &["nats"],
        ..FAULT
    },
    Fault {
        name: "NATS with an expired certificate",
        place: "nats",
        make: |copy| {
            copy.replace(CONF, "server/tls.crt", "old-server/tls.crt");
            copy.replace(CONF, "server/tls.key", "old-server/tls.key");
        },
        restart: &["nats"],
        ..FAULT
    },
    Fault {
        name: "NATS with another CA for its clients",
        place: "nats",
        make: |copy| copy.replace(CONF, "ca/ca.crt", "other/ca.crt"),
        restart: &["nats"],
        ..FAULT
    },
    Fault {
        name: "Redis without TLS",
        place: "redis",
        make: |copy| {
            crate::applied::edit(&copy.path(COMPOSE), |root| {
                root["services"]["redis"]["command"] =
                    vec!["redis-server", "--save", "", "--requirepass", "${REDIS_PASSWORD}"]
                        .into_iter()
                        .map(serde_yaml_ng::Value::from)
                        .collect::<Vec<_>>()
                        .into();
            });
        },
        ..FAULT
    },
    Fault {
        name: "Redis with the key of another pair",
        place: "redis",
        make: |copy| {
            copy.replace(COMPOSE, "- /etc/cordum/tls/server/tls.key", "- /etc/cordum/tls/client/tls.key");
        },
        ..FAULT
    },
    Fault {
        name: "Redis with an expired certificate",
        place: "redis",
        make: |copy| {
            copy.replace(COMPOSE, "- /etc/cordum/tls/server/tls.crt", "- /etc/cordum/tls/old-server/tls.crt");
            copy.replace(COMPOSE, "- /etc/cordum/tls/server/tls.key", "- /etc/cordum/tls/old-server/tls.key");
        },
        ..FAULT
    },
];

pub const FILES: &[Fault] = &[
    Fault {
        name: "certificate files unreadable for the services' user",
        first: true,
        make: |copy| {
            for folder in ["ca", "server", "client"] {
                let path = copy.path("certs").join(folder);
                for file in std::fs::read_dir(&path).unwrap().flatten() {
                    mode(&file.path(), 0o600);
                }
                mode(&path, 0o700);
            }
        },
        restart: SERVICES,
        ..FAULT
    },
    Fault {
        name: "the client certificate has expired",
        place: "certs/client/tls.crt",
        make: |copy| {
            let pair = copy.ca.issue(&Leaf::client().valid(Validity::Expired)).unwrap();
            copy.write("certs/client/tls.crt", &pair.chain_pem());
            copy.write("certs/client/tls.key", &pair.key_pem());
        },
        restart: SERVICES,
        supply: Some(renewed_client),
        ..FAULT
    },
    Fault {
        name: "the server certificate has expired",
        place: "certs/server/tls.crt",
        make: |copy| {
            let pair = copy.ca.issue(&Leaf::server().valid(Validity::Expired)).unwrap();
            copy.write("certs/server/tls.crt", &pair.chain_pem());
            copy.write("certs/server/tls.key", &pair.key_pem());
        },
        restart: &[
            "nats",
            "redis",
            "api-gateway",
            "scheduler",
            "safety-kernel",
            "workflow-engine",
            "context-engine",
            "mock-bank-worker",
        ],
        supply: Some(renewed_server),
        ..FAULT
    },
];

pub fn mode(path: &Path, bits: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(bits)).unwrap();
}
