//! The certificate and key that a client shows.

use super::authority::{file_change, mount_text};
use super::{Client, neighbours};
use crate::cause::{CauseKind as K, Variant};
use crate::link::Link;
use crate::remedy::Change;
use crate::remedy::choose::context::CureContext;
use crate::remedy::choose::pair::{self, PairPurpose, verdict};
use crate::remedy::choose::view::WorkloadView;
use crate::remedy::choose::{Defect, DefectKind};
use crate::x509::Purpose;

/// The client certificate that a service shows.
pub(super) fn identity(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    client: &Client,
    cert_name: &str,
    key_name: &str,
) -> Option<Defect> {
    let stack = facts.stack_anchors();
    let role = PairPurpose { purpose: Purpose::Client, anchors: &stack, names: &[] };
    let (cert, key) = (view.set(cert_name), view.set(key_name));
    let mut defect = Defect::new(DefectKind::ClientPair, view.name(), Some(client.link));
    let named = || -> Vec<(String, String)> {
        let certs = neighbours(facts, view, cert_name);
        let keys = neighbours(facts, view, key_name);
        certs.into_iter().zip(keys).map(|(cert, key)| (cert.to_owned(), key.to_owned())).collect()
    };
    let (present, fault) = match (cert, key) {
        (Some(cert), Some(key)) => match verdict(facts, view, (cert, key), role) {
            Ok(_) | Err(None) => return None,
            Err(Some(fault)) => ((cert, key), Some(fault)),
        },
        (None, None) => {
            // Who asks for none needs none; a half-set or emptied pair is no choice.
            let emptied = view.variable(cert_name).is_some() || view.variable(key_name).is_some();
            if !emptied && (client.link == Link::Redis || neighbours(facts, view, cert_name).is_empty()) {
                return None;
            }
            (("", ""), None)
        }
        (cert, key) => ((cert.unwrap_or(""), key.unwrap_or("")), None),
    };
    let seen = match &fault {
        Some(fault) => {
            match fault.cause {
                K::UnknownAuthority | K::BadSignature => {
                    defect.behind_a_close = Some((K::BadCertificate, Some(Variant::OtherCa)));
                }
                cause => defect.cause = Some((cause, fault.variant)),
            }
            defect.file = view.host(&fault.path);
            fault.seen.clone()
        }
        None if present.0.is_empty() && present.1.is_empty() => {
            defect.behind_a_close = Some((K::ClientCertRequired, None));
            format!("{cert_name} and {key_name} are empty: it shows no certificate")
        }
        None => {
            let missing = if present.0.is_empty() { cert_name } else { key_name };
            defect.cause = Some((K::BadKeyFile, Some(Variant::HalfPair)));
            format!("{missing} is empty, the other of the pair is set")
        }
    };
    defect.because.push(format!("{} {}", view.name(), described(cert_name, present.0)));
    defect.because.push(seen);
    if from_elsewhere(&mut defect, facts, view, (cert_name, key_name), present, &named(), role) {
        return Some(defect);
    }
    let fault = fault?;
    let host = view.host(&fault.path)?;
    defect.file = Some(host.clone());
    let wanted = fault.wanted(present.0, "clientAuth");
    defect.text = format!(
        "put {wanted} in place of {}{}",
        facts.shown(&host),
        if fault.behind { "" } else { ": it was issued by the CA that signs the others" }
    );
    defect.changes.push(file_change(view, &host, &wanted, facts));
    defect.restart.push(view.name());
    Some(defect)
}

/// Cures a pair with one that is here already: other files in what is mounted, or the mount that the others have.
pub(crate) fn from_elsewhere(
    defect: &mut Defect,
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    variables: (&str, &str),
    present: (&str, &str),
    others: &[(String, String)],
    role: PairPurpose<'_>,
) -> bool {
    if let Some((cert, key, source)) = pair::instead(facts, view, present, others, role) {
        defect.because.push(format!("{} is {}", view.located(&cert), pair::valid_until(&source)));
        (defect.changes, defect.text) = pair_changes(view, variables, present, (&cert, &key));
        return true;
    }
    let fits = |other: &WorkloadView<'_>| verdict(facts, other, present, role).is_ok();
    let Some((target, from, to)) = pair::other_mount(facts, view, present.0, &fits) else { return false };
    defect.text = mount_text(facts, view, &target, &from, &to);
    defect.changes.push(view.mount_change(&target, &from, &to));
    true
}

fn described(name: &str, value: &str) -> String {
    if value.is_empty() { format!("has no {name}") } else { format!("has {name}={value}") }
}

/// Both variables of a pair, as far as they change.
fn pair_changes(
    view: &WorkloadView<'_>,
    (cert_name, key_name): (&str, &str),
    present: (&str, &str),
    wanted: (&str, &str),
) -> (Vec<Change>, String) {
    let mut changes = Vec::new();
    let mut words = Vec::new();
    for (name, from, to) in [(cert_name, present.0, wanted.0), (key_name, present.1, wanted.1)] {
        if from != to {
            changes.push(view.variable_change(name, Some(to)));
            words.push(match from {
                "" => format!("{name} to {to}"),
                from => format!("{name} from {from} to {to}"),
            });
        }
    }
    (changes, format!("in {} set {}", view.name(), words.join(", and ")))
}
