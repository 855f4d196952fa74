//! The PEM files that the checks are made with. CRLF, a byte order mark, text between blocks and
//! bundles are read; what cannot be used is named with its file.

use std::io;
use std::path::Path;

use rustls_pki_types::{
    CertificateDer, PrivateKeyDer, PrivatePkcs1KeyDer, PrivatePkcs8KeyDer, PrivateSec1KeyDer,
};
use tls_verify_checks::cause::Variant;
use tls_verify_checks::fault::FileFault;
use tls_verify_checks::stack::Identity;
use tls_verify_core::certificates::pem::{self, Section};
use tls_verify_core::certificates::read;
use tls_verify_core::remedy::shell;

/// Certificates of a file, and what else was noticed in it.
#[derive(Debug)]
pub struct PemCertificates {
    pub certificates: Vec<CertificateDer<'static>>,
    pub notes: Vec<String>,
}

/// No certificate file comes near this; a larger one is not read into memory.
const FILE_LIMIT: u64 = 16 * 1024 * 1024;

fn fault(file: &Path, variant: Variant, message: impl Into<String>) -> FileFault {
    FileFault { file: file.to_owned(), variant, message: message.into(), mismatch: false }
}

fn bytes(file: &Path, what: &str) -> Result<Vec<u8>, FileFault> {
    let shown = file.display();
    let of = |error: &io::Error| {
        let variant = match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => Variant::FileMissing,
            io::ErrorKind::PermissionDenied => Variant::PermissionDenied,
            _ => Variant::WrongKind,
        };
        let why = match error.kind() {
            io::ErrorKind::NotFound => "does not exist".to_owned(),
            io::ErrorKind::PermissionDenied => "cannot be read: permission denied".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        fault(file, variant, format!("{what} {shown} {why}"))
    };
    let meta = std::fs::metadata(file).map_err(|error| of(&error))?;
    if meta.is_dir() {
        return Err(fault(file, Variant::WrongKind, format!("{what} {shown} is a directory, not a file")));
    }
    if meta.len() > FILE_LIMIT {
        return Err(fault(file, Variant::WrongKind, format!("{what} {shown} is larger than 16 MiB")));
    }
    let bytes = std::fs::read(file).map_err(|error| of(&error))?;
    Ok(bytes.strip_prefix(b"\xef\xbb\xbf").map(<[u8]>::to_vec).unwrap_or(bytes))
}

/// The certificates of a CA file or of a chain.
///
/// # Errors
/// Why none can be had from it.
pub fn certificates(file: &Path) -> Result<PemCertificates, FileFault> {
    let bytes = bytes(file, "the CA file")?;
    let read = sections(file, &bytes, "the CA file", Section::is_anchor)?;
    if read.certificates.is_empty() {
        let shown = file.display();
        return Err(match read.notes.first() {
            Some(_) => fault(
                file,
                Variant::WrongKind,
                format!("the CA file {shown} holds a private key and no certificate"),
            ),
            None if bytes.is_empty() => fault(file, Variant::NoPem, format!("the CA file {shown} is empty")),
            None if converted(file).is_some() => fault(
                file,
                Variant::WrongKind,
                format!(
                    "the CA file {shown} is DER; Go and OpenSSL (cordumctl, curl, Redis) trust PEM alone"
                ),
            ),
            None => fault(file, Variant::NoPem, format!("the CA file {shown} holds no PEM certificate")),
        });
    }
    Ok(read)
}

/// The command that writes what lies in a file as DER as the PEM that everybody reads, beside it.
#[must_use]
pub fn converted(file: &Path) -> Option<String> {
    let bytes = bytes(file, "the file").ok()?;
    let name = file.to_string_lossy();
    let found = read::bytes(&name, &bytes, None).into_iter().next()?;
    let is_der = bytes.first() == Some(&0x30) && found.is_no_pem();
    let program = match (found.certificates().next(), found.keys().next()) {
        (Some(_), _) => "x509",
        (None, Some(_)) => "pkey",
        (None, None) => return None,
    };
    let (from, to) = (shell::path(&name), shell::path(&format!("{name}.pem")));
    is_der.then(|| format!("openssl {program} -inform der -in {from} -out {to}"))
}

fn sections(
    file: &Path,
    bytes: &[u8],
    what: &str,
    counts: fn(&Section) -> bool,
) -> Result<PemCertificates, FileFault> {
    let mut read = PemCertificates { certificates: Vec::new(), notes: Vec::new() };
    let mut bad = None;
    for section in pem::sections(bytes) {
        match section {
            Ok(section) if counts(&section) => {
                read.certificates.push(CertificateDer::from(section.der));
            }
            Ok(section) if section.is_private_key() => {
                read.notes
                    .push(format!("{what} {} holds a private key: it does not belong there", file.display()));
            }
            Ok(_) => {}
            Err(why) => {
                read.notes.push(format!("{what} {}: a block is unreadable: {why}", file.display()));
                bad.get_or_insert(why);
            }
        }
    }
    match bad {
        Some(why) if read.certificates.is_empty() => {
            Err(fault(file, Variant::NoPem, format!("{what} {} is no readable PEM: {why}", file.display())))
        }
        _ => Ok(read),
    }
}

/// The first private key that Go's `tls.X509KeyPair` would take.
fn private_key(bytes: &[u8]) -> Option<PrivateKeyDer<'static>> {
    pem::sections(bytes).flatten().filter(|section| !section.encrypted).find_map(|section| {
        Some(match section.label.as_str() {
            "PRIVATE KEY" => PrivatePkcs8KeyDer::from(section.der).into(),
            "RSA PRIVATE KEY" => PrivatePkcs1KeyDer::from(section.der).into(),
            "EC PRIVATE KEY" => PrivateSec1KeyDer::from(section.der).into(),
            _ => return None,
        })
    })
}

/// The client certificate with its key.
///
/// # Errors
/// Which file cannot be used, and why.
pub fn identity(cert_file: &Path, key_file: &Path) -> Result<Identity, FileFault> {
    let cert_bytes = bytes(cert_file, "the client certificate")?;
    let read = sections(cert_file, &cert_bytes, "the client certificate", Section::is_certificate)?;
    let chain = read.certificates;
    if chain.is_empty() {
        let shown = cert_file.display();
        return Err(if read.notes.is_empty() {
            match converted(cert_file) {
                Some(command) => fault(
                    cert_file,
                    Variant::WrongKind,
                    format!("the client certificate {shown} is DER; Go reads PEM alone: `{command}`"),
                ),
                None => {
                    let message = format!("the client certificate {shown} holds no PEM certificate");
                    fault(cert_file, Variant::NoPem, message)
                }
            }
        } else {
            let message = format!("the client certificate {shown} holds a private key and no certificate");
            fault(cert_file, Variant::WrongKind, message)
        });
    }
    let key_bytes = bytes(key_file, "the client key")?;
    let key = match private_key(&key_bytes) {
        Some(key) => key,
        None => {
            let shown = key_file.display();
            let text = String::from_utf8_lossy(&key_bytes);
            let encrypted = text.contains("ENCRYPTED");
            return Err(if encrypted {
                fault(
                    key_file,
                    Variant::Encrypted,
                    format!("the client key {shown} is encrypted; Cordum's services read unencrypted keys"),
                )
            } else if text.contains("-----BEGIN CERTIFICATE-----") {
                let message = format!("the client key {shown} holds a certificate and no private key");
                fault(key_file, Variant::WrongKind, message)
            } else {
                fault(key_file, Variant::NoPem, format!("the client key {shown} holds no PEM private key"))
            });
        }
    };
    let certified = rustls::sign::CertifiedKey::from_der(
        chain.clone(),
        key.clone_key(),
        &tls_verify_checks::tls::provider(),
    );
    match certified {
        Ok(_) => {}
        Err(rustls::Error::InconsistentKeys(_)) => {
            return Err(FileFault {
                file: key_file.to_owned(),
                variant: Variant::WrongKind,
                message: format!(
                    "the client key {} does not belong to the certificate {}",
                    key_file.display(),
                    cert_file.display()
                ),
                mismatch: true,
            });
        }
        Err(error) => {
            return Err(fault(
                key_file,
                Variant::WrongKind,
                format!("the client key {} cannot be used: {error}", key_file.display()),
            ));
        }
    }
    Ok(Identity {
        cert_file: cert_file.to_owned(),
        key_file: key_file.to_owned(),
        chain,
        key,
        ready: std::sync::Arc::default(),
    })
}
