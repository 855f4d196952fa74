//! Errors of several lines: which line goes on with the one before, and where a record begins.

/// Lines of one record, looked at backwards from a "caused by".
const RECORD: usize = 256;

/// A line that only goes on with the one before: an inner cause, a frame, a field.
pub(super) fn continues(line: &[u8]) -> bool {
    let body = body(line);
    let text = body.trim_ascii_start();
    let indented = text.len() < body.len();
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

/// What the program wrote: without Compose's `name  | ` and the engine's timestamp.
fn body(line: &[u8]) -> &[u8] {
    let bar = line.iter().take(64).position(|byte| *byte == b'|');
    let line = match bar.and_then(|bar| line.split_at_checked(bar)) {
        Some((name, rest)) if name.ends_with(b" ") && !name.trim_ascii().contains(&b' ') => {
            rest.strip_prefix(b"| ").unwrap_or(rest)
        }
        _ => line,
    };
    let stamp = line.iter().take(40).position(|byte| *byte == b' ').unwrap_or(0);
    let stamped = stamp > 19 && line[..4].iter().all(u8::is_ascii_digit) && line[10] == b'T';
    if stamped { &line[stamp + 1..] } else { line }
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
        if !continues(line) {
            let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
            let begins = has(b"Exception") || has(b"Error") || has(b"tls chain invalid");
            return Some(First { line, lines: index as u64 + 1, begins });
        }
    }
    None
}
