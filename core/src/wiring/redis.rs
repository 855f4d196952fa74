//! redis-server: its configuration and its command line, the last word winning.

use super::nats::{files, halves};
use super::scan::{Here, WiringScanner, has_gap};
use super::{
    ClientAuth, ClientTrust, Dial, FileRef, FileRole, Listener, Minimum, OpenedPath, Program, Protocol,
    SettingKind, TlsMode, is_loopback,
};
use crate::manifest::redis_conf::{self, RedisConf, RedisDirective};
use crate::manifest::{FaultKind, Include, Mark, ParseFault};
use crate::workload::{Argument, Place, Value};

/// Whether masters are dialled in TLS.
pub(crate) const TLS_REPLICATION: &str = "tls-replication";
const NAMES: [&str; 3] = ["redis-server", "valkey-server", "redis-sentinel"];

/// Reads one.
pub(super) fn read(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    let words = here.words(&NAMES);
    let mut conf = RedisConf::default();
    let config = words.first().filter(|word| !word.value.marked().starts_with('-'));
    let is_file = config.filter(|word| {
        let text = word.value.marked();
        text.contains('/') || text.ends_with(".conf") || has_gap(&text)
    });
    let mut from = here.mark();
    if let Some(word) = is_file {
        configuration(scanner, here, word, &mut conf);
    }
    if let Some(place) = words.first().and_then(|one| one.place.clone()) {
        from = Mark::of(&place);
    }
    let rest: &[Argument] = if config.is_some() { &words[1..] } else { &words };
    redis_conf::arguments(rest, &from, &mut conf);
    stack(here, &mut conf);
    bitnami(here, &mut conf);
    scanner.found.faults.append(&mut conf.faults);
    unknown_names(&conf, &mut scanner.found.faults);
    listeners(scanner, here, &conf, &from.place());
    replication(scanner, here, &conf);
    watched(scanner, here, &conf);
}

/// The entry point of redis-stack puts `REDIS_ARGS` behind its command.
fn stack(here: Here<'_>, conf: &mut RedisConf) {
    let image = here.it.image.as_deref().unwrap_or_default();
    let Some((text, place)) = here.variable("REDIS_ARGS").filter(|_| image.contains("redis-stack")) else {
        return;
    };
    let word = |one: &str| Argument { value: Value::of(one), place: Some(place.clone()) };
    let words: Vec<Argument> =
        text.split_whitespace().map(|one| word(one.trim_matches(['"', '\'']))).collect();
    let mark = Mark::of(&place);
    redis_conf::arguments(&words, &mark, conf);
}

/// What Bitnami's entry point makes of variables.
fn bitnami(here: Here<'_>, conf: &mut RedisConf) {
    let image = here.it.image.as_deref().unwrap_or_default();
    let switch = here.variable("REDIS_TLS_ENABLED").filter(|(text, _)| super::truthy(text));
    let (Some((_, place)), true) = (switch, image.contains("bitnami")) else { return };
    let port = here.variable("REDIS_PORT_NUMBER");
    let tls_port = here.variable("REDIS_TLS_PORT_NUMBER").or_else(|| here.variable("REDIS_TLS_PORT"));
    let usual = |one: &Option<(String, Place)>| one.as_ref().is_none_or(|(text, _)| text == "6379");
    // Both left as they are: TLS alone.
    let port = if usual(&port) && usual(&tls_port) { Some(("0".to_owned(), place.clone())) } else { port };
    let tls_port = tls_port.unwrap_or_else(|| ("6379".to_owned(), place.clone()));
    let all = [
        ("port", port),
        ("tls-port", Some(tls_port)),
        ("tls-cert-file", here.variable("REDIS_TLS_CERT_FILE")),
        ("tls-key-file", here.variable("REDIS_TLS_KEY_FILE")),
        ("tls-ca-cert-file", here.variable("REDIS_TLS_CA_FILE")),
        ("tls-auth-clients", here.variable("REDIS_TLS_AUTH_CLIENTS")),
    ];
    for (name, value) in all {
        let Some((text, place)) = value else { continue };
        let mark = Mark::of(&place);
        conf.directives.push(RedisDirective { name: name.to_owned(), words: vec![text], mark });
    }
}

fn configuration(scanner: &mut WiringScanner<'_>, here: Here<'_>, word: &Argument, conf: &mut RedisConf) {
    let path = word.value.marked();
    let file = FileRef {
        path: path.clone(),
        setting: "the configuration file".to_owned(),
        place: word.place.clone().unwrap_or_else(|| here.place()),
        kind: SettingKind::Argument,
    };
    scanner.names_file(here, &file, FileRole::Config, true);
    match scanner.view.open(here.of, here.it, &path) {
        OpenedPath::Content(content) => {
            let include = |wanted: &str, _: &crate::manifest::Source| {
                if wanted.contains('*') {
                    return Include::Unknown;
                }
                match scanner.view.open(here.of, here.it, wanted) {
                    OpenedPath::Content(content) => Include::Text(content.source),
                    OpenedPath::NotInside { .. }
                    | OpenedPath::SourceMissing { .. }
                    | OpenedPath::KeyMissing { .. } => Include::Missing,
                    _ => Include::Unknown,
                }
            };
            redis_conf::file(&content.source, &include, conf);
        }
        _ => conf.open = true,
    }
}

fn setting_kind(here: Here<'_>, mark: &Mark) -> SettingKind {
    let own = here.place();
    if own.file == mark.file { SettingKind::Argument } else { SettingKind::Config }
}

fn listeners(scanner: &mut WiringScanner<'_>, here: Here<'_>, conf: &RedisConf, start: &Place) {
    let number = |name: &str| conf.value(name).map(|(text, mark)| (text.parse::<u16>().ok(), mark.clone()));
    let bind = conf.last("bind").map(|one| one.words.clone()).unwrap_or_default();
    let loopback = !bind.is_empty() && bind.iter().all(|host| is_loopback(host.trim_start_matches('-')));
    let tls = number("tls-port");
    let plain = number("port");
    let tls_port = tls.as_ref().and_then(|(port, _)| *port).filter(|port| *port != 0);
    let unknown =
        conf.open || [&plain, &tls].iter().any(|one| one.as_ref().is_some_and(|(port, _)| port.is_none()));
    let default = if here.it.arguments.is_empty() && here.it.entrypoint.is_empty() {
        here.place()
    } else {
        start.clone()
    };
    if let Some((Some(port), mark)) = &tls
        && *port != 0
    {
        let mut listener =
            Listener::new(here.workload, here.container, Protocol::Redis, Some(*port), mark.place());
        listener.tls_mode = TlsMode::Tls;
        listener.loopback = loopback;
        listener.setting = "tls-port".to_owned();
        listener.kind = setting_kind(here, mark);
        let reference = |name: &str| {
            conf.value(name).map(|(path, mark)| FileRef {
                path: path.to_owned(),
                setting: name.to_owned(),
                place: mark.place(),
                kind: setting_kind(here, mark),
            })
        };
        listener.certificate = reference("tls-cert-file");
        listener.key = reference("tls-key-file");
        listener.ca = reference("tls-ca-cert-file");
        listener.block = mark.place();
        let asks = conf.value("tls-auth-clients");
        listener.clients = match asks.map(|(text, _)| text.to_ascii_lowercase()).as_deref() {
            None | Some("yes") => ClientAuth::Demanded,
            Some("optional") => ClientAuth::Optional,
            Some("no") => ClientAuth::NotAsked,
            Some(_) => ClientAuth::Unknown,
        };
        listener.clients_at = asks.map(|(_, mark)| ("tls-auth-clients".to_owned(), mark.place()));
        halves(scanner, here, &listener.certificate, &listener.key, "tls-cert-file", "tls-key-file");
        files(scanner, here, &listener);
        scanner.found.listeners.push(listener);
        minimum(scanner, here, conf);
    }
    let usual = if is_sentinel(here, conf) { 26379 } else { 6379 };
    let plain_port = plain.as_ref().map_or(Some(usual), |(port, _)| *port);
    if let Some(port) = plain_port.filter(|port| *port != 0 && Some(*port) != tls_port)
        && !unknown
    {
        let (place, said) = match &plain {
            Some((_, mark)) => (mark.place(), true),
            None => (tls.as_ref().map_or(default, |(_, mark)| mark.place()), false),
        };
        let mut listener = Listener::new(here.workload, here.container, Protocol::Redis, Some(port), place);
        listener.tls_mode = TlsMode::Plain;
        listener.loopback = loopback;
        listener.clients = ClientAuth::NotAsked;
        listener.setting = "port".to_owned();
        listener.kind = match (said, plain.as_ref().or(tls.as_ref())) {
            (_, Some((_, mark))) => setting_kind(here, mark),
            _ => SettingKind::BuiltIn,
        };
        scanner.found.listeners.push(listener);
    } else if unknown {
        let listener =
            Listener::new(here.workload, here.container, Protocol::Redis, plain_port, start.clone());
        scanner.found.listeners.push(listener);
    }
}

fn is_sentinel(here: Here<'_>, conf: &RedisConf) -> bool {
    let said = |one: &Argument| {
        one.value.known().is_some_and(|text| text == "--sentinel" || text.ends_with("redis-sentinel"))
    };
    here.it.entrypoint.iter().chain(&here.it.arguments).any(said)
        || conf.directives.iter().any(|one| one.name == "sentinel")
}

fn minimum(scanner: &mut WiringScanner<'_>, here: Here<'_>, conf: &RedisConf) {
    let Some(directive) = conf.last("tls-protocols") else { return };
    let value = directive.words.join(" ");
    let kind = setting_kind(here, &directive.mark);
    scanner.found.minimums.extend(versions(
        here.workload,
        "tls-protocols",
        &value,
        directive.mark.place(),
        kind,
    ));
}

/// The lowest of a list of versions (`TLSv1 TLSv1.2`).
pub(super) fn versions(
    workload: usize,
    setting: &str,
    value: &str,
    place: Place,
    kind: SettingKind,
) -> Option<Minimum> {
    let old = |word: &str| match word.to_ascii_lowercase().as_str() {
        "sslv2" | "sslv3" => Some("SSL 3.0"),
        "tlsv1" | "tlsv1.0" => Some("1.0"),
        "tlsv1.1" => Some("1.1"),
        _ => None,
    };
    let words: Vec<&str> = value.split_whitespace().collect();
    let lowest = words.iter().find_map(|word| old(word))?;
    let kept: Vec<&str> = words.into_iter().filter(|word| old(word).is_none()).collect();
    let better = if kept.is_empty() { "TLSv1.2 TLSv1.3".to_owned() } else { kept.join(" ") };
    Some(Minimum {
        workload,
        setting: setting.to_owned(),
        value: value.to_owned(),
        lowest,
        better,
        place,
        kind,
    })
}

/// A replica dials its master.
fn replication(scanner: &mut WiringScanner<'_>, here: Here<'_>, conf: &RedisConf) {
    let yes = |name: &str| conf.value(name).is_some_and(|(text, _)| text.eq_ignore_ascii_case("yes"));
    let tls = conf.value("tls-port").filter(|(text, _)| *text != "0");
    if let Some((_, mark)) = tls {
        let mut clear = |setting: &str, at: &Mark| {
            let said = conf.last(setting).map_or(at, |one| &one.mark);
            let kind = setting_kind(here, said);
            scanner.found.clear.push((here.workload, setting.to_owned(), said.place(), kind));
        };
        if yes("cluster-enabled") && !yes("tls-cluster") {
            clear("tls-cluster", mark);
        }
        let replica = conf.last("replicaof").or_else(|| conf.last("slaveof"));
        if let Some(replica) = replica
            && !yes("tls-replication")
        {
            clear("tls-replication", &replica.mark);
        }
    }
    let Some(RedisDirective { words, mark, .. }) = conf.last("replicaof").or_else(|| conf.last("slaveof"))
    else {
        return;
    };
    let (host, port) = match words.as_slice() {
        [host, port] => (host.as_str(), port.as_str()),
        [both] => match both.split_once(' ') {
            Some(ends) => ends,
            None => return,
        },
        _ => return,
    };
    dials_master(scanner, here, conf, (host, port), mark);
}

/// A Sentinel dials every master that it watches.
fn watched(scanner: &mut WiringScanner<'_>, here: Here<'_>, conf: &RedisConf) {
    for one in conf.directives.iter().filter(|one| one.name == "sentinel") {
        if let [what, _, host, port, ..] = one.words.as_slice()
            && what.eq_ignore_ascii_case("monitor")
        {
            dials_master(scanner, here, conf, (host, port), &one.mark);
        }
    }
}

/// `tls-replication` says in which way a master is dialled, where it stands: else it would have to stand there.
fn dials_master(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    conf: &RedisConf,
    (host, port): (&str, &str),
    mark: &Mark,
) {
    let said = conf.value(TLS_REPLICATION);
    let at = said.map_or(mark, |(_, at)| at);
    let kind = setting_kind(here, at);
    let mut dial = Dial::new(here.workload, here.container, TLS_REPLICATION, kind, at.place());
    dial.program = Program::Redis;
    dial.protocol = Protocol::Redis;
    dial.shown = format!("{host}:{port}");
    dial.raw = said.map(|(text, _)| text.to_owned()).unwrap_or_default();
    dial.host = (!has_gap(host)).then(|| host.to_ascii_lowercase());
    dial.port = port.parse().ok();
    let tls = said.is_some_and(|(text, _)| text.eq_ignore_ascii_case("yes"));
    dial.tls_mode = if tls { TlsMode::Tls } else { TlsMode::Plain };
    // OpenSSL's verification of the chain alone: Redis compares no names.
    dial.name = None;
    if let Some((path, mark)) = conf.value("tls-ca-cert-file") {
        dial.trust = ClientTrust::Files(vec![FileRef {
            path: path.to_owned(),
            setting: "tls-ca-cert-file".to_owned(),
            place: mark.place(),
            kind: setting_kind(here, mark),
        }]);
    }
    scanner.found.dials.push(dial);
}

/// Directives about TLS that redis-server knows; others of its hundreds are not looked at, but for a name that
/// begins as these do.
const TLS: &str = "tls-port tls-cert-file tls-key-file tls-key-file-pass tls-client-cert-file tls-client-key-file \
    tls-client-key-file-pass tls-dh-params-file tls-ca-cert-file tls-ca-cert-dir tls-auth-clients tls-auth-clients-user \
    tls-replication tls-cluster tls-protocols tls-ciphers tls-ciphersuites tls-prefer-server-ciphers \
    tls-session-caching tls-session-cache-size tls-session-cache-timeout tls-allowlist ";

fn unknown_names(conf: &RedisConf, faults: &mut Vec<ParseFault>) {
    super::shapes::redis(conf, faults);
    for directive in &conf.directives {
        let name = directive.name.as_str();
        let ours = name.starts_with("tls") || name.starts_with("ssl");
        if ours && !TLS.split_whitespace().any(|one| one == name) {
            faults.push(ParseFault {
                kind: FaultKind::UnknownName {
                    name: name.to_owned(),
                    nearest: super::cordum::nearest(name, TLS.split_whitespace()),
                },
                message: format!("redis-server does not know `{name}` and does not start"),
                mark: directive.mark.clone(),
            });
        }
        let one_word = matches!(
            name,
            "tls-port" | "tls-cert-file" | "tls-key-file" | "tls-ca-cert-file" | "tls-auth-clients"
        );
        if one_word && directive.words.len() != 1 {
            faults.push(ParseFault::unreadable(directive.mark.clone(), format!("`{name}` takes one value")));
        }
        let choice = match name {
            "tls-auth-clients" => &["yes", "no", "optional"][..],
            "tls-replication" | "tls-cluster" | "tls-session-caching" | "tls-prefer-server-ciphers" => {
                &["yes", "no"][..]
            }
            _ => continue,
        };
        let value = directive.words.first().map_or("", String::as_str);
        if !has_gap(value) && !choice.iter().any(|one| value.eq_ignore_ascii_case(one)) {
            let message = format!("`{name}` is `{value}`: redis-server takes {}", choice.join(", "));
            faults.push(ParseFault::unreadable(directive.mark.clone(), message));
        }
    }
}
