//! What `collect` writes of a Compose project beside its logs, and reads back: `states.json`. One shape for both
//! ways, so that a colleague elsewhere is told what was told where it ran.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use tls_verify_core::logs::moment;
use tls_verify_core::workload::{
    Argument, Attachment, Container, Instance, Mount, MountSource, Phase, Setting, Termination, Value,
    Workload, WorkloadKind, attach,
};

/// The file's name in the folder.
pub const FILE: &str = "states.json";
/// Larger ones are not read.
const LARGEST: u64 = 16 << 20;
/// What stands where a secret stood; it is not judged.
pub const REMOVED: &str = "(removed)";
const SCHEMA: &str = "tls-verify/project/v1";

/// A project as it was when it was collected.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Bundle {
    pub schema: String,
    pub project: String,
    /// RFC 3339.
    pub collected: String,
    pub containers: Vec<RecordedContainer>,
}

/// A container: what the engine said of it, its settings without secrets.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RecordedContainer {
    pub name: String,
    pub service: String,
    /// Its log is `LOG.log`, the certificates that it names lie under `certificates/LOG/`.
    pub log: String,
    pub image: Option<String>,
    /// `created`, `running`, `paused`, `restarting`, `exited`.
    pub phase: String,
    pub healthy: Option<bool>,
    pub probe: Option<String>,
    pub restarts: u32,
    pub started: Option<String>,
    pub last: Option<End>,
    /// Of the present configuration.
    pub current: bool,
    pub host_network: bool,
    pub user: Option<u32>,
    pub group: Option<u32>,
    /// Container port to ports of the host.
    pub published: BTreeMap<u16, Vec<u16>>,
    pub settings: BTreeMap<String, String>,
    pub entrypoint: Vec<String>,
    pub arguments: Vec<String>,
    pub mounts: Vec<Mounted>,
    /// Names by which its neighbours reach it, and the networks that it is in.
    #[serde(default)]
    pub names: Vec<String>,
    #[serde(default)]
    pub networks: Vec<String>,
    /// The container whose network it is in.
    #[serde(default)]
    pub joins: Option<String>,
    /// The states of its processes as `ps` writes them, where they could be seen.
    #[serde(default)]
    pub processes: Option<Vec<String>>,
}

/// The end of the run before.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct End {
    pub exit_code: i64,
    pub reason: Option<String>,
    pub message: Option<String>,
    pub finished: Option<String>,
}

/// A folder or file of the host, or a volume, in a container.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mounted {
    pub target: String,
    pub source: String,
    #[serde(default)]
    pub volume: bool,
    pub read_only: bool,
}

impl Bundle {
    /// An empty one of now.
    #[must_use]
    pub fn new(project: &str, collected: String) -> Self {
        Self { schema: SCHEMA.to_owned(), project: project.to_owned(), collected, containers: Vec::new() }
    }

    /// The one in a folder, if there is one that can be read.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(FILE);
        let size = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
        let text = (size <= LARGEST).then(|| std::fs::read(path).ok()).flatten()?;
        serde_json::from_slice(&text).ok().filter(|found: &Self| found.schema == SCHEMA)
    }

    /// When it was collected.
    #[must_use]
    pub fn moment(&self) -> Option<SystemTime> {
        moment(&self.collected)
    }

    /// Its services, each with its containers in the order of their names.
    #[must_use]
    pub fn workloads(&self) -> Vec<Workload> {
        let mut workloads: Vec<Workload> = Vec::new();
        let mut states: Vec<&RecordedContainer> = self.containers.iter().collect();
        states.sort_by(|a, b| a.name.cmp(&b.name));
        for state in states {
            let instance = state.instance();
            match workloads.iter_mut().find(|one| one.name == state.service) {
                Some(known) => known.instances.push(instance),
                None => {
                    let mut workload = Workload::named(WorkloadKind::Service, state.service.clone());
                    workload.aliases.push(state.service.clone());
                    workload.containers.push(instance.configured.clone());
                    workload.instances.push(instance);
                    workloads.push(workload);
                }
            }
        }
        attach(&mut workloads);
        workloads
    }
}

impl RecordedContainer {
    /// A container's; `shown` gives a setting's value, or an argument with the name before it, without its secrets.
    #[must_use]
    pub fn of(
        instance: &Instance,
        log: &str,
        rfc3339: impl Fn(SystemTime) -> String,
        shown: impl Fn(Option<&str>, &str) -> String,
    ) -> Self {
        let Container {
            image, user, group, host_network, entrypoint, arguments, environment, mounts, ..
        } = &instance.configured;
        let value = |name: Option<&str>, value: &Value| match value.known() {
            Some(text) => shown(name, text),
            None => REMOVED.to_owned(),
        };
        let words = |words: &[Argument]| {
            let texts: Vec<&Value> = words.iter().map(|one| &one.value).collect();
            let before = |at: usize| at.checked_sub(1).and_then(|at| texts[at].known());
            texts.iter().enumerate().map(|(at, one)| value(before(at), one)).collect()
        };
        let mounted = |mount: &Mount| {
            let (source, volume) = match &mount.source {
                MountSource::Host(path) => (path, false),
                MountSource::Volume(name) => (name, true),
                _ => return None,
            };
            let (target, read_only) = (mount.target.clone(), mount.read_only);
            Some(Mounted { target, source: source.clone(), volume, read_only })
        };
        Self {
            name: instance.name.clone(),
            service: instance.service.clone(),
            log: log.to_owned(),
            image: image.clone(),
            phase: instance.phase.word().to_owned(),
            healthy: instance.healthy,
            probe: instance.probe.as_deref().map(|text| shown(None, text)),
            restarts: instance.restarts,
            started: instance.started.map(&rfc3339),
            last: instance.last.as_ref().map(|last| End {
                exit_code: last.exit_code,
                reason: last.reason.clone(),
                message: last.message.as_deref().map(|text| shown(None, text)),
                finished: last.finished.map(&rfc3339),
            }),
            current: instance.current,
            host_network: *host_network,
            user: *user,
            group: *group,
            published: instance.published.clone(),
            settings: environment
                .iter()
                .map(|one| (one.name.clone(), value(Some(&one.name), &one.value)))
                .collect(),
            entrypoint: words(entrypoint),
            arguments: words(arguments),
            mounts: mounts.iter().filter_map(mounted).collect(),
            names: instance.network.names.clone(),
            networks: instance.network.networks.clone(),
            joins: instance.network.joins.clone(),
            processes: None,
        }
    }

    /// The container as a running engine would have told it; its addresses mean nothing here.
    fn instance(&self) -> Instance {
        let phases = [Phase::Waiting, Phase::Running, Phase::Paused, Phase::Restarting, Phase::Exited];
        let value = |text: &str| match text {
            REMOVED => Value::Unknown("a secret that was left out".to_owned()),
            text => Value::Known(text.to_owned()),
        };
        let words = |words: &[String]| {
            words.iter().map(|text| Argument { value: value(text), place: None }).collect()
        };
        let mount = |mounted: &Mounted| Mount {
            target: mounted.target.clone(),
            source: match mounted.volume {
                true => MountSource::Volume(mounted.source.clone()),
                false => MountSource::Host(mounted.source.clone()),
            },
            sub_path: None,
            read_only: mounted.read_only,
            mode: None,
            place: None,
        };
        Instance {
            id: self.log.clone(),
            container: self.service.clone(),
            phase: phases.into_iter().find(|phase| phase.word() == self.phase).unwrap_or(Phase::Unknown),
            healthy: self.healthy,
            probe: self.probe.clone(),
            restarts: self.restarts,
            started: self.started.as_deref().and_then(moment),
            last: self.last.as_ref().map(|last| Termination {
                exit_code: last.exit_code,
                reason: last.reason.clone(),
                message: last.message.clone(),
                started: None,
                finished: last.finished.as_deref().and_then(moment),
            }),
            current: self.current,
            published: self.published.clone(),
            network: Attachment {
                names: self.names.clone(),
                networks: self.networks.clone(),
                joins: self.joins.clone(),
            },
            configured: Container {
                name: self.service.clone(),
                image: self.image.clone(),
                user: self.user,
                group: self.group,
                host_network: self.host_network,
                entrypoint: words(&self.entrypoint),
                arguments: words(&self.arguments),
                environment: self
                    .settings
                    .iter()
                    .map(|(name, text)| Setting { name: name.clone(), value: value(text), place: None })
                    .collect(),
                mounts: self.mounts.iter().map(mount).collect(),
                ..Container::default()
            }
            .bound(&self.published),
            ..Instance::of_service(self.service.clone(), self.name.clone())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_and_a_secret_is_not_judged() {
        let folder = tempfile::tempdir().unwrap();
        let mut told = Instance::of_service("scheduler", "cordum-scheduler-1");
        told.phase = Phase::Paused;
        told.restarts = 3;
        told.started = moment("2026-01-31T12:00:00Z");
        let set = |name: &str, text: &str| Setting {
            name: name.to_owned(),
            value: Value::Known(text.to_owned()),
            place: None,
        };
        told.configured.environment =
            vec![set("NATS_URL", "tls://nats:4222"), set("REDIS_PASSWORD", "hunter2")];
        let shown = |name: Option<&str>, text: &str| {
            if name == Some("REDIS_PASSWORD") { REMOVED.to_owned() } else { text.to_owned() }
        };
        let mut bundle = Bundle::new("cordum", "2026-02-01T00:00:00Z".to_owned());
        let time = |_: SystemTime| "2026-01-31T12:00:00Z".to_owned();
        bundle.containers.push(RecordedContainer::of(&told, "scheduler", time, shown));
        let text = serde_json::to_string(&bundle).unwrap();
        assert!(!text.contains("hunter2"));
        std::fs::write(folder.path().join(FILE), text).unwrap();
        let read = Bundle::read(folder.path()).unwrap();
        let workloads = read.workloads();
        let back = &workloads[0].instances[0];
        assert_eq!((back.phase, back.restarts, back.started), (Phase::Paused, 3, told.started));
        assert_eq!(
            back.configured.variable("NATS_URL").and_then(|one| one.value.known()),
            Some("tls://nats:4222")
        );
        assert_eq!(back.configured.variable("REDIS_PASSWORD").unwrap().value.known(), None);
        std::fs::write(folder.path().join(FILE), "[]").unwrap();
        assert!(Bundle::read(folder.path()).is_none());
    }
}
