//! Programs that are not known: what their variables and options say by themselves, and no more.

mod dial;

use super::knob::{Knob, knobs, related};
use super::program;
use super::scan::{Here, WiringScanner};
use super::tool::{self, Caller};
use super::{
    ClientAuth, ClientTrust, Dial, Dialler, FileRole, Half, Listener, OpenedPath, Protocol, SettingKind,
    TlsMode, Verifies, is_loopback,
};
use crate::certificates::{read_bytes, source::CertificateSource as Pem};
use crate::workload::Template;
use dial::dial;

/// Addresses that a TLS pair may be for, or that it may be shown to.
struct KnobPair<'a> {
    certificate: &'a Knob,
    key: &'a Knob,
}

/// Reads one.
pub(super) fn read(scanner: &mut WiringScanner<'_>, here: Here<'_>) {
    let words = if called(scanner, here) { Vec::new() } else { here.command() };
    let knobs = knobs(here.it, &words);
    let pairs = pairs(&knobs);
    let mut clients: Vec<&KnobPair<'_>> = Vec::new();
    // Where it listens and what it calls itself is nobody whom it dials.
    let own = |one: &&Knob| one.has("listen") || one.has("advertise") || one.has("advertised");
    let urls: Vec<&Knob> = knobs.iter().filter(|one| !urls_of(&one.value).is_empty() && !own(one)).collect();
    let listens: Vec<&Knob> = knobs.iter().filter(|one| listen_port(one).is_some()).collect();
    for pair in &pairs {
        match side(scanner, here, pair, &urls, &listens) {
            Some(true) => listener(scanner, here, pair, &knobs, &listens),
            Some(false) => clients.push(pair),
            None => {}
        }
    }
    for knob in &urls {
        for url in urls_of(&knob.value) {
            dial(scanner, here, knob, &url, &knobs, &clients);
        }
    }
    for knob in &knobs {
        hidden(scanner, here, knob, &knobs);
    }
    halves(scanner, here, &knobs, &urls);
    // Whatever they are for: they are to be there, and to be readable.
    for knob in &knobs {
        let Some(role) = knob.role() else { continue };
        let file = knob.file();
        let told =
            scanner.found.files.iter().any(|one| {
                one.workload == here.workload && one.container == here.container && one.file == file
            });
        if !told {
            scanner.names_file(here, &file, role, false);
        }
    }
    let dials: Vec<&Dial> =
        scanner.found.dials.iter().filter(|one| one.workload == Some(here.workload)).collect();
    let tls = dials.iter().any(|one| one.tls_mode == TlsMode::Tls && one.container == here.container);
    let loose: Vec<_> = knobs
        .iter()
        .filter(|one| one.switches_verification_off() && !one.name.is_empty())
        .filter(|one| {
            !dials
                .iter()
                .any(|dial| matches!(&dial.verifies, Verifies::No { place, .. } if *place == one.place))
        })
        // `OTEL_…_INSECURE` and its like ask for plaintext; a word about verification says what it is.
        .filter(|one| {
            let verifies = one.words.concat().contains("verif");
            (verifies && one.is_about_tls()) || (tls && one.stem().is_empty())
        })
        .map(|one| (here.workload, one.name.clone(), one.place.clone(), one.kind))
        .collect();
    scanner.found.insecure.extend(loose);
}

/// What its command dials by `curl` and its like; `true`: that is what it runs.
pub(super) fn called(scanner: &mut WiringScanner<'_>, here: Here<'_>) -> bool {
    let Some((commands, shell)) = program::commands(here.it) else { return false };
    let script = here.it.entrypoint.iter().chain(&here.it.arguments).rfind(|_| shell).cloned();
    let commands = match script {
        Some(script) => here.settled(&script, commands),
        None => commands,
    };
    let caller =
        Caller { here, setting: "the command line", kind: SettingKind::Argument, dialler: Dialler::Program };
    for dial in commands.iter().flat_map(|words| tool::dials(&caller, words, &here.place())) {
        let ca = match &dial.trust {
            ClientTrust::Files(files) => files.clone(),
            ClientTrust::System | ClientTrust::Unknown => Vec::new(),
        };
        let (certificate, key) = dial.identity.clone().unzip();
        for (file, role) in ca
            .into_iter()
            .map(|file| (file, FileRole::Ca))
            .chain(certificate.map(|file| (file, FileRole::Certificate)))
            .chain(key.map(|file| (file, FileRole::Key)))
        {
            scanner.names_file(here, &file, role, false);
        }
        scanner.found.dials.push(dial);
    }
    program::command(here.it).is_some_and(|(words, _)| tool::is_one(&words))
}

/// Addresses with a scheme that is looked at.
fn urls_of(text: &str) -> Vec<String> {
    const SCHEMES: [&str; 14] = [
        "nats://",
        "tls://",
        "redis://",
        "rediss://",
        "http://",
        "https://",
        "ws://",
        "wss://",
        "grpc://",
        "grpcs://",
        "valkey://",
        "valkeys://",
        "redis+tls://",
        "nats+tls://",
    ];
    text.split([',', ' ', '\n', ';', '"', '\''])
        .map(str::trim)
        .filter(|part| SCHEMES.iter().any(|scheme| part.starts_with(scheme)))
        .map(str::to_owned)
        .collect()
}

/// An address of which the scheme is not known, of a peer that its name or its trust says something about.
fn hidden(scanner: &mut WiringScanner<'_>, here: Here<'_>, knob: &Knob, knobs: &[Knob]) {
    let address =
        ["url", "urls", "uri", "dsn", "server", "servers", "endpoint", "endpoints", "broker", "brokers"];
    let value = knob.value.as_str();
    let whole = value.strip_prefix(Template::OPEN).and_then(|rest| rest.split_once(Template::CLOSE));
    let Some((_, rest)) = whole.filter(|(_, rest)| rest.is_empty() || rest.starts_with("://")) else {
        return;
    };
    if !knob.words.last().is_some_and(|last| address.contains(&last.as_str())) {
        return;
    }
    let protocol = if knob.has("nats") {
        Protocol::Nats
    } else if knob.has("redis") || knob.has("valkey") {
        Protocol::Redis
    } else {
        Protocol::Other
    };
    let stem = knob.stem();
    let ca = knobs.iter().find(|one| one.role() == Some(FileRole::Ca) && related(&one.stem(), &stem));
    if protocol == Protocol::Other && ca.is_none() {
        return;
    }
    let mut dial = Dial::new(here.workload, here.container, &knob.name, knob.kind, knob.place.clone());
    dial.protocol = protocol;
    dial.shown = super::named_gaps(value);
    dial.raw = super::masked(value);
    dial.trust = ca.map_or(ClientTrust::Unknown, |one| ClientTrust::Files(vec![one.file()]));
    if let Some(target) = super::address(rest.trim_start_matches("://")).filter(|_| !rest.is_empty()) {
        dial.host = target.host;
        dial.port = target.port;
    }
    dial.unknown = Some(dial.shown.clone());
    scanner.found.dials.push(dial);
}

/// The port of an address that a program listens at.
fn listen_port(knob: &Knob) -> Option<(u16, bool)> {
    let named = ["listen", "addr", "address", "bind", "port"].iter().any(|word| knob.has(word));
    // `--listen-client-urls=https://0.0.0.0:2379`.
    if knob.has("listen")
        && let Some(("https" | "http", rest)) = knob.value.split_once("://")
    {
        let (host, port) = rest.split([',', '/']).next()?.rsplit_once(':')?;
        return Some((port.parse().ok()?, is_loopback(host.trim_matches(['[', ']']))));
    }
    if !named || knob.value.contains("://") {
        return None;
    }
    if let Ok(port) = knob.value.parse::<u16>() {
        return (knob.has("port") || knob.has("listen")).then_some((port, false));
    }
    let (host, port) = knob.value.rsplit_once(':')?;
    let port = port.parse().ok()?;
    let any = matches!(host, "" | "0.0.0.0" | "[::]" | "*" | "::");
    (any || is_loopback(host)).then_some((port, !any))
}

fn pairs(knobs: &[Knob]) -> Vec<KnobPair<'_>> {
    let of = |role: FileRole| knobs.iter().filter(move |one| one.role() == Some(role));
    let mut pairs = Vec::new();
    for key in of(FileRole::Key) {
        // The certificate whose name differs least.
        let certificate = of(FileRole::Certificate)
            .filter(|one| one.kind == key.kind)
            .map(|one| (strsim::osa_distance(&bare(&one.name), &bare(&key.name)), one))
            .min_by_key(|(distance, _)| *distance);
        if let Some((distance, certificate)) = certificate
            && (distance == 0 || certificate.stem() == key.stem())
        {
            pairs.push(KnobPair { certificate, key });
        }
    }
    pairs
}

/// A name without what makes the difference between a certificate and its key.
fn bare(name: &str) -> String {
    let mut name = name.to_ascii_lowercase();
    for word in ["certificate", "cert", "crt", "private", "key"] {
        name = name.replace(word, "");
    }
    name.chars().filter(char::is_ascii_alphanumeric).collect()
}

/// Whether a pair is a server's (`true`) or a client's; `None`: it cannot be known.
fn side(
    scanner: &WiringScanner<'_>,
    here: Here<'_>,
    pair: &KnobPair<'_>,
    urls: &[&Knob],
    listens: &[&Knob],
) -> Option<bool> {
    if let OpenedPath::Content(content) = scanner.view.open(here.of, here.it, &pair.certificate.value) {
        let pem = read_bytes(&content.shown, &content.bytes, None)
            .into_iter()
            .next()
            .map(|found| Pem::new(None, found));
        let facts = pem.and_then(|pem| pem.facts.into_iter().next());
        if let Some(facts) = facts.filter(|one| !one.ekus.is_empty() && !one.is_ca) {
            let has = |usage: &str| facts.ekus.iter().any(|one| one == usage || one == "anyExtendedKeyUsage");
            match (has("serverAuth"), has("clientAuth")) {
                (true, false) => return Some(true),
                (false, true) => return Some(false),
                _ => {}
            }
        }
    }
    let stem = pair.certificate.stem();
    if pair.certificate.has("client") {
        return Some(false);
    }
    if pair.certificate.has("server") || pair.certificate.has("listen") {
        return Some(true);
    }
    let dials = urls.iter().any(|url| related(&url.stem(), &stem));
    let serves = listens.iter().any(|one| related(&one.stem(), &stem));
    match (dials, serves) {
        (true, false) => Some(false),
        (false, true) => Some(true),
        (true, true) => None,
        (false, false) => {
            let secure = urls.iter().any(|url| {
                urls_of(&url.value).iter().any(|one| {
                    ["tls", "rediss", "https", "wss", "grpcs"]
                        .iter()
                        .any(|scheme| one.starts_with(&format!("{scheme}://")))
                })
            });
            match (secure, listens.is_empty() && here.it.ports.is_empty()) {
                (true, true) => Some(false),
                (false, _) => Some(true),
                (true, false) => None,
            }
        }
    }
}

fn listener(
    scanner: &mut WiringScanner<'_>,
    here: Here<'_>,
    pair: &KnobPair<'_>,
    knobs: &[Knob],
    listens: &[&Knob],
) {
    let stem = pair.certificate.stem();
    let secure = |one: &Knob| {
        ["https", "tls", "ssl", "secure", "grpcs"].iter().any(|word| one.has(word))
            || one.value.starts_with("https://")
    };
    let side = |one: &Knob| {
        ["metrics", "admin", "health", "debug", "pprof", "monitor", "http"].iter().any(|word| one.has(word))
    };
    let chosen = listens
        .iter()
        .find(|one| related(&one.stem(), &stem))
        .or_else(|| listens.iter().find(|one| secure(one)))
        .or_else(|| {
            let candidates: Vec<_> = listens.iter().filter(|one| !side(one)).collect();
            match candidates.as_slice() {
                [one] => Some(*one),
                _ => None,
            }
        });
    let (port, loopback, place) = match chosen {
        Some(knob) => {
            let (port, loopback) = listen_port(knob).unwrap_or((0, false));
            (Some(port), loopback, knob.place.clone())
        }
        None => (named_port(here), false, pair.certificate.place.clone()),
    };
    let grpc = stem.contains(&"grpc") || chosen.is_some_and(|one| one.has("grpc"));
    let protocol = if grpc { Protocol::Grpc } else { Protocol::Other };
    let mut listener = Listener::new(here.workload, here.container, protocol, port, place);
    listener.tls_mode = TlsMode::Tls;
    listener.loopback = loopback;
    listener.kind = pair.certificate.kind;
    listener.setting.clone_from(&pair.certificate.name);
    listener.certificate = Some(pair.certificate.file());
    listener.key = Some(pair.key.file());
    let ca = knobs
        .iter()
        .find(|one| one.role() == Some(FileRole::Ca) && (one.has("client") || one.stem() == stem));
    listener.ca = ca.map(Knob::file);
    // Whether it asks for certificates is the program's secret, unless it is given none to compare with.
    listener.clients = if listener.ca.is_some() { ClientAuth::Unknown } else { ClientAuth::NotAsked };
    super::nats::files(scanner, here, &listener);
    scanner.found.listeners.push(listener);
}

/// The port that the description itself calls a TLS one, or the only one.
fn named_port(here: Here<'_>) -> Option<u16> {
    let named =
        here.it.port_names.iter().find(|(name, _)| {
            ["https", "tls", "ssl", "grpcs", "secure"].iter().any(|word| name.contains(word))
        });
    let usual = || here.it.ports.iter().copied().find(|port| matches!(port, 443 | 8443 | 9443));
    match (named, here.it.ports.as_slice()) {
        (Some((_, port)), _) => Some(*port),
        (None, [only]) => Some(*only),
        (None, _) => usual(),
    }
}

/// A half of a pair, where the other settings of the same stem show that it is one.
fn halves(scanner: &mut WiringScanner<'_>, here: Here<'_>, knobs: &[Knob], urls: &[&Knob]) {
    if scanner.view.description.open_environment.contains(&here.of.name) {
        return;
    }
    let paired: Vec<&str> = pairs(knobs)
        .iter()
        .flat_map(|pair| [pair.certificate.name.as_str(), pair.key.name.as_str()])
        .collect();
    for knob in knobs {
        let Some(role @ (FileRole::Certificate | FileRole::Key)) = knob.role() else { continue };
        if paired.contains(&knob.name.as_str()) {
            continue;
        }
        let stem = knob.stem();
        let about = knob.words.iter().any(|word| matches!(word.as_str(), "tls" | "ssl" | "https"));
        let beside = knobs.iter().any(|one| one.role() == Some(FileRole::Ca) && one.stem() == stem)
            || urls.iter().any(|one| related(&one.stem(), &stem));
        if !about && !beside {
            continue;
        }
        // One file may hold both; a certificate alone may be there to be compared with.
        if let OpenedPath::Content(content) = scanner.view.open(here.of, here.it, &knob.value) {
            let has = |text: &[u8]| memchr::memmem::find(&content.bytes, text).is_some();
            let both = has(b"-----BEGIN CERTIFICATE") && has(b"PRIVATE KEY-----");
            let authority = role == FileRole::Certificate
                && read_bytes(&content.shown, &content.bytes, None)
                    .into_iter()
                    .any(|found| Pem::new(None, found).facts.first().is_some_and(|one| one.is_ca));
            if both || authority {
                continue;
            }
        } else if role == FileRole::Certificate {
            continue;
        }
        let lacks = match role {
            FileRole::Certificate => {
                swap(&knob.name, &["CERTIFICATE", "CERT", "CRT", "certificate", "cert", "crt"], "KEY", "key")
            }
            _ => swap(&knob.name, &["PRIVATE_KEY", "KEY", "private-key", "key"], "CERT", "cert"),
        };
        scanner.found.halves.push(Half { workload: here.workload, has: knob.file(), lacks });
    }
}

fn swap(name: &str, from: &[&str], upper: &str, lower: &str) -> String {
    let Some(word) = from.iter().find(|word| name.contains(**word)) else { return name.to_owned() };
    let to = if word.chars().any(|c| c.is_ascii_uppercase()) { upper } else { lower };
    name.replacen(word, to, 1)
}
