//! The `certs` command: certificate files on disk, no network.

mod screen;

use std::io;
use std::path::{Path, PathBuf};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tls_verify_checks::certificate_files as files;
use tls_verify_core::report::exit;
use tls_verify_core::x509::Purpose;

use crate::cli::{CertificateUse, CertsArgs, CertsFormat, ErrorFormat, names};
use crate::config::{ConfigError, Environment};
use crate::report::files::ReportFiles;
use crate::report::screen::Style;
use crate::usage::usage;

pub use tls_verify_core::certificates::*;

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &CertsArgs, environment: &Environment) -> u8 {
    let format = args.format.told();
    let mut reports = match ReportFiles::open(&args.report, &names::<CertsFormat>(&["human"])) {
        Ok(reports) => reports,
        Err(problems) => return usage(&problems, format),
    };
    let work = {
        let (args, environment) = (args.clone(), environment.clone());
        move || verdict(&args, &environment)
    };
    let (judged, look, interrupted) = match crate::runtime::interruptible(work) {
        Some(Ok((judged, look))) => (judged, look, false),
        Some(Err(problems)) => return usage(&problems, format),
        // A verdict on half of the files would be none.
        None => {
            crate::output::tell("interrupted: nothing is decided");
            let look = ValidityPolicy { at: OffsetDateTime::now_utc(), expiry_warn: args.expiry_warn };
            (CertificatesVerdict::default(), look, true)
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
    let color = crate::terminal::colored(args.color, environment);
    let code = crate::output::print(report.exit_code, |out| match args.format {
        CertsFormat::Human if interrupted => Ok(()),
        CertsFormat::Human => {
            let style = Style { color, quiet: args.quiet, verbose: args.verbose, ..Style::PLAIN };
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

fn verdict(
    args: &CertsArgs,
    environment: &Environment,
) -> Result<(CertificatesVerdict, ValidityPolicy), Vec<ConfigError>> {
    let mut problems = Vec::new();
    let look = ValidityPolicy { at: moment(args, &mut problems), expiry_warn: args.expiry_warn };
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
                ConfigError::new(
                    format!("{} does not exist", path.display()),
                    "name a folder with certificates, or files: --cacert FILE --cert FILE [--key FILE]; \
                     `cordumctl generate-certs` makes ./certs",
                )
                .in_file(path),
            );
        }
    }
    if single && args.cert.is_empty() && args.cacert.is_empty() {
        problems.push(ConfigError::new("--key needs --cert", "name the certificate that the key belongs to"));
    }
    if !problems.is_empty() {
        return Err(problems);
    }
    let purpose = args.purpose.map(|role| match role {
        CertificateUse::Server => Purpose::Server,
        CertificateUse::Client => Purpose::Client,
    });
    if single {
        let read = |file: &PathBuf| files::one(file, password);
        let named = named::GivenFiles {
            anchors: args.cacert.iter().map(read).collect(),
            certificates: args.cert.iter().map(read).collect(),
            key: args.key.as_ref().map(read),
            names: &args.name,
            purpose,
        };
        return Ok((named::verdict(named, look), look));
    }
    let mut judged = CertificatesVerdict::default();
    let mut loose = Vec::new();
    for path in &paths {
        if path != Path::new("-") && path.is_dir() && files::is_layout(path) {
            add(&mut judged, layout::verdict(files::layout(path, password), &args.name, look));
        } else {
            loose.extend(loose_files(path, password)?);
        }
    }
    if !loose.is_empty() {
        add(&mut judged, inventory::verdict(loose, &args.name, purpose, look));
    }
    Ok((judged, look))
}

/// `--at`, else now.
fn moment(args: &CertsArgs, problems: &mut Vec<ConfigError>) -> OffsetDateTime {
    let Some(text) = &args.at else { return OffsetDateTime::now_utc() };
    OffsetDateTime::parse(text, &Rfc3339).unwrap_or_else(|_| {
        problems.push(ConfigError::new(
            format!("--at: `{text}` is no RFC 3339 time"),
            "give a time such as 2027-01-31T12:00:00Z",
        ));
        OffsetDateTime::UNIX_EPOCH
    })
}

fn password(file: &Path, problems: &mut Vec<ConfigError>) -> Option<String> {
    match std::fs::read_to_string(file) {
        Ok(text) => {
            let password = text.trim_end_matches(['\r', '\n']).to_owned();
            tls_verify_checks::secret::remember(&password);
            Some(password)
        }
        Err(error) => {
            problems.push(
                ConfigError::new(
                    format!("the password file cannot be read: {error}"),
                    "put the password, and nothing else, into the file",
                )
                .in_file(file),
            );
            None
        }
    }
}

fn add(judged: &mut CertificatesVerdict, more: CertificatesVerdict) {
    judged.sources.extend(more.sources);
    judged.findings.extend(more.findings);
    judged.verifications.extend(more.verifications);
}

/// The certificate files of a path that is no layout of Cordum's: standard input, a folder, or a file.
fn loose_files(path: &Path, password: Option<&str>) -> Result<Vec<CertificateSource>, Vec<ConfigError>> {
    if path == Path::new("-") {
        return files::standard_input(password).map_err(|error| {
            vec![ConfigError::new(
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
        ConfigError::new(
            format!("{} holds more than this tool looks through", path.display()),
            "name the folder that holds the certificates (at most 12,000 files of 200,000 entries)",
        )
    } else if found.is_empty() {
        ConfigError::new(
            format!("{} holds no certificate file", path.display()),
            "name a folder with .crt, .pem or .key files",
        )
    } else {
        return Ok(found.iter().flat_map(|file| files::file(file, password)).collect());
    };
    Err(vec![problem.in_file(path)])
}
