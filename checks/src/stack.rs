//! The stack under test, as typed values: after this there is no string that should have been an
//! address, a name or a path.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use rustls::crypto::CryptoProvider;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tls_verify_core::remedy::Wording;
use tls_verify_core::workload::MinimumVersion;

use crate::fault::{Failure, FileFault};
use crate::platform::collection::Collection;
use crate::platform::compose::ComposeCli;
use crate::platform::{Choice, Via};
use crate::secret::Secret;

pub use tls_verify_core::link::Link;

/// Where a link is dialled and whom we expect there.
#[derive(Clone, Debug)]
pub struct Endpoint {
    pub link: Link,
    /// As given, without user information.
    pub scheme: String,
    pub host: String,
    pub port: u16,
    /// Reference identity (RFC 9525) where it is not the host.
    pub server_name: Option<String>,
    /// What stands before every path of it (`/cordum`); empty: nothing.
    pub prefix: String,
    /// More servers of the same kind that were named with it, as nats.go takes a list of URLs.
    pub others: Vec<Self>,
    /// Addresses to dial instead of resolving the host.
    pub addresses: Vec<IpAddr>,
    /// Given by the operator: dialled as it stands, never replaced by a container's address.
    pub explicit: bool,
    /// Through the platform, where no address leads there.
    pub via: Option<Via>,
    /// Why there is nothing to be dialled: what the project lacks is not looked for elsewhere.
    pub missing: Option<Box<Failure>>,
}

impl Endpoint {
    /// The reference identity, also sent as SNI (RFC 6066, 3) unless it is an address.
    #[must_use]
    pub fn name(&self) -> &str {
        self.server_name.as_deref().unwrap_or(&self.host)
    }

    /// `host:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// `scheme://host:port`; never holds user information.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.authority())
    }
}

/// The CA file and what was read from it.
#[derive(Clone, Debug, Default)]
pub struct TrustAnchors {
    pub file: PathBuf,
    pub certificates: Arc<[CertificateDer<'static>]>,
}

/// Our client certificate, as the worker has it.
#[derive(Debug)]
pub struct Identity {
    pub cert_file: PathBuf,
    pub key_file: PathBuf,
    pub chain: Vec<CertificateDer<'static>>,
    pub key: PrivateKeyDer<'static>,
    /// The same, ready to sign; made once, as it costs as much as a handshake.
    pub ready: Arc<OnceLock<Arc<CertifiedKey>>>,
}

impl Identity {
    /// Ready to sign.
    ///
    /// # Errors
    /// When the key is of an unknown kind, or of another certificate.
    pub fn certified(&self, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, rustls::Error> {
        if let Some(ready) = self.ready.get() {
            return Ok(Arc::clone(ready));
        }
        let made = Arc::new(CertifiedKey::from_der(self.chain.clone(), self.key.clone_key(), provider)?);
        Ok(Arc::clone(self.ready.get_or_init(|| made)))
    }
}

impl Clone for Identity {
    fn clone(&self) -> Self {
        Self {
            cert_file: self.cert_file.clone(),
            key_file: self.key_file.clone(),
            chain: self.chain.clone(),
            key: self.key.clone_key(),
            ready: Arc::clone(&self.ready),
        }
    }
}

/// Something that is read from files and may not be usable; the checks that need it say so.
#[derive(Clone, Debug)]
pub enum Loaded<T> {
    Usable(T),
    /// Nothing configured, and nothing at the default place.
    Absent(FileFault),
    Faulty(FileFault),
}

impl<T> Loaded<T> {
    /// The value, or why there is none.
    ///
    /// # Errors
    /// The file's fault.
    pub fn get(&self) -> Result<&T, &FileFault> {
        match self {
            Self::Usable(value) => Ok(value),
            Self::Absent(fault) | Self::Faulty(fault) => Err(fault),
        }
    }
}

/// How we log in to NATS.
#[derive(Clone, Debug, Default)]
pub struct NatsLogin {
    pub username: Option<String>,
    pub password: Option<Secret>,
    pub token: Option<Secret>,
}

/// Where logs come from.
#[derive(Clone, Debug)]
pub enum LogSource {
    /// The platform that the stack runs on.
    Platform,
    /// One `SERVICE.log` a service.
    Directory(Collection),
    /// The same, while those who write the logs run.
    Running(Collection),
    None,
}

/// Where the stack answers: one endpoint a link.
#[derive(Clone, Debug)]
pub struct Endpoints {
    pub gateway: Endpoint,
    pub nats: Endpoint,
    pub redis: Endpoint,
    pub dashboard: Endpoint,
    pub gateway_grpc: Endpoint,
    pub safety_kernel: Endpoint,
    pub context_engine: Endpoint,
}

impl Endpoints {
    /// The endpoint of a link.
    #[must_use]
    pub fn get(&self, link: Link) -> &Endpoint {
        match link {
            Link::Gateway => &self.gateway,
            Link::Nats => &self.nats,
            Link::Redis => &self.redis,
            Link::Dashboard => &self.dashboard,
            Link::GatewayGrpc => &self.gateway_grpc,
            Link::SafetyKernel => &self.safety_kernel,
            Link::ContextEngine => &self.context_engine,
        }
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, link: Link) -> &mut Endpoint {
        match link {
            Link::Gateway => &mut self.gateway,
            Link::Nats => &mut self.nats,
            Link::Redis => &mut self.redis,
            Link::Dashboard => &mut self.dashboard,
            Link::GatewayGrpc => &mut self.gateway_grpc,
            Link::SafetyKernel => &mut self.safety_kernel,
            Link::ContextEngine => &mut self.context_engine,
        }
    }

    /// All of them.
    pub fn each_mut(&mut self) -> [&mut Endpoint; 7] {
        [
            &mut self.gateway,
            &mut self.nats,
            &mut self.redis,
            &mut self.dashboard,
            &mut self.gateway_grpc,
            &mut self.safety_kernel,
            &mut self.context_engine,
        ]
    }
}

/// The stack under test and everything needed to look at it.
#[derive(Clone, Debug)]
pub struct Stack {
    pub endpoints: Endpoints,
    pub anchors: TrustAnchors,
    pub identity: Loaded<Identity>,
    pub api_key: Option<Secret>,
    pub tenant: String,
    pub nats_login: NatsLogin,
    pub redis_username: Option<String>,
    pub redis_password: Option<Secret>,
    /// `--cordumctl` or the one on PATH.
    pub cordumctl: Option<PathBuf>,
    pub project: String,
    /// The operator named it: where the engine has nothing of it, nothing else is looked at in its place.
    pub is_project_named: bool,
    /// How the operator steers the project.
    pub compose: ComposeCli,
    /// Services that must be deployed.
    pub services: Vec<String>,
    /// The workers' service names, and whether the operator named them.
    pub workers: Vec<String>,
    pub worker_required: bool,
    pub platform: Choice,
    pub logs: LogSource,
    /// Only log lines that are newer count.
    pub since: Option<SystemTime>,
    /// The lowest version that Cordum's own servers may accept, where the operator says so, and where
    /// that was said.
    pub minimum: Option<(MinimumVersion, String)>,
    /// What single links have to ask for, where it is another version.
    pub minimums: BTreeMap<Link, MinimumVersion>,
    /// NATS monitoring where it is known (`demo`); otherwise it is looked for.
    pub nats_monitoring: Option<String>,
    /// Each attempt's limit.
    pub timeout: Duration,
    /// Certificates that end earlier than this many from now are warned about.
    pub expiry_warn: Duration,
}

impl Stack {
    /// How what runs the stack says what is to be done.
    #[must_use]
    pub fn wording(&self) -> Arc<dyn Wording> {
        match &self.platform {
            Choice::Ready(platform) => platform.wording(),
            Choice::Off | Choice::Docker(_) => Arc::new(self.compose.wording(&self.project)),
        }
    }

    /// The endpoint of a link.
    #[must_use]
    pub fn endpoint(&self, link: Link) -> &Endpoint {
        self.endpoints.get(link)
    }
}
