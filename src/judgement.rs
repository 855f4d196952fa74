//! The product's own recogniser and trust verdict in the form that the checks ask for.

use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use time::OffsetDateTime;
use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_checks::fault::{ChainFault, ChainVerdict, Sense};
use tls_verify_checks::tls::webpki_judge;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

/// Judges a presented chain: the library's verdict, told apart and said with what was seen.
#[must_use]
pub fn chain(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    name: Option<&str>,
    at: SystemTime,
) -> ChainVerdict {
    let mut verdict = webpki_judge(chain, anchors, name, at);
    let Some(main) = verdict.faults.first_mut() else { return verdict };
    let parsed = chain.first().and_then(|leaf| X509Certificate::from_der(leaf).ok()).map(|(_, leaf)| leaf);
    let Some(leaf) = parsed else { return verdict };
    let roots: Vec<X509Certificate<'_>> = anchors
        .iter()
        .filter_map(|anchor| X509Certificate::from_der(anchor).ok().map(|(_, anchor)| anchor))
        .collect();
    explain(main, &leaf, chain.len(), &roots, name);
    main.subject = Some(leaf.subject().to_string());
    let now = OffsetDateTime::from(at);
    let first = main.kind;
    verdict.faults.extend(others(&leaf, name, now).into_iter().filter(|fault| fault.kind != first));
    verdict
}

fn explain(
    fault: &mut ChainFault,
    leaf: &X509Certificate<'_>,
    presented: usize,
    roots: &[X509Certificate<'_>],
    name: Option<&str>,
) {
    let subject = leaf.subject().to_string();
    let issuer = leaf.issuer().to_string();
    match fault.kind {
        CauseKind::UnknownAuthority | CauseKind::BadSignature => {
            fault.kind = CauseKind::UnknownAuthority;
            let anchors: Vec<String> = roots.iter().map(|root| root.subject().to_string()).collect();
            let (variant, message) = if roots.is_empty() {
                (Variant::EmptyTrustStore, "no trust anchor was given".to_owned())
            } else if subject == issuer {
                (Variant::SelfSigned, format!("the certificate of {subject} is signed by itself"))
            } else if roots.iter().any(|root| root.subject() == leaf.issuer()) {
                let message = format!(
                    "the certificate of {subject} names the issuer {issuer}; the CA file has a CA of that name \
                     with another key (the CA was regenerated)"
                );
                (Variant::CaRegenerated, message)
            } else {
                let message = format!(
                    "the certificate of {subject} is issued by {issuer} ({presented} sent); the CA file holds {}",
                    anchors.join("; ")
                );
                (Variant::OtherCa, message)
            };
            fault.variant = Some(variant);
            fault.message = message;
        }
        CauseKind::Expired | CauseKind::NotYetValid => {
            let (kind, message) = match dates(leaf, None) {
                Some(fault) => (fault.kind, fault.message),
                None => return,
            };
            if kind == fault.kind {
                fault.message = message;
            }
        }
        CauseKind::HostnameMismatch => {
            if let Some(found) = names(leaf, name) {
                fault.variant = found.variant;
                fault.message = found.message;
            }
        }
        _ => fault.message = format!("the certificate of {subject}: {}", fault.message),
    }
}

/// What else is wrong with the end-entity certificate.
fn others(leaf: &X509Certificate<'_>, name: Option<&str>, now: OffsetDateTime) -> Vec<ChainFault> {
    let wrong_name = name.filter(|name| !covers(leaf, name)).and_then(|name| names(leaf, Some(name)));
    dates(leaf, Some(now)).into_iter().chain(wrong_name).collect()
}

fn dates(leaf: &X509Certificate<'_>, now: Option<OffsetDateTime>) -> Option<ChainFault> {
    let now = now.unwrap_or_else(OffsetDateTime::now_utc);
    let validity = leaf.validity();
    let (from, to) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    let subject = leaf.subject().to_string();
    let fault =
        |kind, message| Some(ChainFault { kind, variant: None, message, subject: Some(subject.clone()) });
    if now > to {
        let message = format!("the certificate of {subject} ended on {} ({} ago)", day(to), span(now - to));
        fault(CauseKind::Expired, message)
    } else if now < from {
        let message =
            format!("the certificate of {subject} begins on {} (in {})", day(from), span(from - now));
        fault(CauseKind::NotYetValid, message)
    } else {
        None
    }
}

fn names(leaf: &X509Certificate<'_>, name: Option<&str>) -> Option<ChainFault> {
    let name = name?;
    let sans = sans(leaf);
    let address = name.parse::<std::net::IpAddr>().is_ok();
    let subject = leaf.subject().to_string();
    let (variant, message) = if sans.is_empty() {
        let message =
            format!("the certificate of {subject} has no subject alternative names; `{name}` was expected");
        (Some(Variant::NoSan), message)
    } else {
        let message =
            format!("the certificate of {subject} is valid for {}, not for `{name}`", sans.join(", "));
        (address.then_some(Variant::IpNotInSan), message)
    };
    Some(ChainFault { kind: CauseKind::HostnameMismatch, variant, message, subject: Some(subject) })
}

fn sans(leaf: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = leaf.subject_alternative_name() else { return Vec::new() };
    extension
        .value
        .general_names
        .iter()
        .take(100)
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match bytes.len() {
                4 => {
                    <[u8; 4]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv4Addr::from(bytes).to_string())
                }
                16 => {
                    <[u8; 16]>::try_from(*bytes).ok().map(|bytes| std::net::Ipv6Addr::from(bytes).to_string())
                }
                _ => None,
            },
            _ => None,
        })
        .collect()
}

/// RFC 9525, 6.3: a wildcard stands for the whole leftmost label alone.
fn covers(leaf: &X509Certificate<'_>, name: &str) -> bool {
    sans(leaf).iter().any(|san| {
        san.eq_ignore_ascii_case(name)
            || san
                .strip_prefix("*.")
                .zip(name.split_once('.'))
                .is_some_and(|(parent, (_, rest))| parent.eq_ignore_ascii_case(rest))
    })
}

fn day(at: OffsetDateTime) -> String {
    let format = time::macros::format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    at.format(&format).unwrap_or_default()
}

fn span(duration: time::Duration) -> String {
    let days = duration.whole_days();
    if days >= 2 { format!("{days} days") } else { format!("{} hours", duration.whole_hours()) }
}

/// Reads a log line.
#[must_use]
pub fn line(text: &[u8]) -> Sense {
    crate::recognise::sense(text)
}

/// Masks secrets.
#[must_use]
pub fn redact(text: &str) -> String {
    crate::recognise::redact(text)
}
