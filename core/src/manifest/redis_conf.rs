//! The configuration of redis-server: directives of a file with `include`, and of its command line, in the order
//! in which the last one wins.

use super::source::{Include, Mark, ParseFault, Source};
use crate::workload::Argument;

/// How deep files may include one another.
const DEPTH: usize = 20;
/// Directives that one configuration may hold.
const DIRECTIVES: usize = 50_000;

/// A directive; its name in small letters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisDirective {
    pub name: String,
    pub words: Vec<String>,
    pub mark: Mark,
}

/// A configuration as far as it could be read.
#[derive(Clone, Debug, Default)]
pub struct RedisConf {
    pub directives: Vec<RedisDirective>,
    pub faults: Vec<ParseFault>,
    /// Something of it is not known.
    pub open: bool,
}

impl RedisConf {
    /// The directive that counts: the last of its name.
    #[must_use]
    pub fn last(&self, name: &str) -> Option<&RedisDirective> {
        self.directives.iter().rev().find(|one| one.name == name)
    }

    /// Its first word.
    #[must_use]
    pub fn value(&self, name: &str) -> Option<(&str, &Mark)> {
        self.last(name).map(|one| (one.words.first().map_or("", String::as_str), &one.mark))
    }
}

/// Reads a file into what is there already.
pub fn file(source: &Source, include: &dyn Fn(&str, &Source) -> Include, conf: &mut RedisConf) {
    lines(source, include, conf, 0);
}

fn lines(source: &Source, include: &dyn Fn(&str, &Source) -> Include, conf: &mut RedisConf, depth: usize) {
    for (at, line) in source.text.split('\n').enumerate() {
        let mark = source.mark(u32::try_from(at).unwrap_or(u32::MAX - 1) + 1, 1);
        let trimmed = line.trim_matches([' ', '\t', '\r', '\n']);
        if trimmed.is_empty() || trimmed.starts_with('#') {
            continue;
        }
        if conf.directives.len() >= DIRECTIVES {
            conf.faults.push(ParseFault::unreadable(mark, "it holds more directives than are read"));
            return;
        }
        let column = u32::try_from(line.len() - line.trim_start().len()).unwrap_or(0);
        let mark = Mark { column: mark.column + if source.exact { column } else { 0 }, ..mark };
        let Some(mut words) = split(trimmed) else {
            conf.faults.push(ParseFault::unreadable(mark, "unbalanced quotes in the line"));
            continue;
        };
        if words.is_empty() {
            continue;
        }
        let name = words.remove(0).to_ascii_lowercase();
        if name == "include" && words.len() == 1 {
            if depth >= DEPTH {
                conf.faults.push(ParseFault::unreadable(mark, "files include one another too deep"));
                return;
            }
            match include(&words[0], source) {
                Include::Text(inner) => lines(&inner, include, conf, depth + 1),
                Include::Missing => {
                    let message = format!("`include` names {}, which is not there", words[0]);
                    conf.faults.push(ParseFault::unreadable(mark, message));
                }
                Include::Unknown => conf.open = true,
            }
            continue;
        }
        conf.directives.push(RedisDirective { name, words, mark });
    }
}

/// The words of a command line behind the program and its file: a word that begins with two dashes begins a
/// directive, as redis-server joins them into one text.
pub fn arguments(words: &[Argument], start: &Mark, conf: &mut RedisConf) {
    let mark_of = |word: &Argument| word.place.as_ref().map_or_else(|| start.clone(), Mark::of);
    for word in words {
        let text = word.value.marked();
        if let Some(directive) = text.strip_prefix("--") {
            let mut parts = split(directive).unwrap_or_else(|| vec![directive.to_owned()]);
            if parts.is_empty() {
                continue;
            }
            let name = parts.remove(0).to_ascii_lowercase();
            conf.directives.push(RedisDirective { name, words: parts, mark: mark_of(word) });
        } else if let Some(last) = conf.directives.last_mut() {
            if last.words.is_empty() {
                // The value's own place: what has to be changed.
                last.mark = mark_of(word);
            }
            last.words.push(text);
        }
    }
}

/// Words as `sdssplitargs` takes them; `None`: a quote is not closed, or is followed by more than a blank.
#[must_use]
pub fn split(line: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut chars = line.chars().peekable();
    loop {
        while chars.next_if(|c| c.is_whitespace()).is_some() {}
        if chars.peek().is_none() {
            return Some(words);
        }
        let mut word = String::new();
        let mut quote: Option<char> = None;
        loop {
            match (quote, chars.next()) {
                (Some(_), None) => return None,
                (None, None) => break,
                (None, Some(c)) if c.is_whitespace() => break,
                (None, Some(c @ ('"' | '\''))) => quote = Some(c),
                (None, Some(c)) => word.push(c),
                (Some('"'), Some('\\')) => match chars.next()? {
                    'n' => word.push('\n'),
                    'r' => word.push('\r'),
                    't' => word.push('\t'),
                    'x' => {
                        let digits: String = chars.by_ref().take(2).collect();
                        word.push(char::from(u8::from_str_radix(&digits, 16).ok()?));
                    }
                    other => word.push(other),
                },
                (Some('\''), Some('\\')) if chars.peek() == Some(&'\'') => {
                    word.extend(chars.next());
                }
                (Some(open), Some(c)) if c == open => {
                    if chars.peek().is_some_and(|c| !c.is_whitespace()) {
                        return None;
                    }
                    break;
                }
                (Some(_), Some(c)) => word.push(c),
            }
        }
        words.push(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::Value;

    #[test]
    fn the_last_directive_wins_whatever_way_it_came_in() {
        let include = |path: &str, _: &Source| match path {
            "/tls.conf" => {
                Include::Text(Source::file("tls.conf", "TLS-PORT 6379\ntls-protocols \"TLSv1.2 TLSv1.3\"\n"))
            }
            _ => Include::Missing,
        };
        let mut conf = RedisConf::default();
        let text = "# x\ninclude /tls.conf\nport 0\n  tls-auth-clients no\nsave \"\"\n";
        file(&Source::file("redis.conf", text), &include, &mut conf);
        let word = |text: &str| Argument { value: Value::Known(text.to_owned()), place: None };
        let words = [word("--tls-auth-clients"), word("yes"), word("--maxmemory 100mb")];
        arguments(&words, &Mark::start("compose.yaml"), &mut conf);
        assert!(conf.faults.is_empty(), "{:?}", conf.faults);
        assert_eq!(conf.value("tls-port").unwrap().0, "6379");
        assert_eq!(conf.value("tls-port").unwrap().1.file.as_ref(), "tls.conf");
        assert_eq!(conf.value("tls-auth-clients").unwrap().0, "yes");
        assert_eq!(conf.value("maxmemory").unwrap().0, "100mb");
        assert_eq!(conf.value("port").unwrap().1.line, 3);
    }

    #[test]
    fn quotes_are_taken_as_redis_takes_them() {
        assert_eq!(split(r#"a "b c" 'd\'e' "\x41\n""#).unwrap(), ["a", "b c", "d'e", "A\n"]);
        assert_eq!(split(r#"save """#).unwrap(), ["save", ""]);
        assert_eq!(split("a \"b"), None);
        assert_eq!(split("\"a\"b"), None);
    }
}
