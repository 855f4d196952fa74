//! What templates do with a text beside escaping it.

#![expect(unreachable_pub, reason = "the macro makes it public")]

use std::fmt::Display;

use askama::filters::{Escaper, Safe};

use super::escape::Visible;

/// What stands in backticks is code; everything is escaped.
#[askama::filter_fn]
pub(crate) fn marked(text: impl Display, _: &dyn askama::Values) -> askama::Result<Safe<String>> {
    let text = text.to_string();
    let mut html = String::with_capacity(text.len() + 16);
    let parts: Vec<&str> = text.split('`').collect();
    for (index, part) in parts.iter().enumerate() {
        // One that nothing closes is a character as any other.
        let open = index % 2 == 1 && index + 1 < parts.len();
        if index % 2 == 1 && !open {
            html.push('`');
        }
        html.push_str(if open { "<code>" } else { "" });
        Visible.write_escaped_str(&mut html, part)?;
        html.push_str(if open { "</code>" } else { "" });
    }
    Ok(Safe(html))
}
