//! What is wrong with the server's end.

use super::Finding;
use super::client::scheme_fix;
use super::context::RuleContext;
use crate::cause::{CauseKind, Severity};
use crate::wiring::{ClientAuth, Dialler, Listener, Program, Protocol, SettingKind, TlsMode};

/// NATS or Redis that does not insist on the certificates which its clients carry.
pub(super) fn mtls(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for (at, listener) in case.wiring.listeners.iter().enumerate() {
        let broker = matches!(listener.protocol, Protocol::Nats | Protocol::NatsLeaf | Protocol::Redis);
        let lax = matches!(listener.clients, ClientAuth::NotAsked | ClientAuth::Optional);
        if !broker || listener.tls_mode != TlsMode::Tls || !lax {
            continue;
        }
        let carrying = case.connections().filter(|(end, dial)| {
            end.listener == Some(at) && dial.identity.is_some() && dial.dialler == Dialler::Program
        });
        let Some(client) = carrying.map(|(_, dial)| case.dialler(dial)).next() else { continue };
        let (setting, place) =
            listener.clients_at.clone().unwrap_or_else(|| (listener.setting.clone(), listener.block.clone()));
        let redis = listener.protocol == Protocol::Redis;
        let severity = if redis { case.grave(listener.workload) } else { Severity::Error };
        let name = case.called(listener.workload);
        let (from, to) = match (redis, listener.clients) {
            (true, ClientAuth::Optional) => (Some("optional"), "yes"),
            (true, _) => (Some("no"), "yes"),
            (false, _) => ((place != listener.block).then_some("false"), "true"),
        };
        let asked =
            if listener.clients == ClientAuth::Optional { "does not insist on" } else { "does not ask for" };
        let message = format!(
            "{name} {asked} the certificates that its clients carry: whoever reaches its port is let in"
        );
        let change = case.change(listener.workload, listener.kind, &setting, from, Some(to), &place);
        findings.push(
            Finding::new("mtls-not-required", severity, &place, message)
                .of(name)
                .cause(CauseKind::MtlsNotEnforced, None)
                .because(format!("{client} has a certificate for it"))
                .fix(case.cure(format!("set {setting} to {to}"), vec![change])),
        );
    }
}

/// Plaintext beside or instead of TLS.
pub(super) fn plaintext(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for listener in &case.wiring.listeners {
        if listener.loopback || listener.side || case.workload(listener.workload).meshed {
            continue;
        }
        if let Some((setting, place)) = &listener.also_plain {
            let name = case.called(listener.workload);
            let message = format!("{name} takes plaintext on its TLS port too ({setting})");
            let change = case.change(
                listener.workload,
                SettingKind::Config,
                setting,
                Some("true"),
                Some("false"),
                place,
            );
            // Whoever has used it so far has to speak TLS then.
            let users = case.ends().filter(|(dial, at)| {
                std::ptr::eq(*at, listener)
                    && dial.tls_mode == TlsMode::Plain
                    && dial.dialler == Dialler::Program
            });
            let mut changes = vec![change];
            changes.extend(users.flat_map(|(dial, at)| scheme_fix(case, dial, at).changes));
            let clients = if changes.len() > 1 { ", and let its clients dial in TLS" } else { "" };
            findings.push(
                Finding::new("plaintext-listener", case.grave(listener.workload), place, message)
                    .of(name)
                    .fix(case.cure(format!("set {setting} to false{clients}"), changes)),
            );
        }
        if listener.tls_mode == TlsMode::Plain {
            plain(case, listener, findings);
        }
    }
    for (workload, setting, place, kind) in &case.wiring.clear {
        let name = case.called(*workload);
        let message = format!("the members of {name} speak to each other in plaintext: {setting} is not yes");
        let change = case.change(*workload, *kind, setting, None, Some("yes"), place);
        findings.push(
            Finding::new("plaintext-listener", case.grave(*workload), place, message)
                .of(name)
                .fix(case.cure(format!("set {setting} to yes"), vec![change])),
        );
    }
}

fn plain(case: &RuleContext<'_>, listener: &Listener, findings: &mut Vec<Finding>) {
    let neighbours = case.speaks_tls(listener.workload);
    let program = case.program(listener.workload, listener.container);
    let own = case.wiring.listeners.iter().any(|one| {
        one.workload == listener.workload
            && one.container == listener.container
            && one.tls_mode == TlsMode::Tls
    });
    let redis = program == Program::Redis && listener.protocol == Protocol::Redis;
    let nats = program == Program::Nats
        && matches!(listener.protocol, Protocol::Nats | Protocol::NatsRoute | Protocol::NatsLeaf);
    let grpc = program.is_core();
    if !(redis || nats || grpc) {
        return;
    }
    let strict = case.in_production(listener.workload);
    // Alone in the clear among plaintext neighbours it is a choice, outside production.
    if !(own || neighbours || strict) {
        return;
    }
    // A client that dials it in TLS has a finding of its own; what a service in production refuses, too.
    let dialled = case.ends().any(|(dial, at)| {
        std::ptr::eq(at, listener) && dial.tls_mode == TlsMode::Tls && dial.dialler != Dialler::Probe
    });
    let refused = grpc && case.container(listener.workload, listener.container).in_production();
    if dialled || refused {
        return;
    }
    // Routes that nobody dials: a block without peers.
    let name = case.called(listener.workload);
    let beside = own && redis;
    let message = if beside {
        format!("{name} listens in plaintext at {} beside its TLS port", listener.port.unwrap_or(0))
    } else {
        let what = listener.protocol.name();
        format!("{name} takes {what} in plaintext, where its neighbours speak TLS")
    };
    let place = listener.place.clone();
    let from = listener.port.map(|port| port.to_string());
    let mut more = None;
    let (text, change) = if beside {
        let said = listener.kind != SettingKind::BuiltIn && from.is_some();
        let from = if said && case_says_port(case, listener) { from.as_deref() } else { None };
        let change = case.change(listener.workload, listener.kind, "port", from, Some("0"), &place);
        ("set `port` to 0: the TLS port stays".to_owned(), change)
    } else if redis {
        let change = case.change(listener.workload, listener.kind, "tls-port", None, from.as_deref(), &place);
        more = Some(case.change(listener.workload, listener.kind, "tls-cert-file", None, None, &place));
        ("give it `tls-port` with certificate, key and CA, and set `port` to 0".to_owned(), change)
    } else if nats {
        let block = if listener.protocol == Protocol::Nats {
            "tls".to_owned()
        } else {
            format!("{}.tls", listener.setting)
        };
        let change = case.change(listener.workload, SettingKind::Config, &block, None, None, &place);
        (format!("give it a `{block}` block with cert_file, key_file, ca_file and verify: true"), change)
    } else {
        let change = case.change(
            listener.workload,
            SettingKind::Environment,
            &listener.setting,
            None,
            None,
            &listener.block,
        );
        (format!("set {} and its key", listener.setting), change)
    };
    let place = if grpc { listener.block.clone() } else { place };
    findings.push(
        Finding::new("plaintext-listener", case.grave(listener.workload), &place, message)
            .of(name)
            .fix(case.cure(text, std::iter::once(change).chain(more).collect())),
    );
}

/// Whether the plaintext port stands where the listener says, and not only its TLS port.
fn case_says_port(case: &RuleContext<'_>, listener: &Listener) -> bool {
    !case.wiring.listeners.iter().any(|one| {
        one.workload == listener.workload && one.tls_mode == TlsMode::Tls && one.place == listener.place
    })
}

/// Versions that are too old.
pub(super) fn minimum(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for one in &case.wiring.minimums {
        let old = one.lowest != "1.2";
        let severity = if old { Severity::Error } else { Severity::Warning };
        let what = if old {
            format!("lets TLS {} in", one.lowest)
        } else {
            "is below what production has by itself (1.3)".to_owned()
        };
        let message = format!("`{} {}` {what}", one.setting, one.value);
        let change = case.change(
            one.workload,
            one.kind,
            &one.setting,
            Some(&one.value),
            Some(&one.better),
            &one.place,
        );
        findings.push(
            Finding::new("minimum-version", severity, &one.place, message)
                .of(case.called(one.workload))
                .cause(CauseKind::ProtocolVersion, None)
                .fix(case.cure(format!("set {} to {}", one.setting, one.better), vec![change])),
        );
    }
}
