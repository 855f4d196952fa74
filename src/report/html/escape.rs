//! Text of other people becomes text of the page: what means something to a browser is escaped, and what
//! cannot be seen, or turns a line round, is shown as what it is.

use std::fmt::{self, Write};

use crate::report::text::is_hidden;

/// The escaper of every template.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visible;

impl askama::filters::Escaper for Visible {
    fn write_escaped_str<W: Write>(&self, mut dest: W, string: &str) -> fmt::Result {
        string.chars().try_for_each(|one| put(&mut dest, one))
    }

    fn write_escaped_char<W: Write>(&self, mut dest: W, c: char) -> fmt::Result {
        put(&mut dest, c)
    }
}

fn put(dest: &mut impl Write, one: char) -> fmt::Result {
    match one {
        '&' => dest.write_str("&amp;"),
        '<' => dest.write_str("&lt;"),
        '>' => dest.write_str("&gt;"),
        '"' => dest.write_str("&quot;"),
        '\'' => dest.write_str("&#39;"),
        '\n' | '\t' => dest.write_char(one),
        // Unicode has a picture for each of the old control characters.
        '\0'..='\u{1f}' => dest.write_char(char::from_u32(0x2400 + u32::from(one)).unwrap_or('\u{fffd}')),
        '\u{7f}' => dest.write_char('\u{2421}'),
        _ if is_hidden(one) => write!(dest, "\u{27e8}U+{:04X}\u{27e9}", u32::from(one)),
        _ => dest.write_char(one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let mut out = String::new();
        text.chars().try_for_each(|one| put(&mut out, one)).unwrap();
        out
    }

    #[test]
    fn what_a_browser_reads_and_what_nobody_sees_are_shown() {
        assert_eq!(shown("<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
        assert_eq!(shown("a\u{202e}b\u{200b}c\u{fffe}"), "a⟨U+202E⟩b⟨U+200B⟩c⟨U+FFFE⟩");
        assert_eq!(shown("\u{1b}[31m\r\0\u{7f}"), "␛[31m␍␀␡");
        assert_eq!(shown("שלום, grüß Gott\n\t✓"), "שלום, grüß Gott\n\t✓");
    }
}
