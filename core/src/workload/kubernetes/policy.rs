//! Which NetworkPolicies keep a client from a server. Whether anything enforces them is the network plugin's matter: only
//! a dial that fails tells. What cannot be decided from the policies alone (address blocks, labels of namespaces) counts
//! as let through.

use std::collections::BTreeMap;

use super::object::{Expression, NetworkPolicy, Peer, PolicyPort, PolicyRule, Selector, TargetPort};

/// PodLabels of a pod.
pub type PodLabels = BTreeMap<String, String>;

/// The label that every namespace has of itself.
const NAME: &str = "kubernetes.io/metadata.name";

/// Pods at one end of a connection, as selectors see them.
#[derive(Clone, Copy, Debug)]
pub struct PolicyEnd<'a> {
    pub namespace: &'a str,
    pub labels: &'a PodLabels,
    /// The labels of their namespace; `None`: only its name is known.
    pub home: Option<&'a PodLabels>,
}

/// Where a dial ends: the port of the pod, and the names that its containers give to ports.
#[derive(Clone, Copy, Debug)]
pub struct DialledPod<'a> {
    pub end: PolicyEnd<'a>,
    pub port: u16,
    pub names: &'a BTreeMap<String, u16>,
}

/// Whether something is let through; what lies between depends on addresses and labels that nobody has described.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Passage {
    Shut,
    Perhaps,
    Open,
}

/// The policies that keep a client from a server: none on either side, or all that select it there.
#[derive(Clone, Debug, Default)]
pub struct KeepingPolicies<'a> {
    /// They select the server, and let nobody like the client in.
    pub ingress: Vec<&'a NetworkPolicy>,
    /// They select the client, and let it out to nothing like the server.
    pub egress: Vec<&'a NetworkPolicy>,
    /// They let it through only if addresses or labels are what nobody has described.
    pub perhaps: Vec<&'a NetworkPolicy>,
}

/// The policies that keep such pods from a server.
#[must_use]
pub fn kept_from<'a>(
    policies: impl Iterator<Item = &'a NetworkPolicy> + Clone,
    client: PolicyEnd<'_>,
    server: DialledPod<'_>,
) -> KeepingPolicies<'a> {
    let mut kept = KeepingPolicies {
        ingress: selecting(policies.clone(), "Ingress", server.end),
        egress: selecting(policies, "Egress", client),
        perhaps: Vec::new(),
    };
    let lets_in = |one: &NetworkPolicy| {
        let of = |rule: &PolicyRule| {
            peers(&rule.from, server.end.namespace, client).min(at_port(
                &rule.ports,
                &[server.port],
                server.names,
            ))
        };
        one.spec.ingress.iter().map(of).max().unwrap_or(Passage::Shut)
    };
    let lets_out = |one: &NetworkPolicy| {
        let of = |rule: &PolicyRule| {
            peers(&rule.to, client.namespace, server.end).min(at_port(
                &rule.ports,
                &[server.port],
                server.names,
            ))
        };
        one.spec.egress.iter().map(of).max().unwrap_or(Passage::Shut)
    };
    let mut settle = |all: &mut Vec<&'a NetworkPolicy>, lets: &dyn Fn(&NetworkPolicy) -> Passage| match all
        .iter()
        .map(|one| lets(one))
        .max()
    {
        Some(Passage::Perhaps) => kept.perhaps.append(all),
        Some(Passage::Open) => all.clear(),
        Some(Passage::Shut) | None => {}
    };
    settle(&mut kept.ingress, &lets_in);
    settle(&mut kept.egress, &lets_out);
    kept
}

/// The policies that let such pods out to somebody, and to nobody who could tell them an address of a name. `beside`:
/// whether pods of their own namespace with such labels are described.
#[must_use]
pub fn without_names<'a>(
    policies: impl Iterator<Item = &'a NetworkPolicy> + Clone,
    client: PolicyEnd<'_>,
    beside: &dyn Fn(&Selector) -> bool,
) -> Vec<&'a NetworkPolicy> {
    /// OpenShift's pods of DNS listen at the second one.
    const DNS: [u16; 2] = [53, 5353];
    let nobody = BTreeMap::new();
    let lets_out = |rule: &PolicyRule| {
        let udp = rule.ports.iter().filter(|one| one.protocol == "UDP").cloned();
        let udp: Vec<PolicyPort> = udp.map(|one| PolicyPort { protocol: String::new(), ..one }).collect();
        let named = udp.iter().any(|one| matches!(one.port, Some(TargetPort::Name(_))));
        let ports = rule.ports.is_empty()
            || named
            || (!udp.is_empty() && at_port(&udp, &DNS, &nobody) == Passage::Open);
        // Pods of one's own namespace are no cluster's DNS, unless they are described.
        let reaches = |peer: &Peer| {
            peer.ip_block.is_some()
                || peer.namespace_selector.is_some()
                || client.namespace == "kube-system"
                || peer.pod_selector.as_ref().is_some_and(beside)
        };
        ports && (rule.to.is_empty() || rule.to.iter().any(reaches))
    };
    let mut all = selecting(policies, "Egress", client);
    if all.iter().flat_map(|one| &one.spec.egress).any(lets_out) {
        all.clear();
    }
    all
}

fn selecting<'a>(
    policies: impl Iterator<Item = &'a NetworkPolicy>,
    kind: &'static str,
    end: PolicyEnd<'_>,
) -> Vec<&'a NetworkPolicy> {
    let at_home =
        |one: &NetworkPolicy| one.metadata.namespace.is_empty() || one.metadata.namespace == end.namespace;
    policies
        .filter(|one| at_home(one) && one.is_about(kind) && one.spec.pod_selector.selects(end.labels))
        .collect()
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

    /// Whether it asks for no other label than this one.
    fn is_about_alone(&self, label: &str) -> bool {
        self.match_labels.keys().all(|key| key == label)
            && self.match_expressions.iter().all(|one| one.key == label)
    }
}

/// `home`: the namespace of the policy.
fn peers(all: &[Peer], home: &str, end: PolicyEnd<'_>) -> Passage {
    let of = |peer: &Peer| {
        if let Some(block) = &peer.ip_block {
            let all = matches!(block["cidr"].as_str(), Some("0.0.0.0/0" | "::/0"));
            return if all && block["except"].is_null() { Passage::Open } else { Passage::Perhaps };
        }
        let space = match &peer.namespace_selector {
            None if home == end.namespace => Passage::Open,
            None => Passage::Shut,
            Some(selector) => is_of(selector, end),
        };
        let pods = peer.pod_selector.as_ref().is_none_or(|one| one.selects(end.labels));
        if pods { space } else { Passage::Shut }
    };
    if all.is_empty() { Passage::Open } else { all.iter().map(of).max().unwrap_or(Passage::Shut) }
}

/// Whether a selector of namespaces selects that of some pods: where its labels are not described, all but its name
/// may be anything.
fn is_of(selector: &Selector, end: PolicyEnd<'_>) -> Passage {
    let mut own = end.home.cloned().unwrap_or_default();
    own.insert(NAME.to_owned(), end.namespace.to_owned());
    if selector.selects(&own) && (end.home.is_some() || selector.is_about_alone(NAME)) {
        return Passage::Open;
    }
    if end.home.is_some() {
        return Passage::Shut;
    }
    let named = selector.match_labels.get(NAME).is_none_or(|name| name == end.namespace);
    let expressed =
        selector.match_expressions.iter().filter(|one| one.key == NAME).all(|one| holds(one, &own));
    if !(named && expressed) || selector.is_about_alone(NAME) { Passage::Shut } else { Passage::Perhaps }
}

/// Whether one of these ports of TCP is let through; a name that no container gives to a port lets nobody in.
fn at_port(all: &[PolicyPort], wanted: &[u16], names: &BTreeMap<String, u16>) -> Passage {
    let tcp = |one: &&PolicyPort| matches!(one.protocol.as_str(), "" | "TCP");
    let fits = |one: &PolicyPort| {
        let port = match &one.port {
            None => return true,
            Some(TargetPort::Number(port)) => *port,
            Some(TargetPort::Name(name)) => match names.get(name) {
                Some(port) => *port,
                None => return false,
            },
        };
        let range = port..=one.end_port.unwrap_or(port);
        wanted.iter().any(|port| range.contains(port))
    };
    if all.is_empty() || all.iter().filter(tcp).any(fits) { Passage::Open } else { Passage::Shut }
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
        let (nats, scheduler) = (labels("nats"), labels("scheduler"));
        let of = |labels| PolicyEnd { namespace: "cordum", labels, home: None };
        let server = DialledPod { end: of(&nats), port: 4222, names: &names };
        let kept = kept_from(policies.iter(), of(&scheduler), server);
        !kept.ingress.is_empty() || !kept.egress.is_empty()
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

    /// What a policy of `shop` says of clients in another namespace.
    #[test]
    fn labels_of_a_namespace_count_where_they_are_described() {
        let asks = |selector: serde_json::Value| {
            let spec = json!({"podSelector": {}, "ingress": [{"from": [{"namespaceSelector": selector}]}]});
            NetworkPolicy {
                metadata: serde_json::from_value(json!({"name": "one", "namespace": "shop"})).unwrap(),
                ..policy(spec)
            }
        };
        let told = |selector: serde_json::Value, home: Option<&PodLabels>| {
            let (one, nothing) = ([asks(selector)], BTreeMap::new());
            let (store, web) = (labels("store"), labels("web"));
            let end = PolicyEnd { namespace: "shop", labels: &store, home: None };
            let client = PolicyEnd { namespace: "front", labels: &web, home };
            let kept = kept_from(one.iter(), client, DialledPod { end, port: 6379, names: &nothing });
            (kept.ingress.len(), kept.perhaps.len())
        };
        let team = json!({"matchLabels": {"team": "web"}});
        let named = json!({"matchLabels": {"kubernetes.io/metadata.name": "front"}});
        let is_web = PodLabels::from([("team".to_owned(), "web".to_owned())]);
        assert_eq!(told(team.clone(), None), (0, 1));
        assert_eq!(told(team.clone(), Some(&is_web)), (0, 0));
        assert_eq!(told(team, Some(&PodLabels::new())), (1, 0));
        assert_eq!(told(named, None), (0, 0));
        assert_eq!(told(json!({"matchLabels": {"kubernetes.io/metadata.name": "back"}}), None), (1, 0));
    }

    #[test]
    fn who_is_let_out_to_a_server_has_to_find_its_name() {
        let silent = |egress: serde_json::Value, beside: bool| {
            let one = [policy(json!({"podSelector": {}, "policyTypes": ["Egress"], "egress": egress}))];
            let own = labels("web");
            let client = PolicyEnd { namespace: "shop", labels: &own, home: None };
            !without_names(one.iter(), client, &|_| beside).is_empty()
        };
        let dns = json!([{"port": 53, "protocol": "UDP"}]);
        for (egress, beside, wanted) in [
            (json!([{"ports": [{"port": 4222}]}]), false, true),
            (json!([{}]), false, false),
            (json!([{"ports": dns}]), false, false),
            (json!([{"ports": [{"port": 53}]}]), false, true),
            (json!([{"ports": [{"port": 5353, "protocol": "UDP"}]}]), false, false),
            (json!([{"ports": [{"port": "dns", "protocol": "UDP"}]}]), false, false),
            (json!([{"ports": [{"protocol": "UDP"}]}]), false, false),
            (json!([{"to": [{"namespaceSelector": {}}], "ports": dns}]), false, false),
            (
                json!([{"to": [{"podSelector": {"matchLabels": {"k8s-app": "kube-dns"}}}], "ports": dns}]),
                false,
                true,
            ),
            (json!([{"to": [{"podSelector": {"matchLabels": {"app": "dns"}}}], "ports": dns}]), true, false),
            (json!([{"to": [{"ipBlock": {"cidr": "169.254.20.10/32"}}], "ports": dns}]), false, false),
        ] {
            assert_eq!(silent(egress.clone(), beside), wanted, "{egress}");
        }
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
