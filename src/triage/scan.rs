//! Lines of any length from a stream of any size: which of them are problems. One pass over the bytes
//! looks for all patterns; only lines that hold one are looked at closely. Memory stays bounded.

use std::time::SystemTime;

use tls_verify_checks::engine::moment;
use tls_verify_checks::fault::{Recognised, Sense};
use tls_verify_checks::stack::Link;

use crate::recognise::{self, emitter};

/// A problem line (or the first line of a record of several).
#[derive(Clone, Debug)]
pub struct Problem {
    /// Number of the record's first line, from 1.
    pub line_number: u64,
    pub found: Recognised,
    pub emitter: Option<&'static str>,
    /// Without secrets, cut at [`SHOWN`] bytes.
    pub line: String,
    /// The engine's timestamp in front of the line.
    pub at: Option<SystemTime>,
    /// How many starts of the service stand before it.
    pub run: u32,
    rank: u8,
}

/// Bytes of a line that are looked at; what a message says stands at its front.
const LOOKED_AT: usize = 256 * 1024;
/// Bytes of a line that are shown.
const SHOWN: usize = 4096;
/// Lines of one record, looked at backwards from a "caused by".
const RECORD: usize = 256;
/// Problems kept back while nobody knows whether a service found NATS again.
const KEPT_BACK: usize = 1024;
/// Words with which a service says that it lost NATS.
const PARTED: &[u8] = b"disconnected from nats";

/// Takes bytes, whatever their borders, and hands out problems in input order.
pub struct Scanner<'a> {
    /// Logs of a whole project: starts are told apart, its healthy noise is known.
    project: bool,
    sink: &'a mut dyn FnMut(Problem),
    partial: Vec<u8>,
    /// Complete lines that were passed.
    lines: u64,
    run: u32,
    /// Number of the last line of a start.
    start: u64,
    pending: Option<Problem>,
    /// A service that lost NATS, and the problems after it: a later line may say that it found it again.
    parted: Vec<Problem>,
}

impl<'a> Scanner<'a> {
    pub fn new(project: bool, sink: &'a mut dyn FnMut(Problem)) -> Self {
        Self {
            project,
            sink,
            partial: Vec::new(),
            lines: 0,
            run: 0,
            start: u64::MAX,
            pending: None,
            parted: Vec::new(),
        }
    }

    /// Takes the next bytes.
    pub fn feed(&mut self, bytes: &[u8]) {
        let Some(first) = memchr::memchr(b'\n', bytes) else {
            self.keep(bytes);
            return;
        };
        let mut rest = bytes;
        if !self.partial.is_empty() {
            self.keep(&bytes[..first]);
            let mut line = std::mem::take(&mut self.partial);
            line.push(b'\n');
            self.block(&line);
            line.clear();
            self.partial = line;
            rest = &bytes[first + 1..];
        }
        if let Some(last) = memchr::memrchr(b'\n', rest) {
            self.block(&rest[..=last]);
            rest = &rest[last + 1..];
        }
        self.keep(rest);
    }

    /// The last line, with or without its end; returns how many lines there were.
    pub fn finish(mut self) -> (u64, u32) {
        if !self.partial.is_empty() {
            let mut line = std::mem::take(&mut self.partial);
            line.push(b'\n');
            self.block(&line);
        }
        self.flush();
        self.release(false);
        (self.lines, self.run)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LOOKED_AT.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
    }

    fn flush(&mut self) {
        let Some(problem) = self.pending.take() else { return };
        if self.parted.is_empty() {
            (self.sink)(problem);
        } else {
            self.parted.push(problem);
            if self.parted.len() > KEPT_BACK {
                self.release(false);
            }
        }
    }

    /// Hands out what was kept back, without the loss of NATS where that is over.
    fn release(&mut self, over: bool) {
        for problem in std::mem::take(&mut self.parted).into_iter().skip(usize::from(over)) {
            (self.sink)(problem);
        }
    }

    /// Whole lines.
    fn block(&mut self, block: &[u8]) {
        let mut from = 0;
        while let Some(hit) = recognise::trigger(&block[from..], self.project) {
            let hit = from + hit;
            let start = memchr::memrchr(b'\n', &block[..hit]).map_or(0, |index| index + 1);
            let end = memchr::memchr(b'\n', &block[hit..]).map_or(block.len(), |index| hit + index);
            self.lines += memchr::memchr_iter(b'\n', &block[from..start]).count() as u64;
            let line = &block[start..end.min(start + LOOKED_AT)];
            self.line(line, &block[..start]);
            self.lines += 1;
            from = (end + 1).min(block.len());
        }
        self.lines += memchr::memchr_iter(b'\n', &block[from..]).count() as u64;
    }

    fn line(&mut self, line: &[u8], before: &[u8]) {
        let plain;
        let mut line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.contains(&0x1b) {
            plain = strip_ansi(line);
            line = &plain;
        }
        let number = self.lines + 1;
        let ranked = if self.project {
            match recognise::sense(line) {
                Sense::Start(_) => {
                    if self.start.checked_add(1) != Some(number) {
                        self.run += 1;
                        self.flush();
                        self.release(true);
                    }
                    self.start = number;
                    None
                }
                Sense::Trouble(_) => recognise::ranked(line),
                Sense::Works(Some(Link::Nats)) => {
                    self.flush();
                    self.release(true);
                    None
                }
                Sense::Ends | Sense::Works(_) | Sense::Nothing => None,
            }
        } else {
            recognise::ranked(line)
        };
        let Some((found, rank)) = ranked else { return };
        let emitter = emitter::of(line);
        if self.project && memchr::memmem::find(line, PARTED).is_some() {
            self.flush();
            if self.parted.is_empty() {
                self.hold(line, number, found, rank, emitter);
                self.parted.extend(self.pending.take());
            }
            return;
        }
        if continues(line) {
            let back = back(before);
            if let Some(first) = back {
                let first_number = number - first.lines;
                if let Some(pending) = &mut self.pending
                    && pending.line_number >= first_number
                    && (emitter.is_none()
                        || emitter == pending.emitter
                        || pending.line.contains("tls chain invalid"))
                {
                    // The innermost cause of the record wins.
                    let inner =
                        rank > pending.rank || (rank == pending.rank && pending.found.variant.is_none());
                    let own = pending.line.contains("tls chain invalid");
                    if inner && !(own && found.kind == pending.found.kind) {
                        let side = if own { pending.found.side } else { found.side };
                        pending.found = Recognised { side, ..found };
                        pending.rank = rank;
                    }
                    return;
                }
                if emitter.is_some() && emitter::of(first.line) == emitter && first.begins {
                    self.flush();
                    self.hold(first.line, first_number, found, rank, emitter);
                    return;
                }
            }
        }
        self.flush();
        self.hold(line, number, found, rank, emitter);
    }

    fn hold(
        &mut self,
        line: &[u8],
        line_number: u64,
        found: Recognised,
        rank: u8,
        emitter: Option<&'static str>,
    ) {
        let shown = String::from_utf8_lossy(&line[..line.len().min(SHOWN)]);
        let head = line.iter().take(40).position(|byte| *byte == b' ').unwrap_or(0);
        let at = std::str::from_utf8(&line[..head]).ok().filter(|head| head.len() >= 20).and_then(moment);
        let line = recognise::redact(&shown);
        self.pending = Some(Problem { line_number, found, emitter, line, at, run: self.run, rank });
    }
}

/// A line that only goes on with the one before: an inner cause, a frame, a field.
fn continues(line: &[u8]) -> bool {
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

struct First<'a> {
    line: &'a [u8],
    /// How many lines back.
    lines: u64,
    /// It looks like the head of a record.
    begins: bool,
}

/// The first line of the record that a continuing line belongs to.
fn back(before: &[u8]) -> Option<First<'_>> {
    let mut rest = before.strip_suffix(b"\n")?;
    for lines in 1..=RECORD {
        let start = memchr::memrchr(b'\n', rest).map_or(0, |index| index + 1);
        let line = &rest[start..];
        if !continues(line) {
            let has = |word: &[u8]| memchr::memmem::find(line, word).is_some();
            let begins = has(b"Exception") || has(b"Error") || has(b"tls chain invalid");
            return Some(First { line, lines: lines as u64, begins });
        }
        rest = before.get(..start.checked_sub(1)?)?;
    }
    None
}

/// The text without colour and cursor sequences.
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
    use tls_verify_checks::cause::CauseKind;

    fn scan(text: &str, step: usize) -> Vec<(u64, CauseKind)> {
        let mut found = Vec::new();
        let mut sink = |problem: Problem| found.push((problem.line_number, problem.found.kind));
        let mut scanner = Scanner::new(false, &mut sink);
        for chunk in text.as_bytes().chunks(step) {
            scanner.feed(chunk);
        }
        scanner.finish();
        found
    }

    #[test]
    fn borders_of_chunks_do_not_matter() {
        let text =
            "ok\nx509: certificate signed by unknown authority\nfine\r\n\ndial tcp: connection refused";
        for step in 1..40 {
            assert_eq!(
                scan(text, step),
                [(2, CauseKind::UnknownAuthority), (5, CauseKind::ConnectionRefused)]
            );
        }
    }

    #[test]
    fn a_stack_trace_is_one_record_with_its_innermost_cause() {
        let text = "javax.net.ssl.SSLHandshakeException: General SSLEngine problem\n\tat sun.security.ssl.Alerts.getSSLException(Alerts.java:192)\nCaused by: java.security.cert.CertificateExpiredException: NotAfter: Mon\n\tat x.y(Z.java:1)\n";
        assert_eq!(scan(text, text.len()), [(1, CauseKind::Expired)]);
    }

    #[test]
    fn an_inner_cause_that_stands_alone_is_judged_alone() {
        let text = "redis: connection refused\nCaused by: sun.security.validator.ValidatorException: PKIX path building failed\n";
        assert_eq!(
            scan(text, text.len()),
            [(1, CauseKind::ConnectionRefused), (2, CauseKind::UnknownAuthority)]
        );
    }

    #[test]
    fn a_chain_check_is_one_record_behind_any_prefix() {
        for (head, prefix) in [
            ("[SCHEDULER] ERROR failed to connect to NATS error=nats tls config: nats tls:", ""),
            (
                "[GATEWAY] ERROR api gateway error error=connect nats: nats tls:",
                "2026-11-24T00:33:40.904430092Z ",
            ),
            ("[SAFETY-KERNEL] WARN safety-kernel: config service disabled err=", "safety-kernel-1  | "),
        ] {
            let text = format!(
                "{prefix}{head} tls chain invalid: /c/tls.crt does not chain to /c/ca.crt\n\
                 {prefix}  cert:  subject=\"CN=cordum-client\"  issuer=\"CN=Cordum Dev CA\"\n\
                 {prefix}         valid 2026-11-01..2026-11-20\n{prefix}  cause: cert expired 96h0m0s ago\n\
                 {prefix}  fix:   cordumctl generate-certs --force --days 365\n"
            );
            assert_eq!(scan(&text, text.len()), [(1, CauseKind::Expired)], "{text}");
        }
    }

    #[test]
    fn colour_inside_a_message_is_seen_through() {
        let text = "\u{1b}[31mERROR\u{1b}[0m x509: certificate signed by unknown authority\n";
        assert_eq!(scan(text, text.len()), [(1, CauseKind::UnknownAuthority)]);
    }
}
