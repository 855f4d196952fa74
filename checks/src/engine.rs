//! What the Docker Engine says of the project's containers: state, addresses, environment, logs.

use std::collections::HashMap;
use std::net::IpAddr;
use std::pin::Pin;
use std::time::{Duration, SystemTime};

use bollard::Docker;
use bollard::container::LogOutput;
use bollard::exec::{CreateExecOptions, StartExecOptions, StartExecResults};
use bollard::query_parameters::{ListContainersOptions, LogsOptions};
use bytes::Bytes;
use futures_util::{Stream, StreamExt, TryStreamExt, stream};

pub use tls_verify_core::logs::moment;

use crate::engine_wire::Host;
use crate::fault::{Cause, Failure, Stage};
use crate::stack::{EngineChoice, Stack};

/// A connected engine and what it said of the project.
#[derive(Debug)]
pub struct Engine {
    docker: Docker,
    /// `None`: a kind of host that is left to bollard (a named pipe).
    host: Option<Host>,
    pub containers: Vec<Container>,
}

/// One container of the project.
#[derive(Clone, Debug)]
pub struct Container {
    pub id: String,
    /// `cordum-api-gateway-1`.
    pub name: String,
    pub service: String,
    /// `running`, `restarting`, `exited`, …
    pub status: String,
    pub running: bool,
    pub restarting: bool,
    pub exit_code: i64,
    pub restarts: i64,
    pub started: Option<SystemTime>,
    pub finished: Option<SystemTime>,
    /// `healthy`, `unhealthy`, `starting`, or nothing where there is no health check.
    pub health: Option<String>,
    pub addresses: Vec<IpAddr>,
    /// Container port to host ports.
    pub published: HashMap<u16, Vec<u16>>,
    pub environment: HashMap<String, String>,
    /// Paths on the host and where they are mounted in the container.
    pub mounts: Vec<(String, String)>,
    pub image: String,
    pub oneoff: bool,
}

impl Container {
    /// A container of which nothing is known yet, for tests.
    #[cfg(test)]
    pub(crate) fn named(service: &str) -> Self {
        container(
            String::new(),
            service.to_owned(),
            false,
            bollard::models::ContainerInspectResponse::default(),
        )
    }

    /// Running, and not merely between two crashes.
    #[must_use]
    pub fn is_up(&self) -> bool {
        self.running && !self.restarting
    }

    /// From when on log lines are the present start's. The engine notes a start when the process runs
    /// already (seen with Docker 20.10): its first lines are older than that. They are not older than the
    /// end before, and a first start has no end before it.
    #[must_use]
    pub fn log_begins(&self) -> Option<SystemTime> {
        const AHEAD: Duration = Duration::from_secs(2);
        let started = self.started?;
        let earliest = started.checked_sub(AHEAD).unwrap_or(started);
        let gap = self.finished.and_then(|finished| started.duration_since(finished).ok());
        match gap {
            Some(gap) => Some(earliest.max(started.checked_sub(gap / 2).unwrap_or(started))),
            None if self.finished.is_none() => Some(SystemTime::UNIX_EPOCH),
            // It has ended since: how long it had been down before is not known any more.
            None => Some(started),
        }
    }

    /// Age of the present start.
    #[must_use]
    pub fn up_for(&self, now: SystemTime) -> Option<Duration> {
        self.is_up().then_some(self.started).flatten().and_then(|since| now.duration_since(since).ok())
    }
}

/// How long the engine may take for one answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// How many containers are looked at together: each answer may take its bound of memory.
const AT_ONCE: usize = 4;
/// How long for one container's state.
const LOOK: Duration = Duration::from_secs(2);

impl Engine {
    /// Finds an engine and lists the project's containers; each socket is given `patience`.
    ///
    /// # Errors
    /// Which sockets were tried and what they said.
    pub async fn connect(stack: &Stack, patience: Duration) -> Result<Self, Failure> {
        let hosts: Vec<String> = match &stack.engine {
            EngineChoice::Off => {
                return Err(Failure::new(Stage::Configure, Cause::Other)
                    .because("Docker is not asked (`--no-docker`)"));
            }
            EngineChoice::Host(host) => vec![host.clone()],
            EngineChoice::Usual(paths) => paths
                .iter()
                .filter(|path| path.exists())
                .map(|path| format!("unix://{}", path.display()))
                .collect(),
        };
        let mut failure = Failure::new(Stage::Connect, Cause::Other);
        if hosts.is_empty() {
            failure = failure.because("no Docker socket found; set DOCKER_HOST or use --docker-host");
        }
        for host in hosts {
            match tokio::time::timeout(patience.min(PATIENCE), Self::open(&host, stack)).await {
                Ok(Ok(engine)) => return Ok(engine),
                Ok(Err(error)) => {
                    failure = failure.because(format!("Docker is not reachable at {host}: {error}"));
                }
                Err(_) => failure = failure.because(format!("Docker at {host} does not answer")),
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
        let listed = docker.list_containers(Some(options)).await?;
        stack.compose.learn(listed.iter().filter_map(|summary| summary.labels.as_ref()));
        let looks = listed.into_iter().map(|summary| async {
            let id = summary.id.clone()?;
            let labels = summary.labels.clone().unwrap_or_default();
            let service = labels.get("com.docker.compose.service").cloned()?;
            let oneoff = labels.get("com.docker.compose.oneoff").is_some_and(|value| value == "True");
            // The engine locks a container while it starts or stops it, for seconds on a busy machine;
            // what the list says of it must do then.
            match tokio::time::timeout(LOOK, docker.inspect_container(&id, None)).await {
                Ok(Ok(inspected)) => Some(container(id, service, oneoff, inspected)),
                // It vanished between the list and the look.
                Ok(Err(bollard::errors::Error::DockerResponseServerError { status_code: 404, .. })) => None,
                // One that cannot be looked at is there all the same.
                Ok(Err(_)) | Err(_) => Some(listed_container(id, service, oneoff, summary)),
            }
        });
        let mut containers: Vec<Container> =
            stream::iter(looks).buffered(AT_ONCE).filter_map(std::future::ready).collect().await;
        containers.retain(|container| !container.oneoff);
        containers.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(Self { docker, host: own, containers })
    }

    /// The containers of a service and of its replicas (`scheduler`, `scheduler-2`).
    pub fn of_service<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Container> {
        self.containers.iter().filter(move |container| {
            container.service == service
                || container
                    .service
                    .strip_prefix(service)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|number| {
                        !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit())
                    })
        })
    }

    /// All log lines of a container with the engine's timestamps in front.
    pub fn logs(
        &self,
        container: &Container,
        since: Option<SystemTime>,
    ) -> Pin<Box<dyn Stream<Item = Result<Bytes, String>> + Send>> {
        let since = since
            .and_then(|since| since.duration_since(SystemTime::UNIX_EPOCH).ok())
            .and_then(|since| i32::try_from(since.as_secs()).ok())
            .unwrap_or(0);
        if let Some(host) = self.host.clone() {
            let path = format!(
                "/v{}/containers/{}/logs?stdout=true&stderr=true&timestamps=true&since={since}",
                self.docker.client_version(),
                container.id
            );
            return host.logs(path);
        }
        let options =
            LogsOptions { stdout: true, stderr: true, timestamps: true, since, ..Default::default() };
        let logs = self.docker.logs(&container.id, Some(options));
        Box::pin(logs.map_ok(LogOutput::into_bytes).map_err(|error| error.to_string()))
    }

    /// Runs a command in a container and returns its standard output, bounded.
    ///
    /// # Errors
    /// What the engine or the image refused.
    pub async fn exec(&self, container: &Container, command: &[&str]) -> Result<Vec<u8>, String> {
        let options = CreateExecOptions {
            cmd: Some(command.iter().map(|word| (*word).to_owned()).collect()),
            attach_stdout: Some(true),
            attach_stderr: Some(false),
            ..Default::default()
        };
        let run = async {
            let exec =
                self.docker.create_exec(&container.id, options).await.map_err(|error| error.to_string())?;
            let started = self.docker.start_exec(&exec.id, None::<StartExecOptions>).await;
            let mut collected = Vec::new();
            match started.map_err(|error| error.to_string())? {
                StartExecResults::Attached { mut output, .. } => {
                    while let Some(chunk) = output.next().await {
                        let chunk = chunk.map_err(|error| error.to_string())?;
                        collected.extend_from_slice(&chunk.into_bytes());
                        if collected.len() > 8 * 1024 * 1024 {
                            break;
                        }
                    }
                }
                StartExecResults::Detached => {}
            }
            Ok(collected)
        };
        tokio::time::timeout(PATIENCE, run).await.unwrap_or_else(|_| Err("no answer in time".to_owned()))
    }

    /// The container's state, asked anew.
    ///
    /// # Errors
    /// What the engine refused.
    pub async fn look(&self, container: &Container) -> Result<Container, String> {
        let asked = self.docker.inspect_container(&container.id, None);
        let inspected = tokio::time::timeout(LOOK, asked)
            .await
            .map_err(|_| "no answer in time".to_owned())?
            .map_err(|error| error.to_string())?;
        Ok(self::container(container.id.clone(), container.service.clone(), container.oneoff, inspected))
    }
}

fn container(
    id: String,
    service: String,
    oneoff: bool,
    inspected: bollard::models::ContainerInspectResponse,
) -> Container {
    let state = inspected.state.unwrap_or_default();
    let network = inspected.network_settings.unwrap_or_default();
    let mut addresses: Vec<IpAddr> = network
        .networks
        .unwrap_or_default()
        .into_values()
        .flat_map(|settings| [settings.ip_address, settings.global_ipv6_address])
        .flatten()
        .filter_map(|text| text.parse().ok())
        .collect();
    addresses.sort();
    // A stopped container has its ports configured, a running one has them bound.
    let configured = inspected.host_config.and_then(|config| config.port_bindings).unwrap_or_default();
    let bound = network.ports.unwrap_or_default();
    let published = configured
        .into_iter()
        .chain(
            bound.into_iter().filter(|(_, bindings)| bindings.as_ref().is_some_and(|list| !list.is_empty())),
        )
        .filter_map(|(port, bindings)| {
            let port: u16 = port.split('/').next()?.parse().ok()?;
            let mut hosts: Vec<u16> =
                bindings?.into_iter().filter_map(|binding| binding.host_port?.parse().ok()).collect();
            hosts.sort_unstable();
            hosts.dedup();
            Some((port, hosts))
        })
        .collect();
    let mounts = inspected
        .mounts
        .unwrap_or_default()
        .into_iter()
        .filter_map(|mount| Some((mount.source?, mount.destination?)))
        .collect();
    let config = inspected.config.unwrap_or_default();
    let environment = config
        .env
        .unwrap_or_default()
        .into_iter()
        .filter_map(|pair| pair.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned())))
        .collect();
    Container {
        id,
        name: inspected.name.unwrap_or_default().trim_start_matches('/').to_owned(),
        service,
        status: state.status.map(|status| status.to_string()).unwrap_or_default(),
        running: state.running.unwrap_or(false),
        restarting: state.restarting.unwrap_or(false),
        exit_code: state.exit_code.unwrap_or(0),
        restarts: inspected.restart_count.unwrap_or(0),
        started: state.started_at.as_deref().and_then(moment),
        finished: state.finished_at.as_deref().and_then(moment),
        health: state
            .health
            .and_then(|health| health.status)
            .map(|status| status.to_string())
            .filter(|status| !status.is_empty() && status != "none"),
        addresses,
        published,
        environment,
        mounts,
        image: config.image.unwrap_or_default(),
        oneoff,
    }
}

/// What the list alone says of a container: its state and addresses, neither environment nor times.
fn listed_container(
    id: String,
    service: String,
    oneoff: bool,
    summary: bollard::models::ContainerSummary,
) -> Container {
    let state = summary.state.map(|state| state.to_string()).unwrap_or_default();
    let settings = bollard::models::NetworkSettings {
        networks: summary.network_settings.and_then(|settings| settings.networks),
        ..Default::default()
    };
    let inspected = bollard::models::ContainerInspectResponse {
        name: summary.names.and_then(|names| names.into_iter().next()),
        network_settings: Some(settings),
        ..Default::default()
    };
    let published = summary.ports.unwrap_or_default().into_iter().fold(
        HashMap::<u16, Vec<u16>>::new(),
        |mut published, port| {
            if let Some(host) = port.public_port {
                let hosts = published.entry(port.private_port).or_default();
                if !hosts.contains(&host) {
                    hosts.push(host);
                }
            }
            published
        },
    );
    Container {
        running: matches!(state.as_str(), "running" | "restarting" | "paused"),
        restarting: state == "restarting",
        status: state,
        published,
        ..container(id, service, oneoff, inspected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_of_a_start_are_older_than_the_engines_word_for_it() {
        let at = |millis: u64| {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + Duration::from_millis(millis)
        };
        let mut container = Container::named("scheduler");
        assert_eq!(container.log_begins(), None);
        container.started = Some(at(10_000));
        assert_eq!(container.log_begins(), Some(SystemTime::UNIX_EPOCH), "no end before a first start");
        container.finished = Some(at(9_000));
        assert_eq!(container.log_begins(), Some(at(9_500)));
        container.finished = Some(at(0));
        assert_eq!(container.log_begins(), Some(at(8_000)), "never more than two seconds");
        container.finished = Some(at(12_000));
        assert_eq!(container.log_begins(), Some(at(10_000)), "a container that has ended");
    }
}
