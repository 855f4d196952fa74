//! What users are told of each row, a file for each family, so that a change is read in one place.
//! `MATRIX_ACCEPT=1` writes what is told now.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

const HEAD: &str = "---\nsource: tests/matrix/harness.rs\n---\n";

fn file(family: &str) -> PathBuf {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/matrix/snapshots")).join(format!("{family}.snap"))
}

/// Names and texts of a family's rows, in the file's order.
pub(crate) fn sections(family: &str) -> Vec<(String, String)> {
    let text = fs::read_to_string(file(family)).unwrap_or_default();
    let body = text.splitn(3, "---\n").nth(2).unwrap_or_default();
    let mut found: Vec<(String, String)> = Vec::new();
    for line in body.lines() {
        if let Some(title) = line.strip_prefix("## ") {
            let name = title.split(": ").next().unwrap_or_default();
            found.push((name.to_owned(), String::new()));
        }
        if let Some((_, text)) = found.last_mut() {
            text.push_str(line);
            text.push('\n');
        }
    }
    for (_, text) in &mut found {
        text.truncate(text.trim_end().len());
    }
    found
}

/// Compares what is told with what stands there.
pub(crate) fn hold(family: &str, row: &str, told: &str) -> Result<(), String> {
    static WRITES: Mutex<()> = Mutex::new(());
    let told = told.trim_end();
    let _one = WRITES.lock().unwrap_or_else(PoisonError::into_inner);
    let mut known = sections(family);
    let stands = known.iter_mut().find(|(name, _)| name == row);
    if stands.as_ref().is_some_and(|(_, text)| text == told) {
        return Ok(());
    }
    if std::env::var_os("MATRIX_ACCEPT").is_some() {
        match stands {
            Some((_, text)) => told.clone_into(text),
            None => known.push((row.to_owned(), told.to_owned())),
        }
        let order = |name: &str| crate::rows_of(family).position(|row| row.name == name);
        known.retain(|(name, _)| order(name).is_some());
        known.sort_by_key(|(name, _)| order(name));
        let body: Vec<&str> = known.iter().map(|(_, text)| text.as_str()).collect();
        fs::write(file(family), format!("{HEAD}{}\n", body.join("\n\n"))).unwrap();
        return Ok(());
    }
    let stood = stands.map(|(_, text)| text.clone()).unwrap_or_default();
    Err(format!("what users are told has changed (MATRIX_ACCEPT=1 takes it):\n{}", difference(&stood, told)))
}

/// The lines that only one of the two has.
fn difference(stood: &str, told: &str) -> String {
    let mut lines = Vec::new();
    lines.extend(
        stood.lines().filter(|line| !told.lines().any(|one| one == *line)).map(|line| format!("- {line}")),
    );
    lines.extend(
        told.lines().filter(|line| !stood.lines().any(|one| one == *line)).map(|line| format!("+ {line}")),
    );
    if lines.is_empty() { "the same lines in another order or number".to_owned() } else { lines.join("\n") }
}
