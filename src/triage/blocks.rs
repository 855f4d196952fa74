//! From a reader to blocks of whole lines, and from blocks to problems on all processors: the looks are
//! taken side by side, what they mean is decided in input order.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, PoisonError};

use super::look::{self, LOOKED_AT, Look};
use super::scan::Scanner;

/// Bytes of a block.
const BLOCK: usize = 1 << 20;
/// Looks at a block on another thread pay from here on.
const SMALL: usize = 1 << 18;
/// More threads than this would wait for the disk.
const THREADS: usize = 4;

/// What a pipe holds (Linux).
const PIPE: usize = 64 * 1024;

/// Cuts a reader's bytes into blocks of whole lines. A line longer than what is looked at is cut.
struct Blocks<'a> {
    reader: &'a mut dyn Read,
    carry: Vec<u8>,
    /// The rest of a line that is too long is passed over.
    skips: bool,
    ended: bool,
}

impl Blocks<'_> {
    /// The next block: whole lines, the last with its end.
    fn next(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut block = std::mem::take(&mut self.carry);
        loop {
            if self.ended {
                if block.is_empty() {
                    return Ok(None);
                }
                block.push(b'\n');
                return Ok(Some(block));
            }
            let had = block.len();
            self.fill(&mut block)?;
            if self.skips {
                let Some(end) = memchr::memchr(b'\n', &block[had..]) else {
                    block.truncate(had);
                    continue;
                };
                block.drain(had..had + end);
                self.skips = false;
            }
            if let Some(end) = memchr::memrchr(b'\n', &block) {
                self.carry = block.split_off(end + 1);
                return Ok(Some(block));
            }
            if block.len() >= LOOKED_AT && !self.ended {
                block.truncate(LOOKED_AT);
                self.skips = true;
            }
        }
    }

    /// Reads until a block's worth is there.
    fn fill(&mut self, block: &mut Vec<u8>) -> io::Result<()> {
        let had = block.len();
        block.resize(had + BLOCK, 0);
        let mut filled = had;
        while filled < had + BLOCK {
            match self.reader.read(&mut block[filled..]) {
                Ok(0) => {
                    self.ended = true;
                    break;
                }
                Ok(count) => {
                    filled += count;
                    // Less than a pipe holds, and whole lines: whoever writes is waited for no longer.
                    if count < PIPE && block[filled - 1] == b'\n' {
                        break;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    block.truncate(filled);
                    return Err(error);
                }
            }
        }
        block.truncate(filled);
        Ok(())
    }
}

type Looked = (Vec<u8>, Vec<Look>, u64);

/// Feeds all of a reader to a scanner. What was read before an error counts.
pub(super) fn pour(reader: &mut dyn Read, project: bool, scanner: &mut Scanner<'_>) -> io::Result<()> {
    let mut blocks = Blocks { reader, carry: Vec::new(), skips: false, ended: false };
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(THREADS);
    let Some(first) = blocks.next()? else { return Ok(()) };
    if threads < 2 || first.len() < SMALL {
        let mut next = Some(first);
        while let Some(block) = next {
            scanner.feed(&block);
            next = blocks.next()?;
        }
        return Ok(());
    }
    let (work, waiting) = channel::<(Vec<u8>, Sender<Looked>)>();
    let waiting = Mutex::new(waiting);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| look_on(&waiting, project));
        }
        // Dropped at the end of this closure, which ends the threads.
        let work = work;
        let mut due: VecDeque<Receiver<Looked>> = VecDeque::new();
        let mut next = Some(first);
        let mut read = Ok(());
        while let Some(block) = next.take() {
            if block.len() < SMALL {
                // What comes in drops is known at once.
                while let Some(answered) = due.pop_front() {
                    take(scanner, Some(answered));
                }
                scanner.feed(&block);
            } else {
                let (answer, answered) = channel();
                if work.send((block, answer)).is_err() {
                    break;
                }
                due.push_back(answered);
            }
            if due.len() > threads + 1 {
                take(scanner, due.pop_front());
            }
            match blocks.next() {
                Ok(block) => next = block,
                Err(error) => read = Err(error),
            }
        }
        while let Some(answered) = due.pop_front() {
            take(scanner, Some(answered));
        }
        read
    })
}

fn take(scanner: &mut Scanner<'_>, answered: Option<Receiver<Looked>>) {
    if let Some((block, looks, lines)) = answered.and_then(|answered| answered.recv().ok()) {
        scanner.looked(&block, looks, lines);
    }
}

fn look_on(waiting: &Mutex<Receiver<(Vec<u8>, Sender<Looked>)>>, project: bool) {
    loop {
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok((block, answer)) = next else { return };
        let (looks, lines) = look::at(&block, project);
        let _ = answer.send((block, looks, lines));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::triage::scan::Problem;

    fn poured(text: &[u8]) -> Vec<(u64, String)> {
        let mut found = Vec::new();
        let mut sink = |problem: Problem| found.push((problem.line_number, problem.found.kind.to_string()));
        let mut scanner = Scanner::new(false, &mut sink);
        pour(&mut &text[..], false, &mut scanner).unwrap();
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
        for size in [0, 1, LOOKED_AT - 1, LOOKED_AT, LOOKED_AT + 1, 5 * BLOCK, 5 * BLOCK + 17] {
            let mut text = vec![b'a'; size];
            assert_eq!(poured(&text), []);
            text.extend_from_slice(b"\ndial tcp: connection refused");
            assert_eq!(poured(&text), [(2, "connection-refused".to_owned())], "{size}");
        }
        let mut text = b"x509: certificate signed by unknown authority ".to_vec();
        text.resize(3 * BLOCK, b'x');
        assert_eq!(poured(&text), [(1, "unknown-authority".to_owned())]);
    }
}
