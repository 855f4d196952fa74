//! NetworkPolicies that keep clients from their server. Whether the network enforces them no object tells: they are
//! named where a dial has failed as it does behind one, and nowhere else.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::services::listens;
use crate::cause::{CauseKind, Confidence, Side};
use crate::cluster::connections::{Connection, ConnectionTarget};
use crate::cluster::cure::{Fix, Kubectl, change};
use crate::cluster::fault::ClusterFault;
use crate::evidence::WiringFact;
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::workload::Workload;
use crate::workload::kubernetes::object::NetworkPolicy;
use crate::workload::kubernetes::{Cluster, DialledPod, KeepingPolicies, PodLabels, PolicyEnd, kept_from};

/// The policies between a client and its server, with all other clients that they keep from it: one cure is for all.
#[must_use]
pub(in crate::cluster) fn kept_out(
    cluster: &Cluster,
    connections: &[Connection<'_>],
    client: &Workload,
    link: Link,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    let is_it = |one: &&Connection<'_>| one.target == ConnectionTarget::Link(link);
    let own = connections.iter().filter(is_it).find(|one| std::ptr::eq(one.client, client))?;
    let server = own.server;
    let port = *listens(cluster, server, link).first()?;
    let keeping = |one: &Workload| between(cluster, one, server, port);
    let own = keeping(client);
    let all: Vec<&NetworkPolicy> = own.ingress.iter().chain(&own.egress).copied().collect();
    let first = all.first()?;
    let named = |policies: &[&NetworkPolicy]| {
        let names = policies.iter().map(|one| format!("networkpolicy/{}", one.metadata.name));
        names.collect::<Vec<_>>().join(", ")
    };
    let is_kept = |one: &Workload| {
        let kept = keeping(one);
        !kept.ingress.is_empty() || !kept.egress.is_empty()
    };
    let clients: BTreeSet<String> = connections
        .iter()
        .filter(is_it)
        .filter(|one| is_kept(one.client))
        .map(|one| one.client.to_string())
        .collect();
    let kept: Vec<&Workload> =
        cluster.workloads.iter().filter(|one| clients.contains(&one.to_string())).collect();
    let words = clients.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    let place = format!("networkpolicy/{}", first.metadata.name);
    let mut fault = ClusterFault::new(Some(CauseKind::Timeout), place).on(Side::Network);
    if !own.ingress.is_empty() {
        let names = named(&own.ingress);
        fault.add(WiringFact::NotLetIn {
            policies: names,
            server: server.to_string(),
            clients: words.clone(),
            port,
        });
    }
    if !own.egress.is_empty() {
        let names = named(&own.egress);
        fault.add(WiringFact::NotLetOut {
            policies: names,
            client: client.to_string(),
            server: server.to_string(),
            port,
        });
    }
    let way = WayToOpen { cluster, server, port, link, kept: &kept, own: &own };
    let mut fault = fault.cure(allow(first, &way, kubectl));
    fault.confidence = Confidence::Likely;
    fault.bearers.extend(clients);
    Some(fault)
}

/// What is to be let through.
struct WayToOpen<'a> {
    cluster: &'a Cluster,
    server: &'a Workload,
    port: u16,
    link: Link,
    kept: &'a [&'a Workload],
    own: &'a KeepingPolicies<'a>,
}

fn labels_of(cluster: &Cluster, workload: &Workload) -> PodLabels {
    let mine = |pod: &&crate::workload::kubernetes::Pod| {
        cluster.workload_of(pod).is_some_and(|owner| std::ptr::eq(owner, workload)) && !pod.leaving
    };
    cluster.pods.iter().find(mine).map_or_else(|| workload.labels.clone(), |pod| pod.labels.clone())
}

fn between<'a>(cluster: &'a Cluster, client: &Workload, server: &Workload, port: u16) -> KeepingPolicies<'a> {
    let labels = labels_of(cluster, server);
    let names = server.main().map(|main| main.port_names.clone()).unwrap_or_default();
    let end = |labels| PolicyEnd { namespace: &cluster.namespace, labels, home: None };
    let dialled = DialledPod { end: end(&labels), port, names: &names };
    kept_from(cluster.policies.iter(), end(&labels_of(cluster, client)), dialled)
}

/// The labels by which a policy names the pods of a workload: all that they have but what a rollout adds.
fn selector(way: &WayToOpen<'_>, workload: &Workload) -> Value {
    let labels = labels_of(way.cluster, workload);
    let lasting = |key: &&String| {
        !matches!(key.as_str(), "pod-template-hash" | "controller-revision-hash")
            && !key.starts_with("apps.kubernetes.io/")
            && !key.starts_with("statefulset.kubernetes.io/")
    };
    let named: PodLabels = labels
        .keys()
        .filter(lasting)
        .filter_map(|key| Some((key.clone(), labels.get(key)?.clone())))
        .collect();
    json!({ "matchLabels": named })
}

/// A policy beside those that are there: they add up, and none of them is touched.
fn allow(first: &NetworkPolicy, way: &WayToOpen<'_>, kubectl: &Kubectl) -> Fix {
    let server = way.server.to_string();
    let name = format!("allow-{}", way.link.service());
    let ports = json!([{ "port": way.port }]);
    let clients: Vec<Value> =
        way.kept.iter().map(|one| json!({ "podSelector": selector(way, one) })).collect();
    let target = selector(way, way.server);
    let mut items = Vec::new();
    if !way.own.ingress.is_empty() {
        items.push(policy(
            &name,
            json!({ "podSelector": target, "policyTypes": ["Ingress"],
                    "ingress": [{ "from": clients, "ports": ports }] }),
        ));
    }
    if !way.own.egress.is_empty() {
        // Who is let out to a server has to find its name.
        let names = json!([{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }]);
        items.extend(way.kept.iter().map(|one| {
            let to = json!([{ "to": [{ "podSelector": target }], "ports": ports }, { "ports": names }]);
            policy(
                &format!("{name}-from-{}", one.name),
                json!({ "podSelector": selector(way, one), "policyTypes": ["Egress"], "egress": to }),
            )
        }));
    }
    let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
    let names: Vec<String> = way.kept.iter().map(ToString::to_string).collect();
    let (field, who) =
        if way.own.ingress.is_empty() { ("spec.egress", "out to it") } else { ("spec.ingress", "in") };
    let to = format!("port {} for {}", way.port, names.join(", "));
    let change = change(
        format!("networkpolicy/{}", first.metadata.name),
        None,
        ChangeKind::Config,
        field.trim_start_matches("spec."),
        Some(field.to_owned()),
    )
    .values(None, Some(&to));
    Fix::told(format!(
        "no NetworkPolicy lets {} {who} at port {} of {server}: add one that does, it counts beside the others",
        names.join(", "),
        way.port
    ))
    .with(change)
    .by(format!("printf %s {} | {}", crate::remedy::shell::word(&list.to_string()), kubectl.command(&["apply", "-f", "-"])))
}

fn policy(name: &str, spec: Value) -> Value {
    json!({ "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": { "name": name }, "spec": spec })
}
