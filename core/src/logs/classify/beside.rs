//! What is no matter of TLS: protocols with signatures and handshakes of their own, logins of a machine, certificates
//! on paper.

use std::sync::OnceLock;

use aho_corasick::AhoCorasick;

use super::automaton;

/// What has signatures and handshakes of its own.
const OTHERS: &[&str] = &[
    "ssh",
    "gpg",
    "pgp",
    "openpgp",
    "cosign",
    "sigstore",
    "rekor",
    "attestation",
    "attestations",
    "signatures",
    "commit",
    "transparency",
    "jwt",
    "jws",
    "jwk",
    "jose",
    "jsonwebtoken",
    "oidc",
    "saml",
    "token",
    "websocket",
    "websockets",
    "noise",
    "wireguard",
    "wg0",
    "wpa",
    "wpa2",
    "4-way",
    "peer 1",
    "dkim",
    "dnssec",
    "hmac",
    "signaturedoesnotmatch",
    "request signature",
    "webhook signature",
    "apk",
    "rpm",
    "packages",
    "license",
    "raft",
    "kerberos",
    "gssapi",
    "worker",
    "bittorrent",
    "webrtc",
    "rtmp",
    "socket.io",
    "minisign",
    "checksum",
    "hashes",
];

/// SSH and the machine's own logins, whatever ends or refuses them.
const SSH: &[&str] = &[
    "pam_unix",
    "pam_sss",
    "pam_krb5",
    "sudo",
    "failed login",
    "ssh:",
    "over ssh",
    "sshd",
    "knownhosts",
    "known_hosts",
    "kex",
    "kex_exchange_identification",
    "publickey",
    "port 22",
];

/// What OpenSSH alone says, of its own certificates and algorithms.
const OPENSSH: &[&str] = &["[preauth]", "their offer: ", "userauth_"];

/// What only TLS has.
const TLS: &[&str] = &[
    "tls",
    "ssl",
    "sslv3",
    "tlsv1",
    "x509",
    "certificate",
    "certificates",
    "cert",
    "certs",
    "openssl",
    "pkix",
    "alert",
    "dtls",
    "rustls",
    "gnutls",
    "schannel",
    "mtls",
    "ca",
    "crt",
    "pem",
];

/// One of the words stands in the text.
pub(super) fn contains(
    cell: &'static OnceLock<AhoCorasick>,
    words: &'static [&'static str],
    text: &[u8],
) -> bool {
    automaton(cell, words.iter().copied()).is_match(text)
}

/// One of the words stands in the text, as a whole word; `glued`: an underline parts words too.
fn names(
    cell: &'static OnceLock<AhoCorasick>,
    words: &'static [&'static str],
    text: &[u8],
    glued: bool,
) -> bool {
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || (!glued && *byte == b'_');
    let edge = |byte: Option<&u8>| byte.is_none_or(|byte| !inside(byte));
    automaton(cell, words.iter().copied()).find_overlapping_iter(text).any(|hit| {
        edge(hit.start().checked_sub(1).and_then(|index| text.get(index))) && edge(text.get(hit.end()))
    })
}

/// A protocol beside TLS is spoken of, and nothing that only TLS has.
fn is_of(cell: &'static OnceLock<AhoCorasick>, others: &'static [&'static str], text: &[u8]) -> bool {
    static TLS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    names(cell, others, text, false) && !names(&TLS_CELL, TLS, text, true)
}

/// Signatures and handshakes of another protocol.
pub(super) fn is_other(text: &[u8]) -> bool {
    static OTHERS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    is_of(&OTHERS_CELL, OTHERS, text)
}

/// SSH, or a login of the machine.
pub(super) fn is_login(text: &[u8]) -> bool {
    static SSH_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    static OPENSSH_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    is_of(&SSH_CELL, SSH, text) || contains(&OPENSSH_CELL, OPENSSH, text)
}

/// What an ACME authority answered of a name (RFC 8555, 6.7), and what came of an order for several: the authority was
/// reached, and the link to the name is its own.
pub(super) fn is_of_order(text: &[u8]) -> bool {
    const ANSWERS: &[&str] = &["ietf:params:acme:error:", "domains had a problem: ["];
    static ANSWERS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    contains(&ANSWERS_CELL, ANSWERS, text)
}

/// What is resolved has no name in DNS: what a build lacks (`Could not resolve all artifacts for …`, `Could not resolve
/// group:name:1.2.3.`), or a thing of the program's own (`unable to resolve broadcast address`).
pub(super) fn is_no_name(text: &[u8]) -> bool {
    const RESOLVES: &[&[u8]] =
        &[b"ould not resolve ", b"nable to resolve ", b"ailed to resolve ", b"annot resolve "];
    const OWN: &[&[u8]] = &[
        b"broadcast",
        b"variable",
        b"placeholder",
        b"property",
        b"symbol",
        b"template",
        b"revision",
        b"path",
        b"type",
        b"bean",
        b"merge",
        b"schema",
    ];
    const DNS: &[&str] =
        &["lookup", "no such host", "getaddrinfo", "nxdomain", "dns", "not known", "resolution"];
    static DNS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    if contains(&DNS_CELL, DNS, text) {
        return false;
    }
    let found = RESOLVES.iter().find_map(|lead| memchr::memmem::find(text, lead).map(|at| at + lead.len()));
    found.is_some_and(|at| {
        let rest = &text[at..];
        let rest = rest.strip_prefix(b"the ").unwrap_or(rest);
        let word = rest.split(|byte| *byte == b' ').next().unwrap_or(rest).trim_ascii();
        // `group:name:1.2.3`; `host:6379:` has a port.
        let word = word.strip_suffix(b".").or_else(|| word.strip_suffix(b":")).unwrap_or(word);
        let parts: Vec<&[u8]> = word.split(|byte| *byte == b':').collect();
        let coordinate = parts.len() == 3 && !parts[1].iter().all(u8::is_ascii_digit);
        let things = [&b"all "[..], b"artifact", b"dependenc", b"plugin", b"module", b"import"];
        things.iter().any(|thing| rest.starts_with(thing)) || OWN.contains(&word) || coordinate
    })
}

/// What the API of a Kubernetes cluster answers of an object, in its own words: it was changed meanwhile, is missing
/// (`KIND.GROUP "NAME" not found`), or is there.
/// And what a controller says of such an object that it looks for (`secret NAMESPACE/NAME was not found`), or of one that
/// an ACME authority does not grant.
pub(super) fn is_of_objects(text: &[u8]) -> bool {
    const QUOTED: &[&str] = &[
        "x509:",
        "tls:",
        "ssl:",
        "ssl_",
        "sslv3",
        "ssl routines",
        "handshake",
        "server name",
        "autocert",
        "dial ",
        ".crt",
        ".key",
        ".pem",
    ];
    const ACME: &[&str] = &[
        "acme",
        "challenge",
        "certificaterequest",
        "certificate request",
        "syncing certificate",
        "cert-manager.io/",
        "badconfig",
    ];
    static QUOTED_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    static ACME_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    let at = |words: &[u8]| memchr::memmem::find_iter(text, words).collect::<Vec<_>>();
    let answers =
        [&b"Operation cannot be fulfilled on "[..], b": the object has been modified; please apply"];
    if answers.iter().any(|words| !at(words).is_empty()) {
        return true;
    }
    // An error of a connection, or of a file, is one whatever it was made for.
    let quotes = contains(&QUOTED_CELL, QUOTED, text);
    if !quotes && (contains(&ACME_CELL, ACME, text) || is_looked_for(text)) {
        return true;
    }
    [&b"\" not found"[..], b"\" already exists", b"\" is forbidden"].iter().flat_map(|words| at(words)).any(
        |end| {
            let Some(open) = memchr::memrchr(b'"', &text[..end]) else { return false };
            let before = text[..open].trim_ascii_end();
            let before = before.strip_suffix(b"\\").unwrap_or(before).trim_ascii_end();
            let start = before.iter().rposition(u8::is_ascii_whitespace).map_or(0, |last| last + 1);
            let kind = &before[start..];
            memchr::memchr(b'.', kind).is_some_and(|dot| dot > 0)
                && kind.iter().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'='))
        },
    )
}

/// An object of a cluster by its kind and its name is not there: `secrets "NAME" not found`, `secret NAMESPACE/NAME does
/// not exist`.
fn is_looked_for(text: &[u8]) -> bool {
    const ABSENT: &[&[u8]] = &[
        b" not found",
        b" was not found",
        b" does not exist",
        b" not yet ready",
        b" already exists",
        b" is forbidden",
    ];
    const KINDS: &[&[u8]] = &[b"secret", b"certificate", b"issuer", b"clusterissuer", b"configmap"];
    ABSENT.iter().flat_map(|end| memchr::memmem::find_iter(text, end)).any(|end| {
        let mut words = text[..end].rsplit(|byte| *byte == b' ');
        let name = words.next().unwrap_or_default();
        let kind = words.next().unwrap_or_default().to_ascii_lowercase();
        let marked = |byte: u8| matches!(byte, b'"' | b'\\' | b'\'');
        let start = kind.iter().rposition(|byte| !byte.is_ascii_alphabetic()).map_or(0, |last| last + 1);
        let kind = &kind[start..];
        // The API names the resource, in the plural; kubelet, whose word on a mount in the singular is the file's, does not.
        let quoted =
            name.first().is_some_and(|byte| marked(*byte)) && name.last().is_some_and(|byte| marked(*byte));
        let resource = quoted && kind.strip_suffix(b"s").is_some_and(|kind| KINDS.contains(&kind));
        let of_space = memchr::memchr(b'/', name).is_some_and(|at| at > 0) && KINDS.contains(&kind);
        resource || of_space || KINDS.contains(&&name.to_ascii_lowercase()[..])
    })
}

/// A certificate on paper, or as a product; nothing else in the text is of TLS.
pub(super) fn is_on_paper(text: &[u8]) -> bool {
    const PAPERS: &[&str] = &[
        "gift certificate",
        "birth certificate",
        "completion certificate",
        "course certificate",
        "training certificate",
        "medical certificate",
        "certificate of completion",
        "certificate of origin",
    ];
    const OF_TLS: &[&str] = &["tls", "ssl", "x509", "handshake", "https"];
    static PAPERS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    static OF_TLS_CELL: OnceLock<AhoCorasick> = OnceLock::new();
    contains(&PAPERS_CELL, PAPERS, text) && !names(&OF_TLS_CELL, OF_TLS, text, true)
}

#[cfg(test)]
mod tests {
    use crate::cause::CauseKind;
    use crate::logs::classify::recognise;

    #[test]
    fn what_a_cluster_says_of_its_objects_is_no_matter_of_tls() {
        for line in [
            r#"ERROR cert-rotation Error updating webhook with certificate {"error": "Operation cannot be fulfilled on apiservices.apiregistration.k8s.io \"v1beta1.a\": the object has been modified"}"#,
            r#"{"level":"error","msg":"Unable to update certificate.","error":"ValidatingWebhookConfiguration.admissionregistration.k8s.io \"a\" not found"}"#,
            r#"error creating the TLS certificate: certificates.cert-manager.io "a" already exists"#,
            r#"E1130 03:04:05.123456       1 controller.go:162] "re-queuing item due to error processing" err="secrets \"api-tls\" not found" logger="cert-manager.controller""#,
            r#"ERR Error configuring TLS error="secret prod/api-tls does not exist" ingress=api"#,
            r#"Error getting SSL certificate "prod/api-tls": local SSL certificate prod/api-tls was not found. Using default certificate"#,
            r#"{"level":"error","msg":"unable to get CertificateRequest","error":"CertificateRequest.cert-manager.io \"x-1\" not found"}"#,
            "Unable to obtain ACME certificate for domains: acme: error: 429 :: too many certificates already issued",
        ] {
            assert_eq!(recognise(line.as_bytes()), None, "{line}");
        }
        for (line, kind) in [
            ("Unable to update certificate: tls handshake failed", CauseKind::OtherTls),
            (
                r#"{"level":"error","msg":"Unable to update certificate.","error":"Get \"https://a\": x509: certificate signed by unknown authority"}"#,
                CauseKind::UnknownAuthority,
            ),
            (
                r#"MountVolume.SetUp failed for volume "certs" : secret "webhook-tls" not found"#,
                CauseKind::BadKeyFile,
            ),
            (
                r#"ERR Unable to obtain ACME certificate error="Get \"https://ca.lan/directory\": x509: certificate signed by unknown authority""#,
                CauseKind::UnknownAuthority,
            ),
            ("acme/autocert: missing server name: tls handshake failed", CauseKind::OtherTls),
            (
                "failed to load certificate /etc/tls/site.crt: secret prod/api-tls not found",
                CauseKind::BadKeyFile,
            ),
        ] {
            assert_eq!(recognise(line.as_bytes()).map(|found| found.kind), Some(kind), "{line}");
        }
    }
}
