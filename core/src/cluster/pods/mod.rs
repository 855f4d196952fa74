//! Why a pod does not serve: what its states, its events and its last words say, each told for itself. Whose fault
//! that is in the end is the story's matter.

mod mounts;
mod probes;
mod scheduling;
mod start;

use super::connections::{self, Connection, known};
use super::cure::Kubectl;
use super::fault::ClusterFault;
use super::log::{Start, StartTrouble};
use super::secrets::{self, PathContent};
use crate::cause::{CauseKind, Confidence, Side};
use crate::evidence::{Fact, PodFact, PodPhase};
use crate::workload::kubernetes::{Cluster, ContainerPhase, ContainerState, Pod};
use crate::workload::{ContainerRole, Termination, Workload, WorkloadKind};
use mounts::unmounted;
use probes::probe_trouble;
use scheduling::unscheduled;
use start::unstarted;

/// What a pod's container said: its present start and the one before.
#[derive(Clone, Debug, Default)]
pub struct ContainerLog {
    pub present: Option<Start>,
    pub previous: Option<Start>,
    /// Why one of them is not known though it may be there: it was not read to its end.
    pub unread: Option<String>,
}

impl ContainerLog {
    /// Of both starts as they were read: nothing where there is no such start, why where it was not read to its end.
    #[must_use]
    pub fn of(present: Result<Option<Start>, String>, previous: Result<Option<Start>, String>) -> Self {
        let mut unread = None;
        let mut known = |one: Result<Option<Start>, String>| {
            one.unwrap_or_else(|why| {
                unread.get_or_insert(why);
                None
            })
        };
        let (present, previous) = (known(present), known(previous));
        Self { present, previous, unread }
    }

    /// The start that tells what a container is in: the one that ended where it is between two, or where the present
    /// one has not said anything yet.
    #[must_use]
    pub fn telling(&self, looping: bool) -> Option<&Start> {
        let young = |start: &Start| start.troubles.is_empty() && start.last_error.is_none();
        match (&self.present, &self.previous) {
            (Some(present), Some(previous)) if looping && young(present) => Some(previous),
            (Some(present), _) if present.lines > 0 => Some(present),
            (_, previous) => previous.as_ref(),
        }
    }
}

/// Why a pod does not serve.
#[derive(Clone, Debug)]
pub(super) enum PodFailure {
    /// Told in full by Kubernetes itself.
    Told(Box<ClusterFault>),
    /// A container died of this, or is in it.
    Trouble(Box<StartTrouble>, String),
    /// A container died with words that name no trouble that we know, or without any: then how it ended.
    Words(Fact, String),
    /// A probe finds it not ready, for what it says itself or for what it waits for; and what of its log was not read.
    NotReady(PodFact, Option<PodFact>),
    /// What it died of stands in a log that was not read: whose, and why.
    Unread(PodFact),
}

/// Something to look into: the pod and what runs around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct PodContext<'a> {
    pub cluster: &'a Cluster,
    pub connections: &'a [Connection<'a>],
    pub kubectl: &'a Kubectl,
    /// When that was seen.
    pub now: std::time::SystemTime,
}

/// Whether a pod does what it is there for.
#[must_use]
pub(super) fn serves(pod: &Pod) -> bool {
    pod.ready && !pod.leaving
}

/// Why a pod does not serve.
#[must_use]
pub(super) fn pod_failure(
    scene: PodContext<'_>,
    pod: &Pod,
    said: &dyn Fn(&str) -> ContainerLog,
) -> Option<PodFailure> {
    let workload = scene.cluster.workload_of(pod)?;
    if let Some(fault) = unscheduled(scene, pod, workload)
        .or_else(|| unmounted(scene, pod, workload))
        .or_else(|| unstarted(scene, pod, workload))
    {
        return Some(PodFailure::Told(Box::new(fault)));
    }
    // An init container that fails keeps all others waiting; then the service itself, then what runs beside it.
    let by_role = |role| pod.containers.iter().filter(move |one: &&ContainerState| one.role == role);
    for container in by_role(ContainerRole::Init) {
        let failed = matches!(&container.state, ContainerPhase::Terminated(end) if end.exit_code != 0);
        if container.is_looping() || failed {
            return Some(died(pod, container, &said(&container.name)));
        }
        // What runs after it has not begun: probes that failed are of an earlier start.
        if matches!(container.state, ContainerPhase::Running(_)) {
            let (container, pod) = (container.name.clone(), pod.name.clone());
            return Some(PodFailure::NotReady(PodFact::InitRuns { container, pod }, None));
        }
    }
    for container in by_role(ContainerRole::Main).chain(by_role(ContainerRole::Sidecar)) {
        let probed = probe_trouble(scene, pod, workload, container);
        let said = said(&container.name);
        let looping = container.is_looping();
        // A clean end under a probe that is at fault itself: the probe ended it.
        if let Some(fault) = probed {
            return Some(PodFailure::Told(Box::new(fault)));
        }
        if looping {
            return Some(match killed(pod, container, &said) {
                Some(probe) => PodFailure::NotReady(probe, None),
                None => died(pod, container, &said),
            });
        }
        if !container.ready && container.role == ContainerRole::Main {
            let open = said.present.as_ref().and_then(Start::died_of);
            if let Some(trouble) = open {
                return Some(PodFailure::Trouble(Box::new(trouble.clone()), container.name.clone()));
            }
            let failing = last_probe(pod, &container.name);
            let shown = failing.unwrap_or_else(|| PodFact::NotReady { pod: pod.name.clone() });
            let why = said.unread.as_deref().filter(|_| said.present.is_none());
            return Some(PodFailure::NotReady(shown, why.map(|why| unread(pod, &container.name, why))));
        }
    }
    None
}

/// The probe that a container was ended for, where it has nothing to say against itself.
fn killed(pod: &Pod, container: &ContainerState, said: &ContainerLog) -> Option<PodFact> {
    // By the kubelet: what ends by itself has another code.
    let by_kubelet = container.ended().is_some_and(|end| {
        matches!(end.exit_code, 0 | 137 | 143) && end.reason.as_deref() != Some("OOMKilled")
    });
    let start = said.telling(true)?;
    let blames_itself = start.last_error.is_some() || start.died_of().is_some();
    let probe = pod.events.iter().rev().find(|event| {
        let of_it = event.container.as_deref().is_none_or(|name| name == container.name);
        let ends = ["Liveness", "Startup"].iter().any(|role| event.message.starts_with(role));
        event.reason == "Unhealthy" && of_it && ends
    })?;
    let told = PodFact::Told { pod: pod.name.clone(), message: probe.message.clone() };
    (by_kubelet && !blames_itself).then_some(told)
}

/// What a container that ended said, or how it ended.
fn died(pod: &Pod, container: &ContainerState, said: &ContainerLog) -> PodFailure {
    let ended = container.ended();
    if let Some(end) = ended.filter(|end| end.reason.as_deref() == Some("OOMKilled")) {
        let ended = PodFact::OutOfMemory {
            container: container.name.clone(),
            pod: pod.name.clone(),
            exit: end.exit_code,
        };
        return PodFailure::Words(ended.into(), container.name.clone());
    }
    let start = said.telling(container.is_looping());
    let tells = |one: &Start| one.last_error.is_some() || !one.troubles.is_empty();
    if let Some(why) = said.unread.as_ref().filter(|_| !start.is_some_and(tells)) {
        return PodFailure::Unread(unread(pod, &container.name, why));
    }
    if let Some(start) = start {
        let open = start.died_of();
        let last_error_is_it = open.is_some_and(|one| {
            let words = one.sample.lines().next().unwrap_or_default();
            start.last_error.as_deref().is_none_or(|last| last.starts_with(words) || !is_fatal(last))
        });
        match (open, start.words()) {
            (Some(trouble), _) if last_error_is_it => {
                return PodFailure::Trouble(
                    Box::new(with_path(start, trouble).clone()),
                    container.name.clone(),
                );
            }
            // What it said last is another matter than the trouble that it had warned of.
            (_, Some(words)) => {
                return PodFailure::Words(Fact::Verbatim(words.to_owned()), container.name.clone());
            }
            (Some(trouble), None) => {
                return PodFailure::Trouble(Box::new(trouble.clone()), container.name.clone());
            }
            (None, None) => {}
        }
    }
    let message = ended.and_then(|end| end.message.clone()).map(Fact::Verbatim);
    PodFailure::Words(message.unwrap_or_else(|| ending(container, ended).into()), container.name.clone())
}

/// Of lines about a file that cannot be used the one that names it: `Failed to configure TLS. Check logs for more
/// info.` comes after it.
fn with_path<'a>(start: &'a Start, last: &'a StartTrouble) -> &'a StartTrouble {
    if last.what.kind != CauseKind::BadKeyFile || path_in(&last.sample).is_some() {
        return last;
    }
    let named = |one: &&StartTrouble| one.what.kind == last.what.kind && path_in(&one.sample).is_some();
    start.troubles.iter().rev().find(named).unwrap_or(last)
}

/// A line with which a service gives up.
fn is_fatal(line: &str) -> bool {
    ["] ERROR ", "FATAL", "panic:", "\"level\":\"ERROR\"", "[FTL]", "[emerg]"]
        .iter()
        .any(|word| line.contains(word))
}

/// A log that was not read.
#[must_use]
pub(in crate::cluster) fn unread(pod: &Pod, container: &str, why: &str) -> PodFact {
    PodFact::LogUnread { container: container.to_owned(), pod: pod.name.clone(), why: why.to_owned() }
}

fn ending(container: &ContainerState, ended: Option<&Termination>) -> PodFact {
    let container = container.name.clone();
    match ended {
        Some(end) => PodFact::Ended { container, exit: end.exit_code, reason: end.reason.clone() },
        None => PodFact::DoesNotRun { container },
    }
}

/// The last failed probe of a container that stands in the events.
fn last_probe(pod: &Pod, container: &str) -> Option<PodFact> {
    let event = pod.events.iter().rev().find(|event| {
        event.reason == "Unhealthy" && event.container.as_deref().is_none_or(|name| name == container)
    })?;
    Some(PodFact::Told { pod: pod.name.clone(), message: event.message.clone() })
}

/// `pod cordum-… waits: PodInitializing`.
#[must_use]
pub(super) fn state_of(pod: &Pod) -> PodFact {
    let main = pod.main();
    let of = |one: &ContainerState| match &one.state {
        ContainerPhase::Waiting(reason, _) => PodPhase::Waits { reason: reason.clone() },
        ContainerPhase::Running(_) if one.ready => PodPhase::Runs,
        ContainerPhase::Running(_) => PodPhase::Unready,
        ContainerPhase::Terminated(end) => PodPhase::Ended { exit: end.exit_code },
        ContainerPhase::Unknown => PodPhase::Unknown,
    };
    let restarts = main.map_or(0, |one| one.restarts);
    PodFact::State { pod: pod.name.clone(), phase: main.map_or(PodPhase::NoContainer, of), restarts }
}

/// A file that a container named in its last words, as what mounts it has it.
#[must_use]
pub(super) fn file_at_fault(
    scene: PodContext<'_>,
    pod: &Pod,
    container: &str,
    sample: &str,
) -> Option<(String, PathContent)> {
    let configured = pod.configured.iter().find(|one| one.name == container)?;
    let path = path_in(sample).or_else(|| {
        // `tls: private key does not match public key` names no file; the setting of the failing server does.
        let label = [
            ("gateway-http", "GATEWAY_HTTP_TLS_CERT"),
            ("gateway-grpc", "GRPC_TLS_CERT"),
            ("http tls keypair", "GATEWAY_HTTP_TLS_CERT"),
            ("grpc tls keypair", "GRPC_TLS_CERT"),
            ("safety kernel tls", "SAFETY_KERNEL_TLS_CERT"),
            ("context engine tls", "CONTEXT_ENGINE_TLS_CERT"),
            ("nats tls keypair", "NATS_TLS_CERT"),
            ("redis tls keypair", "REDIS_TLS_CERT"),
        ];
        let found = label.iter().find(|(words, _)| sample.contains(words))?;
        known(configured, found.1).map(str::to_owned)
    })?;
    let found = secrets::at(scene.cluster, configured, &path);
    Some((path, found))
}

/// The first path of a certificate or key in a text.
fn path_in(text: &str) -> Option<String> {
    let ends = |word: &&str| [".crt", ".key", ".pem"].iter().any(|end| word.ends_with(end));
    text.split(|c: char| c.is_whitespace() || matches!(c, ':' | '"' | '\'' | '=' | ',' | ';'))
        .filter(|word| word.starts_with('/'))
        .find(ends)
        .map(str::to_owned)
}

/// The confidence of a line, never above likely where its side is the network's.
#[must_use]
pub(super) const fn sure(trouble: &StartTrouble) -> Confidence {
    match trouble.what.confidence {
        Confidence::Certain if matches!(trouble.what.side, Side::Network) => Confidence::Likely,
        other => other,
    }
}

/// Whether a workload is meant to run at all.
#[must_use]
pub(super) fn is_wanted(workload: &Workload) -> bool {
    workload.kind == WorkloadKind::Pod || workload.wanted.is_none_or(|wanted| wanted > 0)
}

/// A client's settings of a link.
#[must_use]
pub(super) fn dialled<'a>(
    scene: PodContext<'a>,
    workload: &Workload,
    link: crate::link::Link,
) -> Option<&'a Connection<'a>> {
    scene.connections.iter().find(|one| {
        one.client.name == workload.name
            && one.client.kind == workload.kind
            && one.target == connections::ConnectionTarget::Link(link)
    })
}
