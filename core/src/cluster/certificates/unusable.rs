//! Files of Secrets that cannot be used at all.

use std::collections::BTreeMap;

use super::renewal::{local, other_path, readers};
use crate::cause::{CauseKind, Side, Variant};
use crate::cluster::connections::Connection;
use crate::cluster::cure::{Fix, Kubectl, of_secret};
use crate::cluster::fault::{ClusterFault, OriginIdentity};
use crate::cluster::secrets::{PathContent, SecretEntry, under_another_name, usual_path};
use crate::cluster::wiring::misread;
use crate::evidence::{SecretFact, SecretLack};
use crate::workload::kubernetes::Cluster;

/// What a Secret lacks is put in, the key beside its certificate too where that is not there: from what the Secret has
/// under other names, else as a pair from the files of the guide's layout. Each key with where it lies in the Secret.
pub(in crate::cluster) fn fill(
    cluster: &Cluster,
    key: &SecretEntry,
    kubectl: &Kubectl,
) -> (Vec<(String, Option<String>)>, String) {
    let held = cluster.secrets.as_ref().and_then(|all| all.get(&key.secret));
    let has = |name: &str| held.is_some_and(|one| one.keys.contains_key(name));
    let mut wanted = vec![key.key.clone()];
    let other = match key.key.as_str() {
        "ca.crt" => None,
        name => match name.rsplit_once('.') {
            Some((stem, "crt")) => Some(format!("{stem}.key")),
            Some((stem, "key")) => Some(format!("{stem}.crt")),
            _ => None,
        },
    };
    wanted.extend(other.clone().filter(|name| held.is_some() && !has(name)));
    wanted.sort();
    let found: Vec<Option<String>> =
        wanted.iter().map(|name| under_another_name(cluster, &key.secret, name)).collect();
    if found.iter().all(Option::is_some) {
        let pairs: Vec<(&str, &str)> = wanted
            .iter()
            .zip(&found)
            .filter_map(|(name, from)| Some((name.as_str(), from.as_deref()?)))
            .collect();
        let command = kubectl.under_other_names(&key.secret, &pairs);
        return (wanted.into_iter().zip(found).collect(), command);
    }
    // The operator's key need not be that of the certificate which is there: both are put in, as they lie together.
    wanted = other.into_iter().chain([key.key.clone()]).collect();
    wanted.sort();
    let local: Vec<String> = wanted.iter().map(|name| local(&key.secret, name)).collect();
    let files: Vec<(&str, &str)> =
        wanted.iter().zip(&local).map(|(name, file)| (name.as_str(), file.as_str())).collect();
    let command = kubectl.fill(&key.secret, &files);
    (wanted.into_iter().map(|name| (name, None)).collect(), command)
}

/// `tls.crt (it lies there as server.crt) and tls.key`
fn put_in(filled: &[(String, Option<String>)]) -> String {
    let one = |(name, from): &(String, Option<String>)| match from {
        Some(from) => format!("{name} (it lies there as {from})"),
        None => name.clone(),
    };
    filled.iter().map(one).collect::<Vec<_>>().join(" and ")
}

/// Files that settings name and that are not there, or hold no certificate.
pub(super) fn unusable(
    cluster: &Cluster,
    connections: &[Connection<'_>],
    kubectl: &Kubectl,
) -> Vec<ClusterFault> {
    let mut faults: BTreeMap<OriginIdentity, ClusterFault> = BTreeMap::new();
    for one in connections {
        let files = [
            (&one.ca, one.client),
            (&one.identity, one.client),
            (&one.certificate, one.server),
            (&one.client_ca, one.server),
        ];
        for (file, reader) in files {
            let Some(file) = file else { continue };
            let (key, variant, what) = match &file.found {
                PathContent::MissingKey(key) => (key, Variant::FileMissing, SecretLack::Key),
                PathContent::NoCertificate(key) => (key, Variant::NoPem, SecretLack::Certificate),
                PathContent::Certificates(..)
                | PathContent::Opaque(_)
                | PathContent::MissingSecret(_)
                | PathContent::NotMounted
                | PathContent::Elsewhere => continue,
            };
            let named = || SecretFact::NamesUnusable {
                setting: file.setting.clone(),
                reader: reader.to_string(),
                path: file.path.clone(),
                lack: what,
                file: key.clone(),
            };
            let misread = misread(cluster, reader, &file.path, key, kubectl);
            if let (Variant::FileMissing, Some((place, cure))) = (variant, misread) {
                let fault = ClusterFault::new(Some(CauseKind::BadKeyFile), place)
                    .variant(Some(variant))
                    .because(named())
                    .cure(cure)
                    .breaks(&["certificates"]);
                faults.entry(fault.identity()).or_insert(fault);
                continue;
            }
            let usual = || usual_path(cluster, &file.path, key);
            if let Some(right) = other_path(connections, file).or_else(usual) {
                let why = "that file is there, and there is none at the other path";
                let cure = crate::cluster::wiring::set(
                    kubectl,
                    reader,
                    &file.setting,
                    Some(&file.path),
                    &right,
                    why,
                );
                let fault = ClusterFault::new(Some(CauseKind::BadKeyFile), reader.to_string())
                    .variant(Some(variant))
                    .on(Side::Client)
                    .because(named())
                    .cure(cure);
                faults.entry(fault.identity()).or_insert(fault);
                continue;
            }
            let (filled, mut command) = fill(cluster, key, kubectl);
            if let Some(restart) = kubectl.restart(&readers(cluster, connections, &key.secret, &[&key.key])) {
                command = format!("{command} && {restart}");
            }
            let cure = Fix::told(format!(
                "secret/{} {what} {}, which {} of {reader} names as {}: put in {}",
                key.secret,
                key.key,
                file.setting,
                file.path,
                put_in(&filled)
            ))
            .by(command);
            let cure = filled
                .iter()
                .fold(cure, |cure, (name, _)| cure.with(of_secret(reader.to_string(), &key.secret, name)));
            let fault = ClusterFault::new(Some(CauseKind::BadKeyFile), format!("secret/{}", key.secret))
                .variant(Some(variant))
                .because(SecretFact::Unusable {
                    file: key.clone(),
                    lack: what,
                    setting: file.setting.clone(),
                    reader: reader.to_string(),
                    path: file.path.clone(),
                })
                .cure(cure)
                .breaks(&["certificates"]);
            let known = faults.entry(fault.identity()).or_insert_with(|| fault.clone());
            for fact in fault.because {
                known.add(fact);
            }
        }
    }
    faults.into_values().collect()
}
