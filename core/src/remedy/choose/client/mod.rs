//! The client's side of the links to NATS, Redis and the safety kernel.

mod authority;
mod identity;

use super::context::CureContext;
use super::view::{WorkloadView, masked};
use super::{Defect, DefectKind};
use crate::cause::CauseKind as K;
use crate::link::Link;
use crate::wiring::SERVERS;
use crate::x509::matches_name;
use authority::not_first;
pub(super) use authority::{authority, file_change, mount_text};
pub(super) use identity::from_elsewhere;
use identity::identity;

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
pub(super) fn inspect(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Vec<Defect> {
    let mut found = Vec::new();
    for client in [&NATS, &REDIS] {
        if let Some(url) = view.set(&format!("{}_URL", client.prefix)) {
            found.extend(of_link(facts, view, client, url));
        }
    }
    if matches!(view.role(), "api-gateway" | "scheduler") {
        found.extend(kernel_address(facts, view));
        found.extend(kernel(facts, view));
    }
    found
}

fn of_link(facts: &CureContext<'_>, view: &WorkloadView<'_>, client: &Client, url: &str) -> Vec<Defect> {
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
    found.extend(not_first(facts, view, client.link, &name("CERT"), &name("CA")));
    found.extend(server_name(facts, view, client, &name("SERVER_NAME")));
    found
}

/// Whether most of the neighbours dial the link in TLS.
fn others_speak_tls(facts: &CureContext<'_>, view: &WorkloadView<'_>, client: &Client) -> bool {
    let schemes: Vec<&str> = neighbours(facts, view, &format!("{}_URL", client.prefix))
        .iter()
        .filter_map(|url| url.split("://").next())
        .collect();
    let tls = schemes.iter().filter(|scheme| **scheme == client.tls).count();
    tls > 0 && tls * 2 > schemes.len()
}

/// What the others have in a variable, the most frequent first.
pub(super) fn neighbours<'a>(facts: &CureContext<'a>, view: &WorkloadView<'_>, name: &str) -> Vec<&'a str> {
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
fn plain_url(view: &WorkloadView<'_>, client: &Client, url: &str) -> Defect {
    let name = format!("{}_URL", client.prefix);
    let from = masked(url);
    // Several servers in one variable have a scheme each.
    let to = from.replace(&format!("{}://", client.plain), &format!("{}://", client.tls));
    let mut defect = Defect::new(DefectKind::PlainUrl, view.name(), Some(client.link));
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
fn address(facts: &CureContext<'_>, view: &WorkloadView<'_>, client: &Client, url: &str) -> Option<Defect> {
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
    let mut defect = Defect::new(DefectKind::OtherAddress, view.name(), Some(client.link));
    defect.because.push(format!("{} has {name}={from}; the others dial {wanted}", view.name()));
    defect.text = format!("in {} set {name} from {from} to {to}", view.name());
    defect.changes.push(view.variable_change(&name, Some(&to)));
    Some(defect)
}

/// A login in a URL that nobody else has: only the operator knows which one is right.
fn login(facts: &CureContext<'_>, view: &WorkloadView<'_>, client: &Client, url: &str) -> Option<Defect> {
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
    let mut defect = Defect::new(DefectKind::OtherLogin, view.name(), Some(client.link));
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

fn insecure(view: &WorkloadView<'_>, client: &Client, name: &str) -> Defect {
    let mut defect = Defect::new(DefectKind::VerificationOff, view.name(), Some(client.link));
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

/// The name that a service verifies instead of the host of its URL.
fn server_name(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    client: &Client,
    name: &str,
) -> Option<Defect> {
    let wanted = view.set(name)?;
    let leaf = facts.served.get(&client.link)?.first()?;
    let leaf = crate::certificates::CertificateSummary::read("", 0, leaf).ok()?;
    let parsed = leaf.parsed().ok()?;
    if matches_name(&parsed, wanted).is_ok() {
        return None;
    }
    let mut defect = Defect::new(DefectKind::OtherServerName, view.name(), Some(client.link));
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

/// Where the gateway and the scheduler dial the safety kernel: a name that nobody has, or a port where it does not listen.
fn kernel_address(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Option<Defect> {
    const NAME: &str = "SAFETY_KERNEL_ADDR";
    let from = view.set(NAME)?;
    let mine = crate::wiring::address(from)?;
    let server = facts.views().find(|one| one.role() == "safety-kernel")?;
    let listens = match server.set(NAME) {
        Some(own) => crate::wiring::address(own)?.port?,
        None => SERVERS.iter().find(|one| one.link == Link::SafetyKernel)?.port,
    };
    let is_its =
        |host: &str| server.workload.name == host || server.workload.aliases.iter().any(|one| one == host);
    let others = neighbours(facts, view, NAME);
    let theirs = others.iter().copied().find(|other| {
        crate::wiring::address(other)
            .is_some_and(|one| one.port == Some(listens) && one.host.as_deref().is_some_and(is_its))
    });
    let to = match mine.host.as_deref()? {
        host if is_its(host) && mine.port != Some(listens) => format!("{host}:{listens}"),
        // A name that this project does not know is another kernel, unless the others dial this one.
        host if !is_its(host) => theirs?.to_owned(),
        _ => return None,
    };
    let mut defect = Defect::new(DefectKind::OtherAddress, view.name(), Some(Link::SafetyKernel));
    defect.because.push(format!("{} has {NAME}={from}; {} listens at {listens}", view.name(), server.name()));
    defect.text = format!("in {} set {NAME} from {from} to {to}", view.name());
    defect.changes.push(view.variable_change(NAME, Some(&to)));
    Some(defect)
}

/// The gateway's and the scheduler's trust in the safety kernel.
fn kernel(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Option<Defect> {
    let name = "SAFETY_KERNEL_TLS_CA";
    let mut defect = authority(facts, view, Link::SafetyKernel, "the safety kernel", name)?;
    defect.cause = Some((K::UnknownAuthority, None)).filter(|_| view.set(name).is_some());
    Some(defect)
}
