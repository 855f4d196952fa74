//! GitHub Actions: annotations (workflow commands), and a Markdown summary for the job's page.

use std::io::{self, Write};

use crate::judge::Status;
use crate::outcome::RunReport;

/// Writes the annotations.
///
/// # Errors
/// What writing said.
pub fn annotations(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    for check in &report.checks {
        let level = match check.status {
            Status::Fail => "error",
            Status::Unknown | Status::Warn => "warning",
            Status::Pass | Status::Skip => continue,
        };
        let title = format!("tls-verify {}: {}", check.id, check.status.slug());
        let mut text = super::text::plain(&check.summary);
        let body = super::text::body(check);
        if !body.is_empty() {
            text.push('\n');
            text.push_str(&body);
        }
        writeln!(out, "::{level} title={}::{}", property(&title), message(&text))?;
    }
    let tally = report.summary;
    let text = format!(
        "tls-verify: {} passed, {} with a warning, {} failed, {} undecided, {} skipped; exit code {}",
        tally.pass, tally.warn, tally.fail, tally.unknown, tally.skip, report.exit_code
    );
    writeln!(out, "::notice title=tls-verify {}::{}", report.outcome, message(&text))
}

fn message(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// Writes the summary.
///
/// # Errors
/// What writing said.
pub fn markdown(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let cell = |text: &str| super::text::plain(text).replace('|', "\\|").replace('<', "&lt;");
    writeln!(out, "## TLS: {} (exit code {})\n", report.outcome, report.exit_code)?;
    for root in &report.root_causes {
        writeln!(
            out,
            "**{}: {}** (breaks {})\n",
            cell(&root.place),
            cell(&root.summary),
            root.checks.join(", ")
        )?;
        for fact in &root.because {
            writeln!(out, "- {}", cell(fact))?;
        }
        for fix in &root.fix {
            writeln!(out, "- fix: {}", cell(&fix.text))?;
            if let Some(command) = &fix.command {
                writeln!(out, "\n  ```sh\n  {}\n  ```", command.replace('\n', "\n  "))?;
            }
        }
        writeln!(out)?;
    }
    writeln!(out, "| # | check | status | what was seen |\n|---|---|---|---|")?;
    for check in &report.checks {
        let status = check.status.slug();
        writeln!(out, "| {} | {} | {status} | {} |", check.number, cell(&check.title), cell(&check.summary))?;
    }
    writeln!(out)
}
