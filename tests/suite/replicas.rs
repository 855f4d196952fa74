//! Several servers behind one name: each is judged by itself, with a control of its own.

use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tls_verify_fixtures::pki::{Authority, Layout, Leaf};
use tls_verify_fixtures::servers::{find, free_port};

use crate::program;
use tls_verify_fixtures::child::run;

const HARD: Duration = Duration::from_secs(60);

/// A nats-server with mTLS; ended when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serve(address: &str, port: u16, certs: &Path) -> Server {
    let config = certs.join("nats.conf");
    let certs = certs.display();
    let text = format!(
        "listen: \"{address}:{port}\"\ntls {{ cert_file: \"{certs}/server/tls.crt\", key_file: \
         \"{certs}/server/tls.key\", ca_file: \"{certs}/ca/clients.crt\", verify: true }}\n"
    );
    std::fs::write(&config, text).unwrap();
    let mut command = Command::new(find("nats-server").unwrap());
    command.arg("-c").arg(&config).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let server = Server(command.spawn().unwrap());
    let begun = Instant::now();
    while TcpStream::connect((address, port)).is_err() {
        assert!(begun.elapsed() < HARD, "nats-server does not listen at {address}:{port}");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

/// Both servers have the stack's certificate; `clients` is the CA that the second knows its clients by.
fn check_6(clients: &Authority, ca: &Authority) -> (Option<i32>, serde_json::Value) {
    of_two(clients, ca, ca)
}

/// The second server's certificate is of the CA `signer`.
fn of_two(clients: &Authority, signer: &Authority, ca: &Authority) -> (Option<i32>, serde_json::Value) {
    named(clients, signer, ca, "nats-mtls", |command, port| {
        command.arg("--nats").arg(format!("tls://nats:{port}"));
        command.arg("--resolve").arg(format!("nats:{port}:127.0.0.1,127.0.0.2"));
    })
}

/// The same, told to the program in some way.
fn named(
    clients: &Authority,
    signer: &Authority,
    ca: &Authority,
    check: &str,
    tell: impl FnOnce(&mut Command, u16),
) -> (Option<i32>, serde_json::Value) {
    let folder = tempfile::tempdir().unwrap();
    let client = ca.issue(&Leaf::client()).unwrap();
    let port = free_port().unwrap();
    let mut servers = Vec::new();
    for (name, address, known, by) in [("one", "127.0.0.1", ca, ca), ("two", "127.0.0.2", clients, signer)] {
        let certs = folder.path().join(name);
        Layout::write(&certs, ca, &by.issue(&Leaf::server()).unwrap(), &client).unwrap();
        std::fs::write(certs.join("ca/clients.crt"), known.pem()).unwrap();
        servers.push(serve(address, port, &certs));
    }
    let mut command = program();
    command.args(["run", "--only", check, "--no-docker", "--format", "json", "--certs"]);
    command.arg(folder.path().join("one"));
    tell(&mut command, port);
    let ended = run(&mut command, HARD);
    (ended.code, ended.json()["checks"][0].clone())
}

#[test]
fn a_server_that_refuses_everybody_is_no_proof_beside_one_that_does_not() {
    if find("nats-server").is_none() {
        let required = std::env::var("TLS_VERIFY_REQUIRE").unwrap_or_default();
        assert!(!required.contains("nats"), "nats-server is not here");
        eprintln!("skipped: nats-server is not here");
        return;
    }
    let ca = Authority::generate().unwrap();
    let (code, check) = check_6(&ca, &ca);
    assert_eq!((code, check["status"].as_str()), (Some(0), Some("pass")), "{check}");
    let stranger = Authority::generate().unwrap();
    let (code, check) = check_6(&stranger, &ca);
    assert_eq!((code, check["status"].as_str()), (Some(3), Some("unknown")), "{check}");
    let diagnosis = &check["diagnoses"][0];
    assert_eq!(diagnosis["cause"], "bad-certificate", "{check}");
    assert!(check.to_string().contains("127.0.0.2"), "{check}");
}

#[test]
fn every_server_of_a_list_of_urls_is_looked_at() {
    if find("nats-server").is_none() {
        eprintln!("skipped: nats-server is not here");
        return;
    }
    let (ca, other) = (Authority::generate().unwrap(), Authority::generate().unwrap());
    let list = |command: &mut Command, port: u16| {
        command.env("NATS_URL", format!("tls://127.0.0.1:{port}, tls://127.0.0.2:{port}"));
    };
    for check in ["worker-nats-tls", "nats-mtls"] {
        let (code, said) = named(&ca, &ca, &ca, check, list);
        assert_ne!(code, Some(0), "127.0.0.2 is in no certificate: {said}");
        assert!(said.to_string().contains("127.0.0.2"), "{said}");
        let with_name = |command: &mut Command, port: u16| {
            list(command, port);
            command.args(["--server-name", "nats=nats"]);
        };
        let (code, said) = named(&ca, &ca, &ca, check, with_name);
        assert_eq!(code, Some(0), "{check}: {said}");
        let (code, said) = named(&ca, &other, &ca, check, with_name);
        assert_ne!(code, Some(0), "{check}: {said}");
        let second = said["diagnoses"]
            .as_array()
            .unwrap()
            .iter()
            .find(|one| one["fix"][0]["text"].as_str().unwrap().contains("127.0.0.2:"));
        // What is advised is advised of the one that is at fault.
        let second = second.unwrap_or_else(|| panic!("{check}: {said}"));
        assert_eq!(second["cause"], "unknown-authority", "{said}");
        assert!(second["where"].as_str().unwrap().starts_with("127.0.0.2:"), "{said}");
        assert!(!second["fix"].to_string().contains("127.0.0.1"), "{said}");
    }
}

#[test]
fn each_of_two_servers_is_judged_by_the_certificate_that_it_presents() {
    if find("nats-server").is_none() {
        eprintln!("skipped: nats-server is not here");
        return;
    }
    let (ca, other) = (Authority::generate().unwrap(), Authority::generate().unwrap());
    let (code, check) = of_two(&ca, &other, &ca);
    assert_eq!((code, check["status"].as_str()), (Some(3), Some("unknown")), "{check}");
    let diagnosis = &check["diagnoses"][0];
    // With what the first one presents any certificate that lies about would seem to close the gap.
    assert_ne!(diagnosis["variant"], "missing-intermediate", "{check}");
    assert!(["unknown-authority", "bad-signature"].iter().any(|one| diagnosis["cause"] == *one), "{check}");
    assert!(check.to_string().contains("127.0.0.2"), "{check}");
}

/// A redis-server over TLS without a password.
fn redis(address: &str, port: u16, certs: &Path) -> Server {
    let mut command = Command::new(find("redis-server").unwrap());
    let file = |name: &str| certs.join(name).display().to_string();
    command
        .args(["--bind", address, "--port", "0", "--tls-port", &port.to_string(), "--save", ""])
        .args(["--protected-mode", "no", "--tls-auth-clients", "no", "--dir", &certs.display().to_string()])
        .args(["--tls-cert-file", &file("server/tls.crt"), "--tls-key-file", &file("server/tls.key")])
        .args(["--tls-ca-cert-file", &file("ca/ca.crt")]);
    let server =
        Server(command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
    let begun = Instant::now();
    while TcpStream::connect((address, port)).is_err() {
        assert!(begun.elapsed() < HARD, "redis-server does not listen at {address}:{port}");
        std::thread::sleep(Duration::from_millis(20));
    }
    server
}

/// Also where no password is given, each address is asked itself.
#[test]
fn each_of_two_redis_servers_is_dialled_with_and_without_a_password() {
    if find("redis-server").is_none() {
        eprintln!("skipped: redis-server is not here");
        return;
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let (ca, other) = (Authority::generate().unwrap(), Authority::generate().unwrap());
    for (signer, code) in [(&ca, 0), (&other, 1)] {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port().unwrap();
        let client = ca.issue(&Leaf::client()).unwrap();
        let mut servers = Vec::new();
        for (name, address, by) in [("one", "127.0.0.1", &ca), ("two", "127.0.0.2", signer)] {
            let certs = folder.path().join(name);
            Layout::write(&certs, &ca, &by.issue(&Leaf::server()).unwrap(), &client).unwrap();
            servers.push(redis(address, port, &certs));
        }
        let mut command = program();
        command.args(["run", "--only", "redis-tls", "--no-docker", "--format", "json", "--certs"]);
        command.arg(folder.path().join("one"));
        command.args(["--redis", &format!("rediss://redis:{port}")]);
        command.args(["--resolve", &format!("redis:{port}:127.0.0.1,127.0.0.2")]);
        let ended = run(&mut command, HARD);
        let check = ended.json()["checks"][0].clone();
        assert_eq!(ended.code, Some(code), "{check}");
        if code == 1 {
            assert_eq!(check["diagnoses"][0]["cause"], "unknown-authority", "{check}");
            assert!(check["diagnoses"][0]["because"].to_string().contains("dialled 127.0.0.2"), "{check}");
        }
        drop(servers);
    }
}
