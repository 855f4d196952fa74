//! Resolve, connect, (preamble), handshake: every connection that we judge is made here, and keeps
//! what it saw when it fails.

mod tap;

use std::future::Future;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use memchr::memmem;
use rustls::AlertDescription;
use rustls_pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::inspections;
use crate::peel::peel;
use crate::stack::Endpoint;
use crate::tls::{self, Offer, Recorder, Recording};
pub use tap::Tap;
use tls_verify_core::evidence::{DialFact, Fact, TlsFact};

/// Runs `work` until `deadline`.
///
/// # Errors
/// [`Cause::TimedOut`] at `stage`.
pub async fn before<T>(
    deadline: Instant,
    stage: Stage,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, Failure> {
    match tokio::time::timeout_at(deadline.into(), work).await {
        Ok(result) => result,
        Err(_) => Err(Failure::new(stage, Cause::TimedOut).because(DialFact::NotInTime { stage })),
    }
}

/// The endpoint's addresses: the given ones, or those of its name.
///
/// # Errors
/// [`Cause::Resolve`], or a deadline passed.
pub async fn resolve(endpoint: &Endpoint, deadline: Instant) -> Result<Vec<SocketAddr>, Failure> {
    if let Some(missing) = &endpoint.missing {
        return Err((**missing).clone());
    }
    if let Some(via) = &endpoint.via {
        return Ok(vec![via.address()]);
    }
    if !endpoint.addresses.is_empty() {
        return Ok(endpoint.addresses.iter().map(|ip| SocketAddr::new(*ip, endpoint.port)).collect());
    }
    if let Ok(ip) = endpoint.host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, endpoint.port)]);
    }
    let host = endpoint.host.clone();
    let port = endpoint.port;
    before(deadline, Stage::Resolve, async move {
        match tokio::net::lookup_host((host.as_str(), port)).await {
            Ok(found) => {
                let mut addresses: Vec<SocketAddr> = found.collect();
                addresses.dedup();
                if addresses.is_empty() {
                    return Err(Failure::new(Stage::Resolve, Cause::Resolve));
                }
                Ok(addresses)
            }
            Err(error) => {
                let mut failure = Failure::new(Stage::Resolve, Cause::Resolve)
                    .because(DialFact::Unresolved { host: host.to_string() });
                failure.trail = crate::peel::trail(&error);
                Err(failure)
            }
        }
    })
    .await
}

/// Connects to the first address that accepts.
/// # Errors
/// The failure of the most promising address: a refusal tells more than an unreachable network.
pub async fn connect(endpoint: &Endpoint, deadline: Instant) -> Result<(Tap, SocketAddr), Failure> {
    let ended = first_that_accepts(endpoint, deadline).await;
    inspections::note(endpoint.link.service(), endpoint.authority(), inspections::result(&ended));
    ended
}

async fn first_that_accepts(endpoint: &Endpoint, deadline: Instant) -> Result<(Tap, SocketAddr), Failure> {
    if let Some(missing) = &endpoint.missing {
        return Err((**missing).clone());
    }
    if let Some(via) = &endpoint.via {
        let opened = before(deadline, Stage::Connect, async {
            // What the platform met it says in words of its own.
            let said = |error: std::io::Error| {
                peel(&error, Stage::Connect, false).because(Fact::Verbatim(error.to_string()))
            };
            via.open().await.map_err(said)
        });
        let stream = opened
            .await
            .map_err(|failure| failure.because(DialFact::ConnectingThrough { way: format!("{via:?}") }))?;
        return Ok((Tap::through(stream), via.address()));
    }
    let addresses = resolve(endpoint, deadline).await?;
    let mut worst: Option<Failure> = None;
    let count = addresses.len();
    for (index, address) in addresses.into_iter().enumerate() {
        // One silent address must not eat the time of the others.
        let left = deadline.saturating_duration_since(Instant::now());
        let share = left / u32::try_from(count - index).unwrap_or(1);
        let attempt = before(Instant::now() + share, Stage::Connect, async {
            TcpStream::connect(address).await.map_err(|error| peel(&error, Stage::Connect, false))
        });
        match attempt.await {
            Ok(stream) => {
                let _ = stream.set_nodelay(true);
                return Ok((Tap::new(stream), address));
            }
            Err(failure) => {
                let failure =
                    failure.because(DialFact::Connecting { address: address.to_string(), of: count });
                let better = !matches!(failure.cause, Cause::Unreachable | Cause::Other);
                if worst.is_none() || better {
                    worst = Some(failure);
                }
            }
        }
    }
    Err(worst.unwrap_or_else(|| Failure::new(Stage::Resolve, Cause::Resolve)))
}

/// A finished TLS handshake and what was seen of it.
#[derive(Debug)]
pub struct Dialled {
    pub stream: TlsStream<Tap>,
    pub recorder: Recorder,
    pub identity_shown: bool,
    pub address: SocketAddr,
    pub local: Option<SocketAddr>,
    pub at: SystemTime,
}

impl Dialled {
    /// `TLSv1.3 TLS13_AES_256_GCM_SHA384` and the like.
    #[must_use]
    pub fn negotiated(&self) -> (String, String, Option<String>) {
        let (_, connection) = self.stream.get_ref();
        let version = match connection.protocol_version() {
            Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3".to_owned(),
            Some(rustls::ProtocolVersion::TLSv1_2) => "TLSv1.2".to_owned(),
            other => format!("{other:?}"),
        };
        let suite = connection
            .negotiated_cipher_suite()
            .map_or_else(String::new, |suite| format!("{:?}", suite.suite()));
        let alpn = connection.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned());
        (version, suite, alpn)
    }

    /// What the verifier recorded.
    #[must_use]
    pub fn recording(&self) -> Recording {
        tls::recorded(&self.recorder)
    }
}

/// A failed handshake and what was seen of it.
#[derive(Debug)]
pub struct Broken {
    pub failure: Failure,
    pub recording: Recording,
    pub local: Option<SocketAddr>,
}

impl From<Failure> for Broken {
    fn from(failure: Failure) -> Self {
        Self { failure, recording: Recording::default(), local: None }
    }
}

/// TLS over a connected stream.
///
/// # Errors
/// The handshake's failure, with the chain that was presented and the first bytes explained.
pub async fn handshake(
    tap: Tap,
    address: SocketAddr,
    offer: &Offer<'_>,
    deadline: Instant,
) -> Result<Dialled, Broken> {
    let (config, recorder) = tls::config(offer).map_err(|error| peel(&error, Stage::Configure, false))?;
    let name =
        ServerName::try_from(offer.name.to_owned()).map_err(|error| peel(&error, Stage::Configure, false))?;
    let identity_shown = offer.identity.is_some();
    let head = tap.head();
    let local = tap.local();
    let at = SystemTime::now();
    let connector = tokio_rustls::TlsConnector::from(Arc::new(config));
    let shaken = before(deadline, Stage::Handshake, async {
        connector.connect(name, tap).await.map_err(|error| peel(&error, Stage::Handshake, identity_shown))
    });
    match shaken.await {
        Ok(stream) => Ok(Dialled { stream, recorder, identity_shown, address, local, at }),
        Err(mut failure) => {
            let recording = tls::recorded(&recorder);
            let head = head.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
            refine(&mut failure, &recording, &head);
            if matches!(failure.cause, Cause::Alert { alert: AlertDescription::UnrecognisedName, .. }) {
                failure.facts.push(DialFact::NoSuchName { sent: sent_name(offer.name) }.into());
            }
            failure.unmet_request = !identity_shown && recording.asked_for_certificate.is_some();
            Err(Broken { failure, recording, local })
        }
    }
}

/// The name that a hello carries; an address is none (RFC 6066, 3).
fn sent_name(name: &str) -> Option<String> {
    name.parse::<IpAddr>().is_err().then(|| name.to_owned())
}

/// Puts our own verdict, and what the first bytes say, in place of the library's words.
pub fn refine(failure: &mut Failure, recording: &Recording, head: &[u8]) {
    failure.presented.clone_from(&recording.chain);
    if let Some(bits) = recording.weak_key {
        failure.cause = Cause::WeakKey;
        failure.facts.push(TlsFact::WeakKey { bits }.into());
        return;
    }
    match &failure.cause {
        Cause::Chain(_) => {
            if let Some(verdict) = recording.verdict.as_ref().filter(|verdict| !verdict.faults.is_empty()) {
                failure.facts.extend(verdict.faults.iter().map(Fact::from));
                failure.cause = Cause::Chain(verdict.faults.clone());
            }
        }
        // Behind its greeting, and instead of an answer to our hello.
        Cause::NotTls(_) if crate::nats::is_full(head) => {
            let Failure { stage, cause, facts, .. } = crate::nats::said(head);
            (failure.stage, failure.cause) = (stage, cause);
            failure.facts.extend(facts);
        }
        Cause::NotTls(_) => {
            let speaker = wire_protocol(head);
            failure.cause = Cause::NotTls(speaker);
            if !head.is_empty() {
                let text: String =
                    String::from_utf8_lossy(&head[..head.len().min(40)]).escape_debug().collect();
                failure.facts.push(TlsFact::FirstBytes { text }.into());
            }
        }
        Cause::Alert { alert, identity_shown, asked } => {
            let asked = *asked && recording.asked_for_certificate.is_some();
            let (alert, identity_shown) = (*alert, *identity_shown);
            failure.cause = Cause::Alert { alert, identity_shown, asked };
            failure.facts.push(TlsFact::Alert { alert, identity_shown }.into());
        }
        _ => {}
    }
}

/// Who speaks, by the first bytes of an answer to a TLS hello.
#[must_use]
pub fn wire_protocol(head: &[u8]) -> WireProtocol {
    if head.starts_with(b"HTTP/") {
        WireProtocol::Http
    } else if head.starts_with(b"INFO ") {
        if memmem::find(head, b"\"tls_required\":true").is_some() {
            WireProtocol::NatsInfoFirst
        } else {
            WireProtocol::NatsPlain
        }
    } else if head.starts_with(b"-ERR '") {
        // NATS' errors are quoted, Redis' are not.
        WireProtocol::NatsPlain
    } else if head.starts_with(b"SSH-") {
        WireProtocol::Ssh
    } else if head.starts_with(b"-ERR") || head.starts_with(b"+PONG") || head.starts_with(b"-NOAUTH") {
        WireProtocol::Redis
    } else if head.len() >= 9 && head[3] == 0x04 && head[..3] == [0, 0, head[2]] {
        WireProtocol::Http2
    } else {
        WireProtocol::Unknown
    }
}

/// What a read without a preceding write brought.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one is alive at a time, and a failure is rare")]
pub enum Quiet {
    /// Nothing came: the peer waits for us, so it has let us in.
    Silence,
    Data(Vec<u8>),
    Closed(Failure),
}

fn asked(dialled: &Dialled) -> bool {
    tls::recorded(&dialled.recorder).asked_for_certificate.is_some()
}

/// The beginning of the answer to an HTTP request, escaped, where the peer speaks HTTP: asked of one that waits for
/// its client's first word.
pub(crate) async fn http_inside(
    dialled: &mut Dialled,
    endpoint: &Endpoint,
    deadline: Instant,
) -> Option<String> {
    let request = format!("GET / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", endpoint.authority());
    let mut buffer = [0_u8; 256];
    let read = async {
        dialled.stream.write_all(request.as_bytes()).await.ok()?;
        dialled.stream.flush().await.ok()?;
        dialled.stream.read(&mut buffer).await.ok()
    };
    let count = tokio::time::timeout_at(deadline.into(), read).await.ok()??;
    let said = &buffer[..count];
    matches!(wire_protocol(said), WireProtocol::Http | WireProtocol::Http2).then(|| {
        let line = said.split(|byte| *byte == b'\r').next().unwrap_or_default();
        String::from_utf8_lossy(&line[..line.len().min(60)]).escape_debug().collect()
    })
}

/// Reads before writing, so that an alert that follows a TLS 1.3 handshake is not lost: a client
/// that writes first turns the server's close into a reset in a third of the refusals
/// (nats-server 2.9.10, 2.10.29, 2.12.6).
pub async fn read_first(dialled: &mut Dialled, patience: Duration) -> Quiet {
    let mut buffer = vec![0_u8; 4096];
    let shown = dialled.identity_shown;
    match tokio::time::timeout(patience, dialled.stream.read(&mut buffer)).await {
        Err(_) => Quiet::Silence,
        Ok(Ok(0)) => {
            let mut failure = Failure::new(Stage::Session, Cause::Eof);
            failure.unmet_request = !shown && asked(dialled);
            Quiet::Closed(failure)
        }
        Ok(Ok(count)) => {
            buffer.truncate(count);
            Quiet::Data(buffer)
        }
        Ok(Err(error)) => {
            let mut failure = peel(&error, Stage::Session, shown);
            let recording = tls::recorded(&dialled.recorder);
            refine(&mut failure, &recording, &[]);
            failure.unmet_request = !shown && asked(dialled);
            Quiet::Closed(failure)
        }
    }
}
