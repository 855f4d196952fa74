//! A certificate with its key, its trust anchors and its role, judged together.

use crate::cause::{CauseKind, Severity, Variant};

use super::finding::CertificateFinding;
use super::paired_key;
use super::reissue::reissue;
use super::single::{self, ValidityPolicy};
use super::source::CertificateSource;
use super::summary::CertificateSummary;
use super::verdict::{ChainUnderTest, SeenByOpenSsl, Verification, chains_at_start, verify, verify_files};
use crate::remedy::catalogue::{self, Placeholders};
use crate::x509::{self, Purpose};

/// What belongs together.
#[derive(Clone, Debug)]
pub(super) struct KeyPair<'a> {
    pub leaf: &'a CertificateSource,
    /// More intermediates, from other files.
    pub more: Vec<&'a CertificateSource>,
    pub key: Option<&'a CertificateSource>,
    pub anchors: Vec<&'a CertificateSource>,
    pub candidates: &'a [Vec<u8>],
    pub purpose: Purpose,
    /// Names that clients ask for.
    pub names: Vec<String>,
    /// Names that are only documented.
    pub documented: &'a [&'a str],
    pub blanks: Placeholders,
}

/// Judges a set.
#[must_use]
pub(super) fn verdict(
    set: &KeyPair<'_>,
    policy: ValidityPolicy,
) -> (Vec<CertificateFinding>, Option<Verification>) {
    let (found, verification) = judged(set, policy);
    let of_file = |one| Verification { file: Some(set.leaf.name().to_owned()), ..one };
    (found, verification.map(of_file))
}

fn judged(set: &KeyPair<'_>, policy: ValidityPolicy) -> (Vec<CertificateFinding>, Option<Verification>) {
    let mut found = single::unreadable(set.leaf);
    let presented: Vec<Vec<u8>> =
        set.leaf.chain().into_iter().chain(set.more.iter().flat_map(|source| source.chain())).collect();
    found.extend(paired_key::key(set));
    let Some(leaf) = set.leaf.facts.first() else {
        if set.leaf.found.faults.is_empty() {
            let message = "it holds no certificate";
            found.push(
                CertificateFinding::new(set.leaf.name(), Severity::Error, message)
                    .of(CauseKind::BadKeyFile, Some(Variant::WrongKind)),
            );
        }
        // Nothing is shown to anybody: no verifier accepts that.
        let anchors = anchors(set, &presented, CertificateSource::trusted_by_go);
        let verification = verify(&question(set, &presented, &anchors, policy));
        return (found, Some(verification));
    };
    // Whatever it says of itself, it is renewed as a leaf.
    let as_leaf = CertificateSummary { is_ca: false, ..leaf.clone() };
    let dated = single::dates(&as_leaf, policy, true);
    let dead = dated.as_ref().is_some_and(|finding| finding.severity == Severity::Error);
    found.extend(dated);
    for one in &set.leaf.facts {
        found.extend(single::make(one));
    }
    found.extend(order(set));
    found.extend(usage(set, leaf));
    let anchors = anchors(set, &presented, CertificateSource::trusted_by_go);
    let behind = |main| {
        let intermediates = set.leaf.facts.iter().skip(1).filter(|one| !one.self_issued);
        intermediates.filter_map(move |one| single::dates(one, policy, main))
    };
    if set.anchors.is_empty() {
        found.extend(behind(true));
        return (found, None);
    }
    let sources: Vec<&CertificateSource> =
        std::iter::once(set.leaf).chain(set.more.iter().copied()).collect();
    let seen: Vec<Vec<u8>> =
        sources.iter().flat_map(|one| one.seen_by_openssl()).map(<[u8]>::to_vec).collect();
    let trusted = self::anchors(set, &seen, CertificateSource::trusted_by_openssl);
    let mut verification = verify_files(
        &question(set, &presented, &anchors, policy),
        SeenByOpenSsl { presented: &seen, anchors: &trusted },
    );
    if let Some(message) = set.key.and_then(|key| key.found.mislabelled_key.as_ref()) {
        verification.openssl = false;
        verification.differences.push(format!("OpenSSL refuses: {message}"));
    }
    found.extend(names(set, leaf));
    let unnamed = if set.names.is_empty() {
        verification.clone()
    } else {
        verify(&ChainUnderTest { names: &[], ..question(set, &presented, &anchors, policy) })
    };
    // An intermediate that no chain needs may have ended.
    found.extend(behind(!unnamed.accepted));
    // Dates of the end-entity certificate are said; what else is wrong with the chain is asked on a
    // day on which it is valid.
    let chained = if dead {
        let middle = leaf.begins + (leaf.ends - leaf.begins) / 2;
        verify(&ChainUnderTest { names: &[], at: middle, ..question(set, &presented, &anchors, policy) })
    } else {
        unnamed
    };
    found.extend(refused(set, leaf, &chained, dead, &found));
    for difference in &verification.differences {
        found.push(CertificateFinding::new(set.leaf.name(), Severity::Note, difference.clone()));
    }
    if set.purpose == Purpose::Client {
        found.extend(start_up_check(set, leaf, &verification));
    }
    (found, Some(verification))
}

/// What is wrong with the chain beside what is found already. `dead`: it was asked for a day in the middle of the
/// leaf's validity, which has ended.
fn refused(
    set: &KeyPair<'_>,
    leaf: &CertificateSummary,
    chained: &Verification,
    dead: bool,
    found: &[CertificateFinding],
) -> Option<CertificateFinding> {
    let cause = chained.cause.filter(|_| !chained.accepted)?;
    // The others' dates on that day say nothing of today.
    let of_that_day = dead && matches!(cause, CauseKind::Expired | CauseKind::NotYetValid);
    let grave = |one: &CertificateFinding| one.severity == Severity::Error || cause == CauseKind::BadKeyFile;
    let said = found.iter().any(|one| one.cause == Some(cause) && grave(one));
    // That the CA file cannot be used is said of the CA file.
    let of_anchors = chained.variant == Some(Variant::EmptyTrustStore);
    if leaf.unread_by_go.is_some() || of_that_day || said || of_anchors {
        return None;
    }
    let reason = chained.reason.clone().unwrap_or_default();
    let mut finding =
        CertificateFinding::new(set.leaf.name(), Severity::Error, reason).of(cause, chained.variant);
    finding.fix = catalogue::fixes(cause, chained.variant, "certificates", &set.blanks);
    Some(finding)
}

fn question<'a>(
    set: &'a KeyPair<'_>,
    presented: &'a [Vec<u8>],
    anchors: &'a [Vec<u8>],
    policy: ValidityPolicy,
) -> ChainUnderTest<'a> {
    let KeyPair { candidates, names, purpose, .. } = set;
    ChainUnderTest { presented, anchors, candidates, names, purpose: *purpose, at: policy.at }
}

/// The anchors that can matter, as one of the readers sees them.
fn anchors(
    set: &KeyPair<'_>,
    presented: &[Vec<u8>],
    seen: fn(&CertificateSource) -> Vec<&[u8]>,
) -> Vec<Vec<u8>> {
    let all: Vec<&[u8]> = set.anchors.iter().flat_map(|source| seen(source)).collect();
    x509::relevant(&all, presented).into_iter().map(<[u8]>::to_vec).collect()
}

/// RFC 8446, 4.4.2: the end-entity certificate first; RFC 5246 wants the rest in order too.
fn order(set: &KeyPair<'_>) -> Vec<CertificateFinding> {
    let chain = &set.leaf.facts;
    let mut found = Vec::new();
    let Some(leaf) = chain.first() else { return found };
    if chain.len() > 1 && leaf.is_ca && chain.iter().any(|one| !one.is_ca) {
        let message = format!(
            "the file begins with the CA certificate of {}: the end-entity certificate has to come first",
            leaf.called()
        );
        found.push(
            CertificateFinding::new(set.leaf.name(), Severity::Error, message)
                .of(CauseKind::InvalidCa, None)
                .fix("write the end-entity certificate first, then its intermediates", ""),
        );
        return found;
    }
    // Two certificates of one intermediate, as after a cross-signature, may follow the one they both signed.
    let in_order = (1..chain.len()).all(|at| chain[..at].iter().any(|one| one.issuer == chain[at].subject));
    if !in_order {
        let message = "the certificates behind the first are not in order (each signed by the next); Go accepts it, TLS 1.2 clients need not";
        found.push(
            CertificateFinding::new(set.leaf.name(), Severity::Warning, message)
                .of(CauseKind::OtherTls, None),
        );
    }
    if chain.iter().skip(1).any(|one| one.self_issued && one.is_ca) {
        let message = "the file holds a root too; it is sent for nothing: clients use their own";
        found.push(CertificateFinding::new(set.leaf.name(), Severity::Note, message));
    }
    found
}

/// What Go does not look at and others do.
fn usage(set: &KeyPair<'_>, leaf: &CertificateSummary) -> Vec<CertificateFinding> {
    let mut found = Vec::new();
    let signs = leaf.key_usages.is_empty() || leaf.key_usages.iter().any(|one| one == "digitalSignature");
    if !leaf.is_ca && !signs && (set.purpose == Purpose::Client || !leaf.key.starts_with("RSA")) {
        let message = format!(
            "the key usage of {} ({}) lacks digitalSignature; Go does not look at it, OpenSSL does",
            leaf.called(),
            leaf.key_usages.join(", ")
        );
        found.push(
            CertificateFinding::new(set.leaf.name(), Severity::Warning, message)
                .of(CauseKind::WrongKeyUsage, None),
        );
    }
    if leaf.is_ca && set.leaf.facts.len() == 1 {
        let message = format!(
            "the end-entity certificate of {} is a CA certificate; Go accepts it, rustls does not",
            leaf.called()
        );
        found.push(
            CertificateFinding::new(set.leaf.name(), Severity::Warning, message)
                .of(CauseKind::InvalidCa, Some(Variant::CaAsEndEntity)),
        );
    }
    found
}

/// What is missing and used is an error; what only documents name is a note.
fn names(set: &KeyPair<'_>, leaf: &CertificateSummary) -> Vec<CertificateFinding> {
    let Ok(parsed) = &leaf.parsed() else { return Vec::new() };
    if set.names.is_empty() {
        return Vec::new();
    }
    let lacks = |name: &&str| x509::matches_name(parsed, name).is_err();
    let missing: Vec<&str> = set.names.iter().map(String::as_str).filter(lacks).collect();
    let unused: Vec<&str> =
        set.documented.iter().copied().filter(lacks).filter(|name| !missing.contains(name)).collect();
    let mut found = Vec::new();
    if !missing.is_empty() {
        let (variant, has) = if leaf.sans.is_empty() {
            let cn = leaf.common_name.as_deref().unwrap_or("nothing");
            (
                Some(Variant::NoSan),
                format!("no subject alternative name at all; its common name {cn} counts for nothing"),
            )
        } else {
            let address = missing.iter().all(|name| name.parse::<std::net::IpAddr>().is_ok());
            let as_text = missing.iter().find(|name| address && leaf.sans.iter().any(|san| san == *name));
            let has = match as_text {
                Some(name) => format!(
                    "{}; {name} is there as a DNS entry, and an address counts as an IP entry alone",
                    leaf.sans.join(", ")
                ),
                None => leaf.sans.join(", "),
            };
            (address.then_some(Variant::IpNotInSan), has)
        };
        let misplaced: Vec<String> = missing.iter().filter_map(|name| x509::as_text(parsed, name)).collect();
        let has = if misplaced.is_empty() { format!("it has {has}") } else { misplaced.join(", ") };
        let message =
            format!("the certificate of {} is not valid for {}; {has}", leaf.called(), missing.join(", "));
        found.push(
            CertificateFinding::new(set.leaf.name(), Severity::Error, message)
                .of(CauseKind::HostnameMismatch, variant)
                .fix(
                    "issue it again with every name (`cordumctl generate-certs` has no option for names): this writes \
                     it beside the present one, for the same key; put it in its place and restart what serves it",
                    reissue(set, leaf, &missing),
                ),
        );
    }
    if !unused.is_empty() {
        let message = format!(
            "{} are in the guide's list and not in the certificate; nothing connects by these names",
            unused.join(", ")
        );
        found.push(CertificateFinding::new(set.leaf.name(), Severity::Note, message));
    }
    found
}

/// What Cordum's services would say of the pair before they connect.
fn start_up_check(
    set: &KeyPair<'_>,
    leaf: &CertificateSummary,
    verification: &Verification,
) -> Option<CertificateFinding> {
    let first = set.anchors.first()?.facts.first()?;
    if !verification.accepted {
        return None;
    }
    (!chains_at_start(leaf, first)).then(|| {
        CertificateFinding::new(
            set.leaf.name(),
            Severity::Warning,
            "Cordum's services look at the first certificate of the client file and of the CA file alone before \
             they connect: there this pair does not chain, and they stop with `tls chain invalid`",
        )
        .of(CauseKind::UnknownAuthority, Some(Variant::MissingIntermediate))
        .fix("put the CA that signed the client certificate first into the CA file", "")
    })
}
