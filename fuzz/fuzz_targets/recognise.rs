//! Any bytes as a log line: nothing panics, and what is found is redacted without harm.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let _ = tls_verify::recognise::recognise(bytes);
    let _ = tls_verify::recognise::sense(bytes);
    let text = String::from_utf8_lossy(bytes);
    let _ = tls_verify::recognise::redact(&text);
});
