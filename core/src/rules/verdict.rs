//! What the rules say of a deployment.

use crate::cause::{CauseKind, Severity, Variant};
use crate::certificates::ValidityPolicy;
use crate::remedy::Fix;
use crate::wiring::TlsMode;
use crate::workload::Place;

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub rule: &'static str,
    pub cause: Option<CauseKind>,
    pub variant: Option<Variant>,
    pub severity: Severity,
    /// Where the setting stands that has to be changed.
    pub place: Place,
    /// Whose it is; empty where it is nobody's.
    pub workload: String,
    pub message: String,
    pub because: Vec<String>,
    pub fix: Vec<Fix>,
}

impl Finding {
    /// With nothing but its sentence.
    #[must_use]
    pub fn new(rule: &'static str, severity: Severity, place: &Place, message: impl Into<String>) -> Self {
        Self {
            rule,
            cause: None,
            variant: None,
            severity,
            place: place.clone(),
            workload: String::new(),
            message: message.into(),
            because: Vec::new(),
            fix: Vec::new(),
        }
    }

    #[must_use]
    pub fn of(mut self, workload: impl Into<String>) -> Self {
        self.workload = workload.into();
        self
    }

    #[must_use]
    pub fn cause(mut self, cause: CauseKind, variant: Option<Variant>) -> Self {
        self.cause = Some(cause);
        self.variant = variant;
        self
    }

    #[must_use]
    pub fn because(mut self, fact: impl Into<String>) -> Self {
        self.because.push(fact.into());
        self
    }

    #[must_use]
    pub fn fix(mut self, fix: Fix) -> Self {
        self.fix.push(fix);
        self
    }
}

/// Something that could not be decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undecided {
    pub place: Option<Place>,
    pub what: String,
    /// How it could be decided.
    pub how: String,
    /// It hides scheme, trust or identity of a connection of which both ends are known.
    pub decides: bool,
    /// A part of the description itself was not read.
    pub unread: bool,
}

/// One line of the table of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfiguredLink {
    pub from: String,
    pub to: String,
    pub port: Option<u16>,
    pub client: TlsMode,
    /// Whether the server demands client certificates stands beside it.
    pub server: TlsMode,
    pub mutual: bool,
    /// The name that the client verifies.
    pub name: Option<String>,
}

/// What was found in one deployment.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    pub findings: Vec<Finding>,
    pub undecided: Vec<Undecided>,
    pub links: Vec<ConfiguredLink>,
}

/// How a deployment is looked at.
#[derive(Clone, Copy, Debug)]
pub struct AuditOptions {
    pub look: ValidityPolicy,
    /// The objects come from a running cluster or engine: what is missing there is missing.
    pub live: bool,
}

impl AuditOptions {
    /// For whom no time matters: everything is looked at as in 1970.
    #[must_use]
    pub const fn timeless() -> Self {
        let look =
            ValidityPolicy { at: time::OffsetDateTime::UNIX_EPOCH, expiry_warn: std::time::Duration::ZERO };
        Self { look, live: false }
    }
}
