//! The parser's events made into a tree, within bounds.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::node::{Node, NodeContent, Scalar};
use crate::manifest::source::{Mark, ParseFault, Source};

/// Nodes that one file may grow to, aliases counted as often as they are used.
const NODES: usize = 300_000;
/// How deep collections may lie in one another.
const DEPTH: usize = 100;

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
    twice: Option<ParseFault>,
}

/// The documents of a text. Those before a fault are there all the same.
#[must_use]
pub fn documents(source: &Source) -> (Vec<Node>, Vec<ParseFault>) {
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
    fn refused(&self, line: usize, column: usize, words: &str) -> ParseFault {
        let indented = |text: &&str| {
            text.len() > text.trim_start().len() && {
                text[..text.len() - text.trim_start().len()].contains('\t')
            }
        };
        let near = (line.saturating_sub(1)..=line).find(|at| self.lines.get(*at).is_some_and(&indented));
        if let Some(at) = near {
            let column = self.lines[at].find('\t').unwrap_or(0);
            return ParseFault::unreadable(self.mark(at + 1, column), "it is no YAML: indented with a tab");
        }
        ParseFault::unreadable(self.mark(line, column), format!("it is no YAML: {words}"))
    }

    /// A document that has ended, if one has.
    fn event(&mut self, event: Event<'_>, span: Span) -> Result<Option<Node>, ParseFault> {
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
                    return Err(ParseFault::unreadable(mark, "an alias names an anchor that is not there"));
                };
                self.grow(size, &mark)?;
                self.place(node, 0, size)
            }
            Event::Scalar(text, style, anchor, tag) => {
                self.grow(1, &mark)?;
                let mut scalar = self.scalar(&text, style, span);
                // `!!str 123` is a text.
                scalar.plain &=
                    !tag.as_ref().is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                // An empty plain scalar stands where the parser notices that nothing is there.
                let node = Node { data: NodeContent::Scalar(scalar), tag: own(tag), mark };
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
                    Open::Sequence(items) => NodeContent::Sequence(items),
                    Open::Mapping(entries, _) => {
                        self.report_duplicates(&entries);
                        NodeContent::Mapping(merged(entries))
                    }
                };
                let node = Node { data, tag, mark };
                let size = if anchor > 0 { size(&node) } else { 1 };
                self.place(node, anchor, size)
            }
        }
    }

    fn deeper(&self, mark: &Mark) -> Result<(), ParseFault> {
        if self.open.len() < DEPTH {
            return Ok(());
        }
        Err(ParseFault::unreadable(
            mark.clone(),
            format!("collections lie more than {DEPTH} deep in one another"),
        ))
    }

    fn grow(&mut self, by: usize, mark: &Mark) -> Result<(), ParseFault> {
        self.nodes += by;
        if self.nodes <= NODES {
            return Ok(());
        }
        Err(ParseFault::unreadable(
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
        Scalar {
            text: Arc::from(text),
            plain: style == ScalarStyle::Plain,
            block,
            lines: None,
            end,
            defaulted: false,
        }
    }

    /// Puts a finished node where it belongs; gives it back if it is a whole document.
    fn place(&mut self, node: Node, anchor: usize, size: usize) -> Result<Option<Node>, ParseFault> {
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

    fn report_duplicates(&mut self, entries: &[(Node, Node)]) {
        // Few keys are compared with one another faster than they are put into a set.
        let few = entries.len() <= 16;
        let mut seen = std::collections::HashSet::new();
        for (at, (key, _)) in entries.iter().enumerate() {
            let Some(text) = written(key).filter(|text| *text != "<<") else { continue };
            let again = match few {
                true => entries[..at].iter().any(|(have, _)| written(have) == Some(text)),
                false => !seen.insert(text),
            };
            if again {
                let message = format!("the key `{text}` stands twice in one mapping");
                self.twice = Some(ParseFault::unreadable(key.mark.clone(), message));
            }
        }
    }
}

/// A scalar as it is written, empty or not.
fn written(node: &Node) -> Option<&str> {
    match &node.data {
        NodeContent::Scalar(one) => Some(&one.text),
        NodeContent::Sequence(_) | NodeContent::Mapping(_) => None,
    }
}

fn size(node: &Node) -> usize {
    1 + match &node.data {
        NodeContent::Scalar(_) => 0,
        NodeContent::Sequence(items) => items.iter().map(size).sum(),
        NodeContent::Mapping(entries) => entries.iter().map(|(_, value)| size(value)).sum(),
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
            NodeContent::Sequence(items) => items,
            NodeContent::Scalar(_) | NodeContent::Mapping(_) => vec![value],
        };
        for source in sources {
            let NodeContent::Mapping(more) = source.data else { continue };
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
    matches!(&key.data, NodeContent::Scalar(one) if one.plain && &*one.text == "<<")
}
