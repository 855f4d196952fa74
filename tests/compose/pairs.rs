//! Two faults at once: the first cure of the first report, then the first cure of the next.

use tls_verify_fixtures::pki::Leaf;

use crate::cured::{Copy, FAULT, Fault};
use crate::cures::{CONF, mount, pair};

const OTHER_CA: &str = "/etc/cordum/tls/other/ca.crt";
const REDIS: &str = "redis://:${REDIS_PASSWORD}@redis:6379";

macro_rules! pairs {
    ($($name:literal, $place:literal, $make:expr;)*) => {
        &[$(Fault { name: $name, place: $place, make: $make, cures: 2, ..FAULT }),*]
    };
}

fn expired_gateway(copy: &Copy) {
    pair(copy, "api-gateway", "GATEWAY_HTTP_TLS", "old-server");
}

pub const ROWS: &[Fault] = pairs! {
    "pair: gateway's HTTP certificate, scheduler's nats://", "api-gateway|scheduler", |copy| {
        expired_gateway(copy);
        copy.set("scheduler", "NATS_URL", "nats://nats:4222");
    };
    "pair: gateway's HTTP certificate, kernel's certificate", "api-gateway|safety-kernel", |copy| {
        expired_gateway(copy);
        pair(copy, "safety-kernel", "SAFETY_KERNEL_TLS", "old-server");
    };
    "pair: scheduler's CA for NATS, workflow engine's redis://", "scheduler|workflow-engine", |copy| {
        copy.set("scheduler", "NATS_TLS_CA", OTHER_CA);
        copy.set("workflow-engine", "REDIS_URL", REDIS);
    };
    "pair: dashboard's scheme, context engine's redis://", "dashboard|context-engine", |copy| {
        copy.set("dashboard", "CORDUM_API_UPSTREAM_SCHEME", "http");
        copy.set("context-engine", "REDIS_URL", REDIS);
    };
    "pair: dashboard's mount, worker's certificate", "dashboard|mock-bank-worker", |copy| {
        mount(copy, "dashboard", "other");
        pair(copy, "mock-bank-worker", "NATS_TLS", "old-client");
    };
    "pair: gateway's NATS certificate, kernel in clear", "api-gateway|safety-kernel", |copy| {
        pair(copy, "api-gateway", "NATS_TLS", "old-client");
        copy.set("safety-kernel", "SAFETY_KERNEL_TLS_CERT", "");
        copy.set("safety-kernel", "SAFETY_KERNEL_TLS_KEY", "");
    };
    "pair: gateway's redis:// and its expired gRPC certificate", "api-gateway", |copy| {
        copy.set("api-gateway", "REDIS_URL", REDIS);
        pair(copy, "api-gateway", "GRPC_TLS", "old-server");
    };
    "pair: gateway's CA for the kernel, scheduler's half pair", "api-gateway|scheduler", |copy| {
        copy.set("api-gateway", "SAFETY_KERNEL_TLS_CA", OTHER_CA);
        copy.set("scheduler", "NATS_TLS_KEY", "");
    };
    "pair: gateway's nats://, scheduler's host of NATS", "api-gateway|scheduler", |copy| {
        copy.set("api-gateway", "NATS_URL", "nats://nats:4222");
        copy.set("scheduler", "NATS_URL", "tls://queue:4222");
    };
    "pair: context engine's certificate, workflow engine's CA", "context-engine|workflow-engine", |copy| {
        pair(copy, "context-engine", "CONTEXT_ENGINE_TLS", "old-server");
        copy.set("workflow-engine", "NATS_TLS_CA", OTHER_CA);
    };
};

pub const SERVERS: &[Fault] = &[
    Fault {
        name: "pair: NATS without verify, gateway's HTTP certificate",
        place: "nats|api-gateway",
        make: |copy| {
            copy.replace(CONF, "verify: true", "verify: false");
            expired_gateway(copy);
        },
        restart: &["nats"],
        cures: 2,
        ..FAULT
    },
    Fault {
        name: "pair: Redis stopped, kernel's certificate",
        place: "redis|safety-kernel",
        make: |copy| pair(copy, "safety-kernel", "SAFETY_KERNEL_TLS", "old-server"),
        after: |copy| drop(copy.compose(&["stop", "-t", "1", "redis"])),
        cures: 2,
        ..FAULT
    },
    Fault {
        name: "pair: NATS mounts another folder, dashboard's scheme",
        place: "nats|dashboard",
        make: |copy| {
            mount(copy, "nats", "other");
            copy.set("dashboard", "CORDUM_API_UPSTREAM_SCHEME", "http");
        },
        cures: 2,
        ..FAULT
    },
    Fault {
        name: "pair: a client certificate for servers, gateway's HTTP certificate",
        place: "certs/client/tls.crt|api-gateway",
        make: |copy| {
            let leaf = copy.ca.issue(&Leaf::server()).unwrap();
            copy.write("certs/client/tls.crt", &leaf.chain_pem());
            copy.write("certs/client/tls.key", &leaf.key_pem());
            expired_gateway(copy);
        },
        restart: crate::project::SERVICES,
        supply: Some(crate::cures::renewed_client),
        cures: 2,
        ..FAULT
    },
];
