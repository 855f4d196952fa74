//! Proxies: what they pass on to, and what they verify of it.

use super::ingress;
use super::name::name;
use super::scheme::{differ, scheme_fix, spoken};
use super::trust::trust;
use crate::cause::{CauseKind, Severity, Variant};
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{Dial, Dialler, Listener, Protocol, TlsMode, Verifies};

/// Proxies: nginx, an Ingress, the dashboard.
pub(in crate::rules) fn upstream(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for dial in &case.wiring.dials {
        let Some(why) = dial.refuses.as_ref().filter(|_| dial.dialler != Dialler::Program) else { continue };
        let kind = dial.kind;
        let message = format!("the upstream {} is to be verified, and with nothing: {why}", dial.shown);
        let name = dial.setting.clone();
        let changes = match dial.workload {
            Some(at) => vec![case.change(at, kind, &name, None, None, &dial.place)],
            None => {
                let own = case.ends().find(|(one, _)| std::ptr::eq(*one, dial));
                ingress::verification(case, dial, own.map(|(_, listener)| listener))
            }
        };
        findings.push(
            Finding::new("upstream-tls", Severity::Error, &dial.place, message)
                .of(case.dialler(dial))
                .cause(CauseKind::UnknownAuthority, Some(Variant::EmptyTrustStore))
                .fix(case.cure("name the CA that signed the upstream's certificate", changes)),
        );
    }
    for dial in case.wiring.dials.iter().filter(|one| one.dialler == Dialler::Ingress) {
        findings.extend(ingress::without_ca(case, dial));
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
        if dial.tls_mode != TlsMode::Tls || dial.verifies != Verifies::Yes {
            continue;
        }
        trust(case, dial, listener, "upstream-tls", findings);
        name(case, dial, listener, "upstream-tls", findings);
        depth(case, dial, listener, findings);
    }
}

fn scheme_word(dial: &Dial) -> &'static str {
    if dial.tls_mode == TlsMode::Tls { "TLS" } else { "plaintext" }
}

/// More intermediates than nginx takes.
fn depth(case: &RuleContext<'_>, dial: &Dial, listener: &Listener, findings: &mut Vec<Finding>) {
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
