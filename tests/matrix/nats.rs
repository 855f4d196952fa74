//! NATS and the worker's certificate, on the server that is installed and on 2.12, whose alerts differ.

use rcgen::ExtendedKeyUsagePurpose::ServerAuth;
use tls_verify_fixtures::pki::{self, Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, NatsFront, StackPlan, StackPort};
use tls_verify_fixtures::servers::NatsTls;

use crate::expect::*;
use crate::harness::{Needs, Row, nats_212, row};

pub(crate) const NATS: &[Needs] = &[Needs::Nats];
pub(crate) const NEW: &[Needs] = &[Needs::Nats212];

/// NATS' certificate leads to another CA.
pub(crate) const NATS_OF_OTHER_CA: &[Expect] = &[
    fail(&[5, 15]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
    unknown(&[6]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
    warn(&[7]).of(C::UnknownAuthority, Server),
    drift(&[13]),
];

pub(crate) const ROWS: &[Row] = &[
    row(
        "nats-self-signed",
        "NATS' certificate is self-signed",
        |plan| server(plan, |_| Ok(pki::self_signed(&Leaf::server())?.into())),
        &[
            fail(&[5, 15]).of(C::UnknownAuthority, Server).variant(V::SelfSigned),
            unknown(&[6]).of(C::UnknownAuthority, Server).variant(V::SelfSigned),
            warn(&[7]).of(C::UnknownAuthority, Server),
            drift(&[13]),
        ],
        &[root("nats", C::UnknownAuthority).variant(V::SelfSigned)],
        1,
    ),
    row(
        "nats-not-yet",
        "NATS' certificate is not valid yet",
        |plan| server(plan, |plan| issue(plan, Leaf::server().valid(Validity::Future))),
        &[
            fail(&[5, 15]).of(C::NotYetValid, Server),
            unknown(&[6]).of(C::NotYetValid, Server),
            warn(&[7]).of(C::NotYetValid, Server),
            drift(&[13]),
        ],
        &[root("nats", C::NotYetValid)],
        1,
    ),
    row(
        "nats-no-san",
        "NATS' certificate has no subject alternative name",
        |plan| server(plan, |plan| issue(plan, Leaf::server().for_names(&[]))),
        &[
            fail(&[5, 15]).of(C::HostnameMismatch, Server).variant(V::NoSan),
            unknown(&[6]).of(C::HostnameMismatch, Server).variant(V::NoSan),
            warn(&[7]).of(C::HostnameMismatch, Server),
            drift(&[13]),
        ],
        &[root("nats", C::HostnameMismatch).variant(V::NoSan)],
        1,
    ),
    row(
        "nats-regenerated",
        "NATS kept its certificate of an earlier CA of the same name",
        |plan| {
            let old = Authority::generate()?;
            plan.nats_ca = Some(old.pem());
            plan.present(StackPort::Nats, old.issue(&Leaf::server())?);
            Ok(())
        },
        &[
            fail(&[5, 15]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated),
            unknown(&[6]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated),
            warn(&[7]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated),
            drift(&[13]),
        ],
        &[root("nats", C::UnknownAuthority).variant(V::CaRegenerated)],
        1,
    )
    .needing(NATS),
    row(
        "nats-knows-old-ca",
        "NATS knows its clients by an earlier CA of the same name",
        |plan| {
            plan.nats_ca = Some(Authority::generate()?.pem());
            Ok(())
        },
        &[
            fail(&[5, 15]).of(C::BadCertificate, Server),
            unknown(&[6]).of(C::BadCertificate, Server),
            warn(&[7]).of(C::BadCertificate, Client),
        ],
        &[root("nats", C::BadCertificate)],
        1,
    )
    .needing(NATS),
    row(
        "nats-unknown-intermediate",
        "NATS does not send its intermediate",
        |plan| {
            server(plan, |plan| {
                Ok(Pem::from(plan.ca.intermediate("Cordum Servers")?.issue(&Leaf::server())?).alone())
            })
        },
        NATS_OF_OTHER_CA,
        &[root("nats", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "client-self-signed",
        "the client certificate is self-signed",
        |plan| client(plan, |_| Ok(pki::self_signed(&Leaf::client())?.into())),
        &[
            fail(&[5, 15]).of(C::BadCertificate, Client).variant(V::SelfSigned),
            unknown(&[6]).of(C::BadCertificate, Client).variant(V::SelfSigned),
            warn(&[7]).of(C::BadCertificate, Client),
            fail(&[13]).of(C::UnknownAuthority, Client).variant(V::SelfSigned),
        ],
        &[root("client/tls.crt", C::BadCertificate).variant(V::SelfSigned)],
        1,
    )
    .needing(NATS),
    row(
        "client-not-yet",
        "the client certificate is not valid yet",
        |plan| client(plan, |plan| issue(plan, Leaf::client().valid(Validity::Future))),
        &[
            fail(&[5, 13, 15]).of(C::NotYetValid, Client),
            unknown(&[6]).of(C::NotYetValid, Client),
            warn(&[7]).of(C::BadCertificate, Client),
        ],
        &[root("client/tls.crt", C::NotYetValid)],
        1,
    )
    .needing(NATS),
    row(
        "client-earlier-ca",
        "the client certificate is of an earlier CA of the same name",
        |plan| client(plan, |_| Ok(Authority::generate()?.issue(&Leaf::client())?.into())),
        &[
            fail(&[5, 15]).of(C::BadCertificate, Client).variant(V::CaRegenerated),
            unknown(&[6]).of(C::BadCertificate, Client).variant(V::CaRegenerated),
            warn(&[7]).of(C::BadCertificate, Client),
            fail(&[13]).of(C::UnknownAuthority, Client).variant(V::CaRegenerated),
        ],
        &[root("client/tls.crt", C::BadCertificate).variant(V::CaRegenerated)],
        1,
    )
    .needing(NATS),
    row(
        "client-expired-2.12",
        "the client certificate has expired; NATS 2.12 says so (alert 45)",
        |plan| on_new(plan, |plan| issue(plan, Leaf::client().valid(Validity::Expired))),
        &[
            fail(&[5, 13, 15]).of(C::Expired, Client),
            unknown(&[6]).of(C::Expired, Client),
            warn(&[7]).of(C::Expired, Client),
        ],
        &[root("client/tls.crt", C::Expired)],
        1,
    )
    .needing(NEW),
    row(
        "client-not-yet-2.12",
        "the client certificate is not valid yet; NATS 2.12",
        |plan| on_new(plan, |plan| issue(plan, Leaf::client().valid(Validity::Future))),
        &[
            fail(&[5, 13, 15]).of(C::NotYetValid, Client),
            unknown(&[6]).of(C::NotYetValid, Client),
            warn(&[7]).of(C::Expired, Client),
        ],
        &[root("client/tls.crt", C::NotYetValid)],
        1,
    )
    .needing(NEW),
    row(
        "client-other-ca-2.12",
        "the client certificate is of another CA; NATS 2.12 says so (alert 48)",
        |plan| {
            on_new(plan, |_| {
                Ok(Authority::named("Another CA", Validity::Now)?.issue(&Leaf::client())?.into())
            })
        },
        &[
            fail(&[5, 15]).of(C::BadCertificate, Client).variant(V::OtherCa),
            unknown(&[6]).of(C::BadCertificate, Client).variant(V::OtherCa),
            warn(&[7]).of(C::BadCertificate, Client).variant(V::OtherCa),
            fail(&[13]).of(C::UnknownAuthority, Client).variant(V::OtherCa),
        ],
        &[root("client/tls.crt", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    )
    .needing(NEW),
    row(
        "client-eku-2.12",
        "the client certificate is a server's; NATS 2.12",
        |plan| on_new(plan, |plan| issue(plan, Leaf::client().using(&[ServerAuth]))),
        &[
            fail(&[5, 15]).of(C::BadCertificate, Client).variant(V::ServerCertAsClient),
            unknown(&[6]).of(C::BadCertificate, Client).variant(V::ServerCertAsClient),
            warn(&[7]).of(C::BadCertificate, Client),
            fail(&[13]).of(C::WrongKeyUsage, Client),
        ],
        &[root("client/tls.crt", C::BadCertificate).variant(V::ServerCertAsClient)],
        1,
    )
    .needing(NEW),
    row(
        "client-self-signed-2.12",
        "the client certificate is self-signed; NATS 2.12",
        |plan| on_new(plan, |_| Ok(pki::self_signed(&Leaf::client())?.into())),
        &[
            fail(&[5, 15]).of(C::BadCertificate, Client).variant(V::SelfSigned),
            unknown(&[6]).of(C::BadCertificate, Client).variant(V::SelfSigned),
            warn(&[7]).of(C::BadCertificate, Client).variant(V::OtherCa),
            fail(&[13]).of(C::UnknownAuthority, Client).variant(V::SelfSigned),
        ],
        &[root("client/tls.crt", C::BadCertificate).variant(V::SelfSigned)],
        1,
    )
    .needing(NEW),
    row(
        "nats-client-ca-2.12",
        "NATS 2.12 knows its clients by another CA",
        |plan| {
            plan.nats_program = nats_212();
            plan.nats_ca = Some(Authority::named("Another CA", Validity::Now)?.pem());
            Ok(())
        },
        &[
            fail(&[5, 15]).of(C::BadCertificate, Server).variant(V::OtherCa),
            unknown(&[6]).of(C::BadCertificate, Server).variant(V::OtherCa),
            warn(&[7]).of(C::BadCertificate, Client).variant(V::OtherCa),
        ],
        &[root("nats", C::BadCertificate).variant(V::OtherCa)],
        1,
    )
    .needing(NEW),
];

pub(crate) fn issue(plan: &StackPlan, leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(plan.ca.issue(&leaf)?.into())
}

fn server(plan: &mut StackPlan, make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>) -> Result<(), Boxed> {
    let pem = make(plan)?;
    plan.present(StackPort::Nats, pem);
    Ok(())
}

pub(crate) fn client(
    plan: &mut StackPlan,
    make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>,
) -> Result<(), Boxed> {
    plan.client = make(plan)?;
    Ok(())
}

fn on_new(plan: &mut StackPlan, make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>) -> Result<(), Boxed> {
    plan.nats_program = nats_212();
    client(plan, make)
}

pub(crate) fn old(plan: &mut StackPlan, tls: NatsTls, extra: &str) -> Result<(), Boxed> {
    plan.nats = NatsFront::Server(tls, extra.to_owned());
    Ok(())
}

/// A ServerHello of an old version (RFC 4346, 7.4.1.3) with ECDHE, AES and SHA-1.
pub(crate) fn server_hello(version: [u8; 2]) -> Vec<u8> {
    let mut hello = vec![22, version[0], version[1], 0, 42, 2, 0, 0, 38, version[0], version[1]];
    hello.extend([7; 32]);
    hello.extend([0, 0xc0, 0x14, 0]);
    hello
}
