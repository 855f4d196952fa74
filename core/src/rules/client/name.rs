//! The name that a client verifies, and those in the certificate of its server.

use super::ingress;
use super::scheme::compatible;
use crate::cause::{CauseKind, Severity, Variant};
use crate::remedy::Fix;
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{
    Dial, Dialler, Listener, OpenedPath, Program, Protocol, SettingKind, TlsMode, Verifies, is_loopback,
};
use crate::workload::Place;
use crate::x509;

/// For programs.
pub(in crate::rules) fn names(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    public_names(case, findings);
    for (dial, listener) in case.ends() {
        let verifies = dial.tls_mode == TlsMode::Tls
            && dial.verifies == Verifies::Yes
            && listener.tls_mode == TlsMode::Tls;
        if dial.dialler == Dialler::Program && verifies && compatible(dial.protocol, listener.protocol) {
            name(case, dial, listener, "name-not-in-certificate", findings);
        }
    }
}

/// The name that a client verifies is not in the certificate of its server.
pub(super) fn name(
    case: &RuleContext<'_>,
    dial: &Dial,
    listener: &Listener,
    rule: &'static str,
    findings: &mut Vec<Finding>,
) {
    let Some((name, place, _)) = &dial.name else { return };
    if name.contains(crate::workload::Template::OPEN) {
        return;
    }
    let Some((names, variant)) = names_without(case, listener, name) else { return };
    let server = case.called(listener.workload);
    let message = format!(
        "{} verifies the name {name}, and the certificate of {server} is for {names}",
        case.dialler(dial)
    );
    let fix = better_name(case, dial, listener, name, &names)
        .and_then(|better| name_fix(case, dial, &better))
        .or_else(|| address_fix(case, dial, alias(case, listener, &names)?, name))
        .unwrap_or_else(|| issue_again(case, listener, name, &names));
    let served_by = listener.certificate.as_ref().map_or("", |one| &one.setting);
    findings.push(
        Finding::new(rule, Severity::Error, place, message)
            .of(case.dialler(dial))
            .cause(CauseKind::HostnameMismatch, variant)
            .because(format!("{server} serves it by {served_by}"))
            .fix(fix),
    );
}

/// The names of a server's certificate, where they are known and this one is not among them.
fn names_without(
    case: &RuleContext<'_>,
    listener: &Listener,
    name: &str,
) -> Option<(String, Option<Variant>)> {
    if let Some(served) = case.served(listener) {
        let facts = served.facts.first()?;
        let parsed = facts.parsed().ok()?;
        let refusal = x509::matches_name(&parsed, name).err()?;
        return Some((RuleContext::names(facts), refusal.variant));
    }
    // cert-manager says which names it will ask for.
    let names = made_names(case, listener)?;
    let decided = !names.is_empty() && !names.iter().any(|one| stands_for(one, name));
    decided.then(|| (names.join(", "), None))
}

/// A name of the certificate by which the server is known: one that a client may verify instead.
fn better_name(
    case: &RuleContext<'_>,
    dial: &Dial,
    listener: &Listener,
    name: &str,
    names: &str,
) -> Option<String> {
    if dial.workload.is_none() && dial.dialler != Dialler::Ingress {
        return None;
    }
    let server = case.workload(listener.workload);
    let has: Vec<&str> = names.split(", ").filter(|one| !one.starts_with('*')).collect();
    let gateway = (case.program(listener.workload, listener.container) == Program::Gateway)
        .then(|| has.iter().copied().find(|one| *one == "cordum-api-gateway"))
        .flatten();
    // A name of another service would do for the verifier, and mislead whoever reads it.
    let near = |one: &&str| {
        !is_loopback(one)
            && one.parse::<std::net::IpAddr>().is_err()
            && [server.name.as_str(), name].iter().any(|wanted| {
                one.contains(wanted) || wanted.contains(*one) || strsim::jaro_winkler(one, wanted) > 0.8
            })
    };
    let only = match has.as_slice() {
        [one] if !is_loopback(one) => Some(*one),
        _ => None,
    };
    alias(case, listener, names)
        .or(gateway)
        .or_else(|| has.iter().copied().find(near))
        .or(only)
        .map(str::to_owned)
}

/// The variable or directive that names what a client of this kind verifies.
fn server_name(dial: &Dial) -> Option<&'static str> {
    let nginx = dial.program == Program::Nginx;
    match dial.protocol {
        Protocol::Nats if dial.program.is_cordum() => Some("NATS_TLS_SERVER_NAME"),
        Protocol::Redis if dial.program.is_cordum() => Some("REDIS_TLS_SERVER_NAME"),
        Protocol::Http if nginx => Some("proxy_ssl_name"),
        Protocol::Grpc if nginx => Some("grpc_ssl_name"),
        _ => None,
    }
}

/// The setting that names what is verified, with a name that the certificate has; `None`: the client has no such
/// setting.
fn name_fix(case: &RuleContext<'_>, dial: &Dial, better: &str) -> Option<Fix> {
    if dial.dialler == Dialler::Ingress {
        return ingress::name_fix(case, dial, better);
    }
    let workload = dial.workload?;
    let (name, place, setting) = dial.name.as_ref()?;
    let nginx = dial.program == Program::Nginx;
    let variable = match server_name(dial) {
        Some(variable) => variable,
        // A setting of its own for the name.
        None if *setting != dial.setting => {
            let change = case.change(workload, dial.kind, setting, Some(name), Some(better), place);
            let text = format!("set {setting} to {better}, a name that the certificate has");
            return Some(case.cure(text, vec![change]));
        }
        None => return None,
    };
    let own = setting == variable;
    let kind = if nginx { SettingKind::Config } else { SettingKind::Environment };
    let place: Place =
        if own || nginx { place.clone() } else { case.container_place(workload, dial.container) };
    let from = own.then_some(name.as_str());
    let change = case.change(workload, kind, variable, from, Some(better), &place);
    Some(case.cure(format!("set {variable} to {better}, a name that the certificate has"), vec![change]))
}

/// A name of the certificate under which the server is reached too.
fn alias<'a>(case: &'a RuleContext<'_>, listener: &Listener, names: &str) -> Option<&'a str> {
    let mut aliases = case.workload(listener.workload).aliases.iter().map(String::as_str);
    aliases.find(|alias| names.split(", ").any(|one| one == *alias))
}

/// The address itself, by a name that the certificate has.
fn address_fix(case: &RuleContext<'_>, dial: &Dial, alias: &str, name: &str) -> Option<Fix> {
    let workload = dial.workload.filter(|_| server_name(dial).is_none() && dial.raw.contains(name))?;
    let to = dial.raw.replacen(name, alias, 1);
    let change = case.change(workload, dial.kind, &dial.setting, Some(&dial.raw), Some(&to), &dial.place);
    let text = format!("dial {to}: under that name it is reached too, and the certificate has it");
    Some(case.cure(text, vec![change]))
}

fn issue_again(case: &RuleContext<'_>, listener: &Listener, name: &str, names: &str) -> Fix {
    let text = format!(
        "issue the certificate of {} again by the same CA, with {name} among its names",
        case.called(listener.workload)
    );
    let file = listener.certificate.as_ref().map(|file| {
        let shown = match &*case.open(listener.workload, listener.container, file) {
            OpenedPath::Content(content) => content.host.clone().unwrap_or_else(|| content.shown.clone()),
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
fn made_names(case: &RuleContext<'_>, listener: &Listener) -> Option<Vec<String>> {
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
fn public_names(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for listener in &case.wiring.listeners {
        let published = &case.container(listener.workload, listener.container).published;
        let open = published.iter().any(|(_, inside)| listener.port == Some(*inside));
        let (Some(served), Some(file)) = (case.served(listener), &listener.certificate) else { continue };
        let Some(facts) = served.facts.first().filter(|_| open && listener.tls_mode == TlsMode::Tls) else {
            continue;
        };
        let Ok(parsed) = &facts.parsed() else { continue };
        for wanted in &case.description.public_names {
            let Err(refusal) = x509::matches_name(parsed, wanted) else { continue };
            let server = case.called(listener.workload);
            let names = RuleContext::names(facts);
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
