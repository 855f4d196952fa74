//! A credential plugin's output, bounded: one that prints without end is closed its pipe.

use std::io;
use std::process::{ExitStatus, Stdio};

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

/// An ExecCredential is some kilobytes.
const LIMIT: u64 = 1024 * 1024;

/// Runs it to its end: how it ended, what it printed, what it complained of.
pub(super) async fn output(command: &mut Command) -> io::Result<(ExitStatus, Vec<u8>, Vec<u8>)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let mut child = command.spawn()?;
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let (out, err) = tokio::join!(bounded(out), bounded(err));
    Ok((child.wait().await?, out, err))
}

/// Reads to the end or the bound, and closes.
async fn bounded(from: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Some(from) = from {
        // What was read before an error counts.
        let _ = from.take(LIMIT).read_to_end(&mut bytes).await;
    }
    bytes
}
