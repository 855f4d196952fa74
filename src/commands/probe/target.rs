//! Targets as people write them.

use std::net::IpAddr;

use tls_verify_checks::probe::{ProbeProtocol, ProbeTarget};
use tls_verify_checks::stack::{Endpoint, Stack};
use url::{Host, Url};

use crate::config::{host_port, resolution};

/// What is common to all targets of a call.
#[derive(Clone, Copy, Debug)]
pub(super) struct ProbeOptions<'a> {
    pub stack: &'a Stack,
    pub resolve: &'a [String],
    pub tls_first: bool,
    pub deep: bool,
}

/// Reads a target.
///
/// # Errors
/// What is wrong with it, without any user information.
pub(super) fn parse(text: &str, manner: ProbeOptions<'_>) -> Result<ProbeTarget, String> {
    let text = text.trim();
    let (protocol, host, port, path) = match text.split_once("://") {
        None => {
            let (host, port) =
                host_port(text).ok_or_else(|| format!("`{}` is neither a URL nor HOST:PORT", shown(text)))?;
            (ProbeProtocol::Raw, host, port, String::new())
        }
        Some((scheme, _)) => url(text, scheme)?,
    };
    if port == 0 {
        return Err(format!("`{}` has port 0", shown(text)));
    }
    let link = protocol.link();
    let known = manner.stack.endpoint(link);
    let mut addresses: Vec<IpAddr> = Vec::new();
    for text in manner.resolve {
        if let Some((name, at, found)) = resolution(text)
            && name.eq_ignore_ascii_case(&host)
            && at == port
        {
            addresses.extend(found);
        }
    }
    let scheme = match protocol {
        ProbeProtocol::Nats => "tls",
        ProbeProtocol::Http | ProbeProtocol::Ws => "http",
        ProbeProtocol::Redis => "redis",
        ProbeProtocol::Grpc => "grpc",
        ProbeProtocol::Raw | ProbeProtocol::Https | ProbeProtocol::Wss => "https",
        ProbeProtocol::Grpcs => "grpcs",
        ProbeProtocol::Rediss => "rediss",
    };
    let endpoint = Endpoint {
        link,
        scheme: scheme.to_owned(),
        host,
        port,
        server_name: known.server_name.clone(),
        prefix: String::new(),
        others: Vec::new(),
        addresses,
        explicit: true,
        via: None,
        missing: None,
    };
    if rustls_pki_types::ServerName::try_from(endpoint.name().to_owned()).is_err() {
        return Err(format!("`{}` is neither a DNS name nor an address", endpoint.name()));
    }
    let path = if path.is_empty() { "/".to_owned() } else { path };
    Ok(ProbeTarget {
        text: shown(text),
        protocol,
        path,
        endpoint,
        tls_first: manner.tls_first,
        deep: manner.deep,
    })
}

/// Protocol, host, port and path of a URL.
fn url(text: &str, scheme: &str) -> Result<(ProbeProtocol, String, u16, String), String> {
    let (protocol, default) = match scheme.to_ascii_lowercase().as_str() {
        "https" => (ProbeProtocol::Https, 443),
        "wss" => (ProbeProtocol::Wss, 443),
        "grpcs" => (ProbeProtocol::Grpcs, 443),
        "nats" | "tls" => (ProbeProtocol::Nats, 4222),
        "rediss" => (ProbeProtocol::Rediss, 6379),
        "http" => (ProbeProtocol::Http, 80),
        "ws" => (ProbeProtocol::Ws, 80),
        "grpc" => (ProbeProtocol::Grpc, 80),
        "redis" => (ProbeProtocol::Redis, 6379),
        other => {
            return Err(format!(
                "`{}` has the unknown scheme {other}://; known are https wss grpcs nats tls rediss and \
                 http ws grpc redis, or HOST:PORT for raw TLS",
                shown(text)
            ));
        }
    };
    let url = Url::parse(text).map_err(|error| format!("`{}` is no URL: {error}", shown(text)))?;
    let host = match url.host() {
        Some(Host::Ipv6(address)) => address.to_string(),
        Some(Host::Ipv4(address)) => address.to_string(),
        Some(Host::Domain(name)) if !name.is_empty() => name.to_owned(),
        _ => return Err(format!("`{}` names no host", shown(text))),
    };
    let port = url.port_or_known_default().unwrap_or(default);
    let mut path = if url.path().is_empty() { "/".to_owned() } else { url.path().to_owned() };
    if let Some(query) = url.query() {
        path.push('?');
        path.push_str(query);
    }
    Ok((protocol, host, port, path))
}

/// The target without user information and without its query, which may hold a key.
fn shown(text: &str) -> String {
    let (scheme, rest) = text.split_once("://").map_or(("", text), |(scheme, rest)| (scheme, rest));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let tail = tail.split(['?', '#']).next().unwrap_or_default();
    let separator = if scheme.is_empty() { "" } else { "://" };
    format!("{scheme}{separator}{host}{tail}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_information_and_queries_are_not_shown() {
        assert_eq!(shown("rediss://user:secret@host:1/0?password=x"), "rediss://host:1/0");
        assert_eq!(shown("host:1"), "host:1");
        assert_eq!(shown("u:p@host:1"), "host:1");
    }
}
