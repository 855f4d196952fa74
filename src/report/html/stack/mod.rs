//! The connections of a stack, and what was proved on each: what the picture draws and the table says.

mod connections;
mod described;

use serde_json::Value;

use super::model::Anchor;
use super::read::{get, list, text};
use connections::{CheckResults, bus, cli, kernel, session, store};
pub(crate) use described::of_audit;

/// What was proved on a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ConnectionState {
    Mutual,
    Tls,
    Plaintext,
    Broken,
    Unseen,
}

impl ConnectionState {
    pub(crate) const ALL: [Self; 5] = [Self::Mutual, Self::Tls, Self::Plaintext, Self::Broken, Self::Unseen];

    pub(crate) const fn class(self) -> &'static str {
        match self {
            Self::Mutual => "mtls",
            Self::Tls => "tls",
            Self::Plaintext => "plain",
            Self::Broken => "broken",
            Self::Unseen => "unseen",
        }
    }

    /// `configured`: of a deployment as it is described.
    pub(crate) const fn word(self, configured: bool) -> &'static str {
        match self {
            Self::Unseen if configured => "not known",
            Self::Mutual => "mTLS",
            Self::Tls => "TLS",
            Self::Plaintext => "plaintext",
            Self::Broken => "broken",
            Self::Unseen => "not looked at",
        }
    }

    pub(crate) const fn glyph(self) -> &'static str {
        match self {
            Self::Mutual | Self::Tls => "\u{2713}",
            Self::Plaintext => "!",
            Self::Broken => "\u{2717}",
            Self::Unseen => "?",
        }
    }

    /// What the legend says of it.
    pub(crate) const fn about(self, configured: bool) -> &'static str {
        match self {
            Self::Mutual if configured => "both sides show a certificate, and verify the other's",
            Self::Tls if configured => "TLS on both sides",
            Self::Plaintext if configured => "no TLS on either side",
            Self::Broken if configured => "the two sides do not fit",
            Self::Unseen if configured => "the files do not say it",
            Self::Mutual => "TLS, and both sides showed a certificate that the other verified",
            Self::Tls => "TLS, verified with the CA",
            Self::Plaintext => "no TLS",
            Self::Broken => "tried, and it does not work",
            Self::Unseen => "nothing was seen of it, or not asked for",
        }
    }
}

/// Where a node stands in the picture, from the clients on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Column {
    Client,
    Gateway,
    Bus,
    Service,
    Store,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NodeView {
    pub name: String,
    pub note: String,
    pub column: Column,
}

/// From whom to whom, and what was proved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ConnectionView {
    /// The deployment that it is one of, where there are several.
    pub deployment: String,
    pub from: String,
    pub to: String,
    pub what: &'static str,
    pub state: ConnectionState,
    /// The cause where it is broken, else the version that was seen.
    pub label: String,
    /// `proved`, `observed`, `logged`, `configured`.
    pub evidence: String,
    pub said: String,
    pub checks: Vec<Anchor>,
}

impl ConnectionView {
    /// Nothing was seen of this one, whatever was seen of others.
    fn unseen(&mut self) {
        self.state = ConnectionState::Unseen;
        self.label = String::new();
        self.evidence = String::new();
        self.said = "nothing was seen of this one".to_owned();
    }
}

/// Nodes and connections.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct StackView {
    pub nodes: Vec<NodeView>,
    pub connections: Vec<ConnectionView>,
    /// What is wrong with a service, and shows on none of its connections.
    pub own: Vec<ConnectionView>,
}

/// Services whose connections the checks speak of, with what each of them holds.
const CORE: [(&str, bool, bool); 5] = [
    // Name, NATS, Redis.
    ("safety-kernel", true, true),
    ("context-engine", false, true),
    ("scheduler", true, true),
    ("workflow-engine", true, true),
    ("workers", true, true),
];

/// Stands at a node that is at fault itself.
pub(crate) const FAULT: char = '\u{2717}';

/// More than these are no picture.
const MOST: usize = 60;

pub(crate) fn anchor(id: &str) -> Anchor {
    let slug: String = id
        .chars()
        .map(|one| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' })
        .collect();
    Anchor { id: format!("check-{slug}"), text: id.to_owned() }
}

fn main(check: &Value) -> &Value {
    list(check, "diagnoses").first().unwrap_or(&Value::Null)
}

/// Plaintext is a state of its own; any other failure is a broken connection.
fn failed(diagnosis: &Value) -> (ConnectionState, String) {
    let cause = text(diagnosis, "cause");
    match cause {
        "wrong-scheme-tls-to-plain" => (ConnectionState::Plaintext, "plaintext".to_owned()),
        "" => (ConnectionState::Broken, "failed".to_owned()),
        cause => (ConnectionState::Broken, cause.to_owned()),
    }
}

/// `TLS 1.3`, where the version was seen.
fn version(check: &Value) -> String {
    let seen = text(get(get(check, "details"), "tls"), "version");
    seen.strip_prefix("TLSv").map(|number| format!("TLS {number}")).unwrap_or_default()
}

/// The stack of a run.
pub(crate) fn of_run(report: &Value) -> StackView {
    let checks = CheckResults(report);
    let mut stack = StackView::default();
    ours(&checks, &mut stack);
    let services = services(report);
    for (name, note, nats, redis) in &services {
        if bare(name) == "api-gateway" {
            continue;
        }
        stack.node(name, note, Column::Service);
        if *nats {
            stack.connections.push(bus(&checks, name));
        }
        if *redis {
            stack.connections.push(store(&checks, name));
        }
    }
    for check in list(report, "checks").iter().filter(|check| is_endpoint(check)) {
        let name = text(check, "id");
        stack.node(name, "endpoint", Column::Service);
        stack.connections.push(checks.link("tls-verify", name, "TLS", name, ConnectionState::Tls));
    }
    let named: Vec<String> =
        stack.connections.iter().flat_map(|one| [one.from.clone(), one.to.clone()]).collect();
    stack.nodes.retain(|node| named.contains(&node.name));
    list(report, "root_causes").iter().for_each(|root| stack.mark(root));
    stack
}

/// An endpoint of the profile, which stands behind the checks.
fn is_endpoint(check: &Value) -> bool {
    get(check, "number").as_u64().is_some_and(|number| number >= 100)
}

/// What we dial ourselves, and the gateway's own links.
fn ours(checks: &CheckResults<'_>, stack: &mut StackView) {
    let mutual = if checks.good("nats-mtls") { ConnectionState::Mutual } else { ConnectionState::Tls };
    stack.node("API client", "", Column::Client);
    stack.node("cordumctl", "", Column::Client);
    stack.node("dashboard", "", Column::Client);
    stack.node("tls-verify", "own sessions", Column::Client);
    stack.node("api-gateway", "", Column::Gateway);
    stack.node("nats", "", Column::Bus);
    stack.node("redis", "", Column::Store);
    let all = &mut stack.connections;
    all.push(checks.link("API client", "api-gateway", "HTTPS", "gateway-https", ConnectionState::Tls));
    all.push(checks.link("API client", "api-gateway", "WSS", "gateway-wss", ConnectionState::Tls));
    if checks.get("gateway-grpc").is_some() {
        all.push(checks.link("API client", "api-gateway", "gRPC", "gateway-grpc", ConnectionState::Tls));
    }
    all.push(cli(checks));
    if checks.get("dashboard-gateway").is_some() {
        all.push(checks.link("dashboard", "api-gateway", "HTTPS", "dashboard-gateway", ConnectionState::Tls));
    }
    if checks.get("redis-tls").is_some() {
        all.push(checks.link("tls-verify", "redis", "Redis", "redis-tls", ConnectionState::Tls));
    }
    all.push(session(checks, mutual));
    all.push(store(checks, "api-gateway"));
    all.push(bus(checks, "api-gateway"));
    if checks.get("safety-kernel-grpc").is_some() {
        all.push(kernel(checks));
        all.push(checks.link(
            "tls-verify",
            "safety-kernel",
            "gRPC",
            "safety-kernel-grpc",
            ConnectionState::Tls,
        ));
    }
    if checks.get("context-engine-grpc").is_some() {
        all.push(checks.link(
            "tls-verify",
            "context-engine",
            "gRPC",
            "context-engine-grpc",
            ConnectionState::Tls,
        ));
    }
}

/// Name, replicas in words, whether it has a NATS and a Redis connection.
fn services(report: &Value) -> Vec<(String, String, bool, bool)> {
    let known = list(report, "services");
    if known.is_empty() {
        return CORE
            .iter()
            .map(|(name, nats, redis)| ((*name).to_owned(), String::new(), *nats, *redis))
            .collect();
    }
    let position = |name: &str| CORE.iter().position(|(core, ..)| *core == bare(name));
    let order = |name: &str| position(name).unwrap_or(CORE.len());
    // Others of the project have links where NATS says so, or where they are workers.
    let rows: Vec<&Value> =
        list(report, "checks").iter().flat_map(|check| list(get(check, "details"), "services")).collect();
    let logs = CheckResults(report).get("redis-logs").map_or(&Value::Null, |check| get(check, "details"));
    let is_read = |name: &str| list(logs, "looked_at").iter().any(|one| text(one, "component") == name);
    let mut all: Vec<_> = known
        .iter()
        .filter(|one| !matches!(bare(text(one, "name")), "nats" | "redis" | "dashboard" | "tls-verify" | ""))
        .take(MOST)
        .map(|one| {
            let name = text(one, "name").to_owned();
            let worker = name.contains("worker") || name.contains("agent");
            let seen = rows.iter().any(|row| text(row, "service") == name);
            let (nats, redis) = position(&name)
                .and_then(|at| CORE.get(at))
                .map_or((worker || seen, is_read(&name)), |(_, nats, redis)| (*nats, *redis));
            (name, replicas(one), nats, redis)
        })
        .collect();
    all.sort_by_key(|(name, ..)| order(name));
    all
}

/// `cordum-` and a platform's kind stand before a service's name.
fn bare(name: &str) -> &str {
    let name = name.rsplit('/').next().unwrap_or(name);
    name.strip_prefix("cordum-").unwrap_or(name)
}

fn replicas(service: &Value) -> String {
    let count = |key: &str| get(service, key).as_u64().unwrap_or(1);
    match (count("running"), count("replicas")) {
        (1, 1) => String::new(),
        (running, all) if running == all => format!("×{all}"),
        (running, all) => format!("{running}/{all} up"),
    }
}

/// The stack of a probe: this tool, and each endpoint.
pub(crate) fn of_probe(report: &Value) -> StackView {
    let mut stack = StackView::default();
    stack.node("tls-verify", "", Column::Client);
    for one in list(report, "endpoints").iter().take(MOST) {
        let name = text(one, "target");
        stack.node(name, "", Column::Service);
        let details = get(one, "details");
        let asked = text(details, "with_identity") == "let in";
        let good = if asked && text(details, "without_identity").starts_with("refused") {
            ConnectionState::Mutual
        } else {
            ConnectionState::Tls
        };
        let (state, label) = match text(one, "status") {
            "pass" | "warn" if get(details, "tls").is_object() => (good, version(one)),
            "pass" | "warn" => (ConnectionState::Plaintext, "plaintext".to_owned()),
            "fail" => failed(main(one)),
            _ => (ConnectionState::Unseen, String::new()),
        };
        stack.connections.push(ConnectionView {
            deployment: String::new(),
            from: "tls-verify".to_owned(),
            to: name.to_owned(),
            what: "TLS",
            state,
            label,
            evidence: if state == ConnectionState::Unseen { String::new() } else { "proved".to_owned() },
            said: text(one, "summary").to_owned(),
            checks: vec![anchor(name)],
        });
    }
    stack
}

impl StackView {
    /// Marks who is at fault where no connection of theirs is.
    fn mark(&mut self, root: &Value) {
        let changed = list(root, "fix").iter().flat_map(|fix| list(fix, "changes"));
        let mut places = std::iter::once(text(root, "where")).chain(changed.map(|one| text(one, "workload")));
        let named = |place: &str| self.nodes.iter().position(|node| bare(&node.name) == bare(place));
        let Some(node) = places.find_map(named).and_then(|at| self.nodes.get_mut(at)) else { return };
        let shows = |one: &ConnectionView| {
            matches!(one.state, ConnectionState::Broken | ConnectionState::Plaintext)
                && (one.from == node.name || one.to == node.name)
        };
        if self.connections.iter().any(shows) {
            return;
        }
        let beside = if node.note.is_empty() { "fault" } else { node.note.as_str() };
        node.note = format!("{FAULT} {beside}");
        self.own.push(ConnectionView {
            deployment: String::new(),
            from: node.name.clone(),
            to: node.name.clone(),
            what: "itself",
            state: ConnectionState::Broken,
            label: text(root, "cause").to_owned(),
            evidence: "root cause".to_owned(),
            said: text(root, "summary").to_owned(),
            checks: list(root, "checks").iter().filter_map(Value::as_str).map(anchor).collect(),
        });
    }

    fn node(&mut self, name: &str, note: &str, column: Column) {
        if !self.nodes.iter().any(|node| node.name == name) {
            self.nodes.push(NodeView { name: name.to_owned(), note: note.to_owned(), column });
        }
    }
}
