//! One folder or file for each command, and the way from arguments to it.

pub mod audit;
pub mod certs;
pub mod collect;
pub mod demo;
pub mod diagnose;
pub mod explain;
pub mod manual;
pub mod probe;
pub mod run;
pub mod schema;
#[cfg(not(feature = "kubernetes"))]
pub(crate) mod without_kubernetes;

use crate::cli::{Cli, Command};
use crate::config::Environment;

/// Runs a command and returns the exit code.
#[must_use]
pub fn main(cli: Cli, environment: &Environment) -> u8 {
    match cli.command {
        None => run::command::command(&cli.run, environment),
        Some(Command::Run(args)) => run::command::command(&args, environment),
        Some(Command::Demo(args)) => demo::command(&args, environment),
        Some(Command::Diagnose(args)) => diagnose::command(&args, environment),
        Some(Command::Schema { name }) => schema::command(name.as_deref()),
        Some(Command::Completions { shell }) => manual::completions(shell),
        Some(Command::Man) => manual::man(),
        Some(Command::Probe(args)) => probe::command(&args, environment),
        Some(Command::Merge(args)) => probe::merge::command(&args),
        Some(Command::Audit(args)) => audit::command(&args, environment),
        Some(Command::Collect(args)) => collect::command(&args, environment),
        Some(Command::Certs(args)) => certs::command(&args, environment),
        Some(Command::Explain(args)) => explain::command(&args),
    }
}
