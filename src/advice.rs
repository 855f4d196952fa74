//! What to do about a cause, with the real names and paths filled in.

use tls_verify_checks::cause::{CauseKind as K, Side, Variant as V};
use tls_verify_checks::fault::{Failure, Reading};
use tls_verify_checks::stack::{Endpoint, Link, Stack};

use crate::outcome::Fix;

/// What advice is asked about.
pub struct Question<'a> {
    pub stack: &'a Stack,
    pub link: Link,
    pub endpoint: &'a Endpoint,
    pub failure: &'a Failure,
    pub reading: Reading,
    pub place: Option<&'a str>,
}

/// A title and steps.
pub struct Advice {
    pub title: String,
    pub fixes: Vec<Fix>,
}

fn step(text: impl Into<String>, command: impl Into<Option<String>>) -> Fix {
    Fix { text: text.into(), command: command.into() }
}

/// The advice for a cause at a place.
#[must_use]
pub fn of(question: &Question<'_>) -> Advice {
    let Question { stack, link, endpoint, reading, .. } = question;
    let service = question.place.unwrap_or_else(|| link.service());
    let ca = stack.anchors.file.display().to_string();
    let folder = stack.anchors.file.parent().and_then(std::path::Path::parent);
    let certs = folder.map_or_else(|| "./certs".to_owned(), |path| path.display().to_string());
    let target = endpoint.authority();
    let name = endpoint.name();
    let project = &stack.project;
    let compose = format!("docker compose -p {project}");
    let restart = |what: &str| format!("{compose} restart {what}");
    let logs = format!("{compose} logs --tail 50 {service}");
    let regenerate = || {
        vec![
            step(
                "make a new set of certificates; this makes a new CA, so every service has to be restarted",
                format!("cordumctl generate-certs --dir {certs} --force --days 365"),
            ),
            step("restart the whole stack", format!("{compose} restart")),
        ]
    };
    let (title, fixes): (&str, Vec<Fix>) = match reading.kind {
        K::UnknownAuthority | K::BadSignature => match reading.variant {
            Some(V::CaRegenerated) => (
                "x509: certificate signed by unknown authority (the CA was regenerated)",
                vec![
                    step(
                        format!(
                            "{service} still uses certificates of the earlier CA: restart it so that it reads the files again"
                        ),
                        restart(service),
                    ),
                    step(
                        "if it then still differs: it mounts another folder than the one checked here",
                        format!("{compose} config | grep /etc/cordum/tls"),
                    ),
                ],
            ),
            Some(V::SelfSigned) => (
                "x509: certificate signed by unknown authority (self-signed)",
                vec![step(
                    format!(
                        "give {service} a certificate that the CA in {ca} signed, in server/tls.crt and server/tls.key"
                    ),
                    restart(service),
                )],
            ),
            Some(V::MissingIntermediate) => (
                "x509: certificate signed by unknown authority (an intermediate is missing)",
                vec![step(
                    format!("put the intermediate behind the leaf in the tls.crt of {service}"),
                    restart(service),
                )],
            ),
            _ => (
                "x509: certificate signed by unknown authority",
                vec![
                    step(
                        format!(
                            "use the CA that issued the certificate of {service}: the file given now is {ca}"
                        ),
                        format!("tls-verify run --cacert PATH_OF_THE_RIGHT_CA --only {}", check_of(*link)),
                    ),
                    step("or give the service a certificate of this CA", restart(service)),
                ],
            ),
        },
        K::Expired => ("x509: certificate has expired or is not yet valid (expired)", regenerate()),
        K::NotYetValid => {
            let mut fixes = vec![step(
                "compare the clocks of this machine and of the server first",
                "date -u".to_owned(),
            )];
            fixes.extend(regenerate());
            ("x509: certificate has expired or is not yet valid (not yet valid)", fixes)
        }
        K::HostnameMismatch => (
            "x509: the certificate is not valid for the name that is used",
            vec![
                step(
                    format!(
                        "dial {service} by a name that is in its certificate, or say which name to verify"
                    ),
                    format!("tls-verify run --server-name {link}=NAME_IN_THE_CERTIFICATE"),
                ),
                step(format!("or issue a certificate that names `{name}`"), None),
            ],
        ),
        K::BadCertificate => (
            "tls: bad certificate: the peer refused the client certificate",
            vec![
                step(
                    format!("use a client certificate (clientAuth) that the CA of {service} signed"),
                    format!("openssl verify -purpose sslclient -CAfile {ca} {certs}/client/tls.crt"),
                ),
                step("if it is right, the server may still hold an earlier CA: restart it", restart("nats")),
            ],
        ),
        K::ClientCertRequired => (
            "tls: certificate required: the peer asks for a client certificate and got none",
            vec![step(
                "set the client certificate and key (NATS_TLS_CERT and NATS_TLS_KEY, REDIS_TLS_CERT and REDIS_TLS_KEY)",
                format!("ls -l {certs}/client/tls.crt {certs}/client/tls.key"),
            )],
        ),
        K::WrongSchemePlainToTls => (
            "a plaintext client meets a TLS port",
            vec![step(
                "use the TLS scheme: https:// for the gateway (cordumctl's default is http://), rediss:// for Redis, tls:// for NATS",
                "export CORDUM_GATEWAY=https://localhost:8081".to_owned(),
            )],
        ),
        K::WrongSchemeTlsToPlain => match reading.variant {
            Some(V::NatsPlaintext) => (
                "NATS speaks plaintext",
                vec![
                    step(
                        "start NATS with a configuration that has a `tls` block with `verify: true` (config/nats.dev-tls.conf)",
                        format!("{compose} exec nats cat /etc/nats/nats.conf"),
                    ),
                    step(
                        "then restart it and what depends on it",
                        restart("nats api-gateway scheduler workflow-engine safety-kernel"),
                    ),
                ],
            ),
            Some(V::RedisPlaintext) => (
                "Redis speaks plaintext",
                vec![step(
                    "start Redis with --port 0 --tls-port 6379 and its certificate files",
                    restart("redis"),
                )],
            ),
            _ => (
                "the port speaks plaintext, not TLS",
                vec![
                    step(
                        format!(
                            "set the server certificate of {service} (GATEWAY_HTTP_TLS_CERT and GATEWAY_HTTP_TLS_KEY for the gateway)"
                        ),
                        restart(service),
                    ),
                    step(format!("or dial the port that speaks TLS; {target} does not"), None),
                ],
            ),
        },
        K::ProtocolVersion => (
            "no TLS version in common",
            vec![step(
                "compare CORDUM_TLS_MIN_VERSION (1.3 in production, 1.2 otherwise) with what the peer speaks",
                logs,
            )],
        ),
        K::NoSharedCipher => {
            ("no cipher suite in common", vec![step("allow a current suite on the server", logs)])
        }
        K::WrongKeyUsage => (
            "x509: the certificate's key usage forbids this role",
            vec![step(
                "use server/ certificates for servers and client/ certificates for clients",
                Some(format!("openssl x509 -in {certs}/client/tls.crt -noout -ext extendedKeyUsage")),
            )],
        ),
        K::KeyMismatch => (
            "the private key does not belong to the certificate",
            vec![step(
                "put certificate and key of one generation together",
                format!(
                    "openssl x509 -in {certs}/client/tls.crt -noout -pubkey; openssl pkey -in {certs}/client/tls.key -pubout"
                ),
            )],
        ),
        K::BadKeyFile => match reading.variant {
            Some(V::PermissionDenied) => (
                "the certificate files cannot be read",
                vec![
                    step(
                        "make them readable for the containers' users (65532, 999, 101)",
                        format!("chmod -R a+rX {certs}"),
                    ),
                    step("then restart the stack", format!("{compose} restart")),
                ],
            ),
            _ => (
                "a certificate, key or CA file cannot be used",
                vec![step("look at the files", format!("ls -lR {certs}"))],
            ),
        },
        K::InvalidCa => ("the CA certificate may not be used as one", regenerate()),
        K::ConnectionRefused => (
            "connection refused",
            vec![
                step(
                    format!("see whether {service} runs, and what it said last"),
                    format!("{compose} ps {service}; {logs}"),
                ),
                step(format!("see whether {target} is the port that is published"), None),
            ],
        ),
        K::ConnectionReset => (
            "the peer closes the connection without a word",
            vec![step(
                format!(
                    "on a published port this usually means that nothing listens in the container: see what {service} says"
                ),
                logs,
            )],
        ),
        K::Timeout => (
            "no answer in time",
            vec![step(
                format!(
                    "see whether {service} speaks TLS on that port (a plaintext Redis answers a TLS client with silence)"
                ),
                logs,
            )],
        ),
        K::Dns => (
            "the name does not resolve",
            vec![step(
                "a stopped container's name leaves Docker's DNS: see what runs",
                format!("{compose} ps -a"),
            )],
        ),
        K::BadGateway => {
            ("a proxy cannot use its upstream", vec![step("see what the proxy says of its upstream", logs)])
        }
        K::AuthNotTls => (
            "the login was refused; TLS is fine",
            vec![step(
                "use the API key (CORDUM_API_KEY), password or token that the service was started with",
                None,
            )],
        ),
        K::MtlsNotEnforced => (
            "a client without the right certificate is let in",
            vec![
                step(
                    "put `verify: true` and `ca_file` into the `tls` block of NATS' configuration (config/nats.dev-tls.conf)",
                    None,
                ),
                step("then restart NATS", restart("nats")),
            ],
        ),
        K::VerificationNotEnforced => (
            "the client connects to a server that it has no reason to trust",
            vec![step(
                "use a cordumctl that verifies; look for CORDUM_TLS_INSECURE and for a wrapper script",
                "command -v cordumctl".to_owned(),
            )],
        ),
        K::OtherTls => ("TLS fails in another way", vec![step("see what the other side says", logs)]),
    };
    let title = if question.reading.side == Side::Client && matches!(reading.kind, K::Expired) {
        "the client certificate has expired"
    } else {
        title
    };
    Advice { title: title.to_owned(), fixes }
}

/// The check that proves a fix on a link.
fn check_of(link: Link) -> &'static str {
    match link {
        Link::Nats => "worker-nats-tls",
        Link::Redis => "redis-logs",
        _ => "gateway-https",
    }
}
