//! Stacks with nothing wrong in them, however unusual: every check passes.

use tls_verify_fixtures::peers::tls::{ONLY_TLS12, ONLY_TLS13, ServerTls};
use tls_verify_fixtures::pki::{Authority, Leaf, Pem, Validity, pem};
use tls_verify_fixtures::plan::{Boxed, Front, RedisFront, StackPlan, StackPort};
use tls_verify_fixtures::servers::NatsTls;

use crate::expect::*;
use crate::harness::{Needs, Row, healthy, nats_212, row};

pub(crate) const ROWS: &[Row] = &[
    healthy("as-generated", "what generate-certs makes: EC P-256", |_| Ok(())),
    healthy("rsa-2048", "RSA keys of 2048 bits", |plan| keyed(plan, &rcgen::PKCS_RSA_SHA256)),
    healthy("p-521", "EC keys on P-521", |plan| keyed(plan, &rcgen::PKCS_ECDSA_P521_SHA512)),
    healthy("ed25519", "Ed25519 keys", |plan| keyed(plan, &rcgen::PKCS_ED25519)),
    healthy("intermediate", "server certificates under an intermediate that is sent along", |plan| {
        plan.present_everywhere(plan.ca.intermediate("Cordum Servers")?.issue(&Leaf::server())?);
        Ok(())
    }),
    healthy("two-intermediates", "server certificates two intermediates below the CA", |plan| {
        let ca = Authority::shaped("Cordum Dev CA", |ca| {
            ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        })?;
        let upper = ca.intermediate_shaped("Upper", |ca| {
            ca.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Constrained(1));
        })?;
        let server = upper.intermediate("Lower")?.issue(&Leaf::server())?;
        let client = ca.issue(&Leaf::client())?;
        *plan = StackPlan::of(ca, server.into(), client.into());
        Ok(())
    }),
    healthy("root-sent-along", "the CA's own certificate is sent behind the server's", |plan| {
        let root = plan.ca.pem();
        let mut server = plan.server.clone();
        server.chain.push_str(&root);
        plan.present_everywhere(server);
        Ok(())
    }),
    healthy("cross-signed", "the intermediate is also signed by a root that nobody here has", |plan| {
        let stranger = Authority::named("Old Root", Validity::Now)?;
        let between = plan.ca.intermediate("Cordum Servers")?;
        let crossed = stranger.cross_sign(&between, "Cordum Servers")?;
        let pair = between.issue(&Leaf::server())?;
        let mut server = Pem::from(pair);
        let own = between.pem();
        server.chain = server.chain.replace(&own, &format!("{}{own}", pem("CERTIFICATE", &crossed)));
        plan.present_everywhere(server);
        Ok(())
    }),
    row(
        "bundle-with-expired-ca",
        "ca.crt is a bundle with an expired CA in front: a warning about the file, nothing else",
        |plan| {
            plan.ca_file =
                format!("{}{}", Authority::named("Old CA", Validity::Expired)?.pem(), plan.ca_file);
            Ok(())
        },
        &[warn(&[13]).of(C::Expired, Client).variant(V::ExpiredCa)],
        &[],
        0,
    ),
    healthy("ca-file-with-crlf", "ca.crt with CRLF, a byte order mark and text around", |plan| {
        let text = format!("\u{feff}the CA\n{}\nend\n", plan.ca_file).replace('\n', "\r\n");
        plan.tool.files.push(("ca/ca.crt", text));
        Ok(())
    }),
    healthy("tls-1.3-only", "Cordum's own servers speak TLS 1.3 alone", |plan| {
        only(plan, ONLY_TLS13);
        Ok(())
    }),
    healthy("tls-1.2-only", "Cordum's own servers speak TLS 1.2 alone", |plan| {
        only(plan, ONLY_TLS12);
        Ok(())
    }),
    healthy("minimum-1.3-held", "TLS 1.3 is demanded and Cordum's own servers hold it", |plan| {
        only(plan, ONLY_TLS13);
        plan.tool.environment.push(("CORDUM_TLS_MIN_VERSION", "1.3".to_owned()));
        Ok(())
    }),
    healthy("redis-wants-certificates", "Redis demands client certificates", |plan| {
        plan.redis = RedisFront::Server("tls-auth-clients yes".to_owned());
        Ok(())
    }),
    healthy(
        "redis-takes-certificates",
        "Redis asks for client certificates and takes clients without",
        |plan| {
            plan.redis = RedisFront::Server("tls-auth-clients optional".to_owned());
            Ok(())
        },
    ),
    healthy("redis-tls-1.2-only", "Redis speaks TLS 1.2 alone", |plan| {
        plan.redis = RedisFront::Server("tls-auth-clients no\ntls-protocols TLSv1.2".to_owned());
        Ok(())
    }),
    healthy("nats-token", "NATS wants a token beside the certificate", |plan| {
        plan.nats = nats(NatsTls::Verify, "authorization { token: \"s3cr3t-of-nats\", timeout: 60 }");
        plan.nats_login = ",\"auth_token\":\"s3cr3t-of-nats\"".to_owned();
        plan.tool.environment.push(("NATS_TOKEN", "s3cr3t-of-nats".to_owned()));
        Ok(())
    })
    .needing(&[Needs::Nats]),
    healthy("nats-user", "NATS wants user and password beside the certificate", |plan| {
        plan.nats = nats(NatsTls::Verify, "authorization { user: \"u\", password: \"p\", timeout: 60 }");
        plan.nats_login = ",\"user\":\"u\",\"pass\":\"p\"".to_owned();
        plan.tool.environment.push(("NATS_USERNAME", "u".to_owned()));
        plan.tool.environment.push(("NATS_PASSWORD", "p".to_owned()));
        Ok(())
    })
    .needing(&[Needs::Nats]),
    healthy("nats-2.12", "NATS is 2.12", |plan| {
        plan.nats_program = nats_212();
        Ok(())
    })
    .needing(&[Needs::Nats212]),
    healthy("nats-embedded", "NATS in process, TLS 1.2 alone", |plan| {
        let mut tls = plan.embedded_nats();
        tls.versions = ONLY_TLS12;
        plan.nats = tls_verify_fixtures::plan::NatsFront::Embedded(Some(Box::new(tls)));
        Ok(())
    }),
    healthy("ipv6", "everything listens on IPv6 alone", |plan| {
        plan.bind = std::net::Ipv6Addr::LOCALHOST.into();
        Ok(())
    })
    .needing(&[Needs::Ipv6]),
    healthy("ipv6-literal", "the host is ::1, which the certificates name", |plan| {
        plan.bind = std::net::Ipv6Addr::LOCALHOST.into();
        plan.tool.host = "[::1]".to_owned();
        Ok(())
    })
    .needing(&[Needs::Ipv6]),
    healthy("ipv4-literal", "the host is 127.0.0.1, which the certificates name", |plan| {
        plan.tool.host = "127.0.0.1".to_owned();
        Ok(())
    }),
    healthy("server-name", "the gateway's certificate names it otherwise, and the checks are told", |plan| {
        let leaf = Leaf::server().for_names(&["gateway.example", "nats", "redis", "localhost"]);
        let mut leaf = leaf;
        leaf.names.extend(tls_verify_fixtures::pki::NAMES.iter().map(|name| (*name).to_owned()));
        plan.present_everywhere(plan.ca.issue(&leaf)?);
        plan.tool.names.push("gateway=gateway.example".to_owned());
        Ok(())
    }),
    healthy("any-usage", "certificates without an extended key usage: Go takes them for any", |plan| {
        let server = plan.ca.issue(&Leaf::server().using(&[]))?;
        plan.client = plan.ca.issue(&Leaf::client().using(&[]))?.into();
        plan.present_everywhere(server);
        Ok(())
    }),
    healthy("both-usages", "one certificate for servers and clients", |plan| {
        use rcgen::ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};
        let pair: Pem = plan.ca.issue(&Leaf::server().using(&[ServerAuth, ClientAuth]))?.into();
        plan.client = pair.clone();
        plan.present_everywhere(pair);
        Ok(())
    }),
    healthy("replicas", "a second scheduler, whose log is read too", |plan| {
        plan.lines.push(("scheduler-2", "[SCHEDULER] INFO cordum scheduler starting...".to_owned()));
        plan.lines.push(("scheduler-2", "[SCHEDULER] INFO scheduler started".to_owned()));
        Ok(())
    }),
    healthy("harmless-lines", "lines that look like trouble and are none", |plan| {
        for line in [
            "[GATEWAY] INFO http: TLS handshake error from 127.0.0.1:50412: EOF",
            "[GATEWAY] INFO http: TLS handshake error from 127.0.0.1:50413: remote error: tls: bad certificate",
            "[GATEWAY] WARN bus: NATS authentication not configured in production — set NATS_USERNAME/NATS_PASSWORD, \
             NATS_TOKEN, or NATS_NKEY",
            "[GATEWAY] ERROR scheduler: NATS reconnected, re-subscribing subjects=3",
        ] {
            plan.lines.push(("api-gateway", line.to_owned()));
        }
        Ok(())
    }),
    healthy("nginx-in-front", "nginx stands before the gateway with the stack's certificate", |plan| {
        plan.gateway = Front::Nginx(Some(plan.server.clone()), String::new());
        Ok(())
    })
    .needing(&[Needs::Nginx]),
    healthy("nginx-only-p-521", "nginx agrees keys on P-521 alone, which Go has", |plan| {
        plan.gateway = Front::Nginx(Some(plan.server.clone()), "ssl_ecdh_curve secp521r1;".to_owned());
        Ok(())
    })
    .needing(&[Needs::Nginx]),
    healthy("dashboard-nginx", "the dashboard's nginx verifies the gateway", |plan| {
        plan.dashboard = crate::dashboard::upstream("https", "cordum-api-gateway", true);
        Ok(())
    })
    .needing(&[Needs::Nginx]),
    row(
        "gateway-has-its-own",
        "the gateway's certificate is another one of the same CA: drift",
        |plan| {
            plan.present(StackPort::Gateway, plan.ca.issue(&Leaf::server())?);
            Ok(())
        },
        &[drift(&[13])],
        &[],
        0,
    ),
];

fn keyed(plan: &mut StackPlan, algorithm: &'static rcgen::SignatureAlgorithm) -> Result<(), Boxed> {
    let server = plan.ca.issue(&Leaf::server().keyed(algorithm))?;
    plan.client = plan.ca.issue(&Leaf::client().keyed(algorithm))?.into();
    plan.present_everywhere(server);
    Ok(())
}

/// The versions of the gateway and the gRPC ports.
pub(crate) fn only(plan: &mut StackPlan, versions: &'static [&'static rustls::SupportedProtocolVersion]) {
    for port in [StackPort::Gateway].into_iter().chain(StackPlan::GRPC) {
        plan.tls(port, |tls: &mut ServerTls| tls.versions = versions);
    }
}

fn nats(tls: NatsTls, extra: &str) -> tls_verify_fixtures::plan::NatsFront {
    tls_verify_fixtures::plan::NatsFront::Server(tls, extra.to_owned())
}
