//! Expectation times observation gives a status. Pure; the only place that can say `pass`.

use crate::evidence::fault::Cause;
use crate::evidence::observation::{Expects, Observation, Outcome, Step};
use serde::Serialize;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    Warn,
    Skip,
    /// It could not be decided.
    Unknown,
    Fail,
}

impl Status {
    /// The promised name.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Skip => "skip",
            Self::Unknown => "unknown",
            Self::Fail => "fail",
        }
    }

    /// The status of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        [Self::Pass, Self::Warn, Self::Skip, Self::Unknown, Self::Fail]
            .into_iter()
            .find(|one| one.slug() == name)
    }

    /// Only these are good.
    #[must_use]
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Pass | Self::Warn)
    }
}

/// What one step means for its check.
#[must_use]
pub fn status_of_step(step: &Step) -> Status {
    of(step.expects(), step.outcome())
}

/// An expectation and what was seen: every pair of them has its status.
#[must_use]
pub fn of(expects: Expects, outcome: Option<&Outcome>) -> Status {
    match (expects, outcome) {
        // Nobody came to look, or nobody could.
        (_, None | Some(Outcome::Untried(_))) => Status::Unknown,
        (Expects::Works | Expects::Control, Some(Outcome::Worked(_))) => Status::Pass,
        // What Go can and our TLS library cannot is no failure of the stack.
        (Expects::Works, Some(Outcome::Failed(failure)))
            if matches!(failure.cause, Cause::BeyondUs | Cause::WeakKey | Cause::NotDialled) =>
        {
            Status::Unknown
        }
        (Expects::Works, Some(Outcome::Failed(_))) => Status::Fail,
        (Expects::Control, Some(Outcome::Failed(_))) => Status::Unknown,
        (Expects::Refused(_), Some(Outcome::Worked(_))) => Status::Fail,
        (Expects::Refused(right), Some(Outcome::Failed(failure))) => match failure.kind() {
            Some(kind) if right.by.contains(&kind) => Status::Pass,
            _ => Status::Unknown,
        },
    }
}

/// The worst step decides; a check that exercised nothing has decided nothing.
#[must_use]
pub fn status_of(observation: &Observation) -> Status {
    if observation.not_applicable.is_some() && observation.steps().is_empty() {
        return Status::Skip;
    }
    let worst = observation.steps().iter().map(status_of_step).max().unwrap_or(Status::Unknown);
    if worst == Status::Pass && !observation.warnings.is_empty() { Status::Warn } else { worst }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cause::CauseKind;
    use crate::evidence::fault::{Failure, Stage};
    use crate::evidence::observation::{EvidenceLevel, ExpectedRefusal};

    const REFUSED: Expects = Expects::Refused(&ExpectedRefusal {
        by: &[CauseKind::ClientCertRequired],
        admitted: CauseKind::MtlsNotEnforced,
        component: "nats",
    });

    fn with(expects: Expects, cause: Cause) -> Status {
        let mut seen = Observation::new(EvidenceLevel::Proved);
        let claim = seen.expect("step", expects);
        seen.failed(claim, Failure::new(Stage::Connect, cause));
        status_of(&seen)
    }

    #[test]
    fn nothing_exercised_is_never_a_pass() {
        assert_eq!(status_of(&Observation::new(EvidenceLevel::Proved)), Status::Unknown);
    }

    #[test]
    fn the_wrong_refusal_decides_nothing() {
        assert_eq!(with(REFUSED, Cause::Refused { nothing_listens: false }), Status::Unknown);
        let alert = Cause::Alert {
            alert: rustls::AlertDescription::CertificateRequired,
            identity_shown: false,
            asked: true,
        };
        assert_eq!(with(REFUSED, alert), Status::Pass);
    }

    #[test]
    fn a_positive_claim_that_was_tried_and_broke_fails_whatever_the_reason() {
        assert_eq!(with(Expects::Works, Cause::TimedOut), Status::Fail);
        assert_eq!(with(Expects::Works, Cause::Resolve), Status::Fail);
    }

    #[test]
    fn a_broken_control_leaves_the_negative_claim_open() {
        assert_eq!(with(Expects::Control, Cause::Eof), Status::Unknown);
    }

    #[test]
    fn being_let_in_fails_a_negative_claim() {
        let mut seen = Observation::new(EvidenceLevel::Proved);
        let control = seen.expect("control", Expects::Control);
        let stranger = seen.expect("a stranger", REFUSED);
        seen.worked(control, "fine");
        assert_eq!(status_of(&seen), Status::Unknown, "nobody has looked yet");
        seen.worked(stranger, "PONG");
        assert_eq!(status_of(&seen), Status::Fail);
        let fault = seen.steps()[1].fault().unwrap();
        assert_eq!(fault.kind(), Some(CauseKind::MtlsNotEnforced));
        assert_eq!(fault.place.as_deref(), Some("nats"));
    }
}
