//! What runs in a namespace, read from the objects of the Kubernetes API: who is who, in which state each pod is,
//! what it is started with, which events are about it. Where the objects come from (an API server, a folder of
//! `kubectl get … -o json`) is the caller's matter.

mod container;
mod describe;
mod event;
pub mod object;
mod placement;
mod pod;
mod policy;
mod scheduler;
mod start;
mod strategy;
mod who;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

pub use container::watches;
pub use event::Event;
pub use placement::{Placement, Requests};
pub use pod::{ContainerPhase, ContainerState, Pod};
pub use policy::{DialledPod, KeepingPolicies, PodLabels, PolicyEnd, kept_from, without_names};
pub use scheduler::{NodeRefusal, Refusal, Unschedulable};
pub use strategy::UpdateStrategy;
pub use who::service_of;

use super::{Workload, WorkloadKind};

/// The kinds of objects that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Kind {
    Pods,
    Deployments,
    StatefulSets,
    DaemonSets,
    ReplicaSets,
    Services,
    Events,
    Secrets,
    ConfigMaps,
    NetworkPolicies,
}

impl Kind {
    pub const ALL: &'static [Self] = &[
        Self::Pods,
        Self::Deployments,
        Self::StatefulSets,
        Self::DaemonSets,
        Self::ReplicaSets,
        Self::Services,
        Self::Events,
        Self::Secrets,
        Self::ConfigMaps,
        Self::NetworkPolicies,
    ];

    /// As the API and `kubectl` name it, and as a folder's file is called.
    #[must_use]
    pub const fn plural(self) -> &'static str {
        match self {
            Self::Pods => "pods",
            Self::Deployments => "deployments",
            Self::StatefulSets => "statefulsets",
            Self::DaemonSets => "daemonsets",
            Self::ReplicaSets => "replicasets",
            Self::Services => "services",
            Self::Events => "events",
            Self::Secrets => "secrets",
            Self::ConfigMaps => "configmaps",
            Self::NetworkPolicies => "networkpolicies",
        }
    }

    /// `""` is the core group.
    #[must_use]
    pub const fn group(self) -> &'static str {
        match self {
            Self::Deployments | Self::StatefulSets | Self::DaemonSets | Self::ReplicaSets => "apps",
            Self::NetworkPolicies => "networking.k8s.io",
            Self::Pods | Self::Services | Self::Events | Self::Secrets | Self::ConfigMaps => "",
        }
    }
}

/// The objects of a namespace, a kind that nobody could read being absent.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// The kinds that were read; what is of no other kind may be there all the same.
    pub seen: BTreeSet<Kind>,
    pub pods: Vec<object::Pod>,
    pub deployments: Vec<object::Controller>,
    pub stateful_sets: Vec<object::Controller>,
    pub daemon_sets: Vec<object::Controller>,
    pub replica_sets: Vec<object::Controller>,
    pub services: Vec<object::Service>,
    pub events: Vec<object::Event>,
    /// `None`: nobody looked; a Secret that is absent from a list is missing.
    pub secrets: Option<Vec<object::Secret>>,
    pub config_maps: Option<Vec<object::ConfigMap>>,
    pub policies: Vec<object::NetworkPolicy>,
}

/// Objects that are no such list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadableList(pub String);

impl fmt::Display for UnreadableList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UnreadableList {}

impl Objects {
    /// Takes the items of a list, or one object.
    ///
    /// # Errors
    /// When it is no JSON, or none of this kind.
    pub fn take(&mut self, kind: Kind, json: &[u8]) -> Result<(), UnreadableList> {
        let whole: serde_json::Value =
            serde_json::from_slice(json).map_err(|error| UnreadableList(format!("no JSON: {error}")))?;
        let is_list = whole.get("items").is_some();
        let items = if is_list {
            let list: object::List =
                serde_json::from_value(whole).map_err(|error| UnreadableList(error.to_string()))?;
            list.items
        } else if whole.get("metadata").is_some() {
            vec![whole]
        } else {
            return Err(UnreadableList("neither a List nor an object of Kubernetes".to_owned()));
        };
        self.add(kind, items)
    }

    /// Leaves out what is of another namespace (`kubectl get … -A -o json`); what names none is of this one.
    #[must_use]
    pub(super) fn within(mut self, namespace: &str) -> Self {
        let here = |one: &object::Metadata| one.namespace.is_empty() || one.namespace == namespace;
        self.pods.retain(|one| here(&one.metadata));
        for all in
            [&mut self.deployments, &mut self.stateful_sets, &mut self.daemon_sets, &mut self.replica_sets]
        {
            all.retain(|one| here(&one.metadata));
        }
        self.services.retain(|one| here(&one.metadata));
        self.events.retain(|one| here(&one.metadata));
        self.policies.retain(|one| here(&one.metadata));
        self.secrets.iter_mut().for_each(|all| all.retain(|one| here(&one.metadata)));
        self.config_maps.iter_mut().for_each(|all| all.retain(|one| here(&one.metadata)));
        self
    }

    /// Takes objects of a kind.
    ///
    /// # Errors
    /// When one of them is none of this kind.
    pub fn add(&mut self, kind: Kind, items: Vec<serde_json::Value>) -> Result<(), UnreadableList> {
        fn read<T: serde::de::DeserializeOwned>(
            into: &mut Vec<T>,
            items: Vec<serde_json::Value>,
        ) -> Result<(), UnreadableList> {
            for item in items {
                into.push(serde_json::from_value(item).map_err(|error| UnreadableList(error.to_string()))?);
            }
            Ok(())
        }
        self.seen.insert(kind);
        match kind {
            Kind::Pods => read(&mut self.pods, items),
            Kind::Deployments => read(&mut self.deployments, items),
            Kind::StatefulSets => read(&mut self.stateful_sets, items),
            Kind::DaemonSets => read(&mut self.daemon_sets, items),
            Kind::ReplicaSets => read(&mut self.replica_sets, items),
            Kind::Services => read(&mut self.services, items),
            Kind::Events => read(&mut self.events, items),
            Kind::Secrets => read(self.secrets.get_or_insert_default(), items),
            Kind::ConfigMaps => read(self.config_maps.get_or_insert_default(), items),
            Kind::NetworkPolicies => read(&mut self.policies, items),
        }
    }
}

/// A Secret as far as it is known: a key's value is `None` where it was taken out (`(removed)`), or not read.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretObject {
    pub name: String,
    pub keys: BTreeMap<String, Option<Vec<u8>>>,
    /// Type of the Secret (`kubernetes.io/tls`).
    pub kind: String,
    /// The last change that its managed fields tell of.
    pub changed: Option<std::time::SystemTime>,
}

/// What it holds is not shown.
impl fmt::Debug for SecretObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Secret")
            .field("name", &self.name)
            .field("keys", &self.keys.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// A Service: which pods are behind which of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceObject {
    pub name: String,
    pub headless: bool,
    /// Under which the cluster's clients see it; a headless one has none.
    pub addresses: BTreeSet<IpAddr>,
    /// The host that it is another name for (`ExternalName`).
    pub outside: Option<String>,
    pub selector: BTreeMap<String, String>,
    /// Port, and the port of the pods.
    pub ports: Vec<(u16, object::TargetPort)>,
}

/// What runs in a namespace.
#[derive(Clone, Debug, Default)]
pub struct Cluster {
    pub namespace: String,
    /// The kinds that were read: what is of another one may be there all the same.
    pub seen: BTreeSet<Kind>,
    /// Deployments, StatefulSets, DaemonSets, Jobs and pods that nothing owns; the instances are their pods'
    /// main containers.
    pub workloads: Vec<Workload>,
    pub pods: Vec<Pod>,
    pub services: Vec<ServiceObject>,
    /// `None`: nobody looked.
    pub secrets: Option<BTreeMap<String, SecretObject>>,
    pub config_maps: Option<BTreeMap<String, BTreeMap<String, String>>>,
    pub policies: Vec<object::NetworkPolicy>,
    /// Deployments (`deployment/NAME`) of which no change is put into effect until they are resumed.
    pub paused: BTreeSet<String>,
    /// By StatefulSet and DaemonSet (`statefulset/NAME`).
    pub strategies: BTreeMap<String, UpdateStrategy>,
    /// Secrets and ConfigMaps (`secret/NAME`) of which the API server takes no change (`immutable: true`).
    pub immutable: BTreeSet<String>,
    /// Of workloads and ReplicaSets that exist now, oldest first; those of pods stand with the pods.
    pub events: Vec<Event>,
}

impl Cluster {
    /// Reads a namespace's objects.
    #[must_use]
    pub fn read(objects: Objects, namespace: &str) -> Self {
        describe::cluster(objects, namespace)
    }

    /// Everything in which a service of the stack usually stands was read: what is not among them does not exist.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        [Kind::Pods, Kind::Deployments, Kind::StatefulSets].iter().all(|kind| self.seen.contains(kind))
    }

    /// No rollout is under way: every service has the pods that it wants, of its newest description, all of them ready.
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.workloads.iter().enumerate().filter(|(_, one)| one.kind != WorkloadKind::Job).all(
            |(at, workload)| {
                let pods = || self.pods.iter().filter(move |pod| pod.workload == at);
                let is_new = |pod: &Pod| pod.current || self.is_held_back(pod);
                let all = pods().all(|pod| pod.ready && !pod.leaving && is_new(pod));
                all && workload.wanted.is_none_or(|wanted| pods().count() as u64 >= u64::from(wanted))
            },
        )
    }

    /// The workload that a pod is of.
    #[must_use]
    pub fn workload_of(&self, pod: &Pod) -> Option<&Workload> {
        self.workloads.get(pod.workload)
    }

    /// The workloads that are a service of the stack; Jobs are none.
    pub fn of_service<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Workload> {
        self.workloads.iter().filter(move |one| one.kind != WorkloadKind::Job && service_of(one) == service)
    }

    /// The pods of a service of the stack, old and new.
    pub fn pods_of<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Pod> {
        self.pods.iter().filter(move |pod| !pod.is_job && pod.service == service)
    }
}
