//! The floor from outside, in one program: `cargo test -p tls-verify-core --test floor classify::` runs one theme.

mod certificates;
mod classify;
mod rules;
mod ways;

use std::path::{Path, PathBuf};

/// What lies beside the project in the folder of reports and labelled lines; nothing: it is not there, which CI
/// forbids.
fn corpus(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os("TLS_VERIFY_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/corpus"), PathBuf::from);
    let found = folder.join(name);
    if found.exists() {
        return Some(found);
    }
    assert!(std::env::var_os("CI").is_none(), "the corpus is missing: {}", found.display());
    eprintln!("skipped: no corpus at {}", found.display());
    None
}
