//! Where endpoints go as they come: standard output, files, the exit code.

use std::io;

use tls_verify_core::report::outcome;

use super::{Count, ProbeReport, ProbedEndpoint, screen};
use crate::cli::{ProbeArgs, ProbeFormat};
use crate::config::Environment;
use crate::output;
use crate::report::screen::Style;

/// Where results go as they come.
pub(super) struct Sink {
    format: ProbeFormat,
    style: Style,
    strict: bool,
    deep: bool,
    count: Count,
    kept: Vec<ProbedEndpoint>,
    keep: bool,
    reports: crate::report::files::ReportFiles,
    /// A share may be empty; a whole list may not.
    sharded: bool,
}

impl Sink {
    pub(super) fn new(
        args: &ProbeArgs,
        environment: &Environment,
        reports: crate::report::files::ReportFiles,
        sharded: bool,
    ) -> Self {
        let color = crate::terminal::colored(args.color, environment);
        Self {
            format: args.format,
            style: Style { color, quiet: args.quiet, ..Style::PLAIN },
            strict: args.strict,
            deep: args.deep || args.list.is_none(),
            count: Count::default(),
            kept: Vec::new(),
            keep: !matches!(args.format, ProbeFormat::Human | ProbeFormat::Jsonl) || !reports.is_empty(),
            reports,
            sharded,
        }
    }

    pub(super) fn take(&mut self, endpoint: ProbedEndpoint) -> io::Result<()> {
        self.count.add(endpoint.status);
        let wrote = output::put(|out| match self.format {
            ProbeFormat::Jsonl => {
                serde_json::to_writer(&mut *out, &endpoint).map_err(io::Error::other)?;
                out.write_all(b"\n")
            }
            ProbeFormat::Human if self.deep => screen::full(&endpoint, self.style, out),
            ProbeFormat::Human => screen::line(&endpoint, self.style, out),
            ProbeFormat::Json | ProbeFormat::Junit | ProbeFormat::Html | ProbeFormat::Prometheus => Ok(()),
        });
        if self.keep {
            self.kept.push(endpoint);
        }
        wrote
    }

    /// Closes the report; `lost`: why standard output takes no more.
    pub(super) fn finish(mut self, interrupted: Option<u8>, lost: Option<io::Error>) -> u8 {
        let nothing = self.count.sum() == 0 && !self.sharded;
        let code = match interrupted {
            Some(code) => code,
            // Nothing was looked at: that decides nothing.
            None if nothing => {
                output::tell("note: the list has no target");
                tls_verify_core::report::exit::UNDECIDED
            }
            None => self.count.exit_code(self.strict),
        };
        let report = ProbeReport {
            schema: "tls-verify/probe/v1",
            outcome: outcome(code),
            exit_code: code,
            endpoints: self.kept,
        };
        let code = match lost {
            Some(error) => output::ended(code, Err(error)),
            None => output::print(code, |out| match self.format {
                ProbeFormat::Human if !self.deep => screen::closing(self.count, code, self.style, out),
                // Written as they came.
                ProbeFormat::Human | ProbeFormat::Jsonl => Ok(()),
                other => crate::report::probe("probe", &report, other, out),
            }),
        };
        output::filed(code, self.reports.write_probe("probe", &report))
    }
}
