//! A program's source, and what commands a shell is given: by their grammar. They name errors without reporting any.

use std::sync::OnceLock;

use regex::bytes::Regex;

/// Lines that only source has.
const LINES: &[&str] = &[
    // Comments, includes, imports.
    r"//|/\*|<!--|#(?:define|include|ifdef|ifndef|if|endif|else)\b|#\[|\x22\x22\x22|'''",
    r"(?:import|package|use|using) (?:static )?[\w.*]+(?:::[\w.:*{}, ]+)?;$|import [\w.]+$|from [\w.]+ import [\w, *()]+$|(?:const|let|var) [\w{}, ]+ = require\(",
    // Declarations, branches and handlers with their bodies.
    r"(?:if|while|switch|elif|else if|\} else|\} catch|with|for|try|async with)\b.*[{:]$|if ?\(.*\) (?:return|throw|\w+\()|class \w+(?:\([\w., ]*\))?:|(?:func|fn|def|class|pub|const|let|var|interface|enum|struct|type)\b.*[{(;:,]$",
    r"(?:enum|struct|class|interface|type|trait) \w+.*\{|(?:\} ?)?catch ?\(\w|(?:except|rescue)\b.*(?::$|=> ?\w+$)|@[A-Z]\w+ (?:public|private|void|\w+\()",
    r"(?:public|private|protected|static|export|async|override)(?: [\w<>\[\], ]+)? \w+ ?\(.*\{$|.*=> \{$|.*\) \{$",
    // Members of lists and tables.
    r"[A-Z][A-Z0-9_]+ = [\w\x22']+[,;]?$|[A-Z]\w+ +:?= (?:[\[{]|\w+\([\x22'])|\{\w+: \x22.*\},?$|\x22[^\x22]+\x22: +[a-z][\w.]*\{\},?$|\w+(?:\([\w, ]*\))? => [\x22'].*[\x22'],?$",
    // Translations.
    r"msg(?:id|str)(?:_plural|\[\d\])? \x22|<string name=",
    // A patch, a shell's trace, an assertion.
    r"--- a/|\+\+\+ b/|@@ -|[+-](?:    |\t)|\+{1,3} |\$ |>>> |assert\w*[.(! ]|expect\(|(?:test|it|describe)\([\x22'`]",
    r"case [\w.:]+: |\{\w+\(.*\},?$|(?:it|specify|expect|subject|before|after|let) ?\{|\[\w+\] (?:public|private|internal) ",
    r"(?:raise|throw) [\w.:]+(?:\(|;|$)|throw new ",
];

/// Programs that people call in a shell.
const COMMANDS: &[&[u8]] = &[
    b"curl",
    b"echo",
    b"grep",
    b"kubectl",
    b"docker",
    b"podman",
    b"openssl",
    b"helm",
    b"wget",
    b"git",
    b"export",
    b"cat",
    b"tail",
    b"awk",
    b"sed",
    b"jq",
    b"nats",
    b"redis-cli",
    b"psql",
    b"mysql",
    b"printf",
    b"sudo",
    b"journalctl",
    b"rg",
    b"alias",
    b"set",
    b"logger",
    b"nc",
    b"keytool",
    b"make",
    b"cargo",
    b"go",
    b"npm",
    b"python",
    b"python3",
];

/// A line of source, or a command.
pub(super) fn is_one(text: &[u8]) -> bool {
    static CELL: OnceLock<Regex> = OnceLock::new();
    let lines = CELL.get_or_init(|| {
        // Constants that the tests below exercise.
        Regex::new(&format!("(?-u)^(?:{})", LINES.join("|"))).expect("the lines are a valid expression")
    });
    lines.is_match(text) || is_call(text) || is_command(text)
}

fn is_identifier(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'$')
}

/// A statement that is a call from its front to its end: `errors.New("…"),`, `return fmt.Errorf("…", err)`,
/// `$this->expect('…');`, `println!("…");`. What prints an error as its type with its text (`SSLError('…')`,
/// `Custom { … }`) is none: the name of what is called begins in lower case, or is a function of a package or a type.
fn is_call(text: &[u8]) -> bool {
    let mut rest = text;
    for front in
        [&b"return "[..], b"case ", b"await ", b"defer ", b"go ", b"panic!", b"Err(", b"Some(", b"Ok("]
    {
        rest = rest.strip_prefix(front).unwrap_or(rest);
    }
    // What is assigned, to what is not named for an error: that one may be shown.
    let mut is_assigned = false;
    for sign in [&b" := "[..], b" = "] {
        if let Some(at) = memchr::memmem::find(&rest[..rest.len().min(60)], sign)
            && rest[..at].iter().all(|byte| is_identifier(*byte) || matches!(byte, b' ' | b',' | b':' | b'.'))
        {
            is_assigned = !super::record::tells_of_errors(&rest[..at]);
            rest = &rest[at + sign.len()..];
        }
    }
    let name = rest
        .iter()
        .take_while(|byte| is_identifier(**byte) || matches!(byte, b'.' | b':' | b'-' | b'>' | b'!'));
    let length = name.count();
    let (name, arguments) = rest.split_at(length);
    if length == 0 || arguments.first() != Some(&b'(') || !(is_assigned || is_function(name)) {
        return false;
    }
    // A text is among what is handed over.
    let Some(end) = closing(arguments) else { return false };
    let quoted = arguments[..end].iter().any(|byte| matches!(byte, b'"' | b'\'' | b'`'));
    quoted
        && arguments[end..].iter().all(|byte| matches!(byte, b')' | b';' | b',' | b':' | b' ' | b'?' | b'{'))
}

/// The name of a function, as against that of a type.
fn is_function(name: &[u8]) -> bool {
    let start = name.iter().rposition(|byte| matches!(byte, b'.' | b':' | b'>')).map_or(0, |at| at + 1);
    let (path, last) = name.split_at(start);
    let lower = last.first().is_some_and(|byte| byte.is_ascii_lowercase() || matches!(byte, b'_' | b'$'));
    // `errors.New`, `fmt.Errorf`: a package's name is in lower case.
    let of_package = path.ends_with(b".")
        && path.iter().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || *byte == b'.')
        && ![&b"Error"[..], b"Exception", b"Warning", b"Failure"].iter().any(|end| last.ends_with(end));
    !last.is_empty() && (lower || of_package)
}

/// Behind the bracket that closes the one at the front.
fn closing(text: &[u8]) -> Option<usize> {
    let (mut depth, mut at) = (0_usize, 0);
    while at < text.len() {
        match text[at] {
            b'(' => depth += 1,
            b')' => {
                depth -= 1;
                if depth == 0 {
                    return Some(at + 1);
                }
            }
            quote @ (b'"' | b'\'' | b'`') => {
                at += 1;
                while at < text.len() && text[at] != quote {
                    at += if text[at] == b'\\' { 2 } else { 1 };
                }
            }
            _ => {}
        }
        at += 1;
    }
    None
}

/// A call of a program: its name, then an option, a quoted text or a further program.
fn is_command(text: &[u8]) -> bool {
    let end = text.iter().position(|byte| *byte == b' ').unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    if !COMMANDS.contains(&name) {
        return false;
    }
    let has = |mark: &[u8]| memchr::memmem::find(rest, mark).is_some();
    let assigned = || name == b"export" && rest.get(1).is_some_and(|byte| is_identifier(*byte));
    rest.starts_with(b" -")
        || rest.starts_with(b" \"")
        || rest.starts_with(b" '")
        || assigned()
        || [&b" | "[..], b" || ", b" && ", b" >> ", b" > "].iter().any(|mark| has(mark))
        || (has(b" --") && !has(b": "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn source_is_told_from_what_programs_print() {
        for line in [
            "errors.New(\"certificate has expired\"),",
            "return fmt.Errorf(\"tls: failed to verify certificate: %w\", err)",
            "var ErrExpired = errors.New(\"certificate has expired\")",
            "case strings.Contains(msg, \"connection refused\"):",
            "import javax.net.ssl.SSLHandshakeException;",
            "from ssl import SSLError, CertificateError",
            "except ssl.SSLCertVerificationError as e:",
            "$this->expectExceptionMessage('SSL certificate problem: certificate has expired');",
            "Err(rustls::Error::InvalidCertificate(CertificateError::Expired)) => {",
            "return Err(Error::new(ErrorKind::ConnectionRefused, \"connection refused\"));",
            "catch (SSLHandshakeException e) { log.warn(\"handshake failed\", e); }",
            "enum TlsError { Expired, UnknownIssuer }",
            "CERT_HAS_EXPIRED = 10,",
            "UnknownIssuer => \"the issuer is unknown\",",
            "msgid \"The certificate has expired\"",
            "println!(\"certificate has expired\");",
            "curl --cacert ca.crt https://a || echo \"certificate verify failed\"",
            "grep -c \"certificate has expired\" app.log",
            "mock.side_effect = requests.SSLError('certificate verify failed')",
            "export PGSSLMODE=verify-full  # fails with \"certificate verify failed\"",
        ] {
            assert!(is_one(line.as_bytes()), "{line}");
        }
        for line in [
            "SSLError(\"bad handshake: Error([('SSL routines', '', 'certificate verify failed')])\")",
            "ssl.SSLError('certificate verify failed')",
            "hyper::Error(Connect, \"tcp connect error: Connection refused (os error 111)\")",
            "Custom { kind: InvalidData, error: \"certificate expired\" }",
            "SSL_CTX_use_PrivateKey(\"/etc/nginx/tls.key\") failed (SSL: error:05800074)",
            "stream_socket_client(): SSL operation failed",
            "public key mismatch",
            "private key does not match public key",
            "import failed: x509: certificate has expired",
            "curl: (60) SSL certificate problem: certificate has expired",
            "git clone failed: x509: certificate has expired",
            "{error,{tls_alert,{unknown_ca,\"received CLIENT ALERT\"}}}",
            "return code 60: certificate has expired",
            "from 10.0.0.3: certificate has expired",
            "type=tls: certificate has expired",
            "err = ssl.SSLError('certificate verify failed')",
        ] {
            assert!(!is_one(line.as_bytes()), "{line}");
        }
    }
}
