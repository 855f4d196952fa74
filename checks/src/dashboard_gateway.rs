//! Proves that the dashboard's nginx reaches the gateway: the gateway's own JSON comes back, not just a
//! 200. It cannot prove that nginx verifies the gateway: without the CA file it silently does not.

use std::time::SystemTime;

use futures_util::FutureExt;
use serde_json::Value;

use crate::cause::{CauseKind, Side};
use crate::context::{Check, Context, Need};
use crate::fault::{Cause, Failure, Stage};
use crate::gateway_https::{Busy, busy};
use crate::http;
use crate::logs;
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::place::Replica;
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
    for replica in context.replicas(Link::Dashboard).await {
        through(context, &replica, &mut seen).await;
    }
    seen
}

async fn through(context: &Context, replica: &Replica, seen: &mut Observation) {
    let begun = SystemTime::now();
    let through = seen.expect(replica.step(STEP), Expects::Works);
    let answer = match http::get(context, &replica.endpoint, "/api/v1/auth/config", false).await {
        Ok(answer) => answer,
        Err(failure) => {
            seen.failed(through, failure);
            return;
        }
    };
    seen.detail("status", answer.status);
    match answer.status {
        200 if is_gateway(&answer.body) => {
            seen.worked(through, replica.step("the gateway's JSON comes back"));
        }
        200 => {
            let failure = Failure::new(Stage::Exchange, Cause::Http { status: 200 })
                .because("HTTP 200, but not the gateway's JSON: the dashboard's own page, or something else");
            seen.failed(through, failure);
        }
        429 => match busy(context).await {
            Busy::Trouble(trouble) => seen.failed(through, *trouble),
            Busy::No => {
                let failure = Failure::new(Stage::Exchange, Cause::Http { status: 429 })
                    .because("HTTP 429 while the gateway's /readyz is fine");
                seen.untried(through, failure);
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
            if let Some(said) = upstream(context, begun).await {
                failure = Failure { facts: [said.facts, failure.facts].concat(), ..failure };
                failure.cause = said.cause;
            }
            seen.failed(through, whose(context, failure).await);
        }
    }
}

/// nginx refuses the gateway: because of the gateway, when we meet the same there; else because of what
/// nginx is told to expect.
async fn whose(context: &Context, failure: Failure) -> Failure {
    let Some(kind) = failure.kind() else { return failure.at("dashboard") };
    if !is_verification(kind) {
        return with_settings(context, failure.at("dashboard")).await;
    }
    let endpoint = context.placed(Link::Gateway).await;
    match context.dial(&endpoint, None, &[b"http/1.1"], context.attempt()).await {
        Err(broken) if matches!(broken.failure.cause, Cause::Chain(_)) => {
            failure.facts.into_iter().fold(broken.failure, Failure::because).at("api-gateway")
        }
        Ok(_) => {
            let mut failure = failure;
            if let Cause::Line(line) = &mut failure.cause {
                line.side = Side::Client;
            }
            with_settings(context, failure.at("dashboard")).await
        }
        Err(_) => failure.at("dashboard"),
    }
}

const fn is_verification(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::UnknownAuthority
            | CauseKind::BadSignature
            | CauseKind::Expired
            | CauseKind::NotYetValid
            | CauseKind::HostnameMismatch
            | CauseKind::InvalidCa
            | CauseKind::WrongKeyUsage
    )
}

/// What the dashboard is told of its upstream.
async fn with_settings(context: &Context, failure: Failure) -> Failure {
    let Ok(platform) = context.platform().await else { return failure };
    let Some(dashboard) = platform.of_service("dashboard").next() else { return failure };
    let kind = failure.kind();
    failure.set_by(crate::settings::relevant(dashboard, Some(Link::Dashboard), kind, None))
}

fn is_gateway(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|json| json.get("default_tenant").is_some() || json.get("user_auth_enabled").is_some())
}

/// What nginx' error log says of its upstream.
async fn upstream(context: &Context, since: SystemTime) -> Option<Failure> {
    let platform = context.platform().await.ok()?;
    let dashboard = platform.of_service("dashboard").find(|one| one.is_up())?;
    logs::last_trouble(context, platform, dashboard, Link::Gateway, since).await
}
