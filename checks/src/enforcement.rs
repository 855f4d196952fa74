//! Verification that a deployment's own settings switch off: the link works, and proves nothing of its peer.

use tls_verify_core::diagnosis::settings;
use tls_verify_core::workload::Instance;

use crate::cause::CauseKind;
use crate::deployment::{is_production, truthy};
use crate::fault::{Cause, Failure, Stage};
use crate::stack::Link;

/// A container that does not verify its NATS.
pub(crate) fn nats(container: &Instance) -> Option<Failure> {
    set(container, "NATS_TLS_INSECURE")
        .then(|| switched_off(container, Link::Nats, "NATS_TLS_INSECURE is set"))
}

/// A container that does not verify its Redis, or speaks to it in clear beside the TLS port.
pub(crate) fn redis(container: &Instance) -> Option<Failure> {
    let url = container.variable("REDIS_URL").unwrap_or_default();
    let why = if set(container, "REDIS_TLS_INSECURE") {
        "REDIS_TLS_INSECURE is set"
    } else if skips(url) {
        "`skip_verify=true` stands in its REDIS_URL"
    } else if beside(url) {
        "its REDIS_URL is redis:// to another port than the TLS port"
    } else {
        return None;
    };
    Some(switched_off(container, Link::Redis, why))
}

/// A container that does not verify the safety kernel.
pub(crate) fn kernel(container: &Instance) -> Option<Failure> {
    let name = "SAFETY_KERNEL_TLS_INSECURE";
    set(container, name).then(|| switched_off(container, Link::SafetyKernel, &format!("{name} is set")))
}

/// nginx' configuration as the dashboard has it: its `/api/` speaks TLS and verifies nobody.
pub(crate) fn nginx(configuration: &str) -> bool {
    let Some(at) = configuration.find("location /api/ {") else { return false };
    let block = configuration[at..].split('}').next().unwrap_or_default();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    let said: Vec<String> = block.split(';').map(words).collect();
    let tls = said.iter().any(|line| line.contains("proxy_pass https://"))
        || (said.iter().any(|line| line.contains("proxy_pass $"))
            && configuration
                .lines()
                .any(|line| line.trim_start().starts_with("set $") && line.contains("https://")));
    tls && !said.iter().any(|line| line.ends_with("proxy_ssl_verify on"))
}

fn set(container: &Instance, name: &str) -> bool {
    container.variable(name).is_some_and(truthy)
}

fn switched_off(container: &Instance, link: Link, why: &str) -> Failure {
    let production = if is_production(container) { " (production forbids it)" } else { "" };
    let settings = settings::relevant(container, Some(link), Some(CauseKind::VerificationNotEnforced), None);
    let off = Cause::Accepted { kind: CauseKind::VerificationNotEnforced };
    Failure::new(Stage::Configure, off)
        .because(format!("{}: {why}; it takes whoever answers for {link}{production}", container.name))
        .at(container.service.clone())
        .set_by(settings)
}

/// go-redis' option of a `rediss://` URL.
fn skips(url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    url.starts_with("rediss://") && query.split(['&', '#']).any(|one| one == "skip_verify=true")
}

/// Plaintext to a port that is not the one of TLS, where a session in clear just fails.
fn beside(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("redis://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let port = host.rsplit_once(':').and_then(|(_, port)| port.parse().ok());
    port.is_some_and(|port: u16| port != Link::Redis.container_port())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_may_say_that_nothing_is_verified() {
        assert!(skips("rediss://:p@redis:6379/0?skip_verify=true"));
        assert!(skips("rediss://redis:6379?x=1&skip_verify=true"));
        assert!(!skips("rediss://redis:6379?skip_verify=false"));
        assert!(!skips("rediss://:skip_verify=true@redis:6379"));
        assert!(
            beside("redis://:p@redis:6380/0") && !beside("redis://redis:6379") && !beside("redis://redis")
        );
        assert!(!beside("rediss://redis:6380"));
    }

    #[test]
    fn nginx_verifies_where_it_is_told_to() {
        let of = |verify: &str, pass: &str| {
            nginx(&format!("server {{ location /api/ {{ proxy_ssl_name x; {verify} {pass} }} }}"))
        };
        assert!(of("proxy_ssl_verify off;", "proxy_pass https://gateway:8081;"));
        assert!(of("", "proxy_pass https://gateway:8081;"), "off is nginx' own default");
        assert!(!of("proxy_ssl_verify  on;", "proxy_pass https://gateway:8081;"));
        assert!(!of("", "proxy_pass http://gateway:8081;"), "plaintext is another fault");
        assert!(!nginx("server { location / { } }"));
    }
}
