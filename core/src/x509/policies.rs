//! Certificate policies, as Go's `policiesValid` (RFC 5280, 6.1, with RFC 9618) when the caller asks for
//! none: they matter where a CA of the chain requires an explicit one.

use std::collections::{BTreeMap, BTreeSet};

use super::Parsed;

/// A policy's object identifier, its DER content.
pub(super) type Policy = Vec<u8>;

/// anyPolicy, 2.5.29.32.0.
const ANY: &[u8] = &[0x55, 0x1d, 0x20, 0];

struct PolicyNode {
    valid: Policy,
    expected: Vec<Policy>,
    parents: BTreeSet<usize>,
    children: BTreeSet<usize>,
}

/// RFC 9618's graph: one stratum for each certificate, a node for each policy in it.
struct Graph {
    nodes: Vec<PolicyNode>,
    strata: Vec<BTreeMap<Policy, usize>>,
    /// Nodes of the stratum above, by what they expect.
    expecting: BTreeMap<Policy, Vec<usize>>,
}

impl Graph {
    fn new() -> Self {
        let root = PolicyNode {
            valid: ANY.to_vec(),
            expected: vec![ANY.to_vec()],
            parents: BTreeSet::new(),
            children: BTreeSet::new(),
        };
        Self {
            nodes: vec![root],
            strata: vec![BTreeMap::from([(ANY.to_vec(), 0)])],
            expecting: BTreeMap::new(),
        }
    }

    fn depth(&self) -> usize {
        self.strata.len() - 1
    }

    fn leaf(&self, policy: &[u8]) -> Option<usize> {
        self.strata[self.depth()].get(policy).copied()
    }

    fn insert(&mut self, valid: Policy, expected: Vec<Policy>, parents: &[usize]) {
        let index = self.nodes.len();
        for parent in parents {
            self.nodes[*parent].children.insert(index);
        }
        let parents = parents.iter().copied().collect();
        self.nodes.push(PolicyNode { valid: valid.clone(), expected, parents, children: BTreeSet::new() });
        let depth = self.depth();
        self.strata[depth].insert(valid, index);
    }

    fn unlink(&mut self, index: usize) {
        for parent in std::mem::take(&mut self.nodes[index].parents) {
            self.nodes[parent].children.remove(&index);
        }
    }

    fn remove_leaf(&mut self, policy: &[u8]) {
        let depth = self.depth();
        if let Some(index) = self.strata[depth].remove(policy) {
            self.unlink(index);
        }
    }

    /// Takes out what nothing hangs from.
    fn prune(&mut self) {
        for depth in (1..self.depth()).rev() {
            let barren: Vec<(Policy, usize)> = self.strata[depth]
                .iter()
                .filter(|(_, index)| self.nodes[**index].children.is_empty())
                .map(|(policy, index)| (policy.clone(), *index))
                .collect();
            for (policy, index) in barren {
                self.unlink(index);
                self.strata[depth].remove(&policy);
            }
        }
    }

    fn deepen(&mut self) {
        self.expecting = BTreeMap::new();
        for index in self.strata[self.depth()].values() {
            for expected in &self.nodes[*index].expected {
                self.expecting.entry(expected.clone()).or_default().push(*index);
            }
        }
        self.strata.push(BTreeMap::new());
    }

    /// One certificate's policies; `any`: its anyPolicy counts.
    fn assert(&mut self, policies: &[Policy], any: bool) {
        self.deepen();
        let above = self.depth() - 1;
        for policy in policies.iter().filter(|policy| *policy != ANY) {
            let of_any = || self.strata[above].get(ANY).map(|index| vec![*index]);
            let parents = self.expecting.get(policy).cloned().or_else(of_any);
            if let Some(parents) = parents {
                self.insert(policy.clone(), vec![policy.clone()], &parents);
            }
        }
        if any {
            let missing: Vec<(Policy, Vec<usize>)> = self
                .expecting
                .iter()
                .filter(|(policy, _)| self.leaf(policy).is_none())
                .map(|(policy, parents)| (policy.clone(), parents.clone()))
                .collect();
            for (policy, parents) in missing {
                self.insert(policy.clone(), vec![policy], &parents);
            }
        }
        self.prune();
    }

    /// Policy mappings; `false`: they are invalid.
    fn map(&mut self, mappings: &[(Policy, Policy)], allowed: bool) -> bool {
        let mut subjects: BTreeMap<&Policy, Vec<Policy>> = BTreeMap::new();
        for (issuer, subject) in mappings {
            if !allowed {
                self.remove_leaf(issuer);
            } else if issuer == ANY || subject == ANY {
                return false;
            } else {
                subjects.entry(issuer).or_default().push(subject.clone());
            }
        }
        self.prune();
        for (issuer, subjects) in subjects {
            if let Some(index) = self.leaf(issuer) {
                self.nodes[index].expected = subjects;
            } else if let Some(any) = self.leaf(ANY) {
                self.insert(issuer.clone(), subjects, &[any]);
            }
        }
        true
    }

    /// Whether any policy is left, in the authorities' eyes.
    fn has_valid(&self) -> bool {
        let under_any = |index: &usize| {
            let node = &self.nodes[*index];
            let mut parents = node.parents.iter();
            node.valid != ANY
                && node.parents.len() == 1
                && parents.next().is_some_and(|parent| self.nodes[*parent].valid == ANY)
        };
        self.leaf(ANY).is_some() || self.strata.iter().flat_map(BTreeMap::values).any(under_any)
    }
}

/// Whether a chain, end-entity certificate first, has a valid policy where one is required.
pub(super) fn valid(chain: &[&Parsed]) -> bool {
    let Some(n) = chain.len().checked_sub(1).filter(|n| *n > 0) else { return true };
    let bound = n as u64 + 1;
    let (mut inhibit_any, mut explicit, mut mapping) = (bound, bound, bound);
    let mut graph = Some(Graph::new());
    for (index, one) in chain[..n].iter().enumerate().rev() {
        let own = one.is_self_issued();
        if one.policies.is_empty() {
            graph = None;
        }
        if explicit == 0 && graph.is_none() {
            return false;
        }
        if let Some(graph) = &mut graph {
            let any =
                one.policies.iter().any(|policy| policy == ANY) && (inhibit_any > 0 || (index > 0 && own));
            graph.assert(&one.policies, any);
            if index > 0 && !one.mappings.is_empty() && !graph.map(&one.mappings, mapping > 0) {
                return false;
            }
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
    explicit > 0 || graph.is_some_and(|graph| graph.has_valid())
}
