//! The `audit` command: what a deployment is described by, read and judged without dialling anything.

mod allow;
#[cfg(feature = "kubernetes")]
mod cluster;
mod disk;
mod human;
mod live;
mod machine;
mod parallel;
mod programs;
mod rendered;
mod report;

#[cfg(not(feature = "kubernetes"))]
use super::without_kubernetes::audit as cluster;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use tls_verify_core::certificates::ValidityPolicy;
use tls_verify_core::manifest::compose::{self, Request};
use tls_verify_core::manifest::discover::{self, Discovered, Hints};
use tls_verify_core::manifest::{Description, files};
use tls_verify_core::rules::{self, AuditOptions};

use crate::cli::{AuditArgs, AuditFormat, Format};
use crate::config::{ConfigError, Environment};
use crate::report::screen::Style;
use crate::usage::usage;
use disk::Disk;
use report::{AuditReport, Judged};
use tls_verify_core::report::exit;

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &AuditArgs, environment: &Environment) -> u8 {
    let plain = if matches!(args.format, AuditFormat::Json | AuditFormat::Jsonl) {
        Format::Json
    } else {
        Format::Human
    };
    let mut files =
        match crate::report::files::ReportFiles::open(&args.report, &crate::cli::names::<AuditFormat>(&[])) {
            Ok(files) => files,
            Err(problems) => return usage(&problems, plain),
        };
    let work = {
        let (args, environment) = (args.clone(), environment.clone());
        move || audit(&args, &environment)
    };
    let report = match crate::runtime::interruptible(work) {
        Some(Ok(report)) => report,
        Some(Err(problems)) => return usage(&problems, plain),
        None => {
            crate::output::tell("interrupted: nothing is decided");
            return exit::INTERRUPTED;
        }
    };
    let color = crate::terminal::colored(args.color, environment);
    let width = crate::report::text::columns(&io::stdout()).clamp(40, human::WIDTH);
    let style = Style { color, quiet: args.quiet, verbose: args.verbose, width, ..Style::PLAIN };
    let code = crate::output::print(report.exit_code, |out| render(&report, args.format, style, out));
    let whole = files.write(|format, out| match <AuditFormat as clap::ValueEnum>::from_str(format, true) {
        Ok(format) => render(&report, format, Style { color: false, width: human::WIDTH, ..style }, out),
        Err(error) => Err(io::Error::other(error)),
    });
    crate::output::filed(code, whole)
}

fn render(
    report: &AuditReport,
    format: AuditFormat,
    style: Style,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    match format {
        AuditFormat::Human => human::write(report, style, out),
        AuditFormat::Json => machine::json(report, out),
        AuditFormat::Jsonl => machine::jsonl(report, out),
        AuditFormat::Junit => machine::junit(report, out),
        AuditFormat::Github => machine::github(report, out),
        AuditFormat::Sarif => machine::sarif(report, out),
        AuditFormat::Html => crate::report::page::write("audit", report, out),
    }
}

/// Reads and judges everything that was named.
fn audit(args: &AuditArgs, environment: &Environment) -> Result<AuditReport, Vec<ConfigError>> {
    // A chart may make its certificates while it is rendered: what is read is older than the look at it.
    let look = || ValidityPolicy { at: OffsetDateTime::now_utc(), expiry_warn: args.expiry_warn };
    if args.is_of_cluster() {
        let (mut description, objects) = cluster::described(args, environment)?;
        description.public_names.clone_from(&args.names);
        let mut verdicts = rules::audit(&description, &objects, AuditOptions { look: look(), live: true });
        cluster::without_lines(&mut verdicts);
        let disk = Disk::new(&[], None);
        return Ok(report::report(
            vec![Judged::new(&description, verdicts)],
            &disk.opened(),
            &disk,
            args.strict,
        ));
    }
    if args.docker {
        let description = live::docker(args, environment)?;
        let disk = Disk::new(&[PathBuf::from("/")], None);
        let mut verdicts = rules::audit(&description, &disk, AuditOptions { look: look(), live: true });
        live::without_lines(&mut verdicts);
        return Ok(report::report(
            vec![Judged::new(&description, verdicts)],
            &disk.opened(),
            &disk,
            args.strict,
        ));
    }
    let paths = args.inputs();
    let named: Vec<PathBuf> = paths.iter().cloned().chain(args.files.iter().map(PathBuf::from)).collect();
    all_there(args, &named)?;
    let stdin = if paths.iter().any(|path| path == Path::new("-")) { Some(standard_input()?) } else { None };
    let disk = Disk::new(&named, stdin);
    let hints = Hints {
        env_files: args.env_file.iter().map(|path| files::normal(path)).collect(),
        compose_file: environment.get("COMPOSE_FILE").map(str::to_owned).filter(|text| !text.is_empty()),
    };
    let mut descriptions = described(args, environment, &disk, &paths, &hints)?;
    if descriptions.is_empty() {
        let places: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
        return Err(vec![ConfigError::new(
            format!("{} holds no deployment", places.join(", ")),
            "name a Compose file (-f FILE), a manifest, a chart, or a folder that holds one; `helm template … | tls-verify audit -`",
        )]);
    }
    for one in &mut descriptions {
        one.stand_in = args.certs.as_deref().map(files::normal);
        one.public_names.clone_from(&args.names);
    }
    let looked_into = disk.opened();
    let look = look();
    let judged = parallel::each(&disk, &descriptions, |one| {
        Judged::new(one, rules::audit(one, &disk, AuditOptions { look, live: false }))
    });
    // Nobody waits for a thousand trees to be taken down.
    std::thread::spawn(move || drop(descriptions));
    Ok(report::report(judged, &looked_into, &disk, args.strict))
}

/// Everything that is named is there.
fn all_there(args: &AuditArgs, named: &[PathBuf]) -> Result<(), Vec<ConfigError>> {
    let more = args.env_file.iter().chain(&args.values).chain(&args.certs).map(PathBuf::from);
    let missing = named.iter().cloned().chain(more).filter(|path| path != Path::new("-") && !path.exists());
    let problems: Vec<ConfigError> = missing
        .map(|path| {
            ConfigError::new(
                format!("{} does not exist", path.display()),
                "name a folder, a file, or `-` for standard input",
            )
            .in_file(&path)
        })
        .collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

/// The deployments of the files, folders and charts that were named.
fn described(
    args: &AuditArgs,
    environment: &Environment,
    disk: &Disk,
    paths: &[PathBuf],
    hints: &Hints,
) -> Result<Vec<Description>, Vec<ConfigError>> {
    let mut source = Reader {
        args,
        disk,
        path: environment.get("PATH"),
        descriptions: Vec::new(),
        kustomizations: Vec::new(),
        problems: Vec::new(),
    };
    if !args.files.is_empty() {
        let folder = args
            .paths
            .first()
            .filter(|path| Path::new(path).is_dir())
            .map_or_else(|| files::parent(&files::normal(&args.files[0])), |path| files::normal(path));
        let request = Request {
            folder,
            files: args.files.iter().map(|path| files::normal(path)).collect(),
            env_files: hints.env_files.clone(),
        };
        let found = Discovered::Compose(request);
        source.take(&found, pure(disk, &found), true);
    }
    for path in paths {
        let shown = files::normal(&path.to_string_lossy());
        let found = if path.is_dir() {
            disk.search(|disk| discover::folder(disk, &shown, hints))
        } else {
            discover::file(disk, &shown, hints).into_iter().collect()
        };
        if found.is_empty() && paths.len() + args.files.len() > 1 {
            // Alone it is an error; among others it must not pass for one that was read.
            crate::output::tell(&format!("note: {} holds no deployment", path.display()));
        }
        let direct =
            |one: &Discovered| matches!(one, Discovered::Chart(folder) if *folder == shown) || !path.is_dir();
        let read = parallel::each(disk, &found, |one| pure(disk, one));
        let parts = parts(&found, &read);
        for ((one, descriptions), part) in found.iter().zip(read).zip(parts) {
            if !part {
                source.take(one, descriptions, direct(one));
            }
        }
    }
    let Reader { mut descriptions, kustomizations, problems, .. } = source;
    rendered::lend(disk, &mut descriptions, &kustomizations);
    if problems.is_empty() { Ok(descriptions) } else { Err(problems) }
}

fn standard_input() -> Result<Vec<u8>, Vec<ConfigError>> {
    const LIMIT: u64 = 16 * 1024 * 1024;
    let mut bytes = Vec::new();
    io::stdin().lock().take(LIMIT).read_to_end(&mut bytes).map_err(|error| {
        vec![ConfigError::new(
            format!("standard input cannot be read: {error}"),
            "pipe rendered YAML into it",
        )]
    })?;
    Ok(bytes)
}

/// Which Compose projects are a part of another one that includes them.
fn parts(found: &[Discovered], read: &[Vec<Description>]) -> Vec<bool> {
    let mut parts: Vec<bool> = vec![false; found.len()];
    for (at, one) in found.iter().enumerate() {
        let Discovered::Compose(request) = one else { continue };
        let has = |of: &Vec<Description>| {
            request.files.iter().all(|file| of.iter().any(|one| one.included.contains(file)))
        };
        parts[at] = read.iter().enumerate().any(|(other, of)| other != at && !parts[other] && has(of));
    }
    parts
}

/// Turns what was found into descriptions.
struct Reader<'a> {
    args: &'a AuditArgs,
    disk: &'a Disk,
    path: Option<&'a str>,
    descriptions: Vec<Description>,
    /// Their folders.
    kustomizations: Vec<String>,
    problems: Vec<ConfigError>,
}

/// What can be read without another program.
fn pure(disk: &Disk, found: &Discovered) -> Vec<Description> {
    match found {
        Discovered::Compose(request) => vec![compose::load(request, disk)],
        Discovered::Manifests(paths) => {
            let root = paths.first().map_or_else(|| ".".to_owned(), |path| files::parent(path));
            let root = if paths.len() > 1 { common(paths) } else { root };
            discover::manifests(disk, &root, paths)
        }
        Discovered::Alone(path) => vec![discover::alone(disk, path)],
        Discovered::Kustomization(_) | Discovered::Chart(_) => Vec::new(),
    }
}

impl Reader<'_> {
    /// What was read of something, and what its program makes of it where it needs one.
    fn take(&mut self, found: &Discovered, read: Vec<Description>, named: bool) {
        self.descriptions.extend(read);
        match found {
            Discovered::Kustomization(folder) => {
                self.descriptions.push(rendered::kustomization(self.disk, folder, self.path));
                self.kustomizations.push(folder.clone());
            }
            Discovered::Chart(folder) => {
                let given: Vec<String> = self.args.values.iter().map(|path| files::normal(path)).collect();
                match rendered::chart(self.disk, folder, named, &given, self.path) {
                    Ok(one) => self.descriptions.extend(one),
                    Err(problem) => self.problems.push(problem),
                }
            }
            Discovered::Compose(_) | Discovered::Manifests(_) | Discovered::Alone(_) => {}
        }
    }
}

/// The folder that all paths lie in.
fn common(paths: &[String]) -> String {
    let mut parts: Vec<&str> = paths.first().map(|path| path.split('/').collect()).unwrap_or_default();
    parts.pop();
    for path in paths {
        let other: Vec<&str> = path.split('/').collect();
        let same = parts.iter().zip(&other).take_while(|(one, two)| one == two).count();
        parts.truncate(same);
    }
    if parts.is_empty() { ".".to_owned() } else { parts.join("/") }
}
