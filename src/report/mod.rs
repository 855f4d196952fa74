//! One report, several renderings. A rendering never computes a verdict.

pub mod files;
pub mod github;
pub mod human;
pub mod junit;
pub mod prometheus;
pub mod sarif;
pub mod tap;
pub mod text;
pub mod transitions;

use std::io::{self, Write};

use crate::cli::Format;
use crate::outcome::RunReport;

/// Renders a run.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, format: Format, style: human::Style, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Human => human::write(report, style, out),
        Format::Json | Format::Jsonl => {
            serde_json::to_writer(&mut *out, report).map_err(io::Error::other)?;
            out.write_all(b"\n")
        }
        Format::Junit => junit::write(report, out),
        Format::Tap => tap::write(report, out),
        Format::Github => github::annotations(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Prometheus => prometheus::write(report, out),
    }
}
