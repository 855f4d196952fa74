//! What the Secrets of a cluster hold, and who reads it.

/// What a Secret, or what names it, shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretFact {
    /// A chain that its peer refuses; `reason` in the verdict's words.
    Refused { shown: SecretEntry, reason: String, of_client: bool, whose: String, trusted: SecretEntry },
    /// A name that a server is not known by; `reason` in the verdict's words.
    Misnamed { setting: String, workload: String, name: String, reason: String },
    /// A setting is at fault that names a file which cannot be used.
    NamesUnusable { setting: String, reader: String, path: String, lack: SecretLack, file: SecretEntry },
    /// The Secret is at fault.
    Unusable { file: SecretEntry, lack: SecretLack, setting: String, reader: String, path: String },
    /// Where a container has a file from.
    FileIs { path: String, file: SecretEntry },
    /// The same, of a file that is right by now.
    FitsNow { path: String, file: SecretEntry },
    /// A variable is written elsewhere; `origin`: `secret/x`, `configmap/x`.
    ComesFrom { variable: String, workload: String, key: String, origin: String },
    /// The gateway does not take the API key that the Secret holds now.
    KeyRefused { gateway: String, key: String, origin: String },
}

/// A key of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SecretEntry {
    pub secret: String,
    pub key: String,
}

/// What a Secret lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SecretLack {
    Key,
    Certificate,
}
