//! A port of a pod through the API server as a byte stream; what the kubelet says of it ends the stream.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Buf, Bytes};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use kube::api::Portforwarder;
use kube::client::UpgradeConnectionError;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, DuplexStream, ReadBuf};

use crate::platform::Wire;

/// The kubelet dials as soon as the streams are there; what it meets it says at once.
const SETTLES: Duration = Duration::from_millis(80);

/// How long data may trail behind an error.
const TRAILS: Duration = Duration::from_millis(300);

/// Who does not let us to the pod.
pub(super) fn refused(error: &kube::Error, namespace: &str, else_told: impl FnOnce() -> String) -> io::Error {
    let status = match error {
        kube::Error::Api(status) => status.code,
        kube::Error::UpgradeConnection(UpgradeConnectionError::ProtocolSwitch(status)) => status.as_u16(),
        _ => return io::Error::other(else_told()),
    };
    match status {
        403 => io::Error::new(
            io::ErrorKind::PermissionDenied,
            format!("the API server forbids us to get and create pods/portforward in namespace {namespace}"),
        ),
        404 => io::Error::new(io::ErrorKind::NotFound, "the pod is gone"),
        status => io::Error::other(format!("the API server answers {status} to a port-forward")),
    }
}

/// A forwarded port as a byte stream, once it is known that the port was not refused at once.
pub(super) async fn stream(mut forwarder: Portforwarder, port: u16) -> io::Result<Box<dyn Wire>> {
    let (Some(mut wire), Some(error)) = (forwarder.take_stream(port), forwarder.take_error(port)) else {
        return Err(io::ErrorKind::NotConnected.into());
    };
    let mut error = Some(error.boxed());
    let mut early = vec![0_u8; 16 * 1024];
    let read = tokio::select! {
        biased;
        read = wire.read(&mut early) => read?,
        said = heard(&mut error) => match said {
            Some(text) => return Err(of_kubelet(&text)),
            // It was all over at once: there may still be what the peer said.
            None => wire.read(&mut early).await?,
        },
        () = tokio::time::sleep(SETTLES) => {
            return Ok(Box::new(ForwardedPort { early: Bytes::new(), wire, error, ends: None }));
        }
    };
    if read == 0 {
        let said = heard(&mut error).now_or_never().flatten();
        return Err(said.map_or_else(|| io::ErrorKind::ConnectionReset.into(), |text| of_kubelet(&text)));
    }
    early.truncate(read);
    Ok(Box::new(ForwardedPort { early: early.into(), wire, error, ends: None }))
}

/// The kubelet's word, once.
async fn heard(error: &mut Option<BoxFuture<'static, Option<String>>>) -> Option<String> {
    let said = error.as_mut()?.await;
    *error = None;
    said
}

/// What the kubelet met when it dialled inside the pod.
fn of_kubelet(text: &str) -> io::Error {
    let kind = if text.contains("connection refused") {
        io::ErrorKind::ConnectionRefused
    } else if text.contains("timed out") || text.contains("timeout") {
        io::ErrorKind::TimedOut
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, text.trim().to_owned())
}

/// A port, which ends a little after the kubelet said that it has.
struct ForwardedPort {
    /// What the peer said before anybody read.
    early: Bytes,
    wire: DuplexStream,
    /// `None` once it has spoken.
    error: Option<BoxFuture<'static, Option<String>>>,
    ends: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl AsyncRead for ForwardedPort {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.early.is_empty() {
            let count = self.early.len().min(buf.remaining());
            buf.put_slice(&self.early[..count]);
            self.early.advance(count);
            return Poll::Ready(Ok(()));
        }
        if let Poll::Ready(read) = Pin::new(&mut self.wire).poll_read(cx, buf) {
            return Poll::Ready(read);
        }
        if let Some(error) = &mut self.error
            && error.as_mut().poll(cx).is_ready()
        {
            // What the peer said before it closed may come behind the word that it did.
            self.error = None;
            self.ends = Some(Box::pin(tokio::time::sleep(TRAILS)));
        }
        let Some(ends) = &mut self.ends else { return Poll::Pending };
        ready!(ends.as_mut().poll(cx));
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for ForwardedPort {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.wire).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.wire).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_kubelet_met_has_its_kind() {
        let kind = |text| of_kubelet(text).kind();
        assert_eq!(
            kind("dial tcp4 127.0.0.1:4222: connect: connection refused"),
            io::ErrorKind::ConnectionRefused
        );
        assert_eq!(kind("dial tcp4 127.0.0.1:4222: i/o timeout"), io::ErrorKind::TimedOut);
        assert_eq!(kind("failed to find sandbox"), io::ErrorKind::Other);
    }

    #[tokio::test]
    async fn a_port_ends_after_the_kubelets_word_and_not_before_what_trails_behind_it() {
        let (wire, mut far) = tokio::io::duplex(1024);
        let error = std::future::ready(Some("gone".to_owned())).boxed();
        let mut port =
            ForwardedPort { early: Bytes::from_static(b"INFO "), wire, error: Some(error), ends: None };
        let writing = tokio::spawn(async move {
            tokio::time::sleep(TRAILS / 4).await;
            tokio::io::AsyncWriteExt::write_all(&mut far, b"-ERR").await.unwrap();
            far
        });
        let mut all = Vec::new();
        port.read_to_end(&mut all).await.unwrap();
        assert_eq!(all, b"INFO -ERR");
        drop(writing.await.unwrap());
    }
}
