//! What a certificate says of itself, as promised in the report.

use std::net::IpAddr;

use aws_lc_rs::digest;
use serde::Serialize;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::prelude::FromDer;
use x509_parser::public_key::PublicKey;

use crate::x509::Parsed;

/// A certificate in a file.
#[derive(Clone, Debug, Serialize)]
pub struct CertificateSummary {
    pub file: String,
    /// Place in the file, from 0.
    pub index: usize,
    pub subject: String,
    pub issuer: String,
    /// Hexadecimal.
    pub serial: String,
    pub not_before: String,
    pub not_after: String,
    pub sans: Vec<String>,
    /// `EC P-256`, `RSA 2048`, `Ed25519`.
    pub key: String,
    pub signature: String,
    pub ekus: Vec<String>,
    pub key_usages: Vec<String>,
    pub is_ca: bool,
    pub path_length: Option<u32>,
    /// SHA-256 of the DER, hexadecimal.
    pub sha256: String,
    #[serde(skip)]
    pub der: Vec<u8>,
    #[serde(skip)]
    pub begins: OffsetDateTime,
    #[serde(skip)]
    pub ends: OffsetDateTime,
    #[serde(skip)]
    pub raw_serial: Vec<u8>,
    #[serde(skip)]
    pub bits: usize,
    #[serde(skip)]
    pub spki: Vec<u8>,
    #[serde(skip)]
    pub common_name: Option<String>,
    #[serde(skip)]
    pub self_issued: bool,
    /// Why Go reads it not at all.
    #[serde(skip)]
    pub unread_by_go: Option<String>,
}

impl CertificateSummary {
    /// Reads DER.
    ///
    /// # Errors
    /// Why nothing can be read from it.
    pub fn read(file: &str, index: usize, der: &[u8]) -> Result<Self, String> {
        let (_, certificate) = match X509Certificate::from_der(der) {
            Ok(read) => read,
            // Go reads what this parser does not: dates with a zone, for one.
            Err(error) => {
                let parsed = Parsed::read(der).map_err(|_| format!("no X.509 certificate: {error}"))?;
                return Ok(Self::of_go(file, index, der, &parsed));
            }
        };
        let (key, bits) = key(&certificate);
        let instant = |at: OffsetDateTime| at.format(&Rfc3339).unwrap_or_default();
        let validity = certificate.validity();
        let (begins, ends) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
        let basic = certificate.basic_constraints().ok().flatten();
        Ok(Self {
            file: file.to_owned(),
            index,
            subject: certificate.subject().to_string(),
            issuer: certificate.issuer().to_string(),
            serial: hex(certificate.raw_serial()),
            not_before: instant(begins),
            not_after: instant(ends),
            sans: sans(&certificate),
            key,
            signature: signature(&certificate.signature_algorithm.algorithm.to_id_string()),
            ekus: ekus(&certificate),
            key_usages: key_usages(&certificate),
            is_ca: basic.as_ref().is_some_and(|basic| basic.value.ca),
            path_length: basic.as_ref().and_then(|basic| basic.value.path_len_constraint),
            sha256: hex(digest::digest(&digest::SHA256, der).as_ref()),
            der: der.to_vec(),
            begins,
            ends,
            raw_serial: certificate.raw_serial().to_vec(),
            bits,
            spki: certificate.public_key().raw.to_vec(),
            common_name: certificate
                .subject()
                .iter_common_name()
                .next()
                .and_then(|name| name.as_str().ok())
                .map(str::to_owned),
            self_issued: certificate.subject().as_raw() == certificate.issuer().as_raw(),
            unread_by_go: Parsed::read(der).err(),
        })
    }

    /// What Go's reading tells, which is less.
    fn of_go(file: &str, index: usize, der: &[u8], parsed: &Parsed) -> Self {
        let instant = |at: i64| OffsetDateTime::from_unix_timestamp(at).unwrap_or(OffsetDateTime::UNIX_EPOCH);
        let shown = |at: i64| instant(at).format(&Rfc3339).unwrap_or_default();
        let of_ip = |octets: &Vec<u8>| address(octets);
        let usages: [(bool, &str); 1] = [(parsed.signs_certificates() == Some(true), "keyCertSign")];
        let (key, bits) = parsed.key_kind();
        Self {
            file: file.to_owned(),
            index,
            subject: parsed.subject.clone(),
            issuer: parsed.issuer.clone(),
            serial: hex(&parsed.serial),
            not_before: shown(parsed.not_before),
            not_after: shown(parsed.not_after),
            sans: parsed.dns.iter().cloned().chain(parsed.ips.iter().map(of_ip)).take(1000).collect(),
            key,
            signature: signature(parsed.signed_with()),
            ekus: parsed.ekus.iter().map(|eku| usage(eku).to_owned()).collect(),
            key_usages: usages.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect(),
            is_ca: parsed.is_ca == Some(true),
            path_length: parsed.path_length,
            sha256: hex(digest::digest(&digest::SHA256, der).as_ref()),
            der: der.to_vec(),
            begins: instant(parsed.not_before),
            ends: instant(parsed.not_after),
            raw_serial: parsed.serial.clone(),
            bits,
            spki: parsed.spki().to_vec(),
            common_name: None,
            self_issued: parsed.is_self_issued(),
            unread_by_go: None,
        }
    }

    /// Go's reading of it. It is read anew: of thousands of certificates few are asked for.
    ///
    /// # Errors
    /// Why Go reads it not at all.
    pub fn parsed(&self) -> Result<Parsed, String> {
        Parsed::read(&self.der)
    }

    /// The common name, or the whole subject where there is none.
    #[must_use]
    pub fn called(&self) -> &str {
        self.common_name.as_deref().unwrap_or(if self.subject.is_empty() {
            "(no subject)"
        } else {
            &self.subject
        })
    }

    /// Days from `at` to the end; negative when it has passed.
    #[must_use]
    pub fn days_left(&self, at: OffsetDateTime) -> i64 {
        (self.ends - at).whole_days()
    }

    /// What it is for, in a word or two.
    #[must_use]
    pub fn purpose(&self) -> &'static str {
        let has = |name: &str| self.ekus.iter().any(|eku| eku == name || eku == "anyExtendedKeyUsage");
        match (self.is_ca, has("serverAuth"), has("clientAuth"), self.ekus.is_empty()) {
            (true, ..) => "CA",
            (_, true, true, _) => "server and client",
            (_, true, false, _) => "server",
            (_, false, true, _) => "client",
            (_, _, _, true) => "any use",
            _ => "neither server nor client",
        }
    }
}

fn key(certificate: &X509Certificate<'_>) -> (String, usize) {
    let spki = certificate.public_key();
    let algorithm = spki.algorithm.algorithm.to_id_string();
    match (algorithm.as_str(), spki.parsed()) {
        (_, Ok(PublicKey::RSA(rsa))) => {
            // The modulus may carry a leading zero octet.
            let modulus: &[u8] = rsa.modulus.strip_prefix(&[0]).unwrap_or(rsa.modulus);
            let lead = modulus.first().map_or(0, |byte| byte.leading_zeros() as usize);
            let bits = (modulus.len() * 8).saturating_sub(lead);
            let kind = if algorithm == "1.2.840.113549.1.1.10" { "RSA-PSS" } else { "RSA" };
            (format!("{kind} {bits}"), bits)
        }
        ("1.2.840.10045.2.1", _) => {
            let curve = spki
                .algorithm
                .parameters
                .as_ref()
                .and_then(|any| any.as_oid().ok())
                .map(|oid| oid.to_id_string());
            match curve.as_deref() {
                Some("1.2.840.10045.3.1.7") => ("EC P-256".to_owned(), 256),
                Some("1.3.132.0.34") => ("EC P-384".to_owned(), 384),
                Some("1.3.132.0.35") => ("EC P-521".to_owned(), 521),
                Some("1.3.132.0.33") => ("EC P-224".to_owned(), 224),
                Some("1.3.132.0.10") => ("EC 1.3.132.0.10 (secp256k1)".to_owned(), 256),
                Some(other) => (format!("EC {other}"), 0),
                None => ("EC with explicit parameters".to_owned(), 0),
            }
        }
        ("1.3.101.112", _) => ("Ed25519".to_owned(), 256),
        ("1.3.101.113", _) => ("Ed448".to_owned(), 448),
        ("1.2.840.10040.4.1", _) => ("DSA".to_owned(), 0),
        (other, _) => (other.to_owned(), 0),
    }
}

fn signature(id: &str) -> String {
    match id {
        "1.2.840.113549.1.1.2" => "MD2-RSA",
        "1.2.840.113549.1.1.4" => "MD5-RSA",
        "1.2.840.113549.1.1.5" => "SHA1-RSA",
        "1.2.840.113549.1.1.10" => "RSA-PSS",
        "1.2.840.113549.1.1.11" => "SHA256-RSA",
        "1.2.840.113549.1.1.12" => "SHA384-RSA",
        "1.2.840.113549.1.1.13" => "SHA512-RSA",
        "1.2.840.10045.4.1" => "ECDSA-SHA1",
        "1.2.840.10045.4.3.2" => "ECDSA-SHA256",
        "1.2.840.10045.4.3.3" => "ECDSA-SHA384",
        "1.2.840.10045.4.3.4" => "ECDSA-SHA512",
        "1.2.840.10040.4.3" => "DSA-SHA1",
        "1.3.101.112" => "Ed25519",
        other => other,
    }
    .to_owned()
}

/// Every subject alternative name that a TLS client looks at, and the others by their kind.
fn sans(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else { return Vec::new() };
    extension
        .value
        .general_names
        .iter()
        .take(1000)
        .map(|name| match name {
            GeneralName::DNSName(name) => (*name).to_owned(),
            GeneralName::IPAddress(octets) => address(octets),
            GeneralName::RFC822Name(mail) => format!("email:{mail}"),
            GeneralName::URI(uri) => format!("uri:{uri}"),
            other => format!("other:{other}"),
        })
        .collect()
}

fn address(octets: &[u8]) -> String {
    if let Ok(four) = <[u8; 4]>::try_from(octets) {
        return IpAddr::from(four).to_string();
    }
    <[u8; 16]>::try_from(octets)
        .map_or_else(|_| format!("address of {} octets", octets.len()), |all| IpAddr::from(all).to_string())
}

fn usage(id: &str) -> &str {
    match id {
        "2.5.29.37.0" => "anyExtendedKeyUsage",
        "1.3.6.1.5.5.7.3.1" => "serverAuth",
        "1.3.6.1.5.5.7.3.2" => "clientAuth",
        other => other,
    }
}

fn ekus(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.extended_key_usage() else { return Vec::new() };
    let usage = extension.value;
    let named = [
        (usage.any, "anyExtendedKeyUsage"),
        (usage.server_auth, "serverAuth"),
        (usage.client_auth, "clientAuth"),
        (usage.code_signing, "codeSigning"),
        (usage.email_protection, "emailProtection"),
        (usage.time_stamping, "timeStamping"),
        (usage.ocsp_signing, "OCSPSigning"),
    ];
    let mut names: Vec<String> =
        named.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect();
    names.extend(usage.other.iter().map(|other| other.to_id_string()));
    names
}

fn key_usages(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.key_usage() else { return Vec::new() };
    let usage = extension.value;
    let named = [
        (usage.digital_signature(), "digitalSignature"),
        (usage.non_repudiation(), "nonRepudiation"),
        (usage.key_encipherment(), "keyEncipherment"),
        (usage.data_encipherment(), "dataEncipherment"),
        (usage.key_agreement(), "keyAgreement"),
        (usage.key_cert_sign(), "keyCertSign"),
        (usage.crl_sign(), "cRLSign"),
        (usage.encipher_only(), "encipherOnly"),
        (usage.decipher_only(), "decipherOnly"),
    ];
    named.iter().filter(|(set, _)| *set).map(|(_, name)| (*name).to_owned()).collect()
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}
