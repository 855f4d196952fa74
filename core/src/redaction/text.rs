//! Secrets are masked before any line is shown.

use std::borrow::Cow;
use std::sync::OnceLock;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use regex::{Captures, Regex};

/// The letters that are an `s` or a `k` to a rule that does not look at case.
const LONG_S: &str = "\u{17f}";
const KELVIN: &str = "\u{212a}";

/// What a text holds that a rule changes, in the order of the rules.
const MARKS: &[&[&str]] = &[
    &["://"],
    &["bearer", "basic", LONG_S, KELVIN],
    &["eyj"],
    &["api key (default", LONG_S, KELVIN],
    &["cookie", LONG_S, KELVIN],
    &["session", LONG_S],
    &["session-"],
    &["cordum-api-key."],
    &["redis-cli", LONG_S],
    &["curl", "login"],
    &["auth"],
    &["pass", "requirepass", "masterauth", "secret", "token", "key", LONG_S, KELVIN],
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
        "passphrase",
        "pwd",
        LONG_S,
        KELVIN,
    ],
    &["pass", "pw", "psk", "rediscli_auth", LONG_S, KELVIN],
    &["SO", "SA", "SU", "SN", "SC", "SX"],
    &["-----begin"],
    &[
        "ghp_",
        "gho_",
        "ghu_",
        "ghs_",
        "ghr_",
        "github_pat_",
        "glpat-",
        "xox",
        "akia",
        "hvs.",
        "sk-",
        LONG_S,
        KELVIN,
    ],
    &["key=", "sig=", "signature=", LONG_S, KELVIN],
];

const RULES: usize = MARKS.len();

/// Which rules may find something.
fn marked(text: &str) -> [bool; RULES] {
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
    let mut may = [false; RULES];
    for hit in searcher.find_overlapping_iter(text) {
        may[rules[hit.pattern().as_usize()]] = true;
    }
    may
}

/// What stands in the place of what a rule finds.
#[derive(Clone, Copy)]
enum With {
    Template(&'static str),
    Word(fn(&Captures<'_>) -> String),
}

/// A value: in quotes, or a word.
macro_rules! value {
    () => {
        r#"("[^"]*"|'[^']*'|[^\s,;&}]+)"#
    };
}

fn rules() -> &'static [(Regex, With)] {
    static CELL: OnceLock<Vec<(Regex, With)>> = OnceLock::new();
    CELL.get_or_init(|| {
        let rules: [(&str, With); RULES] = [
            (r#"(?i)\b([a-z][a-z0-9+.-]*://)([^\s"'<>,]*)@"#, With::Word(user_information)),
            (r"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{6,}", With::Template("${1} (redacted)")),
            // JSON Web Tokens, NATS' among them.
            (r"\beyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_.-]+", With::Template("(redacted)")),
            // cordumctl's usage text prints the key as a default.
            (r#"(?i)(api key \(default )"[^"]*""#, With::Template("${1}\"(redacted)\"")),
            (r#"(?i)\b((?:set-)?cookie["']?\s*[:=]\s*["']?)[^"'\r\n]+"#, With::Template("${1}(redacted)")),
            (r#"(?i)\b([a-z0-9_.-]*session(?:[_-]?(?:id|token|key))?)=([^\s;,&"']{8,})"#, With::Template("${1}=(redacted)")),
            // The gateway's session tokens.
            (r"\bsession-[A-Za-z0-9_.-]{12,}", With::Template("session-(redacted)")),
            // The key as a WebSocket's protocol.
            (r"\b(cordum-api-key\.)[A-Za-z0-9+/_=-]+", With::Template("${1}(redacted)")),
            (
                concat!(r"(?i)\b(redis-cli\b[^\n|;&]*?\s(?:-a|--pass|--password)(?:\s+|=))", value!()),
                With::Template("${1}(redacted)"),
            ),
            (
                concat!(r"(?i)\b((?:curl\b[^\n|;&]*?\s(?:-u|--user|--proxy-user)|login\b[^\n|;&]*?\s-p\s)(?:\s*|=))", value!()),
                With::Template("${1}(redacted)"),
            ),
            (
                r#"((?:\b|\\n)AUTH["']?(?:\s+|\\r\\n\$\d+\\r\\n|\r\n\$\d+\r\n)["']?)([^\s"'\\]+)((?:["']?\s+["']?|\\r\\n\$\d+\\r\\n|\r\n\$\d+\r\n)[^\s"'\\]+)?(["'`;|&\\)\r\n]|\s+SETNAME\b|\s*$)"#,
                With::Word(login),
            ),
            (
                concat!(
                    r"(?i)((?:^|\s)--?(?:pass|passin|passout|password|passphrase|requirepass|masterauth|secret|token|api-?key)\s+|\b(?:requirepass|masterauth)\s+)",
                    value!()
                ),
                With::Word(argument),
            ),
            (
                concat!(
                    r#"(?i)(^|[^a-z0-9_.\\-])([a-z0-9_.-]*(?:password|passwd|requirepass|secret|token|api[_-]?key|x-api-key|credential|passphrase|pwd)[a-z0-9_]*)(["']?\s*[=:]\s*)"#,
                    value!()
                ),
                With::Word(named),
            ),
            (
                concat!(r#"(?i)(^|[^a-z0-9_.\\-])((?:[a-z0-9_.-]*[_.-])?(?:pass|pw|psk|rediscli_auth))(["']?\s*=\s*|["']?:\s*["']|["']?:[ \t]+)"#, r#"([^\s,;&}"']+)"#),
                With::Word(named),
            ),
            // NATS' nkey seeds.
            (r"\bS[OAUNCX][A-Z2-7]{56}\b", With::Template("(redacted)")),
            (
                r"(?s)-----BEGIN [A-Z ]*(?:PRIVATE KEY|NKEY SEED|JWT)-----.*?(?:-----END [A-Z ]*(?:PRIVATE KEY|NKEY SEED|JWT)-----|------END [A-Z ]*(?:NKEY SEED|JWT)------|\z)",
                With::Template("(redacted private key)"),
            ),
            // Tokens that say whose they are: GitHub's, GitLab's, Slack's, Amazon's, Vault's.
            (
                r"\b(?:gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}|xox[abprs]-[A-Za-z0-9-]{10,}|AKIA[A-Z0-9]{16}|hvs\.[A-Za-z0-9_-]{20,}|sk-[A-Za-z0-9_-]{20,})",
                With::Template("(redacted)"),
            ),
            (r#"(?i)([?&](?:access_?key|key|sig|signature)=)[^&\s"'<>]+"#, With::Template("${1}(redacted)")),
        ];
        rules
            .into_iter()
            // Constants that the tests below exercise.
            .map(|(pattern, with)| (Regex::new(pattern).expect("the rule is a valid expression"), with))
            .collect()
    })
}

/// User information of a URL, slashes in it too. What follows a port is a path.
fn user_information(found: &Captures<'_>) -> String {
    let (scheme, user) = (&found[1], &found[2]);
    let (host, path) = user.split_once('/').map_or((user, None), |(host, path)| (host, Some(path)));
    let port = host.rsplit_once(':').map_or("", |(_, port)| port);
    let web = scheme.eq_ignore_ascii_case("http://") || scheme.eq_ignore_ascii_case("https://");
    let is_port = !port.is_empty() && port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    // `https://host/@scope` and `https://host:8443/x@y` name nobody.
    if user.is_empty() || (web && path.is_some() && (!host.contains(':') || is_port)) {
        return found[0].to_owned();
    }
    format!("{scheme}(redacted)@")
}

/// `AUTH password` and `AUTH user password`, as commands; `AUTH failed` is none.
fn login(found: &Captures<'_>) -> String {
    const SAID: &[&str] = &["failed", "error", "required", "ok", "success", "succeeded", "called", "command"];
    if SAID.iter().any(|word| found[2].trim_end_matches([':', '.', ',']).eq_ignore_ascii_case(word)) {
        return found[0].to_owned();
    }
    format!("{}(redacted){}", &found[1], &found[4])
}

/// The word behind an option.
fn argument(found: &Captures<'_>) -> String {
    const SAID: &[&str] =
        &["is", "and", "or", "in", "of", "not", "are", "was", "has", "to", "for", "with", "must"];
    if SAID.contains(&&found[2]) || found[2].starts_with('-') || &found[2] == "(redacted)" {
        return found[0].to_owned();
    }
    format!("{}(redacted)", &found[1])
}

/// `password=…`, `"token": "…"`. A file that is called so, before what happened to it, is none.
fn named(found: &Captures<'_>) -> String {
    const SAID: &[&str] = &[
        "permission",
        "no",
        "not",
        "is",
        "open",
        "file",
        "cannot",
        "failed",
        "unable",
        "does",
        "must",
        "missing",
        "invalid",
        "expired",
        "incorrect",
        "wrong",
        "required",
        "too",
    ];
    let (before, key, sign, value) = (&found[1], &found[2], &found[3], &found[4]);
    let happened =
        sign.starts_with(':') && sign.len() > 1 && SAID.iter().any(|word| value.eq_ignore_ascii_case(word));
    let folder = key.eq_ignore_ascii_case("pwd") || key.eq_ignore_ascii_case("oldpwd");
    let path = matches!(before, "/") && sign.starts_with(':') && sign.ends_with(' ');
    // What tests name or count: `PASS: tls.sh`, `pass: 12`.
    let tests = sign.trim_end() == ":" && (key == "PASS" || (key == "pass" && value.parse::<u8>().is_ok()));
    if happened || path || tests || (folder && value.starts_with('/')) {
        return found[0].to_owned();
    }
    format!("{before}{key}{sign}(redacted)")
}

fn replaced<'a>(text: &'a str, rule: &Regex, with: With) -> Cow<'a, str> {
    match with {
        With::Template(template) => rule.replace_all(text, template),
        With::Word(word) => rule.replace_all(text, word),
    }
}

/// The text with user information, passwords, tokens, keys masked.
#[must_use]
pub(super) fn redact(text: &str) -> String {
    let mut shown = Cow::Borrowed(text);
    let marked = marked(text);
    for ((rule, with), _) in rules().iter().zip(marked).filter(|(_, marked)| *marked) {
        if let Cow::Owned(masked) = replaced(&shown, rule, *with) {
            shown = Cow::Owned(masked);
        }
    }
    shown.into_owned()
}

#[cfg(test)]
mod tests {
    use super::{redact, replaced, rules};

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
            "Cookie: theme=dark; cordum_session=CANARYCANARY; x=1",
            "set-cookie: cordum_session=CANARYCANARY; Path=/",
            "got cordum_session=CANARYCANARY from 10.0.0.7",
            "Authorization: session-CANARYCANARYCANARY",
            "user store: get session-CANARYCANARY1234: redis: nil",
            "Sec-WebSocket-Protocol: cordum-api-key.CANARYCANARY",
            "redis-cli -h redis --tls -a CANARY ping",
            "redis-cli --pass 'CANARY 1' --cacert /ca.crt",
            "curl -k -u admin:CANARY https://host/",
            "curl --user=\"admin:CANARY\" https://host/",
            "docker login -u app -p CANARY registry",
            "REDISCLI_AUTH=CANARY redis-cli ping",
            "openssl pkcs12 -in a.p12 -passin pass:CANARY",
            "1700000000.1 [0 10.0.0.7:4000] \"AUTH\" \"default\" \"CANARY\"",
            "> AUTH CANARY",
            "sent AUTH default CANARY",
            "HELLO 3 AUTH default CANARY SETNAME x",
            "clone with ghp_CANARYCANARYCANARYCANARYCANARY done",
            "https://host/v1?key=CANARY&x=1",
            "  user: app\n  pass: CANARY\n  token: CANARY",
            r"write *2\r\n$4\r\nAUTH\r\n$6\r\nCANARY\r\n",
            "redis-server --tls-port 6379 --requirepass CANARY --appendonly yes",
            "requirepass CANARY",
            "masterauth \"CANARY\"",
            "mysql --password CANARY",
            "Server=db;Uid=app;Pwd=CANARY;",
            "passphrase: CANARY",
            "ssl_key_passphrase=CANARY",
            "db_pass=CANARY host=db",
            "{ user: 'x', pass: 'CANARY' }",
            "redis://:CANARY/CANARY@redis:6379/0",
            "rediss://default:12345/CANARY@redis:6379",
            "nats://a:CANARY@CANARY@h1:4222,nats://c:CANARY@h2:4222",
            "https://user:CANARY/x@host/path",
            "SUACANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARYCANARYC",
            "-----BEGIN USER NKEY SEED-----\nCANARY\n------END USER NKEY SEED------",
            "-----BEGIN NATS USER JWT-----\nCANARY\n------END NATS USER JWT------",
        ] {
            assert!(!redact(text).contains("CANARY"), "{}", redact(text));
        }
    }

    /// The rules without the look at the marks.
    fn all_rules(text: &str) -> String {
        rules().iter().fold(text.to_owned(), |text, (rule, with)| replaced(&text, rule, *with).into_owned())
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
            "requirepass ",
            "SECRET",
            "AUTH ",
            "redis-cli -a ",
            "curl -u ",
            "cookie: ",
            "session=",
            "session-abcdefghijkl",
            "pwd",
            "pass",
            "--pass ",
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
        for text in [
            "dial tcp: lookup redis on 127.0.0.11:53: no such host",
            "open /run/secrets/redis_password: permission denied",
            "stat /etc/app/api_token: no such file or directory",
            "cannot read /run/secrets/db-password: is a directory",
            "PWD=/app OLDPWD=/",
            "Warning: AUTH failed: WRONGPASS invalid username-password pair or user is disabled.",
            "ERR AUTH <password> called without any password configured for the default user",
            "AUTH failed",
            "https://registry.example.com/@scope/package",
            "GET https://host:8443/users/me@example.com",
            "tests: pass: 12, fail: 0, bypass=true",
            "session timeout=30s, session=reused",
            "Session-ID: 3AF1C2",
            "login failed on port -port 5",
            "secret \"cordum-redis-secret\" not found",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
