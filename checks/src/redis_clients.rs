//! Who is connected to Redis now, by Redis' own list (`CLIENT LIST`): a client in it has completed its handshake
//! and been answered.

use std::net::IpAddr;
use std::time::{Duration, SystemTime};

use crate::bound::Bounded;
use crate::context::Context;
use crate::stack::Link;

/// A list of some thousand clients.
const LIST_LIMIT: usize = 4 * 1024 * 1024;

/// A connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RedisClient {
    pub(crate) address: IpAddr,
    /// Whole seconds, cut off.
    pub(crate) age: Duration,
}

/// The clients that have said something; none where Redis does not tell us.
pub(crate) async fn of(context: &Context) -> Vec<RedisClient> {
    let deadline = context.attempt();
    tokio::time::timeout_at(deadline.into(), list(context)).await.ok().flatten().unwrap_or_default()
}

async fn list(context: &Context) -> Option<Vec<RedisClient>> {
    let endpoint = context.resolved(Link::Redis).await;
    let identity = context.stack.identity.get().ok();
    let dialled = context.dial(&endpoint, identity, &[], context.attempt()).await.ok()?;
    let (mut connection, driver) = redis::aio::MultiplexedConnection::new_with_config(
        &crate::redis_tls::login(context),
        Bounded::new(dialled.stream, LIST_LIMIT),
        redis::AsyncConnectionConfig::default().set_response_timeout(None),
    )
    .await
    .ok()?;
    let driver = tokio::spawn(driver);
    let answer: Result<String, _> = redis::cmd("CLIENT").arg("LIST").query_async(&mut connection).await;
    driver.abort();
    Some(answer.ok()?.lines().filter_map(client).collect())
}

/// `id=3 addr=172.18.0.5:41532 laddr=… fd=8 name= age=17 idle=0 … cmd=get user=default …`.
fn client(line: &str) -> Option<RedisClient> {
    let field = |name: &str| line.split(' ').find_map(|word| word.strip_prefix(name)?.strip_prefix('='));
    // One in the middle of its handshake has no command yet.
    field("cmd").filter(|command| !command.is_empty() && *command != "NULL")?;
    let (host, _) = field("addr")?.rsplit_once(':')?;
    Some(RedisClient {
        address: host.trim_matches(['[', ']']).parse().ok()?,
        age: Duration::from_secs(field("age")?.parse().ok()?),
    })
}

/// When the youngest connection from one of these addresses began, at the earliest.
pub(crate) fn since(clients: &[RedisClient], addresses: &[IpAddr], now: SystemTime) -> Option<SystemTime> {
    let own = clients.iter().filter(|client| addresses.contains(&client.address));
    now.checked_sub(own.map(|client| client.age).min()? + Duration::from_secs(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_one_that_was_answered() {
        let line = |addr: &str, cmd: &str| {
            format!(
                "id=3 addr={addr} laddr=172.18.0.2:6379 fd=8 name= age=17 idle=0 flags=N db=0 cmd={cmd} user=default"
            )
        };
        let found = client(&line("172.18.0.5:41532", "get")).unwrap();
        assert_eq!((found.address.to_string().as_str(), found.age.as_secs()), ("172.18.0.5", 17));
        assert!(client(&line("[fd00::5]:41532", "ping")).is_some());
        assert!(client(&line("172.18.0.5:41532", "NULL")).is_none());
        assert!(client("id=3 addr=nonsense").is_none());
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(100);
        let began = since(&[found], &[found.address], now).unwrap();
        assert_eq!(began.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs(), 82);
        assert!(since(&[found], &[], now).is_none());
    }
}
