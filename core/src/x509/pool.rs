//! Of a large pool of trust anchors those that can matter to a chain: a bundle may hold ten thousands, and a
//! verifier goes by the issuer's name.

use std::collections::HashSet;

use super::der::{Der, INTEGER, SEQUENCE};

/// A pool of this size is taken as it is (a system's bundle holds about 140).
const SMALL: usize = 256;
/// Of a larger one so many are kept whatever they are called, to name in an explanation.
const NAMED: usize = 8;

/// The anchors that carry the name of an issuer in the chain, or are the end-entity certificate itself, and
/// the first few. What has no names that can be read is no certificate, and passed over, as Go does.
#[must_use]
pub fn relevant<'a>(anchors: &'a [impl AsRef<[u8]>], chain: &[impl AsRef<[u8]>]) -> Vec<&'a [u8]> {
    if anchors.len() <= SMALL {
        return anchors.iter().map(AsRef::as_ref).collect();
    }
    let issuers: HashSet<&[u8]> =
        chain.iter().filter_map(|one| names(one.as_ref())).map(|(issuer, _)| issuer).collect();
    let mut named = 0;
    let mut kept = Vec::new();
    for anchor in anchors {
        let der = anchor.as_ref();
        let Some((_, subject)) = names(der) else { continue };
        named += 1;
        let wanted = issuers.contains(subject) || chain.first().is_some_and(|leaf| leaf.as_ref() == der);
        if named <= NAMED || wanted {
            kept.push(der);
        }
    }
    kept
}

/// Issuer and subject of a certificate, as they are encoded (RFC 5280, 4.1).
fn names(der: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut tbs = Der(der).read(SEQUENCE)?.read(SEQUENCE)?;
    // The version.
    tbs.optional(0xa0)?;
    tbs.element(INTEGER)?;
    tbs.element(SEQUENCE)?;
    let issuer = tbs.element(SEQUENCE)?.whole;
    tbs.element(SEQUENCE)?;
    Some((issuer, tbs.element(SEQUENCE)?.whole))
}
