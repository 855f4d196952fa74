//! Verification that is switched off.

use super::trust::given_ca;
use super::{ingress, scheme};
use crate::cause::{CauseKind, Severity};
use crate::remedy::{Change, Fix};
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{
    ClientTrust, Dial, DialTarget, Dialler, Program, ResolvedDial, SettingKind, TlsMode, Verifies,
    is_loopback,
};
use crate::workload::Place;

/// A setting that switches verification off, and whose it is.
struct Off<'a> {
    workload: Option<usize>,
    whose: String,
    setting: &'a str,
    place: &'a Place,
    kind: SettingKind,
    severity: Severity,
    /// What has to be set as well.
    more: Vec<Change>,
}

/// Verification switched off.
pub(in crate::rules) fn disabled(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for (end, dial) in case.connections() {
        let Verifies::No { setting, place, kind } = &dial.verifies else { continue };
        let own = dial.workload.is_some_and(|at| end.target == DialTarget::Workload(at))
            || dial.host.as_deref().is_some_and(is_loopback);
        if dial.tls_mode != TlsMode::Tls || dial.dialler == Dialler::Probe || own {
            continue;
        }
        // What production refuses to start with is its own rule's.
        let refused = dial.program.is_core()
            && setting.ends_with("_TLS_INSECURE")
            && dial.workload.is_some_and(|at| case.container(at, dial.container).in_production());
        if refused {
            continue;
        }
        let severity = match (dial.workload, end.target) {
            (Some(at), DialTarget::Workload(to)) if case.in_production(at) || case.in_production(to) => {
                Severity::Error
            }
            (None, DialTarget::Workload(to)) if case.in_production(to) => Severity::Error,
            (Some(at), _) if case.in_production(at) => Severity::Error,
            _ => Severity::Warning,
        };
        let absent = *kind == SettingKind::BuiltIn;
        let whose = case.dialler(dial);
        let more = needed(case, end, dial);
        let off = Off { workload: dial.workload, whose, setting, place, kind: *kind, severity, more };
        findings.push(finding(case, &off, &format!(" of {}", dial.shown), absent));
    }
    for (workload, setting, place, kind) in &case.wiring.insecure {
        let (whose, severity) = (case.called(*workload), case.grave(*workload));
        let more = Vec::new();
        let off = Off { workload: Some(*workload), whose, setting, place, kind: *kind, severity, more };
        findings.push(finding(case, &off, "", false));
    }
}

/// `absent`: it is not on, which by itself is off.
fn finding(case: &RuleContext<'_>, off: &Off<'_>, shown: &str, absent: bool) -> Finding {
    let Off { setting, whose, .. } = off;
    let what = if absent {
        format!("`{setting}` is not on")
    } else {
        format!("{setting} switches verification off")
    };
    let message = format!("{what}: {whose} takes any certificate{shown}");
    let fix = parameter_fix(case, off).unwrap_or_else(|| setting_fix(case, off, absent));
    Finding::new("verification-disabled", off.severity, off.place, message)
        .of(off.whose.clone())
        .cause(CauseKind::VerificationNotEnforced, None)
        .fix(fix)
}

/// A parameter of an address is changed, not the address taken away.
fn parameter_fix(case: &RuleContext<'_>, off: &Off<'_>) -> Option<Fix> {
    let workload = off.workload?;
    let (name, parameter) = off.setting.split_once(" (")?;
    let (from, to) = match parameter.trim_end_matches(')') {
        "ssl_cert_reqs" => ("ssl_cert_reqs=none", "ssl_cert_reqs=required"),
        "skip_verify" => ("skip_verify=true", "skip_verify=false"),
        _ => ("", ""),
    };
    let change = case.change(workload, off.kind, name, Some(from), Some(to), off.place);
    let text = format!("write {to} in {name}, and name the CA that signed the peer's certificate");
    Some(case.cure(text, std::iter::once(change).chain(off.more.iter().cloned()).collect()))
}

/// A setting of its own is turned, where it has an opposite, or taken away.
fn setting_fix(case: &RuleContext<'_>, off: &Off<'_>, absent: bool) -> Fix {
    let setting = off.setting;
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
    let change = off.workload.map(|at| {
        let from = match on {
            _ if absent => None,
            Some("true") => Some("false"),
            _ => Some("off"),
        };
        let mut change = case.change(at, off.kind, setting, from.filter(|_| on.is_some()), on, off.place);
        change.remove = on.is_none() && !setting.starts_with('/');
        change
    });
    let text = match on {
        Some(on) => format!("set {setting} to {on}, with the CA that signed the peer's certificate"),
        None if setting.starts_with('/') => format!("mount the CA at {setting}"),
        None => format!("take {setting} away, and name the CA that signed the peer's certificate"),
    };
    case.cure(text, change.into_iter().chain(off.more.iter().cloned()).collect())
}

/// What a client lacks to verify its server once it is told to.
fn needed(case: &RuleContext<'_>, end: &ResolvedDial, dial: &Dial) -> Vec<Change> {
    if dial.dialler == Dialler::Ingress {
        return ingress::verification(case, dial, end.listener.map(|at| &case.wiring.listeners[at]));
    }
    match (end.listener, dial.workload) {
        (Some(listener), Some(workload))
            if dial.program == Program::Nginx && dial.dialler == Dialler::Proxy =>
        {
            scheme::verification(case, dial, &case.wiring.listeners[listener], workload)
        }
        (Some(listener), Some(workload))
            if dial.dialler == Dialler::Program && dial.trust == ClientTrust::System =>
        {
            let served = case.served(&case.wiring.listeners[listener]);
            let private = served.is_some_and(|served| case.is_private(&served));
            private.then(|| given_ca(case, dial, workload).1).into_iter().collect()
        }
        _ => Vec::new(),
    }
}
