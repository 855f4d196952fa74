//! Everything but the fault matrix, the Docker project and the cluster: one program, so that the libraries are
//! linked once. `cargo test --test suite certs::` runs one theme.

#[cfg(feature = "kubernetes")]
mod api_server;
mod architecture;
mod audit;
mod canary;
mod catalogue;
mod certificate_store;
mod certs;
#[cfg(feature = "kubernetes")]
mod collect;
mod collected;
mod cordum;
mod cordum_states;
mod cordumctl;
mod corpus;
mod cures;
mod engine;
mod exports;
mod far_ends;
mod faults;
mod gate;
mod handbook;
mod handed_on;
mod hostile;
mod journeys;
mod machines;
mod namespace;
mod objects;
mod odd_namespaces;
mod outputs;
mod packages;
mod page;
mod parsing;
mod peel;
mod platform;
mod policies;
mod prefix;
mod probe;
mod quoting;
mod readers;
mod reading;
mod readme;
mod recorded;
mod release;
mod replicas;
mod screen;
mod served;
mod tidy;
mod trust;
mod usage;
#[cfg(not(feature = "kubernetes"))]
mod without_kubernetes;

use std::process::Command;

use tls_verify_fixtures::child;

/// The program, with nothing of the caller's environment.
pub(crate) fn bare() -> Command {
    child::bare(env!("CARGO_BIN_EXE_tls-verify"))
}

/// The program, with nothing of the caller's environment but PATH.
pub(crate) fn program() -> Command {
    child::program(env!("CARGO_BIN_EXE_tls-verify"))
}
