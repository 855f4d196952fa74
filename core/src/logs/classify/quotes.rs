//! Quoted text in a message: somebody's words that the emitter names or hands on, or its own.

use std::borrow::Cow;

/// Names of things that hold other people's text.
const PASSED_ON: &[&[u8]] = &[
    b"prompt",
    b"policy",
    b"question",
    b"query",
    b"rule",
    b"text",
    b"topic",
    b"input",
    b"example",
    b"comment",
];

/// Words before a quoted text that is somebody's: the name or the content of a thing, never what went wrong.
const NAMED: &[&[u8]] = &[
    b"to",
    b"as",
    b"named",
    b"called",
    b"titled",
    b"entitled",
    b"labelled",
    b"title",
    b"subject",
    b"description",
    b"comment",
    b"note",
    b"prompt",
    b"question",
    b"summary",
    b"text",
    b"fix",
    b"fixes",
    b"fixed",
];

/// A message without quoted sentences that it names or hands on (`renamed to "…"`, `subject="…"`).
pub(super) fn named(message: &[u8]) -> Cow<'_, [u8]> {
    let mut text: Vec<u8> = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(open) = memchr::memchr(b'"', &message[at..]).map(|next| at + next) {
        let Some(end) = memchr::memchr(b'"', &message[open + 1..]).map(|next| open + 1 + next) else { break };
        let before = message[..open].trim_ascii_end();
        let before = before.strip_suffix(b"=").or_else(|| before.strip_suffix(b":")).unwrap_or(before);
        let start = before.iter().rposition(|byte| !byte.is_ascii_alphabetic()).map_or(0, |last| last + 1);
        let word = before[start..].to_ascii_lowercase();
        // A name or an address has no blanks to speak of.
        let is_sentence = memchr::memchr_iter(b' ', &message[open..end]).count() > 1;
        if is_sentence && NAMED.contains(&word.as_slice()) {
            text.extend_from_slice(&message[from..open]);
            text.extend_from_slice(b"\"\"");
            from = end + 1;
        }
        at = end + 1;
    }
    if from == 0 {
        return Cow::Borrowed(message);
    }
    text.extend_from_slice(&message[from..]);
    Cow::Owned(text)
}

/// A message without what it quotes; a status' description is the emitter's own all the same.
pub(super) fn unquoted(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len());
    let mut rest = message;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'"' | b'`')) {
        let mark = rest[at];
        let Some(end) = rest[at + 1..].iter().position(|byte| *byte == mark) else { break };
        text.extend_from_slice(&rest[..at]);
        let quoted = &rest[at..at + end + 2];
        text.extend_from_slice(if rest[..at].ends_with(b"desc = ") { quoted } else { b"\"\"" });
        rest = &rest[at + end + 2..];
    }
    text.extend_from_slice(rest);
    let named = text.iter().enumerate().find(|(at, byte)| {
        **byte == b':' && PASSED_ON.iter().any(|name| text[..*at].to_ascii_lowercase().ends_with(name))
    });
    if let Some((at, _)) = named {
        text.truncate(at);
    }
    text
}
