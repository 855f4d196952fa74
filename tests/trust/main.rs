//! The verdict on chains: a table with the rule that decides each, and Go itself as the referee.

mod spec;
mod table;

use std::io::Write;
use std::process::{Command, Stdio};

use spec::*;
use table::table;
use time::OffsetDateTime;
use tls_verify::certs;
use tls_verify::trust::{Options, Parsed, Purpose, verify};

fn ours(row: &Row) -> Result<(), String> {
    let read =
        |der: &[Vec<u8>]| -> Vec<Parsed> { der.iter().filter_map(|one| Parsed::read(one).ok()).collect() };
    let leaf = Parsed::read(&row.leaf)?;
    let purpose = if row.client { Purpose::Client } else { Purpose::Server };
    let options = Options { at: row.at, name: Some(&row.name), purpose };
    verify(&leaf, &read(&row.intermediates), &read(&row.roots), &options).map(drop).map_err(|why| why.reason)
}

/// Go's verdicts, where Go is on the machine.
fn referee(rows: &[Row]) -> Option<Vec<bool>> {
    let go = ["go", "/usr/local/go/bin/go"].into_iter().find(|go| {
        Command::new(go).arg("version").stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok()
    })?;
    use base64::Engine as _;
    let encode = |der: &[u8]| base64::engine::general_purpose::STANDARD.encode(der);
    let list = |many: &[Vec<u8>]| many.iter().map(|one| encode(one)).collect::<Vec<_>>();
    let input: Vec<_> = rows
        .iter()
        .map(|row| {
            serde_json::json!({ "leaf": encode(&row.leaf), "intermediates": list(&row.intermediates),
                "roots": list(&row.roots), "at": row.at, "name": row.name, "client": row.client })
        })
        .collect();
    let mut child = Command::new(go)
        .args(["run", "main.go"])
        .current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/referee/verify"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(serde_json::to_string(&input).unwrap().as_bytes()).unwrap();
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success());
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[test]
fn the_verdict_is_gos() {
    let rows = table();
    assert!(rows.len() >= 120, "{} rows", rows.len());
    let mut wrong = Vec::new();
    for row in &rows {
        let said = ours(row);
        if said.is_ok() != row.accepted {
            wrong.push(format!("{}: expected {}, we say {said:?}", row.rule, row.accepted));
        }
    }
    match referee(&rows) {
        Some(verdicts) => {
            for (row, verdict) in rows.iter().zip(verdicts) {
                if verdict != row.accepted {
                    wrong.push(format!("{}: the table says {}, Go {verdict}", row.rule, row.accepted));
                }
            }
        }
        None => eprintln!("skipped: no Go here to be the referee"),
    }
    println!("{} rows", rows.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn no_bytes_make_it_panic() {
    let top = root(&ca("root"));
    let end = under(&leaf(), &top);
    for index in 0..end.der.len() {
        for bit in [1, 0x20, 0x80, 0xff] {
            let mut der = end.der.clone();
            der[index] ^= bit;
            if let Ok(parsed) = Parsed::read(&der) {
                let roots = [Parsed::read(&top.der).unwrap()];
                let options = Options { at: NOW, name: Some("host.example"), purpose: Purpose::Server };
                assert!(verify(&parsed, &[], &roots, &options).is_err(), "byte {index} ^ {bit}");
            }
        }
    }
}

/// `openssl verify` as curl would set it up.
fn openssl(row: &Row, directory: &std::path::Path) -> bool {
    use tls_verify_fixtures::pki::pem;
    let list = |many: &[Vec<u8>]| many.iter().map(|der| pem("CERTIFICATE", der)).collect::<String>();
    let write = |name: &str, text: &str| {
        let path = directory.join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let leaf = write("leaf.pem", &pem("CERTIFICATE", &row.leaf));
    let roots = write("roots.pem", &list(&row.roots));
    let between = write("between.pem", &list(&row.intermediates));
    let mut command = Command::new("openssl");
    command.args(["verify", "-partial_chain", "-trusted_first", "-auth_level", "2"]);
    command.args(["-purpose", if row.client { "sslclient" } else { "sslserver" }]);
    command.args(["-attime", &row.at.to_string(), "-no-CApath", "-no-CAstore", "-CAfile"]).arg(&roots);
    if !row.intermediates.is_empty() {
        command.arg("-untrusted").arg(&between);
    }
    if row.name.parse::<std::net::IpAddr>().is_ok() {
        command.args(["-verify_ip", &row.name]);
    } else if !row.name.is_empty() {
        command.args(["-verify_hostname", &row.name]);
    }
    command
        .arg(&leaf)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}

#[test]
fn how_often_other_verifiers_decide_otherwise() {
    let rows = table();
    let directory = tempfile::tempdir().unwrap();
    let (mut webpki, mut real, mut model) = (0, 0, 0);
    let mut wrong = Vec::new();
    for row in &rows {
        let mut presented = vec![row.leaf.clone()];
        presented.extend(row.intermediates.iter().cloned());
        let said = certs::verify(&certs::Question {
            presented: &presented,
            anchors: &row.roots,
            spare: &[],
            names: &if row.name.is_empty() { Vec::new() } else { vec![row.name.clone()] },
            purpose: if row.client { Purpose::Client } else { Purpose::Server },
            at: OffsetDateTime::from_unix_timestamp(row.at).unwrap(),
        });
        assert_eq!(said.accepted, row.accepted, "{}", row.rule);
        webpki += usize::from(said.webpki != row.accepted);
        let openssl = openssl(row, directory.path());
        real += usize::from(openssl != row.accepted);
        if said.openssl != openssl {
            model += 1;
            wrong.push(format!("{}: openssl {openssl}, we say {}", row.rule, said.openssl));
        }
    }
    println!(
        "{} chains: webpki decides {webpki} otherwise than Go, OpenSSL {real}; our word on OpenSSL is wrong on {model}",
        rows.len()
    );
    assert!(model * 20 <= rows.len(), "{}", wrong.join("\n"));
}
