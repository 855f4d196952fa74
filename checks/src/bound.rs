//! Bounds on what a peer can make us hold: libraries that collect an answer before they look at it are
//! given a stream that ends when the answer is longer than any real one.

use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The peer sent more than any real one would.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooMuch {
    /// In bytes.
    pub limit: usize,
}

impl fmt::Display for TooMuch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        tls_verify_core::evidence::TlsFact::TooMuch { limit: self.limit }.fmt(f)
    }
}

impl std::error::Error for TooMuch {}

/// A stream of which only so many bytes can be read.
#[derive(Debug)]
pub struct Bounded<S> {
    stream: S,
    left: usize,
    limit: usize,
}

impl<S> Bounded<S> {
    #[must_use]
    pub const fn new(stream: S, limit: usize) -> Self {
        Self { stream, left: limit, limit }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Bounded<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.left == 0 {
            return Poll::Ready(Err(io::Error::new(
                io::ErrorKind::InvalidData,
                TooMuch { limit: self.limit },
            )));
        }
        let mut part = buf.take(self.left);
        ready!(Pin::new(&mut self.stream).poll_read(cx, &mut part))?;
        let count = part.filled().len();
        // `part` is the front of `buf`'s unfilled half, and its first `count` bytes have been written.
        let filled = part.filled().to_vec();
        buf.put_slice(&filled);
        self.left -= count;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Bounded<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncReadExt;

    use super::*;

    #[tokio::test]
    async fn what_is_too_long_ends_in_a_typed_error() {
        let mut stream = Bounded::new(tokio::io::repeat(b'x'), 4096);
        let mut taken = Vec::new();
        let error = stream.read_to_end(&mut taken).await.unwrap_err();
        assert_eq!(taken.len(), 4096);
        let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<TooMuch>());
        assert_eq!(inner, Some(&TooMuch { limit: 4096 }));
    }
}
