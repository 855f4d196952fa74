//! Mounts that cannot be made: Secrets, keys and ConfigMaps that are missing.

use super::{PodContext, state_of};
use crate::cause::{CauseKind, Variant};
use crate::cluster::connections::known;
use crate::cluster::cure::{Fix, change, of_secret};
use crate::cluster::fault::ClusterFault;
use crate::evidence::observation::EvidenceLevel;
use crate::evidence::{Fact, PodFact};
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::{ContainerPhase, Pod};
use crate::workload::{Container, MountSource, ValueSource, Workload};

/// A mount that cannot be made, by its event, or by what the API does not have.
pub(super) fn unmounted(scene: PodContext<'_>, pod: &Pod, workload: &Workload) -> Option<ClusterFault> {
    let waits = pod.containers.iter().all(|one| {
        matches!(&one.state, ContainerPhase::Waiting(reason, _) if reason == "PodInitializing" || reason == "ContainerCreating")
            || one.state == ContainerPhase::Unknown
    });
    if !waits || pod.containers.is_empty() {
        return None;
    }
    let event = pod.events.iter().rev().find(|event| event.reason == "FailedMount");
    if let Some(event) = event {
        let said = Fact::Verbatim(event.message.clone());
        // `failed to sync configmap cache: timed out` clears by itself.
        if let Some(name) = between(&event.message, "secret \"", "\" not found") {
            return Some(missing_secret(scene, pod, workload, name, said));
        }
        if let Some(name) = between(&event.message, "configmap \"", "\" not found") {
            return Some(missing_config_map(scene, pod, workload, name, said));
        }
        if let Some((_, key)) = event.message.split_once("references non-existent secret key: ") {
            let key = key.split_whitespace().next().unwrap_or(key).trim_end_matches([',', ']']);
            let secret = mounted_secrets(pod)
                .find(|(_, items, _)| items.iter().any(|item| item == key))
                .map(|(name, ..)| name);
            if let Some(secret) = secret {
                return Some(missing_key(scene, pod, workload, &secret, key, said));
            }
        }
    }
    // Before the first event the API itself tells.
    let secrets = scene.cluster.secrets.as_ref()?;
    for (name, items, optional) in mounted_secrets(pod) {
        match secrets.get(&name) {
            None if !optional => {
                let fact = PodFact::NoSuchSecret { pod: pod.name.clone(), secret: name.clone() };
                return Some(missing_secret(scene, pod, workload, &name, fact.into()));
            }
            Some(secret) if !optional => {
                if let Some(key) = items.iter().find(|key| !secret.keys.contains_key(*key)) {
                    let (pod_name, secret) = (pod.name.clone(), name.clone());
                    let fact = PodFact::NoSuchKey { pod: pod_name, secret, key: key.clone() };
                    return Some(missing_key(scene, pod, workload, &name, key, fact.into()));
                }
            }
            _ => {}
        }
    }
    None
}

fn waits_for(workload: &Workload, fact: Fact) -> PodFact {
    PodFact::WaitsFor { workload: workload.to_string(), because: Box::new(fact) }
}

pub(super) fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
    text.split_once(before)?.1.split_once(after).map(|(inner, _)| inner)
}

/// Secrets that a pod mounts: name, the keys that it names, and whether they may be missing.
fn mounted_secrets(pod: &Pod) -> impl Iterator<Item = (String, Vec<String>, bool)> {
    pod.configured
        .iter()
        .flat_map(|one| &one.mounts)
        .flat_map(|mount| match &mount.source {
            MountSource::Projected(all) => all.as_slice(),
            other => std::slice::from_ref(other),
        })
        .filter_map(|source| match source {
            MountSource::Secret { name, items, optional } => {
                Some((name.clone(), items.keys().cloned().collect(), *optional))
            }
            _ => None,
        })
}

/// The keys that a workload's pods look for in a Secret: named in the mount, or by settings that point into it.
fn keys_wanted(scene: PodContext<'_>, secret: &str) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    let mut add = |key: &str| {
        if !key.is_empty() && !keys.iter().any(|known| known == key) {
            keys.push(key.to_owned());
        }
    };
    for connection in scene.connections {
        let files = [&connection.ca, &connection.identity, &connection.certificate, &connection.client_ca];
        for file in files.into_iter().flatten() {
            if let Some(key) = file.found.key().filter(|key| key.secret == secret) {
                add(&key.key);
            }
        }
    }
    for container in scene.cluster.workloads.iter().flat_map(|one| &one.containers) {
        for mount in &container.mounts {
            let MountSource::Secret { name, items, .. } = &mount.source else { continue };
            if name != secret {
                continue;
            }
            for key in items.keys() {
                add(key);
            }
            let front = format!("{}/", mount.target.trim_end_matches('/'));
            for setting in &container.environment {
                if let Some(key) = setting.value.known().and_then(|path| path.strip_prefix(&front)) {
                    add(key);
                }
            }
        }
        for setting in &container.environment {
            if let crate::workload::Value::Secret { name, key, .. } = &setting.value
                && name == secret
            {
                add(key);
            }
        }
    }
    // A certificate is of no use without its key, which no setting may name where the pair lies in one folder.
    if keys.iter().any(|key| key == "tls.crt") && !keys.iter().any(|key| key == "tls.key") {
        keys.push("tls.key".to_owned());
    }
    keys.sort();
    keys
}

pub(super) fn missing_secret(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    secret: &str,
    fact: Fact,
) -> ClusterFault {
    let mut keys = keys_wanted(scene, secret);
    if keys.is_empty() {
        keys = vec!["tls.crt".to_owned(), "tls.key".to_owned()];
    }
    let pair = keys == ["tls.crt", "tls.key"];
    let folder = secret.strip_prefix("cordum-").unwrap_or(secret).trim_end_matches("-tls");
    let file = |key: &str| match key {
        "ca.crt" => "certs/ca/ca.crt".to_owned(),
        key => format!("certs/{folder}/{key}"),
    };
    let command = if pair {
        scene.kubectl.command(&[
            "create",
            "secret",
            "tls",
            secret,
            &format!("--cert={}", file("tls.crt")),
            &format!("--key={}", file("tls.key")),
        ])
    } else {
        let files: Vec<String> = keys.iter().map(|key| format!("--from-file={key}={}", file(key))).collect();
        let mut words = vec!["create", "secret", "generic", secret];
        words.extend(files.iter().map(String::as_str));
        scene.kubectl.command(&words)
    };
    let certificates = keys.iter().any(|key| key.ends_with(".crt"));
    let cure = Fix::told(format!(
        "secret/{secret}, which {workload} waits for, does not exist: create it with the keys {} (the paths are those \
         of the files on your side); the pods start by themselves within two minutes",
        keys.join(", ")
    ))
    .by(command);
    let cure = keys.iter().fold(cure, |cure, key| cure.with(of_secret(workload.to_string(), secret, key)));
    let cause = certificates.then_some(CauseKind::BadKeyFile);
    ClusterFault::new(cause, format!("secret/{secret}"))
        .variant(certificates.then_some(Variant::FileMissing))
        .because(waits_for(workload, fact))
        .because(state_of(pod))
        .cure(cure)
        .breaks(if certificates { &["certificates"] } else { &[] })
        .seen_in(EvidenceLevel::Observed)
}

pub(super) fn missing_key(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    secret: &str,
    key: &str,
    fact: Fact,
) -> ClusterFault {
    let of_certificate = [".crt", ".key", ".pem"].iter().any(|end| key.ends_with(end));
    let command = if of_certificate {
        scene.kubectl.fill(secret, &[(key, key)])
    } else {
        let patch = format!(r#"{{"stringData":{{"{key}":"<the value of {key}>"}}}}"#);
        scene.kubectl.command(&["patch", "secret", secret, "--type=merge", "-p", &patch])
    };
    let cure = Fix::told(format!(
        "secret/{secret} has no key {key}, which {workload} needs: put it in; the pod starts by itself then"
    ))
    .by(command)
    .with(of_secret(workload.to_string(), secret, key));
    ClusterFault::new(of_certificate.then_some(CauseKind::BadKeyFile), format!("secret/{secret}"))
        .variant(of_certificate.then_some(Variant::FileMissing))
        .because(waits_for(workload, fact))
        .because(state_of(pod))
        .cure(cure)
        .breaks(if of_certificate { &["certificates"] } else { &[] })
        .seen_in(EvidenceLevel::Observed)
}

/// A variable asks for a key that its ConfigMap lacks: what the stack's other services have under that name, it has to
/// hold too.
pub(super) fn missing_entry(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    map: &str,
    key: &str,
    fact: Fact,
) -> ClusterFault {
    let place = format!("configmap/{map}");
    let asks = |container: &Container| {
        let of_it = |origin: &ValueSource| !origin.is_secret && origin.name == map && origin.key == key;
        container.origins.iter().find(|(_, origin)| of_it(origin)).map(|(name, _)| name.clone())
    };
    let variable = pod.configured.iter().find_map(asks).unwrap_or_else(|| key.to_owned());
    let mut values: Vec<&str> = scene
        .cluster
        .workloads
        .iter()
        .filter_map(|one| known(one.main()?, &variable))
        .filter(|value| !value.contains('@') && !value.contains("$("))
        .collect();
    values.sort_unstable();
    values.dedup();
    let value = match values.as_slice() {
        [one] => Some(*one),
        _ => None,
    };
    let told = match value {
        Some(value) => format!(
            "{place} has no key {key}, which {workload} needs: put in {value}, as the other services have it"
        ),
        None => format!(
            "{place} has no key {key}, which {workload} needs: put it in; the pod starts by itself then"
        ),
    };
    let typed = value.map_or_else(|| format!("<the value of {key}>"), str::to_owned);
    let change = change(place.clone(), None, ChangeKind::Environment, variable, Some(format!("data[{key}]")));
    let cure = Fix::told(told).by(scene.kubectl.rewrite(map, key, &typed)).with(change.values(None, value));
    ClusterFault::new(None, place)
        .because(waits_for(workload, fact))
        .because(state_of(pod))
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}

pub(super) fn missing_config_map(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    map: &str,
    fact: Fact,
) -> ClusterFault {
    let cure = Fix::told(format!(
        "configmap/{map}, which {workload} waits for, does not exist: apply the manifest that has it"
    ))
    .by(scene.kubectl.command(&["get", "configmap", map]));
    ClusterFault::new(None, format!("configmap/{map}"))
        .because(waits_for(workload, fact))
        .because(state_of(pod))
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}
