//! What the checks of one run share.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use futures_util::future::BoxFuture;
use tokio::sync::OnceCell;

use crate::dial::{self, Broken, Dialled};
use crate::fault::{Cause, Failure, Stage};
use crate::hello;
use crate::inspections;
use crate::observation::Observation;
use crate::platform::{self, Platform};
use crate::stack::{Endpoint, Identity, Link, LogSource, Stack};
use crate::tls::{ANY_VERSION, Hello, Offer, Recording, TrustMode};
use tls_verify_core::evidence::LogFact;

pub use tls_verify_core::logs::own_connections::OwnProbe;
pub use tls_verify_core::report::Deployed;

/// Shared by the checks of a run; nothing in it depends on their order.
#[derive(Debug)]
pub struct Context {
    pub stack: Stack,
    /// Nothing may go on after this.
    pub deadline: Instant,
    platform: OnceCell<Result<Arc<dyn Platform>, Failure>>,
    recorded: OnceCell<Arc<dyn Platform>>,
    own: Mutex<Vec<OwnProbe>>,
    served: Mutex<BTreeMap<Link, Recording>>,
    pub(crate) control: inspections::AskedOnce<Result<crate::nats::Greeted, Failure>>,
    pub(crate) clock: inspections::AskedOnce<Option<i64>>,
    pub(crate) live_nats: OnceCell<Option<Failure>>,
    pub(crate) live_redis: OnceCell<Option<Failure>>,
    pub started: SystemTime,
}

impl Context {
    #[must_use]
    pub fn new(stack: Stack, deadline: Instant) -> Self {
        Self {
            stack,
            deadline,
            platform: OnceCell::new(),
            recorded: OnceCell::new(),
            own: Mutex::default(),
            served: Mutex::default(),
            control: inspections::AskedOnce::default(),
            clock: inspections::AskedOnce::default(),
            live_nats: OnceCell::new(),
            live_redis: OnceCell::new(),
            started: SystemTime::now(),
        }
    }

    /// When an attempt that starts now has to end.
    #[must_use]
    pub fn attempt(&self) -> Instant {
        (Instant::now() + self.stack.timeout).min(self.deadline)
    }

    /// What the stack runs on, asked once.
    ///
    /// # Errors
    /// Why nothing can be asked.
    pub async fn platform(&self) -> Result<&dyn Platform, &Failure> {
        self.connected().await.map(AsRef::as_ref)
    }

    pub(crate) async fn connected(&self) -> Result<&Arc<dyn Platform>, &Failure> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        // Something is left to say that it does not answer.
        let patience = self.stack.timeout.min(left / 2);
        self.platform.get_or_init(|| platform::connect(&self.stack, patience)).await.as_ref()
    }

    /// What time it is where the stack runs: now, or when it was collected.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        match self.platform.get() {
            Some(Ok(platform)) => platform.now(),
            _ => SystemTime::now(),
        }
    }

    /// Where logs are read: in the operator's folder, else on the platform.
    ///
    /// # Errors
    /// Why there are none to read.
    pub async fn logs(&self) -> Result<&dyn Platform, Failure> {
        match &self.stack.logs {
            LogSource::Directory(folder) | LogSource::Running(folder) => {
                Ok(self.recorded.get_or_init(|| async { platform::recorded(folder) }).await.as_ref())
            }
            LogSource::Platform => self.platform().await.map_err(Clone::clone),
            LogSource::None => Err(Failure::new(Stage::Configure, Cause::Other).because(LogFact::NoSource)),
        }
    }

    /// The project's services with their replicas, if the engine was asked; nobody is asked for it.
    #[must_use]
    pub fn deployed(&self) -> Vec<Deployed> {
        let mut all: Vec<Deployed> = Vec::new();
        let Some(Ok(platform)) = self.platform.get() else { return all };
        for container in platform.instances() {
            let running = usize::from(container.is_up());
            match all.iter_mut().find(|one| one.name == container.service) {
                Some(one) => {
                    one.replicas += 1;
                    one.running += running;
                }
                None => all.push(Deployed { name: container.service.clone(), replicas: 1, running }),
            }
        }
        all
    }

    /// Notes a connection of ours, so that its trace in a log is not blamed on the stack.
    pub fn own(&self, local: Option<SocketAddr>) {
        let probe = OwnProbe { local, at: SystemTime::now() };
        self.own.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push(probe);
    }

    /// Our own connections so far.
    #[must_use]
    pub fn own_probes(&self) -> Vec<OwnProbe> {
        self.own.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
    }

    /// Keeps what a link presented; the first chain counts.
    pub fn saw(&self, link: Link, recording: &Recording) {
        if !recording.chain.is_empty() {
            let mut served = self.served.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            served.entry(link).or_insert_with(|| recording.clone());
        }
    }

    /// What a link presented so far.
    #[must_use]
    pub fn served(&self, link: Link) -> Option<Recording> {
        self.served.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get(&link).cloned()
    }

    /// Connects and shakes hands as the stack's clients would: `ca.crt` as the only anchor.
    ///
    /// # Errors
    /// Where it broke, with what was presented.
    pub async fn dial(
        &self,
        endpoint: &Endpoint,
        identity: Option<&Identity>,
        alpn: &[&[u8]],
        deadline: Instant,
    ) -> Result<Dialled, Broken> {
        let (tap, address) = dial::connect(endpoint, deadline).await?;
        self.own(tap.local());
        let offer = Offer {
            trust: TrustMode::Only(self.stack.anchors.certificates.clone()),
            name: endpoint.name(),
            identity,
            alpn,
            versions: ANY_VERSION,
            hello: Hello::AsGo,
        };
        let shaken = dial::handshake(tap, address, &offer, deadline).await;
        if let Err(broken) = &shaken {
            let ended: Result<(), Failure> = Err(broken.failure.clone());
            inspections::note(endpoint.link.service(), endpoint.authority(), inspections::result(&ended));
        }
        match &shaken {
            Ok(dialled) => self.saw(endpoint.link, &dialled.recording()),
            Err(broken) => self.saw(endpoint.link, &broken.recording),
        }
        match shaken {
            Ok(dialled) => Ok(dialled),
            Err(broken) => {
                let failure = hello::beyond(self, endpoint, broken.failure).await;
                Err(Broken { failure, ..broken })
            }
        }
    }
}

/// A check is a value: its promised id and number, a title that says what is expected, and what it
/// does to observe.
#[derive(Clone, Copy)]
pub struct Check {
    pub number: u8,
    pub id: &'static str,
    /// Reads as a sentence behind a tick and behind a cross.
    pub title: &'static str,
    /// What it proves, and what it cannot prove.
    pub about: &'static str,
    /// One of the seven documented checks.
    pub documented: bool,
    /// The link whose endpoint it is about; the gateway's where it is about none.
    pub link: Link,
    /// The links that it goes over.
    pub over: &'static [Link],
    pub dials: Dials,
    /// What of the configuration it needs.
    pub needs: &'static [Need],
    pub observe: for<'a> fn(&'a Context) -> BoxFuture<'a, Observation>,
}

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Check").field("id", &self.id).finish_non_exhaustive()
    }
}

/// Whether a check dials, and who verifies what is shown then.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dials {
    /// It dials its link and verifies the chain with the CA file.
    Verified,
    /// A program of Cordum's does.
    Program,
    /// It dials, and asks something else than whether the chain holds.
    Otherwise,
    /// It reads what others say, and dials beside that if at all.
    Never,
}

/// What makes a check impossible when it is missing; asked for only when a selected check needs it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// A CA file with a certificate in it.
    Anchors,
    /// An API key, unless `--anonymous`.
    ApiKey,
}

/// A short pause between reads.
pub(crate) const QUIET: Duration = Duration::from_millis(300);
