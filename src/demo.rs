//! The `demo` command: a complete small stack on loopback.

use crate::cli::DemoArgs;
use crate::config::{Environment, Problem};

/// Starts the stack, checks it, stops it.
#[must_use]
pub fn command(args: &DemoArgs, _environment: &Environment) -> u8 {
    crate::app::usage(&[Problem::new("demo: not built in", "use `run`")], args.output.format)
}
