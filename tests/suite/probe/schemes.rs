//! Every scheme on every port, and every fault of a certificate under every scheme.

use std::fs;

use serde_json::Value;
use tls_verify_fixtures::fault::Fault;
use tls_verify_fixtures::pki::{self, Authority, Leaf, Validity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::probe::lab::{Lab, all, listen, serve};

#[test]
fn every_scheme_is_told_from_its_twin() {
    let lab = Lab::start(None);
    let demo = &lab.demo;
    let port = |address: std::net::SocketAddr| format!("localhost:{}", address.port());
    let (gateway, nats, redis) = (port(demo.gateway), port(demo.nats), port(demo.redis));
    let (grpc, dashboard) = (port(demo.safety_kernel), port(demo.dashboard));
    let rows = [
        (format!("https://{gateway}"), "pass", ""),
        (format!("wss://{gateway}/api/v1/stream"), "pass", ""),
        (format!("grpcs://{grpc}"), "pass", ""),
        (format!("tls://{nats}"), "pass", ""),
        (format!("nats://{nats}"), "pass", ""),
        (format!("rediss://{redis}"), "pass", ""),
        (gateway.clone(), "pass", ""),
        (format!("http://{gateway}"), "fail wrong-scheme-plain-to-tls", "https://"),
        (format!("redis://{redis}"), "fail wrong-scheme-plain-to-tls", "rediss://"),
        (format!("grpc://{grpc}"), "fail wrong-scheme-plain-to-tls", "grpcs://"),
        (format!("https://{nats}"), "fail other-tls nats-info-first", "tls://"),
        (nats.clone(), "fail other-tls nats-info-first", "tls://"),
        (format!("https://{dashboard}"), "fail wrong-scheme-tls-to-plain http-plaintext", "http://"),
        (format!("http://{dashboard}"), "warn wrong-scheme-tls-to-plain http-plaintext", ""),
        ("https://127.0.0.1:1".to_owned(), "fail connection-refused", ""),
        ("https://nowhere.invalid".to_owned(), "fail dns", ""),
    ];
    let mut wrong = Vec::new();
    for (target, expected, url) in rows {
        let (said, endpoint) = lab.said(&target);
        if said != expected {
            wrong.push(format!("{target}: {said}, not {expected}"));
        }
        let because = endpoint.pointer("/diagnoses/0/because").map(Value::to_string).unwrap_or_default();
        if !url.is_empty() && !because.contains(url) {
            wrong.push(format!("{target}: the right URL ({url}) is not said: {because}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let (_, endpoint) = lab.said(&format!("tls://{nats}"));
    let details = &endpoint["details"];
    assert_eq!(details["with_identity"], "let in");
    assert_eq!(details["without_identity"], "refused: client-cert-required");
    assert_eq!(details["client_certificate"]["asked"], true);
    assert_eq!(details["versions"]["TLSv1.3"], "accepted");
    assert_eq!(details["versions"]["TLSv1.0"], "refused (alert 70)");
    assert_eq!(details["verification"]["go"], true);
    assert!(details["stages"]["handshake_ms"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_bad_certificate_is_named_with_all_its_faults() {
    for (fault, expected) in [
        (Fault::Expired, "fail expired"),
        (Fault::OtherCa, "fail unknown-authority other-ca"),
        (Fault::MissingSan, "fail hostname-mismatch"),
        (Fault::SelfSigned, "fail unknown-authority self-signed"),
    ] {
        let lab = Lab::start(Some(fault));
        let (said, endpoint) = lab.said(&format!("https://localhost:{}", lab.demo.gateway.port()));
        assert_eq!(said, expected, "{endpoint}");
        assert!(!endpoint["details"]["presented"].as_array().unwrap().is_empty());
        assert!(!endpoint["diagnoses"][0]["fix"].as_array().unwrap().is_empty());
        assert_eq!(endpoint["details"]["verification"]["accepted"], false);
    }
}

#[test]
fn every_scheme_tells_every_fault_alone_and_in_a_list() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    fs::write(folder.path().join("ca.crt"), pki::pem("CERTIFICATE", &ca.certificate)).unwrap();
    let issue = |leaf: Leaf| ca.issue(&leaf).unwrap();
    let other = Authority::named("Another CA", Validity::Now).unwrap();
    let bad = [
        ("expired", issue(Leaf::server().valid(Validity::Expired))),
        ("not-yet-valid", issue(Leaf::server().valid(Validity::Future))),
        ("hostname-mismatch", issue(Leaf::server().for_names(&["elsewhere"]))),
        ("unknown-authority", other.issue(&Leaf::server()).unwrap()),
        ("wrong-key-usage", issue(Leaf::client().for_names(&["localhost", "127.0.0.1"]))),
    ];
    let mut wanted = std::collections::BTreeMap::new();
    let schemes = ["https://", "wss://", "grpcs://", "rediss://", "tls://", "nats://", ""];
    for (cause, pair) in &bad {
        let (plain, greeting) = (serve(&runtime, pair, false), serve(&runtime, pair, true));
        for scheme in schemes {
            let port = if matches!(scheme, "tls://" | "nats://") { greeting } else { plain };
            wanted.insert(format!("{scheme}127.0.0.1:{port}"), format!("fail {cause}"));
        }
    }
    let good = serve(&runtime, &issue(Leaf::server()), false);
    wanted.insert(format!("127.0.0.1:{good}"), "pass -".to_owned());
    let http = listen(&runtime, |mut stream| async move {
        let mut head = [0; 64];
        let _ = stream.read(&mut head).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await;
    });
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for scheme in ["https://", "wss://", "rediss://", ""] {
        wanted.insert(format!("{scheme}127.0.0.1:{http}"), "fail wrong-scheme-tls-to-plain".to_owned());
    }
    for scheme in schemes {
        wanted.insert(format!("{scheme}127.0.0.1:{closed}"), "fail connection-refused".to_owned());
    }
    let targets: Vec<&str> = wanted.keys().map(String::as_str).collect();
    assert_eq!(all(folder.path(), &targets), wanted);
    fs::write(folder.path().join("list"), targets.join("\n")).unwrap();
    assert_eq!(all(folder.path(), &["--targets", "list"]), wanted);
}
