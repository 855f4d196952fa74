//! The certificates that were read of a recorded cluster.

use std::collections::BTreeMap;

use super::RecordedCluster;
use crate::certificates::CertificateSummary;
use crate::cluster::connections;
use crate::x509::Parsed;

impl RecordedCluster<'_> {
    /// The certificate files of Secrets that a connection of the stack names, by what they are called.
    pub(super) fn files(&self) -> BTreeMap<String, Vec<Parsed>> {
        let connections = connections::all(self.cluster, &[]);
        let files = connections
            .iter()
            .flat_map(|one| [&one.ca, &one.identity, &one.certificate, &one.client_ca].into_iter().flatten());
        files
            .filter_map(|file| {
                let (key, certificates) = (file.found.key()?, file.found.certificates());
                let name = format!("secret/{} {}", key.secret, key.key);
                (!certificates.is_empty()).then(|| (name, certificates.to_vec()))
            })
            .collect()
    }

    /// What the certificates of these files say of themselves.
    #[must_use]
    pub fn summaries(&self) -> Vec<CertificateSummary> {
        self.files()
            .iter()
            .flat_map(|(name, all)| {
                let read =
                    |(index, one): (usize, &Parsed)| CertificateSummary::read(name, index, &one.der).ok();
                all.iter().enumerate().filter_map(read).collect::<Vec<_>>()
            })
            .collect()
    }
}
