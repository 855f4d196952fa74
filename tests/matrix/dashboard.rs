//! The dashboard: a real nginx with Cordum's upstream settings, and stand-ins for what it may answer.

use tls_verify_fixtures::peers::rogue::{Rogue, Then};
use tls_verify_fixtures::pki::{Authority, Leaf, Validity};
use tls_verify_fixtures::plan::{Front, StackPlan, StackPort};

use crate::expect::*;
use crate::harness::{Needs, Row, row};

pub(crate) const ROWS: &[Row] = &[
    row(
        "dash-wrong-ca",
        "nginx verifies the gateway with another CA: 502",
        |plan| {
            plan.present(
                StackPort::Gateway,
                Authority::named("Another CA", Validity::Now)?.issue(&Leaf::server())?,
            );
            plan.dashboard = upstream("https", "cordum-api-gateway", true);
            Ok(())
        },
        &[
            fail(&[1, 2, 3]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
            unknown(&[4]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
            fail(&[12]).of(C::BadGateway, Server),
            drift(&[13]),
        ],
        &[root("api-gateway", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row(
        "dash-wrong-name",
        "nginx asks for a name that the gateway's certificate has not: 502",
        |plan| {
            plan.dashboard = upstream("https", "elsewhere", true);
            Ok(())
        },
        &[fail(&[12]).of(C::BadGateway, Server)],
        &[root("dashboard", C::BadGateway)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row(
        "dash-http-upstream",
        "nginx speaks http to the gateway's TLS port: 400 in Go's words",
        |plan| {
            plan.dashboard_manner =
                Some(said(plan, 400, "Client sent an HTTP request to an HTTPS server.\n"));
            plan.dashboard = Front::Nginx(None, String::new());
            Ok(())
        },
        &[fail(&[12]).of(C::WrongSchemePlainToTls, Client)],
        &[root("dashboard", C::WrongSchemePlainToTls)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row(
        "dash-https-upstream",
        "nginx speaks https to a plaintext gateway: 502",
        |plan| {
            plan.gateway = Front::Plain;
            plan.dashboard = upstream("https", "cordum-api-gateway", true);
            Ok(())
        },
        &[
            fail(&[1, 2, 3]).of(C::WrongSchemeTlsToPlain, Server).variant(V::HttpPlaintext),
            unknown(&[4]).of(C::WrongSchemeTlsToPlain, Server).variant(V::HttpPlaintext),
            fail(&[12]).of(C::BadGateway, Server),
        ],
        &[root("api-gateway", C::WrongSchemeTlsToPlain).variant(V::HttpPlaintext)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row(
        "dash-upstream-down",
        "nothing listens behind the dashboard's nginx: 502",
        |plan| {
            plan.gateway = Front::Nothing;
            plan.dashboard = upstream("https", "cordum-api-gateway", true);
            Ok(())
        },
        &[
            fail(&[1, 2, 3]).of(C::ConnectionRefused, Server),
            unknown(&[4]).of(C::ConnectionRefused, Server),
            fail(&[12]).of(C::BadGateway, Server),
        ],
        &[root("api-gateway", C::ConnectionRefused)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row(
        "dash-unverified",
        "nginx does not verify the gateway, whose CA is another: nothing breaks here",
        |plan| {
            plan.present(
                StackPort::Gateway,
                Authority::named("Another CA", Validity::Now)?.issue(&Leaf::server())?,
            );
            plan.dashboard = upstream("https", "cordum-api-gateway", false);
            Ok(())
        },
        &[
            fail(&[1, 2, 3]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
            unknown(&[4]).of(C::UnknownAuthority, Server).variant(V::OtherCa),
            drift(&[13]),
        ],
        &[root("api-gateway", C::UnknownAuthority).variant(V::OtherCa)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row(
        "dash-tls-port",
        "the dashboard's own port speaks TLS: nginx answers 400 to plain HTTP",
        |plan| {
            plan.dashboard = Front::Nginx(Some(plan.server.clone()), String::new());
            Ok(())
        },
        &[fail(&[12]).of(C::WrongSchemePlainToTls, Client)],
        &[root("dashboard", C::WrongSchemePlainToTls)],
        1,
    )
    .needing(&[Needs::Nginx]),
    row(
        "dash-go-tls-port",
        "the dashboard's address is a Go TLS port",
        |plan| {
            plan.dashboard_manner =
                Some(said(plan, 400, "Client sent an HTTP request to an HTTPS server.\n"));
            Ok(())
        },
        &[fail(&[12]).of(C::WrongSchemePlainToTls, Client)],
        &[root("dashboard", C::WrongSchemePlainToTls)],
        1,
    ),
    row(
        "dash-404",
        "the dashboard answers 404",
        |plan| {
            plan.dashboard_manner = Some(said(plan, 404, "<html><h1>404 Not Found</h1></html>"));
            Ok(())
        },
        &[fail(&[12])],
        &[],
        1,
    ),
    row(
        "dash-401",
        "the dashboard answers 401",
        |plan| {
            plan.dashboard_manner = Some(said(plan, 401, "{\"code\":\"unauthorized\"}"));
            Ok(())
        },
        &[fail(&[12]).of(C::AuthNotTls, Client)],
        &[root("dashboard", C::AuthNotTls)],
        1,
    ),
    row(
        "dash-500",
        "the dashboard answers 500",
        |plan| {
            plan.dashboard_manner = Some(said(plan, 500, "oops"));
            Ok(())
        },
        &[fail(&[12])],
        &[],
        1,
    ),
    row(
        "dash-504",
        "the dashboard's upstream does not answer in time: 504",
        |plan| {
            plan.dashboard_manner = Some(said(plan, 504, "<html><h1>504 Gateway Time-out</h1></html>"));
            Ok(())
        },
        &[fail(&[12]).of(C::BadGateway, Server)],
        &[root("dashboard", C::BadGateway)],
        1,
    ),
    row(
        "dash-429",
        "the dashboard hands on 429 while the gateway is ready",
        |plan| {
            plan.dashboard_manner = Some(said(plan, 429, "{\"code\":\"rate_limited\",\"status\":429}"));
            Ok(())
        },
        &[unknown(&[12])],
        &[],
        3,
    ),
    row(
        "dash-429-redis",
        "the dashboard hands on 429, and the gateway says that its Redis is broken",
        |plan| {
            plan.dashboard_manner = Some(said(plan, 429, "{\"code\":\"rate_limited\",\"status\":429}"));
            plan.manner.redis = "dial tcp: lookup redis on 127.0.0.11:53: no such host".to_owned();
            Ok(())
        },
        &[fail(&[12]).of(C::Dns, Network)],
        &[root("redis", C::Dns)],
        1,
    ),
    row(
        "dash-eof",
        "the dashboard's port accepts and closes",
        |plan| {
            plan.dashboard = Front::Rogue(Rogue::mute(Then::Close));
            Ok(())
        },
        &[fail(&[12]).of(C::ConnectionReset, Server)],
        &[root("dashboard", C::ConnectionReset)],
        1,
    ),
    row(
        "dash-silent",
        "the dashboard's port accepts and stays silent",
        |plan| {
            plan.dashboard = Front::Rogue(Rogue::mute(Then::Hang));
            plan.tool.timeout = Some(std::time::Duration::from_secs(3));
            Ok(())
        },
        &[fail(&[12]).of(C::Timeout, Network)],
        &[root("dashboard", C::Timeout)],
        1,
    ),
    row(
        "dash-ssh",
        "an SSH server listens on the dashboard's port",
        |plan| {
            plan.dashboard = Front::Rogue(Rogue::greets(b"SSH-2.0-OpenSSH_9.2p1\r\n"));
            Ok(())
        },
        &[fail(&[12])],
        &[],
        1,
    ),
    row(
        "dash-dns",
        "the dashboard's host does not resolve",
        |plan| {
            plan.tool.hosts.push(("dashboard", "no-such-host.invalid".to_owned()));
            Ok(())
        },
        &[fail(&[12]).of(C::Dns, Network)],
        &[root("dashboard", C::Dns)],
        1,
    ),
];

/// The dashboard's nginx with Cordum's settings towards the gateway.
pub(crate) fn upstream(scheme: &str, name: &str, verify: bool) -> Front {
    let verify = if verify {
        "proxy_ssl_verify on; proxy_ssl_trusted_certificate CERTS/ca/ca.crt;"
    } else {
        "proxy_ssl_verify off;"
    };
    Front::Nginx(
        None,
        format!(
            " location / {{ proxy_pass {scheme}://GATEWAY; proxy_ssl_server_name on; proxy_ssl_name {name};\n {verify} \
             proxy_http_version 1.1; proxy_set_header Host $http_host; }}\n"
        ),
    )
}

fn said(
    plan: &StackPlan,
    status: u16,
    text: &'static str,
) -> tls_verify_fixtures::peers::gateway::GatewayOptions {
    let mut manner = plan.manner.clone();
    manner.stand_in = Some((status, text));
    manner
}
