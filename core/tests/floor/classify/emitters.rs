//! Lines by the grammar of who writes them, and their neighbours: what is no trouble of a link, and what is all the same.

use tls_verify_core::logs::classify::recognise;

fn kind(line: &str) -> Option<&'static str> {
    recognise(line.as_bytes()).map(|found| found.kind.slug())
}

fn nothing(lines: &[&str]) {
    let blamed: Vec<_> = lines.iter().filter_map(|line| kind(line).map(|kind| (kind, line))).collect();
    assert!(blamed.is_empty(), "{blamed:#?}");
}

fn named(rows: &[(&str, &str)]) {
    let wrong: Vec<_> = rows
        .iter()
        .map(|(line, wanted)| (kind(line), *wanted, line))
        .filter(|(found, wanted, _)| *found != Some(*wanted))
        .collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// Its certificates are not X.509's, whoever refuses them.
#[test]
fn openssh_has_no_tls() {
    nothing(&[
        "Nov 30 03:04:05 host sshd[812]: error: Certificate invalid: expired",
        "Nov 30 03:04:05 host sshd[812]: error: Certificate invalid: name is not a listed principal",
        "2026-11-30T03:04:05.123456+00:00 host sshd-session[812]: Certificate invalid: not yet valid",
        "Nov 30 03:04:05 host sshd[812]: fatal: Timeout before authentication for 10.0.0.9 port 40112",
        "userauth_pubkey: certificate signature algorithm ssh-rsa: signature algorithm not supported [preauth]",
        "no matching cipher found. Their offer: aes128-cbc,3des-cbc",
        "Unable to negotiate with 10.0.0.9 port 22: no matching host key type found. Their offer: ssh-rsa",
    ]);
    named(&[
        ("Nov 30 03:04:05 host stunnel[812]: error: Certificate invalid: expired", "expired"),
        ("Nov 30 03:04:05 host app[8]: sshd[1]: x509: certificate has expired", "expired"),
        ("Nov 30 03:04:05 host app[8]: TLS: no matching cipher found", "no-shared-cipher"),
        ("could not verify peer: certificate signature algorithm is not supported", "bad-signature"),
    ]);
}

/// A name server's log of queries hands on what others asked for; its own errors are its own.
#[test]
fn a_query_that_was_answered_is_none_of_the_name_server() {
    nothing(&[
        "[INFO] 10.0.0.9:40112 - 7 \"A IN expired.badssl.example. udp 43 false 512\" NXDOMAIN qr,rd,ra 118 0.003s",
        "[INFO] 10.0.0.9:40112 - 7 \"AAAA IN nats.svc.cluster.local. tcp 43 true 4096\" SERVFAIL qr,rd 32 1.21s",
        "coredns-1  | 2026-11-30T03:04:05.123Z [INFO] 10.0.0.9:4 - 7 \"A IN redis. udp 43 false 512\" NXDOMAIN qr,aa 118 0.003s",
    ]);
    named(&[
        ("[ERROR] plugin/errors: 2 nats. A: read udp 10.0.0.9:40112->10.0.0.1:53: i/o timeout", "timeout"),
        ("lookup nats on 10.96.0.10:53: NXDOMAIN", "dns"),
        ("query \"A IN nats. udp\" failed: NXDOMAIN", "dns"),
    ]);
}

/// What an ACME authority thinks of a name (RFC 8555, 6.7), and lego's wait for a record in DNS, are about the name; that
/// the authority was not reached is not.
#[test]
fn what_an_acme_authority_says_of_a_name_is_no_trouble_of_a_link() {
    nothing(&[
        "level=error msg=\"Unable to obtain ACME certificate for domains \\\"a.lan\\\": error: one or more domains had a problem:\\n[a.lan] acme: error: 400 :: urn:ietf:params:acme:error:connection :: Timeout during connect (likely firewall problem)\"",
        "level=error msg=\"Unable to obtain ACME certificate for domains \\\"a.lan\\\"\" error=\"unable to generate a certificate for the domains [a.lan]: error: one or more domains had a problem:\\n[a.lan] time limit exceeded: last error: read udp 172.21.0.11:45325->192.0.2.249:53: i/o timeout\\n\"",
        "[a.lan] acme: error: 400 :: urn:ietf:params:acme:error:dns :: DNS problem: NXDOMAIN looking up A for a.lan",
        r#"{"level":"error","logger":"tls.obtain","msg":"will retry","error":"[a.lan] Obtain: [a.lan] solving challenge: a.lan: [a.lan] authorization failed: HTTP 403 urn:ietf:params:acme:error:unauthorized - 192.0.2.4: Invalid response: 404","attempt":1}"#,
    ]);
    named(&[
        (
            "ERR Unable to obtain ACME certificate error=\"Get \\\"https://ca.lan/directory\\\": x509: certificate signed by unknown authority\"",
            "unknown-authority",
        ),
        (
            "cannot get ACME client get directory at 'https://ca.lan/directory': Get \"https://ca.lan/directory\": dial tcp 192.0.2.7:443: i/o timeout",
            "timeout",
        ),
        ("cannot get ACME client: dial tcp: lookup ca.lan on 127.0.0.11:53: no such host", "dns"),
    ]);
}

/// The API of a cluster names resources in the plural, in whatever it answers of one.
#[test]
fn what_a_cluster_answers_of_an_object_is_no_trouble_of_tls() {
    nothing(&[
        "W1130 03:04:05.123456    1203 reflector.go:561] object-\"web\"/\"tls-ca\": failed to list *v1.Secret: secrets \"tls-ca\" is forbidden: User \"system:node:n1\" cannot list resource \"secrets\" in API group \"\" in the namespace \"web\"",
        "error: failed to create secret secrets \"web-tls\" already exists",
        "E0412 07:11:02.554120       1 sync.go:60] \"Failed to determine issuer to be used for ingress resource\" err=\"both \\\"cert-manager.io/issuer\\\" and \\\"cert-manager.io/cluster-issuer\\\" may not be set\" resource_name=\"app\" logger=\"cert-manager.ingress-shim\"",
        "E0412 07:11:02.554120       1 sync.go:75] \"error syncing Certificate\" err=\"Operation cannot be fulfilled on certificates.cert-manager.io \\\"web\\\": the object has been modified; please apply your changes to the latest version and try again\"",
        "error syncing Certificate web/web-tls: the object has been modified; please apply your changes to the latest version and try again",
    ]);
    named(&[
        (
            "W1130 03:04:05.123456    1203 reflector.go:561] failed to list *v1.Secret: Get \"https://10.96.0.1:443/api/v1/secrets\": tls: failed to verify certificate: x509: certificate signed by unknown authority",
            "unknown-authority",
        ),
        (
            "failed to create client: open /etc/tls/web-tls.key: file already exists, permission denied",
            "bad-key-file",
        ),
        (
            "Error from server: conversion webhook for cert-manager.io/v1, Kind=Certificate failed: Post \"https://w.svc:443/convert\": x509: certificate has expired or is not yet valid",
            "expired",
        ),
    ]);
}

/// The subject of an informing sentence is a text that somebody wrote: what it says is the text's.
#[test]
fn a_text_that_is_told_of_is_somebody_elses() {
    nothing(&[
        "2026-11-30 03:04:05 INFO  c.e.tickets.Store - Ticket 7 saved because customer wrote PKIX path building failed",
        "2026-11-30 03:04:05 INFO note about certificate has expired was filed",
        "2026-11-30T03:04:05Z INFO chat reply for: javax.net.ssl.SSLHandshakeException: Received fatal alert: bad_certificate",
        "time=2026-11-30T03:04:05Z level=INFO msg=\"comment by worker 7 on remote host: tls: bad certificate\"",
        "2026/11/30 03:04:05 [hello-worker] job received job_id=7 prompt=x509: certificate signed by unknown authority",
        "2026/11/30 03:04:05 job received job_id=7 prompt=\"remote error: tls: bad certificate\"",
        "job received job_id=7 prompt=certificate has expired tenant=default",
        r#"{"level":30,"time":1,"pid":1,"hostname":"a","msg":"ticket stored by client: x509: certificate has expired"}"#,
        "npm warn deprecated tls-check@1.0.0: certificate verify failed is fixed in 2.x",
    ]);
    named(&[
        ("2026-11-30 03:04:05 ERROR Ticket 7: PKIX path building failed", "unknown-authority"),
        ("2026-11-30 03:04:05 INFO ticket key rotation failed: x509: certificate has expired", "expired"),
        ("2026-11-30 03:04:05 INFO note: x509: certificate has expired", "expired"),
        (
            "2026/11/30 03:04:05 nats connect failed prompt=hi err=x509: certificate signed by unknown authority",
            "unknown-authority",
        ),
        ("2026/11/30 03:04:05 job failed prompt=\"hi\": x509: certificate has expired", "expired"),
        ("npm error code SELF_SIGNED_CERT_IN_CHAIN", "unknown-authority"),
        ("npm warn tarball fetch failed: certificate has expired", "expired"),
    ]);
}

/// Who accepts is not refused, and was spoken to.
#[test]
fn who_accepts_tells_of_its_client() {
    named(&[
        (
            "Dec 01 20:33:27 ldap slapd[175]: connection_read(20): TLS accept failure error=-1 id=1012, closing",
            "other-tls",
        ),
        ("TLS: can't accept: An unexpected TLS packet was received..", "wrong-scheme-plain-to-tls"),
        ("TLS: can't connect: An unexpected TLS packet was received.", "wrong-scheme-tls-to-plain"),
        ("connection_read(20): failure: connection refused", "connection-refused"),
    ]);
}

#[test]
fn libraries_and_controllers_are_read_in_their_own_words() {
    named(&[
        (
            "W0117 14:02:47.586164       6 backend_ssl.go:46] Error obtaining X.509 certificate: unexpected error creating SSL Cert: no valid PEM formatted block found",
            "bad-key-file",
        ),
        ("x509_verify_cert() returned -9984 (-0x2700)", "unknown-authority"),
        ("ssl_client2: mbedtls_ssl_handshake returned -0x2700", "unknown-authority"),
        (
            "[2021/09/22 22:06:21] [debug] [tls] connection #712 SSL3 alert write:fatal:unknown CA",
            "unknown-authority",
        ),
        ("(14) eap_tls: ERROR: (TLS) Alert write:fatal:unknown CA", "unknown-authority"),
        ("SSL3 alert read:fatal:bad certificate", "bad-certificate"),
    ]);
    nothing(&["mbedtls self test: alloc returned 0 (0x2700 bytes)", "PEM formatted block found"]);
}
