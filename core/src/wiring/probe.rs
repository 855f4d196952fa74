//! Health checks and probes: the container asking its own ports.

use super::scan::{Here, WiringScanner};
use super::script::script_commands;
use super::tool::{self, Caller};
use super::{ClientTrust, Dial, Dialler, Protocol, SettingKind, TlsMode, Verifies};
use crate::workload::{Argument, Place, Probe, ProbeAction};

/// Reads a container's probes.
pub(super) fn read(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    for probe in &here.it.probes {
        let place = probe.place.clone().unwrap_or_else(|| here.place());
        match &probe.action {
            ProbeAction::Http { tls, said, port } => {
                let tls_mode = if *tls { TlsMode::Tls } else { TlsMode::Plain };
                let mut dial = own(here, probe, &place, *port, Protocol::Http, tls_mode);
                dial.raw = if *tls || !said { String::new() } else { "HTTP".to_owned() };
                // The kubelet verifies nothing.
                dial.verifies = Verifies::Unknown;
                dial.trust = ClientTrust::Unknown;
                scanner.found.dials.push(dial);
            }
            ProbeAction::Grpc { port } => {
                let dial = own(here, probe, &place, *port, Protocol::Grpc, TlsMode::Plain);
                scanner.found.dials.push(dial);
            }
            ProbeAction::Tcp { .. } => {}
            ProbeAction::Command(words) => {
                let shell = words
                    .first()
                    .and_then(|one| one.value.known())
                    .is_some_and(|first| matches!(first.rsplit('/').next(), Some("sh" | "bash" | "ash")));
                match words.iter().skip(1).position(|one| {
                    one.value.known().is_some_and(|text| text.starts_with('-') && text.ends_with('c'))
                }) {
                    Some(at) if shell => {
                        if let Some(script) = words.get(at + 2) {
                            commands(scanner, here, probe, script);
                        }
                    }
                    _ => ask(scanner, here, probe, words, &place),
                }
            }
            ProbeAction::Shell(script) => commands(scanner, here, probe, script),
        }
    }
}

fn own(
    here: Here<'_>,
    probe: &Probe,
    place: &Place,
    port: u16,
    protocol: Protocol,
    tls_mode: TlsMode,
) -> Dial {
    let mut dial = caller(here, probe).dial(place, protocol, tls_mode, port);
    dial.host = Some("localhost".to_owned());
    dial
}

fn commands(scanner: &mut WiringScanner<'_>, here: Here<'_>, probe: &Probe, script: &Argument) {
    let place = script.place.clone().or_else(|| probe.place.clone()).unwrap_or_else(|| here.place());
    for words in here.settled(script, script_commands(script, &here.it.environment)) {
        ask(scanner, here, probe, &words, &place);
    }
}

fn caller<'a>(here: Here<'a>, probe: &Probe) -> Caller<'a> {
    Caller { here, setting: probe.role.name(), kind: SettingKind::Config, dialler: Dialler::Probe }
}

fn ask(scanner: &mut WiringScanner<'_>, here: Here<'_>, probe: &Probe, words: &[Argument], place: &Place) {
    scanner.found.dials.extend(tool::dials(&caller(here, probe), words, place));
}
