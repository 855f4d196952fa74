//! The dashboard's way to the gateway: nginx with a scheme, a host and a CA file at a fixed path.

use super::client::mount_text;
use super::context::{CureContext, Held};
use super::pair;
use super::view::WorkloadView;
use super::{Defect, DefectKind};
use crate::cause::CauseKind as K;
use crate::certificates::{self, ChainUnderTest, verify};
use crate::link::Link;
use crate::remedy::{Change, ChangeKind};
use crate::workload::MountSource;
use crate::x509::{Purpose, matches_name};

/// Where the dashboard's entry point looks for the CA.
const CA: &str = "/etc/cordum/tls/ca/ca.crt";

/// The gateway's name in the project's network, and in its certificate.
const USUAL: &str = "cordum-api-gateway";

/// What is wrong at the dashboard.
#[must_use]
pub(super) fn inspect(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Vec<Defect> {
    if view.role() != "dashboard" {
        return Vec::new();
    }
    let gateway = facts.view("api-gateway");
    let tls = gateway.as_ref().is_some_and(|gateway| {
        gateway.set("GATEWAY_HTTP_TLS_CERT").is_some() && gateway.set("GATEWAY_HTTP_TLS_KEY").is_some()
    });
    let name = "CORDUM_API_UPSTREAM_SCHEME";
    let scheme = view.set(name).unwrap_or("http");
    let mut found = Vec::new();
    if tls && scheme == "http" {
        let mut defect = Defect::new(DefectKind::ProxyDialsPlain, view.name(), Some(Link::Dashboard));
        let has =
            view.variable(name).map_or_else(|| format!("has no {name}"), |_| format!("has {name}={scheme}"));
        defect.because.push(format!("{} {has}, and the gateway speaks TLS", view.name()));
        let (change, from) = (view.variable_change(name, Some("https")), scheme);
        defect.text = format!("in {} set {name} from {from} to https", view.name());
        defect.changes.push(change);
        found.push(defect);
        return found;
    }
    if tls {
        found.extend(host(facts, view));
        found.extend(authority(facts, view));
    }
    found
}

/// The host that nginx dials is the name that it verifies.
fn host(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Option<Defect> {
    let name = "CORDUM_API_UPSTREAM_HOST";
    let wanted = view.set(name)?;
    let leaf = facts.served.get(&Link::Gateway)?.first()?;
    let leaf = certificates::CertificateSummary::read("", 0, leaf).ok()?;
    let parsed = leaf.parsed().ok()?;
    if matches_name(&parsed, wanted).is_ok() || matches_name(&parsed, USUAL).is_err() {
        return None;
    }
    let mut defect = Defect::new(DefectKind::ProxyNamesOther, view.name(), Some(Link::Dashboard));
    defect.because.push(format!("{} has {name}={wanted}", view.name()));
    defect.because.push(format!("the gateway's certificate is for {}", leaf.sans.join(", ")));
    defect.text = format!("in {} set {name} from {wanted} to {USUAL}", view.name());
    defect.changes.push(view.variable_change(name, Some(USUAL)));
    Some(defect)
}

/// The CA that it verifies the gateway with.
fn authority(facts: &CureContext<'_>, view: &WorkloadView<'_>) -> Option<Defect> {
    let stack = facts.stack_anchors();
    let good = |chain: &[Vec<u8>]| match facts.served.get(&Link::Gateway) {
        Some(served) => {
            let question = ChainUnderTest {
                presented: served,
                anchors: chain,
                candidates: &[],
                names: &[],
                purpose: Purpose::Server,
                at: facts.now,
            };
            verify(&question).accepted
        }
        None => !stack.is_empty() && chain == stack,
    };
    let mut defect = Defect::new(DefectKind::ProxyTrustsOther, view.name(), Some(Link::Dashboard));
    let fits = |other: &WorkloadView<'_>| {
        facts
            .source(other.container, CA)
            .is_some_and(|source| !source.chain().is_empty() && good(&source.chain()))
    };
    let seen = match facts.shelf.read(view.container, CA) {
        Held::Missing => format!("{} does not exist: nginx verifies nothing", view.located(CA)),
        Held::Unknown if view.container.mount_of(CA).is_none() => {
            format!("nothing is mounted at {CA}: nginx verifies nothing")
        }
        Held::Bytes(_) => {
            let source = facts.source(view.container, CA)?;
            let chain = source.chain();
            if chain.is_empty() || good(&chain) {
                return None;
            }
            // Where the others' CA does not verify the gateway either, the gateway is at fault.
            if !facts.views().any(|other| fits(&other)) {
                return None;
            }
            let subject = source.facts.first().map_or("", |one| one.called()).to_owned();
            format!(
                "{} holds the CA {subject}, which did not sign the gateway's certificate",
                view.located(CA)
            )
        }
        Held::Forbidden | Held::NoFile | Held::Unknown => return None,
    };
    let missing = matches!(facts.shelf.read(view.container, CA), Held::Missing | Held::Unknown);
    defect.cause =
        Some(if missing { (K::VerificationNotEnforced, None) } else { (K::UnknownAuthority, None) });
    defect.because.push(seen);
    if let Some((target, from, to)) = pair::other_mount(facts, view, CA, &fits) {
        defect.text = mount_text(facts, view, &target, &from, &to);
        defect.changes.push(view.mount_change(&target, &from, &to));
        return Some(defect);
    }
    // What it mounts brings no such file: what the others mount does.
    let folder = facts.views().find_map(|other| {
        let mount = other.container.mount_of(CA).filter(|_| fits(&other))?;
        match &mount.source {
            MountSource::Host(source) => Some((mount.target.clone(), source.clone())),
            _ => None,
        }
    });
    let (target, source) = folder?;
    let place = facts.written(view.workload).and_then(|one| one.place.clone());
    defect.text = format!("in {} mount {} at {target}, as the others do", view.name(), facts.shown(&source));
    defect.changes.push(
        Change::new(view.name(), ChangeKind::Mount, target)
            .values(None, Some(&facts.shown(&source)))
            .at(place),
    );
    Some(defect)
}
