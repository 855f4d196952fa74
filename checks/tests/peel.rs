//! Peeling, a test for each library's wrapping, from the errors that the libraries really return against
//! peers that really misbehave, in TLS 1.2 and 1.3.

use std::error::Error;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{AlertDescription, ClientConfig, RootCertStore, SupportedProtocolVersion};
use rustls_pki_types::ServerName;
use tls_verify_checks::cause::CauseKind;
use tls_verify_checks::fault::{Cause, Failure, Stage};
use tls_verify_checks::peel::peel;
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::tungstenite;

type Version = &'static SupportedProtocolVersion;

const V12: Version = &rustls::version::TLS12;
const V13: Version = &rustls::version::TLS13;

/// Everything below ends long before this; a test that would hang fails.
const LIMIT: Duration = Duration::from_secs(30);

async fn limited<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("the exchange ends in time")
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

/// A trust domain and what its server is to do.
struct Lab {
    ca: Authority,
    leaf: Leaf,
    version: Version,
    /// Client certificates are demanded.
    mutual: bool,
    alpn: Vec<Vec<u8>>,
}

impl Lab {
    fn new(version: Version) -> Self {
        let _ = provider();
        Self {
            ca: Authority::generate().unwrap(),
            leaf: Leaf::server(),
            version,
            mutual: false,
            alpn: Vec::new(),
        }
    }

    fn expired(version: Version) -> Self {
        Self { leaf: Leaf::server().valid(Validity::Expired), ..Self::new(version) }
    }

    fn mutual(version: Version) -> Self {
        Self { mutual: true, ..Self::new(version) }
    }

    fn roots(&self) -> RootCertStore {
        let mut roots = RootCertStore::empty();
        roots.add(self.ca.certificate.clone()).unwrap();
        roots
    }

    /// A client that trusts the lab's CA and has no certificate.
    fn client(&self, alpn: &[&[u8]]) -> ClientConfig {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(self.roots())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        config
    }

    fn acceptor(&self) -> tokio_rustls::TlsAcceptor {
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
    async fn serve(&self, greeting: &'static [u8], answer: &'static [u8]) -> SocketAddr {
        self.serve_times(greeting, answer, 1).await
    }

    /// The same, with an answer to each of so many requests.
    async fn serve_times(&self, greeting: &'static [u8], answer: &'static [u8], times: usize) -> SocketAddr {
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
async fn listen<F: Future<Output = ()> + Send + 'static>(
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
async fn closes() -> SocketAddr {
    listen(|mut stream| async move {
        let mut buffer = [0_u8; 16 * 1024];
        let _ = stream.read(&mut buffer).await;
    })
    .await
}

/// Closes with bytes unread, which resets the connection.
async fn resets() -> SocketAddr {
    listen(|stream| async move {
        let _ = stream.readable().await;
    })
    .await
}

/// Accepts and never says anything.
async fn silent() -> SocketAddr {
    listen(|stream| async move {
        tokio::time::sleep(LIMIT).await;
        drop(stream);
    })
    .await
}

/// Nobody listens there: the port was bound a moment ago.
async fn nobody() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap()
}

async fn plaintext() -> SocketAddr {
    listen(|mut stream| async move {
        let mut buffer = [0_u8; 4096];
        let _ = stream.read(&mut buffer).await;
        let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n").await;
    })
    .await
}

#[track_caller]
fn is(failure: &Failure, stage: Stage, kind: CauseKind) {
    assert_eq!((failure.stage, failure.kind()), (stage, Some(kind)), "{failure:#?}");
    assert!(!failure.trail.is_empty(), "the raw chain is kept: {failure:#?}");
}

fn https(address: SocketAddr) -> String {
    format!("https://localhost:{}/", address.port())
}

fn request(lab: &Lab, address: SocketAddr, alpn: &[&[u8]]) -> reqwest::RequestBuilder {
    reqwest::Client::builder()
        .tls_backend_preconfigured(lab.client(alpn))
        .no_proxy()
        .resolve("localhost", address)
        .timeout(Duration::from_secs(10))
        .build()
        .unwrap()
        .get(https(address))
}

async fn by_reqwest(lab: &Lab, address: SocketAddr) -> Failure {
    let error = limited(request(lab, address, &[b"http/1.1"]).send()).await.unwrap_err();
    peel(&error, Stage::Exchange, false)
}

#[tokio::test]
async fn reqwest_hides_our_refusal_in_two_io_errors() {
    for version in [V12, V13] {
        let lab = Lab::expired(version);
        let failure = by_reqwest(&lab, lab.serve(b"", b"").await).await;
        is(&failure, Stage::Handshake, CauseKind::Expired);
        let lab = Lab::new(version);
        let failure = by_reqwest(&Lab::new(version), lab.serve(b"", b"").await).await;
        // The same subject under another key (`BadSignature`), as after `generate-certs --force`.
        is(&failure, Stage::Handshake, CauseKind::BadSignature);
    }
}

#[tokio::test]
async fn reqwest_meets_the_alert_at_the_connect_or_at_the_first_read() {
    for version in [V12, V13] {
        let lab = Lab::mutual(version);
        let address = lab.serve(b"", b"").await;
        let error = limited(request(&lab, address, &[b"http/1.1"]).send()).await.unwrap_err();
        // TLS 1.2 fails while it connects; in 1.3 the client has already sent its request.
        assert_eq!(error.is_connect(), version == V12, "{error:?}");
        let failure = peel(&error, Stage::Exchange, false);
        is(&failure, Stage::Handshake, CauseKind::ClientCertRequired);
    }
}

#[tokio::test]
async fn reqwest_with_the_systems_errors() {
    let lab = Lab::new(V13);
    for (address, kind) in [
        (nobody().await, CauseKind::ConnectionRefused),
        (closes().await, CauseKind::ConnectionReset),
        (resets().await, CauseKind::ConnectionReset),
        (plaintext().await, CauseKind::WrongSchemeTlsToPlain),
    ] {
        let failure = by_reqwest(&lab, address).await;
        let stage = if kind == CauseKind::WrongSchemeTlsToPlain { Stage::Handshake } else { Stage::Exchange };
        is(&failure, stage, kind);
    }
}

#[tokio::test]
async fn reqwest_gives_up_or_is_left_without_an_answer() {
    let lab = Lab::new(V13);
    let waiting = request(&lab, silent().await, &[]).timeout(Duration::from_millis(200));
    let failure = peel(&limited(waiting.send()).await.unwrap_err(), Stage::Exchange, false);
    is(&failure, Stage::Exchange, CauseKind::Timeout);
    // Closed behind the handshake, before and within the answer: hyper's own words, no io::Error.
    let failure = by_reqwest(&lab, lab.serve(b"", b"").await).await;
    is(&failure, Stage::Exchange, CauseKind::ConnectionReset);
    let failure = by_reqwest(&lab, lab.serve(b"", b"HTTP/1.1 200 OK\r\nContent-Le").await).await;
    is(&failure, Stage::Exchange, CauseKind::ConnectionReset);
    let address = lab.serve(b"", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf").await;
    let answer = limited(request(&lab, address, &[]).send()).await.unwrap();
    let failure = peel(&limited(answer.bytes()).await.unwrap_err(), Stage::Exchange, false);
    is(&failure, Stage::Exchange, CauseKind::ConnectionReset);
}

#[tokio::test]
async fn reqwest_over_http_2_reaches_the_systems_error() {
    let lab = Lab { alpn: vec![b"h2".to_vec()], ..Lab::new(V13) };
    let address = lab.serve(b"", b"").await;
    let error = limited(request(&lab, address, &[b"h2"]).send()).await.unwrap_err();
    is(&peel(&error, Stage::Exchange, false), Stage::Exchange, CauseKind::ConnectionReset);
}

/// A stream over which a library speaks.
async fn dial(lab: &Lab, address: SocketAddr) -> std::io::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let connector = tokio_rustls::TlsConnector::from(Arc::new(lab.client(&[])));
    let stream = TcpStream::connect(address).await?;
    connector.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

async fn by_tungstenite(lab: &Lab, address: SocketAddr) -> Failure {
    let stream = limited(dial(lab, address)).await.unwrap();
    let url = format!("wss://localhost:{}/api/v1/stream", address.port());
    let error = limited(tokio_tungstenite::client_async(url, stream)).await.unwrap_err();
    peel(&error, Stage::Exchange, false)
}

#[tokio::test]
async fn tungstenite_meets_the_alert_of_tls_1_3_at_its_first_read() {
    let lab = Lab::mutual(V13);
    let failure = by_tungstenite(&lab, lab.serve(b"", b"").await).await;
    is(&failure, Stage::Handshake, CauseKind::ClientCertRequired);
    let Cause::Alert { alert, identity_shown, .. } = failure.cause else { panic!("{failure:?}") };
    assert_eq!((alert, identity_shown), (AlertDescription::CertificateRequired, false));
    // In TLS 1.2 there is no stream to speak over: the dial itself fails.
    let lab = Lab::mutual(V12);
    let error = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap_err();
    is(
        &peel(&tungstenite::Error::Io(error), Stage::Connect, false),
        Stage::Handshake,
        CauseKind::ClientCertRequired,
    );
}

#[tokio::test]
async fn tungstenite_is_refused_in_http() {
    let lab = Lab::new(V13);
    let rows: [(&[u8], CauseKind); 5] = [
        (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", CauseKind::AuthNotTls),
        (b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", CauseKind::AuthNotTls),
        (b"HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n", CauseKind::BadGateway),
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 39\r\n\r\nNo required SSL certificate was sent\r\n\r\n",
            CauseKind::ClientCertRequired,
        ),
        (
            b"HTTP/1.1 400 Bad Request\r\nContent-Length: 28\r\n\r\nThe SSL certificate error\r\n\r\n",
            CauseKind::BadCertificate,
        ),
    ];
    for (answer, kind) in rows {
        is(&by_tungstenite(&lab, lab.serve(b"", answer).await).await, Stage::Exchange, kind);
    }
    let answer = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n";
    let failure = by_tungstenite(&lab, lab.serve(b"", answer).await).await;
    assert!(matches!(failure.cause, Cause::Http { status: 404 }), "{failure:?}");
    // Closed instead of an answer.
    let failure = by_tungstenite(&lab, lab.serve(b"", b"").await).await;
    is(&failure, Stage::Exchange, CauseKind::ConnectionReset);
}

const INFO: &[u8] =
    b"INFO {\"server_id\":\"X\",\"version\":\"2.12.6\",\"tls_required\":true,\"max_payload\":1048576}\r\n";

async fn by_nats(lab: &Lab, address: SocketAddr) -> Failure {
    let options = async_nats::ConnectOptions::new()
        .require_tls(true)
        .tls_client_config(lab.client(&[]))
        .connection_timeout(Duration::from_secs(1));
    let url = format!("tls://localhost:{}", address.port());
    let error = limited(options.connect(url)).await.unwrap_err();
    peel(&error, Stage::Session, false)
}

#[tokio::test]
async fn async_nats_carries_tls_in_its_io_kind() {
    for version in [V12, V13] {
        let lab = Lab::expired(version);
        is(&by_nats(&lab, lab.serve(INFO, b"").await).await, Stage::Handshake, CauseKind::Expired);
        let lab = Lab::mutual(version);
        let failure = by_nats(&lab, lab.serve(INFO, b"").await).await;
        is(&failure, Stage::Handshake, CauseKind::ClientCertRequired);
    }
}

#[tokio::test]
async fn async_nats_has_kinds_of_its_own() {
    let lab = Lab::new(V13);
    let refused = lab.serve(INFO, b"-ERR 'Authorization Violation'\r\n").await;
    is(&by_nats(&lab, refused).await, Stage::Session, CauseKind::AuthNotTls);
    is(&by_nats(&lab, silent().await).await, Stage::Session, CauseKind::Timeout);
    is(&by_nats(&lab, nobody().await).await, Stage::Session, CauseKind::ConnectionRefused);
    // A close instead of INFO is words alone in this library; our own dial reads it as what it is.
    let failure = by_nats(&lab, resets_at_once().await).await;
    assert!(matches!(failure.cause, Cause::Other), "{failure:?}");
    let options = async_nats::ConnectOptions::new().connection_timeout(LIMIT);
    let error = limited(options.connect("tls://nowhere.invalid:4222")).await.unwrap_err();
    is(&peel(&error, Stage::Session, false), Stage::Resolve, CauseKind::Dns);
}

/// Closes before it has said anything.
async fn resets_at_once() -> SocketAddr {
    listen(|stream| async move { drop(stream) }).await
}

async fn by_redis(lab: &Lab, address: SocketAddr) -> Failure {
    let stream = limited(dial(lab, address)).await.unwrap();
    let login = redis::RedisConnectionInfo::default().set_password("word");
    let config = redis::AsyncConnectionConfig::default().set_response_timeout(None);
    let made = redis::aio::MultiplexedConnection::new_with_config(&login, stream, config);
    let error = match limited(made).await {
        Err(error) => error,
        Ok((mut connection, driver)) => {
            tokio::spawn(driver);
            limited(redis::cmd("PING").query_async::<String>(&mut connection)).await.unwrap_err()
        }
    };
    peel(&error, Stage::Session, false)
}

#[tokio::test]
async fn redis_shares_its_errors_in_an_arc() {
    let lab = Lab::mutual(V13);
    let address = lab.serve(b"", b"").await;
    is(&by_redis(&lab, address).await, Stage::Handshake, CauseKind::ClientCertRequired);
    // Through the library's own conversion, as its own connections make it.
    let lab = Lab::expired(V12);
    let error = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap_err();
    let error = redis::RedisError::from(error);
    assert!(error.source().is_some_and(|source| source.is::<Arc<dyn Error + Send + Sync>>()));
    is(&peel(&error, Stage::Session, false), Stage::Handshake, CauseKind::Expired);
}

#[tokio::test]
async fn redis_refuses_a_login_by_kind_and_by_code() {
    let lab = Lab::new(V13);
    for answer in [
        &b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"[..],
        b"-NOAUTH Authentication required.\r\n",
        b"-NOPERM this user has no permissions to run the 'ping' command\r\n",
    ] {
        is(&by_redis(&lab, lab.serve(b"", answer).await).await, Stage::Session, CauseKind::AuthNotTls);
    }
    is(&by_redis(&lab, lab.serve(b"", b"").await).await, Stage::Session, CauseKind::ConnectionReset);
}

#[tokio::test]
async fn rustls_itself() {
    for version in [V12, V13] {
        let lab = Lab::expired(version);
        let error = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap_err();
        is(&peel(&error, Stage::Handshake, false), Stage::Handshake, CauseKind::Expired);
        // The error without the io::Error around it.
        let bare = error.get_ref().unwrap().downcast_ref::<rustls::Error>().unwrap();
        is(&peel(bare, Stage::Handshake, false), Stage::Handshake, CauseKind::Expired);
    }
    let lab = Lab::mutual(V13);
    let mut stream = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap();
    let error = limited(stream.read(&mut [0_u8; 16])).await.unwrap_err();
    // Read where a session was expected: the alert is the handshake's all the same.
    is(&peel(&error, Stage::Session, true), Stage::Handshake, CauseKind::ClientCertRequired);
    let lab = Lab { leaf: Leaf::server().for_names(&["elsewhere"]), ..Lab::new(V13) };
    let error = limited(dial(&lab, lab.serve(b"", b"").await)).await.unwrap_err();
    is(&peel(&error, Stage::Connect, false), Stage::Handshake, CauseKind::HostnameMismatch);
    // Only one version here, only the other there.
    let lab = Lab::new(V12);
    let address = lab.serve(b"", b"").await;
    let config = ClientConfig::builder_with_provider(provider())
        .with_protocol_versions(&[V13])
        .unwrap()
        .with_root_certificates(lab.roots())
        .with_no_client_auth();
    let stream = TcpStream::connect(address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let shaken = connector.connect(ServerName::try_from("localhost").unwrap(), stream);
    let error = limited(shaken).await.unwrap_err();
    is(&peel(&error, Stage::Connect, false), Stage::Handshake, CauseKind::ProtocolVersion);
}

#[tokio::test]
async fn a_ca_used_as_a_leaf_is_told_from_other_reasons() {
    for (inner, kind, named) in [
        (webpki::Error::CaUsedAsEndEntity, CauseKind::InvalidCa, true),
        (webpki::Error::MaximumPathDepthExceeded, CauseKind::OtherTls, false),
    ] {
        let other = rustls::CertificateError::Other(rustls::OtherError(Arc::new(inner)));
        let error = std::io::Error::other(rustls::Error::InvalidCertificate(other));
        let failure = peel(&error, Stage::Handshake, false);
        is(&failure, Stage::Handshake, kind);
        let variant = failure.cause.reading().and_then(|reading| reading.variant);
        assert_eq!(variant.is_some(), named, "{failure:?}");
    }
}

#[tokio::test]
async fn the_systems_own_errors() {
    let lab = Lab::new(V13);
    let error = limited(TcpStream::connect(nobody().await)).await.unwrap_err();
    is(&peel(&error, Stage::Connect, false), Stage::Connect, CauseKind::ConnectionRefused);
    let error = limited(dial(&lab, closes().await)).await.unwrap_err();
    let failure = peel(&error, Stage::Handshake, false);
    is(&failure, Stage::Handshake, CauseKind::ConnectionReset);
    assert!(matches!(failure.cause, Cause::Eof), "{failure:?}");
    let error = limited(dial(&lab, resets().await)).await.unwrap_err();
    let failure = peel(&error, Stage::Handshake, false);
    is(&failure, Stage::Handshake, CauseKind::ConnectionReset);
    assert!(matches!(failure.cause, Cause::Reset), "{failure:?}");
    let error =
        tokio::time::timeout(Duration::from_millis(100), dial(&lab, silent().await)).await.unwrap_err();
    is(&peel(&error, Stage::Handshake, false), Stage::Handshake, CauseKind::Timeout);
    let error = limited(tokio::net::lookup_host("nowhere.invalid:1")).await.map(|_| ()).unwrap_err();
    is(&peel(&error, Stage::Resolve, false), Stage::Resolve, CauseKind::Dns);
    // A file's error is no name's.
    let error = tokio::fs::File::open("/nowhere/at/all").await.unwrap_err();
    assert!(matches!(peel(&error, Stage::Configure, false).cause, Cause::Other));
}

#[tokio::test]
async fn tonic_over_http_2() {
    use tonic_health::pb::{HealthCheckRequest, health_client::HealthClient};
    let lab = Lab { alpn: vec![b"h2".to_vec()], ..Lab::new(V13) };
    let address = lab.serve(b"", b"").await;
    let stream = limited(dial(&lab, address)).await.unwrap();
    let once = std::sync::Mutex::new(Some(hyper_util::rt::TokioIo::new(stream)));
    let connector = tower::service_fn(move |_: http::Uri| {
        let stream = once.lock().unwrap().take();
        async move { stream.ok_or_else(|| std::io::Error::from(std::io::ErrorKind::ConnectionReset)) }
    });
    let endpoint = tonic::transport::Endpoint::from_static("http://localhost");
    let channel = endpoint.connect_with_connector(connector);
    let asked = async {
        let channel = channel.await.map_err(|error| peel(&error, Stage::Exchange, false))?;
        let status = HealthClient::new(channel).check(HealthCheckRequest::default()).await.unwrap_err();
        Err::<(), _>(peel(&status, Stage::Exchange, false))
    };
    is(&limited(asked).await.unwrap_err(), Stage::Exchange, CauseKind::ConnectionReset);
}
