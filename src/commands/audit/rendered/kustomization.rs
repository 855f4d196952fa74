//! A kustomization: built by kubectl or kustomize, or its resources as they are.

use tls_verify_core::manifest::kustomize::PatchOperation;
use tls_verify_core::manifest::yaml::{Node, NodeContent};
use tls_verify_core::manifest::{
    Description, FaultKind, GeneratedObject, Mark, ParseFault, Source, StoredKind, kubernetes, kustomize,
};

use super::super::disk::Disk;
use super::super::programs::{self, Refused};

/// One as a deployment.
pub(in super::super) fn kustomization(disk: &Disk, folder: &str, path: Option<&str>) -> Description {
    let start =
        kustomize::read(disk, folder).map_or_else(|| Mark::start(folder), |(path, _)| Mark::start(&path));
    if let Some((mark, why)) = kustomize::remote(disk, folder) {
        return unbuilt(disk, folder, mark, &why);
    }
    let place = programs::folder(folder);
    let program = programs::found("kubectl", path)
        .map(|program| (program, ["kustomize", &place]))
        .or_else(|| programs::found("kustomize", path).map(|program| (program, ["build", &place])));
    let Some((program, arguments)) = program else {
        return unbuilt(disk, folder, start, "neither kubectl nor kustomize is on PATH");
    };
    match programs::output(&program, &arguments, path) {
        Ok(text) => built(disk, folder, &text, &start),
        Err(Refused::Unfit(why)) => unbuilt(disk, folder, start, &why),
        Err(Refused::Failed(said)) => refused(disk, folder, start, &said),
    }
}

/// Its resources without its patches, and that this is so.
fn unbuilt(disk: &Disk, folder: &str, mark: Mark, why: &str) -> Description {
    let mut description = kustomize::unbuilt(disk, folder);
    let what = format!(
        "the kustomization is not built ({why}): its resources are read as they are, without its patches"
    );
    let how = format!("kubectl kustomize {} | tls-verify audit -", programs::folder(folder));
    description.faults.push(ParseFault::undecided(mark, what, how));
    description
}

/// What is wrong with it hides nothing of what can be read.
fn refused(disk: &Disk, folder: &str, start: Mark, said: &str) -> Description {
    let mut description = kustomize::unbuilt(disk, folder);
    // Where one of its files cannot be read, that is what it stumbled over.
    if !description.faults.iter().any(|one| one.kind == FaultKind::Unreadable) {
        let line = said.lines().next().unwrap_or("it does not say why");
        description
            .faults
            .push(ParseFault::unreadable(start, format!("kustomize does not build it: {line}")));
    }
    description
}

/// What kustomize built; places become those of the resource or patch that the value stands in.
fn built(disk: &Disk, folder: &str, text: &str, start: &Mark) -> Description {
    let (mut objects, faults) = kubernetes::objects(&Source::file(folder, text));
    let origins = kustomize::inputs(disk, folder);
    for object in &mut objects {
        let kind = object.text_at(&["kind"]).unwrap_or_default().to_owned();
        let name = object.text_at(&["metadata", "name"]).unwrap_or_default().to_owned();
        // Prefixes, suffixes and hashes may stand round the name.
        let mut of: Vec<&Node> = origins
            .objects
            .iter()
            .filter(|one| one.text_at(&["kind"]) == Some(&kind))
            .filter(|one| one.text_at(&["metadata", "name"]).is_some_and(|base| name.contains(base)))
            .rev()
            .collect();
        // The one whose name is nearest to it is meant.
        let longest = |one: &&Node| one.text_at(&["metadata", "name"]).map_or(0, str::len);
        let most = of.iter().map(longest).max().unwrap_or(0);
        of.retain(|one| longest(one) == most);
        let operations = origins.operations.iter().filter(|one| one.is_for(&kind, &name)).collect();
        let put = Put { values: &origins.values, operations };
        trace(object, &of, &put, start);
    }
    let mut description = kubernetes::describe(&objects, folder);
    description.faults.extend(faults);
    description.read.extend(origins.read);
    description.read.insert(start.file.to_string());
    description
}

/// A base that others of the look take in is given what they make: by itself it is not all of it.
pub(in super::super) fn lend(disk: &Disk, descriptions: &mut [Description], folders: &[String]) {
    for taker in folders {
        let bases = kustomize::folders(disk, taker);
        let made: Vec<(StoredKind, String)> = kustomize::inputs(disk, taker)
            .objects
            .iter()
            .filter_map(|one| {
                let kind = match one.text_at(&["kind"])? {
                    "Secret" => StoredKind::Secret,
                    "ConfigMap" => StoredKind::ConfigMap,
                    _ => return None,
                };
                Some((kind, one.text_at(&["metadata", "name"])?.to_owned()))
            })
            .collect();
        let base = |one: &&mut Description| one.source != *taker && bases.contains(&one.source);
        for description in descriptions.iter_mut().filter(base) {
            let spaces: std::collections::BTreeSet<String> =
                description.workloads.iter().filter_map(|one| one.namespace.clone()).collect();
            for namespace in &spaces {
                description.made.extend(made.iter().map(|(kind, name)| GeneratedObject {
                    kind: *kind,
                    namespace: namespace.clone(),
                    name: name.clone(),
                    names: Vec::new(),
                }));
            }
        }
    }
}

/// What operations on paths put into an object.
struct Put<'a> {
    values: &'a [Node],
    operations: Vec<&'a PatchOperation>,
}

impl<'a> Put<'a> {
    /// The last operation that puts a value at a key; without one: into a list.
    fn at(&self, key: Option<&str>, value: &Node) -> Option<&'a Node> {
        let own = |one: &&&PatchOperation| match key {
            Some(key) => one.key == key,
            None => one.key == "-" || one.key.parse::<u32>().is_ok(),
        };
        let mut operations = self.operations.iter().rev().filter(own);
        operations.find(|one| one.value.json() == value.json()).map(|one| &one.value)
    }
}

/// Gives every node the place of the one that it came from: patches before what they patch, and what stands at its
/// place nowhere with the same value is what an operation on a path put in, where one has that value.
fn trace(node: &mut Node, from: &[&Node], put: &Put<'_>, otherwise: &Mark) {
    let own = from.iter().find(|one| match (&one.data, &node.data) {
        (NodeContent::Scalar(_), NodeContent::Scalar(_)) => one.text() == node.text(),
        (NodeContent::Sequence(_), NodeContent::Sequence(_))
        | (NodeContent::Mapping(_), NodeContent::Mapping(_)) => true,
        _ => false,
    });
    let put_in = || put.values.iter().rev().find(|one| node.text().is_some() && one.text() == node.text());
    let own = own.copied().or_else(put_in);
    let mark = own.map_or_else(|| otherwise.clone(), |one| one.mark.clone());
    let block = match own.map(|one| &one.data) {
        Some(NodeContent::Scalar(scalar)) => scalar.block,
        _ => None,
    };
    node.mark = mark.clone();
    match &mut node.data {
        NodeContent::Scalar(scalar) => scalar.block = block,
        NodeContent::Mapping(entries) => {
            for (key, value) in entries {
                let name = key.text().unwrap_or_default().to_owned();
                let below: Vec<(&Node, &Node)> = from.iter().filter_map(|one| one.entry(&name)).collect();
                let mut below_it: Vec<&Node> = below.iter().map(|(_, value)| *value).collect();
                let added = put.at(Some(&name), value).filter(|_| below.is_empty());
                let said = below.first().map(|(key, _)| &key.mark).or(added.map(|one| &one.mark));
                key.mark = said.unwrap_or(&mark).clone();
                below_it.extend(added);
                let fallback = key.mark.clone();
                trace(value, &below_it, put, &fallback);
            }
        }
        NodeContent::Sequence(items) => {
            for (at, item) in items.iter_mut().enumerate() {
                let named = |one: &Node| {
                    ["name", "mountPath", "containerPort", "key", "port"]
                        .iter()
                        .find_map(|key| one.text_at(&[key]).map(str::to_owned))
                };
                let identity = named(item).or_else(|| item.text().map(str::to_owned));
                let mut below: Vec<&Node> = from
                    .iter()
                    .filter_map(|one| match &identity {
                        Some(identity) => one.items().iter().find(|have| {
                            named(have).as_ref() == Some(identity) || have.text() == Some(identity)
                        }),
                        None => one.items().get(at),
                    })
                    .collect();
                below.extend(put.at(None, item).filter(|_| below.is_empty()));
                trace(item, &below, put, &mark);
            }
        }
    }
}
