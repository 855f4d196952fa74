//! Prometheus text for the node exporter's textfile collector.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tls_verify_core::report::RunReport;
use tls_verify_core::status::Status;

const STATUSES: [Status; 5] = [Status::Pass, Status::Warn, Status::Fail, Status::Skip, Status::Unknown];

/// Writes a run.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    head(out, "tls_verify_check_status", "Status of each check: 1 for the one it has.")?;
    for check in &report.checks {
        for status in STATUSES {
            let value = u8::from(status == check.status);
            writeln!(
                out,
                "tls_verify_check_status{{id=\"{}\",status=\"{}\"}} {value}",
                label(&check.id),
                status.slug()
            )?;
        }
    }
    head(out, "tls_verify_check_duration_seconds", "Duration of each check.")?;
    for check in &report.checks {
        let seconds = check.duration_ms / 1000.0;
        writeln!(out, "tls_verify_check_duration_seconds{{id=\"{}\"}} {seconds}", label(&check.id))?;
    }
    head(out, "tls_verify_cause", "Causes found.")?;
    let mut causes = BTreeSet::new();
    for check in &report.checks {
        for one in &check.diagnoses {
            causes.insert(format!(
                "tls_verify_cause{{id=\"{}\",cause=\"{}\",variant=\"{}\",side=\"{}\",severity=\"{}\",where=\"{}\"}} 1",
                label(&check.id),
                one.cause,
                one.variant.map(|variant| variant.slug()).unwrap_or_default(),
                one.side,
                if one.severity == tls_verify_checks::cause::Severity::Error { "error" } else { "warning" },
                label(one.place.as_deref().unwrap_or_default()),
            ));
        }
    }
    for line in causes {
        writeln!(out, "{line}")?;
    }
    head(out, "tls_verify_certificate_not_after_seconds", "End of each certificate seen, Unix time.")?;
    let seen: BTreeSet<String> = report
        .checks
        .iter()
        .flat_map(|check| certificates(&check.id, check.details.get("presented")))
        .collect();
    for line in seen {
        writeln!(out, "{line}")?;
    }
    last(report.duration_ms / 1000.0, &report.started_at, report.exit_code, out)
}

/// Writes a probe's report, given as JSON.
///
/// # Errors
/// What writing said.
pub fn probe(report: &Value, out: &mut dyn Write) -> io::Result<()> {
    let endpoints = report.get("endpoints").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let word = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    head(out, "tls_verify_endpoint_status", "Status of each endpoint: 1 for the one it has.")?;
    // A collector refuses a file in which a series stands twice: of a target named twice the worse counts.
    let mut worst: BTreeMap<String, Status> = BTreeMap::new();
    for one in endpoints {
        let status = Status::named(&word(one, "status")).unwrap_or(Status::Unknown);
        let kept = worst.entry(label(&word(one, "target"))).or_insert(status);
        *kept = status.max(*kept);
    }
    for (target, known) in worst {
        for status in STATUSES {
            let (value, status) = (u8::from(status == known), status.slug());
            writeln!(out, "tls_verify_endpoint_status{{target=\"{target}\",status=\"{status}\"}} {value}")?;
        }
    }
    head(out, "tls_verify_cause", "Causes found.")?;
    let mut causes = BTreeSet::new();
    for one in endpoints {
        for diagnosis in one.get("diagnoses").and_then(Value::as_array).into_iter().flatten() {
            causes.insert(format!(
                "tls_verify_cause{{id=\"{}\",cause=\"{}\",variant=\"{}\",side=\"{}\",severity=\"{}\"}} 1",
                label(&word(one, "target")),
                word(diagnosis, "cause"),
                word(diagnosis, "variant"),
                word(diagnosis, "side"),
                word(diagnosis, "severity")
            ));
        }
    }
    for line in causes {
        writeln!(out, "{line}")?;
    }
    head(out, "tls_verify_certificate_not_after_seconds", "End of each certificate seen, Unix time.")?;
    let seen: BTreeSet<String> = endpoints
        .iter()
        .flat_map(|one| certificates(&word(one, "target"), one.pointer("/details/presented")))
        .collect();
    for line in seen {
        writeln!(out, "{line}")?;
    }
    head(out, "tls_verify_exit_code", "Exit code of the process.")?;
    writeln!(out, "tls_verify_exit_code {}", report.get("exit_code").unwrap_or(&Value::Null))
}

fn certificates(id: &str, presented: Option<&Value>) -> Vec<String> {
    let all = presented.and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    all.iter()
        .filter_map(|one| {
            let word = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
            let ends = OffsetDateTime::parse(word("not_after"), &Rfc3339).ok()?.unix_timestamp();
            Some(format!(
                "tls_verify_certificate_not_after_seconds{{id=\"{}\",subject=\"{}\",serial=\"{}\",sha256=\"{}\"}} {ends}",
                label(id),
                label(word("subject")),
                label(word("serial")),
                label(word("sha256")),
            ))
        })
        .collect()
}

/// How many rounds a watch has ended.
///
/// # Errors
/// What writing said.
pub fn rounds(count: u64, out: &mut dyn Write) -> io::Result<()> {
    writeln!(
        out,
        "# HELP tls_verify_rounds_total Rounds that have ended.\n# TYPE tls_verify_rounds_total counter"
    )?;
    writeln!(out, "tls_verify_rounds_total {count}")
}

fn last(seconds: f64, started: &str, code: u8, out: &mut dyn Write) -> io::Result<()> {
    head(out, "tls_verify_run_duration_seconds", "Duration of the run.")?;
    writeln!(out, "tls_verify_run_duration_seconds {seconds}")?;
    head(out, "tls_verify_run_timestamp_seconds", "When the run began, Unix time.")?;
    let at = OffsetDateTime::parse(started, &Rfc3339).map(OffsetDateTime::unix_timestamp).unwrap_or(0);
    writeln!(out, "tls_verify_run_timestamp_seconds {at}")?;
    head(out, "tls_verify_exit_code", "Exit code of the process.")?;
    writeln!(out, "tls_verify_exit_code {code}")
}

fn head(out: &mut dyn Write, name: &str, help: &str) -> io::Result<()> {
    writeln!(out, "# HELP {name} {help}\n# TYPE {name} gauge")
}

/// A label's value (Prometheus exposition format 0.0.4).
fn label(text: &str) -> String {
    let text: String = text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
