//! What something that is no HTTP server says to an HTTP request.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::context::Context;
use crate::dial;
use crate::stack::Endpoint;

/// How long it is listened to.
const QUIET: Duration = Duration::from_millis(500);

/// The first bytes of whatever stands where HTTP in clear was expected; nothing where they are HTTP.
pub(crate) async fn of(context: &Context, endpoint: &Endpoint) -> Option<String> {
    let (mut tap, _) = dial::connect(endpoint, context.attempt()).await.ok()?;
    context.own(tap.local());
    let mut head = [0_u8; 40];
    let read = async {
        // Who speaks first may have closed already.
        let _ = tap.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").await;
        tap.read(&mut head).await
    };
    let count = tokio::time::timeout(QUIET, read).await.ok()?.ok().filter(|count| *count > 0)?;
    let text = String::from_utf8_lossy(&head[..count]);
    (!text.starts_with("HTTP/")).then(|| text.trim_end().escape_debug().collect())
}
