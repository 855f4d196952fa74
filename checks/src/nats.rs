//! The NATS client protocol as far as TLS is concerned: `INFO` in clear, the upgrade, `CONNECT`, `PING`.

use memchr::memmem;
use std::time::Instant;

use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};

use crate::context::{Context, QUIET};
use crate::dial::{self, Broken, Dialled, Quiet, Tap, before};
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::peel::peel;
use crate::stack::{Endpoint, Identity, Link, NatsLogin};
use crate::tls::{ANY_VERSION, Hello, Offer, Recording, TrustMode};
use tls_verify_core::evidence::NatsFact;

/// The server's greeting; absent keys mean false (nats-server 2.9 to 2.12).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Info {
    pub version: String,
    pub go: String,
    pub tls_required: bool,
    pub tls_verify: bool,
    pub tls_available: bool,
    pub auth_required: bool,
    pub server_name: String,
    pub server_id: String,
    pub client_ip: String,
    pub client_id: u64,
    /// Every other key, for a client library that is to speak over a session of ours.
    #[serde(flatten)]
    pub rest: serde_json::Map<String, serde_json::Value>,
}

/// An INFO line longer than this is not one: real ones have some 500 bytes, clustered ones a few
/// thousand. A peer that never ends its line must not eat memory.
const INFO_LIMIT: usize = 64 * 1024;

/// Reads the greeting.
///
/// # Errors
/// What spoke instead, or nothing in time.
pub async fn read_info(tap: &mut Tap, deadline: Instant) -> Result<Info, Failure> {
    let head = tap.head();
    let (line, more) = before(deadline, Stage::Session, read_line(tap, INFO_LIMIT)).await.map_err(
        |failure| match failure.cause {
            Cause::TimedOut => failure.because(NatsFact::NoInfoInTime),
            _ => failure,
        },
    )?;
    if let Some(json) = line.strip_prefix(b"INFO ") {
        // A server that is full says so at once, in clear, and closes. Its line may come in parts.
        if more.starts_with(b"-") {
            let rest = match memchr::memchr(b'\n', &more) {
                Some(_) => None,
                None => before(deadline, Stage::Session, read_line(tap, INFO_LIMIT)).await.ok(),
            };
            return Err(said(&[more, rest.unwrap_or_default().0].concat()));
        }
        return serde_json::from_slice(json).map_err(|error| {
            Failure::new(Stage::Session, Cause::NotTls(WireProtocol::Unknown))
                .because(NatsFact::InfoIsNoJson { error: error.to_string() })
        });
    }
    let bytes = head.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
    let text: String = String::from_utf8_lossy(&bytes[..bytes.len().min(40)]).escape_debug().collect();
    Err(Failure::new(Stage::Session, Cause::NotTls(dial::wire_protocol(&bytes)))
        .because(NatsFact::NoInfo { first: text }))
}

/// A line without its end, and what came behind it at once.
async fn read_line(
    reader: &mut (impl AsyncRead + Unpin),
    limit: usize,
) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let mut line = Vec::with_capacity(1024);
    let mut buffer = [0_u8; 2048];
    loop {
        let count = reader.read(&mut buffer).await.map_err(|error| peel(&error, Stage::Session, false))?;
        if count == 0 {
            return Err(
                Failure::new(Stage::Session, Cause::Eof).because(NatsFact::ClosedAfter { bytes: line.len() })
            );
        }
        line.extend_from_slice(&buffer[..count]);
        if let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            let more = line.split_off(end + 1);
            line.truncate(end);
            if line.last() == Some(&b'\r') {
                line.pop();
            }
            return Ok((line, more));
        }
        if line.len() > limit {
            return Err(Failure::new(Stage::Session, Cause::NotTls(WireProtocol::Unknown))
                .because(NatsFact::EndlessLine { limit }));
        }
    }
}

/// How a session is opened.
#[derive(Clone, Copy, Debug)]
pub struct SessionOptions<'a> {
    pub identity: Option<&'a Identity>,
    /// Read before writing: needed where a refusal is expected.
    pub patient: bool,
}

/// An open session.
#[derive(Clone, Debug)]
pub struct Greeted {
    pub info: Info,
    pub recording: Recording,
    pub version: String,
    pub suite: String,
}

/// INFO and TLS: what follows is spoken over a session that is verified.
///
/// # Errors
/// Where it broke; the greeting is kept where one came.
pub(crate) async fn upgrade(
    context: &Context,
    endpoint: &Endpoint,
    identity: Option<&Identity>,
    deadline: Instant,
) -> Result<(Info, Dialled), (Option<Info>, Broken)> {
    let early = |failure: Failure| (None, Broken::from(failure));
    let (mut tap, address) = dial::connect(endpoint, deadline).await.map_err(early)?;
    context.own(tap.local());
    let info = read_info(&mut tap, deadline).await.map_err(early)?;
    if !info.tls_required && !info.tls_available {
        let failure = Failure::new(Stage::Session, Cause::NotTls(WireProtocol::NatsPlain))
            .because(NatsFact::OffersNoTls { version: info.version.clone() });
        return Err((Some(info), failure.into()));
    }
    tap.forget();
    let offer = Offer {
        trust: TrustMode::Only(context.stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity,
        alpn: &[],
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    let shaken = dial::handshake(tap, address, &offer, deadline).await;
    match shaken {
        Ok(dialled) => {
            context.saw(endpoint.link, &dialled.recording());
            Ok((info, dialled))
        }
        Err(broken) => {
            context.saw(endpoint.link, &broken.recording);
            let failure = crate::hello::beyond(context, endpoint, broken.failure).await;
            Err((Some(info), Broken { failure, ..broken }))
        }
    }
}

/// INFO, TLS, CONNECT, PING, PONG.
///
/// # Errors
/// Where it broke; the greeting is kept where one came.
pub async fn open(
    context: &Context,
    endpoint: &Endpoint,
    manner: SessionOptions<'_>,
    deadline: Instant,
) -> Result<Greeted, (Option<Info>, Broken)> {
    let (info, mut dialled) = upgrade(context, endpoint, manner.identity, deadline).await?;
    match session(&mut dialled, manner.patient, &context.stack.nats_login, deadline).await {
        Ok(()) => {
            let (version, suite, _) = dialled.negotiated();
            Ok(Greeted { info, recording: dialled.recording(), version, suite })
        }
        Err(failure) => {
            let broken = Broken { failure, recording: dialled.recording(), local: dialled.local };
            Err((Some(info), broken))
        }
    }
}

/// CONNECT and PING on a session that is verified.
///
/// # Errors
/// What the server said instead of PONG.
pub(crate) async fn session(
    dialled: &mut Dialled,
    patient: bool,
    login: &NatsLogin,
    deadline: Instant,
) -> Result<(), Failure> {
    if patient {
        match dial::read_first(dialled, QUIET).await {
            Quiet::Silence => {}
            Quiet::Data(bytes) => return Err(said(&bytes)),
            Quiet::Closed(failure) => return Err(failure),
        }
    }
    let shown = dialled.identity_shown;
    let hello = format!("CONNECT {}\r\nPING\r\n", connect_options(login));
    before(deadline, Stage::Session, async {
        let wrote = dialled.stream.write_all(hello.as_bytes()).await;
        let flushed = dialled.stream.flush().await;
        let mut answer = Vec::new();
        let mut buffer = [0_u8; 2048];
        loop {
            let read = dialled.stream.read(&mut buffer).await;
            match read {
                Ok(0) => return Err(Failure::new(Stage::Session, Cause::Eof)),
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(error) => {
                    let mut failure = peel(&error, Stage::Session, shown);
                    dial::refine(&mut failure, &crate::tls::recorded(&dialled.recorder), &[]);
                    return Err(failure);
                }
            }
            if answer.starts_with(b"-ERR") || memmem::find(&answer, b"\r\n-ERR").is_some() {
                return Err(said(&answer));
            }
            if memmem::find(&answer, b"PONG\r\n").is_some() {
                return Ok(());
            }
            if answer.len() > INFO_LIMIT {
                return Err(Failure::new(Stage::Session, Cause::Other).because(NatsFact::NoPong));
            }
            if let Err(error) = &wrote {
                return Err(peel(error, Stage::Session, shown));
            }
            if let Err(error) = &flushed {
                return Err(peel(error, Stage::Session, shown));
            }
        }
    })
    .await
}

/// The answer of a server that has reached `max_connections` (nats-server 2.9 to 2.12).
pub(crate) fn is_full(answer: &[u8]) -> bool {
    answer.starts_with(b"-ERR 'maximum connections exceeded'")
}

/// Whether a server that closed on our first bytes is full. It greets, says so in clear and closes, and what it said
/// is lost to who was writing: this look reads alone.
pub(crate) async fn turned_away(
    context: &Context,
    endpoint: &Endpoint,
    deadline: Instant,
) -> Option<Failure> {
    let (mut tap, _) = dial::connect(endpoint, deadline).await.ok()?;
    context.own(tap.local());
    let refused = match read_info(&mut tap, deadline).await {
        // It came with the greeting this time.
        Err(refused) => refused,
        Ok(_) => {
            let (line, _) =
                tokio::time::timeout(3 * QUIET, read_line(&mut tap, INFO_LIMIT)).await.ok()?.ok()?;
            said(&line)
        }
    };
    matches!(refused.cause, Cause::Full).then_some(refused)
}

/// What an `-ERR` of a server comes to.
pub(crate) fn said(bytes: &[u8]) -> Failure {
    let text = String::from_utf8_lossy(bytes);
    let error = text.lines().find(|line| line.starts_with("-ERR")).unwrap_or("").trim();
    // nats-server 2.9 to 2.12: 'Authorization Violation', 'Authentication Timeout', 'User Authentication Expired'.
    let login = error.contains("Authorization Violation") || error.contains("uthentication");
    let cause = match error {
        _ if login => Cause::Login,
        _ if is_full(error.as_bytes()) => Cause::Full,
        _ => Cause::Other,
    };
    Failure::new(Stage::Session, cause).because(NatsFact::Answered { error: error.to_string() })
}

fn connect_options(login: &NatsLogin) -> serde_json::Value {
    let mut options = serde_json::json!({
        "verbose": false, "pedantic": false, "tls_required": true, "lang": "rust",
        "name": "tls-verify", "version": env!("CARGO_PKG_VERSION"), "protocol": 1, "echo": true,
    });
    log_in(&mut options, login);
    options
}

/// Puts our login into the options of a CONNECT.
pub(crate) fn log_in(options: &mut serde_json::Value, login: &NatsLogin) {
    // The order in which Cordum's services pick: user and password first, then the token.
    match (&login.username, &login.password, &login.token) {
        (Some(user), Some(password), _) => {
            options["user"] = user.as_str().into();
            options["pass"] = password.expose().into();
        }
        (_, _, Some(token)) => options["auth_token"] = token.expose().into(),
        _ => {}
    }
}

/// The session with the worker's identity that checks 5 and 6 both build on; made once a run.
pub(crate) async fn control(context: &Context) -> Result<&Greeted, &Failure> {
    context.control.get(open_as_worker(context)).await.as_ref()
}

async fn open_as_worker(context: &Context) -> Result<Greeted, Failure> {
    let identity = match context.stack.identity.get() {
        Ok(identity) => Some(identity),
        Err(fault) => {
            // Without the files a NATS that asks for no certificate can still be reached.
            let info = greeting(context).await?;
            if info.tls_verify || info.tls_required {
                return Err(Failure::new(Stage::Configure, Cause::File(fault.clone()))
                    .because(fault)
                    .at(fault.file.display().to_string()));
            }
            None
        }
    };
    let endpoint = &context.resolved(Link::Nats).await;
    let manner = SessionOptions { identity, patient: false };
    let first = open(context, endpoint, manner, context.attempt()).await;
    let (_, broken) = match first {
        Ok(greeted) => return Ok(greeted),
        Err(broken) => broken,
    };
    // Writing at once may have cost us the alert: look again, reading first.
    if matches!(broken.failure.cause, Cause::Eof | Cause::Reset) && broken.failure.stage >= Stage::Session {
        let again =
            open(context, endpoint, SessionOptions { identity, patient: true }, context.attempt()).await;
        return again.map_err(|(_, broken)| broken.failure);
    }
    Err(broken.failure)
}

/// The greeting alone.
///
/// # Errors
/// Nothing there, or no NATS.
pub async fn greeting(context: &Context) -> Result<Info, Failure> {
    let deadline = context.attempt();
    let (mut tap, _) = dial::connect(&context.resolved(Link::Nats).await, deadline).await?;
    context.own(tap.local());
    read_info(&mut tap, deadline).await
}
