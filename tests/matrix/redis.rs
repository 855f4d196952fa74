//! Redis: certificates, client certificates, versions and logins.

use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use tls_verify_fixtures::pki::{self, Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, Plan, Port, RedisFront};

use crate::harness::{Needs, Row, row};

const REDIS: &[Needs] = &[Needs::Redis];

pub(crate) const ROWS: &[Row] = &[
    row(
        "redis-self-signed",
        "Redis' certificate is self-signed",
        |plan| server(plan, |_| Ok(pki::self_signed(&Leaf::server())?.into())),
        "7 fail unknown-authority - server; 8 15 fail unknown-authority self-signed server; 13 drift", "redis unknown-authority self-signed", 1,
    ),
    row(
        "redis-not-yet",
        "Redis' certificate is not valid yet",
        |plan| server(plan, |plan| issue(plan, Leaf::server().valid(Validity::Future))),
        "7 8 15 fail not-yet-valid - server; 13 drift", "redis not-yet-valid", 1,
    ),
    row(
        "redis-no-san",
        "Redis' certificate has no subject alternative name",
        |plan| server(plan, |plan| issue(plan, Leaf::server().for_names(&[]))),
        "7 fail hostname-mismatch - server; 8 15 fail hostname-mismatch no-san server; 13 drift", "redis hostname-mismatch no-san", 1,
    ),
    row(
        "redis-eku",
        "Redis presents a client certificate",
        |plan| server(plan, |plan| issue(plan, Leaf::server().using(&[ClientAuth]))),
        "7 8 15 fail wrong-key-usage - server; 13 drift", "redis wrong-key-usage", 1,
    ),
    row(
        "redis-regenerated",
        "Redis kept its certificate of an earlier CA of the same name",
        |plan| {
            let old = Authority::generate()?;
            plan.redis_ca = Some(old.pem());
            plan.present(Port::Redis, old.issue(&Leaf::server())?);
            Ok(())
        },
        "7 8 15 fail unknown-authority ca-regenerated server; 13 drift", "redis unknown-authority ca-regenerated", 1,
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
        "7 fail unknown-authority - server; 8 15 fail unknown-authority missing-intermediate server; 13 drift", "redis unknown-authority missing-intermediate", 1,
    ),
    row(
        "redis-wants-missing",
        "Redis demands a client certificate, and none lies here",
        |plan| {
            plan.tool.files.push(("client/tls.crt", String::new()));
            wants(plan)
        },
        "5 8 13 fail bad-key-file file-missing client; 6 unknown bad-key-file file-missing client", "client/tls.crt bad-key-file file-missing", 1,
    )
    .needing(REDIS),
    row(
        "redis-wants-other-ca",
        "Redis demands client certificates, and knows them by another CA",
        |plan| {
            plan.redis_ca = Some(Authority::named("Another CA", Validity::Now)?.pem());
            wants(plan)
        },
        "7 fail bad-certificate other-ca client; 8 15 fail bad-certificate other-ca server", "redis bad-certificate other-ca", 1,
    )
    .needing(REDIS),
    row(
        "redis-client-other-ca",
        "Redis demands client certificates, ours is of another CA",
        |plan| {
            plan.client = Authority::named("Another CA", Validity::Now)?.issue(&Leaf::client())?.into();
            wants(plan)
        },
        "5 8 15 fail bad-certificate other-ca client; 6 unknown bad-certificate other-ca client; 7 fail bad-certificate other-ca client; 13 fail unknown-authority other-ca client", "client/tls.crt unknown-authority other-ca", 1,
    )
    .needing(REDIS),
    row(
        "redis-client-expired",
        "Redis demands client certificates, ours has expired",
        |plan| {
            plan.client = issue(plan, Leaf::client().valid(Validity::Expired))?;
            wants(plan)
        },
        "5 7 8 13 15 fail expired - client; 6 unknown expired - client", "client/tls.crt expired", 1,
    )
    .needing(REDIS),
    row(
        "redis-client-eku",
        "Redis demands client certificates, ours is a server's",
        |plan| {
            plan.client = issue(plan, Leaf::client().using(&[ServerAuth]))?;
            wants(plan)
        },
        "5 8 15 fail bad-certificate server-cert-as-client client; 6 unknown bad-certificate server-cert-as-client client; 7 fail bad-certificate - client; 13 fail wrong-key-usage - client", "client/tls.crt bad-certificate server-cert-as-client", 1,
    )
    .needing(REDIS),
    row(
        "redis-tls-1.1",
        "Redis speaks TLS 1.1 and nothing newer",
        |plan| versions(plan, "TLSv1.1"),
        "7 8 15 fail protocol-version - server; 14 fail protocol-version below-minimum server", "redis protocol-version", 1,
    )
    .needing(REDIS),
    row("redis-tls-1.0", "Redis speaks TLS 1.0 and nothing newer", |plan| versions(plan, "TLSv1"), "7 8 15 fail protocol-version - server; 14 fail protocol-version below-minimum server", "redis protocol-version", 1)
        .needing(REDIS),
    row("redis-old-too", "Redis takes TLS 1.0 beside 1.2", |plan| versions(plan, "TLSv1 TLSv1.2"), "14 fail protocol-version below-minimum server", "redis protocol-version below-minimum", 1)
        .needing(REDIS),
    row(
        "redis-no-password",
        "no password is given: NOAUTH over TLS is enough",
        |plan| {
            plan.tool.redis_password = Some(String::new());
            Ok(())
        },
        "",
        "",
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
        "8 fail auth-not-tls - client", "redis auth-not-tls", 1,
    )
    .needing(REDIS),
];

fn issue(plan: &Plan, leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(plan.ca.issue(&leaf)?.into())
}

fn server(plan: &mut Plan, make: impl FnOnce(&Plan) -> Result<Pem, Boxed>) -> Result<(), Boxed> {
    let pem = make(plan)?;
    plan.present(Port::Redis, pem);
    Ok(())
}

fn wants(plan: &mut Plan) -> Result<(), Boxed> {
    plan.redis = RedisFront::Server("tls-auth-clients yes".to_owned());
    Ok(())
}

fn versions(plan: &mut Plan, versions: &str) -> Result<(), Boxed> {
    plan.redis = RedisFront::Server(format!(
        "tls-auth-clients no\ntls-protocols \"{versions}\"\ntls-ciphers ALL:@SECLEVEL=0"
    ));
    Ok(())
}
