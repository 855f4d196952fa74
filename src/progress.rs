//! A line on standard error while a run lasts, on a terminal only.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::cli::OutputArgs;
use crate::run::Progress;

/// What is waited for, rewritten in place once the run takes longer than a moment.
#[must_use]
pub fn on_stderr(output: &OutputArgs) -> Box<dyn FnMut(Progress)> {
    if output.quiet || !io::stderr().is_terminal() {
        return Box::new(|_| {});
    }
    let started = Instant::now();
    let mut waiting: Vec<&'static str> = Vec::new();
    Box::new(move |progress| {
        match progress {
            Progress::Started(id) => waiting.push(id),
            Progress::Finished(id, _) => waiting.retain(|other| *other != id),
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
