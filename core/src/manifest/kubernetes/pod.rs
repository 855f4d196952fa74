//! A pod's template as a workload: containers, variables, volumes, probes.

use std::collections::BTreeMap;

use super::super::description::{Description, StoredKind};
use super::super::yaml::Node;
use super::{labels, name, namespace, place};
use crate::workload::{
    Argument, Container, ContainerRole, Mount, MountSource, Probe, ProbeAction, ProbeRole, Setting, Value,
    Workload, WorkloadKind,
};

/// The pod's template of a workload; of a bare pod the pod.
pub(super) fn template(object: &Node) -> Option<&Node> {
    match object.text_at(&["kind"])? {
        "Pod" => Some(object),
        "CronJob" => object.at(&["spec", "jobTemplate", "spec", "template"]),
        _ => object.at(&["spec", "template"]),
    }
}

pub(super) fn workload(object: &Node, kind: WorkloadKind, description: &mut Description) -> Workload {
    let mut workload = Workload::named(kind, name(object));
    let space = namespace(object);
    workload.place = object.at(&["metadata", "name"]).and_then(place);
    workload.wanted =
        object.at(&["spec", "replicas"]).and_then(Node::number).and_then(|many| u32::try_from(many).ok());
    let Some(template) = template(object) else {
        workload.namespace = Some(space);
        return workload;
    };
    workload.labels = labels(template.at(&["metadata", "labels"]));
    let Some(spec) = template.get("spec") else {
        workload.namespace = Some(space);
        return workload;
    };
    workload.on_host = spec.get("hostNetwork").and_then(Node::truth) == Some(true);
    if kind == WorkloadKind::StatefulSet
        && let Some(service) = object.text_at(&["spec", "serviceName"])
    {
        // Each member has a name of its own under the headless Service.
        for at in 0..workload.wanted.unwrap_or(1).min(20) {
            for tail in ["", ".svc", ".svc.cluster.local"] {
                workload.aliases.push(format!("{}-{at}.{service}.{space}{tail}", workload.name));
            }
            workload.aliases.push(format!("{}-{at}.{service}", workload.name));
        }
    }
    let claims: Vec<String> = object
        .at(&["spec", "volumeClaimTemplates"])
        .map(Node::items)
        .unwrap_or_default()
        .iter()
        .map(name)
        .collect();
    let reader = Reader { spec, space: &space, claims, description };
    let mut containers = Vec::new();
    for (section, init) in [("initContainers", true), ("containers", false)] {
        for node in spec.get(section).map(Node::items).unwrap_or_default() {
            let restarts = node.text_at(&["restartPolicy"]) == Some("Always");
            let mut container = reader.container(node);
            container.role = match (init, restarts) {
                (true, false) => ContainerRole::Init,
                (true, true) => ContainerRole::Sidecar,
                (false, _) => ContainerRole::Main,
            };
            containers.push(container);
        }
    }
    sort_roles(&mut containers, &workload.name);
    workload.containers = containers;
    workload.namespace = Some(space);
    workload
}

/// Of several containers one does the workload's work: the one that is named after it, else the first that is no
/// known helper.
fn sort_roles(containers: &mut [Container], workload: &str) {
    const HELPERS: [&str; 12] = [
        "otel",
        "collector",
        "exporter",
        "proxy",
        "sidecar",
        "envoy",
        "agent",
        "reloader",
        "vector",
        "fluent",
        "metrics",
        "logger",
    ];
    let mains: Vec<usize> =
        (0..containers.len()).filter(|at| containers[*at].role == ContainerRole::Main).collect();
    if mains.len() < 2 {
        return;
    }
    let helper = |one: &Container| HELPERS.iter().any(|word| one.name.contains(word));
    let named =
        mains.iter().find(|at| !helper(&containers[**at]) && workload.contains(&containers[**at].name));
    let main = named.or_else(|| mains.iter().find(|at| !helper(&containers[**at]))).unwrap_or(&mains[0]);
    for at in mains.iter().filter(|at| *at != main) {
        containers[*at].role = ContainerRole::Sidecar;
    }
}

struct Reader<'a> {
    spec: &'a Node,
    space: &'a str,
    claims: Vec<String>,
    description: &'a Description,
}

impl Reader<'_> {
    fn container(&self, node: &Node) -> Container {
        let security = |field: &str| {
            let own = node.at(&["securityContext", field]);
            own.or_else(|| self.spec.at(&["securityContext", field])).and_then(Node::number)
        };
        let number = |value: i64| u32::try_from(value).ok();
        let mut groups: Vec<u32> = self
            .spec
            .at(&["securityContext", "fsGroup"])
            .and_then(Node::number)
            .and_then(number)
            .into_iter()
            .collect();
        let more =
            self.spec.at(&["securityContext", "supplementalGroups"]).map(Node::items).unwrap_or_default();
        groups.extend(more.iter().filter_map(|one| number(one.number()?)));
        let environment = self.environment(node);
        let mut container = Container {
            name: name_of(node),
            image: node.text_at(&["image"]).map(str::to_owned),
            user: security("runAsUser").and_then(number),
            group: security("runAsGroup").and_then(number),
            groups,
            place: place(node),
            ..Container::default()
        };
        container.entrypoint = words(node.get("command"), &environment);
        container.arguments = words(node.get("args"), &environment);
        for port in node.get("ports").map(Node::items).unwrap_or_default() {
            let Some(number) = port.text_at(&["containerPort"]).and_then(|text| text.parse::<u16>().ok())
            else {
                continue;
            };
            container.ports.push(number);
            if let Some(name) = port.text_at(&["name"]) {
                container.port_names.insert(name.to_owned(), number);
            }
        }
        for mount in node.get("volumeMounts").map(Node::items).unwrap_or_default() {
            container.mounts.extend(self.mount(mount));
        }
        for (field, role) in [
            ("startupProbe", ProbeRole::Startup),
            ("readinessProbe", ProbeRole::Readiness),
            ("livenessProbe", ProbeRole::Liveness),
        ] {
            container
                .probes
                .extend(node.entry(field).and_then(|(key, value)| probe(key, value, role, &container)));
        }
        container.environment = environment;
        container
    }

    /// `envFrom` below, `env` above it; `$(NAME)` takes what stands before it.
    fn environment(&self, node: &Node) -> Vec<Setting> {
        let mut settings: Vec<Setting> = Vec::new();
        for from in node.get("envFrom").map(Node::items).unwrap_or_default() {
            let prefix = from.text_at(&["prefix"]).unwrap_or_default();
            for (field, kind) in [("configMapRef", StoredKind::ConfigMap), ("secretRef", StoredKind::Secret)]
            {
                let Some(name) = from.text_at(&[field, "name"]) else { continue };
                let Some(stored) = self.description.stored(kind, Some(self.space), name) else { continue };
                for (key, entry) in &stored.entries {
                    let text = String::from_utf8_lossy(&entry.bytes).into_owned();
                    let value = match kind {
                        StoredKind::ConfigMap => Value::Known(text),
                        StoredKind::Secret => {
                            Value::Secret { name: name.to_owned(), key: key.clone(), text: Some(text) }
                        }
                    };
                    settings.push(Setting {
                        name: format!("{prefix}{key}"),
                        value,
                        place: Some(entry.place.clone()),
                    });
                }
            }
        }
        for entry in node.get("env").map(Node::items).unwrap_or_default() {
            let name = name_of(entry);
            let value_node = entry.get("value");
            let (value, mark) = match (value_node, entry.get("valueFrom")) {
                (Some(node), _) => {
                    (Value::of(&referenced(node.text().unwrap_or_default(), &settings)), &node.mark)
                }
                (None, Some(from)) => (self.value_from(from), &from.mark),
                (None, None) => (Value::Known(String::new()), &entry.mark),
            };
            settings.push(Setting { name, value, place: Some(mark.place()) });
        }
        settings
    }

    fn value_from(&self, from: &Node) -> Value {
        for (field, kind) in
            [("secretKeyRef", StoredKind::Secret), ("configMapKeyRef", StoredKind::ConfigMap)]
        {
            let Some(reference) = from.get(field) else { continue };
            let name = reference.text_at(&["name"]).unwrap_or_default().to_owned();
            let key = reference.text_at(&["key"]).unwrap_or_default().to_owned();
            let entry = self
                .description
                .stored(kind, Some(self.space), &name)
                .and_then(|stored| stored.entries.get(&key))
                .map(|entry| String::from_utf8_lossy(&entry.bytes).into_owned());
            return match (kind, entry) {
                (StoredKind::Secret, text) => Value::Secret { name, key, text },
                (StoredKind::ConfigMap, Some(text)) => Value::Known(text),
                (StoredKind::ConfigMap, None) => Value::ConfigMap { name, key },
            };
        }
        let field = from.text_at(&["fieldRef", "fieldPath"]).unwrap_or("a field of the pod");
        match field {
            "metadata.namespace" => Value::Known(self.space.to_owned()),
            other => Value::Unknown(other.to_owned()),
        }
    }

    fn mount(&self, mount: &Node) -> Option<Mount> {
        let target = mount.text_at(&["mountPath"])?.to_owned();
        let volume_name = mount.text_at(&["name"])?;
        let volumes = self.spec.get("volumes").map(Node::items).unwrap_or_default();
        let volume = volumes.iter().find(|one| one.text_at(&["name"]) == Some(volume_name));
        let (source, mode) = match volume {
            Some(volume) => source_of(volume),
            None if self.claims.iter().any(|claim| claim == volume_name) => {
                (MountSource::Volume(volume_name.to_owned()), None)
            }
            None => {
                (MountSource::Other(format!("the volume {volume_name}, which the pod does not have")), None)
            }
        };
        // The source is what has to be changed where it is wrong; where it is written, else the mount.
        let place =
            volume.map_or(&mount.mark, |one| one.get("name").map_or(&one.mark, |name| &name.mark)).place();
        Some(Mount {
            target,
            source,
            sub_path: mount.text_at(&["subPath"]).map(str::to_owned),
            read_only: mount.get("readOnly").and_then(Node::truth).unwrap_or(false),
            mode,
            place: Some(place),
        })
    }
}

fn name_of(node: &Node) -> String {
    node.text_at(&["name"]).unwrap_or_default().to_owned()
}

/// A volume's source and the mode of its files.
fn source_of(volume: &Node) -> (MountSource, Option<u32>) {
    let mode = |node: &Node| {
        node.get("defaultMode").and_then(Node::number).and_then(|mode| u32::try_from(mode).ok())
    };
    for (field, name_field) in [("secret", "secretName"), ("configMap", "name")] {
        if let Some(node) = volume.get(field) {
            return (stored(node, field, name_field), mode(node));
        }
    }
    if let Some(node) = volume.get("projected") {
        let sources = node.get("sources").map(Node::items).unwrap_or_default();
        let all = sources
            .iter()
            .map(|one| match (one.get("secret"), one.get("configMap")) {
                (Some(secret), _) => stored(secret, "secret", "name"),
                (None, Some(map)) => stored(map, "configMap", "name"),
                (None, None) => MountSource::Other("a projection of the pod itself".to_owned()),
            })
            .collect();
        return (MountSource::Projected(all), mode(node));
    }
    if volume.get("emptyDir").is_some() {
        return (MountSource::Empty, None);
    }
    if let Some(path) = volume.text_at(&["hostPath", "path"]) {
        // A path of the node, not of this machine.
        return (MountSource::Other(format!("the node's {path}")), None);
    }
    if let Some(claim) = volume.text_at(&["persistentVolumeClaim", "claimName"]) {
        return (MountSource::Volume(claim.to_owned()), None);
    }
    let kind = volume.entries().iter().filter_map(|(key, _)| key.text()).find(|key| *key != "name");
    (MountSource::Other(kind.unwrap_or("an empty volume").to_owned()), None)
}

fn stored(node: &Node, field: &str, name_field: &str) -> MountSource {
    let name = node.text_at(&[name_field]).unwrap_or_default().to_owned();
    let optional = node.get("optional").and_then(Node::truth).unwrap_or(false);
    let entries = node.get("items").map(Node::items).unwrap_or_default();
    let items: BTreeMap<String, String> = entries
        .iter()
        .filter_map(|one| Some((one.text_at(&["key"])?.to_owned(), one.text_at(&["path"])?.to_owned())))
        .collect();
    if field == "secret" {
        MountSource::Secret { name, items, optional }
    } else {
        MountSource::ConfigMap { name, items, optional }
    }
}

/// `$(NAME)` where NAME stands before; else it stays as it is. `$$(` is `$(`.
fn referenced(text: &str, settings: &[Setting]) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        if let Some(behind) = after.strip_prefix('$') {
            out.push('$');
            rest = behind;
            continue;
        }
        let inside = after.strip_prefix('(').and_then(|inside| inside.split_once(')'));
        let found = inside.and_then(|(name, behind)| {
            settings.iter().rev().find(|one| one.name == name).map(|one| (one.value.marked(), behind))
        });
        match found {
            Some((value, behind)) => {
                out.push_str(&value);
                rest = behind;
            }
            None => {
                out.push('$');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

fn words(node: Option<&Node>, environment: &[Setting]) -> Vec<Argument> {
    let items = node.map(Node::items).unwrap_or_default();
    items
        .iter()
        .filter_map(|item| {
            let text = referenced(item.text()?, environment);
            Some(Argument { value: Value::of(&text), place: place(item) })
        })
        .collect()
}

fn probe(key: &Node, node: &Node, role: ProbeRole, container: &Container) -> Option<Probe> {
    let port = |node: &Node| -> Option<u16> {
        let text = node.text_at(&["port"])?;
        text.parse().ok().or_else(|| container.port_names.get(text).copied())
    };
    let (action, mark) = if let Some((name, http)) = node.entry("httpGet") {
        let tls = http.text_at(&["scheme"]).is_some_and(|scheme| scheme.eq_ignore_ascii_case("https"));
        // A host of its own leads elsewhere.
        if http.text_at(&["host"]).is_some_and(|host| !matches!(host, "127.0.0.1" | "localhost")) {
            return None;
        }
        (ProbeAction::Http { tls, port: port(http)? }, &name.mark)
    } else if let Some((name, grpc)) = node.entry("grpc") {
        (ProbeAction::Grpc { port: port(grpc)? }, &name.mark)
    } else if let Some((name, tcp)) = node.entry("tcpSocket") {
        (ProbeAction::Tcp { port: port(tcp)? }, &name.mark)
    } else {
        let (name, command) = node.at(&["exec"])?.entry("command")?;
        (ProbeAction::Command(words(Some(command), &container.environment)), &name.mark)
    };
    let mark = if key.mark.line == mark.line { &key.mark } else { mark };
    Some(Probe { role, action, place: Some(mark.place()) })
}
