//! What is known of a case: the premises of the run, and the answers so far. A rule that needs an answer which
//! is not there yet ends in the question for it.

use std::path::PathBuf;

use crate::evidence::fault::Failure;
use crate::evidence::{
    Answer, Clock, Evidence, GatewayDial, InClear, InTls, Intermediate, Logged, NameMismatch, OwnCertificate,
    PresentedChain, Question, ServiceState, Unready, Whom,
};
use crate::link::Link;
use crate::logs::runs::ServiceLog;
use crate::workload::Instance;

type OwnedCertificate = rustls_pki_types::CertificateDer<'static>;

/// A conclusion, or the question that has to be answered before it can be drawn.
pub type Asked<T> = Result<T, Question>;

/// What is known before anything is asked.
#[derive(Clone, Debug, Default)]
pub struct Premises {
    /// The CA file.
    pub anchors: PathBuf,
    /// The file of our client certificate, where it can be used.
    pub identity: Option<PathBuf>,
    /// The worker's service.
    pub workers: Vec<String>,
    /// There is a CA file with a certificate in it: without one no session of ours says anything.
    pub trusting: bool,
}

impl Premises {
    #[must_use]
    pub fn anchors_file(&self) -> String {
        self.anchors.display().to_string()
    }
}

/// The premises and the answers so far.
#[derive(Clone, Copy, Debug)]
pub struct Known<'a> {
    pub premises: &'a Premises,
    evidence: &'a [Evidence],
    /// Nothing more is asked: what has no answer is not known.
    closed: bool,
}

macro_rules! answers {
    ($($(#[$doc:meta])* $name:ident($($arg:ident: $type:ty),*) -> $out:ty, $question:expr, $answer:pat => $value:expr, else $default:expr;)+) => {
        $($(#[$doc])* pub fn $name(self, $($arg: $type),*) -> Asked<$out> {
            Ok(match self.answer(&$question)? { Some($answer) => $value, _ => $default })
        })+
    };
}

impl<'a> Known<'a> {
    /// What is open is asked.
    #[must_use]
    pub const fn open(premises: &'a Premises, evidence: &'a [Evidence]) -> Self {
        Self { premises, evidence, closed: false }
    }

    /// What is open stays so.
    #[must_use]
    pub const fn closed(premises: &'a Premises, evidence: &'a [Evidence]) -> Self {
        Self { premises, evidence, closed: true }
    }

    fn answer(self, question: &Question) -> Asked<Option<&'a Answer>> {
        match self.evidence.iter().find(|one| one.question == *question) {
            Some(found) => Ok(Some(&found.answer)),
            None if self.closed => Ok(None),
            None => Err(question.clone()),
        }
    }

    answers! {
        own_certificate(link: Link) -> Option<&'a OwnCertificate>,
            Question::OwnCertificate(link), Answer::OwnCertificate(found) => found.as_ref(), else None;
        old_version(whom: &Whom) -> Option<&'static str>,
            Question::OldVersion(whom.clone()), Answer::OldVersion(found) => *found, else None;
        presented(link: Link, chain: &[OwnedCertificate]) -> Option<&'a PresentedChain>,
            Question::Presented { link, chain: chain.to_vec() }, Answer::Presented(found) => found.as_ref(), else None;
        intermediate(link: Link, chain: &[OwnedCertificate]) -> Option<&'a Intermediate>,
            Question::Intermediate { link, chain: chain.to_vec() }, Answer::Intermediate(found) => found.as_ref(), else None;
        clock(link: Link, chain: &[OwnedCertificate]) -> Option<&'a Clock>,
            Question::Clock { link, chain: chain.to_vec() }, Answer::Clock(found) => found.as_ref(), else None;
        in_clear(whom: &Whom) -> Option<&'a InClear>,
            Question::InClear(whom.clone()), Answer::InClear(found) => found.as_ref(), else None;
        handshake_first(whom: &Whom) -> Option<&'a InTls>,
            Question::HandshakeFirst(whom.clone()), Answer::HandshakeFirst(found) => found.as_ref(), else None;
        state(service: &str, instance: Option<&str>) -> &'a ServiceState,
            Question::State { service: service.to_owned(), instance: instance.map(str::to_owned) },
            Answer::State(found) => found, else &ServiceState::Unasked;
        state_since(service: &str, instance: Option<&str>) -> &'a ServiceState,
            Question::StateSince { service: service.to_owned(), instance: instance.map(str::to_owned) },
            Answer::State(found) => found, else &ServiceState::Unasked;
        log(of: &Instance) -> Option<&'a ServiceLog>,
            Question::Log { service: of.service.clone(), instance: of.name.clone() },
            Answer::Log(found) => found.as_deref(), else None;
        listens(of: &Instance, link: Link) -> Option<bool>,
            Question::Listens { instance: of.name.clone(), link }, Answer::Listens(found) => *found, else None;
        stands_still(of: &Instance) -> bool,
            Question::StandsStill { instance: of.name.clone() }, Answer::StandsStill(found) => *found, else false;
        server(link: Link) -> Option<&'a Failure>,
            Question::Server(link), Answer::Server(found) => found.as_deref(), else None;
        session(link: Link) -> Option<&'a Failure>,
            Question::Session(link), Answer::Session(found) => found.as_deref(), else None;
        named(link: Link, name: &str) -> Option<&'a NameMismatch>,
            Question::Named { link, name: name.to_owned() }, Answer::Named(found) => found.as_ref(), else None;
        /// The fingerprint of the certificate in a file.
        file(path: &str) -> Option<&'a str>,
            Question::File(path.to_owned()), Answer::File(found) => found.as_deref(), else None;
        upstream(service: &str, link: Link, since: std::time::SystemTime) -> Option<&'a Logged>,
            Question::Upstream { service: service.to_owned(), link, since },
            Answer::Upstream(found) => found.as_ref(), else None;
        gateway() -> &'a GatewayDial,
            Question::Gateway, Answer::Gateway(found) => found, else &GatewayDial::Unasked;
        readiness() -> Option<&'a Unready>,
            Question::Readiness, Answer::Readiness(found) => found.as_ref(), else None;
        plain_redis() -> Option<&'a str>,
            Question::PlainRedis, Answer::PlainRedis(found) => found.as_deref(), else None;
    }
}
