//! From objects to workloads, pods and what is about them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use base64::Engine as _;

use super::container::{ValueSources, containers};
use super::object::{self, Controller};
use super::pod::{moment, states};
use super::start;
use super::{
    Cluster, Event, Objects, Placement, Pod, SecretObject, ServiceObject, UpdateStrategy, service_of,
};
use crate::workload::{ContainerRole, Workload, WorkloadKind};

/// Stands in a support bundle in place of what was taken out.
const REMOVED: &str = "(removed)";

pub(super) fn cluster(objects: Objects, namespace: &str) -> Cluster {
    let objects = objects.within(namespace);
    let secrets = objects.secrets.iter().flatten().filter(|one| one.immutable);
    let config_maps = objects.config_maps.iter().flatten().filter(|one| one.immutable);
    let immutable = secrets
        .map(|one| format!("secret/{}", one.metadata.name))
        .chain(config_maps.map(|one| format!("configmap/{}", one.metadata.name)))
        .collect();
    let secrets = objects.secrets.map(|all| all.into_iter().map(secret).collect::<BTreeMap<_, _>>());
    let config_maps = objects
        .config_maps
        .map(|all| all.into_iter().map(|map| (map.metadata.name, map.data)).collect::<BTreeMap<_, _>>());
    let sources = ValueSources { secrets: secrets.as_ref(), config_maps: config_maps.as_ref() };
    let mut cluster =
        Cluster { namespace: namespace.to_owned(), seen: objects.seen, immutable, ..Cluster::default() };
    let mut uids: BTreeMap<String, usize> = BTreeMap::new();
    let mut controllers: BTreeMap<usize, Controller> = BTreeMap::new();
    let described = [
        (WorkloadKind::Deployment, objects.deployments),
        (WorkloadKind::StatefulSet, objects.stateful_sets),
        (WorkloadKind::DaemonSet, objects.daemon_sets),
    ];
    for (kind, all) in described {
        for one in all {
            uids.insert(one.metadata.uid.clone(), cluster.workloads.len());
            let mut workload = named(kind, &one.metadata);
            workload.labels.extend(one.spec.template.metadata.labels.clone());
            workload.wanted = match kind {
                WorkloadKind::DaemonSet => Some(one.status.desired_number_scheduled),
                _ => Some(one.spec.replicas.unwrap_or(1)),
            };
            let service = service_of(&workload).to_owned();
            workload.containers = containers(&one.spec.template.spec, &service, sources);
            if one.spec.paused {
                cluster.paused.insert(workload.to_string());
            }
            if kind != WorkloadKind::Deployment {
                cluster.strategies.insert(workload.to_string(), UpdateStrategy::read(kind, &one));
            }
            controllers.insert(cluster.workloads.len(), one);
            cluster.workloads.push(workload);
        }
    }
    let mut owners = Owners { replica_sets: &objects.replica_sets, uids, controllers };
    let mut events: BTreeMap<String, Vec<Event>> = BTreeMap::new();
    for event in objects.events {
        let event = Event::read(event);
        events.entry(event.uid.clone()).or_default().push(event);
    }
    for all in events.values_mut() {
        all.sort_by_key(|event| event.last);
    }
    for pod in objects.pods {
        let (workload, current) = owners.of(&pod, &mut cluster.workloads, sources);
        let about = events.remove(&pod.metadata.uid).unwrap_or_default();
        let owner = &cluster.workloads[workload];
        let is_job = owner.kind == WorkloadKind::Job;
        let service = service_of(owner).to_owned();
        let read = read_pod(pod, Belongs { workload, current, is_job, service }, about, sources);
        cluster.pods.push(read);
    }
    leave_replaced(&mut cluster);
    settle_rollouts(&mut cluster, &owners);
    let known = |uid: &str| {
        owners.uids.contains_key(uid) || owners.replica_sets.iter().any(|set| set.metadata.uid == uid)
    };
    // A ReplicaSet that was not read is known by being its Deployment's present one.
    let newest: Vec<String> = owners
        .controllers
        .values()
        .filter_map(|one| owners.newest(one))
        .map(|name| format!("replicaset/{name}"))
        .collect();
    // Claims are not read: those of present pods are known by their names.
    let claims = cluster.pods.iter().flat_map(|pod| &pod.placement.claims);
    let claims: Vec<String> = claims.map(|(_, name)| format!("persistentvolumeclaim/{name}")).collect();
    let present = |all: &[Event]| {
        all.first().is_some_and(|event| newest.contains(&event.about) || claims.contains(&event.about))
    };
    cluster.events =
        events.into_iter().filter(|(uid, all)| known(uid) || present(all)).flat_map(|(_, all)| all).collect();
    cluster.events.sort_by_key(|event| event.last);
    cluster.services = objects.services.into_iter().map(service).collect();
    aliases(&mut cluster);
    for pod in &cluster.pods {
        let instance = pod.instance();
        cluster.workloads[pod.workload].instances.push(instance);
    }
    for workload in &mut cluster.workloads {
        workload.instances.sort_by(|one, other| one.name.cmp(&other.name));
    }
    cluster.secrets = secrets;
    cluster.config_maps = config_maps;
    cluster.policies = objects.policies;
    cluster
}

fn named(kind: WorkloadKind, metadata: &object::Metadata) -> Workload {
    let mut workload = Workload::named(kind, metadata.name.clone());
    workload.namespace = (!metadata.namespace.is_empty()).then(|| metadata.namespace.clone());
    workload.labels.clone_from(&metadata.labels);
    workload
}

/// Which workload a pod is of.
struct Owners<'a> {
    replica_sets: &'a [Controller],
    /// Uid of a workload to its index.
    uids: BTreeMap<String, usize>,
    controllers: BTreeMap<usize, Controller>,
}

impl Owners<'_> {
    /// The index of a pod's workload, made where it is not described, and whether the pod is of its workload's
    /// newest configuration as far as that is said.
    fn of(
        &mut self,
        pod: &object::Pod,
        workloads: &mut Vec<Workload>,
        sources: ValueSources<'_>,
    ) -> (usize, bool) {
        let owner = pod.metadata.owner_references.iter().find(|owner| owner.controller);
        let owner = owner.or_else(|| pod.metadata.owner_references.first());
        let (kind, name, uid) = match owner {
            None => (WorkloadKind::Pod, pod.metadata.name.clone(), pod.metadata.uid.clone()),
            Some(owner) => match owner.kind.as_str() {
                "ReplicaSet" => {
                    let set = self.replica_sets.iter().find(|set| set.metadata.uid == owner.uid);
                    let above = set.and_then(|set| set.metadata.owner_references.first());
                    match above {
                        Some(above) => (WorkloadKind::Deployment, above.name.clone(), above.uid.clone()),
                        // A Deployment names its ReplicaSets after itself and the hash of their pods' template.
                        None => {
                            let hash = pod.metadata.labels.get("pod-template-hash");
                            let name = hash
                                .and_then(|hash| owner.name.strip_suffix(hash.as_str()))
                                .and_then(|front| front.strip_suffix('-'));
                            let name = name.unwrap_or(&owner.name).to_owned();
                            (WorkloadKind::Deployment, name, String::new())
                        }
                    }
                }
                "StatefulSet" => (WorkloadKind::StatefulSet, owner.name.clone(), owner.uid.clone()),
                "DaemonSet" => (WorkloadKind::DaemonSet, owner.name.clone(), owner.uid.clone()),
                "Job" => (WorkloadKind::Job, owner.name.clone(), owner.uid.clone()),
                _ => (WorkloadKind::Pod, pod.metadata.name.clone(), pod.metadata.uid.clone()),
            },
        };
        let known = self.uids.get(&uid).copied();
        let at = known.or_else(|| workloads.iter().position(|one| one.kind == kind && one.name == name));
        let at = at.unwrap_or_else(|| {
            let mut workload = named(kind, &pod.metadata);
            workload.name = name;
            let service = service_of(&workload).to_owned();
            workload.containers = containers(&pod.spec, &service, sources);
            workloads.push(workload);
            workloads.len() - 1
        });
        if !uid.is_empty() {
            self.uids.insert(uid, at);
        }
        (at, self.is_current(pod, at, owner))
    }

    fn is_current(&self, pod: &object::Pod, at: usize, owner: Option<&object::Owner>) -> bool {
        let Some(controller) = self.controllers.get(&at) else { return true };
        let revision = &controller.status.update_revision;
        if let (false, Some(own)) = (revision.is_empty(), pod.metadata.labels.get("controller-revision-hash"))
        {
            return own == revision;
        }
        const GENERATION: &str = "deprecated.daemonset.template.generation";
        let generation = controller.metadata.annotations.get(GENERATION);
        if let (Some(newest), Some(own)) = (generation, pod.metadata.labels.get("pod-template-generation")) {
            return own == newest;
        }
        match (self.newest(controller), owner) {
            (Some(newest), Some(owner)) => owner.name == newest,
            _ => true,
        }
    }

    /// The name of a Deployment's newest ReplicaSet: the one with its revision, else the one that its condition
    /// speaks of.
    fn newest(&self, controller: &Controller) -> Option<String> {
        const REVISION: &str = "deployment.kubernetes.io/revision";
        let revision = controller.metadata.annotations.get(REVISION);
        let uid = &controller.metadata.uid;
        let of_it = |set: &&Controller| set.metadata.owner_references.iter().any(|owner| owner.uid == *uid);
        let set = self
            .replica_sets
            .iter()
            .filter(of_it)
            .find(|set| revision.is_some() && set.metadata.annotations.get(REVISION) == revision);
        set.map(|set| set.metadata.name.clone()).or_else(|| {
            let condition = controller.status.conditions.iter().find(|one| one.r#type == "Progressing")?;
            // `ReplicaSet "cordum-scheduler-8bdc5dd4d" is progressing.`
            Some(condition.message.split('"').nth(1)?.to_owned())
        })
    }
}

/// A pod that its node has given up (evicted, shut down) stays until somebody cleans up, and is none of its workload's any
/// more once that has all the pods that it is to have without it.
fn leave_replaced(cluster: &mut Cluster) {
    let Cluster { workloads, pods, .. } = cluster;
    let is_over = |pod: &Pod| !pod.is_job && matches!(pod.phase.as_str(), "Failed" | "Succeeded");
    let mut others: BTreeMap<usize, usize> = BTreeMap::new();
    for pod in pods.iter().filter(|pod| !is_over(pod)) {
        *others.entry(pod.workload).or_default() += 1;
    }
    pods.retain(|pod| {
        let (workload, others) = (&workloads[pod.workload], others.get(&pod.workload).copied().unwrap_or(0));
        let is_replaced = others > 0 && workload.wanted.is_some_and(|wanted| others >= wanted as usize);
        !(is_over(pod) && workload.kind != WorkloadKind::Pod && is_replaced)
    });
}

/// Where nothing says which ReplicaSet is the newest, the one with the youngest pod is.
fn settle_rollouts(cluster: &mut Cluster, owners: &Owners<'_>) {
    for at in 0..cluster.workloads.len() {
        let told = owners
            .controllers
            .get(&at)
            .is_some_and(|one| !one.status.update_revision.is_empty() || owners.newest(one).is_some());
        if told || cluster.workloads[at].kind != WorkloadKind::Deployment {
            continue;
        }
        let hash = |pod: &Pod| pod.labels.get("pod-template-hash").cloned();
        let mine = || cluster.pods.iter().filter(|pod| pod.workload == at);
        let Some(newest) = mine().max_by_key(|pod| pod.created).map(hash) else { continue };
        for pod in cluster.pods.iter_mut().filter(|pod| pod.workload == at) {
            pod.current = hash(pod) == newest;
        }
    }
}

/// What is known of a pod's place.
struct Belongs {
    workload: usize,
    current: bool,
    is_job: bool,
    service: String,
}

fn read_pod(pod: object::Pod, belongs: Belongs, events: Vec<Event>, sources: ValueSources<'_>) -> Pod {
    let configured = containers(&pod.spec, &belongs.service, sources);
    let memory = pod.spec.containers.iter().chain(&pod.spec.init_containers).filter_map(|one| {
        let limit = one.resources.limits.memory.to_string();
        (!limit.is_empty()).then(|| (one.name.clone(), limit))
    });
    let main = configured.iter().find(|one| one.role == ContainerRole::Main);
    let main = main.and_then(|main| pod.spec.containers.iter().find(|one| one.name == main.name));
    let time_to_ready = main.map_or(start::USUAL, start::time_to_ready);
    let placement = Placement::read(&pod.spec);
    let status = pod.status;
    let condition = |kind: &str| status.conditions.iter().find(|one| one.r#type == kind);
    let unschedulable = condition("PodScheduled")
        .filter(|one| one.status == "False")
        .map(|one| if one.message.is_empty() { one.reason.clone() } else { one.message.clone() });
    let addresses: Vec<IpAddr> = std::iter::once(&status.pod_ip)
        .chain(status.pod_ips.iter().map(|one| &one.ip))
        .filter_map(|text| text.parse().ok())
        .fold(Vec::new(), |mut all, one| {
            if !all.contains(&one) {
                all.push(one);
            }
            all
        });
    Pod {
        ready: condition("Ready").is_some_and(|one| one.status == "True"),
        containers: states(&configured, &status),
        name: pod.metadata.name,
        uid: pod.metadata.uid,
        workload: belongs.workload,
        service: belongs.service,
        is_job: belongs.is_job,
        current: belongs.current,
        phase: status.phase,
        reason: (!status.reason.is_empty()).then_some(status.reason),
        leaving: pod.metadata.deletion_timestamp.is_some(),
        unschedulable,
        placement,
        created: pod.metadata.creation_timestamp.as_deref().and_then(moment),
        addresses,
        memory: memory.collect(),
        time_to_ready,
        configured,
        labels: pod.metadata.labels,
        events,
    }
}

fn secret(of: object::Secret) -> (String, SecretObject) {
    let keys = of.data.into_iter().map(|(key, value)| {
        let bytes = match value.as_str() {
            REMOVED => None,
            text => base64::engine::general_purpose::STANDARD.decode(text).ok(),
        };
        (key, bytes)
    });
    let changed = of.metadata.managed_fields.iter().filter_map(|one| moment(one.time.as_deref()?)).max();
    let secret =
        SecretObject { name: of.metadata.name.clone(), keys: keys.collect(), kind: of.r#type, changed };
    (of.metadata.name, secret)
}

fn service(of: object::Service) -> ServiceObject {
    let ports = of.spec.ports.into_iter().map(|port| {
        let target = match port.target_port {
            object::TargetPort::Number(0) => object::TargetPort::Number(port.port),
            other => other,
        };
        (port.port, target)
    });
    let headless = of.spec.cluster_ip == "None";
    // The list has the one too, except where an older server gives none.
    let addresses: BTreeSet<IpAddr> =
        of.spec.cluster_ips.iter().chain([&of.spec.cluster_ip]).filter_map(|ip| ip.parse().ok()).collect();
    ServiceObject {
        name: of.metadata.name,
        headless,
        addresses,
        outside: (of.spec.r#type == "ExternalName").then_some(of.spec.external_name),
        selector: of.spec.selector,
        ports: ports.collect(),
    }
}

/// The names under which others reach a workload: those of the Services that select its pods.
fn aliases(cluster: &mut Cluster) {
    let namespace = &cluster.namespace;
    for workload in &mut cluster.workloads {
        for service in &cluster.services {
            let selects = !service.selector.is_empty()
                && service.selector.iter().all(|(key, value)| workload.labels.get(key) == Some(value));
            if selects && workload.kind != WorkloadKind::Job {
                let name = &service.name;
                workload.aliases.extend([
                    name.clone(),
                    format!("{name}.{namespace}"),
                    format!("{name}.{namespace}.svc"),
                    format!("{name}.{namespace}.svc.cluster.local"),
                ]);
            }
        }
    }
}
