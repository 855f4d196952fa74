//! The shapes of records other than JSON: which words of a line are its message, which its fields.

use std::borrow::Cow;

use super::json;
use super::record::{Field, Level, Record, RecordStyle, level};
use crate::logs::prefix::after;

/// `[COMPONENT] LEVEL message key=value …`.
pub(super) fn component(body: &[u8]) -> Option<Record<'_>> {
    let end = memchr::memchr(b']', &body[..body.len().min(40)])?;
    let name = &body[1..end];
    let is_name = !name.is_empty() && name.iter().all(|byte| byte.is_ascii_uppercase() || *byte == b'-');
    is_name.then_some(())?;
    let rest = body[end + 1..].strip_prefix(b" ")?;
    let blank = memchr::memchr(b' ', rest)?;
    let level = match &rest[..blank] {
        b"DEBUG" | b"INFO" => Level::Informs,
        b"WARN" => Level::Warns,
        b"ERROR" | b"FATAL" => Level::Fails,
        _ => return None,
    };
    let rest = &rest[blank + 1..];
    let fields = next_key(rest, 0);
    let message = &rest[..fields.unwrap_or(rest.len())];
    Some(Record {
        style: RecordStyle::Component,
        level,
        message: Cow::Borrowed(message.trim_ascii_end()),
        fields: fields.map(|at| loose_fields(&rest[at..])).unwrap_or_default(),
    })
}

/// How long a `key=` at the front is, with its sign.
fn key(text: &[u8]) -> Option<usize> {
    let length = text
        .iter()
        .take_while(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-' | b'@'))
        .count();
    let named = length > 0 && (text[0].is_ascii_alphabetic() || matches!(text[0], b'_' | b'@'));
    (named && text.get(length) == Some(&b'=')).then_some(length + 1)
}

/// Where the next ` key=` stands.
fn next_key(text: &[u8], from: usize) -> Option<usize> {
    memchr::memchr_iter(b' ', &text[from..])
        .map(|blank| from + blank + 1)
        .find(|at| key(&text[*at..]).is_some())
}

/// Values that are not quoted and go on to the next key; one in quotes ends with them.
fn loose_fields(mut text: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    while let Some(length) = key(text) {
        let value = &text[length..];
        let from = match quoted(value) {
            Some(end) if value.get(end).is_none_or(|byte| *byte == b' ') => end,
            _ => 0,
        };
        let next = next_key(value, from);
        let end = next.unwrap_or(value.len());
        fields.push(Field {
            key: Cow::Borrowed(&text[..length - 1]),
            value: Cow::Borrowed(value[..end].trim_ascii_end()),
        });
        match next {
            Some(next) => text = &value[next..],
            None => break,
        }
    }
    fields
}

/// The length of a text in quotes at the front, with them.
fn quoted(text: &[u8]) -> Option<usize> {
    (text.first() == Some(&b'"')).then_some(())?;
    let mut at = 1;
    while at < text.len() {
        match text[at] {
            b'\\' => at += 2,
            b'"' => return Some(at + 1),
            _ => at += 1,
        }
    }
    None
}

/// `key=value` with values quoted where they hold blanks.
fn strict_fields(text: &[u8]) -> Vec<Field<'_>> {
    let mut fields = Vec::new();
    let mut at = 0;
    while at < text.len() {
        let Some(length) = key(&text[at..]) else {
            at = memchr::memchr(b' ', &text[at..]).map_or(text.len(), |blank| at + blank + 1);
            continue;
        };
        let name = &text[at..at + length - 1];
        at += length;
        let rest = &text[at..];
        let (value, taken) = match quoted(rest) {
            Some(end) => (json::unescaped(&rest[1..end - 1]), end),
            // Cut within the quotes.
            None if rest.first() == Some(&b'"') => (json::unescaped(&rest[1..]), rest.len()),
            None => {
                let end = memchr::memchr(b' ', rest).unwrap_or(rest.len());
                (Cow::Borrowed(&rest[..end]), end)
            }
        };
        fields.push(Field { key: Cow::Borrowed(name), value });
        at += taken;
        while text.get(at) == Some(&b' ') {
            at += 1;
        }
    }
    fields
}

/// Names of the message, of the level.
const MESSAGES: &[&str] =
    &["msg", "message", "@message", "@m", "@mt", "event", "short_message", "textPayload"];
const LEVELS: &[&str] = &[
    "level",
    "lvl",
    "severity",
    "levelname",
    "log.level",
    "@level",
    "@l",
    "s",
    "loglevel",
    "log_level",
    "severity_text",
    "severityText",
];

/// A record of named values, if one of them is a message.
pub(super) fn of_fields(style: RecordStyle, mut fields: Vec<Field<'_>>) -> Option<Record<'_>> {
    let find = |fields: &[Field<'_>], names: &[&str]| {
        names
            .iter()
            .find_map(|name| fields.iter().position(|field| field.key.eq_ignore_ascii_case(name.as_bytes())))
    };
    let level = find(&fields, LEVELS).map_or(Level::Unsaid, |index| level(&fields[index].value));
    let message = find(&fields, MESSAGES)?;
    let message = fields.remove(message).value;
    Some(Record { style, level, message, fields })
}

pub(super) fn logfmt(body: &[u8]) -> Option<Record<'_>> {
    key(body)?;
    // A message without a level may be a setting; a level without a message says nothing by itself.
    let has = |word: &[u8]| memchr::memmem::find(body, word).is_some();
    let told = has(b"msg=");
    (has(b"level=") || has(b"lvl=") || has(b"severity=")).then_some(())?;
    let mut fields = strict_fields(body);
    if !told {
        // go-kit's without a message: a time and a place in the source stand beside the level.
        (has(b"ts=") && has(b"caller=")).then_some(())?;
        fields.push(Field { key: Cow::Borrowed(b"msg"), value: Cow::Borrowed(b"") });
    }
    of_fields(RecordStyle::Logfmt, fields)
}

/// `E0921 17:10:08.336189     749 file.go:60] "message" key=value`.
pub(super) fn klog(body: &[u8]) -> Option<Record<'_>> {
    let head = body.get(..6)?;
    (head[1..5].iter().all(u8::is_ascii_digit) && head[5] == b' ').then_some(())?;
    let rest = after(body, b"] ", 120)?;
    let end = quoted(rest)?;
    Some(Record {
        style: RecordStyle::Klog,
        // `E0921` and `F0921` are `A1111` in the template.
        level: if body[0] == b'A' { Level::Fails } else { level(&body[..1]) },
        message: json::unescaped(&rest[1..end - 1]),
        fields: strict_fields(&rest[end..]),
    })
}

/// Go's own log, or Redis'.
pub(super) fn dated(body: &[u8]) -> Option<Record<'_>> {
    let head = body.get(..20)?;
    if head[4] == b'/' && head[7] == b'/' && head[10] == b' ' && head[13] == b':' && head[19] == b' ' {
        return Some(said(RecordStyle::GoLog, &body[20..]));
    }
    let colon = body.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let role = body.get(colon + 1)?;
    (body[colon] == b':' && body.get(colon + 2) == Some(&b' ') && b"MSCXRV".contains(role)).then_some(())?;
    let mark = [&b" * "[..], b" # ", b" - ", b" . "].iter().find_map(|mark| after(body, mark, 48))?;
    Some(said(RecordStyle::Redis, mark))
}

/// A record that is all message.
const fn said(style: RecordStyle, message: &[u8]) -> Record<'_> {
    Record { style, level: Level::Unsaid, message: Cow::Borrowed(message), fields: Vec::new() }
}
