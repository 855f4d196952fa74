//! A strict decoding by the types of Kubernetes' own API as referee over manifests with mistakes in them.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use tls_verify_core::manifest::MemoryFiles;

use super::mutants::{self, Mutant};
use super::servers::kept;
use super::{Score, refused_here};

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/referee/manifests");

/// What the referee answers; `None`: there is no Go, or its modules cannot be had.
fn asked(arguments: &[&str], input: String) -> Option<String> {
    let go = ["go", "/usr/local/go/bin/go"].into_iter().find(|go| {
        Command::new(go).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    });
    let Some(go) = go else {
        eprintln!("skipped: no Go here to be the referee");
        return None;
    };
    let built =
        Command::new(go).args(["build", "-o", "/dev/null", "."]).current_dir(FOLDER).output().unwrap();
    if !built.status.success() {
        eprintln!("skipped: the referee cannot be built: {}", String::from_utf8_lossy(&built.stderr));
        return None;
    }
    let mut child = Command::new(go)
        .args(["run", "."])
        .args(arguments)
        .current_dir(FOLDER)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // The referee answers while it is still being asked.
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    let _ = writer.join().unwrap();
    Some(String::from_utf8(output.stdout).unwrap())
}

#[test]
fn the_api_and_this_refuse_the_same() {
    let begins = |text: &str, word: &str| text.lines().any(|line| line.starts_with(word));
    let mut mutants: Vec<(String, Mutant)> = Vec::new();
    for (name, text) in kept(".yaml") {
        if begins(&text, "apiVersion:") && begins(&text, "kind:") && !text.contains("{{") {
            let some = mutants::some(&text, 60).into_iter();
            // What no longer says that it is a manifest is anybody's YAML.
            let own = some.filter(|one| begins(&one.text, "apiVersion:") && begins(&one.text, "kind:"));
            mutants.extend(own.map(|one| (name.clone(), one)));
        }
    }
    if mutants.is_empty() {
        return;
    }
    let mut input = String::new();
    for (at, (_, mutant)) in mutants.iter().enumerate() {
        let _ = write!(input, "{}{}", if at == 0 { "" } else { "\n\0\n" }, mutant.text);
    }
    let Some(answers) = asked(&[], input) else { return };
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), mutants.len());
    let mut score = Score::new("strict decoding");
    for ((name, mutant), theirs) in mutants.iter().zip(answers) {
        // A configuration in a ConfigMap is its own program's. What stands behind a document that ends early is
        // passed over by the referee, and so are keys that stand twice in objects of others.
        let files = MemoryFiles::default().with("k.yaml", &mutant.text);
        let here = refused_here(&files, "k.yaml").filter(|one| {
            ![
                "nats-server",
                "redis-server",
                "nginx",
                "Cordum",
                "`tls-",
                "min_version",
                "the block that",
                "<document start>",
                "after the value of",
                "in an array",
                "stands twice",
            ]
            .iter()
            .any(|word| one.contains(word))
        });
        score.count(name, mutant, Some(theirs.to_owned()), here);
    }
    score.close();
}

#[test]
fn the_table_of_fields_is_what_the_api_says() {
    let Some(said) = asked(&["fields"], String::new()) else { return };
    assert_eq!(said, include_str!("../../../../core/src/manifest/kubernetes/fields.txt"));
}
