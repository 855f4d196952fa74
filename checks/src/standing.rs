//! How a container stands now: up and answering, frozen, hung, between two starts, or ended.

use std::time::{Duration, Instant, SystemTime};

use tls_verify_core::diagnosis::rules::{gone, hung, is_looping, state_of};
use tls_verify_core::evidence::PlatformFact;
use tls_verify_core::workload::Instance;

use crate::cause::{CauseKind, Variant};
use crate::context::Context;
use crate::dial::{self, Tap};
use crate::fault::{Cause, Failure, Stage};
use crate::http;
use crate::platform::{Platform, is_of};
use crate::stack::Link;
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};

/// A fresh look at an instance, and what keeps it from doing its work, if anything.
pub(crate) async fn of(
    context: &Context,
    platform: &dyn Platform,
    known: &Instance,
) -> (Instance, Option<Failure>) {
    let fresh = platform.inspect(known).await.unwrap_or_else(|_| known.clone());
    let fault = match state(&fresh, platform.now()) {
        Some(failure) => Some(failure),
        None if fresh.is_up() => hangs(context, platform, &fresh).await,
        None => None,
    };
    (fresh, fault)
}

/// What the platform's word for it means; nothing: it runs, or nobody knows.
pub(crate) fn state(container: &Instance, now: SystemTime) -> Option<Failure> {
    let cause = if container.is_paused() {
        Cause::Container { kind: CauseKind::Timeout, variant: Variant::ContainerPaused }
    } else if is_looping(container, now) {
        Cause::Container { kind: CauseKind::ConnectionRefused, variant: Variant::ContainerRestarting }
    } else if container.is_down() {
        gone(&container.service, Variant::ContainerStopped)
    } else {
        return None;
    };
    Some(Failure::new(Stage::Connect, cause).because(state_of(container, now)).at(container.service.clone()))
}

/// What keeps it from doing its work, by the platform's word alone: nothing of it is dialled.
pub(crate) async fn told(platform: &dyn Platform, container: &Instance) -> Option<Failure> {
    match state(container, platform.now()) {
        None if container.is_up() => {
            stands_still(platform, container).await.map(|fact| hung(&container.service, fact))
        }
        fault => fault,
    }
}

/// Its first process, or every one of them, is stopped.
pub(crate) async fn stands_still(platform: &dyn Platform, container: &Instance) -> Option<PlatformFact> {
    let is_still = platform.processes(container).await.is_ok_and(|all| is_stopped(&all));
    is_still.then(|| PlatformFact::ProcessStopped { who: container.name.clone() })
}

/// A container that runs and does nothing: its process is stopped, its health check gets no answer in time,
/// or its own port accepts and says nothing. A check that is refused, or answered, says nothing of the kind:
/// it may itself be at fault.
async fn hangs(context: &Context, platform: &dyn Platform, container: &Instance) -> Option<Failure> {
    let who = container.name.clone();
    let fact = if let Some(fact) = stands_still(platform, container).await {
        fact
    } else {
        let port = port_of(&container.service);
        let heard = match port {
            Some(port) => listen(context, platform, container, port).await,
            None => Heard::Unknown,
        };
        let probe = container.probe.as_deref().filter(|words| is_timeout(words));
        match (heard, probe.filter(|_| container.healthy == Some(false)), port) {
            (Heard::Silence | Heard::Unknown, Some(words), _) => {
                PlatformFact::HealthCheckUnanswered { who, words: words.trim().to_owned() }
            }
            (Heard::Silence, None, Some(port)) => PlatformFact::AcceptsAndIsSilent { who, port },
            // Who answers does not hang, whatever a check of another port waits for.
            _ => return None,
        }
    };
    Some(hung(&container.service, fact))
}

/// The container's first process, or every one of them (`ps`: T is stopped by a signal, t by a debugger).
fn is_stopped(states: &[String]) -> bool {
    let stopped = |state: &String| state.starts_with(['T', 't']);
    states.first().is_some_and(stopped)
}

/// What Docker and kubelet say of a probe that ran out of its time.
fn is_timeout(words: &str) -> bool {
    ["exceeded timeout", "context deadline exceeded", "Client.Timeout exceeded"]
        .iter()
        .any(|one| words.contains(one))
}

/// The TLS port that a service of the stack serves in its container.
fn port_of(service: &str) -> Option<u16> {
    [("api-gateway", 8081), ("safety-kernel", 50051), ("context-engine", 50070)]
        .into_iter()
        .find(|(name, _)| is_of(service, name))
        .map(|(_, port)| port)
}

/// What a service's own port says.
enum Heard {
    Answer,
    /// It accepts, and leaves a handshake or a request unanswered.
    Silence,
    /// It could not be asked.
    Unknown,
}

/// Asks a service's own port: for a handshake, and where it speaks HTTP for an answer of any kind.
async fn listen(context: &Context, platform: &dyn Platform, container: &Instance, port: u16) -> Heard {
    let patience = context.stack.timeout.min(Duration::from_secs(5));
    let deadline = (Instant::now() + patience).min(context.deadline);
    let Ok(Ok(stream)) = tokio::time::timeout_at(deadline.into(), platform.open(container, port)).await
    else {
        return Heard::Unknown;
    };
    let speaks_http = is_of(&container.service, Link::Gateway.service());
    let offer = Offer {
        trust: TrustMode::Observe(context.stack.anchors.certificates.clone()),
        name: "localhost",
        identity: None,
        alpn: if speaks_http { &[b"http/1.1"] } else { &[b"h2", b"http/1.1"] },
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    let address = ([0, 0, 0, 0], port).into();
    match dial::handshake(Tap::through(stream), address, &offer, deadline).await {
        Ok(dialled) if speaks_http => {
            match http::over(dialled, &context.stack.endpoints.gateway, "/livez", deadline).await {
                Some(_) => Heard::Answer,
                None if Instant::now() >= deadline => Heard::Silence,
                None => Heard::Unknown,
            }
        }
        // The runtime of a program shakes hands that does nothing else any more.
        Ok(_) => Heard::Unknown,
        Err(broken) if matches!(broken.failure.cause, Cause::TimedOut) => Heard::Silence,
        Err(_) => Heard::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use tls_verify_core::workload::Phase;

    use super::*;

    #[test]
    fn every_state_has_its_cause() {
        let said = |service: &str, phase| {
            let container = Instance { phase, ..Instance::of_service(service, "one") };
            state(&container, SystemTime::now())
                .and_then(|failure| failure.cause.reading())
                .map(|one| (one.kind, one.variant))
        };
        let timeout = Some((CauseKind::Timeout, Some(Variant::ContainerPaused)));
        let stopped = |kind| Some((kind, Some(Variant::ContainerStopped)));
        assert_eq!(said("scheduler", Phase::Paused), timeout);
        assert_eq!(said("redis", Phase::Paused), timeout);
        assert_eq!(said("scheduler", Phase::Exited), stopped(CauseKind::ConnectionRefused));
        assert_eq!(said("redis", Phase::Exited), stopped(CauseKind::Dns));
        assert_eq!(said("scheduler", Phase::Running), None);
        assert_eq!(said("scheduler", Phase::Unknown), None, "nobody knows");
    }

    #[test]
    fn a_probe_that_is_refused_or_answered_is_no_sign_of_hanging() {
        assert!(is_timeout("Health check exceeded timeout (2s)"));
        assert!(!is_timeout("wget: can't connect to remote host (127.0.0.1): Connection refused"));
        assert!(!is_timeout("wget: server returned error: HTTP/1.1 503 Service Unavailable"));
        assert!(is_stopped(&["T".to_owned(), "S".to_owned()]) && is_stopped(&["Tsl".to_owned()]));
        assert!(!is_stopped(&["Ssl".to_owned(), "T".to_owned()]) && !is_stopped(&[]));
    }
}
