//! What has to stay together: causes, their entries and emitters; checks and their documentation.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tls_verify_checks::cause::CauseKind;
use tls_verify_core::remedy::catalogue;
use tls_verify_fixtures::pki::FIXED_DAYS;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every file below `folder` whose name ends so.
fn files(folder: &Path, end: &str, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files(&path, end, found);
        } else if path.to_string_lossy().ends_with(end) {
            found.push(path);
        }
    }
}

fn text_of(folders: &[&str], end: &str) -> String {
    let mut found = Vec::new();
    for folder in folders {
        files(&root().join(folder), end, &mut found);
    }
    found.iter().map(|path| fs::read_to_string(path).unwrap_or_default()).collect()
}

/// The name of a variant of `CauseKind` in the source.
fn camel(slug: &str) -> String {
    let upper = |part: &str| part[..1].to_uppercase() + &part[1..];
    slug.split('-').map(upper).collect()
}

#[test]
fn every_cause_has_an_entry_an_emitter_and_a_test() {
    let emitters = text_of(&["core/src", "checks/src", "src"], ".rs") + &text_of(&["core/src"], ".toml");
    let tests = text_of(&["tests"], ".rs") + &text_of(&["tests"], ".txt") + &text_of(&["tests"], ".snap");
    let mut wrong = Vec::new();
    for cause in CauseKind::ALL {
        let slug = cause.slug();
        if !root().join(format!("core/src/remedy/catalogue/entries/{slug}.toml")).exists() {
            wrong.push(format!("{slug}: no entry"));
        }
        if catalogue::entry(*cause).title.is_empty() || catalogue::entry(*cause).fix.is_empty() {
            wrong.push(format!("{slug}: an entry without a title or a fix"));
        }
        let variant = camel(slug);
        // The enumeration and the catalogue name each once; whoever emits it names it too.
        let named = emitters.matches(&format!("K::{variant}")).count()
            + emitters.matches(&format!("CauseKind::{variant}")).count();
        if named == 0 {
            wrong.push(format!("{slug}: nothing emits it"));
        }
        if !tests.contains(slug) && !tests.contains(&format!("::{variant}")) {
            wrong.push(format!("{slug}: no test speaks of it"));
        }
    }
    let mut entries = Vec::new();
    files(&root().join("core/src/remedy/catalogue/entries"), ".toml", &mut entries);
    assert_eq!(entries.len(), CauseKind::ALL.len(), "an entry for every cause and no other");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn explain_lists_every_cause() {
    let output =
        Command::new(env!("CARGO_BIN_EXE_tls-verify")).arg("explain").stdin(Stdio::null()).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let listed: BTreeSet<&str> = text.lines().filter_map(|line| line.split_whitespace().next()).collect();
    for cause in CauseKind::ALL {
        assert!(listed.contains(cause.slug()), "{cause} is not listed");
    }
}

/// Where each passes and where it fails is held by the rows themselves (`tests/matrix/main.rs`).
#[test]
fn every_check_is_documented_and_numbered_in_the_order_of_the_report() {
    let readme = fs::read_to_string(root().join("README.md")).unwrap();
    for check in tls_verify_checks::ALL {
        assert!(readme.contains(&format!("`{}`", check.id)), "README does not speak of {}", check.id);
    }
    let numbers: Vec<u8> = tls_verify_checks::ALL.iter().map(|check| check.number).collect();
    let expected: Vec<u8> = (1..).take(numbers.len()).collect();
    assert_eq!(numbers, expected, "the registry's order is the report's order");
}

#[test]
fn the_placeholders_of_the_catalogue_are_known() {
    let mut found = Vec::new();
    files(&root().join("core/src/remedy/catalogue/entries"), ".toml", &mut found);
    for path in found {
        let cause = path.file_stem().unwrap().to_string_lossy().into_owned();
        let output = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
            .args(["explain", &cause])
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        for (at, _) in text.match_indices('{') {
            let rest = &text[at + 1..];
            let name = rest.split('}').next().unwrap_or_default();
            // Go templates of the Docker CLI stay as they are.
            let placeholder = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c == '_');
            assert!(!placeholder, "{cause}: {{{name}}} is not filled in");
        }
    }
}

#[test]
fn the_catalogue_says_what_is_to_be_done_and_the_platform_how_it_is_typed() {
    let mut found = Vec::new();
    files(&root().join("core/src/remedy/catalogue/entries"), ".toml", &mut found);
    assert!(!found.is_empty());
    let (mut wrong, mut looked_at) = (Vec::new(), 0);
    for path in found {
        let entry: toml::Table = fs::read_to_string(&path).unwrap().parse().unwrap();
        for fix in entry.get("fix").and_then(toml::Value::as_array).into_iter().flatten() {
            let of = |key: &str| fix.get(key).and_then(toml::Value::as_str).unwrap_or_default();
            let (text, command) = (of("text"), of("command"));
            looked_at += 1;
            let mut platform = ["docker", "compose", "kubectl", "podman"].iter();
            // What redirects, deletes, moves or overwrites is no cure.
            let mut harm = [">", "rm ", "rmdir ", "mv ", "cp ", "tee ", "chown", "-R "].iter();
            if platform.any(|word| text.contains(word) || command.contains(word))
                || harm.any(|word| command.contains(word))
            {
                wrong.push(format!("{}: {text}: {command}", path.display()));
            }
        }
    }
    assert!(looked_at > 50, "{looked_at} cures are looked at");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_snapshot_holds_a_date_that_is_true_for_one_day() {
    let mut found = Vec::new();
    files(&root().join("tests"), ".snap", &mut found);
    files(&root().join("checks/tests"), ".snap", &mut found);
    assert!(found.len() >= 10, "the snapshots are looked at");
    let date = regex::Regex::new(r"\b(19|20)\d\d-[01]\d-[0-3]\d\b").unwrap();
    let mut wrong = Vec::new();
    for path in found {
        let text = fs::read_to_string(&path).unwrap();
        for found in date.find_iter(&text).filter(|found| !FIXED_DAYS.contains(&found.as_str())) {
            let line = text[..found.start()].lines().count().max(1);
            wrong.push(format!("{}:{line}: {}", path.display(), found.as_str()));
        }
    }
    assert!(wrong.is_empty(), "dates that depend on the day of the run:\n{}", wrong.join("\n"));
}
