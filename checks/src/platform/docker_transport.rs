//! The way to a Docker Engine: one connection a request, with a bound on every answer but logs, whose
//! frames are handed on in pieces however long they claim to be.

use std::io;
use std::pin::Pin;

use bollard::errors::Error;
use bollard::{API_DEFAULT_VERSION, BollardRequest, Docker};
use bytes::{Buf, Bytes};
use futures_util::stream::{self, Stream, StreamExt};
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;

use super::Wire;
use crate::bound::Bounded;

/// The list of a project's containers has some KiB, an inspection some tens of them.
const ANSWER_LIMIT: usize = 4 * 1024 * 1024;

/// Seconds that bollard gives a request; the run's own deadline is tighter.
const TIMEOUT: u64 = 120;

/// Where an engine listens.
#[derive(Clone, Debug)]
pub(crate) enum Host {
    #[cfg(unix)]
    Unix(std::path::PathBuf),
    Tcp(String),
}

impl Host {
    /// `unix://PATH`, `tcp://HOST:PORT`, `http://HOST:PORT`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        #[cfg(unix)]
        if let Some(path) = text.strip_prefix("unix://") {
            return Some(Self::Unix(path.into()));
        }
        let rest = text.strip_prefix("tcp://").or_else(|| text.strip_prefix("http://"))?;
        let authority = rest.split('/').next()?;
        Some(Self::Tcp(if authority.contains(':') {
            authority.to_owned()
        } else {
            format!("{authority}:2375")
        }))
    }

    async fn connect(&self) -> io::Result<Box<dyn Wire>> {
        Ok(match self {
            #[cfg(unix)]
            Self::Unix(path) => Box::new(tokio::net::UnixStream::connect(path).await?),
            Self::Tcp(authority) => Box::new(tokio::net::TcpStream::connect(authority.as_str()).await?),
        })
    }

    /// bollard's client over bounded connections.
    pub(crate) fn client(&self) -> Result<Docker, Error> {
        let host = self.clone();
        Docker::connect_with_custom_transport(
            move |request: BollardRequest| {
                let host = host.clone();
                async move { host.ask(request, ANSWER_LIMIT).await }
            },
            Some("http://docker"),
            TIMEOUT,
            API_DEFAULT_VERSION,
        )
    }

    async fn ask(&self, request: BollardRequest, limit: usize) -> Result<Response<Incoming>, Error> {
        let wire = self.connect().await?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(Bounded::new(wire, limit))).await?;
        tokio::spawn(connection.with_upgrades());
        let (mut parts, body) = request.into_parts();
        if let Some(path) = parts.uri.path_and_query() {
            parts.uri = path.as_str().parse()?;
        }
        parts.headers.insert(http::header::HOST, http::HeaderValue::from_static("docker"));
        Ok(sender.send_request(Request::from_parts(parts, body)).await?)
    }

    /// The bytes of a container's log, without the frames around them.
    pub(crate) fn logs(self, path: String) -> Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>> {
        let opened = async move {
            let request = Request::get(path)
                .body(Either::Left(Full::new(Bytes::new())))
                .map_err(|error| error.to_string())?;
            let response = self.ask(request, usize::MAX).await.map_err(|error| error.to_string())?;
            let status = response.status();
            if status.is_success() {
                return Ok(response.into_body());
            }
            let mut said = Vec::new();
            let mut body = response.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                said.extend_from_slice(frame.data_ref().map_or(&[], |data| data));
                if said.len() > 4096 {
                    break;
                }
            }
            let said: serde_json::Value = serde_json::from_slice(&said).unwrap_or_default();
            let why = said.get("message").and_then(serde_json::Value::as_str).unwrap_or("no reason given");
            Err(format!("the engine answers {}: {why}", status.as_u16()))
        };
        let pieces = stream::once(opened).flat_map(|opened| match opened {
            Ok(body) => pieces(body).left_stream(),
            Err(error) => stream::once(async move { Err(error) }).right_stream(),
        });
        Box::pin(pieces)
    }
}

fn pieces(body: Incoming) -> impl Stream<Item = Result<Bytes, String>> {
    stream::unfold((body, Frames::default()), |(mut body, mut frames)| async move {
        loop {
            match body.frame().await? {
                Ok(frame) => {
                    let Ok(data) = frame.into_data() else { continue };
                    let payload = frames.take(data);
                    if !payload.is_empty() {
                        return Some((Ok(payload), (body, frames)));
                    }
                }
                Err(error) => return Some((Err(error.to_string()), (body, frames))),
            }
        }
    })
}

/// The engine's multiplexed stream: frames of a kind, three zeros, a length, a payload; a container with a
/// terminal has none (Docker Engine API, "Attach to a container").
#[derive(Debug, Default)]
struct Frames {
    raw: Option<bool>,
    header: Vec<u8>,
    left: usize,
}

impl Frames {
    fn take(&mut self, mut data: Bytes) -> Bytes {
        let Some(first) = data.first() else { return data };
        if *self.raw.get_or_insert(*first > 2) {
            return data;
        }
        if self.left >= data.len() {
            self.left -= data.len();
            return data;
        }
        let mut payload = Vec::with_capacity(data.len());
        while data.has_remaining() {
            let here = self.left.min(data.len());
            payload.extend_from_slice(&data.split_to(here));
            self.left -= here;
            if self.left == 0 {
                let missing = (8 - self.header.len()).min(data.len());
                self.header.extend_from_slice(&data.split_to(missing));
                if let [_, _, _, _, a, b, c, d] = self.header[..] {
                    self.left = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
                    self.header.clear();
                }
            }
        }
        payload.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_out_wherever_the_pieces_end() {
        let mut wire = vec![1, 0, 0, 0, 0, 0, 0, 5];
        wire.extend(b"one\nt");
        wire.extend([2, 0, 0, 0, 0, 0, 0, 0]);
        wire.extend([2, 0, 0, 0, 0, 0, 0, 3]);
        wire.extend(b"wo\n");
        for size in 1..wire.len() {
            let mut frames = Frames::default();
            let mut text = Vec::new();
            for piece in wire.chunks(size) {
                text.extend_from_slice(&frames.take(Bytes::copy_from_slice(piece)));
            }
            assert_eq!(text, b"one\ntwo\n", "pieces of {size}");
        }
    }

    #[test]
    fn a_terminals_log_has_no_frames() {
        let mut frames = Frames::default();
        assert_eq!(frames.take(Bytes::from_static(b"plain\n"))[..], *b"plain\n");
        assert_eq!(frames.take(Bytes::from_static(&[1, 2, 3]))[..], [1, 2, 3]);
    }
}
