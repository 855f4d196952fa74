//! The URL that fits what speaks at a target.

use tls_verify_core::evidence::{ProbeFact, Spoken};

use super::{ProbeProtocol, Target};
use crate::fault::{Cause, Failure, Speaker};

/// Adds the URL that fits what speaks there.
pub(super) fn with_right_url(target: &Target, failure: Failure) -> Failure {
    let authority = target.endpoint.authority();
    let (speaks, scheme) = match failure.cause {
        Cause::NotTls(Speaker::Http) => match target.speech {
            ProbeProtocol::Wss => (Spoken::Http, "ws"),
            _ => (Spoken::Http, "http"),
        },
        Cause::NotTls(Speaker::Http2) => (Spoken::Http2, "grpc"),
        Cause::NotTls(Speaker::NatsInfoFirst) => (Spoken::NatsWithTls, "tls"),
        Cause::NotTls(Speaker::NatsPlain) => (Spoken::Nats, "nats"),
        Cause::NotTls(Speaker::Redis) => (Spoken::Redis, "redis"),
        _ => return failure,
    };
    failure.because(ProbeFact::UrlAsItIs { speaks, url: format!("{scheme}://{authority}") })
}
