//! The connections of a service to NATS and Redis.

use super::half;
use crate::wiring::scan::{Here, Scanner, file_of, has_gap};
use crate::wiring::{
    Address, Dial, FileRole, Program, Protocol, SettingKind, Speech, Switch, Trust, Unused, Verifies,
    address, truthy,
};

/// NATS or Redis, with the variables of its prefix.
pub(super) fn broker(scanner: &mut Scanner<'_>, here: Here<'_>, prefix: &str, urls: &[&str]) {
    let ca = file_of(here, &format!("{prefix}_TLS_CA"));
    let certificate = file_of(here, &format!("{prefix}_TLS_CERT"));
    let key = file_of(here, &format!("{prefix}_TLS_KEY"));
    let insecure = here.variable(&format!("{prefix}_TLS_INSECURE"));
    let name = here.variable(&format!("{prefix}_TLS_SERVER_NAME"));
    let nats = prefix == "NATS";
    let any = ca.is_some() || certificate.is_some() || key.is_some();
    let main = here.variable(urls[0]);
    let main_tls = main.as_ref().map(|(text, _)| speech(text, nats));
    let used = main_tls != Some(Speech::Plain) || (nats && here.program == Program::Worker);
    if used {
        for (file, role) in
            [(&ca, FileRole::Ca), (&certificate, FileRole::Certificate), (&key, FileRole::Key)]
        {
            if let Some(file) = file {
                scanner.names_file(here, file, role, false);
            }
        }
        let names = [format!("{prefix}_TLS_CERT"), format!("{prefix}_TLS_KEY")];
        half(scanner, here, &certificate, &key, &names[0], &names[1]);
    }
    for variable in urls {
        let Some((text, place)) = here.variable(variable) else { continue };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let Some(Address { host, port, query, shown, .. }) = address(part) else { continue };
            let mut dial =
                Dial::new(here.workload, here.container, variable, SettingKind::Environment, place.clone());
            dial.program = here.program;
            dial.protocol = if nats { Protocol::Nats } else { Protocol::Redis };
            dial.shown = shown;
            dial.raw = crate::wiring::masked(part);
            dial.host = host.clone();
            dial.port = port.or(Some(if nats { 4222 } else { 6379 }));
            // Members of a cluster are dialled as the main URL says.
            let own = if variable == &urls[0] || part.contains("://") {
                speech(part, nats)
            } else {
                Speech::Unknown
            };
            dial.speech = match (own, main_tls) {
                (Speech::Unknown, Some(main)) if !has_gap(part) => main,
                (own, _) => own,
            };
            if dial.speech == Speech::Plain && nats && here.program == Program::Worker && any {
                dial.speech = Speech::Tls;
                dial.upgrades = true;
            }
            if dial.host.is_none() || dial.speech == Speech::Unknown {
                dial.unknown = Some(crate::wiring::named_gaps(part));
            }
            dial.name = name
                .clone()
                .map(|(name, place)| (name, place, format!("{prefix}_TLS_SERVER_NAME")))
                .or_else(|| host.map(|host| (host, place.clone(), (*variable).to_owned())));
            dial.trust = match &ca {
                Some(file) => Trust::Files(vec![file.clone()]),
                None if scanner.view.description.open_environment.contains(&here.of.name) => Trust::Unknown,
                None => roots(here),
            };
            dial.identity = certificate.clone().zip(key.clone());
            if let Some((value, place)) = &insecure
                && truthy(value)
            {
                let setting = format!("{prefix}_TLS_INSECURE");
                dial.verifies =
                    Verifies::No { setting, place: place.clone(), kind: SettingKind::Environment };
            }
            if query.iter().any(|(key, value)| key == "skip_verify" && truthy(value)) {
                let setting = format!("{variable} (skip_verify)");
                dial.verifies =
                    Verifies::No { setting, place: place.clone(), kind: SettingKind::Environment };
            }
            scanner.found.dials.push(dial);
        }
    }
    // Set, and passed over: the scheme is plaintext.
    if !used {
        let files = [&ca, &certificate, &key].into_iter().flatten();
        let named = name.iter().map(|(_, place)| (format!("{prefix}_TLS_SERVER_NAME"), place.clone()));
        for (setting, place) in files.map(|one| (one.setting.clone(), one.place.clone())).chain(named) {
            scanner.found.unused.push(Unused {
                workload: here.workload,
                setting,
                place,
                kind: SettingKind::Environment,
                why: format!("it is read for {} alone", if nats { "tls://" } else { "rediss://" }),
                minor: false,
                switch: None,
            });
        }
    }
    if let (Some(ca), Some((value, place))) = (&ca, &insecure)
        && used
        && truthy(value)
    {
        scanner.found.unused.push(Unused {
            workload: here.workload,
            setting: ca.setting.clone(),
            place: ca.place.clone(),
            kind: SettingKind::Environment,
            why: format!("{prefix}_TLS_INSECURE switches verification off: nothing is verified with it"),
            minor: false,
            switch: Some(Switch {
                setting: format!("{prefix}_TLS_INSECURE"),
                place: place.clone(),
                kind: SettingKind::Environment,
                from: None,
                to: None,
            }),
        });
    }
}

/// A Go program's roots, unless it is given others.
fn roots(here: Here<'_>) -> Trust {
    match file_of(here, "SSL_CERT_FILE").or_else(|| file_of(here, "SSL_CERT_DIR")) {
        Some(_) => Trust::Unknown,
        None => Trust::System,
    }
}

pub(super) fn speech(url: &str, nats: bool) -> Speech {
    let scheme = address(url).and_then(|one| one.scheme);
    match scheme.as_deref() {
        Some("tls" | "wss") if nats => Speech::Tls,
        Some("rediss") if !nats => Speech::Tls,
        Some("nats" | "ws") if nats => Speech::Plain,
        Some("redis") if !nats => Speech::Plain,
        None if nats && !has_gap(url) => Speech::Plain,
        _ => Speech::Unknown,
    }
}
