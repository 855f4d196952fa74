//! The report as data: what every format renders.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use serde::Serialize;
use tls_verify_core::cause::{CauseKind, Severity, Variant};
use tls_verify_core::manifest::{Description, Files};
use tls_verify_core::remedy::Fix;
use tls_verify_core::rules::{ConfiguredLink, Finding, Undecided, Verdicts};
use tls_verify_core::wiring::TlsMode;

use super::allow;
use super::disk::Disk;
use tls_verify_core::report::exit;

/// Everything that was found.
#[derive(Debug, Serialize)]
pub(super) struct AuditReport {
    pub(super) schema: &'static str,
    pub(super) version: &'static str,
    pub(super) outcome: &'static str,
    pub(super) exit_code: u8,
    pub(super) deployments: Vec<AuditedDeployment>,
    pub(super) connections: Vec<ConnectionRow>,
    pub(super) findings: Vec<FindingRow>,
    pub(super) undecided: Vec<OpenRow>,
    /// The lines that are quoted, by file.
    #[serde(skip)]
    pub(super) lines: BTreeMap<(String, u32), String>,
}

/// A deployment that was read.
#[derive(Debug, Serialize)]
pub(super) struct AuditedDeployment {
    pub(super) source: String,
    pub(super) kind: &'static str,
    pub(super) workloads: usize,
}

/// A connection, as configured.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub(super) struct ConnectionRow {
    /// The deployment that it is one of, by its source.
    pub(super) deployment: String,
    pub(super) from: String,
    pub(super) to: String,
    pub(super) port: Option<u16>,
    pub(super) client: &'static str,
    pub(super) server: &'static str,
    pub(super) name: Option<String>,
}

/// A finding.
#[derive(Debug, Serialize)]
pub(super) struct FindingRow {
    pub(super) rule: &'static str,
    pub(super) cause: Option<CauseKind>,
    pub(super) variant: Option<Variant>,
    pub(super) severity: Severity,
    pub(super) file: String,
    pub(super) line: u32,
    pub(super) column: u32,
    pub(super) workload: Option<String>,
    pub(super) message: String,
    pub(super) because: Vec<String>,
    pub(super) fix: Vec<Fix>,
}

/// Something that could not be decided.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct OpenRow {
    pub(super) file: Option<String>,
    pub(super) line: Option<u32>,
    pub(super) what: String,
    pub(super) how: String,
    /// The verdict hangs on it.
    pub(super) decides: bool,
    /// A part of the description itself was not read.
    #[serde(skip)]
    pub(super) unread: bool,
}

/// A deployment with what was found in it.
pub(super) struct Judged {
    deployment: AuditedDeployment,
    /// The files that it was read from.
    read: BTreeSet<String>,
    verdicts: Verdicts,
}

impl Judged {
    pub(super) fn new(description: &Description, verdicts: Verdicts) -> Self {
        let deployment = AuditedDeployment {
            source: description.source.clone(),
            kind: description.kind.name(),
            workloads: description.workloads.len(),
        };
        Self { deployment, read: description.read.clone(), verdicts }
    }
}

/// Puts the verdicts of all deployments together.
/// `looked_into`: what was only looked into to see what it is.
pub(super) fn report(
    judged: Vec<Judged>,
    looked_into: &BTreeSet<String>,
    disk: &Disk,
    strict: bool,
) -> AuditReport {
    let mut read: BTreeSet<String> = disk.opened().difference(looked_into).cloned().collect();
    let mut deployments = Vec::new();
    let mut findings: Vec<Finding> = Vec::new();
    let mut seen = HashSet::new();
    let mut undecided = Vec::new();
    let mut connections: Vec<ConnectionRow> = Vec::new();
    let mut rows: HashSet<ConnectionRow> = HashSet::new();
    let names = names(&judged);
    for (name, Judged { deployment, read: own, verdicts }) in names.iter().zip(judged) {
        read.extend(own);
        for finding in verdicts.findings {
            // A file may be part of several deployments.
            let told =
                (finding.rule, finding.place.clone(), finding.workload.clone(), finding.message.clone());
            if seen.insert(told) {
                findings.push(finding);
            }
        }
        undecided.extend(verdicts.undecided.into_iter().map(open));
        for row in verdicts.links.iter().map(|link| row(name, link)) {
            if rows.insert(row.clone()) {
                connections.push(row);
            }
        }
        deployments.push(deployment);
    }
    if disk.is_full() {
        undecided.push(OpenRow {
            file: None,
            line: None,
            what: "not everything was read: the bounds of one look (10,000 files, 100 MB) are reached"
                .to_owned(),
            how: "audit parts of it".to_owned(),
            decides: true,
            unread: true,
        });
    }
    // Of what nothing was read nothing is clean.
    let empty = deployments.iter().all(|one| one.workloads == 0);
    undecided.iter_mut().filter(|one| empty && one.unread).for_each(|one| one.decides = true);
    allow::apply(&mut findings, &read, disk);
    findings.sort_by(|one, other| one.place.cmp(&other.place).then(other.severity.cmp(&one.severity)));
    let worst = findings.iter().map(|one| one.severity).max();
    let failed = match worst {
        Some(Severity::Error) => true,
        Some(Severity::Warning) => strict,
        Some(Severity::Note) | None => false,
    };
    let code = exit::of(failed, undecided.iter().any(|one| one.decides));
    let lines = quoted(&findings, disk);
    AuditReport {
        schema: "tls-verify/audit/v1",
        version: env!("CARGO_PKG_VERSION"),
        outcome: tls_verify_core::report::outcome(code),
        exit_code: code,
        deployments,
        connections,
        findings: findings.into_iter().map(told).collect(),
        undecided,
        lines,
    }
}

/// What each deployment is told apart by: its source, its kind where a source has several, and a number where that
/// is not enough.
fn names(judged: &[Judged]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for Judged { deployment, .. } in judged {
        let of_source = judged.iter().filter(|one| one.deployment.source == deployment.source).count();
        let name = match of_source {
            1 => deployment.source.clone(),
            _ => format!("{} ({})", deployment.source, deployment.kind),
        };
        let numbers = (2..).map(|number| format!("{name} {number}"));
        let free = std::iter::once(name.clone()).chain(numbers).find(|one| !names.contains(one));
        names.extend(free);
    }
    names
}

fn open(one: Undecided) -> OpenRow {
    OpenRow {
        file: one.place.as_ref().map(|place| place.file.to_string()),
        line: one.place.as_ref().map(|place| place.line),
        what: one.what,
        how: one.how,
        decides: one.decides,
        unread: one.unread,
    }
}

fn told(one: Finding) -> FindingRow {
    FindingRow {
        rule: one.rule,
        cause: one.cause,
        variant: one.variant,
        severity: one.severity,
        file: one.place.file.to_string(),
        line: one.place.line,
        column: one.place.column,
        workload: (!one.workload.is_empty()).then_some(one.workload),
        message: one.message,
        because: one.because,
        fix: one.fix,
    }
}

fn row(deployment: &str, link: &ConfiguredLink) -> ConnectionRow {
    let tls_mode = |one: TlsMode, mutual: bool| match one {
        TlsMode::Tls if mutual => "mtls",
        TlsMode::Tls => "tls",
        TlsMode::Plain => "plaintext",
        TlsMode::Unknown => "unknown",
    };
    ConnectionRow {
        deployment: deployment.to_owned(),
        from: link.from.clone(),
        to: link.to.clone(),
        port: link.port,
        client: tls_mode(link.client, false),
        server: tls_mode(link.server, link.mutual),
        name: link.name.clone(),
    }
}

fn quoted(findings: &[Finding], disk: &Disk) -> BTreeMap<(String, u32), String> {
    let mut lines = BTreeMap::new();
    for finding in findings.iter().filter(|one| one.place.line > 0) {
        let key = (finding.place.file.to_string(), finding.place.line);
        if lines.contains_key(&key) {
            continue;
        }
        let Ok(text) = disk.text(&finding.place.file) else { continue };
        if let Some(line) = text.lines().nth(finding.place.line as usize - 1) {
            lines.insert(key, crate::report::text::escape_controls(&hidden(line)));
        }
    }
    lines
}

/// A line without its secrets: keys and what stands behind names that say that it is one.
pub(super) fn hidden(line: &str) -> String {
    let line: String = line.chars().take(400).collect();
    let shown = without_passwords(&tls_verify_core::redaction::redact(&line));
    // Base64 of a Secret is its value; a certificate's is no secret, but nobody reads it here.
    match shown.split_once(": ") {
        Some((key, value)) if value.len() > 120 && !value.contains(' ') => format!("{key}: ***"),
        _ => shown,
    }
}

/// The word behind an option or a name that says that it is a password.
fn without_passwords(line: &str) -> String {
    const NAMES: [&str; 7] =
        ["requirepass", "masterauth", "password", "passwd", "--pass", "token", "api_key"];
    let lower = line.to_ascii_lowercase();
    let mut shown = String::new();
    let mut at = 0;
    while let Some((begin, name)) =
        NAMES.iter().filter_map(|name| lower[at..].find(name).map(|found| (found + at, name))).min()
    {
        let after = begin + name.len();
        let rest = &line[after..];
        let blank =
            rest.find(|c: char| !matches!(c, ' ' | '=' | ':' | '"' | '\'' | ',')).unwrap_or(rest.len());
        let word = &rest[blank..];
        let end = word.find([' ', '"', '\'', ',', ']', '}']).unwrap_or(word.len());
        shown.push_str(&line[at..after + blank]);
        // A reference is no secret, and a name goes on.
        if blank == 0 || word.starts_with('$') || end == 0 {
            shown.push_str(&word[..end]);
        } else {
            shown.push_str("***");
        }
        at = after + blank + end;
    }
    shown.push_str(&line[at..]);
    shown
}
