//! Who tells of a text that somebody wrote (`ticket 7 saved because …`, `stored article on …`) names it: what it says is
//! the text's, whatever links it names. And such a text as a value that is not in quotes.

use super::hearsay::{is_word, names_link};
use super::quotes::tells_of_failure;

/// Kinds of texts that people write.
const TEXTS: &[&str] = &[
    "ticket",
    "note",
    "comment",
    "chat",
    "reply",
    "question",
    "prompt",
    "article",
    "headline",
    "story",
    "faq",
    "feedback",
    "review",
    "memo",
    "letter",
    "transcript",
    "snippet",
    "document",
    "bookmark",
    "draft",
];
/// Such that a program has too, of another kind: only what was done with it tells.
const PERHAPS: &[&str] = &["issue", "post", "task", "page", "card", "thread", "topic", "alert"];

/// What is done with texts.
const HANDLED: &[&str] = &[
    "saved",
    "stored",
    "filed",
    "created",
    "added",
    "posted",
    "published",
    "archived",
    "indexed",
    "imported",
    "opened",
    "reopened",
    "updated",
    "closed",
    "assigned",
    "approved",
    "edited",
    "renamed",
    "tagged",
    "translated",
    "submitted",
    "answered",
    "embedded",
];

/// What joins a text to whom or what it is of.
const OF: &[&str] = &["about", "by", "for", "from", "on", "regarding"];
/// Words between a text and what was done with it.
const BETWEEN: &[&str] = &["was", "is", "has", "been", "no", "id", "with"];
/// Behind these stands what the text says.
const SAYS: &[&str] = &[
    "about",
    "regarding",
    "on",
    "wrote",
    "writes",
    "said",
    "says",
    "asked",
    "asks",
    "text",
    "title",
    "titled",
    "subject",
    "note",
    "content",
];
/// Behind these stands why it was done.
const WHY: &[&str] = &["because", "after", "when", "since", "but", "while", "as"];

/// A token as a word, and whether a colon follows it.
fn word(token: &str) -> (&str, bool) {
    let bare = token.trim_end_matches([',', ':']);
    (bare, token.ends_with(':'))
}

/// The message tells what was done with a text, or whose and about what it is; `informs`: its record says that it only
/// informs, else only what was done tells.
pub(super) fn is_text(message: &[u8], informs: bool) -> bool {
    let lower = String::from_utf8_lossy(&message[..message.len().min(240)]).to_ascii_lowercase();
    let tokens: Vec<(&str, bool)> = lower
        .split_ascii_whitespace()
        // A logger, a thread, a place in the source stand before it.
        .skip_while(|token| !is_word(word(token).0.as_bytes()) || token.ends_with("::") || *token == "---")
        .filter(|token| !matches!(*token, "a" | "an" | "the" | "new"))
        .map(word)
        .collect();
    let Some((first, colon)) = tokens.first().copied() else { return false };
    if colon {
        return false;
    }
    let sure = TEXTS.contains(&first);
    let from = if sure || PERHAPS.contains(&first) {
        // Behind its number and the like.
        let next =
            tokens.iter().enumerate().skip(1).take(5).find(|(_, (one, _))| {
                is_word(one.as_bytes()) && !BETWEEN.contains(one) && !TEXTS.contains(one)
            });
        match next {
            Some((at, (one, _))) if HANDLED.contains(one) => at,
            Some((at, (one, _))) if informs && OF.contains(one) && (sure || *one == "about") => at,
            _ => return false,
        }
    } else if HANDLED.contains(&first) {
        let Some((one, _)) = tokens.get(1) else { return false };
        if !TEXTS.contains(one) && !PERHAPS.contains(one) {
            return false;
        }
        // Its name follows, but for a reason.
        if !tokens.iter().skip(2).take(2).any(|(one, _)| WHY.contains(one)) {
            return true;
        }
        1
    } else {
        return false;
    };
    let told = &tokens[from..];
    let end = told
        .iter()
        .position(|(one, colon)| *colon || SAYS.contains(one))
        .map_or(told.len(), |at| if told[at].1 { at + 1 } else { at });
    let head: Vec<&str> = told[..end].iter().map(|(one, _)| *one).collect();
    !tells_of_failure(head.join(" ").as_bytes())
}

/// Names of values that are somebody's text.
const SOMEBODYS: &[&[u8]] = &[
    b"prompt",
    b"question",
    b"title",
    b"headline",
    b"query",
    b"text",
    b"comment",
    b"completion",
    b"caption",
];
/// Names of values that are so where nothing went wrong.
const PERHAPS_SOMEBODYS: &[&[u8]] =
    &[b"message", b"msg", b"body", b"content", b"summary", b"subject", b"note", b"answer", b"reply"];

/// A message without the values that are somebody's text and not in quotes: each goes on to the next `key=`.
pub(super) fn without_texts(message: &[u8]) -> Option<Vec<u8>> {
    let (mut text, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(sign) = memchr::memchr(b'=', &message[at..]).map(|next| at + next) {
        at = sign + 1;
        let start = key_before(message, sign);
        let key = message[start..sign].to_ascii_lowercase();
        let name = key.rsplit(|byte| matches!(byte, b'_' | b'.')).next().unwrap_or_default();
        let rest = &message[at..];
        // In quotes it ends with them; a name of X.509's is none of people.
        let opens = rest.first().is_none_or(|first| !first.is_ascii_alphanumeric());
        let named = start == 0 || message[start - 1] == b' ';
        let is_text = SOMEBODYS.contains(&name)
            || (PERHAPS_SOMEBODYS.contains(&name) && is_of_no_link(&message[from..start]));
        if opens || !named || !is_text {
            continue;
        }
        let next = next_key(rest);
        // A distinguished name: `subject=CN=a`.
        if next == Some(0) {
            continue;
        }
        let end = next.map_or(message.len(), |length| at + length);
        text.extend_from_slice(&message[from..at]);
        (from, at) = (end, end);
    }
    (from > 0).then(|| [&text[..], &message[from..]].concat())
}

/// What was said tells of neither a failure nor a link.
fn is_of_no_link(head: &[u8]) -> bool {
    let words: Vec<String> = head
        .split(|byte| matches!(byte, b' ' | b'\t' | b','))
        .map(|token| token.strip_suffix(b":").unwrap_or(token))
        .filter(|token| is_word(token))
        .map(|token| String::from_utf8_lossy(token).to_ascii_lowercase())
        .collect();
    words.len() > 1 && !tells_of_failure(head) && !words.iter().any(|word| names_link(word))
}

fn is_of_key(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-')
}

/// Where the key before a sign begins.
fn key_before(message: &[u8], sign: usize) -> usize {
    message[..sign].iter().rposition(|byte| !is_of_key(*byte)).map_or(0, |last| last + 1)
}

/// Where the next `key=` begins, with the blank before it; 0: at the front.
fn next_key(text: &[u8]) -> Option<usize> {
    memchr::memchr_iter(b'=', text).find_map(|sign| {
        let start = key_before(text, sign);
        let named = start < sign && text[start].is_ascii_alphabetic();
        match start.checked_sub(1) {
            None => named.then_some(0),
            Some(before) => (named && text[before] == b' ').then_some(before),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_done_with_a_text_tells_that_it_is_one() {
        for message in [
            "c.e.Store - Ticket 7 saved because customer wrote PKIX path building failed",
            "note about certificate has expired was filed",
            "chat reply for: bad_certificate",
            "comment by worker 7 on remote host: tls: bad certificate",
            "Saved ticket 7 with text SSLHandshakeException: bad",
            "stored article on invalid peer certificate: UnknownIssuer",
            "issue #12 opened: x509: certificate has expired",
        ] {
            assert!(is_text(message.as_bytes(), true), "{message}");
        }
        for message in [
            "ticket key rotation failed: x509: certificate has expired",
            "ticket closed because sync failed: x509: certificate has expired",
            "created ticket because connect failed: x509: certificate has expired",
            "note: x509: certificate has expired",
            "Post \"https://a\": x509: certificate has expired",
            "post to a failed: x509: certificate has expired",
            "issue on redis: x509: certificate has expired",
            "created client: x509: certificate has expired",
            "x509: certificate has expired",
            "",
        ] {
            assert!(!is_text(message.as_bytes(), true), "{message}");
        }
        assert!(is_text(b"note saved: certificate has expired", false));
        assert!(!is_text(b"note about certificate has expired", false));
    }

    #[test]
    fn a_text_goes_on_to_the_next_value() {
        for (message, wanted) in [
            ("job received id=7 prompt=x509: a b tenant=c d", Some("job received id=7 prompt= tenant=c d")),
            ("user_prompt=x509: a", Some("user_prompt=")),
            ("job received id=7 message=x509: a", Some("job received id=7 message=")),
            ("connect failed message=x509: a", None),
            ("redis client message=x509: a", None),
            ("message=x509: a", None),
            ("prompt=\"x509: a\" b", None),
            ("verify title=CN=a: expired", None),
            ("a?title=b: expired", None),
        ] {
            let left = without_texts(message.as_bytes());
            assert_eq!(left.as_deref().map(String::from_utf8_lossy).as_deref(), wanted, "{message}");
        }
    }
}
