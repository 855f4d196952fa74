//! The scanner on labelled lines: it passes over nothing that the recogniser knows, and what it remembers is what
//! a fresh look says.

use std::path::{Path, PathBuf};

use serde_json::Value;
use tls_verify_core::logs::classify::{emitter, first_candidate, recognise};

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
    use tls_verify_core::logs::scan::{LogProblem, LogScanner};
    let mut known = 0;
    for line in mutated() {
        let found = recognise(&line);
        if found.is_some() {
            known += 1;
            assert!(first_candidate(&line, false).is_some(), "{}", String::from_utf8_lossy(&line));
        }
        let mut seen = Vec::new();
        let mut sink = |problem: LogProblem| seen.push(problem.found().kind);
        let mut scanner = LogScanner::new(false, &mut sink);
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
    use tls_verify_checks::fault::Sense;
    use tls_verify_core::logs::classify::sense;
    use tls_verify_core::logs::scan::{LogProblem, LogScanner};
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
        let mut sink =
            |problem: LogProblem| seen.push((problem.line_number, problem.found().clone(), problem.emitter));
        let mut scanner = LogScanner::new(project, &mut sink);
        scanner.feed(&text);
        scanner.finish();
        let fresh = (1..).step_by(2).zip(&all).filter_map(|(number, line)| {
            let found = recognise(line)?;
            let trouble = !project || matches!(sense(line), Sense::Trouble(_));
            trouble.then(|| (number, found, emitter::of(line).or_else(|| emitter(line))))
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
