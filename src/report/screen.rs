//! How a screen looks and what its lines are made of, for every command that has one.

/// How the screen looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub color: bool,
    pub quiet: bool,
    pub verbose: bool,
    /// Columns.
    pub width: usize,
    /// The terminal shows more than ASCII.
    pub glyphs: bool,
}

impl Style {
    /// For files: no colour, 80 columns.
    pub const PLAIN: Self = Self { color: false, quiet: false, verbose: false, width: 80, glyphs: false };
}

/// A text in colour, where colour is wanted.
pub fn paint(text: &str, color: bool, with: impl Fn(&str) -> String) -> String {
    if color { with(text) } else { text.to_owned() }
}

/// `1 error`, `2 errors`.
pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
