//! Why a pod does not serve: what its states, its events and its last words say, each told for itself. Whose fault
//! that is in the end is the story's matter.

use super::connections::{self, Connection, known};
use super::cure::{Cure, Kubectl, change, of_secret};
use super::fault::Fault;
use super::log::{Start, Trouble};
use super::secrets::{self, Found};
use crate::cause::{CauseKind, Confidence, Side, Variant};
use crate::evidence::observation::EvidenceLevel;
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::{Cluster, ContainerState, Pod, State};
use crate::workload::{
    Container, ContainerRole, MountSource, ProbeAction, ProbeRole, Termination, Workload, WorkloadKind,
};

/// What a pod's container said: its present start and the one before.
#[derive(Clone, Debug, Default)]
pub struct Said {
    pub present: Option<Start>,
    pub previous: Option<Start>,
}

impl Said {
    /// The start that tells what a container is in: the one that ended where it is between two, or where the present
    /// one has not said anything yet.
    #[must_use]
    pub fn telling(&self, looping: bool) -> Option<&Start> {
        let young = |start: &Start| start.troubles.is_empty() && start.last_error.is_none();
        match (&self.present, &self.previous) {
            (Some(present), Some(previous)) if looping && young(present) => Some(previous),
            (Some(present), _) if present.lines > 0 => Some(present),
            (_, previous) => previous.as_ref(),
        }
    }
}

/// Why a pod does not serve.
#[derive(Clone, Debug)]
pub(super) enum Reason {
    /// Told in full by Kubernetes itself.
    Told(Box<Fault>),
    /// A container died of this, or is in it.
    Trouble(Box<Trouble>, String),
    /// A container died with words that name no trouble that we know.
    Words(String, String),
    /// A probe finds it not ready, for what it says itself or for what it waits for.
    NotReady(String),
}

/// Something to look into: the pod and what runs around it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub cluster: &'a Cluster,
    pub connections: &'a [Connection<'a>],
    pub kubectl: &'a Kubectl,
}

/// Whether a pod does what it is there for.
#[must_use]
pub(super) fn serves(pod: &Pod) -> bool {
    pod.ready && !pod.leaving
}

/// Why a pod does not serve.
#[must_use]
pub(super) fn reason(scene: Scene<'_>, pod: &Pod, said: &dyn Fn(&str) -> Said) -> Option<Reason> {
    let workload = scene.cluster.workload_of(pod)?;
    if let Some(fault) = unscheduled(scene, pod, workload)
        .or_else(|| unmounted(scene, pod, workload))
        .or_else(|| unstarted(scene, pod, workload))
    {
        return Some(Reason::Told(Box::new(fault)));
    }
    // An init container that fails keeps all others waiting; then the service itself, then what runs beside it.
    let by_role = |role| pod.containers.iter().filter(move |one: &&ContainerState| one.role == role);
    for container in by_role(ContainerRole::Init) {
        let failed = matches!(&container.state, State::Terminated(end) if end.exit_code != 0);
        if container.is_looping() || failed {
            return Some(died(pod, container, &said(&container.name)));
        }
    }
    for container in by_role(ContainerRole::Main).chain(by_role(ContainerRole::Sidecar)) {
        let probed = probe_trouble(scene, pod, workload, container);
        let said = said(&container.name);
        let looping = container.is_looping();
        // A clean end under a probe that is at fault itself: the probe ended it.
        if let Some(fault) = probed {
            return Some(Reason::Told(Box::new(fault)));
        }
        if looping {
            return Some(died(pod, container, &said));
        }
        if !container.ready && container.role == ContainerRole::Main {
            let open = said.present.as_ref().and_then(Start::died_of);
            if let Some(trouble) = open {
                return Some(Reason::Trouble(Box::new(trouble.clone()), container.name.clone()));
            }
            let failing = last_probe(pod, &container.name);
            return Some(Reason::NotReady(failing.unwrap_or_else(|| format!("{} is not ready", pod.name))));
        }
    }
    None
}

/// What a container that ended said, or how it ended.
fn died(pod: &Pod, container: &ContainerState, said: &Said) -> Reason {
    let ended = container.ended();
    if let Some(end) = ended.filter(|end| end.reason.as_deref() == Some("OOMKilled")) {
        return Reason::Words(
            format!(
                "{} of pod {} was ended for want of memory (exit code {})",
                container.name, pod.name, end.exit_code
            ),
            container.name.clone(),
        );
    }
    let start = said.telling(container.is_looping());
    if let Some(start) = start {
        let open = start.died_of();
        let last_error_is_it = open.is_some_and(|one| {
            let words = one.sample.lines().next().unwrap_or_default();
            start.last_error.as_deref().is_none_or(|last| last.starts_with(words) || !is_fatal(last))
        });
        match (open, start.words()) {
            (Some(trouble), _) if last_error_is_it => {
                return Reason::Trouble(Box::new(with_path(start, trouble).clone()), container.name.clone());
            }
            // What it said last is another matter than the trouble that it had warned of.
            (_, Some(words)) => return Reason::Words(words.to_owned(), container.name.clone()),
            (Some(trouble), None) => {
                return Reason::Trouble(Box::new(trouble.clone()), container.name.clone());
            }
            (None, None) => {}
        }
    }
    let message = ended.and_then(|end| end.message.clone());
    Reason::Words(message.unwrap_or_else(|| ending(container, ended)), container.name.clone())
}

/// Of lines about a file that cannot be used the one that names it: `Failed to configure TLS. Check logs for more
/// info.` comes after it.
fn with_path<'a>(start: &'a Start, last: &'a Trouble) -> &'a Trouble {
    if last.what.kind != CauseKind::BadKeyFile || path_in(&last.sample).is_some() {
        return last;
    }
    let named = |one: &&Trouble| one.what.kind == last.what.kind && path_in(&one.sample).is_some();
    start.troubles.iter().rev().find(named).unwrap_or(last)
}

/// A line with which a service gives up.
fn is_fatal(line: &str) -> bool {
    ["] ERROR ", "FATAL", "panic:", "\"level\":\"ERROR\"", "[FTL]", "[emerg]"]
        .iter()
        .any(|word| line.contains(word))
}

fn ending(container: &ContainerState, ended: Option<&Termination>) -> String {
    match ended {
        Some(end) => format!(
            "{} ended with exit code {}{}",
            container.name,
            end.exit_code,
            end.reason.as_ref().map(|reason| format!(" ({reason})")).unwrap_or_default()
        ),
        None => format!("{} does not run", container.name),
    }
}

/// The last failed probe of a container that stands in the events.
fn last_probe(pod: &Pod, container: &str) -> Option<String> {
    let event = pod.events.iter().rev().find(|event| {
        event.reason == "Unhealthy" && event.container.as_deref().is_none_or(|name| name == container)
    })?;
    Some(format!("pod {}: {}", pod.name, event.message))
}

fn unscheduled(scene: Scene<'_>, pod: &Pod, workload: &Workload) -> Option<Fault> {
    let why = pod.unschedulable.as_ref()?;
    let name = workload.to_string();
    let cure = Cure::told(format!(
        "no node takes pod {}: {why}; make room, or let {name} ask for what a node has",
        pod.name
    ))
    .by(scene.kubectl.command(&["describe", "pod", &pod.name]));
    Some(
        Fault::new(None, name)
            .because(format!("pod {} is on no node: {why}", pod.name))
            .cure(cure)
            .seen_in(EvidenceLevel::Observed),
    )
}

/// A mount that cannot be made, by its event, or by what the API does not have.
fn unmounted(scene: Scene<'_>, pod: &Pod, workload: &Workload) -> Option<Fault> {
    let waits = pod.containers.iter().all(|one| {
        matches!(&one.state, State::Waiting(reason, _) if reason == "PodInitializing" || reason == "ContainerCreating")
            || one.state == State::Unknown
    });
    if !waits || pod.containers.is_empty() {
        return None;
    }
    let event = pod.events.iter().rev().find(|event| event.reason == "FailedMount");
    if let Some(event) = event {
        // `failed to sync configmap cache: timed out` clears by itself.
        if let Some(name) = between(&event.message, "secret \"", "\" not found") {
            return Some(missing_secret(scene, pod, workload, name, &event.message));
        }
        if let Some(name) = between(&event.message, "configmap \"", "\" not found") {
            return Some(missing_config_map(scene, pod, workload, name, &event.message));
        }
        if let Some((_, key)) = event.message.split_once("references non-existent secret key: ") {
            let key = key.split_whitespace().next().unwrap_or(key).trim_end_matches([',', ']']);
            let secret = mounted_secrets(pod)
                .find(|(_, items, _)| items.iter().any(|item| item == key))
                .map(|(name, ..)| name);
            if let Some(secret) = secret {
                return Some(missing_key(scene, pod, workload, &secret, key, &event.message));
            }
        }
    }
    // Before the first event the API itself tells.
    let secrets = scene.cluster.secrets.as_ref()?;
    for (name, items, optional) in mounted_secrets(pod) {
        match secrets.get(&name) {
            None if !optional => {
                let fact = format!("pod {} mounts secret {name}, and there is no such secret", pod.name);
                return Some(missing_secret(scene, pod, workload, &name, &fact));
            }
            Some(secret) if !optional => {
                if let Some(key) = items.iter().find(|key| !secret.keys.contains_key(*key)) {
                    let fact = format!("pod {} mounts key {key} of secret {name}, which has none", pod.name);
                    return Some(missing_key(scene, pod, workload, &name, key, &fact));
                }
            }
            _ => {}
        }
    }
    None
}

fn between<'a>(text: &'a str, before: &str, after: &str) -> Option<&'a str> {
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
fn keys_wanted(scene: Scene<'_>, secret: &str) -> Vec<String> {
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

fn missing_secret(scene: Scene<'_>, pod: &Pod, workload: &Workload, secret: &str, fact: &str) -> Fault {
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
    let cure = Cure::told(format!(
        "secret/{secret}, which {workload} waits for, does not exist: create it with the keys {} (the paths are those \
         of the files on your side); the pods start by themselves within two minutes",
        keys.join(", ")
    ))
    .by(command);
    let cure = keys.iter().fold(cure, |cure, key| cure.with(of_secret(workload.to_string(), secret, key)));
    let cause = certificates.then_some(CauseKind::BadKeyFile);
    Fault::new(cause, format!("secret/{secret}"))
        .variant(certificates.then_some(Variant::FileMissing))
        .because(format!("{workload} does not start: {fact}"))
        .because(state_of(pod))
        .cure(cure)
        .breaks(if certificates { &["certificates"] } else { &[] })
        .seen_in(EvidenceLevel::Observed)
}

fn missing_key(
    scene: Scene<'_>,
    pod: &Pod,
    workload: &Workload,
    secret: &str,
    key: &str,
    fact: &str,
) -> Fault {
    let of_certificate = [".crt", ".key", ".pem"].iter().any(|end| key.ends_with(end));
    let command = if of_certificate {
        scene.kubectl.fill(secret, &[(key, key)])
    } else {
        let patch = format!(r#"{{"stringData":{{"{key}":"<the value of {key}>"}}}}"#);
        scene.kubectl.command(&["patch", "secret", secret, "--type=merge", "-p", &patch])
    };
    let cure = Cure::told(format!(
        "secret/{secret} has no key {key}, which {workload} needs: put it in; the pod starts by itself then"
    ))
    .by(command)
    .with(of_secret(workload.to_string(), secret, key));
    Fault::new(of_certificate.then_some(CauseKind::BadKeyFile), format!("secret/{secret}"))
        .variant(of_certificate.then_some(Variant::FileMissing))
        .because(format!("{workload} does not start: {fact}"))
        .because(state_of(pod))
        .cure(cure)
        .breaks(if of_certificate { &["certificates"] } else { &[] })
        .seen_in(EvidenceLevel::Observed)
}

fn missing_config_map(scene: Scene<'_>, pod: &Pod, workload: &Workload, map: &str, fact: &str) -> Fault {
    let cure = Cure::told(format!(
        "configmap/{map}, which {workload} waits for, does not exist: apply the manifest that has it"
    ))
    .by(scene.kubectl.command(&["get", "configmap", map]));
    Fault::new(None, format!("configmap/{map}"))
        .because(format!("{workload} does not start: {fact}"))
        .because(state_of(pod))
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}

/// `pod cordum-… waits: PodInitializing`.
#[must_use]
pub(super) fn state_of(pod: &Pod) -> String {
    let main = pod.main();
    let of = |one: &ContainerState| match &one.state {
        State::Waiting(reason, _) => format!("waits: {reason}"),
        State::Running(_) if one.ready => "runs".to_owned(),
        State::Running(_) => "runs and is not ready".to_owned(),
        State::Terminated(end) => format!("has ended (exit code {})", end.exit_code),
        State::Unknown => "has no state".to_owned(),
    };
    let restarts = main.map_or(0, |one| one.restarts);
    let again = match restarts {
        0 => String::new(),
        1 => ", restarted once".to_owned(),
        more => format!(", restarted {more} times"),
    };
    format!("pod {} {}{again}", pod.name, main.map_or_else(|| "has no container".to_owned(), of))
}

/// A container that Kubernetes cannot even start: its image, its settings, its command.
fn unstarted(scene: Scene<'_>, pod: &Pod, workload: &Workload) -> Option<Fault> {
    for container in &pod.containers {
        let (reason, message) = match &container.state {
            State::Waiting(reason, message) => (reason.as_str(), message.as_str()),
            State::Terminated(end) => {
                (end.reason.as_deref().unwrap_or_default(), end.message.as_deref().unwrap_or_default())
            }
            State::Running(_) | State::Unknown => continue,
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
            let message = end.message.clone().unwrap_or_else(|| "it cannot be started".to_owned());
            let cure = Cure::told(format!(
                "the command of container {} in {workload} is not in its image: set a command that is, or an image that has it",
                container.name
            ))
            .by(scene.kubectl.command(&["describe", "pod", &pod.name]));
            return Some(
                Fault::new(None, workload.to_string())
                    .because(format!("{} of pod {} cannot be started: {message}", container.name, pod.name))
                    .because(state_of(pod))
                    .cure(cure)
                    .seen_in(EvidenceLevel::Observed),
            );
        }
    }
    None
}

fn unconfigured(scene: Scene<'_>, pod: &Pod, workload: &Workload, message: &str) -> Fault {
    // `couldn't find key REDIS_PASSWORD in Secret cordum/cordum-redis-secret`
    if let Some((key, rest)) =
        message.split_once("couldn't find key ").and_then(|(_, rest)| rest.split_once(" in Secret "))
    {
        let secret = rest.split_whitespace().next().unwrap_or(rest);
        let secret = secret.rsplit('/').next().unwrap_or(secret);
        return missing_key(scene, pod, workload, secret, key, message);
    }
    if let Some(name) = between(message, "secret \"", "\" not found") {
        return missing_secret(scene, pod, workload, name, message);
    }
    if let Some(name) = between(message, "configmap \"", "\" not found") {
        return missing_config_map(scene, pod, workload, name, message);
    }
    let cure = Cure::told(format!("{workload} cannot be started as it is described: {message}"))
        .by(scene.kubectl.command(&["describe", "pod", &pod.name]));
    Fault::new(None, workload.to_string())
        .because(format!("pod {}: {message}", pod.name))
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}

fn no_image(
    scene: Scene<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &ContainerState,
    message: &str,
) -> Fault {
    let image =
        pod.configured.iter().find(|one| one.name == container.name).and_then(|one| one.image.clone());
    let image = image.unwrap_or_else(|| "its image".to_owned());
    let told =
        pod.events.iter().rev().find(|event| event.reason == "Failed").map(|event| event.message.as_str());
    let why = if message.is_empty() { told.unwrap_or("it cannot be pulled") } else { message };
    let others: Vec<&str> = scene
        .cluster
        .pods
        .iter()
        .filter(|other| other.workload == pod.workload && serves(other))
        .filter_map(|other| other.configured.iter().find(|one| one.name == container.name)?.image.as_deref())
        .filter(|other| *other != image)
        .collect();
    let name = workload.to_string();
    let cure = match others.first() {
        Some(other) => Cure::told(format!(
            "container {} of {name} asks for image {image}, which cannot be pulled: {other} is what its other pods run",
            container.name
        ))
        .by(scene.kubectl.command(&["set", "image", &name, &format!("{}={other}", container.name)])),
        None => Cure::told(format!(
            "container {} of {name} asks for image {image}, which cannot be pulled: push it, or name one that is there",
            container.name
        ))
        .by(scene.kubectl.command(&["rollout", "undo", &name])),
    };
    Fault::new(None, name)
        .because(format!("pod {} has no image {image}: {why}", pod.name))
        .because(state_of(pod))
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}

/// A probe that is itself at fault: its scheme is not the port's.
fn probe_trouble(
    scene: Scene<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &ContainerState,
) -> Option<Fault> {
    if container.ready {
        return None;
    }
    let configured = pod.configured.iter().find(|one| one.name == container.name)?;
    let failures = pod.events.iter().rev().filter(|event| {
        event.reason == "Unhealthy" && event.container.as_deref().is_none_or(|name| name == container.name)
    });
    for event in failures {
        let role = if event.message.starts_with("Startup") {
            ProbeRole::Startup
        } else if event.message.starts_with("Liveness") {
            ProbeRole::Liveness
        } else {
            ProbeRole::Readiness
        };
        let probe = configured.probes.iter().find(|probe| probe.role == role);
        let Some(ProbeAction::Http { tls, port }) = probe.map(|probe| &probe.action) else { continue };
        let speaks = serves_tls(configured, *port);
        if !tls && event.message.contains("statuscode: 400") && speaks != Some(false) {
            return Some(plain_probe(scene, pod, workload, configured, *port, &event.message));
        }
        if *tls && event.message.contains("server gave HTTP response to HTTPS client") {
            return Some(tls_probe(scene, pod, workload, configured, *port, &event.message));
        }
        if container.restarts > 0 || event.message.contains("connection refused") {
            continue;
        }
        break;
    }
    None
}

/// Whether a service speaks TLS at one of its ports, by its settings.
fn serves_tls(container: &Container, port: u16) -> Option<bool> {
    let set = |name: &str| Some(known(container, name).is_some());
    match port {
        8081 => set("GATEWAY_HTTP_TLS_CERT"),
        _ => None,
    }
}

const FIELDS: &[(ProbeRole, &str)] = &[
    (ProbeRole::Startup, "startupProbe"),
    (ProbeRole::Readiness, "readinessProbe"),
    (ProbeRole::Liveness, "livenessProbe"),
];

fn plain_probe(
    scene: Scene<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &Container,
    port: u16,
    event: &str,
) -> Fault {
    let plain: Vec<&str> = FIELDS
        .iter()
        .filter(|(role, _)| {
            let at = |action: &ProbeAction| matches!(action, ProbeAction::Http { tls: false, port: own } if *own == port);
            container.probes.iter().any(|probe| probe.role == *role && at(&probe.action))
        })
        .map(|(_, field)| *field)
        .collect();
    let mut spec = serde_json::json!({ "name": container.name });
    for field in &plain {
        spec[*field] = serde_json::json!({ "httpGet": { "scheme": "HTTPS" } });
    }
    let patch = serde_json::json!({ "spec": { "template": { "spec": { "containers": [spec] } } } });
    let name = workload.to_string();
    let command = scene.kubectl.command(&["patch", &name, "-p", &patch.to_string()]);
    let mut cure = Cure::told(format!(
        "{} of container {} in {name} have no `scheme: HTTPS`, and port {port} speaks TLS: set it",
        plain.join(", "),
        container.name
    ))
    .by(command);
    for field in &plain {
        cure = cure.with(
            change(
                name.clone(),
                Some(&container.name),
                ChangeKind::Config,
                format!("{field}.httpGet.scheme"),
                Some(format!(
                    "spec.template.spec.containers[name={}].{field}.httpGet.scheme",
                    container.name
                )),
            )
            .values(Some("HTTP"), Some("HTTPS")),
        );
    }
    Fault::new(Some(CauseKind::WrongSchemePlainToTls), name)
        .on(Side::Client)
        .because(format!("pod {}: {event}: the probe speaks HTTP to port {port}, which speaks TLS", pod.name))
        .because(state_of(pod))
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}

/// The probe speaks TLS and the service does not: where its neighbours do, its certificate is not set.
fn tls_probe(
    scene: Scene<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &Container,
    port: u16,
    event: &str,
) -> Fault {
    let name = workload.to_string();
    let base = Fault::new(Some(CauseKind::WrongSchemeTlsToPlain), name.clone())
        .variant(Some(Variant::HttpPlaintext))
        .because(format!(
            "pod {}: {event}: the probe speaks TLS to port {port}, which serves plain HTTP",
            pod.name
        ))
        .because(state_of(pod))
        .seen_in(EvidenceLevel::Observed);
    let pair = ["GATEWAY_HTTP_TLS_CERT", "GATEWAY_HTTP_TLS_KEY"];
    let missing = pair.iter().all(|variable| known(container, variable).is_none());
    let certificate = known(container, "GRPC_TLS_CERT").map_or("/etc/cordum/tls/server/tls.crt", |path| path);
    let key = known(container, "GRPC_TLS_KEY").map_or("/etc/cordum/tls/server/tls.key", |path| path);
    if !(missing && port == 8081) {
        let cure = Cure::told(format!(
            "port {port} of container {} in {name} serves plain HTTP and its probes ask for HTTPS: one of the two has to change",
            container.name
        ))
        .by(scene.kubectl.command(&["get", &name, "-o", "yaml"]));
        return base.cure(cure);
    }
    let values = [format!("{}={certificate}", pair[0]), format!("{}={key}", pair[1])];
    let command =
        scene.kubectl.command(&["set", "env", &name, "-c", &container.name, &values[0], &values[1]]);
    let mut cure = Cure::told(format!(
        "{} and {} of {name} are not set, so port {port} serves plain HTTP: set them to {certificate} and {key}",
        pair[0], pair[1]
    ))
    .by(command);
    for (variable, to) in pair.iter().zip([certificate, key]) {
        cure = cure.with(
            change(
                name.clone(),
                Some(&container.name),
                ChangeKind::Environment,
                (*variable).to_owned(),
                Some(format!("spec.template.spec.containers[name={}].env", container.name)),
            )
            .values(None, Some(to)),
        );
    }
    base.cure(cure)
}

/// A file that a container named in its last words, as what mounts it has it.
#[must_use]
pub(super) fn file_at_fault(
    scene: Scene<'_>,
    pod: &Pod,
    container: &str,
    sample: &str,
) -> Option<(String, Found)> {
    let configured = pod.configured.iter().find(|one| one.name == container)?;
    let path = path_in(sample).or_else(|| {
        // `tls: private key does not match public key` names no file; the setting of the failing server does.
        let label = [
            ("gateway-http", "GATEWAY_HTTP_TLS_CERT"),
            ("gateway-grpc", "GRPC_TLS_CERT"),
            ("http tls keypair", "GATEWAY_HTTP_TLS_CERT"),
            ("grpc tls keypair", "GRPC_TLS_CERT"),
            ("safety kernel tls", "SAFETY_KERNEL_TLS_CERT"),
            ("context engine tls", "CONTEXT_ENGINE_TLS_CERT"),
            ("nats tls keypair", "NATS_TLS_CERT"),
            ("redis tls keypair", "REDIS_TLS_CERT"),
        ];
        let found = label.iter().find(|(words, _)| sample.contains(words))?;
        known(configured, found.1).map(str::to_owned)
    })?;
    let found = secrets::at(scene.cluster, configured, &path);
    Some((path, found))
}

/// The first path of a certificate or key in a text.
fn path_in(text: &str) -> Option<String> {
    let ends = |word: &&str| [".crt", ".key", ".pem"].iter().any(|end| word.ends_with(end));
    text.split(|c: char| c.is_whitespace() || matches!(c, ':' | '"' | '\'' | '=' | ',' | ';'))
        .filter(|word| word.starts_with('/'))
        .find(ends)
        .map(str::to_owned)
}

/// The confidence of a line, never above likely where its side is the network's.
#[must_use]
pub(super) const fn sure(trouble: &Trouble) -> Confidence {
    match trouble.what.confidence {
        Confidence::Certain if matches!(trouble.what.side, Side::Network) => Confidence::Likely,
        other => other,
    }
}

/// Whether a workload is meant to run at all.
#[must_use]
pub(super) fn is_wanted(workload: &Workload) -> bool {
    workload.kind == WorkloadKind::Pod || workload.wanted.is_none_or(|wanted| wanted > 0)
}

/// A client's settings of a link.
#[must_use]
pub(super) fn dialled<'a>(
    scene: Scene<'a>,
    workload: &Workload,
    link: crate::link::Link,
) -> Option<&'a Connection<'a>> {
    scene.connections.iter().find(|one| {
        one.client.name == workload.name
            && one.client.kind == workload.kind
            && one.target == connections::Target::Link(link)
    })
}
