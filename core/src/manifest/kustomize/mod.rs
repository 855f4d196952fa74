//! Kustomizations: what they take in, what they make, and what of them lies elsewhere.

mod inputs;

use std::collections::BTreeSet;

use base64::Engine;

use super::compose::unread;
use super::description::Description;
use super::files::{FileKind, Files, join, name};
use super::kubernetes;
use super::source::{Mark, ParseFault, Source};
use super::yaml::{self, Node, NodeContent};
pub use inputs::{KustomizeInputs, PatchOperation, inputs};

/// So many folders one may take in.
const FOLDERS: usize = 200;

/// Whether a file is one of kustomize's own.
#[must_use]
pub fn is_one(name: &str) -> bool {
    matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}

/// A kustomization and its path.
#[must_use]
pub fn read(files: &dyn Files, folder: &str) -> Option<(String, Node)> {
    let name = files.list(folder).into_iter().find(|one| is_one(one))?;
    let path = join(folder, &name);
    let text = files.text(&path).ok()?;
    let (documents, _) = yaml::documents(&Source::file(&path, &text));
    documents.into_iter().next().map(|node| (path, node))
}

/// Whether it is a part of others and nothing by itself.
#[must_use]
pub fn is_component(files: &dyn Files, folder: &str) -> bool {
    read(files, folder).is_some_and(|(_, node)| node.text_at(&["kind"]) == Some("Component"))
}

/// Files that it reads, patches and those of its bases among them.
#[must_use]
pub fn files(files: &dyn Files, folder: &str) -> Vec<String> {
    let mut all = Vec::new();
    bases(files, folder, true, &mut BTreeSet::new(), &mut all);
    all
}

/// Files with the objects that it takes in, those of its bases among them.
#[must_use]
pub fn resources(files: &dyn Files, folder: &str) -> Vec<String> {
    let mut all = Vec::new();
    bases(files, folder, false, &mut BTreeSet::new(), &mut all);
    all.retain(|path| !is_one(name(path)));
    all
}

/// The folders that it is made of, itself first.
#[must_use]
pub fn folders(files: &dyn Files, folder: &str) -> BTreeSet<String> {
    let mut seen = BTreeSet::new();
    bases(files, folder, false, &mut seen, &mut Vec::new());
    seen
}

fn bases(files: &dyn Files, folder: &str, patches: bool, seen: &mut BTreeSet<String>, all: &mut Vec<String>) {
    if seen.len() > FOLDERS || !seen.insert(folder.to_owned()) {
        return;
    }
    let Some((_, node)) = read(files, folder) else { return };
    for path in references(&node, patches) {
        let path = join(folder, &path);
        match files.meta(&path).map(|meta| meta.kind) {
            Some(FileKind::File) => all.push(path),
            Some(FileKind::Folder) => {
                let own = files.list(&path).into_iter().filter(|one| is_one(one));
                all.extend(own.map(|one| join(&path, &one)));
                bases(files, &path, patches, seen, all);
            }
            _ => {}
        }
    }
}

/// What it refers to.
fn references(node: &Node, patches: bool) -> Vec<String> {
    let mut all = Vec::new();
    let listed = |section: &str| node.get(section).map(Node::items).unwrap_or_default();
    for section in ["resources", "bases", "components", "crds", "patchesStrategicMerge"] {
        let patch = section == "patchesStrategicMerge";
        let paths = listed(section).iter().filter_map(Node::text).filter(|one| !one.contains('\n'));
        all.extend(paths.filter(|_| patches || !patch).map(str::to_owned));
    }
    for section in ["patches", "patchesJson6902"] {
        let paths = listed(section).iter().filter_map(|one| one.text_at(&["path"]));
        all.extend(paths.filter(|_| patches).map(str::to_owned));
    }
    all
}

/// Something of it that lies elsewhere, or is made by another program.
#[must_use]
pub fn remote(files: &dyn Files, folder: &str) -> Option<(Mark, String)> {
    remote_in(files, folder, &mut BTreeSet::new())
}

fn remote_in(files: &dyn Files, folder: &str, seen: &mut BTreeSet<String>) -> Option<(Mark, String)> {
    if seen.len() > FOLDERS || !seen.insert(folder.to_owned()) {
        return None;
    }
    let (_, node) = read(files, folder)?;
    if let Some(charts) = node.get("helmCharts").or_else(|| node.get("helmChartInflationGenerator")) {
        return Some((charts.mark.clone(), "it takes in Helm charts".to_owned()));
    }
    for section in ["generators", "transformers", "validators"] {
        if let Some(one) = node.get(section).filter(|one| !one.items().is_empty()) {
            return Some((one.mark.clone(), format!("it runs {section} of its own")));
        }
    }
    for section in ["resources", "bases", "components"] {
        for one in node.get(section).map(Node::items).unwrap_or_default() {
            let Some(text) = one.text() else { continue };
            let far = text.contains("://")
                || text.contains("?ref=")
                || text.starts_with("git@")
                || ["github.com", "gitlab.com", "bitbucket.org"].iter().any(|host| text.starts_with(host));
            if far {
                return Some((one.mark.clone(), format!("{text} lies elsewhere")));
            }
            let path = join(folder, text);
            if files.meta(&path).is_some_and(|meta| meta.kind == FileKind::Folder)
                && let Some(found) = remote_in(files, &path, seen)
            {
                return Some(found);
            }
        }
    }
    None
}

/// It as a deployment without its program: its resources as they are, what it generates, and no patch.
#[must_use]
pub fn unbuilt(files: &dyn Files, folder: &str) -> Description {
    let mut objects = Vec::new();
    let mut faults = Vec::new();
    for path in resources(files, folder) {
        match files.text(&path) {
            Ok(text) => {
                let (more, bad) = kubernetes::objects(&Source::file(&path, &text));
                objects.extend(more);
                faults.extend(bad);
            }
            Err(why) => faults.push(ParseFault::unreadable(Mark::start(&path), unread(&why))),
        }
    }
    let space = read(files, folder).and_then(|(_, node)| node.text_at(&["namespace"]).map(str::to_owned));
    if let Some(space) = &space {
        objects.iter_mut().for_each(|object| enter(object, space));
    }
    // What is made is made where it is used.
    let spaces: BTreeSet<String> = objects.iter().map(kubernetes::namespace).collect();
    for one in generated(files, folder) {
        for space in &spaces {
            let mut one = one.clone();
            if one.at(&["metadata", "namespace"]).is_none() {
                enter(&mut one, space);
            }
            objects.push(one);
        }
    }
    let mut description = kubernetes::describe(&objects, folder);
    description.faults.extend(faults);
    description
}

/// Puts an object into a namespace.
fn enter(object: &mut Node, space: &str) {
    let NodeContent::Mapping(entries) = &mut object.data else { return };
    let Some((_, about)) = entries.iter_mut().find(|(key, _)| key.text() == Some("metadata")) else { return };
    let mark = about.mark.clone();
    let NodeContent::Mapping(entries) = &mut about.data else { return };
    entries.retain(|(key, _)| key.text() != Some("namespace"));
    entries.push((Node::scalar("namespace", mark.clone()), Node::scalar(space, mark)));
}

/// The ConfigMaps and Secrets that it makes, each value in the line of the file that it is made of; names are those
/// that the others use, without prefix and hash.
#[must_use]
pub fn generated(files: &dyn Files, folder: &str) -> Vec<Node> {
    let mut made = Vec::new();
    for folder in folders(files, folder) {
        if let Some((_, node)) = read(files, &folder) {
            made.extend(made_in(files, &folder, &node));
        }
    }
    made
}

fn made_in(files: &dyn Files, folder: &str, node: &Node) -> Vec<Node> {
    let mut made = Vec::new();
    for (section, kind) in [("configMapGenerator", "ConfigMap"), ("secretGenerator", "Secret")] {
        for one in node.get(section).map(Node::items).unwrap_or_default() {
            made.extend(object(files, folder, one, kind));
        }
    }
    made
}

fn object(files: &dyn Files, folder: &str, of: &Node, kind: &str) -> Option<Node> {
    let own = of.get("name")?;
    let mut entries: Vec<(Node, Node)> = Vec::new();
    let listed = |key: &str| of.get(key).map(Node::items).unwrap_or_default();
    for one in listed("files") {
        let Some(text) = one.text() else { continue };
        let (key, path) = text.split_once('=').unwrap_or((name(text), text));
        let path = join(folder, path);
        let Ok(bytes) = files.read(&path) else { continue };
        let start = Mark::start(&path);
        let value = match (kind, std::str::from_utf8(&bytes)) {
            ("ConfigMap", Ok(text)) => {
                let mut value = Node::scalar(text, start.clone());
                if let NodeContent::Scalar(scalar) = &mut value.data {
                    scalar.block = Some((1, 0));
                }
                value
            }
            // A binary one is of no interest to anybody here.
            ("ConfigMap", Err(_)) => continue,
            _ => encoded(&bytes, &start),
        };
        entries.push((Node::scalar(key, start), value));
    }
    let value = |text: &str, mark: &Mark| match kind {
        "ConfigMap" => Node::scalar(text, mark.clone()),
        _ => encoded(text.as_bytes(), mark),
    };
    for one in listed("literals") {
        let Some((key, text)) = one.text().and_then(|text| text.split_once('=')) else { continue };
        let text = text.trim_matches('\'').trim_matches('"');
        entries.push((Node::scalar(key, one.mark.clone()), value(text, &one.mark)));
    }
    let lists = listed("envs").iter().chain(of.get("env"));
    for path in lists.filter_map(Node::text).map(|path| join(folder, path)) {
        let Ok(text) = files.text(&path) else { continue };
        let source = Source::file(&path, &text);
        for (at, line) in text.lines().enumerate() {
            let Some((key, text)) = line.split_once('=').filter(|_| !line.starts_with('#')) else { continue };
            let mark = source.mark(u32::try_from(at).unwrap_or(u32::MAX - 1) + 1, 1);
            entries.push((Node::scalar(key.trim(), mark.clone()), value(text, &mark)));
        }
    }
    let pair = |key: &str, value: Node| (Node::scalar(key, own.mark.clone()), value);
    let mut about = vec![pair("name", own.clone())];
    if let Some(space) = of.get("namespace") {
        about.push(pair("namespace", space.clone()));
    }
    Some(Node::mapping(
        vec![
            pair("apiVersion", Node::scalar("v1", own.mark.clone())),
            pair("kind", Node::scalar(kind, own.mark.clone())),
            pair("metadata", Node::mapping(about, own.mark.clone())),
            pair("data", Node::mapping(entries, own.mark.clone())),
        ],
        own.mark.clone(),
    ))
}

fn encoded(bytes: &[u8], mark: &Mark) -> Node {
    Node::scalar(&base64::engine::general_purpose::STANDARD.encode(bytes), mark.clone())
}
