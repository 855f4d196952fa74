//! Workloads that have no pods, or fewer than they should.

use crate::cause::{CauseKind, Variant};
use crate::cluster::connections;
use crate::cluster::cure::{Fix, Kubectl, change};
use crate::cluster::fault::ClusterFault;
use crate::cluster::pods::{self, PodContext, serves};
use crate::cluster::quantity::sum;
use crate::cluster::webhook;
use crate::evidence::PodFact;
use crate::evidence::observation::EvidenceLevel;
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::workload::Workload;
use crate::workload::kubernetes::{Cluster, Pod, service_of};

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
        .because(PodFact::NoEndpoints { workload: name })
        .cure(cure)
        .breaks(breaks)
        .seen_in(EvidenceLevel::Observed)
}

/// Pods that are wanted and do not exist: only events of what should make them tell.
pub(super) fn never_made(scene: PodContext<'_>, workload: &Workload) -> ClusterFault {
    let name = workload.to_string();
    let why = refused_pods(scene, workload);
    let shown = why.as_deref().unwrap_or("nothing says why");
    let cure = match account(shown) {
        // What makes the pods waits longer after each try, up to a quarter of an hour: a restart tries at once.
        Some(account) => {
            let made = scene.kubectl.command(&["create", "serviceaccount", account]);
            let restart = scene.kubectl.restart(std::slice::from_ref(&name));
            Fix::told(format!(
                "serviceaccount/{account}, which the pods of {name} are to have, does not exist: make it"
            ))
            .by(restart.map_or_else(|| made.clone(), |restart| format!("{made} && {restart}")))
        }
        None => match Quota::read(shown) {
            Some(quota) => quota.raised(scene, &name),
            None => Fix::told(format!("{name} cannot make its pods: {shown}"))
                .by(scene.kubectl.command(&["describe", &name])),
        },
    };
    let some = !workload.instances.is_empty();
    webhook::unanswered(scene.kubectl, shown)
        .unwrap_or_else(|| ClusterFault::new(None, name.clone()).cure(cure))
        .because(PodFact::NoPodMade { workload: name, some, why })
        .seen_in(EvidenceLevel::Observed)
}

/// What is changed in a workload whose rollouts are paused takes effect only once they are resumed, and it is restarted
/// only after that.
pub(super) fn resumed(cluster: &Cluster, kubectl: &Kubectl, fault: &mut ClusterFault) {
    let Some(cure) = fault.cures.first_mut() else { return };
    for name in &cluster.paused {
        let Some(command) =
            cure.command.as_mut().filter(|command| command.split(' ').any(|word| word == name))
        else {
            continue;
        };
        let resume = kubectl.command(&["rollout", "resume", name]);
        if command.contains(" rollout restart ") {
            *command = format!("{resume} && {command}");
        } else if [" set ", " patch "].iter().any(|verb| command.contains(verb)) {
            command.push_str(&format!(" && {resume}"));
        } else {
            continue;
        }
        cure.text.push_str(&format!("; rollouts of {name} are paused: resume them"));
    }
}

/// `error looking up service account cordum/x: serviceaccount "x" not found`
fn account(why: &str) -> Option<&str> {
    let (_, rest) = why.split_once("serviceaccount \"")?;
    let (name, rest) = rest.split_once('"')?;
    rest.starts_with(" not found").then_some(name)
}

/// A ResourceQuota that refused a pod: of each resource how much it asked for, is taken, and may be.
struct Quota<'a> {
    name: &'a str,
    resources: Vec<(&'a str, &'a str, &'a str, &'a str)>,
}

impl<'a> Quota<'a> {
    /// `exceeded quota: NAME, requested: a=1,b=2, used: a=3,b=4, limited: a=3,b=4`
    fn read(why: &'a str) -> Option<Self> {
        let (_, rest) = why.split_once("exceeded quota: ")?;
        let (name, rest) = rest.split_once(", requested: ")?;
        let (requested, rest) = rest.split_once(", used: ")?;
        let (used, limited) = rest.split_once(", limited: ")?;
        let of = |list: &'a str, name: &str| {
            list.split(',')
                .filter_map(|one| one.split_once('='))
                .find(|(own, _)| *own == name)
                .map(|one| one.1)
        };
        let each = requested.split(',').map(|one| {
            let (name, asked) = one.split_once('=')?;
            Some((name, asked, of(used, name)?, of(limited, name)?))
        });
        Some(Self { name, resources: each.collect::<Option<_>>()? })
    }

    /// Room for this pod and for one more, as a rollout makes it beside the others.
    fn raised(&self, scene: PodContext<'_>, workload: &str) -> Fix {
        let place = format!("resourcequota/{}", self.name);
        let to: Option<Vec<(&str, &str, String)>> = self
            .resources
            .iter()
            .map(|(name, asked, used, limited)| Some((*name, *limited, sum(&[used, asked, asked])?)))
            .collect();
        let Some(to) = to else {
            return Fix::told(format!("{place} has no room for the pods of {workload}: raise it"))
                .by(scene.kubectl.command(&["describe", &place]));
        };
        let hard: serde_json::Map<String, serde_json::Value> =
            to.iter().map(|(name, _, right)| ((*name).to_owned(), right.as_str().into())).collect();
        let patch = serde_json::json!({ "spec": { "hard": hard } }).to_string();
        let mut command =
            scene.kubectl.command(&["patch", "resourcequota", self.name, "--type=merge", "-p", &patch]);
        // What makes the pods waits longer after each try: a restart tries at once.
        if let Some(restart) = scene.kubectl.restart(&[workload.to_owned()]) {
            command.push_str(&format!(" && {restart}"));
        }
        let words: Vec<String> =
            to.iter().map(|(name, limited, right)| format!("{name} from {limited} to {right}")).collect();
        let cure = Fix::told(format!(
            "{place} has no room for the pods of {workload}: raise {}, or let its services ask for less",
            words.join(", ")
        ))
        .by(command);
        to.iter().fold(cure, |cure, (name, limited, right)| {
            let change =
                change(place.clone(), None, ChangeKind::Config, *name, Some(format!("spec.hard[{name}]")));
            cure.with(change.values(Some(limited), Some(right)))
        })
    }
}

/// Why a workload's pods are not made, in the events' words.
pub(super) fn refused_pods(scene: PodContext<'_>, workload: &Workload) -> Option<String> {
    let about = |event: &&crate::workload::kubernetes::Event| {
        event.reason == "FailedCreate"
            && event.about.rsplit('/').next().is_some_and(|one| one.starts_with(&workload.name))
    };
    scene.cluster.events.iter().rev().find(about).map(|event| event.message.clone())
}

/// Every server of a link serves, and so does another pod that is ready only while it reaches them: what one pod does not
/// reach is there. (That of the safety kernel's clients says nothing of it.)
pub(super) fn is_reached_by_others(scene: PodContext<'_>, pod: &Pod, link: Link) -> bool {
    let mut servers = scene.cluster.pods_of(link.service()).filter(|server| !server.leaving).peekable();
    let others = || {
        scene.cluster.pods.iter().filter(|other| other.name != pod.name && serves(other)).any(|other| {
            let workload = scene.cluster.workload_of(other);
            workload.is_some_and(|workload| {
                service_of(workload) != link.service() && pods::dialled(scene, workload, link).is_some()
            })
        })
    };
    let is_shown = matches!(link, Link::Redis | Link::Nats);
    is_shown && servers.peek().is_some() && servers.all(serves) && others()
}
