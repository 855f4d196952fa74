//! Files of Secrets that cannot be used at all.

use std::collections::BTreeMap;

use super::renewal::{local, other_path, readers};
use crate::cause::{CauseKind, Side, Variant};
use crate::cluster::connections::Connection;
use crate::cluster::cure::{Fix, Kubectl, of_secret};
use crate::cluster::fault::{ClusterFault, OriginIdentity};
use crate::cluster::secrets::PathContent;
use crate::cluster::wiring::misread;
use crate::evidence::{SecretFact, SecretLack};
use crate::workload::kubernetes::Cluster;

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
            if let Some(right) = other_path(connections, file) {
                let why = "its neighbours read that file, and there is none at the other path";
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
            let files = [(key.key.as_str(), &*local(&key.secret, &key.key))];
            let mut command = kubectl.fill(&key.secret, &files);
            if let Some(restart) = kubectl.restart(&readers(cluster, connections, &key.secret, &[&key.key])) {
                command = format!("{command} && {restart}");
            }
            let cure = Fix::told(format!(
                "secret/{} {what} {}, which {} of {reader} names as {}: put it in",
                key.secret, key.key, file.setting, file.path
            ))
            .by(command)
            .with(of_secret(reader.to_string(), &key.secret, &key.key));
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
