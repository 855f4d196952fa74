//! How the pods of a workload get what is changed in its description.

use super::object::Controller;
use super::{Cluster, Pod};
use crate::workload::{Workload, WorkloadKind};

/// `updateStrategy` and `podManagementPolicy`, as far as they keep a rollout from pods.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UpdateStrategy {
    /// A pod is made anew only once somebody has deleted it.
    pub on_delete: bool,
    /// The pods of a StatefulSet below this number stay as they were described before.
    pub partition: u32,
    /// A StatefulSet that waits for a pod that is not ready before it does anything to any.
    pub is_ordered: bool,
}

impl UpdateStrategy {
    pub(super) fn read(kind: WorkloadKind, of: &Controller) -> Self {
        let update = &of.spec.update_strategy;
        let is_set = kind == WorkloadKind::StatefulSet;
        Self {
            on_delete: update.r#type == "OnDelete",
            partition: if is_set { update.rolling_update.partition } else { 0 },
            is_ordered: is_set && of.spec.pod_management_policy == "OrderedReady",
        }
    }
}

impl Cluster {
    /// How a workload's pods get what is changed; those of a Deployment by a rollout.
    #[must_use]
    pub fn strategy(&self, workload: &Workload) -> UpdateStrategy {
        self.strategies.get(&workload.to_string()).copied().unwrap_or_default()
    }

    /// No rollout brings to this pod what its workload's description has by now.
    #[must_use]
    pub fn is_held_back(&self, pod: &Pod) -> bool {
        let strategy = self.workload_of(pod).map(|workload| self.strategy(workload)).unwrap_or_default();
        !pod.current && (strategy.on_delete || pod.ordinal() < strategy.partition)
    }
}

impl Pod {
    /// Its number in its StatefulSet.
    #[must_use]
    pub fn ordinal(&self) -> u32 {
        self.name.rsplit('-').next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }
}
