//! Whom a server dials itself: routes, gateways and leaf nodes.

use super::options::NatsArguments;
use crate::manifest::Mark;
use crate::manifest::nats_conf::{NatsBlock, NatsConf, NatsData};
use crate::wiring::scan::{Here, WiringScanner};
use crate::wiring::{
    ClientAuth, ClientTrust, Dial, Dialler, FileRef, FileRole, Listener, Program, Protocol, SettingKind,
    TlsMode, Verifies, address, is_loopback,
};

/// Leaf nodes' remotes and cluster routes: this server as a client.
pub(super) fn remotes(scanner: &mut WiringScanner<'_>, here: Here<'_>, conf: &NatsConf) {
    if let Some((_, leaf)) = conf.block.block(&["leafnodes", "leaf"])
        && let Some(remotes) = leaf.entry(&["remotes"])
    {
        for remote in remotes.value.items() {
            let NatsData::Block(remote) = &remote.data else { continue };
            let Some(urls) = remote.entry(&["url", "urls"]) else { continue };
            let tls = remote.block(&["tls"]).map(|(_, block)| block);
            names_files(scanner, here, tls);
            for url in urls.value.items() {
                dial(scanner, here, &url.text(), &url.mark, NatsPeer::Leaf, tls);
            }
        }
    }
    if let Some((_, cluster)) = conf.block.block(&["cluster"])
        && let Some(routes) = cluster.entry(&["routes"])
    {
        let tls = cluster.block(&["tls"]).map(|(_, block)| block);
        for url in routes.value.items() {
            dial(scanner, here, &url.text(), &url.mark, NatsPeer::Route, tls);
        }
    }
    gateways(scanner, here, conf);
}

/// Routes of the command line; whether they are in TLS is said in the configuration alone.
pub(super) fn routes(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    conf: &NatsConf,
    options: &NatsArguments,
) {
    let cluster = conf.block.block(&["cluster"]);
    let tls = cluster.and_then(|(_, block)| block.block(&["tls"])).map(|(_, block)| block);
    if let (None, Some((url, place))) = (cluster, &options.cluster) {
        let address = address(url);
        let port = address.as_ref().map_or(Some(6222), |one| one.port);
        let mut listener =
            Listener::new(here.workload, here.container, Protocol::NatsRoute, port, place.clone());
        listener.loopback = address.and_then(|one| one.host).is_some_and(|host| is_loopback(&host));
        listener.setting = "cluster".to_owned();
        listener.kind = SettingKind::Argument;
        listener.tls_mode = if conf.open { TlsMode::Unknown } else { TlsMode::Plain };
        listener.clients = ClientAuth::NotAsked;
        scanner.found.listeners.push(listener);
    }
    let Some((urls, place)) = &options.routes else { return };
    let mark = Mark::of(place);
    for url in urls.split(',').map(str::trim).filter(|url| !url.is_empty()) {
        dial(scanner, here, url, &mark, NatsPeer::Route, tls);
    }
}

/// Other clusters: each with its own `tls` block, else with that of the gateway.
fn gateways(scanner: &mut WiringScanner<'_>, here: Here<'_>, conf: &NatsConf) {
    let Some((_, gateway)) = conf.block.block(&["gateway"]) else { return };
    let own = gateway.block(&["tls"]).map(|(_, block)| block);
    for remote in gateway.entry(&["gateways"]).map(|one| one.value.items()).unwrap_or_default() {
        let NatsData::Block(remote) = &remote.data else { continue };
        let Some(urls) = remote.entry(&["url", "urls"]) else { continue };
        let tls = remote.block(&["tls"]).map(|(_, block)| block);
        names_files(scanner, here, tls);
        let tls = tls.or(own);
        for url in urls.value.items() {
            dial(scanner, here, &url.text(), &url.mark, NatsPeer::Gateway, tls);
        }
    }
}

/// A file that a `tls` block names.
fn file(tls: &NatsBlock, name: &str) -> Option<FileRef> {
    tls.text(&[name]).map(|(path, mark)| FileRef {
        path,
        setting: name.to_owned(),
        place: mark.place(),
        kind: SettingKind::Config,
    })
}

/// The files of a remote's own `tls` block; those of a listener's are told with it.
fn names_files(scanner: &mut WiringScanner<'_>, here: Here<'_>, tls: Option<&NatsBlock>) {
    let Some(tls) = tls else { return };
    let (certificate, key) = (file(tls, "cert_file"), file(tls, "key_file"));
    super::halves(scanner, here, &certificate, &key, "cert_file", "key_file");
    let ca = file(tls, "ca_file");
    for (file, role) in [(certificate, FileRole::Certificate), (key, FileRole::Key), (ca, FileRole::Ca)] {
        if let Some(file) = file {
            scanner.names_file(here, &file, role, false);
        }
    }
}

/// Which of its peers a server dials.
#[derive(Clone, Copy, PartialEq, Eq)]
enum NatsPeer {
    Leaf,
    Route,
    Gateway,
}

fn dial(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    url: &str,
    mark: &Mark,
    peer: NatsPeer,
    tls: Option<&NatsBlock>,
) {
    let (protocol, port, setting) = match peer {
        NatsPeer::Leaf => (Protocol::NatsLeaf, 7422, "routes"),
        NatsPeer::Route => (Protocol::NatsRoute, 6222, "routes"),
        NatsPeer::Gateway => (Protocol::NatsRoute, 7222, "gateways"),
    };
    let Some(address) = address(url) else { return };
    let mut dial = Dial::new(here.workload, here.container, setting, SettingKind::Config, mark.place());
    dial.program = Program::Nats;
    dial.dialler = Dialler::Program;
    dial.protocol = protocol;
    dial.shown = address.shown;
    dial.raw = crate::wiring::masked(url);
    dial.host.clone_from(&address.host);
    dial.port = address.port.or(Some(port));
    let by_scheme = peer == NatsPeer::Leaf;
    let secure = tls.is_some() || (by_scheme && matches!(address.scheme.as_deref(), Some("tls" | "wss")));
    dial.tls_mode = if secure { TlsMode::Tls } else { TlsMode::Plain };
    dial.name = address.host.map(|host| (host, mark.place(), dial.setting.clone()));
    if let Some(tls) = tls {
        dial.trust = file(tls, "ca_file").map_or(ClientTrust::System, |file| ClientTrust::Files(vec![file]));
        dial.identity = file(tls, "cert_file").zip(file(tls, "key_file"));
        if let Some((true, mark)) = tls.truth(&["insecure"]) {
            dial.verifies = Verifies::No {
                setting: "insecure".to_owned(),
                place: mark.place(),
                kind: SettingKind::Config,
            };
        }
    }
    scanner.found.dials.push(dial);
}
