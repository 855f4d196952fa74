//! Shows that the files of the guide's layout are right, and that what is served is what lies on disk.
//! It cannot prove what a service on another machine mounts.

use std::path::Path;

use futures_util::FutureExt;
use futures_util::future::join_all;
use rustls_pki_types::CertificateDer;
use serde_json::{Map, Value, json};
use tls_verify_core::certificates::{CertificateFinding, ValidityPolicy, layout, pem};
use tls_verify_core::diagnosis::rules;
use tls_verify_core::evidence::{Fact, FolderFact};
use tls_verify_core::remedy::choose;

use crate::cause::{CauseKind, Severity, Side, Variant};
use crate::context::{Check, Context, Dials, Need};
use crate::dial;
use crate::fault::{Cause, ChainFault, Failure, FaultIdentity, FileFault, Stage};

use crate::certificate_files;
use crate::investigate::{described, fingerprint_of_file, premises};
use crate::nats;
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::stack::Link;
use crate::tls::{ANY_VERSION, Hello, Offer, TrustMode};

pub const CHECK: Check = Check {
    number: 13,
    id: "certificates",
    title: "The certificate files are right, and they are what is served",
    about: "the guide's layout judged as Go does; served end-entity certificate = file",
    documented: false,
    link: Link::Gateway,
    over: &[],
    dials: Dials::Never,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

/// Links that serve `server/tls.crt`.
const SERVING: &[Link] =
    &[Link::Gateway, Link::GatewayGrpc, Link::SafetyKernel, Link::ContextEngine, Link::Nats, Link::Redis];

/// Certificates on disk that the report names.
pub const FILES: usize = 60;

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let files = seen.expect("files", Expects::Works);
    if context.platform().await.is_ok_and(|platform| platform.is_collected()) {
        let failure = Failure::new(Stage::Configure, Cause::Other).because(FolderFact::OfAnotherMachine);
        seen.untried(files, failure);
        return seen;
    }
    let ca = &context.stack.anchors.file;
    let folder = ca.parent().and_then(Path::parent).filter(|_| ca.ends_with("ca/ca.crt"));
    let Some(folder) = folder else {
        let failure = Failure::new(Stage::Configure, Cause::Other)
            .because(FolderFact::OtherLayout { ca: ca.display().to_string() });
        seen.untried(files, failure);
        return seen;
    };
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let now = std::time::SystemTime::now();
    let options = ValidityPolicy { at: now.into(), expiry_warn: context.stack.expiry_warn };
    let judged = layout::verdict(certificate_files::layout(folder, None), &[], options);
    let mut wrong = 0_usize;
    let mut notes = Vec::new();
    let production = match context.platform().await {
        Ok(platform) => platform.instances().any(|one| one.configured.in_production()),
        Err(_) => false,
    };
    for finding in &judged.findings {
        let severity = match finding.variant {
            Some(Variant::WorldReadable) if production => Severity::Warning,
            _ => finding.severity,
        };
        match severity {
            Severity::Error => {
                wrong += 1;
                let right = seen.expect(finding.file.clone(), Expects::Works);
                seen.failed(right, failure(context, finding));
            }
            Severity::Warning => seen.warnings.push(failure(context, finding)),
            Severity::Note => notes.push(format!("{}: {}", finding.file, finding.message)),
        }
    }
    seen.detail("notes", notes);
    let facts = judged.sources.iter().flat_map(|source| &source.facts).take(FILES);
    seen.detail("files", facts.map(|one| json!(one)).collect::<Vec<Value>>());
    if wrong == 0 {
        seen.worked(files, format!("the files in {} are right", folder.display()));
    }
    drift(context, folder, &mut seen).await;
    seen
}

fn failure(context: &Context, finding: &CertificateFinding) -> Failure {
    let kind = finding.cause.unwrap_or(CauseKind::OtherTls);
    let file = CauseKind::BadKeyFile == kind || CauseKind::KeyMismatch == kind;
    let (fact, cause) = if file {
        let fault = FileFault {
            file: finding.file.clone().into(),
            variant: finding.variant.unwrap_or(Variant::WrongKind),
            message: finding.message.clone(),
            mismatch: kind == CauseKind::KeyMismatch,
        };
        (Fact::from(&fault), Cause::File(fault))
    } else {
        let fault = ChainFault::new(kind, finding.variant, finding.message.clone());
        (Fact::from(&fault), Cause::Chain(vec![fault]))
    };
    let identity = identity(context, finding, &cause);
    let mut failure = Failure::new(Stage::Configure, cause).because(fact).at(finding.file.clone());
    failure.identity = identity;
    // Whose file it is says which side has to be changed.
    if finding.file.contains("/server/") {
        failure.on(Side::Server)
    } else if finding.file.contains("/client/") || finding.file.contains("/ca/") {
        failure.on(Side::Client)
    } else {
        failure
    }
}

/// The certificate or authority at fault, as the links that show it name it.
fn identity(context: &Context, finding: &CertificateFinding, cause: &Cause) -> Option<FaultIdentity> {
    let Cause::Chain(faults) = cause else {
        return Some(rules::of_file(&finding.file, fingerprint_of_file(&finding.file).as_deref()));
    };
    let leaf = certificate_files::certificates(Path::new(&finding.file)).into_iter().next()?;
    let (premises, presented) = (premises(&context.stack), described(&context.stack, &leaf));
    let anchors = &context.stack.anchors.file;
    if anchors == Path::new(&finding.file) {
        return Some(rules::anchor_file(&premises));
    }
    if context.stack.identity.get().is_ok_and(|identity| identity.cert_file == Path::new(&finding.file)) {
        return Some(rules::of_file(&finding.file, Some(&presented.fingerprint)));
    }
    Some(rules::identity(&premises, faults.first()?, &presented))
}

/// What each reachable endpoint serves against `server/tls.crt`.
async fn drift(context: &Context, folder: &Path, seen: &mut Observation) {
    let file = folder.join("server/tls.crt");
    let Some(on_disk) = certificate_files::certificates(&file).into_iter().next() else { return };
    let looks = SERVING.iter().map(|link| async move { (*link, served(context, *link).await) });
    let mut table = Map::new();
    let mut same = 0_usize;
    for (link, leaf) in join_all(looks).await {
        let Some(leaf) = leaf else { continue };
        let named = if leaf == on_disk { None } else { named(context, link).await };
        let equal = match &named {
            Some((_, Some(held))) => leaf == *held,
            // It names a file of its own, which cannot be seen from here.
            Some((path, None)) if !path.ends_with("server/tls.crt") => {
                table.insert(link.to_string(), json!({ "names": path }));
                continue;
            }
            _ => leaf == on_disk,
        };
        table.insert(link.to_string(), json!({ "same_as_file": equal }));
        if equal {
            same += 1;
            continue;
        }
        let file = match named {
            Some((path, Some(_))) => path,
            _ => file.display().to_string(),
        };
        // Go's servers look at their files again; NATS and Redis read them at their start alone.
        let rereads = !matches!(link, Link::Nats | Link::Redis);
        let fault = ChainFault::served_differs(link.service(), &file, rereads);
        let fact = Fact::from(&fault);
        let failure = Failure::new(Stage::Handshake, Cause::Chain(vec![fault]));
        seen.warnings.push(failure.because(fact).at(link.service()));
    }
    seen.detail("served", Value::Object(table));
    if same > 0 && seen.warnings.is_empty() {
        let served = seen.expect("served", Expects::Works);
        seen.worked(served, format!("{same} endpoints serve the file"));
    }
}

/// The certificate file that a server's own setting names, and what it holds, as its container sees it.
async fn named(context: &Context, link: Link) -> Option<(String, Option<CertificateDer<'static>>)> {
    let variable = choose::certificate_variable(link)?;
    let platform = context.platform().await.ok()?;
    let container = platform.of_service(link.service()).next()?;
    let path = container.variable(variable)?;
    let held = platform.file(container, path).await.ok();
    let first = held.and_then(|bytes| pem::certificates(&bytes).next().map(CertificateDer::from));
    Some((path.to_owned(), first))
}

/// The end-entity certificate that a link serves, looked at without trust.
async fn served(context: &Context, link: Link) -> Option<CertificateDer<'static>> {
    if let Some(recording) = context.served(link) {
        return recording.chain.into_iter().next();
    }
    let endpoint = context.resolved(link).await;
    let deadline = context.attempt();
    let (mut tap, address) = dial::connect(&endpoint, deadline).await.ok()?;
    context.own(tap.local());
    if link == Link::Nats {
        let info = nats::read_info(&mut tap, deadline).await.ok()?;
        if !info.tls_required && !info.tls_available {
            return None;
        }
        tap.forget();
    }
    let offer = Offer {
        trust: TrustMode::Observe(context.stack.anchors.certificates.clone()),
        name: endpoint.name(),
        identity: None,
        alpn: if link == Link::Gateway || link == Link::Nats || link == Link::Redis { &[] } else { &[b"h2"] },
        versions: ANY_VERSION,
        hello: Hello::AsGo,
    };
    let recording = match dial::handshake(tap, address, &offer, deadline).await {
        Ok(dialled) => dialled.recording(),
        Err(broken) => broken.recording,
    };
    recording.chain.into_iter().next()
}
