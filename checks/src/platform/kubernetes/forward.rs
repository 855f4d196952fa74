//! A port of a pod through the API server: a WebSocket whose binary messages begin with their channel, data on the
//! first and what went wrong on the second (`v4.channel.k8s.io`).

use std::io;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::{self, Message};

use crate::platform::Wire;

pub(super) type Socket = WebSocketStream<Box<dyn Wire>>;

const DATA: u8 = 0;
const ERROR: u8 = 1;
/// The kubelet dials as soon as the streams are there; what it meets it says at once.
const SETTLES: Duration = Duration::from_millis(80);

/// How long data may trail behind an error.
const TRAILS: Duration = Duration::from_millis(300);

/// Asks for the upgrade.
pub(super) async fn shake(
    request: http::Request<()>,
    wire: Box<dyn Wire>,
    patience: Duration,
    namespace: &str,
) -> io::Result<Socket> {
    let shaking = tokio_tungstenite::client_async(request, wire);
    match tokio::time::timeout(patience, shaking).await {
        Ok(Ok((socket, _))) => Ok(socket),
        Ok(Err(tungstenite::Error::Http(answer))) => Err(match answer.status().as_u16() {
            403 => io::Error::new(
                io::ErrorKind::PermissionDenied,
                format!(
                    "the API server forbids us to get and create pods/portforward in namespace {namespace}"
                ),
            ),
            404 => io::Error::new(io::ErrorKind::NotFound, "the pod is gone"),
            status => io::Error::other(format!("the API server answers {status} to a port-forward")),
        }),
        Ok(Err(error)) => Err(io::Error::other(format!("the port-forward fails: {error}"))),
        Err(_) => {
            Err(io::Error::new(io::ErrorKind::TimedOut, "the API server does not answer to a port-forward"))
        }
    }
}

/// Turns a socket into a byte stream, once it is known that the port was not refused at once.
pub(super) async fn stream(mut socket: Socket) -> io::Result<Box<dyn Wire>> {
    let mut early: Option<Bytes> = None;
    let mut begun = [false; 2];
    let deadline = tokio::time::Instant::now() + SETTLES;
    while early.is_none() {
        match tokio::time::timeout_at(deadline, socket.next()).await {
            Err(_) => break,
            Ok(None) => return Err(io::ErrorKind::ConnectionReset.into()),
            Ok(Some(Err(error))) => return Err(io::Error::other(error)),
            Ok(Some(Ok(Message::Binary(bytes)))) => match channel(&bytes, &mut begun) {
                Some((ERROR, text)) => return Err(refused(&text)),
                Some((DATA, data)) => early = Some(data),
                _ => {}
            },
            Ok(Some(Ok(_))) => {}
        }
    }
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(pump(socket, theirs, early, begun));
    Ok(Box::new(ours))
}

/// A message's channel and content; the first of each channel only names the port.
fn channel(bytes: &Bytes, begun: &mut [bool; 2]) -> Option<(u8, Bytes)> {
    let at = *bytes.first()?;
    let first = begun.get_mut(usize::from(at))?;
    if !std::mem::replace(first, true) {
        return None;
    }
    Some((at, bytes.slice(1..))).filter(|(_, rest)| !rest.is_empty())
}

fn refused(text: &Bytes) -> io::Error {
    let text = String::from_utf8_lossy(text);
    let kind = if text.contains("connection refused") {
        io::ErrorKind::ConnectionRefused
    } else if text.contains("timed out") || text.contains("timeout") {
        io::ErrorKind::TimedOut
    } else {
        io::ErrorKind::Other
    };
    io::Error::new(kind, text.trim().to_owned())
}

async fn pump(mut socket: Socket, mut wire: DuplexStream, early: Option<Bytes>, mut begun: [bool; 2]) {
    if let Some(early) = early
        && wire.write_all(&early).await.is_err()
    {
        return;
    }
    let mut buffer = vec![0_u8; 16 * 1024];
    let mut last: Option<tokio::time::Instant> = None;
    loop {
        let ends = last.unwrap_or_else(|| tokio::time::Instant::now() + Duration::from_secs(3600));
        tokio::select! {
            () = tokio::time::sleep_until(ends), if last.is_some() => return,
            message = socket.next() => match message {
                Some(Ok(Message::Binary(bytes))) => match channel(&bytes, &mut begun) {
                    Some((DATA, data)) if wire.write_all(&data).await.is_err() => return,
                    // What the peer said before it closed may come behind the word that it did.
                    Some((ERROR, _)) => last = Some(tokio::time::Instant::now() + TRAILS),
                    _ => {}
                },
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
                Some(Ok(_)) => {}
            },
            read = wire.read(&mut buffer) => match read {
                Ok(0) | Err(_) => {
                    let _ = socket.close(None).await;
                    return;
                }
                Ok(count) => {
                    let mut message = Vec::with_capacity(count + 1);
                    message.push(DATA);
                    message.extend_from_slice(&buffer[..count]);
                    if socket.send(Message::Binary(message.into())).await.is_err() {
                        return;
                    }
                }
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_message_of_a_channel_names_its_port_only() {
        let mut begun = [false; 2];
        let of = |bytes: &'static [u8]| Bytes::from_static(bytes);
        assert_eq!(channel(&of(&[0, 0x7e, 0x10]), &mut begun), None);
        assert_eq!(channel(&of(&[1, 0x7e, 0x10]), &mut begun), None);
        assert_eq!(channel(&of(b"\0INFO {}"), &mut begun), Some((0, of(b"INFO {}"))));
        assert_eq!(channel(&of(b"\x07x"), &mut begun), None);
        let error = refused(&of(b"dial tcp4 127.0.0.1:4222: connect: connection refused"));
        assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
    }
}
