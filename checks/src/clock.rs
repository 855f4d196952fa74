//! The gateway's clock against ours: the `Date` of an HTTP answer (RFC 9110, 6.6.1).

use std::time::{Duration, SystemTime};

use time::PrimitiveDateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use tls_verify_core::evidence::Fact;

use crate::cause::{CauseKind, Confidence, Side, Variant};
use crate::context::Context;
use crate::dial;
use crate::fault::{Cause, Failure, Recognised, Stage};
use crate::stack::{Endpoint, Link};
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};

/// A difference below this, in seconds, is no clock that is wrong.
const TOLERATED: i64 = 3600;

/// Seconds by which a `Date` is ahead of `now`; negative: behind.
#[must_use]
pub fn ahead(date: &str, now: SystemTime) -> Option<i64> {
    let format = time::macros::format_description!(
        "[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT"
    );
    let date = PrimitiveDateTime::parse(date.trim(), &format).ok()?.assume_utc();
    Some((date - time::OffsetDateTime::from(now)).whole_seconds())
}

/// By how much the gateway's clock is ahead of ours, where that is more than an hour. It is asked without
/// trust, so without any secret: with a wrong clock nothing can be trusted.
pub async fn skew(context: &Context) -> Option<i64> {
    let asked = context.clock.get(async { of(context, &context.resolved(Link::Gateway).await).await });
    (*asked.await).filter(|skew| skew.abs() >= TOLERATED)
}

/// The same of whoever speaks HTTPS there.
pub(crate) async fn skew_at(context: &Context, endpoint: &Endpoint) -> Option<i64> {
    of(context, endpoint).await.filter(|skew| skew.abs() >= TOLERATED)
}

/// By how much the clock of whoever speaks HTTPS there is ahead of ours.
async fn of(context: &Context, endpoint: &Endpoint) -> Option<i64> {
    let deadline = context.attempt();
    let (tap, address) = dial::connect(endpoint, deadline).await.ok()?;
    context.own(tap.local());
    let offer = Offer {
        trust: TrustMode::Observe(context.stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity: None,
        alpn: &[b"http/1.1"],
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    let shaken = dial::handshake(tap, address, &offer, deadline).await;
    let mut stream = shaken.ok()?.stream;
    let request = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\nConnection: close\r\n\r\n", endpoint.name());
    let exchange = async {
        stream.write_all(request.as_bytes()).await.ok()?;
        stream.flush().await.ok()?;
        let mut said = Vec::new();
        let mut buffer = [0_u8; 1024];
        while said.len() < 8192 && !said.windows(4).any(|end| end == b"\r\n\r\n") {
            match stream.read(&mut buffer).await {
                Ok(count) if count > 0 => said.extend_from_slice(&buffer[..count]),
                _ => break,
            }
        }
        Some(said)
    };
    let said = tokio::time::timeout_at(deadline.into(), exchange).await.ok()??;
    let text = String::from_utf8_lossy(&said).into_owned();
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("date").then(|| value.trim().to_owned())
    };
    ahead(&text.lines().find_map(header)?, SystemTime::now())
}

/// An instant on the other clock, where the system can say it.
#[must_use]
pub fn shifted(at: SystemTime, seconds: i64) -> Option<SystemTime> {
    let by = Duration::from_secs(seconds.unsigned_abs());
    if seconds < 0 { at.checked_sub(by) } else { at.checked_add(by) }
}

/// A working answer whose `Date` is far from now: one of the clocks is wrong, and certificates will seem to
/// have ended or not to have begun there.
#[must_use]
pub fn warning(date: &str) -> Option<Failure> {
    let skew = ahead(date, SystemTime::now()).filter(|skew| skew.abs() >= TOLERATED)?;
    let line = Recognised {
        kind: if skew > 0 { CauseKind::Expired } else { CauseKind::NotYetValid },
        variant: Some(Variant::ClockSkew),
        side: Side::Server,
        confidence: Confidence::Possible,
        link: Some(Link::Gateway),
    };
    Some(Failure::new(Stage::Exchange, Cause::Line(line)).because(Fact::ClocksDiffer { skew }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_date_is_held_against_the_clock() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        assert_eq!(ahead("Sun, 06 Nov 1994 08:49:37 GMT", now), Some(0));
        assert_eq!(ahead("Mon, 07 Nov 1994 08:49:37 GMT", now), Some(86_400));
        assert_eq!(ahead("yesterday", now), None);
    }
}
