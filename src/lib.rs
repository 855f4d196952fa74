//! The pure centre of `tls-verify` and its thin edges.

pub mod app;
pub mod baseline;
pub mod catalogue;
pub mod certs;
pub mod cli;
pub mod config;
pub mod demo;
pub mod diagnose;
pub mod explain;
pub mod judge;
pub mod judgement;
pub mod manual;
pub mod origins;
pub mod outcome;
pub mod presented;
pub mod probe;
pub mod profile;
pub mod progress;
pub mod recognise;
pub mod report;
pub mod run;
pub mod schema;
pub mod trace;
pub mod triage;
pub mod trust;
mod wait;
pub mod watch;
