//! One line for Nagios, Icinga and their kin, with their exit codes.

use std::io::{self, Write};

use tls_verify_core::report::{RunReport, exit};
use tls_verify_core::status::Status;

use super::text::plain;

/// 0 ok, 1 warning, 2 critical, 3 unknown.
#[must_use]
pub fn code(report: &RunReport) -> u8 {
    match report.exit_code {
        exit::PASS if report.summary.warn > 0 => 1,
        exit::PASS => 0,
        // Warnings alone, under --strict.
        exit::FAIL if report.summary.fail == 0 => 1,
        exit::FAIL => 2,
        _ => 3,
    }
}

/// Writes the line: a word, what is wrong, and how long it took as performance data.
///
/// # Errors
/// What writing said.
pub fn write(report: &RunReport, out: &mut dyn Write) -> io::Result<()> {
    let word = match code(report) {
        0 => "OK",
        1 => "WARNING",
        2 => "CRITICAL",
        _ => "UNKNOWN",
    };
    let tally = report.summary;
    let all = report.checks.len();
    let mut said: Vec<String> =
        report.root_causes.iter().map(|root| format!("{}: {}", root.place, root.summary)).collect();
    if said.is_empty() {
        let wanted = match code(report) {
            0 => None,
            1 => Some(Status::Warn),
            2 => Some(Status::Fail),
            _ => Some(Status::Unknown),
        };
        let of = |check: &&tls_verify_core::report::CheckReport| Some(check.status) == wanted;
        said.extend(report.checks.iter().filter(of).map(|check| format!("{}: {}", check.id, check.summary)));
    }
    let mut holds = format!("{} of {all} checks passed", tally.pass + tally.warn);
    if report.exit_code == exit::PASS && tally.fail + tally.unknown > 0 {
        holds.insert_str(0, "nothing new is broken, ");
    }
    let said = if said.is_empty() { holds } else { format!("{holds}; {}", said.join("; ")) };
    // What stands behind a bar is performance data, and the line has one end.
    let said: String =
        plain(&said).chars().map(|one| if one == '|' || one == '\n' { ' ' } else { one }).collect();
    let said: String = said.chars().take(1000).collect();
    writeln!(
        out,
        "TLS {word} - {said} | time={:.3}s failed={} undecided={} warnings={}",
        report.duration_ms / 1000.0,
        tally.fail,
        tally.unknown,
        tally.warn
    )
}
