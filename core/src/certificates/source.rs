//! A file, and what was read from it.

use std::path::PathBuf;

use super::read::{FileContents, ObjectFault};
use super::summary::CertificateSummary;
use crate::cause::Variant;

/// A file and what was read from it.
#[derive(Clone, Debug)]
pub struct CertificateSource {
    /// `None`: an entry of a Secret, or standard input.
    pub path: Option<PathBuf>,
    pub found: FileContents,
    /// The certificates that could be read, by their place in the file.
    pub facts: Vec<CertificateSummary>,
}

impl CertificateSource {
    /// Reads every certificate in it.
    #[must_use]
    pub fn new(path: Option<PathBuf>, mut found: FileContents) -> Self {
        let mut facts = Vec::with_capacity(found.certificates().count());
        let mut faults = Vec::new();
        for (index, der) in found.certificates().enumerate() {
            match CertificateSummary::read(&found.name, index, der) {
                Ok(one) => facts.push(one),
                Err(why) => faults.push(ObjectFault {
                    variant: Variant::WrongKind,
                    message: format!("certificate {} cannot be parsed: {why}", index + 1),
                }),
            }
        }
        found.faults.extend(faults);
        Self { path, found, facts }
    }

    /// DER of every certificate that Go's reader sees in it, also of those that cannot be parsed.
    #[must_use]
    pub fn chain(&self) -> Vec<Vec<u8>> {
        self.seen_by_go().into_iter().map(<[u8]>::to_vec).collect()
    }

    /// The same where they are.
    #[must_use]
    pub fn seen_by_go(&self) -> Vec<&[u8]> {
        let hidden = |place: usize| self.found.hidden.iter().any(|one| one.place == place);
        self.certificates(|place| !hidden(place))
    }

    /// The same where they are to be trusted.
    #[must_use]
    pub fn trusted_by_go(&self) -> Vec<&[u8]> {
        if self.found.is_no_pem() {
            return Vec::new();
        }
        let hidden = |place: usize| self.found.hidden.iter().any(|one| one.place == place);
        self.certificates(|place| !hidden(place) && !self.found.headed.contains(&place))
    }

    /// What OpenSSL trusts of it.
    #[must_use]
    pub fn trusted_by_openssl(&self) -> Vec<&[u8]> {
        if self.found.is_no_pem() { Vec::new() } else { self.seen_by_openssl() }
    }

    /// The same as OpenSSL's reader sees it.
    #[must_use]
    pub fn seen_by_openssl(&self) -> Vec<&[u8]> {
        let hidden =
            |place: usize| self.found.hidden.iter().any(|one| one.place == place && !one.openssl_reads_it);
        self.certificates(|place| !hidden(place))
    }

    fn certificates(&self, keep: impl Fn(usize) -> bool) -> Vec<&[u8]> {
        let places = self.found.certificates().enumerate();
        places.filter(|(place, _)| keep(*place)).map(|(_, der)| der).collect()
    }

    /// DER of the certificates in it that may sign others.
    #[must_use]
    pub fn authorities(&self) -> Vec<Vec<u8>> {
        self.facts.iter().filter(|one| one.is_ca).map(|one| one.der.clone()).collect()
    }

    #[must_use]
    pub fn name(&self) -> &str {
        &self.found.name
    }
}
