//! Further faults whose first cure is applied: services that others have no row of, files, and what is stopped.

use std::path::Path;

use tls_verify_fixtures::pki::{self, Leaf, Validity};

use crate::cured::{Copy, FAULT, Fault};
use crate::cures::{COMPOSE, CONF, faults, mode, mount, pair, renewed_client, renewed_server};
use crate::project::SERVICES;

const OTHER_CA: &str = "/etc/cordum/tls/other/ca.crt";

/// The stack's CA and another one in a file.
fn bundle(copy: &Copy, path: &Path, other_first: bool) {
    let own = pki::pem("CERTIFICATE", &copy.ca.certificate);
    let other = std::fs::read_to_string(copy.path("certs/other/ca.crt")).unwrap();
    let text = if other_first { format!("{other}{own}") } else { format!("{own}{other}") };
    std::fs::write(path, text).unwrap();
}

pub const SETTINGS: &[Fault] = faults! {
    "workflow engine: another CA for NATS", "workflow-engine", false,
        |copy| copy.set("workflow-engine", "NATS_TLS_CA", OTHER_CA);
    "workflow engine: another CA for Redis", "workflow-engine", false,
        |copy| copy.set("workflow-engine", "REDIS_TLS_CA", OTHER_CA);
    "gateway: another CA for Redis", "api-gateway", false,
        |copy| copy.set("api-gateway", "REDIS_TLS_CA", OTHER_CA);
    "safety kernel: another CA for NATS", "safety-kernel", false,
        |copy| copy.set("safety-kernel", "NATS_TLS_CA", OTHER_CA);
    "safety kernel: nats://", "safety-kernel", false,
        |copy| copy.set("safety-kernel", "NATS_URL", "nats://nats:4222");
    "workflow engine: redis://", "workflow-engine", false,
        |copy| copy.set("workflow-engine", "REDIS_URL", "redis://:${REDIS_PASSWORD}@redis:6379");
    "everybody: redis://, by .env", "", false, |copy| copy.env("REDIS_SCHEME", "redis");
    "worker: an expired NATS client certificate", "mock-bank-worker", false,
        |copy| pair(copy, "mock-bank-worker", "NATS_TLS", "old-client");
    "worker: a NATS client certificate of another CA", "mock-bank-worker", false,
        |copy| pair(copy, "mock-bank-worker", "NATS_TLS", "other");
    "gateway: an expired Redis client certificate", "api-gateway", false,
        |copy| pair(copy, "api-gateway", "REDIS_TLS", "old-client");
    "scheduler: half a NATS pair", "scheduler", false, |copy| copy.set("scheduler", "NATS_TLS_KEY", "");
    "gateway: half a Redis pair", "api-gateway", false, |copy| copy.set("api-gateway", "REDIS_TLS_CERT", "");
    "safety kernel: half a pair", "safety-kernel", false,
        |copy| copy.set("safety-kernel", "SAFETY_KERNEL_TLS_KEY", "");
    "context engine: half a pair", "context-engine", false,
        |copy| copy.set("context-engine", "CONTEXT_ENGINE_TLS_CERT", "");
    "context engine: in clear", "context-engine", false, |copy| {
        copy.set("context-engine", "CONTEXT_ENGINE_TLS_CERT", "");
        copy.set("context-engine", "CONTEXT_ENGINE_TLS_KEY", "");
    };
    "safety kernel: a client certificate served", "safety-kernel", false,
        |copy| pair(copy, "safety-kernel", "SAFETY_KERNEL_TLS", "client");
    "context engine: a key of another certificate", "context-engine", false,
        |copy| copy.set("context-engine", "CONTEXT_ENGINE_TLS_KEY", "/etc/cordum/tls/client/tls.key");
    "gateway: an HTTP certificate that is not there", "api-gateway", false,
        |copy| pair(copy, "api-gateway", "GATEWAY_HTTP_TLS", "gone");
    "safety kernel: a certificate that is not there", "safety-kernel", false,
        |copy| pair(copy, "safety-kernel", "SAFETY_KERNEL_TLS", "gone");
    "worker: a NATS CA that is not there", "mock-bank-worker", false,
        |copy| copy.set("mock-bank-worker", "NATS_TLS_CA", "/etc/cordum/tls/gone.crt");
    "workflow engine: a NATS port that is not there", "workflow-engine", false,
        |copy| copy.set("workflow-engine", "NATS_URL", "tls://nats:4223");
    "context engine: a Redis host that is not there", "context-engine", false,
        |copy| copy.set("context-engine", "REDIS_URL", "rediss://:${REDIS_PASSWORD}@cache:6379");
    "worker: a NATS host that is not there", "mock-bank-worker", false,
        |copy| copy.set("mock-bank-worker", "NATS_URL", "tls://queue:4222");
    "dashboard: another host", "dashboard", false,
        |copy| copy.set("dashboard", "CORDUM_API_UPSTREAM_HOST", "api-gateway.internal");
    "dashboard: no scheme", "dashboard", false,
        |copy| copy.set("dashboard", "CORDUM_API_UPSTREAM_SCHEME", "");
    "worker: NATS not verified", "mock-bank-worker", false,
        |copy| copy.set("mock-bank-worker", "NATS_TLS_INSECURE", "true");
    "scheduler: NATS not verified", "scheduler", false,
        |copy| copy.set("scheduler", "NATS_TLS_INSECURE", "true");
    "scheduler: Redis not verified", "scheduler", false,
        |copy| copy.set("scheduler", "REDIS_TLS_INSECURE", "true");
};

pub const MOUNTS: &[Fault] = faults! {
    "workflow engine mounts another folder", "workflow-engine", false,
        |copy| mount(copy, "workflow-engine", "other");
    "safety kernel mounts another folder", "safety-kernel", false, |copy| mount(copy, "safety-kernel", "other");
    "context engine mounts another folder", "context-engine", false, |copy| mount(copy, "context-engine", "other");
    "dashboard mounts nothing", "dashboard", false, |copy| {
        crate::applied::edit(&copy.path(COMPOSE), |root| {
            root["services"]["dashboard"].as_mapping_mut().unwrap().remove("volumes");
        });
    };
};

/// Words of Redis' command line.
fn redis(copy: &Copy, from: &str, to: &str) {
    copy.replace(COMPOSE, &format!("- {from}\n"), &format!("- {to}\n"));
}

const SERVER: &str = "/etc/cordum/tls/server/tls";

pub const SERVERS: &[Fault] = &[
    Fault {
        name: "NATS with the key of another certificate",
        place: "nats",
        make: |copy| copy.replace(CONF, "server/tls.key", "client/tls.key"),
        restart: &["nats"],
        ..FAULT
    },
    Fault {
        name: "NATS with a CA that is not there",
        place: "nats",
        make: |copy| copy.replace(CONF, "ca/ca.crt", "ca/gone.crt"),
        restart: &["nats"],
        ..FAULT
    },
    Fault {
        name: "NATS with a client certificate",
        place: "nats",
        make: |copy| copy.replace(CONF, "/server/", "/client/"),
        restart: &["nats"],
        ..FAULT
    },
    Fault {
        name: "Redis with a certificate that is not there",
        place: "redis",
        make: |copy| redis(copy, &format!("{SERVER}.crt"), "/etc/cordum/tls/server/gone.crt"),
        ..FAULT
    },
    Fault {
        name: "Redis with the key of another certificate",
        place: "redis",
        make: |copy| redis(copy, &format!("{SERVER}.key"), "/etc/cordum/tls/client/tls.key"),
        ..FAULT
    },
    Fault {
        name: "Redis with a client certificate",
        place: "redis",
        make: |copy| {
            redis(copy, &format!("{SERVER}.crt"), "/etc/cordum/tls/client/tls.crt");
            redis(copy, &format!("{SERVER}.key"), "/etc/cordum/tls/client/tls.key");
        },
        ..FAULT
    },
    Fault {
        name: "scheduler: a wrong Redis password",
        place: "scheduler",
        make: |copy| copy.set("scheduler", "REDIS_URL", "rediss://:guessed@redis:6379"),
        value: Some("rediss://:${REDIS_PASSWORD}@redis:6379"),
        ..FAULT
    },
    Fault {
        name: "gateway: a wrong Redis password",
        place: "api-gateway",
        make: |copy| copy.set("api-gateway", "REDIS_URL", "rediss://:guessed@redis:6379"),
        value: Some("rediss://:${REDIS_PASSWORD}@redis:6379"),
        ..FAULT
    },
];

fn written(copy: &Copy, folder: &str, leaf: &Leaf) {
    let pair = copy.ca.issue(leaf).unwrap();
    copy.write(&format!("certs/{folder}/tls.crt"), &pair.chain_pem());
    copy.write(&format!("certs/{folder}/tls.key"), &pair.key_pem());
}

/// Everybody who reads certificates.
const ALL: &[&str] = &[
    "nats",
    "redis",
    "api-gateway",
    "scheduler",
    "safety-kernel",
    "workflow-engine",
    "context-engine",
    "mock-bank-worker",
];

fn key_of_the_pair(copy: &Copy, path: &Path) {
    // The key that belongs to what lies beside it was kept by the operator.
    std::fs::rename(copy.path("kept.key"), path).unwrap();
}

pub const FILES: &[Fault] = &[
    Fault {
        name: "the client key is unreadable for the services' user",
        make: |copy| mode(&copy.path("certs/client/tls.key"), 0o600),
        restart: SERVICES,
        ..FAULT
    },
    Fault {
        name: "the server key is unreadable for the services' user",
        make: |copy| mode(&copy.path("certs/server/tls.key"), 0o600),
        restart: SERVICES,
        ..FAULT
    },
    Fault {
        name: "the server certificate lacks the names",
        place: "certs/server/tls.crt",
        make: |copy| written(copy, "server", &Leaf::server().for_names(&["elsewhere.internal"])),
        restart: ALL,
        supply: Some(renewed_server),
        ..FAULT
    },
    Fault {
        name: "another CA stands first in the CA file",
        place: "certs/ca/ca.crt",
        make: |copy| bundle(copy, &copy.path("certs/ca/ca.crt"), true),
        restart: SERVICES,
        supply: Some(|copy, path| bundle(copy, path, false)),
        ..FAULT
    },
    Fault {
        name: "the client certificate is meant for servers",
        place: "certs/client/tls.crt",
        make: |copy| written(copy, "client", &Leaf::server()),
        restart: SERVICES,
        supply: Some(renewed_client),
        ..FAULT
    },
    Fault {
        name: "the client key is of another certificate",
        place: "certs/client/tls.key",
        make: |copy| {
            std::fs::copy(copy.path("certs/client/tls.key"), copy.path("kept.key")).unwrap();
            std::fs::copy(copy.path("certs/server/tls.key"), copy.path("certs/client/tls.key")).unwrap();
        },
        restart: SERVICES,
        supply: Some(key_of_the_pair),
        ..FAULT
    },
    Fault {
        name: "the client certificate is gone",
        place: "certs/client/tls.crt",
        make: |copy| std::fs::remove_file(copy.path("certs/client/tls.crt")).unwrap(),
        restart: SERVICES,
        supply: Some(renewed_client),
        ..FAULT
    },
    Fault {
        name: "Redis serves an expired certificate, its file is renewed already",
        place: "redis",
        make: |copy| written(copy, "server", &Leaf::server().valid(Validity::Expired)),
        restart: &["redis"],
        after: |copy| renewed_server(copy, &copy.path("certs/server/tls.crt")),
        ..FAULT
    },
    Fault {
        name: "NATS serves an expired certificate, its file is renewed already",
        place: "nats",
        make: |copy| written(copy, "server", &Leaf::server().valid(Validity::Expired)),
        restart: &["nats"],
        after: |copy| renewed_server(copy, &copy.path("certs/server/tls.crt")),
        ..FAULT
    },
];

macro_rules! stopped {
    ($($name:literal, $place:literal, $words:expr;)*) => {
        &[$(Fault { name: $name, place: $place, after: |copy| drop(copy.compose($words)), ..FAULT }),*]
    };
}

pub const STOPPED: &[Fault] = stopped! {
    "NATS stopped", "nats", &["stop", "-t", "1", "nats"];
    "Redis stopped", "redis", &["stop", "-t", "1", "redis"];
    "gateway stopped", "api-gateway", &["stop", "-t", "1", "api-gateway"];
    "dashboard stopped", "dashboard", &["stop", "-t", "1", "dashboard"];
    "safety kernel stopped", "safety-kernel", &["stop", "-t", "1", "safety-kernel"];
    "context engine stopped", "context-engine", &["stop", "-t", "1", "context-engine"];
    "scheduler stopped", "scheduler", &["stop", "-t", "1", "scheduler"];
    "gateway removed", "api-gateway", &["rm", "-s", "-f", "api-gateway"];
    "NATS paused", "nats", &["pause", "nats"];
    "Redis paused", "redis", &["pause", "redis"];
    "gateway paused", "api-gateway", &["pause", "api-gateway"];
};
