//! Proves that the worker's way to NATS works over TLS (INFO, handshake with CA and client
//! certificate, CONNECT, PING/PONG, a publish/subscribe round trip), and that nothing says that the
//! deployed worker is not connected that way. It cannot prove that jobs are handled.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use futures_util::{FutureExt, StreamExt};
use serde_json::{Value, json};

use crate::cause::{CauseKind, Variant};
use crate::context::{Check, Context, Need};
use crate::dial::before;
use crate::engine::{Container, Engine};
use crate::fault::{Cause, Failure, Stage};
use crate::logs;
use crate::monitor::{self, Connection};
use crate::nats;
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::peel::peel;
use crate::stack::Link;
use crate::tls::{self, ANY_VERSION, Offer, Trust};

pub const CHECK: Check = Check {
    number: 5,
    id: "worker-nats-tls",
    title: "The worker's NATS connection runs over TLS",
    about: "a session with the worker's identity and a round trip, and the deployed worker's own connection",
    documented: true,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

const SESSION: &str = "session with the worker's identity";

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let asks_for_certificate = match nats::control(context).await {
        Ok(greeted) => {
            seen.detail("tls", json!({ "version": greeted.version, "suite": greeted.suite }));
            match round_trip(context).await {
                Ok(()) => {
                    let what = format!("session and round trip over {}", greeted.version);
                    seen.worked(SESSION, Expects::Works, what);
                }
                Err(failure) => seen.failed(SESSION, Expects::Works, failure),
            }
            greeted.recording.asked_for_certificate.is_some()
        }
        Err(failure) => {
            seen.failed(SESSION, Expects::Works, failure.clone());
            false
        }
    };
    deployed(context, &mut seen, asks_for_certificate).await;
    seen
}

/// Publish and receive our own message through a real NATS client.
async fn round_trip(context: &Context) -> Result<(), Failure> {
    let stack = &context.stack;
    let endpoint = context.placed(Link::Nats).await;
    let identity = stack.identity.get().ok();
    let offer = Offer {
        trust: Trust::Only(stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity,
        alpn: &[],
        versions: ANY_VERSION,
    };
    let shown = identity.is_some();
    let (config, recorder) =
        tls::config(&offer, stack.judge_chain).map_err(|error| peel(&error, Stage::Configure, false))?;
    let mut options = async_nats::ConnectOptions::new()
        .name("tls-verify")
        .require_tls(true)
        .tls_client_config(config)
        .add_root_certificates(stack.anchors.file.clone())
        .connection_timeout(stack.timeout);
    if let (Some(user), Some(password)) = (&stack.nats_login.username, &stack.nats_login.password) {
        options = options.user_and_password(user.clone(), password.expose().to_owned());
    } else if let Some(token) = &stack.nats_login.token {
        options = options.token(token.expose().to_owned());
    }
    let deadline = context.attempt();
    let addresses = crate::dial::resolve(&endpoint, deadline).await?;
    let address = addresses.first().copied().ok_or_else(|| Failure::new(Stage::Resolve, Cause::Resolve))?;
    before(deadline, Stage::Exchange, async {
        let broke = |error: &(dyn std::error::Error + 'static)| {
            let mut failure = peel(error, Stage::Exchange, shown);
            crate::dial::refine(&mut failure, &tls::recorded(&recorder), &[]);
            failure
        };
        // The verifier knows the reference identity; the address is only where we dial. Every
        // address of the name is tried, as the first one may be IPv6 and unused.
        let mut client = None;
        let mut last = None;
        for candidate in std::iter::once(address).chain(addresses.iter().copied().skip(1)) {
            match options.clone().connect(format!("tls://{candidate}")).await {
                Ok(connected) => {
                    client = Some(connected);
                    break;
                }
                Err(error) => last = Some(broke(&error)),
            }
        }
        let Some(client) = client else {
            return Err(last.unwrap_or_else(|| Failure::new(Stage::Connect, Cause::Resolve)));
        };
        let subject = client.new_inbox();
        let mut inbox = client.subscribe(subject.clone()).await.map_err(|error| broke(&error))?;
        client.publish(subject, "tls-verify".into()).await.map_err(|error| broke(&error))?;
        client.flush().await.map_err(|error| broke(&error))?;
        let received = inbox.next().await;
        let _ = client.drain().await;
        match received {
            Some(message) if message.payload[..] == *b"tls-verify" => Ok(()),
            _ => Err(Failure::new(Stage::Exchange, Cause::Eof)
                .because("the message published to our own inbox did not come back")),
        }
    })
    .await
}

/// What is known of the deployed worker, strongest evidence first.
async fn deployed(context: &Context, seen: &mut Observation, asks_for_certificate: bool) {
    let stack = &context.stack;
    let name = format!("deployed worker `{}`", stack.worker);
    let engine = match context.engine().await {
        Ok(engine) => engine,
        Err(failure) => {
            if stack.worker_required {
                seen.untried(name, Expects::Works, failure.clone());
            } else {
                seen.summary = Some(
                    "proved with the worker's identity; Docker was not asked about a deployed worker"
                        .to_owned(),
                );
                monitored_only(context, seen).await;
            }
            return;
        }
    };
    let workers: Vec<&Container> = engine.of_service(&stack.worker).collect();
    let connections = monitor::connections(context).await;
    if let Ok((list, way)) = &connections {
        seen.detail("services", services(engine, list));
        seen.detail("monitoring", way.as_str());
    }
    if workers.is_empty() {
        if stack.worker_required {
            let failure = Failure::new(
                Stage::Connect,
                Cause::Container { kind: CauseKind::ConnectionRefused, variant: Variant::ContainerAbsent },
            )
            .because(format!("project `{}` has no container of service `{}`", stack.project, stack.worker))
            .at(stack.worker.clone());
            seen.failed(name, Expects::Works, failure);
        } else {
            seen.summary = Some("proved with the worker's identity; no worker is deployed".to_owned());
        }
        return;
    }
    for worker in workers {
        match of_worker(context, engine, worker, &connections, asks_for_certificate).await {
            Verdict::Connected(level, what) => {
                if level > seen.evidence {
                    seen.evidence = level;
                }
                seen.detail("worker_evidence", level.slug());
                seen.worked(name.clone(), Expects::Works, what);
            }
            Verdict::Broken(failure) => seen.failed(name.clone(), Expects::Works, failure),
            Verdict::Unclear(failure) => seen.untried(name.clone(), Expects::Works, failure),
        }
    }
}

/// Without an engine the monitoring of `demo` may still name the worker.
async fn monitored_only(context: &Context, seen: &mut Observation) {
    if context.stack.nats_monitoring.is_none() {
        return;
    }
    let Ok((list, way)) = monitor::connections(context).await else { return };
    let Some(row) = list.iter().find(|row| WORKER_NAMES.contains(&row.name.as_str())) else { return };
    let name = format!("deployed worker `{}`", context.stack.worker);
    seen.detail("monitoring", way);
    seen.summary = None;
    match over_tls(row, true) {
        Ok(what) => seen.worked(name, Expects::Works, what),
        Err(failure) => seen.failed(name, Expects::Works, failure),
    }
}

/// Connection names of the known workers.
const WORKER_NAMES: &[&str] = &["megacorp-agent-fleet", "demo-quickstart-greeter"];

enum Verdict {
    Connected(EvidenceLevel, String),
    Broken(Failure),
    Unclear(Failure),
}

async fn of_worker(
    context: &Context,
    engine: &Engine,
    worker: &Container,
    connections: &Result<(Vec<Connection>, String), Vec<String>>,
    asks_for_certificate: bool,
) -> Verdict {
    // The list is a moment old; a crash loop shows only in a fresh look.
    let fresh = engine.look(worker).await.unwrap_or_else(|_| worker.clone());
    if !fresh.is_up() {
        return Verdict::Broken(not_running(context, engine, &fresh).await);
    }
    let mut asked = Vec::new();
    match connections {
        Ok((list, way)) => {
            // A worker that just started may need a moment to connect.
            let mut rows: Vec<Connection> = list.clone();
            for round in 0..6 {
                if let Some(row) = rows.iter().find(|row| belongs(row, &fresh)) {
                    return match over_tls(row, asks_for_certificate) {
                        Ok(what) => Verdict::Connected(EvidenceLevel::Proved, format!("{what} ({way})")),
                        Err(failure) => Verdict::Broken(failure.at(worker.service.clone())),
                    };
                }
                let young = fresh.up_for(SystemTime::now()).is_some_and(|age| age < Duration::from_secs(10));
                if round == 5 || !young {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(300)).await;
                if let Ok((list, _)) = monitor::connections(context).await {
                    rows = list;
                }
            }
            let mut failure = absent(context, engine, &fresh).await;
            failure = failure.because(format!("NATS reports no connection of {} ({way})", fresh.name));
            return Verdict::Broken(failure);
        }
        Err(tried) => asked.extend(tried.iter().cloned()),
    }
    if let Some(level) = by_gateway(context, &fresh).await {
        return Verdict::Connected(EvidenceLevel::Observed, level);
    }
    by_log(context, engine, &fresh, asked).await
}

/// The row is the container's: by its address, which is unique in the project's network.
fn belongs(row: &Connection, container: &Container) -> bool {
    row.address().is_some_and(|address| container.addresses.contains(&address))
}

fn over_tls(row: &Connection, asks_for_certificate: bool) -> Result<String, Failure> {
    if row.tls_version.is_empty() {
        return Err(Failure::new(Stage::Session, Cause::Accepted { kind: CauseKind::MtlsNotEnforced })
            .because(format!("NATS reports `{}` from {} without TLS", row.name, row.ip)));
    }
    let subject = row.tls_peer_certs.first().map(|certificate| certificate.subject.as_str());
    match subject {
        None if asks_for_certificate => {
            Err(Failure::new(Stage::Session, Cause::Accepted { kind: CauseKind::MtlsNotEnforced })
                .because(format!("NATS reports `{}` from {} without a client certificate", row.name, row.ip)))
        }
        None => Ok(format!("`{}` is connected over TLS {}", row.name, row.tls_version)),
        Some(subject) => Ok(format!("`{}` is connected over TLS {} as {subject}", row.name, row.tls_version)),
    }
}

/// Every service's NATS connection: containers' addresses tell them apart.
fn services(engine: &Engine, list: &[Connection]) -> Value {
    let by_address: BTreeMap<IpAddr, &Container> = engine
        .containers
        .iter()
        .flat_map(|container| container.addresses.iter().map(move |address| (*address, container)))
        .collect();
    let rows = list
        .iter()
        .filter(|row| row.name != "tls-verify")
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

/// The worker is not there although it is deployed.
async fn not_running(context: &Context, engine: &Engine, worker: &Container) -> Failure {
    let (kind, variant, state) = if worker.restarting {
        let state = format!(
            "restarts again and again ({} times, last exit code {})",
            worker.restarts, worker.exit_code
        );
        (CauseKind::ConnectionRefused, Variant::ContainerRestarting, state)
    } else {
        let state = format!("is {} (exit code {})", worker.status, worker.exit_code);
        (CauseKind::ConnectionRefused, Variant::ContainerStopped, state)
    };
    let said = last_words(context, engine, worker).await;
    let failure = match said {
        Some(failure) => failure,
        None => Failure::new(Stage::Connect, Cause::Container { kind, variant }),
    };
    failure.because(format!("{} {state}", worker.name)).at(worker.service.clone())
}

/// The worker runs and has no connection.
async fn absent(context: &Context, engine: &Engine, worker: &Container) -> Failure {
    match last_words(context, engine, worker).await {
        Some(failure) => failure.at(worker.service.clone()),
        None => Failure::new(Stage::Session, Cause::Eof)
            .because(format!("{} runs, but holds no NATS connection", worker.name))
            .at(worker.service.clone()),
    }
}

/// The trouble in which a container's current or last run ended.
pub(crate) async fn last_words(context: &Context, engine: &Engine, container: &Container) -> Option<Failure> {
    let own = context.own_probes();
    let log = logs::of_container(&context.stack, engine, container, &own).await.ok()?;
    let runs = [Some(&log.present), log.previous.as_ref()];
    let trouble = runs.into_iter().flatten().find_map(|run| {
        run.troubles.iter().filter(|trouble| !trouble.recovered).max_by_key(|trouble| trouble.line)
    })?;
    Some(
        Failure::new(Stage::Exchange, Cause::Line(trouble.what.clone()))
            .because(format!("{} logged: {}", container.name, trouble.sample))
            .at(container.service.clone()),
    )
}

/// The gateway's list of workers: heartbeats arrive, the transport is not shown.
async fn by_gateway(context: &Context, worker: &Container) -> Option<String> {
    if context.stack.worker != "mock-bank-worker" {
        return None;
    }
    let answer = crate::http::get(context, &context.stack.gateway, "/api/v1/workers", true).await.ok()?;
    let json: Value = serde_json::from_slice(&answer.body).ok()?;
    // A worker leaves the list 30 s after its last heartbeat; younger starts prove nothing.
    let old_enough = worker.up_for(SystemTime::now()).is_some_and(|age| age > Duration::from_secs(35));
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
async fn by_log(context: &Context, engine: &Engine, worker: &Container, asked: Vec<String>) -> Verdict {
    let own = context.own_probes();
    let log = logs::of_container(&context.stack, engine, worker, &own).await;
    let mut failure = Failure::new(Stage::Exchange, Cause::Other).at(worker.service.clone());
    failure.facts = asked;
    match log {
        Ok(log) if log.present.lines == 0 => {
            Verdict::Unclear(failure.because(format!("the log of {} is empty", worker.name)))
        }
        Ok(log) => {
            let connected = log.present.works.contains(&Some(Link::Nats));
            let trouble = log.present.troubles.iter().find(|trouble| !trouble.recovered);
            match trouble {
                Some(trouble) if trouble.link != Some(Link::Redis) => Verdict::Broken(
                    Failure::new(Stage::Exchange, Cause::Line(trouble.what.clone()))
                        .because(format!("{} logged: {}", worker.name, trouble.sample))
                        .at(worker.service.clone()),
                ),
                _ if connected => Verdict::Connected(
                    EvidenceLevel::Logged,
                    "its log says that it connected since its last start".to_owned(),
                ),
                _ => Verdict::Unclear(
                    failure.because("its log since the last start does not say that it connected"),
                ),
            }
        }
        Err(error) => {
            Verdict::Unclear(failure.because(format!("the log of {} cannot be read: {error}", worker.name)))
        }
    }
}
