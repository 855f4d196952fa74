//! Secrets are taken out before anything is written: those that are known by value, and what looks like one.

use std::collections::BTreeSet;

#[cfg(feature = "kubernetes")]
use serde_json::Value;
use tls_verify_core::redaction::redact;

/// How a value that was taken out is written; whoever reads it back judges it not.
pub(super) const REMOVED: &str = tls_verify_checks::platform::bundle::REMOVED;
/// A shorter word is in every second line.
const SHORTEST: usize = 6;

/// What is known to be secret.
#[derive(Default)]
pub(super) struct Cleaner {
    known: BTreeSet<String>,
}

impl Cleaner {
    /// A value that may stand nowhere.
    pub(super) fn hide(&mut self, value: &str) {
        let value = value.trim();
        if value.len() >= SHORTEST {
            self.known.insert(value.to_owned());
        }
    }

    /// A text without secrets.
    pub(super) fn text(&self, text: &str) -> String {
        let mut shown = redact(text);
        // A longer one may hold a shorter one.
        let mut known: Vec<&String> = self.known.iter().collect();
        known.sort_by_key(|one| std::cmp::Reverse(one.len()));
        for secret in known {
            if shown.contains(secret.as_str()) {
                shown = shown.replace(secret.as_str(), "***");
            }
        }
        String::from_utf8_lossy(&crate::output::masked(shown.into_bytes())).into_owned()
    }

    /// An object of a cluster without secrets.
    #[cfg(feature = "kubernetes")]
    pub(super) fn object(&self, value: &mut Value) {
        match value {
            Value::String(text) => *text = without_passwords(&self.text(text)),
            Value::Array(items) => {
                items.iter_mut().for_each(|item| self.object(item));
                // The word behind an option.
                for at in 1..items.len() {
                    if items[at - 1].as_str().is_some_and(is_option_of_a_secret)
                        && items[at].as_str().is_some_and(|word| !word.starts_with(['/', '$', '-']))
                    {
                        items[at] = REMOVED.into();
                    }
                }
            }
            Value::Object(fields) => {
                let secret = fields.get("name").and_then(Value::as_str).is_some_and(is_secret_name);
                if secret && fields.get("value").and_then(Value::as_str).is_some_and(|one| !is_no_secret(one))
                {
                    fields.insert("value".to_owned(), REMOVED.into());
                }
                for (key, inner) in fields.iter_mut() {
                    if is_secret_name(key) && inner.as_str().is_some_and(|text| !is_no_secret(text)) {
                        *inner = REMOVED.into();
                    } else {
                        self.object(inner);
                    }
                }
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }
}

/// Whether a variable or key of this name holds a secret.
pub(super) fn is_secret_name(name: &str) -> bool {
    const WORDS: [&str; 9] = [
        "PASSWORD",
        "PASSWD",
        "SECRET",
        "TOKEN",
        "API_KEY",
        "APIKEY",
        "CREDENTIAL",
        "PRIVATE_KEY",
        "ENCRYPTION_KEY",
    ];
    const OTHERS: [&str; 5] =
        ["secretName", "secretKeyRef", "secretRef", "secret", "automountServiceAccountToken"];
    let upper = name.to_ascii_uppercase().replace(['-', '.'], "_");
    !OTHERS.contains(&name) && WORDS.iter().any(|word| upper.contains(word))
}

/// A path, a reference and a truth are no secret.
#[cfg(feature = "kubernetes")]
fn is_no_secret(value: &str) -> bool {
    value.is_empty() || value.starts_with(['/', '$']) || matches!(value, "true" | "false" | REMOVED)
}

pub(super) fn is_option_of_a_secret(word: &str) -> bool {
    word.starts_with("--")
        && !word.contains('=')
        && matches!(word, "--requirepass" | "--masterauth" | "--pass" | "--auth" | "--user-pass")
        || (word.starts_with("--") && !word.contains(['=', ' ']) && is_secret_name(word))
        || word == "-a"
}

/// Redis' and NATS' directives that hold a password, line by line.
pub(super) fn without_passwords(text: &str) -> String {
    const NAMES: [&str; 6] = ["requirepass", "masterauth", "password", "pass", "token", "sentinel auth-pass"];
    let line = |line: &str| {
        let begin = line.trim_start();
        let name = NAMES.iter().find(|name| {
            begin.strip_prefix(**name).is_some_and(|rest| rest.starts_with([' ', ':', '=', '\t']))
        });
        match name {
            Some(name) => {
                let rest = begin[name.len()..].trim_start_matches([' ', ':', '=', '\t', '"', '\'']);
                if rest.starts_with('$') || rest.is_empty() {
                    line.to_owned()
                } else {
                    format!("{}{REMOVED}", &line[..line.len() - rest.len()])
                }
            }
            None => line.to_owned(),
        }
    };
    text.split('\n').map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(all(test, feature = "kubernetes"))]
mod tests {
    use super::*;

    #[test]
    fn canaries_are_in_no_object() {
        let mut cleaner = Cleaner::default();
        cleaner.hide("canary-known");
        let mut object = serde_json::json!({
            "env": [{"name": "REDIS_PASSWORD", "value": "canary-1"}, {"name": "REDIS_URL", "value": "rediss://u:canary-2@redis:6379"},
                {"name": "NATS_URL", "value": "tls://nats:4222"}, {"name": "TOKEN_FILE", "value": "/run/token"}],
            "args": ["redis-server", "--requirepass", "canary-3", "--port", "0"],
            "data": {"redis.conf": "port 0\nrequirepass canary-4\n", "nats.conf": "authorization {\n  token: \"canary-5\"\n}\n",
                "key.pem": "-----BEGIN PRIVATE KEY-----\ncanary-6\n-----END PRIVATE KEY-----\n", "api-key": "canary-7"},
            "said": "the word canary-known was used"});
        cleaner.object(&mut object);
        let text = object.to_string();
        assert!(!text.contains("canary"), "{text}");
        for kept in ["tls://nats:4222", "/run/token", "port 0", "rediss://", "redis:6379"] {
            assert!(text.contains(kept), "{kept}: {text}");
        }
    }
}
