//! Files and names that several services share: each is one origin, however many stumble over it.

use tls_verify_fixtures::pki::{Authority, Leaf, Validity};

use crate::project::{Project, SERVICES};
use crate::row::{ROW, Row};

/// Client certificates of years ago for everybody, of a CA that is older; the stack restarted with them.
fn outlived(project: &Project) {
    let ca =
        Authority::shaped("Cordum Dev CA", |ca| ca.not_before = rcgen::date_time_ymd(2015, 1, 1)).unwrap();
    let server = ca.issue(&Leaf::server()).unwrap();
    let client = ca.issue(&Leaf::client().valid(Validity::Expired)).unwrap();
    project.layouts(&ca, &server, &client);
    project.restart(&["nats", "redis"]);
    project.restart(&["dashboard"]);
    project.restart(SERVICES);
}

/// A server whose certificate has other names than the one by which the services dial it.
fn misnamed(project: &Project, service: &str) {
    let leaf = Leaf::server().for_names(&["localhost", "elsewhere.internal", "127.0.0.1"]);
    project.layout(service, &project.ca, &leaf, &Leaf::client());
    project.restart(&[service]);
    project.restart(SERVICES);
}

macro_rules! services_down {
    ($cause:literal, [$($other:expr),*]) => {
        &[
            ("gateway-https", concat!("fail ", $cause)),
            ("gateway-wss", concat!("fail ", $cause)),
            ("cli-with-cacert", concat!("fail ", $cause)),
            ("cli-without-cacert", concat!("unknown ", $cause)),
            ("worker-nats-tls", concat!("fail ", $cause)),
            ("gateway-grpc", concat!("fail ", $cause)),
            ("dashboard-gateway", concat!("fail ", $cause)),
            ("service-links", concat!("fail ", $cause)),
            $($other),*
        ]
    };
}

pub const ROWS: &[Row] = &[
    Row {
        name: "a NATS certificate without the name nats, services restarted",
        make: |project| misnamed(project, "nats"),
        says: services_down!("hostname-mismatch/server", [("redis-logs", "good")]),
        roots: &["nats hostname-mismatch"],
        words: &["is down because it cannot verify NATS", "in nats mount "],
        ..ROW
    },
    Row {
        name: "a Redis certificate without the name redis, services restarted",
        make: |project| misnamed(project, "redis"),
        says: services_down!(
            "hostname-mismatch/server",
            [
                ("redis-logs", "fail hostname-mismatch/server"),
                ("context-engine-grpc", "fail hostname-mismatch/server")
            ]
        ),
        roots: &["redis hostname-mismatch"],
        words: &["is down because it cannot verify Redis", "in redis mount "],
        ..ROW
    },
    Row {
        name: "an expired client certificate, all restarted",
        make: |project| outlived(project),
        says: services_down!(
            "expired/client",
            [
                ("nats-mtls", "unknown expired/client"),
                ("redis-logs", "fail expired/client"),
                ("context-engine-grpc", "fail expired/client"),
                ("certificates", "fail expired/client")
            ]
        ),
        roots: &["certs/client/tls.crt expired"],
        words: &["2021-01-01", "one new certificate of the same CA"],
        ..ROW
    },
    Row {
        name: "a client certificate that is not there, services restarted",
        make: |project| {
            std::fs::remove_file(project.path("certs/client/tls.crt")).unwrap();
            project.restart(SERVICES);
        },
        says: services_down!(
            "bad-key-file file-missing/client",
            [
                ("nats-mtls", "unknown bad-key-file file-missing/client"),
                ("redis-logs", "fail bad-key-file file-missing/client"),
                ("context-engine-grpc", "fail bad-key-file file-missing/client"),
                ("certificates", "fail bad-key-file file-missing/client")
            ]
        ),
        roots: &["certs/client/tls.crt bad-key-file file-missing"],
        words: &["NATS_TLS_CERT"],
        // A path of where it ran is none of here: its bearers are.
        elsewhere: Some(&[
            "api-gateway, context-engine, mock-bank-worker, safety-kernel, scheduler, workflow-engine bad-key-file file-missing",
        ]),
        ..ROW
    },
    Row {
        name: "a Redis certificate that is none",
        make: |project| {
            std::fs::write(project.path("redis/server/tls.crt"), "none\n").unwrap();
            project.restart(&["redis"]);
            project.restart(SERVICES);
        },
        says: services_down!(
            "bad-key-file no-pem/server",
            [
                ("redis-logs", "fail bad-key-file no-pem/server"),
                ("redis-tls", "fail bad-key-file no-pem/server"),
                ("context-engine-grpc", "fail bad-key-file no-pem/server")
            ]
        ),
        roots: &["redis bad-key-file no-pem"],
        words: &["Failed to load certificate", "/redis/server/tls.crt", "--no-deps redis"],
        ..ROW
    },
    Row {
        name: "NATS with the key of another certificate",
        make: |project| {
            let other = project.ca.issue(&Leaf::server()).unwrap();
            std::fs::write(project.path("nats/server/tls.key"), other.key_pem()).unwrap();
            project.restart(&["nats"]);
            project.restart(SERVICES);
        },
        says: services_down!(
            "key-mismatch/server",
            [("nats-mtls", "unknown key-mismatch/server"), ("redis-logs", "good")]
        ),
        roots: &["nats key-mismatch"],
        words: &["private key does not match"],
        ..ROW
    },
    Row {
        name: "NATS paused",
        make: |project| project.docker(&["pause"], &["nats"]),
        says: &[
            ("gateway-https", "good"),
            ("worker-nats-tls", "fail timeout container-paused/server"),
            ("nats-mtls", "unknown timeout container-paused/server"),
            ("redis-logs", "good"),
            ("service-links", "fail timeout container-paused/server"),
        ],
        roots: &["nats timeout container-paused"],
        words: &["docker unpause"],
        ..ROW
    },
];
