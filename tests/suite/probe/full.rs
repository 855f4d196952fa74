//! Servers that are full say so, and whoever else turns a client away does not.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;
use tls_verify_fixtures::pki::{Authority, Layout, Leaf};
use tls_verify_fixtures::servers::{find, free_port};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::probe::lab::listen;

const HARD: Duration = Duration::from_secs(60);
const INFO: &[u8] = b"INFO {\"version\":\"2.12.6\",\"tls_required\":true,\"tls_verify\":true}\r\n";
const NATS_FULL: &[u8] = b"-ERR 'maximum connections exceeded'\r\n";
const REDIS_FULL: &[u8] = b"-ERR max number of clients reached\r\n";

/// Status, cause, variant and place of one target; and all that is said of it.
fn said(folder: &std::path::Path, target: &str) -> (String, Value) {
    let output = crate::bare()
        .args(["probe", target, "--certs"])
        .arg(folder)
        .args(["--format", "json", "--timeout", "5s"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    let endpoint = report["endpoints"][0].clone();
    let words = ["/status", "/diagnoses/0/cause", "/diagnoses/0/variant"].iter();
    let words: Vec<&str> = words.filter_map(|path| endpoint.pointer(path).and_then(Value::as_str)).collect();
    (words.join(" "), endpoint)
}

fn certs() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    let (server, client) = (ca.issue(&Leaf::server()).unwrap(), ca.issue(&Leaf::client()).unwrap());
    Layout::write(folder.path(), &ca, &server, &client).unwrap();
    folder
}

#[test]
fn a_full_nats_is_told_whenever_it_says_so() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = certs();
    // With the greeting; on its own before our hello is read; in answer to it; lost, when it closes on our hello.
    let one = [INFO, NATS_FULL].concat();
    let with_greeting = listen(&runtime, move |mut stream| {
        let one = one.clone();
        async move {
            let _ = stream.write_all(&one).await;
        }
    });
    let behind = listen(&runtime, |mut stream| async move {
        let _ = stream.set_nodelay(true);
        let _ = stream.write_all(INFO).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let _ = stream.write_all(NATS_FULL).await;
    });
    let answering = listen(&runtime, |mut stream| async move {
        let _ = stream.write_all(INFO).await;
        // Nobody who only reads is left without its word.
        let _ = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0; 4096])).await;
        let _ = stream.write_all(NATS_FULL).await;
        let _ = stream.shutdown().await;
        let _ = stream.read(&mut [0; 4096]).await;
    });
    let losing = listen(&runtime, |mut stream| async move {
        let _ = stream.write_all(INFO).await;
        let hello = tokio::time::timeout(Duration::from_millis(100), stream.read(&mut [0; 16])).await;
        if hello.is_err() {
            let _ = stream.write_all(NATS_FULL).await;
        }
    });
    let parts = |first: Vec<u8>| {
        listen(&runtime, move |mut stream| {
            let first = first.clone();
            async move {
                let _ = stream.set_nodelay(true);
                let _ = stream.write_all(&first).await;
                let all = [INFO, NATS_FULL].concat();
                for part in all[first.len()..].chunks(6) {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    let _ = stream.write_all(part).await;
                }
            }
        })
    };
    let [cut, behind_in_parts] = [[INFO, &NATS_FULL[..9]].concat(), INFO.to_vec()].map(parts);
    for (how, port) in [
        ("with greeting", with_greeting),
        ("behind", behind),
        ("answering", answering),
        ("losing", losing),
        ("cut", cut),
        ("behind, in parts", behind_in_parts),
    ] {
        let (said, endpoint) = said(folder.path(), &format!("tls://127.0.0.1:{port}"));
        assert_eq!(said, "fail other-tls server-full", "{how}: {endpoint}");
        let text = endpoint.to_string();
        assert!(text.contains("maximum connections exceeded"), "{how}: {text}");
        assert!(text.contains("max_connections"), "{how}: {text}");
    }
}

#[test]
fn who_refuses_for_another_reason_is_not_full() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = certs();
    let words = |words: &'static [&'static [u8]]| {
        listen(&runtime, move |mut stream| async move {
            for word in words {
                let _ = stream.write_all(word).await;
            }
        })
    };
    let login = words(&[INFO, b"-ERR 'Authorization Violation'\r\n"]);
    let account = words(&[INFO, b"-ERR 'maximum account active connections exceeded'\r\n"]);
    let closing = words(&[INFO]);
    let redis_closing = words(&[]);
    let redis_login = words(&[b"-NOAUTH Authentication required.\r\n"]);
    for (how, target) in [
        ("a login", format!("tls://127.0.0.1:{login}")),
        ("an account's limit", format!("tls://127.0.0.1:{account}")),
        ("a close", format!("tls://127.0.0.1:{closing}")),
        ("a Redis that closes", format!("redis://127.0.0.1:{redis_closing}")),
        ("the same over TLS", format!("rediss://127.0.0.1:{redis_closing}")),
        ("a Redis that wants a login", format!("redis://127.0.0.1:{redis_login}")),
    ] {
        let (said, endpoint) = said(folder.path(), &target);
        assert!(!endpoint.to_string().contains("server-full"), "{how}: {said}: {endpoint}");
    }
    let (closed, _) = said(folder.path(), &format!("redis://127.0.0.1:{redis_closing}"));
    assert_eq!(closed, "fail connection-reset");
}

#[test]
fn a_full_redis_does_not_pass_for_one_that_answers() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = certs();
    let at_once = listen(&runtime, |mut stream| async move {
        let _ = stream.write_all(REDIS_FULL).await;
    });
    let in_parts = listen(&runtime, |mut stream| async move {
        let _ = stream.set_nodelay(true);
        for part in REDIS_FULL.chunks(7) {
            let _ = stream.write_all(part).await;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let _ = stream.read(&mut [0; 64]).await;
    });
    for (how, port) in [("at once", at_once), ("in parts", in_parts)] {
        let (said, endpoint) = said(folder.path(), &format!("redis://127.0.0.1:{port}"));
        assert_eq!(said, "fail other-tls server-full", "{how}: {endpoint}");
        assert!(endpoint.to_string().contains("maxclients"), "{how}: {endpoint}");
    }
}

/// A server of its own; ended when it is dropped.
struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn start(program: &str, arguments: &[&str]) -> Server {
    let mut command = Command::new(find(program).unwrap());
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Server(command.spawn().unwrap())
}

/// Opens connections and keeps them until one is told that the server is full: `asks` is what a client says first.
fn fill(port: u16, asks: &[u8], full: &str) -> Vec<TcpStream> {
    let begun = Instant::now();
    let mut kept = Vec::new();
    loop {
        assert!(begun.elapsed() < HARD, "the server at {port} is never full");
        std::thread::sleep(Duration::from_millis(20));
        let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { continue };
        let _ = stream.set_read_timeout(Some(Duration::from_millis(300)));
        let _ = stream.write_all(asks);
        let (mut answer, mut buffer) = (Vec::new(), [0; 4096]);
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            answer.extend_from_slice(&buffer[..count]);
        }
        if String::from_utf8_lossy(&answer).contains(full) {
            return kept;
        }
        kept.push(stream);
    }
}

#[test]
fn a_real_nats_and_a_real_redis_that_are_full() {
    let folder = certs();
    if find("nats-server").is_some() {
        let (port, shown) = (free_port().unwrap(), folder.path().display());
        let config = folder.path().join("nats.conf");
        let text = format!(
            "listen: \"127.0.0.1:{port}\"\nmax_connections: 1\ntls {{ cert_file: \"{shown}/server/tls.crt\", \
             key_file: \"{shown}/server/tls.key\", ca_file: \"{shown}/ca/ca.crt\", verify: true, timeout: 60 }}\n"
        );
        std::fs::write(&config, text).unwrap();
        let _server = start("nats-server", &["-c", &config.display().to_string()]);
        let _kept = fill(port, b"", "maximum connections exceeded");
        for _ in 0..5 {
            let (said, endpoint) = said(folder.path(), &format!("tls://127.0.0.1:{port}"));
            assert_eq!(said, "fail other-tls server-full", "{endpoint}");
        }
    }
    if find("redis-server").is_some() {
        let port = free_port().unwrap();
        let at = port.to_string();
        let data = folder.path().display().to_string();
        let _server = start(
            "redis-server",
            &["--port", &at, "--bind", "127.0.0.1", "--maxclients", "1", "--save", "", "--dir", &data],
        );
        let _kept = fill(port, b"PING\r\n", "max number of clients");
        for _ in 0..5 {
            let (said, endpoint) = said(folder.path(), &format!("redis://127.0.0.1:{port}"));
            assert_eq!(said, "fail other-tls server-full", "{endpoint}");
        }
    }
}
