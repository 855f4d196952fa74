//! The CA that a client is given, and the one that signed what its server serves.

use crate::cause::{CauseKind, Severity, Variant};
use crate::remedy::Change;
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{
    ClientTrust, Dial, Dialler, FileRef, Listener, Protocol, SettingKind, TlsMode, Verifies,
};
use crate::x509::Purpose;

/// For programs: a matter of the certificate.
pub(in crate::rules) fn other_ca(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        let asks = matches!(dial.dialler, Dialler::Program | Dialler::Probe);
        if asks
            && dial.tls_mode == TlsMode::Tls
            && dial.verifies == Verifies::Yes
            && listener.tls_mode == TlsMode::Tls
        {
            trust(case, dial, listener, "certificate", findings);
        }
    }
}

/// The CA that a client is given did not sign what its server serves.
pub(super) fn trust(
    case: &RuleContext<'_>,
    dial: &Dial,
    listener: &Listener,
    rule: &'static str,
    findings: &mut Vec<Finding>,
) {
    let (Some(served), Some(anchors)) = (case.served(listener), case.trusted(dial)) else { return };
    if anchors.iter().all(|one| one.facts.is_empty()) {
        return;
    }
    let Some(verdict) = case.chains(&served, &anchors, Purpose::Server) else { return };
    let of_trust = matches!(verdict.cause, Some(CauseKind::UnknownAuthority | CauseKind::BadSignature));
    if verdict.accepted || !of_trust {
        return;
    }
    let ClientTrust::Files(files) = &dial.trust else { return };
    let Some(file) = files.first() else { return };
    let server = case.called(listener.workload);
    let message = format!(
        "{} trusts {}, which did not sign the certificate of {server}",
        case.dialler(dial),
        anchors[0].name()
    );
    let own = listener.ca.as_ref().and_then(|ca| case.pem(listener.workload, listener.container, ca));
    let change = dial.workload.map(|at| {
        let fits = own.as_ref().filter(|ca| {
            case.chains(&served, std::slice::from_ref(ca), Purpose::Server).is_some_and(|one| one.accepted)
        });
        // The server's path is of use where the client has the same file there.
        let there = |ca: &&FileRef| {
            let own = case.pem(at, dial.container, ca);
            own.is_some_and(|own| {
                case.chains(&served, std::slice::from_ref(&own), Purpose::Server)
                    .is_some_and(|one| one.accepted)
            })
        };
        let to = fits.and(listener.ca.as_ref()).filter(there).map(|ca| ca.path.clone());
        case.change(at, file.kind, &file.setting, Some(&file.path), to.as_deref(), &file.place)
    });
    let mut finding = Finding::new(rule, Severity::Error, &file.place, message)
        .of(case.dialler(dial))
        .cause(CauseKind::UnknownAuthority, verdict.variant.or(Some(Variant::OtherCa)))
        .because(verdict.reason.unwrap_or_default());
    if let Some(facts) = served.facts.first() {
        finding = finding.because(format!("{} was issued by {}", served.name(), facts.issuer));
    }
    if let Some(facts) = anchors[0].facts.first() {
        finding = finding.because(format!("{} is {}", anchors[0].name(), facts.subject));
    }
    findings.push(finding.fix(case.cure(
        format!("give it the CA that signed the certificate of {server}"),
        change.into_iter().collect(),
    )));
}

/// A TLS URL without a CA, and a server of a private one.
pub(in crate::rules) fn missing_ca(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        let asks = matches!(dial.dialler, Dialler::Program | Dialler::Probe);
        let verifies = dial.tls_mode == TlsMode::Tls
            && dial.verifies == Verifies::Yes
            && dial.trust == ClientTrust::System;
        if !asks || !verifies || listener.tls_mode != TlsMode::Tls || dial.refuses.is_some() {
            continue;
        }
        let Some(served) = case.served(listener).filter(|served| case.is_private(served)) else { continue };
        let Some(workload) = dial.workload else { continue };
        let issuer = served.facts.first().map(|one| one.issuer.clone()).unwrap_or_default();
        let message = format!(
            "{} dials {} in TLS and is given no CA, but the certificate of {} is of a private one ({issuer})",
            case.dialler(dial),
            dial.shown,
            case.called(listener.workload),
        );
        let (variable, change) = given_ca(case, dial, workload);
        findings.push(
            Finding::new("missing-ca", Severity::Error, &dial.place, message)
                .of(case.dialler(dial))
                .cause(CauseKind::UnknownAuthority, None)
                .because("without a CA of its own it trusts the system's roots alone")
                .fix(case.cure(format!("mount the CA and name it: {variable}"), vec![change])),
        );
    }
}

/// The setting that gives a client its CA, as far as it is known.
pub(super) fn given_ca(case: &RuleContext<'_>, dial: &Dial, workload: usize) -> (&'static str, Change) {
    let variable = match (dial.program.is_cordum(), dial.protocol, dial.dialler) {
        (_, _, Dialler::Probe) => "--cacert",
        (true, Protocol::Nats, _) => "NATS_TLS_CA",
        (true, Protocol::Redis, _) => "REDIS_TLS_CA",
        _ => "the option that names its CA",
    };
    let place = case.container_place(workload, dial.container);
    let kind = if dial.dialler == Dialler::Probe { SettingKind::Config } else { SettingKind::Environment };
    let to = dial.program.is_cordum().then(|| sibling_ca(case, dial)).flatten();
    (variable, case.change(workload, kind, variable, None, to.as_deref(), &place))
}

/// The path under which another client of the same stack names its CA.
fn sibling_ca(case: &RuleContext<'_>, dial: &Dial) -> Option<String> {
    let workload = dial.workload?;
    let container = case.container(workload, dial.container);
    case.wiring.dials.iter().find_map(|other| match &other.trust {
        ClientTrust::Files(files) if other.protocol == dial.protocol || other.workload == dial.workload => {
            let path = &files.first()?.path;
            container.mount_of(path).map(|_| path.clone())
        }
        _ => None,
    })
}
