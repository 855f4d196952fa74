//! Whether Redis is seen now: silence in a log proves nothing while nobody has asked for Redis since it went.

use std::time::{Duration, SystemTime};

use crate::context::Context;
use crate::fault::{Cause, Failure, Stage};
use crate::gateway_https;
use crate::investigate;
use crate::platform::Platform;
use crate::stack::Link;
use crate::standing;
use tls_verify_core::evidence::RedisFact;

/// What is known of Redis at this moment.
#[derive(Clone, Debug)]
pub(crate) enum Now {
    /// It answers; by whose word.
    Seen(String),
    /// It does not, and why.
    Broken(Box<Failure>),
    /// Nobody can look from here.
    Nobody,
    /// Somebody looked and did not see it, for no known reason.
    Unseen(Box<Failure>),
}

/// How long a service's client dials before it gives up (go-redis: 5 s), and a margin.
pub(crate) const DIAL: Duration = Duration::from_secs(5);
pub(crate) const MARGIN: Duration = Duration::from_secs(1);

/// Our own dial, the container's state, the gateway's word, in that order.
pub(crate) async fn inspect(context: &Context, reachable: Option<bool>) -> Now {
    if reachable == Some(true) {
        let collected = context.stack.platform.is_collected();
        let words = if collected {
            "Redis spoke TLS when it was collected"
        } else {
            "Redis answers our own PING over TLS"
        };
        return Now::Seen(words.to_owned());
    }
    let platform = context.platform().await.ok();
    if let Some(failure) = not_there(context, platform).await {
        return Now::Broken(Box::new(failure));
    }
    if let Some(body) = gateway_https::readyz(context).await
        && gateway_https::is_ready(&body, "redis")
    {
        return Now::Seen("the gateway's /readyz says that Redis is ok".to_owned());
    }
    if let Some(found) = investigate::server(context, Link::Redis).await {
        // Whether its certificate is right, and ours, is check 8's matter: it answers.
        let answers =
            found.kind().is_some_and(|kind| !kind.is_transient()) && !matches!(found.cause, Cause::NotTls(_));
        return match answers {
            true => Now::Seen("a TLS server answers at Redis' port".to_owned()),
            false => Now::Broken(Box::new(found)),
        };
    }
    let healthy = |one: &tls_verify_core::workload::Instance| one.is_up() && one.healthy == Some(true);
    if let Some(one) = platform.and_then(|platform| platform.of_service("redis").find(|one| healthy(one))) {
        return Now::Seen(format!("{} is healthy", one.name));
    }
    match reachable {
        Some(false) => Now::Unseen(Box::new(
            Failure::new(Stage::Connect, Cause::Other).because(RedisFact::NotSeenNow).at("redis"),
        )),
        Some(true) | None => Now::Nobody,
    }
}

/// The Redis that services name by its service is stopped, frozen or absent.
async fn not_there(context: &Context, platform: Option<&dyn Platform>) -> Option<Failure> {
    let platform = platform?;
    let service = Link::Redis.service();
    if context.stack.endpoints.redis.explicit {
        return None;
    }
    if let Some(known) = platform.of_service(service).next() {
        let all = platform.of_service(service);
        let up = all.filter(|one| one.is_up() && !one.is_paused()).count();
        return if up == 0 { standing::of(context, platform, known).await.1 } else { None };
    }
    let names = |url: &str| {
        let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
        let authority = rest.split(['/', '?']).next().unwrap_or_default();
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        host.split(':').next() == Some(service)
    };
    let who = platform.instances().find(|one| one.variable("REDIS_URL").is_some_and(names))?;
    let absent = tls_verify_core::diagnosis::rules::gone(service, crate::cause::Variant::ContainerAbsent);
    Some(
        Failure::new(Stage::Resolve, absent)
            .because(platform.lacks(service))
            .because(RedisFact::DialledByName { who: who.name.clone() })
            .at(service),
    )
}

/// Whether a start that began then has outlived the time in which it would have given up its dial.
pub(crate) fn has_outlived_its_dial(began: Option<SystemTime>, now: SystemTime) -> bool {
    began.and_then(|began| now.duration_since(began).ok()).is_some_and(|age| age > DIAL + MARGIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_is_old_enough_after_its_dial_and_a_margin() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        let ago = |seconds| Some(now - Duration::from_secs(seconds));
        assert!(has_outlived_its_dial(ago(7), now));
        assert!(!has_outlived_its_dial(ago(6), now));
        assert!(!has_outlived_its_dial(ago(0), now));
        assert!(!has_outlived_its_dial(None, now), "a start of unknown age proves nothing");
    }
}
