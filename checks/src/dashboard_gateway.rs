//! Proves that the dashboard's nginx reaches the gateway: the gateway's own JSON comes back, not just a
//! 200. It cannot prove that nginx verifies the gateway: without the CA file it silently does not.

use futures_util::FutureExt;
use serde_json::Value;

use crate::context::{Check, Context, Need};
use crate::fault::{Cause, Failure, Stage};
use crate::gateway_https::{Busy, busy};
use crate::http;
use crate::logs;
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::stack::Link;

pub const CHECK: Check = Check {
    number: 12,
    id: "dashboard-gateway",
    title: "The dashboard reaches the gateway over TLS",
    about: "GET /api/v1/auth/config through the dashboard is the gateway's JSON",
    documented: false,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

const STEP: &str = "GET /api/v1/auth/config through the dashboard";

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let endpoint = context.placed(Link::Dashboard).await;
    let answer = match http::get(context, &endpoint, "/api/v1/auth/config", false).await {
        Ok(answer) => answer,
        Err(failure) => {
            seen.failed(STEP, Expects::Works, failure);
            return seen;
        }
    };
    seen.detail("status", answer.status);
    match answer.status {
        200 if is_gateway(&answer.body) => {
            seen.worked(STEP, Expects::Works, "the gateway's JSON comes back");
        }
        200 => {
            let failure = Failure::new(Stage::Exchange, Cause::Http { status: 200 })
                .because("HTTP 200, but not the gateway's JSON: the dashboard's own page, or something else");
            seen.failed(STEP, Expects::Works, failure);
        }
        429 => match busy(context).await {
            Busy::Trouble(trouble) => seen.failed(STEP, Expects::Works, trouble),
            Busy::No => {
                let failure = Failure::new(Stage::Exchange, Cause::Http { status: 429 })
                    .because("HTTP 429 while the gateway's /readyz is fine");
                seen.untried(STEP, Expects::Works, failure);
            }
        },
        _ => {
            let mut failure = http::refused(&answer);
            // `TLS itself is fine` is not known here: nginx' upstream is what is asked about.
            failure.facts.retain(|fact| !fact.starts_with("TLS itself"));
            if matches!(failure.cause, Cause::PlainToTls) {
                failure = failure.because(
                    "nginx speaks plain HTTP to the gateway (CORDUM_API_UPSTREAM_SCHEME is not https)",
                );
            }
            if let Some(said) = upstream(context).await {
                failure = Failure { facts: [said.facts, failure.facts].concat(), ..failure };
                failure.cause = said.cause;
            }
            seen.failed(STEP, Expects::Works, failure.at("dashboard"));
        }
    }
    seen
}

fn is_gateway(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|json| json.get("default_tenant").is_some() || json.get("user_auth_enabled").is_some())
}

/// What nginx' error log says of its upstream.
async fn upstream(context: &Context) -> Option<Failure> {
    let engine = context.engine().await.ok()?;
    let dashboard = engine.of_service("dashboard").find(|one| one.is_up())?;
    logs::last_trouble(context, engine, dashboard, Link::Gateway).await
}
