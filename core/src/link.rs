//! The connections of the stack under test.

use std::fmt;

/// A connection of the stack that is verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Link {
    Gateway,
    Nats,
    Redis,
    Dashboard,
    GatewayGrpc,
    SafetyKernel,
    ContextEngine,
}

impl Link {
    /// The name used in `--server-name LINK=NAME` and in reports.
    #[must_use]
    pub const fn slug(self) -> &'static str {
        match self {
            Self::Gateway => "gateway",
            Self::Nats => "nats",
            Self::Redis => "redis",
            Self::Dashboard => "dashboard",
            Self::GatewayGrpc => "gateway-grpc",
            Self::SafetyKernel => "safety-kernel",
            Self::ContextEngine => "context-engine",
        }
    }

    /// The Compose service that answers on this link.
    #[must_use]
    pub const fn service(self) -> &'static str {
        match self {
            Self::Gateway | Self::GatewayGrpc => "api-gateway",
            Self::Nats => "nats",
            Self::Redis => "redis",
            Self::Dashboard => "dashboard",
            Self::SafetyKernel => "safety-kernel",
            Self::ContextEngine => "context-engine",
        }
    }

    /// The port inside the container (base compose file).
    #[must_use]
    pub const fn container_port(self) -> u16 {
        match self {
            Self::Gateway => 8081,
            Self::GatewayGrpc | Self::Dashboard => 8080,
            Self::Nats => 4222,
            Self::Redis => 6379,
            Self::SafetyKernel => 50051,
            Self::ContextEngine => 50070,
        }
    }

    /// Every link.
    pub const ALL: &'static [Self] = &[
        Self::Gateway,
        Self::Nats,
        Self::Redis,
        Self::Dashboard,
        Self::GatewayGrpc,
        Self::SafetyKernel,
        Self::ContextEngine,
    ];
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.slug())
    }
}
