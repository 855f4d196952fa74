//! Cordum's own services, workers and dashboard: their variables are known.

mod broker;
mod variables;

use super::scan::{Here, WiringScanner, file_of, has_gap};
use super::{
    ClientAuth, ClientTrust, Dial, Dialler, FileRef, FileRole, Listener, OpenedPath, Program, Protocol,
    SettingKind, TlsMode, Verifies, address, is_loopback,
};
use crate::link::Link;
use crate::workload::Place;
use broker::broker;
pub(crate) use variables::nearest;
use variables::{idle, minimum, names};

/// A server of a service: variables of its pair and of its address, its port, what is spoken, and the names by which
/// its clients verify it.
pub(crate) struct Server {
    pub(crate) program: Program,
    pub(crate) link: Link,
    pub(crate) names: &'static [&'static str],
    pub(crate) certificate: &'static str,
    pub(crate) key: &'static str,
    pub(crate) address: &'static str,
    pub(crate) port: u16,
    pub(crate) protocol: Protocol,
}

/// The TLS servers of Cordum's services.
pub(crate) const SERVERS: [Server; 4] = [
    Server {
        program: Program::Gateway,
        link: Link::Gateway,
        names: &["cordum-api-gateway", "localhost"],
        certificate: "GATEWAY_HTTP_TLS_CERT",
        key: "GATEWAY_HTTP_TLS_KEY",
        address: "GATEWAY_HTTP_ADDR",
        port: 8081,
        protocol: Protocol::Http,
    },
    Server {
        program: Program::Gateway,
        link: Link::GatewayGrpc,
        names: &["cordum-api-gateway", "localhost"],
        certificate: "GRPC_TLS_CERT",
        key: "GRPC_TLS_KEY",
        address: "GATEWAY_GRPC_ADDR",
        port: 8080,
        protocol: Protocol::Grpc,
    },
    Server {
        program: Program::SafetyKernel,
        link: Link::SafetyKernel,
        names: &["safety-kernel", "localhost"],
        certificate: "SAFETY_KERNEL_TLS_CERT",
        key: "SAFETY_KERNEL_TLS_KEY",
        address: "SAFETY_KERNEL_ADDR",
        port: 50051,
        protocol: Protocol::Grpc,
    },
    Server {
        program: Program::ContextEngine,
        link: Link::ContextEngine,
        names: &["context-engine", "localhost"],
        certificate: "CONTEXT_ENGINE_TLS_CERT",
        key: "CONTEXT_ENGINE_TLS_KEY",
        address: "CONTEXT_ENGINE_ADDR",
        port: 50070,
        protocol: Protocol::Grpc,
    },
];

/// Plaintext side ports: metrics and health.
const SIDES: [(Program, &str, u16); 5] = [
    (Program::Gateway, "GATEWAY_METRICS_ADDR", 9092),
    (Program::Scheduler, "SCHEDULER_METRICS_ADDR", 9090),
    (Program::ContextEngine, "CONTEXT_ENGINE_METRICS_ADDR", 9094),
    (Program::SafetyKernel, "SAFETY_KERNEL_ADMIN_ADDR", 9095),
    (Program::WorkflowEngine, "WORKFLOW_ENGINE_HTTP_ADDR", 9093),
];

/// A service or a worker.
pub(super) fn service(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    for server in SERVERS.iter().filter(|one| one.program == here.program) {
        listener(scanner, here, server);
    }
    for (_, variable, port) in SIDES.iter().filter(|(program, ..)| *program == here.program) {
        let (port, loopback, place) = listen(here, variable, *port);
        let mut side = Listener::new(here.workload, here.container, Protocol::Http, port, place);
        side.tls_mode = TlsMode::Plain;
        side.clients = ClientAuth::NotAsked;
        side.loopback = loopback;
        side.side = true;
        scanner.found.listeners.push(side);
    }
    if here.program != Program::ContextEngine {
        broker(scanner, here, "NATS", &["NATS_URL"]);
    }
    broker(scanner, here, "REDIS", &["REDIS_URL", "REDIS_CLUSTER_ADDRESSES"]);
    if matches!(here.program, Program::Gateway | Program::Scheduler) {
        kernel(scanner, here);
    }
    names(scanner, here);
    minimum(scanner, here);
    idle(scanner, here);
}

fn listen(here: Here<'_>, variable: &str, default: u16) -> (Option<u16>, bool, Place) {
    match here.variable(variable) {
        None => (Some(default), false, here.place()),
        Some((text, place)) => match address(&text) {
            Some(one) => (one.port, one.host.as_deref().is_some_and(is_loopback), place),
            None => (text.trim_start_matches(':').parse().ok(), false, place),
        },
    }
}

fn listener(scanner: &mut WiringScanner<'_>, here: Here<'_>, server: &Server) {
    let (port, loopback, place) = listen(here, server.address, server.port);
    let mut listener = Listener::new(here.workload, here.container, server.protocol, port, place);
    listener.loopback = loopback;
    listener.kind = SettingKind::Environment;
    listener.setting = server.certificate.to_owned();
    listener.block = here.place();
    listener.clients = ClientAuth::NotAsked;
    listener.certificate = file_of(here, server.certificate);
    listener.key = file_of(here, server.key);
    listener.tls_mode = match (&listener.certificate, &listener.key) {
        (Some(_), Some(_)) => TlsMode::Tls,
        (None, None) if scanner.view.description.open_environment.contains(&here.of.name) => TlsMode::Unknown,
        (None, None) => TlsMode::Plain,
        _ => TlsMode::Unknown,
    };
    let pair = (&listener.certificate, &listener.key);
    half(scanner, here, pair, (server.certificate, server.key));
    super::nats::files(scanner, here, &listener);
    scanner.found.listeners.push(listener);
}

/// As [`halves`](super::nats::halves), where nothing else may give the other variable.
fn half(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    (certificate, key): (&Option<FileRef>, &Option<FileRef>),
    (certificate_name, key_name): (&str, &str),
) {
    if !scanner.view.description.open_environment.contains(&here.of.name) {
        super::nats::halves(scanner, here, certificate, key, certificate_name, key_name);
    }
}

/// The safety kernel: with a CA in TLS, without one in plaintext, outside production.
fn kernel(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    let ca = file_of(here, "SAFETY_KERNEL_TLS_CA");
    if let Some(file) = &ca {
        scanner.names_file(here, file, FileRole::Ca, false);
    }
    let Some((text, place)) = here.variable("SAFETY_KERNEL_ADDR") else { return };
    let Some(target) = address(&text) else { return };
    let mut dial = Dial::new(
        here.workload,
        here.container,
        "SAFETY_KERNEL_ADDR",
        SettingKind::Environment,
        place.clone(),
    );
    dial.program = here.program;
    dial.protocol = Protocol::Grpc;
    dial.shown = target.shown;
    dial.raw = super::named_gaps(&text);
    dial.host.clone_from(&target.host);
    dial.port = target.port;
    let open = scanner.view.description.open_environment.contains(&here.of.name);
    dial.tls_mode = match &ca {
        Some(_) => TlsMode::Tls,
        None if open || here.it.in_production() => TlsMode::Unknown,
        None => TlsMode::Plain,
    };
    dial.trust = ca.map_or(ClientTrust::Unknown, |file| ClientTrust::Files(vec![file]));
    dial.name = target.host.map(|host| (host, place, "SAFETY_KERNEL_ADDR".to_owned()));
    const OFF: &str = "SAFETY_KERNEL_TLS_INSECURE";
    if let Some((_, place)) = here.variable(OFF).filter(|(text, _)| super::truthy(text)) {
        dial.verifies = Verifies::No { setting: OFF.to_owned(), place, kind: SettingKind::Environment };
    }
    scanner.found.dials.push(dial);
}

/// The dashboard's nginx, which its entry point configures.
pub(super) fn dashboard(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    const CA: &str = "/etc/cordum/tls/ca/ca.crt";
    let mut own = Listener::new(here.workload, here.container, Protocol::Http, Some(8080), here.place());
    own.tls_mode = TlsMode::Plain;
    own.side = true;
    scanner.found.listeners.push(own);
    let scheme = here.variable("CORDUM_API_UPSTREAM_SCHEME");
    let host = here.variable("CORDUM_API_UPSTREAM_HOST");
    let at = scheme.as_ref().map_or_else(|| here.place(), |(_, place)| place.clone());
    let mut dial = Dial::new(
        here.workload,
        here.container,
        "CORDUM_API_UPSTREAM_SCHEME",
        SettingKind::Environment,
        at.clone(),
    );
    dial.program = Program::Dashboard;
    dial.dialler = Dialler::Proxy;
    dial.protocol = Protocol::Http;
    if scheme.is_none() {
        dial.kind = SettingKind::BuiltIn;
    }
    let text = scheme.map_or_else(|| "http".to_owned(), |(text, _)| text);
    dial.tls_mode = match text.to_ascii_lowercase().as_str() {
        "https" => TlsMode::Tls,
        "http" => TlsMode::Plain,
        _ => TlsMode::Unknown,
    };
    if has_gap(&text) {
        dial.unknown = Some(super::named_gaps(&text));
    }
    let default = match &here.of.namespace {
        Some(space) => format!("cordum-api-gateway.{space}.svc.cluster.local"),
        None => "cordum-api-gateway".to_owned(),
    };
    let (name, name_at, setting) = match host {
        Some((text, place)) => (text, place, "CORDUM_API_UPSTREAM_HOST"),
        None => (default, at.clone(), "CORDUM_API_UPSTREAM_HOST"),
    };
    dial.shown = format!("{}://{}:8081", super::named_gaps(&text), super::named_gaps(&name));
    dial.raw = super::named_gaps(&text);
    dial.host = (!has_gap(&name)).then(|| name.to_ascii_lowercase());
    dial.port = Some(8081);
    dial.name = dial.host.clone().map(|name| (name, name_at, setting.to_owned()));
    if dial.tls_mode == TlsMode::Tls {
        let file = FileRef {
            path: CA.to_owned(),
            setting: CA.to_owned(),
            place: at.clone(),
            kind: SettingKind::BuiltIn,
        };
        dial.trust = ClientTrust::Files(vec![file.clone()]);
        dial.depth = Some((1, at.clone()));
        match scanner.view.open(here.of, here.it, CA) {
            OpenedPath::Unmounted { .. } | OpenedPath::NotInside { .. } | OpenedPath::KeyMissing { .. } => {
                dial.verifies =
                    Verifies::No { setting: CA.to_owned(), place: at, kind: SettingKind::BuiltIn };
            }
            OpenedPath::Image => dial.verifies = Verifies::Unknown,
            _ => {
                scanner.names_file(here, &file, FileRole::Ca, false);
                if let Some(last) = scanner.found.files.last_mut() {
                    last.optional = true;
                }
            }
        }
    }
    names(scanner, here);
    scanner.found.dials.push(dial);
}
