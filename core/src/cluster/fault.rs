//! What is wrong in a cluster: one fault, where it sits, what shows it, what cures it.

use std::collections::BTreeSet;

use super::cure::Fix;
use super::log::StartTrouble;
use crate::cause::{CauseKind, Confidence, Side, Variant};
use crate::evidence::Fact;
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;

/// Place, kind, and whether it is known: what two faults that are one have in common.
pub(super) type OriginIdentity = (String, Option<CauseKind>, bool);

/// One origin of trouble.
#[derive(Clone, Debug)]
pub struct ClusterFault {
    /// `None`: no cause of ours fits, and it is broken all the same.
    pub cause: Option<CauseKind>,
    pub variant: Option<Variant>,
    pub side: Side,
    pub confidence: Confidence,
    /// `secret/cordum-server-tls`, `deployment/cordum-scheduler`.
    pub place: String,
    pub because: Vec<Fact>,
    /// The first one cures; a second one is an alternative that says so.
    pub cures: Vec<Fix>,
    pub evidence: EvidenceLevel,
    /// Checks that it breaks by itself, by their id.
    pub breaks: BTreeSet<&'static str>,
    /// Workloads that have from its place what is wrong with them.
    pub bearers: BTreeSet<String>,
    /// The rule of `audit` that it is a finding of, where it is one of a setting.
    pub rule: Option<&'static str>,
    /// It is what a client met at this link's server and said itself, and nothing that is known of that server explains
    /// it.
    pub met: Option<Link>,
    /// What is behind it stands where nobody could read: it is no root cause, and what rests on it is not known.
    pub unread: bool,
}

impl ClusterFault {
    #[must_use]
    pub fn new(cause: Option<CauseKind>, place: impl Into<String>) -> Self {
        Self {
            cause,
            variant: None,
            side: Side::Server,
            confidence: Confidence::Certain,
            place: place.into(),
            because: Vec::new(),
            cures: Vec::new(),
            evidence: EvidenceLevel::Configured,
            breaks: BTreeSet::new(),
            bearers: BTreeSet::new(),
            rule: None,
            met: None,
            unread: false,
        }
    }

    /// A fault of what a container said, at this place.
    pub(super) fn of_trouble(trouble: &StartTrouble, place: String) -> Self {
        Self::new(Some(trouble.what.kind), place)
            .variant(trouble.what.variant)
            .on(trouble.what.side)
            .seen_in(EvidenceLevel::Logged)
    }

    /// It is this workload's own, or what the workload has from somewhere else.
    #[must_use]
    pub fn is_of(&self, workload: &str) -> bool {
        self.place == workload || self.bearers.contains(workload)
    }

    #[must_use]
    pub fn because(mut self, fact: impl Into<Fact>) -> Self {
        self.add(fact);
        self
    }

    /// Adds a fact, once.
    pub fn add(&mut self, fact: impl Into<Fact>) {
        let fact = fact.into();
        if !fact.is_empty() && !self.because.contains(&fact) && self.because.len() < 8 {
            self.because.push(fact);
        }
    }

    #[must_use]
    pub const fn variant(mut self, variant: Option<Variant>) -> Self {
        self.variant = variant;
        self
    }

    #[must_use]
    pub const fn on(mut self, side: Side) -> Self {
        self.side = side;
        self
    }

    /// What it is a finding of.
    #[must_use]
    pub const fn of_rule(mut self, rule: &'static str) -> Self {
        self.rule = Some(rule);
        self
    }

    #[must_use]
    pub fn cure(mut self, cure: Fix) -> Self {
        self.cures.push(cure);
        self
    }

    #[must_use]
    pub const fn seen_in(mut self, evidence: EvidenceLevel) -> Self {
        self.evidence = evidence;
        self
    }

    #[must_use]
    pub fn breaks(mut self, checks: &[&'static str]) -> Self {
        self.breaks.extend(checks);
        self
    }

    /// Something at this place that nobody could read.
    #[must_use]
    pub fn of_unread(place: impl Into<String>, what: impl Into<Fact>) -> Self {
        let mut fault = Self::new(None, place).because(what);
        fault.unread = true;
        fault
    }

    /// What two faults that are one have in common.
    #[must_use]
    pub(super) fn identity(&self) -> OriginIdentity {
        let kind = self.cause.map(|cause| match cause {
            CauseKind::BadSignature => CauseKind::UnknownAuthority,
            other => other,
        });
        (self.place.clone(), kind, self.unread)
    }
}
