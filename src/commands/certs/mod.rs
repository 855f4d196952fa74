//! The `certs` command: certificate files on disk, no network.

mod screen;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tls_verify_checks::certificate_files as files;
use tls_verify_core::report::exit;
use tls_verify_core::x509::Purpose;

use crate::cli::{CertsArgs, CertsFormat, ColorChoice, Role, Told, names};
use crate::config::{Environment, Problem};
use crate::report::files::Files;
use crate::usage::usage;

pub use tls_verify_core::certificates::*;

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &CertsArgs, environment: &Environment) -> u8 {
    let format = args.format.told();
    let mut reports = match Files::open(&args.report, &names::<CertsFormat>(&["human"])) {
        Ok(reports) => reports,
        Err(problems) => return usage(&problems, format),
    };
    let work = {
        let (args, environment) = (args.clone(), environment.clone());
        move || judged(&args, &environment)
    };
    let (judged, look, interrupted) = match crate::runtime::interruptible(work) {
        Some(Ok((judged, look))) => (judged, look, false),
        Some(Err(problems)) => return usage(&problems, format),
        // A verdict on half of the files would be none.
        None => {
            crate::output::tell("interrupted: nothing is decided");
            let look = Look { at: OffsetDateTime::now_utc(), expiry_warn: args.expiry_warn };
            (Judged::default(), look, true)
        }
    };
    let mut report = report(judged, look);
    for fix in report.findings.iter_mut().flat_map(|finding| &mut finding.fix) {
        fix.command = fix.command.take().map(|command| crate::config::compose::spoken(&command, environment));
    }
    if interrupted {
        report.exit_code = exit::INTERRUPTED;
        report.outcome = tls_verify_core::report::outcome(exit::INTERRUPTED);
    }
    let color = match args.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stdout().is_terminal() && environment.get("NO_COLOR").is_none(),
    };
    let code = crate::output::print(report.exit_code, |out| match args.format {
        CertsFormat::Human if interrupted => Ok(()),
        CertsFormat::Human => {
            let style = screen::Style { color, quiet: args.quiet, verbose: args.verbose };
            screen::write(&report, look, style, out)
        }
        other => crate::report::certs(&report, other, out),
    });
    let whole = reports.write(|format, out| match <CertsFormat as clap::ValueEnum>::from_str(format, true) {
        Ok(format) => crate::report::certs(&report, format, out),
        Err(error) => Err(io::Error::other(error)),
    });
    crate::output::filed(code, whole)
}

fn judged(args: &CertsArgs, environment: &Environment) -> Result<(Judged, Look), Vec<Problem>> {
    let mut problems = Vec::new();
    let look = Look { at: moment(args, &mut problems), expiry_warn: args.expiry_warn };
    let password = args.password_file.as_ref().and_then(|file| password(file, &mut problems));
    let password = password.as_deref();
    let single = !args.cacert.is_empty() || !args.cert.is_empty() || args.key.is_some();
    let paths = match (args.paths.is_empty(), single) {
        (false, _) => args.paths.clone(),
        (true, true) => Vec::new(),
        (true, false) => {
            vec![environment.get("CORDUM_CERT_DIR").map_or_else(|| PathBuf::from("./certs"), PathBuf::from)]
        }
    };
    for path in paths.iter().chain(&args.cacert).chain(&args.cert).chain(&args.key) {
        if path != Path::new("-") && !path.exists() {
            problems.push(
                Problem::new(
                    format!("{} does not exist", path.display()),
                    "name a folder with certificates, or files: --cacert FILE --cert FILE [--key FILE]; \
                     `cordumctl generate-certs` makes ./certs",
                )
                .in_file(path),
            );
        }
    }
    if single && args.cert.is_empty() && args.cacert.is_empty() {
        problems.push(Problem::new("--key needs --cert", "name the certificate that the key belongs to"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let purpose = args.purpose.map(|role| match role {
        Role::Server => Purpose::Server,
        Role::Client => Purpose::Client,
    });
    if single {
        let read = |file: &PathBuf| files::one(file, password);
        let named = named::Named {
            anchors: args.cacert.iter().map(read).collect(),
            certificates: args.cert.iter().map(read).collect(),
            key: args.key.as_ref().map(read),
            names: &args.name,
            purpose,
        };
        return Ok((named::judge(named, look), look));
    }
    let mut judged = Judged::default();
    let mut loose = Vec::new();
    for path in &paths {
        if path != Path::new("-") && path.is_dir() && files::is_layout(path) {
            add(&mut judged, layout::judge(files::layout(path, password), &args.name, look));
        } else {
            loose.extend(loose_files(path, password)?);
        }
    }
    if !loose.is_empty() {
        add(&mut judged, inventory::judge(loose, &args.name, purpose, look));
    }
    Ok((judged, look))
}

/// `--at`, else now.
fn moment(args: &CertsArgs, problems: &mut Vec<Problem>) -> OffsetDateTime {
    let Some(text) = &args.at else { return OffsetDateTime::now_utc() };
    OffsetDateTime::parse(text, &Rfc3339).unwrap_or_else(|_| {
        problems.push(Problem::new(
            format!("--at: `{text}` is no RFC 3339 time"),
            "give a time such as 2027-01-31T12:00:00Z",
        ));
        OffsetDateTime::UNIX_EPOCH
    })
}

fn password(file: &Path, problems: &mut Vec<Problem>) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let password = text.trim_end_matches(['\r', '\n']).to_owned();
            tls_verify_checks::secret::remember(&password);
            Some(password)
        }
        Err(error) => {
            problems.push(
                Problem::new(
                    format!("the password file cannot be read: {error}"),
                    "put the password, and nothing else, into the file",
                )
                .in_file(file),
            );
            None
        }
    }
}

fn add(judged: &mut Judged, more: Judged) {
    judged.sources.extend(more.sources);
    judged.findings.extend(more.findings);
    judged.verifications.extend(more.verifications);
}

/// The certificate files of a path that is no layout of Cordum's: standard input, a folder, or a file.
fn loose_files(path: &Path, password: Option<&str>) -> Result<Vec<Source>, Vec<Problem>> {
    if path == Path::new("-") {
        return files::standard_input(password).map_err(|error| {
            vec![Problem::new(
                format!("standard input cannot be read: {error}"),
                "pipe PEM or a Secret into it",
            )]
        });
    }
    if !path.is_dir() {
        return Ok(files::file(path, password));
    }
    let files::Walked { files: found, cut } = files::walk(path);
    let problem = if cut {
        Problem::new(
            format!("{} holds more than this tool looks through", path.display()),
            "name the folder that holds the certificates (at most 12,000 files of 200,000 entries)",
        )
    } else if found.is_empty() {
        Problem::new(
            format!("{} holds no certificate file", path.display()),
            "name a folder with .crt, .pem or .key files",
        )
    } else {
        return Ok(found.iter().flat_map(|file| files::file(file, password)).collect());
    };
    Err(vec![problem.in_file(path)])
}
