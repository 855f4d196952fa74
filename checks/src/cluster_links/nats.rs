//! The routes between NATS servers: who has one to whom, by each server's own monitoring, and whether the port of
//! the routes speaks TLS and asks for a certificate.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Instant;

use futures_util::StreamExt;
use futures_util::future::join_all;
use serde::Deserialize;
use tls_verify_core::cluster::{Start, StartReader};
use tls_verify_core::evidence::{Fact, NatsFact};
use tls_verify_core::workload::Instance;

use super::Member;
use crate::cause::{CauseKind, Variant};
use crate::context::Context;
use crate::dial;
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::monitor;
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::platform::{LogPiece, Platform, is_of};
use crate::stack::Link;
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};

/// `/varz` as far as a cluster is concerned (nats-server 2.9 to 2.12).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Varz {
    server_id: String,
    cluster: NatsCluster,
}

/// `cluster` of `/varz`; empty where none is configured.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct NatsCluster {
    name: String,
    cluster_port: u16,
    /// `HOST:PORT` of the routes that its configuration has.
    urls: Vec<String>,
    tls_required: bool,
    tls_verify: bool,
}

/// `/routez`: several routes to each peer are usual (`pool_size`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Routez {
    routes: Vec<Route>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Route {
    remote_id: String,
}

/// What a server says of itself and of its routes.
struct NatsReply {
    varz: Varz,
    peers: BTreeSet<String>,
}

/// The port of the routes where nobody says another (every Cordum configuration).
const ROUTES: u16 = 6222;
/// Of a log no more is read to find why a route is missing.
const LOG: usize = 4 * 1024 * 1024;

pub(super) async fn inspect(
    context: &Context,
    platform: &Arc<dyn Platform>,
    members: &[Member],
    seen: &mut Observation,
) {
    let until = (Instant::now() + super::PATIENCE).min(context.attempt());
    let said = loop {
        let said = join_all(members.iter().map(|member| ask(platform.as_ref(), member))).await;
        if outsiders(members, &said).is_empty() || Instant::now() > until {
            break said;
        }
        tokio::time::sleep(super::PAUSE).await;
    };
    let clustered = |said: &Result<NatsReply, Vec<Fact>>| {
        said.as_ref().map_or(true, |said| said.varz.cluster.cluster_port != 0)
    };
    // Servers that need nothing of each other are no cluster.
    if !said.iter().any(clustered) {
        return;
    }
    let ports: Vec<Port> =
        join_all(members.iter().zip(&said).map(|(member, said)| port(context, platform, member, said))).await;
    let out = outsiders(members, &said);
    for (at, member) in members.iter().enumerate() {
        let name = &member.instance.name;
        let routes =
            seen.expect(format!("the routes of {name} speak TLS and ask for a certificate"), Expects::Works);
        match &ports[at] {
            Port::Tls(what) => seen.worked(routes, format!("{name}: {what}")),
            Port::Told => {
                seen.evidence = seen.evidence.max(EvidenceLevel::Observed);
                seen.worked(routes, format!("{name} says that its routes ask for TLS and a certificate"));
            }
            Port::Broken(failure) => seen.failed(routes, failure.clone()),
            Port::Unseen(failure) => seen.untried(routes, failure.clone()),
        }
        let is_in = seen.expect(format!("{name} is in the cluster"), Expects::Works);
        match (&member.fault, &said[at]) {
            (Some(fault), _) => seen.failed(is_in, fault.clone()),
            (None, Err(tried)) => {
                let mut failure =
                    Failure::new(Stage::Exchange, Cause::Other).at(member.instance.service.clone());
                failure = failure.because(NatsFact::MonitoringUnseen { member: name.clone() });
                failure.facts.extend(tried.iter().take(3).cloned());
                seen.untried(is_in, failure);
            }
            (None, Ok(_)) if out.contains(&at) => {
                let failure = why(context, platform.as_ref(), members, &said, at).await;
                seen.failed(is_in, failure);
            }
            (None, Ok(said)) => {
                seen.worked(is_in, format!("{name} holds routes to {} others", said.peers.len()))
            }
        }
    }
    for (host, who) in absent(members, &said) {
        let claim = seen.expect(format!("{host} is in the cluster"), Expects::Works);
        let gone = tls_verify_core::diagnosis::rules::gone("nats", Variant::ContainerAbsent);
        let failure =
            Failure::new(Stage::Resolve, gone).because(NatsFact::RouteToNobody { host, who }).at("nats");
        seen.failed(claim, failure);
    }
}

async fn ask(platform: &dyn Platform, member: &Member) -> Result<NatsReply, Vec<Fact>> {
    if member.fault.is_some() {
        return Err(Vec::new());
    }
    let (varz, _): (Varz, _) = monitor::ask(platform, &member.instance, "/varz").await?;
    let (routez, _): (Routez, _) = monitor::ask(platform, &member.instance, "/routez").await?;
    let peers = routez.routes.into_iter().map(|route| route.remote_id);
    let peers = peers.filter(|id| !id.is_empty() && *id != varz.server_id).collect();
    Ok(NatsReply { varz, peers })
}

/// Members without a route to one that is in; the worst connected of them are out, the rest know each other.
fn outsiders(members: &[Member], said: &[Result<NatsReply, Vec<Fact>>]) -> BTreeSet<usize> {
    let mut inside: BTreeMap<usize, &NatsReply> = BTreeMap::new();
    for (at, said) in said.iter().enumerate() {
        if let (Ok(said), None) = (said, &members[at].fault) {
            inside.insert(at, said);
        }
    }
    let linked = |one: &NatsReply, other: &NatsReply| {
        one.peers.contains(&other.varz.server_id) || other.peers.contains(&one.varz.server_id)
    };
    // Clusters of several names are joined by gateways, which are no routes.
    let meant = |one: &NatsReply, other: &NatsReply| {
        let names = [&one.varz.cluster.name, &other.varz.cluster.name];
        names[0] == names[1] || names.iter().any(|name| name.is_empty())
    };
    let mut out = BTreeSet::new();
    loop {
        let missing = |at: usize, one: &NatsReply| {
            inside
                .iter()
                .filter(|(peer, other)| **peer != at && meant(one, other) && !linked(one, other))
                .count()
        };
        let worst =
            inside.iter().map(|(at, one)| (missing(*at, one), *at)).filter(|(count, _)| *count > 0).max();
        let Some((_, at)) = worst else { return out };
        inside.remove(&at);
        out.insert(at);
    }
}

/// Hosts that a configuration has a route to, of the servers' own names, and that nobody is.
fn absent(members: &[Member], said: &[Result<NatsReply, Vec<Fact>>]) -> Vec<(String, String)> {
    let mut absent: BTreeMap<String, String> = BTreeMap::new();
    for (member, said) in members.iter().zip(said) {
        let Ok(said) = said else { continue };
        for url in &said.varz.cluster.urls {
            let host = url.rsplit_once(':').map_or(url.as_str(), |(host, _)| host);
            let first = host.split('.').next().unwrap_or_default();
            let known = |one: &Member| one.instance.name == first || one.instance.service == first;
            // `nats-3` beside `nats-1`: another name may be an alias, or a balancer's.
            let (stem, number) = first.rsplit_once('-').unwrap_or((first, ""));
            let numbered = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
            let sibling = members.iter().any(|one| {
                [&one.instance.name, &one.instance.service]
                    .iter()
                    .any(|name| is_of(name, stem) && name.as_str() != stem)
            });
            if numbered && sibling && !members.iter().any(known) {
                absent.entry(host.to_owned()).or_insert_with(|| member.instance.name.clone());
            }
        }
    }
    absent.into_iter().collect()
}

/// What the port of a server's routes does.
enum Port {
    /// TLS that asks for a certificate, as we saw.
    Tls(String),
    /// The same by the server's own word.
    Told,
    Broken(Failure),
    Unseen(Failure),
}

async fn port(
    context: &Context,
    platform: &Arc<dyn Platform>,
    member: &Member,
    said: &Result<NatsReply, Vec<Fact>>,
) -> Port {
    if let Some(fault) = &member.fault {
        return Port::Unseen(fault.clone());
    }
    let service = member.instance.service.clone();
    let cluster = said.as_ref().ok().map(|said| &said.varz.cluster);
    if cluster.is_some_and(|cluster| cluster.cluster_port == 0) {
        let failure = Failure::new(Stage::Configure, Cause::Other)
            .because(NatsFact::NoCluster { member: member.instance.name.clone() });
        return Port::Broken(failure.at(service));
    }
    let number = cluster.map_or(ROUTES, |cluster| cluster.cluster_port);
    let failure = match shake(context, platform, &member.instance, number).await {
        Ok(Some(what)) => return Port::Tls(what),
        Ok(None) => {
            let admitted = Cause::Accepted { kind: CauseKind::MtlsNotEnforced };
            let fact = NatsFact::RoutesOfAnybody { member: member.instance.name.clone() };
            return Port::Broken(Failure::new(Stage::Session, admitted).because(fact).at(service));
        }
        Err(failure) => failure,
    };
    let fact = NatsFact::RoutesInClear { member: member.instance.name.clone() };
    if matches!(failure.cause, Cause::NotTls(WireProtocol::NatsPlain)) {
        return Port::Broken(failure.because(fact).at(service));
    }
    match cluster {
        // Its own word: a certificate of another authority than ours may be meant for the routes alone.
        Some(cluster) if cluster.tls_required && cluster.tls_verify => Port::Told,
        Some(cluster) if !cluster.tls_required => {
            let plain = Failure::new(Stage::Configure, Cause::NotTls(WireProtocol::NatsPlain));
            Port::Broken(plain.because(fact).at(service))
        }
        _ => Port::Unseen(failure),
    }
}

/// A handshake at the port of the routes, with our identity: the version, or nothing where it asks for no
/// certificate. The routes may have an authority of their own, so nothing is verified here; nothing is sent either.
async fn shake(
    context: &Context,
    platform: &Arc<dyn Platform>,
    instance: &Instance,
    port: u16,
) -> Result<Option<String>, Failure> {
    let deadline = context.attempt();
    let endpoint = context.at_port(platform, Link::Nats, instance, port).await;
    let (tap, address) = dial::connect(&endpoint, deadline).await?;
    context.own(tap.local());
    let offer = Offer {
        trust: TrustMode::Observe(context.stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity: context.stack.identity.get().ok(),
        alpn: &[],
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    let dialled = dial::handshake(tap, address, &offer, deadline).await.map_err(|broken| broken.failure)?;
    let asked = dialled.recording().asked_for_certificate.is_some();
    let (version, _, _) = dialled.negotiated();
    Ok(asked.then(|| format!("{version} at its port {port}, which asks for a certificate")))
}

/// Why a server has no route to the others: what it and its peers logged of each other.
async fn why(
    context: &Context,
    platform: &dyn Platform,
    members: &[Member],
    said: &[Result<NatsReply, Vec<Fact>>],
    at: usize,
) -> Failure {
    let member = &members[at].instance;
    let missing: Vec<String> = members
        .iter()
        .zip(said)
        .filter(|(other, theirs)| {
            let theirs = theirs.as_ref().ok();
            let mine = said[at].as_ref().ok();
            let both = mine.zip(theirs);
            other.instance.name != member.name
                && both.is_some_and(|(mine, theirs)| {
                    !mine.peers.contains(&theirs.varz.server_id)
                        && !theirs.peers.contains(&mine.varz.server_id)
                })
        })
        .map(|(other, _)| other.instance.name.clone())
        .collect();
    let bare = Failure::new(Stage::Session, Cause::Other).at(member.service.clone());
    let no_route = NatsFact::NoRoute { member: member.name.clone(), to: missing.clone() };
    let mut found: Vec<(u8, Failure)> = Vec::new();
    for one in
        members.iter().filter(|one| one.instance.name == member.name || missing.contains(&one.instance.name))
    {
        let Some(start) = read(context, platform, &one.instance).await else { continue };
        let mine = one.instance.name == member.name;
        for (peer, route) in &start.routes {
            // A peer's log counts where it is about this one.
            let meant = mine || member.addresses.iter().any(|address| address.to_string() == *peer);
            if let (true, false, Some(error), Some(what)) = (meant, route.up, &route.error, &route.what) {
                let fact = Fact::Logged { who: one.instance.name.clone(), when: None, line: error.clone() };
                let failure = Failure { cause: Cause::Line(what.clone()), ..bare.clone() }.because(fact);
                // A verdict on a certificate tells more than the alert that it sends.
                found.push((
                    u8::from(matches!(what.kind, CauseKind::BadCertificate | CauseKind::ConnectionReset)),
                    failure,
                ));
            }
        }
    }
    found.sort_by_key(|(weight, _)| *weight);
    let known = found.into_iter().map(|(_, failure)| failure).reduce(|mut first, other| {
        for fact in other.facts {
            first = first.because(fact);
        }
        first
    });
    match known {
        Some(failure) => failure.because(no_route),
        None => bare.because(no_route),
    }
}

/// The present start as the server logged it.
async fn read(context: &Context, platform: &dyn Platform, instance: &Instance) -> Option<Start> {
    let mut reader = StartReader::default();
    let mut pieces = platform.logs(instance, instance.log_begins());
    let mut bytes = 0;
    let deadline = context.attempt();
    while let Ok(Some(Ok(piece))) = tokio::time::timeout_at(deadline.into(), pieces.next()).await {
        match piece {
            LogPiece::Bytes(piece) => {
                bytes += piece.len();
                reader.feed(&piece);
            }
            LogPiece::PresentStart => reader = StartReader::default(),
        }
        if bytes > LOG {
            break;
        }
    }
    Some(reader.finish())
}
