//! Proves that the CLI refuses the gateway when it is given no CA, and because the authority is
//! unknown. Where the certificate chains to the system store, enforcement is proved with a throw-away
//! CA instead. It does not prove what other clients verify.

use futures_util::FutureExt;

use tls_verify_core::evidence::ToolFact;

use crate::cause::CauseKind;
use crate::cli::{self, CliOutcome, Roots};
use crate::cli_with_cacert::control;
use crate::context::{Check, Context, Dials, Need};
use crate::fault::{Cause, Failure, Stage};
use crate::observation::{Claim, EvidenceLevel, ExpectedRefusal, Expects, Observation};
use crate::stack::{Endpoint, Link, TrustAnchors};
use crate::system_store;

pub const CHECK: Check = Check {
    number: 4,
    id: "cli-without-cacert",
    title: "The CLI refuses the gateway without the CA",
    about: "without --cacert the authority is unknown, while the handshake with the CA works",
    documented: true,
    link: Link::Gateway,
    over: &[Link::Gateway],
    dials: Dials::Otherwise,
    needs: &[Need::Anchors, Need::ApiKey],
    observe: |context| observe(context).boxed(),
};

/// The right refusals; which of them depends on the store's contents.
const REFUSED: Expects = Expects::Refused(&ExpectedRefusal {
    by: &[CauseKind::UnknownAuthority, CauseKind::BadSignature],
    admitted: CauseKind::VerificationNotEnforced,
    component: "cordumctl",
});

const ADMITTED: &str = "the CLI connected without the CA to a server that it has no reason to trust";

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    for replica in context.replicas(Link::Gateway).await {
        let handshake = seen.expect(replica.step("control: handshake with the CA"), Expects::Control);
        let refuses = seen.expect(replica.step("status without the CA"), REFUSED);
        match control(context, &replica.endpoint).await {
            Ok(()) => {
                seen.worked(handshake, "it works");
                one(context, &replica.endpoint, refuses, &mut seen).await;
            }
            Err(failure) => seen.untried(handshake, failure),
        }
    }
    seen
}

async fn one(context: &Context, gateway: &Endpoint, refuses: Claim, seen: &mut Observation) {
    let ended = match cli::program(context, gateway) {
        Some(program) => cli::cordumctl(context, gateway, program, Roots::System, context.attempt()).await,
        None => cli::built_in(context, gateway, &system_store::load(), false).await,
    };
    match ended {
        CliOutcome::NotRun(failure) => seen.untried(refuses, failure),
        CliOutcome::Refused(failure) => seen.failed(refuses, failure),
        CliOutcome::Connected | CliOutcome::Silent => connected(context, gateway, refuses, seen).await,
    }
}

/// It connected: because the system trusts the authority, or because it verifies nothing? A CA that nobody
/// trusts decides what is claimed.
async fn connected(context: &Context, gateway: &Endpoint, refuses: Claim, seen: &mut Observation) {
    let stranger = match throw_away() {
        Ok(file) => file,
        Err(failure) => {
            seen.untried(refuses, failure);
            return;
        }
    };
    let ended = match cli::program(context, gateway) {
        Some(program) => {
            let roots = Roots::File(stranger.path());
            cli::cordumctl(context, gateway, program, roots, context.attempt()).await
        }
        None => {
            let certificates = crate::certificate_files::certificates(stranger.path()).into();
            let anchors = TrustAnchors { file: stranger.path().to_owned(), certificates };
            cli::built_in(context, gateway, &anchors, false).await
        }
    };
    match ended {
        CliOutcome::Connected | CliOutcome::Silent => seen.worked(refuses, ADMITTED),
        CliOutcome::NotRun(failure) => seen.untried(refuses, failure),
        CliOutcome::Refused(failure) => {
            let reason = failure.kind().map_or("no reason", CauseKind::slug).replace('-', " ");
            seen.summary = Some(format!("refused with a throw-away CA: {reason}"));
            seen.failed(refuses, failure);
            let note = Failure::new(Stage::Exchange, Cause::Other).because(ToolFact::TrustedBySystem);
            seen.warnings.push(note);
        }
    }
}

/// With a CA that has signed nothing it does not end well.
pub(crate) async fn refuses_unknown_ca(context: &Context, gateway: &Endpoint) -> bool {
    let (Some(program), Ok(stranger)) = (cli::program(context, gateway), throw_away()) else { return false };
    let stranger = Roots::File(stranger.path());
    let ended = cli::cordumctl(context, gateway, program, stranger, context.attempt()).await;
    matches!(ended, CliOutcome::Refused(_))
}

fn throw_away() -> Result<tempfile::NamedTempFile, Failure> {
    use std::io::Write;
    let broke = |error: &(dyn std::error::Error + 'static)| crate::peel::peel(error, Stage::Configure, false);
    let key = rcgen::KeyPair::generate().map_err(|error| broke(&error))?;
    let mut params = rcgen::CertificateParams::new(Vec::new()).map_err(|error| broke(&error))?;
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    params.distinguished_name.push(rcgen::DnType::CommonName, "tls-verify throw-away CA");
    let certificate = params.self_signed(&key).map_err(|error| broke(&error))?;
    let mut file = tempfile::NamedTempFile::new().map_err(|error| broke(&error))?;
    file.write_all(certificate.pem().as_bytes()).map_err(|error| broke(&error))?;
    Ok(file)
}
