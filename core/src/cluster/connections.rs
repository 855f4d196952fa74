//! Who dials whom with which files and by which name, as the workloads describe it.

use super::config::{self, Config};
use super::judged;
use super::secrets::{self, PathContent};
use crate::link::Link;
use crate::rules::Finding;
use crate::workload::kubernetes::{Cluster, service_of};
use crate::workload::{Container, Workload};

/// Which server of the stack a connection leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum ConnectionTarget {
    Link(Link),
    /// A NATS server's routes to its peers.
    Routes,
    /// A Redis node's bus to its peers.
    Bus,
}

impl ConnectionTarget {
    /// As sentences name it.
    #[must_use]
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::Link(Link::Nats) => "NATS",
            Self::Link(Link::Redis) => "Redis",
            Self::Link(Link::Gateway) => "the gateway",
            Self::Link(Link::GatewayGrpc) => "the gateway's gRPC port",
            Self::Link(Link::SafetyKernel) => "the safety kernel",
            Self::Link(Link::ContextEngine) => "the context engine",
            Self::Link(Link::Dashboard) => "the dashboard",
            Self::Routes => "the NATS servers among themselves",
            Self::Bus => "the Redis nodes among themselves",
        }
    }
}

/// A file that a setting names.
#[derive(Clone, Debug)]
pub(super) struct NamedFile {
    /// The variable, or the directive of a configuration.
    pub setting: String,
    pub path: String,
    pub found: PathContent,
}

/// A name that a client verifies, and the setting that it comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Name {
    pub name: String,
    pub setting: String,
    /// It stands as a server name of its own, not as part of an address.
    pub explicit: bool,
}

/// One connection: a client, its server, and what each of them uses.
#[derive(Clone, Debug)]
pub(super) struct Connection<'a> {
    pub client: &'a Workload,
    pub server: &'a Workload,
    pub target: ConnectionTarget,
    /// The client speaks TLS; `None`: it cannot be known.
    pub client_tls: Option<bool>,
    pub server_tls: Option<bool>,
    /// The setting that decides about the client's scheme, and its value without user information.
    pub scheme: Option<(String, String)>,
    pub names: Vec<Name>,
    /// The setting by which the client verifies nobody, and the rule that says so.
    pub unverified: Option<(String, &'static str)>,
    pub ca: Option<NamedFile>,
    pub identity: Option<NamedFile>,
    pub certificate: Option<NamedFile>,
    /// What the server verifies clients with, where it asks for a certificate.
    pub client_ca: Option<NamedFile>,
}

/// The container whose settings count: the workload's main one.
#[must_use]
pub(super) fn main_of(workload: &Workload) -> Option<&Container> {
    workload.main()
}

pub(super) fn known<'a>(container: &'a Container, name: &str) -> Option<&'a str> {
    container.variable(name)?.value.known().filter(|text| !text.is_empty())
}

fn file(cluster: &Cluster, container: &Container, setting: &str) -> Option<NamedFile> {
    named_file(cluster, container, setting, known(container, setting)?)
}

fn named_file(cluster: &Cluster, container: &Container, setting: &str, path: &str) -> Option<NamedFile> {
    if path.is_empty() {
        return None;
    }
    let found = secrets::at(cluster, container, path);
    Some(NamedFile { setting: setting.to_owned(), path: path.to_owned(), found })
}

/// Host of a URL or of `HOST:PORT`; user information and path left out.
#[must_use]
pub(super) fn host_of(address: &str) -> &str {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let rest = rest.split(['/', '?']).next().unwrap_or_default();
    let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    match rest.strip_prefix('[').and_then(|inner| inner.split_once(']')) {
        Some((inner, _)) => inner,
        None => rest.rsplit_once(':').map_or(rest, |(host, _)| host),
    }
}

/// A URL or address without user information.
#[must_use]
pub(super) fn shown(address: &str) -> String {
    match address.split_once("://") {
        Some((scheme, rest)) => {
            let rest = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
            format!("{scheme}://{rest}")
        }
        None => address.to_owned(),
    }
}

/// Everything that is dialled in the stack, as far as it is described.
#[must_use]
pub(super) fn all<'a>(cluster: &'a Cluster, findings: &[Finding]) -> Vec<Connection<'a>> {
    let mut found = described(cluster);
    for one in &mut found {
        one.unverified = judged::unverified(findings, one);
    }
    found
}

fn described(cluster: &Cluster) -> Vec<Connection<'_>> {
    let mut found = Vec::new();
    for workload in &cluster.workloads {
        let Some(container) = main_of(workload) else { continue };
        match service_of(workload) {
            "nats" => found.extend(routes(cluster, workload, container)),
            "redis" => found.extend(bus(cluster, workload, container)),
            "dashboard" => found.extend(of_dashboard(cluster, workload, container)),
            "api-gateway" | "scheduler" | "safety-kernel" | "workflow-engine" | "context-engine" => {
                found.extend(to_store(cluster, workload, container, Link::Redis));
                if service_of(workload) != "context-engine" {
                    found.extend(to_store(cluster, workload, container, Link::Nats));
                }
                found.extend(to_kernel(cluster, workload, container));
            }
            _ if workload.instances.is_empty() && workload.wanted.is_none() => {}
            _ => {
                found.extend(to_store(cluster, workload, container, Link::Redis));
                found.extend(to_store(cluster, workload, container, Link::Nats));
            }
        }
    }
    found
}

/// The workload of a service, the first where there are several.
fn server<'a>(cluster: &'a Cluster, service: &'a str) -> Option<&'a Workload> {
    cluster.of_service(service).next()
}

/// What a server is configured with.
#[must_use]
pub(super) fn config_of(cluster: &Cluster, workload: &Workload) -> Option<Config> {
    let container = main_of(workload)?;
    match service_of(workload) {
        "nats" => config::of_nats(cluster, container),
        "redis" => config::of_redis(cluster, container),
        _ => None,
    }
}

/// A client of NATS or Redis.
fn to_store<'a>(
    cluster: &'a Cluster,
    client: &'a Workload,
    container: &Container,
    link: Link,
) -> Option<Connection<'a>> {
    let (variable, front) = if link == Link::Nats { ("NATS_URL", "NATS") } else { ("REDIS_URL", "REDIS") };
    let url = known(container, variable)?;
    let server = server(cluster, link.service())?;
    let config = config_of(cluster, server);
    let scheme = url.split_once("://").map_or("", |(scheme, _)| scheme);
    let is_worker = !matches!(
        service_of(client),
        "api-gateway" | "scheduler" | "safety-kernel" | "workflow-engine" | "context-engine"
    );
    let of = |end: &str| file(cluster, container, &format!("{front}_TLS_{end}"));
    // A worker's SDK applies its TLS variables whatever the scheme.
    let by_variables = link == Link::Nats && is_worker && of("CA").is_some();
    let client_tls = match scheme {
        "tls" | "rediss" => Some(true),
        "nats" | "redis" => Some(by_variables),
        _ => None,
    };
    let mut names = Vec::new();
    let explicit = format!("{front}_TLS_SERVER_NAME");
    if let Some(name) = known(container, &explicit) {
        names.push(Name { name: name.to_owned(), setting: explicit, explicit: true });
    } else {
        let cluster_mode =
            (link == Link::Redis).then(|| known(container, "REDIS_CLUSTER_ADDRESSES")).flatten();
        let addresses = cluster_mode.map_or((variable, url), |list| ("REDIS_CLUSTER_ADDRESSES", list));
        for address in addresses.1.split(',').map(str::trim).filter(|one| !one.is_empty()) {
            let name = host_of(address).to_owned();
            names.push(Name { name, setting: addresses.0.to_owned(), explicit: false });
        }
    }
    let own = main_of(server)?;
    let (server_tls, certificate, client_ca) = match (&config, link) {
        (Some(config), Link::Nats) => nats_side(cluster, own, config, "tls"),
        (Some(config), _) => redis_side(cluster, own, config),
        (None, _) => (None, None, None),
    };
    Some(Connection {
        client,
        server,
        target: ConnectionTarget::Link(link),
        client_tls,
        server_tls,
        scheme: Some((variable.to_owned(), shown(url))),
        names,
        unverified: None,
        ca: of("CA"),
        identity: of("CERT"),
        certificate,
        client_ca,
    })
}

type Side = (Option<bool>, Option<NamedFile>, Option<NamedFile>);

fn nats_side(cluster: &Cluster, own: &Container, config: &Config, block: &str) -> Side {
    let key = |name: &str| format!("{block}.{name}");
    let file = |name: &str| named_file(cluster, own, &key(name), config.get(&key(name))?);
    let tls = config.has_block(block);
    // Only what dials or is dialled over TLS has files.
    let verifies = config.is_on(&key("verify")) || config.is_on(&key("verify_and_map"));
    (Some(tls), file("cert_file"), if verifies { file("ca_file") } else { None })
}

fn redis_side(cluster: &Cluster, own: &Container, config: &Config) -> Side {
    let file = |name: &str| named_file(cluster, own, name, config.get(name)?);
    let tls = config.get("tls-port").is_some_and(|port| port != "0");
    // The default is to ask.
    let asks = config.get("tls-auth-clients").is_none_or(|word| word == "yes");
    (Some(tls), file("tls-cert-file"), if asks { file("tls-ca-cert-file") } else { None })
}

/// Gateway, scheduler and workflow engine to the safety kernel.
fn to_kernel<'a>(
    cluster: &'a Cluster,
    client: &'a Workload,
    container: &Container,
) -> Option<Connection<'a>> {
    let address = known(container, "SAFETY_KERNEL_ADDR").filter(|one| !one.starts_with(':'))?;
    if service_of(client) == "safety-kernel" {
        return None;
    }
    let server = server(cluster, "safety-kernel")?;
    let own = main_of(server)?;
    let ca = file(cluster, container, "SAFETY_KERNEL_TLS_CA");
    let name = host_of(address).to_owned();
    Some(Connection {
        client,
        server,
        target: ConnectionTarget::Link(Link::SafetyKernel),
        client_tls: Some(ca.is_some()),
        server_tls: Some(known(own, "SAFETY_KERNEL_TLS_CERT").is_some()),
        scheme: Some((
            "SAFETY_KERNEL_TLS_CA".to_owned(),
            ca.as_ref().map_or_else(String::new, |ca| ca.path.clone()),
        )),
        names: vec![Name { name, setting: "SAFETY_KERNEL_ADDR".to_owned(), explicit: false }],
        unverified: None,
        ca,
        identity: None,
        certificate: file(cluster, own, "SAFETY_KERNEL_TLS_CERT"),
        client_ca: None,
    })
}

/// Where the dashboard's entry point looks for the CA.
const DASHBOARD_CA: &str = "/etc/cordum/tls/ca/ca.crt";

fn of_dashboard<'a>(
    cluster: &'a Cluster,
    client: &'a Workload,
    container: &Container,
) -> Option<Connection<'a>> {
    let server = server(cluster, "api-gateway")?;
    let own = main_of(server)?;
    let scheme = known(container, "CORDUM_API_UPSTREAM_SCHEME").unwrap_or("http");
    let tls = scheme == "https";
    let host = known(container, "CORDUM_API_UPSTREAM_HOST");
    // The long name only where the token's folder is mounted.
    let token = cluster
        .pods_of("dashboard")
        .flat_map(|pod| &pod.configured)
        .flat_map(|one| &one.mounts)
        .any(|mount| mount.target.starts_with("/var/run/secrets/kubernetes.io"));
    let default = if token {
        format!("cordum-api-gateway.{}.svc.cluster.local", cluster.namespace)
    } else {
        "cordum-api-gateway".to_owned()
    };
    let name = Name {
        name: host.map_or(default, str::to_owned),
        setting: "CORDUM_API_UPSTREAM_HOST".to_owned(),
        explicit: false,
    };
    let mounted = container.mount_of(DASHBOARD_CA).is_some();
    let ca = (tls && mounted).then(|| named_file(cluster, container, DASHBOARD_CA, DASHBOARD_CA)).flatten();
    Some(Connection {
        client,
        server,
        target: ConnectionTarget::Link(Link::Gateway),
        client_tls: Some(tls),
        server_tls: Some(known(own, "GATEWAY_HTTP_TLS_CERT").is_some()),
        scheme: Some(("CORDUM_API_UPSTREAM_SCHEME".to_owned(), scheme.to_owned())),
        names: vec![name],
        unverified: None,
        ca,
        identity: None,
        certificate: file(cluster, own, "GATEWAY_HTTP_TLS_CERT"),
        client_ca: None,
    })
}

/// A NATS server to its peers: its certificate serves both ends.
fn routes<'a>(cluster: &'a Cluster, workload: &'a Workload, container: &Container) -> Option<Connection<'a>> {
    let config = config_of(cluster, workload)?;
    let routes = config.get("cluster.routes")?;
    if workload.wanted.is_some_and(|wanted| wanted < 2) && routes.lines().count() < 2 {
        return None;
    }
    let names = routes.lines().map(|route| Name {
        name: host_of(route).to_owned(),
        setting: "cluster.routes".to_owned(),
        explicit: false,
    });
    let names = names.collect();
    let (tls, certificate, client_ca) = nats_side(cluster, container, &config, "cluster.tls");
    let file = |key: &str| named_file(cluster, container, key, config.get(key)?);
    Some(Connection {
        client: workload,
        server: workload,
        target: ConnectionTarget::Routes,
        client_tls: tls,
        server_tls: tls,
        scheme: None,
        names,
        unverified: None,
        ca: file("cluster.tls.ca_file"),
        identity: certificate.clone(),
        certificate,
        client_ca,
    })
}

/// A Redis node to its peers.
fn bus<'a>(cluster: &'a Cluster, workload: &'a Workload, container: &Container) -> Option<Connection<'a>> {
    let config = config_of(cluster, workload)?;
    if !config.is_on("cluster-enabled") && config.get("replicaof").is_none() {
        return None;
    }
    let tls = config.is_on("tls-cluster") || config.is_on("tls-replication");
    let (_, certificate, client_ca) = redis_side(cluster, container, &config);
    let file = |key: &str| named_file(cluster, container, key, config.get(key)?);
    Some(Connection {
        client: workload,
        server: workload,
        target: ConnectionTarget::Bus,
        client_tls: Some(tls),
        server_tls: Some(tls),
        scheme: None,
        names: Vec::new(),
        unverified: None,
        ca: file("tls-ca-cert-file"),
        identity: file("tls-client-cert-file").or_else(|| certificate.clone()),
        certificate,
        client_ca,
    })
}
