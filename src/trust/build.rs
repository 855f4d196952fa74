//! Chain building, as Go's `Certificate.Verify` and `buildChains`.

use tls_verify_checks::cause::{CauseKind, Variant};

use super::{Options, Parsed, Purpose, Refusal, constraints, names, policies, signature};

/// Go's bound on the signatures of one verification.
const SIGNATURES: usize = 100;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Leaf,
    Intermediate,
    Root,
}

struct Search<'a> {
    intermediates: &'a [Parsed],
    roots: &'a [Parsed],
    options: &'a Options<'a>,
    signatures: usize,
    hint: Option<Refusal>,
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
    options: &Options<'_>,
) -> Result<Vec<Vec<String>>, Refusal> {
    valid(leaf, Role::Leaf, 0, options)?;
    if let Some(name) = options.name.filter(|name| !name.is_empty()) {
        names::matches_name(leaf, name)?;
    }
    let mut search = Search { intermediates, roots, options, signatures: 0, hint: None, chains: Vec::new() };
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
fn unknown(leaf: &Parsed, roots: &[Parsed], hint: Option<Refusal>) -> Refusal {
    let mut why = Refusal::new(
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
        for (role, pool) in [(Role::Root, self.roots), (Role::Intermediate, self.intermediates)] {
            let mut parents: Vec<&Parsed> =
                pool.iter().filter(|parent| parent.raw_subject == last.raw_issuer).collect();
            // The right key first, then unknown, then the wrong one.
            parents.sort_by_key(|parent| match (&last.authority_key, &parent.subject_key) {
                (Some(wanted), Some(key)) if wanted == key => 0,
                (Some(_), Some(_)) => 2,
                _ => 1,
            });
            for parent in parents {
                self.signatures += 1;
                if self.signatures > SIGNATURES {
                    return;
                }
                if chain.iter().any(|one| same(one, parent)) {
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

/// Go's `alreadyInChain`: the same entity, whatever its dates.
fn same(one: &Parsed, other: &Parsed) -> bool {
    one.raw_subject == other.raw_subject && one.raw_spki == other.raw_spki && one.raw_san == other.raw_san
}

/// Go's `isValid`; `below` counts the certificates under this one.
fn valid(certificate: &Parsed, role: Role, below: usize, options: &Options<'_>) -> Result<(), Refusal> {
    let refuse =
        |cause, variant, reason: &str| Err(Refusal::new(cause, variant, reason, &certificate.subject));
    if let Some(id) = &certificate.unhandled {
        return refuse(CauseKind::OtherTls, None, &format!("x509: unhandled critical extension {id}"));
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
fn usable(chain: &[&Parsed], options: &Options<'_>) -> Result<(), Refusal> {
    let leaf = chain[0];
    if !policies::valid(chain) {
        return Err(Refusal::new(
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
            return Err(Refusal::new(
                CauseKind::WrongKeyUsage,
                None,
                "x509: certificate specifies an incompatible key usage",
                &barred.subject,
            ));
        }
    }
    constraints::check(chain).map_err(|reason| {
        Refusal::new(
            CauseKind::InvalidCa,
            Some(Variant::NameConstraints),
            &format!(
                "x509: a root or intermediate certificate is not authorized to sign for this name: {reason}"
            ),
            &leaf.subject,
        )
    })
}
