//! What tls-verify observes on the network. One check, one file; a check observes and never judges.

pub use tls_verify_core::cause;
pub use tls_verify_core::diagnosis::settings;
pub use tls_verify_core::evidence::{fault, observation};
pub use tls_verify_core::redaction::secret;

pub mod bound;
pub mod certificate_files;
pub mod certificates;
mod cli;
pub mod cli_with_cacert;
pub mod cli_without_cacert;
pub mod clock;
pub mod cluster_links;
pub mod context;
pub mod dashboard_gateway;
pub mod deployment;
pub mod dial;
pub mod endpoint_resolution;
mod enforcement;
mod first_words;
pub mod gateway_https;
pub mod gateway_wss;
mod groups;
pub mod grpc;
pub mod hello;
pub mod http;
pub mod inspections;
pub mod investigate;
pub mod logs;
pub mod monitor;
pub mod nats;
mod nats_link;
pub mod nats_mtls;
pub mod peel;
pub mod platform;
pub mod probe;
mod redis_clients;
pub mod redis_logs;
mod redis_now;
pub mod redis_tls;
mod relay;
pub mod served;
pub mod service_links;
pub mod stack;
mod standing;
mod system_store;
pub mod tls;
pub mod tls_min_version;
pub mod worker_nats_tls;

use context::{Check, Dials};
use stack::Link;

/// Every check; the order is the report's.
pub const ALL: &[Check] = &[
    gateway_https::CHECK,
    gateway_wss::CHECK,
    cli_with_cacert::CHECK,
    cli_without_cacert::CHECK,
    worker_nats_tls::CHECK,
    nats_mtls::CHECK,
    redis_logs::CHECK,
    redis_tls::CHECK,
    grpc::GATEWAY,
    grpc::SAFETY_KERNEL,
    grpc::CONTEXT_ENGINE,
    dashboard_gateway::CHECK,
    certificates::CHECK,
    tls_min_version::CHECK,
    service_links::CHECK,
    cluster_links::CHECK,
];

/// A check by its id.
#[must_use]
pub fn named(id: &str) -> Option<&'static Check> {
    ALL.iter().find(|check| check.id == id)
}

/// The links that a check goes over.
#[must_use]
pub fn over(id: &str) -> &'static [Link] {
    named(id).map_or(&[], |check| check.over)
}

/// Whether a check verifies a server's certificate with the CA file.
#[must_use]
pub fn verifies(id: &str) -> bool {
    named(id).is_some_and(|check| matches!(check.dials, Dials::Verified | Dials::Program))
}
