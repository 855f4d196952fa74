//! The pure centre of `tls-verify` and its thin edges.

pub use tls_verify_core::{
    diagnosis::root_cause as origins, logs::classify as recognise, remedy::catalogue,
    remedy::settings as advice, report as outcome, status as judge, x509 as trust,
};

pub mod app;
pub mod baseline;
pub mod blanks;
pub mod certs;
pub mod cli;
pub mod config;
pub mod demo;
pub mod diagnose;
pub mod explain;
pub mod manual;
pub mod output;
pub mod plan;
pub mod presented;
pub mod probe;
pub mod profile;
pub mod progress;
pub mod report;
pub mod run;
pub mod schema;
mod serve;
pub mod trace;
pub mod triage;
mod wait;
pub mod watch;
