//! `--logs DIR`: what ran when the logs were written. It knows services by their files, and of them no more than
//! what they logged: no state, no setting, no address; unless `collect` has written those beside the logs.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tls_verify_core::evidence::PlatformFact;
use tls_verify_core::remedy::{self, Wording};
use tls_verify_core::workload::{Instance, Workload, WorkloadKind};
use tokio::io::AsyncReadExt;

use super::bundle::Bundle;
use super::collection::Collection;
use crate::served::{PortAnswer, Served};

use super::{LogPiece, LogStream, Platform, Reach, Wire};

/// A folder of `SERVICE.log` files.
#[derive(Debug)]
pub(super) struct RecordedPlatform {
    folder: Collection,
    name: String,
    workloads: Vec<Workload>,
    /// The project whose states and settings are known too.
    project: Option<Bundle>,
    /// How its ports answered.
    served: Option<Served>,
}

/// What cannot be asked of a recording.
const SILENT: &str = "a recording answers nothing";

impl RecordedPlatform {
    pub(super) fn open(folder: &Collection) -> Self {
        let stem = |entry: std::fs::DirEntry| {
            let name = entry.file_name().into_string().ok()?;
            name.strip_suffix(".log").filter(|stem| !stem.is_empty()).map(str::to_owned)
        };
        let entries = std::fs::read_dir(folder.path()).into_iter().flatten().flatten();
        let mut names: Vec<String> = entries.filter_map(stem).collect();
        names.sort();
        let workload = |name: String| {
            let service = service_of(&name);
            let mut workload = Workload::named(WorkloadKind::Service, service.to_owned());
            workload.instances.push(Instance::of_service(service.to_owned(), name));
            workload
        };
        Self {
            folder: folder.clone(),
            name: folder.to_string(),
            workloads: names.into_iter().map(workload).collect(),
            project: None,
            served: None,
        }
    }

    /// With the states and settings that `collect` wrote.
    pub(super) fn collected(folder: &Collection) -> Option<Self> {
        let bundle = Bundle::read(folder.path())?;
        Some(Self {
            folder: folder.clone(),
            name: folder.to_string(),
            workloads: bundle.workloads(),
            project: Some(bundle),
            served: Served::read(folder.path()),
        })
    }
}

/// Services whose logs are kept under their containers' names too.
const SERVICES: &[&str] = &[
    "api-gateway",
    "scheduler",
    "safety-kernel",
    "workflow-engine",
    "context-engine",
    "mock-bank-worker",
    "nats",
    "redis",
    "dashboard",
];

/// The service of a container as Compose names it: `PROJECT-SERVICE-NUMBER`, or with underlines.
fn service_of(name: &str) -> &str {
    let stem = name.trim_end_matches(|last: char| last.is_ascii_digit());
    let is_compose = |service: &str| {
        stem.strip_suffix(['-', '_'])
            .and_then(|stem| stem.strip_suffix(service))
            .is_some_and(|project| project.ends_with(['-', '_']))
    };
    SERVICES.iter().find(|service| stem.len() < name.len() && is_compose(service)).copied().unwrap_or(name)
}

/// A file in pieces.
async fn piece(opened: io::Result<tokio::fs::File>) -> Option<(Result<LogPiece, String>, Rest)> {
    let mut file = match opened {
        Ok(file) => file,
        Err(error) => return Some((Err(error.to_string()), None)),
    };
    let mut buffer = vec![0_u8; 64 * 1024];
    match file.read(&mut buffer).await {
        Ok(0) => None,
        Ok(count) => {
            buffer.truncate(count);
            Some((Ok(LogPiece::Bytes(Bytes::from(buffer))), Some(file)))
        }
        Err(error) => Some((Err(error.to_string()), None)),
    }
}

type Rest = Option<tokio::fs::File>;

/// Where the reading of a file stands.
enum LogReading {
    Closed(PathBuf),
    Open(tokio::fs::File),
    Over,
}

impl Platform for RecordedPlatform {
    fn name(&self) -> &str {
        &self.name
    }

    fn stack(&self) -> String {
        self.name.clone()
    }

    fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    fn is_live(&self) -> bool {
        self.is_collected()
    }

    fn now(&self) -> SystemTime {
        self.project.as_ref().and_then(Bundle::moment).unwrap_or_else(SystemTime::now)
    }

    fn is_collected(&self) -> bool {
        self.project.is_some()
    }

    fn lacks(&self, service: &str) -> PlatformFact {
        let service = service.to_owned();
        match &self.project {
            Some(bundle) => PlatformFact::HadNoContainer { project: bundle.project.clone(), service },
            None => {
                let folder = self.folder.called().display().to_string();
                PlatformFact::NoLogFile { service, folder }
            }
        }
    }

    fn inspect<'a>(&'a self, of: &'a Instance) -> BoxFuture<'a, Result<Instance, String>> {
        let same = of.clone();
        async move { Ok(same) }.boxed()
    }

    fn processes<'a>(&'a self, of: &'a Instance) -> BoxFuture<'a, Result<Vec<String>, String>> {
        let all = self.project.iter().flat_map(|bundle| &bundle.containers);
        let known = all.into_iter().find(|one| one.name == of.name).and_then(|one| one.processes.clone());
        async { known.ok_or_else(|| SILENT.to_owned()) }.boxed()
    }

    fn answered(&self, of: &Instance, port: u16) -> Option<&PortAnswer> {
        self.served.as_ref()?.of(&of.name, port)
    }

    fn was_connected(&self, of: &Instance) -> Option<bool> {
        self.served.as_ref()?.is_connected(&of.name)
    }

    /// `readyz.txt`: a body a line, with or without `NAME: ` before it and `HTTP 200` behind it.
    fn readiness(&self) -> BoxFuture<'_, Vec<Vec<u8>>> {
        let path = self.folder.path().join("readyz.txt");
        let body = |line: &str| Some(line.as_bytes()[line.find('{')?..=line.rfind('}')?].to_vec());
        async move {
            let text = tokio::fs::read_to_string(path).await.unwrap_or_default();
            text.lines().take(64).filter_map(body).collect()
        }
        .boxed()
    }

    fn logs<'a>(&'a self, of: &'a Instance, _since: Option<SystemTime>) -> LogStream<'a> {
        // Of a collected container the file's name is what identifies it.
        let stem = if of.id.is_empty() { &of.name } else { &of.id };
        let path = self.folder.path().join(format!("{stem}.log"));
        let read = |reading: LogReading| async {
            let opened = match reading {
                LogReading::Closed(path) => tokio::fs::File::open(path).await,
                LogReading::Open(file) => Ok(file),
                LogReading::Over => return None,
            };
            let (piece, rest) = piece(opened).await?;
            Some((piece, rest.map_or(LogReading::Over, LogReading::Open)))
        };
        stream::unfold(LogReading::Closed(path), read).boxed()
    }

    fn file<'a>(&'a self, of: &'a Instance, path: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        let kept = self.folder.path().join("certificates").join(format!("{}{path}", of.id));
        let is_kept = self.is_collected() && path.starts_with('/') && !path.contains("..");
        async move {
            if !is_kept {
                return Err(SILENT.to_owned());
            }
            tokio::fs::read(kept).await.map_err(|_| format!("{path} of {} was not collected", of.name))
        }
        .boxed()
    }

    fn run<'a>(
        &'a self,
        _of: &'a Instance,
        _command: &'a [&'a str],
    ) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        async { Err(SILENT.to_owned()) }.boxed()
    }

    fn reach(&self, _of: &Instance, _port: u16) -> Reach {
        Reach::No
    }

    fn open<'a>(&'a self, _of: &'a Instance, _port: u16) -> BoxFuture<'a, io::Result<Box<dyn Wire>>> {
        async { Err(io::Error::other(SILENT)) }.boxed()
    }

    fn wording(&self) -> Arc<dyn Wording> {
        match &self.project {
            Some(bundle) => {
                let words = ["docker", "compose", "-p", &bundle.project];
                Arc::new(remedy::Compose::new(words.map(str::to_owned)))
            }
            None => Arc::new(remedy::Compose::default()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::service_of;

    #[test]
    fn a_containers_name_tells_its_service() {
        for (name, service) in [
            ("scheduler", "scheduler"),
            ("scheduler-2", "scheduler-2"),
            ("cordum-scheduler-2", "scheduler"),
            ("cordum_api-gateway_1", "api-gateway"),
            ("my-cordum-redis-1", "redis"),
            ("my-redis", "my-redis"),
            ("cordum-scheduler", "cordum-scheduler"),
        ] {
            assert_eq!(service_of(name), service);
        }
    }
}
