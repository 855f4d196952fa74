//! What a pod asks of the node that is to take it, and which one took it.

use std::collections::BTreeMap;

use super::object;

/// Labels that a node has of itself: its name.
const HOST_NAME: &str = "kubernetes.io/hostname";

/// What a container asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    pub container: String,
    /// It stands among the init containers, as a sidecar.
    pub is_init: bool,
    /// By resource, as it is written.
    pub all: BTreeMap<String, String>,
}

/// Where a pod may run, and where it does.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Placement {
    /// The node that it is on.
    pub node: Option<String>,
    /// The only node that it may be on (one pod of a DaemonSet, or one chosen by its host name).
    pub only: Option<String>,
    pub selector: BTreeMap<String, String>,
    /// Required node affinity: of each term, one of which has to fit, its expressions.
    pub affinity: Vec<String>,
    pub tolerations: Vec<serde_json::Value>,
    /// Of each container that runs along with the others.
    pub requests: Vec<Requests>,
    /// PersistentVolumeClaims by the volume that they are.
    pub claims: Vec<(String, String)>,
    /// Ports of the node, with the container that takes them.
    pub host_ports: Vec<(String, u16)>,
}

impl Placement {
    /// What a container asks for of a resource.
    #[must_use]
    pub fn request(&self, container: &str, resource: &str) -> Option<&str> {
        let own = self.requests.iter().find(|one| one.container == container)?;
        own.all.get(resource).map(String::as_str)
    }

    pub(super) fn read(spec: &object::PodSpec) -> Self {
        let terms = &spec.affinity.node_affinity.required.node_selector_terms;
        let words = |one: &object::Expression| {
            let values = one.values.join(", ");
            if values.is_empty() {
                format!("{} {}", one.key, one.operator)
            } else {
                format!("{} {} ({values})", one.key, one.operator)
            }
        };
        let affinity = terms
            .iter()
            .map(|term| term.match_expressions.iter().map(words).collect::<Vec<_>>().join(" and "))
            .filter(|term| !term.is_empty());
        // The controller of a DaemonSet names the node of each of its pods by this field.
        let field = |term: &object::NodeSelectorTerm| match term.match_fields.as_slice() {
            [one] if one.key == "metadata.name" && one.operator == "In" => one.values.first().cloned(),
            _ => None,
        };
        let only = match terms.as_slice() {
            [term] => field(term),
            _ => None,
        };
        let runs_along = |one: &&object::ContainerSpec| one.restart_policy == "Always";
        let running = || {
            let sidecars = spec.init_containers.iter().filter(runs_along).map(|one| (true, one));
            spec.containers.iter().map(|one| (false, one)).chain(sidecars)
        };
        let requests = running().map(|(is_init, one)| {
            let all = one.resources.requests.iter().filter_map(|(name, value)| match value {
                serde_json::Value::String(text) => Some((name.clone(), text.clone())),
                serde_json::Value::Number(number) => Some((name.clone(), number.to_string())),
                _ => None,
            });
            Requests { container: one.name.clone(), is_init, all: all.collect() }
        });
        let host_ports = running().flat_map(|(_, one)| {
            let taken = one.ports.iter().filter(|port| port.host_port != 0);
            taken.map(|port| (one.name.clone(), port.host_port))
        });
        let claims = spec.volumes.iter().filter_map(|volume| {
            let claim = volume.persistent_volume_claim.as_ref()?;
            Some((volume.name.clone(), claim.claim_name.clone()))
        });
        Self {
            node: (!spec.node_name.is_empty()).then(|| spec.node_name.clone()),
            only: only.or_else(|| spec.node_selector.get(HOST_NAME).cloned()),
            selector: spec.node_selector.clone(),
            affinity: affinity.collect(),
            tolerations: spec.tolerations.clone(),
            requests: requests.collect(),
            claims: claims.collect(),
            host_ports: host_ports.collect(),
        }
    }
}
