//! The connections of a service to NATS and Redis.

use super::half;
use crate::wiring::scan::{Here, WiringScanner, file_of, has_gap};
use crate::wiring::{
    Address, ClientTrust, Dial, FileRef, FileRole, Program, Protocol, SettingKind, Switch, TlsMode, Unused,
    Verifies, address, truthy,
};
use crate::workload::Place;

/// The variables of NATS or Redis, by their prefix.
struct Broker<'a> {
    prefix: &'a str,
    nats: bool,
    ca: Option<FileRef>,
    certificate: Option<FileRef>,
    key: Option<FileRef>,
    insecure: Option<(String, Place)>,
    name: Option<(String, Place)>,
    /// How the main URL speaks; `None`: there is none.
    main: Option<TlsMode>,
}

impl<'a> Broker<'a> {
    fn of(here: Here<'_>, prefix: &'a str, main: &str) -> Self {
        let nats = prefix == "NATS";
        Self {
            prefix,
            nats,
            ca: file_of(here, &format!("{prefix}_TLS_CA")),
            certificate: file_of(here, &format!("{prefix}_TLS_CERT")),
            key: file_of(here, &format!("{prefix}_TLS_KEY")),
            insecure: here.variable(&format!("{prefix}_TLS_INSECURE")),
            name: here.variable(&format!("{prefix}_TLS_SERVER_NAME")),
            main: here.variable(main).map(|(text, _)| tls_mode(&text, nats)),
        }
    }

    fn files(&self) -> impl Iterator<Item = &FileRef> {
        [&self.ca, &self.certificate, &self.key].into_iter().flatten()
    }
}

/// NATS or Redis, with the variables of its prefix.
pub(super) fn broker(scanner: &mut WiringScanner<'_>, here: Here<'_>, prefix: &str, urls: &[&str]) {
    let broker = Broker::of(here, prefix, urls[0]);
    let used = broker.main != Some(TlsMode::Plain) || (broker.nats && here.program == Program::Worker);
    if used {
        let Broker { ca, certificate, key, .. } = &broker;
        for (file, role) in [(ca, FileRole::Ca), (certificate, FileRole::Certificate), (key, FileRole::Key)] {
            if let Some(file) = file {
                scanner.names_file(here, file, role, false);
            }
        }
        let names = [format!("{prefix}_TLS_CERT"), format!("{prefix}_TLS_KEY")];
        half(scanner, here, (certificate, key), (&names[0], &names[1]));
    }
    for variable in urls {
        let Some((text, place)) = here.variable(variable) else { continue };
        for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
            let main = variable == &urls[0];
            let dial = dial(scanner, here, &broker, (variable, &place), part, main);
            scanner.found.dials.extend(dial);
        }
    }
    unused(scanner, here, &broker, used);
}

/// One server of a URL. `main`: of the variable that says how all of them are dialled.
fn dial(
    scanner: &WiringScanner<'_>,
    here: Here<'_>,
    broker: &Broker<'_>,
    (variable, place): (&str, &Place),
    part: &str,
    main: bool,
) -> Option<Dial> {
    let Broker { prefix, nats, .. } = *broker;
    let Address { host, port, query, shown, .. } = address(part)?;
    let mut dial =
        Dial::new(here.workload, here.container, variable, SettingKind::Environment, place.clone());
    dial.program = here.program;
    dial.protocol = if nats { Protocol::Nats } else { Protocol::Redis };
    dial.shown = shown;
    dial.raw = crate::wiring::masked(part);
    dial.host.clone_from(&host);
    dial.port = port.or(Some(if nats { 4222 } else { 6379 }));
    // Members of a cluster are dialled as the main URL says.
    let own = if main || part.contains("://") { tls_mode(part, nats) } else { TlsMode::Unknown };
    dial.tls_mode = match (own, broker.main) {
        (TlsMode::Unknown, Some(main)) if !has_gap(part) => main,
        (own, _) => own,
    };
    let any = broker.files().next().is_some();
    if dial.tls_mode == TlsMode::Plain && nats && here.program == Program::Worker && any {
        dial.tls_mode = TlsMode::Tls;
        dial.upgrades = true;
    }
    if dial.host.is_none() || dial.tls_mode == TlsMode::Unknown {
        dial.unknown = Some(crate::wiring::named_gaps(part));
    }
    dial.name = broker
        .name
        .clone()
        .map(|(name, place)| (name, place, format!("{prefix}_TLS_SERVER_NAME")))
        .or_else(|| host.map(|host| (host, place.clone(), variable.to_owned())));
    dial.trust = match &broker.ca {
        Some(file) => ClientTrust::Files(vec![file.clone()]),
        None if scanner.view.description.open_environment.contains(&here.of.name) => ClientTrust::Unknown,
        None => roots(here),
    };
    dial.identity = broker.certificate.clone().zip(broker.key.clone());
    let off = |setting: String, place: &Place| Verifies::No {
        setting,
        place: place.clone(),
        kind: SettingKind::Environment,
    };
    if let Some((value, place)) = &broker.insecure
        && truthy(value)
    {
        dial.verifies = off(format!("{prefix}_TLS_INSECURE"), place);
    }
    if query.iter().any(|(key, value)| key == "skip_verify" && truthy(value)) {
        dial.verifies = off(format!("{variable} (skip_verify)"), place);
    }
    Some(dial)
}

/// What is set and passed over: everything, where the scheme is plaintext; a CA, where nothing is verified.
fn unused(scanner: &mut WiringScanner<'_>, here: Here<'_>, broker: &Broker<'_>, used: bool) {
    let Broker { prefix, nats, .. } = *broker;
    let unused = |setting: String, place: &Place, why: String| Unused {
        workload: here.workload,
        setting,
        place: place.clone(),
        kind: SettingKind::Environment,
        why,
        minor: false,
        switch: None,
    };
    if !used {
        let files = broker.files().map(|one| (one.setting.clone(), &one.place));
        let named = broker.name.iter().map(|(_, place)| (format!("{prefix}_TLS_SERVER_NAME"), place));
        for (setting, place) in files.chain(named) {
            let why = format!("it is read for {} alone", if nats { "tls://" } else { "rediss://" });
            scanner.found.unused.push(unused(setting, place, why));
        }
    }
    if let (Some(ca), Some((value, place))) = (&broker.ca, &broker.insecure)
        && used
        && truthy(value)
    {
        let why = format!("{prefix}_TLS_INSECURE switches verification off: nothing is verified with it");
        let switch = Some(Switch {
            setting: format!("{prefix}_TLS_INSECURE"),
            place: place.clone(),
            kind: SettingKind::Environment,
            from: None,
            to: None,
        });
        scanner.found.unused.push(Unused { switch, ..unused(ca.setting.clone(), &ca.place, why) });
    }
}

/// A Go program's roots, unless it is given others.
fn roots(here: Here<'_>) -> ClientTrust {
    match file_of(here, "SSL_CERT_FILE").or_else(|| file_of(here, "SSL_CERT_DIR")) {
        Some(_) => ClientTrust::Unknown,
        None => ClientTrust::System,
    }
}

/// How a URL speaks; of several servers the first one's scheme counts.
pub(super) fn tls_mode(urls: &str, nats: bool) -> TlsMode {
    let url = urls.split(',').next().unwrap_or_default().trim();
    let scheme = address(url).and_then(|one| one.scheme);
    match scheme.as_deref() {
        Some("tls" | "wss") if nats => TlsMode::Tls,
        Some("rediss") if !nats => TlsMode::Tls,
        Some("nats" | "ws") if nats => TlsMode::Plain,
        Some("redis") if !nats => TlsMode::Plain,
        None if nats && !has_gap(url) => TlsMode::Plain,
        _ => TlsMode::Unknown,
    }
}
