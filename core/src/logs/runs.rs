//! From a log's lines to its runs: starts told apart, trouble counted, what was got over.

use std::time::SystemTime;

use super::classify::{Recognised, Sense, emitter, ranked, sense};
use super::line::{self, INSPECTED};
use super::own_connections::{OwnProbe, caused_by};
use super::prefix;
use super::record::{RecordCause, continues};
use crate::link::Link;

/// A kind of trouble in one run, counted.
#[derive(Clone, Debug)]
pub struct RunTrouble {
    pub what: Recognised,
    pub link: Option<Link>,
    pub count: u64,
    pub first: Option<SystemTime>,
    pub last: Option<SystemTime>,
    /// The last such line, without secrets.
    pub sample: String,
    /// A later line of the same run says that the link works.
    pub recovered: bool,
    /// The link had worked in this run before, and the service had not stopped since.
    pub established: bool,
    /// Position of the last such line within the run.
    pub line: u64,
}

/// One run of a service: from a start to its end or to now.
#[derive(Clone, Debug, Default)]
pub struct RunLog {
    pub lines: u64,
    /// It holds the words with which a service starts, or the platform said that it begins here.
    pub begins: bool,
    pub first: Option<SystemTime>,
    pub last: Option<SystemTime>,
    pub troubles: Vec<RunTrouble>,
    /// Some line said that a link works.
    pub works: Vec<Option<Link>>,
    /// The last time that it said so.
    pub worked: Option<SystemTime>,
    /// The last line that reads like an error, or the last line of all, without secrets.
    pub last_words: Option<String>,
    /// Position of the last line of a level above a warning; 0: there is none.
    pub error_line: u64,
    words_are_error: bool,
    /// The service said that it stops.
    pub ended: bool,
    /// The very last line was trouble: the run died of it, or is in the middle of it.
    pub ends_in_trouble: bool,
}

/// The last two runs of a log: a present one may be too young to say anything.
#[derive(Clone, Debug, Default)]
pub struct ServiceLog {
    pub present: RunLog,
    pub previous: Option<RunLog>,
    pub runs: u64,
    pub bytes: u64,
    /// Bytes that nobody looked at: of lines beyond all bounds, or in no encoding that is read here (UTF-16).
    pub unread: u64,
}

/// Different kinds of trouble kept for one run.
const TROUBLES: usize = 64;

/// A record of trouble that is being read.
#[derive(Debug)]
struct OpenRun {
    told: RecordCause,
    at: Option<SystemTime>,
    text: Vec<u8>,
    /// Who wrote it, by its shape.
    shape: Option<&'static str>,
}

impl OpenRun {
    /// Another writer's cause is none of this record's.
    fn is_gone_on_with(&self, line: &[u8], sense: &Sense) -> bool {
        if !matches!(sense, Sense::Trouble(_)) || self.told.chain_check {
            return true;
        }
        let shape = emitter::of(line);
        shape.is_none() || shape == self.shape
    }
}

/// Turns lines into runs.
#[derive(Debug)]
pub struct RunReader<'a> {
    /// The engine's word on when the present run began.
    started: Option<SystemTime>,
    since: Option<SystemTime>,
    crossed: bool,
    /// The line before was a start's: a start may have several such lines.
    starting: bool,
    log: ServiceLog,
    /// Trouble whose record may go on.
    open: Option<OpenRun>,
    partial: Vec<u8>,
    /// The first parts of a line that a container runtime has cut.
    parts: Vec<u8>,
    /// What ends a line, once one has ended: a carriage return alone in files that have no line feed.
    end: Option<u8>,
    /// Log lines that our own connections caused: `(time, address)` to be passed over.
    own: &'a [OwnProbe],
}

impl<'a> RunReader<'a> {
    #[must_use]
    pub fn new(since: Option<SystemTime>, started: Option<SystemTime>, own: &'a [OwnProbe]) -> Self {
        Self {
            started,
            since,
            crossed: false,
            starting: false,
            open: None,
            log: ServiceLog::default(),
            partial: Vec::new(),
            parts: Vec::new(),
            end: None,
            own,
        }
    }

    /// Takes the next bytes, whatever their borders.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        self.log.bytes += bytes.len() as u64;
        // What other people put into a line of a file with line feeds ends none. One at the end may be half of an end.
        if self.end.is_none() {
            let inside = bytes.split_last().is_some_and(|(_, front)| memchr::memchr(b'\r', front).is_some());
            self.end = match memchr::memchr(b'\n', bytes) {
                Some(_) => Some(b'\n'),
                None => inside.then_some(b'\r'),
            };
        }
        let mark = self.end.unwrap_or(b'\n');
        while let Some(end) = memchr::memchr(mark, bytes) {
            if self.partial.is_empty() {
                self.log.unread += end.saturating_sub(INSPECTED) as u64;
                self.line(&bytes[..end.min(INSPECTED)]);
            } else {
                self.keep(&bytes[..end]);
                let line = std::mem::take(&mut self.partial);
                self.line(&line);
            }
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// What follows is the present start's.
    pub fn start(&mut self) {
        self.rest();
        self.crossed = true;
        self.starting = false;
        self.turn();
        self.log.present.begins = true;
    }

    /// The last line may have no end.
    fn rest(&mut self) {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(&line);
        }
        if !self.parts.is_empty() {
            let whole = std::mem::take(&mut self.parts);
            self.whole(&whole);
        }
        self.close();
    }

    /// The run that was being read has ended.
    fn turn(&mut self) {
        if self.log.present.lines > 0 {
            let ended = std::mem::take(&mut self.log.present);
            self.log.previous = Some(ended);
            self.log.runs += 1;
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = INSPECTED.saturating_sub(self.partial.len()).min(bytes.len());
        self.log.unread += (bytes.len() - room) as u64;
        self.partial.extend_from_slice(&bytes[..room]);
    }

    /// How many bytes were taken so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.log.bytes
    }

    /// The runs that were seen.
    #[must_use]
    pub fn finish(mut self) -> ServiceLog {
        self.rest();
        self.log
    }

    fn line(&mut self, line: &[u8]) {
        // Every other byte of UTF-16's ASCII is a zero.
        if line.iter().filter(|byte| **byte == 0).count() * 3 > line.len() {
            self.log.unread += line.len() as u64;
            return;
        }
        let line = line::plain(line);
        match prefix::part(&line) {
            Some((body, is_last)) if !is_last || !self.parts.is_empty() => {
                let body = if self.parts.is_empty() { &*line } else { body };
                let room = INSPECTED.saturating_sub(self.parts.len()).min(body.len());
                self.log.unread += (body.len() - room) as u64;
                self.parts.extend_from_slice(&body[..room]);
                if is_last {
                    let whole = std::mem::take(&mut self.parts);
                    self.whole(&whole);
                }
            }
            _ => self.whole(&line),
        }
    }

    /// A line as its service wrote it.
    fn whole(&mut self, line: &[u8]) {
        let at = prefix::engine_time(line);
        if let (Some(at), Some(since)) = (at, self.since)
            && at < since
        {
            return;
        }
        let text = prefix::body(line);
        if text.is_empty() {
            return;
        }
        let sense = sense(line);
        if let Some(open) = &mut self.open
            && continues(text, sense != Sense::Nothing)
            && open.is_gone_on_with(line, &sense)
        {
            if let (Sense::Trouble(_), Some((inner, rank))) = (sense, ranked(line)) {
                open.told.absorb(inner, rank);
            }
            self.log.present.lines += 1;
            return;
        }
        self.close();
        let crossing = match (at, self.started) {
            (Some(at), Some(started)) => !self.crossed && at >= started,
            _ => false,
        };
        if crossing {
            self.crossed = true;
        }
        // The present start is when the engine says that it was; before it, and where there is no engine, a
        // start's own words tell. Right after another such line they are of the same start.
        let start = matches!(sense, Sense::Start(_));
        let marker = start && !self.starting && !self.crossed;
        self.starting = start;
        if crossing || marker {
            self.turn();
        }
        self.log.present.begins |= start;
        self.count(text, at);
        self.told(sense, line, text, at);
    }

    /// A line of the present run, whatever it means.
    fn count(&mut self, text: &[u8], at: Option<SystemTime>) {
        let run = &mut self.log.present;
        run.lines += 1;
        if at.is_some() {
            run.first = run.first.or(at);
            run.last = at;
        }
        run.ends_in_trouble = false;
        let error = reads_like_error(text);
        if is_error_level(text) {
            run.error_line = run.lines;
        }
        if error || !run.words_are_error {
            run.last_words = Some(line::shown(text).chars().take(300).collect());
            run.words_are_error = error;
        }
    }

    /// What a line means for the present run.
    fn told(&mut self, sense: Sense, line: &[u8], text: &[u8], at: Option<SystemTime>) {
        let run = &mut self.log.present;
        match sense {
            Sense::Nothing | Sense::Start(None) => {}
            Sense::Ends => run.ended = true,
            Sense::Start(link) | Sense::Works(link) => {
                if !run.works.contains(&link) {
                    run.works.push(link);
                }
                run.worked = at.or(run.worked);
                for trouble in &mut run.troubles {
                    if link.is_none() || trouble.link == link {
                        trouble.recovered = true;
                    }
                }
            }
            Sense::Trouble(what) => {
                if self.own.iter().any(|own| caused_by(own, at, text)) {
                    return;
                }
                run.ends_in_trouble = true;
                let rank = ranked(line).map_or(0, |(_, rank)| rank);
                let shape = emitter::of(line);
                self.open = Some(OpenRun {
                    told: RecordCause::new(what, rank, text),
                    at,
                    text: text.to_vec(),
                    shape,
                });
            }
        }
    }

    /// Counts the record of trouble that was read, if there is one.
    fn close(&mut self) {
        let Some(OpenRun { told: RecordCause { found: what, .. }, at, text, .. }) = self.open.take() else {
            return;
        };
        let run = &mut self.log.present;
        let link = what.link;
        let sample: String = line::shown(&text).chars().take(400).collect();
        let line = run.lines;
        let room = run.troubles.len() < TROUBLES;
        let known = run.troubles.iter_mut().find(|known| {
            known.what.kind == what.kind && known.what.variant == what.variant && known.link == link
        });
        match known {
            Some(known) => {
                known.count += 1;
                known.last = at.or(known.last);
                known.sample = sample;
                known.recovered = false;
                known.line = line;
            }
            None if room => run.troubles.push(RunTrouble {
                what,
                link,
                count: 1,
                first: at,
                last: at,
                sample,
                recovered: false,
                established: run.works.contains(&link) && !run.ended,
                line,
            }),
            None => {}
        }
    }
}

/// Level words of the stack's formats, and Go's own last words.
fn reads_like_error(text: &[u8]) -> bool {
    text.starts_with(b"nats-server: ")
        || ["ERROR", "FATAL", "fatal", "panic:", "failed", "error=", "[ERR]", "[FTL]", "[emerg]", "# Fatal"]
            .iter()
            .any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
}

/// The line's own level is an error's; nats-server ends with its name before what it could not do.
fn is_error_level(text: &[u8]) -> bool {
    text.starts_with(b"nats-server: ")
        || ["] ERROR ", "\"level\":\"ERROR\"", "FATAL", "panic:", "[FTL]", "[emerg]", "# Fatal"]
            .iter()
            .any(|word| memchr::memmem::find(text, word.as_bytes()).is_some())
}
