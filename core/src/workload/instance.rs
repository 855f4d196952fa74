//! What runs of a workload: one container of a Compose service, one container of a pod.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use super::{Attachment, Container};

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

impl Phase {
    /// The engine's word for it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "created",
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Restarting => "restarting",
            Self::Exited => "exited",
            Self::Unknown => "in an unknown state",
        }
    }
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
    /// Which service of the stack it is one of: `api-gateway`, `scheduler-2`, `nats`, whatever the platform
    /// calls its workload.
    pub service: String,
    /// The container's name in its workload.
    pub container: String,
    pub phase: Phase,
    /// Why it waits, in the platform's words (`CrashLoopBackOff`, `ImagePullBackOff`, `PodInitializing`).
    pub waiting: Option<(String, Option<String>)>,
    /// The health check's or the readiness probe's word, where there is one.
    pub healthy: Option<bool>,
    /// What a failing health check or probe said last.
    pub probe: Option<String>,
    pub restarts: u32,
    /// Of the present start.
    pub started: Option<SystemTime>,
    /// The end of the run before.
    pub last: Option<Termination>,
    pub addresses: Vec<IpAddr>,
    /// Container port to ports of the host.
    pub published: BTreeMap<u16, Vec<u16>>,
    /// What an engine says of its network; empty elsewhere.
    pub network: Attachment,
    /// Made from the workload's present configuration (a rollout half way has others).
    pub current: bool,
    /// What it was started with; empty where the platform could not tell.
    pub configured: Container,
}

impl Instance {
    /// An instance of which nothing is known but whose it is.
    #[must_use]
    pub fn of_service(service: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            id: String::new(),
            name: name.into(),
            service: service.into(),
            container: String::new(),
            phase: Phase::Unknown,
            waiting: None,
            healthy: None,
            probe: None,
            restarts: 0,
            started: None,
            last: None,
            addresses: Vec::new(),
            published: BTreeMap::new(),
            network: Attachment::default(),
            current: true,
            configured: Container::default(),
        }
    }

    /// Running (frozen or not), and not merely between two crashes.
    #[must_use]
    pub const fn is_up(&self) -> bool {
        matches!(self.phase, Phase::Running | Phase::Paused)
    }

    /// Between two starts.
    #[must_use]
    pub const fn is_restarting(&self) -> bool {
        matches!(self.phase, Phase::Restarting)
    }

    /// Frozen.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        matches!(self.phase, Phase::Paused)
    }

    /// It does not run, and nothing is about to start it.
    #[must_use]
    pub const fn is_down(&self) -> bool {
        matches!(self.phase, Phase::Exited | Phase::Waiting)
    }

    /// How its last run ended; 0 where nobody can say.
    #[must_use]
    pub fn exit_code(&self) -> i64 {
        self.last.as_ref().map_or(0, |last| last.exit_code)
    }

    /// A variable's text, where it is known.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.configured.variable(name)?.value.known()
    }

    /// Age of the present start.
    #[must_use]
    pub fn up_for(&self, now: SystemTime) -> Option<Duration> {
        self.is_up().then_some(self.started).flatten().and_then(|since| now.duration_since(since).ok())
    }

    /// From when on log lines are the present start's. Docker notes a start when the process runs already
    /// (seen with 20.10): its first lines are older than that. They are not older than the end before, and a
    /// first start has no end before it.
    #[must_use]
    pub fn log_begins(&self) -> Option<SystemTime> {
        const AHEAD: Duration = Duration::from_secs(2);
        let started = self.started?;
        let earliest = started.checked_sub(AHEAD).unwrap_or(started);
        let finished = self.last.as_ref().and_then(|last| last.finished);
        let gap = finished.and_then(|finished| started.duration_since(finished).ok());
        match gap {
            Some(gap) => Some(earliest.max(started.checked_sub(gap / 2).unwrap_or(started))),
            None if finished.is_none() => Some(SystemTime::UNIX_EPOCH),
            // It has ended since: how long it had been down before is not known any more.
            None => Some(started),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_lines_of_a_start_are_older_than_the_engines_word_for_it() {
        let at = |millis: u64| {
            SystemTime::UNIX_EPOCH + Duration::from_secs(1_000_000) + Duration::from_millis(millis)
        };
        let mut one = Instance::of_service("scheduler", "scheduler-1");
        assert_eq!(one.log_begins(), None);
        one.started = Some(at(10_000));
        assert_eq!(one.log_begins(), Some(SystemTime::UNIX_EPOCH), "no end before a first start");
        let mut ended = |millis| {
            let last = Termination {
                exit_code: 1,
                reason: None,
                message: None,
                started: None,
                finished: Some(at(millis)),
            };
            one.last = Some(last);
            one.log_begins()
        };
        assert_eq!(ended(9_000), Some(at(9_500)));
        assert_eq!(ended(0), Some(at(8_000)), "never more than two seconds");
        assert_eq!(ended(12_000), Some(at(10_000)), "a container that has ended");
    }
}
