//! Certificates that the gateway serves.

use rcgen::{BasicConstraints, CidrSubnet, GeneralSubtree, IsCa, KeyUsagePurpose, NameConstraints};
use tls_verify_fixtures::peers::tls::ONLY_TLS12;
use tls_verify_fixtures::pki::{self, Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, StackPlan, StackPort};

use crate::expect::*;
use crate::harness::{Row, row};

/// The gateway's certificate leads to another CA.
const OF_OTHER_CA: &[Expect] = &[
    fail(&[1, 2, 3]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
    unknown(&[4]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
    drift(&[13]),
];

/// An authority between may not sign for the gateway's names.
const CONSTRAINED: &[Expect] = &[
    fail(&[1, 2, 3]).of(C::InvalidCa, Server).variant(V::NameConstraints),
    unknown(&[4]).of(C::InvalidCa, Server).variant(V::NameConstraints),
    drift(&[13]),
];

pub(crate) const ROWS: &[Row] = &[
    row(
        "expired-1.2",
        "expired, over TLS 1.2",
        |plan| over_1_2(plan, |plan| issue(plan, Leaf::server().valid(Validity::Expired))),
        &[fail(&[1, 2, 3]).of(C::Expired, Server), unknown(&[4]).of(C::Expired, Server), drift(&[13])],
        &[root("api-gateway", C::Expired)],
        1,
    ),
    row(
        "other-ca-1.2",
        "of another CA, over TLS 1.2",
        |plan| over_1_2(plan, |_| stranger(Leaf::server())),
        OF_OTHER_CA,
        &[root("api-gateway", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "self-signed-1.2",
        "self-signed, over TLS 1.2",
        |plan| over_1_2(plan, |_| Ok(pki::self_signed(&Leaf::server())?.into())),
        &[
            fail(&[1, 2, 3]).of(C::UnknownAuthority, Server).variant(V::SelfSigned),
            unknown(&[4]).of(C::UnknownAuthority, Server).variant(V::SelfSigned),
            drift(&[13]),
        ],
        &[root("api-gateway", C::UnknownAuthority).variant(V::SelfSigned)],
        1,
    ),
    row(
        "expired-and-name",
        "expired and without the host's name: both are said",
        |plan| give(plan, |plan| issue(plan, Leaf::server().valid(Validity::Expired).for_names(&["nats"]))),
        &[fail(&[1, 2, 3]).of(C::Expired, Server), unknown(&[4]).of(C::Expired, Server), drift(&[13])],
        &[root("api-gateway", C::Expired)],
        1,
    ),
    row(
        "expired-and-other-ca",
        "expired and of another CA: both are said",
        |plan| give(plan, |_| stranger(Leaf::server().valid(Validity::Expired))),
        OF_OTHER_CA,
        &[root("api-gateway", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "other-ca-with-root",
        "of another CA, whose own certificate is sent along",
        |plan| {
            give(plan, |_| {
                let ca = Authority::named("Another CA", Validity::Now)?;
                let mut pem: Pem = ca.issue(&Leaf::server())?.into();
                pem.chain.push_str(&ca.pem());
                Ok(pem)
            })
        },
        OF_OTHER_CA,
        &[root("api-gateway", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "regenerated",
        "of an earlier CA of the same name",
        |plan| give(plan, |_| Ok(Authority::generate()?.issue(&Leaf::server())?.into())),
        &[
            fail(&[1, 2, 3]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated),
            unknown(&[4]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated),
            drift(&[13]),
        ],
        &[root("api-gateway", C::UnknownAuthority).variant(V::CaRegenerated)],
        1,
    ),
    row(
        "ip-not-in-san",
        "the host is an address that the certificate has not",
        |plan| {
            plan.tool.hosts.push(("gateway", "127.0.0.1".to_owned()));
            give(plan, |plan| issue(plan, Leaf::server().for_names(pki::NAMES)))
        },
        &[
            fail(&[1, 2, 3]).of(C::HostnameMismatch, Server).variant(V::IpNotInSan),
            unknown(&[4]).of(C::HostnameMismatch, Server).variant(V::IpNotInSan),
            drift(&[13]),
        ],
        &[root("api-gateway", C::HostnameMismatch).variant(V::IpNotInSan)],
        1,
    ),
    row(
        "intermediate-unknown",
        "the intermediate is not sent and lies nowhere here",
        |plan| {
            give(plan, |plan| {
                Ok(Pem::from(plan.ca.intermediate("Cordum Servers")?.issue(&Leaf::server())?).alone())
            })
        },
        OF_OTHER_CA,
        &[root("api-gateway", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "intermediate-expired",
        "the intermediate that is sent has expired",
        |plan| {
            give(plan, |plan| {
                let between = plan.ca.intermediate_shaped("Cordum Servers", |ca| {
                    ca.not_before = time::macros::datetime!(2020-01-01 0:00 UTC);
                    ca.not_after = time::macros::datetime!(2021-01-01 0:00 UTC);
                })?;
                Ok(between.issue(&Leaf::server())?.into())
            })
        },
        &[
            fail(&[1, 2, 3]).of(C::Expired, Server).variant(V::ExpiredCa),
            unknown(&[4]).of(C::Expired, Server).variant(V::ExpiredCa),
            drift(&[13]),
        ],
        &[root("api-gateway", C::Expired).variant(V::ExpiredCa)],
        1,
    ),
    row(
        "intermediate-future",
        "the intermediate that is sent is not valid yet",
        |plan| {
            give(plan, |plan| {
                let between = plan.ca.intermediate_shaped("Cordum Servers", |ca| {
                    ca.not_before = time::macros::datetime!(2090-01-01 0:00 UTC);
                    ca.not_after = time::macros::datetime!(2091-01-01 0:00 UTC);
                })?;
                Ok(between.issue(&Leaf::server())?.into())
            })
        },
        &[
            fail(&[1, 2, 3]).of(C::NotYetValid, Server),
            unknown(&[4]).of(C::NotYetValid, Server),
            drift(&[13]),
        ],
        &[root("api-gateway", C::NotYetValid)],
        1,
    ),
    row(
        "intermediate-no-ca",
        "the intermediate says CA:FALSE",
        |plan| {
            give(plan, |plan| {
                let between =
                    plan.ca.intermediate_shaped("Cordum Servers", |ca| ca.is_ca = IsCa::ExplicitNoCa)?;
                Ok(between.issue(&Leaf::server())?.into())
            })
        },
        &[
            fail(&[1, 2, 3]).of(C::InvalidCa, Server).variant(V::NotACa),
            unknown(&[4]).of(C::InvalidCa, Server).variant(V::NotACa),
            drift(&[13]),
        ],
        &[root("api-gateway", C::InvalidCa).variant(V::NotACa)],
        1,
    ),
    row(
        "intermediate-key-usage",
        "the intermediate's key usage lacks keyCertSign",
        |plan| {
            give(plan, |plan| {
                let between = plan.ca.intermediate_shaped("Cordum Servers", |ca| {
                    ca.key_usages = vec![KeyUsagePurpose::DigitalSignature];
                })?;
                Ok(between.issue(&Leaf::server())?.into())
            })
        },
        &[fail(&[1, 2, 3]).of(C::InvalidCa, Server), unknown(&[4]).of(C::InvalidCa, Server), drift(&[13])],
        &[root("api-gateway", C::InvalidCa)],
        1,
    ),
    row(
        "intermediate-regenerated",
        "the intermediate that is sent has the name and another key",
        |plan| {
            give(plan, |plan| {
                let old = plan.ca.intermediate("Cordum Servers")?;
                let new = plan.ca.intermediate("Cordum Servers")?;
                let mut pem = Pem::from(old.issue(&Leaf::server())?).alone();
                pem.chain.push_str(&new.pem());
                Ok(pem)
            })
        },
        &[
            fail(&[1, 2, 3]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated),
            unknown(&[4]).of(C::UnknownAuthority, Server).variant(V::CaRegenerated),
            drift(&[13]),
        ],
        &[root("api-gateway", C::UnknownAuthority).variant(V::CaRegenerated)],
        1,
    ),
    row(
        "path-length",
        "one intermediate more than the CA's path length allows",
        |plan| {
            give(plan, |plan| {
                let upper = plan.ca.intermediate_shaped("Upper", |ca| {
                    ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
                })?;
                Ok(upper.intermediate("Lower")?.issue(&Leaf::server())?.into())
            })
        },
        &[
            fail(&[1, 2, 3]).of(C::InvalidCa, Server).variant(V::PathLength),
            unknown(&[4]).of(C::InvalidCa, Server).variant(V::PathLength),
            drift(&[13]),
        ],
        &[root("api-gateway", C::InvalidCa).variant(V::PathLength)],
        1,
    ),
    row(
        "name-constraints",
        "the intermediate may sign for other names alone",
        |plan| {
            give(plan, |plan| {
                let between = plan.ca.intermediate_shaped("Cordum Servers", |ca| {
                    ca.name_constraints = Some(NameConstraints {
                        permitted_subtrees: vec![GeneralSubtree::DnsName("example.test".to_owned())],
                        excluded_subtrees: Vec::new(),
                    });
                })?;
                Ok(between.issue(&Leaf::server())?.into())
            })
        },
        CONSTRAINED,
        &[root("api-gateway", C::InvalidCa).variant(V::NameConstraints)],
        1,
    ),
    row(
        "address-constraints",
        "the intermediate may not sign for loopback addresses",
        |plan| {
            give(plan, |plan| {
                let between = plan.ca.intermediate_shaped("Cordum Servers", |ca| {
                    ca.name_constraints = Some(NameConstraints {
                        permitted_subtrees: Vec::new(),
                        excluded_subtrees: vec![GeneralSubtree::IpAddress(CidrSubnet::V4(
                            [127, 0, 0, 0],
                            [255, 0, 0, 0],
                        ))],
                    });
                })?;
                Ok(between.issue(&Leaf::server())?.into())
            })
        },
        CONSTRAINED,
        &[root("api-gateway", C::InvalidCa).variant(V::NameConstraints)],
        1,
    ),
    row(
        "ca-as-leaf",
        "the gateway presents a CA's certificate with the right names",
        |plan| {
            give(plan, |plan| {
                Ok(plan
                    .ca
                    .issue_shaped(&Leaf::server(), |leaf| {
                        leaf.is_ca = IsCa::Ca(BasicConstraints::Unconstrained)
                    })?
                    .into())
            })
        },
        &[warn(&[1, 2]).of(C::InvalidCa, Server).variant(V::CaAsEndEntity), drift(&[13])],
        &[],
        0,
    ),
    row(
        "chain-of-clients",
        "the gateway presents the client certificate",
        |plan| give(plan, |plan| Ok(plan.client.clone())),
        &[
            fail(&[1, 2, 3]).of(C::HostnameMismatch, Server).variant(V::NoSan),
            unknown(&[4]).of(C::HostnameMismatch, Server).variant(V::NoSan),
            drift(&[13]),
        ],
        &[root("api-gateway", C::HostnameMismatch).variant(V::NoSan)],
        1,
    ),
];

pub(crate) fn issue(plan: &StackPlan, leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(plan.ca.issue(&leaf)?.into())
}

pub(crate) fn stranger(leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(Authority::named("Another CA", Validity::Now)?.issue(&leaf)?.into())
}

pub(crate) fn give(
    plan: &mut StackPlan,
    make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>,
) -> Result<(), Boxed> {
    let pem = make(plan)?;
    plan.present(StackPort::Gateway, pem);
    Ok(())
}

pub(crate) fn over_1_2(
    plan: &mut StackPlan,
    make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>,
) -> Result<(), Boxed> {
    plan.tls(StackPort::Gateway, |tls| tls.versions = ONLY_TLS12);
    give(plan, make)
}
