//! Why a service is down, or lacks a connection: from its last words to where it began. Redis and NATS
//! are looked at live, once a run, so that every check tells the same story.

use std::time::{Duration, SystemTime};

use tls_verify_core::workload::Instance;

use crate::cause::{CauseKind, Side, Variant};
use crate::context::Context;
use crate::fault::{Cause, Failure, Origin, Stage};
use crate::last_words::words;
use crate::own_side;
use crate::platform::Platform;
use crate::settings;
use crate::stack::Link;

/// A start younger than this, of a container that restarted before, may be one more of a crash loop.
const YOUNG: Duration = Duration::from_secs(20);

/// What a broken link does to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It does not run, or nothing listens in it.
    Down,
    /// It runs without the link.
    Unconnected,
}

/// In a crash loop: between two starts, or in a start that is no older than those before it lived.
pub(crate) fn is_looping(container: &Instance) -> bool {
    container.is_restarting()
        || (container.restarts > 0
            && container.healthy != Some(true)
            && container.up_for(SystemTime::now()).is_some_and(|age| age < YOUNG))
}

/// The container's state as a fact.
pub(crate) fn state_of(container: &Instance) -> String {
    if is_looping(container) {
        let code = if container.is_up() {
            String::new()
        } else {
            format!(", last exit code {}", container.exit_code())
        };
        format!("{} restarts again and again ({} times{code})", container.name, container.restarts)
    } else if container.is_paused() {
        format!("{0} is paused (`docker unpause {0}` lets it go on)", container.name)
    } else if container.is_up() && container.addresses.is_empty() {
        format!("{} is running, and is connected to no network", container.name)
    } else if container.is_up() {
        format!("{} is running", container.name)
    } else {
        format!("{} is {} (exit code {})", container.name, container.phase.word(), container.exit_code())
    }
}

/// The links that a service of the stack dials itself, in the order in which it does so at its start.
pub(crate) fn links_of(context: &Context, service: &str) -> &'static [Link] {
    const BOTH: &[Link] = &[Link::Redis, Link::Nats];
    let is = |name: &str| service.starts_with(name);
    if is("context-engine") {
        &[Link::Redis]
    } else if ["api-gateway", "scheduler", "workflow-engine", "safety-kernel", "demo-quickstart-worker"]
        .iter()
        .any(|name| is(name))
        || is(&context.stack.worker)
    {
        BOTH
    } else {
        &[]
    }
}

/// Why a container is down or lacks its links, as far as its log and a live look tell.
pub(crate) async fn of_container(
    context: &Context,
    engine: &dyn Platform,
    container: &Instance,
    effect: Effect,
) -> Option<Failure> {
    // A service that runs without NATS has that from nothing else than NATS.
    let about = (effect == Effect::Unconnected).then_some(Link::Nats);
    let Some(words) = words(context, engine, container, about).await else {
        return waiting(context, container, effect).await;
    };
    let said = format!("{} logged: {}", container.name, words.sample);
    let link = words.link.filter(|link| links_of(context, &container.service).contains(link));
    // What it could not read is its own, whatever else is broken.
    let own = matches!(words.what.kind, CauseKind::BadKeyFile | CauseKind::KeyMismatch);
    if let (false, Some(link)) = (own, link) {
        if let Some(found) = broken(context, container, link, Some(words.what.kind)).await
            && tells(&found, Some(words.what.kind))
        {
            return Some(chained(container, link, found, effect).because(said));
        }
    } else if !own
        && words.link.is_none()
        && words.what.kind.is_transient()
        && let Some(found) = waiting(context, container, effect).await
    {
        return Some(found.because(said));
    }
    // It gave up over trouble that has gone since: what it needs is a start.
    if container.is_down() && words.what.kind.is_transient() {
        let gone = gone(&container.service, Variant::ContainerStopped);
        return Some(
            Failure::new(Stage::Connect, gone)
                .because(state_of(container))
                .because(said)
                .at(container.service.clone()),
        );
    }
    // Its links are fine: what is wrong is on the service's side.
    let at_fault = own_side::file_at_fault(context, container, words.what.kind, &words.sample);
    let (file, origin) = at_fault.unzip();
    let stage = if own { Stage::Configure } else { Stage::Exchange };
    let settings = settings::relevant(container, words.link, Some(words.what.kind), file.as_deref());
    let mut what = words.what;
    if own {
        // Its own pair makes it a server; what it needs to dial others makes it a client.
        what.side = if link.is_some() { Side::Client } else { Side::Server };
    } else if link.is_some() && is_distrust(what.kind) {
        what.side = Side::Client;
    }
    let place = origin.as_ref().and_then(|origin| origin.file.clone());
    let origin = match words.link {
        // Whom a server refuses the login, it refuses to all who have it.
        Some(link) if what.kind == CauseKind::AuthNotTls => {
            Some(Origin { key: format!("login {}", link.service()), file: None })
        }
        _ => origin,
    };
    Some(
        Failure { origin, ..Failure::new(stage, Cause::Line(what)) }
            .because(said)
            .at(place.unwrap_or_else(|| container.service.clone()))
            .set_by(settings),
    )
}

/// It has said nothing yet; what it dials first and finds broken is what it waits for.
pub(crate) async fn waiting(context: &Context, container: &Instance, effect: Effect) -> Option<Failure> {
    for link in links_of(context, &container.service) {
        if let Some(found) = broken(context, container, *link, None).await
            && tells(&found, None)
        {
            return Some(chained(container, *link, found, effect));
        }
    }
    None
}

/// Whether what we met at Redis or NATS is what a service met: our login may be another than its own.
fn tells(found: &Failure, words: Option<CauseKind>) -> bool {
    !matches!(found.cause, Cause::Login) || words == Some(CauseKind::AuthNotTls)
}

/// The chain in a sentence: the service, what it cannot do, and what stands in its way.
pub(crate) fn chained(container: &Instance, link: Link, mut found: Failure, effect: Effect) -> Failure {
    let name = match link {
        Link::Nats => "NATS",
        Link::Redis => "Redis",
        other => other.service(),
    };
    let of_file = found.place.as_deref().is_some_and(|place| place.contains("/client/"));
    let cannot = match found.kind() {
        // The file is the one that clients show: what is wrong with it the server says.
        Some(CauseKind::Expired | CauseKind::NotYetValid | CauseKind::WrongKeyUsage) if of_file => {
            "get past the client check of"
        }
        Some(
            CauseKind::UnknownAuthority
            | CauseKind::BadSignature
            | CauseKind::Expired
            | CauseKind::NotYetValid
            | CauseKind::HostnameMismatch
            | CauseKind::WrongKeyUsage
            | CauseKind::InvalidCa,
        ) => "verify",
        Some(CauseKind::WrongSchemeTlsToPlain) => "speak TLS with",
        Some(CauseKind::AuthNotTls) => "log in to",
        Some(CauseKind::BadCertificate | CauseKind::ClientCertRequired) => "get past the client check of",
        _ => "reach",
    };
    let so = match effect {
        Effect::Down => "is down",
        Effect::Unconnected => "is not connected",
    };
    let why = if found.facts.is_empty() { String::new() } else { found.facts.remove(0) };
    let sentence = format!("{} {so} because it cannot {cannot} {name}: {why}", container.service);
    found.facts.insert(0, sentence.trim_end_matches([':', ' ']).to_owned());
    found
}

/// A client that refuses a server which we trust with the stack's CA is the side to change.
pub(crate) const fn is_distrust(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::UnknownAuthority | CauseKind::BadSignature | CauseKind::HostnameMismatch)
}

/// A container that is not there, by one name in every check: NATS and Redis are dialled by the name
/// that leaves Docker's DNS with them, the others by a published port that refuses.
pub(crate) fn gone(service: &str, variant: Variant) -> Cause {
    let kind = match service {
        "nats" | "redis" => CauseKind::Dns,
        _ => CauseKind::ConnectionRefused,
    };
    Cause::Container { kind, variant }
}

/// Kinds that are one fault under two names.
pub(crate) const fn alike(kind: CauseKind) -> CauseKind {
    match kind {
        CauseKind::BadSignature => CauseKind::UnknownAuthority,
        CauseKind::ClientCertRequired => CauseKind::BadCertificate,
        other => other,
    }
}

/// A live look at NATS or Redis, once a run: the container, then the wire. Nothing found means that it
/// is fine, or that nobody can tell from here.
pub async fn live(context: &Context, link: Link) -> Option<Failure> {
    let cell = match link {
        Link::Nats => &context.live_nats,
        Link::Redis => &context.live_redis,
        _ => return None,
    };
    cell.get_or_init(|| look_at(context, link)).await.clone()
}

/// What is wrong with NATS or Redis for a service that says `said`, or nothing: what everybody meets, or
/// what it alone does, dialling by a name which the certificate lacks or without TLS.
pub(crate) async fn broken(
    context: &Context,
    container: &Instance,
    link: Link,
    said: Option<CauseKind>,
) -> Option<Failure> {
    if let Some(found) = live(context, link).await {
        return Some(found);
    }
    match said {
        // Its name was what it met, or nobody knows what it met and no other service would fare better.
        Some(CauseKind::HostnameMismatch) => own_side::misnamed(context, container, link),
        None => own_side::misnamed(context, container, link)
            .filter(|found| found.place.as_deref() == Some(link.service())),
        Some(kind) if kind.is_transient() => own_side::without_tls(container, link),
        Some(_) => None,
    }
}

async fn look_at(context: &Context, link: Link) -> Option<Failure> {
    let server = match context.platform().await {
        Ok(engine) => engine.of_service(link.service()).next().map(|known| (engine, known)),
        Err(_) => None,
    };
    if let Some((engine, known)) = server {
        let container = engine.look(known).await.unwrap_or_else(|_| known.clone());
        if !container.is_up() {
            return Some(server_down(context, engine, &container).await);
        }
    }
    let mut failure = match link {
        Link::Nats => crate::nats::control(context).await.err().cloned()?,
        _ => {
            if let Some(answer) = crate::redis_tls::speaks_plaintext(context).await {
                Failure::new(Stage::Exchange, Cause::NotTls(crate::fault::Speaker::Redis))
                    .because(format!("Redis answers a plaintext PING with \"{answer}\""))
            } else {
                crate::redis_tls::logged_in(context).await.err()?
            }
        }
    };
    let nobody_can_tell =
        matches!(failure.cause, Cause::Unreachable | Cause::File(_) | Cause::BeyondUs | Cause::Other);
    if let (Some((engine, known)), Some(kind)) = (server, failure.kind())
        && kind.is_transient()
    {
        // It may have died since, or be in one more of its starts.
        let container = engine.look(known).await.unwrap_or_else(|_| known.clone());
        if !container.is_up() || is_looping(&container) {
            return Some(server_down(context, engine, &container).await);
        }
        if container.is_paused() || container.addresses.is_empty() {
            failure = failure.because(state_of(&container));
        }
    }
    if nobody_can_tell {
        return None;
    }
    // Our own file may be what is at fault.
    if failure.place.is_none() {
        failure = failure.at(link.service());
    }
    Some(crate::look::again(context, link, failure).await)
}

/// NATS or Redis does not run. A container that was stopped leaves Docker's DNS: the services say `no
/// such host`. One that died says of what.
async fn server_down(context: &Context, engine: &dyn Platform, container: &Instance) -> Failure {
    let service = container.service.clone();
    if (is_looping(container) || container.exit_code() != 0)
        && let Some(words) = words(context, engine, container, None).await
    {
        let at_fault = own_side::file_at_fault(context, container, words.what.kind, &words.sample);
        let (file, origin) = at_fault.unzip();
        let settings = match &file {
            Some(file) => settings::relevant(container, None, Some(words.what.kind), Some(file)),
            None => Vec::new(),
        };
        let place = origin.as_ref().and_then(|origin| origin.file.clone());
        return Failure { origin, ..Failure::new(Stage::Configure, Cause::Line(words.what)) }
            .because(format!("{} logged: {}", container.name, words.sample))
            .because(state_of(container))
            .at(place.unwrap_or(service))
            .set_by(settings);
    }
    let variant =
        if container.is_restarting() { Variant::ContainerRestarting } else { Variant::ContainerStopped };
    Failure::new(Stage::Resolve, gone(&service, variant)).because(state_of(container)).at(service)
}
