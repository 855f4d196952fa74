//! What must not be seen: known secrets, and what looks like one in a text.

pub mod secret;
mod text;

/// The text without secrets: those of this process, and what looks like one.
#[must_use]
pub fn redact(text: &str) -> String {
    secret::mask(&text::redact(text)).into_owned()
}
