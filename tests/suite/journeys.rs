//! What `ARCHITECTURE.md` names exists, and stands where it says.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The paths of all files below the folders that hold code, from the root.
fn paths() -> BTreeSet<String> {
    fn walk(folder: &Path, found: &mut BTreeSet<String>) {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                walk(&path, found);
            }
            found.insert(path.strip_prefix(root()).unwrap().display().to_string());
        }
    }
    let mut found = BTreeSet::new();
    for folder in ["core", "checks", "src", "fixtures", "tests", "docs"] {
        walk(&root().join(folder), &mut found);
    }
    found.extend(
        fs::read_dir(root()).unwrap().flatten().map(|one| one.file_name().to_string_lossy().into_owned()),
    );
    found
}

/// The document in its paragraphs and rows, without blocks of code.
fn paragraphs(text: &str) -> Vec<String> {
    let begins = regex::Regex::new(r"^(?:\d\. |\||#)").unwrap();
    let (mut all, mut fenced) = (vec![String::new()], false);
    for line in text.lines() {
        if line.starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            if line.is_empty() || begins.is_match(line) {
                all.push(String::new());
            }
            let last = all.last_mut().unwrap();
            last.push_str(line);
            last.push('\n');
        }
    }
    all
}

/// A path as it is named in a paragraph: whole, or from a folder that the paragraph has named before.
fn resolved(paths: &BTreeSet<String>, folders: &[String], name: &str) -> Option<String> {
    let name = name.trim_end_matches('/');
    let near = folders.iter().rev().map(|folder| format!("{folder}/{name}"));
    std::iter::once(name.to_owned()).chain(near).find(|path| paths.contains(path))
}

/// Whether a file's text declares a function, a type or a variant.
fn declares(text: &str, name: &str) -> bool {
    let declared =
        format!(r"\b(?:fn|struct|enum|trait|type|const|mod) {name}\b|(?m)^    {name}\b *(?:[,({{]|$)");
    regex::Regex::new(&declared).unwrap().is_match(text)
}

#[test]
fn what_the_map_names_is_there() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (paths, token) = (paths(), regex::Regex::new("`([^`]+)`").unwrap());
    let sources: Vec<String> = paths
        .iter()
        .filter(|path| path.ends_with(".rs"))
        .map(|path| fs::read_to_string(root().join(path)).unwrap())
        .collect();
    let is_path = regex::Regex::new(r"^[\w/.]+(?:/|\.rs|\.toml)$|^[\w]+/[\w/]+$").unwrap();
    let is_name = regex::Regex::new(r"^(?:\w+::)?\w+$").unwrap();
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for paragraph in paragraphs(&text) {
        let mut folders: Vec<String> = Vec::new();
        let mut file: Option<String> = None;
        let mut end = 0;
        for found in token.captures_iter(&paragraph) {
            let (whole, name) = (found.get(0).unwrap(), &found[1]);
            let between = &paragraph[end..whole.start()];
            end = whole.end();
            // What is to be written stands as NAME, what is chosen as `*`.
            if name.contains("NAME") || name.contains('*') || name.contains(' ') {
                continue;
            }
            looked_at += 1;
            if is_path.is_match(name) {
                let path = resolved(&paths, &folders, name);
                match &path {
                    None => wrong.push(format!("no file or folder: {name}")),
                    Some(path) if path.ends_with(".rs") => {
                        folders.push(path.rsplit_once('/').map_or("", |(folder, _)| folder).to_owned());
                    }
                    Some(path) => folders.push(path.clone()),
                }
                file = path.filter(|path| path.ends_with(".rs"));
            } else if is_name.is_match(name) {
                let last = name.rsplit("::").next().unwrap_or(name);
                // `file.rs` (`one`, `other`): there.
                let there = matches!(between.trim(), "(" | ":" | ",");
                let place = file.as_ref().filter(|_| there && !name.contains("::"));
                let known = match place {
                    Some(file) => declares(&fs::read_to_string(root().join(file)).unwrap(), last),
                    None => {
                        let stem = |path: &String| {
                            let name = path.rsplit('/').next().unwrap_or(path);
                            name.split('.').next() == Some(last)
                        };
                        paths.iter().any(stem) || sources.iter().any(|text| declares(text, last))
                    }
                };
                if !known {
                    let place = place.map_or("anywhere", |file| file.as_str());
                    wrong.push(format!("{name} is not declared in {place}"));
                }
                file = file.filter(|_| there);
            }
        }
    }
    assert!(looked_at > 100, "{looked_at} names are looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A journey goes through each room once: who comes back to one knows too little of it to be done with it.
#[test]
fn a_journey_enters_each_room_once() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let (paths, token) =
        (paths(), regex::Regex::new("`([\\w/]+\\.rs|(?:core|checks|src)/[\\w/]+)`").unwrap());
    let (mut journeys, mut twice) = (0, Vec::new());
    for section in text.split("\n## ").filter(|section| section.starts_with("A ")) {
        journeys += 1;
        let mut entered: Vec<(String, usize)> = Vec::new();
        for (step, paragraph) in
            paragraphs(section).iter().filter(|one| one.starts_with(char::is_numeric)).enumerate()
        {
            let mut folders: Vec<String> = Vec::new();
            for found in token.captures_iter(paragraph) {
                let path = resolved(&paths, &folders, &found[1]).unwrap_or_else(|| panic!("{}", &found[1]));
                let folder = if path.ends_with(".rs") { path.rsplit_once('/').unwrap().0 } else { &path };
                folders.push(folder.to_owned());
                entered.push((path.clone(), step));
            }
        }
        for (at, (room, step)) in entered.iter().enumerate() {
            if let Some((_, before)) = entered[..at].iter().find(|(known, at)| known == room && at != step) {
                twice.push(format!("{room}, in the steps {} and {}", before + 1, step + 1));
            }
        }
        assert!(entered.len() >= 6, "{entered:?}");
    }
    assert!(twice.is_empty(), "entered twice: {}", twice.join("; "));
    assert_eq!(journeys, 2);
}
