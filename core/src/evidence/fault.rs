//! What went wrong, typed: the direction (we refused them, they refused us) never shares a variant.

use std::path::PathBuf;

use rustls::AlertDescription;
use rustls_pki_types::CertificateDer;
use serde::Serialize;

use super::Fact;
use crate::cause::{CauseKind, Confidence, Side, Variant};

pub use crate::logs::classify::{Recognised, Sense};
pub use crate::x509::verdict::{ChainFault, ChainVerdict};

/// How far an attempt came; ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Stage {
    Configure,
    Resolve,
    Connect,
    /// An alert belongs here whenever it arrives: in TLS 1.3 at the first read (RFC 8446, 4.4.2.4).
    Handshake,
    /// Login and protocol greeting.
    Session,
    Exchange,
}

/// A failed attempt: stage, typed cause, what was seen, and the raw error chain for people.
#[derive(Clone, Debug)]
pub struct Failure {
    pub stage: Stage,
    pub cause: Cause,
    /// What was seen, without secrets.
    pub facts: Vec<Fact>,
    pub trail: Vec<String>,
    /// The service or file at fault where it is not the endpoint itself.
    pub place: Option<String>,
    /// The side that has to be changed, where it is known better than the cause alone tells.
    pub side: Option<Side>,
    /// The certificate, file, authority or login at fault: failures that share it are one fault.
    pub identity: Option<FaultIdentity>,
    /// Settings of the service at fault that bear on it.
    pub settings: Vec<super::LinkSetting>,
    /// What was presented on this very connection, end-entity certificate first.
    pub presented: Vec<CertificateDer<'static>>,
    /// The peer asked for a client certificate on it, and we showed none.
    pub unmet_request: bool,
    /// Which of a link's several servers was dialled; `None` where it has one.
    pub server: Option<OneOfSeveral>,
}

/// One of several servers of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OneOfSeveral {
    /// A container's name, or an address.
    pub name: String,
    /// `host:port`.
    pub authority: String,
    /// What it is verified by.
    pub server_name: String,
    /// Named by a URL of its own, so that it is no replica of the link's service.
    pub is_apart: bool,
}

/// What is at fault, where several failures may have it in common.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FaultIdentity {
    /// A certificate, by its fingerprint, and the file that holds it where one does.
    Certificate { sha256: String, file: Option<String> },
    /// A file in which no certificate can be read.
    File(String),
    /// Who issued what is served, by name; it is the CA file that would have to hold it.
    Authority { name: String, anchors: String },
    /// The CA file.
    Anchors(String),
    /// The login that this link's server refuses.
    Login(crate::link::Link),
}

impl FaultIdentity {
    /// They are one fault, wherever either was met.
    #[must_use]
    pub fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Certificate { sha256: one, .. }, Self::Certificate { sha256: two, .. })
            | (Self::Authority { name: one, .. }, Self::Authority { name: two, .. })
            | (Self::File(one), Self::File(two))
            | (Self::Anchors(one), Self::Anchors(two)) => one == two,
            (Self::Login(one), Self::Login(two)) => one == two,
            (
                Self::Certificate { .. }
                | Self::File(_)
                | Self::Authority { .. }
                | Self::Anchors(_)
                | Self::Login(_),
                _,
            ) => false,
        }
    }

    /// The file that stands for all who share it: where it is mended.
    #[must_use]
    pub fn file(&self) -> Option<&str> {
        match self {
            Self::Certificate { file, .. } => file.as_deref(),
            Self::File(file) | Self::Anchors(file) | Self::Authority { anchors: file, .. } => Some(file),
            Self::Login(_) => None,
        }
    }

    /// The file is the thing itself, not what others are measured by.
    #[must_use]
    pub fn is_of_file(&self, path: Option<&str>) -> bool {
        match self {
            Self::Certificate { .. } | Self::File(_) => self.file().is_some() && self.file() == path,
            Self::Authority { .. } | Self::Anchors(_) | Self::Login(_) => false,
        }
    }
}

impl Failure {
    #[must_use]
    pub fn new(stage: Stage, cause: Cause) -> Self {
        Self {
            stage,
            cause,
            facts: Vec::new(),
            trail: Vec::new(),
            place: None,
            side: None,
            identity: None,
            settings: Vec::new(),
            presented: Vec::new(),
            unmet_request: false,
            server: None,
        }
    }

    /// Adds a fact.
    #[must_use]
    pub fn because(mut self, fact: impl Into<Fact>) -> Self {
        let fact = fact.into();
        if !fact.is_empty() && !self.facts.contains(&fact) {
            self.facts.push(fact);
        }
        self
    }

    /// Names the side that has to be changed.
    #[must_use]
    pub fn on(mut self, side: Side) -> Self {
        self.side = Some(side);
        self
    }

    /// Adds the settings behind it, also as facts.
    #[must_use]
    pub fn set_by(mut self, settings: Vec<super::LinkSetting>) -> Self {
        for setting in settings.into_iter().take(4) {
            self = self.because(Fact::Setting(setting.clone()));
            self.settings.push(setting);
        }
        self
    }

    /// Names the service or file at fault.
    #[must_use]
    pub fn at(mut self, place: impl Into<String>) -> Self {
        self.place = Some(place.into());
        self
    }

    /// The first fact in words, else the innermost error.
    #[must_use]
    pub fn why(&self) -> Option<String> {
        self.facts.first().map(ToString::to_string).or_else(|| self.trail.last().cloned())
    }

    /// All facts in words.
    #[must_use]
    pub fn words(&self) -> String {
        self.facts.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
    }

    /// The promised name of the cause, where one fits.
    #[must_use]
    pub fn kind(&self) -> Option<CauseKind> {
        self.cause.reading().map(|reading| reading.kind)
    }
}

/// A file that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileFault {
    pub file: PathBuf,
    pub variant: Variant,
    pub message: String,
    /// `key-mismatch` instead of `bad-key-file`.
    pub mismatch: bool,
}

/// What speaks on a port that does not speak TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WireProtocol {
    Http,
    Http2,
    /// NATS `INFO` without `tls_required`.
    NatsPlain,
    /// NATS `INFO` with `tls_required`: the TLS handshake comes after it.
    NatsInfoFirst,
    Redis,
    /// HTTP inside TLS, where another protocol was meant.
    HttpInTls,
    Ssh,
    Unknown,
}

/// Why an attempt failed.
#[derive(Clone, Debug)]
pub enum Cause {
    /// We refused them.
    Chain(Vec<ChainFault>),
    /// They refused us with an alert; whether we had shown a certificate decides its meaning.
    Alert {
        alert: AlertDescription,
        identity_shown: bool,
        /// A certificate was asked for before the alert came, as far as that is known.
        asked: bool,
    },
    NotTls(WireProtocol),
    NoCommonVersion,
    NoCommonCipher,
    /// The peer speaks what Go speaks and our TLS library does not: nothing is decided.
    BeyondUs,
    /// The peer's key is too small for our TLS library, not for Go: nothing is decided.
    WeakKey,
    /// The peer is elsewhere, and nobody dialled: nothing is decided.
    NotDialled,
    /// A ClientHello of more than one segment is not answered, a small one is.
    LargeHello,
    /// The server takes no more clients, and says so.
    Full,
    /// TLS in another way broken.
    OtherTls,
    Eof,
    Reset,
    Refused {
        nothing_listens: bool,
    },
    Unreachable,
    TimedOut,
    Resolve,
    /// Login refused; TLS is fine.
    Login,
    /// A plaintext request met a TLS port.
    PlainToTls,
    /// The peer asked for a client certificate at the HTTP layer (nginx' 400).
    ClientCertificateWanted,
    ClientCertificateRefused,
    Http {
        status: u16,
    },
    Upstream {
        status: u16,
    },
    File(FileFault),
    Line(Recognised),
    /// A container that should run does not.
    Container {
        kind: CauseKind,
        variant: Variant,
    },
    /// A client was let in that should have been refused.
    Accepted {
        kind: CauseKind,
    },
    /// Not a TLS matter, or nothing that has a name.
    Other,
}

/// The promised names for a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reading {
    pub kind: CauseKind,
    pub variant: Option<Variant>,
    pub side: Side,
    pub confidence: Confidence,
}

impl Cause {
    /// Which promised cause this is, if one fits.
    #[must_use]
    pub fn reading(&self) -> Option<Reading> {
        use CauseKind as K;
        use Confidence::{Certain, Likely, Possible};
        use Side::{Client, Network, Server};
        let of = |kind, side, confidence| Some(Reading { kind, variant: None, side, confidence });
        let with = |kind, variant, side, confidence| {
            Some(Reading { kind, variant: Some(variant), side, confidence })
        };
        let plain = |variant| with(K::WrongSchemeTlsToPlain, variant, Server, Certain);
        match self {
            Self::Chain(faults) => faults.first().map(|fault| Reading {
                kind: fault.kind,
                variant: fault.variant,
                side: chain_side(fault),
                confidence: fault.confidence,
            }),
            Self::Alert { alert, identity_shown, asked } => {
                Some(alert_reading(*alert, *identity_shown || !asked))
            }
            Self::NotTls(speaker) => match speaker {
                WireProtocol::Http => plain(Variant::HttpPlaintext),
                WireProtocol::Http2 => plain(Variant::Http2Plaintext),
                WireProtocol::NatsPlain => plain(Variant::NatsPlaintext),
                WireProtocol::NatsInfoFirst => with(K::OtherTls, Variant::NatsInfoFirst, Client, Certain),
                WireProtocol::Redis => plain(Variant::RedisPlaintext),
                WireProtocol::HttpInTls => with(K::OtherTls, Variant::HttpInTls, Client, Certain),
                WireProtocol::Ssh => with(K::WrongSchemeTlsToPlain, Variant::NotTls, Client, Certain),
                WireProtocol::Unknown => with(K::WrongSchemeTlsToPlain, Variant::NotTls, Server, Possible),
            },
            Self::NoCommonVersion => of(K::ProtocolVersion, Server, Certain),
            Self::NoCommonCipher => of(K::NoSharedCipher, Server, Likely),
            Self::BeyondUs => of(K::OtherTls, Client, Certain),
            Self::WeakKey => with(K::OtherTls, Variant::WeakKey, Server, Certain),
            Self::LargeHello => with(K::OtherTls, Variant::LargeClientHello, Network, Certain),
            Self::Full => with(K::OtherTls, Variant::ServerFull, Server, Certain),
            Self::OtherTls => of(K::OtherTls, Server, Likely),
            Self::Eof | Self::Reset => of(K::ConnectionReset, Server, Possible),
            Self::Refused { nothing_listens: true } => {
                with(K::ConnectionRefused, Variant::NothingListens, Server, Certain)
            }
            Self::Refused { nothing_listens: false } => of(K::ConnectionRefused, Server, Certain),
            Self::Unreachable => of(K::ConnectionRefused, Network, Likely),
            Self::TimedOut => of(K::Timeout, Network, Possible),
            Self::Resolve => of(K::Dns, Network, Certain),
            Self::Login => of(K::AuthNotTls, Client, Certain),
            Self::PlainToTls => of(K::WrongSchemePlainToTls, Client, Certain),
            Self::ClientCertificateWanted => of(K::ClientCertRequired, Client, Certain),
            Self::ClientCertificateRefused => of(K::BadCertificate, Client, Certain),
            Self::Upstream { .. } => of(K::BadGateway, Server, Likely),
            Self::Http { .. } | Self::NotDialled | Self::Other => None,
            Self::File(fault) => Some(Reading {
                kind: if fault.mismatch { K::KeyMismatch } else { K::BadKeyFile },
                variant: (!fault.mismatch).then_some(fault.variant),
                side: Client,
                confidence: Certain,
            }),
            Self::Line(line) => Some(Reading {
                kind: line.kind,
                variant: line.variant,
                side: line.side,
                confidence: line.confidence,
            }),
            Self::Container { kind, variant } => with(*kind, *variant, Server, Certain),
            Self::Accepted { kind: K::ProtocolVersion } => {
                with(K::ProtocolVersion, Variant::BelowMinimum, Server, Certain)
            }
            Self::Accepted { kind } => {
                of(*kind, if *kind == K::VerificationNotEnforced { Client } else { Server }, Certain)
            }
        }
    }
}

/// Who presents an untrusted authority is named, unless our own trust store is the odd one.
fn chain_side(fault: &ChainFault) -> Side {
    let ours = fault.of_anchor || fault.variant == Some(Variant::EmptyTrustStore);
    if ours { Side::Client } else { Side::Server }
}

/// RFC 8446, 6.2; what servers really send is in the comments.
fn alert_reading(alert: AlertDescription, identity_satisfied: bool) -> Reading {
    use AlertDescription as A;
    use CauseKind as K;
    use Confidence::{Certain, Likely};
    let (kind, variant, side, confidence) = match alert {
        A::CertificateRequired => (K::ClientCertRequired, None, Side::Client, Certain),
        // nats-server 2.9 (Go 1.19): 42 for none and for a wrong one. Since 2.10, and Redis 7.0: 40 for none in TLS 1.2.
        A::BadCertificate | A::HandshakeFailure if !identity_satisfied => {
            (K::ClientCertRequired, None, Side::Client, Likely)
        }
        A::BadCertificate | A::CertificateUnknown | A::AccessDenied | A::CertificateRevoked => {
            (K::BadCertificate, None, Side::Client, Likely)
        }
        A::UnsupportedCertificate => {
            (K::BadCertificate, Some(Variant::ServerCertAsClient), Side::Client, Likely)
        }
        A::UnknownCA => (K::BadCertificate, Some(Variant::OtherCa), Side::Client, Likely),
        A::CertificateExpired => (K::Expired, None, Side::Client, Likely),
        A::HandshakeFailure | A::InsufficientSecurity => (K::NoSharedCipher, None, Side::Server, Likely),
        A::ProtocolVersion => (K::ProtocolVersion, None, Side::Server, Certain),
        A::UnrecognisedName => (K::HostnameMismatch, None, Side::Client, Likely),
        A::NoApplicationProtocol => (K::OtherTls, Some(Variant::NoAlpn), Side::Server, Certain),
        _ => (K::OtherTls, None, Side::Server, Likely),
    };
    Reading { kind, variant, side, confidence }
}
