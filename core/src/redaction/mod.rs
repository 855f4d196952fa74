//! What must not be seen: known secrets, and what looks like one in a text.

pub mod secret;
mod text;

pub use text::redact;
