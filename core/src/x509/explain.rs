//! What Go's "unknown authority" really is: a regenerated CA, a missing intermediate, a certificate that
//! signed itself, another CA; told with the certificates at hand.

use crate::cause::{CauseKind, Variant};

use super::{ChainRefusal, Parsed, signature};

/// What is known beside the presented chain.
#[derive(Clone, Copy, Debug)]
pub struct CandidatePool<'a> {
    pub leaf: &'a Parsed,
    /// Presented behind the end-entity certificate.
    pub intermediates: &'a [Parsed],
    pub anchors: &'a [Parsed],
    /// Other certificates that lie about, as in the same folder.
    pub candidates: &'a [Parsed],
}

/// Narrows a refusal down and says it with the names that were seen.
#[must_use]
pub fn explain(refusal: &ChainRefusal, around: CandidatePool<'_>) -> ChainRefusal {
    let mut told = refusal.clone();
    let CandidatePool { leaf, intermediates, anchors, candidates } = around;
    let weak = refusal.variant == Some(Variant::WeakSignature);
    if weak || !matches!(refusal.cause, CauseKind::UnknownAuthority | CauseKind::BadSignature) {
        return told;
    }
    // What is signed with SHA-1 may well be signed by this CA: the algorithm is what Go refuses.
    if refusal.variant == Some(Variant::WeakSignature) {
        return told;
    }
    told.cause = CauseKind::UnknownAuthority;
    let subject = &leaf.subject;
    // The topmost presented certificate, whose issuer nobody has.
    let mut top = leaf;
    for _ in 0..intermediates.len() {
        // A root that is sent along says nothing that the end-entity certificate's issuer does not say.
        let above = |one: &&Parsed| signed(top, one) && one.der != top.der && !one.is_self_issued();
        match intermediates.iter().find(above) {
            Some(above) => top = above,
            None => break,
        }
    }
    let issuer = &top.issuer;
    let twin = anchors.iter().find(|anchor| anchor.raw_subject == top.raw_issuer);
    let bridge = candidates.iter().find(|one| signed(top, one) && one.der != top.der);
    let (variant, message) = if anchors.is_empty() {
        (Some(Variant::EmptyTrustStore), "no trust anchor was given".to_owned())
    } else if let Some(anchor) = twin.filter(|anchor| !signed(top, anchor)) {
        let message = format!(
            "the certificate of {} names the issuer {issuer}; the CA file has a CA of that name with another key \
             (the CA was regenerated)",
            top.subject
        );
        let _ = anchor;
        (Some(Variant::CaRegenerated), message)
    } else if let Some(sent) = intermediates
        .iter()
        .find(|one| one.raw_subject == top.raw_issuer && !one.is_self_issued() && !signed(top, one))
    {
        let message = format!(
            "the certificate of {} names the issuer {issuer}; the certificate of {} that is sent with it has another key",
            top.subject, sent.subject
        );
        (Some(Variant::CaRegenerated), message)
    } else if leaf.is_self_issued() {
        (Some(Variant::SelfSigned), format!("the certificate of {subject} is signed by itself"))
    } else if let Some(bridge) = bridge {
        let message = format!(
            "the certificate of {} is issued by {}, which is not sent with it; that certificate is among the \
             files here",
            top.subject, bridge.subject
        );
        (Some(Variant::MissingIntermediate), message)
    } else {
        let names: Vec<&str> = anchors.iter().take(5).map(|anchor| anchor.subject.as_str()).collect();
        let message = format!(
            "the certificate of {} is issued by {issuer} ({} sent); the CA file holds {}",
            top.subject,
            intermediates.len() + 1,
            names.join("; ")
        );
        (Some(Variant::OtherCa), message)
    };
    told.variant = variant;
    told.reason = message;
    told
}

fn signed(child: &Parsed, parent: &Parsed) -> bool {
    parent.raw_subject == child.raw_issuer && signature::check(child, parent).is_ok()
}
