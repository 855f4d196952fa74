//! Any bytes as a certificate: the parser and the verdict end, in bounded time.
#![no_main]

use tls_verify_core::x509::{VerifyOptions, Parsed, Purpose, matches_name, verify};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(one) = Parsed::read(bytes) {
        let options = VerifyOptions { at: 1_790_000_000, name: Some("host.example"), purpose: Purpose::Server };
        let _ = verify(&one, std::slice::from_ref(&one), std::slice::from_ref(&one), &options);
        let _ = matches_name(&one, "127.0.0.1");
    }
});
