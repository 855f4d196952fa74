//! The scheduler's own grammar: of how many nodes it said what, where no node takes a pod.
//!
//! `0/3 nodes are available: 1 node(s) had untolerated taint {dedicated: gpu}, 2 Insufficient cpu. preemption: …`

/// Why nodes do not take a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Too little of a resource is left: `cpu`, `memory`, `nvidia.com/gpu`.
    Insufficient(String),
    TooManyPods,
    /// The node has not the labels that the pod's selector or required affinity asks for.
    Selector,
    /// Which, where it is said: key and value.
    Taint(Option<(String, String)>),
    /// It takes no more pods: it is cordoned.
    Cordoned,
    HostPorts,
    /// Claims without a volume, of which none waits for the pod's node.
    UnboundClaims,
    NoClaim(String),
    /// The pod's volume is on other nodes, or in another zone.
    VolumeElsewhere,
    /// Other pods keep it away, or it asks for others beside it.
    OtherPods,
    Spread,
    /// In the scheduler's words.
    Other(String),
}

/// What it said, and of how many nodes; of all of them where it did not come to look at any.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeRefusal {
    pub nodes: Option<u32>,
    pub why: Refusal,
}

/// A verdict of the scheduler.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Unschedulable {
    /// How many nodes there are, where that is said.
    pub nodes: Option<u32>,
    pub refused: Vec<NodeRefusal>,
}

impl Unschedulable {
    /// Reads the message of the condition `PodScheduled` or of an event `FailedScheduling`.
    #[must_use]
    pub fn read(message: &str) -> Self {
        let counted = message.split_once(" nodes are available: ").and_then(|(front, rest)| {
            let nodes: u32 = front.strip_prefix("0/")?.parse().ok()?;
            Some((nodes, rest))
        });
        let (nodes, rest) = match counted {
            Some((nodes, rest)) => (Some(nodes), rest),
            None => (None, message),
        };
        // What it says of preemption comes after.
        let reasons = rest.split_once(". ").map_or(rest, |(reasons, _)| reasons).trim_end_matches('.');
        let refused =
            each(reasons).into_iter().map(|(nodes, words)| NodeRefusal { nodes, why: refusal(words) });
        Self { nodes, refused: refused.collect() }
    }
}

/// Reasons apart, each with its number; a reason may have a comma in it.
fn each(reasons: &str) -> Vec<(Option<u32>, &str)> {
    let numbered = |text: &str| text.split_once(' ').is_some_and(|(number, _)| number.parse::<u32>().is_ok());
    let mut all = Vec::new();
    let mut rest = reasons;
    while !rest.is_empty() {
        let next = rest.match_indices(", ").find(|(at, _)| numbered(&rest[at + 2..])).map(|(at, _)| at);
        let (one, after) = next.map_or((rest, ""), |at| (&rest[..at], &rest[at + 2..]));
        let counted = one.split_once(' ').and_then(|(number, words)| Some((number.parse().ok()?, words)));
        all.push(counted.map_or((None, one), |(number, words)| (Some(number), words)));
        rest = after;
    }
    all
}

fn refusal(words: &str) -> Refusal {
    if let Some(resource) = words.strip_prefix("Insufficient ") {
        return Refusal::Insufficient(resource.to_owned());
    }
    if words.contains(" taint") {
        let inner = words.split_once('{').and_then(|(_, rest)| rest.split_once('}')).map(|(inner, _)| inner);
        let pair = inner.and_then(|inner| inner.split_once(':'));
        let pair = pair.map(|(key, value)| (key.trim().to_owned(), value.trim().to_owned()));
        return Refusal::Taint(pair);
    }
    if let Some((name, end)) =
        words.strip_prefix("persistentvolumeclaim \"").and_then(|rest| rest.split_once('"'))
        && end.starts_with(" not found")
    {
        return Refusal::NoClaim(name.to_owned());
    }
    let table: [(&str, Refusal); 12] = [
        ("Too many pods", Refusal::TooManyPods),
        ("node affinity/selector", Refusal::Selector),
        ("match node selector", Refusal::Selector),
        ("scheduler-enforced node affinity", Refusal::Selector),
        ("plugin(s) [NodeAffinity]", Refusal::Selector),
        ("were unschedulable", Refusal::Cordoned),
        ("free ports", Refusal::HostPorts),
        ("unbound immediate PersistentVolumeClaims", Refusal::UnboundClaims),
        ("available persistent volumes to bind", Refusal::UnboundClaims),
        ("volume node affinity conflict", Refusal::VolumeElsewhere),
        ("affinity rules", Refusal::OtherPods),
        ("topology spread constraints", Refusal::Spread),
    ];
    let found = table.into_iter().find(|(part, _)| words.contains(part)).map(|(_, why)| why);
    found.unwrap_or_else(|| Refusal::Other(words.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taint(key: &str, value: &str) -> Refusal {
        Refusal::Taint(Some((key.to_owned(), value.to_owned())))
    }

    #[test]
    fn each_reason_is_read_with_its_number() {
        let cpu = || Refusal::Insufficient("cpu".to_owned());
        let memory = || Refusal::Insufficient("memory".to_owned());
        let rows: [(&str, Option<u32>, Vec<(Option<u32>, Refusal)>); 10] = [
            ("0/1 nodes are available: 1 Insufficient cpu.", Some(1), vec![(Some(1), cpu())]),
            (
                "0/3 nodes are available: 1 node(s) had untolerated taint {node-role.kubernetes.io/control-plane: }, 2 Insufficient cpu, 2 Insufficient memory. preemption: 0/3 nodes are available: 1 Preemption is not helpful for scheduling, 2 No preemption victims found for incoming pod.",
                Some(3),
                vec![
                    (Some(1), taint("node-role.kubernetes.io/control-plane", "")),
                    (Some(2), cpu()),
                    (Some(2), memory()),
                ],
            ),
            (
                "0/2 nodes are available: 1 node(s) had taint {dedicated: gpu}, that the pod didn't tolerate, 1 Insufficient nvidia.com/gpu.",
                Some(2),
                vec![
                    (Some(1), taint("dedicated", "gpu")),
                    (Some(1), Refusal::Insufficient("nvidia.com/gpu".to_owned())),
                ],
            ),
            (
                "0/1 nodes are available: 1 node(s) had untolerated taint(s). no new claims to deallocate, preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
                Some(1),
                vec![(Some(1), Refusal::Taint(None))],
            ),
            (
                "0/4 nodes are available: 1 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector.",
                Some(4),
                vec![(Some(1), Refusal::Cordoned), (Some(3), Refusal::Selector)],
            ),
            (
                "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
                Some(1),
                vec![(None, Refusal::UnboundClaims)],
            ),
            (
                "0/1 nodes are available: persistentvolumeclaim \"data.x\" not found. preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling.",
                Some(1),
                vec![(None, Refusal::NoClaim("data.x".to_owned()))],
            ),
            (
                "persistentvolumeclaim \"data\" not found",
                None,
                vec![(None, Refusal::NoClaim("data".to_owned()))],
            ),
            (
                "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules.",
                Some(2),
                vec![(Some(2), Refusal::OtherPods)],
            ),
            (
                "no nodes available to schedule pods",
                None,
                vec![(None, Refusal::Other("no nodes available to schedule pods".to_owned()))],
            ),
        ];
        for (message, nodes, wanted) in rows {
            let read = Unschedulable::read(message);
            let refused: Vec<_> = read.refused.into_iter().map(|one| (one.nodes, one.why)).collect();
            assert_eq!((read.nodes, refused), (nodes, wanted), "{message}");
        }
    }
}
