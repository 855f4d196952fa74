//! Our TLS configurations: a verifier that keeps what the peer presented and lets the product's own
//! verdict decide, and one that trusts nobody.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use rustls::SupportedProtocolVersion;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use tls_verify_core::x509::verdict;

use crate::cause::CauseKind;
use crate::fault::{ChainFault, ChainVerdict};
use crate::groups;
pub use crate::groups::Hello;
use crate::stack::Identity;

/// What was seen of a handshake.
#[derive(Clone, Debug, Default)]
pub struct Recording {
    /// Presented chain, end-entity first; kept also when verification fails.
    pub chain: Vec<CertificateDer<'static>>,
    pub verdict: Option<ChainVerdict>,
    /// Bits of an RSA key whose handshake signature our library cannot verify.
    pub weak_key: Option<usize>,
    /// `TLSv1.2` or `TLSv1.3`, known from the signature that was verified.
    pub version: Option<&'static str>,
    /// The peer asked for a client certificate; the CA names it gave.
    pub asked_for_certificate: Option<Vec<Vec<u8>>>,
}

/// Shared between a connection and whoever wants to know.
pub type Recorder = Arc<Mutex<Recording>>;

/// Reads a recorder; a poisoned one is read all the same, it holds plain data.
#[must_use]
pub fn recorded(recorder: &Recorder) -> Recording {
    recorder.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone()
}

fn record(recorder: &Recorder, note: impl FnOnce(&mut Recording)) {
    note(&mut recorder.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
}

/// Whom a handshake trusts.
#[derive(Clone, Debug)]
pub enum TrustMode {
    /// These anchors and no others, as Go's crypto/x509 would judge.
    Only(Arc<[CertificateDer<'static>]>),
    /// Look only: every chain is accepted and judged afterwards. Nothing secret is ever sent over
    /// such a connection.
    Observe(Arc<[CertificateDer<'static>]>),
}

/// What a handshake is made with.
#[derive(Clone, Debug)]
pub struct Offer<'a> {
    pub trust: TrustMode,
    pub name: &'a str,
    pub identity: Option<&'a Identity>,
    pub alpn: &'a [&'a [u8]],
    pub versions: &'a [&'static SupportedProtocolVersion],
    pub hello: Hello,
}

/// Both versions that rustls speaks.
pub const ANY_VERSION: &[&SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];

/// The one provider, with what Go offers.
#[must_use]
pub fn provider() -> Arc<CryptoProvider> {
    groups::provider(Hello::AsGo)
}

/// A configuration and the recorder it fills.
///
/// # Errors
/// When the identity cannot be used (key of an unknown kind, key of another certificate).
pub fn config(offer: &Offer<'_>) -> Result<(ClientConfig, Recorder), Error> {
    let recorder = Recorder::default();
    let provider = groups::provider(offer.hello);
    let (anchors, observe) = match &offer.trust {
        TrustMode::Only(anchors) => (anchors.clone(), false),
        TrustMode::Observe(anchors) => (anchors.clone(), true),
    };
    let verifier = RecordingVerifier {
        anchors,
        name: offer.name.to_owned(),
        observe,
        recorder: Arc::clone(&recorder),
        provider: Arc::clone(&provider),
    };
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(offer.versions)?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let key = match offer.identity {
        Some(identity) => Some(identity.certified(&provider)?),
        None => None,
    };
    let resolver = RecordingIdentity { key, recorder: Arc::clone(&recorder) };
    let mut config = builder.with_client_cert_resolver(Arc::new(resolver));
    config.alpn_protocols = offer.alpn.iter().map(|name| name.to_vec()).collect();
    config.resumption = rustls::client::Resumption::disabled();
    Ok((config, recorder))
}

#[derive(Debug)]
struct RecordingVerifier {
    anchors: Arc<[CertificateDer<'static>]>,
    /// The reference identity; a library's own idea of it (a container's address) does not count.
    name: String,
    observe: bool,
    recorder: Recorder,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let chain: Vec<CertificateDer<'static>> = std::iter::once(end_entity)
            .chain(intermediates)
            .take(MAX_CHAIN)
            .map(|certificate| certificate.clone().into_owned())
            .collect();
        let at = SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs());
        let verdict = verdict::of_server(&chain, &self.anchors, Some(&self.name), at);
        let refused = verdict.faults.first().map(as_library_error);
        record(&self.recorder, |recording| {
            recording.chain = chain;
            recording.verdict = Some(verdict);
        });
        match refused {
            Some(error) if !self.observe => Err(Error::InvalidCertificate(error)),
            _ => Ok(ServerCertVerified::assertion()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        record(&self.recorder, |recording| recording.version = Some("TLSv1.2"));
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signed, algorithms)
            .inspect_err(|_| self.note_weak_key(certificate))
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        record(&self.recorder, |recording| recording.version = Some("TLSv1.3"));
        let algorithms = &self.provider.signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signed, algorithms)
            .inspect_err(|_| self.note_weak_key(certificate))
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

impl RecordingVerifier {
    /// Our library verifies RSA from 2048 bits on, Go from 1024.
    fn note_weak_key(&self, certificate: &CertificateDer<'_>) {
        use x509_parser::prelude::FromDer;
        let Ok((_, parsed)) = x509_parser::certificate::X509Certificate::from_der(certificate) else {
            return;
        };
        let Ok(x509_parser::public_key::PublicKey::RSA(key)) = parsed.public_key().parsed() else { return };
        let bits = key.key_size();
        if (1024..2048).contains(&bits) {
            record(&self.recorder, |recording| recording.weak_key = Some(bits));
        }
    }
}

/// Decides the alert that the peer is sent.
fn as_library_error(fault: &ChainFault) -> CertificateError {
    match fault.kind {
        CauseKind::Expired => CertificateError::Expired,
        CauseKind::NotYetValid => CertificateError::NotValidYet,
        CauseKind::HostnameMismatch => CertificateError::NotValidForName,
        CauseKind::BadSignature => CertificateError::BadSignature,
        CauseKind::WrongKeyUsage => CertificateError::InvalidPurpose,
        CauseKind::UnknownAuthority => CertificateError::UnknownIssuer,
        _ => CertificateError::ApplicationVerificationFailure,
    }
}

#[derive(Debug)]
struct RecordingIdentity {
    key: Option<Arc<rustls::sign::CertifiedKey>>,
    recorder: Recorder,
}

impl rustls::client::ResolvesClientCert for RecordingIdentity {
    fn resolve(
        &self,
        root_hint_subjects: &[&[u8]],
        _schemes: &[SignatureScheme],
    ) -> Option<Arc<rustls::sign::CertifiedKey>> {
        let names = root_hint_subjects.iter().take(64).map(|name| name.to_vec()).collect();
        record(&self.recorder, |recording| recording.asked_for_certificate = Some(names));
        // As Go does when told to by configuration, the certificate is shown whatever names were
        // given: a server with an unexpected CA must be seen to refuse it.
        self.key.clone()
    }

    fn has_certs(&self) -> bool {
        // True also without a certificate, so that we learn that one was asked for.
        true
    }
}

/// A chain longer than this is cut before it is judged: no real one comes near.
const MAX_CHAIN: usize = 32;

/// A configuration for clients that speak plain HTTP only but must be built with one: it trusts
/// nobody.
#[must_use]
pub fn no_tls() -> ClientConfig {
    // The provider supports both default versions, the only thing that could be wrong here.
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .expect("aws-lc-rs supports TLS 1.2 and 1.3");
    builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}
