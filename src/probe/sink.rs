//! Where endpoints go as they come: standard output, files, the exit code.

use std::io::{self, IsTerminal, Write};

use super::{Count, Endpoint, Report, screen};
use crate::cli::{ColorChoice, LineFormat, ProbeArgs};
use crate::config::Environment;
use crate::outcome::outcome;

/// Where results go as they come.
pub(super) struct Sink {
    format: LineFormat,
    style: screen::Style,
    strict: bool,
    deep: bool,
    count: Count,
    kept: Vec<Endpoint>,
    keep: bool,
    reports: crate::report::files::Files,
    /// A share may be empty; a whole list may not.
    sharded: bool,
}

impl Sink {
    pub(super) fn new(
        args: &ProbeArgs,
        environment: &Environment,
        reports: crate::report::files::Files,
        sharded: bool,
    ) -> Self {
        let color = match args.color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => io::stdout().is_terminal() && environment.get("NO_COLOR").is_none(),
        };
        Self {
            format: args.format,
            style: screen::Style { color, quiet: args.quiet },
            strict: args.strict,
            deep: args.deep || args.list.is_none(),
            count: Count::default(),
            kept: Vec::new(),
            keep: args.format == LineFormat::Json || !reports.is_empty(),
            reports,
            sharded,
        }
    }

    pub(super) fn take(&mut self, endpoint: Endpoint) -> io::Result<()> {
        self.count.add(endpoint.status);
        let mut out = io::stdout().lock();
        match self.format {
            LineFormat::Jsonl => {
                serde_json::to_writer(&mut out, &endpoint).map_err(io::Error::other)?;
                out.write_all(b"\n")?;
            }
            LineFormat::Human if self.deep => screen::full(&endpoint, self.style, &mut out)?,
            LineFormat::Human => screen::line(&endpoint, self.style, &mut out)?,
            LineFormat::Json => {}
        }
        if self.keep {
            self.kept.push(endpoint);
        }
        Ok(())
    }

    pub(super) fn finish(mut self, interrupted: Option<u8>) -> u8 {
        let nothing = self.count.sum() == 0 && !self.sharded;
        let code = match interrupted {
            Some(code) => code,
            // Nothing was looked at: that decides nothing.
            None if nothing => {
                let _ = writeln!(io::stderr(), "note: the list has no target");
                crate::outcome::exit::UNDECIDED
            }
            None => self.count.exit_code(self.strict),
        };
        let report = Report {
            schema: "tls-verify/probe/v1",
            outcome: outcome(code),
            exit_code: code,
            endpoints: self.kept,
        };
        let mut out = io::stdout().lock();
        let wrote = match self.format {
            LineFormat::Json => serde_json::to_writer(&mut out, &report)
                .map_err(io::Error::other)
                .and_then(|()| out.write_all(b"\n")),
            LineFormat::Human if !self.deep => screen::closing(self.count, code, self.style, &mut out),
            _ => Ok(()),
        };
        // A reader that has seen enough is no error.
        let _ = wrote.and_then(|()| out.flush());
        self.reports.write_probe(&report);
        code
    }
}
