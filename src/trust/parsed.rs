//! A certificate as Go reads it: what it refuses to parse is refused here.

use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::{GeneralName, ParsedExtension};
use x509_parser::prelude::FromDer;

/// A certificate, read once.
#[derive(Clone, Debug)]
pub struct Parsed {
    pub der: Vec<u8>,
    pub subject: String,
    pub issuer: String,
    pub(super) raw_subject: Vec<u8>,
    pub(super) raw_issuer: Vec<u8>,
    pub(super) raw_spki: Vec<u8>,
    pub(super) tbs: Vec<u8>,
    pub(super) signature_oid: String,
    pub(super) signature_parameters: Vec<u8>,
    pub(super) signature: Vec<u8>,
    pub(super) version: u32,
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
    pub(super) permitted: Vec<Subtree>,
    pub(super) excluded: Vec<Subtree>,
    pub(super) unhandled: Option<String>,
    /// Identifiers of keys, for ordering.
    pub(super) subject_key: Option<Vec<u8>>,
    pub(super) authority_key: Option<Vec<u8>>,
}

/// One name constraint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subtree {
    Dns(String),
    Ip(Vec<u8>, Vec<u8>),
    Email(String),
    Uri(String),
}

const SAN: &str = "2.5.29.17";

impl Parsed {
    /// Reads DER.
    ///
    /// # Errors
    /// Why Go's parser refuses it.
    pub fn read(der: &[u8]) -> Result<Self, String> {
        if der.first() != Some(&0x30) {
            return Err("x509: malformed certificate".to_owned());
        }
        let (rest, certificate) = X509Certificate::from_der(der)
            .map_err(|error| format!("x509: malformed certificate ({error})"))?;
        if !rest.is_empty() {
            return Err("x509: trailing data".to_owned());
        }
        let tbs = &certificate.tbs_certificate;
        if tbs.raw_serial().first().is_some_and(|byte| byte & 0x80 != 0) {
            return Err("x509: negative serial number".to_owned());
        }
        if tbs.signature != certificate.signature_algorithm {
            return Err("x509: inner and outer signature algorithm identifiers don't match".to_owned());
        }
        if !framed(der, tbs.as_ref().len()) {
            return Err("x509: malformed certificate".to_owned());
        }
        let mut parsed = Self {
            der: der.to_vec(),
            subject: tbs.subject.to_string(),
            issuer: tbs.issuer.to_string(),
            raw_subject: tbs.subject.as_raw().to_vec(),
            raw_issuer: tbs.issuer.as_raw().to_vec(),
            raw_spki: tbs.subject_pki.raw.to_vec(),
            tbs: tbs.as_ref().to_vec(),
            signature_oid: certificate.signature_algorithm.algorithm.to_id_string(),
            signature_parameters: certificate
                .signature_algorithm
                .parameters
                .as_ref()
                .map(|any| any.data.to_vec())
                .unwrap_or_default(),
            signature: certificate.signature_value.data.to_vec(),
            version: tbs.version.0 + 1,
            not_before: tbs.validity.not_before.timestamp(),
            not_after: tbs.validity.not_after.timestamp(),
            is_ca: None,
            path_length: None,
            key_cert_sign: None,
            ekus: Vec::new(),
            dns: Vec::new(),
            ips: Vec::new(),
            emails: Vec::new(),
            uris: Vec::new(),
            raw_san: None,
            permitted: Vec::new(),
            excluded: Vec::new(),
            unhandled: None,
            subject_key: None,
            authority_key: None,
        };
        let mut seen = std::collections::BTreeSet::new();
        for extension in tbs.extensions() {
            let id = extension.oid.to_id_string();
            if !seen.insert(id.clone()) {
                return Err("x509: certificate contains duplicate extensions".to_owned());
            }
            let handled = parsed.extension(&id, extension)?;
            if extension.critical && !handled {
                parsed.unhandled.get_or_insert(id);
            }
        }
        Ok(parsed)
    }

    /// Takes an extension in; `false`: Go does not handle it.
    fn extension(
        &mut self,
        id: &str,
        extension: &x509_parser::extensions::X509Extension<'_>,
    ) -> Result<bool, String> {
        match extension.parsed_extension() {
            ParsedExtension::BasicConstraints(basic) => {
                self.is_ca = Some(basic.ca);
                self.path_length = basic.path_len_constraint;
            }
            ParsedExtension::KeyUsage(usage) => {
                // Go: no bit set is as if there were no such extension.
                self.key_cert_sign = (usage.flags != 0).then(|| usage.key_cert_sign());
            }
            ParsedExtension::ExtendedKeyUsage(usage) => {
                let named = [
                    (usage.any, "2.5.29.37.0"),
                    (usage.server_auth, "1.3.6.1.5.5.7.3.1"),
                    (usage.client_auth, "1.3.6.1.5.5.7.3.2"),
                    (usage.code_signing, "1.3.6.1.5.5.7.3.3"),
                    (usage.email_protection, "1.3.6.1.5.5.7.3.4"),
                    (usage.time_stamping, "1.3.6.1.5.5.7.3.8"),
                    (usage.ocsp_signing, "1.3.6.1.5.5.7.3.9"),
                ];
                self.ekus.extend(named.iter().filter(|(set, _)| *set).map(|(_, id)| (*id).to_owned()));
                self.ekus.extend(usage.other.iter().map(|other| other.to_id_string()));
            }
            ParsedExtension::SubjectAlternativeName(names) => {
                self.raw_san = Some(extension.value.to_vec());
                for name in &names.general_names {
                    match name {
                        GeneralName::DNSName(name) => self.dns.push((*name).to_owned()),
                        GeneralName::RFC822Name(name) => self.emails.push((*name).to_owned()),
                        GeneralName::URI(uri) => self.uris.push((*uri).to_owned()),
                        GeneralName::IPAddress(ip) if matches!(ip.len(), 4 | 16) => {
                            self.ips.push(ip.to_vec())
                        }
                        GeneralName::IPAddress(ip) => {
                            return Err(format!("x509: cannot parse IP address of length {}", ip.len()));
                        }
                        _ => {}
                    }
                }
                return Ok(!(self.dns.is_empty()
                    && self.ips.is_empty()
                    && self.emails.is_empty()
                    && self.uris.is_empty()));
            }
            ParsedExtension::NameConstraints(constraints) => {
                let mut handled = true;
                for (subtrees, into) in [
                    (&constraints.permitted_subtrees, &mut self.permitted),
                    (&constraints.excluded_subtrees, &mut self.excluded),
                ] {
                    for subtree in subtrees.iter().flatten() {
                        match super::constraints::subtree(&subtree.base)? {
                            Some(subtree) => into.push(subtree),
                            None => handled = false,
                        }
                    }
                }
                if self.permitted.is_empty() && self.excluded.is_empty() && handled {
                    return Err("x509: empty name constraints extension".to_owned());
                }
                return Ok(handled);
            }
            ParsedExtension::SubjectKeyIdentifier(key) => {
                if extension.critical {
                    return Err("x509: subject key identifier incorrectly marked critical".to_owned());
                }
                self.subject_key = Some(key.0.to_vec());
            }
            ParsedExtension::AuthorityKeyIdentifier(key) => {
                if extension.critical {
                    return Err("x509: authority key identifier incorrectly marked critical".to_owned());
                }
                self.authority_key = key.key_identifier.as_ref().map(|key| key.0.to_vec());
            }
            ParsedExtension::AuthorityInfoAccess(_) if extension.critical => {
                return Err("x509: authority info access incorrectly marked critical".to_owned());
            }
            ParsedExtension::ParseError { .. } if id == SAN || id.starts_with("2.5.29.") => {
                return Err(format!("x509: invalid extension {id}"));
            }
            _ => {
                return Ok(matches!(
                    id,
                    "2.5.29.31" | "2.5.29.32" | "2.5.29.33" | "2.5.29.36" | "2.5.29.54" | "1.3.6.1.5.5.7.1.1"
                ));
            }
        }
        Ok(true)
    }

    /// Subject equals issuer.
    #[must_use]
    pub fn is_self_issued(&self) -> bool {
        self.raw_subject == self.raw_issuer
    }
}

/// The tags around the signed part, which the parser is lenient about: SEQUENCE, then BIT STRING
/// without unused bits.
fn framed(der: &[u8], signed: usize) -> bool {
    let header = match der.get(1) {
        Some(length) if length & 0x80 != 0 => 2 + usize::from(length & 0x7f),
        _ => 2,
    };
    let algorithm = header + signed;
    let Some(&length) = der.get(algorithm + 1) else { return false };
    let signature = algorithm + 2 + usize::from(length);
    let bits = match der.get(signature + 1) {
        Some(length) if length & 0x80 != 0 => signature + 2 + usize::from(length & 0x7f),
        _ => signature + 2,
    };
    // Go compares both algorithm identifiers byte by byte.
    let twice = der
        .get(algorithm..signature)
        .zip(der.get(header..algorithm))
        .is_some_and(|(outer, signed)| memchr::memmem::find(signed, outer).is_some());
    twice
        && der.get(algorithm) == Some(&0x30)
        && der.get(signature) == Some(&0x03)
        && der.get(bits) == Some(&0)
}
