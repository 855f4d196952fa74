//! What serving clients meet at the other end of their connections.

use super::kinds::{alike, is_scheme};
use super::routes::present;
use super::trace::PodTrouble;
use super::{ContainerLogs, Story, logged, stale, wiring};
use crate::cause::CauseKind;
use crate::cluster::connections::ConnectionTarget;
use crate::cluster::cure::Fix;
use crate::cluster::fault::ClusterFault;
use crate::cluster::log::StartTrouble;
use crate::cluster::pods::{PodContext, serves};
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;
use crate::workload::Workload;
use crate::workload::kubernetes::{ContainerPhase, Pod};

impl Story {
    /// What serving clients meet at NATS and Redis tells that a wrong Secret is in use.
    pub(super) fn clients(&mut self, scene: PodContext<'_>, logs: &ContainerLogs) {
        for pod in scene.cluster.pods.iter().filter(|pod| serves(pod) && !pod.is_job) {
            let Some(start) = present(logs, pod) else { continue };
            self.own(scene, pod, &start.troubles);
            for trouble in
                start.troubles.iter().filter(|one| !one.recovered && one.what.kind.is_of_certificate())
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
                    .filter(|one| one.target == ConnectionTarget::Link(link))
                    .flat_map(|one| [&one.certificate, &one.ca])
                    .flatten()
                    .filter_map(|file| file.found.key())
                    .map(|key| format!("secret/{}", key.secret))
                    .collect();
                let known = self.faults.iter().position(|one| {
                    secrets.contains(&one.place)
                        && one.cause.is_some_and(|cause| alike(cause) == alike(trouble.what.kind))
                });
                let fact = logged(pod, trouble);
                match known {
                    Some(at) => {
                        self.faults[at].breaks.insert(check);
                        self.faults[at].add(fact);
                        if does_without(pod, link) {
                            restarted_afterwards(&mut self.faults[at], scene, pod, link);
                        }
                    }
                    None if is_of_an_earlier_server(scene, link, trouble) => {
                        // Everybody else dials again, and would have said so.
                        if let (true, Some(workload)) =
                            (does_without(pod, link), scene.cluster.workload_of(pod))
                        {
                            let fault = without(scene, workload, link, trouble).because(fact);
                            self.add(fault);
                        }
                    }
                    None => {
                        let Some(workload) = scene.cluster.workload_of(pod) else { continue };
                        let own = workload.to_string();
                        let container = pod.main().map_or("", |main| main.name.as_str());
                        let at = match stale::read_at_start(scene, pod, workload, container, trouble) {
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

impl Story {
    /// Files, settings and logins that a client which serves on cannot use: the safety kernel says so once, and does
    /// without that link.
    fn own(&mut self, scene: PodContext<'_>, pod: &Pod, troubles: &[StartTrouble]) {
        let Some(workload) = scene.cluster.workload_of(pod) else { return };
        let container = pod.main().map_or("", |main| main.name.as_str());
        for trouble in troubles {
            let kind = trouble.what.kind;
            let Some(link) = trouble.what.link else { continue };
            let check: &'static str = match link {
                Link::Redis => "redis-logs",
                Link::Nats => "service-links",
                _ => continue,
            };
            if trouble.recovered || kind.is_of_certificate() || kind.is_transient() {
                continue;
            }
            let alone = does_without(pod, link);
            // What has no name names no file, setting or login: who dials again and is ready got over it.
            if kind == CauseKind::OtherTls && !alone {
                continue;
            }
            // What is said of the server's scheme an earlier start of it was about, if it has begun since.
            if is_scheme(kind) && is_of_an_earlier_server(scene, link, trouble) {
                if alone {
                    self.add(without(scene, workload, link, trouble).because(logged(pod, trouble)));
                }
                continue;
            }
            let (_, at) = self.met(scene, PodTrouble { pod, workload, container, trouble });
            self.faults[at].breaks.insert(check);
            self.faults[at].add(logged(pod, trouble));
            if alone && self.faults[at].place != workload.to_string() {
                restarted_afterwards(&mut self.faults[at], scene, pod, link);
            }
        }
    }

    /// NetworkPolicies between a client that serves on and its server: a fault where its log says that it does not
    /// reach the server, else for the check that meets it.
    pub(super) fn shut_out(
        &mut self,
        scene: PodContext<'_>,
        logs: &ContainerLogs,
        (service, link, check): (&'static str, Link, &'static str),
    ) {
        for client in scene.cluster.of_service(service) {
            let policy = wiring::kept_out(scene.cluster, scene.connections, client, link, scene.kubectl);
            let Some(fault) = policy.map(|fault| fault.breaks(&[check])) else { continue };
            let met = |trouble: &&StartTrouble| {
                let far = || wiring::far_link(scene, client, &trouble.sample);
                trouble.what.kind == CauseKind::Timeout
                    && !trouble.recovered
                    && trouble.what.link.or_else(far) == Some(link)
            };
            let said = scene.cluster.pods_of(service).filter(|pod| serves(pod)).find_map(|pod| {
                let trouble = present(logs, pod)?.troubles.iter().find(met)?;
                Some(logged(pod, trouble))
            });
            match said {
                Some(fact) => {
                    self.add(fault.because(fact).seen_in(EvidenceLevel::Logged));
                }
                None => self.kept_out.push(fault),
            }
        }
    }
}

/// The safety kernel comes up without Redis and NATS, and does without them until it is restarted (`config service
/// disabled`, `relying on poll`).
fn does_without(pod: &Pod, link: Link) -> bool {
    pod.service == Link::SafetyKernel.service() && matches!(link, Link::Redis | Link::Nats)
}

/// Every server of the link runs, and has begun since this was last met: it was about what an earlier start showed.
fn is_of_an_earlier_server(scene: PodContext<'_>, link: Link, trouble: &StartTrouble) -> bool {
    let began = |pod: &Pod| match pod.main()?.state {
        ContainerPhase::Running(since) if serves(pod) => since,
        _ => None,
    };
    // Connections with these two are kept, and made again at once.
    let is_kept = matches!(link, Link::Redis | Link::Nats);
    let mut servers = scene.cluster.pods_of(link.service()).peekable();
    let Some(last) = trouble.last.filter(|_| is_kept) else { return false };
    servers.peek().is_some() && servers.all(|pod| began(pod).is_some_and(|began| began > last))
}

/// What came up without a server that is well by now.
fn without(scene: PodContext<'_>, workload: &Workload, link: Link, trouble: &StartTrouble) -> ClusterFault {
    let name = workload.to_string();
    let mut cure = Fix::told(format!(
        "{name} came up without {}, which is well by now, and does without it until it is restarted",
        link.service()
    ));
    cure.command = scene.kubectl.restart(std::slice::from_ref(&name));
    let check = if link == Link::Redis { "redis-logs" } else { "service-links" };
    ClusterFault::of_trouble(trouble, name).cure(cure).breaks(&[check])
}

/// Once the server is well, its client is restarted too.
fn restarted_afterwards(fault: &mut ClusterFault, scene: PodContext<'_>, pod: &Pod, link: Link) {
    let server = scene.cluster.of_service(link.service()).next().map(ToString::to_string);
    let client = scene.cluster.workload_of(pod).map(ToString::to_string);
    let (Some(server), Some(client)) = (server, client) else { return };
    let Some(command) = fault.cures.first_mut().and_then(|cure| cure.command.as_mut()) else { return };
    if let (false, Some(restart)) =
        (command.contains(&client), scene.kubectl.restart(std::slice::from_ref(&client)))
    {
        let stands = scene.kubectl.command(&["rollout", "status", &server, "--timeout=120s"]);
        command.push_str(&format!(" && {stands} && {restart}"));
    }
}
