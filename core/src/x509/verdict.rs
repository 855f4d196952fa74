//! The verdict on a chain that a peer presents: all that is wrong with it, as Go's crypto/x509 finds it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;

use super::webpki::{webpki_verdict, webpki_verdict_of_verified};
use super::{CandidatePool, ChainRefusal, Parsed, Purpose, VerifyOptions, explain, matches_name, verify};
use crate::cause::{CauseKind, Confidence, Variant};

/// A fault of a presented chain or of its anchors, found by our own verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainFault {
    pub kind: CauseKind,
    pub variant: Option<Variant>,
    /// Which certificate and what was seen of it.
    pub message: String,
    /// Subject of the certificate at fault.
    pub subject: Option<String>,
    /// `likely` where what was presented leaves another reading open.
    pub confidence: Confidence,
    /// It is the fault of a trust anchor of ours, not of what was presented.
    pub of_anchor: bool,
}

impl ChainFault {
    /// A fault that the certificates themselves show.
    #[must_use]
    pub fn new(kind: CauseKind, variant: Option<Variant>, message: impl Into<String>) -> Self {
        Self {
            kind,
            variant,
            message: message.into(),
            subject: None,
            confidence: Confidence::Certain,
            of_anchor: false,
        }
    }
}

/// What our verifier says of a chain; no fault means accepted.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChainVerdict {
    pub faults: Vec<ChainFault>,
    /// Accepted by Go, refused by another verifier: worth a warning.
    pub remarks: Vec<ChainFault>,
}

/// Anchors that were read once.
struct Anchors {
    der: Vec<CertificateDer<'static>>,
    parsed: Arc<Vec<Parsed>>,
}

/// The anchors as Go reads them: what `AppendCertsFromPEM` cannot parse is passed over. The last ones are
/// kept, as a list of targets is judged with the same.
fn anchors(der: &[CertificateDer<'_>]) -> Arc<Vec<Parsed>> {
    static LAST: Mutex<Option<Anchors>> = Mutex::new(None);
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(known) = last.as_ref().filter(|known| known.der == der) {
        return Arc::clone(&known.parsed);
    }
    let parsed: Vec<Parsed> = der.iter().filter_map(|anchor| Parsed::read(anchor).ok()).collect();
    let parsed = Arc::new(parsed);
    let der = der.iter().map(|one| one.clone().into_owned()).collect();
    *last = Some(Anchors { der, parsed: Arc::clone(&parsed) });
    parsed
}

fn those_that_matter<'a>(
    anchors: &'a [CertificateDer<'_>],
    chain: &[CertificateDer<'_>],
) -> Vec<CertificateDer<'a>> {
    super::relevant(anchors, chain).into_iter().map(CertificateDer::from).collect()
}

/// A question and its answer.
struct RememberedVerdict {
    chain: Vec<CertificateDer<'static>>,
    anchors: Vec<CertificateDer<'static>>,
    name: Option<String>,
    seconds: u64,
    verdict: ChainVerdict,
}

/// Answers that are remembered, oldest first.
const REMEMBERED: usize = 32;

/// Judges a presented chain as Go's crypto/x509 does; where rustls' own verifier would refuse what Go
/// accepts, that is a remark. The verdict follows from its arguments alone, so the same question within the
/// same second, as by the replicas of a service, is answered from memory.
#[must_use]
pub fn of_server(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    name: Option<&str>,
    at: SystemTime,
) -> ChainVerdict {
    static KNOWN: Mutex<VecDeque<RememberedVerdict>> = Mutex::new(VecDeque::new());
    let anchors = &those_that_matter(anchors, chain)[..];
    let seconds = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let lock = || KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    let same = |one: &&RememberedVerdict| {
        one.seconds == seconds && one.name.as_deref() == name && one.chain == chain && one.anchors == anchors
    };
    if let Some(known) = lock().iter().rev().find(same) {
        return known.verdict.clone();
    }
    let verdict = verdict_for(chain, anchors, name, at, Purpose::Server);
    let owned = |all: &[CertificateDer<'_>]| all.iter().map(|one| one.clone().into_owned()).collect();
    let one = RememberedVerdict {
        chain: owned(chain),
        anchors: owned(anchors),
        name: name.map(str::to_owned),
        seconds,
        verdict: verdict.clone(),
    };
    let mut known = lock();
    if known.len() >= REMEMBERED {
        known.pop_front();
    }
    known.push_back(one);
    verdict
}

/// Judges a client's chain as a Go server does.
#[must_use]
pub fn of_client(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    at: SystemTime,
) -> ChainVerdict {
    verdict_for(chain, &those_that_matter(anchors, chain), None, at, Purpose::Client)
}

fn verdict_for(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    name: Option<&str>,
    at: SystemTime,
    purpose: Purpose,
) -> ChainVerdict {
    let unread = |message: String| ChainVerdict {
        faults: vec![ChainFault::new(CauseKind::OtherTls, None, message)],
        remarks: Vec::new(),
    };
    let Some((leaf, rest)) = chain.split_first() else { return webpki_verdict(chain, anchors, name, at) };
    let leaf = match Parsed::read(leaf) {
        Ok(leaf) => leaf,
        Err(why) => return unread(format!("Go does not parse the end-entity certificate: {why}")),
    };
    let mut intermediates = Vec::with_capacity(rest.len());
    for (index, der) in rest.iter().enumerate() {
        match Parsed::read(der) {
            Ok(one) => intermediates.push(one),
            Err(why) => {
                return unread(format!("Go does not parse certificate {} of the chain: {why}", index + 2));
            }
        }
    }
    let roots = self::anchors(anchors);
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_secs()).unwrap_or(i64::MAX);
    let options = VerifyOptions { at: now, name, purpose };
    let Err(first) = verify(&leaf, &intermediates, &roots, &options) else {
        if purpose == Purpose::Client {
            return ChainVerdict::default();
        }
        let refused = webpki_verdict_of_verified(chain, anchors, name, at).faults;
        let remarks = refused
            .into_iter()
            .map(|fault| ChainFault {
                message: format!(
                    "Go accepts the certificate of {}, other verifiers (rustls) do not: {}",
                    leaf.subject, fault.message
                ),
                ..fault
            })
            .collect();
        return ChainVerdict { faults: Vec::new(), remarks };
    };
    let around =
        CandidatePool { leaf: &leaf, intermediates: &intermediates, anchors: &roots, candidates: &[] };
    let mut faults = vec![fault(&explain(&first, around), &leaf, name, now)];
    // All faults are listed: dates, names, and the chain as it is on a day on which the leaf is valid.
    let dated = dates(&leaf, now);
    let named = name.filter(|name| matches_name(&leaf, name).is_err()).map(|name| names(&leaf, name));
    let day = if dated.is_some() { leaf.not_before / 2 + leaf.not_after / 2 } else { now };
    let chained = verify(&leaf, &intermediates, &roots, &VerifyOptions { at: day, name: None, ..options })
        .err()
        // The dates of the others on that day say nothing of today.
        .filter(|refusal| day == now || !matches!(refusal.cause, CauseKind::Expired | CauseKind::NotYetValid))
        .map(|refusal| fault(&explain(&refusal, around), &leaf, name, now));
    for other in dated.into_iter().chain(named).chain(chained) {
        if faults.iter().all(|known| known.kind != other.kind) {
            faults.push(other);
        }
    }
    // Another CA and an intermediate that was not sent look alike unless a root came along.
    let rooted = intermediates.iter().chain([&leaf]).any(|one| one.subject == one.issuer);
    for fault in faults.iter_mut().filter(|fault| fault.variant == Some(Variant::OtherCa) && !rooted) {
        fault.confidence = Confidence::Likely;
    }
    // Whether it is our CA or one that was presented decides who has to change something.
    for fault in &mut faults {
        let of = |one: &Parsed| fault.subject.as_ref() == Some(&one.subject);
        fault.of_anchor =
            !of(&leaf) && roots.iter().any(of) && !matches!(fault.kind, CauseKind::UnknownAuthority);
    }
    // An untrusted authority makes dates and names of little worth: it stands first.
    faults.sort_by_key(|fault| fault.kind != CauseKind::UnknownAuthority);
    ChainVerdict { faults, remarks: Vec::new() }
}

fn fault(refusal: &ChainRefusal, leaf: &Parsed, name: Option<&str>, now: i64) -> ChainFault {
    let own = refusal.subject == leaf.subject;
    match refusal.cause {
        CauseKind::Expired | CauseKind::NotYetValid if own => {
            dates(leaf, now).unwrap_or_else(|| plain(refusal))
        }
        CauseKind::HostnameMismatch => name.map_or_else(|| plain(refusal), |name| names(leaf, name)),
        _ => plain(refusal),
    }
}

fn plain(refusal: &ChainRefusal) -> ChainFault {
    let of = if refusal.subject.is_empty() || refusal.reason.contains(&refusal.subject) {
        String::new()
    } else {
        format!(" (certificate of {})", refusal.subject)
    };
    let fault = ChainFault::new(refusal.cause, refusal.variant, format!("{}{of}", refusal.reason));
    ChainFault { subject: Some(refusal.subject.clone()), ..fault }
}

fn dates(leaf: &Parsed, now: i64) -> Option<ChainFault> {
    let instant = |at: i64| OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let (from, to, now) = (instant(leaf.not_before), instant(leaf.not_after), instant(now));
    let subject = &leaf.subject;
    let (kind, message) = if now > to {
        let message = format!("the certificate of {subject} ended on {} ({} ago)", day(to), span(now - to));
        (CauseKind::Expired, message)
    } else if now < from {
        let message =
            format!("the certificate of {subject} begins on {} (in {})", day(from), span(from - now));
        (CauseKind::NotYetValid, message)
    } else {
        return None;
    };
    Some(ChainFault { subject: Some(subject.clone()), ..ChainFault::new(kind, None, message) })
}

fn names(leaf: &Parsed, name: &str) -> ChainFault {
    let mut has: Vec<String> = leaf.dns.iter().take(50).cloned().collect();
    has.extend(leaf.ips.iter().take(50).filter_map(|octets| match octets.len() {
        4 => <[u8; 4]>::try_from(octets.as_slice()).ok().map(|ip| std::net::Ipv4Addr::from(ip).to_string()),
        16 => <[u8; 16]>::try_from(octets.as_slice()).ok().map(|ip| std::net::Ipv6Addr::from(ip).to_string()),
        _ => None,
    }));
    let subject = leaf.subject.clone();
    let (variant, message) = if has.is_empty() {
        let message =
            format!("the certificate of {subject} has no subject alternative names; `{name}` was expected");
        (Some(Variant::NoSan), message)
    } else {
        let message = match super::names::as_text(leaf, name) {
            Some(text) => format!("the certificate of {subject}: {text}"),
            None => format!("the certificate of {subject} is valid for {}, not for `{name}`", has.join(", ")),
        };
        let address = name.parse::<std::net::IpAddr>().is_ok();
        (address.then_some(Variant::IpNotInSan), message)
    };
    ChainFault { subject: Some(subject), ..ChainFault::new(CauseKind::HostnameMismatch, variant, message) }
}

fn day(at: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.format(&format).unwrap_or_default()
}

fn span(duration: time::Duration) -> String {
    let days = duration.whole_days();
    if days >= 2 { format!("{days} days") } else { format!("{} hours", duration.whole_hours()) }
}
