//! Deployments of other stacks, each with what has to be found and what must stay silent.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::audited;

pub(super) fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("TLS_VERIFY_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from)
        .join("audit");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "the deployments are missing: {}", folder.display());
    eprintln!("skipped: no deployments at {}", folder.display());
    None
}

/// A copy in which modes are as they are said to be.
pub(super) fn copy(from: &Path, expect: &Value) -> tempfile::TempDir {
    let target = tempfile::tempdir().unwrap();
    copy_folder(from, target.path());
    let _ = fs::remove_file(target.path().join("expect.json"));
    fs::set_permissions(target.path(), fs::Permissions::from_mode(0o755)).unwrap();
    for (path, mode) in expect["modes"].as_object().into_iter().flatten() {
        let mode = u32::from_str_radix(mode.as_str().unwrap(), 8).unwrap();
        fs::set_permissions(target.path().join(path), fs::Permissions::from_mode(mode)).unwrap();
    }
    target
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap().flatten() {
        let (source, target) = (entry.path(), to.join(entry.file_name()));
        if source.is_dir() {
            fs::create_dir(&target).unwrap();
            copy_folder(&source, &target);
            fs::set_permissions(&target, fs::Permissions::from_mode(0o755)).unwrap();
        } else {
            fs::copy(&source, &target).unwrap();
            fs::set_permissions(&target, fs::Permissions::from_mode(0o644)).unwrap();
        }
    }
}

/// What is expected, with what replaces it where a program is missing.
pub(super) fn expectation(folder: &Path) -> Value {
    let text = fs::read_to_string(folder.join("expect.json")).unwrap();
    let mut expect: Value = serde_json::from_str(&text).unwrap();
    if let Some(program) = expect["needs"].as_str().map(str::to_owned) {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|one| one.join(&program).is_file()) {
            let without = expect["without"].take();
            for (key, value) in without.as_object().unwrap() {
                expect[key] = value.clone();
            }
        }
    }
    expect
}

pub(super) fn arguments(expect: &Value) -> Vec<String> {
    expect["args"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect()
}

fn list(value: &Value) -> Vec<Value> {
    value.as_array().cloned().unwrap_or_else(|| vec![value.clone()])
}

/// `*` stands for anything, as the shell has it in names.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((before, after)) => text.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).filter(|at| rest.is_char_boundary(*at)).any(|at| glob(after, &rest[at..]))
        }),
    }
}

fn at_place(place: &Value, finding: &Value) -> bool {
    let file = finding["file"].as_str().unwrap();
    let in_file =
        place.get("file").is_none_or(|files| list(files).iter().any(|one| glob(one.as_str().unwrap(), file)));
    let line = finding["line"].as_i64().unwrap();
    let at_line = place.get("line").is_none_or(|wanted| match wanted.as_array() {
        Some(range) => (range[0].as_i64().unwrap()..=range[1].as_i64().unwrap()).contains(&line),
        None => wanted.as_i64() == Some(line),
    });
    in_file && at_line
}

pub(super) fn matches(wanted: &Value, finding: &Value, rule: bool) -> bool {
    let wanted = if wanted.is_string() { json!({ "rule": wanted }) } else { wanted.clone() };
    if rule {
        let rules = wanted.get("rule").map(list).unwrap_or_default();
        if !(rules.is_empty() || rules.contains(&json!("*")) || rules.contains(&finding["rule"])) {
            return false;
        }
        let causes = wanted.get("cause").filter(|one| !one.is_null()).map(list);
        if causes.is_some_and(|causes| !causes.contains(&finding["cause"])) {
            return false;
        }
        if wanted.get("severity").is_some_and(|one| *one != finding["severity"]) {
            return false;
        }
    }
    if let Some(workload) = wanted.get("workload").and_then(Value::as_str) {
        let own = finding["workload"].as_str().unwrap_or_default();
        if !own.split(['/', ' ', ':', ',']).any(|word| word == workload) {
            return false;
        }
    }
    if wanted.get("column").is_some() && finding["column"].as_i64() == Some(0) {
        return false;
    }
    at_place(&wanted, finding)
        || wanted.get("or").is_some_and(|others| list(others).iter().any(|one| at_place(one, finding)))
}

#[test]
fn every_deployment_gets_what_it_has_to_get_and_no_more() {
    let Some(corpus) = corpus() else { return };
    let mut wrong = Vec::new();
    let mut seen = 0;
    let mut folders: Vec<PathBuf> = fs::read_dir(corpus).unwrap().flatten().map(|one| one.path()).collect();
    folders.sort();
    for folder in folders.iter().filter(|one| one.is_dir()) {
        seen += 1;
        let name = folder.file_name().unwrap().to_string_lossy().into_owned();
        let expect = expectation(folder);
        let copy = copy(folder, &expect);
        let arguments = arguments(&expect);
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let (report, code) = audited(copy.path(), &words);
        if !list(&expect["exit"]).contains(&json!(code)) || report["exit_code"] != json!(code) {
            wrong.push(format!("{name}: exit {code}"));
        }
        let findings: Vec<Value> = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["severity"] != "note")
            .cloned()
            .collect();
        let musts = expect["must"].as_array().unwrap();
        for must in musts {
            if !findings.iter().any(|one| matches(must, one, true)) {
                wrong.push(format!("{name}: missing {must}"));
            }
        }
        let mays = expect["may"].as_array().unwrap();
        for one in &findings {
            let told = mays.iter().any(|may| matches(may, one, true))
                || musts.iter().any(|must| matches(must, one, false));
            if !told {
                wrong.push(format!("{name}: too much: {one}"));
            }
        }
        if expect["undecided"] == true && report["undecided"].as_array().unwrap().is_empty() {
            wrong.push(format!("{name}: nothing is undecided"));
        }
        for one in report["findings"].as_array().unwrap() {
            assert!(!one["fix"].as_array().unwrap().is_empty(), "{name}: no cure: {one}");
        }
    }
    assert!(seen >= 20, "{seen} deployments");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_projects_own_files_are_silent() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for arguments in [
        &["-f", "docker-compose.test.yml"][..],
        &["-f", "docker-compose.test.release.yml"],
        &["packaging"],
        &["-f", "packaging/compose.yml"],
        &["."],
    ] {
        let (report, code) = audited(root, arguments);
        assert_eq!(super::loud(&report), [], "{arguments:?}");
        assert_ne!(code, 1, "{arguments:?}");
        assert_ne!(code, 2, "{arguments:?}");
    }
}
