//! The screen: what was tried, what was seen, the cause, the fix. Colour is never the only carrier.

use std::io::{self, Write};

use owo_colors::OwoColorize;
use tls_verify_checks::cause::Severity;

use super::text::{tame, wrap};
use crate::judge::Status;
use crate::outcome::{CheckReport, Diagnosis, Fix, RunReport};

/// How the screen looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub color: bool,
    pub quiet: bool,
    pub verbose: bool,
}

pub(crate) const WIDTH: usize = 80;

/// Writes the whole report.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if let Some(demo) = &report.demo
        && !style.quiet
    {
        writeln!(out, "{}\n", demo.get("about").and_then(|about| about.as_str()).unwrap_or_default())?;
    }
    let said = |key: &str| report.target.get(key).and_then(|text| text.as_str()).unwrap_or_default();
    if !said("profile").is_empty() && !style.quiet {
        let about = if said("profile_about").is_empty() {
            String::new()
        } else {
            format!(": {}", said("profile_about"))
        };
        writeln!(out, "{}\n", wrap(&tame(&format!("profile {}{about}", said("profile"))), WIDTH, "  "))?;
    }
    if !report.root_causes.is_empty() {
        roots(report, style, out)?;
    }
    for check in &report.checks {
        if style.quiet && check.status == Status::Pass {
            continue;
        }
        one(report, check, style, out)?;
    }
    if !style.quiet || report.exit_code != 0 {
        closing(report, style, out)?;
    }
    Ok(())
}

fn roots(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for (index, root) in report.root_causes.iter().enumerate() {
        let head = if report.root_causes.len() == 1 {
            "Root cause".to_owned()
        } else {
            format!("Root cause {}", index + 1)
        };
        let title = format!("{head}: {} — {}", root.place, tame(&root.summary));
        let title = wrap(&title, WIDTH, "  ");
        writeln!(out, "{}", paint(&title, style.color, |text| text.bold().red().to_string()))?;
        for fact in root.because.iter().take(4) {
            writeln!(out, "  {}", wrap(&tame(fact), WIDTH - 2, "  "))?;
        }
        fixes(&root.fix, "  ", style, out)?;
        writeln!(out, "  breaks: {}\n", wrap(&root.checks.join(", "), WIDTH - 10, "          "))?;
    }
    Ok(())
}

fn one(report: &RunReport, check: &CheckReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let sign = tint(check.status, word(check.status), style);
    let mark = match check.change {
        Some(change) => format!(" ({change})"),
        None => String::new(),
    };
    writeln!(out, "{sign} {:>2} {}{mark}", check.number, tame(&check.title))?;
    let good = check.status.is_good();
    let summary = tame(&check.summary);
    if good || check.diagnoses.is_empty() {
        writeln!(out, "        {}", wrap(&summary, WIDTH - 8, "        "))?;
    }
    if !good {
        for remark in check.remarks.iter().filter(|remark| **remark != check.summary) {
            writeln!(out, "        {}", wrap(&tame(remark), WIDTH - 8, "        "))?;
        }
    }
    let shown_above = |one: &Diagnosis| {
        report.root_causes.iter().any(|root| {
            root.checks.contains(&check.id)
                && Some(&root.place) == one.place.as_ref()
                && root.cause == one.cause
        })
    };
    for diagnosis in &check.diagnoses {
        let brief = !style.verbose && shown_above(diagnosis);
        explain(diagnosis, brief, style, out)?;
    }
    if good {
        for remark in check.remarks.iter().filter(|_| check.status == Status::Warn) {
            writeln!(out, "        note: {}", wrap(&tame(remark), WIDTH - 14, "              "))?;
        }
    }
    if style.verbose && !check.details.is_empty() {
        let text = serde_json::to_string(&check.details).unwrap_or_default();
        writeln!(out, "        details: {}", tame(&text))?;
    }
    Ok(())
}

fn explain(one: &Diagnosis, brief: bool, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let name = match one.variant {
        Some(variant) => format!("{} ({variant})", one.cause),
        None => one.cause.to_string(),
    };
    let word = if one.severity == Severity::Warning { "warning: " } else { "" };
    let place = one.place.as_deref().unwrap_or("");
    let line = format!("{word}{name}, {}, change the {} side: {place}", one.confidence, one.side);
    let line = wrap(&line, WIDTH - 8, "        ");
    writeln!(out, "        {}", paint(&line, style.color, |text| text.bold().to_string()))?;
    for fact in one.because.iter().take(if brief { 1 } else { 8 }) {
        writeln!(out, "        {}", wrap(&tame(fact), WIDTH - 8, "        "))?;
    }
    if brief {
        writeln!(out, "        (see the root cause above)")?;
    } else {
        fixes(&one.fix, "        ", style, out)?;
        writeln!(out, "        more: {}", one.explain)?;
    }
    Ok(())
}

pub(crate) fn fixes(fixes: &[Fix], indent: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for fix in fixes {
        let deeper = format!("{indent}     ");
        let text = wrap(&tame(&fix.text), WIDTH - deeper.len(), &deeper);
        writeln!(out, "{indent}fix: {text}")?;
        if let Some(command) = &fix.command {
            for line in command.lines() {
                let line = paint(&tame(line), style.color, |text| text.cyan().to_string());
                writeln!(out, "{deeper}$ {line}")?;
            }
        }
    }
    Ok(())
}

fn closing(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if let Some(since) = &report.comparison {
        let line = format!(
            "since {}: {} new, {} still broken, {} fixed",
            since.baseline,
            since.new.len(),
            since.still.len(),
            since.fixed.len()
        );
        writeln!(out, "\n{}", wrap(&line, WIDTH, "  "))?;
        for (word, checks) in [("new", &since.new), ("fixed", &since.fixed), ("not looked at", &since.absent)]
        {
            if !checks.is_empty() {
                writeln!(out, "  {word}: {}", wrap(&checks.join(", "), WIDTH - 2, "    "))?;
            }
        }
    }
    let verdict = match report.outcome {
        "pass" => "TLS holds",
        "fail" => "TLS is broken",
        "interrupted" => "interrupted",
        _ => "not decided",
    };
    let line = format!(
        "{verdict}: {} in {:.0} ms (exit {})",
        counted(report.summary),
        report.duration_ms,
        report.exit_code
    );
    writeln!(out, "\n{}", paint(&line, style.color, |text| text.bold().to_string()))
}

/// `5 passed, 1 failed, 1 skipped`.
pub(crate) fn counted(tally: crate::outcome::Tally) -> String {
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

/// A status in four letters, as in front of every check.
pub(crate) const fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
        Status::Skip => "skip",
        Status::Unknown => "????",
    }
}

/// The colour of a status.
pub(crate) fn tint(status: Status, text: &str, style: Style) -> String {
    paint(text, style.color, |text| match status {
        Status::Pass => text.green().to_string(),
        Status::Warn => text.yellow().to_string(),
        Status::Fail => text.red().bold().to_string(),
        Status::Skip => text.dimmed().to_string(),
        Status::Unknown => text.magenta().to_string(),
    })
}

fn paint(text: &str, color: bool, with: impl Fn(&str) -> String) -> String {
    if color { with(text) } else { text.to_owned() }
}
