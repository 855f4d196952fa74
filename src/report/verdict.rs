//! What a run comes to, in a few words: the first line of a page, the last of a screen, the heading of a summary.

use tls_verify_checks::cause::CauseKind;
use tls_verify_core::report::RunReport;
use tls_verify_core::status::Status;

/// A report as far as its verdict goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RunOutcome<'a> {
    /// `pass`, `fail`, `inconclusive`, `interrupted`.
    pub word: &'a str,
    pub failed: u64,
    pub undecided: u64,
    /// What every failed check has for its main cause, where they have one in common.
    pub kind: FailureKind,
}

/// Whether what failed is TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Nothing but logins.
    Login,
    /// Nothing but ports where nobody answers.
    Unreached,
    /// Anything else.
    Other,
}

impl FailureKind {
    /// Of the main causes of the checks that failed; `None`: one that no cause fits.
    pub(crate) fn of(causes: &[Option<CauseKind>]) -> Self {
        let only =
            |is: fn(CauseKind) -> bool| !causes.is_empty() && causes.iter().all(|one| one.is_some_and(is));
        if only(|cause| cause == CauseKind::AuthNotTls) {
            Self::Login
        } else if only(CauseKind::is_unreached) {
            Self::Unreached
        } else {
            Self::Other
        }
    }
}

/// The verdict of a report.
pub(crate) fn of_run(report: &RunReport) -> &'static str {
    let failed = report.checks.iter().filter(|check| check.status == Status::Fail);
    let causes: Vec<Option<CauseKind>> =
        failed.map(|check| check.diagnoses.first().map(|one| one.cause)).collect();
    let tally = report.summary;
    words(&RunOutcome {
        word: report.outcome,
        failed: tally.fail as u64,
        undecided: tally.unknown as u64,
        kind: FailureKind::of(&causes),
    })
}

/// Of what was not decided nothing is claimed; a refused login and a port where nobody answers are no broken TLS.
pub(crate) fn words(outcome: &RunOutcome<'_>) -> &'static str {
    let whole = outcome.undecided == 0;
    match outcome.word {
        // `--fail-on new`: what was broken before does not decide.
        "pass" if outcome.failed + outcome.undecided > 0 => "nothing new is broken",
        "pass" => "TLS holds",
        "interrupted" => "interrupted",
        "fail" if outcome.failed == 0 && whole => "TLS holds, with warnings",
        "fail" if outcome.failed == 0 => "warnings count as failures",
        "fail" => match outcome.kind {
            FailureKind::Login if whole => "TLS is fine, a login is not",
            FailureKind::Login => "TLS is fine where it was looked at, a login is not",
            FailureKind::Unreached => "not reachable",
            FailureKind::Other => "TLS is broken",
        },
        _ => "not decided",
    }
}

/// As it begins a line.
pub(crate) fn first_upper(words: &str) -> String {
    let mut letters = words.chars();
    letters.next().map(|first| first.to_uppercase().chain(letters).collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_what_was_not_decided_nothing_is_claimed() {
        let login = Some(CauseKind::AuthNotTls);
        let of = |word, failed, undecided, causes: &[Option<CauseKind>]| {
            words(&RunOutcome { word, failed, undecided, kind: FailureKind::of(causes) })
        };
        assert_eq!(of("fail", 1, 0, &[login]), "TLS is fine, a login is not");
        assert_eq!(of("fail", 1, 2, &[login]), "TLS is fine where it was looked at, a login is not");
        assert_eq!(of("fail", 2, 0, &[login, Some(CauseKind::Expired)]), "TLS is broken");
        assert_eq!(of("fail", 2, 0, &[login, None]), "TLS is broken");
        assert_eq!(of("fail", 1, 1, &[Some(CauseKind::ConnectionRefused)]), "not reachable");
        assert_eq!(of("fail", 0, 0, &[]), "TLS holds, with warnings");
        assert_eq!(of("fail", 0, 1, &[]), "warnings count as failures");
        assert_eq!(of("pass", 0, 0, &[]), "TLS holds");
        assert_eq!(of("pass", 1, 0, &[login]), "nothing new is broken");
        assert_eq!(of("inconclusive", 0, 1, &[]), "not decided");
        assert_eq!(first_upper("not decided"), "Not decided");
    }
}
