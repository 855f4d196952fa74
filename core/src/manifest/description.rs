//! A deployment as described: its workloads, and what they are wired by.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::source::{ParseFault, Source};
use crate::wiring::Program;
use crate::workload::kubernetes::PodLabels;
use crate::workload::kubernetes::object::NetworkPolicy;
use crate::workload::{Place, Workload};

/// What a deployment is described by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DescriptionKind {
    #[default]
    Compose,
    Kubernetes,
    /// Files that stand alone: a `nats.conf`, a `redis.conf`, an nginx configuration.
    Files,
}

impl DescriptionKind {
    /// As reports name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Compose => "compose",
            Self::Kubernetes => "kubernetes",
            Self::Files => "files",
        }
    }
}

/// A deployment.
#[derive(Clone, Debug, Default)]
pub struct Description {
    /// The file or folder that it was read from.
    pub source: String,
    pub kind: DescriptionKind,
    pub workloads: Vec<Workload>,
    /// Services of Kubernetes.
    pub services: Vec<ClusterService>,
    pub ingresses: Vec<Ingress>,
    pub policies: Vec<DescribedPolicy>,
    /// The labels of namespaces that are among the files.
    pub namespaces: BTreeMap<String, PodLabels>,
    /// Secrets and ConfigMaps that are among the files.
    pub stored: Vec<Stored>,
    /// Secrets and ConfigMaps that something among the files makes when it runs (cert-manager and its like).
    pub made: Vec<GeneratedObject>,
    /// Images that are built here, by workload.
    pub builds: BTreeMap<String, Build>,
    /// Contents that stand in the description itself, by the place of their mount.
    pub inline: BTreeMap<Place, Source>,
    /// Where the source of a mount is written, by the place of the mount.
    pub defined: BTreeMap<Place, Place>,
    /// Where modes and keys of a volume are written, by the place of the mount.
    pub volumes: BTreeMap<Place, VolumeMarks>,
    /// Where the name of a setting is written that stands on another line than its value, by the value's place.
    pub names: BTreeMap<Place, Place>,
    /// Services of Compose that are started with a profile alone.
    pub profiles: BTreeMap<String, BTreeSet<String>>,
    /// Places where a default stood in for a variable.
    pub defaulted: BTreeSet<Place>,
    /// Workloads of which some variables are not known (an `env_file` that is not there).
    pub open_environment: BTreeSet<String>,
    /// A folder of certificates that stands in for one which is mounted and is not here.
    pub stand_in: Option<String>,
    /// What a workload is known to run, as it is called in reports: in a running stack labels tell.
    pub roles: BTreeMap<String, Program>,
    /// Names that clients use for what is published, beside those that are described.
    pub public_names: Vec<String>,
    pub faults: Vec<ParseFault>,
    /// Every file that was read.
    pub read: BTreeSet<String>,
    /// Files of Compose that others of it include: no deployments of their own.
    pub included: BTreeSet<String>,
}

/// Places of a volume's parts, and the modes that single keys have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VolumeMarks {
    /// Of `defaultMode`.
    pub mode: Option<Place>,
    /// Of each key that is chosen (`items`).
    pub items: BTreeMap<String, Place>,
    /// Of each part of it that is mounted alone (`subPath`).
    pub parts: BTreeMap<String, Place>,
    /// Modes of single keys, with their places.
    pub modes: BTreeMap<String, (u32, Place)>,
}

/// What an image is built from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    pub context: String,
    pub dockerfile: String,
}

/// A Service of Kubernetes: names, and which port leads where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterService {
    pub namespace: String,
    pub name: String,
    pub selector: BTreeMap<String, String>,
    pub ports: Vec<ServicePort>,
    pub place: Place,
}

/// One of its ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServicePort {
    pub name: Option<String>,
    pub port: u16,
    /// A number or the name of a container's port.
    pub target: String,
    /// What it says of its protocol.
    pub app_protocol: Option<String>,
    pub place: Place,
}

/// An Ingress.
#[derive(Clone, Debug)]
pub struct Ingress {
    pub namespace: String,
    pub name: String,
    pub class: Option<String>,
    pub annotations: BTreeMap<String, (String, Place)>,
    /// Directives of nginx that annotations put into its locations.
    pub snippets: Vec<Source>,
    /// Service, port by number or name, and where it is written.
    pub backends: Vec<(String, String, Place)>,
    /// Secrets that its own listeners serve.
    pub secrets: Vec<String>,
    pub place: Place,
}

/// A NetworkPolicy, its namespace said, with the places of its rules: where there are none, of its `spec`.
#[derive(Clone, Debug)]
pub struct DescribedPolicy {
    pub object: NetworkPolicy,
    pub ingress: Place,
    pub egress: Place,
}

/// Which of the two.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum StoredKind {
    Secret,
    ConfigMap,
}

impl StoredKind {
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Secret => "Secret",
            Self::ConfigMap => "ConfigMap",
        }
    }
}

/// A Secret or a ConfigMap with its content.
#[derive(Clone, Debug)]
pub struct Stored {
    pub kind: StoredKind,
    pub namespace: String,
    pub name: String,
    pub entries: BTreeMap<String, StoredEntry>,
    pub place: Place,
}

/// One key of it.
#[derive(Clone)]
pub struct StoredEntry {
    pub bytes: Arc<[u8]>,
    /// Its text, where it stands.
    pub source: Source,
    pub place: Place,
}

/// The content may be a secret.
impl std::fmt::Debug for StoredEntry {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredEntry").field("place", &self.place).finish_non_exhaustive()
    }
}

/// Something that is made when the deployment runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GeneratedObject {
    pub kind: StoredKind,
    pub namespace: String,
    pub name: String,
    /// Names that the certificate in it will have, where they are said.
    pub names: Vec<String>,
}

impl GeneratedObject {
    /// The namespace of what is made in all of them.
    pub const EVERYWHERE: &str = "*";
}

impl Description {
    /// Whether two workloads are there at the same time: profiles of Compose that share nothing are alternatives.
    #[must_use]
    pub fn together(&self, one: &Workload, other: &Workload) -> bool {
        match (self.profiles.get(&one.name), self.profiles.get(&other.name)) {
            (Some(one), Some(other)) => !one.is_disjoint(other),
            _ => true,
        }
    }

    /// The workload whose network one is in: its own, where it joins nobody's.
    #[must_use]
    pub fn holder(&self, at: usize) -> usize {
        crate::workload::holder(&self.workloads, at)
    }

    /// A Secret or ConfigMap among the files.
    #[must_use]
    pub fn stored(&self, kind: StoredKind, namespace: Option<&str>, name: &str) -> Option<&Stored> {
        let namespace = namespace.unwrap_or("default");
        self.stored.iter().find(|one| one.kind == kind && one.name == name && one.namespace == namespace)
    }

    /// Whether something among the files makes it.
    #[must_use]
    pub fn makes(&self, kind: StoredKind, namespace: Option<&str>, name: &str) -> Option<&GeneratedObject> {
        let namespace = namespace.unwrap_or("default");
        let there = |one: &GeneratedObject| {
            one.namespace == namespace || one.namespace == GeneratedObject::EVERYWHERE
        };
        self.made.iter().find(|one| one.kind == kind && one.name == name && there(one))
    }
}
