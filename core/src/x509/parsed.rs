//! A certificate as Go 1.26 reads it (`crypto/x509`, `parser.go`): what it refuses to parse is refused here.

use super::der::{Der, SEQUENCE, name_is_valid, time};
use super::keys::{Curve, VerifyingKey};
use super::policies::Policy;
use super::{extensions, keys};

/// Whose parser is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Strictness {
    Go,
    OpenSsl,
}

/// A certificate, read once.
#[derive(Clone, Debug, Default)]
pub struct Parsed {
    pub der: Vec<u8>,
    pub subject: String,
    pub issuer: String,
    pub(super) raw_subject: Vec<u8>,
    pub(super) raw_issuer: Vec<u8>,
    pub(super) raw_spki: Vec<u8>,
    pub(super) key: VerifyingKey,
    /// The content of subjectPublicKey.
    pub(super) key_octets: Vec<u8>,
    pub(super) tbs: Vec<u8>,
    pub(super) signature_oid: String,
    pub(super) signature_parameters: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) version: u32,
    /// Big-endian, as it was sent.
    pub serial: Vec<u8>,
    /// Seconds since 1970, UTC.
    pub not_before: i64,
    pub not_after: i64,
    /// From basicConstraints; `None`: no such extension.
    pub is_ca: Option<bool>,
    pub path_length: Option<u32>,
    pub(super) key_cert_sign: Option<bool>,
    /// Object identifiers; empty: no such extension, any usage.
    pub ekus: Vec<String>,
    pub dns: Vec<String>,
    pub ips: Vec<Vec<u8>>,
    pub emails: Vec<String>,
    pub uris: Vec<String>,
    pub(super) raw_san: Option<Vec<u8>>,
    /// There is a nameConstraints extension.
    pub(super) constrains: bool,
    pub(super) permitted: Vec<Subtree>,
    pub(super) excluded: Vec<Subtree>,
    pub(super) unhandled: Option<String>,
    /// Identifiers of keys, for ordering.
    pub(super) subject_key: Option<Vec<u8>>,
    pub(super) authority_key: Option<Vec<u8>>,
    pub(super) policies: Vec<Policy>,
    /// Issuer's and subject's policies.
    pub(super) mappings: Vec<(Policy, Policy)>,
    pub(super) require_explicit_policy: Option<u64>,
    pub(super) inhibit_mapping: Option<u64>,
    pub(super) inhibit_any: Option<u64>,
}

/// One name constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subtree {
    Dns(String),
    Ip(Vec<u8>, Vec<u8>),
    Email(String),
    Uri(String),
}

impl Parsed {
    /// Reads DER.
    ///
    /// # Errors
    /// Why Go's parser refuses it.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        Self::read_with(der, Strictness::Go)
    }

    /// Reads DER as OpenSSL does, which knows more curves, takes negative serial numbers, and understands
    /// every form of name constraint.
    ///
    /// # Errors
    /// Why nothing can be read from it.
    pub fn read_as_openssl(der: &[u8]) -> Result<Self, String> {
        let mut parsed = Self::read_with(der, Strictness::OpenSsl)?;
        parsed.unhandled = parsed.unhandled.filter(|id| id != extensions::NAME_CONSTRAINTS);
        Ok(parsed)
    }

    fn read_with(der: &[u8], strictness: Strictness) -> Result<Self, String> {
        let bad = |what: &str| format!("x509: malformed {what}");
        let mut input = Der(der);
        let mut outer = input.read(SEQUENCE).ok_or_else(|| bad("certificate"))?;
        if !input.is_empty() {
            return Err("x509: trailing data".to_owned());
        }
        let tbs = outer.element(SEQUENCE).ok_or_else(|| bad("tbs certificate"))?;
        let mut parsed = Self { der: der.to_vec(), tbs: tbs.whole.to_vec(), ..Self::default() };
        let mut tbs = tbs.content;
        parsed.version = match tbs.optional(0xa0).ok_or_else(|| bad("version"))? {
            None => 1,
            Some(mut version) => {
                let number = version.unsigned(super::der::INTEGER).filter(|_| version.is_empty());
                match number.ok_or_else(|| bad("version"))? {
                    number @ 0..=2 => u32::try_from(number + 1).unwrap_or(3),
                    _ => return Err("x509: invalid version".to_owned()),
                }
            }
        };
        let serial = tbs.integer().ok_or_else(|| bad("serial number"))?;
        parsed.serial = serial.to_vec();
        if serial[0] & 0x80 != 0 && strictness == Strictness::Go {
            return Err("x509: negative serial number".to_owned());
        }
        let inner = tbs.read(SEQUENCE).ok_or_else(|| bad("signature algorithm identifier"))?;
        let signed_with = outer.read(SEQUENCE).ok_or_else(|| bad("algorithm identifier"))?;
        if inner.0 != signed_with.0 {
            return Err("x509: inner and outer signature algorithm identifiers don't match".to_owned());
        }
        let (oid, parameters) = algorithm(inner)?;
        parsed.signature_oid = oid;
        parsed.signature_parameters = parameters.map(|whole| whole.to_vec()).unwrap_or_default();
        let issuer = tbs.element(SEQUENCE).ok_or_else(|| bad("issuer"))?;
        name_is_valid(issuer.content)?;
        let mut validity = tbs.read(SEQUENCE).ok_or_else(|| bad("validity"))?;
        parsed.not_before = time(&mut validity).ok_or_else(|| bad("notBefore"))?;
        parsed.not_after = time(&mut validity).ok_or_else(|| bad("notAfter"))?;
        let subject = tbs.element(SEQUENCE).ok_or_else(|| bad("subject"))?;
        name_is_valid(subject.content)?;
        let spki = tbs.element(SEQUENCE).ok_or_else(|| bad("spki"))?;
        match parsed.public_key(spki.content) {
            Err(why) if strictness == Strictness::OpenSsl && why == keys::UNSUPPORTED_CURVE => {}
            other => other?,
        }
        parsed.raw_spki = spki.whole.to_vec();
        parsed.raw_issuer = issuer.whole.to_vec();
        parsed.raw_subject = subject.whole.to_vec();
        parsed.issuer = shown(issuer.whole);
        parsed.subject = shown(subject.whole);
        if parsed.version > 1 {
            tbs.optional(0x81).ok_or_else(|| bad("issuerUniqueID"))?;
            tbs.optional(0x82).ok_or_else(|| bad("subjectUniqueID"))?;
            if parsed.version == 3
                && let Some(all) = tbs.optional(0xa3).ok_or_else(|| bad("extensions"))?
            {
                extensions::read(&mut parsed, all)?;
            }
        }
        parsed.signature = outer.bits().ok_or_else(|| bad("signature"))?.1;
        Ok(parsed)
    }

    fn public_key(&mut self, mut spki: Der<'_>) -> Result<(), String> {
        let identifier = spki.read(SEQUENCE).ok_or("x509: malformed public key algorithm identifier")?;
        let (oid, parameters) = algorithm(identifier)?;
        let (_, key) = spki.bits().ok_or("x509: malformed subjectPublicKey")?;
        self.key = keys::read(&oid, parameters, &key)?;
        self.key_octets = key;
        Ok(())
    }

    /// What keyUsage says of signing certificates; `None`: nothing.
    #[must_use]
    pub fn signs_certificates(&self) -> Option<bool> {
        self.key_cert_sign
    }

    /// The signature algorithm's object identifier.
    #[must_use]
    pub fn signed_with(&self) -> &str {
        &self.signature_oid
    }

    /// subjectPublicKeyInfo, DER.
    #[must_use]
    pub fn spki(&self) -> &[u8] {
        &self.raw_spki
    }

    /// The key for people, and its size in bits.
    #[must_use]
    pub fn key_kind(&self) -> (String, usize) {
        let (kind, bits) = match &self.key {
            VerifyingKey::Dsa => ("DSA".to_owned(), 0),
            VerifyingKey::Ecdsa(Curve::P224) => ("EC P-224".to_owned(), 224),
            VerifyingKey::Ecdsa(Curve::P256) => ("EC P-256".to_owned(), 256),
            VerifyingKey::Ecdsa(Curve::P384) => ("EC P-384".to_owned(), 384),
            VerifyingKey::Ecdsa(Curve::P521) => ("EC P-521".to_owned(), 521),
            VerifyingKey::Ed25519 => ("Ed25519".to_owned(), 256),
            VerifyingKey::Rsa { modulus, .. } => {
                let lead = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
                let bits = (modulus.len() * 8).saturating_sub(lead);
                (format!("RSA {bits}"), bits)
            }
            VerifyingKey::Unknown => ("of an unknown kind".to_owned(), 0),
        };
        (kind, bits)
    }

    /// Subject equals issuer.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.raw_subject == self.raw_issuer
    }
}

/// An AlgorithmIdentifier's object identifier, and its parameters with their header.
fn algorithm(mut der: Der<'_>) -> Result<(String, Option<&[u8]>), String> {
    let oid = der.oid().ok_or("x509: malformed OID")?;
    if der.is_empty() {
        return Ok((oid, None));
    }
    let parameters = der.any().ok_or("x509: malformed parameters")?;
    Ok((oid, Some(parameters.whole)))
}

/// A name for people.
fn shown(name: &[u8]) -> String {
    use x509_parser::prelude::FromDer;
    x509_parser::x509::X509Name::from_der(name).map(|(_, name)| name.to_string()).unwrap_or_default()
}
