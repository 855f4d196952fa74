//! Who is reached by which names: networks that containers are in, and networks that they share.

use super::Workload;

/// What an engine says of a container's network.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Names by which its neighbours reach it, its service's not among them.
    pub names: Vec<String>,
    /// Networks that it is in.
    pub networks: Vec<String>,
    /// The container whose network it is in (`network_mode: container:NAME`), by identifier or name.
    pub joins: Option<String>,
}

/// Puts what is known of each instance's network into its workload. What has ended and is of an earlier
/// configuration counts for nothing.
pub fn attach(workloads: &mut [Workload]) {
    let joins: Vec<Option<String>> = workloads
        .iter()
        .map(|one| {
            let joined = current(one).find_map(|network| network.joins.as_deref())?;
            let is_it = |other: &&Workload| {
                other.instances.iter().any(|instance| [&*instance.id, &*instance.name].contains(&joined))
            };
            Some(workloads.iter().find(is_it).map_or_else(|| joined.to_owned(), |other| other.name.clone()))
        })
        .collect();
    for (workload, joined) in workloads.iter_mut().zip(joins) {
        let seen: Vec<Attachment> = current(workload).cloned().collect();
        for network in seen {
            add(&mut workload.aliases, network.names);
            add(&mut workload.networks, network.networks);
        }
        workload.on_host = workload.containers.iter().any(|one| one.host_network);
        workload.joins = joined;
    }
    join_networks(workloads);
}

fn current(workload: &Workload) -> impl Iterator<Item = &Attachment> {
    workload.instances.iter().filter(|one| one.current || one.is_up()).map(|one| &one.network)
}

fn add(known: &mut Vec<String>, more: Vec<String>) {
    for one in more {
        if !known.contains(&one) {
            known.push(one);
        }
    }
}

/// Who is in another's network is reached by the names and in the networks of that one alone. What joins a workload
/// that is not among these joins nobody.
pub fn join_networks(workloads: &mut [Workload]) {
    // `container:NAME` names one by its `container_name`, which is among its names.
    let named = |all: &[Workload], name: &str| {
        let own = all.iter().position(|one| one.name == name);
        own.or_else(|| all.iter().position(|one| one.aliases.iter().any(|alias| alias == name)))
    };
    for at in 0..workloads.len() {
        let Some(joined) = workloads[at].joins.clone() else { continue };
        let holder = named(workloads, &joined).filter(|holder| *holder != at);
        let holder = holder.map(|one| workloads[one].clone());
        let workload = &mut workloads[at];
        workload.joins = holder.as_ref().map(|one| one.name.clone());
        workload.on_host = holder.as_ref().is_some_and(|one| one.on_host);
    }
    for at in 0..workloads.len() {
        let holder = holder(workloads, at);
        if holder != at {
            let (aliases, networks) = {
                let one = &workloads[holder];
                (one.aliases.clone(), one.networks.clone())
            };
            workloads[at].aliases = aliases;
            workloads[at].networks = networks;
        }
    }
}

/// The workload whose network one is in: its own, where it joins nobody's.
#[must_use]
pub fn holder(workloads: &[Workload], at: usize) -> usize {
    let mut holder = at;
    // As many steps as there are workloads: a circle ends, too.
    for _ in workloads {
        let joined = workloads[holder].joins.as_deref();
        match joined.and_then(|name| workloads.iter().position(|one| one.name == name)) {
            Some(next) if next != at => holder = next,
            _ => break,
        }
    }
    holder
}
