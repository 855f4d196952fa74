//! `explain`: the catalogue for people and machines.

use std::io::{self, Write};

use serde_json::json;
use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_core::remedy::catalogue::{self, GUIDE, Placeholders};
use tls_verify_core::report::exit;
use tls_verify_core::rules::{self, Rule};

use crate::cli::{ExplainArgs, Format, PlainFormat};
use crate::config::ConfigError;
use crate::output::print;
use crate::report::text::wrap;
use crate::usage::usage;

const WIDTH: usize = 80;

/// Runs the command and returns its exit code.
#[must_use]
pub fn command(args: &ExplainArgs) -> u8 {
    let json = args.format == PlainFormat::Json;
    match &args.cause {
        None if json => print(exit::PASS, list_json),
        None => print(exit::PASS, list),
        Some(text) if rules::named(text).is_some() => print(exit::PASS, |out| match rules::named(text) {
            Some(rule) if json => rule_json(rule, out),
            Some(rule) => rule_page(rule, out),
            None => Ok(()),
        }),
        Some(text) => match catalogue::find(text) {
            Ok((cause, variant)) if json => print(exit::PASS, |out| one_json(cause, variant, out)),
            Ok((cause, variant)) => print(exit::PASS, |out| one(cause, variant, out)),
            Err(near) => {
                let problem = ConfigError::new(
                    format!("no cause is called `{text}`; near it: {}", near.join(", ")),
                    "`tls-verify explain` lists all; a line of text goes to `tls-verify diagnose`",
                );
                usage(&[problem], if json { Format::Json } else { Format::Human })
            }
        },
    }
}

fn list(out: &mut dyn Write) -> io::Result<()> {
    for cause in CauseKind::ALL {
        let title = wrap(&catalogue::entry(*cause).title, WIDTH - 28, &" ".repeat(28));
        writeln!(out, "{:<27} {title}", cause.slug())?;
    }
    writeln!(out, "\nRules of `tls-verify audit`:")?;
    for rule in rules::ALL {
        let title = wrap(rule.title, WIDTH - 28, &" ".repeat(28));
        writeln!(out, "{:<27} {title}", rule.id)?;
    }
    writeln!(out, "\ntls-verify explain CAUSE|RULE says more of one.")
}

fn rule_page(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}\n{}\n", rule.id, wrap(rule.title, WIDTH, ""))?;
    writeln!(out, "{}\n", wrap(rule.about, WIDTH, ""))?;
    writeln!(out, "Severity: {}, at the most", rule.severity)?;
    if let Some(cause) = rule.cause {
        writeln!(out, "Cause: {cause} (tls-verify explain {cause})")?;
    }
    writeln!(out, "Left as it is on purpose: # tls-verify: allow {} REASON", rule.id)?;
    writeln!(out, "\nFound by: tls-verify audit")
}

fn rule_json(rule: &Rule, out: &mut dyn Write) -> io::Result<()> {
    let object = json!({
        "schema": "tls-verify/explain/v1", "rule": rule.id, "title": rule.title, "meaning": rule.about,
        "severity": rule.severity, "cause": rule.cause,
    });
    writeln!(out, "{object}")
}

fn list_json(out: &mut dyn Write) -> io::Result<()> {
    let causes: Vec<_> = CauseKind::ALL
        .iter()
        .map(|cause| json!({ "cause": cause, "title": catalogue::entry(*cause).title }))
        .collect();
    let rules: Vec<_> =
        rules::ALL.iter().map(|rule| json!({ "rule": rule.id, "title": rule.title })).collect();
    writeln!(out, "{}", json!({ "schema": "tls-verify/explain/v1", "causes": causes, "rules": rules }))
}

fn one(cause: CauseKind, variant: Option<Variant>, out: &mut dyn Write) -> io::Result<()> {
    let entry = catalogue::entry(cause);
    let blanks = Placeholders { verify: entry.verify.clone(), ..Placeholders::default() };
    writeln!(out, "{cause}")?;
    writeln!(out, "{}\n", wrap(catalogue::title(cause, variant), WIDTH, ""))?;
    writeln!(out, "{}\n", wrap(&entry.meaning, WIDTH, ""))?;
    let known = format!("How it is known: {}", entry.how_we_know);
    writeln!(out, "{}\n", wrap(&known, WIDTH, ""))?;
    for (name, text) in &entry.variant {
        if variant.is_some_and(|wanted| wanted.slug() != name) {
            continue;
        }
        let words = text.note.as_deref().or(text.title.as_deref()).unwrap_or_default();
        writeln!(out, "  {name}\n      {}", wrap(words, WIDTH - 6, "      "))?;
    }
    if !entry.variant.is_empty() {
        writeln!(out)?;
    }
    for fix in entry.fix.iter().filter(|fix| {
        variant.is_none_or(|wanted| fix.when.is_empty() || fix.when.iter().any(|word| word == wanted.slug()))
    }) {
        let words: Vec<&str> = fix
            .external
            .then_some("any server")
            .into_iter()
            .chain(fix.when.iter().map(String::as_str))
            .collect();
        let when = if words.is_empty() { String::new() } else { format!("[{}] ", words.join(", ")) };
        let text = format!("{when}{}", blanks.fill(&fix.text));
        writeln!(out, "fix: {}", wrap(&text, WIDTH - 5, "     "))?;
        let command = fix.command.as_deref().and_then(|command| blanks.command(command));
        for line in command.iter().flat_map(|command| command.lines()) {
            writeln!(out, "     $ {line}")?;
        }
    }
    if !entry.aliases.is_empty() {
        let aliases = format!("Also seen as: {}", entry.aliases.join("; "));
        writeln!(out, "\n{}", wrap(&aliases, WIDTH, "  "))?;
    }
    writeln!(out, "\nProved by: tls-verify run --only {}", entry.verify)?;
    writeln!(out, "Guide: {GUIDE}#{}", entry.anchor)
}

fn one_json(cause: CauseKind, variant: Option<Variant>, out: &mut dyn Write) -> io::Result<()> {
    let entry = catalogue::entry(cause);
    let blanks = Placeholders { verify: entry.verify.clone(), ..Placeholders::default() };
    let fix: Vec<_> = entry
        .fix
        .iter()
        .map(|fix| {
            json!({ "when": fix.when, "external": fix.external, "text": blanks.fill(&fix.text),
                    "command": fix.command.as_deref().and_then(|command| blanks.command(command)) })
        })
        .collect();
    let object = json!({
        "schema": "tls-verify/explain/v1", "cause": cause, "variant": variant, "title": entry.title,
        "meaning": entry.meaning, "how_we_know": entry.how_we_know, "variants": entry.variant,
        "fix": fix, "verify": entry.verify, "aliases": entry.aliases,
        "guide": format!("{GUIDE}#{}", entry.anchor),
    });
    writeln!(out, "{object}")
}
