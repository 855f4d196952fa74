//! What `diagnose` shows.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;
use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tls_verify_checks::cause::{CauseKind, Confidence, Side, Variant};
use tls_verify_checks::stack::Link;
use tls_verify_core::logs::scan::LogProblem;
use tls_verify_core::remedy::catalogue::{self, Placeholders};
use tls_verify_core::report::Fix;

use super::Group;
use crate::report::text::{escape_controls, wrap};

const WIDTH: usize = 80;

fn when(at: Option<SystemTime>) -> Option<String> {
    OffsetDateTime::from(at?).replace_nanosecond(0).ok()?.format(&Rfc3339).ok()
}

/// The service that a group's lines speak of.
fn place(group: &Group) -> &str {
    match group.sample.found().link {
        Some(Link::Nats) => "nats",
        Some(Link::Redis) => "redis",
        Some(Link::SafetyKernel) => "safety-kernel",
        _ if group.sources.len() == 1 => group.sources.first().map_or("SERVICE", String::as_str),
        _ => "SERVICE",
    }
}

fn filled(group: &Group, blanks: &Placeholders) -> Placeholders {
    let at = place(group);
    let service = if at.contains(['/', '.']) || matches!(at, "stdin" | "argument") { "SERVICE" } else { at };
    Placeholders { service: service.to_owned(), ..blanks.clone() }
}

/// The service's own settings first, then what holds for any.
fn fixes(group: &Group, blanks: &Placeholders) -> Vec<Fix> {
    if let Some(cure) = &group.cure {
        return vec![cure.clone()];
    }
    let mut fixes = tls_verify_core::remedy::settings::steps(group.cause, &group.settings, &*blanks.wording);
    let mut known = catalogue::fixes(group.cause, group.variant, place(group), &filled(group, blanks));
    if group.sample.found().side == Side::Client {
        catalogue::at_client(group.cause, &mut known);
    }
    fixes.extend(known);
    fixes.truncate(catalogue::AT_MOST);
    fixes
}

/// Groups by cause, the most frequent first.
pub(super) fn human(groups: &[Group], blanks: &Placeholders, out: &mut dyn Write) -> io::Result<()> {
    if groups.is_empty() {
        return writeln!(out, "no TLS or connection problem in these lines");
    }
    let mut order: Vec<&Group> = groups.iter().collect();
    order.sort_by_key(|group| std::cmp::Reverse(group.count));
    for group in order {
        let name = match group.variant {
            Some(variant) => format!("{} ({variant})", group.cause),
            None => group.cause.to_string(),
        };
        let lines = if group.count == 1 { "1 line".to_owned() } else { format!("{} lines", group.count) };
        writeln!(out, "{name}: {lines}")?;
        let title = catalogue::title(group.cause, group.variant);
        writeln!(out, "  {}", wrap(title, WIDTH - 2, "  "))?;
        let sources: Vec<&str> = group.sources.iter().map(String::as_str).collect();
        writeln!(out, "  in: {}", wrap(&escape_controls(&sources.join(", ")), WIDTH - 6, "      "))?;
        if let (Some(first), Some(last)) = (when(group.first), when(group.last)) {
            if first == last {
                writeln!(out, "  at: {first}")?;
            } else {
                writeln!(out, "  from {first} to {last}")?;
            }
        }
        let sample: String = group.sample.line.chars().take(600).collect();
        writeln!(
            out,
            "  line {}: {}",
            group.sample.line_number,
            wrap(&escape_controls(&sample), WIDTH - 10, "    ")
        )?;
        writeln!(
            out,
            "  {}, change the {} side",
            group.sample.found().confidence,
            group.sample.found().side
        )?;
        for fix in fixes(group, blanks) {
            writeln!(out, "  fix: {}", wrap(&escape_controls(&fix.text), WIDTH - 7, "       "))?;
            for line in fix.command.iter().flat_map(|command| command.lines()) {
                writeln!(out, "       $ {}", escape_controls(line))?;
            }
        }
        writeln!(out, "  more: tls-verify explain {}\n", group.cause)?;
    }
    Ok(())
}

/// A summary by cause.
pub(super) fn json(groups: &[Group], code: u8, blanks: &Placeholders, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", object(groups, code, blanks))
}

/// The same as data.
pub(super) fn object(groups: &[Group], code: u8, blanks: &Placeholders) -> serde_json::Value {
    let problems: u64 = groups.iter().map(|group| group.count).sum();
    let by_cause: BTreeMap<&str, u64> = groups.iter().fold(BTreeMap::new(), |mut sum, group| {
        *sum.entry(group.cause.slug()).or_default() += group.count;
        sum
    });
    let causes: Vec<_> = groups
        .iter()
        .map(|group| {
            json!({
                "cause": group.cause, "variant": group.variant, "count": group.count,
                "title": catalogue::title(group.cause, group.variant),
                "confidence": group.sample.found().confidence, "side": group.sample.found().side,
                "emitter": group.sample.emitter,
                "first": when(group.first), "last": when(group.last), "sources": group.sources,
                "sample": { "source": group.sample_source, "line_number": group.sample.line_number,
                            "line": group.sample.line },
                "fix": fixes(group, blanks),
                "explain": format!("tls-verify explain {}", group.cause),
            })
        })
        .collect();
    let outcome = if code == 0 { "pass" } else { "fail" };
    json!({
        "schema": "tls-verify/diagnose/v1", "outcome": outcome, "exit_code": code,
        "problems": problems, "summary": by_cause, "causes": causes,
    })
}

/// A problem line as `jsonl` promises it.
#[derive(Serialize)]
struct JsonRecord<'a> {
    source: &'a str,
    line_number: u64,
    cause: CauseKind,
    variant: Option<Variant>,
    confidence: Confidence,
    side: Side,
    emitter: Option<&'static str>,
    line: &'a str,
}

/// One problem line.
pub(super) fn jsonl(source: &str, problem: &LogProblem, out: &mut Vec<u8>) -> io::Result<()> {
    let record = JsonRecord {
        source,
        line_number: problem.line_number,
        cause: problem.found().kind,
        variant: problem.found().variant,
        confidence: problem.found().confidence,
        side: problem.found().side,
        emitter: problem.emitter,
        line: &problem.line,
    };
    serde_json::to_writer(&mut *out, &record)?;
    out.push(b'\n');
    Ok(())
}
