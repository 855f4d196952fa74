//! Questions about the certificates that a server showed: what it is asked for, what would have been missing, what the
//! clock makes of it.

use std::path::Path;
use std::time::SystemTime;

use rustls_pki_types::CertificateDer;
use tls_verify_core::evidence::{Clock, Intermediate, PresentedChain};
use tls_verify_core::x509::verdict;

use crate::cause::CauseKind;
use crate::certificate_files::certificates;
use crate::clock;
use crate::context::Context;
use crate::stack::{Link, Stack};

/// By which authorities the server says that it knows its clients, where ours is none of them.
pub(super) fn asked_for(context: &Context, link: Link, topmost: Option<&CertificateDer<'_>>) -> Vec<String> {
    use x509_parser::prelude::FromDer;
    let names = context.served(link).and_then(|recording| recording.asked_for_certificate);
    let Some(names) = names.filter(|names| !names.is_empty()) else { return Vec::new() };
    let issuer = topmost
        .and_then(|der| x509_parser::certificate::X509Certificate::from_der(der).ok())
        .map(|(_, certificate)| certificate.issuer().as_raw().to_vec());
    if issuer.is_none_or(|issuer| names.contains(&issuer)) {
        return Vec::new();
    }
    names
        .iter()
        .filter_map(|name| x509_parser::x509::X509Name::from_der(name).ok())
        .map(|(_, name)| name.to_string())
        .collect()
}

pub(super) type Chain = [CertificateDer<'static>];

/// The chain of the connection that failed, else what the link presented to us.
fn chain_of(context: &Context, link: Link, chain: &Chain) -> Option<Vec<CertificateDer<'static>>> {
    if chain.is_empty() { Some(context.served(link)?.chain) } else { Some(chain.to_vec()) }
}

pub(super) async fn presented_chain(context: &Context, link: Link, chain: &Chain) -> Option<PresentedChain> {
    // A program of its own, as cordumctl, keeps what it was presented to itself.
    if chain.is_empty() && context.served(link).is_none() && link != Link::Nats {
        let _ = context.dial(&context.resolved(link).await, None, &[], context.attempt()).await;
    }
    let chain = chain_of(context, link, chain)?;
    Some(described(&context.stack, chain.first()?))
}

/// An end-entity certificate as others name it.
pub(crate) fn described(stack: &Stack, leaf: &CertificateDer<'_>) -> PresentedChain {
    use x509_parser::prelude::FromDer;
    let issuer = x509_parser::certificate::X509Certificate::from_der(leaf)
        .map(|(_, certificate)| certificate.issuer().to_string())
        .unwrap_or_default();
    let root = stack.anchors.file.parent().and_then(Path::parent);
    let file = root.map(|root| root.join("server/tls.crt"));
    let on_disk = file.as_ref().and_then(|file| certificates(file).into_iter().next());
    let same = on_disk.is_some_and(|found| found == *leaf);
    PresentedChain {
        fingerprint: fingerprint(leaf),
        issuer,
        file: file.filter(|_| same).map(|file| file.display().to_string()),
    }
}

/// SHA-256 of a certificate, in hexadecimal digits.
pub(super) fn fingerprint(der: &[u8]) -> String {
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, der);
    digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The same of a file's certificate.
pub(crate) fn fingerprint_of_file(path: &str) -> Option<String> {
    certificates(Path::new(path)).first().map(|certificate| fingerprint(certificate))
}

/// The certificate in the folder that closes the gap between what was presented and the CA file.
pub(super) async fn intermediate(context: &Context, link: Link, chain: &Chain) -> Option<Intermediate> {
    use x509_parser::prelude::FromDer;
    let stack = &context.stack;
    let presented = chain_of(context, link, chain)?;
    let endpoint = context.resolved(link).await;
    let now = SystemTime::now();
    let root = stack.anchors.file.parent().and_then(Path::parent)?.to_owned();
    let found = tokio::task::spawn_blocking(move || lying_about(&root)).await.ok()?;
    let closes = |(_, one): &&(String, CertificateDer<'static>)| {
        let mut chain = presented.clone();
        chain.push(one.clone());
        let judged = verdict::of_server(&chain, &stack.anchors.certificates, Some(endpoint.name()), now);
        judged.faults.iter().all(|fault| fault.kind != CauseKind::UnknownAuthority)
    };
    let (file, one) = found.iter().find(closes)?;
    let (_, one) = x509_parser::certificate::X509Certificate::from_der(one).ok()?;
    Some(Intermediate { subject: one.subject().to_string(), file: file.clone() })
}

/// Certificates in the folder and one level below, within bounds.
fn lying_about(root: &Path) -> Vec<(String, CertificateDer<'static>)> {
    let entries = |folder: &Path| -> Vec<std::path::PathBuf> {
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
        let read = certificates(&file).into_iter();
        found.extend(read.take(32).map(|one| (file.display().to_string(), one)));
    }
    found
}

pub(super) async fn other_clock(context: &Context, link: Link, chain: &Chain) -> Option<Clock> {
    let skew = clock::skew(context).await?;
    let theirs = clock::shifted(SystemTime::now(), skew)?;
    let chain = chain_of(context, link, chain)?;
    let endpoint = context.resolved(link).await;
    let anchors = &context.stack.anchors.certificates;
    let judged = verdict::of_server(&chain, anchors, Some(endpoint.name()), theirs);
    Some(Clock { skew, faults: judged.faults })
}
