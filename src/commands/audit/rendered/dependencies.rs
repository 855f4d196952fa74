//! The charts that a chart is made of.

use std::collections::BTreeMap;

use tls_verify_core::manifest::yaml::{self, Node};
use tls_verify_core::manifest::{Files, Source, files};

use super::super::disk::Disk;

/// The charts below a chart, by the names that its values have them under.
#[derive(Default)]
pub(super) struct Dependencies {
    /// Folder below `charts/` by name: another one where there is an alias.
    folders: BTreeMap<String, String>,
    /// Values that say whether a chart is there at all.
    pub(super) conditions: Vec<String>,
    /// Some are packed, and cannot be looked into.
    pub(super) packed: bool,
    /// Folders of charts that deploy nothing themselves: what they read are the values of whom they serve.
    pub(super) libraries: Vec<String>,
}

impl Dependencies {
    pub(super) fn of(disk: &Disk, folder: &str) -> Self {
        let chart = document(disk, &files::join(folder, "Chart.yaml"));
        let wanted =
            chart.as_ref().and_then(|one| one.get("dependencies")).map(Node::items).unwrap_or_default();
        let mut all = Self::default();
        let charts = files::join(folder, "charts");
        for name in disk.list(&charts) {
            all.packed |= name.ends_with(".tgz");
            let own = document(disk, &files::join(&charts, &format!("{name}/Chart.yaml")));
            let Some(own) = own else { continue };
            if own.text_at(&["type"]) == Some("library") {
                all.libraries.push(files::join(&charts, &name));
            }
            all.folders.insert(own.text_at(&["name"]).unwrap_or(&name).to_owned(), name);
        }
        for one in wanted {
            let Some(name) = one.text_at(&["name"]) else { continue };
            let conditions = one.text_at(&["condition"]).unwrap_or_default().split(',');
            all.conditions.extend(conditions.map(|one| one.trim().to_owned()));
            if let Some(alias) = one.text_at(&["alias"]) {
                let folder = all.folders.get(name).cloned().unwrap_or_else(|| name.to_owned());
                all.folders.insert(alias.to_owned(), folder);
            }
        }
        all
    }

    /// Name and folder of each.
    pub(super) fn folders(&self) -> impl Iterator<Item = (&String, &String)> {
        self.folders.iter()
    }

    /// Whether values below this name are those of one of them.
    pub(super) fn has(&self, name: &str) -> bool {
        self.folders.contains_key(name)
    }

    /// The name that its values have, by its folder; of several the alias.
    pub(super) fn name_of<'a>(&'a self, folder: &'a str) -> &'a str {
        let mut names = self.folders.iter().filter(|(_, own)| *own == folder).map(|(name, _)| name.as_str());
        let alias = names.clone().find(|name| *name != folder);
        alias.or_else(|| names.next()).unwrap_or(folder)
    }

    /// The way to a template as it lies there: helm names it by its alias.
    pub(super) fn folder_of(&self, path: &str) -> String {
        let inner = path.strip_prefix("charts/").and_then(|rest| rest.split_once('/'));
        match inner.and_then(|(name, rest)| Some((self.folders.get(name)?, rest))) {
            Some((folder, rest)) => format!("charts/{folder}/{rest}"),
            None => path.to_owned(),
        }
    }
}

fn document(disk: &Disk, path: &str) -> Option<Node> {
    let text = disk.text(path).ok()?;
    let (documents, _) = yaml::documents(&Source::file(path, &text));
    documents.into_iter().next()
}
