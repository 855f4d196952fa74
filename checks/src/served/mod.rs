//! How the ports of a stack answered when it was collected: dialled by who collects, judged by who reads it elsewhere
//! ([`told`]).

mod told;

use std::collections::BTreeSet;
use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use tls_verify_core::workload::Instance;

use crate::context::Context;
use crate::dial::{self, Broken};
use crate::fault::{Cause, Stage, WireProtocol};
use crate::http;
use crate::investigate;
use crate::monitor::{self, NatsClient};
use crate::nats;
use crate::nats_link;
use crate::stack::{Endpoint, Link};
use crate::tls::{ANY_VERSION, Hello, Offer, Recording, TrustMode};
pub(crate) use told::{asks_nobody, met, refused_lately, was_well};

/// The file's name in the folder.
pub const FILE: &str = "served.json";
/// Larger ones are not read.
const LARGEST: u64 = 16 << 20;
const SCHEMA: &str = "tls-verify/served/v1";
/// Words of a peer that speaks in clear, kept as evidence.
const WORDS: usize = 40;

/// The answers of all ports that were dialled.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Served {
    schema: String,
    pub ports: Vec<ServedPort>,
    /// The instances that NATS reported a connection of; nothing where it was not asked, or did not tell of all.
    #[serde(default)]
    connected: Option<BTreeSet<String>>,
}

/// How a port of an instance answered a TLS client that has no certificate of its own.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ServedPort {
    /// The container or pod.
    pub instance: String,
    pub port: u16,
    #[serde(flatten)]
    pub answer: PortAnswer,
}

/// What it answered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "kebab-case")]
pub enum PortAnswer {
    /// TLS: the chain in the order in which it was sent, base64 of DER; none where the peer refused us before that.
    Tls {
        chain: Vec<String>,
        /// It asked us for a certificate; nothing where it did not come so far.
        asks_for_certificate: Option<bool>,
    },
    /// Another protocol, with its first words.
    Clear {
        speaks: Speaks,
        said: String,
    },
    Refused,
    /// The connection was accepted, and the hello not answered in time.
    Silent,
    /// Closed or reset in place of an answer.
    Closed,
}

/// Who speaks in clear.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Speaks {
    Http,
    Http2,
    Nats,
    Redis,
    Ssh,
    Unknown,
}

impl Speaks {
    const fn of(speaker: WireProtocol) -> Self {
        match speaker {
            WireProtocol::Http | WireProtocol::HttpInTls => Self::Http,
            WireProtocol::Http2 => Self::Http2,
            WireProtocol::NatsPlain | WireProtocol::NatsInfoFirst => Self::Nats,
            WireProtocol::Redis => Self::Redis,
            WireProtocol::Ssh => Self::Ssh,
            WireProtocol::Unknown => Self::Unknown,
        }
    }

    const fn protocol(self) -> WireProtocol {
        match self {
            Self::Http => WireProtocol::Http,
            Self::Http2 => WireProtocol::Http2,
            Self::Nats => WireProtocol::NatsPlain,
            Self::Redis => WireProtocol::Redis,
            Self::Ssh => WireProtocol::Ssh,
            Self::Unknown => WireProtocol::Unknown,
        }
    }
}

impl Served {
    /// The one in a folder, if there is one that can be read.
    #[must_use]
    pub fn read(folder: &Path) -> Option<Self> {
        let path = folder.join(FILE);
        let size = std::fs::metadata(&path).ok().filter(std::fs::Metadata::is_file)?.len();
        let text = (size <= LARGEST).then(|| std::fs::read(path).ok()).flatten()?;
        serde_json::from_slice(&text).ok().filter(|found: &Self| found.schema == SCHEMA)
    }

    /// How a port of an instance answered.
    #[must_use]
    pub fn of(&self, instance: &str, port: u16) -> Option<&PortAnswer> {
        let found = self.ports.iter().find(|one| one.instance == instance && one.port == port)?;
        Some(&found.answer)
    }

    /// Whether NATS reported a connection of an instance, where that is known.
    #[must_use]
    pub fn is_connected(&self, instance: &str) -> Option<bool> {
        self.connected.as_ref().map(|all| all.contains(instance))
    }

    /// With what was said in clear as it is to be shown.
    #[must_use]
    pub fn with_words(mut self, shown: impl Fn(&str) -> String) -> Self {
        for port in &mut self.ports {
            if let PortAnswer::Clear { said, .. } = &mut port.answer {
                *said = shown(said);
            }
        }
        self
    }

    /// Dials every link's port of every instance that runs. What cannot be reached from here is left out.
    pub async fn look(context: &Context) -> Self {
        let looks = Link::ALL.iter().map(|link| async {
            let mut found = Vec::new();
            // The dashboard's usual port is one of HTTP.
            let speaks_tls = |(_, endpoint): &(String, Endpoint)| endpoint.scheme != "http";
            for (instance, endpoint) in context.instances_of(*link).await.into_iter().filter(speaks_tls) {
                if let Some(answer) = ask(context, &instance, &endpoint).await {
                    found.push(ServedPort { instance, port: link.container_port(), answer });
                }
            }
            found
        });
        let ports = futures_util::future::join_all(looks).await.into_iter().flatten().collect();
        Self { schema: SCHEMA.to_owned(), ports, connected: connected(context).await }
    }
}

/// The file's name of [`readiness`].
pub const READY: &str = "readyz.txt";

/// What every gateway that is reached answers to `GET /readyz`, whoever signed its certificate: a line each,
/// `NAME: BODY HTTP STATUS`. It is asked without a key.
pub async fn readiness(context: &Context) -> String {
    let gateways = context.instances_of(Link::Gateway).await;
    let asked = gateways.iter().map(|(name, endpoint)| async move {
        let deadline = context.attempt();
        let (tap, address) = dial::connect(endpoint, deadline).await.ok()?;
        context.own(tap.local());
        let offer = Offer {
            trust: TrustMode::Observe(Vec::new().into()),
            name: endpoint.name(),
            identity: None,
            alpn: &[b"http/1.1"],
            versions: ANY_VERSION,
            hello: Hello::AsGo,
        };
        let dialled = dial::handshake(tap, address, &offer, deadline).await.ok()?;
        let answer = http::over(dialled, endpoint, "/readyz", deadline).await?;
        let body = String::from_utf8_lossy(&answer.body).split_whitespace().collect::<Vec<_>>().join(" ");
        Some(format!("{name}: {body} HTTP {}\n", answer.status))
    });
    futures_util::future::join_all(asked).await.into_iter().flatten().collect()
}

/// Of whom NATS reports a connection. Of several servers one that does not answer may have the others.
async fn connected(context: &Context) -> Option<BTreeSet<String>> {
    let platform = context.platform().await.ok()?;
    if platform.of_service(Link::Nats.service()).filter(|one| one.is_up()).count() != 1 {
        return None;
    }
    // Who is on the host's network has no address of its own to be known by.
    let has = |list: &[NatsClient], one: &Instance| {
        one.configured.host_network || list.iter().any(|row| nats_link::belongs(row, one))
    };
    let is_young = |one: &Instance| one.up_for(context.now()).is_some_and(|age| age < nats_link::YOUNG);
    for round in 1.. {
        let (list, _) = monitor::connections(context).await.ok()?;
        let waits = platform.instances().any(|one| one.is_up() && is_young(one) && !has(&list, one));
        if !waits || round == nats_link::ROUNDS {
            let all = platform.instances().filter(|one| has(&list, one));
            return Some(all.map(|one| one.name.clone()).collect());
        }
        tokio::time::sleep(nats_link::BETWEEN).await;
    }
    None
}

async fn ask(context: &Context, instance: &str, endpoint: &Endpoint) -> Option<PortAnswer> {
    let deadline = context.attempt();
    let ended = match endpoint.link {
        Link::Nats => {
            let ended = nats::upgrade(context, endpoint, None, deadline).await;
            ended.map(|(_, dialled)| dialled).map_err(|(_, broken)| broken)
        }
        Link::Gateway | Link::Dashboard => context.dial(endpoint, None, &[b"http/1.1"], deadline).await,
        Link::Redis => context.dial(endpoint, None, &[], deadline).await,
        Link::GatewayGrpc | Link::SafetyKernel | Link::ContextEngine => {
            context.dial(endpoint, None, &[b"h2"], deadline).await
        }
    };
    let Broken { failure, recording, .. } = match ended {
        Ok(dialled) => return Some(shown(&dialled.recording(), true)),
        Err(broken) => broken,
    };
    if !recording.chain.is_empty() {
        // A chain is judged when all has been said.
        return Some(shown(&recording, matches!(failure.cause, Cause::Chain(_))));
    }
    let clear = |speaker, said: String| PortAnswer::Clear { speaks: Speaks::of(speaker), said };
    match failure.cause {
        // Asked without a certificate of ours, it may refuse us with good reason.
        Cause::Alert { .. } => Some(shown(&recording, false)),
        Cause::Refused { .. } => Some(PortAnswer::Refused),
        Cause::NotTls(speaker) if speaker != WireProtocol::Unknown => Some(clear(speaker, String::new())),
        Cause::NotTls(_) | Cause::TimedOut | Cause::Eof | Cause::Reset => {
            let is_connected = failure.stage > Stage::Connect;
            match investigate::said_in_clear(context, endpoint).await {
                Some(answer) => Some(clear(answer.speaker, answer.said.chars().take(WORDS).collect())),
                None if matches!(failure.cause, Cause::NotTls(_)) => {
                    Some(clear(WireProtocol::Unknown, String::new()))
                }
                // Nobody answers a connection: that may be the way to it.
                None if matches!(failure.cause, Cause::TimedOut) => {
                    is_connected.then_some(PortAnswer::Silent)
                }
                // The engine's proxy accepts for a container in which nothing listens.
                None => match investigate::listens(context, instance, endpoint.link).await {
                    Some(false) => Some(PortAnswer::Refused),
                    _ => is_connected.then_some(PortAnswer::Closed),
                },
            }
        }
        _ => None,
    }
}

/// One that broke off may have come no further than its certificate (RFC 5246, 7.4.4).
fn shown(recording: &Recording, is_complete: bool) -> PortAnswer {
    let chain: Vec<String> = recording.chain.iter().map(|der| STANDARD.encode(der)).collect();
    let asked = recording.asked_for_certificate.is_some();
    PortAnswer::Tls { chain, asks_for_certificate: (asked || is_complete).then_some(asked) }
}
