//! What Redis did or said.

/// What a Redis server did or said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisFact {
    /// The port that gave TLS no answer gives one to a plaintext `PING`.
    SamePortInClear { answer: String },
    /// The same, of an address that somebody named.
    SilentInTls { answer: String },
    /// The TLS port answers in clear too.
    TlsPortInClear { answer: String },
    /// `NOAUTH`, `WRONGPASS` and the like, within TLS.
    LoginRefused,
    /// No `PONG`; escaped.
    AnsweredPing { answer: String },
    /// Neither we nor the gateway reach it.
    NotSeenNow,
    /// A service has the name in its `REDIS_URL`.
    DialledByName { who: String },
    /// The gateway's status says that it has no connection.
    GatewayAnswersUnconnected,
    /// No replica, no cluster.
    StandsAlone { node: String },
    /// `CONFIG GET`: an option that has the links between nodes speak TLS is `no`.
    LinksInClear { node: String, option: &'static str },
    /// Whether the links between nodes speak TLS is not told.
    LinksUntold { node: String, option: &'static str },
    /// `INFO replication` of a replica: `master_link_status:down`.
    MasterLinkDown { node: String, master: String },
    /// `CLUSTER INFO`: `cluster_state` is not `ok`.
    ClusterFails { node: String },
    /// `CLUSTER NODES` of a node does not have others, or has them as failed.
    NotInCluster { node: String, others: Vec<String> },
}
