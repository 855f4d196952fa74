//! Verification that a deployment's own settings switch off: the link works, and proves nothing of its peer.

use tls_verify_core::diagnosis::settings;
use tls_verify_core::evidence::{TlsFact, VerificationOff};
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
}
