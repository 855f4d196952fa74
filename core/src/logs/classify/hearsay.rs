//! What an informing record hands on in somebody's words, without quotes: `ticket created: TEXT`, `message from NAME:
//! TEXT`. Who informs of trouble of his own says before it what he did with a link, or that something failed.

use memchr::memmem;

use super::record::{Level, Record};
use super::{quotes, subject};
use crate::logs::prefix::body;

/// Fronts of words with which a program speaks of a link, of its material, or of how something ended.
const LINK: &[&str] = &[
    "connect",
    "reconnect",
    "dial",
    "tls",
    "mtls",
    "ssl",
    "https",
    "http",
    "grpc",
    "rpc",
    "ws",
    "wss",
    "websocket",
    "handshake",
    "inbound",
    "outbound",
    "nats",
    "redis",
    "ldap",
    "smtp",
    "imap",
    "mqtt",
    "amqp",
    "kafka",
    "client",
    "server",
    "peer",
    "remote",
    "upstream",
    "downstream",
    "backend",
    "endpoint",
    "broker",
    "cluster",
    "node",
    "replica",
    "member",
    "route",
    "leaf",
    "proxy",
    "listen",
    "socket",
    "stream",
    "session",
    "bus",
    "gateway",
    "service",
    "worker",
    "webhook",
    "registr",
    "database",
    "db",
    "api",
    "host",
    "clos",
    "lost",
    "drop",
    "disconnect",
    "retr",
    "timeout",
    "timed",
    "health",
    "probe",
    "ping",
    "attempt",
    "cert",
    "x509",
    "key",
    "ca",
    "trust",
    "chain",
    "verif",
    "valid",
    "check",
    "load",
    "open",
    "read",
    "writ",
    "sync",
    "publish",
    "subscri",
    "send",
    "sent",
    "fetch",
    "pull",
    "download",
    "upload",
    "request",
    "call",
    "resolv",
    "lookup",
    "renew",
    "reload",
    "rotat",
    "login",
    "auth",
    "config",
    "skip",
    "ignor",
    "stop",
    "exit",
    "shut",
    "terminat",
    "end",
    "result",
    "reason",
    "cause",
    "caused",
    "status",
    "state",
    "got",
    "output",
    "stderr",
    "stdout",
    "respon",
    "repl",
    "answer",
    "return",
    "report",
    "last",
    "info",
    "detail",
    "not",
    "no",
    "bad",
    "command",
    "script",
];

/// What somebody's text is called, where that is all that stands before it.
const TEXTS: &[&str] = &[
    "query",
    "title",
    "subject",
    "question",
    "prompt",
    "parameters",
    "params",
    "payload",
    "input",
    "comment",
    "excerpt",
    "statement",
    "executing",
    "description",
    "topic",
];

/// The record informs, and what stands before its text speaks of neither a link nor a failure.
pub(super) fn is_passed_on(record: &Record<'_>) -> bool {
    let names = |key: &[u8]| memmem::find(&record.message, key).is_some();
    if record.names_an_error() || names(b" error=") || names(b" err=") {
        return false;
    }
    let message = match record.level {
        Level::Informs => &record.message[..],
        Level::Unsaid => match informing(&record.message) {
            Some(message) => message,
            None => return subject::is_text(body(&record.message), false),
        },
        Level::Warns | Level::Fails => return false,
    };
    if subject::is_text(message, true) {
        return true;
    }
    let mut rest = message;
    while let Some(colon) = memmem::find(rest, b": ") {
        let head = String::from_utf8_lossy(&rest[..colon.min(160)]).replace("pull request", "change");
        let head = head.as_bytes();
        let words: Vec<String> = head
            .split(|byte| matches!(byte, b' ' | b'\t' | b',' | b'('))
            .filter(|token| is_word(token))
            .map(|token| String::from_utf8_lossy(token).to_ascii_lowercase())
            .collect();
        match words.as_slice() {
            // A logger, a thread, a place in the source.
            [] => rest = &rest[colon + 2..],
            [one] => return TEXTS.contains(&one.as_str()),
            words => {
                return !quotes::tells_of_failure(words.join(" ").as_bytes())
                    && !words.iter().any(|word| names_link(word));
            }
        }
    }
    false
}

/// A word with which a program speaks of a link or of how something ended.
pub(super) fn names_link(word: &str) -> bool {
    LINK.iter().any(|front| begins(word, front))
}

/// A word begins so; the shortest are words by themselves.
fn begins(word: &str, front: &str) -> bool {
    if front.len() < 4 { word == front } else { word.starts_with(front) }
}

/// Whether a record names what it only calls so. One that informs reports no trouble by a name alone; of what tells no
/// level that holds for what is called like a branch (`fix/certificate-expired`).
pub(super) fn has_names(record: &Record<'_>, text: &[u8]) -> Option<Vec<u8>> {
    let informs = record.level == Level::Informs || informing(&record.message).is_some();
    (record.level <= Level::Informs && !record.names_an_error()).then(|| unnamed(text, !informs))?
}

/// The text without names (`certificate_expired`, `fix/certificate-expired`, `certificate-expired.html`), if it has any
/// and nothing else in it speaks of TLS or of a failure: what is called so reports nothing.
fn unnamed(text: &[u8], only_branches: bool) -> Option<Vec<u8>> {
    const SPEAKS: &[&str] =
        &["tls", "ssl", "x509", "reason", "cause", "code", "status", "handshake", "verif", "got", "curl"];
    let parts =
        |byte: &u8| matches!(byte, b' ' | b'\t' | b'\'' | b'"' | b'[' | b']' | b'(' | b')' | b',' | b'=');
    let mut left: Vec<u8> = Vec::with_capacity(text.len());
    let mut found = false;
    for token in text.split(parts) {
        let bare = token.trim_ascii();
        let end = bare.iter().rposition(|byte| !matches!(byte, b'.' | b':')).map_or(0, |last| last + 1);
        let bare = &bare[..end];
        let is_name = bare.len() > 8
            && bare.iter().any(|byte| matches!(byte, b'_' | b'-' | b'/'))
            && bare
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'/' | b'.' | b':'))
            && !bare.iter().any(u8::is_ascii_uppercase)
            && memmem::find(bare, b"::").is_none()
            && (!only_branches || is_branch(bare));
        found |= is_name;
        left.extend_from_slice(if is_name { b"" } else { token });
        left.push(b' ');
    }
    let lower = left.to_ascii_lowercase();
    let speaks = quotes::tells_of_failure(&lower)
        || SPEAKS.iter().any(|word| memmem::find(&lower, word.as_bytes()).is_some());
    (found && !speaks && left.iter().filter(|byte| byte.is_ascii_alphabetic()).count() > 5).then_some(left)
}

/// `fix/certificate-expired`: no path from a root, no file.
fn is_branch(name: &[u8]) -> bool {
    let at = memchr::memchr(b'/', name).unwrap_or(0);
    at > 0 && name[at..].contains(&b'-') && !name.iter().any(|byte| matches!(byte, b'.' | b':'))
}

/// A word of a sentence, as against a name, a number or a mark.
pub(super) fn is_word(token: &[u8]) -> bool {
    token.iter().any(u8::is_ascii_alphabetic)
        && token.iter().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'\'' | b'/'))
}

/// The message of a line that names its level as a word of its own near its front, where that level informs.
fn informing(line: &[u8]) -> Option<&[u8]> {
    const LEVELS: &[&[u8]] =
        &[b"INFO", b"DEBUG", b"TRACE", b"INF", b"DBG", b"TRC", b"info", b"debug", b"trace", b"dbug"];
    let mut at = 0;
    for token in line[..line.len().min(120)].split(|byte| matches!(byte, b' ' | b'\t')) {
        let end = at + token.len();
        // klog's.
        if token.len() == 5 && token[0] == b'I' && token[1..].iter().all(u8::is_ascii_digit) {
            return memmem::find(line, b"] ").map(|place| &line[place + 2..]);
        }
        let bare = token.strip_prefix(b"[").unwrap_or(token);
        let marked = bare.len() < token.len() || token.last().is_some_and(|byte| matches!(byte, b':' | b']'));
        let name = &bare[..bare.iter().take_while(|byte| byte.is_ascii_alphabetic()).count()];
        let whole = bare[name.len()..].first().is_none_or(|byte| matches!(byte, b']' | b':' | b'/'));
        if whole && LEVELS.contains(&name) && (marked || name[0].is_ascii_uppercase()) {
            // Python's `INFO:logger:message`.
            let logged = memchr::memrchr(b':', &token[..token.len() - 1]).filter(|_| bare.starts_with(name));
            let from = logged.filter(|colon| *colon > name.len()).map_or(end, |colon| at + colon + 1);
            return line.get(from..).map(<[u8]>::trim_ascii_start);
        }
        at = end + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_alone_reports_nothing() {
        use crate::logs::classify::recognise;
        for line in [
            "[1] 2026/11/30 03:04:05.123456 [INF] JetStream Stream certificate_expired created",
            "[2026-11-30 03:04:05,123: INFO/MainProcess] Task tls.check_expired_certificates[77] received",
            "time=2026 level=INFO msg=\"ran migration 0042_add_certificate_expired_column\"",
            "Checking out 77aa88b as fix/certificate-verify-failed...",
        ] {
            assert_eq!(recognise(line.as_bytes()), None, "{line}");
        }
        for line in [
            "[1] 2026/11/30 03:04:05.123456 [INF] TLS alert: certificate_expired",
            "time=2026 level=INFO msg=\"handshake refused: certificate_expired\"",
            "time=2026 level=ERROR msg=\"closed by certificate_expired\"",
            "certificate_expired",
            "open tls/site-a/server-key.pem: permission denied",
        ] {
            assert!(recognise(line.as_bytes()).is_some(), "{line}");
        }
    }

    fn passed_on(line: &str) -> bool {
        is_passed_on(&Record::read(line.as_bytes()))
    }

    #[test]
    fn what_people_say_is_handed_on_by_records_that_inform() {
        for line in [
            "time=2026 level=INFO msg=\"ticket created: x509: certificate has expired\" id=9",
            "{\"level\":\"info\",\"msg\":\"chat message stored: x509: certificate has expired\"}",
            "[GATEWAY] INFO comment added: x509: certificate has expired",
            "2026-11-30 03:04:05,123 INFO app.chat - new message in room 7: certificate verify failed",
            "2026-11-30 03:04:05,123 DEBUG app.search query: certificate verify failed (3 hits)",
            "2026-11-30T03:04:05.123456Z  INFO app::chat: message from bob: invalid peer certificate: UnknownIssuer",
            "2026-11-30 03:04:05.123  INFO 1 --- [nio-1] c.e.Tickets : created ticket 55: javax.net.ssl.SSLException",
            "I1130 03:04:05.123456       1 job.go:88] new title of the talk: x509: certificate has expired",
            "info: App.Tickets[0] Ticket saved: The SSL connection could not be established",
        ] {
            assert!(passed_on(line), "{line}");
        }
        for line in [
            "time=2026 level=ERROR msg=\"ticket created: x509: certificate has expired\" id=9",
            "time=2026 level=INFO msg=\"nats connect: x509: certificate has expired\"",
            "time=2026 level=INFO msg=\"giving up after 3 failures: x509: certificate has expired\"",
            "{\"level\":\"info\",\"msg\":\"ticket created: a\",\"error\":\"x509: certificate has expired\"}",
            "[GATEWAY] INFO http: TLS handshake error from 10.0.0.1:5: EOF",
            "2026-11-30 03:04:05,123 WARN app.chat - new message in room 7: certificate verify failed",
            "2026/11/30 03:04:05 [info] 31#31: *7 SSL_do_handshake() failed (SSL: error: no shared cipher)",
            "I1130 03:04:05.123456       1 server.go:88] http: TLS handshake error from 10.0.0.1:5: EOF",
            "INFO:root:x509: certificate has expired",
            "new message in room 7: certificate verify failed",
        ] {
            assert!(!passed_on(line), "{line}");
        }
    }
}
