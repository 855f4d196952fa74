//! The certificate folder against the guide's layout, file by file, and against what each server presents.

use rcgen::IsCa;
use tls_verify_fixtures::pki::{self, Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, Front, StackPlan, StackPort};

use crate::expect::*;
use crate::harness::{Row, row};

pub(crate) const ROWS: &[Row] = &[
    // server/tls.crt, before any server has read it.
    row(
        "folder-server-future",
        "server/tls.crt is not valid yet",
        |plan| server(plan, |plan| issue(plan, Leaf::server().valid(Validity::Future))),
        &[fail(&[13]).of(C::NotYetValid, Server)],
        &[root("server/tls.crt", C::NotYetValid)],
        1,
    ),
    row(
        "folder-server-no-san",
        "server/tls.crt has no subject alternative name",
        |plan| server(plan, |plan| issue(plan, Leaf::server().for_names(&[]))),
        &[fail(&[13]).of(C::HostnameMismatch, Server).variant(V::NoSan)],
        &[root("server/tls.crt", C::HostnameMismatch).variant(V::NoSan)],
        1,
    ),
    row(
        "folder-server-one-name-short",
        "server/tls.crt names every host but NATS'",
        |plan| {
            server(plan, |plan| {
                let leaf = Leaf::server();
                let names = leaf.names.iter().filter(|name| *name != "nats").cloned().collect();
                issue(plan, Leaf { names, ..leaf })
            })
        },
        &[fail(&[13]).of(C::HostnameMismatch, Server)],
        &[root("server/tls.crt", C::HostnameMismatch)],
        1,
    ),
    row(
        "folder-server-self-signed",
        "server/tls.crt signs itself",
        |plan| server(plan, |_| Ok(pki::self_signed(&Leaf::server())?.into())),
        &[fail(&[13]).of(C::UnknownAuthority, Server).variant(V::SelfSigned)],
        &[root("server/tls.crt", C::UnknownAuthority).variant(V::SelfSigned)],
        1,
    ),
    row(
        "folder-server-earlier-ca",
        "server/tls.crt is of an earlier CA of the same name",
        |plan| server(plan, |_| Ok(Authority::generate()?.issue(&Leaf::server())?.into())),
        &[fail(&[13]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated)],
        &[root("server/tls.crt", C::UnknownAuthority).variant(V::CaRegenerated)],
        1,
    ),
    row(
        "folder-server-intermediate-missing",
        "server/tls.crt leaves out the intermediate that signed it",
        |plan| {
            server(plan, |plan| cut(plan.ca.intermediate("Cordum Intermediate")?.issue(&Leaf::server())?))
        },
        &[fail(&[13]).of(C::UnknownAuthority, Server).variant(V::OtherCa)],
        &[root("server/tls.crt", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "folder-server-intermediate-lies-there",
        "server/tls.crt leaves out the intermediate, which lies beside it",
        |plan| {
            let middle = plan.ca.intermediate("Cordum Intermediate")?;
            file(plan, "server/intermediate.crt", &middle.pem())?;
            server(plan, |_| cut(middle.issue(&Leaf::server())?))
        },
        &[fail(&[13]).of(C::UnknownAuthority, Server).variant(V::MissingIntermediate)],
        &[root("server/tls.crt", C::UnknownAuthority).variant(V::MissingIntermediate)],
        1,
    ),
    row(
        "folder-server-intermediate-sent",
        "server/tls.crt is under an intermediate that it holds: only the servers have to read it",
        |plan| {
            server(plan, |plan| {
                Ok(plan.ca.intermediate("Cordum Intermediate")?.issue(&Leaf::server())?.into())
            })
        },
        &[drift(&[13])],
        &[],
        0,
    ),
    row(
        "folder-server-is-the-ca",
        "server/tls.crt is the CA's own certificate",
        |plan| {
            let pem = Pem { chain: plan.ca.pem(), key: plan.ca.key_pem() };
            server(plan, |_| Ok(pem))
        },
        &[fail(&[13]).of(C::HostnameMismatch, Server).variant(V::NoSan)],
        &[root("server/tls.crt", C::HostnameMismatch).variant(V::NoSan)],
        1,
    ),
    row(
        "folder-server-may-sign",
        "server/tls.crt is marked as a CA",
        |plan| {
            server(plan, |plan| {
                let may_sign = |leaf: &mut rcgen::CertificateParams| {
                    leaf.is_ca = IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
                };
                Ok(plan.ca.issue_shaped(&Leaf::server(), may_sign)?.into())
            })
        },
        &[warn(&[13]).of(C::InvalidCa, Server).variant(V::CaAsEndEntity)],
        &[],
        0,
    ),
    row(
        "folder-server-broken",
        "server/tls.crt is PEM with no certificate inside",
        |plan| file(plan, "server/tls.crt", BROKEN),
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::WrongKind)],
        &[root("server/tls.crt", C::BadKeyFile).variant(V::WrongKind)],
        1,
    ),
    row(
        "folder-server-with-its-key",
        "server/tls.crt holds its key too",
        |plan| {
            let both = format!("{}{}", plan.server.chain, plan.server.key);
            file(plan, "server/tls.crt", &both)
        },
        &[],
        &[],
        0,
    ),
    row(
        "folder-server-key-no-pem",
        "server/tls.key holds no PEM",
        |plan| file(plan, "server/tls.key", "nothing here\n"),
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::NoPem)],
        &[root("server/tls.key", C::BadKeyFile).variant(V::NoPem)],
        1,
    ),
    row(
        "folder-server-key-encrypted",
        "server/tls.key is encrypted",
        |plan| file(plan, "server/tls.key", ENCRYPTED),
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::Encrypted)],
        &[root("server/tls.key", C::BadKeyFile).variant(V::Encrypted)],
        1,
    ),
    row(
        "folder-server-key-certificate",
        "server/tls.key holds the certificate",
        |plan| {
            let chain = plan.server.chain.clone();
            file(plan, "server/tls.key", &chain)
        },
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::WrongKind)],
        &[root("server/tls.key", C::BadKeyFile).variant(V::WrongKind)],
        1,
    ),
    row(
        "folder-server-key-damaged",
        "server/tls.key is PEM with no key inside",
        |plan| file(plan, "server/tls.key", &BROKEN.replace("CERTIFICATE", "PRIVATE KEY")),
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::WrongKind)],
        &[root("server/tls.key", C::BadKeyFile).variant(V::WrongKind)],
        1,
    ),
    // client/, which the checks show NATS and Redis.
    row(
        "folder-client-missing",
        "client/tls.crt is missing",
        |plan| file(plan, "client/tls.crt", ""),
        &[
            fail(&[5, 13]).of(C::BadKeyFile, Client).variant(V::FileMissing),
            unknown(&[6]).of(C::BadKeyFile, Client).variant(V::FileMissing),
        ],
        &[root("client/tls.crt", C::BadKeyFile).variant(V::FileMissing)],
        1,
    ),
    row(
        "folder-client-key-certificate",
        "client/tls.key holds the certificate",
        |plan| {
            let chain = plan.client.chain.clone();
            file(plan, "client/tls.key", &chain)
        },
        &[
            fail(&[5, 13]).of(C::BadKeyFile, Client).variant(V::WrongKind),
            unknown(&[6]).of(C::BadKeyFile, Client).variant(V::WrongKind),
        ],
        &[root("client/tls.key", C::BadKeyFile).variant(V::WrongKind)],
        1,
    ),
    // ca/ca.crt, the checks' own trust anchor.
    row(
        "folder-ca-bundle",
        "ca/ca.crt holds another CA behind the stack's",
        |plan| {
            let both = format!("{}{}", plan.ca_file, Authority::named("Another CA", Validity::Now)?.pem());
            file(plan, "ca/ca.crt", &both)
        },
        &[],
        &[],
        0,
    ),
    row(
        "folder-ca-bundle-begins-with-another",
        "ca/ca.crt holds another CA before the stack's, where services look at the first alone: a warning",
        |plan| {
            let both = format!("{}{}", Authority::named("Another CA", Validity::Now)?.pem(), plan.ca_file);
            file(plan, "ca/ca.crt", &both)
        },
        &[warn(&[13]).of(C::UnknownAuthority, Client).variant(V::MissingIntermediate)],
        &[],
        0,
    ),
    row(
        "folder-ca-bundle-damaged",
        "ca/ca.crt begins with a block that holds no certificate, which Go passes over: a warning",
        |plan| {
            let both = format!("{BROKEN}{}", plan.ca_file);
            file(plan, "ca/ca.crt", &both)
        },
        &[warn(&[13]).of(C::BadKeyFile, Client).variant(V::WrongKind)],
        &[],
        0,
    ),
    row(
        "folder-ca-bundle-expired",
        "ca/ca.crt holds an expired CA beside the stack's: a warning",
        |plan| {
            let old = Authority::named("Old CA", Validity::Expired)?.pem();
            let both = format!("{}{old}", plan.ca_file);
            file(plan, "ca/ca.crt", &both)
        },
        &[warn(&[13]).of(C::Expired, Client).variant(V::ExpiredCa)],
        &[],
        0,
    ),
    row(
        "folder-ca-with-its-key",
        "ca/ca.crt holds the CA's key too, for every service to read: a warning",
        |plan| {
            let both = format!("{}{}", plan.ca_file, plan.ca.key_pem());
            file(plan, "ca/ca.crt", &both)
        },
        &[warn(&[13]).of(C::BadKeyFile, Client).variant(V::WrongKind)],
        &[],
        0,
    ),
    row(
        "folder-ca-elsewhere",
        "the CA's file is given by itself, outside the guide's layout",
        |plan| {
            let ca = plan.ca_file.clone();
            plan.tool.cacert = Some("elsewhere.crt");
            file(plan, "elsewhere.crt", &ca)
        },
        &[unknown(&[13])],
        &[],
        3,
    ),
    // What single servers present, where the files are right.
    row(
        "served-nats",
        "NATS alone presents an earlier certificate",
        |plan| earlier(plan, &[StackPort::Nats]),
        &[drift(&[13])],
        &[],
        0,
    ),
    row(
        "served-redis",
        "Redis alone presents an earlier certificate",
        |plan| earlier(plan, &[StackPort::Redis]),
        &[drift(&[13])],
        &[],
        0,
    ),
    row(
        "served-safety-kernel",
        "the safety kernel alone presents an earlier certificate",
        |plan| earlier(plan, &[StackPort::SafetyKernel]),
        &[drift(&[13])],
        &[],
        0,
    ),
    row(
        "served-grpc",
        "every gRPC port presents an earlier certificate",
        |plan| earlier(plan, &StackPlan::GRPC),
        &[drift(&[13])],
        &[],
        0,
    ),
    row(
        "served-by-those-who-answer",
        "nothing listens at the context engine's port, and the other servers present the file",
        |plan| {
            plan.put(StackPort::ContextEngine, Front::Nothing);
            Ok(())
        },
        &[fail(&[11]).of(C::ConnectionRefused, Server)],
        &[root("context-engine", C::ConnectionRefused)],
        1,
    ),
    row(
        "served-earlier-by-those-who-answer",
        "server/tls.crt was renewed, and nothing listens at the context engine's port",
        |plan| {
            plan.put(StackPort::ContextEngine, Front::Nothing);
            server(plan, |plan| issue(plan, Leaf::server()))
        },
        &[fail(&[11]).of(C::ConnectionRefused, Server), drift(&[13])],
        &[root("context-engine", C::ConnectionRefused)],
        1,
    ),
];

const BROKEN: &str = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw\n-----END ENCRYPTED PRIVATE KEY-----\n";

fn issue(plan: &StackPlan, leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(plan.ca.issue(&leaf)?.into())
}

/// The end-entity certificate alone.
fn cut(mut pair: pki::Pair) -> Result<Pem, Boxed> {
    pair.chain.truncate(1);
    Ok(pair.into())
}

/// Another pair in `server/`, which nobody has read yet.
fn server(plan: &mut StackPlan, make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>) -> Result<(), Boxed> {
    let pem = make(plan)?;
    file(plan, "server/tls.crt", &pem.chain)?;
    file(plan, "server/tls.key", &pem.key)
}

/// Another text in a file of the checks' folder; none removes it.
fn file(plan: &mut StackPlan, name: &'static str, text: &str) -> Result<(), Boxed> {
    plan.tool.files.push((name, text.to_owned()));
    Ok(())
}

/// A good certificate of the same CA, which is not the one on disk.
fn earlier(plan: &mut StackPlan, ports: &[StackPort]) -> Result<(), Boxed> {
    for port in ports {
        let pem = issue(plan, Leaf::server())?;
        plan.present(*port, pem);
    }
    Ok(())
}
