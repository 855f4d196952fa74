//! What an endpoint presented, for the report: the chain with its dates, and what of it wants a look.

use std::time::SystemTime;

use serde_json::json;
use time::OffsetDateTime;
use tls_verify_checks::context::{Check, Context, Dials};
use tls_verify_checks::fault::{Cause, ChainFault, Failure, Stage};
use tls_verify_checks::observation::Observation;
use tls_verify_checks::stack::Link;
use tls_verify_checks::tls::Recording;
use tls_verify_core::evidence::Fact;

use tls_verify_core::certificates::CertificateSummary;

/// Adds the presented chain to the details, and warnings: what Go accepts and others refuse, and
/// certificates that end soon.
pub(crate) fn add(context: &Context, check: &Check, seen: &mut Observation) {
    if check.dials == Dials::Verified {
        warn(context, check.link, seen);
    }
}

/// The same for a link.
pub(crate) fn warn(context: &Context, link: Link, seen: &mut Observation) {
    let Some(recording) = context.served(link) else { return };
    let facts = summaries(&recording);
    seen.detail(
        "presented",
        facts
            .iter()
            .map(|one| {
                json!({ "subject": one.subject, "issuer": one.issuer, "serial": one.serial,
                        "not_before": one.not_before, "not_after": one.not_after, "sans": one.sans,
                        "key": one.key, "sha256": one.sha256 })
            })
            .collect::<Vec<_>>(),
    );
    let failure = |fault: ChainFault| {
        let fact = Fact::from(&fault);
        Failure::new(Stage::Handshake, Cause::Chain(vec![fault])).because(fact)
    };
    let remarks = recording.verdict.into_iter().flat_map(|verdict| verdict.remarks);
    seen.warnings.extend(remarks.map(failure));
    let now = OffsetDateTime::from(SystemTime::now());
    let soon = time::Duration::try_from(context.stack.expiry_warn).unwrap_or(time::Duration::MAX);
    let ending = facts.iter().filter(|one| one.ends >= now && one.ends - now <= soon).map(|one| {
        let fault = ChainFault::ends_soon(one.called(), &one.not_after, one.days_left(now));
        ChainFault { subject: Some(one.subject.clone()), ..fault }
    });
    seen.warnings.extend(ending.map(failure));
}

/// The presented certificates that can be read.
#[must_use]
pub(crate) fn summaries(recording: &Recording) -> Vec<CertificateSummary> {
    recording
        .chain
        .iter()
        .enumerate()
        .filter_map(|(index, der)| CertificateSummary::read("", index, der).ok())
        .collect()
}
