//! Reference identities against subjectAltName, as Go's `VerifyHostname` (RFC 6125, no common name).

use std::net::IpAddr;

use crate::cause::{CauseKind, Variant};

use super::{ChainRefusal, Parsed};

/// Whether a certificate is for a name or an address.
///
/// # Errors
/// The mismatch, in Go's words.
pub fn matches_name(certificate: &Parsed, name: &str) -> Result<(), ChainRefusal> {
    let bare = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let refuse = |variant: Option<Variant>, reason: String| {
        Err(ChainRefusal::new(CauseKind::HostnameMismatch, variant, &reason, &certificate.subject))
    };
    let no_names = certificate.dns.is_empty() && certificate.ips.is_empty();
    if let Ok(ip) = bare.parse::<IpAddr>() {
        let plain = |octets: &[u8]| -> Option<IpAddr> {
            let ip = match octets.len() {
                4 => IpAddr::from(<[u8; 4]>::try_from(octets).ok()?),
                _ => IpAddr::from(<[u8; 16]>::try_from(octets).ok()?),
            };
            Some(ip.to_canonical())
        };
        if certificate.ips.iter().any(|octets| plain(octets) == Some(ip.to_canonical())) {
            return Ok(());
        }
        let variant = if no_names { Variant::NoSan } else { Variant::IpNotInSan };
        return refuse(
            Some(variant),
            format!(
                "x509: cannot validate certificate for {bare} because it doesn't contain any IP SANs for it"
            ),
        );
    }
    let host = name.to_ascii_lowercase();
    let valid = valid_hostname(host.strip_suffix('.').unwrap_or(&host), false);
    let trimmed = host.strip_suffix('.').unwrap_or(&host);
    let parts: Vec<&str> = trimmed.split('.').collect();
    for pattern in &certificate.dns {
        let pattern = pattern.to_ascii_lowercase();
        let matched = if valid && valid_hostname(&pattern, true) {
            let wanted: Vec<&str> = pattern.split('.').collect();
            wanted.len() == parts.len()
                && wanted
                    .iter()
                    .zip(&parts)
                    .enumerate()
                    .all(|(index, (wanted, part))| (index == 0 && *wanted == "*") || wanted == part)
        } else {
            !host.is_empty() && host != "." && pattern == host
        };
        if matched {
            return Ok(());
        }
    }
    if no_names {
        return refuse(
            Some(Variant::NoSan),
            format!("x509: certificate is not valid for any names, but wanted to match {name}"),
        );
    }
    let names = certificate.dns.iter().take(20).cloned().collect::<Vec<_>>().join(", ");
    refuse(None, format!("x509: certificate is valid for {names}, not {name}"))
}

/// An address that stands among the DNS names, where nobody looks for it; in a sentence.
#[must_use]
pub fn as_text(certificate: &Parsed, name: &str) -> Option<String> {
    let ip: IpAddr = name.trim_matches(['[', ']']).parse().ok()?;
    let stands = |one: &String| one.parse::<IpAddr>() == Ok(ip);
    certificate
        .dns
        .iter()
        .any(stands)
        .then(|| format!("{ip} stands there as a DNS name; it has to be an IP entry"))
}

/// Go's `validHostname`: letters, digits, `-` not first, `_`; a wildcard as the whole first label.
fn valid_hostname(host: &str, pattern: bool) -> bool {
    !host.is_empty()
        && host != "*"
        && host.split('.').enumerate().all(|(index, part)| {
            !part.is_empty()
                && ((pattern && index == 0 && part == "*")
                    || part.bytes().enumerate().all(|(at, byte)| {
                        byte.is_ascii_alphanumeric() || byte == b'_' || (byte == b'-' && at != 0)
                    }))
        })
}
