//! What Cordum's Go servers serve: the gateway's two listeners, the safety kernel, the context engine.

use super::client::{file_change, from_elsewhere};
use super::context::CureContext;
use super::pair::{PairPurpose, day, verdict};
use super::view::WorkloadView;
use super::{Defect, DefectKind};
use crate::cause::{CauseKind as K, Variant};
use crate::certificates;
use crate::link::Link;
use crate::wiring::{SERVERS, Server};
use crate::x509::Purpose;

/// The variable that names what a link's server serves, where a variable does.
#[must_use]
pub fn certificate_variable(link: Link) -> Option<&'static str> {
    SERVERS.iter().find(|server| server.link == link).map(|server| server.certificate)
}

/// What is wrong at a server.
#[must_use]
pub(super) fn inspect(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Vec<Defect> {
    SERVERS
        .iter()
        .filter(|listener| listener.link.service() == view.role())
        .filter_map(|listener| of(facts, view, listener))
        .collect()
}

fn of(facts: &CureContext<'_>, view: &WorkloadView<'_>, listener: &Server) -> Option<Defect> {
    let stack = facts.stack_anchors();
    let names: Vec<String> = listener.names.iter().map(|name| (*name).to_owned()).collect();
    let role = PairPurpose { purpose: Purpose::Server, anchors: &stack, names: &names };
    let mut defect = Defect::new(DefectKind::ServedPair, view.name(), Some(listener.link));
    let (cert, key) = (view.set(listener.certificate), view.set(listener.key));
    let others = others(facts, view, listener);
    let (present, fault) = match (cert, key) {
        (Some(cert), Some(key)) => match verdict(facts, view, (cert, key), role) {
            Ok(source) => return stale(facts, view, listener, cert, &source),
            Err(None) => return None,
            Err(Some(fault)) => ((cert, key), Some(fault)),
        },
        (None, None) => {
            if others.is_empty() {
                return None;
            }
            defect.kind = DefectKind::ServesWithoutPair;
            defect.because.push(format!(
                "{} has neither {} nor {}: it speaks plaintext there",
                view.name(),
                listener.certificate,
                listener.key
            ));
            (("", ""), None)
        }
        (cert, key) => {
            let missing = if cert.is_none() { listener.certificate } else { listener.key };
            defect.cause = Some((K::BadKeyFile, Some(Variant::HalfPair)));
            defect.because.push(format!("{} has no {missing}, the other of the pair is set", view.name()));
            ((cert.unwrap_or(""), key.unwrap_or("")), None)
        }
    };
    if let Some(fault) = &fault {
        defect.cause = Some((fault.cause, fault.variant));
        defect.because.push(format!("{} has {}={}", view.name(), listener.certificate, present.0));
        defect.because.push(fault.seen.clone());
        defect.file = view.host(&fault.path);
    }
    if from_elsewhere(&mut defect, facts, view, (listener.certificate, listener.key), present, &others, role)
    {
        return Some(defect);
    }
    let Some(fault) = fault else {
        defect.text = format!(
            "in {} set {} and {} to a server certificate of the stack's CA and its key",
            view.name(),
            listener.certificate,
            listener.key
        );
        defect.changes.push(view.variable_change(listener.certificate, None));
        defect.changes.push(view.variable_change(listener.key, None));
        return Some(defect);
    };
    let host = view.host(&fault.path)?;
    let wanted = fault.wanted(present.0, "serverAuth");
    defect.file = Some(host.clone());
    let named = if fault.path == present.0 && !fault.behind {
        format!(", for {} and its other names", names.join(", "))
    } else {
        String::new()
    };
    defect.text = format!("put {wanted}{named} in place of {}", facts.shown(&host));
    defect.changes.push(file_change(view, &host, &wanted, facts));
    defect.restart = readers(facts, &host);
    Some(defect)
}

/// The pairs that this service's other listeners and the other servers name.
fn others(facts: &CureContext<'_>, view: &WorkloadView<'_>, listener: &Server) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    let mine = std::iter::once(*view);
    for one in mine.chain(facts.views().filter(|other| other.workload.name != view.workload.name)) {
        for other in SERVERS.iter().filter(|other| {
            other.certificate != listener.certificate || one.workload.name != view.workload.name
        }) {
            if let (Some(cert), Some(key)) = (one.set(other.certificate), one.set(other.key)) {
                let pair = (cert.to_owned(), key.to_owned());
                if !found.contains(&pair) {
                    found.push(pair);
                }
            }
        }
    }
    found
}

/// Everybody who mounts a file of the host.
#[must_use]
pub(super) fn readers(facts: &CureContext<'_>, host: &str) -> Vec<String> {
    use crate::workload::MountSource;
    facts
        .views()
        .filter(|view| {
            view.container.mounts.iter().any(|mount| match &mount.source {
                MountSource::Host(source) => host
                    .strip_prefix(source.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with('/')),
                _ => false,
            })
        })
        .map(|view| view.name())
        .collect()
}

/// The file is right and something else is served: it was renewed after the start.
fn stale(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    listener: &Server,
    cert: &str,
    source: &certificates::CertificateSource,
) -> Option<Defect> {
    let served = facts.served.get(&listener.link)?.first()?;
    let leaf = source.facts.first()?;
    (*served != leaf.der).then(|| renewed(facts, view, listener.link, cert, leaf, served))
}

/// A server that has to read its file again.
#[must_use]
pub(super) fn renewed(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    link: Link,
    cert: &str,
    leaf: &certificates::CertificateSummary,
    served: &[u8],
) -> Defect {
    let mut defect = Defect::new(DefectKind::ServesEarlierPair, view.name(), Some(link));
    if let Ok(old) = certificates::CertificateSummary::read("", 0, served) {
        let ended = if facts.now > old.ends { "ended" } else { "ends" };
        defect.because.push(format!(
            "{} serves a certificate that {ended} on {}",
            view.name(),
            day(old.ends)
        ));
    }
    defect.because.push(format!("{} holds another one, valid until {}", view.located(cert), day(leaf.ends)));
    defect.text =
        format!("restart {}: its file is renewed already, it still serves the old one", view.name());
    defect.restart.push(view.name());
    defect
}
