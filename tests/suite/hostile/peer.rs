//! A peer that does what it likes, in clear or inside a good TLS session.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a peer does with a connection.
#[derive(Clone, Copy)]
pub(crate) enum Does {
    /// From the first byte on.
    InClear(fn(&mut TcpStream) -> io::Result<()>),
    /// Behind a handshake with a good certificate and, where there is a name, this ALPN.
    InTls(&'static str, InTls),
    /// A handshake with the certificate that the lab was given, and silence.
    Handshake,
}

/// What is done inside a session.
type InTls = fn(&mut dyn Stream) -> io::Result<()>;

pub(crate) trait Stream: Read + Write {}
impl<T: Read + Write> Stream for T {}

/// Longer than any run against it.
const PATIENCE: Duration = Duration::from_secs(600);

const INFO: &[u8] =
    b"INFO {\"server_id\":\"X\",\"version\":\"2.12.6\",\"tls_required\":true,\"tls_verify\":true,\
                      \"max_payload\":1048576,\"proto\":1}\r\n";

/// Starts a peer on loopback; `greets`: with NATS' INFO before the handshake.
pub(crate) fn start(does: Does, config: &Arc<ServerConfig>, greets: bool) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let config = Arc::clone(config);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let config = Arc::clone(&config);
            // A peer that cannot be served is closed, as any other.
            let _ = std::thread::Builder::new().spawn(move || serve(does, config, stream, greets));
        }
    });
    port
}

fn serve(does: Does, config: Arc<ServerConfig>, mut stream: TcpStream, greets: bool) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_nodelay(true)?;
    let (alpn, then): (&str, InTls) = match does {
        Does::InClear(then) => return then(&mut stream),
        Does::InTls(alpn, then) => (alpn, then),
        Does::Handshake => ("", |stream| wait(stream)),
    };
    if greets {
        stream.write_all(INFO)?;
    }
    let mut config = (*config).clone();
    config.alpn_protocols = if alpn.is_empty() { Vec::new() } else { vec![alpn.as_bytes().to_vec()] };
    let connection = ServerConnection::new(Arc::new(config)).map_err(io::Error::other)?;
    let mut tls = StreamOwned::new(connection, stream);
    while tls.conn.is_handshaking() {
        tls.conn.complete_io(&mut tls.sock)?;
    }
    then(&mut tls)
}

/// Reads until the other side has had enough.
pub(crate) fn wait(stream: &mut (impl Read + ?Sized)) -> io::Result<()> {
    let mut buffer = [0_u8; 4096];
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// Waits for the first request, as a server would.
pub(crate) fn asked(stream: &mut (impl Read + ?Sized)) -> io::Result<Vec<u8>> {
    let mut buffer = vec![0_u8; 16 * 1024];
    let count = stream.read(&mut buffer)?;
    buffer.truncate(count);
    Ok(buffer)
}

/// The same bytes for ever.
pub(crate) fn endless(stream: &mut (impl Write + ?Sized), bytes: &[u8]) -> io::Result<()> {
    let piece = bytes.repeat((16 * 1024 / bytes.len()).max(1));
    loop {
        stream.write_all(&piece)?;
        stream.flush()?;
    }
}

/// One byte a second, for longer than any run.
pub(crate) fn drip(stream: &mut (impl Write + ?Sized), bytes: &[u8]) -> io::Result<()> {
    for byte in bytes.iter().cycle().take(600) {
        stream.write_all(&[*byte])?;
        stream.flush()?;
        std::thread::sleep(Duration::from_secs(1));
    }
    Ok(())
}

/// `front`, then `more` for ever.
pub(crate) fn then(stream: &mut (impl Write + ?Sized), front: &[u8], more: &[u8]) -> io::Result<()> {
    stream.write_all(front)?;
    endless(stream, more)
}
