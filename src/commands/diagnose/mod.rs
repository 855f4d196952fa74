//! `diagnose`: error text and log lines in, causes out.

mod blocks;
#[cfg(feature = "kubernetes")]
mod cluster;
mod containers;
mod live;
mod render;

#[cfg(not(feature = "kubernetes"))]
use super::without_kubernetes::diagnose as cluster;
use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use flate2::read::MultiGzDecoder;
use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_checks::platform::Platform;
use tls_verify_checks::stack::Stack;
use tls_verify_core::diagnosis::rules::file_of;
use tls_verify_core::diagnosis::settings;
use tls_verify_core::evidence::Setting;
use tls_verify_core::logs::classify::recognise;
use tls_verify_core::logs::scan::{Problem, Scanner};
use tls_verify_core::remedy::catalogue::Placeholders;
use tls_verify_core::report::{Fix, exit};
use tls_verify_core::workload::Instance;

use crate::cli::{DiagnoseArgs, DiagnoseFormat, Told, names};
use crate::commands::run::cures::{self, Said};
use crate::config::{self, Environment, Problem as Wrong};
use crate::output;
use crate::report::files::Files;
use crate::report::page;
use crate::usage::usage;
use blocks::{Supply, Whole};
use containers::docker;
use live::Live;

/// All problem lines of one cause.
#[derive(Debug)]
pub struct Group {
    pub cause: CauseKind,
    pub variant: Option<Variant>,
    pub count: u64,
    pub first: Option<SystemTime>,
    pub last: Option<SystemTime>,
    pub sources: BTreeSet<String>,
    /// The last line of it.
    pub sample: Problem,
    pub sample_source: String,
    /// Lines of a service's present run; `count` where runs are not told apart.
    pub present: u64,
    /// Settings of the container that logged the last line, where they bear on it.
    pub settings: Vec<Setting>,
    /// What is wrong with what runs, where that explains it.
    pub cure: Option<Fix>,
}

/// What is read.
enum Source {
    Stdin,
    Text(String),
    File(PathBuf),
    /// A directory of `SERVICE.log` files.
    Project(PathBuf),
}

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &DiagnoseArgs, environment: &Environment) -> u8 {
    let format = args.format.told();
    let sources = match sources(args) {
        Ok(sources) => sources,
        Err(problems) => return usage(&problems, format),
    };
    let mut reports = match Files::open(&args.report, &names::<DiagnoseFormat>(&["human", "jsonl"])) {
        Ok(reports) => reports,
        Err(problems) => return usage(&problems, format),
    };
    let since = match args.targets.since.as_deref().map(config::moment).transpose() {
        Ok(since) => since,
        Err(message) => {
            let fix = "give a duration such as 10m or a time such as 2026-01-31T12:00:00Z";
            return usage(&[Wrong::new(format!("--since: {message}"), fix)], format);
        }
    };
    let collected = Arc::new(Mutex::new(Collected {
        groups: Vec::new(),
        lines: (args.format == DiagnoseFormat::Jsonl).then(Vec::new),
        lost: None,
        since,
    }));
    let named = !sources.is_empty();
    let work = {
        let (args, environment, collected) = (args.clone(), environment.clone(), Arc::clone(&collected));
        move || collect(&args, &environment, &sources, &collected)
    };
    // What was found before an interruption is shown all the same.
    let (blanks, problems, interrupted) = match crate::runtime::interruptible(work) {
        Some((blanks, problems)) => (blanks, problems, false),
        None => (Placeholders::default(), Vec::new(), true),
    };
    let mut collected = lock(&collected);
    collected.flush();
    let groups = std::mem::take(&mut collected.groups);
    if !problems.is_empty() && (groups.is_empty() || named) {
        return usage(&problems, format);
    }
    let code = match (interrupted, groups.is_empty()) {
        (true, _) => exit::INTERRUPTED,
        (false, true) => exit::PASS,
        (false, false) => exit::FAIL,
    };
    if let Some(error) = collected.lost.take() {
        return output::ended(code, Err(error));
    }
    let shown = output::print(code, |out| match args.format {
        DiagnoseFormat::Human => render::human(&groups, &blanks, out),
        DiagnoseFormat::Json => render::json(&groups, code, &blanks, out),
        DiagnoseFormat::Html => page::write("diagnose", &render::object(&groups, code, &blanks), out),
        DiagnoseFormat::Jsonl => Ok(()),
    });
    let whole = reports.write(|format, out| match format {
        "html" => page::write("diagnose", &render::object(&groups, code, &blanks), out),
        _ => render::json(&groups, code, &blanks, out),
    });
    output::filed(shown, whole)
}

/// Reads everything that is to be read.
fn collect(
    args: &DiagnoseArgs,
    environment: &Environment,
    sources: &[Source],
    collected: &Mutex<Collected>,
) -> (Placeholders, Vec<Wrong>) {
    let mut problems = Vec::new();
    let mut blanks = Placeholders::default();
    if args.docker {
        match docker(args, environment, collected) {
            Ok(found) => blanks = found,
            Err(problem) => problems.push(problem),
        }
    }
    if of_cluster(args) {
        match cluster::kubernetes(args, environment, collected) {
            Ok(found) => blanks = found,
            Err(problem) => problems.push(problem),
        }
    }
    for source in sources {
        if let Err(problem) = read(source, collected) {
            problems.push(problem);
        }
    }
    (blanks, problems)
}

/// Whether the logs of a cluster are meant: by a flag, for in a pod text is piped in too.
fn of_cluster(args: &DiagnoseArgs) -> bool {
    let targets = &args.targets;
    targets.kubernetes
        || targets.kube_context.is_some()
        || targets.kubeconfig.is_some()
        || targets.namespace.is_some()
}

fn lock(collected: &Mutex<Collected>) -> MutexGuard<'_, Collected> {
    collected.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sources(args: &DiagnoseArgs) -> Result<Vec<Source>, Vec<Wrong>> {
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    for input in &args.inputs {
        let path = Path::new(input);
        if input == "-" {
            sources.push(Source::Stdin);
        } else if path.is_dir() {
            sources.push(Source::Project(path.to_owned()));
        } else if path.exists() {
            sources.push(Source::File(path.to_owned()));
        } else if input.contains(char::is_whitespace) || recognise(input.as_bytes()).is_some() {
            // A browser's code, `SEC_ERROR_UNKNOWN_ISSUER` for one, is a text of one word.
            sources.push(Source::Text(input.clone()));
        } else {
            problems.push(
                Wrong::new(
                    "no such file",
                    "give a file, `-` for standard input, or the error's text in quotes",
                )
                .in_file(path),
            );
        }
    }
    if args.docker && of_cluster(args) {
        problems.push(Wrong::new("--docker and a cluster are two platforms", "leave one of them out"));
    }
    if args.inputs.is_empty() && !args.docker && !of_cluster(args) {
        sources.push(Source::Stdin);
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

struct Collected {
    groups: Vec<Group>,
    /// Lines of `jsonl` that have not been written yet.
    lines: Option<Vec<u8>>,
    /// Why standard output takes no more lines.
    lost: Option<io::Error>,
    since: Option<SystemTime>,
}

/// Bytes of `jsonl` that are written at once.
const BUFFERED: usize = 64 * 1024;

impl Collected {
    fn flush(&mut self) {
        if let Some(lines) = self.lines.as_mut().filter(|lines| !lines.is_empty()) {
            let lines = std::mem::take(lines);
            self.lost = output::put(|out| out.write_all(&lines)).err().or(self.lost.take());
        }
    }

    /// The container's own settings for the groups whose last line is its.
    fn explain_by(&mut self, container: &Instance) {
        for group in self.groups.iter_mut().filter(|group| group.sample_source == container.name) {
            let file = match group.cause {
                CauseKind::BadKeyFile => file_of(&group.sample.line),
                _ => None,
            };
            group.settings =
                settings::relevant(container, group.sample.found().link, Some(group.cause), file.as_deref());
        }
    }

    /// The cures of what runs, for the groups that they explain.
    fn cure_by(&mut self, platform: &dyn Platform, stack: &Stack) {
        let said: Vec<Said<'_>> = self
            .groups
            .iter()
            .map(|group| Said {
                cause: (group.cause, group.variant),
                services: group.sources.iter().map(String::as_str).collect(),
                line: &group.sample.line,
            })
            .collect();
        if said.is_empty() {
            return;
        }
        let cures = cures::of_lines(platform, stack, &said);
        for (group, cure) in self.groups.iter_mut().zip(cures) {
            group.cure = cure;
        }
    }

    fn take(&mut self, source: &str, service: &str, problem: Problem) {
        if self.since.is_some_and(|since| problem.at.is_some_and(|at| at < since)) {
            return;
        }
        if let Some(lines) = self.lines.as_mut().filter(|_| self.lost.is_none()) {
            // Writing to memory does not fail.
            let _ = render::jsonl(source, &problem, lines);
            if lines.len() > BUFFERED {
                self.flush();
            }
        }
        let (cause, variant, at) = (problem.found().kind, problem.found().variant, problem.at);
        let known = self.groups.iter_mut().find(|group| group.cause == cause && group.variant == variant);
        if let Some(group) = known {
            group.count += 1;
            // Logs of several services overlap.
            group.first = group.first.into_iter().chain(at).min();
            group.last = group.last.max(at);
            if group.sources.len() < 64 && !group.sources.contains(service) {
                group.sources.insert(service.to_owned());
            }
            group.sample = problem;
            group.sample_source = source.to_owned();
        } else {
            self.groups.push(Group {
                cause,
                variant,
                count: 1,
                first: at,
                last: at,
                sources: BTreeSet::from([service.to_owned()]),
                sample: problem,
                sample_source: source.to_owned(),
                present: 0,
                settings: Vec::new(),
                cure: None,
            });
        }
    }
}

fn read(source: &Source, collected: &Mutex<Collected>) -> Result<(), Wrong> {
    match source {
        Source::Text(text) => {
            stream(&mut Whole(&mut text.as_bytes()), "argument", "argument", false, collected);
            Ok(())
        }
        Source::Stdin => {
            let read = Live::of(io::stdin())
                .map_or_else(Some, |mut input| stream(&mut input, "stdin", "stdin", false, collected));
            read.map_or(Ok(()), |error| Err(Wrong::new(format!("standard input: {error}"), "give a file")))
        }
        Source::File(path) => file(path, false, collected),
        Source::Project(folder) => {
            let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
                .map_err(|error| unreadable(folder, &error))?
                .flatten()
                .map(|entry| entry.path())
                .filter(|path| service_of(path).is_some() && path.is_file())
                .collect();
            files.sort();
            if files.is_empty() {
                return Err(Wrong::new(
                    "no SERVICE.log in the folder",
                    "give a folder with one log file a service",
                )
                .in_file(folder));
            }
            files.iter().try_for_each(|path| file(path, true, collected))
        }
    }
}

fn unreadable(path: &Path, error: &io::Error) -> Wrong {
    Wrong::new(format!("cannot be read: {error}"), "give a file that this user may read").in_file(path)
}

fn file(path: &Path, project: bool, collected: &Mutex<Collected>) -> Result<(), Wrong> {
    let (mut handle, lies) = open(path).map_err(|error| unreadable(path, &error))?;
    let name = path.display().to_string();
    let stem = service_of(path).unwrap_or_else(|| name.clone());
    let service = if project { stem.as_str() } else { name.as_str() };
    let read = if lies {
        stream(&mut Whole(&mut *handle), &name, service, project, collected)
    } else {
        // A pipe by its path.
        Live::of(handle).map_or_else(Some, |mut input| stream(&mut input, &name, service, project, collected))
    };
    match read {
        Some(error) => Err(unreadable(path, &error)),
        None => Ok(()),
    }
}

/// A file's text, unpacked where it is gzip's, and whether it lies on a disk.
fn open(path: &Path) -> io::Result<(Box<dyn Read + Send>, bool)> {
    let mut handle = std::fs::File::open(path)?;
    let lies = handle.metadata()?.is_file();
    let mut head = Vec::new();
    (&mut handle).take(2).read_to_end(&mut head)?;
    let packed = head == [0x1f, 0x8b];
    let whole = io::Cursor::new(head).chain(handle);
    let text: Box<dyn Read + Send> =
        if packed { Box::new(MultiGzDecoder::new(whole)) } else { Box::new(whole) };
    Ok((text, lies))
}

/// The service that a log file is of: its name without `.log` and `.gz`.
fn service_of(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let name = name.strip_suffix(".gz").unwrap_or(name);
    name.strip_suffix(".log").filter(|stem| !stem.is_empty()).map(str::to_owned)
}

/// Feeds all of a supply to a scanner.
fn stream(
    supply: &mut dyn Supply,
    name: &str,
    service: &str,
    project: bool,
    collected: &Mutex<Collected>,
) -> Option<io::Error> {
    let mut sink = |problem: Problem| lock(collected).take(name, service, problem);
    let mut scanner = Scanner::new(project, &mut sink);
    // Who follows a log wants a line as it comes.
    let idle = || lock(collected).flush();
    let poured = blocks::pour(supply, project, &mut scanner, &idle);
    scanner.finish();
    poured.err()
}
