//! A certificate and its key, judged for the role in which a service names them, and the pair to name instead.

use time::OffsetDateTime;

use super::context::{CureContext, Held};
use super::view::WorkloadView;
use crate::cause::{CauseKind, Variant};
use crate::certificates::{self, CertificateSource, CertificateSummary, ChainUnderTest, belongs, verify};
use crate::x509::Purpose;

/// What a pair has to be.
#[derive(Clone, Copy, Debug)]
pub(super) struct PairPurpose<'a> {
    pub(super) purpose: Purpose,
    pub(super) anchors: &'a [Vec<u8>],
    pub(super) names: &'a [String],
}

/// What is wrong with a pair.
#[derive(Clone, Debug)]
pub(super) struct PairFault {
    pub(super) cause: CauseKind,
    pub(super) variant: Option<Variant>,
    /// The file at fault, in the container.
    pub(super) path: String,
    /// What was seen of it.
    pub(super) seen: String,
    /// The end-entity certificate is right: one that is sent behind it is not.
    pub(super) behind: bool,
}

impl PairFault {
    /// What the file at fault has to hold, where `cert` is the pair's certificate.
    #[must_use]
    pub(super) fn wanted(&self, cert: &str, purpose: &str) -> String {
        match (self.path == cert, self.behind) {
            (true, true) => "its certificate with a valid one of the intermediate CA behind it".to_owned(),
            (true, false) => {
                format!("one new certificate of the same CA ({purpose}) for the key beside it")
            }
            (false, _) => "the private key that belongs to the certificate beside it".to_owned(),
        }
    }
}

/// An intermediate outside its time that is sent behind a certificate, where every CA that is trusted is within its own.
fn behind(
    facts: &CureContext<'_>,
    at: &str,
    source: &CertificateSource,
    anchors: &[Vec<u8>],
) -> Option<PairFault> {
    let outside = |one: &CertificateSummary| facts.now > one.ends || facts.now < one.begins;
    if anchors.iter().any(|der| CertificateSummary::read("", 0, der).is_ok_and(|one| outside(&one))) {
        return None;
    }
    let sent = source.facts.iter().skip(1).find(|one| outside(one))?;
    let (cause, then, moment) = if facts.now > sent.ends {
        (CauseKind::Expired, "ended", sent.ends)
    } else {
        (CauseKind::NotYetValid, "begins", sent.begins)
    };
    let seen =
        format!("{at}: the intermediate {} behind the certificate {then} on {}", sent.called(), day(moment));
    Some(PairFault { cause, variant: None, path: String::new(), seen, behind: true })
}

/// `2026-03-01`.
#[must_use]
pub(super) fn day(at: OffsetDateTime) -> String {
    certificates::single::day(at)
}

/// Why a file cannot be used at all.
fn unusable(facts: &CureContext<'_>, view: &WorkloadView<'_>, path: &str) -> Option<PairFault> {
    let fault = |variant, seen: &str| PairFault {
        cause: CauseKind::BadKeyFile,
        variant: Some(variant),
        path: path.to_owned(),
        seen: format!("{} {seen}", view.located(path)),
        behind: false,
    };
    match facts.shelf.read(view.container, path) {
        Held::Missing => Some(fault(Variant::FileMissing, "does not exist")),
        Held::NoFile => Some(fault(Variant::WrongKind, "is no file")),
        Held::Unknown if view.strays(path) => Some(fault(Variant::FileMissing, STRAYS)),
        Held::Bytes(bytes) if !is_pem(&bytes) => Some(fault(Variant::NoPem, NO_PEM)),
        Held::Bytes(_) | Held::Forbidden | Held::Unknown => None,
    }
}

/// What is said of a path in the image, where nothing is.
pub(super) const STRAYS: &str = "is in nothing that the container mounts";
/// What is said of DER and the like.
pub(super) const NO_PEM: &str = "holds no PEM, and nothing else is read";

/// Go and OpenSSL read PEM where a file is named.
pub(super) fn is_pem(bytes: &[u8]) -> bool {
    const BEGIN: &[u8] = b"-----BEGIN ";
    bytes.windows(BEGIN.len()).any(|words| words == BEGIN)
}

/// Judges a pair. `Err(None)`: nobody can tell from here.
///
/// # Errors
/// What is wrong with it.
pub(super) fn verdict(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    (cert, key): (&str, &str),
    role: PairPurpose<'_>,
) -> Result<CertificateSource, Option<PairFault>> {
    for path in [cert, key] {
        if let Some(fault) = unusable(facts, view, path) {
            return Err(Some(fault));
        }
    }
    let Some(source) = facts.source(view.container, cert) else { return Err(None) };
    let fault = |cause, variant, path: &str, seen: String| {
        Err(Some(PairFault { cause, variant, path: path.to_owned(), seen, behind: false }))
    };
    let at = view.located(cert);
    let Some(leaf) = source.facts.first() else {
        let seen = format!("{at} holds no certificate that can be read");
        return fault(CauseKind::BadKeyFile, Some(Variant::NoPem), cert, seen);
    };
    let called = leaf.called();
    if facts.now > leaf.ends {
        let seen = format!("{at}: the certificate of {called} ended on {}", day(leaf.ends));
        return fault(CauseKind::Expired, None, cert, seen);
    }
    if facts.now < leaf.begins {
        let seen = format!("{at}: the certificate of {called} begins on {}", day(leaf.begins));
        return fault(CauseKind::NotYetValid, None, cert, seen);
    }
    if let Some(held) = facts.source(view.container, key) {
        if held.found.keys().next().is_none() && held.found.faults.is_empty() {
            let seen = format!("{} holds no private key", view.located(key));
            return fault(CauseKind::BadKeyFile, Some(Variant::WrongKind), key, seen);
        }
        if belongs(&held, leaf) == Some(false) {
            let seen = format!("{} is not the key of the certificate in {at}", view.located(key));
            return fault(CauseKind::KeyMismatch, None, key, seen);
        }
    }
    if role.anchors.is_empty() {
        return Ok(source);
    }
    let question = ChainUnderTest {
        presented: &source.chain(),
        anchors: role.anchors,
        candidates: &[],
        names: role.names,
        purpose: role.purpose,
        at: facts.now,
    };
    let verdict = verify(&question);
    let seen = match verdict.cause {
        None => return Ok(source),
        // A CA that has ended is no fault of what it signed.
        Some(CauseKind::Expired | CauseKind::NotYetValid) => {
            let sent = behind(facts, &at, &source, role.anchors);
            return Err(sent.map(|fault| PairFault { path: cert.to_owned(), ..fault }));
        }
        Some(CauseKind::InvalidCa) => return Err(None),
        Some(CauseKind::UnknownAuthority | CauseKind::BadSignature) => {
            format!("{at}: the certificate of {called} is of another CA ({})", leaf.issuer)
        }
        Some(CauseKind::WrongKeyUsage) => {
            let wanted = if role.purpose == Purpose::Client { "clientAuth" } else { "serverAuth" };
            format!("{at}: the certificate of {called} lacks {wanted}")
        }
        Some(CauseKind::HostnameMismatch) => format!(
            "{at}: the certificate of {called} is for {}, not for {}",
            leaf.sans.join(", "),
            role.names.join(", ")
        ),
        Some(_) => format!("{at}: {}", verdict.reason.clone().unwrap_or_default()),
    };
    let cause = verdict.cause.unwrap_or(CauseKind::OtherTls);
    fault(cause, verdict.variant, cert, seen)
}

/// Another pair that this container has and that fits the role: one that others name, else one that lies in its
/// mounts.
#[must_use]
pub(super) fn instead(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    present: (&str, &str),
    named: &[(String, String)],
    role: PairPurpose<'_>,
) -> Option<(String, String, CertificateSource)> {
    let mut candidates: Vec<(String, String)> = named.to_vec();
    let mut folders: Vec<&str> = Vec::new();
    for mount in &view.container.mounts {
        let near = mount.holds(present.0) || mount.holds(present.1) || mount.target.contains("tls");
        if near && !folders.contains(&mount.target.as_str()) {
            folders.push(&mount.target);
        }
    }
    for folder in folders {
        let files = facts.shelf.list(view.container, folder);
        for cert in files.iter().filter(|file| file.ends_with(".crt") || file.ends_with(".pem")) {
            let stem = &cert[..cert.len() - 4];
            if let Some(key) = files.iter().find(|file| **file == format!("{stem}.key")) {
                let pair = (cert.clone(), key.clone());
                if !candidates.contains(&pair) {
                    candidates.push(pair);
                }
            }
        }
    }
    candidates.into_iter().filter(|(cert, key)| (cert.as_str(), key.as_str()) != present).find_map(
        |(cert, key)| {
            let source = verdict(facts, view, (&cert, &key), role).ok()?;
            // A CA is no end-entity certificate, and a key that nobody can see is no pair.
            let usable = source.facts.first().is_some_and(|leaf| !leaf.is_ca)
                && !matches!(facts.shelf.read(view.container, &key), Held::Unknown);
            usable.then_some((cert, key, source))
        },
    )
}

/// What a pair's certificate is good for, for the sentence that names it.
#[must_use]
pub(super) fn valid_until(source: &CertificateSource) -> String {
    source.facts.first().map_or_else(String::new, |leaf| format!("valid until {}", day(leaf.ends)))
}

/// Whether a folder that others mount at the same target brings a pair that fits: the host folder to mount instead.
#[must_use]
pub(super) fn other_mount(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    path: &str,
    fits: &dyn Fn(&WorkloadView<'_>) -> bool,
) -> Option<(String, String, String)> {
    use crate::workload::MountSource;
    let mount = view.container.mount_of(path)?;
    let MountSource::Host(mine) = &mount.source else { return None };
    let mut count: Vec<(String, usize)> = Vec::new();
    for other in facts.views() {
        let same = other.container.mounts.iter().find(|one| one.target == mount.target);
        let Some(MountSource::Host(theirs)) = same.map(|one| &one.source) else { continue };
        if theirs == mine || !fits(&other) {
            continue;
        }
        match count.iter_mut().find(|(known, _)| known == theirs) {
            Some((_, count)) => *count += 1,
            None => count.push((theirs.clone(), 1)),
        }
    }
    let (best, _) = count.into_iter().max_by_key(|(_, count)| *count)?;
    Some((mount.target.clone(), mine.clone(), best))
}
