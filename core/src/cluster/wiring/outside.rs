//! NATS or Redis that runs elsewhere: a managed one, or one of another namespace.

use crate::cause::CauseKind;
use crate::cluster::connections::{host_of, known};
use crate::cluster::cure::{Fix, change};
use crate::cluster::fault::ClusterFault;
use crate::evidence::WiringFact;
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::Cluster;
use crate::workload::{Value, Workload};

/// A Service that a client dials and that is another name for a host which nobody finds: its clients find it by that
/// alone.
#[must_use]
pub(in crate::cluster) fn named_elsewhere(
    cluster: &Cluster,
    client: &Workload,
    link: Link,
) -> Option<ClusterFault> {
    let variable = url_of(link.service())?;
    let host = host_of(known(client.main()?, variable)?);
    let name = host.split('.').next().unwrap_or_default();
    let service = cluster.services.iter().find(|one| one.name == name)?;
    let outside = service.outside.as_ref()?;
    let place = format!("service/{name}");
    let field = "spec.externalName";
    let change = change(place.clone(), None, ChangeKind::Config, field, Some(field.to_owned()));
    let cure = Fix::told(format!(
        "{place} is another name for {outside}, which is not found: set {field} to the host that is meant, or make its name \
         known"
    ))
    .with(change.values(Some(outside), None));
    Some(
        ClusterFault::new(Some(CauseKind::Dns), place.clone())
            .because(WiringFact::StandsFor { place, outside: outside.clone() })
            .cure(cure)
            .seen_in(EvidenceLevel::Logged),
    )
}

fn url_of(service: &str) -> Option<&'static str> {
    match service {
        "nats" => Some("NATS_URL"),
        "redis" => Some("REDIS_URL"),
        _ => None,
    }
}

/// Whether the services dial this server somewhere else than in the namespace, as far as their URLs are known: by a host
/// of the world outside or of another namespace, or by a Service that stands for one.
#[must_use]
pub(in crate::cluster) fn leads_out(cluster: &Cluster, service: &str) -> bool {
    let Some(variable) = url_of(service) else { return false };
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
