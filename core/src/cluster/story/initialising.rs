//! Pods whose init containers do not come to an end: whom their command waits for.

use super::{ServiceHealth, Story, Waiting};
use crate::cluster::cure::Fix;
use crate::cluster::fault::ClusterFault;
use crate::cluster::pods::PodContext;
use crate::evidence::PodFact;
use crate::evidence::observation::EvidenceLevel;
use crate::workload::Workload;
use crate::workload::kubernetes::Pod;

impl Story {
    /// The fault of a Service or of a server that an init container's command names, else that it runs; and whether it, or that
    /// server, is only on its way.
    pub(super) fn initialising(
        &mut self,
        scene: PodContext<'_>,
        pod: &Pod,
        workload: &Workload,
        container: &str,
    ) -> (usize, Waiting) {
        let fact = PodFact::InitRuns { container: container.to_owned(), pod: pod.name.clone() };
        let own = pod.configured.iter().find(|one| one.name == container);
        let command = own.into_iter().flat_map(|one| one.entrypoint.iter().chain(&one.arguments));
        let command: Vec<&str> = command.filter_map(|one| one.value.known()).collect();
        let is_named = |name: &str| {
            let is_end = |c: char| !c.is_ascii_alphanumeric() && c != '-';
            command.iter().any(|text| text.split(is_end).any(|word| word == name))
        };
        let of_service = self
            .faults
            .iter()
            .position(|one| one.place.strip_prefix("service/").is_some_and(&is_named) && !one.unread)
            .map(|at| (at, Waiting::Unready));
        let of_server = || {
            let names = |workload: &Workload| {
                is_named(&workload.name) || workload.aliases.iter().any(|name| is_named(name))
            };
            let mut all =
                scene.cluster.workloads.iter().filter(|one| !std::ptr::eq(*one, workload) && names(one));
            all.find_map(|one| {
                let mut down = self.services.values().filter(|health| health.workload == one.to_string());
                down.find(|health| ServiceHealth::is_down(health))?.broken.first().map(|one| {
                    (one.fault, if one.is_starting() { Waiting::Starting } else { Waiting::Unready })
                })
            })
        };
        if let Some(known) = of_service.or_else(of_server) {
            return known;
        }
        let name = workload.to_string();
        let cure = Fix::told(format!(
            "init container {container} of {name} has not come to its end, and the others wait for it: its command says what \
             for"
        ))
        .by(scene.kubectl.command(&["logs", &pod.name, "-c", container, "--tail=50"]));
        let fault = self.add(
            ClusterFault::new(None, name).because(fact.clone()).cure(cure).seen_in(EvidenceLevel::Observed),
        );
        (fault, Waiting::of(scene, pod, &fact))
    }
}
