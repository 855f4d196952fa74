//! A line on standard error while a run lasts, on a terminal only.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::OutputArgs;
use crate::commands::run::Progress;
use crate::report::text;

/// What is waited for, rewritten in place once the run takes longer than a moment.
#[must_use]
pub fn on_stderr(output: &OutputArgs) -> Box<dyn FnMut(Progress)> {
    if output.quiet {
        return Box::new(|_| {});
    }
    if !io::stderr().is_terminal() {
        // In a log file one line for each change says enough.
        let mut last = Vec::new();
        return Box::new(move |progress| {
            if let Progress::Waiting(what, until) = progress
                && what != last
            {
                let line = format!("waiting for {}, {} s at most", what.join(", "), seconds_left(until));
                let _ = writeln!(io::stderr(), "{line}");
                last = what;
            }
        });
    }
    let started = Instant::now();
    let mut running: Vec<String> = Vec::new();
    // While something is waited for, the rounds in between are no news.
    let mut waiting = false;
    Box::new(move |progress| {
        let line = match progress {
            Progress::Started(id) => {
                running.push(id);
                return;
            }
            Progress::Finished(id, _) => {
                running.retain(|other| *other != id);
                if running.is_empty() {
                    waiting = false;
                    String::new()
                } else if waiting || started.elapsed() < Duration::from_millis(300) {
                    return;
                } else {
                    format!("waiting for {}", running.join(", "))
                }
            }
            Progress::Waiting(what, until) => {
                waiting = true;
                format!("waiting {} s at most for {}", seconds_left(until), what.join(", "))
            }
        };
        let mut err = io::stderr().lock();
        // A line that wraps cannot be rewritten.
        let line = text::cut(&line, text::columns(&io::stderr()).saturating_sub(1));
        let _ = write!(err, "\r\x1b[K{line}");
        let _ = err.flush();
    })
}

fn seconds_left(until: Instant) -> u64 {
    until.saturating_duration_since(Instant::now()).as_secs_f64().ceil() as u64
}
