//! Pods that run and are not ready: what they wait for, and which of them are only on their way.

use super::trace::{kept_out, secrets_of};
use super::{BrokenPod, ContainerLogs, Story};
use crate::cause::{CauseKind, Variant};
use crate::cluster::cure::Fix;
use crate::cluster::fault::ClusterFault;
use crate::cluster::pods::{self, PodContext, serves, state_of};
use crate::evidence::PodFact;
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;
use crate::logs::classify::recognise;
use crate::workload::Workload;
use crate::workload::kubernetes::{ContainerState, Pod, service_of};

/// Whether all that is known of a pod is that it is not ready.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiting {
    /// More is known.
    No,
    /// It runs, or is ended by its probe.
    Unready,
    /// It, or what it waits for, is on its way: younger than the time that its probes give it. Where a probe of it has
    /// failed others of its workload have to serve: of a start that nobody is spared from the failure counts.
    Starting,
}

impl Waiting {
    /// Of a pod of which no more is known than this.
    pub(super) fn of(scene: PodContext<'_>, pod: &Pod, shown: &PodFact) -> Self {
        let is_probed = matches!(shown, PodFact::Told { .. });
        let others = || scene.cluster.pods.iter().any(|one| one.workload == pod.workload && serves(one));
        if pod.is_starting(scene.now) && (!is_probed || others()) {
            Self::Starting
        } else if pod.main().is_some_and(ContainerState::is_looping) {
            Self::No
        } else {
            Self::Unready
        }
    }
}

impl BrokenPod {
    /// It is only on its way.
    pub(in crate::cluster) fn is_starting(&self) -> bool {
        self.waits == Waiting::Starting
    }
}

impl Story {
    /// It runs and is not ready: it waits for something that is broken, or its own log tells. And whether it is only on its
    /// way, or what it waits for is.
    pub(super) fn unready(
        &mut self,
        scene: PodContext<'_>,
        pod: &Pod,
        workload: &Workload,
        (unready, unread): (&PodFact, Option<PodFact>),
        logs: &ContainerLogs,
    ) -> (usize, Waiting) {
        if let PodFact::InitRuns { container, .. } = unready {
            return self.initialising(scene, pod, workload, container);
        }
        // Something explains it.
        let known = match Waiting::of(scene, pod, unready) {
            Waiting::Starting => Waiting::Unready,
            other => other,
        };
        let shown = &*unready.to_string();
        let service = service_of(workload);
        if service == "nats"
            && let Some(at) = self.routes_of(scene, pod, workload, logs)
        {
            return (at, known);
        }
        for link in [Link::Redis, Link::Nats] {
            let depends = pods::dialled(scene, workload, link).is_some() && service != link.service();
            let down = self.services.get(link.service()).filter(|health| health.is_down());
            if let (true, Some(broken)) = (depends, down.and_then(|health| health.broken.first())) {
                return (broken.fault, if broken.is_starting() { Waiting::Starting } else { known });
            }
        }
        // Both refuse it for the certificates at their ends, though it may not say so where it does without them.
        let of_ends = [Link::Redis, Link::Nats].into_iter().find_map(|link| {
            let secrets = pods::dialled(scene, workload, link).map(secrets_of)?;
            self.faults.iter().position(|one| {
                one.cause.is_some_and(CauseKind::is_of_certificate) && secrets.contains(&one.place)
            })
        });
        if let (true, "safety-kernel", Some(at)) = (shown.contains("statuscode: 503"), service, of_ends) {
            return (at, known);
        }
        let depended = [Link::Redis, Link::Nats].into_iter().filter(|link| service != link.service());
        let kept = depended.into_iter().find_map(|link| kept_out(scene, workload, link));
        if let (true, Some(fault)) = (shown.contains("statuscode: 503"), kept) {
            return (self.add(fault.because(unready.clone()).seen_in(EvidenceLevel::Observed)), known);
        }
        if let Some(what) = unread {
            return (self.add(ClusterFault::of_unread(workload.to_string(), what)), known);
        }
        let said = recognise(shown.as_bytes()).map(|found| found.kind);
        let cause = said.filter(|kind| matches!(kind, CauseKind::ConnectionRefused | CauseKind::Timeout));
        let refused = cause == Some(CauseKind::ConnectionRefused);
        let name = workload.to_string();
        let stands = if pod.main().is_some_and(ContainerState::is_looping) {
            "is ended by its probe and starts again"
        } else {
            "runs and is not ready"
        };
        let cure =
            Fix::told(format!("{name} {stands}: {shown}; its own log says more")).by(scene.kubectl.command(
                &["logs", &pod.name, "-c", pod.main().map_or("", |main| main.name.as_str()), "--tail=50"],
            ));
        let fault = self.add(
            ClusterFault::new(cause, name)
                .variant(refused.then_some(Variant::NothingListens))
                .because(unready.clone())
                .because(state_of(pod))
                .cure(cure)
                .seen_in(EvidenceLevel::Observed),
        );
        (fault, Waiting::of(scene, pod, unready))
    }
}
