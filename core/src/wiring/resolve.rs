//! Which workload an address is, as Compose's and Kubernetes' names lead.

use super::scan::Wiring;
use super::{Dial, Dialler, Listener, is_loopback};
use crate::manifest::kubernetes::{selects, service_names};
use crate::manifest::{ClusterService, Description, DescriptionKind};
use crate::workload::{ContainerRole, Workload};

/// Where a dial ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DialTarget {
    Workload(usize),
    /// Somebody who is not described.
    Outside,
    Unknown,
}

/// A dial with where it ends.
#[derive(Clone, Debug)]
pub struct ResolvedDial {
    /// Of [`Wiring::dials`].
    pub dial: usize,
    pub target: DialTarget,
    /// The port at the workload itself.
    pub port: Option<u16>,
    /// Of [`Wiring::listeners`], where it is known who listens there.
    pub listener: Option<usize>,
}

/// Every dial with every workload that it may end at.
#[must_use]
pub(super) fn connect(description: &Description, found: &Wiring) -> Vec<ResolvedDial> {
    let mut connections = Vec::new();
    for (at, dial) in found.dials.iter().enumerate() {
        let Some(host) = &dial.host else {
            connections.push(ResolvedDial {
                dial: at,
                target: DialTarget::Unknown,
                port: dial.port,
                listener: None,
            });
            continue;
        };
        let ends = ends(description, found, dial, host);
        if ends.is_empty() {
            connections.push(ResolvedDial {
                dial: at,
                target: DialTarget::Outside,
                port: dial.port,
                listener: None,
            });
        }
        for (workload, port) in ends {
            let listener = found.listeners.iter().position(|one| {
                let host = description.workloads[workload].on_host
                    && dial.workload.is_some_and(|from| description.workloads[from].on_host);
                description.holder(one.workload) == workload
                    && (hears(description, one, port, dial) || (host && one.port == port))
                    && (one.workload == workload
                        || dial.workload.is_none_or(|from| {
                            let own = &description.workloads[from];
                            description.together(own, &description.workloads[one.workload])
                        }))
            });
            // Nobody known listens: it is whoever dials there, where that is its own network.
            let target = match (listener, dial.workload) {
                (Some(listener), _) => found.listeners[listener].workload,
                (None, Some(from)) if description.holder(from) == workload => from,
                (None, _) => workload,
            };
            connections.push(ResolvedDial { dial: at, target: DialTarget::Workload(target), port, listener });
        }
    }
    connections
}

/// Whether a listener is the one at a port; its loopback is everybody's who is in the same network.
fn hears(description: &Description, listener: &Listener, port: Option<u16>, dial: &Dial) -> bool {
    let inside =
        dial.workload.is_some_and(|from| description.holder(from) == description.holder(listener.workload));
    port.is_some() && listener.port == port && (inside || !listener.loopback)
}

/// The workloads that an address may be, each by the one whose network it is in.
fn ends(description: &Description, found: &Wiring, dial: &Dial, host: &str) -> Vec<(usize, Option<u16>)> {
    let mut ends: Vec<(usize, Option<u16>)> = Vec::new();
    for (at, port) in named(description, found, dial, host) {
        let end = (description.holder(at), port);
        if !ends.contains(&end) {
            ends.push(end);
        }
    }
    ends
}

fn named(description: &Description, found: &Wiring, dial: &Dial, host: &str) -> Vec<(usize, Option<u16>)> {
    let from = dial.workload.and_then(|at| description.workloads.get(at).map(|one| (at, one)));
    if let Some((at, own)) = from
        && is_loopback(host)
    {
        if own.on_host {
            // The host's loopback is everybody's who shares it.
            let beside = found
                .listeners
                .iter()
                .filter(|one| description.workloads[one.workload].on_host && one.port == dial.port)
                .map(|one| (one.workload, dial.port));
            let mut all: Vec<(usize, Option<u16>)> = published(description, dial.port);
            all.extend(beside);
            all.sort_unstable();
            all.dedup();
            return if all.is_empty() { vec![(at, dial.port)] } else { all };
        }
        return vec![(at, dial.port)];
    }
    if matches!(host, "host.docker.internal" | "host-gateway" | "gateway.docker.internal") {
        return published(description, dial.port);
    }
    if dial.dialler == Dialler::Probe && host == "0.0.0.0" {
        return from.map(|(at, _)| (at, dial.port)).into_iter().collect();
    }
    match description.kind {
        DescriptionKind::Kubernetes => cluster(description, from.map(|(_, one)| one), dial, host),
        DescriptionKind::Compose | DescriptionKind::Files => {
            let near = |one: &Workload| {
                from.is_none_or(|(_, own)| {
                    own.networks.is_empty()
                        || one.networks.is_empty()
                        || own.networks.iter().any(|network| one.networks.contains(network))
                })
            };
            let named = |one: &Workload| one.aliases.iter().any(|alias| alias.eq_ignore_ascii_case(host));
            let all: Vec<(usize, &Workload)> =
                description.workloads.iter().enumerate().filter(|(_, one)| near(one) && named(one)).collect();
            // Of several under one name those count that are there beside it.
            let beside = |one: &Workload| from.is_none_or(|(_, own)| description.together(own, one));
            let some = all.iter().any(|(_, one)| beside(one));
            all.into_iter().filter(|(_, one)| !some || beside(one)).map(|(at, _)| (at, dial.port)).collect()
        }
    }
}

/// Whose port is published on the host.
fn published(description: &Description, port: Option<u16>) -> Vec<(usize, Option<u16>)> {
    let Some(port) = port else { return Vec::new() };
    let mut found = Vec::new();
    for (at, workload) in description.workloads.iter().enumerate() {
        for container in &workload.containers {
            let inside = container.published.iter().find(|(outside, _)| *outside == port);
            if let Some((_, inside)) = inside {
                found.push((at, Some(*inside)));
            } else if workload.on_host && container.ports.contains(&port) {
                found.push((at, Some(port)));
            }
        }
    }
    found
}

fn cluster(
    description: &Description,
    own: Option<&Workload>,
    dial: &Dial,
    host: &str,
) -> Vec<(usize, Option<u16>)> {
    let space = own.and_then(|one| one.namespace.as_deref()).unwrap_or("default");
    let named = |service: &&ClusterService| {
        (service.name == host && service.namespace == space)
            || service_names(service).iter().any(|name| name == host)
    };
    if let Some(service) = description.services.iter().find(named) {
        return description
            .workloads
            .iter()
            .enumerate()
            .filter(|(_, one)| {
                one.namespace.as_deref() == Some(service.namespace.as_str()) && selects(service, one)
            })
            .filter(|(_, one)| {
                !matches!(
                    one.kind,
                    crate::workload::WorkloadKind::Job | crate::workload::WorkloadKind::CronJob
                )
            })
            .map(|(at, one)| (at, target_port(service, one, dial.port)))
            .collect();
    }
    // A member of a StatefulSet is reached past the Service's ports.
    description
        .workloads
        .iter()
        .enumerate()
        .filter(|(_, one)| one.aliases.iter().any(|alias| alias == host))
        .map(|(at, _)| (at, dial.port))
        .collect()
}

/// The port of the pod that a Service's port leads to; a headless Service's names lead past it.
fn target_port(service: &ClusterService, workload: &Workload, port: Option<u16>) -> Option<u16> {
    let port = port?;
    let Some(found) = service.ports.iter().find(|one| one.port == port) else { return Some(port) };
    found.target.parse().ok().or_else(|| {
        workload
            .containers
            .iter()
            .filter(|one| one.role != ContainerRole::Init)
            .find_map(|one| one.port_names.get(&found.target).copied())
    })
}
