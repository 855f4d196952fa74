//! A container's specification as the model has it: variables with `valueFrom` resolved and `$(NAME)` put in, mounts
//! with what they bring, probes.

use std::collections::BTreeMap;

use super::object::{self, ContainerSpec, EnvVar, KeyToPath, PodSpec, ProbeSpec, TargetPort};
use super::{SecretObject, who};
use crate::workload::{
    Argument, Container, ContainerRole, Mount, MountSource, Probe, ProbeAction, ProbeRole, Setting, Value,
    ValueSource,
};

/// What values may come from; `None`: nobody looked.
#[derive(Clone, Copy, Debug)]
pub(super) struct ValueSources<'a> {
    pub secrets: Option<&'a BTreeMap<String, SecretObject>>,
    pub config_maps: Option<&'a BTreeMap<String, BTreeMap<String, String>>>,
}

/// All containers of a pod, init containers first; one of the others is the main one.
pub(super) fn containers(spec: &PodSpec, service: &str, sources: ValueSources<'_>) -> Vec<Container> {
    let mut all = Vec::new();
    for one in &spec.init_containers {
        let role = if one.restart_policy == "Always" { ContainerRole::Sidecar } else { ContainerRole::Init };
        all.push(container(one, role, spec, sources));
    }
    let main = main_of(&spec.containers, service);
    for (index, one) in spec.containers.iter().enumerate() {
        let role = if Some(index) == main { ContainerRole::Main } else { ContainerRole::Sidecar };
        all.push(container(one, role, spec, sources));
    }
    all
}

/// The container that does the work: the one named after the service, else the one whose image is, else the first
/// that is no well-known companion. (kustomize puts added sidecars first.)
fn main_of(containers: &[ContainerSpec], service: &str) -> Option<usize> {
    let image = |one: &ContainerSpec| {
        let path = one.image.split(['@']).next().unwrap_or_default();
        let name = path.rsplit('/').next().unwrap_or_default();
        name.split(':').next().unwrap_or_default().to_owned()
    };
    let find = |test: &dyn Fn(&ContainerSpec) -> bool| containers.iter().position(test);
    find(&|one| who::is_own(&one.name, service))
        .or_else(|| find(&|one| who::is_own(&image(one), service)))
        .or_else(|| find(&|one| !is_companion(&one.name) && !is_companion(&image(one))))
        .or_else(|| (!containers.is_empty()).then_some(0))
}

/// Names of what runs beside others: collectors, mesh and database proxies, agents, exporters.
fn is_companion(name: &str) -> bool {
    const WHOLE: &[&str] =
        &["istio-proxy", "linkerd-proxy", "envoy", "vault-agent", "cloud-sql-proxy", "proxyv2"];
    WHOLE.contains(&name) || watches(name) || name.contains("sidecar") || name.ends_with("-agent")
}

/// Names of collectors, exporters and shippers of logs: nothing that stands in front of a server.
#[must_use]
pub fn watches(name: &str) -> bool {
    const PARTS: &[&str] =
        &["otel", "opentelemetry", "collector", "exporter", "fluent", "filebeat", "promtail", "datadog"];
    PARTS.iter().any(|part| name.contains(part))
}

fn container(
    spec: &ContainerSpec,
    role: ContainerRole,
    pod: &PodSpec,
    sources: ValueSources<'_>,
) -> Container {
    let environment = environment(spec, sources);
    let words = |all: &[String]| {
        all.iter()
            .map(|word| Argument { value: expanded(word, &environment), place: None })
            .collect::<Vec<_>>()
    };
    let groups = pod.security_context.fs_group.iter().chain(&pod.security_context.supplemental_groups);
    Container {
        host_network: false,
        name: spec.name.clone(),
        role,
        image: (!spec.image.is_empty()).then(|| spec.image.clone()),
        pull_policy: (!spec.image_pull_policy.is_empty()).then(|| spec.image_pull_policy.clone()),
        user: spec.security_context.run_as_user.or(pod.security_context.run_as_user),
        group: spec.security_context.run_as_group.or(pod.security_context.run_as_group),
        groups: groups.copied().collect(),
        entrypoint: words(&spec.command),
        arguments: words(&spec.args),
        mounts: mounts(spec, pod, &environment),
        ports: spec.ports.iter().map(|port| port.container_port).collect(),
        port_names: spec
            .ports
            .iter()
            .filter(|port| !port.name.is_empty())
            .map(|port| (port.name.clone(), port.container_port))
            .collect(),
        published: Vec::new(),
        probes: probes(spec),
        origins: values_from(spec, &environment, sources),
        environment,
        place: None,
    }
}

/// Which object each variable comes from, where it is another than the pod's own description.
fn values_from(
    spec: &ContainerSpec,
    environment: &[Setting],
    sources: ValueSources<'_>,
) -> BTreeMap<String, ValueSource> {
    let mut all = BTreeMap::new();
    for from in &spec.env_from {
        let mut add = |is_secret: bool, name: &str, key: &str| {
            let origin = ValueSource { is_secret, name: name.to_owned(), key: key.to_owned() };
            all.insert(format!("{}{key}", from.prefix), origin);
        };
        if let Some(secret) = &from.secret_ref {
            let known = sources.secrets.and_then(|all| all.get(&secret.name));
            known.into_iter().flat_map(|one| one.keys.keys()).for_each(|key| add(true, &secret.name, key));
        }
        if let Some(map) = &from.config_map_ref {
            let known = sources.config_maps.and_then(|all| all.get(&map.name));
            known.into_iter().flat_map(BTreeMap::keys).for_each(|key| add(false, &map.name, key));
        }
    }
    for one in &spec.env {
        let from = one.value_from.as_ref();
        let secret = from.and_then(|from| from.secret_key_ref.as_ref()).map(|key| (true, key));
        let map = from.and_then(|from| from.config_map_key_ref.as_ref()).map(|key| (false, key));
        match secret.or(map).filter(|_| one.value.is_none()) {
            Some((is_secret, key)) => {
                let origin = ValueSource { is_secret, name: key.name.clone(), key: key.key.clone() };
                all.insert(one.name.clone(), origin);
            }
            // The pod's own list wins over `envFrom`.
            None => {
                all.remove(&one.name);
            }
        }
    }
    all.retain(|name, _| environment.iter().any(|one| one.name == *name));
    all
}

/// The variables, `envFrom` first, each `$(NAME)` replaced as the kubelet does it: by what stands before it in the
/// list; any other reference stays as it is written.
fn environment(spec: &ContainerSpec, sources: ValueSources<'_>) -> Vec<Setting> {
    let mut all: Vec<Setting> = Vec::new();
    for from in &spec.env_from {
        let mut add = |key: &str, value: Value| {
            all.push(Setting { name: format!("{}{key}", from.prefix), value, place: None });
        };
        if let Some(secret) = &from.secret_ref
            && let Some(known) = sources.secrets.and_then(|all| all.get(&secret.name))
        {
            for key in known.keys.keys() {
                add(key, of_secret(&secret.name, key, sources));
            }
        }
        if let Some(map) = &from.config_map_ref
            && let Some(known) = sources.config_maps.and_then(|all| all.get(&map.name))
        {
            for (key, text) in known {
                add(key, Value::Known(text.clone()));
            }
        }
    }
    for one in &spec.env {
        let value = match &one.value {
            Some(text) => Some(expanded(text, &all)),
            None => from_elsewhere(one, sources),
        };
        if let Some(value) = value {
            all.push(Setting { name: one.name.clone(), value, place: None });
        }
    }
    all
}

/// `None`: the variable is not set.
fn from_elsewhere(one: &EnvVar, sources: ValueSources<'_>) -> Option<Value> {
    let Some(from) = &one.value_from else { return Some(Value::Known(String::new())) };
    if let Some(key) = &from.secret_key_ref {
        let looked = sources.secrets;
        let there =
            looked.and_then(|all| all.get(&key.name)).is_some_and(|one| one.keys.contains_key(&key.key));
        if looked.is_some() && !there && key.optional {
            return None;
        }
        return Some(of_secret(&key.name, &key.key, sources));
    }
    if let Some(key) = &from.config_map_key_ref {
        let known = sources.config_maps.and_then(|all| all.get(&key.name));
        return match known.and_then(|map| map.get(&key.key)) {
            Some(text) => Some(Value::Known(text.clone())),
            None if known.is_some() && key.optional => None,
            None => Some(Value::ConfigMap { name: key.name.clone(), key: key.key.clone() }),
        };
    }
    let field = from.field_ref.as_ref().map_or("a field of the pod", |field| field.field_path.as_str());
    Some(Value::Unknown(field.to_owned()))
}

fn of_secret(name: &str, key: &str, sources: ValueSources<'_>) -> Value {
    let bytes = sources.secrets.and_then(|all| all.get(name)).and_then(|one| one.keys.get(key)).cloned();
    let text = bytes.flatten().and_then(|bytes| String::from_utf8(bytes).ok());
    Value::Secret { name: name.to_owned(), key: key.to_owned(), text }
}

/// `$(NAME)` put in; what comes from a Secret stands as `***`, so that no secret leaves its own setting.
fn expanded(text: &str, before: &[Setting]) -> Value {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(escaped) = rest.strip_prefix("$$") {
            out.push('$');
            rest = escaped;
            continue;
        }
        let reference = rest.strip_prefix("$(").and_then(|inner| inner.split_once(')'));
        let Some((name, after)) = reference else {
            out.push('$');
            rest = &rest[1..];
            continue;
        };
        match before.iter().rev().find(|one| one.name == name).map(|one| &one.value) {
            Some(Value::Known(value)) => out.push_str(value),
            Some(Value::Secret { .. }) => out.push_str("***"),
            Some(Value::ConfigMap { .. } | Value::Unknown(_) | Value::Partly(_)) | None => {
                out.push_str(&rest[..name.len() + 3]);
            }
        }
        rest = after;
    }
    out.push_str(rest);
    Value::Known(out)
}

fn mounts(spec: &ContainerSpec, pod: &PodSpec, environment: &[Setting]) -> Vec<Mount> {
    spec.volume_mounts
        .iter()
        .map(|mount| {
            let volume = pod.volumes.iter().find(|volume| volume.name == mount.name);
            let (source, mode) = volume.map_or((MountSource::Other(mount.name.clone()), None), source);
            let part = if mount.sub_path_expr.is_empty() {
                mount.sub_path.clone()
            } else {
                expanded(&mount.sub_path_expr, environment).known().unwrap_or_default().to_owned()
            };
            Mount {
                target: mount.mount_path.clone(),
                source,
                sub_path: (!part.is_empty()).then_some(part),
                read_only: mount.read_only,
                mode,
                place: None,
            }
        })
        .collect()
}

fn source(volume: &object::Volume) -> (MountSource, Option<u32>) {
    if let Some(secret) = &volume.secret {
        let source = MountSource::Secret {
            name: secret.secret_name.clone(),
            items: items(&secret.items),
            optional: secret.optional,
        };
        (source, secret.default_mode)
    } else if let Some(map) = &volume.config_map {
        let source = MountSource::ConfigMap {
            name: map.name.clone(),
            items: items(&map.items),
            optional: map.optional,
        };
        (source, map.default_mode)
    } else if let Some(projected) = &volume.projected {
        let parts = projected.sources.iter().map(|one| {
            let keys = |keys: &object::ProjectedKeys| (keys.name.clone(), items(&keys.items), keys.optional);
            if let Some((name, items, optional)) = one.secret.as_ref().map(keys) {
                MountSource::Secret { name, items, optional }
            } else if let Some((name, items, optional)) = one.config_map.as_ref().map(keys) {
                MountSource::ConfigMap { name, items, optional }
            } else {
                MountSource::Other("projected".to_owned())
            }
        });
        (MountSource::Projected(parts.collect()), projected.default_mode)
    } else if volume.empty_dir.is_some() {
        (MountSource::Empty, None)
    } else if let Some(host) = &volume.host_path {
        (MountSource::Host(host.path.clone()), None)
    } else if let Some(claim) = &volume.persistent_volume_claim {
        (MountSource::Volume(claim.claim_name.clone()), None)
    } else {
        (MountSource::Other(volume.name.clone()), None)
    }
}

fn items(of: &[KeyToPath]) -> BTreeMap<String, String> {
    of.iter().map(|item| (item.key.clone(), item.path.clone())).collect()
}

fn probes(spec: &ContainerSpec) -> Vec<Probe> {
    let port = |port: &TargetPort| match port {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => match name.parse() {
            Ok(number) => Some(number),
            Err(_) => spec.ports.iter().find(|one| one.name == *name).map(|one| one.container_port),
        },
    };
    let word = |word: &String| Argument { value: Value::Known(word.clone()), place: None };
    let action = |probe: &ProbeSpec| {
        if let Some(get) = &probe.http_get {
            let tls = get.scheme.eq_ignore_ascii_case("https");
            Some(ProbeAction::Http { tls, said: !get.scheme.is_empty(), port: port(&get.port)? })
        } else if let Some(socket) = &probe.tcp_socket {
            Some(ProbeAction::Tcp { port: port(&socket.port)? })
        } else if let Some(socket) = &probe.grpc {
            Some(ProbeAction::Grpc { port: port(&socket.port)? })
        } else {
            probe.exec.as_ref().map(|exec| ProbeAction::Command(exec.command.iter().map(word).collect()))
        }
    };
    [
        (ProbeRole::Startup, &spec.startup_probe),
        (ProbeRole::Readiness, &spec.readiness_probe),
        (ProbeRole::Liveness, &spec.liveness_probe),
    ]
    .into_iter()
    .filter_map(|(role, probe)| Some(Probe { role, action: action(probe.as_ref()?)?, place: None }))
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(json: serde_json::Value) -> PodSpec {
        serde_json::from_value(json).unwrap()
    }

    const NOTHING: ValueSources<'_> = ValueSources { secrets: None, config_maps: None };

    #[test]
    fn a_sidecar_that_stands_first_is_no_service() {
        let pod = spec(serde_json::json!({"containers": [
            {"name": "otel-collector", "image": "otel/opentelemetry-collector-contrib:0.115.0"},
            {"name": "gateway", "image": "cordum-api-gateway:v1"}],
            "initContainers": [{"name": "wait"}, {"name": "mesh", "restartPolicy": "Always"}]}));
        let roles: Vec<_> =
            containers(&pod, "api-gateway", NOTHING).into_iter().map(|one| (one.name, one.role)).collect();
        assert_eq!(
            roles,
            [
                ("wait".to_owned(), ContainerRole::Init),
                ("mesh".to_owned(), ContainerRole::Sidecar),
                ("otel-collector".to_owned(), ContainerRole::Sidecar),
                ("gateway".to_owned(), ContainerRole::Main)
            ]
        );
    }

    #[test]
    fn a_reference_is_put_in_only_where_it_stands_before() {
        let pod = spec(serde_json::json!({"containers": [{"name": "a", "env": [
            {"name": "EARLY", "value": "redis://:$(PASSWORD)@redis"},
            {"name": "PASSWORD", "valueFrom": {"secretKeyRef": {"name": "s", "key": "k"}}},
            {"name": "HOST", "value": "h"},
            {"name": "LATE", "value": "$$(HOST) $(HOST):$(PASSWORD)$"}]}]}));
        let one = &containers(&pod, "a", NOTHING)[0];
        let of = |name| one.variable(name).unwrap().value.known().unwrap();
        assert_eq!(of("EARLY"), "redis://:$(PASSWORD)@redis");
        assert_eq!(of("LATE"), "$(HOST) h:***$");
    }

    #[test]
    fn probes_find_their_port_by_name() {
        let pod = spec(serde_json::json!({"containers": [{"name": "a",
            "ports": [{"name": "web", "containerPort": 8081}],
            "livenessProbe": {"httpGet": {"path": "/", "port": "web", "scheme": "HTTPS"}},
            "startupProbe": {"tcpSocket": {"port": 6379}}}]}));
        let probes = &containers(&pod, "a", NOTHING)[0].probes;
        assert_eq!(
            probes[0],
            Probe { role: ProbeRole::Startup, action: ProbeAction::Tcp { port: 6379 }, place: None }
        );
        let action = ProbeAction::Http { port: 8081, said: true, tls: true };
        assert_eq!(probes[1], Probe { role: ProbeRole::Liveness, action, place: None });
    }
}
