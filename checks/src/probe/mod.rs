//! One endpoint, looked at in depth: every address, every stage with its time, what was negotiated and
//! presented, what is asked of clients, which versions are accepted, and what the application answers.
//! The first handshake trusts nobody and is judged afterwards: nothing goes over it before it is trusted.

mod application;
mod chain;
mod plain;
mod right_url;
mod versions;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::json;

use crate::context::Context;
use crate::dial::{self, Broken, Dialled, Tap};
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::hello;
use crate::nats::{self, Info};
use crate::observation::{Claim, EvidenceLevel, Expects, Observation};
use crate::redis_tls;
use crate::stack::{Endpoint, Identity, Link};
use crate::tls::{ANY_VERSION, Hello, Offer, Recording, TrustMode};
use tls_verify_core::evidence::{Fact, NatsFact, ProbeFact, RedisFact};

use right_url::with_right_url;

/// What a target is expected to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeProtocol {
    Https,
    Wss,
    Grpcs,
    /// `nats://` and `tls://`: INFO in clear, then TLS.
    Nats,
    Rediss,
    /// A bare `HOST:PORT`.
    Raw,
    Http,
    Ws,
    Grpc,
    Redis,
}

impl ProbeProtocol {
    /// The link whose service usually speaks so.
    #[must_use]
    pub const fn link(self) -> Link {
        match self {
            Self::Nats => Link::Nats,
            Self::Rediss | Self::Redis => Link::Redis,
            Self::Grpcs | Self::Grpc => Link::GatewayGrpc,
            Self::Https | Self::Wss | Self::Raw | Self::Http | Self::Ws => Link::Gateway,
        }
    }

    /// A scheme without TLS.
    #[must_use]
    pub const fn is_plain(self) -> bool {
        matches!(self, Self::Http | Self::Ws | Self::Grpc | Self::Redis)
    }

    /// The scheme, or its TLS twin.
    #[must_use]
    pub const fn secure_scheme(self) -> &'static str {
        match self {
            Self::Https | Self::Http => "https",
            Self::Wss | Self::Ws => "wss",
            Self::Grpcs | Self::Grpc => "grpcs",
            Self::Nats => "tls",
            Self::Rediss | Self::Redis => "rediss",
            Self::Raw => "",
        }
    }

    const fn alpn(self) -> &'static [&'static [u8]] {
        match self {
            Self::Https => &[b"h2", b"http/1.1"],
            Self::Wss => &[b"http/1.1"],
            Self::Grpcs => &[b"h2"],
            _ => &[],
        }
    }
}

/// What is probed.
#[derive(Clone, Debug)]
pub struct ProbeTarget {
    /// As given, without user information.
    pub text: String,
    pub protocol: ProbeProtocol,
    /// Path and query of an HTTP target.
    pub path: String,
    /// The stack's endpoint of the protocol's link has to be this target's.
    pub endpoint: Endpoint,
    /// TLS before INFO (nats-server's `handshake_first`).
    pub tls_first: bool,
    /// Versions, replicas, refusals: more handshakes.
    pub deep: bool,
}

/// Probes a target; `context`'s stack dials it under the protocol's link.
pub async fn probe(context: &Context, target: &ProbeTarget) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    seen.component = Some(target.endpoint.authority());
    let begun = Instant::now();
    let connects = seen.expect("connect", Expects::Works);
    let addresses = match dial::resolve(&target.endpoint, context.attempt()).await {
        Ok(addresses) => addresses,
        Err(failure) => {
            seen.failed(connects, failure);
            return seen;
        }
    };
    let resolved = begun.elapsed();
    if target.deep && addresses.len() > 1 {
        let rows = join_all(addresses.iter().map(|address| reach(context, *address))).await;
        seen.detail("addresses", rows);
    } else {
        let rows: Vec<_> =
            addresses.iter().map(|address| json!({ "address": address.to_string() })).collect();
        seen.detail("addresses", rows);
    }
    if target.protocol.is_plain() {
        Box::pin(plain::probe(context, target, connects, &mut seen)).await;
    } else {
        secure(context, target, resolved, connects, &mut seen).await;
    }
    seen
}

async fn reach(context: &Context, address: SocketAddr) -> serde_json::Value {
    let begun = Instant::now();
    let patience = Duration::from_secs(2).min(context.stack.timeout);
    let connected = tokio::time::timeout(patience, tokio::net::TcpStream::connect(address)).await;
    let result = match connected {
        Ok(Ok(_)) => "connected".to_owned(),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "no answer".to_owned(),
    };
    json!({ "address": address.to_string(), "result": result, "ms": milliseconds(begun.elapsed()) })
}

/// A connection on which TLS comes next, with NATS' greeting where there is one.
pub(super) struct OpenedConnection {
    pub tap: Tap,
    pub address: SocketAddr,
    pub info: Option<Info>,
    pub connected: Duration,
    pub greeted: Option<Duration>,
}

pub(super) async fn open(
    context: &Context,
    target: &ProbeTarget,
    deadline: Instant,
) -> Result<OpenedConnection, Failure> {
    let begun = Instant::now();
    let (mut tap, address) = dial::connect(&target.endpoint, deadline).await?;
    context.own(tap.local());
    let connected = begun.elapsed();
    if target.protocol != ProbeProtocol::Nats || target.tls_first {
        return Ok(OpenedConnection { tap, address, info: None, connected, greeted: None });
    }
    // A server that wants TLS first says nothing; half of the time is left to find that out.
    let patience = Instant::now() + deadline.saturating_duration_since(Instant::now()) / 2;
    let info = nats::read_info(&mut tap, patience).await?;
    tap.forget();
    Ok(OpenedConnection {
        tap,
        address,
        info: Some(info),
        connected,
        greeted: Some(begun.elapsed() - connected),
    })
}

async fn secure(
    context: &Context,
    target: &ProbeTarget,
    resolved: Duration,
    connects: Claim,
    seen: &mut Observation,
) {
    let deadline = context.attempt();
    let opened = match open(context, target, deadline).await {
        Ok(opened) => opened,
        Err(failure) => {
            let silent = target.protocol == ProbeProtocol::Nats && matches!(failure.cause, Cause::TimedOut);
            if silent && let Some(what) = Box::pin(tls_first(context, target)).await {
                seen.failed(connects, what);
                return;
            }
            let failure = with_right_url(target, failure);
            seen.failed(connects, failure);
            return;
        }
    };
    seen.held(connects);
    let shakes = seen.expect("TLS handshake", Expects::Works);
    if let Some(failure) = opened.info.as_ref().and_then(|info| greeted(info, seen)) {
        seen.failed(shakes, failure);
        return;
    }
    let valid = seen.expect("certificate", Expects::Works);
    let mut stages = serde_json::Map::new();
    let mut took = |stage: &str, time| {
        stages.insert(format!("{stage}_ms"), milliseconds(time).into());
    };
    took("resolve", resolved);
    took("connect", opened.connected);
    if let Some(time) = opened.greeted {
        took("info", time);
    }
    let begun = Instant::now();
    // A plaintext Redis answers a TLS hello with silence; its answer to a plaintext PING saves the wait.
    let clear = async {
        if target.protocol != ProbeProtocol::Rediss || !target.deep {
            return std::future::pending().await;
        }
        match Box::pin(redis_tls::in_clear(context, &target.endpoint)).await {
            Ok(Some(answer)) => answer,
            _ => std::future::pending().await,
        }
    };
    let shaken = tokio::select! {
        shaken = shake(context, target, opened, shown(context, target), deadline) => shaken,
        answer = clear => Err(Box::new(Broken::from(in_plaintext(&answer)))),
    };
    took("handshake", begun.elapsed());
    let mut session = None;
    let trusted = match shaken {
        Ok(dialled) => {
            let version = shaken_hands(target, &dialled, seen);
            let recording = dialled.recording();
            context.saw(target.endpoint.link, &recording);
            asked(&recording, seen);
            seen.held(shakes);
            // Of many targets each is dialled once: what is verified is as good as a connection of its own.
            session = (!target.deep).then_some(dialled);
            Box::pin(chain::verdict(context, target, &recording, &version, valid, seen)).await
        }
        Err(broken) => {
            broke_off(context, target, *broken, (shakes, valid), seen).await;
            false
        }
    };
    let begun = Instant::now();
    if trusted {
        application::ask(context, target, session, seen).await;
        took("application", begun.elapsed());
    }
    seen.detail("stages", stages);
    if target.deep && seen.details.contains_key("tls") {
        Box::pin(versions::scan(context, target, seen)).await;
    }
}

/// What NATS greets with; a failure where it offers no TLS.
fn greeted(info: &Info, seen: &mut Observation) -> Option<Failure> {
    seen.detail(
        "info",
        json!({ "version": info.version, "tls_required": info.tls_required, "tls_verify": info.tls_verify,
                "tls_available": info.tls_available, "auth_required": info.auth_required }),
    );
    (!info.tls_required && !info.tls_available).then(|| {
        Failure::new(Stage::Session, Cause::NotTls(WireProtocol::NatsPlain))
            .because(NatsFact::OffersNoTls { version: info.version.clone() })
    })
}

/// What a handshake came to, for `details`; its version.
fn shaken_hands(target: &ProbeTarget, dialled: &Dialled, seen: &mut Observation) -> String {
    let (version, suite, alpn) = dialled.negotiated();
    let (_, connection) = dialled.stream.get_ref();
    let group = connection.negotiated_key_exchange_group().map(|group| format!("{:?}", group.name()));
    let address = dialled.address.to_string();
    seen.detail(
        "tls",
        json!({ "version": version, "suite": suite, "group": group, "alpn": alpn, "address": address,
                "server_name": target.endpoint.name() }),
    );
    version
}

/// A handshake that ended early: by what, and what was presented before.
async fn broke_off(
    context: &Context,
    target: &ProbeTarget,
    broken: Broken,
    (shakes, valid): (Claim, Claim),
    seen: &mut Observation,
) {
    let Broken { failure, recording, .. } = broken;
    context.saw(target.endpoint.link, &recording);
    asked(&recording, seen);
    let failure = match failure.cause {
        Cause::TimedOut if matches!(target.protocol, ProbeProtocol::Rediss | ProbeProtocol::Raw) => {
            let answer = Box::pin(redis_tls::in_clear(context, &target.endpoint)).await.ok().flatten();
            answer.map_or(failure, |answer| in_plaintext(&answer))
        }
        _ => Box::pin(hello::beyond(context, &target.endpoint, failure)).await,
    };
    seen.failed(shakes, with_right_url(target, failure));
    // What was presented before it broke is judged all the same.
    if recording.verdict.as_ref().is_some_and(|verdict| !verdict.faults.is_empty()) {
        Box::pin(chain::verdict(context, target, &recording, "", valid, seen)).await;
    }
}

/// A plaintext PING to the port was answered.
fn in_plaintext(answer: &str) -> Failure {
    Failure::new(Stage::Handshake, Cause::NotTls(WireProtocol::Redis))
        .because(RedisFact::SilentInTls { answer: answer.to_owned() })
}

/// Our client certificate is for NATS and Redis alone.
pub(super) fn shown<'a>(context: &'a Context, target: &ProbeTarget) -> Option<&'a Identity> {
    matches!(target.protocol, ProbeProtocol::Nats | ProbeProtocol::Rediss)
        .then(|| context.stack.identity.get().ok())
        .flatten()
}

async fn shake(
    context: &Context,
    target: &ProbeTarget,
    opened: OpenedConnection,
    identity: Option<&Identity>,
    deadline: Instant,
) -> Result<Dialled, Box<Broken>> {
    let offer = Offer {
        trust: TrustMode::Observe(context.stack.anchors.certificates.clone()),
        name: target.endpoint.name(),
        identity,
        alpn: target.protocol.alpn(),
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    dial::handshake(opened.tap, opened.address, &offer, deadline).await.map_err(Box::new)
}

fn asked(recording: &Recording, seen: &mut Observation) {
    let Some(names) = &recording.asked_for_certificate else {
        seen.detail("client_certificate", json!({ "asked": false }));
        return;
    };
    use x509_parser::prelude::FromDer;
    let names: Vec<String> = names
        .iter()
        .filter_map(|name| x509_parser::x509::X509Name::from_der(name).ok())
        .map(|(_, name)| name.to_string())
        .collect();
    seen.detail("client_certificate", json!({ "asked": true, "authorities": names }));
}

/// A NATS server that says nothing may want TLS first.
async fn tls_first(context: &Context, target: &ProbeTarget) -> Option<Failure> {
    let first = ProbeTarget { tls_first: true, ..target.clone() };
    let deadline = context.attempt();
    let opened = open(context, &first, deadline).await.ok()?;
    let mut dialled = match shake(context, &first, opened, shown(context, target), deadline).await {
        Ok(dialled) => dialled,
        // Who waits for its client's first word and speaks no TLS, as HTTP does, has said what it is.
        Err(broken) if matches!(broken.failure.cause, Cause::NotTls(_)) => {
            return Some(with_right_url(target, broken.failure));
        }
        Err(_) => return None,
    };
    let says_info = match dial::read_first(&mut dialled, Duration::from_millis(500)).await {
        dial::Quiet::Data(bytes) => bytes.starts_with(b"INFO "),
        dial::Quiet::Silence => {
            if let Some(answer) = dial::http_inside(&mut dialled, &target.endpoint, deadline).await {
                let url = format!("https://{}", target.endpoint.authority());
                return Some(
                    Failure::new(Stage::Exchange, Cause::NotTls(WireProtocol::HttpInTls))
                        .because(Fact::HttpInTls { meant: Link::Nats, answer })
                        .because(ProbeFact::RightUrl { url }),
                );
            }
            false
        }
        dial::Quiet::Closed(_) => false,
    };
    let failure = Failure::new(Stage::Session, Cause::NotTls(WireProtocol::NatsInfoFirst))
        .because(ProbeFact::HandshakeFirst);
    Some(if says_info {
        failure.because(ProbeFact::SetToHandshakeFirst)
    } else {
        failure.because(ProbeFact::WaitsForItsClient { authority: target.endpoint.authority().to_string() })
    })
}

/// With one decimal.
pub(super) fn milliseconds(duration: Duration) -> f64 {
    (duration.as_secs_f64() * 10_000.0).round() / 10.0
}
