//! The real settings behind a link: variables of a container's environment, with where their files lie
//! on the host. Values that may hold a secret are masked before anybody sees them.

use crate::cause::CauseKind;
use crate::evidence::LinkSetting;
use crate::link::Link;
use crate::workload::{Instance, truthy};

/// The prefixes of a link's variables: `NATS_TLS_CA`, `NATS_URL`, ….
const fn prefixes(link: Link) -> &'static [&'static str] {
    match link {
        Link::Nats => &["NATS_URL", "NATS_TLS_", "NATS_TOKEN", "NATS_USERNAME", "NATS_PASSWORD", "NATS_NKEY"],
        Link::Redis => &["REDIS_URL", "REDIS_TLS_", "REDIS_PASSWORD"],
        Link::SafetyKernel => &["SAFETY_KERNEL_ADDR", "SAFETY_KERNEL_TLS_"],
        Link::ContextEngine => &["CONTEXT_ENGINE_ADDR", "CONTEXT_ENGINE_TLS_"],
        Link::Gateway => &["GATEWAY_HTTP_ADDR", "GATEWAY_HTTP_TLS_", "CORDUM_API_UPSTREAM_"],
        Link::GatewayGrpc => &["GRPC_TLS_"],
        Link::Dashboard => &["CORDUM_API_UPSTREAM_"],
    }
}

/// Every TLS setting of a container, sorted by name.
fn all(container: &Instance) -> impl Iterator<Item = LinkSetting> + '_ {
    let mut names: Vec<&str> =
        container.configured.environment.iter().map(|setting| setting.name.as_str()).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .filter(|name| {
            Link::ALL.iter().flat_map(|link| prefixes(*link)).any(|prefix| name.starts_with(prefix))
        })
        .filter_map(move |name| Some(of(container, name, container.variable(name)?)))
        .filter(|setting| !setting.value.is_empty())
}

fn of(container: &Instance, name: &str, value: &str) -> LinkSetting {
    LinkSetting {
        service: container.service.clone(),
        name: name.to_owned(),
        value: if is_secret(name) { "set".to_owned() } else { without_userinfo(value) },
        host: on_host(container, value),
    }
}

/// Of a login nothing is shown but that there is one.
fn is_secret(name: &str) -> bool {
    LOGIN.iter().any(|end| name.ends_with(end))
}

const LOGIN: &[&str] = &["_TOKEN", "_USERNAME", "_PASSWORD", "_NKEY"];

/// `rediss://:secret@redis:6379` is `rediss://redis:6379`; the query may hold anything and is left out.
fn without_userinfo(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let rest = rest.split(['?', '#']).next().unwrap_or_default();
    let host = rest.rsplit_once('@').map_or(rest, |(_, host)| host);
    format!("{scheme}://{host}")
}

/// Where a path of the container lies on the host: the longest mount that holds it.
#[must_use]
pub fn on_host(container: &Instance, path: &str) -> Option<String> {
    container.configured.on_host(path)
}

/// The name that a service verifies in the certificate of NATS or Redis: what is set for it, else the host of
/// the URL. `None` where it verifies none.
#[must_use]
pub fn name_dialled(container: &Instance, link: Link) -> Option<String> {
    let prefix = match link {
        Link::Nats => "NATS",
        Link::Redis => "REDIS",
        _ => return None,
    };
    let value = |rest: &str| container.variable(&format!("{prefix}_{rest}"));
    if value("TLS_INSECURE").is_some_and(truthy) {
        return None;
    }
    if let Some(name) = value("TLS_SERVER_NAME").filter(|name| !name.is_empty()) {
        return Some(name.to_owned());
    }
    let url = without_userinfo(value("URL")?.split(',').next()?.trim());
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split('/').next()?;
    let host = match authority.strip_prefix('[') {
        Some(address) => address.split(']').next()?,
        None => authority.rsplit_once(':').map_or(authority, |(host, _)| host),
    };
    (scheme != "redis" && !host.is_empty()).then(|| host.to_owned())
}

/// The settings of a container that bear on a fault: of the link where it is known, of the kind of value
/// that the fault is about, and those whose value is the file.
#[must_use]
pub fn relevant(
    container: &Instance,
    link: Option<Link>,
    kind: Option<CauseKind>,
    file: Option<&str>,
) -> Vec<LinkSetting> {
    let of_link = |setting: &LinkSetting| {
        link.is_none_or(|link| prefixes(link).iter().any(|prefix| setting.name.starts_with(prefix)))
    };
    let about = |setting: &LinkSetting| {
        let name = setting.name.as_str();
        match kind {
            Some(CauseKind::UnknownAuthority | CauseKind::BadSignature | CauseKind::InvalidCa) => {
                name.ends_with("_CA") || name.ends_with("_INSECURE")
            }
            // `rediss://:PASSWORD@redis:6379`: Redis' login is in the URL.
            Some(CauseKind::VerificationNotEnforced) => {
                name.ends_with("_INSECURE") || (name == "REDIS_URL" && link == Some(Link::Redis))
            }
            Some(CauseKind::AuthNotTls) => is_secret(name) || name == "REDIS_URL",
            Some(CauseKind::HostnameMismatch | CauseKind::Dns | CauseKind::ConnectionRefused) => {
                ["_URL", "_ADDR", "_HOST", "_SERVER_NAME"].iter().any(|end| name.ends_with(end))
            }
            Some(CauseKind::WrongSchemeTlsToPlain | CauseKind::WrongSchemePlainToTls) => {
                name.ends_with("_URL") || name.ends_with("_SCHEME")
            }
            Some(CauseKind::KeyMismatch | CauseKind::BadKeyFile) => {
                name.ends_with("_CERT") || name.ends_with("_KEY")
            }
            Some(
                CauseKind::BadCertificate
                | CauseKind::ClientCertRequired
                | CauseKind::Expired
                | CauseKind::NotYetValid
                | CauseKind::WrongKeyUsage,
            ) => name.ends_with("_CERT") || name.ends_with("_CA"),
            _ => false,
        }
    };
    match file {
        Some(file) => {
            let mut found: Vec<LinkSetting> =
                all(container).filter(|setting| setting.value == file).collect();
            if found.is_empty() && on_host(container, file).is_some() {
                found.push(of(container, "", file));
            }
            found
        }
        None => all(container).filter(|setting| of_link(setting) && about(setting)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use crate::workload::{Mount, MountSource, Value};

    use super::*;

    fn put(container: &mut Instance, name: &str, value: &str) {
        let value = Value::Known(value.to_owned());
        let setting = crate::workload::Setting { name: name.to_owned(), value, place: None };
        container.configured.environment.push(setting);
    }

    fn mount((source, target): (&str, &str)) -> Mount {
        let source = MountSource::Host(source.to_owned());
        Mount { target: target.to_owned(), source, sub_path: None, read_only: true, mode: None, place: None }
    }

    #[test]
    fn a_url_is_shown_without_its_login() {
        assert_eq!(without_userinfo("rediss://:s3@cret@redis:6379/0?x=y"), "rediss://redis:6379/0");
        assert_eq!(without_userinfo("tls://nats:4222"), "tls://nats:4222");
        assert_eq!(without_userinfo("/etc/cordum/tls/ca/ca.crt"), "/etc/cordum/tls/ca/ca.crt");
    }

    #[test]
    fn the_name_that_a_service_verifies_is_known() {
        let named = |pairs: &[(&str, &str)], link| {
            let mut container = Instance::of_service("scheduler", "scheduler-1");
            for (name, value) in pairs {
                put(&mut container, name, value);
            }
            name_dialled(&container, link)
        };
        let nats = |pairs: &[(&str, &str)]| named(pairs, Link::Nats);
        assert_eq!(nats(&[("NATS_URL", "tls://u:p@nats:4222")]).as_deref(), Some("nats"));
        assert_eq!(nats(&[("NATS_URL", "nats://[::1]:4222,tls://b:1")]).as_deref(), Some("::1"));
        assert_eq!(nats(&[("NATS_URL", "tls://nats"), ("NATS_TLS_SERVER_NAME", "x")]).as_deref(), Some("x"));
        assert_eq!(nats(&[("NATS_URL", "tls://nats"), ("NATS_TLS_INSECURE", "1")]), None);
        assert_eq!(nats(&[]), None);
        assert_eq!(named(&[("REDIS_URL", "redis://redis:6379")], Link::Redis), None);
        assert_eq!(
            named(&[("REDIS_URL", "rediss://:p@redis:6379/0")], Link::Redis).as_deref(),
            Some("redis")
        );
    }

    #[test]
    fn the_setting_of_a_fault_is_named_with_its_file_on_the_host() {
        let mut container = Instance::of_service("scheduler", "scheduler-1");
        for (name, value) in [
            ("NATS_TLS_CA", "/etc/cordum/tls/other/ca.crt"),
            ("REDIS_TLS_CA", "/etc/cordum/tls/ca/ca.crt"),
            ("NATS_URL", "tls://user:pw@nats:4222"),
            ("CORDUM_API_KEY", "secret"),
        ] {
            put(&mut container, name, value);
        }
        container.configured.mounts =
            [("/srv/everything", "/etc"), ("/srv/certs", "/etc/cordum/tls")].map(mount).into();
        let shown = |link, kind, file| -> Vec<String> {
            relevant(&container, link, Some(kind), file).iter().map(ToString::to_string).collect()
        };
        assert_eq!(
            shown(Some(Link::Nats), CauseKind::UnknownAuthority, None),
            ["scheduler: NATS_TLS_CA=/etc/cordum/tls/other/ca.crt (on the host: /srv/certs/other/ca.crt)"]
        );
        assert_eq!(
            shown(Some(Link::Nats), CauseKind::HostnameMismatch, None),
            ["scheduler: NATS_URL=tls://nats:4222"]
        );
        assert_eq!(
            shown(None, CauseKind::BadKeyFile, Some("/etc/cordum/tls/ca/ca.crt")),
            ["scheduler: REDIS_TLS_CA=/etc/cordum/tls/ca/ca.crt (on the host: /srv/certs/ca/ca.crt)"]
        );
    }
}
