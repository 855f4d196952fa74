//! The template of a line: what two lines of one event differ in (times, addresses, ports, process
//! numbers, identifiers) is masked. The recogniser judges this form alone, so that what it said of one
//! line may be said again of the next of the same form.

use std::collections::HashSet;
use std::sync::OnceLock;

use super::marks;
use super::phrase;
use super::table::{QUIET, patterns};

/// The template of a line, which is all that the recogniser looks at.
#[derive(Clone, Copy, Debug)]
pub struct Form<'a>(&'a [u8]);

impl<'a> Form<'a> {
    /// Makes the form of a line and asks.
    pub(super) fn with<T>(line: &[u8], ask: impl FnOnce(Form<'_>) -> T) -> T {
        let mut text = Vec::with_capacity(line.len());
        write(line, &mut text);
        ask(Form(&text))
    }

    /// Takes what [`write`] wrote.
    pub(super) const fn written(text: &'a [u8]) -> Self {
        Self(text)
    }

    pub(super) const fn text(self) -> &'a [u8] {
        self.0
    }
}

/// From this many digits on a number stands for one thing among many; shorter ones may be a status, an
/// alert or an error's code.
const LONG: usize = 4;

/// Long numbers and hexadecimal words that a table knows: these mean something.
fn known() -> &'static HashSet<Vec<u8>> {
    static CELL: OnceLock<HashSet<Vec<u8>>> = OnceLock::new();
    CELL.get_or_init(|| {
        patterns()
            .iter()
            .flat_map(|pattern| [pattern.text, pattern.and.unwrap_or_default()])
            .chain(QUIET.iter().copied())
            .chain(marks::excuses())
            .chain(phrase::rows())
            .flat_map(|text| text.split(|one: char| !one.is_ascii_alphanumeric()))
            .filter(|word| is_identifier(word.as_bytes()))
            .map(|word| word.to_ascii_lowercase().into_bytes())
            .collect()
    })
}

/// A long number, or a long word of hexadecimal digits with a digit in it.
fn is_identifier(word: &[u8]) -> bool {
    let hex = word.strip_prefix(b"0x").unwrap_or(word);
    hex.len() >= LONG
        && hex.iter().all(u8::is_ascii_hexdigit)
        && (hex.len() < word.len() || hex.iter().any(u8::is_ascii_digit))
}

/// Writes the template of a line. It has the line's length, and is its own template.
pub(super) fn write(line: &[u8], out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(line);
    let mut at = 0;
    while at < line.len() {
        if !line[at].is_ascii_alphanumeric() {
            at += 1;
            continue;
        }
        let moment = if line[at].is_ascii_digit() {
            moment(&line[at..]).or_else(|| address(&line[at..]))
        } else {
            None
        };
        if let Some(length) = moment {
            mask(&mut out[at..at + length]);
            at += length;
            continue;
        }
        let mut end = at + 1;
        let mut digits = line[at].is_ascii_digit();
        while end < line.len() && line[end].is_ascii_alphanumeric() {
            digits |= line[end].is_ascii_digit();
            end += 1;
        }
        if digits {
            let word = &line[at..end];
            let fraction =
                at > 1 && line[at - 1] == b'.' && line[at - 2].is_ascii_digit() && leading(word) >= 3;
            if fraction || (is_identifier(word) && !known().contains(&word.to_ascii_lowercase())) {
                let from = at + if word.starts_with(b"0x") { 2 } else { 0 };
                if fraction {
                    mask(&mut out[at..at + leading(word)]);
                } else {
                    mask(&mut out[from..end]);
                }
            }
        }
        at = end;
    }
}

fn mask(bytes: &mut [u8]) {
    for byte in bytes {
        match byte {
            b'0'..=b'9' => *byte = b'1',
            b'a'..=b'f' => *byte = b'a',
            b'A'..=b'F' => *byte = b'A',
            _ => {}
        }
    }
}

/// How many digits a text begins with.
fn leading(text: &[u8]) -> usize {
    text.iter().take_while(|byte| byte.is_ascii_digit()).count()
}

/// The length of a date, a time of the day, or both, at the front.
fn moment(text: &[u8]) -> Option<usize> {
    let fits = |from: usize, shape: &[u8]| {
        text.get(from..from + shape.len()).is_some_and(|part| {
            part.iter().zip(shape).all(|(byte, wanted)| match wanted {
                b'd' => byte.is_ascii_digit(),
                other => byte == other,
            })
        })
    };
    let mut length = 0;
    if fits(0, b"dddd-dd-dd") || fits(0, b"dddd/dd/dd") {
        length = 10;
        if matches!(text.get(10), Some(b'T' | b' ')) && fits(11, b"dd:dd:dd") {
            length = 11;
        }
    }
    if length != 10 && fits(length, b"dd:dd:dd") {
        length += 8;
        if matches!(text.get(length), Some(b'.' | b',')) {
            let fraction = leading(&text[length + 1..]);
            if fraction > 0 {
                length += 1 + fraction;
            }
        }
    }
    (length > 0 && !text.get(length).is_some_and(u8::is_ascii_digit)).then_some(length)
}

/// The length of an IPv4 address at the front.
fn address(text: &[u8]) -> Option<usize> {
    let mut length = 0;
    for part in 0..4 {
        if part > 0 {
            (text.get(length) == Some(&b'.')).then_some(())?;
            length += 1;
        }
        let digits = leading(&text[length..]);
        (1..=3).contains(&digits).then_some(())?;
        length += digits;
    }
    let next = text.get(length);
    let goes_on = next.is_some_and(u8::is_ascii_alphanumeric)
        || (next == Some(&b'.') && text.get(length + 1).is_some_and(u8::is_ascii_digit));
    (!goes_on).then_some(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn template(line: &str) -> String {
        let (mut once, mut twice) = (Vec::new(), Vec::new());
        write(line.as_bytes(), &mut once);
        write(&once, &mut twice);
        assert_eq!(once, twice, "{line}");
        String::from_utf8(once).unwrap()
    }

    #[test]
    fn what_differs_from_line_to_line_is_masked() {
        for (line, wanted) in [
            ("2026-11-24T01:07:13.000007919Z x", "1111-11-11T11:11:11.111111111Z x"),
            ("2026/05/25 01:02:03 [error] 29#29: *4711 x", "1111/11/11 11:11:11 [error] 29#29: *1111 x"),
            ("3225:M 23 Nov 2026 20:14:04.503 # x", "1111:M 23 Nov 1111 11:11:11.111 # x"),
            ("error from 172.18.0.1:53122: EOF", "error from 111.11.1.1:11111: EOF"),
            ("id=550e8400-e29b-41d4-a716-446655440000", "id=111a1111-a11a-11a1-a111-111111111111"),
            ("error:0A000418:SSL routines", "error:1A111111:SSL routines"),
            ("pc=0xc000123456 took 4.013ms", "pc=0xa111111111 took 4.111ms"),
        ] {
            assert_eq!(template(line), wanted);
        }
    }

    #[test]
    fn what_means_something_is_left_alone() {
        for line in [
            "status=502 code 401 SSL alert number 48 errno = 111",
            "x509: TLSv1.3 sha256 tlsv1 alert protocol version HTTP/1.1",
            "OSStatus -9807, 0x80090331, ed25519",
            "certificate face cafe added",
            "version 1.22.33",
        ] {
            assert_eq!(template(line), line);
        }
    }
}
