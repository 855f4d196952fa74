//! What a service's log says of Redis: the service's own side, or Redis'.

use super::client;
use super::service::is_distrust;
use crate::cause::{CauseKind, Side};
use crate::diagnosis::settings;
use crate::diagnosis::{Asked, Known};
use crate::evidence::fault::{Cause, Failure, FaultIdentity, WireProtocol};
use crate::evidence::{Fact, ServiceState};
use crate::link::Link;
use crate::workload::Instance;

/// A line of an instance that runs: what is wrong on its own side, else what Redis shows.
pub(super) fn of_instance(
    known: Known<'_>,
    service: &str,
    instance: &str,
    failure: Failure,
) -> Asked<Failure> {
    let failure = match known.state(service, Some(instance))? {
        ServiceState::Is { instance, .. } => client_misconfiguration(known, instance, failure)?,
        ServiceState::Unasked | ServiceState::Absent(_) => failure,
    };
    of_redis(known, failure)
}

/// The file that the line names, the name by which the service dials, and the settings that lead to them.
fn client_misconfiguration(known: Known<'_>, container: &Instance, mut failure: Failure) -> Asked<Failure> {
    let Some(kind) = failure.kind() else { return Ok(failure) };
    let said = failure.facts.first().cloned();
    let line = match &said {
        Some(Fact::Logged { line, .. }) => line.clone(),
        _ => String::new(),
    };
    if kind == CauseKind::HostnameMismatch
        && known.server(Link::Redis)?.is_none()
        && let Some(found) = client::misnamed(known, container, Link::Redis)?
    {
        return Ok(said.into_iter().fold(found, Failure::because));
    }
    let (file, identity) = client::file_at_fault(known, container, kind, &line)?.unzip();
    let settings = settings::relevant(container, Some(Link::Redis), Some(kind), file.as_deref());
    failure = failure.set_by(settings);
    if kind == CauseKind::AuthNotTls {
        failure.identity = Some(FaultIdentity::Login(Link::Redis));
    }
    if let Some(file) = file {
        // What it needs to dial others makes it a client.
        if let (Cause::Line(line), false) = (&mut failure.cause, file.contains("/server/")) {
            line.side = Side::Client;
        }
        failure.place = identity.as_ref().and_then(FaultIdentity::file).map(str::to_owned);
        failure.identity = identity;
    }
    Ok(failure)
}

/// What the services say of Redis is Redis' own fault where a live look meets the same, or meets anything at
/// all where they speak of no more than a broken connection.
fn of_redis(known: Known<'_>, mut failure: Failure) -> Asked<Failure> {
    let Some(found) = known.server(Link::Redis)? else {
        if let Cause::Line(line) = &mut failure.cause
            && is_distrust(line.kind)
        {
            line.side = Side::Client;
        }
        return Ok(failure);
    };
    let Some(kind) = failure.kind() else { return Ok(failure) };
    let login = matches!(found.cause, Cause::Login);
    let same = alike(kind) == found.kind().map_or(kind, alike);
    if same || (kind.is_transient() && !login) {
        failure.cause = found.cause.clone();
        failure.place = Some("redis".to_owned());
        failure.facts.splice(0..0, found.facts.first().cloned());
        // What would mislead where somebody else than the service is at fault.
        failure.facts.retain(|fact| !matches!(fact, Fact::IfMended { .. }));
    }
    Ok(failure)
}

/// Kinds that are one fault under two names.
const fn alike(kind: CauseKind) -> CauseKind {
    match kind {
        CauseKind::BadSignature => CauseKind::UnknownAuthority,
        CauseKind::ClientCertRequired => CauseKind::BadCertificate,
        other => other,
    }
}

/// A recorded line. A deadline is all that a service sees of a plaintext Redis; Redis' own port tells.
pub(super) fn recorded(known: Known<'_>, failure: Failure) -> Asked<Failure> {
    if failure.kind() == Some(CauseKind::Timeout) { plain_redis(known, failure) } else { Ok(failure) }
}

/// It is no more than a deadline that was missed: does Redis answer in clear?
pub(super) fn plain_redis(known: Known<'_>, mut failure: Failure) -> Asked<Failure> {
    if let Some(answer) = known.plain_redis()? {
        failure.cause = Cause::NotTls(WireProtocol::Redis);
        failure.place = Some("redis".to_owned());
        failure.facts.insert(0, Fact::PlainRedis { answer: answer.to_owned() });
    }
    Ok(failure)
}
