//! What goes into a page beside the report: who asked for what, where and when.

use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;
use tls_verify_checks::secret::mask;
use tls_verify_core::logs::classify::redact;

use super::html::{self, LivePage, PageRequest};
use crate::commands::run::rfc3339;

/// Writes a command's report as a page.
///
/// # Errors
/// What writing said.
pub fn write<T: Serialize>(command: &str, report: &T, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(page(command, report, None)?.as_bytes())
}

/// The page itself; `live`: the watch that it is of.
///
/// # Errors
/// What cannot be rendered.
pub(crate) fn page<T: Serialize>(command: &str, report: &T, live: Option<&LivePage>) -> io::Result<String> {
    let report = serde_json::to_value(report).map_err(io::Error::other)?;
    let clean = |text: &str| mask(text).into_owned();
    html::page(&report, &asked(command), live, &clean).map_err(io::Error::other)
}

fn asked(command: &str) -> PageRequest {
    let words = std::env::args_os().skip(1).map(|word| quoted(&word.to_string_lossy()));
    let line: Vec<String> = std::iter::once("tls-verify".to_owned()).chain(words).collect();
    let about = |check: &tls_verify_checks::context::Check| (check.id.to_owned(), check.about.to_owned());
    PageRequest {
        command: command.to_owned(),
        line: redact(&line.join(" ")),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        host: host(),
        at: rfc3339(SystemTime::now()),
        about: tls_verify_checks::ALL.iter().map(about).collect(),
    }
}

/// As a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |one: char| one.is_alphanumeric() || "-_=./:,@%+".contains(one);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}

/// The machine's name, where it says so.
fn host() -> String {
    ["/proc/sys/kernel/hostname", "/etc/hostname"]
        .iter()
        .find_map(|path| std::fs::read_to_string(path).ok())
        .map(|name| name.trim().to_owned())
        .or_else(|| std::env::var("HOSTNAME").ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_can_be_pasted() {
        assert_eq!(quoted("--certs=./certs"), "--certs=./certs");
        assert_eq!(quoted("it's $HOME"), "'it'\\''s $HOME'");
        assert_eq!(quoted(""), "''");
    }
}
