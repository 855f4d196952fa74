//! Addresses and switches in settings, with gaps where a value is not known.

/// An address in a setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    pub scheme: Option<String>,
    /// `None`: it is not known.
    pub host: Option<String>,
    pub port: Option<u16>,
    pub query: Vec<(String, String)>,
    /// Without user information.
    pub shown: String,
}

/// Takes an address apart; a gap in host or scheme leaves that unknown, one in the password does not matter.
#[must_use]
pub fn address(text: &str) -> Option<Address> {
    use crate::workload::Template;
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (Some(scheme.to_ascii_lowercase()), rest),
        None => (None, text),
    };
    // What stands in a gap is a name: a Secret's has a slash in it.
    let mut inside = false;
    let ends = |c: char| {
        inside = (inside || c == Template::OPEN) && c != Template::CLOSE;
        !inside && matches!(c, '/' | '?' | '#')
    };
    let end = rest.find(ends).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    let host_port = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let (host, port) = if let Some(inside) = host_port.strip_prefix('[') {
        let (host, port) = inside.split_once(']')?;
        (host, port.strip_prefix(':'))
    } else {
        match host_port.rsplit_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (host_port, None),
        }
    };
    let open = |text: &str| text.contains(Template::OPEN) || text.contains(Template::CLOSE);
    if host.contains(char::is_whitespace)
        || scheme.as_deref().is_some_and(|one| one.contains(char::is_whitespace))
    {
        return None;
    }
    let port_number = match port {
        Some(port) if open(port) => None,
        Some(port) => Some(port.parse().ok()?),
        None => None,
    };
    let query = tail
        .split_once('?')
        .map(|(_, query)| {
            let query = query.split('#').next().unwrap_or_default();
            query
                .split('&')
                .filter_map(|pair| pair.split_once('='))
                .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
                .collect()
        })
        .unwrap_or_default();
    let prefix = scheme.as_ref().map(|scheme| format!("{scheme}://")).unwrap_or_default();
    let shown = format!("{prefix}{host_port}");
    Some(Address {
        scheme: scheme.filter(|one| !open(one)),
        host: (!host.is_empty() && !open(host)).then(|| host.trim_end_matches('.').to_ascii_lowercase()),
        port: port_number,
        query,
        shown: named_gaps(&shown),
    })
}

/// A text with gaps as people read it: `${NAME}`.
#[must_use]
pub fn named_gaps(text: &str) -> String {
    match crate::workload::Value::of(text) {
        crate::workload::Value::Partly(template) => template.filled(|name| format!("${{{name}}}")),
        crate::workload::Value::Unknown(name) => format!("${{{name}}}"),
        value => value.known().unwrap_or_default().to_owned(),
    }
}

/// An address whose password is not shown; one that comes from a variable stays `${NAME}`.
#[must_use]
pub fn masked(text: &str) -> String {
    let shown = named_gaps(text);
    let Some((scheme, rest)) = shown.split_once("://") else { return shown };
    let from = rest.rfind("}@").unwrap_or(0);
    let end = rest[from..].find('/').map_or(rest.len(), |at| from + at);
    let (authority, tail) = rest.split_at(end);
    let Some((user, host)) = authority.rsplit_once('@') else { return shown };
    let hidden = match user.split_once(':') {
        Some((name, password)) if !password.starts_with("${") => format!("{name}:***"),
        Some(_) => user.to_owned(),
        // A token stands alone.
        None if user.starts_with("${") => user.to_owned(),
        None => "***".to_owned(),
    };
    format!("{scheme}://{hidden}@{host}{tail}")
}

/// Whether a value is on, as Go programs and shells write it.
#[must_use]
pub fn truthy(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "1" | "true" | "yes" | "y" | "on" | "t")
}

/// Whether a host is the container or pod itself.
#[must_use]
pub fn is_loopback(host: &str) -> bool {
    host == "localhost" || host == "::1" || host.starts_with("127.") || host.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Template;

    #[test]
    fn a_gap_in_the_password_hides_nothing_and_one_in_the_host_does() {
        let one =
            address(&format!("rediss://:{}@redis:6379/0?skip_verify=true", Template::gap("P"))).unwrap();
        assert_eq!(
            (one.scheme.as_deref(), one.host.as_deref(), one.port),
            (Some("rediss"), Some("redis"), Some(6379))
        );
        assert_eq!(one.query, [("skip_verify".to_owned(), "true".to_owned())]);
        assert_eq!(one.shown, "rediss://redis:6379");
        let secret = format!("rediss://:{}@redis:6379/0", Template::gap("redis-auth/PASSWORD"));
        assert_eq!(address(&secret).unwrap().host.as_deref(), Some("redis"));
        assert_eq!(masked(&secret), "rediss://:${redis-auth/PASSWORD}@redis:6379/0");
        let one = address(&format!("tls://{}:4222", Template::gap("H"))).unwrap();
        assert_eq!((one.host, one.port), (None, Some(4222)));
        assert_eq!(address("https://[::1]:8081/x").unwrap().host.as_deref(), Some("::1"));
        assert_eq!(address("not an address"), None);
    }
}
