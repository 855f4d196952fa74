//! Redis: certificates, client certificates, versions and logins.

use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use tls_verify_fixtures::peers::rogue::Rogue;
use tls_verify_fixtures::peers::tls::ServerTls;
use tls_verify_fixtures::pki::{self, Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, RedisFront, StackPlan, StackPort};

use crate::expect::*;
use crate::harness::{Needs, Row, row};

const REDIS: &[Needs] = &[Needs::Redis];

pub(crate) const ROWS: &[Row] = &[
    row(
        "redis-self-signed",
        "Redis' certificate is self-signed",
        |plan| server(plan, |_| Ok(pki::self_signed(&Leaf::server())?.into())),
        &[
            fail(&[7]).of(C::UnknownAuthority, Server),
            fail(&[8, 15]).of(C::UnknownAuthority, Server).variant(V::SelfSigned),
            drift(&[13]),
        ],
        &[root("redis", C::UnknownAuthority).variant(V::SelfSigned)],
        1,
    ),
    row(
        "redis-not-yet",
        "Redis' certificate is not valid yet",
        |plan| server(plan, |plan| issue(plan, Leaf::server().valid(Validity::Future))),
        &[fail(&[7, 8, 15]).of(C::NotYetValid, Server), drift(&[13])],
        &[root("redis", C::NotYetValid)],
        1,
    ),
    row(
        "redis-no-san",
        "Redis' certificate has no subject alternative name",
        |plan| server(plan, |plan| issue(plan, Leaf::server().for_names(&[]))),
        &[
            fail(&[7]).of(C::HostnameMismatch, Server),
            fail(&[8, 15]).of(C::HostnameMismatch, Server).variant(V::NoSan),
            drift(&[13]),
        ],
        &[root("redis", C::HostnameMismatch).variant(V::NoSan)],
        1,
    ),
    row(
        "redis-eku",
        "Redis presents a client certificate",
        |plan| server(plan, |plan| issue(plan, Leaf::server().using(&[ClientAuth]))),
        &[fail(&[7, 8, 15]).of(C::WrongKeyUsage, Server), drift(&[13])],
        &[root("redis", C::WrongKeyUsage)],
        1,
    ),
    row(
        "redis-regenerated",
        "Redis kept its certificate of an earlier CA of the same name",
        |plan| {
            let old = Authority::generate()?;
            plan.redis_ca = Some(old.pem());
            plan.present(StackPort::Redis, old.issue(&Leaf::server())?);
            Ok(())
        },
        &[fail(&[7, 8, 15]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated), drift(&[13])],
        &[root("redis", C::UnknownAuthority).variant(V::CaRegenerated)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-intermediate-here",
        "Redis does not send its intermediate, which lies in the folder",
        |plan| {
            let between = plan.ca.intermediate("Cordum Servers")?;
            plan.tool.files.push(("ca/servers.crt", between.pem()));
            server(plan, |_| Ok(Pem::from(between.issue(&Leaf::server())?).alone()))
        },
        &[
            fail(&[7]).of(C::UnknownAuthority, Server),
            fail(&[8, 15]).of(C::UnknownAuthority, Server).variant(V::MissingIntermediate),
            drift(&[13]),
        ],
        &[root("redis", C::UnknownAuthority).variant(V::MissingIntermediate)],
        1,
    ),
    row(
        "redis-wants-missing",
        "Redis demands a client certificate, and none lies here",
        |plan| {
            plan.tool.files.push(("client/tls.crt", String::new()));
            wants(plan)
        },
        &[
            fail(&[5, 8, 13]).of(C::BadKeyFile, Client).variant(V::FileMissing),
            unknown(&[6]).of(C::BadKeyFile, Client).variant(V::FileMissing),
        ],
        &[root("client/tls.crt", C::BadKeyFile).variant(V::FileMissing)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-wants-other-ca",
        "Redis demands client certificates, and knows them by another CA",
        |plan| {
            plan.redis_ca = Some(Authority::named("Another CA", Validity::Now)?.pem());
            wants(plan)
        },
        &[
            fail(&[7]).of(C::BadCertificate, Client).variant(V::OtherCa),
            fail(&[8, 15]).of(C::BadCertificate, Server).variant(V::OtherCa),
        ],
        &[root("redis", C::BadCertificate).variant(V::OtherCa)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-client-other-ca",
        "Redis demands client certificates, ours is of another CA",
        |plan| {
            plan.client = Authority::named("Another CA", Validity::Now)?.issue(&Leaf::client())?.into();
            wants(plan)
        },
        &[
            fail(&[5, 8, 15]).of(C::BadCertificate, Client).variant(V::OtherCa),
            unknown(&[6]).of(C::BadCertificate, Client).variant(V::OtherCa),
            fail(&[7]).of(C::BadCertificate, Client).variant(V::OtherCa),
            fail(&[13]).of(C::UnknownAuthority, Client).variant(V::OtherCa),
        ],
        &[root("client/tls.crt", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-client-expired",
        "Redis demands client certificates, ours has expired",
        |plan| {
            plan.client = issue(plan, Leaf::client().valid(Validity::Expired))?;
            wants(plan)
        },
        &[fail(&[5, 7, 8, 13, 15]).of(C::Expired, Client), unknown(&[6]).of(C::Expired, Client)],
        &[root("client/tls.crt", C::Expired)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-client-eku",
        "Redis demands client certificates, ours is a server's",
        |plan| {
            plan.client = issue(plan, Leaf::client().using(&[ServerAuth]))?;
            wants(plan)
        },
        &[
            fail(&[5, 8, 15]).of(C::BadCertificate, Client).variant(V::ServerCertAsClient),
            unknown(&[6]).of(C::BadCertificate, Client).variant(V::ServerCertAsClient),
            fail(&[7]).of(C::BadCertificate, Client),
            fail(&[13]).of(C::WrongKeyUsage, Client),
        ],
        &[root("client/tls.crt", C::BadCertificate).variant(V::ServerCertAsClient)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-tls-1.1",
        "Redis speaks TLS 1.1 and nothing newer",
        |plan| versions(plan, "TLSv1.1"),
        &[
            fail(&[7, 8, 15]).of(C::ProtocolVersion, Server),
            fail(&[14]).of(C::ProtocolVersion, Server).variant(V::BelowMinimum),
        ],
        &[root("redis", C::ProtocolVersion)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-tls-1.0",
        "Redis speaks TLS 1.0 and nothing newer",
        |plan| versions(plan, "TLSv1"),
        &[
            fail(&[7, 8, 15]).of(C::ProtocolVersion, Server),
            fail(&[14]).of(C::ProtocolVersion, Server).variant(V::BelowMinimum),
        ],
        &[root("redis", C::ProtocolVersion)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-old-too",
        "Redis takes TLS 1.0 beside 1.2",
        |plan| versions(plan, "TLSv1 TLSv1.2"),
        &[fail(&[14]).of(C::ProtocolVersion, Server).variant(V::BelowMinimum)],
        &[root("redis", C::ProtocolVersion).variant(V::BelowMinimum)],
        1,
    )
    .needing(REDIS),
    row(
        "redis-full",
        "Redis is full (maxclients), behind what ends TLS for it",
        |plan| {
            plan.redis = RedisFront::Full(Box::new(ServerTls::of(plan.server.clone())));
            Ok(())
        },
        &[fail(&[7, 8, 15]).of(C::OtherTls, Server).variant(V::ServerFull)],
        &[root("redis", C::OtherTls).variant(V::ServerFull)],
        1,
    ),
    row(
        "redis-full-in-clear",
        "a Redis without TLS is full: that it speaks in clear comes first",
        |plan| {
            plan.redis = RedisFront::Rogue(Rogue::answers(b"-ERR max number of clients reached\r\n"));
            Ok(())
        },
        &[
            fail(&[7]).of(C::WrongSchemeTlsToPlain, Server),
            fail(&[8, 15]).of(C::WrongSchemeTlsToPlain, Server).variant(V::RedisPlaintext),
        ],
        &[root("redis", C::WrongSchemeTlsToPlain).variant(V::RedisPlaintext)],
        1,
    ),
    row(
        "redis-no-password",
        "no password is given: NOAUTH over TLS is enough",
        |plan| {
            plan.tool.redis_password = Some(String::new());
            Ok(())
        },
        &[],
        &[],
        0,
    ),
    row(
        "redis-wrong-user",
        "the login names a user that Redis does not know",
        |plan| {
            plan.tool.redis_password = Some("wrong".to_owned());
            plan.redis = RedisFront::Server("tls-auth-clients no\nuser worker on >word ~* +@all".to_owned());
            Ok(())
        },
        &[fail(&[8]).of(C::AuthNotTls, Client)],
        &[root("redis", C::AuthNotTls)],
        1,
    )
    .needing(REDIS),
];

fn issue(plan: &StackPlan, leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(plan.ca.issue(&leaf)?.into())
}

fn server(plan: &mut StackPlan, make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>) -> Result<(), Boxed> {
    let pem = make(plan)?;
    plan.present(StackPort::Redis, pem);
    Ok(())
}

fn wants(plan: &mut StackPlan) -> Result<(), Boxed> {
    plan.redis = RedisFront::Server("tls-auth-clients yes".to_owned());
    Ok(())
}

fn versions(plan: &mut StackPlan, versions: &str) -> Result<(), Boxed> {
    plan.redis = RedisFront::Server(format!(
        "tls-auth-clients no\ntls-protocols \"{versions}\"\ntls-ciphers ALL:@SECLEVEL=0"
    ));
    Ok(())
}
