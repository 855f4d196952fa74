//! Looks behind a symptom. An endpoint that refuses, closes, or answers a stand-in is only the last
//! link of a chain in this stack: the reason stands in the last words of the container behind it, and
//! behind those in Redis, NATS or a file.

use std::time::{Duration, SystemTime};

use crate::cause::{CauseKind, Variant};
use crate::context::Context;
use crate::engine::{Container, Engine};
use crate::fault::{Cause, Failure, Stage};
use crate::logs::{self, Trouble};
use crate::observation::{Expects, Observation, Seen, Step};
use crate::stack::Link;

/// A start younger than this, of a container that restarted before, may be one more of a crash loop.
const YOUNG: Duration = Duration::from_secs(20);

/// Replaces the symptoms of an observation by their origins, where the engine knows them. Negative
/// claims are left alone: a refusal must never become the right one by what a log says.
pub async fn look(context: &Context, link: Link, seen: &mut Observation) {
    for step in &mut seen.steps {
        if !matches!(step.expects, Expects::Works | Expects::Control) {
            continue;
        }
        let Step { seen: Seen::Failed(failure) | Seen::Untried(failure), .. } = step else { continue };
        let looked = crate::look::again(context, link, (**failure).clone()).await;
        **failure = looked;
        if let Some(found) = origin(context, link, failure).await {
            **failure = found;
        }
    }
}

/// Kinds that say nothing about their reason.
fn is_symptom(failure: &Failure) -> bool {
    match failure.cause.reading() {
        Some(reading) => matches!(
            reading.kind,
            CauseKind::ConnectionRefused
                | CauseKind::ConnectionReset
                | CauseKind::Timeout
                | CauseKind::Dns
                | CauseKind::BadGateway
        ),
        None => matches!(failure.cause, Cause::Http { status: 503 | 429 }),
    }
}

async fn origin(context: &Context, link: Link, failure: &Failure) -> Option<Failure> {
    // `/readyz` or a log has already pointed at a link of the service.
    let behind = match (&failure.cause, failure.place.as_deref()) {
        (Cause::Line(_), Some("redis")) => {
            return live(context, Link::Redis).await.map(|found| joined(found, failure));
        }
        (Cause::Line(_) | Cause::Upstream { .. }, Some("nats")) => {
            return live(context, Link::Nats).await.map(|found| joined(found, failure));
        }
        _ if !is_symptom(failure) => return None,
        (_, Some(place)) => place.to_owned(),
        (_, None) => link.service().to_owned(),
    };
    let engine = context.engine().await.ok()?;
    let found = of_service(context, engine, &behind, link).await?;
    Some(joined(found, failure))
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
async fn of_service(context: &Context, engine: &Engine, service: &str, link: Link) -> Option<Failure> {
    let Some(known) = engine.of_service(service).next() else {
        if engine.containers.is_empty() {
            return None;
        }
        let cause =
            Cause::Container { kind: CauseKind::ConnectionRefused, variant: Variant::ContainerAbsent };
        return Some(
            Failure::new(Stage::Connect, cause)
                .because(format!(
                    "project `{}` has no container of service `{service}`",
                    context.stack.project
                ))
                .at(service.to_owned()),
        );
    };
    let container = engine.look(known).await.unwrap_or_else(|_| known.clone());
    let state = state_of(&container);
    if !container.running && !container.restarting {
        if container.exit_code != 0
            && let Some(words) = words(context, engine, &container).await
        {
            return Some(upstream(context, &container, words).await.because(state));
        }
        let cause =
            Cause::Container { kind: CauseKind::ConnectionRefused, variant: Variant::ContainerStopped };
        return Some(Failure::new(Stage::Connect, cause).because(state).at(service.to_owned()));
    }
    let looping = container.restarting
        || (container.restarts > 0
            && container.health.as_deref() != Some("healthy")
            && container.up_for(SystemTime::now()).is_some_and(|age| age < YOUNG));
    let words = words(context, engine, &container).await;
    if looping {
        return Some(match words {
            Some(words) => upstream(context, &container, words).await.because(state),
            None => {
                let cause = Cause::Container {
                    kind: CauseKind::ConnectionRefused,
                    variant: Variant::ContainerRestarting,
                };
                let said = last_words(context, engine, &container).await;
                let failure = Failure::new(Stage::Connect, cause).because(state).at(service.to_owned());
                said.into_iter().fold(failure, Failure::because)
            }
        });
    }
    // It runs: does anything listen in it? Docker's proxy accepts for a container that does not.
    // Its port is known for the link's own service alone.
    let own = service.starts_with(link.service());
    let refuses = own && own_address_refuses(context, &container, link).await;
    if refuses {
        let fact =
            format!("{} runs, but nothing listens on its port {}", container.name, link.container_port());
        return Some(match words {
            Some(words) => upstream(context, &container, words).await.because(fact),
            None => Failure::new(Stage::Connect, Cause::Refused { nothing_listens: true })
                .because(fact)
                .at(service.to_owned()),
        });
    }
    None
}

fn state_of(container: &Container) -> String {
    if container.restarting || (container.restarts > 0 && container.health.as_deref() != Some("healthy")) {
        format!(
            "{} restarts again and again ({} times, last exit code {})",
            container.name, container.restarts, container.exit_code
        )
    } else if container.running {
        format!("{} is running", container.name)
    } else {
        format!("{} is {} (exit code {})", container.name, container.status, container.exit_code)
    }
}

/// The last trouble of the present run, or of the one before when the present one has said nothing.
async fn words(context: &Context, engine: &Engine, container: &Container) -> Option<Trouble> {
    let own = context.own_probes();
    let log = logs::of_container(context, engine, container, &own).await.ok()?;
    // What a server says of single clients is not what it died of.
    let of_a_client = |trouble: &&Trouble| {
        matches!(container.service.as_str(), "nats" | "redis")
            && (trouble.sample.contains(" - cid:")
                || trouble.sample.contains("accepting a client connection"))
    };
    let last = |run: &logs::RunLog| {
        run.troubles
            .iter()
            .filter(|trouble| !trouble.recovered && !of_a_client(trouble))
            .max_by_key(|trouble| trouble.line)
            .cloned()
    };
    last(&log.present).or_else(|| log.previous.as_ref().and_then(last))
}

/// What a container said last, where nothing in it is known trouble.
async fn last_words(context: &Context, engine: &Engine, container: &Container) -> Option<String> {
    let log = logs::of_container(context, engine, container, &[]).await.ok()?;
    let words = match (&log.present.last_words, &log.previous) {
        // A start that has only begun says nothing yet: the one before ended in an error.
        (_, Some(previous)) if log.present.lines < 4 => previous.last_words.clone(),
        (words, _) => words.clone(),
    };
    words.map(|words| format!("{} said last: {words}", container.name))
}

/// From what a service says to where it began: Redis and NATS are looked at live, a file is named.
async fn upstream(context: &Context, container: &Container, words: Trouble) -> Failure {
    let said = format!("{} logged: {}", container.name, words.sample);
    let link = words.link.filter(|link| matches!(link, Link::Redis | Link::Nats));
    if words.what.kind == CauseKind::BadKeyFile {
        let place = file_of(&words.sample).unwrap_or_else(|| container.service.clone());
        return Failure::new(Stage::Configure, Cause::Line(words.what)).because(said).at(place);
    }
    if let Some(link) = link
        && let Some(found) = live(context, link).await
    {
        return found
            .because(format!("{} is down because it cannot use {link}", container.service))
            .because(said);
    }
    // The link itself is fine: what is wrong is on the service's side.
    Failure::new(Stage::Exchange, Cause::Line(words.what)).because(said).at(container.service.clone())
}

/// The file that an `open PATH: reason` names.
fn file_of(line: &str) -> Option<String> {
    let rest = &line[line.find("open /")? + 5..];
    let path = rest.split(':').next()?.trim();
    (path.len() > 1).then(|| path.to_owned())
}

/// A live look at NATS or Redis: its container, then the wire. Nothing found means that it is fine.
pub async fn live(context: &Context, link: Link) -> Option<Failure> {
    if let Ok(engine) = context.engine().await
        && let Some(known) = engine.of_service(link.service()).next()
    {
        let container = engine.look(known).await.unwrap_or_else(|_| known.clone());
        if !container.is_up() {
            // A stopped container's name leaves Docker's DNS: the services say `no such host`.
            let cause = Cause::Container { kind: CauseKind::Dns, variant: Variant::ContainerStopped };
            return Some(
                Failure::new(Stage::Resolve, cause)
                    .because(state_of(&container))
                    .at(link.service().to_owned()),
            );
        }
    }
    match link {
        Link::Nats => {
            let failure = crate::nats::control(context).await.err().cloned()?;
            let place = failure.place.clone().unwrap_or_else(|| "nats".to_owned());
            Some(crate::look::again(context, link, failure.at(place)).await)
        }
        Link::Redis => {
            if let Some(answer) = crate::redis_tls::speaks_plaintext(context).await {
                return Some(
                    Failure::new(Stage::Exchange, Cause::NotTls(crate::fault::Speaker::Redis))
                        .because(format!("Redis answers a plaintext PING with \"{answer}\""))
                        .at("redis"),
                );
            }
            let failure = crate::redis_tls::ping(context, context.attempt()).await.err()?;
            Some(crate::look::again(context, link, failure.at("redis")).await)
        }
        _ => None,
    }
}

/// The container's own address refuses where the published port may have accepted.
async fn own_address_refuses(context: &Context, container: &Container, link: Link) -> bool {
    let Some(address) = container.addresses.first() else { return false };
    let target = std::net::SocketAddr::new(*address, link.container_port());
    let patience = Duration::from_secs(1).min(context.stack.timeout);
    match tokio::time::timeout(patience, tokio::net::TcpStream::connect(target)).await {
        Ok(Err(error)) => error.kind() == std::io::ErrorKind::ConnectionRefused,
        _ => false,
    }
}
