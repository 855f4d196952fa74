//! A client dials in plaintext where TLS is spoken, or the other way round.

use super::ingress;
use super::trust::given_ca;
use crate::cause::{CauseKind, Severity};
use crate::remedy::Fix;
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{
    ClientTrust, Dial, Dialler, FileRole, Listener, Program, Protocol, SettingKind, TLS_REPLICATION, TlsMode,
};
use crate::x509::{self, Purpose};

/// A client's scheme and its server's.
pub(in crate::rules) fn scheme(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        if dial.dialler != Dialler::Program || dial.program == Program::Dashboard {
            continue;
        }
        let Some(cause) = differ(dial, listener) else { continue };
        // A core service in production does not even start: that is said by its own rule.
        let refused = cause == CauseKind::WrongSchemePlainToTls
            && dial.protocol == Protocol::Nats
            && dial.program.is_core()
            && dial.workload.is_some_and(|at| case.container(at, dial.container).in_production());
        if refused {
            continue;
        }
        let server = case.called(listener.workload);
        let message = format!(
            "{} dials {} in {}, and {server} speaks {} there",
            case.dialler(dial),
            dial.shown,
            if dial.tls_mode == TlsMode::Tls { "TLS" } else { "plaintext" },
            spoken(listener),
        );
        let mut finding = Finding::new("scheme-mismatch", Severity::Error, &dial.place, message)
            .of(case.dialler(dial))
            .cause(cause, None)
            .because(format!("{server}: {} at {}", listener.setting, listener.place));
        if dial.protocol == Protocol::Nats && dial.tls_mode == TlsMode::Plain && dial.program.is_core() {
            finding = finding.because("for nats:// the NATS_TLS_* variables are passed over: the library upgrades by itself, with the system's roots and no certificate");
        }
        findings.push(finding.fix(scheme_fix(case, dial, listener)));
    }
}

/// Both speak the same inside.
pub(super) fn compatible(dial: Protocol, listener: Protocol) -> bool {
    let web = |one: Protocol| matches!(one, Protocol::Http | Protocol::Grpc | Protocol::Other);
    dial == listener || (web(dial) && web(listener))
}

/// Which way round two ends differ.
pub(super) fn differ(dial: &Dial, listener: &Listener) -> Option<CauseKind> {
    // What a proxy of streams passes on may be anything.
    let stream = dial.dialler == Dialler::Proxy && dial.protocol == Protocol::Other;
    if !stream && !compatible(dial.protocol, listener.protocol) {
        return None;
    }
    match (dial.tls_mode, listener.tls_mode) {
        (TlsMode::Plain, TlsMode::Tls) if listener.also_plain.is_none() => {
            Some(CauseKind::WrongSchemePlainToTls)
        }
        (TlsMode::Tls, TlsMode::Plain) => Some(CauseKind::WrongSchemeTlsToPlain),
        _ => None,
    }
}

pub(super) fn spoken(listener: &Listener) -> &'static str {
    if listener.tls_mode == TlsMode::Tls { "TLS" } else { "plaintext" }
}

/// The scheme that fits.
pub(super) fn other_scheme(raw: &str, tls: bool) -> Option<String> {
    const PAIRS: [(&str, &str); 9] = [
        ("nats", "tls"),
        ("redis", "rediss"),
        ("http", "https"),
        ("ws", "wss"),
        ("grpc", "grpcs"),
        ("valkey", "valkeys"),
        ("HTTP", "HTTPS"),
        ("GRPC", "GRPCS"),
        ("off", "on"),
    ];
    let (scheme, rest) = raw.split_once("://").map_or((raw, ""), |(scheme, rest)| (scheme, rest));
    let to = PAIRS.iter().find_map(|(plain, secure)| match tls {
        true => (*plain == scheme).then_some(*secure),
        false => (*secure == scheme).then_some(*plain),
    })?;
    Some(if raw.contains("://") { format!("{to}://{rest}") } else { to.to_owned() })
}

/// The cure of a scheme.
pub(in crate::rules) fn scheme_fix(case: &RuleContext<'_>, dial: &Dial, listener: &Listener) -> Fix {
    let tls = listener.tls_mode == TlsMode::Tls;
    let kernel = dial.setting == "SAFETY_KERNEL_ADDR";
    let Some(workload) = dial.workload else { return ingress::scheme_fix(case, dial, listener) };
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
    if dial.program == Program::Redis && dial.setting == TLS_REPLICATION {
        return replication_fix(case, dial, workload, tls);
    }
    let to = other_scheme(&dial.raw, tls);
    let text = match (&to, tls) {
        (Some(to), _) => format!("set {} to {to}", dial.setting),
        (None, true) => format!("let {} dial in TLS", dial.setting),
        (None, false) => {
            format!("let {} dial in plaintext, or give the server its TLS settings", dial.setting)
        }
    };
    // Another server behind the same address speaks as it does: it is this one that has to change.
    let torn = case.ends().any(|(other, at)| {
        std::ptr::eq(other, dial) && !std::ptr::eq(at, listener) && at.tls_mode == dial.tls_mode
    });
    if torn {
        let own = listener.workload;
        let change = case.change(own, listener.kind, &listener.setting, None, None, &listener.place);
        let text = format!(
            "let {} speak as the other servers of {} do: no client can please both",
            case.called(own),
            dial.shown
        );
        return case.cure(text, vec![change]);
    }
    let change = case.change(workload, dial.kind, &dial.setting, Some(&dial.raw), to.as_deref(), &dial.place);
    let mut changes = vec![change];
    let private = || case.served(listener).is_some_and(|served| case.is_private(&served));
    if tls && dial.dialler == Dialler::Program && dial.trust == ClientTrust::System && private() {
        changes.push(given_ca(case, dial, workload).1);
        return case.cure(text + ", and give it the CA", changes);
    }
    if tls && dial.program == Program::Nginx && dial.dialler == Dialler::Proxy {
        let prefix = if dial.protocol == Protocol::Grpc { "grpc_ssl" } else { "proxy_ssl" };
        let on = format!("{prefix}_verify");
        changes.push(case.change(workload, SettingKind::Config, &on, None, Some("on"), &dial.place));
        changes.extend(verification(case, dial, listener, workload));
        return case.cure(text + ", and verify it", changes);
    }
    case.cure(text, changes)
}

/// A replica or a Sentinel that has to dial its master in the other way; without a certificate of its own redis-server
/// starts with no TLS at all.
fn replication_fix(case: &RuleContext<'_>, dial: &Dial, workload: usize, tls: bool) -> Fix {
    let (from, to) = (Some(dial.raw.as_str()).filter(|raw| !raw.is_empty()), if tls { "yes" } else { "no" });
    let change = |name: &str, from: Option<&str>, to: Option<&str>| {
        case.change(workload, dial.kind, name, from, to, &dial.place)
    };
    let mut changes = vec![change(TLS_REPLICATION, from, Some(to))];
    let pair = case.wiring.files.iter().any(|one| {
        one.workload == workload && one.container == dial.container && one.role == FileRole::Certificate
    });
    let mut text = format!("set {TLS_REPLICATION} to {to}");
    if tls && !pair {
        text.push_str(", with tls-cert-file, tls-key-file and the CA");
        let files = ["tls-cert-file", "tls-key-file", "tls-ca-cert-file"];
        changes.extend(files.map(|name| change(name, None, None)));
    }
    case.cure(text, changes)
}

/// What nginx needs to verify an upstream, beside being told to.
pub(super) fn verification(
    case: &RuleContext<'_>,
    dial: &Dial,
    listener: &Listener,
    workload: usize,
) -> Vec<crate::remedy::Change> {
    let prefix = if dial.protocol == Protocol::Grpc { "grpc_ssl" } else { "proxy_ssl" };
    let served = case.served(listener);
    let own = case.wiring.files.iter().filter(|one| {
        one.workload == workload && one.container == dial.container && one.role == FileRole::Ca
    });
    let ca = own.map(|one| &one.file).find(|file| {
        let anchor = case.pem(workload, dial.container, file);
        let (Some(anchor), Some(served)) = (anchor, &served) else { return false };
        case.chains(served, &[anchor], Purpose::Server).is_some_and(|one| one.accepted)
    });
    let config = |name: &str, to: Option<&str>| {
        case.change(workload, SettingKind::Config, &format!("{prefix}_{name}"), None, to, &dial.place)
    };
    let mut changes = Vec::new();
    if dial.trust == ClientTrust::System || dial.tls_mode != TlsMode::Tls {
        changes.push(config("trusted_certificate", ca.map(|file| file.path.as_str())));
    }
    let facts = served.as_ref().and_then(|one| one.facts.first());
    let own = dial.name.as_ref().is_some_and(|(.., setting)| setting.ends_with("_ssl_name"));
    if let (Some(facts), Some(host), false) = (facts, &dial.host, own)
        && let Ok(parsed) = &facts.parsed()
        && x509::matches_name(parsed, host).is_err()
    {
        changes.push(config("name", facts.sans.first().map(String::as_str)));
    }
    changes
}
