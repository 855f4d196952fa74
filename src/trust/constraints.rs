//! Name constraints, as Go's `checkChainConstraints` (RFC 5280, 4.2.1.10).

use super::Parsed;
use super::parsed::Subtree;

/// Whether every name of a chain's lower certificates is within the constraints of the upper ones.
///
/// # Errors
/// The name and the constraint.
pub(super) fn check(chain: &[&Parsed]) -> Result<(), String> {
    // Work is bounded: a hostile chain can hold many names and many constraints.
    let mut budget = 250_000_usize;
    for (index, upper) in chain.iter().enumerate() {
        if index == 0 || (upper.permitted.is_empty() && upper.excluded.is_empty()) {
            continue;
        }
        for lower in &chain[..index] {
            for name in names(lower) {
                let cost = upper.permitted.len() + upper.excluded.len();
                budget = budget.checked_sub(cost).ok_or("x509: too many name constraints")?;
                one(upper, &name)?;
            }
        }
    }
    Ok(())
}

enum Name<'a> {
    Dns(&'a str),
    Ip(&'a [u8]),
    Email(&'a str),
    Uri(&'a str),
}

fn names(certificate: &Parsed) -> Vec<Name<'_>> {
    let mut names: Vec<Name<'_>> = certificate.dns.iter().map(|name| Name::Dns(name)).collect();
    names.extend(certificate.ips.iter().map(|ip| Name::Ip(ip)));
    names.extend(certificate.emails.iter().map(|email| Name::Email(email)));
    names.extend(certificate.uris.iter().map(|uri| Name::Uri(uri)));
    names
}

fn one(upper: &Parsed, name: &Name<'_>) -> Result<(), String> {
    let shown = match name {
        Name::Dns(name) | Name::Email(name) | Name::Uri(name) => (*name).to_owned(),
        Name::Ip(octets) => format!("{octets:?}"),
    };
    let mut of_kind = 0;
    let mut permitted = false;
    for subtree in &upper.permitted {
        if let Some(within) = within(name, subtree, false)? {
            of_kind += 1;
            permitted |= within;
        }
    }
    if of_kind > 0 && !permitted {
        return Err(format!("{shown:?} is not permitted by any constraint"));
    }
    for subtree in &upper.excluded {
        if within(name, subtree, true)? == Some(true) {
            return Err(format!("{shown:?} is excluded by constraint"));
        }
    }
    Ok(())
}

/// `None`: the constraint is of another kind.
fn within(name: &Name<'_>, subtree: &Subtree, excluded: bool) -> Result<Option<bool>, String> {
    Ok(Some(match (name, subtree) {
        (Name::Dns(name), Subtree::Dns(constraint)) => {
            let name = name.to_ascii_lowercase();
            let name = name.as_str();
            domain(name, constraint)
                // An excluded `a.example` also excludes `*.example`, which could stand for it.
                || (excluded
                    && name.strip_prefix("*.").is_some_and(|parent| {
                        constraint.split_once('.').is_some_and(|(_, rest)| rest == parent)
                    }))
        }
        (Name::Ip(ip), Subtree::Ip(base, mask)) => {
            ip.len() == base.len()
                && ip.iter().zip(base).zip(mask).all(|((ip, base), mask)| ip & mask == base & mask)
        }
        (Name::Email(email), Subtree::Email(constraint)) => {
            let (local, host) =
                email.rsplit_once('@').ok_or_else(|| format!("cannot parse rfc822Name {email:?}"))?;
            match constraint.rsplit_once('@') {
                Some((wanted, at)) => wanted == local && at.eq_ignore_ascii_case(host),
                None if constraint.starts_with('.') => {
                    host.to_ascii_lowercase().ends_with(&constraint.to_ascii_lowercase())
                }
                None => constraint.is_empty() || host.eq_ignore_ascii_case(constraint),
            }
        }
        (Name::Uri(uri), Subtree::Uri(constraint)) => {
            let parsed = url::Url::parse(uri).map_err(|_| format!("cannot parse URI {uri:?}"))?;
            match parsed.host() {
                Some(url::Host::Domain(host)) => {
                    let host = host.to_ascii_lowercase();
                    if constraint.starts_with('.') {
                        host.ends_with(constraint)
                    } else {
                        constraint.is_empty() || host == *constraint
                    }
                }
                _ => return Err(format!("URI {uri:?} cannot be matched against constraints")),
            }
        }
        _ => return Ok(None),
    }))
}

/// Go's `dnsHasSuffix`: equal, or a sub-domain; a leading dot demands a sub-domain.
fn domain(name: &str, constraint: &str) -> bool {
    if constraint.is_empty() {
        return true;
    }
    name.strip_suffix(constraint).is_some_and(|head| {
        head.is_empty() && !constraint.starts_with('.')
            || constraint.starts_with('.') && !head.is_empty()
            || head.ends_with('.')
    })
}
