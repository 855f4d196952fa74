//! Pages: as a browser sees them, as a parser reads them, and the live one under its readers.
//!
//! Chromium and axe-core are used where they are (`TLS_VERIFY_CHROMIUM`, `TLS_VERIFY_AXE`, else the usual places);
//! `TLS_VERIFY_REQUIRE=chromium` makes their absence a failure. `TLS_VERIFY_SHOTS=DIR` keeps the pictures.

mod browser;
mod hostile;
mod live;
mod machines;
mod packaging;
mod pages;
mod plan;
mod reader;
mod seen;
mod size;
mod verdicts;

use std::process::{Command, Output, Stdio};

use crate::program;

/// Runs it to its end.
fn finish(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().unwrap()
}

/// What it wrote to standard output, and its code.
fn page(arguments: &[&str]) -> (String, i32) {
    let output = finish(program().args(arguments));
    let text = String::from_utf8(output.stdout).unwrap();
    (text, output.status.code().unwrap())
}
