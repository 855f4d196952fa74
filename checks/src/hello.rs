//! ClientHellos by hand, for what our TLS library does not speak: TLS 1.0 and 1.1 (RFC 2246, RFC 4346),
//! and the cipher suites of Go's TLS 1.2 that it lacks. Only the answer's first record is read; nothing
//! secret is ever sent.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use tls_verify_core::evidence::TlsFact;

use crate::context::Context;
use crate::dial;
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::stack::{Endpoint, Link};
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};

/// A protocol version on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Version {
    Tls10,
    Tls11,
    Tls12,
}

impl Version {
    /// As in reports.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Tls10 => "TLSv1.0",
            Self::Tls11 => "TLSv1.1",
            Self::Tls12 => "TLSv1.2",
        }
    }

    const fn wire(self) -> [u8; 2] {
        match self {
            Self::Tls10 => [3, 1],
            Self::Tls11 => [3, 2],
            Self::Tls12 => [3, 3],
        }
    }
}

/// What a server answers to a hello.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HelloAnswer {
    /// A ServerHello: this version and cipher suite.
    Accepted { version: [u8; 2], suite: u16 },
    /// A fatal alert (RFC 8446, 6.2).
    Alert(u8),
    /// Closed or reset without an alert.
    Closed,
    /// Nothing in time.
    Silence,
    /// No TLS record.
    NotTls,
}

/// Suites of TLS 1.0 and 1.1 that servers of any age know.
pub const OLD_SUITES: &[u16] =
    &[0xc00a, 0xc014, 0xc009, 0xc013, 0x0039, 0x0033, 0x0035, 0x002f, 0xc008, 0xc012, 0x0016, 0x000a];

/// Suites that Go 1.26 offers in TLS 1.2 (`crypto/tls`, `cipher_suites.go`).
pub const GO_SUITES: &[u16] =
    &[0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014];

/// Suites that Go has and our TLS library has not: CBC with ECDHE.
#[must_use]
pub fn is_beyond_us(suite: u16) -> bool {
    matches!(suite, 0xc009 | 0xc00a | 0xc013 | 0xc014)
}

/// Everything for TLS 1.2, so that a refusal is about the version.
pub const TLS12_SUITES: &[u16] = &[
    0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014, 0xc023, 0xc027, 0xc024,
    0xc028, 0x009c, 0x009d, 0x003c, 0x003d, 0x002f, 0x0035, 0x0033, 0x0039, 0x009e, 0x009f, 0xc012, 0x000a,
];

/// A hello of one version.
#[must_use]
pub fn client_hello(version: Version, name: &str, suites: &[u16]) -> Vec<u8> {
    let mut random = [0_u8; 32];
    // Predictable bytes would harm nobody: the handshake is never finished.
    let _ = aws_lc_rs::rand::fill(&mut random);
    let mut extensions = Vec::new();
    // server_name (RFC 6066, 3) holds DNS names only.
    if name.parse::<std::net::IpAddr>().is_err() && !name.is_empty() {
        let mut entry = vec![0];
        entry.extend(prefixed(name.as_bytes()));
        extension(&mut extensions, 0, &prefixed(&entry));
    }
    extension(&mut extensions, 10, &prefixed(&[0, 29, 0, 23, 0, 24, 0, 25]));
    extension(&mut extensions, 11, &[1, 0]);
    if version == Version::Tls12 {
        let schemes = [4, 3, 5, 3, 6, 3, 8, 7, 8, 4, 8, 5, 8, 6, 4, 1, 5, 1, 6, 1, 2, 3, 2, 1];
        extension(&mut extensions, 13, &prefixed(&schemes));
    }
    // renegotiation_info, empty (RFC 5746).
    extension(&mut extensions, 0xff01, &[0]);
    let mut body = Vec::new();
    body.extend(version.wire());
    body.extend(random);
    body.push(0);
    let suites: Vec<u8> = suites.iter().flat_map(|suite| suite.to_be_bytes()).collect();
    body.extend(prefixed(&suites));
    body.extend([1, 0]);
    body.extend(prefixed(&extensions));
    let length = u32::try_from(body.len()).unwrap_or(0).to_be_bytes();
    let mut handshake = vec![1, length[1], length[2], length[3]];
    handshake.extend(body);
    // The record layer says 1.0 (RFC 5246, appendix E.1).
    let mut record = vec![22, 3, 1];
    record.extend(prefixed(&handshake));
    record
}

fn prefixed(bytes: &[u8]) -> Vec<u8> {
    let mut out = u16::try_from(bytes.len()).unwrap_or(0).to_be_bytes().to_vec();
    out.extend_from_slice(bytes);
    out
}

fn extension(into: &mut Vec<u8>, id: u16, content: &[u8]) {
    into.extend(id.to_be_bytes());
    into.extend(prefixed(content));
}

/// Sends a hello and reads the first record of the answer.
pub async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    hello: &[u8],
    deadline: Instant,
) -> HelloAnswer {
    let exchange = async {
        if stream.write_all(hello).await.is_err() || stream.flush().await.is_err() {
            // The answer may have been sent before the connection was closed.
        }
        let mut seen = Vec::with_capacity(512);
        let mut buffer = [0_u8; 512];
        loop {
            match stream.read(&mut buffer).await {
                Ok(0) | Err(_) => return read(&seen).unwrap_or(HelloAnswer::Closed),
                Ok(count) => seen.extend_from_slice(&buffer[..count]),
            }
            if let Some(answer) = read(&seen) {
                return answer;
            }
            if seen.len() > 32 * 1024 {
                return HelloAnswer::NotTls;
            }
        }
    };
    tokio::time::timeout_at(deadline.into(), exchange).await.unwrap_or(HelloAnswer::Silence)
}

/// The first record; `None`: more is needed.
fn read(seen: &[u8]) -> Option<HelloAnswer> {
    match seen.first()? {
        21 => Some(HelloAnswer::Alert(*seen.get(6)?)),
        22 => {
            let kind = *seen.get(5)?;
            if kind != 2 {
                return Some(HelloAnswer::NotTls);
            }
            let version = [*seen.get(9)?, *seen.get(10)?];
            let session = usize::from(*seen.get(43)?);
            let suite = [*seen.get(44 + session)?, *seen.get(45 + session)?];
            Some(HelloAnswer::Accepted { version, suite: u16::from_be_bytes(suite) })
        }
        _ => Some(HelloAnswer::NotTls),
    }
}

/// A second look with another hello, where the first one got none of the answers that a server gives.
pub async fn beyond(context: &Context, endpoint: &Endpoint, failure: Failure) -> Failure {
    let unanswered = matches!(failure.cause, Cause::Eof | Cause::Reset | Cause::TimedOut);
    // Its words may have come in part, or be lost.
    let spoken = matches!(failure.cause, Cause::NotTls(WireProtocol::NatsPlain | WireProtocol::Redis));
    let closed = matches!(failure.cause, Cause::Eof | Cause::Reset);
    if (closed || spoken) && failure.stage == Stage::Handshake && endpoint.link == Link::Nats {
        let deadline = context.attempt().min(Instant::now() + SECOND_LOOK);
        if let Some(full) = crate::nats::turned_away(context, endpoint, deadline).await {
            return full;
        }
    }
    if unanswered && failure.stage == Stage::Handshake {
        too_large(context, endpoint, failure).await
    } else {
        beyond_us(context, endpoint, failure).await
    }
}

/// A hello that does not fit one segment is reset or swallowed on the way, a small one is answered, and the
/// large one is not, once more: nothing but its size is in the way.
async fn too_large(context: &Context, endpoint: &Endpoint, failure: Failure) -> Failure {
    if failure.unmet_request || !is_answered(context, endpoint, Hello::Small).await {
        return failure;
    }
    if is_answered(context, endpoint, Hello::AsGo).await {
        return failure;
    }
    let met = failure.cause.clone();
    let as_go = match met {
        Cause::TimedOut => "i/o timeout (or: TLS handshake timeout)",
        Cause::Reset => "read: connection reset by peer",
        _ => "EOF",
    };
    let mut failure = Failure { cause: Cause::LargeHello, ..failure };
    failure.facts.clear();
    failure.because(TlsFact::LargeHelloUnanswered).because(TlsFact::GoPrints { words: as_go })
}

/// How long a peer that has left one hello unanswered is given for another.
const SECOND_LOOK: Duration = Duration::from_secs(2);

/// Whether the peer answers a hello of that size, in whatever way.
async fn is_answered(context: &Context, endpoint: &Endpoint, hello: Hello) -> bool {
    let deadline = context.attempt().min(Instant::now() + SECOND_LOOK);
    let Ok((mut tap, address)) = dial::connect(endpoint, deadline).await else { return false };
    context.own(tap.local());
    if endpoint.link == Link::Nats && crate::nats::read_info(&mut tap, deadline).await.is_err() {
        return false;
    }
    let offer = Offer {
        trust: TrustMode::Observe(Arc::default()),
        name: endpoint.name(),
        identity: None,
        alpn: &[],
        versions: ANY_VERSION,
        hello,
    };
    match dial::handshake(tap, address, &offer, deadline).await {
        Ok(_) => true,
        Err(broken) => {
            matches!(broken.failure.cause, Cause::Alert { .. }) || !broken.recording.chain.is_empty()
        }
    }
}

/// "No shared cipher" is claimed only when Go's own TLS 1.2 suites are refused too: what our library
/// cannot speak and Go can is said as exactly that.
async fn beyond_us(context: &Context, endpoint: &Endpoint, failure: Failure) -> Failure {
    let handshake = matches!(
        failure.cause,
        Cause::NoCommonCipher
            | Cause::Alert { alert: rustls::AlertDescription::HandshakeFailure, .. }
            | Cause::Alert { alert: rustls::AlertDescription::InsufficientSecurity, .. }
    );
    if !handshake {
        return failure;
    }
    let deadline = context.attempt();
    let Ok((mut tap, _)) = dial::connect(endpoint, deadline).await else { return failure };
    context.own(tap.local());
    if endpoint.link == Link::Nats && crate::nats::read_info(&mut tap, deadline).await.is_err() {
        return failure;
    }
    let hello = client_hello(Version::Tls12, endpoint.name(), GO_SUITES);
    match ask(&mut tap, &hello, deadline).await {
        HelloAnswer::Accepted { suite, .. } if is_beyond_us(suite) => {
            Failure::new(Stage::Handshake, Cause::BeyondUs).because(TlsFact::BeyondUs { suite })
        }
        _ => failure,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_announces_its_own_length() {
        for version in [Version::Tls10, Version::Tls11, Version::Tls12] {
            let hello = client_hello(version, "nats", OLD_SUITES);
            let record = usize::from(u16::from_be_bytes([hello[3], hello[4]]));
            assert_eq!(record + 5, hello.len());
            let body = (usize::from(hello[7]) << 8) | usize::from(hello[8]);
            assert_eq!(body + 9, hello.len());
            assert_eq!(hello[9..11], version.wire());
        }
    }

    #[test]
    fn an_answer_is_read_only_when_it_is_there() {
        assert_eq!(read(&[21, 3, 1, 0, 2, 2]), None);
        assert_eq!(read(&[21, 3, 1, 0, 2, 2, 70]), Some(HelloAnswer::Alert(70)));
        assert_eq!(read(b"HTTP/1.1 400"), Some(HelloAnswer::NotTls));
        let mut hello = vec![22, 3, 1, 0, 80, 2, 0, 0, 76, 3, 1];
        hello.extend([0; 32]);
        hello.extend([0, 0xc0, 0x14]);
        assert_eq!(read(&hello), Some(HelloAnswer::Accepted { version: [3, 1], suite: 0xc014 }));
    }
}
