//! The last lines: what has changed since, what it comes to, the counts.

use std::io::{self, Write};

use owo_colors::OwoColorize;
use tls_verify_core::report::RunReport;

use crate::report::screen::{Style, paint};
use crate::report::text::{flow, width};
use crate::report::verdict;

pub(super) fn closing(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if let Some(since) = &report.comparison {
        let line = format!(
            "since {}: {} new, {} still broken, {} fixed",
            since.baseline,
            since.new.len(),
            since.still.len(),
            since.fixed.len()
        );
        writeln!(out, "\n{}", flow(&line, 0, style.width, "  "))?;
        for (word, checks) in [("new", &since.new), ("fixed", &since.fixed), ("not looked at", &since.absent)]
        {
            if !checks.is_empty() {
                let line = format!("{word}: {}", checks.join(", "));
                writeln!(out, "  {}", flow(&line, 2, style.width, "    "))?;
            }
        }
    }
    let line =
        format!("{}: {} in {:.0} ms", verdict::of_run(report), counted(report.summary), report.duration_ms);
    let mut line = flow(&line, 0, style.width, "  ");
    let code = format!("(exit {})", report.exit_code);
    let used = line.lines().last().map_or(0, width);
    line.push_str(if used + 1 + code.len() > style.width { "\n  " } else { " " });
    line.push_str(&code);
    writeln!(out, "\n{}", paint(&line, style.color, |text| text.bold().to_string()))
}

/// `5 passed, 1 failed, 1 skipped`.
pub(crate) fn counted(tally: tls_verify_core::report::Tally) -> String {
    let mut parts = vec![format!("{} passed", tally.pass)];
    for (count, word) in [
        (tally.warn, "with a warning"),
        (tally.fail, "failed"),
        (tally.unknown, "undecided"),
        (tally.skip, "skipped"),
    ] {
        if count > 0 {
            parts.push(format!("{count} {word}"));
        }
    }
    parts.join(", ")
}
