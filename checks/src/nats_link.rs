//! A container's NATS connection: by NATS monitoring, else by the gateway's word, else by its own log.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use tls_verify_core::diagnosis::rules;
use tls_verify_core::evidence::{Fact, LogFact, NatsFact, Subject};
use tls_verify_core::workload::Instance;

use crate::cause::{CauseKind, Variant};
use crate::context::Context;
use crate::fault::{Cause, Failure, Stage};
use crate::inspections;
use crate::investigate::{server, until};
use crate::logs;
use crate::monitor::{self, NatsClient};
use crate::nats;
use crate::observation::EvidenceLevel;
use crate::platform::Platform;
use crate::stack::Link;
use crate::standing;

/// What is known of a container's NATS connection.
pub(crate) enum NatsLinkVerdict {
    Connected(EvidenceLevel, String),
    Broken(Failure),
    Unclear(Failure),
}

/// Who started within it may need a moment more to connect.
pub(crate) const YOUNG: Duration = Duration::from_secs(10);
/// So often, and so far apart, that moment is waited for.
pub(crate) const ROUNDS: usize = 6;
pub(crate) const BETWEEN: Duration = Duration::from_millis(300);

/// What is known of a container's NATS connection, strongest evidence first.
pub(crate) async fn of_container(
    context: &Context,
    platform: &dyn Platform,
    worker: &Instance,
    connections: &Result<(Vec<NatsClient>, String), Vec<Fact>>,
    asks_for_certificate: bool,
) -> NatsLinkVerdict {
    // The list is a moment old; a crash loop shows only in a fresh look.
    let (fresh, fault) = standing::of(context, platform, worker).await;
    let state = fault.as_ref().map_or_else(
        || fresh.phase.word().to_owned(),
        |fault| inspections::result(&Err::<(), _>(fault.clone())),
    );
    inspections::note(worker.service.clone(), worker.name.clone(), state);
    if !fresh.is_up() {
        return NatsLinkVerdict::Broken(not_running(&fresh, context.now()));
    }
    // Whoever is frozen or hangs keeps its connections for a while, and does nothing with them.
    if let Some(fault) = fault.filter(|fault| fault.kind() == Some(CauseKind::Timeout)) {
        return NatsLinkVerdict::Broken(fault);
    }
    let mut asked: Vec<Fact> = Vec::new();
    match connections {
        // The host's address is nobody's own: whose a connection from there is cannot be told by it.
        Ok((list, way)) if fresh.configured.host_network => {
            let inside = |row: &NatsClient| platform.instances().any(|one| belongs(row, one));
            let outside = list.iter().filter(|row| row.name != "tls-verify" && !inside(row));
            let (who, outside, way) = (fresh.name.clone(), outside.count(), way.clone());
            asked.push(NatsFact::OnHostNetwork { who, outside, way }.into());
        }
        Ok((list, way)) => {
            // A worker that just started may need a moment to connect.
            let mut rows: Vec<NatsClient> = list.clone();
            for round in 0..ROUNDS {
                if let Some(row) = rows.iter().find(|row| belongs(row, &fresh)) {
                    return match over_tls(row, asks_for_certificate) {
                        Ok(what) => {
                            NatsLinkVerdict::Connected(EvidenceLevel::Proved, format!("{what} ({way})"))
                        }
                        Err(failure) => NatsLinkVerdict::Broken(failure.at(worker.service.clone())),
                    };
                }
                let young = fresh.up_for(context.now()).is_some_and(|age| age < YOUNG);
                // Nobody gets a connection to a broken NATS, however long we wait.
                let broken = server(context, Link::Nats).await;
                if round + 1 == ROUNDS || !young || broken.is_some() {
                    break;
                }
                tokio::time::sleep(BETWEEN).await;
                if let Ok((list, _)) = monitor::connections(context).await {
                    rows = list;
                }
            }
            let reported = NatsFact::NoConnectionOf { who: fresh.name.clone(), way: way.clone() };
            return NatsLinkVerdict::Broken(unconnected(&fresh).because(reported));
        }
        Err(tried) => asked.extend(tried.iter().cloned()),
    }
    if platform.was_connected(&fresh) == Some(false) {
        let (who, way) = (fresh.name.clone(), "when it was collected".to_owned());
        return NatsLinkVerdict::Broken(unconnected(&fresh).because(NatsFact::NoConnectionOf { who, way }));
    }
    if is_broken(context, &fresh).await {
        return NatsLinkVerdict::Broken(unconnected(&fresh));
    }
    if let Some(level) = by_gateway(context, &fresh).await {
        return NatsLinkVerdict::Connected(EvidenceLevel::Observed, level);
    }
    by_log(context, platform, &fresh, asked).await
}

/// What a claim about an instance's connection is about.
pub(crate) fn connection_of(instance: &Instance) -> Subject {
    Subject::Connection { service: instance.service.clone(), instance: instance.name.clone() }
}

/// The row is the container's: by its address, which is unique in the project's network.
pub(crate) fn belongs(row: &NatsClient, container: &Instance) -> bool {
    row.address().is_some_and(|address| container.addresses.contains(&address))
}

pub(crate) fn over_tls(row: &NatsClient, asks_for_certificate: bool) -> Result<String, Failure> {
    if row.tls_version.is_empty() {
        return Err(Failure::new(Stage::Session, Cause::Accepted { kind: CauseKind::MtlsNotEnforced })
            .because(NatsFact::ConnectedInClear { client: row.name.clone(), address: row.ip.to_string() }));
    }
    let subject = row.tls_peer_certs.first().map(|certificate| certificate.subject.as_str());
    match subject {
        None if asks_for_certificate => {
            Err(Failure::new(Stage::Session, Cause::Accepted { kind: CauseKind::MtlsNotEnforced }).because(
                NatsFact::ConnectedWithoutCertificate {
                    client: row.name.clone(),
                    address: row.ip.to_string(),
                },
            ))
        }
        None => Ok(format!("`{}` is connected over TLS {}", row.name, row.tls_version)),
        Some(subject) => Ok(format!("`{}` is connected over TLS {} as {subject}", row.name, row.tls_version)),
    }
}

/// Every service's NATS connection: containers' addresses tell them apart.
pub(crate) fn services(platform: &dyn Platform, list: &[NatsClient]) -> Value {
    let by_address: BTreeMap<IpAddr, &Instance> = platform
        .instances()
        .flat_map(|container| container.addresses.iter().map(move |address| (*address, container)))
        .collect();
    let rows = list
        .iter()
        // Our own sessions, and those of ours that have not said who they are.
        .filter(|row| row.name != "tls-verify")
        .filter(|row| {
            !row.name.is_empty() || row.address().is_some_and(|address| by_address.contains_key(&address))
        })
        .map(|row| {
            let service = row.address().and_then(|address| by_address.get(&address));
            json!({
                "service": service.map(|container| container.service.as_str()),
                "connection": row.name, "address": row.ip,
                "tls_version": if row.tls_version.is_empty() { Value::Null } else { row.tls_version.as_str().into() },
                "client_certificate": row.tls_peer_certs.first().map(|certificate| certificate.subject.as_str()),
            })
        })
        .collect();
    Value::Array(rows)
}

/// The instance is deployed and does not run.
fn not_running(instance: &Instance, now: SystemTime) -> Failure {
    let variant =
        if instance.is_restarting() { Variant::ContainerRestarting } else { Variant::ContainerStopped };
    Failure::new(Stage::Connect, Cause::Container { kind: CauseKind::ConnectionRefused, variant })
        .because(rules::state_of(instance, now))
        .at(instance.service.clone())
}

/// The instance runs and has no connection.
fn unconnected(instance: &Instance) -> Failure {
    Failure::new(Stage::Session, Cause::Eof)
        .because(Fact::Unconnected { who: instance.name.clone() })
        .at(instance.service.clone())
}

/// NATS is broken, for everybody or for this instance.
async fn is_broken(context: &Context, instance: &Instance) -> bool {
    let at = context.now();
    until(context, |known| rules::cannot_reach_nats(known, instance, at)).await.unwrap_or(false)
}

/// The gateway's list of workers: heartbeats arrive, the transport is not shown.
async fn by_gateway(context: &Context, worker: &Instance) -> Option<String> {
    if !context.stack.workers.iter().any(|name| name == "mock-bank-worker")
        || worker.service != "mock-bank-worker"
    {
        return None;
    }
    let answer = crate::http::get(context, &context.resolved(Link::Gateway).await, "/api/v1/workers", true)
        .await
        .ok()?;
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    // A worker leaves the list 30 s after its last heartbeat; younger starts prove nothing.
    let old_enough = worker.up_for(context.now()).is_some_and(|age| age > Duration::from_secs(35));
    let fresh = |item: &&Value| {
        item.get("heartbeat_age_seconds").and_then(Value::as_f64).is_some_and(|age| age < 30.0)
            && item.get("worker_id").and_then(Value::as_str).is_some_and(|id| id.starts_with("megacorp-"))
    };
    let alive = json.get("items")?.as_array()?.iter().filter(fresh).count();
    let demanded = nats::control(context).await.is_ok_and(|greeted| greeted.info.tls_required);
    (alive > 0 && old_enough && demanded)
        .then(|| format!("the gateway lists {alive} of its workers, and NATS accepts nothing but TLS"))
}

/// Its own log, after the connect, since its last start.
async fn by_log(
    context: &Context,
    platform: &dyn Platform,
    worker: &Instance,
    asked: Vec<Fact>,
) -> NatsLinkVerdict {
    let own = context.own_probes();
    let log = logs::of_container(context, platform, worker, &own).await;
    let mut failure = Failure::new(Stage::Exchange, Cause::Other).at(worker.service.clone());
    failure.facts = asked;
    match log {
        Ok(log) if log.present.lines == 0 => {
            NatsLinkVerdict::Unclear(failure.because(LogFact::Empty { who: worker.name.clone() }))
        }
        Ok(log) => {
            let connected = log.present.works.contains(&Some(Link::Nats));
            let open = || log.present.troubles.iter().filter(|trouble| !trouble.recovered);
            let of = |link: Option<Link>| open().find(|trouble| trouble.link == link);
            let said = |trouble: &logs::RunTrouble| Fact::Logged {
                who: worker.name.clone(),
                when: None,
                line: trouble.sample.clone(),
            };
            match (of(Some(Link::Nats)), of(None)) {
                // Without a link it is that of NATS as long as NATS has not been reached.
                (Some(trouble), _) | (None, Some(trouble)) if trouble.link.is_some() || !connected => {
                    NatsLinkVerdict::Broken(
                        Failure::new(Stage::Exchange, Cause::Line(trouble.what.clone()))
                            .because(said(trouble))
                            .at(worker.service.clone()),
                    )
                }
                (None, Some(trouble)) => NatsLinkVerdict::Unclear(failure.because(said(trouble))),
                _ if connected => NatsLinkVerdict::Connected(
                    EvidenceLevel::Logged,
                    "its log says that it connected since its last start".to_owned(),
                ),
                _ => NatsLinkVerdict::Unclear(failure.because(LogFact::SaysNothingOfNats)),
            }
        }
        Err(error) => NatsLinkVerdict::Unclear(
            failure.because(LogFact::Unreadable { who: worker.name.clone(), error: error.to_string() }),
        ),
    }
}
