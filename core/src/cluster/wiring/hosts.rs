//! Hosts and ports of settings that nobody has.

use super::set;
use crate::cause::{CauseKind, Side};
use crate::cluster::connections::{Connection, ConnectionTarget, host_of, known};
use crate::cluster::cure::Kubectl;
use crate::cluster::fault::ClusterFault;
use crate::evidence::WiringFact;
use crate::link::Link;
use crate::workload::kubernetes::{Cluster, service_of};

/// A host that nothing in the namespace is called.
pub(super) fn nobody(cluster: &Cluster, one: &Connection<'_>, kubectl: &Kubectl) -> Option<ClusterFault> {
    if !matches!(one.target, ConnectionTarget::Link(_)) {
        return None;
    }
    let address = match (one.target, &one.scheme) {
        (ConnectionTarget::Link(Link::Nats | Link::Redis), Some((variable, url))) => {
            (variable.clone(), url.clone())
        }
        _ => one.names.first().map(|name| (name.setting.clone(), name.name.clone()))?,
    };
    let host = host_of(&address.1);
    if service_of(one.client) == "dashboard" && !host.contains('.') {
        return Some(short_upstream(cluster, one, host, kubectl));
    }
    let short = !host.contains('.');
    let inside = host.strip_suffix(".cluster.local").unwrap_or(host);
    let inside = inside.strip_suffix(".svc").unwrap_or(inside);
    let mut parts = inside.rsplitn(2, '.');
    let (last, front) = (parts.next().unwrap_or_default(), parts.next());
    let (service, namespace) = match front {
        None => (last, cluster.namespace.as_str()),
        Some(front) => (front, last),
    };
    if host.parse::<std::net::IpAddr>().is_ok()
        || cluster.services.is_empty()
        || (!short && (!host.contains(".svc") || namespace != cluster.namespace))
        || host == "localhost"
    {
        return None;
    }
    // `cordum-nats-0.cordum-nats`: a pod behind a headless Service.
    let name = service.rsplit('.').next().unwrap_or(service);
    if cluster.services.iter().any(|known| known.name == name) {
        return None;
    }
    let workload = one.client.to_string();
    let right = one.server.aliases.first()?;
    let to = address.1.replacen(host, right, 1);
    let hides =
        one.client.main().and_then(|main| known(main, &address.0)).is_some_and(|text| text.contains('@'));
    let typed = |url: &str| {
        if hides { url.replacen("://", "://***@", 1) } else { url.to_owned() }
    };
    let breaks: &[&'static str] =
        if service_of(one.client) == "dashboard" { &["dashboard-gateway"] } else { &[] };
    Some(
        ClusterFault::new(Some(CauseKind::Dns), workload.clone())
            .on(Side::Client)
            .because(WiringFact::NoSuchHost { variable: address.0.clone(), workload, host: host.to_owned() })
            .cure(set(
                kubectl,
                one.client,
                &address.0,
                Some(&typed(&address.1)),
                &typed(&to),
                &format!("{} is reached by that name", one.target.word()),
            ))
            .breaks(breaks),
    )
}

/// A port that the Service which is dialled does not have.
pub(super) fn no_such_port(
    cluster: &Cluster,
    one: &Connection<'_>,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    if !matches!(one.target, ConnectionTarget::Link(Link::Nats | Link::Redis)) {
        return None;
    }
    let (variable, url) = one.scheme.as_ref()?;
    let host = host_of(url);
    let service =
        cluster.services.iter().find(|service| service.name == host.split('.').next().unwrap_or(host))?;
    let port: u16 = url.rsplit_once(':')?.1.split(['/', '?']).next()?.parse().ok()?;
    let usual = if one.target == ConnectionTarget::Link(Link::Nats) { 4222 } else { 6379 };
    let ports: Vec<u16> = service.ports.iter().map(|(port, _)| *port).collect();
    if service.headless || ports.contains(&port) || !ports.contains(&usual) {
        return None;
    }
    let whole = one.client.main().and_then(|main| known(main, variable)).unwrap_or(url).to_owned();
    let to = whole.replacen(&format!(":{port}"), &format!(":{usual}"), 1);
    let why = format!("Service {} has the ports {ports:?}", service.name);
    Some(
        ClusterFault::new(Some(CauseKind::ConnectionRefused), one.client.to_string())
            .on(Side::Client)
            .because(WiringFact::NoSuchPort {
                variable: variable.clone(),
                workload: one.client.to_string(),
                url: url.clone(),
                service: service.name.clone(),
                port,
            })
            .cure(set(kubectl, one.client, variable, Some(&whole), &to, &why)),
    )
}

/// nginx asks its resolver for the name as it stands: the search list of a pod's resolv.conf does not count.
fn short_upstream(cluster: &Cluster, one: &Connection<'_>, host: &str, kubectl: &Kubectl) -> ClusterFault {
    let to = format!("{host}.{}.svc.cluster.local", cluster.namespace);
    ClusterFault::new(Some(CauseKind::Dns), one.client.to_string())
        .on(Side::Client)
        .because(WiringFact::ShortUpstream { workload: one.client.to_string(), host: host.to_owned() })
        .cure(set(
            kubectl,
            one.client,
            "CORDUM_API_UPSTREAM_HOST",
            Some(host),
            &to,
            "nginx resolves full names only",
        ))
        .breaks(&["dashboard-gateway"])
}
