//! What is wrong with NATS or Redis for everybody: its container, then a session of ours. Nothing found means
//! that it is fine, or that nobody can tell from here.

use super::client;
use super::service::{Seen, gone, logged};
use super::words::{termination_log, words};
use super::{Case, diagnose_endpoint};
use crate::cause::{CauseKind, Variant};
use crate::diagnosis::settings;
use crate::diagnosis::{Asked, Known};
use crate::evidence::ServiceState;
use crate::evidence::fault::{Cause, Failure, FaultIdentity, Stage};
use crate::link::Link;

/// What is wrong with the server of a link.
///
/// # Errors
/// The question that has to be answered first.
pub fn server(known: Known<'_>, link: Link) -> Asked<Option<Failure>> {
    if let ServiceState::Is { instance, at } = known.state(link.service(), None)?
        && !instance.is_up()
    {
        return stopped(known, Seen { instance, at: *at }).map(Some);
    }
    if !known.premises.trusting {
        return Ok(None);
    }
    let Some(mut failure) = known.session(link)?.cloned() else { return Ok(None) };
    if failure.kind().is_some_and(CauseKind::is_transient)
        && let ServiceState::Is { instance, at } = known.state_since(link.service(), None)?
    {
        // It may have died since, or be in one more of its starts.
        let seen = Seen { instance, at: *at };
        if !instance.is_up() || seen.is_looping() {
            return stopped(known, seen).map(Some);
        }
        if instance.is_paused() || instance.addresses.is_empty() {
            failure = failure.because(seen.state());
        }
    }
    if matches!(
        failure.cause,
        Cause::Unreachable | Cause::File(_) | Cause::BeyondUs | Cause::NotDialled | Cause::Other
    ) {
        return Ok(None);
    }
    // Our own file may be what is at fault.
    if failure.place.is_none() {
        failure = failure.at(link.service());
    }
    // It has said why.
    if matches!(failure.cause, Cause::Full) {
        return Ok(Some(failure));
    }
    diagnose_endpoint(known, &Case::of(link), failure).map(Some)
}

/// It does not run. A container that was stopped leaves Docker's DNS: the services say `no such host`. One
/// that died says of what.
fn stopped(known: Known<'_>, seen: Seen<'_>) -> Asked<Failure> {
    let service = &seen.instance.service;
    if (seen.is_looping() || seen.instance.exit_code() != 0)
        && let Some(words) = words(known, seen, None)?
    {
        let at_fault = client::file_at_fault(known, seen.instance, words.what.kind, &words.sample)?;
        let (file, identity) = at_fault.unzip();
        let settings = match &file {
            Some(file) => settings::relevant(seen.instance, None, Some(words.what.kind), Some(file)),
            None => Vec::new(),
        };
        let place = identity.as_ref().and_then(FaultIdentity::file).map(str::to_owned);
        let cause = Cause::Line(words.what.clone());
        return Ok(Failure { identity, ..Failure::new(Stage::Configure, cause) }
            .because(logged(seen.instance, &words.sample))
            .because(seen.state())
            .at(place.unwrap_or_else(|| service.clone()))
            .set_by(settings));
    }
    let restarting = seen.instance.is_restarting();
    let variant = if restarting { Variant::ContainerRestarting } else { Variant::ContainerStopped };
    let bare = Failure::new(Stage::Resolve, gone(service, variant)).because(seen.state()).at(service);
    // What it died of has no name here; its own words for it are worth more than none.
    let said = if seen.crashed() { termination_log(known, seen)? } else { None };
    Ok(said.into_iter().fold(bare, Failure::because))
}
