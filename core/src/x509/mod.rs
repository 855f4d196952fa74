//! The verdict of Go's crypto/x509 on a chain: what Cordum's services accept. Pure, bounded.
//!
//! Where this differs from RFC 5280 it follows Go 1.26 (`crypto/x509/verify.go`): a trust anchor is held
//! to its dates and constraints, the key usage of an end-entity certificate is not looked at, a
//! certificate that is itself a trust anchor is a chain of one, and there is no common-name fallback.

mod build;
mod constraints;
mod der;
mod explain;
mod extensions;
mod keys;
mod legacy_signatures;
mod mailbox;
mod names;
mod parsed;
mod policies;
mod pool;
mod signature;
mod uri;
pub mod verdict;
pub mod webpki;

use crate::cause::{CauseKind, Variant};
pub use build::verify;
pub use explain::{CandidatePool, explain};
pub use names::{as_text, matches_name};
pub use parsed::Parsed;
pub use pool::relevant;

/// What a chain is wanted for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// `serverAuth`.
    Server,
    /// `clientAuth`.
    Client,
    Any,
}

/// How a chain is looked at.
#[derive(Clone, Copy, Debug)]
pub struct VerifyOptions<'a> {
    /// Seconds since 1970, UTC.
    pub at: i64,
    /// The reference identity: a DNS name or an IP address.
    pub name: Option<&'a str>,
    pub purpose: Purpose,
}

/// Why a chain is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainRefusal {
    pub cause: CauseKind,
    pub variant: Option<Variant>,
    /// In Go's words where Go has some.
    pub reason: String,
    /// Subject of the certificate at fault.
    pub subject: String,
}

impl ChainRefusal {
    #[must_use]
    pub fn new(cause: CauseKind, variant: Option<Variant>, reason: &str, subject: &str) -> Self {
        Self { cause, variant, reason: reason.to_owned(), subject: subject.to_owned() }
    }
}
