//! From many symptoms to where each of them began: what Kubernetes tells of a pod, what a container died of, which
//! Secret, setting or server is behind it. One fault is told once, however many pods show it.

mod clients;
mod files;
mod initialising;
mod kinds;
mod listeners;
mod permissions;
mod replicas;
pub(super) mod restarts;
mod routes;
mod stale;
mod trace;
mod unready;

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::cure::{Fix, Kubectl};
use super::fault::ClusterFault;
use super::log::StartTrouble;
use super::pods::{self, ContainerLog, PodContext, PodFailure, serves, state_of};
use super::{certificates, connections, judged, wiring, words};
use crate::cause::{CauseKind, Variant};
use crate::evidence::observation::EvidenceLevel;
use crate::evidence::{Fact, PodFact};
use crate::link::Link;
use crate::workload::kubernetes::{Cluster, Pod, service_of};
use crate::workload::{Workload, WorkloadKind};
pub use kinds::alike;
use replicas::{never_made, refused_pods, scaled_to_nothing};
use trace::PodTrouble;
pub use unready::Waiting;

/// What the containers said, by pod and container.
pub type ContainerLogs = BTreeMap<(String, String), ContainerLog>;

/// A pod that does not serve, and why.
#[derive(Clone, Debug)]
pub struct BrokenPod {
    pub pod: String,
    /// Index of the fault behind it.
    pub fault: usize,
    /// What shows it at this very pod.
    pub shown: Fact,
    /// The link that it died of, or lacks.
    pub link: Option<Link>,
    pub cause: Option<CauseKind>,
    pub waits: Waiting,
}

/// How a service of the stack fares.
#[derive(Clone, Debug, Default)]
pub struct ServiceHealth {
    /// `deployment/cordum-api-gateway`.
    pub workload: String,
    pub pods: usize,
    pub serving: usize,
    /// The fault behind a service that no pod serves, or behind a pod of it.
    pub broken: Vec<BrokenPod>,
    /// It is scaled to nothing.
    pub idle: bool,
}

impl ServiceHealth {
    /// Nobody answers.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        self.serving == 0
    }
}

/// What happened in a cluster.
#[derive(Clone, Debug, Default)]
pub struct Story {
    /// Most upstream first.
    pub faults: Vec<ClusterFault>,
    /// By service.
    pub services: BTreeMap<String, ServiceHealth>,
    /// NetworkPolicies between clients that serve on and their server: faults only where the check that each of them
    /// breaks has met what they do.
    pub kept_out: Vec<ClusterFault>,
}

impl Story {
    /// Tells it.
    #[must_use]
    pub fn of(cluster: &Cluster, logs: &ContainerLogs, now: SystemTime, kubectl: &Kubectl) -> Self {
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let findings = judged::findings(cluster);
        let connections = connections::all(cluster, &findings);
        let mut story = Self::default();
        for fault in certificates::faults(cluster, &connections, seconds, kubectl) {
            story.add(fault);
        }
        for fault in wiring::faults(cluster, &connections, &findings, kubectl) {
            story.add(fault);
        }
        // What nobody could look for is not said to be missing.
        if cluster.is_whole() {
            story.absent(cluster);
        }
        let scene = PodContext { cluster, connections: &connections, kubectl, now };
        let dependent_last = |service: &str| match service {
            "redis" => 0,
            "nats" => 1,
            "safety-kernel" => 2,
            "dashboard" => 4,
            _ => 3,
        };
        let mut order: Vec<&Workload> =
            cluster.workloads.iter().filter(|one| one.kind != WorkloadKind::Job).collect();
        order.sort_by_key(|one| dependent_last(service_of(one)));
        for workload in order {
            story.inspect(scene, workload, logs);
        }
        story.members(scene, logs);
        story.clients(scene, logs);
        for (service, link, check) in [
            ("dashboard", Link::Gateway, "dashboard-gateway"),
            ("api-gateway", Link::SafetyKernel, "safety-kernel-grpc"),
        ] {
            story.shut_out(scene, logs, (service, link, check));
        }
        for at in 0..story.faults.len() {
            story.restarted_together(scene, at);
            restarts::by_hand(cluster, kubectl, &mut story.faults[at]);
        }
        story
    }

    /// Services of the stack that the namespace does not have, though it has others of them.
    fn absent(&mut self, cluster: &Cluster) {
        const CHECKS: &[(&str, &[&str])] = &[
            (
                "api-gateway",
                &["gateway-https", "gateway-wss", "cli-with-cacert", "gateway-grpc", "dashboard-gateway"],
            ),
            ("nats", &["worker-nats-tls"]),
            ("redis", &["redis-tls"]),
            ("safety-kernel", &["safety-kernel-grpc"]),
            ("context-engine", &["context-engine-grpc"]),
            ("dashboard", &["dashboard-gateway"]),
        ];
        let is_there = |service: &str| cluster.of_service(service).next().is_some();
        if !CHECKS.iter().any(|(service, _)| is_there(service)) {
            return;
        }
        for (service, checks) in CHECKS {
            if !is_there(service) && !wiring::leads_out(cluster, service) {
                self.add(
                    ClusterFault::new(Some(CauseKind::ConnectionRefused), *service)
                        .variant(Some(Variant::ContainerAbsent))
                        .because(PodFact::NoWorkload { service: (*service).to_owned() })
                        .cure(Fix::told(format!("deploy {service}, or leave its checks out with --skip")))
                        .breaks(checks)
                        .seen_in(EvidenceLevel::Observed),
                );
            }
        }
    }

    /// Whether a fault keeps pods from serving.
    #[must_use]
    pub fn stops(&self, fault: usize) -> bool {
        self.services.values().flat_map(|health| &health.broken).any(|broken| broken.fault == fault)
    }

    /// Faults in the order in which they are told: what keeps pods from serving first, the most upstream of it before
    /// the others.
    #[must_use]
    pub fn ranked(&self) -> Vec<usize> {
        let upstream = |place: &str| {
            if place.starts_with("secret/") || place.starts_with("configmap/") {
                0
            } else if self.services.iter().any(|(service, health)| {
                matches!(service.as_str(), "nats" | "redis") && health.workload == place
            }) {
                1
            } else if self.services.get("dashboard").is_some_and(|health| health.workload == place) {
                4
            } else if self.services.get("api-gateway").is_some_and(|health| health.workload == place) {
                3
            } else {
                2
            }
        };
        let mut all: Vec<usize> = (0..self.faults.len()).collect();
        all.sort_by_key(|at| {
            let fault = &self.faults[*at];
            (!self.stops(*at), upstream(&fault.place), fault.cause.is_none(), fault.confidence)
        });
        all
    }

    /// Notes a fault, once; its index.
    fn add(&mut self, fault: ClusterFault) -> usize {
        if let Some(at) = self.faults.iter().position(|known| known.identity() == fault.identity()) {
            let known = &mut self.faults[at];
            known.breaks.extend(fault.breaks);
            known.bearers.extend(fault.bearers);
            for fact in fault.because {
                known.add(fact);
            }
            if known.cures.is_empty() {
                known.cures = fault.cures;
            }
            return at;
        }
        self.faults.push(fault);
        self.faults.len() - 1
    }

    fn inspect(&mut self, scene: PodContext<'_>, workload: &Workload, logs: &ContainerLogs) {
        let service = service_of(workload).to_owned();
        let mine = || {
            scene.cluster.pods.iter().filter(|pod| {
                scene.cluster.workload_of(pod).is_some_and(|owner| std::ptr::eq(owner, workload))
            })
        };
        let mut health = ServiceHealth { workload: workload.to_string(), ..ServiceHealth::default() };
        health.pods = mine().filter(|pod| !pod.leaving).count();
        health.serving = mine().filter(|pod| serves(pod)).count();
        health.idle = !pods::is_wanted(workload);
        if health.idle && kinds::is_of_stack(&service) {
            let fault = self.add(scaled_to_nothing(scene, workload));
            health.broken.push(BrokenPod {
                pod: workload.to_string(),
                fault,
                shown: PodFact::ScaledToNone { workload: workload.to_string() }.into(),
                link: None,
                cause: Some(CauseKind::ConnectionRefused),
                waits: Waiting::No,
            });
        } else if health.pods == 0 && matches!(workload.wanted, Some(wanted) if wanted > 0) {
            let fault = self.add(never_made(scene, workload));
            health.broken.push(BrokenPod {
                pod: workload.to_string(),
                fault,
                shown: PodFact::HasNoPod { workload: workload.to_string() }.into(),
                link: None,
                cause: None,
                waits: Waiting::No,
            });
        }
        let some = u32::try_from(health.pods).unwrap_or(u32::MAX);
        let fewer = workload.wanted.is_some_and(|wanted| some > 0 && some < wanted)
            || (some > 0 && mine().all(|pod| pod.leaving || !pod.current));
        if fewer && refused_pods(scene, workload).is_some() {
            let fault = self.add(never_made(scene, workload));
            health.broken.push(BrokenPod {
                pod: workload.to_string(),
                fault,
                shown: PodFact::HasSomePods { workload: workload.to_string(), pods: health.pods }.into(),
                link: None,
                cause: None,
                waits: Waiting::No,
            });
        }
        for pod in mine().filter(|pod| !serves(pod) && !pod.leaving) {
            let said = |container: &str| {
                logs.get(&(pod.name.clone(), container.to_owned())).cloned().unwrap_or_default()
            };
            let Some(reason) = pods::pod_failure(scene, pod, &said) else { continue };
            let told = matches!(reason, PodFailure::Told(_));
            // A server that has no routes says so in its own words, and its peers say why.
            if let (false, "nats", Some(fault)) =
                (told, pod.service.as_str(), self.routes_of(scene, pod, workload, logs))
            {
                health.broken.push(BrokenPod {
                    pod: pod.name.clone(),
                    fault,
                    shown: state_of(pod).into(),
                    link: Some(Link::Nats),
                    cause: self.faults[fault].cause,
                    waits: Waiting::No,
                });
                continue;
            }
            health.broken.push(self.broken(scene, pod, workload, reason, logs));
        }
        let known = self.services.entry(service).or_default();
        if known.workload.is_empty() {
            *known = health;
        } else {
            known.pods += health.pods;
            known.serving += health.serving;
            known.broken.extend(health.broken);
        }
    }

    /// From a pod's reason to the fault behind it.
    fn broken(
        &mut self,
        scene: PodContext<'_>,
        pod: &Pod,
        workload: &Workload,
        reason: PodFailure,
        logs: &ContainerLogs,
    ) -> BrokenPod {
        let mut broken = BrokenPod {
            pod: pod.name.clone(),
            fault: 0,
            shown: state_of(pod).into(),
            link: None,
            cause: None,
            waits: Waiting::No,
        };
        match reason {
            PodFailure::Told(fault) => {
                broken.cause = fault.cause;
                broken.shown = fault.because.first().cloned().unwrap_or(broken.shown);
                broken.fault = self.add(*fault);
            }
            PodFailure::Trouble(trouble, container) => {
                broken.cause = Some(trouble.what.kind);
                broken.shown = container_logged(pod, &container, &trouble.sample).into();
                let said = PodTrouble { pod, workload, container: &container, trouble: &trouble };
                (broken.link, broken.fault) = self.met(scene, said);
                let facts = [broken.shown.clone(), state_of(pod).into()];
                for fact in facts {
                    self.faults[broken.fault].add(fact);
                }
            }
            PodFailure::Words(said, container) if self.spoken_of(workload, &said.to_string()).is_some() => {
                broken.fault = self.spoken_of(workload, &said.to_string()).unwrap_or_default();
                let (name, said) = (pod.name.clone(), Box::new(said));
                broken.shown = PodFact::SaidLast { container, pod: name, said }.into();
                broken.cause = self.faults[broken.fault].cause;
                let facts = [broken.shown.clone(), state_of(pod).into()];
                for fact in facts {
                    self.faults[broken.fault].add(fact);
                }
            }
            PodFailure::Words(said, container) => {
                let fault = words::fault(scene.cluster, scene.kubectl, pod, workload, &container, &said)
                    .because(state_of(pod));
                broken.cause = fault.cause;
                broken.shown = fault.because.first().cloned().unwrap_or(broken.shown);
                broken.fault = self.add(fault);
            }
            PodFailure::Unread(what) => {
                broken.fault = self.add(ClusterFault::of_unread(workload.to_string(), what.clone()));
                broken.shown = what.into();
            }
            PodFailure::NotReady(shown, unread) => {
                (broken.fault, broken.waits) = self.unready(scene, pod, workload, (&shown, unread), logs);
                let fault = &self.faults[broken.fault];
                let unread = fault.because.first().filter(|_| fault.unread);
                broken.shown = unread.cloned().unwrap_or_else(|| shown.into());
                broken.cause = self.faults[broken.fault].cause;
            }
        }
        broken
    }

    /// A fault of this workload whose setting the words name.
    fn spoken_of(&self, workload: &Workload, words: &str) -> Option<usize> {
        let place = workload.to_string();
        let words = words.to_ascii_lowercase();
        let named = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.contains('_') && (words.contains(&name) || words.contains(&name.replace('_', " ")))
        };
        let own = self.faults.iter().position(|one| {
            one.is_of(&place)
                && one.cures.iter().flat_map(|cure| &cure.changes).any(|change| named(&change.name))
        });
        // What it says of a server that is known to be at fault is that server's.
        let broken = match trace::link_of(&words) {
            Some(Link::Redis) => "redis-tls",
            Some(Link::Nats) => "worker-nats-tls",
            _ => return own,
        };
        let of_server = |one: &ClusterFault| one.breaks.contains(broken) && !one.is_of(&place);
        own.or_else(|| self.faults.iter().position(of_server))
    }

    /// A fault at this place of the same kind.
    fn at(&self, place: &str, kind: Option<CauseKind>) -> Option<usize> {
        self.faults.iter().position(|one| one.is_of(place) && one.cause.map(alike) == kind.map(alike))
    }
}

/// What a container of a pod logged, as far as a person reads it.
fn container_logged(pod: &Pod, container: &str, sample: &str) -> PodFact {
    let line = first_line(sample).to_owned();
    PodFact::ContainerLogged { container: container.to_owned(), pod: pod.name.clone(), line }
}

/// What the main container of a pod that serves logged.
pub(super) fn logged(pod: &Pod, trouble: &StartTrouble) -> PodFact {
    PodFact::Logged { pod: pod.name.clone(), line: first_line(&trouble.sample).to_owned() }
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}
