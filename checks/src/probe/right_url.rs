//! The URL that fits what speaks at a target.

use tls_verify_core::evidence::{ProbeFact, Spoken};

use super::{ProbeProtocol, ProbeTarget};
use crate::fault::{Cause, Failure, WireProtocol};

/// Adds the URL that fits what speaks there.
pub(super) fn with_right_url(target: &ProbeTarget, failure: Failure) -> Failure {
    let authority = target.endpoint.authority();
    let (speaks, scheme) = match failure.cause {
        Cause::NotTls(WireProtocol::Http) => match target.protocol {
            ProbeProtocol::Wss => (Spoken::Http, "ws"),
            _ => (Spoken::Http, "http"),
        },
        Cause::NotTls(WireProtocol::Http2) => (Spoken::Http2, "grpc"),
        Cause::NotTls(WireProtocol::NatsInfoFirst) => (Spoken::NatsWithTls, "tls"),
        Cause::NotTls(WireProtocol::NatsPlain) => (Spoken::Nats, "nats"),
        Cause::NotTls(WireProtocol::Redis) => (Spoken::Redis, "redis"),
        _ => return failure,
    };
    failure.because(ProbeFact::UrlAsItIs { speaks, url: format!("{scheme}://{authority}") })
}
