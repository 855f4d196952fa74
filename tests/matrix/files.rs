//! The certificate folder, and the logs: what lies on disk without any wire, and what services said.

use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use tls_verify_fixtures::pki::{Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, Plan, Port};
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
    row(
        "log-redis-x509",
        "the scheduler logs that it does not know Redis' authority",
        |plan| {
            says(
                plan,
                "scheduler",
                "[SCHEDULER] ERROR failed to connect to Redis for job store error=connect redis: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            )
        },
        &[fail(&[7]).of(C::UnknownAuthority, Server)],
        &[root("scheduler", C::UnknownAuthority)],
        1,
    ),
    row(
        "log-redis-dns",
        "the workflow engine logs that Redis' name does not resolve",
        |plan| {
            says(
                plan,
                "workflow-engine",
                "[WORKFLOW-ENGINE] ERROR workflow engine error error=connect redis memory store: connect redis: dial tcp: lookup redis on 127.0.0.11:53: no such host",
            )
        },
        &[fail(&[7]).of(C::Dns, Network)],
        &[root("workflow-engine", C::Dns)],
        1,
    ),
    row(
        "log-redis-expired",
        "the context engine logs that Redis' certificate has expired",
        |plan| {
            says(
                plan,
                "context-engine",
                "[CONTEXT-ENGINE] ERROR context engine init failed error=connect redis: tls: failed to verify certificate: x509: certificate has expired or is not yet valid: current time 2026-01-01T00:00:00Z is after 2021-01-01T00:00:00Z",
            )
        },
        &[fail(&[7]).of(C::Expired, Server)],
        &[root("context-engine", C::Expired)],
        1,
    ),
    row(
        "log-redis-password",
        "the worker logs that Redis refuses its password",
        |plan| {
            says(
                plan,
                "mock-bank-worker",
                "{\"level\":\"ERROR\",\"msg\":\"[mock-bank] Redis connection failed (check REDIS_URL, password, and TLS certs): redis ping failed: WRONGPASS invalid username-password pair or user is disabled.\"}",
            )
        },
        &[fail(&[7]).of(C::AuthNotTls, Client)],
        &[root("mock-bank-worker", C::AuthNotTls)],
        1,
    ),
    row(
        "log-redis-plaintext",
        "the gateway logs that Redis answers no TLS",
        |plan| {
            says(
                plan,
                "api-gateway",
                "[GATEWAY] ERROR api gateway error error=connect redis: connect redis: tls: first record does not look like a TLS handshake",
            )
        },
        &[fail(&[7]).of(C::WrongSchemeTlsToPlain, Server)],
        &[root("api-gateway", C::WrongSchemeTlsToPlain)],
        1,
    ),
    row(
        "log-permission",
        "the gateway logs that it may not read the CA",
        |plan| {
            says(
                plan,
                "api-gateway",
                "[GATEWAY] ERROR api gateway error error=connect redis: connect redis: parse redis options: apply redis tls config: build tls config: redis tls ca read: open /etc/cordum/tls/ca/ca.crt: permission denied",
            )
        },
        &[fail(&[7]).of(C::BadKeyFile, Server).variant(V::PermissionDenied)],
        &[root("api-gateway", C::BadKeyFile).variant(V::PermissionDenied)],
        1,
    ),
    row(
        "log-nats-trouble",
        "the safety kernel logs NATS trouble, and goes on: a warning",
        |plan| {
            says(
                plan,
                "safety-kernel",
                "[SAFETY-KERNEL] WARN safety-kernel: NATS connection failed, relying on poll err=connect nats tls://nats:4222: tls: failed to verify certificate: x509: certificate signed by unknown authority",
            )
        },
        &[warn(&[7]).of(C::UnknownAuthority, Server)],
        &[],
        0,
    ),
    row(
        "log-empty",
        "the scheduler's log is empty",
        |plan| {
            plan.silenced.push(("scheduler", true));
            Ok(())
        },
        &[unknown(&[7])],
        &[],
        3,
    ),
    row(
        "log-missing",
        "the safety kernel's log is missing",
        |plan| {
            plan.silenced.push(("safety-kernel", false));
            Ok(())
        },
        &[unknown(&[7])],
        &[],
        3,
    ),
    row(
        "logs-not-given",
        "no logs are given and Docker is not asked",
        |plan| {
            plan.tool.logs = false;
            Ok(())
        },
        &[unknown(&[7])],
        &[],
        3,
    ),
    row(
        "ca-file-without-layout",
        "the CA's file is renewed under the same key: nothing breaks",
        |plan| {
            let again =
                tls_verify_fixtures::pki::pem("CERTIFICATE", &plan.ca.again("Cordum Dev CA", |_| {})?);
            plan.tool.files.push(("ca/ca.crt", again));
            Ok(())
        },
        &[],
        &[],
        0,
    ),
    row(
        "client-both-usages",
        "server/tls.crt serves as client certificate with both usages",
        |plan| {
            let pair: Pem = plan.ca.issue(&Leaf::server().using(&[ServerAuth, ClientAuth]))?.into();
            plan.client = pair;
            Ok(())
        },
        &[],
        &[],
        0,
    ),
    row(
        "two-faults",
        "the gateway's certificate has expired and Redis' is of another CA: two origins",
        |plan| {
            let expired = issue(plan, Leaf::server().valid(Validity::Expired))?;
            plan.present(Port::Gateway, expired);
            plan.present(Port::Redis, Authority::named("Another CA", Validity::Now)?.issue(&Leaf::server())?);
            Ok(())
        },
        &[
            fail(&[1, 2, 3]).of(C::Expired, Server),
            unknown(&[4]).of(C::Expired, Server),
            fail(&[7]).of(C::UnknownAuthority, Server),
            fail(&[8, 15]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
            drift(&[13]),
        ],
        &[root("redis", C::UnknownAuthority).variant(V::OtherCa), root("api-gateway", C::Expired)],
        1,
    ),
];

const ENCRYPTED: &str = "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGbMFcGCSqGSIb3DQEFDTBKMCkGCSqGSIb3DQEFDDAcBAgAAAAAAAAAAAICCAAw\nDAYIKoZIhvcNAgkFADAdBglghkgBZQMEASoEEAAAAAAAAAAAAAAAAAAAAAAEQAAA\nAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAA==\n-----END ENCRYPTED PRIVATE KEY-----\n";

fn issue(plan: &Plan, leaf: Leaf) -> Result<Pem, Boxed> {
    Ok(plan.ca.issue(&leaf)?.into())
}

/// Another pair in `server/`, which nobody has read yet.
fn server(plan: &mut Plan, make: impl FnOnce(&Plan) -> Result<Pem, Boxed>) -> Result<(), Boxed> {
    let pem = make(plan)?;
    plan.tool.files.push(("server/tls.crt", pem.chain));
    plan.tool.files.push(("server/tls.key", pem.key));
    Ok(())
}

/// Another text in a file; none removes it.
fn file(plan: &mut Plan, name: &'static str, text: &str) -> Result<(), Boxed> {
    plan.tool.files.push((name, text.to_owned()));
    Ok(())
}

fn says(plan: &mut Plan, service: &'static str, line: &str) -> Result<(), Boxed> {
    plan.lines.push((service, line.to_owned()));
    Ok(())
}
