//! Proves that the gateway serves its API over TLS verified with `ca.crt` alone, for the URL's host.
//! It does not prove which certificate other names would get, nor what the gateway's own links do.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use tls_verify_core::logs::classify::sense;
use tls_verify_core::redaction::redact;

use crate::cause::CauseKind;
use crate::context::{Check, Context, Need};
use crate::fault::{Cause, Failure, Speaker, Stage};
use crate::http::{self, Answer};
use crate::observation::{Claim, EvidenceLevel, Expects, Observation};
use crate::stack::Link;

pub const CHECK: Check = Check {
    number: 1,
    id: "gateway-https",
    title: "The gateway answers over HTTPS verified with the CA",
    about: "GET /api/v1/status with ca.crt as the only trust anchor: 200 and the status JSON",
    documented: true,
    needs: &[Need::Anchors, Need::ApiKey],
    observe: |context| observe(context).boxed(),
};

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let status = seen.expect("GET /api/v1/status", Expects::Works);
    for attempt in 0..3_u32 {
        match http::get(context, &context.placed(Link::Gateway).await, "/api/v1/status", true).await {
            Ok(answer) if answer.status == 429 => match busy(context).await {
                Busy::Trouble(failure) => {
                    seen.failed(status, *failure);
                    return seen;
                }
                Busy::No if attempt < 2 => tokio::time::sleep(Duration::from_millis(350)).await,
                Busy::No => {
                    let failure = Failure::new(Stage::Exchange, Cause::Http { status: 429 })
                        .because("HTTP 429 (rate limited) while /readyz is fine")
                        .because(format!("TLS itself is fine: {}", answer.over()));
                    seen.untried(status, failure);
                    return seen;
                }
            },
            Ok(answer) => {
                judge_answer(&mut seen, status, &answer);
                return seen;
            }
            Err(failure) => {
                seen.failed(status, failure);
                return seen;
            }
        }
    }
    seen
}

fn judge_answer(seen: &mut Observation, status: Claim, answer: &Answer) {
    seen.detail("tls", answer.tls_details());
    match answer.status {
        200 => match serde_json::from_slice::<Value>(&answer.body) {
            Ok(json) if json.get("uptime_seconds").is_some() || json.get("nats").is_some() => {
                seen.worked(status, format!("HTTP 200 over {}", answer.over()));
                links(seen, &json);
                seen.warnings.extend(answer.date.as_deref().and_then(crate::clock::warning));
            }
            _ => {
                let failure = Failure::new(Stage::Exchange, Cause::Http { status: 200 })
                    .because("HTTP 200, but the body is not the gateway's status JSON")
                    .because("something else than the gateway answers at this address");
                seen.failed(status, failure);
            }
        },
        _ => seen.failed(status, http::refused(answer)),
    }
}

/// A healthy answer may still report a broken link behind the gateway.
fn links(seen: &mut Observation, json: &Value) {
    if json.pointer("/nats/connected").and_then(Value::as_bool) == Some(false) {
        let failure = Failure::new(Stage::Exchange, Cause::Other)
            .because("the gateway answers, but reports `nats.connected: false`")
            .at("nats");
        seen.warnings.push(failure);
    }
    if json.pointer("/redis/ok").and_then(Value::as_bool) == Some(false) {
        let failure = Failure::new(Stage::Exchange, Cause::Other)
            .because("the gateway answers, but reports `redis.ok: false`")
            .at("redis");
        seen.warnings.push(failure);
    }
}

/// What stands behind a 429.
pub(crate) enum Busy {
    /// `/readyz` names the trouble.
    Trouble(Box<Failure>),
    No,
}

/// 429 is no verdict in this stack: a gateway that cannot reach its Redis answers so. `/readyz` is
/// not rate limited and says which link is broken, Redis with the raw Go error.
pub(crate) async fn busy(context: &Context) -> Busy {
    let Ok(answer) = http::get(context, &context.placed(Link::Gateway).await, "/readyz", false).await else {
        return Busy::No;
    };
    match readiness(&answer.body) {
        Some(failure) => {
            let mut failure = failure.because("the gateway answered 429 to an API request");
            // The gateway sees no more than a deadline of a plaintext Redis; Redis' own port tells.
            if failure.kind() == Some(CauseKind::Timeout)
                && failure.place.as_deref() == Some("redis")
                && let Some(answer) = crate::redis_tls::speaks_plaintext(context).await
            {
                failure.cause = Cause::NotTls(Speaker::Redis);
                failure.facts.insert(0, format!("Redis answers a plaintext PING with \"{answer}\""));
            }
            Busy::Trouble(Box::new(failure))
        }
        None => Busy::No,
    }
}

/// The trouble that a `/readyz` body names.
#[must_use]
pub fn readiness(body: &[u8]) -> Option<Failure> {
    let json: Value = serde_json::from_slice(body).ok()?;
    for link in ["redis", "nats"] {
        let Some(text) = json.pointer(&format!("/checks/{link}")).and_then(Value::as_str) else { continue };
        if text == "ok" {
            continue;
        }
        let shown = redact(text);
        let cause = match sense(text.as_bytes()).trouble() {
            Some(line) => Cause::Line(line),
            // "nats disconnected": the link was there and is not any more.
            None => Cause::Eof,
        };
        return Some(
            Failure::new(Stage::Exchange, cause)
                .because(format!("the gateway's /readyz says of {link}: {shown}"))
                .at(link),
        );
    }
    None
}
