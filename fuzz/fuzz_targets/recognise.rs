//! Any bytes as log lines: nothing panics, what is found is redacted without harm, and the first look
//! never passes over a line that the closer one knows.
#![no_main]

use tls_verify_core::logs::classify::{ranked, recognise, sense, first_candidate};
use tls_verify_core::logs::scan::{LogProblem, LogScanner};
use tls_verify_core::redaction::redact;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for line in bytes.split(|byte| *byte == b'\n') {
        if recognise(line).is_some() {
            assert!(first_candidate(line, false).is_some() && first_candidate(line, true).is_some());
        }
        let _ = sense(line);
    }
    // Single lines: as many problems as lines that are known, whatever the borders of the chunks.
    let plain = !bytes.iter().any(|byte| matches!(byte, 0x1b | b'\r' | b'\t')) && !bytes.windows(2).any(|two| two == b"\n ");
    let continues = bytes.split(|byte| *byte == b'\n').any(|line| {
        line.starts_with(b"Caused by:") || line.starts_with(b"... ") || line.starts_with(b" ") || line.contains(&b'|')
            || line.len() > 19
    });
    let wanted = bytes.split(|byte| *byte == b'\n').filter(|line| ranked(line).is_some()).count();
    for step in [1, 7, bytes.len().max(1)] {
        let mut found = 0;
        let mut sink = |_: LogProblem| found += 1;
        let mut scanner = LogScanner::new(false, &mut sink);
        for chunk in bytes.chunks(step) {
            scanner.feed(chunk);
        }
        scanner.finish();
        if plain && !continues {
            assert_eq!(found, wanted);
        }
        assert!(found <= bytes.split(|byte| *byte == b'\n').count());
    }
    let mut sink = |_: LogProblem| {};
    let mut scanner = LogScanner::new(true, &mut sink);
    scanner.feed(bytes);
    scanner.finish();
    let text = String::from_utf8_lossy(bytes);
    let _ = redact(&text);
});
