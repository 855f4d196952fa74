//! Certificate policies, as Go's `policiesValid` (RFC 5280, 6.1, with RFC 9618) when the caller asks for
//! none: they matter where a CA of the chain requires an explicit one.

use std::collections::{BTreeMap, BTreeSet};

use super::Parsed;

const ANY: &str = "2.5.29.32.0";

/// Whether a chain, end-entity certificate first, has a valid policy where one is required.
pub(super) fn valid(chain: &[&Parsed]) -> bool {
    let Some(n) = chain.len().checked_sub(1).filter(|n| *n > 0) else { return true };
    let bound = n as u64 + 1;
    let (mut inhibit_any, mut explicit, mut mapping) = (bound, bound, bound);
    // What a certificate below may assert; `None`: nothing any more.
    let mut expected: Option<BTreeSet<String>> = Some(BTreeSet::from([ANY.to_owned()]));
    for (index, one) in chain[..n].iter().enumerate().rev() {
        let own = one.is_self_issued();
        if one.policies.is_empty() {
            expected = None;
        }
        if explicit == 0 && expected.is_none() {
            return false;
        }
        if let Some(allowed) = &expected {
            let any_allowed = allowed.contains(ANY);
            let mut asserted: BTreeSet<String> = one
                .policies
                .iter()
                .filter(|policy| *policy != ANY && (any_allowed || allowed.contains(*policy)))
                .cloned()
                .collect();
            if one.policies.iter().any(|policy| policy == ANY) && (inhibit_any > 0 || (index > 0 && own)) {
                asserted.extend(allowed.iter().cloned());
            }
            if index > 0 && !one.mappings.is_empty() {
                let mut mapped: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
                for (from, to) in &one.mappings {
                    if mapping > 0 {
                        if from == ANY || to == ANY {
                            return false;
                        }
                        mapped.entry(from).or_default().push(to);
                    } else {
                        asserted.remove(from);
                    }
                }
                for (from, to) in mapped {
                    if asserted.remove(from) || asserted.contains(ANY) {
                        asserted.extend(to.into_iter().map(str::to_owned));
                    }
                }
            }
            expected = (!asserted.is_empty()).then_some(asserted);
        }
        if index > 0 {
            if !own {
                explicit = explicit.saturating_sub(1);
                mapping = mapping.saturating_sub(1);
                inhibit_any = inhibit_any.saturating_sub(1);
            }
            explicit = explicit.min(one.require_explicit_policy.unwrap_or(explicit));
            mapping = mapping.min(one.inhibit_mapping.unwrap_or(mapping));
            inhibit_any = inhibit_any.min(one.inhibit_any.unwrap_or(inhibit_any));
        }
    }
    explicit = explicit.saturating_sub(1);
    if chain[0].require_explicit_policy == Some(0) {
        explicit = 0;
    }
    explicit > 0 || expected.is_some()
}
