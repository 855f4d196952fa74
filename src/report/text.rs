//! Wrapping for 80 columns, and texts that a terminal must not obey.

/// Columns of a terminal; 80 where it has none.
pub fn columns(stream: &impl std::os::fd::AsFd) -> usize {
    terminal_size::terminal_size_of(stream).map_or(80, |(width, _)| usize::from(width.0))
}

/// The first `width` characters, with an ellipsis where more follow.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// Wraps at `width` columns; later lines are indented. Long words (paths, commands) are left whole.
#[must_use]
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut column = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if column > 0 && column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = indent.chars().count();
        } else if column > 0 && (indent.is_empty() || !out.ends_with(indent)) {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
    }
    out
}

/// Wraps at `width` columns, of which `used` are taken on the first line; later lines begin with `indent`.
/// Words that are longer than a line (paths) are left whole.
#[must_use]
pub fn flow(text: &str, used: usize, width: usize, indent: &str) -> String {
    let mut out = String::new();
    let mut column = used;
    let mut fresh = true;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if !fresh && column + 1 + length > width {
            out.push('\n');
            out.push_str(indent);
            column = indent.chars().count();
            fresh = true;
        }
        if !fresh {
            out.push(' ');
            column += 1;
        }
        out.push_str(word);
        column += length;
        fresh = false;
    }
    out
}

/// Control characters of a peer must not reach the terminal.
#[must_use]
pub fn tame(text: &str) -> String {
    text.chars().map(|c| if c.is_control() && c != '\n' { '\u{fffd}' } else { c }).collect()
}

/// One line, without control characters.
#[must_use]
pub fn plain(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().filter(|c| !c.is_control()).collect()
}

/// Causes, evidence and fixes of a check, for formats that take a text.
#[must_use]
pub fn body(check: &tls_verify_core::report::CheckReport) -> String {
    let mut lines = Vec::new();
    for one in &check.diagnoses {
        let name =
            one.variant.map_or_else(|| one.cause.to_string(), |variant| format!("{} ({variant})", one.cause));
        lines.push(format!("{name}, {}, change the {} side", one.confidence, one.side));
        lines.extend(one.because.iter().map(|fact| format!("  {}", plain(fact))));
        for fix in &one.fix {
            lines.push(format!("  fix: {}", plain(&fix.text)));
            let command = fix.command.iter().flat_map(|command| command.lines());
            lines.extend(command.map(|line| format!("    $ {}", plain(line))));
        }
    }
    lines.extend(check.remarks.iter().map(|remark| plain(remark)));
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_flows_within_its_columns_and_long_words_stay_whole() {
        let text = "one two three four";
        assert_eq!(flow(text, 0, 9, "  "), "one two\n  three\n  four");
        // What stands before the first word counts.
        assert_eq!(flow(text, 5, 9, "  "), "one\n  two\n  three\n  four");
        assert_eq!(flow("a /very/long/path b", 0, 6, " "), "a\n /very/long/path\n b");
        assert_eq!(flow("", 3, 9, " "), "");
    }

    #[test]
    fn a_line_that_is_cut_says_so() {
        assert_eq!((cut("abcdef", 6).as_str(), cut("abcdef", 4).as_str()), ("abcdef", "abc…"));
    }
}
