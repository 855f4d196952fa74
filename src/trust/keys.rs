//! Public keys as Go's parser accepts them (RFC 3279, RFC 5480, RFC 8410).

use aws_lc_rs::signature::{self as alg, ParsedPublicKey, VerificationAlgorithm};

use super::der::{Der, INTEGER, OBJECT_IDENTIFIER, SEQUENCE};

/// Checks a key; of an unknown algorithm everything is accepted, as nothing is verified with it.
///
/// # Errors
/// In Go's words.
pub(super) fn check(oid: &str, parameters: Option<&[u8]>, key: &[u8]) -> Result<(), String> {
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
                Some(exponent) if exponent > 0 && exponent <= i64::MAX as u64 => Ok(()),
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
            let (algorithm, octets): (Option<&'static dyn VerificationAlgorithm>, usize) =
                match curve.as_str() {
                    "1.2.840.10045.3.1.7" => (Some(&alg::ECDSA_P256_SHA256_ASN1), 32),
                    "1.3.132.0.34" => (Some(&alg::ECDSA_P384_SHA384_ASN1), 48),
                    "1.3.132.0.35" => (Some(&alg::ECDSA_P521_SHA512_ASN1), 66),
                    // P-224 is read by Go; aws-lc-rs verifies nothing with it.
                    "1.3.132.0.33" => (None, 28),
                    _ => return refuse("unsupported elliptic curve"),
                };
            if key.first() != Some(&4) || key.len() != 1 + 2 * octets {
                return refuse("invalid uncompressed public key");
            }
            match algorithm.map(|algorithm| ParsedPublicKey::new(algorithm, key)) {
                Some(Err(_)) => refuse("the public key is no point of its curve"),
                _ => Ok(()),
            }
        }
        // id-Ed25519, id-X25519.
        "1.3.101.112" | "1.3.101.110" => {
            if parameters.is_some() {
                return refuse("key encoded with illegal parameters");
            }
            if key.len() == 32 { Ok(()) } else { refuse("wrong public key size") }
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
            if whole { Ok(()) } else { refuse("invalid DSA parameters") }
        }
        _ => Ok(()),
    }
}
