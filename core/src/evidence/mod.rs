//! What was seen: steps, failures and their causes, typed.

pub mod fault;
pub mod observation;
mod question;
mod setting;

pub use question::{
    Answer, Clock, Evidence, Gateway, InClear, Intermediate, Logged, Named, OwnCertificate, Presented,
    Question, State, Subject, Unready,
};
pub use setting::Setting;
