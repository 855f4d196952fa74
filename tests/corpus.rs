//! The recogniser on labelled lines of the wild, which lie beside the project.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tls_verify::recognise::{emitter, recognise};

fn corpus() -> Option<PathBuf> {
    let folder = std::env::var_os("TLS_VERIFY_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/corpus"), PathBuf::from);
    let file = folder.join("errors-dev.jsonl");
    if file.is_file() {
        return Some(file);
    }
    assert!(std::env::var_os("CI").is_none(), "the corpus is missing: {}", file.display());
    eprintln!("skipped: no corpus at {}", file.display());
    None
}

#[test]
fn labelled_lines_are_named_and_traps_are_not() {
    let Some(file) = corpus() else { return };
    let text = std::fs::read_to_string(file).unwrap();
    let (mut right, mut wrong, mut traps, mut alarms, mut same) = (0, 0, 0, 0, 0);
    let mut tally: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let line = row["line"].as_str().unwrap();
        let label = row["label"].as_str().unwrap();
        let said = recognise(line.as_bytes()).map_or("not-tls", |found| found.kind.slug());
        let good = said == label || row["also"].as_array().unwrap().iter().any(|also| also == said);
        let emitter = row["emitter"].as_str().unwrap();
        for key in [format!("label {label}"), format!("emitter {emitter}")] {
            let one = tally.entry(key).or_default();
            one.0 += u32::from(good);
            one.1 += 1;
        }
        if emitter::of(line.as_bytes()).unwrap_or("other") == emitter {
            same += 1;
        }
        if label == "not-tls" {
            traps += 1;
            alarms += u32::from(!good);
        } else if good {
            right += 1;
        } else {
            wrong += 1;
        }
        if !good {
            println!("{label} {emitter}: said {said}: {}", line.chars().take(300).collect::<String>());
        }
    }
    for (key, (good, all)) in &tally {
        println!("{key}: {good} of {all}");
    }
    println!("right {right}, wrong {wrong}; false alarms {alarms} of {traps}; emitters {same}");
    assert!(f64::from(right) >= 0.97 * f64::from(right + wrong), "right {right}, wrong {wrong}");
    assert!(f64::from(alarms) <= 0.01 * f64::from(traps), "{alarms} of {traps} traps gave something");
}
