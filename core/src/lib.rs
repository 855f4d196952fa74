//! Everything of tls-verify that can be decided from data. Nothing here opens a socket, reads a clock or an
//! environment, or starts a program; the time and the bytes are arguments.

pub mod cause;
pub mod certificates;
pub mod cluster;
pub mod diagnosis;
pub mod evidence;
pub mod link;
pub mod logs;
pub mod manifest;
pub mod redaction;
pub mod remedy;
pub mod report;
pub mod rules;
pub mod status;
pub mod wiring;
pub mod workload;
pub mod x509;
