//! Private keys: whether one can be used, and whether it belongs to a certificate. A key is read, never
//! shown.

use rustls_pki_types::{PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer};

use super::read::{KeyForm, frame};
use super::source::CertificateSource;
use super::summary::CertificateSummary;

impl KeyForm {
    /// The form of a key, by its first elements (RFC 8017, A.1.2; RFC 5915, 3; RFC 5958, 2).
    pub(super) fn of(der: &[u8]) -> Option<Self> {
        let (header, _) = frame(der).filter(|_| der.first() == Some(&0x30))?;
        match (der.get(header..header + 3)?, der.get(header + 3)?) {
            ([0x02, 0x01, 0 | 1], 0x30) => Some(Self::Pkcs8),
            ([0x02, 0x01, 0 | 1], 0x02) => Some(Self::Pkcs1),
            ([0x02, 0x01, 1], 0x04) => Some(Self::Sec1),
            _ => None,
        }
    }

    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Pkcs1 => "RSA PRIVATE KEY",
            Self::Pkcs8 => "PRIVATE KEY",
            Self::Sec1 => "EC PRIVATE KEY",
        }
    }

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Pkcs1 => "an RSA key (PKCS#1)",
            Self::Pkcs8 => "PKCS#8",
            Self::Sec1 => "an EC key (SEC 1)",
        }
    }
}

/// The form that a label promises.
pub(super) fn promised(label: &str) -> Option<KeyForm> {
    match label {
        "PRIVATE KEY" => Some(KeyForm::Pkcs8),
        "RSA PRIVATE KEY" => Some(KeyForm::Pkcs1),
        "EC PRIVATE KEY" => Some(KeyForm::Sec1),
        _ => None,
    }
}

/// Whether a key belongs to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fit {
    Fits,
    Other,
    /// Of a kind that cannot be compared here.
    Unknown,
}

/// The frame that every form of a key has (RFC 5958, 2; RFC 8017, A.1.2; RFC 5915, 3): one sequence that
/// begins with its version.
#[must_use]
pub(super) fn well_formed(der: &[u8]) -> bool {
    use x509_parser::der_parser::asn1_rs::{Any, FromDer, Sequence};
    let Ok((rest, outer)) = Sequence::from_der(der) else { return false };
    let version = Any::from_der(outer.content.as_ref());
    rest.is_empty() && version.is_ok_and(|(more, version)| version.tag().0 == 2 && !more.is_empty())
}

/// Compares public keys.
#[must_use]
pub(super) fn fit(form: KeyForm, der: &[u8], certificate: &CertificateSummary) -> Fit {
    let key = match form {
        KeyForm::Pkcs1 => PrivateKeyDer::Pkcs1(PrivatePkcs1KeyDer::from(der)),
        KeyForm::Pkcs8 => PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der)),
        KeyForm::Sec1 => PrivateKeyDer::Sec1(PrivateSec1KeyDer::from(der)),
    };
    let public = rustls::crypto::aws_lc_rs::sign::any_supported_type(&key)
        .ok()
        .and_then(|signer| signer.public_key().map(|public| public.as_ref().to_vec()));
    if let Some(public) = public {
        return if public == certificate.spki { Fit::Fits } else { Fit::Other };
    }
    // RSA keys that the library refuses to use, as those below 2048 bits: the modulus tells.
    match rsa_modulus(form, der) {
        Some(modulus) if memchr::memmem::find(&certificate.spki, modulus).is_some() => Fit::Fits,
        Some(_) => Fit::Other,
        None => Fit::Unknown,
    }
}

/// Whether a file's first key is a certificate's; `None`: it holds none, or one that cannot be compared.
#[must_use]
pub fn belongs(source: &CertificateSource, certificate: &CertificateSummary) -> Option<bool> {
    let (form, der) = source.found.keys().next()?;
    match fit(form, der, certificate) {
        Fit::Fits => Some(true),
        Fit::Other => Some(false),
        Fit::Unknown => None,
    }
}

/// The modulus of RSAPrivateKey (RFC 8017, A.1.2), bare or in PKCS#8.
fn rsa_modulus(form: KeyForm, der: &[u8]) -> Option<&[u8]> {
    use x509_parser::der_parser::asn1_rs::{Any, FromDer, Integer, OctetString, Sequence};
    let inner = match form {
        KeyForm::Sec1 => return None,
        KeyForm::Pkcs1 => der,
        KeyForm::Pkcs8 => {
            let (_, outer) = Sequence::from_der(der).ok()?;
            let content = borrowed(&outer, der)?;
            let (rest, _) = Integer::from_der(content).ok()?;
            let (rest, algorithm) = Any::from_der(rest).ok()?;
            // rsaEncryption, 1.2.840.113549.1.1.1.
            const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
            memchr::memmem::find(algorithm.data, RSA)?;
            let (_, octets) = OctetString::from_der(rest).ok()?;
            let length = octets.as_cow().len();
            let start = memchr::memmem::find(der, octets.as_cow().as_ref())?;
            der.get(start..start + length)?
        }
    };
    let (_, outer) = Sequence::from_der(inner).ok()?;
    let content = borrowed(&outer, inner)?;
    let (rest, _) = Integer::from_der(content).ok()?;
    let (_, modulus) = Any::from_der(rest).ok()?;
    Some(modulus.data).filter(|modulus| modulus.len() >= 32)
}

/// The content of a sequence as part of the bytes that it was read from.
fn borrowed<'a>(
    sequence: &x509_parser::der_parser::asn1_rs::Sequence<'_>,
    from: &'a [u8],
) -> Option<&'a [u8]> {
    let length = sequence.content.len();
    let start = memchr::memmem::find(from, sequence.content.as_ref())?;
    from.get(start..start + length)
}
