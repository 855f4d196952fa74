//! Forms in which certificates come: containers, manifests, odd PEM, and mutants of all of them.

use std::fs;
use std::process::Command;

use serde_json::Value;
use tls_verify_fixtures::pki::Leaf;

use crate::certs::folder::{Folder, certs, of, run};

#[test]
fn a_container_is_opened_with_its_password_alone() {
    let folder = Folder::healthy();
    let work = tempfile::tempdir().unwrap();
    let (crt, key) = (folder.path("server/tls.crt"), folder.path("server/tls.key"));
    let (crt, key) = (crt.to_str().unwrap(), key.to_str().unwrap());
    run(
        &["pkcs12", "-export", "-passout", "pass:secret", "-out", "a.p12"],
        &["-in", crt, "-inkey", key],
        work.path(),
    );
    fs::write(work.path().join("right"), "secret\n").unwrap();
    fs::write(work.path().join("wrong"), "guess\n").unwrap();
    let container = work.path().join("a.p12");
    let ask = |password: Option<&str>| {
        let file = password.map(|name| work.path().join(name));
        let mut arguments = vec![container.to_str().unwrap()];
        if let Some(file) = &file {
            arguments.extend(["--password-file", file.to_str().unwrap()]);
        }
        let (_, report) = certs(&arguments);
        (report["certificates"].as_array().unwrap().len(), report["findings"].to_string())
    };
    let (count, said) = ask(None);
    assert!(count == 0 && said.contains("PKCS#12") && said.contains("--password-file"), "{said}");
    let (count, said) = ask(Some("wrong"));
    assert!(count == 0 && said.contains("encrypted"), "{said}");
    let (count, said) = ask(Some("right"));
    assert!(count == 1 && !said.contains("secret"), "{count} {said}");
}

#[test]
fn mutants_of_every_form_are_read_in_bounded_time() {
    use base64::Engine as _;
    use tls_verify_core::certificates::{CertificateSummary, read_bytes};
    let folder = Folder::healthy();
    let base64 = |name: &str| base64::engine::general_purpose::STANDARD.encode(folder.text(name));
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: a\ndata:\n  tls.crt: {}\n  tls.key: {}\n",
        base64("server/tls.crt"),
        base64("server/tls.key")
    );
    let seeds: [Vec<u8>; 4] = [
        format!("text\n{}{}", folder.text("server/tls.crt"), folder.text("server/tls.key")).into_bytes(),
        folder.ca.issue(&Leaf::server()).unwrap().chain[0].to_vec(),
        manifest.clone().into_bytes(),
        serde_json::to_vec(&serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": [
            { "kind": "Secret", "metadata": { "name": "a" }, "data": { "tls.crt": base64("client/tls.crt") } } ] }))
        .unwrap(),
    ];
    let mut state = 7_u64;
    let mut random = |bound: usize| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % bound
    };
    let begun = std::time::Instant::now();
    let (mut mutants, mut read) = (0, 0);
    for round in 0..1000 {
        for seed in &seeds {
            let mut mutant = seed.clone();
            for _ in 0..=random(4) {
                let at = random(mutant.len());
                match random(6) {
                    0 => mutant[at] ^= 1 << random(8),
                    1 => mutant[at] = b"-:\n{}[]\"&*!\0\xff"[random(13)],
                    2 => mutant.truncate(at.max(1)),
                    3 => drop(mutant.drain(at..(at + random(40)).min(mutant.len()))),
                    4 => {
                        let piece = mutant[at..(at + random(200)).min(mutant.len())].to_vec();
                        let into = random(mutant.len());
                        mutant.splice(into..into, piece);
                    }
                    _ => mutant.insert(at, u8::try_from(random(256)).unwrap()),
                }
                if mutant.is_empty() {
                    mutant.push(b'-');
                }
            }
            mutants += 1;
            for found in read_bytes("file", &mutant, Some("password")) {
                // Whatever is there is either read or named.
                assert!(!found.blocks.is_empty() || !found.faults.is_empty(), "round {round}: {mutant:?}");
                for (index, der) in found.certificates().enumerate() {
                    read += usize::from(CertificateSummary::read("file", index, der).is_ok());
                }
            }
        }
    }
    assert!(mutants >= 3000 && read > 200, "{mutants} {read}");
    assert!(begun.elapsed().as_secs() < 120, "{:?}", begun.elapsed());
}

#[test]
fn odd_but_usable_pem_is_read() {
    let folder = Folder::healthy();
    let text = folder.text("ca/ca.crt");
    let odd = format!("\u{feff}Subject: a CA\r\n{}\r\ntrailing text\r\n", text.replace('\n', "\r\n"));
    folder.put("ca/ca.crt", &odd);
    let (code, report) = of(folder.directory.path());
    assert_eq!(code, 0, "{report}");
}

#[test]
fn a_kubernetes_secret_is_read_from_standard_input() {
    use base64::Engine;
    use std::io::Write;
    let folder = Folder::healthy();
    let encoded =
        |name: &str| base64::engine::general_purpose::STANDARD.encode(fs::read(folder.path(name)).unwrap());
    let manifest = format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: cordum-client-tls\ndata:\n  ca.crt: {}\n  tls.crt: {}\n  tls.key: {}\n",
        encoded("ca/ca.crt"),
        encoded("client/tls.crt"),
        encoded("server/tls.key"),
    );
    let mut child = Command::new(env!("CARGO_BIN_EXE_tls-verify"))
        .args(["certs", "-", "--format", "json"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(manifest.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    let errors: Vec<&Value> =
        report["findings"].as_array().unwrap().iter().filter(|one| one["severity"] == "error").collect();
    assert_eq!(errors.len(), 1, "{report}");
    assert_eq!(errors[0]["cause"], "key-mismatch");
    assert_eq!(errors[0]["file"], "secret/cordum-client-tls:tls.key");
}
