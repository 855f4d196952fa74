//! What a check saw. A check cannot say that it passed: it declares what it expects, looks, and hands in
//! the outcome; the judge compares.
//!
//! The order is in the types. A claim is declared with its expectation, and is a ticket that takes one
//! outcome. No method takes both, so an expectation cannot be chosen by what was seen:
//!
//! ```compile_fail
//! use tls_verify_core::evidence::observation::{EvidenceLevel, Expects, Observation};
//! let mut seen = Observation::new(EvidenceLevel::Proved);
//! seen.worked("greeting", Expects::Works, "PONG");
//! ```
//!
//! Nor can the expectation be changed once the look is under way:
//!
//! ```compile_fail
//! use tls_verify_core::evidence::observation::{EvidenceLevel, Expects, Observation};
//! let mut seen = Observation::new(EvidenceLevel::Proved);
//! let claim = seen.expect("greeting", Expects::Control);
//! seen.steps_mut()[0].expects = Expects::Works;
//! ```
//!
//! A claim takes one outcome, and an outcome that was handed in stays as it was seen:
//!
//! ```compile_fail
//! use tls_verify_core::evidence::observation::{EvidenceLevel, Expects, Observation};
//! let mut seen = Observation::new(EvidenceLevel::Proved);
//! let claim = seen.expect("greeting", Expects::Works);
//! seen.worked(claim, "PONG");
//! seen.worked(claim, "PONG again");
//! ```
//!
//! ```compile_fail
//! use tls_verify_core::evidence::fault::{Cause, Failure, Stage};
//! use tls_verify_core::evidence::observation::{EvidenceLevel, Expects, Observation, Outcome};
//! let mut seen = Observation::new(EvidenceLevel::Proved);
//! let claim = seen.expect("greeting", Expects::Works);
//! seen.failed(claim, Failure::new(Stage::Session, Cause::TimedOut));
//! if let Some(Outcome::Failed(failure)) = seen.steps()[0].outcome() {
//!     failure.cause = Cause::Login;
//! }
//! ```
//!
//! What is left:
//!
//! ```
//! use tls_verify_core::evidence::observation::{EvidenceLevel, Expects, Observation};
//! let mut seen = Observation::new(EvidenceLevel::Proved);
//! let claim = seen.expect("greeting", Expects::Works);
//! seen.worked(claim, "PONG");
//! assert!(seen.steps()[0].outcome().is_some());
//! ```

use serde_json::{Map, Value};

use super::TlsFact;
use super::fault::{Cause, Failure, Stage};
use super::question::{Evidence, Subject};
use crate::cause::CauseKind;

/// What a claim must show for its check to hold; declared before the look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expects {
    /// It works; what was tried and did not work fails the check.
    Works,
    /// Positive control of a negative claim: if it does not hold, nothing is decided.
    Control,
    /// It is refused, and for the right reason; any other refusal decides nothing.
    Refused(&'static ExpectedRefusal),
}

/// What a refusal has to be, and what it means when there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExpectedRefusal {
    /// The right reasons.
    pub by: &'static [CauseKind],
    /// What is wrong when nothing is refused, and whose fault that is.
    pub admitted: CauseKind,
    pub component: &'static str,
}

/// A declared claim that waits for its outcome.
#[must_use = "a claim that is never looked at leaves its check undecided"]
#[derive(Debug)]
pub struct Claim {
    index: usize,
}

/// What a look at a claim saw.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// What worked, in a few words for the summary.
    Worked(String),
    Failed(Box<Failure>),
    /// It could not be tried or seen.
    Untried(Box<Failure>),
}

/// One exercised claim: what was expected of it and what was seen, neither of which changes any more; what was
/// found out beside it, which only grows; and what that comes to.
#[derive(Clone, Debug)]
pub struct Step {
    name: String,
    expects: Expects,
    subject: Subject,
    outcome: Option<Outcome>,
    evidence: Vec<Evidence>,
    conclusion: Option<Failure>,
}

impl Step {
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    #[must_use]
    pub const fn expects(&self) -> Expects {
        self.expects
    }

    /// What was seen; nothing where nobody came to look.
    #[must_use]
    pub const fn outcome(&self) -> Option<&Outcome> {
        self.outcome.as_ref()
    }

    /// What it is about.
    #[must_use]
    pub const fn subject(&self) -> &Subject {
        &self.subject
    }

    /// What was found out beside the outcome, in the order in which it was asked.
    #[must_use]
    pub fn evidence(&self) -> &[Evidence] {
        &self.evidence
    }

    /// What did not work though it should have. A refusal that was wanted is no symptom: it must never become
    /// the right one by what a log says.
    #[must_use]
    pub fn symptom(&self) -> Option<&Failure> {
        match (self.expects, self.outcome.as_ref()?) {
            (Expects::Works | Expects::Control, Outcome::Failed(failure) | Outcome::Untried(failure)) => {
                Some(failure)
            }
            (Expects::Refused(_), _) | (_, Outcome::Worked(_)) => None,
        }
    }

    /// What is wrong: what the evidence comes to, else what failed, or that somebody was let in who should have been refused.
    #[must_use]
    pub fn fault(&self) -> Option<Failure> {
        if let Some(conclusion) = &self.conclusion {
            return Some(conclusion.clone());
        }
        match (self.outcome.as_ref()?, self.expects) {
            (Outcome::Failed(failure) | Outcome::Untried(failure), _) => Some((**failure).clone()),
            (Outcome::Worked(what), Expects::Refused(refusal)) => Some(self.admitted(refusal, what)),
            (Outcome::Worked(_), Expects::Works | Expects::Control) => None,
        }
    }

    fn admitted(&self, refusal: &ExpectedRefusal, what: &str) -> Failure {
        let names_itself = refusal.admitted == CauseKind::VerificationNotEnforced;
        let who = (!names_itself).then(|| self.name.clone());
        Failure::new(Stage::Session, Cause::Accepted { kind: refusal.admitted })
            .because(TlsFact::LetIn { who, what: what.to_owned() })
            .at(refusal.component)
    }
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
    steps: Vec<Step>,
    /// Holds, but look at it.
    pub warnings: Vec<Failure>,
    pub evidence: EvidenceLevel,
    pub details: Map<String, Value>,
    /// A sentence for the report where the steps' words do not make one.
    pub summary: Option<String>,
    /// Whose every fault is where the look names nobody; nothing: the service of the check's link.
    pub component: Option<String>,
    /// Why there is nothing that the check could be about.
    pub not_applicable: Option<String>,
}

impl Observation {
    #[must_use]
    pub fn new(evidence: EvidenceLevel) -> Self {
        Self {
            steps: Vec::new(),
            warnings: Vec::new(),
            evidence,
            details: Map::new(),
            summary: None,
            component: None,
            not_applicable: None,
        }
    }

    /// Declares a claim; the look comes after it.
    pub fn expect(&mut self, name: impl Into<String>, expects: Expects) -> Claim {
        self.steps.push(Step {
            name: name.into(),
            expects,
            subject: Subject::Endpoint,
            outcome: None,
            evidence: Vec::new(),
            conclusion: None,
        });
        Claim { index: self.steps.len() - 1 }
    }

    pub fn worked(&mut self, claim: Claim, what: impl Into<String>) {
        self.decide(claim, Outcome::Worked(what.into()));
    }

    /// It worked, which needs no words.
    pub fn held(&mut self, claim: Claim) {
        self.decide(claim, Outcome::Worked(String::new()));
    }

    pub fn failed(&mut self, claim: Claim, failure: Failure) {
        self.decide(claim, Outcome::Failed(Box::new(failure)));
    }

    pub fn untried(&mut self, claim: Claim, failure: Failure) {
        self.decide(claim, Outcome::Untried(Box::new(failure)));
    }

    /// A claim's one outcome.
    fn decide(&mut self, claim: Claim, outcome: Outcome) {
        let Claim { index } = claim;
        if let Some(step) = self.steps.get_mut(index) {
            step.outcome.get_or_insert(outcome);
        }
    }

    /// The claims in the order in which they were declared.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Says what a claim is about where that is not the endpoint of its check.
    pub fn about(&mut self, claim: &Claim, subject: Subject) {
        if let Some(step) = self.steps.get_mut(claim.index) {
            step.subject = subject;
        }
    }

    /// What a look has found out beside its outcome.
    pub fn learn(&mut self, claim: &Claim, found: Evidence) {
        self.append(claim.index, found);
    }

    /// Appends what was found out about a step afterwards.
    pub fn append(&mut self, step: usize, found: Evidence) {
        if let Some(step) = self.steps.get_mut(step) {
            step.evidence.push(found);
        }
    }

    /// Draws the steps' conclusions.
    pub fn conclude(&mut self, draw: impl Fn(&Step) -> Option<Failure>) {
        for step in &mut self.steps {
            step.conclusion = draw(step);
        }
    }

    pub fn detail(&mut self, key: &str, value: impl Into<Value>) {
        self.details.insert(key.to_owned(), value.into());
    }
}
