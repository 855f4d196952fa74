//! The several ways to write a thing become one: lists of `NAME=VALUE` and short volumes become mappings, paths
//! are seen from where the look began.

use std::sync::Arc;

use super::super::files::join;
use super::super::yaml::{Node, NodeContent};
use crate::workload::Template;

/// A service as it stands in a file whose paths begin at `base`.
pub(super) fn service(node: &mut Node, base: &str) {
    let NodeContent::Mapping(entries) = &mut node.data else { return };
    for (key, value) in entries {
        let Some(key) = key.text().map(str::to_owned) else { continue };
        match key.as_str() {
            "environment" | "labels" | "annotations" | "sysctls" | "extra_hosts" => pairs(value),
            "networks" => names(value),
            "volumes" => {
                if let NodeContent::Sequence(items) = &mut value.data {
                    items.iter_mut().for_each(|item| volume(item, base));
                }
            }
            "env_file" => env_file(value, base),
            "build" => build(value, base),
            "extends" => {
                if let Some(file) = child(value, "file") {
                    rebase(file, base);
                }
            }
            _ => {}
        }
    }
}

/// A `configs:` or `secrets:` entry at the top level.
pub(super) fn content(node: &mut Node, base: &str) {
    if let Some(file) = child(node, "file") {
        rebase(file, base);
    }
}

pub(super) fn child<'a>(node: &'a mut Node, key: &str) -> Option<&'a mut Node> {
    let NodeContent::Mapping(entries) = &mut node.data else { return None };
    entries.iter_mut().find(|(name, _)| name.text() == Some(key)).map(|(_, value)| value)
}

fn set_text(node: &mut Node, text: &str) {
    if let NodeContent::Scalar(scalar) = &mut node.data {
        scalar.text = Arc::from(text);
    }
}

/// Whether a path has to be left as it stands: its beginning is not known.
fn open_ended(path: &str) -> bool {
    path.starts_with(Template::OPEN) || path.starts_with('~')
}

fn rebase(node: &mut Node, base: &str) {
    let Some(path) = node.text().map(str::to_owned) else { return };
    let remote = path.contains("://") || path.starts_with("git@");
    if !open_ended(&path) && !remote {
        set_text(node, &join(base, &path));
    }
}

/// `- A=1` becomes `A: 1`, `- A` becomes `A:`.
fn pairs(node: &mut Node) {
    let NodeContent::Sequence(items) = &node.data else { return };
    let entries = items
        .iter()
        .filter_map(|item| {
            let text = item.text()?;
            // A host's address follows a colon too.
            let (name, value) = match text.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (text, None),
            };
            let mut value_node = item.clone();
            match value {
                Some(value) => set_text(&mut value_node, value),
                None => {
                    if let NodeContent::Scalar(scalar) = &mut value_node.data {
                        scalar.text = Arc::from("");
                        scalar.plain = true;
                    }
                }
            }
            if let (NodeContent::Scalar(scalar), Some(_)) = (&mut value_node.data, value) {
                scalar.plain = false;
            }
            Some((Node::scalar(name, item.mark.clone()), value_node))
        })
        .collect();
    node.data = NodeContent::Mapping(entries);
}

fn names(node: &mut Node) {
    let NodeContent::Sequence(items) = &node.data else { return };
    let empty = |item: &Node| {
        let mut null = item.clone();
        if let NodeContent::Scalar(scalar) = &mut null.data {
            scalar.text = Arc::from("");
            scalar.plain = true;
        }
        null
    };
    node.data = NodeContent::Mapping(items.iter().map(|item| (item.clone(), empty(item))).collect());
}

fn env_file(node: &mut Node, base: &str) {
    if node.is_scalar() {
        node.data = NodeContent::Sequence(vec![node.clone()]);
    }
    let NodeContent::Sequence(items) = &mut node.data else { return };
    for item in items {
        if item.is_mapping() {
            if let Some(path) = child(item, "path") {
                rebase(path, base);
            }
        } else {
            rebase(item, base);
        }
    }
}

fn build(node: &mut Node, base: &str) {
    if node.text().is_some() {
        rebase(node, base);
        let context = node.clone();
        node.data = NodeContent::Mapping(vec![(Node::scalar("context", node.mark.clone()), context)]);
    } else if let Some(context) = child(node, "context") {
        rebase(context, base);
    }
}

/// `./a:/b:ro` becomes `{type: bind, source: ./a, target: /b, read_only: true}`.
fn volume(node: &mut Node, base: &str) {
    if node.is_mapping() {
        let bind = node.text_at(&["type"]) == Some("bind");
        if let Some(source) = child(node, "source").filter(|_| bind) {
            rebase(source, base);
        }
        return;
    }
    let Some(text) = node.text().map(str::to_owned) else { return };
    let mut parts = text.split(':');
    let (first, second, options) = (parts.next().unwrap_or_default(), parts.next(), parts.next());
    let part = |name: &str, value: &str| {
        let mut value_node = node.clone();
        set_text(&mut value_node, value);
        (Node::scalar(name, node.mark.clone()), value_node)
    };
    let entries = match second {
        None => vec![part("type", "volume"), part("target", first)],
        Some(target) => {
            let path = first.starts_with(['.', '/', '~', Template::OPEN]);
            let kind = if path { "bind" } else { "volume" };
            let source = if path && !open_ended(first) { join(base, first) } else { first.to_owned() };
            let read_only = options.is_some_and(|options| options.split(',').any(|one| one == "ro"));
            vec![
                part("type", kind),
                part("source", &source),
                part("target", target),
                part("read_only", if read_only { "true" } else { "false" }),
            ]
        }
    };
    node.data = NodeContent::Mapping(entries);
}
