//! TAP 14 (testanything.org): a YAML block under what is not good.

use std::io::{self, Write};

use tls_verify_core::report::RunReport;
use tls_verify_core::status::Status;

/// Writes the report.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "TAP version 14\n1..{}", report.checks.len())?;
    for (index, check) in report.checks.iter().enumerate() {
        let ok = if matches!(check.status, Status::Fail | Status::Unknown) { "not ok" } else { "ok" };
        let skip = if check.status == Status::Skip {
            format!(" # SKIP {}", escaped(&check.summary))
        } else {
            String::new()
        };
        let title = escaped(&format!("{}: {}", check.id, check.title));
        writeln!(out, "{ok} {} - {title}{skip}", index + 1)?;
        if matches!(check.status, Status::Fail | Status::Unknown | Status::Warn) {
            let quoted = |text: &str| serde_json::to_string(&super::text::plain(text)).unwrap_or_default();
            writeln!(out, "  ---")?;
            writeln!(out, "  status: {}", check.status.slug())?;
            writeln!(out, "  message: {}", quoted(&check.summary))?;
            for one in check.diagnoses.iter().take(1) {
                writeln!(out, "  cause: {}", one.cause)?;
                writeln!(out, "  side: {}", one.side)?;
                writeln!(out, "  because:")?;
                for fact in &one.because {
                    writeln!(out, "    - {}", quoted(fact))?;
                }
                writeln!(out, "  fix:")?;
                for fix in &one.fix {
                    let command =
                        fix.command.as_deref().map(|command| format!(": {command}")).unwrap_or_default();
                    writeln!(out, "    - {}", quoted(&format!("{}{command}", fix.text)))?;
                }
            }
            writeln!(out, "  ...")?;
        }
    }
    if report.outcome == "interrupted" {
        writeln!(out, "Bail out! interrupted")?;
    }
    writeln!(out, "# outcome {}, exit code {}", report.outcome, report.exit_code)
}

/// In one line; `#` would begin a directive, and a backslash escapes.
fn escaped(text: &str) -> String {
    super::text::plain(text).replace('\\', "\\\\").replace('#', "\\#")
}
