//! One report, several renderings. A rendering never computes a verdict.

pub mod files;
pub mod github;
pub mod html;
pub mod human;
pub mod junit;
pub mod nagios;
pub mod page;
pub mod prometheus;
pub mod sarif;
pub mod screen;
pub mod tap;
pub mod text;
pub mod transitions;
pub(crate) mod verdict;

use std::io::{self, Write};

use serde::Serialize;
use tls_verify_core::report::RunReport;

use crate::cli::{CertsFormat, Format, ProbeFormat};
use crate::commands::certs;
use crate::commands::probe;

/// Renders a run.
///
/// # Errors
/// What writing said.
pub fn write(
    report: &RunReport,
    format: Format,
    style: screen::Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    match format {
        Format::Human => human::write(report, style, out),
        Format::Json | Format::Jsonl => line(report, out),
        Format::Junit => junit::write(report, out),
        Format::Tap => tap::write(report, out),
        Format::Github => github::annotations(report, out),
        Format::Sarif => sarif::write(report, out),
        Format::Prometheus => prometheus::write(report, out),
        Format::Html => page::write(if report.demo.is_some() { "demo" } else { "run" }, report, out),
        Format::Nagios => nagios::write(report, out),
    }
}

/// Renders what `probe` and `merge` found; the screen for people is written as results come, elsewhere.
///
/// # Errors
/// What writing said.
pub fn probe<T: Serialize>(
    command: &str,
    report: &probe::ProbeReport<T>,
    format: ProbeFormat,
    out: &mut dyn Write,
) -> io::Result<()> {
    let object = || serde_json::to_value(report).map_err(io::Error::other);
    match format {
        ProbeFormat::Human | ProbeFormat::Json => line(report, out),
        ProbeFormat::Jsonl => report.endpoints.iter().try_for_each(|one| line(one, out)),
        ProbeFormat::Junit => junit::probe(&object()?, out),
        ProbeFormat::Html => page::write(command, report, out),
        ProbeFormat::Prometheus => prometheus::probe(&object()?, out),
    }
}

/// Renders what `certs` found; the screen for people is written elsewhere.
///
/// # Errors
/// What writing said.
pub fn certs(report: &certs::CertificateReport, format: CertsFormat, out: &mut dyn Write) -> io::Result<()> {
    match format {
        CertsFormat::Human | CertsFormat::Json => line(report, out),
        CertsFormat::Junit => junit::certs(&serde_json::to_value(report)?, out),
        CertsFormat::Sarif => sarif::certs(report, out),
        CertsFormat::Github => github::certs(&serde_json::to_value(report)?, out),
        CertsFormat::Html => page::write("certs", report, out),
    }
}

/// One object in one line.
pub(crate) fn line<T: Serialize>(object: &T, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer(&mut *out, object).map_err(io::Error::other)?;
    out.write_all(b"\n")
}
