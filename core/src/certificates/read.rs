//! Whatever a person may have: PEM with text around it, DER, PKCS#12, a Kubernetes Secret. A block that
//! cannot be read is named and never hides the next one. Bounded.

use super::keys::promised;
use super::manifest::{looks_like_secret, secret};
use super::pem::{self, BOM, BadSection, Section, Unseen, decode};
use crate::cause::Variant;

/// One thing found in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileObject {
    /// DER.
    Certificate(Vec<u8>),
    /// An unencrypted private key.
    Key(KeyForm, Vec<u8>),
    /// A private key behind a password.
    EncryptedKey,
    /// Something else, by its label: a request, a revocation list, parameters.
    Other(String),
}

/// How a private key is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyForm {
    Pkcs1,
    Pkcs8,
    Sec1,
}

/// What cannot be used in a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObjectFault {
    pub variant: Variant,
    pub message: String,
}

/// A certificate that Go's PEM reader does not see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// Its place among the file's certificates.
    pub place: usize,
    pub openssl_reads_it: bool,
}

/// What was found under one name.
#[derive(Clone, Debug, Default)]
pub struct FileContents {
    /// The path, or `secret/NAME:ENTRY`.
    pub name: String,
    pub blocks: Vec<FileObject>,
    pub faults: Vec<ObjectFault>,
    /// How many certificates and keys have a form or a label that Go's PEM readers pass over.
    pub passed_over: usize,
    /// Certificates that Go's PEM reader does not see.
    pub hidden: Vec<Hidden>,
    /// Certificates whose blocks have headers: Go shows them and trusts none of them.
    pub headed: Vec<usize>,
    /// Whether the first key stands in a block whose label promises another form: Go looks at the content,
    /// OpenSSL 3 at the label.
    pub mislabelled_key: Option<String>,
}

impl FileContents {
    /// The certificates, in the file's order.
    pub fn certificates(&self) -> impl Iterator<Item = &[u8]> {
        self.blocks.iter().filter_map(|block| match block {
            FileObject::Certificate(der) => Some(der.as_slice()),
            _ => None,
        })
    }

    /// The usable private keys.
    pub fn keys(&self) -> impl Iterator<Item = (KeyForm, &[u8])> {
        self.blocks.iter().filter_map(|block| match block {
            FileObject::Key(form, der) => Some((*form, der.as_slice())),
            _ => None,
        })
    }

    /// Whether certificates or keys lie in it and not one as PEM (DER, PKCS#12, UTF-16): Go and OpenSSL see none of them.
    #[must_use]
    pub fn is_no_pem(&self) -> bool {
        !self.blocks.is_empty() && self.hidden.is_empty() && self.passed_over >= self.blocks.len()
    }

    pub(super) fn fault(&mut self, variant: Variant, message: impl Into<String>) {
        self.faults.push(ObjectFault { variant, message: message.into() });
    }
}

/// No certificate file comes near these.
pub const SIZE_LIMIT: usize = 16 * 1024 * 1024;

/// Reads bytes as whatever they are; a Kubernetes Secret gives one result for each of its entries.
#[must_use]
pub fn bytes(name: &str, bytes: &[u8], password: Option<&str>) -> Vec<FileContents> {
    let mut found = FileContents { name: name.to_owned(), ..FileContents::default() };
    if bytes.strip_prefix(BOM).unwrap_or(bytes).iter().all(u8::is_ascii_whitespace) {
        found.fault(Variant::NoPem, "it is empty");
        return vec![found];
    }
    if bytes.len() > SIZE_LIMIT {
        found.fault(Variant::WrongKind, "it is larger than 16 MiB");
        return vec![found];
    }
    if bytes.first() == Some(&0x30) && binary(&mut found, bytes, password) {
        return vec![found];
    }
    if bytes.starts_with(&[0xfe, 0xed, 0xfe, 0xed]) {
        found.fault(
            Variant::WrongKind,
            "it is a Java key store; `keytool -exportcert -rfc` writes the certificate as PEM",
        );
        return vec![found];
    }
    if let Some(text) = utf16(bytes) {
        found.fault(
            Variant::WrongKind,
            "it is written in UTF-16; Go and OpenSSL read no PEM from it: save it as UTF-8",
        );
        pem(&mut found, text.as_bytes(), password);
        found.passed_over = found.blocks.len();
        return vec![found];
    }
    let begins = pem::begins(bytes);
    if looks_like_secret(bytes)
        && let Some(entries) = secret(name, bytes, password)
    {
        return entries;
    }
    if begins {
        pem(&mut found, bytes, password);
    }
    if found.blocks.is_empty() && found.faults.is_empty() {
        let message = if begins {
            "it holds no complete PEM block"
        } else if base64_der(bytes) {
            "it is bare base64; PEM has `-----BEGIN CERTIFICATE-----` around it"
        } else {
            "it holds no PEM block"
        };
        found.fault(Variant::NoPem, message);
    }
    vec![found]
}

/// DER of a certificate, of a key, or a PKCS#12 container.
pub(super) fn binary(found: &mut FileContents, bytes: &[u8], password: Option<&str>) -> bool {
    let Some((header, length)) = frame(bytes) else { return false };
    let body = bytes.get(header..).unwrap_or_default();
    if body.starts_with(&[0x02, 0x01, 0x03]) {
        pkcs12(found, bytes, password);
        return true;
    }
    let whole = bytes.get(..header + length);
    if body.starts_with(&[0x02, 0x01]) {
        match body.get(2..4) {
            Some([0, 0x30]) => found.blocks.push(FileObject::Key(KeyForm::Pkcs8, bytes.to_vec())),
            Some([0, 0x02]) => found.blocks.push(FileObject::Key(KeyForm::Pkcs1, bytes.to_vec())),
            Some([1, 0x04]) => found.blocks.push(FileObject::Key(KeyForm::Sec1, bytes.to_vec())),
            _ => return false,
        }
        found.passed_over += 1;
        found.fault(
            Variant::WrongKind,
            "it is a DER key; Cordum's services read PEM: convert it with `openssl pkey -inform der`",
        );
        return true;
    }
    match whole {
        Some(whole) => {
            found.blocks.push(FileObject::Certificate(whole.to_vec()));
            found.passed_over += 1;
            found.fault(
                Variant::WrongKind,
                "it is DER; Cordum's services, NATS and Redis read PEM: convert it with \
                 `openssl x509 -inform der -in FILE -out FILE.pem`",
            );
            if bytes.len() > header + length {
                found.fault(Variant::WrongKind, "bytes follow the certificate");
            }
        }
        None => found.fault(Variant::WrongKind, "it is cut off: the DER announces more bytes than there are"),
    }
    true
}

fn pkcs12(found: &mut FileContents, bytes: &[u8], password: Option<&str>) {
    use p12_keystore::{KeyStore, KeyStoreEntry, Pkcs12ImportPolicy};
    const CONVERT: &str = "`openssl pkcs12 -in FILE -nodes -out FILE.pem` converts it";
    let Some(password) = password else {
        found.fault(
            Variant::WrongKind,
            format!("it is a PKCS#12 container; give --password-file to look inside; Cordum's services read PEM: {CONVERT}"),
        );
        return;
    };
    match KeyStore::from_pkcs12(bytes, password, Pkcs12ImportPolicy::Relaxed) {
        Ok(store) => {
            for (_, entry) in store.entries() {
                match entry {
                    KeyStoreEntry::Certificate(one) => {
                        found.blocks.push(FileObject::Certificate(one.as_der().to_vec()));
                    }
                    KeyStoreEntry::PrivateKeyChain(chain) => {
                        found.blocks.push(FileObject::Key(KeyForm::Pkcs8, chain.key().as_der().to_vec()));
                        let certificates = chain.certs().iter().map(|one| one.as_der().to_vec());
                        found.blocks.extend(certificates.map(FileObject::Certificate));
                    }
                    _ => found.blocks.push(FileObject::Other("secret".to_owned())),
                }
            }
            found.passed_over = found.blocks.len();
            found.fault(
                Variant::WrongKind,
                format!("it is a PKCS#12 container; Cordum's services read PEM: {CONVERT}"),
            );
        }
        Err(_) => found.fault(
            Variant::Encrypted,
            "it is a PKCS#12 container that the password does not open (or a damaged one)",
        ),
    }
}

/// PEM blocks, and what cannot be read of them, each on its own.
pub(super) fn pem(found: &mut FileContents, bytes: &[u8], password: Option<&str>) {
    let mut unseen = Vec::new();
    for (index, section) in pem::sections(bytes).enumerate() {
        match section {
            Ok(section) => {
                let (why, blocks, place) = (section.unseen, found.blocks.len(), found.certificates().count());
                block(found, section, password);
                if let Some(why) = why.filter(|_| found.blocks.len() > blocks) {
                    let place = Some(place).filter(|place| found.certificates().count() > *place);
                    unseen.push((index + 1, place, why));
                }
            }
            Err(bad) => {
                let variant = if bad == BadSection::TooMany { Variant::WrongKind } else { Variant::NoPem };
                found.fault(variant, bad.to_string());
            }
        }
    }
    hide(found, &unseen);
}

/// The blocks that Go's reader does not see, each by its number, its place among the certificates if it is one,
/// and why.
fn hide(found: &mut FileContents, unseen: &[(usize, Option<usize>, Unseen)]) {
    found.passed_over += unseen.len();
    found.hidden.extend(unseen.iter().filter_map(|(_, place, why)| {
        place.map(|place| Hidden { place, openssl_reads_it: why.openssl_sees_it() })
    }));
    let certificates = found.certificates().count();
    let all = certificates > 0 && found.hidden.len() == certificates;
    for (number, place, why) in unseen {
        // A key, or the only certificate, that nobody sees is none.
        let variant = if all || place.is_none() { Variant::NoPem } else { Variant::WrongKind };
        let what = if place.is_some() { "certificate" } else { "block" };
        found.fault(variant, format!("Go passes over the {what} in block {number}: {why}"));
    }
}

fn block(found: &mut FileContents, section: Section, password: Option<&str>) {
    let Section { label, encrypted, der, has_headers, unseen: _ } = section;
    if has_headers && label == "CERTIFICATE" {
        found.headed.push(found.certificates().count());
        let message = "a certificate has headers in its block: Go trusts none that has; take them out";
        found.fault(Variant::WrongKind, message);
    }
    let block = match label.as_str() {
        "CERTIFICATE" | "TRUSTED CERTIFICATE" | "X509 CERTIFICATE" => {
            if label != "CERTIFICATE" {
                let message =
                    format!("a block is labelled `{label}`: Go reads `CERTIFICATE` alone and passes it over");
                found.fault(Variant::WrongKind, message);
                found.passed_over += 1;
                let place = found.certificates().count();
                found.hidden.push(Hidden { place, openssl_reads_it: true });
            }
            FileObject::Certificate(der)
        }
        "ENCRYPTED PRIVATE KEY" => FileObject::EncryptedKey,
        "PRIVATE KEY" | "RSA PRIVATE KEY" | "EC PRIVATE KEY" if encrypted => FileObject::EncryptedKey,
        // crypto/tls tries every form, whatever the label promises.
        label if label == "PRIVATE KEY" || label.ends_with(" PRIVATE KEY") => {
            let promised = promised(label);
            match KeyForm::of(&der).or(promised) {
                Some(form) => {
                    if promised != Some(form) && found.keys().next().is_none() {
                        found.mislabelled_key = Some(format!(
                            "the key is labelled `{label}` and is {} inside, which `{}` stands for: Go reads it, \
                             OpenSSL 3 (nginx, Redis, curl) does not",
                            form.name(),
                            form.label()
                        ));
                    }
                    FileObject::Key(form, der)
                }
                None => FileObject::Other(label.to_owned()),
            }
        }
        "PKCS12" => return pkcs12(found, &der, password),
        _ => FileObject::Other(label),
    };
    found.blocks.push(block);
}

pub(super) fn base64_der(bytes: &[u8]) -> bool {
    decode(bytes).is_some_and(|der| der.first() == Some(&0x30))
}

fn utf16(bytes: &[u8]) -> Option<String> {
    let little = match bytes.get(..2)? {
        [0xff, 0xfe] => true,
        [0xfe, 0xff] => false,
        _ => return None,
    };
    let units = bytes[2..].chunks_exact(2).map(|pair| {
        if little { u16::from_le_bytes([pair[0], pair[1]]) } else { u16::from_be_bytes([pair[0], pair[1]]) }
    });
    Some(char::decode_utf16(units).map(|c| c.unwrap_or('\u{fffd}')).collect())
}

/// Header and content length of the outer DER element.
pub(super) fn frame(bytes: &[u8]) -> Option<(usize, usize)> {
    let first = *bytes.get(1)?;
    if first & 0x80 == 0 {
        return Some((2, usize::from(first)));
    }
    let count = usize::from(first & 0x7f);
    if count == 0 || count > 4 {
        return None;
    }
    let length = bytes.get(2..2 + count)?.iter().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
    Some((2 + count, length))
}
