//! What one error of an endpoint cannot decide, and a second look can.

use rustls::AlertDescription as A;

use crate::cause::{CauseKind, Confidence, Side, Variant};
use crate::diagnosis::{Asked, Known, Premises};
use crate::evidence::fault::{Cause, Failure, FaultIdentity, Recognised, WireProtocol};
use crate::evidence::{Fact, InTls, PresentedChain, Whom};
use crate::link::Link;
use crate::x509::verdict::ChainFault;

/// Alerts that answer a client's certificate (RFC 8446, 6.2).
pub(super) const fn concerns_identity(alert: A) -> bool {
    matches!(
        alert,
        A::BadCertificate
            | A::UnsupportedCertificate
            | A::CertificateRevoked
            | A::CertificateExpired
            | A::CertificateUnknown
            | A::UnknownCA
            | A::AccessDenied
    )
}

/// Our certificate was refused: is it our certificate, or what the server trusts?
pub(super) fn own_certificate(known: Known<'_>, link: Link, mut failure: Failure) -> Asked<Failure> {
    let Some(own) = known.own_certificate(link)? else { return Ok(failure) };
    let Some(file) = &known.premises.identity else { return Ok(failure) };
    let file = file.display().to_string();
    let of = |kind, variant, side, confidence| {
        Cause::Line(Recognised { kind, variant, side, confidence, link: Some(link) })
    };
    let Some(fault) = &own.fault else {
        let said = failure.cause.reading().and_then(|reading| reading.variant);
        let variant = (!own.asked_for.is_empty()).then_some(Variant::OtherCa);
        let variant = variant.or(said.filter(|variant| *variant == Variant::OtherCa));
        failure.cause = of(CauseKind::BadCertificate, variant, Side::Server, Confidence::Likely);
        return Ok(failure
            .because(Fact::OwnCertificateIsValid { file, anchors: known.premises.anchors_file() })
            .because(Fact::KnowsClientsBy {
                service: link.service().to_owned(),
                authorities: own.asked_for.clone(),
            }));
    };
    let (kind, variant) = match fault.kind {
        CauseKind::Expired | CauseKind::NotYetValid => (fault.kind, fault.variant),
        CauseKind::WrongKeyUsage => (CauseKind::BadCertificate, Some(Variant::ServerCertAsClient)),
        CauseKind::UnknownAuthority => (CauseKind::BadCertificate, fault.variant),
        _ => (CauseKind::BadCertificate, None),
    };
    failure.cause = of(kind, variant, Side::Client, fault.confidence);
    failure.facts.insert(0, Fact::OwnCertificate { file: file.clone(), message: fault.message.clone() });
    if fault.of_anchor {
        failure.identity = Some(anchor_file(known.premises));
        return Ok(failure.at(known.premises.anchors_file()));
    }
    failure.identity =
        Some(FaultIdentity::Certificate { sha256: own.fingerprint.clone(), file: Some(file.clone()) });
    Ok(failure.at(file))
}

/// Nothing that we speak: what does the server speak?
pub(super) fn versions(known: Known<'_>, link: Link, failure: Failure) -> Asked<Failure> {
    Ok(match known.old_version(&Whom::of(link, &failure))? {
        Some(version) => failure.because(Fact::SpeaksOld { version }),
        None => failure,
    })
}

/// What a chain's fault can be told by beside the chain.
pub(super) fn chain(known: Known<'_>, link: Link, mut failure: Failure) -> Asked<Failure> {
    let chain = failure.presented.clone();
    let Some(presented) = known.presented(link, &chain)? else { return Ok(failure) };
    let Cause::Chain(faults) = &mut failure.cause else { return Ok(failure) };
    let Some(fault) = faults.first_mut() else { return Ok(failure) };
    match (fault.kind, fault.variant) {
        (CauseKind::UnknownAuthority, Some(Variant::OtherCa)) => {
            if let Some(found) = known.intermediate(link, &chain)? {
                let said = Fact::from(&*fault);
                failure.facts.retain(|fact| *fact != said);
                *fault = ChainFault::missing_intermediate(&found.subject, &found.file);
                failure.facts.insert(0, Fact::from(&*fault));
            } else if fault.confidence == Confidence::Likely {
                failure.facts.push(Fact::OnlyTheIssuerTells);
            }
        }
        // With a clock that is wrong, the CA seems to have ended as well.
        (CauseKind::Expired | CauseKind::NotYetValid, None | Some(Variant::ExpiredCa)) => {
            if let Some(clock) = known.clock(link, &chain)?
                && by_other_clock(fault, &clock.faults)
            {
                failure.side = Some(Side::Client);
                failure.facts.push(Fact::ValidBy { skew: clock.skew });
            }
        }
        _ => {}
    }
    let fault = fault.clone();
    failure.identity = Some(identity(known.premises, &fault, presented));
    Ok(failure)
}

/// A date that another clock does not object to: ours is the one that is wrong. `faults`: the chain's by that clock.
pub fn by_other_clock(fault: &mut ChainFault, faults: &[ChainFault]) -> bool {
    let of_time = matches!(fault.kind, CauseKind::Expired | CauseKind::NotYetValid)
        && matches!(fault.variant, None | Some(Variant::ExpiredCa));
    let valid = of_time && faults.iter().all(|other| other.kind != fault.kind);
    if valid {
        fault.variant = Some(Variant::ClockSkew);
        fault.confidence = Confidence::Likely;
    }
    valid
}

/// What several failures of one certificate or one authority have in common.
#[must_use]
pub fn identity(premises: &Premises, fault: &ChainFault, presented: &PresentedChain) -> FaultIdentity {
    let of_authority =
        fault.kind == CauseKind::UnknownAuthority && fault.variant != Some(Variant::SelfSigned);
    if fault.of_anchor {
        anchor_file(premises)
    } else if of_authority {
        FaultIdentity::Authority { name: presented.issuer.clone(), anchors: premises.anchors_file() }
    } else {
        FaultIdentity::Certificate { sha256: presented.fingerprint.clone(), file: presented.file.clone() }
    }
}

/// The CA file as a fault's identity.
#[must_use]
pub fn anchor_file(premises: &Premises) -> FaultIdentity {
    FaultIdentity::Anchors(premises.anchors_file())
}

/// The peer asked for a client certificate, got none and closed: who does so wants one.
pub(super) fn unmet_request(link: Link, mut failure: Failure) -> Failure {
    failure.cause = Cause::Line(Recognised {
        kind: CauseKind::ClientCertRequired,
        variant: None,
        side: Side::Client,
        confidence: Confidence::Likely,
        link: Some(link),
    });
    failure.facts.insert(0, Fact::UnmetRequest);
    failure
}

/// A handshake broke off, or what came was no TLS: what does the port say in clear?
pub(super) fn in_clear(known: Known<'_>, link: Link, mut failure: Failure) -> Asked<Failure> {
    if let Some(found) = known.in_clear(&Whom::of(link, &failure))? {
        failure.cause = Cause::NotTls(found.speaker);
        failure.facts.insert(0, Fact::InClear { said: found.said.clone() });
    }
    Ok(failure)
}

/// A NATS that says nothing may want the handshake before its INFO; so does a TLS port that is no NATS.
pub(super) fn handshake_first(known: Known<'_>, link: Link, mut failure: Failure) -> Asked<Failure> {
    let whom = Whom::of(link, &failure);
    let found = known.handshake_first(&whom)?;
    if let Some(InTls::Http { answer }) = found {
        failure.cause = Cause::NotTls(WireProtocol::HttpInTls);
        failure.facts.insert(0, Fact::HttpInTls { meant: link, answer: answer.clone() });
    } else if found.is_some() {
        failure.cause = Cause::NotTls(WireProtocol::NatsInfoFirst);
        failure.side = Some(Side::Server);
        failure.facts.insert(0, Fact::HandshakeFirst);
    } else if matches!(failure.cause, Cause::TimedOut)
        && let Some(found) = known.in_clear(&whom)?
        && !matches!(found.speaker, WireProtocol::NatsPlain | WireProtocol::NatsInfoFirst)
    {
        // What waits for its client's first word, as HTTP does, is no NATS.
        failure.cause = Cause::NotTls(found.speaker);
        failure.facts.insert(0, Fact::InClear { said: found.said.clone() });
    }
    Ok(failure)
}
