//! Errors of several lines: which line goes on with the one before, and where a record begins.

use super::classify::Recognised;
use super::line::plain;
use super::prefix::body;

/// Lines of one record, looked at backwards from a "caused by".
const RECORD: usize = 256;

/// A line that only goes on with the one before: an inner cause, a frame, a field; or, where it says nothing
/// of its own (`speaks`), whatever is indented.
pub(super) fn continues(line: &[u8], speaks: bool) -> bool {
    let body = body(line);
    let text = body.trim_ascii_start();
    let indented = text.len() < body.len();
    if indented && !speaks {
        return true;
    }
    text.starts_with(b"Caused by:")
        || text.starts_with(b"... ")
        || (indented
            && [
                &b"at "[..],
                b"Caused by",
                b"cause",
                b"code:",
                b"errno:",
                b"syscall:",
                b"reason:",
                b"library:",
                b"--->",
                b"cert:",
                b"ca:",
                b"fix:",
                b"valid ",
                b"(regenerates",
            ]
            .iter()
            .any(|word| text.starts_with(word)))
}

/// The words with which Cordum's services head the record of their own look at a chain.
const CHAIN_CHECK: &str = "tls chain invalid";

/// A record's cause, as far as it was read.
#[derive(Clone, Debug)]
pub(super) struct RecordCause {
    pub(super) found: Recognised,
    /// How inner it is.
    pub(super) rank: u8,
    /// A service's look at its own chain: whose side it is stands at its head.
    pub(super) chain_check: bool,
}

impl RecordCause {
    /// The cause that the first line names.
    pub(super) fn new(found: Recognised, rank: u8, head: &[u8]) -> Self {
        let chain_check = memchr::memmem::find(head, CHAIN_CHECK.as_bytes()).is_some();
        Self { found, rank, chain_check }
    }

    /// A line that goes on with the record: the innermost cause wins.
    pub(super) fn absorb(&mut self, inner: Recognised, rank: u8) {
        let deeper = rank > self.rank || (rank == self.rank && self.found.variant.is_none());
        if !deeper || (self.chain_check && inner.kind == self.found.kind) {
            return;
        }
        let side = if self.chain_check { self.found.side } else { inner.side };
        self.found = Recognised { side, link: self.found.link.or(inner.link), ..inner };
        self.rank = rank;
    }
}

pub(super) struct First<'a> {
    pub(super) line: &'a [u8],
    /// How many lines back.
    pub(super) lines: u64,
    /// It looks like the head of a record.
    pub(super) begins: bool,
}

/// The first line of the record that a continuing line belongs to: in the same block of lines, or at the
/// end of the one before.
pub(super) fn back<'a>(before: &'a [u8], earlier: &'a [u8]) -> Option<First<'a>> {
    let lines = before.rsplit(|byte| *byte == b'\n').skip(1);
    let lines = lines.chain(earlier.rsplit(|byte| *byte == b'\n').skip(1));
    for (index, line) in lines.take(RECORD).enumerate() {
        // Colour may stand before what indents.
        if !continues(&plain(line), true) {
            let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
            let begins = has(b"Exception") || has(b"Error") || has(CHAIN_CHECK.as_bytes());
            return Some(First { line, lines: index as u64 + 1, begins });
        }
    }
    None
}
