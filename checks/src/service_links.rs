//! Shows that every core service runs, holds its NATS connection over TLS, and is in no crash loop of
//! whatever origin. It cannot prove that a service does its work.

use futures_util::FutureExt;
use serde_json::Value;

use tls_verify_core::workload::Instance;

use tls_verify_core::evidence::{Fact, NatsFact, PlatformFact};

use crate::cause::{CauseKind, Variant};
use crate::context::{Check, Context, Dials, Need};
use crate::deployment;
use crate::enforcement;
use crate::fault::{Cause, Failure, Stage};
use crate::investigate::server;
use crate::logs;
use crate::monitor;
use crate::nats;
use crate::nats_link::{NatsLinkVerdict, connection_of, of_container, over_tls, services};
use crate::observation::{EvidenceLevel, Expects, Observation, Outcome};
use crate::platform::Platform;
use crate::stack::Link;

pub const CHECK: Check = Check {
    number: 15,
    id: "service-links",
    title: "Every core service runs and holds its NATS link over TLS",
    about: "gateway, scheduler, workflow engine and safety kernel: running, no crash loop, connected over TLS",
    documented: false,
    link: Link::Gateway,
    over: &[Link::Nats, Link::Redis],
    dials: Dials::Never,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

/// Services that hold a NATS connection.
const CORE: &[&str] = &["api-gateway", "scheduler", "workflow-engine", "safety-kernel"];

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Observed);
    let platform = match context.platform().await {
        Ok(platform) => platform,
        Err(failure) => {
            by_monitoring(context, &mut seen, failure).await;
            return seen;
        }
    };
    if platform.workloads().is_empty() {
        let failure = Failure::new(Stage::Configure, Cause::Other)
            .because(PlatformFact::NoProject { project: context.stack.project.clone() });
        let services = seen.expect("core services", Expects::Works);
        seen.untried(services, failure);
        return seen;
    }
    let deployment = deployment::detect(context).await;
    seen.detail("deployment", deployment.because.as_str());
    let asks =
        nats::control(context).await.is_ok_and(|greeted| greeted.recording.asked_for_certificate.is_some());
    let connections = monitor::connections(context).await;
    if let Ok((list, way)) = &connections {
        seen.detail("services", services(platform, list));
        seen.detail("monitoring", way.as_str());
    }
    let mut held = 0_usize;
    for service in CORE {
        let containers: Vec<&Instance> = platform.of_service(service).collect();
        if containers.is_empty() {
            if context.stack.services.iter().any(|wanted| wanted == service) {
                let runs = seen.expect(*service, Expects::Works);
                seen.untried(runs, absent(platform, service));
            }
            continue;
        }
        for container in containers {
            let before = seen.steps().len();
            one(context, platform, container, &connections, asks, &mut seen).await;
            held += seen.steps()[before..]
                .iter()
                .filter(|step| matches!(step.outcome(), Some(Outcome::Worked(_))))
                .count();
            verifies(container, &mut seen);
        }
    }
    let way = connections.as_ref().map_or("their own words", |(_, way)| way.as_str());
    seen.summary = Some(format!("{held} core services hold their NATS link over TLS ({way})"));
    seen
}

/// Without an engine the services cannot be told apart; where NATS monitoring is known all the same, it
/// says how many hold a link, and how.
async fn by_monitoring(context: &Context, seen: &mut Observation, failure: &Failure) {
    const NAME: &str = "core services";
    let connections = monitor::connections(context).await.ok();
    let control = nats::control(context).await;
    let Some((list, way)) = connections else {
        // A NATS that nobody reaches holds no links, but what stands at its address may be another's.
        let failure = match control {
            Err(down) if down.place.is_none() && down.kind().is_some() => {
                failure.facts.iter().fold(down.clone().at("nats"), |down, fact| down.because(fact.clone()))
            }
            _ => failure.clone(),
        };
        let services = seen.expect(NAME, Expects::Works);
        seen.untried(services, failure);
        return;
    };
    seen.detail("monitoring", way);
    let asks = control.is_ok_and(|greeted| greeted.recording.asked_for_certificate.is_some());
    let rows: Vec<_> = list.iter().filter(|row| row.name == "cordum-bus").collect();
    for row in &rows {
        if let Err(failure) = over_tls(row, asks) {
            let services = seen.expect(NAME, Expects::Works);
            seen.failed(services, failure.at("nats"));
            return;
        }
    }
    if rows.len() < CORE.len() {
        let fact = NatsFact::TooFewConnections { listed: rows.len(), of: CORE.len() };
        // Which of them is missing, and of what it died, stands in its log.
        let mut told = by_logs(context).await;
        if told.is_empty() {
            let place = |down: &Failure| down.place.clone().unwrap_or_else(|| "nats".to_owned());
            told.push(match control {
                Err(down) => down.clone().at(place(down)),
                Ok(_) => Failure::new(Stage::Session, Cause::Other),
            });
        }
        for failure in told {
            let services = seen.expect(NAME, Expects::Works);
            seen.failed(services, failure.because(fact.clone()));
        }
    } else {
        let services = seen.expect(NAME, Expects::Works);
        seen.worked(services, format!("{} NATS connections of core services, all over TLS", rows.len()));
    }
}

/// What the core services said last, from their logs in a directory, and what is behind it.
async fn by_logs(context: &Context) -> Vec<Failure> {
    let Ok(platform) = context.logs().await else { return Vec::new() };
    let own = context.own_probes();
    let mut found: Vec<Failure> = Vec::new();
    for service in CORE {
        for one in platform.of_service(service) {
            let Ok(log) = logs::of_container(context, platform, one, &own).await else { continue };
            let last = |run: &logs::RunLog| {
                let open = run.troubles.iter().filter(|trouble| !trouble.recovered);
                open.max_by_key(|trouble| trouble.line).cloned()
            };
            let Some(trouble) = last(&log.present).or_else(|| log.previous.as_ref().and_then(last)) else {
                continue;
            };
            let said = Fact::Logged { who: (*service).to_owned(), when: None, line: trouble.sample.clone() };
            let live = match trouble.link {
                Some(link @ (Link::Redis | Link::Nats)) => server(context, link).await,
                _ => None,
            };
            let failure = live.unwrap_or_else(|| {
                Failure::new(Stage::Exchange, Cause::Line(trouble.what.clone())).at(*service)
            });
            match found.iter_mut().find(|one| one.place == failure.place && one.kind() == failure.kind()) {
                Some(known) => known.facts.push(said),
                None => found.push(failure.because(said)),
            }
        }
    }
    found
}

fn absent(platform: &dyn Platform, service: &str) -> Failure {
    let cause = Cause::Container { kind: CauseKind::ConnectionRefused, variant: Variant::ContainerAbsent };
    Failure::new(Stage::Connect, cause).because(platform.lacks(service)).at(service)
}

async fn one(
    context: &Context,
    platform: &dyn Platform,
    container: &Instance,
    connections: &Result<(Vec<monitor::NatsClient>, String), Vec<Fact>>,
    asks: bool,
    seen: &mut Observation,
) {
    let connected = seen.expect(container.name.clone(), Expects::Works);
    seen.about(&connected, connection_of(container));
    // A container between two crashes counts as restarting, whatever this moment shows.
    let fresh = platform.inspect(container).await.unwrap_or_else(|_| container.clone());
    match of_container(context, platform, &fresh, connections, asks).await {
        NatsLinkVerdict::Connected(level, what) => {
            // What NATS reports of another's connection is observed, not done by us.
            seen.evidence = seen.evidence.max(level.max(EvidenceLevel::Observed));
            seen.worked(connected, what);
        }
        NatsLinkVerdict::Broken(failure) => seen.failed(connected, failure),
        NatsLinkVerdict::Unclear(failure) => match by_status(context, &fresh).await {
            Some(Ok(what)) => seen.worked(connected, what),
            Some(Err(failure)) => seen.failed(connected, failure),
            None => seen.untried(connected, failure),
        },
    }
}

/// The gateway's own word on its NATS connection.
async fn by_status(context: &Context, container: &Instance) -> Option<Result<String, Failure>> {
    if !container.service.starts_with("api-gateway") {
        return None;
    }
    let answer = crate::http::get(context, &context.resolved(Link::Gateway).await, "/api/v1/status", true)
        .await
        .ok()?;
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    let connected = json.pointer("/nats/connected")?.as_bool()?;
    let url = json.pointer("/nats/url").and_then(Value::as_str).unwrap_or_default();
    if !connected {
        let failure =
            Failure::new(Stage::Session, Cause::Eof).because(NatsFact::GatewayUnconnected).at("nats");
        return Some(Err(failure));
    }
    let demanded = nats::control(context).await.is_ok_and(|greeted| greeted.info.tls_required);
    (url.starts_with("tls://") || demanded)
        .then(|| Ok("the gateway reports its NATS connection, which is TLS".to_owned()))
}

/// A setting that switches the verification of NATS off.
fn verifies(container: &Instance, seen: &mut Observation) {
    if let Some(failure) = enforcement::nats(container) {
        let verifies = seen.expect(format!("{} verifies NATS", container.name), Expects::Works);
        seen.failed(verifies, failure);
    }
}
