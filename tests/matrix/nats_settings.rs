//! What a NATS server asks for, speaks and lets in.

use tls_verify_fixtures::peers::rogue::Rogue;
use tls_verify_fixtures::peers::tls::{Clients, ONLY_TLS12, ONLY_TLS13};
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};
use tls_verify_fixtures::plan::{Boxed, NatsFront, StackPlan};
use tls_verify_fixtures::servers::NatsTls;

use crate::expect::*;
use crate::harness::{Row, nats_212, row};
use crate::nats::{NATS, NEW, old, server_hello};

/// The login is refused, over TLS that is fine.
const LOGIN_REFUSED: &[Expect] =
    &[fail(&[5]).of(C::AuthNotTls, Client), unknown(&[6]).of(C::AuthNotTls, Client)];

/// The client certificate is of another CA.
const CLIENT_OF_OTHER_CA: &[Expect] = &[
    fail(&[5, 15]).of(C::BadCertificate, Client).variant(V::OtherCa),
    unknown(&[6]).of(C::BadCertificate, Client).variant(V::OtherCa),
    warn(&[7]).of(C::BadCertificate, Client).variant(V::OtherCa),
    fail(&[13]).of(C::UnknownAuthority, Client).variant(V::OtherCa),
];

/// NATS speaks no version that a client of today takes.
const TOO_OLD: &[Expect] = &[
    fail(&[5]).of(C::ProtocolVersion, Server),
    unknown(&[6, 15]).of(C::ProtocolVersion, Server),
    fail(&[14]).of(C::ProtocolVersion, Server).variant(V::BelowMinimum),
    warn(&[7]).of(C::ProtocolVersion, Server),
];

/// NATS takes one connection, and one service has it. Whether the others met its words or its end is a matter of time:
/// no log of theirs is shown.
const FULL: &[Expect] = &[
    fail(&[5, 15]).of(C::OtherTls, Server).variant(V::ServerFull),
    unknown(&[6]).of(C::OtherTls, Server).variant(V::ServerFull),
    unknown(&[7]),
];

pub(crate) const ROWS: &[Row] = &[
    row(
        "no-mtls-2.12",
        "NATS 2.12 asks for no client certificate",
        |plan| new(plan, NatsTls::OneWay, ""),
        &[fail(&[6]).of(C::MtlsNotEnforced, Server)],
        &[root("nats", C::MtlsNotEnforced)],
        1,
    )
    .needing(NEW),
    row(
        "nats-plaintext-2.12",
        "NATS 2.12 speaks plaintext",
        |plan| new(plan, NatsTls::Off, ""),
        &[
            fail(&[5, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NatsPlaintext),
            fail(&[6]).of(C::MtlsNotEnforced, Server),
            warn(&[7]).of(C::WrongSchemeTlsToPlain, Server).variant(V::NatsPlaintext),
        ],
        &[root("nats", C::WrongSchemeTlsToPlain).variant(V::NatsPlaintext)],
        1,
    )
    .needing(NEW),
    row(
        "nats-handshake-first",
        "NATS 2.12 wants the handshake before its INFO",
        |plan| {
            plan.tool.timeout = Some(std::time::Duration::from_secs(4));
            new(plan, NatsTls::Block("verify: true\n handshake_first: true"), "")
        },
        &[
            fail(&[5, 15]).of(C::OtherTls, Server).variant(V::NatsInfoFirst),
            unknown(&[6]).of(C::OtherTls, Server).variant(V::NatsInfoFirst),
            warn(&[7]).of(C::Timeout, Network),
        ],
        &[root("nats", C::OtherTls).variant(V::NatsInfoFirst)],
        1,
    )
    .needing(NEW),
    row(
        "nats-allows-plaintext",
        "NATS takes plaintext clients beside TLS ones (allow_non_tls)",
        |plan| old(plan, NatsTls::Verify, "allow_non_tls: true"),
        &[fail(&[6]).of(C::MtlsNotEnforced, Server)],
        &[root("nats", C::MtlsNotEnforced)],
        1,
    )
    .needing(NATS),
    row(
        "nats-token-missing",
        "NATS wants a token, none is given; TLS is fine",
        |plan| {
            plan.nats_login = ",\"auth_token\":\"s3cr3t-of-nats\"".to_owned();
            old(plan, NatsTls::Verify, "authorization { token: \"s3cr3t-of-nats\", timeout: 60 }")
        },
        LOGIN_REFUSED,
        &[root("nats", C::AuthNotTls)],
        1,
    )
    .needing(NATS),
    row(
        "nats-token-wrong",
        "NATS wants another token; TLS is fine",
        |plan| {
            plan.nats_login = ",\"auth_token\":\"s3cr3t-of-nats\"".to_owned();
            plan.tool.environment.push(("NATS_TOKEN", "another".to_owned()));
            old(plan, NatsTls::Verify, "authorization { token: \"s3cr3t-of-nats\", timeout: 60 }")
        },
        LOGIN_REFUSED,
        &[root("nats", C::AuthNotTls)],
        1,
    )
    .needing(NATS),
    row(
        "nats-user-wrong",
        "NATS does not know the user; TLS is fine",
        |plan| {
            plan.nats_login = ",\"user\":\"u\",\"pass\":\"p\"".to_owned();
            plan.tool.environment.push(("NATS_USERNAME", "v".to_owned()));
            plan.tool.environment.push(("NATS_PASSWORD", "p".to_owned()));
            old(plan, NatsTls::Verify, "authorization { user: \"u\", password: \"p\", timeout: 60 }")
        },
        LOGIN_REFUSED,
        &[root("nats", C::AuthNotTls)],
        1,
    )
    .needing(NATS),
    row(
        "nats-optional-1.2",
        "NATS takes clients without a certificate, TLS 1.2",
        |plan| {
            let mut tls = plan.embedded_nats();
            tls.clients = Clients::Asked(plan.ca_file.clone());
            tls.versions = ONLY_TLS12;
            plan.nats = NatsFront::Embedded(Some(Box::new(tls)));
            Ok(())
        },
        &[fail(&[6]).of(C::MtlsNotEnforced, Server)],
        &[root("nats", C::MtlsNotEnforced)],
        1,
    ),
    row(
        "client-other-ca-1.2",
        "the client certificate is of another CA, TLS 1.2",
        |plan| embedded(plan, ONLY_TLS12),
        CLIENT_OF_OTHER_CA,
        &[root("client/tls.crt", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "client-other-ca-1.3",
        "the client certificate is of another CA, TLS 1.3",
        |plan| embedded(plan, ONLY_TLS13),
        CLIENT_OF_OTHER_CA,
        &[root("client/tls.crt", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "nats-tls-1.1",
        "NATS speaks TLS 1.1 and nothing newer",
        |plan| {
            plan.nats = NatsFront::Rogue(Rogue::answers(&server_hello([3, 2])).after_info());
            Ok(())
        },
        TOO_OLD,
        &[root("nats", C::ProtocolVersion)],
        1,
    ),
    row(
        "nats-tls-1.0",
        "NATS speaks TLS 1.0 and nothing newer",
        |plan| {
            plan.nats = NatsFront::Rogue(Rogue::answers(&server_hello([3, 1])).after_info());
            Ok(())
        },
        TOO_OLD,
        &[root("nats", C::ProtocolVersion)],
        1,
    ),
    row(
        "nats-full",
        "NATS takes one connection (max_connections), and has it",
        |plan| {
            plan.tool.logs = false;
            old(plan, NatsTls::Verify, "max_connections: 1")
        },
        FULL,
        &[root("nats", C::OtherTls).variant(V::ServerFull)],
        1,
    )
    .needing(NATS),
    row(
        "nats-full-2.12",
        "NATS 2.12 takes one connection (max_connections), and has it",
        |plan| {
            plan.tool.logs = false;
            new(plan, NatsTls::Verify, "max_connections: 1")
        },
        FULL,
        &[root("nats", C::OtherTls).variant(V::ServerFull)],
        1,
    )
    .needing(NEW),
    row(
        "nats-full-in-tls",
        "NATS answers a hello with the word that it is full",
        |plan| {
            plan.nats =
                NatsFront::Rogue(Rogue::answers(b"-ERR 'maximum connections exceeded'\r\n").after_info());
            Ok(())
        },
        &[
            fail(&[5]).of(C::OtherTls, Server).variant(V::ServerFull),
            unknown(&[6, 15]).of(C::OtherTls, Server).variant(V::ServerFull),
            // What a Go client logs of an answer that is no TLS.
            warn(&[7]).of(C::WrongSchemeTlsToPlain, Server),
        ],
        &[root("nats", C::OtherTls).variant(V::ServerFull)],
        1,
    ),
    row(
        "nats-monitoring-unknown",
        "NATS' monitoring is not to be reached: the core services' links stay open",
        |plan| {
            plan.tool.monitoring = false;
            Ok(())
        },
        &[unknown(&[15])],
        &[],
        3,
    ),
];

fn new(plan: &mut StackPlan, tls: NatsTls, extra: &str) -> Result<(), Boxed> {
    plan.nats_program = nats_212();
    old(plan, tls, extra)
}

fn embedded(
    plan: &mut StackPlan,
    versions: &'static [&'static rustls::SupportedProtocolVersion],
) -> Result<(), Boxed> {
    let mut tls = plan.embedded_nats();
    tls.versions = versions;
    plan.nats = NatsFront::Embedded(Some(Box::new(tls)));
    plan.client = Authority::named("Another CA", Validity::Now)?.issue(&Leaf::client())?.into();
    Ok(())
}
