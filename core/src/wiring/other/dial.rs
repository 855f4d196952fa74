//! Whom a program that is not known dials, by its URLs.

use super::Pair;
use crate::certificates::{read_bytes, source::Source as Pem};
use crate::wiring::knob::{Knob, Role, related};
use crate::wiring::scan::{Here, Scanner};
use crate::wiring::{Dial, FileRole, Opened, Protocol, SettingKind, Speech, Trust, Verifies, address};

pub(super) fn dial(
    scanner: &mut Scanner<'_>,
    here: Here<'_>,
    knob: &Knob,
    url: &str,
    knobs: &[Knob],
    clients: &[&Pair<'_>],
) {
    let Some(target) = address(url) else { return };
    let setting = if knob.name.is_empty() { "the command line" } else { &knob.name };
    let mut dial = Dial::new(here.workload, here.container, setting, knob.kind, knob.place.clone());
    let (protocol, speech, port) = match target.scheme.as_deref() {
        Some("nats") => (Protocol::Nats, Speech::Plain, 4222),
        Some("tls" | "nats+tls") => (Protocol::Nats, Speech::Tls, 4222),
        Some("redis" | "valkey") => (Protocol::Redis, Speech::Plain, 6379),
        Some("rediss" | "valkeys" | "redis+tls") => (Protocol::Redis, Speech::Tls, 6379),
        Some("http" | "ws") => (Protocol::Http, Speech::Plain, 80),
        Some("https" | "wss") => (Protocol::Http, Speech::Tls, 443),
        Some("grpc") => (Protocol::Grpc, Speech::Plain, 80),
        Some("grpcs") => (Protocol::Grpc, Speech::Tls, 443),
        _ => return,
    };
    dial.protocol = protocol;
    dial.speech = speech;
    dial.shown = target.shown;
    dial.raw = crate::wiring::masked(url);
    dial.host.clone_from(&target.host);
    dial.port = target.port.or(Some(port));
    if target.host.is_none() && crate::wiring::scan::has_gap(url) {
        dial.unknown = Some(crate::wiring::named_gaps(url));
    }
    let stem = knob.stem();
    let mine = |one: &&Knob| related(&one.stem(), &stem);
    let cas: Vec<&Knob> = knobs.iter().filter(|one| one.role() == Some(Role::Ca)).collect();
    let own: Vec<&Knob> = cas.iter().copied().filter(mine).collect();
    let general: Vec<&Knob> = cas.iter().copied().filter(|one| one.stem().is_empty()).collect();
    let chosen = if own.is_empty() { general } else { own };
    let in_query = target
        .query
        .iter()
        .any(|(name, value)| (name.contains("ca") || name.contains("rootcert")) && value.starts_with('/'));
    dial.trust = if !chosen.is_empty() {
        Trust::Files(chosen.iter().map(|one| one.file()).collect())
    } else if in_query
        || !cas.is_empty()
        || brings_ca(scanner, here)
        || scanner.view.description.open_environment.contains(&here.of.name)
    {
        Trust::Unknown
    } else {
        Trust::System
    };
    if speech == Speech::Tls
        && let Trust::Files(files) = &dial.trust
    {
        for file in files.clone() {
            let told = scanner.found.files.iter().any(|one| {
                one.workload == here.workload
                    && one.file.place == file.place
                    && one.file.setting == file.setting
            });
            if !told {
                scanner.names_file(here, &file, FileRole::Ca, false);
            }
        }
    }
    let name = knobs.iter().find(|one| {
        (one.has("name") && one.has("server") || one.words.concat().contains("servername") || one.has("sni"))
            && (related(&one.stem(), &stem) || one.stem().iter().all(|word| *word == "name"))
    });
    dial.name = match name {
        Some(one) if !crate::wiring::scan::has_gap(&one.value) && !one.value.is_empty() => {
            Some((one.value.clone(), one.place.clone(), one.name.clone()))
        }
        Some(_) => None,
        None => target.host.map(|host| (host, knob.place.clone(), setting.to_owned())),
    };
    let pair = clients
        .iter()
        .find(|pair| related(&pair.certificate.stem(), &stem))
        .or_else(|| clients.iter().find(|pair| pair.certificate.stem().is_empty()));
    if speech == Speech::Tls
        && let Some(pair) = pair
    {
        let (certificate, key) = (pair.certificate.file(), pair.key.file());
        for (file, role) in [(&certificate, FileRole::Certificate), (&key, FileRole::Key)] {
            let told =
                scanner.found.files.iter().any(|one| {
                    one.workload == here.workload && one.file.place == file.place && one.role == role
                });
            if !told {
                scanner.names_file(here, file, role, false);
            }
        }
        dial.identity = Some((certificate, key));
    }
    let off = |place: &crate::workload::Place, setting: &str, kind: SettingKind| Verifies::No {
        setting: setting.to_owned(),
        place: place.clone(),
        kind,
    };
    let query_off = target.query.iter().find(|(name, value)| {
        (name == "ssl_cert_reqs" && matches!(value.to_ascii_lowercase().as_str(), "none" | "cert_none"))
            || (name.contains("skip_verify") && crate::wiring::truthy(value))
            || (name.contains("insecure") && crate::wiring::truthy(value))
    });
    let switch = knobs.iter().find(|one| {
        one.switches_verification_off()
            && (related(&one.stem(), &stem)
                || one.stem().is_empty()
                || one.name == "NODE_TLS_REJECT_UNAUTHORIZED")
    });
    if speech == Speech::Tls {
        if let Some((name, _)) = query_off {
            dial.verifies = off(&knob.place, &format!("{setting} ({name})"), knob.kind);
        } else if let Some(one) = switch {
            dial.verifies = off(&one.place, &one.name, one.kind);
        }
    }
    scanner.found.dials.push(dial);
}

/// Whether a mount brings a CA certificate that no setting names: what the program does with it is its own matter.
fn brings_ca(scanner: &Scanner<'_>, here: Here<'_>) -> bool {
    here.it.mounts.iter().any(|mount| {
        let target = mount.target.trim_end_matches('/');
        let folder = scanner.view.list(here.of, here.it, target).unwrap_or_default();
        std::iter::once(target.to_owned()).chain(folder.into_iter().take(50)).any(|path| {
            match scanner.view.open(here.of, here.it, &path) {
                Opened::Content(content) => memchr::memmem::find(&content.bytes, b"-----BEGIN CERTIFICATE")
                    .is_some_and(|_| {
                        read_bytes(&content.shown, &content.bytes, None)
                            .into_iter()
                            .any(|found| Pem::new(None, found).facts.iter().any(|one| one.is_ca))
                    }),
                // A Secret, a volume: who knows.
                Opened::Unknown(_) | Opened::Made(_) | Opened::ObjectMissing { .. } => {
                    let lower = target.to_ascii_lowercase();
                    ["cert", "tls", "ssl", "pki", "ca"].iter().any(|word| lower.contains(word))
                }
                _ => false,
            }
        })
    })
}
