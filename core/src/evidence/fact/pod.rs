//! What Kubernetes and a pod's own containers say of it.

use super::Fact;

/// What was seen of a pod or of the workload that makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodFact {
    ContainerLogged {
        container: String,
        pod: String,
        line: String,
    },
    Logged {
        pod: String,
        line: String,
    },
    /// A NATS server of its route to a peer.
    RouteLogged {
        pod: String,
        peer: String,
        error: String,
    },
    /// Its last words, or how it ended where it has said nothing.
    SaidLast {
        container: String,
        pod: String,
        said: Box<Fact>,
    },
    State {
        pod: String,
        phase: PodPhase,
        restarts: u32,
    },
    /// The log of a container was not read, and why.
    LogUnread {
        container: String,
        pod: String,
        why: String,
    },
    /// In the scheduler's words.
    OnNoNode {
        pod: String,
        why: String,
    },
    /// An event's words of a PersistentVolumeClaim.
    OfClaim {
        claim: String,
        said: String,
    },
    /// A variable that a pod was made with, and that its workload's description has otherwise, or no more.
    SetOtherwise {
        pod: String,
        variable: String,
        value: String,
        described: Option<String>,
    },
    /// A pod that no rollout reaches was made before this was changed in its workload's description.
    DescribedOtherwise {
        pod: String,
        what: String,
    },
    /// An event's words, or a container state's.
    Told {
        pod: String,
        message: String,
    },
    NotReady {
        pod: String,
    },
    /// An init container has not come to its end.
    InitRuns {
        container: String,
        pod: String,
    },
    OutOfMemory {
        container: String,
        pod: String,
        exit: i64,
    },
    Ended {
        container: String,
        exit: i64,
        reason: Option<String>,
    },
    DoesNotRun {
        container: String,
    },
    /// Behind the event's words: the probe speaks plaintext, the port TLS.
    ProbeInClear {
        pod: String,
        event: String,
        port: u16,
    },
    /// The other way round.
    ProbeInTls {
        pod: String,
        event: String,
        port: u16,
    },
    NotStarted {
        container: String,
        pod: String,
        message: Option<String>,
    },
    NoImage {
        pod: String,
        image: Option<String>,
        why: Option<String>,
    },
    /// What a workload's pods wait for.
    WaitsFor {
        workload: String,
        because: Box<Fact>,
    },
    NoSuchSecret {
        pod: String,
        secret: String,
    },
    NoSuchKey {
        pod: String,
        secret: String,
        key: String,
    },
    /// Of a server that is down.
    CannotReach {
        container: String,
        workload: String,
        service: String,
    },
    ScaledToNone {
        workload: String,
    },
    /// For the same reason.
    NoEndpoints {
        workload: String,
    },
    HasNoPod {
        workload: String,
    },
    HasSomePods {
        workload: String,
        pods: usize,
    },
    /// What should make its pods cannot; `some`: it has others.
    NoPodMade {
        workload: String,
        some: bool,
        why: Option<String>,
    },
    NoWorkload {
        service: String,
    },
}

/// How a pod's main container stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodPhase {
    NoContainer,
    Waits { reason: String },
    Runs,
    Unready,
    Ended { exit: i64 },
    Unknown,
}
