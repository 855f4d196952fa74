//! What was seen: steps, failures and their causes, typed.

mod fact;
pub mod fault;
pub mod observation;
mod question;
mod setting;

pub use fact::{
    DialFact, Fact, FolderFact, HttpFact, InstanceState, LinkEffect, LogFact, MonitoringError, NatsFact,
    PlatformFact, PodFact, PodPhase, ProbeFact, RedisFact, RunFact, SecretEntry, SecretFact, SecretLack,
    Spoken, TlsFact, ToolFact, UnsetBecause, VerificationOff, WiringFact,
};
pub use question::{
    Answer, Clock, Evidence, GatewayDial, InClear, InTls, Intermediate, Logged, NameMismatch, OwnCertificate,
    PresentedChain, Question, ServiceState, Subject, Unready, Whom,
};
pub use setting::LinkSetting;
