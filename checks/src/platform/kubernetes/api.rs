//! Requests to the API server: one connection each, every answer bounded, what it refuses told by verb and resource.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use http_body_util::{BodyExt, BodyStream, Empty};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tls_verify_core::workload::kubernetes::Kind;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::access::Access;
use crate::platform::Wire;
use crate::tls;

/// An answer longer than this is no list of a namespace's objects in one page.
const PAGE_LIMIT: usize = 16 * 1024 * 1024;
/// Objects a page.
const PAGE: usize = 200;

/// Why a request was not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ApiError {
    /// 403: verb, resource and namespace.
    Forbidden(String),
    Unauthorized,
    NotFound,
    Other(String),
}

impl std::fmt::Display for ApiError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Forbidden(what) => write!(f, "the API server forbids us to {what}"),
            Self::Unauthorized => f.write_str(
                "the API server does not know us (401): the token or certificate of the kubeconfig has expired or is wrong",
            ),
            Self::NotFound => f.write_str("the API server has no such object"),
            Self::Other(why) => f.write_str(why),
        }
    }
}

/// The API server.
#[derive(Debug)]
pub struct Api {
    pub access: Access,
    config: Option<Arc<ClientConfig>>,
    patience: Duration,
}

impl Api {
    /// Prepares requests.
    ///
    /// # Errors
    /// When the identity cannot be used.
    pub fn new(access: Access, patience: Duration) -> Result<Self, String> {
        let config = if access.plain { None } else { Some(Arc::new(config(&access)?)) };
        Ok(Self { access, config, patience })
    }

    async fn connect(&self) -> Result<Box<dyn Wire>, String> {
        let Access { host, port, name, .. } = &self.access;
        let at = format!("the API server at {host}:{port}");
        let connecting = TcpStream::connect((host.as_str(), *port));
        let stream = match tokio::time::timeout(self.patience, connecting).await {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(format!("{at} cannot be reached: {error}")),
            Err(_) => return Err(format!("{at} does not answer within {:?}", self.patience)),
        };
        let Some(config) = &self.config else { return Ok(Box::new(stream)) };
        let name =
            ServerName::try_from(name.clone()).map_err(|_| format!("`{name}` is no name of a server"))?;
        let shaking = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        match tokio::time::timeout(self.patience, shaking).await {
            Ok(Ok(stream)) => Ok(Box::new(stream)),
            Ok(Err(error)) => Err(format!("{at} cannot be spoken to over TLS: {error}")),
            Err(_) => Err(format!("{at} leaves the TLS handshake unanswered for {:?}", self.patience)),
        }
    }

    fn request(&self, path: &str) -> http::request::Builder {
        let mut request = Request::builder()
            .uri(format!("{}{path}", self.access.prefix))
            .header(http::header::HOST, format!("{}:{}", self.access.name, self.access.port))
            .header(http::header::USER_AGENT, concat!("tls-verify/", env!("CARGO_PKG_VERSION")));
        if let Some(token) = &self.access.token {
            request = request.header(http::header::AUTHORIZATION, format!("Bearer {}", token.expose()));
        } else if let Some(basic) = &self.access.basic {
            request = request.header(http::header::AUTHORIZATION, format!("Basic {}", basic.expose()));
        }
        request
    }

    async fn send(&self, path: &str, asked: &str) -> Result<Response<Incoming>, ApiError> {
        let other = |why: String| ApiError::Other(why);
        let wire = self.connect().await.map_err(other)?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(wire))
            .await
            .map_err(|error| other(format!("the API server: {error}")))?;
        tokio::spawn(connection);
        let request = self
            .request(path)
            .header(http::header::ACCEPT, "application/json, */*")
            .body(Empty::<Bytes>::new())
            .map_err(|error| other(error.to_string()))?;
        let answer = match tokio::time::timeout(self.patience, sender.send_request(request)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return Err(other(format!("the API server: {error}"))),
            Err(_) => {
                return Err(other(format!(
                    "the API server does not answer within {:?} ({asked})",
                    self.patience
                )));
            }
        };
        match answer.status().as_u16() {
            200..=299 => Ok(answer),
            401 => Err(ApiError::Unauthorized),
            403 => Err(ApiError::Forbidden(asked.to_owned())),
            404 => Err(ApiError::NotFound),
            status => {
                let body = bounded(answer, 64 * 1024, self.patience).await.unwrap_or_default();
                let message = serde_json::from_slice::<serde_json::Value>(&body)
                    .ok()
                    .and_then(|value| value["message"].as_str().map(str::to_owned))
                    .unwrap_or_default();
                Err(other(format!("the API server answers {status} ({asked}): {message}")))
            }
        }
    }

    /// An object's JSON.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn get(&self, path: &str, asked: &str) -> Result<serde_json::Value, ApiError> {
        let answer = self.send(path, asked).await?;
        let body = bounded(answer, PAGE_LIMIT, self.patience * 2).await.map_err(ApiError::Other)?;
        serde_json::from_slice(&body)
            .map_err(|_| ApiError::Other(format!("the API server's answer is no JSON ({asked})")))
    }

    /// All objects of a kind in the namespace, page by page.
    ///
    /// # Errors
    /// Why they cannot be had.
    pub async fn list(&self, kind: Kind) -> Result<Vec<serde_json::Value>, ApiError> {
        let version = match kind.group() {
            "" => "v1".to_owned(),
            group => format!("{group}/v1"),
        };
        self.list_named(&version, kind.plural()).await
    }

    /// All objects of a kind by its version (`v1`, `apps/v1`) and plural.
    pub(super) async fn list_named(
        &self,
        version: &str,
        plural: &str,
    ) -> Result<Vec<serde_json::Value>, ApiError> {
        let namespace = &self.access.namespace;
        let front =
            if version.contains('/') { format!("/apis/{version}") } else { format!("/api/{version}") };
        let asked = format!("list {plural} in namespace {namespace}");
        let mut all = Vec::new();
        let mut next = String::new();
        loop {
            let more = if next.is_empty() { String::new() } else { format!("&continue={}", escaped(&next)) };
            let path = format!("{front}/namespaces/{}/{plural}?limit={PAGE}{more}", escaped(namespace));
            let mut page = self.get(&path, &asked).await?;
            if let Some(items) = page["items"].as_array_mut() {
                all.append(items);
            }
            match page["metadata"]["continue"].as_str() {
                Some(token) if !token.is_empty() && all.len() < 20_000 => next = token.to_owned(),
                _ => return Ok(all),
            }
        }
    }

    /// A container's log with time stamps, in pieces as they come; the present start's or the one before.
    ///
    /// # Errors
    /// Why it cannot be had.
    pub async fn log(
        &self,
        pod: &str,
        container: &str,
        previous: bool,
    ) -> Result<BoxStream<'static, Result<Bytes, String>>, ApiError> {
        let namespace = escaped(&self.access.namespace);
        let previous = if previous { "&previous=true" } else { "" };
        let path = format!(
            "/api/v1/namespaces/{namespace}/pods/{}/log?container={}&timestamps=true{previous}",
            escaped(pod),
            escaped(container)
        );
        let asked = format!("get pods/log in namespace {namespace}");
        let answer = self.send(&path, &asked).await?;
        let pieces = BodyStream::new(answer.into_body()).filter_map(|frame| async {
            match frame {
                Ok(frame) => frame.into_data().ok().map(Ok),
                Err(error) => Some(Err(format!("the log breaks off: {error}"))),
            }
        });
        Ok(pieces.boxed())
    }

    /// A raw connection with the request for a port of a pod on it.
    pub(super) async fn upgrade(&self, pod: &str, port: u16) -> io::Result<super::forward::Socket> {
        let wire = self.connect().await.map_err(io::Error::other)?;
        let namespace = escaped(&self.access.namespace);
        let path = format!("/api/v1/namespaces/{namespace}/pods/{}/portforward?ports={port}", escaped(pod));
        // The library asks for a whole URL, and sends its path.
        let host = if self.access.name.contains(':') {
            format!("[{}]", self.access.name)
        } else {
            self.access.name.clone()
        };
        let whole = format!("wss://{host}:{}{}{path}", self.access.port, self.access.prefix);
        let request = self
            .request(&path)
            .uri(whole)
            .header(http::header::CONNECTION, "Upgrade")
            .header(http::header::UPGRADE, "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", tokio_tungstenite::tungstenite::handshake::client::generate_key())
            .header("sec-websocket-protocol", "v4.channel.k8s.io")
            .body(())
            .map_err(io::Error::other)?;
        super::forward::shake(request, wire, self.patience, &self.access.namespace).await
    }
}

/// Reads an answer to its end, or to a bound.
async fn bounded(answer: Response<Incoming>, limit: usize, patience: Duration) -> Result<Vec<u8>, String> {
    let mut body = answer.into_body();
    let mut all = Vec::new();
    let reading = async {
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| format!("the API server's answer breaks off: {error}"))?;
            if let Ok(data) = frame.into_data() {
                if all.len() + data.len() > limit {
                    return Err(format!(
                        "the API server's answer is longer than {} MiB",
                        limit / 1024 / 1024
                    ));
                }
                all.extend_from_slice(&data);
            }
        }
        Ok(())
    };
    match tokio::time::timeout(patience, reading).await {
        Ok(read) => read?,
        Err(_) => return Err(format!("the API server's answer does not end within {patience:?}")),
    }
    Ok(all)
}

fn config(access: &Access) -> Result<ClientConfig, String> {
    let provider = tls::provider();
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(tls::ANY_VERSION)
        .map_err(|error| error.to_string())?;
    let builder = if access.insecure {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Whoever(provider)))
    } else {
        let mut roots = rustls::RootCertStore::empty();
        roots.add_parsable_certificates(access.anchors.iter().cloned());
        if roots.is_empty() {
            return Err(
                "the kubeconfig names no certificate-authority for its cluster; system roots are not read here".to_owned()
            );
        }
        builder.with_root_certificates(roots)
    };
    match &access.identity {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain.clone(), key.clone_key())
            .map_err(|error| format!("the kubeconfig's client certificate cannot be used: {error}")),
        None => Ok(builder.with_no_client_auth()),
    }
}

/// `insecure-skip-tls-verify`: the operator's own choice.
#[derive(Debug)]
struct Whoever(Arc<rustls::crypto::CryptoProvider>);

impl rustls::client::danger::ServerCertVerifier for Whoever {
    fn verify_server_cert(
        &self,
        _: &rustls_pki_types::CertificateDer<'_>,
        _: &[rustls_pki_types::CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: rustls_pki_types::UnixTime,
    ) -> Result<rustls::client::danger::ServerCertVerified, rustls::Error> {
        Ok(rustls::client::danger::ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &rustls_pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &rustls_pki_types::CertificateDer<'_>,
        signed: &rustls::DigitallySignedStruct,
    ) -> Result<rustls::client::danger::HandshakeSignatureValid, rustls::Error> {
        let known = &self.0.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, known)
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

/// A word in a path or query.
fn escaped(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}
