//! Versions and suites of TLS that Go does not speak, or not with everybody.

use tls_verify_fixtures::peers::rogue::Rogue;
use tls_verify_fixtures::peers::tls::{ONLY_TLS12, ONLY_TLS13};
use tls_verify_fixtures::plan::{Boxed, Front, StackPlan, StackPort};

use crate::expect::*;
use crate::grpc::{ENGINE, GATEWAY, NGINX, old, put};
use crate::harness::{Row, row};
use crate::nats::server_hello;

/// A port takes less than is demanded, beside what is.
const BELOW_MINIMUM: &[Expect] = &[fail(&[14]).of(C::ProtocolVersion, Server).variant(V::BelowMinimum)];

/// The gateway speaks no version that a client of today takes.
const GATEWAY_TOO_OLD: &[Expect] = &[
    fail(&[1, 2, 3]).of(C::ProtocolVersion, Server),
    unknown(&[4]).of(C::ProtocolVersion, Server),
    fail(&[14]).of(C::ProtocolVersion, Server).variant(V::BelowMinimum),
];

pub(crate) const ROWS: &[Row] = &[
    row(
        "version-1.3-everywhere",
        "TLS 1.3 is demanded; gateway and gRPC ports accept 1.2 too",
        minimum,
        BELOW_MINIMUM,
        &[root("api-gateway", C::ProtocolVersion).variant(V::BelowMinimum)],
        1,
    ),
    row(
        "version-1.3-kernel",
        "TLS 1.3 is demanded; the safety kernel accepts 1.2 too",
        |plan| {
            for port in [StackPort::Gateway, GATEWAY, ENGINE] {
                plan.tls(port, |tls| tls.versions = ONLY_TLS13);
            }
            minimum(plan)
        },
        BELOW_MINIMUM,
        &[root("safety-kernel", C::ProtocolVersion).variant(V::BelowMinimum)],
        1,
    ),
    row(
        "version-1.3-gateway",
        "TLS 1.3 is demanded; the gateway speaks 1.2 alone",
        |plan| {
            for port in StackPlan::GRPC {
                plan.tls(port, |tls| tls.versions = ONLY_TLS13);
            }
            plan.tls(StackPort::Gateway, |tls| tls.versions = ONLY_TLS12);
            minimum(plan)
        },
        BELOW_MINIMUM,
        &[root("api-gateway", C::ProtocolVersion).variant(V::BelowMinimum)],
        1,
    ),
    row(
        "version-1.0-too",
        "the gateway takes TLS 1.0 and 1.1 beside 1.2",
        |plan| old(plan, StackPort::Gateway, "TLSv1 TLSv1.1 TLSv1.2"),
        BELOW_MINIMUM,
        &[root("api-gateway", C::ProtocolVersion).variant(V::BelowMinimum)],
        1,
    )
    .needing(NGINX),
    row(
        "version-1.1-too",
        "the context engine takes TLS 1.1 beside 1.2",
        |plan| old(plan, ENGINE, "TLSv1.1 TLSv1.2"),
        BELOW_MINIMUM,
        &[root("context-engine", C::ProtocolVersion).variant(V::BelowMinimum)],
        1,
    )
    .needing(NGINX),
    row(
        "version-1.1-gateway",
        "the gateway speaks TLS 1.1 and nothing newer",
        |plan| old(plan, StackPort::Gateway, "TLSv1.1"),
        GATEWAY_TOO_OLD,
        &[root("api-gateway", C::ProtocolVersion)],
        1,
    )
    .needing(NGINX),
    row(
        "version-1.0-gateway",
        "the gateway speaks TLS 1.0 and nothing newer",
        |plan| old(plan, StackPort::Gateway, "TLSv1"),
        GATEWAY_TOO_OLD,
        &[root("api-gateway", C::ProtocolVersion)],
        1,
    )
    .needing(NGINX),
    row(
        "version-1.0-hello",
        "a ServerHello of TLS 1.0 answers whatever is asked",
        |plan| put(plan, StackPort::Gateway, Front::Rogue(Rogue::answers(&server_hello([3, 1])))),
        GATEWAY_TOO_OLD,
        &[root("api-gateway", C::ProtocolVersion)],
        1,
    ),
    row(
        "cbc-only",
        "the gateway takes CBC cipher suites of TLS 1.2 alone, as Go can and we cannot",
        |plan| {
            plan.gateway = Front::Nginx(
                Some(plan.server.clone()),
                " ssl_protocols TLSv1.2;\n ssl_ciphers ECDHE-ECDSA-AES128-SHA;\n".to_owned(),
            );
            Ok(())
        },
        &[unknown(&[1, 2, 3, 4]).of(C::OtherTls, Client)],
        &[],
        3,
    )
    .needing(NGINX),
    row(
        "no-suite-of-go",
        "the gateway takes a cipher suite that neither Go nor we speak",
        |plan| {
            plan.gateway = Front::Nginx(
                Some(plan.server.clone()),
                " ssl_protocols TLSv1.2;\n ssl_ciphers ECDHE-ECDSA-AES256-CCM;\n".to_owned(),
            );
            Ok(())
        },
        &[fail(&[1, 2, 3]).of(C::NoSharedCipher, Server), unknown(&[4]).of(C::NoSharedCipher, Server)],
        &[root("api-gateway", C::NoSharedCipher)],
        1,
    )
    .needing(NGINX),
];

fn minimum(plan: &mut StackPlan) -> Result<(), Boxed> {
    plan.tool.environment.push(("CORDUM_TLS_MIN_VERSION", "1.3".to_owned()));
    Ok(())
}
