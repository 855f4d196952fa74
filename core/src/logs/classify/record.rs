//! A record as its emitter writes it: how grave, which message, which fields. Read once; whoever judges a
//! line asks here what its emitter said himself and what he only passes on (prompts, policies, names).

use std::borrow::Cow;

use super::quotes::{named, unquoted};
use super::{forms, json};
use crate::logs::prefix::body;

/// How grave a record says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Level {
    Unsaid,
    Informs,
    Warns,
    Fails,
}

/// The shape of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RecordStyle {
    /// `[COMPONENT] LEVEL message key=value`, nothing quoted.
    Component,
    Json,
    /// `level=… msg="…" key=value`.
    Logfmt,
    /// `E0921 17:10:08.336189 749 file.go:60] "message" key=value`.
    Klog,
    /// `2026/11/24 00:23:09 message`, as Go's `log` writes it.
    GoLog,
    /// `1:M 24 Nov 2026 00:23:09.123 * message`.
    Redis,
    /// Anything else: the line is the message.
    Plain,
}

/// A named value beside the message.
#[derive(Clone, Debug)]
pub(super) struct Field<'a> {
    pub(super) key: Cow<'a, [u8]>,
    pub(super) value: Cow<'a, [u8]>,
}

/// A line as its emitter meant it.
#[derive(Clone, Debug)]
pub(super) struct Record<'a> {
    pub(super) style: RecordStyle,
    pub(super) level: Level,
    pub(super) message: Cow<'a, [u8]>,
    pub(super) fields: Vec<Field<'a>>,
}

/// Fields in which emitters say what went wrong.
const ERRORS: &[&[u8]] = &[
    b"err",
    b"error",
    b"errors",
    b"errmsg",
    b"exception",
    b"exc",
    b"excinfo",
    b"x",
    b"stack",
    b"stacktrace",
    b"detail",
    b"details",
    b"failure",
    b"fault",
    b"msg",
    b"message",
    b"log",
    b"event",
    b"code",
    b"codename",
    b"status",
    b"statuscode",
    b"grpccode",
    b"errno",
    b"desc",
];
/// Fields that give a reason: of trouble where the record is one of trouble, else of anything.
const REASONS: &[&[u8]] = &[b"reason", b"cause", b"causes", b"rootcause"];
/// Fields that say with whom the emitter speaks.
const PEERS: &[&[u8]] = &[
    b"addr",
    b"address",
    b"addrs",
    b"url",
    b"uri",
    b"host",
    b"server",
    b"target",
    b"endpoint",
    b"peer",
    b"broker",
    b"redis",
    b"nats",
    b"link",
    b"upstream",
    b"remote",
    b"client",
];

impl<'a> Record<'a> {
    pub(super) fn read(line: &'a [u8]) -> Self {
        let body = body(line);
        match body.first() {
            Some(b'{') => json::record(body),
            Some(b'[') => forms::component(body),
            Some(b'0'..=b'9') => forms::dated(body),
            Some(b'I' | b'W' | b'E' | b'F' | b'A') => forms::klog(body).or_else(|| forms::logfmt(body)),
            Some(b'a'..=b'z' | b'@') => forms::logfmt(body),
            _ => None,
        }
        .unwrap_or(Self {
            style: RecordStyle::Plain,
            level: Level::Unsaid,
            message: Cow::Borrowed(line),
            fields: Vec::new(),
        })
    }

    /// Whether message and fields are told apart: else everything stands in the message.
    fn is_parted(&self) -> bool {
        matches!(
            self.style,
            RecordStyle::Component | RecordStyle::Json | RecordStyle::Logfmt | RecordStyle::Klog
        )
    }

    /// What the emitter says of its own: the message, and the fields that tell of errors.
    pub(super) fn own_words(&self) -> Cow<'_, [u8]> {
        self.words_with(&self.message)
    }

    /// The message without what it only speaks of, if it speaks of anything: conditions, denials, somebody's quoted words.
    pub(super) fn told(&self) -> Option<Cow<'_, [u8]>> {
        let quoted = if self.is_parted() { None } else { super::quotes::reported(&self.message) };
        match quoted {
            Some(text) => {
                Some(Cow::Owned(super::clause::told(&text).map_or_else(|| text.clone(), Cow::into_owned)))
            }
            None => super::clause::told(&self.message),
        }
    }

    /// The own words, with another message in the place of the own.
    pub(super) fn words_with<'b>(&'b self, message: &'b [u8]) -> Cow<'b, [u8]> {
        if !self.is_parted() {
            return match super::subject::without_texts(message) {
                Some(text) => Cow::Owned(named(&text).into_owned()),
                None => named(message),
            };
        }
        let informs = self.level == Level::Informs;
        // Where an error is named, the reason is another matter's: a job's, a refusal's.
        let reasons = !informs && self.errors().next().is_none();
        let mut text = if informs { unquoted(message) } else { named(message).into_owned() };
        // What was got over, or went wrong before, is told beside it.
        let over = self.level != Level::Fails && super::over::is_told(message);
        for field in &self.fields {
            let key = plain(&field.key);
            // An error that has no value is none.
            let empty = field.value.trim_ascii().is_empty();
            if over || empty || (informs && super::over::is_before(&key)) {
                continue;
            }
            if is_error(&key) || (reasons && is_reason(&key)) {
                text.push(b' ');
                text.extend_from_slice(&field.key);
                text.push(b'=');
                text.extend_from_slice(&field.value);
            }
        }
        Cow::Owned(text)
    }

    /// A message that informs of errors as of a number, not of one that happened.
    pub(super) fn only_counts(&self, rank: u8) -> bool {
        let has = |word: &[u8]| memchr::memmem::find(&self.message, word).is_some();
        self.level == Level::Informs
            && self.is_parted()
            && rank <= 6
            && (has(b" errors") || has(b" failures"))
            && !has(b": ")
            && !self.names_an_error()
    }

    /// An error is named beside the message.
    pub(super) fn names_an_error(&self) -> bool {
        self.is_parted() && self.errors().any(|error| !error.is_empty())
    }

    /// The own words, and with whom the emitter speaks.
    pub(super) fn own_words_and_peers(&self) -> Cow<'_, [u8]> {
        let mut text = self.own_words();
        for field in &self.fields {
            let key = plain(&field.key);
            if PEERS.iter().any(|name| key.ends_with(name)) {
                let text = text.to_mut();
                text.push(b' ');
                text.extend_from_slice(&field.key);
                text.push(b'=');
                text.extend_from_slice(&field.value);
            }
        }
        text
    }

    /// The values of the fields `err` and `error`.
    pub(super) fn errors(&self) -> impl Iterator<Item = &[u8]> {
        self.fields
            .iter()
            .filter(|field| matches!(plain(&field.key).as_slice(), b"err" | b"error"))
            .map(|field| field.value.trim_ascii())
    }

    /// The value of a field.
    pub(super) fn field(&self, name: &str) -> Option<&[u8]> {
        self.fields
            .iter()
            .find(|field| field.key.eq_ignore_ascii_case(name.as_bytes()))
            .map(|field| &*field.value)
    }
}

/// A name of what went wrong, or of its reason.
pub(super) fn tells_of_errors(name: &[u8]) -> bool {
    let key = plain(name);
    is_error(&key) || is_reason(&key)
}

fn is_error(key: &[u8]) -> bool {
    ERRORS.contains(&key) || [&b"error"[..], b"exception", b"err"].iter().any(|end| key.ends_with(end))
}

fn is_reason(key: &[u8]) -> bool {
    REASONS.iter().any(|name| key.ends_with(name))
}

/// A key without case, marks and the names of what it lies in.
fn plain(key: &[u8]) -> Vec<u8> {
    let last = key.rsplit(|byte| *byte == b'.').next().unwrap_or(key);
    last.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase).collect()
}

/// What a level is called.
pub(super) fn level(word: &[u8]) -> Level {
    let lower = word.trim_ascii().to_ascii_lowercase();
    match lower.as_slice() {
        // Bunyan's and pino's numbers, and those of syslog that inform.
        b"5" | b"6" | b"7" | b"10" | b"20" | b"30" | b"i" | b"d" | b"d1" | b"d2" => Level::Informs,
        b"40" | b"w" => Level::Warns,
        b"50" | b"60" | b"e" | b"f" | b"c" | b"panic" | b"dpanic" | b"severe" | b"alert" => Level::Fails,
        other
            if [&b"inf"[..], b"deb", b"dbg", b"tra", b"trc", b"not", b"verb"]
                .iter()
                .any(|head| other.starts_with(head)) =>
        {
            Level::Informs
        }
        other if other.starts_with(b"w") => Level::Warns,
        other
            if [&b"err"[..], b"fat", b"ftl", b"crit", b"emerg"]
                .iter()
                .any(|head| other.starts_with(head)) =>
        {
            Level::Fails
        }
        _ => Level::Unsaid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> (RecordStyle, String, String) {
        let record = Record::read(line.as_bytes());
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (record.style, text(&record.message), text(&record.own_words()))
    }

    #[test]
    fn every_emitter_is_read_in_its_own_shape() {
        for (line, style, message, own) in [
            (
                "[SCHEDULER] WARN job refused prompt=why x509: certificate has expired error=EOF attempt=3",
                RecordStyle::Component,
                "job refused",
                "job refused error=EOF",
            ),
            (
                "scheduler-1  | 2026-11-24T00:23:09.5Z [SCHEDULER] ERROR failed prompt=\"a error=x509: b\" err=EOF",
                RecordStyle::Component,
                "failed",
                "failed err=EOF",
            ),
            (
                r#"{"time":"2026-11-24T00:23:09Z","level":"ERROR","msg":"failed","component":"x","prompt":"x509: a","error":"dial \"b\": EOF"}"#,
                RecordStyle::Json,
                "failed",
                "failed error=dial \"b\": EOF",
            ),
            (
                r#"{"log":"[GATEWAY] INFO http listening addr=:8081\n","stream":"stderr","time":"2026-11-24T00:23:09Z"}"#,
                RecordStyle::Component,
                "http listening",
                "http listening",
            ),
            (
                "time=\"2026\" level=error msg=\"a \\\"b\\\" c\" title=\"no such host\" err=\"read: EOF\"",
                RecordStyle::Logfmt,
                "a \"b\" c",
                "a \"b\" c err=read: EOF",
            ),
            // go-kit's, which needs no message.
            (
                "level=info ts=2026 caller=a.go:1 query=\"x509: a\" err=\"y: EOF\"",
                RecordStyle::Logfmt,
                "",
                " err=y: EOF",
            ),
            (
                "E0921 17:10:08.336189     749 log.go:194] \"Failed to x\" err=\"y: EOF\" pod=\"tls\"",
                RecordStyle::Klog,
                "Failed to x",
                "Failed to x err=y: EOF",
            ),
            (
                r#"{"level":30,"event":"said \"x509: certificate has expired\" to us","reason":"x509: y"}"#,
                RecordStyle::Json,
                "said \"x509: certificate has expired\" to us",
                "said \"\" to us",
            ),
            (
                "policy 7 renamed to \"x509: certificate has expired\" by \"a b c\"",
                RecordStyle::Plain,
                "policy 7 renamed to \"x509: certificate has expired\" by \"a b c\"",
                "policy 7 renamed to \"\" by \"a b c\"",
            ),
            (
                "failed to dial: \"x509: certificate has expired\"",
                RecordStyle::Plain,
                "failed to dial: \"x509: certificate has expired\"",
                "failed to dial: \"x509: certificate has expired\"",
            ),
            ("2026/11/24 00:23:09 [mock-bank] up", RecordStyle::GoLog, "[mock-bank] up", "[mock-bank] up"),
            ("1:M 05 Sep 2025 12:48:21.215 * Ready", RecordStyle::Redis, "Ready", "Ready"),
            ("curl: (35) a=b", RecordStyle::Plain, "curl: (35) a=b", "curl: (35) a=b"),
            ("{\"a\":1", RecordStyle::Plain, "{\"a\":1", "{\"a\":1"),
        ] {
            assert_eq!(read(line), (style, message.to_owned(), own.to_owned()), "{line}");
        }
    }

    #[test]
    fn any_bytes_are_read() {
        let parts = [
            "{",
            "\"",
            "\\",
            "msg",
            ":",
            "=",
            "level",
            "[A] ERROR ",
            "x=\"",
            "E0921 1",
            "] ",
            " ",
            "}",
            "1:M ",
            "| ",
            "\\u00",
        ];
        let mut seed = 11_u32;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(parts[(seed >> 8) as usize % parts.len()]);
            }
            let _ = Record::read(text.as_bytes()).own_words_and_peers();
        }
    }
}
