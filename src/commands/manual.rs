//! Completions and the manual page, from the same definitions as `--help`.

use std::io::{self, Write};

use clap::CommandFactory;
use tls_verify_core::report::exit;

use crate::cli::Cli;

/// Prints completions for a shell.
#[must_use]
pub fn completions(shell: clap_complete::Shell) -> u8 {
    let mut text = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "tls-verify", &mut text);
    let text = String::from_utf8_lossy(&text);
    // clap_complete's bash labels of subcommands spell a hyphen in the program's name otherwise than the
    // variable that is compared with them, so that no subcommand's options would be completed.
    print(text.replace("tls__subcmd__verify", "tls__verify").as_bytes())
}

/// Prints the manual page, its subcommands' options included.
#[must_use]
pub fn man() -> u8 {
    let mut text = Vec::new();
    match page(&mut text) {
        Ok(()) => print(&text),
        Err(_) => exit::USAGE,
    }
}

fn page(text: &mut Vec<u8>) -> io::Result<()> {
    // Tables of `--help` would be filled like prose: here they are lists.
    let command = Cli::command().after_help("");
    clap_mangen::Man::new(command.clone()).render(text)?;
    for sub in command.get_subcommands() {
        let page = clap_mangen::Man::new(sub.clone().after_help(""));
        writeln!(text, ".SH COMMAND {}", sub.get_name().to_uppercase())?;
        page.render_description_section(text)?;
        page.render_options_section(text)?;
    }
    writeln!(text, ".SH CHECKS\nThe first seven are run; \\-\\-all adds the others.")?;
    for check in tls_verify_checks::ALL {
        let (id, about) = (escaped(check.id), escaped(check.about));
        writeln!(text, ".TP\n{} {id}\n{}. {about}.", check.number, escaped(check.title))?;
    }
    writeln!(text, ".SH EXIT STATUS")?;
    for line in crate::cli::EXIT_CODES.lines().skip(1) {
        let (code, about) = line.trim().split_once(' ').unwrap_or((line.trim(), ""));
        writeln!(text, ".TP\n{code}\n{}", escaped(about.trim()))?;
    }
    writeln!(
        text,
        ".SH SEE ALSO\ntls\\-verify explain names every cause, its meaning and its fix; tls\\-verify schema prints the \
         JSON Schema of every report."
    )
}

/// Text in troff: a hyphen is one, a line's first full stop or quote is no request.
fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\e").replace('-', "\\-");
    if text.starts_with(['.', '\'']) { format!("\\&{text}") } else { text }
}

fn print(text: &[u8]) -> u8 {
    crate::output::print(exit::PASS, |out| out.write_all(text))
}
