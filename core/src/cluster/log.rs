//! What one start of a container said: read line by line, kept in a few kinds.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use crate::cause::CauseKind;
use crate::link::Link;
use crate::logs::classify::{Recognised, Sense, redact, sense};
use crate::logs::far_end::far_ends;

/// A line is cut here; what a message says stands at its front.
const LINE: usize = 16 * 1024;
/// Different kinds of trouble kept for one start.
const KINDS: usize = 64;
/// What is kept of a line for people.
const SAMPLE: usize = 700;

/// A kind of trouble in one start, counted.
#[derive(Clone, Debug)]
pub struct StartTrouble {
    pub what: Recognised,
    pub count: u64,
    pub first: Option<SystemTime>,
    pub last: Option<SystemTime>,
    /// The last such record with its indented lines, without secrets.
    pub sample: String,
    /// A later line says that the link works.
    pub recovered: bool,
    /// Number of the record's first line.
    pub line: u64,
}

/// What a NATS server said last of a peer's route.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LogRoute {
    pub error: Option<String>,
    pub what: Option<Recognised>,
    /// A connection with the peer was made and not closed since.
    pub up: bool,
    /// The server's numbers of the connections that are open: it keeps several with each peer (`pool_size`), and goes
    /// on dialling others, by an address that no certificate names for one, which say nothing of those.
    open: BTreeSet<u64>,
    pub at: Option<SystemTime>,
}

/// One start, read to its end.
#[derive(Clone, Debug, Default)]
pub struct Start {
    pub lines: u64,
    pub first: Option<SystemTime>,
    pub last: Option<SystemTime>,
    pub troubles: Vec<StartTrouble>,
    /// Links of which a line says that they work, with the last such time.
    pub works: Vec<(Option<Link>, Option<SystemTime>)>,
    /// The last line of an error's level, or that reads like one.
    pub last_error: Option<String>,
    pub last_line: Option<String>,
    /// By the peer's address.
    pub routes: BTreeMap<String, LogRoute>,
    /// What a Redis node said last of its cluster's state.
    pub joined: Option<bool>,
}

impl Start {
    /// The trouble that a start which ended died of: the last that it had not got over.
    #[must_use]
    pub fn died_of(&self) -> Option<&StartTrouble> {
        let open = || self.troubles.iter().filter(|one| !one.recovered);
        let last = open().max_by_key(|one| one.line)?;
        // Who gives up when the time is over has said before what it met in that time.
        let met = open()
            .filter(|one| last.what.kind == CauseKind::Timeout && one.what.kind != CauseKind::Timeout)
            .filter(|one| one.what.link == last.what.link || one.what.link.is_none())
            .max_by_key(|one| one.line);
        Some(met.unwrap_or(last))
    }

    /// A line says that this link works.
    #[must_use]
    pub fn works(&self, link: Link) -> bool {
        self.works.iter().any(|(known, _)| *known == Some(link))
    }

    /// What it said last that reads like an error, else what it said last.
    #[must_use]
    pub fn words(&self) -> Option<&str> {
        self.last_error.as_deref().or(self.last_line.as_deref())
    }
}

/// A record that may go on in indented lines.
#[derive(Debug)]
struct OpenRecord {
    what: Recognised,
    at: Option<SystemTime>,
    text: String,
    line: u64,
}

/// Reads the bytes of one start.
#[derive(Debug, Default)]
pub struct StartReader {
    start: Start,
    partial: Vec<u8>,
    open: Option<OpenRecord>,
}

impl StartReader {
    /// Takes the next bytes, whatever their borders.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr::memchr(b'\n', bytes) {
            self.keep(&bytes[..end]);
            let line = std::mem::take(&mut self.partial);
            self.line(&line);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// What was said.
    #[must_use]
    pub fn finish(mut self) -> Start {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(&line);
        }
        self.close();
        self.start
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
    }

    fn line(&mut self, line: &[u8]) {
        let (at, text) = stamped(line.strip_suffix(b"\r").unwrap_or(line));
        if at.is_some() {
            self.start.first = self.start.first.or(at);
            self.start.last = at;
        }
        if text.is_empty() {
            return;
        }
        self.start.lines += 1;
        let sense = sense(text);
        if text.starts_with(b"  ")
            && let Some(open) = &mut self.open
        {
            if open.text.len() < SAMPLE {
                open.text.push('\n');
                open.text.push_str(&String::from_utf8_lossy(text));
            }
            // The inner cause counts in a record of several lines (Cordum's check of its own chain).
            if let Sense::Trouble(inner) = sense {
                open.what = Recognised { side: open.what.side, link: open.what.link.or(inner.link), ..inner };
            }
            return;
        }
        self.close();
        let words = || redact(&String::from_utf8_lossy(&text[..text.len().min(4 * SAMPLE)]));
        let cut = |text: String| text.chars().take(SAMPLE).collect::<String>();
        self.start.last_line = Some(cut(words()));
        if is_error(text) {
            self.start.last_error = Some(cut(words()));
        }
        self.route(text, at, &sense);
        if memchr::memmem::find(text, b"Cluster state changed: ").is_some() {
            self.start.joined = Some(text.ends_with(b": ok"));
        }
        match sense {
            Sense::Nothing | Sense::Ends | Sense::Start(None) => {}
            Sense::Start(link) | Sense::Works(link) => {
                self.start.works.retain(|(known, _)| *known != link);
                self.start.works.push((link, at));
                for trouble in &mut self.start.troubles {
                    if link.is_none() || trouble.what.link == link {
                        trouble.recovered = true;
                    }
                }
            }
            Sense::Trouble(what) => {
                self.open = Some(OpenRecord { what, at, text: words(), line: self.start.lines });
            }
        }
    }

    /// A NATS server's word on a route: `10.244.0.67:6222 - rid:175 - …`.
    fn route(&mut self, text: &[u8], at: Option<SystemTime>, sense: &Sense) {
        let text = String::from_utf8_lossy(text);
        let Some((front, said)) = text.split_once(" - rid:") else { return };
        let Some(address) = front.rsplit(' ').next().and_then(|one| one.rsplit_once(':')) else { return };
        let (number, said) = said.split_once(" - ").unwrap_or(("", said));
        let number: Option<u64> = number.trim().parse().ok();
        if self.start.routes.len() >= KINDS && !self.start.routes.contains_key(address.0) {
            return;
        }
        let route = self.start.routes.entry(address.0.to_owned()).or_default();
        route.at = at.or(route.at);
        if said.contains("Route connection created") {
            if route.open.len() < KINDS {
                route.open.extend(number);
            }
            // While its peers start too nobody is there: got over with the first connection.
            let of_it = |one: &&mut StartTrouble| {
                one.what.kind.is_unreached() && far_ends(&one.sample).any(|end| end.host == address.0)
            };
            self.start.troubles.iter_mut().filter(of_it).for_each(|one| one.recovered = true);
        } else if said.contains("connection closed") {
            route.open.retain(|one| Some(*one) != number);
        } else if let Sense::Trouble(what) = sense {
            route.error = Some(redact(said).chars().take(SAMPLE).collect());
            route.what = Some(what.clone());
        }
        route.up = !route.open.is_empty();
    }

    fn close(&mut self) {
        let Some(OpenRecord { what, at, text, line }) = self.open.take() else { return };
        let sample: String = redact(&text).chars().take(SAMPLE).collect();
        let room = self.start.troubles.len() < KINDS;
        let same = |one: &&mut StartTrouble| {
            one.what.kind == what.kind && one.what.variant == what.variant && one.what.link == what.link
        };
        match self.start.troubles.iter_mut().find(same) {
            Some(known) => {
                known.count += 1;
                known.last = at.or(known.last);
                known.sample = sample;
                known.recovered = false;
                known.line = line;
            }
            None if room => self.start.troubles.push(StartTrouble {
                what,
                count: 1,
                first: at,
                last: at,
                sample,
                recovered: false,
                line,
            }),
            None => {}
        }
    }
}

/// Level words of the stack's formats, and what programs print at their end.
fn is_error(text: &[u8]) -> bool {
    [
        "] ERROR ",
        "\"level\":\"ERROR\"",
        "FATAL",
        "panic:",
        "[FTL]",
        "[ERR]",
        "[emerg]",
        "# Fatal",
        "cannot create",
        "nats-server: ",
    ]
    .iter()
    .any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
}

/// Splits the platform's time stamp off.
fn stamped(line: &[u8]) -> (Option<SystemTime>, &[u8]) {
    if line.len() > 20 && line[..4].iter().all(u8::is_ascii_digit) && line[4] == b'-' && line[10] == b'T' {
        let end = line.iter().take(40).position(|byte| *byte == b' ').unwrap_or(line.len().min(40));
        let stamp = std::str::from_utf8(&line[..end]).ok();
        if let Some(at) = stamp.and_then(|text| OffsetDateTime::parse(text, &Rfc3339).ok()) {
            return (Some(at.into()), line.get(end + 1..).unwrap_or_default());
        }
    }
    (None, line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Start {
        let mut reader = StartReader::default();
        for piece in text.as_bytes().chunks(7) {
            reader.feed(piece);
        }
        reader.finish()
    }

    #[test]
    fn the_inner_cause_of_a_record_counts_though_each_line_is_stamped() {
        let start = read(
            "2026-11-29T14:56:02.702135906Z [WORKFLOW-ENGINE] ERROR workflow engine error error=connect redis \
             memory store: create redis client: parse redis options: apply redis tls config: build tls config: \
             redis tls: tls chain invalid: /etc/cordum/tls/client/tls.crt does not chain to \
             /etc/cordum/tls/client/ca.crt\n\
             2026-11-29T14:56:02.702144999Z   cert:  subject=\"CN=cordum-client\"  issuer=\"CN=Cordum CA\"\n\
             2026-11-29T14:56:02.702155485Z   cause: cert expired 24h0m0s ago\n\
             2026-11-29T14:56:02.702158189Z   fix:   cordumctl generate-certs --force --days 365\n",
        );
        let died = start.died_of().unwrap();
        assert_eq!(died.what.kind, CauseKind::Expired);
        assert_eq!(died.what.link, Some(Link::Redis));
        assert!(died.sample.contains("does not chain to") && died.sample.contains("issuer="));
        assert_eq!(start.lines, 4);
    }

    #[test]
    fn a_route_that_is_up_again_has_no_open_error() {
        let start = read(
            "[1] 2026/11/29 14:59:33.1 [ERR] 10.244.0.67:6222 - rid:178 - TLS route handshake error: tls: failed \
             to verify certificate: x509: certificate signed by unknown authority\n\
             [1] 2026/11/29 14:59:33.2 [INF] 10.244.0.67:6222 - rid:178 - Router connection closed: TLS Handshake \
             Failure\n\
             [1] 2026/11/29 14:59:34.2 [INF] 10.244.0.35:6222 - rid:9 - Route connection created\n\
             [1] 2026/11/29 14:59:34.3 [INF] 10.244.0.35:6222 - rid:10 - Router connection closed: Duplicate \
             Route\n",
        );
        let broken = &start.routes["10.244.0.67"];
        assert!(!broken.up && broken.error.as_ref().unwrap().contains("unknown authority"));
        assert!(start.routes["10.244.0.35"].up);
    }

    /// A route that gossip proposes is dialled by its address, which no certificate names, beside the one by name.
    #[test]
    fn a_dial_that_fails_beside_an_open_route_takes_nothing_down() {
        let text = b"[1] 2026/11/29 14:59:34.2 [INF] 10.244.0.35:6222 - rid:9 - Route connection created\n\
             [1] 2026/11/29 14:59:35.2 [ERR] 10.244.0.35:6222 - rid:12 - TLS route handshake error: tls: failed \
             to verify certificate: x509: cannot validate certificate for 10.244.0.35 because it doesn't contain \
             any IP SANs\n\
             [1] 2026/11/29 14:59:35.3 [INF] 10.244.0.35:6222 - rid:12 - Router connection closed: TLS Handshake \
             Failure\n";
        let read = |text: &[u8]| {
            let mut reader = StartReader::default();
            reader.feed(text);
            reader.finish()
        };
        assert!(read(text).routes["10.244.0.35"].up);
        let closed = b"[1] 2026/11/29 15:00:00.3 [INF] 10.244.0.35:6222 - rid:9 - Router connection closed: Client Closed\n";
        assert!(!read(&[&text[..], &closed[..]].concat()).routes["10.244.0.35"].up);
    }
}
