//! A connection that keeps the first bytes it reads.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

use crate::platform::Wire;

/// A connection that keeps the first bytes it reads.
pub struct Tap {
    stream: Box<dyn Wire>,
    local: Option<SocketAddr>,
    head: Arc<Mutex<Vec<u8>>>,
}

impl std::fmt::Debug for Tap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tap").field("local", &self.local).finish_non_exhaustive()
    }
}

impl Tap {
    #[must_use]
    pub fn new(stream: TcpStream) -> Self {
        let local = stream.local_addr().ok();
        Self { stream: Box::new(stream), local, head: Arc::default() }
    }

    /// Through a platform: the server sees an address that is not ours.
    #[must_use]
    pub fn through(stream: Box<dyn Wire>) -> Self {
        Self { stream, local: None, head: Arc::default() }
    }

    /// A handle on the bytes kept so far.
    #[must_use]
    pub fn head(&self) -> Arc<Mutex<Vec<u8>>> {
        Arc::clone(&self.head)
    }

    /// Forgets what was read, as after a preamble.
    pub fn forget(&self) {
        self.head.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clear();
    }

    /// Our own address, by which the server's log names us.
    #[must_use]
    pub fn local(&self) -> Option<SocketAddr> {
        self.local
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut TaskContext<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let poll = Pin::new(&mut self.stream).poll_read(cx, buf);
        if poll.is_ready() {
            let mut head = self.head.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            let new = &buf.filled()[before..];
            let room = HEAD.saturating_sub(head.len()).min(new.len());
            head.extend_from_slice(&new[..room]);
        }
        poll
    }
}

impl AsyncWrite for Tap {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut TaskContext<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// How many of the first bytes are kept.
const HEAD: usize = 1024;
