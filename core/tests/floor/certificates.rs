//! Certificate files as they lie about: those of public trouble reports, which lie beside the project, and their
//! neighbours, made here.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tls_verify_core::certificates::named::{self, GivenFiles};
use tls_verify_core::certificates::read;
use tls_verify_core::certificates::{CertificateReport, CertificateSource, ValidityPolicy, report};
use tls_verify_core::x509::Purpose;

fn cases() -> Option<PathBuf> {
    crate::corpus("reports/files")
}

fn source(name: &str, bytes: &[u8]) -> CertificateSource {
    let found = read::bytes(name, bytes, None).into_iter().next().unwrap();
    CertificateSource::new(None, found)
}

fn look(at: OffsetDateTime) -> ValidityPolicy {
    ValidityPolicy { at, expiry_warn: Duration::from_secs(3600) }
}

/// `certs` with the arguments of a case, in its folder.
fn judged(folder: &Path, arguments: &[String], at: OffsetDateTime) -> CertificateReport {
    let read = |name: &String| source(name, &std::fs::read(folder.join(name)).unwrap_or_default());
    let (mut anchors, mut certificates, mut names, mut key, mut purpose) =
        (Vec::new(), Vec::new(), Vec::new(), None, None);
    for pair in arguments.chunks(2) {
        match pair[0].as_str() {
            "--cacert" => anchors.push(read(&pair[1])),
            "--cert" => certificates.push(read(&pair[1])),
            "--key" => key = Some(read(&pair[1])),
            "--name" => names.push(pair[1].clone()),
            "--purpose" if pair[1] == "client" => purpose = Some(Purpose::Client),
            "--purpose" => purpose = Some(Purpose::Server),
            other => panic!("{other}"),
        }
    }
    report(
        named::verdict(GivenFiles { anchors, certificates, key, names: &names, purpose }, look(at)),
        look(at),
    )
}

/// What has to be said, by case, in words that any right answer holds.
const SAID: &[(&str, &[&str])] = &[
    ("01", &["negative serial"]),
    ("05", &["constraint"]),
    ("06", &["RSA PRIVATE KEY", "OpenSSL"]),
    ("10", &["empty"]),
    ("13b", &["byte order mark"]),
    ("15", &["clientAuth"]),
    ("17", &["127.0.0.1", "DNS name", "IP entry"]),
    ("20", &["CA", "ended on"]),
    ("22", &["secp256k1"]),
    ("23", &["encrypted"]),
    ("25", &["SHA-1"]),
];

#[test]
fn files_of_reports_are_judged_right() {
    let Some(folder) = cases() else { return };
    let now = std::env::var("TLS_VERIFY_AT").ok().and_then(|at| OffsetDateTime::parse(&at, &Rfc3339).ok());
    let mut wrong = Vec::new();
    let mut count = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let case: Value =
            serde_json::from_slice(&std::fs::read(entry.path().join("case.json")).unwrap()).unwrap();
        let arguments: Vec<String> =
            case["args"].as_array().unwrap().iter().map(|one| one.as_str().unwrap().to_owned()).collect();
        let report = judged(&entry.path(), &arguments, now.unwrap_or_else(OffsetDateTime::now_utc));
        let name = entry.file_name().to_string_lossy().into_owned();
        let said = serde_json::to_string(&report.findings).unwrap();
        let verification = report.verification.as_ref();
        let mut miss = |what: String| wrong.push(format!("{name}: {what}\n  {said}\n  {verification:?}"));
        let expect = &case["expect"];
        if let Some(accepted) = expect["accepted"].as_bool()
            && verification.map(|one| one.accepted) != Some(accepted)
        {
            miss(format!("accepted is not {accepted}"));
        }
        if let Some(openssl) = expect["openssl"].as_bool()
            && verification.map(|one| one.openssl) != Some(openssl)
        {
            miss(format!("openssl is not {openssl}"));
        }
        let errors: Vec<&str> = report
            .findings
            .iter()
            .filter(|one| one.severity == tls_verify_core::cause::Severity::Error)
            .filter_map(|one| one.cause.map(|cause| cause.slug()))
            .collect();
        match expect["cause_any"].as_array() {
            Some(causes) if !causes.iter().any(|cause| errors.contains(&cause.as_str().unwrap())) => {
                miss(format!("causes {errors:?}"));
            }
            None if !errors.is_empty() => miss(format!("errors {errors:?}")),
            _ => {}
        }
        if let Some(file) = expect["finding_on"].as_str()
            && !report.findings.iter().any(|one| one.file == file)
        {
            miss(format!("nothing is said of {file}"));
        }
        let words = SAID.iter().find(|(case, _)| name.starts_with(&format!("{case}-")));
        for word in words.into_iter().flat_map(|(_, words)| *words) {
            if !said.contains(word) {
                miss(format!("`{word}` is not said"));
            }
        }
        count += 1;
    }
    assert!(count > 10, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

struct Made {
    ca: String,
    other: String,
    leaf: String,
    key: rcgen::KeyPair,
}

/// A CA, another one, a server certificate of the first, and its key.
fn made() -> Made {
    use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
    let authority = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let key = KeyPair::generate().unwrap();
        let text = params.self_signed(&key).unwrap().pem();
        (text, Issuer::new(params, key))
    };
    let ((ca, issuer), (other, _)) = (authority("the CA"), authority("another CA"));
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let leaf = params.signed_by(&key, &issuer).unwrap().pem();
    Made { ca, other, leaf, key }
}

/// Accepted by Go, by OpenSSL; the causes of errors; all that is said.
fn asked(ca: &[u8], leaf: &[u8], key: &[u8]) -> (bool, bool, Vec<String>, String) {
    let named = GivenFiles {
        anchors: vec![source("ca.crt", ca)],
        certificates: vec![source("server.crt", leaf)],
        key: Some(source("server.key", key)),
        names: &["localhost".to_owned()],
        purpose: None,
    };
    let look = look(OffsetDateTime::now_utc());
    let report = report(named::verdict(named, look), look);
    let verification = report.verification.unwrap();
    let errors = report.findings.iter().filter(|one| one.severity == tls_verify_core::cause::Severity::Error);
    let errors = errors.map(|one| format!("{} {}", one.file, one.cause.map_or("none", |cause| cause.slug())));
    let said = report.findings.iter().map(|one| format!("{}: {}", one.file, one.message));
    (verification.accepted, verification.openssl, errors.collect(), said.collect::<Vec<_>>().join("\n"))
}

#[test]
fn blocks_that_go_does_not_see_are_no_certificates() {
    let Made { ca, other, leaf, key } = made();
    let key = key.serialize_pem();
    let mark = |text: &str| format!("\u{feff}{text}");
    // What is in the CA file, in the certificate's; accepted by Go and by OpenSSL; where an error is.
    let rows: &[(&str, String, String, bool, bool, &[&str])] = &[
        ("as it should be", ca.clone(), leaf.clone(), true, true, &[]),
        (
            "a mark before the needed CA",
            mark(&format!("{ca}{other}")),
            leaf.clone(),
            false,
            true,
            &["server.crt unknown-authority"],
        ),
        ("a mark before another CA", mark(&format!("{other}{ca}")), leaf.clone(), true, true, &[]),
        ("a mark before the only CA", mark(&ca), leaf.clone(), false, true, &["ca.crt bad-key-file"]),
        ("a mark and a line of text", mark(&format!("# the CA\n{ca}")), leaf.clone(), true, true, &[]),
        ("a mark before the certificate", ca.clone(), mark(&leaf), false, true, &["server.crt bad-key-file"]),
        ("within a line", ca.clone(), format!("cert: {leaf}"), false, false, &["server.crt bad-key-file"]),
        (
            "no line end between two",
            format!("{}{ca}", other.trim_end()),
            leaf.clone(),
            false,
            false,
            &["ca.crt bad-key-file"],
        ),
        (
            "another label",
            ca.replace(" CERTIFICATE", " TRUSTED CERTIFICATE"),
            leaf.clone(),
            false,
            true,
            &["server.crt unknown-authority"],
        ),
        ("nothing", ca.clone(), String::new(), false, false, &["server.crt bad-key-file"]),
        ("blanks", ca.clone(), " \n\n".to_owned(), false, false, &["server.crt bad-key-file"]),
        ("garbage", ca.clone(), "MIIB garbage".to_owned(), false, false, &["server.crt bad-key-file"]),
        (
            "an empty block",
            ca.clone(),
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n".to_owned(),
            false,
            false,
            &["server.crt bad-key-file"],
        ),
        ("garbage for a CA", "x".to_owned(), leaf.clone(), false, false, &["ca.crt bad-key-file"]),
    ];
    let mut wrong = Vec::new();
    for (about, ca, leaf, go, openssl, errors) in rows {
        let (accepted, by_openssl, found, said) = asked(ca.as_bytes(), leaf.as_bytes(), key.as_bytes());
        if accepted != *go
            || by_openssl != *openssl
            || errors.iter().any(|wanted| !found.iter().any(|one| one == wanted))
        {
            wrong.push(format!("{about}: go {accepted}, openssl {by_openssl}, {found:?}\n{said}"));
        }
        if errors.is_empty() && !found.is_empty() {
            wrong.push(format!("{about}: {found:?}\n{said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

#[test]
fn a_key_is_what_it_holds_and_openssl_goes_by_its_label() {
    let Made { ca, leaf, key, .. } = made();
    let text = key.serialize_pem();
    let labelled = |label: &str| text.replace("PRIVATE KEY", label);
    for (key, openssl) in [
        (text.clone(), true),
        (labelled("RSA PRIVATE KEY"), false),
        (labelled("EC PRIVATE KEY"), false),
        (labelled("ANY PRIVATE KEY"), false),
        (
            format!("-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n{text}"),
            true,
        ),
    ] {
        let (accepted, by_openssl, errors, said) = asked(ca.as_bytes(), leaf.as_bytes(), key.as_bytes());
        assert!(accepted && errors.is_empty(), "{said}");
        assert_eq!(by_openssl, openssl, "{said}");
        assert_eq!(said.contains("which `PRIVATE KEY` stands for"), !openssl, "{said}");
    }
    let (_, _, errors, said) = asked(ca.as_bytes(), leaf.as_bytes(), format!("\u{feff}{text}").as_bytes());
    assert_eq!(errors, ["server.key bad-key-file"], "{said}");
    let stranger =
        rcgen::KeyPair::generate().unwrap().serialize_pem().replace("PRIVATE KEY", "RSA PRIVATE KEY");
    let (_, _, errors, said) = asked(ca.as_bytes(), leaf.as_bytes(), stranger.as_bytes());
    assert_eq!(errors, ["server.key key-mismatch"], "{said}");
}
