//! GitHub Actions: annotations (workflow commands), and a Markdown summary for the job's page.

use std::io::{self, Write};

use serde_json::Value;
use tls_verify_core::report::RunReport;
use tls_verify_core::status::Status;

use super::verdict::{self, first_upper};

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
    let title = property(&format!("tls-verify: {}", verdict::of_run(report)));
    writeln!(out, "::notice title={title}::{}", message(&text))
}

/// Annotations of `certs`, given as JSON: findings at their files.
///
/// # Errors
/// What writing said.
pub fn certs(report: &Value, out: &mut dyn Write) -> io::Result<()> {
    let word = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for finding in report.get("findings").and_then(Value::as_array).into_iter().flatten() {
        let level = match word(finding, "severity").as_str() {
            "error" => "error",
            "warning" => "warning",
            _ => continue,
        };
        let cause = word(finding, "cause");
        let title =
            if cause.is_empty() { "tls-verify certs".to_owned() } else { format!("tls-verify: {cause}") };
        let mut text = word(finding, "message");
        for fix in finding.get("fix").and_then(Value::as_array).into_iter().flatten() {
            text.push_str(&format!("\nfix: {}", word(fix, "text")));
        }
        let file = property(&word(finding, "file"));
        writeln!(out, "::{level} file={file},title={}::{}", property(&title), message(&text))?;
    }
    let code = report.get("exit_code").and_then(Value::as_u64).unwrap_or_default();
    writeln!(out, "::notice title=tls-verify {}::exit code {code}", word(report, "outcome"))
}

/// The text of a workflow command.
pub(crate) fn message(text: &str) -> String {
    let text: String =
        text.chars().filter(|c| !c.is_control() || *c == '\n').map(super::text::visible).collect();
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// A property of a workflow command.
pub(crate) fn property(text: &str) -> String {
    message(text).replace(':', "%3A").replace(',', "%2C")
}

/// Writes the summary.
///
/// # Errors
/// What writing said.
pub fn markdown(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "## {} (exit code {})\n", first_upper(verdict::of_run(report)), report.exit_code)?;
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
                // A fence longer than any in the command.
                let mut fence = "```".to_owned();
                while command.contains(&fence) {
                    fence.push('`');
                }
                writeln!(out, "\n  {fence}sh")?;
                for line in command.lines() {
                    writeln!(out, "  {}", super::text::escape_controls(line))?;
                }
                writeln!(out, "  {fence}")?;
            }
        }
        writeln!(out)?;
    }
    writeln!(out, "| # | check | status | what was seen |\n|---|---|---|---|")?;
    for check in &report.checks {
        let status = check.status.slug();
        let status = check.change.map_or_else(|| status.to_owned(), |change| format!("{status} ({change})"));
        writeln!(out, "| {} | {} | {status} | {} |", check.number, cell(&check.title), cell(&check.summary))?;
    }
    writeln!(out)
}

/// One line of text: a peer's words become neither markup nor another cell of a table.
fn cell(text: &str) -> String {
    let mut out = String::new();
    for c in super::text::plain(text).chars() {
        match c {
            '<' => out.push_str("&lt;"),
            '&' => out.push_str("&amp;"),
            '\\' | '`' | '*' | '[' | ']' | '|' => {
                out.push('\\');
                out.push(c);
            }
            c => out.push(c),
        }
    }
    out
}
