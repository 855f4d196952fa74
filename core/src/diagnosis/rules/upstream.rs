//! A proxy's word for its upstream, and the gateway's for its links.

use std::time::SystemTime;

use super::log::plain_redis;
use crate::cause::{CauseKind, Side};
use crate::diagnosis::settings;
use crate::diagnosis::{Asked, Known};
use crate::evidence::fault::{Cause, Failure, Stage};
use crate::evidence::{Fact, GatewayDial, Logged, ServiceState};
use crate::link::Link;

/// 429 is no verdict in this stack: a gateway that cannot reach its Redis answers so. `/readyz` is not rate
/// limited and says which link is broken, Redis with the raw Go error.
pub(super) fn busy(known: Known<'_>, failure: Failure) -> Asked<Failure> {
    let Some(unready) = known.readiness()? else { return Ok(failure) };
    // "nats disconnected": the link was there and is not any more.
    let cause = unready.what.clone().map_or(Cause::Eof, Cause::Line);
    let service = unready.link.service();
    let found = Failure::new(Stage::Exchange, cause)
        .because(Fact::Unready { service: service.to_owned(), said: unready.said.clone() })
        .because(Fact::AnsweredBusy)
        .at(service);
    // The gateway sees no more than a deadline of a plaintext Redis; Redis' own port tells.
    if found.kind() == Some(CauseKind::Timeout) && unready.link == Link::Redis {
        return plain_redis(known, found);
    }
    Ok(found)
}

/// What nginx logged of the gateway while we asked. It refuses the gateway because of the gateway, when we
/// meet the same there; else because of what nginx is told to expect.
pub(super) fn dashboard(known: Known<'_>, since: SystemTime, mut failure: Failure) -> Asked<Failure> {
    // `TLS itself is fine` is not known here: nginx' upstream is what is asked about.
    failure.facts.retain(|fact| !matches!(fact, Fact::TlsIsFine { .. }));
    if matches!(failure.cause, Cause::PlainToTls) {
        failure = failure.because(Fact::PlainUpstream);
    }
    if let Some(logged) = known.upstream("dashboard", Link::Gateway, since)? {
        let said = said(logged);
        failure = Failure { facts: [said.facts, failure.facts].concat(), ..failure };
        failure.cause = said.cause;
    }
    let Some(kind) = failure.kind() else { return Ok(failure.at("dashboard")) };
    if !kind.is_verification() {
        return with_settings(known, failure.at("dashboard"));
    }
    match known.gateway()? {
        GatewayDial::Refused(broken) => {
            Ok(failure.facts.into_iter().fold((**broken).clone(), Failure::because).at("api-gateway"))
        }
        GatewayDial::Trusted => {
            if let Cause::Line(line) = &mut failure.cause {
                line.side = Side::Client;
            }
            with_settings(known, failure.at("dashboard"))
        }
        GatewayDial::Unasked => Ok(failure.at("dashboard")),
    }
}

fn said(logged: &Logged) -> Failure {
    Failure::new(Stage::Exchange, Cause::Line(logged.what.clone()))
        .because(super::service::logged(&logged.instance, &logged.sample))
        .at(logged.instance.service.clone())
}

/// What the dashboard is told of its upstream.
fn with_settings(known: Known<'_>, failure: Failure) -> Asked<Failure> {
    let ServiceState::Is { instance, .. } = known.state("dashboard", None)? else { return Ok(failure) };
    let kind = failure.kind();
    Ok(failure.set_by(settings::relevant(instance, Some(Link::Dashboard), kind, None)))
}

/// What the gateway logged of its link to the kernel, and the settings that it dials it with. Where our own
/// dial trusts the kernel, the gateway's side is to be changed.
pub(super) fn kernel(known: Known<'_>, since: SystemTime, failure: Failure) -> Asked<Failure> {
    let link = Link::SafetyKernel;
    let Some(logged) = known.upstream("api-gateway", link, since)? else { return Ok(failure) };
    let mut said = said(logged);
    let mut place = link.service().to_owned();
    if let (true, Cause::Line(line)) = (logged.trusted, &mut said.cause)
        && matches!(
            line.kind,
            CauseKind::UnknownAuthority | CauseKind::BadSignature | CauseKind::HostnameMismatch
        )
    {
        line.side = Side::Client;
        place.clone_from(&logged.instance.service);
    }
    let kind = said.kind();
    let said = said.set_by(settings::relevant(&logged.instance, Some(link), kind, None));
    Ok(failure.facts.into_iter().fold(said, Failure::because).at(place))
}
