//! A peer that speaks another protocol than the one that was meant: it is said which, and no certificate is blamed.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Shutdown, TcpListener, TcpStream};

use serde_json::Value;
use tls_verify_fixtures::pki::{self, Authority, Leaf};

use crate::probe::clocks::web;

/// Ends what is said and hears out the other side: a socket that is closed over unread bytes resets the connection,
/// which may overtake what was answered.
fn close(mut stream: TcpStream) {
    let _ = stream.shutdown(Shutdown::Write);
    let _ = std::io::copy(&mut stream, &mut std::io::sink());
}

/// Says `greeting` at once, `answer` to the first bytes that come, and then waits.
fn stranger(greeting: &'static [u8], answer: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                let mut heard = [0; 2048];
                let _ = stream.write_all(greeting);
                while matches!(stream.read(&mut heard), Ok(1..)) {
                    if stream.write_all(answer).is_err() || greeting.is_empty() {
                        break;
                    }
                }
                close(stream);
            });
        }
    });
    port
}

#[test]
fn who_speaks_another_protocol_is_named() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    fs::write(folder.path().join("ca.crt"), pki::pem("CERTIFICATE", &ca.certificate)).unwrap();
    let http = stranger(b"", b"HTTP/1.1 400 Bad Request\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n");
    let ssh = stranger(b"SSH-2.0-OpenSSH_9.6\r\n", b"Invalid SSH identification string.\r\n");
    let mail =
        stranger(b"220 mx.example.com ESMTP Postfix\r\n", b"502 5.5.2 Error: command not recognized\r\n");
    let broker = stranger(b"", b"AMQP\x00\x00\x09\x01");
    // As a Redis that has as many clients as it takes.
    let full = TcpListener::bind("127.0.0.1:0").unwrap();
    let closes = full.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in full.incoming().flatten() {
            std::thread::spawn(move || close(stream));
        }
    });
    let https = web(&runtime, &ca.issue(&Leaf::server()).unwrap(), Some(0));
    let plain = "wrong-scheme-tls-to-plain";
    // Who listens, what was meant: cause, variant, what is said.
    let rows = [
        (http, "rediss", plain, "http-plaintext", "http://"),
        (http, "redis", plain, "http-plaintext", "HTTP/1.1 400"),
        (http, "tls", plain, "http-plaintext", "http://"),
        (http, "nats", plain, "http-plaintext", "http://"),
        (ssh, "rediss", plain, "not-tls", "SSH-2.0-OpenSSH_9.6"),
        (ssh, "redis", plain, "not-tls", "SSH-2.0-OpenSSH_9.6"),
        (ssh, "tls", plain, "not-tls", "SSH-2.0-OpenSSH_9.6"),
        (ssh, "https", plain, "not-tls", "SSH-2.0-OpenSSH_9.6"),
        (mail, "rediss", plain, "not-tls", "ESMTP Postfix"),
        (mail, "tls", plain, "not-tls", "ESMTP Postfix"),
        (mail, "grpcs", plain, "not-tls", "ESMTP Postfix"),
        (broker, "rediss", plain, "not-tls", "AMQP"),
        (broker, "tls", plain, "not-tls", "AMQP"),
        (broker, "https", plain, "not-tls", "AMQP"),
        (closes, "rediss", "connection-reset", "-", "handshake eof"),
        (closes, "https", "connection-reset", "-", ""),
        (closes, "tls", "connection-reset", "-", "closed"),
        // TLS and the certificate are fine.
        (
            https,
            "rediss",
            "other-tls",
            "http-in-tls",
            "speaks HTTP and no Redis (\\\"HTTP/1.1 400 Bad Request\\\")",
        ),
        (https, "redis", "wrong-scheme-plain-to-tls", "-", "rediss://"),
        (https, "tls", "other-tls", "http-in-tls", "https://"),
        (https, "nats", "other-tls", "http-in-tls", "https://"),
    ];
    let mut wrong = Vec::new();
    for (port, scheme, cause, variant, says) in rows {
        let target = format!("{scheme}://127.0.0.1:{port}");
        let output = crate::bare()
            .args(["probe", &target, "--cacert", "ca.crt", "--timeout", "4s", "--format", "json"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        let first = &report["endpoints"][0]["diagnoses"][0];
        let word = |key: &str| first[key].as_str().unwrap_or("-").to_owned();
        let because = first["because"].to_string();
        if (word("cause").as_str(), word("variant").as_str()) != (cause, variant) || !because.contains(says) {
            wrong.push(format!("{target}: {} {}: {because}", word("cause"), word("variant")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
