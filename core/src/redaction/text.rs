//! Secrets are masked before any line is shown.

use std::borrow::Cow;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::Regex;

/// What a text holds that a rule changes, in the order of the rules: their own literals, and the letters
/// that are an `s` or a `k` to a rule that does not look at case.
const MARKS: [&[&str]; 6] = [
    &["://"],
    &["bearer", "basic", "\u{17f}", "\u{212a}"],
    &["eyj"],
    &["api key (default", "\u{17f}", "\u{212a}"],
    &[
        "password",
        "passwd",
        "requirepass",
        "secret",
        "token",
        "apikey",
        "api_key",
        "api-key",
        "credential",
        "\u{17f}",
        "\u{212a}",
    ],
    &["private key-----"],
];

/// Which rules may find something.
fn marked(text: &str) -> [bool; MARKS.len()] {
    static CELL: OnceLock<(AhoCorasick, Vec<usize>)> = OnceLock::new();
    let (searcher, rules) = CELL.get_or_init(|| {
        let marks =
            MARKS.iter().enumerate().flat_map(|(rule, marks)| marks.iter().map(move |mark| (rule, *mark)));
        let (rules, marks): (Vec<usize>, Vec<&str>) = marks.unzip();
        let searcher = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .build(marks)
            // Constants, a dozen short ones.
            .expect("the marks build");
        (searcher, rules)
    });
    let mut may = [false; MARKS.len()];
    for hit in searcher.find_overlapping_iter(text) {
        may[rules[hit.pattern().as_usize()]] = true;
    }
    may
}

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
pub(super) fn redact(text: &str) -> String {
    let mut shown = Cow::Borrowed(text);
    let marked = marked(text);
    for ((rule, with), _) in rules().iter().zip(marked).filter(|(_, marked)| *marked) {
        if let Cow::Owned(masked) = rule.replace_all(&shown, *with) {
            shown = Cow::Owned(masked);
        }
    }
    shown.into_owned()
}

#[cfg(test)]
mod tests {
    use super::{redact, rules};

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

    /// The rules without the look at the marks.
    fn all_rules(text: &str) -> String {
        rules().iter().fold(text.to_owned(), |text, (rule, with)| rule.replace_all(&text, *with).into_owned())
    }

    #[test]
    fn no_rule_is_passed_over() {
        let parts = [
            "://",
            "u@",
            "redis",
            "Bearer ",
            "basic  ",
            "eyJabcdefgh.",
            "abc",
            "API KEY (DEFAULT ",
            "\"x\"",
            "PassWord",
            "passwd",
            "requirepass",
            "SECRET",
            "token",
            "api_key",
            "apikey",
            "X-API-Key",
            "credentials",
            "=",
            ": ",
            "\u{212a}ey",
            "to\u{212a}en",
            "\u{17f}ecret",
            "\u{17f}",
            "-----BEGIN RSA PRIVATE KEY-----",
            "\n",
        ];
        let mut seed = 7_u32;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..6 {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                text.push_str(parts[(seed >> 8) as usize % parts.len()]);
            }
            assert_eq!(redact(&text), all_rules(&text), "{text}");
        }
    }

    #[test]
    fn harmless_text_is_left_alone() {
        let text = "dial tcp: lookup redis on 127.0.0.11:53: no such host";
        assert_eq!(redact(text), text);
    }
}
