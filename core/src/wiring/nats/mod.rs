//! nats-server: its options and its configuration.

mod names;
mod options;
mod remotes;

use super::scan::{Here, WiringScanner, has_gap};
use super::{
    ClientAuth, FileRef, FileRole, Half, Listener, Minimum, OpenedPath, Protocol, SettingKind, TlsMode,
    is_loopback,
};
use crate::manifest::files::{join, parent};
use crate::manifest::nats_conf::{self, Lookup, NatsBlock, NatsConf, NatsData, NatsEntry, World};
use crate::manifest::{Include, Mark, ParseFault, Source};
use crate::workload::Place;
use names::unknown_names;
use options::{NAMES, NatsArguments};
use remotes::{remotes, routes};

/// Reads one.
pub(super) fn read(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    let options = NatsArguments::of(&here.words(&NAMES));
    let conf = match options.config.clone().or_else(|| default_config(here)) {
        Some((path, place)) => match configuration(scanner, here, &path, &place) {
            Some(conf) => conf,
            None => return unknown(scanner, here, &options),
        },
        None => NatsConf::default(),
    };
    let open = conf.open || !conf.faults.is_empty();
    scanner.found.faults.extend(conf.faults.iter().cloned());
    unknown_names(&conf, &mut scanner.found.faults);
    client_listener(scanner, here, &conf, &options, open);
    for (names, protocol, port) in [
        (&["cluster"][..], Protocol::NatsRoute, Some(6222)),
        (&["gateway"][..], Protocol::NatsRoute, Some(7222)),
        (&["leafnodes", "leaf"][..], Protocol::NatsLeaf, Some(7422)),
        (&["websocket", "ws"][..], Protocol::Http, None),
        (&["mqtt"][..], Protocol::Other, Some(1883)),
    ] {
        if let Some((entry, block)) = conf.block.block(names) {
            block_listener(scanner, here, entry, block, protocol, port);
        }
    }
    monitor(scanner, here, &conf, &options);
    remotes(scanner, here, &conf);
    routes(scanner, here, &conf, &options);
}

/// The image starts with a configuration of its own, unless it is given something else; a mount may replace it.
fn default_config(here: Here<'_>) -> Option<(String, Place)> {
    const IMAGE: &str = "/nats-server.conf";
    let bare = here.it.entrypoint.is_empty() && here.it.arguments.is_empty();
    let mount = here
        .it
        .mounts
        .iter()
        .find(|one| one.target == IMAGE || one.target == "/etc/nats/nats-server.conf")?;
    let place = mount.place.clone().unwrap_or_else(|| here.place());
    bare.then(|| (mount.target.clone(), place))
}

/// Its configuration; `None`: it is not known.
fn configuration(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    path: &str,
    place: &Place,
) -> Option<NatsConf> {
    let file = FileRef {
        path: path.to_owned(),
        setting: "--config".to_owned(),
        place: place.clone(),
        kind: SettingKind::Argument,
    };
    scanner.names_file(here, &file, FileRole::Config, true);
    let OpenedPath::Content(content) = scanner.view.open(here.of, here.it, path) else { return None };
    let open_environment = scanner.view.description.open_environment.contains(&here.of.name);
    let variable = |name: &str| match here.it.variable(name).map(|one| one.value.marked()) {
        Some(text) if has_gap(&text) => Lookup::Unknown,
        Some(text) => Lookup::Known(text),
        None if open_environment || here.of.name == STANDALONE || GIVEN.contains(&name) => Lookup::Unknown,
        None => Lookup::Unset,
    };
    // The path of each text that was opened, so that includes are seen from their own folder.
    let opened = std::cell::RefCell::new(vec![(content.source.start.clone(), path.to_owned())]);
    let include = |wanted: &str, from: &Source| {
        let base = opened.borrow().iter().find(|(mark, _)| *mark == from.start).map(|(_, path)| path.clone());
        let full = join(&parent(&base.unwrap_or_else(|| path.to_owned())), wanted);
        match scanner.view.open(here.of, here.it, &full) {
            OpenedPath::Content(content) => {
                opened.borrow_mut().push((content.source.start.clone(), full));
                Include::Text(content.source)
            }
            OpenedPath::NotInside { .. }
            | OpenedPath::SourceMissing { .. }
            | OpenedPath::KeyMissing { .. } => Include::Missing,
            _ => Include::Unknown,
        }
    };
    Some(nats_conf::read(&content.source, &World { variable: &variable, include: &include }))
}

/// Variables that every container has, whoever describes it.
const GIVEN: [&str; 4] = ["HOSTNAME", "HOME", "PATH", "PWD"];

/// The name of the workload that a file which stands alone is read as.
pub(super) const STANDALONE: &str = "(alone)";

fn unknown(scanner: &mut WiringScanner<'_>, here: Here<'_>, options: &NatsArguments) {
    let mut listener =
        Listener::new(here.workload, here.container, Protocol::Nats, options.port, here.place());
    listener.port = Some(options.port.unwrap_or(4222));
    scanner.found.listeners.push(listener);
}

fn port_of(block: &NatsBlock, default: Option<u16>) -> (Option<u16>, bool, Option<Mark>) {
    let number = |entry: &NatsEntry| match &entry.value.data {
        NatsData::Integer(number) => u16::try_from(*number).ok(),
        NatsData::Text(text) => text.rsplit(':').next().and_then(|port| port.parse().ok()),
        _ => None,
    };
    let host = block.text(&["host", "net"]).map(|(text, _)| text).unwrap_or_default();
    let mut loopback = is_loopback(&host);
    let mut port = block.entry(&["port"]).and_then(number);
    let mut mark = block.entry(&["port"]).map(|one| one.mark.clone());
    if let Some(entry) = block.entry(&["listen"]) {
        port = number(entry).or(port);
        mark = Some(entry.mark.clone());
        let text = entry.value.text();
        loopback |= text.rsplit_once(':').is_some_and(|(host, _)| is_loopback(host.trim_matches(['[', ']'])));
    }
    (port.or(default), loopback, mark)
}

fn client_listener(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    conf: &NatsConf,
    options: &NatsArguments,
    open: bool,
) {
    let (port, loopback, mark) = port_of(&conf.block, Some(4222));
    let place = mark.as_ref().map_or_else(
        || options.config.as_ref().map_or_else(|| here.place(), |(_, place)| place.clone()),
        Mark::place,
    );
    let mut listener =
        Listener::new(here.workload, here.container, Protocol::Nats, options.port.or(port), place);
    listener.loopback = loopback || options.loopback;
    listener.setting = "port".to_owned();
    listener.tls_mode = if open { TlsMode::Unknown } else { TlsMode::Plain };
    listener.clients = ClientAuth::NotAsked;
    if let Some((entry, tls)) = conf.block.block(&["tls"]) {
        tls_block(scanner, here, &mut listener, entry, tls);
    } else if let Some(place) =
        options.tls.clone().or_else(|| options.certificate.as_ref().map(|one| one.place.clone()))
    {
        listener.tls_mode = TlsMode::Tls;
        listener.block = place;
        listener.kind = SettingKind::Argument;
        listener.certificate.clone_from(&options.certificate);
        listener.key.clone_from(&options.key);
        listener.ca.clone_from(&options.ca);
        listener.setting = "--tls".to_owned();
        if let Some(place) = &options.verify {
            listener.clients = ClientAuth::Demanded;
            listener.clients_at = Some(("--tlsverify".to_owned(), place.clone()));
        }
        files(scanner, here, &listener);
    } else if let Some(place) = &options.verify {
        // `--tlsverify` alone switches TLS on.
        listener.tls_mode = TlsMode::Tls;
        listener.clients = ClientAuth::Demanded;
        listener.clients_at = Some(("--tlsverify".to_owned(), place.clone()));
    }
    if let Some((true, mark)) = conf.block.truth(&["allow_non_tls"]) {
        listener.also_plain = Some(("allow_non_tls".to_owned(), mark.place()));
    }
    scanner.found.listeners.push(listener);
}

/// Reads a `tls` block into a listener.
fn tls_block(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    listener: &mut Listener,
    entry: &NatsEntry,
    tls: &NatsBlock,
) {
    listener.tls_mode = TlsMode::Tls;
    listener.block = entry.mark.place();
    listener.setting = "tls".to_owned();
    let reference = |name: &str| {
        tls.text(&[name]).map(|(path, mark)| FileRef {
            path,
            setting: name.to_owned(),
            place: mark.place(),
            kind: SettingKind::Config,
        })
    };
    listener.certificate = reference("cert_file");
    listener.key = reference("key_file");
    listener.ca = reference("ca_file");
    let verify = tls.truth(&["verify"]);
    let map = tls.truth(&["verify_and_map"]);
    let known = tls.truth(&["verify_cert_and_check_known_urls"]);
    let always = matches!(listener.protocol, Protocol::NatsRoute);
    let demanded = always || [verify, map, known].iter().any(|one| one.is_some_and(|(on, _)| on));
    listener.clients = if demanded { ClientAuth::Demanded } else { ClientAuth::NotAsked };
    listener.clients_at = verify
        .or(map)
        .map(|(_, mark)| ("verify".to_owned(), mark.place()))
        .or(Some(("verify".to_owned(), entry.mark.place())));
    minimum(scanner, here, tls);
    halves(scanner, here, &listener.certificate, &listener.key, "cert_file", "key_file");
    files(scanner, here, listener);
}

fn minimum(scanner: &mut WiringScanner<'_>, here: Here<'_>, tls: &NatsBlock) {
    let Some((value, mark)) = tls.text(&["min_version"]) else { return };
    let lowest = match value.trim_start_matches("TLS").trim_start_matches(['v', ' ']) {
        "1.0" | "1" => "1.0",
        "1.1" => "1.1",
        "1.2" | "1.3" => return,
        _ => {
            let message = format!("`min_version` is `{value}`: nats-server knows 1.2 and 1.3");
            scanner.found.faults.push(ParseFault::unreadable(mark.clone(), message));
            return;
        }
    };
    scanner.found.minimums.push(Minimum {
        workload: here.workload,
        setting: "min_version".to_owned(),
        value,
        lowest,
        better: "1.2".to_owned(),
        place: mark.place(),
        kind: SettingKind::Config,
    });
}

/// A certificate without its key, or a key without its certificate.
pub(super) fn halves(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    certificate: &Option<FileRef>,
    key: &Option<FileRef>,
    certificate_name: &str,
    key_name: &str,
) {
    let (has, lacks) = match (certificate, key) {
        (Some(has), None) => (has, key_name),
        (None, Some(has)) => (has, certificate_name),
        _ => return,
    };
    let (has, lacks) = (has.clone(), lacks.to_owned());
    scanner.found.halves.push(Half { workload: here.workload, has, lacks });
}

/// The files of a listener are told.
pub(super) fn files(scanner: &mut WiringScanner<'_>, here: Here<'_>, listener: &Listener) {
    for (file, role) in [
        (&listener.certificate, FileRole::Certificate),
        (&listener.key, FileRole::Key),
        (&listener.ca, FileRole::Ca),
    ] {
        if let Some(file) = file {
            scanner.names_file(here, file, role, true);
        }
    }
}

fn block_listener(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    entry: &NatsEntry,
    block: &NatsBlock,
    protocol: Protocol,
    default: Option<u16>,
) {
    let (port, loopback, _) = port_of(block, default);
    let mut listener = Listener::new(here.workload, here.container, protocol, port, entry.mark.place());
    listener.loopback = loopback;
    listener.setting.clone_from(&entry.name);
    listener.tls_mode = TlsMode::Plain;
    listener.clients = ClientAuth::NotAsked;
    if let Some((entry, tls)) = block.block(&["tls"]) {
        tls_block(scanner, here, &mut listener, entry, tls);
        if let Some((true, mark)) = tls.truth(&["insecure"]) {
            let place = mark.place();
            scanner.found.insecure.push((here.workload, "insecure".to_owned(), place, SettingKind::Config));
        }
    }
    // Only remotes: nobody listens.
    let listens = block.entry(&["port", "listen"]).is_some();
    if listens || !matches!(protocol, Protocol::NatsLeaf) {
        scanner.found.listeners.push(listener);
    }
}

fn monitor(scanner: &mut WiringScanner<'_>, here: Here<'_>, conf: &NatsConf, options: &NatsArguments) {
    for (names, tls_mode) in [
        (&["http", "http_port", "monitor_port"][..], TlsMode::Plain),
        (&["https", "https_port"][..], TlsMode::Tls),
    ] {
        let entry = conf.block.entry(names);
        let port =
            entry.and_then(|one| one.value.text().rsplit(':').next().and_then(|port| port.parse().ok()));
        let port = if tls_mode == TlsMode::Plain { options.monitor.or(port) } else { port };
        let Some(port) = port else { continue };
        let place = entry.map_or_else(|| here.place(), |one| one.mark.place());
        let mut listener = Listener::new(here.workload, here.container, Protocol::Http, Some(port), place);
        listener.tls_mode = tls_mode;
        listener.side = true;
        listener.clients = ClientAuth::NotAsked;
        scanner.found.listeners.push(listener);
    }
}
