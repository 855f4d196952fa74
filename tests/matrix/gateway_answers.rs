//! What the gateway answers once TLS stands: statuses, stand-ins, the stream, broken links behind it.

use tls_verify_fixtures::peers::gateway::Stream;
use tls_verify_fixtures::plan::{Boxed, Front, StackPlan};

use crate::expect::*;
use crate::harness::{Needs, Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(
        "status-400",
        "400 in no server's known words",
        |plan| status(plan, 400),
        &[fail(&[1, 2, 3])],
        &[],
        1,
    ),
    row(
        "status-401",
        "401 to every API request",
        |plan| status(plan, 401),
        &[fail(&[1, 2, 3]).of(C::AuthNotTls, Client)],
        &[root("api-gateway", C::AuthNotTls)],
        1,
    ),
    row(
        "status-403",
        "403 to every API request",
        |plan| status(plan, 403),
        &[fail(&[1, 3]).of(C::AuthNotTls, Client), unknown(&[2]).of(C::AuthNotTls, Client)],
        &[root("api-gateway", C::AuthNotTls)],
        1,
    ),
    row("status-404", "404 to every API request", |plan| status(plan, 404), &[fail(&[1, 2, 3])], &[], 1),
    row("status-429", "429 although ready", |plan| status(plan, 429), &[unknown(&[1, 2, 3])], &[], 3),
    row("status-500", "500 to every API request", |plan| status(plan, 500), &[fail(&[1, 2, 3])], &[], 1),
    row(
        "status-502",
        "502 to every API request",
        |plan| status(plan, 502),
        &[fail(&[1, 2, 3]).of(C::BadGateway, Server)],
        &[root("api-gateway", C::BadGateway)],
        1,
    ),
    row(
        "status-503",
        "503 to every API request: the licence is degraded",
        |plan| status(plan, 503),
        &[fail(&[1, 2, 3])],
        &[],
        1,
    ),
    row(
        "redis-refuses-gateway",
        "429, and /readyz shows Redis' certificate unknown to the gateway",
        |plan| {
            plan.manner.redis =
                "tls: failed to verify certificate: x509: certificate signed by unknown authority".to_owned();
            status(plan, 429)
        },
        &[fail(&[1, 2, 3]).of(C::UnknownAuthority, Client)],
        &[root("api-gateway", C::UnknownAuthority)],
        1,
    ),
    row(
        "redis-gone-for-gateway",
        "429, and /readyz does not find Redis' name",
        |plan| {
            plan.manner.redis = "dial tcp: lookup redis on 127.0.0.11:53: no such host".to_owned();
            status(plan, 429)
        },
        &[fail(&[1, 2, 3]).of(C::Dns, Network)],
        &[root("redis", C::Dns)],
        1,
    ),
    row(
        "redis-password-of-gateway",
        "429, and /readyz shows a wrong password",
        |plan| {
            plan.manner.redis = "WRONGPASS invalid username-password pair or user is disabled.".to_owned();
            status(plan, 429)
        },
        &[fail(&[1, 2, 3]).of(C::AuthNotTls, Client)],
        &[root("redis", C::AuthNotTls)],
        1,
    ),
    row(
        "nats-gone-for-gateway",
        "429, and /readyz says that NATS is disconnected",
        |plan| {
            plan.manner.nats = "nats disconnected".to_owned();
            status(plan, 429)
        },
        &[fail(&[1, 2, 3]).of(C::ConnectionReset, Server)],
        &[root("nats", C::ConnectionReset)],
        1,
    ),
    row(
        "reports-no-nats",
        "200, and the status says nats.connected false",
        |plan| {
            plan.manner.connected = (false, true);
            plan.manner.nats = "nats disconnected".to_owned();
            Ok(())
        },
        &[warn(&[1])],
        &[],
        0,
    ),
    row(
        "reports-no-redis",
        "200, and the status says redis.ok false",
        |plan| {
            plan.manner.connected = (true, false);
            Ok(())
        },
        &[warn(&[1])],
        &[],
        0,
    ),
    row(
        "another-page",
        "200 and a page of something else",
        |plan| answers(plan, 200, "<!doctype html><title>Welcome to nginx!</title>"),
        &[fail(&[1, 2, 3])],
        &[],
        1,
    ),
    row(
        "another-json",
        "200 and the JSON of something else",
        |plan| answers(plan, 200, "{\"hello\":\"world\"}"),
        &[fail(&[1, 2])],
        &[],
        1,
    ),
    row(
        "nginx-wants-certificate",
        "nginx before the gateway wants a client certificate: 400",
        |plan| nginx(plan, " ssl_client_certificate CERTS/ca/ca.crt;\n ssl_verify_client on;\n"),
        &[fail(&[1, 2, 3]).of(C::ClientCertRequired, Client)],
        &[root("api-gateway", C::ClientCertRequired)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row(
        "nginx-refuses-certificate",
        "400 in nginx' words for a certificate that does not fit",
        |plan| answers(plan, 400, "<html><head><title>400 The SSL certificate error</title></head></html>"),
        &[fail(&[1, 2, 3]).of(C::BadCertificate, Client)],
        &[root("api-gateway", C::BadCertificate)],
        1,
    ),
    row(
        "nginx-plain-to-tls",
        "400 in nginx' words for plain HTTP on its TLS port",
        |plan| answers(plan, 400, "<html>400 The plain HTTP request was sent to HTTPS port</html>"),
        &[fail(&[1, 2, 3]).of(C::WrongSchemePlainToTls, Client)],
        &[root("api-gateway", C::WrongSchemePlainToTls)],
        1,
    ),
    row(
        "nginx-upstream-gone",
        "nginx before the gateway finds nobody behind it: 502",
        |plan| nginx(plan, " location / { proxy_pass http://127.0.0.1:1; }\n"),
        &[fail(&[1, 2, 3]).of(C::BadGateway, Server)],
        &[root("api-gateway", C::BadGateway)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row("stream-400", "the stream answers 400", |plan| stream(plan, 400), &[fail(&[2])], &[], 1),
    row(
        "stream-401",
        "the stream answers 401",
        |plan| stream(plan, 401),
        &[fail(&[2]).of(C::AuthNotTls, Client)],
        &[root("api-gateway", C::AuthNotTls)],
        1,
    ),
    row(
        "stream-403",
        "the stream answers 403",
        |plan| stream(plan, 403),
        &[unknown(&[2]).of(C::AuthNotTls, Client)],
        &[],
        3,
    ),
    row("stream-404", "the stream answers 404", |plan| stream(plan, 404), &[fail(&[2])], &[], 1),
    row(
        "stream-429",
        "the stream answers 429 although ready",
        |plan| stream(plan, 429),
        &[unknown(&[2])],
        &[],
        3,
    ),
    row("stream-426", "the stream answers 426", |plan| stream(plan, 426), &[fail(&[2])], &[], 1),
    row(
        "stream-502",
        "the stream answers 502",
        |plan| stream(plan, 502),
        &[fail(&[2]).of(C::BadGateway, Server)],
        &[root("api-gateway", C::BadGateway)],
        1,
    ),
    row("stream-503", "the stream answers 503", |plan| stream(plan, 503), &[fail(&[2])], &[], 1),
    row(
        "cli-verifies-nothing",
        "the CLI connects whatever it is given",
        |plan| {
            plan.tool.cordumctl = Some("/bin/echo".to_owned());
            Ok(())
        },
        &[fail(&[4]).of(C::VerificationNotEnforced, Client)],
        &[root("cordumctl", C::VerificationNotEnforced)],
        1,
    ),
    row(
        "cli-always-fails",
        "the CLI ends with 1 and says nothing that is known",
        |plan| {
            plan.tool.cordumctl = Some("/bin/false".to_owned());
            Ok(())
        },
        &[fail(&[3]), unknown(&[4])],
        &[],
        1,
    ),
    row(
        "cli-missing",
        "the CLI that was named cannot be started",
        |plan| {
            plan.tool.cordumctl = Some("/nowhere/cordumctl".to_owned());
            Ok(())
        },
        &[unknown(&[3, 4])],
        &[],
        3,
    ),
    row(
        "clock-a-day-ahead",
        "the gateway's clock is a day ahead: a warning",
        |plan| {
            plan.manner.clock = 86_400;
            Ok(())
        },
        &[warn(&[1]).of(C::Expired, Server).variant(V::ClockSkew)],
        &[],
        0,
    ),
    row(
        "clock-a-day-behind",
        "the gateway's clock is a day behind: a warning",
        |plan| {
            plan.manner.clock = -86_400;
            Ok(())
        },
        &[warn(&[1]).of(C::NotYetValid, Server).variant(V::ClockSkew)],
        &[],
        0,
    ),
];

fn status(plan: &mut StackPlan, status: u16) -> Result<(), Boxed> {
    // The dashboard has its own rows.
    plan.dashboard_manner = Some(plan.manner.clone());
    plan.manner.api_status = Some(status);
    Ok(())
}

fn answers(plan: &mut StackPlan, status: u16, text: &'static str) -> Result<(), Boxed> {
    plan.dashboard_manner = Some(plan.manner.clone());
    plan.manner.stand_in = Some((status, text));
    Ok(())
}

fn stream(plan: &mut StackPlan, status: u16) -> Result<(), Boxed> {
    plan.manner.stream = Stream::Status(status);
    Ok(())
}

fn nginx(plan: &mut StackPlan, directives: &str) -> Result<(), Boxed> {
    plan.gateway = Front::Nginx(Some(plan.server.clone()), directives.to_owned());
    Ok(())
}
