//! How facts of dials, logs and single addresses read.

use std::fmt;

use crate::evidence::fault::Stage;
use crate::evidence::{DialFact, LogFact, ProbeFact, Spoken};

impl fmt::Display for DialFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInTime { stage } => f.write_str(match stage {
                Stage::Configure | Stage::Resolve => "the name was not resolved in time",
                Stage::Connect => "the connection was not accepted in time",
                Stage::Handshake => "the port accepted the connection and left the TLS handshake unanswered",
                Stage::Session | Stage::Exchange => "no answer came in time",
            }),
            Self::Unresolved { host } => write!(f, "the name `{host}` does not resolve here"),
            Self::Connecting { address, of: 1 } => write!(f, "connecting to {address}"),
            Self::Connecting { address, of } => write!(f, "connecting to {address}, one of {of} addresses"),
            Self::ConnectingThrough { way } => write!(f, "connecting to {way}"),
            Self::NoSuchName { sent: Some(name) } => {
                write!(f, "the server has no certificate for the name {name} that was sent (SNI)")
            }
            Self::NoSuchName { sent: None } => f.write_str(
                "no name was sent, for an address is none: the server chooses its certificate by the name (SNI)",
            ),
            Self::Dialled { server } => write!(f, "dialled {server}"),
        }
    }
}

impl fmt::Display for LogFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty { who } => write!(f, "the log of {who} is empty"),
            Self::Unreadable { who, error } => write!(f, "the log of {who} cannot be read: {error}"),
            Self::Unread { who, bytes } => {
                write!(
                    f,
                    "{bytes} bytes of the log of {who} were not read: lines beyond all bounds, or no UTF-8"
                )
            }
            Self::BeginsLate { who, from } => write!(
                f,
                "the log of {who} begins at {from}, after its start: what it said before is not known"
            ),
            Self::SaysNothingOfNats => {
                f.write_str("its log since the last start does not say that it connected")
            }
            Self::NotInspected { who } => {
                write!(f, "{who} could not be inspected: whether it runs is not known")
            }
            Self::TooYoung { who } => write!(
                f,
                "Redis cannot be seen from here, and {} started too short a time ago to have missed it",
                who.join(", ")
            ),
            Self::NoSource => {
                f.write_str("no logs to read: Docker is not asked and no `--logs DIR` is given")
            }
        }
    }
}

impl fmt::Display for ProbeFact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CertificateOptional => f.write_str(
                "a connection without a client certificate is let in too: `verify: true` is not set in NATS' tls block",
            ),
            Self::HandshakeFirst => f.write_str(
                "the server sends no INFO in clear, and completes a TLS handshake that comes first",
            ),
            Self::SetToHandshakeFirst => f.write_str(
                "NATS is set to `handshake_first`: probe it with --tls-first; Cordum's clients need it off",
            ),
            Self::WaitsForItsClient { authority } => write!(
                f,
                "inside TLS it waits for its client, as Redis or HTTPS do and NATS does not: is the URL \
                 rediss://{authority} or https://{authority}?"
            ),
            Self::ValidByItsDate { skew } => {
                let by = super::skewed(*skew);
                write!(f, "by the server's own clock (HTTP Date) it is valid: that clock is {by} ours")
            }
            Self::UrlAsItIs { speaks, url } => {
                write!(f, "{speaks}: the URL of this port as it is now is {url}")
            }
            Self::RightUrl { url } => write!(f, "the port speaks TLS: the right URL is {url}"),
            Self::AnswersInClear { text } => write!(f, "it answers plaintext with \"{text}\""),
            Self::Unprotected => {
                f.write_str("the port answers in clear: whoever is on the way reads and changes everything")
            }
            Self::Mute => f.write_str("the port gives no answer, neither to plaintext nor to TLS"),
            Self::NatsUrl { authority } => write!(f, "NATS speaks there: the URL is nats://{authority}"),
            Self::SomethingElse { text } => write!(f, "something else speaks there: \"{text}\""),
            Self::AcceptsBroken { versions } => write!(
                f,
                "the server accepts {}, which are broken: require TLS 1.2 at least (RFC 8996)",
                versions.join(" and ")
            ),
        }
    }
}

impl fmt::Display for Spoken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NatsWithTls => "NATS speaks there, with TLS after its INFO",
            Self::Nats => "NATS speaks there, without TLS",
            Self::Redis => "Redis speaks there, without TLS",
            Self::Http2 => "HTTP/2 without TLS is spoken there",
            Self::Http => "HTTP without TLS is spoken there",
        })
    }
}
