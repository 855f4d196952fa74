//! The system's trust store as Go finds it on Linux (`crypto/x509`, `root_linux.go` and `root_unix.go`, 1.26):
//! the first bundle that can be read, then every file of the folders. `SSL_CERT_FILE` and `SSL_CERT_DIR` of the
//! caller have no say, as in the environment that a cordumctl is run in.

use std::path::{Path, PathBuf};

use rustls_pki_types::CertificateDer;

use crate::certificate_files::certificates;
use crate::stack::TrustAnchors;

const BUNDLES: &[&str] = &[
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/pki/tls/cacert.pem",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
const FOLDERS: &[&str] = &["/etc/ssl/certs", "/etc/pki/tls/certs"];
/// Entries of a folder that are read.
const MOST: usize = 4_096;

/// Everything that a Go program without a CA of its own trusts here.
pub(crate) fn load() -> TrustAnchors {
    of(Path::new("/"))
}

fn of(root: &Path) -> TrustAnchors {
    let below = |path: &str| root.join(path.trim_start_matches('/'));
    let mut found: Vec<CertificateDer<'static>> = Vec::new();
    let mut known = std::collections::HashSet::new();
    let mut add = |file: &Path| {
        for one in certificates(file) {
            if known.insert(one.as_ref().to_vec()) {
                found.push(one);
            }
        }
    };
    if let Some(bundle) = BUNDLES.iter().map(|path| below(path)).find(|path| path.is_file()) {
        add(&bundle);
    }
    for folder in FOLDERS {
        let entries = std::fs::read_dir(below(folder)).into_iter().flatten().flatten();
        let mut files: Vec<PathBuf> = entries.take(MOST).map(|entry| entry.path()).collect();
        files.sort();
        files.iter().for_each(|file| add(file));
    }
    TrustAnchors { file: "(the system's store)".into(), certificates: found.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ca_is_found_in_a_bundle_and_beside_it() {
        let root = tempfile::tempdir().unwrap();
        let ca = |name: &str| {
            let key = rcgen::KeyPair::generate().unwrap();
            let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
            params.distinguished_name.push(rcgen::DnType::CommonName, name);
            params.self_signed(&key).unwrap().pem()
        };
        let folder = root.path().join("etc/ssl/certs");
        std::fs::create_dir_all(&folder).unwrap();
        assert!(of(root.path()).certificates.is_empty());
        let (one, other) = (ca("one"), ca("other"));
        std::fs::write(folder.join("ca-certificates.crt"), &one).unwrap();
        std::fs::write(folder.join("corporate.pem"), format!("{one}{other}")).unwrap();
        std::fs::write(folder.join("README"), "nothing").unwrap();
        assert_eq!(of(root.path()).certificates.len(), 2, "each once");
    }
}
