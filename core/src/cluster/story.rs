//! From many symptoms to where each of them began: what Kubernetes tells of a pod, what a container died of, which
//! Secret, setting or server is behind it. One fault is told once, however many pods show it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::connections::{self, Target, host_of};
use super::cure::{Cure, Kubectl};
use super::fault::Fault;
use super::log::{Start, Trouble};
use super::pods::{self, Reason, Said, Scene, serves, state_of};
use super::secrets::Found;
use super::{certificates, wiring, words};
use crate::cause::{CauseKind, Variant};
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;
use crate::workload::kubernetes::{Cluster, Pod, service_of};
use crate::workload::{Workload, WorkloadKind};

/// What the containers said, by pod and container.
pub type Logs = BTreeMap<(String, String), Said>;

/// A pod that does not serve, and why.
#[derive(Clone, Debug)]
pub struct Broken {
    pub pod: String,
    /// Index of the fault behind it.
    pub fault: usize,
    /// What shows it at this very pod.
    pub shown: String,
    /// The link that it died of, or lacks.
    pub link: Option<Link>,
    pub cause: Option<CauseKind>,
}

/// How a service of the stack fares.
#[derive(Clone, Debug, Default)]
pub struct Health {
    /// `deployment/cordum-api-gateway`.
    pub workload: String,
    pub pods: usize,
    pub serving: usize,
    /// The fault behind a service that no pod serves, or behind a pod of it.
    pub broken: Vec<Broken>,
    /// It is scaled to nothing.
    pub idle: bool,
}

impl Health {
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
    pub faults: Vec<Fault>,
    /// By service.
    pub services: BTreeMap<String, Health>,
}

impl Story {
    /// Tells it.
    #[must_use]
    pub fn of(cluster: &Cluster, logs: &Logs, now: SystemTime, kubectl: &Kubectl) -> Self {
        let seconds = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
        let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
        let connections = connections::all(cluster);
        let mut story = Self::default();
        for fault in certificates::faults(&connections, seconds, kubectl) {
            story.add(fault);
        }
        for fault in wiring::faults(cluster, &connections, kubectl) {
            story.add(fault);
        }
        let scene = Scene { cluster, connections: &connections, kubectl };
        // What others depend on comes first.
        let rank = |service: &str| match service {
            "redis" => 0,
            "nats" => 1,
            "safety-kernel" => 2,
            "dashboard" => 4,
            _ => 3,
        };
        let mut order: Vec<&Workload> =
            cluster.workloads.iter().filter(|one| one.kind != WorkloadKind::Job).collect();
        order.sort_by_key(|one| rank(service_of(one)));
        for workload in order {
            story.look_at(scene, workload, logs);
        }
        story.members(scene, logs);
        story.clients(scene, logs);
        // What nobody could look for is not said to be missing.
        if cluster.is_whole() {
            story.absent();
        }
        story
    }

    /// Services of the stack that the namespace does not have, though it has others of them.
    fn absent(&mut self) {
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
        if !CHECKS.iter().any(|(service, _)| self.services.contains_key(*service)) {
            return;
        }
        for (service, checks) in CHECKS {
            if !self.services.contains_key(*service) {
                self.add(
                    Fault::new(Some(CauseKind::ConnectionRefused), *service)
                        .variant(Some(Variant::ContainerAbsent))
                        .because(format!("no workload of the namespace is {service}"))
                        .cure(Cure::told(format!("deploy {service}, or leave its checks out with --skip")))
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
    fn add(&mut self, fault: Fault) -> usize {
        if let Some(at) = self.faults.iter().position(|known| known.identity() == fault.identity()) {
            let known = &mut self.faults[at];
            known.breaks.extend(fault.breaks);
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

    fn look_at(&mut self, scene: Scene<'_>, workload: &Workload, logs: &Logs) {
        let service = service_of(workload).to_owned();
        let mine = || {
            scene.cluster.pods.iter().filter(|pod| {
                scene.cluster.workload_of(pod).is_some_and(|owner| std::ptr::eq(owner, workload))
            })
        };
        let mut health = Health { workload: workload.to_string(), ..Health::default() };
        health.pods = mine().filter(|pod| !pod.leaving).count();
        health.serving = mine().filter(|pod| serves(pod)).count();
        if !pods::is_wanted(workload) {
            health.idle = true;
            let fault = self.add(scaled_to_nothing(scene, workload));
            health.broken.push(Broken {
                pod: workload.to_string(),
                fault,
                shown: format!("{workload} is scaled to 0"),
                link: None,
                cause: Some(CauseKind::ConnectionRefused),
            });
        } else if health.pods == 0 && matches!(workload.wanted, Some(wanted) if wanted > 0) {
            let fault = self.add(never_made(scene, workload));
            health.broken.push(Broken {
                pod: workload.to_string(),
                fault,
                shown: format!("{workload} has no pod"),
                link: None,
                cause: None,
            });
        }
        let some = u32::try_from(health.pods).unwrap_or(u32::MAX);
        let fewer = workload.wanted.is_some_and(|wanted| some > 0 && some < wanted);
        if fewer && refused_pods(scene, workload).is_some() {
            let fault = self.add(never_made(scene, workload));
            health.broken.push(Broken {
                pod: workload.to_string(),
                fault,
                shown: format!("{workload} has {} of its pods", health.pods),
                link: None,
                cause: None,
            });
        }
        for pod in mine().filter(|pod| !serves(pod) && !pod.leaving) {
            let said = |container: &str| {
                logs.get(&(pod.name.clone(), container.to_owned())).cloned().unwrap_or_default()
            };
            let Some(reason) = pods::reason(scene, pod, &said) else { continue };
            let told = matches!(reason, Reason::Told(_));
            // A server that has no routes says so in its own words, and its peers say why.
            if let (false, "nats", Some(fault)) =
                (told, pod.service.as_str(), self.routes_of(scene, pod, workload, logs))
            {
                health.broken.push(Broken {
                    pod: pod.name.clone(),
                    fault,
                    shown: state_of(pod),
                    link: Some(Link::Nats),
                    cause: self.faults[fault].cause,
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
        scene: Scene<'_>,
        pod: &Pod,
        workload: &Workload,
        reason: Reason,
        logs: &Logs,
    ) -> Broken {
        let mut broken =
            Broken { pod: pod.name.clone(), fault: 0, shown: state_of(pod), link: None, cause: None };
        match reason {
            Reason::Told(fault) => {
                broken.cause = fault.cause;
                broken.shown = fault.because.first().cloned().unwrap_or(broken.shown);
                broken.fault = self.add(*fault);
            }
            Reason::Trouble(trouble, container) => {
                broken.link = trouble.what.link;
                broken.cause = Some(trouble.what.kind);
                broken.shown =
                    format!("{container} of pod {} logged: {}", pod.name, first_line(&trouble.sample));
                broken.fault = self.traced(scene, pod, workload, &container, &trouble);
                let facts = [broken.shown.clone(), state_of(pod)];
                for fact in facts {
                    self.faults[broken.fault].add(fact);
                }
            }
            Reason::Words(words, container) if self.spoken_of(workload, &words).is_some() => {
                broken.fault = self.spoken_of(workload, &words).unwrap_or_default();
                broken.shown = format!("{container} of pod {} said last: {words}", pod.name);
                broken.cause = self.faults[broken.fault].cause;
                let facts = [broken.shown.clone(), state_of(pod)];
                for fact in facts {
                    self.faults[broken.fault].add(fact);
                }
            }
            Reason::Words(words, container) => {
                let fault =
                    words::fault(scene.kubectl, pod, workload, &container, &words).because(state_of(pod));
                broken.cause = fault.cause;
                broken.shown = fault.because.first().cloned().unwrap_or(broken.shown);
                broken.fault = self.add(fault);
            }
            Reason::NotReady(shown) => {
                broken.fault = self.waits(scene, pod, workload, &shown, logs);
                broken.shown = shown;
                broken.cause = self.faults[broken.fault].cause;
            }
        }
        broken
    }

    /// The fault behind what a container said.
    fn traced(
        &mut self,
        scene: Scene<'_>,
        pod: &Pod,
        workload: &Workload,
        container: &str,
        trouble: &Trouble,
    ) -> usize {
        let trouble = &read_again(trouble);
        let kind = trouble.what.kind;
        let sample = &trouble.sample;
        let pair = sample.contains("does not chain to");
        if (matches!(kind, CauseKind::BadKeyFile | CauseKind::KeyMismatch) || pair)
            && let Some((path, found)) = pods::file_at_fault(scene, pod, container, sample)
        {
            return self.of_file(scene, pod, workload, container, trouble, &path, &found);
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

    /// A file of its own that a container cannot use.
    #[expect(clippy::too_many_arguments, reason = "all of it is said in one sentence")]
    fn of_file(
        &mut self,
        scene: Scene<'_>,
        pod: &Pod,
        workload: &Workload,
        container: &str,
        trouble: &Trouble,
        path: &str,
        found: &Found,
    ) -> usize {
        let kind = trouble.what.kind;
        let fact = format!("{container} of pod {} logged: {}", pod.name, first_line(&trouble.sample));
        // A path that only this workload asks for, beside files that are there: the setting is wrong, not the Secret.
        if matches!(found, Found::MissingKey(_))
            && let Some(at) = self.at(&workload.to_string(), Some(kind))
        {
            return at;
        }
        let Some(key) = found.key() else {
            let setting = pod
                .configured
                .iter()
                .find(|one| one.name == container)
                .and_then(|one| one.environment.iter().find(|setting| setting.value.known() == Some(path)))
                .map(|setting| setting.name.clone());
            let what = setting.as_ref().map_or_else(|| path.to_owned(), |name| format!("{name} ({path})"));
            let mut fault = Fault::new(Some(kind), workload.to_string())
                .variant(trouble.what.variant)
                .on(trouble.what.side)
                .because(fact)
                .seen_in(EvidenceLevel::Logged);
            if let Some(at) = self.at(&workload.to_string(), Some(kind)) {
                return at;
            }
            let sibling = setting.as_ref().and_then(|name| sibling_value(scene, workload, name));
            fault = match (setting, sibling) {
                (Some(name), Some(to)) if to != path => fault.cure(wiring::set(
                    scene.kubectl,
                    workload,
                    &name,
                    Some(path),
                    &to,
                    "its neighbours read that file, and nothing is mounted at the other path",
                )),
                _ => fault.cure(Cure::told(format!(
                    "{what} of {workload} is no file in its container: mount it, or name one that is"
                ))),
            };
            return self.add(fault);
        };
        let place = format!("secret/{}", key.secret);
        // What the certificates themselves show is told already.
        let known = self.faults.iter().position(|one| {
            one.place == place
                && one.cause.is_some_and(|cause| alike(cause) == alike(kind) || kind == CauseKind::BadKeyFile)
        });
        if let Some(at) = known {
            return at;
        }
        // The pair's other half may be the odd one.
        if trouble.sample.contains("does not chain to") {
            let known = self.faults.iter().position(|one| {
                one.place.starts_with("secret/") && one.cause.is_some_and(|cause| alike(cause) == alike(kind))
            });
            if let Some(at) = known {
                return at;
            }
        }
        let absent = matches!(found, Found::MissingKey(_));
        let cure = of_secret_file(scene, workload, key, kind, absent);
        self.add(
            Fault::new(Some(kind), place)
                .variant(trouble.what.variant)
                .on(trouble.what.side)
                .because(fact)
                .because(format!("{path} is {} of secret/{}", key.key, key.secret))
                .cure(cure)
                .seen_in(EvidenceLevel::Logged)
                .breaks(&["certificates"]),
        )
    }

    /// What a service met at NATS, Redis or the safety kernel.
    fn of_link(
        &mut self,
        scene: Scene<'_>,
        pod: &Pod,
        workload: &Workload,
        container: &str,
        trouble: &Trouble,
        link: Link,
    ) -> usize {
        let kind = trouble.what.kind;
        let client = workload.to_string();
        let connection = pods::dialled(scene, workload, link);
        let server_down = self.services.get(link.service()).filter(|health| health.is_down());
        // The names and the settings of the client itself.
        if let Some(at) = self.at(&client, Some(kind)) {
            return at;
        }
        let own_settings = self.faults.iter().position(|one| {
            one.place == client
                && one.cause.is_some_and(|cause| {
                    matches!(
                        cause,
                        CauseKind::WrongSchemePlainToTls
                            | CauseKind::WrongSchemeTlsToPlain
                            | CauseKind::Dns
                            | CauseKind::ConnectionRefused
                    )
                })
        });
        if let Some(at) = own_settings
            .filter(|_| connection_trouble(kind) || is_scheme(kind) || kind == CauseKind::UnknownAuthority)
        {
            return at;
        }
        let server = scene.cluster.of_service(link.service()).next();
        // The server's own settings: plaintext where TLS is asked for, and the like.
        let places: Vec<String> = server
            .iter()
            .flat_map(|server| {
                let config = connections::config_of(scene.cluster, server);
                let map = config
                    .and_then(|config| config.file)
                    .map(|file| format!("configmap/{}", file.config_map));
                map.into_iter().chain([server.to_string()])
            })
            .collect();
        let of_server = self.faults.iter().position(|one| {
            places.contains(&one.place)
                && one.cause.is_some_and(is_scheme)
                && (connection_trouble(kind) || is_scheme(kind))
        });
        if let Some(at) = of_server {
            return at;
        }
        // Certificates on either end.
        if of_certificate(kind) {
            let secrets: Vec<String> = connection
                .iter()
                .flat_map(|one| [&one.certificate, &one.ca, &one.identity, &one.client_ca])
                .flatten()
                .filter_map(|file| file.found.key())
                .map(|key| format!("secret/{}", key.secret))
                .collect();
            let same = |one: &Fault, strict: bool| {
                secrets.contains(&one.place)
                    && one.cause.is_some_and(|cause| !strict || alike(cause) == alike(kind))
                    && one.cause.is_some_and(of_certificate)
            };
            let known = self
                .faults
                .iter()
                .position(|one| same(one, true))
                .or_else(|| self.faults.iter().position(|one| same(one, false)));
            if let Some(at) = known {
                let dial: &[&'static str] = match link {
                    Link::Redis => &["redis-tls", "redis-logs"],
                    Link::Nats => &["worker-nats-tls"],
                    _ => &[],
                };
                self.faults[at].breaks.extend(dial);
                return at;
            }
        }
        if let Some(health) = server_down
            && let Some(broken) = health.broken.first()
            && connection_trouble(kind)
        {
            let at = broken.fault;
            self.faults[at].add(format!("{} of {client} cannot reach {}", container, link.service()));
            return at;
        }
        if let (true, Some(server)) = (of_certificate(kind), server) {
            let place = connection
                .and_then(|one| one.certificate.as_ref())
                .and_then(|file| file.found.key())
                .map_or_else(|| server.to_string(), |key| format!("secret/{}", key.secret));
            let fault = unknown(scene, pod, workload, container, trouble);
            return self.add(Fault { place, ..fault });
        }
        self.add(unknown(scene, pod, workload, container, trouble))
    }

    /// It runs and is not ready: it waits for something that is broken, or its own log tells.
    fn waits(&mut self, scene: Scene<'_>, pod: &Pod, workload: &Workload, shown: &str, logs: &Logs) -> usize {
        let service = service_of(workload);
        if service == "nats"
            && let Some(at) = self.routes_of(scene, pod, workload, logs)
        {
            return at;
        }
        for link in [Link::Redis, Link::Nats] {
            let depends = pods::dialled(scene, workload, link).is_some() && service != link.service();
            let down = self.services.get(link.service()).filter(|health| health.is_down());
            if let (true, Some(broken)) = (depends, down.and_then(|health| health.broken.first())) {
                return broken.fault;
            }
        }
        let refused = shown.contains("connection refused");
        let hangs = shown.contains("deadline exceeded") || shown.contains("i/o timeout");
        let cause = if refused {
            Some(CauseKind::ConnectionRefused)
        } else if hangs {
            Some(CauseKind::Timeout)
        } else {
            None
        };
        let name = workload.to_string();
        let cure =
            Cure::told(format!("{name} runs and is not ready: {shown}; its own log says more")).by(scene
                .kubectl
                .command(&[
                    "logs",
                    &pod.name,
                    "-c",
                    pod.main().map_or("", |main| main.name.as_str()),
                    "--tail=50",
                ]));
        self.add(
            Fault::new(cause, name)
                .variant(refused.then_some(Variant::NothingListens))
                .because(shown)
                .because(state_of(pod))
                .cure(cure)
                .seen_in(EvidenceLevel::Observed),
        )
    }

    /// The fault behind a NATS server without routes, from its own log and its peers'.
    fn routes_of(&mut self, scene: Scene<'_>, pod: &Pod, workload: &Workload, logs: &Logs) -> Option<usize> {
        let own = present(logs, pod)?;
        let mut errors: Vec<(String, CauseKind, Option<Variant>)> = Vec::new();
        let mut note = |who: &str, start: &Start, address: Option<&str>| {
            for (peer, route) in &start.routes {
                let meant = address.is_none_or(|address| address == peer);
                if let (true, false, Some(error), Some(what)) = (meant, route.up, &route.error, &route.what) {
                    errors.push((format!("{who} logged of {peer}: {error}"), what.kind, what.variant));
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
        let facts: Vec<String> = errors.into_iter().map(|(fact, ..)| fact).take(3).collect();
        let known = self.faults.iter().position(|one| one.breaks.contains("cluster-links")).or_else(|| {
            let connection = scene.connections.iter().find(|one| one.target == Target::Routes)?;
            let key = connection.certificate.as_ref()?.found.key()?;
            let place = format!("secret/{}", key.secret);
            self.faults.iter().position(|one| one.place == place && one.cause.is_some_and(of_certificate))
        });
        let at = match known {
            Some(at) => at,
            None => {
                let place = scene
                    .connections
                    .iter()
                    .find(|one| one.target == Target::Routes)
                    .and_then(|one| one.certificate.as_ref()?.found.key())
                    .map_or_else(|| format!("pod/{}", pod.name), |key| format!("secret/{}", key.secret));
                let cure = Cure::told(format!(
                    "the NATS server in pod {} and its peers refuse each other: what it read at its start is not what \
                     they have; restarted it reads {place} again",
                    pod.name
                ));
                let mut cure = cure;
                cure.command = scene.kubectl.restart(&[workload.to_string()]);
                self.add(
                    Fault::new(Some(kind), place).variant(variant).cure(cure).seen_in(EvidenceLevel::Logged),
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
    fn members(&mut self, scene: Scene<'_>, logs: &Logs) {
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
                    !route.up && route.what.as_ref().is_some_and(|what| of_certificate(what.kind))
                })
            };
            let refused = |peer: &&&Pod| mine.iter().any(|pod| pod.name != peer.name && refuses(pod, peer));
            for pod in mine.iter().filter(|pod| !serves(pod) || refused(pod)) {
                self.routes_of(scene, pod, workload, logs);
            }
        }
    }

    /// What serving clients meet at NATS and Redis tells that a wrong Secret is in use.
    fn clients(&mut self, scene: Scene<'_>, logs: &Logs) {
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

    /// A fault of this workload whose setting the words name.
    fn spoken_of(&self, workload: &Workload, words: &str) -> Option<usize> {
        let place = workload.to_string();
        let words = words.to_ascii_lowercase();
        let named = |name: &str| {
            let name = name.to_ascii_lowercase();
            name.contains('_') && (words.contains(&name) || words.contains(&name.replace('_', " ")))
        };
        self.faults.iter().position(|one| {
            one.place == place
                && one.cures.iter().flat_map(|cure| &cure.changes).any(|change| named(&change.name))
        })
    }

    /// A fault at this place of the same kind.
    fn at(&self, place: &str, kind: Option<CauseKind>) -> Option<usize> {
        self.faults.iter().position(|one| one.place == place && one.cause.map(alike) == kind.map(alike))
    }
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

/// The present start of a pod's main container.
fn present<'a>(logs: &'a Logs, pod: &Pod) -> Option<&'a Start> {
    let main = pod.main()?;
    logs.get(&(pod.name.clone(), main.name.clone()))?.present.as_ref()
}

/// A link that only its own words name.
fn link_of(sample: &str) -> Option<Link> {
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

/// A certificate without its key, or a key without its certificate.
fn half_pair(scene: Scene<'_>, workload: &Workload, sample: &str) -> Option<Fault> {
    let main = workload.main()?;
    let lower = sample.to_ascii_lowercase();
    let fronts =
        ["NATS_TLS", "REDIS_TLS", "GATEWAY_HTTP_TLS", "GRPC_TLS", "SAFETY_KERNEL_TLS", "CONTEXT_ENGINE_TLS"];
    let said = |front: &&&str| lower.contains(&front.to_ascii_lowercase().replace('_', " "));
    let all = || fronts.iter().filter(said).chain(fronts.iter().filter(|front| !said(front)));
    let (front, missing, there) = all().find_map(|front| {
        let (cert, key) = (format!("{front}_CERT"), format!("{front}_KEY"));
        let set = |name: &str| connections::known(main, name).is_some();
        match (set(&cert), set(&key)) {
            (true, false) => Some((*front, key, cert)),
            (false, true) => Some((*front, cert, key)),
            _ => None,
        }
    })?;
    let path = connections::known(main, &there)?;
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    let file = if missing.ends_with("_KEY") { "tls.key" } else { "tls.crt" };
    let to = sibling_value(scene, workload, &missing).unwrap_or_else(|| format!("{folder}/{file}"));
    let why = format!("{there} is {path}, and the two belong together");
    Some(
        Fault::new(Some(CauseKind::BadKeyFile), workload.to_string())
            .variant(Some(Variant::HalfPair))
            .because(format!("{missing} of {workload} is not set, though {there} is ({front})"))
            .because(first_line(sample))
            .cure(wiring::set(scene.kubectl, workload, &missing, None, &to, &why))
            .seen_in(EvidenceLevel::Logged),
    )
}

/// A plaintext URL that production refuses is a plaintext client, whatever else the words say.
fn read_again(trouble: &Trouble) -> Trouble {
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

/// Kinds that are one fault under two names.
#[must_use]
pub const fn alike(kind: CauseKind) -> CauseKind {
    match kind {
        CauseKind::BadSignature => CauseKind::UnknownAuthority,
        CauseKind::ClientCertRequired => CauseKind::BadCertificate,
        other => other,
    }
}

/// Trouble with a certificate or with what verifies it.
#[must_use]
pub const fn of_certificate(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::UnknownAuthority
            | CauseKind::BadSignature
            | CauseKind::Expired
            | CauseKind::NotYetValid
            | CauseKind::HostnameMismatch
            | CauseKind::BadCertificate
            | CauseKind::ClientCertRequired
            | CauseKind::WrongKeyUsage
            | CauseKind::InvalidCa
    )
}

/// Trouble with the connection itself.
#[must_use]
pub const fn connection_trouble(kind: CauseKind) -> bool {
    matches!(
        kind,
        CauseKind::ConnectionRefused | CauseKind::ConnectionReset | CauseKind::Timeout | CauseKind::Dns
    )
}

const fn is_scheme(kind: CauseKind) -> bool {
    matches!(kind, CauseKind::WrongSchemePlainToTls | CauseKind::WrongSchemeTlsToPlain)
}

pub(super) fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// What another workload's variable of the same name holds.
fn sibling_value(scene: Scene<'_>, workload: &Workload, variable: &str) -> Option<String> {
    let others = scene.cluster.workloads.iter().filter(|other| !std::ptr::eq(*other, workload));
    let mut values: BTreeMap<&str, usize> = BTreeMap::new();
    for other in others {
        if let Some(value) = other.main().and_then(|main| connections::known(main, variable)) {
            *values.entry(value).or_default() += 1;
        }
    }
    values.into_iter().max_by_key(|(_, count)| *count).map(|(value, _)| value.to_owned())
}

/// What a container said, told as its own fault.
fn unknown(scene: Scene<'_>, pod: &Pod, workload: &Workload, container: &str, trouble: &Trouble) -> Fault {
    let name = workload.to_string();
    let fact = format!("{container} of pod {} logged: {}", pod.name, first_line(&trouble.sample));
    let link = trouble.what.link.or_else(|| link_of(&trouble.sample));
    let place = match link {
        Some(link) if connection_trouble(trouble.what.kind) && link.service() != service_of(workload) => {
            scene.cluster.of_service(link.service()).next().map_or_else(|| name.clone(), ToString::to_string)
        }
        _ => name.clone(),
    };
    let dialled = link.and_then(|link| pods::dialled(scene, workload, link));
    let cure = match dialled.and_then(|one| one.scheme.as_ref()) {
        Some((variable, url)) => Cure::told(format!(
            "{name} does not get along with {} at {variable}={url} ({}): look at that server and at what stands between",
            link.map_or("its peer", Link::service),
            host_of(url)
        )),
        None => Cure::told(format!("{name} stops for what it says itself: {}", first_line(&trouble.sample))),
    };
    let command = scene.kubectl.command(&["logs", &pod.name, "-c", container, "--tail=50"]);
    let mut fault = Fault::new(Some(trouble.what.kind), place)
        .variant(trouble.what.variant)
        .on(trouble.what.side)
        .because(fact)
        .cure(cure.by(command))
        .seen_in(EvidenceLevel::Logged);
    fault.confidence = pods::sure(trouble);
    fault
}

/// A Secret's file that its reader cannot use.
fn of_secret_file(
    scene: Scene<'_>,
    workload: &Workload,
    key: &super::secrets::Key,
    kind: CauseKind,
    absent: bool,
) -> Cure {
    let what = if kind == CauseKind::KeyMismatch {
        format!("tls.key of secret/{} is not the key of its tls.crt: both have to be of one pair", key.secret)
    } else if absent {
        format!("secret/{} has no key {}, which {workload} reads: put it in", key.secret, key.key)
    } else {
        format!("{} of secret/{} cannot be used by {workload}: put one in that can", key.key, key.secret)
    };
    let folder =
        key.secret.strip_prefix("cordum-").unwrap_or(&key.secret).trim_end_matches("-tls").to_owned();
    let pair = [format!("certs/{folder}/tls.crt"), format!("certs/{folder}/tls.key")];
    let files: Vec<(&str, &str)> = if key.key == "ca.crt" {
        vec![("ca.crt", "certs/ca/ca.crt")]
    } else {
        vec![("tls.crt", &pair[0]), ("tls.key", &pair[1])]
    };
    let mut command = scene.kubectl.fill(&key.secret, &files);
    let mut readers =
        certificates::readers_at_start(scene.connections, &key.secret, &["tls.crt", "tls.key", &key.key]);
    if !readers.contains(&workload.to_string()) {
        readers.push(workload.to_string());
    }
    if let Some(restart) = scene.kubectl.restart(&readers) {
        command.push_str(" && ");
        command.push_str(&restart);
    }
    let mut cure = Cure::told(what).by(command);
    for (name, _) in files {
        cure = cure.with(super::cure::of_secret(workload.to_string(), &key.secret, name));
    }
    cure
}

/// A workload with no replicas: how many there should be its configuration tells.
fn scaled_to_nothing(scene: Scene<'_>, workload: &Workload) -> Fault {
    let service = service_of(workload);
    let config = connections::config_of(scene.cluster, workload);
    let routes =
        config.as_ref().and_then(|config| config.get("cluster.routes")).map(|routes| routes.lines().count());
    let nodes = (service == "redis")
        .then(|| {
            scene.cluster.workloads.iter().find_map(|one| {
                let list = connections::known(one.main()?, "REDIS_CLUSTER_ADDRESSES")?;
                Some(list.split(',').count())
            })
        })
        .flatten();
    let wanted = routes.or(nodes).unwrap_or(1).max(1);
    let name = workload.to_string();
    let cure = Cure::told(format!(
        "{name} is scaled to 0, so its Service has no endpoints and refuses: scale it to {wanted}"
    ))
    .by(scene.kubectl.command(&["scale", &name, &format!("--replicas={wanted}")]));
    let breaks: &[&'static str] = match service {
        "nats" => &["worker-nats-tls"],
        "redis" => &["redis-tls"],
        _ => &[],
    };
    Fault::new(Some(CauseKind::ConnectionRefused), name.clone())
        .variant(Some(Variant::ContainerStopped))
        .because(format!("{name} is scaled to 0: its Service has no endpoints, and connections are refused"))
        .cure(cure)
        .breaks(breaks)
        .seen_in(EvidenceLevel::Observed)
}

/// Pods that are wanted and do not exist: only events of what should make them tell.
fn never_made(scene: Scene<'_>, workload: &Workload) -> Fault {
    let name = workload.to_string();
    let why = refused_pods(scene, workload);
    let why = why.unwrap_or_else(|| "nothing says why".to_owned());
    Fault::new(None, name.clone())
        .because(format!("{name} has no pod: {why}"))
        .cure(
            Cure::told(format!("{name} cannot make its pods: {why}"))
                .by(scene.kubectl.command(&["describe", &name])),
        )
        .seen_in(EvidenceLevel::Observed)
}

/// Why a workload's pods are not made, in the events' words.
fn refused_pods(scene: Scene<'_>, workload: &Workload) -> Option<String> {
    let about = |event: &&crate::workload::kubernetes::Event| {
        event.reason == "FailedCreate"
            && event.about.rsplit('/').next().is_some_and(|one| one.starts_with(&workload.name))
    };
    scene.cluster.events.iter().rev().find(about).map(|event| event.message.clone())
}
