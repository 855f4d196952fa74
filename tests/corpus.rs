//! The recogniser on labelled lines: those of the wild, which lie beside the project, and own ones.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::Value;
use tls_verify::recognise::{emitter, origin, recognise, trigger};

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

fn own(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/data/recognise").join(name)
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
        if emitter::of(line.as_bytes()).or_else(|| origin(line.as_bytes())).unwrap_or("other") == writer {
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
    let Some(file) = corpus() else { return };
    holds(&measure(&file), 0.97, 0.01);
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
}

/// Lines of all own sets, each also cut, in other case, coloured, behind a prefix, and with bytes changed.
fn mutated() -> Vec<Vec<u8>> {
    let mut lines = Vec::new();
    let mut seed = 0x9e37_79b9_u32;
    let mut next = move || {
        seed ^= seed << 13;
        seed ^= seed >> 17;
        seed ^= seed << 5;
        seed as usize
    };
    for file in ["own.jsonl", "fresh.jsonl", "third.jsonl", "fourth.jsonl"] {
        let text = std::fs::read_to_string(own(file)).unwrap();
        for row in text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let line = row["line"].as_str().unwrap().as_bytes().to_vec();
            let at = next() % line.len().max(1);
            lines.push(line[..at].to_vec());
            lines.push(line[at..].to_vec());
            lines.push(line.to_ascii_uppercase());
            lines.push([b"api-1  | ", line.as_slice()].concat());
            lines.push([&line[..at], b"\x1b[31m", &line[at..], b"\x1b[0m"].concat());
            let mut other = line.clone();
            for _ in 0..3 {
                let at = next() % other.len().max(1);
                if let Some(byte) = other.get_mut(at) {
                    *byte = (next() % 256) as u8;
                }
            }
            lines.push(other);
            lines.push(line);
        }
    }
    lines.retain(|line| !line.contains(&b'\n'));
    lines
}

#[test]
fn the_first_look_passes_over_nothing_that_the_closer_one_knows() {
    use tls_verify_core::logs::scan::{Problem, Scanner};
    let mut known = 0;
    for line in mutated() {
        let found = recognise(&line);
        if found.is_some() {
            known += 1;
            assert!(trigger(&line, false).is_some(), "{}", String::from_utf8_lossy(&line));
        }
        let mut seen = Vec::new();
        let mut sink = |problem: Problem| seen.push(problem.found.kind);
        let mut scanner = Scanner::new(false, &mut sink);
        scanner.feed(b"INFO all is well\n");
        scanner.feed(&line);
        scanner.feed(b"\nINFO all is well\n");
        scanner.finish();
        if !line.contains(&0x1b) && !line.ends_with(b"\r") {
            let wanted: Vec<_> = found.iter().map(|found| found.kind).collect();
            assert_eq!(seen, wanted, "{}", String::from_utf8_lossy(&line));
        }
    }
    assert!(known > 3000, "{known}");
}

/// The same lines with other digits: other times, ports, numbers, and now and then another error's code.
fn renumbered(lines: &[Vec<u8>]) -> Vec<Vec<u8>> {
    let mut seed = 0x1234_5678_u32;
    let mut next = move || {
        seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (seed >> 16) as u8
    };
    lines
        .iter()
        .map(|line| {
            line.iter().map(|byte| if byte.is_ascii_digit() { b'0' + next() % 10 } else { *byte }).collect()
        })
        .collect()
}

#[test]
fn what_is_remembered_is_what_a_fresh_look_says() {
    use tls_verify::recognise::sense;
    use tls_verify_checks::fault::Sense;
    use tls_verify_core::logs::scan::{Problem, Scanner};
    let mut lines = mutated();
    if let Some(file) = corpus() {
        for row in std::fs::read_to_string(file).unwrap().lines() {
            let row: Value = serde_json::from_str(row).unwrap();
            lines.push(row["line"].as_str().unwrap().as_bytes().to_vec());
        }
    }
    // Colour and line ends are taken off before the look; the loss of NATS waits for what follows.
    lines.retain(|line| {
        !line.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0x1b))
            && memchr::memmem::find(line, b"disconnected from nats").is_none()
    });
    let mut index = 0;
    lines.retain(|_| {
        index += 1;
        index % 2 == 0
    });
    let others = renumbered(&lines);
    let again = renumbered(&others);
    // Each stands three times and more, so that the later ones are answered from memory.
    let all: Vec<&[u8]> =
        [&lines, &others, &again, &lines].into_iter().flatten().map(Vec::as_slice).collect();
    let text: Vec<u8> = all.iter().flat_map(|line| [*line, b"\nINFO all is well\n"].concat()).collect();
    for project in [false, true] {
        let mut seen = Vec::new();
        let mut sink = |problem: Problem| seen.push((problem.line_number, problem.found, problem.emitter));
        let mut scanner = Scanner::new(project, &mut sink);
        scanner.feed(&text);
        scanner.finish();
        let fresh = (1..).step_by(2).zip(&all).filter_map(|(number, line)| {
            let found = recognise(line)?;
            let trouble = !project || matches!(sense(line), Sense::Trouble(_));
            trouble.then(|| (number, found, emitter::of(line).or_else(|| origin(line))))
        });
        let mut count = 0;
        for (seen, fresh) in seen.iter().zip(fresh) {
            let line = String::from_utf8_lossy(all[(fresh.0 / 2) as usize]);
            assert_eq!(*seen, fresh, "{line}");
            count += 1;
        }
        assert_eq!(count, seen.len());
        assert!(count > 10_000, "{count}");
    }
}
