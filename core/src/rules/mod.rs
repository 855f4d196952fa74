//! What is wrong with a deployment as described. A rule is a value; it looks at both ends of the connections and
//! at the files that they use, and says what has to be changed where. What cannot be known is no finding.

mod case;
mod catalogue;
mod certificate;
mod client;
mod files;
mod listen;
mod production;
mod settings;

use crate::cause::{CauseKind, Severity, Variant};
use crate::certificates::Look;
use crate::manifest::{Description, Files};
use crate::remedy::Fix;
use crate::wiring::{Speech, wire};
use crate::workload::Place;

pub use catalogue::{ALL, UNUSED_ALLOW, named};

use case::Case;

/// A rule: what it finds, how grave that is, and what it is called.
#[derive(Debug)]
pub struct Rule {
    pub id: &'static str,
    pub title: &'static str,
    /// Where a rule has several, the gravest.
    pub severity: Severity,
    /// Where all of its findings have the same.
    pub cause: Option<CauseKind>,
    /// For people who ask: what goes wrong, how it is known, what helps.
    pub about: &'static str,
    look: fn(&Case<'_>, &mut Vec<Finding>),
}

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
}

/// One line of the table of connections.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    pub from: String,
    pub to: String,
    pub port: Option<u16>,
    pub client: Speech,
    /// Whether the server demands client certificates stands beside it.
    pub server: Speech,
    pub mutual: bool,
    /// The name that the client verifies.
    pub name: Option<String>,
}

/// What was found in one deployment.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    pub findings: Vec<Finding>,
    pub undecided: Vec<Undecided>,
    pub links: Vec<Link>,
}

/// How a deployment is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub look: Look,
    /// The objects come from a running cluster or engine: what is missing there is missing.
    pub live: bool,
}

impl Options {
    /// For whom no time matters: everything is looked at as in 1970.
    #[must_use]
    pub const fn timeless() -> Self {
        let look = Look { at: time::OffsetDateTime::UNIX_EPOCH, expiry_warn: std::time::Duration::ZERO };
        Self { look, live: false }
    }
}

/// Judges a deployment by every rule.
#[must_use]
pub fn judge(description: &Description, files: &dyn Files, options: Options) -> Verdicts {
    let wiring = wire(description, files);
    let case = Case::new(description, files, &wiring, options);
    let mut findings = Vec::new();
    for rule in ALL {
        (rule.look)(&case, &mut findings);
    }
    Verdicts { findings: distinct(findings), undecided: case.undecided(), links: case.links() }
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
