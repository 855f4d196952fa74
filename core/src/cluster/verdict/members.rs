//! The links between the members of a NATS or Redis cluster.

use super::super::connections;
use super::super::pods::serves;
use super::{CheckStanding, ClusterVerdict, RecordedCluster};
use crate::evidence::observation::EvidenceLevel;
use crate::workload::kubernetes::Pod;

impl RecordedCluster<'_> {
    /// Every member is in, over TLS.
    pub(super) fn members(&self) -> ClusterVerdict {
        let several = |service: &str| {
            let wanted = self.cluster.of_service(service).filter_map(|one| one.wanted).sum::<u32>();
            let pods = self.pods(service).len();
            let routes = self.cluster.of_service(service).any(|one| {
                connections::config_of(self.cluster, one).is_some_and(|config| {
                    config.get("cluster.routes").is_some_and(|routes| routes.lines().count() > 1)
                        || config.is_on("cluster-enabled")
                })
            });
            wanted > 1 || pods > 1 || routes
        };
        let clusters: Vec<&str> = ["nats", "redis"].into_iter().filter(|service| several(service)).collect();
        if clusters.is_empty() {
            return ClusterVerdict::new(
                CheckStanding::NotApplicable("not applicable: there is one NATS and one Redis".to_owned()),
                EvidenceLevel::None,
            );
        }
        let mut faults = self.broken_by("cluster-links").unwrap_or_default();
        for service in &clusters {
            for broken in self.story.services.get(*service).into_iter().flat_map(|health| &health.broken) {
                if !broken.is_starting() && !faults.contains(&broken.fault) {
                    faults.push(broken.fault);
                }
            }
        }
        if !faults.is_empty() {
            return self.fails(faults);
        }
        if let Some(pod) = self.on_its_way(&clusters) {
            return ClusterVerdict::open(pod);
        }
        let told: Vec<Option<String>> = clusters.iter().map(|service| self.joined(service)).collect();
        match told.into_iter().collect::<Option<Vec<String>>>() {
            Some(told) => ClusterVerdict::new(CheckStanding::Holds(told.join("; ")), EvidenceLevel::Logged),
            None => {
                let pods = clusters.iter().flat_map(|service| self.pods(service));
                let unread: Vec<String> = pods.filter_map(|pod| self.unread(pod)).collect();
                let untold = "all members are ready; their logs do not tell of every link between them";
                ClusterVerdict::open(if unread.is_empty() { untold.to_owned() } else { unread.join("; ") })
            }
        }
    }

    /// That all members are in over TLS, as their configuration and their own logs have it.
    fn joined(&self, service: &str) -> Option<String> {
        let workload = self.cluster.of_service(service).next()?;
        let config = connections::config_of(self.cluster, workload)?;
        let pods: Vec<&Pod> = self.pods(service);
        if !pods.iter().all(|pod| serves(pod))
            || workload.wanted.is_some_and(|wanted| pods.len() < wanted as usize)
        {
            return None;
        }
        if service == "nats" {
            if !config.is_on("cluster.tls.verify") {
                return None;
            }
            let knows = |one: &Pod, other: &Pod| {
                let start = self.present(one);
                start.is_some_and(|start| {
                    other
                        .addresses
                        .iter()
                        .any(|at| start.routes.get(&at.to_string()).is_some_and(|route| route.up))
                })
            };
            let pairs = pods
                .iter()
                .enumerate()
                .flat_map(|(at, one)| pods[at + 1..].iter().map(move |other| (*one, *other)));
            let all = pairs.into_iter().all(|(one, other)| knows(one, other) || knows(other, one));
            return all.then(|| {
                format!("{} NATS servers hold their routes, over TLS with certificates", pods.len())
            });
        }
        let tls = config.is_on("tls-cluster") || config.is_on("tls-replication");
        let joined = |pod: &&Pod| self.present(pod).is_some_and(|start| start.joined == Some(true));
        (tls && pods.iter().all(joined))
            .then(|| format!("{} Redis nodes are in one cluster, over TLS", pods.len()))
    }
}
