//! URIs as Go's `net/url` (1.26) reads them: whether it does, and the host that it finds. Other readers
//! (WHATWG's) normalise hosts, which would change verdicts on name constraints.

use std::net::IpAddr;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Host,
    Zone,
    Other,
}

/// The host with its port, in the octets that Go has for it; empty: there is none.
///
/// # Errors
/// Go refuses to parse it.
pub(super) fn host(uri: &str) -> Result<Vec<u8>, String> {
    let refuse = |why: &str| Err(format!("x509: cannot parse URI {uri:?}: {why}"));
    let (before, fragment) = uri.split_once('#').unwrap_or((uri, ""));
    if before.bytes().any(|byte| byte < b' ' || byte == 0x7f) {
        return refuse("net/url: invalid control character in URL");
    }
    let found = authority(before).map_err(|why| format!("x509: cannot parse URI {uri:?}: {why}"))?;
    unescape(fragment, Mode::Other).map_err(|why| format!("x509: cannot parse URI {uri:?}: {why}"))?;
    Ok(found)
}

fn authority(uri: &str) -> Result<Vec<u8>, &'static str> {
    if uri == "*" {
        return Ok(Vec::new());
    }
    let (scheme, rest) = scheme(uri)?;
    let rest = rest.split('?').next().unwrap_or_default();
    if !rest.starts_with('/') {
        if !scheme.is_empty() {
            // Opaque: nothing of it is looked at.
            return Ok(Vec::new());
        }
        if rest.split('/').next().unwrap_or_default().contains(':') {
            return Err("first path segment in URL cannot contain colon");
        }
    }
    let (host, path) = match rest.strip_prefix("//") {
        Some(after) if !scheme.is_empty() || !after.starts_with('/') => {
            let end = after.find('/').unwrap_or(after.len());
            let (authority, path) = after.split_at(end);
            let at = authority.rfind('@');
            let host = parse_host(&scheme, at.map_or(authority, |at| &authority[at + 1..]))?;
            if let Some(at) = at {
                user(&authority[..at])?;
            }
            (host, path)
        }
        _ => (Vec::new(), rest),
    };
    unescape(path, Mode::Other)?;
    Ok(host)
}

fn scheme(uri: &str) -> Result<(String, &str), &'static str> {
    for (at, byte) in uri.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme"),
            b':' => return Ok((uri[..at].to_ascii_lowercase(), &uri[at + 1..])),
            _ => break,
        }
    }
    Ok((String::new(), uri))
}

fn user(info: &str) -> Result<(), &'static str> {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(&byte);
    if !info.bytes().all(known) {
        return Err("net/url: invalid userinfo");
    }
    let (name, password) = info.split_once(':').unwrap_or((info, ""));
    unescape(name, Mode::Other)?;
    unescape(password, Mode::Other).map(drop)
}

fn parse_host(scheme: &str, host: &str) -> Result<Vec<u8>, &'static str> {
    match host.rfind('[') {
        Some(0) => {
            let close = host.rfind(']').ok_or("missing ']' in host")?;
            let port = &host[close + 1..];
            if !optional_port(port) {
                return Err("invalid port after host");
            }
            let inner = &host[1..close];
            let name = match inner.find("%25") {
                Some(zone) => {
                    let mut name = unescape(&inner[..zone], Mode::Host)?;
                    name.extend(unescape(&inner[zone..], Mode::Zone)?);
                    name
                }
                None => unescape(inner, Mode::Host)?,
            };
            let end = name.iter().position(|byte| *byte == b'%');
            let address = std::str::from_utf8(&name[..end.unwrap_or(name.len())]).unwrap_or_default();
            if !matches!(address.parse(), Ok(IpAddr::V6(_))) || end.is_some_and(|end| end + 1 == name.len()) {
                return Err("invalid host");
            }
            return Ok([b"[", name.as_slice(), b"]", port.as_bytes()].concat());
        }
        Some(_) => return Err("invalid IP-literal"),
        None => {}
    }
    let strict = scheme == "http" || scheme == "https";
    let colon = if strict { host.find(':') } else { host.rfind(':') };
    if colon.is_some_and(|colon| !optional_port(&host[colon..])) {
        return Err("invalid port after host");
    }
    unescape(host, Mode::Host)
}

fn optional_port(port: &str) -> bool {
    port.is_empty()
        || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
}

/// What may stand in a host unescaped.
fn of_host(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.~!$&'()*+,;=:[]<>\"".contains(&byte)
}

fn unescape(text: &str, mode: Mode) -> Result<Vec<u8>, &'static str> {
    let bytes = text.as_bytes();
    let mut plain = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte != b'%' {
            if mode != Mode::Other && byte < 0x80 && !of_host(byte) {
                return Err("invalid character in host name");
            }
            plain.push(byte);
            at += 1;
            continue;
        }
        let digit = |offset: usize| bytes.get(at + offset).and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(1), digit(2)) else { return Err("invalid URL escape") };
        let value = u8::try_from(high * 16 + low).unwrap_or_default();
        let percent = value == b'%';
        if mode == Mode::Host && high < 8 && !percent {
            return Err("invalid URL escape");
        }
        if mode == Mode::Zone && !percent && value != b' ' && !of_host(value) {
            return Err("invalid URL escape");
        }
        plain.push(value);
        at += 3;
    }
    Ok(plain)
}
