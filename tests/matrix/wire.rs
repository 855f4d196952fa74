//! Ports on which something else listens than what belongs there, or nothing that speaks.

use std::time::Duration;

use tls_verify_fixtures::peers::rogue::{Rogue, Then};
use tls_verify_fixtures::plan::{Boxed, Front, StackPlan};

use crate::expect::*;
use crate::harness::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(
        "gateway-silent",
        "the gateway's port accepts and stays silent",
        |plan| gateway(plan, Rogue::mute(Then::Hang)),
        &[fail(&[1, 2, 3]).of(C::Timeout, Network), unknown(&[4]).of(C::Timeout, Network)],
        &[root("api-gateway", C::Timeout)],
        1,
    ),
    row(
        "gateway-drips",
        "the gateway's port drips a byte a tenth of a second",
        |plan| gateway(plan, Rogue::mute(Then::Drip)),
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "gateway-floods",
        "the gateway's port floods",
        |plan| gateway(plan, Rogue::mute(Then::Flood)),
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "gateway-is-nats",
        "a plaintext NATS listens where the gateway should be",
        |plan| gateway(plan, Rogue::greets(INFO)),
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NatsPlaintext),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NatsPlaintext),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::NatsPlaintext)],
        1,
    ),
    row(
        "gateway-is-nats-with-tls",
        "a NATS with TLS listens where the gateway should be",
        |plan| gateway(plan, Rogue::mute(Then::Hang).after_info()),
        &[
            fail(&[1, 2, 3]).of(C::OtherTls, Client).variant(V::NatsInfoFirst),
            unknown(&[4]).of(C::OtherTls, Client).variant(V::NatsInfoFirst),
        ],
        &[root("api-gateway", C::OtherTls).variant(V::NatsInfoFirst)],
        1,
    ),
    row(
        "gateway-is-redis",
        "a plaintext Redis listens where the gateway should be",
        |plan| gateway(plan, Rogue::answers(b"-ERR unknown command\r\n")),
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Server).variant(V::RedisPlaintext),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Server).variant(V::RedisPlaintext),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::RedisPlaintext)],
        1,
    ),
    row(
        "gateway-is-http2",
        "HTTP/2 in clear is spoken where the gateway should be",
        |plan| gateway(plan, Rogue::answers(SETTINGS)),
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Server).variant(V::Http2Plaintext),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Server).variant(V::Http2Plaintext),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::Http2Plaintext)],
        1,
    ),
    row(
        "gateway-alert-40",
        "the gateway's port answers handshake_failure",
        |plan| gateway(plan, Rogue::alerts(40)),
        &[fail(&[1, 2, 3]).of(C::NoSharedCipher, Server), unknown(&[4]).of(C::NoSharedCipher, Server)],
        &[root("api-gateway", C::NoSharedCipher)],
        1,
    ),
    row(
        "gateway-alert-70",
        "the gateway's port answers protocol_version",
        |plan| gateway(plan, Rogue::alerts(70)),
        &[fail(&[1, 2, 3]).of(C::ProtocolVersion, Server), unknown(&[4]).of(C::ProtocolVersion, Server)],
        &[root("api-gateway", C::ProtocolVersion)],
        1,
    ),
    row(
        "gateway-alert-80",
        "the gateway's port answers internal_error",
        |plan| gateway(plan, Rogue::alerts(80)),
        &[fail(&[1, 2, 3]).of(C::OtherTls, Server), unknown(&[4]).of(C::OtherTls, Server)],
        &[root("api-gateway", C::OtherTls)],
        1,
    ),
    row(
        "gateway-alert-112",
        "the gateway's port answers unrecognized_name",
        |plan| gateway(plan, Rogue::alerts(112)),
        &[fail(&[1, 2, 3]).of(C::HostnameMismatch, Client), unknown(&[4]).of(C::HostnameMismatch, Client)],
        &[root("api-gateway", C::HostnameMismatch)],
        1,
    ),
    row(
        "gateway-dns",
        "the gateway's host does not resolve",
        |plan| {
            plan.tool.hosts.push(("gateway", "no-such-host.invalid".to_owned()));
            Ok(())
        },
        &[fail(&[1, 2, 3]).of(C::Dns, Network), unknown(&[4]).of(C::Dns, Network)],
        &[root("api-gateway", C::Dns)],
        1,
    ),
];

const INFO: &[u8] = b"INFO {\"server_id\":\"X\",\"version\":\"2.9.10\",\"max_payload\":1048576}\r\n";

/// An empty SETTINGS frame (RFC 9113, 6.5).
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// How long the checks wait for what never comes.
pub(crate) const PATIENCE: Duration = Duration::from_secs(3);

fn gateway(plan: &mut StackPlan, rogue: Rogue) -> Result<(), Boxed> {
    plan.gateway = Front::Rogue(rogue);
    plan.tool.timeout = Some(PATIENCE);
    Ok(())
}
