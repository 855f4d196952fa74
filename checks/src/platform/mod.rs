//! What runs the stack, behind one trait: a Docker Engine, a recording, a cluster. It lists workloads, hands out
//! logs, files and connections, and words what an operator has to do. Checks and diagnosis know this alone; a
//! further platform is one folder beside `docker` and one flag.

pub mod archive;
pub mod bundle;
pub mod collection;
pub mod compose;
mod docker;
mod docker_inspection;
mod docker_transport;
#[cfg(feature = "kubernetes")]
pub mod kubernetes;
pub mod objects;
mod recorded;

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use tls_verify_core::evidence::PlatformFact;
use tls_verify_core::remedy::Wording;
use tls_verify_core::workload::{Instance, Workload, WorkloadKind};
use tokio::io::{AsyncRead, AsyncWrite};

use crate::fault::{Cause, Failure, Stage};
use crate::served::PortAnswer;
use crate::stack::Stack;
use collection::Collection;

/// A connection, whatever carries it.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// A piece of an instance's log.
#[derive(Clone, Debug)]
pub enum LogPiece {
    /// Bytes as they were written, cut anywhere; a line may begin with the platform's time stamp (RFC 3339).
    Bytes(Bytes),
    /// What follows is the present start's. A platform that keeps all starts in one log leaves it out; there
    /// [`Instance::log_begins`] and the time stamps tell.
    PresentStart,
}

/// A log in pieces of bounded size: the start before the present one as far as it is kept, then the present one.
/// A piece that cannot be had is a sentence, and the last one.
pub type LogStream<'a> = BoxStream<'a, Result<LogPiece, String>>;

/// How a port of an instance is reached from here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// At these ports of the host that the operator's targets name.
    Published(Vec<u16>),
    /// At the instance's own address.
    Address(IpAddr),
    /// Through the platform alone: [`Platform::open`].
    Through,
    /// Not at all.
    No,
}

/// What runs a stack. Answers are bounded in size and time by whoever implements it; a sentence stands for what
/// could not be had, without secrets.
pub trait Platform: fmt::Debug + Send + Sync {
    /// What it is called in sentences: `Docker`, `the folder logs`.
    fn name(&self) -> &str;

    /// What it calls the stack: "project `cordum`".
    fn stack(&self) -> String;

    /// Everything of the stack that it knows, as it was when the platform was first asked. Instances of one
    /// workload in the order of their names.
    fn workloads(&self) -> &[Workload];

    /// Whether it can be asked what is now; a folder of logs knows what was said.
    fn is_live(&self) -> bool {
        true
    }

    /// What time it is there: a collected project stands still.
    fn now(&self) -> SystemTime {
        SystemTime::now()
    }

    /// Nothing of it can be dialled, though it knows states and settings: they were collected elsewhere.
    fn is_collected(&self) -> bool {
        false
    }

    /// That it has nothing of a service, as a sentence.
    fn lacks(&self, service: &str) -> PlatformFact {
        PlatformFact::NoContainer { stack: self.stack(), service: service.to_owned() }
    }

    /// An instance's state, asked anew.
    fn inspect<'a>(&'a self, of: &'a Instance) -> BoxFuture<'a, Result<Instance, String>>;

    /// The states of an instance's processes as `ps` writes them (`S`, `R`, `T`), the first one's first.
    fn processes<'a>(&'a self, _of: &'a Instance) -> BoxFuture<'a, Result<Vec<String>, String>> {
        async { Err("its processes cannot be seen from here".to_owned()) }.boxed()
    }

    /// Its ports are to be reached from here: an engine on another machine publishes them there.
    fn is_near(&self) -> bool {
        true
    }

    /// How a port of an instance answered when it was collected.
    fn answered(&self, _of: &Instance, _port: u16) -> Option<&PortAnswer> {
        None
    }

    /// Whether NATS reported a connection of an instance when it was collected, where that is known.
    fn was_connected(&self, _of: &Instance) -> Option<bool> {
        None
    }

    /// What the gateway's `/readyz` said, where it was recorded.
    fn readiness(&self) -> BoxFuture<'_, Vec<Vec<u8>>> {
        async { Vec::new() }.boxed()
    }

    /// An instance's log; with `since` older lines may be left out.
    fn logs<'a>(&'a self, of: &'a Instance, since: Option<SystemTime>) -> LogStream<'a>;

    /// A file as the container has it, a mounted secret for one.
    fn file<'a>(&'a self, of: &'a Instance, path: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>>;

    /// Runs a command in a container and returns its standard output. It must change nothing there.
    fn run<'a>(&'a self, of: &'a Instance, command: &'a [&'a str]) -> BoxFuture<'a, Result<Vec<u8>, String>>;

    /// How a port of an instance is reached from here.
    fn reach(&self, of: &Instance, port: u16) -> Reach;

    /// A byte stream to a port of an instance.
    fn open<'a>(&'a self, of: &'a Instance, port: u16) -> BoxFuture<'a, io::Result<Box<dyn Wire>>>;

    /// How it says what is to be done.
    fn wording(&self) -> Arc<dyn Wording>;

    /// A service of the stack as reports name it in `where`: `nats`, `statefulset/cordum-nats`.
    fn whereabouts(&self, service: &str) -> String {
        service.to_owned()
    }
}

impl<'p> dyn Platform + 'p {
    /// All instances, workload by workload.
    pub fn instances(&self) -> impl Iterator<Item = &Instance> {
        self.workloads().iter().flat_map(|workload| &workload.instances)
    }

    /// The instances of a service and of its replicas (`scheduler`, `scheduler-2`); where a Compose project has no
    /// such service, of the one that is reached by this name. What has ended and is of an earlier configuration is
    /// none of them.
    pub fn of_service<'a>(&'a self, service: &'a str) -> impl Iterator<Item = &'a Instance> {
        let is_named = self.instances().any(|one| is_of(&one.service, service));
        let is_alias = move |workload: &Workload| {
            let has = || workload.aliases.iter().any(|alias| alias == service);
            !is_named && workload.kind == WorkloadKind::Service && workload.joins.is_none() && has()
        };
        let counts = move |workload: &Workload, one: &Instance| {
            (is_of(&one.service, service) || is_alias(workload)) && (one.current || one.is_up())
        };
        self.workloads()
            .iter()
            .flat_map(move |workload| workload.instances.iter().filter(move |one| counts(workload, one)))
    }
}

/// Whether a service is the named one or a numbered replica of it.
#[must_use]
pub fn is_of(service: &str, wanted: &str) -> bool {
    let number = |rest: &str| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit());
    service == wanted
        || service.strip_prefix(wanted).and_then(|rest| rest.strip_prefix('-')).is_some_and(number)
}

/// The platform that the operator's choice leads to.
///
/// # Errors
/// Why there is none, or none that answers.
pub async fn connect(stack: &Stack, patience: Duration) -> Result<Arc<dyn Platform>, Failure> {
    match &stack.platform {
        Choice::Off => Err(Failure::new(Stage::Configure, Cause::Other).because(PlatformFact::NotAsked)),
        Choice::Docker(sockets) => {
            Ok(Arc::new(docker::DockerPlatform::connect(stack, sockets, patience).await?))
        }
        Choice::Ready(platform) => Ok(Arc::clone(platform)),
    }
}

/// The platform of logs that lie in a folder.
#[must_use]
pub fn recorded(folder: &Collection) -> Arc<dyn Platform> {
    Arc::new(recorded::RecordedPlatform::open(folder))
}

/// The platform of what `collect` wrote, if that is what lies there.
#[must_use]
pub fn collected(folder: &Collection) -> Option<Arc<dyn Platform>> {
    let platform = recorded::RecordedPlatform::collected(folder)?;
    Some(Arc::new(platform))
}

/// Which platform the stack runs on.
#[derive(Clone, Debug)]
pub enum Choice {
    /// None is asked.
    Off,
    /// A Docker Engine.
    Docker(Sockets),
    /// One that is connected already.
    Ready(Arc<dyn Platform>),
}

impl Choice {
    /// What was collected elsewhere: it has its own CA files.
    #[must_use]
    pub fn is_collected(&self) -> bool {
        matches!(self, Self::Ready(platform) if platform.is_collected())
    }
}

/// Where a Docker Engine may listen.
#[derive(Clone, Debug)]
pub enum Sockets {
    /// `--docker-host` or `DOCKER_HOST`.
    Host(String),
    /// The usual sockets, in order.
    Usual(Vec<PathBuf>),
}

/// The way to a port of an instance that leads through the platform alone.
#[derive(Clone)]
pub struct Via {
    pub platform: Arc<dyn Platform>,
    pub instance: Arc<Instance>,
    pub port: u16,
}

impl Via {
    /// The instance's own address; unspecified where it has none.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        let unspecified = IpAddr::from([0, 0, 0, 0]);
        SocketAddr::new(self.instance.addresses.first().copied().unwrap_or(unspecified), self.port)
    }

    /// Opens it.
    ///
    /// # Errors
    /// What the platform met: refused, no such port, no answer.
    pub async fn open(&self) -> io::Result<Box<dyn Wire>> {
        self.platform.open(&self.instance, self.port).await
    }
}

impl fmt::Debug for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{} through {}", self.instance.name, self.port, self.platform.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_are_numbered() {
        assert!(is_of("scheduler", "scheduler") && is_of("scheduler-2", "scheduler"));
        assert!(!is_of("scheduler-x", "scheduler") && !is_of("scheduler-", "scheduler"));
        assert!(!is_of("nats-exporter", "nats") && !is_of("nat", "nats"));
    }
}
