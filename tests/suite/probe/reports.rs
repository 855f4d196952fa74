//! Peers of public trouble reports that no other theme has: what is sent beside a good chain, and who chooses by name.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use serde_json::Value;
use tls_verify_fixtures::pki::{self, Authority, Leaf, Validity};

use crate::probe::clocks::web;

fn probed(folder: &std::path::Path, target: &str, anchors: &str) -> Value {
    let output = crate::bare()
        .args(["probe", target, "--cacert", anchors, "--timeout", "10s", "--format", "json"])
        .current_dir(folder)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A root that has ended is still sent, signed over by its predecessor: who trusts the new one does not need it.
#[test]
fn an_expired_cross_certificate_hurts_only_who_trusts_what_stands_behind_it() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let old = Authority::named("Old Root", Validity::Expired).unwrap();
    let new = Authority::named("New Root", Validity::Now).unwrap();
    let cross = old.cross_sign_for(&new, "New Root", Validity::Expired).unwrap();
    let between = new.intermediate("Issuing CA").unwrap();
    let mut pair = between.issue(&Leaf::server()).unwrap();
    pair.chain.push(cross);
    let port = web(&runtime, &pair, Some(0));
    for (name, one) in [("old.crt", &old), ("new.crt", &new)] {
        fs::write(folder.path().join(name), pki::pem("CERTIFICATE", &one.certificate)).unwrap();
    }
    let target = format!("https://localhost:{port}");
    let report = probed(folder.path(), &target, "new.crt");
    assert_eq!((&report["exit_code"], &report["outcome"]), (&0.into(), &"pass".into()), "{report}");
    let report = probed(folder.path(), &target, "old.crt");
    let one = &report["endpoints"][0]["diagnoses"][0];
    assert_eq!((&report["exit_code"], &one["cause"]), (&1.into(), &"expired".into()), "{report}");
    let because = one["because"].to_string();
    assert!(because.contains("New Root") || because.contains("Old Root"), "{because}");
}

/// The alert with which a server says that it has no certificate for a name: which name, or that none was sent.
#[test]
fn a_server_that_chooses_by_name_is_told_by_its_alert() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let _ = stream.read(&mut [0; 4096]);
                // unrecognized_name, fatal (RFC 6066, 3).
                let _ = stream.write_all(&[21, 3, 3, 0, 2, 2, 112]);
                let _ = stream.read(&mut [0; 4096]);
            });
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    fs::write(folder.path().join("ca.crt"), pki::pem("CERTIFICATE", &ca.certificate)).unwrap();
    for (host, says) in [("127.0.0.1", "no name was sent"), ("localhost", "name localhost that was sent")] {
        for scheme in ["https", "grpcs", "rediss"] {
            let report = probed(folder.path(), &format!("{scheme}://{host}:{port}"), "ca.crt");
            let one = &report["endpoints"][0]["diagnoses"][0];
            assert_eq!(one["cause"], "hostname-mismatch", "{report}");
            assert_eq!(one["side"], "client", "{report}");
            let because = one["because"].to_string();
            assert!(because.contains("alert 112") && because.contains(says), "{because}");
        }
    }
}
