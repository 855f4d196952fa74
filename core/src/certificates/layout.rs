//! A folder in the guide's layout: `ca/`, `server/`, `client/`, judged as the stack uses them.

use std::path::{Path, PathBuf};

use crate::cause::{CauseKind, Severity, Variant};
use crate::remedy::shell;

use super::finding::CertificateFinding;
use super::key_pair::{self, KeyPair};
use super::permissions::{self, FolderPermissions};
use super::single::{self, ValidityPolicy, day};
use super::source::CertificateSource;
use super::verdict::Verification;
use crate::remedy::catalogue::Placeholders;
use crate::x509::Purpose;

/// Names by which something of the stack connects: clients of NATS, Redis and the safety kernel, the
/// dashboard's upstream, operators on the host.
pub(super) const USED: &[&str] = &["localhost", "nats", "redis", "cordum-api-gateway", "safety-kernel"];

/// Names that the generator or the guide lists and nothing connects by.
pub(super) const DOCUMENTED: &[&str] = &[
    "127.0.0.1",
    "::1",
    "scheduler",
    "workflow-engine",
    "context-engine",
    "dashboard",
    "api-gateway",
    "cordum-safety-kernel",
    "cordum-scheduler",
    "cordum-workflow-engine",
    "cordum-context-engine",
    "cordum-dashboard",
];

/// What was found in a folder.
#[derive(Debug, Default)]
pub struct CertificatesVerdict {
    pub sources: Vec<CertificateSource>,
    pub findings: Vec<CertificateFinding>,
    pub verifications: Vec<Verification>,
}

/// The folder's files, each read from where the stack mounts it.
#[derive(Debug)]
pub struct LayoutFiles {
    pub ca: CertificateSource,
    pub server: CertificateSource,
    pub server_key: CertificateSource,
    pub client: CertificateSource,
    pub client_key: CertificateSource,
}

/// The files of the guide's layout.
pub const LAYOUT: [&str; 5] =
    ["ca/ca.crt", "server/tls.crt", "server/tls.key", "client/tls.crt", "client/tls.key"];

/// A folder in the guide's layout, as it was read.
#[derive(Debug)]
pub struct CertificateFolder {
    pub path: PathBuf,
    pub files: LayoutFiles,
    /// Whatever else lies there, without the CA's key.
    pub others: Vec<CertificateSource>,
    /// The CA's key lies there.
    pub has_ca_key: bool,
    /// Who may read what, where the system has owners and modes.
    pub modes: Option<FolderPermissions>,
}

/// Judges the folder; `names`: instead of those that the stack uses.
#[must_use]
pub fn verdict(folder: CertificateFolder, names: &[String], policy: ValidityPolicy) -> CertificatesVerdict {
    let CertificateFolder { path, files, others, has_ca_key, modes } = folder;
    let mut judged = CertificatesVerdict::default();
    judged.findings.extend(authority(&files, policy));
    let candidates: Vec<Vec<u8>> = others.iter().flat_map(CertificateSource::authorities).collect();
    let blanks = Placeholders {
        ca: files.ca.name().to_owned(),
        certs: path.display().to_string(),
        service: "SERVICE".to_owned(),
        ..Placeholders::default()
    };
    let used: Vec<String> =
        if names.is_empty() { USED.iter().map(|name| (*name).to_owned()).collect() } else { names.to_vec() };
    let sets = [
        KeyPair {
            leaf: &files.server,
            more: Vec::new(),
            key: Some(&files.server_key),
            anchors: vec![&files.ca],
            candidates: &candidates,
            purpose: Purpose::Server,
            names: used,
            documented: if names.is_empty() { DOCUMENTED } else { &[] },
            blanks: blanks.clone(),
        },
        KeyPair {
            leaf: &files.client,
            more: Vec::new(),
            key: Some(&files.client_key),
            anchors: vec![&files.ca],
            candidates: &candidates,
            purpose: Purpose::Client,
            names: Vec::new(),
            documented: &[],
            blanks,
        },
    ];
    for set in &sets {
        let (findings, verification) = key_pair::verdict(set, policy);
        judged.findings.extend(findings);
        judged.verifications.extend(verification);
    }
    unread(&files, &mut judged.findings);
    judged.findings.extend(modes.iter().flat_map(|modes| permissions::inspect(&path, modes)));
    judged.findings.extend(beside(&path, has_ca_key, &others, policy));
    judged.findings.extend(made(&files));
    judged.sources = vec![files.ca, files.server, files.server_key, files.client, files.client_key];
    judged.sources.extend(others);
    judged
}

/// What the services cannot read where they look for it is an error, whatever others make of it.
fn unread(files: &LayoutFiles, findings: &mut [CertificateFinding]) {
    let certificates = |one: &CertificateSource| {
        !one.facts.is_empty() && one.found.certificates().count() > one.found.passed_over
    };
    let keys = |one: &CertificateSource| one.found.keys().count() > one.found.passed_over;
    let LayoutFiles { ca, server, server_key, client, client_key } = files;
    let trusted = certificates(ca) && !ca.trusted_by_go().is_empty();
    let all = [(ca, trusted), (server, certificates(server)), (client, certificates(client))];
    for (source, usable) in all.into_iter().chain([server_key, client_key].map(|one| (one, keys(one)))) {
        let of_it =
            |one: &&mut CertificateFinding| one.file == source.name() && one.severity == Severity::Warning;
        if !usable {
            findings.iter_mut().filter(of_it).for_each(|one| one.severity = Severity::Error);
        }
    }
}

/// The CA file: at least one certificate in it has to be usable now.
fn authority(files: &LayoutFiles, policy: ValidityPolicy) -> Vec<CertificateFinding> {
    let source = &files.ca;
    let mut found = single::unreadable(source);
    if source.facts.is_empty() {
        if source.found.faults.is_empty() {
            found.push(
                CertificateFinding::new(source.name(), Severity::Error, "it holds no certificate")
                    .of(CauseKind::BadKeyFile, Some(Variant::WrongKind)),
            );
        }
        return found;
    }
    if source.found.keys().next().is_some() {
        found.push(
            CertificateFinding::new(
                source.name(),
                Severity::Warning,
                "the CA file holds a private key: every service mounts it",
            )
            .of(CauseKind::BadKeyFile, Some(Variant::WrongKind))
            .fix(
                "keep certificates only in it; this writes them beside it",
                format!(
                    "openssl x509 -in {} -out {}",
                    shell::path(source.name()),
                    shell::path(&format!("{}.new", source.name()))
                ),
            ),
        );
    }
    let valid = |one: &super::summary::CertificateSummary| policy.at >= one.begins && policy.at <= one.ends;
    let usable = source.facts.iter().any(|one| valid(one) && single::authority(one).is_none());
    let leaves = [files.server.facts.first(), files.client.facts.first()];
    for one in &source.facts {
        found.extend(single::make(one));
        found.extend(single::dates(one, policy, !usable));
        let own = leaves.into_iter().flatten().any(|leaf| leaf.der == one.der);
        if let Some(mut finding) = single::authority(one) {
            if own {
                finding.severity = Severity::Note;
                finding.message = format!(
                    "the CA file holds the end-entity certificate of {} itself: Go accepts it as its own anchor",
                    one.called()
                );
                finding.fix.clear();
            } else if usable {
                finding.severity = Severity::Warning;
            }
            found.push(finding);
        }
        for leaf in leaves.into_iter().flatten() {
            if leaf.issuer == one.subject && one.ends + time::Duration::hours(1) < leaf.ends && valid(one) {
                let message = format!(
                    "the CA of {} ends on {}, before the certificate of {} ({}): that day it stops working with it",
                    one.called(),
                    day(one.ends),
                    leaf.called(),
                    day(leaf.ends)
                );
                found.push(
                    CertificateFinding::new(source.name(), Severity::Warning, message)
                        .of(CauseKind::Expired, Some(Variant::ExpiredCa)),
                );
            }
        }
    }
    found
}

/// Other files of the folder are worth a note, never more.
fn beside(
    folder: &Path,
    has_ca_key: bool,
    others: &[CertificateSource],
    policy: ValidityPolicy,
) -> Vec<CertificateFinding> {
    let mut found = Vec::new();
    let key = folder.join("ca/ca.key");
    if has_ca_key {
        let message = "the CA's private key lies in the folder that every service mounts: whoever reads it can \
                       make certificates that the whole stack trusts";
        found.push(
            CertificateFinding::new(&key.display().to_string(), Severity::Note, message)
                .fix("keep it elsewhere; no service needs it", ""),
        );
    }
    for other in others {
        let ended = other.facts.iter().filter(|one| policy.at > one.ends).count();
        let what = match (other.facts.len(), other.found.keys().count()) {
            (0, 0) => "nothing that can be used".to_owned(),
            (0, _) => "a private key".to_owned(),
            (1, _) => format!("the certificate of {}", other.facts[0].called()),
            (count, _) => format!("{count} certificates"),
        };
        let ended = if ended > 0 { format!(", {ended} ended") } else { String::new() };
        found.push(CertificateFinding::new(
            other.name(),
            Severity::Note,
            format!("not of the guide's layout: {what}{ended}"),
        ));
    }
    found
}

/// Whether `cordumctl generate-certs` may have made it: information only.
fn made(files: &LayoutFiles) -> Option<CertificateFinding> {
    let ca = files.ca.facts.first()?;
    let leaves = [files.server.facts.first()?, files.client.facts.first()?];
    let shaped = ca.called() == "Cordum Dev CA"
        && leaves.iter().chain([&ca]).all(|one| one.key == "EC P-256" && one.raw_serial.len() <= 17);
    shaped.then(|| {
        CertificateFinding::new(
            ca.file.as_str(),
            Severity::Note,
            "made by `cordumctl generate-certs`: EC P-256, PKCS#8, 128-bit serial numbers, CA and leaves end together",
        )
    })
}
