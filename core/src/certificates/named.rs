//! Files that the operator names: these anchors, this certificate, this key.

use super::finding::CertificateFinding;
use super::key_pair::{self, KeyPair};
use super::layout::CertificatesVerdict;
use super::single::{self, ValidityPolicy};
use super::source::CertificateSource;
use super::summary::CertificateSummary;
use crate::cause::{CauseKind, Severity};
use crate::remedy::catalogue::Placeholders;
use crate::x509::Purpose;

/// `--cacert F --cert F [--key F]`, as they were read.
#[derive(Debug)]
pub struct GivenFiles<'a> {
    pub anchors: Vec<CertificateSource>,
    /// The end-entity certificate first, then more intermediates.
    pub certificates: Vec<CertificateSource>,
    pub key: Option<CertificateSource>,
    pub names: &'a [String],
    pub purpose: Option<Purpose>,
}

/// Judges them.
#[must_use]
pub fn verdict(named: GivenFiles<'_>, policy: ValidityPolicy) -> CertificatesVerdict {
    let GivenFiles { anchors, certificates, key, names, purpose } = named;
    let mut judged = CertificatesVerdict::default();
    for anchor in &anchors {
        let mut unread = single::unreadable(anchor);
        if anchor.found.is_no_pem() {
            // Go's pool and OpenSSL's store, curl's among them, take nothing from it.
            for finding in &mut unread {
                finding.severity = Severity::Error;
            }
        }
        judged.findings.extend(unread);
        let alone = anchor.facts.len() == 1 && anchors.len() == 1;
        for one in &anchor.facts {
            judged.findings.extend(single::dates(one, policy, alone));
            // What Go does not parse it passes over.
            if one.unread_by_go.is_some() {
                judged.findings.extend(single::make(one));
            }
        }
    }
    if let Some((leaf, more)) = certificates.split_first() {
        let says = leaf.facts.first().map_or("server", CertificateSummary::purpose);
        let role = purpose.unwrap_or(if says == "client" && names.is_empty() {
            Purpose::Client
        } else {
            Purpose::Server
        });
        let set = KeyPair {
            leaf,
            more: more.iter().collect(),
            key: key.as_ref(),
            anchors: anchors.iter().collect(),
            candidates: &[],
            purpose: role,
            names: names.to_vec(),
            documented: &[],
            blanks: Placeholders {
                ca: anchors.first().map_or_else(|| "CA_FILE".to_owned(), |one| one.name().to_owned()),
                ..Placeholders::default()
            },
        };
        let (findings, verification) = key_pair::verdict(&set, policy);
        judged.findings.extend(findings);
        judged.verifications.extend(verification);
        // Go's verdict counts: what only troubles an anchor that no chain needs is worth a look.
        if judged.verifications.iter().all(|one| one.accepted) && !judged.verifications.is_empty() {
            let trusted: Vec<&str> = anchors.iter().map(CertificateSource::name).collect();
            for finding in &mut judged.findings {
                let of_anchor = trusted.contains(&finding.file.as_str());
                let of_order = finding.cause == Some(CauseKind::InvalidCa);
                if (of_anchor || of_order) && finding.severity == Severity::Error {
                    finding.severity = Severity::Warning;
                }
            }
        } else if judged.findings.iter().all(|one| one.severity != Severity::Error)
            && let Some(one) = judged.verifications.iter().find(|one| !one.accepted)
        {
            let mut finding =
                CertificateFinding::new(leaf.name(), Severity::Error, one.reason.clone().unwrap_or_default());
            finding.cause = one.cause;
            finding.variant = one.variant;
            judged.findings.push(finding);
        }
    }
    judged.sources = anchors.into_iter().chain(certificates).chain(key).collect();
    judged
}
