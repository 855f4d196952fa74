//! Public keys as Go's parser accepts them (RFC 3279, RFC 5480, RFC 8410).

use aws_lc_rs::signature::{self as alg, ParsedPublicKey, VerificationAlgorithm};

use super::der::{Der, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};
use super::legacy_signatures;

/// A public key, as far as signatures are verified with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum VerifyingKey {
    Dsa,
    Ecdsa(Curve),
    Ed25519,
    Rsa {
        /// Big-endian, without leading zeros.
        modulus: Vec<u8>,
        exponent: u64,
    },
    /// Of an algorithm that Go does not know: parsed by nobody, good for nothing.
    #[default]
    Unknown,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Curve {
    P224,
    P256,
    P384,
    P521,
}

/// What is said of a curve that Go does not know.
pub(super) const UNSUPPORTED_CURVE: &str = "x509: unsupported elliptic curve";

/// Reads a key.
///
/// # Errors
/// In Go's words.
pub(super) fn read(oid: &str, parameters: Option<&[u8]>, key: &[u8]) -> Result<VerifyingKey, String> {
    let refuse = |what: &str| Err(format!("x509: {what}"));
    match oid {
        // rsaEncryption.
        "1.2.840.113549.1.1.1" => {
            if parameters != Some(&[5, 0]) {
                return refuse("RSA key missing NULL parameters");
            }
            let Some(mut inner) = Der(key).read(SEQUENCE) else { return refuse("invalid RSA public key") };
            let Some(modulus) = inner.integer() else { return refuse("invalid RSA modulus") };
            if modulus[0] & 0x80 != 0 || modulus == [0] {
                return refuse("RSA modulus is not a positive number");
            }
            match inner.unsigned(INTEGER) {
                Some(exponent) if exponent > 0 && exponent <= i64::MAX as u64 => Ok(VerifyingKey::Rsa {
                    modulus: modulus.strip_prefix(&[0]).unwrap_or(modulus).to_vec(),
                    exponent,
                }),
                _ => refuse("invalid RSA public exponent"),
            }
        }
        // id-ecPublicKey.
        "1.2.840.10045.2.1" => {
            let mut named = Der(parameters.unwrap_or_default());
            if named.peek() != Some(OBJECT_IDENTIFIER) {
                return refuse("invalid ECDSA parameters");
            }
            let Some(curve) = named.oid() else { return refuse("invalid ECDSA parameters") };
            let (curve, octets) = match curve.as_str() {
                "1.2.840.10045.3.1.7" => (Curve::P256, 32),
                "1.3.132.0.34" => (Curve::P384, 48),
                "1.3.132.0.35" => (Curve::P521, 66),
                "1.3.132.0.33" => (Curve::P224, 28),
                _ => return Err(UNSUPPORTED_CURVE.to_owned()),
            };
            if key.first() != Some(&4) || key.len() != 1 + 2 * octets {
                return refuse("invalid uncompressed public key");
            }
            let algorithm: &'static dyn VerificationAlgorithm = match curve {
                Curve::P224 if legacy_signatures::on_p224(key) => return Ok(VerifyingKey::Ecdsa(curve)),
                Curve::P224 => return refuse("the public key is no point of its curve"),
                Curve::P256 => &alg::ECDSA_P256_SHA256_ASN1,
                Curve::P384 => &alg::ECDSA_P384_SHA384_ASN1,
                Curve::P521 => &alg::ECDSA_P521_SHA512_ASN1,
            };
            match ParsedPublicKey::new(algorithm, key) {
                Err(_) => refuse("the public key is no point of its curve"),
                Ok(_) => Ok(VerifyingKey::Ecdsa(curve)),
            }
        }
        // id-Ed25519.
        "1.3.101.112" => {
            if parameters.is_some() {
                return refuse("Ed25519 key encoded with illegal parameters");
            }
            if key.len() == 32 { Ok(VerifyingKey::Ed25519) } else { refuse("wrong Ed25519 public key size") }
        }
        // id-dsa.
        "1.2.840.10040.4.1" => {
            let positive = |der: &mut Der<'_>| {
                der.integer().is_some_and(|number| number[0] & 0x80 == 0 && number != [0])
            };
            if !positive(&mut Der(key)) {
                return refuse("invalid DSA public key");
            }
            let inner = Der(parameters.unwrap_or_default()).read(SEQUENCE);
            let whole = inner.is_some_and(|mut inner| (0..3).all(|_| positive(&mut inner)));
            if whole { Ok(VerifyingKey::Dsa) } else { refuse("invalid DSA parameters") }
        }
        _ => Ok(VerifyingKey::Unknown),
    }
}
