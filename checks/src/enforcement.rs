//! Verification that a deployment's own settings switch off: the link works, and proves nothing of its peer.

use tls_verify_core::diagnosis::settings;
use tls_verify_core::evidence::{TlsFact, VerificationOff};
use tls_verify_core::manifest::Source;
use tls_verify_core::manifest::nginx::{self, NginxDirective};
use tls_verify_core::rules::running;
use tls_verify_core::workload::Instance;

use crate::cause::CauseKind;
use crate::fault::{Cause, Failure, Stage};
use crate::stack::Link;

/// A container that does not verify its NATS.
pub(crate) fn nats(container: &Instance) -> Option<Failure> {
    let name = off(container, "NATS_")?;
    Some(switched_off(container, Link::Nats, VerificationOff::Variable(name)))
}

/// A container that does not verify its Redis, or speaks to it in clear beside the TLS port.
pub(crate) fn redis(container: &Instance) -> Option<Failure> {
    let by = match off(container, "REDIS_") {
        Some(name) if name == "REDIS_URL" => VerificationOff::UrlOption,
        Some(name) => VerificationOff::Variable(name),
        None if beside(container.variable("REDIS_URL").unwrap_or_default()) => VerificationOff::PlainPort,
        None => return None,
    };
    Some(switched_off(container, Link::Redis, by))
}

/// A container that does not verify the safety kernel.
pub(crate) fn kernel(container: &Instance) -> Option<Failure> {
    let name = off(container, "SAFETY_KERNEL_")?;
    Some(switched_off(container, Link::SafetyKernel, VerificationOff::Variable(name)))
}

/// The setting of a link by which a container verifies nobody, as the rules of `audit` have it.
fn off(container: &Instance, front: &str) -> Option<String> {
    let settings = running::unverified(&container.service, &container.configured);
    settings.into_iter().map(|(setting, _)| setting).find(|setting| setting.starts_with(front))
}

/// nginx' configuration as the dashboard has it: its `/api/` speaks TLS and verifies nobody. What stands further
/// out holds for what lies in it; with an include that nobody here has read nothing is claimed.
pub(crate) fn nginx(configuration: &str) -> bool {
    let includes = |path: &str| {
        let bears_nothing_of_it = path.ends_with("mime.types") || path.ends_with("conf.d/*.conf");
        bears_nothing_of_it.then(Vec::new)
    };
    let conf = nginx::read(&Source::file("nginx.conf", configuration), &includes);
    !conf.open && conf.faults.is_empty() && takes_anybody(&conf.directives, Outer::default())
}

/// What holds for a block from further out.
#[derive(Clone, Copy, Default)]
struct Outer {
    verifies: bool,
    /// A variable holds an upstream's https:// URL.
    by_variable: bool,
    /// Within the location of `/api/`.
    is_api: bool,
}

fn takes_anybody(directives: &[NginxDirective], outer: Outer) -> bool {
    let last = directives.iter().rev().find(|one| one.name == "proxy_ssl_verify");
    let verifies = last.map_or(outer.verifies, |one| one.word() == "on");
    let holds_https = |one: &NginxDirective| {
        one.name == "set" && one.words.last().is_some_and(|value| value.starts_with("https://"))
    };
    let by_variable = outer.by_variable || directives.iter().any(holds_https);
    let speaks_tls = |one: &NginxDirective| {
        one.name == "proxy_pass"
            && (one.word().starts_with("https://") || (one.word().starts_with('$') && by_variable))
    };
    (outer.is_api && !verifies && directives.iter().any(speaks_tls))
        || directives.iter().any(|one| {
            let opens = one.name == "location" && one.words.last().is_some_and(|path| path == "/api/");
            let inner = Outer { verifies, by_variable, is_api: outer.is_api || opens };
            one.block.as_ref().is_some_and(|block| takes_anybody(block, inner))
        })
}

fn switched_off(container: &Instance, link: Link, by: VerificationOff) -> Failure {
    let in_production = container.configured.in_production();
    let settings = settings::relevant(container, Some(link), Some(CauseKind::VerificationNotEnforced), None);
    let off = Cause::Accepted { kind: CauseKind::VerificationNotEnforced };
    Failure::new(Stage::Configure, off)
        .because(TlsFact::VerifiesNobody { who: container.name.clone(), by, link, in_production })
        .at(container.service.clone())
        .set_by(settings)
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
    fn plaintext_beside_the_port_of_tls_is_told_by_its_port() {
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
        let further_out = "proxy_ssl_verify on; server { location ^~ /api/ { proxy_pass https://g:8081; } }";
        assert!(!nginx(further_out), "it is inherited");
        let off_again = further_out.replace("{ proxy_pass", "{ proxy_ssl_verify off; proxy_pass");
        assert!(nginx(&off_again));
        assert!(
            of("# proxy_ssl_verify on;\n", "proxy_pass https://gateway:8081;"),
            "a comment switches nothing on"
        );
        assert!(of("", "set $up https://gateway:8081; proxy_pass $up;"));
        assert!(nginx("server { set $up https://g:8081; location /api/ { proxy_pass $up; } }"));
        assert!(!of("include tls.conf;", "proxy_pass https://gateway:8081;"), "what that says is not known");
    }
}
