//! Ports on which something else listens than what belongs there, or nothing that speaks.

use std::time::Duration;

use tls_verify_fixtures::peers::rogue::{Rogue, Then};
use tls_verify_fixtures::plan::{Boxed, Front, NatsFront, Plan, RedisFront};

use crate::harness::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(
        "gateway-silent",
        "the gateway's port accepts and stays silent",
        |plan| gateway(plan, Rogue::mute(Then::Hang)),
        "1 2 3 fail timeout - network; 4 unknown timeout - network",
        "api-gateway timeout",
        1,
    ),
    row(
        "gateway-drips",
        "the gateway's port drips a byte a tenth of a second",
        |plan| gateway(plan, Rogue::mute(Then::Drip)),
        "1 2 3 fail wrong-scheme-tls-to-plain not-tls server; 4 unknown wrong-scheme-tls-to-plain not-tls server",
        "api-gateway wrong-scheme-tls-to-plain not-tls",
        1,
    ),
    row(
        "gateway-floods",
        "the gateway's port floods",
        |plan| gateway(plan, Rogue::mute(Then::Flood)),
        "1 2 3 fail wrong-scheme-tls-to-plain not-tls server; 4 unknown wrong-scheme-tls-to-plain not-tls server",
        "api-gateway wrong-scheme-tls-to-plain not-tls",
        1,
    ),
    row(
        "gateway-is-nats",
        "a plaintext NATS listens where the gateway should be",
        |plan| gateway(plan, Rogue::greets(INFO)),
        "1 2 3 fail wrong-scheme-tls-to-plain nats-plaintext server; 4 unknown wrong-scheme-tls-to-plain nats-plaintext server",
        "api-gateway wrong-scheme-tls-to-plain nats-plaintext",
        1,
    ),
    row(
        "gateway-is-nats-with-tls",
        "a NATS with TLS listens where the gateway should be",
        |plan| gateway(plan, Rogue::mute(Then::Hang).after_info()),
        "1 2 3 fail other-tls nats-info-first client; 4 unknown other-tls nats-info-first client",
        "api-gateway other-tls nats-info-first",
        1,
    ),
    row(
        "gateway-is-redis",
        "a plaintext Redis listens where the gateway should be",
        |plan| gateway(plan, Rogue::answers(b"-ERR unknown command\r\n")),
        "1 2 3 fail wrong-scheme-tls-to-plain redis-plaintext server; 4 unknown wrong-scheme-tls-to-plain redis-plaintext server",
        "api-gateway wrong-scheme-tls-to-plain redis-plaintext",
        1,
    ),
    row(
        "gateway-is-http2",
        "HTTP/2 in clear is spoken where the gateway should be",
        |plan| gateway(plan, Rogue::answers(SETTINGS)),
        "1 2 3 fail wrong-scheme-tls-to-plain http2-plaintext server; 4 unknown wrong-scheme-tls-to-plain http2-plaintext server",
        "api-gateway wrong-scheme-tls-to-plain http2-plaintext",
        1,
    ),
    row(
        "gateway-alert-40",
        "the gateway's port answers handshake_failure",
        |plan| gateway(plan, Rogue::alerts(40)),
        "1 2 3 fail no-shared-cipher - server; 4 unknown no-shared-cipher - server",
        "api-gateway no-shared-cipher",
        1,
    ),
    row(
        "gateway-alert-70",
        "the gateway's port answers protocol_version",
        |plan| gateway(plan, Rogue::alerts(70)),
        "1 2 3 fail protocol-version - server; 4 unknown protocol-version - server",
        "api-gateway protocol-version",
        1,
    ),
    row(
        "gateway-alert-80",
        "the gateway's port answers internal_error",
        |plan| gateway(plan, Rogue::alerts(80)),
        "1 2 3 fail other-tls - server; 4 unknown other-tls - server",
        "api-gateway other-tls",
        1,
    ),
    row(
        "gateway-alert-112",
        "the gateway's port answers unrecognized_name",
        |plan| gateway(plan, Rogue::alerts(112)),
        "1 2 3 fail hostname-mismatch - client; 4 unknown hostname-mismatch - client",
        "api-gateway hostname-mismatch",
        1,
    ),
    row(
        "gateway-dns",
        "the gateway's host does not resolve",
        |plan| {
            plan.tool.hosts.push(("gateway", "no-such-host.invalid".to_owned()));
            Ok(())
        },
        "1 2 3 fail dns - network; 4 unknown dns - network",
        "api-gateway dns",
        1,
    ),
    row(
        "nats-silent",
        "NATS' port accepts and stays silent",
        |plan| nats(plan, Rogue::mute(Then::Hang)),
        "5 fail timeout - network; 6 15 unknown timeout - network; 7 warn timeout - network",
        "nats timeout",
        1,
    ),
    row(
        "nats-eof",
        "NATS' port accepts and closes",
        |plan| nats(plan, Rogue { listens: false, ..Rogue::mute(Then::Close) }),
        "5 fail connection-reset - server; 6 15 unknown connection-reset - server; 7 warn connection-refused - server",
        "nats connection-reset",
        1,
    ),
    row(
        "nats-reset",
        "NATS' port accepts and resets",
        |plan| nats(plan, Rogue { listens: false, ..Rogue::mute(Then::Reset) }),
        "5 fail connection-reset - server; 6 15 unknown connection-reset - server; 7 warn connection-reset - server",
        "nats connection-reset",
        1,
    ),
    row(
        "nats-endless-info",
        "an INFO line that never ends",
        |plan| nats(plan, Rogue { greeting: b"INFO {".to_vec(), listens: false, ..Rogue::mute(Then::Flood) }),
        "5 fail wrong-scheme-tls-to-plain not-tls server; 6 15 unknown wrong-scheme-tls-to-plain not-tls server; 7 warn wrong-scheme-tls-to-plain nats-plaintext server",
        "nats wrong-scheme-tls-to-plain not-tls",
        1,
    ),
    row(
        "nats-dripping-info",
        "an INFO line that drips",
        |plan| nats(plan, Rogue { greeting: b"INFO {".to_vec(), listens: false, ..Rogue::mute(Then::Drip) }),
        "5 fail timeout - network; 6 15 unknown timeout - network; 7 warn wrong-scheme-tls-to-plain nats-plaintext server",
        "nats timeout",
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
        "5 fail wrong-scheme-tls-to-plain http-plaintext server; 6 15 unknown wrong-scheme-tls-to-plain http-plaintext server; 7 warn connection-refused - server",
        "nats wrong-scheme-tls-to-plain http-plaintext",
        1,
    ),
    row(
        "nats-garbage",
        "NATS' port greets with bytes of no known protocol",
        |plan| nats(plan, Rogue::greets(&[0xde, 0xad, 0xbe, 0xef, b'\n'])),
        "5 fail wrong-scheme-tls-to-plain not-tls server; 6 15 unknown wrong-scheme-tls-to-plain not-tls server; 7 warn connection-refused - server",
        "nats wrong-scheme-tls-to-plain not-tls",
        1,
    ),
    row(
        "nats-hangs-in-tls",
        "NATS says INFO and leaves the handshake unanswered",
        |plan| nats(plan, Rogue::mute(Then::Hang).after_info()),
        "5 fail timeout - network; 6 15 unknown timeout - network; 7 warn timeout - network",
        "nats timeout",
        1,
    ),
    row(
        "nats-closes-in-tls",
        "NATS says INFO and closes in the handshake",
        |plan| nats(plan, Rogue::mute(Then::Close).after_info()),
        "5 fail connection-reset - server; 6 15 unknown connection-reset - server; 7 warn connection-reset - server",
        "nats connection-reset",
        1,
    ),
    row(
        "nats-resets-in-tls",
        "NATS says INFO and resets in the handshake",
        |plan| nats(plan, Rogue::mute(Then::Reset).after_info()),
        "5 fail connection-reset - server; 6 15 unknown connection-reset - server; 7 warn connection-reset - server",
        "nats connection-reset",
        1,
    ),
    row(
        "nats-alert-40",
        "NATS answers our hello with handshake_failure",
        |plan| nats(plan, Rogue::alerts(40).after_info()),
        "5 fail no-shared-cipher - server; 6 15 unknown no-shared-cipher - server; 7 warn no-shared-cipher - server",
        "nats no-shared-cipher",
        1,
    ),
    row(
        "nats-alert-70",
        "NATS answers our hello with protocol_version",
        |plan| nats(plan, Rogue::alerts(70).after_info()),
        "5 fail protocol-version - server; 6 15 unknown protocol-version - server; 7 warn protocol-version - server",
        "nats protocol-version",
        1,
    ),
    row(
        "nats-garbage-in-tls",
        "NATS says INFO and answers our hello with no TLS",
        |plan| nats(plan, Rogue::answers(b"-ERR 'Unknown Protocol Operation'\r\n").after_info()),
        "5 fail wrong-scheme-tls-to-plain nats-plaintext server; 6 15 unknown wrong-scheme-tls-to-plain nats-plaintext server; 7 warn wrong-scheme-tls-to-plain - server",
        "nats wrong-scheme-tls-to-plain nats-plaintext",
        1,
    ),
    row(
        "nats-dns",
        "NATS' host does not resolve",
        |plan| {
            plan.tool.hosts.push(("nats", "no-such-host.invalid".to_owned()));
            Ok(())
        },
        "5 fail dns - network; 6 unknown dns - network",
        "nats dns",
        1,
    ),
    row(
        "redis-silent",
        "Redis' port accepts and stays silent",
        |plan| redis(plan, Rogue::mute(Then::Hang)),
        "7 8 15 fail timeout - network",
        "redis timeout",
        1,
    ),
    row(
        "redis-reset",
        "Redis' port accepts and resets",
        |plan| redis(plan, Rogue::mute(Then::Reset)),
        "7 8 15 fail connection-reset - server",
        "redis connection-reset",
        1,
    ),
    row(
        "redis-is-http",
        "an HTTP server answers on Redis' port",
        |plan| redis(plan, Rogue::answers(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")),
        "7 fail wrong-scheme-tls-to-plain - server; 8 15 fail wrong-scheme-tls-to-plain http-plaintext server",
        "redis wrong-scheme-tls-to-plain http-plaintext",
        1,
    ),
    row(
        "redis-ssh",
        "an SSH server listens where Redis should be",
        |plan| redis(plan, Rogue::greets(b"SSH-2.0-OpenSSH_9.2p1\r\n")),
        "7 fail wrong-scheme-tls-to-plain - server; 8 15 fail wrong-scheme-tls-to-plain not-tls client",
        "redis wrong-scheme-tls-to-plain not-tls",
        1,
    ),
    row(
        "redis-garbage",
        "Redis' port answers with bytes of no known protocol",
        |plan| redis(plan, Rogue::answers(&[0xde; 64])),
        "7 fail wrong-scheme-tls-to-plain - server; 8 15 fail wrong-scheme-tls-to-plain not-tls server",
        "redis wrong-scheme-tls-to-plain not-tls",
        1,
    ),
    row(
        "redis-drips",
        "Redis' port drips",
        |plan| redis(plan, Rogue::mute(Then::Drip)),
        "7 fail wrong-scheme-tls-to-plain - server; 8 15 fail wrong-scheme-tls-to-plain not-tls server",
        "redis wrong-scheme-tls-to-plain not-tls",
        1,
    ),
    row(
        "redis-floods",
        "Redis' port floods",
        |plan| redis(plan, Rogue::mute(Then::Flood)),
        "7 fail wrong-scheme-tls-to-plain - server; 8 15 fail wrong-scheme-tls-to-plain not-tls server",
        "redis wrong-scheme-tls-to-plain not-tls",
        1,
    ),
    row(
        "redis-alert-40",
        "Redis' port answers handshake_failure",
        |plan| redis(plan, Rogue::alerts(40)),
        "7 8 15 fail no-shared-cipher - server",
        "redis no-shared-cipher",
        1,
    ),
    row(
        "redis-dns",
        "Redis' host does not resolve",
        |plan| {
            plan.tool.hosts.push(("redis", "no-such-host.invalid".to_owned()));
            Ok(())
        },
        "8 fail dns - network",
        "redis dns",
        1,
    ),
];

const INFO: &[u8] = b"INFO {\"server_id\":\"X\",\"version\":\"2.9.10\",\"max_payload\":1048576}\r\n";

/// An empty SETTINGS frame (RFC 9113, 6.5).
const SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];

/// How long the checks wait for what never comes.
const PATIENCE: Duration = Duration::from_secs(3);

fn gateway(plan: &mut Plan, rogue: Rogue) -> Result<(), Boxed> {
    plan.gateway = Front::Rogue(rogue);
    plan.tool.timeout = Some(PATIENCE);
    Ok(())
}

fn nats(plan: &mut Plan, rogue: Rogue) -> Result<(), Boxed> {
    plan.nats = NatsFront::Rogue(rogue);
    plan.tool.timeout = Some(PATIENCE);
    Ok(())
}

fn redis(plan: &mut Plan, rogue: Rogue) -> Result<(), Boxed> {
    plan.redis = RedisFront::Rogue(rogue);
    plan.tool.timeout = Some(PATIENCE);
    Ok(())
}
