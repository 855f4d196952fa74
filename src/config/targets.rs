//! URLs and addresses.

use std::net::IpAddr;

use tls_verify_checks::secret::Secret;
use tls_verify_checks::stack::{Endpoint, Endpoints, Link};
use url::{Host, Url};

use super::{ConfigError, Environment};
use crate::cli::TargetArgs;

/// The endpoints of a stack, and the logins that stood in their URLs.
pub(super) struct Targets {
    pub endpoints: Endpoints,
    pub nats_user: Option<String>,
    pub nats_password: Option<Secret>,
    /// A lone user in the URL is a token, as for Go's client.
    pub nats_token: Option<Secret>,
    pub redis_user: Option<String>,
    pub redis_password: Option<Secret>,
}

struct ParsedTarget {
    endpoint: Endpoint,
    user: Option<String>,
    password: Option<Secret>,
}

/// Where a setting comes from, for the error message.
struct TargetSetting<'a> {
    value: &'a str,
    from: &'a str,
    given: bool,
}

fn setting<'a>(
    flag: (&'a Option<String>, &'a str),
    names: &[&'a str],
    environment: &'a Environment,
    default: &'a str,
) -> TargetSetting<'a> {
    if let Some(value) = flag.0 {
        return TargetSetting { value, from: flag.1, given: true };
    }
    for name in names {
        if let Some(value) = environment.get(name) {
            return TargetSetting { value, from: name, given: true };
        }
    }
    TargetSetting { value: default, from: "the default", given: false }
}

pub(super) fn parse(
    args: &TargetArgs,
    environment: &Environment,
    problems: &mut Vec<ConfigError>,
) -> Option<Targets> {
    let gateway = setting(
        (&args.gateway, "--gateway"),
        &["CORDUM_API_BASE", "CORDUM_GATEWAY"],
        environment,
        "https://localhost:8081",
    );
    let nats = setting((&args.nats, "--nats"), &["NATS_URL"], environment, "tls://localhost:4222");
    let redis = setting((&args.redis, "--redis"), &["REDIS_URL"], environment, "rediss://localhost:6379");
    let dashboard = setting(
        (&args.dashboard, "--dashboard"),
        &["CORDUM_DASHBOARD_URL"],
        environment,
        "http://localhost:8082",
    );
    let gateway = url(Link::Gateway, &gateway, &["https"], 8081, problems);
    let nats = list(Link::Nats, &nats, &["tls", "nats"], 4222, problems);
    let redis = url(Link::Redis, &redis, &["rediss", "redis"], 6379, problems);
    let dashboard = url(Link::Dashboard, &dashboard, &["http", "https"], 8082, problems);
    let gateway_grpc = port(Link::GatewayGrpc, &args.gateway_grpc, "--gateway-grpc", 9080, problems);
    let safety_kernel = port(Link::SafetyKernel, &args.safety_kernel, "--safety-kernel", 50051, problems);
    let context_engine = port(Link::ContextEngine, &args.context_engine, "--context-engine", 50400, problems);
    let mut targets = match (gateway, nats, redis, dashboard, gateway_grpc, safety_kernel, context_engine) {
        (Some(gateway), Some(nats), Some(redis), Some(dashboard), Some(grpc), Some(kernel), Some(engine)) => {
            Targets {
                endpoints: Endpoints {
                    gateway: gateway.endpoint,
                    nats: nats.endpoint,
                    redis: redis.endpoint,
                    dashboard: dashboard.endpoint,
                    gateway_grpc: grpc,
                    safety_kernel: kernel,
                    context_engine: engine,
                },
                nats_token: if nats.password.is_none() { nats.user.as_ref().map(Secret::new) } else { None },
                nats_user: nats.user,
                nats_password: nats.password,
                redis_user: redis.user,
                redis_password: redis.password,
            }
        }
        _ => return None,
    };
    names(&mut targets, args, environment, problems);
    let name = targets.endpoints.nats.server_name.clone();
    for other in &mut targets.endpoints.nats.others {
        other.server_name.clone_from(&name);
    }
    resolutions(&mut targets, args, problems);
    Some(targets)
}

/// A list of URLs with commas, as nats.go takes it: each is a server, and each is looked at. The first one's
/// login is the one of all.
fn list(
    link: Link,
    setting: &TargetSetting<'_>,
    schemes: &[&str],
    default_port: u16,
    problems: &mut Vec<ConfigError>,
) -> Option<ParsedTarget> {
    let items: Vec<&str> = setting.value.split(',').map(str::trim).filter(|one| !one.is_empty()).collect();
    let mut all = Vec::new();
    for value in if items.is_empty() { vec![setting.value] } else { items } {
        let one = TargetSetting { value, ..*setting };
        all.push(url(link, &one, schemes, default_port, problems)?);
    }
    let mut all = all.into_iter();
    let mut first = all.next()?;
    first.endpoint.others = all.map(|one| one.endpoint).collect();
    Some(first)
}

fn url(
    link: Link,
    setting: &TargetSetting<'_>,
    schemes: &[&str],
    default_port: u16,
    problems: &mut Vec<ConfigError>,
) -> Option<ParsedTarget> {
    let from = setting.from;
    let example = format!("{}://localhost:{default_port}", schemes[0]);
    // A value with user information is not repeated: it may hold a password.
    let shown = if setting.value.contains('@') { "(with user information)" } else { setting.value };
    let mut refuse = |why: String| {
        problems.push(ConfigError::new(format!("{from}: {why}"), format!("give a URL such as {example}")));
        None
    };
    let parsed = match Url::parse(setting.value) {
        Ok(parsed) => parsed,
        Err(error) => return refuse(format!("`{shown}` is not a URL: {error}")),
    };
    if !schemes.contains(&parsed.scheme()) {
        return match (link, parsed.scheme()) {
            (Link::Gateway, "http") => {
                refuse(format!("`{shown}` is plain HTTP; what is verified here is HTTPS"))
            }
            (_, scheme) => refuse(format!("`{scheme}://` is not a scheme for {link}")),
        };
    }
    let host = match parsed.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Ipv4(address)) => address.to_string(),
        // Non-special schemes keep an IPv4 address as a domain.
        Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        _ => return refuse(format!("`{shown}` names no host")),
    };
    let port = parsed.port_or_known_default().unwrap_or(default_port);
    if port == 0 {
        return refuse(format!("`{shown}` has port 0"));
    }
    let prefix = parsed.path().trim_end_matches('/').to_owned();
    let user = Some(parsed.username()).filter(|user| !user.is_empty()).map(decoded);
    let password = parsed.password().map(|password| Secret::new(decoded(password)));
    let endpoint = Endpoint {
        link,
        scheme: parsed.scheme().to_owned(),
        host,
        port,
        server_name: None,
        prefix: if matches!(link, Link::Gateway | Link::Dashboard) { prefix } else { String::new() },
        others: Vec::new(),
        addresses: Vec::new(),
        explicit: setting.given,
        via: None,
        missing: None,
    };
    Some(ParsedTarget { endpoint, user, password })
}

/// Percent-decoding of user information.
fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

fn port(
    link: Link,
    flag: &Option<String>,
    name: &str,
    default: u16,
    problems: &mut Vec<ConfigError>,
) -> Option<Endpoint> {
    let (host, port) = match flag {
        None => ("localhost".to_owned(), default),
        Some(text) => match host_port(text) {
            Some(pair) => pair,
            None => {
                problems.push(ConfigError::new(
                    format!("{name}: `{text}` is not HOST:PORT"),
                    format!("give an address such as localhost:{default}"),
                ));
                return None;
            }
        },
    };
    Some(Endpoint {
        link,
        scheme: "grpcs".to_owned(),
        host,
        port,
        server_name: None,
        prefix: String::new(),
        others: Vec::new(),
        addresses: Vec::new(),
        explicit: flag.is_some(),
        via: None,
        missing: None,
    })
}

/// `host:port` or `[v6]:port`.
#[must_use]
pub(crate) fn host_port(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    let port: u16 = port.parse().ok().filter(|port| *port != 0)?;
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

fn names(
    targets: &mut Targets,
    args: &TargetArgs,
    environment: &Environment,
    problems: &mut Vec<ConfigError>,
) {
    let mut given: Vec<(Link, String)> = Vec::new();
    for (name, link) in [("NATS_TLS_SERVER_NAME", Link::Nats), ("REDIS_TLS_SERVER_NAME", Link::Redis)] {
        given.extend(environment.get(name).map(|value| (link, value.to_owned())));
    }
    for text in &args.server_name {
        let links: Vec<&str> = Link::ALL.iter().map(|link| link.slug()).collect();
        let found = text.split_once('=').and_then(|(link, name)| {
            Link::ALL.iter().find(|known| known.slug() == link).map(|link| (*link, name.to_owned()))
        });
        match found {
            Some(pair) if !pair.1.is_empty() => given.push(pair),
            _ => problems.push(ConfigError::new(
                format!("--server-name: `{text}` is not LINK=NAME"),
                format!("LINK is one of {}", links.join(", ")),
            )),
        }
    }
    for (link, name) in given {
        if rustls_pki_types::ServerName::try_from(name.clone()).is_err() {
            problems.push(ConfigError::new(
                format!("the server name `{name}` for {link} is neither a DNS name nor an address"),
                "give a name such as nats",
            ));
        }
        for endpoint in targets.endpoints.each_mut() {
            if endpoint.link == link {
                endpoint.server_name = Some(name.clone());
            }
        }
    }
}

fn resolutions(targets: &mut Targets, args: &TargetArgs, problems: &mut Vec<ConfigError>) {
    for text in &args.resolve {
        let parsed = resolution(text);
        match parsed {
            Some((host, port, addresses)) => {
                for endpoint in targets.endpoints.each_mut() {
                    if endpoint.host.eq_ignore_ascii_case(&host) && endpoint.port == port {
                        endpoint.addresses.extend(addresses.iter().copied());
                    }
                }
            }
            None => problems.push(ConfigError::new(
                format!("--resolve: `{text}` is not HOST:PORT:ADDR"),
                "give, for example, nats:4222:172.18.0.3",
            )),
        }
    }
}

/// `host:port:address[,address]`, as curl takes it.
#[must_use]
pub(crate) fn resolution(text: &str) -> Option<(String, u16, Vec<IpAddr>)> {
    let (host, rest) = match text.strip_prefix('[') {
        Some(rest) => rest.split_once("]:")?,
        None => text.split_once(':')?,
    };
    let (port, addresses) = rest.split_once(':')?;
    let port: u16 = port.parse().ok()?;
    let addresses: Option<Vec<IpAddr>> = addresses
        .split(',')
        .map(|address| address.trim_start_matches('[').trim_end_matches(']').parse().ok())
        .collect();
    Some((host.to_owned(), port, addresses?))
}
