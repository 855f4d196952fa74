//! Wrapping for 80 columns, and texts that a terminal must not obey.

use tls_verify_core::report::Fix;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// Columns of a terminal; 80 where it has none.
pub fn columns(stream: &impl std::os::fd::AsFd) -> usize {
    terminal_size::terminal_size_of(stream).map_or(80, |(width, _)| usize::from(width.0))
}

/// Columns that a text takes in a terminal; those of Chinese, Japanese and Korean characters are two each.
#[must_use]
pub fn width(text: &str) -> usize {
    text.width()
}

/// As much as fits into `width` columns, with an ellipsis where more follows.
#[must_use]
pub fn cut(text: &str, width: usize) -> String {
    if self::width(text) <= width {
        return text.to_owned();
    }
    let mut kept = head(text, width.saturating_sub(1)).to_owned();
    kept.push('…');
    kept
}

/// As much of a text as fits into `width` columns.
#[must_use]
pub fn head(text: &str, width: usize) -> &str {
    let mut used = 0;
    let end = text.char_indices().find(|(_, one)| {
        used += one.width().unwrap_or(0);
        used > width
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// A text with blanks behind it up to `width` columns.
#[must_use]
pub fn padded(text: &str, width: usize) -> String {
    format!("{text}{}", " ".repeat(width.saturating_sub(self::width(text))))
}

/// Wraps at `width` columns; later lines are indented. Long words (paths, commands) are left whole.
#[must_use]
pub fn wrap(text: &str, width: usize, indent: &str) -> String {
    flow(text, 0, width, indent)
}

/// Wraps at `width` columns, of which `used` are taken on the first line; later lines begin with `indent`.
/// Words that are longer than a line (paths) are left whole.
#[must_use]
pub fn flow(text: &str, used: usize, width: usize, indent: &str) -> String {
    let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if words.is_empty() {
        return words;
    }
    let taken = " ".repeat(used);
    let options = textwrap::Options::new(width)
        .initial_indent(&taken)
        .subsequent_indent(indent)
        .break_words(false)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
    textwrap::fill(&words, options).split_off(used)
}

/// What a peer says stays in its line, and no character of it is obeyed by a terminal or turns the line round.
#[must_use]
pub fn escape_controls(text: &str) -> String {
    let shown = |one: char| match one {
        '\n' | '\t' => ' ',
        one if one.is_control() || is_hidden(one) => '\u{fffd}',
        one => one,
    };
    text.chars().map(shown).collect()
}

/// One line, without control characters, and with a mark for what nobody would see.
#[must_use]
pub fn plain(text: &str) -> String {
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    text.chars().filter(|one| !one.is_control()).map(visible).collect()
}

/// The character, or a mark where it has no shape or is none.
#[must_use]
pub fn visible(one: char) -> char {
    if is_hidden(one) { '\u{fffd}' } else { one }
}

/// What has no shape of its own, changes the direction of its neighbours, or is no character at all.
#[must_use]
pub fn is_hidden(one: char) -> bool {
    let code = u32::from(one);
    matches!(
        one,
        '\u{80}'..='\u{9f}'
            | '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}'
            | '\u{fe00}'..='\u{fe0d}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}'
    ) || code & 0xfffe == 0xfffe
}

/// What a fix says to do, with the file and line of each setting where it is known and not told yet: `(.env:12)`,
/// `(docker-compose.yml:129, 130)`. A setting may come from another file, by another name, than the service suggests.
#[must_use]
pub fn placed(fix: &Fix) -> String {
    let mut files: Vec<(&str, Vec<u32>)> = Vec::new();
    for place in fix.changes.iter().filter_map(|change| change.defined_at.as_ref()) {
        if fix.text.contains(&*place.file) || place.line == 0 {
            continue;
        }
        match files.iter_mut().find(|(file, _)| *file == &*place.file) {
            Some((_, lines)) if lines.contains(&place.line) => {}
            Some((_, lines)) => lines.push(place.line),
            None => files.push((&place.file, vec![place.line])),
        }
    }
    if files.is_empty() {
        return fix.text.clone();
    }
    let words: Vec<String> = files
        .iter()
        .map(|(file, lines)| {
            let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
            format!("{file}:{}", lines.join(", "))
        })
        .collect();
    format!("{} ({})", fix.text, words.join("; "))
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
            lines.push(format!("  fix: {}", plain(&placed(fix))));
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
    fn what_a_peer_says_is_one_line_that_nothing_turns_round() {
        assert_eq!(
            escape_controls("a\n::error::b\u{1b}[31m\u{202e}c\u{fffe}"),
            "a ::error::b\u{fffd}[31m\u{fffd}c\u{fffd}"
        );
        assert_eq!(plain("a\r\n  b\u{7}\u{2066}c\u{ffff}"), "a b\u{fffd}c\u{fffd}");
        // What only says how its neighbour is drawn, and other scripts, stay.
        assert_eq!(escape_controls("\u{26a0}\u{fe0f} שלום, grüß Gott"), "\u{26a0}\u{fe0f} שלום, grüß Gott");
    }

    #[test]
    fn a_line_that_is_cut_says_so() {
        assert_eq!((cut("abcdef", 6).as_str(), cut("abcdef", 4).as_str()), ("abcdef", "abc…"));
    }

    #[test]
    fn a_fix_says_once_where_its_settings_are_written() {
        use tls_verify_core::remedy::{Change, ChangeKind};
        use tls_verify_core::workload::Place;
        let at = |file: &str, line| {
            let place = Place { file: file.into(), line, column: 7 };
            Change::new("gateway", ChangeKind::Environment, "NATS_URL").at(Some(place))
        };
        let fix = |text: &str, changes: Vec<Change>| Fix { text: text.to_owned(), command: None, changes };
        assert_eq!(placed(&fix("set it", vec![at(".env", 12), at(".env", 12)])), "set it (.env:12)");
        let two = vec![at("a.yml", 3), at("b.yml", 9), at("a.yml", 4)];
        assert_eq!(placed(&fix("set them", two)), "set them (a.yml:3, 4; b.yml:9)");
        // What is told already, or known without a line, is not said again.
        assert_eq!(placed(&fix("in a.yml set it", vec![at("a.yml", 3), at("b.yml", 0)])), "in a.yml set it");
    }

    #[test]
    fn what_is_wide_takes_two_columns() {
        assert_eq!((width("证书"), width("é"), width("e\u{301}")), (4, 1, 1));
        assert_eq!(cut("证书无效", 5), "证书…");
        assert_eq!(padded("证书", 6), "证书  ");
        assert_eq!(flow("证书 无效 ab", 0, 9, " "), "证书 无效\n ab");
        assert_eq!(wrap("a-b-c d/e", 6, ""), "a-b-c\nd/e");
    }
}
