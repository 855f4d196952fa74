//! Health checks and probes.

use super::name::name;
use super::scheme::differ;
use super::trust::given_ca;
use crate::cause::Severity;
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{
    ClientAuth, ClientTrust, Dial, Dialler, Listener, Protocol, SettingKind, TlsMode, Verifies,
};
use crate::workload::Place;
use crate::x509;

/// Health checks and probes.
pub(in crate::rules) fn probe(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        if dial.dialler != Dialler::Probe {
            continue;
        }
        let Some(workload) = dial.workload else { continue };
        if let Some(cause) = differ(dial, listener) {
            let (speaks, want) =
                if dial.tls_mode == TlsMode::Tls { ("TLS", "plaintext") } else { ("plaintext", "TLS") };
            let message = format!(
                "the {} of {} speaks {speaks} to {}, which speaks {want}",
                dial.setting,
                case.called(workload),
                dial.shown
            );
            // `exec` calls a program with an address; `httpGet` has a scheme of its own.
            let fields = case.view.is_kubernetes() && !dial.raw.contains("://");
            let (name, from, to) = match (fields, dial.protocol, dial.tls_mode) {
                (true, Protocol::Http, TlsMode::Plain) => {
                    ("scheme", Some("HTTP").filter(|said| dial.raw == *said), Some("HTTPS"))
                }
                (true, Protocol::Http, _) => ("scheme", Some("HTTPS"), Some("HTTP")),
                (true, Protocol::Grpc, _) => ("grpc", Some("grpc"), Some("tcpSocket")),
                (_, Protocol::Redis, TlsMode::Plain) => ("redis-cli", None, Some("--tls")),
                (_, Protocol::Redis, _) => ("redis-cli", Some("--tls"), None),
                (_, _, TlsMode::Plain) => ("test", Some("http://"), Some("https://")),
                _ => ("test", Some("https://"), Some("http://")),
            };
            let asked = asking(case, dial, listener);
            let (from, to) = match &asked {
                Some((from, to)) if name == "redis-cli" && to.is_some() => {
                    (Some(from.as_str()), to.as_deref())
                }
                _ => (from, to),
            };
            let mut change = case.change(workload, SettingKind::Config, name, from, to, &dial.place);
            change.remove = to.is_none();
            if to == Some("https://")
                && let Some((host, other)) = own_name(case, dial, listener)
            {
                change.from = Some(format!("http://{host}"));
                change.to = Some(format!("https://{other}"));
            }
            let mut changes = vec![change];
            let curl =
                to == Some("https://") && dial.verifies == Verifies::Yes && dial.trust == ClientTrust::System;
            if curl && case.served(listener).is_some_and(|served| case.is_private(&served)) {
                changes.push(given_ca(case, dial, workload).1);
            }
            if to == Some("tcpSocket") {
                changes.extend(service_of(case, dial, workload));
            }
            let text = match (dial.protocol, dial.tls_mode) {
                (Protocol::Grpc, _) => "Kubernetes' gRPC probe knows no TLS: ask for the port alone (tcpSocket), or give the program a plaintext health port".to_owned(),
                (_, TlsMode::Plain) => format!("let the {} speak TLS", dial.setting),
                _ => format!("let the {} speak plaintext", dial.setting),
            };
            findings.push(
                Finding::new("probe-scheme", Severity::Error, &dial.place, message)
                    .of(case.called(workload))
                    .cause(cause, None)
                    .because(format!("{} at {}", listener.setting, listener.place))
                    .fix(case.cure(text, changes)),
            );
        } else if dial.tls_mode == TlsMode::Tls && dial.verifies == Verifies::Yes {
            name(case, dial, listener, "probe-scheme", findings);
        }
    }
}

/// The host that a check asks where its certificate lacks it, and a name of the same workload that it has.
fn own_name(case: &RuleContext<'_>, dial: &Dial, listener: &Listener) -> Option<(String, String)> {
    let host = dial.host.clone()?;
    let served = case.served(listener)?;
    let facts = served.facts.first()?;
    let parsed = facts.parsed().ok()?;
    let has = |name: &str| x509::matches_name(&parsed, name).is_ok();
    let other = case.workload(listener.workload).aliases.iter().find(|alias| has(alias))?.clone();
    (!has(&host)).then_some((host, other))
}

/// How redis-cli is called in a check, and how it has to be: in TLS, with what lies beside the server.
fn asking(case: &RuleContext<'_>, dial: &Dial, listener: &Listener) -> Option<(String, Option<String>)> {
    let text = case.files.text(&dial.place.file).ok()?;
    let line = text.lines().nth((dial.place.line as usize).checked_sub(1)?)?;
    let program = ["redis-cli", "valkey-cli"].into_iter().find(|one| line.contains(one))?;
    let mut words = vec!["--tls"];
    let ca = listener.ca.as_ref().filter(|_| dial.tls_mode == TlsMode::Plain);
    let Some(ca) = ca else { return Some((program.to_owned(), None)) };
    words.extend(["--cacert", &ca.path]);
    if let (ClientAuth::Demanded, Some(certificate), Some(key)) =
        (listener.clients, &listener.certificate, &listener.key)
    {
        words.extend(["--cert", &certificate.path, "--key", &key.path]);
    }
    // A list of words, quoted or not, or one text.
    let quoted = format!("\"{program}\"");
    let listed = line.contains(&format!("{program},")) || line.trim_start() == format!("- {program}");
    Some(if line.contains(&quoted) {
        let more: String = words.iter().map(|one| format!(", \"{one}\"")).collect();
        (quoted.clone(), Some(quoted + &more))
    } else if listed {
        let more: String = words.iter().map(|one| format!(", {one}")).collect();
        (
            program.to_owned(),
            Some(program.to_owned() + &more).filter(|_| line.contains(&format!("{program},"))),
        )
    } else {
        (program.to_owned(), Some(format!("{program} {}", words.join(" "))))
    })
}

/// What a gRPC probe names beside its port: a `tcpSocket` does not know it.
fn service_of(case: &RuleContext<'_>, dial: &Dial, workload: usize) -> Option<crate::remedy::Change> {
    let text = case.files.text(&dial.place.file).ok()?;
    let lines = text.lines().enumerate().skip(dial.place.line as usize).take(2);
    let (at, line) = lines.into_iter().find(|(_, line)| line.trim_start().starts_with("service:"))?;
    let place = Place { line: u32::try_from(at).ok()? + 1, ..dial.place.clone() };
    let from = line.split_once(':').map(|(_, value)| value.trim());
    let mut change = case.change(workload, SettingKind::Config, "service", from, None, &place);
    change.remove = true;
    Some(change)
}
