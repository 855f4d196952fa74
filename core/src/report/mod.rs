//! The report of a run as data: what every format renders.

use crate::cause::{CauseKind, Confidence, Severity, Side, Variant};
use crate::evidence::fault::FaultIdentity;
use crate::logs::own_connections::OwnProbe;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::status::Status;

mod words;

pub use crate::remedy::Fix;

/// Why a check ended as it did.
#[derive(Clone, Debug, Serialize)]
pub struct Diagnosis {
    pub cause: CauseKind,
    pub variant: Option<Variant>,
    pub severity: Severity,
    pub confidence: Confidence,
    pub side: Side,
    pub title: String,
    pub because: Vec<String>,
    pub fix: Vec<Fix>,
    pub explain: String,
    /// The service or file at fault.
    #[serde(rename = "where")]
    pub place: Option<String>,
    /// What is at fault, where others may have it in common.
    #[serde(skip)]
    pub identity: Option<FaultIdentity>,
    /// The first fact is the chain from a service to what stands in its way.
    #[serde(skip)]
    pub chained: bool,
}

/// One check's report.
#[derive(Clone, Debug, Serialize)]
pub struct CheckReport {
    pub number: u16,
    pub id: String,
    pub title: String,
    pub status: Status,
    pub duration_ms: f64,
    pub attempts: u32,
    /// Against `--baseline`: `new`, `still` or `fixed`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub change: Option<&'static str>,
    pub summary: String,
    pub evidence: String,
    pub diagnoses: Vec<Diagnosis>,
    pub details: Map<String, Value>,
    /// What was seen where no promised cause fits; for people.
    #[serde(skip)]
    pub remarks: Vec<String>,
}

/// One origin of failed checks.
#[derive(Clone, Debug)]
pub struct RootCause {
    /// No promised cause fits: `cause` stands for none, and is `null` in JSON.
    pub nameless: bool,
    pub cause: CauseKind,
    pub variant: Option<Variant>,
    pub place: String,
    pub checks: Vec<String>,
    pub summary: String,
    pub because: Vec<String>,
    pub fix: Vec<Fix>,
}

impl Serialize for RootCause {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;
        let mut root = serializer.serialize_struct("RootCause", 7)?;
        root.serialize_field("cause", &(!self.nameless).then_some(self.cause))?;
        root.serialize_field("variant", &self.variant)?;
        root.serialize_field("where", &self.place)?;
        root.serialize_field("checks", &self.checks)?;
        root.serialize_field("summary", &self.summary)?;
        root.serialize_field("because", &self.because)?;
        root.serialize_field("fix", &self.fix)?;
        root.end()
    }
}

/// How many checks ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Tally {
    pub pass: usize,
    pub warn: usize,
    pub fail: usize,
    pub skip: usize,
    pub unknown: usize,
}

/// A service that is deployed, with its replicas.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deployed {
    pub name: String,
    pub replicas: usize,
    pub running: usize,
}

/// A whole run.
#[derive(Clone, Debug, Serialize)]
pub struct RunReport {
    pub schema: &'static str,
    pub version: &'static str,
    pub started_at: String,
    pub duration_ms: f64,
    pub target: Map<String, Value>,
    pub outcome: &'static str,
    pub exit_code: u8,
    pub summary: Tally,
    pub checks: Vec<CheckReport>,
    pub root_causes: Vec<RootCause>,
    /// What is deployed, where the platform could be asked.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Deployed>,
    /// Against `--baseline`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub comparison: Option<Comparison>,
    /// Our own connections, for `diagnose --docker` afterwards.
    #[serde(skip)]
    pub own: Vec<OwnProbe>,
    /// `demo`: which servers stood in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub demo: Option<Value>,
}

/// What has changed since an earlier report; checks by id.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Comparison {
    pub baseline: String,
    pub new: Vec<String>,
    pub still: Vec<String>,
    pub fixed: Vec<String>,
    /// Broken then, not looked at now.
    pub absent: Vec<String>,
}

/// Process exit codes: promises.
pub mod exit {
    pub const PASS: u8 = 0;
    pub const FAIL: u8 = 1;
    pub const USAGE: u8 = 2;
    pub const UNDECIDED: u8 = 3;
    pub const INTERRUPTED: u8 = 130;

    /// The one place where what was found becomes an exit code.
    #[must_use]
    pub const fn of(failed: bool, undecided: bool) -> u8 {
        match (failed, undecided) {
            (true, _) => FAIL,
            (false, true) => UNDECIDED,
            (false, false) => PASS,
        }
    }

    /// What is lost afterwards (a report that cannot be written, a missing part) is no pass.
    #[must_use]
    pub const fn not_whole(code: u8) -> u8 {
        if code == PASS { UNDECIDED } else { code }
    }
}

/// What the statuses of checks amount to.
#[must_use]
pub fn exit_code(tally: &Tally, strict: bool, interrupted: bool) -> u8 {
    if interrupted {
        return exit::INTERRUPTED;
    }
    exit::of(tally.fail > 0 || (strict && tally.warn > 0), tally.unknown > 0)
}

/// The outcome follows the exit code.
#[must_use]
pub const fn outcome(code: u8) -> &'static str {
    match code {
        exit::PASS => "pass",
        exit::FAIL => "fail",
        exit::INTERRUPTED => "interrupted",
        _ => "inconclusive",
    }
}

/// Counts statuses.
#[must_use]
pub fn tally(checks: &[CheckReport]) -> Tally {
    let mut tally = Tally::default();
    for check in checks {
        match check.status {
            Status::Pass => tally.pass += 1,
            Status::Warn => tally.warn += 1,
            Status::Fail => tally.fail += 1,
            Status::Skip => tally.skip += 1,
            Status::Unknown => tally.unknown += 1,
        }
    }
    tally
}
