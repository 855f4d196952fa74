//! What is wrong with a Redis server, by its command.

use super::nats::merged;
use super::{certificate, client_authority, clients, names, option, own_pair};
use crate::link::Link;
use crate::remedy::choose::context::CureContext;
use crate::remedy::choose::pair::PairPurpose;
use crate::remedy::choose::view::WorkloadView;
use crate::remedy::choose::{Defect, DefectKind};
use crate::remedy::{Change, ChangeKind};
use crate::x509::Purpose;

pub(super) fn redis(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Vec<Defect> {
    let words = view.words();
    if words.is_empty() {
        return Vec::new();
    }
    // A configuration file may say what the command line does not.
    let from_file = words.iter().any(|word| word.ends_with(".conf") && !word.starts_with("--"));
    let stack = facts.stack_anchors();
    let own_names = names("redis");
    let role = PairPurpose { purpose: Purpose::Server, anchors: &stack, names: &own_names };
    let argument = |name: &str, from: Option<&str>, to: Option<&str>| {
        Change::new(view.name(), ChangeKind::Argument, name).values(from, to).at(view.place_of_option(name))
    };
    let mut found = Vec::new();
    if option(&words, &["--tls-port"]).is_none() {
        if from_file {
            return found;
        }
        return vec![without_tls(facts, view, &words, role, &argument)];
    }
    if !from_file {
        found.extend(super::members::nodes(view, &words, &argument));
    }
    if let Some("no" | "optional") | None = option(&words, &["--tls-auth-clients"])
        && !from_file
    {
        let mut defect = Defect::new(DefectKind::RedisKnowsNoClients, view.name(), Some(Link::Redis));
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

/// Redis is started in plaintext. `argument`: the change of an option, from what to what.
fn without_tls(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    words: &[String],
    role: PairPurpose<'_>,
    argument: &dyn Fn(&str, Option<&str>, Option<&str>) -> Change,
) -> Defect {
    let mut defect = Defect::new(DefectKind::RedisWithoutTls, view.name(), Some(Link::Redis));
    let present = shown_command(words);
    defect.because.push(format!("{} is started without TLS: {present}", view.name()));
    let present_port = option(words, &["--port"]);
    let pair = own_pair(facts, view, role);
    let (cert, key, ca) = match &pair {
        Some((cert, key, ca)) => (Some(cert.as_str()), Some(key.as_str()), Some(ca.as_str())),
        None => (None, None, None),
    };
    let tls_port = present_port.filter(|port| *port != "0").unwrap_or("6379").to_owned();
    for (name, from, to) in [
        ("--port", present_port, Some("0")),
        ("--tls-port", None, Some(tls_port.as_str())),
        ("--tls-cert-file", option(words, &["--tls-cert-file"]), cert),
        ("--tls-key-file", option(words, &["--tls-key-file"]), key),
        ("--tls-ca-cert-file", option(words, &["--tls-ca-cert-file"]), ca),
    ] {
        if from.is_none() || from != to {
            defect.changes.push(argument(name, from, to));
        }
    }
    // Cordum's services have a client certificate for it; the development stack asks for none.
    if option(words, &["--tls-auth-clients"]).is_none() {
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
    defect
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
