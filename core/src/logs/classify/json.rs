//! A record in JSON, whole or cut: its named values, in their order, whatever lies in what.

use std::borrow::Cow;

use super::forms::of_fields;
use super::record::{Field, Record, RecordStyle};

/// More values than that say nothing that matters.
const FIELDS: usize = 96;
const DEPTH: usize = 12;

/// Reads a record; `None` where no value of the text is a message.
pub(super) fn record(text: &[u8]) -> Option<Record<'_>> {
    let fields = fields(text);
    if let Some(inner) = engine_line(&fields) {
        return Some(inner);
    }
    of_fields(RecordStyle::Json, fields)
}

/// The line in a file of the engine: `{"log":"…\n","stream":"stderr","time":"…"}`.
fn engine_line<'a>(fields: &[Field<'a>]) -> Option<Record<'a>> {
    let log = fields.iter().find(|field| &*field.key == b"log")?;
    fields.iter().find(|field| &*field.key == b"stream")?;
    let line = log.value.trim_ascii_end().to_vec();
    let inner = Record::read(&line);
    Some(Record {
        style: inner.style,
        level: inner.level,
        message: Cow::Owned(inner.message.into_owned()),
        fields: inner
            .fields
            .into_iter()
            .map(|field| Field {
                key: Cow::Owned(field.key.into_owned()),
                value: Cow::Owned(field.value.into_owned()),
            })
            .collect(),
    })
}

/// All values that are texts or numbers, with their names; `fields.message` and the like by their last name
/// too, where the record has none of its own.
fn fields(text: &[u8]) -> Vec<Field<'_>> {
    let mut found: Vec<Field<'_>> = Vec::new();
    let mut names: Vec<Cow<'_, [u8]>> = vec![Cow::Borrowed(b"")];
    let mut at = 0;
    while at < text.len() && found.len() < FIELDS {
        match text[at] {
            b'{' | b'[' if names.len() < DEPTH => {
                names.push(names.last().cloned().unwrap_or_default());
                at += 1;
            }
            b'}' | b']' => {
                names.pop();
                at += 1;
                // Behind the record.
                if names.len() <= 1 {
                    break;
                }
            }
            b'"' => {
                let (value, next) = string(text, at);
                let next =
                    next + text[next.min(text.len())..].iter().take_while(|byte| **byte == b' ').count();
                if text.get(next) == Some(&b':') {
                    let outer = names.len().checked_sub(2).and_then(|index| names.get(index));
                    let name = match outer {
                        Some(outer) if !outer.is_empty() && !is_wrapper(outer) => {
                            Cow::Owned([outer, &b"."[..], &value].concat())
                        }
                        _ => value,
                    };
                    if let Some(last) = names.last_mut() {
                        *last = name;
                    }
                    at = next + 1;
                } else {
                    found.push(Field { key: names.last().cloned().unwrap_or_default(), value });
                    at = next;
                }
            }
            b'0'..=b'9' | b'-' | b'n' => {
                let end = text[at..]
                    .iter()
                    .position(|byte| matches!(byte, b',' | b'}' | b']' | b' '))
                    .map_or(text.len(), |length| at + length);
                found.push(Field {
                    key: names.last().cloned().unwrap_or_default(),
                    value: Cow::Borrowed(&text[at..end]),
                });
                at = end;
            }
            _ => at += 1,
        }
    }
    found
}

/// What only wraps a record: tracing's `fields`, a cloud's payload.
fn is_wrapper(name: &[u8]) -> bool {
    [&b"fields"[..], b"jsonPayload"].contains(&name)
}

/// The text that begins at a quote, and where it ends.
fn string(text: &[u8], at: usize) -> (Cow<'_, [u8]>, usize) {
    let mut end = at + 1;
    while end < text.len() && text[end] != b'"' {
        end += if text[end] == b'\\' { 2 } else { 1 };
    }
    let end = end.min(text.len());
    (unescaped(&text[at + 1..end]), (end + 1).min(text.len()))
}

/// A text without its escapes; a line break becomes a blank.
pub(super) fn unescaped(text: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(b'\\', text).is_none() {
        return Cow::Borrowed(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            out.push(text[at]);
            at += 1;
            continue;
        }
        match text.get(at + 1) {
            Some(b'n' | b'r' | b't') => out.push(b' '),
            Some(b'u') => {
                let code = text
                    .get(at + 2..at + 6)
                    .and_then(|hex| std::str::from_utf8(hex).ok())
                    .and_then(|hex| u32::from_str_radix(hex, 16).ok())
                    .and_then(char::from_u32);
                if let Some(one) = code {
                    out.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes());
                    at += 4;
                }
            }
            Some(other) => out.push(*other),
            None => {}
        }
        at += 2;
    }
    Cow::Owned(out)
}
