//! NetworkPolicies that keep a client of the stack from its server, or from finding its address. Whether the network
//! enforces them no file tells; what they say, they say.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::Finding;
use super::context::RuleContext;
use super::verdict::Undecided;
use crate::cause::{CauseKind, Severity};
use crate::manifest::DescribedPolicy;
use crate::remedy::{Change, ChangeKind};
use crate::wiring::{Dial, Dialler, Listener, Program};
use crate::workload::Place;
use crate::workload::kubernetes::object::{NetworkPolicy, Selector};
use crate::workload::kubernetes::{
    DialledPod, KeepingPolicies, PodLabels, PolicyEnd, kept_from, without_names,
};

/// Who is kept from what by which policies: one finding for all of them.
#[derive(Default)]
struct KeptClients {
    clients: BTreeSet<usize>,
    servers: BTreeSet<(usize, u16)>,
}

/// The names of the policies that do it, in one namespace.
type PolicyNames = (String, Vec<String>);

/// Looks at every connection between two pods that are described.
pub(super) fn kept_out(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    let mut ingress: BTreeMap<(PolicyNames, usize, u16), KeptClients> = BTreeMap::new();
    let mut egress: BTreeMap<PolicyNames, KeptClients> = BTreeMap::new();
    let mut nameless: BTreeMap<PolicyNames, KeptClients> = BTreeMap::new();
    for (client, dial, listener) in connections(case) {
        let Some(port) = listener.port else { continue };
        let kept = keeping(case, client, listener, port);
        if let Some(names) = named(&kept.ingress) {
            let one = ingress.entry((names, listener.workload, port)).or_default();
            one.clients.insert(client);
        }
        if let Some(names) = named(&kept.egress) {
            let one = egress.entry(names).or_default();
            one.clients.insert(client);
            one.servers.insert((listener.workload, port));
        }
        let by_name = dial.host.as_deref().is_some_and(|host| host.parse::<std::net::IpAddr>().is_err());
        let end = end(case, client);
        let silent = without_names(objects(case), end, &|selector| beside(case, end.namespace, selector));
        if let Some(names) = named(&silent).filter(|_| by_name) {
            nameless.entry(names).or_default().clients.insert(client);
        }
    }
    for ((names, server, port), kept) in &ingress {
        findings.extend(not_let_in(case, names, (*server, *port), kept));
    }
    for (names, kept) in &egress {
        findings.extend(not_let_out(case, names, kept));
    }
    for (names, kept) in &nameless {
        findings.extend(without_dns(case, names, kept));
    }
}

/// What only addresses and labels that nobody has described decide.
pub(super) fn undecided(case: &RuleContext<'_>) -> Vec<Undecided> {
    let mut all: Vec<Undecided> = Vec::new();
    for (client, _, listener) in connections(case) {
        let Some(port) = listener.port else { continue };
        let kept = keeping(case, client, listener, port);
        let Some(names) = named(&kept.perhaps) else { continue };
        let Some(policy) = described(case, &names) else { continue };
        let one = Undecided {
            place: Some(policy.ingress.clone()),
            what: format!(
                "whether {} lets {} to port {port} of {}: it names addresses, or labels of namespaces that are not among the files",
                shown(&names),
                case.called(client),
                case.called(listener.workload)
            ),
            how: "put the Namespace among the files, or select it by kubernetes.io/metadata.name".to_owned(),
            decides: false,
            unread: false,
        };
        if !all.contains(&one) {
            all.push(one);
        }
    }
    all
}

/// Clients and servers of the stack in pods with networks of their own; a mesh's sidecars dial by other ports.
fn connections<'a>(case: &'a RuleContext<'_>) -> impl Iterator<Item = (usize, &'a Dial, &'a Listener)> {
    let some = !case.description.policies.is_empty();
    case.ends().filter(move |_| some).filter_map(|(dial, listener)| {
        let client = dial.workload?;
        let server = listener.workload;
        let program = case.program(server, listener.container);
        let known = program.is_core() || matches!(program, Program::Nats | Program::Redis);
        let dials = matches!(dial.dialler, Dialler::Program | Dialler::Proxy);
        let apart = [client, server].iter().all(|at| {
            let one = case.workload(*at);
            !one.on_host && !one.meshed
        });
        (known && dials && apart && client != server && !listener.loopback)
            .then_some((client, dial, listener))
    })
}

fn objects<'a>(case: &RuleContext<'a>) -> impl Iterator<Item = &'a NetworkPolicy> + Clone + use<'a> {
    case.description.policies.iter().map(|one| &one.object)
}

fn end<'a>(case: &RuleContext<'a>, at: usize) -> PolicyEnd<'a> {
    let workload = case.workload(at);
    let namespace = workload.namespace.as_deref().unwrap_or("default");
    PolicyEnd { namespace, labels: &workload.labels, home: case.description.namespaces.get(namespace) }
}

fn keeping<'a>(case: &RuleContext<'a>, client: usize, listener: &Listener, port: u16) -> KeepingPolicies<'a> {
    let server = case.workload(listener.workload);
    let names: BTreeMap<String, u16> =
        server.containers.iter().flat_map(|one| one.port_names.clone()).collect();
    let dialled = DialledPod { end: end(case, listener.workload), port, names: &names };
    kept_from(objects(case), end(case, client), dialled)
}

/// Whether pods that a selector selects are described in a namespace.
fn beside(case: &RuleContext<'_>, namespace: &str, selector: &Selector) -> bool {
    case.description.workloads.iter().any(|one| {
        one.namespace.as_deref().unwrap_or("default") == namespace && selector.selects(&one.labels)
    })
}

fn named(policies: &[&NetworkPolicy]) -> Option<PolicyNames> {
    let first = policies.first()?;
    let names = policies.iter().map(|one| one.metadata.name.clone()).collect();
    Some((first.metadata.namespace.clone(), names))
}

/// The one that a cure is written into: the first that does not select every pod of its namespace.
fn described<'a>(case: &RuleContext<'a>, (namespace, names): &PolicyNames) -> Option<&'a DescribedPolicy> {
    let of = |name: &String| {
        case.description
            .policies
            .iter()
            .find(|one| one.object.metadata.name == *name && one.object.metadata.namespace == *namespace)
    };
    let selects_some = |one: &&DescribedPolicy| {
        let selector = &one.object.spec.pod_selector;
        !selector.match_labels.is_empty() || !selector.match_expressions.is_empty()
    };
    names.iter().filter_map(of).find(selects_some).or_else(|| names.iter().find_map(of))
}

fn shown((_, names): &PolicyNames) -> String {
    names.iter().map(|name| format!("networkpolicy/{name}")).collect::<Vec<_>>().join(", ")
}

fn all(case: &RuleContext<'_>, workloads: impl Iterator<Item = usize>) -> String {
    workloads.map(|at| case.called(at)).collect::<Vec<_>>().join(", ")
}

/// Such pods as a rule of a policy in a namespace names them.
fn peer(case: &RuleContext<'_>, at: usize, home: &str) -> Value {
    let PolicyEnd { namespace, labels, .. } = end(case, at);
    let mut peer = json!({ "podSelector": { "matchLabels": lasting(labels) } });
    if namespace != home {
        peer["namespaceSelector"] = json!({ "matchLabels": { "kubernetes.io/metadata.name": namespace } });
    }
    peer
}

/// Without what a rollout adds.
fn lasting(labels: &PodLabels) -> PodLabels {
    let added = |key: &str| matches!(key, "pod-template-hash" | "controller-revision-hash");
    labels.iter().filter(|(key, _)| !added(key)).map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// A rule more in a policy: policies add up, and no rule takes anything away.
fn rule(policy: &DescribedPolicy, field: &str, rule: &Value) -> Change {
    let place = if field == "ingress" { &policy.ingress } else { &policy.egress };
    let mut change = Change::new(
        format!("networkpolicy/{}", policy.object.metadata.name),
        ChangeKind::Config,
        format!("{field}[]"),
    );
    change.path = Some(format!("spec.{field}"));
    change.to = Some(rule.to_string());
    change.defined_at = Some(place.clone());
    change
}

fn finding(
    case: &RuleContext<'_>,
    place: &Place,
    cause: CauseKind,
    names: &PolicyNames,
    message: String,
) -> Finding {
    let owner = names.1.first().map(|name| format!("networkpolicy/{name}")).unwrap_or_default();
    // Where it runs all the same, nothing may enforce it.
    let severity = if case.options.live { Severity::Warning } else { Severity::Error };
    Finding::new("network-policy", severity, place, message).of(owner).cause(cause, None)
}

fn not_let_in(
    case: &RuleContext<'_>,
    names: &PolicyNames,
    (server, port): (usize, u16),
    kept: &KeptClients,
) -> Option<Finding> {
    let policy = described(case, names)?;
    let server = case.called(server);
    let clients = all(case, kept.clients.iter().copied());
    let selects = if names.1.len() == 1 { "selects" } else { "select" };
    let message = format!(
        "{} {selects} the pods of {server}, and nothing lets {clients} in at port {port}",
        shown(names)
    );
    let from: Vec<Value> = kept.clients.iter().map(|at| peer(case, *at, &names.0)).collect();
    let change = rule(policy, "ingress", &json!({ "from": from, "ports": [{ "port": port }] }));
    let text = format!("let {clients} in at port {port}, in this policy or in one of its own");
    Some(
        finding(case, &policy.ingress, CauseKind::Timeout, names, message)
            .because(format!("{clients} dials {server}"))
            .fix(case.cure(text, vec![change])),
    )
}

fn not_let_out(case: &RuleContext<'_>, names: &PolicyNames, kept: &KeptClients) -> Option<Finding> {
    let policy = described(case, names)?;
    let clients = all(case, kept.clients.iter().copied());
    let servers: Vec<String> =
        kept.servers.iter().map(|(at, port)| format!("port {port} of {}", case.called(*at))).collect();
    let servers = servers.join(", ");
    let selects = if names.1.len() == 1 { "selects" } else { "select" };
    let message =
        format!("{} {selects} the pods of {clients}, and nothing lets them out to {servers}", shown(names));
    let changes = kept.servers.iter().map(|(at, port)| {
        let to = peer(case, *at, &names.0);
        rule(policy, "egress", &json!({ "to": [to], "ports": [{ "port": port }] }))
    });
    let text = format!("let {clients} out to {servers}, in this policy or in one of its own");
    Some(
        finding(case, &policy.egress, CauseKind::Timeout, names, message)
            .because(format!("{clients} dials {servers}"))
            .fix(case.cure(text, changes.collect())),
    )
}

fn without_dns(case: &RuleContext<'_>, names: &PolicyNames, kept: &KeptClients) -> Option<Finding> {
    let policy = described(case, names)?;
    let clients = all(case, kept.clients.iter().copied());
    let selects = if names.1.len() == 1 { "selects" } else { "select" };
    let message = format!(
        "{} {selects} the pods of {clients}, and nothing lets them out to port 53: they find no address of any name",
        shown(names)
    );
    let dns = json!({ "ports": [{ "port": 53, "protocol": "UDP" }, { "port": 53, "protocol": "TCP" }] });
    let text = format!("let {clients} out to port 53 (UDP and TCP)");
    Some(
        finding(case, &policy.egress, CauseKind::Dns, names, message)
            .fix(case.cure(text, vec![rule(policy, "egress", &dns)])),
    )
}
