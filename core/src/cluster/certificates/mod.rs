//! The certificates in the stack's Secrets, judged by the role in which they are mounted: what each server shows and
//! each client verifies it with, and the other way round.

mod ended;
mod renewal;
mod unusable;

use std::collections::{BTreeMap, BTreeSet};

use super::connections::{Connection, ConnectionTarget, known};
use super::cure::{Fix, Kubectl, change};
use super::fault::{ClusterFault, OriginIdentity};
use super::secrets::{self, PathContent, SecretEntry};
use crate::cause::{CauseKind, Side, Variant};
use crate::evidence::SecretFact;
use crate::link::Link;
use crate::remedy::ChangeKind;
use crate::workload::Workload;
use crate::workload::kubernetes::{Cluster, service_of};
use crate::x509::{self, CandidatePool, ChainRefusal, Parsed, Purpose, VerifyOptions};
pub(super) use renewal::readers;
use renewal::renewal;
pub(super) use unusable::fill;
use unusable::unusable;

/// A refusal, and the Secrets on both ends.
#[derive(Clone, Debug)]
struct RefusedChain {
    refusal: ChainRefusal,
    /// What was shown.
    shown: SecretEntry,
    /// What it was verified with.
    trusted: SecretEntry,
    /// Who meets it: `scheduler`, or a server's own peers.
    client: String,
    target: ConnectionTarget,
    /// The client's certificate was refused, not the server's.
    of_client: bool,
    /// The name that was looked for, and whether the server is known by it.
    name: Option<(super::connections::Name, bool)>,
}

/// Faults of Secrets and of the names that clients verify.
#[must_use]
pub(super) fn faults(
    cluster: &Cluster,
    connections: &[Connection<'_>],
    now: i64,
    kubectl: &Kubectl,
) -> Vec<ClusterFault> {
    let authorities = Authorities::of(connections);
    let mut refused: Vec<RefusedChain> = Vec::new();
    for connection in connections {
        if connection.server_tls == Some(false) || connection.client_tls == Some(false) {
            continue;
        }
        verify(connection, now, &mut refused);
    }
    let mut faults: BTreeMap<OriginIdentity, ClusterFault> = BTreeMap::new();
    let mut told: BTreeSet<(SecretEntry, String, bool)> = BTreeSet::new();
    let (ended, refused): (Vec<_>, Vec<_>) =
        refused.into_iter().partition(|one| one.refusal.variant == Some(Variant::ExpiredCa));
    for one in &refused {
        let mut fault = fault(cluster, connections, &authorities, one, kubectl);
        // The same of another client says nothing new.
        if !told.insert((one.shown.clone(), one.refusal.reason.clone(), one.of_client)) {
            fault.because.clear();
        }
        let known = faults.entry(fault.identity()).or_insert_with(|| fault.clone());
        known.breaks.extend(fault.breaks);
        for fact in fault.because {
            known.add(fact);
        }
    }
    let mut faults: Vec<ClusterFault> = faults.into_values().collect();
    together(&mut faults);
    faults.extend(ended::authority(cluster, connections, &ended, kubectl));
    faults.extend(unusable(cluster, connections, kubectl));
    faults
}

/// A certificate that lacks a name and a purpose is one that is made anew once.
fn together(faults: &mut Vec<ClusterFault>) {
    let of = |fault: &ClusterFault, cause| fault.cause == Some(cause) && fault.place.starts_with("secret/");
    let (purposes, mut others): (Vec<_>, Vec<_>) =
        std::mem::take(faults).into_iter().partition(|one| of(one, CauseKind::WrongKeyUsage));
    for purpose in purposes {
        let same = |one: &&mut ClusterFault| {
            of(one, CauseKind::HostnameMismatch)
                && one.place == purpose.place
                && one.breaks.contains("certificates")
        };
        match others.iter_mut().find(same) {
            Some(name) => {
                name.breaks.extend(purpose.breaks);
                purpose.because.into_iter().for_each(|fact| name.add(fact));
            }
            None => others.push(purpose),
        }
    }
    *faults = others;
}

/// What a refusal shows.
fn refused_fact(one: &RefusedChain) -> SecretFact {
    SecretFact::Refused {
        shown: one.shown.clone(),
        reason: one.refusal.reason.clone(),
        of_client: one.of_client,
        whose: if one.of_client { one.client.clone() } else { one.target.word().to_owned() },
        trusted: one.trusted.clone(),
    }
}

/// All that a connection's two ends make of each other's certificates.
fn verify(connection: &Connection<'_>, now: i64, refused: &mut Vec<RefusedChain>) {
    let certificates = |file: &Option<super::connections::NamedFile>| -> Option<(SecretEntry, Vec<Parsed>)> {
        match &file.as_ref()?.found {
            PathContent::Certificates(key, all) => Some((key.clone(), all.clone())),
            _ => None,
        }
    };
    let shown = certificates(&connection.certificate);
    let trusted = certificates(&connection.ca);
    let client = service_of(connection.client).to_owned();
    let named = |name: &super::connections::Name| {
        let own = connection.server.aliases.contains(&name.name);
        let member = connection.server.aliases.iter().any(|alias| name.name.ends_with(&format!(".{alias}")));
        own || member || name.name == service_of(connection.server)
    };
    if let (Some((shown_key, chain)), Some((trusted_key, roots)), None) =
        (&shown, &trusted, &connection.unverified)
    {
        let mut note = |refusal: ChainRefusal, name: Option<&super::connections::Name>| {
            refused.push(RefusedChain {
                refusal,
                shown: shown_key.clone(),
                trusted: trusted_key.clone(),
                client: client.clone(),
                target: connection.target,
                of_client: false,
                name: name.map(|name| (name.clone(), named(name))),
            });
        };
        match verdict(chain, roots, None, Purpose::Server, now) {
            Err(refusal) => note(refusal, None),
            Ok(()) => {
                for name in &connection.names {
                    if let Err(refusal) = verdict(chain, roots, Some(&name.name), Purpose::Server, now) {
                        note(refusal, Some(name));
                    }
                }
            }
        }
    }
    let identity = certificates(&connection.identity);
    let mut note = |refusal: ChainRefusal, trusted: &SecretEntry, shown: &SecretEntry| {
        refused.push(RefusedChain {
            refusal,
            shown: shown.clone(),
            trusted: trusted.clone(),
            client: client.clone(),
            target: connection.target,
            of_client: true,
            name: None,
        });
    };
    if let (Some((key, chain)), Some((ca, roots))) = (&identity, &certificates(&connection.client_ca))
        && let Err(refusal) = verdict(chain, roots, None, Purpose::Client, now)
    {
        note(refusal, ca, key);
    } else if let (Some((key, chain)), Some((ca, roots)), ConnectionTarget::Link(_)) =
        (&identity, &trusted, connection.target)
    {
        // Cordum's clients check their own pair before they dial: the first certificate of each file.
        let chain = &chain[..1];
        let roots = &roots[..1];
        if let Err(refusal) = verdict(chain, roots, None, Purpose::Client, now)
            && refusal.cause != CauseKind::NotYetValid
            && refusal.variant != Some(Variant::ExpiredCa)
        {
            note(refusal, ca, key);
        }
    }
}

fn verdict(
    chain: &[Parsed],
    roots: &[Parsed],
    name: Option<&str>,
    purpose: Purpose,
    now: i64,
) -> Result<(), ChainRefusal> {
    let Some((leaf, rest)) = chain.split_first() else { return Ok(()) };
    let options = VerifyOptions { at: now, name, purpose };
    match x509::verify(leaf, rest, roots, &options) {
        Ok(_) => Ok(()),
        Err(refusal) => {
            let around = CandidatePool { leaf, intermediates: rest, anchors: roots, candidates: &[] };
            Err(x509::explain(&refusal, around))
        }
    }
}

/// Which authority each file is of, and how many files of the stack are of it.
struct Authorities {
    /// Of a Secret's key, by what stands for its authority.
    of: BTreeMap<SecretEntry, String>,
    votes: BTreeMap<String, usize>,
}

impl Authorities {
    fn of(connections: &[Connection<'_>]) -> Self {
        let mut files: BTreeMap<SecretEntry, Vec<Parsed>> = BTreeMap::new();
        for connection in connections {
            let all = [&connection.ca, &connection.identity, &connection.certificate, &connection.client_ca];
            for file in all.into_iter().flatten() {
                if let PathContent::Certificates(key, certificates) = &file.found {
                    files.entry(key.clone()).or_insert_with(|| certificates.clone());
                }
            }
        }
        let roots: Vec<Parsed> = files
            .values()
            .flatten()
            .filter(|one| one.is_ca == Some(true) && one.is_self_issued())
            .cloned()
            .collect();
        let mut of = BTreeMap::new();
        let mut votes: BTreeMap<String, usize> = BTreeMap::new();
        for (key, certificates) in files {
            let Some(leaf) = certificates.first() else { continue };
            let signs = |root: &&Parsed| {
                root.der == leaf.der
                    || verdict(
                        &certificates,
                        std::slice::from_ref(root),
                        None,
                        Purpose::Any,
                        leaf.not_before + 1,
                    )
                    .is_ok()
            };
            let authority = match roots.iter().find(signs) {
                Some(root) => hex(root.spki()),
                None => format!("issuer {}", leaf.issuer),
            };
            *votes.entry(authority.clone()).or_default() += 1;
            of.insert(key, authority);
        }
        Self { of, votes }
    }

    fn votes(&self, key: &SecretEntry) -> usize {
        self.of.get(key).and_then(|authority| self.votes.get(authority)).copied().unwrap_or_default()
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// From a refusal to the fault behind it: the Secret that is the odd one, or the name that a client asks for.
fn fault(
    cluster: &Cluster,
    connections: &[Connection<'_>],
    authorities: &Authorities,
    one: &RefusedChain,
    kubectl: &Kubectl,
) -> ClusterFault {
    let ChainRefusal { cause, variant, reason, .. } = &one.refusal;
    if let Some((name, false)) = &one.name
        && *cause == CauseKind::HostnameMismatch
        && let Some(connection) = connections
            .iter()
            .find(|other| service_of(other.client) == one.client && other.target == one.target)
    {
        return misnamed(connections, connection, name, reason, kubectl);
    }
    let distrust = matches!(cause, CauseKind::UnknownAuthority | CauseKind::BadSignature);
    let trusts_another = distrust && authorities.votes(&one.trusted) < authorities.votes(&one.shown);
    let odd = if trusts_another { &one.trusted } else { &one.shown };
    let side = if one.of_client || trusts_another { Side::Client } else { Side::Server };
    let cure = renewal(cluster, connections, authorities, odd, *cause, kubectl);
    ClusterFault::new(Some(*cause), format!("secret/{}", odd.secret))
        .variant(*variant)
        .on(side)
        .because(refused_fact(one))
        .cure(cure)
        .breaks(&["certificates"])
        .breaks(broken_by(one, trusts_another))
        .breaks(&if one.of_client || trusts_another || one.name.is_some() {
            Vec::new()
        } else {
            undialled(cluster, &one.shown)
        })
}

/// Checks of listeners that no service of the stack dials, and that show this file: whoever dials them refuses what the
/// others refuse.
fn undialled(cluster: &Cluster, shown: &SecretEntry) -> Vec<&'static str> {
    const LISTENERS: &[(&str, &str, &str)] = &[
        ("api-gateway", "GRPC_TLS_CERT", "gateway-grpc"),
        ("context-engine", "CONTEXT_ENGINE_TLS_CERT", "context-engine-grpc"),
    ];
    let shows = |service: &str, variable: &str| {
        cluster.of_service(service).filter_map(Workload::main).any(|main| {
            known(main, variable).is_some_and(|path| secrets::at(cluster, main, path).key() == Some(shown))
        })
    };
    let of = LISTENERS.iter().filter(|(service, variable, _)| shows(service, variable));
    of.map(|(.., check)| *check).collect()
}

/// Checks that dial with what the fault is about. What a running NATS or Redis shows is what it read at its start:
/// that their Secret is wrong breaks a dial only once somebody has met it.
fn broken_by(one: &RefusedChain, trusts_another: bool) -> &'static [&'static str] {
    if one.of_client || trusts_another {
        return match one.target {
            ConnectionTarget::Link(Link::Nats) => &["worker-nats-tls"],
            ConnectionTarget::Link(Link::Redis) => &["redis-tls"],
            ConnectionTarget::Routes | ConnectionTarget::Bus => &["cluster-links"],
            ConnectionTarget::Link(Link::SafetyKernel) => &["safety-kernel-grpc"],
            ConnectionTarget::Link(Link::Gateway) => &["dashboard-gateway"],
            ConnectionTarget::Link(_) => &[],
        };
    }
    match one.target {
        ConnectionTarget::Link(Link::Gateway) => match &one.name {
            // The dashboard's name for it; others dial it by another.
            Some(_) => &["dashboard-gateway"],
            None => &["gateway-https", "gateway-wss", "cli-with-cacert", "dashboard-gateway"],
        },
        ConnectionTarget::Link(Link::SafetyKernel) => &["safety-kernel-grpc"],
        ConnectionTarget::Link(_) => &[],
        ConnectionTarget::Routes | ConnectionTarget::Bus => &["cluster-links"],
    }
}

/// A client that asks for a name which its server is not known by.
fn misnamed(
    connections: &[Connection<'_>],
    connection: &Connection<'_>,
    name: &super::connections::Name,
    reason: &str,
    kubectl: &Kubectl,
) -> ClusterFault {
    let workload = connection.client.to_string();
    let container = connection.client.main().map_or("", |main| main.name.as_str());
    // What the others ask for, and get.
    let others = connections
        .iter()
        .filter(|other| other.target == connection.target && !std::ptr::eq(other.client, connection.client))
        .flat_map(|other| &other.names)
        .filter(|other| other.setting == name.setting && other.name != name.name)
        .map(|other| other.name.clone());
    let wanted = others.into_iter().next().or_else(|| connection.server.aliases.first().cloned());
    let fault = ClusterFault::new(Some(CauseKind::HostnameMismatch), workload.clone())
        .on(Side::Client)
        .because(SecretFact::Misnamed {
            setting: name.setting.clone(),
            workload: workload.clone(),
            name: name.name.clone(),
            reason: reason.to_owned(),
        });
    let Some(wanted) = wanted else { return fault };
    let cure = if name.explicit {
        let command = kubectl.set(connection.client, container, &name.setting, &wanted);
        Fix::told(format!("{} of {workload} is {} and has to be {wanted}", name.setting, name.name))
            .by(command)
            .with(
                change(
                    workload,
                    Some(container),
                    ChangeKind::Environment,
                    name.setting.clone(),
                    Some(format!("spec.template.spec.containers[name={container}].env")),
                )
                .values(Some(&name.name), Some(&wanted)),
            )
    } else {
        let others = connection.server.aliases.join(", ");
        Fix::told(format!(
            "the host {} in {} of {workload} is no name of {}: it is reached as {others}",
            name.name,
            name.setting,
            connection.target.word()
        ))
    };
    fault.cure(cure)
}
