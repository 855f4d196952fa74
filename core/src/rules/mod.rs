//! What is wrong with a deployment as described. A rule is a value; it looks at both ends of the connections and
//! at the files that they use, and says what has to be changed where. What cannot be known is no finding.

mod catalogue;
mod certificate;
mod client;
mod context;
mod files;
mod listen;
mod policies;
mod production;
pub mod running;
mod settings;
mod undecided;
mod verdict;

use crate::manifest::{Description, Files};
use crate::wiring::wire;

pub use catalogue::{ALL, Rule, UNUSED_ALLOW, named};
pub use verdict::{AuditOptions, ConfiguredLink, Finding, Undecided, Verdicts};

use context::RuleContext;

/// Judges a deployment by every rule.
#[must_use]
pub fn audit(description: &Description, files: &dyn Files, options: AuditOptions) -> Verdicts {
    let wiring = wire(description, files);
    let case = RuleContext::new(description, files, &wiring, options);
    let findings = look(&case, |_| true);
    Verdicts { findings, undecided: case.undecided(), links: case.links() }
}

/// What some rules say, by their ids: for who looks at a deployment with a question of its own.
#[must_use]
pub fn findings(
    description: &Description,
    files: &dyn Files,
    options: AuditOptions,
    rules: &[&str],
) -> Vec<Finding> {
    let wiring = wire(description, files);
    look(&RuleContext::new(description, files, &wiring, options), |rule| rules.contains(&rule.id))
}

fn look(case: &RuleContext<'_>, wanted: impl Fn(&Rule) -> bool) -> Vec<Finding> {
    let mut findings = Vec::new();
    for rule in ALL.iter().filter(|one| wanted(one)) {
        (rule.look)(case, &mut findings);
    }
    distinct(findings)
}

/// One finding for a fault: the rules are in the order in which the more special one comes first.
fn distinct(findings: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in findings {
        let same = kept.iter().any(|have| {
            let place = have.place == finding.place && have.workload == finding.workload;
            place
                && (have.rule == finding.rule && have.message == finding.message
                    || overlaps(have.rule, finding.rule))
        });
        if !same {
            kept.push(finding);
        }
    }
    kept.sort_by(|one, other| one.place.cmp(&other.place).then(one.rule.cmp(other.rule)));
    kept
}

/// Rules that say the same of one setting: the first of each line is the more special one.
fn overlaps(have: &str, later: &str) -> bool {
    const LINES: [&[&str]; 4] = [
        &[
            "production-rule",
            "scheme-mismatch",
            "missing-ca",
            "verification-disabled",
            "unused-setting",
            "plaintext-listener",
        ],
        &["upstream-tls", "scheme-mismatch", "missing-ca", "name-not-in-certificate", "certificate"],
        &["source-missing", "path-not-mounted"],
        &["probe-scheme", "scheme-mismatch", "missing-ca", "name-not-in-certificate"],
    ];
    have != later && LINES.iter().any(|line| line.contains(&have) && line.contains(&later))
}
