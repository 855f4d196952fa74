//! What is over: a message of success, whose fields tell of what was got over, and fields of what was before.

/// Words with which a message says that it went well in the end.
const WELL: &[&str] = &[
    "succeeded",
    "successful",
    "recovered",
    "re-established",
    "reestablished",
    "restored",
    "reconnected",
    "healthy again",
    "reachable again",
    "available again",
    "is back",
    "connected after",
    "established after",
    "resolved after",
    "completed after",
    "after probe success",
];
/// Words that take it back.
const NOT_WELL: &[&str] = &[
    "not ",
    "n't",
    "never",
    "unsuccessful",
    "fail",
    "error",
    "unable",
    "cannot",
    "yet",
    "no attempt",
    "giv",
    "gave",
    "panic",
    "without",
    "disconnect",
];
/// Fronts of the names of fields that tell of what was before.
const BEFORE: &[&[u8]] =
    &[b"last", b"prev", b"old", b"former", b"earlier", b"initial", b"original", b"resolved"];

/// The message itself tells of success.
pub(super) fn is_told(message: &[u8]) -> bool {
    let text = String::from_utf8_lossy(&message[..message.len().min(200)]).to_ascii_lowercase();
    let tried = || {
        let after = text.find("connected").and_then(|at| text[at..].find(" after ").map(|next| at + next));
        after.is_some_and(|at| ["retries", "attempts", "tries"].iter().any(|word| text[at..].contains(word)))
    };
    (WELL.iter().any(|word| text.contains(word)) || tried())
        && !NOT_WELL.iter().any(|word| text.contains(word))
}

/// A field of this name (without case and marks) tells of what was before.
pub(super) fn is_before(key: &[u8]) -> bool {
    BEFORE.iter().any(|front| key.starts_with(front))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn success_is_told_by_the_message_itself() {
        for message in [
            "retry succeeded",
            "NATS connection re-established",
            "Connected after 3 attempts",
            "connected to a after 2 retries",
        ] {
            assert!(is_told(message.as_bytes()), "{message}");
        }
        for message in [
            "retry not succeeded",
            "retry failed",
            "no attempt succeeded",
            "panic recovered",
            "certificate is no longer valid",
            "dialling",
            "disconnected after 5s",
            "disconnected after 3 attempts",
            "",
        ] {
            assert!(!is_told(message.as_bytes()), "{message}");
        }
        assert!(is_before(b"lasterror") && is_before(b"preverr") && !is_before(b"error"));
    }
}
