//! What is wrong with the client's end of a connection.

use super::Finding;
use super::case::Case;
use crate::cause::{CauseKind, Severity, Variant};
use crate::remedy::Fix;
use crate::wiring::{
    Dial, Dialler, Listener, Opened, Program, Protocol, SettingKind, Speech, Target, Trust, Verifies,
    is_loopback, production,
};
use crate::workload::Place;
use crate::x509::{self, Purpose};

/// Both speak the same inside.
fn compatible(dial: Protocol, listener: Protocol) -> bool {
    let web = |one: Protocol| matches!(one, Protocol::Http | Protocol::Grpc | Protocol::Other);
    dial == listener || (web(dial) && web(listener))
}

/// Which way round two ends differ.
fn differ(dial: &Dial, listener: &Listener) -> Option<CauseKind> {
    if !compatible(dial.protocol, listener.protocol) {
        return None;
    }
    match (dial.speech, listener.speech) {
        (Speech::Plain, Speech::Tls) if listener.also_plain.is_none() => {
            Some(CauseKind::WrongSchemePlainToTls)
        }
        (Speech::Tls, Speech::Plain) => Some(CauseKind::WrongSchemeTlsToPlain),
        _ => None,
    }
}

/// The scheme that fits.
fn other_scheme(raw: &str, tls: bool) -> Option<String> {
    const PAIRS: [(&str, &str); 8] = [
        ("nats", "tls"),
        ("redis", "rediss"),
        ("http", "https"),
        ("ws", "wss"),
        ("grpc", "grpcs"),
        ("valkey", "valkeys"),
        ("HTTP", "HTTPS"),
        ("GRPC", "GRPCS"),
    ];
    let (scheme, rest) = raw.split_once("://").map_or((raw, ""), |(scheme, rest)| (scheme, rest));
    let to = PAIRS.iter().find_map(|(plain, secure)| match tls {
        true => (*plain == scheme).then_some(*secure),
        false => (*secure == scheme).then_some(*plain),
    })?;
    Some(if raw.contains("://") { format!("{to}://{rest}") } else { to.to_owned() })
}

/// The cure of a scheme.
fn scheme_fix(case: &Case<'_>, dial: &Dial, listener: &Listener) -> Fix {
    let tls = listener.speech == Speech::Tls;
    let kernel = dial.setting == "SAFETY_KERNEL_ADDR";
    let Some(workload) = dial.workload else {
        let to = other_scheme(&dial.raw, tls).unwrap_or_default();
        let mut change =
            crate::remedy::Change::new(case.dialler(dial), crate::remedy::ChangeKind::Config, &dial.setting);
        change = change.values(Some(&dial.raw), Some(&to)).at(Some(dial.place.clone()));
        return case.cure(format!("set `{}` to {to}", dial.setting), vec![change]);
    };
    if kernel && tls {
        // Only a CA makes this link TLS; the one of the other links is the stack's.
        let path = case
            .container(workload, dial.container)
            .variable("NATS_TLS_CA")
            .or_else(|| case.container(workload, dial.container).variable("REDIS_TLS_CA"))
            .and_then(|one| one.value.known().map(str::to_owned));
        let place = case.container_place(workload, dial.container);
        let change = case.change(
            workload,
            SettingKind::Environment,
            "SAFETY_KERNEL_TLS_CA",
            None,
            path.as_deref(),
            &place,
        );
        return case
            .cure("give it the CA of the safety kernel: without it the link is plaintext", vec![change]);
    }
    if dial.program == Program::Dashboard && dial.kind == SettingKind::BuiltIn {
        let to = if tls { "https" } else { "http" };
        let change =
            case.change(workload, SettingKind::Environment, &dial.setting, None, Some(to), &dial.place);
        return case.cure(format!("set {} to {to}: it is http by itself", dial.setting), vec![change]);
    }
    let to = other_scheme(&dial.raw, tls);
    let text = match (&to, tls) {
        (Some(to), _) => format!("set {} to {to}", dial.setting),
        (None, true) => format!("let {} dial in TLS", dial.setting),
        (None, false) => {
            format!("let {} dial in plaintext, or give the server its TLS settings", dial.setting)
        }
    };
    let change = case.change(workload, dial.kind, &dial.setting, Some(&dial.raw), to.as_deref(), &dial.place);
    let mut changes = vec![change];
    if tls && dial.program == Program::Nginx && dial.dialler == Dialler::Proxy {
        changes.extend(verification(case, dial, listener, workload));
        return case.cure(text + ", and verify it", changes);
    }
    case.cure(text, changes)
}

/// What makes nginx verify an upstream: without it any certificate would do.
fn verification(
    case: &Case<'_>,
    dial: &Dial,
    listener: &Listener,
    workload: usize,
) -> Vec<crate::remedy::Change> {
    let prefix = if dial.protocol == Protocol::Grpc { "grpc_ssl" } else { "proxy_ssl" };
    let served = case.served(listener);
    let own = case.wiring.files.iter().filter(|one| {
        one.workload == workload && one.container == dial.container && one.role == crate::wiring::FileRole::Ca
    });
    let ca = own.map(|one| &one.file).find(|file| {
        let anchor = case.pem(workload, dial.container, file);
        let (Some(anchor), Some(served)) = (anchor, &served) else { return false };
        case.chains(served, &[anchor], Purpose::Server).is_some_and(|one| one.accepted)
    });
    let config = |name: &str, to: Option<&str>| {
        case.change(workload, SettingKind::Config, &format!("{prefix}_{name}"), None, to, &dial.place)
    };
    let mut changes =
        vec![config("verify", Some("on")), config("trusted_certificate", ca.map(|file| file.path.as_str()))];
    let facts = served.as_ref().and_then(|one| one.facts.first());
    if let (Some(facts), Some(host)) = (facts, &dial.host)
        && let Ok(parsed) = &facts.parsed()
        && x509::matches_name(parsed, host).is_err()
    {
        changes.push(config("name", facts.sans.first().map(String::as_str)));
    }
    changes
}

fn spoken(listener: &Listener) -> &'static str {
    if listener.speech == Speech::Tls { "TLS" } else { "plaintext" }
}

/// A client's scheme and its server's.
pub(super) fn scheme(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        if dial.dialler != Dialler::Program || dial.program == Program::Dashboard {
            continue;
        }
        let Some(cause) = differ(dial, listener) else { continue };
        // A core service in production does not even start: that is said by its own rule.
        let refused = cause == CauseKind::WrongSchemePlainToTls
            && dial.protocol == Protocol::Nats
            && dial.program.is_core()
            && dial.workload.is_some_and(|at| production(case.container(at, dial.container)).is_some());
        if refused {
            continue;
        }
        let server = case.called(listener.workload);
        let message = format!(
            "{} dials {} in {}, and {server} speaks {} there",
            case.dialler(dial),
            dial.shown,
            if dial.speech == Speech::Tls { "TLS" } else { "plaintext" },
            spoken(listener),
        );
        let mut finding = Finding::new("scheme-mismatch", Severity::Error, &dial.place, message)
            .of(case.dialler(dial))
            .cause(cause, None)
            .because(format!("{server}: {} at {}", listener.setting, listener.place));
        if dial.protocol == Protocol::Nats && dial.speech == Speech::Plain && dial.program.is_core() {
            finding = finding.because("for nats:// the NATS_TLS_* variables are passed over: the library upgrades by itself, with the system's roots and no certificate");
        }
        findings.push(finding.fix(scheme_fix(case, dial, listener)));
    }
}

/// Proxies: nginx, an Ingress, the dashboard.
pub(super) fn upstream(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for dial in &case.wiring.dials {
        let Some(why) = dial.refuses.as_ref().filter(|_| dial.dialler != Dialler::Program) else { continue };
        let kind = dial.kind;
        let message = format!("the upstream {} is to be verified, and with nothing: {why}", dial.shown);
        let name = dial.setting.clone();
        let change = dial.workload.map(|at| case.change(at, kind, &name, None, None, &dial.place));
        findings.push(
            Finding::new("upstream-tls", Severity::Error, &dial.place, message)
                .of(case.dialler(dial))
                .cause(CauseKind::UnknownAuthority, Some(Variant::EmptyTrustStore))
                .fix(case.cure(
                    "name the CA that signed the upstream's certificate",
                    change.into_iter().collect(),
                )),
        );
    }
    for (dial, listener) in case.ends() {
        let proxy = matches!(dial.dialler, Dialler::Proxy | Dialler::Ingress);
        if !proxy {
            continue;
        }
        let who = case.dialler(dial);
        let server = case.called(listener.workload);
        if let Some(cause) = differ(dial, listener) {
            let message = format!(
                "{who} passes on to {} in {}, and {server} speaks {} there",
                dial.shown,
                scheme_word(dial),
                spoken(listener)
            );
            findings.push(
                Finding::new("upstream-tls", Severity::Error, &dial.place, message)
                    .of(who)
                    .cause(cause, None)
                    .because(format!("{server}: {} at {}", listener.setting, listener.place))
                    .fix(scheme_fix(case, dial, listener)),
            );
            continue;
        }
        if dial.speech != Speech::Tls || dial.verifies != Verifies::Yes {
            continue;
        }
        trust(case, dial, listener, "upstream-tls", findings);
        name(case, dial, listener, "upstream-tls", findings);
        depth(case, dial, listener, findings);
    }
}

fn scheme_word(dial: &Dial) -> &'static str {
    if dial.speech == Speech::Tls { "TLS" } else { "plaintext" }
}

/// More intermediates than nginx takes.
fn depth(case: &Case<'_>, dial: &Dial, listener: &Listener, findings: &mut Vec<Finding>) {
    let Some((depth, place)) = &dial.depth else { return };
    let Some(served) = case.served(listener) else { return };
    let behind = served.facts.iter().skip(1).filter(|one| !one.self_issued).count();
    let behind = u32::try_from(behind).unwrap_or(u32::MAX);
    if behind <= *depth {
        return;
    }
    let setting =
        if dial.protocol == Protocol::Grpc { "grpc_ssl_verify_depth" } else { "proxy_ssl_verify_depth" };
    let message = format!(
        "the chain of {} has {behind} intermediates, and {depth} are taken",
        case.called(listener.workload)
    );
    let change = dial.workload.map(|at| {
        case.change(at, dial.kind, setting, Some(&depth.to_string()), Some(&behind.to_string()), place)
    });
    findings.push(
        Finding::new("upstream-tls", Severity::Error, place, message)
            .of(case.dialler(dial))
            .cause(CauseKind::UnknownAuthority, None)
            .fix(case.cure(format!("set {setting} to {behind}"), change.into_iter().collect())),
    );
}

/// The CA that a client is given did not sign what its server serves.
fn trust(case: &Case<'_>, dial: &Dial, listener: &Listener, rule: &'static str, findings: &mut Vec<Finding>) {
    let (Some(served), Some(anchors)) = (case.served(listener), case.trusted(dial)) else { return };
    if anchors.iter().all(|one| one.facts.is_empty()) {
        return;
    }
    let Some(verdict) = case.chains(&served, &anchors, Purpose::Server) else { return };
    let of_trust = matches!(verdict.cause, Some(CauseKind::UnknownAuthority | CauseKind::BadSignature));
    if verdict.accepted || !of_trust {
        return;
    }
    let Trust::Files(files) = &dial.trust else { return };
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
        let to = fits.and(listener.ca.as_ref()).map(|ca| ca.path.clone());
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

/// For programs: a matter of the certificate.
pub(super) fn other_ca(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        let asks = matches!(dial.dialler, Dialler::Program | Dialler::Probe);
        if asks
            && dial.speech == Speech::Tls
            && dial.verifies == Verifies::Yes
            && listener.speech == Speech::Tls
        {
            trust(case, dial, listener, "certificate", findings);
        }
    }
}

/// The name that a client verifies is not in the certificate of its server.
fn name(case: &Case<'_>, dial: &Dial, listener: &Listener, rule: &'static str, findings: &mut Vec<Finding>) {
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

/// For programs.
pub(super) fn names(case: &Case<'_>, findings: &mut Vec<Finding>) {
    public_names(case, findings);
    for (dial, listener) in case.ends() {
        let verifies =
            dial.speech == Speech::Tls && dial.verifies == Verifies::Yes && listener.speech == Speech::Tls;
        if dial.dialler == Dialler::Program && verifies && compatible(dial.protocol, listener.protocol) {
            name(case, dial, listener, "name-not-in-certificate", findings);
        }
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

/// A TLS URL without a CA, and a server of a private one.
pub(super) fn missing_ca(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        let asks = matches!(dial.dialler, Dialler::Program | Dialler::Probe);
        let verifies =
            dial.speech == Speech::Tls && dial.verifies == Verifies::Yes && dial.trust == Trust::System;
        if !asks || !verifies || listener.speech != Speech::Tls || dial.refuses.is_some() {
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
        let variable = match (dial.program.is_cordum(), dial.protocol, dial.dialler) {
            (_, _, Dialler::Probe) => "--cacert".to_owned(),
            (true, Protocol::Nats, _) => "NATS_TLS_CA".to_owned(),
            (true, Protocol::Redis, _) => "REDIS_TLS_CA".to_owned(),
            _ => "the option that names its CA".to_owned(),
        };
        let place = case.container_place(workload, dial.container);
        let kind =
            if dial.dialler == Dialler::Probe { SettingKind::Config } else { SettingKind::Environment };
        let to = dial.program.is_cordum().then(|| sibling_ca(case, dial)).flatten();
        let change = case.change(workload, kind, &variable, None, to.as_deref(), &place);
        findings.push(
            Finding::new("missing-ca", Severity::Error, &dial.place, message)
                .of(case.dialler(dial))
                .cause(CauseKind::UnknownAuthority, None)
                .because("without a CA of its own it trusts the system's roots alone")
                .fix(case.cure(format!("mount the CA and name it: {variable}"), vec![change])),
        );
    }
}

/// The path under which another client of the same stack names its CA.
fn sibling_ca(case: &Case<'_>, dial: &Dial) -> Option<String> {
    let workload = dial.workload?;
    let container = case.container(workload, dial.container);
    case.wiring.dials.iter().find_map(|other| match &other.trust {
        Trust::Files(files) if other.protocol == dial.protocol || other.workload == dial.workload => {
            let path = &files.first()?.path;
            container.mount_of(path).map(|_| path.clone())
        }
        _ => None,
    })
}

/// Verification switched off.
pub(super) fn disabled(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut tell = |workload: Option<usize>,
                    whose: String,
                    setting: &str,
                    place: &Place,
                    kind: SettingKind,
                    shown: &str,
                    absent: bool,
                    severity: Severity| {
        let what = if absent {
            format!("`{setting}` is not on")
        } else {
            format!("{setting} switches verification off")
        };
        let message = format!("{what}: {whose} takes any certificate{shown}");
        // A parameter of an address is changed, not the address taken away.
        let parameter = setting.split_once(" (").map(|(name, rest)| (name, rest.trim_end_matches(')')));
        if let (Some((name, parameter)), Some(at)) = (parameter, workload) {
            let (from, to) = match parameter {
                "ssl_cert_reqs" => ("ssl_cert_reqs=none", "ssl_cert_reqs=required"),
                "skip_verify" => ("skip_verify=true", "skip_verify=false"),
                _ => ("", ""),
            };
            let change = case.change(at, kind, name, Some(from), Some(to), place);
            findings.push(
                Finding::new("verification-disabled", severity, place, message)
                    .of(whose)
                    .cause(CauseKind::VerificationNotEnforced, None)
                    .fix(case.cure(
                        format!("write {to} in {name}, and name the CA that signed the peer's certificate"),
                        vec![change],
                    )),
            );
            return;
        }
        let lower = setting.to_ascii_lowercase();
        let negative =
            ["insecure", "skip", "no"].iter().any(|word| lower.split(['_', '-']).any(|part| part == *word));
        let on = match (negative, absent) {
            _ if lower.ends_with("ssl_verify") || lower.ends_with("ssl-verify") => {
                Some("on").filter(|_| !negative)
            }
            (false, false) if lower.ends_with("verify") => Some("true"),
            _ => None,
        };
        let change = workload.map(|at| {
            let from = match on {
                _ if absent => None,
                Some("true") => Some("false"),
                _ => Some("off"),
            };
            let mut change = case.change(at, kind, setting, from.filter(|_| on.is_some()), on, place);
            change.remove = on.is_none() && !setting.starts_with('/');
            change
        });
        let text = match on {
            Some(on) => format!("set {setting} to {on}, with the CA that signed the peer's certificate"),
            None if setting.starts_with('/') => format!("mount the CA at {setting}"),
            None => format!("take {setting} away, and name the CA that signed the peer's certificate"),
        };
        findings.push(
            Finding::new("verification-disabled", severity, place, message)
                .of(whose)
                .cause(CauseKind::VerificationNotEnforced, None)
                .fix(case.cure(text, change.into_iter().collect())),
        );
    };
    for (end, dial) in case.connections() {
        let Verifies::No { setting, place, kind } = &dial.verifies else { continue };
        let own = dial.workload.is_some_and(|at| end.target == Target::Workload(at))
            || dial.host.as_deref().is_some_and(is_loopback);
        if dial.speech != Speech::Tls || dial.dialler == Dialler::Probe || own {
            continue;
        }
        // What production refuses to start with is its own rule's.
        let refused = dial.program.is_core()
            && setting.ends_with("_TLS_INSECURE")
            && dial.workload.is_some_and(|at| production(case.container(at, dial.container)).is_some());
        if refused {
            continue;
        }
        let severity = match (dial.workload, end.target) {
            (Some(at), Target::Workload(to)) if case.in_production(at) || case.in_production(to) => {
                Severity::Error
            }
            (None, Target::Workload(to)) if case.in_production(to) => Severity::Error,
            (Some(at), _) if case.in_production(at) => Severity::Error,
            _ => Severity::Warning,
        };
        let absent = *kind == SettingKind::BuiltIn;
        tell(
            dial.workload,
            case.dialler(dial),
            setting,
            place,
            *kind,
            &format!(" of {}", dial.shown),
            absent,
            severity,
        );
    }
    for (workload, setting, place, kind) in &case.wiring.insecure {
        tell(
            Some(*workload),
            case.called(*workload),
            setting,
            place,
            *kind,
            "",
            false,
            case.grave(*workload),
        );
    }
}

/// Health checks and probes.
pub(super) fn probe(case: &Case<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        if dial.dialler != Dialler::Probe {
            continue;
        }
        let Some(workload) = dial.workload else { continue };
        if let Some(cause) = differ(dial, listener) {
            let (speaks, want) =
                if dial.speech == Speech::Tls { ("TLS", "plaintext") } else { ("plaintext", "TLS") };
            let message = format!(
                "the {} of {} speaks {speaks} to {}, which speaks {want}",
                dial.setting,
                case.called(workload),
                dial.shown
            );
            let (name, from, to) = match (case.view.is_kubernetes(), dial.protocol, dial.speech) {
                (true, Protocol::Http, Speech::Plain) => ("scheme", None, Some("HTTPS")),
                (true, Protocol::Http, _) => ("scheme", Some("HTTPS"), Some("HTTP")),
                (true, Protocol::Grpc, _) => ("grpc", Some("grpc"), Some("tcpSocket")),
                (_, Protocol::Redis, Speech::Plain) => ("redis-cli", None, Some("--tls")),
                (_, Protocol::Redis, _) => ("redis-cli", Some("--tls"), None),
                (_, _, Speech::Plain) => ("test", Some("http://"), Some("https://")),
                _ => ("test", Some("https://"), Some("http://")),
            };
            let mut change = case.change(workload, SettingKind::Config, name, from, to, &dial.place);
            change.remove = to.is_none();
            let mut changes = vec![change];
            if to == Some("tcpSocket") {
                changes.extend(service_of(case, dial, workload));
            }
            let text = match (dial.protocol, dial.speech) {
                (Protocol::Grpc, _) => "Kubernetes' gRPC probe knows no TLS: ask for the port alone (tcpSocket), or give the program a plaintext health port".to_owned(),
                (_, Speech::Plain) => format!("let the {} speak TLS", dial.setting),
                _ => format!("let the {} speak plaintext", dial.setting),
            };
            findings.push(
                Finding::new("probe-scheme", Severity::Error, &dial.place, message)
                    .of(case.called(workload))
                    .cause(cause, None)
                    .because(format!("{} at {}", listener.setting, listener.place))
                    .fix(case.cure(text, changes)),
            );
        } else if dial.speech == Speech::Tls && dial.verifies == Verifies::Yes {
            name(case, dial, listener, "probe-scheme", findings);
        }
    }
}

/// What a gRPC probe names beside its port: a `tcpSocket` does not know it.
fn service_of(case: &Case<'_>, dial: &Dial, workload: usize) -> Option<crate::remedy::Change> {
    let text = case.files.text(&dial.place.file).ok()?;
    let lines = text.lines().enumerate().skip(dial.place.line as usize).take(2);
    let (at, line) = lines.into_iter().find(|(_, line)| line.trim_start().starts_with("service:"))?;
    let place = Place { line: u32::try_from(at).ok()? + 1, ..dial.place.clone() };
    let from = line.split_once(':').map(|(_, value)| value.trim());
    let mut change = case.change(workload, SettingKind::Config, "service", from, None, &place);
    change.remove = true;
    Some(change)
}
