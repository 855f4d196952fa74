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
    let at = match &args.at {
        None => OffsetDateTime::now_utc(),
        Some(text) => OffsetDateTime::parse(text, &Rfc3339).unwrap_or_else(|_| {
            problems.push(Problem::new(
                format!("--at: `{text}` is no RFC 3339 time"),
                "give a time such as 2027-01-31T12:00:00Z",
            ));
            OffsetDateTime::UNIX_EPOCH
        }),
    };
    let look = Look { at, expiry_warn: args.expiry_warn };
    let password = args.password_file.as_ref().and_then(|file| match std::fs::read_to_string(file) {
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
    });
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
        if path == Path::new("-") {
            loose.extend(files::standard_input(password).map_err(|error| {
                vec![Problem::new(
                    format!("standard input cannot be read: {error}"),
                    "pipe PEM or a Secret into it",
                )]
            })?);
        } else if path.is_dir() && files::is_layout(path) {
            let one = layout::judge(files::layout(path, password), &args.name, look);
            judged.sources.extend(one.sources);
            judged.findings.extend(one.findings);
            judged.verifications.extend(one.verifications);
        } else if path.is_dir() {
            let files::Walked { files: found, cut } = files::walk(path);
            if cut {
                return Err(vec![
                    Problem::new(
                        format!("{} holds more than this tool looks through", path.display()),
                        "name the folder that holds the certificates (at most 12,000 files of 200,000 entries)",
                    )
                    .in_file(path),
                ]);
            }
            if found.is_empty() {
                return Err(vec![
                    Problem::new(
                        format!("{} holds no certificate file", path.display()),
                        "name a folder with .crt, .pem or .key files",
                    )
                    .in_file(path),
                ]);
            }
            loose.extend(found.iter().flat_map(|file| files::file(file, password)));
        } else {
            loose.extend(files::file(path, password));
        }
    }
    if !loose.is_empty() {
        let one = inventory::judge(loose, &args.name, purpose, look);
        judged.sources.extend(one.sources);
        judged.findings.extend(one.findings);
        judged.verifications.extend(one.verifications);
    }
    Ok((judged, look))
}
