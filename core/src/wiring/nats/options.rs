//! Options of the command line.

use crate::wiring::{FileRef, SettingKind, is_loopback};
use crate::workload::{Argument, Place};

/// What the command line says.
#[derive(Default)]
pub(super) struct NatsArguments {
    pub(super) config: Option<(String, Place)>,
    pub(super) port: Option<u16>,
    pub(super) monitor: Option<u16>,
    pub(super) loopback: bool,
    pub(super) tls: Option<Place>,
    pub(super) verify: Option<Place>,
    pub(super) certificate: Option<FileRef>,
    pub(super) key: Option<FileRef>,
    pub(super) ca: Option<FileRef>,
    /// Where it listens for members of its cluster.
    pub(super) cluster: Option<(String, Place)>,
    /// Members that it dials, behind one another.
    pub(super) routes: Option<(String, Place)>,
}

impl NatsArguments {
    pub(super) fn of(words: &[Argument]) -> Self {
        let mut options = Self::default();
        let mut at = 0;
        while let Some(word) = words.get(at) {
            at += 1;
            let text = word.value.marked();
            let Some(flag) = text.strip_prefix('-') else { continue };
            let flag = flag.strip_prefix('-').unwrap_or(flag);
            let (name, inline) = match flag.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (flag, None),
            };
            let here = word.place.clone();
            let mut value = || -> (String, Option<Place>) {
                match &inline {
                    Some(value) => (value.clone(), here.clone()),
                    None => {
                        let next = words.get(at).map(|one| (one.value.marked(), one.place.clone()));
                        at += 1;
                        next.unwrap_or_default()
                    }
                }
            };
            let mut file = |setting: &str| {
                let (path, place) = value();
                let place = place.unwrap_or_else(|| Place::of_file(""));
                Some(FileRef { path, setting: setting.to_owned(), place, kind: SettingKind::Argument })
            };
            match name {
                "c" | "config" => {
                    options.config = file("--config").map(|one| (one.path, one.place));
                }
                "p" | "port" => options.port = value().0.parse().ok(),
                "m" | "http_port" => options.monitor = value().0.parse().ok(),
                "a" | "addr" | "net" => options.loopback = is_loopback(&value().0),
                "tls" => options.tls = here.clone(),
                "tlsverify" => options.verify = here.clone(),
                "tlscert" => options.certificate = file("--tlscert"),
                "tlskey" => options.key = file("--tlskey"),
                "tlscacert" => options.ca = file("--tlscacert"),
                "cluster" | "cluster_listen" => {
                    options.cluster = file("--cluster").map(|one| (one.path, one.place));
                }
                "routes" => options.routes = file("--routes").map(|one| (one.path, one.place)),
                _ => {}
            }
        }
        options
    }
}

pub(super) const NAMES: [&str; 1] = ["nats-server"];
