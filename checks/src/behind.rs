//! Looks behind a symptom. An endpoint that refuses, closes, or answers a stand-in is only the last
//! link of a chain in this stack: the reason stands in the last words of the container behind it, and
//! behind those in Redis, NATS or a file.

use std::time::Duration;

use tls_verify_core::workload::Instance;

use crate::cause::Variant;
use crate::context::Context;
use crate::fault::{Cause, Failure, Stage};
use crate::last_words;
use crate::observation::Observation;
use crate::platform::{Platform, Reach};
use crate::reason::{self, Effect, is_looping, live, state_of};
use crate::stack::Link;

/// Replaces the symptoms of an observation by their origins, where the engine knows them. Negative
/// claims are left alone: a refusal must never become the right one by what a log says.
pub async fn look(context: &Context, link: Link, seen: &mut Observation) {
    for (_, failure) in seen.faults_mut(0) {
        *failure = crate::look::again(context, link, failure.clone()).await;
        if let Some(found) = origin(context, link, failure).await {
            *failure = found;
        }
    }
}

/// Kinds that say nothing about their reason.
fn is_symptom(failure: &Failure) -> bool {
    match failure.cause.reading() {
        Some(reading) => reading.kind.is_transient(),
        None => matches!(failure.cause, Cause::Http { status: 503 | 429 }),
    }
}

async fn origin(context: &Context, link: Link, failure: &Failure) -> Option<Failure> {
    // `/readyz` or a log has already pointed at a link of the service.
    match (&failure.cause, failure.place.as_deref()) {
        (Cause::Line(_), Some("redis")) => {
            return live(context, Link::Redis).await.map(|found| joined(found, failure));
        }
        (Cause::Line(_) | Cause::Upstream { .. }, Some("nats")) => {
            return live(context, Link::Nats).await.map(|found| joined(found, failure));
        }
        _ if !is_symptom(failure) => return None,
        _ => {}
    }
    let engine = context.platform().await.ok()?;
    let behind = failure.place.as_deref().unwrap_or(link.service());
    let mut found = of_service(context, engine, behind, link).await;
    // The dashboard's symptom is mostly the gateway's.
    if found.is_none() && link == Link::Dashboard && behind == "dashboard" {
        found = of_service(context, engine, "api-gateway", Link::Gateway).await;
    }
    Some(joined(found?, failure))
}

/// The origin, with the symptom as its last fact.
fn joined(mut found: Failure, symptom: &Failure) -> Failure {
    for fact in &symptom.facts {
        if found.facts.len() < 8 && !found.facts.contains(fact) {
            found.facts.push(fact.clone());
        }
    }
    if found.trail.is_empty() {
        found.trail.clone_from(&symptom.trail);
    }
    found
}

/// Why a service does not answer.
async fn of_service(context: &Context, engine: &dyn Platform, service: &str, link: Link) -> Option<Failure> {
    let Some(known) = engine.of_service(service).next() else {
        if engine.workloads().is_empty() {
            return None;
        }
        return Some(
            Failure::new(Stage::Connect, reason::gone(service, Variant::ContainerAbsent))
                .because(engine.lacks(service))
                .at(service.to_owned()),
        );
    };
    let container = engine.look(known).await.unwrap_or_else(|_| known.clone());
    let state = state_of(&container);
    let bare = |variant| {
        Failure::new(Stage::Connect, reason::gone(service, variant))
            .because(state.clone())
            .at(service.to_owned())
    };
    if container.is_down() {
        if container.exit_code() != 0
            && last_words::words(context, engine, &container, None).await.is_some()
            && let Some(found) = reason::of_container(context, engine, &container, Effect::Down).await
        {
            return Some(found.because(state));
        }
        return Some(bare(Variant::ContainerStopped));
    }
    if is_looping(&container) {
        if let Some(found) = reason::of_container(context, engine, &container, Effect::Down).await {
            return Some(found.because(state));
        }
        let said = last_words::last_words(context, engine, &container).await;
        return Some(said.into_iter().fold(bare(Variant::ContainerRestarting), Failure::because));
    }
    // It runs: does anything listen in it? Docker's proxy accepts for a container that does not.
    // Its port is known for the link's own service alone.
    let own = service.starts_with(link.service());
    if own && own_address_refuses(context, engine, &container, link).await {
        let fact =
            format!("{} runs, but nothing listens on its port {}", container.name, link.container_port());
        return Some(match reason::of_container(context, engine, &container, Effect::Down).await {
            Some(found) => found.because(fact),
            None => Failure::new(Stage::Connect, Cause::Refused { nothing_listens: true })
                .because(fact)
                .at(service.to_owned()),
        });
    }
    None
}

/// The container's own address refuses where the published port may have accepted.
async fn own_address_refuses(
    context: &Context,
    platform: &dyn Platform,
    container: &Instance,
    link: Link,
) -> bool {
    let port = link.container_port();
    let patience = Duration::from_secs(1).min(context.stack.timeout);
    let dialled = async {
        if platform.reach(container, port) == Reach::Through {
            return platform.open(container, port).await.map(drop);
        }
        let address = container.addresses.first().ok_or(std::io::ErrorKind::AddrNotAvailable)?;
        tokio::net::TcpStream::connect(std::net::SocketAddr::new(*address, port)).await.map(drop)
    };
    match tokio::time::timeout(patience, dialled).await {
        Ok(Err(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}
