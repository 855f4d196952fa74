//! A service's log, streamed line by line with bounded memory: which runs it holds, what trouble the
//! last ones had, and whether the service got over it.

use std::time::{Duration, Instant, SystemTime};

use futures_util::StreamExt;

pub use tls_verify_core::logs::runs::{RunLog, RunReader, RunTrouble, ServiceLog};
use tls_verify_core::workload::Instance;

use crate::cause::CauseKind;
use crate::context::{Context, OwnProbe};
use crate::platform::{LogPiece, Platform};
use crate::stack::Link;

/// Reads an instance's log, whole or not at all: a log that does not end before the run has to says
/// nothing about the lines that were not read.
///
/// # Errors
/// What the platform said (a log driver that cannot be read, for one), or that time was up.
pub async fn of_container(
    context: &Context,
    platform: &dyn Platform,
    container: &Instance,
    own: &[OwnProbe],
) -> Result<ServiceLog, String> {
    let stack = &context.stack;
    let mut reader = RunReader::new(stack.since, container.log_begins(), own);
    let mut pieces = platform.logs(container, stack.since);
    // A little is left for what has to be said about it.
    let left = context.deadline.saturating_duration_since(Instant::now());
    let until = context.deadline - (left / 10).min(Duration::from_millis(500));
    // The clock is looked at for every piece: an engine that always has more never lets a timer fire.
    while Instant::now() < until {
        match tokio::time::timeout_at(until.into(), pieces.next()).await {
            Ok(Some(Ok(LogPiece::Bytes(bytes)))) => reader.feed(&bytes),
            Ok(Some(Ok(LogPiece::PresentStart))) => reader.start(),
            Ok(Some(Err(error))) => return Err(error),
            Ok(None) => return Ok(reader.finish()),
            Err(_) => break,
        }
    }
    let read = reader.bytes() / 1024;
    Err(format!("it was not read to its end in time ({read} KiB so far)"))
}

/// The last trouble of a container's current run that concerns `link`, or no named link, and that was
/// logged since `since`: the line that our own request provoked, not an older one.
pub async fn last_trouble(
    context: &Context,
    platform: &dyn Platform,
    container: &Instance,
    link: Link,
    since: SystemTime,
) -> Option<RunTrouble> {
    let own = context.own_probes();
    let log = of_container(context, platform, container, &own).await.ok()?;
    let since = since.checked_sub(Duration::from_secs(1)).unwrap_or(since);
    let concerns = |trouble: &&RunTrouble| {
        (trouble.link.is_none() || trouble.link == Some(link))
            && trouble.last.is_none_or(|last| last >= since)
    };
    // A proxy's access line tells that our own request failed, its error line why.
    let tells = |trouble: &&RunTrouble| (trouble.what.kind != CauseKind::BadGateway, trouble.line);
    log.present.troubles.iter().filter(concerns).max_by_key(tells).cloned()
}
