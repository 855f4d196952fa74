//! Signatures on certificates, with Go's choice of algorithms (no MD5, no SHA-1, RSA from 1024 bits).

use crate::cause::{CauseKind, Variant};
use aws_lc_rs::digest::{self, Algorithm as Hash};
use aws_lc_rs::signature::{self as alg, ParsedPublicKey, VerificationAlgorithm};

use super::der::{Der, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};
use super::keys::{Curve, VerifyingKey};
use super::{ChainRefusal, Parsed, legacy_signatures};

/// Verifies that `parent` signed `child`, as Go's `CheckSignatureFrom`.
///
/// # Errors
/// Why not.
pub(super) fn check(child: &Parsed, parent: &Parsed) -> Result<(), ChainRefusal> {
    let subject = &parent.subject;
    let refuse = |cause, variant, reason: &str| Err(ChainRefusal::new(cause, variant, reason, subject));
    if (parent.version == 3 && parent.is_ca.is_none()) || parent.is_ca == Some(false) {
        return refuse(
            CauseKind::InvalidCa,
            Some(Variant::NotACa),
            "x509: invalid signature: parent certificate cannot sign this kind of certificate",
        );
    }
    if parent.key_cert_sign == Some(false) {
        return refuse(
            CauseKind::InvalidCa,
            None,
            "x509: invalid signature: parent certificate cannot sign this kind of certificate (key usage)",
        );
    }
    let unsupported = "x509: cannot verify signature: algorithm unimplemented";
    let mismatch = "x509: the signature algorithm specifies another kind of public key";
    let (family, holds) = match (algorithm(child), &parent.key) {
        (_, VerifyingKey::Unknown) => return refuse(CauseKind::OtherTls, None, unsupported),
        (Algorithm::Insecure(name), _) => {
            return Err(ChainRefusal::new(
                CauseKind::BadSignature,
                Some(Variant::WeakSignature),
                &format!("x509: cannot verify signature: insecure algorithm {name}"),
                &child.subject,
            ));
        }
        (Algorithm::Unknown, _) => {
            return Err(ChainRefusal::new(CauseKind::OtherTls, None, unsupported, &child.subject));
        }
        (Algorithm::Rsa { hash, pss }, VerifyingKey::Rsa { modulus, exponent }) => {
            ("crypto/rsa: verification error", rsa(child, parent, (modulus, *exponent), hash, pss))
        }
        (Algorithm::Ecdsa(hash), VerifyingKey::Ecdsa(Curve::P224)) => (
            "x509: ECDSA verification failure",
            legacy_signatures::p224(&parent.key_octets, hash, &child.tbs, &child.signature),
        ),
        (Algorithm::Ecdsa(hash), VerifyingKey::Ecdsa(curve)) => {
            ("x509: ECDSA verification failure", verified(child, parent, ecdsa(*curve, hash)))
        }
        (Algorithm::Ed25519, VerifyingKey::Ed25519) => {
            ("x509: Ed25519 verification failure", verified(child, parent, &alg::ED25519))
        }
        (Algorithm::Rsa { .. } | Algorithm::Ecdsa(_) | Algorithm::Ed25519, _) => {
            return refuse(CauseKind::UnknownAuthority, Some(Variant::CaRegenerated), mismatch);
        }
    };
    if holds { Ok(()) } else { refuse(CauseKind::UnknownAuthority, Some(Variant::CaRegenerated), family) }
}

fn verified(child: &Parsed, parent: &Parsed, algorithm: &'static dyn VerificationAlgorithm) -> bool {
    ParsedPublicKey::new(algorithm, &parent.key_octets)
        .is_ok_and(|key| key.verify_sig(&child.tbs, &child.signature).is_ok())
}

fn rsa(child: &Parsed, parent: &Parsed, key: (&[u8], u64), hash: &'static Hash, pss: bool) -> bool {
    let (modulus, exponent) = key;
    let usual = (256..=1024).contains(&modulus.len()) && modulus[0] & 0x80 != 0;
    if !usual || !matches!(exponent, 3 | 65_537) {
        return legacy_signatures::rsa(modulus, exponent, hash, pss, &child.tbs, &child.signature);
    }
    let algorithm: &'static dyn VerificationAlgorithm = match (hash.output_len(), pss) {
        (32, false) => &alg::RSA_PKCS1_2048_8192_SHA256,
        (48, false) => &alg::RSA_PKCS1_2048_8192_SHA384,
        (_, false) => &alg::RSA_PKCS1_2048_8192_SHA512,
        (32, true) => &alg::RSA_PSS_2048_8192_SHA256,
        (48, true) => &alg::RSA_PSS_2048_8192_SHA384,
        (_, true) => &alg::RSA_PSS_2048_8192_SHA512,
    };
    verified(child, parent, algorithm)
}

fn ecdsa(curve: Curve, hash: &'static Hash) -> &'static dyn VerificationAlgorithm {
    match (curve, hash.output_len()) {
        (Curve::P256 | Curve::P224, 32) => &alg::ECDSA_P256_SHA256_ASN1,
        (Curve::P256 | Curve::P224, 48) => &alg::ECDSA_P256_SHA384_ASN1,
        (Curve::P256 | Curve::P224, _) => &alg::ECDSA_P256_SHA512_ASN1,
        (Curve::P384, 32) => &alg::ECDSA_P384_SHA256_ASN1,
        (Curve::P384, 48) => &alg::ECDSA_P384_SHA384_ASN1,
        (Curve::P384, _) => &alg::ECDSA_P384_SHA512_ASN1,
        (Curve::P521, 32) => &alg::ECDSA_P521_SHA256_ASN1,
        (Curve::P521, 48) => &alg::ECDSA_P521_SHA384_ASN1,
        (Curve::P521, _) => &alg::ECDSA_P521_SHA512_ASN1,
    }
}

enum Algorithm {
    Ecdsa(&'static Hash),
    Ed25519,
    Insecure(&'static str),
    Rsa { hash: &'static Hash, pss: bool },
    Unknown,
}

/// Go's `getSignatureAlgorithmFromAI`: parameters count for Ed25519 and RSASSA-PSS alone.
fn algorithm(child: &Parsed) -> Algorithm {
    let rsa = |hash| Algorithm::Rsa { hash, pss: false };
    match child.signature_oid.as_str() {
        "1.2.840.113549.1.1.4" => Algorithm::Insecure("MD5-RSA"),
        "1.2.840.113549.1.1.5" | "1.3.14.3.2.29" => Algorithm::Insecure("SHA1-RSA"),
        "1.2.840.113549.1.1.11" => rsa(&digest::SHA256),
        "1.2.840.113549.1.1.12" => rsa(&digest::SHA384),
        "1.2.840.113549.1.1.13" => rsa(&digest::SHA512),
        "1.2.840.113549.1.1.10" => pss(&child.signature_parameters)
            .map_or(Algorithm::Unknown, |hash| Algorithm::Rsa { hash, pss: true }),
        "1.2.840.10040.4.3" => Algorithm::Insecure("DSA-SHA1"),
        "1.2.840.10045.4.1" => Algorithm::Insecure("ECDSA-SHA1"),
        "1.2.840.10045.4.3.2" => Algorithm::Ecdsa(&digest::SHA256),
        "1.2.840.10045.4.3.3" => Algorithm::Ecdsa(&digest::SHA384),
        "1.2.840.10045.4.3.4" => Algorithm::Ecdsa(&digest::SHA512),
        "1.3.101.112" if child.signature_parameters.is_empty() => Algorithm::Ed25519,
        _ => Algorithm::Unknown,
    }
}

/// The hash of RSASSA-PSS parameters (RFC 4055, 3.1) as Go wants them: everything said, MGF1 with the same
/// hash, a salt as long as the hash, the usual trailer.
fn pss(parameters: &[u8]) -> Option<&'static Hash> {
    let mut all = Der(parameters).read(SEQUENCE)?;
    let (hash, none) = identifier(&mut all.read(0xa0)?)?;
    let mut mask = all.read(0xa1)?.read(SEQUENCE)?;
    let mgf1 = mask.element(OBJECT_IDENTIFIER)?.content.0;
    let (of_mask, none_of_mask) = identifier(&mut mask)?;
    let salt = all.read(0xa2)?.unsigned(INTEGER)?;
    if all.peek() == Some(0xa3) && all.read(0xa3)?.unsigned(INTEGER)? != 1 {
        return None;
    }
    let (hash_id, length): (&'static Hash, u64) = match hash {
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1] => (&digest::SHA256, 32),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2] => (&digest::SHA384, 48),
        [0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3] => (&digest::SHA512, 64),
        _ => return None,
    };
    let usual = mgf1 == [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 8] && of_mask == hash;
    (usual && none && none_of_mask && salt == length).then_some(hash_id)
}

/// An AlgorithmIdentifier's object identifier, and whether its parameters are absent or NULL.
fn identifier<'a>(der: &mut Der<'a>) -> Option<(&'a [u8], bool)> {
    let mut inner = der.read(SEQUENCE)?;
    let id = inner.element(OBJECT_IDENTIFIER)?.content.0;
    let none = match inner.any() {
        None => inner.is_empty(),
        Some(parameters) => parameters.whole == [5, 0],
    };
    Some((id, none))
}
