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
    is_of(&SSH_CELL, SSH, text)
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
