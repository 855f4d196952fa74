//! The chain that was presented, judged as a step; by the server's own clock too, where its dates are the fault.

use std::time::SystemTime;

use tls_verify_core::diagnosis::rules::by_other_clock;
use tls_verify_core::evidence::{Fact, ProbeFact};
use tls_verify_core::x509::verdict;

use super::{ProbeProtocol, ProbeTarget};
use crate::cause::{CauseKind, Side};
use crate::clock;
use crate::context::Context;
use crate::fault::{Cause, Failure, Stage};
use crate::observation::{Claim, Observation};
use crate::tls::Recording;

/// The chain's verdict as steps; whether it is trusted.
pub(super) async fn verdict(
    context: &Context,
    target: &ProbeTarget,
    recording: &Recording,
    version: &str,
    valid: Claim,
    seen: &mut Observation,
) -> bool {
    let Some(verdict) = &recording.verdict else { return true };
    if verdict.faults.is_empty() {
        let name = target.endpoint.name();
        let over = if version.is_empty() { String::new() } else { format!("{version}, ") };
        seen.worked(valid, format!("{over}certificate valid for {name}"));
        return true;
    }
    let mut failure = Failure::new(Stage::Handshake, Cause::Chain(verdict.faults.clone()));
    failure.facts.extend(verdict.faults.iter().map(Fact::from));
    seen.failed(valid, by_its_clock(context, target, recording, failure).await);
    false
}

/// A server whose `Date` agrees with its certificate is right, and our clock is not.
async fn by_its_clock(
    context: &Context,
    target: &ProbeTarget,
    recording: &Recording,
    mut failure: Failure,
) -> Failure {
    let Cause::Chain(faults) = &mut failure.cause else { return failure };
    let Some(fault) = faults.first_mut() else { return failure };
    let dated = matches!(fault.kind, CauseKind::Expired | CauseKind::NotYetValid);
    if !dated || !matches!(target.protocol, ProbeProtocol::Https | ProbeProtocol::Wss) {
        return failure;
    }
    let Some(skew) = clock::skew_at(context, &target.endpoint).await else { return failure };
    let Some(theirs) = clock::shifted(SystemTime::now(), skew) else { return failure };
    let anchors = &context.stack.anchors.certificates;
    let by_theirs = verdict::of_server(&recording.chain, anchors, Some(target.endpoint.name()), theirs);
    if by_other_clock(fault, &by_theirs.faults) {
        failure.side = Some(Side::Client);
        return failure.because(ProbeFact::ValidByItsDate { skew });
    }
    failure
}
