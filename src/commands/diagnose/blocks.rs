//! From a reader to blocks of whole lines, and from blocks to problems on all processors: the looks are
//! taken side by side, what they mean is decided in input order.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tls_verify_core::logs::block::{LineClassifier, NotedLine};
use tls_verify_core::logs::line::INSPECTED;
use tls_verify_core::logs::parts::PartJoiner;
use tls_verify_core::logs::scan::LogScanner;

/// Bytes of a block.
pub(super) const BLOCK: usize = 1 << 20;
/// Looks at a block on another thread pay from here on.
const SMALL: usize = 1 << 18;
/// More threads than this would wait for the disk.
const THREADS: usize = 4;
/// A record of several lines whose writer pauses for so long has ended.
const PAUSE: Duration = Duration::from_millis(300);

/// What came of asking for more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Came {
    Bytes,
    /// Nothing in the time that was given.
    Nothing,
    End,
}

/// Where bytes come from.
pub(super) trait Supply {
    /// Appends what there is, a block's worth at most. Waits for so long, or for ever.
    fn more(&mut self, into: &mut Vec<u8>, patience: Option<Duration>) -> io::Result<Came>;
}

/// A reader that never makes anyone wait: a file.
pub(super) struct Whole<'a>(pub(super) &'a mut dyn Read);

impl Supply for Whole<'_> {
    fn more(&mut self, into: &mut Vec<u8>, _: Option<Duration>) -> io::Result<Came> {
        let had = into.len();
        into.resize(had + BLOCK, 0);
        let mut filled = had;
        let mut read = Ok(());
        while filled < had + BLOCK {
            match self.0.read(&mut into[filled..]) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    read = Err(error);
                    break;
                }
            }
        }
        into.truncate(filled);
        read.map(|()| if filled == had { Came::End } else { Came::Bytes })
    }
}

/// Cuts bytes into blocks of whole lines. A line longer than what is looked at is cut.
struct Blocks<'a> {
    supply: &'a mut dyn Supply,
    carry: Vec<u8>,
    /// The rest of a line that is too long is passed over.
    skips: bool,
    ended: bool,
    /// Why there is no more; what came before it counts.
    error: Option<io::Error>,
}

enum Next {
    /// Whole lines, the last with its end.
    Block(Vec<u8>),
    Nothing,
    End,
}

impl Blocks<'_> {
    fn next(&mut self, patience: Option<Duration>) -> io::Result<Next> {
        loop {
            if self.ended {
                let mut block = std::mem::take(&mut self.carry);
                if block.is_empty() {
                    return self.error.take().map_or(Ok(Next::End), Err);
                }
                block.push(b'\n');
                return Ok(Next::Block(block));
            }
            let had = self.carry.len();
            match self.supply.more(&mut self.carry, patience) {
                Ok(Came::Bytes) => {}
                Ok(Came::Nothing) => return Ok(Next::Nothing),
                Ok(Came::End) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    self.error = Some(error);
                }
            }
            if self.skips {
                let Some(end) = memchr::memchr(b'\n', &self.carry[had..]) else {
                    self.carry.truncate(had);
                    continue;
                };
                self.carry.drain(had..had + end);
                self.skips = false;
            }
            if let Some(end) = memchr::memrchr(b'\n', &self.carry[had..]) {
                let rest = self.carry.split_off(had + end + 1);
                return Ok(Next::Block(std::mem::replace(&mut self.carry, rest)));
            }
            if self.carry.len() >= INSPECTED && !self.ended {
                self.carry.truncate(INSPECTED);
                self.skips = true;
            }
        }
    }
}

type NotedBlock = (Vec<u8>, Vec<NotedLine>, u64);

/// Blocks under way to the scanner, in their order.
struct BlockLine<'a, 'b> {
    scanner: &'a mut LogScanner<'b>,
    due: VecDeque<Receiver<NotedBlock>>,
}

impl BlockLine<'_, '_> {
    fn take(&mut self) {
        if let Some((block, looks, lines)) = self.due.pop_front().and_then(|answered| answered.recv().ok()) {
            self.scanner.noted(&block, looks, lines);
        }
    }

    fn take_all(&mut self) {
        while !self.due.is_empty() {
            self.take();
        }
    }
}

/// Feeds all of a supply to a scanner; `idle` is called before anything is waited for. What was read before
/// an error counts.
pub(super) fn pour(
    supply: &mut dyn Supply,
    project: bool,
    scanner: &mut LogScanner<'_>,
    idle: &dyn Fn(),
) -> io::Result<()> {
    let mut blocks = Blocks { supply, carry: Vec::new(), skips: false, ended: false, error: None };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let (work, waiting) = channel::<(Vec<u8>, Sender<NotedBlock>)>();
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        // Dropped at the end of this closure, which ends the threads.
        let work = work;
        let mut started = false;
        let mut line = BlockLine { scanner, due: VecDeque::new() };
        let mut parts = PartJoiner::default();
        let read = loop {
            let block = match next(&mut blocks, &mut line, idle) {
                Ok(Some(block)) => block,
                Ok(None) => break Ok(()),
                Err(error) => break Err(error),
            };
            let whole = match parts.joined(&block) {
                Cow::Owned(whole) => Some(whole),
                Cow::Borrowed(_) => None,
            };
            let block = whole.unwrap_or(block);
            if threads < 2 || block.len() < SMALL {
                // What comes in drops is known at once.
                line.take_all();
                line.scanner.feed(&block);
                continue;
            }
            if !started {
                started = true;
                for _ in 0..threads {
                    scope.spawn(|| classify_blocks(&waiting, project));
                }
            }
            let (answer, answered) = channel();
            if work.send((block, answer)).is_err() {
                break Ok(());
            }
            line.due.push_back(answered);
            if line.due.len() > threads + 1 {
                line.take();
            }
        };
        line.take_all();
        line.scanner.feed(&parts.rest());
        read
    })
}

/// The next block. Before it is waited for, everything that is known is told; after a pause nothing goes on
/// with the last record.
fn next(
    blocks: &mut Blocks<'_>,
    line: &mut BlockLine<'_, '_>,
    idle: &dyn Fn(),
) -> io::Result<Option<Vec<u8>>> {
    let mut patience = Some(Duration::ZERO);
    loop {
        match blocks.next(patience)? {
            Next::Block(block) => return Ok(Some(block)),
            Next::End => return Ok(None),
            Next::Nothing if patience == Some(Duration::ZERO) => {
                line.take_all();
                patience = line.scanner.is_open().then_some(PAUSE);
            }
            Next::Nothing => {
                line.scanner.pause();
                patience = None;
            }
        }
        idle();
    }
}

fn classify_blocks(waiting: &Mutex<Receiver<(Vec<u8>, Sender<NotedBlock>)>>, project: bool) {
    let mut looker = LineClassifier::new(project);
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((block, answer)) = next else { return };
        let (looks, lines) = looker.at(&block);
        let _ = answer.send((block, looks, lines));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tls_verify_core::logs::scan::LogProblem;

    fn poured(text: &[u8]) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        let mut sink =
            |problem: LogProblem| found.push((problem.line_number, problem.found().kind.to_string()));
        let mut scanner = LogScanner::new(false, &mut sink);
        pour(&mut Whole(&mut &text[..]), false, &mut scanner, &|| {}).unwrap();
        scanner.finish();
        found
    }

    #[test]
    fn threads_keep_the_order_and_the_numbers() {
        let mut text = String::new();
        let mut wanted = Vec::new();
        for number in 1..=200_000_u64 {
            if number % 997 == 0 {
                text.push_str("x509: certificate signed by unknown authority\n");
                wanted.push((number, "unknown-authority".to_owned()));
            } else {
                text.push_str("[GATEWAY] INFO request completed status=200 and all is well\n");
            }
        }
        assert_eq!(poured(text.as_bytes()), wanted);
    }

    #[test]
    fn lines_without_end_are_read_to_the_end_of_the_input() {
        for size in [0, 1, INSPECTED - 1, INSPECTED, INSPECTED + 1, 5 * BLOCK, 5 * BLOCK + 17] {
            let mut text = vec![b'a'; size];
            assert_eq!(poured(&text), []);
            text.extend_from_slice(b"\ndial tcp: connection refused");
            assert_eq!(poured(&text), [(2, "connection-refused".to_owned())], "{size}");
        }
        let mut text = b"x509: certificate signed by unknown authority ".to_vec();
        text.resize(3 * BLOCK, b'x');
        assert_eq!(poured(&text), [(1, "unknown-authority".to_owned())]);
    }

    /// Text, and then an error.
    struct Torn<'a>(&'a [u8]);

    impl Read for Torn<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            if self.0.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.0.read(into)
        }
    }

    #[test]
    fn what_was_read_before_an_error_counts() {
        let mut found = Vec::new();
        let mut sink =
            |problem: LogProblem| found.push((problem.line_number, problem.found().kind.to_string()));
        let mut scanner = LogScanner::new(false, &mut sink);
        let mut torn = Torn(b"x509: certificate has expired\nok\ndial tcp: connection refused");
        let read = pour(&mut Whole(&mut torn), false, &mut scanner, &|| {});
        assert_eq!(read.unwrap_err().kind(), io::ErrorKind::UnexpectedEof);
        scanner.finish();
        assert_eq!(found, [(1, "expired".to_owned()), (3, "connection-refused".to_owned())]);
    }
}
