//! `certs` on the guide's layout: healthy, and with one fault each; on single files; and on other forms.

mod bounds;
mod certificates;
mod contents;
mod folder;
mod reading;

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use tls_verify_fixtures::pki;

use folder::{Folder, certs, findings, of};

#[test]
fn a_generated_folder_is_right_and_all_three_verifiers_accept_it() {
    let folder = Folder::healthy();
    let (code, report) = of(folder.directory.path());
    assert_eq!(findings(&report, folder.directory.path()), Vec::<String>::new());
    assert_eq!(code, 0);
    for key in ["accepted", "go", "openssl", "webpki"] {
        assert_eq!(report["verification"][key], true, "{key}");
    }
    assert_eq!(report["certificates"].as_array().unwrap().len(), 3);
}

#[test]
fn every_fault_of_a_folder_is_found_and_nothing_else() {
    let rows = [certificates::ROWS, contents::ROWS].concat();
    assert!(rows.len() >= 40, "{}", rows.len());
    let (mut wrong, mut mute) = (Vec::new(), Vec::new());
    for (name, make, expected, lines) in &rows {
        let folder = Folder::healthy();
        make(&folder);
        folder.open();
        let (code, report) = of(folder.directory.path());
        // A CA that ends with short-lived leaves warns of its own.
        let mut seen = findings(&report, folder.directory.path());
        let mut wanted: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        seen.sort();
        wanted.sort();
        if seen != wanted || code != *expected {
            wrong.push(format!("{name}: exit {code}, {seen:#?}"));
        }
        assert_eq!(report["exit_code"], code, "{name}");
        for one in report["findings"].as_array().unwrap() {
            let message = one["message"].as_str().unwrap();
            assert!(message.len() > 8 && one["fix"].is_array(), "{name}: {one}");
            // What stops a service says what to do about it.
            if one["severity"] == "error" && one["fix"].as_array().unwrap().is_empty() {
                mute.push(format!("{name}: {message}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(mute.is_empty(), "without a fix: {mute:#?}");
}

#[test]
fn keys_that_the_containers_cannot_read_are_told() {
    let folder = Folder::healthy();
    let path = folder.directory.path();
    let _ = Command::new("chmod").arg("600").arg(folder.path("server/tls.key")).status().unwrap();
    let (code, report) = of(path);
    let seen = findings(&report, path);
    assert_eq!(code, 0, "{report}");
    assert!(seen.contains(&"warning . bad-key-file permission-denied".to_owned()), "{seen:?}");
    let told = report["findings"].to_string();
    assert!(told.contains("server/tls.key") && told.contains("65532"), "{told}");
}

#[test]
fn one_bad_file_hides_no_other() {
    let folder = Folder::healthy();
    let path = folder.directory.path();
    folder.put("server/tls.crt", "rubbish");
    folder.put("extra.pem", "-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n");
    folder.put("other.crt", &format!("-----BEGIN CERTIFICATE-----\nAAAA\n{}", folder.text("client/tls.crt")));
    folder.open();
    let (code, report) = of(path);
    assert_eq!(code, 1);
    let files: Vec<&str> =
        report["certificates"].as_array().unwrap().iter().map(|one| one["file"].as_str().unwrap()).collect();
    for wanted in ["ca/ca.crt", "client/tls.crt", "other.crt"] {
        assert!(files.iter().any(|file| file.ends_with(wanted)), "{wanted}: {files:?}");
    }
    assert!(findings(&report, path).contains(&"error server/tls.crt bad-key-file no-pem".to_owned()));
}

#[test]
fn the_release_day_is_asked_for_with_at() {
    let folder = Folder::healthy();
    let path = folder.directory.path().to_str().unwrap();
    let (code, report) = certs(&[path, "--at", "2090-01-01T00:00:00Z"]);
    assert_eq!(code, 1);
    assert_eq!(report["verification"]["cause"], "expired");
}

#[test]
fn single_files_are_verified_for_a_name_and_a_purpose() {
    let folder = Folder::healthy();
    let ca = folder.path("ca/ca.crt");
    let server = folder.path("server/tls.crt");
    let client = folder.path("client/tls.crt");
    let ask = |cert: &Path, more: &[&str]| {
        let mut all = vec!["--cacert", ca.to_str().unwrap(), "--cert", cert.to_str().unwrap()];
        all.extend(more);
        certs(&all)
    };
    let (code, report) = ask(&server, &["--name", "nats", "--name", "127.0.0.1"]);
    assert_eq!((code, &report["verification"]["accepted"]), (0, &Value::Bool(true)));
    let (code, report) = ask(&server, &["--name", "elsewhere"]);
    assert_eq!((code, report["verification"]["cause"].as_str()), (1, Some("hostname-mismatch")));
    let (code, report) = ask(&server, &["--purpose", "client"]);
    assert_eq!((code, report["verification"]["cause"].as_str()), (1, Some("wrong-key-usage")));
    let (code, report) = ask(&client, &["--purpose", "client"]);
    assert_eq!((code, &report["verification"]["accepted"]), (0, &Value::Bool(true)));
    fs::write(folder.path("broken.crt"), pki::pem("CERTIFICATE", &[0x30, 0x03, 1, 2, 3])).unwrap();
    let (code, report) = ask(&folder.path("broken.crt"), &[]);
    assert_eq!((code, &report["verification"]["accepted"]), (1, &Value::Bool(false)));
}

/// A pool that Go or OpenSSL makes of such a file is empty, whatever lies in it.
#[test]
fn anchors_that_are_no_pem_are_trusted_by_nobody() {
    let folder = Folder::healthy();
    let (good, cert) = (folder.path("ca/ca.crt"), folder.path("server/tls.crt"));
    fs::write(folder.path("ca.der"), folder.ca.certificate.as_ref()).unwrap();
    let units: Vec<u8> =
        fs::read_to_string(&good).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect();
    fs::write(folder.path("utf16.crt"), [&[0xff, 0xfe][..], &units].concat()).unwrap();
    for name in ["ca.der", "utf16.crt"] {
        let file = folder.path(name);
        let ask = |more: &[&str]| {
            let all = ["--cert", cert.to_str().unwrap(), "--cacert", file.to_str().unwrap()];
            certs(&[&all[..], more].concat())
        };
        let (code, report) = ask(&[]);
        let told = (&report["verification"]["accepted"], &report["verification"]["openssl"]);
        assert_eq!((code, told), (1, (&Value::Bool(false), &Value::Bool(false))), "{name}: {report}");
        let finding = &report["findings"][0];
        let said = (finding["severity"].as_str(), finding["cause"].as_str());
        assert_eq!(said, (Some("error"), Some("bad-key-file")), "{name}: {report}");
        let command = finding["fix"][0]["command"].as_str().unwrap_or_default();
        assert!(command.contains(&format!("{}.pem", file.display())), "{name}: {command}");
        // Beside one that can be read it is worth a look.
        let (code, report) = ask(&["--cacert", good.to_str().unwrap()]);
        assert_eq!((code, &report["verification"]["accepted"]), (0, &Value::Bool(true)), "{name}: {report}");
    }
}
