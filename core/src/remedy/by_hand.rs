//! Workloads whose pods no rollout makes anew: how they are restarted all the same. A pod that is deleted is made again
//! by what it belongs to, which is what a rollout does to it too.

use crate::workload::kubernetes::{Cluster, Pod};
use crate::workload::{Workload, WorkloadKind};

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
        let is_of_it = |pod: &&Pod| {
            !pod.leaving && cluster.workload_of(pod).is_some_and(|owner| std::ptr::eq(owner, workload))
        };
        let mut pods: Vec<&Pod> = cluster.pods.iter().filter(is_of_it).collect();
        pods.sort_by_key(|pod| (pod.ready, std::cmp::Reverse((pod.ordinal(), pod.name.clone()))));
        let below = |pod: &&&Pod| pod.ordinal() < strategy.partition;
        let is_parted = pods.iter().any(|pod| below(&pod));
        let (broken, serving): (Vec<&Pod>, Vec<&Pod>) = pods.iter().copied().partition(|pod| !pod.ready);
        let wait = |ready: usize| {
            let field =
                if workload.kind == WorkloadKind::DaemonSet { "numberReady" } else { "readyReplicas" };
            let until = format!("--for=jsonpath={{.status.{field}}}={ready}");
            words(&["wait", &name, &until, "--timeout=120s"])
        };
        let one_by_one = || {
            let mut all = Commands::new();
            all.extend((!broken.is_empty()).then(|| deleted(&broken)));
            for pod in &serving {
                all.extend((!all.is_empty()).then(|| wait(pods.len())));
                all.push(deleted(&[pod]));
            }
            all
        };
        let after = if pods.len() > 1 && !serving.is_empty() { ", one after another" } else { "" };
        if strategy.on_delete {
            let why = format!(
                "no rollout makes the pods of {name} anew (updateStrategy OnDelete): they are deleted{after}"
            );
            return Some(Self {
                restart: one_by_one(),
                changed: one_by_one(),
                wait: wait(pods.len()),
                why_restart: why.clone(),
                why_changed: why,
            });
        }
        // Of an ordered set nothing is made anew before each pod is ready.
        let is_stuck = strategy.is_ordered && !broken.is_empty();
        let stuck = format!(
            "{name} is OrderedReady, and makes nothing anew while a pod of it is not ready: what is not ready is deleted"
        );
        let unstuck = || if is_stuck { vec![deleted(&broken)] } else { Commands::new() };
        if is_parted {
            let number = strategy.partition;
            let reached = !broken.is_empty() && !broken.iter().any(|pod| below(&pod));
            let mut changed = Commands::new();
            let mut why_changed = stuck.clone();
            if !reached {
                let all = r#"{"spec":{"updateStrategy":{"rollingUpdate":{"partition":0}}}}"#;
                changed.push(words(&["patch", &name, "-p", all]));
                why_changed = format!(
                    "rollingUpdate.partition {number} of {name} keeps what is changed from its pods below that number: \
                     it is set to 0"
                );
            }
            changed.extend(unstuck());
            return (!changed.is_empty() || !pods.is_empty()).then(|| Self {
                restart: one_by_one(),
                changed,
                wait: wait(pods.len()),
                why_restart: format!(
                    "a rollout leaves out the pods of {name} below rollingUpdate.partition {number}: they are \
                     deleted{after}, and come back as they were described"
                ),
                why_changed,
            });
        }
        is_stuck.then(|| Self {
            restart: [vec![words(&["rollout", "restart", &name])], unstuck()].concat(),
            changed: unstuck(),
            wait: wait(pods.len()),
            why_restart: stuck.clone(),
            why_changed: stuck,
        })
    }
}

fn words(all: &[&str]) -> Vec<String> {
    all.iter().map(|word| (*word).to_owned()).collect()
}

fn deleted(pods: &[&Pod]) -> Vec<String> {
    let names = pods.iter().map(|pod| pod.name.clone());
    ["delete".to_owned(), "pod".to_owned()].into_iter().chain(names).collect()
}
