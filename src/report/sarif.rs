//! SARIF 2.1.0: the catalogue as rules, diagnoses and findings as results.

use std::io::{self, Write};

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};
use tls_verify_checks::cause::{CauseKind, Severity};
use tls_verify_core::remedy::catalogue;
use tls_verify_core::report::{Fix, RunReport};
use tls_verify_core::status::Status;

use crate::commands::certs;

/// Writes a run.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let mut results = Vec::new();
    for check in &report.checks {
        let properties = |more: Value| {
            let mut all = json!({ "check": check.id, "status": check.status.slug() });
            if let (Value::Object(all), Value::Object(more)) = (&mut all, more) {
                all.extend(more);
            }
            all
        };
        for one in &check.diagnoses {
            let mut text = format!("{}: {}", check.title, one.title);
            for fact in &one.because {
                text.push_str(&format!("\n{fact}"));
            }
            let place = one.place.as_deref().unwrap_or(check.id.as_str());
            let weight = match (check.status, one.severity) {
                (_, Severity::Note) => Weight::Note,
                (_, Severity::Warning) => Weight::Warning,
                (Status::Unknown, Severity::Error) => Weight::Open,
                (_, Severity::Error) => Weight::Error,
            };
            let more = json!({ "side": one.side, "variant": one.variant, "confidence": one.confidence });
            let text = with_fixes(text, &one.fix);
            results.push(result(one.cause.slug(), weight, &text, place, properties(more)));
        }
        // What no cause of the catalogue fits is told all the same.
        if check.diagnoses.is_empty() && matches!(check.status, Status::Fail | Status::Unknown) {
            let weight = if check.status == Status::Fail { Weight::Error } else { Weight::Open };
            let rule = if check.status == Status::Fail { FAILED } else { UNDECIDED };
            let mut text = format!("{}: {}", check.title, check.summary);
            for remark in check.remarks.iter().filter(|remark| **remark != check.summary) {
                text.push_str(&format!("\n{remark}"));
            }
            results.push(result(rule, weight, &text, &check.id, properties(json!({}))));
        }
    }
    document(results, report.exit_code, report.outcome != "interrupted", out)
}

/// Writes the findings of `certs`, at their files.
///
/// # Errors
/// What writing said.
pub fn certs(report: &certs::CertificateReport, out: &mut dyn Write) -> io::Result<()> {
    let results = report
        .findings
        .iter()
        .map(|one| {
            let weight = match one.severity {
                Severity::Error => Weight::Error,
                Severity::Warning => Weight::Warning,
                Severity::Note => Weight::Note,
            };
            let text = with_fixes(one.message.clone(), &one.fix);
            result(
                one.cause.map_or(NOTE, CauseKind::slug),
                weight,
                &text,
                &one.file,
                json!({ "variant": one.variant }),
            )
        })
        .collect();
    document(results, report.exit_code, true, out)
}

fn with_fixes(mut text: String, fixes: &[Fix]) -> String {
    for fix in fixes {
        text.push_str(&format!("\nfix: {}", super::text::placed(fix)));
        if let Some(command) = &fix.command {
            text.push_str(&format!("\n  {command}"));
        }
    }
    text
}

/// Level and kind of a result (SARIF 2.1.0, 3.27.9 and 3.27.10).
#[derive(Clone, Copy)]
enum Weight {
    Error,
    Warning,
    Note,
    /// It could not be decided: the only level allowed is `none`.
    Open,
}

/// Rules for what has no cause.
const NOTE: &str = "note";
const FAILED: &str = "failed";
const UNDECIDED: &str = "undecided";

fn result(rule: &str, weight: Weight, text: &str, place: &str, properties: Value) -> Value {
    let (kind, level) = match weight {
        Weight::Error => ("fail", "error"),
        Weight::Warning => ("fail", "warning"),
        Weight::Note => ("fail", "note"),
        Weight::Open => ("open", "none"),
    };
    let location = if is_file(place) {
        let path = place.strip_prefix("./").unwrap_or(place);
        json!({ "physicalLocation": { "artifactLocation": { "uri": uri(path) } } })
    } else {
        json!({ "logicalLocations": [{ "name": place, "kind": "service" }] })
    };
    let text: String = text.chars().map(super::text::visible).collect();
    json!({ "ruleId": rule, "kind": kind, "level": level, "message": { "text": text }, "locations": [location],
            "properties": properties })
}

/// A path, and no object of a cluster such as `secret/cordum-client-tls`.
fn is_file(place: &str) -> bool {
    const KINDS: &[&str] = &[
        "configmap",
        "cronjob",
        "daemonset",
        "deployment",
        "ingress",
        "job",
        "networkpolicy",
        "pod",
        "replicaset",
        "secret",
        "service",
        "serviceaccount",
        "statefulset",
    ];
    let is_object = |(kind, name): (&str, &str)| KINDS.contains(&kind) && !name.contains('/');
    place.ends_with(".crt")
        || place.ends_with(".key")
        || place.contains('/') && !place.split_once('/').is_some_and(is_object)
}

/// What a URI reference may not hold as it is: spaces, control characters and the like (RFC 3986, 3.3).
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~')
    .remove(b'/')
    .remove(b':')
    .remove(b'@')
    .remove(b'!')
    .remove(b'$')
    .remove(b'&')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')')
    .remove(b'*')
    .remove(b'+')
    .remove(b',')
    .remove(b';')
    .remove(b'=');

/// A path as a URI reference.
pub(crate) fn uri(path: &str) -> String {
    let text = if path.starts_with('/') { format!("file://{path}") } else { path.to_owned() };
    utf8_percent_encode(&text, ESCAPED).to_string()
}

fn document(results: Vec<Value>, code: u8, whole: bool, out: &mut dyn Write) -> io::Result<()> {
    let mut rules: Vec<Value> = CauseKind::ALL
        .iter()
        .map(|cause| {
            let entry = catalogue::entry(*cause);
            json!({ "id": cause, "shortDescription": { "text": entry.title },
                    "fullDescription": { "text": entry.meaning },
                    "help": { "text": format!("{}\nMore: tls-verify explain {cause}", entry.how_we_know) } })
        })
        .collect();
    for (id, text) in [
        (NOTE, "worth knowing"),
        (FAILED, "a check failed for a reason that is no TLS matter"),
        (UNDECIDED, "a check could not be decided"),
    ] {
        rules.push(json!({ "id": id, "shortDescription": { "text": text } }));
    }
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "tls-verify", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "invocations": [{ "executionSuccessful": whole, "exitCode": code }],
            "results": results,
        }],
    });
    serde_json::to_writer(&mut *out, &document).map_err(io::Error::other)?;
    out.write_all(b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_file_with_a_path_that_is_a_uri_or_something_with_a_name() {
        for place in ["./certs/ca/ca.crt", "/etc/a", "certs/x", "secret/a.crt", "deployment/a/b"] {
            assert!(is_file(place), "{place}");
        }
        for place in ["nats", "secret/cordum-client-tls", "statefulset/cordum-nats", "gateway-https"] {
            assert!(!is_file(place), "{place}");
        }
        assert_eq!(uri("a b#c\n<x>\u{202e}.crt"), "a%20b%23c%0A%3Cx%3E%E2%80%AE.crt");
        assert_eq!(uri("/certs/ca.crt"), "file:///certs/ca.crt");
    }
}
