//! The reader: one character after the other, as nats-server's lexer and parser go.

use super::tree::{NatsBlock, NatsData, NatsEntry, NatsValue};
use super::word::{begins_as_number, plain};
use super::{DEPTH, Lookup, NatsConf, VALUES, World};
use crate::manifest::source::{Include, Mark, ParseFault, Source};
use crate::workload::Template;

pub(super) struct NatsReader<'a, 'b> {
    pub(super) source: &'a Source,
    pub(super) at: usize,
    pub(super) world: &'a World<'a>,
    pub(super) conf: &'b mut NatsConf,
    pub(super) depth: usize,
    pub(super) budget: &'b mut usize,
}

impl NatsReader<'_, '_> {
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

    fn fault<T>(&self, at: usize, message: impl Into<String>) -> Result<T, ParseFault> {
        Err(ParseFault::unreadable(self.mark(at), message))
    }

    /// Placeholders and comments; line ends too where they mean nothing.
    fn skip_whitespace(&mut self, lines: bool) {
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
    pub(super) fn body(
        &mut self,
        scopes: &mut Vec<NatsBlock>,
        opened: Option<usize>,
    ) -> Result<(), ParseFault> {
        loop {
            self.skip_whitespace(true);
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

    fn entry(&mut self, scopes: &mut Vec<NatsBlock>) -> Result<(), ParseFault> {
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
        self.skip_whitespace(false);
        if name == "include" && !matches!(self.peek(), Some('=' | ':' | '{')) {
            return self.include(begin, scopes);
        }
        let separated = matches!(self.peek(), Some('=' | ':'));
        if separated {
            self.at += 1;
        }
        self.skip_whitespace(separated);
        match self.peek() {
            None if scopes.len() == 1 && !separated => return Ok(()),
            None | Some('\n' | '}' | ';' | ',') => {
                return self.fault(begin, format!("`{name}` has no value"));
            }
            Some(_) => {}
        }
        let value = self.value(scopes)?;
        self.skip_whitespace(false);
        match self.peek() {
            None | Some('\n' | ';' | ',' | '}') => {}
            // A block may be followed by the next entry on the same line.
            Some(_) if matches!(value.data, NatsData::Block(_) | NatsData::Array(_)) => {}
            Some(_) => {
                return self
                    .fault(self.at, format!("after the value of `{name}` stands more than its value"));
            }
        }
        let mark = self.mark(begin);
        if let Some(scope) = scopes.last_mut() {
            scope.entries.push(NatsEntry { name, mark, value });
        }
        Ok(())
    }

    fn include(&mut self, begin: usize, scopes: &mut [NatsBlock]) -> Result<(), ParseFault> {
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
                let mut reader = NatsReader {
                    source: &source,
                    at: 0,
                    world: self.world,
                    conf: self.conf,
                    depth: self.depth + 1,
                    budget: self.budget,
                };
                // It sees the environment, not the names of the file that includes it.
                let mut own = vec![NatsBlock::default()];
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

    fn value(&mut self, scopes: &mut Vec<NatsBlock>) -> Result<NatsValue, ParseFault> {
        let begin = self.at;
        *self.budget = self.budget.saturating_sub(1);
        if *self.budget == 0 || scopes.len() + self.depth > DEPTH {
            return self.fault(begin, "it is too large, or its blocks lie too deep in one another");
        }
        let mark = self.mark(begin);
        let data = match self.peek() {
            Some('{') => {
                self.at += 1;
                scopes.push(NatsBlock::default());
                self.body(scopes, Some(begin))?;
                NatsData::Block(scopes.pop().unwrap_or_default())
            }
            Some('[') => {
                self.at += 1;
                NatsData::Array(self.array(scopes, begin)?)
            }
            Some('(') => NatsData::Text(self.parenthesised(begin)?),
            Some(quote @ ('"' | '\'')) => NatsData::Text(self.quoted(quote)?),
            _ => self.bare(scopes)?,
        };
        Ok(NatsValue { data, mark })
    }

    fn array(&mut self, scopes: &mut Vec<NatsBlock>, opened: usize) -> Result<Vec<NatsValue>, ParseFault> {
        let mut items = Vec::new();
        // Counted as a scope, so that the depth is bounded.
        scopes.push(NatsBlock::default());
        loop {
            self.skip_whitespace(true);
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

    fn parenthesised(&mut self, begin: usize) -> Result<String, ParseFault> {
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

    fn quoted(&mut self, quote: char) -> Result<String, ParseFault> {
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
    fn bare(&mut self, scopes: &[NatsBlock]) -> Result<NatsData, ParseFault> {
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
            NatsData::Text(_) if begins_as_number(&word) => {
                self.fault(begin, format!("`{word}` begins as a number and goes on as none"))
            }
            data => Ok(data),
        }
    }

    fn variable(&mut self, name: &str, begin: usize, scopes: &[NatsBlock]) -> Result<NatsData, ParseFault> {
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
                Ok(if quoted { NatsData::Text(text[1..text.len() - 1].to_owned()) } else { plain(&text) })
            }
            Lookup::Unknown => Ok(NatsData::Text(Template::gap(name))),
            Lookup::Unset => self.fault(begin, format!("the variable `{name}` is set nowhere")),
        }
    }
}
