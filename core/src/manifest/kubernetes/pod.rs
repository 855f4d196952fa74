//! A pod's template as a workload: containers, variables, volumes, probes.

use super::super::description::{Description, StoredKind};
use super::super::interpolate;
use super::super::yaml::Node;
use super::volume::{self, Written};
use super::{labels, name, namespace, place};
use crate::workload::{
    Argument, Container, ContainerRole, Place, Probe, ProbeAction, ProbeRole, Setting, Value, Workload,
    WorkloadKind,
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
    let reader = PodReader { spec, space: &space, claims, description, written: Written::default() };
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
    let Written { volumes, names } = reader.written;
    description.volumes.append(&mut volumes.into_inner());
    description.names.append(&mut names.into_inner());
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

struct PodReader<'a> {
    spec: &'a Node,
    space: &'a str,
    claims: Vec<String>,
    description: &'a Description,
    written: Written,
}

impl PodReader<'_> {
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
            container.mounts.extend(volume::mount(self.spec, &self.claims, mount, &self.written));
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
                (None, Some(from)) => {
                    let (value, written) = self.value_from(from);
                    if let Some(place) = written {
                        settings.push(Setting { name, value, place: Some(place) });
                        continue;
                    }
                    (value, &from.mark)
                }
                (None, None) => (Value::Known(String::new()), &entry.mark),
            };
            // A text over several lines stands where its key does.
            let key = entry.entry("value").map_or(mark, |(key, _)| &key.mark);
            let block = value.known().is_some_and(|text| text.contains('\n')) && key.line < mark.line;
            let mark = if block { key } else { mark };
            if let Some(name) = entry.get("name").filter(|name| name.mark.line != mark.line) {
                self.written.names.borrow_mut().insert(mark.place(), name.mark.place());
            }
            settings.push(Setting { name, value, place: Some(mark.place()) });
        }
        settings
    }

    /// The value, and where it is written if that is elsewhere: in a ConfigMap.
    fn value_from(&self, from: &Node) -> (Value, Option<Place>) {
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
                .map(|entry| (String::from_utf8_lossy(&entry.bytes).into_owned(), entry.place.clone()));
            return match (kind, entry) {
                (StoredKind::Secret, entry) => {
                    (Value::Secret { name, key, text: entry.map(|(text, _)| text) }, None)
                }
                (StoredKind::ConfigMap, Some((text, place))) => (Value::Known(text), Some(place)),
                (StoredKind::ConfigMap, None) => (Value::ConfigMap { name, key }, None),
            };
        }
        let field = from.text_at(&["fieldRef", "fieldPath"]).unwrap_or("a field of the pod");
        let value = match field {
            "metadata.namespace" => Value::Known(self.space.to_owned()),
            other => Value::Unknown(other.to_owned()),
        };
        (value, None)
    }
}

fn name_of(node: &Node) -> String {
    node.text_at(&["name"]).unwrap_or_default().to_owned()
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
            // Beyond what a program can be started with it stays as it is.
            Some((value, behind)) if out.len() + value.len() <= interpolate::LONGEST => {
                out.push_str(&value);
                rest = behind;
            }
            _ => {
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
        (ProbeAction::Http { tls, said: http.get("scheme").is_some(), port: port(http)? }, &name.mark)
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
