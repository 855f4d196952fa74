//! The verdict on chains: a table with the rule that decides each, and Go itself as the referee.

mod families;
mod make;
mod random;
mod referee;
mod spec;
mod table;

use std::process::{Command, Stdio};

use spec::*;

use time::OffsetDateTime;
use tls_verify_core::certificates as certs;
use tls_verify_core::x509::{Parsed, Purpose, VerifyOptions, matches_name, verify};

fn table() -> Vec<Row> {
    let mut rows = table::table();
    rows.extend(families::rows());
    rows
}

fn ours(row: &Row) -> Result<(), String> {
    let read =
        |der: &[Vec<u8>]| -> Vec<Parsed> { der.iter().filter_map(|one| Parsed::read(one).ok()).collect() };
    let leaf = Parsed::read(&row.leaf)?;
    let purpose = if row.client { Purpose::Client } else { Purpose::Server };
    let options = VerifyOptions { at: row.at, name: Some(&row.name), purpose };
    verify(&leaf, &read(&row.intermediates), &read(&row.roots), &options).map(drop).map_err(|why| why.reason)
}

/// Go's words on chains, where Go is on the machine; empty: it accepts.
fn referee(rows: &[Row]) -> Option<Vec<String>> {
    use base64::Engine as _;
    let encode = |der: &[u8]| base64::engine::general_purpose::STANDARD.encode(der);
    let list = |many: &[Vec<u8>]| many.iter().map(|one| encode(one)).collect::<Vec<_>>();
    let mut input = Vec::new();
    for row in rows {
        let one = serde_json::json!({ "leaf": encode(&row.leaf), "intermediates": list(&row.intermediates),
                "roots": list(&row.roots), "at": row.at, "name": row.name, "client": row.client });
        serde_json::to_writer(&mut input, &one).unwrap();
        input.push(b'\n');
    }
    let output = referee::ask("verify", input)?;
    let lines: Vec<String> = String::from_utf8(output).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), rows.len());
    Some(lines)
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
    let verdicts = referee(&rows).unwrap_or_default();
    for (row, verdict) in rows.iter().zip(verdicts) {
        if verdict.is_empty() != row.accepted {
            wrong.push(format!("{}: the table says {}, Go {verdict:?}", row.rule, row.accepted));
        }
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
                let options = VerifyOptions { at: NOW, name: Some("host.example"), purpose: Purpose::Server };
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
        let said = certs::verify(&certs::ChainUnderTest {
            presented: &presented,
            anchors: &row.roots,
            candidates: &[],
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
    // Of forms that only Go's parser refuses nothing is claimed.
    assert!(model * 10 <= rows.len(), "{}", wrong.join("\n"));
}

/// How many random chains; more of them: `RANDOM_CHAINS=30000`, and other ones: `RANDOM_SEED=7`.
fn asked(variable: &str, otherwise: u64) -> u64 {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn random_chains_are_decided_as_go_decides() {
    let keys = make::keys();
    let mut maker = random::Maker::new(asked("RANDOM_SEED", 1), &keys);
    let count = usize::try_from(asked("RANDOM_CHAINS", 3000)).unwrap();
    let rows: Vec<Row> = (0..count).map(|index| maker.row(index)).collect();
    let ours: Vec<Result<(), String>> = rows.iter().map(ours).collect();
    let Some(verdicts) = referee(&rows) else { return };
    let mut wrong = Vec::new();
    for ((row, said), verdict) in rows.iter().zip(&ours).zip(&verdicts) {
        if said.is_ok() != verdict.is_empty() {
            wrong.push(format!("{}: Go says {verdict:?}, we {said:?}", row.rule));
        }
    }
    let accepted = verdicts.iter().filter(|verdict| verdict.is_empty()).count();
    println!("{count} random chains, {accepted} accepted by Go, {} decided otherwise", wrong.len());
    let kind = |verdict: &String| verdict.split(' ').skip(1).take(5).collect::<Vec<_>>().join(" ");
    let kinds: std::collections::BTreeSet<String> = verdicts.iter().map(kind).collect();
    assert!(kinds.len() >= 20, "the chains are refused for {kinds:#?} alone");
    // Neither side is decided by chance alone.
    assert!(accepted * 10 > count && accepted * 10 < count * 9, "{accepted} of {count}");
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

#[test]
fn random_names_match_as_go_matches() {
    use base64::Engine as _;
    let keys = make::keys();
    let mut maker = random::Maker::new(asked("RANDOM_SEED", 2), &keys);
    let cases: Vec<(Vec<u8>, Vec<String>)> =
        (0..asked("RANDOM_CHAINS", 1000)).map(|_| maker.named()).collect();
    let mut input = Vec::new();
    for (leaf, names) in &cases {
        let leaf = base64::engine::general_purpose::STANDARD.encode(leaf);
        serde_json::to_writer(&mut input, &serde_json::json!({ "leaf": leaf, "names": names })).unwrap();
    }
    let Some(output) = referee::ask("verify", input) else { return };
    let (mut count, mut matched, mut wrong) = (0, 0, Vec::new());
    for ((leaf, names), said) in cases.iter().zip(String::from_utf8(output).unwrap().lines()) {
        let leaf = Parsed::read(leaf).unwrap();
        assert_eq!(said.len(), names.len(), "{said}");
        for (name, said) in names.iter().zip(said.bytes()) {
            count += 1;
            matched += usize::from(said == b'1');
            if (said == b'1') != matches_name(&leaf, name).is_ok() {
                wrong.push(format!("{name:?} against {:?} {:?}", leaf.dns, leaf.ips));
            }
        }
    }
    println!("{count} names, {matched} matched by Go, {} decided otherwise", wrong.len());
    assert!(matched * 50 > count, "{matched} of {count}");
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong[..wrong.len().min(40)].join("\n"));
}

/// The way a file goes: PEM, the command line, the report.
#[test]
fn the_command_gives_gos_verdict_on_files() {
    use tls_verify_fixtures::pki::pem;
    let keys = make::keys();
    let mut maker = random::Maker::new(asked("RANDOM_SEED", 3), &keys);
    let count = usize::try_from(asked("RANDOM_FILES", 200)).unwrap();
    let rows: Vec<Row> = (0..count).map(|index| maker.row(index)).collect();
    let folder = tempfile::tempdir().unwrap();
    let list = |many: &[Vec<u8>]| many.iter().map(|der| pem("CERTIFICATE", der)).collect::<String>();
    let mut wrong = Vec::new();
    for row in rows.iter().filter(|row| !row.roots.is_empty()) {
        let (cert, cacert) = (folder.path().join("cert.pem"), folder.path().join("ca.pem"));
        // A message of TLS is refused whole for one certificate in it that cannot be parsed.
        let sent: Vec<Vec<u8>> =
            row.intermediates.iter().filter(|der| Parsed::read(der).is_ok()).cloned().collect();
        std::fs::write(&cert, pem("CERTIFICATE", &row.leaf) + &list(&sent)).unwrap();
        std::fs::write(&cacert, list(&row.roots)).unwrap();
        let at = OffsetDateTime::from_unix_timestamp(row.at).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_tls-verify"));
        command.arg("certs").arg("--cert").arg(&cert).arg("--cacert").arg(&cacert);
        command.args(["--format", "json", "--purpose", if row.client { "client" } else { "server" }]);
        command.arg("--at").arg(at.format(&time::format_description::well_known::Rfc3339).unwrap());
        if !row.name.is_empty() {
            command.arg(format!("--name={}", row.name));
        }
        let output = command.stdin(Stdio::null()).output().unwrap();
        let said: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let accepted = &said["verification"]["accepted"];
        if accepted.as_bool() != Some(ours(row).is_ok()) {
            wrong.push(format!("{}: {:?}, the command says {}", row.rule, ours(row), said["verification"]));
        }
        let failed = output.status.code() == Some(1);
        if failed != (accepted != true) {
            wrong.push(format!("{}: exit {:?}: {}", row.rule, output.status.code(), said["findings"]));
        }
    }
    assert!(wrong.is_empty(), "{} of {count}:\n{}", wrong.len(), wrong[..wrong.len().min(20)].join("\n"));
}
