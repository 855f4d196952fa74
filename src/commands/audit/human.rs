//! For people: findings as compilers print them, then the table of connections.

use std::io::{self, Write};

use owo_colors::{OwoColorize, Style as Paint};
use tls_verify_core::cause::Severity;
use tls_verify_core::remedy::Change;

use super::report::{AuditReport, FindingRow};
use crate::report::screen::{Style, counted};
use crate::report::text::{escape_controls, padded, width, wrap};

/// Columns, where the terminal has as many.
pub(super) const WIDTH: usize = 96;

/// Writes the report.
pub(super) fn write(report: &AuditReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let shown = report.findings.iter().filter(|one| one.severity != Severity::Note || style.verbose);
    for finding in shown {
        one(report, finding, style, out)?;
    }
    if !style.quiet {
        connections(report, out)?;
        undecided(report, style, out)?;
    }
    let count = |severity| report.findings.iter().filter(|one| one.severity == severity).count();
    let open = report.undecided.iter().filter(|one| one.decides).count();
    let workloads: usize = report.deployments.iter().map(|one| one.workloads).sum();
    writeln!(
        out,
        "{}, {}, {}: {}, {}, {}, {open} open; exit code {}",
        counted(report.deployments.len(), "deployment"),
        counted(workloads, "workload"),
        counted(report.connections.len(), "connection"),
        counted(count(Severity::Error), "error"),
        counted(count(Severity::Warning), "warning"),
        counted(count(Severity::Note), "note"),
        report.exit_code
    )
}

fn one(report: &AuditReport, finding: &FindingRow, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let paint = |text: String, paint: Paint| if style.color { text.style(paint).to_string() } else { text };
    let severity = match finding.severity {
        Severity::Error => paint("error".to_owned(), Paint::new().red().bold()),
        Severity::Warning => paint("warning".to_owned(), Paint::new().yellow().bold()),
        Severity::Note => paint("note".to_owned(), Paint::new().cyan()),
    };
    let place = match (finding.line, finding.column) {
        (0, _) => finding.file.clone(),
        (line, 0) => format!("{}:{line}", finding.file),
        (line, column) => format!("{}:{line}:{column}", finding.file),
    };
    let whose = finding.workload.as_ref().map(|name| format!(" ({name})")).unwrap_or_default();
    writeln!(
        out,
        "{}: {severity}[{}]{whose}",
        paint(escape_controls(&place), Paint::new().bold()),
        finding.rule
    )?;
    writeln!(out, "    {}", wrap(&escape_controls(&finding.message), style.width - 4, "    "))?;
    if let Some(line) = report.lines.get(&(finding.file.clone(), finding.line)) {
        let number = finding.line.to_string();
        let trimmed = line.trim_start();
        let cut = line.chars().count() - trimmed.chars().count();
        writeln!(out, "  {number} | {}", crate::report::text::cut(trimmed, style.width))?;
        let column = (finding.column as usize).saturating_sub(1);
        // The column counts characters; what stands before it may be wider.
        let before: String = trimmed.chars().take(column.saturating_sub(cut)).collect();
        let before = width(&before);
        if column >= cut && before < style.width {
            writeln!(out, "  {} | {}^", " ".repeat(number.len()), " ".repeat(before))?;
        }
    }
    for fact in &finding.because {
        writeln!(out, "    = {}", wrap(&escape_controls(fact), style.width - 6, "      "))?;
    }
    for fix in &finding.fix {
        writeln!(out, "    fix: {}", wrap(&escape_controls(&fix.text), style.width - 9, "         "))?;
        for change in &fix.changes {
            writeln!(out, "         {}", escape_controls(&words(change)))?;
        }
        for line in fix.command.iter().flat_map(|command| command.lines()) {
            writeln!(out, "         $ {}", escape_controls(line))?;
        }
    }
    writeln!(out)
}

fn words(change: &Change) -> String {
    let at = change.defined_at.as_ref().map(|place| {
        let place = tls_verify_core::workload::Place { column: 0, ..place.clone() };
        format!("   ({place})")
    });
    let what = match (&change.from, &change.to, change.remove) {
        (_, _, true) => format!("{}: taken away", change.name),
        (Some(from), Some(to), _) => format!("{}: {from} → {to}", change.name),
        (None, Some(to), _) => format!("{}: {to}", change.name),
        (Some(from), None, _) => format!("{}: now {from}", change.name),
        (None, None, _) => format!("{}: to be set", change.name),
    };
    format!("{what}{}", at.unwrap_or_default())
}

fn connections(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    if report.connections.is_empty() {
        return Ok(());
    }
    let to = |one: &super::report::ConnectionRow| match one.port {
        Some(port) => format!("{}:{port}", one.to),
        None => one.to.clone(),
    };
    let wide = |text: &dyn Fn(&super::report::ConnectionRow) -> usize, least: usize| {
        report.connections.iter().map(text).max().unwrap_or(0).clamp(least, 44)
    };
    let from_width = wide(&|one| width(&one.from), 4);
    let to_width = wide(&|one| width(&to(one)), 2);
    writeln!(
        out,
        "{:<from_width$}  {:<to_width$}  {:<9}  {:<9}  verifies",
        "from", "to", "client", "server"
    )?;
    let several = report.connections.iter().any(|one| one.deployment != report.connections[0].deployment);
    let mut told = "";
    for one in &report.connections {
        if several && one.deployment != told {
            told = &one.deployment;
            writeln!(out, "{}:", escape_controls(told))?;
        }
        let name = one.name.as_deref().unwrap_or("");
        writeln!(
            out,
            "{}  {}  {:<9}  {:<9}  {}",
            padded(&escape_controls(&one.from), from_width),
            padded(&escape_controls(&to(one)), to_width),
            one.client,
            one.server,
            escape_controls(name)
        )?;
    }
    writeln!(out)
}

fn undecided(report: &AuditReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let shown: Vec<_> =
        report.undecided.iter().filter(|one| one.decides || one.unread || style.verbose).collect();
    for one in &shown {
        let place = match (&one.file, one.line) {
            (Some(file), Some(line)) => format!("{file}:{line}: "),
            (Some(file), None) => format!("{file}: "),
            _ => String::new(),
        };
        writeln!(
            out,
            "undecided: {}",
            wrap(&escape_controls(&format!("{place}{}", one.what)), style.width - 11, "           ")
        )?;
        writeln!(out, "           {}", wrap(&escape_controls(&one.how), style.width - 11, "           "))?;
    }
    if shown.is_empty() { Ok(()) } else { writeln!(out) }
}
