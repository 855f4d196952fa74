//! The client's side of the links to NATS, Redis and the safety kernel.

use super::Defect;
use super::facts::{Facts, Held};
use super::pair::{self, Role, judge};
use super::view::{View, masked};
use crate::cause::{CauseKind as K, Variant};
use crate::certificates::{Question, verify};
use crate::link::Link;
use crate::remedy::Change;
use crate::x509::{Purpose, matches_name};

/// How a link's client is set up by its variables.
struct Client {
    link: Link,
    prefix: &'static str,
    /// The URL's schemes in clear and in TLS.
    plain: &'static str,
    tls: &'static str,
    /// What the server is called in sentences.
    server: &'static str,
}

const NATS: Client = Client { link: Link::Nats, prefix: "NATS", plain: "nats", tls: "tls", server: "NATS" };
const REDIS: Client =
    Client { link: Link::Redis, prefix: "REDIS", plain: "redis", tls: "rediss", server: "Redis" };

/// What is wrong at a client.
#[must_use]
pub(super) fn look(facts: &Facts<'_>, view: &View<'_>) -> Vec<Defect> {
    let mut found = Vec::new();
    for client in [&NATS, &REDIS] {
        if let Some(url) = view.set(&format!("{}_URL", client.prefix)) {
            found.extend(of_link(facts, view, client, url));
        }
    }
    found.extend(kernel(facts, view));
    found
}

fn of_link(facts: &Facts<'_>, view: &View<'_>, client: &Client, url: &str) -> Vec<Defect> {
    let scheme = url.split("://").next().unwrap_or_default();
    let serves_tls = facts.served.contains_key(&client.link)
        || others_speak_tls(facts, view, client)
        || super::brokers::speak_tls(facts, client.link);
    let mut found = Vec::new();
    found.extend(address(facts, view, client, url));
    found.extend(login(facts, view, client, url));
    // A core service passes over its TLS variables with a plaintext URL; so does everybody's Redis client.
    if scheme == client.plain && (view.is_core() || client.link == Link::Redis) {
        found.extend(serves_tls.then(|| plain_url(view, client, url)));
        return found;
    }
    let name = |rest: &str| format!("{}_TLS_{rest}", client.prefix);
    if view.is_on(&name("INSECURE")) {
        found.push(insecure(view, client, &name("INSECURE")));
    }
    found.extend(authority(facts, view, client.link, client.server, &name("CA")));
    found.extend(identity(facts, view, client, &name("CERT"), &name("KEY")));
    found.extend(server_name(facts, view, client, &name("SERVER_NAME")));
    found
}

/// Whether most of the neighbours dial the link in TLS.
fn others_speak_tls(facts: &Facts<'_>, view: &View<'_>, client: &Client) -> bool {
    let schemes: Vec<&str> = neighbours(facts, view, &format!("{}_URL", client.prefix))
        .iter()
        .filter_map(|url| url.split("://").next())
        .collect();
    let tls = schemes.iter().filter(|scheme| **scheme == client.tls).count();
    tls > 0 && tls * 2 > schemes.len()
}

/// What the others have in a variable, the most frequent first.
pub(super) fn neighbours<'a>(facts: &Facts<'a>, view: &View<'_>, name: &str) -> Vec<&'a str> {
    let mut seen: Vec<(&'a str, usize)> = Vec::new();
    for other in facts.views().filter(|other| other.workload.name != view.workload.name) {
        let Some(value) = other.set(name) else { continue };
        match seen.iter_mut().find(|(known, _)| *known == value) {
            Some((_, count)) => *count += 1,
            None => seen.push((value, 1)),
        }
    }
    seen.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    seen.into_iter().map(|(value, _)| value).collect()
}

/// `NATS_URL=nats://…`: everything of TLS is passed over.
fn plain_url(view: &View<'_>, client: &Client, url: &str) -> Defect {
    let name = format!("{}_URL", client.prefix);
    let from = masked(url);
    // Several servers in one variable have a scheme each.
    let to = from.replace(&format!("{}://", client.plain), &format!("{}://", client.tls));
    let mut defect = Defect::new(view.name(), Some(client.link));
    defect.shows_as = &[
        K::UnknownAuthority,
        K::WrongSchemePlainToTls,
        K::ConnectionReset,
        K::ClientCertRequired,
        K::BadCertificate,
    ];
    if client.link == Link::Redis {
        defect.cause = Some((K::WrongSchemePlainToTls, None));
    }
    defect.because.push(format!(
        "{} has {name}={from}: with {}:// its {}_TLS_* variables count for nothing, and {} speaks TLS there",
        view.name(),
        client.plain,
        client.prefix,
        client.server
    ));
    defect.text = format!("in {} set {name} from {from} to {to}", view.name());
    defect.changes.push(view.variable_change(&name, Some(&to)));
    defect
}

/// The host or port of a URL that nobody else has.
fn address(facts: &Facts<'_>, view: &View<'_>, client: &Client, url: &str) -> Option<Defect> {
    let name = format!("{}_URL", client.prefix);
    let others = neighbours(facts, view, &name);
    let theirs = *others.first()?;
    let (mine, wanted) = (authority_of(url)?, authority_of(theirs)?);
    if mine == wanted || url.contains(',') || others.iter().any(|one| authority_of(one) == Some(mine)) {
        return None;
    }
    // A name that the project knows is a choice.
    let host = mine.rsplit_once(':').map_or(mine, |(host, _)| host);
    let port = |authority: &str| authority.rsplit_once(':').map(|(_, port)| port.to_owned());
    let known = facts
        .views()
        .any(|one| one.workload.name == host || one.workload.aliases.iter().any(|alias| alias == host));
    if known && port(mine) == port(wanted) {
        return None;
    }
    let from = masked(url);
    let to = from.replacen(mine, wanted, 1);
    let mut defect = Defect::new(view.name(), Some(client.link));
    defect.shows_as = &[K::Dns, K::ConnectionRefused, K::Timeout, K::HostnameMismatch, K::ConnectionReset];
    defect.because.push(format!("{} has {name}={from}; the others dial {wanted}", view.name()));
    defect.text = format!("in {} set {name} from {from} to {to}", view.name());
    defect.changes.push(view.variable_change(&name, Some(&to)));
    Some(defect)
}

/// A login in a URL that nobody else has: only the operator knows which one is right.
fn login(facts: &Facts<'_>, view: &View<'_>, client: &Client, url: &str) -> Option<Defect> {
    let of = |url: &str| {
        let rest = url.split_once("://").map_or("", |(_, rest)| rest).to_owned();
        rest.rsplit_once('@').map(|(login, _)| login.to_owned()).unwrap_or_default()
    };
    let name = format!("{}_URL", client.prefix);
    let others: Vec<String> = neighbours(facts, view, &name).iter().map(|url| of(url)).collect();
    let mine = of(url);
    if others.is_empty() || others.contains(&mine) {
        return None;
    }
    let mut defect = Defect::new(view.name(), Some(client.link));
    defect.shows_as = &[K::AuthNotTls];
    defect
        .because
        .push(format!("the login in {name} of {} is not the one that the others have", view.name()));
    defect.text = format!(
        "in {} put the login into {name} that {} was started with; the others have another one",
        view.name(),
        client.server
    );
    let mut change = view.variable_change(&name, None);
    change.from = Some(masked(url));
    defect.changes.push(change);
    Some(defect)
}

/// Host and port of a URL.
fn authority_of(url: &str) -> Option<&str> {
    let rest = url.split_once("://")?.1;
    let rest = rest.rsplit_once('@').map_or(rest, |(_, rest)| rest);
    rest.split(['/', '?', '#', ',']).next().filter(|text| !text.is_empty())
}

fn insecure(view: &View<'_>, client: &Client, name: &str) -> Defect {
    let mut defect = Defect::new(view.name(), Some(client.link));
    defect.shows_as = &[K::VerificationNotEnforced, K::OtherTls];
    defect.because.push(format!(
        "{} has {name} on: it takes any certificate for {}'s",
        view.name(),
        client.server
    ));
    defect.text = format!("take {name} away from {}", view.name());
    let mut change = view.variable_change(name, None);
    change.remove = true;
    defect.changes.push(change);
    defect
}

/// A CA file that does not verify what the server shows, where another one does.
pub(super) fn authority(
    facts: &Facts<'_>,
    view: &View<'_>,
    link: Link,
    server: &str,
    name: &str,
) -> Option<Defect> {
    let served = facts.served.get(&link);
    let verifies = |anchors: &[Vec<u8>]| {
        served.is_some_and(|chain| {
            let question = Question {
                presented: chain,
                anchors,
                spare: &[],
                names: &[],
                purpose: Purpose::Server,
                at: facts.now,
            };
            verify(&question).accepted
        })
    };
    let path = view.set(name);
    let others = neighbours(facts, view, name);
    // The same container's other CA files are worth a try as well.
    let own = ["NATS_TLS_CA", "REDIS_TLS_CA", "SAFETY_KERNEL_TLS_CA"];
    let candidates = others.iter().copied().chain(own.iter().filter_map(|name| view.set(name)));
    let stack = facts.stack_anchors();
    let good = |anchors: &[Vec<u8>]| match served {
        Some(_) => verifies(anchors),
        None => !stack.is_empty() && anchors == stack,
    };
    let mut defect = Defect::new(view.name(), Some(link));
    defect.shows_as = &[
        K::UnknownAuthority,
        K::BadSignature,
        K::BadKeyFile,
        K::InvalidCa,
        K::Expired,
        K::BadGateway,
        K::BadCertificate,
    ];
    let Some(path) = path else {
        // Not set: the system's roots are used, where the others name a file.
        let to = others.first().copied()?;
        let unset = view.is_core() || view.set(&name.replace("_CA", "_CERT")).is_some();
        if !unset || !facts.source(view.container, to).is_some_and(|source| good(&source.chain())) {
            return None;
        }
        defect.because.push(format!(
            "{} has no {name}: the system's roots count, and {server}'s CA is none of them",
            view.name()
        ));
        defect.text = format!("in {} set {name} to {to}", view.name());
        defect.changes.push(view.variable_change(name, Some(to)));
        return Some(defect);
    };
    let held = facts.shelf.read(view.container, path);
    let seen = match (&held, facts.source(view.container, path)) {
        (Held::Missing, _) => format!("{} does not exist", view.located(path)),
        (Held::NoFile, _) => format!("{} is no file", view.located(path)),
        (_, None) => return None,
        (_, Some(source)) => {
            let chain = source.chain();
            if chain.is_empty() {
                format!("{} holds no certificate", view.located(path))
            } else if good(&chain) || chain == stack || (served.is_none() && stack.is_empty()) {
                // What most of the clients trust, and the server is not of, is the server's matter.
                return None;
            } else {
                let subject = source.facts.first().map_or("", |one| one.called()).to_owned();
                let by = if served.is_some() {
                    format!("did not sign what {server} shows")
                } else {
                    "is not the CA that the others name".to_owned()
                };
                format!("{} holds the CA {subject}, which {by}", view.located(path))
            }
        }
    };
    let to = candidates.filter(|candidate| *candidate != path).find(|candidate| {
        facts.source(view.container, candidate).is_some_and(|source| good(&source.chain()))
    });
    defect.because.push(format!("{} has {name}={path}", view.name()));
    defect.because.push(seen);
    if let Some(to) = to {
        if served.is_some() {
            defect.because.push(format!("{} verifies what {server} shows", view.located(to)));
        }
        defect.text = format!("in {} set {name} from {path} to {to}", view.name());
        defect.changes.push(view.variable_change(name, Some(to)));
        return Some(defect);
    }
    let fits =
        |other: &View<'_>| facts.source(other.container, path).is_some_and(|source| good(&source.chain()));
    if let Some((target, from, to)) = pair::other_mount(facts, view, path, &fits) {
        defect.text = mount_text(facts, view, &target, &from, &to);
        defect.changes.push(view.mount_change(&target, &from, &to));
        return Some(defect);
    }
    // Nothing verifies: it is the server's certificate then, unless the file itself is none.
    let broken = !matches!(held, Held::Bytes(_))
        || facts.source(view.container, path).is_some_and(|source| source.chain().is_empty());
    if !broken {
        return None;
    }
    let host = view.host(path).unwrap_or_else(|| path.to_owned());
    defect.file = Some(host.clone());
    defect.text = format!("put the CA certificate of the stack into {}", facts.shown(&host));
    defect.changes.push(file_change(
        view,
        &host,
        "the CA certificate that signed the stack's certificates",
        facts,
    ));
    defect.restart.push(view.name());
    Some(defect)
}

/// What is to be mounted instead.
pub(super) fn mount_text(facts: &Facts<'_>, view: &View<'_>, target: &str, from: &str, to: &str) -> String {
    format!(
        "in {} mount {} at {target} instead of {}, as the others do",
        view.name(),
        facts.shown(to),
        facts.shown(from)
    )
}

/// A file that has to hold something else.
pub(super) fn file_change(view: &View<'_>, host: &str, to: &str, facts: &Facts<'_>) -> Change {
    use crate::remedy::ChangeKind;
    Change::new(view.name(), ChangeKind::File, facts.shown(host)).values(None, Some(to))
}

/// The client certificate that a service shows.
fn identity(
    facts: &Facts<'_>,
    view: &View<'_>,
    client: &Client,
    cert_name: &str,
    key_name: &str,
) -> Option<Defect> {
    let stack = facts.stack_anchors();
    let role = Role { purpose: Purpose::Client, anchors: &stack, names: &[] };
    let (cert, key) = (view.set(cert_name), view.set(key_name));
    let mut defect = Defect::new(view.name(), Some(client.link));
    defect.shows_as = &[
        K::ClientCertRequired,
        K::BadCertificate,
        K::UnknownAuthority,
        K::BadSignature,
        K::Expired,
        K::NotYetValid,
        K::WrongKeyUsage,
        K::KeyMismatch,
        K::BadKeyFile,
        K::ConnectionReset,
    ];
    let named = || -> Vec<(String, String)> {
        let certs = neighbours(facts, view, cert_name);
        let keys = neighbours(facts, view, key_name);
        certs.into_iter().zip(keys).map(|(cert, key)| (cert.to_owned(), key.to_owned())).collect()
    };
    let (present, fault) = match (cert, key) {
        (Some(cert), Some(key)) => match judge(facts, view, (cert, key), role) {
            Ok(_) | Err(None) => return None,
            Err(Some(fault)) => ((cert, key), Some(fault)),
        },
        (None, None) => {
            // Who asks for none needs none; a half-set or emptied pair is no choice.
            let emptied = view.variable(cert_name).is_some() || view.variable(key_name).is_some();
            if !emptied && (client.link == Link::Redis || neighbours(facts, view, cert_name).is_empty()) {
                return None;
            }
            (("", ""), None)
        }
        (cert, key) => ((cert.unwrap_or(""), key.unwrap_or("")), None),
    };
    let seen = match &fault {
        Some(fault) => {
            defect.cause = match fault.cause {
                K::UnknownAuthority | K::BadSignature => None,
                cause => Some((cause, fault.variant)),
            };
            defect.file = view.host(&fault.path);
            fault.seen.clone()
        }
        None if present.0.is_empty() && present.1.is_empty() => {
            format!("{cert_name} and {key_name} are empty: it shows no certificate")
        }
        None => {
            let missing = if present.0.is_empty() { cert_name } else { key_name };
            defect.cause = Some((K::BadKeyFile, Some(Variant::HalfPair)));
            format!("{missing} is empty, the other of the pair is set")
        }
    };
    defect.because.push(format!("{} {}", view.name(), described(cert_name, present.0)));
    defect.because.push(seen);
    if let Some((cert, key, source)) = pair::instead(facts, view, present, &named(), role) {
        defect.because.push(format!("{} is {}", view.located(&cert), pair::valid_until(&source)));
        let (changes, text) = pair_changes(view, (cert_name, key_name), present, (&cert, &key));
        defect.changes = changes;
        defect.text = text;
        return Some(defect);
    }
    let fits = |other: &View<'_>| judge(facts, other, present, role).is_ok();
    if let Some((target, from, to)) = pair::other_mount(facts, view, present.0, &fits) {
        defect.text = mount_text(facts, view, &target, &from, &to);
        defect.changes.push(view.mount_change(&target, &from, &to));
        return Some(defect);
    }
    let fault = fault?;
    let host = view.host(&fault.path).unwrap_or_else(|| fault.path.clone());
    defect.file = Some(host.clone());
    let wanted = wanted(&fault.path, cert_name, present.0, "clientAuth");
    defect.text = format!(
        "put {wanted} in place of {}: it was issued by the CA that signs the others",
        facts.shown(&host)
    );
    defect.changes.push(file_change(view, &host, &wanted, facts));
    defect.restart.push(view.name());
    Some(defect)
}

/// What a file of a pair has to hold.
pub(super) fn wanted(path: &str, _name: &str, cert: &str, purpose: &str) -> String {
    if path == cert {
        format!("one new certificate of the same CA ({purpose}) for the key beside it")
    } else {
        "the private key that belongs to the certificate beside it".to_owned()
    }
}

fn described(name: &str, value: &str) -> String {
    if value.is_empty() { format!("has no {name}") } else { format!("has {name}={value}") }
}

/// Both variables of a pair, as far as they change.
pub(super) fn pair_changes(
    view: &View<'_>,
    (cert_name, key_name): (&str, &str),
    present: (&str, &str),
    wanted: (&str, &str),
) -> (Vec<Change>, String) {
    let mut changes = Vec::new();
    let mut words = Vec::new();
    for (name, from, to) in [(cert_name, present.0, wanted.0), (key_name, present.1, wanted.1)] {
        if from != to {
            changes.push(view.variable_change(name, Some(to)));
            words.push(match from {
                "" => format!("{name} to {to}"),
                from => format!("{name} from {from} to {to}"),
            });
        }
    }
    (changes, format!("in {} set {}", view.name(), words.join(", and ")))
}

/// The name that a service verifies instead of the host of its URL.
fn server_name(facts: &Facts<'_>, view: &View<'_>, client: &Client, name: &str) -> Option<Defect> {
    let wanted = view.set(name)?;
    let leaf = facts.served.get(&client.link)?.first()?;
    let leaf = crate::certificates::Facts::read("", 0, leaf).ok()?;
    let parsed = leaf.parsed().ok()?;
    if matches_name(&parsed, wanted).is_ok() {
        return None;
    }
    let mut defect = Defect::new(view.name(), Some(client.link));
    defect.shows_as = &[K::HostnameMismatch];
    defect.because.push(format!("{} has {name}={wanted}", view.name()));
    defect.because.push(format!("{}'s certificate is for {}", client.server, leaf.sans.join(", ")));
    let url = view.set(&format!("{}_URL", client.prefix)).and_then(authority_of);
    let host = url.map(|url| url.rsplit_once(':').map_or(url, |(host, _)| host))?;
    let mut change = view.variable_change(name, None);
    if matches_name(&parsed, host).is_ok() {
        change.remove = true;
        defect.text = format!(
            "take {name} away from {}: the host of its URL, {host}, is in the certificate",
            view.name()
        );
    } else {
        let to = leaf.sans.first()?;
        change.to = Some(to.clone());
        defect.text = format!("in {} set {name} from {wanted} to {to}", view.name());
    }
    defect.changes.push(change);
    Some(defect)
}

/// The gateway's and the scheduler's trust in the safety kernel.
fn kernel(facts: &Facts<'_>, view: &View<'_>) -> Option<Defect> {
    if !matches!(view.role(), "api-gateway" | "scheduler") {
        return None;
    }
    let name = "SAFETY_KERNEL_TLS_CA";
    let mut defect = authority(facts, view, Link::SafetyKernel, "the safety kernel", name)?;
    defect.cause = Some((K::UnknownAuthority, None)).filter(|_| view.set(name).is_some());
    Some(defect)
}
