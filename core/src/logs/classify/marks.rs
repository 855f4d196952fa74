//! Lines of a project's logs that say how its services are: a start, an end, a link that works, and what looks
//! like trouble and is none. A mark counts only where the service itself says it: at the front of the
//! message of a record in the shape in which its services write, or as the error itself.

use crate::cause::CauseKind;
use crate::link::Link;

use super::record::{Record, RecordStyle};
use super::sense::Recognised;

/// A message that begins so, of a record that has the field (with a value that begins so).
struct CauseMark {
    message: &'static str,
    field: Option<(&'static str, &'static str)>,
    link: Option<Link>,
}

const fn mark(message: &'static str, link: Option<Link>) -> CauseMark {
    CauseMark { message, field: None, link }
}

/// Words with which a service starts, and the link that they prove at once. A start may have several
/// such lines, one after the other.
const STARTS: &[CauseMark] = &[
    mark("cordum api gateway starting", None),
    mark("cordum scheduler starting", None),
    mark("cordum safety kernel starting", None),
    mark("cordum workflow engine starting", None),
    mark("cordum context engine starting", None),
    CauseMark { message: "build info", field: Some(("service", "cordum-")), link: None },
    mark("using localhost default", None),
    // The workers say nothing before they have reached Redis.
    mark("[mock-bank] Redis connection verified", Some(Link::Redis)),
    mark("[demo-quickstart] redis ok", Some(Link::Redis)),
    mark("hello-worker starting", None),
    mark("oO0OoO0OoO0Oo Redis is starting", None),
];

/// The first words of nats-server, behind its process, time and level (2.9 to 2.12).
const NATS_STARTS: &str = "[INF] Starting nats-server";

/// Words that prove that a link works.
const WORKS: &[CauseMark] = &[
    mark("bus: reconnected to nats", Some(Link::Nats)),
    mark("bus: jetstream enabled", Some(Link::Nats)),
    mark("[mock-bank] starting ", Some(Link::Nats)),
    mark("[demo-quickstart] nats connected", Some(Link::Nats)),
    mark("http listening", Some(Link::Redis)),
    mark("context engine listening", Some(Link::Redis)),
    CauseMark { message: "started", field: Some(("http", "")), link: Some(Link::Redis) },
    mark("registry hydrated from snapshot", Some(Link::Redis)),
    mark("scheduler running, waiting for signals", Some(Link::Redis)),
    mark("safety-kernel: shadow evaluation enabled", Some(Link::Redis)),
    mark("hello worker ready", Some(Link::Redis)),
    // Redis' own word.
    mark("Ready to accept connections", Some(Link::Redis)),
    // It comes up without Redis too.
    mark("safety-kernel: listening", Some(Link::SafetyKernel)),
    // The configuration that it read lies in Redis.
    mark("routing updated", Some(Link::Redis)),
];

/// Words with which a service says that it stops.
const ENDS: &[CauseMark] = &[
    mark("shutting down gracefully", None),
    mark("scheduler shutting down gracefully", None),
    mark("safety-kernel: shutting down gracefully", None),
    mark("context-engine shutting down gracefully", None),
    mark("[mock-bank] shutting down", None),
    mark("[demo-quickstart] shutdown requested", None),
];

/// Messages that look like trouble and report none (clients that go away, clean stops), or report again
/// what another line of the same event names.
const HARMLESS: &[&str] = &[
    "http: TLS handshake error from",
    "scheduler: NATS reconnected, re-subscribing",
    "safety-kernel: NATS reconnected, re-subscribing",
    "scheduler: NATS disconnected, relying on poll",
    "safety-kernel: NATS disconnected, falling back to poll",
    "redis pool configured",
    "WARNING Memory overcommit must be enabled",
    "ws disconnected",
];

/// Errors that are none, alone or at the end of what wraps them.
const NO_ERRORS: &[&str] = &["<nil>", "null", "redis: nil", "context canceled"];
/// Errors with which a stream or a server ends as it should.
const ENDINGS: &[&str] = &["websocket: close 1"];

/// All words at the front of messages, for the first look.
pub(super) fn texts() -> impl Iterator<Item = &'static str> {
    STARTS.iter().chain(WORKS).map(|mark| mark.message).chain(std::iter::once(NATS_STARTS))
}

/// All words that excuse, and may hold numbers that mean something.
pub(super) fn excuses() -> impl Iterator<Item = &'static str> {
    HARMLESS.iter().chain(NO_ERRORS).chain(ENDINGS).copied()
}

fn begins(text: &[u8], words: &str) -> bool {
    text.get(..words.len()).is_some_and(|head| head.eq_ignore_ascii_case(words.as_bytes()))
}

fn find(record: &Record<'_>, marks: &'static [CauseMark]) -> Option<&'static CauseMark> {
    // In the shape in which services and workers of the stack write.
    matches!(
        record.style,
        RecordStyle::Component | RecordStyle::Json | RecordStyle::GoLog | RecordStyle::Redis
    )
    .then_some(())?;
    marks.iter().find(|mark| {
        begins(&record.message, mark.message)
            && mark.field.is_none_or(|(name, value)| {
                record.message.len() == mark.message.len()
                    && record.field(name).is_some_and(|found| begins(found, value))
            })
    })
}

/// A start, and the link that it proves.
pub(super) fn start(record: &Record<'_>) -> Option<Option<Link>> {
    find(record, STARTS).map(|mark| mark.link).or_else(|| nats_starts(record).then_some(None))
}

/// `[1] 2026/01/31 12:05:00.500000 [INF] Starting nats-server`; a time zone may follow the time.
fn nats_starts(record: &Record<'_>) -> bool {
    let front = record.message.strip_suffix(NATS_STARTS.as_bytes());
    record.style == RecordStyle::Plain
        && front.is_some_and(|front| {
            front.first() == Some(&b'[')
                && front.len() < 64
                && front.iter().all(|byte| byte.is_ascii_digit() || b"[]/:. +-UTC".contains(byte))
        })
}

/// A link that works.
pub(super) fn works(record: &Record<'_>) -> Option<Option<Link>> {
    if record.errors().any(|error| !is_none(error)) {
        return None;
    }
    find(record, WORKS).map(|mark| mark.link)
}

/// An end as it should be.
pub(super) fn ends(record: &Record<'_>) -> bool {
    find(record, ENDS).is_some()
}

fn is_none(error: &[u8]) -> bool {
    error.is_empty()
        || NO_ERRORS.iter().any(|none| {
            error
                .strip_suffix(none.as_bytes())
                .is_some_and(|before| before.is_empty() || before.ends_with(b": "))
        })
}

/// What was found in a record is no trouble: its message or its error says so. A verdict on a certificate or
/// a file stands, whatever else the line says.
pub(super) fn excused(record: &Record<'_>, found: &Recognised) -> bool {
    if is_verdict(record, found) {
        return false;
    }
    let shutdown = record.message.ends_with(b"shutdown error");
    shutdown
        || HARMLESS.iter().any(|words| begins(&record.message, words))
        || record.errors().any(|error| {
            is_none(error)
                || ENDINGS.iter().any(|ending| memchr::memmem::find(error, ending.as_bytes()).is_some())
        })
}

/// A certificate or a file was judged here; what a peer's alert says of ours is its word.
fn is_verdict(record: &Record<'_>, found: &Recognised) -> bool {
    let words = record.own_words();
    let says = |text: &[u8]| memchr::memmem::find(&words, text).is_some();
    match found.kind {
        CauseKind::UnknownAuthority
        | CauseKind::Expired
        | CauseKind::NotYetValid
        | CauseKind::HostnameMismatch
        | CauseKind::WrongKeyUsage
        | CauseKind::InvalidCa
        | CauseKind::BadSignature
        | CauseKind::KeyMismatch
        | CauseKind::BadKeyFile => says(b"x509: ") || !says(b"remote error: "),
        CauseKind::BadCertificate
        | CauseKind::ClientCertRequired
        | CauseKind::WrongSchemePlainToTls
        | CauseKind::WrongSchemeTlsToPlain
        | CauseKind::ProtocolVersion
        | CauseKind::NoSharedCipher
        | CauseKind::ConnectionRefused
        | CauseKind::ConnectionReset
        | CauseKind::Timeout
        | CauseKind::Dns
        | CauseKind::BadGateway
        | CauseKind::AuthNotTls
        | CauseKind::MtlsNotEnforced
        | CauseKind::VerificationNotEnforced
        | CauseKind::OtherTls => false,
    }
}
