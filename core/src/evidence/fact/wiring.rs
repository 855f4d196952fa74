//! Settings of a cluster's workloads, servers and Services that do not fit each other.

/// What a description shows of both ends of a link. Workloads and objects by their names in reports:
/// `deployment/cordum-scheduler`, `service/cordum-nats`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WiringFact {
    NothingMounted {
        path: String,
        workload: String,
        target: &'static str,
    },
    VerificationOff {
        setting: String,
        workload: String,
        target: &'static str,
    },
    /// Settings that a server in TLS, or production, asks for.
    Unset {
        variables: Vec<String>,
        workload: String,
        because: UnsetBecause,
    },
    /// A client's URL or scheme; `tls`: whether its server speaks TLS.
    WrongScheme {
        variable: String,
        workload: String,
        value: String,
        target: &'static str,
        tls: bool,
    },
    /// `clients`: how many of its clients speak TLS.
    ServerInClear {
        place: String,
        workload: String,
        clients: usize,
    },
    ProductionInClear {
        workload: String,
    },
    /// Production asks for TLS; what the clients dial.
    ProductionServerInClear {
        place: String,
        workload: String,
        urls: Vec<String>,
    },
    /// `verify` in NATS' tls block, as it stands there.
    AsksNoCertificate {
        place: String,
        verify: Option<String>,
    },
    RoutesInClear {
        place: String,
    },
    /// Options that are missing while the port for clients speaks TLS.
    NodesInClear {
        lines: Vec<String>,
    },
    NoSuchHost {
        variable: String,
        workload: String,
        host: String,
    },
    /// An address, where a name is to be.
    NobodysAddress {
        variable: String,
        workload: String,
        address: String,
    },
    /// A Service and the host that it is another name for.
    StandsFor {
        place: String,
        outside: String,
    },
    /// Of a Service that is another name for a host outside.
    LeadsOutside {
        place: String,
        outside: String,
        server: String,
    },
    OfOtherNamespace {
        variable: String,
        workload: String,
        host: String,
        namespace: String,
        server: String,
        right: String,
    },
    NoSuchPort {
        variable: String,
        workload: String,
        url: String,
        service: String,
        port: u16,
    },
    ShortUpstream {
        workload: String,
        host: String,
    },
    SelectsNobody {
        place: String,
        selector: String,
    },
    /// A port that the Service does not have, and those that it has.
    DialsNoPort {
        workload: String,
        address: String,
        setting: String,
        place: String,
        port: u16,
        ports: Vec<String>,
    },
    LeadsElsewhere {
        port: u16,
        place: String,
        to: String,
        server: String,
        listens: u16,
    },
    /// NetworkPolicies at the server.
    NotLetIn {
        policies: String,
        server: String,
        clients: String,
        port: u16,
    },
    /// NetworkPolicies at the client.
    NotLetOut {
        policies: String,
        client: String,
        server: String,
        port: u16,
    },
    /// Kubernetes leaves `$(NAME)` as it is where NAME stands behind it.
    ReferenceAsText {
        workload: String,
        reference: String,
    },
}

/// Why a setting that is missing should be there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UnsetBecause {
    KernelSpeaksTls,
    Production,
    ServesPlainHttp,
    /// The other one of a pair is set; with the pair's front.
    OtherOfPair {
        there: String,
        front: String,
    },
}
