//! Verification that is switched off.

use super::scheme;
use crate::cause::{CauseKind, Severity};
use crate::remedy::Change;
use crate::rules::Finding;
use crate::rules::case::Case;
use crate::wiring::{Connection, Dial, Dialler, Program, SettingKind, Speech, Target, Verifies, is_loopback};
use crate::workload::Place;

/// Verification switched off.
pub(in crate::rules) fn disabled(case: &Case<'_>, findings: &mut Vec<Finding>) {
    let mut tell = |workload: Option<usize>,
                    whose: String,
                    setting: &str,
                    place: &Place,
                    kind: SettingKind,
                    shown: &str,
                    absent: bool,
                    severity: Severity,
                    more: Vec<Change>| {
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
                .fix(case.cure(text, change.into_iter().chain(more).collect())),
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
            && dial.workload.is_some_and(|at| case.container(at, dial.container).in_production());
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
            needed(case, end, dial),
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
            Vec::new(),
        );
    }
}

/// What a proxy lacks to verify its upstream once it is told to.
fn needed(case: &Case<'_>, end: &Connection, dial: &Dial) -> Vec<Change> {
    match (end.listener, dial.workload) {
        (Some(listener), Some(workload))
            if dial.program == Program::Nginx && dial.dialler == Dialler::Proxy =>
        {
            scheme::verification(case, dial, &case.wiring.listeners[listener], workload)
        }
        _ => Vec::new(),
    }
}
