//! A service's log, streamed line by line with bounded memory: which runs it holds, what trouble the
//! last ones had, and whether the service got over it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt;
use tokio::io::AsyncReadExt;

use crate::cause::CauseKind;
use crate::context::{Context, OwnProbe};
use crate::engine::{Container, Engine, moment};
use crate::fault::{Recognised, Sense};
use crate::stack::{Link, Stack};

/// A kind of trouble in one run, counted.
#[derive(Clone, Debug)]
pub struct Trouble {
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
    pub first: Option<SystemTime>,
    pub last: Option<SystemTime>,
    pub troubles: Vec<Trouble>,
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
}

/// A line is cut here; what a message says stands at its front.
const LINE_LIMIT: usize = 64 * 1024;
/// Different kinds of trouble kept for one run.
const TROUBLES: usize = 64;

/// A record of trouble that is being read.
#[derive(Debug)]
struct Open {
    what: Recognised,
    at: Option<SystemTime>,
    text: Vec<u8>,
}

/// Turns lines into runs.
#[derive(Debug)]
pub struct Reader<'a> {
    stack: &'a Stack,
    /// The engine's word on when the present run began.
    started: Option<SystemTime>,
    since: Option<SystemTime>,
    crossed: bool,
    /// The line before was a start's: a start may have several such lines.
    starting: bool,
    log: ServiceLog,
    /// Trouble whose record may go on: the lines after it that are indented belong to it.
    open: Option<Open>,
    partial: Vec<u8>,
    /// Log lines that our own connections caused: `(time, address)` to be passed over.
    own: &'a [OwnProbe],
}

impl<'a> Reader<'a> {
    #[must_use]
    pub fn new(stack: &'a Stack, started: Option<SystemTime>, own: &'a [OwnProbe]) -> Self {
        Self {
            stack,
            started,
            since: stack.since,
            crossed: false,
            starting: false,
            open: None,
            log: ServiceLog::default(),
            partial: Vec::new(),
            own,
        }
    }

    /// Takes the next bytes, whatever their borders.
    pub fn feed(&mut self, mut bytes: &[u8]) {
        self.log.bytes += bytes.len() as u64;
        while let Some(end) = bytes.iter().position(|byte| *byte == b'\n') {
            if self.partial.is_empty() {
                self.line(&bytes[..end.min(LINE_LIMIT)]);
            } else {
                self.keep(&bytes[..end]);
                let line = std::mem::take(&mut self.partial);
                self.line(&line);
            }
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    fn keep(&mut self, bytes: &[u8]) {
        let room = LINE_LIMIT.saturating_sub(self.partial.len()).min(bytes.len());
        self.partial.extend_from_slice(&bytes[..room]);
    }

    /// The runs that were seen.
    #[must_use]
    pub fn finish(mut self) -> ServiceLog {
        if !self.partial.is_empty() {
            let line = std::mem::take(&mut self.partial);
            self.line(&line);
        }
        self.close();
        self.log
    }

    fn line(&mut self, line: &[u8]) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let (at, text) = stamped(line);
        if let (Some(at), Some(since)) = (at, self.since)
            && at < since
        {
            return;
        }
        if text.is_empty() {
            return;
        }
        let sense = (self.stack.read_line)(text);
        if text.starts_with(b"  ")
            && let Some(open) = &mut self.open
        {
            // The inner cause counts in a record of several lines (Cordum's check of its own chain).
            if let Sense::Trouble(inner) = sense
                && inner.kind != open.what.kind
            {
                open.what = Recognised { side: open.what.side, link: open.what.link.or(inner.link), ..inner };
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
        // A start marker right after the engine's start time, or after another one, is the same start.
        let start = matches!(sense, Sense::Start(_));
        let same = self.starting || (self.crossed && !crossing && self.log.present.lines < 3);
        let marker = start && !same;
        self.starting = start;
        if (crossing || marker) && self.log.present.lines > 0 {
            let ended = std::mem::take(&mut self.log.present);
            self.log.previous = Some(ended);
            self.log.runs += 1;
        }
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
            let text = String::from_utf8_lossy(&text[..text.len().min(2000)]);
            run.last_words = Some((self.stack.redact)(&text).chars().take(300).collect());
            run.words_are_error = error;
        }
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
                self.open = Some(Open { what, at, text: text.to_vec() });
            }
        }
    }

    /// Counts the record of trouble that was read, if there is one.
    fn close(&mut self) {
        let Some(Open { what, at, text }) = self.open.take() else { return };
        let run = &mut self.log.present;
        let text = String::from_utf8_lossy(&text);
        let link = what.link;
        let sample: String = (self.stack.redact)(&text).chars().take(400).collect();
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
            None if room => run.troubles.push(Trouble {
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
    ["ERROR", "FATAL", "fatal", "panic:", "failed", "error=", "[ERR]", "[FTL]", "[emerg]", "# Fatal"]
        .iter()
        .any(|word| text.windows(word.len()).any(|window| window == word.as_bytes()))
}

/// The line's own level is an error's.
fn is_error_level(text: &[u8]) -> bool {
    ["] ERROR ", "\"level\":\"ERROR\"", "FATAL", "panic:", "[FTL]", "[emerg]", "# Fatal"]
        .iter()
        .any(|word| text.windows(word.len()).any(|window| window == word.as_bytes()))
}

/// A handshake error that names the address we dialled from.
#[must_use]
pub fn caused_by(own: &OwnProbe, at: Option<SystemTime>, text: &[u8]) -> bool {
    let Some(local) = own.local else { return false };
    if let Some(at) = at {
        let apart = at.duration_since(own.at).or_else(|_| own.at.duration_since(at)).unwrap_or_default();
        if apart.as_secs() > 10 {
            return false;
        }
    }
    // Behind Docker's NAT the address is the gateway's, but the port mostly survives.
    let port = format!(":{}", local.port());
    let text = String::from_utf8_lossy(text);
    text.match_indices(&port)
        .any(|(index, found)| !text[index + found.len()..].starts_with(|next: char| next.is_ascii_digit()))
}

/// Splits the engine's timestamp off.
fn stamped(line: &[u8]) -> (Option<SystemTime>, &[u8]) {
    if line.len() > 20 && line[..4].iter().all(u8::is_ascii_digit) && line[4] == b'-' && line[10] == b'T' {
        let end = line.iter().take(40).position(|byte| *byte == b' ').unwrap_or(line.len().min(40));
        if let Some(at) = std::str::from_utf8(&line[..end]).ok().and_then(moment) {
            return (Some(at), line.get(end + 1..).unwrap_or_default());
        }
    }
    (None, line)
}

/// Reads a container's log, whole or not at all: a log that does not end before the run has to says
/// nothing about the lines that were not read.
///
/// # Errors
/// What the engine said (a log driver that cannot be read, for one), or that time was up.
pub async fn of_container(
    context: &Context,
    engine: &Engine,
    container: &Container,
    own: &[OwnProbe],
) -> Result<ServiceLog, String> {
    let stack = &context.stack;
    let mut reader = Reader::new(stack, container.log_begins(), own);
    let mut lines = std::pin::pin!(engine.logs(container, stack.since));
    // A little is left for what has to be said about it.
    let left = context.deadline.saturating_duration_since(Instant::now());
    let until = context.deadline - (left / 10).min(Duration::from_millis(500));
    // The clock is looked at for every piece: an engine that always has more never lets a timer fire.
    while Instant::now() < until {
        match tokio::time::timeout_at(until.into(), lines.next()).await {
            Ok(Some(chunk)) => reader.feed(&chunk?),
            Ok(None) => return Ok(reader.finish()),
            Err(_) => break,
        }
    }
    let read = reader.log.bytes / 1024;
    Err(format!("it was not read to its end in time ({read} KiB so far)"))
}

/// Reads a `SERVICE.log`.
///
/// # Errors
/// What the system said.
pub async fn of_file(stack: &Stack, path: &Path, own: &[OwnProbe]) -> Result<ServiceLog, String> {
    let mut file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    let mut reader = Reader::new(stack, None, own);
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = file.read(&mut buffer).await.map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(reader.finish());
        }
        reader.feed(&buffer[..count]);
    }
}

/// The logs of a service and its replicas in a directory of `SERVICE.log` files.
#[must_use]
pub fn files_of(directory: &Path, service: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let Some(stem) =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".log"))
            else {
                return false;
            };
            stem == service
                || stem
                    .strip_prefix(service)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .collect();
    found.sort();
    found
}

/// Trouble with the connection itself, which a service can get over without anybody's help.
#[must_use]
pub fn is_connection_trouble(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::ConnectionRefused
            | CauseKind::ConnectionReset
            | CauseKind::Timeout
            | CauseKind::Dns
            | CauseKind::BadGateway
    )
}

/// The last trouble of a container's current run that concerns `link`, or no named link, and that was
/// logged since `since`: the line that our own request provoked, not an older one.
pub async fn last_trouble(
    context: &Context,
    engine: &Engine,
    container: &Container,
    link: Link,
    since: SystemTime,
) -> Option<crate::fault::Failure> {
    let own = context.own_probes();
    let log = of_container(context, engine, container, &own).await.ok()?;
    let since = since.checked_sub(Duration::from_secs(1)).unwrap_or(since);
    let concerns = |trouble: &&Trouble| {
        (trouble.link.is_none() || trouble.link == Some(link))
            && trouble.last.is_none_or(|last| last >= since)
    };
    let trouble = log.present.troubles.iter().filter(concerns).max_by_key(|trouble| trouble.line)?;
    Some(
        crate::fault::Failure::new(
            crate::fault::Stage::Exchange,
            crate::fault::Cause::Line(trouble.what.clone()),
        )
        .because(format!("{} logged: {}", container.name, trouble.sample))
        .at(container.service.clone()),
    )
}
