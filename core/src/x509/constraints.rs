//! Name constraints, as Go's `checkChainConstraints` (1.26, `constraints.go`): sorted, pruned and looked
//! up by binary search, with what follows from that for constraints that no subtree describes.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use super::Parsed;
use super::extensions::domain_is_valid;
use super::mailbox::{self, Mailbox};
use super::parsed::Subtree;

/// Whether every name of a chain's lower certificates is within the constraints of the upper ones.
///
/// # Errors
/// The name and the constraint.
pub(super) fn check(chain: &[&Parsed]) -> Result<(), String> {
    let constraints: Vec<(usize, Constraints)> = chain
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, one)| one.constrains)
        .map(|(index, one)| (index, Constraints::of(one)))
        .collect();
    for (index, lower) in chain.iter().enumerate() {
        let mut upper = constraints.iter().filter(|(above, _)| *above > index).peekable();
        if lower.raw_san.is_none() || upper.peek().is_none() {
            continue;
        }
        // A name that cannot be read is refused, whatever the constraints are about.
        let names = Names::of(lower)?;
        for (_, constraints) in upper {
            constraints.check(&names)?;
        }
    }
    Ok(())
}

struct Names<'a> {
    certificate: &'a Parsed,
    uris: Vec<(&'a str, String)>,
    emails: Vec<Mailbox>,
}

impl<'a> Names<'a> {
    fn of(certificate: &'a Parsed) -> Result<Self, String> {
        let uris = certificate.uris.iter().map(|uri| Ok((uri.as_str(), uri_host(uri)?)));
        let emails = certificate
            .emails
            .iter()
            .map(|email| mailbox::parse(email).ok_or_else(|| format!("cannot parse rfc822Name {email:?}")));
        Ok(Self {
            certificate,
            uris: uris.collect::<Result<_, String>>()?,
            emails: emails.collect::<Result<_, _>>()?,
        })
    }
}

/// The host of a URI, which may be no address.
fn uri_host(uri: &str) -> Result<String, String> {
    let host = String::from_utf8_lossy(&super::uri::host(uri)?).to_lowercase();
    if host.is_empty() {
        return Err(format!("URI with empty host ({uri:?}) cannot be matched against constraints"));
    }
    let host = match host.rsplit_once(':') {
        Some((name, _)) if !host.ends_with(']') => {
            if name.contains([':', '[', ']']) && !name.starts_with('[') {
                return Err(format!("cannot parse URI host {host:?}: too many colons in address"));
            }
            name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name).to_owned()
        }
        _ => host,
    };
    let literal = host.starts_with('[') && host.ends_with(']');
    let address = host.split('%').next().unwrap_or_default();
    if literal || address.parse::<std::net::IpAddr>().is_ok() {
        return Err(format!("URI with IP ({uri:?}) cannot be matched against constraints"));
    }
    Ok(host)
}

/// A certificate's constraints, made ready.
struct Constraints {
    dns: NamePair<Domains>,
    uri: NamePair<Domains>,
    email: NamePair<Mail>,
    ip: NamePair<Networks>,
}

/// What is permitted and what is excluded; `None`: nothing is said.
struct NamePair<T>(Option<T>, Option<T>);

impl Constraints {
    fn of(certificate: &Parsed) -> Self {
        let (permitted, excluded) = (&certificate.permitted, &certificate.excluded);
        let texts = |of: fn(&Subtree) -> Option<&str>| {
            let all = |from: &[Subtree]| from.iter().filter_map(of).map(str::to_owned).collect::<Vec<_>>();
            (all(permitted), all(excluded))
        };
        let dns = texts(|one| if let Subtree::Dns(name) = one { Some(name) } else { None });
        let uri = texts(|one| if let Subtree::Uri(name) = one { Some(name) } else { None });
        let email = texts(|one| if let Subtree::Email(name) = one { Some(name) } else { None });
        let networks = |from: &[Subtree]| {
            Networks::of(from.iter().filter_map(|one| match one {
                Subtree::Ip(base, mask) => Some(Network { base: base.clone(), mask: mask.clone() }),
                Subtree::Dns(_) | Subtree::Email(_) | Subtree::Uri(_) => None,
            }))
        };
        Self {
            dns: NamePair(Domains::of(dns.0, true), Domains::of(dns.1, false)),
            uri: NamePair(Domains::of(uri.0, true), Domains::of(uri.1, false)),
            email: NamePair(Mail::of(email.0, true), Mail::of(email.1, false)),
            ip: NamePair(networks(permitted), networks(excluded)),
        }
    }

    fn check(&self, names: &Names<'_>) -> Result<(), String> {
        for ip in &names.certificate.ips {
            self.ip.check("IP address", &shown(ip), |set| set.find(ip))?;
        }
        for name in &names.certificate.dns {
            if !domain_is_valid(name, false) {
                return Err(format!("x509: cannot parse dnsName {name:?}"));
            }
            self.dns.check("DNS name", name, |set| set.find(name))?;
        }
        for (uri, host) in &names.uris {
            if !domain_is_valid(host, false) {
                return Err(format!("x509: internal error: URI SAN {uri:?} failed to parse"));
            }
            self.uri.check("URI", uri, |set| set.find(host))?;
        }
        for email in &names.emails {
            let shown = format!("{}@{}", String::from_utf8_lossy(&email.0), email.1);
            self.email.check("email address", &shown, |set| set.find(email))?;
        }
        Ok(())
    }
}

impl<T> NamePair<T> {
    fn check(&self, kind: &str, name: &str, find: impl Fn(&T) -> Option<String>) -> Result<(), String> {
        if self.0.as_ref().is_some_and(|permitted| find(permitted).is_none()) {
            return Err(format!("{kind} {name:?} is not permitted by any constraint"));
        }
        match self.1.as_ref().and_then(find) {
            Some(constraint) => Err(format!("{kind} {name:?} is excluded by constraint {constraint:?}")),
            None => Ok(()),
        }
    }
}

/// Removes what the entry before covers.
fn prune<T>(sorted: Vec<T>, covers: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let mut kept: Vec<T> = Vec::with_capacity(sorted.len());
    for one in sorted {
        if kept.last().is_none_or(|last| !covers(last, &one)) {
            kept.push(one);
        }
    }
    kept
}

/// The entry that may cover: an equal one, else the one before, else the first.
fn nearest<T>(set: &[T], compare: impl Fn(&T) -> Ordering, covers: impl Fn(&T) -> bool) -> Option<&T> {
    let at = set.partition_point(|one| compare(one) == Ordering::Less);
    match set.get(at) {
        Some(one) if compare(one) == Ordering::Equal => Some(one),
        _ => set.get(at.saturating_sub(1)).filter(|one| covers(one)),
    }
}

/// Constraints that are domains.
struct Domains {
    /// An empty constraint is among them.
    all: bool,
    set: Vec<String>,
    /// For names with a wildcard: excluded domains without their first label, and what they were.
    parents: BTreeMap<String, String>,
}

impl Domains {
    fn of(mut set: Vec<String>, permitted: bool) -> Option<Self> {
        if set.is_empty() {
            return None;
        }
        if set.iter().any(String::is_empty) {
            return Some(Self { all: true, set: Vec::new(), parents: BTreeMap::new() });
        }
        set.sort_by(|one, other| compare(one, other));
        let set = prune(set, |one, other| has_suffix(other, one));
        let parents = set.iter().filter(|_| !permitted).map(|name| name.to_ascii_lowercase());
        let parents = parents.filter_map(|name| Some((name[name.find('.')?..].to_owned(), name))).collect();
        Some(Self { all: false, set, parents })
    }

    fn find(&self, name: &str) -> Option<String> {
        if self.all {
            return Some(String::new());
        }
        let found = nearest(&self.set, |one| compare(one, name), |one| has_suffix(name, one));
        let of_parent = || {
            let name = name.strip_prefix('*').map(|_| name.to_ascii_lowercase())?;
            self.parents.get(&name[name.find('.')?..])
        };
        found.or_else(of_parent).cloned()
    }
}

/// Go's `dnsCompare`: from the end, without case, a dot before everything else.
fn compare(one: &str, other: &str) -> Ordering {
    let key = |byte: u8| if byte == b'.' { 0 } else { byte.to_ascii_lowercase() };
    one.bytes().rev().map(key).cmp(other.bytes().rev().map(key))
}

/// Go's `dnsHasSuffix`: equal, or a sub-domain; a leading dot demands a sub-domain.
fn has_suffix(name: &str, constraint: &str) -> bool {
    let (name, constraint) = (name.as_bytes(), constraint.as_bytes());
    let Some(offset) = name.len().checked_sub(constraint.len()) else { return false };
    name[offset..].eq_ignore_ascii_case(constraint)
        && (offset == 0 || constraint.first() == Some(&b'.') || name[offset - 1] == b'.')
}

/// Constraints on mailboxes: whole ones, and domains.
struct Mail {
    whole: BTreeSet<Mailbox>,
    domains: Option<Domains>,
}

impl Mail {
    fn of(all: Vec<String>, permitted: bool) -> Option<Self> {
        if all.is_empty() {
            return None;
        }
        let (whole, domains): (Vec<_>, Vec<_>) = all.into_iter().partition(|one| one.contains('@'));
        let whole = whole.iter().filter_map(|one| mailbox::parse(one)).collect();
        Some(Self { whole, domains: Domains::of(domains, permitted) })
    }

    fn find(&self, mailbox: &Mailbox) -> Option<String> {
        if self.whole.contains(mailbox) {
            return Some(format!("{}@{}", String::from_utf8_lossy(&mailbox.0), mailbox.1));
        }
        self.domains.as_ref()?.find(&mailbox.1)
    }
}

/// Constraints that are networks, IPv4 and IPv6 apart.
struct Networks {
    four: Vec<Network>,
    six: Vec<Network>,
}

struct Network {
    base: Vec<u8>,
    mask: Vec<u8>,
}

impl Networks {
    fn of(all: impl Iterator<Item = Network>) -> Option<Self> {
        let (four, six): (Vec<_>, Vec<_>) = all.partition(|one| one.base.len() == 4);
        if four.is_empty() && six.is_empty() {
            return None;
        }
        let ready = |mut set: Vec<Network>| {
            set.sort_by(|one, other| (&one.base, &one.mask).cmp(&(&other.base, &other.mask)));
            prune(set, Network::covers)
        };
        Some(Self { four: ready(four), six: ready(six) })
    }

    fn find(&self, ip: &[u8]) -> Option<String> {
        let set = if ip.len() == 4 { &self.four } else { &self.six };
        // The base is compared as it stands, host bits and all: so does Go.
        nearest(set, |one| one.base.as_slice().cmp(ip), |one| one.contains(ip)).map(|network| {
            let bits: u32 = network.mask.iter().map(|byte| byte.count_ones()).sum();
            format!("{}/{bits}", shown(&network.base))
        })
    }
}

impl Network {
    fn covers(&self, other: &Self) -> bool {
        let last: Vec<u8> = other.base.iter().zip(&other.mask).map(|(ip, mask)| ip | !mask).collect();
        self.contains(&other.base) && self.contains(&last)
    }

    /// Go's `IPNet.Contains`: IPv4 in IPv6 is IPv4.
    fn contains(&self, ip: &[u8]) -> bool {
        let (base, ip) = (short(&self.base), short(ip));
        let mask = &self.mask[self.mask.len() - base.len().min(self.mask.len())..];
        base.len() == ip.len()
            && ip.iter().zip(base).zip(mask).all(|((ip, base), mask)| ip & mask == base & mask)
    }
}

fn short(ip: &[u8]) -> &[u8] {
    match ip {
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, four @ ..] if four.len() == 4 => four,
        _ => ip,
    }
}

fn shown(ip: &[u8]) -> String {
    let four = <[u8; 4]>::try_from(ip).map(|ip| std::net::IpAddr::from(ip).to_string());
    four.or_else(|_| <[u8; 16]>::try_from(ip).map(|ip| std::net::IpAddr::from(ip).to_string()))
        .unwrap_or_default()
}
