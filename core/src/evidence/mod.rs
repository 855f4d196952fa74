//! What was seen: steps, failures and their causes, typed.

mod fact;
pub mod fault;
pub mod observation;
mod question;
mod setting;

pub use fact::{
    DialFact, Fact, HttpFact, InstanceState, LinkEffect, LogFact, NatsFact, ProbeFact, RedisFact, Spoken,
};
pub use question::{
    Answer, Clock, Evidence, Gateway, InClear, InTls, Intermediate, Logged, Named, OwnCertificate, Presented,
    Question, State, Subject, Unready, Whom,
};
pub use setting::Setting;
