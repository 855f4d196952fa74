//! Extensions as Go reads them: each is parsed, and a critical one that is not understood is remembered.

use super::der::{BOOLEAN, Der, INTEGER, OCTET_STRING, SEQUENCE};
use super::mailbox;
use super::parsed::{Parsed, Subtree};

const BAD: fn(&str) -> String = |what| format!("x509: invalid {what}");

/// Reads `[3] EXPLICIT Extensions`.
pub(super) fn read(parsed: &mut Parsed, mut all: Der<'_>) -> Result<(), String> {
    let mut list = all.read(SEQUENCE).ok_or("x509: malformed extensions")?;
    let mut seen = std::collections::BTreeSet::new();
    let mut found = Vec::new();
    while !list.is_empty() {
        let mut one = list.read(SEQUENCE).ok_or("x509: malformed extension")?;
        let id = one.oid().ok_or("x509: malformed extension OID field")?;
        let critical = match one.peek() {
            Some(BOOLEAN) => one.boolean().ok_or("x509: malformed extension critical field")?,
            _ => false,
        };
        let value = one.read(OCTET_STRING).ok_or("x509: malformed extension value field")?;
        if !seen.insert(id.clone()) {
            return Err(format!("x509: certificate contains duplicate extension with OID {id:?}"));
        }
        found.push((id, critical, value));
    }
    for (id, critical, value) in found {
        let handled = extension(parsed, &id, critical, value)?;
        if critical && !handled {
            parsed.unhandled.get_or_insert(id);
        }
    }
    Ok(())
}

/// Its object identifier.
pub(super) const NAME_CONSTRAINTS: &str = "2.5.29.30";

/// Takes one in; `false`: Go does not handle it.
fn extension(parsed: &mut Parsed, id: &str, critical: bool, mut value: Der<'_>) -> Result<bool, String> {
    match id {
        "2.5.29.15" => key_usage(parsed, value)?,
        "2.5.29.19" => basic_constraints(parsed, value)?,
        "2.5.29.17" => return alternative_names(parsed, value),
        "2.5.29.30" => return constraints(parsed, value),
        "2.5.29.31" => distribution_points(value)?,
        "2.5.29.35" => {
            if critical {
                return Err("x509: authority key identifier incorrectly marked critical".to_owned());
            }
            let mut inner = value.read(SEQUENCE).ok_or_else(|| BAD("authority key identifier"))?;
            parsed.authority_key = inner
                .optional(0x80)
                .ok_or_else(|| BAD("authority key identifier"))?
                .map(|key| key.0.to_vec());
        }
        "2.5.29.14" => {
            if critical {
                return Err("x509: subject key identifier incorrectly marked critical".to_owned());
            }
            let key = value.read(OCTET_STRING).ok_or_else(|| BAD("subject key identifier"))?;
            parsed.subject_key = Some(key.0.to_vec());
        }
        "2.5.29.36" => {
            let mut inner = value.read(SEQUENCE).ok_or_else(|| BAD("policy constraints extension"))?;
            for (tag, into) in
                [(0x80, &mut parsed.require_explicit_policy), (0x81, &mut parsed.inhibit_mapping)]
            {
                if inner.peek() == Some(tag) {
                    *into = inner.signed(tag).ok_or_else(|| BAD("policy constraints extension"))?;
                }
            }
        }
        "2.5.29.37" => {
            let mut inner = value.read(SEQUENCE).ok_or_else(|| BAD("extended key usages"))?;
            while !inner.is_empty() {
                parsed.ekus.push(inner.oid().ok_or_else(|| BAD("extended key usages"))?);
            }
        }
        "2.5.29.32" => {
            let mut inner = value.read(SEQUENCE).ok_or_else(|| BAD("certificate policies"))?;
            while !inner.is_empty() {
                let policy = inner.read(SEQUENCE).and_then(|mut policy| policy.long_oid());
                let policy = policy.filter(|policy| !parsed.policies.contains(policy));
                parsed.policies.push(policy.ok_or_else(|| BAD("certificate policies"))?);
            }
        }
        "2.5.29.33" => {
            let mut inner = value.read(SEQUENCE).ok_or_else(|| BAD("policy mappings extension"))?;
            while !inner.is_empty() {
                let pair = inner.read(SEQUENCE).and_then(|mut pair| Some((pair.raw_oid()?, pair.raw_oid()?)));
                parsed.mappings.push(pair.ok_or_else(|| BAD("policy mappings extension"))?);
            }
        }
        "2.5.29.54" => {
            parsed.inhibit_any = value.signed(INTEGER).ok_or_else(|| BAD("inhibit any policy extension"))?;
        }
        // authorityInfoAccess.
        "1.3.6.1.5.5.7.1.1" => {
            if critical {
                return Err("x509: authority info access incorrectly marked critical".to_owned());
            }
            let mut inner = value.read(SEQUENCE).ok_or_else(|| BAD("authority info access"))?;
            while !inner.is_empty() {
                let mut one = inner.read(SEQUENCE).ok_or_else(|| BAD("authority info access"))?;
                one.oid().ok_or_else(|| BAD("authority info access"))?;
                one.optional(0x86).ok_or_else(|| BAD("authority info access"))?;
            }
        }
        _ => return Ok(false),
    }
    Ok(true)
}

fn key_usage(parsed: &mut Parsed, mut value: Der<'_>) -> Result<(), String> {
    let (padding, bits) = value.bits().ok_or_else(|| BAD("key usage"))?;
    // Right-aligned: bit 5, keyCertSign, counts from the left of the bits that were sent.
    let length = bits.len() * 8 - usize::from(padding);
    let at = |index: usize| {
        index < length && {
            let from_right = length - 1 - index;
            bits[bits.len() - 1 - from_right / 8] >> (from_right % 8) & 1 == 1
        }
    };
    // Go: no bit set is as if there were no such extension.
    parsed.key_cert_sign = (0..9).any(at).then(|| at(5));
    Ok(())
}

fn basic_constraints(parsed: &mut Parsed, mut value: Der<'_>) -> Result<(), String> {
    let mut basic = value.read(SEQUENCE).ok_or_else(|| BAD("basic constraints"))?;
    let is_ca = match basic.peek() {
        Some(BOOLEAN) => basic.boolean().ok_or_else(|| BAD("basic constraints"))?,
        _ => false,
    };
    parsed.is_ca = Some(is_ca);
    if basic.peek() == Some(INTEGER) {
        let length = basic.unsigned(INTEGER).filter(|length| *length <= i64::MAX as u64);
        let length = length.ok_or_else(|| BAD("basic constraints"))?;
        parsed.path_length = Some(u32::try_from(length).unwrap_or(u32::MAX));
    }
    Ok(())
}

fn ascii(octets: &[u8], what: &str) -> Result<String, String> {
    if octets.is_ascii() {
        Ok(String::from_utf8_lossy(octets).into_owned())
    } else {
        Err(format!("x509: SAN {what} is malformed"))
    }
}

fn alternative_names(parsed: &mut Parsed, mut value: Der<'_>) -> Result<bool, String> {
    parsed.raw_san = Some(value.0.to_vec());
    let mut names = value.read(SEQUENCE).ok_or_else(|| BAD("subject alternative names"))?;
    while !names.is_empty() {
        let name = names.any().ok_or_else(|| BAD("subject alternative name"))?;
        let octets = name.content.0;
        match name.tag {
            0x81 => parsed.emails.push(ascii(octets, "rfc822Name")?),
            0x82 => parsed.dns.push(ascii(octets, "dNSName")?),
            0x86 => {
                let uri = ascii(octets, "uniformResourceIdentifier")?;
                let host = super::uri::host(&uri)?;
                if !std::str::from_utf8(&host).is_ok_and(|host| domain_is_valid(host, false)) {
                    return Err(format!("x509: cannot parse URI {uri:?}: invalid domain"));
                }
                parsed.uris.push(uri);
            }
            0x87 if matches!(octets.len(), 4 | 16) => parsed.ips.push(octets.to_vec()),
            0x87 => return Err(format!("x509: cannot parse IP address of length {}", octets.len())),
            _ => {}
        }
    }
    Ok(!(parsed.dns.is_empty()
        && parsed.ips.is_empty()
        && parsed.emails.is_empty()
        && parsed.uris.is_empty()))
}

/// Go's `domainNameValid`.
pub(super) fn domain_is_valid(name: &str, constraint: bool) -> bool {
    if name.is_empty() {
        return true;
    }
    if name.ends_with('.') {
        return false;
    }
    let name = if constraint { name.strip_prefix('.').unwrap_or(name) } else { name };
    name.bytes().all(|byte| (33..=126).contains(&byte)) && name.split('.').all(|label| !label.is_empty())
}

fn constraints(parsed: &mut Parsed, mut value: Der<'_>) -> Result<bool, String> {
    let bad = || "x509: invalid NameConstraints extension".to_owned();
    parsed.constrains = true;
    let mut top = value.read(SEQUENCE).filter(|_| value.is_empty()).ok_or_else(bad)?;
    let permitted = top.optional(0xa0).ok_or_else(bad)?;
    let excluded = top.optional(0xa1).ok_or_else(bad)?;
    if !top.is_empty() {
        return Err(bad());
    }
    if permitted.is_none_or(Der::is_empty) && excluded.is_none_or(Der::is_empty) {
        return Err("x509: empty name constraints extension".to_owned());
    }
    let mut handled = true;
    for (subtrees, keep) in [(permitted, true), (excluded, false)] {
        let Some(mut subtrees) = subtrees else { continue };
        while !subtrees.is_empty() {
            let base = subtrees.read(SEQUENCE).and_then(|mut one| one.any()).ok_or_else(bad)?;
            let into = if keep { &mut parsed.permitted } else { &mut parsed.excluded };
            match subtree(base.tag, base.content.0)? {
                Some(subtree) => into.push(subtree),
                None => handled = false,
            }
        }
    }
    Ok(handled)
}

/// A constraint; `None`: of a kind that Go does not handle.
fn subtree(tag: u8, octets: &[u8]) -> Result<Option<Subtree>, String> {
    let text = || {
        if octets.is_ascii() {
            Ok(String::from_utf8_lossy(octets).into_owned())
        } else {
            Err("x509: invalid constraint value".to_owned())
        }
    };
    let domain = |what: &str, name: &str| {
        if domain_is_valid(name, true) {
            Ok(())
        } else {
            Err(format!("x509: failed to parse {what} constraint {name:?}"))
        }
    };
    Ok(Some(match tag {
        0x82 => {
            let name = text()?;
            domain("dnsName", &name)?;
            Subtree::Dns(name)
        }
        0x81 => {
            let name = text()?;
            if !name.contains('@') {
                domain("rfc822Name", &name)?;
            } else if mailbox::parse(&name).is_none() {
                return Err(format!("x509: failed to parse rfc822Name constraint {name:?}"));
            }
            Subtree::Email(name)
        }
        0x86 => {
            let name = text()?;
            if name.parse::<std::net::IpAddr>().is_ok() {
                return Err(format!("x509: failed to parse URI constraint {name:?}: cannot be IP address"));
            }
            domain("URI", &name)?;
            Subtree::Uri(name)
        }
        0x87 if matches!(octets.len(), 8 | 32) => {
            let (ip, mask) = octets.split_at(octets.len() / 2);
            let bits = mask.iter().fold(String::new(), |bits, byte| format!("{bits}{byte:08b}"));
            if bits.trim_start_matches('1').contains('1') {
                return Err("x509: IP constraint contained invalid mask".to_owned());
            }
            Subtree::Ip(ip.to_vec(), mask.to_vec())
        }
        0x87 => return Err(format!("x509: IP constraint contained value of length {}", octets.len())),
        _ => return Ok(None),
    }))
}

fn distribution_points(mut value: Der<'_>) -> Result<(), String> {
    let bad = || BAD("CRL distribution point");
    let mut points = value.read(SEQUENCE).ok_or_else(bad)?;
    while !points.is_empty() {
        let mut point = points.read(SEQUENCE).ok_or_else(bad)?;
        let Some(mut name) = point.optional(0xa0).ok_or_else(bad)? else { continue };
        let mut full = name.read(0xa0).ok_or_else(bad)?;
        while full.peek() == Some(0x86) {
            full.read(0x86).ok_or_else(bad)?;
        }
    }
    Ok(())
}
