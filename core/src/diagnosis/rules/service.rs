//! Why a service is down, does not answer, or lacks a connection: from its state and its last words to where
//! it began.

use std::time::{Duration, SystemTime};

use super::client;
use super::words::{termination_log, words};
use crate::cause::{CauseKind, Side, Variant};
use crate::diagnosis::settings;
use crate::diagnosis::{Asked, Known};
use crate::evidence::fault::{Cause, Failure, FaultIdentity, Stage};
use crate::evidence::{Fact, InstanceState, LinkEffect, PlatformFact, ServiceState};
use crate::link::Link;
use crate::workload::Instance;

/// A start younger than this, of a container that restarted before, may be one more of a crash loop.
const YOUNG: Duration = Duration::from_secs(20);

/// An instance as it was when it was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen<'a> {
    pub(super) instance: &'a Instance,
    pub(super) at: SystemTime,
}

/// In a crash loop: between two starts, or in a young start after several that have ended. One restart is none.
#[must_use]
pub fn is_looping(instance: &Instance, at: SystemTime) -> bool {
    instance.is_restarting()
        || (instance.restarts > 1
            && instance.healthy != Some(true)
            && instance.up_for(at).is_some_and(|age| age < YOUNG))
}

/// How the instance stands.
#[must_use]
pub fn state_of(instance: &Instance, at: SystemTime) -> Fact {
    let who = instance.name.clone();
    Fact::State(if is_looping(instance, at) {
        let exit = (!instance.is_up()).then(|| instance.exit_code());
        InstanceState::Looping { who, restarts: instance.restarts, exit }
    } else if instance.is_paused() {
        InstanceState::Paused { who }
    } else if instance.is_up() && instance.addresses.is_empty() && !instance.configured.host_network {
        InstanceState::WithoutNetwork { who }
    } else if instance.is_up() {
        InstanceState::Running { who }
    } else {
        InstanceState::Ended { who, phase: instance.phase.word(), exit: instance.exit_code() }
    })
}

/// A line of an instance's log as a fact.
pub(super) fn logged(instance: &Instance, line: &str) -> Fact {
    Fact::Logged { who: instance.name.clone(), when: None, line: line.to_owned() }
}

impl Seen<'_> {
    pub(super) fn is_looping(self) -> bool {
        is_looping(self.instance, self.at)
    }

    pub(super) fn state(self) -> Fact {
        state_of(self.instance, self.at)
    }

    /// It ended, or keeps ending, in an error.
    pub(super) fn crashed(self) -> bool {
        self.instance.is_restarting() || self.instance.exit_code() != 0
    }
}

/// The links that a service of the stack dials itself, in the order in which it does so at its start.
fn links_of(known: Known<'_>, service: &str) -> &'static [Link] {
    const BOTH: &[Link] = &[Link::Redis, Link::Nats];
    let is = |name: &str| service.starts_with(name);
    if is("context-engine") {
        &[Link::Redis]
    } else if ["api-gateway", "scheduler", "workflow-engine", "safety-kernel", "demo-quickstart-worker"]
        .iter()
        .any(|name| is(name))
        || known.premises.workers.iter().any(|name| is(name))
    {
        BOTH
    } else {
        &[]
    }
}

/// A container that is not there, by one name in every check: NATS and Redis are dialled by the name
/// that leaves Docker's DNS with them, the others by a published port that refuses.
#[must_use]
pub fn gone(service: &str, variant: Variant) -> Cause {
    let kind = match service {
        "nats" | "redis" => CauseKind::Dns,
        _ => CauseKind::ConnectionRefused,
    };
    Cause::Container { kind, variant }
}

/// Why a service does not answer on a link.
pub(super) fn silent(known: Known<'_>, service: &str, link: Link) -> Asked<Option<Failure>> {
    let seen = match known.state(service, None)? {
        ServiceState::Unasked => return Ok(None),
        ServiceState::Absent(lacks) => {
            let absent = Failure::new(Stage::Connect, gone(service, Variant::ContainerAbsent));
            return Ok(Some(absent.because(lacks.clone()).at(service)));
        }
        ServiceState::Is { instance, at } => Seen { instance, at: *at },
    };
    let bare =
        |variant| Failure::new(Stage::Connect, gone(service, variant)).because(seen.state()).at(service);
    if seen.instance.is_down() {
        if seen.instance.exit_code() != 0
            && words(known, seen, None)?.is_some()
            && let Some(found) = down(known, seen, LinkEffect::Down)?
        {
            return Ok(Some(found.because(seen.state())));
        }
        return Ok(Some(bare(Variant::ContainerStopped)));
    }
    if seen.is_looping() {
        if let Some(found) = down(known, seen, LinkEffect::Down)? {
            return Ok(Some(found.because(seen.state())));
        }
        let said = termination_log(known, seen)?;
        return Ok(Some(said.into_iter().fold(bare(Variant::ContainerRestarting), Failure::because)));
    }
    if seen.instance.is_paused() {
        let kind = CauseKind::Timeout;
        let frozen = Cause::Container { kind, variant: Variant::ContainerPaused };
        return Ok(Some(Failure::new(Stage::Connect, frozen).because(seen.state()).at(service)));
    }
    // It runs: does anything listen in it? Docker's proxy accepts for a container that does not.
    // Its port is known for the link's own service alone.
    if service.starts_with(link.service()) && known.listens(seen.instance, link)? == Some(false) {
        let fact = Fact::Deaf { who: seen.instance.name.clone(), port: link.container_port() };
        return Ok(Some(match down(known, seen, LinkEffect::Down)? {
            Some(found) => found.because(fact),
            None => Failure::new(Stage::Connect, Cause::Refused { nothing_listens: true })
                .because(fact)
                .at(service),
        }));
    }
    let is_still = known.stands_still(seen.instance)?;
    Ok(is_still.then(|| hung(service, PlatformFact::ProcessStopped { who: seen.instance.name.clone() })))
}

/// It runs, and does nothing.
#[must_use]
pub fn hung(service: &str, fact: PlatformFact) -> Failure {
    let cause = Cause::Container { kind: CauseKind::Timeout, variant: Variant::ContainerHung };
    Failure::new(Stage::Exchange, cause).because(fact).at(service)
}

/// Why an instance has no connection to NATS; `symptom` says that it has none.
pub(super) fn unconnected(
    known: Known<'_>,
    service: &str,
    instance: &str,
    symptom: Failure,
) -> Asked<Failure> {
    let ServiceState::Is { instance, at } = known.state(service, Some(instance))? else { return Ok(symptom) };
    let seen = Seen { instance, at: *at };
    let bare = |variant| {
        let cause = Cause::Container { kind: CauseKind::ConnectionRefused, variant };
        Failure::new(Stage::Connect, cause).because(seen.state()).at(service)
    };
    // What the symptom says beside that there is none: who said so.
    let witnesses = |found: Failure| symptom.facts.iter().skip(1).cloned().fold(found, Failure::because);
    if !seen.instance.is_up() {
        if seen.crashed()
            && let Some(found) = down(known, seen, LinkEffect::Down)?
        {
            return Ok(found.because(seen.state()));
        }
        let restarting = seen.instance.is_restarting();
        let bare = bare(if restarting { Variant::ContainerRestarting } else { Variant::ContainerStopped });
        let said = if seen.crashed() { termination_log(known, seen)? } else { None };
        return Ok(said.into_iter().fold(bare, Failure::because));
    }
    if seen.is_looping() {
        return Ok(witnesses(match down(known, seen, LinkEffect::Down)? {
            Some(found) => found.because(seen.state()),
            None => termination_log(known, seen)?
                .into_iter()
                .fold(bare(Variant::ContainerRestarting), Failure::because),
        }));
    }
    // A broken NATS is why a running service is not connected, whatever else it complains of.
    let found = match broken(known, seen, Link::Nats, None)? {
        Some(found) if !matches!(found.cause, Cause::Login) => {
            Some(chained(seen, Link::Nats, found, LinkEffect::Unconnected))
        }
        _ => down(known, seen, LinkEffect::Unconnected)?,
    };
    Ok(found.map_or_else(|| symptom.clone(), witnesses))
}

/// Why an instance is down or lacks its links, as far as its log and a live look tell.
pub(super) fn down(known: Known<'_>, seen: Seen<'_>, effect: LinkEffect) -> Asked<Option<Failure>> {
    let service = &seen.instance.service;
    // A service that runs without NATS has that from nothing else than NATS.
    let about = (effect == LinkEffect::Unconnected).then_some(Link::Nats);
    let Some(words) = words(known, seen, about)? else { return waiting(known, seen, effect) };
    let said = logged(seen.instance, &words.sample);
    let links = links_of(known, service);
    let link = words.link.filter(|link| links.contains(link));
    // What it could not read is its own, whatever else is broken.
    let own = matches!(words.what.kind, CauseKind::BadKeyFile | CauseKind::KeyMismatch);
    // Words about a connection may name its end by an address alone.
    let far = || client::far_link(seen.instance, links, &words.sample);
    let transient = words.what.kind.is_transient();
    if let (false, Some(link)) = (own, link.or_else(|| words.link.is_none().then(far).flatten()))
        && let Some(found) = broken(known, seen, link, Some(words.what.kind))?
        && tells(&found, Some(words.what.kind))
    {
        return Ok(Some(chained(seen, link, found, effect).because(said)));
    }
    if !own
        && words.link.is_none()
        && transient
        && let Some(found) = waiting(known, seen, effect)?
    {
        return Ok(Some(found.because(said)));
    }
    // It gave up over trouble that has gone since: what it needs is a start.
    if seen.instance.is_down() && transient {
        let gone = gone(service, Variant::ContainerStopped);
        return Ok(Some(Failure::new(Stage::Connect, gone).because(seen.state()).because(said).at(service)));
    }
    // Its links are fine: what is wrong is on the service's side.
    let at_fault = client::file_at_fault(known, seen.instance, words.what.kind, &words.sample)?;
    let (file, identity) = at_fault.unzip();
    let stage = if own { Stage::Configure } else { Stage::Exchange };
    let settings = settings::relevant(seen.instance, words.link, Some(words.what.kind), file.as_deref());
    let mut what = words.what.clone();
    if own {
        // Its own pair makes it a server; what it needs to dial others makes it a client.
        what.side = if link.is_some() { Side::Client } else { Side::Server };
    } else if link.is_some() && is_distrust(what.kind) {
        what.side = Side::Client;
    }
    let place = identity.as_ref().and_then(FaultIdentity::file).map(str::to_owned);
    let identity = match words.link {
        // Whom a server refuses the login, it refuses to all who have it.
        Some(link) if what.kind == CauseKind::AuthNotTls => Some(FaultIdentity::Login(link)),
        _ => identity,
    };
    Ok(Some(
        Failure { identity, ..Failure::new(stage, Cause::Line(what)) }
            .because(said)
            .at(place.unwrap_or_else(|| service.clone()))
            .set_by(settings),
    ))
}

/// It has said nothing yet; what it dials first and finds broken is what it waits for.
fn waiting(known: Known<'_>, seen: Seen<'_>, effect: LinkEffect) -> Asked<Option<Failure>> {
    for link in links_of(known, &seen.instance.service) {
        if let Some(found) = broken(known, seen, *link, None)?
            && tells(&found, None)
        {
            return Ok(Some(chained(seen, *link, found, effect)));
        }
    }
    Ok(None)
}

/// Whether what we met at Redis or NATS is what a service met: our login may be another than its own.
fn tells(found: &Failure, words: Option<CauseKind>) -> bool {
    !matches!(found.cause, Cause::Login) || words == Some(CauseKind::AuthNotTls)
}

/// What is wrong with NATS or Redis for a service that says `said`, or nothing: what everybody meets, or
/// what it alone does, dialling by a name which the certificate lacks or without TLS.
fn broken(known: Known<'_>, seen: Seen<'_>, link: Link, said: Option<CauseKind>) -> Asked<Option<Failure>> {
    if let Some(found) = known.server(link)? {
        return Ok(Some(found.clone()));
    }
    Ok(match said {
        // Its name was what it met, or nobody knows what it met and no other service would fare better.
        Some(CauseKind::HostnameMismatch) => client::misnamed(known, seen.instance, link)?,
        None => client::misnamed(known, seen.instance, link)?
            .filter(|found| found.place.as_deref() == Some(link.service())),
        Some(kind) if kind.is_transient() => client::without_tls(seen.instance, link),
        Some(_) => None,
    })
}

/// NATS is broken, for everybody or for this instance; its login is another than ours.
///
/// # Errors
/// The question that has to be answered first.
pub fn cannot_reach_nats(known: Known<'_>, instance: &Instance, at: SystemTime) -> Asked<bool> {
    let found = broken(known, Seen { instance, at }, Link::Nats, None)?;
    Ok(found.is_some_and(|found| !matches!(found.cause, Cause::Login)))
}

/// The chain: the service, what it cannot do, and what stands in its way.
fn chained(seen: Seen<'_>, link: Link, mut found: Failure, effect: LinkEffect) -> Failure {
    let why = if found.facts.is_empty() { String::new() } else { found.facts.remove(0).to_string() };
    let chain = Fact::Chained {
        service: seen.instance.service.clone(),
        effect,
        link,
        because: found.kind(),
        of_client_file: found.place.as_deref().is_some_and(|place| place.contains("/client/")),
        why,
    };
    found.facts.insert(0, chain);
    found
}

/// A client that refuses a server which we trust with the stack's CA is the side to change.
pub(super) const fn is_distrust(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::UnknownAuthority | CauseKind::BadSignature | CauseKind::HostnameMismatch)
}
