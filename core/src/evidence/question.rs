//! What may be asked when a look does not tell why, and what was answered. An answer is data: what it means is
//! for the rules of `diagnosis` to say.

use std::time::SystemTime;

use rustls_pki_types::CertificateDer;

use super::PlatformFact;
use super::fault::{Failure, WireProtocol};
use crate::link::Link;
use crate::logs::classify::Recognised;
use crate::logs::runs::ServiceLog;
use crate::workload::Instance;
use crate::x509::verdict::ChainFault;

/// What a claim is about: it decides where to look when the claim does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The endpoint of the check's link.
    Endpoint,
    /// nginx between us and the gateway; asked since.
    Proxy { since: SystemTime },
    /// The gateway's own link to the safety kernel.
    Kernel { since: SystemTime },
    /// An instance's connection to NATS.
    Connection { service: String, instance: String },
    /// What the log of an instance that runs says.
    Line { service: String, instance: String },
    /// What a recorded log says.
    Recorded,
}

/// A question that decides more; each is asked once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Question {
    /// A server refused the certificate that we showed: what is to be said of the certificate?
    OwnCertificate(Link),
    /// Nothing in common: which old version does the server speak?
    OldVersion(Whom),
    /// What does the server present: on the connection that failed, or, where nothing of it is known, on one
    /// of ours?
    Presented { link: Link, chain: Vec<CertificateDer<'static>> },
    /// Does the intermediate that closes the gap to the CA file lie in the certificate folder?
    Intermediate { link: Link, chain: Vec<CertificateDer<'static>> },
    /// How do the dates of what is presented look by the gateway's clock?
    Clock { link: Link, chain: Vec<CertificateDer<'static>> },
    /// What does the port answer in clear?
    InClear(Whom),
    /// Does a NATS that says nothing want the handshake first?
    HandshakeFirst(Whom),
    /// How does a service stand; the named one of its instances, else the first.
    State { service: String, instance: Option<String> },
    /// The same, once more: it may have died since.
    StateSince { service: String, instance: Option<String> },
    /// What does the instance's log hold?
    Log { service: String, instance: String },
    /// Does anything listen on the link's port in this instance?
    Listens { instance: String, link: Link },
    /// Is the instance's process stopped by a signal?
    StandsStill { instance: String },
    /// What is wrong with NATS or Redis, for everybody?
    Server(Link),
    /// Does a session of ours with NATS or Redis work?
    Session(Link),
    /// Does the certificate that a link serves hold for this name?
    Named { link: Link, name: String },
    /// Which certificate does a file hold?
    File(String),
    /// What did a service log of its upstream since we asked it?
    Upstream { service: String, link: Link, since: SystemTime },
    /// Do we meet the same at the gateway that its proxy meets?
    Gateway,
    /// Which of its links does the gateway's `/readyz` complain of?
    Readiness,
    /// What does Redis answer to a plaintext `PING`?
    PlainRedis,
}

/// The server that a question is put to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Whom {
    pub link: Link,
    /// One of several, by name.
    pub server: Option<String>,
}

impl Whom {
    /// Who showed the symptom.
    #[must_use]
    pub fn of(link: Link, failure: &Failure) -> Self {
        Self { link, server: failure.server.as_ref().map(|server| server.name.clone()) }
    }
}

/// What was answered. Nothing answers a question that nobody could put.
#[derive(Clone, Debug)]
pub enum Answer {
    OwnCertificate(Option<OwnCertificate>),
    /// `TLSv1.1` or `TLSv1.0`.
    OldVersion(Option<&'static str>),
    Presented(Option<PresentedChain>),
    Intermediate(Option<Intermediate>),
    Clock(Option<Clock>),
    InClear(Option<InClear>),
    HandshakeFirst(Option<InTls>),
    State(ServiceState),
    Log(Option<Box<ServiceLog>>),
    Listens(Option<bool>),
    StandsStill(bool),
    Server(Option<Box<Failure>>),
    Session(Option<Box<Failure>>),
    Named(Option<NameMismatch>),
    File(Option<String>),
    Upstream(Option<Logged>),
    Gateway(GatewayDial),
    Readiness(Option<Unready>),
    PlainRedis(Option<String>),
}

/// What answers inside a TLS handshake that comes first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InTls {
    /// The beginning of its answer to an HTTP request, escaped.
    Http { answer: String },
    /// NATS, or what does not say what it is.
    Other,
}

/// A question and its answer; appended to what a step saw, and never changed.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub question: Question,
    pub answer: Answer,
}

/// Our client certificate, judged as the server's clients are.
#[derive(Clone, Debug)]
pub struct OwnCertificate {
    pub fingerprint: String,
    /// The main fault of its chain under the CA file.
    pub fault: Option<ChainFault>,
    /// By which authorities the server says that it knows its clients, where ours is none of them.
    pub asked_for: Vec<String>,
}

/// The end-entity certificate that a server presents.
#[derive(Clone, Debug)]
pub struct PresentedChain {
    pub fingerprint: String,
    pub issuer: String,
    /// `server/tls.crt` of the certificate folder, where it is this one.
    pub file: Option<String>,
}

#[derive(Clone, Debug)]
pub struct Intermediate {
    pub subject: String,
    pub file: String,
}

/// Another clock, and what its time makes of a chain.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Seconds by which it is ahead of ours.
    pub skew: i64,
    /// The faults of the chain by it.
    pub faults: Vec<ChainFault>,
}

#[derive(Clone, Debug)]
pub struct InClear {
    pub speaker: WireProtocol,
    /// The front of what was said, escaped.
    pub said: String,
}

/// How a service stands.
#[derive(Clone, Debug)]
pub enum ServiceState {
    /// Nobody can be asked.
    Unasked,
    /// There is none of it, as the platform has it.
    Absent(PlatformFact),
    Is {
        instance: Box<Instance>,
        at: SystemTime,
    },
}

/// A name that a server's certificate does not hold for.
#[derive(Clone, Debug)]
pub struct NameMismatch {
    pub fingerprint: String,
    pub fault: ChainFault,
}

/// A line of a service's log.
#[derive(Clone, Debug)]
pub struct Logged {
    pub instance: Box<Instance>,
    pub what: Recognised,
    pub sample: String,
    /// Our own dial trusts the upstream.
    pub trusted: bool,
}

/// What a dial of the gateway met.
#[derive(Clone, Debug)]
pub enum GatewayDial {
    Unasked,
    Trusted,
    /// What is served there is at fault.
    Refused(Box<Failure>),
}

/// A link that the gateway says is broken.
#[derive(Clone, Debug)]
pub struct Unready {
    pub link: Link,
    /// In its words, without secrets.
    pub said: String,
    pub what: Option<Recognised>,
}
