//! The `certs` command: certificate files on disk, no network.

mod facts;
mod finding;
mod gather;
mod inventory;
mod keys;
mod layout;
mod modes;
mod read;
mod screen;
mod set;
mod single;
mod verdict;

use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tls_verify_checks::cause::CauseKind;

pub use facts::Facts;
pub use finding::{Finding, Grade};
pub use layout::Judged;
pub use read::{Found, bytes as read_bytes};
pub use single::Look;
pub use verdict::{Question, Verification, verify};

use crate::app::usage;
use crate::catalogue::Blanks;
use crate::cli::{CertsArgs, CertsFormat, ColorChoice, Format, Role};
use crate::config::{Environment, Problem};
use crate::outcome::exit;
use crate::trust::Purpose;

/// The report.
#[derive(Debug, Serialize)]
pub struct Report {
    pub schema: &'static str,
    pub outcome: &'static str,
    pub exit_code: u8,
    pub at: String,
    pub findings: Vec<Finding>,
    pub certificates: Vec<Facts>,
    /// The verdict on the chain; of several the worst one.
    pub verification: Option<Verification>,
    pub verifications: Vec<Verification>,
}

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &CertsArgs, environment: &Environment) -> u8 {
    let format = if args.format == CertsFormat::Human { Format::Human } else { Format::Json };
    let work = {
        let (args, environment) = (args.clone(), environment.clone());
        move || judged(&args, &environment)
    };
    let (judged, look, interrupted) = match crate::app::interruptible(work) {
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
        report.outcome = crate::outcome::outcome(exit::INTERRUPTED);
    }
    let color = match args.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stdout().is_terminal() && environment.get("NO_COLOR").is_none(),
    };
    crate::output::print(report.exit_code, |out| match args.format {
        CertsFormat::Human if interrupted => Ok(()),
        CertsFormat::Sarif => crate::report::sarif::certs(&report, out),
        CertsFormat::Json => serde_json::to_writer(&mut *out, &report)
            .map_err(io::Error::other)
            .and_then(|()| out.write_all(b"\n")),
        CertsFormat::Human => {
            let style = screen::Style { color, quiet: args.quiet, verbose: args.verbose };
            screen::write(&report, look, style, out)
        }
    })
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
        return Ok((named(args, purpose, look, password), look));
    }
    let mut judged = Judged::default();
    let mut loose = Vec::new();
    for path in &paths {
        if path == Path::new("-") {
            loose.extend(gather::standard_input(password).map_err(|error| {
                vec![Problem::new(
                    format!("standard input cannot be read: {error}"),
                    "pipe PEM or a Secret into it",
                )]
            })?);
        } else if path.is_dir() && gather::is_layout(path) {
            let one = layout::judge(path, &args.name, look, password);
            judged.sources.extend(one.sources);
            judged.findings.extend(one.findings);
            judged.verifications.extend(one.verifications);
        } else if path.is_dir() {
            let files = gather::walk(path);
            if files.is_empty() {
                return Err(vec![
                    Problem::new(
                        format!("{} holds no certificate file", path.display()),
                        "name a folder with .crt, .pem or .key files",
                    )
                    .in_file(path),
                ]);
            }
            loose.extend(files.iter().flat_map(|file| gather::file(file, password)));
        } else {
            loose.extend(gather::file(path, password));
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

/// `--cacert F --cert F [--key F]`.
fn named(args: &CertsArgs, purpose: Option<Purpose>, look: Look, password: Option<&str>) -> Judged {
    let read = |file: &PathBuf| gather::one(file, password);
    let anchors: Vec<_> = args.cacert.iter().map(read).collect();
    let certificates: Vec<_> = args.cert.iter().map(read).collect();
    let key = args.key.as_ref().map(read);
    let mut judged = Judged::default();
    for anchor in &anchors {
        judged.findings.extend(single::unreadable(anchor));
        let alone = anchor.facts.len() == 1 && anchors.len() == 1;
        for one in &anchor.facts {
            judged.findings.extend(single::dates(one, look, alone));
        }
    }
    if let Some((leaf, more)) = certificates.split_first() {
        let says = leaf.facts.first().map_or("server", Facts::purpose);
        let role = purpose.unwrap_or(if says == "client" && args.name.is_empty() {
            Purpose::Client
        } else {
            Purpose::Server
        });
        let set = set::Set {
            leaf,
            more: more.iter().collect(),
            key: key.as_ref(),
            anchors: anchors.iter().collect(),
            spare: &[],
            purpose: role,
            names: args.name.clone(),
            documented: &[],
            blanks: Blanks {
                ca: anchors.first().map_or_else(|| "CA_FILE".to_owned(), |one| one.name().to_owned()),
                ..Blanks::default()
            },
        };
        let (findings, verification) = set::judge(&set, look);
        judged.findings.extend(findings);
        judged.verifications.extend(verification);
        // Go's verdict counts: what only troubles an anchor that no chain needs is worth a look.
        if judged.verifications.iter().all(|one| one.accepted) && !judged.verifications.is_empty() {
            let names: Vec<&str> = anchors.iter().map(gather::Source::name).collect();
            for finding in &mut judged.findings {
                let of_anchor = names.contains(&finding.file.as_str());
                let of_order = finding.cause == Some(CauseKind::InvalidCa);
                if (of_anchor || of_order) && finding.severity == Grade::Error {
                    finding.severity = Grade::Warning;
                }
            }
        } else if judged.findings.iter().all(|one| one.severity != Grade::Error)
            && let Some(one) = judged.verifications.iter().find(|one| !one.accepted)
        {
            let mut finding = Finding::new(leaf.name(), Grade::Error, one.reason.clone().unwrap_or_default());
            finding.cause = one.cause;
            finding.variant = one.variant;
            judged.findings.push(finding);
        }
    }
    judged.sources = anchors.into_iter().chain(certificates).chain(key).collect();
    judged
}

fn report(judged: Judged, look: Look) -> Report {
    let Judged { sources, mut findings, verifications } = judged;
    let mut seen: Vec<Finding> = Vec::new();
    for finding in findings.drain(..) {
        if !seen.contains(&finding) {
            seen.push(finding);
        }
    }
    // Errors first; within a grade in the order of the files.
    seen.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let code =
        if seen.iter().any(|finding| finding.severity == Grade::Error) { exit::FAIL } else { exit::PASS };
    let nothing = sources.iter().all(|source| source.found.blocks.is_empty());
    let code = if nothing && code == exit::PASS { exit::UNDECIDED } else { code };
    let worst = verifications.iter().find(|one| !one.accepted).or(verifications.first()).cloned();
    Report {
        schema: "tls-verify/certs/v1",
        outcome: crate::outcome::outcome(code),
        exit_code: code,
        at: look.at.format(&Rfc3339).unwrap_or_default(),
        findings: seen,
        certificates: sources.into_iter().flat_map(|source| source.facts).collect(),
        verification: worst,
        verifications,
    }
}

/// What check 13 asks: the findings of a folder in the guide's layout.
#[must_use]
pub fn of_layout(folder: &Path, at: OffsetDateTime, expiry_warn: std::time::Duration) -> Vec<Finding> {
    layout::judge(folder, &[], Look { at, expiry_warn }, None).findings
}
