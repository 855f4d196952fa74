//! Programs that are called with an address: `curl`, `wget`, `redis-cli`, `grpc_health_probe`, in a health check or
//! as what a container runs.

use super::scan::Here;
use super::{
    ClientTrust, Dial, Dialler, FileRef, Protocol, SettingKind, TlsMode, Verifies, address, is_loopback,
};
use crate::workload::{Argument, Place};

/// Who calls them.
pub(super) struct Caller<'a> {
    pub(super) here: Here<'a>,
    /// The setting that they stand in.
    pub(super) setting: &'static str,
    pub(super) kind: SettingKind,
    pub(super) dialler: Dialler,
}

impl Caller<'_> {
    /// A dial to a port.
    pub(super) fn dial(&self, place: &Place, protocol: Protocol, tls_mode: TlsMode, port: u16) -> Dial {
        let mut dial =
            Dial::new(self.here.workload, self.here.container, self.setting, self.kind, place.clone());
        dial.dialler = self.dialler;
        dial.protocol = protocol;
        dial.tls_mode = tls_mode;
        dial.port = Some(port);
        dial.shown = format!("port {port}");
        dial.name = None;
        dial
    }

    /// A switch that turns verification off. In a health check of one's own port that is nobody's matter.
    fn off(&self, switch: Option<&Argument>, place: &Place) -> Option<Verifies> {
        let word = switch?;
        Some(match self.dialler {
            Dialler::Probe => Verifies::Unknown,
            _ => Verifies::No {
                setting: word.value.marked(),
                place: word.place.clone().unwrap_or_else(|| place.clone()),
                kind: self.kind,
            },
        })
    }

    fn file(&self, (word, path): &(&Argument, String), setting: &str, place: &Place) -> FileRef {
        FileRef {
            path: path.clone(),
            setting: setting.to_owned(),
            place: word.place.clone().unwrap_or_else(|| place.clone()),
            kind: self.kind,
        }
    }
}

fn program(words: &[Argument]) -> Option<String> {
    let first = words.first()?.value.marked();
    Some(first.rsplit('/').next().unwrap_or(&first).to_owned())
}

/// Whether a command is a call of one of them.
pub(super) fn is_one(words: &[Argument]) -> bool {
    program(words).is_some_and(|name| {
        matches!(
            name.as_str(),
            "curl" | "wget" | "redis-cli" | "valkey-cli" | "grpc_health_probe" | "grpc-health-probe"
        )
    })
}

/// What a command dials.
pub(super) fn dials(caller: &Caller<'_>, words: &[Argument], place: &Place) -> Vec<Dial> {
    match program(words).as_deref() {
        Some(name @ ("curl" | "wget")) => http(caller, words, place, name == "curl"),
        Some("redis-cli" | "valkey-cli") => redis(caller, words, place).into_iter().collect(),
        Some("grpc_health_probe" | "grpc-health-probe") => grpc(caller, words, place).into_iter().collect(),
        _ => Vec::new(),
    }
}

/// The value of an option, in either way to write it, with the word that holds it.
fn option<'a>(words: &'a [Argument], names: &[&str]) -> Option<(&'a Argument, String)> {
    words.iter().enumerate().find_map(|(at, word)| {
        let text = word.value.marked();
        names.iter().find_map(|name| {
            if text == *name {
                return words.get(at + 1).map(|next| (next, next.value.marked()));
            }
            let rest = text.strip_prefix(name)?.strip_prefix('=')?;
            Some((word, rest.to_owned()))
        })
    })
}

fn said(words: &[Argument], is: impl Fn(&str) -> bool) -> Option<&Argument> {
    words.iter().skip(1).find(|one| is(&one.value.marked()))
}

fn pair(caller: &Caller<'_>, words: &[Argument], place: &Place) -> Option<(FileRef, FileRef)> {
    let (certificate, key) = option(words, &["--cert"]).zip(option(words, &["--key"]))?;
    Some((caller.file(&certificate, "--cert", place), caller.file(&key, "--key", place)))
}

fn http(caller: &Caller<'_>, words: &[Argument], place: &Place, curl: bool) -> Vec<Dial> {
    let switch = said(words, |text| {
        let short = text.starts_with('-') && !text.starts_with("--") && text.len() < 8 && text.contains('k');
        if curl { short || text == "--insecure" } else { text == "--no-check-certificate" }
    });
    let mut dials = Vec::new();
    for word in words.iter().skip(1) {
        let text = word.value.marked();
        let Some(target) = Some(&text).filter(|text| text.contains("://")).and_then(|text| address(text))
        else {
            continue;
        };
        let (tls_mode, port) = match target.scheme.as_deref() {
            Some("https") => (TlsMode::Tls, 443),
            Some("http") => (TlsMode::Plain, 80),
            _ => continue,
        };
        let Some(host) = target.host else { continue };
        let own = word.place.clone().unwrap_or_else(|| place.clone());
        let mut dial = caller.dial(&own, Protocol::Http, tls_mode, target.port.unwrap_or(port));
        dial.shown = target.shown;
        dial.raw = super::masked(&text);
        dial.host = Some(host.clone());
        // BusyBox' wget verifies nothing, GNU's does.
        let by_itself = if curl { Verifies::Yes } else { Verifies::Unknown };
        dial.verifies = caller.off(switch, place).unwrap_or(by_itself);
        dial.trust = match option(words, &["--cacert", "--ca-certificate"]) {
            Some(found) => ClientTrust::Files(vec![caller.file(&found, "--cacert", place)]),
            None if ["SSL_CERT_FILE", "CURL_CA_BUNDLE"]
                .iter()
                .any(|name| caller.here.it.variable(name).is_some()) =>
            {
                ClientTrust::Unknown
            }
            None => ClientTrust::System,
        };
        dial.name = Some((host, own.clone(), caller.setting.to_owned()));
        dial.identity = pair(caller, words, place);
        dials.push(dial);
    }
    dials
}

fn redis(caller: &Caller<'_>, words: &[Argument], place: &Place) -> Option<Dial> {
    let text = |names: &[&str]| option(words, names).map(|(_, text)| text);
    let host = text(&["-h"]).unwrap_or_else(|| "127.0.0.1".to_owned()).to_ascii_lowercase();
    let port = text(&["-p"]).map_or(Some(6379), |text| text.parse().ok());
    let url = text(&["-u"]).and_then(|text| address(&text));
    let tls = said(words, |text| text == "--tls").is_some()
        || url.as_ref().is_some_and(|one| one.scheme.as_deref() == Some("rediss"));
    let port = url.as_ref().and_then(|one| one.port).or(port)?;
    let tls_mode = if tls { TlsMode::Tls } else { TlsMode::Plain };
    let own = words.first().and_then(|one| one.place.clone()).unwrap_or_else(|| place.clone());
    let mut dial = caller.dial(&own, Protocol::Redis, tls_mode, port);
    dial.host = url.and_then(|one| one.host).or(Some(host));
    if caller.dialler != Dialler::Probe {
        dial.shown = format!("{}:{port}", dial.host.as_deref().unwrap_or_default());
        dial.raw.clone_from(&dial.shown);
    }
    // redis-cli verifies the chain and no name; without a name of its own it sends none.
    dial.trust = option(words, &["--cacert"]).map_or(ClientTrust::Unknown, |found| {
        ClientTrust::Files(vec![caller.file(&found, "--cacert", place)])
    });
    dial.identity = pair(caller, words, place);
    if let Some(off) = caller.off(said(words, |text| text == "--insecure"), place) {
        dial.verifies = off;
    }
    Some(dial)
}

fn grpc(caller: &Caller<'_>, words: &[Argument], place: &Place) -> Option<Dial> {
    let text = |names: &[&str]| option(words, names).map(|(_, text)| text);
    let target = text(&["-addr", "--addr"]).and_then(|text| address(&text))?;
    let tls = said(words, |text| matches!(text, "-tls" | "--tls")).is_some();
    let tls_mode = if tls { TlsMode::Tls } else { TlsMode::Plain };
    let mut dial = caller.dial(place, Protocol::Grpc, tls_mode, target.port?);
    dial.host = target.host.clone().filter(|host| !is_loopback(host)).or(Some("localhost".to_owned()));
    dial.trust = match option(words, &["-tls-ca-cert", "--tls-ca-cert"]) {
        Some(found) => ClientTrust::Files(vec![caller.file(&found, "-tls-ca-cert", place)]),
        None => ClientTrust::System,
    };
    if let Some(off) = caller.off(said(words, |text| text.ends_with("-tls-no-verify")), place) {
        dial.verifies = off;
    }
    let named = text(&["-tls-server-name", "--tls-server-name"]);
    dial.name = named.or(target.host).map(|name| (name, place.clone(), caller.setting.to_owned()));
    Some(dial)
}
