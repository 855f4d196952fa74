//! The certificate folder, and the logs: what lies on disk without any wire, and what services said.

use rcgen::ExtendedKeyUsagePurpose::ClientAuth;
use tls_verify_fixtures::pki::{Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, StackPlan};
use tls_verify_fixtures::servers::openssl::{self, Weak};

use crate::expect::*;
use crate::harness::{Needs, Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(
        "server-file-expired",
        "server/tls.crt has expired while the servers still present an earlier one",
        |plan| server(plan, |plan| issue(plan, Leaf::server().valid(Validity::Expired))),
        &[fail(&[13]).of(C::Expired, Server)],
        &[root("server/tls.crt", C::Expired)],
        1,
    ),
    row(
        "server-file-unnamed",
        "server/tls.crt names none of the hosts",
        |plan| server(plan, |plan| issue(plan, Leaf::server().for_names(&["elsewhere"]))),
        &[fail(&[13]).of(C::HostnameMismatch, Server)],
        &[root("server/tls.crt", C::HostnameMismatch)],
        1,
    ),
    row(
        "server-file-other-ca",
        "server/tls.crt is of another CA",
        |plan| {
            server(plan, |_| {
                Ok(Authority::named("Another CA", Validity::Now)?.issue(&Leaf::server())?.into())
            })
        },
        &[fail(&[13]).of(C::UnknownAuthority, Server).variant(V::OtherCa)],
        &[root("server/tls.crt", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    ),
    row(
        "server-file-renewed",
        "server/tls.crt was renewed and nothing was restarted: a warning",
        |plan| server(plan, |plan| issue(plan, Leaf::server())),
        &[drift(&[13])],
        &[],
        0,
    ),
    row(
        "server-file-client",
        "server/tls.crt is a client certificate",
        |plan| server(plan, |plan| issue(plan, Leaf::server().using(&[ClientAuth]))),
        &[fail(&[13]).of(C::WrongKeyUsage, Server)],
        &[root("server/tls.crt", C::WrongKeyUsage)],
        1,
    ),
    row(
        "server-file-missing",
        "server/tls.crt is missing",
        |plan| file(plan, "server/tls.crt", ""),
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::FileMissing)],
        &[root("server/tls.crt", C::BadKeyFile).variant(V::FileMissing)],
        1,
    ),
    row(
        "server-key-missing",
        "server/tls.key is missing",
        |plan| file(plan, "server/tls.key", ""),
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::FileMissing)],
        &[root("server/tls.key", C::BadKeyFile).variant(V::FileMissing)],
        1,
    ),
    row(
        "server-file-empty",
        "server/tls.crt holds no PEM",
        |plan| file(plan, "server/tls.crt", "nothing here\n"),
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::NoPem)],
        &[root("server/tls.crt", C::BadKeyFile).variant(V::NoPem)],
        1,
    ),
    row(
        "server-file-key",
        "server/tls.crt holds a key",
        |plan| {
            let key = plan.server.key.clone();
            file(plan, "server/tls.crt", &key)
        },
        &[fail(&[13]).of(C::BadKeyFile, Server).variant(V::WrongKind)],
        &[root("server/tls.crt", C::BadKeyFile).variant(V::WrongKind)],
        1,
    ),
    row(
        "server-file-sha-1",
        "server/tls.crt is signed with SHA-1",
        |plan| {
            let folder = tempfile::tempdir()?;
            let pem = openssl::issue(folder.path(), &plan.ca, Weak::Sha1, false)?;
            server(plan, |_| Ok(pem))
        },
        &[fail(&[13]).of(C::BadSignature, Server).variant(V::WeakSignature)],
        &[root("server/tls.crt", C::BadSignature).variant(V::WeakSignature)],
        1,
    )
    .needing(&[Needs::Openssl]),
    row(
        "server-file-soon",
        "server/tls.crt ends in ten days: a warning",
        |plan| {
            server(plan, |plan| {
                Ok(plan
                    .ca
                    .issue_shaped(&Leaf::server(), |leaf| {
                        leaf.not_after = time::OffsetDateTime::now_utc() + time::Duration::days(10);
                    })?
                    .into())
            })
        },
        &[warn(&[13]).of(C::Expired, Server)],
        &[],
        0,
    ),
    row(
        "client-key-missing",
        "client/tls.key is missing",
        |plan| file(plan, "client/tls.key", ""),
        &[
            fail(&[5, 13]).of(C::BadKeyFile, Client).variant(V::FileMissing),
            unknown(&[6]).of(C::BadKeyFile, Client).variant(V::FileMissing),
        ],
        &[root("client/tls.key", C::BadKeyFile).variant(V::FileMissing)],
        1,
    ),
    row(
        "client-key-no-pem",
        "client/tls.key holds no PEM",
        |plan| file(plan, "client/tls.key", "nothing here\n"),
        &[
            fail(&[5, 13]).of(C::BadKeyFile, Client).variant(V::NoPem),
            unknown(&[6]).of(C::BadKeyFile, Client).variant(V::NoPem),
        ],
        &[root("client/tls.key", C::BadKeyFile).variant(V::NoPem)],
        1,
    ),
    row(
        "client-key-encrypted",
        "client/tls.key is encrypted",
        |plan| file(plan, "client/tls.key", ENCRYPTED),
        &[
            fail(&[5, 13]).of(C::BadKeyFile, Client).variant(V::Encrypted),
            unknown(&[6]).of(C::BadKeyFile, Client).variant(V::Encrypted),
        ],
        &[root("client/tls.key", C::BadKeyFile).variant(V::Encrypted)],
        1,
    ),
    row(
        "client-cert-no-pem",
        "client/tls.crt holds no PEM",
        |plan| file(plan, "client/tls.crt", "nothing here\n"),
        &[
            fail(&[5, 13]).of(C::BadKeyFile, Client).variant(V::NoPem),
            unknown(&[6]).of(C::BadKeyFile, Client).variant(V::NoPem),
        ],
        &[root("client/tls.crt", C::BadKeyFile).variant(V::NoPem)],
        1,
    ),
    row(
        "client-is-the-key",
        "client/tls.crt holds the key",
        |plan| {
            let key = plan.client.key.clone();
            file(plan, "client/tls.crt", &key)
        },
        &[
            fail(&[5, 13]).of(C::BadKeyFile, Client).variant(V::WrongKind),
            unknown(&[6]).of(C::BadKeyFile, Client).variant(V::WrongKind),
        ],
        &[root("client/tls.crt", C::BadKeyFile).variant(V::WrongKind)],
        1,
    ),
    row(
        "client-is-the-server",
        "client/ holds the server's pair",
        |plan| {
            let server = plan.server.clone();
            file(plan, "client/tls.crt", &server.chain)?;
            file(plan, "client/tls.key", &server.key)
        },
        &[
            fail(&[5]).of(C::BadCertificate, Client).variant(V::ServerCertAsClient),
            unknown(&[6]).of(C::BadCertificate, Client).variant(V::ServerCertAsClient),
            fail(&[13]).of(C::WrongKeyUsage, Client),
        ],
        &[root("client/tls.crt", C::BadCertificate).variant(V::ServerCertAsClient)],
        1,
    )
    .needing(&[Needs::Nats]),
    row(
        "client-file-expired",
        "client/tls.crt has expired here, the services hold an earlier one",
        |plan| {
            let pair = plan.ca.issue(&Leaf::client().valid(Validity::Expired))?;
            file(plan, "client/tls.crt", &pair.chain_pem())?;
            file(plan, "client/tls.key", &pair.key_pem())
        },
        &[fail(&[5, 13]).of(C::Expired, Client), unknown(&[6]).of(C::Expired, Client)],
        &[root("client/tls.crt", C::Expired)],
        1,
    )
    .needing(&[Needs::Nats]),
    row(
        "others-in-folder",
        "an expired certificate lies beside the layout: a note, no warning",
        |plan| {
            let old = plan.ca.issue(&Leaf::server().valid(Validity::Expired))?;
            file(plan, "server/old.crt", &old.chain_pem())
        },
        &[],
        &[],
        0,
    ),
];

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw\nDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAAAAAAAAAAAAAAAAAAAAAAEQAAA\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";

pub(crate) fn issue(plan: &StackPlan, leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(plan.ca.issue(&leaf)?.into())
}

/// Another pair in `server/`, which nobody has read yet.
pub(crate) fn server(
    plan: &mut StackPlan,
    make: impl FnOnce(&StackPlan) -> Result<Pem, Boxed>,
) -> Result<(), Boxed> {
    let pem = make(plan)?;
    plan.tool.files.push(("server/tls.crt", pem.chain));
    plan.tool.files.push(("server/tls.key", pem.key));
    Ok(())
}

/// Another text in a file; none removes it.
fn file(plan: &mut StackPlan, name: &'static str, text: &str) -> Result<(), Boxed> {
    plan.tool.files.push((name, text.to_owned()));
    Ok(())
}
