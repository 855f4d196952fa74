//! Secrets are masked before any line is shown.

use std::borrow::Cow;
use std::sync::OnceLock;

use regex::Regex;

fn rules() -> &'static [(Regex, &'static str)] {
    static RULES: OnceLock<Vec<(Regex, &'static str)>> = OnceLock::new();
    RULES.get_or_init(|| {
        [
            // User information of a URL.
            (r"(?i)\b([a-z][a-z0-9+.-]*://)[^\s/@]+@", "${1}(redacted)@"),
            (r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}", "${1} (redacted)"),
            (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+", "(redacted)"),
            // cordumctl's usage text prints the key as a default.
            (r#"(?i)(api key \(default )"[^"]*""#, "${1}\"(redacted)\""),
            (
                r#"(?i)\b([a-z0-9_.-]*(?:password|passwd|requirepass|secret|token|api[_-]?key|x-api-key|credential)[a-z0-9_]*)(["']?\s*[=:]\s*)("[^"]*"|'[^']*'|[^\s,;&}]+)"#,
                "${1}${2}(redacted)",
            ),
            (r"(?s)-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\z)", "(redacted private key)"),
        ]
        .into_iter()
        // Constants that the tests below exercise.
        .map(|(pattern, with)| (Regex::new(pattern).expect("the rule is a valid expression"), with))
        .collect()
    })
}

/// The text with user information, passwords, tokens, keys masked.
#[must_use]
pub fn redact(text: &str) -> String {
    let mut shown = Cow::Borrowed(text);
    for (rule, with) in rules() {
        if let Cow::Owned(masked) = rule.replace_all(&shown, *with) {
            shown = Cow::Owned(masked);
        }
    }
    shown.into_owned()
}

#[cfg(test)]
mod tests {
    use super::redact;

    #[test]
    fn no_canary_survives() {
        for text in [
            "context engine listening addr=:50070 redis=rediss://:CANARY@redis:6379",
            "connect nats tls://user:CANARY@nats:4222: EOF",
            "X-API-Key: CANARY",
            "  -api-key string  api key (default \"CANARY\")",
            "Authorization: Bearer CANARYCANARY",
            "REDIS_PASSWORD=CANARY other=1",
            "{\"token\":\"CANARY\"}",
            "-----BEGIN PRIVATE KEY-----\nCANARY\n-----END PRIVATE KEY-----",
        ] {
            assert!(!redact(text).contains("CANARY"), "{}", redact(text));
        }
    }

    #[test]
    fn harmless_text_is_left_alone() {
        let text = "dial tcp: lookup redis on 127.0.0.11:53: no such host";
        assert_eq!(redact(text), text);
    }
}
