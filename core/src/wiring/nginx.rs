//! nginx: its servers, and its upstreams with what is verified of them. The ingress controller's annotations are
//! the same settings in other words.

use std::collections::BTreeMap;

use super::nats::{files, halves};
use super::redis::versions;
use super::scan::{Here, Scanner, has_gap};
use super::{
    Address, ClientAuth, Dial, Dialler, FileRef, FileRole, Listener, Opened, Program, Protocol, SettingKind,
    Speech, Trust, Verifies, address, is_loopback, shapes,
};
use crate::manifest::files::join;
use crate::manifest::nginx::{Conf, Directive, read as read_conf, substituted};
use crate::manifest::{Fault, FaultKind, Mark, Source};
use crate::workload::{Container, Template};

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
pub(super) fn read(scanner: &mut Scanner<'_>, here: Here<'_>) {
    let main = main_file(scanner, here);
    let confs: Vec<Conf> = {
        let includes = |pattern: &str| included(scanner, here, pattern);
        match main {
            Some(Opened::Content(content)) => vec![read_conf(&content.source, &includes)],
            // The image's own nginx.conf includes what lies in its folder.
            _ => FOLDERS
                .iter()
                .filter_map(|folder| included(scanner, here, &format!("{folder}/*.conf")))
                .flatten()
                .map(|source| read_conf(&source, &includes))
                .collect(),
        }
    };
    let mut whole = Conf::default();
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
    };
    walk.shapes(&whole.directives, "");
    walk.gather(&whole.directives);
    walk.block(&whole.directives, &Settings::default());
    // What one location passes over another may use.
    let used: Vec<_> = scanner
        .found
        .dials
        .iter()
        .filter(|one| one.verifies == Verifies::Yes && one.workload == Some(here.workload))
        .filter_map(|one| match &one.trust {
            Trust::Files(files) => Some(files.iter().map(|file| file.place.clone())),
            Trust::System | Trust::Unknown => None,
        })
        .flatten()
        .collect();
    scanner.found.unused.retain(|one| one.workload != here.workload || !used.contains(&one.place));
}

fn main_file(scanner: &mut Scanner<'_>, here: Here<'_>) -> Option<Opened> {
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
        found @ Opened::Content(_) => Some(found),
        _ => None,
    }
}

/// The texts that an include names; templates become what the image's entry point makes of them.
fn included(scanner: &Scanner<'_>, here: Here<'_>, pattern: &str) -> Option<Vec<Source>> {
    let pattern = join(ROOT, pattern);
    let open = |path: &str| match scanner.view.open(here.of, here.it, path) {
        Opened::Content(content) => Some(content.source),
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

/// Settings that blocks hand down to the blocks in them.
#[derive(Clone, Default)]
struct Settings {
    own: BTreeMap<String, (Vec<String>, Mark)>,
}

impl Settings {
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
    scanner: &'a mut Scanner<'b>,
    here: Here<'a>,
    /// Servers of each upstream.
    upstreams: BTreeMap<String, Vec<(String, Mark)>>,
    variables: BTreeMap<String, String>,
    names: shapes::NginxNames,
    /// Something is included that is not known.
    open: bool,
    stream: bool,
}

impl Walk<'_, '_> {
    /// Upstreams and variables, wherever they stand.
    fn gather(&mut self, directives: &[Directive]) {
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
                _ => self.gather(block),
            }
        }
    }

    fn block(&mut self, directives: &[Directive], outer: &Settings) {
        let mut settings = outer.clone();
        for one in directives.iter().filter(|one| one.block.is_none()) {
            self.known(one);
            settings.own.insert(one.name.clone(), (one.words.clone(), one.mark.clone()));
        }
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
                (_, Some(block)) => self.block(block, &settings),
                (_, None) => {}
            }
        }
    }

    /// What nginx refuses of a directive: a block where a value has to end, and what its tables say.
    fn shape(&mut self, directive: &Directive, outer: &str) {
        const PLAIN: [&str; 7] =
            ["listen", "server_name", "root", "index", "try_files", "access_log", "error_log"];
        let name = directive.name.as_str();
        let plain = PLAIN.contains(&name)
            || ["ssl_", "proxy_", "grpc_"].iter().any(|prefix| name.starts_with(prefix));
        let message = match &directive.block {
            Some(_) if plain => format!("`{name}` is not ended by `;`"),
            Some(servers) if name == "upstream" && !servers.iter().any(|one| one.name == "server") => {
                "no server stands in this upstream".to_owned()
            }
            _ => return shapes::nginx(directive, outer, &self.names, &mut self.scanner.found.faults),
        };
        self.scanner.found.faults.push(Fault::unreadable(directive.mark.clone(), message));
    }

    /// Shapes of a block and of all blocks in it.
    fn shapes(&mut self, directives: &[Directive], outer: &str) {
        for one in directives {
            self.shape(one, outer);
            self.shapes(one.block.as_deref().unwrap_or_default(), &one.name);
        }
    }

    /// Directives about TLS that nginx does not know.
    fn known(&mut self, directive: &Directive) {
        const PREFIXES: [&str; 3] = ["proxy_ssl_", "grpc_ssl_", "ssl_"];
        const UPSTREAM: &str = "certificate certificate_cache certificate_key ciphers conf_command crl key_log name \
            password_file protocols server_name session_reuse trusted_certificate verify verify_depth";
        const SERVER: &str = "alpn buffer_size certificate certificate_cache certificate_compression certificate_key \
            ciphers client_certificate conf_command crl dhparam early_data ecdh_curve ech_file engine handshake_timeout \
            key_log ocsp ocsp_cache ocsp_responder object_cache_inheritable password_file prefer_server_ciphers preread protocols \
            reject_handshake session_cache session_ticket_key session_tickets session_timeout stapling stapling_file \
            stapling_responder stapling_verify trusted_certificate verify_client verify_depth";
        let Some(prefix) = PREFIXES.iter().find(|prefix| directive.name.starts_with(**prefix)) else {
            return;
        };
        let known = if *prefix == "ssl_" { SERVER } else { UPSTREAM };
        let rest = &directive.name[prefix.len()..];
        if known.split_whitespace().any(|one| one == rest) {
            return;
        }
        let nearest =
            super::cordum::nearest(rest, known.split_whitespace()).map(|one| format!("{prefix}{one}"));
        self.scanner.found.faults.push(Fault {
            kind: FaultKind::UnknownName { name: directive.name.clone(), nearest },
            message: format!("nginx does not know `{}` and does not start", directive.name),
            mark: directive.mark.clone(),
        });
    }

    /// What a server that speaks TLS has to have.
    fn demands(&mut self, server: &Directive, settings: &Settings, certificate: &Option<FileRef>) {
        let block = server.block.as_deref().unwrap_or_default();
        let ssl = block.iter().find(|one| one.name == "listen" && one.words.iter().any(|word| word == "ssl"));
        let Some(ssl) = ssl.filter(|_| !self.open) else { return };
        let rejects = settings.on("ssl_reject_handshake").is_some_and(|(on, _)| on);
        if certificate.is_none() && settings.of("ssl_certificate_key").is_none() && !rejects {
            let message = "no `ssl_certificate` is named for a port that speaks TLS";
            self.scanner.found.faults.push(Fault::unreadable(ssl.mark.clone(), message));
        }
        let asks = settings.of("ssl_verify_client").filter(|(word, _)| matches!(*word, "on" | "optional"));
        let trusts = ["ssl_client_certificate", "ssl_trusted_certificate"];
        if let Some((_, mark)) = asks
            && !trusts.iter().any(|name| settings.of(name).is_some())
        {
            let message =
                "`ssl_verify_client` needs `ssl_client_certificate`: without it nginx does not start";
            self.scanner.found.faults.push(Fault::unreadable(mark.clone(), message));
        }
    }

    fn server(&mut self, directive: &Directive, block: &[Directive], outer: &Settings) {
        let mut settings = outer.clone();
        for one in block.iter().filter(|one| one.block.is_none()) {
            settings.own.insert(one.name.clone(), (one.words.clone(), one.mark.clone()));
        }
        let certificate = settings.file("ssl_certificate");
        let key = settings.file("ssl_certificate_key");
        let listens: Vec<&Directive> = block.iter().filter(|one| one.name == "listen").collect();
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
            listener.speech = if tls { Speech::Tls } else { Speech::Plain };
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

    /// Variables put in; what nginx only knows at a request is a gap.
    fn filled(&self, text: &str, depth: usize) -> String {
        let mut out = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            out.push_str(before);
            let braced = after.starts_with('{');
            let inner = if braced { &after[1..] } else { after };
            let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
            let name = &inner[..end];
            rest = &inner[(end + usize::from(braced)).min(inner.len())..];
            match self.variables.get(&format!("${name}")) {
                Some(value) if depth < 8 => out.push_str(&self.filled(value, depth + 1)),
                _ if name == "scheme" => out.push_str("http"),
                _ => out.push_str(&Template::gap(name)),
            }
        }
        out.push_str(rest);
        out
    }

    fn pass(&mut self, directive: &Directive, settings: &Settings, prefix: &str) {
        let text = self.filled(directive.word(), 0);
        let Some(target) = address(&text) else { return };
        let mut dial = Dial::new(
            self.here.workload,
            self.here.container,
            &directive.name,
            SettingKind::Config,
            directive.mark.place(),
        );
        dial.program = Program::Nginx;
        dial.dialler = Dialler::Proxy;
        dial.protocol = if prefix == "grpc_ssl" { Protocol::Grpc } else { Protocol::Http };
        let ssl = settings.on("proxy_ssl").is_some_and(|(on, _)| on);
        dial.speech = match target.scheme.as_deref() {
            Some("https" | "grpcs") => Speech::Tls,
            Some("http" | "grpc") => Speech::Plain,
            None if self.stream => {
                dial.protocol = Protocol::Other;
                if ssl { Speech::Tls } else { Speech::Unknown }
            }
            None if prefix == "grpc_ssl" && !text.contains("://") => Speech::Plain,
            _ => Speech::Unknown,
        };
        if target.host.as_deref() == Some("unix") || directive.word().contains("unix:") {
            return;
        }
        if dial.speech == Speech::Tls {
            self.verification(&mut dial, directive, settings, prefix, &target);
        }
        for (to, shown) in self.targets(&target, dial.speech) {
            let mut one = dial.clone();
            one.host = to.0;
            one.port = to.1;
            one.shown = shown;
            one.raw = directive.word().to_owned();
            self.scanner.found.dials.push(one);
        }
    }

    fn verification(
        &mut self,
        dial: &mut Dial,
        directive: &Directive,
        settings: &Settings,
        prefix: &str,
        target: &Address,
    ) {
        let name = |suffix: &str| format!("{prefix}_{suffix}");
        let trusted = settings.file(&name("trusted_certificate"));
        if let Some(file) = &trusted {
            self.scanner.names_file(self.here, file, FileRole::Ca, false);
        }
        dial.trust = trusted.clone().map_or(Trust::System, |file| Trust::Files(vec![file]));
        dial.verifies = match settings.on(&name("verify")) {
            Some((true, mark)) => {
                if trusted.is_none() {
                    dial.refuses =
                        Some(format!("nginx: no {} for {}", name("trusted_certificate"), name("verify")));
                    dial.place = mark.place();
                    dial.setting = name("trusted_certificate");
                }
                Verifies::Yes
            }
            Some((false, mark)) => {
                Verifies::No { setting: name("verify"), place: mark.place(), kind: SettingKind::Config }
            }
            None => Verifies::No {
                setting: name("verify"),
                place: directive.mark.place(),
                kind: SettingKind::BuiltIn,
            },
        };
        let own = settings.of(&name("name"));
        dial.name = match own {
            Some((text, mark)) => {
                let text = self.filled(text, 0);
                match text.as_str() {
                    _ if has_gap(&text) => None,
                    _ => Some((text, mark.place(), name("name"))),
                }
            }
            None => target.host.clone().map(|host| (host, directive.mark.place(), directive.name.clone())),
        };
        dial.depth = settings
            .of(&name("verify_depth"))
            .and_then(|(text, mark)| Some((text.parse().ok()?, mark.place())))
            .or(Some((1, directive.mark.place())));
        let certificate = settings.file(&name("certificate"));
        let key = settings.file(&name("certificate_key"));
        for (file, role) in [(&certificate, FileRole::Certificate), (&key, FileRole::Key)] {
            if let Some(file) = file {
                self.scanner.names_file(self.here, file, role, false);
            }
        }
        halves(self.scanner, self.here, &certificate, &key, &name("certificate"), &name("certificate_key"));
        dial.identity = certificate.zip(key);
        // A CA that nothing verifies with.
        if let (Verifies::No { .. }, Some(file)) = (&dial.verifies, &trusted) {
            let place = file.place.clone();
            if !self.scanner.found.unused.iter().any(|one| one.place == place) {
                self.scanner.found.unused.push(super::Unused {
                    workload: self.here.workload,
                    setting: file.setting.clone(),
                    place,
                    kind: SettingKind::Config,
                    why: format!("`{}` is not on: nothing is verified with it", name("verify")),
                    minor: false,
                });
            }
        }
    }

    /// Where it goes: the servers of an upstream, or the host itself.
    fn targets(&self, target: &Address, speech: Speech) -> Vec<((Option<String>, Option<u16>), String)> {
        let default = if speech == Speech::Tls { 443 } else { 80 };
        let servers =
            target.host.as_ref().filter(|_| target.port.is_none()).and_then(|host| self.upstreams.get(host));
        match servers {
            Some(servers) => servers
                .iter()
                .filter(|(server, _)| !server.starts_with("unix:"))
                .filter_map(|(server, _)| address(server))
                .map(|one| ((one.host, one.port.or(Some(80))), one.shown))
                .collect(),
            None => vec![((target.host.clone(), target.port.or(Some(default))), target.shown.clone())],
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

/// The ingress controller's annotations.
pub(super) fn ingresses(scanner: &mut Scanner<'_>) {
    const PREFIX: &str = "nginx.ingress.kubernetes.io/";
    for ingress in &scanner.view.description.ingresses {
        if !ingress.class.as_deref().is_none_or(|class| class.contains("nginx")) {
            continue;
        }
        let annotation = |name: &str| ingress.annotations.get(&format!("{PREFIX}{name}"));
        let backend = annotation("backend-protocol");
        let protocol = backend.map_or("HTTP", |(text, _)| text.as_str()).to_ascii_uppercase();
        let speech = match protocol.as_str() {
            "HTTPS" | "GRPCS" => Speech::Tls,
            "HTTP" | "GRPC" | "AUTO_HTTP" => Speech::Plain,
            _ => Speech::Unknown,
        };
        for (service, port, place) in &ingress.backends {
            let at = backend.map_or_else(|| place.clone(), |(_, place)| place.clone());
            let mut dial = Dial::new(0, 0, &format!("{PREFIX}backend-protocol"), SettingKind::Config, at);
            dial.workload = None;
            dial.ingress = Some(ingress.name.clone());
            dial.dialler = Dialler::Ingress;
            dial.protocol = if protocol.starts_with("GRPC") { Protocol::Grpc } else { Protocol::Http };
            dial.speech = speech;
            dial.host = Some(format!("{service}.{}", ingress.namespace));
            dial.shown = format!("{service}:{port}");
            dial.raw.clone_from(&protocol);
            let found = scanner
                .view
                .description
                .services
                .iter()
                .find(|one| one.name == *service && one.namespace == ingress.namespace);
            dial.port = port.parse().ok().or_else(|| {
                let ports = found.map(|one| one.ports.as_slice()).unwrap_or_default();
                ports.iter().find(|one| one.name.as_deref() == Some(port)).map(|one| one.port)
            });
            dial.verifies = match annotation("proxy-ssl-verify") {
                Some((on, _)) if on.eq_ignore_ascii_case("on") => Verifies::Yes,
                Some((_, place)) => Verifies::No {
                    setting: format!("{PREFIX}proxy-ssl-verify"),
                    place: place.clone(),
                    kind: SettingKind::Config,
                },
                None => Verifies::No {
                    setting: format!("{PREFIX}proxy-ssl-verify"),
                    place: dial.place.clone(),
                    kind: SettingKind::BuiltIn,
                },
            };
            dial.name = annotation("proxy-ssl-name")
                .map(|(name, place)| (name.clone(), place.clone(), format!("{PREFIX}proxy-ssl-name")));
            dial.depth = annotation("proxy-ssl-verify-depth")
                .and_then(|(text, place)| Some((text.parse().ok()?, place.clone())))
                .or(Some((1, dial.place.clone())));
            dial.trust = match annotation("proxy-ssl-secret") {
                Some((secret, place)) => Trust::Files(vec![FileRef {
                    path: format!("{SECRET}{secret}/ca.crt"),
                    setting: format!("{PREFIX}proxy-ssl-secret"),
                    place: place.clone(),
                    kind: SettingKind::Config,
                }]),
                None => Trust::System,
            };
            if speech == Speech::Tls && dial.verifies == Verifies::Yes && dial.trust == Trust::System {
                dial.refuses = Some(
                    "the controller verifies with the CA of `proxy-ssl-secret`, which is not set".to_owned(),
                );
            }
            scanner.found.dials.push(dial);
        }
    }
}

/// What begins the path of a key of a Secret that no container mounts.
pub(crate) const SECRET: &str = "secret://";
