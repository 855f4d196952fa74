//! Pods that no node takes: which of the scheduler's reasons is theirs, and what is done about it. Nodes are not read:
//! what only they can tell is left to the operator, as a choice.

mod claims;

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::{PodContext, serves};
use crate::cluster::cure::{Fix, change};
use crate::cluster::fault::ClusterFault;
use crate::cluster::quantity::{is_less, sum};
use crate::evidence::PodFact;
use crate::evidence::observation::EvidenceLevel;
use crate::remedy::{Change, ChangeKind};
use crate::workload::kubernetes::{NodeRefusal, Pod, Refusal, Requests, Unschedulable};
use crate::workload::{Workload, WorkloadKind};

/// A pod that no node takes.
pub(super) fn unscheduled(scene: PodContext<'_>, pod: &Pod, workload: &Workload) -> Option<ClusterFault> {
    let why = pod.unschedulable.as_ref()?;
    let verdict = Unschedulable::read(why);
    let case = UnscheduledPod { scene, pod, workload, nodes: verdict.nodes };
    let mut fault = ClusterFault::new(None, workload.to_string())
        .because(PodFact::OnNoNode { pod: pod.name.clone(), why: why.clone() })
        .seen_in(EvidenceLevel::Observed);
    for (claim, said) in case.claims_said() {
        fault.add(PodFact::OfClaim { claim: claim.to_owned(), said: said.to_owned() });
    }
    Some(fault.cure(case.cure(&case.decisive(verdict.refused))))
}

/// A pod that waits for a node.
#[derive(Clone, Copy)]
struct UnscheduledPod<'a> {
    scene: PodContext<'a>,
    pod: &'a Pod,
    workload: &'a Workload,
    /// How many nodes there are.
    nodes: Option<u32>,
}

/// What one reason comes to.
struct PlacementStep {
    /// What the pod lacks.
    lacks: String,
    /// What is done about it.
    does: String,
    changes: Vec<Change>,
    /// Where it is certain.
    command: Option<String>,
}

impl<'a> UnscheduledPod<'a> {
    /// The reasons of the nodes that are meant for the pod; of nodes that are kept for others, or not chosen, only where
    /// there are no others.
    fn decisive(self, refused: Vec<NodeRefusal>) -> Vec<NodeRefusal> {
        let is_control_plane = |one: &NodeRefusal| {
            matches!(&one.why, Refusal::Taint(Some((key, _)))
                if key.ends_with("/control-plane") || key.ends_with("/master"))
        };
        let not_meant = |one: &NodeRefusal| matches!(one.why, Refusal::Selector | Refusal::Taint(_));
        // The node of a DaemonSet's pod is given: that the others are not the one is no reason.
        let elsewhere = |one: &NodeRefusal| one.why == Refusal::Selector && self.pod.placement.only.is_some();
        let mut left = refused;
        for passed_over in [&is_control_plane as &dyn Fn(&NodeRefusal) -> bool, &elsewhere, &not_meant] {
            if left.iter().any(|one| !passed_over(one)) {
                left.retain(|one| !passed_over(one));
            }
        }
        left
    }

    fn cure(self, refused: &[NodeRefusal]) -> Fix {
        let steps: Vec<PlacementStep> = refused.iter().map(|one| self.step(one)).collect();
        let room = |one: &NodeRefusal| matches!(one.why, Refusal::Insufficient(_));
        // Of one resource and another a node may lack both; else each reason is of nodes of its own.
        let all_together = refused.iter().all(room);
        let join = |parts: Vec<&str>, word: &str| parts.join(word);
        let lacks = join(steps.iter().map(|one| one.lacks.as_str()).collect(), "; ");
        let word = if all_together { ", and " } else { "; or " };
        let does = join(steps.iter().map(|one| one.does.as_str()).collect(), word);
        let mut cure = Fix::told(format!("no node takes pod {}: {lacks}: {does}", self.pod.name));
        if all_together || steps.len() == 1 {
            let commands: Option<Vec<String>> = steps.iter().map(|one| one.command.clone()).collect();
            cure.command = commands.filter(|all| !all.is_empty()).map(|all| all.join(" && "));
            cure.changes = steps.into_iter().flat_map(|one| one.changes).collect();
        }
        cure
    }

    fn step(self, refused: &NodeRefusal) -> PlacementStep {
        match &refused.why {
            Refusal::Insufficient(resource) => self.insufficient(resource),
            Refusal::Selector => self.selector(),
            Refusal::Taint(taint) => self.taint(taint.as_ref()),
            Refusal::Cordoned => self.cordoned(refused.nodes),
            Refusal::UnboundClaims => self.unbound(),
            Refusal::NoClaim(claim) => self.no_claim(claim),
            Refusal::HostPorts => self.host_ports(),
            Refusal::TooManyPods => choice(
                "the nodes that are meant for it run as many pods as they may",
                "take pods off them that are not needed, or add a node",
            ),
            Refusal::VolumeElsewhere => choice(
                &format!("the volume of {} is on a node, or in a zone, that takes no pod now", self.claims()),
                "bring that node back, or give the pod a volume where it can run",
            ),
            Refusal::OtherPods => choice(
                &format!("podAffinity and podAntiAffinity, {} has them, leave it none", self.workload),
                &format!(
                    "add a node, run fewer pods of {}, or make the rule preferredDuringSchedulingIgnoredDuringExecution",
                    self.workload
                ),
            ),
            Refusal::Spread => choice(
                &format!("topologySpreadConstraints of {} leave it none", self.workload),
                "add a node where there are fewest, or set whenUnsatisfiable to ScheduleAnyway",
            ),
            Refusal::Other(words) => {
                choice(words, &format!("make {} ask for what a node has", self.workload))
            }
        }
    }

    /// A field of the pods' template.
    fn field(self, rest: &str) -> String {
        match self.workload.kind {
            WorkloadKind::Pod => format!("spec.{rest}"),
            _ => format!("spec.template.spec.{rest}"),
        }
    }

    fn setting(self, name: impl Into<String>, rest: &str) -> Change {
        change(self.workload.to_string(), None, ChangeKind::Config, name, Some(self.field(rest)))
    }

    /// Its template can be changed: that of a Job, and a pod that nothing owns, cannot.
    fn is_changeable(self) -> bool {
        !matches!(self.workload.kind, WorkloadKind::Job | WorkloadKind::Pod)
    }

    /// A pod of the same workload, of another revision, that a node did take.
    fn before(self) -> Option<&'a Pod> {
        let mut all = self.scene.cluster.pods.iter();
        all.find(|other| {
            other.workload == self.pod.workload
                && other.current != self.pod.current
                && serves(other)
                && self.is_changeable()
        })
    }

    /// Fields of the pods' template, merged in.
    fn patched(self, spec: &Value) -> String {
        let patch = json!({"spec": {"template": {"spec": spec}}}).to_string();
        self.scene.kubectl.command(&["patch", &self.workload.to_string(), "-p", &patch])
    }

    fn insufficient(self, resource: &str) -> PlacementStep {
        let placement = &self.pod.placement;
        let asks =
            || placement.requests.iter().filter_map(|one| Some((one, one.all.get(resource)?.as_str())));
        let field = format!("resources.requests.{resource}");
        let of = |one: &Requests| {
            let list = if one.is_init { "initContainers" } else { "containers" };
            (list, format!("{list}[name={}].resources.requests[{resource}]", one.container))
        };
        let total = sum(&asks().map(|(_, amount)| amount).collect::<Vec<_>>()).unwrap_or_default();
        let words: Vec<String> =
            asks().map(|(one, amount)| format!("{amount} for {}", one.container)).collect();
        let lacks =
            format!("it asks for {total} {resource} ({}), and no node has that left", words.join(", "));
        // What its other pods ask for had its place.
        let raised: Vec<(&Requests, &str, Option<&str>)> = self.before().map_or_else(Vec::new, |other| {
            let lower = |(one, amount): (&'a Requests, &'a str)| {
                let before = other.placement.request(&one.container, resource);
                before.is_none_or(|before| is_less(before, amount)).then_some((one, amount, before))
            };
            asks().filter_map(lower).collect()
        });
        let container = |one: &Requests, change: Change| {
            let mut change = change;
            change.container = Some(one.container.clone());
            change
        };
        if raised.is_empty() {
            let most = asks().reduce(|one, other| if is_less(one.1, other.1) { other } else { one });
            let change = most.map(|(one, amount)| {
                container(one, self.setting(field.clone(), &of(one).1).values(Some(amount), None))
            });
            let others = self.scene.cluster.pods.iter().filter(|one| one.workload == self.pod.workload);
            let fewer = match others.filter(|one| serves(one)).count() {
                0 => "",
                _ => ", or run fewer of its pods",
            };
            let does = format!("let it ask for less {resource}, add a node that has it{fewer}");
            return PlacementStep { lacks, does, changes: change.into_iter().collect(), command: None };
        }
        let back: Vec<String> = raised
            .iter()
            .map(|(one, _, before)| format!("{} for {}", before.unwrap_or("nothing"), one.container))
            .collect();
        let mut spec = json!({});
        for (one, _, before) in &raised {
            let set = json!({"name": one.container, "resources": {"requests": {resource: before}}});
            match spec[of(one).0].as_array_mut() {
                Some(all) => all.push(set),
                None => spec[of(one).0] = json!([set]),
            }
        }
        let changes = raised.iter().map(|(one, amount, before)| {
            let mut change = self.setting(field.clone(), &of(one).1).values(Some(amount), *before);
            change.remove = before.is_none();
            container(one, change)
        });
        PlacementStep {
            lacks,
            does: format!("ask for what its other pods ask for, {}", back.join(", ")),
            changes: changes.collect(),
            command: Some(self.patched(&spec)),
        }
    }

    fn selector(self) -> PlacementStep {
        const REQUIRED: &str = "affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution";
        let placement = &self.pod.placement;
        let labels: Vec<String> =
            placement.selector.iter().map(|(key, value)| format!("{key}={value}")).collect();
        let mut asked: Vec<String> = Vec::new();
        if !labels.is_empty() {
            asked.push(format!("nodeSelector {}", labels.join(",")));
        }
        if !placement.affinity.is_empty() {
            asked.push(format!("required nodeAffinity {}", placement.affinity.join(", or ")));
        }
        let name = self.workload;
        let lacks = format!("no node has the labels that {name} asks for by {}", asked.join(" and "));
        let before = self.before().map(|other| &other.placement);
        let mut spec = json!({});
        let mut changes = Vec::new();
        for (key, value) in &placement.selector {
            let to = before.and_then(|other| other.selector.get(key));
            if to == Some(value) {
                continue;
            }
            spec["nodeSelector"][key] = json!(to);
            let path = format!("nodeSelector[{key}]");
            let mut change = self.setting(path.clone(), &path);
            change = change.values(Some(value), to.map(String::as_str));
            change.remove = to.is_none();
            changes.push(change);
        }
        // What another revision asks for by affinity is not known as it is written, only that it asks for nothing.
        let has_other = before.is_some_and(|other| !other.affinity.is_empty());
        if !placement.affinity.is_empty() && !has_other {
            spec["affinity"]["nodeAffinity"]["requiredDuringSchedulingIgnoredDuringExecution"] = Value::Null;
            let mut change = self.setting(REQUIRED, REQUIRED);
            change = change.values(Some(&placement.affinity.join(", or ")), None);
            change.remove = true;
            changes.push(change);
        }
        let is_certain = self.is_changeable() && !changes.is_empty();
        let does = match before {
            Some(_) if is_certain => "have what its other pods have".to_owned(),
            _ if is_certain => "take that away, or label the node that is meant".to_owned(),
            _ => "label the node that is meant, or ask for what a node has".to_owned(),
        };
        let command = is_certain.then(|| self.patched(&spec));
        PlacementStep { lacks, does, changes, command }
    }

    fn taint(self, taint: Option<&(String, String)>) -> PlacementStep {
        let Some((key, value)) = taint else {
            return choice(
                "nodes have taints that it does not tolerate",
                "take the taint off a node that is meant for it, or have it tolerated",
            );
        };
        let shown = if value.is_empty() { key.clone() } else { format!("{key}={value}") };
        let lacks = format!("the nodes have taint {shown}, which it does not tolerate");
        // Kubernetes and what runs on a cloud say by these how a node is.
        let is_state = key.starts_with("node.kubernetes.io/")
            || key.starts_with("node.cloudprovider.kubernetes.io/")
            || key.ends_with("OfClusterAutoscaler")
            || key.ends_with("ByClusterAutoscaler");
        if is_state {
            return choice(&lacks, "mend that state of the node, or add one: the taint goes by itself");
        }
        let name = format!("tolerations[key={key}]");
        let toleration = match value.as_str() {
            "" => json!({"key": key, "operator": "Exists"}),
            value => json!({"key": key, "operator": "Equal", "value": value}),
        };
        let of_it = |one: &&Value| one["key"] == key.as_str();
        let before = self.before().and_then(|other| other.placement.tolerations.iter().find(of_it));
        let change = self.setting(name, "tolerations");
        if let Some(before) = before {
            let mut all: Vec<&Value> = self.pod.placement.tolerations.iter().collect();
            all.retain(|one| !one["key"].as_str().is_some_and(|key| key.starts_with("node.kubernetes.io/")));
            all.push(before);
            return PlacementStep {
                lacks,
                does: "have it tolerated, as its other pods do".to_owned(),
                changes: vec![change.values(None, Some(&before.to_string()))],
                command: Some(self.patched(&json!({ "tolerations": all }))),
            };
        }
        PlacementStep {
            lacks,
            does: "have it tolerated, or take the taint off a node that is meant for it".to_owned(),
            changes: vec![change.values(None, Some(&toleration.to_string()))],
            command: None,
        }
    }

    fn cordoned(self, count: Option<u32>) -> PlacementStep {
        let nodes: BTreeSet<&str> =
            self.scene.cluster.pods.iter().filter_map(|one| one.placement.node.as_deref()).collect();
        // Where all of them are, or the only one that the pod may be on is there, its name is known.
        let known: Vec<&str> = match &self.pod.placement.only {
            Some(only) => nodes.iter().copied().filter(|one| one == only).collect(),
            None if count.is_some() && count == self.nodes => nodes.into_iter().collect(),
            None => Vec::new(),
        };
        let command = (!known.is_empty())
            .then(|| self.scene.kubectl.command(&[&["uncordon"], known.as_slice()].concat()));
        let which = if known.is_empty() { "the node".to_owned() } else { known.join(", ") };
        PlacementStep {
            lacks: "the nodes that are meant for it are cordoned".to_owned(),
            does: format!("let {which} take pods again once its maintenance is over"),
            changes: Vec::new(),
            command,
        }
    }

    fn host_ports(self) -> PlacementStep {
        let ports = &self.pod.placement.host_ports;
        let words: Vec<String> =
            ports.iter().map(|(container, port)| format!("{port} of {container}")).collect();
        choice(
            &format!(
                "the hostPort that it takes ({}) is taken on the nodes that are meant for it",
                words.join(", ")
            ),
            "run no more of its pods than there are nodes, or leave hostPort out: Services need none",
        )
    }
}

fn choice(lacks: &str, does: &str) -> PlacementStep {
    PlacementStep { lacks: lacks.to_owned(), does: does.to_owned(), changes: Vec::new(), command: None }
}
