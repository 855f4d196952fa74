//! PEM, as Go's `encoding/pem` takes it: text around blocks is passed over, and a block that cannot be read
//! never hides the next one.

use base64::Engine;
use memchr::memmem;

/// UTF-8's byte order mark.
pub const BOM: &[u8] = b"\xef\xbb\xbf";
const BEGIN: &[u8] = b"-----BEGIN ";
/// No certificate file comes near this many blocks.
const BLOCK_LIMIT: usize = 40_000;
/// A label is shorter.
const LABEL: usize = 64;

/// A block that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// `CERTIFICATE`, `EC PRIVATE KEY`.
    pub label: String,
    /// Its headers (RFC 1421) or its label say that a password is needed.
    pub encrypted: bool,
    /// It has headers (RFC 1421): Go takes such a certificate for none to be trusted.
    pub has_headers: bool,
    /// Why Go's reader does not see the block.
    pub unseen: Option<Unseen>,
    pub der: Vec<u8>,
}

/// Why a block that could be read is not seen by Go's reader, which wants lines of nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unseen {
    /// UTF-8's mark stands before it. OpenSSL takes it off.
    ByteOrderMark,
    /// It begins behind other text. OpenSSL does not see it either.
    WithinLine,
    /// Text follows its begin in the same line: carriage returns alone, or no line breaks at all. OpenSSL does not see
    /// it either.
    BeginGoesOn,
    /// Text follows its end in the same line. OpenSSL does not see it either.
    EndsWithinLine,
}

impl Unseen {
    #[must_use]
    pub fn openssl_sees_it(self) -> bool {
        self == Self::ByteOrderMark
    }
}

impl std::fmt::Display for Unseen {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::ByteOrderMark => "a byte order mark stands before it (OpenSSL reads it)",
            Self::WithinLine => "it does not begin at the front of a line",
            Self::BeginGoesOn => "its begin line goes on: every line of a PEM file ends in a line feed",
            Self::EndsWithinLine => "its end line goes on with other text",
        })
    }
}

impl Section {
    /// A certificate to Go, nats-server and Redis.
    #[must_use]
    pub fn is_certificate(&self) -> bool {
        self.label == "CERTIFICATE" && self.unseen.is_none()
    }

    /// A certificate that Go takes for one to be trusted (`x509.CertPool`).
    #[must_use]
    pub fn is_anchor(&self) -> bool {
        self.is_certificate() && !self.has_headers
    }

    /// A private key in one of the forms that Go's `tls.X509KeyPair` takes, encrypted or not.
    #[must_use]
    pub fn is_private_key(&self) -> bool {
        self.label == "PRIVATE KEY" || self.label.ends_with(" PRIVATE KEY")
    }
}

/// Why a block, by its number from 1 and its label, cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadSection {
    NoEnd(usize, String),
    NoBase64(usize, String),
    Empty(usize, String),
    /// The rest is not read.
    TooMany,
}

impl std::fmt::Display for BadSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NoEnd(number, label) => write!(f, "block {number} (`{label}`) has no end line"),
            Self::NoBase64(number, label) => write!(f, "block {number} (`{label}`) is no base64"),
            Self::Empty(number, label) => write!(f, "block {number} (`{label}`) is empty"),
            Self::TooMany => f.write_str("it holds more than 40,000 blocks; the rest is not read"),
        }
    }
}

/// The blocks of a text, in its order.
#[derive(Clone, Debug)]
pub struct Sections<'a> {
    text: &'a [u8],
    rest: &'a [u8],
    number: usize,
}

/// Reads the blocks of a text.
#[must_use]
pub const fn sections(text: &[u8]) -> Sections<'_> {
    Sections { text, rest: text, number: 0 }
}

/// Whether a text holds anything that begins like a block.
#[must_use]
pub fn begins(text: &[u8]) -> bool {
    memmem::find(text, BEGIN).is_some()
}

/// The certificates that Go reads from a text; blocks that cannot be read are passed over.
pub fn certificates(text: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    sections(text).flatten().filter(Section::is_certificate).map(|section| section.der)
}

impl Iterator for Sections<'_> {
    type Item = Result<Section, BadSection>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = memmem::find(self.rest, BEGIN)?;
            let begins = self.text.len() - self.rest.len() + start;
            self.rest = &self.rest[start + BEGIN.len()..];
            self.number += 1;
            if self.number > BLOCK_LIMIT {
                self.rest = &[];
                return Some(Err(BadSection::TooMany));
            }
            let Some(dashes) = memmem::find(self.rest, b"-----").filter(|at| *at <= LABEL) else { continue };
            let label = String::from_utf8_lossy(&self.rest[..dashes]).into_owned();
            let goes_on = !is_blank_line(&self.rest[dashes + 5..]);
            let (content, after) = split(&self.rest[dashes + 5..], &label);
            self.rest = after;
            return Some(match content {
                None => Err(BadSection::NoEnd(self.number, label)),
                Some(content) => read(content, label, self.number)
                    .map(|section| Section { unseen: unseen(self.text, begins, goes_on, after), ..section }),
            });
        }
    }
}

/// What stands before the block's own end line, if it comes before the next block; and what follows.
fn split<'a>(body: &'a [u8], label: &str) -> (Option<&'a [u8]>, &'a [u8]) {
    let end = format!("-----END {label}-----");
    match (memmem::find(body, end.as_bytes()), memmem::find(body, BEGIN)) {
        (Some(end_at), Some(next)) if next < end_at => (None, &body[next..]),
        (Some(end_at), _) => (Some(&body[..end_at]), &body[end_at + end.len()..]),
        (None, Some(next)) => (None, &body[next..]),
        (None, None) => (None, &[]),
    }
}

/// Nothing stands in the rest of the line.
fn is_blank_line(rest: &[u8]) -> bool {
    rest.iter().take_while(|byte| **byte != b'\n').all(u8::is_ascii_whitespace)
}

/// Whether a block stands in lines of its own; `after`: what follows its end.
fn unseen(text: &[u8], begins: usize, goes_on: bool, after: &[u8]) -> Option<Unseen> {
    let before = &text[..begins];
    if before == BOM {
        Some(Unseen::ByteOrderMark)
    } else if before.last().is_some_and(|byte| *byte != b'\n') {
        Some(Unseen::WithinLine)
    } else if goes_on {
        Some(Unseen::BeginGoesOn)
    } else {
        (!is_blank_line(after)).then_some(Unseen::EndsWithinLine)
    }
}

fn read(content: &[u8], label: String, number: usize) -> Result<Section, BadSection> {
    let (headers, encoded) = split_headers(content);
    match decode(encoded) {
        Some(der) if !der.is_empty() => {
            let encrypted = label == "ENCRYPTED PRIVATE KEY" || memmem::find(headers, b"ENCRYPTED").is_some();
            Ok(Section { label, encrypted, has_headers: !headers.is_empty(), unseen: None, der })
        }
        Some(_) => Err(BadSection::Empty(number, label)),
        None => Err(BadSection::NoBase64(number, label)),
    }
}

/// RFC 1421 headers stand before an empty line.
fn split_headers(content: &[u8]) -> (&[u8], &[u8]) {
    if !content.contains(&b':') {
        return (&[], content);
    }
    for gap in [&b"\n\n"[..], b"\r\n\r\n", b"\n\r\n"] {
        if let Some(at) = memmem::find(content, gap) {
            return content.split_at(at);
        }
    }
    (&[], content)
}

/// Base64 with white space anywhere.
#[must_use]
pub fn decode(encoded: &[u8]) -> Option<Vec<u8>> {
    let text: Vec<u8> = encoded.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    base64::engine::general_purpose::STANDARD.decode(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_block_never_hides_the_next_one() {
        let text = b"noise\n-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n\
            -----BEGIN CERTIFICATE-----\nAAAA\n-----BEGIN CERTIFICATE-----\r\nAQID\r\n-----END CERTIFICATE-----\n\
            -----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAQID\n-----END EC PRIVATE KEY-----\n";
        let found: Vec<_> = sections(text).collect();
        assert_eq!(found[0], Err(BadSection::NoBase64(1, "CERTIFICATE".to_owned())));
        assert_eq!(found[1], Err(BadSection::NoEnd(2, "CERTIFICATE".to_owned())));
        assert!(found[2].as_ref().is_ok_and(|one| one.is_certificate() && one.der == [1, 2, 3]));
        assert!(found[3].as_ref().is_ok_and(|one| one.is_private_key() && one.encrypted && one.has_headers));
        assert_eq!(found.len(), 4);
        assert_eq!(certificates(text).collect::<Vec<_>>(), [[1, 2, 3]]);
    }

    /// As Go 1.26's `encoding/pem` and `x509.CertPool` read them.
    #[test]
    fn what_go_does_not_see_is_told() {
        let whole = "-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n";
        let seen = |text: &str| {
            let one = sections(text.as_bytes()).next().unwrap().unwrap();
            (one.is_certificate(), one.is_anchor(), one.unseen)
        };
        assert_eq!(seen(whole), (true, true, None));
        assert_eq!(seen(&whole.replace('\n', "\r\n")), (true, true, None));
        assert_eq!(seen(&whole.replace('\n', "\r")), (false, false, Some(Unseen::BeginGoesOn)));
        assert_eq!(seen(&whole.replace('\n', "")), (false, false, Some(Unseen::BeginGoesOn)));
        assert_eq!(seen(&whole.replacen("\n", " \t\n", 1)), (true, true, None));
        assert_eq!(seen(&whole.replacen('\n', "\nName: x\n\n", 1)), (true, false, None));
    }

    #[test]
    fn blocks_are_bounded() {
        let text = "-----BEGIN A-----\n-----END A-----\n".repeat(BLOCK_LIMIT + 5);
        assert_eq!(sections(text.as_bytes()).count(), BLOCK_LIMIT + 1);
        assert_eq!(sections(text.as_bytes()).last(), Some(Err(BadSection::TooMany)));
    }
}
