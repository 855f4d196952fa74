//! Proves that the worker's way to NATS works over TLS (INFO, handshake with CA and client
//! certificate, CONNECT, PING/PONG, a publish/subscribe round trip), and that nothing says that the
//! deployed worker is not connected that way. It cannot prove that jobs are handled.

use futures_util::{FutureExt, StreamExt};
use serde_json::json;

use tls_verify_core::workload::Instance;

use crate::bound::Bounded;
use crate::cause::{CauseKind, Variant};
use crate::context::{Check, Context, Dials, Need};
use crate::dial::before;
use crate::enforcement;
use crate::fault::{Cause, Failure, Stage};
use crate::monitor;
use crate::nats;
use crate::nats_link::{NatsLinkVerdict, connection_of, of_container, over_tls, services};
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::peel::peel;
use crate::platform::{Platform, is_of};
use crate::relay::Relay;
use crate::stack::{Endpoint, Link};
use crate::tls;
use tls_verify_core::evidence::NatsFact;

pub const CHECK: Check = Check {
    number: 5,
    id: "worker-nats-tls",
    title: "The worker's NATS connection runs over TLS",
    about: "a session with the worker's identity and a round trip, and the deployed worker's own connection",
    documented: true,
    link: Link::Nats,
    over: &[Link::Nats],
    dials: Dials::Verified,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

const SESSION: &str = "session with the worker's identity";

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let session = seen.expect(SESSION, Expects::Works);
    let mut ours_at_fault = false;
    let asks_for_certificate = match nats::control(context).await {
        Ok(greeted) => {
            seen.detail("tls", json!({ "version": greeted.version, "suite": greeted.suite }));
            match round_trip(context, &context.resolved(Link::Nats).await).await {
                Ok(()) => {
                    let what = format!("session and round trip over {}", greeted.version);
                    seen.worked(session, what);
                }
                Err(failure) => seen.failed(session, failure),
            }
            greeted.recording.asked_for_certificate.is_some()
        }
        Err(failure) => {
            ours_at_fault = failure.stage == Stage::Configure;
            seen.failed(session, failure.clone());
            false
        }
    };
    // Workers dial whichever of several servers their list or DNS gives them. Without our own files every one of
    // them would be blamed for what they lack.
    let servers = if ours_at_fault { Vec::new() } else { context.replicas(Link::Nats).await };
    for replica in servers {
        if replica.name.is_none() {
            continue;
        }
        let session = seen.expect(replica.step(SESSION), Expects::Works);
        match round_trip(context, &replica.endpoint).await {
            Ok(()) => seen.worked(session, "session and round trip"),
            Err(failure) => seen.failed(session, replica.met(failure)),
        }
    }
    deployed(context, &mut seen, asks_for_certificate).await;
    seen
}

/// A greeting, a login and a round trip are some KiB.
const TRAFFIC_LIMIT: usize = 512 * 1024;

/// Publish and receive our own message through a real NATS client. The session's TLS is ours: the library
/// would load the platform's certificate store before it dials, and fail where the caller's
/// `SSL_CERT_FILE` or `SSL_CERT_DIR` names something that cannot be read.
async fn round_trip(context: &Context, endpoint: &Endpoint) -> Result<(), Failure> {
    let stack = &context.stack;
    let identity = stack.identity.get().ok();
    let deadline = context.attempt();
    let upgraded = nats::upgrade(context, endpoint, identity, deadline).await;
    let (info, dialled) = upgraded.map_err(|(_, broken)| broken.failure)?;
    let (shown, recorder) = (dialled.identity_shown, std::sync::Arc::clone(&dialled.recorder));
    let broke = |error: &(dyn std::error::Error + 'static)| {
        let mut failure = peel(error, Stage::Exchange, shown);
        crate::dial::refine(&mut failure, &tls::recorded(&recorder), &[]);
        failure
    };
    // The library collects whatever it is sent: it is given a bounded way.
    let session = Bounded::new(dialled.stream, TRAFFIC_LIMIT);
    let relay = Relay::start(session, &info, stack.nats_login.clone())
        .await
        .map_err(|error| peel(&error, Stage::Configure, false))?;
    let options = async_nats::ConnectOptions::new()
        .name("tls-verify")
        .token(relay.ticket.clone())
        .ignore_discovered_servers()
        // One session is all we want: without a limit a client whose way has ended dials it for ever.
        .max_reconnects(1)
        .connection_timeout(stack.timeout);
    let spoken = before(deadline, Stage::Exchange, async {
        let client =
            options.connect(format!("nats://{}", relay.address)).await.map_err(|error| broke(&error))?;
        let subject = client.new_inbox();
        let mut inbox = client.subscribe(subject.clone()).await.map_err(|error| broke(&error))?;
        client.publish(subject, "tls-verify".into()).await.map_err(|error| broke(&error))?;
        client.flush().await.map_err(|error| broke(&error))?;
        let received = inbox.next().await;
        let _ = client.drain().await;
        match received {
            Some(message) if message.payload[..] == *b"tls-verify" => Ok(()),
            _ => Err(Failure::new(Stage::Exchange, Cause::Eof).because(NatsFact::OwnMessageLost)),
        }
    });
    // The library sees only that its way ended, and may wait; why the session behind it did is kept there.
    // A server's last words tell more than that it closed behind them.
    spoken.await.map_err(|failure| match relay.broke() {
        Some(error) if matches!(failure.cause, Cause::TimedOut) => broke(&error),
        Some(error) if error.kind() != std::io::ErrorKind::UnexpectedEof => match failure.cause {
            Cause::Login => failure,
            _ => broke(&error),
        },
        _ => failure,
    })
}

/// What is known of the deployed worker, strongest evidence first.
async fn deployed(context: &Context, seen: &mut Observation, asks_for_certificate: bool) {
    let stack = &context.stack;
    let platform = match context.platform().await {
        Ok(platform) => platform,
        Err(failure) => {
            if stack.worker_required {
                for worker in &stack.workers {
                    let connected = seen.expect(format!("deployed worker `{worker}`"), Expects::Works);
                    seen.untried(connected, failure.clone());
                }
            } else {
                seen.summary = Some(
                    "proved with the worker's identity; Docker was not asked about a deployed worker"
                        .to_owned(),
                );
                monitored_only(context, seen, asks_for_certificate).await;
            }
            return;
        }
    };
    let workers = workers(context, platform);
    let connections = monitor::connections(context).await;
    if let Ok((list, way)) = &connections {
        seen.detail("services", services(platform, list));
        seen.detail("monitoring", way.as_str());
    }
    if stack.worker_required {
        let is_deployed = |name: &String| workers.iter().any(|one| is_of(&one.service, name));
        for missing in stack.workers.iter().filter(|name| !is_deployed(name)) {
            let failure = Failure::new(
                Stage::Connect,
                Cause::Container { kind: CauseKind::ConnectionRefused, variant: Variant::ContainerAbsent },
            )
            .because(platform.lacks(missing))
            .at(missing.clone());
            let connected = seen.expect(format!("deployed worker `{missing}`"), Expects::Works);
            seen.failed(connected, failure);
        }
    } else if workers.is_empty() {
        seen.summary = Some("proved with the worker's identity; no worker is deployed".to_owned());
    }
    for worker in workers {
        let connected = seen.expect(format!("deployed worker `{}`", worker.service), Expects::Works);
        seen.about(&connected, connection_of(worker));
        if let Some(failure) = enforcement::nats(worker) {
            let verifies = seen.expect(format!("{} verifies NATS", worker.name), Expects::Works);
            seen.failed(verifies, failure);
        }
        match of_container(context, platform, worker, &connections, asks_for_certificate).await {
            NatsLinkVerdict::Connected(level, what) => {
                if level > seen.evidence {
                    seen.evidence = level;
                }
                seen.detail("worker_evidence", level.slug());
                seen.worked(connected, what);
            }
            NatsLinkVerdict::Broken(failure) => seen.failed(connected, failure),
            NatsLinkVerdict::Unclear(failure) => seen.untried(connected, failure),
        }
    }
}

/// Every deployed worker: the named one, the demo's other one, and whoever else dials NATS beside the core.
fn workers<'a>(context: &Context, platform: &'a dyn Platform) -> Vec<&'a Instance> {
    let known: Vec<&str> =
        context.stack.workers.iter().map(String::as_str).chain(["demo-quickstart-worker"]).collect();
    let core = |one: &Instance| {
        let other =
            ["nats", "redis", "dashboard", "api-gateway", "scheduler", "safety-kernel", "workflow-engine"];
        other.iter().chain(&["context-engine"]).any(|name| is_of(&one.service, name))
            || context.stack.services.iter().any(|name| is_of(&one.service, name))
    };
    let works = |one: &&Instance| {
        known.iter().any(|name| is_of(&one.service, name))
            || (one.variable("NATS_URL").is_some() && !core(one))
    };
    platform.instances().filter(|one| one.current || one.is_up()).filter(works).collect()
}

/// Without an engine the monitoring of `demo` may still name the worker.
async fn monitored_only(context: &Context, seen: &mut Observation, asks_for_certificate: bool) {
    let Ok((list, way)) = monitor::connections(context).await else { return };
    let Some(row) = list.iter().find(|row| WORKER_NAMES.contains(&row.name.as_str())) else { return };
    let name = format!("deployed worker `{}`", context.stack.workers.join("`, `"));
    seen.detail("monitoring", way);
    seen.summary = None;
    let connected = seen.expect(name, Expects::Works);
    match over_tls(row, asks_for_certificate) {
        Ok(what) => seen.worked(connected, what),
        Err(failure) => seen.failed(connected, failure),
    }
}

/// Connection names of the known workers.
const WORKER_NAMES: &[&str] = &["megacorp-agent-fleet", "demo-quickstart-greeter"];
