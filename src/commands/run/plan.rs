//! `run --list`: what would be asked of whom. Nothing is dialled, and no engine is asked.

use std::io::{self, Write};
use std::path::Path;

use tls_verify_checks::context::Dials;

use serde::Serialize;
use tls_verify_checks::platform::{Choice, Sockets};
use tls_verify_checks::stack::{Link, LogSource, Stack};
use tls_verify_core::report::exit;

use super::{Item, Plan};
use crate::cli::Format;
use crate::report::text::{escape_controls, flow};

/// One thing that a check asks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Ask {
    pub component: String,
    /// Where it is dialled, or which file is read.
    pub address: String,
    pub sends: String,
}

/// One line of the plan.
#[derive(Clone, Debug, Serialize)]
pub struct PlanRow {
    pub number: u16,
    pub id: String,
    pub title: String,
    /// Why it is left out.
    pub skipped: Option<String>,
    pub asks: Vec<Ask>,
}

#[derive(Debug, Serialize)]
struct Report {
    schema: &'static str,
    exit_code: u8,
    checks: Vec<PlanRow>,
}

/// What is not dialled by its addresses: a recording of a project or of a cluster, or a cluster.
#[derive(Clone, Debug)]
pub enum Of {
    /// A recording.
    Folder(String),
    /// The namespace, where it was named.
    Namespace(Option<String>),
}

/// Prints the plan. `logs`: where what was collected of a project is read from, where it was.
#[must_use]
pub fn command(stack: &Stack, plan: &Plan, logs: Option<&Path>, format: Format) -> u8 {
    let collected = match (&stack.platform, logs) {
        (Choice::Ready(platform), Some(folder)) if platform.is_collected() => {
            Some(Of::Folder(folder.display().to_string()))
        }
        _ => None,
    };
    command_of(stack, plan, format, collected.as_ref())
}

/// Prints the plan; of a cluster with what is asked of its API server, and of pods.
#[must_use]
pub fn command_of(stack: &Stack, plan: &Plan, format: Format, cluster: Option<&Of>) -> u8 {
    let checks: Vec<PlanRow> = plan
        .items()
        .into_iter()
        .map(|(item, skipped)| PlanRow {
            number: item.number(),
            id: item.id().to_owned(),
            title: item.title(),
            asks: match (&skipped, cluster) {
                (None, None) => asks(stack, &item),
                (None, Some(of)) => in_cluster(stack, &item, of),
                (Some(_), _) => Vec::new(),
            },
            skipped,
        })
        .collect();
    let report = Report { schema: "tls-verify/plan/v1", exit_code: exit::PASS, checks };
    crate::output::print(exit::PASS, |out| match format {
        Format::Json => crate::report::line(&report, out),
        Format::Jsonl => report.checks.iter().try_for_each(|row| crate::report::line(row, out)),
        _ => screen(&report, out),
    })
}

fn screen(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    for row in &report.checks {
        writeln!(out, "{:>2} {} ({})", row.number, escape_controls(&row.title), escape_controls(&row.id))?;
        if let Some(why) = &row.skipped {
            writeln!(out, "     not asked: {}", escape_controls(why))?;
        }
        for ask in &row.asks {
            let head =
                format!("     {} at {}: ", escape_controls(&ask.component), escape_controls(&ask.address));
            writeln!(out, "{head}{}", flow(&escape_controls(&ask.sends), head.len(), 80, "       "))?;
        }
    }
    writeln!(
        out,
        "\nnothing was dialled; a port that the engine publishes elsewhere, or not at all, is dialled there"
    )
}

/// Everything that one line of the report asks.
fn asks(stack: &Stack, item: &Item) -> Vec<Ask> {
    let check = match item {
        Item::Check(check) => check,
        Item::Endpoint(named) => {
            let sends = "a TLS handshake, and what its protocol says first".to_owned();
            let address = named.target.text.clone();
            return vec![Ask { component: named.id.clone(), address, sends }];
        }
    };
    let key = if stack.api_key.is_some() { "with the API key" } else { "without a key" };
    let link = |link: Link, sends: String| Ask {
        component: link.slug().to_owned(),
        address: stack.endpoint(link).url(),
        sends,
    };
    match check.id {
        "gateway-https" => vec![link(Link::Gateway, format!("GET /api/v1/status {key}"))],
        "gateway-wss" => {
            vec![link(Link::Gateway, format!("a WebSocket upgrade on /api/v1/stream {key}, and a ping"))]
        }
        "cli-with-cacert" => vec![link(Link::Gateway, format!("{}, {key}", cli(stack, "status --cacert")))],
        "cli-without-cacert" => vec![link(Link::Gateway, format!("{}, {key}", cli(stack, "status without a CA")))],
        "worker-nats-tls" => vec![
            link(
                Link::Nats,
                "a TLS handshake with the client certificate, CONNECT, PING, and a message to a subject of its own"
                    .to_owned(),
            ),
            link(Link::Nats, "GET /connz of its monitoring, where there is one".to_owned()),
        ],
        "nats-mtls" => vec![link(
            Link::Nats,
            "the worker's session; then handshakes without a certificate and with one of a throw-away CA, and \
             CONNECT in clear"
                .to_owned(),
        )],
        "redis-logs" => logs(stack),
        "redis-tls" => {
            let login = if stack.redis_password.is_some() { "AUTH, PING" } else { "PING" };
            vec![link(Link::Redis, format!("a TLS handshake, {login}; then PING in clear"))]
        }
        "gateway-grpc" => vec![link(Link::GatewayGrpc, GRPC.to_owned())],
        "safety-kernel-grpc" => vec![
            link(Link::SafetyKernel, GRPC.to_owned()),
            link(Link::Gateway, format!("GET /api/v1/policy/snapshots {key}")),
        ],
        "context-engine-grpc" => vec![link(Link::ContextEngine, GRPC.to_owned())],
        "dashboard-gateway" => vec![link(Link::Dashboard, "GET /api/v1/auth/config".to_owned())],
        "certificates" => {
            let read = Ask {
                component: "certificate files".to_owned(),
                address: stack.anchors.file.display().to_string(),
                sends: "nothing: files beside the CA are read".to_owned(),
            };
            std::iter::once(read).chain(each(stack, "a TLS handshake")).collect()
        }
        "tls-min-version" => each(stack, "a ClientHello of each version below the minimum").collect(),
        "service-links" => {
            let connz = link(Link::Nats, "GET /connz of its monitoring, where there is one".to_owned());
            engine(stack, "the list of the project's containers").into_iter().chain([connz]).collect()
        }
        "cluster-links" => {
            let nats = "GET /varz and /routez of its monitoring, and a TLS handshake at the port of its routes";
            let redis = "INFO, CLUSTER INFO, CLUSTER NODES and CONFIG GET of tls-cluster and tls-replication over TLS";
            let several = |what: &str| format!("{what}, where there are several");
            let asks = [link(Link::Nats, several(nats)), link(Link::Redis, several(redis))];
            engine(stack, "the list of the project's containers").into_iter().chain(asks).collect()
        }
        _ => vec![link(item.link(), check.about.to_owned())],
    }
}

/// The same asked in a cluster: of every ready pod, through the API server or, in the cluster, directly.
fn in_cluster(stack: &Stack, item: &Item, of: &Of) -> Vec<Ask> {
    let read = |address: &str| {
        Ask {
        component: "platform".to_owned(),
        address: address.to_owned(),
        sends: "list of pods, workloads, Services, events and ConfigMaps; get of the Secrets that they name, and of logs"
            .to_owned(),
    }
    };
    let namespace = match of {
        Of::Folder(folder) => {
            return vec![Ask { sends: "nothing: its files are read".to_owned(), ..read(folder) }];
        }
        Of::Namespace(Some(name)) => format!("the API server, namespace {name}"),
        Of::Namespace(None) => "the API server".to_owned(),
    };
    if tls_verify_checks::named(item.id()).is_some_and(|check| check.dials == Dials::Never) {
        return vec![read(&namespace)];
    }
    let pods = |ask: Ask| {
        let link = Link::ALL.iter().find(|link| link.slug() == ask.component);
        let address = link.map(|link| format!("port {} of each ready pod", link.container_port()));
        Ask { address: address.unwrap_or_else(|| namespace.clone()), ..ask }
    };
    asks(stack, item).into_iter().map(pods).collect()
}

const GRPC: &str = "a TLS handshake with ALPN h2, and grpc.health.v1.Health/Check";

fn cli(stack: &Stack, what: &str) -> String {
    match &stack.cordumctl {
        Some(path) => format!("`{} {what}`", path.display()),
        None => format!("what `cordumctl {what}` would send, by the built-in client"),
    }
}

/// Every endpoint of the stack that speaks TLS.
fn each<'a>(stack: &'a Stack, sends: &'a str) -> impl Iterator<Item = Ask> + 'a {
    let all = Link::ALL.iter().filter(|link| **link != Link::Dashboard);
    all.map(move |link| Ask {
        component: link.slug().to_owned(),
        address: stack.endpoint(*link).url(),
        sends: sends.to_owned(),
    })
}

fn engine(stack: &Stack, sends: &str) -> Option<Ask> {
    let address = match &stack.platform {
        Choice::Off => return None,
        Choice::Docker(Sockets::Host(host)) => host.clone(),
        Choice::Docker(Sockets::Usual(sockets)) => {
            let all: Vec<String> = sockets.iter().map(|socket| socket.display().to_string()).collect();
            format!("the first that answers of {}", all.join(", "))
        }
        Choice::Ready(platform) => platform.name().to_owned(),
    };
    Some(Ask { component: "platform".to_owned(), address, sends: sends.to_owned() })
}

fn logs(stack: &Stack) -> Vec<Ask> {
    match &stack.logs {
        LogSource::Directory(folder) | LogSource::Running(folder) => vec![Ask {
            component: "log files".to_owned(),
            address: folder.called().display().to_string(),
            sends: "nothing: one SERVICE.log a service is read".to_owned(),
        }],
        LogSource::Platform => {
            engine(stack, "the list of the project's containers, and their logs").into_iter().collect()
        }
        LogSource::None => Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_check_says_what_it_sends() {
        let own = include_str!("plan.rs");
        for check in tls_verify_checks::ALL {
            assert!(own.contains(&format!("\"{}\" =>", check.id)), "{} has no line of the plan", check.id);
        }
    }
}
