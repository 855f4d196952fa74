//! `--baseline`: an earlier report tells what is new, what is fixed and what is still broken.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;

use crate::config::Problem;
use crate::judge::Status;
use crate::outcome::{Comparison, RunReport, exit, outcome};

/// What of an earlier report is needed.
#[derive(Clone, Debug)]
pub struct Baseline {
    file: String,
    /// Checks that were not good: their status and causes.
    broken: BTreeMap<String, (Status, Vec<String>)>,
}

#[derive(Deserialize)]
struct Earlier {
    schema: String,
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
}

impl Baseline {
    /// Reads an earlier JSON report.
    ///
    /// # Errors
    /// Why it is none.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        const FIX: &str = "give a report that `tls-verify run --format json` wrote";
        let text = std::fs::read_to_string(path).map_err(|error| {
            Problem::new(format!("--baseline: the report cannot be read: {error}"), FIX).in_file(path)
        })?;
        let earlier: Earlier = serde_json::from_str(&text).map_err(|error| {
            Problem::new(format!("--baseline: it is no JSON report of a run: {error}"), FIX).in_file(path)
        })?;
        if earlier.schema != "tls-verify/run/v1" {
            let message = format!("--baseline: its schema is `{}`, not tls-verify/run/v1", earlier.schema);
            return Err(Problem::new(message, FIX).in_file(path));
        }
        let broken = earlier
            .checks
            .into_iter()
            .filter_map(|check| {
                let status = Status::named(&check.status)?;
                let causes = check
                    .diagnoses
                    .into_iter()
                    .filter(|one| one.severity != "warning")
                    .map(|one| one.cause)
                    .collect();
                (!status.is_good() && status != Status::Skip).then_some((check.id, (status, causes)))
            })
            .collect();
        Ok(Self { file: path.display().to_string(), broken })
    }

    /// Marks the report; with `new_only` what was broken before does not decide the exit code.
    pub fn compare(&self, report: &mut RunReport, new_only: bool) {
        let mut comparison =
            Comparison { baseline: self.file.clone(), new: Vec::new(), still: Vec::new(), fixed: Vec::new() };
        let (mut failed, mut open) = (false, false);
        for check in &mut report.checks {
            let before = self.broken.get(&check.id);
            check.change = match (check.status, before) {
                (Status::Fail | Status::Unknown, Some((status, causes))) => {
                    let main = check.diagnoses.first().map(|one| one.cause.slug());
                    // Broken for another reason, or worse than before, is new.
                    let same = check.status <= *status
                        && main
                            .is_none_or(|cause| causes.is_empty() || causes.iter().any(|one| one == cause));
                    Some(if same { "still" } else { "new" })
                }
                (Status::Fail | Status::Unknown, None) => Some("new"),
                (Status::Pass | Status::Warn, Some(_)) => Some("fixed"),
                _ => None,
            };
            let list = match check.change {
                Some("new") => {
                    failed |= check.status == Status::Fail;
                    open |= check.status == Status::Unknown;
                    &mut comparison.new
                }
                Some("still") => &mut comparison.still,
                Some(_) => &mut comparison.fixed,
                None => continue,
            };
            list.push(check.id.clone());
        }
        report.comparison = Some(comparison);
        if new_only && report.exit_code != exit::INTERRUPTED {
            report.exit_code = match (failed, open) {
                (true, _) => exit::FAIL,
                (false, true) => exit::UNDECIDED,
                (false, false) => exit::PASS,
            };
            report.outcome = outcome(report.exit_code);
        }
    }
}
