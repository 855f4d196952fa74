//! Pods that run with what has been put right since: files that they read at their start, settings that their
//! workload's description has no more.

use super::container_logged;
use super::trace::{PodTrouble, link_of};
use crate::cluster::cure::Fix;
use crate::cluster::fault::ClusterFault;
use crate::cluster::log::StartTrouble;
use crate::cluster::pods::{self, PodContext};
use crate::cluster::secrets::PathContent;
use crate::evidence::observation::EvidenceLevel;
use crate::evidence::{PodFact, SecretFact};
use crate::link::Link;
use crate::workload::kubernetes::{Cluster, Pod};
use crate::workload::{MountSource, Workload};
use crate::x509::matches_name;

/// A client that runs with what it read at its start, though what it mounts is right by now.
pub(super) fn read_at_start(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    trouble: &StartTrouble,
) -> Option<ClusterFault> {
    if !trouble.sample.contains("does not chain to") {
        return None;
    }
    let (path, found) = pods::file_at_fault(scene, pod, container, &trouble.sample)?;
    let key = found.key()?;
    let name = workload.to_string();
    let cure = Fix::told(format!(
        "{name} runs with what it read of secret/{} at its start; what the Secret holds now fits: restart it",
        key.secret
    ))
    .by(scene.kubectl.restart(std::slice::from_ref(&name))?);
    Some(
        ClusterFault::of_trouble(trouble, name)
            .because(SecretFact::FitsNow { path, file: key.clone() })
            .cure(cure),
    )
}

/// A server that shows another certificate than its Secret holds: what the Secret holds stands up to the client's CA, and
/// what the client met did not.
pub(super) fn served(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    trouble: &StartTrouble,
    link: Link,
) -> Option<ClusterFault> {
    if !trouble.what.kind.is_verification() {
        return None;
    }
    let connection = pods::dialled(scene, workload, link)?;
    let known = |file: &Option<_>| -> bool {
        let file: Option<&crate::cluster::connections::NamedFile> = file.as_ref();
        file.is_some_and(|file| matches!(file.found, PathContent::Certificates(..)))
    };
    if !known(&connection.certificate) || !known(&connection.ca) {
        return None;
    }
    let file = connection.certificate.as_ref()?;
    let key = file.found.key()?;
    // What the Secret holds may not have the name either.
    let leaf = file.found.certificates().first();
    let lacks = |name: &str| leaf.is_some_and(|leaf| matches_name(leaf, name).is_err());
    if wanted_name(&trouble.sample).is_some_and(lacks) {
        return None;
    }
    let name = connection.server.to_string();
    let by_part = connection.server.main().and_then(|main| main.mount_of(&file.path)?.sub_path.as_ref());
    let why = if by_part.is_some() {
        "a file that is mounted by subPath stays what it was when the pod began"
    } else {
        "it reads its files at its start"
    };
    let cure = Fix::told(format!(
        "{name} shows another certificate than secret/{} holds, which fits: {why}; restart it",
        key.secret
    ))
    .by(scene.kubectl.restart(std::slice::from_ref(&name))?);
    Some(
        ClusterFault::new(Some(trouble.what.kind), name)
            .variant(trouble.what.variant)
            .because(container_logged(pod, container, &trouble.sample))
            .because(SecretFact::FitsNow { path: file.path.clone(), file: key.clone() })
            .cure(cure)
            .seen_in(EvidenceLevel::Logged),
    )
}

/// The name that Go looked for in a certificate, as its `HostnameError` writes it.
fn wanted_name(sample: &str) -> Option<&str> {
    let (_, said) = sample.lines().next()?.split_once("x509: ")?;
    let rest = match said.strip_prefix("certificate is valid for ") {
        Some(names) => names.split_once(", not ")?.1,
        None => said
            .strip_prefix("certificate is not valid for any names, but wanted to match ")
            .or_else(|| said.strip_prefix("cannot validate certificate for "))?,
    };
    rest.split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | ';')).next()
}

/// A pod whose words name a setting that its workload's description has otherwise by now.
pub(super) fn described_otherwise(scene: PodContext<'_>, said: PodTrouble<'_>) -> Option<ClusterFault> {
    let PodTrouble { pod, workload, container, trouble } = said;
    let own = pod.configured.iter().find(|one| one.name == container)?;
    let described = workload.containers.iter().find(|one| one.name == container)?;
    let differs = own.environment.iter().find_map(|setting| {
        let value = setting.value.known().filter(|value| value.len() > 3)?;
        let right = described.variable(&setting.name).and_then(|one| one.value.known());
        let named = trouble.sample.split(|c: char| c.is_whitespace() || matches!(c, ',' | '"' | '\'' | ';'));
        let mut named = named.map(|word| word.trim_end_matches([':', '.']));
        (right != Some(value) && named.any(|word| word == value)).then_some((setting, right))
    });
    let (setting, right) = differs?;
    let name = workload.to_string();
    let cure = Fix::told(format!(
        "pod {} was made with another {} than {name} is described with by now: its pods have to be made anew",
        pod.name, setting.name
    ))
    .by(scene.kubectl.restart(std::slice::from_ref(&name))?);
    Some(
        ClusterFault::of_trouble(trouble, name)
            .because(container_logged(pod, container, &trouble.sample))
            .because(PodFact::SetOtherwise {
                pod: pod.name.clone(),
                variable: setting.name.clone(),
                value: setting.value.known().unwrap_or_default().to_owned(),
                described: right.map(str::to_owned),
            })
            .cure(cure),
    )
}

/// Pods to which no rollout brings what their workload's description has by now: the one that has trouble, or one of the
/// server that it met, where what differs is about that.
pub(super) fn held_back(scene: PodContext<'_>, said: PodTrouble<'_>) -> Option<ClusterFault> {
    let PodTrouble { pod, container, trouble, .. } = said;
    let link = trouble.what.link.or_else(|| link_of(&trouble.sample));
    let servers = link.into_iter().flat_map(|link| scene.cluster.pods_of(link.service()));
    let (held, differs) = std::iter::once(pod).chain(servers).find_map(|one| {
        // Of the one that has trouble the settings of other links are no matter.
        let link = link.filter(|link| one.name == pod.name && one.service != link.service());
        Some((one, differs(scene.cluster, one, link)?))
    })?;
    let name = scene.cluster.workload_of(held)?.to_string();
    let cure = Fix::told(format!(
        "pod {} was made before {name} was changed, and has not what it is described with by now: its pods have to be \
         made anew",
        held.name
    ))
    .by(scene.kubectl.restart(std::slice::from_ref(&name))?);
    Some(
        ClusterFault::of_trouble(trouble, name)
            .because(container_logged(pod, container, &trouble.sample))
            .because(differs)
            .cure(cure),
    )
}

/// What a pod that is held back was made with, and its workload's description has otherwise by now: of a client what is
/// about this link, of a server anything that it is started with.
fn differs(cluster: &Cluster, pod: &Pod, link: Option<Link>) -> Option<PodFact> {
    if !cluster.is_held_back(pod) {
        return None;
    }
    let prefix = link.map(|link| format!("{}_", link.slug().to_uppercase().replace('-', "_")));
    let is_about = |name: &str| prefix.as_ref().is_none_or(|prefix| name.starts_with(prefix.as_str()));
    cluster.workload_of(pod)?.containers.iter().find_map(|described| {
        let own = pod.configured.iter().find(|one| one.name == described.name)?;
        let otherwise = |what: String| Some(PodFact::DescribedOtherwise { pod: pod.name.clone(), what });
        // What only the pod has may have been put in as it was made, and is looked at where it is about a link.
        let injected = own.environment.iter().filter(|_| prefix.is_some());
        let all = described.environment.iter().chain(injected).filter(|one| is_about(&one.name));
        let value =
            |of: &crate::workload::Container, name: &str| of.variable(name).map(|one| one.value.clone());
        let mut names = all.map(|one| one.name.as_str());
        if let Some(name) = names.find(|name| value(described, name) != value(own, name)) {
            return otherwise(name.to_owned());
        }
        let texts = |of: &crate::workload::Container| {
            let all = of.entrypoint.iter().chain(&of.arguments);
            all.map(|one| one.value.clone()).collect::<Vec<_>>()
        };
        if texts(own) != texts(described) {
            return otherwise(format!("command of container {}", described.name));
        }
        // Claims of a StatefulSet stand in its pods alone.
        let is_file = |source: &MountSource| {
            matches!(
                source,
                MountSource::Secret { .. } | MountSource::ConfigMap { .. } | MountSource::Projected(_)
            )
        };
        let moved = described.mounts.iter().find(|mount| {
            let before = own.mounts.iter().find(|one| one.target == mount.target).map(|one| &one.source);
            is_file(&mount.source) && before != Some(&mount.source)
        })?;
        otherwise(format!("mount {} of container {}", moved.target, described.name))
    })
}
