//! What a recorded cluster says of each check: it fails where objects, events or logs show that it does; what needs a
//! dial is open.

mod files;
mod members;

use std::collections::BTreeMap;

use super::connections::known;
use super::pods::{ContainerLog, serves, unread};
use super::story::{ContainerLogs, Story, logged};
use crate::evidence::Fact;
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;
use crate::workload::WorkloadKind;
use crate::workload::kubernetes::{Cluster, Pod, service_of};

/// How a check stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckStanding {
    Holds(String),
    /// By the faults of the story.
    Fails(Vec<usize>),
    Open(String),
    /// There is nothing that it could be about.
    NotApplicable(String),
}

/// A check's word, and what is worth a look beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterVerdict {
    pub word: CheckStanding,
    /// Faults that are no failure of this check.
    pub warnings: Vec<String>,
    pub evidence: EvidenceLevel,
}

impl ClusterVerdict {
    fn new(word: CheckStanding, evidence: EvidenceLevel) -> Self {
        Self { word, warnings: Vec::new(), evidence }
    }

    fn open(why: impl Into<String>) -> Self {
        Self::new(CheckStanding::Open(why.into()), EvidenceLevel::None)
    }
}

/// A cluster as it was recorded, and what is made of it.
#[derive(Clone, Copy, Debug)]
pub struct RecordedCluster<'a> {
    pub cluster: &'a Cluster,
    pub story: &'a Story,
    pub logs: &'a ContainerLogs,
    /// What `/readyz` of each gateway pod answered.
    pub ready: &'a BTreeMap<String, bool>,
    /// Services that must be deployed.
    pub services: &'a [String],
}

/// Services whose links check 15 is about.
const CORE: &[&str] = &["api-gateway", "scheduler", "workflow-engine", "safety-kernel"];
const NO_DIAL: &str = "a recording cannot be dialled; objects, events and logs show nothing against it";

impl RecordedCluster<'_> {
    /// What is known of a check.
    #[must_use]
    pub fn verdict(&self, check: &str) -> ClusterVerdict {
        if self.story.services.is_empty() {
            return ClusterVerdict::open(format!(
                "namespace {} has none of the stack's services",
                self.cluster.namespace
            ));
        }
        match check {
            "gateway-https" | "gateway-wss" | "cli-with-cacert" | "gateway-grpc" => {
                self.dialled(check, &["api-gateway"])
            }
            "safety-kernel-grpc" => self.dialled(check, &["safety-kernel"]),
            "context-engine-grpc" => self.dialled(check, &["context-engine"]),
            "dashboard-gateway" => self.dialled(check, &["dashboard", "api-gateway"]),
            "redis-tls" => self.dialled(check, &["redis"]),
            "worker-nats-tls" => self.workers(check),
            "certificates" => self.certificates(),
            "redis-logs" => self.redis_logs(),
            "service-links" => self.links(),
            "cluster-links" => self.members(),
            "cli-without-cacert" => ClusterVerdict::open("a recording cannot be dialled"),
            _ => match self.broken_by(check) {
                Some(faults) => self.fails(faults),
                None => ClusterVerdict::open(NO_DIAL),
            },
        }
    }

    fn broken_by(&self, check: &str) -> Option<Vec<usize>> {
        let all: Vec<usize> = self
            .story
            .ranked()
            .into_iter()
            .filter(|at| self.story.faults[*at].breaks.contains(check))
            .collect();
        (!all.is_empty()).then_some(all)
    }

    /// By these faults; those of which it could not be read what is behind them leave it open.
    fn fails(&self, mut faults: Vec<usize>) -> ClusterVerdict {
        let unread = |at: &usize| self.story.faults[*at].unread;
        if faults.iter().all(unread) {
            let what = faults
                .iter()
                .filter_map(|at| self.story.faults[*at].because.first().map(ToString::to_string));
            return ClusterVerdict::open(what.collect::<Vec<_>>().join("; "));
        }
        faults.retain(|at| !unread(at));
        let evidence = faults.iter().map(|at| self.story.faults[*at].evidence).min();
        ClusterVerdict::new(CheckStanding::Fails(faults), evidence.unwrap_or(EvidenceLevel::None))
    }

    /// Faults behind a service that nobody serves.
    fn down(&self, service: &str) -> Option<Vec<usize>> {
        let health = self.story.services.get(service).filter(|health| health.is_down())?;
        let mut faults: Vec<usize> = Vec::new();
        for broken in health.broken.iter().filter(|one| !one.is_starting()) {
            if !faults.contains(&broken.fault) {
                faults.push(broken.fault);
            }
        }
        (!faults.is_empty()).then_some(faults)
    }

    /// The first pod of these services that is only on its way.
    fn on_its_way(&self, services: &[&str]) -> Option<String> {
        let health = services.iter().filter_map(|service| self.story.services.get(*service));
        let first = health.flat_map(|health| &health.broken).find(|broken| broken.is_starting());
        first.map(|broken| broken.shown.to_string())
    }

    fn dialled(&self, check: &str, services: &[&str]) -> ClusterVerdict {
        let down = services.iter().find_map(|service| self.down(service));
        match down.or_else(|| self.broken_by(check)) {
            Some(faults) => self.fails(faults),
            None => ClusterVerdict::open(self.on_its_way(services).unwrap_or_else(|| NO_DIAL.to_owned())),
        }
    }

    /// NATS, our identity, and every worker that is deployed.
    fn workers(&self, check: &str) -> ClusterVerdict {
        if let Some(faults) = self.down("nats").or_else(|| self.broken_by(check)) {
            return self.fails(faults);
        }
        let worker = |workload: &&crate::workload::Workload| {
            let service = service_of(workload);
            let core = CORE.contains(&service)
                || matches!(service, "context-engine" | "dashboard" | "nats" | "redis");
            let dials = workload.main().is_some_and(|main| known(main, "NATS_URL").is_some());
            !core && dials && workload.kind != WorkloadKind::Job
        };
        let broken: Vec<usize> = self
            .cluster
            .workloads
            .iter()
            .filter(worker)
            .filter_map(|workload| self.story.services.get(service_of(workload)))
            .flat_map(|health| &health.broken)
            .filter(|broken| !broken.is_starting())
            .map(|broken| broken.fault)
            .collect();
        if broken.is_empty() { ClusterVerdict::open(NO_DIAL) } else { self.fails(broken) }
    }

    fn certificates(&self) -> ClusterVerdict {
        if let Some(faults) = self.broken_by("certificates") {
            return self.fails(faults);
        }
        if self.cluster.secrets.is_none() {
            return ClusterVerdict::open("no Secret was read");
        }
        let keys: Vec<String> = self.files().into_keys().collect();
        if keys.is_empty() {
            return ClusterVerdict::open("no certificate of the mounted Secrets can be read");
        }
        let what = format!(
            "{} certificate files of mounted Secrets fit their roles: {}",
            keys.len(),
            keys.join(", ")
        );
        ClusterVerdict::new(CheckStanding::Holds(what), EvidenceLevel::Configured)
    }

    /// The pods of a service that count: those that are not being deleted.
    fn pods<'b>(&'b self, service: &'b str) -> Vec<&'b Pod> {
        self.cluster.pods_of(service).filter(|pod| !pod.leaving).collect()
    }

    /// Redis is seen now: a gateway says so, or services that look for it are ready.
    fn redis_is_seen(&self) -> bool {
        let told = self.cluster.pods_of("api-gateway").any(|pod| self.ready.get(&pod.name) == Some(&true));
        // A gateway and a safety kernel are ready only while they reach Redis.
        let ready = ["api-gateway", "safety-kernel", "scheduler"]
            .iter()
            .any(|service| self.pods(service).iter().any(|pod| serves(pod)));
        told || (ready && !self.story.services.get("redis").is_some_and(|health| health.is_down()))
    }

    fn redis_logs(&self) -> ClusterVerdict {
        let mut faults: Vec<usize> = Vec::new();
        let mut open: Vec<String> = Vec::new();
        let mut warnings: Vec<String> = Vec::new();
        let (mut lines, mut read) = (0_u64, 0_usize);
        let add = |faults: &mut Vec<usize>, at: usize| {
            if !faults.contains(&at) {
                faults.push(at);
            }
        };
        for service in self.services {
            let Some(health) = self.story.services.get(service.as_str()) else {
                open.push(format!("{service} is not deployed"));
                continue;
            };
            if health.idle && health.broken.is_empty() {
                open.push(format!("{} is scaled to 0", health.workload));
            }
            for broken in &health.broken {
                let about_redis = broken.link == Some(Link::Redis)
                    || self.story.faults[broken.fault].breaks.contains("redis-tls");
                let another = broken.link.is_some() && !about_redis;
                if broken.is_starting() {
                    open.push(broken.shown.to_string());
                } else if about_redis || (health.is_down() && !another) {
                    add(&mut faults, broken.fault);
                } else {
                    warnings.push(broken.shown.to_string());
                }
            }
            for pod in self.pods(service).into_iter().filter(|pod| serves(pod)) {
                let Some(start) = self.present(pod) else {
                    open.push(self.unread(pod).unwrap_or_else(|| format!("pod {} has no log", pod.name)));
                    continue;
                };
                lines += start.lines;
                read += 1;
                let troubles = start.troubles.iter().filter(|one| one.what.link == Some(Link::Redis));
                for trouble in troubles.filter(|one| !one.recovered) {
                    let shown = Fact::from(logged(pod, trouble));
                    if trouble.what.kind.is_transient() {
                        warnings.push(format!("{shown} (it got over it: it is ready)"));
                    } else {
                        let behind =
                            self.story.faults.iter().position(|fault| fault.because.contains(&shown));
                        match behind {
                            Some(at) => add(&mut faults, at),
                            None => warnings.push(shown.to_string()),
                        }
                    }
                }
            }
        }
        if let Some(all) = self.broken_by("redis-logs") {
            for at in all {
                add(&mut faults, at);
            }
        }
        let mut verdict = if !faults.is_empty() {
            self.fails(faults)
        } else if !open.is_empty() {
            ClusterVerdict::open(open.join("; "))
        } else if !self.redis_is_seen() {
            ClusterVerdict::open("nothing in the recording shows that Redis is reached now")
        } else {
            let what =
                format!("{lines} lines of {read} pods name no Redis trouble, and ready services reach Redis");
            ClusterVerdict::new(CheckStanding::Holds(what), EvidenceLevel::Logged)
        };
        verdict.warnings = warnings;
        verdict
    }

    fn present(&self, pod: &Pod) -> Option<&super::log::Start> {
        let main = pod.main()?;
        let said: &ContainerLog = self.logs.get(&(pod.name.clone(), main.name.clone()))?;
        said.present.as_ref().filter(|start| start.lines > 0)
    }

    /// What of a pod's log was not read.
    fn unread(&self, pod: &Pod) -> Option<String> {
        let main = pod.main()?;
        let said = self.logs.get(&(pod.name.clone(), main.name.clone()))?;
        let why = said.unread.as_ref().filter(|_| said.present.is_none())?;
        Some(unread(pod, &main.name, why).to_string())
    }

    fn links(&self) -> ClusterVerdict {
        let mut faults: Vec<usize> = Vec::new();
        let mut absent: Vec<&str> = Vec::new();
        let mut unread: Vec<String> = Vec::new();
        let mut held: Vec<String> = Vec::new();
        for service in CORE.iter().filter(|core| self.services.iter().any(|one| one == *core)) {
            let Some(health) = self.story.services.get(*service) else {
                absent.push(service);
                continue;
            };
            unread.extend(
                health.broken.iter().filter(|one| one.is_starting()).map(|one| one.shown.to_string()),
            );
            for broken in health.broken.iter().filter(|one| !one.is_starting()) {
                if !faults.contains(&broken.fault) {
                    faults.push(broken.fault);
                }
            }
            let tls = self.cluster.of_service(service).any(|workload| {
                workload
                    .main()
                    .and_then(|main| known(main, "NATS_URL"))
                    .is_some_and(|url| url.starts_with("tls://"))
            });
            let pods = self.pods(service);
            unread.extend(pods.iter().filter(|pod| serves(pod)).filter_map(|pod| self.unread(pod)));
            if health.broken.is_empty() && tls {
                let told =
                    pods.iter().any(|pod| self.present(pod).is_some_and(|start| start.works(Link::Nats)));
                let how = if told { "its log says that it holds NATS" } else { "it is ready" };
                held.push(format!(
                    "{service} ({} of {} pods ready, tls://, {how})",
                    health.serving, health.pods
                ));
            } else if health.broken.is_empty() {
                absent.push(service);
            }
        }
        for at in self.broken_by("service-links").unwrap_or_default() {
            if !faults.contains(&at) {
                faults.push(at);
            }
        }
        if !faults.is_empty() {
            let ranked = self.story.ranked();
            faults.sort_by_key(|at| ranked.iter().position(|one| one == at));
            return self.fails(faults);
        }
        if !absent.is_empty() {
            unread.insert(0, format!("not deployed, or without a NATS_URL over TLS: {}", absent.join(", ")));
        }
        if !unread.is_empty() {
            return ClusterVerdict::open(unread.join("; "));
        }
        ClusterVerdict::new(CheckStanding::Holds(held.join("; ")), EvidenceLevel::Logged)
    }
}
