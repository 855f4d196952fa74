//! The rules: a symptom and what is known of it give a cause, whose it is, and what bears on it. They stand in
//! one table and are gone through from top to bottom, each taking what the one above it found. A rule that
//! needs to know more ends in its question; when that is answered, the table is gone through again.

mod client;
mod endpoint;
mod log;
mod server;
mod service;
mod upstream;
mod words;

pub use client::{file_of, of_file};
pub use endpoint::{anchor_file, by_other_clock, identity};
pub use server::server;
pub use service::{cannot_reach_nats, gone, hung, is_looping, state_of};
pub use words::died_of;

use rustls::AlertDescription as A;

use super::{Asked, Known};
use crate::evidence::Subject;
use crate::evidence::fault::{Cause, Failure, Stage, WireProtocol};
use crate::link::Link;

/// What a symptom is of.
#[derive(Clone, Debug)]
pub struct Case {
    /// The link of the check that saw it.
    pub link: Link,
    pub subject: Subject,
}

impl Case {
    /// A symptom of a link's own endpoint.
    #[must_use]
    pub const fn of(link: Link) -> Self {
        Self { link, subject: Subject::Endpoint }
    }

    /// Another service's failure may stand in a check of this link.
    fn endpoint(&self, failure: &Failure) -> Link {
        let other = failure.place.as_deref().and_then(|place| {
            Link::ALL.iter().copied().find(|one| one.service() == place && *one != Link::Gateway)
        });
        other.filter(|one| one.service() != self.link.service()).unwrap_or(self.link)
    }
}

/// A symptom, and what it comes from.
struct DiagnosisRule {
    /// What is seen, and by what it is told; for whoever reads the table.
    #[cfg_attr(not(test), expect(dead_code, reason = "the table is to be read, and its test reads it"))]
    symptom: &'static str,
    applies: fn(&Case, &Failure) -> bool,
    tells: fn(Known<'_>, &Case, Failure) -> Asked<Failure>,
}

/// Symptoms that a check knows to be another's word, first of all.
const OF_SUBJECTS: &[DiagnosisRule] = &[
    DiagnosisRule {
        symptom: "the gateway answers 429: its /readyz names the link that is broken",
        applies: |_, seen| matches!(seen.cause, Cause::Http { status: 429 }),
        tells: |known, _, seen| upstream::busy(known, seen),
    },
    DiagnosisRule {
        symptom: "nginx refuses its upstream: its log says why, and a dial of ours whose fault it is",
        applies: |case, _| matches!(case.subject, Subject::Proxy { .. }),
        tells: |known, case, seen| match case.subject {
            Subject::Proxy { since } => upstream::dashboard(known, since, seen),
            _ => Ok(seen),
        },
    },
    DiagnosisRule {
        symptom: "the gateway cannot reach the safety kernel: its log says why",
        applies: |case, _| matches!(case.subject, Subject::Kernel { .. }),
        tells: |known, case, seen| match case.subject {
            Subject::Kernel { since } => upstream::kernel(known, since, seen),
            _ => Ok(seen),
        },
    },
    DiagnosisRule {
        symptom: "an instance holds no connection to NATS: its state, its last words, NATS itself",
        applies: |case, seen| match &case.subject {
            Subject::Connection { service, .. } => is_missing(seen) && seen.place.as_ref() == Some(service),
            _ => false,
        },
        tells: |known, case, seen| match &case.subject {
            Subject::Connection { service, instance } => service::unconnected(known, service, instance, seen),
            _ => Ok(seen),
        },
    },
    DiagnosisRule {
        symptom: "a line of a service's log speaks of Redis: the service's own side, or Redis itself",
        applies: |case, _| matches!(case.subject, Subject::Line { .. }),
        tells: |known, case, seen| match &case.subject {
            Subject::Line { service, instance } => log::of_instance(known, service, instance, seen),
            _ => Ok(seen),
        },
    },
    DiagnosisRule {
        symptom: "a recorded line speaks of a deadline: Redis may speak plaintext",
        applies: |case, _| matches!(case.subject, Subject::Recorded),
        tells: |known, _, seen| log::recorded(known, seen),
    },
];

/// Errors of an endpoint that a second look decides; the first that applies is the only one.
const OF_ENDPOINTS: &[DiagnosisRule] = &[
    DiagnosisRule {
        symptom: "an alert to the certificate that we showed: the certificate itself, or whom the server trusts",
        applies: |_, seen| match seen.cause {
            Cause::Alert { alert, identity_shown: true, .. } => endpoint::concerns_identity(alert),
            _ => false,
        },
        tells: |known, case, seen| endpoint::own_certificate(known, case.endpoint(&seen), seen),
    },
    DiagnosisRule {
        symptom: "no version in common: the old one that the server speaks",
        applies: |_, seen| {
            matches!(seen.cause, Cause::Alert { alert: A::ProtocolVersion, .. } | Cause::NoCommonVersion)
        },
        tells: |known, case, seen| endpoint::versions(known, case.endpoint(&seen), seen),
    },
    DiagnosisRule {
        // What lies on disk is judged without any wire.
        symptom: "a chain that we refuse: an intermediate that was not sent, a clock, the file that is served",
        applies: |_, seen| matches!(seen.cause, Cause::Chain(_)) && seen.stage == Stage::Handshake,
        tells: |known, case, seen| endpoint::chain(known, case.endpoint(&seen), seen),
    },
    DiagnosisRule {
        symptom: "closed after a request for a certificate that we did not meet: it wants one",
        applies: |_, seen| matches!(seen.cause, Cause::Eof | Cause::Reset) && seen.unmet_request,
        tells: |_, case, seen| Ok(endpoint::unmet_request(case.endpoint(&seen), seen)),
    },
    DiagnosisRule {
        // NATS' INFO has come in clear already.
        symptom: "a handshake that breaks off, or no TLS: what the port says in clear",
        applies: |case, seen| {
            matches!(
                seen.cause,
                Cause::Eof | Cause::Reset | Cause::TimedOut | Cause::NotTls(WireProtocol::Unknown)
            ) && seen.stage == Stage::Handshake
                && case.endpoint(seen) != Link::Nats
        },
        tells: |known, case, seen| endpoint::in_clear(known, case.endpoint(&seen), seen),
    },
    DiagnosisRule {
        symptom: "a NATS that says nothing: it may want the handshake first, or be none",
        applies: |case, seen| {
            matches!(seen.cause, Cause::TimedOut | Cause::Eof | Cause::Reset)
                && seen.stage == Stage::Session
                && case.endpoint(seen) == Link::Nats
        },
        tells: |known, case, seen| endpoint::handshake_first(known, case.endpoint(&seen), seen),
    },
];

/// A service or a line that points at Redis, NATS or a container; the first that applies is the only one.
const OF_SERVICES: &[DiagnosisRule] = &[
    DiagnosisRule {
        symptom: "`/readyz` or a log has pointed at Redis: what is wrong with Redis",
        applies: |_, seen| {
            matches!(seen.cause, Cause::Line(_)) && seen.place.as_deref() == Some(Link::Redis.service())
        },
        tells: |known, _, seen| trace_to_server(known, Link::Redis, seen),
    },
    DiagnosisRule {
        symptom: "`/readyz` or a log has pointed at NATS: what is wrong with NATS",
        applies: |_, seen| {
            matches!(seen.cause, Cause::Line(_) | Cause::Upstream { .. })
                && seen.place.as_deref() == Some(Link::Nats.service())
        },
        tells: |known, _, seen| trace_to_server(known, Link::Nats, seen),
    },
    DiagnosisRule {
        symptom: "nobody answers, or a stand-in does: the container behind, its last words, its links",
        applies: |_, seen| is_symptom(seen) && seen.place.as_deref() != Some(OWN_TOOL),
        tells: |known, case, seen| {
            let service = seen.place.as_deref().unwrap_or(case.link.service()).to_owned();
            let mut found = service::silent(known, &service, case.link)?;
            // The dashboard's symptom is mostly the gateway's.
            if found.is_none() && case.link == Link::Dashboard && service == "dashboard" {
                found = service::silent(known, "api-gateway", Link::Gateway)?;
            }
            Ok(found.map_or_else(|| seen.clone(), |found| joined(found, &seen)))
        },
    },
];

/// What a symptom comes from, as far as it is known.
///
/// # Errors
/// The question that has to be answered first.
pub fn diagnose(known: Known<'_>, case: &Case, seen: &Failure) -> Asked<Failure> {
    // Who is frozen or hangs has no other reason behind it.
    if matches!(seen.cause, Cause::Container { kind: crate::cause::CauseKind::Timeout, .. }) {
        return Ok(seen.clone());
    }
    let mut found = seen.clone();
    for rule in OF_SUBJECTS {
        if (rule.applies)(case, &found) {
            found = (rule.tells)(known, case, found)?;
        }
    }
    let found = diagnose_endpoint(known, case, found)?;
    first(OF_SERVICES, known, case, found)
}

fn diagnose_endpoint(known: Known<'_>, case: &Case, seen: Failure) -> Asked<Failure> {
    first(OF_ENDPOINTS, known, case, seen)
}

fn first(rules: &[DiagnosisRule], known: Known<'_>, case: &Case, seen: Failure) -> Asked<Failure> {
    match rules.iter().find(|rule| (rule.applies)(case, &seen)) {
        Some(rule) => (rule.tells)(known, case, seen),
        None => Ok(seen),
    }
}

fn trace_to_server(known: Known<'_>, link: Link, seen: Failure) -> Asked<Failure> {
    Ok(match known.server(link)? {
        Some(found) => joined(found.clone(), &seen),
        None => seen,
    })
}

/// What an operator runs is no service of the stack: no container stands behind it.
pub const OWN_TOOL: &str = "cordumctl";

/// Kinds that say nothing about their reason.
fn is_symptom(failure: &Failure) -> bool {
    match failure.cause.reading() {
        Some(reading) => reading.kind.is_transient(),
        None => matches!(failure.cause, Cause::Http { status: 503 | 429 }),
    }
}

/// There is no connection, and nobody has said why.
const fn is_missing(failure: &Failure) -> bool {
    matches!(failure.cause, Cause::Eof | Cause::Container { .. })
}

/// The origin, with the symptom as its last fact.
fn joined(mut found: Failure, symptom: &Failure) -> Failure {
    for fact in &symptom.facts {
        if found.facts.len() < 8 && !found.facts.contains(fact) {
            found.facts.push(fact.clone());
        }
    }
    if found.trail.is_empty() {
        found.trail.clone_from(&symptom.trail);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_rule_says_its_symptom_and_by_what_it_is_told() {
        for rule in OF_SUBJECTS.iter().chain(OF_ENDPOINTS).chain(OF_SERVICES) {
            assert!(rule.symptom.contains(": ") && rule.symptom.len() < 120, "{}", rule.symptom);
        }
    }
}
