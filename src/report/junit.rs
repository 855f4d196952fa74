//! JUnit, in the dialect of quick-junit: `fail` is a failure, `unknown` an error, `skip` skipped.

use std::io::{self, Write};
use std::time::Duration;

use quick_junit::{NonSuccessKind, Property, Report, TestCase, TestCaseStatus, TestSuite};

use crate::judge::Status;
use crate::outcome::{CheckReport, RunReport};

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
    let mut junit = Report::new("tls-verify");
    junit.set_time(duration(report.duration_ms));
    junit.add_test_suite(suite);
    let text = junit.to_string().map_err(io::Error::other)?;
    // The library counts skipped cases under a name that Jenkins' schema does not know.
    let text = text.replacen(" disabled=\"", " skipped=\"", 1);
    out.write_all(text.as_bytes())?;
    out.write_all(b"\n")
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
