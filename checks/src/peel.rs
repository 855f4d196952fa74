//! The only place that looks inside library errors. `io::Error::source` skips its own payload and
//! redis wraps in an `Arc`, so a plain walk along the sources finds no TLS error at all.

use std::error::Error;
use std::io;
use std::sync::Arc;

use rustls::{Error as TlsError, InvalidMessage, PeerIncompatible};
use tls_verify_core::evidence::TlsFact;
use tls_verify_core::x509::webpki::certificate_fault;
use tokio_tungstenite::tungstenite;

use crate::bound::TooMuch;
use crate::fault::{Cause, Failure, Stage, WireProtocol};

/// The innermost thing with a meaning.
enum Core<'a> {
    Tls(&'a TlsError),
    Io(&'a io::Error),
    /// A library's own typed word, with no error of the system or of TLS under it.
    Said(Cause),
}

/// Peels any library's error to a failure. `identity_shown` says whether we presented a client
/// certificate: it decides what an alert means.
#[must_use]
pub fn peel(error: &(dyn Error + 'static), stage: Stage, identity_shown: bool) -> Failure {
    let mut failure = match core(error, 0) {
        Some(Core::Tls(tls)) => {
            let cause = tls_cause(tls, identity_shown);
            let stage = if matches!(cause, Cause::Other) { stage } else { Stage::Handshake };
            Failure::new(stage, cause)
        }
        Some(Core::Io(io)) => Failure::new(stage, io_cause(io, stage)),
        Some(Core::Said(cause)) => {
            let stage = if matches!(cause, Cause::Resolve) { Stage::Resolve } else { stage };
            Failure::new(stage, cause)
        }
        None => Failure::new(stage, Cause::Other),
    };
    failure.trail = trail(error);
    if let Some(too_much) = too_much(error, 0) {
        failure = failure.because(TlsFact::TooMuch { limit: too_much.limit });
    }
    failure
}

/// Our own bound, wherever a library has put it.
fn too_much(error: &(dyn Error + 'static), depth: usize) -> Option<TooMuch> {
    if depth > 16 {
        return None;
    }
    if let Some(found) = error.downcast_ref::<TooMuch>() {
        return Some(*found);
    }
    if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        return too_much(shared.as_ref(), depth + 1);
    }
    let inner = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
    let below = inner.map(|inner| inner as &(dyn Error + 'static)).or_else(|| error.source());
    below.and_then(|below| too_much(below, depth + 1))
}

fn core<'a>(error: &'a (dyn Error + 'static), depth: usize) -> Option<Core<'a>> {
    if depth > 16 {
        return None;
    }
    if let Some(tls) = error.downcast_ref::<TlsError>() {
        return Some(Core::Tls(tls));
    }
    if let Some(shared) = error.downcast_ref::<Arc<dyn Error + Send + Sync>>() {
        return core(shared.as_ref(), depth + 1);
    }
    if let Some(io) = error.downcast_ref::<io::Error>() {
        if let Some(inner) = io.get_ref()
            && let Some(found) = core(inner, depth + 1)
        {
            return Some(found);
        }
        return Some(Core::Io(io));
    }
    if let Some(refusal) = refusal(error) {
        return Some(Core::Said(refusal));
    }
    // h2 keeps an io::Error and names no source.
    let below = match error.downcast_ref::<h2::Error>() {
        Some(h2) => h2.get_io().map(|io| io as &(dyn Error + 'static)),
        None => error.source(),
    };
    below.and_then(|source| core(source, depth + 1)).or_else(|| own_word(error).map(Core::Said))
}

/// A peer's refusal that a library has a type for: it counts whatever lies under it.
fn refusal(error: &(dyn Error + 'static)) -> Option<Cause> {
    use async_nats::ConnectErrorKind as Nats;
    if let Some(tungstenite::Error::Http(response)) = error.downcast_ref() {
        let body = response.body().as_deref().unwrap_or_default();
        return Some(crate::http::status_cause(response.status().as_u16(), body));
    }
    if let Some(nats) = error.downcast_ref::<async_nats::ConnectError>() {
        return match nats.kind() {
            Nats::AuthorizationViolation | Nats::Authentication => Some(Cause::Login),
            // `io::Error` has no kind for a name that does not resolve.
            Nats::Dns => Some(Cause::Resolve),
            _ => None,
        };
    }
    let redis = error.downcast_ref::<redis::RedisError>()?;
    let refused = matches!(redis.kind(), redis::ErrorKind::AuthenticationFailed)
        || matches!(redis.code(), Some("WRONGPASS" | "NOAUTH" | "NOPERM"));
    refused.then_some(Cause::Login)
}

/// What a library says where neither TLS nor the system spoke.
fn own_word(error: &(dyn Error + 'static)) -> Option<Cause> {
    use tungstenite::error::ProtocolError as Ws;
    if error.is::<tokio::time::error::Elapsed>() {
        return Some(Cause::TimedOut);
    }
    if let Some(hyper) = error.downcast_ref::<hyper::Error>() {
        return match () {
            () if hyper.is_timeout() => Some(Cause::TimedOut),
            () if hyper.is_incomplete_message() || hyper.is_closed() || hyper.is_canceled() => {
                Some(Cause::Eof)
            }
            () => None,
        };
    }
    if let Some(request) = error.downcast_ref::<reqwest::Error>() {
        return request.is_timeout().then_some(Cause::TimedOut);
    }
    if let Some(socket) = error.downcast_ref::<tungstenite::Error>() {
        return match socket {
            tungstenite::Error::ConnectionClosed
            | tungstenite::Error::AlreadyClosed
            | tungstenite::Error::Protocol(Ws::HandshakeIncomplete | Ws::ResetWithoutClosingHandshake) => {
                Some(Cause::Eof)
            }
            _ => None,
        };
    }
    if let Some(nats) = error.downcast_ref::<async_nats::ConnectError>() {
        return match nats.kind() {
            async_nats::ConnectErrorKind::TimedOut => Some(Cause::TimedOut),
            _ => None,
        };
    }
    let redis = error.downcast_ref::<redis::RedisError>()?;
    match () {
        () if redis.is_timeout() => Some(Cause::TimedOut),
        () if redis.is_connection_dropped() => Some(Cause::Eof),
        () => None,
    }
}

/// The error chain as text, payloads of `io::Error` included, without repetitions.
#[must_use]
pub fn trail(error: &(dyn Error + 'static)) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut next: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(current) = next {
        let text = current.to_string();
        if lines.last() != Some(&text) && lines.len() < 12 {
            lines.push(text);
        }
        next = match current.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => current.source(),
        };
    }
    lines
}

fn io_cause(error: &io::Error, stage: Stage) -> Cause {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => Cause::Refused { nothing_listens: false },
        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted | io::ErrorKind::BrokenPipe => {
            Cause::Reset
        }
        io::ErrorKind::UnexpectedEof => Cause::Eof,
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => Cause::TimedOut,
        io::ErrorKind::HostUnreachable
        | io::ErrorKind::NetworkUnreachable
        | io::ErrorKind::AddrNotAvailable => Cause::Unreachable,
        // getaddrinfo's failures have no kind of their own.
        _ if stage == Stage::Resolve => Cause::Resolve,
        _ => Cause::Other,
    }
}

/// rustls' error to our cause. Certificate errors here are the library's own; where our verifier
/// judged the chain its richer verdict is put in place of this one.
#[must_use]
pub fn tls_cause(error: &TlsError, identity_shown: bool) -> Cause {
    match error {
        TlsError::InvalidCertificate(certificate) => Cause::Chain(vec![certificate_fault(certificate)]),
        TlsError::AlertReceived(alert) => Cause::Alert { alert: *alert, identity_shown, asked: true },
        TlsError::InvalidMessage(
            InvalidMessage::InvalidContentType
            | InvalidMessage::UnknownProtocolVersion
            | InvalidMessage::MessageTooLarge
            | InvalidMessage::InvalidEmptyPayload,
        ) => Cause::NotTls(WireProtocol::Unknown),
        TlsError::PeerIncompatible(reason) => match reason {
            PeerIncompatible::Tls12NotOffered
            | PeerIncompatible::Tls12NotOfferedOrEnabled
            | PeerIncompatible::Tls13RequiredForQuic
            | PeerIncompatible::ServerDoesNotSupportTls12Or13
            | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::SupportedVersionsExtensionRequired => Cause::NoCommonVersion,
            PeerIncompatible::NoCipherSuitesInCommon
            | PeerIncompatible::NoKxGroupsInCommon
            | PeerIncompatible::NoSignatureSchemesInCommon
            | PeerIncompatible::NoCertificateRequestSignatureSchemesInCommon
            | PeerIncompatible::NoEcPointFormatsInCommon => Cause::NoCommonCipher,
            _ => Cause::OtherTls,
        },
        TlsError::General(_) | TlsError::Other(_) => Cause::OtherTls,
        _ => Cause::OtherTls,
    }
}

#[cfg(test)]
mod tests {
    use rustls::CertificateError;

    use super::*;
    use crate::cause::CauseKind;

    #[test]
    fn a_tls_error_inside_two_io_errors_is_found() {
        let tls = TlsError::AlertReceived(rustls::AlertDescription::CertificateRequired);
        let inner = io::Error::new(io::ErrorKind::InvalidData, tls);
        let outer = io::Error::other(inner);
        let failure = peel(&outer, Stage::Exchange, false);
        assert_eq!(failure.kind(), Some(CauseKind::ClientCertRequired));
        assert_eq!(failure.stage, Stage::Handshake);
    }

    #[test]
    fn a_tls_error_inside_an_arc_is_found() {
        let tls = TlsError::InvalidCertificate(CertificateError::UnknownIssuer);
        let io = io::Error::new(io::ErrorKind::InvalidData, tls);
        let shared: Arc<dyn Error + Send + Sync> = Arc::new(io);
        let failure = peel(&io::Error::other(shared), Stage::Exchange, false);
        assert_eq!(failure.kind(), Some(CauseKind::UnknownAuthority));
    }
}
