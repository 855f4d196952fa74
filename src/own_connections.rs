//! Our own connections of earlier runs: their traces in the servers' logs are not blamed on the stack.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use tls_verify_checks::context::OwnProbe;

use crate::config::Environment;

/// Entries that are kept, and for how long.
const KEPT: usize = 4000;
const AGE: Duration = Duration::from_secs(24 * 3600);

/// `$XDG_STATE_HOME/tls-verify/probes`, else under `~/.local/state`; nothing without a home.
fn file(environment: &Environment) -> Option<PathBuf> {
    let state = environment
        .get("XDG_STATE_HOME")
        .map(PathBuf::from)
        .or_else(|| environment.get("HOME").map(|home| PathBuf::from(home).join(".local/state")))?;
    Some(state.join("tls-verify/probes"))
}

/// Adds a run's connections: a time and a local port a line, port 0 where the way leads through an API server and a
/// server sees another's port. What cannot be written is left.
pub(crate) fn keep(own: &[OwnProbe], environment: &Environment) {
    let Some(path) = file(environment) else { return };
    if path.parent().is_none_or(|folder| fs::create_dir_all(folder).is_err()) {
        return;
    }
    let seconds = |at: SystemTime| at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    let mut lines: Vec<String> =
        fs::read_to_string(&path).unwrap_or_default().lines().map(str::to_owned).collect();
    lines.extend(
        own.iter().map(|one| format!("{} {}", seconds(one.at), one.local.map_or(0, |local| local.port()))),
    );
    // Without a port a second is all that is known of them.
    lines.dedup();
    let oldest = seconds(SystemTime::now()).saturating_sub(AGE.as_secs());
    let young = |line: &&String| {
        line.split(' ').next().and_then(|at| at.parse::<u64>().ok()).is_some_and(|at| at >= oldest)
    };
    let from = lines.len().saturating_sub(KEPT);
    let text: String = lines[from..].iter().filter(young).map(|line| format!("{line}\n")).collect();
    let _ = fs::File::create(&path).and_then(|mut file| file.write_all(text.as_bytes()));
}

/// The connections of earlier runs.
#[must_use]
pub(crate) fn kept(environment: &Environment) -> Vec<OwnProbe> {
    let Some(text) = file(environment).and_then(|path| fs::read_to_string(path).ok()) else {
        return Vec::new();
    };
    text.lines()
        .filter_map(|line| {
            let (at, port) = line.split_once(' ')?;
            let at = SystemTime::UNIX_EPOCH + Duration::from_secs(at.parse().ok()?);
            let port: u16 = port.parse().ok()?;
            let local = (port != 0).then(|| std::net::SocketAddr::from(([127, 0, 0, 1], port)));
            Some(OwnProbe { local, at })
        })
        .collect()
}
