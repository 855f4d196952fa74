//! nginx: its servers, and its upstreams with what is verified of them. The ingress controller's annotations are
//! the same settings in other words.

mod directives;
mod ingress;
mod upstream;

use std::collections::BTreeMap;

use super::nats::{files, halves};
use super::redis::versions;
use super::scan::{Here, WiringScanner, has_gap};
use super::{
    ClientAuth, ClientTrust, FileRef, FileRole, Listener, OpenedPath, Protocol, SettingKind, TlsMode,
    Verifies, address, is_loopback, shapes,
};
use crate::manifest::files::join;
use crate::manifest::nginx::{NginxConf, NginxDirective, read as read_conf, substituted};
use crate::manifest::{Mark, Source};
use crate::workload::Container;
pub(super) use ingress::ingresses;
pub(crate) use ingress::{PREFIX as INGRESS_NGINX, SECRET};

const ROOT: &str = "/etc/nginx";
const MAIN: &str = "/etc/nginx/nginx.conf";
/// Folders of configurations, of the image and of another one that is used as often.
const FOLDERS: [&str; 3] =
    ["/etc/nginx/conf.d", "/etc/nginx/http.d", "/opt/bitnami/nginx/conf/server_blocks"];
const TEMPLATES: &str = "/etc/nginx/templates";

/// Whether something is mounted where nginx reads its configuration.
pub(super) fn is_configured(container: &Container) -> bool {
    container.mounts.iter().any(|mount| {
        let target = mount.target.trim_end_matches('/');
        FOLDERS
            .iter()
            .chain([&MAIN, &TEMPLATES])
            .any(|path| target == *path || target.starts_with(&format!("{path}/")))
            || target == ROOT
    })
}

/// Reads one.
pub(super) fn read(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    let main = main_file(scanner, here);
    let confs: Vec<NginxConf> = {
        let includes = |pattern: &str| included(scanner, here, pattern);
        match main {
            Some(OpenedPath::Content(content)) => vec![read_conf(&content.source, &includes)],
            // The image's own nginx.conf includes what lies in its folder.
            _ => FOLDERS
                .iter()
                .filter_map(|folder| included(scanner, here, &format!("{folder}/*.conf")))
                .flatten()
                .map(|source| read_conf(&source, &includes))
                .collect(),
        }
    };
    let mut whole = NginxConf::default();
    for conf in confs {
        whole.directives.extend(conf.directives);
        scanner.found.faults.extend(conf.faults);
        whole.open |= conf.open;
    }
    let names = shapes::NginxNames::of(&whole.directives, whole.open);
    let mut walk = Walk {
        scanner,
        here,
        upstreams: BTreeMap::new(),
        variables: BTreeMap::new(),
        names,
        open: whole.open,
        stream: false,
        location: None,
    };
    walk.shapes(&whole.directives, "");
    walk.discover(&whole.directives);
    walk.block(&whole.directives, &NginxSettings::default());
    // What one location passes over another may use.
    let used: Vec<_> = scanner
        .found
        .dials
        .iter()
        .filter(|one| one.verifies == Verifies::Yes && one.workload == Some(here.workload))
        .filter_map(|one| match &one.trust {
            ClientTrust::Files(files) => Some(files.iter().map(|file| file.place.clone())),
            ClientTrust::System | ClientTrust::Unknown => None,
        })
        .flatten()
        .collect();
    scanner.found.unused.retain(|one| one.workload != here.workload || !used.contains(&one.place));
}

fn main_file(scanner: &mut WiringScanner<'_>, here: Here<'_>) -> Option<OpenedPath> {
    let words = here.words(&["nginx"]);
    let named = words.windows(2).find(|pair| pair[0].value.known() == Some("-c")).map(|pair| &pair[1]);
    let path = named.map_or_else(|| MAIN.to_owned(), |word| word.value.marked());
    if let Some(word) = named {
        let file = FileRef {
            path: path.clone(),
            setting: "-c".to_owned(),
            place: word.place.clone().unwrap_or_else(|| here.place()),
            kind: SettingKind::Argument,
        };
        scanner.names_file(here, &file, FileRole::Config, true);
    }
    match scanner.view.open(here.of, here.it, &path) {
        found @ OpenedPath::Content(_) => Some(found),
        _ => None,
    }
}

/// The texts that an include names; templates become what the image's entry point makes of them.
fn included(scanner: &WiringScanner<'_>, here: Here<'_>, pattern: &str) -> Option<Vec<Source>> {
    let pattern = join(ROOT, pattern);
    let open = |path: &str| match scanner.view.open(here.of, here.it, path) {
        OpenedPath::Content(content) => Some(content.source),
        _ => None,
    };
    let (folder, name) = pattern.rsplit_once('/')?;
    if !name.contains(['*', '?', '[']) {
        return open(&pattern).map(|source| vec![source]);
    }
    let suffix = name.rsplit('*').next().unwrap_or_default();
    let mut sources: Vec<Source> = scanner
        .view
        .list(here.of, here.it, folder)?
        .iter()
        .filter(|path| path.ends_with(suffix))
        .filter_map(|path| open(path))
        .collect();
    // What the image has there is not known.
    if sources.is_empty() && here.it.mount_of(&pattern).is_none() && !bears_no_settings(&pattern) {
        return None;
    }
    if FOLDERS.contains(&folder) {
        let templates = scanner.view.list(here.of, here.it, TEMPLATES).unwrap_or_default();
        for path in templates.iter().filter(|path| path.ends_with(".template")) {
            let Some(mut source) = open(path) else { continue };
            let variable = |name: &str| here.it.variable(name).map(|one| one.value.marked());
            source.text = std::sync::Arc::from(substituted(&source.text, &variable));
            sources.push(source);
        }
    }
    Some(sources)
}

/// What distributions and images include, and what they keep there says nothing of how a peer is spoken to: types,
/// what is handed to an application, modules, servers of their own.
fn bears_no_settings(pattern: &str) -> bool {
    const SERVERS: [&str; 5] = ["conf.d", "http.d", "sites-enabled", "modules-enabled", "server_blocks"];
    let (folder, name) = pattern.rsplit_once('/').unwrap_or(("", pattern));
    let servers = SERVERS.iter().any(|one| folder.rsplit('/').next() == Some(*one));
    name == "mime.types" || name.ends_with("_params") || (servers && name.contains('*'))
}

/// Settings that blocks hand down to the blocks in them.
#[derive(Clone, Default)]
struct NginxSettings {
    own: BTreeMap<String, (Vec<String>, Mark)>,
    /// Something is included whose content is not known: what is not set here may be set there.
    open: bool,
}

impl NginxSettings {
    /// What holds in a block in this one.
    fn within(&self, block: &[NginxDirective]) -> Self {
        let mut settings = self.clone();
        let alone = || block.iter().filter(|one| one.block.is_none());
        if alone().any(|one| one.name == "include" && !bears_no_settings(one.word())) {
            settings.open = true;
            // What further out says of a peer, it may say otherwise.
            settings.own.retain(|name, _| !name.contains("_ssl_"));
        }
        for one in alone() {
            settings.own.insert(one.name.clone(), (one.words.clone(), one.mark.clone()));
        }
        settings
    }

    fn of(&self, name: &str) -> Option<(&str, &Mark)> {
        self.own.get(name).map(|(words, mark)| (words.first().map_or("", String::as_str), mark))
    }

    fn file(&self, name: &str) -> Option<FileRef> {
        self.of(name).map(|(path, mark)| FileRef {
            path: if path.starts_with('/') || has_gap(path) { path.to_owned() } else { join(ROOT, path) },
            setting: name.to_owned(),
            place: mark.place(),
            kind: SettingKind::Config,
        })
    }

    fn on(&self, name: &str) -> Option<(bool, &Mark)> {
        self.of(name).map(|(word, mark)| (word == "on", mark))
    }
}

struct Walk<'a, 'b> {
    scanner: &'a mut WiringScanner<'b>,
    here: Here<'a>,
    /// Servers of each upstream.
    upstreams: BTreeMap<String, Vec<(String, Mark)>>,
    variables: BTreeMap<String, String>,
    names: shapes::NginxNames,
    /// Something is included that is not known.
    open: bool,
    stream: bool,
    /// The location that is walked through.
    location: Option<String>,
}

impl Walk<'_, '_> {
    /// Upstreams and variables, wherever they stand.
    fn discover(&mut self, directives: &[NginxDirective]) {
        for one in directives {
            let block = one.block.as_deref().unwrap_or_default();
            match one.name.as_str() {
                "upstream" => {
                    let servers = block
                        .iter()
                        .filter(|one| one.name == "server")
                        .map(|one| (one.word().to_owned(), one.mark.clone()));
                    self.upstreams.insert(one.word().to_ascii_lowercase(), servers.collect());
                }
                "set" if one.words.len() == 2 => {
                    self.variables.insert(one.words[0].clone(), one.words[1].clone());
                }
                "map" => {
                    let default =
                        block.iter().find(|one| one.name == "default").map(|one| one.word().to_owned());
                    if let (Some(name), Some(value)) = (one.words.get(1), default) {
                        self.variables.insert(name.clone(), value);
                    }
                }
                _ => self.discover(block),
            }
        }
    }

    fn block(&mut self, directives: &[NginxDirective], outer: &NginxSettings) {
        let settings = outer.within(directives);
        directives.iter().filter(|one| one.block.is_none()).for_each(|one| self.known(one));
        for name in ["ssl_protocols", "proxy_ssl_protocols", "grpc_ssl_protocols"] {
            // Where it is set, not where it is handed down to.
            if let Some(one) = directives.iter().rfind(|one| one.name == name) {
                let found = versions(
                    self.here.workload,
                    name,
                    &one.words.join(" "),
                    one.mark.place(),
                    SettingKind::Config,
                );
                self.scanner.found.minimums.extend(found);
            }
        }
        for one in directives {
            match (one.name.as_str(), &one.block) {
                ("proxy_pass", None) => self.pass(one, &settings, "proxy_ssl"),
                ("grpc_pass", None) => self.pass(one, &settings, "grpc_ssl"),
                ("upstream" | "map" | "types" | "geo" | "split_clients", Some(_)) => {}
                ("server", Some(block)) => {
                    self.server(one, block, &settings);
                    self.block(block, &settings);
                }
                ("stream", Some(block)) => {
                    self.stream = true;
                    self.block(block, &settings);
                    self.stream = false;
                }
                ("location", Some(block)) => {
                    let outer = std::mem::replace(&mut self.location, one.words.last().cloned());
                    self.block(block, &settings);
                    self.location = outer;
                }
                (_, Some(block)) => self.block(block, &settings),
                (_, None) => {}
            }
        }
    }

    fn server(&mut self, directive: &NginxDirective, block: &[NginxDirective], outer: &NginxSettings) {
        let settings = outer.within(block);
        let certificate = settings.file("ssl_certificate");
        let key = settings.file("ssl_certificate_key");
        let listens: Vec<&NginxDirective> = block.iter().filter(|one| one.name == "listen").collect();
        let ssl_everywhere = settings.on("ssl").is_some_and(|(on, _)| on);
        self.demands(directive, &settings, &certificate);
        let mut served = false;
        for listen in &listens {
            let (port, loopback) = listen_address(listen.word());
            let mut listener = Listener::new(
                self.here.workload,
                self.here.container,
                Protocol::Http,
                port,
                listen.mark.place(),
            );
            let tls = ssl_everywhere || listen.words.iter().any(|word| word == "ssl" || word == "quic");
            listener.loopback = loopback;
            listener.setting = "listen".to_owned();
            listener.block = directive.mark.place();
            listener.tls_mode = if tls { TlsMode::Tls } else { TlsMode::Plain };
            listener.clients = match settings.of("ssl_verify_client").map(|(word, _)| word) {
                Some("on") => ClientAuth::Demanded,
                Some("optional" | "optional_no_ca") => ClientAuth::Optional,
                _ => ClientAuth::NotAsked,
            };
            if tls {
                listener.certificate.clone_from(&certificate);
                listener.key.clone_from(&key);
                listener.ca = settings.file("ssl_client_certificate");
                if !served {
                    files(self.scanner, self.here, &listener);
                    halves(
                        self.scanner,
                        self.here,
                        &certificate,
                        &key,
                        "ssl_certificate",
                        "ssl_certificate_key",
                    );
                }
                served = true;
            }
            self.scanner.found.listeners.push(listener);
        }
    }
}

fn listen_address(word: &str) -> (Option<u16>, bool) {
    if let Ok(port) = word.parse() {
        return (Some(port), false);
    }
    match address(word) {
        Some(one) => {
            let loopback = one.host.as_deref().is_some_and(is_loopback);
            (one.port.or(if word.contains(':') || has_gap(word) { None } else { Some(80) }), loopback)
        }
        None => (None, false),
    }
}
