//! The private key beside a certificate: whether it is one, can be read, and belongs to it.

use super::finding::CertificateFinding;
use super::key_pair::KeyPair;
use super::keys::{self, Fit};
use super::read::FileObject;
use super::single;
use super::source::CertificateSource;
use crate::cause::{CauseKind, Severity, Variant};
use crate::remedy::shell;

/// What is wrong with the key of a pair.
pub(super) fn key(set: &KeyPair<'_>) -> Vec<CertificateFinding> {
    let mut found = Vec::new();
    let own = set.leaf.found.keys().count();
    let Some(source) = set.key else {
        if own > 0 {
            found.push(CertificateFinding::new(
                set.leaf.name(),
                Severity::Note,
                "the file holds a private key too: whoever may read the certificate has the key",
            ));
        }
        return found;
    };
    found.extend(single::unreadable(source));
    if source.found.blocks.contains(&FileObject::EncryptedKey) && source.found.keys().next().is_none() {
        found.push(
            CertificateFinding::new(
                source.name(),
                Severity::Error,
                "the private key is encrypted; Go's servers, NATS and Redis read it unencrypted",
            )
            .of(CauseKind::BadKeyFile, Some(Variant::Encrypted))
            .fix(
                "write it without a password",
                format!(
                    "openssl pkey -in {} -out {}",
                    shell::path(source.name()),
                    shell::path(&format!("{}.plain", source.name()))
                ),
            ),
        );
        return found;
    }
    let keys: Vec<_> = source.found.keys().collect();
    let Some((_, der)) = keys.first() else {
        if source.found.faults.is_empty() {
            let what =
                if source.facts.is_empty() { "no private key" } else { "a certificate and no private key" };
            found.push(
                CertificateFinding::new(source.name(), Severity::Error, format!("it holds {what}"))
                    .of(CauseKind::BadKeyFile, Some(Variant::WrongKind))
                    .fix("put the certificate's private key there", ""),
            );
        }
        return found;
    };
    if !keys::well_formed(der) {
        found.push(
            CertificateFinding::new(
                source.name(),
                Severity::Error,
                "the private key is damaged: there is no key inside",
            )
            .of(CauseKind::BadKeyFile, Some(Variant::WrongKind))
            .fix("put the certificate's private key there", ""),
        );
        return found;
    }
    if let Some(message) = &source.found.mislabelled_key {
        found.push(
            CertificateFinding::new(source.name(), Severity::Warning, message.clone())
                .of(CauseKind::BadKeyFile, Some(Variant::WrongKind))
                .fix("change the label in its first and its last line to what the message says", ""),
        );
    }
    if keys.len() > 1 {
        let message = format!("it holds {} private keys; Go and OpenSSL use the first", keys.len());
        found.push(
            CertificateFinding::new(source.name(), Severity::Warning, message)
                .of(CauseKind::BadKeyFile, None),
        );
    }
    found.extend(misfit(set, source));
    found
}

/// The first key of a file is not that of the certificate.
fn misfit(set: &KeyPair<'_>, source: &CertificateSource) -> Option<CertificateFinding> {
    let leaf = set.leaf.facts.first()?;
    let keys: Vec<_> = source.found.keys().collect();
    let (form, der) = keys.first()?;
    match keys::fit(*form, der, leaf) {
        Fit::Fits => return None,
        Fit::Unknown => {
            let message = "the key is of a kind that is not compared";
            return Some(CertificateFinding::new(source.name(), Severity::Note, message));
        }
        Fit::Other => {}
    }
    let place = set.leaf.facts.iter().position(|one| keys::fit(*form, der, one) == Fit::Fits);
    let later = keys.iter().any(|(form, der)| keys::fit(*form, der, leaf) == Fit::Fits);
    let hint = match (place, later) {
        (Some(place), _) => format!(
            "; it belongs to certificate {} of the file: the end-entity certificate has to come first",
            place + 1
        ),
        (_, true) => "; a later key of the file does".to_owned(),
        _ => String::new(),
    };
    let message = format!(
        "the private key does not belong to the certificate of {} in {}{hint}",
        leaf.called(),
        set.leaf.name()
    );
    let cure = "put the certificate's own key there, or a certificate of this key: both of one generation";
    Some(
        CertificateFinding::new(source.name(), Severity::Error, message)
            .of(CauseKind::KeyMismatch, None)
            .fix(cure, ""),
    )
}
