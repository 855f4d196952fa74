//! Who speaks, and of what: a server about the client it refused, a client about its server; of an alert that it
//! sent or of one that it got; of TLS, or of something else that has signatures and handshakes too.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

use super::beside::{self, contains};
use super::sense::Recognised;
use crate::cause::{CauseKind, Confidence, Side, Variant};

/// Words with which a server speaks of a connection that it was asked for.
const ACCEPTS: &[&str] = &[
    "rejected connection",
    "ssl_accept",
    "accepting a client connection",
    "accepting client connection",
    "accepting connection",
    "not accept ssl connection",
    "accept tls connection",
    "accept failed",
    "accept failure",
    "can't accept",
    "failed to accept",
    "handshake error from",
    "handshake with client",
    "handshake client",
    "serverhandshake(",
    "grpc: server",
    "servertransport",
    "complete security handshake from",
    "while ssl handshaking, client",
    "in handshake (server ",
    ": ssl handshake failure (",
    "remote address:",
    "remote-addr",
    "remoteaddr",
    "remote_addr",
    "client_addr",
    "tls server:",
    "server alert",
    "incoming connection",
    "connection from",
    "httpsconnectionmiddleware",
    // FreeRADIUS' modules are servers of EAP.
    "eap_tls:",
    "eap_peap:",
    "eap_ttls:",
    "inbound",
    "listener",
    "smtpd",
    "imapd",
    "imap-login",
    " - cid:",
    "from client",
    "read request",
    "reading request",
    "client's certificate",
    "trust with client",
    "authenticate the request",
    "client certificate",
    "client ssl certificate",
    "certificate verification: error (",
    // Go's RecordHeaderError has the connection where a client's first bytes were no TLS, and nil where a server's were.
    "conn:(*",
    "downstream",
];

/// Words with which a client speaks of a connection that it asks for: they weigh more.
const DIALS: &[&str] = &[
    "upstream",
    "dial ",
    "dialing",
    "dialer",
    "connect to ",
    "connecting to",
    "connect: ",
    "connect redis",
    "connect nats",
    "authentication handshake failed",
    "tls client:",
    "get \"",
    "reading from",
    "response from",
    "post \"",
    "outbound",
];

/// The speaker was asked for the connection.
fn accepts(text: &[u8]) -> bool {
    static ACCEPTS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    (contains(&ACCEPTS_CELL, ACCEPTS, text) || comes_from(text) || is_asked(text) || is_broker(text))
        && !dials(text)
}

/// The speaker asks for the connection.
fn dials(text: &[u8]) -> bool {
    static DIALS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    contains(&DIALS_CELL, DIALS, text)
}

/// An address stands where who asked for the connection is named.
fn comes_from(text: &[u8]) -> bool {
    memchr::memmem::find_iter(text, b" from ")
        .any(|at| text.get(at + 6).is_some_and(|first| matches!(first, b'0'..=b'9' | b'[' | b'/')))
}

/// A NATS server about a route or a leaf that came from a port of five digits: who dials has such a one.
fn is_asked(text: &[u8]) -> bool {
    [&b" - lid:"[..], b" - rid:", b" - gid:"].iter().any(|mark| {
        memchr::memmem::find(text, mark)
            .is_some_and(|at| text[..at].iter().rev().take_while(|byte| byte.is_ascii_digit()).count() == 5)
    })
}

/// Mosquitto's broker heads its lines with the seconds since 1970; its clients do not.
fn is_broker(text: &[u8]) -> bool {
    text.len() > 12 && text[..10].iter().all(u8::is_ascii_digit) && text[10..].starts_with(b": ")
}

/// A file that clients show is at fault.
fn shows_client(text: &[u8]) -> bool {
    const SHOWN: &[&str] =
        &["client.pem", "client.crt", "client.key", "client-cert", "client certificate", "/client/"];
    static SHOWN_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    contains(&SHOWN_CELL, SHOWN, text)
}

/// Bytes came that are no TLS record.
fn came_otherwise(text: &[u8]) -> bool {
    const BYTES: &[&str] = &[
        "version number",
        "record",
        "too long",
        "content type",
        "version_number",
        "packet",
        "frame",
        "contenttype",
    ];
    static BYTES_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    contains(&BYTES_CELL, BYTES, text)
}

/// What is told is an alert of the peer's (RFC 8446, 6.2), in the words of Go, OpenSSL, Java and rustls.
fn came_as_alert(text: &[u8]) -> bool {
    const ALERTS: &[&str] = &[
        "remote error: ",
        "tlsv1 alert",
        "sslv3 alert",
        "tlsv13 alert",
        "(in), tls alert",
        "received fatal alert",
        "received alert",
        "alertreceived",
        "tls alert from peer",
        // Erlang, FreeRADIUS.
        "received client alert",
        "alert read:",
    ];
    static ALERTS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    contains(&ALERTS_CELL, ALERTS, text)
}

/// What a server was told by its client's alert: whom the client does not trust, which date it does not take.
fn by_client(found: Recognised) -> Recognised {
    match (found.kind, found.variant) {
        (CauseKind::Expired, _) => Recognised { side: Side::Server, ..found },
        (_, Some(Variant::OtherCa)) => {
            Recognised { kind: CauseKind::UnknownAuthority, variant: None, side: Side::Client, ..found }
        }
        (_, None) => Recognised { variant: Some(Variant::RefusedByClient), side: Side::Client, ..found },
        _ => found,
    }
}

/// OpenVPN tells what it compares before it judges: `++ Certificate has EKU (str) A, expects A`.
fn is_as_expected(text: &[u8]) -> bool {
    let find = |from: usize, words: &[u8]| memchr::memmem::find(&text[from..], words).map(|at| from + at);
    let compared = || {
        let has = find(0, b"Certificate has ")?;
        let open = find(has, b") ")? + 2;
        let comma = find(open, b", expects ")?;
        let expected = text[comma + 10..].trim_ascii_end();
        Some(expected == &text[open..comma])
    };
    compared().unwrap_or(false)
}

/// What was found, as it is meant by who says it; `None` where it is not about TLS at all.
pub(super) fn directed(text: &[u8], found: Recognised) -> Option<Recognised> {
    let says = |words: &[u8]| memchr::memmem::find(text, words).is_some();
    match found.kind {
        CauseKind::OtherTls
        | CauseKind::BadSignature
        | CauseKind::KeyMismatch
        | CauseKind::NoSharedCipher
            if beside::is_other(text) =>
        {
            None
        }
        CauseKind::OtherTls
        | CauseKind::BadKeyFile
        | CauseKind::KeyMismatch
        | CauseKind::UnknownAuthority
        | CauseKind::AuthNotTls
        | CauseKind::Expired
            if found.confidence != Confidence::Certain && beside::is_of_objects(text) =>
        {
            None
        }
        _ if beside::is_login(text) || beside::is_on_paper(text) || beside::is_of_order(text) => None,
        CauseKind::WrongKeyUsage if is_as_expected(text) => None,
        CauseKind::Dns if beside::is_no_name(text) => None,
        // What came was no TLS: to a server a client sent it.
        CauseKind::WrongSchemeTlsToPlain if accepts(text) && came_otherwise(text) => Some(Recognised {
            kind: CauseKind::WrongSchemePlainToTls,
            variant: None,
            side: Side::Client,
            ..found
        }),
        // An alert that came to a server is its client's verdict on the certificate that the server shows.
        CauseKind::BadCertificate | CauseKind::Expired if accepts(text) && came_as_alert(text) => {
            Some(by_client(found))
        }
        // The certificate that a server judges is its client's.
        CauseKind::UnknownAuthority
        | CauseKind::Expired
        | CauseKind::NotYetValid
        | CauseKind::WrongKeyUsage
        | CauseKind::InvalidCa
        // And a version that it does not take is its client's to raise.
        | CauseKind::ProtocolVersion
            if accepts(text) =>
        {
            Some(Recognised { side: Side::Client, ..found })
        }
        // The certificate that a client judges is its server's.
        CauseKind::WrongKeyUsage if dials(text) => Some(Recognised { side: Side::Server, ..found }),
        // What a client shows is the client's.
        CauseKind::BadKeyFile if shows_client(text) => Some(Recognised { side: Side::Client, ..found }),
        // An alert that was sent judges the peer's certificate, one that came judges ours.
        CauseKind::BadCertificate if says(b"(OUT), TLS alert") || says(b"ending fatal alert") => {
            if found.variant == Some(Variant::OtherCa) {
                Some(Recognised {
                    kind: CauseKind::UnknownAuthority,
                    variant: None,
                    side: Side::Server,
                    ..found
                })
            } else {
                Some(Recognised { side: Side::Server, ..found })
            }
        }
        // OpenSSL's word for an alert that was sent; FreeRADIUS, a server, sends it to its client.
        CauseKind::BadCertificate if says(b"lert write:") => {
            let of_ca = found.variant == Some(Variant::OtherCa);
            let kind = if of_ca { CauseKind::UnknownAuthority } else { found.kind };
            let side = if says(b"SSL3 alert") { Side::Server } else { Side::Client };
            Some(Recognised { kind, variant: None, side, ..found })
        }
        // An end as it should be.
        CauseKind::ConnectionReset
            if says(b"TLS alert, close notify") || says(b"ending warning alert CloseNotify") =>
        {
            None
        }
        // What a login is called, of which the handshake is a part.
        CauseKind::AuthNotTls if says(b"SL handshake failed") || says(b"TLS handshake failed") => {
            Some(Recognised { kind: CauseKind::OtherTls, side: Side::Server, ..found })
        }
        _ => Some(found),
    }
}

#[cfg(test)]
mod tests {
    use crate::cause::{CauseKind, Side, Variant};
    use crate::logs::classify::recognise;

    #[test]
    fn what_is_made_or_built_is_not_met() {
        for line in [
            "KeyStore a.keystore not found, it will be auto generated on first use with a self-signed certificate",
            "Generating a new self-signed certificate for localhost",
            "> Could not resolve all artifacts for configuration ':classpath'.",
            "> Could not resolve commons-io:commons-io:2.4.",
            "unable to resolve broadcast address",
            "failed to resolve the template of the report",
        ] {
            assert_eq!(recognise(line.as_bytes()), None, "{line}");
        }
        for (line, kind) in [
            (
                "failed to generate report: self-signed certificate in certificate chain",
                CauseKind::UnknownAuthority,
            ),
            ("created connection. Error: self-signed certificate", CauseKind::UnknownAuthority),
            (
                "[SCHEDULER] ERROR creating session error=\"self-signed certificate in certificate chain\"",
                CauseKind::UnknownAuthority,
            ),
            (
                "creating redis client failed, self-signed certificate in certificate chain",
                CauseKind::UnknownAuthority,
            ),
            (
                "generating report for a self-signed certificate in certificate chain",
                CauseKind::UnknownAuthority,
            ),
            ("creating the client met a self-signed certificate", CauseKind::UnknownAuthority),
            ("Could not resolve redis:6379: Name or service not known", CauseKind::Dns),
            ("curl: (6) Could not resolve host: redis", CauseKind::Dns),
            ("Could not resolve redis:6379", CauseKind::Dns),
            ("unable to resolve nats", CauseKind::Dns),
            ("failed to resolve path-service: lookup path-service: no such host", CauseKind::Dns),
        ] {
            assert_eq!(recognise(line.as_bytes()).map(|found| found.kind), Some(kind), "{line}");
        }
    }

    #[test]
    fn a_comparison_tells_of_trouble_where_its_sides_differ() {
        let line = |has: &str| {
            format!(
                "Mon Apr 23 21:07:14 2018 ++ Certificate has EKU (str) {has}, expects TLS Web Server Authentication"
            )
        };
        assert_eq!(recognise(line("TLS Web Server Authentication").as_bytes()), None);
        let found = recognise(line("TLS Web Client Authentication").as_bytes());
        assert_eq!(found.map(|found| found.kind), Some(CauseKind::WrongKeyUsage));
    }

    /// Go: who has the connection was spoken to in plaintext, and so was who reads requests.
    #[test]
    fn a_server_tells_that_it_was_spoken_to_in_plaintext() {
        for line in [
            r#"unknown tls handshake failure: 192.0.2.6:60795: tls.RecordHeaderError{Msg:"first record does not look like a TLS handshake", RecordHeader:[5]uint8{0x0}, Conn:(*net.TCPConn)(0xc0)}"#,
            "192.0.2.5:21300 rejected proxy: failed to read request header > tls: oversized record received with length 57154",
        ] {
            let found = recognise(line.as_bytes()).unwrap();
            assert_eq!((found.kind, found.side), (CauseKind::WrongSchemePlainToTls, Side::Client), "{line}");
        }
        for line in [
            r#"tls.RecordHeaderError{Msg:"first record does not look like a TLS handshake", RecordHeader:[5]uint8{0x0}, Conn:net.Conn(nil)}"#,
            "failed to read response header: tls: oversized record received with length 57154",
        ] {
            let found = recognise(line.as_bytes()).unwrap();
            assert_eq!((found.kind, found.side), (CauseKind::WrongSchemeTlsToPlain, Side::Server), "{line}");
        }
    }

    /// Go's server, NATS, Redis with OpenSSL: what came is the client's verdict on what they show.
    #[test]
    fn an_alert_that_came_to_a_server_is_its_clients_verdict() {
        use CauseKind::{BadCertificate, Expired, UnknownAuthority};
        let refused = (BadCertificate, Some(Variant::RefusedByClient), Side::Client);
        for (line, wanted) in [
            ("http: TLS handshake error from 10.0.3.4:5123: remote error: tls: bad certificate", refused),
            (
                "[1] 2026/11/30 06:11:11.1 [ERR] 10.0.0.3:44312 - cid:7 - TLS handshake error: remote error: tls: bad certificate",
                refused,
            ),
            (
                "6:M 30 Nov 2026 06:00:00.000 # Error accepting a client connection: error:0A000412:SSL routines::sslv3 alert bad certificate",
                refused,
            ),
            (
                "http: TLS handshake error from 10.0.3.4:5123: remote error: tls: unknown certificate authority",
                (UnknownAuthority, None, Side::Client),
            ),
            (
                "http: TLS handshake error from 10.0.3.4:5123: remote error: tls: expired certificate",
                (Expired, None, Side::Server),
            ),
            (
                "[notice] <0.912.0> TLS server: In state certify received CLIENT ALERT: Fatal - Unknown CA",
                (UnknownAuthority, None, Side::Client),
            ),
            ("(12) eap_tls: ERROR: TLS Alert read:fatal:unknown CA", (UnknownAuthority, None, Side::Client)),
            (
                "(14) eap_tls: ERROR: (TLS) Alert write:fatal:unknown CA",
                (UnknownAuthority, None, Side::Client),
            ),
            // A client that got it is told of its own.
            (
                "nats: error on connect: remote error: tls: bad certificate",
                (BadCertificate, None, Side::Client),
            ),
        ] {
            let found = recognise(line.as_bytes()).unwrap();
            assert_eq!((found.kind, found.variant, found.side), wanted, "{line}");
        }
    }
}
