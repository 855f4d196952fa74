//! NetworkPolicies, as far as they decide who may dial whom.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Metadata, TargetPort, nullable};

object! {
    NetworkPolicy {
        metadata: Metadata,
        spec: PolicySpec,
    }
}

object! {
    PolicySpec {
        pod_selector: Selector,
        policy_types: Vec<String>,
        ingress: Vec<PolicyRule>,
        egress: Vec<PolicyRule>,
    }
}

object! {
    /// `from` of an ingress rule, `to` of an egress rule; no peer at all is everybody.
    PolicyRule {
        from: Vec<Peer>,
        to: Vec<Peer>,
        ports: Vec<PolicyPort>,
    }
}

object! {
    Peer {
        pod_selector: Option<Selector>,
        namespace_selector: Option<Selector>,
        ip_block: Option<serde_json::Value>,
    }
}

object! {
    PolicyPort {
        protocol: String,
        port: Option<TargetPort>,
        end_port: Option<u16>,
    }
}

object! {
    /// The empty one selects everything.
    Selector {
        match_labels: BTreeMap<String, String>,
        match_expressions: Vec<Expression>,
    }
}

object! {
    Expression {
        key: String,
        operator: String,
        values: Vec<String>,
    }
}
