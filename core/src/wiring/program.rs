//! What a container runs, as far as image, command and name tell.

use std::borrow::Cow;

use super::script::script_commands;
use crate::manifest::Description;
use crate::workload::{Argument, Container, Template, Value, Workload};

/// A program whose settings are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    Nats,
    Redis,
    Nginx,
    Gateway,
    Scheduler,
    SafetyKernel,
    WorkflowEngine,
    ContextEngine,
    Dashboard,
    /// A worker on Cordum's SDK.
    Worker,
    Other,
}

impl Program {
    /// Cordum's services in Go.
    #[must_use]
    pub const fn is_core(self) -> bool {
        matches!(
            self,
            Self::Gateway | Self::Scheduler | Self::SafetyKernel | Self::WorkflowEngine | Self::ContextEngine
        )
    }

    /// Whether Cordum's variables mean something to it.
    #[must_use]
    pub const fn is_cordum(self) -> bool {
        self.is_core() || matches!(self, Self::Dashboard | Self::Worker)
    }

    /// The user that its image runs as, where nobody says otherwise.
    #[must_use]
    pub fn user(self, container: &Container) -> Option<(u32, u32)> {
        let (path, last) = repository(container.image.as_deref().unwrap_or_default());
        // Their images are made to run without root.
        if matches!(self, Self::Nats | Self::Redis | Self::Nginx) {
            if path.contains("bitnami") {
                return Some((1001, 0));
            }
            if last == "nginx-unprivileged" {
                return Some((101, 101));
            }
        }
        match self {
            Self::Gateway
            | Self::Scheduler
            | Self::SafetyKernel
            | Self::WorkflowEngine
            | Self::ContextEngine => Some((65532, 65532)),
            Self::Dashboard => Some((101, 101)),
            Self::Nats => Some((0, 0)),
            // The image's entry point gives root away before it starts redis-server, and only then.
            Self::Redis
                if container.entrypoint.iter().all(|word| {
                    word.value.known().is_some_and(|text| text.ends_with("docker-entrypoint.sh"))
                }) =>
            {
                let first = container.arguments.first().and_then(|one| one.value.known());
                let drops = first.is_none_or(|one| one == "redis-server" || one.starts_with('-'));
                if drops { Some((999, 1000)) } else { Some((0, 0)) }
            }
            Self::Redis | Self::Nginx => Some((0, 0)),
            Self::Worker | Self::Other => None,
        }
    }
}

/// Names of Cordum's services in images and in names of workloads.
const CORDUM: [(&str, Program); 7] = [
    ("api-gateway", Program::Gateway),
    ("gateway", Program::Gateway),
    ("scheduler", Program::Scheduler),
    ("safety-kernel", Program::SafetyKernel),
    ("workflow-engine", Program::WorkflowEngine),
    ("context-engine", Program::ContextEngine),
    ("dashboard", Program::Dashboard),
];

/// The last part of an image's name, and what stands before it; without tag and digest.
fn repository(image: &str) -> (Cow<'_, str>, Cow<'_, str>) {
    let image = image.split('@').next().unwrap_or(image);
    let (path, last) = image.rsplit_once('/').unwrap_or(("", image));
    let gap = last.find(Template::OPEN).unwrap_or(last.len());
    let last = last[..gap].split(':').next().unwrap_or_default();
    let lower = |text| {
        let upper = |text: &str| text.bytes().any(|byte| byte.is_ascii_uppercase());
        if upper(text) { Cow::Owned(text.to_ascii_lowercase()) } else { Cow::Borrowed(text) }
    };
    (lower(path), lower(last))
}

/// What a container runs.
#[must_use]
pub(crate) fn identify(description: &Description, workload: &Workload, container: &Container) -> Program {
    let is_main = || workload.main().is_some_and(|main| std::ptr::eq(main, container));
    if !description.roles.is_empty()
        && is_main()
        && let Some(program) = description.roles.get(&workload.to_string())
    {
        return *program;
    }
    let (path, last) = repository(container.image.as_deref().unwrap_or_default());
    let bare = last.strip_prefix("cordum-").unwrap_or(&last);
    let cordum = path.split('/').any(|part| part.starts_with("cordum")) || last.starts_with("cordum-");
    if cordum {
        if let Some((_, program)) = CORDUM.iter().find(|(name, _)| *name == bare) {
            return *program;
        }
        if last.contains("worker") || last.contains("mock-bank") {
            return Program::Worker;
        }
    }
    if container.image.is_none() && description.builds.contains_key(&workload.name) {
        let name = workload.name.strip_prefix("cordum-").unwrap_or(&workload.name);
        let theirs = container.environment.iter().any(|one| is_cordum_variable(&one.name));
        if let Some((_, program)) = CORDUM.iter().find(|(known, _)| *known == name && theirs) {
            return *program;
        }
        if name == "mock-bank-worker" {
            return Program::Worker;
        }
    }
    let words = command(container).map(|(words, _)| words);
    let started = words.iter().flatten().find_map(|word| {
        let word = word.value.known()?;
        Some(word.rsplit('/').next().unwrap_or(word))
    });
    match started {
        Some("nats-server") => return Program::Nats,
        Some("redis-server" | "valkey-server" | "redis-sentinel") => return Program::Redis,
        Some("nginx") => return Program::Nginx,
        _ => {}
    }
    // A server's image lends its tools.
    if words.iter().flatten().find_map(base_name).is_some_and(|first| TOOLS.contains(&first)) {
        return Program::Other;
    }
    let helper = [
        "exporter",
        "box",
        "cli",
        "streaming",
        "tools",
        "init",
        "reloader",
        "insight",
        "commander",
        "operator",
    ];
    if helper.iter().any(|word| last.contains(word)) {
        return Program::Other;
    }
    match &*last {
        "nats" | "nats-server" => Program::Nats,
        "redis" | "valkey" | "redis-stack-server" | "redis-stack" => Program::Redis,
        "nginx" | "nginx-unprivileged" | "openresty" => Program::Nginx,
        _ => Program::Other,
    }
}

/// What is run out of a server's image and is not the server.
const TOOLS: [&str; 24] = [
    "redis-cli",
    "valkey-cli",
    "redis-benchmark",
    "valkey-benchmark",
    "redis-check-aof",
    "redis-check-rdb",
    "nats",
    "nsc",
    "nk",
    "curl",
    "wget",
    "nc",
    "openssl",
    "sleep",
    "tail",
    "cat",
    "cp",
    "ls",
    "tar",
    "rsync",
    "ping",
    "getent",
    "kubectl",
    "psql",
];

/// The program that a word names, without its folder.
fn base_name(word: &Argument) -> Option<&str> {
    let text = word.value.known()?;
    let name = text.rsplit('/').next().unwrap_or(text);
    (!matches!(name, "docker-entrypoint.sh" | "tini" | "dumb-init" | "--")).then_some(name)
}

fn is_cordum_variable(name: &str) -> bool {
    name.starts_with("CORDUM_")
        || name.starts_with("SAFETY_KERNEL_")
        || name.starts_with("GATEWAY_")
        || name.starts_with("CONTEXT_ENGINE_")
}

/// The words that a container is started with, entry point first. A shell's script is taken apart, and the last
/// program in it that is no shell's own is what runs. The flag says that it went through a shell.
#[must_use]
pub(crate) fn command(container: &Container) -> Option<(Vec<Argument>, bool)> {
    let (commands, shell) = commands(container)?;
    if !shell {
        return Some((commands.into_iter().next().unwrap_or_default(), false));
    }
    let last = commands.into_iter().rfind(|command| {
        command.first().is_some_and(|word| {
            let name = word.value.marked();
            !matches!(
                name.as_str(),
                "set"
                    | "export"
                    | "echo"
                    | "cd"
                    | "true"
                    | "test"
                    | "["
                    | "mkdir"
                    | "chmod"
                    | "wait"
                    | "sleep"
                    | "fi"
                    | "done"
            )
        })
    });
    Some((last.unwrap_or_default(), true))
}

/// Every command that a container is started with: one, or those of a shell's script. The flag says that it goes
/// through a shell.
#[must_use]
pub(crate) fn commands(container: &Container) -> Option<(Vec<Vec<Argument>>, bool)> {
    let mut words: Vec<Argument> = container.entrypoint.iter().chain(&container.arguments).cloned().collect();
    let first = words.first()?;
    // The image's own entry point stands before options.
    let (_, image) = repository(container.image.as_deref().unwrap_or_default());
    if container.entrypoint.is_empty() && image == "curl" {
        let text = first.value.marked();
        if text.starts_with('-') || text.contains("://") {
            let program = Argument { value: Value::Known("curl".to_owned()), place: first.place.clone() };
            words.insert(0, program);
        }
    }
    let at = words.iter().position(|word| {
        word.value
            .known()
            .is_some_and(|text| matches!(text.rsplit('/').next(), Some("sh" | "bash" | "ash" | "dash")))
    });
    let Some(shell) = at.filter(|at| *at < 2) else { return Some((vec![words], false)) };
    let flag = words
        .iter()
        .skip(shell + 1)
        .position(|word| word.value.known().is_some_and(|text| text.starts_with('-') && text.ends_with('c')));
    let Some(script) = flag.and_then(|flag| words.get(shell + flag + 2)) else {
        return Some((vec![words], false));
    };
    Some((script_commands(script, &container.environment), true))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_are_known_by_their_last_part_and_cordum_by_its_path() {
        let description = Description::default();
        let of = |image: &str| {
            let container = Container { image: Some(image.to_owned()), ..Container::default() };
            identify(&description, &Workload::named(crate::workload::WorkloadKind::Service, "x"), &container)
        };
        assert_eq!(of("nats:2.10-alpine"), Program::Nats);
        assert_eq!(of("registry:5000/library/redis@sha256:00"), Program::Redis);
        assert_eq!(of("ghcr.io/cordum-io/cordum/api-gateway:v1"), Program::Gateway);
        assert_eq!(of("registry.example.test/portal/dashboard:1"), Program::Other);
        assert_eq!(of("oliver006/redis_exporter"), Program::Other);
        assert_eq!(of("natsio/nats-box"), Program::Other);
        assert_eq!(of("cordum-mock-bank-worker"), Program::Worker);
    }
}
