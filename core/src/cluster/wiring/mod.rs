//! Settings of both ends that do not fit: schemes, switched-off verification, hosts that are no name of anything,
//! servers that let everybody in, clusters that talk in clear.

mod astray;
mod far;
mod hosts;
mod outside;
mod policies;
mod schemes;
mod servers;
mod services;
mod written;

use std::collections::BTreeMap;

use super::connections::{Connection, ConnectionTarget, config_of};
use super::cure::{Fix, Kubectl, change};
use super::fault::{ClusterFault, OriginIdentity};
use crate::cause::{CauseKind, Side};
use crate::evidence::WiringFact;
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::rules::Finding;
use crate::workload::kubernetes::{Cluster, service_of};
use crate::workload::{Value, Workload};
pub(super) use astray::astray;
pub(super) use far::far_link;
use hosts::{no_such_port, nobody};
pub(super) use outside::{leads_out, named_elsewhere};
pub(super) use policies::kept_out;
use schemes::scheme;
pub(super) use servers::misread;
use servers::{JudgedServer, open_server, plain_cluster, plain_server};
use services::leads_nowhere;

/// Faults that the description alone shows.
#[must_use]
pub(super) fn faults(
    cluster: &Cluster,
    connections: &[Connection<'_>],
    findings: &[Finding],
    kubectl: &Kubectl,
) -> Vec<ClusterFault> {
    let mut faults = Vec::new();
    for connection in connections {
        faults.extend(unverified(connection, kubectl));
        faults.extend(scheme(connections, findings, connection, kubectl));
        faults.extend(nobody(cluster, connection, kubectl));
        faults.extend(no_such_port(cluster, connection, kubectl));
        faults.extend(leads_nowhere(cluster, connection, kubectl));
    }
    for service in ["nats", "redis"] {
        for workload in cluster.of_service(service) {
            if let Some(config) = config_of(cluster, workload) {
                let server = JudgedServer { connections, findings, workload, config: &config };
                faults.extend(plain_server(server, kubectl));
                faults.extend(open_server(server, kubectl));
                faults.extend(plain_cluster(server, kubectl));
            }
        }
    }
    let mut distinct: BTreeMap<OriginIdentity, ClusterFault> = BTreeMap::new();
    for fault in faults {
        let fault = written::where_written(cluster, fault, kubectl);
        let known = distinct.entry(fault.identity()).or_insert_with(|| fault.clone());
        known.breaks.extend(fault.breaks);
        known.bearers.extend(fault.bearers);
        for fact in fault.because {
            known.add(fact);
        }
    }
    distinct.into_values().collect()
}

/// A variable of a workload's main container that has to hold something else.
pub(super) fn set(
    kubectl: &Kubectl,
    workload: &Workload,
    variable: &str,
    from: Option<&str>,
    to: &str,
    why: &str,
) -> Fix {
    let name = workload.to_string();
    let container = workload.main().map_or("", |main| main.name.as_str());
    let now = from.map_or("is not set".to_owned(), |from| format!("is {from}"));
    let change = change(
        name.clone(),
        Some(container),
        ChangeKind::Environment,
        variable.to_owned(),
        Some(format!("spec.template.spec.containers[name={container}].env")),
    )
    .values(from, Some(to));
    let cure = Fix::told(format!("{variable} of {name} {now} and has to be {to}: {why}")).with(change);
    // A password that comes from a Secret is referred to as the manifest does it; another one is not typed.
    let passwords: Vec<&str> = workload
        .main()
        .into_iter()
        .flat_map(|main| &main.environment)
        .filter(|one| matches!(one.value, Value::Secret { .. }) && one.name.contains("PASSWORD"))
        .map(|one| one.name.as_str())
        .collect();
    let to = match passwords.as_slice() {
        [name] => to.replace("***", &format!("$({name})")),
        _ => to.to_owned(),
    };
    if to.contains("***") { cure } else { cure.by(kubectl.set(workload, container, variable, &to)) }
}

fn unverified(one: &Connection<'_>, kubectl: &Kubectl) -> Option<ClusterFault> {
    let (setting, rule) = one.unverified.as_ref()?;
    let workload = one.client.to_string();
    let breaks: &[&'static str] = match (one.target, service_of(one.client)) {
        (
            ConnectionTarget::Link(Link::Nats),
            "api-gateway" | "scheduler" | "safety-kernel" | "workflow-engine" | "context-engine",
        ) => &["service-links"],
        (ConnectionTarget::Link(Link::Nats), _) => &["worker-nats-tls"],
        (ConnectionTarget::Link(Link::Redis), _) => &["redis-logs"],
        (ConnectionTarget::Link(Link::Gateway), _) => &["dashboard-gateway"],
        (ConnectionTarget::Link(Link::SafetyKernel), _) => &["safety-kernel-grpc"],
        _ => &[],
    };
    let fault = ClusterFault::new(Some(CauseKind::VerificationNotEnforced), workload.clone())
        .on(Side::Client)
        .of_rule(rule)
        .breaks(breaks);
    if setting.starts_with('/') {
        return Some(
            fault
                .because(WiringFact::NothingMounted {
                    path: setting.clone(),
                    workload: workload.clone(),
                    target: one.target.word(),
                })
                .cure(Fix::told(format!(
                    "{workload} has no CA at {setting}, so it verifies nobody: mount ca.crt of the clients' Secret there"
                ))),
        );
    }
    Some(
        fault
            .because(WiringFact::VerificationOff {
                setting: setting.clone(),
                workload,
                target: one.target.word(),
            })
            .cure(set(
                kubectl,
                one.client,
                setting,
                Some("true"),
                "false",
                "the server's certificate has to be verified",
            )),
    )
}
