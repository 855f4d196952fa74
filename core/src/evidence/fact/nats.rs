//! What NATS did or said.

/// What a NATS server did or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NatsFact {
    /// Its `INFO` says neither that TLS is demanded nor that it is to be had.
    OffersNoTls {
        version: String,
    },
    /// The same, seen by who asks for versions of TLS alone.
    NoTls,
    /// TLS is to be had, and nobody has to use it.
    DemandsNoTls,
    /// A plaintext `CONNECT` is answered, without end and without a `PONG`.
    EndlessInClear,
    /// A plaintext `CONNECT` is answered by closing.
    ClosesInClear,
    NoInfoInTime,
    /// What stands behind `INFO`, with the parser's words.
    InfoIsNoJson {
        error: String,
    },
    /// Something else came first, escaped.
    NoInfo {
        first: String,
    },
    /// The peer closed within its first line.
    ClosedAfter {
        bytes: usize,
    },
    /// A line without an end.
    EndlessLine {
        limit: usize,
    },
    /// `CONNECT` and `PING` got 64 KiB, and no `PONG`.
    NoPong,
    /// `-ERR`, as it stands there.
    Answered {
        error: String,
    },
    /// What we published to ourselves.
    OwnMessageLost,
    /// By the server's list of connections.
    ConnectedInClear {
        client: String,
        address: String,
    },
    /// By the server's list of connections.
    ConnectedWithoutCertificate {
        client: String,
        address: String,
    },
    /// The gateway's status says that it has no connection.
    GatewayUnconnected,
    /// The same, though the gateway answers what it was asked.
    GatewayAnswersUnconnected,
    /// Its monitoring, the only place that lists routes, cannot be asked.
    MonitoringUnseen {
        member: String,
    },
    /// `/routez` of neither lists the other.
    NoRoute {
        member: String,
        to: Vec<String>,
    },
    /// The port of its routes speaks in clear.
    RoutesInClear {
        member: String,
    },
    /// The port of its routes asks for no certificate.
    RoutesOfAnybody {
        member: String,
    },
    /// `/varz` has no cluster, though its siblings have one.
    NoCluster {
        member: String,
    },
    /// Its monitoring lists no connection of an instance; `way`: how it was asked.
    NoConnectionOf {
        who: String,
        way: String,
    },
    /// An instance has no address of its own to know its connections by; `outside`: how many come from outside the
    /// project's network.
    OnHostNetwork {
        who: String,
        outside: usize,
        way: String,
    },
    /// Its monitoring lists fewer connections than there are core services.
    TooFewConnections {
        listed: usize,
        of: usize,
    },
    /// Its monitoring was asked at an address.
    MonitoringAt {
        base: String,
        error: MonitoringError,
    },
    /// The same through the platform.
    MonitoringOf {
        server: String,
        error: MonitoringError,
    },
    /// The same by a program in its container.
    MonitoringBy {
        program: &'static str,
        server: String,
        error: MonitoringError,
    },
    /// A route leads to a host that nobody is.
    RouteToNobody {
        host: String,
        who: String,
    },
}

/// Why monitoring says nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MonitoringError {
    NoAnswer,
    /// What answered is no monitoring of NATS.
    NoJson,
    TooLong {
        mebibytes: usize,
    },
    /// By its id.
    AnotherServers,
    /// In the system's, a library's or the platform's words.
    Said(String),
}
