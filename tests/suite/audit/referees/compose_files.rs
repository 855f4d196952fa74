//! `docker compose config` as referee over Compose files with mistakes in them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use regex::Regex;
use tls_verify_core::manifest::MemoryFiles;

use super::mutants::{self, Mutant};
use super::{Score, refused_here};

/// The program of Compose v2.32.4, as `scripts/test` builds it.
fn compose() -> Option<PathBuf> {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cache = std::env::var_os("XDG_CACHE_HOME").map_or_else(|| home.join(".cache"), PathBuf::from);
    let built = std::env::var_os("TLS_VERIFY_COMPOSE")
        .map_or_else(|| cache.join("tls-verify/compose-2.32.4/cmd"), PathBuf::from);
    let found = Some(built).filter(|one| one.is_file());
    if found.is_none() {
        eprintln!("skipped: no Compose v2 here to be the referee");
    }
    found
}

const SAMPLE: &str = include_str!("samples/compose.txt");

/// The Compose files of the deployments that are kept beside the project, with their folders.
fn kept() -> Vec<(PathBuf, String)> {
    let Some(corpus) = super::super::deployments::corpus() else { return Vec::new() };
    let name = Regex::new(r"^(docker-)?compose(\.release|\.ha)?\.ya?ml$").unwrap();
    let mut found = Vec::new();
    for folder in fs::read_dir(corpus).unwrap().flatten().map(|one| one.path()).filter(|one| one.is_dir()) {
        for entry in fs::read_dir(&folder).unwrap().flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            if name.is_match(&file) {
                found.push((folder.clone(), file));
            }
        }
    }
    found.sort();
    found
}

/// What Compose says against a project, without what is no matter of its shape: files that are not there, names
/// that refer to nothing.
fn said(program: &Path, folder: &Path, file: &str, text: &str) -> Option<String> {
    let mut command = Command::new(program);
    command.args(["-f", file, "config", "-q"]).current_dir(folder).stdin(Stdio::null()).env_clear();
    command.env("HOME", folder).env("PATH", "/nonexistent");
    let variable = Regex::new(r"\$\{(\w+)").unwrap();
    for found in variable.captures_iter(text) {
        command.env(&found[1], "1");
    }
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    let theirs: Vec<&str> = words.lines().filter(|line| !line.contains("level=warning")).collect();
    let theirs = if output.status.success() { String::new() } else { theirs.join("\n") };
    let elsewhere =
        ["no such file", "not found", "is missing a value", "required variable", "invalid compose project"];
    (!elsewhere.iter().any(|word| theirs.contains(word))).then_some(theirs)
}

#[test]
fn compose_and_this_refuse_the_same() {
    let Some(program) = compose() else { return };
    let mut score = Score::new("docker compose config");
    let mut ask = |name: &str, folder: &Path, file: &str, mutant: &Mutant| {
        fs::write(folder.join(file), &mutant.text).unwrap();
        let theirs = said(&program, folder, file, &mutant.text);
        let mut files = MemoryFiles::default().with("compose.yaml", &mutant.text);
        for entry in fs::read_dir(folder).unwrap().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let beside = !name.contains("compose") && entry.path().is_file();
            if let Some(text) = beside.then(|| fs::read_to_string(entry.path()).ok()).flatten() {
                files = files.with(&name, text);
            }
        }
        // What is said of a server's own words in here is that server's matter.
        let here = refused_here(&files, "compose.yaml")
            .filter(|one| {
                !["redis-server", "nats-server", "nginx", "`tls-"].iter().any(|word| one.contains(word))
            })
            .filter(|one| !one.contains("service of Cordum"));
        score.count(name, mutant, theirs, here);
    };
    for (source, file) in kept() {
        let text = fs::read_to_string(source.join(&file)).unwrap();
        let copy = super::super::deployments::copy(&source, &serde_json::Value::Null);
        for mutant in mutants::some(&text, 20) {
            ask(&source.display().to_string(), copy.path(), &file, &mutant);
        }
    }
    let folder = super::super::folder();
    for mutant in mutants::some(SAMPLE, 250) {
        ask("the sample", folder.path(), "compose.yaml", &mutant);
    }
    score.close();
}
