//! The Docker Engine (or Podman's of the same API): the project's containers, their state, addresses, settings,
//! logs and files.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::models::ContainerSummary;
use bollard::query_parameters::{
    DownloadFromContainerOptionsBuilder, ListContainersOptions, LogsOptions, TopOptionsBuilder,
};
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use tls_verify_core::evidence::PlatformFact;
use tls_verify_core::remedy::Wording;
use tls_verify_core::workload::{Instance, Workload};

use super::compose::ComposeCli;
use super::docker_inspection::{self as inspection, Labels};
use super::docker_transport::Host;
use super::{LogPiece, LogStream, Platform, Reach, Sockets, Wire};
use crate::fault::{Cause, Failure, Stage};
use crate::stack::Stack;

/// A connected engine and what it said of the project.
#[derive(Debug)]
pub(super) struct DockerPlatform {
    docker: Docker,
    /// Looks at containers that may be under way at the same time.
    turns: tokio::sync::Semaphore,
    /// `None`: a kind of host that is left to bollard (a named pipe).
    host: Option<Host>,
    project: String,
    compose: ComposeCli,
    workloads: Vec<Workload>,
}

/// How long the engine may take for one answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// How many containers are looked at together: each answer may take its bound of memory.
const AT_ONCE: usize = 3;
/// How long for one container's state.
const LOOK: Duration = Duration::from_secs(2);
/// Of a command's output or a file no more is taken.
const ANSWER: usize = 8 * 1024 * 1024;

impl DockerPlatform {
    /// Finds an engine and lists the project's containers; each socket is given `patience`.
    ///
    /// # Errors
    /// Which sockets were tried and what they said.
    pub(super) async fn connect(
        stack: &Stack,
        sockets: &Sockets,
        patience: Duration,
    ) -> Result<Self, Failure> {
        let hosts: Vec<String> = match sockets {
            Sockets::Host(host) => vec![host.clone()],
            Sockets::Usual(paths) => paths
                .iter()
                .filter(|path| path.exists())
                .map(|path| format!("unix://{}", path.display()))
                .collect(),
        };
        let mut failure = Failure::new(Stage::Connect, Cause::Other);
        if hosts.is_empty() {
            failure = failure.because(PlatformFact::NoSocket);
        }
        for host in hosts {
            match tokio::time::timeout(patience.min(PATIENCE), Self::open(&host, stack)).await {
                Ok(Ok(engine)) => return Ok(engine),
                Ok(Err(error)) => {
                    let error = error.to_string();
                    failure = failure.because(PlatformFact::Unreachable { host, error });
                }
                Err(_) => failure = failure.because(PlatformFact::Unanswered { host }),
            }
        }
        Err(failure)
    }

    async fn open(host: &str, stack: &Stack) -> Result<Self, bollard::errors::Error> {
        let own = Host::parse(host);
        let docker = match &own {
            Some(host) => host.client()?,
            None => Docker::connect_with_host(host)?,
        };
        let docker = docker.negotiate_version().await?;
        let filters = HashMap::from([(
            "label".to_owned(),
            vec![format!("com.docker.compose.project={}", stack.project)],
        )]);
        let options = ListContainersOptions { all: true, filters: Some(filters), ..Default::default() };
        let mut listed = docker.list_containers(Some(options)).await?;
        stack.compose.learn(listed.iter().filter_map(|summary| summary.labels.as_ref()));
        listed.retain(|one| label(one, "oneoff").is_none_or(|value| value != "True"));
        let looks = listed.into_iter().map(|summary| async {
            let id = summary.id.clone()?;
            let service = label(&summary, "service")?.to_owned();
            // The engine locks a container while it starts or stops it, for seconds on a busy machine;
            // what the list says of it must do then.
            let instance = match tokio::time::timeout(LOOK, docker.inspect_container(&id, None)).await {
                Ok(Ok(inspected)) => inspection::instance(id, service, inspected),
                // It vanished between the list and the look.
                Ok(Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })) => {
                    return None;
                }
                // One that cannot be looked at is there all the same.
                Ok(Err(_)) | Err(_) => inspection::listed(id, service, &summary),
            };
            Some((instance, summary.labels.unwrap_or_default()))
        });
        let found: Vec<(Instance, Labels)> =
            stream::iter(looks).buffered(AT_ONCE).filter_map(std::future::ready).collect().await;
        let (project, compose) = (stack.project.clone(), stack.compose.clone());
        let turns = tokio::sync::Semaphore::new(AT_ONCE);
        Ok(Self { docker, turns, host: own, project, compose, workloads: inspection::workloads(found) })
    }

    /// A command's standard output, bounded.
    async fn exec(&self, id: &str, command: &[&str]) -> Result<Vec<u8>, String> {
        let options = CreateExecOptions {
            cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(false),
            ..Default::default()
        };
        let exec = self.docker.create_exec(id, options).await.map_err(|error| error.to_string())?;
        let started = self.docker.start_exec(&exec.id, None::<StartExecOptions>).await;
        let mut collected = Vec::new();
        match started.map_err(|error| error.to_string())? {
            StartExecResults::Attached { mut output, .. } => {
                while let Some(chunk) = output.next().await {
                    let chunk = chunk.map_err(|error| error.to_string())?;
                    collected.extend_from_slice(&chunk.into_bytes());
                    if collected.len() > ANSWER {
                        break;
                    }
                }
            }
            StartExecResults::Detached => {}
        }
        Ok(collected)
    }

    /// A file, out of the archive in which the engine hands it over.
    async fn archived(&self, id: &str, path: &str) -> Result<Vec<u8>, String> {
        let options = DownloadFromContainerOptionsBuilder::default().path(path).build();
        let mut chunks = std::pin::pin!(self.docker.download_from_container(id, Some(options)));
        let mut archive = Vec::new();
        while let Some(chunk) = chunks.next().await {
            archive.extend_from_slice(&chunk.map_err(|error| error.to_string())?);
            if archive.len() > ANSWER {
                return Err(format!("{path} is larger than {} MiB", ANSWER >> 20));
            }
        }
        inspection::only_file(&archive).ok_or_else(|| format!("{path} is no regular file"))
    }
}

/// A label that Compose puts on a container.
fn label<'a>(summary: &'a ContainerSummary, name: &str) -> Option<&'a str> {
    summary.labels.as_ref()?.get(&format!("com.docker.compose.{name}")).map(String::as_str)
}

async fn in_time<T>(patience: Duration, work: impl Future<Output = Result<T, String>>) -> Result<T, String> {
    tokio::time::timeout(patience, work).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
}

impl Platform for DockerPlatform {
    fn name(&self) -> &str {
        "Docker"
    }

    fn stack(&self) -> String {
        format!("project `{}`", self.project)
    }

    fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    fn inspect<'a>(&'a self, of: &'a Instance) -> BoxFuture<'a, Result<Instance, String>> {
        let asked = async {
            let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
            let inspected = self.docker.inspect_container(&of.id, None).await;
            let inspected = inspected.map_err(|error| error.to_string())?;
            let fresh = inspection::instance(of.id.clone(), of.service.clone(), inspected);
            Ok(Instance { current: of.current, ..fresh })
        };
        in_time(LOOK, asked).boxed()
    }

    fn processes<'a>(&'a self, of: &'a Instance) -> BoxFuture<'a, Result<Vec<String>, String>> {
        let options = TopOptionsBuilder::default().ps_args("-o pid,stat").build();
        let asked = async {
            let top = self.docker.top_processes(&of.id, Some(options)).await;
            let top = top.map_err(|error| error.to_string())?;
            let titles = top.titles.unwrap_or_default();
            let column = titles.iter().position(|title| title.starts_with("STAT"));
            let column = column.ok_or_else(|| "the engine's ps tells no state".to_owned())?;
            let rows = top.processes.unwrap_or_default();
            Ok(rows.into_iter().filter_map(|row| row.get(column).cloned()).collect())
        };
        in_time(LOOK, asked).boxed()
    }

    fn logs<'a>(&'a self, of: &'a Instance, since: Option<SystemTime>) -> LogStream<'a> {
        let since = since
            .and_then(|since| since.duration_since(SystemTime::UNIX_EPOCH).ok())
            .and_then(|since| i32::try_from(since.as_secs()).ok())
            .unwrap_or(0);
        if let Some(host) = self.host.clone() {
            let path = format!(
                "/v{}/containers/{}/logs?stdout=true&stderr=true&timestamps=true&since={since}",
                self.docker.client_version(),
                of.id
            );
            return host.logs(path).map(|piece| piece.map(LogPiece::Bytes)).boxed();
        }
        let options =
            LogsOptions { stdout: true, stderr: true, timestamps: true, since, ..Default::default() };
        let logs = self.docker.logs(&of.id, Some(options));
        let piece = |line: LogOutput| LogPiece::Bytes(line.into_bytes());
        logs.map(move |line| line.map(piece).map_err(|error| error.to_string())).boxed()
    }

    fn file<'a>(&'a self, of: &'a Instance, path: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        in_time(PATIENCE, self.archived(&of.id, path)).boxed()
    }

    fn run<'a>(&'a self, of: &'a Instance, command: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        in_time(PATIENCE, self.exec(&of.id, command)).boxed()
    }

    fn is_near(&self) -> bool {
        !matches!(self.host, Some(Host::Tcp(_)))
    }

    fn reach(&self, of: &Instance, port: u16) -> Reach {
        match (of.published.get(&port).filter(|ports| !ports.is_empty()), of.addresses.first()) {
            (Some(ports), _) => Reach::Published(ports.clone()),
            (None, Some(address)) => Reach::Address(*address),
            (None, None) => Reach::No,
        }
    }

    fn open<'a>(&'a self, of: &'a Instance, port: u16) -> BoxFuture<'a, io::Result<Box<dyn Wire>>> {
        async move {
            let address = match self.reach(of, port) {
                Reach::Published(ports) => (IpAddr::from([127, 0, 0, 1]), ports[0]),
                Reach::Address(address) => (address, port),
                Reach::Through | Reach::No => return Err(io::ErrorKind::AddrNotAvailable.into()),
            };
            let stream = tokio::net::TcpStream::connect(SocketAddr::from(address)).await?;
            stream.set_nodelay(true)?;
            Ok(Box::new(stream) as Box<dyn Wire>)
        }
        .boxed()
    }

    fn wording(&self) -> Arc<dyn Wording> {
        Arc::new(self.compose.wording(&self.project))
    }
}
