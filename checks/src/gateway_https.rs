//! Proves that the gateway serves its API over TLS verified with `ca.crt` alone, for the URL's host.
//! It does not prove which certificate other names would get, nor what the gateway's own links do.

use std::time::Duration;

use futures_util::FutureExt;
use serde_json::Value;
use tls_verify_core::evidence::{Answer, Evidence, Fact, HttpFact, NatsFact, Question, RedisFact, Unready};
use tls_verify_core::logs::classify::sense;
use tls_verify_core::redaction::redact;

use crate::context::{Check, Context, Dials, Need};
use crate::fault::{Cause, Failure, Stage};
use crate::http;
use crate::observation::{Claim, EvidenceLevel, Expects, Observation};
use crate::stack::{Endpoint, Link};

pub const CHECK: Check = Check {
    number: 1,
    id: "gateway-https",
    title: "The gateway answers over HTTPS verified with the CA",
    about: "GET /api/v1/status with ca.crt as the only trust anchor: 200 and the status JSON",
    documented: true,
    link: Link::Gateway,
    over: &[Link::Gateway],
    dials: Dials::Verified,
    needs: &[Need::Anchors, Need::ApiKey],
    observe: |context| observe(context).boxed(),
};

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    for replica in context.replicas(Link::Gateway).await {
        let status = seen.expect(replica.step("GET /api/v1/status"), Expects::Works);
        one(context, &replica.endpoint, status, &mut seen).await;
    }
    seen
}

async fn one(context: &Context, gateway: &Endpoint, status: Claim, seen: &mut Observation) {
    for attempt in 0..3_u32 {
        match http::get(context, gateway, "/api/v1/status", true).await {
            Ok(answer) if answer.status == 429 => {
                let unready = unready(context).await;
                if unready.is_none() && attempt < 2 {
                    tokio::time::sleep(Duration::from_millis(350)).await;
                    continue;
                }
                let busy = Failure::new(Stage::Exchange, Cause::Http { status: 429 })
                    .because(HttpFact::RateLimited { ready: unready.is_none() })
                    .because(Fact::TlsIsFine { over: answer.over().to_owned() });
                return limited(seen, status, busy, unready);
            }
            Ok(answer) => return observe_answer(seen, status, &answer),
            Err(failure) => return seen.failed(status, failure),
        }
    }
}

fn observe_answer(seen: &mut Observation, status: Claim, answer: &http::HttpAnswer) {
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
                    .because(HttpFact::NotTheStatus)
                    .because(HttpFact::NotTheGateway);
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
            .because(NatsFact::GatewayAnswersUnconnected)
            .at("nats");
        seen.warnings.push(failure);
    }
    if json.pointer("/redis/ok").and_then(Value::as_bool) == Some(false) {
        let failure = Failure::new(Stage::Exchange, Cause::Other)
            .because(RedisFact::GatewayAnswersUnconnected)
            .at("redis");
        seen.warnings.push(failure);
    }
}

/// 429 is no verdict in this stack: a gateway that cannot reach its Redis answers so. Where its `/readyz` names
/// a link, what was asked for has failed; else nobody knows.
pub(crate) fn limited(seen: &mut Observation, claim: Claim, busy: Failure, unready: Option<Unready>) {
    let named = unready.is_some();
    let found = Evidence { question: Question::Readiness, answer: Answer::Readiness(unready) };
    seen.learn(&claim, found);
    if named { seen.failed(claim, busy) } else { seen.untried(claim, busy) }
}

/// With the word that `/readyz` names nothing, where it names nothing.
pub(crate) fn fine_unless(busy: Failure, unready: Option<&Unready>) -> Failure {
    if unready.is_none() { busy.because(HttpFact::WhileReady) } else { busy }
}

/// The link that the gateway's `/readyz` complains of; it is not rate limited.
pub(crate) async fn unready(context: &Context) -> Option<Unready> {
    let answer = http::get(context, &context.resolved(Link::Gateway).await, "/readyz", false).await.ok()?;
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    [Link::Redis, Link::Nats].into_iter().find_map(|link| {
        let text = json.pointer(&format!("/checks/{}", link.service())).and_then(Value::as_str)?;
        (text != "ok").then(|| Unready { link, said: redact(text), what: sense(text.as_bytes()).trouble() })
    })
}

/// What the gateway's `/readyz` says; it asks for no key.
pub(crate) async fn readyz(context: &Context) -> Option<Vec<u8>> {
    let gateway = context.resolved(Link::Gateway).await;
    http::get(context, &gateway, "/readyz", false).await.ok().map(|answer| answer.body)
}

/// Whether a `/readyz` body says that a link is fine.
pub(crate) fn is_ready(body: &[u8], link: &str) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|json| json.pointer(&format!("/checks/{link}")).and_then(Value::as_str) == Some("ok"))
}
