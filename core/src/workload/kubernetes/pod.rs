//! A pod and its containers as they are now.

use std::net::IpAddr;
use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::{Event, object};
use crate::workload::{Container, ContainerRole, Instance, Phase, Termination};

/// A time as the API writes it.
pub(super) fn moment(text: &str) -> Option<SystemTime> {
    OffsetDateTime::parse(text, &Rfc3339).ok().map(SystemTime::from)
}

/// What a container does now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ContainerPhase {
    /// Reason and message in Kubernetes' words.
    Waiting(String, String),
    Running(Option<SystemTime>),
    Terminated(Termination),
    /// No status yet: the pod has no node, or the kubelet has said nothing.
    Unknown,
}

/// A container of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContainerState {
    pub name: String,
    pub role: ContainerRole,
    pub state: ContainerPhase,
    /// How its run before ended.
    pub last: Option<Termination>,
    pub ready: bool,
    pub restarts: u32,
}

impl ContainerState {
    /// It has ended and is about to be started again, or does nothing but that.
    #[must_use]
    pub fn is_looping(&self) -> bool {
        match &self.state {
            ContainerPhase::Waiting(reason, _) => reason == "CrashLoopBackOff",
            // For a moment between its end and the back-off.
            ContainerPhase::Terminated(end) => {
                self.role != ContainerRole::Init && (end.exit_code != 0 || self.restarts > 0)
            }
            ContainerPhase::Running(_) => !self.ready && self.restarts > 0,
            ContainerPhase::Unknown => false,
        }
    }

    /// The end of the run that ended last.
    #[must_use]
    pub fn ended(&self) -> Option<&Termination> {
        match &self.state {
            ContainerPhase::Terminated(end) => Some(end),
            _ => self.last.as_ref(),
        }
    }
}

/// A pod that exists now.
#[derive(Clone, Debug)]
pub struct Pod {
    pub name: String,
    pub uid: String,
    /// Index of its workload.
    pub workload: usize,
    /// The service of the stack that it is one of.
    pub service: String,
    pub is_job: bool,
    /// Of its workload's newest configuration; a rollout half way has others.
    pub current: bool,
    /// `Pending`, `Running`, `Succeeded`, `Failed`.
    pub phase: String,
    /// Why it is in that phase, where that is said (`Evicted`).
    pub reason: Option<String>,
    pub ready: bool,
    /// It is being deleted.
    pub leaving: bool,
    /// Why no node takes it.
    pub unschedulable: Option<String>,
    pub placement: super::Placement,
    pub created: Option<SystemTime>,
    pub addresses: Vec<IpAddr>,
    /// Init containers first, then the others, in the order in which they are described.
    pub containers: Vec<ContainerState>,
    /// What each of them is started with.
    pub configured: Vec<Container>,
    /// How much memory each of them may take, as its limit is written.
    pub memory: std::collections::BTreeMap<String, String>,
    /// How long after its start the container that does the work may be not ready, by its probes.
    pub time_to_ready: std::time::Duration,
    pub labels: std::collections::BTreeMap<String, String>,
    /// About this very pod, oldest first.
    pub events: Vec<Event>,
}

impl Pod {
    /// The container that does the pod's work.
    #[must_use]
    pub fn main(&self) -> Option<&ContainerState> {
        self.containers.iter().find(|one| one.role == ContainerRole::Main)
    }

    /// What the container that does the pod's work is started with.
    #[must_use]
    pub fn main_configured(&self) -> Option<&Container> {
        self.configured.iter().find(|one| one.role == ContainerRole::Main)
    }

    /// As the model of what runs has it: the pod's main container.
    #[must_use]
    pub fn instance(&self) -> Instance {
        let mut one = Instance::of_service(self.service.clone(), self.name.clone());
        one.id.clone_from(&self.uid);
        one.addresses.clone_from(&self.addresses);
        one.current = self.current;
        one.configured = self.main_configured().cloned().unwrap_or_default();
        let Some(main) = self.main() else {
            one.phase = Phase::Waiting;
            return one;
        };
        one.container.clone_from(&main.name);
        one.restarts = main.restarts;
        one.last.clone_from(&main.last);
        one.healthy = Some(self.ready);
        match &main.state {
            ContainerPhase::Waiting(reason, message) => {
                let again = main.last.is_some() || main.restarts > 0;
                one.phase = if again { Phase::Restarting } else { Phase::Waiting };
                one.waiting = Some((reason.clone(), (!message.is_empty()).then(|| message.clone())));
            }
            ContainerPhase::Running(since) => {
                one.phase = Phase::Running;
                one.started = *since;
            }
            ContainerPhase::Terminated(end) => {
                one.phase = if matches!(self.phase.as_str(), "Succeeded" | "Failed") {
                    Phase::Exited
                } else {
                    Phase::Restarting
                };
                one.started = end.started;
                one.last = Some(end.clone());
            }
            ContainerPhase::Unknown => one.phase = Phase::Waiting,
        }
        one
    }
}

/// The states of a pod's containers, those without a status included.
pub(super) fn states(configured: &[Container], status: &object::PodStatus) -> Vec<ContainerState> {
    let all = || status.init_container_statuses.iter().chain(&status.container_statuses);
    configured
        .iter()
        .map(|container| {
            let known = all().find(|one| one.name == container.name);
            ContainerState {
                name: container.name.clone(),
                role: container.role,
                state: known.map_or(ContainerPhase::Unknown, |one| state(&one.state)),
                last: known.and_then(|one| one.last_state.terminated.as_ref()).map(ended),
                ready: known.is_some_and(|one| one.ready),
                restarts: known.map_or(0, |one| one.restart_count),
            }
        })
        .collect()
}

fn state(of: &object::ContainerState) -> ContainerPhase {
    if let Some(waiting) = &of.waiting {
        ContainerPhase::Waiting(waiting.reason.clone(), waiting.message.clone())
    } else if let Some(running) = &of.running {
        ContainerPhase::Running(running.started_at.as_deref().and_then(moment))
    } else if let Some(end) = &of.terminated {
        ContainerPhase::Terminated(ended(end))
    } else {
        ContainerPhase::Unknown
    }
}

fn ended(end: &object::Terminated) -> Termination {
    let word = |text: &String| (!text.is_empty()).then(|| text.clone());
    Termination {
        exit_code: end.exit_code,
        reason: word(&end.reason),
        message: word(&end.message),
        started: end.started_at.as_deref().and_then(moment),
        finished: end.finished_at.as_deref().and_then(moment),
    }
}
