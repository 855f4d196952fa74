//! `probe` on a running stack: every scheme, right and wrong.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tls_verify_fixtures::demo::Demo;
use tls_verify_fixtures::fault::Fault;
use tls_verify_fixtures::pki::{self, Authority, Leaf, Pair, Validity};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

struct Lab {
    runtime: tokio::runtime::Runtime,
    demo: Demo,
}

impl Lab {
    fn start(fault: Option<Fault>) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = runtime.block_on(Demo::start(fault)).unwrap();
        Self { runtime, demo }
    }

    fn probe(&self, arguments: &[&str]) -> Output {
        let _ = &self.runtime;
        Command::new(env!("CARGO_BIN_EXE_tls-verify"))
            .arg("probe")
            .args(arguments)
            .arg("--certs")
            .arg(&self.demo.certs)
            .env_clear()
            .output()
            .unwrap()
    }

    /// Status and main cause of one target.
    fn said(&self, target: &str) -> (String, Value) {
        let output = self.probe(&[target, "--format", "json"]);
        let report: Value = serde_json::from_slice(&output.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
        let endpoint = report["endpoints"][0].clone();
        assert_eq!(report["exit_code"].as_i64(), output.status.code().map(i64::from));
        let mut said = endpoint["status"].as_str().unwrap().to_owned();
        for key in ["cause", "variant"] {
            if let Some(name) = endpoint.pointer(&format!("/diagnoses/0/{key}")).and_then(Value::as_str) {
                said.push(' ');
                said.push_str(name);
            }
        }
        (said, endpoint)
    }
}

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
fn shards_together_are_the_whole_run() {
    let lab = Lab::start(None);
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("targets");
    let mut file = fs::File::create(&list).unwrap();
    writeln!(file, "# a comment\n").unwrap();
    for index in 0..20 {
        // Names differ, so that each target can be told from the others.
        writeln!(file, "https://localhost:{}/{index}", lab.demo.gateway.port()).unwrap();
    }
    writeln!(file, "rubbish").unwrap();
    let list = list.to_str().unwrap();
    let lines = |arguments: &[&str]| -> BTreeSet<String> {
        let output = lab.probe(&[&["--targets", list, "--format", "jsonl"], arguments].concat());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines()
            .map(|line| {
                let object: Value = serde_json::from_str(line).unwrap();
                format!("{} {}", object["target"], object["status"])
            })
            .collect()
    };
    let whole = lines(&[]);
    assert_eq!(whole.len(), 21);
    let mut together = BTreeSet::new();
    let mut files = Vec::new();
    for index in 0..3 {
        let shard = format!("{index}/3");
        let share = lines(&["--shard", &shard]);
        assert_eq!(share.len(), 7);
        assert!(together.is_disjoint(&share), "{shard}");
        together.extend(share);
        let output = lab.probe(&["--targets", list, "--format", "jsonl", "--shard", &shard]);
        let path = folder.path().join(format!("{index}.jsonl"));
        fs::write(&path, output.stdout).unwrap();
        files.push(path);
    }
    assert_eq!(whole, together);
    let merged = Command::new(env!("CARGO_BIN_EXE_tls-verify")).arg("merge").args(&files).output().unwrap();
    let report: Value = serde_json::from_slice(&merged.stdout).unwrap();
    assert_eq!(merged.status.code(), Some(3), "{report}");
    assert_eq!(report["endpoints"].as_array().unwrap().len(), 21);
    let ordered = lab.probe(&["--targets", list, "--format", "jsonl", "--ordered"]);
    let first: Value =
        serde_json::from_str(String::from_utf8(ordered.stdout).unwrap().lines().next().unwrap()).unwrap();
    assert!(first["target"].as_str().unwrap().ends_with("/0"), "{first}");
}

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
        let output = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
            .args(["probe", target, "--timeout", "1s", "--deadline", "3s", "--format", "json"])
            .current_dir(folder.path())
            .env_clear()
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

/// A TLS server with this certificate on a port of its own, behind NATS' greeting where `greets`.
fn serve(runtime: &tokio::runtime::Runtime, pair: &Pair, greets: bool) -> u16 {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(pair.chain.clone(), pair.private_key())
        .unwrap();
    let mut config = config;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
    listen(runtime, move |mut stream| {
        let acceptor = acceptor.clone();
        async move {
            if greets {
                let info = b"INFO {\"version\":\"2.10.0\",\"tls_required\":true}\r\n";
                let _ = stream.write_all(info).await;
            }
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.read(&mut [0; 1024]).await;
            }
        }
    })
}

fn listen<F>(
    runtime: &tokio::runtime::Runtime,
    each: impl Fn(tokio::net::TcpStream) -> F + Send + 'static,
) -> u16
where
    F: Future<Output = ()> + Send + 'static,
{
    let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
    let port = listener.local_addr().unwrap().port();
    runtime.spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(each(stream));
        }
    });
    port
}

/// Status and main cause of every target, by its text.
fn all(folder: &std::path::Path, arguments: &[&str]) -> std::collections::BTreeMap<String, String> {
    let output = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
        .arg("probe")
        .args(arguments)
        .args(["--cacert", "ca.crt", "--deadline", "30s", "--format", "jsonl"])
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| {
            let one: Value = serde_json::from_str(line).unwrap();
            let word = |path: &str| one.pointer(path).and_then(Value::as_str).unwrap_or("-").to_owned();
            (word("/target"), format!("{} {}", word("/status"), word("/diagnoses/0/cause")))
        })
        .collect()
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

#[test]
fn a_list_is_answered_by_the_applications_too() {
    let lab = Lab::start(None);
    let demo = &lab.demo;
    let port = |address: std::net::SocketAddr| format!("localhost:{}", address.port());
    let rows = [
        (format!("https://{}/api/v1/status", port(demo.gateway)), "HTTP "),
        (format!("grpcs://{}", port(demo.safety_kernel)), ""),
        (format!("tls://{}", port(demo.nats)), "PONG over TLSv1.3 with the client certificate"),
        (format!("rediss://{}", port(demo.redis)), ""),
    ];
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    fs::write(&list, rows.iter().map(|(target, _)| format!("{target}\n")).collect::<String>()).unwrap();
    let output =
        lab.probe(&["--targets", list.to_str().unwrap(), "--ordered", "--format", "jsonl", "--jobs", "4"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.lines().count(), rows.len());
    for (line, (target, says)) in text.lines().zip(&rows) {
        let one: Value = serde_json::from_str(line).unwrap();
        assert_eq!(
            (&one["status"], &one["target"]),
            (&Value::from("pass"), &Value::from(target.as_str())),
            "{one}"
        );
        let said = one["details"]["application"].as_str().unwrap_or_default();
        assert!(said.starts_with(says) && !said.is_empty(), "{target}: {one}");
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
    let output = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
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
        .env_clear()
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
