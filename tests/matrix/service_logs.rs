//! Logs of services, and what is passed over without them.

use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
use tls_verify_fixtures::pki::{Authority, Leaf, Pem, Validity};
use tls_verify_fixtures::plan::{Boxed, StackPlan, StackPort};

use crate::expect::*;
use crate::files::issue;
use crate::harness::{Row, row};

pub(crate) const ROWS: &[Row] = &[
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
            plan.present(StackPort::Gateway, expired);
            plan.present(
                StackPort::Redis,
                Authority::named("Another CA", Validity::Now)?.issue(&Leaf::server())?,
            );
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

fn says(plan: &mut StackPlan, service: &'static str, line: &str) -> Result<(), Boxed> {
    plan.lines.push((service, line.to_owned()));
    Ok(())
}
