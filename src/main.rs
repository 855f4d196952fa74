//! Installs the crypto provider, parses, dispatches. The only place that ends the process.

use std::process::ExitCode;

use clap::Parser;
use tls_verify::cli::Cli;
use tls_verify::config::Environment;

fn main() -> ExitCode {
    // Two providers may be compiled in; this one verifies P-521.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let code = match Cli::try_parse() {
        Ok(cli) => tls_verify::commands::main(cli, &Environment::of_process()),
        Err(error) => tls_verify::refused(&error, std::env::args_os()),
    };
    ExitCode::from(code)
}
