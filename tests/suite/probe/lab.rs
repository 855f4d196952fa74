//! The stack that is probed, servers beside it, and what `probe` says of many targets at once.

use std::process::{Output, Stdio};

use serde_json::Value;
use tls_verify_fixtures::demo::Demo;
use tls_verify_fixtures::fault::Fault;
use tls_verify_fixtures::pki::Pair;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

pub(crate) struct Lab {
    runtime: tokio::runtime::Runtime,
    pub(crate) demo: Demo,
}

impl Lab {
    pub(crate) fn start(fault: Option<Fault>) -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        let demo = runtime.block_on(Demo::start(fault)).unwrap();
        Self { runtime, demo }
    }

    pub(crate) fn probe(&self, arguments: &[&str]) -> Output {
        let _ = &self.runtime;
        crate::bare().arg("probe").args(arguments).arg("--certs").arg(&self.demo.certs).output().unwrap()
    }

    /// Status and main cause of one target.
    pub(crate) fn said(&self, target: &str) -> (String, Value) {
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

/// A TLS server with this certificate on a port of its own, behind NATS' greeting where `greets`.
pub(crate) fn serve(runtime: &tokio::runtime::Runtime, pair: &Pair, greets: bool) -> u16 {
    let acceptor = acceptor(pair);
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

/// TLS with this certificate, asking nobody for one.
pub(crate) fn server_config(pair: &Pair) -> rustls::ServerConfig {
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(pair.chain.clone(), pair.private_key())
        .unwrap()
}

/// The same, for both versions of HTTP.
pub(crate) fn acceptor(pair: &Pair) -> tokio_rustls::TlsAcceptor {
    let mut config = server_config(pair);
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config))
}

pub(crate) fn listen<F>(
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
pub(crate) fn all(
    folder: &std::path::Path,
    arguments: &[&str],
) -> std::collections::BTreeMap<String, String> {
    let output = crate::bare()
        .arg("probe")
        .args(arguments)
        .args(["--cacert", "ca.crt", "--deadline", "30s", "--format", "jsonl"])
        .current_dir(folder)
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
