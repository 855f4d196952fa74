//! Completions and the manual page, from the same definitions as `--help`.

use std::io::{self, Write};

use clap::CommandFactory;

use crate::cli::Cli;
use crate::outcome::exit;

/// Prints completions for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tls-verify", &mut text);
    print(&text)
}

/// Prints the manual page, its subcommands' options included.
#[must_use]
pub fn man() -> u8 {
    let mut text = Vec::new();
    let command = Cli::command();
    let wrote = clap_mangen::Man::new(command.clone()).render(&mut text).and_then(|()| {
        command.get_subcommands().try_for_each(|sub| {
            let page = clap_mangen::Man::new(sub.clone());
            writeln!(text, ".SH COMMAND {}", sub.get_name().to_uppercase())?;
            page.render_description_section(&mut text)?;
            page.render_options_section(&mut text)
        })
    });
    match wrote {
        Ok(()) => print(&text),
        Err(_) => exit::USAGE,
    }
}

fn print(text: &[u8]) -> u8 {
    let mut out = io::stdout().lock();
    // A reader that has seen enough is no error.
    let _ = out.write_all(text).and_then(|()| out.flush());
    exit::PASS
}
