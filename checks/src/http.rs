//! HTTPS to the gateway and the dashboard: reqwest over our own configuration with the recording
//! verifier; bodies are read within a bound.

use std::net::SocketAddr;

use http_body_util::{BodyExt, Empty};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::{Value, json};

use crate::context::{Context, QUIET};
use crate::dial::{self, before};
use crate::fault::{Cause, Failure, Stage};
use crate::hello;
use crate::inspections;
use crate::peel::peel;
use crate::platform::Wire;
use crate::secret;
use crate::stack::Endpoint;
use crate::tls::{self, ANY_VERSION, Hello, Offer, Recording, TrustMode};
use tls_verify_core::evidence::{Fact, HttpFact};

/// An HTTP answer and the TLS under it.
#[derive(Debug)]
pub struct HttpAnswer {
    pub status: u16,
    pub body: Vec<u8>,
    pub server: Option<String>,
    pub content_type: Option<String>,
    pub date: Option<String>,
    /// Where a redirect points.
    pub location: Option<String>,
    pub recording: Recording,
    pub address: Option<SocketAddr>,
    pub tls: bool,
}

impl HttpAnswer {
    /// `TLSv1.3`, or what it was without TLS.
    #[must_use]
    pub fn over(&self) -> &'static str {
        if self.tls { self.recording.version.unwrap_or("TLS") } else { "plain HTTP" }
    }

    /// For `details`.
    #[must_use]
    pub fn tls_details(&self) -> Value {
        json!({ "version": self.over(), "certificates": self.recording.chain.len(),
                "address": self.address.map(|address| address.to_string()) })
    }

    /// The first line of the body for people, bounded.
    #[must_use]
    pub fn excerpt(&self) -> String {
        // Masked before it is cut: half a secret is one too.
        let text = String::from_utf8_lossy(&self.body[..self.body.len().min(2000)]).into_owned();
        let text = secret::mask(&text).into_owned();
        // A page's own words, not its tags.
        let mut plain = String::new();
        let mut tag = false;
        for c in text.chars() {
            match c {
                '<' if text.trim_start().starts_with('<') => tag = true,
                '>' if tag => {
                    tag = false;
                    plain.push('\n');
                }
                _ if tag => {}
                _ => plain.push(c),
            }
        }
        let known = SENTENCES.iter().find(|sentence| plain.contains(**sentence));
        let text = known.map_or(plain, |sentence| (*sentence).to_owned());
        let line = text.trim().lines().next().unwrap_or("").trim().to_owned();
        line.chars().take(120).collect()
    }
}

/// Bodies are cut here; the status JSON of a large stack has some 100 KiB.
const BODY_LIMIT: usize = 4 * 1024 * 1024;

/// As browsers and Go's clients offer.
const ALPN: &[&[u8]] = &[b"h2", b"http/1.1"];

/// `GET path`, with the API key and tenant where `login` says so and the scheme is `https`.
///
/// # Errors
/// Where it broke. An HTTP status is an answer, not an error.
pub async fn get(
    context: &Context,
    endpoint: &Endpoint,
    path: &str,
    login: bool,
) -> Result<HttpAnswer, Failure> {
    if let Some(missing) = &endpoint.missing {
        inspections::note(endpoint.link.service(), endpoint.authority(), "not there");
        return Err((**missing).clone());
    }
    if endpoint.via.is_some() {
        return through(context, endpoint, path, login).await;
    }
    let stack = &context.stack;
    let deadline = context.attempt();
    let secure = endpoint.scheme == "https" || endpoint.scheme == "wss";
    let offer = Offer {
        trust: TrustMode::Only(stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity: None,
        alpn: ALPN,
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    let (config, recorder) = tls::config(&offer).map_err(|error| peel(&error, Stage::Configure, false))?;
    let addresses = dial::resolve(endpoint, deadline).await?;
    let mut builder = reqwest::Client::builder()
        .tls_backend_preconfigured(config)
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .pool_max_idle_per_host(0)
        .user_agent(concat!("tls-verify/", env!("CARGO_PKG_VERSION")));
    // SNI follows the URL's host, so the name stands there and the addresses are given.
    builder = builder.resolve_to_addrs(endpoint.name(), &addresses);
    let client = builder.build().map_err(|error| peel(&error, Stage::Configure, false))?;
    let named = Endpoint { host: endpoint.name().to_owned(), server_name: None, ..endpoint.clone() };
    let scheme = if secure { "https" } else { "http" };
    let mut request = client.get(format!("{scheme}://{}{}{path}", named.authority(), endpoint.prefix));
    if login {
        request = request.header("X-Tenant-ID", &stack.tenant);
        if let Some(key) = &stack.api_key {
            request = request.header("X-API-Key", key.expose());
        }
    }
    let exchanged = before(deadline, Stage::Exchange, answered(request, secure)).await;
    inspections::note(endpoint.link.service(), endpoint.authority(), inspections::result(&exchanged));
    context.saw(endpoint.link, &tls::recorded(&recorder));
    match exchanged {
        Ok(answer) => Ok(HttpAnswer { recording: tls::recorded(&recorder), ..answer }),
        Err(mut failure) => {
            let recording = tls::recorded(&recorder);
            dial::refine(&mut failure, &recording, &[]);
            let failure = hello::beyond(context, endpoint, failure).await;
            let mut failure = follow_up(context, endpoint, secure, failure).await;
            if matches!(failure.cause, Cause::Unreachable) {
                failure = failure.because(HttpFact::NoWay);
            }
            // What was met comes before where.
            if failure.facts.is_empty() {
                failure.facts.extend(failure.trail.last().cloned().map(Fact::Verbatim));
            }
            if let Some(address) = addresses.first() {
                failure = failure.because(HttpFact::Dialled {
                    authority: endpoint.authority().to_string(),
                    address: address.to_string(),
                });
            }
            Err(failure)
        }
    }
}

/// Sends a request and reads its answer, the body up to its bound. What the handshake recorded is not in it.
async fn answered(request: reqwest::RequestBuilder, tls: bool) -> Result<HttpAnswer, Failure> {
    let mut response = request.send().await.map_err(|error| {
        let stage = if error.is_connect() { Stage::Connect } else { Stage::Exchange };
        peel(&error, stage, false)
    })?;
    let header =
        |name: &str| response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let (server, content_type, date) = (header("server"), header("content-type"), header("date"));
    let location = header("location");
    let status = response.status().as_u16();
    let address = response.remote_addr();
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| peel(&error, Stage::Exchange, false))? {
        let room = BODY_LIMIT.saturating_sub(body.len()).min(chunk.len());
        body.extend_from_slice(&chunk[..room]);
        if body.len() >= BODY_LIMIT {
            break;
        }
    }
    let recording = Recording::default();
    Ok(HttpAnswer { status, body, server, content_type, date, location, recording, address, tls })
}

/// `GET path` on a session that is there and verified, without key; a bounded part of the body is read.
/// `None`: it broke.
pub async fn over(
    dialled: dial::Dialled,
    endpoint: &Endpoint,
    path: &str,
    deadline: std::time::Instant,
) -> Option<HttpAnswer> {
    // Enough for the sentences that proxies say.
    on_session(dialled, endpoint, path, &[], 8192, deadline).await.ok()
}

/// The same as [`get`] where the platform alone leads to the endpoint.
async fn through(
    context: &Context,
    endpoint: &Endpoint,
    path: &str,
    login: bool,
) -> Result<HttpAnswer, Failure> {
    let deadline = context.attempt();
    let secure = endpoint.scheme == "https" || endpoint.scheme == "wss";
    let key = context.stack.api_key.as_ref().map(|key| ("x-api-key", key.expose()));
    let headers: Vec<(&str, &str)> = match login {
        true => std::iter::once(("x-tenant-id", context.stack.tenant.as_str())).chain(key).collect(),
        false => Vec::new(),
    };
    if secure {
        let dialled = context.dial(endpoint, None, ALPN, deadline).await.map_err(|broken| broken.failure)?;
        return on_session(dialled, endpoint, path, &headers, BODY_LIMIT, deadline).await;
    }
    let (tap, address) = dial::connect(endpoint, deadline).await?;
    context.own(tap.local());
    let request = request(endpoint, path, false, &headers)?;
    let answer = exchange(tap, false, request, BODY_LIMIT, deadline).await?;
    Ok(HttpAnswer { address: Some(address), ..answer })
}

async fn on_session(
    dialled: dial::Dialled,
    endpoint: &Endpoint,
    path: &str,
    headers: &[(&str, &str)],
    limit: usize,
    deadline: std::time::Instant,
) -> Result<HttpAnswer, Failure> {
    let two = dialled.negotiated().2.as_deref() == Some("h2");
    let (recording, address) = (dialled.recording(), dialled.address);
    let request = request(endpoint, path, two, headers)?;
    let answer = exchange(dialled.stream, two, request, limit, deadline).await?;
    Ok(HttpAnswer { recording, address: Some(address), tls: true, ..answer })
}

fn request(
    endpoint: &Endpoint,
    path: &str,
    two: bool,
    headers: &[(&str, &str)],
) -> Result<hyper::Request<Empty<bytes::Bytes>>, Failure> {
    let named = Endpoint { host: endpoint.name().to_owned(), server_name: None, ..endpoint.clone() };
    let authority = named.authority();
    let path = format!("{}{path}", endpoint.prefix);
    let builder = hyper::Request::get(if two { format!("https://{authority}{path}") } else { path });
    let builder = if two { builder } else { builder.header("host", authority).header("connection", "close") };
    let builder = builder.header("user-agent", concat!("tls-verify/", env!("CARGO_PKG_VERSION")));
    let builder = headers.iter().fold(builder, |builder, (name, value)| builder.header(*name, *value));
    builder.body(Empty::new()).map_err(|error| peel(&error, Stage::Configure, false))
}

/// One request on a stream that is there; no more than `limit` bytes of the body are kept.
pub(crate) async fn exchange(
    stream: impl Wire + 'static,
    two: bool,
    request: hyper::Request<Empty<bytes::Bytes>>,
    limit: usize,
    deadline: std::time::Instant,
) -> Result<HttpAnswer, Failure> {
    let stream = TokioIo::new(stream);
    before(deadline, Stage::Exchange, async {
        let broke = |error: hyper::Error| peel(&error, Stage::Exchange, false);
        let (response, driver) = if two {
            let (mut sender, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.map_err(broke)?;
            let driver = tokio::spawn(async move { drop(connection.await) });
            (sender.send_request(request).await, driver)
        } else {
            let (mut sender, connection) =
                hyper::client::conn::http1::handshake(stream).await.map_err(broke)?;
            let driver = tokio::spawn(async move { drop(connection.await) });
            (sender.send_request(request).await, driver)
        };
        let mut response = response.map_err(broke)?;
        let header = |name: &str| {
            response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_owned)
        };
        let (server, content_type, date) = (header("server"), header("content-type"), header("date"));
        let location = header("location");
        let status = response.status().as_u16();
        let mut body = Vec::new();
        while body.len() < limit
            && let Some(frame) = response.frame().await
        {
            if let Some(data) = frame.map_err(broke)?.data_ref() {
                let room = (limit - body.len()).min(data.len());
                body.extend_from_slice(&data[..room]);
            }
        }
        driver.abort();
        let recording = Recording::default();
        Ok(HttpAnswer {
            status,
            body,
            server,
            content_type,
            date,
            location,
            recording,
            address: None,
            tls: false,
        })
    })
    .await
}

/// A second look where one error does not decide: our own dial keeps the first bytes and the stage.
async fn follow_up(context: &Context, endpoint: &Endpoint, secure: bool, failure: Failure) -> Failure {
    let undecided = matches!(
        failure.cause,
        Cause::NotTls(_) | Cause::Eof | Cause::Reset | Cause::TimedOut | Cause::Other | Cause::OtherTls
    );
    if matches!(failure.cause, Cause::Other) && !secure {
        return match crate::first_words::of(context, endpoint).await {
            Some(words) => failure.because(HttpFact::NoHttp { words }),
            None => failure,
        };
    }
    if !undecided || !secure {
        return failure;
    }
    let patience = std::time::Duration::from_secs(1);
    let deadline = (std::time::Instant::now() + patience).min(context.deadline);
    match context.dial(endpoint, None, ALPN, deadline).await {
        // In HTTP/2 an alert that follows the handshake (TLS 1.3) is flattened to text by the library:
        // on our own connection it is read as one.
        Ok(mut dialled) => match dial::read_first(&mut dialled, QUIET).await {
            dial::Quiet::Closed(closed) if matches!(closed.cause, Cause::Alert { .. }) => {
                Failure { trail: failure.trail, ..closed }
            }
            _ => failure.because(HttpFact::HandshakeSucceeds),
        },
        Err(broken) => {
            let closer = !matches!(broken.failure.cause, Cause::Other);
            let stage = broken.failure.stage;
            let mut look = broken.failure;
            if matches!(failure.cause, Cause::TimedOut) && stage == Stage::Handshake {
                look = look.because(HttpFact::HandshakeUnanswered);
            }
            if closer {
                look.facts.splice(0..0, failure.facts.clone());
                look.trail = failure.trail;
                look
            } else {
                failure
            }
        }
    }
}

/// An HTTP status that is not what was wanted, as a failure.
#[must_use]
pub fn refused(answer: &HttpAnswer) -> Failure {
    let status = answer.status;
    let fine = Fact::TlsIsFine { over: answer.over().to_owned() };
    let said = HttpFact::Status { status, excerpt: answer.excerpt().to_string() };
    let failure = Failure::new(Stage::Exchange, status_cause(status, &answer.body)).because(said);
    let failure = match &answer.location {
        Some(to) => failure.because(HttpFact::RedirectsTo { target: secret::mask(to).into_owned() }),
        None => failure,
    };
    if status == 400 { failure } else { failure.because(fine) }
}

/// What a status that is not the wanted one means.
#[must_use]
pub fn status_cause(status: u16, body: &[u8]) -> Cause {
    match status {
        401 | 403 => Cause::Login,
        400 => tell_tale(body).unwrap_or(Cause::Http { status }),
        502 | 504 => Cause::Upstream { status },
        _ => Cause::Http { status },
    }
}

/// What is worth more than the first line of a page.
const SENTENCES: &[&str] = &[
    "No required SSL certificate was sent",
    "The SSL certificate error",
    "The plain HTTP request was sent to HTTPS port",
];

/// The sentences with which servers answer 400 (nginx 1.22.1; Go 1.19 to 1.26 net/http).
#[must_use]
pub fn tell_tale(body: &[u8]) -> Option<Cause> {
    let text = String::from_utf8_lossy(body);
    if text.contains("No required SSL certificate was sent") {
        Some(Cause::ClientCertificateWanted)
    } else if text.contains("The SSL certificate error") {
        Some(Cause::ClientCertificateRefused)
    } else if text.contains("The plain HTTP request was sent to HTTPS port")
        || text.contains("Client sent an HTTP request to an HTTPS server")
    {
        Some(Cause::PlainToTls)
    } else {
        None
    }
}
