//! One workload with what it was started with.

use super::context::{CureContext, Held};
use crate::remedy::{Change, ChangeKind};
use crate::workload::{Container, Mount, MountSource, Place, Workload};

/// A workload and the container that does its work, as it was started.
#[derive(Clone, Copy)]
pub struct WorkloadView<'a> {
    pub facts: CureContext<'a>,
    pub workload: &'a Workload,
    pub container: &'a Container,
}

impl<'a> WorkloadView<'a> {
    /// What counts is what runs; where nothing runs, what is described.
    #[must_use]
    pub fn of(facts: CureContext<'a>, workload: &'a Workload) -> Option<Self> {
        let container = workload.main()?;
        Some(Self { facts, workload, container })
    }

    /// As reports name it.
    #[must_use]
    pub fn name(&self) -> String {
        self.workload.to_string()
    }

    /// The service of the stack that it is one of: `scheduler` for `scheduler-2`.
    #[must_use]
    pub fn role(&self) -> &'a str {
        let name = match self.workload.instances.first() {
            Some(instance) if !instance.service.is_empty() => instance.service.as_str(),
            _ => self.workload.name.as_str(),
        };
        let name = name.strip_prefix("cordum-").unwrap_or(name);
        match name.rsplit_once('-') {
            Some((front, number)) if number.bytes().all(|byte| byte.is_ascii_digit()) => front,
            _ => name,
        }
    }

    /// A Go service of Cordum's core: it reads its TLS variables only for a TLS URL.
    #[must_use]
    pub fn is_core(&self) -> bool {
        matches!(
            self.role(),
            "api-gateway" | "scheduler" | "safety-kernel" | "workflow-engine" | "context-engine"
        )
    }

    /// A variable's value; empty where it is set to nothing.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<&'a str> {
        self.container.variable(name).and_then(|setting| setting.value.known())
    }

    /// A variable's value, where it has one.
    #[must_use]
    pub fn set(&self, name: &str) -> Option<&'a str> {
        self.variable(name).map(str::trim).filter(|value| !value.is_empty())
    }

    /// Whether a variable is on, as the services read it.
    #[must_use]
    pub fn is_on(&self, name: &str) -> bool {
        let truths: &[&str] = if self.is_core() { &["1", "true", "yes", "y", "on"] } else { &["1", "true"] };
        self.set(name).is_some_and(|value| truths.contains(&value.to_ascii_lowercase().as_str()))
    }

    /// Whether Cordum's own switch for production is on.
    #[must_use]
    pub fn is_production(&self) -> bool {
        self.container.in_production()
    }

    /// Where a path of the container lies on the host.
    #[must_use]
    pub fn host(&self, path: &str) -> Option<String> {
        let mount = self.container.mount_of(path)?;
        let MountSource::Host(source) = &mount.source else { return None };
        let rest = path.strip_prefix(mount.target.trim_end_matches('/'))?;
        Some(format!("{source}{rest}"))
    }

    /// Whether a path lies in nothing that the container mounts, while other files of its TLS settings do: the images of
    /// services bring none.
    #[must_use]
    pub fn strays(&self, path: &str) -> bool {
        let held = |path: &str| matches!(self.facts.shelf.read(self.container, path), Held::Bytes(_));
        self.container.mount_of(path).is_none()
            && self
                .container
                .environment
                .iter()
                .filter(|setting| setting.name.contains("_TLS_"))
                .any(|setting| setting.value.known().is_some_and(held))
    }

    /// A path with where it lies on the host.
    #[must_use]
    pub fn located(&self, path: &str) -> String {
        match self.host(path) {
            Some(host) => format!("{path} ({})", self.facts.shown(&host)),
            None => path.to_owned(),
        }
    }

    /// Where a variable is written; where it is not set, the container that it belongs to.
    #[must_use]
    pub fn place_of(&self, name: &str) -> Option<Place> {
        let written = self.facts.written(self.workload)?;
        match written.variable(name) {
            Some(setting) => setting.place.clone().map(|place| self.facts.line_of_variable(place)),
            None => written.place.clone(),
        }
    }

    /// Where the value of an option of its command line is written; where the option is not given, where the command
    /// line begins.
    #[must_use]
    pub fn place_of_option(&self, name: &str) -> Option<Place> {
        let written = self.facts.written(self.workload)?;
        let words = &written.arguments;
        let value =
            (0..words.len()).rev().find_map(|at| match words[at].value.known()?.strip_prefix(name)? {
                "" => words.get(at + 1),
                rest => rest.starts_with('=').then_some(&words[at]),
            });
        let place = value.or(words.first()).and_then(|word| word.place.clone());
        place.map(|place| self.facts.line_of_variable(place)).or_else(|| written.place.clone())
    }

    /// A change of a variable.
    #[must_use]
    pub fn variable_change(&self, name: &str, to: Option<&str>) -> Change {
        Change::new(self.name(), ChangeKind::Environment, name)
            .values(self.variable(name).map(masked).as_deref(), to)
            .at(self.place_of(name))
    }

    /// The mount of a path as it is written down.
    #[must_use]
    pub fn written_mount(&self, target: &str) -> Option<&'a Mount> {
        self.facts
            .written(self.workload)?
            .mounts
            .iter()
            .find(|one| one.target.trim_end_matches('/') == target.trim_end_matches('/'))
    }

    /// A change of what is mounted at a path of the container.
    #[must_use]
    pub fn mount_change(&self, target: &str, from: &str, to: &str) -> Change {
        let place = self.written_mount(target).and_then(|mount| mount.place.clone());
        Change::new(self.name(), ChangeKind::Mount, target)
            .values(Some(&self.facts.shown(from)), Some(&self.facts.shown(to)))
            .at(place.map(|place| self.facts.line_of_variable(place)))
    }

    /// The words of its command line, a shell's `-c` taken apart.
    #[must_use]
    pub fn words(&self) -> Vec<String> {
        let words: Vec<String> = self
            .container
            .entrypoint
            .iter()
            .chain(&self.container.arguments)
            .filter_map(|argument| argument.value.known().map(str::to_owned))
            .collect();
        let shell = words.iter().any(|word| word == "-c")
            && words.first().is_some_and(|word| word.ends_with("sh") || word.ends_with("bash"));
        match (shell, words.last()) {
            (true, Some(script)) => shlex::split(script).unwrap_or(words),
            _ => words,
        }
    }
}

/// A value without what a URL may hold of a login.
#[must_use]
pub(super) fn masked(value: &str) -> String {
    let Some((scheme, rest)) = value.split_once("://") else { return value.to_owned() };
    let (authority, tail) = match rest.find(['/', '?', '#']) {
        // A password may hold a slash: what stands before the last `@` is the login.
        Some(at) if !rest[at..].contains('@') => rest.split_at(at),
        _ => match rest.rfind('@') {
            Some(at) => match rest[at..].find(['/', '?', '#']) {
                Some(end) => rest.split_at(at + end),
                None => (rest, ""),
            },
            None => (rest, ""),
        },
    };
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{tail}"),
        None => format!("{scheme}://{authority}{tail}"),
    }
}
