//! Claims of a pod that have no volume.

use super::{PlacementStep, UnscheduledPod, choice};
use crate::cluster::cure::change;
use crate::remedy::ChangeKind;
use crate::workload::WorkloadKind;

impl<'a> UnscheduledPod<'a> {
    /// `persistentvolumeclaim/data-cordum-redis-0`
    pub(super) fn claims(self) -> String {
        let all = self.pod.placement.claims.iter();
        all.map(|(_, claim)| format!("persistentvolumeclaim/{claim}")).collect::<Vec<_>>().join(", ")
    }

    /// What events say last of each of the pod's claims.
    pub(super) fn claims_said(self) -> Vec<(&'a str, &'a str)> {
        let claims = self.pod.placement.claims.iter();
        let last = claims.filter_map(|(_, claim)| {
            let about = format!("persistentvolumeclaim/{claim}");
            let mut events = self.scene.cluster.events.iter().rev();
            let said = events.find(|one| one.about == about && one.reason != "WaitForFirstConsumer")?;
            Some((claim.as_str(), said.message.as_str()))
        });
        last.collect()
    }

    pub(super) fn unbound(self) -> PlacementStep {
        let claims = self.claims();
        let said = self.claims_said();
        let class = said.iter().find_map(|(_, said)| {
            let (_, rest) = said.split_once("storageclass.storage.k8s.io \"")?;
            rest.split_once("\" not found").map(|(name, _)| name)
        });
        let provisioner = said.iter().find_map(|(_, said)| {
            let (_, rest) = said.split_once("by the external provisioner '")?;
            rest.split_once('\'').map(|(name, _)| name)
        });
        let no_class = said.iter().any(|(_, said)| said.contains("no storage class is set"));
        let lacks = format!("{claims} of {} has no volume", self.workload);
        match (class, provisioner) {
            (Some(class), _) => {
                let mut step = choice(
                    &format!("{lacks}, for storageclass/{class} does not exist"),
                    "make that class, or let the claim name one that exists",
                );
                step.changes.extend(self.templates().map(|path| {
                    change(
                        self.workload.to_string(),
                        None,
                        ChangeKind::Config,
                        "storageClassName",
                        Some(path),
                    )
                    .values(Some(class), None)
                }));
                step
            }
            (None, Some(provisioner)) => choice(
                &lacks,
                &format!(
                    "see why provisioner {provisioner}, which is to make it, does not, or make the volume"
                ),
            ),
            (None, None) if no_class => choice(
                &format!("{lacks}, for it names no storageClassName and no class is the default"),
                "make one the default, let the claim name one, or make the volume",
            ),
            (None, None) => choice(&lacks, "make the volume, or let the claim name a class that makes it"),
        }
    }

    /// Where a StatefulSet describes the claims of its pods.
    fn templates(self) -> impl Iterator<Item = String> {
        let is_set = self.workload.kind == WorkloadKind::StatefulSet;
        let suffix = format!("-{}", self.pod.name);
        let names = self.pod.placement.claims.iter().filter_map(move |(_, claim)| {
            let name = claim.strip_suffix(suffix.as_str()).filter(|_| is_set)?;
            Some(format!("spec.volumeClaimTemplates[name={name}].spec.storageClassName"))
        });
        names.collect::<Vec<_>>().into_iter()
    }

    pub(super) fn no_claim(self, claim: &str) -> PlacementStep {
        let volume = self.pod.placement.claims.iter().find(|(_, name)| name == claim);
        let changes = volume.map(|(volume, _)| {
            let path = format!("volumes[name={volume}].persistentVolumeClaim.claimName");
            self.setting("persistentVolumeClaim.claimName", &path).values(Some(claim), None)
        });
        PlacementStep {
            lacks: format!("persistentvolumeclaim/{claim}, which it mounts, does not exist"),
            does: "make it, or let the volume name one that exists".to_owned(),
            changes: changes.into_iter().collect(),
            command: None,
        }
    }
}
