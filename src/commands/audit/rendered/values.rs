//! The values of a chart, and which of them no template reads.

use tls_verify_core::manifest::yaml::{self, Node};
use tls_verify_core::manifest::{FaultKind, Files, Mark, ParseFault, Source, files};

use super::super::disk::Disk;
use super::dependencies::Dependencies;

/// Values that no template names. A template that takes all values, or a part of them by a name that is made up,
/// hides which are read: then nothing below that part is told.
pub(super) fn unused(disk: &Disk, folder: &str) -> Vec<ParseFault> {
    let path = files::join(folder, "values.yaml");
    let Ok(text) = disk.text(&path) else { return Vec::new() };
    let (documents, _) = yaml::documents(&Source::file(&path, &text));
    let Some(values) = documents.into_iter().next() else { return Vec::new() };
    let parts = Dependencies::of(disk, folder);
    if parts.packed {
        // Nobody knows what a chart reads that is not looked into.
        return Vec::new();
    }
    // Values that are templates themselves, and files that are made into some, read others.
    let mut all = text.clone();
    for name in disk.list(folder).into_iter().filter(|name| name != "charts" && !name.ends_with(".md")) {
        collect_text(disk, &files::join(folder, &name), 0, &mut all);
    }
    for library in &parts.libraries {
        collect_text(disk, &files::join(library, "templates"), 0, &mut all);
    }
    let mut used = names(&all);
    used.extend(parts.conditions.iter().cloned());
    used.push("tags".to_owned());
    let mut unused = Vec::new();
    let mut way = Vec::new();
    leaves(&values, &mut way, &used, &mut unused);
    unused
        .into_iter()
        // What a subchart reads is its own matter.
        .filter(|(name, _)| {
            let first = name.split('.').next().unwrap_or_default();
            let below = disk.meta(&files::join(folder, "charts")).is_some();
            !(parts.has(first) || (first == "global" && below))
        })
        .map(|(name, mark)| ParseFault {
            kind: FaultKind::UnusedValue { name: name.clone() },
            message: format!("no template reads `.Values.{name}`"),
            mark,
        })
        .collect()
}

fn collect_text(disk: &Disk, path: &str, depth: usize, all: &mut String) {
    if let Ok(text) = disk.text(path) {
        all.push_str(&text);
        all.push('\n');
    } else if depth < 6 {
        for name in disk.list(path) {
            collect_text(disk, &files::join(path, &name), depth + 1, all);
        }
    }
}

/// The paths behind `.Values`, in a template's text; `*`: all of them.
pub(super) fn names(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices(".Values") {
        let rest = &text[at + ".Values".len()..];
        let end =
            rest.find(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '.' | '_')).unwrap_or(rest.len());
        let name = rest[..end].trim_matches('.').to_owned();
        names.push(if name.is_empty() { "*".to_owned() } else { name });
    }
    names
}

fn leaves(node: &Node, way: &mut Vec<String>, used: &[String], unused: &mut Vec<(String, Mark)>) {
    for (key, value) in node.entries() {
        let Some(key_text) = key.text() else { continue };
        way.push(key_text.to_owned());
        let path = way.join(".");
        let deep = value.is_mapping() && !value.entries().is_empty();
        // Read itself, or as a part of what is read as a whole.
        let read = used.iter().any(|one| one == "*" || *one == path || path.starts_with(&format!("{one}.")));
        if !read {
            if deep {
                leaves(value, way, used, unused);
            } else {
                unused.push((path, key.mark.clone()));
            }
        }
        way.pop();
    }
}
