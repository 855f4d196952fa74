//! Second looks: what one error cannot decide. Why a server refused our certificate is judged on the
//! certificate itself; an intermediate that was not sent is looked for in the certificate folder; dates are
//! held against the gateway's clock; a port that breaks off a handshake is spoken to in clear.

use std::time::{Duration, Instant, SystemTime};

use rustls::AlertDescription as A;
use rustls_pki_types::CertificateDer;
use tls_verify_core::x509::verdict;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cause::{CauseKind, Confidence, Side, Variant};
use crate::clock;
use crate::context::Context;
use crate::dial;
use crate::fault::{Cause, ChainFault, Failure, Origin, Recognised, Speaker, Stage};
use crate::hello;
use crate::stack::{Endpoint, Link};
use crate::tls::{ANY_VERSION, Offer, Trust};

/// Looks once more where that can tell more.
pub async fn again(context: &Context, link: Link, failure: Failure) -> Failure {
    // Another service's failure may stand in a check of this link.
    let link = failure
        .place
        .as_deref()
        .and_then(|place| {
            Link::ALL.iter().copied().find(|one| one.service() == place && *one != Link::Gateway)
        })
        .filter(|one| one.service() != link.service())
        .unwrap_or(link);
    let endpoint = &context.placed(link).await;
    let failure = hello::beyond(context, endpoint, failure).await;
    match &failure.cause {
        Cause::Alert { alert, identity_shown: true, .. } if concerns_identity(*alert) => {
            identity(context, link, failure)
        }
        Cause::Alert { alert: A::ProtocolVersion, .. } | Cause::NoCommonVersion => {
            versions(context, endpoint, failure).await
        }
        // What lies on disk is judged without any wire.
        Cause::Chain(_) if failure.stage == Stage::Handshake => chain(context, link, failure).await,
        Cause::Eof | Cause::Reset | Cause::TimedOut | Cause::NotTls(Speaker::Unknown)
            if failure.stage == Stage::Handshake =>
        {
            in_clear(context, endpoint, failure).await
        }
        Cause::TimedOut | Cause::Eof if link == Link::Nats && failure.stage == Stage::Session => {
            tls_first(context, endpoint, failure).await
        }
        _ => failure,
    }
}

/// A NATS that says nothing may want the handshake before its INFO; so does a TLS port that is no NATS.
async fn tls_first(context: &Context, endpoint: &Endpoint, mut failure: Failure) -> Failure {
    let deadline = (Instant::now() + Duration::from_secs(1)).min(context.deadline);
    let Ok((tap, address)) = dial::connect(endpoint, deadline).await else { return failure };
    context.own(tap.local());
    let offer = Offer {
        trust: Trust::Observe(context.stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity: None,
        alpn: &[],
        versions: ANY_VERSION,
    };
    let shaken = dial::handshake(tap, address, &offer, deadline).await;
    let tls = match &shaken {
        Ok(_) => true,
        Err(broken) => !broken.recording.chain.is_empty(),
    };
    if tls {
        failure.cause = Cause::NotTls(Speaker::NatsInfoFirst);
        failure.side = Some(Side::Server);
        failure.facts.insert(
            0,
            "the server says no INFO in clear and answers a TLS handshake that comes first: NATS with \
             `handshake_first`, which Cordum's clients need off, or no NATS at all"
                .to_owned(),
        );
    }
    failure
}

/// Alerts that answer a client's certificate (RFC 8446, 6.2).
const fn concerns_identity(alert: A) -> bool {
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
fn identity(context: &Context, link: Link, mut failure: Failure) -> Failure {
    let stack = &context.stack;
    let Ok(identity) = stack.identity.get() else { return failure };
    let file = identity.cert_file.display().to_string();
    let verdict = verdict::of_client(&identity.chain, &stack.anchors.certificates, SystemTime::now());
    let of = |kind, variant, side, confidence| {
        Cause::Line(Recognised { kind, variant, side, confidence, link: Some(link) })
    };
    let Some(fault) = verdict.faults.first() else {
        let said = failure.cause.reading().and_then(|reading| reading.variant);
        let (variant, fact) = trusted_by(context, link, identity.chain.last());
        let variant = variant.or(said.filter(|variant| *variant == Variant::OtherCa));
        failure.cause = of(CauseKind::BadCertificate, variant, Side::Server, Confidence::Likely);
        return failure
            .because(format!("{file} is valid under {}", stack.anchors.file.display()))
            .because(fact);
    };
    let (kind, variant) = match fault.kind {
        CauseKind::Expired | CauseKind::NotYetValid => (fault.kind, fault.variant),
        CauseKind::WrongKeyUsage => (CauseKind::BadCertificate, Some(Variant::ServerCertAsClient)),
        CauseKind::UnknownAuthority => (CauseKind::BadCertificate, fault.variant),
        _ => (CauseKind::BadCertificate, None),
    };
    failure.cause = of(kind, variant, Side::Client, fault.confidence);
    failure.facts.insert(0, format!("our certificate in {file}: {}", fault.message));
    if fault.of_anchor {
        failure.origin = Some(anchor_file(context));
        return failure.at(stack.anchors.file.display().to_string());
    }
    failure.origin =
        identity.chain.first().map(|leaf| Origin { key: fingerprint(leaf), file: Some(file.clone()) });
    failure.at(file)
}

/// By which authorities the server says that it knows its clients.
fn trusted_by(
    context: &Context,
    link: Link,
    topmost: Option<&CertificateDer<'_>>,
) -> (Option<Variant>, String) {
    use x509_parser::prelude::FromDer;
    let service = link.service();
    let open =
        (None, format!("{service} knows its clients by another CA file, or by an earlier CA of that name"));
    let names = context.served(link).and_then(|recording| recording.asked_for_certificate);
    let Some(names) = names.filter(|names| !names.is_empty()) else { return open };
    let issuer = topmost
        .and_then(|der| x509_parser::certificate::X509Certificate::from_der(der).ok())
        .map(|(_, certificate)| certificate.issuer().as_raw().to_vec());
    if issuer.is_none_or(|issuer| names.contains(&issuer)) {
        return open;
    }
    let shown: Vec<String> = names
        .iter()
        .filter_map(|name| x509_parser::x509::X509Name::from_der(name).ok())
        .map(|(_, name)| name.to_string())
        .collect();
    (Some(Variant::OtherCa), format!("{service} asks for client certificates of {}", shown.join("; ")))
}

/// What a chain's fault can be told by beside the chain.
async fn chain(context: &Context, link: Link, mut failure: Failure) -> Failure {
    // A program of its own, as cordumctl, keeps what it was presented to itself.
    if context.served(link).is_none() && link != Link::Nats {
        let _ = context.dial(&context.placed(link).await, None, &[], context.attempt()).await;
    }
    let Cause::Chain(faults) = &mut failure.cause else { return failure };
    let (Some(recording), Some(fault)) = (context.served(link), faults.first_mut()) else { return failure };
    let stack = &context.stack;
    let name = context.placed(link).await.name().to_owned();
    match (fault.kind, fault.variant) {
        (CauseKind::UnknownAuthority, Some(Variant::OtherCa)) => {
            if let Some(found) = intermediate(context, &recording.chain, &name).await {
                failure.facts.retain(|fact| *fact != fault.message);
                *fault = found;
                failure.facts.insert(0, fault.message.clone());
            } else if fault.confidence == Confidence::Likely {
                failure.facts.push(
                    "only a certificate of that issuer can tell whether it is another CA or an intermediate that \
                     was not sent"
                        .to_owned(),
                );
            }
        }
        (CauseKind::Expired | CauseKind::NotYetValid, None) => {
            if let Some(skew) = clock::skew(context).await
                && let Some(theirs) = clock::shifted(SystemTime::now(), skew)
                && verdict::of_server(&recording.chain, &stack.anchors.certificates, Some(&name), theirs)
                    .faults
                    .iter()
                    .all(|other| other.kind != fault.kind)
            {
                fault.variant = Some(Variant::ClockSkew);
                fault.confidence = Confidence::Likely;
                failure.side = Some(Side::Client);
                failure.facts.push(format!(
                    "by the gateway's clock (HTTP Date) it is valid: that clock is {} ours",
                    clock::said(skew)
                ));
            }
        }
        _ => {}
    }
    failure.origin = recording.chain.first().map(|leaf| match &failure.cause {
        Cause::Chain(faults) => origin(context, faults.first(), leaf),
        _ => Origin { key: fingerprint(leaf), file: None },
    });
    failure
}

/// What several failures of one certificate or one authority have in common.
#[must_use]
pub fn origin(context: &Context, fault: Option<&ChainFault>, leaf: &CertificateDer<'_>) -> Origin {
    use x509_parser::prelude::FromDer;
    match fault.map(|fault| (fault.kind, fault.variant)) {
        _ if fault.is_some_and(|fault| fault.of_anchor) => anchor_file(context),
        Some((CauseKind::UnknownAuthority, variant)) if variant != Some(Variant::SelfSigned) => {
            let issuer = x509_parser::certificate::X509Certificate::from_der(leaf)
                .map(|(_, certificate)| certificate.issuer().to_string())
                .unwrap_or_default();
            Origin { key: format!("authority {issuer}"), file: anchor_file(context).file }
        }
        _ => {
            let ca = &context.stack.anchors.file;
            let file = ca.parent().and_then(std::path::Path::parent).map(|root| root.join("server/tls.crt"));
            let on_disk = file
                .as_ref()
                .and_then(|file| crate::certificate_files::certificates(file).into_iter().next());
            let same = on_disk.is_some_and(|found| found == *leaf);
            let file = file.filter(|_| same).map(|file| file.display().to_string());
            Origin { key: fingerprint(leaf), file }
        }
    }
}

/// The CA file as the origin of a fault.
pub(crate) fn anchor_file(context: &Context) -> Origin {
    let file = context.stack.anchors.file.display().to_string();
    Origin { key: format!("anchors {file}"), file: Some(file) }
}

/// SHA-256 of a certificate, in hexadecimal digits.
#[must_use]
pub fn fingerprint(der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The certificate in the folder that closes the gap between what was presented and the CA file.
async fn intermediate(
    context: &Context,
    presented: &[CertificateDer<'static>],
    name: &str,
) -> Option<ChainFault> {
    let stack = &context.stack;
    let now = SystemTime::now();
    let root = stack.anchors.file.parent().and_then(std::path::Path::parent)?.to_owned();
    let found = tokio::task::spawn_blocking(move || lying_about(&root)).await.ok()?;
    let closes = |(_, one): &&(String, CertificateDer<'static>)| {
        let mut chain = presented.to_vec();
        chain.push(one.clone());
        let verdict = verdict::of_server(&chain, &stack.anchors.certificates, Some(name), now);
        verdict.faults.iter().all(|fault| fault.kind != CauseKind::UnknownAuthority)
    };
    let (file, one) = found.iter().find(closes)?;
    use x509_parser::prelude::FromDer;
    let (_, one) = x509_parser::certificate::X509Certificate::from_der(one).ok()?;
    Some(ChainFault::new(
        CauseKind::UnknownAuthority,
        Some(Variant::MissingIntermediate),
        format!("the certificate is issued by {}, which is not sent with it; it is in {file}", one.subject()),
    ))
}

/// Certificates in the folder and one level below, within bounds.
fn lying_about(root: &std::path::Path) -> Vec<(String, CertificateDer<'static>)> {
    let entries = |folder: &std::path::Path| -> Vec<std::path::PathBuf> {
        let read = std::fs::read_dir(folder).into_iter().flatten().flatten();
        let mut paths: Vec<_> = read.map(|entry| entry.path()).take(200).collect();
        paths.sort();
        paths
    };
    let mut files = Vec::new();
    for path in entries(root) {
        if path.is_dir() { files.extend(entries(&path)) } else { files.push(path) }
    }
    let mut found = Vec::new();
    for file in files {
        let named = file.extension().is_some_and(|end| end == "crt" || end == "pem" || end == "cer");
        let small = std::fs::metadata(&file).is_ok_and(|meta| meta.is_file() && meta.len() < 1 << 20);
        if !named || !small {
            continue;
        }
        let read = crate::certificate_files::certificates(&file);
        found.extend(read.into_iter().take(32).map(|one| (file.display().to_string(), one)));
    }
    found
}

/// Nothing that we speak: what does the server speak?
async fn versions(context: &Context, endpoint: &Endpoint, failure: Failure) -> Failure {
    for version in [hello::Version::Tls11, hello::Version::Tls10] {
        let deadline = context.attempt();
        let Ok((mut tap, _)) = dial::connect(endpoint, deadline).await else { return failure };
        context.own(tap.local());
        if endpoint.link == Link::Nats && crate::nats::read_info(&mut tap, deadline).await.is_err() {
            return failure;
        }
        let hello = hello::client_hello(version, endpoint.name(), hello::OLD_SUITES);
        if let hello::Answer::Accepted { .. } = hello::ask(&mut tap, &hello, deadline).await {
            return failure
                .because(format!("the server accepts {}, and neither TLSv1.2 nor TLSv1.3", version.slug()));
        }
    }
    failure
}

/// A handshake broke off, or what came was no TLS: the port is spoken to in clear.
async fn in_clear(context: &Context, endpoint: &Endpoint, mut failure: Failure) -> Failure {
    let words: &[u8] = match endpoint.link {
        // The preface and an empty SETTINGS frame (RFC 9113, 3.4).
        Link::GatewayGrpc | Link::SafetyKernel | Link::ContextEngine => {
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0"
        }
        Link::Redis => b"*1\r\n$4\r\nPING\r\n",
        Link::Gateway | Link::Dashboard => b"GET /healthz HTTP/1.0\r\n\r\n",
        // INFO has come in clear already.
        Link::Nats => return failure,
    };
    let patience = Instant::now() + Duration::from_millis(1500).min(context.stack.timeout);
    let Ok((mut tap, _)) = dial::connect(endpoint, patience.min(context.deadline)).await else {
        return failure;
    };
    context.own(tap.local());
    if tap.write_all(words).await.is_err() {
        return failure;
    }
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
    // A TLS server's own words for plaintext are no plaintext service.
    if crate::http::tell_tale(&said).is_some() {
        return failure;
    }
    let speaker = dial::speaker(&said);
    if speaker != Speaker::Unknown {
        failure.cause = Cause::NotTls(speaker);
        let text: String = String::from_utf8_lossy(&said[..said.len().min(40)]).escape_debug().collect();
        failure.facts.insert(0, format!("the port answers in clear: \"{text}\""));
    }
    failure
}
