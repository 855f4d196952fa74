//! What a page shows, as the templates take it: every text in it is plain text.

use super::picture::Picture;
use super::read::TableRow;
use super::stack::ConnectionView;
use super::validity::ValidityTimeline;

/// A status with its mark and its word: colour alone says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StatusMark {
    pub class: &'static str,
    pub glyph: &'static str,
    pub word: &'static str,
}

impl StatusMark {
    pub(crate) const PASS: Self = Self { class: "pass", glyph: "\u{2713}", word: "passed" };
    pub(crate) const WARN: Self = Self { class: "warn", glyph: "!", word: "warning" };
    pub(crate) const FAIL: Self = Self { class: "fail", glyph: "\u{2717}", word: "failed" };
    pub(crate) const SKIP: Self = Self { class: "skip", glyph: "\u{2013}", word: "skipped" };
    pub(crate) const UNKNOWN: Self = Self { class: "unknown", glyph: "?", word: "undecided" };
    pub(crate) const NOTE: Self = Self { class: "skip", glyph: "i", word: "note" };
    pub(crate) const ERROR: Self = Self { class: "fail", glyph: "\u{2717}", word: "error" };

    /// Of a status as reports spell it.
    pub(crate) fn of(status: &str) -> Self {
        match status {
            "pass" => Self::PASS,
            "warn" => Self::WARN,
            "fail" => Self::FAIL,
            "skip" => Self::SKIP,
            _ => Self::UNKNOWN,
        }
    }

    /// Of a finding's severity.
    pub(crate) fn of_severity(severity: &str) -> Self {
        match severity {
            "error" => Self::ERROR,
            "warning" => Self::WARN,
            _ => Self::NOTE,
        }
    }
}

/// How many ended so.
#[derive(Clone, Debug)]
pub(crate) struct Chip {
    pub mark: StatusMark,
    pub count: u64,
    pub word: &'static str,
}

impl Chip {
    /// `2 warnings`, `8 failed`.
    pub(crate) fn said(&self) -> String {
        let plural = self.count != 1 && matches!(self.word, "warning" | "error" | "note");
        format!("{} {}{}", self.count, self.word, if plural { "s" } else { "" })
    }
}

/// A place on the same page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub id: String,
    pub text: String,
}

/// One setting of a cure.
#[derive(Clone, Debug)]
pub(crate) struct ChangeView {
    pub whose: String,
    pub name: String,
    pub from: String,
    pub to: String,
    pub at: String,
}

/// One step of a cure.
#[derive(Clone, Debug)]
pub(crate) struct CureView {
    pub text: String,
    pub command: Option<String>,
    /// What was cut is not worth copying.
    pub whole: bool,
    pub changes: Vec<ChangeView>,
}

/// One origin of what is wrong, or one cause of lines in a log.
#[derive(Clone, Debug)]
pub(crate) struct CauseView {
    pub id: String,
    pub mark: StatusMark,
    /// The cause's name, with its variant.
    pub name: String,
    pub place: String,
    pub summary: String,
    pub because: Vec<String>,
    pub cures: Vec<CureView>,
    pub breaks: Vec<Anchor>,
    pub rows: Vec<TableRow>,
    /// A line of a log, as it stands there.
    pub sample: Option<String>,
    pub explain: String,
}

/// Why a check ended as it did.
#[derive(Clone, Debug)]
pub(crate) struct DiagnosisView {
    pub mark: StatusMark,
    pub name: String,
    pub title: String,
    pub place: String,
    /// How sure it is, and which side has to change.
    pub grade: String,
    pub because: Vec<String>,
    pub cures: Vec<CureView>,
}

/// A certificate of a chain; `depth` counts from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChainView {
    pub depth: usize,
    pub subject: String,
    pub about: String,
    /// It was named, and is not there.
    pub absent: bool,
    /// Another of the same issuer follows.
    pub more: bool,
}

/// A bar of a diagram of times.
#[derive(Clone, Debug)]
pub(crate) struct Bar {
    pub label: String,
    pub mark: Option<StatusMark>,
    pub value: String,
    /// Thousandths of the whole width.
    pub from: u32,
    pub width: u32,
    pub class: &'static str,
}

/// One check, or one endpoint.
#[derive(Clone, Debug)]
pub(crate) struct ItemView {
    pub id: String,
    pub number: String,
    pub name: String,
    pub title: String,
    pub mark: StatusMark,
    pub change: &'static str,
    pub took: String,
    pub open: bool,
    /// What the check claims, where it says so.
    pub expected: String,
    pub seen: String,
    /// Where it is closed, why it is as it is, if what was seen does not say it.
    pub why: String,
    pub evidence: String,
    pub attempts: u64,
    pub diagnoses: Vec<DiagnosisView>,
    pub chain: Vec<ChainView>,
    pub stages: Vec<Bar>,
    pub rows: Vec<TableRow>,
    /// Nothing but its line is shown.
    pub short: bool,
}

/// What is wrong with one file.
#[derive(Clone, Debug)]
pub(crate) struct FindingView {
    pub mark: StatusMark,
    pub name: String,
    pub place: String,
    pub message: String,
    pub because: Vec<String>,
    pub cures: Vec<CureView>,
}

#[derive(Clone, Debug)]
pub(crate) struct FindingGroup {
    pub file: String,
    pub findings: Vec<FindingView>,
}

/// What has changed since an earlier report.
#[derive(Clone, Debug)]
pub(crate) struct Compared {
    pub mark: StatusMark,
    pub word: &'static str,
    pub what: Vec<Anchor>,
}

/// A round of a watch, for the strip of the live page.
#[derive(Clone, Debug)]
pub(crate) struct Round {
    pub mark: StatusMark,
    pub at: String,
    pub said: String,
}

/// Everything of a page.
#[derive(Clone, Debug)]
pub(crate) struct Parts {
    pub title: String,
    /// `run`, `probe`…
    pub command: String,
    pub mark: StatusMark,
    pub headline: String,
    pub sub: String,
    pub exit: String,
    pub at: String,
    pub chips: Vec<Chip>,
    pub causes_heading: &'static str,
    pub causes: Vec<CauseView>,
    pub picture: Option<Picture>,
    pub connections: Vec<ConnectionView>,
    pub baseline: String,
    pub compared: Vec<Compared>,
    pub items_heading: &'static str,
    pub items: Vec<ItemView>,
    pub findings: Vec<FindingGroup>,
    /// Files with nothing but notes, where there are many.
    pub notes: Vec<FindingGroup>,
    pub verdicts: Vec<TableRow>,
    pub times: Vec<Bar>,
    pub validity: Option<ValidityTimeline>,
    pub trees: Vec<ChainView>,
    pub undecided: Vec<TableRow>,
    pub asked: Vec<TableRow>,
    /// What is not shown, and how much of it.
    pub left_out: Vec<String>,
    pub rounds: Vec<Round>,
    pub changes: Vec<TableRow>,
}

impl Parts {
    /// The connections are of several deployments.
    pub(crate) fn several(&self) -> bool {
        self.connections.iter().any(|one| !one.deployment.is_empty())
    }

    /// A page that says nothing yet.
    pub(crate) fn new(command: &str) -> Self {
        Self {
            title: String::new(),
            command: command.to_owned(),
            mark: StatusMark::UNKNOWN,
            headline: String::new(),
            sub: String::new(),
            exit: String::new(),
            at: String::new(),
            chips: Vec::new(),
            causes_heading: "Root causes",
            causes: Vec::new(),
            picture: None,
            connections: Vec::new(),
            baseline: String::new(),
            compared: Vec::new(),
            items_heading: "Checks",
            items: Vec::new(),
            findings: Vec::new(),
            notes: Vec::new(),
            verdicts: Vec::new(),
            times: Vec::new(),
            validity: None,
            trees: Vec::new(),
            undecided: Vec::new(),
            asked: Vec::new(),
            left_out: Vec::new(),
            rounds: Vec::new(),
            changes: Vec::new(),
        }
    }
}
