//! SARIF 2.1.0: the catalogue as rules, diagnoses and findings as results.

use std::io::{self, Write};

use serde_json::{Value, json};
use tls_verify_checks::cause::{CauseKind, Severity};

use crate::catalogue;
use crate::certs;
use crate::outcome::{Fix, RunReport};

/// Writes a run.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let mut results = Vec::new();
    for check in &report.checks {
        for one in &check.diagnoses {
            let mut text = format!("{}: {}", check.title, one.title);
            for fact in &one.because {
                text.push_str(&format!("\n{fact}"));
            }
            let place = one.place.as_deref().unwrap_or(check.id.as_str());
            results.push(result(
                Some(one.cause),
                if one.severity == Severity::Error { "error" } else { "warning" },
                &with_fixes(text, &one.fix),
                place,
                json!({ "check": check.id, "status": check.status.slug(), "side": one.side,
                        "variant": one.variant, "confidence": one.confidence }),
            ));
        }
    }
    document(results, report.exit_code, report.outcome != "interrupted", out)
}

/// Writes the findings of `certs`, at their files.
///
/// # Errors
/// What writing said.
pub fn certs(report: &certs::Report, out: &mut dyn Write) -> io::Result<()> {
    let results = report
        .findings
        .iter()
        .map(|one| {
            let level = match one.severity {
                certs::Grade::Error => "error",
                certs::Grade::Warning => "warning",
                certs::Grade::Note => "note",
            };
            let text = with_fixes(one.message.clone(), &one.fix);
            result(one.cause, level, &text, &one.file, json!({ "variant": one.variant }))
        })
        .collect();
    document(results, report.exit_code, true, out)
}

fn with_fixes(mut text: String, fixes: &[Fix]) -> String {
    for fix in fixes {
        text.push_str(&format!("\nfix: {}", fix.text));
        if let Some(command) = &fix.command {
            text.push_str(&format!("\n  {command}"));
        }
    }
    text
}

fn result(cause: Option<CauseKind>, level: &str, text: &str, place: &str, properties: Value) -> Value {
    let rule = cause.map_or("note", CauseKind::slug);
    let file = place.contains('/') || place.ends_with(".crt") || place.ends_with(".key");
    let location = if file {
        let uri = place.strip_prefix("./").unwrap_or(place);
        let uri = if uri.starts_with('/') { format!("file://{uri}") } else { uri.to_owned() };
        json!({ "physicalLocation": { "artifactLocation": { "uri": encoded(&uri) } } })
    } else {
        json!({ "logicalLocations": [{ "name": place, "kind": "service" }] })
    };
    json!({ "ruleId": rule, "level": level, "message": { "text": text }, "locations": [location],
            "properties": properties })
}

/// A URI reference holds no space and no control character.
fn encoded(uri: &str) -> String {
    uri.chars()
        .map(|c| {
            if c.is_whitespace() || c.is_control() || c == '"' {
                format!("%{:02X}", c as u32)
            } else {
                c.to_string()
            }
        })
        .collect()
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
    rules.push(json!({ "id": "note", "shortDescription": { "text": "worth knowing" } }));
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
