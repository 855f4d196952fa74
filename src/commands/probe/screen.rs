//! The screen of `probe`.

use std::io::{self, Write};

use owo_colors::OwoColorize;
use serde_json::{Map, Value};
use tls_verify_checks::cause::Severity;
use tls_verify_core::status::Status;

use super::{Count, ProbeReport, ProbedEndpoint};
use crate::report::screen::Style;
use crate::report::text::{escape_controls, wrap};

const WIDTH: usize = 80;
const INDENT: &str = "             ";

/// Everything that is known of one endpoint.
pub(super) fn full(endpoint: &ProbedEndpoint, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if style.quiet && endpoint.status.is_good() {
        return Ok(());
    }
    writeln!(out, "{} {}", sign(endpoint.status, style), escape_controls(&endpoint.target))?;
    let details = &endpoint.details;
    row(out, "addresses", &addresses(details))?;
    row(out, "stages", &stages(details))?;
    row(out, "TLS", &negotiated(details))?;
    row(out, "versions", &versions(details))?;
    row(out, "client", &client(details))?;
    chain(details, out)?;
    row(out, "verdicts", &verdicts(details))?;
    let answer = details.get("application").and_then(Value::as_str).unwrap_or_default();
    row(out, "answer", answer)?;
    if endpoint.diagnoses.is_empty() {
        row(out, "result", &endpoint.summary)?;
    }
    for one in &endpoint.diagnoses {
        let word = if one.severity == Severity::Warning { "warning: " } else { "" };
        let name =
            one.variant.map_or_else(|| one.cause.to_string(), |variant| format!("{} ({variant})", one.cause));
        let line = format!("  {word}{name}, {}, change the {} side", one.confidence, one.side);
        writeln!(out, "{}", if style.color { line.bold().to_string() } else { line })?;
        for fact in &one.because {
            writeln!(out, "    {}", wrap(&escape_controls(fact), WIDTH - 4, "    "))?;
        }
        for fix in &one.fix {
            writeln!(out, "    fix: {}", wrap(&escape_controls(&fix.text), WIDTH - 9, "         "))?;
            for line in fix.command.iter().flat_map(|command| command.lines()) {
                writeln!(out, "         $ {}", escape_controls(line))?;
            }
        }
        writeln!(out, "    more: {}", one.explain)?;
    }
    writeln!(out)
}

/// One endpoint of many.
pub(super) fn line(endpoint: &ProbedEndpoint, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if style.quiet && endpoint.status == Status::Pass {
        return Ok(());
    }
    let cause = endpoint.diagnoses.first().map(|one| format!("{}: ", one.cause)).unwrap_or_default();
    let text = format!("{}  {cause}{}", endpoint.target, endpoint.summary);
    writeln!(out, "{} {}", sign(endpoint.status, style), wrap(&escape_controls(&text), WIDTH - 5, "       "))
}

pub(super) fn closing(count: Count, code: u8, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let line = format!(
        "{} good, {} with a warning, {} failed, {} undecided (exit {code})",
        count.good, count.warn, count.fail, count.unknown
    );
    writeln!(out, "\n{}", if style.color { line.bold().to_string() } else { line })
}

/// Of merged shards: what is not good, and the sum.
pub(super) fn merged(report: &ProbeReport<Value>, count: Count, out: &mut dyn Write) -> io::Result<()> {
    let text = |one: &Value, key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    for one in report.endpoints.iter().filter(|one| text(one, "status") != "pass") {
        let line = format!("{:<7} {}  {}", text(one, "status"), text(one, "target"), text(one, "summary"));
        writeln!(out, "{}", wrap(&escape_controls(&line), WIDTH, "        "))?;
    }
    closing(count, report.exit_code, Style::PLAIN, out)
}

fn sign(status: Status, style: Style) -> String {
    let word = match status {
        Status::Pass => "pass",
        Status::Warn => "warn",
        Status::Fail => "FAIL",
        Status::Skip => "skip",
        Status::Unknown => "open",
    };
    match (style.color, status) {
        (false, _) => word.to_owned(),
        (true, Status::Pass) => word.green().to_string(),
        (true, Status::Fail) => word.red().bold().to_string(),
        (true, _) => word.yellow().to_string(),
    }
}

fn row(out: &mut dyn Write, name: &str, text: &str) -> io::Result<()> {
    if text.is_empty() {
        return Ok(());
    }
    writeln!(out, "  {name:<10} {}", wrap(&escape_controls(text), WIDTH - INDENT.len(), INDENT))
}

fn addresses(details: &Map<String, Value>) -> String {
    let rows = details.get("addresses").and_then(Value::as_array);
    let words = rows.into_iter().flatten().map(|row| {
        let address = row["address"].as_str().unwrap_or_default();
        match row.get("result").and_then(Value::as_str) {
            Some(result) => format!("{address} ({result})"),
            None => address.to_owned(),
        }
    });
    words.collect::<Vec<_>>().join(", ")
}

fn stages(details: &Map<String, Value>) -> String {
    let Some(stages) = details.get("stages").and_then(Value::as_object) else { return String::new() };
    let names = ["resolve", "connect", "info", "handshake", "application"];
    let words = names.iter().filter_map(|name| {
        let ms = stages.get(&format!("{name}_ms"))?.as_f64()?;
        Some(format!("{name} {ms} ms"))
    });
    words.collect::<Vec<_>>().join(", ")
}

fn negotiated(details: &Map<String, Value>) -> String {
    let Some(tls) = details.get("tls") else { return String::new() };
    let word = |key: &str| tls.get(key).and_then(Value::as_str);
    let mut parts: Vec<String> =
        ["version", "suite", "group"].iter().filter_map(|key| word(key)).map(str::to_owned).collect();
    parts.push(word("alpn").map_or_else(|| "no ALPN".to_owned(), |alpn| format!("ALPN {alpn}")));
    parts.join(", ")
}

fn versions(details: &Map<String, Value>) -> String {
    let Some(versions) = details.get("versions").and_then(Value::as_object) else { return String::new() };
    let words =
        versions.iter().map(|(name, answer)| format!("{name} {}", answer.as_str().unwrap_or_default()));
    words.collect::<Vec<_>>().join(", ")
}

fn client(details: &Map<String, Value>) -> String {
    let Some(asked) = details.get("client_certificate") else { return String::new() };
    if asked.get("asked") != Some(&Value::Bool(true)) {
        return "no certificate is asked for".to_owned();
    }
    let names = asked.get("authorities").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let names: Vec<&str> = names.iter().filter_map(Value::as_str).collect();
    let mut text = "a certificate is asked for".to_owned();
    if !names.is_empty() {
        text.push_str(&format!(", of {}", names.join("; ")));
    }
    for (key, word) in [("with_identity", "with ours"), ("without_identity", "without one")] {
        if let Some(answer) = details.get(key).and_then(Value::as_str) {
            text.push_str(&format!("; {word}: {answer}"));
        }
    }
    text
}

fn chain(details: &Map<String, Value>, out: &mut dyn Write) -> io::Result<()> {
    let Some(chain) = details.get("presented").and_then(Value::as_array) else { return Ok(()) };
    for (index, one) in chain.iter().enumerate().take(10) {
        let word = |key: &str| one.get(key).and_then(Value::as_str).unwrap_or_default();
        let date = |key: &str| word(key).chars().take(10).collect::<String>();
        let name = if index == 0 { "chain" } else { "" };
        let deep = if index == 0 { String::new() } else { format!("{}└─ ", "   ".repeat(index - 1)) };
        let text = format!(
            "{deep}{} ({}), {} to {}",
            word("subject"),
            word("key"),
            date("not_before"),
            date("not_after")
        );
        writeln!(out, "  {name:<10} {}", escape_controls(&text))?;
        let sans: Vec<&str> = one
            .get("sans")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter_map(Value::as_str)
            .collect();
        if !sans.is_empty() {
            let indent = format!("{INDENT}   {}", "   ".repeat(index));
            writeln!(
                out,
                "{indent}{}",
                wrap(&escape_controls(&format!("for {}", sans.join(", "))), WIDTH - indent.len(), &indent)
            )?;
        }
        if index + 1 == chain.len() {
            let indent = format!("{INDENT}{}", "   ".repeat(index));
            writeln!(out, "{indent}└─ issued by {}", escape_controls(word("issuer")))?;
        }
    }
    Ok(())
}

fn verdicts(details: &Map<String, Value>) -> String {
    let Some(verdict) = details.get("verification") else { return String::new() };
    let words: Vec<String> = [("Go", "go"), ("OpenSSL", "openssl"), ("webpki", "webpki")]
        .iter()
        .map(|(name, key)| {
            let accepts = verdict.get(*key) == Some(&Value::Bool(true));
            format!("{name} {}", if accepts { "accepts" } else { "refuses" })
        })
        .collect();
    let mut text = words.join(", ");
    let why = verdict.get("differences").and_then(Value::as_array).into_iter().flatten();
    for difference in why.filter_map(Value::as_str) {
        text.push_str(&format!("; {difference}"));
    }
    text
}
