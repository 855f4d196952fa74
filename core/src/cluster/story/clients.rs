//! What serving clients meet at the other end of their connections.

use super::kinds::{alike, of_certificate};
use super::routes::present;
use super::{Logs, Story, first_line};
use crate::cluster::connections::Target;
use crate::cluster::cure::Cure;
use crate::cluster::fault::Fault;
use crate::cluster::log::Trouble;
use crate::cluster::pods::{self, Scene, serves};
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;
use crate::workload::Workload;
use crate::workload::kubernetes::{Pod, State};

impl Story {
    /// What serving clients meet at NATS and Redis tells that a wrong Secret is in use.
    pub(super) fn clients(&mut self, scene: Scene<'_>, logs: &Logs) {
        for pod in scene.cluster.pods.iter().filter(|pod| serves(pod) && !pod.is_job) {
            let Some(start) = present(logs, pod) else { continue };
            for trouble in start.troubles.iter().filter(|one| !one.recovered && of_certificate(one.what.kind))
            {
                let Some(link) = trouble.what.link else { continue };
                let check: &'static str = match link {
                    Link::Redis => "redis-tls",
                    Link::Nats => "worker-nats-tls",
                    Link::SafetyKernel => "safety-kernel-grpc",
                    Link::Gateway => "dashboard-gateway",
                    _ => continue,
                };
                let secrets: Vec<String> = scene
                    .connections
                    .iter()
                    .filter(|one| one.target == Target::Link(link))
                    .flat_map(|one| [&one.certificate, &one.ca])
                    .flatten()
                    .filter_map(|file| file.found.key())
                    .map(|key| format!("secret/{}", key.secret))
                    .collect();
                let known = self.faults.iter().position(|one| {
                    secrets.contains(&one.place)
                        && one.cause.is_some_and(|cause| alike(cause) == alike(trouble.what.kind))
                });
                let fact = format!("pod {} logged: {}", pod.name, first_line(&trouble.sample));
                match known {
                    Some(at) => {
                        self.faults[at].breaks.insert(check);
                        self.faults[at].add(fact);
                    }
                    None if is_of_an_earlier_server(scene, link, trouble) => {}
                    None => {
                        let Some(workload) = scene.cluster.workload_of(pod) else { continue };
                        let own = workload.to_string();
                        let container = pod.main().map_or("", |main| main.name.as_str());
                        let at = match stale(scene, pod, workload, container, trouble) {
                            Some(fault) => self.add(fault),
                            None => self.of_link(scene, pod, workload, container, trouble, link),
                        };
                        // A client's own setting breaks that client, and no dial of ours.
                        let check = match link {
                            Link::Redis if self.faults[at].place == own => "redis-logs",
                            _ if self.faults[at].place == own => "service-links",
                            _ => check,
                        };
                        self.faults[at].breaks.insert(check);
                        self.faults[at].add(fact);
                    }
                }
            }
        }
    }
}

/// Every server of the link runs, and has begun since this was last met: it was about what an earlier start showed. Who
/// lost its connection with that start has dialled again, and would have said so.
fn is_of_an_earlier_server(scene: Scene<'_>, link: Link, trouble: &Trouble) -> bool {
    let began = |pod: &Pod| match pod.main()?.state {
        State::Running(since) if serves(pod) => since,
        _ => None,
    };
    let mut servers = scene.cluster.pods_of(link.service()).peekable();
    let Some(last) = trouble.last else { return false };
    servers.peek().is_some() && servers.all(|pod| began(pod).is_some_and(|began| began > last))
}

/// A client that runs with what it read at its start, though what it mounts is right by now.
fn stale(
    scene: Scene<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    trouble: &Trouble,
) -> Option<Fault> {
    if !trouble.sample.contains("does not chain to") {
        return None;
    }
    let (path, found) = pods::file_at_fault(scene, pod, container, &trouble.sample)?;
    let key = found.key()?;
    let name = workload.to_string();
    let cure = Cure::told(format!(
        "{name} runs with what it read of secret/{} at its start; what the Secret holds now fits: restart it",
        key.secret
    ))
    .by(scene.kubectl.restart(std::slice::from_ref(&name))?);
    Some(
        Fault::new(Some(trouble.what.kind), name)
            .variant(trouble.what.variant)
            .on(trouble.what.side)
            .because(format!("{path} is {} of secret/{}, which fits its CA now", key.key, key.secret))
            .cure(cure)
            .seen_in(EvidenceLevel::Logged),
    )
}
