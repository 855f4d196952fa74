//! A CA that has ended: one fault, however many certificates it has signed and however many Secrets hold it.

use std::collections::BTreeSet;

use super::renewal::{local, readers};
use super::{RefusedChain, broken_by, refused_fact, undialled};
use crate::cause::CauseKind;
use crate::cluster::connections::{Connection, ConnectionTarget};
use crate::cluster::cure::{Fix, Kubectl, of_secret};
use crate::cluster::fault::ClusterFault;
use crate::cluster::secrets::SecretEntry;
use crate::workload::kubernetes::Cluster;

/// The fault behind refusals for a CA's own validity.
pub(super) fn authority(
    cluster: &Cluster,
    connections: &[Connection<'_>],
    refused: &[RefusedChain],
    kubectl: &Kubectl,
) -> Option<ClusterFault> {
    // Where the services have it; the servers' copies go with it.
    let of_services = |one: &&RefusedChain| !one.of_client && matches!(one.target, ConnectionTarget::Link(_));
    let first = refused.iter().find(of_services).or_else(|| refused.first())?;
    let held: BTreeSet<&SecretEntry> = refused.iter().map(|one| &one.trusted).collect();
    let mut commands: Vec<String> = Vec::new();
    let mut restarted: Vec<String> = Vec::new();
    for entry in &held {
        commands.push(kubectl.fill(&entry.secret, &[(&entry.key, &local(&entry.secret, &entry.key))]));
        for reader in readers(cluster, connections, &entry.secret, &[&entry.key]) {
            if !restarted.contains(&reader) {
                restarted.push(reader);
            }
        }
    }
    commands.extend(kubectl.restart(&restarted));
    let places: Vec<String> =
        held.iter().map(|entry| format!("{} of secret/{}", entry.key, entry.secret)).collect();
    let cure = Fix::told(format!(
        "the CA has ended: renew its certificate with its own key and name, so that what it signed stays valid, and put it \
         in as {}; no new key, which would take every certificate with it",
        places.join(", ")
    ))
    .by(commands.join(" && "));
    let cure = held.iter().fold(cure, |cure, entry| {
        cure.with(of_secret(restarted.first().cloned().unwrap_or_default(), &entry.secret, &entry.key))
    });
    let fault = ClusterFault::new(Some(CauseKind::Expired), format!("secret/{}", first.trusted.secret))
        .variant(first.refusal.variant)
        .cure(cure)
        .breaks(&["certificates"]);
    Some(refused.iter().fold(fault, |fault, one| {
        fault.because(refused_fact(one)).breaks(broken_by(one, false)).breaks(&undialled(cluster, &one.shown))
    }))
}
