//! Which server of the stack an address in a log line is: by a Service's address, a pod's, a name, else by a port that
//! only one of them has.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::services::listens;
use crate::cluster::pods::{self, PodContext};
use crate::link::Link;
use crate::logs::far_end::{FarEnd, far_ends};
use crate::workload::Workload;
use crate::workload::kubernetes::object::TargetPort;
use crate::workload::kubernetes::{Cluster, service_of};

/// The link at whose server the connections end that a line of a client tells of; nothing where it names no server of
/// the stack, or several.
#[must_use]
pub(in crate::cluster) fn far_link(scene: PodContext<'_>, client: &Workload, line: &str) -> Option<Link> {
    let of = |end| link_at(scene, client, end).filter(|link| link.service() != service_of(client));
    let links: BTreeSet<Link> = far_ends(line).filter_map(of).collect();
    let mut links = links.into_iter();
    links.next().filter(|_| links.next().is_none())
}

fn link_at(scene: PodContext<'_>, client: &Workload, end: FarEnd<'_>) -> Option<Link> {
    let cluster = scene.cluster;
    let named = |link: &&Link| {
        cluster.of_service(link.service()).any(|server| {
            let first = end.host.split('.').next().unwrap_or_default();
            server.aliases.iter().any(|alias| alias == end.host)
                || (cluster.pods_of(link.service()).any(|pod| pod.name == first) && is_of(cluster, end.host))
        })
    };
    let has_port = |link: &&Link| ports(cluster, **link).contains(&end.port);
    let Ok(address) = end.host.parse::<IpAddr>() else {
        return Link::ALL.iter().filter(named).find(has_port).copied();
    };
    let service = cluster.services.iter().find(|service| service.addresses.contains(&address));
    if let Some(service) = service {
        let behind = |link: &&Link| {
            cluster.of_service(link.service()).any(|server| server.aliases.contains(&service.name))
        };
        return Link::ALL.iter().filter(behind).find(has_port).copied();
    }
    let mut pods =
        cluster.pods.iter().filter(|pod| !pod.is_job && pod.addresses.contains(&address)).peekable();
    if pods.peek().is_some() {
        // On a node's own network several have one address.
        let services: BTreeSet<&str> = pods.map(|pod| pod.service.as_str()).collect();
        return Link::ALL.iter().filter(|link| services.contains(link.service())).find(has_port).copied();
    }
    // Pods that are gone and Services that nobody may read have addresses too: who dials such a server by a port that
    // no other one has means it.
    let mut having = Link::ALL.iter().filter(has_port).copied();
    let link = having.next().filter(|_| having.next().is_none())?;
    pods::dialled(scene, client, link).map(|_| link)
}

/// Of this namespace, as far as a name says.
fn is_of(cluster: &Cluster, host: &str) -> bool {
    host.split('.').nth(2).is_none_or(|namespace| namespace == cluster.namespace)
}

/// The ports at which clients find a link's servers: their own, and those of the Services before them.
fn ports(cluster: &Cluster, link: Link) -> BTreeSet<u16> {
    let mut ports = BTreeSet::new();
    for server in cluster.of_service(link.service()) {
        let own = listens(cluster, server, link);
        let usual = if own.is_empty() { vec![link.container_port()] } else { own };
        for service in cluster.services.iter().filter(|service| server.aliases.contains(&service.name)) {
            let main = server.main();
            let leads_there = |target: &TargetPort| match target {
                TargetPort::Number(number) => usual.contains(number),
                TargetPort::Name(name) => {
                    main.and_then(|main| main.port_names.get(name)).is_some_and(|port| usual.contains(port))
                }
            };
            ports.extend(
                service.ports.iter().filter(|(_, target)| leads_there(target)).map(|(port, _)| *port),
            );
        }
        ports.extend(usual);
    }
    ports
}
