//! The three gRPC ports, and the lowest versions that everything accepts.

use rcgen::ExtendedKeyUsagePurpose::ClientAuth;
use tls_verify_fixtures::peers::grpc::GrpcHealth;
use tls_verify_fixtures::peers::rogue::{Rogue, Then};
use tls_verify_fixtures::pki::{self, Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, Front, StackPlan, StackPort};

use crate::expect::*;
use crate::harness::{Needs, Row, row};

pub(crate) const NGINX: &[Needs] = &[Needs::Nginx];
const KERNEL: StackPort = StackPort::SafetyKernel;
pub(crate) const ENGINE: StackPort = StackPort::ContextEngine;
pub(crate) const GATEWAY: StackPort = StackPort::GatewayGrpc;

pub(crate) const ROWS: &[Row] = &[
    row(
        "gateway-grpc-expired",
        "the gateway's gRPC certificate has expired",
        |plan| give(plan, GATEWAY, |plan| issue(plan, Leaf::server().valid(Validity::Expired))),
        &[fail(&[9]).of(C::Expired, Server), drift(&[13])],
        &[root("api-gateway", C::Expired)],
        1,
    ),
    row(
        "gateway-grpc-name",
        "the gateway's gRPC certificate does not name the host",
        |plan| give(plan, GATEWAY, |plan| issue(plan, Leaf::server().for_names(&["elsewhere"]))),
        &[fail(&[9]).of(C::HostnameMismatch, Server), drift(&[13])],
        &[root("api-gateway", C::HostnameMismatch)],
        1,
    ),
    row(
        "gateway-grpc-plain",
        "the gateway's gRPC port speaks plaintext",
        |plan| put(plan, GATEWAY, Front::Plain),
        &[fail(&[9]).of(C::WrongSchemeTlsToPlain, Server).variant(V::Http2Plaintext)],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::Http2Plaintext)],
        1,
    ),
    row(
        "gateway-grpc-down",
        "nothing listens on the gateway's gRPC port",
        |plan| put(plan, GATEWAY, Front::Nothing),
        &[fail(&[9]).of(C::ConnectionRefused, Server)],
        &[root("api-gateway", C::ConnectionRefused)],
        1,
    ),
    row(
        "gateway-grpc-eof",
        "the gateway's gRPC port accepts and closes",
        |plan| put(plan, GATEWAY, Front::Rogue(Rogue::mute(Then::Close))),
        &[fail(&[9]).of(C::ConnectionReset, Server)],
        &[root("api-gateway", C::ConnectionReset)],
        1,
    ),
    row(
        "gateway-grpc-http1",
        "HTTP/1.1 alone is negotiated on the gateway's gRPC port",
        |plan| alpn(plan, GATEWAY, &["http/1.1"]),
        &[fail(&[9]).of(C::OtherTls, Server).variant(V::NoAlpn)],
        &[root("api-gateway", C::OtherTls).variant(V::NoAlpn)],
        1,
    ),
    row(
        "gateway-grpc-silent",
        "the gateway's gRPC port stays silent",
        |plan| silent(plan, GATEWAY),
        &[fail(&[9]).of(C::Timeout, Network)],
        &[root("api-gateway", C::Timeout)],
        1,
    ),
    row(
        "kernel-expired",
        "the safety kernel's certificate has expired",
        |plan| give(plan, KERNEL, |plan| issue(plan, Leaf::server().valid(Validity::Expired))),
        &[fail(&[10]).of(C::Expired, Server), drift(&[13])],
        &[root("safety-kernel", C::Expired)],
        1,
    ),
    row(
        "kernel-not-yet",
        "the safety kernel's certificate is not valid yet",
        |plan| give(plan, KERNEL, |plan| issue(plan, Leaf::server().valid(Validity::Future))),
        &[fail(&[10]).of(C::NotYetValid, Server), drift(&[13])],
        &[root("safety-kernel", C::NotYetValid)],
        1,
    ),
    row(
        "kernel-other-ca",
        "the safety kernel's certificate is of another CA",
        |plan| {
            give(plan, KERNEL, |_| {
                Ok(Authority::named("Another CA", Validity::Now)?.issue(&Leaf::server())?.into())
            })
        },
        &[fail(&[10]).of(C::UnknownAuthority, Server).variant(V::OtherCa), drift(&[13])],
        &[root("safety-kernel", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "kernel-self-signed",
        "the safety kernel's certificate is self-signed",
        |plan| give(plan, KERNEL, |_| Ok(pki::self_signed(&Leaf::server())?.into())),
        &[fail(&[10]).of(C::UnknownAuthority, Server).variant(V::SelfSigned), drift(&[13])],
        &[root("safety-kernel", C::UnknownAuthority).variant(V::SelfSigned)],
        1,
    ),
    row(
        "kernel-plain",
        "the safety kernel's port speaks plaintext",
        |plan| put(plan, KERNEL, Front::Plain),
        &[fail(&[10]).of(C::WrongSchemeTlsToPlain, Server).variant(V::Http2Plaintext)],
        &[root("safety-kernel", C::WrongSchemeTlsToPlain).variant(V::Http2Plaintext)],
        1,
    ),
    row(
        "kernel-plain-waits",
        "plaintext HTTP/2 that says nothing before its client's preface, as gRPC-Go",
        |plan| {
            // A TLS hello is no preface: it closes. The preface is answered with SETTINGS.
            put(
                plan,
                KERNEL,
                Front::Rogue(Rogue { answer: vec![0, 0, 0, 4, 0, 0, 0, 0, 0], ..Rogue::mute(Then::Close) }),
            )
        },
        &[fail(&[10]).of(C::WrongSchemeTlsToPlain, Server).variant(V::Http2Plaintext)],
        &[root("safety-kernel", C::WrongSchemeTlsToPlain).variant(V::Http2Plaintext)],
        1,
    ),
    row(
        "kernel-no-alpn",
        "the safety kernel negotiates no ALPN",
        |plan| alpn(plan, KERNEL, &[]),
        &[fail(&[10]).of(C::OtherTls, Server).variant(V::NoAlpn)],
        &[root("safety-kernel", C::OtherTls).variant(V::NoAlpn)],
        1,
    ),
    row(
        "kernel-not-serving",
        "the safety kernel's health says NOT_SERVING: a warning",
        |plan| {
            plan.health[1] = GrpcHealth::NotServing;
            Ok(())
        },
        &[warn(&[10])],
        &[],
        0,
    ),
    row(
        "kernel-reset",
        "the safety kernel's port resets",
        |plan| put(plan, KERNEL, Front::Rogue(Rogue::mute(Then::Reset))),
        &[fail(&[10]).of(C::ConnectionReset, Server)],
        &[root("safety-kernel", C::ConnectionReset)],
        1,
    ),
    row(
        "kernel-dns",
        "the safety kernel's host does not resolve",
        |plan| {
            plan.tool.hosts.push(("safety-kernel", "no-such-host.invalid".to_owned()));
            Ok(())
        },
        &[fail(&[10]).of(C::Dns, Network)],
        &[root("safety-kernel", C::Dns)],
        1,
    ),
    row(
        "kernel-tls-1.1",
        "the safety kernel speaks TLS 1.1 and nothing newer",
        |plan| old(plan, KERNEL, "TLSv1.1"),
        &[
            fail(&[10]).of(C::ProtocolVersion, Server),
            fail(&[14]).of(C::ProtocolVersion, Server).variant(V::BelowMinimum),
        ],
        &[root("safety-kernel", C::ProtocolVersion)],
        1,
    )
    .needing(NGINX),
    row(
        "engine-expired",
        "the context engine's certificate has expired",
        |plan| give(plan, ENGINE, |plan| issue(plan, Leaf::server().valid(Validity::Expired))),
        &[fail(&[11]).of(C::Expired, Server), drift(&[13])],
        &[root("context-engine", C::Expired)],
        1,
    ),
    row(
        "engine-eku",
        "the context engine presents a client certificate",
        |plan| give(plan, ENGINE, |plan| issue(plan, Leaf::server().using(&[ClientAuth]))),
        &[fail(&[11]).of(C::WrongKeyUsage, Server), drift(&[13])],
        &[root("context-engine", C::WrongKeyUsage)],
        1,
    ),
    row(
        "engine-no-san",
        "the context engine's certificate has no subject alternative name",
        |plan| give(plan, ENGINE, |plan| issue(plan, Leaf::server().for_names(&[]))),
        &[fail(&[11]).of(C::HostnameMismatch, Server).variant(V::NoSan), drift(&[13])],
        &[root("context-engine", C::HostnameMismatch).variant(V::NoSan)],
        1,
    ),
    row(
        "engine-regenerated",
        "the context engine kept its certificate of an earlier CA",
        |plan| give(plan, ENGINE, |_| Ok(Authority::generate()?.issue(&Leaf::server())?.into())),
        &[fail(&[11]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated), drift(&[13])],
        &[root("context-engine", C::UnknownAuthority).variant(V::CaRegenerated)],
        1,
    ),
    row(
        "engine-down",
        "nothing listens on the context engine's port",
        |plan| put(plan, ENGINE, Front::Nothing),
        &[fail(&[11]).of(C::ConnectionRefused, Server)],
        &[root("context-engine", C::ConnectionRefused)],
        1,
    ),
    row(
        "engine-ssh",
        "an SSH server listens on the context engine's port",
        |plan| put(plan, ENGINE, Front::Rogue(Rogue::greets(b"SSH-2.0-OpenSSH_9.2p1\r\n"))),
        &[fail(&[11]).of(C::WrongSchemeTlsToPlain, Client).variant(V::NotTls)],
        &[root("context-engine", C::WrongSchemeTlsToPlain).variant(V::NotTls)],
        1,
    ),
    row(
        "engine-is-http",
        "an HTTP/1.1 server answers on the context engine's port",
        |plan| {
            put(
                plan,
                ENGINE,
                Front::Rogue(Rogue::answers(b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")),
            )
        },
        &[fail(&[11]).of(C::WrongSchemeTlsToPlain, Server).variant(V::HttpPlaintext)],
        &[root("context-engine", C::WrongSchemeTlsToPlain).variant(V::HttpPlaintext)],
        1,
    ),
    row(
        "engine-nginx-502",
        "a proxy stands for the context engine and has no upstream",
        |plan| {
            plan.context_engine =
                Front::Nginx(Some(plan.server.clone()), " error_page 502 = /; return 502;\n".to_owned());
            Ok(())
        },
        &[fail(&[11])],
        &[],
        1,
    )
    .needing(NGINX),
];

fn issue(plan: &StackPlan, leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(plan.ca.issue(&leaf)?.into())
}

fn give(
    plan: &mut StackPlan,
    port: StackPort,
    make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>,
) -> Result<(), Boxed> {
    let pem = make(plan)?;
    plan.present(port, pem);
    Ok(())
}

pub(crate) fn put(plan: &mut StackPlan, port: StackPort, front: Front) -> Result<(), Boxed> {
    plan.put(port, front);
    Ok(())
}

fn silent(plan: &mut StackPlan, port: StackPort) -> Result<(), Boxed> {
    plan.tool.timeout = Some(std::time::Duration::from_secs(3));
    put(plan, port, Front::Rogue(Rogue::mute(Then::Hang)))
}

fn alpn(plan: &mut StackPlan, port: StackPort, names: &'static [&'static str]) -> Result<(), Boxed> {
    plan.tls(port, |tls| tls.alpn = names);
    Ok(())
}

/// nginx with old versions, which OpenSSL's usual level forbids.
pub(crate) fn old(plan: &mut StackPlan, port: StackPort, versions: &str) -> Result<(), Boxed> {
    let directives = format!(" ssl_protocols {versions};\n ssl_ciphers ALL:@SECLEVEL=0;\n");
    let front = Front::Nginx(Some(plan.server.clone()), directives);
    put(plan, port, front)
}
