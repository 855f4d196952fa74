//! `cordumctl status` as an operator would run it, in a clean environment and an empty directory; or,
//! where there is no cordumctl, a client with exactly its TLS rules.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use tls_verify_core::diagnosis::rules::OWN_TOOL;
use tls_verify_core::evidence::ToolFact;
use tls_verify_core::logs::classify::sense;
use tls_verify_core::redaction::redact;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;

use crate::context::Context;
use crate::dial::before;
use crate::fault::{Cause, Failure, Stage};
use crate::inspections;
use crate::peel::peel;
use crate::stack::{Endpoint, Link, TrustAnchors};

/// How a run of the CLI ended.
pub(crate) enum CliOutcome {
    Connected,
    /// Exit 0 without a word: it may have talked to nobody.
    Silent,
    Refused(Failure),
    /// It could not be run at all.
    NotRun(Failure),
}

/// What the CLI trusts.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Roots<'a> {
    File(&'a Path),
    System,
}

/// Its output is read up to here.
const OUTPUT_LIMIT: u64 = 64 * 1024;

/// The cordumctl that is to be run. It dials the name that it verifies: where that name leads nowhere from
/// here, the built-in client stands in.
pub(crate) fn program<'a>(context: &'a Context, gateway: &Endpoint) -> Option<&'a Path> {
    let by_name = gateway.via.is_none() && (gateway.explicit || gateway.addresses.is_empty());
    context.stack.cordumctl.as_deref().filter(|_| by_name)
}

/// Runs `cordumctl status`.
pub(crate) async fn cordumctl(
    context: &Context,
    endpoint: &Endpoint,
    program: &Path,
    roots: Roots<'_>,
    deadline: Instant,
) -> CliOutcome {
    let stack = &context.stack;
    let empty = match tempfile::tempdir() {
        Ok(directory) => directory,
        Err(error) => return CliOutcome::NotRun(peel(&error, Stage::Configure, false)),
    };
    let named = crate::stack::Endpoint { host: endpoint.name().to_owned(), ..endpoint.clone() };
    let mut command = Command::new(program);
    command.arg("status").arg("--gateway").arg(format!("https://{}{}", named.authority(), named.prefix));
    if let Roots::File(file) = roots {
        command.arg("--cacert").arg(std::path::absolute(file).unwrap_or_else(|_| file.to_owned()));
    }
    // Nothing of the caller's environment may change the verdict: CORDUM_TLS_INSECURE, SSL_CERT_*,
    // proxies. The key goes by the environment, never by an argument.
    command.env_clear().current_dir(empty.path()).env("HOME", empty.path()).env("PATH", "/usr/bin:/bin");
    command.env("CORDUM_TENANT_ID", &stack.tenant);
    if let Some(key) = &stack.api_key {
        command.env("CORDUM_API_KEY", key.expose());
    }
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
    let run = before(deadline, Stage::Exchange, async {
        let mut child = command.spawn().map_err(|error| {
            peel(&error, Stage::Configure, false).because(ToolFact::NotStarted {
                program: program.display().to_string(),
                error: error.to_string(),
            })
        })?;
        let (said, shown) = tokio::join!(head(child.stderr.take()), head(child.stdout.take()));
        let status = child.wait().await.map_err(|error| peel(&error, Stage::Exchange, false))?;
        Ok((status, said, shown))
    });
    let ended = run.await;
    inspections::note(
        Link::Gateway.service(),
        named.authority(),
        match &ended {
            Ok((status, ..)) => format!("cordumctl: {status}"),
            Err(_) => ToolFact::NotInTime.to_string(),
        },
    );
    match ended {
        Ok((status, said, shown)) if status.success() => {
            if said.is_empty() && shown.is_empty() {
                CliOutcome::Silent
            } else {
                CliOutcome::Connected
            }
        }
        Ok((status, said, _)) => CliOutcome::Refused(said_no(context, status.code(), &said)),
        Err(failure) if failure.stage == Stage::Configure => CliOutcome::NotRun(failure),
        Err(failure) => {
            let mut late = Failure::new(failure.stage, failure.cause).because(ToolFact::NotInTime);
            late.trail = failure.trail;
            CliOutcome::Refused(late.at(OWN_TOOL))
        }
    }
}

/// The front of an output; what comes behind it meets a closed pipe.
async fn head(output: Option<impl AsyncRead + Unpin>) -> Vec<u8> {
    let mut said = Vec::new();
    if let Some(output) = output {
        let _ = output.take(OUTPUT_LIMIT).read_to_end(&mut said).await;
    }
    said
}

/// The reason of a refusal, read from standard error; the key that cordumctl prints in its usage
/// text is masked.
fn said_no(context: &Context, code: Option<i32>, said: &[u8]) -> Failure {
    let stack = &context.stack;
    let text = String::from_utf8_lossy(said);
    // Notes may stand in front of the reason.
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).take(64);
    let first = lines.next().unwrap_or("(nothing)");
    let says = |line: &&str| line.contains("status 429:") || sense(line.as_bytes()).trouble().is_some();
    let line = std::iter::once(first).chain(lines).find(says).unwrap_or(first);
    let mut shown = redact(line);
    if let Some(key) = &stack.api_key
        && !key.expose().is_empty()
    {
        shown = shown.replace(key.expose(), "(redacted)");
    }
    let shown: String = shown.chars().take(400).collect();
    let cause = match code {
        // Usage error: a cordumctl of another version, no verdict on TLS.
        Some(2) => Cause::Other,
        // `status 429: {"code":"rate_limited",…}` (cordumctl 0.2).
        _ if line.contains("status 429:") => Cause::Http { status: 429 },
        _ => sense(line.as_bytes()).trouble().map_or(Cause::Other, Cause::Line),
    };
    Failure::new(Stage::Exchange, cause).because(ToolFact::Ended { code, words: shown })
}

/// The built-in client: cordumctl's TLS rules (minimum 1.2, HTTP/1.1, `--cacert` replaces the system
/// pool entirely, no proxy).
///
/// With the system's store it sends no key: whom that trusts is what is asked.
pub(crate) async fn built_in(
    context: &Context,
    gateway: &Endpoint,
    anchors: &TrustAnchors,
    sends_key: bool,
) -> CliOutcome {
    let mut stack = context.stack.clone();
    stack.anchors = anchors.clone();
    let inner = Context::new(stack, context.deadline);
    match crate::http::get(&inner, gateway, "/api/v1/status", sends_key).await {
        // Whatever the status: the server was trusted.
        Ok(_) if !sends_key => CliOutcome::Connected,
        Ok(answer) if answer.status == 200 => {
            if serde_json::from_slice::<serde_json::Value>(&answer.body).is_ok() {
                CliOutcome::Connected
            } else {
                let failure = Failure::new(Stage::Exchange, Cause::Http { status: 200 });
                CliOutcome::Refused(failure.because(ToolFact::NoJson))
            }
        }
        Ok(answer) => CliOutcome::Refused(crate::http::refused(&answer)),
        Err(failure) => CliOutcome::Refused(failure),
    }
}
