//! How a platform asks a container whether it is well.

use super::settings::{Argument, Place};

/// What the answer is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProbeRole {
    /// `healthcheck` of Compose.
    Health,
    Liveness,
    Readiness,
    Startup,
}

impl ProbeRole {
    /// As messages name it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Health => "health check",
            Self::Liveness => "liveness probe",
            Self::Readiness => "readiness probe",
            Self::Startup => "start-up probe",
        }
    }
}

/// One probe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Probe {
    pub role: ProbeRole,
    pub action: ProbeAction,
    pub place: Option<Place>,
}

/// What it does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProbeAction {
    /// An HTTP request of the platform itself, which verifies no certificate.
    Http {
        tls: bool,
        /// Its scheme is written, and not the default.
        said: bool,
        port: u16,
    },
    Tcp {
        port: u16,
    },
    /// gRPC's health service, always in plaintext.
    Grpc {
        port: u16,
    },
    /// A command in the container: its words.
    Command(Vec<Argument>),
    /// A script for the container's shell.
    Shell(Argument),
}
