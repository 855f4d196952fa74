//! The demo's faults beyond TLS: gateways that are down, speak in clear, or refuse.

use tls_verify_fixtures::fault::Fault;

use crate::expect::*;
use crate::harness::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(
        "gateway-down",
        "nothing listens where the gateway should be",
        |plan| Fault::GatewayDown.apply(plan),
        &[fail(&[1, 2, 3]).of(C::ConnectionRefused, Server), unknown(&[4]).of(C::ConnectionRefused, Server)],
        &[root("api-gateway", C::ConnectionRefused)],
        1,
    ),
    row(
        "gateway-plaintext",
        "the gateway speaks plain HTTP",
        |plan| Fault::GatewayPlaintext.apply(plan),
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Server).variant(V::HttpPlaintext),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Server).variant(V::HttpPlaintext),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::HttpPlaintext)],
        1,
    ),
    row(
        "gateway-eof",
        "the gateway's port accepts and closes, as with nothing behind a proxy",
        |plan| Fault::GatewayEof.apply(plan),
        &[fail(&[1, 2, 3]).of(C::ConnectionReset, Server), unknown(&[4]).of(C::ConnectionReset, Server)],
        &[root("api-gateway", C::ConnectionReset)],
        1,
    ),
    row(
        "gateway-reset",
        "the gateway's port resets every connection",
        |plan| Fault::GatewayReset.apply(plan),
        &[fail(&[1, 2, 3]).of(C::ConnectionReset, Server), unknown(&[4]).of(C::ConnectionReset, Server)],
        &[root("api-gateway", C::ConnectionReset)],
        1,
    ),
    row(
        "gateway-ssh",
        "an SSH server listens where the gateway should be",
        |plan| Fault::GatewaySsh.apply(plan),
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Client).variant(V::NotTls),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Client).variant(V::NotTls),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "gateway-garbage",
        "the gateway's port answers with bytes of no known protocol",
        |plan| Fault::GatewayGarbage.apply(plan),
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NotTls),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "wrong-api-key",
        "the API key is not the gateway's; TLS is fine",
        |plan| Fault::WrongApiKey.apply(plan),
        &[fail(&[1, 2, 3]).of(C::AuthNotTls, Client)],
        &[root("api-gateway", C::AuthNotTls)],
        1,
    ),
    row(
        "gateway-not-found",
        "the gateway answers 404 to every API request",
        |plan| Fault::GatewayNotFound.apply(plan),
        &[fail(&[1, 2, 3, 12])],
        &[],
        1,
    ),
    row(
        "ws-forbidden",
        "the stream answers 403: TLS is proved, the upgrade is not",
        |plan| Fault::WsForbidden.apply(plan),
        &[unknown(&[2]).of(C::AuthNotTls, Client)],
        &[],
        3,
    ),
    row(
        "ws-bad-accept",
        "the stream answers 101 with a wrong accept hash",
        |plan| Fault::WsBadAccept.apply(plan),
        &[fail(&[2])],
        &[],
        1,
    ),
    row(
        "gateway-busy",
        "the gateway answers 429 because its Redis is broken",
        |plan| Fault::GatewayBusy.apply(plan),
        &[fail(&[1, 2, 3, 12]).of(C::Timeout, Network)],
        &[root("redis", C::Timeout)],
        1,
    ),
    row(
        "rate-limited",
        "the gateway answers 429 although it is ready",
        |plan| Fault::RateLimited.apply(plan),
        &[unknown(&[1, 2, 3, 12])],
        &[],
        3,
    ),
];
