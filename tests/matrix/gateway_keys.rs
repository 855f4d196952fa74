//! Keys, strengths and dates of the gateway's certificate, and certificates that every server shows.

use rcgen::IsCa;
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};
use tls_verify_fixtures::plan::{Boxed, Front, StackPlan};
use tls_verify_fixtures::servers::openssl::{self, Weak};

use crate::expect::*;
use crate::gateway_certificates::{give, issue, over_1_2, stranger};
use crate::harness::{Needs, Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(
        "key-of-another",
        "the certificate is served with the key of another one",
        |plan| {
            give(plan, |plan| {
                let other = issue(plan, Leaf::server())?;
                Ok(plan.server.clone().keyed_as(other))
            })
        },
        &[fail(&[1, 2, 3]).of(C::BadSignature, Server), unknown(&[4]).of(C::BadSignature, Server)],
        &[root("api-gateway", C::BadSignature)],
        1,
    ),
    row(
        "key-of-another-1.2",
        "the same over TLS 1.2",
        |plan| {
            over_1_2(plan, |plan| {
                let other = issue(plan, Leaf::server())?;
                Ok(plan.server.clone().keyed_as(other))
            })
        },
        &[fail(&[1, 2, 3]).of(C::BadSignature, Server), unknown(&[4]).of(C::BadSignature, Server)],
        &[root("api-gateway", C::BadSignature)],
        1,
    ),
    row(
        "sha-1",
        "signed with SHA-1: Go refuses it",
        |plan| weak(plan, Weak::Sha1),
        &[
            fail(&[1, 2, 3]).of(C::BadSignature, Server).variant(V::WeakSignature),
            unknown(&[4]).of(C::BadSignature, Server).variant(V::WeakSignature),
            drift(&[13]),
        ],
        &[root("api-gateway", C::BadSignature).variant(V::WeakSignature)],
        1,
    )
    .needing(&[Needs::Openssl, Needs::Nginx]),
    row(
        "rsa-1024",
        "an RSA key of 1024 bits: Go takes it, this tool cannot verify it",
        |plan| weak(plan, Weak::Rsa1024),
        &[unknown(&[1, 2, 3, 4]).of(C::OtherTls, Server).variant(V::WeakKey), drift(&[13])],
        &[],
        3,
    )
    .needing(&[Needs::Openssl, Needs::Nginx]),
    row(
        "ends-soon",
        "the certificate ends in ten days: a warning",
        |plan| {
            give(plan, |plan| {
                Ok(plan
                    .ca
                    .issue_shaped(&Leaf::server(), |leaf| {
                        leaf.not_after = time::OffsetDateTime::now_utc() + time::Duration::days(10);
                    })?
                    .into())
            })
        },
        &[warn(&[1, 2]).of(C::Expired, Server), drift(&[13])],
        &[],
        0,
    ),
    row(
        "clock-behind",
        "not valid for half a day more, which it is by the gateway's clock",
        |plan| {
            plan.manner.clock = 86_400;
            give(plan, |plan| {
                Ok(plan
                    .ca
                    .issue_shaped(&Leaf::server(), |leaf| {
                        // (Not on the hour: all checks tell the same number of hours.)
                        leaf.not_before =
                            time::OffsetDateTime::now_utc() + time::Duration::minutes(14 * 60 + 30);
                    })?
                    .into())
            })
        },
        &[
            fail(&[1, 2, 3]).of(C::NotYetValid, Client).variant(V::ClockSkew),
            unknown(&[4]).of(C::NotYetValid, Client).variant(V::ClockSkew),
            drift(&[13]),
        ],
        &[root("api-gateway", C::NotYetValid).variant(V::ClockSkew)],
        1,
    ),
    row(
        "clock-ahead",
        "ended twelve hours ago, and valid by the gateway's clock",
        |plan| {
            plan.manner.clock = -86_400;
            give(plan, |plan| {
                Ok(plan
                    .ca
                    .issue_shaped(&Leaf::server(), |leaf| {
                        leaf.not_before = time::OffsetDateTime::now_utc() - time::Duration::days(100);
                        leaf.not_after = time::OffsetDateTime::now_utc() - time::Duration::hours(12);
                    })?
                    .into())
            })
        },
        &[
            fail(&[1, 2, 3]).of(C::Expired, Client).variant(V::ClockSkew),
            unknown(&[4]).of(C::Expired, Client).variant(V::ClockSkew),
            drift(&[13]),
        ],
        &[root("api-gateway", C::Expired).variant(V::ClockSkew)],
        1,
    ),
    row(
        "everywhere-expired",
        "server/tls.crt has expired, and every server serves it",
        |plan| {
            let pem = issue(plan, Leaf::server().valid(Validity::Expired))?;
            plan.present_everywhere(pem);
            Ok(())
        },
        &[
            fail(&[1, 2, 3, 5, 7, 8, 9, 10, 11, 13, 15]).of(C::Expired, Server),
            unknown(&[4, 6]).of(C::Expired, Server),
        ],
        &[root("server/tls.crt", C::Expired)],
        1,
    ),
    row(
        "everywhere-unnamed",
        "server/tls.crt names none of the hosts, and every server serves it",
        |plan| {
            let pem = issue(plan, Leaf::server().for_names(&["elsewhere"]))?;
            plan.present_everywhere(pem);
            Ok(())
        },
        &[
            fail(&[1, 2, 3, 5, 7, 8, 9, 10, 11, 13, 15]).of(C::HostnameMismatch, Server),
            unknown(&[4, 6]).of(C::HostnameMismatch, Server),
        ],
        &[root("server/tls.crt", C::HostnameMismatch)],
        1,
    ),
    row(
        "everywhere-other-ca",
        "server/tls.crt is of another CA, and every server serves it",
        |plan| {
            let pem = stranger(Leaf::server())?;
            plan.present_everywhere(pem);
            Ok(())
        },
        &[
            fail(&[1, 2, 3, 5, 8, 9, 10, 11, 13, 15]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
            unknown(&[4, 6]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
            fail(&[7]).of(C::UnknownAuthority, Server),
        ],
        &[root("server/tls.crt", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "everywhere-no-ca",
        "the CA's certificate says CA:FALSE",
        |plan| {
            let ca = Authority::shaped("Cordum Dev CA", |ca| ca.is_ca = IsCa::ExplicitNoCa)?;
            let (server, client) = (ca.issue(&Leaf::server())?, ca.issue(&Leaf::client())?);
            *plan = StackPlan::of(ca, server.into(), client.into());
            Ok(())
        },
        &[
            fail(&[1, 2, 3, 5, 8, 9, 10, 11, 13, 15]).of(C::InvalidCa, Client).variant(V::NotACa),
            unknown(&[4, 6]).of(C::InvalidCa, Client).variant(V::NotACa),
            warn(&[7]).of(C::BadCertificate, Client),
        ],
        &[root("ca/ca.crt", C::InvalidCa).variant(V::NotACa)],
        1,
    ),
    row(
        "everywhere-future-ca",
        "the CA is not valid yet",
        |plan| {
            let ca = Authority::named("Cordum Dev CA", Validity::Future)?;
            let (server, client) = (ca.issue(&Leaf::server())?, ca.issue(&Leaf::client())?);
            *plan = StackPlan::of(ca, server.into(), client.into());
            Ok(())
        },
        &[
            fail(&[1, 2, 3, 5, 7, 8, 9, 10, 11, 13, 15]).of(C::NotYetValid, Client),
            unknown(&[4, 6]).of(C::NotYetValid, Client),
        ],
        &[root("ca/ca.crt", C::NotYetValid)],
        1,
    ),
];

/// What no library here makes or serves: openssl's certificate in nginx.
fn weak(plan: &mut StackPlan, weak: Weak) -> Result<(), Boxed> {
    let folder = tempfile::tempdir()?;
    let pem = openssl::issue(folder.path(), &plan.ca, weak, false)?;
    plan.gateway = Front::Nginx(
        Some(pem),
        " ssl_protocols TLSv1.2 TLSv1.3;\n ssl_ciphers ALL:@SECLEVEL=0;\n".to_owned(),
    );
    Ok(())
}
