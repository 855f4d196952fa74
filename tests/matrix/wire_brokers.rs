//! NATS and Redis: servers that hang, end, talk nonsense or alert.

use tls_verify_fixtures::peers::rogue::{Rogue, Then};
use tls_verify_fixtures::peers::tls::ServerTls;
use tls_verify_fixtures::plan::{Boxed, NatsFront, RedisFront, StackPlan};

use crate::expect::*;
use crate::harness::{Row, row};
use crate::wire::PATIENCE;

pub(crate) const ROWS: &[Row] = &[
    row(
        "nats-silent",
        "NATS' port accepts and stays silent",
        |plan| nats(plan, Rogue::mute(Then::Hang)),
        &[
            fail(&[5]).of(C::Timeout, Network),
            unknown(&[6, 15]).of(C::Timeout, Network),
            warn(&[7]).of(C::Timeout, Network),
        ],
        &[root("nats", C::Timeout)],
        1,
    ),
    row(
        "nats-eof",
        "NATS' port accepts and closes",
        |plan| nats(plan, Rogue { listens: false, ..Rogue::mute(Then::Close) }),
        &[
            fail(&[5]).of(C::ConnectionReset, Server),
            unknown(&[6, 15]).of(C::ConnectionReset, Server),
            warn(&[7]).of(C::ConnectionRefused, Server),
        ],
        &[root("nats", C::ConnectionReset)],
        1,
    ),
    row(
        "nats-reset",
        "NATS' port accepts and resets",
        |plan| nats(plan, Rogue { listens: false, ..Rogue::mute(Then::Reset) }),
        &[
            fail(&[5]).of(C::ConnectionReset, Server),
            unknown(&[6, 15]).of(C::ConnectionReset, Server),
            warn(&[7]).of(C::ConnectionReset, Server),
        ],
        &[root("nats", C::ConnectionReset)],
        1,
    ),
    row(
        "nats-endless-info",
        "an INFO line that never ends",
        |plan| nats(plan, Rogue { greeting: b"INFO {".to_vec(), listens: false, ..Rogue::mute(Then::Flood) }),
        &[
            fail(&[5]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
            unknown(&[6, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
            warn(&[7]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NatsPlaintext),
        ],
        &[root("nats", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "nats-dripping-info",
        "an INFO line that drips",
        |plan| nats(plan, Rogue { greeting: b"INFO {".to_vec(), listens: false, ..Rogue::mute(Then::Drip) }),
        &[
            fail(&[5]).of(C::Timeout, Network),
            unknown(&[6, 15]).of(C::Timeout, Network),
            warn(&[7]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NatsPlaintext),
        ],
        &[root("nats", C::Timeout)],
        1,
    ),
    row(
        "nats-is-http",
        "an HTTP server answers on NATS' port",
        |plan| {
            nats(
                plan,
                Rogue {
                    greeting: b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n".to_vec(),
                    ..Rogue::mute(Then::Close)
                },
            )
        },
        &[
            fail(&[5]).of(C::WrongSchemeTlsToPlain, Server).variant(V::HttpPlaintext),
            unknown(&[6, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::HttpPlaintext),
            warn(&[7]).of(C::ConnectionRefused, Server),
        ],
        &[root("nats", C::WrongSchemeTlsToPlain).variant(V::HttpPlaintext)],
        1,
    ),
    row(
        "nats-is-https",
        "an HTTPS server answers on NATS' port",
        |plan| {
            plan.nats = NatsFront::Https(https(plan));
            plan.tool.timeout = Some(PATIENCE);
            Ok(())
        },
        &[
            fail(&[5]).of(C::OtherTls, Client).variant(V::HttpInTls),
            unknown(&[6, 15]).of(C::OtherTls, Client).variant(V::HttpInTls),
            warn(&[7]).of(C::Timeout, Network),
        ],
        &[root("nats", C::OtherTls).variant(V::HttpInTls)],
        1,
    ),
    row(
        "nats-garbage",
        "NATS' port greets with bytes of no known protocol",
        |plan| nats(plan, Rogue::greets(&[0xde, 0xad, 0xbe, 0xef, b'\n'])),
        &[
            fail(&[5]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
            unknown(&[6, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
            warn(&[7]).of(C::ConnectionRefused, Server),
        ],
        &[root("nats", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "nats-hangs-in-tls",
        "NATS says INFO and leaves the handshake unanswered",
        |plan| nats(plan, Rogue::mute(Then::Hang).after_info()),
        &[
            fail(&[5]).of(C::Timeout, Network),
            unknown(&[6, 15]).of(C::Timeout, Network),
            warn(&[7]).of(C::Timeout, Network),
        ],
        &[root("nats", C::Timeout)],
        1,
    ),
    row(
        "nats-closes-in-tls",
        "NATS says INFO and closes in the handshake",
        |plan| nats(plan, Rogue::mute(Then::Close).after_info()),
        &[
            fail(&[5]).of(C::ConnectionReset, Server),
            unknown(&[6, 15]).of(C::ConnectionReset, Server),
            warn(&[7]).of(C::ConnectionReset, Server),
        ],
        &[root("nats", C::ConnectionReset)],
        1,
    ),
    row(
        "nats-resets-in-tls",
        "NATS says INFO and resets in the handshake",
        |plan| nats(plan, Rogue::mute(Then::Reset).after_info()),
        &[
            fail(&[5]).of(C::ConnectionReset, Server),
            unknown(&[6, 15]).of(C::ConnectionReset, Server),
            warn(&[7]).of(C::ConnectionReset, Server),
        ],
        &[root("nats", C::ConnectionReset)],
        1,
    ),
    row(
        "nats-alert-40",
        "NATS answers our hello with handshake_failure",
        |plan| nats(plan, Rogue::alerts(40).after_info()),
        &[
            fail(&[5]).of(C::NoSharedCipher, Server),
            unknown(&[6, 15]).of(C::NoSharedCipher, Server),
            warn(&[7]).of(C::NoSharedCipher, Server),
        ],
        &[root("nats", C::NoSharedCipher)],
        1,
    ),
    row(
        "nats-alert-70",
        "NATS answers our hello with protocol_version",
        |plan| nats(plan, Rogue::alerts(70).after_info()),
        &[
            fail(&[5]).of(C::ProtocolVersion, Server),
            unknown(&[6, 15]).of(C::ProtocolVersion, Server),
            warn(&[7]).of(C::ProtocolVersion, Server),
        ],
        &[root("nats", C::ProtocolVersion)],
        1,
    ),
    row(
        "nats-garbage-in-tls",
        "NATS says INFO and answers our hello with no TLS",
        |plan| nats(plan, Rogue::answers(b"-ERR 'Unknown Protocol Operation'\r\n").after_info()),
        &[
            fail(&[5]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NatsPlaintext),
            unknown(&[6, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NatsPlaintext),
            warn(&[7]).of(C::WrongSchemeTlsToPlain, Server),
        ],
        &[root("nats", C::WrongSchemeTlsToPlain).variant(V::NatsPlaintext)],
        1,
    ),
    row(
        "nats-dns",
        "NATS' host does not resolve",
        |plan| {
            plan.tool.hosts.push(("nats", "no-such-host.invalid".to_owned()));
            Ok(())
        },
        &[fail(&[5]).of(C::Dns, Network), unknown(&[6]).of(C::Dns, Network)],
        &[root("nats", C::Dns)],
        1,
    ),
    row(
        "redis-silent",
        "Redis' port accepts and stays silent",
        |plan| redis(plan, Rogue::mute(Then::Hang)),
        &[fail(&[7, 8, 15]).of(C::Timeout, Network)],
        &[root("redis", C::Timeout)],
        1,
    ),
    row(
        "redis-reset",
        "Redis' port accepts and resets",
        |plan| redis(plan, Rogue::mute(Then::Reset)),
        &[fail(&[7, 8, 15]).of(C::ConnectionReset, Server)],
        &[root("redis", C::ConnectionReset)],
        1,
    ),
    row(
        "redis-is-http",
        "an HTTP server answers on Redis' port",
        |plan| redis(plan, Rogue::answers(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")),
        &[
            fail(&[7]).of(C::WrongSchemeTlsToPlain, Server),
            fail(&[8, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::HttpPlaintext),
        ],
        &[root("redis", C::WrongSchemeTlsToPlain).variant(V::HttpPlaintext)],
        1,
    ),
    row(
        "redis-is-https",
        "an HTTPS server answers on Redis' port",
        |plan| {
            plan.redis = RedisFront::Https(https(plan));
            Ok(())
        },
        &[
            // The recorded services saw a connection that was closed, and no dial of ours speaks for them.
            fail(&[7]).of(C::ConnectionReset, Server),
            fail(&[8, 15]).of(C::OtherTls, Client).variant(V::HttpInTls),
        ],
        &[root("redis", C::OtherTls).variant(V::HttpInTls), root("api-gateway", C::ConnectionReset)],
        1,
    ),
    row(
        "redis-ssh",
        "an SSH server listens where Redis should be",
        |plan| redis(plan, Rogue::greets(b"SSH-2.0-OpenSSH_9.2p1\r\n")),
        &[
            fail(&[7]).of(C::WrongSchemeTlsToPlain, Server),
            fail(&[8, 15]).of(C::WrongSchemeTlsToPlain, Client).variant(V::NotTls),
        ],
        &[root("redis", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "redis-garbage",
        "Redis' port answers with bytes of no known protocol",
        |plan| redis(plan, Rogue::answers(&[0xde; 64])),
        &[
            fail(&[7]).of(C::WrongSchemeTlsToPlain, Server),
            fail(&[8, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
        ],
        &[root("redis", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "redis-drips",
        "Redis' port drips",
        |plan| redis(plan, Rogue::mute(Then::Drip)),
        &[
            fail(&[7]).of(C::WrongSchemeTlsToPlain, Server),
            fail(&[8, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
        ],
        &[root("redis", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "redis-floods",
        "Redis' port floods",
        |plan| redis(plan, Rogue::mute(Then::Flood)),
        &[
            fail(&[7]).of(C::WrongSchemeTlsToPlain, Server),
            fail(&[8, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
        ],
        &[root("redis", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "redis-alert-40",
        "Redis' port answers handshake_failure",
        |plan| redis(plan, Rogue::alerts(40)),
        &[fail(&[7, 8, 15]).of(C::NoSharedCipher, Server)],
        &[root("redis", C::NoSharedCipher)],
        1,
    ),
    row(
        "redis-dns",
        "Redis' host does not resolve",
        |plan| {
            plan.tool.hosts.push(("redis", "no-such-host.invalid".to_owned()));
            Ok(())
        },
        &[fail(&[8]).of(C::Dns, Network)],
        &[root("redis", C::Dns)],
        1,
    ),
];

fn nats(plan: &mut StackPlan, rogue: Rogue) -> Result<(), Boxed> {
    plan.nats = NatsFront::Rogue(rogue);
    plan.tool.timeout = Some(PATIENCE);
    Ok(())
}

/// A certificate of the CA for HTTP/1.1.
fn https(plan: &StackPlan) -> Box<ServerTls> {
    Box::new(ServerTls { alpn: &["http/1.1"], ..ServerTls::of(plan.server.clone()) })
}

fn redis(plan: &mut StackPlan, rogue: Rogue) -> Result<(), Boxed> {
    plan.redis = RedisFront::Rogue(rogue);
    plan.tool.timeout = Some(PATIENCE);
    Ok(())
}
