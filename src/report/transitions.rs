//! What `run --watch` prints: the state when it begins, then what changes.

use std::io::{self, Write};
use std::time::Duration;

use tls_verify_core::report::RunReport;
use tls_verify_core::status::Status;

use super::human;
use super::screen::Style;
use super::text::{escape_controls, flow};
use crate::commands::run::watch::{Transition, TransitionKind};

/// One JSON object in a line.
///
/// # Errors
/// What writing said.
pub(crate) fn line(one: &Transition, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, one).map_err(io::Error::other)?;
    out.write_all(b"\n")
}

/// Lines for people: a moment, what changed, and the root causes of what is newly broken.
///
/// # Errors
/// What writing said.
pub(crate) fn screen(
    changes: &[Transition],
    report: &RunReport,
    every: Duration,
    style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Some(first) = changes.first() else { return Ok(()) };
    let at = first.at.get(..19).unwrap_or(&first.at);
    if first.kind == TransitionKind::State {
        let seconds = every.as_secs_f64();
        writeln!(out, "{at}Z watching {} checks every {seconds} s; changes follow", report.checks.len())?;
    } else {
        writeln!(out, "{at}Z {}", human::counted(report.summary))?;
    }
    for one in changes {
        let to = one.to.unwrap_or(Status::Unknown);
        if one.kind == TransitionKind::State && style.quiet && to.is_good() {
            continue;
        }
        let moved = match one.from {
            Some(from) if from == to => format!("still {}", human::word(to)),
            Some(from) => format!("{} -> {}", human::word(from), human::word(to)),
            None => human::word(to).to_owned(),
        };
        let cause = one.cause.map(|cause| match one.variant {
            Some(variant) => format!("{cause} ({variant})"),
            None => cause.to_string(),
        });
        let place = one.place.as_deref().filter(|_| one.cause.is_some());
        let reason: Vec<&str> = cause.as_deref().into_iter().chain(place).collect();
        let reason = if reason.is_empty() { String::new() } else { format!(" [{}]", reason.join(", ")) };
        let check = one.check.as_deref().unwrap_or_default();
        let text = format!("{moved} {check}{reason}: {}", escape_controls(&one.summary));
        writeln!(out, "  {}", human::tint(to, &flow(&text, 2, style.width, "      "), style))?;
    }
    // The way out of what broke just now, once for each origin.
    for root in &report.root_causes {
        let fresh = changes.iter().any(|one| {
            one.to == Some(Status::Fail) && one.check.as_ref().is_some_and(|id| root.checks.contains(id))
        });
        if fresh {
            human::fixes(&root.fix, "  ", style, out)?;
        }
    }
    Ok(())
}
