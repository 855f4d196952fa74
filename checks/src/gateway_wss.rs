//! Proves a real WebSocket upgrade (RFC 6455) on `/api/v1/stream` over verified TLS: 101, the right
//! `Sec-WebSocket-Accept`, a pong to our ping. It does not prove that events flow.

use std::time::Duration;

use futures_util::{FutureExt, SinkExt, StreamExt};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message, error::ProtocolError};

use crate::context::{Check, Context, Dials, Need};
use crate::dial::before;
use crate::fault::{Cause, Failure, Stage};
use crate::gateway_https::{fine_unless, limited, unready};
use crate::http::{self, HttpAnswer};
use crate::observation::{Claim, EvidenceLevel, Expects, Observation};
use crate::peel::peel;
use crate::stack::{Endpoint, Link};
use tls_verify_core::evidence::HttpFact;

pub const CHECK: Check = Check {
    number: 2,
    id: "gateway-wss",
    title: "The gateway upgrades to WebSocket over TLS",
    about: "RFC 6455 upgrade on /api/v1/stream with the API key: 101, the right accept hash, a pong",
    documented: true,
    link: Link::Gateway,
    over: &[Link::Gateway],
    dials: Dials::Verified,
    needs: &[Need::Anchors, Need::ApiKey],
    observe: |context| observe(context).boxed(),
};

const STEP: &str = "WebSocket upgrade on /api/v1/stream";

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    for replica in context.replicas(Link::Gateway).await {
        let upgrades = seen.expect(replica.step(STEP), Expects::Works);
        one(context, &replica.endpoint, upgrades, &mut seen).await;
    }
    seen
}

async fn one(context: &Context, gateway: &Endpoint, upgrades: Claim, seen: &mut Observation) {
    for attempt in 0..3_u32 {
        let failure = match upgrade(context, gateway, seen).await {
            Ok(what) => return seen.worked(upgrades, what),
            Err(failure) => failure,
        };
        match failure.cause {
            Cause::Http { status: 429 } => {
                let unready = unready(context).await;
                if unready.is_none() && attempt < 2 {
                    tokio::time::sleep(Duration::from_millis(350)).await;
                    continue;
                }
                return limited(seen, upgrades, fine_unless(failure, unready.as_ref()), unready);
            }
            // Role, licence or origin: TLS is proved, the upgrade is not.
            Cause::Http { status: 403 } => {
                return seen.untried(upgrades, Failure { cause: Cause::Login, ..failure });
            }
            _ => return seen.failed(upgrades, failure),
        }
    }
}

/// A message of the gateway's stream is a few KiB; of a larger one no more is held.
const MESSAGE: usize = 4 * 1024 * 1024;
/// So many may come before the pong (RFC 6455, 5.5.3: as soon as is practical).
const FRAMES: u32 = 10_000;

async fn upgrade(context: &Context, endpoint: &Endpoint, seen: &mut Observation) -> Result<String, Failure> {
    let stack = &context.stack;
    let deadline = context.attempt();
    // A gateway that offers h2 would pick it and drop the upgrade: only http/1.1 is offered.
    let dialled =
        context.dial(endpoint, None, &[b"http/1.1"], deadline).await.map_err(|broken| broken.failure)?;
    let (version, suite, alpn) = dialled.negotiated();
    seen.detail("tls", serde_json::json!({ "version": version, "suite": suite, "alpn": alpn }));
    let named = crate::stack::Endpoint { host: endpoint.name().to_owned(), ..endpoint.clone() };
    let mut request = format!("wss://{}{}/api/v1/stream", named.authority(), named.prefix)
        .into_client_request()
        .map_err(|error| peel(&error, Stage::Configure, false))?;
    let headers = request.headers_mut();
    if let Ok(tenant) = HeaderValue::from_str(&stack.tenant) {
        headers.insert("X-Tenant-ID", tenant);
    }
    if let Some(key) = stack.api_key.as_ref().and_then(|key| HeaderValue::from_str(key.expose()).ok()) {
        headers.insert("X-API-Key", key);
    }
    before(deadline, Stage::Exchange, async {
        let bounds = WebSocketConfig::default()
            .read_buffer_size(16 * 1024)
            .max_frame_size(Some(MESSAGE))
            .max_message_size(Some(MESSAGE))
            .write_buffer_size(0)
            .max_write_buffer_size(64 * 1024);
        let upgraded =
            tokio_tungstenite::client_async_with_config(request, dialled.stream, Some(bounds)).await;
        let (mut socket, _) = upgraded.map_err(|error| refused(&error))?;
        let beat = b"tls-verify".to_vec();
        socket
            .send(Message::Ping(beat.clone().into()))
            .await
            .map_err(|error| peel(&error, Stage::Exchange, false))?;
        for frames in 0.. {
            if frames > FRAMES {
                return Err(Failure::new(Stage::Exchange, Cause::Http { status: 101 })
                    .because(HttpFact::NoPong { frames: FRAMES }));
            }
            match socket.next().await {
                Some(Ok(Message::Pong(payload))) if payload[..] == beat[..] => break,
                Some(Ok(_)) => {}
                Some(Err(error)) => return Err(peel(&error, Stage::Exchange, false)),
                None => {
                    return Err(
                        Failure::new(Stage::Exchange, Cause::Eof).because(HttpFact::ClosedAfterUpgrade)
                    );
                }
            }
        }
        let _ = socket.close(None).await;
        Ok(format!("101 and a pong over {version}"))
    })
    .await
}

fn refused(error: &WsError) -> Failure {
    match error {
        WsError::Http(response) => {
            let answer = HttpAnswer {
                status: response.status().as_u16(),
                body: response.body().clone().unwrap_or_default(),
                server: None,
                content_type: None,
                date: None,
                location: None,
                recording: crate::tls::Recording::default(),
                address: None,
                tls: true,
            };
            let mut failure = http::refused(&answer);
            if matches!(answer.status, 403 | 429) {
                failure.cause = Cause::Http { status: answer.status };
            }
            failure
        }
        WsError::Protocol(ProtocolError::SecWebSocketAcceptKeyMismatch) => {
            Failure::new(Stage::Exchange, Cause::Http { status: 101 }).because(HttpFact::WrongAccept)
        }
        WsError::Protocol(other) => Failure::new(Stage::Exchange, Cause::Http { status: 101 })
            .because(HttpFact::NoUpgrade { error: other.to_string() }),
        other => peel(other, Stage::Exchange, false),
    }
}
