//! What lies in a folder: Compose projects, charts, kustomizations, manifests.

use std::collections::{BTreeMap, BTreeSet};

use super::compose::{self, Request};
use super::description::{Description, DescriptionKind};
use super::files::{FileKind, Files, join, name, parent};
use super::source::{Mark, ParseFault, Source};
use super::yaml::{self, Node};
use super::{kubernetes, kustomize};
use crate::workload::{Argument, Container, Mount, MountSource, Place, Value, Workload, WorkloadKind};

/// How deep folders are walked.
const DEPTH: usize = 24;
/// Folders that hold what others wrote, or what is no description.
const SKIPPED: [&str; 8] =
    [".git", ".hg", ".svn", "node_modules", ".terraform", "__pycache__", ".venv", "target"];

/// Something that describes a deployment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discovered {
    Compose(Request),
    /// Files with manifests.
    Manifests(Vec<String>),
    /// The folder of a kustomization.
    Kustomization(String),
    /// The folder of a chart.
    Chart(String),
    /// A configuration that was named alone.
    Alone(String),
}

/// What is known besides the folder.
#[derive(Clone, Debug, Default)]
pub struct Hints {
    pub env_files: Vec<String>,
    /// `COMPOSE_FILE`, where it is set outside.
    pub compose_file: Option<String>,
}

/// Everything in a folder.
#[must_use]
pub fn folder(files: &dyn Files, root: &str, hints: &Hints) -> Vec<Discovered> {
    let mut found = Vec::new();
    let mut manifests = Vec::new();
    walk(files, root, root, hints, 0, &mut found, &mut manifests);
    if !manifests.is_empty() {
        found.push(Discovered::Manifests(manifests));
    }
    found
}

fn walk(
    files: &dyn Files,
    root: &str,
    folder: &str,
    hints: &Hints,
    depth: usize,
    found: &mut Vec<Discovered>,
    manifests: &mut Vec<String>,
) {
    let names = files.list(folder);
    if names.iter().any(|one| one == "Chart.yaml") {
        found.push(Discovered::Chart(folder.to_owned()));
        return;
    }
    let mut used: BTreeSet<String> = BTreeSet::new();
    if let Some(request) = project(files, root, folder, &names, hints) {
        used.extend(request.files.iter().cloned());
        found.push(Discovered::Compose(request));
    }
    if let Some(file) = names.iter().find(|one| kustomize::is_one(one)) {
        used.insert(join(folder, file));
        used.extend(kustomize::files(files, folder));
        // A component is a part of others, and built with them.
        if !kustomize::is_component(files, folder) {
            found.push(Discovered::Kustomization(folder.to_owned()));
        }
    }
    for one in &names {
        let path = join(folder, one);
        match files.meta(&path).map(|meta| meta.kind) {
            // What a link leads to is walked where it lies: links may lead round in a circle.
            Some(FileKind::Folder)
                if depth < DEPTH && !SKIPPED.contains(&one.as_str()) && !files.is_link(&path) =>
            {
                walk(files, root, &path, hints, depth + 1, found, manifests);
            }
            Some(FileKind::File)
                if is_yaml(one)
                    && !used.contains(&path)
                    && files.text(&path).is_ok_and(|text| kubernetes::looks_like_manifest(&text)) =>
            {
                manifests.push(path);
            }
            _ => {}
        }
    }
    if depth == 0 {
        // What a kustomization brings is read with it.
        let brought: BTreeSet<String> = found
            .iter()
            .filter_map(|one| match one {
                Discovered::Kustomization(folder) => Some(kustomize::files(files, folder)),
                _ => None,
            })
            .flatten()
            .collect();
        manifests.retain(|path| !brought.contains(path));
    }
}

fn is_yaml(name: &str) -> bool {
    [".yaml", ".yml", ".json"].iter().any(|end| name.ends_with(end))
}

/// The Compose project of a folder, where there is one.
fn project(files: &dyn Files, root: &str, folder: &str, names: &[String], hints: &Hints) -> Option<Request> {
    let mut request =
        Request { folder: folder.to_owned(), files: Vec::new(), env_files: hints.env_files.clone() };
    let (variables, _) = compose::variables(&request, files);
    let outside = hints.compose_file.as_ref().filter(|_| folder == root);
    let listed = outside.or_else(|| variables.get("COMPOSE_FILE")).filter(|text| !text.is_empty());
    request.files = match listed {
        Some(listed) => {
            let separator = variables.get("COMPOSE_PATH_SEPARATOR").map_or(":", String::as_str);
            listed.split(separator).filter(|one| !one.is_empty()).map(|one| join(folder, one)).collect()
        }
        None => compose::found_in(folder, names),
    };
    (!request.files.is_empty()).then_some(request)
}

/// Manifests as a deployment; where objects stand twice in different folders, each folder is one of its own.
#[must_use]
pub fn manifests(files: &dyn Files, root: &str, paths: &[String]) -> Vec<Description> {
    let mut objects: Vec<Node> = Vec::new();
    let mut faults: Vec<ParseFault> = Vec::new();
    for path in paths {
        match files.text(path) {
            Ok(text) => {
                let (more, bad) = kubernetes::objects(&Source::file(path, &text));
                objects.extend(more);
                faults.extend(bad);
            }
            Err(why) => faults.push(ParseFault::unreadable(Mark::start(path), compose::unread(&why))),
        }
    }
    let identity = |object: &Node| {
        let text = |path: &[&str]| object.text_at(path).unwrap_or_default().to_owned();
        (text(&["kind"]), kubernetes::namespace(object), text(&["metadata", "name"]))
    };
    let folder = |object: &Node| parent(&object.mark.file);
    let mut first: BTreeMap<_, String> = BTreeMap::new();
    let twice = objects.iter().any(|object| {
        let home = folder(object);
        first.insert(identity(object), home.clone()).is_some_and(|before| before != home)
    });
    let mut groups: BTreeMap<String, Vec<Node>> = BTreeMap::new();
    for object in objects {
        let key = if twice { folder(&object) } else { root.to_owned() };
        groups.entry(key).or_default().push(object);
    }
    let source = |key: &str| match paths {
        [one] => one.clone(),
        _ => key.to_owned(),
    };
    let mut all: Vec<Description> =
        groups.iter().map(|(key, objects)| kubernetes::describe(objects, &source(key))).collect();
    match all.first_mut() {
        Some(one) => one.faults.extend(faults),
        None => all.push(Description {
            source: source(root),
            kind: DescriptionKind::Kubernetes,
            faults,
            ..Description::default()
        }),
    }
    all
}

/// What a file is that was named alone.
#[must_use]
pub fn file(files: &dyn Files, path: &str, hints: &Hints) -> Option<Discovered> {
    let text = files.text(path).unwrap_or_default();
    let base = name(path);
    let yaml = is_yaml(base) || path == "-";
    if base == "Chart.yaml" {
        return Some(Discovered::Chart(parent(path)));
    }
    if kustomize::is_one(base) {
        return Some(Discovered::Kustomization(parent(path)));
    }
    if yaml {
        let line = |key: &str| text.lines().any(|line| line.starts_with(key));
        let manifest = line("kind:")
            || line("\"kind\"")
            || line("apiVersion:")
            || text.trim_start().starts_with("{\"apiVersion\"")
            || text.lines().any(|line| line.trim_start().starts_with("\"kind\":"));
        let compose = line("services:")
            || line("include:")
            || (line("\"services\"") || text.trim_start().starts_with('{') && text.contains("\"services\""));
        if !manifest && (compose || compose::NAMES.contains(&base) || compose::OVERRIDES.contains(&base)) {
            let request = Request {
                folder: parent(path),
                files: vec![path.to_owned()],
                env_files: hints.env_files.clone(),
            };
            return Some(Discovered::Compose(request));
        }
        // A named file that cannot be read at all is told so.
        let (documents, faults) = yaml::documents(&Source::file(path, &text));
        let objects = documents.iter().any(kubernetes::is_object);
        return (manifest || objects || !faults.is_empty())
            .then(|| Discovered::Manifests(vec![path.to_owned()]));
    }
    is_configuration(base, &text).then(|| Discovered::Alone(path.to_owned()))
}

fn is_configuration(base: &str, text: &str) -> bool {
    let known = [".conf", ".template", ".cfg"].iter().any(|end| base.ends_with(end));
    known && !text.contains('\0')
}

/// A configuration that stands alone, as a workload that runs it.
#[must_use]
pub fn alone(files: &dyn Files, path: &str) -> Description {
    let text = files.text(path).unwrap_or_default();
    let base = name(path).to_ascii_lowercase();
    let folder = parent(path);
    let place = Place { file: path.into(), line: 1, column: 1 };
    let mut workload = Workload::named(WorkloadKind::Service, "(alone)");
    let mut container =
        Container { name: "(alone)".to_owned(), place: Some(place.clone()), ..Container::default() };
    let word = |text: &str| Argument { value: Value::Known(text.to_owned()), place: Some(place.clone()) };
    let directive = |name: &str| {
        text.lines().any(|line| {
            let line = line.trim_start();
            line.strip_prefix(name).is_some_and(|rest| rest.starts_with([' ', '\t', '{']))
        })
    };
    let nginx = base.contains("nginx")
        || base.ends_with(".template")
        || ["server", "location", "upstream", "http", "events"].iter().any(|one| directive(one))
            && text.contains(';')
            && text.contains('{');
    let redis = base.contains("redis")
        || base.contains("valkey")
        || directive("tls-port")
        || (directive("port") && !text.contains('{'));
    let (target, words) = if nginx && !base.contains("nats") {
        let target = if directive("http") || directive("events") {
            "/etc/nginx/nginx.conf".to_owned()
        } else if base.ends_with(".template") {
            format!("/etc/nginx/templates/{}", name(path))
        } else {
            format!("/etc/nginx/conf.d/{}", name(path))
        };
        (target, vec![word("nginx")])
    } else if redis && !base.contains("nats") {
        (
            format!("/alone/{}", name(path)),
            vec![word("redis-server"), word(&format!("/alone/{}", name(path)))],
        )
    } else {
        let target = format!("/alone/{}", name(path));
        (target.clone(), vec![word("nats-server"), word("-c"), word(&target)])
    };
    container.entrypoint = words;
    let mount = |target: String, source: &str| Mount {
        target,
        source: MountSource::Host(source.to_owned()),
        sub_path: None,
        read_only: true,
        mode: None,
        place: Some(place.clone()),
    };
    container.mounts.push(mount(target.clone(), path));
    // Includes beside it are found beside it.
    if target.starts_with("/alone/") {
        container.mounts.push(mount("/alone".to_owned(), &folder));
    }
    workload.place = Some(place);
    workload.containers.push(container);
    let mut description =
        Description { source: path.to_owned(), kind: DescriptionKind::Files, ..Description::default() };
    description.read.insert(path.to_owned());
    description.workloads.push(workload);
    description
}
