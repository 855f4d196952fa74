//! What the engine's answers say of a container, in the words of the one model of what runs.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;

use bollard::models::{
    ContainerConfig, ContainerInspectResponse, ContainerState, ContainerSummary, EndpointSettings,
    MountPoint, NetworkSettings, PortMap,
};
use tls_verify_core::logs::moment;
use tls_verify_core::workload::{
    Argument, Attachment, Container, Instance, Mount, MountSource, Phase, Setting, Termination, Value,
    Workload, WorkloadKind, attach,
};

/// A container's labels.
pub(super) type Labels = HashMap<String, String>;

/// The instances, service by service.
pub(super) fn workloads(mut found: Vec<(Instance, Labels)>) -> Vec<Workload> {
    found.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
    // Identifiers mean nothing where they are recorded; names do.
    let names: HashMap<String, String> =
        found.iter().map(|(one, _)| (one.id.clone(), one.name.clone())).collect();
    for (one, _) in &mut found {
        let known = one.network.joins.as_ref().and_then(|joined| names.get(joined)).cloned();
        one.network.joins = known.or_else(|| one.network.joins.take());
    }
    let mut workloads: Vec<Workload> = Vec::new();
    let mut hashes: BTreeMap<String, Option<String>> = BTreeMap::new();
    // What runs has the configuration that counts; the youngest, where several do.
    let mut by_age: Vec<&(Instance, Labels)> = found.iter().collect();
    by_age.sort_by_key(|(one, _)| (one.is_up(), one.started));
    for (one, labels) in by_age {
        hashes.insert(one.service.clone(), labels.get(HASH).cloned());
    }
    for (mut instance, labels) in found {
        instance.current = hashes.get(&instance.service).is_none_or(|hash| hash.as_ref() == labels.get(HASH));
        let known = workloads.iter().position(|one| one.name == instance.service);
        let at = known.unwrap_or_else(|| {
            let mut workload = Workload::named(WorkloadKind::Service, instance.service.clone());
            workload.aliases.push(instance.service.clone());
            workload.containers.push(instance.configured.clone());
            workload.labels = labels.into_iter().collect();
            workloads.push(workload);
            workloads.len() - 1
        });
        workloads[at].instances.push(instance);
    }
    attach(&mut workloads);
    workloads
}

/// Compose's hash of the configuration that a container was made of.
const HASH: &str = "com.docker.compose.config-hash";

/// A container as an inspection tells it.
pub(super) fn instance(id: String, service: String, inspected: ContainerInspectResponse) -> Instance {
    let state = inspected.state.unwrap_or_default();
    let network = inspected.network_settings.unwrap_or_default();
    let host = inspected.host_config.unwrap_or_default();
    let mode = host.network_mode.unwrap_or_default();
    let finished = state.finished_at.as_deref().and_then(moment);
    let phase = phase_of(&state);
    let last =
        (finished.is_some() || !matches!(phase, Phase::Running | Phase::Paused)).then(|| Termination {
            exit_code: state.exit_code.unwrap_or(0),
            reason: state.oom_killed.unwrap_or(false).then(|| "OOMKilled".to_owned()),
            message: state.error.filter(|text| !text.is_empty()),
            started: None,
            finished,
        });
    let health = state.health.unwrap_or_default();
    let probe = health.log.and_then(|mut log| log.pop()).filter(|last| last.exit_code != Some(0));
    let health = health.status.map(|status| status.to_string());
    let name = inspected.name.unwrap_or_default().trim_start_matches('/').to_owned();
    let container = service.clone();
    let addresses = addresses(&network);
    let attached = attachment(&id, &name, &mode, network.networks.as_ref());
    let published = published(host.port_bindings, network.ports);
    let configured = configured(container.clone(), inspected.config.unwrap_or_default(), inspected.mounts);
    Instance {
        id,
        phase,
        healthy: health.filter(|word| !word.is_empty() && word != "none").map(|word| word == "healthy"),
        probe: probe.and_then(|last| last.output),
        restarts: u32::try_from(inspected.restart_count.unwrap_or(0)).unwrap_or(0),
        started: state.started_at.as_deref().and_then(moment),
        last,
        addresses,
        container,
        configured: Container { host_network: mode == "host", ..configured.bound(&published) },
        published,
        network: attached,
        ..Instance::of_service(service, name)
    }
}

/// What the list alone says of a container: its state and addresses, neither settings nor times.
pub(super) fn listed(id: String, service: String, summary: &ContainerSummary) -> Instance {
    let name = summary.names.as_ref().and_then(|names| names.first()).map_or("", String::as_str);
    let word = summary.state.map(|state| state.to_string()).unwrap_or_default();
    let mut published = BTreeMap::<u16, Vec<u16>>::new();
    for port in summary.ports.iter().flatten() {
        if let Some(host) = port.public_port {
            let hosts = published.entry(port.private_port).or_default();
            if !hosts.contains(&host) {
                hosts.push(host);
            }
        }
    }
    let networks = summary.network_settings.as_ref().and_then(|settings| settings.networks.clone());
    let name = name.trim_start_matches('/');
    let mode = summary.host_config.as_ref().and_then(|host| host.network_mode.as_deref()).unwrap_or_default();
    let attached = attachment(&id, name, mode, networks.as_ref());
    Instance {
        id,
        phase: phase(&word),
        addresses: addresses(&NetworkSettings { networks, ..Default::default() }),
        published,
        network: attached,
        ..Instance::of_service(service, name)
    }
}

fn phase_of(state: &ContainerState) -> Phase {
    if state.restarting == Some(true) {
        return Phase::Restarting;
    }
    match state.status {
        Some(status) => phase(status.as_ref()),
        None if state.running == Some(true) => Phase::Running,
        None => Phase::Unknown,
    }
}

fn phase(word: &str) -> Phase {
    match word {
        "created" => Phase::Waiting,
        "running" => Phase::Running,
        "paused" => Phase::Paused,
        "restarting" => Phase::Restarting,
        "removing" | "exited" | "dead" => Phase::Exited,
        _ => Phase::Unknown,
    }
}

fn addresses(network: &NetworkSettings) -> Vec<IpAddr> {
    let mut addresses: Vec<IpAddr> = network
        .networks
        .iter()
        .flat_map(HashMap::values)
        .flat_map(|settings| [&settings.ip_address, &settings.global_ipv6_address])
        .filter_map(|text| text.as_deref()?.parse().ok())
        .collect();
    addresses.sort();
    addresses
}

/// Where a container is in the network. Engines before 25 tell aliases and identifier in one list, later ones all
/// names in a second.
fn attachment(
    id: &str,
    name: &str,
    mode: &str,
    networks: Option<&HashMap<String, EndpointSettings>>,
) -> Attachment {
    // The host's network is no one's of the project's, and the default bridge has no names.
    let is_own = |network: &str| !matches!(network, "host" | "none" | "bridge");
    let mut own: Vec<(&String, &EndpointSettings)> =
        networks.into_iter().flatten().filter(|(network, _)| is_own(network)).collect();
    own.sort_by_key(|(network, _)| *network);
    let told = own.iter().flat_map(|(_, one)| [&one.aliases, &one.dns_names]).flatten().flatten();
    let told = told.filter(|alias| !id.starts_with(alias.as_str())).cloned();
    let mut names: Vec<String> = own.first().map(|_| name.to_owned()).into_iter().chain(told).collect();
    names.sort();
    names.dedup();
    Attachment {
        names,
        networks: own.iter().map(|(network, _)| (*network).clone()).collect(),
        joins: mode.strip_prefix("container:").map(str::to_owned),
    }
}

/// A stopped container has its ports configured, a running one has them bound.
fn published(configured: Option<PortMap>, bound: Option<PortMap>) -> BTreeMap<u16, Vec<u16>> {
    let bound = bound.unwrap_or_default().into_iter().filter(|(_, bindings)| {
        let some = |list: &Vec<_>| !list.is_empty();
        bindings.as_ref().is_some_and(some)
    });
    let of_port = |(port, bindings): (String, Option<Vec<bollard::models::PortBinding>>)| {
        let port: u16 = port.split('/').next()?.parse().ok()?;
        let mut hosts: Vec<u16> =
            bindings?.into_iter().filter_map(|binding| binding.host_port?.parse().ok()).collect();
        hosts.sort_unstable();
        hosts.dedup();
        Some((port, hosts))
    };
    configured.unwrap_or_default().into_iter().chain(bound).filter_map(of_port).collect()
}

fn configured(name: String, config: ContainerConfig, mounts: Option<Vec<MountPoint>>) -> Container {
    let words = |words: Option<Vec<String>>| {
        let word = |text| Argument { value: Value::Known(text), place: None };
        words.unwrap_or_default().into_iter().map(word).collect()
    };
    let variable = |pair: String| {
        let (name, value) = pair.split_once('=')?;
        Some(Setting { name: name.to_owned(), value: Value::Known(value.to_owned()), place: None })
    };
    let user = config.user.unwrap_or_default();
    let (user, group) = user.split_once(':').unwrap_or((&user, ""));
    Container {
        name,
        image: config.image,
        user: user.parse().ok(),
        group: group.parse().ok(),
        entrypoint: words(config.entrypoint),
        arguments: words(config.cmd),
        environment: config.env.unwrap_or_default().into_iter().filter_map(variable).collect(),
        mounts: mounts.unwrap_or_default().into_iter().filter_map(mount).collect(),
        ..Container::default()
    }
}

fn mount(point: MountPoint) -> Option<Mount> {
    let volume = point.typ.is_some_and(|kind| AsRef::<str>::as_ref(&kind) == "volume");
    let source = match (volume, point.name, point.source) {
        (true, Some(name), _) => MountSource::Volume(name),
        (_, _, Some(path)) => MountSource::Host(path),
        _ => return None,
    };
    let target = point.destination?;
    let read_only = point.rw == Some(false);
    Some(Mount { target, source, sub_path: None, read_only, mode: None, place: None })
}

/// The only file of a tar archive (POSIX.1, ustar): a header of 512 bytes, then its bytes.
pub(super) fn only_file(archive: &[u8]) -> Option<Vec<u8>> {
    let header = archive.get(..512)?;
    if !matches!(header[156], b'0' | 0) {
        return None;
    }
    let digits = std::str::from_utf8(&header[124..136]).ok()?;
    let size = usize::from_str_radix(digits.trim_matches(['\0', ' ']), 8).ok()?;
    archive.get(512..512 + size).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, phase: Phase, hash: &str) -> (Instance, Labels) {
        let instance = Instance { phase, ..Instance::of_service("scheduler", name) };
        (instance, Labels::from([(HASH.to_owned(), hash.to_owned())]))
    }

    #[test]
    fn what_has_exited_counts_with_its_siblings_configuration() {
        let all = vec![
            found("scheduler-3", Phase::Exited, "old"),
            found("scheduler-1", Phase::Running, "new"),
            found("scheduler-2", Phase::Exited, "new"),
        ];
        let workloads = workloads(all);
        assert_eq!(workloads.len(), 1);
        let of: Vec<_> = workloads[0].instances.iter().map(|one| (one.name.as_str(), one.current)).collect();
        assert_eq!(of, [("scheduler-1", true), ("scheduler-2", true), ("scheduler-3", false)]);
    }

    #[test]
    fn a_file_is_cut_out_of_its_archive() {
        let mut archive = vec![0_u8; 512];
        archive[..6].copy_from_slice(b"tls.crt"[..6].as_ref());
        archive[124..135].copy_from_slice(b"00000000005");
        archive[156] = b'0';
        archive.extend(b"bytes");
        archive.resize(1024, 0);
        assert_eq!(only_file(&archive).as_deref(), Some(&b"bytes"[..]));
        archive[156] = b'5';
        assert_eq!(only_file(&archive), None, "a folder");
        assert_eq!(only_file(b"short"), None);
    }

    #[test]
    fn a_moment_in_the_year_1_is_never() {
        assert_eq!(moment("0001-01-01T00:00:00Z"), None);
    }
}
