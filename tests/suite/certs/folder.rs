//! A folder in the guide's layout, what `certs` says of it, and openssl to make what it is to hold.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tls_verify_fixtures::pki::{self, Authority, Layout, Leaf};

pub(crate) struct Folder {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) ca: Authority,
    layout: Layout,
}

impl Folder {
    pub(crate) fn healthy() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let ca = Authority::generate().unwrap();
        let layout = Layout::write(
            directory.path(),
            &ca,
            &ca.issue(&Leaf::server()).unwrap(),
            &ca.issue(&Leaf::client()).unwrap(),
        )
        .unwrap();
        let folder = Self { directory, ca, layout };
        folder.open();
        folder
    }

    pub(crate) fn open(&self) {
        let _ = Command::new("chmod").arg("-R").arg("a+rX").arg(self.directory.path()).status();
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    pub(crate) fn put(&self, name: &str, text: &str) {
        self.layout.put(name, text, 0o644).unwrap();
    }

    pub(crate) fn text(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }

    pub(crate) fn pair(&self, role: &str, pair: &pki::Pair) {
        self.put(&format!("{role}/tls.crt"), &pair.chain_pem());
        self.put(&format!("{role}/tls.key"), &pair.key.serialize_pem());
    }

    pub(crate) fn serve(&self, leaf: &Leaf) {
        self.pair("server", &self.ca.issue(leaf).unwrap());
    }
}

pub(crate) fn certs(arguments: &[&str]) -> (i32, Value) {
    let output = crate::bare()
        .arg("certs")
        .args(arguments)
        .args(["--format", "json"])
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text} {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), report)
}

pub(crate) fn of(folder: &Path) -> (i32, Value) {
    certs(&[folder.to_str().unwrap()])
}

/// `error file cause variant` of what is worse than a note.
pub(crate) fn findings(report: &Value, folder: &Path) -> Vec<String> {
    let root = format!("{}/", folder.display());
    report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|one| one["severity"] != "note")
        .map(|one| {
            let word = |key: &str| one[key].as_str().unwrap_or("-").to_owned();
            let file = word("file").replace(&root, "");
            let file = if file == folder.display().to_string() { ".".to_owned() } else { file };
            format!("{} {file} {} {}", word("severity"), word("cause"), word("variant"))
        })
        .filter(|line| !line.ends_with("world-readable"))
        .collect()
}

/// openssl with these arguments; it has to succeed.
pub(crate) fn run(arguments: &[&str], more: &[&str], folder: &Path) {
    let output = Command::new("openssl")
        .args(arguments)
        .args(more)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}
