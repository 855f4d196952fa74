//! Lines of any length from a stream of any size: which of them are problems. One pass over the bytes
//! looks for all patterns; only lines that hold one are looked at closely. Memory stays bounded.

use std::time::SystemTime;

use super::block::{LineClassifier, LineMeaning, NotedLine};
use super::classify::{Recognised, emitter};
use super::line::{self, INSPECTED};
use super::parts::PartJoiner;
use super::record::{RecordCause, back, continues};
use crate::cause::CauseKind;

/// A problem line (or the first line of a record of several).
#[derive(Clone, Debug)]
pub struct LogProblem {
    /// Number of the record's first line, from 1.
    pub line_number: u64,
    told: RecordCause,
    pub emitter: Option<&'static str>,
    shape: Option<&'static str>,
    /// Without secrets, cut.
    pub line: String,
    /// The engine's timestamp in front of the line.
    pub at: Option<SystemTime>,
    /// How many starts of the service stand before it.
    pub run: u32,
}

impl LogProblem {
    /// What it was recognised as; of several lines the innermost cause.
    #[must_use]
    pub const fn found(&self) -> &Recognised {
        &self.told.found
    }
}

/// Problems kept back while nobody knows whether a service found NATS again.
const KEPT_BACK: usize = 1024;
/// Words with which a service says that it lost NATS.
const PARTED: &str = "disconnected from nats";
/// Bytes kept of the lines before a block, for records that begin there.
const TAIL: usize = 64 * 1024;

/// Takes lines and hands out problems in input order.
pub struct LogScanner<'a> {
    /// Logs of a whole project: starts are told apart, its healthy noise is known.
    project: bool,
    looker: LineClassifier,
    sink: &'a mut dyn FnMut(LogProblem),
    partial: Vec<u8>,
    /// Lines that come in parts.
    parts: PartJoiner,
    /// The end of the lines that were passed.
    tail: Vec<u8>,
    /// Complete lines that were passed.
    lines: u64,
    run: u32,
    /// Number of the last line of a start.
    start: u64,
    pending: Option<LogProblem>,
    /// A record that was handed out after a pause: its first line's number, and its cause.
    given: Option<(u64, CauseKind)>,
    /// A service that lost NATS, and the problems after it: a later line may say that it found it again.
    parted: Vec<LogProblem>,
}

impl<'a> LogScanner<'a> {
    pub fn new(project: bool, sink: &'a mut dyn FnMut(LogProblem)) -> Self {
        Self {
            project,
            looker: LineClassifier::new(project),
            sink,
            partial: Vec::new(),
            parts: PartJoiner::default(),
            tail: Vec::new(),
            lines: 0,
            run: 0,
            start: u64::MAX,
            pending: None,
            given: None,
            parted: Vec::new(),
        }
    }

    /// Takes the next bytes, whatever their borders.
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
        let rest = self.parts.rest();
        if !rest.is_empty() {
            // Its parts have been counted.
            let (looks, _) = self.looker.at(&rest);
            self.noted(&rest, looks, 0);
        }
        self.flush();
        self.release(false);
        (self.lines, self.run)
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = INSPECTED.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
    }

    /// The last record may go on.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.pending.is_some()
    }

    /// Whoever writes has paused: the last record is over. What goes on with it after all counts where it
    /// tells another cause.
    pub fn pause(&mut self) {
        self.given =
            self.pending.as_ref().map(|problem| (problem.line_number, problem.found().kind)).or(self.given);
        self.flush();
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
        let block = self.parts.joined(block);
        let (looks, lines) = self.looker.at(&block);
        self.noted(&block, looks, lines);
    }

    /// Whole lines that were looked at, on whatever thread.
    pub fn noted(&mut self, block: &[u8], looks: Vec<NotedLine>, lines: u64) {
        for look in looks {
            self.line(look, block);
        }
        self.lines += lines;
        self.close(block);
        let from = block.len().saturating_sub(TAIL);
        if from == 0 {
            let over = (self.tail.len() + block.len()).saturating_sub(TAIL).min(self.tail.len());
            self.tail.drain(..over);
        } else {
            self.tail.clear();
        }
        self.tail.extend_from_slice(&block[from..]);
    }

    /// Hands out the last record if a line that does not go on with it stands behind it.
    fn close(&mut self, block: &[u8]) {
        let Some(pending) = &self.pending else { return };
        if let Some(first) = back(block, &[])
            && self.lines + 1 - first.lines > pending.line_number
        {
            self.flush();
        }
    }

    fn line(&mut self, look: NotedLine, block: &[u8]) {
        let number = self.lines + look.before + 1;
        let (found, rank) = match look.said {
            LineMeaning::Start => {
                if self.start.checked_add(1) != Some(number) {
                    self.run += 1;
                    self.flush();
                    self.release(true);
                }
                self.start = number;
                return;
            }
            LineMeaning::NatsWorks => {
                self.flush();
                self.release(true);
                return;
            }
            LineMeaning::Problem(found, rank) => (found, rank),
        };
        let (shape, emitter) = (look.shape, look.emitter);
        let line = &block[look.start..look.end.min(look.start + INSPECTED)];
        let problem = |shown: String, at, line_number, run| LogProblem {
            line_number,
            told: RecordCause::new(found.clone(), rank, shown.as_bytes()),
            emitter,
            shape,
            line: shown,
            at,
            run,
        };
        if self.project && look.shown.contains(PARTED) {
            self.flush();
            if self.parted.is_empty() {
                self.parted.push(problem(look.shown, look.at, number, self.run));
            }
            return;
        }
        if continues(&line::plain(line), true)
            && let Some(first) = back(&block[..look.start], &self.tail)
        {
            let first_number = number - first.lines;
            if let Some(pending) = &mut self.pending
                && pending.line_number >= first_number
                && (shape.is_none() || shape == pending.shape || pending.told.chain_check)
            {
                pending.told.absorb(found, rank);
                return;
            }
            let given = self.given.filter(|(line_number, _)| *line_number >= first_number);
            if given.is_some_and(|(_, kind)| kind == found.kind) {
                return;
            }
            let head = line::plain(first.line);
            if given.is_none() && shape.is_some() && first.begins && emitter::of(&head) == shape {
                let problem = problem(line::shown(&head), line::time_of(&head), first_number, self.run);
                self.flush();
                self.pending = Some(problem);
                return;
            }
        }
        let problem = problem(look.shown, look.at, number, self.run);
        self.flush();
        self.pending = Some(problem);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scan(text: &str, step: usize) -> Vec<(u64, CauseKind)> {
        let mut found = Vec::new();
        let mut sink = |problem: LogProblem| found.push((problem.line_number, problem.found().kind));
        let mut scanner = LogScanner::new(false, &mut sink);
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
    fn records_may_cross_the_borders_of_chunks() {
        let text = "ok\njavax.net.ssl.SSLHandshakeException: General SSLEngine problem\n\tat a.b(C.java:1)\n\tat a.c(C.java:2)\nCaused by: java.security.cert.CertificateExpiredException: NotAfter: Mon\n";
        for step in 1..text.len() {
            assert_eq!(scan(text, step), [(2, CauseKind::Expired)], "{step}");
        }
    }

    #[test]
    fn a_stack_trace_is_one_record_with_its_innermost_cause() {
        let text = "javax.net.ssl.SSLHandshakeException: General SSLEngine problem\n\tat sun.security.ssl.Alerts.getSSLException(Alerts.java:192)\nCaused by: java.security.cert.CertificateExpiredException: NotAfter: Mon\n\tat x.y(Z.java:1)\n";
        assert_eq!(scan(text, text.len()), [(1, CauseKind::Expired)]);
    }

    #[test]
    fn a_record_is_handed_out_when_a_line_stands_behind_it_or_its_writer_pauses() {
        let (heard, said) = std::sync::mpsc::channel();
        let mut sink = |problem: LogProblem| heard.send((problem.line_number, problem.found().kind)).unwrap();
        let mut scanner = LogScanner::new(false, &mut sink);
        scanner.feed(b"dial tcp: connection refused\n");
        assert!(scanner.is_open() && said.try_recv().is_err(), "the next line may go on with it");
        scanner.feed(b"all is well\n");
        assert_eq!(said.try_recv(), Ok((1, CauseKind::ConnectionRefused)));
        scanner.feed(b"javax.net.ssl.SSLHandshakeException: General SSLEngine problem\n\tat a.b(C.java:1)\n");
        assert!(scanner.is_open());
        scanner.pause();
        assert_eq!(said.try_recv(), Ok((3, CauseKind::OtherTls)));
        scanner
            .feed(b"\tat a.b(C.java:1)\nCaused by: javax.net.ssl.SSLException: General SSLEngine problem\n");
        assert!(!scanner.is_open(), "nothing new");
        scanner.feed(b"Caused by: java.security.cert.CertificateExpiredException: NotAfter: Mon\n");
        scanner.finish();
        assert_eq!(said.try_recv(), Ok((7, CauseKind::Expired)), "a cause that was not told yet");
        assert!(said.try_recv().is_err());
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
