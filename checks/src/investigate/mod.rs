//! The loop: where a diagnosis ends in a question, it is asked here, and the answer is appended. What an answer
//! means is for the rules to say (`tls_verify_core::diagnosis`); nothing here concludes anything.

mod chain;

use std::io;
use std::time::{Duration, Instant, SystemTime};

use tls_verify_core::diagnosis::{self, Asked, Known, Premises, next_question, rules};
use tls_verify_core::evidence::{
    Answer, Evidence, Fact, GatewayDial, InClear, InTls, Logged, NameMismatch, OwnCertificate, Question,
    ServiceState, Whom,
};
use tls_verify_core::workload::Instance;
use tls_verify_core::x509::verdict;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cause::CauseKind;
use crate::context::{Context, QUIET};
use crate::dial;
use crate::fault::{Cause, Failure, WireProtocol};
use crate::hello;
use crate::logs;
use crate::observation::Observation;
use crate::platform::{Platform, Reach};
use crate::served;
use crate::stack::{Endpoint, Link, Stack};
use crate::standing;
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};
use chain::{asked_for, fingerprint, intermediate, other_clock, presented_chain};
pub(crate) use chain::{described, fingerprint_of_file};

/// More than any case needs.
const QUESTIONS: usize = 32;

/// What is known of a run before anything is asked.
#[must_use]
pub fn premises(stack: &Stack) -> Premises {
    Premises {
        anchors: stack.anchors.file.clone(),
        identity: stack.identity.get().ok().map(|identity| identity.cert_file.clone()),
        workers: stack.workers.clone(),
        trusting: !stack.anchors.certificates.is_empty() || stack.platform.is_collected(),
    }
}

/// Asks what tells more of each step that did not hold, until nothing does; then concludes. Where the time is
/// up, what was found by then is what is concluded from.
pub async fn investigate(context: &Context, link: Link, seen: &mut Observation) {
    let premises = premises(&context.stack);
    let asking = async {
        for step in 0..seen.steps().len() {
            for _ in 0..QUESTIONS {
                let Some(question) = next_question(&premises, link, &seen.steps()[step]) else { break };
                let answer = ask(context, &question).await;
                seen.append(step, Evidence { question, answer });
            }
        }
    };
    let _ = tokio::time::timeout_at(context.deadline.into(), asking).await;
    diagnosis::conclude(&premises, link, seen);
}

/// What is wrong with NATS or Redis for everybody, looked at once a run, so that every check tells the same
/// story.
pub async fn server(context: &Context, link: Link) -> Option<Failure> {
    let cell = match link {
        Link::Nats => &context.live_nats,
        Link::Redis => &context.live_redis,
        _ => return None,
    };
    let looked =
        cell.get_or_init(|| async { until(context, |known| rules::server(known, link)).await.flatten() });
    looked.await.clone()
}

/// Asks until a conclusion can be drawn.
pub(crate) async fn until<T>(context: &Context, draw: impl Fn(Known<'_>) -> Asked<T>) -> Option<T> {
    let premises = premises(&context.stack);
    let mut found = Vec::new();
    while found.len() < QUESTIONS {
        match draw(Known::open(&premises, &found)) {
            Ok(drawn) => return Some(drawn),
            Err(question) => {
                let answer = Box::pin(ask(context, &question)).await;
                found.push(Evidence { question, answer });
            }
        }
    }
    draw(Known::closed(&premises, &found)).ok()
}

/// Puts a question.
async fn ask(context: &Context, question: &Question) -> Answer {
    match question {
        Question::OwnCertificate(link) => Answer::OwnCertificate(own_certificate(context, *link)),
        Question::OldVersion(whom) => Answer::OldVersion(old_version(context, whom).await),
        Question::Presented { link, chain } => {
            Answer::Presented(presented_chain(context, *link, chain).await)
        }
        Question::Intermediate { link, chain } => {
            Answer::Intermediate(intermediate(context, *link, chain).await)
        }
        Question::Clock { link, chain } => Answer::Clock(other_clock(context, *link, chain).await),
        Question::InClear(whom) => Answer::InClear(in_clear(context, whom).await),
        Question::HandshakeFirst(whom) => Answer::HandshakeFirst(handshake_first(context, whom).await),
        Question::State { service, instance } | Question::StateSince { service, instance } => {
            Answer::State(state(context, service, instance.as_deref()).await)
        }
        Question::Log { service, instance } => {
            Answer::Log(log(context, service, instance).await.map(Box::new))
        }
        Question::Listens { instance, link } => Answer::Listens(listens(context, instance, *link).await),
        Question::StandsStill { instance } => Answer::StandsStill(stands_still(context, instance).await),
        Question::Server(link) => Answer::Server(Box::pin(server(context, *link)).await.map(Box::new)),
        Question::Session(link) => Answer::Session(session(context, *link).await.map(Box::new)),
        Question::Named { link, name } => Answer::Named(named(context, *link, name)),
        Question::File(path) => Answer::File(fingerprint_of_file(path)),
        Question::Upstream { service, link, since } => {
            Answer::Upstream(upstream(context, service, *link, *since).await)
        }
        Question::Gateway => Answer::Gateway(gateway(context).await),
        Question::Readiness => Answer::Readiness(crate::gateway_https::unready(context).await),
        Question::PlainRedis => Answer::PlainRedis(crate::redis_tls::speaks_plaintext(context).await),
    }
}

fn own_certificate(context: &Context, link: Link) -> Option<OwnCertificate> {
    let stack = &context.stack;
    let identity = stack.identity.get().ok()?;
    let verdict = verdict::of_client(&identity.chain, &stack.anchors.certificates, SystemTime::now());
    Some(OwnCertificate {
        fingerprint: identity.chain.first().map(|leaf| fingerprint(leaf)).unwrap_or_default(),
        fault: verdict.faults.into_iter().next(),
        asked_for: asked_for(context, link, identity.chain.last()),
    })
}

async fn old_version(context: &Context, whom: &Whom) -> Option<&'static str> {
    let endpoint = context.whom(whom).await;
    for version in [hello::Version::Tls11, hello::Version::Tls10] {
        let deadline = context.attempt();
        let (mut tap, _) = dial::connect(&endpoint, deadline).await.ok()?;
        context.own(tap.local());
        if whom.link == Link::Nats {
            crate::nats::read_info(&mut tap, deadline).await.ok()?;
        }
        let hello = hello::client_hello(version, endpoint.name(), hello::OLD_SUITES);
        if let hello::HelloAnswer::Accepted { .. } = hello::ask(&mut tap, &hello, deadline).await {
            return Some(version.slug());
        }
    }
    None
}

async fn in_clear(context: &Context, whom: &Whom) -> Option<InClear> {
    said_in_clear(context, &context.whom(whom).await).await
}

/// The port is spoken to in clear.
pub(crate) async fn said_in_clear(context: &Context, endpoint: &Endpoint) -> Option<InClear> {
    let words: &[u8] = match endpoint.link {
        // The preface and an empty SETTINGS frame (RFC 9113, 3.4).
        Link::GatewayGrpc | Link::SafetyKernel | Link::ContextEngine => {
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"
        }
        Link::Redis => b"*1\r\n$4\r\nPING\r\n",
        Link::Gateway | Link::Dashboard => b"GET /healthz HTTP/1.0\r\n\r\n",
        // Whoever waits for a line gets one; a NATS server would have spoken first.
        Link::Nats => b"PING\r\n\r\n",
    };
    let patience = Instant::now() + Duration::from_millis(1500).min(context.stack.timeout);
    let (mut tap, _) = dial::connect(endpoint, patience.min(context.deadline)).await.ok()?;
    context.own(tap.local());
    tap.write_all(words).await.ok()?;
    let mut said = Vec::new();
    let mut buffer = [0_u8; 512];
    while said.len() < 512 {
        match tokio::time::timeout_at(patience.into(), tap.read(&mut buffer)).await {
            Ok(Ok(count)) if count > 0 => said.extend_from_slice(&buffer[..count]),
            _ => break,
        }
        if said.len() >= 9 && endpoint.link != Link::Gateway {
            break;
        }
    }
    let speaker = dial::wire_protocol(&said);
    // A TLS server's own words for plaintext are no plaintext service.
    if crate::http::tell_tale(&said).is_some() || speaker == WireProtocol::Unknown {
        return None;
    }
    let said = String::from_utf8_lossy(&said[..said.len().min(40)]).escape_debug().collect();
    Some(InClear { speaker, said })
}

/// What a TLS handshake before any INFO leads to, if it is answered.
async fn handshake_first(context: &Context, whom: &Whom) -> Option<InTls> {
    let endpoint = context.whom(whom).await;
    let deadline = (Instant::now() + Duration::from_secs(2)).min(context.deadline);
    let (tap, address) = dial::connect(&endpoint, deadline).await.ok()?;
    context.own(tap.local());
    let offer = Offer {
        trust: TrustMode::Observe(context.stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity: None,
        alpn: &[],
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    match dial::handshake(tap, address, &offer, deadline).await {
        Ok(mut dialled) => Some(match dial::read_first(&mut dialled, QUIET).await {
            dial::Quiet::Silence => dial::http_inside(&mut dialled, &endpoint, deadline)
                .await
                .map_or(InTls::Other, |answer| InTls::Http { answer }),
            dial::Quiet::Data(_) | dial::Quiet::Closed(_) => InTls::Other,
        }),
        Err(broken) => (!broken.recording.chain.is_empty()).then_some(InTls::Other),
    }
}

/// A service's instance as it is now: the named one, else the first.
async fn state(context: &Context, service: &str, instance: Option<&str>) -> ServiceState {
    let Ok(platform) = context.platform().await else { return ServiceState::Unasked };
    let mut instances = platform.of_service(service);
    let found = match instance {
        Some(name) => instances.find(|one| one.name == name),
        None => instances.next(),
    };
    match found {
        Some(known) => {
            let instance = platform.inspect(known).await.unwrap_or_else(|_| known.clone());
            ServiceState::Is { instance: Box::new(instance), at: platform.now() }
        }
        None if platform.workloads().is_empty() => ServiceState::Unasked,
        None => ServiceState::Absent(platform.lacks(service)),
    }
}

async fn log(context: &Context, service: &str, instance: &str) -> Option<logs::ServiceLog> {
    let platform = context.platform().await.ok()?;
    let known = platform.of_service(service).find(|one| one.name == instance)?;
    let fresh = platform.inspect(known).await.unwrap_or_else(|_| known.clone());
    logs::of_container(context, platform, &fresh, &context.own_probes()).await.ok()
}

/// The instance's own address refuses where the published port may have accepted.
pub(crate) async fn listens(context: &Context, instance: &str, link: Link) -> Option<bool> {
    let platform = context.platform().await.ok()?;
    let instance = platform.instances().find(|one| one.name == instance)?;
    let port = link.container_port();
    let patience = Duration::from_secs(1).min(context.stack.timeout);
    match tokio::time::timeout(patience, dialled(platform, instance, port)).await {
        Ok(Err(error)) => Some(error.kind() != io::ErrorKind::ConnectionRefused),
        Ok(Ok(())) => Some(true),
        Err(_) => None,
    }
}

async fn stands_still(context: &Context, instance: &str) -> bool {
    let Ok(platform) = context.platform().await else { return false };
    match platform.instances().find(|one| one.name == instance) {
        Some(found) => standing::stands_still(platform, found).await.is_some(),
        None => false,
    }
}

async fn dialled(platform: &dyn Platform, instance: &Instance, port: u16) -> io::Result<()> {
    if platform.reach(instance, port) == Reach::Through {
        return platform.open(instance, port).await.map(drop);
    }
    let address = instance.addresses.first().ok_or(io::ErrorKind::AddrNotAvailable)?;
    tokio::net::TcpStream::connect(std::net::SocketAddr::new(*address, port)).await.map(drop)
}

/// Why a session of ours with NATS or Redis does not work.
async fn session(context: &Context, link: Link) -> Option<Failure> {
    if link == Link::Nats {
        return crate::nats::control(context).await.err().cloned();
    }
    match crate::redis_tls::speaks_plaintext(context).await {
        Some(answer) => Some(
            Failure::new(crate::fault::Stage::Exchange, Cause::NotTls(WireProtocol::Redis))
                .because(Fact::PlainRedis { answer }),
        ),
        None => crate::redis_tls::logged_in(context).await.err(),
    }
}

fn named(context: &Context, link: Link, name: &str) -> Option<NameMismatch> {
    let chain = context.served(link)?.chain;
    let anchors = &context.stack.anchors.certificates;
    let verdict = verdict::of_server(&chain, anchors, Some(name), SystemTime::now());
    let fault = verdict.faults.into_iter().find(|fault| fault.kind == CauseKind::HostnameMismatch)?;
    Some(NameMismatch { fingerprint: fingerprint(chain.first()?), fault })
}

/// What a service that runs logged of its upstream since we asked.
async fn upstream(context: &Context, service: &str, link: Link, since: SystemTime) -> Option<Logged> {
    let platform = context.platform().await.ok()?;
    let instance = platform.of_service(service).find(|one| one.is_up())?;
    let trouble = logs::last_trouble(context, platform, instance, link, since).await?;
    let dialled = context.served(link).and_then(|kept| kept.verdict);
    let trusted = match dialled {
        Some(verdict) => verdict.faults.is_empty(),
        None => served::was_well(context, link).await,
    };
    Some(Logged { instance: Box::new(instance.clone()), what: trouble.what, sample: trouble.sample, trusted })
}

async fn gateway(context: &Context) -> GatewayDial {
    let endpoint = context.resolved(Link::Gateway).await;
    match context.dial(&endpoint, None, &[b"http/1.1"], context.attempt()).await {
        Ok(_) => GatewayDial::Trusted,
        Err(broken) if matches!(broken.failure.cause, Cause::Chain(_)) => {
            GatewayDial::Refused(Box::new(broken.failure))
        }
        Err(broken)
            if matches!(broken.failure.cause, Cause::NotDialled)
                && served::was_well(context, Link::Gateway).await =>
        {
            GatewayDial::Trusted
        }
        Err(_) => GatewayDial::Unasked,
    }
}
