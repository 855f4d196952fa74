//! The CA that a client trusts.

use super::neighbours;
use crate::certificates::{ChainUnderTest, chains_at_start, verify};
use crate::link::Link;
use crate::remedy::Change;
use crate::remedy::choose::context::{CureContext, Held};
use crate::remedy::choose::pair;
use crate::remedy::choose::view::WorkloadView;
use crate::remedy::choose::{Defect, DefectKind};
use crate::x509::Purpose;

/// A CA file that does not verify what the server shows, where another one does.
pub(crate) fn authority(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    link: Link,
    server: &str,
    name: &str,
) -> Option<Defect> {
    let served = facts.served.get(&link);
    let others = neighbours(facts, view, name);
    let stack = facts.stack_anchors();
    let good = |anchors: &[Vec<u8>]| match served {
        Some(chain) => verifies(facts, chain, anchors),
        None => !stack.is_empty() && anchors == stack,
    };
    let mut defect = Defect::new(DefectKind::OtherAuthority, view.name(), Some(link));
    let Some(path) = view.set(name) else {
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
    // What most of the clients trust, and the server is not of, is the server's matter.
    let fine = |chain: &[Vec<u8>]| good(chain) || chain == stack || (served.is_none() && stack.is_empty());
    let seen = not_fine(facts, view, path, &fine, served.is_some().then_some(server))?;
    defect.because.push(format!("{} has {name}={path}", view.name()));
    defect.because.push(seen);
    // The same container's other CA files are worth a try as well.
    let own = ["NATS_TLS_CA", "REDIS_TLS_CA", "SAFETY_KERNEL_TLS_CA"];
    let candidates = others.iter().copied().chain(own.iter().filter_map(|name| view.set(name)));
    let to = candidates.filter(|candidate| *candidate != path).find(|candidate| {
        facts.source(view.container, candidate).is_some_and(|source| good(&source.chain()))
    });
    if let Some(to) = to {
        if served.is_some() {
            defect.because.push(format!("{} verifies what {server} shows", view.located(to)));
        }
        defect.text = format!("in {} set {name} from {path} to {to}", view.name());
        defect.changes.push(view.variable_change(name, Some(to)));
        return Some(defect);
    }
    let fits = |other: &WorkloadView<'_>| {
        facts.source(other.container, path).is_some_and(|source| good(&source.chain()))
    };
    if let Some((target, from, to)) = pair::other_mount(facts, view, path, &fits) {
        defect.text = mount_text(facts, view, &target, &from, &to);
        defect.changes.push(view.mount_change(&target, &from, &to));
        return Some(defect);
    }
    if view.strays(path) {
        return None;
    }
    // Nothing verifies: it is the server's certificate then, unless the file itself is none.
    let broken = !matches!(facts.shelf.read(view.container, path), Held::Bytes(_))
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

/// Whether anchors verify what a server showed, whatever its names.
fn verifies(facts: &CureContext<'_>, presented: &[Vec<u8>], anchors: &[Vec<u8>]) -> bool {
    let (purpose, at) = (Purpose::Server, facts.now);
    verify(&ChainUnderTest { presented, anchors, candidates: &[], names: &[], purpose, at }).accepted
}

/// What is wrong with a CA file, in words; `None`: nothing, or nobody can tell. `shows`: the server that showed a
/// certificate which the file has to verify.
fn not_fine(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    path: &str,
    fine: &dyn Fn(&[Vec<u8>]) -> bool,
    shows: Option<&str>,
) -> Option<String> {
    let at = view.located(path);
    match facts.shelf.read(view.container, path) {
        Held::Missing => return Some(format!("{at} does not exist")),
        Held::NoFile => return Some(format!("{at} is no file")),
        Held::Unknown if view.strays(path) => return Some(format!("{at} {}", pair::STRAYS)),
        Held::Bytes(bytes) if !bytes.is_empty() && !pair::is_pem(&bytes) => {
            return Some(format!("{at} {}", pair::NO_PEM));
        }
        Held::Bytes(_) | Held::Forbidden | Held::Unknown => {}
    }
    let source = facts.source(view.container, path)?;
    let chain = source.chain();
    if chain.is_empty() {
        return Some(format!("{at} holds no certificate"));
    }
    if fine(&chain) {
        return None;
    }
    let subject = source.facts.first().map_or("", |one| one.called());
    Some(match shows {
        Some(server) => format!("{at} holds the CA {subject}, which did not sign what {server} shows"),
        None => format!("{at} holds the CA {subject}, which is not the CA that the others name"),
    })
}

/// What is to be mounted instead.
pub(crate) fn mount_text(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    target: &str,
    from: &str,
    to: &str,
) -> String {
    format!(
        "in {} mount {} at {target} instead of {}, as the others do",
        view.name(),
        facts.shown(to),
        facts.shown(from)
    )
}

/// The CA that signed a service's certificate is in its CA file, and not the first there: Cordum's services look at the
/// first alone before they connect.
pub(super) fn not_first(
    facts: &CureContext<'_>,
    view: &WorkloadView<'_>,
    link: Link,
    cert_name: &str,
    ca_name: &str,
) -> Option<Defect> {
    let (cert, ca) = (view.set(cert_name)?, view.set(ca_name)?);
    let (pair, trusted) = (facts.source(view.container, cert)?, facts.source(view.container, ca)?);
    let (leaf, first) = (pair.facts.first()?, trusted.facts.first()?);
    if !view.is_core() || chains_at_start(leaf, first) {
        return None;
    }
    let mut others = trusted.facts.iter().skip(1).chain(pair.facts.iter().skip(1));
    let issuer = others.find(|one| chains_at_start(leaf, one))?;
    let host = view.host(ca)?;
    let mut defect = Defect::new(DefectKind::AuthorityNotFirst, view.name(), Some(link));
    defect.file = Some(host.clone());
    defect.because.push(format!(
        "the first certificate in {} is that of {}; {} is issued by {}",
        view.located(ca),
        first.called(),
        view.located(cert),
        issuer.called()
    ));
    defect.because.push("before they connect, Cordum's services look at the first alone".to_owned());
    defect.text = format!(
        "put the certificate of {} first in {}, before that of {}",
        issuer.called(),
        facts.shown(&host),
        first.called()
    );
    let wanted = format!("the same certificates, that of {} first", issuer.called());
    defect.changes.push(file_change(view, &host, &wanted, facts));
    // For NATS, Redis and nginx the order means nothing.
    let core = |name: &String| facts.views().any(|view| view.name() == *name && view.is_core());
    defect.restart = super::super::server::readers(facts, &host).into_iter().filter(core).collect();
    Some(defect)
}

/// A file that has to hold something else.
pub(crate) fn file_change(view: &WorkloadView<'_>, host: &str, to: &str, facts: &CureContext<'_>) -> Change {
    use crate::remedy::ChangeKind;
    Change::new(view.name(), ChangeKind::File, facts.shown(host)).values(None, Some(to))
}
