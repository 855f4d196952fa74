//! Logs: what a line says, which records are problems, and which runs of a service a log holds.

pub mod block;
pub mod classify;
pub mod far_end;
pub mod line;
pub mod own_connections;
pub mod parts;
mod prefix;
mod record;
pub mod runs;
pub mod scan;

use std::time::SystemTime;

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// The engine's time; year 1 means never.
#[must_use]
pub fn moment(text: &str) -> Option<SystemTime> {
    let time = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    (time.year() > 1970).then(|| time.into())
}
