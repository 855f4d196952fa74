//! Where lines come from: text, files, folders and archives of logs, standard input.

use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use flate2::read::MultiGzDecoder;
use tls_verify_checks::platform::archive;
use tls_verify_core::logs::classify::recognise;
use tls_verify_core::logs::scan::{LogProblem, LogScanner};

use super::blocks::{self, Supply, Whole};
use super::live::LiveInput;
use super::{Collected, lock, of_cluster};
use crate::cli::DiagnoseArgs;
use crate::commands::run::archive_problem;
use crate::config::ConfigError as Wrong;

/// What is read.
pub(super) enum DiagnoseSource {
    Stdin,
    Text(String),
    File(PathBuf),
    /// A directory of `SERVICE.log` files.
    Project(PathBuf),
    /// The same in a `.tar.gz`.
    Archive(PathBuf),
}

pub(super) fn sources(args: &DiagnoseArgs) -> Result<Vec<DiagnoseSource>, Vec<Wrong>> {
    let mut problems = Vec::new();
    let mut sources = Vec::new();
    for input in &args.inputs {
        let path = Path::new(input);
        if input == "-" {
            sources.push(DiagnoseSource::Stdin);
        } else if path.is_dir() {
            sources.push(DiagnoseSource::Project(path.to_owned()));
        } else if archive::is_archive(path).unwrap_or(false) {
            sources.push(DiagnoseSource::Archive(path.to_owned()));
        } else if path.exists() {
            sources.push(DiagnoseSource::File(path.to_owned()));
        } else if input.contains(char::is_whitespace) || recognise(input.as_bytes()).is_some() {
            // A browser's code, `SEC_ERROR_UNKNOWN_ISSUER` for one, is a text of one word.
            sources.push(DiagnoseSource::Text(input.clone()));
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
        sources.push(DiagnoseSource::Stdin);
    }
    if problems.is_empty() { Ok(sources) } else { Err(problems) }
}

pub(super) fn read(source: &DiagnoseSource, collected: &Mutex<Collected>) -> Result<(), Wrong> {
    match source {
        DiagnoseSource::Text(text) => {
            stream(&mut Whole(&mut text.as_bytes()), "argument", "argument", false, collected);
            Ok(())
        }
        DiagnoseSource::Stdin => {
            let read = LiveInput::of(io::stdin())
                .map_or_else(Some, |mut input| stream(&mut input, "stdin", "stdin", false, collected));
            read.map_or(Ok(()), |error| Err(Wrong::new(format!("standard input: {error}"), "give a file")))
        }
        DiagnoseSource::File(path) => file(path, false, collected),
        DiagnoseSource::Project(folder) => project(folder, collected),
        DiagnoseSource::Archive(path) => packed(path, collected),
    }
}

const NO_LOG: &str = "give a folder with one log file a service, or what `collect` wrote";

/// A folder's logs, and those that `collect` wrote of a cluster into `logs/`.
fn project(folder: &Path, collected: &Mutex<Collected>) -> Result<(), Wrong> {
    let of = |folder: &Path| -> io::Result<Vec<PathBuf>> {
        let entries = std::fs::read_dir(folder)?.flatten().map(|entry| entry.path());
        Ok(entries.filter(|path| service_of(path).is_some() && path.is_file()).collect())
    };
    let mut files = of(folder).map_err(|error| unreadable(folder, &error))?;
    files.extend(of(&folder.join("logs")).unwrap_or_default());
    files.sort();
    if files.is_empty() {
        return Err(Wrong::new("no SERVICE.log in the folder", NO_LOG).in_file(folder));
    }
    files.iter().try_for_each(|path| file(path, true, collected))
}

/// An archive's logs; nothing is laid out.
fn packed(path: &Path, collected: &Mutex<Collected>) -> Result<(), Wrong> {
    let mut logs = 0_usize;
    let walked = archive::walk(path, &mut |member, content| {
        let Some(service) = service_of(member).filter(|_| member.extension().is_some_and(|end| end == "log"))
        else {
            return Ok(());
        };
        logs += 1;
        let name = path.join(member).display().to_string();
        // What cannot be read of it, the walk meets again.
        let _ = stream(&mut Whole(content), &name, &service, true, collected);
        Ok(())
    });
    match (walked, logs) {
        (Err(fault), _) => Err(archive_problem(&fault, path)),
        (Ok(()), 0) => Err(Wrong::new("no SERVICE.log in the archive", NO_LOG).in_file(path)),
        (Ok(()), _) => Ok(()),
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
        LiveInput::of(handle)
            .map_or_else(Some, |mut input| stream(&mut input, &name, service, project, collected))
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
    let mut sink = |problem: LogProblem| lock(collected).take(name, service, problem);
    let mut scanner = LogScanner::new(project, &mut sink);
    // Who follows a log wants a line as it comes.
    let idle = || lock(collected).flush();
    let poured = blocks::pour(supply, project, &mut scanner, &idle);
    scanner.finish();
    poured.err()
}
