//! The cures of a run that failed: what runs, what its files hold and where its settings are written, gathered once
//! and handed to whoever chooses.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use time::OffsetDateTime;
use tls_verify_checks::context::Context;
use tls_verify_checks::platform::Platform;
use tls_verify_checks::stack::Stack;
use tls_verify_core::cause::{CauseKind, Variant};
use tls_verify_core::link::Link;
use tls_verify_core::manifest::compose::{self, Request};
use tls_verify_core::manifest::{Description, FileKind, FileMeta, Files, Unread};
use tls_verify_core::redaction::redact;
use tls_verify_core::remedy::choose::{self, CureContext, Held, Shelf};
use tls_verify_core::remedy::{Fix, Wording};
use tls_verify_core::workload::{Container, Workload};

use super::shelf::{CollectedShelf, HostShelf, MOST, bytes, owner};
use tls_verify_core::report::{CheckReport, RootCause, RunReport};

/// What was gathered; it is read where blocking does no harm.
struct DeployedStack {
    workloads: Vec<Workload>,
    served: BTreeMap<Link, Vec<Vec<u8>>>,
    anchors: Vec<Vec<u8>>,
    anchors_file: String,
    wording: Arc<dyn Wording>,
    shelf: Box<dyn Shelf>,
}

/// Puts the cure that fits into every root cause that something explains.
pub(super) async fn choose(context: &Context, report: &mut RunReport) {
    if report.root_causes.is_empty() {
        return;
    }
    let Some(gathered) = discover(context).await else { return };
    let (mut checks, mut roots) = (report.checks.clone(), report.root_causes.clone());
    let chosen = tokio::task::spawn_blocking(move || {
        apply(&gathered, &mut checks, &mut roots);
        (checks, roots)
    });
    // Whatever happens to it, the report stands.
    if let Ok((checks, roots)) = chosen.await {
        report.checks = checks;
        report.root_causes = roots;
        masked(report);
    }
}

/// The cures for lines of services' logs, in their order: cause, who said it, and the words.
pub(crate) fn of_lines(
    platform: &dyn Platform,
    stack: &Stack,
    lines: &[LoggedCause<'_>],
) -> Vec<Option<Fix>> {
    let anchors = &stack.anchors;
    let gathered = DeployedStack {
        workloads: platform.workloads().to_vec(),
        served: BTreeMap::new(),
        anchors: anchors.certificates.iter().map(|der| der.as_ref().to_vec()).collect(),
        anchors_file: anchors.file.display().to_string(),
        wording: platform.wording(),
        shelf: match platform.is_collected() {
            true => Box::new(CollectedShelf::default()),
            false => Box::new(HostShelf),
        },
    };
    with_cure_context(&gathered, |facts| {
        let found = choose::defects(facts);
        lines
            .iter()
            .map(|said| {
                let mut fix = choose::of_line(facts, &found, said.cause, &said.services, said.line)?;
                mask(&mut fix);
                Some(fix)
            })
            .collect()
    })
}

/// What services said in their logs.
pub(crate) struct LoggedCause<'a> {
    pub cause: (CauseKind, Option<Variant>),
    pub services: Vec<&'a str>,
    pub line: &'a str,
}

async fn discover(context: &Context) -> Option<DeployedStack> {
    let mut shelf: Box<dyn Shelf> = Box::new(HostShelf);
    let (workloads, wording) = match context.platform().await {
        Ok(platform) => {
            if platform.is_collected() {
                shelf = Box::new(CollectedShelf::of(platform).await);
            }
            (read_again(platform).await, platform.wording())
        }
        Err(_) => {
            let stack = &context.stack;
            (Vec::new(), Arc::new(stack.compose.wording(&stack.project)) as Arc<dyn Wording>)
        }
    };
    let served = Link::ALL
        .iter()
        .filter_map(|link| {
            let chain = context.served(*link)?.chain;
            let chain: Vec<Vec<u8>> = chain.iter().map(|der| der.as_ref().to_vec()).collect();
            (!chain.is_empty()).then_some((*link, chain))
        })
        .collect();
    let anchors = &context.stack.anchors;
    Some(DeployedStack {
        workloads,
        served,
        anchors: anchors.certificates.iter().map(|der| der.as_ref().to_vec()).collect(),
        anchors_file: anchors.file.display().to_string(),
        wording,
        shelf,
    })
}

/// What runs. A container that the engine had locked when the run began (one that is between two starts, on a busy
/// machine) has told nothing of its settings then: it is asked again.
async fn read_again(platform: &dyn Platform) -> Vec<Workload> {
    let mut workloads = platform.workloads().to_vec();
    for workload in &mut workloads {
        let Some(container) = workload.containers.first_mut().filter(|one| is_unread(one)) else { continue };
        for instance in workload.instances.iter().cycle().take(AGAIN) {
            if let Ok(fresh) = platform.inspect(instance).await {
                *container = fresh.configured;
                break;
            }
        }
    }
    workloads
}

/// How often a container is asked again; each answer is waited for as long as the platform does.
const AGAIN: usize = 3;

/// Whatever runs has a variable, an argument or a mount.
fn is_unread(container: &Container) -> bool {
    container.environment.is_empty() && container.arguments.is_empty() && container.mounts.is_empty()
}

fn apply(gathered: &DeployedStack, checks: &mut [CheckReport], roots: &mut Vec<RootCause>) {
    with_cure_context(gathered, |facts| choose::apply(facts, checks, roots, tls_verify_checks::over));
}

fn with_cure_context<T>(gathered: &DeployedStack, then: impl FnOnce(&CureContext<'_>) -> T) -> T {
    let project = ComposeFolder::of(&gathered.workloads);
    let disk = project.as_ref().map(|project| ProjectDisk { root: project.folder.clone() });
    let described = project.as_ref().zip(disk.as_ref()).map(|(project, disk)| project.describe(disk));
    let folder = project.as_ref().map(|project| project.folder.display().to_string());
    let here = std::env::current_dir().ok().map(|here| here.display().to_string());
    let facts = CureContext {
        now: OffsetDateTime::now_utc(),
        workloads: &gathered.workloads,
        described: described.as_ref(),
        project: disk.as_ref().map(|disk| disk as &dyn Files),
        folder: folder.as_deref(),
        here: here.as_deref(),
        shelf: &*gathered.shelf,
        served: &gathered.served,
        anchors: &gathered.anchors,
        anchors_file: &gathered.anchors_file,
        wording: &*gathered.wording,
        stack: &OnceCell::new(),
    };
    then(&facts)
}

/// What stands for a secret in sentences; in a change it is `***`.
const REDACTED: &str = "(redacted)";

/// What came from settings and files may hold a secret.
fn masked(report: &mut RunReport) {
    for root in &mut report.root_causes {
        root.because.iter_mut().for_each(|text| *text = redact(text));
        root.fix.iter_mut().for_each(mask);
    }
    for one in report.checks.iter_mut().flat_map(|check| &mut check.diagnoses) {
        one.because.iter_mut().for_each(|text| *text = redact(text));
        one.fix.iter_mut().for_each(mask);
    }
}

fn mask(fix: &mut Fix) {
    fix.text = redact(&fix.text);
    fix.command = fix.command.take().map(|command| redact(&command));
    for change in &mut fix.changes {
        for value in change.from.iter_mut().chain(&mut change.to) {
            *value = redact(value).replace(REDACTED, "***");
        }
    }
}

/// A Compose project, by the labels of its containers.
struct ComposeFolder {
    folder: PathBuf,
    files: Vec<String>,
    env_files: Vec<String>,
}

impl ComposeFolder {
    /// As the youngest container tells it whose files are all there: one that was not made anew since names files of
    /// then. `None`: it was not made by Compose, or on another machine.
    fn of(workloads: &[Workload]) -> Option<Self> {
        let mut by_age: Vec<&Workload> = workloads.iter().collect();
        by_age.sort_by_key(|one| std::cmp::Reverse(one.instances.iter().filter_map(|one| one.started).max()));
        by_age.into_iter().find_map(Self::named_by)
    }

    fn named_by(workload: &Workload) -> Option<Self> {
        let label = |name: &str| workload.labels.get(&format!("com.docker.compose.project.{name}"));
        let folder = PathBuf::from(label("working_dir")?);
        let named = |list: &String| -> Vec<String> {
            list.split(',')
                .map(|file| folder.join(file))
                .map(|path| path.strip_prefix(&folder).map_or_else(|_| path.clone(), Path::to_owned))
                .map(|path| path.display().to_string())
                .collect()
        };
        let files = named(label("config_files")?);
        let env_files = label("environment_file").map(named).unwrap_or_default();
        let there = files.iter().all(|file| folder.join(file).is_file());
        there.then_some(Self { folder, files, env_files })
    }

    fn describe(&self, disk: &ProjectDisk) -> Description {
        let request =
            Request { folder: ".".to_owned(), files: self.files.clone(), env_files: self.env_files.clone() };
        compose::load(&request, disk)
    }
}

/// The project's own files.
struct ProjectDisk {
    root: PathBuf,
}

impl Files for ProjectDisk {
    fn meta(&self, path: &str) -> Option<FileMeta> {
        let meta = std::fs::metadata(self.root.join(path)).ok()?;
        let kind = if meta.is_file() {
            FileKind::File
        } else if meta.is_dir() {
            FileKind::Folder
        } else {
            FileKind::Other
        };
        let (user, group, mode) = owner(&meta);
        Some(FileMeta { kind, mode, user, group })
    }

    fn read(&self, path: &str) -> Result<Arc<[u8]>, Unread> {
        match bytes(&self.root.join(path)) {
            Held::Bytes(bytes) => Ok(bytes),
            Held::Missing => Err(Unread::Missing),
            Held::Forbidden => Err(Unread::Forbidden),
            Held::NoFile => Err(Unread::NoFile),
            Held::Unknown => Err(Unread::TooLarge),
        }
    }

    fn list(&self, path: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(path)).into_iter().flatten().flatten().take(MOST);
        let mut names: Vec<String> =
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use tls_verify_core::workload::{Instance, WorkloadKind};

    use super::*;

    #[test]
    fn a_container_that_was_not_made_anew_names_files_that_are_gone() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("compose.yml"), "services: {}\n").unwrap();
        let made = |name: &str, files: &str, age: u64| {
            let mut workload = Workload::named(WorkloadKind::Service, name.to_owned());
            let label = |name: &str| format!("com.docker.compose.project.{name}");
            workload.labels.insert(label("working_dir"), folder.path().display().to_string());
            workload.labels.insert(label("config_files"), files.to_owned());
            let mut instance = Instance::of_service(name, name);
            instance.started = Some(SystemTime::now() - Duration::from_secs(age));
            workload.instances.push(instance);
            workload
        };
        let all = [made("nats", "compose.yml,override.yml", 5), made("redis", "compose.yml", 9)];
        assert_eq!(ComposeFolder::of(&all).unwrap().files, ["compose.yml"]);
        assert!(ComposeFolder::of(&all[..1]).is_none());
    }
}
