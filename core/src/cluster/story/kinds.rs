//! What kinds of trouble are about, and which of them are one under two names.

use crate::cause::CauseKind;
use crate::link::Link;

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

pub(super) const fn is_scheme(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::WrongSchemePlainToTls | CauseKind::WrongSchemeTlsToPlain)
}

/// A service without which the stack is not whole; a worker that is put to rest is deployed as little as one that is not
/// there.
pub(super) fn is_of_stack(service: &str) -> bool {
    matches!(service, "scheduler" | "workflow-engine")
        || Link::ALL.iter().any(|link| link.service() == service)
}
