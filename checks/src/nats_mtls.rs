//! Proves that NATS refuses, in TLS, a client without a certificate, one with a certificate of a CA
//! made up on the spot, and a plaintext one, while the worker's own identity is let in. It does not
//! prove which subjects a client may use.

use std::time::Instant;

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::cause::CauseKind;
use crate::context::{Check, Context, Dials, Need, QUIET};
use crate::dial::{self, before};
use crate::endpoint_resolution::Replica;
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::nats::{self, Info, SessionOptions};
use crate::observation::{Claim, EvidenceLevel, ExpectedRefusal, Expects, Observation};
use crate::peel::peel;
use crate::served;
use crate::stack::{Endpoint, Identity, Link};
use tls_verify_core::evidence::NatsFact;

pub const CHECK: Check = Check {
    number: 6,
    id: "nats-mtls",
    title: "NATS refuses clients without the right certificate",
    about: "no certificate, a certificate of a throw-away CA and plaintext are each refused in TLS",
    documented: true,
    link: Link::Nats,
    over: &[Link::Nats],
    dials: Dials::Otherwise,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

/// How a server says that it wants another certificate.
const REFUSED: Expects = Expects::Refused(&ExpectedRefusal {
    by: &[CauseKind::ClientCertRequired, CauseKind::BadCertificate],
    admitted: CauseKind::MtlsNotEnforced,
    component: "nats",
});

const CONTROL: &str = "control: the worker's certificate";
const PLAINTEXT: &str = "a plaintext client";

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let control = seen.expect(CONTROL, Expects::Control);
    match nats::control(context).await {
        Ok(greeted) => {
            seen.worked(control, format!("the worker's identity is let in over {}", greeted.version));
            policy(&mut seen, &greeted.info);
        }
        // A server that offers no TLS at all lets everybody in: nothing more is needed to know that.
        Err(failure) if matches!(failure.cause, Cause::NotTls(WireProtocol::NatsPlain)) => {
            let plain = seen.expect(PLAINTEXT, REFUSED);
            match plaintext(context, &context.resolved(Link::Nats).await).await {
                Ok(what) => seen.worked(plain, what),
                Err(_) => seen.untried(control, failure.clone()),
            }
            return seen;
        }
        Err(failure) => seen.untried(control, failure.clone()),
    }
    let rogue = rogue();
    for replica in context.replicas(Link::Nats).await {
        let endpoint = &replica.endpoint;
        // What refuses everybody refuses these too: each of several servers needs a control of its own.
        if replica.name.is_some() {
            let control = seen.expect(replica.step(CONTROL), Expects::Control);
            admitted(context, &replica, control, &mut seen).await;
        }
        let nobody = seen.expect(replica.step("a client without a certificate"), REFUSED);
        let somebody = seen.expect(replica.step("a client with a certificate of a throw-away CA"), REFUSED);
        let in_clear = seen.expect(replica.step(PLAINTEXT), REFUSED);
        let (anonymous, stranger, plain) = tokio::join!(
            attempt(context, endpoint, None),
            async {
                match &rogue {
                    Ok(identity) => attempt(context, endpoint, Some(identity)).await,
                    Err(failure) => Err(failure.clone()),
                }
            },
            plaintext(context, endpoint)
        );
        for (claim, ended) in [(nobody, anonymous), (somebody, stranger), (in_clear, plain)] {
            match ended {
                Ok(what) => seen.worked(claim, what),
                Err(failure) => seen.failed(claim, replica.met(failure)),
            }
        }
    }
    seen
}

/// The worker's identity at one of several servers.
async fn admitted(context: &Context, replica: &Replica, control: Claim, seen: &mut Observation) {
    let manner = SessionOptions { identity: context.stack.identity.get().ok(), patient: true };
    match nats::open(context, &replica.endpoint, manner, context.attempt()).await {
        Ok(greeted) => {
            let what = format!("the worker's identity is let in over {}", greeted.version);
            seen.worked(control, what);
        }
        Err((_, broken)) => {
            seen.untried(control, replica.met(broken.failure));
        }
    }
}

fn policy(seen: &mut Observation, info: &Info) {
    seen.detail(
        "info",
        serde_json::json!({ "version": info.version, "tls_required": info.tls_required,
                            "tls_verify": info.tls_verify, "auth_required": info.auth_required }),
    );
    let demands = seen.expect("INFO demands TLS", Expects::Works);
    if info.tls_required {
        seen.worked(demands, "tls_required");
    } else {
        let failure = Failure::new(Stage::Session, Cause::Accepted { kind: CauseKind::MtlsNotEnforced })
            .because(NatsFact::DemandsNoTls)
            .at("nats");
        seen.failed(demands, failure);
    }
}

/// A session without the right certificate. `Ok` means that it was let in.
async fn attempt(
    context: &Context,
    endpoint: &Endpoint,
    identity: Option<&Identity>,
) -> Result<String, Failure> {
    let manner = SessionOptions { identity, patient: true };
    match nats::open(context, endpoint, manner, context.attempt()).await {
        Ok(greeted) => Ok(format!("PONG over {}", greeted.version)),
        // Refused at login: TLS let the client in, so the certificate is not what protects.
        Err((_, broken)) if matches!(broken.failure.cause, Cause::Login) => {
            Ok(format!("TLS let it in; only the login refused it ({})", broken.failure.words()))
        }
        Err((_, broken)) if identity.is_none() && matches!(broken.failure.cause, Cause::NotDialled) => {
            match served::asks_nobody(context, endpoint.link).await {
                true => Ok("it asked for no certificate when it was collected".to_owned()),
                false => Err(broken.failure),
            }
        }
        Err((_, broken)) => Err(broken.failure),
    }
}

/// `CONNECT` and `PING` in clear right after INFO. `Ok` means that it was let in.
async fn plaintext(context: &Context, endpoint: &Endpoint) -> Result<String, Failure> {
    let deadline = context.attempt();
    let (mut tap, _) = dial::connect(endpoint, deadline).await?;
    context.own(tap.local());
    let info = nats::read_info(&mut tap, deadline).await?;
    before(deadline, Stage::Session, async {
        let broke = |error: std::io::Error| peel(&error, Stage::Session, false);
        tap.write_all(b"CONNECT {\"verbose\":false,\"name\":\"tls-verify\"}\r\nPING\r\n")
            .await
            .map_err(broke)?;
        let patience = Instant::now() + 6 * QUIET;
        let mut answer = Vec::new();
        let mut buffer = [0_u8; 1024];
        loop {
            let read = match tokio::time::timeout_at(patience.into(), tap.read(&mut buffer)).await {
                Ok(read) => read,
                Err(_) => return Err(Failure::new(Stage::Session, Cause::TimedOut)),
            };
            match read {
                Ok(0) => break,
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(_) => break,
            }
            if answer.windows(4).any(|window| window == b"PONG") {
                break;
            }
            // It goes on talking in clear: that is no refusal.
            if answer.len() > 4096 {
                return Err(Failure::new(Stage::Session, Cause::Eof).because(NatsFact::EndlessInClear));
            }
        }
        let text = String::from_utf8_lossy(&answer);
        if text.contains("PONG") {
            return Ok("PONG in clear".to_owned());
        }
        if text.contains("Authorization Violation") {
            return Ok("only the login refused it, in clear".to_owned());
        }
        // Refused for another reason (`maximum connections exceeded`): that says nothing of plaintext.
        if text.lines().any(|line| line.starts_with("-ERR")) && !text.contains("Secure Connection") {
            return Err(nats::said(&answer));
        }
        // nats-server closes without a word, or with -ERR 'Secure Connection - TLS Required', or with
        // the alert of a TLS stack that met no TLS record: all are the refusal of plaintext.
        if info.tls_required {
            return Err(Failure::new(
                Stage::Handshake,
                Cause::Line(crate::fault::Recognised {
                    kind: CauseKind::ClientCertRequired,
                    variant: None,
                    side: crate::cause::Side::Client,
                    confidence: crate::cause::Confidence::Certain,
                    link: Some(Link::Nats),
                }),
            )
            .because(NatsFact::ClosesInClear));
        }
        Err(Failure::new(Stage::Session, Cause::Eof))
    })
    .await
}

/// A client certificate of a CA that exists for this run alone.
fn rogue() -> Result<Identity, Failure> {
    make_rogue().map_err(|error| peel(&error, Stage::Configure, false))
}

fn make_rogue() -> Result<Identity, rcgen::Error> {
    use rcgen::{
        BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    };
    let ca_key = KeyPair::generate()?;
    let mut ca = CertificateParams::new(Vec::new())?;
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    ca.distinguished_name.push(DnType::CommonName, "tls-verify throw-away CA");
    let issuer = Issuer::new(ca, ca_key);
    let key = KeyPair::generate()?;
    let mut leaf = CertificateParams::new(Vec::new())?;
    leaf.distinguished_name.push(DnType::CommonName, "tls-verify stranger");
    leaf.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let certificate = leaf.signed_by(&key, &issuer)?;
    Ok(Identity {
        cert_file: "(made up for this run)".into(),
        key_file: "(made up for this run)".into(),
        chain: vec![certificate.der().clone()],
        key: rustls_pki_types::PrivateKeyDer::Pkcs8(key.serialize_der().into()),
        ready: std::sync::Arc::default(),
    })
}
