//! A running namespace as the description of a deployment, and what the rules of `audit` say of it: what a setting
//! of a cluster is worth is judged there and nowhere else.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::connections::{Connection, ConnectionTarget};
use crate::cause::CauseKind;
use crate::link::Link;
use crate::manifest::{
    ClusterService, Description, DescriptionKind, Mark, MemoryFiles, ServicePort, Source, Stored,
    StoredEntry, StoredKind,
};
use crate::rules::running::{self, setting};
use crate::rules::{self, AuditOptions, Finding};
use crate::workload::kubernetes::object::TargetPort;
use crate::workload::kubernetes::{Cluster, Kind, service_of};
use crate::workload::{Place, Workload, WorkloadKind};

/// The rules that say what the settings of both ends of a connection are worth. Certificates, mounts and states have
/// their own looks in a cluster: their content is known there, and what came of it.
pub const SETTING_RULES: &[&str] = &[
    "production-rule",
    "upstream-tls",
    "scheme-mismatch",
    "mtls-not-required",
    "plaintext-listener",
    "verification-disabled",
];

/// What the rules say of a namespace's settings.
#[must_use]
pub(super) fn findings(cluster: &Cluster) -> Vec<Finding> {
    let options = AuditOptions { live: true, ..AuditOptions::timeless() };
    rules::findings(&description(cluster), &MemoryFiles::default(), options, SETTING_RULES)
}

/// The setting by which the client of a connection verifies nobody, and the rule that says so.
#[must_use]
pub(super) fn unverified(findings: &[Finding], one: &Connection<'_>) -> Option<(String, &'static str)> {
    let client = one.client.to_string();
    let off = |finding: &&Finding| {
        finding.workload == client && finding.cause == Some(CauseKind::VerificationNotEnforced)
    };
    let told = findings.iter().filter(off).find_map(|finding| {
        let setting = setting(finding).filter(|name| is_of(name, one.target))?;
        Some((setting.to_owned(), finding.rule))
    });
    // A URL that stands in a Secret which nobody read hides no switch.
    told.or_else(|| {
        let main = one.client.main()?;
        let off = running::unverified(service_of(one.client), main);
        off.into_iter().find(|(name, _)| is_of(name, one.target))
    })
}

/// What a rule says of how the client of a connection and its server speak.
#[must_use]
pub(super) fn scheme<'a>(findings: &'a [Finding], one: &Connection<'_>) -> Option<&'a Finding> {
    let client = one.client.to_string();
    let differs = |finding: &&Finding| {
        let scheme = matches!(
            finding.cause,
            Some(CauseKind::WrongSchemePlainToTls | CauseKind::WrongSchemeTlsToPlain)
        );
        // Without its CA the link to the safety kernel is plaintext.
        let kernel = setting(finding) == Some("SAFETY_KERNEL_TLS_CA") && finding.rule == "production-rule";
        finding.workload == client && (scheme || kernel)
    };
    findings
        .iter()
        .filter(differs)
        .find(|finding| setting(finding).is_some_and(|name| is_of(name, one.target)))
}

/// What a rule says of a server's own setting.
#[must_use]
pub(super) fn of_server<'a>(
    findings: &'a [Finding],
    server: &Workload,
    rule: &str,
    is_it: impl Fn(&str) -> bool,
) -> Option<&'a Finding> {
    let name = server.to_string();
    let own = |one: &&Finding| one.rule == rule && one.workload == name && setting(one).is_some_and(&is_it);
    findings.iter().find(own)
}

/// Whether a client's setting is one of the link that it dials.
fn is_of(setting: &str, target: ConnectionTarget) -> bool {
    let fronts: &[&str] = match target {
        ConnectionTarget::Link(Link::Nats) => &["NATS_"],
        ConnectionTarget::Link(Link::Redis) => &["REDIS_"],
        ConnectionTarget::Link(Link::SafetyKernel) => &["SAFETY_KERNEL_"],
        ConnectionTarget::Link(Link::Gateway) => &["CORDUM_API_UPSTREAM_", "/etc/cordum/"],
        _ => &[],
    };
    fronts.iter().any(|front| setting.starts_with(front))
}

/// The namespace as files would describe it. Nothing of it has a line: each setting is a place of its own.
fn description(cluster: &Cluster) -> Description {
    let namespace = cluster.namespace.clone();
    let workloads = cluster.workloads.iter().filter(|one| one.kind != WorkloadKind::Job);
    let at_home = |one: &Workload| {
        let mut placed = running::placed(one);
        placed.namespace = Some(namespace.clone());
        placed.instances.clear();
        // Where nobody could read the Services, a server is whom its clients name so.
        if !cluster.seen.contains(&Kind::Services) {
            for name in [one.name.as_str(), service_of(one)] {
                let full = ["", ".svc", ".svc.cluster.local"].map(|end| format!("{name}.{namespace}{end}"));
                placed.aliases.push(name.to_owned());
                placed.aliases.extend(full);
            }
        }
        placed
    };
    let workloads: Vec<Workload> = workloads.map(at_home).collect();
    let role = |one: &Workload| Some((one.to_string(), running::role(service_of(one), one)?));
    let roles = workloads.iter().filter_map(role).collect();
    Description {
        source: format!("namespace {namespace}"),
        kind: DescriptionKind::Kubernetes,
        services: services(cluster),
        stored: stored(cluster),
        workloads,
        roles,
        ..Description::default()
    }
}

fn services(cluster: &Cluster) -> Vec<ClusterService> {
    let port = |(port, target): &(u16, TargetPort), place: &Place| ServicePort {
        name: None,
        port: *port,
        target: match target {
            TargetPort::Number(number) => number.to_string(),
            TargetPort::Name(name) => name.clone(),
        },
        app_protocol: None,
        place: place.clone(),
    };
    let of = |one: &crate::workload::kubernetes::ServiceObject| {
        let place = Place::of_file(format!("service/{}", one.name));
        ClusterService {
            namespace: cluster.namespace.clone(),
            name: one.name.clone(),
            selector: one.selector.clone(),
            ports: one.ports.iter().map(|one| port(one, &place)).collect(),
            place,
        }
    };
    cluster.services.iter().map(of).collect()
}

/// ConfigMaps with their texts, and Secrets with what is known of them: a key that was not read is there, and empty.
fn stored(cluster: &Cluster) -> Vec<Stored> {
    let of = |kind: StoredKind, name: &str, entries: BTreeMap<String, Vec<u8>>| {
        let file = format!("{}/{name}", kind.name().to_lowercase());
        let place = Mark::start(&file).place();
        let entry = |bytes: Vec<u8>| StoredEntry {
            source: Source::file(&file, &String::from_utf8_lossy(&bytes)),
            bytes: Arc::from(bytes),
            place: place.clone(),
        };
        Stored {
            kind,
            namespace: cluster.namespace.clone(),
            name: name.to_owned(),
            entries: entries.into_iter().map(|(key, bytes)| (key, entry(bytes))).collect(),
            place,
        }
    };
    let maps = cluster.config_maps.iter().flatten().map(|(name, data)| {
        let entries = data.iter().map(|(key, text)| (key.clone(), text.clone().into_bytes()));
        of(StoredKind::ConfigMap, name, entries.collect())
    });
    let secrets = cluster.secrets.iter().flatten().map(|(name, secret)| {
        let entries = secret.keys.iter().map(|(key, bytes)| (key.clone(), bytes.clone().unwrap_or_default()));
        of(StoredKind::Secret, name, entries.collect())
    });
    maps.chain(secrets).collect()
}
