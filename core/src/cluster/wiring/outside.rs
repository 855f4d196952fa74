//! NATS or Redis that runs elsewhere: a managed one, or one of another namespace.

use crate::cluster::connections::host_of;
use crate::workload::Value;
use crate::workload::kubernetes::Cluster;

/// Whether the services dial this server somewhere else than in the namespace, as far as their URLs are known: by a host
/// of the world outside or of another namespace, or by a Service that stands for one.
#[must_use]
pub(in crate::cluster) fn leads_out(cluster: &Cluster, service: &str) -> bool {
    let variable = match service {
        "nats" => "NATS_URL",
        "redis" => "REDIS_URL",
        _ => return false,
    };
    let urls = cluster.workloads.iter().filter_map(|one| Some(&one.main()?.variable(variable)?.value));
    // Where a URL leads that nobody has read is not known.
    let outside = |url: &Value| url.known().is_none_or(|url| is_outside(cluster, host_of(url)));
    let mut urls = urls.peekable();
    urls.peek().is_some() && urls.all(outside)
}

fn is_outside(cluster: &Cluster, host: &str) -> bool {
    let mut labels = host.split('.');
    let first = labels.next().unwrap_or_default();
    match labels.next() {
        Some(second) => {
            // `SERVICE.NAMESPACE`, or `POD.SERVICE` of a member.
            let is_member = || cluster.services.iter().any(|one| one.name == second);
            let here = match labels.next() {
                None => second == cluster.namespace || is_member(),
                Some(third) => {
                    (second == cluster.namespace && third == "svc")
                        || (third == cluster.namespace && is_member())
                }
            };
            !here && !host.starts_with("127.")
        }
        // Whom a Service without a selector leads to, somebody else tells.
        None => cluster
            .services
            .iter()
            .any(|one| one.name == first && (one.outside.is_some() || one.selector.is_empty())),
    }
}
