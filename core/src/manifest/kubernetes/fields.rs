//! Names and types of the fields of Kubernetes' own objects, as its API has them: `fields.txt`, which
//! `tests/referee/manifests` prints from the API's types. Objects of other makers are not looked at.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::super::source::{FaultKind, ParseFault};
use super::super::yaml::{Node, NodeContent};
use crate::wiring::nearest;

/// The fields of each type: name and type.
type FieldTable = HashMap<&'static str, Vec<(&'static str, &'static str)>>;

static TABLE: LazyLock<FieldTable> = LazyLock::new(|| {
    let line = |line: &'static str| {
        let mut words = line.split(' ');
        Some((words.next()?, words.filter_map(|word| word.split_once(':')).collect()))
    };
    include_str!("fields.txt").lines().filter_map(line).collect()
});

/// Judges an object.
pub(super) fn validate(object: &Node, faults: &mut Vec<ParseFault>) {
    let (Some(version), Some(kind)) = (object.text_at(&["apiVersion"]), object.text_at(&["kind"])) else {
        return;
    };
    let of = format!("{version}/{kind}");
    if let Some((name, _)) = TABLE.get_key_value(of.as_str()) {
        check(object, name, &mut Vec::new(), faults);
    }
}

fn shown(way: &[String]) -> String {
    if way.is_empty() { "the object".to_owned() } else { format!("`{}`", way.join(".")) }
}

fn check(node: &Node, of: &str, way: &mut Vec<String>, faults: &mut Vec<ParseFault>) {
    if node.is_null() || of == "any" {
        return;
    }
    let mut refuse = |what: &str| {
        faults.push(ParseFault::unreadable(node.mark.clone(), format!("{} must be {what}", shown(way))));
    };
    if let Some(items) = of.strip_prefix('[') {
        let NodeContent::Sequence(all) = &node.data else { return refuse("a list") };
        return all.iter().for_each(|one| check(one, items, way, faults));
    }
    if let Some(values) = of.strip_prefix('{') {
        let NodeContent::Mapping(all) = &node.data else { return refuse("a mapping") };
        return all.iter().for_each(|(_, one)| check(one, values, way, faults));
    }
    let Some(fields) = TABLE.get(of) else {
        let NodeContent::Scalar(scalar) = &node.data else { return refuse("one value") };
        match of {
            // A word in quotes is no number, and none that YAML calls a truth is one.
            "int" if !scalar.plain || node.number().is_none() => refuse("a whole number"),
            "truth" if !scalar.plain || node.truth().is_none() => refuse("true or false"),
            // The API takes no number and no truth for a text, as a program's variable is one.
            "text" if scalar.plain && (node.truth().is_some() || is_number(&scalar.text)) => {
                refuse(&format!("a text: write \"{}\" in quotes", scalar.text));
            }
            _ => {}
        }
        return;
    };
    let NodeContent::Mapping(entries) = &node.data else { return refuse("a mapping") };
    for (key, value) in entries {
        let Some(name) = key.text().filter(|name| !name.starts_with('$')) else { continue };
        match fields.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)) {
            Some((_, below)) => {
                way.push(name.to_owned());
                check(value, below, way, faults);
                way.pop();
            }
            None => {
                let kind = FaultKind::UnknownName {
                    name: name.to_owned(),
                    nearest: nearest(name, fields.iter().map(|(own, _)| *own)),
                };
                let message = format!("Kubernetes does not know `{name}` in {}", shown(way));
                faults.push(ParseFault { kind, message, mark: key.mark.clone() });
            }
        }
    }
}

/// Whether a bare word is a number to YAML.
fn is_number(text: &str) -> bool {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    digits.starts_with(|c: char| c.is_ascii_digit() || c == '.')
        && digits.chars().any(|c| c.is_ascii_digit())
        && (digits.parse::<f64>().is_ok()
            || digits.strip_prefix("0x").is_some_and(|hex| u64::from_str_radix(hex, 16).is_ok()))
}

#[cfg(test)]
mod tests {
    use super::super::super::source::Source;
    use super::super::super::yaml::documents;
    use super::*;

    fn said(text: &str) -> Vec<String> {
        let (documents, _) = documents(&Source::file("k.yaml", text));
        let mut faults = Vec::new();
        documents.iter().for_each(|one| validate(one, &mut faults));
        faults.iter().map(|one| format!("{}: {}", one.mark.line, one.message)).collect()
    }

    #[test]
    fn names_and_types_are_the_apis() {
        const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata: {name: a, labels: {on: \"yes\"}}\nspec:\n";
        for (spec, wanted) in [
            (
                "  containers: [{name: a, imgae: x}]\n",
                Some("5: Kubernetes does not know `imgae` in `spec.containers`"),
            ),
            ("  containers: {name: a}\n", Some("5: `spec.containers` must be a list")),
            ("  hostNetwork: perhaps\n", Some("5: `spec.hostNetwork` must be true or false")),
            (
                "  containers: [{ports: [{containerPort: \"80\"}]}]\n",
                Some("5: `spec.containers.ports.containerPort` must be a whole number"),
            ),
            (
                "  containers:\n  - env: [{name: A, value: [b]}]\n",
                Some("6: `spec.containers.env.value` must be one value"),
            ),
            (
                "  containers: [{name: a, env: [{name: A, value: \"1\"}, {name: B, value: 1.2.3}, {name: C, value: 1h}], livenessProbe: {httpGet: {port: web}}, resources: {limits: {cpu: 1}}}]\n  volumes: [{secret: {defaultMode: 0400}}]\n",
                None,
            ),
            (
                "  containers:\n  - env:\n    - {name: A, value: \"1\"}\n    - {name: B, value: 8080}\n",
                Some("8: `spec.containers.env.value` must be a text: write \"8080\" in quotes"),
            ),
            (
                "  containers:\n  - env:\n    - {name: B, value: yes}\n",
                Some("7: `spec.containers.env.value` must be a text: write \"yes\" in quotes"),
            ),
            ("  containers: [{$patch: delete, name: a}]\n  hostNetwork: no\n", None),
        ] {
            let all: Vec<String> = wanted.into_iter().map(str::to_owned).collect();
            assert_eq!(said(&format!("{POD}{spec}")), all, "{spec}");
        }
        assert!(said("apiVersion: example.test/v1\nkind: Pod\nspec: {any: thing}\n").is_empty());
    }
}
