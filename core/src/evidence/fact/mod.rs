//! Facts, as data. How a fact reads is written once, in `report::words`; rules look at the variant, never at a
//! sentence.

mod dial;
mod http;
mod log;
mod nats;
mod probe;
mod redis;

pub use dial::DialFact;
pub use http::HttpFact;
pub use log::LogFact;
pub use nats::NatsFact;
pub use probe::{ProbeFact, Spoken};
pub use redis::RedisFact;

use super::LinkSetting;
use crate::cause::CauseKind;
use crate::link::Link;

/// What was seen or found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact {
    /// The words of a peer, a program, a library or a verdict.
    Said(String),
    /// How far a dial came.
    Dial(DialFact),
    Nats(NatsFact),
    Redis(RedisFact),
    Http(HttpFact),
    /// How much of a log could be read.
    Log(LogFact),
    /// Of a single address.
    Probe(ProbeFact),
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

impl From<String> for Fact {
    fn from(words: String) -> Self {
        Self::Said(words)
    }
}

impl From<&str> for Fact {
    fn from(words: &str) -> Self {
        Self::Said(words.to_owned())
    }
}

impl From<&String> for Fact {
    fn from(words: &String) -> Self {
        Self::Said(words.clone())
    }
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

impl Fact {
    /// Words that are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self, Self::Said(words) if words.is_empty())
    }
}
