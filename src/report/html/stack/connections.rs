//! The connections of the stack, each from what the checks saw of it.

use serde_json::Value;

use super::{CORE, ConnectionState, ConnectionView, anchor, bare, failed, main, version};
use crate::report::html::read::{get, list, text};

/// A run's checks, found by their names.
pub(super) struct CheckResults<'a>(pub(super) &'a Value);

impl<'a> CheckResults<'a> {
    pub(super) fn get(&self, id: &str) -> Option<&'a Value> {
        list(self.0, "checks").iter().find(|one| text(one, "id") == id)
    }

    pub(super) fn status(&self, id: &str) -> &'a str {
        self.get(id).map_or("skip", |one| text(one, "status"))
    }

    pub(super) fn good(&self, id: &str) -> bool {
        matches!(self.status(id), "pass" | "warn")
    }

    /// What a check proves of a connection that it dials itself.
    pub(super) fn link(
        &self,
        from: &str,
        to: &str,
        what: &'static str,
        id: &str,
        good: ConnectionState,
    ) -> ConnectionView {
        let mut link = ConnectionView {
            deployment: String::new(),
            from: from.to_owned(),
            to: to.to_owned(),
            what,
            state: ConnectionState::Unseen,
            label: String::new(),
            evidence: String::new(),
            said: "not asked for".to_owned(),
            checks: Vec::new(),
        };
        let Some(check) = self.get(id) else { return link };
        link.checks.push(anchor(id));
        link.said = text(check, "summary").to_owned();
        match text(check, "status") {
            "pass" | "warn" => {
                link.state = good;
                link.evidence = text(check, "evidence").to_owned();
                link.label = version(check);
            }
            "fail" => {
                link.evidence = text(check, "evidence").to_owned();
                (link.state, link.label) = failed(main(check));
            }
            _ => {}
        }
        link
    }
}

/// The CLI's connection: with the CA it works, and without it it must not.
pub(super) fn cli(checks: &CheckResults<'_>) -> ConnectionView {
    let mut link = checks.link("cordumctl", "api-gateway", "HTTPS", "cli-with-cacert", ConnectionState::Tls);
    if let Some(check) = checks.get("cli-without-cacert") {
        link.checks.push(anchor("cli-without-cacert"));
        if text(check, "status") == "fail" {
            (link.state, link.label) = failed(main(check));
            text(check, "summary").clone_into(&mut link.said);
        }
    }
    link
}

/// Our own session as a worker, and what NATS refuses.
pub(super) fn session(checks: &CheckResults<'_>, mutual: ConnectionState) -> ConnectionView {
    let mut link = checks.link("tls-verify", "nats", "NATS", "worker-nats-tls", mutual);
    if let Some(check) = checks.get("nats-mtls") {
        link.checks.push(anchor("nats-mtls"));
        if text(check, "status") == "fail"
            && link.state != ConnectionState::Broken
            && link.state != ConnectionState::Plaintext
        {
            (link.state, link.label) = failed(main(check));
            text(check, "summary").clone_into(&mut link.said);
        }
    }
    link
}

/// The gateway's own link to the kernel is known where it was asked through the gateway.
pub(super) fn kernel(checks: &CheckResults<'_>) -> ConnectionView {
    let mut link =
        checks.link("api-gateway", "safety-kernel", "gRPC", "safety-kernel-grpc", ConnectionState::Tls);
    let asked = checks
        .get("safety-kernel-grpc")
        .is_some_and(|check| get(get(check, "details"), "policy_snapshots").as_u64() == Some(200));
    if link.state == ConnectionState::Tls {
        link.label = String::new();
        if asked {
            link.evidence = "observed".to_owned();
        } else {
            link.state = ConnectionState::Unseen;
            link.evidence = String::new();
        }
    }
    link
}

/// A service's NATS connection.
pub(super) fn bus(checks: &CheckResults<'_>, service: &str) -> ConnectionView {
    let worker = !matches!(bare(service), "api-gateway" | "scheduler" | "workflow-engine" | "safety-kernel");
    let id = if worker { "worker-nats-tls" } else { "service-links" };
    let good = if checks.good("nats-mtls") { ConnectionState::Mutual } else { ConnectionState::Tls };
    let mut link = checks.link(service, "nats", "NATS", id, good);
    link.label = if link.state == good { String::new() } else { link.label };
    let Some(check) = checks.get(id) else { return link };
    let row = list(get(check, "details"), "services").iter().find(|row| text(row, "service") == service);
    if let Some(row) = row {
        // NATS itself says how this one is connected.
        let version = text(row, "tls_version");
        let certificate = !text(row, "client_certificate").is_empty();
        link.evidence = "observed".to_owned();
        (link.state, link.label) = match (version, certificate) {
            ("", _) => (ConnectionState::Plaintext, "plaintext".to_owned()),
            (version, true) => (ConnectionState::Mutual, format!("TLS {version}")),
            (version, false) => (ConnectionState::Tls, format!("TLS {version}")),
        };
    } else if text(check, "status") == "fail" {
        blame(check, service, "nats", &mut link);
    } else if link.state == good && !is_spoken_of(check, service) {
        link.unseen();
    }
    link
}

/// A service's Redis connection: its log is clean, and Redis speaks TLS alone.
pub(super) fn store(checks: &CheckResults<'_>, service: &str) -> ConnectionView {
    let mut link = checks.link(service, "redis", "Redis", "redis-logs", ConnectionState::Tls);
    link.label = if link.state == ConnectionState::Tls { String::new() } else { link.label };
    let Some(check) = checks.get("redis-logs") else { return link };
    match text(check, "status") {
        "pass" | "warn" if !is_spoken_of(check, service) => link.unseen(),
        // A clean log says that it works; that it is TLS is known where plaintext gets no answer.
        "pass" | "warn" if !checks.good("redis-tls") => {
            link.state = ConnectionState::Unseen;
            link.label = "log is clean".to_owned();
            let own = checks.get("redis-tls").filter(|own| text(own, "status") == "fail");
            if own.is_some_and(|own| text(main(own), "cause") == "wrong-scheme-tls-to-plain") {
                (link.state, link.label) = (ConnectionState::Plaintext, "plaintext".to_owned());
            }
        }
        "fail" => blame(check, service, "redis", &mut link),
        _ => {}
    }
    link
}

/// Whether what a check looked at is this service too: a session of our own is none of a worker's, and a log that
/// nobody read is not clean.
fn is_spoken_of(check: &Value, service: &str) -> bool {
    let details = get(check, "details");
    let looked_at = list(details, "looked_at").iter().map(|one| bare(text(one, "component")));
    let mut others = looked_at.filter(|one| !matches!(*one, "nats" | "redis")).peekable();
    match (bare(service), others.peek()) {
        // Without an engine workers have no name of their own; NATS' monitoring may have shown one of them.
        ("workers", Some(_)) => others.any(|one| !is_core(one)),
        ("workers", None) => get(details, "monitoring").is_string(),
        // It speaks of all at once, or of those that it names.
        (name, None) => is_core(name),
        (name, Some(_)) => others.any(|one| one == name),
    }
}

fn is_core(name: &str) -> bool {
    name == "api-gateway" || CORE.iter().any(|(core, ..)| *core == name)
}

/// A failed check speaks of some services: the others were not seen, unless the server itself is at fault.
fn blame(check: &Value, service: &str, server: &str, link: &mut ConnectionView) {
    let names = |one: &&Value| {
        let place = text(one, "where");
        let file = place.contains('/') && !place.contains("deployment/") && !place.contains("statefulset/");
        bare(place) == bare(service) || bare(place) == server || file
    };
    let own = list(check, "diagnoses")
        .iter()
        .filter(|one| text(one, "severity") != "warning")
        .find(|one| names(one) || list(one, "because").iter().any(|why| speaks_of(why, service)));
    match own {
        Some(diagnosis) => (link.state, link.label) = failed(diagnosis),
        None => link.unseen(),
    }
}

fn speaks_of(why: &Value, service: &str) -> bool {
    why.as_str().is_some_and(|why| why.starts_with(service) && why[service.len()..].starts_with(' '))
}
