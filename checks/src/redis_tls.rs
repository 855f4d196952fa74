//! Proves that Redis speaks TLS verified with `ca.crt`, lets our login in, and does not answer in
//! clear on the same port. It does not prove what the services' own connections do; their logs tell.

use std::time::{Duration, Instant};

use futures_util::FutureExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::bound::Bounded;
use crate::cause::CauseKind;
use crate::context::{Check, Context, Dials, Need};
use crate::dial::{self, before};
use crate::endpoint_resolution::Replica;
use crate::fault::{Cause, Failure, Stage, WireProtocol};
use crate::observation::{EvidenceLevel, Expects, Observation};
use crate::peel::peel;
use crate::served::PortAnswer;
use crate::stack::Link;
use tls_verify_core::evidence::{Fact, RedisFact};

pub const CHECK: Check = Check {
    number: 8,
    id: "redis-tls",
    title: "Redis answers over TLS verified with the CA, and not in clear",
    about: "TLS session with ca.crt, AUTH where there is a password, PING; plaintext PING gets no answer",
    documented: false,
    link: Link::Redis,
    over: &[Link::Redis],
    dials: Dials::Verified,
    needs: &[Need::Anchors],
    observe: |context| observe(context).boxed(),
};

/// The answers to a login and a `PING` have some tens of bytes.
const ANSWER_LIMIT: usize = 256 * 1024;

async fn observe(context: &Context) -> Observation {
    let mut seen = Observation::new(EvidenceLevel::Proved);
    for replica in context.replicas(Link::Redis).await {
        one(context, &replica, &mut seen).await;
    }
    seen
}

async fn one(context: &Context, replica: &Replica, seen: &mut Observation) {
    let endpoint = &replica.endpoint;
    let over_tls = seen.expect(replica.step("PING over TLS"), Expects::Works);
    let plain = seen.expect(replica.step("plaintext PING gets no answer"), Expects::Works);
    let mut clear = std::pin::pin!(in_clear(context, endpoint));
    let mut session = std::pin::pin!(session(context, endpoint));
    // A plaintext Redis answers a TLS hello with silence: its plaintext answer saves the wait.
    let (session, clear) = tokio::select! {
        biased;
        clear = &mut clear => match &clear {
            Ok(Some(_)) => (Err(Failure::new(Stage::Handshake, Cause::TimedOut)), clear),
            _ => (session.await, clear),
        },
        made = &mut session => (made, clear.await),
    };
    let answered = clear.as_ref().ok().and_then(Clone::clone);
    match session {
        Ok(what) => seen.worked(over_tls, replica.step(&what)),
        Err(failure) => {
            // A TLS hello to a plaintext Redis gets silence; only the plaintext PING tells.
            let failure = match &answered {
                Some(answer) => Failure { cause: Cause::NotTls(WireProtocol::Redis), ..failure }
                    .because(RedisFact::SamePortInClear { answer: answer.clone() }),
                None => failure,
            };
            let failure = match context.stack.identity.get() {
                Err(fault) if matches!(failure.kind(), Some(CauseKind::ClientCertRequired)) => {
                    Failure { cause: Cause::File(fault.clone()), ..failure }
                        .because(fault)
                        .at(fault.file.display().to_string())
                }
                _ => failure,
            };
            seen.failed(over_tls, replica.met(failure));
            return;
        }
    }
    match clear {
        Ok(None) => seen.worked(plain, "plaintext gets no answer"),
        Ok(Some(answer)) => {
            let failure = Failure::new(Stage::Exchange, Cause::NotTls(WireProtocol::Redis))
                .because(RedisFact::TlsPortInClear { answer });
            seen.failed(plain, replica.met(failure));
        }
        Err(failure) => seen.untried(plain, replica.met(failure)),
    }
}

async fn session(context: &Context, endpoint: &crate::stack::Endpoint) -> Result<String, Failure> {
    let stack = &context.stack;
    let deadline = context.attempt();
    if stack.redis_password.is_none() {
        let answer = ping_at(context, endpoint, deadline).await?;
        return Ok(if answer.starts_with("-NOAUTH") {
            "NOAUTH over TLS: TLS is proved, no password was given".to_owned()
        } else {
            "PONG over TLS; Redis asks for no password".to_owned()
        });
    }
    let logged_in = async {
        let mut open = open(context, endpoint, deadline).await?;
        let answer: String = open.ask(&redis::cmd("PING"), deadline).await?;
        match answer.as_str() {
            "PONG" => Ok(format!("PONG over {} after login", open.version)),
            other => Err(Failure::new(Stage::Exchange, Cause::Other)
                .because(RedisFact::AnsweredPing { answer: other.escape_debug().to_string() })),
        }
    }
    .await;
    match logged_in {
        // What is no Redis: its own words tell more than the library's error.
        Err(failure)
            if failure.stage >= Stage::Session
                && (failure.cause.reading().is_none()
                    || matches!(failure.cause, Cause::Eof | Cause::Reset)) =>
        {
            match ping_at(context, endpoint, context.attempt()).await {
                Err(found) if matches!(found.cause, Cause::NotTls(WireProtocol::HttpInTls) | Cause::Full) => {
                    Err(found)
                }
                _ => Err(failure),
            }
        }
        ended => ended,
    }
}

/// How we log in, if at all.
pub(crate) fn login(context: &Context) -> redis::RedisConnectionInfo {
    let (stack, login) = (&context.stack, redis::RedisConnectionInfo::default());
    let Some(password) = &stack.redis_password else { return login };
    let login = login.set_password(password.expose());
    match &stack.redis_username {
        Some(user) => login.set_username(user),
        None => login,
    }
}

/// A session that is open: TLS verified, and logged in where there is a password.
pub(crate) struct Session {
    connection: redis::aio::MultiplexedConnection,
    driver: tokio::task::JoinHandle<()>,
    recorder: crate::tls::Recorder,
    identity_shown: bool,
    /// `TLSv1.3`.
    pub(crate) version: String,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

impl Session {
    /// A command's answer.
    ///
    /// # Errors
    /// A refused login or right, or where it broke.
    pub(crate) async fn ask<T: redis::FromRedisValue>(
        &mut self,
        command: &redis::Cmd,
        deadline: Instant,
    ) -> Result<T, Failure> {
        let (recorder, shown) = (std::sync::Arc::clone(&self.recorder), self.identity_shown);
        before(deadline, Stage::Session, async {
            let answer = command.query_async(&mut self.connection).await;
            answer.map_err(|error| broke(&error, &recorder, shown))
        })
        .await
    }
}

fn broke(error: &redis::RedisError, recorder: &crate::tls::Recorder, identity_shown: bool) -> Failure {
    let code = error.code().unwrap_or_default();
    if matches!(error.kind(), redis::ErrorKind::AuthenticationFailed)
        || matches!(code, "WRONGPASS" | "NOAUTH" | "NOPERM")
    {
        return Failure::new(Stage::Session, Cause::Login).because(RedisFact::LoginRefused);
    }
    let mut failure = peel(error, Stage::Session, identity_shown);
    dial::refine(&mut failure, &crate::tls::recorded(recorder), &[]);
    failure
}

/// Opens one.
///
/// # Errors
/// Where it broke.
pub(crate) async fn open(
    context: &Context,
    endpoint: &crate::stack::Endpoint,
    deadline: Instant,
) -> Result<Session, Failure> {
    let identity = context.stack.identity.get().ok();
    let dialled = context.dial(endpoint, identity, &[], deadline).await.map_err(|broken| broken.failure)?;
    let (version, _, _) = dialled.negotiated();
    let identity_shown = dialled.identity_shown;
    let recorder = std::sync::Arc::clone(&dialled.recorder);
    let login = login(context);
    before(deadline, Stage::Session, async {
        let made = redis::aio::MultiplexedConnection::new_with_config(
            &login,
            Bounded::new(dialled.stream, ANSWER_LIMIT),
            // Its own limit of half a second is no verdict; the attempt's limit is.
            redis::AsyncConnectionConfig::default().set_response_timeout(None),
        );
        let (connection, driver) = made.await.map_err(|error| broke(&error, &recorder, identity_shown))?;
        let driver = tokio::spawn(driver);
        Ok(Session {
            connection,
            driver,
            recorder: std::sync::Arc::clone(&recorder),
            identity_shown,
            version,
        })
    })
    .await
}

/// A plaintext `PING`: what Redis answers, or nothing.
pub(crate) async fn in_clear(
    context: &Context,
    endpoint: &crate::stack::Endpoint,
) -> Result<Option<String>, Failure> {
    let deadline = context.attempt();
    let (mut tap, _) = dial::connect(endpoint, deadline).await?;
    context.own(tap.local());
    let mut buffer = [0_u8; 128];
    // Who turns us away may have spoken and closed before.
    let _ = tap.write_all(b"*1\r\n$4\r\nPING\r\n").await;
    let patience = Duration::from_millis(1500).min(deadline.saturating_duration_since(Instant::now()));
    match tokio::time::timeout(patience, tap.read(&mut buffer)).await {
        Ok(Ok(count)) if count > 0 => {
            let head = &buffer[..count];
            let redis = head.starts_with(b"+PONG") || head.starts_with(b"-");
            Ok(redis.then(|| String::from_utf8_lossy(head).trim_end().chars().take(60).collect()))
        }
        _ => Ok(None),
    }
}

/// The answer of a server that has reached `maxclients`, in a cluster too (Redis 6 to 8). It comes in clear alone, or
/// through what ends TLS for it: one that speaks TLS itself closes without a word.
pub(crate) fn is_full(answer: &[u8]) -> bool {
    answer.starts_with(b"-ERR max number of clients")
}

/// What a plaintext Redis answers on its port; nothing where it speaks TLS or is not there.
pub async fn speaks_plaintext(context: &Context) -> Option<String> {
    let endpoint = context.resolved(Link::Redis).await;
    in_clear(context, &endpoint).await.ok().flatten()
}

/// Redis answers a `PING` over TLS now: `+PONG` or `-NOAUTH` alike. `None`: it cannot be told from here,
/// as without a route to it or without the client certificate that it asks for.
pub async fn reachable(context: &Context) -> Option<bool> {
    let patience = Duration::from_secs(1).min(context.stack.timeout);
    match ping(context, (Instant::now() + patience).min(context.deadline)).await {
        Ok(_) => Some(true),
        Err(failure) => match failure.cause {
            // Without a CA file nothing is trusted: that says nothing of Redis.
            Cause::Chain(_) if context.stack.anchors.certificates.is_empty() => None,
            Cause::Unreachable
            | Cause::Alert { .. }
            | Cause::File(_)
            | Cause::BeyondUs
            | Cause::WeakKey
            | Cause::Other => None,
            Cause::NotDialled => answered(context).await,
            _ => Some(false),
        },
    }
}

/// It spoke TLS when it was collected.
async fn answered(context: &Context) -> Option<bool> {
    let platform = context.platform().await.ok()?;
    let mut all = platform.of_service(Link::Redis.service());
    let port = Link::Redis.container_port();
    all.any(|one| matches!(platform.answered(one, port), Some(PortAnswer::Tls { .. }))).then_some(true)
}

/// The session that a service opens: TLS, our login, a `PING`.
pub(crate) async fn logged_in(context: &Context) -> Result<String, Failure> {
    session(context, &context.resolved(Link::Redis).await).await
}

/// The answer's first line to a `PING` over TLS, without login.
///
/// # Errors
/// Where it broke.
pub async fn ping(context: &Context, deadline: Instant) -> Result<String, Failure> {
    ping_at(context, &context.resolved(Link::Redis).await, deadline).await
}

async fn ping_at(
    context: &Context,
    endpoint: &crate::stack::Endpoint,
    deadline: Instant,
) -> Result<String, Failure> {
    let identity = context.stack.identity.get().ok();
    let dialled = context.dial(endpoint, identity, &[], deadline).await.map_err(|broken| broken.failure)?;
    ping_over(dialled, deadline).await
}

/// The same on a session that is there and verified.
///
/// # Errors
/// Where it broke.
pub async fn ping_over(mut dialled: dial::Dialled, deadline: Instant) -> Result<String, Failure> {
    before(deadline, Stage::Exchange, async {
        let shown = dialled.identity_shown;
        let broke = |error: std::io::Error| peel(&error, Stage::Exchange, shown);
        // Who turns us away may have spoken and closed before: what it said is read all the same.
        let wrote = dialled.stream.write_all(b"*1\r\n$4\r\nPING\r\n").await;
        let flushed = dialled.stream.flush().await;
        let mut buffer = [0_u8; 256];
        let count = dialled.stream.read(&mut buffer).await.map_err(broke)?;
        if count == 0 {
            wrote.and(flushed).map_err(broke)?;
        }
        let text = String::from_utf8_lossy(&buffer[..count]).trim_end().to_owned();
        if text.starts_with("+PONG") || text.starts_with("-NOAUTH") {
            Ok(text)
        } else if text.starts_with("HTTP/") {
            let answer = text.lines().next().unwrap_or_default().escape_debug().take(60).collect();
            Err(Failure::new(Stage::Exchange, Cause::NotTls(WireProtocol::HttpInTls))
                .because(Fact::HttpInTls { meant: Link::Redis, answer }))
        } else {
            let cause = match count {
                0 => Cause::Eof,
                _ if is_full(text.as_bytes()) => Cause::Full,
                _ => Cause::Other,
            };
            Err(Failure::new(Stage::Exchange, cause)
                .because(RedisFact::AnsweredPing { answer: text.escape_debug().to_string() }))
        }
    })
    .await
}
