//! The patterns, an emitter a block, each with where it was seen.

use tls_verify_checks::cause::CauseKind as K;
use tls_verify_checks::cause::Confidence::{Certain, Likely, Possible};
use tls_verify_checks::cause::Side::{Client, Network, Server};
use tls_verify_checks::cause::Variant as V;
use tls_verify_checks::cause::{CauseKind, Confidence, Side, Variant};
use tls_verify_checks::stack::Link;

use super::Pattern;

const fn p(
    rank: u8,
    text: &'static str,
    cause: CauseKind,
    variant: Option<Variant>,
    side: Side,
    confidence: Confidence,
    seen: &'static str,
) -> Pattern {
    Pattern { text, cause, variant, side, confidence, rank, seen }
}

/// Rank 9: certificate verdicts; 7: files and protocol; 5: logins; 3: connections; 1: wrappers.
pub(super) const PATTERNS: &[Pattern] = &[
    // Go crypto/x509 and crypto/tls, 1.19 to 1.26.
    p(9, "certificate signed by unknown authority", K::UnknownAuthority, None, Server, Certain, "Go 1.26"),
    p(
        10,
        "while trying to verify candidate authority certificate",
        K::UnknownAuthority,
        Some(V::CaRegenerated),
        Server,
        Certain,
        "Go 1.26",
    ),
    p(9, "certificate has expired or is not yet valid", K::Expired, None, Server, Certain, "Go 1.26"),
    p(9, "x509: certificate is valid for", K::HostnameMismatch, None, Server, Certain, "Go 1.26"),
    p(
        9,
        "x509: certificate is not valid for any names",
        K::HostnameMismatch,
        Some(V::NoSan),
        Server,
        Certain,
        "Go 1.26",
    ),
    p(
        9,
        "x509: cannot validate certificate for",
        K::HostnameMismatch,
        Some(V::IpNotInSan),
        Server,
        Certain,
        "Go 1.26",
    ),
    p(
        9,
        "certificate relies on legacy common name field",
        K::HostnameMismatch,
        Some(V::NoSan),
        Server,
        Certain,
        "Go 1.26",
    ),
    p(
        9,
        "certificate specifies an incompatible key usage",
        K::WrongKeyUsage,
        None,
        Client,
        Certain,
        "Go 1.26",
    ),
    p(
        9,
        "certificate is not authorized to sign other certificates",
        K::InvalidCa,
        Some(V::NotACa),
        Server,
        Certain,
        "Go 1.26",
    ),
    p(
        9,
        "x509: too many intermediates for path length constraint",
        K::InvalidCa,
        Some(V::PathLength),
        Server,
        Certain,
        "Go 1.26",
    ),
    p(9, "x509: invalid signature", K::BadSignature, None, Server, Certain, "Go 1.26"),
    p(8, "cert expired", K::Expired, None, Client, Certain, "Cordum chain check"),
    p(8, "tls chain invalid", K::UnknownAuthority, Some(V::OtherCa), Client, Likely, "Cordum chain check"),
    p(8, "does not chain to", K::UnknownAuthority, Some(V::OtherCa), Client, Likely, "Cordum chain check"),
    p(7, "private key does not match public key", K::KeyMismatch, None, Server, Certain, "Go 1.26"),
    p(
        7,
        "client didn't provide a certificate",
        K::ClientCertRequired,
        None,
        Client,
        Certain,
        "nats-server 2.10",
    ),
    p(7, "remote error: tls: certificate required", K::ClientCertRequired, None, Client, Certain, "Go 1.26"),
    p(7, "remote error: tls: bad certificate", K::BadCertificate, None, Client, Likely, "Go 1.26"),
    p(
        7,
        "remote error: tls: unknown certificate authority",
        K::BadCertificate,
        Some(V::OtherCa),
        Client,
        Likely,
        "Go 1.26",
    ),
    p(7, "remote error: tls: handshake failure", K::NoSharedCipher, None, Server, Possible, "Go 1.26"),
    p(7, "protocol version not supported", K::ProtocolVersion, None, Server, Certain, "Go 1.26"),
    p(
        7,
        "first record does not look like a tls handshake",
        K::WrongSchemeTlsToPlain,
        None,
        Server,
        Certain,
        "Go 1.26",
    ),
    p(
        7,
        "server gave HTTP response to HTTPS client",
        K::WrongSchemeTlsToPlain,
        Some(V::HttpPlaintext),
        Server,
        Certain,
        "Go 1.26",
    ),
    p(
        7,
        "client sent an HTTP request to an HTTPS server",
        K::WrongSchemePlainToTls,
        None,
        Client,
        Certain,
        "Go 1.26",
    ),
    p(
        7,
        "nats: secure connection not available",
        K::WrongSchemeTlsToPlain,
        Some(V::NatsPlaintext),
        Server,
        Certain,
        "nats.go 1.49",
    ),
    p(7, "nats: secure connection required", K::WrongSchemePlainToTls, None, Client, Certain, "nats.go 1.49"),
    // Files.
    p(8, ": permission denied", K::BadKeyFile, Some(V::PermissionDenied), Server, Certain, "Go 1.26 os"),
    p(7, "tls ca read", K::BadKeyFile, Some(V::FileMissing), Client, Certain, "Cordum"),
    p(7, "tls ca parse", K::BadKeyFile, Some(V::NoPem), Client, Certain, "Cordum"),
    p(6, "tls keypair", K::BadKeyFile, None, Client, Certain, "Cordum"),
    p(7, "read ca cert", K::BadKeyFile, None, Client, Certain, "cordumctl"),
    p(7, "parse ca cert", K::BadKeyFile, Some(V::NoPem), Client, Certain, "cordumctl"),
    p(7, "tls cert/key must be set together", K::BadKeyFile, Some(V::HalfPair), Client, Certain, "Cordum"),
    p(7, "tls requires both", K::BadKeyFile, Some(V::HalfPair), Client, Certain, "Cordum"),
    p(7, "no CERTIFICATE block found in PEM input", K::BadKeyFile, Some(V::NoPem), Client, Certain, "Cordum"),
    p(7, "tls cert reload failed", K::BadKeyFile, None, Server, Likely, "Cordum"),
    // OpenSSL 1.1 and 3, nginx 1.22, redis-server 7.0.
    p(9, "certificate has expired", K::Expired, None, Server, Certain, "OpenSSL 3.0"),
    p(9, "certificate is not yet valid", K::NotYetValid, None, Server, Certain, "OpenSSL 3.0"),
    p(9, "unable to get local issuer certificate", K::UnknownAuthority, None, Server, Certain, "OpenSSL 3.0"),
    p(9, "unable to verify the first certificate", K::UnknownAuthority, None, Server, Certain, "nginx 1.22"),
    p(9, "self signed certificate", K::UnknownAuthority, Some(V::SelfSigned), Server, Certain, "OpenSSL 1.1"),
    p(9, "self-signed certificate", K::UnknownAuthority, Some(V::SelfSigned), Server, Certain, "OpenSSL 3.0"),
    p(9, "upstream SSL certificate does not match", K::HostnameMismatch, None, Server, Certain, "nginx 1.22"),
    p(6, "certificate verify failed", K::UnknownAuthority, None, Server, Likely, "OpenSSL 3.0"),
    p(
        7,
        "peer did not return a certificate",
        K::ClientCertRequired,
        None,
        Client,
        Certain,
        "redis-server 7.0",
    ),
    p(7, "wrong version number", K::WrongSchemeTlsToPlain, None, Server, Likely, "OpenSSL 3.0"),
    p(7, "alert bad certificate", K::BadCertificate, None, Client, Likely, "OpenSSL 3.0"),
    p(7, "alert unknown ca", K::BadCertificate, Some(V::OtherCa), Client, Likely, "OpenSSL 3.0"),
    p(7, "alert certificate required", K::ClientCertRequired, None, Client, Certain, "OpenSSL 3.0"),
    p(7, "no shared cipher", K::NoSharedCipher, None, Server, Certain, "OpenSSL 3.0"),
    p(7, "unsupported protocol", K::ProtocolVersion, None, Server, Certain, "OpenSSL 3.0"),
    p(
        7,
        "plain HTTP request was sent to HTTPS port",
        K::WrongSchemePlainToTls,
        None,
        Client,
        Certain,
        "nginx 1.22",
    ),
    p(7, "key values mismatch", K::KeyMismatch, None, Server, Certain, "OpenSSL 3.0"),
    // Logins.
    p(5, "WRONGPASS", K::AuthNotTls, None, Client, Certain, "redis-server 7.0"),
    p(5, "NOAUTH Authentication required", K::AuthNotTls, None, Client, Certain, "redis-server 7.0"),
    p(5, "Authorization Violation", K::AuthNotTls, None, Client, Certain, "nats-server 2.10"),
    p(5, "status 401", K::AuthNotTls, None, Client, Certain, "cordumctl"),
    p(5, "status 403", K::AuthNotTls, None, Client, Certain, "cordumctl"),
    // Connections.
    p(3, "connection refused", K::ConnectionRefused, None, Server, Likely, "Go 1.26"),
    p(3, "no servers available for connection", K::ConnectionRefused, None, Server, Likely, "nats.go 1.49"),
    p(3, "connection reset by peer", K::ConnectionReset, None, Server, Possible, "Go 1.26"),
    p(3, "error=EOF", K::ConnectionReset, None, Server, Possible, "Go 1.26"),
    p(3, "err=EOF", K::ConnectionReset, None, Server, Possible, "Go 1.26"),
    p(3, ": EOF", K::ConnectionReset, None, Server, Possible, "Go 1.26"),
    p(4, "no such host", K::Dns, None, Network, Certain, "Go 1.26"),
    p(4, "could not be resolved", K::Dns, None, Network, Certain, "nginx 1.22"),
    p(3, "i/o timeout", K::Timeout, None, Network, Possible, "Go 1.26"),
    p(3, "context deadline exceeded", K::Timeout, None, Network, Possible, "Go 1.26"),
    p(3, "nats: timeout", K::Timeout, None, Network, Possible, "nats.go 1.49"),
    p(1, "status 502", K::BadGateway, None, Server, Likely, "cordumctl"),
];

/// Lines that look like trouble and are none (self-inflicted handshakes, clean stops, healthy starts).
pub(super) const HARMLESS: &[&str] = &[
    "http: TLS handshake error from",
    "NATS reconnected, re-subscribing",
    "disconnected from nats err=",
    "NATS disconnected, relying on poll",
    "NATS disconnected, falling back to poll",
    "error=redis: nil",
    "redis pool configured",
    "error=context canceled",
    "Memory overcommit must be enabled",
];

/// Words that prove that a link works.
pub(super) const WORKS: &[(&str, Option<Link>)] = &[
    ("bus: reconnected to nats", Some(Link::Nats)),
    ("bus: jetstream enabled", Some(Link::Nats)),
    ("starting 7 workers across 3 pools", Some(Link::Nats)),
    ("[demo-quickstart] nats connected", Some(Link::Nats)),
    ("Redis connection verified", Some(Link::Redis)),
    ("[demo-quickstart] redis ok", Some(Link::Redis)),
    ("http listening addr=", Some(Link::Redis)),
    ("context engine listening", Some(Link::Redis)),
    ("workflow engine started", Some(Link::Redis)),
    ("scheduler started", Some(Link::Redis)),
];

/// Words with which a service starts.
pub(super) const STARTS: &[&str] = &[
    "cordum api gateway starting",
    "cordum scheduler starting",
    "cordum safety kernel starting",
    "cordum workflow engine starting",
    "cordum context engine starting",
];
