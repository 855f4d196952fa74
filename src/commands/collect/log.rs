//! A log within bounds of size and time. What was not read to its end is not handed on: who reads it back would take
//! the silence for health.

use std::pin::pin;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};

/// More of a log than this is not written; its end is.
const LARGEST: usize = 32 << 20;

/// How long is waited for.
#[derive(Clone, Copy, Debug)]
pub(super) struct Patience {
    /// The next piece.
    pub piece: Duration,
    /// The end.
    pub end: Duration,
}

impl Patience {
    pub(super) const USUAL: Self = Self { piece: Duration::from_secs(10), end: Duration::from_secs(180) };
}

/// The whole of it, or its end with a sentence of what is missing.
///
/// # Errors
/// Why its end was not reached.
pub(super) async fn read(
    pieces: impl Stream<Item = Result<Bytes, String>>,
    patience: Patience,
) -> Result<(Vec<u8>, Option<String>), String> {
    let (begun, mut pieces) = (Instant::now(), pin!(pieces));
    let (mut bytes, mut cut) = (Vec::new(), false);
    loop {
        if begun.elapsed() > patience.end {
            return Err(format!("it had not ended after {} s", patience.end.as_secs()));
        }
        match tokio::time::timeout(patience.piece, pieces.next()).await {
            Ok(Some(piece)) => cut |= bounded(&mut bytes, &piece?),
            Ok(None) => break,
            Err(_) => return Err(format!("nothing came for {} s, and no end", patience.piece.as_secs())),
        }
    }
    Ok((bytes, cut.then(|| format!("what is older than its last {} MiB", LARGEST >> 20))))
}

/// Appends, and forgets the oldest lines; whether something was forgotten.
fn bounded(bytes: &mut Vec<u8>, more: &[u8]) -> bool {
    bytes.extend_from_slice(more);
    if bytes.len() <= 2 * LARGEST {
        return false;
    }
    let from = bytes.len() - LARGEST;
    let line = bytes[from..].iter().position(|byte| *byte == b'\n').map_or(from, |at| from + at + 1);
    bytes.drain(..line);
    true
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

    fn reads(pieces: impl Stream<Item = Result<Bytes, String>>) -> Result<(Vec<u8>, Option<String>), String> {
        let patience = Patience { piece: Duration::from_millis(50), end: Duration::from_millis(200) };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(read(pieces, patience))
    }

    fn piece(text: &'static str) -> Result<Bytes, String> {
        Ok(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_log_without_an_end_is_none() {
        assert_eq!(reads(stream::iter([piece("a\n"), piece("b\n")])).unwrap(), (b"a\nb\n".to_vec(), None));
        let torn = stream::iter([piece("a\n"), Err("torn".to_owned())]);
        assert_eq!(reads(torn).unwrap_err(), "torn");
        let stalled = stream::iter([piece("a\n")]).chain(stream::pending());
        assert!(reads(stalled).unwrap_err().contains("nothing came"));
        let endless = stream::repeat_with(|| piece("a\n")).then(|piece| async {
            tokio::time::sleep(Duration::from_millis(1)).await;
            piece
        });
        assert!(reads(endless).unwrap_err().contains("not ended"));
    }

    #[test]
    fn of_a_large_one_the_last_whole_lines_are_kept() {
        let large = stream::iter((0..80).map(|_| Ok(Bytes::from("line\n".repeat(200_000)))));
        let (bytes, missing) = reads(large).unwrap();
        assert!(bytes.len() <= 2 * LARGEST && bytes.starts_with(b"line\n") && bytes.ends_with(b"line\n"));
        assert!(missing.unwrap().contains("32 MiB"));
    }
}
