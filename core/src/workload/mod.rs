//! What runs, or is described to run: services of Compose, workloads of Kubernetes. One model, whether it was
//! read from files, from a Docker Engine, from the Kubernetes API or from a recording; whoever fills it in says
//! what it knows, and leaves the rest unknown.

mod instance;
pub mod kubernetes;
mod network;
mod probe;
mod production;
mod settings;

use std::collections::BTreeMap;
use std::fmt;

pub use instance::{Instance, Phase, Termination};
pub use network::{Attachment, attach, holder, join_networks};
pub use probe::{Probe, ProbeAction, ProbeRole};
pub use production::{MinimumVersion, truthy};
pub use settings::{Argument, Mount, MountSource, Place, Setting, Template, Value};

/// What kind of thing a workload is where it is deployed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WorkloadKind {
    /// A service of a Compose project.
    Service,
    Deployment,
    StatefulSet,
    DaemonSet,
    Job,
    CronJob,
    /// A pod that nothing owns.
    Pod,
}

impl WorkloadKind {
    /// How `kubectl` names it; nothing for a Compose service, which is named bare.
    #[must_use]
    pub const fn prefix(self) -> Option<&'static str> {
        match self {
            Self::Service => None,
            Self::Deployment => Some("deployment"),
            Self::StatefulSet => Some("statefulset"),
            Self::DaemonSet => Some("daemonset"),
            Self::Job => Some("job"),
            Self::CronJob => Some("cronjob"),
            Self::Pod => Some("pod"),
        }
    }
}

/// One service of Compose, or one Deployment, StatefulSet, DaemonSet, Job or bare pod of Kubernetes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Workload {
    pub kind: WorkloadKind,
    /// `None` under Compose.
    pub namespace: Option<String>,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// Names under which others reach it: Compose's service name and network aliases, Kubernetes Services (short
    /// and fully qualified).
    pub aliases: Vec<String>,
    /// Compose networks that it is in; nothing where everything sees everything.
    pub networks: Vec<String>,
    /// It shares the host's network.
    pub on_host: bool,
    /// The workload whose network it is in (`network_mode: service:NAME`): addresses, ports and loopback are that
    /// one's, and it has no name of its own there.
    pub joins: Option<String>,
    /// A service mesh's sidecar encrypts what goes in and out.
    pub meshed: bool,
    /// As configured, in the order in which they are described; init containers and sidecars by their role.
    pub containers: Vec<Container>,
    /// How many instances there should be, where that is said.
    pub wanted: Option<u32>,
    /// What runs of it; empty where only a description is known.
    pub instances: Vec<Instance>,
    /// Where it is described.
    pub place: Option<Place>,
}

impl Workload {
    /// A workload of which only kind and name are known.
    #[must_use]
    pub fn named(kind: WorkloadKind, name: impl Into<String>) -> Self {
        Self {
            kind,
            namespace: None,
            name: name.into(),
            labels: BTreeMap::new(),
            aliases: Vec::new(),
            networks: Vec::new(),
            on_host: false,
            joins: None,
            meshed: false,
            containers: Vec::new(),
            wanted: None,
            instances: Vec::new(),
            place: None,
        }
    }

    /// The container that does the workload's work; sidecars and init containers are no such.
    #[must_use]
    pub fn main(&self) -> Option<&Container> {
        self.containers.iter().find(|one| one.role == ContainerRole::Main)
    }
}

/// `nats`, or `statefulset/cordum-nats`: as reports name it in `where`.
impl fmt::Display for Workload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind.prefix() {
            Some(prefix) => write!(f, "{prefix}/{}", self.name),
            None => f.write_str(&self.name),
        }
    }
}

/// What a container is there for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContainerRole {
    #[default]
    Main,
    /// Runs to its end before the others start.
    Init,
    /// Runs beside the main one and is not what the workload is named after (a collector, a mesh proxy).
    Sidecar,
}

/// A key of another object that a variable's value comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ValueSource {
    /// It is a Secret, else a ConfigMap.
    pub is_secret: bool,
    pub name: String,
    pub key: String,
}

impl std::fmt::Display for ValueSource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", if self.is_secret { "secret" } else { "configmap" }, self.name)
    }
}

/// A container as configured: what it is started with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Container {
    pub name: String,
    pub role: ContainerRole,
    pub image: Option<String>,
    /// When its registry is asked for it (`imagePullPolicy` of Kubernetes).
    pub pull_policy: Option<String>,
    /// Numeric user and group, where they are set or known.
    pub user: Option<u32>,
    pub group: Option<u32>,
    /// Groups beside it (`fsGroup`, `supplementalGroups`, `group_add`).
    pub groups: Vec<u32>,
    /// It has no network of its own: its addresses are the host's.
    pub host_network: bool,
    /// What replaces the image's entry point.
    pub entrypoint: Vec<Argument>,
    /// What replaces the image's command (`command` of Compose, `args` of Kubernetes).
    pub arguments: Vec<Argument>,
    pub environment: Vec<Setting>,
    /// Variables that another object holds (Kubernetes: `valueFrom`, `envFrom`), by their names.
    pub origins: BTreeMap<String, ValueSource>,
    pub mounts: Vec<Mount>,
    /// Ports that it says it listens on.
    pub ports: Vec<u16>,
    /// Their names, where they have some (Kubernetes).
    pub port_names: BTreeMap<String, u16>,
    /// Container ports that are published on the host: host port to container port.
    pub published: Vec<(u16, u16)>,
    /// Health check, liveness, readiness and start-up probes.
    pub probes: Vec<Probe>,
    pub place: Option<Place>,
}

impl Container {
    /// With what an engine has bound: container port to the ports of the host.
    #[must_use]
    pub fn bound(mut self, ports: &BTreeMap<u16, Vec<u16>>) -> Self {
        let pairs = ports.iter().flat_map(|(inner, outer)| outer.iter().map(move |host| (*host, *inner)));
        self.published = pairs.collect();
        self
    }

    /// The value that counts of a variable: the last one that is set.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&Setting> {
        self.environment.iter().rev().find(|one| one.name == name)
    }

    /// Where a path of the container lies on the host, where a mount of the host brings it.
    #[must_use]
    pub fn on_host(&self, path: &str) -> Option<String> {
        let mount = self.mount_of(path)?;
        let MountSource::Host(source) = &mount.source else { return None };
        let rest = path.strip_prefix(mount.target.trim_end_matches('/'))?;
        Some(format!("{source}{rest}"))
    }

    /// The mount that brings a path of the container: the longest target that holds it.
    #[must_use]
    pub fn mount_of(&self, path: &str) -> Option<&Mount> {
        self.mounts.iter().filter(|one| one.holds(path)).max_by_key(|one| one.target.len())
    }
}
