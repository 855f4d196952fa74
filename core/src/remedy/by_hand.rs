//! Workloads whose pods no rollout makes anew as they are: what makes one do so. Nothing is deleted.

use crate::workload::Workload;
use crate::workload::kubernetes::{Cluster, Pod};

/// Words of commands of kubectl, behind its context and namespace.
pub type Commands = Vec<Vec<String>>;

/// What is typed where a rollout does not reach a workload's pods.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ByHand {
    /// What stands in place of `rollout restart`.
    pub restart: Commands,
    /// What comes after a change of its description, for its pods to have it.
    pub changed: Commands,
    /// What waits until all of its pods are ready.
    pub wait: Vec<String>,
    /// Why it is restarted so.
    pub why_restart: String,
    pub why_changed: String,
}

impl ByHand {
    /// Nothing where a rollout does it.
    #[must_use]
    pub fn of(cluster: &Cluster, workload: &Workload) -> Option<Self> {
        let strategy = cluster.strategy(workload);
        let name = workload.to_string();
        let pods = || {
            cluster.pods.iter().filter(|pod| {
                !pod.leaving && cluster.workload_of(pod).is_some_and(|owner| std::ptr::eq(owner, workload))
            })
        };
        let broken: Vec<&Pod> = pods().filter(|pod| !pod.ready).collect();
        let below = |pod: &Pod| pod.ordinal() < strategy.partition;
        // Of an ordered set nothing is made anew before each pod is ready, and only who deletes it gets past that one.
        let is_stuck = strategy.is_ordered && !broken.is_empty();
        let is_held = strategy.on_delete || pods().any(below);
        if !is_stuck && !is_held {
            return None;
        }
        let (update, why_held) = if strategy.on_delete {
            let why = format!(
                "no rollout makes the pods of {name} anew (updateStrategy OnDelete): it is set to RollingUpdate"
            );
            (r#"{"spec":{"updateStrategy":{"type":"RollingUpdate"}}}"#, why)
        } else if is_held {
            let number = strategy.partition;
            let why = format!(
                "rollingUpdate.partition {number} of {name} keeps its pods below that number as they were: it is set to 0, \
                 and they get all that its description says now"
            );
            (r#"{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}"#, why)
        } else {
            ("", String::new())
        };
        let names: Vec<&str> = broken.iter().map(|pod| pod.name.as_str()).collect();
        let why_stuck = is_stuck.then(|| {
            format!(
                "{name} is OrderedReady, and makes nothing anew while a pod of it is not ready: once that is typed, delete {} \
                 by hand",
                names.join(" and ")
            )
        });
        // A change reaches all that have to have it where none of them is held.
        let reached = !strategy.on_delete && !broken.is_empty() && !broken.iter().any(|pod| below(pod));
        let patch: Commands = is_held.then(|| words(&["patch", &name, "-p", update])).into_iter().collect();
        let why = |held: bool| {
            let parts: Vec<&str> =
                held.then_some(why_held.as_str()).into_iter().chain(why_stuck.as_deref()).collect();
            parts.join("; ")
        };
        Some(Self {
            why_restart: why(is_held),
            why_changed: why(is_held && !reached),
            changed: if reached { Commands::new() } else { patch.clone() },
            restart: [patch, vec![words(&["rollout", "restart", &name])]].concat(),
            wait: words(&["rollout", "status", &name, "--timeout=120s"]),
        })
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}
