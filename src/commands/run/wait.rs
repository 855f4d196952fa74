//! `--wait`: what may still come up is tried again; a definite verdict ends the waiting at once.

use std::time::Duration;

use tls_verify_checks::cause::Variant;
use tls_verify_checks::fault::{Cause, Failure, Stage};
use tls_verify_checks::observation::{Observation, Outcome};
use tls_verify_core::status::{status_of, status_of_step};

pub(crate) const FIRST_PAUSE: Duration = Duration::from_millis(150);
pub(crate) const LONGEST_PAUSE: Duration = Duration::from_millis(500);

/// A service that has just started has logged nothing yet; after this long it will not any more.
const UNSEEN: Duration = Duration::from_secs(10);

/// What another round is worth.
pub(crate) enum NextRound<'a> {
    /// Something failed that no waiting mends.
    Definite,
    /// Nothing is worth waiting for.
    Ready,
    /// The checks worth another round, each with its reason.
    Waits(Vec<(&'a str, String)>),
}

/// Why a step may end otherwise in another round.
enum Hope {
    /// What it needs is not up.
    ComesUp(String),
    /// It is up and has not shown anything yet.
    Unseen,
    None,
}

/// What another round is worth, `after` so long.
pub(crate) fn next_round<'a>(seen: &[(&'a str, &Observation)], after: Duration) -> NextRound<'a> {
    let mut waits = Vec::new();
    for (id, seen) in seen {
        if status_of(seen).is_good() {
            continue;
        }
        let mut reason = None;
        for step in seen.steps() {
            if status_of_step(step).is_good() {
                continue;
            }
            let Some(outcome) = step.outcome() else { continue };
            match (outcome, step.fault()) {
                (Outcome::Failed(_) | Outcome::Untried(_), Some(fault)) => match hope(&fault) {
                    Hope::ComesUp(why) => reason = Some(why),
                    // Failed for good; what could not be tried for good is no verdict.
                    _ if matches!(outcome, Outcome::Failed(_)) => return NextRound::Definite,
                    Hope::Unseen if after < UNSEEN => {
                        reason.get_or_insert_with(|| "nothing to see yet".to_owned());
                    }
                    Hope::Unseen | Hope::None => {}
                },
                (_, _) => return NextRound::Definite,
            }
        }
        if let Some(why) = reason {
            waits.push((*id, why));
        }
    }
    if waits.is_empty() { NextRound::Ready } else { NextRound::Waits(waits) }
}

/// Refused, reset, closed, unresolved, silent, 429, 502, 503, a container that starts: it may come up.
fn hope(failure: &Failure) -> Hope {
    if let Cause::Http { status: status @ (429 | 502 | 503) } | Cause::Upstream { status } = failure.cause {
        return Hope::ComesUp(format!("HTTP {status}"));
    }
    let Some(reading) = failure.cause.reading() else {
        let later = matches!(failure.stage, Stage::Session | Stage::Exchange);
        return if later && matches!(failure.cause, Cause::Other) { Hope::Unseen } else { Hope::None };
    };
    let starting = matches!(
        reading.variant,
        Some(Variant::ContainerRestarting | Variant::ContainerStopped | Variant::ContainerAbsent)
    );
    if reading.kind.is_transient() || starting {
        let why = reading.variant.map_or_else(|| reading.kind.to_string(), |variant| variant.to_string());
        Hope::ComesUp(why)
    } else {
        Hope::None
    }
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
