//! Lines that a container runtime wrote in parts (`stderr P …`, the last one `stderr F …`), put together again.

use std::borrow::Cow;

use memchr::memmem;

use super::line::INSPECTED;
use super::prefix;

/// Puts parts together, across blocks of lines too.
#[derive(Debug, Default)]
pub struct PartJoiner {
    /// The parts of a line whose last one has not come.
    kept: Vec<u8>,
}

impl PartJoiner {
    /// Whole lines, with those in parts put together. In the place of each part but the last stands an empty line, so
    /// that lines keep their numbers.
    pub fn joined<'a>(&mut self, block: &'a [u8]) -> Cow<'a, [u8]> {
        let has = |mark: &[u8]| memmem::find(block, mark).is_some();
        if self.kept.is_empty() && !has(b" stderr P ") && !has(b" stdout P ") {
            return Cow::Borrowed(block);
        }
        let mut out = Vec::with_capacity(block.len() + self.kept.len());
        for line in block.split_inclusive(|byte| *byte == b'\n') {
            let text = line.strip_suffix(b"\n").unwrap_or(line);
            match prefix::part(text) {
                Some((body, is_last)) if !is_last || !self.kept.is_empty() => {
                    let body = if self.kept.is_empty() { text } else { body };
                    let room = INSPECTED.saturating_sub(self.kept.len()).min(body.len());
                    self.kept.extend_from_slice(&body[..room]);
                    if is_last {
                        out.append(&mut self.kept);
                    }
                    out.push(b'\n');
                }
                _ => out.extend_from_slice(line),
            }
        }
        Cow::Owned(out)
    }

    /// A line whose last part never came, with an end; empty where there is none.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut rest = std::mem::take(&mut self.kept);
        if !rest.is_empty() {
            rest.push(b'\n');
        }
        rest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_become_the_line_that_they_are_of() {
        let mut parts = PartJoiner::default();
        let block = b"a\n2026-11-30T10:00:00.1Z stderr P x50\n2026-11-30T10:00:00.1Z stderr P 9: \n";
        assert_eq!(parts.joined(block), &b"a\n\n\n"[..]);
        let block = b"2026-11-30T10:00:00.2Z stderr F expired\n2026-11-30T10:00:00.2Z stderr F b\n";
        assert_eq!(
            parts.joined(block),
            &b"2026-11-30T10:00:00.1Z stderr P x509: expired\n2026-11-30T10:00:00.2Z stderr F b\n"[..]
        );
        assert!(matches!(parts.joined(b"c\n"), Cow::Borrowed(_)));
        parts.joined(b"2026-11-30T10:00:00.1Z stdout P cut\n");
        assert_eq!(parts.rest(), b"2026-11-30T10:00:00.1Z stdout P cut\n");
        assert!(parts.rest().is_empty());
    }
}
