//! Quoted text in a message: somebody's words that the emitter names or hands on, or its own.

use std::borrow::Cow;

/// Names of things that hold other people's text.
const PASSED_ON: &[&[u8]] = &[
    b"prompt",
    b"policy",
    b"question",
    b"query",
    b"rule",
    b"text",
    b"topic",
    b"input",
    b"example",
    b"comment",
    b"asked",
    b"wrote",
    b"title",
    b"subject",
];

/// Words before a quoted text that is somebody's: the name or the content of a thing, never what went wrong.
const NAMED: &[&[u8]] = &[
    b"to",
    b"as",
    b"named",
    b"called",
    b"titled",
    b"entitled",
    b"labelled",
    b"title",
    b"subject",
    b"description",
    b"comment",
    b"note",
    b"prompt",
    b"question",
    b"summary",
    b"text",
    b"fix",
    b"fixes",
    b"fixed",
];

/// Kinds of things that have a name, which stands in quotes behind them.
const KINDS: &[&[u8]] = &[
    b"role",
    b"job",
    b"relation",
    b"table",
    b"column",
    b"user",
    b"database",
    b"index",
    b"queue",
    b"container",
    b"image",
    b"pod",
    b"rule",
    b"alert",
    b"test",
    b"task",
    b"constraint",
    b"function",
    b"module",
    b"deployment",
    b"check",
    b"configuration",
    b"metric",
    b"dashboard",
];

/// A message without quoted sentences that it names or hands on (`renamed to "…"`, `subject="…"`).
pub(super) fn named(message: &[u8]) -> Cow<'_, [u8]> {
    let mut text: Vec<u8> = Vec::new();
    let mut from = 0;
    let mut at = 0;
    while let Some(open) = memchr::memchr2(b'"', b'\'', &message[at..]).map(|next| at + next) {
        let mark = message[open];
        let Some(end) = memchr::memchr(mark, &message[open + 1..]).map(|next| open + 1 + next) else {
            at = open + 1;
            continue;
        };
        // An apostrophe opens nothing.
        if mark == b'\'' && open.checked_sub(1).is_some_and(|last| message[last].is_ascii_alphanumeric()) {
            at = open + 1;
            continue;
        }
        let before = message[..open].trim_ascii_end();
        let before = before.strip_suffix(b"=").or_else(|| before.strip_suffix(b":")).unwrap_or(before);
        let start = before.iter().rposition(|byte| !byte.is_ascii_alphabetic()).map_or(0, |last| last + 1);
        let word = before[start..].to_ascii_lowercase();
        // A name or an address has no blanks to speak of; an alert in single quotes is TLS' own, as .NET names it.
        let is_sentence = memchr::memchr_iter(b' ', &message[open..end]).count() > 1;
        if (is_sentence && mark == b'"' && NAMED.contains(&word.as_slice()))
            || (KINDS.contains(&word.as_slice()) && (mark == b'"' || word != b"alert"))
        {
            text.extend_from_slice(&message[from..open]);
            text.extend_from_slice(b"\"\"");
            from = end + 1;
        }
        at = end + 1;
    }
    if from == 0 {
        return Cow::Borrowed(message);
    }
    text.extend_from_slice(&message[from..]);
    Cow::Owned(text)
}

/// A message without what it quotes; a status' description is the emitter's own all the same.
pub(super) fn unquoted(message: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(message.len());
    let (mut from, mut at) = (0, 0);
    while let Some(open) =
        message[at..].iter().position(|byte| matches!(byte, b'"' | b'`' | b'\'')).map(|next| at + next)
    {
        let mark = message[open];
        let end = match mark {
            b'\'' => sentence(message, open),
            _ => memchr::memchr(mark, &message[open + 1..]).map(|length| open + 1 + length),
        };
        let Some(end) = end else {
            if mark == b'\'' {
                at = open + 1;
                continue;
            }
            break;
        };
        text.extend_from_slice(&message[from..open]);
        let quoted = &message[open..=end];
        text.extend_from_slice(if message[..open].ends_with(b"desc = ") { quoted } else { b"\"\"" });
        from = end + 1;
        at = from;
    }
    text.extend_from_slice(&message[from..]);
    let named = text.iter().enumerate().find(|(at, byte)| {
        **byte == b':' && PASSED_ON.iter().any(|name| text[..*at].to_ascii_lowercase().ends_with(name))
    });
    if let Some((at, _)) = named {
        text.truncate(at);
    }
    text
}

/// Where a sentence in single quotes ends that nothing introduces as an error's; an apostrophe opens none.
fn sentence(message: &[u8], open: usize) -> Option<usize> {
    let before = &message[..open];
    let opens = before.last().is_none_or(|byte| matches!(byte, b' ' | b'(' | b'[' | b'=' | b':'));
    let closes = |at: &usize| message.get(at + 1).is_none_or(|byte| !byte.is_ascii_alphanumeric());
    let end = memchr::memchr_iter(b'\'', &message[open + 1..]).map(|next| open + 1 + next).find(closes)?;
    let is_sentence = memchr::memchr_iter(b' ', &message[open..end]).count() > 1;
    (opens && is_sentence && !is_introduced(before)).then_some(end)
}

/// Words that introduce an error's own text in quotes.
const INTRODUCE: &[&[u8]] = &[
    b"of",
    b"by",
    b"with",
    b"because",
    b"reason",
    b"error",
    b"err",
    b"message",
    b"msg",
    b"desc",
    b"exception",
    b"failed",
    b"failure",
    b"caused",
    b"returned",
    b"reported",
    b"says",
    b"said",
    b"got",
    b"received",
    b"answered",
    b"detail",
];
/// Stems of words of failure.
const FAILURE: &[&[u8]] = &[
    b"rror",
    b"fail",
    b"cannot",
    b"can't",
    b"could not",
    b"couldn't",
    b"unable",
    b"xception",
    b"fatal",
    b"panic",
    b"refus",
    b"reject",
    b"denied",
    b"warn",
    b"alert",
    b"crit",
    b"problem",
    b"invalid",
    b"abort",
];

/// A message of no known shape without the sentences in quotes that nothing introduces as an error: they are quoted by
/// somebody who speaks of them. `None` where all of it is the emitter's own.
pub(super) fn reported(message: &[u8]) -> Option<Vec<u8>> {
    let (mut text, mut from, mut at) = (Vec::new(), 0, 0);
    while let Some(open) =
        message[at..].iter().position(|byte| matches!(byte, b'"' | b'`')).map(|next| at + next)
    {
        let mark = message[open];
        let Some(end) = memchr::memchr(mark, &message[open + 1..]).map(|next| open + 1 + next) else { break };
        let quoted = &message[open + 1..end];
        // An error that is printed as the value that it is needs no introduction.
        let is_value =
            [&b"Error("[..], b"Exception"].iter().any(|mark| memchr::memmem::find(quoted, mark).is_some());
        if memchr::memchr(b' ', quoted).is_some() && !is_value && !is_introduced(&message[..open]) {
            text.extend_from_slice(&message[from..=open]);
            from = end;
        }
        at = end + 1;
    }
    (from > 0).then(|| [&text[..], &message[from..]].concat())
}

/// What stands before a quoted text makes it an error's own: a name for an error, a word of failure, the value that is
/// printed with it; or nothing does.
fn is_introduced(before: &[u8]) -> bool {
    let before = before.trim_ascii_end();
    let trimmed = before
        .iter()
        .rposition(|byte| !matches!(byte, b'(' | b'[' | b'{' | b' ' | b'=' | b':' | b'\\' | b'"' | b'\''))
        .map_or(&b""[..], |last| &before[..=last]);
    let start = trimmed
        .iter()
        .rposition(|byte| !byte.is_ascii_alphanumeric() && !matches!(byte, b'_' | b'.'))
        .map_or(0, |last| last + 1);
    let word = &trimmed[start..];
    let lower = before.to_ascii_lowercase();
    // A value of a type, as it is printed.
    let printed = trimmed.len() < before.len()
        && word.first().is_some_and(u8::is_ascii_uppercase)
        && before.ends_with(b"(");
    // Elixir's sigil of a text.
    let sigil = [&b"~c"[..], b"~s"].iter().any(|sigil| before.ends_with(sigil));
    trimmed.is_empty()
        || printed
        || sigil
        || INTRODUCE.contains(&word.to_ascii_lowercase().as_slice())
        || super::record::tells_of_errors(word)
        || tells_of_failure(&lower)
}

/// A word of failure stands in the text.
pub(super) fn tells_of_failure(text: &[u8]) -> bool {
    let lower = text.to_ascii_lowercase();
    FAILURE.iter().any(|stem| memchr::memmem::find(&lower, stem).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_informing_message_quotes_is_not_its_own() {
        for (message, wanted) in [
            (
                "stored artifact for commit 'Fix expired certificates of ours'",
                "stored artifact for commit \"\"",
            ),
            ("renamed \"a b\" and `c d`, then 'e f g'", "renamed \"\" and \"\", then \"\""),
            ("client didn't answer, it can't be reached", "client didn't answer, it can't be reached"),
            ("retry after error 'certificate has expired'", "retry after error 'certificate has expired'"),
            (
                "broken by 'SSLError: certificate has expired'",
                "broken by 'SSLError: certificate has expired'",
            ),
            ("host 'redis' is up", "host 'redis' is up"),
            ("rpc error: desc = \"tls: a b\"", "rpc error: desc = \"tls: a b\""),
        ] {
            assert_eq!(String::from_utf8_lossy(&unquoted(message.as_bytes())), wanted);
        }
    }

    #[test]
    fn a_thing_has_its_name_in_quotes_of_either_kind() {
        for (message, wanted) in [
            ("no queue 'certificate.expired' in vhost '/'", "no queue \"\" in vhost '/'"),
            ("relation \"expired_certificates\" is missing", "relation \"\" is missing"),
            ("the peer sent a TLS alert: 'BadCertificate'.", "the peer sent a TLS alert: 'BadCertificate'."),
            ("can't open queue 'tls'", "can't open queue \"\""),
        ] {
            assert_eq!(String::from_utf8_lossy(&named(message.as_bytes())), wanted);
        }
    }

    #[test]
    fn a_quoted_sentence_is_an_error_where_something_introduces_it() {
        for message in [
            "\"PHP message: certificate has expired\"",
            "x509: unknown (possibly because of \"x509: a failure\" while trying)",
            "error: \"certificate has expired\"",
            "failed with \"certificate has expired\"",
            "InternalException (HandshakeFailed (Error_Protocol (\"certificate has unknown CA\",True)))",
            "Foo(\"certificate has expired\")",
            "~c\"certificate has expired\"}",
            "host not found in \"api-gateway\"",
        ] {
            assert_eq!(reported(message.as_bytes()), None, "{message}");
        }
        for message in [
            "did you see \"connection refused\" in the logs",
            "Symptom: `certificate has expired`",
            "use --cacert to avoid \"certificate verify\"",
            "simulating \"reset by peer\" for chaos",
            "title=\"certificate has expired\" id=7",
        ] {
            let left = reported(message.as_bytes()).unwrap_or_default();
            let left = String::from_utf8_lossy(&left);
            assert!(left.contains("\"\"") || left.contains("``"), "{left}");
        }
    }
}
