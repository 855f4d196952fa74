//! What is wrong with a NATS server, by its configuration or its options.

use std::cell::RefCell;
use std::sync::Arc;

use super::{certificate, client_authority, clients, names, option, own_pair};
use crate::link::Link;
use crate::manifest::Source;
use crate::manifest::files::{join, parent};
use crate::manifest::nats_conf::{self, Lookup, NatsBlock, World};
use crate::manifest::source::{Include, Mark};
use crate::remedy::choose::context::{CureContext, Held};
use crate::remedy::choose::pair::PairPurpose;
use crate::remedy::choose::view::WorkloadView;
use crate::remedy::choose::{Defect, DefectKind};
use crate::remedy::{Change, ChangeKind};
use crate::workload::Place;
use crate::x509::Purpose;

pub(super) const CONFIG: &[&str] = &["--config", "-config", "-c"];

/// NATS' configuration, as its container has it.
pub(super) struct Configuration {
    pub(super) conf: nats_conf::NatsConf,
    /// The files it was read from, as an operator names them, and where each lies in the container.
    files: Vec<(Arc<str>, String)>,
}

impl Configuration {
    /// Where the file of a mark lies in the container.
    pub(super) fn path(&self, mark: &Mark) -> &str {
        let of = self.files.iter().find(|(shown, _)| *shown == mark.file);
        of.or(self.files.first()).map_or("", |(_, path)| path)
    }
}

/// Reads the file at a path of the container, and what it includes.
pub(super) fn configuration(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    path: &str,
) -> Option<Configuration> {
    let opened = RefCell::new(Vec::new());
    let open = |path: &str| {
        let bytes = match facts.shelf.read(view.container, path) {
            Held::Bytes(bytes) => bytes,
            Held::Missing => return Include::Missing,
            _ => return Include::Unknown,
        };
        let shown = facts.shown(&view.host(path).unwrap_or_else(|| path.to_owned()));
        let source = Source::file(&shown, &String::from_utf8_lossy(&bytes));
        opened.borrow_mut().push((Arc::clone(&source.start.file), path.to_owned()));
        Include::Text(source)
    };
    let Include::Text(source) = open(path) else { return None };
    let world = World {
        variable: &|name| match view.variable(name) {
            Some(value) => Lookup::Known(value.to_owned()),
            None => Lookup::Unset,
        },
        // nats-server looks from the folder of the file that includes.
        include: &|wanted, from| {
            let of = |(shown, path): &(Arc<str>, String)| (*shown == from.start.file).then(|| parent(path));
            let base = opened.borrow().iter().find_map(of);
            base.map_or(Include::Unknown, |base| open(&join(&base, wanted)))
        },
    };
    let conf = nats_conf::read(&source, &world);
    Some(Configuration { conf, files: opened.into_inner() })
}

/// NATS by its configuration file: how its keys are changed, and what a pair of its has to be.
struct NatsSettings<'a> {
    facts: &'a CureContext<'a>,
    view: &'a WorkloadView<'a>,
    read: &'a Configuration,
    /// Where its file begins.
    start: Mark,
    role: PairPurpose<'a>,
}

impl NatsSettings<'_> {
    fn change(&self, name: &str, from: Option<&str>, to: Option<&str>, mark: &Mark) -> Change {
        let mut change = Change::new(self.view.name(), ChangeKind::Config, name).values(from, to);
        change.path = Some(self.read.path(mark).to_owned());
        change.defined_at = Some(Place { file: plain(&mark.file).into(), line: mark.line, column: 0 });
        change
    }

    fn defect(&self, kind: DefectKind) -> Defect {
        Defect::new(kind, self.view.name(), Some(Link::Nats))
    }

    fn without_tls(&self) -> Defect {
        let (view, shown, start) = (self.view, &self.start.file, &self.start);
        let mut defect = self.defect(DefectKind::NatsWithoutTls);
        defect.because.push(format!(
            "{} is started with {}, which has no tls block",
            view.name(),
            view.located(self.read.path(start))
        ));
        match own_pair(self.facts, view, self.role) {
            Some((cert, key, ca)) => {
                defect.text = format!(
                    "add to {shown}: tls {{ cert_file: \"{cert}\", key_file: \"{key}\", ca_file: \"{ca}\", verify: true }}"
                );
                for (name, to) in
                    [("cert_file", cert.as_str()), ("key_file", &key), ("ca_file", &ca), ("verify", "true")]
                {
                    defect.changes.push(self.change(&format!("tls.{name}"), None, Some(to), start));
                }
            }
            None => {
                defect.text =
                    format!("add a tls block to {shown}: cert_file, key_file, ca_file and verify: true");
                for name in ["tls.cert_file", "tls.key_file", "tls.ca_file"] {
                    defect.changes.push(self.change(name, None, None, start));
                }
                defect.changes.push(self.change("tls.verify", None, Some("true"), start));
            }
        }
        defect.restart = clients(self.facts, "NATS_URL");
        defect
    }

    /// It does not ask its clients for a certificate.
    fn unverified(&self, tls: &NatsBlock, begins: &Mark) -> Option<Defect> {
        let verify = tls.truth(&["verify", "verify_and_map"]);
        let (from, at) = match verify {
            Some((true, _)) => return None,
            Some((false, mark)) => (Some("false"), mark),
            None => (None, begins),
        };
        let mut defect = self.defect(DefectKind::NatsKnowsNoClients);
        let is = from.map_or("has no verify", |_| "has verify: false");
        defect.because.push(format!("the tls block of {} {is}", self.view.located(self.read.path(at))));
        defect.text = format!("set verify: true in the tls block of {}", at.file);
        defect.changes.push(self.change("tls.verify", from, Some("true"), at));
        if tls.text(&["ca_file"]).is_none()
            && let Some((_, _, ca)) = own_pair(self.facts, self.view, self.role)
        {
            defect.text.push_str(&format!(", and ca_file: \"{ca}\""));
            defect.changes.push(self.change("tls.ca_file", None, Some(&ca), begins));
        }
        Some(defect)
    }

    fn takes_plaintext(&self, mark: &Mark) -> Defect {
        let mut defect = self.defect(DefectKind::NatsTakesPlaintext);
        defect.because.push(format!("{} has allow_non_tls: true", self.view.located(self.read.path(mark))));
        defect.text = format!("take allow_non_tls out of {}", mark.file);
        let mut change = self.change("allow_non_tls", Some("true"), None, mark);
        change.remove = true;
        defect.changes.push(change);
        defect
    }

    /// The pair that it serves.
    fn pair(&self, tls: &NatsBlock) -> Option<Defect> {
        let (cert, cert_mark) = tls.text(&["cert_file"])?;
        let (key, key_mark) = tls.text(&["key_file"])?;
        let set = |to: (&str, &str)| {
            let mut changes = Vec::new();
            if to.0 != cert {
                changes.push(self.change("tls.cert_file", Some(&cert), Some(to.0), cert_mark));
            }
            if to.1 != key {
                changes.push(self.change("tls.key_file", Some(&key), Some(to.1), key_mark));
            }
            changes
        };
        let pair = (cert.as_str(), key.as_str());
        certificate(self.facts, self.view, Link::Nats, pair, self.role, "NATS_URL", &cert_mark.file, &set)
    }

    /// The CA of its clients.
    fn authority(&self, tls: &NatsBlock) -> Option<Defect> {
        let (ca, mark) = tls.text(&["ca_file"])?;
        let set = |to: &str| self.change("tls.ca_file", Some(&ca), Some(to), mark);
        client_authority(self.facts, self.view, Link::Nats, &ca, &set)
    }
}

pub(super) fn nats(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Vec<Defect> {
    let words = view.words();
    let Some(path) = option(&words, CONFIG) else {
        return nats_by_options(facts, view, &words).into_iter().collect();
    };
    let Some(read) = configuration(facts, view, path) else { return Vec::new() };
    let stack = facts.stack_anchors();
    let own_names = names("nats");
    let configured = NatsSettings {
        facts,
        view,
        read: &read,
        start: Mark::start(read.files.first().map_or("", |(shown, _)| shown)),
        role: PairPurpose { purpose: Purpose::Server, anchors: &stack, names: &own_names },
    };
    let Some((entry, tls)) = read.conf.block.block(&["tls"]) else {
        // An include that is not known may hold it.
        return if read.conf.open { Vec::new() } else { vec![configured.without_tls()] };
    };
    let mut found: Vec<Defect> = super::members::routes(facts, view, &read).into_iter().collect();
    found.extend(configured.unverified(tls, &entry.mark));
    let plaintext = read.conf.block.truth(&["allow_non_tls"]).or_else(|| tls.truth(&["allow_non_tls"]));
    if let Some((true, mark)) = plaintext {
        found.push(configured.takes_plaintext(mark));
    }
    found.extend(configured.pair(tls));
    found.extend(configured.authority(tls));
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

fn nats_by_options(facts: &CureContext<'_>, view: &WorkloadView<'_>, words: &[String]) -> Option<Defect> {
    let has =
        |name: &str| words.iter().any(|word| word.trim_start_matches('-').split('=').next() == Some(name));
    if words.is_empty() || has("tls") || has("tlsverify") {
        return None;
    }
    let stack = facts.stack_anchors();
    let own_names = names("nats");
    let role = PairPurpose { purpose: Purpose::Server, anchors: &stack, names: &own_names };
    let mut defect = Defect::new(DefectKind::NatsWithoutTls, view.name(), Some(Link::Nats));
    defect.because.push(format!("{} is started without TLS: {}", view.name(), words.join(" ")));
    let mut argument = |name: &str, to: Option<&str>| {
        let place = view.place_of_option(name);
        let change = Change::new(view.name(), ChangeKind::Argument, name).values(None, to).at(place);
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
