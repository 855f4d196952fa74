//! The configuration of nats-server: blocks, arrays, variables, includes, sizes and durations, both styles of
//! comments, as `conf/lex.go` and `conf/parse.go` of nats-server 2.10 take them.

use std::collections::BTreeSet;

use super::source::{Fault, Mark, Source};
use crate::workload::Template;

/// How deep blocks and includes may lie in one another.
const DEPTH: usize = 40;
/// Values that one configuration may hold, includes counted as often as they are used.
const VALUES: usize = 100_000;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub data: Data,
    pub mark: Mark,
}

/// What it is.
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    /// Quoted or bare; with gaps where a variable is not known.
    Text(String),
    /// Sizes in bytes (`1k`, `10MB`).
    Integer(i64),
    Float(f64),
    Bool(bool),
    Array(Vec<Value>),
    Block(Block),
}

impl Data {
    /// Values in it, itself included.
    fn size(&self) -> usize {
        match self {
            Self::Array(items) => 1 + items.iter().map(|one| one.data.size()).sum::<usize>(),
            Self::Block(block) => 1 + block.entries.iter().map(|one| one.value.data.size()).sum::<usize>(),
            Self::Text(_) | Self::Integer(_) | Self::Float(_) | Self::Bool(_) => 1,
        }
    }
}

/// Names and values in their order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Block {
    pub entries: Vec<Entry>,
}

/// One of them; names are told apart without regard to case.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    pub name: String,
    pub mark: Mark,
    pub value: Value,
}

impl Block {
    /// The entry that counts: the last of its name.
    #[must_use]
    pub fn entry(&self, names: &[&str]) -> Option<&Entry> {
        self.entries.iter().rev().find(|one| names.iter().any(|name| one.name.eq_ignore_ascii_case(name)))
    }

    #[must_use]
    pub fn block(&self, names: &[&str]) -> Option<(&Entry, &Self)> {
        self.entry(names).and_then(|entry| match &entry.value.data {
            Data::Block(block) => Some((entry, block)),
            _ => None,
        })
    }

    #[must_use]
    pub fn text(&self, names: &[&str]) -> Option<(String, &Mark)> {
        self.entry(names).map(|entry| (entry.value.text(), &entry.value.mark))
    }

    #[must_use]
    pub fn truth(&self, names: &[&str]) -> Option<(bool, &Mark)> {
        self.entry(names).and_then(|entry| Some((entry.value.truth()?, &entry.value.mark)))
    }
}

impl Value {
    /// As text, whatever it was read as.
    #[must_use]
    pub fn text(&self) -> String {
        match &self.data {
            Data::Text(text) => text.clone(),
            Data::Integer(number) => number.to_string(),
            Data::Float(number) => number.to_string(),
            Data::Bool(truth) => truth.to_string(),
            Data::Array(_) | Data::Block(_) => String::new(),
        }
    }

    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match &self.data {
            Data::Bool(truth) => Some(*truth),
            Data::Text(text) => truth(text),
            Data::Integer(_) | Data::Float(_) | Data::Array(_) | Data::Block(_) => None,
        }
    }

    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.data {
            Data::Array(items) => items,
            _ => std::slice::from_ref(self),
        }
    }
}

fn truth(text: &str) -> Option<bool> {
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(true),
        "false" | "no" | "off" => Some(false),
        _ => None,
    }
}

/// What a configuration sees of the world.
pub struct World<'a> {
    /// The environment; an include sees it too.
    pub variable: &'a dyn Fn(&str) -> Lookup,
    /// The text of an include, by the path as it is written and the file that names it.
    pub include: &'a dyn Fn(&str, &Source) -> Include,
}

/// What is known of a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup {
    Known(String),
    /// It is set to something that is not known.
    Unknown,
    Unset,
}

/// What is known of an include.
pub enum Include {
    Text(Source),
    /// It is known that it is not there.
    Missing,
    Unknown,
}

/// A configuration as far as it could be read.
#[derive(Debug, Default)]
pub struct Conf {
    pub block: Block,
    pub faults: Vec<Fault>,
    /// Variables of the file that values refer to: they are no settings.
    pub used: BTreeSet<String>,
    /// Something of it could not be known (an include that is not among what was given).
    pub open: bool,
}

/// Reads a configuration.
#[must_use]
pub fn read(source: &Source, world: &World<'_>) -> Conf {
    let mut conf = Conf::default();
    let mut budget = VALUES;
    let mut reader = Reader { source, at: 0, world, conf: &mut conf, depth: 0, budget: &mut budget };
    let mut scopes = vec![Block::default()];
    if let Err(fault) = reader.body(&mut scopes, None) {
        conf.faults.push(fault);
    }
    conf.block = scopes.into_iter().next().unwrap_or_default();
    conf
}

struct Reader<'a, 'b> {
    source: &'a Source,
    at: usize,
    world: &'a World<'a>,
    conf: &'b mut Conf,
    depth: usize,
    budget: &'b mut usize,
}

impl Reader<'_, '_> {
    fn rest(&self) -> &str {
        self.source.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn mark(&self, at: usize) -> Mark {
        self.source.mark_at(at)
    }

    fn fault<T>(&self, at: usize, message: impl Into<String>) -> Result<T, Fault> {
        Err(Fault::unreadable(self.mark(at), message))
    }

    /// Placeholders and comments; line ends too where they mean nothing.
    fn blanks(&mut self, lines: bool) {
        while let Some(next) = self.peek() {
            if next == '#' || self.rest().starts_with("//") {
                let end = self.rest().find('\n').unwrap_or(self.rest().len());
                self.at += end;
            } else if matches!(next, ' ' | '\t' | '\r') || (lines && next == '\n') {
                self.at += 1;
            } else {
                return;
            }
        }
    }

    /// Entries up to the closing brace, or to the end of the text. The innermost scope is filled.
    fn body(&mut self, scopes: &mut Vec<Block>, opened: Option<usize>) -> Result<(), Fault> {
        loop {
            self.blanks(true);
            match (self.peek(), opened) {
                (None, None) => return Ok(()),
                (None, Some(at)) => return self.fault(at, "the block that begins here is never closed"),
                (Some('}'), Some(_)) => {
                    self.at += 1;
                    return Ok(());
                }
                // nats-server takes what stands last for a name without a value, and passes over it.
                (Some('}'), None) if self.is_last(1) => return Ok(()),
                (Some('}'), None) => return self.fault(self.at, "a closing brace without a block"),
                (Some(';' | ','), _) => self.at += 1,
                (Some('{'), None) if scopes[0].entries.is_empty() && self.at_beginning() => {
                    // The whole file may stand in braces, as JSON does.
                    let at = self.at;
                    self.at += 1;
                    self.body(scopes, Some(at))?;
                }
                (Some(_), _) => self.entry(scopes)?,
            }
        }
    }

    /// Whether nothing but blanks and comments follows, some bytes on.
    fn is_last(&self, on: usize) -> bool {
        self.rest().get(on..).unwrap_or_default().lines().all(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#') || line.starts_with("//")
        })
    }

    fn at_beginning(&self) -> bool {
        self.source.text[..self.at].lines().all(|line| {
            let line = line.trim();
            line.is_empty() || line.starts_with('#') || line.starts_with("//")
        })
    }

    fn entry(&mut self, scopes: &mut Vec<Block>) -> Result<(), Fault> {
        let begin = self.at;
        let name = match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => {
                let end = self
                    .rest()
                    .find(|c: char| c.is_whitespace() || matches!(c, '=' | ':' | '{' | '}' | ';' | ','))
                    .unwrap_or(self.rest().len());
                let name = self.rest()[..end].to_owned();
                self.at += end;
                name
            }
        };
        if name.is_empty() {
            return self.fault(begin, "a name is missing");
        }
        self.blanks(false);
        if name == "include" && !matches!(self.peek(), Some('=' | ':' | '{')) {
            return self.include(begin, scopes);
        }
        let separated = matches!(self.peek(), Some('=' | ':'));
        if separated {
            self.at += 1;
        }
        self.blanks(separated);
        match self.peek() {
            None if scopes.len() == 1 && !separated => return Ok(()),
            None | Some('\n' | '}' | ';' | ',') => {
                return self.fault(begin, format!("`{name}` has no value"));
            }
            Some(_) => {}
        }
        let value = self.value(scopes)?;
        self.blanks(false);
        match self.peek() {
            None | Some('\n' | ';' | ',' | '}') => {}
            // A block may be followed by the next entry on the same line.
            Some(_) if matches!(value.data, Data::Block(_) | Data::Array(_)) => {}
            Some(_) => {
                return self
                    .fault(self.at, format!("after the value of `{name}` stands more than its value"));
            }
        }
        let mark = self.mark(begin);
        if let Some(scope) = scopes.last_mut() {
            scope.entries.push(Entry { name, mark, value });
        }
        Ok(())
    }

    fn include(&mut self, begin: usize, scopes: &mut [Block]) -> Result<(), Fault> {
        let path = match self.peek() {
            Some(quote @ ('"' | '\'')) => self.quoted(quote)?,
            _ => {
                let end = self
                    .rest()
                    .find(|c: char| c.is_whitespace() || matches!(c, '}' | ';' | ','))
                    .unwrap_or(self.rest().len());
                let path = self.rest()[..end].to_owned();
                self.at += end;
                path
            }
        };
        if path.is_empty() {
            return self.fault(begin, "`include` names no file");
        }
        if self.depth >= DEPTH {
            return self.fault(begin, format!("includes lie more than {DEPTH} deep in one another"));
        }
        match (self.world.include)(&path, self.source) {
            Include::Text(source) => {
                let mut reader = Reader {
                    source: &source,
                    at: 0,
                    world: self.world,
                    conf: self.conf,
                    depth: self.depth + 1,
                    budget: self.budget,
                };
                // It sees the environment, not the names of the file that includes it.
                let mut own = vec![Block::default()];
                reader.body(&mut own, None)?;
                let entries = own.into_iter().flat_map(|block| block.entries);
                if let Some(scope) = scopes.last_mut() {
                    scope.entries.extend(entries);
                }
                Ok(())
            }
            Include::Missing => self.fault(begin, format!("`include` names {path}, which is not there")),
            Include::Unknown => {
                self.conf.open = true;
                Ok(())
            }
        }
    }

    fn value(&mut self, scopes: &mut Vec<Block>) -> Result<Value, Fault> {
        let begin = self.at;
        *self.budget = self.budget.saturating_sub(1);
        if *self.budget == 0 || scopes.len() + self.depth > DEPTH {
            return self.fault(begin, "it is too large, or its blocks lie too deep in one another");
        }
        let mark = self.mark(begin);
        let data = match self.peek() {
            Some('{') => {
                self.at += 1;
                scopes.push(Block::default());
                self.body(scopes, Some(begin))?;
                Data::Block(scopes.pop().unwrap_or_default())
            }
            Some('[') => {
                self.at += 1;
                Data::Array(self.array(scopes, begin)?)
            }
            Some('(') => Data::Text(self.parenthesised(begin)?),
            Some(quote @ ('"' | '\'')) => Data::Text(self.quoted(quote)?),
            _ => self.bare(scopes)?,
        };
        Ok(Value { data, mark })
    }

    fn array(&mut self, scopes: &mut Vec<Block>, opened: usize) -> Result<Vec<Value>, Fault> {
        let mut items = Vec::new();
        // Counted as a scope, so that the depth is bounded.
        scopes.push(Block::default());
        loop {
            self.blanks(true);
            match self.peek() {
                None => return self.fault(opened, "the array that begins here is never closed"),
                Some(']') => {
                    self.at += 1;
                    scopes.pop();
                    return Ok(items);
                }
                Some(',' | ';') => self.at += 1,
                Some('}') => return self.fault(self.at, "a closing brace in an array"),
                Some(_) => items.push(self.value(scopes)?),
            }
        }
    }

    fn parenthesised(&mut self, begin: usize) -> Result<String, Fault> {
        self.at += 1;
        match self.rest().find(')') {
            Some(end) => {
                let text = self.rest()[..end].trim().to_owned();
                self.at += end + 1;
                Ok(text)
            }
            None => self.fault(begin, "the block of text that begins here is never closed"),
        }
    }

    fn quoted(&mut self, quote: char) -> Result<String, Fault> {
        let begin = self.at;
        self.at += 1;
        let mut text = String::new();
        while let Some(next) = self.bump() {
            match next {
                '\\' if quote == '"' => match self.bump() {
                    Some('n') => text.push('\n'),
                    Some('r') => text.push('\r'),
                    Some('t') => text.push('\t'),
                    Some(other @ ('"' | '\\')) => text.push(other),
                    Some('x') => {
                        let code =
                            self.rest().get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                        let Some(code) = code else {
                            return self.fault(begin, "`\\x` wants two hexadecimal digits");
                        };
                        self.at += 2;
                        text.push(char::from(code));
                    }
                    _ => return self.fault(begin, "an escape that nats-server does not know"),
                },
                next if next == quote => return Ok(text),
                next => text.push(next),
            }
        }
        self.fault(begin, "the quote that begins here is never closed")
    }

    /// A word, a number, a truth, a variable.
    fn bare(&mut self, scopes: &[Block]) -> Result<Data, Fault> {
        let begin = self.at;
        let end = self
            .rest()
            .find(|c: char| c.is_whitespace() || matches!(c, ',' | ';' | '}' | ']'))
            .unwrap_or(self.rest().len());
        let word = self.rest()[..end].to_owned();
        self.at += end;
        if word.is_empty() {
            return self.fault(begin, "a value is missing");
        }
        // bcrypt's hashes begin with a dollar too.
        let hash = word.starts_with("$2") && word.matches('$').count() > 1;
        if let Some(name) = word.strip_prefix('$').filter(|_| !hash) {
            return self.variable(name, begin, scopes);
        }
        match plain(&word) {
            // Digits, a dot and digits are a number or the beginning of an address, and no word.
            Data::Text(_) if begins_as_number(&word) => {
                self.fault(begin, format!("`{word}` begins as a number and goes on as none"))
            }
            data => Ok(data),
        }
    }

    fn variable(&mut self, name: &str, begin: usize, scopes: &[Block]) -> Result<Data, Fault> {
        let own = scopes
            .iter()
            .rev()
            .find_map(|scope| scope.entries.iter().rev().find(|one| one.name == name))
            .map(|entry| entry.value.data.clone());
        if let Some(data) = own {
            // Each use is a copy.
            *self.budget = self.budget.saturating_sub(data.size());
            if *self.budget == 0 {
                return self.fault(begin, format!("`{name}` makes it grow to more than {VALUES} values"));
            }
            self.conf.used.insert(name.to_owned());
            return Ok(data);
        }
        match (self.world.variable)(name) {
            Lookup::Known(text) => {
                let quoted = text.len() > 1
                    && ['"', '\''].iter().any(|quote| text.starts_with(*quote) && text.ends_with(*quote));
                Ok(if quoted { Data::Text(text[1..text.len() - 1].to_owned()) } else { plain(&text) })
            }
            Lookup::Unknown => Ok(Data::Text(Template::gap(name))),
            Lookup::Unset => self.fault(begin, format!("the variable `{name}` is set nowhere")),
        }
    }
}

/// What a bare word is.
/// Whether a word is neither number nor address though its first characters are those of one.
fn begins_as_number(word: &str) -> bool {
    let digits = word.trim_start_matches(|c: char| c.is_ascii_digit());
    let Some(rest) = digits.strip_prefix('.').filter(|_| digits.len() < word.len()) else { return false };
    let fraction = rest.trim_start_matches(|c: char| c.is_ascii_digit());
    let address =
        fraction.starts_with('.') && fraction.chars().all(|c| c.is_ascii_digit() || ".:-".contains(c));
    !address
}

fn plain(word: &str) -> Data {
    if let Some(truth) = truth(word) {
        return Data::Bool(truth);
    }
    let digits = word.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(word.len());
    let (number, unit) = word.split_at(digits);
    if let Ok(number) = number.parse::<i64>() {
        let factor = match unit.to_ascii_lowercase().as_str() {
            "" => Some(1),
            "k" => Some(1000),
            "kb" | "ki" | "kib" => Some(1 << 10),
            "m" => Some(1_000_000),
            "mb" | "mi" | "mib" => Some(1 << 20),
            "g" => Some(1_000_000_000),
            "gb" | "gi" | "gib" => Some(1 << 30),
            "t" => Some(1_000_000_000_000),
            "tb" | "ti" | "tib" => Some(1 << 40),
            _ => None,
        };
        if let Some(factor) = factor {
            return Data::Integer(number.saturating_mul(factor));
        }
    }
    match word.parse::<f64>() {
        Ok(number) if word.contains('.') && number.is_finite() => Data::Float(number),
        _ => Data::Text(word.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(text: &str) -> Conf {
        let variable = |name: &str| match name {
            "ENV" => Lookup::Known("7".to_owned()),
            "LATER" => Lookup::Unknown,
            _ => Lookup::Unset,
        };
        let include = |path: &str, _: &Source| match path {
            "other.conf" | "./other.conf" => Include::Text(Source::file("other.conf", "a: 1\nb: $ENV\n")),
            "self.conf" => Include::Text(Source::file("self.conf", "include self.conf\n")),
            "far.conf" => Include::Unknown,
            _ => Include::Missing,
        };
        read(&Source::file("nats.conf", text), &World { variable: &variable, include: &include })
    }

    fn clean(text: &str) -> Block {
        let conf = read_with(text);
        assert!(conf.faults.is_empty(), "{:?}", conf.faults);
        conf.block
    }

    #[test]
    fn every_way_to_write_an_entry_is_one_entry() {
        let text =
            "PORT 4222\r\nhttp_port = 8222 # c\n// c\nname: \"a # b\"; x: y, tls { verify: yes }\nz {\n}\n";
        let block = clean(text);
        assert_eq!(block.entry(&["port"]).unwrap().value.data, Data::Integer(4222));
        assert_eq!(block.text(&["name"]).unwrap().0, "a # b");
        assert_eq!(block.text(&["x"]).unwrap().0, "y");
        let (entry, tls) = block.block(&["tls"]).unwrap();
        assert_eq!(entry.mark.line, 4);
        assert!(tls.truth(&["verify"]).unwrap().0);
    }

    #[test]
    fn variables_sizes_arrays_and_includes_are_read() {
        let text = "CERT: /a.pem\nfree: unused\ntls { cert_file: $CERT, key_file $LATER }\nmax_payload: 8MB\n\
                    routes = [ nats://a:1, 'nats://b:2'\n nats://c:3 ]\ninclude ./other.conf\nwait: \"2s\"\nping: 2m\n";
        let conf = read_with(text);
        assert!(conf.faults.is_empty(), "{:?}", conf.faults);
        let (_, tls) = conf.block.block(&["tls"]).unwrap();
        assert_eq!(tls.text(&["cert_file"]).unwrap().0, "/a.pem");
        assert!(tls.text(&["key_file"]).unwrap().0.contains("LATER"));
        assert_eq!(conf.block.entry(&["max_payload"]).unwrap().value.data, Data::Integer(8 << 20));
        assert_eq!(conf.block.entry(&["routes"]).unwrap().value.items().len(), 3);
        assert_eq!(conf.block.entry(&["b"]).unwrap().value.data, Data::Integer(7));
        assert_eq!(conf.block.entry(&["b"]).unwrap().mark.file.as_ref(), "other.conf");
        assert!(conf.used.contains("CERT") && !conf.used.contains("free"));
        assert!(read_with("include far.conf\n").open);
    }

    #[test]
    fn what_nats_server_refuses_has_its_line() {
        for (text, line) in [
            ("port: 1\n\ntls {\n  a: b\n\nauthorization {\n}\n", 3),
            ("a: 1\n}\nb: 2\n", 2),
            ("a: [1, 2\n", 1),
            ("a: \"x\n", 1),
            ("a:\n", 1),
            ("\nb: $NOWHERE\n", 2),
            ("include gone.conf\n", 1),
            ("a: 1 2 3\n", 1),
            ("a: \"\\q\"\n", 1),
        ] {
            let conf = read_with(text);
            assert_eq!(
                conf.faults.first().map(|fault| fault.mark.line),
                Some(line),
                "{text:?} {:?}",
                conf.faults
            );
        }
    }

    #[test]
    fn cycles_and_depths_end() {
        assert_eq!(read_with("include self.conf\n").faults.len(), 1);
        assert_eq!(read_with(&"a{".repeat(100_000)).faults.len(), 1);
        assert_eq!(read_with(&format!("a: {}", "[".repeat(100_000))).faults.len(), 1);
    }
}
