//! What kinds of trouble are about, and which of them are one under two names.

use crate::cause::CauseKind;

/// Kinds that are one fault under two names.
#[must_use]
pub const fn alike(kind: CauseKind) -> CauseKind {
    match kind {
        CauseKind::BadSignature => CauseKind::UnknownAuthority,
        // Go's text is one for both; the file's dates decide where they are known.
        CauseKind::NotYetValid => CauseKind::Expired,
        CauseKind::ClientCertRequired => CauseKind::BadCertificate,
        other => other,
    }
}

/// Trouble with a certificate or with what verifies it.
#[must_use]
pub const fn of_certificate(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::UnknownAuthority
            | CauseKind::BadSignature
            | CauseKind::Expired
            | CauseKind::NotYetValid
            | CauseKind::HostnameMismatch
            | CauseKind::BadCertificate
            | CauseKind::ClientCertRequired
            | CauseKind::WrongKeyUsage
            | CauseKind::InvalidCa
    )
}

/// Trouble with the connection itself.
#[must_use]
pub const fn connection_trouble(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::ConnectionRefused | CauseKind::ConnectionReset | CauseKind::Timeout | CauseKind::Dns
    )
}

pub(super) const fn is_scheme(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::WrongSchemePlainToTls | CauseKind::WrongSchemeTlsToPlain)
}
