//! Members of a NATS cluster that refuse each other, from their own logs and their peers'.

use super::kinds::is_scheme;
use super::{ContainerLogs, ServiceHealth, Story};
use crate::cause::{CauseKind, Variant};
use crate::cluster::connections::ConnectionTarget;
use crate::cluster::cure::Fix;
use crate::cluster::fault::ClusterFault;
use crate::cluster::log::Start;
use crate::cluster::pods::{PodContext, serves, state_of};
use crate::evidence::PodFact;
use crate::evidence::observation::EvidenceLevel;
use crate::workload::Workload;
use crate::workload::kubernetes::Pod;

impl Story {
    /// A rollout makes the members of a NATS cluster anew one by one and waits for each: one that has what is right by now
    /// is refused by those that still run with what is wrong, and the rollout stands still at it. Where none of them
    /// serves, or all of them are to trust or to speak another way, they are stopped and started together.
    pub(super) fn restarted_together(&mut self, scene: PodContext<'_>, at: usize) {
        let down = self.services.get("nats").is_some_and(ServiceHealth::is_down);
        let fault = &mut self.faults[at];
        let all = fault.variant == Some(Variant::ExpiredCa) || fault.cause.is_some_and(is_scheme);
        if !fault.breaks.contains("cluster-links") || !(down || all) {
            return;
        }
        let Some(cure) = fault.cures.first_mut() else { return };
        for workload in scene.cluster.of_service("nats") {
            let Some(wanted) = workload.wanted.filter(|wanted| *wanted > 1) else { continue };
            // It is not scaled down past a pod that is not ready.
            let mine =
                |pod: &&Pod| scene.cluster.workload_of(pod).is_some_and(|one| std::ptr::eq(one, workload));
            let is_unready = |pod: &Pod| !serves(pod) && !pod.leaving;
            if scene.cluster.strategy(workload).is_ordered
                && scene.cluster.pods.iter().filter(mine).any(is_unready)
            {
                continue;
            }
            let name = workload.to_string();
            let restarts =
                |step: &&str| step.contains(" rollout restart ") && step.split(' ').any(|one| one == name);
            let steps = cure.command.as_deref().unwrap_or_default().split(" && ").collect::<Vec<_>>();
            let Some(step) = steps.iter().position(restarts) else { continue };
            let others: Vec<&str> = steps[step].split(' ').filter(|one| *one != name).collect();
            let stopped = "--for=jsonpath={.status.replicas}=0";
            let mut new: Vec<String> = steps[..step].iter().map(|one| (*one).to_owned()).collect();
            new.push(scene.kubectl.command(&["scale", &name, "--replicas=0"]));
            new.push(scene.kubectl.command(&["wait", stopped, &name, "--timeout=120s"]));
            new.push(scene.kubectl.command(&["scale", &name, &format!("--replicas={wanted}")]));
            if others.last() != Some(&"restart") {
                new.push(others.join(" "));
            }
            new.extend(steps[step + 1..].iter().map(|one| (*one).to_owned()));
            cure.command = Some(new.join(" && "));
            cure.text.push_str(&format!(
                "; the members of {name} are stopped and started together, for one by one they would refuse each other"
            ));
        }
    }

    /// The fault behind a NATS server without routes, from its own log and its peers'.
    pub(super) fn routes_of(
        &mut self,
        scene: PodContext<'_>,
        pod: &Pod,
        workload: &Workload,
        logs: &ContainerLogs,
    ) -> Option<usize> {
        let own = present(logs, pod)?;
        let mut errors: Vec<(PodFact, CauseKind, Option<Variant>)> = Vec::new();
        let mut note = |who: &str, start: &Start, address: Option<&str>| {
            for (peer, route) in &start.routes {
                let meant = address.is_none_or(|address| address == peer);
                if let (true, false, Some(error), Some(what)) = (meant, route.up, &route.error, &route.what) {
                    let (pod, peer, error) = (who.to_owned(), peer.clone(), error.clone());
                    let fact = PodFact::RouteLogged { pod, peer, error };
                    errors.push((fact, what.kind, what.variant));
                }
            }
        };
        note(&pod.name, own, None);
        for peer in scene.cluster.pods_of("nats").filter(|peer| peer.name != pod.name) {
            if let Some(start) = present(logs, peer) {
                for address in &pod.addresses {
                    note(&peer.name, start, Some(&address.to_string()));
                }
            }
        }
        if errors.is_empty() {
            return None;
        }
        // A verdict on a certificate tells more than the alert that it sends.
        let weight = |kind: CauseKind| match kind {
            CauseKind::HostnameMismatch
            | CauseKind::Expired
            | CauseKind::WrongKeyUsage
            | CauseKind::NotYetValid => 0,
            CauseKind::UnknownAuthority | CauseKind::BadSignature => 1,
            CauseKind::BadCertificate | CauseKind::ClientCertRequired => 2,
            _ => 3,
        };
        errors.sort_by_key(|(_, kind, _)| weight(*kind));
        let (_, kind, variant) = errors.first()?.clone();
        let facts: Vec<PodFact> = errors.into_iter().map(|(fact, ..)| fact).take(3).collect();
        let known = self.faults.iter().position(|one| one.breaks.contains("cluster-links")).or_else(|| {
            let connection = scene.connections.iter().find(|one| one.target == ConnectionTarget::Routes)?;
            let key = connection.certificate.as_ref()?.found.key()?;
            let place = format!("secret/{}", key.secret);
            self.faults
                .iter()
                .position(|one| one.place == place && one.cause.is_some_and(CauseKind::is_of_certificate))
        });
        let at = match known {
            Some(at) => at,
            None => {
                let place = scene
                    .connections
                    .iter()
                    .find(|one| one.target == ConnectionTarget::Routes)
                    .and_then(|one| one.certificate.as_ref()?.found.key())
                    .map_or_else(|| format!("pod/{}", pod.name), |key| format!("secret/{}", key.secret));
                let cure = Fix::told(format!(
                    "the NATS server in pod {} and its peers refuse each other: what it read at its start is not what \
                     they have; restarted it reads {place} again",
                    pod.name
                ));
                let mut cure = cure;
                cure.command = scene.kubectl.restart(&[workload.to_string()]);
                self.add(
                    ClusterFault::new(Some(kind), place)
                        .variant(variant)
                        .cure(cure)
                        .seen_in(EvidenceLevel::Logged),
                )
            }
        };
        self.faults[at].breaks.insert("cluster-links");
        for fact in facts {
            self.faults[at].add(fact);
        }
        self.faults[at].add(state_of(pod));
        Some(at)
    }

    /// Members of a cluster that are out although nobody's pod says so.
    pub(super) fn members(&mut self, scene: PodContext<'_>, logs: &ContainerLogs) {
        for workload in scene.cluster.of_service("nats") {
            let mine: Vec<&Pod> = scene
                .cluster
                .pods_of("nats")
                .filter(|pod| {
                    scene.cluster.workload_of(pod).is_some_and(|owner| std::ptr::eq(owner, workload))
                })
                .collect();
            if mine.len() < 2 {
                continue;
            }
            // Ready or not: a server that lost its peers may serve its clients all the same. What a log says of
            // an address that no member has any more is over.
            let refuses = |pod: &Pod, peer: &Pod| {
                let Some(start) = present(logs, pod) else { return false };
                let route = |at: &std::net::IpAddr| start.routes.get(&at.to_string());
                peer.addresses.iter().filter_map(route).any(|route| {
                    !route.up && route.what.as_ref().is_some_and(|what| what.kind.is_of_certificate())
                })
            };
            let refusals =
                |peer: &Pod| mine.iter().filter(|pod| pod.name != peer.name && refuses(pod, peer)).count();
            // The odd one is refused by the others, and each of them by it alone: it comes first, and is named.
            let mut odd: Vec<(usize, &Pod)> = mine
                .iter()
                .map(|pod| (refusals(pod), *pod))
                .filter(|(count, pod)| !serves(pod) || *count > 0)
                .collect();
            odd.sort_by_key(|(count, pod)| (serves(pod), std::cmp::Reverse(*count)));
            for (_, pod) in odd {
                self.routes_of(scene, pod, workload, logs);
            }
        }
    }
}

/// The present start of a pod's main container.
pub(super) fn present<'a>(logs: &'a ContainerLogs, pod: &Pod) -> Option<&'a Start> {
    let main = pod.main()?;
    logs.get(&(pod.name.clone(), main.name.clone()))?.present.as_ref()
}
