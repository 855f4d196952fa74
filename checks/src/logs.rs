//! A service's log, streamed line by line with bounded memory: which runs it holds, what trouble the
//! last ones had, and whether the service got over it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt;
use tokio::io::AsyncReadExt;

pub use tls_verify_core::logs::runs::{Reader, RunLog, ServiceLog, Trouble};

use crate::context::{Context, OwnProbe};
use crate::engine::{Container, Engine};
use crate::stack::{Link, Stack};

/// Reads a container's log, whole or not at all: a log that does not end before the run has to says
/// nothing about the lines that were not read.
///
/// # Errors
/// What the engine said (a log driver that cannot be read, for one), or that time was up.
pub async fn of_container(
    context: &Context,
    engine: &Engine,
    container: &Container,
    own: &[OwnProbe],
) -> Result<ServiceLog, String> {
    let stack = &context.stack;
    let mut reader = Reader::new(stack.since, container.log_begins(), own);
    let mut lines = std::pin::pin!(engine.logs(container, stack.since));
    // A little is left for what has to be said about it.
    let left = context.deadline.saturating_duration_since(Instant::now());
    let until = context.deadline - (left / 10).min(Duration::from_millis(500));
    // The clock is looked at for every piece: an engine that always has more never lets a timer fire.
    while Instant::now() < until {
        match tokio::time::timeout_at(until.into(), lines.next()).await {
            Ok(Some(chunk)) => reader.feed(&chunk?),
            Ok(None) => return Ok(reader.finish()),
            Err(_) => break,
        }
    }
    let read = reader.bytes() / 1024;
    Err(format!("it was not read to its end in time ({read} KiB so far)"))
}

/// Reads a `SERVICE.log`.
///
/// # Errors
/// What the system said.
pub async fn of_file(stack: &Stack, path: &Path, own: &[OwnProbe]) -> Result<ServiceLog, String> {
    let mut file = tokio::fs::File::open(path).await.map_err(|error| error.to_string())?;
    let mut reader = Reader::new(stack.since, None, own);
    let mut buffer = vec![0_u8; 64 * 1024];
    loop {
        let count = file.read(&mut buffer).await.map_err(|error| error.to_string())?;
        if count == 0 {
            return Ok(reader.finish());
        }
        reader.feed(&buffer[..count]);
    }
}

/// The logs of a service and its replicas in a directory of `SERVICE.log` files.
#[must_use]
pub fn files_of(directory: &Path, service: &str) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = std::fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| {
            let Some(stem) =
                path.file_name().and_then(|name| name.to_str()).and_then(|name| name.strip_suffix(".log"))
            else {
                return false;
            };
            stem == service
                || stem
                    .strip_prefix(service)
                    .and_then(|rest| rest.strip_prefix('-'))
                    .is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_digit()))
        })
        .collect();
    found.sort();
    found
}

/// The last trouble of a container's current run that concerns `link`, or no named link, and that was
/// logged since `since`: the line that our own request provoked, not an older one.
pub async fn last_trouble(
    context: &Context,
    engine: &Engine,
    container: &Container,
    link: Link,
    since: SystemTime,
) -> Option<crate::fault::Failure> {
    let own = context.own_probes();
    let log = of_container(context, engine, container, &own).await.ok()?;
    let since = since.checked_sub(Duration::from_secs(1)).unwrap_or(since);
    let concerns = |trouble: &&Trouble| {
        (trouble.link.is_none() || trouble.link == Some(link))
            && trouble.last.is_none_or(|last| last >= since)
    };
    let trouble = log.present.troubles.iter().filter(concerns).max_by_key(|trouble| trouble.line)?;
    Some(
        crate::fault::Failure::new(
            crate::fault::Stage::Exchange,
            crate::fault::Cause::Line(trouble.what.clone()),
        )
        .because(format!("{} logged: {}", container.name, trouble.sample))
        .at(container.service.clone()),
    )
}
