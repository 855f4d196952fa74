//! Clauses of a message that report nothing: what would be if, what is looked for, what there is none of, what is
//! counted as zero, what was expected, what was before. They are taken out, and the rest is weighed again.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::bytes::{Captures, Regex};

/// A clause that reports nothing, with what it takes with it; it ends where the next one begins (`:`, `;`, a bracket).
const CLAUSES: &[&str] = &[
    // Conditions, and what is done on them.
    r"\b(?:if|whether|unless|in case) [a-z0-9\x22'`][^:;()]*",
    r"\b(?:will|would|to|can|should) (?:be )?(?:retr(?:y|ied)|reconnect|fail|alert|warn|abort)\w* (?:on|upon|when|for|over)\b[^:;]*",
    // What is asked.
    r"\b(?:how to (?:fix|solve|debug|handle|avoid|resolve)|why (?:is|are|do|does|did) (?:my|the|our|this|i|we|it)) [^:;]*",
    // What is looked for, and what is done with all of a kind.
    r"\b(?:check|scan|look|search|watch|monitor)(?:s|es|ed|ing)? for\b[^:;,()]*",
    r"\b(?:renew|rotat|reload|replac|purg|prun|remov|delet|search|scann|check)(?:s|e|es|ed|ing)? (?:the |\d+ )?expired cert[^:;,()]*",
    r"\b(?:tidy|clean-?up|removal|rotation) (?:of )?(?:the |all )?expired cert[^:;,()]*",
    r"(?:\b(?:the|all|any|rejects|refuses|ignores|accepts|drops|skips|handles) |^)(?:expired|self[ -]signed|untrusted|revoked|invalid) (?:[a-z]+ )?certificates\b[^:;]*",
    r"\b(?:rejects|refuses|ignores|skips|handles) an? (?:\w+ ){0,2}(?:certificate|handshake|issuer)[^:;]*",
    r"\b(?:simulat|emulat|inject)(?:es?|ed|ing) [^:;]*",
    r"\b(?:alert|monitor|watch|retr|notif)\w* (?:is |are )?(?:enabled|configured|set up|registered) (?:for|on|about)\b.*",
    // A guess, in a sentence of its own.
    r"(?:^|[.;] )possibl[ey] (?:[a-z]+ ){1,3}(?:failure|problem|error|issue)s?\b",
    // What there is none of.
    r"\b(?:no|0|zero|without|without any|not any) (?:[\w\x22'/.-]+:? ){0,4}?(?:errors|failures|problems|issues|warnings|alerts|mismatches|timeouts|resets|violations)\b",
    r"\bno (?:error|problem|failure)s? (?:found|detected|reported|occurred)\b",
    r"\b(?:no|none|0|zero|not|never) (?:an? )?(?:certificates? )?(?:has |have |is |are )?(?:expired|revoked|untrusted|invalid|unknown|bad)\b[^:;,]*",
    r"\b(?:no|0|zero) \x22[^\x22]* [^\x22]*\x22 (?:error|failure|message|problem)s?\b",
    // Counts of nothing.
    r"(?:[\w-]+ )*(?:errors|failures|problems|issues|mismatches|timeouts|resets|violations|refusals)(?: in [\w ]+)?\s?[:=]\s?0\b",
    // A certificate of the speaker's own is made, now or when it is needed.
    r"\b(?:generat|creat)(?:e|ed|ing) (?:(?:an?|the|new|own|its|temporary|local|default) )*self[ -]signed\b[^:;,]*",
    r"\b(?:generat|creat)(?:e|ed|ing) (?:[a-z]+ )*with an? self[ -]signed certificate\b[^:;,]*",
    // What is missing is made.
    r"\b(?:not found|missing|does not exist), (?:it )?(?:will be|is being|is) (?:auto[ -]?)?(?:generat|creat)\w*[^:;]*",
    // What tests wait for.
    r"\b(?:got )?(?:an )?expected (?:error|failure|exception)\b.*",
    r"\b(?:error|failure|exception) as (?:wanted|expected)\b.*",
];

/// The last error of what works by now.
const BEFORE: &str = r"\((?:last|previous|prior|initial|first|earlier) err(?:or)?\b[^)]*\)";

fn compiled(pattern: &str) -> Regex {
    // Constants that the tests below exercise.
    Regex::new(&format!("(?i-u){pattern}")).expect("the clauses are a valid expression")
}

/// The message without such clauses, if it has any.
pub(super) fn told(message: &[u8]) -> Option<Cow<'_, [u8]>> {
    static CELL: OnceLock<Regex> = OnceLock::new();
    static BEFORE_CELL: OnceLock<Regex> = OnceLock::new();
    let clauses = CELL.get_or_init(|| compiled(&format!("(?:{})", CLAUSES.join("|"))));
    let before = BEFORE_CELL.get_or_init(|| compiled(BEFORE));
    let mut text = clauses.replace_all(message, |found: &Captures<'_>| -> Vec<u8> {
        // What failed is told, whatever it was that was tried; so is OpenSSL's verdict on a chain.
        let clause = found.get(0).map_or(&b""[..], |clause| clause.as_bytes());
        let holds = |word: &[u8]| memchr::memmem::find(clause, word).is_some();
        if clause.ends_with(b"failed") || holds(b" failed ") || holds(b" in certificate chain") {
            clause.to_vec()
        } else {
            b" ".to_vec()
        }
    });
    if let Some(found) = before.find(&text)
        && super::over::is_told(&text[..found.start()])
    {
        let kept = [&text[..found.start()], &text[found.end()..]].concat();
        text = Cow::Owned(kept);
    }
    matches!(text, Cow::Owned(_)).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn left(message: &str) -> String {
        let text = told(message.as_bytes()).unwrap_or(Cow::Borrowed(message.as_bytes()));
        String::from_utf8_lossy(&text).trim().to_owned()
    }

    #[test]
    fn what_is_only_thought_of_is_left_out() {
        for (message, wanted) in [
            ("retrying in 1s if the certificate has expired", "retrying in 1s"),
            ("failed to check whether it expired: x509: unknown", "failed to check  : x509: unknown"),
            ("no TLS errors detected", "detected"),
            ("indexed how to fix certificate verify errors", "indexed"),
            ("tidy of expired certificates completed", ""),
            (
                "generated a new self-signed certificate: dial redis: connection refused",
                ": dial redis: connection refused",
            ),
            ("No \"connection refused\" errors in the last 24h", "in the last 24h"),
            ("0 expired, 0 invalid", ","),
            ("End of the stream. Possible authentication failure.", "End of the stream ."),
            ("TLS handshake failures: 0", ""),
            ("handshake failures in the last hour: 0", ""),
            ("Next check for expired certificates at 10:00", "Next  :00"),
            ("will retry on connection refused, reset", ""),
            ("connected after 2 retries (last error: connection refused)", "connected after 2 retries"),
            (
                "gave up after 2 retries (last error: refused)",
                "gave up after 2 retries (last error: refused)",
            ),
        ] {
            assert_eq!(left(message), wanted, "{message}");
        }
        for message in [
            "x509: certificate has expired or is not yet valid",
            "no shared cipher",
            "do not know how to verify it: certificate has expired",
            "creating a self-signed certificate in certificate chain",
            "creating session: self-signed certificate",
            "no required SSL certificate was sent",
            "SSL_connect returned=1 errno=0 state=error: certificate verify failed",
            "SSL handshake failed, will retry in 5s: connection refused",
            "TLS handshake failures: 3",
            "no \"ssl_certificate\" is defined for the \"listen\" directive",
            "certificate check for host a failed",
            "Client.Timeout exceeded while waiting for connection",
        ] {
            assert_eq!(left(message), message);
        }
    }
}
