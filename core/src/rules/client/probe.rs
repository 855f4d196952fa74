//! Health checks and probes.

use super::name::name;
use super::scheme::differ;
use crate::cause::Severity;
use crate::rules::Finding;
use crate::rules::context::RuleContext;
use crate::wiring::{ClientAuth, Dial, Dialler, Listener, Protocol, SettingKind, TlsMode, Verifies};
use crate::workload::Place;

/// Health checks and probes.
pub(in crate::rules) fn probe(case: &RuleContext<'_>, findings: &mut Vec<Finding>) {
    for (dial, listener) in case.ends() {
        if dial.dialler != Dialler::Probe {
            continue;
        }
        let Some(workload) = dial.workload else { continue };
        if let Some(cause) = differ(dial, listener) {
            let (speaks, want) =
                if dial.speech == TlsMode::Tls { ("TLS", "plaintext") } else { ("plaintext", "TLS") };
            let message = format!(
                "the {} of {} speaks {speaks} to {}, which speaks {want}",
                dial.setting,
                case.called(workload),
                dial.shown
            );
            let (name, from, to) = match (case.view.is_kubernetes(), dial.protocol, dial.speech) {
                (true, Protocol::Http, TlsMode::Plain) => ("scheme", None, Some("HTTPS")),
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
            let mut changes = vec![change];
            if to == Some("tcpSocket") {
                changes.extend(service_of(case, dial, workload));
            }
            let text = match (dial.protocol, dial.speech) {
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
        } else if dial.speech == TlsMode::Tls && dial.verifies == Verifies::Yes {
            name(case, dial, listener, "probe-scheme", findings);
        }
    }
}

/// How redis-cli is called in a check, and how it has to be: in TLS, with what lies beside the server.
fn asking(case: &RuleContext<'_>, dial: &Dial, listener: &Listener) -> Option<(String, Option<String>)> {
    let text = case.files.text(&dial.place.file).ok()?;
    let line = text.lines().nth((dial.place.line as usize).checked_sub(1)?)?;
    let program = ["redis-cli", "valkey-cli"].into_iter().find(|one| line.contains(one))?;
    let mut words = vec!["--tls"];
    let ca = listener.ca.as_ref().filter(|_| dial.speech == TlsMode::Plain);
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
