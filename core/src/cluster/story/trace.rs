//! From what a container said to the fault behind it: the setting, the server or the Secret at the other end.

use super::files::half_pair;
use super::kinds::{alike, is_scheme};
use super::{Story, container_logged, first_line, listeners, replicas, stale};
use crate::cause::{CauseKind, Variant};
use crate::cluster::connections::{self, Connection, host_of};
use crate::cluster::cure::Fix;
use crate::cluster::fault::ClusterFault;
use crate::cluster::log::StartTrouble;
use crate::cluster::pods::{self, PodContext};
use crate::cluster::{wiring, words};
use crate::evidence::PodFact;
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;
use crate::workload::Workload;
use crate::workload::kubernetes::{Pod, service_of};

/// Trouble that a container of a pod has told.
#[derive(Clone, Copy)]
pub(super) struct PodTrouble<'a> {
    pub(super) pod: &'a Pod,
    pub(super) workload: &'a Workload,
    pub(super) container: &'a str,
    pub(super) trouble: &'a StartTrouble,
}

impl Story {
    /// The fault behind what a container said, and the link that it is about.
    pub(super) fn met(&mut self, scene: PodContext<'_>, said: PodTrouble<'_>) -> (Option<Link>, usize) {
        if let Some(fault) = stale::described_otherwise(scene, said) {
            return (said.trouble.what.link, self.add(fault));
        }
        if let Some(fault) = stale::held_back(scene, said) {
            return (said.trouble.what.link, self.add(fault));
        }
        match self.far_fault(scene, said) {
            Some((link, at)) => (Some(link), at),
            None => (said.trouble.what.link, self.traced(scene, said)),
        }
    }

    /// The fault behind what a container said.
    fn traced(&mut self, scene: PodContext<'_>, said: PodTrouble<'_>) -> usize {
        let PodTrouble { pod, workload, container, .. } = said;
        let trouble = &read_again(said.trouble);
        let kind = trouble.what.kind;
        let sample = &trouble.sample;
        let pair = sample.contains("does not chain to");
        if (matches!(kind, CauseKind::BadKeyFile | CauseKind::KeyMismatch) || pair)
            && let Some((path, found)) = pods::file_at_fault(scene, pod, container, sample)
        {
            return self.of_file(scene, PodTrouble { trouble, ..said }, &path, &found);
        }
        if sample.contains("must be set together")
            && let Some(fault) = half_pair(scene, workload, sample)
        {
            return self.add(fault);
        }
        if kind == CauseKind::AuthNotTls
            && let Some(fault) = words::login(scene.kubectl, pod, workload, container, sample)
        {
            return self.add(fault);
        }
        let link = trouble.what.link.or_else(|| link_of(sample));
        let own = link.is_some_and(|link| link.service() == service_of(workload));
        if let (Some(link), false) = (link, own) {
            return self.of_link(scene, pod, workload, container, trouble, link);
        }
        // The wiring knows of something wrong with this very workload.
        if let Some(at) = self.at(&workload.to_string(), Some(kind)) {
            return at;
        }
        self.add(unknown(scene, pod, workload, container, trouble))
    }

    /// What a service met at NATS, Redis or the safety kernel: a fault that is known and explains it; else its own
    /// words.
    pub(super) fn of_link(
        &mut self,
        scene: PodContext<'_>,
        pod: &Pod,
        workload: &Workload,
        container: &str,
        trouble: &StartTrouble,
        link: Link,
    ) -> usize {
        if let Some(at) = self.explained(scene, workload, container, trouble.what.kind, link) {
            return at;
        }
        if let Some(fault) = stale::served(scene, pod, workload, container, trouble, link) {
            return self.add(fault);
        }
        if let (true, Some(fault)) =
            (trouble.what.kind == CauseKind::Dns, wiring::named_elsewhere(scene.cluster, workload, link))
        {
            return self.add(fault);
        }
        let fault = unknown(scene, pod, workload, container, trouble);
        let server = scene.cluster.of_service(link.service()).next();
        if let (true, Some(server)) = (trouble.what.kind.is_of_certificate(), server) {
            let place = pods::dialled(scene, workload, link)
                .and_then(|one| one.certificate.as_ref())
                .and_then(|file| file.found.key())
                .map_or_else(|| server.to_string(), |key| format!("secret/{}", key.secret));
            return self.add(ClusterFault { place, ..fault });
        }
        self.add(fault)
    }

    /// The link whose server is at the far end of a connection that was not made, or lost, by words that name an
    /// address alone, and the fault of that server which explains it.
    fn far_fault(&mut self, scene: PodContext<'_>, said: PodTrouble<'_>) -> Option<(Link, usize)> {
        let PodTrouble { workload, container, trouble, .. } = said;
        let named = trouble.what.link.or_else(|| link_of(&trouble.sample));
        if named.is_some() || !trouble.what.kind.is_unreached() {
            return None;
        }
        let link = wiring::far_link(scene, workload, &trouble.sample)?;
        Some((link, self.explained(scene, workload, container, trouble.what.kind, link)?))
    }

    /// A fault that explains what a client met at a link's server: from its own settings over the server's and the
    /// certificates at both ends to a server that is down.
    fn explained(
        &mut self,
        scene: PodContext<'_>,
        workload: &Workload,
        container: &str,
        kind: CauseKind,
        link: Link,
    ) -> Option<usize> {
        let client = workload.to_string();
        let is_absent =
            |one: &ClusterFault| one.place == link.service() && one.variant == Some(Variant::ContainerAbsent);
        if let (true, Some(at)) = (kind.is_unreached(), self.faults.iter().position(is_absent)) {
            return Some(at);
        }
        let connection = pods::dialled(scene, workload, link);
        let server = scene.cluster.of_service(link.service()).next();
        if let Some(at) = self.of_settings(scene, &client, server, kind) {
            return Some(at);
        }
        let secrets = connection.map(secrets_of).unwrap_or_default();
        if let Some(at) = self.of_secrets(&secrets, kind, link) {
            return Some(at);
        }
        let server_down = self.services.get(link.service()).filter(|health| health.is_down());
        if let Some(health) = server_down
            && let Some(broken) = health.broken.first()
            && kind.is_unreached()
        {
            let at = broken.fault;
            self.faults[at].add(PodFact::CannotReach {
                container: container.to_owned(),
                workload: client,
                service: link.service().to_owned(),
            });
            return Some(at);
        }
        let dialled = connection.filter(|_| kind.is_unreached());
        if let Some(fault) = dialled.and_then(|one| wiring::astray(scene.cluster, one, kind, scene.kubectl)) {
            return Some(self.add(fault.seen_in(EvidenceLevel::Logged)));
        }
        if let (true, Some(fault)) = (kind.is_unreached(), kept_out(scene, workload, link)) {
            return Some(self.add(fault.seen_in(EvidenceLevel::Logged)));
        }
        // Who lost a connection and gets no other says so and no more; why stands in the certificates at its ends.
        let of_ends = |one: &ClusterFault| {
            one.cause.is_some_and(CauseKind::is_of_certificate) && secrets.contains(&one.place)
        };
        self.faults.iter().position(of_ends).filter(|_| kind.is_unreached())
    }

    /// The names and settings of the client itself; then the server's own: plaintext where TLS is asked for, and the
    /// like.
    fn of_settings(
        &self,
        scene: PodContext<'_>,
        client: &str,
        server: Option<&Workload>,
        kind: CauseKind,
    ) -> Option<usize> {
        if let Some(at) = self.at(client, Some(kind)) {
            return Some(at);
        }
        let broken = kind.is_unreached() || is_scheme(kind);
        let of_client = |one: &ClusterFault| {
            let of_setting =
                |cause| is_scheme(cause) || matches!(cause, CauseKind::Dns | CauseKind::ConnectionRefused);
            one.is_of(client) && one.cause.is_some_and(of_setting)
        };
        if (broken || kind == CauseKind::UnknownAuthority)
            && let Some(at) = self.faults.iter().position(of_client)
        {
            return Some(at);
        }
        let server = server.filter(|_| broken)?;
        let map = connections::config_of(scene.cluster, server)
            .and_then(|config| config.file)
            .map(|file| format!("configmap/{}", file.config_map));
        let name = server.to_string();
        self.faults.iter().position(|one| {
            (map.as_ref() == Some(&one.place) || one.place == name) && one.cause.is_some_and(is_scheme)
        })
    }

    /// What is wrong with the certificates on either end, of the same kind before any other.
    fn of_secrets(&mut self, secrets: &[String], kind: CauseKind, link: Link) -> Option<usize> {
        if !kind.is_of_certificate() {
            return None;
        }
        let same = |one: &ClusterFault, strict: bool| {
            secrets.contains(&one.place)
                && one.cause.is_some_and(|cause| !strict || alike(cause) == alike(kind))
                && one.cause.is_some_and(CauseKind::is_of_certificate)
        };
        let known = self
            .faults
            .iter()
            .position(|one| same(one, true))
            .or_else(|| self.faults.iter().position(|one| same(one, false)))?;
        let dial: &[&'static str] = match link {
            Link::Redis => &["redis-tls", "redis-logs"],
            Link::Nats => &["worker-nats-tls"],
            _ => &[],
        };
        self.faults[known].breaks.extend(dial);
        Some(known)
    }
}

/// The NetworkPolicy that keeps a client from its server, if one does.
pub(super) fn kept_out(scene: PodContext<'_>, workload: &Workload, link: Link) -> Option<ClusterFault> {
    wiring::kept_out(scene.cluster, scene.connections, workload, link, scene.kubectl)
}

/// The Secrets whose files stand at the two ends of a connection.
pub(super) fn secrets_of(connection: &Connection<'_>) -> Vec<String> {
    [&connection.certificate, &connection.ca, &connection.identity, &connection.client_ca]
        .into_iter()
        .flatten()
        .filter_map(|file| file.found.key())
        .map(|key| format!("secret/{}", key.secret))
        .collect()
}

/// A link that only its own words name.
pub(super) fn link_of(sample: &str) -> Option<Link> {
    let lower = sample.to_ascii_lowercase();
    if lower.contains("redis") {
        Some(Link::Redis)
    } else if lower.contains("nats") {
        Some(Link::Nats)
    } else if lower.contains("safety kernel") || lower.contains("safety_kernel") {
        Some(Link::SafetyKernel)
    } else {
        None
    }
}

/// A plaintext URL that production refuses is a plaintext client, whatever else the words say.
fn read_again(trouble: &StartTrouble) -> StartTrouble {
    let mut trouble = trouble.clone();
    let lower = trouble.sample.to_ascii_lowercase();
    if lower.contains("tls required in production") {
        trouble.what.kind = CauseKind::WrongSchemePlainToTls;
        trouble.what.variant = None;
    } else if lower.contains("secure connection not available") {
        trouble.what.kind = CauseKind::WrongSchemeTlsToPlain;
        trouble.what.variant = Some(Variant::NatsPlaintext);
    } else if lower.contains("safety_kernel_tls_ca required") {
        trouble.what.kind = CauseKind::WrongSchemePlainToTls;
        trouble.what.variant = None;
        trouble.what.link = Some(Link::SafetyKernel);
    }
    trouble
}

/// What a container said, told as its own fault.
fn unknown(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    trouble: &StartTrouble,
) -> ClusterFault {
    if let Some(fault) = listeners::in_clear(scene.kubectl, pod, workload, container, &trouble.sample) {
        return fault;
    }
    let name = workload.to_string();
    let fact = container_logged(pod, container, &trouble.sample);
    let link = trouble.what.link.or_else(|| link_of(&trouble.sample));
    let place = match link {
        Some(link)
            if trouble.what.kind.is_unreached()
                && link.service() != service_of(workload)
                && !replicas::is_reached_by_others(scene, pod, link) =>
        {
            scene.cluster.of_service(link.service()).next().map_or_else(|| name.clone(), ToString::to_string)
        }
        _ => name.clone(),
    };
    let dialled = link.and_then(|link| pods::dialled(scene, workload, link));
    // The safety kernel's scheme stands in another setting than its address.
    let address = dialled.filter(|_| link != Some(Link::SafetyKernel)).and_then(|one| one.scheme.as_ref());
    let cure = match address {
        Some((variable, url)) => Fix::told(format!(
            "{name} does not get along with {} at {variable}={url} ({}): look at that server and at what stands between",
            link.map_or("its peer", Link::service),
            host_of(url)
        )),
        None => Fix::told(format!("{name} stops for what it says itself: {}", first_line(&trouble.sample))),
    };
    let command = scene.kubectl.command(&["logs", &pod.name, "-c", container, "--tail=50"]);
    let mut fault = ClusterFault::of_trouble(trouble, place).because(fact).cure(cure.by(command));
    fault.confidence = pods::sure(trouble);
    if trouble.what.kind.is_unreached() {
        let far = link.or_else(|| wiring::far_link(scene, workload, &trouble.sample));
        fault.met = far.filter(|link| link.service() != service_of(workload));
    }
    fault
}
