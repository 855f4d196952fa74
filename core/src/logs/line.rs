//! A line as it is read by everybody: without its end and a terminal's sequences; its time; what is shown of it.

use std::borrow::Cow;
use std::time::SystemTime;

use super::moment;
use crate::redaction::redact;

/// Bytes of a line that are looked at; what a message says stands at its front.
pub const INSPECTED: usize = 256 * 1024;
/// Bytes of a line that are shown.
const SHOWN: usize = 4096;

/// A line as it is shown: without secrets, cut.
pub(super) fn shown(line: &[u8]) -> String {
    redact(&String::from_utf8_lossy(&line[..line.len().min(SHOWN)]))
}

/// The time of a line: the first RFC 3339 time at its front, the engine's or the program's own.
pub(super) fn time_of(line: &[u8]) -> Option<SystemTime> {
    let head = &line[..line.len().min(160)];
    let digits = |from: usize, count: usize| {
        head.get(from..from + count).is_some_and(|some| some.iter().all(u8::is_ascii_digit))
    };
    let start = memchr::memchr_iter(b'T', head)
        .filter_map(|at| at.checked_sub(10))
        .find(|start| digits(*start, 4) && head[start + 4] == b'-' && digits(start + 11, 2))?;
    let length = head[start..]
        .iter()
        .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'T' | b':' | b'.' | b'Z' | b'+'));
    let text = std::str::from_utf8(&head[start..start + length.unwrap_or(head.len() - start)]).ok()?;
    moment(text.trim_end_matches([':', '.']))
}

/// The text without its line's end and without colour and cursor sequences.
pub(super) fn plain(line: &[u8]) -> Cow<'_, [u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    // A file's byte order mark.
    let line = line.strip_prefix(b"\xef\xbb\xbf").unwrap_or(line);
    if let Some(message) = of_journal(line) {
        return anstream::adapter::strip_bytes(&message).into_vec().into();
    }
    if memchr::memchr(0x1b, line).is_some() {
        anstream::adapter::strip_bytes(line).into_vec().into()
    } else {
        line.into()
    }
}

/// The message of a record of systemd's journal in JSON that is no plain text (colours, other encodings): it is written
/// as numbers, `"MESSAGE":[27,91,51,…]`.
fn of_journal(line: &[u8]) -> Option<Vec<u8>> {
    const NAME: &[u8] = b"\"MESSAGE\"";
    (line.first() == Some(&b'{')).then_some(())?;
    let at = memchr::memmem::find(line, NAME)? + NAME.len();
    let rest = line[at..].trim_ascii_start().strip_prefix(b":")?.trim_ascii_start().strip_prefix(b"[")?;
    let end = memchr::memchr(b']', rest)?;
    let number = |digits: &[u8]| std::str::from_utf8(digits.trim_ascii()).ok()?.parse::<u8>().ok();
    rest[..end].split(|byte| *byte == b',').map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_stands_at_the_front() {
        let wanted = moment("2026-11-25T10:00:00Z");
        assert!(wanted.is_some());
        for line in [
            "2026-11-25T10:00:00.000000000Z [GATEWAY] ERROR x",
            "api-1  | 2026-11-25T10:00:00Z [GATEWAY] ERROR x",
            r#"{"time":"2026-11-25T10:00:00Z","level":"ERROR"}"#,
            "time=2026-11-25T12:00:00+02:00 level=ERROR msg=x",
            "[2026-11-25T10:00:00Z WARN  rustls::conn] x",
        ] {
            assert_eq!(time_of(line.as_bytes()), wanted, "{line}");
        }
        for line in [
            "",
            "T",
            "no time",
            "x T2026",
            "1234567890T12",
            "2026-11-25T",
            "1:M 25 Nov 2026 10:00:00.000 # x",
        ] {
            assert_eq!(time_of(line.as_bytes()), None, "{line}");
        }
    }

    #[test]
    fn sequences_of_terminals_are_seen_through() {
        for line in [
            &b"\x1b[31mERROR\x1b[0m\tx509: unknown\r"[..],
            b"\x1b]8;;https://host/\x1b\\ERROR\x1b]8;;\x1b\\\tx509: unknown",
            b"\x1b]0;a title\x07ERROR\tx509: \x1b[1;4munknown",
        ] {
            assert_eq!(plain(line), &b"ERROR\tx509: unknown"[..], "{}", String::from_utf8_lossy(line));
        }
        let record =
            br#"{"_HOSTNAME":"h","MESSAGE" : [27,91,51,49,109, 69,79,70,27,91,48,109],"PRIORITY":"3"}"#;
        assert_eq!(plain(record), &b"EOF"[..]);
        assert_eq!(plain(br#"{"MESSAGE":[1,"x"]}"#), &br#"{"MESSAGE":[1,"x"]}"#[..]);
        assert_eq!(plain(b"\xff\xfe plain bytes"), &b"\xff\xfe plain bytes"[..]);
    }
}
