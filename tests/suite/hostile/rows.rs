//! What hostile peers do.

use std::io::{self, Write};

use crate::hostile::peer::{Does, Stream, asked, drip, endless, then, wait};

/// Name and behaviour.
pub(crate) const ALL: &[(&str, Does)] = &[
    // From the first byte on.
    ("silence", Does::InClear(wait)),
    ("close", Does::InClear(|_| Ok(()))),
    ("drip of a record", Does::InClear(|stream| drip(stream, &[22, 3, 3, 64, 0, 2, 0, 63, 0, 3, 3]))),
    ("drip of an INFO", Does::InClear(|stream| drip(stream, b"INFO {\"server_id\":\"AAAAAAAAAA"))),
    ("drip of an HTTP answer", Does::InClear(|stream| drip(stream, b"HTTP/1.1 200 OK\r\nX-A: b"))),
    ("flood", Does::InClear(|stream| endless(stream, b"A"))),
    ("zeros", Does::InClear(|stream| endless(stream, &[0]))),
    ("endless INFO", Does::InClear(|stream| then(stream, b"INFO {\"server_id\":\"", b"A"))),
    ("endless header in clear", Does::InClear(|stream| then(stream, b"HTTP/1.1 200 OK\r\nX: ", b"y"))),
    ("endless body in clear", Does::InClear(|stream| then(stream, b"HTTP/1.1 200 OK\r\n\r\n", b"body"))),
    ("endless SSH banner", Does::InClear(|stream| then(stream, b"SSH-2.0-", b"x"))),
    ("endless PONG", Does::InClear(|stream| endless(stream, b"+PONG\r\n"))),
    ("endless bulk in clear", Does::InClear(|stream| then(stream, b"$9999999999\r\n", b"x"))),
    ("settings flood in clear", Does::InClear(|stream| endless(stream, &[0, 0, 0, 4, 0, 0, 0, 0, 0]))),
    ("garbage", Does::InClear(garbage)),
    ("absurd record length", Does::InClear(|stream| then(stream, &[22, 3, 3, 255, 255], &[1]))),
    ("endless change cipher spec", Does::InClear(|stream| endless(stream, &[20, 3, 3, 0, 1, 1]))),
    ("endless empty records", Does::InClear(|stream| endless(stream, &[22, 3, 3, 0, 0]))),
    ("endless warnings", Does::InClear(|stream| endless(stream, &[21, 3, 3, 0, 2, 1, 90]))),
    ("endless chain of certificates", Does::InClear(endless_chain)),
    // Inside TLS.
    ("silence in TLS", Does::InTls("", |stream| wait(stream))),
    ("close in TLS", Does::InTls("", |stream| asked(stream).map(|_| ()))),
    (
        "drip in TLS",
        Does::InTls("", |stream| asked(stream).and_then(|_| drip(stream, b"HTTP/1.1 200 OK\r\nA: b"))),
    ),
    ("flood in TLS", Does::InTls("", |stream| asked(stream).and_then(|_| endless(stream, b"A")))),
    ("endless header", Does::InTls("", |stream| answer(stream, b"HTTP/1.1 200 OK\r\nX: ", b"y"))),
    (
        "endless headers",
        Does::InTls("", |stream| answer(stream, b"HTTP/1.1 200 OK\r\n", b"X-Header: value\r\n")),
    ),
    ("endless continue", Does::InTls("", |stream| answer(stream, b"", b"HTTP/1.1 100 Continue\r\n\r\n"))),
    (
        "endless body",
        Does::InTls("", |stream| {
            answer(stream, b"HTTP/1.1 200 OK\r\nContent-Length: 999999999999999\r\n\r\n{\"nats\":\"", b"x")
        }),
    ),
    (
        "endless chunks",
        Does::InTls("", |stream| {
            answer(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"5\r\n[[[[[\r\n")
        }),
    ),
    (
        "absurd chunk",
        Does::InTls("", |stream| {
            answer(stream, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nfffffffffffffff\r\n", b"x")
        }),
    ),
    (
        "redirects in a circle",
        Does::InTls("", |stream| {
            asked(stream)?;
            stream
                .write_all(b"HTTP/1.1 302 Found\r\nLocation: /api/v1/status\r\nContent-Length: 0\r\n\r\n")?;
            wait(stream)
        }),
    ),
    (
        "endless text frames",
        Does::InTls("", |stream| frames(stream, &[0x81, 5, b'h', b'e', b'l', b'l', b'o'])),
    ),
    ("endless pings", Does::InTls("", |stream| frames(stream, &[0x89, 4, b'p', b'i', b'n', b'g']))),
    (
        "endless continuation frames",
        Does::InTls("", |stream| frames(stream, &[0x00, 5, b'h', b'e', b'l', b'l', b'o'])),
    ),
    ("endless fragments of one message", Does::InTls("", fragments)),
    (
        "absurd frame",
        Does::InTls("", |stream| frames(stream, &[0x82, 127, 0x3f, 255, 255, 255, 255, 255, 255, 255])),
    ),
    ("endless RESP bulk", Does::InTls("", |stream| answer(stream, b"$9999999999\r\n", b"x"))),
    ("absurd RESP array", Does::InTls("", |stream| answer(stream, b"*2147483647\r\n", b":1\r\n"))),
    ("nested RESP arrays", Does::InTls("", |stream| answer(stream, b"", b"*1\r\n"))),
    ("endless RESP line", Does::InTls("", |stream| answer(stream, b"+", b"P"))),
    ("endless RESP errors", Does::InTls("", |stream| answer(stream, b"", b"-ERR unknown\r\n"))),
    ("endless NATS pings", Does::InTls("", |stream| endless(stream, b"PING\r\n"))),
    ("endless NATS error", Does::InTls("", |stream| then(stream, b"-ERR '", b"x"))),
    (
        "endless NATS message",
        Does::InTls("", |stream| answer(stream, b"PONG\r\nMSG a 1 999999999999\r\n", b"x")),
    ),
    ("endless NATS messages", Does::InTls("", |stream| answer(stream, b"PONG\r\n", b"MSG a 1 1\r\nx\r\n"))),
    ("settings flood", Does::InTls("h2", |stream| answer(stream, &SETTINGS, &SETTINGS))),
    (
        "ping flood",
        Does::InTls("h2", |stream| {
            answer(stream, &SETTINGS, &[0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8])
        }),
    ),
    ("endless continuation", Does::InTls("h2", continuation)),
    ("data flood", Does::InTls("h2", data)),
    (
        "reset flood",
        Does::InTls("h2", |stream| answer(stream, &SETTINGS, &[0, 0, 4, 3, 0, 0, 0, 0, 1, 0, 0, 0, 8])),
    ),
    ("silence in HTTP/2", Does::InTls("h2", |stream| wait(stream))),
    ("garbage in HTTP/2", Does::InTls("h2", |stream| answer(stream, b"", &[255, 254, 253, 1, 2]))),
    ("chain and certificate of 60 KiB", Does::Handshake),
];

const SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];

/// An answer to the first request, and more of it for ever.
fn answer(stream: &mut dyn Stream, front: &[u8], more: &[u8]) -> io::Result<()> {
    asked(stream)?;
    then(stream, front, more)
}

fn garbage(stream: &mut std::net::TcpStream) -> io::Result<()> {
    let mut state = 0x2545_f491_u32;
    let bytes: Vec<u8> = (0..65_536)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            state.to_le_bytes()[1]
        })
        .collect();
    stream.write_all(&bytes)
}

/// A ServerHello of TLS 1.2, then a Certificate message of 16 MiB that never ends.
fn endless_chain(stream: &mut std::net::TcpStream) -> io::Result<()> {
    asked(stream)?;
    let mut hello = vec![2, 0, 0, 42, 3, 3];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x2b, 0, 0, 2, 0, 0]);
    hello[3] = u8::try_from(hello.len() - 4).unwrap_or(0);
    let mut out = vec![22, 3, 3, 0, u8::try_from(hello.len()).unwrap_or(0)];
    out.extend(hello);
    out.extend([22, 3, 3, 64, 0, 11, 255, 255, 255, 255, 255, 252]);
    out.extend(vec![48; 16_384 - 7]);
    let mut more = vec![22, 3, 3, 64, 0];
    more.extend(vec![48; 16_384]);
    then(stream, &out, &more)
}

/// A good upgrade, then frames.
fn frames(stream: &mut dyn Stream, frame: &[u8]) -> io::Result<()> {
    let front = upgraded(stream)?;
    then(stream, &front, frame)
}

/// A text message in fragments of 64 KiB that never ends (RFC 6455, 5.4).
fn fragments(stream: &mut dyn Stream) -> io::Result<()> {
    let mut front = upgraded(stream)?;
    front.extend([0x01, 1, b'x']);
    let mut frame = vec![0x00, 126, 0xff, 0xff];
    frame.resize(4 + 0xffff, b'x');
    then(stream, &front, &frame)
}

/// The answer to a request for an upgrade.
fn upgraded(stream: &mut dyn Stream) -> io::Result<Vec<u8>> {
    let request = String::from_utf8_lossy(&asked(stream)?).into_owned();
    let key = request
        .lines()
        .find_map(|line| {
            line.to_ascii_lowercase().starts_with("sec-websocket-key:").then(|| line[18..].trim().to_owned())
        })
        .unwrap_or_default();
    use base64::Engine;
    let text = format!("{key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
    let accept = base64::engine::general_purpose::STANDARD.encode(hash);
    let front = format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {accept}\r\n\r\n"
    );
    Ok(front.into_bytes())
}

/// HEADERS that CONTINUATION frames never end (RFC 9113, 6.10).
fn continuation(stream: &mut dyn Stream) -> io::Result<()> {
    let mut front = SETTINGS.to_vec();
    front.extend([0, 0, 1, 1, 0, 0, 0, 0, 1, 0x88]);
    let mut frame = vec![0, 16, 0, 9, 0, 0, 0, 0, 1];
    // Literal header fields without indexing: name `x`, value `y`.
    frame.extend([0_u8, 1, b'x', 1, b'y', 0].iter().cycle().take(4096));
    answer(stream, &front, &frame)
}

/// A 200 and DATA beyond every window.
fn data(stream: &mut dyn Stream) -> io::Result<()> {
    let mut front = SETTINGS.to_vec();
    front.extend([0, 0, 1, 1, 4, 0, 0, 0, 1, 0x88]);
    let mut frame = vec![0, 64, 0, 0, 0, 0, 0, 0, 1];
    frame.extend([b'x'; 16_384]);
    answer(stream, &front, &frame)
}
