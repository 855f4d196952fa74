//! Redis over our own verified TLS stream.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::context::Context;
use crate::dial::before;
use crate::fault::{Cause, Failure, Stage};
use crate::peel::peel;

/// Redis answers a `PING` over TLS now: `+PONG` or `-NOAUTH` alike.
pub async fn reachable(context: &Context) -> bool {
    let patience = Duration::from_secs(1).min(context.stack.timeout);
    ping(context, (Instant::now() + patience).min(context.deadline)).await.is_ok()
}

/// The answer's first line to a `PING` over TLS, without login.
///
/// # Errors
/// Where it broke.
pub async fn ping(context: &Context, deadline: Instant) -> Result<String, Failure> {
    let identity = context.stack.identity.get().ok();
    let endpoint = context.placed(crate::stack::Link::Redis).await;
    let mut dialled =
        context.dial(&endpoint, identity, &[], deadline).await.map_err(|broken| broken.failure)?;
    before(deadline, Stage::Exchange, async {
        let shown = dialled.identity_shown;
        let broke = |error: std::io::Error| peel(&error, Stage::Exchange, shown);
        dialled.stream.write_all(b"*1\r\n$4\r\nPING\r\n").await.map_err(broke)?;
        dialled.stream.flush().await.map_err(broke)?;
        let mut buffer = [0_u8; 256];
        let count = dialled.stream.read(&mut buffer).await.map_err(broke)?;
        let text = String::from_utf8_lossy(&buffer[..count]).trim_end().to_owned();
        if text.starts_with("+PONG") || text.starts_with("-NOAUTH") {
            Ok(text)
        } else {
            Err(Failure::new(Stage::Exchange, if count == 0 { Cause::Eof } else { Cause::Other })
                .because(format!("Redis answered PING with \"{}\"", text.escape_debug())))
        }
    })
    .await
}
