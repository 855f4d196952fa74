//! Proves that an operator's `cordumctl status --gateway U --cacert CA` works in a clean environment.
//! It does not prove that the links behind the gateway work: cordumctl exits 0 even then.

use futures_util::FutureExt;

use crate::cli::{self, Ended, Roots};
use crate::context::{Check, Context, Need};
use crate::fault::{Cause, Failure, Stage};
use crate::gateway_https::{fine_unless, limited, unready};
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::stack::Link;

pub const CHECK: Check = Check {
    number: 3,
    id: "cli-with-cacert",
    title: "The CLI connects with --cacert",
    about: "cordumctl status --gateway U --cacert CA exits 0 in a clean environment",
    documented: true,
    needs: &[Need::Anchors, Need::ApiKey],
    observe: |context| observe(context).boxed(),
};

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    let status = seen.expect("status with the CA", Expects::Works);
    let who = match (cli::program(context).await, &context.stack.cordumctl) {
        (Some(program), _) => format!("cordumctl ({})", program.display()),
        (None, Some(_)) => {
            "the built-in client with cordumctl's TLS rules (the gateway's name leads nowhere from here)"
                .to_owned()
        }
        (None, None) => "the built-in client with cordumctl's TLS rules (no cordumctl on PATH)".to_owned(),
    };
    seen.detail("client", who.as_str());
    match with_ca(context).await {
        Ended::Silent if !crate::cli_without_cacert::refuses_strangers(context).await => {
            let failure = Failure::new(Stage::Exchange, Cause::Other).because(format!(
                "{who} ends with exit 0 and no output whatever CA it is given: nothing shows that it talked to the \
                 gateway"
            ));
            seen.untried(status, failure);
        }
        Ended::Connected | Ended::Silent => seen.worked(status, format!("{who} connects")),
        Ended::NotRun(failure) => seen.untried(status, failure),
        Ended::Refused(failure) => {
            if !matches!(failure.cause, Cause::Http { status: 429 }) {
                seen.failed(status, failure);
                return seen;
            }
            let unready = unready(context).await;
            limited(&mut seen, status, fine_unless(failure, unready.as_ref()), unready);
        }
    }
    seen
}

/// The run with the CA.
pub(crate) async fn with_ca(context: &Context) -> Ended {
    match cli::program(context).await {
        Some(program) => {
            cli::cordumctl(context, program, Roots::File(&context.stack.anchors.file), context.attempt())
                .await
        }
        None => cli::built_in(context, &context.stack.anchors).await,
    }
}

/// Positive control of the negative check: a handshake on the wire with the right trust.
pub(crate) async fn control(context: &Context) -> Result<(), Failure> {
    let made = context.cli_control.get_or_init(|| async {
        let deadline = context.attempt();
        match context.dial(&context.placed(Link::Gateway).await, None, &[b"http/1.1"], deadline).await {
            Ok(_) => Ok(()),
            Err(broken) => Err(broken.failure),
        }
    });
    made.await.clone()
}
