//! Mailboxes of RFC 2821 as Go's `parseRFC2821Mailbox` reads them.

use super::extensions::domain_is_valid;

/// What stands before the `@`, without quotes and escapes, and the domain in lower case.
pub(super) type Mailbox = (Vec<u8>, String);

/// `None`: Go refuses it.
pub(super) fn parse(text: &str) -> Option<Mailbox> {
    let bytes = text.as_bytes();
    let (local, at) = if bytes.first()? == &b'"' { quoted(bytes)? } else { atoms(bytes)? };
    let domain = text.get(at..)?.strip_prefix('@')?;
    domain_is_valid(domain, false).then(|| (local, domain.to_ascii_lowercase()))
}

fn quoted(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut local = Vec::new();
    let mut at = 1;
    loop {
        let byte = *bytes.get(at)?;
        at += 1;
        match byte {
            b'"' => return Some((local, at)),
            b'\\' => {
                let escaped = *bytes.get(at)?;
                if !matches!(escaped, 1..=9 | 11 | 12 | 14..=127) {
                    return None;
                }
                local.push(escaped);
                at += 1;
            }
            1..=8 | 11 | 12 | 14..=33 | 35..=91 | 93..=127 => local.push(byte),
            _ => return None,
        }
    }
}

fn atoms(bytes: &[u8]) -> Option<(Vec<u8>, usize)> {
    let mut local = Vec::new();
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' {
            at += 1;
            local.push(*bytes.get(at)?);
        } else if byte.is_ascii_alphanumeric() || b"!#$%&'*+-/=?^_`{|}~.".contains(&byte) {
            local.push(byte);
        } else {
            break;
        }
        at += 1;
    }
    let dots = local.first()? == &b'.' || local.last()? == &b'.' || local.windows(2).any(|two| two == b"..");
    (!dots).then_some((local, at))
}
