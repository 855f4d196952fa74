//! What a line is before its words are weighed: a request of an access log, a frame of a stack trace, a
//! metric, a setting. Their paths and names speak of certificates and errors without reporting any.

use std::borrow::Cow;
use std::sync::OnceLock;

use memchr::memmem;
use regex::bytes::Regex;

use super::{setting, written};
use crate::logs::prefix::{after_bar, body};

/// A line's message.
pub(super) enum MessageShape<'a> {
    /// Text to be weighed.
    Message(Cow<'a, [u8]>),
    /// An answered request, with its status.
    Access(u16),
}

fn built(cell: &'static OnceLock<Regex>, pattern: &str) -> &'static Regex {
    // Constants that the tests below exercise.
    cell.get_or_init(|| Regex::new(pattern).expect("the shape is a valid expression"))
}

/// Looks at the shape of a line.
pub(super) fn of(line: &[u8]) -> MessageShape<'_> {
    // A service's name tells nothing of what happened to it.
    let line = after_bar(line).unwrap_or(line);
    static ACCESS: OnceLock<Regex> = OnceLock::new();
    static FRAME: OnceLock<Regex> = OnceLock::new();
    if memmem::find(line, b" HTTP/").is_some() {
        let access = built(&ACCESS, r#""[A-Z]+ \S+ HTTP/[0-9.]+"\s+([1-5]\d\d)\s"#);
        if let Some(found) = access.captures(line) {
            // What a proxy's own fields say of its upstream, without blanks.
            if let Some(at) = memmem::find(line, b"TLS_error:") {
                let blanks = line[at..].iter().map(|byte| if *byte == b'_' { b' ' } else { *byte });
                return MessageShape::Message(blanks.collect());
            }
            let status = found.get(1).and_then(|status| std::str::from_utf8(status.as_bytes()).ok());
            return MessageShape::Access(status.and_then(|status| status.parse().ok()).unwrap_or_default());
        }
    }
    let trimmed = body(line).trim_ascii();
    if (trimmed.starts_with(b"at ")
        || memmem::find(line, b" at ").is_some()
        || memmem::find(line, b"\tat ").is_some())
        && memchr::memchr(b'(', line).is_some()
    {
        let frame = built(
            &FRAME,
            r"(?:^|\s)at (?:async |new )?[\w.$<>/@~-]+(?: \[as [\w.]+\])?\s?\((?:[^()\s]*:\d+|Native Method|Unknown Source|native|<anonymous>|[^()]* in [^()]*:line \d+)\)",
        );
        if frame.is_match(line) {
            return MessageShape::Message(frame.replace_all(line, &b" "[..]));
        }
    }
    if memmem::find(line, b"File \"").is_some() && memmem::find(line, b"\", line ").is_some() {
        let start = memmem::find(line, b"File \"").unwrap_or(line.len());
        return MessageShape::Message(Cow::Borrowed(&line[..start]));
    }
    MessageShape::Message(Cow::Borrowed(&line[..written::quoted_from(line).unwrap_or(line.len())]))
}

/// A line that names errors without reporting any: a setting, what people wrote, what the machine says of its units,
/// what others asked.
pub(super) fn is_mention(line: &[u8]) -> bool {
    let line = after_bar(line).unwrap_or(line);
    let trimmed = body(line).trim_ascii();
    setting::is_one(trimmed)
        || written::by_people(trimmed)
        || written::goes_on(line)
        || written::by_machine(line)
        || is_passed_on(line)
}

/// A record of what was asked or is started, in somebody else's words: PostgreSQL's `LOG:  statement: …`,
/// `LOG:  duration: 3 ms  execute <unnamed>: …`, `STATEMENT:  …`, `DETAIL:  parameters: …`.
fn is_passed_on(line: &[u8]) -> bool {
    // Two blanks stand behind each of its levels.
    let behind = |level: &[u8]| memmem::find(line, level).map(|at| &line[at + level.len()..]);
    let asked = |text: &[u8]| {
        [&b"statement: "[..], b"execute ", b"parse ", b"bind "].iter().any(|word| text.starts_with(word))
    };
    // An ORM's, and what cron starts.
    if [&b" sqlalchemy.engine."[..], b"Hibernate: ", b") CMD ("].iter().any(|mark| behind(mark).is_some()) {
        return true;
    }
    // What a name server was asked, as CoreDNS logs it, and what it answered.
    if [&b" udp "[..], b" tcp "].iter().any(|mark| behind(mark).is_some()) && is_query(line) {
        return true;
    }
    // A file that nginx was asked for.
    if behind(b" open() \"").is_some_and(|rest| memmem::find(rest, b", request: \"").is_some()) {
        return true;
    }
    // Elasticsearch's log of slow searches.
    if behind(b" took_millis[").is_some_and(|rest| memmem::find(rest, b" source[").is_some()) {
        return true;
    }
    if behind(b"STATEMENT:  ").or_else(|| behind(b"QUERY:  ")).is_some() {
        return true;
    }
    if let Some(text) = behind(b"DETAIL:  ") {
        return [&b"parameters: "[..], b"Key (", b"Failing row"].iter().any(|word| text.starts_with(word));
    }
    behind(b"LOG:  ").is_some_and(|text| {
        let timed = text
            .strip_prefix(b"duration: ")
            .and_then(|rest| memmem::find(&rest[..rest.len().min(24)], b"ms  ").map(|at| &rest[at + 4..]));
        asked(timed.unwrap_or(text))
    })
}

/// `"A IN redis. udp 43 false 512" NXDOMAIN qr,rd 118`.
fn is_query(line: &[u8]) -> bool {
    static QUERY: OnceLock<Regex> = OnceLock::new();
    built(&QUERY, r#""[A-Z0-9]+ [A-Z]+ \S+ (?:udp|tcp) \d+ (?:true|false) \d+" [A-Z]+ [a-z]+[ ,]"#)
        .is_match(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(line: &str) -> String {
        if is_mention(line.as_bytes()) {
            return "nothing".to_owned();
        }
        match of(line.as_bytes()) {
            MessageShape::Message(text) => String::from_utf8_lossy(&text).into_owned(),
            MessageShape::Access(status) => format!("access {status}"),
        }
    }

    #[test]
    fn shapes_are_told_apart() {
        assert_eq!(
            text(r#"1.2.3.4 - - [1/Jan/2024] "GET /tls-error HTTP/1.1" 502 157 "-" "curl""#),
            "access 502"
        );
        assert_eq!(text("cluster.app.ssl.connection_error: 0"), "nothing");
        assert_eq!(text("http_requests_total{code=\"502\"} 0"), "nothing");
        assert_eq!(text("proxy_ssl_verify on;"), "nothing");
        assert_eq!(
            text("LOG:  duration: 1.2 ms  execute <unnamed>: SELECT 'tls: bad certificate'"),
            "nothing"
        );
        assert_eq!(
            text("LOG:  could not accept SSL connection: EOF detected"),
            "LOG:  could not accept SSL connection: EOF detected"
        );
        assert_eq!(
            text(
                r#"2026/11/30 03:04:05 [error] 1#1: *7 open() "/x/certificate-not-found" failed (2: No such file or directory), request: "GET /certificate-not-found HTTP/1.1""#
            ),
            "nothing"
        );
        assert_eq!(
            text(
                r#"[2026-11-30T03:04:05,123][WARN ][i.s.s.query] [n] [kb][0] took[1.2s], took_millis[1200], source[{"query":"PKIX path building failed"}]"#
            ),
            "nothing"
        );
        assert_eq!(text("[       OK ] Tls.ExpiredCertificate (3 ms)"), "nothing");
        assert_eq!(text("\tat java.base/sun.security.ssl.Alert.fail(Alert.java:131)"), " ");
        assert_eq!(text("  at TLSSocket._finishInit (_tls_wrap.js:631:8) code: 'X'"), "   code: 'X'");
        assert_eq!(text("curl: (35) wrong version number"), "curl: (35) wrong version number");
        assert_eq!(text("tls-proxy-1  | exec failed"), "exec failed");
        assert_eq!(text("  File \"/usr/lib/ssl.py\", line 1, in do_handshake"), "  ");
        assert_eq!(text("error 26 at 0 depth lookup: bad (x)"), "error 26 at 0 depth lookup: bad (x)");
    }
}
