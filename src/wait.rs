//! `--wait`: what may still come up is tried again; a definite verdict ends the waiting at once.

use std::time::Duration;

use tls_verify_checks::cause::{CauseKind, Variant};
use tls_verify_checks::fault::{Cause, Failure};
use tls_verify_checks::observation::{Observation, Seen};

use crate::judge::{judge, judge_step};

pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(200);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(600);

/// The checks worth another round, each with its reason; none when a definite verdict has been reached.
pub(crate) fn look<'a>(seen: &[(&'a str, &Observation)]) -> Vec<(&'a str, String)> {
    let mut waits = Vec::new();
    for (id, seen) in seen {
        if judge(seen).is_good() {
            continue;
        }
        let mut reason = None;
        for step in &seen.steps {
            if judge_step(step).is_good() {
                continue;
            }
            match &step.seen {
                Seen::Failed(failure) | Seen::Untried(failure) => match may_come_up(failure) {
                    Some(why) => reason = Some(why),
                    // Failed for good; what could not be tried for good is no verdict.
                    None if matches!(step.seen, Seen::Failed(_)) => return Vec::new(),
                    None => {}
                },
                Seen::Worked(_) => return Vec::new(),
            }
        }
        if let Some(why) = reason {
            waits.push((*id, why));
        }
    }
    waits
}

/// Refused, reset, closed, unresolved, silent, 429, 502, 503, a container that starts: it may come up.
fn may_come_up(failure: &Failure) -> Option<String> {
    if let Cause::Http { status: status @ (429 | 502 | 503) } | Cause::Upstream { status } = failure.cause {
        return Some(format!("HTTP {status}"));
    }
    let reading = failure.cause.reading()?;
    let transient = matches!(
        reading.kind,
        CauseKind::ConnectionRefused
            | CauseKind::ConnectionReset
            | CauseKind::Timeout
            | CauseKind::Dns
            | CauseKind::BadGateway
    );
    let starting = matches!(
        reading.variant,
        Some(Variant::ContainerRestarting | Variant::ContainerStopped | Variant::ContainerAbsent)
    );
    (transient || starting)
        .then(|| reading.variant.map_or_else(|| reading.kind.to_string(), |variant| variant.to_string()))
}

/// Sleeps; `true`: interrupted.
pub(crate) async fn pause(length: Duration, interrupted: &mut tokio::sync::watch::Receiver<bool>) -> bool {
    let stop = async {
        if interrupted.wait_for(|stop| *stop).await.is_err() {
            // Without a sender nobody can interrupt any more.
            std::future::pending::<()>().await;
        }
    };
    tokio::time::timeout(length, stop).await.is_ok()
}
