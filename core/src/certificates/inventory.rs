//! Certificates that lie about in no known order: what belongs together is found by place and name.

use std::collections::BTreeMap;

use crate::cause::{CauseKind, Severity, Variant};

use super::finding::CertificateFinding;
use super::key_pair::{self, KeyPair};
use super::layout::CertificatesVerdict;
use super::single::{self, ValidityPolicy};
use super::source::CertificateSource;
use super::verdict::{ChainUnderTest, verify};
use crate::remedy::catalogue::Placeholders;
use crate::x509::Purpose;

/// Judges every certificate file as an item, and the items among themselves.
#[must_use]
pub fn verdict(
    sources: Vec<CertificateSource>,
    names: &[String],
    purpose: Option<Purpose>,
    policy: ValidityPolicy,
) -> CertificatesVerdict {
    let mut judged = CertificatesVerdict::default();
    let candidates: Vec<Vec<u8>> = sources.iter().flat_map(CertificateSource::authorities).collect();
    let mut groups: BTreeMap<&str, Vec<&CertificateSource>> = BTreeMap::new();
    for source in &sources {
        groups.entry(group(source.name())).or_default().push(source);
    }
    let roots: Vec<&CertificateSource> =
        sources.iter().filter(|source| source.facts.iter().any(|one| one.is_ca && one.self_issued)).collect();
    for source in &sources {
        let leafy = source.facts.first().is_some_and(|one| !one.is_ca);
        let keyed = source.facts.is_empty() && source.found.keys().next().is_some();
        if leafy {
            let group = &groups[group(source.name())];
            leaf(&mut judged, source, (group, &roots, &candidates), (names, purpose), policy);
        } else if keyed {
            let paired = groups[group(source.name())]
                .iter()
                .any(|one| !one.facts.is_empty() && key(one, &groups[group(source.name())]).is_some());
            if !paired {
                judged.findings.push(CertificateFinding::new(
                    source.name(),
                    Severity::Note,
                    "a private key without its certificate",
                ));
            }
        } else {
            judged.findings.extend(single::unreadable(source));
            if source.facts.is_empty()
                && source.found.faults.iter().any(|fault| fault.variant == Variant::NoPem)
            {
                // Nobody accepts what nobody can read.
                let nothing = ChainUnderTest {
                    presented: &[],
                    anchors: &[],
                    candidates: &[],
                    names,
                    purpose: purpose.unwrap_or(Purpose::Any),
                    at: policy.at,
                };
                judged.verifications.push(verify(&nothing));
            }
            for one in &source.facts {
                judged.findings.extend(single::make(one));
                judged.findings.extend(single::dates(one, policy, source.facts.len() == 1));
            }
        }
    }
    judged.sources = sources;
    judged
}

/// An end-entity certificate, with what lies beside it, the roots of all files, and what may stand between.
fn leaf(
    judged: &mut CertificatesVerdict,
    source: &CertificateSource,
    (group, roots, candidates): (&[&CertificateSource], &[&CertificateSource], &[Vec<u8>]),
    (names, purpose): (&[String], Option<Purpose>),
    policy: ValidityPolicy,
) {
    let anchors = anchors(source, group, roots);
    let leaf = &source.facts[0];
    let role = purpose.unwrap_or(match leaf.purpose() {
        "client" => Purpose::Client,
        "neither server nor client" => Purpose::Any,
        _ => Purpose::Server,
    });
    let missing_names = names.is_empty() || role == Purpose::Client;
    let set = KeyPair {
        leaf: source,
        more: Vec::new(),
        key: key(source, group),
        anchors,
        candidates,
        purpose: role,
        names: if missing_names { Vec::new() } else { names.to_vec() },
        documented: &[],
        blanks: Placeholders::default(),
    };
    let (mut findings, verification) = key_pair::verdict(&set, policy);
    // A CA that is nowhere here may well be elsewhere.
    let stranger = |one: &CertificateFinding| {
        one.cause == Some(CauseKind::UnknownAuthority) && one.variant == Some(Variant::OtherCa)
    };
    if findings.iter().any(stranger) && !group.iter().any(|one| is_anchor_file(one.name())) {
        findings.retain(|one| !stranger(one));
        findings.push(CertificateFinding::new(
            source.name(),
            Severity::Note,
            format!("its issuer {} is not among these files", leaf.issuer),
        ));
    } else {
        judged.verifications.extend(verification);
    }
    judged.findings.extend(findings);
}

/// The folder, or the Secret.
fn group(name: &str) -> &str {
    name.rsplit_once([':', '/']).map_or("", |(group, _)| group)
}

fn entry(name: &str) -> &str {
    name.rsplit_once([':', '/']).map_or(name, |(_, entry)| entry)
}

fn is_anchor_file(name: &str) -> bool {
    matches!(
        entry(name),
        "ca.crt" | "ca.pem" | "ca-bundle.crt" | "ca-certificates.crt" | "root.crt" | "root.pem"
    )
}

/// The CA file beside it where there is one, else every root of the inventory.
fn anchors<'a>(
    source: &CertificateSource,
    group: &[&'a CertificateSource],
    roots: &[&'a CertificateSource],
) -> Vec<&'a CertificateSource> {
    let beside: Vec<&'a CertificateSource> = group
        .iter()
        .copied()
        .filter(|one| is_anchor_file(one.name()) && one.name() != source.name() && !one.facts.is_empty())
        .collect();
    if beside.is_empty() { roots.to_vec() } else { beside }
}

/// The key of the same stem, or the only key of the group.
fn key<'a>(source: &CertificateSource, group: &[&'a CertificateSource]) -> Option<&'a CertificateSource> {
    let stem = |name: &str| -> String {
        let entry = entry(name);
        let stem = entry.rsplit_once('.').map_or(entry, |(stem, _)| stem);
        stem.trim_end_matches("-key").trim_end_matches(".key").trim_end_matches("-cert").to_owned()
    };
    let mut keys = group.iter().copied().filter(|one| {
        one.facts.is_empty()
            && (one.found.keys().next().is_some()
                || one.found.blocks.contains(&super::read::FileObject::EncryptedKey)
                || entry(one.name()).ends_with(".key"))
    });
    let wanted = stem(source.name());
    let same: Option<&CertificateSource> = keys.clone().find(|one| stem(one.name()) == wanted);
    same.or_else(|| {
        let first = keys.next()?;
        let leaves = group.iter().filter(|one| one.facts.first().is_some_and(|leaf| !leaf.is_ca)).count();
        (keys.next().is_none() && leaves == 1).then_some(first)
    })
}
