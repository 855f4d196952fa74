//! YAML as a tree in which every node knows its file, line and column, through anchors, aliases and merge keys.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::source::{Fault, Mark, Source};

/// Nodes that one file may grow to, aliases counted as often as they are used.
const NODES: usize = 300_000;
/// How deep collections may lie in one another.
const DEPTH: usize = 100;

/// A node of the tree.
#[derive(Clone, Debug)]
pub struct Node {
    pub data: Data,
    /// `!reset`, `!override`: a tag that is not of YAML's own.
    pub tag: Option<Arc<str>>,
    pub mark: Mark,
}

/// What a node holds.
#[derive(Clone, Debug)]
pub enum Data {
    Scalar(Scalar),
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>),
}

/// A scalar, as it is written.
#[derive(Clone, Debug)]
pub struct Scalar {
    pub text: Arc<str>,
    pub plain: bool,
    /// Of a literal block: line and indentation of its first line.
    pub block: Option<(u32, u32)>,
    /// The last line that it stands on.
    pub end: u32,
    /// A default stood in for a variable that nobody gave.
    pub defaulted: bool,
}

impl Node {
    /// A plain scalar.
    #[must_use]
    pub fn scalar(text: &str, mark: Mark) -> Self {
        let end = mark.line;
        let scalar = Scalar { text: Arc::from(text), plain: false, block: None, end, defaulted: false };
        Self { data: Data::Scalar(scalar), tag: None, mark }
    }

    #[must_use]
    pub fn mapping(entries: Vec<(Self, Self)>, mark: Mark) -> Self {
        Self { data: Data::Mapping(entries), tag: None, mark }
    }

    /// The value of a key.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Self> {
        self.entry(key).map(|(_, value)| value)
    }

    /// Key and value.
    #[must_use]
    pub fn entry(&self, key: &str) -> Option<(&Self, &Self)> {
        self.entries().iter().find(|(name, _)| name.text() == Some(key)).map(|(name, value)| (name, value))
    }

    /// The value at the end of a way of keys.
    #[must_use]
    pub fn at(&self, path: &[&str]) -> Option<&Self> {
        path.iter().try_fold(self, |node, key| node.get(key))
    }

    /// Text of a scalar that is not null.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match &self.data {
            Data::Scalar(scalar) if !self.is_null() => Some(&scalar.text),
            _ => None,
        }
    }

    /// The text at the end of a way of keys.
    #[must_use]
    pub fn text_at(&self, path: &[&str]) -> Option<&str> {
        self.at(path).and_then(Self::text)
    }

    #[must_use]
    pub fn is_null(&self) -> bool {
        matches!(&self.data, Data::Scalar(one)
            if one.plain && matches!(&*one.text, "" | "~" | "null" | "Null" | "NULL"))
    }

    #[must_use]
    pub fn is_scalar(&self) -> bool {
        matches!(self.data, Data::Scalar(_))
    }

    #[must_use]
    pub fn entries(&self) -> &[(Self, Self)] {
        match &self.data {
            Data::Mapping(entries) => entries,
            Data::Scalar(_) | Data::Sequence(_) => &[],
        }
    }

    #[must_use]
    pub fn items(&self) -> &[Self] {
        match &self.data {
            Data::Sequence(items) => items,
            Data::Scalar(_) | Data::Mapping(_) => &[],
        }
    }

    #[must_use]
    pub fn is_sequence(&self) -> bool {
        matches!(self.data, Data::Sequence(_))
    }

    #[must_use]
    pub fn is_mapping(&self) -> bool {
        matches!(self.data, Data::Mapping(_))
    }

    /// A whole number; YAML 1.1's octal too (`0400`), as Kubernetes' parser takes it.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        let text = self.text()?;
        let octal =
            text.strip_prefix("0o").or_else(|| text.strip_prefix('0').filter(|rest| !rest.is_empty()));
        match octal {
            Some(digits) => i64::from_str_radix(digits, 8).ok(),
            None => text.parse().ok(),
        }
    }

    #[must_use]
    pub fn truth(&self) -> Option<bool> {
        match self.text()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => Some(true),
            "false" | "no" | "off" => Some(false),
            _ => None,
        }
    }

    /// The text of a scalar with the place of its lines.
    #[must_use]
    pub fn source(&self) -> Option<Source> {
        let Data::Scalar(scalar) = &self.data else { return None };
        Some(match scalar.block {
            Some((line, indent)) => Source {
                text: Arc::clone(&scalar.text),
                start: Mark { file: Arc::clone(&self.mark.file), line, column: indent + 1 },
                indent,
                exact: true,
            },
            None => Source::at(&self.mark, &scalar.text),
        })
    }

    /// Every scalar below, itself included.
    pub fn scalars<'a>(&'a self, visit: &mut dyn FnMut(&'a Self)) {
        match &self.data {
            Data::Scalar(_) => visit(self),
            Data::Sequence(items) => items.iter().for_each(|item| item.scalars(visit)),
            Data::Mapping(entries) => entries.iter().for_each(|(_, value)| value.scalars(visit)),
        }
    }
}

enum Open {
    Sequence(Vec<Node>),
    Mapping(Vec<(Node, Node)>, Option<Node>),
}

struct Builder<'a> {
    file: Arc<str>,
    lines: Vec<&'a str>,
    first: u32,
    open: Vec<(Open, usize, Option<Arc<str>>, Mark)>,
    anchors: HashMap<usize, (Node, usize)>,
    nodes: usize,
    /// A key that stands twice in one mapping is refused by Compose and by Kubernetes' strict decoding.
    twice: Option<Fault>,
}

/// The documents of a text. Those before a fault are there all the same.
#[must_use]
pub fn documents(source: &Source) -> (Vec<Node>, Vec<Fault>) {
    let mut builder = Builder {
        file: Arc::clone(&source.start.file),
        lines: source.text.lines().collect(),
        first: source.start.line,
        open: Vec::new(),
        anchors: HashMap::new(),
        nodes: 0,
        twice: None,
    };
    let mut documents = Vec::new();
    let mut faults = Vec::new();
    for event in Parser::new_from_str(&source.text) {
        let (event, span) = match event {
            Ok(event) => event,
            Err(error) => {
                faults.push(builder.refused(error.marker().line(), error.marker().col(), error.info()));
                break;
            }
        };
        match builder.event(event, span) {
            Ok(Some(document)) => documents.push(document),
            Ok(None) => {}
            Err(fault) => {
                faults.push(fault);
                break;
            }
        }
        faults.extend(builder.twice.take());
    }
    (documents, faults)
}

impl Builder<'_> {
    fn mark(&self, line: usize, column: usize) -> Mark {
        let number = |value: usize| u32::try_from(value).unwrap_or(u32::MAX / 2);
        Mark {
            file: Arc::clone(&self.file),
            line: self.first - 1 + number(line.max(1)),
            column: number(column) + 1,
        }
    }

    /// What the parser says; a tab in an indentation is named where it stands, not where it is noticed.
    fn refused(&self, line: usize, column: usize, words: &str) -> Fault {
        let indented = |text: &&str| {
            text.len() > text.trim_start().len() && {
                text[..text.len() - text.trim_start().len()].contains('\t')
            }
        };
        let near = (line.saturating_sub(1)..=line).find(|at| self.lines.get(*at).is_some_and(&indented));
        if let Some(at) = near {
            let column = self.lines[at].find('\t').unwrap_or(0);
            return Fault::unreadable(self.mark(at + 1, column), "it is no YAML: indented with a tab");
        }
        Fault::unreadable(self.mark(line, column), format!("it is no YAML: {words}"))
    }

    /// A document that has ended, if one has.
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, Fault> {
        let mark = self.mark(span.start.line(), span.start.col());
        let own = |tag: Option<std::borrow::Cow<'_, saphyr_parser::Tag>>| {
            tag.filter(|tag| tag.handle == "!" && !tag.suffix.is_empty())
                .map(|tag| Arc::from(format!("!{}", tag.suffix)))
        };
        match event {
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentStart(_) => Ok(None),
            Event::DocumentEnd => {
                self.anchors.clear();
                self.open.clear();
                Ok(None)
            }
            Event::Alias(id) => {
                let Some((node, size)) = self.anchors.get(&id).cloned() else {
                    return Err(Fault::unreadable(mark, "an alias names an anchor that is not there"));
                };
                self.grow(size, &mark)?;
                self.place(node, 0, size)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.grow(1, &mark)?;
                let scalar = self.scalar(&text, style, span);
                // An empty plain scalar stands where the parser notices that nothing is there.
                let node = Node { data: Data::Scalar(scalar), tag: own(tag), mark };
                self.place(node, anchor, 1)
            }
            Event::SequenceStart(anchor, tag) => {
                self.grow(1, &mark)?;
                self.deeper(&mark)?;
                self.open.push((Open::Sequence(Vec::new()), anchor, own(tag), mark));
                Ok(None)
            }
            Event::MappingStart(anchor, tag) => {
                self.grow(1, &mark)?;
                self.deeper(&mark)?;
                self.open.push((Open::Mapping(Vec::new(), None), anchor, own(tag), mark));
                Ok(None)
            }
            Event::SequenceEnd | Event::MappingEnd => {
                let Some((open, anchor, tag, mark)) = self.open.pop() else { return Ok(None) };
                let data = match open {
                    Open::Sequence(items) => Data::Sequence(items),
                    Open::Mapping(entries, _) => {
                        self.look_for_twice(&entries);
                        Data::Mapping(merged(entries))
                    }
                };
                let node = Node { data, tag, mark };
                let size = if anchor > 0 { size(&node) } else { 1 };
                self.place(node, anchor, size)
            }
        }
    }

    fn deeper(&self, mark: &Mark) -> Result<(), Fault> {
        if self.open.len() < DEPTH {
            return Ok(());
        }
        Err(Fault::unreadable(mark.clone(), format!("collections lie more than {DEPTH} deep in one another")))
    }

    fn grow(&mut self, by: usize, mark: &Mark) -> Result<(), Fault> {
        self.nodes += by;
        if self.nodes <= NODES {
            return Ok(());
        }
        Err(Fault::unreadable(
            mark.clone(),
            format!("it grows to more than {NODES} nodes; nothing is read of it"),
        ))
    }

    fn scalar(&self, text: &str, style: ScalarStyle, span: Span) -> Scalar {
        let end = self.mark(span.end.line(), 0).line;
        let block = (style == ScalarStyle::Literal).then(|| {
            // The indicator stands on the line of the key; the text begins on the next one.
            let line = span.start.line();
            let from =
                if self.lines.get(line - 1).is_some_and(|one| one.contains('|')) { line } else { line - 1 };
            let body = self.lines.iter().skip(from);
            let indent = body
                .clone()
                .find(|one| !one.trim().is_empty())
                .map_or(0, |one| one.len() - one.trim_start_matches(' ').len());
            (self.mark(from + 1, 0).line, u32::try_from(indent).unwrap_or(0))
        });
        Scalar { text: Arc::from(text), plain: style == ScalarStyle::Plain, block, end, defaulted: false }
    }

    /// Puts a finished node where it belongs; gives it back if it is a whole document.
    fn place(&mut self, node: Node, anchor: usize, size: usize) -> Result<Option<Node>, Fault> {
        if anchor > 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        match self.open.last_mut() {
            None => return Ok(Some(node)),
            Some((Open::Sequence(items), ..)) => items.push(node),
            Some((Open::Mapping(entries, key), ..)) => match key.take() {
                None => *key = Some(node),
                Some(name) => entries.push((name, node)),
            },
        }
        Ok(None)
    }

    fn look_for_twice(&mut self, entries: &[(Node, Node)]) {
        let mut seen = std::collections::HashSet::new();
        for (key, _) in entries {
            if let Data::Scalar(one) = &key.data
                && &*one.text != "<<"
                && !seen.insert(&*one.text)
            {
                let message = format!("the key `{}` stands twice in one mapping", one.text);
                self.twice = Some(Fault::unreadable(key.mark.clone(), message));
            }
        }
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.data {
        Data::Scalar(_) => 0,
        Data::Sequence(items) => items.iter().map(size).sum(),
        Data::Mapping(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
    }
}

/// Merge keys resolved: what is written itself wins, of several sources the first.
fn merged(entries: Vec<(Node, Node)>) -> Vec<(Node, Node)> {
    if !entries.iter().any(|(key, _)| is_merge(key)) {
        return entries;
    }
    let (merges, mut own): (Vec<_>, Vec<_>) = entries.into_iter().partition(|(key, _)| is_merge(key));
    for (_, value) in merges {
        let sources = match value.data {
            Data::Sequence(items) => items,
            Data::Scalar(_) | Data::Mapping(_) => vec![value],
        };
        for source in sources {
            let Data::Mapping(more) = source.data else { continue };
            for (key, value) in more {
                if !own.iter().any(|(have, _)| have.text().is_some() && have.text() == key.text()) {
                    own.push((key, value));
                }
            }
        }
    }
    own
}

fn is_merge(key: &Node) -> bool {
    matches!(&key.data, Data::Scalar(one) if one.plain && &*one.text == "<<")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(text: &str) -> Node {
        let (mut documents, faults) = documents(&Source::file("x.yaml", text));
        assert!(faults.is_empty(), "{faults:?}");
        documents.remove(0)
    }

    fn line(node: &Node, path: &[&str]) -> u32 {
        node.at(path).unwrap().mark.line
    }

    #[test]
    fn places_are_kept_through_anchors_and_merge_keys() {
        let node = one("x: &x\n  A: 1\n  B: 2\ny:\n  <<: *x\n  B: 3\nz: *x\n");
        assert_eq!(line(&node, &["y", "A"]), 2);
        assert_eq!(line(&node, &["y", "B"]), 6);
        assert_eq!(node.text_at(&["y", "B"]), Some("3"));
        assert_eq!(line(&node, &["z", "B"]), 3);
    }

    #[test]
    fn a_literal_block_knows_the_place_of_its_lines() {
        let node = one("data:\n  redis.conf: |\n    port 0\n    tls-port 6379\n");
        let source = node.at(&["data", "redis.conf"]).unwrap().source().unwrap();
        assert_eq!((source.mark(2, 1).line, source.mark(2, 1).column), (4, 5));
        assert_eq!(&*source.text, "port 0\ntls-port 6379\n");
    }

    #[test]
    fn tags_are_told_and_nulls_are_not_texts() {
        let node = one("a: !reset []\nb: !override {c: 1}\nd: ~\ne:\nf: \"\"\n");
        assert_eq!(node.get("a").unwrap().tag.as_deref(), Some("!reset"));
        assert_eq!(node.get("b").unwrap().tag.as_deref(), Some("!override"));
        assert_eq!(node.text_at(&["d"]), None);
        assert_eq!(node.text_at(&["e"]), None);
        assert_eq!(node.text_at(&["f"]), Some(""));
    }

    #[test]
    fn octal_modes_are_read_as_kubernetes_reads_them() {
        let node = one("a: 0400\nb: 256\nc: 0o400\nd: 0\n");
        let numbers: Vec<_> =
            ["a", "b", "c", "d"].iter().map(|key| node.get(key).unwrap().number()).collect();
        assert_eq!(numbers, [Some(256), Some(256), Some(256), Some(0)]);
    }

    #[test]
    fn a_fault_has_its_line_and_hides_no_document_before_it() {
        let (documents, faults) = documents(&Source::file("x", "a: 1\n---\nb:\n  c: 1\n\td: 2\n"));
        assert_eq!(documents.len(), 1);
        assert_eq!(faults.len(), 1);
        assert_eq!(faults[0].mark.line, 5);
    }

    #[test]
    fn a_bomb_of_aliases_is_refused() {
        let mut text = "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n".to_owned();
        for level in 1..12 {
            let all = vec![format!("*a{}", level - 1); 10].join(",");
            text.push_str(&format!("a{level}: &a{level} [{all}]\n"));
        }
        let (_, faults) = documents(&Source::file("x", &text));
        assert!(faults[0].message.contains("grows"), "{faults:?}");
        let deep = "[".repeat(100_000);
        assert_eq!(documents(&Source::file("x", &deep)).1.len(), 1);
    }

    #[test]
    fn a_key_that_stands_twice_is_a_fault_and_the_rest_is_read() {
        let (documents, faults) = documents(&Source::file("x", "a: 1\nb: 2\na: 3\n"));
        assert_eq!(documents.len(), 1);
        assert_eq!(faults[0].mark.line, 3);
    }
}
