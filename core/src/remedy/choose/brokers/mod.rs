//! What NATS and Redis are started with: configuration files, arguments, mounts, certificates.

mod members;
mod nats;
mod redis;

use super::client::{file_change, mount_text};
use super::context::{CureContext, Held};
use super::pair::{self, PairFault, PairPurpose, verdict};
use super::server::{readers, renewed};
use super::view::WorkloadView;
use super::{Defect, DefectKind};
use crate::cause::CauseKind as K;
use crate::link::Link;
use crate::remedy::Change;
use nats::{CONFIG, configuration, nats};
use redis::redis;

/// What is wrong at a broker.
#[must_use]
pub(super) fn inspect(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Vec<Defect> {
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
fn own_pair(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    role: PairPurpose<'_>,
) -> Option<(String, String, String)> {
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
fn clients(facts: &CureContext<'_>, variable: &str) -> Vec<String> {
    facts.views().filter(|view| view.set(variable).is_some()).map(|view| view.name()).collect()
}

/// Whether a broker is set up to speak TLS: what its services dial in clear is then their fault.
#[must_use]
pub(super) fn speak_tls(facts: &CureContext<'_>, link: Link) -> bool {
    facts.views().filter(|view| view.role() == link.service()).any(|view| {
        let words = view.words();
        match (link, option(&words, CONFIG)) {
            (Link::Redis, _) => option(&words, &["--tls-port"]).is_some_and(|port| port != "0"),
            (_, Some(path)) => configuration(facts, &view, path)
                .is_some_and(|read| read.conf.block.block(&["tls"]).is_some()),
            (_, None) => words.iter().any(|word| word.trim_start_matches('-').starts_with("tls")),
        }
    })
}

/// The certificate that a broker serves.
#[expect(clippy::too_many_arguments, reason = "each is said once, by the two callers above and below")]
fn certificate(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    link: Link,
    (cert, key): (&str, &str),
    role: PairPurpose<'_>,
    variable: &str,
    shown: &str,
    set: &dyn Fn((&str, &str)) -> Vec<Change>,
) -> Option<Defect> {
    let mut defect = Defect::new(DefectKind::ServedPair, view.name(), Some(link));
    defect.restart = clients(facts, variable);
    let fault: PairFault = match verdict(facts, view, (cert, key), role) {
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
    let fits = |other: &WorkloadView<'_>| verdict(facts, other, (cert, key), role).is_ok();
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
    let wanted = fault.wanted(cert, "serverAuth");
    let named = if fault.path == cert && !fault.behind {
        format!(", for {}", role.names.join(", "))
    } else {
        String::new()
    };
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
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    link: Link,
    ca: &str,
    set: &dyn Fn(&str) -> Change,
) -> Option<Defect> {
    let stack = facts.stack_anchors();
    let mut defect = Defect::new(DefectKind::ClientsAuthority, view.name(), Some(link));
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
    let good = |view: &WorkloadView<'_>, path: &str| {
        facts.source(view.container, path).is_some_and(|source| source.chain() == stack)
    };
    let fits = |other: &WorkloadView<'_>| good(other, ca);
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
