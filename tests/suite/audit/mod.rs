//! `audit`: deployments of others with what has to be found, own samples of every rule, formats, hostile inputs.

mod charts;
mod cures;
mod deployments;
mod engine;
mod formats;
mod hostile;
mod overlays;
mod programs;
mod real;
mod referees;
mod rules;
mod spellings;
mod unseen;

use std::path::Path;

use serde_json::Value;
use tls_verify_fixtures::pki::{Authority, Leaf};

use crate::program;

/// A folder that goes when it is no longer needed.
type Folder = tempfile::TempDir;

fn folder() -> Folder {
    tempfile::tempdir().unwrap()
}

/// An authority and a pair of its, by the names of files.
fn certificates() -> [(&'static str, String); 3] {
    let ca = Authority::generate().unwrap();
    let leaf = ca.issue(&Leaf::server().for_names(&["localhost"])).unwrap();
    [("ca.crt", ca.pem()), ("own.crt", leaf.chain_pem()), ("own.key", leaf.key_pem())]
}

/// The report and the exit code of `audit --format json` in a folder.
pub(crate) fn audited(folder: &Path, arguments: &[&str]) -> (Value, i32) {
    let output = program()
        .args(["audit", "--format", "json"])
        .args(arguments)
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let report = serde_json::from_str(&text)
        .unwrap_or_else(|error| panic!("{error}: {text}{}", String::from_utf8_lossy(&output.stderr)));
    (report, output.status.code().unwrap())
}

/// Rule, file and line of what is louder than a note.
pub(crate) fn loud(report: &Value) -> Vec<(String, String, u64)> {
    let findings = report["findings"].as_array().unwrap();
    findings
        .iter()
        .filter(|one| one["severity"] != "note")
        .map(|one| {
            let text = |key: &str| one[key].as_str().unwrap().to_owned();
            (text("rule"), text("file"), one["line"].as_u64().unwrap())
        })
        .collect()
}
