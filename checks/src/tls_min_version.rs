//! Proves that every TLS endpoint that can be reached refuses each version below its minimum, with a
//! handshake of a version it accepts as control. It cannot prove anything of an endpoint it cannot reach.

use std::time::Instant;

use futures_util::FutureExt;
use futures_util::future::join_all;
use serde_json::{Map, Value, json};

use crate::cause::CauseKind;
use crate::context::{Check, Context, Dials, Need};
use crate::deployment::{self, MinimumVersion};
use crate::dial::{self, Tap};
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::hello::{self, HelloAnswer, OLD_SUITES, TLS12_SUITES, Version};
use crate::nats;
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::stack::{Endpoint, Link};
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};
use tls_verify_core::evidence::{NatsFact, TlsFact};

pub const CHECK: Check = Check {
    number: 14,
    id: "tls-min-version",
    title: "Every TLS endpoint refuses versions below its minimum",
    about: "TLS 1.0, 1.1 and, where 1.3 is the minimum, 1.2 are refused by each endpoint that is reached",
    documented: false,
    link: Link::Gateway,
    over: &[],
    dials: Dials::Otherwise,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

/// The endpoints that serve TLS; `CORDUM_TLS_MIN_VERSION` governs Cordum's own servers alone.
const LINKS: &[(Link, bool)] = &[
    (Link::Gateway, true),
    (Link::GatewayGrpc, true),
    (Link::SafetyKernel, true),
    (Link::ContextEngine, true),
    (Link::Nats, false),
    (Link::Redis, false),
];

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let deployment = deployment::detect(context).await;
    seen.detail("required", deployment.minimum.slug());
    seen.detail("because", deployment.because.as_str());
    let mut servers = Vec::new();
    for (link, governed) in LINKS {
        let usual = match governed {
            true => deployment::minimum_of(context, link.service(), deployment.minimum).await,
            false => MinimumVersion::Tls12,
        };
        let minimum = context.stack.minimums.get(link).copied().unwrap_or(usual);
        let replicas = context.replicas(*link).await;
        servers.extend(replicas.into_iter().map(|replica| (*link, minimum, replica)));
    }
    let looks = servers.into_iter().map(|(link, minimum, replica)| async move {
        (link, minimum, replica.step(link.slug()), endpoint(context, &replica.endpoint, minimum).await)
    });
    let mut table = Map::new();
    let (mut left_out, mut in_clear) = (Vec::new(), Vec::new());
    for (link, minimum, name, look) in join_all(looks).await {
        match look {
            Err(LeftOut::Unreached(why)) => {
                table.insert(name.clone(), json!({ "reached": false, "why": why }));
                left_out.push(name);
            }
            Err(LeftOut::InClear(why)) => {
                table.insert(name.clone(), json!({ "reached": true, "tls": false, "why": why }));
                in_clear.push(name);
            }
            Ok(look) => {
                let answers: Map<String, Value> = look
                    .answers
                    .iter()
                    .map(|(version, answer)| (version.slug().to_owned(), describe(*answer).into()))
                    .collect();
                table.insert(
                    name.clone(),
                    json!({ "reached": true, "minimum": minimum.slug(), "highest": look.highest, "answers": answers }),
                );
                steps(&mut seen, &name, link, minimum, &look);
            }
        }
    }
    if seen.steps().is_empty() {
        let failure = Failure::new(Stage::Connect, Cause::Other).because(TlsFact::NoEndpointReached);
        let reached = seen.expect("TLS endpoints", Expects::Works);
        seen.untried(reached, failure);
    } else {
        let reached: Vec<String> = seen.steps().iter().map(|step| step.name().to_owned()).collect();
        let below = if context.stack.minimums.is_empty() { deployment.minimum.slug() } else { "the minimum" };
        let mut summary = format!("below {below} refused by {}", reached.join(", "));
        for (what, names) in [("not reached", &left_out), ("no TLS is spoken at", &in_clear)] {
            if !names.is_empty() {
                summary.push_str(&format!("; {what}: {}", names.join(", ")));
            }
        }
        seen.summary = Some(summary);
    }
    seen.detail("endpoints", table);
    seen
}

/// Why nothing can be said of an endpoint's versions.
enum LeftOut {
    Unreached(String),
    /// It is reached and speaks plaintext: a matter of its own check.
    InClear(String),
}

struct VersionProbe {
    highest: String,
    answers: Vec<(Version, HelloAnswer)>,
}

fn steps(seen: &mut Observation, name: &str, link: Link, minimum: MinimumVersion, look: &VersionProbe) {
    let holds = seen.expect(name, Expects::Works);
    let accepted: Vec<&'static str> = look
        .answers
        .iter()
        .filter(|(version, answer)| accepts(*version, *answer))
        .map(|(version, _)| version.slug())
        .collect();
    if !accepted.is_empty() {
        let failure = Failure::new(Stage::Handshake, Cause::Accepted { kind: CauseKind::ProtocolVersion })
            .because(TlsFact::Accepts { who: name.to_owned(), versions: accepted, minimum: minimum.slug() })
            .at(link.service());
        seen.failed(holds, failure);
    } else if look.answers.iter().any(|(_, answer)| *answer == HelloAnswer::Silence) {
        let failure = Failure::new(Stage::Handshake, Cause::TimedOut)
            .because(TlsFact::VersionsUntold { who: name.to_owned() })
            .at(link.service());
        seen.untried(holds, failure);
    } else {
        seen.worked(holds, format!("{} (highest {})", minimum.slug(), look.highest));
    }
}

/// A ServerHello of the version that was asked for; a server may answer with another one in it.
fn accepts(version: Version, answer: HelloAnswer) -> bool {
    let asked = match version {
        Version::Tls10 => [3, 1],
        Version::Tls11 => [3, 2],
        Version::Tls12 => [3, 3],
    };
    matches!(answer, HelloAnswer::Accepted { version, .. } if version <= asked)
}

fn describe(answer: HelloAnswer) -> String {
    match answer {
        HelloAnswer::Accepted { suite, .. } => format!("accepted (suite {suite:#06x})"),
        HelloAnswer::Alert(code) => {
            format!("refused with alert {code} ({:?})", rustls::AlertDescription::from(code))
        }
        HelloAnswer::Closed => "refused: closed without an alert".to_owned(),
        HelloAnswer::Silence => "no answer in time".to_owned(),
        HelloAnswer::NotTls => "refused: the answer is no TLS".to_owned(),
    }
}

/// Control and old versions; an error says why the endpoint is left out.
async fn endpoint(
    context: &Context,
    endpoint: &Endpoint,
    minimum: MinimumVersion,
) -> Result<VersionProbe, LeftOut> {
    let link = endpoint.link;
    let deadline = context.attempt();
    let said = |failure: &Failure| {
        let why = failure.why().unwrap_or_else(|| "not reached".to_owned());
        if matches!(failure.cause, Cause::NotTls(_)) {
            LeftOut::InClear(why)
        } else {
            LeftOut::Unreached(why)
        }
    };
    let (tap, address) = open(context, endpoint, deadline).await.map_err(|failure| said(&failure))?;
    let offer = Offer {
        trust: TrustMode::Observe(context.stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity: None,
        alpn: if link == Link::Gateway { &[b"http/1.1"] } else { &[b"h2"] },
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    let offer = if matches!(link, Link::Nats | Link::Redis) { Offer { alpn: &[], ..offer } } else { offer };
    let highest = match dial::handshake(tap, address, &offer, deadline).await {
        Ok(dialled) => dialled.negotiated().0,
        // A server that wants a client certificate says so within the handshake in TLS 1.2.
        Err(broken)
            if matches!(broken.failure.cause, Cause::Alert { .. }) && broken.recording.version.is_some() =>
        {
            broken.recording.version.unwrap_or("TLSv1.2").to_owned()
        }
        // What speaks TLS and not with us may still speak what it must not.
        Err(broken) => match broken.failure.cause {
            Cause::NoCommonVersion | Cause::NoCommonCipher | Cause::Alert { .. } => String::new(),
            _ => return Err(said(&broken.failure)),
        },
    };
    let answers = deployment::below(minimum).iter().map(|version| async {
        let suites = if *version == Version::Tls12 { TLS12_SUITES } else { OLD_SUITES };
        let hello = hello::client_hello(*version, endpoint.name(), suites);
        let answer = match open(context, endpoint, deadline).await {
            Ok((mut tap, _)) => hello::ask(&mut tap, &hello, deadline).await,
            // It went away in between: nothing can be said of it.
            Err(failure) => return Err(said(&failure)),
        };
        Ok((*version, answer))
    });
    let mut answers: Vec<_> = join_all(answers).await.into_iter().collect::<Result<_, _>>()?;
    if highest.is_empty() {
        if !answers.iter().any(|(version, answer)| accepts(*version, *answer)) {
            return Err(LeftOut::Unreached("no handshake succeeds".to_owned()));
        }
        answers.retain(|(version, answer)| accepts(*version, *answer));
    }
    Ok(VersionProbe { highest, answers })
}

/// A connection on which the TLS hello comes next.
async fn open(
    context: &Context,
    endpoint: &Endpoint,
    deadline: Instant,
) -> Result<(Tap, std::net::SocketAddr), Failure> {
    let (mut tap, address) = dial::connect(endpoint, deadline).await?;
    context.own(tap.local());
    if endpoint.link == Link::Nats {
        let info = nats::read_info(&mut tap, deadline).await?;
        if !info.tls_required && !info.tls_available {
            return Err(
                Failure::new(Stage::Session, Cause::NotTls(WireProtocol::NatsPlain)).because(NatsFact::NoTls)
            );
        }
        tap.forget();
    }
    Ok((tap, address))
}
