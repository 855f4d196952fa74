//! A service that production stops because its own listener has no certificate.

use crate::cause::{CauseKind, Side, Variant};
use crate::cluster::connections::known;
use crate::cluster::cure::{Fix, Kubectl, change};
use crate::cluster::fault::ClusterFault;
use crate::evidence::observation::EvidenceLevel;
use crate::evidence::{UnsetBecause, WiringFact};
use crate::remedy::ChangeKind;
use crate::workload::kubernetes::{Pod, service_of};
use crate::workload::{Container, MountSource, Workload};

/// Whose listener, what its service says of it, the variable's stem, and what it speaks without a certificate.
const LISTENERS: &[(&str, &str, &str, Variant)] = &[
    ("api-gateway", "http tls required in production", "GATEWAY_HTTP", Variant::HttpPlaintext),
    ("api-gateway", "grpc tls required in production", "GRPC", Variant::Http2Plaintext),
    ("safety-kernel", "safety kernel tls required in production", "SAFETY_KERNEL", Variant::Http2Plaintext),
    (
        "context-engine",
        "context engine tls required in production",
        "CONTEXT_ENGINE",
        Variant::Http2Plaintext,
    ),
];

/// The fault behind such words; nothing: they are about something else.
pub(super) fn in_clear(
    kubectl: &Kubectl,
    pod: &Pod,
    workload: &Workload,
    container: &str,
    sample: &str,
) -> Option<ClusterFault> {
    let service = service_of(workload);
    let (_, _, stem, variant) =
        LISTENERS.iter().find(|(whose, words, ..)| *whose == service && sample.contains(words))?;
    let name = workload.to_string();
    let configured = workload.containers.iter().find(|one| one.name == container)?;
    let wanted = [format!("{stem}_TLS_CERT"), format!("{stem}_TLS_KEY")];
    let missing: Vec<&String> = wanted.iter().filter(|name| known(configured, name).is_none()).collect();
    if missing.is_empty() {
        return None;
    }
    let fault = ClusterFault::new(Some(CauseKind::WrongSchemeTlsToPlain), name.clone())
        .variant(Some(*variant))
        .on(Side::Server)
        .because(super::container_logged(pod, container, sample))
        .because(WiringFact::Unset {
            variables: missing.into_iter().cloned().collect(),
            workload: name.clone(),
            because: UnsetBecause::Production,
        })
        .seen_in(EvidenceLevel::Logged);
    let Some(pair) = pair(configured) else {
        let text = format!(
            "{name} has to serve TLS: set {} to the files of its server certificate",
            wanted.join(" and ")
        );
        return Some(fault.cure(Fix::told(text)));
    };
    let mut cure = Fix::told(format!(
        "{name} serves in clear, which production forbids: {} has to be {}, and {} {}",
        wanted[0], pair[0], wanted[1], pair[1]
    ));
    let mut typed =
        vec!["set".to_owned(), "env".to_owned(), name.clone(), "-c".to_owned(), container.to_owned()];
    for (variable, path) in wanted.iter().zip(&pair) {
        let field = format!("spec.template.spec.containers[name={container}].env");
        let change =
            change(name.clone(), Some(container), ChangeKind::Environment, variable.clone(), Some(field));
        cure = cure.with(change.values(known(configured, variable), Some(path)));
        typed.push(format!("{variable}={path}"));
    }
    Some(fault.cure(cure.by(kubectl.command(&typed))))
}

/// The files of the server's certificate: those of another listener, else of a Secret that no client identity is of.
fn pair(container: &Container) -> Option<[String; 2]> {
    for (_, _, stem, _) in LISTENERS {
        let of = |what: &str| known(container, &format!("{stem}_TLS_{what}")).map(str::to_owned);
        if let (Some(cert), Some(key)) = (of("CERT"), of("KEY")) {
            return Some([cert, key]);
        }
    }
    let clients = ["NATS_TLS_CERT", "REDIS_TLS_CERT"].map(|name| known(container, name).unwrap_or_default());
    let free = |mount: &&crate::workload::Mount| {
        let folder = format!("{}/", mount.target.trim_end_matches('/'));
        matches!(mount.source, MountSource::Secret { .. })
            && mount.sub_path.is_none()
            && !clients.iter().any(|path| path.starts_with(&folder))
    };
    let mut mounts = container.mounts.iter().filter(free);
    let mount = mounts.next().filter(|_| mounts.next().is_none())?;
    let folder = mount.target.trim_end_matches('/');
    Some([format!("{folder}/tls.crt"), format!("{folder}/tls.key")])
}
