//! A line of text: which cause, which side, which link. Pure, one pass over all patterns. Patterns
//! are data: see [`table`].

mod beside;
mod clause;
pub mod emitter;
mod files;
mod forms;
mod hearsay;
mod json;
mod log_template;
mod marks;
mod memo;
mod names;
mod over;
mod phrase;
mod prefilter;
mod quick;
mod quotes;
mod record;
mod roles;
mod sense;
mod setting;
mod shape;
mod source;
mod subject;
mod table;
mod words;
mod written;

use std::borrow::Cow;
use std::sync::OnceLock;

use crate::cause::{CauseKind, Confidence, Side, Variant};
use crate::link::Link;
use aho_corasick::{AhoCorasick, MatchKind};

pub use crate::redaction::redact;
pub use log_template::Form;
pub use memo::Memo;
pub use prefilter::first_candidate;
use record::Record;
pub use sense::{Recognised, Sense};
use table::{QUIET, STORE, patterns};

/// One pattern: a literal, ASCII case-insensitive, and what it means.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    pub text: &'static str,
    /// A second text that the line must hold too, lower case.
    pub and: Option<&'static str>,
    pub cause: CauseKind,
    pub variant: Option<Variant>,
    pub side: Side,
    pub confidence: Confidence,
    /// A higher rank is a more inner cause: it wins over wrappers in the same line.
    pub rank: u8,
    /// Where it was seen.
    pub seen: &'static str,
    /// The emitter whose table it stands in.
    pub table: &'static str,
}

fn automaton(
    cell: &'static OnceLock<AhoCorasick>,
    texts: impl Iterator<Item = &'static str>,
) -> &'static AhoCorasick {
    cell.get_or_init(|| {
        AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .build(texts)
            // The tables are constants of a few hundred short literals, far below any limit.
            .expect("the pattern tables build")
    })
}

/// What a line says.
#[must_use]
pub fn sense(line: &[u8]) -> Sense {
    Form::with(line, sense_of)
}

/// What a line of this form says.
pub fn sense_of(form: Form<'_>) -> Sense {
    let record = Record::read(form.text());
    if let Some(link) = marks::start(&record) {
        return Sense::Start(link);
    }
    if let Some(link) = marks::works(&record) {
        return Sense::Works(link);
    }
    match recognised(form, &record) {
        Some((found, _)) if !marks::excused(&record, &found) => Sense::Trouble(found),
        _ if marks::ends(&record) => Sense::Ends,
        _ => Sense::Nothing,
    }
}

/// The cause that a line names, if it is a problem.
#[must_use]
pub fn recognise(line: &[u8]) -> Option<Recognised> {
    ranked(line).map(|(found, _)| found)
}

/// The cause with its rank: the higher, the more inner.
#[must_use]
pub fn ranked(line: &[u8]) -> Option<(Recognised, u8)> {
    Form::with(line, ranked_of)
}

pub fn ranked_of(form: Form<'_>) -> Option<(Recognised, u8)> {
    recognised(form, &Record::read(form.text()))
}

fn recognised(form: Form<'_>, record: &Record<'_>) -> Option<(Recognised, u8)> {
    first_candidate(form.text(), false)?;
    let words = record.own_words();
    let text = match shape::of(&words) {
        shape::MessageShape::Message(text) => text,
        shape::MessageShape::Access(status) => return access(status),
    };
    let text = by_quic(text);
    let (found, rank) = match classified(&text) {
        Some(found) => found,
        // A word of comfort in the message is none for what an error field says; of a lost connection none but one that
        // says so of connections and requests, and none of those that name something else.
        None if record.names_an_error() => {
            let told = record.level == record::Level::Fails && !is_quiet(&text);
            let errors = record.words_with(b"");
            let told_of = written::quoted_from(&errors).unwrap_or(errors.len());
            classified(&by_quic(Cow::Borrowed(&errors[..told_of])))
                .filter(|(_, rank)| told || *rank > LOST)?
        }
        None => return None,
    };
    // Only what names a cause is looked at as a whole: whether it reports it. Who writes at the level of an error does.
    if record.level != record::Level::Fails && !record.names_an_error() && shape::is_mention(&words) {
        return None;
    }
    if hearsay::is_passed_on(record) {
        return None;
    }
    if hearsay::has_names(record, &text).is_some_and(|left| classified(&left).is_none()) {
        return None;
    }
    let (found, rank) = match record.told() {
        Some(message) => classified(&by_quic(record.words_with(&message)))?,
        None => (found, rank),
    };
    if record.only_counts(rank) {
        return None;
    }
    let told = record.own_words_and_peers();
    let found = files::detailed(&told, roles::directed(&told, found)?);
    Some((Recognised { link: link(&told), ..found }, rank))
}

/// QUIC's way to say whose alert it was (`CRYPTO_ERROR 0x130 (remote): tls: …`), in TLS' words.
fn by_quic(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    const REMOTE: &[u8] = b"(remote): tls: ";
    match memchr::memmem::find(&text, REMOTE) {
        Some(at) => [&text[..at], b"remote error: tls: ", &text[at + REMOTE.len()..]].concat().into(),
        None => text,
    }
}

/// What an answered request tells: only a proxy's own word on its upstream.
fn access(status: u16) -> Option<(Recognised, u8)> {
    (status == 502).then_some((
        Recognised {
            kind: CauseKind::BadGateway,
            variant: None,
            side: Side::Server,
            confidence: Confidence::Likely,
            link: None,
        },
        2,
    ))
}

/// Whose words a line quotes, where its own shape does not tell who wrote it: the table of the message.
#[must_use]
pub fn emitter(line: &[u8]) -> Option<&'static str> {
    Form::with(line, emitter_of)
}

pub fn emitter_of(form: Form<'_>) -> Option<&'static str> {
    // Below that rank many programs share the words.
    best(form.text())
        .filter(|(rank, _, pattern)| *rank > 5 && !matches!(pattern.table, "other" | "openssl" | "curl"))
        .map(|(_, _, pattern)| pattern.table)
}

/// The literal of the highest rank; of equals the last of the line, which is the most inner, and of those
/// that begin together the longest, which tells the most.
fn best(line: &[u8]) -> Option<(u8, usize, &'static Pattern)> {
    static CELL: OnceLock<AhoCorasick> = OnceLock::new();
    let table = patterns();
    let found = automaton(&CELL, table.iter().map(|pattern| pattern.text));
    let mut lower: Option<Vec<u8>> = None;
    let mut best: Option<(u8, usize, usize, &'static Pattern)> = None;
    for hit in found.find_overlapping_iter(line) {
        let pattern = &table[hit.pattern().as_usize()];
        let place = (pattern.rank, hit.start(), hit.end());
        if best.is_some_and(|(rank, start, end, _)| (rank, start, end) >= place)
            || !whole_word(line, pattern, hit.start(), hit.end())
            || in_address(line, pattern, hit.start(), hit.end())
        {
            continue;
        }
        if let Some(and) = pattern.and {
            let lower = lower.get_or_insert_with(|| line.to_ascii_lowercase());
            if memchr::memmem::find(lower, and.as_bytes()).is_none() {
                continue;
            }
        }
        best = Some((pattern.rank, hit.start(), hit.end(), pattern));
    }
    best.map(|(rank, start, _, pattern)| (rank, start, pattern))
}

/// Up to this rank a text tells of a connection that was not made, or lost.
const LOST: u8 = 4;
/// From this rank on a text is a verdict on a certificate.
const VERDICT: u8 = 9;

/// One of the texts that are no trouble, whatever else is said.
fn is_quiet(line: &[u8]) -> bool {
    static QUIET_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    automaton(&QUIET_CELL, QUIET.iter().copied()).is_match(line)
}

fn classified(line: &[u8]) -> Option<(Recognised, u8)> {
    let best = best(line);
    let above = best.map_or(0, |(rank, _, _)| rank);
    // No word of comfort beside it takes back a verdict on a certificate.
    let verdict = above >= VERDICT;
    if !verdict && is_quiet(line) {
        return None;
    }
    if above < 10
        && let Some(phrase) = phrase::find(line, above)
        && !(verdict && phrase.cause.is_none())
    {
        let found = Recognised {
            kind: phrase.cause?,
            variant: phrase.variant,
            side: phrase.side,
            confidence: phrase.confidence,
            link: None,
        };
        return Some((found, phrase.rank));
    }
    let (rank, _, best) = best?;
    // A service that checks its own chain speaks of its own certificate, whatever x509 says of it.
    let own = memchr::memmem::find(line, b"tls chain invalid").is_some();
    let other_ca = own && best.cause == CauseKind::UnknownAuthority;
    let found = Recognised {
        kind: best.cause,
        variant: if other_ca { Some(Variant::OtherCa) } else { best.variant },
        side: if own { Side::Client } else { best.side },
        confidence: best.confidence,
        link: None,
    };
    Some((found, rank))
}

/// Short words such as `EOF` or an error code must not match inside another word.
fn whole_word(line: &[u8], pattern: &Pattern, start: usize, end: usize) -> bool {
    let edge = |byte: Option<&u8>| byte.is_none_or(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    let text = pattern.text;
    let code = !text.contains(' ') && text.len() < 12;
    let head = !code || !text.as_bytes()[0].is_ascii_alphanumeric();
    let tail = !(code || text.to_ascii_lowercase().ends_with("eof")) || text.ends_with(['_', '-', ' ', ':']);
    (head || edge(start.checked_sub(1).and_then(|index| line.get(index)))) && (tail || edge(line.get(end)))
}

/// A single word within an address or a path is a part of a name.
fn in_address(line: &[u8], pattern: &Pattern, start: usize, end: usize) -> bool {
    let ends = |byte: &u8| matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'(' | b')' | b'<' | b'>' | b',');
    if pattern.text.contains([' ', ':', '/']) {
        return false;
    }
    let from = line[..start].iter().rposition(&ends).map_or(0, |at| at + 1);
    let to = line[end..].iter().position(ends).map_or(line.len(), |length| end + length);
    let before = &line[from..start];
    let path = before.starts_with(b"/") && memchr::memchr_iter(b'/', &line[from..to]).count() > 1;
    path || memchr::memmem::find(before, b"://").is_some()
}

/// Which link a line of Cordum's services speaks of.
fn link(line: &[u8]) -> Option<Link> {
    static STORE_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    static NAMES_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    // The names in a certificate (`is valid for localhost, nats, redis, …`) are no links.
    let end = memchr::memmem::find(line, b" valid for ").unwrap_or(line.len());
    let line = &line[..end];
    let mut has = [false; LINK_NAMES.len()];
    for hit in automaton(&NAMES_CELL, LINK_NAMES.iter().copied()).find_overlapping_iter(line) {
        has[hit.pattern().as_usize()] = true;
    }
    let [kernel, kernel_too, engine, to_nats, to_nats_too, nats, redis, remote_call] = has;
    if engine {
        Some(Link::ContextEngine)
    } else if kernel || kernel_too {
        Some(Link::SafetyKernel)
    } else if to_nats || to_nats_too || (nats && !redis) {
        Some(Link::Nats)
    } else if redis || (!remote_call && automaton(&STORE_CELL, STORE.iter().copied()).is_match(line)) {
        Some(Link::Redis)
    } else {
        None
    }
}

/// Words that name a link, or speak against one, in the order in which [`link`] takes them.
const LINK_NAMES: [&str; 8] = [
    "safety kernel",
    "safety_kernel",
    // Its own listener's, for it serves what others dial.
    "context engine tls keypair",
    "nats connect",
    "connect nats",
    "nats",
    "redis",
    "rpc error",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pattern_is_found_by_its_own_text() {
        for pattern in patterns() {
            let line = format!("x {} {} y", pattern.text, pattern.and.unwrap_or_default());
            assert!(recognise(line.as_bytes()).is_some(), "{}", pattern.text);
        }
    }

    #[test]
    fn the_innermost_cause_wins() {
        let line = b"[GATEWAY] ERROR safety kernel list snapshots failed error=rpc error: code = Unavailable desc = connection error: desc = \"transport: authentication handshake failed: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2025-01-01T00:00:00Z\"";
        let found = recognise(line).unwrap();
        assert_eq!(found.kind, CauseKind::Expired);
        assert_eq!(found.link, Some(Link::SafetyKernel));
    }

    #[test]
    fn harmless_lines_give_nothing() {
        for line in [
            "[SCHEDULER] ERROR scheduler: NATS reconnected, re-subscribing",
            "[GATEWAY] INFO http: TLS handshake error from 172.18.0.1:53122: EOF",
            "[SCHEDULER] WARN registry warm-start: failed to read snapshot error=redis: nil",
            "[GATEWAY] WARN bus: disconnected from nats err=<nil>",
            "redis pool configured pool_size=20 dial_timeout=5s read_timeout=3s",
            "certificate renewed, TLS enabled, 0 errors",
        ] {
            assert!(!matches!(sense(line.as_bytes()), Sense::Trouble(_)), "{line}");
        }
    }

    #[test]
    fn a_regenerated_ca_is_told_apart() {
        let line = b"redis: 2026/05/25 01:02:03 pool.go:426: redis: connection pool: failed to dial after 5 attempts: tls: failed to verify certificate: x509: certificate signed by unknown authority (possibly because of \"x509: ECDSA verification failure\" while trying to verify candidate authority certificate \"Cordum Dev CA\")";
        let found = recognise(line).unwrap();
        assert_eq!((found.kind, found.variant), (CauseKind::UnknownAuthority, Some(Variant::CaRegenerated)));
        assert_eq!(found.link, Some(Link::Redis));
    }
}
