//! `.env` and `env_file`: names and values as Compose's reader takes them.

use super::interpolate;
use super::source::{Mark, ParseFault, Source};

/// One line of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnvEntry {
    pub name: String,
    /// Gaps where it names a variable that is not known; `None`: the name stands alone and the value comes from
    /// outside.
    pub value: Option<String>,
    pub mark: Mark,
}

/// Reads a file; later lines may name earlier ones.
#[must_use]
pub fn read(source: &Source, outer: &dyn Fn(&str) -> Option<String>) -> (Vec<EnvEntry>, Vec<ParseFault>) {
    let mut entries: Vec<EnvEntry> = Vec::new();
    let mut faults = Vec::new();
    let mut lines = source.text.split('\n').enumerate();
    while let Some((at, line)) = lines.next() {
        let mark = source.mark(u32::try_from(at).unwrap_or(u32::MAX - 1) + 1, 1);
        let line = line.trim_end_matches('\r').trim_start();
        let line = line.strip_prefix("export ").unwrap_or(line).trim_start();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let end = line.find(['=', ':', '\n']).unwrap_or(line.len());
        let name = line[..end].trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            faults.push(ParseFault::unreadable(mark, "the line is no `NAME=VALUE`"));
            continue;
        }
        if end == line.len() {
            entries.push(EnvEntry { name: name.to_owned(), value: None, mark });
            continue;
        }
        let mut rest = line[end + 1..].trim_start().to_owned();
        let value = match rest.chars().next() {
            Some(quote @ ('"' | '\'')) => {
                // A quoted value goes on over lines until its quote.
                while closing(&rest[1..], quote).is_none() {
                    let Some((_, more)) = lines.next() else { break };
                    rest.push('\n');
                    rest.push_str(more);
                }
                match closing(&rest[1..], quote) {
                    None => {
                        faults.push(ParseFault::unreadable(
                            mark,
                            format!("the value of {name} has no closing quote"),
                        ));
                        break;
                    }
                    Some(end) if quote == '\'' => Ok(rest[1..=end].to_owned()),
                    Some(end) => expand(&unescaped(&rest[1..=end]), &entries, outer),
                }
            }
            _ => {
                let bare = rest.split_once(" #").map_or(rest.as_str(), |(value, _)| value);
                expand(bare.trim_end(), &entries, outer)
            }
        };
        match value {
            Ok(value) => entries.push(EnvEntry { name: name.to_owned(), value: Some(value), mark }),
            Err(why) => faults.push(ParseFault::unreadable(mark, why)),
        }
    }
    (entries, faults)
}

fn expand(
    text: &str,
    entries: &[EnvEntry],
    outer: &dyn Fn(&str) -> Option<String>,
) -> Result<String, String> {
    let lookup = |name: &str| {
        outer(name).or_else(|| {
            entries.iter().rev().find(|entry| entry.name == name).and_then(|entry| entry.value.clone())
        })
    };
    // In these files a dollar that begins no variable is a dollar.
    let mut guarded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        guarded.push_str(before);
        let begins = after.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '_' | '{'));
        guarded.push_str(if begins { "$" } else { "$$" });
        rest = after;
    }
    guarded.push_str(rest);
    interpolate::fill(&guarded, &lookup).map(|filled| filled.text)
}

fn closing(text: &str, quote: char) -> Option<usize> {
    let mut escaped = false;
    text.char_indices().find_map(|(at, c)| {
        if escaped {
            escaped = false;
            return None;
        }
        escaped = c == '\\' && quote == '"';
        (c == quote).then_some(at)
    })
}

fn unescaped(text: &str) -> String {
    let mut out = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next() {
                Some('n') => out.push('\n'),
                Some('r') => out.push('\r'),
                Some('t') => out.push('\t'),
                Some(other) => out.push(other),
                None => out.push('\\'),
            },
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_all(text: &str) -> Vec<(String, Option<String>, u32)> {
        let (entries, faults) = read(&Source::file("x.env", text), &|_| None);
        assert!(faults.is_empty(), "{faults:?}");
        entries.into_iter().map(|one| (one.name, one.value, one.mark.line)).collect()
    }

    #[test]
    fn quotes_comments_and_exports_are_read_as_compose_reads_them() {
        let text = "# c\nexport A=1 # one\nB='x # $A'\nC=\"l1\nl2 $A\"\r\nD=a#b\n\nE\nF=\n";
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read_all(text),
            [
                ("A".to_owned(), some("1"), 2),
                ("B".to_owned(), some("x # $A"), 3),
                ("C".to_owned(), some("l1\nl2 1"), 4),
                ("D".to_owned(), some("a#b"), 6),
                ("E".to_owned(), None, 8),
                ("F".to_owned(), some(""), 9),
            ]
        );
    }

    #[test]
    fn a_quote_that_never_closes_is_a_fault_with_its_line() {
        let (_, faults) = read(&Source::file("x", "A=1\nB=\"x\n"), &|_| None);
        assert_eq!(faults[0].mark.line, 2);
    }
}
