//! What `certs` says of the files that are mounted, by the role that each has there.

use std::collections::BTreeSet;

use super::Finding;
use super::client;
use super::context::RuleContext;
use crate::cause::{CauseKind, Severity, Variant};
use crate::certificates::{CertificateFinding as FileFinding, named, source::CertificateSource as Pem};
use crate::remedy::{Change, ChangeKind, Fix};
use crate::wiring::{ClientAuth, Dialler, FileRef, FileRole, OpenedPath, Protocol, TlsMode};
use crate::x509::Purpose;

/// Looks at every pair and every CA that a setting names.
pub(super) fn inspect(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    let mut seen: Vec<(usize, String, String)> = Vec::new();
    for listener in &case.wiring.listeners {
        if let Some(certificate) = &listener.certificate {
            let both = listener.protocol == Protocol::NatsRoute;
            let pair = (certificate, listener.key.as_ref());
            verdict(case, listener.workload, listener.container, pair, Purpose::Server, &mut seen, findings);
            if both {
                verdict(
                    case,
                    listener.workload,
                    listener.container,
                    pair,
                    Purpose::Client,
                    &mut seen,
                    findings,
                );
            }
        }
    }
    for dial in &case.wiring.dials {
        // A health check lends what lies there; a server's pair that is shown as a client's is its own matter.
        if let (Some((certificate, key)), Some(workload), true) =
            (&dial.identity, dial.workload, dial.dialler != Dialler::Probe)
        {
            let pair = (certificate, Some(key));
            verdict(case, workload, dial.container, pair, Purpose::Client, &mut seen, findings);
        }
    }
    for one in case.wiring.files.iter().filter(|one| one.role == FileRole::Ca) {
        authority(case, one.workload, one.container, &one.file, one.guessed, &mut seen, findings);
    }
    client::other_ca(case, findings);
    clients(case, findings);
}

fn verdict(
    case: &RuleContext<'_>,
    workload: usize,
    container: usize,
    pair: (&FileRef, Option<&FileRef>),
    purpose: Purpose,
    seen: &mut Vec<(usize, String, String)>,
    findings: &mut Vec<Finding>,
) {
    let (certificate, key) = pair;
    let role = format!("{purpose:?}");
    let mark = (workload, certificate.path.clone(), role);
    if seen.contains(&mark) {
        return;
    }
    seen.push(mark);
    let Some(leaf) = case.pem(workload, container, certificate) else { return };
    let key_pem = key.and_then(|key| case.pem(workload, container, key));
    let of_key = key_pem.as_ref().map(|pem| pem.name().to_owned());
    let input = named::GivenFiles {
        anchors: Vec::new(),
        certificates: vec![Pem::clone(&leaf)],
        key: key_pem.as_deref().cloned(),
        names: &[],
        purpose: Some(purpose),
    };
    for found in named::verdict(input, case.options.look).findings {
        if found.variant == Some(Variant::WorldReadable) || found.severity == Severity::Note {
            continue;
        }
        let at = match (&of_key, key) {
            (Some(name), Some(key)) if *name == found.file => key,
            _ if found.cause == Some(CauseKind::KeyMismatch) => key.unwrap_or(certificate),
            _ => certificate,
        };
        findings.push(of_file(case, workload, container, at, found));
    }
    if purpose == Purpose::Server {
        usage(case, workload, container, certificate, (&leaf, purpose), findings);
    }
}

/// A leaf that was made for the other end of a connection: nobody verifies it here, whatever else is right.
fn usage(
    case: &RuleContext<'_>,
    workload: usize,
    container: usize,
    file: &FileRef,
    (leaf, purpose): (&Pem, Purpose),
    findings: &mut Vec<Finding>,
) {
    let Some(facts) = leaf.facts.first().filter(|one| !one.ekus.is_empty() && !one.is_ca) else { return };
    let (wanted, end) = match purpose {
        Purpose::Server => ("serverAuth", "a server"),
        Purpose::Client => ("clientAuth", "a client"),
        Purpose::Any => return,
    };
    if facts.ekus.iter().any(|one| one == wanted || one == "anyExtendedKeyUsage") {
        return;
    }
    let mut found = FileFinding::new(
        leaf.name(),
        Severity::Error,
        format!("it is for {} alone, and is shown as {end}'s", facts.ekus.join(", ")),
    );
    found.cause = Some(CauseKind::WrongKeyUsage);
    findings.push(of_file(case, workload, container, file, found));
}

fn of_file(
    case: &RuleContext<'_>,
    workload: usize,
    container: usize,
    file: &FileRef,
    found: FileFinding,
) -> Finding {
    let shown = match &*case.open(workload, container, file) {
        OpenedPath::Content(content) => content.shown.clone(),
        _ => file.path.clone(),
    };
    let mut change = Change::new(case.called(workload), ChangeKind::File, shown.clone());
    if let Some((object, key)) = shown.strip_prefix("secret/").and_then(|rest| rest.split_once(':')) {
        change.kind = ChangeKind::Secret;
        change.name = format!("{object}/{key}");
    }
    change.defined_at = Some(file.place.clone());
    let text = match found.cause {
        Some(CauseKind::Expired) => {
            format!("put a certificate that is valid into {shown}, of the same CA, with the same names")
        }
        Some(CauseKind::KeyMismatch) => format!("put the key that belongs to its certificate into {shown}"),
        Some(CauseKind::WrongKeyUsage) => format!("issue {shown} again for this purpose"),
        _ => format!("put a file that can be used into {shown}"),
    };
    let mut finding =
        Finding::new("certificate", found.severity, &file.place, format!("{shown}: {}", found.message))
            .of(case.called(workload))
            .because(format!("{} names it", file.setting))
            .fix(Fix { text, command: None, changes: vec![change] });
    finding.cause = found.cause;
    finding.variant = found.variant;
    finding
}

/// A CA file: it can be read, and what it holds is valid.
fn authority(
    case: &RuleContext<'_>,
    workload: usize,
    container: usize,
    file: &FileRef,
    guessed: bool,
    seen: &mut Vec<(usize, String, String)>,
    findings: &mut Vec<Finding>,
) {
    let mark = (workload, file.path.clone(), "Ca".to_owned());
    if seen.contains(&mark) {
        return;
    }
    seen.push(mark);
    let Some(pem) = case.pem(workload, container, file) else { return };
    if guessed && pem.facts.is_empty() {
        return;
    }
    let input = named::GivenFiles {
        anchors: vec![Pem::clone(&pem)],
        certificates: Vec::new(),
        key: None,
        names: &[],
        purpose: None,
    };
    for found in named::verdict(input, case.options.look).findings {
        if found.severity != Severity::Note && found.variant != Some(Variant::WorldReadable) {
            findings.push(of_file(case, workload, container, file, found));
        }
    }
}

/// A server that demands certificates is given a CA that did not sign its client's.
fn clients(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    let mut told = BTreeSet::new();
    for (dial, listener) in case.ends() {
        let demands = matches!(listener.clients, ClientAuth::Demanded | ClientAuth::Optional);
        let (Some((certificate, _)), Some(ca), Some(workload)) =
            (&dial.identity, &listener.ca, dial.workload)
        else {
            continue;
        };
        if !demands
            || dial.tls_mode != TlsMode::Tls
            || listener.tls_mode != TlsMode::Tls
            || dial.dialler == Dialler::Probe
        {
            continue;
        }
        let Some(leaf) = case.pem(workload, dial.container, certificate) else { continue };
        if told.insert((workload, &certificate.path)) {
            usage(case, workload, dial.container, certificate, (&leaf, Purpose::Client), findings);
        }
        let Some(anchor) = case.pem(listener.workload, listener.container, ca) else { continue };
        if anchor.facts.is_empty() {
            continue;
        }
        let name = anchor.name().to_owned();
        let Some(verdict) = case.chains(&leaf, &[anchor], Purpose::Any) else { continue };
        let of_trust = matches!(verdict.cause, Some(CauseKind::UnknownAuthority | CauseKind::BadSignature));
        if verdict.accepted || !of_trust {
            continue;
        }
        let server = case.called(listener.workload);
        let message = format!(
            "{server} trusts {name}, which did not sign the certificate that {} shows",
            case.called(workload)
        );
        let change = case.change(
            workload,
            certificate.kind,
            &certificate.setting,
            Some(&certificate.path),
            None,
            &certificate.place,
        );
        findings.push(
            Finding::new("certificate", Severity::Error, &certificate.place, message)
                .of(case.called(workload))
                .cause(CauseKind::UnknownAuthority, verdict.variant.or(Some(Variant::OtherCa)))
                .because(format!("{} of {server} at {}", ca.setting, ca.place))
                .fix(case.cure(format!("show a certificate of the CA that {server} trusts"), vec![change])),
        );
    }
}
