//! What a check saw. A check cannot say that it passed: it returns steps, each with what it expects,
//! and the judge compares.

use serde_json::{Map, Value};

use super::fault::Failure;
use crate::cause::CauseKind;

/// What a step must show for the check's claim to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// It works; what was tried and did not work fails the check.
    Works,
    /// Positive control of a negative claim: if it does not hold, nothing is decided.
    Control,
    /// It is refused, and for one of these reasons; any other refusal decides nothing.
    Refused(&'static [CauseKind]),
}

/// What a step saw.
#[derive(Clone, Debug)]
pub enum Seen {
    /// What worked, in a few words for the summary.
    Worked(String),
    Failed(Box<Failure>),
    /// It could not be tried or seen.
    Untried(Box<Failure>),
}

/// One exercised claim.
#[derive(Clone, Debug)]
pub struct Step {
    pub name: String,
    pub expects: Expects,
    pub seen: Seen,
}

/// How good the best evidence for a check is; ordered from best.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum EvidenceLevel {
    /// We did it on the wire ourselves.
    Proved,
    /// Another live system said so.
    Observed,
    Logged,
    Configured,
    None,
}

impl EvidenceLevel {
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Proved => "proved",
            Self::Observed => "observed",
            Self::Logged => "logged",
            Self::Configured => "configured",
            Self::None => "none",
        }
    }
}

/// Everything a check saw.
#[derive(Clone, Debug)]
pub struct Observation {
    pub steps: Vec<Step>,
    /// Holds, but look at it.
    pub warnings: Vec<Failure>,
    pub evidence: EvidenceLevel,
    pub details: Map<String, Value>,
    /// A sentence for the report where the steps' words do not make one.
    pub summary: Option<String>,
}

impl Observation {
    #[must_use]
    pub fn new(evidence: EvidenceLevel) -> Self {
        Self { steps: Vec::new(), warnings: Vec::new(), evidence, details: Map::new(), summary: None }
    }

    pub fn worked(&mut self, name: impl Into<String>, expects: Expects, what: impl Into<String>) {
        self.steps.push(Step { name: name.into(), expects, seen: Seen::Worked(what.into()) });
    }

    pub fn failed(&mut self, name: impl Into<String>, expects: Expects, failure: Failure) {
        self.steps.push(Step { name: name.into(), expects, seen: Seen::Failed(Box::new(failure)) });
    }

    pub fn untried(&mut self, name: impl Into<String>, expects: Expects, failure: Failure) {
        self.steps.push(Step { name: name.into(), expects, seen: Seen::Untried(Box::new(failure)) });
    }

    pub fn detail(&mut self, key: &str, value: impl Into<Value>) {
        self.details.insert(key.to_owned(), value.into());
    }
}
