//! Chain building, as Go's `Certificate.Verify` and `buildChains`.

use std::collections::HashSet;

use crate::cause::{CauseKind, Variant};

use super::keys::VerifyingKey;
use super::{ChainRefusal, Parsed, Purpose, VerifyOptions, constraints, names, policies, signature};

/// Go's bound on the signatures of one verification.
const SIGNATURES: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Leaf,
    Intermediate,
    Root,
}

struct Search<'a> {
    intermediates: Vec<&'a Parsed>,
    roots: Vec<&'a Parsed>,
    options: &'a VerifyOptions<'a>,
    signatures: usize,
    hint: Option<ChainRefusal>,
    chains: Vec<Vec<&'a Parsed>>,
}

/// The chains from an end-entity certificate to a trust anchor that Go 1.26 accepts, by subject.
///
/// # Errors
/// Why there is none.
pub fn verify(
    leaf: &Parsed,
    intermediates: &[Parsed],
    roots: &[Parsed],
    options: &VerifyOptions<'_>,
) -> Result<Vec<Vec<String>>, ChainRefusal> {
    valid(leaf, Role::Leaf, 0, options)?;
    if let Some(name) = options.name.filter(|name| !name.is_empty()) {
        names::matches_name(leaf, name)?;
    }
    let (intermediates, anchors) = (distinct(intermediates), distinct(roots));
    let mut search =
        Search { intermediates, roots: anchors, options, signatures: 0, hint: None, chains: Vec::new() };
    if roots.iter().any(|root| root.der == leaf.der) {
        search.chains.push(vec![leaf]);
    } else {
        search.grow(&mut vec![leaf]);
    }
    if search.chains.is_empty() {
        return Err(unknown(leaf, roots, search.hint));
    }
    let mut refusal = None;
    search.chains.retain(|chain| match usable(chain, options) {
        Ok(()) => true,
        Err(why) => {
            refusal.get_or_insert(why);
            false
        }
    });
    match refusal {
        Some(why) if search.chains.is_empty() => Err(why),
        _ => Ok(search
            .chains
            .iter()
            .map(|chain| chain.iter().map(|one| one.subject.clone()).collect())
            .collect()),
    }
}

/// Go says "unknown authority" and hints at what stood in the way; the hint is the closer cause.
fn unknown(leaf: &Parsed, roots: &[Parsed], hint: Option<ChainRefusal>) -> ChainRefusal {
    let mut why = ChainRefusal::new(
        CauseKind::UnknownAuthority,
        None,
        "x509: certificate signed by unknown authority",
        &leaf.subject,
    );
    if let Some(hint) = hint {
        why.reason = format!("{} (possibly because of {:?})", why.reason, hint.reason);
        why.cause = hint.cause;
        why.variant = hint.variant;
        why.subject = hint.subject;
    } else if roots.is_empty() {
        why.variant = Some(Variant::EmptyTrustStore);
    } else if leaf.is_self_issued() {
        why.variant = Some(Variant::SelfSigned);
    }
    why
}

impl<'a> Search<'a> {
    fn grow(&mut self, chain: &mut Vec<&'a Parsed>) {
        let Some(last) = chain.last().copied() else { return };
        for role in [Role::Root, Role::Intermediate] {
            let pool = if role == Role::Root { &self.roots } else { &self.intermediates };
            for parent in parents(pool, last) {
                self.signatures += 1;
                if self.signatures > SIGNATURES {
                    return;
                }
                if parent.key == VerifyingKey::Unknown || already_in(chain, parent) {
                    continue;
                }
                let fits = signature::check(last, parent)
                    .and_then(|()| valid(parent, role, chain.len(), self.options));
                if let Err(why) = fits {
                    self.hint.get_or_insert(why);
                    continue;
                }
                chain.push(parent);
                if role == Role::Root {
                    self.chains.push(chain.clone());
                } else {
                    self.grow(chain);
                }
                chain.pop();
            }
        }
    }
}

/// A pool holds each certificate once.
fn distinct(pool: &[Parsed]) -> Vec<&Parsed> {
    let mut known = HashSet::new();
    pool.iter().filter(|one| known.insert(one.der.as_slice())).collect()
}

/// Go's `findPotentialParents`: of the issuer's name; the right key first, then unknown, then the wrong one.
fn parents<'a>(pool: &[&'a Parsed], child: &Parsed) -> Vec<&'a Parsed> {
    let of_name = pool.iter().filter(|parent| parent.raw_subject == child.raw_issuer);
    let mut parents: Vec<&Parsed> = of_name.copied().collect();
    let wanted = child.authority_key.as_deref().unwrap_or_default();
    parents.sort_by_key(|parent| {
        let key = parent.subject_key.as_deref().unwrap_or_default();
        if wanted == key {
            0
        } else if wanted.is_empty() || key.is_empty() {
            1
        } else {
            2
        }
    });
    parents
}

/// Go's `alreadyInChain`: the same entity, whatever its dates.
fn already_in(chain: &[&Parsed], candidate: &Parsed) -> bool {
    for one in chain {
        if one.raw_subject != candidate.raw_subject || one.raw_spki != candidate.raw_spki {
            continue;
        }
        match (&candidate.raw_san, &one.raw_san) {
            (None, None) => return true,
            // Go looks no further down here.
            (None, _) | (_, None) => return false,
            (Some(wanted), Some(san)) if wanted == san => return true,
            _ => {}
        }
    }
    false
}

/// Go's `isValid`; `below` counts the certificates under this one.
fn valid(
    certificate: &Parsed,
    role: Role,
    below: usize,
    options: &VerifyOptions<'_>,
) -> Result<(), ChainRefusal> {
    let refuse =
        |cause, variant, reason: &str| Err(ChainRefusal::new(cause, variant, reason, &certificate.subject));
    if let Some(id) = &certificate.unhandled {
        let what = if id == super::extensions::NAME_CONSTRAINTS {
            " (name constraints of a form that Go does not know)"
        } else {
            ""
        };
        return refuse(CauseKind::OtherTls, None, &format!("x509: unhandled critical extension {id}{what}"));
    }
    let of_ca = (role != Role::Leaf).then_some(Variant::ExpiredCa);
    if options.at < certificate.not_before {
        return refuse(
            CauseKind::NotYetValid,
            None,
            "x509: certificate has expired or is not yet valid: the time is before its notBefore",
        );
    }
    if options.at > certificate.not_after {
        return refuse(
            CauseKind::Expired,
            of_ca,
            "x509: certificate has expired or is not yet valid: the time is after its notAfter",
        );
    }
    if role == Role::Intermediate && certificate.is_ca != Some(true) {
        return refuse(
            CauseKind::InvalidCa,
            Some(Variant::NotACa),
            "x509: certificate is not authorized to sign other certificates",
        );
    }
    let intermediates = below.saturating_sub(1);
    if certificate.path_length.is_some_and(|limit| intermediates > limit as usize) {
        return refuse(
            CauseKind::InvalidCa,
            Some(Variant::PathLength),
            "x509: too many intermediates for path length constraint",
        );
    }
    Ok(())
}

/// Extended key usage nests over the whole chain, the trust anchor included; then name constraints.
fn usable(chain: &[&Parsed], options: &VerifyOptions<'_>) -> Result<(), ChainRefusal> {
    let leaf = chain[0];
    if !policies::valid(chain) {
        return Err(ChainRefusal::new(
            CauseKind::InvalidCa,
            None,
            "x509: no valid chains built: candidate chain with invalid policies",
            &leaf.subject,
        ));
    }
    let wanted = match options.purpose {
        Purpose::Server => Some("1.3.6.1.5.5.7.3.1"),
        Purpose::Client => Some("1.3.6.1.5.5.7.3.2"),
        Purpose::Any => None,
    };
    if let Some(wanted) = wanted {
        let barred = chain.iter().find(|one| {
            !one.ekus.is_empty() && !one.ekus.iter().any(|eku| eku == wanted || eku == "2.5.29.37.0")
        });
        if let Some(barred) = barred {
            return Err(ChainRefusal::new(
                CauseKind::WrongKeyUsage,
                None,
                "x509: certificate specifies an incompatible key usage",
                &barred.subject,
            ));
        }
    }
    constraints::check(chain).map_err(|reason| {
        ChainRefusal::new(
            CauseKind::InvalidCa,
            Some(Variant::NameConstraints),
            &format!(
                "x509: a root or intermediate certificate is not authorized to sign for this name: {reason}"
            ),
            &leaf.subject,
        )
    })
}
