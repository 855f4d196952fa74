//! The screen of `certs`: chains as trees, findings, the next date on which something ends.

use std::io::{self, Write};

use owo_colors::OwoColorize;
use tls_verify_core::cause::Severity;

use super::single::day;
use super::{CertificateFinding, CertificateReport, CertificateSummary, ValidityPolicy};
use crate::report::screen::{Style, counted, paint};
use crate::report::text::{escape_controls, width, wrap};

const WIDTH: usize = 80;

/// Writes it.
///
/// # Errors
/// What writing said.
pub(super) fn write(
    report: &CertificateReport,
    look: ValidityPolicy,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    if !style.quiet {
        trees(&report.certificates, look, style, out)?;
    }
    for finding in &report.findings {
        if finding.severity == Severity::Note && (style.quiet || !style.verbose && shown_less(finding)) {
            continue;
        }
        one(finding, style, out)?;
    }
    if !style.quiet {
        verdicts(report, out)?;
        next(&report.certificates, look, out)?;
    }
    let count = |grade| report.findings.iter().filter(|one| one.severity == grade).count();
    let (errors, warnings, notes) = (count(Severity::Error), count(Severity::Warning), count(Severity::Note));
    let verdict = if errors > 0 { "not right" } else { "the certificates are right" };
    let line = format!(
        "{verdict}: {}, {}, {}, {} (exit {})",
        counted(report.certificates.len(), "certificate"),
        counted(errors, "error"),
        counted(warnings, "warning"),
        counted(notes, "note"),
        report.exit_code
    );
    writeln!(out, "\n{}", paint(&line, style.color, |text| text.bold().to_string()))
}

/// Notes that only `-v` shows.
fn shown_less(finding: &CertificateFinding) -> bool {
    finding.fix.is_empty()
}

/// A certificate under the one that issued it.
fn trees(
    all: &[CertificateSummary],
    look: ValidityPolicy,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    const LIMIT: usize = 60;
    let parent = |one: &CertificateSummary| -> Option<usize> {
        if one.self_issued {
            return None;
        }
        all.iter().position(|above| above.is_ca && above.subject == one.issuer && above.der != one.der)
    };
    let mut shown = 0;
    // What stands before a branch's lines: rules of the branches above that go on.
    let mut stack: Vec<(usize, String, Option<bool>)> = (0..all.len())
        .rev()
        .filter(|index| parent(&all[*index]).is_none())
        .map(|index| (index, String::new(), None))
        .collect();
    let mut done = vec![false; all.len()];
    while let Some((index, before, last)) = stack.pop() {
        if std::mem::replace(&mut done[index], true) {
            continue;
        }
        shown += 1;
        if shown > LIMIT {
            writeln!(out, "… and {} more (--format json lists all)", all.len() + 1 - shown)?;
            break;
        }
        let (elbow, rule) = match last {
            None => ("", ""),
            Some(true) => ("└─ ", "   "),
            Some(false) => ("├─ ", "│  "),
        };
        let deeper = format!("{before}{rule}");
        let below: Vec<usize> =
            (0..all.len()).filter(|child| !done[*child] && parent(&all[*child]) == Some(index)).collect();
        let hang = if below.is_empty() { "   " } else { "│  " };
        branch(&all[index], (&format!("{before}{elbow}"), &format!("{deeper}{hang}")), look, style, out)?;
        // A chain as long as a screen is wide is no tree any more.
        let deeper = if width(&deeper) > 24 { before } else { deeper };
        let count = below.len();
        let children = below.into_iter().enumerate().rev();
        stack.extend(children.map(|(place, child)| (child, deeper.clone(), Some(place + 1 == count))));
    }
    writeln!(out)
}

/// `lead`: what stands before its first line, and before the others.
fn branch(
    one: &CertificateSummary,
    lead: (&str, &str),
    look: ValidityPolicy,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let (first, deeper) = lead;
    let name = escape_controls(one.called());
    let head = format!("{first}{}", paint(&name, style.color, |text| text.bold().to_string()));
    writeln!(out, "{head}  ({}, {})", one.purpose(), one.key)?;
    let days = one.days_left(look.at);
    let left = match days {
        ..0 => format!("ended {} days ago", -days),
        _ => format!("{days} days left"),
    };
    writeln!(out, "{deeper}{} to {}, {left}", day(one.begins), day(one.ends))?;
    if !one.sans.is_empty() {
        let names: Vec<String> = one.sans.iter().take(20).map(|san| escape_controls(san)).collect();
        let text = format!("for {}", names.join(", "));
        let room = WIDTH.saturating_sub(width(deeper));
        writeln!(out, "{deeper}{}", wrap(&text, room, &format!("{deeper}    ")))?;
    }
    writeln!(out, "{deeper}{}", escape_controls(&one.file))
}

fn one(finding: &CertificateFinding, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let word = match finding.severity {
        Severity::Error => paint("ERROR", style.color, |text| text.red().bold().to_string()),
        Severity::Warning => paint("warn ", style.color, |text| text.yellow().to_string()),
        Severity::Note => paint("note ", style.color, |text| text.dimmed().to_string()),
    };
    let cause = match (finding.cause, finding.variant) {
        (Some(cause), Some(variant)) => format!(" {cause} ({variant})"),
        (Some(cause), None) => format!(" {cause}"),
        _ => String::new(),
    };
    writeln!(out, "{word} {}{cause}", escape_controls(&finding.file))?;
    writeln!(out, "      {}", wrap(&escape_controls(&finding.message), WIDTH - 6, "      "))?;
    for fix in &finding.fix {
        writeln!(out, "      fix: {}", wrap(&escape_controls(&fix.text), WIDTH - 11, "           "))?;
        if let Some(command) = &fix.command {
            for (index, line) in command.lines().enumerate() {
                let sign = if index == 0 { '$' } else { ' ' };
                let line = paint(&escape_controls(line), style.color, |text| text.cyan().to_string());
                writeln!(out, "           {sign} {line}")?;
            }
        }
    }
    Ok(())
}

/// Go's verdict, and where another verifier differs.
fn verdicts(report: &CertificateReport, out: &mut dyn Write) -> io::Result<()> {
    for one in &report.verifications {
        let word = if one.accepted { "accepts" } else { "refuses" };
        let others = [("OpenSSL", one.openssl), ("webpki", one.webpki)]
            .iter()
            .map(|(name, accepts)| format!("{name} {}", if *accepts { "accepts" } else { "refuses" }))
            .collect::<Vec<_>>()
            .join(", ");
        let names =
            if one.names.is_empty() { String::new() } else { format!(" for {}", one.names.join(", ")) };
        // Which one it is of, where several are of one kind.
        let same = report.verifications.iter().filter(|other| other.purpose == one.purpose).count();
        let whose =
            one.file.as_deref().filter(|_| same > 1).map_or_else(String::new, |file| format!("{file} "));
        let line = format!("{whose}as a {} certificate{names}: Go {word}, {others}", one.purpose);
        writeln!(out, "{}", wrap(&escape_controls(&line), WIDTH, "      "))?;
        for difference in &one.differences {
            writeln!(out, "      {}", wrap(&escape_controls(difference), WIDTH - 6, "      "))?;
        }
    }
    Ok(())
}

/// The next dates on which something ends, and what stops working then.
fn next(all: &[CertificateSummary], look: ValidityPolicy, out: &mut dyn Write) -> io::Result<()> {
    let mut ahead: Vec<&CertificateSummary> = all.iter().filter(|one| one.ends >= look.at).collect();
    ahead.sort_by_key(|one| one.ends);
    let Some(first) = ahead.first() else { return Ok(()) };
    let mut line = format!("next: {} in {} d", first.file, first.days_left(look.at));
    if let Some(ca) = ahead.iter().find(|one| one.is_ca && one.der != first.der) {
        line.push_str(&format!("; the CA {} in {} d", ca.file, ca.days_left(look.at)));
    }
    let stops = match first.purpose() {
        "CA" => "everything under this CA stops: no service connects to NATS, Redis or the gateway any more",
        "server" => "clients refuse the services that serve it",
        "client" => "NATS (and Redis where it asks) refuses the services that show it",
        _ => "whoever meets it refuses it",
    };
    line.push_str(&format!(". That day {stops}."));
    writeln!(out, "{}", wrap(&escape_controls(&line), WIDTH, "      "))
}
