//! A finding: which file, which cause, how grave, what was seen, what to do.

use crate::cause::{CauseKind, Severity, Variant};
use serde::Serialize;

use crate::report::Fix;

/// One thing about a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CertificateFinding {
    pub file: String,
    pub cause: Option<CauseKind>,
    pub variant: Option<Variant>,
    pub severity: Severity,
    pub message: String,
    pub fix: Vec<Fix>,
}

impl CertificateFinding {
    #[must_use]
    pub fn new(file: &str, severity: Severity, message: impl Into<String>) -> Self {
        Self {
            file: file.to_owned(),
            cause: None,
            variant: None,
            severity,
            message: message.into(),
            fix: Vec::new(),
        }
    }

    #[must_use]
    pub fn of(mut self, cause: CauseKind, variant: Option<Variant>) -> Self {
        self.cause = Some(cause);
        self.variant = variant;
        self
    }

    #[must_use]
    pub fn fix(mut self, text: impl Into<String>, command: impl Into<String>) -> Self {
        let command = command.into();
        self.fix.push(Fix::new(text, (!command.is_empty()).then_some(command)));
        self
    }
}
