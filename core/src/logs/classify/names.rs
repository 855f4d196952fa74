//! Names in a line: of hosts, packages, columns, settings, objects, parts of programs. Their words say nothing.

/// Ends of hosts' names.
const TOP: &[&str] = &[
    "com", "org", "net", "io", "dev", "local", "internal", "example", "test", "invalid", "lan", "svc",
    "cloud", "app", "info", "biz", "gov", "edu", "de", "uk", "eu", "fr", "nl", "ch", "us",
];
/// Ends of the names of columns and metrics.
const COLUMNS: &[&str] = &["_at", "_total", "_count", "_seconds", "_days", "_id", "_idx"];

/// What a chunk is the name of: a thing in the world (a host, an address of mail, a package's version) or a column
/// (`name`), a setting or an object, or a part of a program (`object`).
pub(super) fn kind(chunk: &[u8]) -> Option<&'static str> {
    let chunk = chunk.strip_prefix(b"'").and_then(|rest| rest.strip_suffix(b"'")).unwrap_or(chunk);
    let chunk = chunk.strip_suffix(b".").or_else(|| chunk.strip_suffix(b":")).unwrap_or(chunk);
    if is_name(chunk) {
        return Some("name");
    }
    (is_key(chunk) || is_part(chunk)).then_some("object")
}

/// Such a thing in the world, or a column.
fn is_name(chunk: &[u8]) -> bool {
    if !is_plain(chunk) {
        return false;
    }
    let at = memchr::memchr(b'@', chunk).is_some_and(|at| at > 0 && at + 1 < chunk.len());
    let host = chunk.iter().rposition(|byte| *byte == b'.').is_some_and(|dot| {
        TOP.iter().any(|top| top.as_bytes() == &chunk[dot + 1..]) && !chunk.contains(&b'_')
    });
    at || host || COLUMNS.iter().any(|end| chunk.ends_with(end.as_bytes()))
}

/// A file of source or of text, without its line's number.
pub(super) fn is_file(chunk: &[u8]) -> bool {
    const ENDS: &[&[u8]] = &[
        b".rs",
        b".go",
        b".py",
        b".js",
        b".ts",
        b".tsx",
        b".java",
        b".rb",
        b".php",
        b".cs",
        b".md",
        b".txt",
        b".html",
        b".yaml",
        b".yml",
        b".json",
        b".toml",
        b".sh",
        b".feature",
    ];
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_' | b'/');
    let end = chunk.iter().rposition(u8::is_ascii_alphabetic).map_or(0, |last| last + 1);
    let chunk = &chunk[..end];
    chunk.iter().all(inside)
        && ENDS.iter().any(|ending| chunk.len() > ending.len() && chunk.ends_with(ending))
}

/// No capitals, and nothing that names do not have.
fn is_plain(chunk: &[u8]) -> bool {
    chunk.iter().all(|byte| {
        byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_' | b'@' | b'+')
    })
}

/// What a setting or an object is called: `ssl.handshake.timeout`, `cert-expired-exporter-7d`.
pub(super) fn is_key(chunk: &[u8]) -> bool {
    if !is_plain(chunk) {
        return false;
    }
    let dots = memchr::memchr_iter(b'.', chunk).count();
    let hyphens = memchr::memchr_iter(b'-', chunk).count();
    let last = chunk.rsplit(|byte| matches!(byte, b'-' | b'_')).next().unwrap_or_default();
    // What went wrong may be written so too, and ends with what it is.
    let wrong = [
        &b"failed"[..],
        b"failure",
        b"error",
        b"errors",
        b"expired",
        b"required",
        b"refused",
        b"reset",
        b"invalid",
        b"mismatch",
        b"timeout",
        b"unknown",
        b"authority",
        b"issuer",
        b"untrusted",
        b"certificate",
        b"closed",
        b"signed",
        b"file",
        b"middle",
        b"valid",
        b"found",
        b"tls",
        b"cert",
        b"certs",
        b"ca",
        b"crt",
        b"key",
        b"data",
    ]
    .contains(&last);
    let underlines = memchr::memchr_iter(b'_', chunk).count();
    (dots > 1 && hyphens == 0 && !chunk.ends_with(b"."))
        || (dots == 0 && hyphens > 1 && !wrong)
        || (dots + hyphens == 0 && underlines > 3 && !wrong)
}

/// What a part of a program or a test is called: `sslErrorHandler`, `cert-expired-exporter`, `testExpired`.
fn is_part(chunk: &[u8]) -> bool {
    const ENDS: &[&[u8]] = &[
        b"test",
        b"tests",
        b"spec",
        b"handler",
        b"exporter",
        b"controller",
        b"factory",
        b"demo",
        b"watcher",
    ];
    let inside = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    if !(12..64).contains(&chunk.len()) || !chunk.iter().all(inside) {
        return false;
    }
    let ends = |end: &&[u8]| chunk[chunk.len() - end.len()..].eq_ignore_ascii_case(end);
    // Who does something: `ExpiredCertificateCleaner`; no fault, issuer or server is one.
    let humps =
        chunk.windows(2).filter(|two| two[0].is_ascii_lowercase() && two[1].is_ascii_uppercase()).count();
    let agent = humps > 1
        && chunk[0].is_ascii_uppercase()
        && (chunk.ends_with(b"er") || chunk.ends_with(b"or"))
        && ![
            &b"Error"[..],
            b"Issuer",
            b"Signer",
            b"Server",
            b"Peer",
            b"Number",
            b"Header",
            b"Newer",
            b"Other",
        ]
        .iter()
        .any(|end| chunk.ends_with(end));
    agent || ENDS.iter().any(ends) || (chunk.starts_with(b"test") && !chunk[4].is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_from_words() {
        for name in [
            "ssl.handshake.timeout",
            "cert-expired-exporter-7d",
            "gw-tls-error-demo-job",
            "unknown-authority-portal",
            "a_fail_verify_error_rate",
            "ExpiredCertificateCleaner",
            "'ssl.handshake.timeout'",
            "sslErrorHandler",
        ] {
            assert_eq!(kind(name.as_bytes()), Some("object"), "{name}");
        }
        for name in ["expired_total", "a@1.0.2", "expired.example.com", "a.b:"] {
            assert_eq!(kind(name.as_bytes()), if name == "a.b:" { None } else { Some("name") }, "{name}");
        }
        for word in [
            "self-signed",
            "end-of-file",
            "self-signed.",
            "bad_certificate",
            "ssl-handshake-failed",
            "eof",
            "CertUnknownIssuer",
            "TlsHandshakeError",
        ] {
            assert_eq!(kind(word.as_bytes()), None, "{word}");
        }
    }
}
