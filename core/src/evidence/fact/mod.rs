//! Facts, as data. How a fact reads is written once, in `report::words`; rules look at the variant, never at a
//! sentence.

mod dial;
mod http;
mod log;
mod nats;
mod platform;
mod pod;
mod probe;
mod redis;
mod secret;
mod tls;
mod tool;
mod wiring;

pub use dial::DialFact;
pub use http::HttpFact;
pub use log::LogFact;
pub use nats::{MonitoringError, NatsFact};
pub use platform::PlatformFact;
pub use pod::{PodFact, PodPhase};
pub use probe::{ProbeFact, Spoken};
pub use redis::RedisFact;
pub use secret::{SecretEntry, SecretFact, SecretLack};
pub use tls::{TlsFact, VerificationOff};
pub use tool::{FolderFact, RunFact, ToolFact};
pub use wiring::{UnsetBecause, WiringFact};

use super::LinkSetting;
use super::fault::{ChainFault, FileFault};
use crate::cause::CauseKind;
use crate::link::Link;

/// What was seen or found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The words of a peer, a program or a library, as they came. No sentence of ours: there is no conversion from
    /// text, so that who has words says so.
    Verbatim(String),
    /// What a verdict on a certificate or a file says of it; made of the verdict alone.
    Verdict(String),
    /// What another check came to.
    OfCheck {
        id: String,
        summary: String,
    },
    /// How far a dial came.
    Dial(DialFact),
    /// What was seen of TLS itself.
    Tls(TlsFact),
    Nats(NatsFact),
    Redis(RedisFact),
    Http(HttpFact),
    /// How much of a log could be read.
    Log(LogFact),
    /// Of a single address.
    Probe(ProbeFact),
    /// What a platform has or lacks.
    Platform(PlatformFact),
    Tool(ToolFact),
    Folder(FolderFact),
    Run(RunFact),
    /// Of a cluster's Secrets, pods and settings.
    Secret(SecretFact),
    Pod(PodFact),
    Wiring(WiringFact),
    /// A setting of the service at fault.
    Setting(LinkSetting),
    /// A line of a log, and when it was said where that matters.
    Logged {
        who: String,
        when: Option<String>,
        line: String,
    },
    /// The last line of a log in which nothing is known trouble.
    LastWords {
        who: String,
        line: String,
    },
    State(InstanceState),
    /// It runs, and nothing listens on its port.
    Deaf {
        who: String,
        port: u16,
    },
    /// It runs, and holds no connection to NATS.
    Unconnected {
        who: String,
    },
    /// A service cannot do its work because of a link, and why.
    Chained {
        service: String,
        effect: LinkEffect,
        link: Link,
        because: Option<CauseKind>,
        of_client_file: bool,
        why: String,
    },
    /// TLS is not what was refused.
    TlsIsFine {
        over: String,
    },
    /// The service got over it.
    GotOver,
    /// The line may be of a trouble that was mended.
    IfMended {
        service: String,
    },
    /// The line speaks of another link, or of none.
    OfAnotherLink(Option<Link>),
    OwnCertificate {
        file: String,
        message: String,
    },
    OwnCertificateIsValid {
        file: String,
        anchors: String,
    },
    /// A server knows its clients by others than the CA file.
    KnowsClientsBy {
        service: String,
        authorities: Vec<String>,
    },
    SpeaksOld {
        version: &'static str,
    },
    /// An issuer's certificate is needed to tell another CA from an intermediate that was not sent.
    OnlyTheIssuerTells,
    /// By a clock that is so far ahead of ours the certificate is valid.
    ValidBy {
        skew: i64,
    },
    /// The two clocks differ.
    ClocksDiffer {
        skew: i64,
    },
    InClear {
        said: String,
    },
    PlainRedis {
        answer: String,
    },
    PlainRedisUrl,
    HandshakeFirst,
    /// Inside TLS an HTTP answer comes where another protocol was meant; escaped.
    HttpInTls {
        meant: Link,
        answer: String,
    },
    /// A client certificate was asked for, none was shown, and the connection was closed.
    UnmetRequest,
    Unready {
        service: String,
        said: String,
    },
    AnsweredBusy,
    PlainUpstream,
}

/// How an instance stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InstanceState {
    /// `exit`: the code of its last end, where it is not up at the moment.
    Looping {
        who: String,
        restarts: u32,
        exit: Option<i64>,
    },
    Paused {
        who: String,
    },
    WithoutNetwork {
        who: String,
    },
    Running {
        who: String,
    },
    Ended {
        who: String,
        phase: &'static str,
        exit: i64,
    },
}

/// What a broken link does to a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkEffect {
    /// It does not run, or nothing listens in it.
    Down,
    /// It runs without the link.
    Unconnected,
}

impl From<DialFact> for Fact {
    fn from(fact: DialFact) -> Self {
        Self::Dial(fact)
    }
}

impl From<NatsFact> for Fact {
    fn from(fact: NatsFact) -> Self {
        Self::Nats(fact)
    }
}

impl From<RedisFact> for Fact {
    fn from(fact: RedisFact) -> Self {
        Self::Redis(fact)
    }
}

impl From<HttpFact> for Fact {
    fn from(fact: HttpFact) -> Self {
        Self::Http(fact)
    }
}

impl From<LogFact> for Fact {
    fn from(fact: LogFact) -> Self {
        Self::Log(fact)
    }
}

impl From<ProbeFact> for Fact {
    fn from(fact: ProbeFact) -> Self {
        Self::Probe(fact)
    }
}

impl From<TlsFact> for Fact {
    fn from(fact: TlsFact) -> Self {
        Self::Tls(fact)
    }
}

impl From<PlatformFact> for Fact {
    fn from(fact: PlatformFact) -> Self {
        Self::Platform(fact)
    }
}

impl From<ToolFact> for Fact {
    fn from(fact: ToolFact) -> Self {
        Self::Tool(fact)
    }
}

impl From<FolderFact> for Fact {
    fn from(fact: FolderFact) -> Self {
        Self::Folder(fact)
    }
}

impl From<RunFact> for Fact {
    fn from(fact: RunFact) -> Self {
        Self::Run(fact)
    }
}

impl From<SecretFact> for Fact {
    fn from(fact: SecretFact) -> Self {
        Self::Secret(fact)
    }
}

impl From<PodFact> for Fact {
    fn from(fact: PodFact) -> Self {
        Self::Pod(fact)
    }
}

impl From<WiringFact> for Fact {
    fn from(fact: WiringFact) -> Self {
        Self::Wiring(fact)
    }
}

impl From<&ChainFault> for Fact {
    fn from(fault: &ChainFault) -> Self {
        Self::Verdict(fault.message.clone())
    }
}

impl From<&FileFault> for Fact {
    fn from(fault: &FileFault) -> Self {
        Self::Verdict(fault.message.clone())
    }
}

impl Fact {
    /// Words that are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Verbatim(words) | Self::Verdict(words) if words.is_empty())
    }
}
