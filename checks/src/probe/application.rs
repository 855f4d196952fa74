//! What speaks inside the TLS session. Only a session with a trusted server gets as far as this.

use futures_util::FutureExt;
use serde_json::json;

use super::{ProbeProtocol, ProbeTarget, open, shown};
use crate::cause::CauseKind;
use crate::context::{Context, QUIET};
use crate::dial::{self, Dialled, Quiet, read_first};
use crate::fault::{Cause, Failure, Stage};
use crate::grpc;
use crate::http;
use crate::nats::{self, SessionOptions};
use crate::observation::{Expects, Observation};
use crate::redis_tls;
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};
use tls_verify_core::evidence::ProbeFact;

/// What only some targets need is boxed: of many targets each would carry the room for all of it.
/// `session`: a verified one, on which the question is asked; else, and where that breaks, on one of its own.
pub(super) async fn ask(
    context: &Context,
    target: &ProbeTarget,
    session: Option<Dialled>,
    seen: &mut Observation,
) {
    let answers = seen.expect("application", Expects::Works);
    let ended = match session {
        Some(session) => over(context, target, session, seen).await,
        None => None,
    };
    let ended = match ended {
        Some(ended) => ended,
        None => anew(context, target, seen).await,
    };
    match ended {
        Ok(Some(what)) => {
            seen.detail("application", what.as_str());
            seen.worked(answers, what);
        }
        Ok(None) => seen.held(answers),
        Err(failure) => seen.failed(answers, failure),
    }
}

/// The application's answer in a few words; nothing where it had none to give.
type Answered = Result<Option<String>, Failure>;

async fn anew(context: &Context, target: &ProbeTarget, seen: &mut Observation) -> Answered {
    match target.protocol {
        ProbeProtocol::Https | ProbeProtocol::Wss => Box::pin(web(context, target, seen)).await,
        ProbeProtocol::Grpcs => grpc::health(context, &target.endpoint, seen).boxed().await.map(Some),
        ProbeProtocol::Nats => Box::pin(worker(context, target, seen)).await,
        ProbeProtocol::Rediss => Box::pin(store(context, seen)).await,
        ProbeProtocol::Raw => Box::pin(silent(context, target, seen)).await,
        ProbeProtocol::Http | ProbeProtocol::Ws | ProbeProtocol::Grpc | ProbeProtocol::Redis => Ok(None),
    }
}

/// The question on a session that is there; `None`: it has to be asked on one of its own, which tells more.
async fn over(
    context: &Context,
    target: &ProbeTarget,
    mut session: Dialled,
    seen: &mut Observation,
) -> Option<Answered> {
    let deadline = context.attempt();
    match target.protocol {
        ProbeProtocol::Https | ProbeProtocol::Wss => {
            let answer = Box::pin(http::over(session, &target.endpoint, &target.path, deadline)).await?;
            Some(status(&answer, seen))
        }
        ProbeProtocol::Rediss => {
            let answer = Box::pin(redis_tls::ping_over(session, deadline)).await.ok()?;
            Some(Ok(Some(answer.chars().take(80).collect())))
        }
        ProbeProtocol::Nats if !target.tls_first => {
            let shown = session.identity_shown;
            Box::pin(nats::session(&mut session, true, &context.stack.nats_login, deadline)).await.ok()?;
            let with = if shown { "with the" } else { "without a" };
            Some(Ok(Some(format!("PONG over {} {with} client certificate", session.negotiated().0))))
        }
        // An alert follows where a certificate was asked for; else there is nothing to wait for.
        ProbeProtocol::Raw | ProbeProtocol::Nats => {
            if session.recording().asked_for_certificate.is_some()
                && let Quiet::Closed(failure) = read_first(&mut session, QUIET).await
                && matches!(failure.cause, Cause::Alert { .. })
            {
                return Some(Err(failure));
            }
            Some(Ok(None))
        }
        ProbeProtocol::Grpcs
        | ProbeProtocol::Http
        | ProbeProtocol::Ws
        | ProbeProtocol::Grpc
        | ProbeProtocol::Redis => None,
    }
}

/// Any status proves the transport; no key is sent.
async fn web(context: &Context, target: &ProbeTarget, seen: &mut Observation) -> Answered {
    let answer = http::get(context, &target.endpoint, &target.path, false).await?;
    status(&answer, seen)
}

fn status(answer: &http::HttpAnswer, seen: &mut Observation) -> Answered {
    let server = answer.server.as_deref().map(|server| format!(" from {server}")).unwrap_or_default();
    if let Some(date) = &answer.date {
        seen.detail("date", date.as_str());
    }
    match answer.status {
        502 | 504 => Err(http::refused(answer)),
        400 if http::tell_tale(&answer.body).is_some() => Err(http::refused(answer)),
        status => Ok(Some(format!("HTTP {status}{server}"))),
    }
}

/// With our identity, and without one.
async fn worker(context: &Context, target: &ProbeTarget, seen: &mut Observation) -> Answered {
    if target.tls_first {
        return silent(context, target, seen).await;
    }
    let identity = shown(context, target);
    let with = async {
        match identity {
            Some(_) => {
                let manner = SessionOptions { identity, patient: true };
                Some(nats::open(context, &target.endpoint, manner, context.attempt()).await)
            }
            None => None,
        }
    };
    let without = nats::open(
        context,
        &target.endpoint,
        SessionOptions { identity: None, patient: true },
        context.attempt(),
    );
    let (with, without) = tokio::join!(with, without);
    let word = match &without {
        Ok(_) => "let in".to_owned(),
        Err((_, broken)) => {
            broken.failure.kind().map_or_else(|| "refused".to_owned(), |kind| format!("refused: {kind}"))
        }
    };
    seen.detail("without_identity", word);
    let open_to_all = without.is_ok();
    match (with, without) {
        (Some(Ok(greeted)), _) => {
            seen.detail("with_identity", "let in");
            if open_to_all {
                let failure =
                    Failure::new(Stage::Session, Cause::Accepted { kind: CauseKind::MtlsNotEnforced });
                seen.warnings.push(failure.because(ProbeFact::CertificateOptional));
            }
            Ok(Some(format!("PONG over {} with the client certificate", greeted.version)))
        }
        (Some(Err((_, broken))), _) => {
            seen.detail("with_identity", "refused");
            Err(broken.failure)
        }
        (None, Ok(greeted)) => {
            Ok(Some(format!("PONG over {} without a client certificate", greeted.version)))
        }
        (None, Err((_, broken))) => {
            let failure = match context.stack.identity.get() {
                Err(fault) if broken.failure.kind() == Some(CauseKind::ClientCertRequired) => {
                    broken.failure.because(fault)
                }
                _ => broken.failure,
            };
            Err(failure)
        }
    }
}

async fn store(context: &Context, seen: &mut Observation) -> Answered {
    let ended = match redis_tls::ping(context, context.attempt()).await {
        Ok(answer) => Ok(Some(answer.chars().take(80).collect())),
        Err(failure) => Err(match context.stack.identity.get() {
            Err(fault) if failure.kind() == Some(CauseKind::ClientCertRequired) => failure.because(fault),
            _ => failure,
        }),
    };
    if let Some(answer) = redis_tls::speaks_plaintext(context).await {
        seen.detail("plaintext", answer);
    }
    ended
}

/// Nothing is said: an alert that follows a TLS 1.3 handshake, as for a missing client certificate, is
/// the only answer there can be.
async fn silent(context: &Context, target: &ProbeTarget, seen: &mut Observation) -> Answered {
    let deadline = context.attempt();
    let offer = Offer {
        trust: TrustMode::Only(context.stack.anchors.certificates.clone()),
        name: target.endpoint.name(),
        identity: shown(context, target),
        alpn: &[],
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    let opened = open(context, target, deadline).await?;
    let shaken = dial::handshake(opened.tap, opened.address, &offer, deadline).await;
    match shaken {
        Ok(mut dialled) => match read_first(&mut dialled, QUIET).await {
            Quiet::Closed(failure) if matches!(failure.cause, Cause::Alert { .. }) => return Err(failure),
            Quiet::Closed(_) => {
                seen.detail("application", json!("closes after the handshake when nothing is said"));
            }
            Quiet::Data(bytes) => {
                let text: String =
                    String::from_utf8_lossy(&bytes[..bytes.len().min(60)]).escape_debug().collect();
                seen.detail("application", format!("speaks first: \"{text}\""));
            }
            Quiet::Silence => seen.detail("application", "waits for the client"),
        },
        Err(broken) => return Err(broken.failure),
    }
    Ok(None)
}
