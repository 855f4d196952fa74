//! The recogniser on labelled lines: those of the wild, which lie beside the project, and own ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tls_verify_core::logs::classify::{emitter, recognise};

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures/data/recognise").join(name)
}

#[derive(Default)]
struct Score {
    right: u32,
    wrong: u32,
    alarms: u32,
    traps: u32,
    /// The writer was named as labelled.
    emitters: u32,
    /// Of the lines whose variant or side is labelled: those that differ.
    details: Vec<String>,
}

/// Judges every line of a file of `{"line", "label", "also", "emitter"[, "variant"][, "side"]}`.
fn measure(file: &Path) -> Score {
    let text = std::fs::read_to_string(file).unwrap();
    let mut score = Score::default();
    let mut tally: BTreeMap<String, (u32, u32)> = BTreeMap::new();
    for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        let line = row["line"].as_str().unwrap();
        let label = row["label"].as_str().unwrap();
        let found = recognise(line.as_bytes());
        let said = found.as_ref().map_or("not-tls", |found| found.kind.slug());
        let good = said == label || row["also"].as_array().unwrap().iter().any(|also| also == said);
        let writer = row["emitter"].as_str().unwrap();
        for key in [format!("label {label}"), format!("emitter {writer}")] {
            let one = tally.entry(key).or_default();
            one.0 += u32::from(good);
            one.1 += 1;
        }
        if emitter::of(line.as_bytes()).or_else(|| emitter(line.as_bytes())).unwrap_or("other") == writer {
            score.emitters += 1;
        } else if std::env::var_os("SHOW_EMITTERS").is_some() {
            println!(
                "emitter {writer}: said {:?}: {}",
                emitter::of(line.as_bytes()),
                line.chars().take(200).collect::<String>()
            );
        }
        if let (Some(found), true) = (&found, said == label) {
            let variant = found.variant.map(|variant| variant.to_string());
            let side = found.side.to_string();
            for (key, said) in [("variant", variant.as_deref().unwrap_or("none")), ("side", side.as_str())] {
                if row[key].as_str().is_some_and(|wanted| wanted != said) {
                    score.details.push(format!("{key} {}: said {said}: {line}", row[key]));
                }
            }
        }
        if label == "not-tls" {
            score.traps += 1;
            score.alarms += u32::from(!good);
        } else if good {
            score.right += 1;
        } else {
            score.wrong += 1;
        }
        if !good {
            println!("{label} {writer}: said {said}: {}", line.chars().take(300).collect::<String>());
        }
    }
    for (key, (good, all)) in &tally {
        println!("{key}: {good} of {all}");
    }
    for detail in &score.details {
        println!("{detail}");
    }
    println!(
        "right {}, wrong {}; false alarms {} of {}; emitters {}; details wrong {}",
        score.right,
        score.wrong,
        score.alarms,
        score.traps,
        score.emitters,
        score.details.len()
    );
    score
}

fn holds(score: &Score, right: f64, alarms: f64) {
    let share = f64::from(score.right) / f64::from(score.right + score.wrong);
    assert!(share >= right, "right {}, wrong {}", score.right, score.wrong);
    let share = f64::from(score.alarms) / f64::from(score.traps);
    assert!(share <= alarms, "{} of {} traps gave something", score.alarms, score.traps);
}

#[test]
fn labelled_lines_are_named_and_traps_are_not() {
    let Some(file) = crate::corpus("errors-dev.jsonl") else { return };
    holds(&measure(&file), 0.97, 0.01);
}

/// Lines of public trouble reports, which lie beside the corpus.
#[test]
fn lines_of_reports_are_named() {
    let Some(file) = crate::corpus("errors-dev.jsonl") else { return };
    let score = measure(&file.with_file_name("reports").join("lines.jsonl"));
    assert_eq!((score.wrong, score.alarms), (0, 0));
}

#[test]
fn own_lines_are_named_and_traps_are_not() {
    holds(&measure(&own("own.jsonl")), 0.97, 0.01);
}

#[test]
fn fresh_lines() {
    holds(&measure(&own("fresh.jsonl")), 0.95, 0.01);
    holds(&measure(&own("third.jsonl")), 0.95, 0.025);
    holds(&measure(&own("fourth.jsonl")), 0.95, 0.025);
    holds(&measure(&own("fifth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("sixth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("seventh.jsonl")), 0.98, 0.005);
    holds(&measure(&own("eighth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("ninth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("tenth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("eleventh.jsonl")), 0.98, 0.02);
    holds(&measure(&own("twelfth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("thirteenth.jsonl")), 0.98, 0.02);
    holds(&measure(&own("fourteenth.jsonl")), 0.98, 0.03);
    holds(&measure(&own("fifteenth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("sixteenth.jsonl")), 0.98, 0.03);
    holds(&measure(&own("seventeenth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("eighteenth.jsonl")), 0.98, 0.005);
    holds(&measure(&own("nineteenth.jsonl")), 0.98, 0.02);
    holds(&measure(&own("twentieth.jsonl")), 0.97, 0.09);
    // Whatever stands in public trouble reports, of programs far from the stack too.
    holds(&measure(&own("twentyfirst.jsonl")), 0.91, 0.02);
    // Programs that run beside the stack, and what they print when all is well.
    holds(&measure(&own("twentysecond.jsonl")), 0.94, 0.005);
    holds(&measure(&own("twentythird.jsonl")), 0.96, 0.01);
    holds(&measure(&own("twentyfourth.jsonl")), 0.97, 0.013);
    holds(&measure(&own("twentyfifth.jsonl")), 0.95, 0.03);
    // Half of its harmless lines hand on what people wrote, without quotes.
    holds(&measure(&own("twentysixth.jsonl")), 0.98, 0.065);
}

/// A file named by the environment, to see the score of lines that nobody has tried yet:
/// `TLS_VERIFY_BATCH=FILE cargo test -p tls-verify-core --test floor a_batch -- --nocapture`.
#[test]
fn a_batch() {
    if let Some(file) = std::env::var_os("TLS_VERIFY_BATCH") {
        measure(Path::new(&file));
    }
}
