//! What is not allowed: one error object for machines, lines for people, exit 2.

use tls_verify_core::redaction::redact;
use tls_verify_core::report::exit;

use crate::cli::Format;
use crate::config::ConfigError;
use crate::output;

/// One error object for machines, lines for people, exit 2.
#[must_use]
pub(crate) fn usage(problems: &[ConfigError], format: Format) -> u8 {
    match format {
        Format::Json | Format::Jsonl => {
            let object = serde_json::json!({
                "schema": "tls-verify/error/v1", "exit_code": exit::USAGE, "errors": problems,
            });
            return output::print(exit::USAGE, |out| writeln!(out, "{object}"));
        }
        // In that world nothing decided is 3, and standard output is what is read.
        Format::Nagios => {
            let said: Vec<&str> = problems.iter().map(|problem| problem.message.as_str()).collect();
            let said = said.join("; ").replace(['|', '\n'], " ");
            return output::print(exit::UNDECIDED, |out| writeln!(out, "TLS UNKNOWN - {said}"));
        }
        _ => {
            for problem in problems {
                let file = problem.file.as_ref().map(|file| format!(" ({file})")).unwrap_or_default();
                let named = problem.file.as_ref().is_some_and(|file| problem.message.contains(file.as_str()));
                let file = if named { String::new() } else { file };
                output::tell(&format!("error: {}{file}", problem.message));
                if let Some(fix) = &problem.fix {
                    output::tell(&format!("       {fix}"));
                }
            }
        }
    }
    exit::USAGE
}

/// What the command line does not allow; with a JSON format it is an object, as any other exit 2. Help and
/// version are no errors.
#[must_use]
pub fn refused(error: &clap::Error, arguments: impl Iterator<Item = std::ffi::OsString>) -> u8 {
    if !error.use_stderr() {
        // A reader that has seen enough is no error.
        let _ = error.print();
        return exit::PASS;
    }
    let words: Vec<String> = arguments.map(|word| word.to_string_lossy().into_owned()).collect();
    let asked = |format: &str| {
        words.windows(2).any(|pair| pair[0] == "--format" && pair[1].starts_with(format))
            || words
                .iter()
                .any(|word| word.strip_prefix("--format=").is_some_and(|one| one.starts_with(format)))
    };
    // Only checks of a stack have a word in that world.
    let checks =
        words.get(1).is_none_or(|word| matches!(word.as_str(), "run" | "demo") || word.starts_with('-'));
    let format = match (asked("json"), asked("nagios") && checks) {
        (true, _) => Format::Json,
        (_, true) => Format::Nagios,
        _ => {
            let _ = error.print();
            return exit::USAGE;
        }
    };
    let text = error.render().to_string();
    // What is missing stands on lines of its own.
    let lines: Vec<&str> = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim).collect();
    let lines: Vec<&str> = lines.into_iter().filter(|line| !line.starts_with('[')).collect();
    let message = lines.join(" ");
    let message = message.trim_start_matches("error: ");
    let values = text.split_once("[possible values: ").and_then(|(_, rest)| rest.split_once(']'));
    let fix = values.map_or_else(|| "see `tls-verify --help`".to_owned(), |(all, _)| format!("one of {all}"));
    usage(&[ConfigError::new(redact(message), fix)], format)
}
