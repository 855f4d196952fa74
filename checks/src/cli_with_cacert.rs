//! Proves that an operator's `cordumctl status --gateway U --cacert CA` works in a clean environment.
//! It does not prove that the links behind the gateway work: cordumctl exits 0 even then.

use futures_util::FutureExt;

use tls_verify_core::evidence::ToolFact;

use crate::cli::{self, CliOutcome, Roots};
use crate::context::{Check, Context, Dials, Need};
use crate::fault::{Cause, Failure, Stage};
use crate::gateway_https::{fine_unless, limited, unready};
use crate::observation::{Claim, EvidenceLevel, Expects, Observation};
use crate::stack::{Endpoint, Link};

pub const CHECK: Check = Check {
    number: 3,
    id: "cli-with-cacert",
    title: "The CLI connects with --cacert",
    about: "cordumctl status --gateway U --cacert CA exits 0 in a clean environment",
    documented: true,
    link: Link::Gateway,
    over: &[Link::Gateway],
    dials: Dials::Program,
    needs: &[Need::Anchors, Need::ApiKey],
    observe: |context| observe(context).boxed(),
};

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    for replica in context.replicas(Link::Gateway).await {
        let status = seen.expect(replica.step("status with the CA"), Expects::Works);
        one(context, &replica.endpoint, status, &mut seen).await;
    }
    seen
}

async fn one(context: &Context, gateway: &Endpoint, status: Claim, seen: &mut Observation) {
    let who = match (cli::program(context, gateway), &context.stack.cordumctl) {
        (Some(program), _) => format!("cordumctl ({})", program.display()),
        (None, Some(_)) => {
            "the built-in client with cordumctl's TLS rules (the gateway's name leads nowhere from here)"
                .to_owned()
        }
        (None, None) => "the built-in client with cordumctl's TLS rules (no cordumctl on PATH)".to_owned(),
    };
    seen.detail("client", who.as_str());
    match with_ca(context, gateway).await {
        CliOutcome::Silent if !crate::cli_without_cacert::refuses_unknown_ca(context, gateway).await => {
            let failure = Failure::new(Stage::Exchange, Cause::Other).because(ToolFact::Silent { who });
            seen.untried(status, failure);
        }
        CliOutcome::Connected | CliOutcome::Silent => seen.worked(status, format!("{who} connects")),
        CliOutcome::NotRun(failure) => seen.untried(status, failure),
        CliOutcome::Refused(failure) if matches!(failure.cause, Cause::Http { status: 429 }) => {
            let unready = unready(context).await;
            limited(seen, status, fine_unless(failure, unready.as_ref()), unready);
        }
        CliOutcome::Refused(failure) => seen.failed(status, failure),
    }
}

/// The run with the CA.
async fn with_ca(context: &Context, gateway: &Endpoint) -> CliOutcome {
    let anchors = &context.stack.anchors;
    match cli::program(context, gateway) {
        Some(program) => {
            cli::cordumctl(context, gateway, program, Roots::File(&anchors.file), context.attempt()).await
        }
        None => cli::built_in(context, gateway, anchors, true).await,
    }
}

/// Positive control of the negative check: a handshake on the wire with the right trust.
pub(crate) async fn control(context: &Context, gateway: &Endpoint) -> Result<(), Failure> {
    let dialled = context.dial(gateway, None, &[b"http/1.1"], context.attempt()).await;
    dialled.map(drop).map_err(|broken| broken.failure)
}
