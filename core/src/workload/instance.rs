//! What runs of a workload: one container of a Compose service, one container of a pod.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::SystemTime;

/// Where a container stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Made, never started; or waiting for its image, a mount, a node.
    Waiting,
    Running,
    /// Frozen by the engine.
    Paused,
    /// Ended, and about to be started again.
    Restarting,
    /// Ended for good.
    Exited,
    /// The platform could not tell.
    Unknown,
}

/// How a container's run ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Termination {
    pub exit_code: i64,
    /// `Error`, `OOMKilled`, `Completed`, where the platform has a word.
    pub reason: Option<String>,
    pub message: Option<String>,
    pub started: Option<SystemTime>,
    pub finished: Option<SystemTime>,
}

/// One container that exists now, or that a pod waits for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// The platform's identifier.
    pub id: String,
    /// `cordum-api-gateway-1`, or the pod's name.
    pub name: String,
    /// The container's name in its workload.
    pub container: String,
    pub phase: Phase,
    /// Why it waits, in the platform's words (`CrashLoopBackOff`, `ImagePullBackOff`, `PodInitializing`).
    pub waiting: Option<(String, Option<String>)>,
    /// The health check's or the readiness probe's word, where there is one.
    pub healthy: Option<bool>,
    pub restarts: u32,
    /// Of the present start.
    pub started: Option<SystemTime>,
    /// The end of the run before.
    pub last: Option<Termination>,
    pub addresses: Vec<IpAddr>,
    /// Container port to ports of the host.
    pub published: BTreeMap<u16, Vec<u16>>,
    /// Made from the workload's present configuration (a rollout half way has others).
    pub current: bool,
}
