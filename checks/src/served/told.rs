//! What the answers of then mean: judged at the time of then, by the CA files of the clients of then. What answered well
//! proves nothing now, and stays open; what did not is what a run met there.

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tls_verify_core::evidence::{Fact, PlatformFact};
use tls_verify_core::logs::classify::Recognised;
use tls_verify_core::workload::Instance;
use tls_verify_core::x509::verdict::{self, ChainFault};

use super::PortAnswer;
use crate::cause::{CauseKind, Variant};
use crate::context::Context;
use crate::fault::{Cause, Failure, Stage};
use crate::logs;
use crate::platform::Platform;
use crate::stack::Link;

/// Who is dialled at all is dialled again within it.
const LATELY: Duration = Duration::from_secs(60);

/// A server of the link was seen to ask its clients for no certificate.
pub(crate) async fn asks_nobody(context: &Context, link: Link) -> bool {
    let Ok(platform) = context.platform().await else { return false };
    let lets_in = |one| {
        let answer = platform.answered(one, link.container_port());
        matches!(answer, Some(PortAnswer::Tls { asks_for_certificate: Some(false), .. }))
    };
    platform.of_service(link.service()).any(lets_in)
}

/// A server of the link spoke TLS when it was collected, with a certificate that held for its clients.
pub(crate) async fn was_well(context: &Context, link: Link) -> bool {
    let Ok(platform) = context.platform().await else { return false };
    let port = link.container_port();
    for one in platform.of_service(link.service()) {
        if matches!(platform.answered(one, port), Some(PortAnswer::Tls { .. })) {
            return met(platform, one, link, port).await.is_none();
        }
    }
    false
}

/// What a client of a link logged in the last minute before it was collected of a server that it does not accept, and
/// when that minute began: where it ran a request would provoke the line.
pub(crate) async fn refused_lately(
    context: &Context,
    client: &str,
    link: Link,
) -> Option<(SystemTime, Recognised)> {
    let platform = context.platform().await.ok().filter(|platform| platform.is_collected())?;
    let since = platform.now().checked_sub(LATELY)?;
    let instance = platform.of_service(client).find(|one| one.is_up())?;
    let trouble = logs::last_trouble(context, platform, instance, link, since).await?;
    let kind = trouble.what.kind;
    let is_refusal = kind.is_verification() || kind == CauseKind::WrongSchemePlainToTls;
    (is_refusal && !trouble.recovered).then_some((since, trouble.what))
}

/// What a run would have met at a port of an instance; nothing where nothing was wrong with it, or where nobody
/// looked.
pub(crate) async fn met(
    platform: &dyn Platform,
    instance: &Instance,
    link: Link,
    port: u16,
) -> Option<Failure> {
    let (stage, cause, presented) = match platform.answered(instance, port)? {
        PortAnswer::Refused => (Stage::Connect, Cause::Refused { nothing_listens: true }, Vec::new()),
        PortAnswer::Silent => (Stage::Handshake, Cause::TimedOut, Vec::new()),
        PortAnswer::Closed => (Stage::Handshake, Cause::Eof, Vec::new()),
        PortAnswer::Clear { speaks, .. } => (Stage::Handshake, Cause::NotTls(speaks.protocol()), Vec::new()),
        PortAnswer::Tls { chain, .. } => {
            let decoded = chain.iter().filter_map(|text| STANDARD.decode(text).ok());
            let chain: Vec<CertificateDer<'static>> = decoded.map(CertificateDer::from).collect();
            let faults = faults(platform, link, &chain).await;
            (!faults.is_empty()).then_some((Stage::Handshake, Cause::Chain(faults), chain))?
        }
    };
    let mut failure = Failure::new(stage, cause);
    if let Cause::Chain(faults) = &failure.cause {
        let words: Vec<Fact> = faults.iter().map(Fact::from).collect();
        failure.facts.extend(words);
    }
    failure.presented = presented;
    let who = instance.name.clone();
    Some(failure.because(PlatformFact::MetThen { who, port, said: said(platform.answered(instance, port)) }))
}

fn said(answer: Option<&PortAnswer>) -> Option<String> {
    match answer {
        Some(PortAnswer::Clear { said, .. }) if !said.is_empty() => Some(said.clone()),
        _ => None,
    }
}

/// What is wrong with a chain for the link's clients. Where nobody names a CA for the link, another authority may be
/// right: then only one that has the name of a known one, and not its key, is wrong.
async fn faults(platform: &dyn Platform, link: Link, chain: &[CertificateDer<'static>]) -> Vec<ChainFault> {
    if chain.is_empty() {
        return Vec::new();
    }
    let service = link.service();
    let (ca, url) = match link {
        Link::Nats => ("NATS_TLS_CA", Some("NATS_URL")),
        Link::Redis => ("REDIS_TLS_CA", Some("REDIS_URL")),
        Link::SafetyKernel => ("SAFETY_KERNEL_TLS_CA", Some("SAFETY_KERNEL_ADDR")),
        Link::Gateway | Link::GatewayGrpc | Link::ContextEngine | Link::Dashboard => ("", None),
    };
    let is_named = !anchors(platform, |name| name == ca).await.is_empty();
    // One that any client trusts is signed by the stack's own authority: who does not trust it has another file.
    let anchors = anchors(platform, |name| name.ends_with("_TLS_CA")).await;
    let dials = |one: &Instance| {
        let text = url.and_then(|url| one.variable(url)).unwrap_or_default();
        let rest = text.split_once("://").map_or(text, |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        host.split(':').next() == Some(service)
    };
    let is_told = |one: &Instance| {
        one.configured.environment.iter().any(|setting| setting.name.ends_with("_TLS_SERVER_NAME"))
    };
    let is_dialled = platform.instances().any(dials) && !platform.instances().any(is_told);
    let name = is_dialled.then_some(service);
    let judged = verdict::of_server(chain, &anchors, name, platform.now());
    let is_sure = |fault: &ChainFault| {
        is_named || fault.kind != CauseKind::UnknownAuthority || fault.variant == Some(Variant::CaRegenerated)
    };
    judged.faults.into_iter().filter(is_sure).collect()
}

/// The certificates of all CA files that variables of these names name.
async fn anchors(platform: &dyn Platform, is_named: impl Fn(&str) -> bool) -> Vec<CertificateDer<'static>> {
    let mut found: Vec<CertificateDer<'static>> = Vec::new();
    for instance in platform.instances() {
        for setting in instance.configured.environment.iter().filter(|one| is_named(&one.name)) {
            let Some(path) = setting.value.known() else { continue };
            let Ok(bytes) = platform.file(instance, path).await else { continue };
            for one in CertificateDer::pem_slice_iter(&bytes).flatten() {
                if !found.contains(&one) {
                    found.push(one.into_owned());
                }
            }
        }
    }
    found
}
