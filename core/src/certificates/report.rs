//! What is said of certificate files, as data.

use crate::cause::Severity;
use serde::Serialize;
use time::format_description::well_known::Rfc3339;

use super::finding::CertificateFinding;
use super::layout::CertificatesVerdict;
use super::single::ValidityPolicy;
use super::summary::CertificateSummary;
use super::verdict::Verification;
use crate::report::{exit, outcome};

/// The report.
#[derive(Debug, Serialize)]
pub struct CertificateReport {
    pub schema: &'static str,
    pub outcome: &'static str,
    pub exit_code: u8,
    pub at: String,
    pub findings: Vec<CertificateFinding>,
    pub certificates: Vec<CertificateSummary>,
    /// The verdict on the chain; of several the worst one.
    pub verification: Option<Verification>,
    pub verifications: Vec<Verification>,
}

/// The findings, errors first, and the exit code.
#[must_use]
pub fn report(judged: CertificatesVerdict, policy: ValidityPolicy) -> CertificateReport {
    let CertificatesVerdict { sources, mut findings, verifications } = judged;
    let mut seen: Vec<CertificateFinding> = Vec::new();
    for finding in findings.drain(..) {
        if !seen.contains(&finding) {
            seen.push(finding);
        }
    }
    // Errors first; within a grade in the order of the files.
    seen.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let nothing = sources.iter().all(|source| source.found.blocks.is_empty());
    let code = exit::of(seen.iter().any(|finding| finding.severity == Severity::Error), nothing);
    // Nothing is held twice: a bundle has ten thousands of them.
    let mut files = sources.into_iter().map(|source| source.facts);
    let mut certificates = files.next().unwrap_or_default();
    files.for_each(|more| certificates.extend(more));
    let worst = verifications.iter().find(|one| !one.accepted).or(verifications.first()).cloned();
    CertificateReport {
        schema: "tls-verify/certs/v1",
        outcome: outcome(code),
        exit_code: code,
        at: policy.at.format(&Rfc3339).unwrap_or_default(),
        findings: seen,
        certificates,
        verification: worst,
        verifications,
    }
}
