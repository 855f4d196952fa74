//! Peers that really misbehave, and what an error is held against.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::fault::{Failure, Stage};
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) type Version = &'static SupportedProtocolVersion;

pub(crate) const V12: Version = &rustls::version::TLS12;
pub(crate) const V13: Version = &rustls::version::TLS13;

/// Everything below ends long before this; a test that would hang fails.
pub(crate) const LIMIT: Duration = Duration::from_secs(30);

pub(crate) async fn limited<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("the exchange ends in time")
}

pub(crate) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A trust domain and what its server is to do.
pub(crate) struct Lab {
    pub(crate) ca: Authority,
    pub(crate) leaf: Leaf,
    pub(crate) version: Version,
    /// Client certificates are demanded.
    pub(crate) mutual: bool,
    pub(crate) alpn: Vec<Vec<u8>>,
}

impl Lab {
    pub(crate) fn new(version: Version) -> Self {
        let _ = provider();
        Self {
            ca: Authority::generate().unwrap(),
            leaf: Leaf::server(),
            version,
            mutual: false,
            alpn: Vec::new(),
        }
    }

    pub(crate) fn expired(version: Version) -> Self {
        Self { leaf: Leaf::server().valid(Validity::Expired), ..Self::new(version) }
    }

    pub(crate) fn mutual(version: Version) -> Self {
        Self { mutual: true, ..Self::new(version) }
    }

    pub(crate) fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.certificate.clone()).unwrap();
        roots
    }

    /// A client that trusts the lab's CA and has no certificate.
    pub(crate) fn client(&self, alpn: &[&[u8]]) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    pub(crate) fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
        let pair = self.ca.issue(&self.leaf).unwrap();
        let builder = rustls::ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[self.version])
            .unwrap();
        let builder = if self.mutual {
            let verifier = rustls::server::WebPkiClientVerifier::builder_with_provider(
                Arc::new(self.roots()),
                provider(),
            );
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(pair.chain.clone(), pair.private_key()).unwrap();
        config.alpn_protocols.clone_from(&self.alpn);
        tokio_rustls::TlsAcceptor::from(Arc::new(config))
    }

    /// A TLS server: `greeting` in clear first, `answer` to the first bytes that come over TLS, then the
    /// end.
    pub(crate) async fn serve(&self, greeting: &'static [u8], answer: &'static [u8]) -> SocketAddr {
        self.serve_times(greeting, answer, 1).await
    }

    /// The same, with an answer to each of so many requests.
    pub(crate) async fn serve_times(
        &self,
        greeting: &'static [u8],
        answer: &'static [u8],
        times: usize,
    ) -> SocketAddr {
        let acceptor = self.acceptor();
        listen(move |mut stream| {
            let acceptor = acceptor.clone();
            async move {
                stream.write_all(greeting).await.unwrap_or_default();
                let Ok(mut tls) = acceptor.accept(stream).await else { return };
                let mut buffer = [0_u8; 4096];
                for _ in 0..times {
                    let count = match tls.read(&mut buffer).await {
                        Ok(count) if count > 0 => count,
                        _ => return,
                    };
                    // Redis commands come several at a time, and each is answered.
                    let commands = buffer[..count]
                        .windows(2)
                        .filter(|two| two[0] == b'*' && two[1].is_ascii_digit())
                        .count()
                        .max(1);
                    let _ = tls.write_all(&answer.repeat(commands)).await;
                    let _ = tls.flush().await;
                }
                let _ = tls.shutdown().await;
            }
        })
        .await
    }
}

/// A listener on loopback whose connections `each` serves.
pub(crate) async fn listen<F: Future<Output = ()> + Send + 'static>(
    each: impl Fn(TcpStream) -> F + Send + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(each(stream));
        }
    });
    address
}

/// Takes what comes and closes: EOF.
pub(crate) async fn closes() -> SocketAddr {
    listen(|mut stream| async move {
        let mut buffer = [0_u8; 16 * 1024];
        let _ = stream.read(&mut buffer).await;
    })
    .await
}

/// Closes with bytes unread, which resets the connection.
pub(crate) async fn resets() -> SocketAddr {
    listen(|stream| async move {
        let _ = stream.readable().await;
    })
    .await
}

/// Accepts and never says anything.
pub(crate) async fn silent() -> SocketAddr {
    listen(|stream| async move {
        tokio::time::sleep(LIMIT).await;
        drop(stream);
    })
    .await
}

/// Nobody listens there: the port was bound a moment ago.
pub(crate) async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

pub(crate) async fn plaintext() -> SocketAddr {
    listen(|mut stream| async move {
        let mut buffer = [0_u8; 4096];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    })
    .await
}

#[track_caller]
pub(crate) fn is(failure: &Failure, stage: Stage, kind: CauseKind) {
    assert_eq!((failure.stage, failure.kind()), (stage, Some(kind)), "{failure:#?}");
    assert!(!failure.trail.is_empty(), "the raw chain is kept: {failure:#?}");
}

/// A stream over which a library speaks.
pub(crate) async fn dial(
    lab: &Lab,
    address: SocketAddr,
) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let connector = tokio_rustls::TlsConnector::from(Arc::new(lab.client(&[])));
    let stream = TcpStream::connect(address).await?;
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}
