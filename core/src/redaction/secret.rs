//! A text that must not be seen: it has no `Display`, no `Serialize`, and its `Debug` says nothing. What
//! became a secret in this process is masked in everything it writes, whoever sends it back to us.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// A password, token or API key.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps `text` from being printed by accident.
    #[must_use]
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        remember(&text);
        Self(text)
    }

    /// The text itself, for the wire only.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(redacted)")
    }
}

/// What stands in a secret's place.
pub const MASK: &str = "(redacted)";

/// Secrets of this process, in every spelling that a report may give them.
static KNOWN: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// A shorter one is an ordinary word (`redis`, `secret`): masking it wherever it stands would take the
/// report apart. Those are masked by what stands around them alone (`password=`, user information).
const SHORTEST: usize = 8;

/// All but what user information of a URL may hold as it is (RFC 3986, 2.3).
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Masks `text` from now on.
pub fn remember(text: &str) {
    if text.len() < SHORTEST {
        return;
    }
    let json = serde_json::Value::from(text).to_string();
    let spellings = [
        text.to_owned(),
        json[1..json.len() - 1].to_owned(),
        text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;"),
        text.replace('%', "%25"),
        text.escape_debug().to_string(),
        utf8_percent_encode(text, RESERVED).to_string(),
    ];
    // As it stands in a Secret, in a WebSocket's protocol, behind `Basic`.
    let encoded = [text.to_owned(), format!("{text}\n"), format!(":{text}"), format!("default:{text}")]
        .into_iter()
        .flat_map(|text| {
            [STANDARD.encode(&text), STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)]
        });
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    for spelling in spellings.into_iter().chain(encoded) {
        if !known.contains(&spelling) {
            known.push(spelling);
        }
    }
    // The longest first: one may be a part of another.
    known.sort_by_key(|one| std::cmp::Reverse(one.len()));
}

/// The text with every known secret masked that stands as a word of its own.
#[must_use]
pub fn mask(text: &str) -> Cow<'_, str> {
    let mut shown = Cow::Borrowed(text);
    for secret in KNOWN.lock().unwrap_or_else(PoisonError::into_inner).iter() {
        if shown.contains(secret.as_str()) {
            shown = Cow::Owned(without(&shown, secret));
        }
    }
    shown
}

fn without(text: &str, secret: &str) -> String {
    let word = |one: Option<char>| one.is_some_and(|one| one.is_alphanumeric() || one == '_' || one == '-');
    let mut shown = String::with_capacity(text.len());
    let mut from = 0;
    for (at, _) in text.match_indices(secret) {
        let end = at + secret.len();
        // A password that is also a part of a name (`cordum-dev` in `cordum-dev-redis-1`) is no secret there.
        let inside = word(text[..at].chars().next_back()) || word(text[end..].chars().next());
        shown.push_str(&text[from..at]);
        shown.push_str(if inside { secret } else { MASK });
        from = end;
    }
    shown.push_str(&text[from..]);
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_masked_in_every_spelling_and_only_as_a_word() {
        let _ = Secret::new("hunter-2-\"q\"&%");
        let _ = Secret::new("short");
        assert_eq!(mask("a=hunter-2-\"q\"&%, short"), "a=(redacted), short");
        assert_eq!(mask("{\"a\":\"hunter-2-\\\"q\\\"&%\"}"), "{\"a\":\"(redacted)\"}");
        assert_eq!(mask("<a>hunter-2-&quot;q&quot;&amp;%</a>"), "<a>(redacted)</a>");
        for encoded in
            ["aHVudGVyLTItInEiJiU=", "aHVudGVyLTItInEiJiU", "Omh1bnRlci0yLSJxIiYl", "hunter-2-%22q%22%26%25"]
        {
            assert_eq!(mask(&format!("x {encoded} y")), "x (redacted) y", "{encoded}");
        }
        let _ = Secret::new("cordum-dev-word");
        assert_eq!(mask("cordum-dev-word-redis-1 cordum-dev-word."), "cordum-dev-word-redis-1 (redacted).");
    }

    #[test]
    fn debug_says_nothing() {
        assert_eq!(format!("{:?}", Secret::new("something long")), "(redacted)");
    }
}
