//! Which protocol versions a server accepts.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Map, Value};

use super::{ProbeProtocol, ProbeTarget, open};
use crate::cause::CauseKind;
use crate::context::Context;
use crate::dial;
use crate::fault::{Cause, Failure, Stage};
use crate::hello::{self, HelloAnswer, OLD_SUITES, TLS12_SUITES, Version};
use crate::observation::Observation;
use crate::tls::{Hello, Offer, TrustMode};
use tls_verify_core::evidence::ProbeFact;

pub(super) async fn scan(context: &Context, target: &ProbeTarget, seen: &mut Observation) {
    let old = [Version::Tls10, Version::Tls11, Version::Tls12];
    let asked = old.iter().map(|version| async { (*version, ask(context, target, *version).await) });
    let (answers, newest) = tokio::join!(join_all(asked), tls13(context, target));
    let mut table: Map<String, Value> = Map::new();
    for (version, answer) in answers {
        let told = match answer {
            HelloAnswer::Accepted { version: chosen, .. } if chosen <= wire(version) => "accepted".to_owned(),
            HelloAnswer::Accepted { .. } => "answered with another version".to_owned(),
            HelloAnswer::Alert(code) => format!("refused (alert {code})"),
            HelloAnswer::Closed => "refused (closed)".to_owned(),
            HelloAnswer::Silence => "no answer".to_owned(),
            HelloAnswer::NotTls => "no TLS answer".to_owned(),
        };
        table.insert(version.slug().to_owned(), told.into());
    }
    table.insert("TLSv1.3".to_owned(), newest.into());
    let weak: Vec<&'static str> = [Version::Tls10, Version::Tls11]
        .iter()
        .map(|version| version.slug())
        .filter(|slug| table.get(*slug).is_some_and(|told| told == "accepted"))
        .collect();
    if !weak.is_empty() {
        let failure = Failure::new(Stage::Handshake, Cause::Accepted { kind: CauseKind::ProtocolVersion });
        seen.warnings.push(failure.because(ProbeFact::AcceptsBroken { versions: weak }));
    }
    seen.detail("versions", table);
}

const fn wire(version: Version) -> [u8; 2] {
    match version {
        Version::Tls10 => [3, 1],
        Version::Tls11 => [3, 2],
        Version::Tls12 => [3, 3],
    }
}

async fn ask(context: &Context, target: &ProbeTarget, version: Version) -> HelloAnswer {
    let deadline = context.attempt();
    let Ok(mut opened) = open(context, target, deadline).await else { return HelloAnswer::Silence };
    let suites = if version == Version::Tls12 { TLS12_SUITES } else { OLD_SUITES };
    let hello = hello::client_hello(version, target.endpoint.name(), suites);
    hello::ask(&mut opened.tap, &hello, deadline).await
}

async fn tls13(context: &Context, target: &ProbeTarget) -> &'static str {
    let deadline = context.attempt();
    let Ok(opened) = open(context, target, deadline).await else { return "no answer" };
    let offer = Offer {
        trust: TrustMode::Observe(Arc::default()),
        name: target.endpoint.name(),
        identity: None,
        alpn: if target.protocol == ProbeProtocol::Grpcs { &[b"h2"] } else { &[] },
        versions: &[&rustls::version::TLS13],
        hello: Hello::AsGo,
    };
    match dial::handshake(opened.tap, opened.address, &offer, deadline).await {
        Ok(_) => "accepted",
        Err(broken) => match broken.failure.cause {
            Cause::Alert { .. } | Cause::NoCommonVersion => "refused",
            _ => "not decided",
        },
    }
}
