//! What a kustomization builds its objects of, each part where it stands.

use std::collections::BTreeSet;

use super::super::files::{FileKind, Files, join};
use super::super::kubernetes;
use super::super::source::{Mark, Source};
use super::super::yaml::{self, Node, NodeContent};
use super::{FOLDERS, made_in, read};

/// What the objects are made of that it builds.
#[derive(Debug, Default)]
pub struct KustomizeInputs {
    /// Resources, what is generated, and patches: who comes later wins.
    pub objects: Vec<Node>,
    /// Values that operations on paths (JSON 6902) and replacements put in, which way they go is not followed.
    pub values: Vec<Node>,
    /// The operations on paths, with what they are for.
    pub operations: Vec<PatchOperation>,
    pub read: BTreeSet<String>,
}

/// A value that a patch puts at a path.
#[derive(Debug)]
pub struct PatchOperation {
    /// Kind and name of what it is for, as the patch says them; the name may be a pattern.
    target: (Option<String>, Option<String>),
    /// The last part of its path: a key, a number, or `-`.
    pub key: String,
    pub value: Node,
}

impl PatchOperation {
    /// Whether it may be for an object.
    #[must_use]
    pub fn is_for(&self, kind: &str, name: &str) -> bool {
        let (own_kind, own_name) = &self.target;
        let pattern = |text: &str| text.contains(['.', '*', '|', '[', '(', '^', '$']);
        own_kind.as_deref().is_none_or(|own| own == kind || pattern(own))
            && own_name.as_deref().is_none_or(|own| name.contains(own) || pattern(own))
    }
}

/// Where the parts of what it builds come from.
#[must_use]
pub fn inputs(files: &dyn Files, folder: &str) -> KustomizeInputs {
    let mut inputs = KustomizeInputs::default();
    inputs.of(files, folder, &mut BTreeSet::new());
    inputs
}

impl KustomizeInputs {
    fn of(&mut self, files: &dyn Files, folder: &str, seen: &mut BTreeSet<String>) {
        if seen.len() > FOLDERS || !seen.insert(folder.to_owned()) {
            return;
        }
        let Some((own, node)) = read(files, folder) else { return };
        self.read.insert(own);
        let listed = |section: &str| node.get(section).map(Node::items).unwrap_or_default();
        for section in ["bases", "resources", "components"] {
            for path in listed(section).iter().filter_map(Node::text).map(|path| join(folder, path)) {
                match files.meta(&path).map(|meta| meta.kind) {
                    Some(FileKind::File) => self.file(files, &path),
                    Some(FileKind::Folder) => self.of(files, &path, seen),
                    _ => {}
                }
            }
        }
        self.objects.extend(made_in(files, folder, &node));
        let patches = listed("patches").iter().chain(listed("patchesJson6902"));
        let said =
            patches.flat_map(|one| [one.get("patch"), one.get("path")].map(|text| (text, one.get("target"))));
        let merged = listed("patchesStrategicMerge").iter().map(|one| (Some(one), None));
        for (one, target) in merged.chain(said) {
            let Some((one, text)) = one.and_then(|one| Some((one, one.text()?))) else { continue };
            let of = |key: &str| target.and_then(|target| target.text_at(&[key])).map(str::to_owned);
            let known = self.operations.len();
            if text.contains('\n') {
                self.patch(&one.source().unwrap_or_else(|| Source::at(&one.mark, text)));
            } else {
                self.file(files, &join(folder, text));
            }
            self.operations[known..].iter_mut().for_each(|one| one.target = (of("kind"), of("name")));
        }
        listed("replacements").iter().for_each(|one| self.replacement(one));
    }

    /// The value that a replacement puts elsewhere stands where it is taken from.
    fn replacement(&mut self, one: &Node) {
        let of = |key: &str| one.text_at(&["source", key]);
        let path: Vec<&str> = of("fieldPath").unwrap_or("metadata.name").split('.').collect();
        let is_it = |object: &&Node| {
            object.text_at(&["kind"]) == of("kind") && object.text_at(&["metadata", "name"]) == of("name")
        };
        let value = self.objects.iter().rev().find(is_it).and_then(|object| object.at(&path)).cloned();
        self.values.extend(value.filter(Node::is_scalar));
    }

    fn file(&mut self, files: &dyn Files, path: &str) {
        let Ok(text) = files.text(path) else { return };
        self.read.insert(path.to_owned());
        self.patch(&Source::file(path, &text));
    }

    fn patch(&mut self, source: &Source) {
        for mut object in kubernetes::objects(source).0 {
            place(&mut object, source);
            self.objects.push(object);
        }
        for mut operations in yaml::documents(source).0.into_iter().filter(Node::is_sequence) {
            place(&mut operations, source);
            for (one, value) in operations.items().iter().filter_map(|one| Some((one, one.get("value")?))) {
                value.scalars(&mut |scalar| self.values.push(scalar.clone()));
                let path = one.text_at(&["path"]).unwrap_or_default();
                let key = path.rsplit('/').next().unwrap_or_default().replace("~1", "/").replace("~0", "~");
                self.operations.push(PatchOperation { target: (None, None), key, value: value.clone() });
            }
        }
    }
}

/// A node of a text that stands inside of another, in the columns of that one.
fn place(node: &mut Node, source: &Source) {
    node.mark = if source.exact {
        Mark { column: node.mark.column + source.indent, ..node.mark.clone() }
    } else {
        source.start.clone()
    };
    match &mut node.data {
        NodeContent::Scalar(scalar) => {
            scalar.block =
                scalar.block.filter(|_| source.exact).map(|(line, indent)| (line, indent + source.indent));
        }
        NodeContent::Sequence(items) => items.iter_mut().for_each(|item| place(item, source)),
        NodeContent::Mapping(entries) => {
            for (key, value) in entries {
                place(key, source);
                place(value, source);
            }
        }
    }
}
