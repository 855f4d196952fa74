//! Words of other people in the reports for machines, and on the screen: every parser reads them, and no line of theirs
//! is one of ours.

use std::fs;
use std::path::Path;

use quick_xml::events::Event;
use serde_json::Value;
use tls_verify_fixtures::pki::{Authority, Leaf};

use super::finish;
use crate::program;

/// What no XML holds, what turns a line round, what a terminal obeys, and a workflow command on a line of its own.
const EVIL: &str = "]]> <b>&amp; \u{202e}gnp\u{2066}\u{fffe}\u{ffff}\u{1b}[31m |a=1 #x %0A::error::z";

fn asked(place: &Path, arguments: &[&str], format: &str) -> String {
    let output = finish(program().args(arguments).args(["--format", format]).current_dir(place));
    let code = output.status.code();
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(
        matches!(code, Some(0..=3)) && !output.stdout.is_empty(),
        "{arguments:?} {format}: {code:?} {said}"
    );
    String::from_utf8(output.stdout).unwrap()
}

/// XML 1.0, 2.2: what an XML parser may refuse the whole document for.
fn is_xml(text: &str) -> bool {
    let all = text.chars().all(|one| {
        matches!(one, '\t' | '\n' | '\r' | '\u{20}'..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
    });
    let mut reader = quick_xml::Reader::from_str(text);
    loop {
        match reader.read_event() {
            Ok(Event::Eof) => return all,
            Ok(_) => {}
            Err(_) => return false,
        }
    }
}

/// Nothing that is not seen, and no line that somebody else began.
fn is_tame(what: &str, text: &str) {
    let hidden = |one: char| matches!(one, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}' | '\u{1b}');
    assert!(!text.chars().any(hidden), "{what}: {text}");
    assert!(!text.lines().any(|line| line.trim_start().starts_with("::error::evil")), "{what}: {text}");
}

fn is_read(what: &str, format: &str, text: &str) {
    match format {
        "junit" => assert!(is_xml(text), "{what}: {text}"),
        "sarif" => {
            let report: Value = serde_json::from_str(text).unwrap();
            let results = report["runs"][0]["results"].as_array().unwrap();
            let places = results.iter().filter_map(|one| {
                one.pointer("/locations/0/physicalLocation/artifactLocation/uri").and_then(Value::as_str)
            });
            for uri in places {
                // RFC 3986: no byte of another kind stands in a path.
                let fits = |one: char| one.is_ascii_alphanumeric() || "-._~/!$&'()*+,;=:@%".contains(one);
                assert!(uri.chars().all(fits), "{what}: {uri}");
            }
            // A JSON document holds a control character as an escape; what it stands for is what is shown.
            let messages = results.iter().map(|one| one["message"]["text"].as_str().unwrap_or_default());
            messages.for_each(|text| is_tame(what, &text.replace('\u{1b}', "").replace('\n', " ")));
            return;
        }
        "nagios" => assert!(text.lines().count() == 1 && text.matches('|').count() == 1, "{what}: {text}"),
        _ => {}
    }
    is_tame(what, text);
}

#[test]
fn hostile_lines_subjects_and_files_leave_every_report_well_formed() {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let folder = tempfile::tempdir().unwrap();
    let (logs, certs) = (folder.path().join("logs"), folder.path().join("certs"));
    fs::create_dir(&logs).unwrap();
    fs::create_dir(&certs).unwrap();
    let line =
        format!("2026-01-31T12:00:00Z ERROR redis: x509: certificate signed by unknown authority {EVIL}\n");
    fs::write(logs.join("scheduler.log"), format!("{line}{}", line.repeat(3))).unwrap();
    let run = ["run", "--no-docker", "--only", "7", "--services", "scheduler", "--logs", "logs"];
    for format in ["human", "junit", "tap", "github", "sarif", "nagios"] {
        is_read(&format!("run {format}"), format, &asked(folder.path(), &run, format));
    }
    let leaf = Leaf { common_name: format!("one\n::error::evil {EVIL}"), ..Leaf::server() };
    let (ca, other) = (Authority::generate().unwrap(), Authority::generate().unwrap());
    fs::write(certs.join("ca.crt"), ca.pem()).unwrap();
    let file = certs.join("a#b c\n::error::evil\u{202e}<x>.crt");
    fs::write(file, other.issue(&leaf).unwrap().chain_pem()).unwrap();
    for format in ["human", "junit", "github", "sarif"] {
        is_read(&format!("certs {format}"), format, &asked(folder.path(), &["certs", "certs"], format));
    }
    let project = format!(
        "services:\n  nats:\n    image: nats:2\n    command: [--tls, \"--tlscert={}\"]\n  scheduler:\n    image: cordum-scheduler\n    \
         environment: {{NATS_URL: 'nats://nats:4222'}}\n",
        "/c/\\u202e\\uFFFE\\n::error::evil.crt"
    );
    fs::write(folder.path().join("docker-compose.yml"), project).unwrap();
    for format in ["human", "junit", "github", "sarif"] {
        let text = asked(folder.path(), &["audit", "docker-compose.yml"], format);
        is_read(&format!("audit {format}"), format, &text);
    }
}
