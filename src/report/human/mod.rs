//! The screen: first what is at fault and the way out, then each check in a line or two. Colour is never the
//! only carrier.

mod closing;

use std::io::{self, Write};

use owo_colors::OwoColorize;
use tls_verify_checks::cause::Severity;
use tls_verify_core::diagnosis::root_cause::family;
use tls_verify_core::report::{CheckReport, Diagnosis, Fix, RootCause, RunReport};
use tls_verify_core::status::Status;

use super::screen::{Style, paint};
use super::text::{self, escape_controls, flow, width};
use closing::closing;
pub(crate) use closing::counted;

/// Where a check's own lines begin.
const INDENT: &str = "        ";

/// Writes the whole report.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    head(report, style, out)?;
    for (index, root) in report.root_causes.iter().enumerate() {
        root_cause(report, index, root, style, out)?;
    }
    // Where something is wrong, what is right is a line: cause and cure fit on one screen.
    let folded = !style.verbose && !report.root_causes.is_empty();
    for check in &report.checks {
        // What cannot be about this stack is no news beside a cause.
        let silent = matches!(check.status, Status::Pass | Status::Skip);
        let told = folded && (silent || explained(report, check));
        if told || style.quiet && check.status == Status::Pass {
            continue;
        }
        if folded && check.status == Status::Warn {
            warned(check, style, out)?;
        } else {
            one(report, check, style, out)?;
        }
    }
    if folded && !style.quiet {
        rest(report, style, out)?;
    }
    if !style.quiet || report.exit_code != 0 {
        closing(report, style, out)?;
    }
    Ok(())
}

/// A check of which a root cause above says everything.
fn explained(report: &RunReport, check: &CheckReport) -> bool {
    match check.status {
        Status::Fail => report.root_causes.iter().any(|root| root.checks.contains(&check.id)),
        Status::Unknown => {
            let first = check.diagnoses.first();
            first.is_some_and(|one| report.root_causes.iter().any(|root| is_of(report, root, one)))
        }
        Status::Pass | Status::Warn | Status::Skip => false,
    }
}

/// A warning beside a root cause: which it is; `-v` says more.
fn warned(check: &CheckReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut causes: Vec<String> = Vec::new();
    for one in &check.diagnoses {
        let cause = one.variant.map_or_else(|| one.cause.to_string(), |variant| variant.to_string());
        if !causes.contains(&cause) {
            causes.push(cause);
        }
    }
    let sign = mark(check.status, style);
    let about = if causes.is_empty() { check.summary.clone() } else { causes.join(", ") };
    let width = width(&sign) + 1;
    let text = flow(
        &escape_controls(&format!("{}: {about} (-v says more)", check.id)),
        width,
        style.width,
        &" ".repeat(width),
    );
    writeln!(out, "{} {text}", tint(check.status, &sign, style))
}

/// What passed, in a line.
fn rest(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let passed: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.status == Status::Pass)
        .map(|check| check.id.as_str())
        .collect();
    if passed.is_empty() {
        return Ok(());
    }
    let sign = tint(Status::Pass, &mark(Status::Pass, style), style);
    let width = width(&mark(Status::Pass, style)) + 1;
    // Names as long as a line can hold them.
    let names = passed.join(", ");
    let text = if names.len() + width > style.width {
        format!("{} checks (-v lists them)", passed.len())
    } else {
        names
    };
    writeln!(out, "{sign} {}", flow(&text, width, style.width, &" ".repeat(width)))
}

/// Which stack this is, where it is not the usual one.
fn head(report: &RunReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if style.quiet {
        return Ok(());
    }
    if let Some(demo) = &report.demo {
        let about = demo.get("about").and_then(|about| about.as_str()).unwrap_or_default();
        writeln!(out, "{}\n", flow(&escape_controls(about), 0, style.width, "  "))?;
    }
    let said = |key: &str| report.target.get(key).and_then(|text| text.as_str()).unwrap_or_default();
    if !said("profile").is_empty() {
        let about = if said("profile_about").is_empty() {
            String::new()
        } else {
            format!(": {}", said("profile_about"))
        };
        let line = escape_controls(&format!("profile {}{about}", said("profile")));
        writeln!(out, "{}\n", flow(&line, 0, style.width, "  "))?;
    }
    Ok(())
}

/// How many facts are shown: those that decide.
const DECIDE: usize = 3;

/// A fact in so many characters, no word longer than a line; `-v` shows the whole.
fn short(fact: &str, line: usize) -> String {
    let cut = |word: &str, most: usize| -> String {
        if width(word) <= most {
            return word.to_owned();
        }
        format!("{} …", text::head(word, most.saturating_sub(2)).trim_end())
    };
    let words: Vec<String> = fact.split(' ').map(|word| cut(word, line)).collect();
    cut(&words.join(" "), 2 * line)
}

/// One origin: what, where, the facts, the way out, and what hangs on it.
fn root_cause(
    report: &RunReport,
    index: usize,
    root: &RootCause,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let title = format!("{}: {} — {}", name(report, index), root.place, escape_controls(&root.summary));
    let title = flow(&title, 0, style.width, "  ");
    writeln!(out, "{}", paint(&title, style.color, |text| text.bold().red().to_string()))?;
    let shown = if style.verbose { root.because.len() } else { DECIDE };
    for fact in root.because.iter().take(shown) {
        let fact = if style.verbose {
            escape_controls(fact)
        } else {
            short(&escape_controls(fact), style.width.saturating_sub(4))
        };
        writeln!(out, "  {}", flow(&fact, 2, style.width, "    "))?;
    }
    fixes(&root.fix, "  ", style, out)?;
    writeln!(out, "  breaks: {}", flow(&root.checks.join(", "), 10, style.width, "          "))?;
    let open: Vec<&str> = report
        .checks
        .iter()
        .filter(|check| check.status == Status::Unknown && !root.checks.contains(&check.id))
        .filter(|check| check.diagnoses.first().is_some_and(|one| is_of(report, root, one)))
        .map(|check| check.id.as_str())
        .collect();
    if !open.is_empty() {
        writeln!(out, "  leaves undecided: {}", flow(&open.join(", "), 20, style.width, "          "))?;
    }
    if root.nameless {
        return writeln!(out);
    }
    writeln!(out, "  more: tls-verify explain {}\n", root.cause)
}

/// `Root cause`, with a number where there are several.
fn name(report: &RunReport, index: usize) -> String {
    if report.root_causes.len() == 1 { "Root cause".to_owned() } else { format!("Root cause {}", index + 1) }
}

/// The same fault, whatever face it shows.
fn is_kind(root: &RootCause, one: &Diagnosis) -> bool {
    !root.nameless && family(root.cause, root.variant) == family(one.cause, one.variant)
}

fn is_at(root: &RootCause, one: &Diagnosis) -> bool {
    one.place.as_ref() == Some(&root.place) && is_kind(root, one)
}

/// What is undecided by a root cause: by its place, by a fact that both rest on, or because there is no other.
fn is_of(report: &RunReport, root: &RootCause, one: &Diagnosis) -> bool {
    let place = one.place.as_deref().unwrap_or_default();
    let file = place.contains('/') && (place == root.place || place.ends_with(&format!("/{}", root.place)));
    let fact = one.because.first().is_some_and(|fact| root.because.contains(fact));
    is_at(root, one) || file || fact || (report.root_causes.len() == 1 && is_kind(root, one))
}

fn one(report: &RunReport, check: &CheckReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let since = check.change.map(|change| format!(" ({change})")).unwrap_or_default();
    let line = flow(&format!("{}{since}", escape_controls(&check.title)), INDENT.len(), style.width, INDENT);
    let sign = tint(check.status, &mark(check.status, style), style);
    writeln!(out, "{sign} {:>2} {line}", check.number)?;
    let say = |out: &mut dyn Write, text: &str, deeper: &str| {
        writeln!(
            out,
            "{INDENT}{}",
            flow(&escape_controls(text), INDENT.len(), style.width, &format!("{INDENT}{deeper}"))
        )
    };
    let good = check.status.is_good();
    if good || check.diagnoses.is_empty() {
        say(out, &check.summary, "")?;
    }
    if !good {
        for remark in check.remarks.iter().filter(|remark| **remark != check.summary) {
            say(out, remark, "")?;
        }
    }
    if style.verbose {
        for diagnosis in &check.diagnoses {
            explain(diagnosis, style, out)?;
        }
    } else {
        brief(report, check, style, out)?;
    }
    if check.status == Status::Warn {
        for remark in &check.remarks {
            say(out, &format!("note: {remark}"), "      ")?;
        }
    }
    if style.verbose && !check.details.is_empty() {
        let text = serde_json::to_string(&check.details).unwrap_or_default();
        writeln!(out, "{INDENT}details: {}", escape_controls(&text))?;
    }
    Ok(())
}

/// Equal causes in one paragraph; what a root cause above explains in a line.
fn brief(report: &RunReport, check: &CheckReport, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut groups: Vec<Vec<&Diagnosis>> = Vec::new();
    for one in &check.diagnoses {
        let same = groups.iter_mut().find(|group| {
            let first = group[0];
            first.severity == one.severity
                && family(first.cause, first.variant) == family(one.cause, one.variant)
        });
        match same {
            Some(group) => group.push(one),
            None => groups.push(vec![one]),
        }
    }
    for group in groups {
        let first = group[0];
        // The root cause at the same place, else the one that breaks this check, else the same elsewhere.
        let roots = || report.root_causes.iter().enumerate().filter(|(_, root)| is_kind(root, first));
        let above = roots()
            .find(|(_, root)| is_at(root, first))
            .or_else(|| roots().find(|(_, root)| root.checks.contains(&check.id)))
            .or_else(|| roots().next());
        let mut others: Vec<&str> = Vec::new();
        match above {
            Some((index, root)) => {
                let kind = match (first.severity, check.status) {
                    (Severity::Note, _) => "note, as ",
                    (Severity::Warning, _) => "warning, as ",
                    (Severity::Error, Status::Unknown) => "undecided by ",
                    (Severity::Error, _) => "",
                };
                let line =
                    format!("{kind}{}: {}, {}", name(report, index).to_lowercase(), root.cause, root.place);
                let line = flow(&line, INDENT.len(), style.width, INDENT);
                writeln!(out, "{INDENT}{}", paint(&line, style.color, |text| text.bold().to_string()))?;
                others.extend(places(&group).filter(|place| *place != root.place));
            }
            None => {
                explain(first, style, out)?;
                others.extend(places(&group).skip(1));
            }
        }
        others.dedup();
        if !others.is_empty() {
            let line = format!("also at {} (-v shows their words)", others.join(", "));
            writeln!(out, "{INDENT}{}", flow(&line, INDENT.len(), style.width, INDENT))?;
        }
    }
    Ok(())
}

fn places<'a>(group: &'a [&Diagnosis]) -> impl Iterator<Item = &'a str> {
    group.iter().filter_map(|one| one.place.as_deref())
}

fn explain(one: &Diagnosis, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let name = match one.variant {
        Some(variant) => format!("{} ({variant})", one.cause),
        None => one.cause.to_string(),
    };
    let word = if one.severity == Severity::Warning { "warning: " } else { "" };
    let place = one.place.as_deref().map(|place| format!(": {place}")).unwrap_or_default();
    let line = format!("{word}{name}, {}, change the {} side{place}", one.confidence, one.side);
    let line = flow(&escape_controls(&line), INDENT.len(), style.width, INDENT);
    writeln!(out, "{INDENT}{}", paint(&line, style.color, |text| text.bold().to_string()))?;
    for fact in one.because.iter().take(if style.verbose { 8 } else { 4 }) {
        writeln!(
            out,
            "{INDENT}{}",
            flow(&escape_controls(fact), INDENT.len(), style.width, &format!("{INDENT}  "))
        )?;
    }
    fixes(&one.fix, INDENT, style, out)?;
    writeln!(out, "{INDENT}more: {}", one.explain)
}

/// The steps of a fix, in order; commands are left whole, so that they can be copied.
pub(crate) fn fixes(fixes: &[Fix], indent: &str, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let deeper = format!("{indent}     ");
    for (index, fix) in fixes.iter().enumerate() {
        // A second one is another way, and says so.
        let label = if index == 0 { "fix: " } else { "  or " };
        let text = flow(&escape_controls(&text::placed(fix)), deeper.len(), style.width, &deeper);
        writeln!(out, "{indent}{label}{text}")?;
        for line in fix.command.iter().flat_map(|command| command.lines()) {
            let line = paint(&escape_controls(line), style.color, |text| text.cyan().to_string());
            writeln!(out, "{deeper}$ {line}")?;
        }
    }
    Ok(())
}

/// A status as it stands in front of a check: a glyph where the terminal shows some, and the word. Colour is never
/// the only carrier.
fn mark(status: Status, style: Style) -> String {
    if !style.glyphs {
        return word(status).to_owned();
    }
    let glyph = match status {
        Status::Pass => '✓',
        Status::Warn => '!',
        Status::Fail => '✗',
        Status::Skip => '-',
        Status::Unknown => '?',
    };
    format!("{glyph} {}", word(status))
}

/// A status in four letters, as in front of every check.
pub(crate) const fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
        Status::Skip => "skip",
        Status::Unknown => "open",
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
