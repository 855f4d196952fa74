//! A loopback port on which a NATS client library speaks, in clear, over a session whose TLS is ours: for a
//! library that insists on dialling itself, and whose own TLS asks the platform for certificates. Whoever
//! else on this machine finds the port gets no session: only the client that shows the ticket does, once.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

use crate::nats::{self, Info};
use crate::stack::NatsLogin;

/// Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Relay {
    /// What the library dials.
    pub(crate) address: SocketAddr,
    /// What it gives as its token: 128 random bits in hexadecimal digits, good for one session. The login
    /// proper takes its place behind the relay and never passes the port.
    pub(crate) ticket: String,
    broke: Broke,
    task: JoinHandle<()>,
}

/// How the session ended, where it was not us who ended it.
type Broke = Arc<Mutex<Option<io::Error>>>;

impl Relay {
    /// Waits on loopback for the client with the ticket, which is greeted with what is left of `info`.
    ///
    /// # Errors
    /// What the system refuses.
    pub(crate) async fn start(
        session: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        info: &Info,
        login: NatsLogin,
    ) -> io::Result<Self> {
        let mut bits = [0_u8; 16];
        aws_lc_rs::rand::fill(&mut bits).map_err(|_| io::Error::other("no random numbers"))?;
        let ticket: String = bits.iter().map(|byte| format!("{byte:02x}")).collect();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let broke = Broke::default();
        let far = Kept { stream: session, broke: Arc::clone(&broke) };
        let (greeting, shown) = (greeting(info), ticket.clone());
        let task = tokio::spawn(async move {
            let Some(client) = client(listener, greeting, shown).await else { return };
            carry(client, far, &login).await;
        });
        Ok(Self { address, ticket, broke, task })
    }

    /// Why the session behind the relay ended, if it did; the error is given out once.
    pub(crate) fn broke(&self) -> Option<io::Error> {
        self.broke.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What the client is told of the server: nothing of TLS, which is done, and of no other server, to which
/// it would go by itself.
fn greeting(info: &Info) -> Vec<u8> {
    let mut shown = info.rest.clone();
    for key in ["connect_urls", "ws_connect_urls", "nonce"] {
        shown.remove(key);
    }
    shown.insert("server_id".to_owned(), info.server_id.as_str().into());
    shown.insert("version".to_owned(), info.version.as_str().into());
    shown.insert("server_name".to_owned(), info.server_name.as_str().into());
    shown.insert("client_id".to_owned(), info.client_id.into());
    format!("INFO {}\r\n", Value::Object(shown)).into_bytes()
}

/// A connection that has shown the ticket, its CONNECT and what it sent behind that.
struct RelayClient {
    near: TcpStream,
    options: Value,
    more: Vec<u8>,
}

/// Strangers at a time; one more is turned away unheard.
const UNAUTHENTICATED: usize = 64;

/// The first connection that shows the ticket; the port is closed with it.
async fn client(listener: TcpListener, greeting: Vec<u8>, ticket: String) -> Option<RelayClient> {
    let told = Arc::new((greeting, ticket));
    let mut heard = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let (near, _) = accepted.ok()?;
                if heard.len() < UNAUTHENTICATED {
                    let told = Arc::clone(&told);
                    heard.spawn(async move { admit(near, &told.0, &told.1).await });
                }
            }
            Some(who) = heard.join_next() => {
                if let Ok(Some(client)) = who {
                    return Some(client);
                }
            }
        }
    }
}

/// A client's CONNECT has some 300 bytes.
const CONNECT_LIMIT: usize = 4096;

async fn admit(mut near: TcpStream, greeting: &[u8], ticket: &str) -> Option<RelayClient> {
    let _ = near.set_nodelay(true);
    near.write_all(greeting).await.ok()?;
    let mut said = Vec::new();
    let end = loop {
        if let Some(end) = said.iter().position(|byte| *byte == b'\n') {
            break end;
        }
        if said.len() > CONNECT_LIMIT || near.read_buf(&mut said).await.ok()? == 0 {
            return None;
        }
    };
    let more = said.split_off(end + 1);
    let mut options: Value = serde_json::from_slice(said.strip_prefix(b"CONNECT ")?).ok()?;
    let given = options.as_object_mut()?.remove("auth_token")?;
    let given = given.as_str().unwrap_or_default().as_bytes();
    aws_lc_rs::constant_time::verify_slices_are_equal(given, ticket.as_bytes()).ok()?;
    Some(RelayClient { near, options, more })
}

/// Speaks for the client until one of both ends.
async fn carry(client: RelayClient, far: impl AsyncRead + AsyncWrite + Unpin, login: &NatsLogin) {
    let RelayClient { mut near, mut options, more } = client;
    options["tls_required"] = true.into();
    nats::log_in(&mut options, login);
    let connect = format!("CONNECT {options}\r\n");
    let (mut take, mut give) = near.split();
    let (mut hear, mut say) = tokio::io::split(far);
    let up = async {
        let head = async {
            say.write_all(connect.as_bytes()).await?;
            say.write_all(&more).await?;
            say.flush().await
        };
        if head.await.is_ok() {
            let _ = tokio::io::copy(&mut take, &mut say).await;
        }
        let _ = say.shutdown().await;
    };
    // What the peer said last, an alert too, is still read when it takes nothing more.
    let down = async { drop(tokio::io::copy(&mut hear, &mut give).await) };
    tokio::pin!(up, down);
    tokio::select! {
        () = &mut down => {}
        () = &mut up => down.await,
    }
}

/// A stream that keeps its error: what was read tells more than what could not be written.
struct Kept<S> {
    stream: S,
    broke: Broke,
}

impl<S> Kept<S> {
    /// Keeps `error` unless a better one is there, and hands on one of its kind.
    fn keep(&self, error: io::Error, read: bool) -> io::Error {
        let kind = error.kind();
        let mut broke = self.broke.lock().unwrap_or_else(PoisonError::into_inner);
        if read || broke.is_none() {
            *broke = Some(error);
        }
        kind.into()
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Kept<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        match ready!(Pin::new(&mut self.stream).poll_read(cx, buf)) {
            Ok(()) => {
                if buf.filled().len() == before && buf.remaining() > 0 {
                    self.keep(io::ErrorKind::UnexpectedEof.into(), true);
                }
                Poll::Ready(Ok(()))
            }
            Err(error) => Poll::Ready(Err(self.keep(error, true))),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Kept<S> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        let wrote = ready!(Pin::new(&mut self.stream).poll_write(cx, buf));
        Poll::Ready(wrote.map_err(|error| self.keep(error, false)))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = ready!(Pin::new(&mut self.stream).poll_flush(cx));
        Poll::Ready(flushed.map_err(|error| self.keep(error, false)))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;
    use tokio::io::DuplexStream;

    use super::*;
    use crate::secret::Secret;

    /// Everything here ends long before this.
    async fn limited<T>(work: impl Future<Output = T>) -> T {
        tokio::time::timeout(Duration::from_secs(30), work).await.expect("it ends in time")
    }

    fn info() -> Info {
        let text = json!({
            "server_id": "X", "version": "2.12.6", "headers": true, "max_payload": 1_048_576, "proto": 1,
            "tls_required": true, "tls_verify": true, "tls_available": true, "auth_required": true,
            "connect_urls": ["10.0.0.1:4222"], "ws_connect_urls": ["10.0.0.1:8080"],
        });
        serde_json::from_value(text).unwrap()
    }

    /// A relay and the server's end of its session.
    async fn relay() -> (Relay, DuplexStream) {
        let (near, far) = tokio::io::duplex(64 * 1024);
        let login = NatsLogin {
            username: Some("worker".to_owned()),
            password: Some(Secret::new("word-of-the-worker")),
            token: None,
        };
        (Relay::start(near, &info(), login).await.unwrap(), far)
    }

    async fn line(stream: &mut (impl AsyncRead + Unpin)) -> String {
        let mut line = Vec::new();
        while line.last() != Some(&b'\n') && limited(stream.read_buf(&mut line)).await.unwrap() > 0 {}
        String::from_utf8(line).unwrap()
    }

    async fn dial(relay: &Relay) -> TcpStream {
        limited(TcpStream::connect(relay.address)).await.unwrap()
    }

    fn connect(ticket: &str) -> String {
        format!("CONNECT {}\r\nPING\r\n", json!({ "name": "tls-verify", "auth_token": ticket }))
    }

    #[tokio::test]
    async fn the_client_sees_no_tls_and_the_server_sees_our_login() {
        let (relay, mut far) = relay().await;
        let mut client = dial(&relay).await;
        let shown = line(&mut client).await;
        let shown: Value = serde_json::from_str(shown.strip_prefix("INFO ").unwrap()).unwrap();
        assert_eq!(shown["max_payload"], 1_048_576, "{shown}");
        for key in ["tls_required", "tls_verify", "tls_available", "connect_urls", "ws_connect_urls"] {
            assert!(shown.get(key).is_none(), "{key}: {shown}");
        }
        client.write_all(connect(&relay.ticket).as_bytes()).await.unwrap();
        let said = line(&mut far).await;
        let (said, more) = said.split_once("\r\n").unwrap();
        let said: Value = serde_json::from_str(said.strip_prefix("CONNECT ").unwrap()).unwrap();
        let login = json!({ "name": "tls-verify", "tls_required": true, "user": "worker",
                            "pass": "word-of-the-worker" });
        assert_eq!(said, login);
        let more = if more.is_empty() { line(&mut far).await } else { more.to_owned() };
        assert_eq!(more, "PING\r\n");
        far.write_all(b"PONG\r\n").await.unwrap();
        assert_eq!(line(&mut client).await, "PONG\r\n");
        // The port is closed behind the one client.
        let late = limited(TcpStream::connect(relay.address)).await.unwrap_err();
        assert_eq!(late.kind(), io::ErrorKind::ConnectionRefused);
        // The end of the one is the end of the other.
        drop(client);
        assert_eq!(line(&mut far).await, "");
    }

    #[tokio::test]
    async fn strangers_get_nothing_of_the_session_and_keep_nobody_out() {
        let (relay, mut far) = relay().await;
        // One that says nothing, and others that say what they have not been told.
        let _silent = dial(&relay).await;
        let long = "A".repeat(2 * CONNECT_LIMIT);
        let wrong = connect(&"0".repeat(32));
        let words = [
            &wrong[..],
            &connect(""),
            "CONNECT {}\r\nPING\r\n",
            "CONNECT [1]\r\n",
            "CONNECT {\"auth_token\":7}\r\n",
            "PING\r\n",
            "GET / HTTP/1.1\r\n\r\n",
            &long,
        ];
        for word in words {
            let mut stranger = dial(&relay).await;
            line(&mut stranger).await;
            stranger.write_all(word.as_bytes()).await.unwrap();
            // A close, or a reset where more had been sent than is read.
            let mut rest = Vec::new();
            let read = limited(stranger.read_to_end(&mut rest)).await;
            assert!(rest.is_empty() && read.unwrap_or(0) == 0, "{word:.40}: {rest:?}");
        }
        let mut client = dial(&relay).await;
        line(&mut client).await;
        client.write_all(connect(&relay.ticket).as_bytes()).await.unwrap();
        // Nothing that a stranger said has reached the server.
        let said = line(&mut far).await;
        assert!(said.starts_with("CONNECT {") && said.contains("word-of-the-worker"), "{said}");
        assert!(!said.contains(&relay.ticket), "{said}");
    }

    /// Takes nothing, and then has an alert for whoever reads.
    struct Refusing {
        asked: bool,
    }

    impl AsyncRead for Refusing {
        fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
            let alert = rustls::Error::AlertReceived(rustls::AlertDescription::BadCertificate);
            Poll::Ready(Err(io::Error::new(io::ErrorKind::InvalidData, alert)))
        }
    }

    impl AsyncWrite for Refusing {
        fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
            self.asked = true;
            Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
        }

        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }

        fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }

    #[tokio::test]
    async fn the_alert_is_kept_behind_a_write_that_failed() {
        let relay = Relay::start(Refusing { asked: false }, &info(), NatsLogin::default()).await.unwrap();
        let mut client = dial(&relay).await;
        line(&mut client).await;
        client.write_all(connect(&relay.ticket).as_bytes()).await.unwrap();
        assert_eq!(line(&mut client).await, "");
        let error = relay.broke().unwrap();
        let failure = crate::peel::peel(&error, crate::fault::Stage::Exchange, true);
        assert_eq!(failure.stage, crate::fault::Stage::Handshake);
        assert_eq!(failure.kind(), Some(crate::cause::CauseKind::BadCertificate), "{failure:?}");
    }
}
