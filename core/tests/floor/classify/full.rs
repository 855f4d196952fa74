//! Servers that are full, in the words of the server and of those that print its answer.

use tls_verify_core::cause::{CauseKind, Variant};
use tls_verify_core::link::Link;
use tls_verify_core::logs::classify::recognise;

#[test]
fn a_server_that_is_full_is_named_by_its_own_word() {
    for (line, link) in [
        ("nats: maximum connections exceeded", Some(Link::Nats)),
        ("nats: server maximum connections exceeded", Some(Link::Nats)),
        ("connect nats: nats: maximum connections exceeded", Some(Link::Nats)),
        ("nats.errors.Error: nats: 'maximum connections exceeded'", Some(Link::Nats)),
        ("-ERR 'maximum connections exceeded'", None),
        ("[5] 2026/11/30 03:04:05.123456 [ERR] 10.0.0.7:51222 - cid:8 - maximum connections exceeded", None),
        ("redis: ERR max number of clients reached", Some(Link::Redis)),
        ("redis ping failed: ERR max number of clients reached", Some(Link::Redis)),
        ("(error) ERR max number of clients reached", Some(Link::Redis)),
        ("-ERR max number of clients + cluster connections reached", Some(Link::Redis)),
        ("redis.exceptions.ConnectionError: max number of clients reached", Some(Link::Redis)),
        (
            "redis.clients.jedis.exceptions.JedisDataException: ERR max number of clients reached",
            Some(Link::Redis),
        ),
        ("ReplyError: ERR max number of clients reached", Some(Link::Redis)),
    ] {
        let found = recognise(line.as_bytes()).unwrap_or_else(|| panic!("nothing: {line}"));
        assert_eq!((found.kind, found.variant), (CauseKind::OtherTls, Some(Variant::ServerFull)), "{line}");
        assert_eq!(found.link, link, "{line}");
    }
}

#[test]
fn another_limit_is_no_full_server() {
    for line in [
        "nats: maximum account active connections exceeded",
        "nats: maximum payload exceeded",
        "nats: authorization violation",
        "pgbouncer: maximum connections exceeded for pool main",
        "[5] 2026/11/30 03:04:05.123456 [INF] Maximum connections set to 1",
        "# Set the max number of connected clients at the same time.",
        "You requested maxclients of 10000 requiring at least 10032 max file descriptors.",
        "Maximum number of clients reachedError: Can't open display: :0",
    ] {
        let found = recognise(line.as_bytes()).and_then(|found| found.variant);
        assert_ne!(found, Some(Variant::ServerFull), "{line}");
    }
}
