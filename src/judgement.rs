//! The product's own recogniser and trust verdict in the form that the checks ask for.

use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use tls_verify_checks::fault::{ChainVerdict, Sense};

/// Judges a presented chain.
#[must_use]
pub fn chain(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    name: Option<&str>,
    at: SystemTime,
) -> ChainVerdict {
    tls_verify_checks::tls::webpki_judge(chain, anchors, name, at)
}

/// Reads a log line.
#[must_use]
pub fn line(text: &[u8]) -> Sense {
    crate::recognise::sense(text)
}

/// Masks secrets.
#[must_use]
pub fn redact(text: &str) -> String {
    crate::recognise::redact(text)
}
