//! For machines: JSON, lines of JSON, JUnit, GitHub's annotations, SARIF.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use aws_lc_rs::digest;
use quick_junit::{NonSuccessKind, Property, Report as Junit, TestCase, TestCaseStatus, TestSuite};
use serde_json::{Value, json};
use tls_verify_core::cause::Severity;
use tls_verify_core::rules;

use super::report::{AuditReport, FindingRow};
use crate::report::github::{message, property};
use crate::report::sarif::uri;
use crate::report::text::{plain, visible};

/// One object.
pub(super) fn json(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, report).map_err(io::Error::other)?;
    out.write_all(b"\n")
}

/// A finding a line.
pub(super) fn jsonl(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    for finding in &report.findings {
        serde_json::to_writer(&mut *out, finding).map_err(io::Error::other)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

/// Sentence, facts and cure of a finding.
fn body(finding: &FindingRow) -> String {
    let mut text = finding.message.clone();
    for fact in &finding.because {
        text.push_str(&format!("\n{fact}"));
    }
    for fix in &finding.fix {
        text.push_str(&format!("\nfix: {}", fix.text));
        if let Some(command) = &fix.command {
            text.push_str(&format!("\n  {command}"));
        }
    }
    text
}

/// A case for each rule that found something, one that passed for each of the others.
pub(super) fn junit(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let mut suite = TestSuite::new("tls-verify audit");
    suite.add_property(Property::new("exit_code", report.exit_code.to_string()));
    suite.add_property(Property::new("outcome", report.outcome));
    for rule in rules::ALL {
        let of: Vec<&FindingRow> = report.findings.iter().filter(|one| one.rule == rule.id).collect();
        let grave = of.iter().filter(|one| one.severity == Severity::Error).count();
        if of.is_empty() || grave == 0 {
            let mut case = TestCase::new(rule.id, TestCaseStatus::success());
            case.set_classname("tls-verify.audit");
            if !of.is_empty() {
                let text: Vec<String> =
                    of.iter().map(|one| format!("{}:{}: {}", one.file, one.line, body(one))).collect();
                case.set_system_out(plain(&text.join("\n\n")));
            }
            suite.add_test_case(case);
        }
        for one in of.iter().filter(|one| one.severity == Severity::Error) {
            let mut status = TestCaseStatus::non_success(NonSuccessKind::Failure);
            status.set_message(plain(&one.message));
            status.set_type(one.cause.map_or("none", |cause| cause.slug()));
            status.set_description(body(one).lines().map(plain).collect::<Vec<_>>().join("\n"));
            let mut case = TestCase::new(plain(&format!("{} {}:{}", one.rule, one.file, one.line)), status);
            case.set_classname("tls-verify.audit");
            suite.add_test_case(case);
        }
    }
    for one in report.undecided.iter().filter(|one| one.decides) {
        let mut status = TestCaseStatus::non_success(NonSuccessKind::Error);
        status.set_message(plain(&one.what));
        status.set_type("undecided");
        status.set_description(plain(&one.how));
        let place = one.file.clone().unwrap_or_default();
        let mut case = TestCase::new(plain(&format!("undecided {place}:{}", one.line.unwrap_or(0))), status);
        case.set_classname("tls-verify.audit");
        suite.add_test_case(case);
    }
    let mut whole = Junit::new("tls-verify");
    whole.add_test_suite(suite);
    let text = whole.to_string().map_err(io::Error::other)?;
    // The library counts skipped cases under a name that Jenkins' schema does not know.
    let text = text.replacen(" disabled=\"", " skipped=\"", 1);
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

/// Annotations at the lines.
pub(super) fn github(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    for one in &report.findings {
        let level = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "notice",
        };
        let mut at = format!("file={}", property(&one.file));
        if one.line > 0 {
            at.push_str(&format!(",line={}", one.line));
        }
        if one.column > 0 {
            at.push_str(&format!(",col={}", one.column));
        }
        let title = property(&format!("tls-verify {}", one.rule));
        writeln!(out, "::{level} {at},title={title}::{}", message(&body(one)))?;
    }
    for one in report.undecided.iter().filter(|one| one.decides) {
        let at =
            one.file.as_ref().map(|file| format!(" file={},line={}", property(file), one.line.unwrap_or(1)));
        writeln!(
            out,
            "::warning{}::{}",
            at.unwrap_or_default(),
            message(&format!("undecided: {}\n{}", one.what, one.how))
        )?;
    }
    let text =
        format!("tls-verify audit: {} findings; exit code {}", report.findings.len(), report.exit_code);
    writeln!(out, "::notice title=tls-verify {}::{}", report.outcome, message(&text))
}

/// SARIF 2.1.0.
pub(super) fn sarif(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let index = |id: &str| rules::ALL.iter().position(|rule| rule.id == id);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut results: Vec<Value> = Vec::new();
    for one in &report.findings {
        let level = match one.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let mut place = json!({ "artifactLocation": { "uri": uri(&one.file) } });
        if one.line > 0 {
            let mut region = json!({ "startLine": one.line });
            if one.column > 0 {
                region["startColumn"] = one.column.into();
            }
            place["region"] = region;
        }
        let mut location = json!({ "physicalLocation": place });
        if let Some(workload) = &one.workload {
            location["logicalLocations"] = json!([{ "name": workload, "kind": "service" }]);
        }
        let mut result = json!({
            "ruleId": one.rule, "kind": "fail", "level": level, "message": { "text": body(one).chars().map(visible).collect::<String>() }, "locations": [location],
            "partialFingerprints": { "tlsVerifyAudit/v1": fingerprint(report, one, &mut seen) },
            "properties": { "cause": one.cause, "variant": one.variant },
        });
        if let Some(index) = index(one.rule) {
            result["ruleIndex"] = index.into();
        }
        results.push(result);
    }
    for one in report.undecided.iter().filter(|one| one.decides) {
        let location = match &one.file {
            Some(file) => json!([{ "physicalLocation": {
                "artifactLocation": { "uri": uri(file) }, "region": { "startLine": one.line.unwrap_or(1).max(1) } } }]),
            None => json!([]),
        };
        results.push(json!({
            "ruleId": "undecided", "ruleIndex": rules::ALL.len(), "kind": "open", "level": "none",
            "message": { "text": format!("{}\n{}", one.what, one.how).chars().map(visible).collect::<String>() },
            "locations": location,
        }));
    }
    let mut all: Vec<Value> = rules::ALL
        .iter()
        .map(|rule| {
            json!({ "id": rule.id, "shortDescription": { "text": rule.title }, "fullDescription": { "text": rule.about },
                    "help": { "text": format!("tls-verify explain {}", rule.id) },
                    "defaultConfiguration": { "level": rule.severity.slug() } })
        })
        .collect();
    all.push(json!({ "id": "undecided", "shortDescription": { "text": "it could not be decided" } }));
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "tls-verify", "version": env!("CARGO_PKG_VERSION"), "rules": all } },
            "invocations": [{ "executionSuccessful": true, "exitCode": report.exit_code }],
            "results": results,
        }],
    });
    serde_json::to_writer(&mut *out, &document).map_err(io::Error::other)?;
    out.write_all(b"\n")
}

/// What stays the same when lines move, however the file was named: rule, file, workload, and the line's own text. Of
/// several that are the same each has its number.
fn fingerprint(report: &AuditReport, one: &FindingRow, seen: &mut BTreeMap<String, usize>) -> String {
    let line = report.lines.get(&(one.file.clone(), one.line)).map_or("", |line| line.trim());
    let cause = one.cause.map_or("", |cause| cause.slug());
    let text = format!(
        "{}\n{}\n{}\n{cause}\n{line}",
        one.rule,
        identity(&one.file),
        one.workload.as_deref().unwrap_or_default()
    );
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    let hex: String = hash.as_ref().iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let count = seen.entry(hex.clone()).or_insert(0);
    *count += 1;
    format!("{hex}:{count}")
}

/// A file by the one name that it has from everywhere: below the root of its repository, else below the root of the
/// machine. What is no file of the disk (a container, standard input) is called what it is called.
fn identity(file: &str) -> String {
    let Ok(path) = Path::new(file).canonicalize() else { return file.to_owned() };
    let root = path.ancestors().skip(1).find(|folder| folder.join(".git").exists());
    let below = root.and_then(|root| path.strip_prefix(root).ok()).unwrap_or(&path);
    below.to_string_lossy().into_owned()
}
