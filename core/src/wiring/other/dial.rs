//! Whom a program that is not known dials, by its URLs.

use super::KnobPair;
use crate::certificates::{read_bytes, source::CertificateSource as Pem};
use crate::wiring::knob::{Knob, related};
use crate::wiring::scan::{Here, WiringScanner};
use crate::wiring::{
    ClientTrust, Dial, FileRef, FileRole, OpenedPath, Protocol, SettingKind, TlsMode, Verifies, address,
};

pub(super) fn dial(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    knob: &Knob,
    url: &str,
    knobs: &[Knob],
    clients: &[&KnobPair<'_>],
) {
    let Some(target) = address(url) else { return };
    let Some((protocol, tls_mode, port)) = target.scheme.as_deref().and_then(spoken) else { return };
    let setting = if knob.name.is_empty() { "the command line" } else { &knob.name };
    let mut dial = Dial::new(here.workload, here.container, setting, knob.kind, knob.place.clone());
    dial.protocol = protocol;
    dial.tls_mode = tls_mode;
    dial.raw = crate::wiring::masked(url);
    dial.host.clone_from(&target.host);
    dial.port = target.port.or(Some(port));
    if target.host.is_none() && crate::wiring::scan::has_gap(url) {
        dial.unknown = Some(crate::wiring::named_gaps(url));
    }
    let stem = knob.stem();
    dial.name = match named(knobs, &stem) {
        Some(one) if !crate::wiring::scan::has_gap(&one.value) && !one.value.is_empty() => {
            Some((one.value.clone(), one.place.clone(), one.name.clone()))
        }
        Some(_) => None,
        None => target.host.clone().map(|host| (host, knob.place.clone(), setting.to_owned())),
    };
    dial.trust = client_trust(scanner, here, knobs, &stem, &target.query);
    if tls_mode == TlsMode::Tls {
        if let ClientTrust::Files(files) = &dial.trust {
            for file in files {
                let told = scanner.found.files.iter().any(|one| {
                    one.workload == here.workload
                        && one.file.place == file.place
                        && one.file.setting == file.setting
                });
                if !told {
                    scanner.names_file(here, file, FileRole::Ca, false);
                }
            }
        }
        dial.identity = identity(scanner, here, &stem, clients);
        if let Some(off) = switched_off(knob, setting, knobs, &stem, &target.query) {
            dial.verifies = off;
        }
    }
    dial.shown = target.shown;
    scanner.found.dials.push(dial);
}

/// What a scheme says: the protocol, whether in TLS, and the port where the URL names none.
fn spoken(scheme: &str) -> Option<(Protocol, TlsMode, u16)> {
    Some(match scheme {
        "nats" => (Protocol::Nats, TlsMode::Plain, 4222),
        "tls" | "nats+tls" => (Protocol::Nats, TlsMode::Tls, 4222),
        "redis" | "valkey" => (Protocol::Redis, TlsMode::Plain, 6379),
        "rediss" | "valkeys" | "redis+tls" => (Protocol::Redis, TlsMode::Tls, 6379),
        "http" | "ws" => (Protocol::Http, TlsMode::Plain, 80),
        "https" | "wss" => (Protocol::Http, TlsMode::Tls, 443),
        "grpc" => (Protocol::Grpc, TlsMode::Plain, 80),
        "grpcs" => (Protocol::Grpc, TlsMode::Tls, 443),
        _ => return None,
    })
}

/// The setting that says which name is verified.
fn named<'a>(knobs: &'a [Knob], stem: &[&str]) -> Option<&'a Knob> {
    knobs.iter().find(|one| {
        (one.has("name") && one.has("server") || one.words.concat().contains("servername") || one.has("sni"))
            && (related(&one.stem(), stem) || one.stem().iter().all(|word| *word == "name"))
    })
}

/// What a connection is verified with where it is in TLS: the CA files of related names, else those of no particular one.
fn client_trust(
    scanner: &WiringScanner<'_>,
    here: Here<'_>,
    knobs: &[Knob],
    stem: &[&str],
    query: &[(String, String)],
) -> ClientTrust {
    let cas: Vec<&Knob> = knobs.iter().filter(|one| one.role() == Some(FileRole::Ca)).collect();
    let own: Vec<&Knob> = cas.iter().copied().filter(|one| related(&one.stem(), stem)).collect();
    let general: Vec<&Knob> = cas.iter().copied().filter(|one| one.stem().is_empty()).collect();
    let chosen = if own.is_empty() { general } else { own };
    let in_query = query
        .iter()
        .any(|(name, value)| (name.contains("ca") || name.contains("rootcert")) && value.starts_with('/'));
    if !chosen.is_empty() {
        ClientTrust::Files(chosen.iter().map(|one| one.file()).collect())
    } else if in_query
        || !cas.is_empty()
        || brings_ca(scanner, here)
        || scanner.view.description.open_environment.contains(&here.of.name)
    {
        ClientTrust::Unknown
    } else {
        ClientTrust::System
    }
}

/// The certificate and key that are shown: the pair of related names, else the one of no particular one.
fn identity(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    stem: &[&str],
    clients: &[&KnobPair<'_>],
) -> Option<(FileRef, FileRef)> {
    let pair = clients
        .iter()
        .find(|pair| related(&pair.certificate.stem(), stem))
        .or_else(|| clients.iter().find(|pair| pair.certificate.stem().is_empty()))?;
    let (certificate, key) = (pair.certificate.file(), pair.key.file());
    for (file, role) in [(&certificate, FileRole::Certificate), (&key, FileRole::Key)] {
        let told = scanner
            .found
            .files
            .iter()
            .any(|one| one.workload == here.workload && one.file.place == file.place && one.role == role);
        if !told {
            scanner.names_file(here, file, role, false);
        }
    }
    Some((certificate, key))
}

/// What switches verification off: a parameter of the URL, or a setting.
fn switched_off(
    knob: &Knob,
    setting: &str,
    knobs: &[Knob],
    stem: &[&str],
    query: &[(String, String)],
) -> Option<Verifies> {
    let off = |place: &crate::workload::Place, setting: &str, kind: SettingKind| Verifies::No {
        setting: setting.to_owned(),
        place: place.clone(),
        kind,
    };
    let parameter = query.iter().find(|(name, value)| {
        (name == "ssl_cert_reqs" && matches!(value.to_ascii_lowercase().as_str(), "none" | "cert_none"))
            || (name.contains("skip_verify") && crate::wiring::truthy(value))
            || (name.contains("insecure") && crate::wiring::truthy(value))
    });
    if let Some((name, _)) = parameter {
        return Some(off(&knob.place, &format!("{setting} ({name})"), knob.kind));
    }
    let switch = knobs.iter().find(|one| {
        one.switches_verification_off()
            && (related(&one.stem(), stem)
                || one.stem().is_empty()
                || one.name == "NODE_TLS_REJECT_UNAUTHORIZED")
    });
    switch.map(|one| off(&one.place, &one.name, one.kind))
}

/// Whether a mount brings a CA certificate that no setting names: what the program does with it is its own matter.
fn brings_ca(scanner: &WiringScanner<'_>, here: Here<'_>) -> bool {
    here.it.mounts.iter().any(|mount| {
        let target = mount.target.trim_end_matches('/');
        let folder = scanner.view.list(here.of, here.it, target).unwrap_or_default();
        std::iter::once(target.to_owned()).chain(folder.into_iter().take(50)).any(|path| {
            match scanner.view.open(here.of, here.it, &path) {
                OpenedPath::Content(content) => {
                    memchr::memmem::find(&content.bytes, b"-----BEGIN CERTIFICATE").is_some_and(|_| {
                        read_bytes(&content.shown, &content.bytes, None)
                            .into_iter()
                            .any(|found| Pem::new(None, found).facts.iter().any(|one| one.is_ca))
                    })
                }
                // A Secret, a volume: who knows.
                OpenedPath::Unknown(_) | OpenedPath::Made(_) | OpenedPath::ObjectMissing { .. } => {
                    let lower = target.to_ascii_lowercase();
                    ["cert", "tls", "ssl", "pki", "ca"].iter().any(|word| lower.contains(word))
                }
                _ => false,
            }
        })
    })
}
