//! `--baseline`: an earlier report tells what is new, what is fixed and what is still broken.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use tls_verify_checks::cause::{CauseKind, Severity};
use tls_verify_core::diagnosis::root_cause::family;
use tls_verify_core::report::{CheckReport, Comparison, RunReport, exit, outcome};
use tls_verify_core::status::Status;

use crate::config::ConfigError;

/// What of an earlier report is needed.
#[derive(Clone, Debug)]
pub struct Baseline {
    file: String,
    checks: BTreeMap<String, Before>,
}

/// A check's earlier state.
#[derive(Clone, Debug)]
struct Before {
    status: Status,
    reasons: Vec<DifferenceReason>,
}

/// Why a check is not good: the cause, as one of its family, and the place at fault where it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
struct DifferenceReason {
    cause: String,
    place: Option<String>,
    severity: String,
}

#[derive(Deserialize)]
struct Earlier {
    checks: Vec<EarlierCheck>,
}

#[derive(Deserialize)]
struct EarlierCheck {
    id: String,
    status: String,
    #[serde(default)]
    diagnoses: Vec<EarlierDiagnosis>,
}

#[derive(Deserialize)]
struct EarlierDiagnosis {
    cause: String,
    #[serde(default)]
    severity: String,
    #[serde(default, rename = "where")]
    place: Option<String>,
}

impl Baseline {
    /// Reads an earlier JSON report.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        const FIX: &str = "give a report that `tls-verify run --format json` wrote";
        let problem = |message: String| ConfigError::new(format!("--baseline: {message}"), FIX).in_file(path);
        let text = std::fs::read_to_string(path)
            .map_err(|error| problem(format!("the report cannot be read: {error}")))?;
        let object: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| problem(format!("it is no JSON report of a run: {error}")))?;
        // Another report is better called by its name than by what it lacks.
        match object.get("schema").and_then(serde_json::Value::as_str) {
            Some("tls-verify/run/v1") => {}
            Some(other) => return Err(problem(format!("its schema is `{other}`, not tls-verify/run/v1"))),
            None => return Err(problem("it is no JSON report of a run: it has no `schema`".to_owned())),
        }
        let earlier: Earlier = serde_json::from_value(object)
            .map_err(|error| problem(format!("it is no JSON report of a run: {error}")))?;
        let mut checks = BTreeMap::new();
        for check in earlier.checks {
            let Some(status) = Status::named(&check.status) else {
                return Err(problem(format!("check `{}` has the status `{}`", check.id, check.status)));
            };
            let reasons = check.diagnoses.into_iter().map(|one| DifferenceReason {
                cause: of_family(&one.cause),
                place: one.place,
                severity: one.severity,
            });
            checks.insert(check.id, Before { status, reasons: reasons.collect() });
        }
        Ok(Self { file: path.display().to_string(), checks })
    }

    /// Marks the report; with `new_only` what was broken before does not decide the exit code. With
    /// `strict` a warning counts as broken, as it does in the exit code.
    pub fn compare(&self, report: &mut RunReport, new_only: bool, strict: bool) {
        let broken = |status: Status| match status {
            Status::Fail | Status::Unknown => true,
            Status::Warn => strict,
            Status::Pass | Status::Skip => false,
        };
        let mut comparison = Comparison { baseline: self.file.clone(), ..Comparison::default() };
        let (mut failed, mut open) = (false, false);
        for check in &mut report.checks {
            let before = self.checks.get(&check.id).filter(|before| broken(before.status));
            check.change = match (broken(check.status), before) {
                (true, Some(before)) if before.explains(check) => Some("still"),
                (true, _) => Some("new"),
                (false, Some(_)) if check.status.is_good() => Some("fixed"),
                (false, _) => None,
            };
            let list = match check.change {
                Some("new") => {
                    failed |= matches!(check.status, Status::Fail | Status::Warn);
                    open |= check.status == Status::Unknown;
                    &mut comparison.new
                }
                Some("still") => &mut comparison.still,
                Some(_) => &mut comparison.fixed,
                None => continue,
            };
            list.push(check.id.clone());
        }
        // What was broken and has not been looked at is not fixed.
        let looked =
            |id: &String| report.checks.iter().any(|check| check.id == *id && check.status != Status::Skip);
        comparison.absent = self
            .checks
            .iter()
            .filter(|(id, before)| broken(before.status) && !looked(id))
            .map(|(id, _)| id.clone())
            .collect();
        report.comparison = Some(comparison);
        if new_only && report.exit_code != exit::INTERRUPTED {
            report.exit_code = exit::of(failed, open);
            report.outcome = outcome(report.exit_code);
        }
    }
}

impl Before {
    /// The check is no worse than it was, and broken for no other reason.
    fn explains(&self, check: &CheckReport) -> bool {
        let worse = match (self.status, check.status) {
            (Status::Warn, Status::Fail | Status::Unknown) | (Status::Unknown, Status::Fail) => true,
            (_, _) => false,
        };
        let level = if check.status == Status::Warn { Severity::Warning } else { Severity::Error };
        let known = |one: &tls_verify_core::report::Diagnosis| {
            self.reasons.iter().any(|before| {
                before.cause == of_family(one.cause.slug())
                    && (before.severity != "warning" || level == Severity::Warning)
                    // Reports of earlier versions name no place.
                    && (before.place.is_none() || before.place == one.place)
            })
        };
        !worse && check.diagnoses.iter().filter(|one| one.severity == level).all(known)
    }
}

/// Refused, reset, silent and unresolved are one reason: which of them it is changes from run to run.
fn of_family(cause: &str) -> String {
    match CauseKind::ALL.iter().find(|kind| kind.slug() == cause) {
        Some(kind) => family(*kind, None).1.slug().to_owned(),
        // A later version's.
        None => cause.to_owned(),
    }
}
