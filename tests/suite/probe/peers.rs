//! Peers that are no good TLS servers: silent, endless, in clear, of old versions, or open to strangers.

use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;

use serde_json::Value;
use tls_verify_fixtures::fault::Fault;
use tls_verify_fixtures::pki::{self, Authority, Leaf};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::probe::lab::{Lab, all, listen, serve};

#[test]
fn hostile_peers_are_given_up_in_time() {
    // One accepts and never speaks, one never ends its line, one closes at once.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let endless = TcpListener::bind("127.0.0.1:0").unwrap();
    let rude = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = |listener: &TcpListener| listener.local_addr().unwrap().to_string();
    let (first, second, third) = (address(&silent), address(&endless), address(&rude));
    std::thread::spawn(move || {
        for stream in endless.incoming().flatten() {
            std::thread::spawn(move || {
                let mut stream = stream;
                while stream.write_all(&[b'A'; 4096]).is_ok() {}
            });
        }
    });
    std::thread::spawn(move || {
        for stream in rude.incoming() {
            drop(stream);
        }
    });
    std::thread::spawn(move || {
        let mut kept = Vec::new();
        for stream in silent.incoming() {
            kept.push(stream);
        }
    });
    let folder = tempfile::tempdir().unwrap();
    let ask = |target: &str| -> (i32, Value, f64) {
        let begun = std::time::Instant::now();
        let output = crate::bare()
            .args(["probe", target, "--timeout", "1s", "--deadline", "3s", "--format", "json"])
            .current_dir(folder.path())
            .output()
            .unwrap();
        let report = serde_json::from_slice(&output.stdout).unwrap();
        (output.status.code().unwrap(), report, begun.elapsed().as_secs_f64())
    };
    for (target, cause) in [
        (format!("https://{first}"), Some("timeout")),
        (format!("tls://{first}"), Some("timeout")),
        (format!("https://{second}"), Some("wrong-scheme-tls-to-plain")),
        (format!("tls://{second}"), Some("wrong-scheme-tls-to-plain")),
        (format!("https://{third}"), Some("connection-reset")),
    ] {
        let (code, report, seconds) = ask(&target);
        assert_eq!(code, 1, "{target}: {report}");
        let found = report.pointer("/endpoints/0/diagnoses/0/cause").and_then(Value::as_str);
        assert_eq!(found, cause, "{target}: {report}");
        assert!(seconds < 3.3, "{target}: {seconds} s");
    }
}

#[test]
fn a_plaintext_redis_is_told_by_its_answer() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    fs::write(folder.path().join("ca.crt"), pki::pem("CERTIFICATE", &ca.certificate)).unwrap();
    // Redis waits for the end of a line that a TLS hello does not have.
    let port = listen(&runtime, |mut stream| async move {
        let mut head = [0; 512];
        while let Ok(count @ 1..) = stream.read(&mut head).await {
            if head[..count].starts_with(b"*1") && stream.write_all(b"+PONG\r\n").await.is_err() {
                break;
            }
        }
    });
    let target = format!("rediss://127.0.0.1:{port}");
    let begun = std::time::Instant::now();
    let output = crate::bare()
        .args([
            "probe",
            &target,
            "--cacert",
            "ca.crt",
            "--format",
            "json",
            "--timeout",
            "20s",
            "--deadline",
            "30s",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    let one = &report["endpoints"][0]["diagnoses"][0];
    assert_eq!(
        (&one["cause"], &one["variant"]),
        (&"wrong-scheme-tls-to-plain".into(), &"redis-plaintext".into())
    );
    assert!(one["because"].to_string().contains(&format!("redis://127.0.0.1:{port}")), "{one}");
    // Its own answer is what is waited for, not the silence.
    assert!(begun.elapsed().as_secs() < 15, "{:?}", begun.elapsed());
    fs::write(folder.path().join("list"), format!("{target}\n127.0.0.1:{port}\n")).unwrap();
    let said = all(folder.path(), &["--targets", "list", "--timeout", "1s"]);
    assert!(said.values().all(|one| one == "fail wrong-scheme-tls-to-plain"), "{said:?}");
}

#[test]
fn old_versions_and_strangers_are_warned_of() {
    let lab = Lab::start(Some(Fault::NoMtls));
    let (said, endpoint) = lab.said(&format!("tls://localhost:{}", lab.demo.nats.port()));
    assert_eq!(said, "warn mtls-not-enforced", "{endpoint}");
    assert_eq!(endpoint["details"]["without_identity"], "let in");

    let runtime = tokio::runtime::Runtime::new().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let ca = Authority::generate().unwrap();
    fs::write(folder.path().join("ca.crt"), pki::pem("CERTIFICATE", &ca.certificate)).unwrap();
    let new = serve(&runtime, &ca.issue(&Leaf::server()).unwrap(), false);
    // TLS 1.0 and 1.1 are answered here, everything newer by the server behind.
    let port = listen(&runtime, move |mut stream| async move {
        let mut head = [0; 11];
        while stream.peek(&mut head).await.is_ok_and(|count| count < head.len()) {
            tokio::task::yield_now().await;
        }
        let version = [head[9], head[10]];
        if version < [3, 3] {
            let hello = [&[2, 0, 0, 38][..], &version, &[7; 32], &[0, 0, 0x2f, 0]].concat();
            let record = [&[22][..], &version, &[0, 42], &hello].concat();
            let _ = stream.write_all(&record).await;
            let _ = stream.read(&mut [0; 1024]).await;
        } else if let Ok(mut behind) = tokio::net::TcpStream::connect(("127.0.0.1", new)).await {
            let _ = tokio::io::copy_bidirectional(&mut stream, &mut behind).await;
        }
    });
    let target = format!("127.0.0.1:{port}");
    assert_eq!(all(folder.path(), &[&target])[&target], "warn protocol-version");
    let plain = format!("127.0.0.1:{new}");
    assert_eq!(all(folder.path(), &[&plain])[&plain], "pass -");
}
