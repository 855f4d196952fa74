//! `probe --targets` against a bare tokio-rustls loop that makes the same handshakes and against
//! `openssl s_client` called in parallel: 2,000 endpoints on loopback, served by a process of their own.
//! Each of the endpoints has a certificate of its own. Prints rates and ratios, the best of three turns.
//!
//!     cargo bench --bench probe [-- COUNT [JOBS]]

use std::io::{BufRead as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::stream::{self, StreamExt as _};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tls_verify_fixtures::pki::{self, Authority, Leaf};
use tokio::io::AsyncReadExt as _;
use tokio::net::{TcpListener, TcpStream};

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|one| !one.starts_with("--")).collect();
    let number = |at: usize, otherwise: usize| {
        arguments.get(at).and_then(|text| text.parse().ok()).unwrap_or(otherwise)
    };
    if let Some(folder) = arguments.first().and_then(|text| text.strip_prefix("serve=")) {
        serve(Path::new(folder), number(1, 2000));
        return;
    }
    compare(number(0, 2000), number(1, 64));
}

struct Served(Child);

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Binds, says the ports, and shakes hands until it is stopped.
fn serve(folder: &Path, count: usize) {
    let ca = Authority::generate().unwrap();
    std::fs::write(folder.join("ca.crt"), pki::pem("CERTIFICATE", &ca.certificate)).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut ports = String::new();
        for _ in 0..count {
            let pair = ca.issue(&Leaf::server()).unwrap();
            let chain: Vec<CertificateDer<'static>> =
                pair.chain.iter().map(|der| CertificateDer::from(der.to_vec())).collect();
            let key = PrivateKeyDer::try_from(pair.key.serialize_der()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let config = rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(chain, key)
                .unwrap();
            let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            ports.push_str(&format!("{}\n", listener.local_addr().unwrap().port()));
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let acceptor = acceptor.clone();
                    tokio::spawn(async move {
                        if let Ok(mut stream) = acceptor.accept(stream).await {
                            let _ = stream.read(&mut [0; 16]).await;
                        }
                    });
                }
            });
        }
        let mut out = std::io::stdout().lock();
        out.write_all(ports.as_bytes()).unwrap();
        out.write_all(b"ready\n").unwrap();
        out.flush().unwrap();
        drop(out);
        std::future::pending::<()>().await;
    });
}

fn compare(count: usize, jobs: usize) {
    let folder = tempfile::tempdir().unwrap();
    let own = std::env::current_exe().unwrap();
    let mut server = Command::new(own);
    server.arg(format!("serve={}", folder.path().display())).arg(count.to_string());
    let mut server = Served(server.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap());
    let lines = std::io::BufReader::new(server.0.stdout.take().unwrap()).lines().map_while(Result::ok);
    let ports: Vec<u16> =
        lines.take_while(|line| line != "ready").map(|line| line.parse().unwrap()).collect();
    assert_eq!(ports.len(), count);
    let ca = folder.path().join("ca.crt");
    let targets = folder.path().join("targets");
    std::fs::write(&targets, ports.iter().map(|port| format!("127.0.0.1:{port}\n")).collect::<String>())
        .unwrap();

    let mut best = [Duration::MAX; 2];
    for _ in 0..3 {
        best[0] = best[0].min(bare(&ports, &ca, jobs));
        best[1] = best[1].min(probe(&targets, &ca, jobs, count));
    }
    let openssl = openssl(&targets, &ca, jobs);
    let rate = |took: Duration| count as f64 / took.as_secs_f64();
    println!("{count} endpoints, {jobs} at a time");
    println!("bare tokio-rustls loop      {:8.0}/s", rate(best[0]));
    println!(
        "tls-verify probe --targets  {:8.0}/s  {:.2} of the bare loop",
        rate(best[1]),
        rate(best[1]) / rate(best[0])
    );
    println!(
        "openssl s_client            {:8.0}/s  probe is {:.1} times as fast",
        rate(openssl),
        rate(best[1]) / rate(openssl)
    );
}

/// A client of rustls alone: webpki verifies, one configuration for all.
fn bare(ports: &[u16], ca: &Path, jobs: usize) -> Duration {
    use rustls_pki_types::pem::PemObject as _;
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(ca).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = rustls::client::Resumption::disabled();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let begun = Instant::now();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let done = runtime.block_on(async {
        stream::iter(ports.to_vec())
            .map(|port| {
                let connector = connector.clone();
                let task = tokio::spawn(async move {
                    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                    stream.set_nodelay(true).unwrap();
                    connector.connect(ServerName::try_from("127.0.0.1").unwrap(), stream).await.unwrap();
                });
                async move { task.await.unwrap() }
            })
            .buffer_unordered(jobs)
            .count()
            .await
    });
    assert_eq!(done, ports.len());
    begun.elapsed()
}

fn probe(targets: &Path, ca: &Path, jobs: usize, count: usize) -> Duration {
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
    command.arg("probe").arg("--targets").arg(targets).arg("--cacert").arg(ca);
    command.args(["--format", "jsonl", "--jobs", &jobs.to_string()]);
    let output = command.env_clear().stdin(Stdio::null()).output().unwrap();
    let took = begun.elapsed();
    let text = String::from_utf8(output.stdout).unwrap();
    let passed = text
        .lines()
        .filter(|line| line.contains("\"status\":\"pass\"") || line.contains("\"status\":\"warn\""))
        .count();
    assert_eq!(passed, count, "{:?} {}", output.status, text.lines().next().unwrap_or_default());
    took
}

fn openssl(targets: &Path, ca: &Path, jobs: usize) -> Duration {
    let begun = Instant::now();
    let mut xargs = Command::new("xargs");
    xargs.args([
        "-P",
        &jobs.to_string(),
        "-I{}",
        "openssl",
        "s_client",
        "-connect",
        "{}",
        "-verify_return_error",
    ]);
    xargs.args(["-verify_ip", "127.0.0.1", "-brief", "-CAfile"]).arg(ca);
    let file = std::fs::File::open(targets).unwrap();
    let status = xargs.stdin(file).stdout(Stdio::null()).stderr(Stdio::null()).status().unwrap();
    assert!(status.success());
    begun.elapsed()
}
