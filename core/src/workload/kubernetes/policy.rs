//! Which NetworkPolicies keep a client from a server. Whether anything enforces them is the network plugin's matter: only
//! a dial that fails tells. What cannot be decided from the policies alone (address blocks, labels of namespaces) counts
//! as let through.

use std::collections::BTreeMap;

use super::object::{Expression, NetworkPolicy, Peer, PolicyPort, PolicyRule, Selector, TargetPort};

/// PodLabels of a pod.
pub type PodLabels = BTreeMap<String, String>;

/// Where a dial ends: a pod's labels, its port, and the names that its containers give to ports.
#[derive(Clone, Copy, Debug)]
pub struct DialledPod<'a> {
    pub labels: &'a PodLabels,
    pub port: u16,
    pub names: &'a BTreeMap<String, u16>,
}

/// The policies that keep a client from a server: none on either side, or all that select it there.
#[derive(Clone, Debug, Default)]
pub struct KeepingPolicies<'a> {
    /// They select the server, and let nobody like the client in.
    pub ingress: Vec<&'a NetworkPolicy>,
    /// They select the client, and let it out to nothing like the server.
    pub egress: Vec<&'a NetworkPolicy>,
}

/// The policies of a namespace that keep pods with these labels from a server of the same namespace.
#[must_use]
pub fn kept_from<'a>(
    policies: &'a [NetworkPolicy],
    namespace: &str,
    client: &PodLabels,
    server: DialledPod<'_>,
) -> KeepingPolicies<'a> {
    let selecting = |kind: &'static str, labels: &PodLabels| -> Vec<&'a NetworkPolicy> {
        policies.iter().filter(|one| one.is_about(kind) && one.spec.pod_selector.selects(labels)).collect()
    };
    let mut kept =
        KeepingPolicies { ingress: selecting("Ingress", server.labels), egress: selecting("Egress", client) };
    let lets_in = |rule: &PolicyRule| peers(&rule.from, namespace, client) && ports(&rule.ports, server);
    if kept.ingress.iter().flat_map(|one| &one.spec.ingress).any(lets_in) {
        kept.ingress.clear();
    }
    let lets_out =
        |rule: &PolicyRule| peers(&rule.to, namespace, server.labels) && ports(&rule.ports, server);
    if kept.egress.iter().flat_map(|one| &one.spec.egress).any(lets_out) {
        kept.egress.clear();
    }
    kept
}

impl NetworkPolicy {
    /// Which traffic it is about; where it does not say, ingress, and egress if it has a rule for it.
    #[must_use]
    pub fn is_about(&self, kind: &str) -> bool {
        let types = &self.spec.policy_types;
        if types.is_empty() {
            return kind == "Ingress" || !self.spec.egress.is_empty();
        }
        types.iter().any(|one| one == kind)
    }
}

impl Selector {
    /// Whether it selects what has these labels.
    #[must_use]
    pub fn selects(&self, labels: &PodLabels) -> bool {
        self.match_labels.iter().all(|(key, value)| labels.get(key) == Some(value))
            && self.match_expressions.iter().all(|one| holds(one, labels))
    }
}

fn peers(all: &[Peer], namespace: &str, labels: &PodLabels) -> bool {
    all.is_empty()
        || all.iter().any(|peer| {
            if peer.ip_block.is_some() {
                return true;
            }
            let home = peer.namespace_selector.as_ref().is_none_or(|one| may_be(one, namespace));
            home && peer.pod_selector.as_ref().is_none_or(|one| one.selects(labels))
        })
}

/// Whether a selector of namespaces may select the one of this name: of its labels only its name is known.
fn may_be(selector: &Selector, namespace: &str) -> bool {
    const NAME: &str = "kubernetes.io/metadata.name";
    let named = selector.match_labels.get(NAME).is_none_or(|name| name == namespace);
    let own = PodLabels::from([(NAME.to_owned(), namespace.to_owned())]);
    named && selector.match_expressions.iter().filter(|one| one.key == NAME).all(|one| holds(one, &own))
}

fn ports(all: &[PolicyPort], server: DialledPod<'_>) -> bool {
    all.is_empty()
        || all.iter().filter(|one| matches!(one.protocol.as_str(), "" | "TCP")).any(|one| {
            let port = match &one.port {
                None => return true,
                Some(TargetPort::Number(port)) => *port,
                // A name that no container gives to a port lets nobody in.
                Some(TargetPort::Name(name)) => match server.names.get(name) {
                    Some(port) => *port,
                    None => return false,
                },
            };
            (port..=one.end_port.unwrap_or(port)).contains(&server.port)
        })
}

fn holds(one: &Expression, labels: &PodLabels) -> bool {
    let value = labels.get(&one.key);
    let named = value.is_some_and(|value| one.values.contains(value));
    match one.operator.as_str() {
        "In" => named,
        "NotIn" => !named,
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn policy(spec: serde_json::Value) -> NetworkPolicy {
        serde_json::from_value(json!({"metadata": {"name": "one"}, "spec": spec})).unwrap()
    }

    fn labels(app: &str) -> PodLabels {
        PodLabels::from([("app".to_owned(), app.to_owned())])
    }

    /// Whether these policies keep the scheduler from NATS at 4222, which its container calls `client`.
    fn keeps(specs: &[serde_json::Value]) -> bool {
        let policies: Vec<_> = specs.iter().cloned().map(policy).collect();
        let names = BTreeMap::from([("client".to_owned(), 4222)]);
        let server = DialledPod { labels: &labels("nats"), port: 4222, names: &names };
        {
            let kept = kept_from(&policies, "cordum", &labels("scheduler"), server);
            !kept.ingress.is_empty() || !kept.egress.is_empty()
        }
    }

    #[test]
    fn what_lets_nobody_in_keeps_out_until_another_policy_lets_in() {
        let deny = json!({"podSelector": {}, "policyTypes": ["Ingress"]});
        assert!(!keeps(&[]));
        assert!(keeps(std::slice::from_ref(&deny)));
        let of = |from: serde_json::Value, ports: serde_json::Value| json!({"podSelector": {"matchLabels": {"app": "nats"}}, "ingress": [{"from": from, "ports": ports}]});
        let scheduler = json!([{"podSelector": {"matchLabels": {"app": "scheduler"}}}]);
        for lets_in in [
            of(scheduler.clone(), json!([{"port": 4222}])),
            of(scheduler.clone(), json!([{"port": "client", "protocol": "TCP"}])),
            of(scheduler.clone(), json!([{"port": 4000, "endPort": 5000}])),
            of(scheduler.clone(), json!([])),
            of(json!([]), json!([{"port": 4222}])),
            of(json!([{"ipBlock": {"cidr": "10.0.0.0/8"}}]), json!([])),
            of(json!([{"namespaceSelector": {"matchLabels": {"team": "x"}}}]), json!([])),
            of(
                json!([{"podSelector": {"matchExpressions": [{"key": "app", "operator": "In", "values": ["scheduler", "x"]}]}}]),
                json!([]),
            ),
        ] {
            assert!(!keeps(&[deny.clone(), lets_in.clone()]), "{lets_in}");
        }
        for keeps_out in [
            of(scheduler.clone(), json!([{"port": 6222}])),
            of(scheduler.clone(), json!([{"port": 4222, "protocol": "UDP"}])),
            of(scheduler.clone(), json!([{"port": "no-such-name"}])),
            of(json!([{"podSelector": {"matchLabels": {"app": "gateway"}}}]), json!([])),
            of(
                json!([{"podSelector": {}, "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "other"}}}]),
                json!([]),
            ),
            of(
                json!([{"podSelector": {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["scheduler"]}]}}]),
                json!([]),
            ),
        ] {
            assert!(keeps(std::slice::from_ref(&keeps_out)), "{keeps_out}");
        }
        // It selects other pods.
        assert!(!keeps(&[
            json!({"podSelector": {"matchLabels": {"app": "redis"}}, "policyTypes": ["Ingress"]})
        ]));
    }

    #[test]
    fn what_lets_nobody_out_keeps_in() {
        let egress =
            |to: serde_json::Value| json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": to});
        assert!(keeps(&[egress(json!([]))]));
        assert!(!keeps(&[egress(json!([{}]))]));
        assert!(!keeps(&[egress(json!([{"to": [{"podSelector": {"matchLabels": {"app": "nats"}}}]}]))]));
        assert!(keeps(&[egress(json!([{"to": [{"podSelector": {"matchLabels": {"app": "redis"}}}]}]))]));
        // Names alone are let out.
        assert!(keeps(&[egress(json!([{"ports": [{"port": 53, "protocol": "UDP"}]}]))]));
    }
}
