//! How standard output looks.

use std::io::{self, IsTerminal};

use crate::cli::{ColorChoice, OutputArgs};
use crate::config::Environment;
use crate::report::screen::Style;
use crate::report::text;

/// How standard output looks: as wide as its terminal, within reason, else 80 columns or what COLUMNS says.
pub(crate) fn style(output: &OutputArgs, environment: &Environment) -> Style {
    let out = io::stdout();
    let columns =
        environment.get("COLUMNS").and_then(|text| text.parse().ok()).filter(|_| !out.is_terminal());
    let width = columns.unwrap_or_else(|| text::columns(&out)).clamp(40, 100);
    let glyphs = out.is_terminal() && speaks_utf8(environment);
    Style {
        color: colored(output.color, environment),
        quiet: output.quiet,
        verbose: output.verbose,
        width,
        glyphs,
    }
}

/// The locale's character set, as POSIX orders its variables.
fn speaks_utf8(environment: &Environment) -> bool {
    ["LC_ALL", "LC_CTYPE", "LANG"]
        .iter()
        .find_map(|name| environment.get(name).filter(|value| !value.is_empty()))
        .is_some_and(|locale| {
            let locale = locale.to_ascii_lowercase();
            locale.contains("utf-8") || locale.contains("utf8")
        })
}

/// Colour on standard output: asked for, or a terminal and not forbidden.
#[must_use]
pub(crate) fn colored(choice: ColorChoice, environment: &Environment) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => io::stdout().is_terminal() && environment.get("NO_COLOR").is_none(),
    }
}
