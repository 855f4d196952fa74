//! What Compose takes at all: names and types of every setting, by the schema of the Compose Specification as Compose
//! v2.32 carries it (`schema.json`, of compose-go v2.4.7, under the Apache License 2.0), and the shapes that it checks
//! beside that.

use std::fmt;
use std::sync::LazyLock;

use serde_json::Value;

use super::super::source::{FaultKind, ParseFault};
use super::super::yaml::{Node, NodeContent, Scalar};
use super::grammar::{Grammar, Kinds, SchemaShape};
use super::shapes;
use crate::wiring::nearest;
use crate::workload::Template;

static SCHEMA: LazyLock<Value> =
    LazyLock::new(|| serde_json::from_str(include_str!("schema.json")).unwrap_or_default());
static GRAMMAR: LazyLock<Grammar> = LazyLock::new(|| Grammar::of(&SCHEMA));

/// Names that Compose took up later than the schema.
const NEWER: [&str; 12] = [
    "models",
    "provider",
    "use_api_socket",
    "interface_name",
    "gw_priority",
    "label_file",
    "provenance",
    "sbom",
    "entitlements",
    "enable_ipv4",
    "env_file",
    "ignore",
];

/// A step of the way to a node: by a name, or to an item of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SchemaStep<'a> {
    Key(&'a str),
    Item(usize),
}

impl<'a> SchemaStep<'a> {
    /// Its name; an item has none.
    pub(super) fn key(self) -> &'a str {
        match self {
            Self::Key(name) => name,
            Self::Item(_) => "",
        }
    }
}

impl fmt::Display for SchemaStep<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(name) => f.write_str(name),
            Self::Item(at) => write!(f, "{at}"),
        }
    }
}

/// Judges a file as it stands after variables were put in.
pub(super) fn validate(document: &Node, faults: &mut Vec<ParseFault>) {
    check(document, GRAMMAR.whole(), &mut Vec::new(), faults);
}

fn open(text: &str) -> bool {
    text.contains(Template::OPEN)
}

/// As YAML has it.
fn scalar_kind(scalar: &Scalar) -> Kinds {
    let text = &*scalar.text;
    if !scalar.plain {
        return Kinds::STRING;
    }
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Kinds::NULL,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return Kinds::BOOLEAN,
        _ if !text.starts_with(|c: char| c.is_ascii_digit() || "-+._".contains(c)) => return Kinds::STRING,
        _ => {}
    }
    let digits = text.trim_start_matches(['-', '+']).replace('_', "");
    let radix = |prefix: &str, radix| {
        digits.strip_prefix(prefix).is_some_and(|rest| u64::from_str_radix(rest, radix).is_ok())
    };
    if (digits.chars().all(|c| c.is_ascii_digit()) && !digits.is_empty())
        || radix("0x", 16)
        || radix("0o", 8)
        || radix("0b", 2)
    {
        return Kinds::INTEGER;
    }
    let begins = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    if begins && digits.parse::<f64>().is_ok() || matches!(&*digits, ".inf" | ".Inf" | ".INF") {
        return Kinds::NUMBER;
    }
    Kinds::STRING
}

fn kind(node: &Node) -> Kinds {
    match &node.data {
        NodeContent::Mapping(_) => Kinds::OBJECT,
        NodeContent::Sequence(_) => Kinds::ARRAY,
        NodeContent::Scalar(scalar) => scalar_kind(scalar),
    }
}

fn matches(pattern: &str, name: &str) -> bool {
    match pattern {
        "^x-" => name.starts_with("x-"),
        "^[a-z]+$" => !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase()),
        "^[a-zA-Z0-9._-]+$" => {
            !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c))
        }
        _ => !name.is_empty(),
    }
}

/// The way to a node, as Compose words it: `services.nats.ports`.
fn shown(way: &[SchemaStep<'_>]) -> String {
    let steps: Vec<String> = way.iter().map(SchemaStep::to_string).collect();
    if way.is_empty() { "the file".to_owned() } else { format!("`{}`", steps.join(".")) }
}

fn words(wanted: &[&str]) -> String {
    let word = |one: &&str| match *one {
        "object" => "a mapping",
        "array" => "a list",
        "string" => "a text",
        "integer" | "number" => "a number",
        "boolean" => "true or false",
        _ => "empty",
    };
    let mut all: Vec<&str> = wanted.iter().map(word).collect();
    all.dedup();
    all.join(" or ")
}

fn check<'a>(
    node: &'a Node,
    shape: &SchemaShape,
    way: &mut Vec<SchemaStep<'a>>,
    faults: &mut Vec<ParseFault>,
) {
    // What is taken away is judged by nobody; what replaces something is.
    if node.tag.as_deref() == Some("!reset") {
        return;
    }
    if let NodeContent::Scalar(scalar) = &node.data
        && open(&scalar.text)
    {
        return;
    }
    let own = kind(node);
    if !shape.branches.is_empty() {
        return one_of(node, own, &shape.branches, way, faults);
    }
    if !shape.takes(own) {
        let message = format!("{} must be {}", shown(way), words(&shape.types));
        faults.push(ParseFault::unreadable(node.mark.clone(), message));
        return;
    }
    if !shape.choices.is_empty()
        && let Some(text) = node.text()
        && !shape.choices.contains(&text)
    {
        let message = format!("{} is `{text}`: Compose takes {}", shown(way), shape.choices.join(", "));
        faults.push(ParseFault::unreadable(node.mark.clone(), message));
    }
    bounds(node, shape, way, faults);
    shapes::scalar(node, way, faults);
    shapes::whole(node, way, faults);
    match &node.data {
        NodeContent::Mapping(entries) => mapping(node, entries, shape, way, faults),
        NodeContent::Sequence(items) => sequence(items, shape, way, faults),
        NodeContent::Scalar(_) => {}
    }
}

/// The branch that takes it; where none does, what the branch of its type says.
fn one_of<'a>(
    node: &'a Node,
    own: Kinds,
    branches: &[usize],
    way: &mut Vec<SchemaStep<'a>>,
    faults: &mut Vec<ParseFault>,
) {
    let mut closest: Option<Vec<ParseFault>> = None;
    let branches = || branches.iter().map(|one| GRAMMAR.at(*one));
    for branch in branches().filter(|one| one.takes(own)) {
        let mut own_faults = Vec::new();
        check(node, branch, way, &mut own_faults);
        if own_faults.is_empty() {
            return;
        }
        let of_type = !branch.types.is_empty();
        if of_type && closest.as_ref().is_none_or(|have| own_faults.len() < have.len()) {
            closest = Some(own_faults);
        }
    }
    match closest {
        Some(found) => faults.extend(found),
        None => {
            let wanted: Vec<&str> = branches().flat_map(|one| one.types.iter().copied()).collect();
            let message = format!("{} must be {}", shown(way), words(&wanted));
            faults.push(ParseFault::unreadable(node.mark.clone(), message));
        }
    }
}

fn bounds(node: &Node, shape: &SchemaShape, way: &[SchemaStep<'_>], faults: &mut Vec<ParseFault>) {
    if shape.least.is_none() && shape.most.is_none() {
        return;
    }
    let Some(number) = node.text().and_then(|text| text.parse::<f64>().ok()) else { return };
    if shape.least.is_some_and(|least| number < least) || shape.most.is_some_and(|most| number > most) {
        let message = format!("{} is {number}, which is out of bounds", shown(way));
        faults.push(ParseFault::unreadable(node.mark.clone(), message));
    }
}

fn mapping<'a>(
    node: &'a Node,
    entries: &'a [(Node, Node)],
    shape: &SchemaShape,
    way: &mut Vec<SchemaStep<'a>>,
    faults: &mut Vec<ParseFault>,
) {
    for (key, value) in entries {
        let Some(name) = key.text().filter(|name| !open(name)) else { continue };
        let by_pattern = || shape.patterns.iter().find(|(one, _)| matches(one, name)).map(|(_, below)| below);
        if let Some(below) = shape.properties.get(name).or_else(by_pattern) {
            way.push(SchemaStep::Key(name));
            check(value, GRAMMAR.at(*below), way, faults);
            way.pop();
        } else if shape.closed && !NEWER.contains(&name) {
            let mut known: Vec<&str> = shape.properties.keys().copied().collect();
            known.sort_unstable();
            let message = format!("Compose does not know `{name}` in {} and does not start", shown(way));
            let nearest = nearest(name, known.into_iter());
            let kind = FaultKind::UnknownName { name: name.to_owned(), nearest };
            faults.push(ParseFault { kind, message, mark: key.mark.clone() });
        }
    }
    for name in shape.required.iter().filter(|name| node.get(name).is_none()) {
        faults.push(ParseFault::unreadable(node.mark.clone(), format!("{} needs `{name}`", shown(way))));
    }
}

fn sequence<'a>(
    items: &'a [Node],
    shape: &SchemaShape,
    way: &mut Vec<SchemaStep<'a>>,
    faults: &mut Vec<ParseFault>,
) {
    if let Some(below) = shape.items {
        for (at, item) in items.iter().enumerate() {
            way.push(SchemaStep::Item(at));
            check(item, GRAMMAR.at(below), way, faults);
            way.pop();
        }
    }
    if shape.unique {
        for (at, item) in items.iter().enumerate() {
            let twice = item.text().is_some_and(|text| {
                !open(text)
                    && items[..at].iter().any(|one| one.text() == Some(text) && kind(one) == kind(item))
            });
            if twice {
                let message = format!("{} holds the same twice", shown(way));
                faults.push(ParseFault::unreadable(item.mark.clone(), message));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::source::Source;
    use super::super::super::yaml::documents;
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let (documents, _) = documents(&Source::file("compose.yaml", text));
        let mut faults = Vec::new();
        documents.iter().for_each(|one| validate(one, &mut faults));
        faults.iter().map(|one| format!("{}: {}", one.mark.line, one.message)).collect()
    }

    #[test]
    fn names_and_types_are_composes() {
        for (text, wanted) in [
            (
                "services:\n  a:\n    imgae: x\n",
                "3: Compose does not know `imgae` in `services.a` and does not start",
            ),
            ("services:\n  a:\n    image: x\n    ports: 80\n", "4: `services.a.ports` must be a list"),
            ("services:\n  a:\n", "2: `services.a` must be a mapping"),
            ("services: {a: {image: 1}}\n", "1: `services.a.image` must be a text"),
            (
                "services: {a: {image: x, ports: [\"80:80x\"]}}\n",
                "1: `80:80x` is no port that Compose can publish",
            ),
            (
                "services: {a: {image: x, cap_drop: [A, A]}}\n",
                "1: `services.a.cap_drop` holds the same twice",
            ),
            (
                "services: {a: {image: x, volumes: [{source: b, target: /c}]}}\n",
                "1: `services.a.volumes.0` needs `type`",
            ),
            (
                "services: {a: {image: x, healthcheck: {interval: 3zz}}}\n",
                "1: `interval` is `3zz`, which is no duration (10s, 1m30s)",
            ),
            (
                "services: {a: {image: x, privileged: \"perhaps\"}}\n",
                "1: `privileged` is `perhaps`, which is neither true nor false",
            ),
        ] {
            assert_eq!(said(text), [wanted], "{text}");
        }
    }

    #[test]
    fn what_compose_takes_is_taken() {
        for text in [
            "services:\n  a: {image: x, x-own: {b: c}, ports: [80, \"127.0.0.1:1-3:1-3/udp\", \"[::1]:80:80\", {target: 80}], cpus: \"0.5\", volumes: [\"./a:/b\", {type: bind, source: a, target: /b}]}\nx-more: 1\n",
            "services: {a: {image: x, environment: [A=b], healthcheck: {disable: true, interval: 1m30s, retries: \"3\"}, deploy: {replicas: 2}, secrets: [{source: k, mode: 0400}], depends_on: [b]}, b: {build: .}}\n",
            "services: {a: {image: x, command: !reset null, ports: !reset [], volumes: !override [\"a:/b\"], privileged: yes}}\nsecrets: {k: {file: ./k}}\n",
            "services: {a: {image: x, models: [m]}}\nmodels: {m: {model: y}}\n",
        ] {
            assert_eq!(said(text), Vec::<String>::new(), "{text}");
        }
    }
}
