//! Services that lead nowhere: no pod has the labels that they select, none of their ports is the one that is dialled,
//! or they hand on to a port at which nobody listens. Who dials a pod itself does not notice.

use serde_json::json;

use crate::cause::{CauseKind, Side};
use crate::cluster::connections::{Connection, ConnectionTarget, config_of, host_of, known};
use crate::cluster::cure::{Fix, Kubectl, change};
use crate::cluster::fault::ClusterFault;
use crate::evidence::WiringFact;
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::object::TargetPort;
use crate::workload::kubernetes::{Cluster, ServiceObject, service_of, watches};
use crate::workload::{Container, ContainerRole, MountSource, Value, Workload};

/// The Service and the port that a client dials, and the setting that says so.
struct ServiceRoute<'a> {
    service: &'a ServiceObject,
    setting: &'static str,
    address: String,
    port: u16,
}

/// What a client dials, where it is a Service of the namespace.
fn way<'a>(cluster: &'a Cluster, one: &Connection<'_>) -> Option<ServiceRoute<'a>> {
    let variable = |name: &str| one.client.main().and_then(|main| known(main, name)).map(str::to_owned);
    let (setting, address, usual) = match one.target {
        ConnectionTarget::Link(Link::Nats) => ("NATS_URL", one.scheme.as_ref()?.1.clone(), 4222),
        ConnectionTarget::Link(Link::Redis) => ("REDIS_URL", one.scheme.as_ref()?.1.clone(), 6379),
        ConnectionTarget::Link(Link::SafetyKernel) => {
            ("SAFETY_KERNEL_ADDR", variable("SAFETY_KERNEL_ADDR")?, 50051)
        }
        // nginx' port is fixed in the dashboard's image; a configuration of one's own may have another.
        ConnectionTarget::Link(Link::Gateway) => {
            let own = one.client.main()?.mounts.iter().any(|mount| {
                mount.target.starts_with("/etc/nginx")
                    && matches!(mount.source, MountSource::ConfigMap { .. })
            });
            if own {
                return None;
            }
            ("CORDUM_API_UPSTREAM_HOST", one.names.first()?.name.clone(), 8081)
        }
        _ => return None,
    };
    let host = host_of(&address);
    let mut labels = host.split('.');
    let name = labels.next()?;
    if labels.next().is_some_and(|namespace| namespace != cluster.namespace) {
        return None;
    }
    let service = cluster.services.iter().find(|service| service.name == name)?;
    let rest = address.split_once("://").map_or(address.as_str(), |(_, rest)| rest);
    let port = rest.split(['/', '?']).next().and_then(|front| front.rsplit_once(':')?.1.parse().ok());
    Some(ServiceRoute { service, setting, port: port.unwrap_or(usual), address })
}

/// The port at which a server of the stack listens for the clients of a link, as far as its own settings say.
#[must_use]
pub(super) fn listens(cluster: &Cluster, server: &Workload, link: Link) -> Vec<u16> {
    let address = |name: &str, usual: u16| -> Vec<u16> {
        let set = server.main().and_then(|main| known(main, name));
        let port = set.map_or(Some(usual), |address| address.rsplit_once(':')?.1.parse().ok());
        port.into_iter().collect()
    };
    let configured = |keys: &[&str], usual: u16| -> Vec<u16> {
        let Some(config) = config_of(cluster, server) else { return Vec::new() };
        let set: Vec<&str> = keys.iter().filter_map(|key| config.get(key)).collect();
        let ports: Vec<u16> =
            set.iter().filter_map(|text| text.parse().ok()).filter(|port| *port > 0).collect();
        if set.is_empty() { vec![usual] } else { ports }
    };
    match link {
        // `listen: 0.0.0.0:4222` says it in another way.
        Link::Nats if config_of(cluster, server).is_some_and(|config| config.get("listen").is_some()) => {
            Vec::new()
        }
        Link::Nats => configured(&["port"], 4222),
        Link::Redis => configured(&["tls-port", "port"], 6379),
        Link::SafetyKernel => address("SAFETY_KERNEL_ADDR", 50051),
        Link::Gateway => address("GATEWAY_HTTP_ADDR", 8081),
        Link::GatewayGrpc => address("GATEWAY_GRPC_ADDR", 8080),
        Link::ContextEngine => address("CONTEXT_ENGINE_ADDR", 50070),
        Link::Dashboard => vec![8080],
    }
}

/// A Service of the stack that leads to no pod, or to a port of it at which nobody listens.
pub(super) fn leads_nowhere(
    cluster: &Cluster,
    one: &Connection<'_>,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    let ConnectionTarget::Link(link) = one.target else { return None };
    let way = way(cluster, one)?;
    let fault = if selects_nobody(cluster, way.service) {
        nobody_selected(one, way.service, kubectl)
    } else if !one.server.aliases.contains(&way.service.name) {
        // It leads to somebody else, who may be meant.
        return None;
    } else {
        wrong_port(cluster, one, link, &way, kubectl)
    }?;
    let breaks: &[&'static str] = match link {
        Link::Redis if is_core(one.client) => &["redis-logs", "service-links"],
        Link::Redis => &["redis-logs"],
        Link::Gateway => &["dashboard-gateway"],
        Link::SafetyKernel => &["service-links", "safety-kernel-grpc"],
        _ if is_core(one.client) => &["service-links"],
        _ => &["worker-nats-tls"],
    };
    let mut fault = fault.breaks(breaks);
    fault.bearers.insert(one.client.to_string());
    Some(fault)
}

fn is_core(client: &Workload) -> bool {
    matches!(service_of(client), "api-gateway" | "scheduler" | "safety-kernel" | "workflow-engine")
}

/// Whether no pod and no description of pods has the labels that a Service selects; without a selector somebody else
/// tells where it leads.
fn selects_nobody(cluster: &Cluster, service: &ServiceObject) -> bool {
    let has = |labels: &std::collections::BTreeMap<String, String>| {
        service.selector.iter().all(|(key, value)| labels.get(key) == Some(value))
    };
    !service.selector.is_empty()
        && !cluster.workloads.iter().any(|one| has(&one.labels))
        && !cluster.pods.iter().any(|pod| has(&pod.labels))
}

fn labels(all: &std::collections::BTreeMap<String, String>) -> String {
    let words: Vec<String> = all.iter().map(|(key, value)| format!("{key}={value}")).collect();
    words.join(",")
}

fn nobody_selected(one: &Connection<'_>, service: &ServiceObject, kubectl: &Kubectl) -> Option<ClusterFault> {
    let server = one.server.to_string();
    let place = format!("service/{}", service.name);
    // The keys that it selects by, with the server's values; one that the server has not is no longer asked for.
    let own: std::collections::BTreeMap<String, String> = service
        .selector
        .keys()
        .filter_map(|key| Some((key.clone(), one.server.labels.get(key)?.clone())))
        .collect();
    let right = if own.is_empty() {
        one.server
            .labels
            .iter()
            .filter(|(key, _)| *key == "app" || key.starts_with("app.kubernetes.io/"))
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect()
    } else {
        own
    };
    if right.is_empty() {
        return None;
    }
    let mut selector = json!(right);
    for key in service.selector.keys().filter(|key| !right.contains_key(*key)) {
        selector[key.as_str()] = serde_json::Value::Null;
    }
    let patch = json!({ "spec": { "selector": selector } });
    let (from, to) = (labels(&service.selector), labels(&right));
    let change =
        change(place.clone(), None, ChangeKind::Config, "selector", Some("spec.selector".to_owned()))
            .values(Some(&from), Some(&to));
    let cure = Fix::told(format!(
        "the selector of {place} is {from} and has to be {to}, as the pods of {server} have it"
    ))
    .with(change)
    .by(kubectl.command(&["patch", "service", &service.name, "--type=merge", "-p", &patch.to_string()]));
    Some(
        ClusterFault::new(Some(CauseKind::ConnectionRefused), place.clone())
            .on(Side::Server)
            .because(WiringFact::SelectsNobody { place, selector: from })
            .cure(cure),
    )
}

/// Whether a container beside the server may listen at a port, and stand in front of it (a terminator of TLS): it says
/// so, or what it is set up with is not seen here.
fn may_be_beside(server: &Workload, port: &TargetPort) -> bool {
    let TargetPort::Number(number) = port else { return false };
    let beside = server.containers.iter().filter(|container| container.role == ContainerRole::Sidecar);
    // What collects, exports or ships is dialled for that alone.
    let only_watches = |one: &Container| {
        let image = one.image.as_deref().and_then(|image| image.rsplit('/').next()).unwrap_or_default();
        watches(&one.name) || watches(image)
    };
    let mut beside = beside.filter(|one| !only_watches(one) || one.ports.contains(number));
    let number = number.to_string();
    beside.any(|container| {
        let named = |value: &Value| match value {
            Value::Known(text) => text.contains(&number),
            _ => true,
        };
        let words = container.entrypoint.iter().chain(&container.arguments).map(|one| &one.value);
        let ports = container.ports.iter().chain(container.port_names.values());
        ports.count() > 0
            || words.chain(container.environment.iter().map(|one| &one.value)).any(named)
            || container.mounts.iter().any(|mount| matches!(mount.source, MountSource::ConfigMap { .. }))
    })
}

fn wrong_port(
    cluster: &Cluster,
    one: &Connection<'_>,
    link: Link,
    way: &ServiceRoute<'_>,
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    let ServiceRoute { service, setting, address, port } = way;
    let server = one.server.to_string();
    let listening = listens(cluster, one.server, link);
    let usual = *listening.first()?;
    // Behind a headless Service the client dials the pods' own port.
    if service.headless || one.server.meshed {
        return None;
    }
    let main = one.server.main()?;
    let target = |port: &TargetPort| match port {
        TargetPort::Number(number) => Some(*number),
        TargetPort::Name(name) => main.port_names.get(name).copied(),
    };
    let place = format!("service/{}", service.name);
    let Some(at) = service.ports.iter().position(|(own, _)| own == port) else {
        let right =
            service.ports.iter().position(|(_, to)| target(to).is_some_and(|to| listening.contains(&to)));
        let ports: Vec<String> = service.ports.iter().map(|(port, _)| port.to_string()).collect();
        let why = WiringFact::DialsNoPort {
            workload: one.client.to_string(),
            address: address.to_string(),
            setting: setting.to_string(),
            place: place.clone(),
            port: *port,
            ports,
        };
        // What the server listens at is what clients dial: it is the Service that has another one.
        let right = right?;
        let right_port = service.ports.get(right)?.0;
        if listening.contains(port) {
            let path = format!("/spec/ports/{right}/port");
            return Some(
                changed(&place, service, &path, "port", json!(right_port), json!(port), kubectl, &server)
                    .because(why),
            );
        }
        return match link {
            Link::SafetyKernel => {
                let to = format!("{}:{right_port}", host_of(address));
                let cure = super::set(
                    kubectl,
                    one.client,
                    setting,
                    Some(address),
                    &to,
                    &format!("{place} has that port"),
                );
                Some(
                    ClusterFault::new(Some(CauseKind::ConnectionRefused), one.client.to_string())
                        .on(Side::Client)
                        .because(why)
                        .cure(cure),
                )
            }
            // Those of NATS and Redis are told with their URL.
            _ => None,
        };
    };
    let (_, handed) = service.ports.get(at)?;
    let path = format!("/spec/ports/{at}/targetPort");
    // A port that the container itself declares is one that whoever described it knows of.
    let declared = |number: &u16| main.port_names.values().any(|own| own == number);
    let (is_right, from) = match handed {
        TargetPort::Number(number) => (listening.contains(number) || declared(number), json!(number)),
        // A name that the description does not give to a port leads nowhere; one that it gives is followed.
        TargetPort::Name(name) => (target(handed).is_some(), json!(name)),
    };
    if is_right || may_be_beside(one.server, handed) {
        return None;
    }
    let shown = from.as_str().map_or_else(|| from.to_string(), str::to_owned);
    Some(changed(&place, service, &path, "targetPort", from, json!(usual), kubectl, &server).because(
        WiringFact::LeadsElsewhere { port: *port, place, to: shown, server: server.clone(), listens: usual },
    ))
}

/// The fault of a Service whose port is to be another one.
#[expect(clippy::too_many_arguments, reason = "what stands there and what has to, told once")]
fn changed(
    place: &str,
    service: &ServiceObject,
    path: &str,
    field: &str,
    from: serde_json::Value,
    to: serde_json::Value,
    kubectl: &Kubectl,
    server: &str,
) -> ClusterFault {
    let text = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let (before, after) = (text(&from), text(&to));
    let patch = json!([{ "op": "replace", "path": path, "value": to }]);
    let name = path.trim_start_matches('/').replace('/', ".");
    let change =
        change(place, None, ChangeKind::Config, name.clone(), Some(name)).values(Some(&before), Some(&after));
    let cure =
        Fix::told(format!("{field} of {place} is {before} and has to be {after}: {server} listens there"))
            .with(change)
            .by(kubectl.command(&[
                "patch",
                "service",
                &service.name,
                "--type=json",
                "-p",
                &patch.to_string(),
            ]));
    ClusterFault::new(Some(CauseKind::ConnectionRefused), place).on(Side::Server).cure(cure)
}
