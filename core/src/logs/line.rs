//! A block of whole lines: which of them are worth a word. Pure, so that blocks can be looked at on
//! several threads; what lines mean together is for [`super::scan`], in their order.

use std::time::SystemTime;

use super::classify::{self, Form, Memo, Recognised, Sense, emitter};
use super::moment;
use crate::link::Link;
use crate::redaction::redact;

/// Bytes of a line that are looked at; what a message says stands at its front.
pub const LOOKED_AT: usize = 256 * 1024;
/// Bytes of a line that are shown.
const SHOWN: usize = 4096;

/// What a line says that is not passed over.
#[derive(Clone, Debug)]
pub enum Said {
    /// A service starts.
    Start,
    /// The link to NATS works.
    NatsWorks,
    /// A problem, and how inner its cause is.
    Problem(Recognised, u8),
}

/// A line that is not passed over.
#[derive(Debug)]
pub struct Look {
    /// Where it stands in the block.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Lines of the block before it.
    pub(super) before: u64,
    pub(super) said: Said,
    /// Who wrote it, by its shape.
    pub(super) shape: Option<&'static str>,
    /// Who wrote it, by its shape or its words.
    pub(super) emitter: Option<&'static str>,
    /// Without secrets, cut.
    pub(super) shown: String,
    pub(super) at: Option<SystemTime>,
}

/// What the form of a line tells.
#[derive(Clone, Debug)]
struct Told {
    said: Said,
    shape: Option<&'static str>,
    emitter: Option<&'static str>,
}

/// Looks at lines, and remembers what it said of the last ones.
#[derive(Debug)]
pub struct Looker {
    project: bool,
    memo: Memo<Option<Told>>,
}

impl Looker {
    #[must_use]
    pub fn new(project: bool) -> Self {
        Self { project, memo: Memo::default() }
    }

    /// The lines of a block that are worth a word, and how many lines there are.
    pub fn at(&mut self, block: &[u8]) -> (Vec<Look>, u64) {
        let mut looks = Vec::new();
        let mut lines = 0;
        let mut from = 0;
        while let Some(hit) = classify::trigger(&block[from..], self.project) {
            let hit = from + hit;
            let start = memchr::memrchr(b'\n', &block[from..hit]).map_or(from, |index| from + index + 1);
            let end = memchr::memchr(b'\n', &block[hit..]).map_or(block.len(), |index| hit + index);
            lines += memchr::memchr_iter(b'\n', &block[from..start]).count() as u64;
            if let Some(look) = self.line(&block[start..end.min(start + LOOKED_AT)], start, end, lines) {
                looks.push(look);
            }
            lines += 1;
            from = (end + 1).min(block.len());
        }
        lines += memchr::memchr_iter(b'\n', &block[from..]).count() as u64;
        (looks, lines)
    }

    fn line(&mut self, line: &[u8], start: usize, end: usize, before: u64) -> Option<Look> {
        let plain = plain(line);
        let project = self.project;
        let Told { said, shape, emitter } = self.memo.of(&plain, |form| told(form, project))?;
        let (shown, at) = match said {
            Said::Problem(..) => (shown(&plain), stamp(&plain)),
            Said::Start | Said::NatsWorks => (String::new(), None),
        };
        Some(Look { start, end, before, said, shape, emitter, shown, at })
    }
}

fn told(form: Form<'_>, project: bool) -> Option<Told> {
    let problem = || classify::ranked_of(form).map(|(found, rank)| Said::Problem(found, rank));
    let said = if project {
        match classify::sense_of(form) {
            Sense::Start(_) => Said::Start,
            Sense::Works(Some(Link::Nats)) => Said::NatsWorks,
            Sense::Ends | Sense::Works(_) | Sense::Nothing => return None,
            Sense::Trouble(_) => problem()?,
        }
    } else {
        problem()?
    };
    let shape = match said {
        Said::Problem(..) => emitter::of_form(form),
        Said::Start | Said::NatsWorks => None,
    };
    let emitter = shape.or_else(|| classify::origin_of(form));
    Some(Told { said, shape, emitter })
}

/// A line as it is shown: without secrets, cut.
pub(super) fn shown(line: &[u8]) -> String {
    redact(&String::from_utf8_lossy(&line[..line.len().min(SHOWN)]))
}

/// The time of a line: the first RFC 3339 time at its front, the engine's or the program's own.
pub(super) fn stamp(line: &[u8]) -> Option<SystemTime> {
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
pub(super) fn plain(line: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    if memchr::memchr(0x1b, line).is_some() { strip_ansi(line).into() } else { line.into() }
}

fn strip_ansi(line: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(line.len());
    let mut bytes = line.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte == 0x1b && bytes.peek() == Some(&b'[') {
            bytes.next();
            for byte in bytes.by_ref() {
                if (0x40..=0x7e).contains(&byte) {
                    break;
                }
            }
        } else {
            out.push(byte);
        }
    }
    out
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
            assert_eq!(stamp(line.as_bytes()), wanted, "{line}");
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
            assert_eq!(stamp(line.as_bytes()), None, "{line}");
        }
    }
}
