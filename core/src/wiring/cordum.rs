//! Cordum's own services, workers and dashboard: their variables are known.

use super::scan::{Here, Scanner, file_of, has_gap};
use super::{
    Address, ClientAuth, Dial, Dialler, FileRef, FileRole, Half, Listener, Opened, Program, Protocol,
    SettingKind, Speech, Trust, Unused, Verifies, address, is_loopback, truthy,
};
use crate::manifest::{Fault, FaultKind, Mark};
use crate::workload::{Container, Place};

/// A server of a service: variables of its pair and of its address, its port, what is spoken.
pub(crate) struct Server {
    pub(crate) program: Program,
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
        certificate: "GATEWAY_HTTP_TLS_CERT",
        key: "GATEWAY_HTTP_TLS_KEY",
        address: "GATEWAY_HTTP_ADDR",
        port: 8081,
        protocol: Protocol::Http,
    },
    Server {
        program: Program::Gateway,
        certificate: "GRPC_TLS_CERT",
        key: "GRPC_TLS_KEY",
        address: "GATEWAY_GRPC_ADDR",
        port: 8080,
        protocol: Protocol::Grpc,
    },
    Server {
        program: Program::SafetyKernel,
        certificate: "SAFETY_KERNEL_TLS_CERT",
        key: "SAFETY_KERNEL_TLS_KEY",
        address: "SAFETY_KERNEL_ADDR",
        port: 50051,
        protocol: Protocol::Grpc,
    },
    Server {
        program: Program::ContextEngine,
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

/// The place that says that a container is in production.
#[must_use]
pub(crate) fn production(container: &Container) -> Option<Place> {
    let says = |name: &str, is: &dyn Fn(&str) -> bool| {
        let setting = container.variable(name)?;
        let text = setting.value.known()?;
        is(text).then(|| setting.place.clone()).flatten()
    };
    says("CORDUM_PRODUCTION", &truthy).or_else(|| {
        says("CORDUM_ENV", &|text| matches!(text.trim().to_ascii_lowercase().as_str(), "prod" | "production"))
    })
}

/// A service or a worker.
pub(super) fn service(scanner: &mut Scanner<'_>, here: Here<'_>) {
    for server in SERVERS.iter().filter(|one| one.program == here.program) {
        listener(scanner, here, server);
    }
    for (_, variable, port) in SIDES.iter().filter(|(program, ..)| *program == here.program) {
        let (port, loopback, place) = listen(here, variable, *port);
        let mut side = Listener::new(here.workload, here.container, Protocol::Http, port, place);
        side.speech = Speech::Plain;
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

fn listener(scanner: &mut Scanner<'_>, here: Here<'_>, server: &Server) {
    let (port, loopback, place) = listen(here, server.address, server.port);
    let mut listener = Listener::new(here.workload, here.container, server.protocol, port, place);
    listener.loopback = loopback;
    listener.kind = SettingKind::Environment;
    listener.setting = server.certificate.to_owned();
    listener.block = here.place();
    listener.clients = ClientAuth::NotAsked;
    listener.certificate = file_of(here, server.certificate);
    listener.key = file_of(here, server.key);
    listener.speech = match (&listener.certificate, &listener.key) {
        (Some(_), Some(_)) => Speech::Tls,
        (None, None) if scanner.view.description.open_environment.contains(&here.of.name) => Speech::Unknown,
        (None, None) => Speech::Plain,
        _ => Speech::Unknown,
    };
    half(scanner, here, &listener.certificate, &listener.key, server.certificate, server.key);
    super::nats::files(scanner, here, &listener);
    scanner.found.listeners.push(listener);
}

fn half(
    scanner: &mut Scanner<'_>,
    here: Here<'_>,
    certificate: &Option<FileRef>,
    key: &Option<FileRef>,
    certificate_name: &str,
    key_name: &str,
) {
    let (has, lacks) = match (certificate, key) {
        (Some(has), None) => (has, key_name),
        (None, Some(has)) => (has, certificate_name),
        _ => return,
    };
    if !scanner.view.description.open_environment.contains(&here.of.name) {
        scanner.found.halves.push(Half {
            workload: here.workload,
            has: has.clone(),
            lacks: lacks.to_owned(),
        });
    }
}

/// NATS or Redis, with the variables of its prefix.
fn broker(scanner: &mut Scanner<'_>, here: Here<'_>, prefix: &str, urls: &[&str]) {
    let ca = file_of(here, &format!("{prefix}_TLS_CA"));
    let certificate = file_of(here, &format!("{prefix}_TLS_CERT"));
    let key = file_of(here, &format!("{prefix}_TLS_KEY"));
    let insecure = here.variable(&format!("{prefix}_TLS_INSECURE"));
    let name = here.variable(&format!("{prefix}_TLS_SERVER_NAME"));
    let nats = prefix == "NATS";
    let any = ca.is_some() || certificate.is_some() || key.is_some();
    let main = here.variable(urls[0]);
    let main_tls = main.as_ref().map(|(text, _)| speech(text, nats));
    let used = main_tls != Some(Speech::Plain) || (nats && here.program == Program::Worker);
    if used {
        for (file, role) in
            [(&ca, FileRole::Ca), (&certificate, FileRole::Certificate), (&key, FileRole::Key)]
        {
            if let Some(file) = file {
                scanner.names_file(here, file, role, false);
            }
        }
        let names = [format!("{prefix}_TLS_CERT"), format!("{prefix}_TLS_KEY")];
        half(scanner, here, &certificate, &key, &names[0], &names[1]);
    }
    for variable in urls {
        let Some((text, place)) = here.variable(variable) else { continue };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some(Address { host, port, query, shown, .. }) = address(part) else { continue };
            let mut dial =
                Dial::new(here.workload, here.container, variable, SettingKind::Environment, place.clone());
            dial.program = here.program;
            dial.protocol = if nats { Protocol::Nats } else { Protocol::Redis };
            dial.shown = shown;
            dial.raw = super::masked(part);
            dial.host = host.clone();
            dial.port = port.or(Some(if nats { 4222 } else { 6379 }));
            // Members of a cluster are dialled as the main URL says.
            let own = if variable == &urls[0] || part.contains("://") {
                speech(part, nats)
            } else {
                Speech::Unknown
            };
            dial.speech = match (own, main_tls) {
                (Speech::Unknown, Some(main)) if !has_gap(part) => main,
                (own, _) => own,
            };
            if dial.speech == Speech::Plain && nats && here.program == Program::Worker && any {
                dial.speech = Speech::Tls;
                dial.upgrades = true;
            }
            if dial.host.is_none() || dial.speech == Speech::Unknown {
                dial.unknown = Some(super::named_gaps(part));
            }
            dial.name = name
                .clone()
                .map(|(name, place)| (name, place, format!("{prefix}_TLS_SERVER_NAME")))
                .or_else(|| host.map(|host| (host, place.clone(), (*variable).to_owned())));
            dial.trust = match &ca {
                Some(file) => Trust::Files(vec![file.clone()]),
                None if scanner.view.description.open_environment.contains(&here.of.name) => Trust::Unknown,
                None => roots(here),
            };
            dial.identity = certificate.clone().zip(key.clone());
            if let Some((value, place)) = &insecure
                && truthy(value)
            {
                let setting = format!("{prefix}_TLS_INSECURE");
                dial.verifies =
                    Verifies::No { setting, place: place.clone(), kind: SettingKind::Environment };
            }
            if query.iter().any(|(key, value)| key == "skip_verify" && truthy(value)) {
                let setting = format!("{variable} (skip_verify)");
                dial.verifies =
                    Verifies::No { setting, place: place.clone(), kind: SettingKind::Environment };
            }
            scanner.found.dials.push(dial);
        }
    }
    // Set, and passed over: the scheme is plaintext.
    if !used && any {
        for file in [&ca, &certificate, &key].into_iter().flatten() {
            scanner.found.unused.push(Unused {
                workload: here.workload,
                setting: file.setting.clone(),
                place: file.place.clone(),
                kind: SettingKind::Environment,
                why: format!("it is read for {} alone", if nats { "tls://" } else { "rediss://" }),
                minor: false,
            });
        }
    }
    if let (Some(ca), Some((value, _))) = (&ca, &insecure)
        && used
        && truthy(value)
    {
        scanner.found.unused.push(Unused {
            workload: here.workload,
            setting: ca.setting.clone(),
            place: ca.place.clone(),
            kind: SettingKind::Environment,
            why: format!("{prefix}_TLS_INSECURE switches verification off: nothing is verified with it"),
            minor: false,
        });
    }
}

/// A Go program's roots, unless it is given others.
fn roots(here: Here<'_>) -> Trust {
    match file_of(here, "SSL_CERT_FILE").or_else(|| file_of(here, "SSL_CERT_DIR")) {
        Some(_) => Trust::Unknown,
        None => Trust::System,
    }
}

fn speech(url: &str, nats: bool) -> Speech {
    let scheme = address(url).and_then(|one| one.scheme);
    match scheme.as_deref() {
        Some("tls" | "wss") if nats => Speech::Tls,
        Some("rediss") if !nats => Speech::Tls,
        Some("nats" | "ws") if nats => Speech::Plain,
        Some("redis") if !nats => Speech::Plain,
        None if nats && !has_gap(url) => Speech::Plain,
        _ => Speech::Unknown,
    }
}

/// The safety kernel: with a CA in TLS, without one in plaintext, outside production.
fn kernel(scanner: &mut Scanner<'_>, here: Here<'_>) {
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
    dial.speech = match &ca {
        Some(_) => Speech::Tls,
        None if open || production(here.it).is_some() => Speech::Unknown,
        None => Speech::Plain,
    };
    dial.trust = ca.map_or(Trust::Unknown, |file| Trust::Files(vec![file]));
    dial.name = target.host.map(|host| (host, place, "SAFETY_KERNEL_ADDR".to_owned()));
    scanner.found.dials.push(dial);
}

/// The dashboard's nginx, which its entry point configures.
pub(super) fn dashboard(scanner: &mut Scanner<'_>, here: Here<'_>) {
    const CA: &str = "/etc/cordum/tls/ca/ca.crt";
    let mut own = Listener::new(here.workload, here.container, Protocol::Http, Some(8080), here.place());
    own.speech = Speech::Plain;
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
    dial.speech = match text.to_ascii_lowercase().as_str() {
        "https" => Speech::Tls,
        "http" => Speech::Plain,
        _ => Speech::Unknown,
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
    if dial.speech == Speech::Tls {
        let file = FileRef {
            path: CA.to_owned(),
            setting: CA.to_owned(),
            place: at.clone(),
            kind: SettingKind::BuiltIn,
        };
        dial.trust = Trust::Files(vec![file.clone()]);
        dial.depth = Some((1, at.clone()));
        match scanner.view.open(here.of, here.it, CA) {
            Opened::Unmounted { .. } | Opened::NotInside { .. } | Opened::KeyMissing { .. } => {
                dial.verifies =
                    Verifies::No { setting: CA.to_owned(), place: at, kind: SettingKind::BuiltIn };
            }
            Opened::Image => dial.verifies = Verifies::Unknown,
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

/// Variables about TLS that are read.
const KNOWN: &str = "NATS_URL NATS_TLS_CA NATS_TLS_CERT NATS_TLS_KEY NATS_TLS_SERVER_NAME NATS_TLS_INSECURE \
    NATS_TOKEN NATS_USERNAME NATS_PASSWORD NATS_NKEY NATS_PING_INTERVAL REDIS_URL REDIS_TLS_CA REDIS_TLS_CERT \
    REDIS_TLS_KEY REDIS_TLS_SERVER_NAME REDIS_TLS_INSECURE REDIS_CLUSTER_ADDRESSES REDIS_PASSWORD REDIS_RATE_LIMIT \
    GATEWAY_HTTP_TLS_CERT GATEWAY_HTTP_TLS_KEY GRPC_TLS_CERT GRPC_TLS_KEY SAFETY_KERNEL_TLS_CERT SAFETY_KERNEL_TLS_KEY \
    SAFETY_KERNEL_TLS_CA SAFETY_KERNEL_TLS_REQUIRED SAFETY_KERNEL_INSECURE SAFETY_KERNEL_ADDR SAFETY_KERNEL_ADMIN_ADDR \
    CONTEXT_ENGINE_TLS_CERT CONTEXT_ENGINE_TLS_KEY CONTEXT_ENGINE_TLS_CA CONTEXT_ENGINE_TLS_REQUIRED \
    CONTEXT_ENGINE_INSECURE CONTEXT_ENGINE_ADDR CONTEXT_ENGINE_METRICS_ADDR CONTEXT_ENGINE_METRICS_PUBLIC \
    CORDUM_TLS_MIN_VERSION CORDUM_TLS_CA CORDUM_TLS_CERT CORDUM_TLS_KEY CORDUM_TLS_INSECURE CORDUM_TLS_DIR CORDUM_ENV \
    CORDUM_PRODUCTION CORDUM_NATS_ALLOW_PLAINTEXT CORDUM_API_KEY CORDUM_API_KEYS CORDUM_API_KEYS_PATH \
    CORDUM_API_UPSTREAM_SCHEME CORDUM_API_UPSTREAM_HOST CORDUM_HSTS_MAX_AGE CORDUM_API_BASE CORDUM_API_BASE_URL \
    GATEWAY_HTTP_ADDR GATEWAY_GRPC_ADDR GATEWAY_METRICS_ADDR GATEWAY_METRICS_PUBLIC SCHEDULER_METRICS_ADDR \
    SCHEDULER_METRICS_PUBLIC SAFETY_POLICY_PUBLIC_KEY SAFETY_POLICY_SIGNATURE CORDUM_ALLOWED_ORIGINS \
    CORDUM_GRPC_REFLECTION CORDUM_GRPC_REFLECTION_FORCE CORDUM_REDIS_ACL_FILE CORDUM_TENANT_ID CORDUM_LOG_FORMAT \
    CORDUM_LOG_LEVEL CORDUM_VERSION CORDUM_GATEWAY CORDUM_CERT_DIR CORDUM_JWT_REQUIRED";

/// Misspelt variables about TLS.
fn names(scanner: &mut Scanner<'_>, here: Here<'_>) {
    for setting in &here.it.environment {
        let name = setting.name.as_str();
        if KNOWN.split_whitespace().any(|one| one == name) {
            continue;
        }
        let ours = ["NATS_", "REDIS_", "GATEWAY_", "GRPC_", "SAFETY_KERNEL_", "CONTEXT_ENGINE_", "CORDUM_"];
        let about = ours.iter().any(|prefix| name.starts_with(prefix)) && name.contains("TLS");
        let near = nearest(name, KNOWN.split_whitespace());
        // A name that is not about TLS must be almost one that is read.
        let slip = near.as_deref().is_some_and(|near| {
            strsim::osa_distance(near, name) == 1 && name.len() > 7 && here.it.variable(near).is_none()
        });
        if !about && !slip {
            continue;
        }
        let place = setting.place.clone().unwrap_or_else(|| here.place());
        scanner.found.faults.push(Fault {
            kind: FaultKind::UnknownName { name: name.to_owned(), nearest: near },
            message: format!("no service of Cordum reads `{name}`"),
            mark: Mark { file: place.file.as_str().into(), line: place.line, column: place.column },
        });
    }
}

/// `CORDUM_TLS_MIN_VERSION`: what is not understood is passed over in silence.
fn minimum(scanner: &mut Scanner<'_>, here: Here<'_>) {
    const NAME: &str = "CORDUM_TLS_MIN_VERSION";
    let Some((text, place)) = here.variable(NAME) else { return };
    if has_gap(&text) {
        return;
    }
    let strict = production(here.it).is_some();
    match text.trim().to_ascii_lowercase().as_str() {
        "1.3" | "tls1.3" | "tls13" => {}
        "1.2" | "tls1.2" | "tls12" => {
            if strict {
                scanner.found.minimums.push(super::Minimum {
                    workload: here.workload,
                    setting: NAME.to_owned(),
                    value: text,
                    lowest: "1.2",
                    better: "1.3".to_owned(),
                    place,
                    kind: SettingKind::Environment,
                });
            }
        }
        _ => {
            let instead = if strict { "1.3" } else { "1.2" };
            scanner.found.faults.push(Fault {
                kind: FaultKind::UnknownName {
                    name: format!("{NAME}={text}"),
                    nearest: Some(instead.to_owned()),
                },
                message: format!("`{NAME}={text}` is silently ignored: the minimum stays {instead}"),
                mark: Mark { file: place.file.as_str().into(), line: place.line, column: place.column },
            });
        }
    }
}

/// Variables that no running program reads.
fn idle(scanner: &mut Scanner<'_>, here: Here<'_>) {
    for name in ["CONTEXT_ENGINE_TLS_CA", "CONTEXT_ENGINE_TLS_REQUIRED", "CONTEXT_ENGINE_INSECURE"] {
        if let Some((_, place)) = here.variable(name) {
            scanner.found.unused.push(Unused {
                workload: here.workload,
                setting: name.to_owned(),
                place,
                kind: SettingKind::Environment,
                why: "only a client library reads it, which no running service uses".to_owned(),
                minor: true,
            });
        }
    }
}

/// The nearest of some names, if one is near.
#[must_use]
pub(super) fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let bound = (name.len() / 3).max(2);
    known
        .map(|one| (strsim::osa_distance(name, one), one))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, one)| one.to_owned())
}
