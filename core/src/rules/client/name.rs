//! The name that a client verifies, and those in the certificate of its server.

use super::compatible;
use crate::cause::{CauseKind, Severity};
use crate::remedy::Fix;
use crate::rules::Finding;
use crate::rules::case::Case;
use crate::wiring::{
    Dial, Dialler, Listener, Opened, Program, Protocol, SettingKind, Speech, Verifies, is_loopback,
};
use crate::workload::Place;
use crate::x509;

/// For programs.
pub(in crate::rules) fn names(case: &Case<'_>, findings: &mut Vec<Finding>) {
    public_names(case, findings);
    for (dial, listener) in case.ends() {
        let verifies =
            dial.speech == Speech::Tls && dial.verifies == Verifies::Yes && listener.speech == Speech::Tls;
        if dial.dialler == Dialler::Program && verifies && compatible(dial.protocol, listener.protocol) {
            name(case, dial, listener, "name-not-in-certificate", findings);
        }
    }
}

/// The name that a client verifies is not in the certificate of its server.
pub(super) fn name(
    case: &Case<'_>,
    dial: &Dial,
    listener: &Listener,
    rule: &'static str,
    findings: &mut Vec<Finding>,
) {
    let Some((name, place, setting)) = &dial.name else { return };
    if name.contains(crate::workload::Template::OPEN) {
        return;
    }
    let server = case.called(listener.workload);
    let (names, variant) = match case.served(listener) {
        Some(served) => {
            let Some(facts) = served.facts.first() else { return };
            let Ok(parsed) = &facts.parsed() else { return };
            match x509::matches_name(parsed, name) {
                Ok(()) => return,
                Err(refusal) => (Case::names(facts), refusal.variant),
            }
        }
        None => {
            // cert-manager says which names it will ask for.
            let Some(names) = made_names(case, listener) else { return };
            if names.is_empty() || names.iter().any(|one| stands_for(one, name)) {
                return;
            }
            (names.join(", "), None)
        }
    };
    let message = format!(
        "{} verifies the name {name}, and the certificate of {server} is for {names}",
        case.dialler(dial)
    );
    // A name that it has, and under which it is known.
    let known = case.workload(listener.workload).aliases.iter();
    let has: Vec<&str> = names.split(", ").filter(|one| !one.starts_with('*')).collect();
    let alias = known.map(String::as_str).find(|alias| has.contains(alias));
    let mut finding = Finding::new(rule, Severity::Error, place, message)
        .of(case.dialler(dial))
        .cause(CauseKind::HostnameMismatch, variant);
    let fix = match dial.workload {
        Some(at) => {
            let server_name = match dial.protocol {
                Protocol::Nats if dial.program.is_cordum() => Some("NATS_TLS_SERVER_NAME"),
                Protocol::Redis if dial.program.is_cordum() => Some("REDIS_TLS_SERVER_NAME"),
                Protocol::Http if dial.program == Program::Nginx => Some("proxy_ssl_name"),
                Protocol::Grpc if dial.program == Program::Nginx => Some("grpc_ssl_name"),
                _ => None,
            };
            // A name of another service would do for the verifier, and mislead whoever reads it.
            let own = case.workload(listener.workload).name.clone();
            let near = |one: &&str| {
                !is_loopback(one)
                    && one.parse::<std::net::IpAddr>().is_err()
                    && [own.as_str(), name.as_str()].iter().any(|wanted| {
                        one.contains(wanted)
                            || wanted.contains(*one)
                            || strsim::jaro_winkler(one, wanted) > 0.8
                    })
            };
            let only = match has.as_slice() {
                [one] if !is_loopback(one) => Some(*one),
                _ => None,
            };
            let gateway = (case.program(listener.workload, listener.container) == Program::Gateway)
                .then(|| has.iter().copied().find(|one| *one == "cordum-api-gateway"))
                .flatten();
            let better = alias.or(gateway).or_else(|| has.iter().copied().find(near)).or(only);
            match (server_name, better) {
                (Some(variable), Some(better)) => {
                    let own = setting == variable;
                    let from = own.then_some(name.as_str());
                    let kind = if dial.program == Program::Nginx {
                        SettingKind::Config
                    } else {
                        SettingKind::Environment
                    };
                    let at_place: Place = if own || dial.program == Program::Nginx {
                        place.clone()
                    } else {
                        case.container_place(at, dial.container)
                    };
                    let change = case.change(at, kind, variable, from, Some(better), &at_place);
                    case.cure(
                        format!("set {variable} to {better}, a name that the certificate has"),
                        vec![change],
                    )
                }
                // A setting of its own for the name, else the address itself.
                (None, Some(better)) if *setting != dial.setting => {
                    let change =
                        case.change(at, dial.kind, setting, Some(name.as_str()), Some(better), place);
                    case.cure(
                        format!("set {setting} to {better}, a name that the certificate has"),
                        vec![change],
                    )
                }
                (None, _) if alias.is_some() && dial.raw.contains(name.as_str()) => {
                    let to = dial.raw.replacen(name.as_str(), alias.unwrap_or_default(), 1);
                    let change =
                        case.change(at, dial.kind, &dial.setting, Some(&dial.raw), Some(&to), &dial.place);
                    case.cure(
                        format!("dial {to}: under that name it is reached too, and the certificate has it"),
                        vec![change],
                    )
                }
                _ => issue_again(case, listener, name, &names),
            }
        }
        None => issue_again(case, listener, name, &names),
    };
    finding = finding.because(format!(
        "{server} serves it by {}",
        listener.certificate.as_ref().map_or("", |one| &one.setting)
    ));
    findings.push(finding.fix(fix));
}

fn issue_again(case: &Case<'_>, listener: &Listener, name: &str, names: &str) -> Fix {
    let text = format!(
        "issue the certificate of {} again by the same CA, with {name} among its names",
        case.called(listener.workload)
    );
    let file = listener.certificate.as_ref().map(|file| {
        let shown = match &*case.open(listener.workload, listener.container, file) {
            Opened::Content(content) => content.host.clone().unwrap_or_else(|| content.shown.clone()),
            _ => file.path.clone(),
        };
        let mut change = crate::remedy::Change::new(
            case.called(listener.workload),
            crate::remedy::ChangeKind::File,
            shown,
        );
        change.from = Some(format!("names {names}"));
        change.to = Some(format!("names {names}, {name}"));
        change.defined_at = Some(file.place.clone());
        change
    });
    case.cure(text, file.into_iter().collect())
}

/// The names that a certificate will have which is made when the deployment runs.
fn made_names(case: &Case<'_>, listener: &Listener) -> Option<Vec<String>> {
    let file = listener.certificate.as_ref()?;
    let workload = case.workload(listener.workload);
    let mount = case.container(listener.workload, listener.container).mount_of(&file.path)?;
    let crate::workload::MountSource::Secret { name, .. } = &mount.source else { return None };
    let made =
        case.description.makes(crate::manifest::StoredKind::Secret, workload.namespace.as_deref(), name)?;
    Some(made.names.clone())
}

fn stands_for(pattern: &str, name: &str) -> bool {
    match pattern.strip_prefix("*.") {
        Some(tail) => name.split_once('.').is_some_and(|(_, rest)| rest.eq_ignore_ascii_case(tail)),
        None => pattern.eq_ignore_ascii_case(name),
    }
}

/// Names that the operator says clients use: for what is published.
fn public_names(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for listener in &case.wiring.listeners {
        let published = &case.container(listener.workload, listener.container).published;
        let open = published.iter().any(|(_, inside)| listener.port == Some(*inside));
        let (Some(served), Some(file)) = (case.served(listener), &listener.certificate) else { continue };
        let Some(facts) = served.facts.first().filter(|_| open && listener.speech == Speech::Tls) else {
            continue;
        };
        let Ok(parsed) = &facts.parsed() else { continue };
        for wanted in &case.description.public_names {
            let Err(refusal) = x509::matches_name(parsed, wanted) else { continue };
            let server = case.called(listener.workload);
            let names = Case::names(facts);
            let message =
                format!("clients are to verify {wanted}, and the certificate of {server} is for {names}");
            findings.push(
                Finding::new("name-not-in-certificate", Severity::Error, &file.place, message)
                    .of(server)
                    .cause(CauseKind::HostnameMismatch, refusal.variant)
                    .fix(issue_again(case, listener, wanted, &names)),
            );
        }
    }
}
