//! Signatures on certificates, with Go's choice of algorithms (no MD5, no SHA-1, RSA from 1024 bits).

use aws_lc_rs::signature::{self as alg, ParsedPublicKey, VerificationAlgorithm};
use tls_verify_checks::cause::{CauseKind, Variant};

use super::{Parsed, Refusal};

const RSA: &str = "1.2.840.113549.1.1.";

/// Verifies that `parent` signed `child`, as Go's `CheckSignatureFrom`.
///
/// # Errors
/// Why not.
pub(super) fn check(child: &Parsed, parent: &Parsed) -> Result<(), Refusal> {
    let subject = &parent.subject;
    if (parent.version == 3 && parent.is_ca.is_none()) || parent.is_ca == Some(false) {
        return Err(Refusal::new(
            CauseKind::InvalidCa,
            Some(Variant::NotACa),
            "x509: invalid signature: parent certificate cannot sign this kind of certificate",
            subject,
        ));
    }
    if parent.key_cert_sign == Some(false) {
        return Err(Refusal::new(
            CauseKind::InvalidCa,
            None,
            "x509: invalid signature: parent certificate cannot sign this kind of certificate (key usage)",
            subject,
        ));
    }
    let (algorithm, family): (&'static dyn VerificationAlgorithm, &str) = algorithm(child, parent)?;
    let failed = || {
        Refusal::new(
            CauseKind::UnknownAuthority,
            Some(Variant::CaRegenerated),
            &format!("x509: {family} verification failure"),
            subject,
        )
    };
    let key = key_bytes(parent).ok_or_else(failed)?;
    ParsedPublicKey::new(algorithm, &key)
        .map_err(|_| failed())
        .and_then(|key| key.verify_sig(&child.tbs, &child.signature).map_err(|_| failed()))
}

/// The subjectPublicKey's bits: what aws-lc-rs takes for all its algorithms.
fn key_bytes(certificate: &Parsed) -> Option<Vec<u8>> {
    use x509_parser::prelude::FromDer;
    let (_, spki) = x509_parser::x509::SubjectPublicKeyInfo::from_der(&certificate.raw_spki).ok()?;
    Some(spki.subject_public_key.data.to_vec())
}

fn curve(certificate: &Parsed) -> Option<String> {
    use x509_parser::prelude::FromDer;
    let (_, spki) = x509_parser::x509::SubjectPublicKeyInfo::from_der(&certificate.raw_spki).ok()?;
    let parameters = spki.algorithm.parameters.as_ref()?;
    parameters.as_oid().ok().map(|oid| oid.to_id_string())
}

fn algorithm(
    child: &Parsed,
    parent: &Parsed,
) -> Result<(&'static dyn VerificationAlgorithm, &'static str), Refusal> {
    let id = child.signature_oid.as_str();
    let weak = |name: &str| {
        Err(Refusal::new(
            CauseKind::BadSignature,
            Some(Variant::WeakSignature),
            &format!("x509: cannot verify signature: insecure algorithm {name}"),
            &child.subject,
        ))
    };
    if let Some(number) = id.strip_prefix(RSA) {
        return Ok((
            match number {
                "2" | "4" => return weak("MD5-RSA"),
                "5" => return weak("SHA1-RSA"),
                "11" => &alg::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                "12" => &alg::RSA_PKCS1_2048_8192_SHA384,
                "13" => &alg::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                "10" => match hash_of_pss(&child.signature_parameters) {
                    Some(256) => &alg::RSA_PSS_2048_8192_SHA256,
                    Some(384) => &alg::RSA_PSS_2048_8192_SHA384,
                    Some(512) => &alg::RSA_PSS_2048_8192_SHA512,
                    _ => return unknown(child),
                },
                _ => return unknown(child),
            },
            "crypto/rsa:",
        ));
    }
    let hash = match id {
        "1.2.840.10045.4.1" => return weak("ECDSA-SHA1"),
        "1.2.840.10045.4.3.2" => 256,
        "1.2.840.10045.4.3.3" => 384,
        "1.2.840.10045.4.3.4" => 512,
        "1.3.101.112" => return Ok((&alg::ED25519, "Ed25519")),
        _ => return unknown(child),
    };
    let algorithm: &'static dyn VerificationAlgorithm = match (curve(parent).as_deref(), hash) {
        (Some("1.2.840.10045.3.1.7"), 256) => &alg::ECDSA_P256_SHA256_ASN1,
        (Some("1.2.840.10045.3.1.7"), 384) => &alg::ECDSA_P256_SHA384_ASN1,
        (Some("1.2.840.10045.3.1.7"), _) => &alg::ECDSA_P256_SHA512_ASN1,
        (Some("1.3.132.0.34"), 256) => &alg::ECDSA_P384_SHA256_ASN1,
        (Some("1.3.132.0.34"), 384) => &alg::ECDSA_P384_SHA384_ASN1,
        (Some("1.3.132.0.34"), _) => &alg::ECDSA_P384_SHA512_ASN1,
        (Some("1.3.132.0.35"), 256) => &alg::ECDSA_P521_SHA256_ASN1,
        (Some("1.3.132.0.35"), 384) => &alg::ECDSA_P521_SHA384_ASN1,
        (Some("1.3.132.0.35"), _) => &alg::ECDSA_P521_SHA512_ASN1,
        _ => return unknown(child),
    };
    Ok((algorithm, "ECDSA"))
}

fn unknown<T>(child: &Parsed) -> Result<T, Refusal> {
    Err(Refusal::new(
        CauseKind::OtherTls,
        None,
        "x509: cannot verify signature: algorithm unimplemented",
        &child.subject,
    ))
}

/// SHA-256, -384 or -512 of RSASSA-PSS parameters: the hash's object identifier stands in them first.
fn hash_of_pss(parameters: &[u8]) -> Option<u32> {
    const SHA2: &[u8] = &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02];
    let at = memchr::memmem::find(parameters, SHA2)?;
    match parameters.get(at + SHA2.len())? {
        1 => Some(256),
        2 => Some(384),
        3 => Some(512),
        _ => None,
    }
}
