//! Bytes that come when they come: standard input, a pipe. A thread of its own reads, so that waiting for
//! more never keeps back what is known.

use std::io::{self, Read};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::blocks::{BLOCK, Came, Supply};

/// Bytes that are read at once: what a pipe holds (Linux).
const PIPE: usize = 64 * 1024;

#[derive(Debug, Default)]
struct Shared {
    bytes: Vec<u8>,
    end: Option<io::Result<()>>,
    /// Nobody takes any more.
    left: bool,
}

#[derive(Debug, Default)]
struct Meeting {
    shared: Mutex<Shared>,
    changed: Condvar,
}

impl Meeting {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, shared: MutexGuard<'a, Shared>) -> MutexGuard<'a, Shared> {
        self.changed.wait(shared).unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a thread reads meanwhile.
pub(super) struct LiveInput {
    meeting: Arc<Meeting>,
}

impl LiveInput {
    /// Starts to read. A thread that waits for bytes when nobody takes them any more ends with the process.
    pub(super) fn of(reader: impl Read + Send + 'static) -> io::Result<Self> {
        let meeting = Arc::new(Meeting::default());
        let met = Arc::clone(&meeting);
        std::thread::Builder::new().name("input".to_owned()).spawn(move || read_on(reader, &met))?;
        Ok(Self { meeting })
    }
}

fn read_on(mut reader: impl Read, meeting: &Meeting) {
    let mut chunk = vec![0; PIPE];
    loop {
        let read = match reader.read(&mut chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            read => read,
        };
        let mut shared = meeting.lock();
        while shared.bytes.len() >= BLOCK && !shared.left {
            shared = meeting.wait(shared);
        }
        if shared.left {
            return;
        }
        match read {
            Ok(0) => shared.end = Some(Ok(())),
            Ok(count) => shared.bytes.extend_from_slice(&chunk[..count]),
            Err(error) => shared.end = Some(Err(error)),
        }
        let ended = shared.end.is_some();
        drop(shared);
        meeting.changed.notify_all();
        if ended {
            return;
        }
    }
}

impl Supply for LiveInput {
    fn more(&mut self, into: &mut Vec<u8>, patience: Option<Duration>) -> io::Result<Came> {
        let mut shared = self.meeting.lock();
        let empty = |shared: &mut Shared| shared.bytes.is_empty() && shared.end.is_none();
        shared = match patience {
            None => self.meeting.changed.wait_while(shared, empty).unwrap_or_else(PoisonError::into_inner),
            Some(patience) => {
                let waited = self.meeting.changed.wait_timeout_while(shared, patience, empty);
                waited.unwrap_or_else(PoisonError::into_inner).0
            }
        };
        if shared.bytes.is_empty() {
            return match shared.end.take() {
                Some(end) => {
                    shared.end = Some(Ok(()));
                    end.map(|()| Came::End)
                }
                None => Ok(Came::Nothing),
            };
        }
        if into.is_empty() {
            std::mem::swap(into, &mut shared.bytes);
        } else {
            into.append(&mut shared.bytes);
        }
        self.meeting.changed.notify_all();
        Ok(Came::Bytes)
    }
}

impl Drop for LiveInput {
    fn drop(&mut self) {
        self.meeting.lock().left = true;
        self.meeting.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives one byte a call, then an error.
    struct Drops(u8);

    impl Read for Drops {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.0 += 1;
            match self.0 {
                5 => Err(io::ErrorKind::Interrupted.into()),
                40 => Err(io::ErrorKind::ConnectionReset.into()),
                number => {
                    into[0] = number;
                    Ok(1)
                }
            }
        }
    }

    #[test]
    fn everything_before_an_error_is_given_and_then_the_error() {
        let mut live = LiveInput::of(Drops(0)).unwrap();
        let mut all = Vec::new();
        let error = loop {
            match live.more(&mut all, None) {
                Ok(came) => assert_eq!(came, Came::Bytes),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
        assert_eq!(all, (1..40).filter(|number| *number != 5).collect::<Vec<u8>>());
        assert_eq!(live.more(&mut all, None).unwrap(), Came::End);
    }

    #[test]
    fn what_is_not_taken_is_not_read_without_end() {
        let mut live = LiveInput::of(io::repeat(b'x')).unwrap();
        let mut all = Vec::new();
        for _ in 0..20 {
            let had = all.len();
            assert_eq!(live.more(&mut all, None).unwrap(), Came::Bytes);
            assert!(all.len() - had <= BLOCK + PIPE, "{}", all.len() - had);
        }
    }

    #[test]
    fn a_pause_is_told() {
        let (reader, writer) = io::pipe().unwrap();
        let mut live = LiveInput::of(reader).unwrap();
        let mut all = Vec::new();
        assert_eq!(live.more(&mut all, Some(Duration::ZERO)).unwrap(), Came::Nothing);
        assert_eq!(live.more(&mut all, Some(Duration::from_millis(20))).unwrap(), Came::Nothing);
        drop(writer);
        assert_eq!(live.more(&mut all, Some(Duration::from_secs(60))).unwrap(), Came::End);
    }
}
