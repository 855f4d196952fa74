//! Health checks and probes: the container asking its own ports.

use super::program::script_commands;
use super::scan::{Here, Scanner};
use super::{
    Dial, Dialler, FileRef, Program, Protocol, SettingKind, Speech, Trust, Verifies, address, is_loopback,
};
use crate::workload::{Argument, Place, Probe, ProbeAction};

/// Reads a container's probes; and what its own command asks of others by `curl`.
pub(super) fn read(scanner: &mut Scanner<'_>, here: Here<'_>) {
    for probe in &here.it.probes {
        let place = probe.place.clone().unwrap_or_else(|| here.place());
        match &probe.action {
            ProbeAction::Http { tls, port } => {
                let speech = if *tls { Speech::Tls } else { Speech::Plain };
                let mut dial = own(here, probe, &place, *port, Protocol::Http, speech);
                // The kubelet verifies nothing.
                dial.verifies = Verifies::Unknown;
                dial.trust = Trust::Unknown;
                scanner.found.dials.push(dial);
            }
            ProbeAction::Grpc { port } => {
                let dial = own(here, probe, &place, *port, Protocol::Grpc, Speech::Plain);
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
                    _ => command(scanner, here, probe, words, &place),
                }
            }
            ProbeAction::Shell(script) => commands(scanner, here, probe, script),
        }
    }
}

fn own(here: Here<'_>, probe: &Probe, place: &Place, port: u16, protocol: Protocol, speech: Speech) -> Dial {
    let mut dial =
        Dial::new(here.workload, here.container, probe.role.name(), SettingKind::Config, place.clone());
    dial.dialler = Dialler::Probe;
    dial.protocol = protocol;
    dial.speech = speech;
    dial.host = Some("localhost".to_owned());
    dial.port = Some(port);
    dial.shown = format!("port {port}");
    dial.name = None;
    dial
}

fn commands(scanner: &mut Scanner<'_>, here: Here<'_>, probe: &Probe, script: &Argument) {
    let place = script.place.clone().or_else(|| probe.place.clone()).unwrap_or_else(|| here.place());
    for words in script_commands(script, &here.it.environment) {
        command(scanner, here, probe, &words, &place);
    }
}

fn command(scanner: &mut Scanner<'_>, here: Here<'_>, probe: &Probe, words: &[Argument], place: &Place) {
    let texts: Vec<String> = words.iter().map(|one| one.value.marked()).collect();
    let Some(first) = texts.first() else { return };
    match first.rsplit('/').next().unwrap_or(first) {
        name @ ("curl" | "wget") => http(scanner, here, probe, &texts, place, name == "curl"),
        "redis-cli" | "valkey-cli" => redis(scanner, here, probe, &texts, place),
        "grpc_health_probe" | "grpc-health-probe" => grpc(scanner, here, probe, &texts, place),
        _ => {}
    }
}

/// The value of an option, in either way to write it.
fn option<'a>(texts: &'a [String], names: &[&str]) -> Option<&'a str> {
    texts.iter().enumerate().find_map(|(at, text)| {
        names.iter().find_map(|name| {
            if text == name {
                return texts.get(at + 1).map(String::as_str);
            }
            text.strip_prefix(name).and_then(|rest| rest.strip_prefix('='))
        })
    })
}

fn file(path: &str, setting: &str, place: &Place) -> FileRef {
    FileRef {
        path: path.to_owned(),
        setting: setting.to_owned(),
        place: place.clone(),
        kind: SettingKind::Config,
    }
}

fn http(
    scanner: &mut Scanner<'_>,
    here: Here<'_>,
    probe: &Probe,
    texts: &[String],
    place: &Place,
    curl: bool,
) {
    let short = |letter: char| {
        texts.iter().any(|text| {
            text.starts_with('-') && !text.starts_with("--") && text.len() < 8 && text.contains(letter)
        })
    };
    for text in texts.iter().skip(1).filter(|text| text.contains("://")) {
        let Some(target) = address(text) else { continue };
        let (speech, port) = match target.scheme.as_deref() {
            Some("https") => (Speech::Tls, 443),
            Some("http") => (Speech::Plain, 80),
            _ => continue,
        };
        let Some(host) = target.host else { continue };
        let port = target.port.unwrap_or(port);
        let mut dial = own(here, probe, place, port, Protocol::Http, speech);
        dial.shown = target.shown;
        dial.host = Some(host.clone());
        let insecure = if curl {
            short('k') || texts.iter().any(|text| text == "--insecure")
        } else {
            texts.iter().any(|text| text == "--no-check-certificate")
        };
        dial.verifies = match (insecure, curl) {
            (true, _) => Verifies::Unknown,
            (false, true) => Verifies::Yes,
            // BusyBox' wget verifies nothing, GNU's does.
            (false, false) => Verifies::Unknown,
        };
        dial.trust = match option(texts, &["--cacert", "--ca-certificate"]) {
            Some(path) => Trust::Files(vec![file(path, "--cacert", place)]),
            None if here.it.variable("SSL_CERT_FILE").is_some()
                || here.it.variable("CURL_CA_BUNDLE").is_some() =>
            {
                Trust::Unknown
            }
            None => Trust::System,
        };
        dial.name = Some((host, place.clone(), probe.role.name().to_owned()));
        if let Some((certificate, key)) = option(texts, &["--cert"]).zip(option(texts, &["--key"])) {
            dial.identity = Some((file(certificate, "--cert", place), file(key, "--key", place)));
        }
        scanner.found.dials.push(dial);
    }
}

fn redis(scanner: &mut Scanner<'_>, here: Here<'_>, probe: &Probe, texts: &[String], place: &Place) {
    let host = option(texts, &["-h"]).unwrap_or("127.0.0.1").to_ascii_lowercase();
    let port = option(texts, &["-p"]).map_or(Some(6379), |text| text.parse().ok());
    let url = option(texts, &["-u"]).and_then(address);
    let tls = texts.iter().any(|text| text == "--tls")
        || url.as_ref().is_some_and(|one| one.scheme.as_deref() == Some("rediss"));
    let Some(port) = url.as_ref().and_then(|one| one.port).or(port) else { return };
    let speech = if tls { Speech::Tls } else { Speech::Plain };
    let mut dial = own(here, probe, place, port, Protocol::Redis, speech);
    dial.host = url.and_then(|one| one.host).or(Some(host));
    dial.program = Program::Other;
    // redis-cli verifies the chain and no name; without a name of its own it sends none.
    dial.name = None;
    dial.trust = option(texts, &["--cacert"])
        .map_or(Trust::Unknown, |path| Trust::Files(vec![file(path, "--cacert", place)]));
    if let Some((certificate, key)) = option(texts, &["--cert"]).zip(option(texts, &["--key"])) {
        dial.identity = Some((file(certificate, "--cert", place), file(key, "--key", place)));
    }
    if texts.iter().any(|text| text == "--insecure") {
        dial.verifies = Verifies::Unknown;
    }
    scanner.found.dials.push(dial);
}

fn grpc(scanner: &mut Scanner<'_>, here: Here<'_>, probe: &Probe, texts: &[String], place: &Place) {
    let Some(target) = option(texts, &["-addr", "--addr"]).and_then(address) else { return };
    let Some(port) = target.port else { return };
    let tls = texts.iter().any(|text| matches!(text.as_str(), "-tls" | "--tls"));
    let speech = if tls { Speech::Tls } else { Speech::Plain };
    let mut dial = own(here, probe, place, port, Protocol::Grpc, speech);
    dial.host = target.host.clone().filter(|host| !is_loopback(host)).or(Some("localhost".to_owned()));
    dial.trust = match option(texts, &["-tls-ca-cert", "--tls-ca-cert"]) {
        Some(path) => Trust::Files(vec![file(path, "-tls-ca-cert", place)]),
        None => Trust::System,
    };
    if texts.iter().any(|text| text.ends_with("-tls-no-verify")) {
        dial.verifies = Verifies::Unknown;
    }
    let named = option(texts, &["-tls-server-name", "--tls-server-name"]).map(str::to_owned);
    dial.name = named.or(target.host).map(|name| (name, place.clone(), probe.role.name().to_owned()));
    scanner.found.dials.push(dial);
}
