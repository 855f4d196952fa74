//! The configuration of nginx as a tree of directives, with includes resolved, as `ngx_conf_file.c` takes it.

use super::source::{Mark, ParseFault, Source};

/// How deep blocks and includes may lie in one another.
const DEPTH: usize = 40;
/// Directives that one configuration may hold, includes counted as often as they are used.
const DIRECTIVES: usize = 50_000;

/// A directive with its words and, where it has one, its block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NginxDirective {
    pub name: String,
    pub words: Vec<String>,
    pub block: Option<Vec<Self>>,
    pub mark: Mark,
}

impl NginxDirective {
    /// The first word.
    #[must_use]
    pub fn word(&self) -> &str {
        self.words.first().map_or("", String::as_str)
    }
}

/// A configuration as far as it could be read.
#[derive(Clone, Debug, Default)]
pub struct NginxConf {
    pub directives: Vec<NginxDirective>,
    pub faults: Vec<ParseFault>,
    /// Includes of which the content is not known: each stays among the directives, where it stands.
    pub open: bool,
}

/// The texts that an include stands for; `None`: it is not known what they are.
pub type Includes<'a> = dyn Fn(&str) -> Option<Vec<Source>> + 'a;

/// Reads a configuration.
#[must_use]
pub fn read(source: &Source, includes: &Includes<'_>) -> NginxConf {
    let mut conf = NginxConf::default();
    let mut budget = DIRECTIVES;
    let directives = text(source, includes, &mut conf, &mut budget, 0);
    conf.directives = directives;
    conf
}

fn text(
    source: &Source,
    includes: &Includes<'_>,
    conf: &mut NginxConf,
    budget: &mut usize,
    depth: usize,
) -> Vec<NginxDirective> {
    let mut reader = NginxReader { source, at: 0, includes, conf, budget };
    match reader.body(None, depth) {
        Ok(directives) => directives,
        Err((fault, directives)) => {
            conf.faults.push(fault);
            directives
        }
    }
}

struct NginxReader<'a, 'b> {
    source: &'a Source,
    at: usize,
    includes: &'a Includes<'a>,
    conf: &'b mut NginxConf,
    budget: &'b mut usize,
}

enum Token {
    Word(String),
    Semicolon,
    Open,
    Close,
    End,
}

impl NginxReader<'_, '_> {
    fn rest(&self) -> &str {
        self.source.text.get(self.at..).unwrap_or_default()
    }

    /// What was read before the fault is kept: the rest of the file is still looked at.
    fn body(
        &mut self,
        opened: Option<usize>,
        depth: usize,
    ) -> Result<Vec<NginxDirective>, (ParseFault, Vec<NginxDirective>)> {
        let mut directives = Vec::new();
        let mut words: Vec<(String, usize)> = Vec::new();
        loop {
            let before = self.at;
            let token = match self.token() {
                Ok(token) => token,
                Err(fault) => return Err((fault, directives)),
            };
            let fault = |at: usize, message: &str| ParseFault::unreadable(self.source.mark_at(at), message);
            match token {
                Token::Word(word) => {
                    let begin = self.begin(before);
                    words.push((word, begin));
                }
                Token::Semicolon | Token::Open if words.is_empty() => {
                    return Err((fault(self.at - 1, "a directive is missing"), directives));
                }
                Token::Semicolon => {
                    let (name, begin) = words.remove(0);
                    let rest = words.drain(..).map(|(word, _)| word).collect();
                    if let Err(why) = self.finish(name, rest, begin, depth, &mut directives) {
                        return Err((why, directives));
                    }
                }
                Token::Open => {
                    let (name, begin) = words.remove(0);
                    let rest: Vec<String> = words.drain(..).map(|(word, _)| word).collect();
                    if depth >= DEPTH {
                        return Err((fault(begin, "blocks lie too deep in one another"), directives));
                    }
                    let mark = self.source.mark_at(begin);
                    if name.ends_with("_by_lua_block") {
                        // Lua is not nginx's own language: skipped up to its brace.
                        self.skip_braces();
                        directives.push(NginxDirective { name, words: rest, block: None, mark });
                        continue;
                    }
                    let (block, why) = match self.body(Some(begin), depth + 1) {
                        Ok(block) => (block, None),
                        Err((why, block)) => (block, Some(why)),
                    };
                    directives.push(NginxDirective { name, words: rest, block: Some(block), mark });
                    if let Some(why) = why {
                        return Err((why, directives));
                    }
                }
                Token::Close if !words.is_empty() => {
                    let at = words[0].1;
                    return Err((fault(at, "the directive is not ended by `;`"), directives));
                }
                Token::Close if opened.is_some() => return Ok(directives),
                Token::Close => {
                    return Err((fault(self.at - 1, "a closing brace without a block"), directives));
                }
                Token::End if !words.is_empty() => {
                    let at = words[0].1;
                    return Err((fault(at, "the directive is not ended by `;`"), directives));
                }
                Token::End => match opened {
                    Some(at) => {
                        return Err((fault(at, "the block that begins here is never closed"), directives));
                    }
                    None => return Ok(directives),
                },
            }
        }
    }

    /// Where the token begins that was read from `before` on.
    fn begin(&self, before: usize) -> usize {
        let mut at = before;
        let text = &self.source.text;
        while let Some(next) = text.get(at..).and_then(|rest| rest.chars().next()) {
            if next.is_whitespace() {
                at += next.len_utf8();
            } else if next == '#' {
                at += text[at..].find('\n').unwrap_or(text.len() - at);
            } else {
                break;
            }
        }
        at
    }

    fn finish(
        &mut self,
        name: String,
        words: Vec<String>,
        begin: usize,
        depth: usize,
        directives: &mut Vec<NginxDirective>,
    ) -> Result<(), ParseFault> {
        *self.budget = self.budget.saturating_sub(1);
        let mark = self.source.mark_at(begin);
        if *self.budget == 0 {
            return Err(ParseFault::unreadable(mark, "it holds more directives than are read"));
        }
        if name == "include" && words.len() == 1 {
            if depth >= DEPTH {
                return Err(ParseFault::unreadable(mark, "files include one another too deep"));
            }
            if let Some(sources) = (self.includes)(&words[0]) {
                for source in sources {
                    directives.extend(text(&source, self.includes, self.conf, self.budget, depth + 1));
                }
                return Ok(());
            }
            self.conf.open = true;
        }
        directives.push(NginxDirective { name, words, block: None, mark });
        Ok(())
    }

    fn skip_braces(&mut self) {
        let mut depth = 1_usize;
        while let Some(next) = self.rest().chars().next() {
            self.at += next.len_utf8();
            match next {
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 {
                return;
            }
        }
    }

    fn token(&mut self) -> Result<Token, ParseFault> {
        self.at = self.begin(self.at);
        let begin = self.at;
        let Some(first) = self.rest().chars().next() else { return Ok(Token::End) };
        match first {
            ';' => {
                self.at += 1;
                Ok(Token::Semicolon)
            }
            '{' => {
                self.at += 1;
                Ok(Token::Open)
            }
            '}' => {
                self.at += 1;
                Ok(Token::Close)
            }
            '"' | '\'' => {
                self.at += 1;
                self.quoted(first, begin)
            }
            _ => Ok(self.word()),
        }
    }

    fn quoted(&mut self, quote: char, begin: usize) -> Result<Token, ParseFault> {
        let mut word = String::new();
        while let Some(next) = self.rest().chars().next() {
            self.at += next.len_utf8();
            if next == '\\' {
                if let Some(escaped) = self.rest().chars().next() {
                    self.at += escaped.len_utf8();
                    match escaped {
                        '"' | '\'' | '\\' => word.push(escaped),
                        'n' => word.push('\n'),
                        'r' => word.push('\r'),
                        't' => word.push('\t'),
                        other => word.extend(['\\', other]),
                    }
                }
            } else if next == quote {
                let after = self.rest().chars().next();
                if after.is_some_and(|c| !c.is_whitespace() && !matches!(c, ';' | '{' | ')')) {
                    let message = "after a closing quote stands more than a blank";
                    return Err(ParseFault::unreadable(self.source.mark_at(self.at), message));
                }
                return Ok(Token::Word(word));
            } else {
                word.push(next);
            }
        }
        Err(ParseFault::unreadable(self.source.mark_at(begin), "the quote that begins here is never closed"))
    }

    fn word(&mut self) -> Token {
        let mut word = String::new();
        let mut variable = false;
        while let Some(next) = self.rest().chars().next() {
            if next.is_whitespace() || next == ';' || (next == '{' && !variable) {
                break;
            }
            self.at += next.len_utf8();
            if next == '\\' {
                word.push(next);
                if let Some(escaped) = self.rest().chars().next() {
                    self.at += escaped.len_utf8();
                    word.push(escaped);
                }
                continue;
            }
            // `${name}` is one word.
            variable = next == '$';
            word.push(next);
        }
        Token::Word(word)
    }
}

/// What the image's entry point makes of a template: names that the environment has are put in.
#[must_use]
pub fn substituted(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        let braced = after.starts_with('{');
        let inner = if braced { &after[1..] } else { after };
        let end = inner.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(inner.len());
        let name = &inner[..end];
        let closed = !braced || inner[end..].starts_with('}');
        let value = if closed && !name.is_empty() { variable(name) } else { None };
        match value {
            Some(value) => {
                out.push_str(&value);
                rest = &inner[end + usize::from(braced)..];
            }
            None => {
                out.push('$');
                rest = after;
            }
        }
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_one(text: &str) -> NginxConf {
        let includes = |path: &str| match path {
            "tls.conf" => Some(vec![Source::file("tls.conf", "ssl_protocols TLSv1.2;\n")]),
            "loop.conf" => Some(vec![Source::file("loop.conf", "include loop.conf;\n")]),
            "mime.types" => None,
            _ => Some(Vec::new()),
        };
        read(&Source::file("nginx.conf", text), &includes)
    }

    #[test]
    fn directives_blocks_quotes_and_includes_are_read_with_their_lines() {
        let text = "# c\nhttp {\n  include mime.types;\n  include tls.conf;\n  server { listen 443 ssl; # x }\n    \
                    server_name \"a;b\" ~^w\\{2\\}$;\n    location / { proxy_pass http://${up}; }\n  }\n}\n";
        let conf = read_one(text);
        assert!(conf.faults.is_empty(), "{:?}", conf.faults);
        assert!(conf.open);
        let http = conf.directives[0].block.as_ref().unwrap();
        assert_eq!(
            (http[0].name.as_str(), http[0].word()),
            ("include", "mime.types"),
            "it stays where it stands"
        );
        assert_eq!((http[1].name.as_str(), http[1].mark.file.as_ref()), ("ssl_protocols", "tls.conf"));
        let server = http[2].block.as_ref().unwrap();
        assert_eq!(server[0].words, ["443", "ssl"]);
        assert_eq!(server[1].words[0], "a;b");
        assert_eq!(server[1].mark.line, 6);
        assert_eq!(server[2].block.as_ref().unwrap()[0].word(), "http://${up}");
    }

    #[test]
    fn what_nginx_refuses_has_its_line_and_what_stands_before_is_read() {
        for (text, line) in [
            ("http {\n server {\n }\n", 1),
            ("a b;\n}\n", 2),
            ("a b\n", 1),
            ("a \"b;\n", 1),
            ("a;\n;\n", 2),
            ("a { b }\n", 1),
        ] {
            let conf = read_one(text);
            assert_eq!(
                conf.faults.first().map(|one| one.mark.line),
                Some(line),
                "{text:?} {:?}",
                conf.faults
            );
        }
        assert_eq!(read_one("a b;\nc {\n d e;\n").directives.len(), 2);
        assert_eq!(read_one("include loop.conf;").faults.len(), 1);
        assert_eq!(read_one(&"a{".repeat(50_000)).faults.len(), 1);
    }

    #[test]
    fn templates_take_what_the_environment_has_and_leave_the_rest_to_nginx() {
        let variable = |name: &str| (name == "HOST").then(|| "api".to_owned());
        assert_eq!(substituted("${HOST} $HOST $host ${host} $", &variable), "api api $host ${host} $");
    }
}
