//! Manifests that a program rendered: where their settings come from, as far as that can be traced.

use std::collections::BTreeMap;

use tls_verify_core::manifest::yaml::{self, Data, Node};
use tls_verify_core::manifest::{
    Description, Fault, FaultKind, Files, Mark, Source, discover, files, kubernetes,
};

use super::disk::Disk;

/// What `helm template` printed; places become those of the templates.
pub(super) fn chart(disk: &Disk, folder: &str, text: &str) -> Description {
    let (mut objects, faults) = kubernetes::objects(&Source::file(folder, text));
    let lines: Vec<&str> = text.lines().collect();
    let mut templates: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for object in &mut objects {
        let before = lines.iter().take(object.mark.line as usize).rev();
        let source = before.clone().find_map(|line| line.strip_prefix("# Source: "));
        let inner = source.and_then(|source| source.split_once('/')).map_or("", |(_, path)| path);
        let file = files::join(folder, inner);
        let template = templates.entry(file.clone()).or_insert_with(|| {
            disk.text(&file).unwrap_or_default().lines().map(|line| line.trim().to_owned()).collect()
        });
        relocate(object, &|mark| {
            let line = lines.get(mark.line as usize - 1).map_or("", |line| line.trim());
            Mark { file: file.as_str().into(), line: nearest(template, line), column: 0 }
        });
    }
    let mut description = kubernetes::describe(&objects, folder);
    description.faults.extend(faults);
    description.read.extend(templates.into_keys());
    description.faults.extend(unused_values(disk, folder));
    description
}

/// The line of a template that became a rendered one: the same text, else the same key, where only one has it.
fn nearest(template: &[String], line: &str) -> u32 {
    let number = |at: usize| u32::try_from(at).unwrap_or(0) + 1;
    let only = |is: &dyn Fn(&str) -> bool| {
        let mut found = template.iter().enumerate().filter(|(_, text)| is(text));
        match (found.next(), found.next()) {
            (Some((at, _)), None) => Some(number(at)),
            _ => None,
        }
    };
    if line.is_empty() {
        return 0;
    }
    let key = line.split(':').next().unwrap_or_default().to_owned() + ":";
    only(&|text| text == line).or_else(|| only(&|text| key.len() > 1 && text.starts_with(&key))).unwrap_or(0)
}

fn relocate(node: &mut Node, to: &dyn Fn(&Mark) -> Mark) {
    node.mark = to(&node.mark);
    match &mut node.data {
        Data::Scalar(scalar) => scalar.block = None,
        Data::Sequence(items) => items.iter_mut().for_each(|item| relocate(item, to)),
        Data::Mapping(entries) => {
            for (key, value) in entries {
                relocate(key, to);
                relocate(value, to);
            }
        }
    }
}

/// Values that no template names. A template that takes all values, or a part of them by a name that is made up,
/// hides which are read: then nothing below that part is told.
fn unused_values(disk: &Disk, folder: &str) -> Vec<Fault> {
    let path = files::join(folder, "values.yaml");
    let Ok(text) = disk.text(&path) else { return Vec::new() };
    let (documents, _) = yaml::documents(&Source::file(&path, &text));
    let Some(values) = documents.into_iter().next() else { return Vec::new() };
    let mut all = String::new();
    gather(disk, &files::join(folder, "templates"), 0, &mut all);
    let used = names(&all);
    let mut unused = Vec::new();
    let mut way = Vec::new();
    leaves(&values, &mut way, &used, &mut unused);
    unused
        .into_iter()
        // What a subchart reads is its own matter.
        .filter(|(name, _)| {
            let first = name.split('.').next().unwrap_or_default();
            first != "global" || disk.meta(&files::join(folder, "charts")).is_none()
        })
        .filter(|(name, _)| {
            let first = name.split('.').next().unwrap_or_default();
            disk.meta(&files::join(folder, &format!("charts/{first}"))).is_none()
        })
        .map(|(name, mark)| Fault {
            kind: FaultKind::UnusedValue { name: name.clone() },
            message: format!("no template reads `.Values.{name}`"),
            mark,
        })
        .collect()
}

fn gather(disk: &Disk, folder: &str, depth: usize, all: &mut String) {
    for name in disk.list(folder) {
        let path = files::join(folder, &name);
        if depth < 6 {
            gather(disk, &path, depth + 1, all);
        }
        if let Ok(text) = disk.text(&path) {
            all.push_str(&text);
            all.push('\n');
        }
    }
}

/// The paths behind `.Values`, in a template's text; `*`: all of them.
fn names(text: &str) -> Vec<String> {
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

/// What kustomize built; places become those of the resource or patch that the value stands in.
pub(super) fn kustomization(disk: &Disk, folder: &str, text: &str) -> Description {
    let (mut objects, faults) = kubernetes::objects(&Source::file(folder, text));
    let mut sources: Vec<Node> = Vec::new();
    let mut read = Vec::new();
    for path in discover::kustomize_files(disk, folder) {
        let Ok(text) = disk.text(&path) else { continue };
        let (more, _) = kubernetes::objects(&Source::file(&path, &text));
        sources.extend(more);
        read.push(path);
    }
    let own = discover::kustomization(disk, folder)
        .map_or_else(|| Mark::start(folder), |(path, _)| Mark::start(&path));
    for object in &mut objects {
        let kind = object.text_at(&["kind"]).unwrap_or_default().to_owned();
        let name = object.text_at(&["metadata", "name"]).unwrap_or_default().to_owned();
        // Prefixes, suffixes and hashes may stand round the name.
        let of: Vec<&Node> = sources
            .iter()
            .filter(|one| one.text_at(&["kind"]) == Some(&kind))
            .filter(|one| one.text_at(&["metadata", "name"]).is_some_and(|base| name.contains(base)))
            .rev()
            .collect();
        trace(object, &of, &own);
    }
    let mut description = kubernetes::describe(&objects, folder);
    description.faults.extend(faults);
    description.read.extend(read);
    description.read.insert(own.file.to_string());
    description
}

/// Gives every node the place of the one that it came from: patches before what they patch.
fn trace(node: &mut Node, from: &[&Node], otherwise: &Mark) {
    let own = from.iter().find(|one| match (&one.data, &node.data) {
        (Data::Scalar(_), Data::Scalar(_)) => one.text() == node.text(),
        (Data::Sequence(_), Data::Sequence(_)) | (Data::Mapping(_), Data::Mapping(_)) => true,
        _ => false,
    });
    let mark = own.map_or_else(|| otherwise.clone(), |one| one.mark.clone());
    let block = match own.map(|one| &one.data) {
        Some(Data::Scalar(scalar)) => scalar.block,
        _ => None,
    };
    node.mark = mark.clone();
    match &mut node.data {
        Data::Scalar(scalar) => scalar.block = block,
        Data::Mapping(entries) => {
            for (key, value) in entries {
                let name = key.text().unwrap_or_default().to_owned();
                let below: Vec<(&Node, &Node)> = from.iter().filter_map(|one| one.entry(&name)).collect();
                key.mark = below.first().map_or_else(|| mark.clone(), |(key, _)| key.mark.clone());
                let values: Vec<&Node> = below.iter().map(|(_, value)| *value).collect();
                let fallback = key.mark.clone();
                trace(value, &values, &fallback);
            }
        }
        Data::Sequence(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                let named = |one: &Node| {
                    ["name", "mountPath", "containerPort", "key", "port"]
                        .iter()
                        .find_map(|key| one.text_at(&[key]).map(str::to_owned))
                };
                let identity = named(item).or_else(|| item.text().map(str::to_owned));
                let below: Vec<&Node> = from
                    .iter()
                    .filter_map(|one| match &identity {
                        Some(identity) => one.items().iter().find(|have| {
                            named(have).as_ref() == Some(identity) || have.text() == Some(identity)
                        }),
                        None => one.items().get(at),
                    })
                    .collect();
                trace(item, &below, &mark);
            }
        }
    }
}
