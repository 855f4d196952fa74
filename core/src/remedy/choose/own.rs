//! The operator's own CA file.

use super::context::CureContext;
use super::pair::day;
use super::{Defect, DefectKind};
use crate::cause::{CauseKind as K, Variant};
use crate::certificates;
use crate::remedy::{Change, ChangeKind};

/// A CA file of ours in which everything has ended.
#[must_use]
pub(super) fn inspect(facts: &CureContext<'_>) -> Option<Defect> {
    let read = |ders: &[Vec<u8>]| -> Vec<certificates::CertificateSummary> {
        ders.iter().filter_map(|der| certificates::CertificateSummary::read("", 0, der).ok()).collect()
    };
    let own = read(facts.anchors);
    let ended = own.iter().max_by_key(|one| one.ends).filter(|one| facts.now > one.ends)?;
    let mut defect = Defect::new(DefectKind::OwnAuthorityEnded, facts.anchors_file, None);
    defect.file = Some(facts.anchors_file.to_owned());
    defect.cause = Some((K::Expired, Some(Variant::ExpiredCa)));
    defect.because.push(format!(
        "{}: the CA {} ended on {}",
        facts.anchors_file,
        ended.called(),
        day(ended.ends)
    ));
    let served = facts.served.values().filter_map(|chain| chain.first());
    let leaves: Vec<certificates::CertificateSummary> =
        served.filter_map(|der| certificates::CertificateSummary::read("", 0, der).ok()).collect();
    if let Some(first) = leaves.iter().map(|leaf| leaf.ends).min().filter(|ends| *ends > facts.now) {
        defect.because.push(format!("what the servers show is valid until {}", day(first)));
    } else {
        // What it signed has ended as well: a whole set is at fault.
        return None;
    }
    // The same CA, renewed, may lie in what a service mounts.
    let renewed = facts.views().find_map(|view| {
        ["NATS_TLS_CA", "REDIS_TLS_CA", "SAFETY_KERNEL_TLS_CA"].iter().find_map(|name| {
            let path = view.set(name)?;
            let source = facts.source(view.container, path)?;
            let host = view.host(path)?;
            let fits = source.facts.iter().any(|one| one.subject == ended.subject && one.ends > facts.now);
            (fits && host != facts.anchors_file).then_some(host)
        })
    });
    if let Some(host) = renewed {
        let host = facts.shown(&host);
        defect.text = format!("name the renewed CA file: --cacert {host} instead of {}", facts.anchors_file);
        return Some(defect);
    }
    let to = format!("the renewed certificate of {} (same key)", ended.called());
    defect.text = format!(
        "put {to} into {}; what it signed stays valid, nothing else has to be made anew",
        facts.anchors_file
    );
    defect
        .changes
        .push(Change::new(facts.anchors_file, ChangeKind::File, facts.anchors_file).values(None, Some(&to)));
    Some(defect)
}
