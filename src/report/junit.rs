//! JUnit, in the dialect of quick-junit: `fail` is a failure, `unknown` an error, `skip` skipped.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};
use serde_json::Value;
use tls_verify_core::report::{CheckReport, RunReport};
use tls_verify_core::status::Status;

/// Writes the report.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let mut suite = TestSuite::new("tls-verify");
    suite.add_property(Property::new("exit_code", report.exit_code.to_string()));
    suite.add_property(Property::new("outcome", report.outcome));
    suite.set_time(duration(report.duration_ms));
    if let Some(at) = report.started_at.get(..19) {
        suite.extra.insert("timestamp".into(), format!("{at}+00:00").into());
    }
    for check in &report.checks {
        suite.add_test_case(case(check));
    }
    finish(suite, report.duration_ms, out)
}

fn finish(suite: TestSuite, milliseconds: f64, out: &mut dyn Write) -> io::Result<()> {
    let mut junit = Report::new("tls-verify");
    junit.set_time(duration(milliseconds));
    junit.add_test_suite(suite);
    let text = junit.to_string().map_err(io::Error::other)?;
    // The library counts skipped cases under a name that Jenkins' schema does not know.
    let text = text.replacen(" disabled=\"", " skipped=\"", 1);
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
}

fn word<'a>(one: &'a Value, key: &str) -> &'a str {
    one.get(key).and_then(Value::as_str).unwrap_or_default()
}

fn suite_of(report: &Value) -> TestSuite {
    let mut suite = TestSuite::new("tls-verify");
    let code = report.get("exit_code").and_then(Value::as_u64).unwrap_or_default();
    suite.add_property(Property::new("exit_code", code.to_string()));
    suite.add_property(Property::new("outcome", word(report, "outcome")));
    suite
}

fn verdict(status: &str, summary: &str, cause: &str, body: &str) -> TestCaseStatus {
    let kind = match status {
        "pass" | "warn" => return TestCaseStatus::success(),
        "skip" => return TestCaseStatus::skipped(),
        "fail" => NonSuccessKind::Failure,
        _ => NonSuccessKind::Error,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_message(super::text::plain(summary));
    status.set_type(if cause.is_empty() { "none" } else { cause });
    status.set_description(super::text::plain(body));
    status
}

/// What a diagnosis or a finding advises.
fn advice(one: &Value) -> String {
    let all = one.get("fix").and_then(Value::as_array).into_iter().flatten();
    all.map(|fix| format!("fix: {} {}\n", word(fix, "text"), word(fix, "command"))).collect()
}

/// Writes a probe's report, given as JSON: a case for each endpoint.
///
/// # Errors
/// What writing said.
pub fn probe(report: &Value, out: &mut dyn Write) -> io::Result<()> {
    let mut suite = suite_of(report);
    for one in report.get("endpoints").and_then(Value::as_array).into_iter().flatten() {
        let main = one.pointer("/diagnoses/0").unwrap_or(&Value::Null);
        let status = verdict(word(one, "status"), word(one, "summary"), word(main, "cause"), &advice(main));
        let mut case = TestCase::new(super::text::plain(word(one, "target")), status);
        case.set_classname("tls-verify.probe");
        suite.add_test_case(case);
    }
    finish(suite, 0.0, out)
}

/// Writes what `certs` found, given as JSON: a case for each file that was read or that something is wrong with.
///
/// # Errors
/// What writing said.
pub fn certs(report: &Value, out: &mut dyn Write) -> io::Result<()> {
    let list = |key: &str| report.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let mut files: Vec<&str> = Vec::new();
    for file in list("certificates").iter().chain(list("findings")).map(|one| word(one, "file")) {
        if !files.contains(&file) {
            files.push(file);
        }
    }
    let mut suite = suite_of(report);
    for file in files {
        let found = list("findings").iter().filter(|one| word(one, "file") == file);
        let (errors, rest): (Vec<&Value>, Vec<&Value>) =
            found.partition(|one| word(one, "severity") == "error");
        let body: String =
            errors.iter().map(|one| format!("{}\n{}", word(one, "message"), advice(one))).collect();
        let status = match errors.first() {
            Some(first) => verdict("fail", word(first, "message"), word(first, "cause"), &body),
            None => TestCaseStatus::success(),
        };
        let mut case = TestCase::new(super::text::plain(file), status);
        case.set_classname("tls-verify.certs");
        if !rest.is_empty() {
            let said: String = rest
                .iter()
                .map(|one| format!("{}: {}\n", word(one, "severity"), word(one, "message")))
                .collect();
            case.set_system_out(super::text::plain(&said));
        }
        suite.add_test_case(case);
    }
    finish(suite, 0.0, out)
}

fn duration(ms: f64) -> Duration {
    Duration::from_secs_f64(ms.max(0.0) / 1000.0)
}

fn case(check: &CheckReport) -> TestCase {
    let cause = check.diagnoses.first().map(|one| one.cause.slug()).unwrap_or("none");
    let status = match check.status {
        Status::Pass | Status::Warn => TestCaseStatus::success(),
        Status::Skip => {
            let mut status = TestCaseStatus::skipped();
            status.set_message(super::text::plain(&check.summary));
            status
        }
        Status::Fail | Status::Unknown => {
            let kind =
                if check.status == Status::Fail { NonSuccessKind::Failure } else { NonSuccessKind::Error };
            let mut status = TestCaseStatus::non_success(kind);
            status.set_message(super::text::plain(&check.summary));
            status.set_type(cause);
            status.set_description(super::text::body(check));
            status
        }
    };
    let mut case = TestCase::new(super::text::plain(&format!("{} {}", check.id, check.title)), status);
    case.set_classname("tls-verify");
    case.set_time(duration(check.duration_ms));
    if check.status == Status::Warn {
        case.set_system_out(super::text::body(check));
    }
    case
}
