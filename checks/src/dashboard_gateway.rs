//! Proves that the dashboard's nginx reaches the gateway: the gateway's own JSON comes back, not just a
//! 200. It cannot prove that nginx verifies the gateway: without the CA file it silently does not.

use std::time::SystemTime;

use futures_util::FutureExt;
use serde_json::Value;
use tls_verify_core::evidence::{HttpFact, Subject};
use tls_verify_core::rules::running;

use crate::cause::CauseKind;
use crate::context::{Check, Context, Dials, Need};
use crate::endpoint_resolution::Replica;
use crate::fault::{Cause, Failure, Stage};
use crate::gateway_https::{limited, unready};
use crate::http;
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::served;
use crate::stack::Link;

pub const CHECK: Check = Check {
    number: 12,
    id: "dashboard-gateway",
    title: "The dashboard reaches the gateway over TLS",
    about: "GET /api/v1/auth/config through the dashboard is the gateway's JSON",
    documented: false,
    link: Link::Dashboard,
    over: &[Link::Dashboard, Link::Gateway],
    dials: Dials::Otherwise,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

const STEP: &str = "GET /api/v1/auth/config through the dashboard";

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    for replica in context.replicas(Link::Dashboard).await {
        through(context, &replica, &mut seen).await;
    }
    unverified(context, &mut seen).await;
    seen
}

async fn through(context: &Context, replica: &Replica, seen: &mut Observation) {
    let begun = SystemTime::now();
    let through = seen.expect(replica.step(STEP), Expects::Works);
    let answer = match http::get(context, &replica.endpoint, "/api/v1/auth/config", false).await {
        Ok(answer) => answer,
        Err(failure) => {
            let elsewhere = match failure.cause {
                Cause::NotDialled => collected(context).await,
                _ => None,
            };
            if let Some((since, cause)) = elsewhere {
                seen.about(&through, Subject::Proxy { since });
                seen.failed(through, Failure::new(Stage::Exchange, cause).at("dashboard"));
            } else {
                seen.failed(through, failure);
            }
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
                .because(HttpFact::NotTheGatewaysJson);
            seen.failed(through, failure);
        }
        429 => {
            let unready = unready(context).await;
            let busy = Failure::new(Stage::Exchange, Cause::Http { status: 429 })
                .because(HttpFact::RateLimitedBehind { ready: unready.is_none() });
            limited(seen, through, busy, unready);
        }
        _ => {
            seen.about(&through, Subject::Proxy { since: begun });
            seen.failed(through, http::refused(&answer));
        }
    }
}

/// What keeps a dashboard that was collected from its gateway: it was told to speak HTTP to one that spoke TLS, or it
/// logged just then that it refused it; with the moment from which on its log tells more.
async fn collected(context: &Context) -> Option<(SystemTime, Cause)> {
    let platform = context.platform().await.ok()?;
    let dashboard = platform.of_service("dashboard").find(|one| one.is_up())?;
    let in_clear = dashboard.variable("CORDUM_API_UPSTREAM_SCHEME") == Some("http");
    if in_clear && served::was_well(context, Link::Gateway).await {
        return Some((platform.now(), Cause::PlainToTls));
    }
    let (since, said) = served::refused_lately(context, "dashboard", Link::Gateway).await?;
    Some((since, Cause::Line(said)))
}

/// Where nginx' configuration is where the entrypoint writes it.
const CONFIGURATION: &[&str] = &["/etc/nginx/conf.d/default.conf", "/etc/nginx/nginx.conf"];

/// An nginx that takes whoever answers for the gateway brings its JSON all the same.
async fn unverified(context: &Context, seen: &mut Observation) {
    let Ok(platform) = context.platform().await else { return };
    for dashboard in platform.of_service("dashboard").filter(|one| one.is_up()) {
        for path in CONFIGURATION {
            let Ok(text) = platform.file(dashboard, path).await else { continue };
            let text = String::from_utf8_lossy(&text);
            if !running::takes_any_upstream(&dashboard.service, path, &text, "/api/") {
                continue;
            }
            let verifies = seen.expect(format!("{} verifies the gateway", dashboard.name), Expects::Works);
            let off = Cause::Accepted { kind: CauseKind::VerificationNotEnforced };
            let failure = Failure::new(Stage::Configure, off)
                .because(HttpFact::UpstreamUnverified { path: path.to_string(), who: dashboard.name.clone() })
                .because(HttpFact::ImageVerifiesWithCa)
                .at("dashboard");
            seen.failed(verifies, failure);
            break;
        }
    }
}

fn is_gateway(body: &[u8]) -> bool {
    serde_json::from_slice::<Value>(body)
        .is_ok_and(|json| json.get("default_tenant").is_some() || json.get("user_auth_enabled").is_some())
}
