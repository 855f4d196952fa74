//! How Compose lays one file over another.

use super::super::yaml::{Node, NodeContent};

/// `over` laid over `base`; `key` is the name of the attribute in its service.
#[must_use]
pub(super) fn merge(base: Node, over: Node, key: &str) -> Option<Node> {
    match over.tag.as_deref() {
        Some("!reset") => return None,
        Some("!override") => return Some(untagged(over)),
        _ => {}
    }
    if over.is_null() {
        // `volumes:` with nothing behind it takes nothing away; a scalar without a value does.
        return Some(if base.is_scalar() { over } else { base });
    }
    let mark = over.mark.clone();
    let data = match (base.data, over.data) {
        (NodeContent::Mapping(base), NodeContent::Mapping(over)) => {
            NodeContent::Mapping(mappings(base, over, key))
        }
        (NodeContent::Sequence(base), NodeContent::Sequence(over)) => match key {
            // What is run is said once.
            "command" | "entrypoint" | "test" => NodeContent::Sequence(over),
            "volumes" | "secrets" | "configs" => NodeContent::Sequence(by_identity(base, over)),
            _ => NodeContent::Sequence(appended(base, over)),
        },
        (_, over) => over,
    };
    Some(Node { data, tag: None, mark })
}

fn mappings(base: Vec<(Node, Node)>, over: Vec<(Node, Node)>, parent: &str) -> Vec<(Node, Node)> {
    let mut merged = base;
    for (key, value) in over {
        let name = key.text().unwrap_or_default().to_owned();
        let have = merged.iter().position(|(have, _)| have.text() == Some(&name));
        // Under `environment` and its like the names are the user's and mean nothing.
        let inner = if matches!(parent, "environment" | "labels" | "args") { "" } else { name.as_str() };
        match have {
            Some(at) => {
                let (_, before) = merged.remove(at);
                if let Some(value) = merge(before, value, inner) {
                    merged.insert(at, (key, value));
                }
            }
            None if value.tag.as_deref() == Some("!reset") => {}
            None => merged.push((key, untagged(value))),
        }
    }
    merged
}

fn untagged(mut node: Node) -> Node {
    node.tag = None;
    node
}

/// Mounts are told apart by where they end up.
fn by_identity(base: Vec<Node>, over: Vec<Node>) -> Vec<Node> {
    let identity = |node: &Node| {
        let target = node.text_at(&["target"]).or_else(|| node.text_at(&["source"])).or_else(|| node.text());
        target.map(|text| text.trim_end_matches('/').to_owned())
    };
    let mut merged = base;
    for node in over {
        let same = identity(&node);
        match merged.iter().position(|have| same.is_some() && identity(have) == same) {
            Some(at) => merged[at] = node,
            None => merged.push(node),
        }
    }
    merged
}

fn appended(base: Vec<Node>, over: Vec<Node>) -> Vec<Node> {
    let mut merged = base;
    for node in over {
        let twice = node.text().is_some() && merged.iter().any(|have| have.text() == node.text());
        if !twice {
            merged.push(node);
        }
    }
    merged
}
