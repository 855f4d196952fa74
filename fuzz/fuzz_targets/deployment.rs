//! Any text as a Compose file and as manifests, wired and judged.
#![no_main]

use tls_verify_core::manifest::{MemoryFiles, compose, discover};
use tls_verify_core::rules::{self, AuditOptions};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let files = MemoryFiles::default().with("compose.yaml", bytes).with("nats.conf", "port: 4222\ntls {}\n");
    let request = compose::Request {
        folder: ".".to_owned(),
        files: vec!["compose.yaml".to_owned()],
        env_files: Vec::new(),
    };
    let options = AuditOptions::timeless();
    let _ = rules::audit(&compose::load(&request, &files), &files, options);
    for one in discover::manifests(&files, ".", &["compose.yaml".to_owned()]) {
        let _ = rules::audit(&one, &files, options);
    }
});
