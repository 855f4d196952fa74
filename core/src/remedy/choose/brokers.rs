//! What NATS and Redis are started with: configuration files, arguments, mounts, certificates.

use super::Defect;
use super::client::{file_change, mount_text, wanted};
use super::facts::{Facts, Held};
use super::pair::{self, PairFault, Role, judge};
use super::server::{OF_CERTIFICATE, readers, renewed};
use super::view::View;
use crate::cause::CauseKind as K;
use crate::link::Link;
use crate::manifest::Source;
use crate::manifest::nats_conf::{self, Include, Lookup, World};
use crate::remedy::{Change, ChangeKind};
use crate::x509::Purpose;

/// What is wrong at a broker.
#[must_use]
pub(super) fn look(facts: &Facts<'_>, view: &View<'_>) -> Vec<Defect> {
    match view.role() {
        "nats" => nats(facts, view),
        "redis" => redis(facts, view),
        _ => Vec::new(),
    }
}

/// The value of an option, `--name value` or `--name=value`; the last one counts.
fn option<'a>(words: &'a [String], names: &[&str]) -> Option<&'a str> {
    words.iter().enumerate().rev().find_map(|(at, word)| {
        names.iter().find_map(|name| match word.strip_prefix(name)? {
            "" => words.get(at + 1).map(String::as_str),
            rest => rest.strip_prefix('='),
        })
    })
}

/// Files of a pair in the server's own mounts.
fn own_pair(facts: &Facts<'_>, view: &View<'_>, role: Role<'_>) -> Option<(String, String, String)> {
    let (cert, key, _) = pair::instead(facts, view, ("", ""), &[], role)?;
    let folder = view.container.mount_of(&cert)?.target.clone();
    let ca = facts
        .shelf
        .list(view.container, &folder)
        .into_iter()
        .filter(|file| file.ends_with(".crt") || file.ends_with(".pem"))
        .find(|file| facts.source(view.container, file).is_some_and(|source| source.chain() == role.anchors));
    Some((cert, key, ca?))
}

fn names(service: &str) -> Vec<String> {
    vec![service.to_owned(), "localhost".to_owned()]
}

/// The running services that dial a broker: they begin again where it was broken.
fn clients(facts: &Facts<'_>, variable: &str) -> Vec<String> {
    facts.views().filter(|view| view.set(variable).is_some()).map(|view| view.name()).collect()
}

/// Whether a broker is set up to speak TLS: what its services dial in clear is then their fault.
#[must_use]
pub(super) fn speak_tls(facts: &Facts<'_>, link: Link) -> bool {
    facts.views().filter(|view| view.role() == link.service()).any(|view| {
        let words = view.words();
        match (link, option(&words, CONFIG)) {
            (Link::Redis, _) => option(&words, &["--tls-port"]).is_some_and(|port| port != "0"),
            (_, Some(path)) => {
                configuration(facts, &view, path).is_some_and(|conf| conf.block.block(&["tls"]).is_some())
            }
            (_, None) => words.iter().any(|word| word.trim_start_matches('-').starts_with("tls")),
        }
    })
}

const CONFIG: &[&str] = &["--config", "-config", "-c"];

/// NATS' configuration, as its container has it.
fn configuration(facts: &Facts<'_>, view: &View<'_>, path: &str) -> Option<nats_conf::Conf> {
    let Held::Bytes(bytes) = facts.shelf.read(view.container, path) else { return None };
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let source = Source::file(&facts.shown(&view.host(path).unwrap_or_else(|| path.to_owned())), &text);
    let world = World {
        variable: &|name| match view.variable(name) {
            Some(value) => Lookup::Known(value.to_owned()),
            None => Lookup::Unset,
        },
        include: &|_, _| Include::Unknown,
    };
    Some(nats_conf::read(&source, &world))
}

fn nats(facts: &Facts<'_>, view: &View<'_>) -> Vec<Defect> {
    let words = view.words();
    let Some(path) = option(&words, CONFIG) else {
        return nats_by_options(facts, view, &words).into_iter().collect();
    };
    let Some(conf) = configuration(facts, view, path) else { return Vec::new() };
    let shown = facts.shown(&view.host(path).unwrap_or_else(|| path.to_owned()));
    let stack = facts.stack_anchors();
    let own_names = names("nats");
    let role = Role { purpose: Purpose::Server, anchors: &stack, names: &own_names };
    let mut found = Vec::new();
    let config = |name: &str, from: Option<&str>, to: Option<&str>, line: u32| {
        let mut change = Change::new(view.name(), ChangeKind::Config, name).values(from, to);
        change.path = Some(path.to_owned());
        change.defined_at = Some(crate::workload::Place { file: plain(&shown), line, column: 0 });
        change
    };
    let Some((entry, tls)) = conf.block.block(&["tls"]) else {
        if conf.open {
            return found;
        }
        let mut defect = Defect::new(view.name(), Some(Link::Nats));
        defect.serves = true;
        defect.shows_as = &[K::WrongSchemeTlsToPlain, K::MtlsNotEnforced, K::ConnectionRefused];
        defect.because.push(format!(
            "{} is started with {}, which has no tls block",
            view.name(),
            view.located(path)
        ));
        match own_pair(facts, view, role) {
            Some((cert, key, ca)) => {
                defect.text = format!(
                    "add to {shown}: tls {{ cert_file: \"{cert}\", key_file: \"{key}\", ca_file: \"{ca}\", verify: true }}"
                );
                for (name, to) in
                    [("cert_file", cert.as_str()), ("key_file", &key), ("ca_file", &ca), ("verify", "true")]
                {
                    defect.changes.push(config(&format!("tls.{name}"), None, Some(to), 1));
                }
            }
            None => {
                defect.text =
                    format!("add a tls block to {shown}: cert_file, key_file, ca_file and verify: true");
                for name in ["tls.cert_file", "tls.key_file", "tls.ca_file"] {
                    defect.changes.push(config(name, None, None, 1));
                }
                defect.changes.push(config("tls.verify", None, Some("true"), 1));
            }
        }
        defect.restart = clients(facts, "NATS_URL");
        found.push(defect);
        return found;
    };
    let block_line = entry.mark.line;
    let verify = tls.truth(&["verify", "verify_and_map"]);
    if verify.is_none_or(|(on, _)| !on) {
        let mut defect = Defect::new(view.name(), Some(Link::Nats));
        defect.serves = true;
        defect.shows_as = &[K::MtlsNotEnforced];
        let (from, line) = match verify {
            Some((_, mark)) => (Some("false"), mark.line),
            None => (None, block_line),
        };
        let is = from.map_or("has no verify", |_| "has verify: false");
        defect.because.push(format!("the tls block of {} {is}", view.located(path)));
        defect.text = format!("set verify: true in the tls block of {shown}");
        defect.changes.push(config("tls.verify", from, Some("true"), line));
        if tls.text(&["ca_file"]).is_none()
            && let Some((_, _, ca)) = own_pair(facts, view, role)
        {
            defect.text.push_str(&format!(", and ca_file: \"{ca}\""));
            defect.changes.push(config("tls.ca_file", None, Some(&ca), block_line));
        }
        found.push(defect);
    }
    if let Some((true, mark)) = conf.block.truth(&["allow_non_tls"]).or_else(|| tls.truth(&["allow_non_tls"]))
    {
        let mut defect = Defect::new(view.name(), Some(Link::Nats));
        defect.serves = true;
        defect.shows_as = &[K::MtlsNotEnforced, K::WrongSchemeTlsToPlain];
        defect.because.push(format!("{} has allow_non_tls: true", view.located(path)));
        defect.text = format!("take allow_non_tls out of {shown}");
        let mut change = config("allow_non_tls", Some("true"), None, mark.line);
        change.remove = true;
        defect.changes.push(change);
        found.push(defect);
    }
    let cert = tls.text(&["cert_file"]);
    let key = tls.text(&["key_file"]);
    let ca = tls.text(&["ca_file"]);
    if let (Some((cert, cert_mark)), Some((key, key_mark))) = (&cert, &key) {
        let set = |to: (&str, &str)| {
            let mut changes = Vec::new();
            if to.0 != cert {
                changes.push(config("tls.cert_file", Some(cert), Some(to.0), cert_mark.line));
            }
            if to.1 != key {
                changes.push(config("tls.key_file", Some(key), Some(to.1), key_mark.line));
            }
            changes
        };
        found.extend(certificate(facts, view, Link::Nats, (cert, key), role, "NATS_URL", &shown, &set));
    }
    if let Some((ca, mark)) = &ca {
        let to_ca = |to: &str| config("tls.ca_file", Some(ca), Some(to), mark.line);
        found.extend(client_authority(facts, view, Link::Nats, ca, &to_ca));
    }
    merged(found)
}

/// A mount explains certificate and CA at once: once is enough.
fn merged(mut found: Vec<Defect>) -> Vec<Defect> {
    let mount = |one: &Defect| one.changes.first().filter(|change| change.kind == ChangeKind::Mount).cloned();
    let mut seen: Vec<Change> = Vec::new();
    found.retain(|one| match mount(one) {
        Some(change) if seen.contains(&change) => false,
        Some(change) => {
            seen.push(change);
            true
        }
        None => true,
    });
    found
}

fn plain(shown: &str) -> String {
    shown.strip_prefix("./").unwrap_or(shown).to_owned()
}

fn nats_by_options(facts: &Facts<'_>, view: &View<'_>, words: &[String]) -> Option<Defect> {
    let has =
        |name: &str| words.iter().any(|word| word.trim_start_matches('-').split('=').next() == Some(name));
    if words.is_empty() || has("tls") || has("tlsverify") {
        return None;
    }
    let stack = facts.stack_anchors();
    let own_names = names("nats");
    let role = Role { purpose: Purpose::Server, anchors: &stack, names: &own_names };
    let mut defect = Defect::new(view.name(), Some(Link::Nats));
    defect.serves = true;
    defect.shows_as = &[K::WrongSchemeTlsToPlain, K::MtlsNotEnforced, K::ConnectionRefused];
    defect.because.push(format!("{} is started without TLS: {}", view.name(), words.join(" ")));
    let place = facts.written(view.workload).and_then(|one| {
        one.arguments.first().and_then(|argument| argument.place.clone()).or_else(|| one.place.clone())
    });
    let mut argument = |name: &str, to: Option<&str>| {
        let change = Change::new(view.name(), ChangeKind::Argument, name).values(None, to).at(place.clone());
        defect.changes.push(change);
    };
    match own_pair(facts, view, role) {
        Some((cert, key, ca)) => {
            argument("--tlsverify", Some(""));
            argument("--tlscert", Some(&cert));
            argument("--tlskey", Some(&key));
            argument("--tlscacert", Some(&ca));
            defect.text = format!(
                "start {} with --tlsverify --tlscert {cert} --tlskey {key} --tlscacert {ca} as well",
                view.name()
            );
        }
        None => {
            for name in ["--tlsverify", "--tlscert", "--tlskey", "--tlscacert"] {
                argument(name, None);
            }
            defect.text = format!(
                "start {} with --tlsverify, --tlscert, --tlskey and --tlscacert as well",
                view.name()
            );
        }
    }
    defect.restart = clients(facts, "NATS_URL");
    Some(defect)
}

/// The certificate that a broker serves.
#[expect(clippy::too_many_arguments, reason = "each is said once, by the two callers above and below")]
fn certificate(
    facts: &Facts<'_>,
    view: &View<'_>,
    link: Link,
    (cert, key): (&str, &str),
    role: Role<'_>,
    variable: &str,
    shown: &str,
    set: &dyn Fn((&str, &str)) -> Vec<Change>,
) -> Option<Defect> {
    let mut defect = Defect::new(view.name(), Some(link));
    defect.serves = true;
    defect.shows_as = OF_CERTIFICATE;
    defect.restart = clients(facts, variable);
    let fault: PairFault = match judge(facts, view, (cert, key), role) {
        Ok(source) => {
            let served = facts.served.get(&link)?.first()?;
            let leaf = source.facts.first()?;
            if *served == leaf.der {
                return None;
            }
            let mut stale = renewed(facts, view, link, cert, leaf, served);
            stale.restart.extend(clients(facts, variable));
            return Some(stale);
        }
        Err(None) => return None,
        Err(Some(fault)) => fault,
    };
    if !matches!(fault.cause, K::UnknownAuthority | K::BadSignature) {
        defect.cause = Some((fault.cause, fault.variant));
    }
    defect.because.push(fault.seen.clone());
    defect.file = view.host(&fault.path);
    // The folder that the others mount, where this one mounts its own.
    let fits = |other: &View<'_>| judge(facts, other, (cert, key), role).is_ok();
    if let Some((target, from, to)) = pair::other_mount(facts, view, cert, &fits) {
        defect.because.push(format!("{} mounts {} at {target}", view.name(), facts.shown(&from)));
        defect.text = mount_text(facts, view, &target, &from, &to);
        defect.changes.push(view.mount_change(&target, &from, &to));
        return Some(defect);
    }
    if let Some((new_cert, new_key, source)) = pair::instead(facts, view, (cert, key), &[], role) {
        defect.because.push(format!("{} is {}", view.located(&new_cert), pair::valid_until(&source)));
        defect.changes = set((&new_cert, &new_key));
        let words: Vec<String> = defect
            .changes
            .iter()
            .map(|change| {
                let (from, to) = (change.from.as_deref(), change.to.as_deref());
                format!("{} from {} to {}", change.name, from.unwrap_or(""), to.unwrap_or(""))
            })
            .collect();
        defect.text = format!("in {shown} set {}", words.join(", and "));
        return Some(defect);
    }
    let host = view.host(&fault.path).unwrap_or_else(|| fault.path.clone());
    let wanted = wanted(&fault.path, "", cert, "serverAuth");
    let named = if fault.path == cert { format!(", for {}", role.names.join(", ")) } else { String::new() };
    defect.file = Some(host.clone());
    defect.text = format!("put {wanted}{named} in place of {}", facts.shown(&host));
    defect.changes.push(file_change(view, &host, &wanted, facts));
    for one in readers(facts, &host) {
        if !defect.restart.contains(&one) {
            defect.restart.push(one);
        }
    }
    Some(defect)
}

/// The CA by which a broker knows its clients: it has to be the one of the clients' certificates.
fn client_authority(
    facts: &Facts<'_>,
    view: &View<'_>,
    link: Link,
    ca: &str,
    set: &dyn Fn(&str) -> Change,
) -> Option<Defect> {
    let stack = facts.stack_anchors();
    let mut defect = Defect::new(view.name(), Some(link));
    defect.serves = true;
    defect.shows_as = &[
        K::BadCertificate,
        K::UnknownAuthority,
        K::BadKeyFile,
        K::ConnectionReset,
        K::ConnectionRefused,
        K::Dns,
    ];
    let seen = match facts.shelf.read(view.container, ca) {
        Held::Missing => format!("{} does not exist", view.located(ca)),
        Held::NoFile => format!("{} is no file", view.located(ca)),
        Held::Forbidden | Held::Unknown => return None,
        Held::Bytes(_) => {
            let source = facts.source(view.container, ca)?;
            let chain = source.chain();
            if stack.is_empty() || stack.iter().any(|anchor| chain.contains(anchor)) {
                return None;
            }
            let subject = source.facts.first().map_or("nothing", |one| one.called()).to_owned();
            format!("{} holds {subject}, not the CA of the clients' certificates", view.located(ca))
        }
    };
    defect.because.push(seen);
    let good = |view: &View<'_>, path: &str| {
        facts.source(view.container, path).is_some_and(|source| source.chain() == stack)
    };
    let fits = |other: &View<'_>| good(other, ca);
    if let Some((target, from, to)) = pair::other_mount(facts, view, ca, &fits) {
        defect.text = mount_text(facts, view, &target, &from, &to);
        defect.changes.push(view.mount_change(&target, &from, &to));
        return Some(defect);
    }
    let folder = view.container.mount_of(ca)?.target.clone();
    let to = facts.shelf.list(view.container, &folder).into_iter().find(|file| good(view, file))?;
    let change = set(&to);
    defect.text = format!("in {} set {} from {ca} to {to}", view.name(), change.name);
    defect.changes.push(change);
    Some(defect)
}

fn redis(facts: &Facts<'_>, view: &View<'_>) -> Vec<Defect> {
    let words = view.words();
    if words.is_empty() {
        return Vec::new();
    }
    // A configuration file may say what the command line does not.
    let from_file = words.iter().any(|word| word.ends_with(".conf") && !word.starts_with("--"));
    let stack = facts.stack_anchors();
    let own_names = names("redis");
    let role = Role { purpose: Purpose::Server, anchors: &stack, names: &own_names };
    let place = facts.written(view.workload).and_then(|one| {
        one.arguments.first().and_then(|argument| argument.place.clone()).or_else(|| one.place.clone())
    });
    let argument = |name: &str, from: Option<&str>, to: Option<&str>| {
        Change::new(view.name(), ChangeKind::Argument, name).values(from, to).at(place.clone())
    };
    let mut found = Vec::new();
    let Some(port) = option(&words, &["--tls-port"]) else {
        if from_file {
            return found;
        }
        let mut defect = Defect::new(view.name(), Some(Link::Redis));
        defect.serves = true;
        defect.shows_as = &[
            K::WrongSchemeTlsToPlain,
            K::Timeout,
            K::ConnectionRefused,
            K::ConnectionReset,
            K::MtlsNotEnforced,
        ];
        let present = shown_command(&words);
        defect.because.push(format!("{} is started without TLS: {present}", view.name()));
        let present_port = option(&words, &["--port"]);
        let pair = own_pair(facts, view, role);
        let (cert, key, ca) = match &pair {
            Some((cert, key, ca)) => (Some(cert.as_str()), Some(key.as_str()), Some(ca.as_str())),
            None => (None, None, None),
        };
        let tls_port = present_port.filter(|port| *port != "0").unwrap_or("6379").to_owned();
        for (name, from, to) in [
            ("--port", present_port, Some("0")),
            ("--tls-port", None, Some(tls_port.as_str())),
            ("--tls-cert-file", option(&words, &["--tls-cert-file"]), cert),
            ("--tls-key-file", option(&words, &["--tls-key-file"]), key),
            ("--tls-ca-cert-file", option(&words, &["--tls-ca-cert-file"]), ca),
        ] {
            if from.is_none() || from != to {
                defect.changes.push(argument(name, from, to));
            }
        }
        // Cordum's services have a client certificate for it; the development stack asks for none.
        if option(&words, &["--tls-auth-clients"]).is_none() {
            let asks = if facts.views().any(|one| one.is_production()) { "yes" } else { "no" };
            defect.changes.push(argument("--tls-auth-clients", None, Some(asks)));
        }
        let wanted: Vec<String> = defect
            .changes
            .iter()
            .map(|change| format!("{} {}", change.name, change.to.as_deref().unwrap_or("FILE")))
            .collect();
        defect.text = format!("start {} with {}", view.name(), wanted.join(" "));
        defect.restart = clients(facts, "REDIS_URL");
        found.push(defect);
        return found;
    };
    let _ = port;
    if let Some("no" | "optional") | None = option(&words, &["--tls-auth-clients"])
        && !from_file
    {
        let mut defect = Defect::new(view.name(), Some(Link::Redis));
        defect.serves = true;
        defect.shows_as = &[K::MtlsNotEnforced];
        let present = option(&words, &["--tls-auth-clients"]);
        defect.because.push(format!(
            "{} is started with --tls-auth-clients {}",
            view.name(),
            present.unwrap_or("(not set)")
        ));
        defect.text = format!("start {} with --tls-auth-clients yes", view.name());
        defect.changes.push(argument("--tls-auth-clients", present, Some("yes")));
        found.push(defect);
    }
    let (cert, key) = (option(&words, &["--tls-cert-file"]), option(&words, &["--tls-key-file"]));
    if let (Some(cert), Some(key)) = (cert, key) {
        let set = |to: (&str, &str)| {
            let mut changes = Vec::new();
            if to.0 != cert {
                changes.push(argument("--tls-cert-file", Some(cert), Some(to.0)));
            }
            if to.1 != key {
                changes.push(argument("--tls-key-file", Some(key), Some(to.1)));
            }
            changes
        };
        let at = format!("the command of {}", view.name());
        found.extend(certificate(facts, view, Link::Redis, (cert, key), role, "REDIS_URL", &at, &set));
    }
    if let Some(ca) = option(&words, &["--tls-ca-cert-file"]) {
        let set = |to: &str| argument("--tls-ca-cert-file", Some(ca), Some(to));
        found.extend(client_authority(facts, view, Link::Redis, ca, &set));
    }
    merged(found)
}

/// A command line without its password.
fn shown_command(words: &[String]) -> String {
    let mut shown = Vec::new();
    let mut secret = false;
    for word in words {
        shown.push(if secret { "***" } else { word.as_str() });
        secret = matches!(word.as_str(), "--requirepass" | "--masterauth" | "--user" | "-a" | "--pass");
    }
    shown.join(" ")
}
