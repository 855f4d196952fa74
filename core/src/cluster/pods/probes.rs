//! Probes that are themselves at fault: their scheme is not the port's.

use super::{PodContext, state_of};
use crate::cause::{CauseKind, Side, Variant};
use crate::cluster::connections::known;
use crate::cluster::cure::{Fix, change};
use crate::cluster::fault::ClusterFault;
use crate::evidence::PodFact;
use crate::evidence::observation::EvidenceLevel;
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::{ContainerState, Pod};
use crate::workload::{Container, ProbeAction, ProbeRole, Workload};

/// A probe that is itself at fault: its scheme is not the port's.
pub(super) fn probe_trouble(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &ContainerState,
) -> Option<ClusterFault> {
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
        let Some(ProbeAction::Http { tls, port, .. }) = probe.map(|probe| &probe.action) else { continue };
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

/// Ports of the services' metrics and health, which speak plain HTTP.
const METRICS: std::ops::RangeInclusive<u16> = 9090..=9095;

/// The probes of a port, with the scheme that it speaks.
fn schemes(scene: PodContext<'_>, workload: &Workload, container: &Container, port: u16, https: bool) -> Fix {
    let (from, to) = if https { ("HTTP", "HTTPS") } else { ("HTTPS", "HTTP") };
    let at = |action: &ProbeAction| matches!(action, ProbeAction::Http { tls, port: own, .. } if *own == port && *tls != https);
    let fields: Vec<&str> = FIELDS
        .iter()
        .filter(|(role, _)| container.probes.iter().any(|probe| probe.role == *role && at(&probe.action)))
        .map(|(_, field)| *field)
        .collect();
    let mut spec = serde_json::json!({ "name": container.name });
    for field in &fields {
        spec[*field] = serde_json::json!({ "httpGet": { "scheme": to } });
    }
    let patch = serde_json::json!({ "spec": { "template": { "spec": { "containers": [spec] } } } });
    let name = workload.to_string();
    let command = scene.kubectl.command(&["patch", &name, "-p", &patch.to_string()]);
    let (named, speaks) = if https {
        ("have no `scheme: HTTPS`", "speaks TLS")
    } else {
        ("have `scheme: HTTPS`", "speaks plain HTTP")
    };
    let mut cure = Fix::told(format!(
        "{} of container {} in {name} {named}, and port {port} {speaks}: set it to {to}",
        fields.join(", "),
        container.name
    ))
    .by(command);
    for field in &fields {
        let path = format!("spec.template.spec.containers[name={}].{field}.httpGet.scheme", container.name);
        let name = format!("{field}.httpGet.scheme");
        cure = cure.with(
            change(workload.to_string(), Some(&container.name), ChangeKind::Config, name, Some(path))
                .values(Some(from), Some(to)),
        );
    }
    cure
}

fn plain_probe(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &Container,
    port: u16,
    event: &str,
) -> ClusterFault {
    let name = workload.to_string();
    let cure = schemes(scene, workload, container, port, true);
    ClusterFault::new(Some(CauseKind::WrongSchemePlainToTls), name)
        .on(Side::Client)
        .because(PodFact::ProbeInClear { pod: pod.name.clone(), event: event.to_owned(), port })
        .because(state_of(pod))
        .cure(cure)
        .seen_in(EvidenceLevel::Observed)
}

/// The probe speaks TLS and the service does not: where its neighbours do, its certificate is not set.
fn tls_probe(
    scene: PodContext<'_>,
    pod: &Pod,
    workload: &Workload,
    container: &Container,
    port: u16,
    event: &str,
) -> ClusterFault {
    let name = workload.to_string();
    let base = ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), name.clone())
        .variant(Some(Variant::HttpPlaintext))
        .because(PodFact::ProbeInTls { pod: pod.name.clone(), event: event.to_owned(), port })
        .because(state_of(pod))
        .seen_in(EvidenceLevel::Observed);
    let pair = ["GATEWAY_HTTP_TLS_CERT", "GATEWAY_HTTP_TLS_KEY"];
    let missing = pair.iter().all(|variable| known(container, variable).is_none());
    let certificate = known(container, "GRPC_TLS_CERT").map_or("/etc/cordum/tls/server/tls.crt", |path| path);
    let key = known(container, "GRPC_TLS_KEY").map_or("/etc/cordum/tls/server/tls.key", |path| path);
    if METRICS.contains(&port) {
        return base.on(Side::Client).cure(schemes(scene, workload, container, port, false));
    }
    if !(missing && port == 8081) {
        let cure = Fix::told(format!(
            "port {port} of container {} in {name} serves plain HTTP and its probes ask for HTTPS: one of the two has to change",
            container.name
        ))
        .by(scene.kubectl.command(&["get", &name, "-o", "yaml"]));
        return base.cure(cure);
    }
    let values = [format!("{}={certificate}", pair[0]), format!("{}={key}", pair[1])];
    let command =
        scene.kubectl.command(&["set", "env", &name, "-c", &container.name, &values[0], &values[1]]);
    let mut cure = Fix::told(format!(
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
