//! Any bytes as a certificate file, a container or a Secret.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    for found in tls_verify_core::certificates::read_bytes("file", bytes, Some("password")) {
        for (index, der) in found.certificates().enumerate() {
            let _ = tls_verify_core::certificates::CertificateSummary::read("file", index, der);
        }
    }
});
