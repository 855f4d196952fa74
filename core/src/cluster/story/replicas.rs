//! Workloads that have no pods, or fewer than they should.

use crate::cause::{CauseKind, Variant};
use crate::cluster::connections;
use crate::cluster::cure::Fix;
use crate::cluster::fault::ClusterFault;
use crate::cluster::pods::PodContext;
use crate::evidence::observation::EvidenceLevel;
use crate::workload::Workload;
use crate::workload::kubernetes::service_of;

/// A workload with no replicas: how many there should be its configuration tells.
pub(super) fn scaled_to_nothing(scene: PodContext<'_>, workload: &Workload) -> ClusterFault {
    let service = service_of(workload);
    let config = connections::config_of(scene.cluster, workload);
    let routes =
        config.as_ref().and_then(|config| config.get("cluster.routes")).map(|routes| routes.lines().count());
    let nodes = (service == "redis")
        .then(|| {
            scene.cluster.workloads.iter().find_map(|one| {
                let list = connections::known(one.main()?, "REDIS_CLUSTER_ADDRESSES")?;
                Some(list.split(',').count())
            })
        })
        .flatten();
    let wanted = routes.or(nodes).unwrap_or(1).max(1);
    let name = workload.to_string();
    let cure = Fix::told(format!(
        "{name} is scaled to 0, so its Service has no endpoints and refuses: scale it to {wanted}"
    ))
    .by(scene.kubectl.command(&["scale", &name, &format!("--replicas={wanted}")]));
    let breaks: &[&'static str] = match service {
        "nats" => &["worker-nats-tls"],
        "redis" => &["redis-tls"],
        _ => &[],
    };
    ClusterFault::new(Some(CauseKind::ConnectionRefused), name.clone())
        .variant(Some(Variant::ContainerStopped))
        .because(format!("{name} is scaled to 0: its Service has no endpoints, and connections are refused"))
        .cure(cure)
        .breaks(breaks)
        .seen_in(EvidenceLevel::Observed)
}

/// Pods that are wanted and do not exist: only events of what should make them tell.
pub(super) fn never_made(scene: PodContext<'_>, workload: &Workload) -> ClusterFault {
    let name = workload.to_string();
    let why = refused_pods(scene, workload);
    let why = why.unwrap_or_else(|| "nothing says why".to_owned());
    ClusterFault::new(None, name.clone())
        .because(format!("{name} has no pod: {why}"))
        .cure(
            Fix::told(format!("{name} cannot make its pods: {why}"))
                .by(scene.kubectl.command(&["describe", &name])),
        )
        .seen_in(EvidenceLevel::Observed)
}

/// Why a workload's pods are not made, in the events' words.
pub(super) fn refused_pods(scene: PodContext<'_>, workload: &Workload) -> Option<String> {
    let about = |event: &&crate::workload::kubernetes::Event| {
        event.reason == "FailedCreate"
            && event.about.rsplit('/').next().is_some_and(|one| one.starts_with(&workload.name))
    };
    scene.cluster.events.iter().rev().find(about).map(|event| event.message.clone())
}
