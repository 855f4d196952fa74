//! What is wrong with a NATS server, by its configuration or its options.

use super::{certificate, client_authority, clients, names, option, own_pair};
use crate::cause::CauseKind as K;
use crate::link::Link;
use crate::manifest::Source;
use crate::manifest::nats_conf::{self, Include, Lookup, World};
use crate::remedy::choose::Defect;
use crate::remedy::choose::facts::{Facts, Held};
use crate::remedy::choose::pair::Role;
use crate::remedy::choose::view::WorkloadView;
use crate::remedy::{Change, ChangeKind};
use crate::x509::Purpose;

pub(super) const CONFIG: &[&str] = &["--config", "-config", "-c"];

/// NATS' configuration, as its container has it.
pub(super) fn configuration(
    facts: &Facts<'_>,
    view: &WorkloadView<'_>,
    path: &str,
) -> Option<nats_conf::Conf> {
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

pub(super) fn nats(facts: &Facts<'_>, view: &WorkloadView<'_>) -> Vec<Defect> {
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
    found.extend(super::members::routes(facts, view, &conf, path));
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
pub(super) fn merged(mut found: Vec<Defect>) -> Vec<Defect> {
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

pub(super) fn plain(shown: &str) -> String {
    shown.strip_prefix("./").unwrap_or(shown).to_owned()
}

fn nats_by_options(facts: &Facts<'_>, view: &WorkloadView<'_>, words: &[String]) -> Option<Defect> {
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
