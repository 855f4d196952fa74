//! A service of Compose as a workload.

use std::sync::Arc;

use super::super::description::{Build, Description, DescriptionKind};
use super::super::env_file;
use super::super::files::join;
use super::super::source::{Mark, ParseFault, Source};
use super::super::yaml::{Node, NodeContent};
use super::{Loader, Project, unread};
use crate::workload::{
    Argument, Container, Mount, MountSource, Place, Probe, ProbeAction, ProbeRole, Setting, Template, Value,
    Workload, WorkloadKind, join_networks,
};

/// A project as a description.
pub(super) fn describe(project: &Project, loader: &mut Loader<'_>, source: &str) -> Description {
    let mut description =
        Description { source: source.to_owned(), kind: DescriptionKind::Compose, ..Description::default() };
    for (name, node, mark) in &project.services {
        let mut reader = ServiceReader { project, loader, description: &mut description };
        let workload = reader.workload(name, node, mark);
        description.workloads.push(workload);
    }
    // A link gives its service one more name.
    for (_, node, _) in &project.services {
        let links = node.get("links").map(Node::items).unwrap_or_default();
        for (service, alias) in links.iter().filter_map(Node::text).filter_map(|one| one.split_once(':')) {
            if let Some(workload) = description.workloads.iter_mut().find(|one| one.name == service) {
                workload.aliases.push(alias.to_owned());
            }
        }
    }
    join_networks(&mut description.workloads);
    description
}

struct ServiceReader<'a, 'b> {
    project: &'a Project,
    loader: &'a mut Loader<'b>,
    description: &'a mut Description,
}

impl ServiceReader<'_, '_> {
    fn workload(&mut self, name: &str, node: &Node, mark: &Mark) -> Workload {
        let mut workload = Workload::named(WorkloadKind::Service, name);
        workload.place = Some(mark.place());
        workload.aliases.push(name.to_owned());
        let container_name = node.text_at(&["container_name"]);
        workload
            .aliases
            .extend(container_name.into_iter().chain(node.text_at(&["hostname"])).map(str::to_owned));
        if container_name.is_none()
            && let Some(project) = &self.project.name
        {
            workload.aliases.push(format!("{project}-{name}-1"));
        }
        for (network, settings) in node.get("networks").map(Node::entries).unwrap_or_default() {
            workload.networks.extend(network.text().map(str::to_owned));
            let aliases = settings.get("aliases").map(Node::items).unwrap_or_default();
            workload.aliases.extend(aliases.iter().filter_map(Node::text).map(str::to_owned));
        }
        if workload.networks.is_empty() {
            workload.networks.push("default".to_owned());
        }
        let mode = node.text_at(&["network_mode"]).unwrap_or_default();
        workload.on_host = mode == "host";
        workload.joins =
            ["service:", "container:"].iter().find_map(|kind| mode.strip_prefix(kind)).map(str::to_owned);
        for (key, value) in node.get("labels").map(Node::entries).unwrap_or_default() {
            if let (Some(key), Some(value)) = (key.text(), value.text()) {
                workload.labels.insert(key.to_owned(), value.to_owned());
            }
        }
        workload.wanted =
            node.at(&["deploy", "replicas"]).and_then(Node::number).and_then(|many| u32::try_from(many).ok());
        if let Some(build) = node.get("build") {
            self.build(name, build);
        }
        let profiles = node.get("profiles").map(Node::items).unwrap_or_default();
        if !profiles.is_empty() {
            let names = profiles.iter().filter_map(Node::text).map(str::to_owned).collect();
            self.description.profiles.insert(name.to_owned(), names);
        }
        workload.containers.push(self.container(name, node, mark));
        workload
    }

    fn build(&mut self, name: &str, build: &Node) {
        let Some(context) = build.text_at(&["context"]).filter(|one| !one.contains("://")) else { return };
        let dockerfile = build.text_at(&["dockerfile"]).unwrap_or("Dockerfile");
        let build = Build { context: context.to_owned(), dockerfile: join(context, dockerfile) };
        self.description.builds.insert(name.to_owned(), build);
    }

    fn container(&mut self, name: &str, node: &Node, mark: &Mark) -> Container {
        let user = node.text_at(&["user"]).unwrap_or_default();
        let (user, group) = user.split_once(':').map_or((user, ""), |(user, group)| (user, group));
        let mut container = Container {
            name: name.to_owned(),
            image: node.text_at(&["image"]).map(|image| Value::of(image).marked()),
            user: if user == "root" { Some(0) } else { user.parse().ok() },
            group: if group == "root" { Some(0) } else { group.parse().ok() },
            place: Some(mark.place()),
            ..Container::default()
        };
        container.groups = node
            .get("group_add")
            .map(Node::items)
            .unwrap_or_default()
            .iter()
            .filter_map(|one| one.text()?.parse().ok())
            .collect();
        container.entrypoint = node.get("entrypoint").map(|one| self.words(one)).unwrap_or_default();
        container.arguments = node.get("command").map(|one| self.words(one)).unwrap_or_default();
        container.environment = self.environment(name, node);
        for volume in node.get("volumes").map(Node::items).unwrap_or_default() {
            container.mounts.extend(self.volume(volume));
        }
        for (section, folder) in [("secrets", "/run/secrets"), ("configs", "")] {
            for one in node.get(section).map(Node::items).unwrap_or_default() {
                container.mounts.extend(self.content(section, folder, one));
            }
        }
        for tmpfs in node.get("tmpfs").into_iter().flat_map(|one| {
            one.items().iter().chain(std::iter::once(one)).filter_map(Node::text).map(str::to_owned)
        }) {
            let target = tmpfs.split(':').next().unwrap_or_default().to_owned();
            container.mounts.push(mount(target, MountSource::Empty, None));
        }
        self.ports(node, &mut container);
        container.probes.extend(node.get("healthcheck").and_then(|one| self.health(one)));
        container
    }

    fn ports(&mut self, node: &Node, container: &mut Container) {
        for port in node.get("ports").map(Node::items).unwrap_or_default() {
            let (host, inside) = if port.is_mapping() {
                (
                    port.text_at(&["published"]).map(str::to_owned),
                    port.text_at(&["target"]).map(str::to_owned),
                )
            } else {
                let text = port.text().unwrap_or_default().split('/').next().unwrap_or_default();
                let mut parts = text.rsplit(':');
                let inside = parts.next().map(str::to_owned);
                (parts.next().map(str::to_owned), inside)
            };
            let number = |text: Option<String>| text.and_then(|text| text.parse::<u16>().ok());
            if let Some(inside) = number(inside) {
                container.ports.push(inside);
                container.published.extend(number(host).map(|host| (host, inside)));
            }
        }
        for port in node.get("expose").map(Node::items).unwrap_or_default() {
            let text = port.text().unwrap_or_default().split('/').next().unwrap_or_default();
            container.ports.extend(text.parse::<u16>().ok());
        }
    }

    /// The words of a command: a list, or a text as a shell splits it.
    fn words(&self, node: &Node) -> Vec<Argument> {
        match &node.data {
            NodeContent::Sequence(items) => items
                .iter()
                .filter_map(|item| {
                    Some(Argument { value: Value::of(item.text()?), place: Some(item.mark.place()) })
                })
                .collect(),
            NodeContent::Scalar(scalar) => {
                let words = shlex::split(&scalar.text).unwrap_or_default();
                let text = self.loader.files.text(&node.mark.file).unwrap_or_default();
                let lines: Vec<&str> = text.lines().collect();
                let mut line = node.mark.line;
                words
                    .into_iter()
                    .map(|word| {
                        // A text over several lines: the first line from here on that has the word.
                        let has = |at: &u32| {
                            lines.get(*at as usize - 1).is_some_and(|text| text.contains(word.as_str()))
                        };
                        line = (line..=scalar.end.max(line)).find(has).unwrap_or(line);
                        let column = if line == node.mark.line { node.mark.column } else { 0 };
                        let column = lines
                            .get(line as usize - 1)
                            .and_then(|text| text.find(word.as_str()))
                            .map_or(column, |at| u32::try_from(at).unwrap_or(0) + 1);
                        let place = Place { file: Arc::clone(&node.mark.file), line, column };
                        Argument { value: Value::of(&word), place: Some(place) }
                    })
                    .collect()
            }
            NodeContent::Mapping(_) => Vec::new(),
        }
    }

    /// `env_file` below, `environment` above it.
    fn environment(&mut self, service: &str, node: &Node) -> Vec<Setting> {
        let mut settings: Vec<Setting> = Vec::new();
        let mut put = |setting: Setting| {
            settings.retain(|have| have.name != setting.name);
            settings.push(setting);
        };
        for file in node.get("env_file").map(Node::items).unwrap_or_default() {
            let Some(path) = file.text().or_else(|| file.text_at(&["path"])) else { continue };
            let required = file.get("required").and_then(Node::truth).unwrap_or(true);
            let text = match self.loader.files.text(path) {
                Ok(text) => text,
                Err(why) => {
                    self.description.open_environment.insert(service.to_owned());
                    if required {
                        let message = format!("the variables of {path} are not known: {}", unread(&why));
                        let how = format!("put {path} where the Compose file looks for it");
                        self.loader.faults.push(ParseFault::undecided(file.mark.clone(), message, how));
                    }
                    continue;
                }
            };
            self.loader.read.insert(path.to_owned());
            let raw = file.text_at(&["format"]) == Some("raw");
            let (entries, faults) = env_file::read(&Source::file(path, &text), &self.loader.lookup());
            if !raw {
                self.loader.faults.extend(faults);
            }
            for entry in entries {
                let value = entry.value.unwrap_or_else(|| self.outside(&entry.name));
                put(Setting { name: entry.name, value: Value::of(&value), place: Some(entry.mark.place()) });
            }
        }
        for (key, value) in node.get("environment").map(Node::entries).unwrap_or_default() {
            let Some(name) = key.text() else { continue };
            let text = match value.text() {
                Some(text) => text.to_owned(),
                None if value.is_null() => self.outside(name),
                None => continue,
            };
            // An empty value stands where its key does, and so does a text over several lines.
            let block = text.contains('\n') && value.mark.line > key.mark.line;
            let mark = if value.is_null() || block { &key.mark } else { &value.mark };
            if let NodeContent::Scalar(scalar) = &value.data
                && scalar.defaulted
            {
                self.description.defaulted.insert(mark.place());
            }
            put(Setting { name: name.to_owned(), value: Value::of(&text), place: Some(mark.place()) });
        }
        settings
    }

    /// A variable that is passed through from where Compose is called.
    fn outside(&self, name: &str) -> String {
        self.loader.variables.get(name).cloned().unwrap_or_else(|| Template::gap(name))
    }

    fn volume(&mut self, node: &Node) -> Option<Mount> {
        let target = node.text_at(&["target"])?.to_owned();
        let source = node.get("source");
        let text = source.and_then(Node::text).unwrap_or_default();
        if let Some(NodeContent::Scalar(scalar)) = source.map(|one| &one.data)
            && scalar.defaulted
        {
            self.description.defaulted.insert(node.mark.place());
        }
        let from = match node.text_at(&["type"]) {
            Some("bind") => MountSource::Host(text.to_owned()),
            Some("tmpfs") => MountSource::Empty,
            _ => self.named(text),
        };
        let mark = source.filter(|one| one.mark.line > node.mark.line).map_or(&node.mark, |one| &one.mark);
        let read_only = node.get("read_only").and_then(Node::truth).unwrap_or(false);
        let mut mount = mount(target, from, Some(mark.place()));
        mount.read_only = read_only;
        mount.sub_path = node.text_at(&["volume", "subpath"]).map(str::to_owned);
        Some(mount)
    }

    /// A volume by name; a local one with a `device` is a folder of the host.
    fn named(&self, name: &str) -> MountSource {
        let options = self
            .project
            .volumes
            .iter()
            .find(|(have, _)| have == name)
            .and_then(|(_, volume)| volume.get("driver_opts"));
        match options.and_then(|one| one.text_at(&["device"])) {
            Some(device)
                if options.and_then(|one| one.text_at(&["o"])).is_some_and(|o| o.contains("bind")) =>
            {
                MountSource::Host(device.to_owned())
            }
            _ => MountSource::Volume(name.to_owned()),
        }
    }

    /// An entry of `secrets:` or `configs:`.
    fn content(&mut self, section: &str, folder: &str, node: &Node) -> Option<Mount> {
        let name = node.text().or_else(|| node.text_at(&["source"]))?.to_owned();
        let target = node.text_at(&["target"]).unwrap_or(&name).to_owned();
        let target = if target.starts_with('/') { target } else { format!("{folder}/{target}") };
        let place = node.mark.place();
        let entries = if section == "secrets" { &self.project.secrets } else { &self.project.configs };
        let Some((_, entry)) = entries.iter().find(|(have, _)| *have == name) else {
            let message = format!("`{name}` is not among the `{section}:` of the project");
            self.loader.faults.push(ParseFault::unreadable(node.mark.clone(), message));
            return None;
        };
        let source = if let Some(file) = entry.get("file") {
            self.description.defined.insert(place.clone(), file.mark.place());
            MountSource::Host(file.text()?.to_owned())
        } else if let Some(content) = entry.get("content") {
            if let Some(source) = content.source() {
                self.description.inline.insert(place.clone(), source);
            }
            MountSource::Inline(content.text().unwrap_or_default().to_owned())
        } else if let Some(variable) = entry.text_at(&["environment"]) {
            MountSource::Other(format!("the variable {variable}"))
        } else {
            MountSource::Other(format!("`{name}`, which is made outside of the project"))
        };
        let mut mount = mount(target, source, Some(place));
        mount.read_only = true;
        Some(mount)
    }

    fn health(&self, node: &Node) -> Option<Probe> {
        if node.get("disable").and_then(Node::truth) == Some(true) {
            return None;
        }
        let test = node.get("test")?;
        let place = Some(test.mark.place());
        let words: Vec<Argument> = match &test.data {
            NodeContent::Sequence(_) => self.words(test),
            NodeContent::Scalar(scalar) => {
                let script = Argument { value: Value::of(&scalar.text), place: place.clone() };
                return Some(Probe { role: ProbeRole::Health, action: ProbeAction::Shell(script), place });
            }
            NodeContent::Mapping(_) => return None,
        };
        let (first, rest) = words.split_first()?;
        let action = match first.value.known() {
            Some("CMD") => ProbeAction::Command(rest.to_vec()),
            Some("CMD-SHELL") => ProbeAction::Shell(rest.first()?.clone()),
            _ => return None,
        };
        // Where the words begin, not the bracket.
        let place = rest.first().and_then(|one| one.place.clone()).or(place);
        Some(Probe { role: ProbeRole::Health, action, place })
    }
}

fn mount(target: String, source: MountSource, place: Option<Place>) -> Mount {
    Mount { target, source, sub_path: None, read_only: false, mode: None, place }
}
