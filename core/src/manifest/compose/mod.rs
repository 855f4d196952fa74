//! Compose files, by Compose's own rules: which files, how they are filled in, extended, included and laid over
//! one another.

mod grammar;
mod merge;
mod normal;
mod schema;
mod service;
mod shapes;

use std::collections::{BTreeMap, BTreeSet};

use super::description::Description;
use super::env_file;
use super::files::{Files, Unread, join, parent};
use super::interpolate;
use super::source::{Mark, ParseFault, Source};
use super::yaml::{self, Node, NodeContent};

/// The names that Compose looks for, best first.
pub const NAMES: [&str; 4] = ["compose.yaml", "compose.yml", "docker-compose.yml", "docker-compose.yaml"];
/// What it lays over them by itself.
pub const OVERRIDES: [&str; 4] = [
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
];
/// Files that one project may be made of.
const FILES: usize = 200;

/// Which files make a project, and what is known of its variables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Request {
    /// The folder that paths begin at.
    pub folder: String,
    /// Compose files, in their order.
    pub files: Vec<String>,
    /// What stands in for `.env`.
    pub env_files: Vec<String>,
}

/// The files of a folder that Compose takes without being told.
#[must_use]
pub fn found_in(folder: &str, names: &[String]) -> Vec<String> {
    let Some(main) = NAMES.iter().find(|name| names.iter().any(|have| have == *name)) else {
        return Vec::new();
    };
    let over = OVERRIDES.iter().find(|name| names.iter().any(|have| have == *name));
    std::iter::once(main).chain(over).map(|name| join(folder, name)).collect()
}

/// What `.env` (or what stands in for it) says.
#[must_use]
pub fn variables(request: &Request, files: &dyn Files) -> (BTreeMap<String, String>, Vec<ParseFault>) {
    let mut known = BTreeMap::new();
    let mut faults = Vec::new();
    let own = vec![join(&request.folder, ".env")];
    for path in if request.env_files.is_empty() { &own } else { &request.env_files } {
        let Ok(text) = files.text(path) else { continue };
        let (entries, more) = env_file::read(&Source::file(path, &text), &|_| None);
        faults.extend(more);
        for entry in entries {
            if let Some(value) = entry.value {
                known.insert(entry.name, value);
            }
        }
    }
    (known, faults)
}

struct Loader<'a> {
    files: &'a dyn Files,
    variables: BTreeMap<String, String>,
    faults: Vec<ParseFault>,
    read: BTreeSet<String>,
    included: BTreeSet<String>,
}

/// The sections of a project that are read.
#[derive(Clone, Debug, Default)]
struct Project {
    name: Option<String>,
    services: Vec<(String, Node, Mark)>,
    configs: Vec<(String, Node)>,
    secrets: Vec<(String, Node)>,
    volumes: Vec<(String, Node)>,
}

/// Reads a project.
#[must_use]
pub fn load(request: &Request, files: &dyn Files) -> Description {
    let (variables, faults) = variables(request, files);
    let mut loader = Loader { files, variables, faults, read: BTreeSet::new(), included: BTreeSet::new() };
    let mut whole: Option<Node> = None;
    for path in &request.files {
        if let Some(node) = loader.file(path, &request.folder, 0) {
            whole = match whole {
                Some(base) => merge::merge(base, node, ""),
                None => Some(node),
            };
        }
    }
    let project = whole.map(|node| loader.project(node)).unwrap_or_default();
    let source = request.files.first().cloned().unwrap_or_default();
    let mut description = service::describe(&project, &mut loader, &source);
    description.faults = loader.faults;
    description.read = loader.read;
    description.included = loader.included;
    description
}

impl Loader<'_> {
    fn lookup(&self) -> impl Fn(&str) -> Option<String> + '_ {
        |name: &str| self.variables.get(name).cloned()
    }

    /// A file, filled in, with what it includes laid under it.
    fn file(&mut self, path: &str, base: &str, depth: usize) -> Option<Node> {
        if self.read.len() >= FILES || depth > 20 {
            self.faults.push(ParseFault::unreadable(Mark::start(path), "too many files include one another"));
            return None;
        }
        let text = match self.files.text(path) {
            Ok(text) => text,
            Err(why) => {
                let words = unread(&why);
                // The look's bounds are no fault of the file.
                let fault = match why {
                    Unread::TooLarge => {
                        let how = format!("look at {} alone", parent(path));
                        ParseFault::undecided(Mark::start(path), format!("{path}: {words}"), how)
                    }
                    _ => ParseFault::unreadable(Mark::start(path), words),
                };
                self.faults.push(fault);
                return None;
            }
        };
        self.read.insert(path.to_owned());
        let (documents, faults) = yaml::documents(&Source::file(path, &text));
        self.faults.extend(faults);
        let mut whole: Option<Node> = None;
        for mut document in documents {
            if document.is_null() {
                continue;
            }
            if !document.is_mapping() {
                let fault =
                    ParseFault::unreadable(document.mark.clone(), "a Compose file is a mapping at its top");
                self.faults.push(fault);
                continue;
            }
            self.fill(&mut document);
            schema::validate(&document, &mut self.faults);
            normalise(&mut document, base);
            whole = match whole {
                Some(first) => merge::merge(first, document, ""),
                None => Some(document),
            };
        }
        let node = whole?;
        let includes: Vec<Node> = node.get("include").map(|one| one.items().to_vec()).unwrap_or_default();
        let mut under: Option<Node> = None;
        for include in includes {
            for node in self.include(&include, base, depth) {
                under = match under {
                    Some(first) => merge::merge(first, node, ""),
                    None => Some(node),
                };
            }
        }
        match under {
            Some(under) => merge::merge(under, node, ""),
            None => Some(node),
        }
    }

    /// `include: [path]`, `include: [{path, project_directory, env_file}]`: a project of its own.
    fn include(&mut self, include: &Node, base: &str, depth: usize) -> Vec<Node> {
        let texts = |node: Option<&Node>| -> Vec<String> {
            let Some(node) = node else { return Vec::new() };
            let list = node.items().iter().filter_map(Node::text).map(str::to_owned);
            node.text().map(str::to_owned).into_iter().chain(list).collect()
        };
        let paths = if include.is_mapping() { texts(include.get("path")) } else { texts(Some(include)) };
        let paths: Vec<String> = paths.iter().map(|path| join(base, path)).collect();
        let Some(first) = paths.first() else { return Vec::new() };
        let folder =
            include.text_at(&["project_directory"]).map_or_else(|| parent(first), |one| join(base, one));
        let env_files = texts(include.get("env_file")).iter().map(|path| join(base, path)).collect();
        let request = Request { folder: folder.clone(), files: paths.clone(), env_files };
        let (mut more, faults) = variables(&request, self.files);
        self.faults.extend(faults);
        // What the outer project says wins.
        more.extend(self.variables.clone());
        let before = std::mem::replace(&mut self.variables, more);
        let mut nodes = Vec::new();
        for path in &paths {
            if self.read.contains(path) {
                self.faults.push(ParseFault::unreadable(
                    include.mark.clone(),
                    format!("{path} includes itself, or is included twice"),
                ));
                continue;
            }
            self.included.insert(path.clone());
            nodes.extend(self.file(path, &folder, depth + 1));
        }
        self.variables = before;
        nodes
    }

    fn fill(&mut self, node: &mut Node) {
        match &mut node.data {
            NodeContent::Scalar(scalar) if scalar.text.contains('$') => {
                let filled = interpolate::fill(&scalar.text, &self.lookup());
                match filled {
                    Ok(filled) => {
                        scalar.text = std::sync::Arc::from(filled.text);
                        scalar.defaulted = filled.by_default;
                    }
                    Err(why) => self.faults.push(ParseFault::unreadable(node.mark.clone(), why)),
                }
            }
            NodeContent::Scalar(_) => {}
            NodeContent::Sequence(items) => items.iter_mut().for_each(|item| self.fill(item)),
            NodeContent::Mapping(entries) => entries.iter_mut().for_each(|(_, value)| self.fill(value)),
        }
    }

    fn project(&mut self, mut whole: Node) -> Project {
        let name = whole.text_at(&["name"]).map(str::to_owned);
        let mut entries = |section: &str| match normal::child(&mut whole, section).map(|node| &mut node.data)
        {
            Some(NodeContent::Mapping(entries)) => std::mem::take(entries),
            _ => Vec::new(),
        };
        let named = |(key, value): (Node, Node)| Some((key.text()?.to_owned(), value));
        let services: Vec<(String, Node, Mark)> = entries("services")
            .into_iter()
            .filter(|(_, value)| value.is_mapping())
            .filter_map(|(key, value)| Some((key.text()?.to_owned(), value, key.mark.clone())))
            .collect();
        let mut section = |name: &str| entries(name).into_iter().filter_map(named).collect::<Vec<_>>();
        let (configs, secrets, volumes) = (section("configs"), section("secrets"), section("volumes"));
        let extends = services.iter().any(|(_, node, _)| node.get("extends").is_some());
        let all: BTreeMap<String, Node> =
            services.iter().filter(|_| extends).map(|(name, node, _)| (name.clone(), node.clone())).collect();
        let services = services
            .into_iter()
            .map(|(name, node, mark)| {
                let way = vec![(mark.file.to_string(), name.clone())];
                let node = self.extended(node, &all, &way);
                (name, node, mark)
            })
            .collect();
        Project { name, services, configs, secrets, volumes }
    }

    /// A service with what it extends laid under it.
    fn extended(&mut self, node: Node, siblings: &BTreeMap<String, Node>, way: &[(String, String)]) -> Node {
        let Some(extends) = node.get("extends").cloned() else { return node };
        let Some(service) = extends.text().or_else(|| extends.text_at(&["service"])).map(str::to_owned)
        else {
            return node;
        };
        let file = extends.text_at(&["file"]).map(str::to_owned);
        let here = way.last().map(|(file, _)| file.clone()).unwrap_or_default();
        let step = (file.clone().unwrap_or(here), service.clone());
        if way.contains(&step) || way.len() > 20 {
            let fault = ParseFault::unreadable(
                extends.mark.clone(),
                format!("`{service}` extends itself, by a detour"),
            );
            self.faults.push(fault);
            return node;
        }
        let way: Vec<_> = way.iter().cloned().chain([step]).collect();
        let found = match file {
            None => siblings.get(&service).cloned().map(|one| self.extended(one, siblings, &way)),
            Some(file) => {
                let folder = parent(&file);
                self.file(&file, &folder, 1).and_then(|document| {
                    let entries = document.get("services").map(Node::entries).unwrap_or_default();
                    let all: BTreeMap<String, Node> = entries
                        .iter()
                        .filter_map(|(key, value)| Some((key.text()?.to_owned(), value.clone())))
                        .collect();
                    all.get(&service).cloned().map(|one| self.extended(one, &all, &way))
                })
            }
        };
        match found {
            Some(under) => merge::merge(under, node.clone(), "").unwrap_or(node),
            None => {
                let message = format!("`extends` names the service `{service}`, which is not there");
                self.faults.push(ParseFault::unreadable(extends.mark.clone(), message));
                node
            }
        }
    }
}

/// The several ways to write a thing become one.
fn normalise(document: &mut Node, base: &str) {
    for (section, each) in [
        ("services", normal::service as fn(&mut Node, &str)),
        ("configs", normal::content),
        ("secrets", normal::content),
    ] {
        let Some(found) = normal::child(document, section) else { continue };
        let NodeContent::Mapping(entries) = &mut found.data else { continue };
        for (_, one) in entries {
            each(one, base);
        }
    }
}

/// Why a file is not read, for people.
#[must_use]
pub fn unread(why: &Unread) -> String {
    match why {
        Unread::Missing => "the file is not there".to_owned(),
        Unread::NoFile => {
            "it is no file that may be read here (a folder, a socket, a link out of the folder)".to_owned()
        }
        Unread::Forbidden => "it may not be read: permission denied".to_owned(),
        Unread::TooLarge => "it is larger than what is read of one look".to_owned(),
        Unread::Other(why) => format!("it cannot be read: {why}"),
    }
}
