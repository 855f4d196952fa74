//! Containers that Kubernetes cannot even start: their image, their settings, their command.

use super::mounts::{between, missing_config_map, missing_entry, missing_key, missing_secret};
use super::{PodContext, serves, state_of};
use crate::cluster::cure::Fix;
use crate::cluster::fault::ClusterFault;
use crate::evidence::observation::EvidenceLevel;
use crate::evidence::{Fact, PodFact};
use crate::workload::Workload;
use crate::workload::kubernetes::{ContainerPhase, ContainerState, Pod};

/// A container that Kubernetes cannot even start: its image, its settings, its command.
pub(super) fn unstarted(scene: PodContext<'_>, pod: &Pod, workload: &Workload) -> Option<ClusterFault> {
    for container in &pod.containers {
        let (reason, message) = match &container.state {
            ContainerPhase::Waiting(reason, message) => (reason.as_str(), message.as_str()),
            ContainerPhase::Terminated(end) => {
                (end.reason.as_deref().unwrap_or_default(), end.message.as_deref().unwrap_or_default())
            }
            ContainerPhase::Running(_) | ContainerPhase::Unknown => continue,
        };
        match reason {
            "CreateContainerConfigError" | "CreateContainerError" => {
                return Some(unconfigured(scene, pod, workload, message));
            }
            "ErrImagePull" | "ImagePullBackOff" | "InvalidImageName" | "ErrImageNeverPull"
            | "ImageInspectError" => {
                return Some(no_image(scene, pod, workload, container, message));
            }
            _ => {}
        }
        let failed = container
            .ended()
            .filter(|end| matches!(end.reason.as_deref(), Some("StartError" | "ContainerCannotRun")));
        if let Some(end) = failed {
            let cure = Fix::told(format!(
                "the command of container {} in {workload} is not in its image: set a command that is, or an image that has it",
                container.name
            ))
            .by(scene.kubectl.command(&["describe", "pod", &pod.name]));
            return Some(
                ClusterFault::new(None, workload.to_string())
                    .because(PodFact::NotStarted {
                        container: container.name.clone(),
                        pod: pod.name.clone(),
                        message: end.message.clone(),
                    })
                    .because(state_of(pod))
                    .cure(cure)
                    .seen_in(EvidenceLevel::Observed),
            );
        }
    }
    None
}

fn unconfigured(scene: PodContext<'_>, pod: &Pod, workload: &Workload, message: &str) -> ClusterFault {
    let said = Fact::Verbatim(message.to_owned());
    // `couldn't find key REDIS_PASSWORD in Secret cordum/cordum-redis-secret`
    if let Some((key, rest)) =
        message.split_once("couldn't find key ").and_then(|(_, rest)| rest.split_once(" in Secret "))
    {
        let secret = rest.split_whitespace().next().unwrap_or(rest);
        let secret = secret.rsplit('/').next().unwrap_or(secret);
        return missing_key(scene, pod, workload, secret, key, said);
    }
    if let Some((key, rest)) =
        message.split_once("couldn't find key ").and_then(|(_, rest)| rest.split_once(" in ConfigMap "))
    {
        let map = rest.split_whitespace().next().unwrap_or(rest);
        let map = map.rsplit('/').next().unwrap_or(map);
        return missing_entry(scene, pod, workload, map, key, said);
    }
    if let Some(name) = between(message, "secret \"", "\" not found") {
        return missing_secret(scene, pod, workload, name, said);
    }
    if let Some(name) = between(message, "configmap \"", "\" not found") {
        return missing_config_map(scene, pod, workload, name, said);
    }
    let cure = Fix::told(format!("{workload} cannot be started as it is described: {message}"))
        .by(scene.kubectl.command(&["describe", "pod", &pod.name]));
    ClusterFault::new(None, workload.to_string())
        .because(PodFact::Told { pod: pod.name.clone(), message: message.to_owned() })
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}

fn no_image(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &ContainerState,
    message: &str,
) -> ClusterFault {
    let asked = pod.configured.iter().find(|one| one.name == container.name);
    let image = asked.and_then(|one| one.image.clone());
    let shown = image.as_deref().unwrap_or("its image");
    let told =
        pod.events.iter().rev().find(|event| event.reason == "Failed").map(|event| event.message.as_str());
    let why = if message.is_empty() { told } else { Some(message) };
    let mut others = scene
        .cluster
        .pods
        .iter()
        .filter(|other| other.workload == pod.workload && serves(other))
        .filter_map(|other| other.configured.iter().find(|one| one.name == container.name))
        .filter_map(|other| Some((other.image.as_deref()?, other.pull_policy.as_deref())))
        .filter(|(other, _)| *other != shown);
    let name = workload.to_string();
    let cure = match others.next() {
        Some((other, policy)) => {
            let also = policy.filter(|policy| asked.and_then(|one| one.pull_policy.as_deref()) != Some(*policy));
            let cure = Fix::told(format!(
                "container {} of {name} asks for image {shown}, which cannot be pulled: {other}{} is what its other pods run",
                container.name,
                also.map_or_else(String::new, |policy| format!(" (imagePullPolicy {policy})"))
            ));
            match also {
                // An image that only the node has is not to be had with another policy.
                Some(policy) => {
                    let set = serde_json::json!({"name": container.name, "image": other, "imagePullPolicy": policy});
                    let patch = serde_json::json!({"spec": {"template": {"spec": {"containers": [set]}}}});
                    cure.by(scene.kubectl.command(&["patch", &name, "-p", &patch.to_string()]))
                }
                None => cure.by(scene.kubectl.command(&[
                    "set",
                    "image",
                    &name,
                    &format!("{}={other}", container.name),
                ])),
            }
        }
        None => Fix::told(format!(
            "container {} of {name} asks for image {shown}, which cannot be pulled: push it, or name one that is there",
            container.name
        ))
        .by(scene.kubectl.command(&["rollout", "undo", &name])),
    };
    ClusterFault::new(None, name)
        .because(PodFact::NoImage { pod: pod.name.clone(), image, why: why.map(str::to_owned) })
        .because(state_of(pod))
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}
