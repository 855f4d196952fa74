//! Rights of the Role that `run --kubernetes` needs, and which of them are missing.

use tls_verify_core::workload::kubernetes::Kind;

/// A right in the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Right {
    /// `list` of a kind.
    List(Kind),
    /// `get` of the Secret of this name.
    Secret(String),
    /// `get` of `pods/log`.
    Log,
    /// `get` (after Kubernetes 1.34 `create`) of `pods/portforward`.
    Forward,
}

/// A right that is missing, and what the API server's refusal comes to: verb, resource, namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denial {
    pub right: Right,
    pub said: String,
}
