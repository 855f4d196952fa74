//! Settings that lead away from the stack's own server: told only where the dial was in vain, for what is elsewhere may be
//! meant.

use std::net::IpAddr;

use serde_json::json;

use super::set;
use crate::cause::{CauseKind, Side};
use crate::cluster::connections::{Connection, ConnectionTarget, host_of, known};
use crate::cluster::cure::{Fix, Kubectl, change};
use crate::cluster::fault::ClusterFault;
use crate::evidence::WiringFact;
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::Cluster;

/// Where a client that met `kind` was sent, if that is not where the namespace has the server.
pub(in crate::cluster) fn astray(
    cluster: &Cluster,
    one: &Connection<'_>,
    kind: CauseKind,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    let of_name = || elsewhere(cluster, one, kubectl).filter(|_| kind == CauseKind::Dns);
    of_name().or_else(|| nobodys(cluster, one, kind, kubectl)).or_else(|| alias(cluster, one, kind, kubectl))
}

/// The variable that has the address of the server, and its value.
fn address<'a>(one: &Connection<'a>) -> Option<(&'static str, &'a str)> {
    let variable = match one.target {
        ConnectionTarget::Link(Link::Nats) => "NATS_URL",
        ConnectionTarget::Link(Link::Redis) => "REDIS_URL",
        ConnectionTarget::Link(Link::SafetyKernel) => "SAFETY_KERNEL_ADDR",
        _ => return None,
    };
    Some((variable, one.client.main().and_then(|main| known(main, variable))?))
}

/// A name of another namespace, where this one has the server under its own name: told only where the dial found no
/// such name, for what another namespace has is not known.
fn elsewhere(cluster: &Cluster, one: &Connection<'_>, kubectl: &Kubectl) -> Option<ClusterFault> {
    let (variable, whole) = address(one)?;
    let host = host_of(whole);
    let mut parts = host.splitn(3, '.');
    let (service, namespace, rest) = (parts.next()?, parts.next()?, parts.next());
    if namespace == cluster.namespace || rest.is_some_and(|rest| rest != "svc" && rest != "svc.cluster.local")
    {
        return None;
    }
    let right =
        one.server.aliases.iter().find(|alias| *alias == service).or_else(|| one.server.aliases.first())?;
    let to = whole.replacen(host, right, 1);
    let fault = ClusterFault::new(Some(CauseKind::Dns), one.client.to_string())
        .on(Side::Client)
        .because(WiringFact::OfOtherNamespace {
            variable: variable.to_owned(),
            workload: one.client.to_string(),
            host: host.to_owned(),
            namespace: namespace.to_owned(),
            server: one.server.to_string(),
            right: right.clone(),
        })
        .cure(set(
            kubectl,
            one.client,
            variable,
            Some(whole),
            &to,
            &format!("{} runs in namespace {}", one.target.word(), cluster.namespace),
        ));
    Some(super::written::where_written(cluster, fault, kubectl))
}

/// An address of the cluster's past: no Service and no pod has it.
fn nobodys(
    cluster: &Cluster,
    one: &Connection<'_>,
    kind: CauseKind,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    let (variable, whole) = address(one)?;
    let host = host_of(whole);
    let ip: IpAddr = host.parse().ok()?;
    let has = cluster.services.iter().any(|service| service.addresses.contains(&ip))
        || cluster.pods.iter().any(|pod| pod.addresses.contains(&ip));
    if has || ip.is_loopback() || cluster.services.is_empty() {
        return None;
    }
    let right = one.server.aliases.first()?;
    let why = format!("{} is reached by that name, whatever its address", one.target.word());
    let fault = ClusterFault::new(Some(kind), one.client.to_string())
        .on(Side::Client)
        .because(WiringFact::NobodysAddress {
            variable: variable.to_owned(),
            workload: one.client.to_string(),
            address: host.to_owned(),
        })
        .cure(set(kubectl, one.client, variable, Some(whole), &whole.replacen(host, right, 1), &why));
    Some(super::written::where_written(cluster, fault, kubectl))
}

/// A Service that is another name for something outside, though the namespace has the server.
fn alias(
    cluster: &Cluster,
    one: &Connection<'_>,
    kind: CauseKind,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    let host = host_of(address(one)?.1);
    let mut labels = host.split('.');
    let name = labels.next()?;
    if labels.next().is_some_and(|namespace| namespace != cluster.namespace) {
        return None;
    }
    let service = cluster.services.iter().find(|service| service.name == name)?;
    let outside = service.outside.as_ref()?;
    // What every pod of it has, and nobody changes: a version and what installed it are no selector's.
    let pods = || cluster.pods.iter().filter(|pod| cluster.workloads[pod.workload].name == one.server.name);
    let selects = |key: &str| matches!(key, "app" | "app.kubernetes.io/name" | "app.kubernetes.io/component");
    let own = one
        .server
        .labels
        .iter()
        .filter(|(key, value)| selects(key) && pods().all(|pod| pod.labels.get(*key) == Some(value)));
    let selector: std::collections::BTreeMap<&String, &String> = own.collect();
    if selector.is_empty() || service.ports.is_empty() || pods().next().is_none() {
        return None;
    }
    let patch = json!({"spec": {"type": "ClusterIP", "externalName": null, "selector": selector}});
    let place = format!("service/{name}");
    let server = one.server.to_string();
    let change = change(place.clone(), None, ChangeKind::Config, "type", Some("spec.type".to_owned()))
        .values(Some("ExternalName"), Some("ClusterIP"));
    let cure =
        Fix::told(format!("{place} is another name for {outside} and has to lead to the pods of {server}"))
            .with(change)
            .by(kubectl.command(&["patch", "service", name, "--type=merge", "-p", &patch.to_string()]));
    Some(
        ClusterFault::new(Some(kind), place.clone())
            .on(Side::Server)
            .because(WiringFact::LeadsOutside { place, outside: outside.clone(), server })
            .cure(cure),
    )
}
