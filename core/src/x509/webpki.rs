//! What webpki, rustls' own verifier, says of a chain: the fallback where no richer judge is given, and an
//! opinion beside Go's.

use std::sync::{Arc, OnceLock};
use std::time::SystemTime;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms};
use rustls::{CertificateError, Error};
use rustls_pki_types::{
    AlgorithmIdentifier, CertificateDer, InvalidSignature, ServerName, SignatureVerificationAlgorithm,
    UnixTime, alg_id,
};

use super::verdict::{ChainFault, ChainVerdict};
use crate::cause::{CauseKind, Variant};

fn provider() -> Arc<CryptoProvider> {
    static PROVIDER: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    Arc::clone(PROVIDER.get_or_init(|| Arc::new(rustls::crypto::aws_lc_rs::default_provider())))
}

/// webpki's verdict as a [`ChainVerdict`], the fallback where no richer judge is given.
#[must_use]
pub fn webpki_verdict(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    name: Option<&str>,
    at: SystemTime,
) -> ChainVerdict {
    verdict_by(provider(), chain, anchors, name, at)
}

/// The same of a chain whose signatures have been verified: those by keys on elliptic curves are believed,
/// which is most of the work. (Of RSA keys webpki has an opinion on their size.)
#[must_use]
pub fn webpki_verdict_of_verified(
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    name: Option<&str>,
    at: SystemTime,
) -> ChainVerdict {
    static BELIEVING: OnceLock<Arc<CryptoProvider>> = OnceLock::new();
    let believing = BELIEVING.get_or_init(|| {
        let mut believing = CryptoProvider::clone(&provider());
        let real = believing.signature_verification_algorithms;
        let all: Vec<&'static dyn SignatureVerificationAlgorithm> = real
            .all
            .iter()
            .map(|one| -> &'static dyn SignatureVerificationAlgorithm {
                if one.public_key_alg_id() == alg_id::RSA_ENCRYPTION {
                    *one
                } else {
                    Box::leak(Box::new(Believed(*one)))
                }
            })
            .collect();
        believing.signature_verification_algorithms =
            WebPkiSupportedAlgorithms { all: Vec::leak(all), mapping: real.mapping };
        Arc::new(believing)
    });
    verdict_by(Arc::clone(believing), chain, anchors, name, at)
}

/// An algorithm whose signatures have been verified before.
#[derive(Debug)]
struct Believed(&'static dyn SignatureVerificationAlgorithm);

impl SignatureVerificationAlgorithm for Believed {
    fn verify_signature(&self, _: &[u8], _: &[u8], _: &[u8]) -> Result<(), InvalidSignature> {
        Ok(())
    }

    fn public_key_alg_id(&self) -> AlgorithmIdentifier {
        self.0.public_key_alg_id()
    }

    fn signature_alg_id(&self) -> AlgorithmIdentifier {
        self.0.signature_alg_id()
    }
}

fn verdict_by(
    provider: Arc<CryptoProvider>,
    chain: &[CertificateDer<'_>],
    anchors: &[CertificateDer<'_>],
    name: Option<&str>,
    at: SystemTime,
) -> ChainVerdict {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(anchors.iter().map(|anchor| anchor.clone().into_owned()));
    let fault = |error: &Error| {
        let fault = match error {
            Error::InvalidCertificate(error) => certificate_fault(error),
            _ => ChainFault::new(CauseKind::OtherTls, None, error.to_string()),
        };
        ChainVerdict { faults: vec![fault], remarks: Vec::new() }
    };
    let Some(end_entity) = chain.first() else {
        return fault(&Error::NoCertificatesPresented);
    };
    let Ok(verifier) = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build() else {
        return fault(&Error::InvalidCertificate(CertificateError::UnknownIssuer));
    };
    let name = name.and_then(|name| ServerName::try_from(name.to_owned()).ok());
    let Some(name) = name else {
        return fault(&Error::InvalidCertificate(CertificateError::NotValidForName));
    };
    let since = at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match verifier.verify_server_cert(end_entity, &chain[1..], &name, &[], UnixTime::since_unix_epoch(since))
    {
        Ok(_) => ChainVerdict::default(),
        Err(error) => fault(&error),
    }
}

/// The library's own word on a certificate.
#[must_use]
pub fn certificate_fault(error: &CertificateError) -> ChainFault {
    use CauseKind as K;
    use CertificateError as E;
    let (kind, variant) = match error {
        E::Expired | E::ExpiredContext { .. } => (K::Expired, None),
        E::NotValidYet | E::NotValidYetContext { .. } => (K::NotYetValid, None),
        E::NotValidForName | E::NotValidForNameContext { .. } => (K::HostnameMismatch, None),
        E::UnknownIssuer => (K::UnknownAuthority, None),
        E::BadSignature => (K::BadSignature, None),
        E::InvalidPurpose | E::InvalidPurposeContext { .. } => (K::WrongKeyUsage, None),
        E::Other(other) if is_ca_as_end_entity(other) => (K::InvalidCa, Some(Variant::CaAsEndEntity)),
        _ => (K::OtherTls, None),
    };
    ChainFault::new(kind, variant, error.to_string())
}

fn is_ca_as_end_entity(other: &rustls::OtherError) -> bool {
    matches!(other.0.downcast_ref(), Some(::webpki::Error::CaUsedAsEndEntity))
}
