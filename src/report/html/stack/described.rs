//! What a description says of the connections of a deployment.

use serde_json::Value;

use super::{Column, ConnectionState, ConnectionView, MOST, StackView};
use crate::report::html::read::{list, text};

/// The connections of a deployment as it is described: nothing is proved, only configured.
pub(crate) fn of_audit(report: &Value) -> StackView {
    let mut stack = StackView::default();
    let all = list(report, "connections");
    let first = all.first().map_or("", |one| text(one, "deployment"));
    let several = all.iter().any(|one| text(one, "deployment") != first);
    let deployment = |one: &Value| if several { text(one, "deployment").to_owned() } else { String::new() };
    for one in all.iter().take(MOST * 2) {
        let (client, server) = (text(one, "client"), text(one, "server"));
        let state = match (client, server) {
            ("tls", "mtls") => ConnectionState::Mutual,
            ("tls", "tls") => ConnectionState::Tls,
            ("plaintext", "plaintext") => ConnectionState::Plaintext,
            ("unknown", _) | (_, "unknown") => ConnectionState::Unseen,
            _ => ConnectionState::Broken,
        };
        let label =
            if state == ConnectionState::Broken { "scheme-mismatch".to_owned() } else { String::new() };
        let (from, to) = (text(one, "from"), text(one, "to"));
        stack.node(from, "", Column::Client);
        stack.node(to, "", Column::Service);
        stack.connections.push(ConnectionView {
            deployment: deployment(one),
            from: from.to_owned(),
            to: to.to_owned(),
            what: "configured",
            state,
            label,
            evidence: "configured".to_owned(),
            said: format!("client {client}, server {server}"),
            checks: Vec::new(),
        });
    }
    stack
}
