//! A line on standard error while a run lasts, on a terminal only.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::OutputArgs;
use crate::run::Progress;

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
            if let Progress::Waiting(what) = progress
                && what != last
            {
                let _ = writeln!(io::stderr(), "waiting for {}", what.join(", "));
                last = what;
            }
        });
    }
    let started = Instant::now();
    let mut waiting: Vec<&'static str> = Vec::new();
    Box::new(move |progress| {
        match progress {
            Progress::Started(id) => waiting.push(id),
            Progress::Finished(id, _) => waiting.retain(|other| *other != id),
            Progress::Waiting(what) => {
                let _ = write!(io::stderr(), "\r\x1b[Kwaiting for {}", what.join(", "));
                let _ = io::stderr().flush();
                return;
            }
        }
        let mut err = io::stderr().lock();
        let long = started.elapsed() > Duration::from_millis(300);
        let _ = if waiting.is_empty() {
            write!(err, "\r\x1b[K")
        } else if long {
            write!(err, "\r\x1b[Kwaiting for {}", waiting.join(", "))
        } else {
            Ok(())
        };
        let _ = err.flush();
    })
}
